/* need.c - the ledger asked in bulk: one JSON object a line in, one out. bench/need.py feeds it real start-up logs.
 *
 * In:  {"dir": model folder, "version", "gpu" or "total_gib", "tp", "pp", "dp", "ep", "len", "util", "seqs", "batched", "block", "eager", "quantization",
 *       "kv_dtype", "dtype", "lora": {"slots", "rank"}, "prefix_caching": bool, "extra": [flags], "kv_gib": list of sizes to be asked about, "at": context}
 *      dir may be a model's name instead: then its built-in shape answers.
 * Out: {"ranks": [{part: bytes, ...}], "kv": bytes, "total", "asks": [{"tokens", "concurrency", "longest", "request"}], "class", "quantised"} or {"error": text}. */
#include <jansson.h>
#include <stdio.h>

#include "base/units.h"
#include "need/fit.h"

static uint64_t number(const json_t *in, const char *key)
{
    return (uint64_t)json_number_value(json_object_get(in, key));
}

static const char *text(const json_t *in, const char *key)
{
    return json_string_value(json_object_get(in, key));
}

static struct bt_serve serve_of(struct bt_arena *a, const json_t *in)
{
    struct bt_serve s = { .tp = number(in, "tp"), .pp = number(in, "pp"), .dp = number(in, "dp"), .expert_parallel = json_is_true(json_object_get(in, "ep")), .context = number(in, "len"),
                          .utilization = json_number_value(json_object_get(in, "util")), .max_seqs = number(in, "seqs"), .max_batched_tokens = number(in, "batched"),
                          .block_size = number(in, "block"), .eager = json_is_true(json_object_get(in, "eager")), .quantization = text(in, "quantization"),
                          .kv_dtype = text(in, "kv_dtype"), .dtype = text(in, "dtype") };
    const json_t *lora = json_object_get(in, "lora"), *caching = json_object_get(in, "prefix_caching"), *extra = json_object_get(in, "extra");
    s.utilization_set = s.utilization > 0;
    s.lora = lora != NULL;
    s.max_loras = number(lora, "slots");
    s.max_lora_rank = number(lora, "rank");
    s.prefix_caching_on = json_is_true(caching);
    s.prefix_caching_off = json_is_false(caching);
    for (size_t i = 0; i < json_array_size(extra); i++)
        BT_PUSH(a, s.extra.v, s.extra.n, json_string_value(json_array_get(extra, i)));
    return s;
}

static int card_of(const json_t *in, struct bt_gpu *card, struct bt_err *err)
{
    const struct bt_gpu_kind *kind = text(in, "gpu") ? bt_gpu_kind_find(text(in, "gpu")) : NULL;
    double given = json_number_value(json_object_get(in, "total_gib"));
    *card = (struct bt_gpu){ .uuid = "virtual-0", .name = "card", .pci = "", .island = -1, .cc_major = 8, .kind = kind };
    if (kind) {
        card->name = kind->nvml_name;
        card->cc_major = kind->cc_major;
        card->cc_minor = kind->cc_minor;
        card->total_bytes = bt_gpu_kind_total(kind);
    }
    if (given > 0)
        card->total_bytes = (uint64_t)(given * (double)GiB);
    if (!card->total_bytes)
        return bt_err_set(err, BT_E_INPUT, 0, "no card");
    return 0;
}

static json_t *rank_of(const struct bt_need_rank *r)
{
    json_t *o = json_object();
    for (size_t i = 0; i < r->n; i++) {
        const char *part = bt_part_name(r->line[i].part);
        const char *key = r->line[i].charged || r->line[i].part == BT_P_GRAPHS ? part : "outside";
        json_object_set_new(o, key, json_integer(json_integer_value(json_object_get(o, key)) + (json_int_t)r->line[i].bytes));
    }
    json_object_set_new(o, "budget", json_integer((json_int_t)r->budget_bytes));
    json_object_set_new(o, "passing", json_integer((json_int_t)r->passing_bytes));
    json_object_set_new(o, "per_token", json_integer((json_int_t)r->kv_token_bytes));
    return o;
}

static json_t *ask(const struct bt_need *n, uint64_t kv, uint64_t at)
{
    uint64_t tokens = UINT64_MAX, longest = UINT64_MAX, request = 0, blocks = UINT64_MAX, each = 1;
    for (size_t i = 0; i < n->nranks; i++) {
        const struct bt_need_rank *r = &n->rank[i];
        tokens = BT_MIN(tokens, bt_need_kv_tokens(n, r, kv));
        longest = BT_MIN(longest, bt_need_longest(n, r, kv));
        request = BT_MAX(request, bt_need_kv_request(n, r, at));
        blocks = BT_MIN(blocks, kv / r->kv_block_bytes);
        each = BT_MAX(each, bt_need_request_blocks(n, r, at));
    }
    return json_pack("{s:I, s:I, s:I, s:f}", "tokens", (json_int_t)tokens, "longest", (json_int_t)longest, "request", (json_int_t)request,
                     "concurrency", (double)blocks / (double)each);
}

/* The class of bench/need.py's table. */
static const char *class_of(const struct bt_model *m)
{
    bool state = false, window = false, moe = false;
    for (uint32_t i = 0; i < m->layers; i++) {
        state = state || m->layer[i].state;
        window = window || m->layer[i].mixer == BT_MIX_SLIDING || m->layer[i].mixer == BT_MIX_CHUNKED;
        moe = moe || m->layer[i].moe;
    }
    return state ? "hybrid" : m->kv_lora || m->compressed ? "MLA" : window ? "windows" : m->tower.layers ? "vision" : moe ? "experts" : "dense";
}

static json_t *answer(struct bt_arena *a, const json_t *in, struct bt_err *err)
{
    struct bt_model *m;
    struct bt_gpu card;
    struct bt_need *n;
    const struct bt_engine *vllm = bt_engine_find("vllm");
    const char *asked = text(in, "version");
    const struct bt_engine_version *v = bt_engine_version(vllm, asked, NULL, err);
    if (!v)
        return NULL;
    struct bt_serve s = serve_of(a, in);
    if (bt_model_open(a, text(in, "dir") ? text(in, "dir") : "", &m, err) < 0 || card_of(in, &card, err) < 0 || bt_need_server(a, m, vllm, v, &s, &card, &n, err) < 0)
        return NULL;
    json_t *ranks = json_array(), *asks = json_array();
    uint64_t kv = UINT64_MAX, at = number(in, "at");
    for (size_t i = 0; i < n->nranks; i++) {
        json_array_append_new(ranks, rank_of(&n->rank[i]));
        kv = BT_MIN(kv, bt_need_kv_by_engine(n, &n->rank[i], card.total_bytes));
    }
    const json_t *sizes = json_object_get(in, "kv_gib");
    for (size_t i = 0; i < json_array_size(sizes); i++)
        json_array_append_new(asks, ask(n, (uint64_t)(json_number_value(json_array_get(sizes, i)) * (double)GiB), at ? at : n->serve.context));
    return json_pack("{s:o, s:I, s:I, s:o, s:I, s:I, s:I, s:s, s:s, s:b}", "ranks", ranks, "kv", (json_int_t)kv, "total", (json_int_t)card.total_bytes, "asks", asks,
                     "block", (json_int_t)n->block, "seqs", (json_int_t)n->serve.max_seqs, "batched", (json_int_t)n->serve.max_batched_tokens, "row", v->version,
                     "class", class_of(m), "quantised", m->quant.kind != BT_QUANT_NONE || s.quantization);
}

int main(void)
{
    char *line = NULL;
    size_t cap = 0;
    while (getline(&line, &cap, stdin) > 0) {
        bt_auto_arena a = { 0 };
        struct bt_err err = { 0 };
        json_t *in = json_loads(line, 0, NULL), *out = json_is_object(in) ? answer(&a, in, &err) : NULL;
        if (!out)
            out = json_pack("{s:s}", "error", err.msg[0] ? err.msg : "not a JSON object");
        char *shown = json_dumps(out, JSON_COMPACT);
        puts(shown);
        free(shown);
        json_decref(out);
        json_decref(in);
    }
    free(line);
    return 0;
}

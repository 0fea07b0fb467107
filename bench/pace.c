/* pace.c - the roofline asked in bulk: one JSON object a line in, one out. bench/pace.py feeds it measured rows.
 *
 * In:  {"model": id or folder, "quantization", "gpu", "tp", "pp", "nvlink": bool, "engine", "engine_version", "context", "streams", "prompt", "answer", "p2p": bool, "kv_bits": of a number in the KV cache, 0 = 16,
 *       "draft": "eagle" | "mtp" | "ngram", "drafted": tokens, "tokens_a_step"}
 * Out: {"tok_s", "total_tok_s", "error_share", "ceiling_tok_s", "step_bytes", "ms": {"weights", "kv", "layers", "host", "allreduce", "hop", "prefill", "step"}, "first_s", "first_factor",
 *       "floor_s": part of it whatever the prompt, "drafted_tok_s",
 *       "start": {"cache", "nvme", "network", "warm", "cold"}}
 *      or {"error": text}. */
#include <jansson.h>
#include <stdio.h>

#include "pace/pace.h"

static uint64_t number(const json_t *in, const char *key)
{
    return (uint64_t)json_number_value(json_object_get(in, key));
}

static const char *text(const json_t *in, const char *key)
{
    return json_string_value(json_object_get(in, key));
}

/* Bytes of KV a token where it is stored in other than 16 bits; 0 = leave it to the model. */
static double kv_bytes(const struct bt_model *m, double bits)
{
    double bytes = 0;
    for (uint32_t i = 0; bits > 0 && m->layer && i < m->layers; i++)
        if (m->layer[i].mixer != BT_MIX_STATE && m->layer[i].mixer != BT_MIX_NONE)
            bytes += (m->layer[i].mixer == BT_MIX_MLA ? m->layer[i].latent : 2.0 * m->layer[i].kv_heads * m->layer[i].head_dim) * bits / 8;
    return bytes;
}

static json_t *answer(struct bt_arena *a, const json_t *q, struct bt_err *err)
{
    struct bt_model *m = NULL;
    const struct bt_gpu_kind *kind = bt_gpu_kind_find(text(q, "gpu"));
    if (!kind)
        bt_err_set(err, BT_E_INPUT, 0, "no such card");
    if (!kind || bt_model_open(a, text(q, "model") ? text(q, "model") : "", &m, err) < 0)
        return json_pack("{s:s}", "error", err->msg);
    struct bt_gpu card = { .uuid = "virtual-0",
                           .name = kind->nvml_name,
                           .kind = kind,
                           .pci = "",
                           .total_bytes = bt_gpu_kind_total(kind),
                           .cc_major = kind->cc_major,
                           .island = -1 };
    struct bt_pace_in in = { .model = m,
                             .card = &card,
                             .engine_name = text(q, "engine"),
                             .engine_version = text(q, "engine_version"),
                             .tp = number(q, "tp"),
                             .pp = number(q, "pp"),
                             .context = number(q, "context"),
                             .quantization = text(q, "quantization"),
                             .kv_bytes_per_token = kv_bytes(m, json_number_value(json_object_get(q, "kv_bits"))),
                             .nvlink = json_is_true(json_object_get(q, "nvlink")),
                             .streams = number(q, "streams"),
                             .p2p = json_is_true(json_object_get(q, "p2p")) ? BT_P2P_YES : BT_P2P_AUTO,
                             .prompt = number(q, "prompt"),
                             .answer = number(q, "answer") };
    struct bt_pace p;
    struct bt_pace_first f;
    struct bt_pace_weight w;
    const char *who = text(q, "draft");
    struct bt_pace_draft d = { .tokens = (uint32_t)number(q, "drafted"), .acceptance = json_number_value(json_object_get(q, "tokens_a_step")) };
    struct bt_pace_drafted drafted;
    struct bt_pace_load load;
    for (int i = BT_DRAFT_NGRAM; who && i < BT_DRAFT_MODEL; i++)
        d.kind = !strcmp(who, bt_pace_drafter_name((enum bt_pace_drafter)i)) ? (enum bt_pace_drafter)i : d.kind;
    bt_pace_decode(&in, &p);
    bt_pace_first(&in, &f);
    bt_pace_load(&in, &load);
    bt_pace_drafted(&in, &d, &drafted);
    if (!p.known || !bt_pace_weigh(m, in.quantization, 0, in.engine_name, &w))
        return json_pack("{s:s}", "error", "no figure");
    return json_pack("{s:f, s:f, s:f, s:f, s:f, s:{s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f}, s:f, s:f, s:f, s:f, s:{s:f, s:f, s:f, s:f, s:f}}", "tok_s", p.decode_tok_s,
                     "total_tok_s", p.total_tok_s, "error_share", p.error_share, "ceiling_tok_s", p.ceiling_tok_s, "step_bytes", bt_pace_step_bytes(&w, (double)BT_MAX(in.streams, 1u)), "ms", "weights",
                     p.weights_ms, "kv", p.kv_ms, "layers", p.layers_ms, "host", p.host_ms, "allreduce", p.allreduce_ms, "hop", p.hop_ms, "prefill",
                     p.prefill_ms, "step", p.step_ms, "first_s", f.known ? f.seconds : 0.0, "floor_s", f.floor_s, "first_factor", f.factor,
                     "drafted_tok_s", drafted.decode_tok_s, "start", "cache", load.seconds[BT_LOAD_CACHE], "nvme", load.seconds[BT_LOAD_NVME], "network",
                     load.seconds[BT_LOAD_NETWORK], "warm", load.warm_s, "cold", load.cold_s);
}

int main(void)
{
    char *line = NULL;
    size_t cap = 0;
    ssize_t n;
    while ((n = getline(&line, &cap, stdin)) > 0) {
        bt_auto_arena a = { 0 };
        struct bt_err err = { 0 };
        json_t *q = json_loadb(line, (size_t)n, 0, NULL);
        json_t *out = q ? answer(&a, q, &err) : json_pack("{s:s}", "error", "not JSON");
        char *shown = json_dumps(out, JSON_COMPACT);
        puts(shown);
        free(shown);
        json_decref(out);
        json_decref(q);
    }
    free(line);
    return 0;
}

/* sglang.c - bytes of an SGLang rank. No profiling run exists there: KV = free after the weights - (1 - f) x free at the baseline, and the part left
 * out, the slack, is the only cover for activations, graphs and tables. SGLang 0.5.23 srt/model_executor/kv_cache_configurator.py. */
#include "need/sglang.h"

#include <math.h>

#include "engine/sglang.h"
#include "need/learn.h"
#include "need/parts.h"

static unsigned long long ull(uint64_t n) { return n; }

/* ---- what is not counted yet, said ---- */

static int check_known(const struct bt_model *m, const struct bt_serve *s, struct bt_err *err)
{
    if (need_known(m, s, err) < 0)
        return -1;
    if (m->compressed)
        return bt_err_set(err, BT_E_INPUT, 0, "%s: SGLang keeps pools of folded tokens for %s, and berth does not know their sizes yet", m->id, m->architecture);
    if (m->kv_unknown)
        return bt_err_set(err, BT_E_INPUT, 0, "%s: its config does not say how it attends, and berth does not know how SGLang sizes its pools then yet", m->id);
    return 0;
}

static bool is_mla(const struct bt_model *m)
{
    for (uint32_t i = 0; i < m->layers; i++)
        if (m->layer[i].mixer == BT_MIX_MLA)
            return true;
    return false;
}

static bool has_kv(const struct bt_model *m)
{
    for (uint32_t i = 0; i < m->layers; i++)
        if (m->layer[i].mixer != BT_MIX_STATE && m->layer[i].mixer != BT_MIX_NONE)
            return true;
    return false;
}

static int elem_of(const struct bt_model *m, const struct bt_serve *s, unsigned *out, struct bt_err *err)
{
    const char *d = s->dtype;
    enum bt_dtype t = d && d[0] && strcmp(d, "auto") && strcmp(d, "half") && strcmp(d, "float") ? bt_dtype_parse(d) : BT_DT_BF16;
    *out = t == BT_DT_F32 || (d && !strcmp(d, "float")) ? 4 : 2;
    if (t == BT_DT_BF16 || t == BT_DT_F16 || t == BT_DT_F32)
        return 0;
    return bt_err_set(err, BT_E_SPEC, 0, "%s: dtype \"%.40s\" is none that the engine serves", m->id, d);
}

/* ---- lines ---- */

static void push(const struct need_in *in, struct bt_need_rank *r, enum bt_part part, uint64_t bytes, bool charged, uint64_t uncertain, const char *why)
{
    need_line_push(in, r, (struct bt_need_line){ .part = part, .bytes = bytes, .why = why, .charged = charged, .uncertainty_bytes = uncertain });
}

/* The scheduler, the front with its tokenizer, the detokenizer: Python with torch each. Of vLLM's three such processes 684, 654 and 942 MiB were measured. */
#define HOST_PROCESSES (3 * 760 * MiB)

static void before_baseline(const struct need_in *in, struct bt_need_rank *r)
{
    if (need_is_host(in->card)) {
        push(in, r, BT_P_CONTEXT, HOST_PROCESSES, false, HOST_PROCESSES / 3, "three processes of Python and torch, there before SGLang's baseline; an estimate by what vLLM's took");
        return;
    }
    uint64_t ranks = in->serve->tp * in->serve->pp;
    push(in, r, BT_P_CONTEXT, need_context_bytes(in->card), false, 128 * MiB,
         bt_arena_printf(in->arena, "CUDA context, an estimate for compute capability %d.%d; there before SGLang's baseline", in->card->cc_major, in->card->cc_minor));
    if (ranks > 1) {
        uint64_t bytes = (in->serve->tp > 4 ? 1280 : in->serve->tp > 1 ? 768 : 352) * MiB;
        push(in, r, BT_P_COMM, bytes, false, bytes / 2, bt_arena_printf(in->arena, "NCCL of TP %llu x PP %llu, set up before SGLang's baseline; an estimate", ull(in->serve->tp), ull(in->serve->pp)));
    }
}

/* What the slack has to carry. */
static void slack_lines(const struct need_in *in, struct bt_need_rank *r, uint64_t kv_tokens)
{
    const struct bt_serve *s = in->serve;
    const struct bt_model *m = in->model;
    struct bt_arena *a = in->arena;
    bool plain = true, host = need_is_host(in->card);
    for (uint32_t i = in->first_layer; i < in->first_layer + in->layers; i++)
        plain = plain && !m->layer[i].moe && !m->layer[i].state;
    uint64_t forward = need_forward_bytes(in);
    push(in, r, BT_P_ACTIVATIONS, forward, false, forward / (plain ? 8 : 2) + 64 * MiB,
         bt_arena_printf(a, "%llu tokens of a prefill step x (%s + 4 x %u) x %u B, in the slack; the rule of vLLM's profile runs, SGLang measures none", ull(s->max_batched_tokens),
                         plain ? bt_arena_printf(a, "3 x %u%s", m->intermediate, s->tp > 1 ? bt_arena_printf(a, " / %llu", ull(s->tp)) : "") : "its widest layer", m->hidden, in->elem));
    if (!host && !s->eager && !s->sglang.no_decode_graph) {
        uint64_t bytes = s->sglang.graph_batch * 2 * MiB;
        push(in, r, BT_P_GRAPHS, bytes, false, bytes, bt_arena_printf(a, "decode graphs up to %llu requests x 2 MiB, in the slack: SGLang's own reserve for them (memory_hook.py)", ull(s->sglang.graph_batch)));
    }
    if (!s->eager && !s->sglang.no_prefill_graph) {
        uint64_t bytes = is_mla(m) ? 1536 * MiB : bt_sglang_prefill_graphs(s) * 8 * MiB;
        push(in, r, BT_P_GRAPHS, bytes, false, bytes, bt_arena_printf(a, "prefill graphs of a chunk of %llu tokens, in the slack: SGLang's own reserve for them (memory_hook.py)", ull(s->max_batched_tokens)));
    }
    uint64_t requests = s->max_seqs;
    if (!s->sglang.seqs_given) {     /* kv_cache_configurator.py: by how many requests the pool holds, bounded, and never more than half its tokens */
        double by_pool = (double)kv_tokens / (double)BT_MAX(s->context, 1u) * 512;
        requests = by_pool <= 2048 ? 2048 : by_pool >= 4096 ? 4096 : (uint64_t)by_pool;
        requests = BT_MIN(requests, BT_MAX(kv_tokens / 2, 1u));
    }
    if (s->sglang.slots_each)
        requests = BT_MIN(requests, BT_MAX(s->sglang.state_slots / s->sglang.slots_each, 1u));
    uint64_t table = sat_mul(sat_mul(requests + 1, sat_add(s->context, 4)), 4);
    push(in, r, BT_P_WORKSPACE, table, false, 0, bt_arena_printf(a, "request table: (%llu requests + 1) x (%llu tokens + 4) x 4 B, in the slack%s (memory_pool.py)", ull(requests), ull(s->context),
                                                                 s->sglang.seqs_given || s->sglang.slots_each ? "" : "; --max-running-requests makes it small"));
    if (in->last && !host) {
        uint64_t logits = sat_mul(sat_mul(s->sglang.graph_batch, m->vocab), 4);
        push(in, r, BT_P_SAMPLER, logits, false, 0, bt_arena_printf(a, "shared logits: %llu x %u vocabulary x 4 B, in the slack", ull(s->sglang.graph_batch), m->vocab));
    }
}

uint64_t need_sglang_kv(const struct bt_need *n, const struct bt_need_rank *r, uint64_t total_bytes)
{
    const struct need_sglang *g = n->sglang;
    uint64_t before = total_bytes > g->away_bytes ? total_bytes - g->away_bytes : 0, charged = BT_MAX(g->charged_bytes, r->budget_bytes);
    uint64_t share = sat_f64(floor((double)before * g->fraction)), kv = share > charged ? share - charged : 0;
    if (!r->kv_token_bytes)          /* no layer of this stage keeps tokens: a pool of as many rows as one request has, and no bytes */
        return kv ? r->kv_block_bytes : 0;
    if (n->serve.sglang.max_total_tokens)            /* caps the pool; the slack stays what it is */
        kv = BT_MIN(kv, sat_mul(n->serve.sglang.max_total_tokens, r->kv_token_bytes));
    return kv;
}

/* Whisper's attention across and its encoder's layers have rows for every token of the pool (configs/model_config.py num_attention_layers). */
static void rows_of_an_encoder(const struct bt_model *m, struct bt_need_rank *r, uint64_t block)
{
    if (!m->cross_tokens)
        return;
    r->kv_token_bytes = sat_mul(r->kv_token_bytes / BT_MAX(m->layers, 1u), m->audio.layers + 2ull * m->layers);
    r->kv_block_bytes = sat_mul(r->kv_token_bytes, BT_MAX(block, 1u));
}

/* What is charged to the fraction, and what was there before its baseline. */
static int fill_charged(struct need_in *in, struct bt_need *n, struct bt_need_rank *r, unsigned kv_elem, struct need_sglang *g, struct bt_err *err)
{
    struct bt_need_line weights;
    struct need_in priced = *in;
    priced.model = need_sglang_priced(in->arena, in->model);
    if (need_weights(in, &weights, &r->host_bytes, err) < 0)
        return -1;
    need_line_push(in, r, weights);
    need_lora(in, r);
    need_sglang_image_lines(in, in->model, r);
    need_kv_layout(&priced, n, r, kv_elem);
    need_sglang_second_pool(&priced, in->model, n->block, r);
    rows_of_an_encoder(in->model, r, n->block);
    size_t first = r->n;
    before_baseline(in, r);
    uint64_t before = 0;
    for (size_t i = first; i < r->n; i++)
        before = sat_add(before, r->line[i].bytes);
    g->before_bytes = BT_MAX(g->before_bytes, before);
    g->away_bytes = BT_MAX(g->away_bytes, sat_add(in->card->others_bytes, before));
    g->charged_bytes = BT_MAX(g->charged_bytes, r->budget_bytes);
    return 0;
}

/* What is left for states and tokens is the poorest rank's on all of them: free memory is the least of the world's ranks. */
static void fill_rest(struct need_in *in, struct bt_need *n, struct bt_need_rank *r, struct need_sglang *g)
{
    uint64_t before = in->card->total_bytes > g->away_bytes ? in->card->total_bytes - g->away_bytes : 0, share = sat_f64(floor((double)before * g->fraction));
    uint64_t richer = g->charged_bytes - BT_MIN(r->budget_bytes, g->charged_bytes), states = need_sglang_states(in, n->engine, r, share > richer ? share - richer : 0, &n->serve);
    g->states_bytes = BT_MAX(g->states_bytes, states);
    struct need_sglang with = *g;
    with.charged_bytes = sat_add(g->charged_bytes, states);
    n->sglang = &with;
    uint64_t kv = need_sglang_kv(n, r, in->card->total_bytes);
    n->sglang = g;
    slack_lines(in, r, r->kv_token_bytes ? kv / r->kv_token_bytes : n->serve.context);
}

/* It sizes every pool from the least memory that any rank of the world has left (kv_cache_configurator.py: a minimum over TP x PP), so the stage with the
 * most layers has to find room for its pool on the fullest card. Counted so on all stages: with fewer layers a stage takes less than that. */
static void even_pool(struct bt_need *n)
{
    uint64_t token = 0, block = 0;
    for (size_t i = 0; i < n->nranks; i++) {
        token = BT_MAX(token, n->rank[i].kv_token_bytes);
        block = BT_MAX(block, n->rank[i].kv_block_bytes);
    }
    for (size_t i = 0; i < n->nranks; i++) {
        n->rank[i].kv_token_bytes = token;
        n->rank[i].kv_block_bytes = block;
    }
}

int need_sglang_server(struct bt_arena *a, const struct bt_model *m, const struct bt_engine *e, const struct bt_engine_version *v, const struct bt_serve *serve,
                       const struct bt_gpu *card, const struct bt_need *like, struct bt_need **out, struct bt_err *err)
{
    struct bt_need *n = BT_NEW(a, struct bt_need);
    struct need_sglang *g = BT_NEW(a, struct need_sglang);
    *n = (struct bt_need){ .ops = &need_sglang_ops, .model = m, .engine = e, .version = v, .serve = *serve, .sglang = g };
    struct bt_serve *s = &n->serve;
    struct bt_shape shape = bt_need_shape(m);
    struct bt_refusal why = { 0 };
    unsigned elem, kv_elem;
    s->tp = BT_MAX(s->tp, 1u);
    s->pp = BT_MAX(s->pp, 1u);
    if (need_no_gguf(m, e, err) < 0 || check_known(m, s, err) < 0 || elem_of(m, s, &elem, err) < 0 || need_kv_elem(s, elem, &kv_elem, err) < 0)
        return -1;
    if (!bt_engine_shape_ok(e, &shape, s->tp, s->pp, &why))
        return bt_err_set(err, BT_E_FIT, 0, "%s", why.text);
    n->on_host = need_is_host(card);
    if (n->on_host && s->tp * s->pp > 1) {
        bt_err_set(err, BT_E_FIT, 0, "TP=%llu PP=%llu on the CPU: each rank wants a NUMA node of its own, and berth plans one", ull(s->tp), ull(s->pp));
        return bt_err_hint(err, "leave --tp and --pp-size out");
    }
    if (s->pp > m->layers)
        return bt_err_set(err, BT_E_FIT, 0, "%u layers cannot be cut into %llu pipeline stages", m->layers, ull(s->pp));
    s->sglang.no_prefill_graph = s->sglang.no_prefill_graph || n->on_host || !need_sglang_prefill_graphs(s, m);
    struct bt_engine_device device = { .total_bytes = card->nvml_total_bytes ? card->nvml_total_bytes : card->total_bytes, .name = card->name };
    bt_engine_resolve(e, v, &device, bt_need_model_context(m), s);
    g->fraction = s->utilization_set ? s->utilization : bt_sglang_fraction(device.total_bytes, s, is_mla(m)) * need_sglang_image_factor(s, m);
    g->total_bytes = card->total_bytes;
    s->utilization = g->fraction;
    n->block = s->block_size;
    n->nranks = s->pp;
    n->rank = BT_NEWN(a, struct bt_need_rank, n->nranks);
    struct need_in *in = BT_NEWN(a, struct need_in, n->nranks);
    uint64_t dp = s->dp;
    s->dp = 1;                       /* its data-parallel engines share nothing: the ledger is that of one */
    uint32_t *layers = BT_NEWN(a, uint32_t, n->nranks), first = 0;
    if (bt_engine_cut(e, m->layers, s, layers, err) < 0)
        return -1;
    for (uint32_t p = 0; p < n->nranks; p++) {
        in[p] = (struct need_in){ .arena = a, .model = m, .version = v, .serve = s, .card = card, .like = like, .pp_rank = p, .first_layer = first, .layers = layers[p], .elem = elem,
                                  .first = p == 0, .last = p + 1 == n->nranks };
        n->rank[p].pp = p;
        n->rank[p].first_layer = first;
        n->rank[p].layers = layers[p];
        if (fill_charged(&in[p], n, &n->rank[p], kv_elem, g, err) < 0)
            return -1;
        first += layers[p];
    }
    for (uint32_t p = 0; p < n->nranks; p++) {
        uint64_t sum = 0;
        fill_rest(&in[p], n, &n->rank[p], g);
        for (size_t i = 0; i < n->rank[p].n; i++)
            sum = sat_add(sum, n->rank[p].line[i].uncertainty_bytes);
        n->uncertainty_bytes = BT_MAX(n->uncertainty_bytes, sum);
    }
    g->charged_bytes = sat_add(g->charged_bytes, g->states_bytes);
    need_learn(a, n, card);
    if (s->cut)
        even_pool(n);
    s->dp = dp;
    *out = n;
    return 0;
}

/* Half a thousandth more than needed: its own arithmetic is in GiB floats, and the cap on tokens decides. */
static double share(const struct bt_need *n, const struct bt_need_rank *r, uint64_t kv_bytes, uint64_t total_bytes, uint64_t room_bytes)
{
    uint64_t before = n->sglang->before_bytes, free_bytes = room_bytes > before ? room_bytes - before : 0;
    (void)total_bytes;
    if (!free_bytes)
        return 0.999;
    return BT_MIN(ceil((double)sat_add(BT_MAX(n->sglang->charged_bytes, r->budget_bytes), kv_bytes) / (double)free_bytes * 1e3 + 0.5) / 1e3, 0.999);
}

/* ---- the pool ---- */

static uint64_t blocks_of(const struct bt_need *n, uint64_t context)
{
    return bt_ceil_div(sat_add(context, need_sglang_rows(n->model)), BT_MAX(n->block, 1u));
}

static uint64_t kv_for(const struct bt_need *n, const struct bt_need_rank *r, uint64_t context, uint64_t requests)
{
    return r->kv_token_bytes ? sat_mul(sat_mul(blocks_of(n, context), requests), r->kv_block_bytes) : 0;
}

/* A stage without tokens does not bound the pool; where none has any, the pool is as long as one request may be. */
static uint64_t kv_tokens(const struct bt_need *n, const struct bt_need_rank *r, uint64_t kv_bytes)
{
    if (!r->kv_token_bytes)
        return has_kv(n->model) ? BT_NEED_CAP : n->serve.sglang.max_total_tokens ? n->serve.sglang.max_total_tokens : n->serve.context;
    return sat_mul(kv_bytes / r->kv_block_bytes, n->block);
}

static uint64_t longest(const struct bt_need *n, const struct bt_need_rank *r, uint64_t kv_bytes)
{
    uint64_t tokens = kv_tokens(n, r, kv_bytes), rows = r->kv_token_bytes ? need_sglang_rows(n->model) : 0;
    return tokens > rows ? tokens - rows : 0;
}

static double concurrency(const struct bt_fit *f, uint64_t context)
{
    const struct bt_sglang_serve *s = &f->need->serve.sglang;
    double by_slots = s->slots_each ? (double)(s->state_slots / s->slots_each) : INFINITY;
    double by_tokens = has_kv(f->need->model) ? (double)f->tokens / (double)BT_MAX(sat_mul(blocks_of(f->need, context), f->need->block), 1u) : INFINITY;
    return fmin(by_slots, by_tokens);
}

const struct need_ops need_sglang_ops = {
    .engine = "sglang", .server = need_sglang_server, .advice = fit_sglang_advice, .check = fit_sglang_checks, .concurrency = concurrency,
    .kv_for = kv_for, .kv_tokens = kv_tokens, .longest = longest, .kv_by_engine = need_sglang_kv, .share = share,
};

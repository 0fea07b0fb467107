/* sglang.c - bytes of an SGLang rank. No profiling run exists there: KV = free after the weights - (1 - f) x free at the baseline, and the part left
 * out, the slack, is the only cover for activations, graphs and tables. SGLang 0.5.23 srt/model_executor/kv_cache_configurator.py. */
#include "need/sglang.h"

#include <math.h>

#include "engine/sglang.h"
#include "need/parts.h"

static unsigned long long ull(uint64_t n) { return n; }

/* ---- what is not counted yet, said ---- */

/* Architectures whose sliding layers get a pool of their own, ratio x as many tokens as the full ones (SGLang configs/model_config.py is_hybrid_swa_model,
 * model_executor/pool_configurator.py); in all others, Gemma 2 and 3 among them, sliding layers are priced as full ones. ratio 0: layers differ in more than the
 * window there, and berth does not know how. */
static const struct two_pools { const char *architecture; double ratio; } two_pools[] = {
    { "GptOssForCausalLM", 0.8 }, { "Llama4ForCausalLM", 0.8 }, { "Llama4ForConditionalGeneration", 0.8 }, { "Gemma4ForCausalLM", 0 }, { "Gemma4ForConditionalGeneration", 0 },
    { "MiMoV2FlashForCausalLM", 0 }, { "Step3p5ForCausalLM", 0 }, { "DeepseekV4ForCausalLM", 0 },
};

static const struct two_pools *pools_of(const struct bt_model *m)
{
    for (size_t i = 0; m->architecture && i < BT_LEN(two_pools); i++)
        if (!strcmp(two_pools[i].architecture, m->architecture))
            return &two_pools[i];
    return NULL;
}

static int check_known(const struct bt_model *m, struct bt_err *err)
{
    if (need_figures(m, err) < 0)
        return -1;
    if (!m->ntensors) {
        bt_err_set(err, BT_E_INPUT, 0, "%s: %s", m->id, m->tensors_why ? m->tensors_why : "no list of tensors, so the bytes of its weights are not known");
        return bt_err_hint(err, "download the model first: berth reads only the headers of its files");
    }
    if (pools_of(m) && !pools_of(m)->ratio)
        return bt_err_set(err, BT_E_INPUT, 0, "%s: SGLang keeps two KV pools for %s, and berth does not know their sizes yet", m->id, m->architecture);
    if (m->cross_tokens)
        return bt_err_set(err, BT_E_INPUT, 0, "%s: a decoder beside an encoder, and berth does not know how SGLang keeps the encoder's keys and values yet", m->id);
    if (m->kv_unknown)
        return bt_err_set(err, BT_E_INPUT, 0, "%s: its config does not say how it attends, and berth does not know how SGLang sizes its pools then yet", m->id);
    for (uint32_t i = 0; i < m->layers; i++)
        if (m->layer[i].mixer == BT_MIX_STATE)
            return bt_err_set(err, BT_E_INPUT, 0, "%s: layer %u keeps a state instead of KV, and berth does not know how SGLang sizes such a pool yet", m->id, i);
    return 0;
}

/* Every layer as SGLang prices it: windows count as full. */
static const struct bt_model *priced(struct bt_arena *a, const struct bt_model *m)
{
    struct bt_model *copy = BT_NEW(a, struct bt_model);
    *copy = *m;
    copy->layer = BT_NEWN(a, struct bt_layer, m->layers);
    memcpy(copy->layer, m->layer, m->layers * sizeof *copy->layer);
    for (uint32_t i = 0; i < m->layers; i++)
        if (copy->layer[i].mixer == BT_MIX_SLIDING || copy->layer[i].mixer == BT_MIX_CHUNKED)
            copy->layer[i].mixer = BT_MIX_FULL;
    return copy;
}

static bool is_mla(const struct bt_model *m)
{
    return m->layers && m->layer[0].mixer == BT_MIX_MLA;
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

static void before_baseline(const struct need_in *in, struct bt_need_rank *r)
{
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
    double numbers = 3.0 * m->intermediate / (double)s->tp + 4.0 * m->hidden;
    uint64_t forward = sat_f64((double)s->max_batched_tokens * numbers * in->elem);
    push(in, r, BT_P_ACTIVATIONS, forward, false, forward / 8 + 64 * MiB,
         bt_arena_printf(a, "%llu tokens of a prefill step x (3 x %u%s + 4 x %u) x %u B, in the slack; the rule of vLLM's profile runs, SGLang measures none", ull(s->max_batched_tokens), m->intermediate,
                         s->tp > 1 ? bt_arena_printf(a, " / %llu", ull(s->tp)) : "", m->hidden, in->elem));
    if (!s->eager && !s->sglang.no_decode_graph) {
        uint64_t bytes = s->sglang.graph_batch * 2 * MiB;
        push(in, r, BT_P_GRAPHS, bytes, false, bytes, bt_arena_printf(a, "decode graphs up to %llu requests x 2 MiB, in the slack: SGLang's own reserve for them (memory_hook.py)", ull(s->sglang.graph_batch)));
    }
    if (!s->eager && !s->sglang.no_prefill_graph && s->pp == 1) {
        uint64_t bytes = is_mla(m) ? 1536 * MiB : (s->max_batched_tokens <= 2048 ? 42 : s->max_batched_tokens <= 4096 ? 50 : s->max_batched_tokens <= 8192 ? 58 : 74) * 8 * MiB;
        push(in, r, BT_P_GRAPHS, bytes, false, bytes, bt_arena_printf(a, "prefill graphs of a chunk of %llu tokens, in the slack: SGLang's own reserve for them (memory_hook.py)", ull(s->max_batched_tokens)));
    }
    uint64_t requests = s->max_seqs;
    if (!s->sglang.seqs_given) {     /* kv_cache_configurator.py: by how many requests the pool holds, bounded, and never more than half its tokens */
        double by_pool = (double)kv_tokens / (double)BT_MAX(s->context, 1u) * 512;
        requests = by_pool <= 2048 ? 2048 : by_pool >= 4096 ? 4096 : (uint64_t)by_pool;
        requests = BT_MIN(requests, BT_MAX(kv_tokens / 2, 1u));
    }
    uint64_t table = sat_mul(sat_mul(requests + 1, sat_add(s->context, 4)), 4);
    push(in, r, BT_P_WORKSPACE, table, false, 0, bt_arena_printf(a, "request table: (%llu requests + 1) x (%llu tokens + 4) x 4 B, in the slack%s (memory_pool.py)", ull(requests), ull(s->context),
                                                                 s->sglang.seqs_given ? "" : "; --max-running-requests makes it small"));
    if (in->last) {
        uint64_t logits = sat_mul(sat_mul(s->sglang.graph_batch, m->vocab), 4);
        push(in, r, BT_P_SAMPLER, logits, false, 0, bt_arena_printf(a, "shared logits: %llu x %u vocabulary x 4 B, in the slack", ull(s->sglang.graph_batch), m->vocab));
    }
}

uint64_t need_sglang_kv(const struct bt_need *n, const struct bt_need_rank *r, uint64_t total_bytes)
{
    const struct need_sglang *g = n->sglang;
    uint64_t before = total_bytes > g->away_bytes ? total_bytes - g->away_bytes : 0;
    uint64_t share = sat_f64(floor((double)before * g->fraction)), kv = share > r->budget_bytes ? share - r->budget_bytes : 0;
    if (n->serve.sglang.max_total_tokens)            /* caps the pool; the slack stays what it is */
        kv = BT_MIN(kv, sat_mul(n->serve.sglang.max_total_tokens, r->kv_token_bytes));
    return kv;
}

/* One token of the full pool, and its share of the sliding one: full = budget // (full cells + ratio x sliding cells). original: with its windows. */
static void second_pool(const struct need_in *in, const struct bt_model *original, struct bt_need *n, struct bt_need_rank *r)
{
    const struct two_pools *p = pools_of(original);
    const char *asked = need_extra_flag(in->serve, "swa-full-tokens-ratio");
    double ratio = asked && strtod(asked, NULL) > 0 && strtod(asked, NULL) <= 1 ? strtod(asked, NULL) : p ? p->ratio : 0, all = 0, sliding = 0;
    if (!p || need_extra_flag(in->serve, "disable-hybrid-swa-memory"))
        return;
    for (uint32_t i = in->first_layer; i < in->first_layer + in->layers; i++) {
        const struct bt_layer *l = &original->layer[i];
        double cell = (double)BT_MAX(l->kv_heads / in->serve->tp, 1u) * l->head_dim;
        all += cell;
        sliding += l->mixer == BT_MIX_SLIDING || l->mixer == BT_MIX_CHUNKED ? cell : 0;
    }
    if (!(sliding > 0))
        return;
    r->kv_token_bytes = sat_f64((double)r->kv_token_bytes * (all - sliding + ratio * sliding) / all);
    r->kv_block_bytes = sat_mul(r->kv_token_bytes, BT_MAX(n->block, 1u));
}

static int fill_rank(struct need_in *in, const struct bt_model *original, struct bt_need *n, struct bt_need_rank *r, unsigned kv_elem, struct need_sglang *g, struct bt_err *err)
{
    struct bt_need_line weights;
    if (need_weights(in, &weights, &r->host_bytes, err) < 0)
        return -1;
    need_line_push(in, r, weights);
    need_lora(in, r);
    need_kv_layout(in, n, r, kv_elem);
    second_pool(in, original, n, r);
    size_t first = r->n;
    before_baseline(in, r);
    uint64_t before = 0;
    for (size_t i = first; i < r->n; i++)
        before = sat_add(before, r->line[i].bytes);
    g->before_bytes = BT_MAX(g->before_bytes, before);
    g->away_bytes = BT_MAX(g->away_bytes, sat_add(in->card->others_bytes, before));
    uint64_t kv = need_sglang_kv(n, r, in->card->total_bytes);
    slack_lines(in, r, r->kv_token_bytes ? kv / r->kv_token_bytes : 0);
    return 0;
}

int need_sglang_server(struct bt_arena *a, const struct bt_model *m, const struct bt_engine *e, const struct bt_engine_version *v, const struct bt_serve *serve,
                       const struct bt_gpu *card, struct bt_need **out, struct bt_err *err)
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
    if (need_is_host(card)) {
        bt_err_set(err, BT_E_INPUT, 0, "SGLang on the CPU: berth does not know what it takes there");
        return bt_err_hint(err, "vllm or llama-server on the CPU");
    }
    if (need_no_gguf(m, e, err) < 0 || check_known(m, err) < 0 || elem_of(m, s, &elem, err) < 0 || need_kv_elem(s, elem, &kv_elem, err) < 0)
        return -1;
    if (!bt_engine_shape_ok(e, &shape, s->tp, s->pp, &why))
        return bt_err_set(err, BT_E_FIT, 0, "%s", why.text);
    struct bt_engine_device device = { .total_bytes = card->nvml_total_bytes ? card->nvml_total_bytes : card->total_bytes, .name = card->name };
    bt_engine_resolve(e, v, &device, bt_need_model_context(m), s);
    g->fraction = s->utilization_set ? s->utilization : bt_sglang_fraction(device.total_bytes, s, is_mla(m));
    g->total_bytes = card->total_bytes;
    s->utilization = g->fraction;
    n->block = s->block_size;
    n->nranks = s->pp;
    n->rank = BT_NEWN(a, struct bt_need_rank, n->nranks);
    uint32_t *layers = BT_NEWN(a, uint32_t, n->nranks), first = 0;
    for (uint32_t p = 0; p < n->nranks; p++)
        layers[p] = bt_engine_stage_layers(e, m->layers, s->pp, p);
    const struct bt_model *full = priced(a, m);
    for (uint32_t p = 0; p < n->nranks; p++) {
        struct need_in in = { .arena = a, .model = full, .version = v, .serve = s, .card = card, .pp_rank = p, .first_layer = first, .layers = layers[p], .elem = elem,
                              .first = p == 0, .last = p + 1 == n->nranks };
        struct bt_need_rank *r = &n->rank[p];
        uint64_t sum = 0;
        r->pp = p;
        r->first_layer = first;
        r->layers = layers[p];
        if (fill_rank(&in, m, n, r, kv_elem, g, err) < 0)
            return -1;
        for (size_t i = 0; i < r->n; i++)
            sum = sat_add(sum, r->line[i].uncertainty_bytes);
        n->uncertainty_bytes = BT_MAX(n->uncertainty_bytes, sum);
        first += layers[p];
    }
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
    return BT_MIN(ceil((double)sat_add(r->budget_bytes, kv_bytes) / (double)free_bytes * 1e3 + 0.5) / 1e3, 0.999);
}

const struct need_ops need_sglang_ops = {
    .engine = "sglang", .server = need_sglang_server, .advice = fit_sglang_advice, .check = fit_sglang_checks, .kv_by_engine = need_sglang_kv, .share = share,
};

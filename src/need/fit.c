/* fit - the engine's own checks in its own order: shape, length, free memory, load, KV, what comes after KV. */
#include "need/fit.h"

#include <math.h>
#include <stdio.h>

#include "need/capability.h"
#include "need/ops.h"
#include "need/parts.h"

#define GIB(n) ((double)(n) / (double)GiB)

static struct bt_refusal *refuse(struct bt_arena *a, struct bt_fit *f, const char *code)
{
    struct bt_refusal r = { .code = code };
    BT_PUSH(a, f->refusals, f->nrefusals, r);
    f->fits = false;
    return &f->refusals[f->nrefusals - 1];
}
#define REFUSE(a, f, code, ...) do { struct bt_refusal *r_ = refuse((a), (f), (code)); snprintf(r_->text, sizeof r_->text, __VA_ARGS__); } while (0)

/* Held before the engine looks at the card for the first time: context, NCCL. */
static uint64_t bytes_before_start(const struct bt_need_rank *r)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < r->n; i++)
        if (!r->line[i].charged && (r->line[i].part == BT_P_CONTEXT || r->line[i].part == BT_P_COMM))
            sum = sat_add(sum, r->line[i].bytes);
    return sum;
}

static uint64_t part_bytes(const struct bt_need_rank *r, enum bt_part part)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < r->n; i++)
        if (r->line[i].part == part)
            sum = sat_add(sum, r->line[i].bytes);
    return sum;
}

static uint64_t left_by_others(const struct bt_gpu *card)
{
    return card->total_bytes > card->others_bytes ? card->total_bytes - card->others_bytes : 0;
}

/* vLLM v1/worker/utils.py: request_memory. Runs with explicit KV bytes too. */
static void check_free(struct bt_arena *a, struct bt_fit *f, const struct bt_gpu *card, const struct bt_need_rank *r)
{
    const struct bt_serve *s = &f->need->serve;
    double wanted = ceil((double)card->total_bytes * s->utilization);
    uint64_t before = bytes_before_start(r), left = left_by_others(card), free_bytes = left > before ? left - before : 0;
    if (f->need->on_host) {          /* vLLM v1/worker/cpu_worker.py: not asked when the bytes are given */
        if (!s->kv_bytes && wanted > (double)left)
            REFUSE(a, f, "memory-not-free", "Available memory on node 0 (%.2f/%.2f GiB) on startup is less than desired CPU memory utilization (%.4g, %.2f GiB).",
                   GIB(left), GIB(card->total_bytes), s->utilization, wanted / (double)GiB);
        return;
    }
    if (wanted > (double)free_bytes)
        REFUSE(a, f, "memory-not-free", "Free memory on device (%.2f/%.2f GiB) on startup is less than desired GPU memory utilization (%.4g, %.2f GiB).",
               GIB(free_bytes), GIB(card->total_bytes), s->utilization, wanted / (double)GiB);
}

static void check_load(struct bt_arena *a, struct bt_fit *f, const struct bt_gpu *card, const struct bt_need_rank *r)
{
    uint64_t weights = sat_add(part_bytes(r, BT_P_WEIGHTS), part_bytes(r, BT_P_LORA)), held = sat_add(weights, bytes_before_start(r));
    if (f->need->on_host && held > left_by_others(card))
        REFUSE(a, f, "out-of-memory-at-load", "killed while loading: %.2f GiB of weights and %.2f GiB of processes, %.2f GiB of RAM left.",
               GIB(weights), GIB(held - weights), GIB(left_by_others(card)));
    else if (held > left_by_others(card))
        REFUSE(a, f, "out-of-memory-at-load", "CUDA out of memory while loading: %.2f GiB of weights and %.2f GiB of context do not go on a card with %.2f GiB left.",
               GIB(weights), GIB(held - weights), GIB(left_by_others(card)));
}

/* vLLM v1/core/kv_cache_utils.py: the two errors people see. */
static void check_kv(struct bt_arena *a, struct bt_fit *f, const struct bt_need_rank *r, uint64_t kv, bool auto_context)
{
    const struct bt_need *n = f->need;
    uint64_t reserved = n->version->null_block_reserved ? r->kv_block_bytes : 0, usable = kv > reserved ? kv - reserved : 0;
    if (usable < r->kv_block_bytes)
        REFUSE(a, f, "no-kv-memory", "No available memory for the cache blocks. Try increasing `gpu_memory_utilization` when initializing the engine.");
    else if (!auto_context && bt_need_kv_request(n, r, f->asked) > usable)
        REFUSE(a, f, "kv-too-small", "To serve at least one request with the model's max seq len (%llu), %.2f GiB KV cache is needed, which is larger than the available "
               "KV cache memory (%.2f GiB). Based on the available memory, the estimated maximum model length is %llu.",
               (unsigned long long)f->asked, GIB(bt_need_kv_request(n, r, f->asked)), GIB(usable), (unsigned long long)bt_need_longest(n, r, kv));
}

static void check_after(struct bt_arena *a, struct bt_fit *f, const struct bt_gpu *card, const struct bt_need_rank *r, uint64_t kv)
{
    uint64_t need = sat_add(r->fixed_bytes, kv);
    if (need > left_by_others(card) && f->need->on_host)
        REFUSE(a, f, "over-the-card", "killed for memory while it serves: %.2f GiB needed with %.2f GiB of KV, %.2f GiB of RAM there.", GIB(need), GIB(kv), GIB(left_by_others(card)));
    else if (need > left_by_others(card))
        REFUSE(a, f, "over-the-card", "CUDA out of memory after the KV cache is allocated: %.2f GiB needed with %.2f GiB of KV, %.2f GiB there.",
               GIB(need), GIB(kv), GIB(left_by_others(card)));
}

static void size_kv(struct bt_fit *f, const struct bt_gpu *card)
{
    const struct bt_need *n = f->need;
    uint64_t blocks = UINT64_MAX;
    f->longest = n->model->unbounded && !n->serve.context_auto ? BT_MAX(f->model_context, f->asked) : f->model_context;
    for (size_t i = 0; i < n->nranks; i++) {
        const struct bt_need_rank *r = &n->rank[i];
        if (need_keeps_none(n)) {
            f->rank[i].need_bytes = r->fixed_bytes;
            f->busiest = r->fixed_bytes > f->rank[f->busiest].need_bytes ? i : f->busiest;
            continue;
        }
        uint64_t kv = f->rank[i].engine_kv_bytes = bt_need_kv_by_engine(n, r, card->total_bytes);
        blocks = BT_MIN(blocks, kv / r->kv_block_bytes);
        f->longest = BT_MIN(f->longest, bt_need_longest(n, r, kv));
        f->request_bytes = BT_MAX(f->request_bytes, bt_need_kv_request(n, r, f->asked));
    }
    if (need_keeps_none(n))
        return;
    f->tokens = UINT64_MAX;
    for (size_t i = 0; i < n->nranks; i++)
        f->tokens = BT_MIN(f->tokens, bt_need_kv_tokens(n, &n->rank[i], sat_mul(blocks, n->rank[i].kv_block_bytes)));
    f->blocks = blocks;
    if (n->serve.context_auto)
        f->asked = f->longest;
    for (size_t i = 0; i < n->nranks; i++) {
        const struct bt_need_rank *r = &n->rank[i];
        uint64_t least = bt_need_kv_for(n, r, f->asked, 1);
        f->rank[i].kv_bytes = BT_MAX(sat_mul(blocks, r->kv_block_bytes), least);
        f->rank[i].need_bytes = sat_add(r->fixed_bytes, f->rank[i].kv_bytes);
        if (f->rank[i].need_bytes > f->rank[f->busiest].need_bytes)
            f->busiest = i;
    }
}

double bt_fit_concurrency(const struct bt_fit *f, uint64_t context)
{
    if (!f->need || !context)
        return 0;
    if (f->need->ops->concurrency)
        return f->need->ops->concurrency(f, context);
    uint64_t each = 1;
    if (need_keeps_none(f->need))    /* a batch takes texts as a whole */
        return (double)BT_MIN(f->need->serve.max_seqs, f->need->serve.max_batched_tokens / context);
    for (size_t i = 0; i < f->need->nranks; i++)
        each = BT_MAX(each, bt_need_request_blocks(f->need, &f->need->rank[i], context));
    return (double)f->blocks / (double)each;
}

/* The stages fail alike; the first that fails tells its reason, as the engine's log does. */
static void check_stages(struct bt_arena *a, struct bt_fit *f, const struct bt_gpu *card)
{
    const struct bt_need *n = f->need;
    if (n->ops->check) {
        n->ops->check(a, f, card);
        return;
    }
    for (size_t i = 0; i < n->nranks && !f->nrefusals; i++)
        check_free(a, f, card, &n->rank[i]);
    for (size_t i = 0; i < n->nranks && !f->nrefusals; i++)
        check_load(a, f, card, &n->rank[i]);
    size_t poorest = 0;
    for (size_t i = 1; i < n->nranks; i++)
        if (f->rank[i].engine_kv_bytes / n->rank[i].kv_block_bytes < f->rank[poorest].engine_kv_bytes / n->rank[poorest].kv_block_bytes)
            poorest = i;
    if (!f->nrefusals && !need_keeps_none(n))
        check_kv(a, f, &n->rank[poorest], f->rank[poorest].engine_kv_bytes, n->serve.context_auto);
    for (size_t i = 0; i < n->nranks && !f->nrefusals; i++)
        check_after(a, f, card, &n->rank[i], f->rank[i].kv_bytes);
}

bool bt_need_has_experts(const struct bt_model *m)
{
    for (uint32_t i = 0; i < m->layers; i++)
        if (m->layer[i].moe)
            return true;
    return false;
}

/* vLLM model_executor/model_loader/weight_utils.py and config/vllm.py; below 7.0 its wheels have no kernels at all. A card that nobody knows is not judged. */
static void check_card(struct bt_arena *a, struct bt_fit *f, const struct bt_fit_case *c, const char *method)
{
    struct bt_card_runs runs = bt_card_runs(c->engine, c->version ? c->version->version : NULL, c->model, method, c->card);
    if (!c->card->cc_major || f->need->on_host || runs.how != BT_RUNS_NOT)
        return;
    if (runs.source[0])
        REFUSE(a, f, "card-too-old", "The quantization method %s is not supported for the current GPU. Minimum capability: %d. Current capability: %d.", runs.name, runs.least,
               c->card->cc_major * 10 + c->card->cc_minor);
    else
        REFUSE(a, f, "card-too-old", "%s has no kernels for compute capability %d.%d: %d.%d and newer.", c->engine->name, c->card->cc_major, c->card->cc_minor, runs.least / 10, runs.least % 10);
}

int bt_fit_server(struct bt_arena *a, const struct bt_fit_case *c, const struct bt_serve *serve, struct bt_fit **out, struct bt_err *err)
{
    const struct need_ops *ops = need_ops_of(c->engine);
    if (ops->fit)
        return ops->fit(a, c, serve, out, err);
    struct bt_fit *f = BT_NEW(a, struct bt_fit);
    f->fits = true;
    f->model_context = bt_need_model_context(c->model);
    f->asked = serve->context && !serve->context_auto ? serve->context : f->model_context;

    struct bt_shape shape = bt_need_shape(c->model);
    struct bt_refusal why = { 0 };
    uint64_t tp = BT_MAX(serve->tp, 1u), pp = BT_MAX(serve->pp, 1u);
    if (!bt_engine_shape_ok(c->engine, &shape, tp, pp, &why)) {
        BT_PUSH(a, f->refusals, f->nrefusals, why);
        f->fits = false;
        *out = f;
        return 0;
    }
    if (bt_need_server(a, c->model, c->engine, c->version, serve, c->card, &f->need, err) < 0)
        return -1;
    if (serve->expert_parallel && !bt_need_has_experts(c->model))
        REFUSE(a, f, "no-experts", "Number of experts in the model must be greater than 0 when expert parallelism is enabled.");
    check_card(a, f, c, serve->quantization);
    f->rank = BT_NEWN(a, struct bt_fit_rank, f->need->nranks);
    size_kv(f, c->card);
    f->concurrency = bt_fit_concurrency(f, f->asked);
    if (f->asked > bt_need_context_limit(c->model))
        REFUSE(a, f, "context-too-long", "User-specified max_model_len (%llu) is greater than the derived max_model_len (max_position_embeddings=%llu).",
               (unsigned long long)f->asked, (unsigned long long)f->model_context);
    check_stages(a, f, c->card);
    *out = f;
    return 0;
}

/* llama_compute.c - the compute buffers of llama-server: what its graph of one micro-batch holds at once. llama.cpp does not have it in closed
 * form (ggml/src/ggml-alloc.c packs the graph's tensors); these sums reproduce what it reserved for 107 shapes and settings
 * (tests/data/llama_buffers.jsonl, docs/benchmarks/llama.md). All tensors of a graph are f32 rows of -ub tokens. */
#include "need/llama.h"
#include "need/parts.h"

static unsigned long long ull(uint64_t n) { return n; }

/* The widest layer, in numbers of a token. */
struct widest { uint64_t ff, moe, moe_down, hidden, q, kv, heads; };

static struct widest widest_layer(const struct bt_gguf *g)
{
    struct widest w = { .hidden = g->hidden };
    for (uint32_t i = 0; i < g->layers; i++) {
        const struct bt_gguf_layer *y = &g->layer[i];
        w.ff = BT_MAX(w.ff, y->intermediate);
        w.q = BT_MAX(w.q, (uint64_t)y->heads * y->k_dim);
        w.kv = BT_MAX(w.kv, (uint64_t)y->kv_heads * BT_MAX(y->k_dim, y->v_dim));
        w.heads = BT_MAX(w.heads, y->heads);
    }
    w.moe = (uint64_t)g->experts_used * g->expert_intermediate;
    w.moe_down = (uint64_t)g->experts_used * g->hidden;
    return w;
}

static bool flash(const struct bt_serve *s)
{
    return !s->llama.flash_attn || strcmp(s->llama.flash_attn, "off");
}

static bool packed(const struct need_llama *l)
{
    return l->k->block > 1 || l->v->block > 1;
}

/* Gate, up and their product beside the residual; of experts what each chosen one gives, which goes where gate and up were if there is room.
 * On a device the embedded tokens came in from the host. What is as wide as the residual goes where attention's rows were, queries wider than it leave a hole
 too large for it, and behind a cache that is not f16 (copies and rotations: llama-kv-cache.cpp attn_rot_k) one row more is free by then. */
static uint64_t feed_numbers(const struct bt_gguf *g, const struct widest *w, bool host, bool copied)
{
    uint64_t ff = w->moe ? w->moe : w->ff, down = w->moe_down > 2 * w->moe ? w->moe_down : 0, rows = (host ? 4 : 3) - copied;
    if (!w->moe && ff == w->hidden)
        rows = 2;
    return sat_add(sat_add(sat_mul(ff, 3), rows * w->hidden), sat_add(down, !g->mla && w->q > w->hidden ? w->q - w->hidden : 0));
}

static uint64_t attention_numbers(const struct bt_gguf *g, const struct widest *w, bool with_flash)
{
    if (g->mla) {                    /* queries, their part in the latent, both joined, and what comes out, all as wide as the latent */
        uint64_t latent = (uint64_t)g->mla_rank + g->mla_rope;
        return sat_add(3 * w->hidden, sat_add(sat_mul(w->heads, 2 * latent + g->mla_rank / 4 + g->mla_rope), 3 * latent));
    }
    uint64_t base = sat_add(3 * w->hidden, 2 * w->q);
    return with_flash ? sat_add(3 * w->hidden, BT_MAX(2 * w->q, w->q + 2 * w->kv)) : sat_add(base, 2 * w->kv);
}

uint64_t need_llama_masks(const struct need_llama *l, const struct bt_serve *s, uint64_t cells)
{
    bool sliding = false;
    for (uint32_t i = 0; i < l->gguf->layers; i++)
        sliding = sliding || l->gguf->layer[i].sliding;
    uint64_t all = sat_add(cells, sliding ? need_llama_window_cells(l, s, cells) : 0);
    return sat_mul(sat_mul(all, l->ubatch), flash(s) ? 2 : 4);
}

/* Several devices work on several micro-batches at once, each with inputs of its own (src/llama-context.cpp: pipeline parallelism wants all
 * layers and the cache on the devices, and no tensor overrides). */
static uint64_t copies(const struct need_llama *l, const struct bt_serve *s)
{
    bool all = s->llama.gpu_layers > l->gguf->layers && !s->llama.kv_on_host && !l->apart;
    return s->pp > 1 && all && !l->on_cpu ? 4 : 1;
}

/* A cache of f32 is cast to f16 for flash attention, on every backend (llama-graph.cpp build_attn_mha). Bytes of one cell. */
static uint64_t cast_bytes(const struct need_llama *l, const struct widest *w)
{
    return sat_mul(w->kv, (uint64_t)(l->k->plain == BT_DT_F32) * 2 + (uint64_t)(l->v->plain == BT_DT_F32) * 2);
}

uint64_t need_llama_compute_cell(const struct need_llama *l, const struct bt_serve *s)
{
    struct widest w = widest_layer(l->gguf);
    uint64_t mask = sat_mul(sat_mul(l->ubatch, flash(s) ? 2 : 4), copies(l, s)), scores = flash(s) ? 0 : sat_mul(sat_mul(w.heads, l->ubatch), 4);
    return sat_add(sat_add(sat_add(mask, scores), flash(s) ? cast_bytes(l, &w) : 0), flash(s) && packed(l) && !l->on_cpu ? 4 * w.kv : 0);
}

uint64_t need_llama_compute(const struct need_llama *l, const struct bt_serve *s, uint64_t cells, struct need_llama_step step, const char **why, struct bt_arena *a)
{
    struct widest w = widest_layer(l->gguf);
    bool with_flash = flash(s);
    uint64_t row = sat_mul(l->ubatch, 4), feed = sat_mul(feed_numbers(l->gguf, &w, step.host, packed(l) || cast_bytes(l, &w)), row), attention = sat_mul(attention_numbers(l->gguf, &w, with_flash), row);
    uint64_t scores = with_flash ? 0 : sat_mul(sat_mul(cells, w.heads), row), unpacked = with_flash && packed(l) && !step.host ? sat_mul(sat_mul(cells, w.kv), 4) : 0;
    uint64_t outputs = step.layers ? row : sat_mul(l->slots, 4);     /* a device with the output alone sees the rows that are asked for */
    uint64_t logits = step.head ? sat_add(sat_mul(sat_mul(l->slots, l->gguf->vocab), 4), sat_mul(2 * w.hidden, outputs)) : 0, masks = need_llama_masks(l, s, cells);
    if (step.head && step.layers == 1)               /* the last layer's feed-forward is computed for the tokens that are asked for: one a slot */
        feed = 0;
    attention = sat_add(attention, with_flash ? sat_mul(cells, cast_bytes(l, &w)) : 0);
    bool experts_apart = w.moe && !l->on_cpu && s->llama.gpu_layers > l->gguf->layers && (l->all_experts_apart || (l->experts_apart && step.host));
    if (experts_apart) {             /* attention here, the experts there, which get one row and hand one over */
        feed = step.host ? sat_mul(sat_add(3 * w.moe, 3 * w.hidden), row) : 0;
        attention = step.host ? 0 : sat_add(attention, sat_mul(2 * w.hidden, row));
        masks = step.host ? 0 : masks;
    }
    if (!step.layers)
        feed = attention = scores = unpacked = masks = 0;
    uint64_t widest = BT_MAX(BT_MAX(feed, sat_add(attention, scores)), logits);
    if (step.layers && !step.host && copies(l, s) > 1)
        masks = sat_mul(sat_add(masks, sat_mul(w.hidden, row)), copies(l, s));
    *why = bt_arena_printf(a, "%llu tokens at once (-ub): inputs %s and the widest step, %s%s: as measured on tens of shapes; the engine packs its graph itself", ull(l->ubatch), bt_bytes_human(masks),
                           widest == feed ? "the feed-forward" : widest == logits ? "the logits" : scores ? "attention with all its scores (-fa on has none)" : "attention",
                           unpacked ? bt_arena_printf(a, ", and the cache unpacked to f16, %s", bt_bytes_human(unpacked)) : "");
    return sat_add(sat_add(masks, widest), unpacked);
}

uint64_t need_llama_compute_doubt(const struct need_llama *l, uint64_t bytes)
{
    bool other = false;              /* shapes whose graphs were not measured */
    for (uint32_t i = 0; i < l->gguf->layers; i++)
        other = other || l->gguf->layer[i].recurrent;
    return other ? bytes / 2 : l->on_cpu ? bytes / 11 : bytes / 4;
}

uint64_t need_llama_inputs(const struct need_llama *l, const struct bt_serve *s, uint64_t cells)
{
    uint64_t embedded = sat_mul(sat_mul(l->gguf->hidden, l->ubatch), 4);
    return sat_add(sat_mul(sat_add(embedded, need_llama_masks(l, s, cells)), copies(l, s)), flash(s) ? embedded : 2 * embedded);
}

uint64_t need_llama_pool_numbers(const struct need_llama *l)
{
    struct widest w = widest_layer(l->gguf);
    return BT_MAX(BT_MAX(w.ff, w.moe), w.hidden);
}

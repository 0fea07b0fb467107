/* kv - how many bytes a token takes, and what a number of bytes holds. Layers are grouped in layout.c. vLLM v1/core/kv_cache_utils.py. */
#include <math.h>

#include "need/ops.h"
#include "need/parts.h"

static const struct { const char *name; unsigned elem; } kv_dtypes[] = {
    { "fp8", 1 }, { "fp8_e4m3", 1 }, { "fp8_e5m2", 1 }, { "bfloat16", 2 }, { "float16", 2 },
    { "int8_per_token_head", 1 }, { "fp8_per_token_head", 1 },          /* and a scale for each head of a token: layout.c */
};

int need_kv_elem(const struct bt_serve *s, unsigned elem, unsigned *out, struct bt_err *err)
{
    if (!s->kv_dtype || !s->kv_dtype[0] || !strcmp(s->kv_dtype, "auto")) {
        *out = elem;
        return 0;
    }
    const char *names[BT_LEN(kv_dtypes)];
    for (size_t i = 0; i < BT_LEN(kv_dtypes); i++) {
        names[i] = kv_dtypes[i].name;
        if (!strcmp(s->kv_dtype, names[i])) {
            *out = kv_dtypes[i].elem;
            return 0;
        }
    }
    bt_err_set(err, BT_E_SPEC, 0, "KV cache dtype \"%s\": berth does not know how many bytes it takes", s->kv_dtype);
    const char *near = bt_str_nearest(bt_str(s->kv_dtype), names, BT_LEN(names));
    return bt_err_hint(err, "%s; known: auto, fp8, fp8_e4m3, fp8_e5m2, int8_per_token_head, fp8_per_token_head, bfloat16, float16", near ? near : "auto");
}

static uint64_t null_blocks(const struct bt_need *n)
{
    return n->version->null_block_reserved;
}

/* Tokens of one request that may be scheduled and not yet freed: a window keeps them beside itself (vLLM config/vllm.py). */
static uint64_t in_flight(const struct bt_need *n)
{
    uint64_t batches = n->version->runner == BT_RUNNER_V2 ? n->serve.pp + 1 : n->serve.pp > 1 ? n->serve.pp : 2;
    return sat_mul(n->version->windows_in_flight ? batches : 1, n->serve.max_batched_tokens);
}

uint64_t need_group_blocks(const struct bt_need *n, const struct bt_kv_group *g, uint64_t context)
{
    switch (g->kind) {
    case BT_MIX_SLIDING: return bt_ceil_div(BT_MIN(sat_add(g->window - 1, in_flight(n)), context), g->block) + 1;
    case BT_MIX_CHUNKED: return bt_ceil_div(BT_MIN(sat_add(g->window, in_flight(n)), context), g->block);
    case BT_MIX_STATE: {             /* one state, and with prefix caching the one it began from, or one for each block (vLLM v1/kv_cache_interface.py) */
        bool caching = n->serve.prefix_caching_on || (n->version->state_caching && !n->serve.prefix_caching_off);
        if (n->version->states_by_block)
            return bt_ceil_div(context, n->block);
        return n->version->states_aligned ? 1 + caching + n->spec_tokens : 1;
    }
    default: return bt_ceil_div(n->model->cross_tokens && g->window ? g->window : context, g->block);           /* a window: the encoder's tokens */
    }
}

uint64_t bt_need_request_blocks(const struct bt_need *n, const struct bt_need_rank *r, uint64_t context)
{
    uint64_t blocks = 0;
    if (r->tuple_bytes)
        return need_compressed_blocks(n, r, context);
    for (size_t i = 0; i < r->ngroups; i++)
        blocks = sat_add(blocks, need_group_blocks(n, &r->group[i], context));
    return blocks;
}

static bool equal_layers(const struct bt_need_rank *r)
{
    return r->ngroups == 1 && (r->group[0].kind == BT_MIX_FULL || r->group[0].kind == BT_MIX_MLA);
}

uint64_t bt_need_kv_request(const struct bt_need *n, const struct bt_need_rank *r, uint64_t context)
{
    if (n->ops->kv_for)
        return n->ops->kv_for(n, r, context, 1);
    if (need_keeps_none(n))
        return 0;
    const struct bt_need_rank *counted = n->check ? n->check : r;
    if (counted->tuple_bytes)
        return need_compressed_request(n, counted, context);
    return sat_mul(bt_need_request_blocks(n, counted, context), counted->kv_block_bytes);
}

uint64_t bt_need_kv_for(const struct bt_need *n, const struct bt_need_rank *r, uint64_t context, uint64_t requests)
{
    if (n->ops->kv_for)
        return n->ops->kv_for(n, r, context, requests);
    if (need_keeps_none(n))
        return 0;
    uint64_t all = sat_mul(sat_add(sat_mul(bt_need_request_blocks(n, r, context), requests), null_blocks(n)), r->kv_block_bytes);
    return (n->check || r->tuple_bytes) && requests ? BT_MAX(all, bt_need_kv_request(n, r, context)) : all;
}

uint64_t bt_need_kv_blocks(const struct bt_need *n, const struct bt_need_rank *r, uint64_t context, uint64_t requests)
{
    if (!n->ops->kv_for && !need_keeps_none(n) && !n->check && !r->tuple_bytes) {    /* mostly: a division less, where a search asks millions of times */
        uint64_t blocks = sat_add(sat_mul(bt_need_request_blocks(n, r, context), requests), null_blocks(n));
        if (sat_mul(blocks, r->kv_block_bytes) < BT_NEED_CAP)
            return blocks;
    }
    return bt_need_kv_for(n, r, context, requests) / r->kv_block_bytes;
}

uint64_t bt_need_kv_tokens(const struct bt_need *n, const struct bt_need_rank *r, uint64_t kv_bytes)
{
    if (n->ops->kv_tokens)
        return n->ops->kv_tokens(n, r, kv_bytes);
    uint64_t blocks = kv_bytes / r->kv_block_bytes;
    if (equal_layers(r))
        return sat_mul(blocks, n->block);
    uint64_t each = BT_MAX(bt_need_request_blocks(n, r, n->serve.context), 1u);
    return sat_f64(floor((double)blocks / (double)each * (double)n->serve.context));
}

uint64_t bt_need_longest(const struct bt_need *n, const struct bt_need_rank *r, uint64_t kv_bytes)
{
    if (n->ops->longest)
        return n->ops->longest(n, r, kv_bytes);
    r = n->check ? n->check : r;
    uint64_t blocks = kv_bytes / r->kv_block_bytes, none = null_blocks(n), low = 0, high = LONGEST_ASKED;
    if (blocks <= none)
        return 0;
    blocks -= none;
    if (equal_layers(r))
        return sat_mul(blocks, n->block);
    while (low < high) {             /* the engine searches too: more tokens never take fewer blocks */
        uint64_t mid = low + (high - low + 1) / 2;
        if (r->tuple_bytes ? need_compressed_request(n, r, mid) <= kv_bytes : bt_need_request_blocks(n, r, mid) <= blocks)
            low = mid;
        else
            high = mid - 1;
    }
    return low;
}

uint64_t bt_need_kv_cap(const struct bt_need *n, const struct bt_need_rank *r, uint64_t context)
{
    return bt_need_kv_for(n, r, context, n->serve.max_seqs);
}

uint64_t bt_need_kv_by_engine(const struct bt_need *n, const struct bt_need_rank *r, uint64_t total_bytes)
{
    if (n->ops->kv_by_engine)
        return n->ops->kv_by_engine(n, r, total_bytes);
    if (n->serve.kv_bytes)
        return n->serve.kv_bytes;
    uint64_t budget = sat_f64(ceil((double)total_bytes * n->serve.utilization));     /* as vLLM v1/worker/utils.py rounds it */
    uint64_t charged = sat_add(r->budget_bytes, r->passing_bytes);
    return budget > charged ? budget - charged : 0;
}

double bt_need_share(const struct bt_need *n, const struct bt_need_rank *r, uint64_t kv_bytes, uint64_t total_bytes, uint64_t room_bytes)
{
    if (n->ops->share)
        return n->ops->share(n, r, kv_bytes, total_bytes, room_bytes);
    if (!total_bytes)
        return 1;
    double share = ceil((double)sat_add(r->budget_bytes, kv_bytes) / (double)total_bytes * 1e4) / 1e4;
    return BT_MIN(share, 1.0);
}

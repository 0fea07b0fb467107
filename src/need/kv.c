/* kv - how many bytes a token takes, and what a number of bytes holds. vLLM v1/core/kv_cache_utils.py. */
#include <math.h>

#include "need/parts.h"

static const struct { const char *name; unsigned elem; } kv_dtypes[] = {
    { "fp8", 1 }, { "fp8_e4m3", 1 }, { "fp8_e5m2", 1 }, { "bfloat16", 2 }, { "float16", 2 },
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
    return bt_err_hint(err, "%s; known: auto, fp8, fp8_e4m3, fp8_e5m2, bfloat16, float16", near ? near : "auto");
}

static uint64_t null_blocks(const struct bt_need *n)
{
    return n->version->null_block_reserved;
}

static uint64_t blocks_of(const struct bt_need *n, uint64_t tokens)
{
    return bt_ceil_div(tokens, n->block);
}

uint64_t bt_need_kv_request(const struct bt_need *n, const struct bt_need_rank *r, uint64_t context)
{
    return sat_mul(blocks_of(n, context), r->kv_block_bytes);
}

uint64_t bt_need_kv_for(const struct bt_need *n, const struct bt_need_rank *r, uint64_t context, uint64_t requests)
{
    return sat_mul(sat_add(sat_mul(blocks_of(n, context), requests), null_blocks(n)), r->kv_block_bytes);
}

uint64_t bt_need_kv_tokens(const struct bt_need *n, const struct bt_need_rank *r, uint64_t kv_bytes)
{
    return kv_bytes / r->kv_block_bytes * n->block;
}

uint64_t bt_need_longest(const struct bt_need *n, const struct bt_need_rank *r, uint64_t kv_bytes)
{
    uint64_t blocks = kv_bytes / r->kv_block_bytes, none = null_blocks(n);
    return blocks > none ? (blocks - none) * n->block : 0;
}

uint64_t bt_need_kv_cap(const struct bt_need *n, const struct bt_need_rank *r, uint64_t context)
{
    return bt_need_kv_for(n, r, context, n->serve.max_seqs);
}

uint64_t bt_need_kv_by_engine(const struct bt_need *n, const struct bt_need_rank *r, uint64_t total_bytes)
{
    if (n->serve.kv_bytes)
        return n->serve.kv_bytes;
    uint64_t budget = sat_f64(ceil((double)total_bytes * n->serve.utilization));     /* as vLLM v1/worker/utils.py rounds it */
    return budget > r->budget_bytes ? budget - r->budget_bytes : 0;
}

double bt_need_utilization(const struct bt_need *n, const struct bt_need_rank *r, uint64_t kv_bytes, uint64_t total_bytes)
{
    (void)n;
    if (!total_bytes)
        return 1;
    double share = ceil((double)sat_add(r->budget_bytes, kv_bytes) / (double)total_bytes * 1e4) / 1e4;
    return BT_MIN(share, 1.0);
}

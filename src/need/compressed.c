/* compressed - KV of DeepSeek-V4: layers that fold 4 or 128 tokens into one, a window of all tokens in each, and the states of the compressors.
 * vLLM models/deepseek_v4/attention.py and compressor.py (what each keeps), v1/core/kv_cache_utils.py (how pages share a block). */
#include "need/parts.h"

#define ALIGN 576                    /* bytes; pages of the packed fp8 layout are multiples (FlashMLA) */
#define TOKEN 584                    /* bytes of a token there: 448 of fp8, 64 of bfloat16, 8 of scales */
#define BLOCK 256                    /* tokens of a block of what is folded; windows take 64, states of compressors 4 and 8 */
#define WINDOW_BLOCK 64

struct pages { uint64_t four, index, many, window, state4, state_index, state128; };

/* fp8_ds_mla is what "auto" and fp8 become (vLLM models/deepseek_v4/attention.py _resolve_dsv4_kv_cache_dtype); states are in 32 bits: kv and score of each number. */
static struct pages pages_of(const struct bt_model *m)
{
    uint64_t dim = m->head_dim, index = m->compressed->index_dim;
    return (struct pages){ .four = bt_round_up(BLOCK / 4 * TOKEN, ALIGN), .many = bt_round_up(BLOCK / 128 * TOKEN, ALIGN), .window = bt_round_up(WINDOW_BLOCK * TOKEN, ALIGN),
                           .index = bt_round_up(BLOCK / 4 * (index + 4 * bt_ceil_div(index, 128)), ALIGN), .state4 = bt_round_up(4 * 4 * dim * 4, ALIGN),
                           .state_index = bt_round_up(4 * 4 * index * 4, ALIGN), .state128 = bt_round_up(8 * 2 * dim * 4, ALIGN) };
}

/* The number of layers that a block has room for: the least waste over the kinds of layers, none smaller than the folded ones; of equals the largest. */
static uint64_t tuples(const uint64_t *kinds, size_t n)
{
    uint64_t most = 0, best = 0, least = UINT64_MAX;
    for (size_t i = 0; i < n; i++)
        most = BT_MAX(most, kinds[i]);
    for (uint64_t d = BT_MAX(kinds[0], 1u); d <= most; d++) {
        uint64_t waste = 0;
        for (size_t i = 0; i < n; i++)
            waste += bt_round_up(kinds[i], d) - kinds[i];
        if (waste <= least)
            least = waste, best = d;
    }
    return BT_MAX(best, 1u);
}

static uint64_t fitting(const struct pages *p, uint64_t bytes)       /* a smaller page is padded to the next of the folded layers' */
{
    return bytes <= p->many ? p->many : bytes <= p->index ? p->index : BT_MAX(bytes, p->four);
}

/* With a drafter of blocks beside it nothing is packed, and each group's blocks count whole: 2,356,056 tokens in 17.14 GiB of a start of 0.26 (seven drafted
 * tokens, 1,048,576 of context). One drafting layer like the others (mtp) changes neither: 150,992 in 7.71 GiB of 0.26.0. */
static bool by_blocks(const struct bt_need *n)
{
    return n->spec_tokens && need_draft(n->model, &n->serve).block;
}

static void group(const struct need_in *in, struct bt_need_rank *r, enum bt_mixer kind, uint64_t layers, uint64_t window, uint64_t block, uint64_t page)
{
    BT_PUSH(in->arena, r->group, r->ngroups,
            ((struct bt_kv_group){ .kind = kind, .layers = (uint32_t)layers, .window = (uint32_t)window, .block = block, .page_bytes = page }));
}

void need_kv_compressed(const struct need_in *in, struct bt_need *n, struct bt_need_rank *r)
{
    const struct bt_model *m = in->model;
    uint64_t four = 0, many = 0, all = 0;
    for (uint32_t i = in->first_layer; i < in->first_layer + in->layers; i++) {
        all++;
        four += m->layer[i].compress == 4;
        many += m->layer[i].compress == 128;
    }
    if (n->spec_tokens && in->last)
        all += need_draft(m, in->serve).layers;      /* drafting layers keep a window alone */
    struct pages p = pages_of(m);
    uint64_t kinds[] = { BT_MAX(four, many), all, four, many }, most = tuples(kinds, BT_LEN(kinds)), widest = kinds[0];
    uint64_t folded = four * (p.four + p.index) + many * p.many, parts = bt_ceil_div(all, most);
    group(in, r, BT_MIX_MLA, four + many, 0, BLOCK, folded);
    for (uint64_t i = 0; i < parts; i++) {           /* dealt out in turn: the first parts have one more */
        uint64_t mine = all / parts + (i < all % parts);
        group(in, r, BT_MIX_SLIDING, mine, m->compressed->window, WINDOW_BLOCK, mine * fitting(&p, p.window));
        widest = BT_MAX(widest, mine);
    }
    if (four)
        group(in, r, BT_MIX_SLIDING, four, 8, 4, four * (fitting(&p, p.state4) + fitting(&p, p.state_index)));
    if (many)
        group(in, r, BT_MIX_SLIDING, many, 128, 8, many * fitting(&p, p.state128));
    r->tuple_bytes = widest * (p.four + p.index + p.many);
    r->kv_block_bytes = in->version->pages_packed && !by_blocks(n) ? widest * p.four + four * p.index + many * p.many : r->tuple_bytes;
    r->kv_token_bytes = bt_ceil_div(folded, BLOCK);
    r->pool_layers = (uint32_t)widest;
    n->block = BLOCK;
}

/* What the start-up check counts: a whole tuple of pages for each block of each group. */
uint64_t need_compressed_request(const struct bt_need *n, const struct bt_need_rank *r, uint64_t context)
{
    uint64_t pages = 0;
    for (size_t i = 0; i < r->ngroups; i++)
        pages = sat_add(pages, need_group_blocks(n, &r->group[i], context));
    return sat_mul(pages, r->tuple_bytes);
}

/* Blocks of one request as the engine reckons its concurrency: until 0.26 the groups' bytes in pages of the folded layers, then each group's own blocks. */
uint64_t need_compressed_blocks(const struct bt_need *n, const struct bt_need_rank *r, uint64_t context)
{
    uint64_t bytes = 0, blocks = 0;
    for (size_t i = 0; i < r->ngroups; i++) {
        uint64_t mine = need_group_blocks(n, &r->group[i], context);
        blocks = sat_add(blocks, mine);
        bytes = sat_add(bytes, sat_mul(mine, r->group[i].page_bytes));
    }
    return n->version->blocks_summed || by_blocks(n) || !r->group[0].page_bytes ? blocks : bt_ceil_div(bytes, r->group[0].page_bytes);
}

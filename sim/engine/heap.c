/* heap.c - torch's CUDA caching allocator over the driver: what a tensor really takes (c10/cuda/CUDACachingAllocator.cpp). */
#include "sim/engine/rank.h"

#define SMALL_MAX MiB                /* kSmallSize */
#define SMALL_SEGMENT (2 * MiB)      /* kSmallBuffer */
#define LARGE_SEGMENT (20 * MiB)     /* kLargeBuffer */
#define OWN_SEGMENT (10 * MiB)       /* kMinLargeAlloc */
#define LARGE_STEP (2 * MiB)         /* kRoundLarge */

static int32_t new_block(struct se_heap *h, struct se_block b)
{
    if (h->nblocks == h->block_cap) {
        h->block_cap = h->block_cap ? 2 * h->block_cap : 256;
        h->block = bt_xrealloc(h->block, h->block_cap * sizeof *h->block);
    }
    h->block[h->nblocks] = b;
    return (int32_t)h->nblocks++;
}

/* max_split_size_mb: larger blocks are neither cut nor lent to smaller requests. */
static bool kept_apart(const struct se_heap *h, uint64_t block, uint64_t bytes)
{
    return h->split_max && (bytes < h->split_max ? block >= h->split_max : block >= bytes + LARGE_SEGMENT);
}

/* The free block that fits most closely. */
static int32_t best_fit(const struct se_heap *h, uint64_t bytes, bool small)
{
    int32_t best = -1;
    for (size_t i = 0; i < h->nblocks; i++) {
        const struct se_block *b = &h->block[i];
        if (!b->used && !(!small && kept_apart(h, b->bytes, bytes)) && b->small == small && b->segment >= 0 && b->bytes >= bytes &&
            (best < 0 || b->bytes < h->block[best].bytes))
            best = (int32_t)i;
    }
    return best;
}

static int32_t new_segment(struct se_heap *h, uint64_t bytes, bool small)
{
    uint64_t ptr;
    if (se_cuda_alloc(bytes, &ptr)) {
        se_heap_trim(h);
        if (se_cuda_alloc(bytes, &ptr))
            return -1;
    }
    if (h->nsegments == h->segment_cap) {
        h->segment_cap = h->segment_cap ? 2 * h->segment_cap : 64;
        h->segment = bt_xrealloc(h->segment, h->segment_cap * sizeof *h->segment);
    }
    int32_t at = (int32_t)h->nsegments++, block = new_block(h, (struct se_block){ .bytes = bytes, .segment = at, .next = -1, .small = small });
    h->segment[at] = (struct se_segment){ ptr, bytes, block };
    h->held += bytes;
    return block;
}

int32_t se_heap_take(struct se_heap *h, uint64_t bytes)
{
    bytes = bt_round_up(BT_MAX(bytes, 1), 512);
    bool small = bytes <= SMALL_MAX;
    int32_t at = best_fit(h, bytes, small);
    if (at < 0)
        at = new_segment(h, small ? SMALL_SEGMENT : bytes < OWN_SEGMENT ? LARGE_SEGMENT : bt_round_up(bytes, LARGE_STEP), small);
    if (at < 0)
        return -1;
    uint64_t left = h->block[at].bytes - bytes;
    bool whole = !small && h->split_max && bytes >= h->split_max;
    if (left >= (small ? 512 : SMALL_MAX + 1) && !whole) {           /* else the rest stays with it */
        int32_t rest = new_block(h, (struct se_block){ .bytes = left, .segment = h->block[at].segment, .next = h->block[at].next, .small = small });
        h->block[at].bytes = bytes;
        h->block[at].next = rest;
    }
    h->block[at].used = true;
    h->used += h->block[at].bytes;
    h->peak = BT_MAX(h->peak, h->used);
    return at;
}

void se_heap_give(struct se_heap *h, int32_t block)
{
    struct se_block *b = &h->block[block];
    b->used = false;
    h->used -= b->bytes;
    for (int32_t at = h->segment[b->segment].first; at >= 0;) {      /* free neighbours become one */
        struct se_block *x = &h->block[at];
        int32_t next = x->next;
        if (next >= 0 && !x->used && !h->block[next].used) {
            x->bytes += h->block[next].bytes;
            x->next = h->block[next].next;
            h->block[next].segment = -1;
        } else {
            at = next;
        }
    }
}

void se_heap_trim(struct se_heap *h)
{
    for (size_t i = 0; i < h->nsegments; i++) {
        struct se_segment *s = &h->segment[i];
        struct se_block *b = s->first >= 0 ? &h->block[s->first] : NULL;
        if (!b || b->used || b->next >= 0)
            continue;
        se_cuda_free(s->ptr);
        h->held -= s->bytes;
        b->segment = -1;
        s->first = -1;
    }
}

void se_heap_mark(struct se_heap *h)
{
    h->peak = h->used;
}

void se_heap_suspend(struct se_heap *h)
{
    for (size_t i = 0; i < h->nsegments; i++)
        if (h->segment[i].first >= 0 && h->segment[i].ptr) {
            se_cuda_free(h->segment[i].ptr);
            h->segment[i].ptr = 0;
        }
}

int se_heap_resume(struct se_heap *h)
{
    for (size_t i = 0; i < h->nsegments; i++)
        if (h->segment[i].first >= 0 && !h->segment[i].ptr && se_cuda_alloc(h->segment[i].bytes, &h->segment[i].ptr)) {
            while (i--)
                if (h->segment[i].first >= 0 && h->segment[i].ptr) {
                    se_cuda_free(h->segment[i].ptr);
                    h->segment[i].ptr = 0;
                }
            return -1;
        }
    return 0;
}

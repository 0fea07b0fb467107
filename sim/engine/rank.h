/* rank.h - the memory of one rank: what vLLM's GPU worker allocates, tensor by tensor, through a model of torch's caching allocator.
 *
 * Bytes and tokens throughout. Nothing here is shared between processes or threads. Errors are CUresults of the driver (0, or out of memory).
 * Sources: vLLM v1/worker/gpu_worker.py, v1/core/kv_cache_utils.py, model_executor/layers; torch c10/cuda/CUDACachingAllocator.cpp. */
#ifndef BT_SIM_ENGINE_RANK_H
#define BT_SIM_ENGINE_RANK_H
#include "sim/engine/engine.h"

/* ---- heap.c: torch's CUDA caching allocator. Up to 1 MiB from 2 MiB segments, below 10 MiB from segments of 20 MiB, else a segment of its own
 * in steps of 2 MiB; a block is split when what is left is worth it. Sizes are rounded to 512 bytes. ---- */
struct se_block { uint64_t bytes; int32_t segment, next; bool used, small; };
struct se_segment { uint64_t ptr, bytes; int32_t first; };
struct se_heap {
    struct se_block *block; size_t nblocks, block_cap;
    struct se_segment *segment; size_t nsegments, segment_cap;
    uint64_t used, held, peak;       /* bytes in blocks, in segments; most in blocks since se_heap_mark */
    uint64_t split_max;              /* bytes: max_split_size_mb; 0 = none */
};
int32_t se_heap_take(struct se_heap *h, uint64_t bytes);         /* block, or -1: the card is full, even after a trim */
void se_heap_give(struct se_heap *h, int32_t block);
void se_heap_trim(struct se_heap *h);                            /* empty_cache: segments without a used block go back */
void se_heap_mark(struct se_heap *h);                            /* the peak starts here */
void se_heap_suspend(struct se_heap *h);                         /* sleep: the bytes go back, the layout stays */
int se_heap_resume(struct se_heap *h);                           /* wake: 0, or -1 with nothing taken */

/* ---- stage: which layers and ends of the model a rank has ---- */
struct se_stage { unsigned tp, pp; uint32_t first_layer, layers; bool first, last; };
struct se_stage se_stage_of(const struct se *e, unsigned tp, unsigned pp);
unsigned se_elem(const struct se *e);                            /* bytes of a number that is served */

/* ---- weights.c: parameters of a stage as the engine makes them: fused, cut, in its types. Bytes of each; in the arena. ---- */
size_t se_weights(struct se *e, const struct se_stage *st, uint64_t **bytes);
size_t se_lora_slots(struct se *e, const struct se_stage *st, uint64_t **bytes);

/* ---- peak.c: one forward of a full batch, taken from the heap and given back. False: out of memory, *want says for what. ---- */
bool se_forward(struct se *e, const struct se_stage *st, struct se_heap *h, uint64_t *want);
uint64_t se_graph_bytes(const struct se *e, const struct se_stage *st);
unsigned se_graph_sizes(const struct se *e, unsigned *largest);
uint64_t se_growth_bytes(const struct se *e);                    /* outside torch while profiling: kernels, cuBLAS, NCCL channels */

/* ---- kv.c: what each layer keeps, layers in groups, groups in a pool of equal blocks ---- */
struct se_kv_layer { uint32_t number; uint64_t bytes; };         /* of a token, or of a state */
struct se_kv_group {
    enum bt_mixer kind; uint32_t window;
    uint64_t block, page;            /* tokens; bytes of one block of one layer (of the largest where they vary) */
    struct se_kv_layer *layer; size_t n;
};
struct se_kv { struct se_kv_group *group; size_t n; bool varied; uint64_t block; };        /* varied: one group, layers of unequal size */
int se_kv_plan(struct se *e, struct se_kv *out, struct bt_err *err);                         /* of the whole model, as the engine's one scheduler sees it */
size_t se_kv_tensors(struct se *e, const struct se_kv *kv, const struct se_stage *st, uint64_t **bytes);     /* of one block, tensor by tensor */
uint64_t se_kv_block_bytes(struct se *e, const struct se_kv *kv, const struct se_stage *st);
uint64_t se_kv_request_blocks(const struct se *e, const struct se_kv *kv, uint64_t context);
bool se_kv_uniform(const struct se_kv *kv);                      /* one kind of attention in all layers: tokens are blocks x block */
#endif

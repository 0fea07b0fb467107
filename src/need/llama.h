/* llama - the ledger of llama-server: layers and their caches on devices in file bytes, compute buffers as estimates. */
#ifndef BT_NEED_LLAMA_H
#define BT_NEED_LLAMA_H
#include "model/gguf.h"
#include "need/ops.h"

/* Where each layer is, and what a cell of the cache costs. */
struct need_llama {
    const struct bt_gguf *gguf;
    const struct bt_ggml_type *k, *v;
    uint32_t first_gpu_layer;        /* layers before it are on the CPU */
    uint32_t slots;
    bool unified, on_cpu;            /* on_cpu: no GPU at all, the rank is the host */
    bool apart, all_experts_apart, experts_apart;    /* tensors are where their layer is not; experts in RAM: of every layer, of some */
    bool moved;                      /* weights of a layer, or of the output, that is on a card are in RAM */
    bool planned;                    /* the pool is dealt later, in blocks of PAD cells: what grows with it is in kv_block_bytes */
    uint64_t window, ubatch;
    uint64_t n_ctx_seq;              /* tokens one slot may hold */
};

BT_MUST_CHECK int need_llama_server(struct bt_arena *a, const struct bt_model *m, const struct bt_engine *e, const struct bt_engine_version *v,
                                    const struct bt_serve *serve, const struct bt_gpu *card, struct bt_need **out, struct bt_err *err);
/* Cache bytes of layers [first, first + n) when each of `slots` slots may hold `context` tokens, or all share one cache of that. */
uint64_t need_llama_kv(const struct need_llama *l, const struct bt_serve *s, uint32_t first, uint32_t n, uint64_t context, uint64_t slots, bool unified);
uint64_t need_llama_kv_of_rank(const struct bt_need *n, const struct bt_need_rank *r, uint64_t context, uint64_t requests);
/* Cells of a layer with a window when the others have `cells`. */
uint64_t need_llama_window_cells(const struct need_llama *l, const struct bt_serve *s, uint64_t cells);

/* llama_compute.c. cells: of the cache that one slot sees. The compute buffer of a device or of the host; how far off that may be; what one cell
 * more adds to it. */
struct need_llama_step { bool host, head; uint32_t layers; };        /* computed on the CPU; the output; how many layers */
uint64_t need_llama_compute(const struct need_llama *l, const struct bt_serve *s, uint64_t cells, struct need_llama_step step, const char **why, struct bt_arena *a);
uint64_t need_llama_compute_doubt(const struct need_llama *l, uint64_t bytes);
uint64_t need_llama_compute_cell(const struct need_llama *l, const struct bt_serve *s);
/* The masks of attention; what the host prepares of a graph for the devices: embedded tokens and masks; the widest row of a matrix product. */
uint64_t need_llama_masks(const struct need_llama *l, const struct bt_serve *s, uint64_t cells);
uint64_t need_llama_inputs(const struct need_llama *l, const struct bt_serve *s, uint64_t cells);
uint64_t need_llama_pool_numbers(const struct need_llama *l);

uint64_t need_llama_longest(const struct bt_need *n, const struct bt_need_rank *r, uint64_t kv_bytes);

BT_MUST_CHECK int fit_llama_server(struct bt_arena *a, const struct bt_fit_case *c, const struct bt_serve *serve, struct bt_fit **out, struct bt_err *err);
double fit_llama_concurrency(const struct bt_fit *f, uint64_t context);
BT_MUST_CHECK int fit_llama_advice(struct bt_arena *a, const struct bt_fit_case *c, const struct bt_serve *serve, const struct bt_fit *now, uint64_t max_gpus,
                                   struct bt_advice **out, size_t *n, struct bt_err *err);
#endif

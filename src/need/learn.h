/* learn - what was measured when the same server started before, in place of estimates. Pure: the rows are an input; cmd reads them (store/store.h).
 *
 * Replaced are activations, graphs and what a process holds outside of torch; weights, LoRA slots and KV never: their formulas must be right. A row
 * counts for exactly one key; nothing is carried over to another model, version, card, driver, shape, flag or pipeline stage: the ranks of one stage are alike, and
 * each stage (llama-server: each device) has a row of its own. */
#ifndef BT_LEARN_H
#define BT_LEARN_H
#include "need/need.h"

struct bt_learned {
    const char *key;
    uint64_t activation_bytes;       /* peak of the profile run, by the engine's own log; llama-server: compute buffer, less what the cells add; 0 = its log did not say */
    uint64_t graph_bytes;            /* CUDA graphs, by its log; 0 = none said */
    uint64_t rest_bytes;             /* all that its process held on a card when it was ready, less weights, LoRA slots and KV; 0 = not measured */
    uint64_t starts;
    const char *when;                /* "2026-11-21", for people */
};
struct bt_learned_list { const char *driver; const struct bt_learned *row; size_t n; };     /* bt_gpu.learned */

/* Digest of everything that the measured bytes depend on: model, engine and version, card, driver, shape, flags, and which pipeline stage. */
const char *bt_need_key(struct bt_arena *a, const struct bt_need *n, size_t stage, const char *gpu_name, const char *driver);
/* Bytes of a rank that are computed and never learned: weights, LoRA slots and this KV. */
uint64_t bt_need_known_bytes(const struct bt_need_rank *r, uint64_t kv_bytes);
/* Of what a rank with this KV holds as compute buffer, the part that its cells add: not learned, it goes with the pool. 0 but for llama-server. */
uint64_t bt_need_growth_bytes(const struct bt_need *n, const struct bt_need_rank *r, uint64_t kv_bytes);
/* The rows of this need among card->learned, put into the lines of its ranks; rank[].learned is that row, or stays NULL. */
void need_learn(struct bt_arena *a, struct bt_need *n, const struct bt_gpu *card);
#endif

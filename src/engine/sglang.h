/* sglang - what the ledger needs of SGLang's own arithmetic. */
#ifndef BT_SGLANG_H
#define BT_SGLANG_H
#include "engine/engine.h"

/* Defaults by the card's capacity, the smallest that nvidia-smi lists (SGLang arg_groups/memory_hook.py). */
void bt_sglang_by_capacity(uint64_t nvml_bytes, uint64_t tp, uint64_t *chunk, uint64_t *graph_batch);
/* The default of --mem-fraction-static: what is left after a reserve for activations and graphs, to three digits. mla: an attention with one
 * latent per token, whose prefill graphs are counted as one sum. */
double bt_sglang_fraction(uint64_t nvml_bytes, const struct bt_serve *s, bool mla);
/* How many sizes of prefill graphs are captured, up to one chunk or the cap on the pool. */
uint64_t bt_sglang_prefill_graphs(const struct bt_serve *s);
#endif

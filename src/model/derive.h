/* derive.h - what the files share that derive tensors from a config: derive.c, derive_state.c. Inside of model. */
#ifndef BT_DERIVE_H
#define BT_DERIVE_H
#include "model/model_int.h"

/* A linear layer, or a vector (cols 0). Names are those of the checkpoints; experts of a layer come as one tensor of three dimensions. */
struct bt_piece { const char *name; uint64_t experts, rows, cols; bool linear, expert; };

/* layer: -1 = outside the layers. A linear piece is added as the model's quantisation stores it. */
BT_MUST_CHECK int bt_derive_add(struct bt_tensors *l, int layer, struct bt_piece p, struct bt_err *err);
/* One tensor of that type, not quantised. */
BT_MUST_CHECK int bt_derive_add_as(struct bt_tensors *l, const char *module, const char *ending, enum bt_dtype dtype, uint64_t experts, uint64_t rows, uint64_t cols, struct bt_err *err);
/* What a layer has that keeps a state. */
BT_MUST_CHECK int bt_derive_state(struct bt_tensors *l, int layer, const struct bt_state *s, struct bt_err *err);

#define LINEAR(n, r, c) (struct bt_piece){ .name = (n), .rows = (r), .cols = (c), .linear = true }
#define PLAIN(n, r, c) (struct bt_piece){ .name = (n), .rows = (r), .cols = (c) }
#define ADD(...) do { if (bt_derive_add(l, i, __VA_ARGS__, err) < 0) return -1; } while (0)
#endif

/* builtin.h - a row of the tables of built-in shapes (builtin_*.c), written from the models' published configurations. Inside of model.
 *
 * Columns: id, architecture, model_type, layers, hidden, intermediate, heads, kv_heads, head_dim, vocab, max_position, tied, parameters, more keys.
 * A row without layers has its whole config in `extra`, for configs of another form. The last row of a table has no id. */
#ifndef BT_BUILTIN_H
#define BT_BUILTIN_H
#include "model/model_int.h"

enum tie { SEPARATE, TIED };
struct bt_shape_row {
    const char *id, *architecture, *type;
    uint32_t layers, hidden, intermediate, heads, kv_heads, head_dim, vocab, max_position;
    enum tie tie;
    uint64_t parameters;             /* published; 0 = not known to us */
    const char *extra;               /* more keys of its config, quantization_config the last of them; or NULL */
};

extern const struct bt_shape_row bt_shapes_llama[], bt_shapes_qwen[], bt_shapes_qwen_vl[], bt_shapes_latent[], bt_shapes_google[], bt_shapes_others[], bt_shapes_encoder[];
#endif

/* model_int.h - what the model files share; not for other floors. */
#ifndef BT_MODEL_INT_H
#define BT_MODEL_INT_H
#include "model/model.h"

/* Text out of a file made fit for errors and tables: escaped, at most 160 bytes. */
const char *bt_model_shown(struct bt_arena *a, const char *text);
/* Git LFS leaves a small text in place of a file that was not downloaded. */
bool bt_model_is_lfs(struct bt_str head);
int bt_model_lfs_err(struct bt_err *err, const char *path);

/* weights.c: the tensors of the safetensors files in m->dir, if there are any (else m stays as it is): fills tensors, file_bytes, shards. */
BT_MUST_CHECK int bt_weights_read(struct bt_arena *a, struct bt_model *m, struct bt_err *err);
/* Sum of tensors[] into parameters and weight_bytes, overflow checked. */
BT_MUST_CHECK int bt_model_sum(struct bt_model *m, struct bt_err *err);

/* builtin.c: config.json text of a built-in shape, or NULL. *parameters: the published count. */
const char *bt_builtin_config(struct bt_arena *a, const char *id, uint64_t *parameters);

/* locate.c: where `ref` lives. dir is NULL when it is on no disk; places: what was looked at, for the error. */
struct bt_model_place { const char *dir, *places; };
BT_MUST_CHECK int bt_model_locate(struct bt_arena *a, const char *ref, const char *revision, struct bt_model_place *out, struct bt_err *err);
#endif

/* json.h - checked access to jansson values, for files and messages from outside. Owners are as jansson says: "get" borrows. */
#ifndef BT_JSON_H
#define BT_JSON_H
#include <jansson.h>
#include "base/arena.h"

/* Parse one JSON text (objects only). Refuses duplicate keys, depth over 64 (jansson's own limit 2048 is lowered), text over max.
 * what: named in the error. Returns a new reference. */
json_t *bt_json_load(struct bt_str text, size_t max, const char *what, struct bt_err *err);
json_t *bt_json_load_file(const char *path, size_t max, struct bt_err *err);

/* How deep brackets nest in the text, strings skipped; *line is where level 65 opens. Judges nothing else. */
size_t bt_json_depth(struct bt_str text, unsigned *line);

/* Typed members. *_opt: absent or null gives the default; a wrong type or a value outside the bounds is BT_E_INPUT naming what.key. */
BT_MUST_CHECK int bt_json_u64(const json_t *o, const char *key, uint64_t min, uint64_t max, uint64_t *out, const char *what, struct bt_err *err);
BT_MUST_CHECK int bt_json_u64_opt(const json_t *o, const char *key, uint64_t def, uint64_t min, uint64_t max, uint64_t *out, const char *what,
                                  struct bt_err *err);
BT_MUST_CHECK int bt_json_str(const json_t *o, const char *key, const char **out, const char *what, struct bt_err *err);
BT_MUST_CHECK int bt_json_str_opt(const json_t *o, const char *key, const char *def, const char **out, const char *what, struct bt_err *err);
BT_MUST_CHECK int bt_json_bool_opt(const json_t *o, const char *key, bool def, bool *out, const char *what, struct bt_err *err);
BT_MUST_CHECK int bt_json_f64_opt(const json_t *o, const char *key, double def, double *out, const char *what, struct bt_err *err);

json_t *bt_json_text(const char *z);                  /* null for NULL; what is not UTF-8 (bytes of a child, file names) is escaped */
json_t *bt_json_bytes(uint64_t n);                   /* integer; values above 2^63-1 are clamped (no byte count is that big) */
char *bt_json_dump(struct bt_arena *a, const json_t *v, bool pretty);       /* keys in insertion order */
#endif

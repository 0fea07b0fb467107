/* check - is a model's folder whole: everything that loading it will look for, found before anything loads. All faults, not only the first. */
#ifndef BT_MODEL_CHECK_H
#define BT_MODEL_CHECK_H
#include "model/model.h"

enum bt_verdict { BT_V_OK, BT_V_WARNING, BT_V_WRONG, BT_V_NOT_CHECKED };
const char *bt_verdict_name(enum bt_verdict v);      /* "ok", "warning", "wrong", "not checked" */
struct bt_finding { const char *what; enum bt_verdict verdict; const char *text, *hint; };   /* what: "config", "weights", "tokenizer", ...; hint may be NULL */
struct bt_findings { struct bt_arena *arena; struct bt_finding *v; size_t n; };
void bt_finding_add(struct bt_findings *f, const char *what, enum bt_verdict v, const char *text, const char *hint);
bool bt_findings_ok(const struct bt_findings *f);    /* nothing wrong */

/* Look at ref (a folder, a .gguf file, an id in the Hugging Face cache). Fills findings; *model only when it could be read whole, else NULL.
 * *dir: the folder that was looked at. Fails only when there is nothing to look at (BT_E_NOT_FOUND). Weights' contents are not read. */
BT_MUST_CHECK int bt_model_check(struct bt_arena *a, const char *ref, const char *revision, struct bt_findings *out, struct bt_model **model, const char **dir,
                                 struct bt_err *err);
#endif

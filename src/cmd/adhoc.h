/* adhoc.h - a spec made of a command line: one model, a server's command as people have it, or one command. JSON, which YAML reads. Pure. */
#ifndef BT_CMD_ADHOC_H
#define BT_CMD_ADHOC_H
#include "base/arena.h"
#include "base/opt.h"

struct bt_adhoc {
    const char *name;                /* of the project; NULL = made of the model or the program */
    const char *engine, *memory, *context, *port, *quantization;    /* as the spec has them; NULL = not given */
    const char *gpus;                /* per instance: "2"; NULL = auto */
};
/* *text: the spec. *workload: the name of its only workload. BT_E_USAGE for what no spec can say. All in the arena. */
BT_MUST_CHECK int bt_adhoc_model(struct bt_arena *a, const char *model, const struct bt_adhoc *o, const char **text, const char **workload, struct bt_err *err);
/* words: what stands after "--", a server's command (paste.h). *visible: the cards it was given (CUDA_VISIBLE_DEVICES), or NULL. notes: of its flags
 * those that are left out, and why. */
BT_MUST_CHECK int bt_adhoc_paste(struct bt_arena *a, const char *const *words, size_t n, const struct bt_adhoc *o, const char **text,
                                 const char **workload, const char **visible, struct bt_strs *notes, struct bt_err *err);
/* A job. serial makes the project's name unique on this machine. */
BT_MUST_CHECK int bt_adhoc_command(struct bt_arena *a, const char *const *words, size_t n, const char *cwd, unsigned serial, const struct bt_adhoc *o,
                                   const char **text, const char **workload, struct bt_err *err);
#endif

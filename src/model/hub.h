/* hub.h - a model's headers from the Hugging Face hub, by HTTP range requests: never its weights.
 *
 * What was fetched lies in berth's own cache: a folder a commit, with the small files whole, of each weight file only its head, and
 * hub.json, which says how long the files really are. The rest of this floor reads such a folder as any other, and asks
 * bt_hub_file_size() where it would have asked the file. */
#ifndef BT_HUB_H
#define BT_HUB_H
#include "model/model.h"

struct bt_hub_file { const char *name; uint64_t bytes; };            /* bytes: of the whole file on the hub */
struct bt_hub {
    const char *endpoint;            /* "https://huggingface.co" */
    const char *repo, *commit;
    const char *dir;                 /* in berth's cache */
    struct bt_hub_file *file; size_t n;              /* sorted by name */
};

/* repo: "ORG/NAME"; tag chooses among GGUF files ("Q4_K_M"), NULL = none; revision NULL = main. Reads HF_ENDPOINT, HF_TOKEN, HF_HUB_OFFLINE,
 * BERTH_CACHE_DIR, and BERTH_HUB_STALL_S (seconds without a byte, 10). BT_E_NOT_FOUND: no such model, no access, or no hub there; BT_E_BUSY: it
 * limits requests or fails; BT_E_INPUT: what it sent is broken. *out->file is filled. A line of progress on stderr where that is a terminal. */
BT_MUST_CHECK int bt_hub_open(struct bt_arena *a, const char *repo, const char *tag, const char *revision, const struct bt_hub **out, struct bt_err *err);
/* Length of the file at `path` on the hub, where the model is from there and has one of that name; else 0. */
uint64_t bt_hub_file_size(const struct bt_model *m, const char *path);
#endif

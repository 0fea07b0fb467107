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

/* Length of the file at `path` on the hub, where the model is from there and has one of that name; else 0. */
uint64_t bt_hub_file_size(const struct bt_model *m, const char *path);
#endif

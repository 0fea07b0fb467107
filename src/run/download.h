/* download.h - is an engine that starts just now fetching its model for the first time, and how far is it: by the files that grow in the Hugging Face cache,
 * since engines say nothing of it to a log (their bars go to a terminal). Reads names and sizes, nothing else. */
#ifndef BT_RUN_DOWNLOAD_H
#define BT_RUN_DOWNLOAD_H
#include "base/opt.h"

struct bt_download {
    bool active;                     /* a file of it is being written */
    uint64_t bytes, of_bytes;        /* fetched in this start, and to fetch; of_bytes 0: not known */
    double per_s;                    /* over the last looks; 0: not known yet */
    /* inside */
    bool begun;
    uint64_t before, last; int64_t look_ms;
};

/* The folder of a model of the hub in the cache that this environment ("NAME=value" rows) points to: HF_HUB_CACHE, HF_HOME, XDG_CACHE_HOME, ~/.cache.
 * NULL: not an id of the hub. */
const char *bt_download_dir(struct bt_arena *a, const struct bt_strs *env, const char *model);
/* One look, at most once a second; total_bytes: of the model's weights, 0 = not known. True: something changed. */
bool bt_download_look(struct bt_download *d, const char *dir, uint64_t total_bytes, int64_t now_ms);
#endif

/* planning_disk.c - before a start: what has to be fetched first, and is there room for it on the disk. */
#include <stdio.h>
#include <sys/statfs.h>

#include "base/file.h"
#include "base/units.h"
#include "cmd/planning_own.h"
#include "run/download.h"

extern char **environ;

static bool room(struct bt_arena *a, const char *path, const char **there, uint64_t *bytes)
{
    struct statfs s;
    while (statfs(path, &s) < 0) {   /* the nearest folder above that is there */
        if (!strcmp(path, "/") || !strcmp(path, "."))
            return false;
        path = bt_path_dir(a, path);
    }
    *there = path;
    *bytes = (uint64_t)s.f_bavail * (uint64_t)s.f_bsize;
    return true;
}

/* Weights that were read here need no fetching; what a spec's own `env` says about the cache is the spec's business. */
int bt_planning_disk(struct bt_arena *a, const struct bt_spec *s, const struct bt_plan_model *models, struct bt_err *err)
{
    bt_auto_buf struct bt_buf what = BT_BUF(2048);
    struct bt_strs env = { 0 };
    const char *dir = NULL, *there;
    uint64_t need = 0, bytes;
    for (char **e = environ; *e; e++)
        BT_PUSH(a, env.v, env.n, *e);
    for (size_t i = 0; i < s->n; i++) {
        const struct bt_model *m = s->w[i].kind == BT_SERVER ? models[i].model : NULL;
        bool known = !m || m->source == BT_MODEL_HEADERS || m->file || s->w[i].optional;
        for (size_t k = 0; !known && k < i; k++)
            known = s->w[k].kind == BT_SERVER && !strcmp(s->w[k].model, s->w[i].model);              /* fetched once */
        const char *to = known ? NULL : bt_download_dir(a, &env, s->w[i].model);
        if (!to)
            continue;
        dir = to;
        need += m->weight_bytes;
        bt_buf_printf(&what, "%s%s (%s)", what.n ? ", " : "", s->w[i].model, bt_bytes_human(m->weight_bytes));
    }
    if (!dir || !room(a, dir, &there, &bytes) || need <= bytes)
        return 0;
    bt_err_set(err, BT_E_FIT, 0, "%s is to be fetched first, and %s has %s free", bt_buf_z(&what), there, bt_bytes_human(bytes));
    return bt_err_hint(err, "make room there, or HF_HOME=/a/larger/disk berth up");
}

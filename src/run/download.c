/* download.c - see download.h */
#include "run/download.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/units.h"

enum { LOOK_MS = 1000 };

static const char *value_of(const struct bt_strs *env, const char *key)
{
    size_t len = strlen(key);
    for (size_t i = 0; i < env->n; i++)
        if (!strncmp(env->v[i], key, len) && env->v[i][len] == '=' && env->v[i][len + 1])
            return env->v[i] + len + 1;
    return NULL;
}

const char *bt_download_dir(struct bt_arena *a, const struct bt_strs *env, const char *model)
{
    const char *hub = value_of(env, "HF_HUB_CACHE"), *home = value_of(env, "HF_HOME"), *cache = value_of(env, "XDG_CACHE_HOME"), *me = value_of(env, "HOME");
    const char *slash = model ? strchr(model, '/') : NULL;
    bt_auto_buf struct bt_buf b = BT_BUF(8 * KiB);
    if (!model || !model[0] || strchr("./~", model[0]) || (slash && strchr(slash + 1, '/')))
        return NULL;
    hub = hub ? hub : value_of(env, "HUGGINGFACE_HUB_CACHE");
    if (hub)
        bt_buf_puts(&b, hub);
    else if (home)
        bt_buf_printf(&b, "%s/hub", home);
    else if (cache)
        bt_buf_printf(&b, "%s/huggingface/hub", cache);
    else if (me)
        bt_buf_printf(&b, "%s/.cache/huggingface/hub", me);
    else
        return NULL;
    bt_buf_puts(&b, "/models--");
    for (; *model && *model != ':'; model++)         /* what follows a colon says which of its files */
        bt_buf_printf(&b, *model == '/' ? "--" : "%c", *model);
    return b.over || bt_buf_z(&b)[0] != '/' ? NULL : bt_arena_strdup(a, bt_buf_z(&b));
}

/* What there is of it on the disk. A file that is made long before it is written counts by its blocks. */
static uint64_t held(const char *dir, bool *writing)
{
    bt_auto_arena a = { 0 };
    DIR *d = opendir(bt_arena_printf(&a, "%s/blobs", dir));
    uint64_t sum = 0;
    *writing = false;
    for (struct dirent *e; d && (e = readdir(d));) {
        struct stat st;
        if (e->d_name[0] == '.' || fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode))
            continue;
        *writing |= bt_str_ends(bt_str(e->d_name), ".incomplete");
        sum += BT_MIN((uint64_t)st.st_size, (uint64_t)st.st_blocks * 512);
    }
    if (d)
        closedir(d);
    return sum;
}

bool bt_download_look(struct bt_download *d, const char *dir, uint64_t total_bytes, int64_t now_ms)
{
    enum { WEIGHT = 3 };             /* of the rate so far, beside 1 of the last second */
    bool writing, was = d->active;
    if (!dir || (d->begun && now_ms - d->look_ms < LOOK_MS))
        return false;
    uint64_t now = held(dir, &writing);
    if (!d->begun)
        *d = (struct bt_download){ .begun = true, .before = now, .last = now };
    else if (now_ms > d->look_ms) {
        double rate = (double)(now - BT_MIN(d->last, now)) * 1000 / (double)(now_ms - d->look_ms);
        d->per_s = d->per_s > 0 ? (d->per_s * WEIGHT + rate) / (WEIGHT + 1) : rate;
    }
    bool moved = now != d->last;
    d->active = writing && (now > d->before || was);                 /* one that an earlier start left and nobody writes is none */
    d->bytes = now - BT_MIN(d->before, now);
    d->of_bytes = total_bytes > d->before ? BT_MAX(total_bytes - d->before, d->bytes) : 0;
    d->last = now;
    d->look_ms = now_ms;
    return was != d->active || (d->active && moved);
}

/* hub_repo.c - a repository of the hub as its folder in berth's cache shows it. */
#include "model/hub.h"

static int by_name(const void *x, const void *y)
{
    return strcmp(((const struct bt_hub_file *)x)->name, ((const struct bt_hub_file *)y)->name);
}

uint64_t bt_hub_file_size(const struct bt_model *m, const char *path)
{
    size_t n = m->hub ? strlen(m->hub->dir) : 0;
    if (!m->hub || strncmp(path, m->hub->dir, n) != 0 || path[n] != '/')
        return 0;
    struct bt_hub_file want = { .name = path + n + 1 };
    const struct bt_hub_file *hit = m->hub->n ? bsearch(&want, m->hub->file, m->hub->n, sizeof want, by_name) : NULL;
    return hit ? hit->bytes : 0;
}

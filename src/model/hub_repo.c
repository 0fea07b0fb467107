/* hub_repo.c - a repository of the hub as its folder in berth's cache shows it. */
#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "model/hub_int.h"

static int by_name(const void *x, const void *y)
{
    return strcmp(((const struct bt_hub_file *)x)->name, ((const struct bt_hub_file *)y)->name);
}

uint64_t bt_hub_file_size(const struct bt_model *m, const char *path)
{
    size_t n = m && m->hub ? strlen(m->hub->dir) : 0;
    if (!n || strncmp(path, m->hub->dir, n) != 0 || path[n] != '/')
        return 0;
    struct bt_hub_file want = { .name = path + n + 1 };
    const struct bt_hub_file *hit = m->hub->n ? bsearch(&want, m->hub->file, m->hub->n, sizeof want, by_name) : NULL;
    return hit ? hit->bytes : 0;
}

/* BERTH_CACHE_DIR, XDG_CACHE_HOME/berth, ~/.cache/berth. Two endpoints may have different models of one name. */
const char *hub_cache_dir(struct bt_arena *a, const char *endpoint, const char *repo)
{
    const char *base = getenv("BERTH_CACHE_DIR"), *xdg = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    struct bt_str org, name = bt_str_cut(bt_str(repo), '/', &org);
    struct bt_digest d = bt_digest_of(bt_str(endpoint));
    if (base && *base)
        base = bt_path_abs(a, NULL, base);
    else if (xdg && *xdg)
        base = bt_arena_printf(a, "%s/berth", bt_path_abs(a, NULL, xdg));
    else if (home && *home)
        base = bt_arena_printf(a, "%s/.cache/berth", home);
    else
        return NULL;
    return name.p ? bt_arena_printf(a, "%s/hub-%.8s/%.*s--%.*s", base, d.hex, BT_STR(org), BT_STR(name)) : bt_arena_printf(a, "%s/hub-%.8s/%s", base, d.hex, repo);
}

bool hub_repo_load(struct bt_arena *a, struct bt_hub *hub)
{
    struct bt_err ignored = { 0 };   /* a broken folder counts as none: it is fetched again */
    json_t *root = bt_json_load_file(bt_arena_printf(a, "%s/hub.json", hub->dir), 16 * MiB, &ignored), *v;
    const char *name;
    bool whole = root != NULL;
    json_object_foreach(json_object_get(root, "files"), name, v) {
        struct bt_hub_file f = { bt_arena_strdup(a, name), json_integer_value(v) > 0 ? (uint64_t)json_integer_value(v) : 0 };
        whole = whole && f.bytes && !strchr(name, '/') && bt_file_exists(bt_arena_printf(a, "%s/%s", hub->dir, name));
        BT_PUSH(a, hub->file, hub->n, f);
    }
    json_decref(root);
    if (!whole)
        hub->n = 0;
    if (hub->n)
        qsort(hub->file, hub->n, sizeof *hub->file, by_name);
    return hub->n > 0;
}

int hub_repo_save(struct bt_arena *a, struct bt_hub *hub, struct bt_err *err)
{
    json_t *files = json_object();
    qsort(hub->file, hub->n, sizeof *hub->file, by_name);
    for (size_t i = 0; i < hub->n; i++)
        json_object_set_new(files, hub->file[i].name, bt_json_bytes(hub->file[i].bytes));
    json_t *root = json_pack("{s:s, s:s, s:s, s:o}", "endpoint", hub->endpoint, "repo", hub->repo, "commit", hub->commit, "files", files);
    const char *text = bt_json_dump(a, root, true);
    json_decref(root);
    return bt_file_write(bt_arena_printf(a, "%s/hub.json", hub->dir), bt_str(text), err);
}

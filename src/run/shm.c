/* shm.c - see shm.h */
#include "run/shm.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/log.h"
#include "base/opt.h"
#include "base/units.h"

enum { MAPS_MAX = 64 * 1024 * 1024, NAMES_MAX = 4096 };

static bool has(const struct bt_strs *list, struct bt_str name)
{
    for (size_t i = 0; i < list->n; i++)
        if (bt_str_eq(name, list->v[i]))
            return true;
    return false;
}

/* Names below /dev/shm in one process's maps; deleted ones need nobody. */
static void add_maps(struct bt_arena *a, pid_t pid, struct bt_strs *out)
{
    static const char prefix[] = "/dev/shm/";
    FILE *f = fopen(bt_arena_printf(a, "/proc/%d/maps", (int)pid), "re");
    char *line = NULL;
    size_t size = 0;
    for (ssize_t n; f && (n = getline(&line, &size, f)) > 0;) {
        const char *at = strstr(line, prefix);
        if (!at || strstr(at, " (deleted)") || out->n == NAMES_MAX)
            continue;
        struct bt_str name = { at + sizeof prefix - 1, strcspn(at + sizeof prefix - 1, "\n") };
        if (!name.n || memchr(name.p, '/', name.n) || has(out, name))
            continue;
        const char *copy = bt_arena_strndup(a, name);
        BT_PUSH(a, out->v, out->n, copy);
    }
    free(line);
    if (f)
        fclose(f);
}

/* The list has a line "INODE NAME" of each; *inode has as many as the names. */
static struct bt_strs read_list(struct bt_arena *a, const char *dir, uint64_t **inode)
{
    struct bt_err ignored = { 0 };
    struct bt_strs list = { 0 };
    struct bt_str text;
    size_t n = 0;
    *inode = NULL;
    if (bt_file_read(a, bt_arena_printf(a, "%s/shm", dir), 1 * MiB, &text, &ignored) < 0)
        return list;
    for (const char *at = text.p, *nl; (nl = memchr(at, '\n', (size_t)(text.p + text.n - at))); at = nl + 1) {
        struct bt_str number, name = bt_str_cut((struct bt_str){ at, (size_t)(nl - at) }, ' ', &number);
        uint64_t ino;
        if (bt_u64_parse(number, 1, UINT64_MAX, &ino, &ignored) < 0 || !name.n)
            continue;
        const char *copy = bt_arena_strndup(a, name);
        BT_PUSH(a, list.v, list.n, copy);
        BT_PUSH(a, *inode, n, ino);
    }
    return list;
}

/* Its inode; 0: it is not there, not ours, or no plain file. */
static uint64_t ours(struct bt_arena *a, const char *name)
{
    struct stat st;
    return lstat(bt_arena_printf(a, "/dev/shm/%s", name), &st) == 0 && S_ISREG(st.st_mode) && st.st_uid == getuid() ? (uint64_t)st.st_ino : 0;
}

void bt_shm_note(const char *dir, const struct bt_proc *m, size_t n)
{
    bt_auto_arena a = { 0 };
    bt_auto_buf struct bt_buf b = BT_BUF(1 * MiB);
    struct bt_err err = { 0 };
    uint64_t *inode, now;
    struct bt_strs list = read_list(&a, dir, &inode);
    size_t before = list.n;
    for (size_t i = 0; i < n; i++)
        add_maps(&a, m[i].id.pid, &list);
    for (size_t i = 0; i < list.n; i++)
        if ((now = i < before ? inode[i] : ours(&a, list.v[i])))
            bt_buf_printf(&b, "%llu %s\n", (unsigned long long)now, list.v[i]);
    if (list.n > before && bt_file_write(bt_arena_printf(&a, "%s/shm", dir), (struct bt_str){ bt_buf_z(&b), b.n }, &err) < 0)
        bt_warn("inst", "%s: its shared memory is not noted: %s", dir, err.msg);
}

size_t bt_shm_sweep(const char *dir)
{
    bt_auto_arena a = { 0 };
    uint64_t *inode;
    struct bt_strs list = read_list(&a, dir, &inode), used = { 0 };
    struct bt_proc *all;
    size_t n = list.n ? bt_proc_list(&a, &all) : 0, removed = 0;
    for (size_t i = 0; i < n; i++)
        add_maps(&a, all[i].id.pid, &used);
    for (size_t i = 0; i < list.n; i++)
        if (!has(&used, bt_str(list.v[i])) && ours(&a, list.v[i]) == inode[i])       /* not somebody's who took the name since */
            removed += unlink(bt_arena_printf(&a, "/dev/shm/%s", list.v[i])) == 0;
    unlink(bt_arena_printf(&a, "%s/shm", dir));
    return removed;
}

/* keepdir.c - the files of an instance's folder. */
#include "run/keepdir.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/file.h"

enum { FILE_MAX = 4 * 1024 * 1024 };

static int write_json(const char *dir, const char *file, json_t *o, struct bt_err *err)
{
    bt_auto_arena a = { 0 };
    char *text = bt_json_dump(&a, o, false);
    json_decref(o);
    return bt_file_write(bt_arena_printf(&a, "%s/%s", dir, file), bt_str(text), err);
}

static json_t *read_json(const char *dir, const char *file, struct bt_err *err)
{
    bt_auto_arena a = { 0 };
    return bt_json_load_file(bt_arena_printf(&a, "%s/%s", dir, file), FILE_MAX, err);
}

int bt_keep_launch_write(const char *dir, const struct bt_keep_launch *l, struct bt_err *err)
{
    json_t *argv = json_array(), *ports = json_array(), *base = json_array();
    for (size_t i = 0; i < l->argv.n; i++)
        json_array_append_new(argv, json_string(l->argv.v[i]));
    for (size_t i = 0; i < l->nports; i++)
        json_array_append_new(ports,
                              json_pack("{s:s, s:i, s:i}", "name", l->port[i].name, "port", (int)l->port[i].port, "block", (int)l->port[i].block));
    for (size_t i = 0; i < l->nbase; i++)
        json_array_append_new(base, json_integer(l->base[i]));
    json_t *o = json_pack("{s:s, s:s, s:o, s:s, s:s, s:I, s:I, s:I, s:o, s:o, s:I, s:I, s:b, s:I, s:I}", "project", l->project, "id", l->id, "argv", argv,
                          "cwd", l->cwd, "url", l->url, "log_max_bytes", (json_int_t)l->log_max_bytes, "restarts", (json_int_t)l->restarts, "wall_ms",
                          (json_int_t)l->wall_ms, "ports", ports, "base", base, "task", (json_int_t)l->task, "deaths",
                          (json_int_t)l->deaths, "was_ready", l->was_ready, "mono_ms", (json_int_t)l->mono_ms, "ram_max_bytes",
                          (json_int_t)BT_MIN(l->ram_max_bytes, (uint64_t)INT64_MAX));
    if (!o)
        return bt_err_set(err, BT_E_INPUT, 0, "write %s/launch.json: a text that is not UTF-8", dir);
    return write_json(dir, "launch.json", o, err);
}

static int read_ports(struct bt_arena *a, const json_t *ports, struct bt_keep_launch *out, const char *dir, struct bt_err *err)
{
    size_t i;
    json_t *p;
    json_array_foreach(ports, i, p) {
        uint64_t port, block;
        const char *name;
        if (bt_json_str(p, "name", &name, "launch.json ports", err) < 0 || bt_json_u64(p, "port", 1, 65535, &port, "launch.json ports", err) < 0 ||
            bt_json_u64(p, "block", 1, 1024, &block, "launch.json ports", err) < 0)
            return bt_err_wrap(err, "read %s", dir);
        struct bt_keep_port row = { bt_arena_strdup(a, name), (uint16_t)port, (uint16_t)block };
        BT_PUSH(a, out->port, out->nports, row);
    }
    return 0;
}

int bt_keep_launch_read(struct bt_arena *a, const char *dir, struct bt_keep_launch *out, struct bt_err *err)
{
    const char *project, *id, *cwd, *url;
    uint64_t wall_ms;
    memset(out, 0, sizeof *out);
    json_t *o = read_json(dir, "launch.json", err);
    if (!o)
        return -1;
    if (bt_json_str(o, "project", &project, "launch.json", err) < 0 || bt_json_str(o, "id", &id, "launch.json", err) < 0 ||
        bt_json_str(o, "cwd", &cwd, "launch.json", err) < 0 || bt_json_str(o, "url", &url, "launch.json", err) < 0 ||
        bt_json_u64(o, "log_max_bytes", 4096, UINT64_C(1) << 40, &out->log_max_bytes, "launch.json", err) < 0 ||
        bt_json_u64(o, "restarts", 0, UINT32_MAX, &out->restarts, "launch.json", err) < 0 ||
        bt_json_u64(o, "wall_ms", 0, INT64_MAX, &wall_ms, "launch.json", err) < 0 || read_ports(a, json_object_get(o, "ports"), out, dir, err) < 0)
        goto bad;
    size_t i;
    json_t *s;
    json_array_foreach(json_object_get(o, "argv"), i, s) {
        const char *copy = bt_arena_strdup(a, json_string_value(s));
        if (copy)
            BT_PUSH(a, out->argv.v, out->argv.n, copy);
    }
    if (!out->argv.n || out->argv.n != json_array_size(json_object_get(o, "argv"))) {
        bt_err_set(err, BT_E_INPUT, 0, "read %s/launch.json: argv is not a list of texts", dir);
        goto bad;
    }
    json_array_foreach(json_object_get(o, "base"), i, s)
        BT_PUSH(a, out->base, out->nbase, json_is_integer(s) ? (int64_t)json_integer_value(s) : -1);
    const json_t *task = json_object_get(o, "task");
    out->task = json_is_integer(task) ? (int64_t)json_integer_value(task) : -1;
    json_int_t deaths = json_integer_value(json_object_get(o, "deaths"));    /* an older berth's launch.json has none */
    out->deaths = (uint64_t)BT_MAX(BT_MIN(deaths, UINT32_MAX), 0);
    json_int_t ram_max = json_integer_value(json_object_get(o, "ram_max_bytes"));
    out->ram_max_bytes = (uint64_t)BT_MAX(ram_max, 0);
    out->mono_ms = json_integer_value(json_object_get(o, "mono_ms"));
    out->was_ready = json_is_true(json_object_get(o, "was_ready"));
    out->wall_ms = (int64_t)wall_ms;
    out->project = bt_arena_strdup(a, project);
    out->id = bt_arena_strdup(a, id);
    out->cwd = bt_arena_strdup(a, cwd);
    out->url = bt_arena_strdup(a, url);
    json_decref(o);
    return 0;
bad:
    json_decref(o);
    return -1;
}

int bt_keep_who_write(const char *dir, const char *file, struct bt_proc_id id, const char *cgroup, struct bt_err *err)
{
    return write_json(dir, file,
                      json_pack("{s:i, s:I, s:s, s:s}", "pid", (int)id.pid, "start_ticks", (json_int_t)id.start_ticks, "boot_id", bt_boot_id(),
                                "cgroup", cgroup ? cgroup : ""),
                      err);
}

bool bt_keep_who_read(struct bt_arena *a, const char *dir, const char *file, struct bt_keep_who *out)
{
    struct bt_err ignored = { 0 };
    uint64_t pid, ticks;
    const char *boot, *cgroup;
    json_t *o = read_json(dir, file, &ignored);
    bool ok = o && bt_json_u64(o, "pid", 1, INT32_MAX, &pid, file, &ignored) == 0 &&
              bt_json_u64(o, "start_ticks", 0, INT64_MAX, &ticks, file, &ignored) == 0 && bt_json_str(o, "boot_id", &boot, file, &ignored) == 0 &&
              bt_json_str(o, "cgroup", &cgroup, file, &ignored) == 0;
    if (ok)
        *out = (struct bt_keep_who){ { (pid_t)pid, ticks }, !strcmp(boot, bt_boot_id()), cgroup[0] ? bt_arena_strdup(a, cgroup) : NULL };
    json_decref(o);
    return ok;
}

enum { EXIT_RESERVED = 4096 };       /* a longer one is written anew, if that can be */

int bt_keep_exit_reserve(const char *dir, struct bt_err *err)
{
    bt_auto_arena a = { 0 };
    char blank[EXIT_RESERVED];
    memset(blank, ' ', sizeof blank);
    return bt_file_write(bt_arena_printf(&a, "%s/exit.space", dir), (struct bt_str){ blank, sizeof blank }, err);
}

/* Over the reserved blocks, then renamed: needs no new block. */
static bool write_reserved(const char *space, const char *path, struct bt_str text)
{
    bt_auto_fd fd = open(space, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
    return fd >= 0 && text.n <= EXIT_RESERVED && pwrite(fd, text.p, text.n, 0) == (ssize_t)text.n && ftruncate(fd, (off_t)text.n) == 0 && fsync(fd) == 0 &&
           rename(space, path) == 0;
}

int bt_keep_exit_write(const char *dir, const struct bt_keep_exit *x, struct bt_err *err)
{
    bt_auto_arena a = { 0 };
    json_t *o = json_pack("{s:i, s:i, s:b, s:I, s:o, s:o}", "status", x->status, "signal", x->signal, "asked", x->asked, "wall_ms", (json_int_t)x->wall_ms,
                          "failed", bt_json_text(x->failed), "hint", bt_json_text(x->hint));
    const char *path = bt_arena_printf(&a, "%s/exit.json", dir), *text = bt_json_dump(&a, o, false);
    json_decref(o);
    if (write_reserved(bt_arena_printf(&a, "%s/exit.space", dir), path, bt_str(text)))
        return 0;
    return bt_file_write(path, bt_str(text), err);
}

bool bt_keep_exit_read(struct bt_arena *a, const char *dir, struct bt_keep_exit *out)
{
    (void)a;
    struct bt_err ignored = { 0 };
    const char *failed, *hint;
    json_t *o = read_json(dir, "exit.json", &ignored);
    bool ok = o && bt_json_str(o, "failed", &failed, "exit.json", &ignored) == 0 && bt_json_str(o, "hint", &hint, "exit.json", &ignored) == 0;
    if (ok) {
        *out = (struct bt_keep_exit){ .status = (int)json_integer_value(json_object_get(o, "status")),
                                      .signal = (int)json_integer_value(json_object_get(o, "signal")),
                                      .asked = json_is_true(json_object_get(o, "asked")),
                                      .wall_ms = json_integer_value(json_object_get(o, "wall_ms")) };
        snprintf(out->failed, sizeof out->failed, "%s", failed);
        snprintf(out->hint, sizeof out->hint, "%s", hint);
    }
    json_decref(o);
    return ok;
}

static const char *const wishes[] = { [BT_WISH_NONE] = "", [BT_WISH_DOWN] = "down", [BT_WISH_LEAVE] = "leave", [BT_WISH_ANEW] = "anew",
                                      [BT_WISH_BROKEN] = "broken" };

int bt_keep_wish_write(const char *dir, enum bt_wish wish, const char *why, struct bt_err *err)
{
    bt_auto_arena a = { 0 };
    return bt_file_write(bt_arena_printf(&a, "%s/wish", dir), bt_str(bt_arena_printf(&a, "%s\n%s", wishes[wish], why)), err);
}

enum bt_wish bt_keep_wish_read(struct bt_arena *a, const char *dir, const char **why)
{
    enum { WISH_MAX = 4096 };
    struct bt_err ignored = { 0 };
    struct bt_str text, word;
    *why = "";
    if (bt_file_read(a, bt_arena_printf(a, "%s/wish", dir), WISH_MAX, &text, &ignored) < 0)
        return BT_WISH_NONE;
    *why = bt_arena_strndup(a, bt_str_cut(text, '\n', &word));
    for (size_t i = 1; i < BT_LEN(wishes); i++)
        if (bt_str_eq(word, wishes[i]))
            return (enum bt_wish)i;
    return BT_WISH_NONE;
}

const char *bt_keep_exit_text(struct bt_arena *a, const struct bt_keep_exit *x)
{
    if (x->failed[0])
        return bt_arena_strdup(a, x->failed);
    if (x->signal)
        return bt_arena_printf(a, "killed by signal %d (%s)", x->signal, strsignal(x->signal));
    if (x->status < 0)
        return "ended, nobody knows how: its keeper was killed";
    return bt_arena_printf(a, "exit status %d", x->status);
}

/* export.c - berth export: a plan's launches as a script, a compose file, systemd units or environment files, for those who run no daemon of ours. */
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/json.h"
#include "cmd/cmd.h"
#include "cmd/planning.h"
#include "launch/export.h"
#include "launch/launch.h"

struct args { struct bt_planning_opts po; const char *plan, *out, *node; uint64_t port; bool json; };

static const struct bt_opt opts[] = {
    BT_PLANNING_ROWS(struct args, po),
    { .name = "json", .type = BT_OPT_BOOL, .off = offsetof(struct args, json), .help = "one JSON object: the files and their text" },
    { .name = "node",
      .type = BT_OPT_STR,
      .off = offsetof(struct args, node),
      .metavar = "NAME",
      .help = "of a plan of several machines: what this one starts" },
    { .name = "out",
      .alias = "o",
      .type = BT_OPT_STR,
      .off = offsetof(struct args, out),
      .metavar = "PATH",
      .help = "write it there: a file, a folder where there are several" },
    { .name = "plan",
      .type = BT_OPT_STR,
      .off = offsetof(struct args, plan),
      .metavar = "FILE",
      .help = "a plan that was kept, instead of the spec" },
    { .name = "port",
      .type = BT_OPT_U64,
      .off = offsetof(struct args, port),
      .def = "8000",
      .min = 1,
      .max = 65000,
      .help = "the first of the ports that are chosen" },
    { 0 }
};

/* The plan file's text: of the file that was named, or made now. *fits false: it carries refusals, which were printed. */
static int plan_text(struct bt_arena *a, const struct args *o, struct bt_str *text, const char **from, bool *fits, struct bt_err *err)
{
    *fits = true;
    if (o->plan) {
        *from = o->plan;
        return bt_file_read(a, o->plan, BT_PLANFILE_MAX, text, err);
    }
    struct bt_plan *plan;
    if (bt_planning(a, &o->po, &plan, err) < 0)
        return -1;
    *from = plan->spec->path;
    *fits = bt_planning_fits(plan);
    *text = bt_str(bt_plan_text(a, plan));
    for (size_t i = 0; *fits && i < plan->spec->nlater; i++)
        fprintf(stderr, "not yet obeyed: %s: %s\n", plan->spec->later[i].path, plan->spec->later[i].text);
    return 0;
}

static int write_file(const char *path, const struct bt_export_file *f, struct bt_err *err)
{
    struct stat st;
    if (bt_file_put(path, bt_str(f->text), err) < 0)
        return -1;
    bool plain = lstat(path, &st) == 0 && S_ISREG(st.st_mode);
    if (f->executable && plain && chmod(path, 0755) < 0)
        return bt_err_set(err, BT_E_IO, errno, "make %s executable", path);
    if (plain)                       /* /dev/stdout has said so itself */
        printf("%s\n", path);
    return 0;
}

static int write_all(struct bt_arena *a, const char *out, const struct bt_export_file *f, size_t n, struct bt_err *err)
{
    struct stat st;
    bool folder = n > 1 || bt_str_ends(bt_str(out), "/") || (stat(out, &st) == 0 && S_ISDIR(st.st_mode));
    if (!folder)
        return write_file(out, f, err);
    if (bt_dir_make(out, err) < 0)
        return -1;
    for (size_t i = 0; i < n; i++)
        if (write_file(bt_arena_printf(a, "%s%s%s", out, bt_str_ends(bt_str(out), "/") ? "" : "/", f[i].name), &f[i], err) < 0)
            return -1;
    return 0;
}

static json_t *files_json(const char *kind, const struct bt_export_file *f, size_t n)
{
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++)
        json_array_append_new(list, json_pack("{s:s, s:b, s:o}", "name", f[i].name, "executable", f[i].executable, "text", bt_json_text(f[i].text)));
    return json_pack("{s:s, s:o}", "format", kind, "files", list);
}

static int kind_of(const char *name)
{
    for (int i = 0; i < BT_EXPORT__N; i++)
        if (!strcmp(bt_export_names[i], name))
            return i;
    return -1;
}

static int run(const struct bt_verb *v, int argc, char **argv)
{
    bt_auto_arena a = { 0 };
    struct args o = { 0 };
    struct bt_err err = { 0 };
    struct bt_strs rest = { 0 };
    int rc = bt_cmd_parse(v, &a, argc, argv, &o, &rest, NULL);
    if (rc)
        return rc;
    int kind = rest.n ? kind_of(rest.v[0]) : -1;
    if (kind < 0)
        return bt_cmd_usage(v, o.json, rest.n ? "\"%.40s\" is none of env, sh, compose, systemd" : "as what? env, sh, compose or systemd%.0s",
                            rest.n ? rest.v[0] : "");
    if (rest.n > 1)
        return bt_cmd_usage(v, o.json, "one form at a time, not \"%.40s\" too", rest.v[1]);
    if (o.plan && (o.po.file_given || o.po.gpus || o.po.variant || o.po.phase || o.po.ignore_others))
        return bt_cmd_usage(v, o.json, "--plan is a plan that was made: -f, --gpus, --variant, --phase and --ignore-others make another");
    struct bt_str text;
    struct bt_planfile *plan;
    struct bt_export_opts eo = { .port = (uint16_t)o.port, .node = o.node };
    struct bt_export_file *f;
    size_t n;
    bool fits;
    o.po.boxes = o.po.exported = true;
    if (plan_text(&a, &o, &text, &eo.from, &fits, &err) < 0)
        return bt_cmd_fail(v, &err, o.json);
    if (!fits)
        return bt_errc_exit(BT_E_FIT);
    if (bt_planfile_read(&a, eo.from, text, &plan, &err) < 0 || bt_export(&a, plan, (enum bt_export_kind)kind, &eo, &f, &n, &err) < 0)
        return bt_cmd_fail(v, &err, o.json);
    if (o.json) {
        bt_cmd_json("export", files_json(bt_export_names[kind], f, n));
        return 0;
    }
    if (o.out)
        return write_all(&a, o.out, f, n, &err) < 0 ? bt_cmd_fail(v, &err, o.json) : 0;
    for (size_t i = 0; i < n; i++) {
        bt_auto_buf struct bt_buf b = BT_BUF(strlen(f[i].text) + 4096);      /* and its name */
        if (n > 1)
            bt_buf_printf(&b, "%s# ---- %s ----\n", i ? "\n" : "", f[i].name);
        bt_buf_puts(&b, f[i].text);
        bt_cmd_print(&b);
    }
    return 0;
}

const struct bt_verb bt_verb_export = {
    .name = "export",
    .summary = "the same launches without berth's daemon: a shell script, a compose file, systemd units, environment files",
    .usage = "berth export env|sh|compose|systemd [-f FILE | --plan FILE] [--gpus FLEET] [--node NAME] [--variant NAME]\n"
             "                    [--phase] [--port N] [-o PATH] [--json]",
    .example = "  berth export sh -o run.sh && ./run.sh\n  berth export compose -o compose.yaml\n  berth export systemd -o ~/.config/systemd/user",
    .opts = opts,
    .run = run
};

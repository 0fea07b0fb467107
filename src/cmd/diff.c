/* diff.c - berth diff: two plans, or a plan and what runs. */
#include <stdio.h>

#include "base/json.h"
#include "cmd/cmd.h"
#include "cmd/live.h"
#include "cmd/planning.h"
#include "cmd/planning_own.h"
#include "launch/diff.h"
#include "launch/launch.h"
#include "launch/planfile.h"

struct args { struct bt_planning_opts po; bool json; };

static const struct bt_opt opts[] = {
    BT_PLANNING_ROWS(struct args, po),
    { .name = "json", .type = BT_OPT_BOOL, .off = offsetof(struct args, json), .help = "one JSON object" },
    { 0 }
};

static json_t *plan_now(struct bt_arena *a, const struct args *o, const char **name, bool *fits, struct bt_err *err)
{
    struct bt_plan *plan;
    if (bt_planning(a, &o->po, &plan, err) < 0)
        return NULL;
    *name = plan->spec->path;
    *fits = bt_planning_fits(plan);
    if (*fits)
        bt_planning_stay(a, plan);
    return bt_json_load(bt_str(bt_plan_text(a, plan)), BT_PLANFILE_MAX, *name, err);
}

static int with_running(struct bt_arena *a, const char *name, const json_t *plan, struct bt_diff *out, struct bt_err *err)
{
    json_t *ps = bt_live_ps(json_string_value(json_object_get(plan, "name")), err);
    if (!ps && err->code != BT_E_STATE && err->code != BT_E_NOT_FOUND)
        return -1;
    json_t *none = ps ? NULL : json_pack("{s:s, s:[]}", "phase", "", "instances"); /* nothing is up: all of the plan is to come */
    int rc = bt_plan_diff_running(a, ps ? ps : none, plan, name, out, err);
    json_decref(ps);
    json_decref(none);
    return rc;
}

/* With nothing that was measured the spec is planned as what runs was. False, too, where that cannot be asked. */
static bool only_measured(struct bt_arena *a, const struct args *o)
{
    struct args as = *o;
    struct bt_plan *plan;
    struct bt_err ignored = { 0 };
    struct bt_diff d;
    as.po.no_learned = true;
    if (bt_planning(a, &as.po, &plan, &ignored) < 0 || plan->nrefusals)
        return false;
    bt_planning_stay(a, plan);
    json_t *text = bt_json_load(bt_str(bt_plan_text(a, plan)), BT_PLANFILE_MAX, plan->spec->path, &ignored);
    bool same = text && with_running(a, plan->spec->path, text, &d, &ignored) == 0 && !d.n && !d.nnotes;
    json_decref(text);
    return same;
}

static void print(struct bt_arena *a, const struct bt_diff *d, const char *from, const char *to, struct bt_buf *b)
{
    static const char *const heads[] = { "instance", "phase", "what", "from", "to", NULL };
    for (size_t i = 0; i < d->nnotes; i++)
        bt_buf_printf(b, "%s\n", d->note[i]);
    if (!d->n) {
        bt_buf_printf(b, d->nnotes ? "the same instances in %s and %s\n" : "no difference between %s and %s\n", from, to);
        return;
    }
    struct bt_table *t = bt_table_new(a, heads);
    for (size_t i = 0; i < d->n; i++)
        bt_table_row(t, d->row[i].instance, d->row[i].phase, d->row[i].what, d->row[i].from, d->row[i].to, NULL);
    bt_table_print(t, bt_style_of(stdout), b);
}

static json_t *diff_json(const struct bt_diff *d, const char *from, const char *to)
{
    json_t *rows = json_array(), *notes = json_array();
    for (size_t i = 0; i < d->n; i++)
        json_array_append_new(rows, json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "phase", d->row[i].phase, "instance", d->row[i].instance, "workload",
                                              d->row[i].workload, "what", d->row[i].what, "from", d->row[i].from, "to", d->row[i].to));
    for (size_t i = 0; i < d->nnotes; i++)
        json_array_append_new(notes, json_string(d->note[i]));
    return json_pack("{s:o, s:o, s:b, s:o, s:o}", "from", bt_json_text(from), "to", bt_json_text(to), "same", !d->n && !d->nnotes, "rows", rows,
                     "notes", notes);
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
    if (rest.n > 2)
        return bt_cmd_usage(v, o.json, "two plans at most, not \"%s\" too", rest.v[2]);
    if (rest.n && (o.po.file_given || o.po.gpus || o.po.variant || o.po.phase || o.po.ignore_others))
        return bt_cmd_usage(v, o.json, "%.60s is a plan that was made: -f, --gpus, --variant, --phase and --ignore-others make one", rest.v[0]);
    const char *from = rest.n == 2 ? rest.v[0] : "what runs", *to = rest.n ? rest.v[rest.n - 1] : o.po.file;
    bool fits = true;
    struct bt_diff d;
    json_t *x = rest.n == 2 ? bt_json_load_file(rest.v[0], BT_PLANFILE_MAX, &err) : NULL;
    json_t *y = rest.n == 2 && !x ? NULL : rest.n ? bt_json_load_file(to, BT_PLANFILE_MAX, &err) : plan_now(&a, &o, &to, &fits, &err);
    int ok = !y ? -1 : !fits ? 0 : rest.n == 2 ? bt_plan_diff(&a, x, from, y, to, &d, &err) : with_running(&a, to, y, &d, &err);
    json_decref(x);
    json_decref(y);
    if (ok < 0)
        return bt_cmd_fail(v, &err, o.json);
    if (!fits)
        return bt_errc_exit(BT_E_FIT);
    if (o.json) {
        bt_cmd_json("diff", diff_json(&d, from, to));
    } else {
        bt_auto_buf struct bt_buf b = BT_BUF(4 * MiB);
        print(&a, &d, from, to, &b);
        if (d.n && !rest.n && !o.po.no_learned && only_measured(&a, &o))
            bt_buf_puts(&b, "nothing of the spec changed: its needs were measured meanwhile; with --no-learned there is no difference\n");
        bt_cmd_print(&b);
    }
    return d.n || d.nnotes ? bt_errc_exit(BT_E_DRIFT) : 0;
}

const struct bt_verb bt_verb_diff = {
    .name = "diff",
    .summary = "what differs between two plans, or between a plan and what runs",
    .usage = "berth diff A.plan B.plan [--json]\n       berth diff [PLAN | -f FILE [--gpus FLEET] [--variant NAME]] [--json]   (with what runs)",
    .example = "  berth plan -o before.plan; berth plan --gpus 2xA100-SXM4-40GB -o after.plan; berth diff before.plan after.plan\n"
               "  berth diff                  what `berth up --switch` would change",
    .opts = opts,
    .run = run
};

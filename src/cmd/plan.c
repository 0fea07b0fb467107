/* plan.c - berth plan: whether it fits, where, with which bytes, and why so. Starts nothing. */
#include <stdio.h>

#include "base/file.h"
#include "cmd/cmd.h"
#include "cmd/plan_side.h"
#include "cmd/planning.h"
#include "launch/launch.h"
#include "plan/picture.h"

struct args {
    struct bt_planning_opts po;
    const char *out, *svg, *node;
    bool json, variants, alternatives, cheapest;
    struct bt_strs compare;
};

static const struct bt_opt opts[] = {
    BT_PLANNING_ROWS(struct args, po),
    { .name = "alternatives", .type = BT_OPT_BOOL, .off = offsetof(struct args, alternatives),
      .help = "each server otherwise: other shapes, replicas, quantised, weights in host RAM; what is gained and given up" },
    { .name = "cheapest", .type = BT_OPT_BOOL, .off = offsetof(struct args, cheapest),
      .help = "the smallest fleet of the catalog that holds it: fewest cards, then fewest bytes" },
    { .name = "compare", .type = BT_OPT_STRS, .off = offsetof(struct args, compare), .metavar = "FLEET",
      .help = "side by side on this fleet and the others so named: --compare 2xH100-80GB-HBM3 --compare 4xA100-SXM4-40GB" },
    { .name = "json", .type = BT_OPT_BOOL, .off = offsetof(struct args, json), .help = "print JSON: the plan file" },
    { .name = "node", .type = BT_OPT_STR, .off = offsetof(struct args, node), .metavar = "NAME",
      .help = "with --alternatives, of several machines: this one, with what was dealt to it" },
    { .name = "out", .alias = "o", .type = BT_OPT_STR, .off = offsetof(struct args, out), .metavar = "FILE",
      .help = "write the plan file too, for `berth up --plan FILE`" },
    { .name = "svg", .type = BT_OPT_STR, .off = offsetof(struct args, svg), .metavar = "FILE",
      .help = "draw it: a bar for each card, as a picture to be put anywhere" },
    { .name = "time-limit", .type = BT_OPT_DURATION, .off = offsetof(struct args, po.time_limit_ms), .min = 1, .max = 3600000, .metavar = "TIME",
      .help = "search each phase for at most so long (10s), instead of a fixed amount of work: another run may give another plan" },
    { .name = "variants", .type = BT_OPT_BOOL, .off = offsetof(struct args, variants), .help = "the spec as written and each variant of it, side by side" },
    { 0 } };

#define MAX_PRINT (1024 * MiB)       /* ten thousand cards as JSON */

/* --cheapest, --alternatives, --variants, --compare: several answers, and none of them a plan file. */
static bool several(const struct args *o) { return o->variants || o->compare.n || o->alternatives || o->cheapest; }

static int side_by_side(const struct bt_verb *v, struct bt_arena *a, const struct args *o)
{
    struct bt_err err = { 0 };
    struct bt_plan_side side = { .base = &o->po, .variants = o->variants, .fleets = o->compare, .json = o->json };
    int rc = 0, ok;
    if (o->out || o->po.phase || o->svg)
        return bt_cmd_usage(v, o->json, "--%s is of one plan; --variants, --compare, --alternatives and --cheapest make several",
                            o->out ? "out" : o->svg ? "svg" : "phase");
    if ((o->variants || o->compare.n) + o->alternatives + o->cheapest > 1)
        return bt_cmd_usage(v, o->json, "--alternatives, --cheapest, and --variants or --compare: one of them at a time");
    if (o->variants && o->po.variant)
        return bt_cmd_usage(v, o->json, "--variant is one of them, --variants is all");
    if (o->po.gpus && (o->compare.n || o->cheapest))
        return bt_cmd_usage(v, o->json, o->cheapest ? "--cheapest looks for the fleet that --gpus names"
                                                    : "--gpus and --compare both name fleets: --compare each of them");
    if (o->alternatives)
        ok = bt_plan_otherwise(a, &o->po, o->node, o->json, &rc, &err);
    else if (o->cheapest)
        ok = bt_plan_smallest(a, &o->po, o->json, &rc, &err);
    else
        ok = bt_plan_side(a, &side, &rc, &err);
    return ok < 0 ? bt_cmd_fail(v, &err, o->json) : rc;
}

static int draw(const struct bt_plan *plan, const char *path, struct bt_err *err)
{
    bt_auto_buf struct bt_buf b = BT_BUF(BT_PICTURE_MAX);
    bt_plan_svg(plan, &b);
    if (b.over)
        return bt_err_set(err, BT_E_TOO_BIG, 0, "a picture of %zu cards in %zu phases is larger than 16 MiB", plan->fleet->n, plan->nphases);
    return bt_file_put(path, (struct bt_str){ bt_buf_z(&b), b.n }, err);
}

static int run(const struct bt_verb *v, int argc, char **argv)
{
    bt_auto_arena a = { 0 };
    struct args o = { 0 };
    struct bt_err err = { 0 };
    int rc = bt_cmd_parse(v, &a, argc, argv, &o, NULL, NULL);
    if (rc)
        return rc;
    o.po.boxes = !o.cheapest;
    if (o.node && !o.alternatives)
        return bt_cmd_usage(v, o.json, "--node goes with --alternatives; `berth explain` and `berth export` take it too%.0s", "");
    if (several(&o))
        return side_by_side(v, &a, &o);
    struct bt_plan *plan;
    if (bt_planning(&a, &o.po, &plan, &err) < 0)
        return bt_cmd_fail(v, &err, o.json);
    if (o.out && !plan->nrefusals && bt_file_put(o.out, bt_str(bt_plan_text(&a, plan)), &err) < 0)
        return bt_cmd_fail(v, &err, o.json);
    if (o.svg && !plan->nrefusals && draw(plan, o.svg, &err) < 0)
        return bt_cmd_fail(v, &err, o.json);
    bt_auto_buf struct bt_buf b = BT_BUF(MAX_PRINT);
    if (o.json) {
        bt_buf_puts(&b, bt_plan_text(&a, plan));
    } else {
        bt_planning_print(&a, plan, bt_style_of(stdout), &b);
        if (o.out && !plan->nrefusals)
            bt_buf_printf(&b, "written to %s\n", o.out);
        if (o.svg && !plan->nrefusals)
            bt_buf_printf(&b, "drawn in %s\n", o.svg);
    }
    bt_cmd_print(&b);
    if (plan->nrefusals && (o.out || o.svg))         /* one that is there is of an earlier plan: `up --plan` would obey that */
        fprintf(stderr, "berth plan: not written, for there is no plan: %s%s%s\n", o.out ? o.out : "", o.out && o.svg ? " and " : "", o.svg ? o.svg : "");
    return bt_planning_exit(plan);
}

const struct bt_verb bt_verb_plan = {
    .name = "plan", .summary = "does it fit, where, and what does it cost: before anything starts",
    .usage = "berth plan [-f FILE] [--gpus FLEET] [--variant NAME] [--phase] [--out FILE] [--svg FILE] [--json]\n"
             "       berth plan --variants | --compare FLEET --compare FLEET | --alternatives | --cheapest    (what if)",
    .example = "  berth plan -f examples/forensics/berth.yaml\n  berth plan --gpus 2xA100-SXM4-80GB --json\n  berth plan --variants",
    .opts = opts, .run = run };

/* plan.c - berth plan: whether it fits, where, with which bytes, and why so. Starts nothing. */
#include <stdio.h>

#include "base/file.h"
#include "cmd/cmd.h"
#include "cmd/planning.h"
#include "launch/launch.h"

struct args { const char *file, *gpus, *variant, *out; bool json, ignore_others; };

static const struct bt_opt opts[] = {
    { .name = "file", .alias = "f", .type = BT_OPT_STR, .off = offsetof(struct args, file), .def = "berth.yaml", .metavar = "FILE",
      .help = "the spec" },
    { .name = "gpus", .type = BT_OPT_STR, .off = offsetof(struct args, gpus), .metavar = "FLEET",
      .help = "instead of the spec's: auto, cards of this machine (0,2), a named fleet (4xA100-SXM4-40GB), a fleet.json" },
    { .name = "ignore-others", .type = BT_OPT_BOOL, .off = offsetof(struct args, ignore_others), .help = "plan as if the cards were empty" },
    { .name = "json", .type = BT_OPT_BOOL, .off = offsetof(struct args, json), .help = "print JSON: the plan file" },
    { .name = "out", .alias = "o", .type = BT_OPT_STR, .off = offsetof(struct args, out), .metavar = "FILE",
      .help = "write the plan file too, for `berth up --plan FILE`" },
    { .name = "variant", .type = BT_OPT_STR, .off = offsetof(struct args, variant), .metavar = "NAME", .help = "with this variant of the spec" },
    { 0 } };

#define MAX_PRINT (4 * MiB)

static int run(const struct bt_verb *v, int argc, char **argv)
{
    bt_auto_arena a = { 0 };
    struct args o = { 0 };
    struct bt_err err = { 0 };
    int rc = bt_cmd_parse(v, &a, argc, argv, &o, NULL, NULL);
    if (rc)
        return rc;
    struct bt_planning_opts po = { .file = o.file, .gpus = o.gpus, .variant = o.variant, .ignore_others = o.ignore_others };
    struct bt_plan *plan;
    if (bt_planning(&a, &po, &plan, &err) < 0)
        return bt_cmd_fail(v, &err, o.json);
    if (o.out && !plan->nrefusals && bt_file_write(o.out, bt_str(bt_plan_text(&a, plan)), &err) < 0)
        return bt_cmd_fail(v, &err, o.json);
    bt_auto_buf struct bt_buf b = BT_BUF(MAX_PRINT);
    if (o.json) {
        bt_buf_puts(&b, bt_plan_text(&a, plan));
    } else {
        bt_planning_print(&a, plan, bt_style_of(stdout), &b);
        if (o.out && !plan->nrefusals)
            bt_buf_printf(&b, "written to %s\n", o.out);
    }
    bt_cmd_print(&b);
    return plan->nrefusals ? bt_errc_exit(BT_E_FIT) : 0;
}

const struct bt_verb bt_verb_plan = {
    .name = "plan", .summary = "does it fit, where, and what does it cost: before anything starts",
    .usage = "berth plan [-f FILE] [--gpus FLEET] [--variant NAME] [--out FILE] [--json] [--ignore-others]",
    .example = "  berth plan -f examples/forensics/berth.yaml\n  berth plan --gpus 2xA100-SXM4-80GB --json", .opts = opts, .run = run };

/* doctor.c - `berth doctor`: what of this machine would stand in the way, and the cure. */
#include <stdio.h>

#include "base/json.h"
#include "base/table.h"
#include "cmd/cmd.h"
#include "cmd/doctor.h"

struct args { bool fix, json; };

static const struct bt_opt opts[] = {
    { .name = "fix", .type = BT_OPT_BOOL, .off = offsetof(struct args, fix), .help = "end processes that an earlier run left behind" },
    { .name = "json", .type = BT_OPT_BOOL, .off = offsetof(struct args, json), .help = "one JSON object (docs/reference/json.md)" },
    { 0 },
};

static const char *const words[] = { [BT_DOC_OK] = "ok", [BT_DOC_NOTE] = "note", [BT_DOC_BAD] = "bad" };

static void print_json(const struct bt_doctor *d, bool ok)
{
    json_t *list = json_array();
    for (size_t i = 0; i < d->n; i++) {
        const struct bt_finding *f = &d->finding[i];
        json_array_append_new(list, json_pack("{s:s, s:s, s:o, s:o}", "check", f->check, "state", words[f->state], "text", bt_json_text(f->text), "cure",
                                              bt_json_text(f->cure)));
    }
    bt_cmd_json("doctor", json_pack("{s:b, s:o}", "ok", ok, "findings", list));
}

static void print_table(struct bt_doctor *d)
{
    static const char *const heads[] = { "check", "", "", NULL };
    bt_auto_buf struct bt_buf b = BT_BUF(1 * MiB);
    struct bt_table *t = bt_table_new(d->a, heads);
    for (size_t i = 0; i < d->n; i++) {
        const struct bt_finding *f = &d->finding[i];
        const char *text = f->cure[0] ? bt_arena_printf(d->a, "%s  try: %s", f->text, f->cure) : f->text;
        bool again = i && !strcmp(f->check, f[-1].check);
        bt_table_row(t, again ? "" : f->check, words[f->state], text, NULL);
    }
    bt_table_print(t, bt_style_of(stdout), &b);
    bt_cmd_print(&b);
}

static int run(const struct bt_verb *v, int argc, char **argv)
{
    bt_auto_arena a = { 0 };
    struct args o = { 0 };
    int rc = bt_cmd_parse(v, &a, argc, argv, &o, NULL, NULL);
    if (rc)
        return rc;
    const char *root = getenv("BERTH_DOCTOR_ROOT");
    struct bt_doctor d = { .a = &a, .root = root ? root : "", .fix = o.fix };
    bool ok = true;
    bt_doctor_look(&d);
    for (size_t i = 0; i < d.n; i++)
        ok &= d.finding[i].state != BT_DOC_BAD;
    if (o.json)
        print_json(&d, ok);
    else
        print_table(&d);
    return ok ? 0 : 5;
}

const struct bt_verb bt_verb_doctor = {
    .name = "doctor", .summary = "what of this machine would stand in the way, and the cure", .usage = "berth doctor [--fix] [--json]", .opts = opts,
    .run = run, .example = "  berth doctor            cards, driver, engines, space, ports, strays\n  berth doctor --fix      ... and end the strays",
};

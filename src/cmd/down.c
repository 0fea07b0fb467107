/* down.c - `berth down`: stop a project in the order of its needs, wait until its memory is free. */
#include <stdio.h>

#include "cmd/cmd.h"
#include "cmd/live.h"

struct args { bool quiet, json; };

static const struct bt_opt opts[] = {
    { .name = "quiet", .alias = "q", .type = BT_OPT_BOOL, .off = offsetof(struct args, quiet), .help = "no line per step" },
    { .name = "json", .type = BT_OPT_BOOL, .off = offsetof(struct args, json), .help = "print JSON" },
    { 0 },
};

struct down { struct bt_live live; bool quiet, last; char project[64]; };

static void on_answer(void *ctx, const json_t *answer)
{
    struct down *d = ctx;
    d->last = json_is_true(json_object_get(answer, "last"));
}

static void on_event(void *ctx, const json_t *ev)
{
    struct down *d = ctx;
    snprintf(d->project, sizeof d->project, "%s", bt_live_str(ev, "project"));
    if (!d->quiet)
        bt_live_event(&d->live, ev);
}

static void on_state(void *ctx, const json_t *state)
{
    (void)ctx, (void)state;          /* the answer itself says that it is over */
}

static bool over(void *ctx)
{
    (void)ctx;
    return true;
}

static int to_end_ms(void *ctx)
{
    const struct down *d = ctx;
    return d->last ? 3000 : 0;
}

/* A daemon that is killed under us had begun: the next one is asked again, and goes on where it was. One that has nothing to end has ended it. */
static int ask(struct down *d, const char *project, struct bt_err *err)
{
    snprintf(d->project, sizeof d->project, "%s", project ? project : "");
    struct bt_talk t = { .op = "down", .members = bt_live_project(project), .ctx = d, .on_answer = on_answer, .on_event = on_event, .on_state = on_state,
                         .over = over, .to_end_ms = to_end_ms };
    int rc = bt_live_talk(&t, err);
    if (rc == 0)
        snprintf(d->project, sizeof d->project, "%s", t.project);
    return rc < 0 && t.again && err->code == BT_E_STATE ? 0 : rc;
}

static int run(const struct bt_verb *v, int argc, char **argv)
{
    bt_auto_arena a = { 0 };
    struct args o = { 0 };
    struct bt_strs rest = { 0 };
    struct bt_err err = { 0 };
    struct down d = { 0 };
    int rc = bt_cmd_parse(v, &a, argc, argv, &o, &rest, NULL);
    if (rc)
        return rc;
    if (rest.n > 1)
        return bt_cmd_usage(v, o.json, "one project at a time");
    if (bt_live_something_up(&err) < 0)
        return bt_cmd_fail(v, &err, o.json);
    d.quiet = o.quiet;
    bt_live_init(&d.live);
    rc = ask(&d, rest.n ? rest.v[0] : NULL, &err);
    bt_live_release(&d.live);
    if (rc < 0)
        return bt_cmd_fail(v, &err, o.json);
    if (o.json)
        bt_cmd_json("down", json_pack("{s:s}", "project", d.project));
    else
        printf("%s is down\n", d.project[0] ? d.project : "everything");
    return 0;
}

const struct bt_verb bt_verb_down = {
    .name = "down", .summary = "stop everything, wait until the memory is free", .usage = "berth down [PROJECT] [-q] [--json]", .opts = opts, .run = run,
    .example = "  berth down             the project that is up\n  berth down forensics   one of several",
};

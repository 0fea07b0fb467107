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

/* A daemon that is killed under us had begun: the next one is asked again, and goes on where it was. */
static json_t *ask(const char *project, void (*on_event)(void *, const json_t *), struct bt_live *live, struct bt_err *err)
{
    for (int tries = 0;; tries++) {
        struct bt_wire_client c;
        if (bt_run_connect(&c, err) < 0)
            return NULL;
        json_t *answer = bt_wire_call(&c, "down", bt_live_project(project), on_event, live, err);
        if (json_is_true(json_object_get(answer, "last")))
            bt_live_wait_end(&c, 3000);
        bt_wire_client_release(&c);
        if (answer || tries == 5 || err->code != BT_E_NOT_FOUND || !bt_run_anything())
            return answer;
    }
}

static int run(const struct bt_verb *v, int argc, char **argv)
{
    bt_auto_arena a = { 0 };
    struct args o = { 0 };
    struct bt_strs rest = { 0 };
    struct bt_err err = { 0 };
    struct bt_live live;
    int rc = bt_cmd_parse(v, &a, argc, argv, &o, &rest, NULL);
    if (rc)
        return rc;
    if (rest.n > 1)
        return bt_cmd_usage(v, o.json, "one project at a time");
    if (bt_live_something_up(&err) < 0)
        return bt_cmd_fail(v, &err, o.json);
    bt_live_init(&live);
    json_t *answer = ask(rest.n ? rest.v[0] : NULL, o.quiet ? NULL : bt_live_event, &live, &err);
    bt_live_release(&live);
    if (!answer)
        return bt_cmd_fail(v, &err, o.json);
    if (o.json)
        bt_cmd_json("down", json_pack("{s:s}", "project", bt_live_str(answer, "project")));
    else
        printf("%s is down\n", bt_live_str(answer, "project"));
    json_decref(answer);
    return 0;
}

const struct bt_verb bt_verb_down = {
    .name = "down", .summary = "stop everything, wait until the memory is free", .usage = "berth down [PROJECT] [-q] [--json]", .opts = opts, .run = run,
    .example = "  berth down             the project that is up\n  berth down forensics   one of several",
};

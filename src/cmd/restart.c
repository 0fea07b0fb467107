/* restart.c - `berth restart`: one instance or workload anew, by its plan. */
#include "cmd/cmd.h"
#include "cmd/live.h"

struct args { const char *project; bool detach, json; };

static const struct bt_opt opts[] = {
    { .name = "project", .alias = "p", .type = BT_OPT_STR, .off = offsetof(struct args, project), .metavar = "NAME",
      .help = "of this project (default: the one that is up)" },
    { .name = "detach", .alias = "d", .type = BT_OPT_BOOL, .off = offsetof(struct args, detach), .help = "do not wait until it is ready" },
    { .name = "json", .type = BT_OPT_BOOL, .off = offsetof(struct args, json), .help = "print JSON" },
    { 0 },
};

static int run(const struct bt_verb *v, int argc, char **argv)
{
    static const char *const there[] = { "ready", "running", "done", NULL };
    bt_auto_arena a = { 0 };
    struct args o = { 0 };
    struct bt_strs rest = { 0 };
    struct bt_err err = { 0 };
    bool failed;
    json_t *moved;
    int rc = bt_cmd_parse(v, &a, argc, argv, &o, &rest, NULL);
    if (rc)
        return rc;
    if (rest.n != 1)
        return bt_cmd_usage(v, o.json, "name one instance or workload");
    json_t *members = bt_live_project(o.project);
    json_object_set_new(members, "what", json_string(rest.v[0]));
    if (bt_live_move("restart", members, there, o.detach, &failed, &moved, &err) < 0)
        return bt_cmd_fail(v, &err, o.json);
    return bt_live_moved("restart", moved, failed, o.json);
}

const struct bt_verb bt_verb_restart = {
    .name = "restart", .summary = "stop one instance or workload and start it anew",
    .usage = "berth restart INSTANCE|WORKLOAD [-p PROJECT] [-d] [--json]", .opts = opts, .run = run,
    .example = "  berth restart llm-0",
};

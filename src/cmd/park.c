/* park.c - `berth park` and `berth resume`: a server's GPU memory given back, and taken again, by hand. */
#include "cmd/cmd.h"
#include "cmd/live.h"

struct args { const char *project; int level; bool detach, json; };

enum { KV, SLEEP, STOP };
static const char *const levels[] = { [KV] = "kv", [SLEEP] = "sleep", [STOP] = "stop", NULL };
#define COMMON \
    { .name = "project", .alias = "p", .type = BT_OPT_STR, .off = offsetof(struct args, project), .metavar = "NAME", \
      .help = "of this project (default: the one that is up)" }, \
    { .name = "detach", .alias = "d", .type = BT_OPT_BOOL, .off = offsetof(struct args, detach), .help = "do not wait until it is there" }, \
    { .name = "json", .type = BT_OPT_BOOL, .off = offsetof(struct args, json), .help = "print JSON" }
static const struct bt_opt park_opts[] = {
    COMMON,
    { .name = "level", .type = BT_OPT_ENUM, .off = offsetof(struct args, level), .choices = levels, .metavar = "LEVEL",
      .help = "kv: the KV cache alone; sleep (default): weights too, kept in RAM; stop: ended, started again by resume" },
    { 0 },
};
static const struct bt_opt resume_opts[] = { COMMON, { 0 } };

static int move(const struct bt_verb *v, int argc, char **argv, const char *const *there, bool park)
{
    bt_auto_arena a = { 0 };
    struct args o = { .level = SLEEP };
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
    if (park)
        json_object_set_new(members, "level", json_string(levels[o.level]));
    if (bt_live_move(v->name, members, there, o.detach, &failed, &moved, &err) < 0)
        return bt_cmd_fail(v, &err, o.json);
    return bt_live_moved(v->name, moved, failed, o.json);
}

static int run_park(const struct bt_verb *v, int argc, char **argv)
{
    static const char *const there[] = { "parked", "down", NULL };
    return move(v, argc, argv, there, true);
}

static int run_resume(const struct bt_verb *v, int argc, char **argv)
{
    static const char *const there[] = { "ready", "running", NULL };
    return move(v, argc, argv, there, false);
}

const struct bt_verb bt_verb_park = {
    .name = "park", .summary = "make a server give its GPU memory back without losing it",
    .usage = "berth park INSTANCE|WORKLOAD [--level LEVEL] [-p PROJECT] [-d] [--json]",
    .opts = park_opts, .run = run_park, .example = "  berth park llm             its weights to RAM, its KV cache given up\n  berth resume llm",
};
const struct bt_verb bt_verb_resume = {
    .name = "resume", .summary = "bring a parked server back", .usage = "berth resume INSTANCE|WORKLOAD [-p PROJECT] [-d] [--json]", .opts = resume_opts,
    .run = run_resume, .example = "  berth resume llm",
};

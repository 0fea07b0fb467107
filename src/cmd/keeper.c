/* keeper.c - `berth keeper DIR`: started by the daemon, not by people. */
#include "cmd/cmd.h"
#include "run/keeper.h"

struct args { uint64_t env_fd, report_fd; bool env_set, report_set; const char *claims; };

static const struct bt_opt opts[] = {
    { .name = "claims", .type = BT_OPT_STR, .off = offsetof(struct args, claims), .metavar = "LIST", .help = "descriptors that claim its ports" },
    { .name = "env-fd", .type = BT_OPT_U64, .off = offsetof(struct args, env_fd), .max = 1 << 20, .set_off = offsetof(struct args, env_set),
      .help = "descriptor that holds the workload's environment" },
    { .name = "report-fd", .type = BT_OPT_U64, .off = offsetof(struct args, report_fd), .max = 1 << 20, .set_off = offsetof(struct args, report_set),
      .help = "descriptor told \"ok\" after exec" },
    { 0 },
};

static int run(const struct bt_verb *v, int argc, char **argv)
{
    bt_auto_arena a = { 0 };
    struct args o = { 0 };
    struct bt_strs rest = { 0 };
    int rc = bt_cmd_parse(v, &a, argc, argv, &o, &rest, NULL);
    if (rc)
        return rc;
    if (rest.n != 1)
        return bt_cmd_usage(v, false, "one folder is needed");
    struct bt_keeper_fds given = { o.env_set ? (int)o.env_fd : -1, o.report_set ? (int)o.report_fd : -1, o.claims };
    return bt_keeper_run(rest.v[0], &given);
}

const struct bt_verb bt_verb_keeper = {
    .name = "keeper", .usage = "berth keeper DIR [--env-fd N] [--report-fd N] [--claims LIST]", .opts = opts, .run = run,
    .example = "  not typed by people: the daemon starts one per instance",
};

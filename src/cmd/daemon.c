/* daemon.c - `berth daemon`: started by the verbs that need it. */
#include "cmd/cmd.h"
#include "run/daemon.h"

struct args { uint64_t ready_fd; bool ready_set, stay; };

static const struct bt_opt opts[] = {
    { .name = "ready-fd", .type = BT_OPT_U64, .off = offsetof(struct args, ready_fd), .max = 1 << 20, .set_off = offsetof(struct args, ready_set),
      .help = "descriptor told \"ok\" when it listens" },
    { .name = "stay", .type = BT_OPT_BOOL, .off = offsetof(struct args, stay), .help = "also when nothing is up: for a service (berth config systemd)" },
    { 0 },
};

static int run(const struct bt_verb *v, int argc, char **argv)
{
    bt_auto_arena a = { 0 };
    struct args o = { 0 };
    int rc = bt_cmd_parse(v, &a, argc, argv, &o, NULL, NULL);
    return rc ? rc : bt_daemon_run(o.ready_set ? (int)o.ready_fd : -1, o.stay);
}

const struct bt_verb bt_verb_daemon = {
    .name = "daemon", .usage = "berth daemon [--ready-fd N] [--stay]", .opts = opts, .run = run,
    .example = "  not typed by people: `berth up` starts it, and it ends by itself when nothing is up",
};

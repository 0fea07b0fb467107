/* run_verb.c - `berth run -- CMD`: one job with a budget, placed into what is free; its output here, its exit status ours. */
#include <stdio.h>
#include <time.h>

#include "cmd/adhoc.h"
#include "cmd/up.h"

struct args { struct bt_adhoc one; const char *fleet; bool wait; };

static const struct bt_opt opts[] = {
    { .name = "gpus", .type = BT_OPT_STR, .off = offsetof(struct args, one.gpus), .def = "1", .metavar = "N", .help = "how many cards; 0 for none" },
    { .name = "memory", .type = BT_OPT_STR, .off = offsetof(struct args, one.memory), .metavar = "SIZE",
      .help = "of each card, 12GiB or 40%; without it: whole cards" },
    { .name = "on", .type = BT_OPT_STR, .off = offsetof(struct args, fleet), .metavar = "FLEET", .help = "only these cards: 0,1" },
    { .name = "name", .type = BT_OPT_STR, .off = offsetof(struct args, one.name), .metavar = "NAME", .help = "of the project (default: made of the program)" },
    { .name = "wait", .type = BT_OPT_BOOL, .off = offsetof(struct args, wait), .help = "when there is no room now, wait until there is" },
    { 0 },
};

static int run(const struct bt_verb *v, int argc, char **argv)
{
    enum { AGAIN_S = 2 };
    bt_auto_arena a = { 0 };
    struct args o = { 0 };
    struct bt_strs rest = { 0 };
    struct bt_err err = { 0 };
    struct bt_up up = { .stream = true };
    size_t dashdash;
    int rc = bt_cmd_parse(v, &a, argc, argv, &o, &rest, &dashdash);
    if (rc)
        return rc;
    if (!rest.n || dashdash)
        return bt_cmd_usage(v, false, "give the command after --");
    if (bt_adhoc_command(&a, rest.v, rest.n, ".", (unsigned)getpid(), &o.one, &up.text, &up.exit_with, &err) < 0)
        return bt_cmd_fail(v, &err, false);
    up.gpus = o.fleet;
    up.quiet_refusal = o.wait;
    for (bool told = false; (rc = bt_up(v, &a, &up)) == 3 && o.wait; told = true) {
        if (!told)
            fprintf(stderr, "berth run: no room now; waiting (Ctrl-C ends it)\n");
        nanosleep(&(struct timespec){ .tv_sec = AGAIN_S }, NULL);
    }
    return rc;
}

const struct bt_verb bt_verb_run = {
    .name = "run", .summary = "one command as a job with a budget, placed into what is free",
    .usage = "berth run [--gpus N] [--memory SIZE] [--on FLEET] [--wait] -- COMMAND...", .opts = opts, .run = run,
    .example = "  berth run --memory 12GiB -- python3 train.py\n  berth run --gpus 2 --wait -- torchrun --nproc-per-node 2 eval.py",
};

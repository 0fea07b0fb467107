/* command.c - a plain command: nothing is known about it but how a polite program is stopped. */
#include <signal.h>
#include "engine/engine_int.h"

static const struct bt_stop_step stop[] = {
    { SIGTERM, BT_STOP_LEADER, 10000 },              /* the leader's to pass on; a workload's stop_grace replaces the wait */
    { SIGKILL, BT_STOP_TREE, 5000 },
};

static bool no_line(struct bt_str line, struct bt_log_event *out)
{
    (void)line;
    *out = (struct bt_log_event){ .percent = -1, .pp = -1, .rank = -1 };
    return false;
}

const struct bt_engine bt_engine_command = {
    .name = "command", .listens_when_ready = false,
    .stop_starting = stop, .nstop_starting = BT_LEN(stop), .stop_ready = stop, .nstop_ready = BT_LEN(stop),
    .log_line = no_line,
};

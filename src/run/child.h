/* child.h - start a command so that every step that can fail says its name. */
#ifndef BT_RUN_CHILD_H
#define BT_RUN_CHILD_H
#include "base/arena.h"
#include "base/proc.h"

struct bt_cmdline {
    char *const *argv, *const *env;  /* NULL-terminated, borrowed */
    const char *cwd;
};
struct bt_child {
    struct bt_proc_id id;
    int pidfd, out, err;             /* out, err: read ends of its pipes, non-blocking; owned by the caller, like pidfd */
    int go, report;                  /* the word to exec, and what came of it: for bt_spawn_go() */
};
/* Fork the child and stop it just before exec, so that the caller can write down who it is. Its own session; stdin /dev/null.
 * BT_E_EXEC when the program cannot be found, before anything is forked. */
BT_MUST_CHECK int bt_spawn_hold(struct bt_arena *a, const struct bt_cmdline *cmd, struct bt_child *out, struct bt_err *err);
/* Let it exec and wait until that has succeeded or failed (milliseconds). BT_E_EXEC names the step and its errno. */
BT_MUST_CHECK int bt_spawn_go(struct bt_child *c, struct bt_err *err);
void bt_child_release(struct bt_child *c);           /* closes what is open; signals nobody */
#endif

/* keeper.h - the parent of one instance: starts it, reads its pipes, walks its stop steps, writes down how it ended.
 *
 * One thread, one poll(). It outlives the daemon that started it and ends only when no process of its tree is left. It holds no
 * socket of the daemon and no pipe of the verb that caused it.
 *
 * Control, on the socket `sock` in its folder, one JSON object a line:
 *   {"op":"stop","steps":[{"signal":15,"whom":"leader","wait_ms":3000},...]}   walk these until the tree is gone
 *   {"op":"hurry"}                go to the first SIGKILL of the steps now
 *   {"op":"env"}                  answer {"env":["NAME=value",...]}: what the workload was started with
 * and it says, to everyone connected: {"event":"leader"} when the first process ended, {"event":"stuck","pids":[..]} when SIGKILL
 * does not help. End of file on the socket = exit.json is written, or the keeper was killed. */
#ifndef BT_RUN_KEEPER_H
#define BT_RUN_KEEPER_H
#include "base/err.h"

/* What a keeper is given by descriptor. */
struct bt_keeper_fds { int env, report; const char *claims; };   /* claims: "12,13" of ports (ports.h), held while a process of the tree is left; NULL: none */
/* env: a file that holds the workload's environment, NUL after each entry; -1 = our own environment. report: "ok\n" goes there
 * after exec has succeeded; it is closed in any case; -1 = nobody waits. Returns the keeper's exit code. */
int bt_keeper_run(const char *dir, const struct bt_keeper_fds *given);
#endif

/* daemon.h - one per user and runtime folder: holds the projects, obeys verbs over an owner-only unix socket, drives instances.
 *
 * One event loop. It listens on nothing but that socket and reads nothing from a network but the status lines of its own health
 * probes to loopback. It may be killed at any moment: keepers and workloads go on, and the next daemon takes them up from their
 * folders. It ends by itself when nothing is up: at once after the last `down`, else after BT_IDLE_MS. (Not one that stays.) */
#ifndef BT_RUN_DAEMON_H
#define BT_RUN_DAEMON_H
#include <stdbool.h>
#include "base/err.h"

#define BT_IDLE_MS 10000

/* ready_fd: told "ok\n", or why not, once; -1 = nobody waits. Returns the exit code. Another daemon that lives here already is "ok".
 * stay: the daemon of a service. It does not end by itself, takes over from one that a verb started (which is told to end: what runs goes on), and refuses
 * beside another that stays. A service manager is told by notify.h in both cases. */
int bt_daemon_run(int ready_fd, bool stay);
#endif

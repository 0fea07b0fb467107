/* run - a plan file becomes running processes, and they become free memory again. Obeys a plan; never makes one.
 *
 *   life.h     the life of an instance: one table, pure            daemon.h   one per user and runtime folder: projects, the loop
 *   keeper.h   parent of one instance; outlives the daemon         project.h  instances of one plan, what each waits for
 *   keepdir.h  the folder both write: the truth after a crash      ports.h    leases, and who holds a port
 *   child.h    fork, exec, and which step failed                   health.h   one HTTP probe with a deadline
 *   tree.h     which processes belong to an instance               sample.h   NVML through the probe process; bytes per instance
 *   keeplog.h  a log with a ceiling                                client.h   how a verb reaches the daemon, and starts it
 *
 * Folders: RUNTIME/daemon.sock, daemon.lock, daemon.log; RUNTIME/p/PROJECT/ the plan as given, the environment of `up`;
 * RUNTIME/inst/PROJECT/ID/ one keeper each; STATE/projects/PROJECT/logs/ the logs of the last life, kept after `down`. */
#ifndef BT_RUN_H
#define BT_RUN_H
#include "base/arena.h"

/* Paths, in the arena. project and id are names that bt_planfile_name_ok() let through. */
const char *bt_run_sock(struct bt_arena *a);
const char *bt_run_project_dir(struct bt_arena *a, const char *project);
const char *bt_run_inst_dir(struct bt_arena *a, const char *project, const char *id);     /* id NULL: the project's folder of instances */
const char *bt_run_log_dir(struct bt_arena *a, const char *project);                      /* in the state folder */
#endif

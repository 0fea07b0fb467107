/* run - a plan file becomes running processes, and they become free memory again. Obeys a plan; never makes one.
 *
 * In the verbs      client.h   how a verb reaches the daemon, and starts it
 * In the daemon     daemon.h   one per user and runtime folder: the loop, who is connected
 *                   project.h  what it holds, and the steps over it: project.c (birth, end), adopt.c (what an earlier daemon left), lease.c (ports),
 *                              phase.c (from phase to phase), start.c (from waiting to running), drive.c (one look at one instance),
 *                              alive.c (is it at work), warm.c (its first request), park.c (memory given back), memory.c (room and release),
 *                              drift.c, journal.c, report.c (JSON), ops.c (requests)
 *                   tasks.h    a job's tasks over its slots                    learn.h   what it really takes, remembered
 *                   life.h     the life of an instance: one table, pure
 *                   sample.h   NVML through the probe process; bytes per instance
 *                   download.h a model that is fetched for the first time
 *                   window.h   one start at a time on a card, between users        notify.h   words for systemd
 *                   files.h    how many it may have open
 *                   ports.h    is a port free, who holds it, who claims it     health.h  one HTTP probe with a deadline
 * In the keeper     keeper.h   parent of one instance; outlives the daemon     child.h   fork, exec, and which step failed
 * In more than one  keepdir.h  the folder of an instance: the truth after a crash
 *                   keeplog.h  its log, with a ceiling                         tail.h    reads that log as it grows
 *                   tree.h     which processes belong to an instance            shm.h     shared memory it leaves behind
 *
 * Folders: RUNTIME/daemon.sock, daemon.lock, daemon.log; RUNTIME/p/PROJECT/ the plan as given, the environment of `up`;
 * RUNTIME/inst/PROJECT/ID/ one keeper each; STATE/projects/PROJECT/logs/ the logs of the last life, kept after `down`. */
#ifndef BT_RUN_H
#define BT_RUN_H
#include "base/opt.h"

/* Paths, in the arena. project and id are names that bt_planfile_name_ok() let through. */
const char *bt_run_sock(struct bt_arena *a);
const char *bt_run_project_dir(struct bt_arena *a, const char *project);
const char *bt_run_inst_dir(struct bt_arena *a, const char *project, const char *id);     /* id NULL: the project's folder of instances */
/* The TMPDIR of an instance. Short, because engines put sockets there and a socket's path ends at 107 bytes: vLLM's are TMPDIR/ and 36 more, and
 * did not start from a folder named after project and instance. RUNTIME/t/HASH; under a runtime folder that is too long itself, /tmp/berth-UID-HASH. */
const char *bt_run_tmp_dir(struct bt_arena *a, const char *project, const char *id);
const char *bt_run_state_dir(struct bt_arena *a, const char *project);                    /* what outlives `down`: logs/, done */
const char *bt_run_log_dir(struct bt_arena *a, const char *project);                      /* in the state folder */
/* Names: of the projects that have a folder of their own or of instances; of the instances that one has folders of. */
void bt_run_projects_left(struct bt_arena *a, struct bt_strs *out);
void bt_run_instances_left(struct bt_arena *a, const char *project, struct bt_strs *out);
#endif

/* keepdir.h - the folder of one instance. The daemon writes launch.json and starts a keeper on it; the keeper writes the rest.
 * After a death of either, the folder is the truth.
 *
 *   launch.json   daemon   what to run, and what the next daemon has to know about it
 *   ready         daemon   exists from the moment the instance was ready; when that was (CLOCK_MONOTONIC, ms)
 *   wish          daemon   what is to become of it, where that is not "as planned": a stop under way, a restart
 *   parked        daemon   how it was parked, by whom, and whether it was told to come back
 *   keeper.json   keeper   who keeps it: pid, start time, boot
 *   child.json    keeper   the workload's first process, its cgroup
 *   exit.json     keeper   its last word, written when no process of the tree is left
 *   log, log.1    keeper   keeplog.h           sock  keeper  control: {"op":"stop","steps":[..]}, {"op":"hurry"}, {"op":"env"}
 *
 * The environment is not in launch.json: it may hold secrets. It reaches the keeper through an inherited descriptor. */
#ifndef BT_RUN_KEEPDIR_H
#define BT_RUN_KEEPDIR_H
#include "base/json.h"
#include "base/opt.h"
#include "base/proc.h"

struct bt_keep_port { const char *name; uint16_t port, block; };
struct bt_keep_launch {
    const char *project, *id;
    struct bt_strs argv;
    const char *cwd, *url;           /* url: endpoint with its port, or "" */
    uint64_t log_max_bytes;
    uint64_t restarts, deaths;       /* how many times it was started again since `up`; deaths in a row before this start */
    bool was_ready;                  /* in an earlier life since `up` */
    int64_t wall_ms;                 /* when this start was ordered: older lines of the log are an earlier start's */
    int64_t mono_ms;                 /* the same on the clock that nobody sets; 0: not known */
    struct bt_keep_port *port; size_t nports;
    int64_t task;                    /* of its job's queue; -1: none */
    uint64_t ram_max_bytes;          /* what it is held to where its cgroup can be; 0: not at all */
    int64_t *base; size_t nbase;     /* one a rank: bytes its card used for nobody just before the start; -1 = not known */
};
BT_MUST_CHECK int bt_keep_launch_write(const char *dir, const struct bt_keep_launch *l, struct bt_err *err);
BT_MUST_CHECK int bt_keep_launch_read(struct bt_arena *a, const char *dir, struct bt_keep_launch *out, struct bt_err *err);

/* Who: pid with start time, valid only within the boot that wrote it. cgroup: "" = none when written, NULL when read. */
struct bt_keep_who { struct bt_proc_id id; bool this_boot; const char *cgroup; };
BT_MUST_CHECK int bt_keep_who_write(const char *dir, const char *file, struct bt_proc_id id, const char *cgroup, struct bt_err *err);
bool bt_keep_who_read(struct bt_arena *a, const char *dir, const char *file, struct bt_keep_who *out);     /* false: no such file, or not readable */

/* How it ended. status: exit code, -1 when a signal ended it (then signal) or when nobody knows (both -1, 0). */
struct bt_keep_exit { int status, signal; bool asked; int64_t wall_ms; char failed[640], hint[320]; };   /* failed: "" or why it never ran */
/* Take the disk space of exit.json at the start: a disk that is full when the workload ends must not hide how it ended. */
BT_MUST_CHECK int bt_keep_exit_reserve(const char *dir, struct bt_err *err);
BT_MUST_CHECK int bt_keep_exit_write(const char *dir, const struct bt_keep_exit *x, struct bt_err *err);
bool bt_keep_exit_read(struct bt_arena *a, const char *dir, struct bt_keep_exit *out);
/* Why it was told to end, or is to begin anew. NONE: nobody did (no such file). */
enum bt_wish { BT_WISH_NONE, BT_WISH_DOWN,           /* a person, or drift */
               BT_WISH_LEAVE,        /* the phase that is left, or gone to, has no use for it as it is */
               BT_WISH_ANEW,         /* a person wants it started again */
               BT_WISH_BROKEN };     /* it hung, or lost a part: a death */
BT_MUST_CHECK int bt_keep_wish_write(const char *dir, enum bt_wish wish, const char *why, struct bt_err *err);
enum bt_wish bt_keep_wish_read(struct bt_arena *a, const char *dir, const char **why);          /* *why: "" where none was given */

const char *bt_keep_exit_text(struct bt_arena *a, const struct bt_keep_exit *x);      /* "exit status 1", "killed by signal 9 (Killed)" */
#endif

/* tree.h - which processes belong to an instance: children that left the session, orphans, and what a dead keeper left.
 *
 * Four signs, any is enough: descends from the keeper (a subreaper, so orphans stay below it); is in the workload's session;
 * is in the instance's cgroup; carries the instance's mark in its environment (only read when `by_mark`: after the keeper
 * died its orphans have another parent). Zombies do not count: they hold nothing. */
#ifndef BT_RUN_TREE_H
#define BT_RUN_TREE_H
#include "base/arena.h"
#include "base/proc.h"

#define BT_MARK_ENV "BERTH_KEEPER"                   /* = the instance's folder; set in every workload */

struct bt_tree {
    struct bt_proc_id keeper;        /* never a member itself; pid 0 = none */
    struct bt_proc_id leader;        /* first process of the workload, leader of its session; pid 0 = none */
    const char *cgroup;              /* folder, or NULL */
    const char *mark;                /* the instance's folder */
    bool by_mark;
};

/* Members alive now, in pid order. all: a list just read by bt_proc_list(). */
size_t bt_tree_members(struct bt_arena *a, const struct bt_tree *t, const struct bt_proc *all, size_t nall, struct bt_proc **out);
/* Send sig to each member (by pidfd, start time checked). spare_tracker: not to Python's resource_tracker, which removes shared
 * memory that others leave behind and so has to be the last. Returns how many members there are. */
size_t bt_tree_signal(struct bt_arena *a, const struct bt_tree *t, int sig, bool spare_tracker);
/* CPU time used by the members so far, in clock ticks. */
uint64_t bt_tree_cpu_ticks(const struct bt_proc *m, size_t n);

/* A folder of our own in the cgroup v2 tree, for the workload: below the cgroup that we are in, or below the folder that BERTH_CGROUP names (one that is
 * delegated to us and has no process of its own: only there the kernel lends controllers on). NULL where none is writable, or BERTH_CGROUP=off (then session
 * and subreaper do). */
const char *bt_cgroup_make(struct bt_arena *a, const char *name);
/* Hold all of it to so many bytes of RAM (memory.max), and let the kernel end it whole when it takes more. False: the memory controller is not there. */
bool bt_cgroup_limit(const char *cgroup, uint64_t bytes);
bool bt_cgroup_limited(const char *cgroup, uint64_t bytes);          /* it is held to exactly that; cgroup may be NULL */
bool bt_cgroup_oom(const char *cgroup);              /* the kernel has ended a process of it for its limit; cgroup may be NULL */
bool bt_cgroup_join(const char *cgroup, pid_t pid);
void bt_cgroup_remove(const char *cgroup);
#endif

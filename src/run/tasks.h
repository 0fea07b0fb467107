/* tasks.h - the tasks of a job (cells of its matrix x its shards), queued over its slots; what is done stays done over `down` and `up`.
 *
 * A task is known by what it runs: the digest of its command with its own values filled in, and its folder. So a longer matrix has only its new points
 * to do, and a changed command has all. The record is STATE/projects/PROJECT/done, a line a task; it is dropped by `up --again`
 * (`run JOB --again` does not look at it).
 * A job of a plan with several phases, without a matrix or shards, is remembered the same way: as one task of its own.
 * Loop thread only. */
#ifndef BT_RUN_TASKS_H
#define BT_RUN_TASKS_H
#include "run/run.h"

struct bt_project;
struct bt_instance;
struct bt_pf_instance;

enum bt_task_state { BT_TASK_TODO, BT_TASK_RUNNING, BT_TASK_DONE, BT_TASK_FAILED };
struct bt_task_queue {
    const char *name;                /* of the workload, or of the only instance that it is for */
    const struct bt_pf_instance *pf; /* matrix, shards, command */
    size_t n;
    unsigned char *state;            /* enum bt_task_state, one a task */
    size_t done, failed, running;
    size_t first;                    /* none before it is to do */
};

/* Make the queues of a project, and mark what the record has. again: forget the record first. */
BT_MUST_CHECK int bt_tasks_make(struct bt_project *p, bool again, struct bt_err *err);
/* Give the slot its next task, or the one it is to try again. False: nothing is left for it (or another task failed: then no new one begins). */
bool bt_task_take(struct bt_instance *in);
/* Its task is over, or (not ran to its end, because a person stopped it) is to be done later. True: there is another one for this slot. */
bool bt_task_over(struct bt_instance *in, bool clean, bool stopped, bool tries_left);
/* "layer=10 shard=0/4"; "" for a job without. */
const char *bt_task_name(struct bt_arena *a, const struct bt_task_queue *q, size_t task);
/* Of "layer", "shard", "shards"; NULL: it has no such key. */
const char *bt_task_value(struct bt_arena *a, const struct bt_task_queue *q, size_t task, struct bt_str key);
/* All that it has to do is done: no slot of it needs to run. */
bool bt_tasks_all_done(const struct bt_task_queue *q);
#endif

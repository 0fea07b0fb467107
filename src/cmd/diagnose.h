/* diagnose.h - inside of the verb: what the log says, and what berth's own ledger says about the settings in it. */
#ifndef BT_CMD_DIAGNOSE_H
#define BT_CMD_DIAGNOSE_H
#include "cmd/cmd.h"
#include "engine/diagnose.h"
#include "need/fit.h"
#include "spec/job.h"

struct diagnose_check {
    bool done;                       /* the ledger was asked */
    const char *why_not;             /* else why, for people; NULL when the cause has nothing to do with memory */
    const char *on;                  /* "Qwen/Qwen2.5-7B on a card of 39.38 GiB, vLLM 0.11.0" */
    bool fits;                       /* berth's own arithmetic thinks that it starts */
    struct bt_advice *advice; size_t n;
    const char *job;                 /* what was reckoned of a job, for people; NULL for an engine */
};
/* Ask the ledger about the settings the log shows. gpu: a card's name or size, or NULL = as large as the log says. Never fails: what cannot be
 * checked says why. Reads the model's headers where they are on this machine. */
void diagnose_check(struct bt_arena *a, const struct bt_diag *d, const char *gpu, const struct bt_job *told, struct diagnose_check *out);
/* The same for a job's log. told: the job as the user describes it (kind_given), else it is read from the log. */
void diagnose_check_job(struct bt_arena *a, const struct bt_diag *d, const char *gpu, const struct bt_job *told, struct diagnose_check *out);
/* The card: by name or size, else as large as the log says. */
int diagnose_card(struct bt_arena *a, const struct bt_diag *d, const char *gpu, struct bt_gpu *card, struct bt_err *err);
#endif

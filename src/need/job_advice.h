/* job_advice - the nearest changes to a job with which it fits, each reckoned by bt_need_job() with its uncertainty. Pure. */
#ifndef BT_JOB_ADVICE_H
#define BT_JOB_ADVICE_H
#include "need/job.h"

struct bt_job_advice {
    const char *key, *value;         /* of the map in the spec; cards: key "gpus" */
    const char *flags;               /* the same on the command line: "--batch 2", "--checkpointing" */
    struct bt_job job; uint64_t cards;
    uint64_t bytes;                  /* per GPU, with headroom */
    const char *text;
};

/* `j` as written, on `cards` GPUs of this kind with room_bytes each; at most max_cards of them are proposed. Those that keep what is computed come
 * first (batch, checkpointing, 8-bit optimizer, ZeRO), those that change it last (method, tokens). Empty when it fits as it is. */
BT_MUST_CHECK int bt_job_advise(struct bt_arena *a, const struct bt_job_of *of, const struct bt_job *j, uint64_t cards, uint64_t max_cards, const struct bt_gpu *card, uint64_t room_bytes,
                                struct bt_job_advice **out, size_t *n, struct bt_err *err);
#endif

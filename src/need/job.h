/* job - GPU memory of work that is not a server: training, activation extraction, generation in process, making images. Pure.
 *
 *   job.c        lines of training, forward, generate; what fits        job_advice.c   what would fit instead
 *   diffusion.c  lines of an image pipeline
 *
 * Weights, gradients and optimizer are arithmetic; activations and logits are rules of thumb with a stated uncertainty, to be replaced by what was
 * measured last time ({like: RUN}). One rank: every GPU of the job has the same lines but for pipeline stages, where the fullest is answered for. */
#ifndef BT_JOB_H
#define BT_JOB_H
#include "need/need.h"
#include "spec/job.h"

struct bt_pipeline;                  /* model/pipeline.h */

/* What the job works on: exactly what its kind asks for. Borrowed. */
struct bt_job_of {
    const struct bt_model *model;    /* TRAIN, FORWARD, GENERATE */
    const struct bt_pipeline *pipeline;              /* DIFFUSION */
};

struct bt_job_need {
    struct bt_need_line *line; size_t n;
    uint64_t bytes;                  /* sum of line[] */
    uint64_t uncertainty_bytes;
    uint64_t trained;                /* numbers that have gradients, one user's */
    uint64_t batch, users;           /* that it was reckoned with; users 0 where there are none */
};

/* batch and users as given; where they are `auto`, 1. BT_E_SPEC: a combination that does not exist (names what does); BT_E_INPUT: the model's tensors
 * are not known, or a quantised checkpoint is to be trained in full. */
BT_MUST_CHECK int bt_need_job(struct bt_arena *a, const struct bt_job_of *of, const struct bt_job *j, const struct bt_gpu *card, struct bt_job_need *out, struct bt_err *err);
/* The largest batch (users) whose bytes are at most room_bytes; 0 in *out when not even one fits. cautious: with the uncertainty added. */
BT_MUST_CHECK int bt_job_batch(const struct bt_job_of *of, const struct bt_job *j, const struct bt_gpu *card, uint64_t room_bytes, bool cautious, uint64_t *out, struct bt_err *err);
BT_MUST_CHECK int bt_job_users(const struct bt_job_of *of, const struct bt_job *j, const struct bt_gpu *card, uint64_t room_bytes, bool cautious, uint64_t *out, struct bt_err *err);
/* What is reserved for a job: its need with a `headroom` line that holds the uncertainty of the others, so that an estimate which is a little low is
 * no OOM. Where batch or users are `auto`: the most of them for which that is within room_bytes (one, when not even one is). */
BT_MUST_CHECK int bt_job_berth(struct bt_arena *a, const struct bt_job_of *of, const struct bt_job *j, const struct bt_gpu *card, uint64_t room_bytes, struct bt_job_need *out, struct bt_err *err);
/* Numbers of an adapter of that rank on every linear layer of the blocks. */
uint64_t bt_job_lora_numbers(const struct bt_model *m, uint64_t rank);
/* "train Qwen2.5-7B, lora rank 16, 4 x 2,048 tokens" */
const char *bt_job_text(struct bt_arena *a, const struct bt_job *j, const struct bt_job_need *n);
#endif

/* job - GPU memory of work that is not a server: training, activation extraction, generation in process. Pure.
 *
 * Weights, gradients and optimizer are arithmetic; activations and logits are rules of thumb with a stated uncertainty, to be replaced by what was
 * measured last time ({like: RUN}). One rank: every GPU of the job has the same lines but for pipeline stages, where the fullest is answered for. */
#ifndef BT_JOB_H
#define BT_JOB_H
#include "need/need.h"

enum bt_job_kind { BT_JOB_TRAIN, BT_JOB_FORWARD, BT_JOB_GENERATE };
enum bt_job_method { BT_METHOD_FULL, BT_METHOD_LORA, BT_METHOD_QLORA };
enum bt_job_backend { BT_BACKEND_HUGGINGFACE, BT_BACKEND_MEGATRON };

struct bt_job {
    enum bt_job_kind kind;
    uint64_t batch;                  /* sequences of one step on one GPU; 0 = 1 */
    uint64_t tokens;                 /* of each sequence; 0 = the model's own length */
    /* TRAIN */
    enum bt_job_method method;
    enum bt_job_backend backend;
    const char *optimizer;           /* "adamw" when NULL: bt_job_optimizers() */
    uint64_t rank;                   /* of the adapters; 0 = 16 */
    uint64_t users;                  /* adapters trained at once, their batches one after the other; 0 = 1 */
    bool checkpointing;              /* activations of a layer are computed again in the backward pass */
    unsigned zero;                   /* stage 0 to 3 (3 = FSDP's full shard) */
    uint64_t gpus;                   /* data-parallel copies that ZeRO or the distributed optimizer cut by; 0 = 1 */
    uint64_t tp, pp;                 /* MEGATRON; 0 = 1 */
    bool distributed_optimizer;      /* MEGATRON */
    bool eager_attention;            /* the s x s matrix is kept (no flash or SDPA kernel) */
    /* FORWARD */
    uint64_t kept_layers;            /* whose hidden states stay on the card; 0 = one at a time */
};

struct bt_job_need {
    struct bt_need_line *line; size_t n;
    uint64_t bytes;                  /* sum of line[] */
    uint64_t uncertainty_bytes;
    uint64_t trained;                /* numbers that have gradients, one user's */
};

/* BT_E_SPEC: an optimizer or a combination that does not exist (names what does); BT_E_INPUT: the model's tensors are not known, or a quantised
 * checkpoint is to be trained in full. */
BT_MUST_CHECK int bt_need_job(struct bt_arena *a, const struct bt_model *m, const struct bt_job *j, const struct bt_gpu *card, struct bt_job_need *out, struct bt_err *err);
/* The largest batch (users) whose bytes are at most room_bytes; 0 in *out when not even one fits. cautious: with the uncertainty added. */
BT_MUST_CHECK int bt_job_batch(const struct bt_model *m, const struct bt_job *j, const struct bt_gpu *card, uint64_t room_bytes, bool cautious, uint64_t *out, struct bt_err *err);
BT_MUST_CHECK int bt_job_users(const struct bt_model *m, const struct bt_job *j, const struct bt_gpu *card, uint64_t room_bytes, bool cautious, uint64_t *out, struct bt_err *err);
const char *const *bt_job_optimizers(void);          /* NULL-terminated */
/* Numbers of an adapter of that rank on every linear layer of the blocks. */
uint64_t bt_job_lora_numbers(const struct bt_model *m, uint64_t rank);
#endif

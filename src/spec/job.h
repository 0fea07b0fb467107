/* job.h - what a job does with its GPU memory, as berth.yaml (`memory`, `expects`) and the command line (`berth estimate --train ...`) say it: one table
 * for both. Pure. What it comes to in bytes is need/job.h. */
#ifndef BT_SPEC_JOB_H
#define BT_SPEC_JOB_H
#include "base/opt.h"

enum bt_job_kind { BT_JOB_TRAIN, BT_JOB_FORWARD, BT_JOB_GENERATE, BT_JOB_DIFFUSION, BT_JOB__N };
enum bt_job_method { BT_METHOD_FULL, BT_METHOD_LORA, BT_METHOD_QLORA };
enum bt_job_backend { BT_BACKEND_HUGGINGFACE, BT_BACKEND_MEGATRON };
enum bt_job_optimizer { BT_OPTIMIZER_ADAMW, BT_OPTIMIZER_ADAM, BT_OPTIMIZER_ADAMW_8BIT, BT_OPTIMIZER_PAGED_ADAMW_8BIT, BT_OPTIMIZER_LION,
                        BT_OPTIMIZER_LION_8BIT, BT_OPTIMIZER_SGD, BT_OPTIMIZER_SGD_MOMENTUM, BT_OPTIMIZER_ADAFACTOR, BT_OPTIMIZER_MUON, BT_OPTIMIZER__N };
enum bt_job_dtype { BT_JOB_BFLOAT16, BT_JOB_FLOAT16, BT_JOB_FLOAT32 };
extern const char *const bt_job_kind_names[BT_JOB__N + 1];           /* "train"; NULL-terminated, as are these */
extern const char *const bt_job_methods[], *const bt_job_backends[], *const bt_job_optimizers[], *const bt_job_dtypes[];

#define BT_JOB_KEYS 24               /* at least the rows of bt_job_keys() */
#define BT_JOB_ALL_LAYERS ((uint64_t)1 << 32)
#define BT_JOB_TOKENS 2048           /* of a sequence when neither `tokens` nor a shorter model says so */

struct bt_job {
    int kind;                        /* enum bt_job_kind; the int fields are enums, as option tables write them */
    const char *of;                  /* the model, as written */
    uint64_t batch;                  /* sequences (images) of one step on one GPU; 0 = 1 */
    uint64_t tokens;                 /* of each sequence; 0 = BT_JOB_TOKENS, or the model's length where that is less */
    bool batch_auto, users_auto;     /* as many as fit */
    int dtype;                       /* FORWARD, GENERATE, DIFFUSION: of the computation */
    /* TRAIN */
    int method, backend, optimizer;
    uint64_t rank;                   /* of the adapters; 0 = 16 */
    uint64_t users;                  /* adapters trained at once, their batches one after the other; 0 = 1 */
    bool checkpointing;              /* activations of a layer are computed again in the backward pass */
    uint64_t zero;                   /* stage 0 to 3 (3 = FSDP's full shard) */
    uint64_t gpus;                   /* data-parallel copies that ZeRO or the distributed optimizer cut by; 0 = 1: bt_job_on() */
    uint64_t tp, pp;                 /* MEGATRON; pp of FORWARD, GENERATE: layers dealt over cards (device_map); 0 = 1 */
    bool distributed_optimizer;      /* MEGATRON */
    bool eager_attention;            /* the s x s matrix is kept (no flash or SDPA kernel) */
    uint64_t kept_layers;            /* FORWARD: whose hidden states stay on the card; 0 = one at a time; BT_JOB_ALL_LAYERS */
    uint64_t last_layer;             /* of those that were listed: 0 is what goes into the first layer, N what comes out of the last */
    uint64_t width, height;          /* DIFFUSION: of the images; 0 = the pipeline's own */
    uint64_t frames;                 /* DIFFUSION: of a video; 0 = the pipeline's own */
    bool offload;                    /* DIFFUSION: one part at a time on the card, the others in RAM */
    bool kind_given, given[BT_JOB_KEYS];             /* which rows of the table were written */
};

/* The rows, sorted, ended by name NULL; target is struct bt_job. Both `a_b` and `a-b` are read in argv. */
const struct bt_opt *bt_job_keys(void);
/* What keys say together: a key of another form, ZeRO with Megatron, ... BT_E_SPEC; *key (may be NULL) is the row to blame. */
BT_MUST_CHECK int bt_job_check(const struct bt_job *j, const char **key, struct bt_err *err);
/* The job on so many cards: *out has its data-parallel copies. BT_E_SPEC when tp x pp does not divide them. */
BT_MUST_CHECK int bt_job_on(const struct bt_job *j, uint64_t cards, struct bt_job *out, struct bt_err *err);
/* Whole numbers of `batch` or `users` are chosen to fit. */
static inline bool bt_job_is_open(const struct bt_job *j) { return j->batch_auto || j->users_auto; }
#endif

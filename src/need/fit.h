/* fit - would the engine start with these flags on this card, in its own arithmetic and words; and which nearby flags would. Pure. */
#ifndef BT_FIT_H
#define BT_FIT_H
#include "need/need.h"

struct bt_fit_rank {
    uint64_t engine_kv_bytes;        /* what the engine's sizing leaves for KV on this stage */
    uint64_t kv_bytes;               /* what it allocates: all stages take as many blocks as the poorest; one request's, when even that does not fit */
    uint64_t need_bytes;             /* fixed_bytes + kv_bytes */
};

struct bt_fit {
    struct bt_need *need;            /* NULL when the shape itself is refused */
    struct bt_fit_rank *rank;        /* one per stage, as need->rank */
    size_t busiest;                  /* stage with the most need_bytes */
    uint64_t model_context;          /* the most the model allows */
    uint64_t asked;                  /* tokens of one request */
    uint64_t longest;                /* the longest single request that fits, at most model_context; of a model without a limit, what was asked */
    uint64_t tokens;                 /* KV tokens of the poorest stage */
    uint64_t blocks;                 /* of the pool, the same on all stages */
    uint64_t request_bytes;          /* KV of one request of `asked` tokens on the stage that needs most */
    double concurrency;              /* requests of `asked` tokens at once */
    bool fits;
    struct bt_refusal *refusals; size_t nrefusals;
};

struct bt_fit_case {
    const struct bt_model *model; const struct bt_engine *engine; const struct bt_engine_version *version;
    const struct bt_gpu *card;       /* every rank gets one like it */
};

/* Returns 0 with *out also when it does not fit: then fits is false and the refusals say why. Fails like bt_need_server, but for BT_E_FIT. */
BT_MUST_CHECK int bt_fit_server(struct bt_arena *a, const struct bt_fit_case *c, const struct bt_serve *serve, struct bt_fit **out, struct bt_err *err);
/* Requests of `context` tokens at once. */
double bt_fit_concurrency(const struct bt_fit *f, uint64_t context);

/* A change of flags that was tried with bt_fit_server and fits. */
struct bt_advice {
    const char *flags;               /* "--max-model-len 9936" */
    const char *path;                /* the same as a key of a workload: "context" */
    uint64_t value; const char *text_value;      /* of it: a number, or where not NULL a word */
    int64_t gains_bytes;             /* more KV on the poorest stage */
    const char *text;
    struct bt_fit *fit;
};
/* The nearest settings that start, at most max; max_gpus bounds TP x PP. */
BT_MUST_CHECK int bt_fit_advice(struct bt_arena *a, const struct bt_fit_case *c, const struct bt_serve *serve, const struct bt_fit *now, uint64_t max_gpus,
                                struct bt_advice **out, size_t *n, struct bt_err *err);
#endif

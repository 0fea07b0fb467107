/* ops - how one engine's memory is reckoned: a row per engine (ops.c). A slot that is NULL is done as for vLLM: a pool of equal blocks. */
#ifndef BT_NEED_OPS_H
#define BT_NEED_OPS_H
#include "need/fit.h"

struct need_ops {
    const char *engine;              /* its name in src/engine */
    bool context_is_pool;            /* the engine's own context flag names the pool of all requests, not the longest of one */
    /* As bt_need_server_like (like may be NULL), bt_fit_server, bt_fit_advice. */
    int (*server)(struct bt_arena *a, const struct bt_model *m, const struct bt_engine *e, const struct bt_engine_version *v, const struct bt_serve *serve,
                  const struct bt_gpu *card, const struct bt_need *like, struct bt_need **out, struct bt_err *err);
    int (*fit)(struct bt_arena *a, const struct bt_fit_case *c, const struct bt_serve *serve, struct bt_fit **out, struct bt_err *err);
    int (*advice)(struct bt_arena *a, const struct bt_fit_case *c, const struct bt_serve *serve, const struct bt_fit *now, uint64_t max_gpus,
                  struct bt_advice **out, size_t *n, struct bt_err *err);
    /* The engine's own failures at the start: appends to f->refusals. */
    void (*check)(struct bt_arena *a, struct bt_fit *f, const struct bt_gpu *card);
    double (*concurrency)(const struct bt_fit *f, uint64_t context);
    /* As bt_need_kv_for (and for one request bt_need_kv_request), bt_need_kv_tokens, bt_need_longest, bt_need_kv_by_engine, bt_need_share. */
    uint64_t (*kv_for)(const struct bt_need *n, const struct bt_need_rank *r, uint64_t context, uint64_t requests);
    uint64_t (*kv_tokens)(const struct bt_need *n, const struct bt_need_rank *r, uint64_t kv_bytes);
    uint64_t (*longest)(const struct bt_need *n, const struct bt_need_rank *r, uint64_t kv_bytes);
    uint64_t (*kv_by_engine)(const struct bt_need *n, const struct bt_need_rank *r, uint64_t total_bytes);
    double (*share)(const struct bt_need *n, const struct bt_need_rank *r, uint64_t kv_bytes, uint64_t total_bytes, uint64_t room_bytes);
};

extern const struct need_ops need_vllm_ops, need_sglang_ops, need_llama_ops;
/* The engine's row; an engine without one is reckoned as vLLM. */
const struct need_ops *need_ops_of(const struct bt_engine *e);
#endif

/* sglang - the ledger of SGLang: a share of what is free at the start goes to weights and KV, the rest of it has to cover everything else. */
#ifndef BT_NEED_SGLANG_H
#define BT_NEED_SGLANG_H
#include "need/ops.h"

struct need_sglang {
    double fraction;                 /* --mem-fraction-static, given or the default */
    uint64_t before_bytes;           /* this rank's own before the engine's baseline: context, NCCL */
    uint64_t away_bytes;             /* of the card then: those and the others' */
    uint64_t total_bytes;            /* of the card */
};

BT_MUST_CHECK int need_sglang_server(struct bt_arena *a, const struct bt_model *m, const struct bt_engine *e, const struct bt_engine_version *v,
                                     const struct bt_serve *serve, const struct bt_gpu *card, struct bt_need **out, struct bt_err *err);
/* KV_bytes = free now - free at the baseline x (1 - f): what SGLang gives to KV on a rank of a card of total_bytes. */
uint64_t need_sglang_kv(const struct bt_need *n, const struct bt_need_rank *r, uint64_t total_bytes);
/* SGLang's own failures at the start, and what it only warns about: appends to f->refusals. */
void fit_sglang_checks(struct bt_arena *a, struct bt_fit *f, const struct bt_gpu *card);
BT_MUST_CHECK int fit_sglang_advice(struct bt_arena *a, const struct bt_fit_case *c, const struct bt_serve *serve, const struct bt_fit *now, uint64_t max_gpus,
                                    struct bt_advice **out, size_t *n, struct bt_err *err);
#endif

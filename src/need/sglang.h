/* sglang - the ledger of SGLang: a share of what is free at the start goes to weights and KV, the rest of it has to cover everything else. */
#ifndef BT_NEED_SGLANG_H
#define BT_NEED_SGLANG_H
#include "need/ops.h"

struct need_sglang {
    double fraction;                 /* --mem-fraction-static, given or the default */
    uint64_t before_bytes;           /* this rank's own before the engine's baseline: context, NCCL */
    uint64_t away_bytes;             /* of the card then: those and the others' */
    uint64_t total_bytes;            /* of the card */
    uint64_t charged_bytes;          /* of the rank that has most of it: weights, LoRA slots, states, what is held back for images */
    uint64_t states_bytes;           /* of those, the pool of states */
};
struct need_in;

BT_MUST_CHECK int need_sglang_server(struct bt_arena *a, const struct bt_model *m, const struct bt_engine *e, const struct bt_engine_version *v,
                                     const struct bt_serve *serve, const struct bt_gpu *card, const struct bt_need *like, struct bt_need **out, struct bt_err *err);
/* KV_bytes = free now - free at the baseline x (1 - f): what SGLang gives to KV on a rank of a card of total_bytes. */
uint64_t need_sglang_kv(const struct bt_need *n, const struct bt_need_rank *r, uint64_t total_bytes);
/* SGLang's own failures at the start, and what it only warns about: appends to f->refusals. */
void fit_sglang_checks(struct bt_arena *a, struct bt_fit *f, const struct bt_gpu *card);
BT_MUST_CHECK int fit_sglang_advice(struct bt_arena *a, const struct bt_fit_case *c, const struct bt_serve *serve, const struct bt_fit *now, uint64_t max_gpus,
                                    struct bt_advice **out, size_t *n, struct bt_err *err);

/* sglang_pools.c. The model with its layers as SGLang prices them: windows and borrowed KV as full, states and an encoder's tokens as none. */
const struct bt_model *need_sglang_priced(struct bt_arena *a, const struct bt_model *m);
/* Where sliding layers have a pool of their own: r's bytes of a token and block. block: tokens of a page. */
void need_sglang_second_pool(const struct need_in *in, const struct bt_model *original, uint64_t block, struct bt_need_rank *r);
/* The pool of states in what `share` bytes leave beside r's charged lines: its line into r, its slots into s. Returns its bytes; 0 = the model has no states. */
uint64_t need_sglang_states(const struct need_in *in, const struct bt_engine *e, struct bt_need_rank *r, uint64_t share, struct bt_serve *s);
/* Rows of the token pool that a request takes for its encoder's tokens. */
uint64_t need_sglang_rows(const struct bt_model *m);
/* Are images served; does the model keep prefill graphs; what of the default share is left for it; the lines of images. */
bool need_sglang_images(const struct bt_serve *s, const struct bt_model *m);
bool need_sglang_prefill_graphs(const struct bt_serve *s, const struct bt_model *m);
double need_sglang_image_factor(const struct bt_serve *s, const struct bt_model *m);
void need_sglang_image_lines(const struct need_in *in, const struct bt_model *m, struct bt_need_rank *r);
#endif

/* advising - inside of the advice on flags: one change after the other is tried with bt_fit_server, and what fits is kept. */
#ifndef BT_NEED_ADVISING_H
#define BT_NEED_ADVISING_H
#include "need/fit.h"

struct advising {
    struct bt_arena *arena;
    const struct bt_fit_case *c;
    const struct bt_serve *serve;
    const struct bt_fit *now;
    struct bt_advice *out; size_t n, max;
    struct bt_err *err;
};

/* One change: in the engine's flags, as a key of the spec with its value (text_value: not a number), and in words. as: the same weights otherwise; NULL = the model. */
struct advised { const char *flags, *path, *text_value, *what; uint64_t value; const struct bt_model *as; };
/* Tries `changed`; *kept: it fits and is in x->out. */
BT_MUST_CHECK int need_advise(struct advising *x, const struct bt_serve *changed, const struct advised *how, bool *kept);
/* KV of the stage that has least. */
uint64_t need_poorest_kv(const struct bt_fit *f);

/* How an engine calls what is tried for all of them: words of its command line. */
struct advised_words { const char *slots, *rank, *context; };
/* Fewer or lower LoRA slots; weights in fewer bits; weights in host RAM, as little as it takes. Each where it helps (advice_weights.c). */
BT_MUST_CHECK int need_advise_lora(struct advising *x, const struct advised_words *w);
BT_MUST_CHECK int need_advise_fewer_bits(struct advising *x, const struct advised_words *w);
BT_MUST_CHECK int need_advise_offload(struct advising *x);
#endif

/* compare.h - a plan as one row beside others: of other variants of its spec, of other fleets. Pure. */
#ifndef BT_COMPARE_H
#define BT_COMPARE_H
#include "plan/plan.h"

/* One workload in one phase: what of it was placed. */
struct bt_compare_work {
    const char *phase, *name;
    enum bt_kind kind;
    uint32_t copies, copies_want;
    uint32_t cards;                  /* cards that hold any of it */
    uint64_t tp, pp;                 /* servers; 0 = not placed or no server */
    uint64_t dp, ep;                 /* 1 = none */
    uint64_t context, context_want;  /* tokens; servers */
    uint64_t at_once;                /* servers: requests of `context` tokens that the KV of all copies holds */
    uint64_t users, batch;           /* services and jobs that say what they do: what their bytes hold; 0 = they do not say */
    uint64_t bytes, all_bytes;       /* of its largest rank, of all of them; 0 = no GPU */
    double decode_tok_s;             /* one stream on the slowest copy; 0 = not known */
};

struct bt_compare_row {
    const char *variant;             /* NULL = the spec as written */
    const char *fleet;               /* "8 x NVIDIA A100-SXM4-40GB" */
    bool fits;
    const char *why_not;             /* the first refusal; NULL when it fits */
    size_t cards, cards_used, phases;
    uint64_t total_bytes, planned_bytes;             /* of the fleet; of all ranks, in the fullest phase */
    struct bt_compare_work *work; size_t n;          /* by phase, then as in the spec; empty when it does not fit */
    const char *favours;             /* who has more of the cards (of their memory, where they are the same cards), in a sentence; NULL = only one uses any */
};

/* Nothing of the plan is borrowed: it may go before the row. */
struct bt_compare_row bt_compare_row(struct bt_arena *a, const struct bt_plan *p);
/* "2 x NVIDIA A100-SXM4-40GB + 1 x NVIDIA GeForce RTX 4090" */
const char *bt_compare_fleet(struct bt_arena *a, const struct bt_fleet *f);
#endif

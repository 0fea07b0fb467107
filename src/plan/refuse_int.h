/* refuse_int.h - plan's own: what does not fit (refuse.c), and the nearest settings that do (refuse_ways.c). What they are for: plan_int.h, pl_refusals(). */
#ifndef BT_PLAN_REFUSE_INT_H
#define BT_PLAN_REFUSE_INT_H
#include "plan/plan_int.h"

struct rf_refusing {
    struct bt_plan *plan; struct bt_arena *a; const struct bt_plan_in *in; const char *phase; struct bt_err *err;
    uint64_t work;                   /* pl_find_cost() of all that was asked */
    const struct pl_least *least;
    bool *party;                     /* [spec->n] in every conflict that was found: no change of anybody else can help */
};

/* refuse_ways.c. A row of advice, once. */
void rf_advise(struct rf_refusing *r, struct bt_plan_advice row);
/* spec->w[index] is put to w. 1 the other phases fit with it, too: a way out of this one alone is none. 0 not all of them do, -1 error. */
BT_MUST_CHECK int rf_fits_elsewhere(struct rf_refusing *r, size_t index, const struct bt_workload *w);
/* Advice for p, which a rule refused before any search. */
BT_MUST_CHECK int rf_ways_past_rules(struct rf_refusing *r, const struct pl_problem *p);
/* Advice for p, which no search found a place for. misfits: [spec->n] who has none alone. */
BT_MUST_CHECK int rf_ways_out(struct rf_refusing *r, struct pl_problem *p, const bool *misfits);
#endif

/* plan_drawn.h - drawn problems by their number, of one phase: what tests of the search loop over. */
#ifndef PLAN_DRAWN_H
#define PLAN_DRAWN_H
#include "../../bench/plan_draw.h"
#include "plan_help.h"

struct drawn_problem {
    struct pl_problem *p;            /* NULL: drawn against itself, or refused */
    const char *fleet, *text;        /* what a failure prints */
};

/* Number `number` of those with about so many cards and workloads: the same one as bench-plan's of that number and size. */
static inline struct drawn_problem drawn_problem(struct bt_arena *a, uint64_t number, unsigned cards, unsigned works)
{
    struct draw d;
    draw_seed(&d, number);
    struct drawn_problem x = { .fleet = draw_fleet(&d, a, cards) };
    x.text = draw_spec(&d, a, works, 1, cards);
    x.p = plan_problem_or_none(a, x.text, x.fleet);
    return x;
}
#endif

/* propose_int.h - plan's own: a set that does not fit at once on its way into phases: cut (propose.c), or filled one after the other (propose_fill.c). */
#ifndef BT_PLAN_PROPOSE_INT_H
#define BT_PLAN_PROPOSE_INT_H
#include "plan/plan_int.h"

#define PP_GROUPS 64
#define PP_CUT_GROUPS 12             /* 2^12 sets are looked at, at most */

struct pp_group { bool *has; bool ends; };           /* has[spec->n]; ends: it has a job, so it is in one phase only */
struct pp_worth { int8_t fits; bool known; int64_t v[BT_GOAL__N]; };    /* fits: -1 not yet asked; known: v says what it reaches */
struct pp_way { size_t at; uint64_t fullest; uint8_t of[PP_CUT_GROUPS]; };      /* a cut that fits, the at-th found; the bytes of its fullest phase at least */

struct pp_cutting {
    struct bt_arena *a; const struct bt_plan_in *in; struct bt_err *err;
    struct pp_group *group; size_t n;
    struct pp_worth *worth;          /* [1 << n]; NULL: of more groups nothing is remembered */
    size_t of[PP_GROUPS], best[PP_GROUPS]; bool found;               /* group -> phase */
    int64_t best_v[BT_GOAL__N];
    struct pp_way *way; size_t ways, valued;       /* cuts that fit, and those whose worth was asked */
    size_t leaves;                   /* cuts whose phases fit, those that have no order too */
    bool more, missed;               /* there may be more of them; and so there may have been with fewer phases, of which none was found */
    uint64_t work;
    unsigned asked; bool filled;
    bool open;                       /* what was not found may be there: a search of it stopped */
    size_t fewest;                   /* of phases filled one after the other: fewer cannot be, by bytes alone */
    const struct pl_least *least;
    struct pl_problem *all;          /* of the whole spec: who is like whom; NULL: nobody is */
};

/* propose.c. The groups of the set are in one phase: 1 they fit, 0 they do not (or that was not found), -1 error. */
BT_MUST_CHECK int pp_fits(struct pp_cutting *c, uint64_t set);
/* Bytes that the group takes at least. */
uint64_t pp_least_of(const struct pp_cutting *c, size_t g);
/* Somebody in group y waits for the end of somebody in group x. */
bool pp_waits_for(const struct pp_cutting *c, size_t y, size_t x);
/* propose_fill.c. c->best and c->found; -1 error. */
BT_MUST_CHECK int pp_fill(struct pp_cutting *c);
#endif

/* phases.h - plan's own: phases that know of each other. What runs on keeps its cards where that costs nothing, what comes back is parked, and a set that
 * does not fit at once is cut into phases that do. Not for other floors. */
#ifndef BT_PLAN_PHASES_H
#define BT_PLAN_PHASES_H
#include "plan/plan_int.h"

/* An instance that gives its memory back and comes again. Borrows the instance of the phase where it ran last. */
struct pl_parked {
    const struct bt_plan_instance *inst;
    const char *level;               /* none, kv, sleep */
    uint64_t *gpu_bytes;             /* [inst->nranks]: what it goes on holding */
    uint64_t host_bytes;             /* RAM that its weights take meanwhile */
};

/* One phase on its way to a plan. */
struct pl_stage {
    const char *name;
    struct bt_plan_in *in;           /* spec with pins, fleet with reservations */
    struct pl_problem *p; struct pl_solution s;
    struct pl_problem *free_p; struct pl_solution free_s;            /* planned as if there were no other phase: what keeping must not cost */
    const struct bt_workload **pin;  /* [spec->n]: the workload held to the place it has in another phase; NULL = free */
    struct pl_parked *parked; size_t nparked;        /* while this phase runs */
    struct bt_plan_phase *out;
};

struct pl_stages { struct bt_arena *a; struct bt_plan *plan; const struct bt_plan_in *in; struct pl_stage *v; size_t n; };

/* Hold what several phases share to one place, first in the later phase, else in the earlier one, wherever no workload of either gets fewer copies, less
 * context, a lower rate or more neighbours from it. */
BT_MUST_CHECK int pl_keep(struct pl_stages *all, struct bt_err *err);
/* Who is parked while stage i runs, and how; what they keep is taken off its cards and the stage is planned again. Stages before i are filled.
 * Where RAM or cards do not hold it, it is stopped instead, with a warning. */
BT_MUST_CHECK int pl_park(struct pl_stages *all, size_t i, struct bt_err *err);
/* plan.c: instances of the stage, with their bytes. */
void pl_fill(struct pl_stages *all, size_t i);
/* Plan stage `g` with these pins (may be NULL) and bytes taken off the cards: next->in, p and s; s.found tells. */
BT_MUST_CHECK int pl_stage_try(const struct pl_stages *all, const struct pl_stage *g, const struct bt_workload *const *pin, const uint64_t *reserve,
                               uint64_t nodes, struct pl_stage *next, struct bt_err *err);

/* moves.c: instances that stay have the same bytes in all their phases; then plan->move. */
void pl_moves(struct pl_stages *all);
bool pl_same_place(const struct bt_plan_instance *a, const struct bt_plan_instance *b);
const struct bt_plan_instance *pl_with_id(const struct bt_plan_phase *ph, const char *id);
/* Host RAM of the fleet's machine; 0 = not known: cards of the catalog stand in no machine. */
uint64_t pl_ram(const struct bt_fleet *f);
/* Weights of a rank, what sleep takes off the card beside KV. */
uint64_t pl_sleeping_bytes(const struct bt_rank_berth *r);
/* alternatives.c: the first phase of workload `index` with `w` in its place; row->fits tells. */
struct bt_alternative;
BT_MUST_CHECK int pl_alternative(struct bt_arena *a, const struct bt_plan_in *in, size_t index, const struct bt_workload *w, struct bt_alternative *row,
                                 struct bt_err *err);
/* faster.c: warnings where a pinned shape is slower than a smaller one, or hardly faster than one GPU; advice of replicas where it is impossible. */
BT_MUST_CHECK int pl_faster(struct bt_plan *plan, struct bt_arena *a, const struct bt_plan_in *in, struct bt_err *err);
/* Every boundary re-checked: bytes of the parked beside those who run, RAM, who stays is the same in both phases, everybody's way there. */
BT_MUST_CHECK int pl_moves_check(const struct bt_plan *p, struct bt_err *err);
#endif

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

/* A workload held to a place: as a spec would say it, and what no spec says. */
struct pl_pin {
    struct bt_workload w;            /* with shape, copies and context as they are there, on those cards */
    size_t *card; size_t ncards;     /* of all ranks of its first copy, then of the next one */
};

/* One phase on its way to a plan. */
struct pl_stage {
    const char *name;
    struct bt_plan_in *in;           /* spec with pins, fleet with reservations */
    struct pl_problem *p; struct pl_solution s;
    struct pl_problem *free_p; struct pl_solution free_s;            /* planned as if there were no other phase: what keeping must not cost */
    const struct pl_pin **pin;       /* [spec->n]: held to the place it has in another phase; NULL = free */
    struct pl_parked *parked; size_t nparked;        /* while this phase runs */
    struct bt_plan_phase *out;
};

struct pl_stages { struct bt_arena *a; struct bt_plan *plan; const struct bt_plan_in *in; struct pl_stage *v; size_t n; };

/* Hold what several phases share to one place, first in the later phase, else in the earlier one, wherever no workload of either gets fewer copies, less
 * context, a lower rate or more neighbours from it. */
BT_MUST_CHECK int pl_keep(struct pl_stages *all, struct bt_err *err);
/* joint.c: what holding one phase to another left apart, searched in all phases together. Changes stages, or nothing. */
BT_MUST_CHECK int pl_joint(struct pl_stages *all, struct bt_err *err);
/* As the search counts them, of a solution of `p`, by what the stage wants when it is planned alone: held to a place, a workload wants what it has. */
int64_t pl_wants(const struct pl_stage *g, const struct pl_problem *p, const struct pl_solution *s);
int64_t pl_service(const struct pl_stage *g, const struct pl_problem *p, const struct pl_solution *s);
/* No workload of the stage has fewer copies, less context, a lower rate or more neighbours than planned alone, nor all together less service. */
bool pl_no_worse(const struct pl_stages *all, const struct pl_stage *g, const struct pl_problem *p, const struct pl_solution *s);
bool pl_same_copies(const struct pl_stage *x, const struct pl_stage *y, size_t spec_index);
/* The workload as it stands in that stage. NULL when it has no place there. */
const struct pl_pin *pl_held(const struct pl_stages *all, const struct pl_stage *g, size_t spec_index);
bool pl_active(const struct pl_stages *all, size_t stage, size_t w);
/* The last phase before `i` that has the workload, or PL_NONE. */
size_t pl_last_before(const struct pl_stages *all, size_t i, size_t w);
/* Its context or its cards follow one that is not in both phases: nothing to hold. */
bool pl_bound_elsewhere(const struct pl_stages *all, size_t i, size_t j, size_t w);
/* Who is parked while stage i runs, and how; what they keep is taken off its cards and the stage is planned again. Stages before i are filled.
 * Where RAM or cards do not hold it, it is stopped instead, with a warning. */
BT_MUST_CHECK int pl_park(struct pl_stages *all, size_t i, struct bt_err *err);
/* plan.c: instances of the stage, with their bytes. */
void pl_fill(struct pl_stages *all, size_t i);
/* Plan stage `g` with these pins (may be NULL) and bytes taken off the cards: next->in, p and s; s.found tells. */
BT_MUST_CHECK int pl_stage_try(const struct pl_stages *all, const struct pl_stage *g, const struct pl_pin *const *pin, const uint64_t *reserve,
                               uint64_t nodes, struct pl_stage *next, struct bt_err *err);

/* moves.c: instances that stay have the same bytes in all their phases; then plan->move. */
void pl_moves(struct pl_stages *all);
bool pl_same_place(const struct bt_plan_instance *a, const struct bt_plan_instance *b);
const struct bt_plan_instance *pl_with_id(const struct bt_plan_phase *ph, const char *id);
/* May be NULL: nothing parks. */
bool pl_engine_parks(const struct bt_engine *e, const char *level);
/* Milliseconds of work, of all its copies, that a workload saves in its next phase by being where it is in this one: runs_on, that is the very next phase;
 * else it is parked in between, or saves nothing. */
uint64_t pl_place_ms(const struct pl_problem *p, const struct pl_solution *s, size_t spec_index, bool runs_on);
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

/* phases.h - plan's own: phases that know of each other. What runs on keeps its cards where that costs nothing, what comes back is parked, and a set that
 * does not fit at once is cut into phases that do. Not for other floors. */
#ifndef BT_PLAN_PHASES_H
#define BT_PLAN_PHASES_H
#include "plan/plan_int.h"

/* An instance that gives its memory back and comes again. Borrows the instance of the phase where it ran last. */
struct pl_parked {
    const struct bt_plan_instance *inst;
    const char *level;               /* none, kv, sleep */
    size_t stage, copy;              /* where that is: copy number `copy` of that stage's solution */
    uint64_t *gpu_bytes;             /* [inst->nranks]: what it goes on holding */
    uint64_t host_bytes;             /* RAM that its weights take meanwhile */
};

/* A copy that may sleep until it comes back, or because the spec says so. */
struct pl_sleeper {
    size_t w, stage, nth;            /* of spec->w; the phase where it ran last; which of its workload's copies there */
    size_t until;                    /* the last phase through which it sleeps */
    const char *level;
    uint64_t host_bytes;             /* RAM that it takes meanwhile */
    uint64_t saves_ms;               /* against a stop and a start again */
    bool asked;                      /* by the spec, whatever it saves */
    bool out; const char *why;       /* it is stopped instead, and why */
    const struct bt_plan_instance *inst;             /* once its phase is filled */
};

/* Who is there while a phase runs, and under which number. */
struct pl_held { size_t stage, copy; uint32_t id; };

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
    uint32_t *id;                    /* [s.ncopies] the number of each copy in the plan */
    struct pl_held **held; size_t *nheld;            /* [spec->n] who runs, then who is parked; NULL where there is one phase only */
    struct bt_plan_phase *out;
};

struct pl_stages {
    struct bt_arena *a; struct bt_plan *plan; const struct bt_plan_in *in; struct pl_stage *v; size_t n;
    struct pl_sleeper *sleeper; size_t nsleepers;    /* of all phases */
};

/* Hold what several phases share to one place, first in the later phase, else in the earlier one, wherever no workload of either gets fewer copies, less
 * context, a lower rate or more neighbours from it. */
BT_MUST_CHECK int pl_keep(struct pl_stages *all, struct bt_err *err);
/* twins.c: cards that a phase does not tell apart take each other's names where more stays by it. Changes stages, or nothing. */
BT_MUST_CHECK int pl_swap_twins(struct pl_stages *all, struct bt_err *err);
/* phases.c: copies that are where they were anyway stay there, whatever is planned again. */
void pl_settle_stayers(struct pl_stages *all);
/* joint.c: what holding one phase to another left apart, searched in all phases together. Changes stages, or nothing. */
BT_MUST_CHECK int pl_joint(struct pl_stages *all, struct bt_err *err);
/* As the search counts them, of a solution of `p`, by what the stage wants when it is planned alone: held to a place, a workload wants what it has. */
int64_t pl_wants(const struct pl_stage *g, const struct pl_problem *p, const struct pl_solution *s);
int64_t pl_service(const struct pl_stage *g, const struct pl_problem *p, const struct pl_solution *s);
/* No workload of the stage has fewer copies, less context, a lower rate or more neighbours than planned alone, nor all together less service. */
bool pl_no_worse(const struct pl_stages *all, const struct pl_stage *g, const struct pl_problem *p, const struct pl_solution *s);
bool pl_same_copies(const struct pl_stage *x, const struct pl_stage *y, size_t spec_index);
/* stay.c. Copy i of x and copy j of y are one that stays: same cards, shape and context of one workload. */
bool pl_copy_stays(const struct pl_stage *x, size_t i, const struct pl_stage *y, size_t j);
/* Its copies in the solution, into copy[PL_MAX_COPIES]; how many. */
size_t pl_copies_of(const struct pl_stage *g, size_t spec_index, size_t *copy);
/* How many copies of it y can have where x has them. May be NULL: not_x[nth of x] that do not count; taken[nth of y] that are spoken for, added to;
 * to[nth of x] the one it goes on as, or PL_NONE. */
size_t pl_stayers(const struct pl_stage *x, const struct pl_stage *y, size_t spec_index, const bool *not_x, bool *taken, size_t *to);
/* g->id and g->held of stage i: who stays or comes back has the number that it had. Stages before i are numbered. */
void pl_number(struct pl_stages *all, size_t i);
/* The workload as it stands in that stage. NULL when it has no place there. */
const struct pl_pin *pl_held(const struct pl_stages *all, const struct pl_stage *g, size_t spec_index);
bool pl_active(const struct pl_stages *all, size_t stage, size_t w);
/* The last phase before `i` that has the workload, or PL_NONE. */
size_t pl_last_before(const struct pl_stages *all, size_t i, size_t w);
/* Its context or its cards follow one that is not in both phases: nothing to hold. */
bool pl_bound_elsewhere(const struct pl_stages *all, size_t i, size_t j, size_t w);
/* park.c. all->sleeper: who may be parked between two of its phases, and whom of them RAM holds: as many that were asked for as can be, then the choice that
 * saves most seconds, then the one with the least bytes. Who is not held is stopped instead, with a warning. */
void pl_sleepers(struct pl_stages *all);
/* Of those who sleep at the end, where the machine's RAM is not known: what they take of it. */
void pl_say_ram_not_known(struct pl_stages *all);
/* Who of them is parked while stage i runs; what they keep is taken off its cards and the stage is planned again. Stages before i are filled. Where the stage
 * would lose by it, those that save least are stopped instead. */
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
/* The same of one copy. */
uint64_t pl_copy_ms(const struct pl_problem *p, const struct pl_copy *c, bool runs_on);
/* Whether it is known how long the copy takes to start: a server of whose card pace knows. */
bool pl_starts_known(const struct pl_problem *p, const struct pl_copy *c);
/* Weights of a rank, what sleep takes off the card beside KV. */
uint64_t pl_sleeping_bytes(const struct bt_rank_berth *r);
/* alternatives.c: the first phase of workload `index` with `w` in its place; row->fits tells. faster_than in tok/s of one stream: where no shape
 * can be, nothing is planned and nothing fits; 0 = all the same. */
struct bt_alternative;
BT_MUST_CHECK int pl_alternative(struct bt_arena *a, const struct bt_plan_in *in, size_t index, const struct bt_workload *w, double faster_than,
                                 struct bt_alternative *row, struct bt_err *err);
/* In each note of propose.c on ways that were not all looked at, or not all compared. */
#define PL_WAYS_TO_CUT "ways to cut it into"
/* subphases.c: bt_plan_propose of a spec with phases: each that does not fit is cut into the fewest that do, the others are as they are written. *out NULL:
 * *why not. */
BT_MUST_CHECK int pl_propose_further(struct bt_arena *a, const struct bt_plan_in *in, struct bt_plan **out, const char **why, struct bt_err *err);
/* faster.c: warnings where a pinned shape is slower than a smaller one, or hardly faster than one GPU; advice of replicas where it is impossible. */
BT_MUST_CHECK int pl_faster(struct bt_plan *plan, struct bt_arena *a, const struct bt_plan_in *in, struct bt_err *err);
/* Every boundary re-checked: bytes of the parked beside those who run, RAM, who stays is the same in both phases, everybody's way there. */
BT_MUST_CHECK int pl_moves_check(const struct bt_plan *p, struct bt_err *err);
#endif

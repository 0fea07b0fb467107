/* boxes.h - plan's own: a fleet of several machines. No instance spans two, so the workloads are dealt to boxes and each box is planned as a fleet of its
 * own, exactly (plan.c), boxes with the same content once.
 *
 *   boxes_worth.c   what every workload can be in a box: cards, bytes, context, service; a bound on the service of all of them from prices of cards
 *   boxes_bound.c   how many of them, and how much of what they want, all boxes hold at most
 *   boxes_count.c   do all that must have a place certainly not fit? Counts that say so
 *   boxes_choice.c  how many cards of which of them a copy is to get
 *   boxes_deal.c    which copy goes into which box
 *   boxes_solve.c   a box with its copies as a spec and a fleet, planned; contexts made equal between boxes
 *   boxes_ways.c    what would fit instead, where they do not: each planned
 *   boxes.c         the steps in order; the boxes' plans as one plan, its score and its gap
 *
 * Units: bytes; service as in docs/plan.md, not yet in thousandths. Everything lives in the arena of the plan. Single thread, deterministic. */
#ifndef BT_PLAN_BOXES_H
#define BT_PLAN_BOXES_H
#include "plan/plan_int.h"

#define BX_NODES 20000               /* of the search in one box: small problems end long before */
#define BX_CLIMB_NODES 1500000       /* of all boxes together, where there is much on each: machines share the work */
#define BX_CLIMB_MOST 100000         /* of one */
#define BX_CLIMB_LEAST 2000
#define BX_PATIENT_NODES 100000      /* of a box that held nothing with those */

/* A way to run one copy of a group in a box. */
struct bx_option {
    uint32_t cards;
    double wants;                    /* sum of the shares of their wanted contexts that its servers reach alone */
    double value;                    /* service of one copy on cards of its own (its members share them) */
    uint64_t floor, full;            /* of its fullest rank: at the least contexts, at the wanted ones */
    bool whole;                      /* nobody beside it */
    uint32_t tp, pp;                 /* of a workload's own option; a group's members have their own */
    uint64_t least_rank;             /* of a workload's own: bytes of its smallest rank, of any shape on so many cards */
};
/* Of one workload: per number of cards at most one, rising. And what no option passes, for one copy: `least` bytes on all its cards where it stands at all,
 * with `least_wants` of its context; `full` for all of its context, of which it reaches `most_wants`. least = 0: it goes nowhere there. */
struct bx_menu { struct bx_option *v; size_t n; uint64_t least, full; double least_wants, most_wants; };

static inline const struct bx_option *bx_with_cards(const struct bx_menu *m, uint32_t cards)
{
    for (size_t i = 0; i < m->n; i++)
        if (m->v[i].cards == cards)
            return &m->v[i];
    return NULL;
}

/* Boxes that look the same to `need` and `pace`. */
struct bx_class {
    struct bt_fleet fleet;           /* one such box, with the most that any of them has free on each card */
    size_t boxes, cards;             /* boxes, cards in all of them */
};

/* A workload and who follows it by `same_gpus_as`: they go together, copy by copy. */
struct bx_group {
    size_t *member, nmembers;        /* indices into spec->w, the target first */
    uint32_t min, want;              /* copies of the target */
    uint64_t phases;                 /* bit per phase */
    bool host;                       /* takes no card */
    bool sociable;                   /* shares with everybody who does */
    struct bx_option **option; size_t *noptions;     /* [class]: fewer cards first, each more than the one before it gains by */
    size_t *pool, npool;             /* cards of the fleet that the target may stand on, rising; NULL = all */
};

/* card: of the fleet. phases: bit per phase that has it there; all of its group's for as many copies as these must have, fewer where no more found room. */
struct bx_copy { size_t group; uint32_t replica; size_t box; size_t *card; uint32_t ncards; uint64_t floor, full, phases; };

struct bx {
    struct bt_arena *a; const struct bt_plan_in *in; /* in->spec: a copy in which equal names of models are one text, so that needs are worked out once */
    struct bt_plan *plan;            /* nodes, warnings and refusals go here */
    const struct bt_fleet *fleet;
    size_t nphases; const char *const *phase;
    struct bx_class *cls; size_t ncls; size_t *class_of;             /* [boxes] */
    struct bx_group *group; size_t ngroups; size_t *group_of;        /* [spec->n] */
    uint64_t *ctx_want, *ctx_min; size_t *ctx_root;  /* [spec->n] as pl_problem has them, whoever is in the same box */
    struct bx_menu **menu;           /* [class][spec->n] */
    double *solo_best;               /* [spec->n] of any box */
    double *rate_scale;              /* [spec->n] weight / solo_best / copies wanted: times a rate it is service; 0 = its rate is not known */
    double *price;                   /* [phase * ncls + class] of a card, the best found */
    double service_bound;            /* no plan in which every context is as long as it can be alone serves more */
    int64_t placed_bound, wants_bound;               /* no plan has more, of all phases */
    struct bx_copy *copy; size_t ncopies;
    uint32_t *ahead;                 /* [ngroups] more than 0: goes before the others, the most first; NULL: nobody does */
    uint32_t *copies;                /* [ngroups] of those that leave it open: how many were dealt; 0 = as the spec says. NULL = all are settled */
};

/* Groups, classes, options, prices, bound. What can go nowhere becomes refusals of the plan. */
BT_MUST_CHECK int bx_worth(struct bx *b, struct bt_err *err);
/* boxes_bound.c: workloads placed and wants, by bytes. */
void bx_bound(struct bx *b);
/* What a rank of so much of a card (0 to 1) counts as, by measure m: of all that are on one card these add up to 1 at most. 0: as it is; to BX_PARTS: by parts
 * of a card; the others leave out the small. */
#define BX_PARTS 5u
#define BX_MEASURES 10u
double bx_measure(unsigned m, double x);
/* The prices say that those who must have a place in the phase do not all have one. */
bool bx_must_fail(const struct bx *b, size_t phase);
/* Copies of it that stand where it stands at all. */
static inline uint32_t bx_copies_least(const struct bt_workload *w) { return w->copies.set ? (uint32_t)BT_MAX(w->copies.min, 1u) : 1; }
/* boxes_count.c: true: certainly not all who must have a place have one, and a refusal of the plan says by what count. */
bool bx_cannot_fit(struct bx *b);
/* boxes_ways.c: advice for a plan that was refused, every row of it planned. Where that takes more than so much work a note says that not all was tried. */
BT_MUST_CHECK int bx_ways_out(struct bt_arena *a, const struct bt_plan_in *in, struct bt_plan *plan, struct bt_err *err);
/* boxes_choice.c. An option of a group; worth: beyond its cards, or in bytes. BX_PICKS: of one group, 64 numbers of cards in four kinds of machine; past that
 * the later kinds are not looked at. */
#define BX_PICKS 256
struct bx_pick { size_t cls, option; double worth; };
static inline const struct bx_option *bx_picked(const struct bx_group *g, struct bx_pick x) { return &g->option[x.cls][x.option]; }
static inline unsigned bx_nphases(const struct bx_group *g) { return (unsigned)__builtin_popcountll(g->phases); }
/* Bytes of a rank that count as taken: its least, and of what lies between that and what it wants such a part. */
static inline uint64_t bx_floor_at(double ease, const struct bx_option *o) { return o->floor + (uint64_t)(ease * (double)(o->full - o->floor)); }
/* All options of the group, those that are worth most first, at the prices or without; those of the fewest bytes first. Returns how many, at most `most`. */
size_t bx_picks(const struct bx *b, const struct bx_group *g, bool priced, struct bx_pick *out, size_t most);
size_t bx_picks_by_bytes(const struct bx *b, double ease, const struct bx_group *g, struct bx_pick *out, size_t most);
/* choice[ngroups]: what each is to be, .option SIZE_MAX = nothing. Of all that they are worth together, or each the fewest bytes. */
void bx_choose(const struct bx *b, struct bx_pick *choice);
void bx_choose_fewest(const struct bx *b, double ease, struct bx_pick *choice);
/* b->copy. False: some copy that must have a place was found none (*left says whose), the second time as tightly as they go. */
bool bx_deal(struct bx *b, size_t *left);
/* Another box for a copy that its box could not hold after all. False: none. */
bool bx_redeal(struct bx *b, size_t copy, const bool *closed);
/* What a box was planned from, and its plan. Its workloads are spec->w[of[i]], copy k of them is copy replica[i][k] of the whole. */
struct bx_solved { struct bt_plan *plan; size_t *of; uint32_t **replica; };
/* out[box]; plan NULL for a box with nothing in it. BT_E_TOO_BIG: some box holds less than was dealt to it, and no other takes it. */
BT_MUST_CHECK int bx_solve(struct bx *b, struct bx_solved *out, struct bt_err *err);
/* Longest context that the workload can have alone, as a share of what it wants: in any box. */
double bx_most_wants(const struct bx *b, size_t w);
/* boxes.c: the whole of it; in->fleet->nboxes > 1. plan: its phases named and empty. */
BT_MUST_CHECK int pl_boxes(struct bt_arena *a, struct bt_plan_in *in, struct bt_plan *plan, struct bt_err *err);
/* A command that does not say what it takes. */
static inline bool bx_takes_whole(const struct bt_workload *w) { return w->kind != BT_SERVER && w->memory.form == BT_MEM_AUTO; }
/* problem.c: may they stand on one card, as far as `share` and `apart` say? */
bool pl_lets_share(const struct bt_workload *a, const struct bt_workload *b);
#endif

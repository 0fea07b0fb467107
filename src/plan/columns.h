/* columns.h - the search's own: what a fleet too large for the tree can carry, as a linear program over sets of neighbours, and a plan rounded from it.
 *
 * What may be asked of it beside the service: how many of some workloads can stand, and how much of what is wanted.
 *
 *   fill.c      the best set of ranks for one card, at given prices of workloads
 *   columns.c   the program, good prices, and what no placement passes
 *   dive.c      a placement from what the program would like to do
 *   stand.c     its sets as copies on cards
 *
 * A column is a card of one color that carries one set; the program wants each workload's copies once and no more cards than there are. A rank on a card of t
 * tenants is worth its copy's rate / t / the copy's cards, in whole thousandths of a copy, as the score counts it where no other card of the copy is fuller.
 * All memory is the arena's that se_columns() was given. */
#ifndef BT_PLAN_COLUMNS_H
#define BT_PLAN_COLUMNS_H
#include "plan/master.h"
#include "plan/search_int.h"

#define CO_BUSY 16u                  /* a card with more tenants counts as one with so many */
#define CO_SEATS 40u                 /* tenants of a card, at most */
#define CO_COLUMNS 20000u            /* of one program */
#define CO_ENTRIES 200000u
#define CO_PIVOT_NODES 16u           /* what a step of the simplex method costs, in nodes */

/* A work in a shape: a tensor-parallel group on cards of one kind, a pipeline anywhere. like: the first unit that another copy may be in beside this one: of
 * copies on one card each every one may be on another kind. */
struct co_unit {
    size_t work, shape, like; uint32_t cards;
    double share;                    /* of the context wanted, where wants count */
    double *value;                   /* [class * (CO_BUSY + 1) + tenants] of a rank */
    uint64_t *least, *most;          /* [class] bytes of a rank, whichever it is of its copy; UINT64_MAX: it does not go there */
};

/* Cards that nothing of the problem tells apart. */
struct co_color {
    size_t card, count, row, last;   /* one of them, how many, its row of the program; its last set, or PL_NONE */
    size_t *unit, nunits;            /* those that go on it, of one work together */
    double lambda[CO_BUSY + 1];      /* what a byte was worth, the last time that so many were to sit there */
    double best; uint32_t *set; unsigned n;          /* the best of the last pricing; n = 0: an empty card, or it is not known whose */
};

struct co_set { size_t color; unsigned n; uint32_t *unit; double worth; size_t before; bool sure; };
/* before: the one of its color before it, or PL_NONE; sure: there is room for whichever ranks they are */

/* What is asked, where it is not the service of all: NULL = that. */
struct co_asked {
    const bool *loose;               /* [works] all its copies may be missing */
    const double *counts;            /* [works] what all copies of it are worth wherever they stand; NULL: their service */
    bool wants;                      /* not the service: contexts and copies that are wanted, of each work as many copies as it must have, or more */
    double enough;                   /* to know that no plan has so much, or more */
};

/* Copies of a work that may be missing: the row of how many there are, how many, and what each is worth all the same. */
struct co_spare { size_t work, row; uint32_t most; double worth; };

struct columns {
    struct search *s; struct bt_arena *a;
    const struct co_asked *asked;
    struct co_unit *unit; size_t nunits, *first;     /* first[work]: its units */
    struct co_color *color; size_t ncolors, *color_of;
    uint64_t *friends, *needs, tied; /* as struct se_sets has them: a bit per work */
    size_t *row, nrows, nworks;      /* [works] PL_NONE: takes no card; rows of works come first, nworks of them, then those of colors, then of spares */
    struct co_spare *spare; size_t nspares;
    double *side, *most, *lowest;    /* [rows] copies, cards; [rows of works] no price needs to be more; nor may be less */
    struct co_set *set; size_t nsets;
    struct co_dive *dive;            /* NULL: nothing is settled yet */
    struct co_fill *fill;            /* of fill.c */
    uint64_t steps, steps_each;      /* of walks, so far; of one at most */
    bool exact;                      /* where a walk is cut short, find out what no set passes; else the price of it may be too low */
    bool unbounded;                  /* more may sit on a card than sets have seats, and that may be worth more: nothing is bounded */
    uint64_t end;                    /* nodes of the search: no more rounds, no more dives */
};

/* What a dive has settled; units and sets that it does not allow are left out of all pricing. */
struct co_dive {
    const size_t *only; const uint32_t *left;        /* [works] its unit, or PL_NONE; ranks that are still to come */
    const uint8_t *level;            /* [works] tenants of its fullest card: no more anywhere, and all its ranks are worth as much as there; 0: open */
    const size_t *free;              /* [colors] cards that are free */
    const uint32_t *gone;            /* [works] copies that are given up: of those that need not be there */
    bool *off; size_t noff;          /* [sets] can not be any more; of so many */
};

/* fill.c */
struct co_fill *co_fill_new(const struct columns *c);
struct co_filled { double most; unsigned n; uint32_t unit[CO_SEATS]; };              /* n = 0: no set is better than `known` */
/* The best set of ranks on an empty card of the color where so many sit, at these prices of rows: what it gains beyond them. No set gains more than `most`
 * (or `known`); `most` may be more than the set gains where the walk was cut short. */
void co_fill(struct columns *c, const double *price, struct co_color *o, unsigned tenants, double known, struct co_filled *out);

/* columns.c */
/* What the set is worth as far as things are settled. */
double co_worth(const struct columns *c, const struct co_set *x);
/* Tenants that count for a rank of the work on a card with so many; 0: it does not go there. */
static inline unsigned co_level(const struct columns *c, size_t work, unsigned tenants)
{
    unsigned level = c->dive ? c->dive->level[work] : 0;
    return level && tenants > level ? 0 : BT_MAX(tenants, level);
}
static inline bool co_wants(const struct columns *c) { return c->asked && c->asked->wants; }
static inline bool co_serves(const struct columns *c) { return !c->asked || !(c->asked->wants || c->asked->counts); }
/* Copies of the work that may still stand; no card has two ranks of one. */
static inline uint32_t co_copies(const struct columns *c, size_t work) { return c->s->copies_most[work] - (c->dive ? c->dive->gone[work] : 0); }
/* The set as a column: its entries, which are CO_SEATS + 1 at most; returns how many. */
uint32_t co_entries(const struct columns *c, const struct co_set *set, struct ms_entry *e);
/* Prices all colors; sets that gain become columns of the program (`of`: which set its columns are, from `base` on).
 * Returns what nothing passes where c->exact, else what the walks came to. */
struct co_program { struct master *m; size_t base, *of; };
double co_price(struct columns *c, const double *price, struct co_program *g, unsigned *added);
bool co_add(struct columns *c, struct co_program *g, size_t set);
/* Columns of copies that are missing: as many as there are spares. */
void co_add_spares(const struct columns *c, struct master *m);

/* stand.c: these sets as copies on cards, each work in its unit. lost: copies that have no place; service: of the others, as the score counts it. */
struct co_stand *co_stand_new(const struct columns *c);
struct pl_solution co_stand(const struct columns *c, struct co_stand *d, const uint32_t *set, size_t n, const size_t *only, unsigned *lost, int64_t *service);

/* dive.c: a placement, not whole where something did not go. lost: copies that it lacks. */
#define STEP_COLUMNS 6000u           /* of the program of all dives */
struct pl_solution co_dive(struct columns *c, unsigned *lost);
#endif

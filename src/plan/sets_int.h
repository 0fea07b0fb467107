/* sets_int.h - plan's own: the sets of neighbours that a card may carry, between those who walk them (sets_walk.c) and those who price copies by them
 * (sets.c). What they are for: search_int.h, se_sets_start(). */
#ifndef BT_PLAN_SETS_INT_H
#define BT_PLAN_SETS_INT_H
#include <math.h>
#include <string.h>

#include "plan/search_int.h"

#define SS_UNITS 1024u
#define SS_SETS 4096u                /* that are kept */
#define SS_SEATS 12u                 /* tenants of a set that is kept */
#define SS_PAIRS 512u                /* of units, on a card of one color: with more each stays by itself */
#define SS_WORKS 64u                 /* a bit per work */
#define SS_CUTS 128u                 /* that are kept */
#define SS_STAGES 4u                 /* sizes of stages that are told apart */
#define SS_ROUND_NODES 12u           /* what a round of prices costs, beside its steps */

/* A work in a shape; a tensor-parallel group on cards of one kind (that of class `on`); a pipeline on any that are no slower than those of class `slowest`,
 * at their pace. busy: neighbours that it must have make its cards so busy. */
struct ss_unit {
    size_t work, shape, on, slowest; /* PL_NONE: not so */
    uint32_t cards; unsigned busy;
    size_t of; uint8_t part, parts;  /* the first unit of the copy; which of its sizes of stage this is, the smallest first, and how many there are */
    uint32_t ranks, up_to;           /* of a copy, of this size; and of smaller ones too */
    const uint8_t *part_of;          /* [pp] of each stage */
    double *value;                   /* [class * (SE_BUSY + 1) + tenants] of a rank, where the copy's fullest card has so many, in thousandths of a copy */
    uint64_t *least, *loose, *tight; /* [class] bytes of a rank, as one of the others has it: whatever card the copy is reckoned for, or one that it may have */
};
/* A rank that may be taken to a card of a color where so many sit, in the order of what they gain beyond the price of bytes. */
struct ss_item {
    uint32_t work, unit, with;       /* with: the unit of its follower, who comes too; UINT32_MAX: nobody */
    double gain, beyond; uint64_t bytes, works;      /* beyond: what its bytes would cost; works: its own and the follower's, a bit each */
};
/* Items by work, those with large ranks first; most: what the works from k on add at most, with so many seats (0: any number) and parts of the room.
 * made: it is of the items as they are. */
struct ss_table {
    struct ss_group { uint32_t work; uint16_t from, n; uint64_t bytes; } *group; size_t ngroups;
    uint16_t *item;
    size_t seats; double part;       /* bytes */
    double *most;                    /* [ngroups + 2][seats + 1][parts + 1]; the last is scratch */
    bool made;
};
/* by_byte: the price of a byte; most: the largest gain. */
struct ss_items { struct ss_item *v; size_t n; double by_byte, most; uint64_t cap; struct ss_table *table; };
/* A set that was found: a card with so many tenants or fewer. */
struct ss_set { double worth; bool off; uint16_t color; uint8_t level, n; uint16_t unit[SS_SEATS]; };          /* off: not of what is left */
/* A copy of the work in that shape, in that unit (PL_NONE: in any), has no larger share of its ranks there: of stages up to `part`, on cards of these colors
 * (a bit each). */
struct ss_cut { size_t work, shape, of; uint64_t colors; uint8_t part; double share; };
struct ss_color {
    size_t card, count;
    size_t *unit, nunits;            /* those that go on it */
    double best;                     /* of the sets of an empty one */
    const struct ss_set *kept;       /* the best of those that are kept */
    struct ss_items level[SE_BUSY + 1];              /* who must have each other are one */
    struct ss_items alone[SE_BUSY + 1];              /* each by itself, where one of them sits there; kept only where there are such works */
};

struct se_sets {
    struct bt_arena *a;
    struct ss_set *set; size_t nsets;
    struct ss_unit *unit; size_t nunits;
    size_t *first;                   /* [works + 1] its units */
    struct ss_color *color; size_t ncolors; size_t *color_of;           /* [cards] */
    double *price;                   /* [works] of a copy; then [cuts] of a rank there: never negative */
    double *over, *best, *dir;       /* [works], best of cuts too: scratch */
    struct ss_cut cut[SS_CUTS]; size_t ncuts;
    double put_by[SS_CUTS]; bool is_bare;            /* prices of cuts, while nobody pays them */
    bool tight;                      /* least is that, and cuts are of units */
    bool has_own;                    /* some of own[] is not 0 */
    double *own;                     /* [units][colors] what a rank pays beside its part of the copy's price: all ranks of a copy nothing, or less */
    double *rank;                    /* [units][colors] ranks of the program's answer */
    bool *parted;                    /* [units] it is the first of a copy whose sizes of stage have prices, or no other is smaller */
    double killed_at;                /* what the bound was above what must be reached at the last se_sets_kill() */
    double now;                      /* the bound of the prices as they are and the best sets of the colors */
    uint64_t steps;                  /* through sets, not counted as nodes yet */
    bool by_part;                    /* stages of pipelines are told apart by their size, where there are not too many units so */
    bool by_pace;                    /* pipelines are told apart by their slowest card: that is more units than there may be with many kinds of card */
    bool room_only;                  /* no rank is worth anything: what must stand is only to find room */
    double shared;                   /* what a shared card costs, beside the service */
    uint64_t *friends;               /* [works] who may sit beside it; a bit per work */
    uint64_t *needs;                 /* [works] who must sit on all its cards: whom it follows, and who follows every copy of it */
    size_t *pair;                    /* [works] each needs the other and nobody else; PL_NONE: no such work */
    uint64_t tied;                   /* works that need somebody or are needed: they are in sets although they gain nothing */
    double *part;                    /* [units * (SE_BUSY + 1)] of the program's answer: copies in the unit, whose fullest card has so many tenants */
    double *loss;                    /* [units] of the bound, at the last se_sets_kill() */
    struct ss_again *again;          /* [copies that stand] sets_node.c's own; NULL: nobody asks for prices there */
    struct se_known *best_on; uint64_t changes;      /* best sets of cards as they stood; of prices and what is left out */
    uint8_t *busy;                   /* [units] bit b: something with a copy in it whose fullest card has b tenants may be as good as what there is */
};

#define SS_FEW_STEPS 300u
#define SS_WALK_STEPS 4000u

struct ss_walk {
    const struct search *s; const struct se_sets *t;
    const struct ss_item *item; double by_byte;
    unsigned level; uint32_t sitting, taken; uint64_t seated;        /* works of those who sit there; taken: tenants that were added */
    uint32_t seated_cards[SS_WORKS]; /* on how many cards each of their copies stands */
    double best;
    size_t at[64], best_at[64], depth, nbest; unsigned best_level;   /* items */
    uint8_t copies[SS_WORKS]; size_t shape[SS_WORKS];                /* of the works of those items; the shape of those that have copies */
    uint64_t steps, most_steps;
    uint64_t few, many;              /* steps of one walk before there is a table of what works to come add, and with it: then it is bounded by the table */
    bool rough;                      /* a bound will do where there are many */
    bool cut;                        /* too many of them */
    double enough; bool done;        /* a set of so much was found: there may be better ones */
};

/* Nobody sits there, nothing is known; the paths are left as they are: a walk writes them before it reads them, and they are long. */
static inline void ss_walk_begin(struct ss_walk *w, const struct search *s, const struct se_sets *t)
{
    w->s = s;
    w->t = t;
    w->level = w->sitting = w->taken = w->best_level = 0;
    w->seated = w->steps = w->most_steps = 0;
    w->few = SS_FEW_STEPS;
    w->many = SS_WALK_STEPS;
    w->best = 0;
    w->depth = w->nbest = 0;
    w->cut = w->rough = w->done = false;
    w->enough = INFINITY;
    memset(w->copies, 0, sizeof w->copies);
}

/* Whether the unit may still be taken, and with its work's copies in that shape. */
bool ss_live(const struct search *s, const struct se_sets *t, size_t u);
/* The fewest tenants that the copy's fullest card may have where `tenants` sit on one of them. 0: it may not have so many. */
unsigned ss_fullest(const struct se_sets *t, size_t u, unsigned tenants);
/* What a rank is worth where its copy's fullest card has so many tenants, in thousandths. Never less than the score counts: that rounds in another order. */
double ss_worth(double thousandths, unsigned busy, uint32_t cards);
/* That, beyond its part of the price and its own. */
double ss_gain(const struct search *s, const struct se_sets *t, size_t u, size_t color, unsigned busy);
/* Of numbers of tenants those that differ in anything: where no rank is worth anything, none do. */
unsigned ss_first_level(const struct se_sets *t);
/* Of each color and number of tenants who would add something, at the prices as they are. */
void ss_fill_items(const struct search *s, struct se_sets *t);
/* Those to walk where they sit. */
const struct ss_items *ss_items_of(const struct se_sets *t, const struct ss_color *c, unsigned level, uint64_t seated);
/* The best set of w->level tenants in such room, beside those of w->seated (base: what they add), of works in `open`: w->best, where it passes that. */
void ss_walk_level(struct ss_walk *w, const struct ss_items *items, uint64_t open, uint64_t room, double base);

/* sets.c. How many copies of those to come are paid for. */
uint32_t ss_copies_paid(const struct search *s, size_t work);
/* The bound at the prices as they are, and t->over of the sets that make it; seen: works of the order that are placed. */
typedef double (*ss_look_fn)(struct search *s, size_t seen);
/* So many steps of prices, or until the bound is below `reached`: the lowest, of t->best. */
double ss_by_steps(struct search *s, ss_look_fn look_at, size_t seen, unsigned rounds, double reached);

/* sets_units.c. Into t->unit, with t->first: at each pace, at each size of stage, where that is asked. False: there are too many so. */
bool ss_add_units(const struct search *s, struct se_sets *t, bool by_pace, bool by_part, struct bt_arena *a);

/* sets_cuts.c. Prices: of works, and of cuts behind them. */
static inline size_t ss_nprices(const struct search *s, const struct se_sets *t) { return s->p->n + t->ncuts; }
/* Is a rank of the unit there, on a card of the color? */
static inline bool ss_in_cut(const struct ss_cut *r, const struct ss_unit *u, size_t color)
{
    return u->part <= r->part && r->colors >> color & 1;
}
/* What ranks pay of their own, from the prices of cuts; when these, or what is left, have changed. */
void ss_fill_own(const struct search *s, struct se_sets *t);
/* Something of its work is left in its shape. */
bool ss_cut_live(const struct search *s, const struct se_sets *t, const struct ss_cut *r);
/* How many more ranks of the set are there than the share of all of them. */
double ss_in_set(const struct se_sets *t, const struct ss_cut *r, const struct ss_set *x);
/* Cuts that the answer passes (t->rank) are added, the worst first. False: none. */
bool ss_cut_off(const struct search *s, struct se_sets *t);

/* sets_lp.c. The best of the sets that are kept, for each color at the prices as they are: its `kept` (NULL: none gains anything) and `best`. */
void ss_best_kept(struct se_sets *t);
/* The set of a walk, which is not there yet. NULL: no room. */
const struct ss_set *ss_keep(const struct search *s, struct se_sets *t, size_t color, const struct ss_walk *w);
/* Which of the kept sets are still possible, and their worth: after anything is left out or back in. */
void ss_look_again(const struct search *s, struct se_sets *t);
/* Of the sets that are kept, and at most so many more; solve: price[works] that are best for all that are kept by now; returns what those reach. */
struct ss_program *ss_program_new(const struct search *s, const struct se_sets *t, size_t more, struct bt_arena *a);
double ss_program_solve(struct ss_program *g, struct search *s, double *price);
/* Its answer into t->part and t->rank. */
void ss_program_parts(const struct ss_program *g, struct se_sets *t);
#endif

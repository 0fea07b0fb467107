/* grows_int.h - plan's own: sets of neighbours and what their contexts grow to, between those who make them (grows.c), walk them (grows_walk.c), price
 * copies by them (grows_price.c), settle what is left (grows_settle.c) and fill cards with them (grows_fill.c). What they are for: search_int.h, se_grows(). */
#ifndef BT_PLAN_GROWS_INT_H
#define BT_PLAN_GROWS_INT_H
#include "plan/master.h"
#include "plan/search_int.h"

#define GR_RANKS 512u                /* of a color */
#define GR_PARTS 4u                  /* of a shape: stages that differ */
#define GR_SEATS 16u                 /* of a set */
#define GR_SETS 3000u                /* that are kept */
#define GR_EPS 1e-6
#define GR_NO_PLACE 300.0            /* thousandths of wants that a rank counts for which has no place in a shape: it only guides */

/* A rank of a work, as it may come to a card of a color: on so many cards, the least of all shapes; or in a shape, of one part of it. Shares are of the
 * context wanted. */
struct gr_rank {
    size_t work; uint32_t cards, per;                /* per: such ranks of a copy */
    size_t shape, part;              /* PL_NONE: of any */
    uint64_t bytes;                  /* with x0 of its context */
    double x0, top, slope, worth;    /* top: what it has there at most; slope: bytes of a whole share; worth: thousandths of wants that a whole share adds */
    double min, least, token;        /* shares: its least context; what it must have; tokens that it may lack of its level, rounded down */
    double step;                     /* bytes that may be given after all have stopped growing, because it was its turn */
    double stretch;                  /* a byte given then holds so many times the tokens that `slope` says at most: past their windows some layers take none */
    size_t root;                     /* whose context it has; PL_NONE: none */
    bool stops;                      /* its context grows no further because this card is full, or has all: of all ranks with the context one does, at least */
    bool alone;                      /* its context depends on this card and no other */
    bool exact; size_t of;           /* it takes just these bytes there, or is alone; in which shape */
    uint16_t twin; bool is_twin;     /* the same rank, stopping there; UINT16_MAX: none */
    bool off;                        /* it does not go there */
    uint64_t shapes;                 /* that it stands for: a bit each (of 64; those from there on share them) */
    struct { uint64_t bytes; double x0, top, least; } all;          /* whatever the shares in g->least and g->most */
    struct { double bytes, x0, slope; } fat;         /* of all that it stands for, the most bytes there; INFINITY: nobody knows */
    double gain, beyond;             /* at the prices as they are: all that it adds, whatever its bytes; with the bytes paid */
};

struct gr_set { size_t color, n; uint16_t at[GR_SEATS]; double worth; };             /* at: of the color's ranks, rising */
struct gr_color {
    size_t card, count, base;        /* base: the color that it was before some of its cards were told apart */
    uint64_t must;                   /* works that are on each card of it */
    struct gr_rank *rank; size_t n;
    uint16_t by[GR_RANKS]; size_t nby;               /* ranks that are left, the largest `beyond` first */
    double by_byte, all, best, sure; /* all: no set is better, by bytes at that price; best: of the sets that were seen; sure: no set is better */
    struct gr_set set;               /* that one */
};

struct grows {
    struct search *s;
    struct gr_color *color; size_t ncolors;
    double *price, *best_price;      /* [works * GR_PARTS + part] of all ranks of a copy, or of those of the part; then [root] of a rank that stops, <= 0 */
    uint64_t friends[64], needs[64];
    uint64_t wide[64];               /* [work] a bit for each number of cards that is left */
    size_t shape[64];                /* [work] PL_NONE: not settled yet */
    double least[64], most[64];      /* [work] shares of its context that are left */
    uint32_t mult[64];               /* [root] works with this context */
    double base;                     /* wants of copies */
    struct se_known *granted;        /* what contexts of sets of those alone are worth, just so; NULL: blocks are not alike, nobody knows */
    double reached;                  /* no less is of interest */
    struct gr_set *set; size_t nsets, in;            /* kept; in: those that the program has seen */
    struct master *m; uint32_t row[64 * GR_PARTS + 64], colors; size_t first;           /* rows as prices; from `colors` on, of colors */
    double wish[64][64];             /* [work][cards] copies on so many cards, as the program has it */
    double low[64], mean[64];        /* [work] the least share of its context on any card there, and the mean */
    uint64_t shapes[64];             /* [work] that all its ranks there may be of, as in struct gr_rank */
    double on[64][BT_MAX_GPUS];      /* [work][color] cards that have it, as the program has it */
    double stop[64][BT_MAX_GPUS];    /* [root][color] cards that it stops on, of those where it costs something, as the program has it */
    double clash[64][64];            /* [work][shape] thousandths that the program's answer loses there, about */
    uint16_t basis[128]; size_t nbasis;              /* sets of the program's answer */
    uint64_t start, in_vain;         /* nodes: before all; of fillings after which nothing was known */
    struct bt_arena *a;
    uint64_t steps, end;             /* of walks, not counted as nodes yet; nodes that may be used up to there */
    struct se_dead *placed;          /* who was on which cards, in which shapes, when all of that was seen */
    bool serves;                     /* more service is looked for, with as many wants as the best has */
    double part, seen;               /* of the tree: what is being settled is so much of it, and so much is behind */
    bool over, better;               /* too much work; something better was found */
};

static inline size_t gr_unit(const struct gr_rank *r) { return r->work * GR_PARTS + r->part; }
static inline double gr_paid(const struct grows *g, const struct gr_rank *r)
{
    return g->price[gr_unit(r)] / r->per + (r->stops ? g->price[g->s->p->n * GR_PARTS + r->root] : 0);
}
static inline bool gr_is_left(const struct grows *g, const struct gr_rank *r)
{
    return !r->off && g->shape[r->work] == r->shape && g->wide[r->work] >> r->cards & 1 && r->bytes < UINT64_MAX;
}

/* What is gained where it stops there. */
static inline double gr_bonus(const struct grows *g, const struct gr_color *c, const struct gr_rank *r)
{
    return r->twin == UINT16_MAX || c->rank[r->twin].off ? 0 : -g->price[g->s->p->n * GR_PARTS + r->root];
}

/* ---- grows_price.c ---- */
struct gr_sum { double best, sure; };                /* of the sets that were seen; no placement reaches more */
/* Of the prices as they are. */
struct gr_sum gr_look(struct grows *g);
/* The bound, of prices that are left in g->price. last: as near to its end as it comes, and with what contexts stop at; else no nearer than needed to see that
 * it is not enough. */
double gr_program(struct grows *g, bool last);
bool gr_is_kept(const struct grows *g, const struct gr_set *x);
void gr_keep_set(struct grows *g, const struct gr_set *x);
/* The older half of those that are not left. */
void gr_drop_sets(struct grows *g);

/* ---- grows_settle.c ---- */
/* True: nothing is left. */
bool gr_settle(struct grows *g);
/* The context of a work is left between two shares: in all its ranks; sets that are kept are as they were. */
void gr_set_shares(struct grows *g, size_t work, double least, double most);

/* ---- grows.c ---- */
/* Colors and their ranks, of numbers of copies and floors as se_fix() left them. False: too many of anything, or held, or RAM binds: nothing is said then. */
bool gr_start(struct grows *g, struct search *s, struct bt_arena *a);
/* Blocks of the problem's longest: what may happen to a context when all have stopped growing. Into o: `step`, `stretch`, `token`. */
void gr_late(const struct pl_work *k, const struct bt_need *need, const struct se_row *r, uint64_t block, struct gr_rank *o);
/* alike: all blocks are of 16 tokens. */
uint64_t gr_longest_block(const struct pl_problem *p, bool *alike);
/* Stages that take the same on every class are one part; those past the last one are of that. part: [pp], ranks: [GR_PARTS], NULL: nobody asks. */
void gr_parts(const struct search *s, const struct se_shape *sh, uint8_t *part, uint32_t *ranks);

/* ---- grows_walk.c ---- */
/* Thousandths of wants that a set is worth on its color at most; negative: it has no place. share: [n] that its ranks have then, or NULL. */
double gr_worth(const struct grows *g, size_t color, const uint16_t *at, size_t n, double *share);
/* The best set of the color at the prices as they are. */
void gr_best(struct grows *g, size_t color);
/* Any set of the color that adds more than this, soon found: into its `set`. False: none was found so soon; there may be some. */
bool gr_quick(struct grows *g, size_t color, double paid);
/* All sets of the color that add more than `least`, the empty one too where it does, at the prices of the last gr_best(): [room]. > room: more than that, or
 * too much work. */
size_t gr_all(struct grows *g, size_t color, double least, struct gr_set *out, size_t room);

/* ---- grows_joint.c ---- */
/* n variables between 0 and `up` each; each row's sum of a times them is no more than `left`. */
#define GR_ROWS 128u
struct gr_joint { size_t n, m; double gain[64], up[64], left[GR_ROWS], a[GR_ROWS][64]; };
/* A context on cards, a bit each in `on`: what it adds, from `low` to `high` shares. dealt: on all of them it takes bytes as it grows; whole: it is on no
 * others; late: shares that it may get after all have stopped. */
struct gr_context { size_t root; uint64_t on; bool dealt, whole; double low, high, gain, min, token, late; };
/* To rows of bytes those of growth: c[n], each a variable from its `low` up. */
void gr_joint_growth(struct gr_joint *j, const struct gr_context *c, const double *full);
/* What no choice of them gains more than. Ends where that is less than `enough`, or something gains as much. Leaves j changed. */
double gr_joint_most(struct gr_joint *j, double enough);

/* ---- grows_fill.c ---- */
/* Prices as they are and all sure, lowest: the bound. All ways to fill all cards that reach as much: does anything better stand so? It is the best then.
 * After so many nodes nothing is known. */
enum se_fit gr_fill(struct grows *g, double lowest, uint64_t nodes);
#endif

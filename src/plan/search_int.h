/* search_int.h - the search's own: tables worked out once, the placement so far, what can still be reached from it. Not for the rest of plan.
 *
 *   tables.c   bytes, tokens and rates of every shape on every class of card
 *   bound.c    the score of a placement, and scores that no completion of it passes
 *   search.c   which workload is placed next, and where
 *   choices.c  the shapes of all before the cards of any           sets.c     how much service sets of neighbours on a card allow; sets_lp.c: its prices
 *   wide.c     the same as fits.c asks, of numbers of cards alone          known.c    numbers worked out once
 *   pack.c (pack_int.h)    the same, card by card            lacks.c    with more of their contexts
 *   grows.c    the same, of whole sets of neighbours, and what contexts grow to there: grows_int.h
 *   fits.c (fits_int.h)   can all of them stand at all            useful.c   how much of a card's room they can use
 *   many.c     a plan of many cards                      columns.c  what they carry at most, and a plan near it: columns.h
 *   cards.c    is anything as good, card by card               dead.c     what led nowhere */
#ifndef BT_PLAN_SEARCH_INT_H
#define BT_PLAN_SEARCH_INT_H
#include "plan/plan_int.h"

#define SE_BUSY 6u                   /* a card with more tenants counts as one with so many */

/* One rank of a stage on cards of one cost class. */
struct se_row {
    uint64_t need;                   /* what a server inside `memory` must find there */
    uint64_t floor;                  /* the least it takes; inside `memory`: on cards of this class, all of it */
    uint64_t full;                   /* a server that is dealt to: takes no more than this however much is free, or more (never less) */
    uint64_t block;                  /* KV is dealt in such pieces, until the card holds no more; 0 = not so */
    double ctx0, slope;              /* tokens that the floor holds anyway; bytes of each one more, at least */
    uint32_t groups, last;           /* of layers, a block of each of which may come with a token past those; so many take one with the last tokens, too */
};

/* What a rank adds on cards of each class: of one shape, or the most of all shapes of a workload that are as wide. */
struct se_width {
    uint32_t cards; bool chain; double *rank_value;  /* [class]; chain: a pipeline, which may stand on several classes */
    double paid;                     /* the most that a rank adds beyond the price of an empty card, se_price_widths() */
};

/* Rows as they are with this ctx_least of the work. */
struct se_kept { uint64_t ctx_least; struct se_row *row; bool *like_before; };
#define SE_KEPT 4u

struct se_shape {
    struct se_width width;
    const struct pl_shape *sh; size_t index;
    uint32_t cards, tp, pp;
    struct se_row *row;              /* [class * pp + stage] */
    uint64_t *limit;                 /* [class of the card] what it takes there, whatever its cost class; NULL where the row says it */
    double *limit_ctx;               /* [(class * pp + stage) * classes + class of the card]: tokens that it holds; NULL without one */
    double *value;                   /* [class * 2 + nvlink]: of one copy alone on such cards, the part of the service it adds */
    double best;                     /* the most of them */
    int64_t each, together;          /* thousandths: of one copy at its best, of all the copies there may be on all cards of the pool */
    uint64_t *ram;                   /* [class] the least RAM of one copy; NULL: RAM does not bind */
    uint64_t poorest;                /* a bit for each class that the poorest card of a copy may be of */
    uint64_t least;                  /* bytes of one copy on all its cards, at least; UINT64_MAX: it goes nowhere */
    uint64_t *stage_least;           /* [pp] of one rank, on whatever card */
    uint64_t *rank_least;            /* [class] of any rank there, where it goes; UINT64_MAX: it does not */
    double slope, ctx0, solo_ctx;    /* bytes of one more token on all cards, tokens held without any, tokens alone on the best cards */
    struct se_kept kept[SE_KEPT];    /* the first that were asked for; row NULL: free */
    bool *like_before;               /* [pp] a stage that takes what the one before takes, on every class: to swap them changes nothing */
};

struct se_work {
    struct pl_work *k;
    struct se_shape *shape; size_t nshapes;          /* the possible ones, in the order of k->shape */
    bool alone;                      /* shares with nobody of this problem */
    struct se_width *width; size_t nwidths;
    struct se_shape any;             /* the best of all its shapes in each of these: least, slope, ctx0, solo_ctx, best */
    bool *on_class;                  /* [class] its pool has such cards */
    double *rank_value;              /* [class] of one rank, in the shape where ranks are worth most there */
    uint64_t ctx_least;              /* a server's: any less is not looked at */
};

struct se_tenant { uint32_t copy, rank; };           /* of copy[] */

/* Asked of every placement that reaches a score, one for each way to place the works of `first`. */
struct search;
struct se_visit {
    void *ctx;
    const bool *first;               /* [p->n] placed before the others, and their targets */
    const size_t *color;             /* [cards] beside what the problem itself tells apart */
    bool (*worth_it)(void *ctx, const struct search *s);             /* after each copy of one of `first`: false = nothing beyond is */
    bool (*take)(void *ctx, struct search *s, const uint64_t *ctx_granted);      /* a placement; true: no other with `first` where they are */
    size_t nfirst; bool inside, taken;               /* the search's own */
};

/* A bound that others come before: how often it was asked, and how often it alone ended anything. */
struct se_asked { uint64_t times, ended; unsigned spared; };

struct search {
    struct pl_problem *p;
    struct bt_arena *a;
    size_t ncards, *kind;            /* kind: [cards] the first card of the same name */
    struct se_work *work;            /* [p->n] */
    size_t *order, *depth_of;        /* works in the order they are placed, and back */
    uint64_t limit, nodes;
    unsigned asked; bool late;       /* of the clock, where there is one */
    uint64_t chosen;                 /* ranks that took a card */
    size_t nwidths;                  /* of all works */
    bool stop;
    double *capped;                  /* [p->n] a copy of it adds no more: what is asked is what cards of one class would give */
    double *price;                   /* [class] what an empty card is worth to the workloads that come: any prices bound the service, good ones well */
    int64_t prio[64]; size_t nprio; size_t *level_of;

    struct se_sets *sets;            /* NULL until there is a plan to beat */
    struct se_kept_ways *kept;       /* fits.c: what led nowhere in earlier looks with these numbers of copies; NULL: each look begins anew */
    uint64_t ways_bytes;             /* of all that is kept so */
    struct se_fits *fits;            /* NULL: nobody asks */
    bool *fixed;                     /* [p->n] settled before any copy is placed */
    int64_t shared_parts;            /* a shared card in parts of a thousandth of service: so few that all of them make no thousandth */

    struct pl_copy *copy; size_t ncopies, max_copies;
    size_t *copy_unit;               /* [ncopies] of sets */
    const struct se_shape **copy_shape; size_t *copy_cls; double *copy_value, *copy_part;        /* [ncopies]; part: value of each of its ranks */
    bool *copy_apart;                /* [ncopies] a tensor-parallel group of it leaves its NVLink island */
    uint64_t *load;                  /* [cards] floors */
    uint64_t ram;                    /* of all copies, at least; counted where p->ram_binds */
    struct se_tenant **tenant; uint32_t *ntenants, *tenant_room;     /* [cards] */
    uint64_t *seated, *friends;      /* [cards] works there; [works] who may be beside it; a bit per work, NULL: there are more than 64 */
    uint32_t *placed;                /* [p->n] copies */
    size_t *shape_of;                /* [p->n] of its copies, an index of work[].shape */
    bool *settled;                   /* [p->n] shape_of counts: copies are placed, or about to be */
    uint32_t *copies_least, *copies_most; bool *may_skip;            /* [p->n] of the spec, until se_fix() says more */
    bool all_wants;                  /* floors hold all that is wanted and can be had: every placement has as many */
    double *ctx_most;                /* [p->n] of the context wanted, what one at most can have: of the empty fleet */
    size_t **first_copy;             /* [p->n][replica]: index into copy[] */
    size_t *color;                   /* [(max_copies + 1) * cards]: cards that nothing tells apart after so many copies */

    struct se_asked by_room, by_cards;               /* bound.c: of contexts that share bytes; of service by what cards are worth */
    double room;                     /* as se_feasible() found it: bytes on all cards beside the floors of those to come */
    size_t *went;                    /* [p->n] the shape in which a copy had room when it was asked last: the first to try */
    double *ctx; uint32_t *mult;     /* [p->n] scratch of the bounds, by root */
    struct pl_score best;            /* of s->out, else p->beat: se_has() */
    bool first;                      /* keep the first of equals: best came from this run */
    const struct pl_score *target;   /* stop at the first that reaches it */
    struct pl_solution *out;
    bool *held;                      /* [p->n] stays where `held_at` has it */
    const struct pl_solution *held_at;
    bool any;                        /* stop at the first plan */
    bool as_good;                    /* as many wants as the best has will do where more of them were looked for */
    bool wide;                       /* shapes are not real ones: what stands is not scored */
    struct se_grown *grown;          /* of the real shapes, while they are not */
    struct se_visit *visit; const bool *ahead;       /* NULL: the best is looked for; ahead: visit->first and their targets */
    const uint8_t *only;             /* [work * cards + card] ranks of the work that stand there at most; NULL: any number */
    const uint64_t *only_stages;     /* the same of the stages that may: a bit each, the last for all from there on; with `only` */
    bool fewest;                     /* order.c: who comes next is chosen as others stand */
    bool wants_only;                 /* only what places or reaches more is looked for; sets are of room, not of service */
};

/* Of a hash, with one value more. */
static inline uint64_t se_mixed(uint64_t h, uint64_t v) { return (h ^ v) * 0x9E3779B97F4A7C15u ^ h >> 29; }

/* Rounded down, without the call that floor() is on a plain x86-64. */
static inline int64_t se_floor_of(double x) { return (int64_t)x - (x < (double)(int64_t)x); }
static inline int64_t se_thousandths(double x) { return se_floor_of(x * 1000 + 1e-6); }

/* The least that the rank takes on the card; cls: cost class of the copy. */
static inline uint64_t se_floor(const struct search *s, const struct se_work *w, const struct se_shape *sh, size_t cls, uint32_t rank, size_t g)
{
    if (w->k->claim == PL_WHOLE)
        return s->p->cap[g];
    return sh->limit ? sh->limit[s->p->cls[g]] : sh->row[cls * sh->pp + rank / sh->tp].floor;
}

/* May a copy that is reckoned for cards of class `cost` have a rank on one of class `cls`? A pipeline's needs are those on its poorest card. */
static inline bool se_reckoned(const struct search *s, const struct se_shape *sh, size_t cost, size_t cls)
{
    const struct bt_gpu *gpus = s->p->fleet->gpus;
    if (sh->pp == 1)
        return cost == cls;
    return sh->poorest >> cost & 1 && gpus[s->p->cls_card[cost]].total_bytes <= gpus[s->p->cls_card[cls]].total_bytes;
}

/* What a copy of the work takes: of the shape it has, or the best of all. */
static inline const struct se_shape *se_outlook(const struct search *s, size_t work)
{
    return s->settled[work] ? &s->work[work].shape[s->shape_of[work]] : &s->work[work].any;
}

#define SE_LEAF_NODES 4              /* what a leaf costs in nodes, beside its contexts and KV */
#define SE_BOUND_NODES 128           /* so many (workload, card) pairs of a bound are as much work as a node, beside the one that each costs */

/* order.c */
/* As p->work has them; the hardest first; those that are held before the others; the largest ranks first; those of `ahead` first. */
enum se_order { SE_AS_PLANNED, SE_HARD, SE_HELD_FIRST, SE_RANKS, SE_AHEAD };
void se_order(struct search *s, enum se_order how);
/* In how many ways a copy of the shape may go, about, with so many cards for it that differ. */
double se_ways(const struct se_shape *sh, uint32_t unlike);
/* The depth at which the work stands that decides most for the fewest ways to go now, of those that may come at this one. */
size_t se_next_work(const struct search *s, size_t depth);
/* The works at two depths change places. */
void se_swap(struct search *s, size_t d, size_t e);

/* tables.c */
struct search *se_new(struct pl_problem *p, struct bt_arena *a);

/* So many copies of each work, no more and no fewer (NULL: as the spec says); contexts that lack `slack` thousandths of s->ctx_most at most, which floors
 * then hold (negative: any). The tables lie in `a`. */
void se_fix(struct search *s, const uint32_t *copies, int64_t slack, struct bt_arena *a);
/* The same copies, and so much slack of each work's own context: [p->n]. What changes lies in `a`. */
void se_slacken(struct search *s, const int64_t *slack, struct bt_arena *a);

/* bound.c. Prices of empty cards, for the empty fleet. */
void se_set_prices(struct search *s);
/* What shapes and widths say of these prices, and of these numbers of copies: whenever either changes. */
void se_price_widths(struct search *s);
/* seen: works order[0..seen-1] are decided. */
/* granted NULL: nothing that completes the placement scores more. Else the score itself, but for FREE. */
void se_bound(struct search *s, size_t seen, const uint64_t *granted, struct pl_score *o);
int64_t se_wants_at_most(struct search *s, size_t seen);
/* grown.c. Are there so many where contexts grow by equal steps until a card is full? After se_wants_at_most() of the same. NULL: contexts differ, or RAM
 * binds, nothing is known then. */
struct se_grown;
struct se_grown *se_grown_new(const struct search *s, struct bt_arena *a);
bool se_grown_reach(struct search *s, struct se_grown *g, size_t seen, int64_t wants);
/* The bound against a score, goal after goal, no further than needed: < 0 nothing that completes the placement reaches it. After se_feasible() of the same. */
int se_compare(struct search *s, size_t seen, const struct pl_score *with);
/* choices.c. Numbers of copies first, then shapes, then cards. *all: everything that is as good as the best was seen. False: too many to do so. *bound falls to
 * what may be left in what was not. */
bool se_run_choices(struct search *s, uint64_t limit, struct pl_solution *out, bool *all, struct pl_score *bound);
/* Only what has as many copies of each workload as this, with its wants; and sets for it. */
void se_as_many(struct search *s, const struct pl_solution *o);
/* search.c. All ways to give cards to what is settled so far. */
void se_place(struct search *s);
/* All placements that reach `at_least` up to service, as `v` says; returns the nodes that took, `limit` at most: then not all were seen. */
uint64_t se_visit_all(struct pl_problem *p, const struct pl_score *at_least, uint64_t limit, struct se_visit *v);
bool se_late(struct search *s);
/* Two works at a time are placed anew beside all others, until nothing gets better. */
void se_improve(struct search *s, uint64_t budget, struct pl_solution *out);
/* The better of what climbing from `from` reaches and what is there. */
void se_climb_from(struct search *s, uint64_t budget, const struct pl_solution *from, struct pl_solution *out);
/* The better of what climbing from `out` reaches and `out`; then works are in the order of SE_HARD. */
void se_climb_on(struct search *s, uint64_t budget, struct pl_solution *out);
/* These copies, of all works that have any: kept if they score more than the best. */
void se_try(struct search *s, const struct pl_copy *copy, size_t n);
/* What the copy adds to service where nobody else is on its cards. */
double se_value_of(const struct search *s, const struct se_shape *sh, const struct pl_copy *c);
/* A copy onto its cards, and the last one off them; all that need no card; the placement is whole: kept if it scores more than the best. */
void se_put(struct search *s, const struct pl_copy *c, const struct se_shape *sh, size_t cls);
void se_take_back(struct search *s);
void se_put_others(struct search *s);
void se_leaf(struct search *s);
/* dealt.c. What a machine of several was dealt, and what climbing reaches from there: nobody waits for its tree. False: nothing was, or it does not stand. */
bool se_dealt(struct search *s, uint64_t limit, struct pl_solution *out);
/* fits.c. Can all stand at once, with numbers of copies and floors as se_fix() left them, contexts or service whatever they are? In shapes that are settled
 * and not left out by sets. A way that is found goes to se_try(). */
/* Of the same numbers of copies, floors that rise and a best plan that gets better: what led nowhere leads nowhere still. of: looks at rooms, at wants. */
struct se_kept_ways { struct se_ways *of[2]; };
bool se_fits_start(struct search *s, struct bt_arena *a);             /* as se_sets_start(); without it nothing is known */
enum se_fit { SE_FITS_NOT, SE_FITS, SE_FIT_UNKNOWN };
enum se_fit se_fits(struct search *s, uint64_t nodes);
/* Can all stand with more wants (as_good: as many) than the best has, which has as many workloads? What is found and better becomes the best.
 * most: so many nodes where by what was walked the end is near; less than `nodes`: no more than those. SE_FITS_NOT: nothing is better than the best is then. */
enum se_fit se_fits_better(struct search *s, uint64_t nodes, uint64_t most);

/* wide.c. True: they cannot all stand (`wants`: with more wants than the best has), whatever their shapes; before any of those is settled. */
bool se_wide_not(struct search *s, bool wants, uint64_t nodes);

/* pack.c. The same as se_fits() asks, card by card. */
enum se_fit se_pack(struct search *s, uint64_t nodes);

/* lacks.c. Can all stand with more wants than the best has, which has as many workloads? slack: thousandths of all of s->ctx_most together that may lack then,
 * as se_fix() had them. Rows and s->fits are left as they come: se_fix() and se_fits_start() again before anything else is asked. */
enum se_fit se_lacks(struct search *s, int64_t slack, uint64_t nodes);

/* grows.c. Can all stand with more wants than the best has, with copies and floors as se_fix() left them? What is found and better becomes
 * the best. Costs `nodes` at most, or few more. */
enum se_fit se_grows(struct search *s, uint64_t nodes);
/* The same of more service with as many wants, which is kept wherever it is found. SE_FITS_NOT: the best has the most; never SE_FITS. */
enum se_fit se_grows_serve(struct search *s, uint64_t nodes);

/* useful.c. Of what is left on a card beside these works, the most that the works to come can take there; steps: what it took to find out is added.
 * color, friends (borrowed): [cards] equal for those that are the same when empty; [works] a bit for each who may share with it. */
struct se_left { size_t card; uint64_t left, works, coming; };
struct se_useful *se_useful_new(const struct search *s, const size_t *color, const uint64_t *friends, struct bt_arena *a);
uint64_t se_useful(struct se_useful *t, const struct search *s, const struct se_left *l, uint64_t *steps);

/* known.c. What is known for a key of n words, SE_KEY at most; *is false: nothing yet, the caller puts it there. */
#define SE_KEY 28
struct se_known *se_known_new(struct bt_arena *a);
double *se_known_at(struct se_known *k, const uint64_t *key, size_t n, bool *is);

/* dead.c. Ways to be so far that led nowhere: the key's bytes (borrowed) say all that the rest depends on. With as much before, or more: dead. */
struct se_way { const uint8_t *key; size_t n; uint64_t hash; };
struct se_way se_way_of(const uint8_t *key, size_t n);
struct se_dead *se_dead_new(struct bt_arena *a);
bool se_is_dead(const struct se_dead *d, const struct se_way *w, double sum);
void se_dead_add(struct se_dead *d, const struct se_way *w, double sum);

/* climb.c. From a plan or (found: false) from nothing, workloads moved one and several at a time as long as that gains anything. False: not all that must be
 * placed are. Not scored: `out` has copies and no more. */
bool se_climb(struct search *s, uint64_t budget, const struct pl_solution *from, struct pl_solution *out);

/* choices.c. All copies that there may be, and floors that hold the most of all contexts; most: of workloads placed and wants no plan has more, and one that
 * has as much has these copies and contexts. Undone by se_fix(s, NULL, ...). */
void se_fix_all(struct search *s, struct pl_score *most);

/* sets.c, of the numbers of copies and floors as se_fix() left them. False: too many of anything, no sets. */
bool se_sets_start(struct search *s, struct bt_arena *a);
/* Better prices, of the shapes and kinds of card that are left; returns the bound. Stops below `reached`. With wants_only a bound below SE_NO_ROOM says that
 * not everything has room; larger ones say nothing. */
#define SE_NO_ROOM (-1e-3)
enum se_prices { SE_FIRST_PRICES, SE_BETTER_PRICES, SE_SAME_PRICES };
double se_sets_tighten(struct search *s, enum se_prices how, double reached);
/* Leaves out what cannot be in anything as good as `reached`, given the bound. */
void se_sets_kill(struct search *s, double bound, double reached);
/* A shape of a work, on one kind of card where it has one copy and no pipeline; loss: of the bound, at least. */
struct se_option { size_t shape, unit; double loss, part; };
size_t se_sets_options(const struct search *s, size_t work, struct se_option *o, size_t room);       /* those left, the least loss first; > room: more */
void se_sets_only(struct search *s, size_t work, const struct se_option *o);
void se_sets_only_wide(struct search *s, size_t work, uint32_t cards);
/* Ranks take what they do at their copy's pace, and prices go by what a copy can do at each: that ends more and takes longer, for shapes that are settled. */
void se_sets_tight(struct search *s, bool tight);
/* sets_split.c. A work that the last program of sets has in several ways at once, and what they differ in: cards a copy, shapes, or tenants of its fullest
 * card (low: the fewer of them, a bit for each number; low_first: more of the answer has those). False: there is none. */
enum se_by { SE_BY_WIDTH, SE_BY_SHAPE, SE_BY_LEVEL, SE_BY__N };
struct se_split { size_t work; enum se_by by; unsigned low; bool low_first; };
bool se_sets_split(const struct search *s, struct se_split *o);
/* The fullest card of its copies has one of these numbers of tenants. */
void se_sets_bare(struct search *s, bool bare);       /* without prices of cuts, which se_cards() does not know; and again with them */
void se_sets_only_levels(struct search *s, size_t work, unsigned levels);
uint64_t se_sets_classes(const struct search *s, size_t work, size_t shape);         /* a bit for each class that is left for the shape */
/* That any of its cards of the class may have in something as good; UINT32_MAX = any number. */
unsigned se_sets_most_tenants(const struct search *s, size_t work, size_t shape, size_t cls);
struct se_marks *se_sets_marks(const struct search *s, struct bt_arena *a);          /* room for prices and what is left out */
void se_sets_save(const struct search *s, struct se_marks *m);
void se_sets_restore(struct search *s, const struct se_marks *m);
size_t se_sets_unit(const struct search *s, const struct pl_copy *c, const struct se_shape *sh);
/* What sets.c and columns.c ask of a shape on cards of a class: what a copy adds; cards of the pool that are of one kind with those of the class (a
 * tensor-parallel group finds no others); no lower class of the pool is of that kind. */
double se_rate_on(const struct se_shape *sh, size_t cls);
uint32_t se_alike(const struct search *s, const struct pl_work *k, size_t cls);
bool se_first_of_kind(const struct search *s, const struct se_work *w, size_t cls);
bool se_same_color(const struct pl_problem *p, size_t g, size_t h);  /* two cards: class, bytes, pools */
/* needs[work]: who sits on its cards whatever the plan, a bit per work: whom it follows, and those that follow every copy of it. Returns all such works. */
uint64_t se_needs(const struct search *s, uint64_t *needs);
/* columns.c. What no placement with these numbers of copies and floors serves (as se_fix() left them), in thousandths; INFINITY: not known. A placement that
 * comes near it into `dived` (copies and no more, perhaps not all of them), better prices of cards into s->price. from: a plan, if it was found. */
double se_columns(struct search *s, uint64_t budget, const struct pl_solution *from, struct pl_solution *dived);
/* The same where `loose` works may be missing; or what no placement has of `counts` (NULL: service), a number per work for all its copies, as many as are
 * fixed. Ends where it is less than `enough`; else a placement near it into *dived (NULL: nobody asks). */
double se_columns_of(struct search *s, uint64_t budget, const bool *loose, const double *counts, double enough, struct pl_solution *dived);
/* The same of what is wanted, contexts and copies, in thousandths: of all that are not loose, with as many copies as se_fix() left open, and floors that hold
 * the least. s->ctx_most is known. */
double se_columns_wants(struct search *s, uint64_t budget, const bool *loose, double enough, struct pl_solution *dived);
/* many.c. Only what must stand, in as few copies as may be, [p->n]. False: even those are more than there is room for. */
bool se_fewest(const struct search *s, uint32_t *copies);
/* Climbing, what many cards carry, climbing from there: a plan into *out where one is found, and what no plan has into *bound. */
void se_on_many_cards(struct search *s, uint64_t limit, struct pl_solution *out, struct pl_score *bound);
/* Where no more workloads can stand than `out` has, and less of contexts or copies than is wanted: how much of them can, into *bound; a better plan, perhaps.
 * all: what was hoped for of the empty fleet. */
void se_many_wants(struct search *s, uint64_t limit, const struct pl_score *all, struct pl_solution *out, struct pl_score *bound);
/* Nodes that sets have cost since this was asked last. */
uint64_t se_sets_steps(struct search *s);
/* Nothing that completes the placement has more service less shared cards / shared_parts. */
double se_sets_bound(const struct search *s, size_t seen);
/* sets_node.c. Prices for the placement as it stands, until nothing that completes it is `reached`; the bound with them. */
double se_sets_prices_beside(struct search *s, size_t seen, double reached);
/* The same where it has paid so far, since se_sets_again_start(): true, and it is worth asking anew whether there is anything as good. _tried() after that,
 * _end() when all below was seen (ended: there was nothing to see), which takes the prices back. */
struct se_again { bool anew; uint64_t from; double price[64]; };
void se_sets_again_start(struct search *s);
bool se_sets_again(struct search *s, size_t seen, struct se_again *o);
void se_sets_again_tried(struct search *s, struct se_again *o, bool ended);
void se_sets_again_end(struct search *s, const struct se_again *o, bool ended);
/* What se_sets_bound() must be for a plan as good as the best, in service and shared cards. */
double se_as_good(const struct search *s);
/* False: some work that must be placed has no room any more. */
bool se_feasible(struct search *s, size_t seen);
int64_t se_lowest(const struct search *s);
/* What is left of a work's shapes; on: a class of the one kind of card, or PL_NONE; value, least: as of sets.c; busy: bit b, its fullest card may have b
 * tenants. > room: more. */
struct se_part { size_t shape, on; uint32_t cards; const double *value; const uint64_t *least; uint8_t busy; };
size_t se_sets_parts(const struct search *s, size_t work, struct se_part *o, size_t room);
double se_sets_price(const struct search *s, size_t work);
uint64_t se_sets_needs(const struct search *s, size_t work);
size_t se_sets_color(const struct search *s, size_t card);
/* Number of colors; a card of each, and the best set of it with so many tenants or fewer, of the prices as they are. */
size_t se_sets_colors(struct search *s, size_t *card, double (*most)[SE_BUSY + 1]);
/* cards.c. Is there anything as good as the best, of the shapes that are left, with numbers of copies settled and prices as they are? SE_FITS: something better
 * was found, and is the best now. SE_FITS_NOT: nothing is left; what is as good was seen and kept where it has more free. Costs `nodes` at most. */
enum se_fit se_cards(struct search *s, uint64_t nodes);
/* Of the empty fleet: the most service. */
int64_t se_free(const struct pl_problem *p, const uint64_t *load);
/* May a copy of the work stand on the card beside those that are there? */
bool se_may_join(const struct search *s, size_t work, size_t card);
/* There is something to be better than: what was found, or what must be beaten (s->best). */
static inline bool se_has(const struct search *s) { return s->out->found || s->p->beat; }
#endif

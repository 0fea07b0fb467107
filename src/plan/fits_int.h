/* fits_int.h - plan's own: a look at whether all can stand (fits.c), between those who list its shapes (fits_shapes.c), know what led nowhere (fits_ways.c)
 * and who still finds room (fits_room.c). What it is for: search_int.h, se_fits(). */
#ifndef BT_PLAN_FITS_INT_H
#define BT_PLAN_FITS_INT_H
#include "plan/search_int.h"

/* What those to come can tell of a card; ranks: of which copies' ranks, in which shapes, where contexts count too. Tenants where somebody minds them. */
struct sf_place { uint64_t load, works, seats, ranks; uint32_t color, tenants, at_most, nothing; };

struct sf_tried { struct sf_tried *next; uint64_t hash, coming; size_t at; struct sf_place place[]; };

/* Ways that led nowhere. buckets: one less than a power of two. */
struct se_ways { struct bt_arena *a; struct sf_tried **v; size_t n, buckets; };

/* A work's shapes, the least bytes first; what is asked of them for the numbers of copies and floors as they are. */
struct sf_shapes {
    size_t *of, n;                   /* indices of work[].shape */
    uint64_t *least, *most;          /* [shape * classes + class] of any of its ranks there; most: of the card, where nobody else may stand on it */
    uint64_t *of_width;              /* [cards * classes + class] the least of a rank of any of them on so many cards */
    bool *needless;                  /* [shape * n + other] where the other may be taken, this one need not */
};

struct se_fits {
    struct sf_shapes shapes[64];     /* [work] */
    size_t work[64], n;              /* those that come */
    size_t most_shapes;
    uint64_t followers[64];          /* [work] who must be on its cards, who on theirs, ... */
    uint64_t friends[64];
    size_t seat[64];                 /* [work] of its first copy, where it is followed */
    struct se_useful *useful;
    size_t color[BT_MAX_GPUS], kind[BT_MAX_GPUS];    /* the first card that is the same when empty; of the same name */
};

/* Who comes first: large copies; large ranks; whoever decides most for the fewest ways to go, chosen as others stand. */
enum sf_how { SF_COPIES, SF_RANKS, SF_FEWEST };

struct sf_look {
    struct search *s;
    const struct se_fits *t;
    struct bt_arena *a;
    size_t order[64];
    size_t *use[64], nuse[64];       /* [work] of its shapes, those that may be taken and are not needless */
    uint64_t *classes[64];           /* [work][use] a bit for each class it may take */
    uint64_t *cards[64];             /* [work][use] a bit for each card that a rank may be on, whatever stands there */
    uint64_t *places[64];            /* [work][use] those where one goes now */
    size_t failed;                   /* the work that found no place when last one did not */
    double fails[64];                /* [work] how often it was that one */
    uint64_t coming[64 + 1];         /* [depth] works from there on */
    uint64_t minded[64 + 1], seats[64 + 1];          /* [depth] works and seats that anybody from there on minds */
    uint64_t load[BT_MAX_GPUS], works[BT_MAX_GPUS], sat[BT_MAX_GPUS];
    size_t taken[64];                /* [depth] of use */
    struct pl_copy *copy; size_t ncopies, *first;    /* [work] in copy */
    struct se_ways *memo;
    struct sf_tried **way;           /* [copies that stand] as it was before the next one */
    bool **goes, *may_go[64];        /* [copies that stand][use]; [work][use] */
    size_t now[BT_MAX_GPUS];         /* the first card that is the same for all those to come */
    double size[64];                 /* [work] how much of cards it takes at least, with those that follow */
    uint64_t end, steps, counted; bool over;          /* steps: counted as nodes up to there */
    enum sf_how how;                 /* order[] from each depth on is changed by it as works are chosen */
    size_t decided;                  /* works of the search's order before the first that comes here */
    uint64_t most;                   /* nodes, up to there where an end is near */
    uint64_t from; bool found;       /* nodes before the look; something better was found, and the look went on */
    double part, seen;               /* of all that is to be walked: what is below here, and what was walked; ways from a place count alike */
    bool wants;                      /* what has more wants than the best, not only what stands: everything is put into the search itself too */
    struct se_grown *grown;          /* NULL: nothing is known of how contexts grow */
    bool mind_tenants;               /* some copy's cards may have so many tenants only */
    uint32_t *may[64];               /* [work][use * classes + class] tenants of its card at most */
    uint32_t tenants[BT_MAX_GPUS], at_most[BT_MAX_GPUS];             /* there, and allowed by all of them */
    uint64_t ranks[BT_MAX_GPUS];     /* a sum of what mixes work, shape, stage and cost class of each rank there */
};

static inline const struct se_shape *sf_shape_of(const struct sf_look *f, size_t work, size_t use)
{
    return &f->s->work[work].shape[f->t->shapes[work].of[f->use[work][use]]];
}

/* The least bytes of any of its ranks on a card of each class. */
static inline const uint64_t *sf_least_of(const struct sf_look *f, size_t work, size_t use)
{
    return &f->t->shapes[work].least[f->use[work][use] * f->s->p->nclasses];
}


/* How many more a card takes when one is a rank of the work. */
static inline uint32_t sf_more_tenants(const struct sf_look *f, size_t work, size_t use, size_t g)
{
    uint32_t most = BT_MIN(f->at_most[g], f->may[work][use * f->s->p->nclasses + f->s->p->cls[g]]);
    return most > f->tenants[g] ? most - f->tenants[g] : 0;
}

static inline bool sf_may_stand_on(const struct sf_look *f, size_t work, size_t g)
{
    return f->s->p->work[work].pos[g] >= 0 && !(f->works[g] & ~f->t->friends[work]);
}

/* fits_shapes.c. The work's shapes, the least bytes first, and which of them others make needless. */
void sf_list_shapes(const struct search *s, size_t work, struct sf_shapes *x, struct bt_arena *a);
/* Of its shapes those that may be taken: one that another makes needless only where the other may take as many cards. */
void sf_pick_shapes(struct sf_look *f, size_t work);

/* fits_ways.c. Bytes of the card that those to come from that depth on can use. */
uint64_t sf_useful_room(struct sf_look *f, size_t depth, size_t g);
/* seen: each card. Into *now the first card that is the same. */
void sf_alike(const struct sf_look *f, const struct sf_place *seen, size_t *now);
struct sf_tried *sf_way_so_far(struct sf_look *f, size_t depth, uint32_t copy, struct sf_place *seen);
bool sf_known(const struct sf_look *f, const struct sf_tried *t);
void sf_remember(struct sf_look *f, const struct sf_tried *way);
/* Those of earlier looks, where such are kept; else none yet. */
struct se_ways *sf_ways_for(struct search *s, struct bt_arena *a, bool wants, uint64_t nodes);

/* fits_room.c. What those that follow the copy take beside each of its ranks on such a card, at least. UINT64_MAX: they cannot. */
uint64_t sf_beside(const struct sf_look *f, size_t work, uint32_t cards, uint32_t copy, size_t cls);
/* Does each of those to come find places if nobody else comes? Asked first of all of who found none last. */
bool sf_each_goes(struct sf_look *f, size_t depth, uint32_t copy);
void sf_fill_minded(struct sf_look *f, size_t depth);
void sf_swap_works(struct sf_look *f, size_t d, size_t e);
/* What all those to come take at least is no more than what they can take at most of each card: so many of the smallest ranks go there, none larger than the
 * largest. Leaves in goes[] the shapes of who comes next for which that may be so; *next: its place in the order, chosen where no copy of it stands yet.
 * False: none. After sf_each_goes(). */
bool sf_all_room(struct sf_look *f, size_t depth, uint32_t copy, bool *goes, size_t *next);
#endif

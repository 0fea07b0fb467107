/* fits - can so many copies of each work stand at all, each at its floor? A search for any way, of rooms alone: contexts, service and shared cards do not
 * count. Cards of one kind that hold as many bytes, with the same works on them as far as those to come mind, are one; so is a way to be so far that led
 * nowhere before (remembered whole, not as a hash of it; only which ranks sit on a card, where contexts count too, is a sum of 64-bit mixes, beside the
 * bytes and works that are compared as they are).
 *
 * Who comes next is fixed at first, large copies before small ones: that finds ways soon. Then it is whoever decides most for the fewest ways to go, chosen
 * anew as others stand: that sees soon that there is none.
 *
 * A shape is left out where another of its work goes wherever it goes with no more on each card: it finds no place that the other does not. */
#include <math.h>
#include <string.h>

#include "plan/search_int.h"

#define MAX_SEATS 64u                /* copies that are followed */
#define MAX_MEMO (1u << 17)          /* ways that led nowhere: past that no more are remembered */
#define KEPT_BYTES (UINT64_C(48) << 20)              /* of those that are kept from look to look, in all */
#define MIN_BUCKETS 256u             /* one for each node that a look may take, about: as many as ways may be remembered at most */
#define MORE_SHARE 2u                /* of the nodes of a look, so many more where its end is near */
#define FASTER 1.2                   /* what is walked later is walked so much faster, about: more of it is known */
#define FEW_NODES UINT64_C(3000)     /* for a first look in each order: what one does not see in a long time the other often sees at once */
#define FOUND_SHARE 8u               /* of a look at wants, for large copies first: that finds plans, the other order that there are none */
#define LOST_NODES 1u                /* what it costs to see that somebody has no place left */
#define ROOM_NODES 2u                /* what it costs to see that there is room, for each copy */
#define WANTS_NODES 5u               /* with a bound of wants */
#define NODES_EACH 4u                /* so many steps here are as much work as a node of the search */
#define STEPS_UNSEEN 1024u            /* between two looks at how much work that was */

/* What those to come can tell of a card; ranks: of which copies' ranks, in which shapes, where contexts count too. Tenants where somebody minds them. */
struct place { uint64_t load, works, seats, ranks; uint32_t color, tenants, at_most, nothing; };

struct tried { struct tried *next; uint64_t hash, coming; size_t at; struct place place[]; };

/* Ways that led nowhere. buckets: one less than a power of two. */
struct se_ways { struct bt_arena *a; struct tried **v; size_t n, buckets; };

/* A work's shapes, the least bytes first; what is asked of them for the numbers of copies and floors as they are. */
struct shapes {
    size_t *of, n;                   /* indices of work[].shape */
    uint64_t *least, *most;          /* [shape * classes + class] of any of its ranks there; most: of the card, where nobody else may stand on it */
    uint64_t *of_width;              /* [cards * classes + class] the least of a rank of any of them on so many cards */
    bool *needless;                  /* [shape * n + other] where the other may be taken, this one need not */
};

struct se_fits {
    struct shapes shapes[64];        /* [work] */
    size_t work[64], n;              /* those that come */
    size_t most_shapes;
    uint64_t followers[64];          /* [work] who must be on its cards, who on theirs, ... */
    uint64_t friends[64];
    size_t seat[64];                 /* [work] of its first copy, where it is followed */
    struct se_useful *useful;
    size_t color[BT_MAX_GPUS], kind[BT_MAX_GPUS];    /* the first card that is the same when empty; of the same name */
};

/* Who comes first: large copies; large ranks; whoever decides most for the fewest ways to go, chosen as others stand. */
enum look { LOOK_COPIES, LOOK_RANKS, LOOK_FEWEST };

struct fit {
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
    struct tried **way;              /* [copies that stand] as it was before the next one */
    bool **goes, *may_go[64];        /* [copies that stand][use]; [work][use] */
    size_t now[BT_MAX_GPUS];         /* the first card that is the same for all those to come */
    double size[64];                 /* [work] how much of cards it takes at least, with those that follow */
    uint64_t end, steps, counted; bool over;          /* steps: counted as nodes up to there */
    enum look how;                   /* order[] from each depth on is changed by it as works are chosen */
    size_t decided;                  /* works of the search's order before the first that comes here */
    uint64_t most;                   /* nodes, up to there where an end is near */
    uint64_t from; bool found;       /* nodes before the look; something better was found, and the look went on */
    double part, seen;               /* of all that is to be walked: what is below here, and what was walked; ways from a place count alike */
    bool wants;                      /* what has more wants than the best, not only what stands: everything is put into the search itself too */
    bool mind_tenants;               /* some copy's cards may have so many tenants only */
    uint32_t *may[64];               /* [work][use * classes + class] tenants of its card at most */
    uint32_t tenants[BT_MAX_GPUS], at_most[BT_MAX_GPUS];             /* there, and allowed by all of them */
    uint64_t ranks[BT_MAX_GPUS];     /* a sum of what mixes work, shape, stage and cost class of each rank there */
};

static bool next_copy(struct fit *f, size_t depth, uint32_t copy);

/* ---- shapes that are needless ---- */

/* Wherever b goes, a goes with no more on any card. Only of as many cards: others may have to sit on all of them. */
static bool covers(const struct search *s, const struct se_work *w, const struct se_shape *a, const struct se_shape *b)
{
    if (a->cards != b->cards || b->tp % a->tp)
        return false;
    for (size_t c = 0; c < s->p->nclasses; c++)
        for (uint32_t i = 0; i < a->cards; i++) {
            const struct se_row *x = &a->row[c * a->pp + i / a->tp], *y = &b->row[c * b->pp + i / b->tp];
            if (x->need > y->need || (w->k->claim == PL_DEAL && x->floor > y->floor) || (a->limit && a->limit[c] > b->limit[c]))
                return false;
        }
    return true;
}

/* Who takes as much on each card however many it has takes fewer: some of the other's, the poorest of them too. */
static bool narrower(const struct search *s, const struct se_work *w, const struct se_shape *a, const struct se_shape *b)
{
    if (a->cards >= b->cards || a->pp > 1 || b->pp > 1 || !a->limit || w->k->same != PL_NONE || w->k->followed)
        return false;
    for (size_t c = 0; c < s->p->nclasses; c++)
        for (size_t on = 0; on < s->p->nclasses; on++)
            if (a->limit[on] > b->limit[on] || (b->row[c].need <= b->limit[on] && a->row[c].need > a->limit[on]))
                return false;
    return true;
}

static bool needless(const struct search *s, const struct se_work *w, size_t i, size_t j)
{
    const struct se_shape *one = &w->shape[i], *other = &w->shape[j];
    return i != j && (narrower(s, w, other, one) || (covers(s, w, other, one) && (j < i || !covers(s, w, one, other))));
}

static void fill_sizes(const struct search *s, const struct se_work *w, struct shapes *x)
{
    size_t classes = s->p->nclasses;
    for (size_t i = 0; i < (BT_MAX_GPUS + 1) * classes; i++)
        x->of_width[i] = UINT64_MAX;
    for (size_t i = 0; i < x->n; i++) {
        const struct se_shape *sh = &w->shape[x->of[i]];
        for (size_t c = 0; c < classes; c++) {
            uint64_t least = sh->limit ? sh->limit[c] : UINT64_MAX, most = sh->limit ? sh->limit[c] : 0;
            for (uint32_t j = 0; j < sh->pp && !sh->limit; j++)
                for (size_t cost = 0; cost < classes; cost++)        /* a pipeline's needs are those on its poorest card */
                    if (cost == c || sh->pp > 1) {
                        least = BT_MIN(least, sh->row[cost * sh->pp + j].floor);
                        most = BT_MAX(most, sh->row[cost * sh->pp + j].floor);
                    }
            least = w->k->claim == PL_WHOLE ? 0 : least;
            x->least[i * classes + c] = least;
            x->most[i * classes + c] = w->k->claim == PL_WHOLE || w->alone ? UINT64_MAX : most;      /* `least` of a copy counts all of its cards */
            x->of_width[sh->cards * classes + c] = BT_MIN(x->of_width[sh->cards * classes + c], least);
        }
    }
}

static void list_shapes(const struct search *s, size_t work, struct shapes *x, struct bt_arena *a)
{
    const struct se_work *w = &s->work[work];
    size_t classes = s->p->nclasses;
    x->of = BT_NEWN(a, size_t, w->nshapes + 1);
    for (size_t i = 0; i < w->nshapes; i++) {
        if (w->shape[i].least == UINT64_MAX)
            continue;
        size_t at = x->n++;
        for (; at > 0 && w->shape[x->of[at - 1]].least > w->shape[i].least; at--)
            x->of[at] = x->of[at - 1];
        x->of[at] = i;
    }
    x->least = BT_NEWN(a, uint64_t, x->n * classes + 1);
    x->most = BT_NEWN(a, uint64_t, x->n * classes + 1);
    x->of_width = BT_NEWN(a, uint64_t, (BT_MAX_GPUS + 1) * classes);
    x->needless = BT_NEWN(a, bool, x->n * x->n + 1);
    fill_sizes(s, w, x);
    for (size_t i = 0; i < x->n; i++)
        for (size_t j = 0; j < x->n; j++)
            x->needless[i * x->n + j] = needless(s, w, x->of[i], x->of[j]);
}

/* Classes that the shape may take. */
static uint64_t classes_of(const struct search *s, size_t work, size_t shape)
{
    if (s->settled[work] && s->shape_of[work] != shape)
        return 0;
    return s->sets ? se_sets_classes(s, work, shape) : UINT64_MAX;
}

/* Do all cards of the other shape have as many tenants as those of this one may? */
static bool as_many_tenants(const struct fit *f, size_t work, size_t shape, size_t other)
{
    for (size_t c = 0; f->s->sets && c < f->s->p->nclasses; c++)
        if (se_sets_most_tenants(f->s, work, other, c) < se_sets_most_tenants(f->s, work, shape, c))
            return false;
    return true;
}

/* Cards of those classes that a rank of the shape may be on. */
static uint64_t cards_for(const struct fit *f, size_t work, size_t shape, uint64_t classes)
{
    const struct pl_problem *p = f->s->p;
    uint64_t cards = 0;
    for (size_t g = 0; g < f->s->ncards; g++)
        cards |= (uint64_t)(classes >> p->cls[g] & 1 && p->work[work].pos[g] >= 0 && pl_card_for(p, f->s->work[work].shape[shape].cards, g)) << g;
    return cards;
}

/* Of its shapes those that may be taken: one that another makes needless only where the other may take as many cards. */
static void pick_shapes(struct fit *f, size_t work)
{
    const struct shapes *x = &f->t->shapes[work];
    uint64_t *classes = BT_NEWN(f->a, uint64_t, x->n + 1);
    f->use[work] = BT_NEWN(f->a, size_t, x->n + 1);
    f->classes[work] = BT_NEWN(f->a, uint64_t, x->n + 1);
    f->cards[work] = BT_NEWN(f->a, uint64_t, x->n + 1);
    f->places[work] = BT_NEWN(f->a, uint64_t, x->n + 1);
    f->may[work] = BT_NEWN(f->a, uint32_t, x->n * f->s->p->nclasses + 1);
    for (size_t i = 0; i < x->n; i++)
        classes[i] = classes_of(f->s, work, x->of[i]);
    for (size_t i = 0; i < x->n; i++) {
        bool without = !classes[i];
        for (size_t j = 0; j < x->n && !without; j++)
            without = !f->wants && x->needless[i * x->n + j] && !(classes[i] & ~classes[j]) &&
                      as_many_tenants(f, work, x->of[i], x->of[j]);
        if (without)
            continue;
        f->classes[work][f->nuse[work]] = classes[i];
        f->cards[work][f->nuse[work]] = cards_for(f, work, x->of[i], classes[i]);
        for (size_t c = 0; c < f->s->p->nclasses; c++) {
            uint32_t *may = &f->may[work][f->nuse[work] * f->s->p->nclasses + c];
            *may = f->s->sets && !f->wants ? se_sets_most_tenants(f->s, work, x->of[i], c) : UINT32_MAX;
            f->mind_tenants = f->mind_tenants || *may < UINT32_MAX;
        }
        f->use[work][f->nuse[work]++] = i;
    }
}

static const struct se_shape *shape_of(const struct fit *f, size_t work, size_t use)
{
    return &f->s->work[work].shape[f->t->shapes[work].of[f->use[work][use]]];
}

/* The least bytes of any of its ranks on a card of each class. */
static const uint64_t *least_of(const struct fit *f, size_t work, size_t use)
{
    return &f->t->shapes[work].least[f->use[work][use] * f->s->p->nclasses];
}

/* ---- what is known of a card ---- */

static uint64_t mixed(uint64_t h, uint64_t v) { return (h ^ v) * 0x9E3779B97F4A7C15u ^ h >> 29; }

static uint64_t useful_room(struct fit *f, size_t depth, size_t g)
{
    return se_useful(f->t->useful, f->s, &(struct se_left){ g, f->s->p->cap[g] - f->load[g], f->works[g] & f->minded[depth], f->coming[depth] }, &f->steps);
}

/* depth: of the works that are still to come. */
static struct place seen_from(struct fit *f, size_t depth, size_t g)
{
    if (!f->wants) {
        uint64_t room = useful_room(f, depth, g);
        if (!room && f->s->p->cap[g] > 0)            /* nobody can use it, but who sits on another's cards may mind whose they are */
            return (struct place){ UINT64_MAX, 0, f->sat[g] & f->seats[depth], 0, UINT32_MAX, 0, 0, 0 };
        return (struct place){ f->s->p->cap[g] - room, f->works[g] & f->minded[depth], f->sat[g] & f->seats[depth], 0, (uint32_t)f->t->color[g],
                               f->mind_tenants ? f->tenants[g] : 0, f->at_most[g], 0 };
    }
    return (struct place){ f->load[g], f->works[g] & f->minded[depth], f->sat[g] & f->seats[depth], f->wants ? f->ranks[g] : 0, (uint32_t)f->t->color[g],
                           f->mind_tenants ? f->tenants[g] : 0, f->at_most[g], 0 };
}

static int place_cmp(const struct place *a, const struct place *b)
{
    if (a->color != b->color)
        return a->color < b->color ? -1 : 1;
    if (a->load != b->load)
        return a->load < b->load ? -1 : 1;
    if (a->works != b->works)
        return a->works < b->works ? -1 : 1;
    if (a->seats != b->seats)
        return a->seats < b->seats ? -1 : 1;
    if (a->ranks != b->ranks)
        return a->ranks < b->ranks ? -1 : 1;
    if (a->tenants != b->tenants)
        return a->tenants < b->tenants ? -1 : 1;
    return (a->at_most > b->at_most) - (a->at_most < b->at_most);
}

static void alike(const struct fit *f, const struct place *seen, size_t *now)
{
    for (size_t g = 0; g < f->s->ncards; g++)
        for (now[g] = 0; now[g] < g && place_cmp(&seen[g], &seen[now[g]]) != 0; )
            now[g]++;
}

/* ---- what led nowhere ---- */

/* seen: each card. */
static struct tried *way_so_far(struct fit *f, size_t depth, uint32_t copy, struct place *seen)
{
    size_t n = f->s->ncards;
    if (!f->way[f->ncopies])
        f->way[f->ncopies] = bt_arena_alloc(f->a, sizeof **f->way + n * sizeof *f->way[0]->place);
    struct tried *t = f->way[f->ncopies];
    for (size_t g = 0; g < n; g++) {
        size_t j = g;
        seen[g] = seen_from(f, depth, g);
        for (; j > 0 && place_cmp(&t->place[j - 1], &seen[g]) > 0; j--)
            t->place[j] = t->place[j - 1];
        t->place[j] = seen[g];
    }
    t->coming = f->coming[depth];
    t->at = copy ? (f->order[depth] * PL_MAX_COPIES + copy) << 16 | shape_of(f, f->order[depth], f->taken[depth])->index : 0;
    t->hash = mixed(t->at, t->coming);
    for (size_t g = 0; g < n; g++)
        t->hash = mixed(mixed(mixed(t->hash, t->place[g].load), t->place[g].works + t->place[g].ranks), t->place[g].seats + t->place[g].tenants);
    return t;
}

static bool known(const struct fit *f, const struct tried *t)
{
    for (const struct tried *x = f->memo->v[t->hash & f->memo->buckets]; x; x = x->next)
        if (x->hash == t->hash && x->coming == t->coming && x->at == t->at && !memcmp(x->place, t->place, f->s->ncards * sizeof *x->place))
            return true;
    return false;
}

static void remember(struct fit *f, const struct tried *way)
{
    struct se_ways *m = f->memo;
    size_t bytes = sizeof *way + f->s->ncards * sizeof *way->place;
    if (m->n == MAX_MEMO || (m->a == f->s->a && f->s->ways_bytes + bytes > KEPT_BYTES))
        return;
    m->n++;
    f->s->ways_bytes += m->a == f->s->a ? bytes : 0;
    struct tried *t = bt_arena_alloc(m->a, bytes);
    memcpy(t, way, bytes);
    t->next = m->v[t->hash & m->buckets];
    m->v[t->hash & m->buckets] = t;
}

/* ---- room ---- */

/* How many more a card takes when one is a rank of the work. */
static uint32_t more_tenants(const struct fit *f, size_t work, size_t use, size_t g)
{
    uint32_t most = BT_MIN(f->at_most[g], f->may[work][use * f->s->p->nclasses + f->s->p->cls[g]]);
    return most > f->tenants[g] ? most - f->tenants[g] : 0;
}

static bool may_stand_on(const struct fit *f, size_t work, size_t g)
{
    return f->s->p->work[work].pos[g] >= 0 && !(f->works[g] & ~f->t->friends[work]);
}

/* What those that follow the copy take beside each of its ranks on such a card, at least. UINT64_MAX: they cannot. */
static uint64_t beside(const struct fit *f, size_t work, uint32_t cards, uint32_t copy, size_t cls)
{
    uint64_t sum = 0;
    for (uint64_t left = f->t->followers[work]; left; left &= left - 1) {
        size_t q = (size_t)__builtin_ctzll(left);
        if (copy >= f->s->copies_most[q])
            continue;
        uint64_t one = f->t->shapes[q].of_width[cards * f->s->p->nclasses + cls];
        if (one == UINT64_MAX)
            return one;
        sum += one;
    }
    return sum;
}

/* Ranks of the shape that go on each card, counted for so many copies; in whole groups where they must be of one kind. Leaves the cards in f->places. */
static bool has_places(struct fit *f, size_t work, size_t use, uint32_t copies)
{
    const struct search *s = f->s;
    const struct se_shape *sh = shape_of(f, work, use);
    const uint64_t *least = least_of(f, work, use);
    uint32_t each = f->t->friends[work] >> work & 1 ? copies : 1, of_kind[BT_MAX_GPUS], all = 0;
    uint64_t places = 0;
    if (sh->tp > 1)
        memset(of_kind, 0, s->ncards * sizeof *of_kind);
    for (uint64_t cards = f->cards[work][use]; cards; cards &= cards - 1) {
        size_t g = (size_t)__builtin_ctzll(cards), cls = s->p->cls[g];
        uint64_t left = s->p->cap[g] - f->load[g], bytes = least[cls];
        if (bytes > left || f->works[g] & ~f->t->friends[work])
            continue;
        uint64_t more = f->t->followers[work] ? beside(f, work, sh->cards, s->copies_most[work] - 1, cls) : 0;
        if (more > left - bytes)
            continue;
        bytes += more;
        uint32_t n = each > 1 && bytes && left / bytes < each ? (uint32_t)(left / bytes) : each;     /* one goes: seen above */
        n = BT_MIN(n, more_tenants(f, work, use, g));
        if (sh->tp > 1)
            of_kind[f->t->kind[g]] += n;
        all += n;
        places |= (uint64_t)(n > 0) << g;
    }
    f->places[work][use] = places;
    if (all < copies * sh->cards || sh->tp == 1)
        return all >= copies * sh->cards;
    for (size_t g = all = 0; g < s->ncards; g++)
        all += of_kind[g] / sh->tp;
    return all >= copies * sh->pp;
}

/* The target's copies stand: a rank of the shape goes on each of their cards, for each of the last `copies` copies. */
static bool has_places_there(const struct fit *f, size_t work, size_t use, uint32_t copies)
{
    const struct search *s = f->s;
    const struct se_shape *sh = shape_of(f, work, use);
    const uint64_t *least = least_of(f, work, use);
    size_t same = s->p->work[work].same;
    for (uint32_t i = s->copies_most[work] - copies; i < s->copies_most[work]; i++) {
        const struct pl_copy *target = &f->copy[f->first[same] + i];
        if (i >= s->copies_most[same] || target->ncards != sh->cards)
            return false;
        for (uint32_t r = 0; r < target->ncards; r++) {
            size_t g = target->card[r], cls = s->p->cls[g];
            if (!(f->classes[work][use] >> cls & 1) || least[cls] > s->p->cap[g] - f->load[g] || !may_stand_on(f, work, g) || !more_tenants(f, work, use, g))
                return false;
        }
    }
    return true;
}

/* Least and most that a rank takes of what is left on a card. */
struct sizes { uint64_t least, most; };

static void widen(const struct fit *f, size_t work, size_t use, struct sizes *of)
{
    const uint64_t *smallest = least_of(f, work, use), *largest = &f->t->shapes[work].most[f->use[work][use] * f->s->p->nclasses];
    for (uint64_t cards = f->cards[work][use]; cards; cards &= cards - 1) {
        size_t g = (size_t)__builtin_ctzll(cards), cls = f->s->p->cls[g];
        uint64_t left = f->s->p->cap[g] - f->load[g];
        if (smallest[cls] > left || f->works[g] & ~f->t->friends[work] || !more_tenants(f, work, use, g))
            continue;
        of[g].least = BT_MIN(of[g].least, smallest[cls]);
        of[g].most = BT_MAX(of[g].most, BT_MIN(largest[cls], left));
    }
}

/* Does the work, that is to come, find places in any shape if nobody else comes? f->may_go: in which. */
static bool goes_alone(struct fit *f, size_t depth, size_t work, size_t settled, uint32_t copies)
{
    size_t same = f->s->p->work[work].same;
    bool stands = same != PL_NONE && !f->s->p->work[same].cpu_only && !(f->coming[depth] >> same & 1), any = false;
    for (size_t i = 0; i < f->nuse[work]; i++) {
        bool goes = (settled == PL_NONE || i == settled) && has_places(f, work, i, copies) && (!stands || has_places_there(f, work, i, copies));
        f->may_go[work][i] = goes;
        any = any || goes;
    }
    return any;
}

/* So many of the work at this place of the order are to come; *settled: in that shape. */
static uint32_t to_come(const struct fit *f, size_t depth, uint32_t copy, size_t d, size_t *settled)
{
    bool now = d == depth && copy;
    *settled = now ? f->taken[depth] : PL_NONE;
    return f->s->copies_most[f->order[d]] - (now ? copy : 0);
}

/* Does each of those to come find places if nobody else comes? Asked first of all of who found none last. */
static bool each_goes(struct fit *f, size_t depth, uint32_t copy)
{
    size_t settled, first = depth;
    for (size_t d = depth; d < f->t->n; d++)
        first = f->order[d] == f->failed ? d : first;
    for (size_t i = depth; i < f->t->n; i++) {
        size_t d = i == depth ? first : i <= first ? i - 1 : i;
        uint32_t copies = to_come(f, depth, copy, d, &settled);
        if (!goes_alone(f, depth, f->order[d], settled, copies)) {
            f->failed = f->order[d];
            f->fails[f->failed]++;
            return false;
        }
    }
    return true;
}

/* What is known of a work that is to come: the least bytes of a copy in any shape in which so many find places if nobody else comes, and in how many ways a
 * copy goes, about. */
struct outlook { uint64_t least; double ways; };

static struct outlook look_at(const struct fit *f, size_t work, uint64_t unlike, struct sizes *of)
{
    struct outlook o = { .least = UINT64_MAX };
    for (size_t i = 0; i < f->nuse[work]; i++) {
        if (!f->may_go[work][i])
            continue;
        o.least = BT_MIN(o.least, shape_of(f, work, i)->least);
        o.ways += se_ways(shape_of(f, work, i), (uint32_t)__builtin_popcountll(f->places[work][i] & unlike));
        widen(f, work, i, of);
    }
    return o;
}

/* Who comes next: whoever decides most for the fewest ways to go, of those whose cards stand already. What comes late and often finds no place then decides
 * more when it comes early (the weights of Boussemart, Hemery, Lecoutre and Sais 2004, by their logarithm: as they are they hide how many ways there are). */
static size_t next_work(const struct fit *f, size_t depth, const struct outlook *o)
{
    size_t best = PL_NONE;
    double least = 0;
    for (size_t d = depth; d < f->t->n; d++) {
        size_t w = f->order[d], same = f->s->p->work[w].same;
        if (same != PL_NONE && f->coming[depth] >> same & 1)
            continue;
        double each = log2(BT_MAX(o[w].ways, 1.0)) / f->size[w] / (2 + log2(1 + f->fails[w]));
        if (best == PL_NONE || each < least) {
            best = d;
            least = each;
        }
    }
    return best;
}

static void fill_minded(struct fit *f, size_t depth)
{
    const struct search *s = f->s;
    f->coming[depth] = f->minded[depth] = f->seats[depth] = 0;
    for (size_t d = depth; d < f->t->n; d++) {
        size_t w = f->order[d], same = s->p->work[w].same;
        f->coming[depth] |= UINT64_C(1) << w;
        f->minded[depth] |= ~f->t->friends[w];
        for (uint32_t i = 0; same != PL_NONE && !s->p->work[same].cpu_only && i < BT_MIN(s->copies_most[w], s->copies_most[same]); i++)
            f->seats[depth] |= UINT64_C(1) << (f->t->seat[same] + i);
    }
}

static void swap_works(struct fit *f, size_t d, size_t e)
{
    size_t w = f->order[d];
    f->order[d] = f->order[e];
    f->order[e] = w;
    if (f->wants)
        se_swap(f->s, f->decided + d, f->decided + e);
}

/* What all those to come take at least is no more than what they can take at most of each card: so many of the smallest ranks go there, none larger than the
 * largest. Leaves in goes[] the shapes of who comes next for which that may be so; *next: its place in the order, chosen where no copy of it stands yet.
 * False: none. After each_goes(). */
static bool all_room(struct fit *f, size_t depth, uint32_t copy, bool *goes, size_t *next)
{
    const struct search *s = f->s;
    double need = 0, room = 0;
    struct sizes of[BT_MAX_GPUS];
    struct outlook o[64];
    uint64_t unlike = 0;
    bool any = false;
    f->s->nodes += f->wants ? WANTS_NODES : ROOM_NODES;
    for (size_t g = 0; g < s->ncards; g++) {
        of[g] = (struct sizes){ UINT64_MAX, 0 };
        unlike |= (uint64_t)(f->now[g] == g) << g;
    }
    for (size_t d = depth; d < f->t->n; d++) {
        size_t w = f->order[d], settled;
        uint32_t copies = to_come(f, depth, copy, d, &settled);
        o[w] = look_at(f, w, unlike, of);
        need += (double)o[w].least * copies;
    }
    for (size_t g = 0; g < s->ncards; g++) {
        if (of[g].least == UINT64_MAX)
            continue;
        uint64_t left = useful_room(f, depth, g);
        uint64_t ranks = BT_MIN(of[g].least ? left / of[g].least : UINT64_MAX, (uint64_t)(f->at_most[g] - f->tenants[g]));
        room += ranks < 64 ? BT_MIN((double)left, (double)of[g].most * (double)ranks) : (double)left;
    }
    *next = copy || f->how != LOOK_FEWEST ? depth : next_work(f, depth, o);
    size_t w = f->order[*next];
    uint32_t copies = s->copies_most[w] - copy;
    need -= (double)o[w].least * copies;
    for (size_t i = 0; i < f->nuse[w]; i++) {
        goes[i] = f->may_go[w][i] && need + (double)shape_of(f, w, i)->least * copies <= room;
        any = any || goes[i];
    }
    return any;
}

/* ---- places ---- */

struct fitting {
    size_t work, depth, use;
    const struct se_shape *sh;
    uint32_t copy;
    uint64_t classes;
    const struct pl_copy *target;
    size_t card[BT_MAX_GPUS], now[BT_MAX_GPUS];
    uint64_t beside[BT_MAX_GPUS];    /* [class] of any rank, and those that follow on its card */
};

static bool stands(const struct fit *f, const struct fitting *x, size_t cls)
{
    const struct search *s = f->s;
    for (uint32_t i = 0; i < x->sh->cards; i++) {
        uint64_t floor = se_floor(s, &s->work[x->work], x->sh, cls, i, x->card[i]);
        if (x->sh->row[cls * x->sh->pp + i / x->sh->tp].need > floor || f->load[x->card[i]] + floor > s->p->cap[x->card[i]])
            return false;
    }
    return true;
}

static void put_ranks(struct fit *f, const struct fitting *x, size_t cls)
{
    const struct search *s = f->s;
    for (uint32_t i = 0; i < x->sh->cards; i++) {
        size_t g = x->card[i];
        f->load[g] += se_floor(s, &s->work[x->work], x->sh, cls, i, g);
        f->works[g] |= UINT64_C(1) << x->work;
        f->tenants[g]++;
        f->at_most[g] = BT_MIN(f->at_most[g], f->may[x->work][x->use * s->p->nclasses + s->p->cls[g]]);
        f->ranks[g] += mixed(mixed(x->work + 1, x->sh->index + 1), (i / x->sh->tp) * 4096 + cls);
        if (f->t->seat[x->work] != PL_NONE)
            f->sat[g] |= UINT64_C(1) << (f->t->seat[x->work] + x->copy);
    }
}

/* The copy is put: does each of those to come still find places? */
static bool others_go(struct fit *f, const struct fitting *x)
{
    bool last = x->copy + 1 == f->s->copies_most[x->work];
    if (x->depth + last == f->t->n || each_goes(f, x->depth + last, last ? 0 : x->copy + 1))
        return true;
    f->s->nodes += LOST_NODES;
    f->seen += f->part;
    return false;
}

static bool put_all(struct fit *f, struct fitting *x)
{
    struct search *s = f->s;
    size_t cls = pl_cost_class(s->p, x->card, x->sh->cards);
    if (!stands(f, x, cls)) {
        f->seen += f->part;
        return false;
    }
    struct { uint64_t load, works, sat, ranks; uint32_t at_most; } was[BT_MAX_GPUS];
    for (uint32_t i = 0; i < x->sh->cards; i++) {
        size_t g = x->card[i];
        was[i].load = f->load[g];
        was[i].works = f->works[g];
        was[i].sat = f->sat[g];
        was[i].ranks = f->ranks[g];
        was[i].at_most = f->at_most[g];
    }
    put_ranks(f, x, cls);
    struct pl_copy *c = &f->copy[f->ncopies++];
    *c = (struct pl_copy){ .work = x->work, .replica = x->copy, .shape = x->sh->index, .card = x->card, .ncards = x->sh->cards };
    bool go = others_go(f, x);
    if (go && f->wants)
        se_put(s, c, x->sh, cls);
    bool all = go && next_copy(f, x->depth, x->copy + 1);
    if (go && f->wants)
        se_take_back(s);
    if (all) {
        c->card = BT_NEWN(s->a, size_t, c->ncards);
        memcpy(c->card, x->card, c->ncards * sizeof *c->card);
        return true;
    }
    f->ncopies--;
    for (uint32_t i = 0; i < x->sh->cards; i++) {
        size_t g = x->card[i];
        f->load[g] = was[i].load;
        f->works[g] = was[i].works;
        f->sat[g] = was[i].sat;
        f->ranks[g] = was[i].ranks;
        f->at_most[g] = was[i].at_most;
        f->tenants[g]--;
    }
    return false;
}

/* Ranks of a tensor-parallel group rise, and so do the first ranks of equal stages. */
static size_t first_place(const struct pl_work *k, const struct fitting *x, uint32_t rank)
{
    uint32_t tp = x->sh->tp;
    if (rank % tp)
        return (size_t)k->pos[x->card[rank - 1]] + 1;
    return rank && x->sh->like_before[rank / tp] ? (size_t)k->pos[x->card[rank - tp]] + 1 : 0;
}

/* By what was seen in the nodes so far, those that are left are about enough for the rest. */
static bool end_is_near(const struct fit *f)
{
    double used = (double)(f->s->nodes - f->from), left = (double)(f->most - BT_MIN(f->most, f->s->nodes));
    return left > 0 && used * (1 - f->seen) <= f->seen * left * FASTER;
}

/* Also those of bytes that are of use: they are many where little is free. */
static void count_steps(struct fit *f)
{
    uint64_t nodes = (f->steps - f->counted) / NODES_EACH;
    f->s->nodes += nodes;
    f->counted += nodes * NODES_EACH;
    if (f->s->nodes > f->end && end_is_near(f))
        f->end = BT_MIN(f->most, f->s->nodes + (f->s->nodes - f->from) / MORE_SHARE);
    f->over = f->over || f->s->nodes > f->end || se_late(f->s);
}

static bool next_rank(struct fit *f, struct fitting *x, uint32_t rank)
{
    const struct pl_problem *p = f->s->p;
    const struct pl_work *k = &p->work[x->work];
    if (rank == x->sh->cards)
        return put_all(f, x);
    size_t start = first_place(k, x, rank), goes[BT_MAX_GPUS], n = 0;
    uint64_t tried = 0;
    double part = f->part;
    if (++f->steps % STEPS_UNSEEN == 0)              /* of a long pipeline the orders of its stages alone are more than anybody waits for */
        count_steps(f);
    for (size_t i = 0; i < k->npool && !f->over; i++) {
        size_t g = k->pool[i];
        bool used = false;
        for (uint32_t r = 0; r < rank; r++)
            used = used || x->card[r] == g;
        if (used || tried >> x->now[g] & 1 || !pl_card_for(p, x->sh->cards, g))
            continue;
        tried |= UINT64_C(1) << x->now[g];
        if (i < start || !(x->classes >> p->cls[g] & 1) || x->beside[p->cls[g]] > p->cap[g] - f->load[g])
            continue;
        if ((x->target && !pl_is_on(x->target, g)) || !may_stand_on(f, x->work, g) || !more_tenants(f, x->work, x->use, g))
            continue;
        if (rank % x->sh->tp && strcmp(p->fleet->gpus[g].name, p->fleet->gpus[x->card[rank - 1]].name))
            continue;
        goes[n++] = g;
    }
    f->seen += n ? 0 : part;
    for (size_t i = 0; i < n && !f->over; i++) {
        x->card[rank] = goes[i];
        f->part = part / (double)n;
        if (next_rank(f, x, rank + 1))
            return true;
    }
    f->part = part;
    return false;
}

static bool one_shape(struct fit *f, size_t depth, uint32_t copy, size_t use, const size_t *now)
{
    struct search *s = f->s;
    size_t work = f->order[depth], same = s->p->work[work].same;
    struct fitting x = { .work = work, .depth = depth, .copy = copy, .use = use, .sh = shape_of(f, work, use), .classes = f->classes[work][use] };
    const uint64_t *least = least_of(f, work, use);
    if (same != PL_NONE && (s->p->work[same].cpu_only || copy >= s->copies_most[same])) {
        f->seen += f->part;
        return false;
    }
    x.target = same == PL_NONE ? NULL : &f->copy[f->first[same] + copy];
    if (x.target && x.target->ncards != x.sh->cards) {
        f->seen += f->part;
        return false;
    }
    memcpy(x.now, now, s->ncards * sizeof *now);
    for (size_t c = 0; c < s->p->nclasses; c++) {
        uint64_t more = beside(f, work, x.sh->cards, copy, c);
        x.beside[c] = least[c] == UINT64_MAX || more == UINT64_MAX ? UINT64_MAX : least[c] + more;
    }
    f->taken[depth] = use;
    if (!f->wants)
        return next_rank(f, &x, 0);
    bool settled = s->settled[work];
    size_t was = s->shape_of[work];
    s->settled[work] = true;
    s->shape_of[work] = (size_t)(x.sh - s->work[work].shape);
    bool all = next_rank(f, &x, 0);
    s->settled[work] = settled;
    s->shape_of[work] = was;
    return all;
}

static bool may_want_more(const struct fit *f, size_t depth)
{
    return !f->wants || se_wants_at_most(f->s, f->decided + depth) > f->s->best.v[BT_GOAL_WANTS] - f->s->as_good;
}

/* What is found ends a pass, but all that was walked before it need not be walked again: the look goes on for as long as it took so far. */
static bool goes_on(const struct fit *f) { return f->s->any && f->s->wants_only && !f->s->p->any_plan && !f->s->target; }

/* Everything stands. True: and that is what was looked for. */
static bool all_stand(struct fit *f)
{
    struct search *s = f->s;
    if (!f->wants)
        return true;
    if (s->as_good && !s->wide)
        se_leaf(s);
    if (s->as_good || s->wide)
        return se_wants_at_most(s, s->p->n) > s->best.v[BT_GOAL_WANTS] - s->as_good;
    struct pl_score was = s->best;
    if (!may_want_more(f, f->t->n))
        return false;
    se_leaf(s);
    if (pl_score_cmp(&s->best, &was, BT_GOAL_SERVICE) <= 0)
        return false;
    if (!goes_on(f))
        return true;
    s->stop = false;
    f->found = true;
    f->end = BT_MIN(f->end, s->nodes + (s->nodes - f->from));
    return false;
}

static bool next_copy(struct fit *f, size_t depth, uint32_t copy)
{
    struct search *s = f->s;
    if (depth < f->t->n && copy == s->copies_most[f->order[depth]])
        return next_copy(f, depth + 1, 0);
    if (depth == f->t->n) {
        f->seen += f->part;
        return all_stand(f);
    }
    count_steps(f);
    if (f->over)
        return false;
    struct place seen[BT_MAX_GPUS];
    struct tried *way = way_so_far(f, depth, copy, seen);
    if (known(f, way)) {
        f->seen += f->part;
        return false;
    }
    size_t now[BT_MAX_GPUS], next, ways = 0;
    double part = f->part;
    bool *goes = f->goes[f->ncopies];
    alike(f, seen, now);
    memcpy(f->now, now, s->ncards * sizeof *now);
    if (all_room(f, depth, copy, goes, &next) && may_want_more(f, depth)) {
        size_t work = f->order[next];
        swap_works(f, depth, next);
        if (!copy) {
            fill_minded(f, depth + 1);
            f->first[work] = f->ncopies;
        }
        for (size_t i = 0; i < f->nuse[work]; i++)
            ways += goes[i];
        for (size_t i = 0; i < f->nuse[work] && !f->over; i++) {
            f->part = part / (double)ways;
            if (goes[i] && one_shape(f, depth, copy, i, now))
                return true;
        }
        f->part = part;
        swap_works(f, depth, next);
    }
    f->seen += ways ? 0 : part;
    if (!f->over)
        remember(f, way);
    return false;
}

/* ---- set up ---- */

/* How much of cards a copy takes at least (of one, of a card and a half, ...), or one of its ranks. */
static double cards_taken(const struct fit *f, size_t work)
{
    const struct search *s = f->s;
    double least = INFINITY;
    for (size_t i = 0; i < f->nuse[work]; i++)
        for (size_t g = 0; g < s->ncards; g++) {
            double part = s->p->work[work].claim == PL_WHOLE || s->work[work].alone ? 1 : (double)least_of(f, work, i)[s->p->cls[g]] / (double)s->p->cap[g];
            if (s->p->work[work].pos[g] >= 0 && f->classes[work][i] >> s->p->cls[g] & 1 && part <= 1)
                least = BT_MIN(least, f->how == LOOK_RANKS ? part : part * shape_of(f, work, i)->cards);
        }
    return least;
}

/* Those that follow `follows` (PL_NONE: nobody), each with its own followers behind it. */
static void put_with_followers(struct fit *f, const size_t *by_size, size_t follows, size_t *n)
{
    for (size_t i = 0; i < f->t->n; i++) {
        size_t w = by_size[i], same = f->s->p->work[w].same;
        bool root = same == PL_NONE || f->s->p->work[same].cpu_only || !f->s->copies_most[same];
        if (follows == PL_NONE ? !root : root || same != follows)
            continue;
        f->order[(*n)++] = w;
        put_with_followers(f, by_size, w, n);
    }
}

/* Those that take most come first, counted with those that follow them. */
static void put_in_order(struct fit *f)
{
    double taken[64], *all = f->size;
    size_t by_size[64], n = 0;
    for (size_t i = 0; i < f->t->n; i++)
        taken[f->t->work[i]] = cards_taken(f, f->t->work[i]);
    for (size_t i = 0; i < f->t->n; i++) {
        size_t w = f->t->work[i], j = i;
        all[w] = taken[w];
        for (uint64_t left = f->t->followers[w]; left; left &= left - 1)
            all[w] += taken[__builtin_ctzll(left)];
        all[w] = BT_MAX(all[w], 1e-6);
        for (; j > 0 && all[by_size[j - 1]] < all[w]; j--)           /* equal ones stay as they are */
            by_size[j] = by_size[j - 1];
        by_size[j] = w;
    }
    put_with_followers(f, by_size, PL_NONE, &n);
}

bool se_fits_start(struct search *s, struct bt_arena *a)
{
    const struct pl_problem *p = s->p;
    size_t seats = 0;
    s->fits = NULL;
    if (p->n > 64 || s->ncards > BT_MAX_GPUS)
        return false;                /* a bit per work */
    struct se_fits *t = BT_NEW(a, struct se_fits);
    for (size_t d = 0; d < p->n; d++) {
        size_t w = s->order[d];
        t->seat[w] = PL_NONE;
        if (p->work[w].cpu_only || !s->copies_most[w])
            continue;
        t->work[t->n++] = w;
        list_shapes(s, w, &t->shapes[w], a);
        t->most_shapes = BT_MAX(t->most_shapes, t->shapes[w].n);
        for (size_t j = 0; j < p->n; j++)
            t->friends[w] |= (uint64_t)p->may_share[w * p->n + j] << j;
        for (size_t up = p->work[w].same, n = p->n; up != PL_NONE && n; up = p->work[up].same, n--)
            t->followers[up] |= UINT64_C(1) << w;
        if (!p->work[w].followed)
            continue;
        t->seat[w] = seats;
        seats += s->copies_most[w];
        if (seats > MAX_SEATS)
            return false;
    }
    for (size_t g = 0; g < s->ncards; g++) {
        for (t->color[g] = 0; t->color[g] < g && !se_same_color(p, g, t->color[g]); )
            t->color[g]++;
        for (t->kind[g] = 0; strcmp(p->fleet->gpus[g].name, p->fleet->gpus[t->kind[g]].name); )
            t->kind[g]++;
    }
    t->useful = se_useful_new(s, t->color, t->friends, a);
    s->fits = t;
    return true;
}

static struct se_ways *new_ways(struct bt_arena *a, size_t buckets)
{
    struct se_ways *m = BT_NEW(a, struct se_ways);
    *m = (struct se_ways){ .a = a, .v = BT_NEWN(a, struct tried *, buckets), .buckets = buckets - 1 };
    return m;
}

/* Those of earlier looks, where such are kept; else none yet. */
static struct se_ways *ways_for(struct search *s, struct bt_arena *a, bool wants, uint64_t nodes)
{
    size_t buckets = MIN_BUCKETS;
    if (s->kept && !s->wide && !s->as_good) {
        struct se_ways **kept = &s->kept->of[wants];
        if (!*kept)
            *kept = new_ways(s->a, MAX_MEMO);
        return *kept;
    }
    while (buckets < MAX_MEMO && buckets < nodes)
        buckets *= 2;
    return new_ways(a, buckets);
}

static struct fit *start_look(struct search *s, struct bt_arena *a, enum look how, bool wants, uint64_t nodes)
{
    struct fit *f = BT_NEW(a, struct fit);
    *f = (struct fit){ .s = s, .t = s->fits, .a = a, .from = s->nodes, .end = s->nodes + nodes, .part = 1, .how = how, .wants = wants };
    f->copy = BT_NEWN(a, struct pl_copy, s->max_copies + 1);
    f->first = BT_NEWN(a, size_t, s->p->n + 1);
    f->memo = ways_for(s, a, wants, nodes);
    f->way = BT_NEWN(a, struct tried *, s->max_copies + 1);
    f->goes = BT_NEWN(a, bool *, s->max_copies + 1);
    for (size_t i = 0; i <= s->max_copies; i++)
        f->goes[i] = BT_NEWN(a, bool, f->t->most_shapes + 1);
    for (size_t g = 0; g < s->ncards; g++)
        f->at_most[g] = UINT32_MAX;
    for (size_t i = 0; i < f->t->n; i++) {
        pick_shapes(f, f->t->work[i]);
        f->may_go[f->t->work[i]] = BT_NEWN(a, bool, f->nuse[f->t->work[i]] + 1);
    }
    put_in_order(f);
    fill_minded(f, 0);
    return f;
}

static enum se_fit look(struct search *s, enum look how, uint64_t nodes)
{
    bt_auto_arena a = { 0 };
    struct fit *f = start_look(s, &a, how, false, nodes);
    bool all = each_goes(f, 0, 0) && next_copy(f, 0, 0);
    if (all && !s->wide)
        se_try(s, f->copy, f->ncopies);
    return all ? SE_FITS : f->over ? SE_FIT_UNKNOWN : SE_FITS_NOT;
}

enum se_fit se_fits(struct search *s, uint64_t nodes)
{
    if (!s->fits)
        return SE_FIT_UNKNOWN;
    enum se_fit how = look(s, LOOK_COPIES, BT_MIN(FEW_NODES, nodes));
    if (how == SE_FIT_UNKNOWN && nodes >= FEW_NODES)
        how = look(s, LOOK_RANKS, FEW_NODES);
    return how == SE_FIT_UNKNOWN && nodes > FEW_NODES ? look(s, LOOK_FEWEST, nodes) : how;
}

static enum se_fit look_better(struct search *s, enum look how, uint64_t nodes, uint64_t most)
{
    bt_auto_arena a = { 0 };
    struct fit *f = start_look(s, &a, how, true, nodes);
    f->most = s->nodes + most;
    size_t n = 0;
    for (size_t i = 0; i < s->p->n; i++)             /* the others are decided: without a card, or without a copy */
        if (s->p->work[i].cpu_only || !s->copies_most[i])
            s->order[n++] = i;
    f->decided = n;
    memcpy(s->order + n, f->order, f->t->n * sizeof *s->order);
    for (size_t d = 0; d < s->p->n; d++)
        s->depth_of[s->order[d]] = d;
    se_put_others(s);
    bool better = (each_goes(f, 0, 0) && next_copy(f, 0, 0)) || (f->found && f->over);
    s->stop = s->stop || (f->found && f->over);
    while (s->ncopies)
        se_take_back(s);
    se_order(s, SE_HARD);
    return better ? SE_FITS : f->over ? SE_FIT_UNKNOWN : SE_FITS_NOT;
}

enum se_fit se_fits_better(struct search *s, uint64_t nodes, uint64_t most)
{
    if (!s->fits)
        return SE_FIT_UNKNOWN;
    uint64_t end = s->nodes + nodes, last = s->nodes + BT_MAX(nodes, most);
    enum se_fit how = look_better(s, LOOK_COPIES, nodes / FOUND_SHARE, 0);
    return how == SE_FIT_UNKNOWN && s->nodes < end ? look_better(s, LOOK_FEWEST, end - s->nodes, last - s->nodes) : how;
}

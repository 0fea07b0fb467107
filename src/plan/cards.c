/* cards - is there anything with as much service as the best plan has, of the shapes that are left? The cards are filled one after another, each with a whole
 * set of neighbours, those with the most tenants first: a copy is as slow as its fullest card, so the first card it stands on says what it is worth. Prices
 * (sets.c) cannot say that: for them a copy on a busy and an idle card is half as busy.
 *
 * The prices say what the cards to come bring at most, and so do the largest gains of those who are still to come. A way to be so far is remembered where
 * nothing came of it: the cards left of each color, how full they may be, the copies that have not begun, and of those that stand in part what lacks and
 * what each is worth. Whoever comes to the same with no more is done.
 *
 * While cards are filled, those of one color are one, shapes as wide are one that takes the least of all and gains the most, and so are the stages of a
 * pipeline. A filling that is good enough is looked at as it is: with all shapes, and all orders of ranks on its cards. */
#include <math.h>
#include <string.h>

#include "plan/search_int.h"

#define MOST_PARTS 256u
#define MOST_WAYS 16u                /* of a work: widths, on one kind of card or any */
#define MOST_SEATS 24u               /* copies that stand in part */
#define MOST_COPIES 64u
#define MOST_TRIES 400u              /* steps through shapes and orders of ranks, of one filling */
#define MOST_ITEMS 128u
#define STEPS_EACH 2u                /* so many steps here are as much work as a node of the search */
#define EPS 1e-6

/* A work that many cards wide, on cards of one kind (that of class `on`), or anywhere. */
struct way { size_t on; uint32_t cards; unsigned busy; double *value; uint64_t *bytes, goes; };      /* goes: a bit for each color it may stand on */
struct ways { struct way v[MOST_WAYS]; size_t n; double price; uint32_t copies; };

/* A copy that stands in part; worth: of each of its ranks. */
struct seat { uint8_t work, way, left, level; double worth; uint8_t copy; };
struct state {
    double sum;                      /* gains of the ranks that stand */
    uint64_t last; size_t color; uint32_t level;     /* of the card before */
    uint8_t left[BT_MAX_GPUS];       /* [color] cards */
    uint8_t unbegun[64], wide[64];   /* [work] copies; of those that have begun, or 0 */
    struct seat seat[MOST_SEATS]; size_t nseats;
    uint8_t begun;                   /* copies */
    bool mixed;                      /* a rank went to one of copies that were alike but for their cards: others may have more free */
};

/* A card that is filled: who is on it. */
struct filled { size_t color; uint8_t copy[MOST_COPIES]; size_t n; };


struct item { uint8_t work, way, seat; bool begins, forced, like_before; double gain, worth; uint64_t bytes; };

struct cards {
    struct search *s;
    struct bt_arena *a;
    struct ways *work;               /* [p->n] */
    uint64_t friends[64];
    size_t ncolors, card[BT_MAX_GPUS];               /* [color] one of them */
    double most[BT_MAX_GPUS][SE_BUSY + 1];           /* [color][level] the best set with so many tenants, or fewer */
    double base, reached, shared;
    struct se_dead *dead;            /* what led nowhere */
    uint64_t steps, limit;
    bool over, better;               /* something better than the best was found: the end of this look */
    bool open;                       /* something was found that may stand in another way than was tried */
    uint64_t ends;                   /* ways that were tried */
    bool islands;                    /* of cards of one color some are in another NVLink island */
    struct filled filled[BT_MAX_GPUS]; size_t nfilled;
    uint8_t copy_work[MOST_COPIES], copy_way[MOST_COPIES];
};

/* The card that is filled now. */
struct filling {
    const struct state *st;
    size_t color, cls; uint32_t level;
    double rest;                     /* of the cards after it, at most, and what is there */
    struct item item[MOST_ITEMS]; size_t n, forced;
    double upto[MOST_ITEMS + 1];     /* gains of the items before */
    bool in[MOST_ITEMS];
};

static void next_card(struct cards *x, const struct state *st);

static unsigned busy_of(uint32_t tenants) { return BT_MIN(tenants, SE_BUSY); }

static bool goes(const struct way *w, size_t color) { return w->goes >> color & 1; }

/* Cards that are left for it. */
static uint32_t places(const struct state *st, const struct way *w)
{
    uint32_t n = 0;
    for (uint64_t left = w->goes; left; left &= left - 1)
        n += st->left[__builtin_ctzll(left)];
    return n;
}

/* ---- what led nowhere ---- */

static size_t key_of(const struct cards *x, const struct state *st, uint8_t *key)
{
    size_t n = 0;
    key[n++] = (uint8_t)st->level;
    key[n++] = (uint8_t)st->color;
    memcpy(key + n, &st->last, sizeof st->last);
    n += sizeof st->last;
    memcpy(key + n, st->left, x->ncolors);
    n += x->ncolors;
    for (size_t i = 0; i < x->s->p->n; i++) {
        key[n++] = st->unbegun[i];
        key[n++] = st->unbegun[i] ? st->wide[i] : 0;
    }
    for (size_t i = 0; i < st->nseats; i++) {
        const struct seat *t = &st->seat[i];
        key[n++] = t->work;
        key[n++] = t->way;
        key[n++] = t->left;
        key[n++] = t->level;
        memcpy(key + n, &t->worth, sizeof t->worth);
        n += sizeof t->worth;
    }
    return n;
}

/* ---- one card ---- */

static int seat_cmp(const struct seat *a, const struct seat *b)
{
    if (a->work != b->work)
        return a->work < b->work ? -1 : 1;
    if (a->way != b->way)
        return a->way < b->way ? -1 : 1;
    if (a->left != b->left)
        return a->left < b->left ? -1 : 1;
    if (a->level != b->level)
        return a->level < b->level ? -1 : 1;
    return (a->worth > b->worth) - (a->worth < b->worth);
}

static void add_seat(struct state *st, struct seat one)
{
    size_t j = st->nseats++;
    for (; j > 0 && seat_cmp(&st->seat[j - 1], &one) > 0; j--)
        st->seat[j] = st->seat[j - 1];
    st->seat[j] = one;
}

static void add_item(struct filling *f, struct item one)
{
    size_t j = f->n++;
    for (; j > 0; j--) {             /* the forced first, then by gain; those alike stay together, as they come one after the other */
        const struct item *b = &f->item[j - 1];
        if (b->forced != one.forced ? b->forced : b->gain >= one.gain)
            break;
        f->item[j] = f->item[j - 1];
    }
    f->item[j] = one;
    f->forced += one.forced;
}

static bool alike(const struct filling *f, const struct item *a, const struct item *b)
{
    if (a->work != b->work || a->way != b->way || a->begins != b->begins || a->forced != b->forced)
        return false;
    return a->begins || seat_cmp(&f->st->seat[a->seat], &f->st->seat[b->seat]) == 0;
}

/* Who may come to the card. False: too many. */
static bool fill_items(const struct cards *x, const struct state *after, struct filling *f)
{
    const struct state *st = f->st;
    for (size_t i = 0; i < st->nseats; i++) {
        const struct seat *t = &st->seat[i];
        const struct ways *k = &x->work[t->work];
        const struct way *w = &k->v[t->way];
        if (!goes(w, f->color))
            continue;
        double worth = w->on == PL_NONE && t->level ? BT_MIN(t->worth, w->value[f->cls * (SE_BUSY + 1) + t->level]) : t->worth;
        double less = (t->worth - worth) * (w->cards - t->left);     /* the slowest card is that of all its ranks */
        if (f->n == MOST_ITEMS)
            return false;
        add_item(f, (struct item){ t->work, t->way, (uint8_t)i, false, t->left > places(after, w), false, worth - less - k->price / w->cards, worth,
                                   w->bytes[f->cls] });
    }
    for (size_t i = 0; i < x->s->p->n; i++)
        for (size_t j = 0; j < x->work[i].n && st->unbegun[i]; j++) {
            const struct way *w = &x->work[i].v[j];
            if (!goes(w, f->color) || (st->wide[i] && st->wide[i] != w->cards) || !(w->busy >> busy_of(f->level) & 1))
                continue;
            double worth = w->value[f->cls * (SE_BUSY + 1) + busy_of(f->level)];
            bool self = x->friends[i] >> i & 1;
            if (worth < 0 || w->cards > places(st, w))
                continue;
            for (uint32_t n = 0; n < (self ? st->unbegun[i] : 1u); n++) {
                if (f->n == MOST_ITEMS)
                    return false;
                add_item(f, (struct item){ (uint8_t)i, (uint8_t)j, 0, true, false, false, worth - x->work[i].price / w->cards, worth, w->bytes[f->cls] });
            }
        }
    for (size_t i = 0; i < f->n; i++) {
        f->item[i].like_before = i && alike(f, &f->item[i - 1], &f->item[i]);
        f->upto[i + 1] = f->upto[i] + f->item[i].gain;
    }
    return true;
}

/* The least bytes of a rank on any card that is left. */
static uint64_t least_rank(const struct cards *x, const struct state *st, const struct way *w)
{
    uint64_t least = UINT64_MAX;
    for (size_t c = 0; c < x->ncolors; c++)
        if (st->left[c] && goes(w, c))
            least = BT_MIN(least, w->bytes[x->s->p->cls[x->card[c]]]);
    return least;
}

/* All that is to come has cards for it, tenants enough, and bytes. */
static bool may_end(const struct cards *x, const struct state *st)
{
    uint32_t ranks = 0, cards = 0;
    uint64_t room = 0, need = 0;
    for (size_t c = 0; c < x->ncolors; c++) {
        cards += st->left[c];
        room += st->left[c] * x->s->p->cap[x->card[c]];
    }
    for (size_t i = 0; i < st->nseats; i++) {
        ranks += st->seat[i].left;
        need += st->seat[i].left * least_rank(x, st, &x->work[st->seat[i].work].v[st->seat[i].way]);
        if (st->seat[i].left > places(st, &x->work[st->seat[i].work].v[st->seat[i].way]))
            return false;
    }
    for (size_t i = 0; i < x->s->p->n; i++) {
        uint32_t least = UINT32_MAX;
        uint64_t bytes = UINT64_MAX;
        for (size_t j = 0; j < x->work[i].n && st->unbegun[i]; j++) {
            const struct way *w = &x->work[i].v[j];
            if ((st->wide[i] && st->wide[i] != w->cards) || w->cards > places(st, w))
                continue;
            least = BT_MIN(least, w->cards);
            bytes = BT_MIN(bytes, w->cards * least_rank(x, st, w));
        }
        if (st->unbegun[i] && least == UINT32_MAX)
            return false;
        ranks += st->unbegun[i] ? least * st->unbegun[i] : 0;
        need += st->unbegun[i] ? bytes * st->unbegun[i] : 0;
    }
    return ranks <= cards * st->level && need <= room;
}

/* A bit for each card that is filled and has a rank of the copy. */
static uint64_t cards_of(const struct cards *x, uint8_t copy)
{
    uint64_t on = 0;
    for (size_t i = 0; i < x->nfilled; i++)
        for (size_t j = 0; j < x->filled[i].n; j++)
            on |= (uint64_t)(x->filled[i].copy[j] == copy) << i;
    return on;
}

/* Of alike copies that stand on different cards some take the card and some do not. */
static bool mixes(const struct cards *x, const struct filling *f)
{
    for (size_t i = 1; i < f->n; i++)
        for (size_t j = i; !f->in[i] && !f->item[i].begins && f->item[j].like_before; j--)
            if (f->in[j - 1] && cards_of(x, f->st->seat[f->item[i].seat].copy) != cards_of(x, f->st->seat[f->item[j - 1].seat].copy))
                return true;
    return false;
}

static void set_done(struct cards *x, const struct filling *f, double gain, uint64_t mask)
{
    const struct state *st = f->st;
    struct state next = *st;
    if (st->level == f->level && st->color == f->color && mask > st->last)
        return;                      /* two cards alike, the other way round */
    for (uint64_t left = mask; left; left &= left - 1)
        if (se_sets_needs(x->s, (size_t)__builtin_ctzll(left)) & ~mask)
            return;
    next.sum += gain - (f->level > 1 ? x->shared : 0);
    next.last = mask;
    next.color = f->color;
    next.level = f->level;
    next.left[f->color]--;
    next.nseats = 0;
    next.mixed = st->mixed || mixes(x, f);
    bool moved[MOST_SEATS] = { false };
    struct filled *card = &x->filled[x->nfilled];
    card->color = f->color;
    card->n = 0;
    for (size_t i = 0; i < f->n; i++) {
        const struct item *t = &f->item[i];
        if (!f->in[i])
            continue;
        uint8_t lacks = (uint8_t)(x->work[t->work].v[t->way].cards - 1), level = (uint8_t)(t->worth > 0 ? busy_of(f->level) : 0);
        struct seat one = { t->work, t->way, lacks, level, t->worth, next.begun };
        if (!t->begins) {
            one = st->seat[t->seat];
            one.left--;
            one.worth = t->worth;
            moved[t->seat] = true;
        } else {
            next.unbegun[t->work]--;
            x->copy_work[next.begun] = t->work;
            x->copy_way[next.begun++] = t->way;
            next.wide[t->work] = (uint8_t)x->work[t->work].v[t->way].cards;
        }
        card->copy[card->n++] = one.copy;
        if (one.left && next.nseats == MOST_SEATS) {
            x->over = true;
            return;
        }
        if (one.left)
            add_seat(&next, one);
    }
    for (size_t i = 0; i < st->nseats; i++) {
        if (!moved[i] && next.nseats == MOST_SEATS) {
            x->over = true;
            return;
        }
        if (!moved[i])
            add_seat(&next, st->seat[i]);
    }
    x->nfilled++;
    if (may_end(x, &next))
        next_card(x, &next);
    x->nfilled--;
}

static void pick(struct cards *x, struct filling *f, size_t i, uint32_t taken, uint64_t room, double gain, uint64_t mask, uint64_t beside)
{
    uint32_t more = f->level - taken;
    if (x->over || x->better)
        return;
    if (++x->steps > x->limit) {
        x->over = true;
        return;
    }
    if (!more) {
        if (i >= f->forced)
            set_done(x, f, gain, mask);
        return;
    }
    if (f->n - i < more || f->rest + gain + f->upto[i + more] - f->upto[i] < x->reached - EPS)
        return;
    const struct item *t = &f->item[i];
    bool same_width = true;
    for (size_t j = 0; j < i && t->begins; j++)
        same_width = same_width && !(f->in[j] && f->item[j].begins && f->item[j].work == t->work &&
                                     x->work[t->work].v[f->item[j].way].cards != x->work[t->work].v[t->way].cards);
    uint32_t begun = 0;
    for (size_t j = 0; j < i && t->begins; j++)
        begun += f->in[j] && f->item[j].begins && f->item[j].work == t->work;
    if (t->bytes <= room && beside >> t->work & 1 && same_width && (!t->begins || begun < f->st->unbegun[t->work]) && (!t->like_before || f->in[i - 1])) {
        f->in[i] = true;
        pick(x, f, i + 1, taken + 1, room - t->bytes, gain + t->gain, mask | UINT64_C(1) << t->work, beside & x->friends[t->work]);
        f->in[i] = false;
    }
    if (!t->forced)
        pick(x, f, i + 1, taken, room, gain, mask, beside);
}

/* What the cards after it bring at most: those of colors before it are less full. */
static double rest_of(const struct cards *x, const struct state *after, const double most[][SE_BUSY + 1], size_t color, uint32_t level)
{
    double sum = 0;
    for (size_t c = 0; c < x->ncolors; c++)          /* where none is left, nobody worked it out */
        sum += after->left[c] ? after->left[c] * most[c][busy_of(c < color ? level - 1 : level)] : 0;
    return sum;
}

static void keep_largest(double *v, uint32_t *n, uint32_t most, double one)
{
    if (one <= 0 || (*n == most && v[most - 1] >= one))
        return;
    uint32_t j = *n < most ? (*n)++ : most - 1;
    for (; j > 0 && v[j - 1] < one; j--)
        v[j] = v[j - 1];
    v[j] = one;
}

/* The largest gains of so many of those to come, whatever their bytes. */
static double largest(const struct cards *x, const struct state *st, size_t color, uint32_t level)
{
    double v[SE_BUSY], sum = 0;
    uint32_t n = 0;
    size_t cls = x->s->p->cls[x->card[color]];
    for (size_t i = 0; i < st->nseats; i++) {
        const struct seat *t = &st->seat[i];
        const struct ways *k = &x->work[t->work];
        if (goes(&k->v[t->way], color))
            keep_largest(v, &n, level, t->worth - k->price / k->v[t->way].cards);
    }
    for (size_t i = 0; i < x->s->p->n; i++) {
        double best = 0;
        for (size_t j = 0; j < x->work[i].n && st->unbegun[i]; j++) {
            const struct way *w = &x->work[i].v[j];
            if ((!st->wide[i] || st->wide[i] == w->cards) && goes(w, color))
                for (unsigned b = level; b <= SE_BUSY; b++)
                    if (w->busy >> b & 1) {
                        best = BT_MAX(best, w->value[cls * (SE_BUSY + 1) + b] - x->work[i].price / w->cards);
                        break;
                    }
        }
        bool self = x->friends[i] >> i & 1;
        for (uint32_t k = 0; k < (self ? st->unbegun[i] : 1u); k++)
            keep_largest(v, &n, level, best);
    }
    for (uint32_t i = 0; i < n; i++)
        sum += v[i];
    return sum - (level > 1 ? x->shared : 0);
}

/* The same of those that are still to come; of a card as full as the fullest counts what there is for any. */
static void fill_most(const struct cards *x, const struct state *st, double most[][SE_BUSY + 1])
{
    for (size_t c = 0; c < x->ncolors; c++) {
        double best = 0;
        most[c][0] = 0;
        for (uint32_t level = 1; level <= SE_BUSY && st->left[c]; level++) {
            if (level < SE_BUSY)
                best = BT_MAX(best, largest(x, st, c, level));
            most[c][level] = level < SE_BUSY ? BT_MIN(best, x->most[c][level]) : x->most[c][level];
        }
    }
}

static void fill_card(struct cards *x, const struct state *st, const double most[][SE_BUSY + 1], size_t color, uint32_t level)
{
    struct filling f;                /* not zeroed: it is large, and its items are few */
    f.st = st;
    f.color = color;
    f.cls = x->s->p->cls[x->card[color]];
    f.level = level;
    f.n = f.forced = 0;
    f.upto[0] = 0;
    struct state after = *st;
    after.left[color]--;
    f.rest = x->base + st->sum + rest_of(x, &after, most, color, level) - (level > 1 ? x->shared : 0);
    if (!fill_items(x, &after, &f)) {
        x->over = true;
        return;
    }
    memset(f.in, 0, f.n * sizeof *f.in);
    pick(x, &f, 0, 0, x->s->p->cap[x->card[color]], 0, 0, UINT64_MAX);
}

/* ---- all cards are filled ---- */

/* All copies with their cards, as the filling has them; the works' shapes, and which card each rank takes, are still open. */
struct standing {
    struct cards *x;
    struct pl_copy copy[MOST_COPIES]; size_t n;
    size_t way[MOST_COPIES];
    size_t works[64], nworks;        /* those that have copies */
    size_t shape[64];                /* [work] */
    struct se_part *part[64]; size_t nparts[64];     /* [work] what is left of it */
    size_t *card[MOST_COPIES];       /* the cards of each, in the order of its pool */
    uint64_t load[BT_MAX_GPUS]; uint32_t tenants[BT_MAX_GPUS];
    struct pl_score was;
    uint64_t steps; bool over;
};

/* Cards of each color as they come; works one copy after the other, as the search has them. */
static void list_copies(struct standing *o, const struct state *st)
{
    const struct cards *x = o->x;
    const struct search *s = x->s;
    uint32_t used[BT_MAX_GPUS] = { 0 };
    struct pl_copy by_id[MOST_COPIES];
    for (size_t i = 0; i < st->begun; i++)
        by_id[i] = (struct pl_copy){ .work = x->copy_work[i], .card = BT_NEWN(x->a, size_t, x->work[x->copy_work[i]].v[x->copy_way[i]].cards) };
    for (size_t i = 0; i < x->nfilled; i++) {
        const struct filled *f = &x->filled[i];
        size_t g = 0;
        for (uint32_t nth = used[f->color]++; se_sets_color(s, g) != f->color || nth--; )
            g++;
        for (size_t j = 0; j < f->n; j++)
            by_id[f->copy[j]].card[by_id[f->copy[j]].ncards++] = g;
    }
    for (size_t d = 0; d < s->p->n; d++)             /* targets before their followers */
        for (size_t i = 0, replica = 0; i < st->begun; i++)
            if (by_id[i].work == s->order[d]) {
                o->way[o->n] = x->copy_way[i];
                o->copy[o->n] = by_id[i];
                o->copy[o->n++].replica = (uint32_t)replica++;
            }
}

static bool same_cards(const struct pl_copy *a, const struct pl_copy *b)
{
    uint64_t x = 0, y = 0;           /* a bit a card: BT_MAX_GPUS of them at most */
    for (uint32_t i = 0; i < a->ncards; i++)
        x |= UINT64_C(1) << a->card[i];
    for (uint32_t i = 0; i < b->ncards; i++)
        y |= UINT64_C(1) << b->card[i];
    return x == y;
}

/* Who is on another's cards is so copy by copy. */
static bool followers_sit_right(const struct standing *o)
{
    for (size_t i = 0; i < o->n; i++)
        for (size_t j = 0; j < o->n; j++) {
            bool follows = o->x->s->p->work[o->copy[i].work].same == o->copy[j].work && o->copy[i].replica == o->copy[j].replica;
            if (follows && !same_cards(&o->copy[i], &o->copy[j]))
                return false;
        }
    return true;
}

static const struct se_shape *shape_of(const struct standing *o, size_t copy)
{
    const struct search *s = o->x->s;
    return &s->work[o->copy[copy].work].shape[o->shape[o->copy[copy].work]];
}

/* With these shapes: as much as the best has? A group is taken to be inside an island. */
static bool serves_enough(const struct standing *o)
{
    const struct search *s = o->x->s;
    struct pl_score most = s->best;
    most.v[BT_GOAL_SERVICE] = most.v[BT_GOAL_SHARED] = 0;
    for (size_t i = 0; i < o->n; i++) {
        const struct se_shape *sh = shape_of(o, i);
        double value = INFINITY;
        uint32_t busy = 1;
        for (uint32_t r = 0; r < o->copy[i].ncards; r++) {
            size_t g = o->card[i][r], cls = s->p->cls[g];
            value = BT_MIN(value, sh->sh->cost ? BT_MAX(sh->value[cls * 2], sh->value[cls * 2 + 1]) : sh->best);
            busy = BT_MAX(busy, o->tenants[g]);
        }
        most.v[BT_GOAL_SERVICE] += se_thousandths(value / busy);
    }
    for (size_t g = 0; g < s->ncards; g++)
        most.v[BT_GOAL_SHARED] -= o->tenants[g] > 1;
    return pl_score_cmp(&most, &s->best, BT_GOAL_FREE) >= 0;
}

static void arrange(struct standing *o, size_t copy);

/* Ranks take cards one after the other: those of a group, and the first ones of equal stages, in the order of the pool. */
static void next_rank(struct standing *o, size_t at, uint32_t rank, size_t cls, uint64_t used)
{
    struct search *s = o->x->s;
    struct pl_copy *c = &o->copy[at];
    const struct se_shape *sh = shape_of(o, at);
    const struct se_work *w = &s->work[c->work];
    if (rank == c->ncards) {
        arrange(o, at + 1);
        return;
    }
    uint32_t stage = rank / sh->tp, from = 0;
    if (rank % sh->tp || (stage && sh->like_before[stage]))
        for (uint32_t r = 0, before = rank % sh->tp ? rank - 1 : rank - sh->tp; r < c->ncards; r++)
            from = o->card[at][r] == c->card[before] ? r + 1 : from;
    for (uint32_t r = from; r < c->ncards && !o->over && !o->x->better; r++) {
        size_t g = o->card[at][r];
        uint64_t floor = se_floor(s, w, sh, cls, rank, g);
        bool kind = !(rank % sh->tp) || !strcmp(s->p->fleet->gpus[g].name, s->p->fleet->gpus[c->card[rank - 1]].name);
        if (used >> r & 1 || !kind || sh->row[cls * sh->pp + stage].need > floor || o->load[g] + floor > s->p->cap[g])
            continue;
        c->card[rank] = g;
        o->load[g] += floor;
        next_rank(o, at, rank + 1, cls, used | UINT64_C(1) << r);
        o->load[g] -= floor;
    }
}

static void arrange(struct standing *o, size_t copy)
{
    struct search *s = o->x->s;
    if (++o->steps > MOST_TRIES || ++o->x->steps > o->x->limit)
        o->over = true;
    if (o->over || o->x->better)
        return;
    if (copy < o->n) {
        o->copy[copy].shape = shape_of(o, copy)->index;
        next_rank(o, copy, 0, pl_cost_class(s->p, o->card[copy], o->copy[copy].ncards), 0);
        return;
    }
    se_try(s, o->copy, o->n);
    o->x->better = pl_score_cmp(&s->best, &o->was, BT_GOAL_FREE) > 0;
}

/* May the work have this shape in all the ways that its copies stand? */
static bool in_all_ways(const struct standing *o, size_t work, size_t shape)
{
    for (size_t i = 0; i < o->n; i++) {
        const struct way *w = &o->x->work[work].v[o->way[i]];
        size_t j = 0;
        if (o->copy[i].work != work)
            continue;
        while (j < o->nparts[work] && (o->part[work][j].shape != shape || o->part[work][j].on != w->on || o->part[work][j].cards != w->cards))
            j++;
        if (j == o->nparts[work])
            return false;
    }
    return true;
}

static void next_shape(struct standing *o, size_t nth)
{
    if (o->over || o->x->better)
        return;
    if (nth == o->nworks) {
        if (serves_enough(o))
            arrange(o, 0);
        return;
    }
    size_t work = o->works[nth];
    for (size_t i = 0; i < o->nparts[work]; i++) {
        bool seen = false;           /* on another kind of card */
        for (size_t j = 0; j < i; j++)
            seen = seen || o->part[work][j].shape == o->part[work][i].shape;
        o->over = o->over || ++o->steps > MOST_TRIES;
        if (seen || !in_all_ways(o, work, o->part[work][i].shape))
            continue;
        o->shape[work] = o->part[work][i].shape;
        next_shape(o, nth + 1);
    }
}

/* A filling that is good enough: all shapes and all ways to take its cards are tried. */
static void stand(struct cards *x, const struct state *st)
{
    bt_auto_arena a = { 0 };
    struct bt_arena *mine = x->a;
    struct standing *o = BT_NEW(&a, struct standing);
    o->x = x;
    o->was = x->s->best;
    x->ends++;
    x->a = &a;
    list_copies(o, st);
    x->a = mine;
    for (size_t i = 0; i < o->n; i++) {
        size_t w = o->copy[i].work;
        pl_in_pool_order(&x->s->p->work[w], o->copy[i].card, o->copy[i].ncards);
        o->card[i] = BT_NEWN(&a, size_t, o->copy[i].ncards);
        for (uint32_t r = 0; r < o->copy[i].ncards; r++) {
            o->card[i][r] = o->copy[i].card[r];
            o->tenants[o->card[i][r]]++;
        }
        if (o->part[w])
            continue;
        o->part[w] = BT_NEWN(&a, struct se_part, MOST_PARTS);
        o->nparts[w] = se_sets_parts(x->s, w, o->part[w], MOST_PARTS);
        o->works[o->nworks++] = w;
    }
    if (followers_sit_right(o))
        next_shape(o, 0);
    else
        o->over = true;
    x->open = x->open || o->over || x->islands || st->mixed;
}

static void next_card(struct cards *x, const struct state *st)
{
    uint8_t key[2 + 8 + BT_MAX_GPUS + 128 + MOST_SEATS * 12];
    bool all = !st->nseats;
    uint32_t come = 0;
    for (size_t i = 0; i < x->s->p->n; i++) {
        all = all && !st->unbegun[i];
        come += st->unbegun[i];
    }
    if (all) {
        if (x->base + st->sum >= x->reached - EPS)
            stand(x, st);
        return;
    }
    come = BT_MIN((uint32_t)(come + st->nseats), st->level);
    size_t n = key_of(x, st, key);
    struct se_way way = se_way_of(key, n);
    if (se_is_dead(x->dead, &way, st->sum))
        return;
    uint64_t ends = x->ends;
    double most[BT_MAX_GPUS][SE_BUSY + 1];
    fill_most(x, st, most);
    for (uint32_t level = come; level >= 1 && !x->over && !x->better; level--)
        for (size_t c = level == st->level ? st->color : 0; c < x->ncolors && !x->over && !x->better; c++)
            if (st->left[c])
                fill_card(x, st, most, c, level);
    if (!x->over && !x->better && x->ends == ends)
        se_dead_add(x->dead, &way, st->sum);
}

/* ---- set up ---- */

static bool add_way(struct cards *x, struct ways *k, const struct se_part *part)
{
    size_t classes = x->s->p->nclasses, i = 0;
    while (i < k->n && (k->v[i].cards != part->cards || k->v[i].on != part->on))
        i++;
    if (i == MOST_WAYS)
        return false;
    struct way *w = &k->v[i];
    if (i == k->n) {
        *w = (struct way){ part->on, part->cards, 0, BT_NEWN(x->a, double, classes * (SE_BUSY + 1)), BT_NEWN(x->a, uint64_t, classes) };
        for (size_t j = 0; j < classes * (SE_BUSY + 1); j++)
            w->value[j] = -1;
        for (size_t c = 0; c < classes; c++)
            w->bytes[c] = UINT64_MAX;
        k->n++;
    }
    w->busy |= part->busy;
    for (size_t c = 0; c < classes; c++) {
        w->bytes[c] = BT_MIN(w->bytes[c], part->least[c]);
        for (unsigned b = 1; b <= SE_BUSY; b++)
            if (part->busy >> b & 1)
                w->value[c * (SE_BUSY + 1) + b] = BT_MAX(w->value[c * (SE_BUSY + 1) + b], part->value[c * (SE_BUSY + 1) + b]);
    }
    return true;
}

static bool fill_ways(struct cards *x)
{
    struct search *s = x->s;
    struct se_part part[MOST_PARTS];
    for (size_t i = 0; i < s->p->n; i++) {
        struct ways *k = &x->work[i];
        if (s->p->work[i].cpu_only || !s->copies_most[i])
            continue;
        if (s->copies_least[i] != s->copies_most[i] || s->copies_most[i] > MOST_SEATS)
            return false;
        size_t n = se_sets_parts(s, i, part, BT_LEN(part));
        if (n > BT_LEN(part))
            return false;
        for (size_t j = 0; j < n; j++)
            if (!add_way(x, k, &part[j]))
                return false;
        k->price = se_sets_price(s, i);
        k->copies = s->copies_most[i];
        x->base += k->price * k->copies;
    }
    return true;
}

/* Colors that each way may stand on. */
static void fill_goes(struct cards *x)
{
    const struct pl_problem *p = x->s->p;
    for (size_t i = 0; i < p->n; i++)
        for (size_t j = 0; j < x->work[i].n; j++)
            for (size_t c = 0; c < x->ncolors; c++) {
                struct way *w = &x->work[i].v[j];
                size_t g = x->card[c];
                w->goes |= (uint64_t)(p->work[i].pos[g] >= 0 && pl_card_for(p, w->cards, g) && w->bytes[p->cls[g]] <= p->cap[g]) << c;
            }
}

enum se_fit se_cards(struct search *s, uint64_t nodes)
{
    bt_auto_arena a = { 0 };
    struct cards x = { .s = s, .a = &a, .limit = nodes * STEPS_EACH };
    struct state st = { .last = UINT64_MAX };     /* no card before: any set may come first */
    if (s->p->n > 64)
        return SE_FIT_UNKNOWN;
    x.work = BT_NEWN(&a, struct ways, s->p->n);
    x.dead = se_dead_new(&a);
    x.reached = (double)s->best.v[BT_GOAL_SERVICE] + ((double)s->best.v[BT_GOAL_SHARED] - 0.5) / (double)s->shared_parts;
    x.shared = 1.0 / (double)s->shared_parts;
    if (!fill_ways(&x))
        return SE_FIT_UNKNOWN;
    for (size_t i = 0; i < s->p->n; i++)
        for (size_t j = 0; j < s->p->n; j++)
            x.friends[i] |= (uint64_t)s->p->may_share[i * s->p->n + j] << j;
    x.ncolors = se_sets_colors(s, x.card, x.most);
    fill_goes(&x);
    for (size_t g = 0; g < s->ncards; g++)
        st.left[se_sets_color(s, g)]++;
    for (size_t g = 0; g < s->ncards; g++)
        x.islands = x.islands || s->p->fleet->gpus[g].island != s->p->fleet->gpus[x.card[se_sets_color(s, g)]].island;
    for (size_t i = 0; i < s->p->n; i++) {
        st.unbegun[i] = (uint8_t)x.work[i].copies;
        st.level += x.work[i].copies;
    }
    if (st.level <= MOST_COPIES && may_end(&x, &st))
        next_card(&x, &st);
    x.over = x.over || st.level > MOST_COPIES;
    s->nodes += x.steps / STEPS_EACH;
    return x.better ? SE_FITS : x.over || x.open ? SE_FIT_UNKNOWN : SE_FITS_NOT;
}

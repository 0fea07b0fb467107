/* sets_walk - the best set of ranks for one card at given prices: a walk over its sets, best gains first, cut short after so many steps and bounded then. */
#include <math.h>
#include <string.h>

#include "plan/sets_int.h"

#define WALK_STEPS 4000u             /* of one walk; what is left then is bounded from above */
#define PARTS 256u                   /* of the room, where a walk is cut short */
#define EPS 1e-9

bool ss_live(const struct search *s, const struct se_sets *t, size_t u)
{
    size_t w = t->unit[u].work;
    return t->busy[u] && (!s->settled[w] || s->shape_of[w] == t->unit[u].shape);
}

unsigned ss_fullest(const struct se_sets *t, size_t u, unsigned tenants)
{
    unsigned left = t->busy[u] & ~((1u << BT_MIN(BT_MAX(tenants, t->unit[u].busy), SE_BUSY)) - 1);
    return left ? (unsigned)__builtin_ctz(left) : 0;
}

double ss_worth(double thousandths, unsigned busy, uint32_t cards) { return (double)se_floor_of(thousandths / busy + 2e-6) / cards; }

double ss_gain(const struct se_sets *t, size_t u, size_t cls, unsigned busy)
{
    const struct ss_unit *x = &t->unit[u];
    return (t->room_only ? 0 : x->value[cls * (SE_BUSY + 1) + busy]) - t->price[x->work] / x->cards;
}

unsigned ss_first_level(const struct se_sets *t) { return t->room_only ? SE_BUSY : 1; }

/* The first may be in every set that the other is in. Who must have somebody as wide beside it (`same_gpus_as`) has other company on other numbers of
 * cards. */
static bool stands_for(const struct se_sets *t, const struct ss_item *x, const struct ss_item *y)
{
    return x->gain >= y->gain && x->bytes <= y->bytes && (!(t->tied >> x->work & 1) || t->unit[x->unit].cards == t->unit[y->unit].cards);
}

/* With bytes at this price: the room, and the best of each work that gain more than theirs, so many at most. */
static double all_at(const struct search *s, const struct ss_items *o, unsigned tenants, double room, double by_byte)
{
    double best[SS_WORKS] = { 0 }, sum = by_byte * room;
    for (size_t i = 0; i < o->n; i++)
        best[o->v[i].work] = BT_MAX(best[o->v[i].work], o->v[i].gain - by_byte * (double)o->v[i].bytes);
    for (unsigned left = tenants < SE_BUSY ? tenants : UINT32_MAX; left; ) {
        size_t w = 0;
        for (size_t i = 1; i < s->p->n; i++)
            w = best[i] > best[w] ? i : w;
        if (!(best[w] > 0))
            break;
        unsigned n = BT_MIN(left, s->copies_most[w]);
        sum += best[w] * n;
        left -= n;
        best[w] = 0;
    }
    return sum;
}

/* A price of bytes that bounds all sets of an empty card well, and orders the walk: none, or what the last of those gains by the byte that fill the card,
 * the densest first. */
static void price_bytes(const struct search *s, struct ss_items *o, unsigned tenants, double room)
{
    double dense[SS_UNITS], left = room;
    o->by_byte = 0;
    for (size_t i = 0; i < o->n; i++)
        dense[i] = o->v[i].gain > 0 && o->v[i].bytes ? o->v[i].gain / (double)o->v[i].bytes : 0;
    while (left > 0) {
        size_t best = o->n;
        for (size_t i = 0; i < o->n; i++)
            if (dense[i] > 0 && (best == o->n || dense[i] > dense[best]))
                best = i;
        if (best == o->n)
            break;
        left -= (double)o->v[best].bytes * s->copies_most[o->v[best].work];
        o->by_byte = left > 0 ? 0 : dense[best];
        for (size_t i = 0; i < o->n; i++)            /* its work is there as often as it can */
            dense[i] = o->v[i].work == o->v[best].work ? 0 : dense[i];
    }
    if (all_at(s, o, tenants, room, 0) <= all_at(s, o, tenants, room, o->by_byte))
        o->by_byte = 0;
    for (size_t i = 0; i < o->n; i++)
        o->v[i].beyond = o->v[i].gain - o->by_byte * (double)o->v[i].bytes;
}

/* Who would add something to a card of that color. A shape that takes no less and gains no more than another of its workload is left out. */
static void fill_items(const struct search *s, const struct se_sets *t, const struct ss_color *c, unsigned tenants, struct ss_items *o)
{
    size_t n = 0, from = 0, cls = s->p->cls[c->card];
    for (size_t i = 0; i < c->nunits; i++) {         /* those of one work come together */
        size_t u = c->unit[i];
        const struct ss_unit *x = &t->unit[u];
        unsigned busy = BT_MIN(x->busy, SE_BUSY) > tenants || !ss_live(s, t, u) ? 0 : ss_fullest(t, u, tenants);
        if (n && o->v[n - 1].work != x->work)
            from = n;
        if (!busy)
            continue;
        struct ss_item one = { .work = (uint32_t)x->work, .unit = (uint32_t)u, .gain = ss_gain(t, u, cls, busy), .bytes = x->least[cls] };
        bool beaten = one.gain <= EPS && !(t->tied >> x->work & 1);
        for (size_t j = from; j < n && !beaten; j++)
            beaten = stands_for(t, &o->v[j], &one);
        if (beaten)
            continue;
        size_t kept = from;
        for (size_t j = from; j < n; j++)
            if (!stands_for(t, &one, &o->v[j]))
                o->v[kept++] = o->v[j];
        n = kept;
        o->v[n++] = one;
    }
    o->n = n;
    o->most = 0;
    for (size_t i = 0; i < n; i++)
        o->most = BT_MAX(o->most, o->v[i].gain);
    price_bytes(s, o, tenants, (double)s->p->cap[c->card]);
    for (size_t i = 1; i < n; i++) {
        struct ss_item one = o->v[i];
        size_t j = i;
        for (; j > 0 && o->v[j - 1].beyond < one.beyond; j--)
            o->v[j] = o->v[j - 1];
        o->v[j] = one;
    }
}

static bool sits(const struct ss_walk *w, size_t work, uint32_t cards)
{
    bool is = w->seated >> work & 1 && w->seated_cards[work] == cards;
    for (size_t i = 0; i < w->depth && !is; i++)
        is = w->item[w->at[i]].work == work && w->t->unit[w->item[w->at[i]].unit].cards == cards;
    return is;
}

static bool has_company(const struct ss_walk *w, size_t work, uint32_t cards)
{
    for (uint64_t left = w->t->needs[work]; left; left &= left - 1)
        if (!sits(w, (size_t)__builtin_ctzll(left), cards))
            return false;
    return true;
}

/* Everybody's needs are there, as wide as who needs them: they are on the same cards. in: who is there. */
static bool is_closed(const struct ss_walk *w, uint64_t in)
{
    uint64_t needs = 0;
    for (uint64_t left = in & w->t->tied; left; left &= left - 1)
        needs |= w->t->needs[__builtin_ctzll(left)];
    if (needs & ~in)
        return false;
    for (uint64_t left = w->seated & w->t->tied; left; left &= left - 1)
        if (!has_company(w, (size_t)__builtin_ctzll(left), w->seated_cards[__builtin_ctzll(left)]))
            return false;
    for (size_t i = 0; i < w->depth && needs; i++)
        if (!has_company(w, w->item[w->at[i]].work, w->t->unit[w->item[w->at[i]].unit].cards))
            return false;
    return true;
}

static void set_found(struct ss_walk *w, double sum)
{
    double worth = sum - (w->sitting + w->depth > 1 ? w->t->shared : 0);
    uint64_t in = w->seated;
    if (worth <= w->best || (!w->depth && !w->sitting))
        return;
    for (size_t i = 0; i < w->depth; i++)
        in |= UINT64_C(1) << w->item[w->at[i]].work;
    if (in & w->t->tied && !is_closed(w, in))
        return;
    w->best = worth;
    w->best_level = w->level;
    w->nbest = w->depth;
    memcpy(w->best_at, w->at, w->depth * sizeof *w->at);
}

/* What the item and all after it add at most: whatever their bytes; beyond the price of them; one of them. */
struct rest { double gain, beyond, most; };

/* Of from[0..n-1] those that may still come. */
static size_t may_come(const struct ss_walk *w, const uint16_t *from, size_t n, uint64_t open, uint64_t room, uint16_t *at, struct rest *rest)
{
    double gain[SS_WORKS], beyond[SS_WORKS];
    struct rest sum = { 0 };
    size_t kept = 0;
    memset(gain, 0, w->s->p->n * sizeof *gain);
    memset(beyond, 0, w->s->p->n * sizeof *beyond);
    for (size_t i = 0; i < n; i++) {
        const struct ss_item *x = &w->item[from[i]];
        if (open >> x->work & 1 && x->bytes <= room)
            at[kept++] = from[i];
    }
    for (size_t i = kept; i-- > 0; ) {
        const struct ss_item *x = &w->item[at[i]];
        if (x->gain > gain[x->work]) {
            sum.gain += (x->gain - gain[x->work]) * w->s->copies_most[x->work];
            gain[x->work] = x->gain;
        }
        if (x->beyond > beyond[x->work]) {
            sum.beyond += (x->beyond - beyond[x->work]) * w->s->copies_most[x->work];
            beyond[x->work] = x->beyond;
        }
        sum.most = BT_MAX(sum.most, x->gain);
        rest[i] = sum;
    }
    return kept;
}

/* copies: of the last item taken, which may come again. */
static void walk_sets(struct ss_walk *w, const uint16_t *from, size_t n, uint64_t open, uint64_t room, double sum, uint32_t copies)
{
    uint16_t at[SS_UNITS];
    struct rest rest[SS_UNITS];
    uint32_t taken = w->sitting + (uint32_t)w->depth, more = w->level < SE_BUSY ? w->level - BT_MIN(w->level, taken) : (uint32_t)(BT_LEN(w->at) - w->depth);
    w->cut = w->cut || ++w->steps > WALK_STEPS;
    set_found(w, sum);
    if (!more || !n || w->cut)
        return;
    n = may_come(w, from, n, open, room, at, rest);
    for (size_t i = 0; i < n; i++) {
        const struct ss_item *x = &w->item[at[i]];
        size_t last = w->depth ? w->at[w->depth - 1] : PL_NONE;
        double most = BT_MIN(rest[i].gain, rest[i].most * more), beyond = BT_MIN(rest[i].beyond, BT_MAX(x->beyond, 0.0) * more);
        if (sum + BT_MIN(most, w->by_byte * (double)room + beyond) <= w->best)
            return;
        if (last != PL_NONE && w->item[last].work == x->work && last != at[i])
            continue;                /* all copies of a work have one shape */
        if (more == 1) {             /* the last one: as below, without a walk of nothing */
            w->at[w->depth++] = at[i];
            w->cut = ++w->steps > WALK_STEPS;
            set_found(w, sum + x->gain);
            w->depth--;
            if (w->cut)
                return;
            continue;
        }
        uint32_t mine = last == at[i] ? copies + 1 : 1, all = w->s->copies_most[x->work];
        uint64_t beside = open & w->t->friends[x->work];
        if (mine >= all)
            beside &= ~(UINT64_C(1) << x->work);
        w->at[w->depth++] = at[i];
        walk_sets(w, at + i, n - i, beside, room - x->bytes, sum + x->gain, mine);
        w->depth--;
        if (w->cut)
            return;
    }
}

/* What copies of works gain that fill the room, or so many: the densest first, the last one in part. */
static double fill_up(const struct ss_walk *w, const double *gain, const double *bytes, double room, double count)
{
    bool used[64] = { false };
    double sum = 0;
    while (room > 0 && count > 0) {
        size_t best = 64;
        for (size_t i = 0; i < w->s->p->n; i++)
            if (!used[i] && gain[i] > 0 && (best == 64 || gain[i] * bytes[best] > gain[best] * bytes[i]))
                best = i;
        if (best == 64)
            break;
        double n = BT_MIN(count, (double)w->s->copies_most[best]);
        n = bytes[best] > 0 ? BT_MIN(n, room / bytes[best]) : n;
        sum += n * gain[best];
        room -= n * bytes[best];
        count -= n;
        used[best] = true;
    }
    return sum;
}

/* One more copy of a work: table[tenants][parts] of those before it; seats: 0 = one row, any number may sit. */
static void one_more(double (*table)[PARTS + 1], unsigned seats, size_t takes, double gain)
{
    for (unsigned n = BT_MAX(seats, 1u); n > 0; n--) {
        double *to = table[seats ? n : 0], *from = table[seats ? n - 1 : 0];
        for (size_t parts = PARTS + 1; parts-- > takes; )
            to[parts] = BT_MAX(to[parts], from[parts - takes] + gain);
    }
}

/* The same by a table over parts of the room: each work so often as it has copies, in its best gain and its fewest bytes, which count as fewer parts than they
 * are, whoever may share. */
static double adds_by_parts(const struct ss_walk *w, const double *gain, const double *bytes, double room)
{
    double table[SE_BUSY][PARTS + 1] = { 0 };
    unsigned seats = w->level < SE_BUSY ? w->level - BT_MIN(w->level, w->sitting) : 0;
    for (size_t work = 0; work < w->s->p->n; work++)
        for (uint32_t k = 0; k < w->s->copies_most[work] && gain[work] > 0 && bytes[work] <= room; k++)
            one_more(table, seats, room > 0 ? (size_t)(bytes[work] * PARTS / room) : 0, gain[work]);
    return table[seats][PARTS];
}

/* No set of these adds more: each work with its best gain in its fewest bytes, the densest first, however many; or the best gains of so many, whatever
 * their bytes. */
static double adds_at_most(const struct ss_walk *w, const struct ss_items *items, double room)
{
    double gain[64] = { 0 }, bytes[64] = { 0 }, one[64], count = w->level < SE_BUSY ? w->level - BT_MIN(w->level, w->sitting) : (double)BT_LEN(w->at);
    for (size_t i = 0; i < items->n; i++) {
        const struct ss_item *x = &items->v[i];
        bytes[x->work] = gain[x->work] > 0 ? BT_MIN(bytes[x->work], (double)x->bytes) : (double)x->bytes;
        gain[x->work] = BT_MAX(gain[x->work], x->gain);
    }
    for (size_t i = 0; i < 64; i++)
        one[i] = 1;
    return BT_MIN(BT_MIN(fill_up(w, gain, bytes, room, INFINITY), fill_up(w, gain, one, INFINITY, count)), adds_by_parts(w, gain, bytes, room));
}

void ss_walk_level(struct ss_walk *w, const struct ss_items *items, uint64_t open, uint64_t room, double base)
{
    uint16_t all[SS_UNITS];
    if (w->sitting ? false : !items->n || (w->level < SE_BUSY && base + items->most * w->level <= w->best))
        return;                      /* nothing better, and nobody there who is a set alone */
    w->item = items->v;
    w->by_byte = items->by_byte;
    for (size_t i = 0; i < items->n; i++)
        all[i] = (uint16_t)i;
    walk_sets(w, all, items->n, open, room, base, 0);
    if (w->cut)
        w->best = BT_MAX(w->best, base + adds_at_most(w, items, (double)room));
    w->s->sets->steps += w->steps;
    w->steps = 0;
    w->cut = false;
}

void ss_fill_items(const struct search *s, struct se_sets *t)
{
    for (size_t i = 0; i < t->ncolors; i++)
        for (unsigned k = ss_first_level(t); k <= SE_BUSY; k++)
            fill_items(s, t, &t->color[i], k, &t->color[i].level[k]);
}

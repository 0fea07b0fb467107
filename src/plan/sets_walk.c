/* sets_walk - the best set of ranks for one card at given prices: a walk over its sets, best gains first. Where there are many, a table of what the works to
 * come add at most leads another walk, work by work; that is cut short after so many steps and bounded. Two works that must have each other are one item. */
#include <math.h>
#include <string.h>

#include "plan/sets_int.h"

#define CELLS_A_STEP 48u             /* so many of its cells are as much work as a step */
#define PARTS 256u                   /* of the room, in tables */
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

double ss_gain(const struct search *s, const struct se_sets *t, size_t u, size_t color, unsigned busy)
{
    const struct ss_unit *x = &t->unit[u];
    size_t cls = s->p->cls[t->color[color].card];
    return (t->room_only ? 0 : x->value[cls * (SE_BUSY + 1) + busy]) - t->price[x->work] / x->cards - t->own[u * t->ncolors + color];
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
    double best[SS_WORKS], sum = by_byte * room;
    memset(best, 0, s->p->n * sizeof *best);
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
    double dense[SS_UNITS + SS_PAIRS], left = room;
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
    size_t n = 0, from = 0, cls = s->p->cls[c->card], color = (size_t)(c - t->color);
    for (size_t i = 0; i < c->nunits; i++) {         /* those of one work come together */
        size_t u = c->unit[i];
        if (!t->parted[u] || !t->busy[u])
            continue;
        const struct ss_unit *x = &t->unit[u];
        unsigned busy = BT_MIN(x->busy, SE_BUSY) > tenants || !ss_live(s, t, u) ? 0 : ss_fullest(t, u, tenants);
        if (n && o->v[n - 1].work != x->work)
            from = n;
        if (!busy)
            continue;
        struct ss_item one = { .work = (uint32_t)x->work, .unit = (uint32_t)u, .with = UINT32_MAX, .works = UINT64_C(1) << x->work,
                               .gain = ss_gain(s, t, u, color, busy), .bytes = x->least[cls] };
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
    o->cap = s->p->cap[c->card];
}

static void order_items(const struct search *s, unsigned tenants, struct ss_items *o)
{
    o->table->made = false;
    o->most = 0;
    for (size_t i = 0; i < o->n; i++)
        o->most = BT_MAX(o->most, o->v[i].gain);
    price_bytes(s, o, tenants, (double)o->cap);
    for (size_t i = 1; i < o->n; i++) {
        struct ss_item one = o->v[i];
        size_t j = i;
        for (; j > 0 && o->v[j - 1].beyond < one.beyond; j--)
            o->v[j] = o->v[j - 1];
        o->v[j] = one;
    }
}

/* Of the items each by itself: who must have each other become one, in all widths that both have. False: too many. */
static bool join_pairs(const struct se_sets *t, const struct ss_items *from, struct ss_items *o)
{
    o->n = 0;
    o->cap = from->cap;
    for (size_t i = 0; i < from->n; i++) {
        const struct ss_item *x = &from->v[i];
        size_t other = t->pair[x->work], first = o->n;
        for (size_t j = 0; j < from->n && other != PL_NONE && x->work < other; j++) {
            const struct ss_item *y = &from->v[j];
            struct ss_item both = { x->work, x->unit, y->unit, x->gain + y->gain, 0, x->bytes + y->bytes, x->works | y->works };
            bool beaten = y->work != other || t->unit[y->unit].cards != t->unit[x->unit].cards || both.gain <= EPS;
            for (size_t k = first; k < o->n && !beaten; k++)
                beaten = o->v[k].gain >= both.gain && o->v[k].bytes <= both.bytes;
            if (beaten)
                continue;
            if (o->n >= from->n + SS_PAIRS - 1)
                return false;
            o->v[o->n++] = both;
        }
        if (other == PL_NONE)
            o->v[o->n++] = *x;
    }
    return true;
}

const struct ss_items *ss_items_of(const struct se_sets *t, const struct ss_color *c, unsigned level, uint64_t seated)
{
    return seated & t->tied ? &c->alone[level] : &c->level[level];
}

static bool is_one(const struct ss_walk *w, const struct ss_item *x, size_t work, uint32_t cards)
{
    bool with = x->with != UINT32_MAX && w->t->unit[x->with].work == work;
    return (x->work == work || with) && w->t->unit[x->unit].cards == cards;
}

static bool sits(const struct ss_walk *w, size_t work, uint32_t cards)
{
    bool is = w->seated >> work & 1 && w->seated_cards[work] == cards;
    for (size_t i = 0; i < w->depth && !is; i++)
        is = is_one(w, &w->item[w->at[i]], work, cards);
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

static uint32_t seats_of(const struct ss_item *x) { return x->with == UINT32_MAX ? 1 : 2; }

/* Who may come after it, beside those who could. */
static uint64_t beside(const struct se_sets *t, const struct ss_item *x, uint64_t open)
{
    return open & t->friends[x->work] & (x->with == UINT32_MAX ? UINT64_MAX : t->friends[t->unit[x->with].work]);
}

static void set_found(struct ss_walk *w, double sum)
{
    double worth = sum - (w->sitting + w->taken > 1 ? w->t->shared : 0);
    uint64_t in = w->seated;
    if (worth <= w->best || (!w->depth && !w->sitting))
        return;
    for (size_t i = 0; i < w->depth; i++)
        in |= w->item[w->at[i]].works;
    if (in & w->t->tied && !is_closed(w, in))
        return;
    w->best = worth;
    w->best_level = w->level;
    w->nbest = w->depth;
    memcpy(w->best_at, w->at, w->depth * sizeof *w->at);
    w->done = w->best >= w->enough;
    w->cut = w->cut || w->done;
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
        if (!(x->works & ~open) && x->bytes <= room)
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

static void take(struct ss_walk *w, uint16_t item)
{
    w->at[w->depth++] = item;
    w->taken += seats_of(&w->item[item]);
    w->copies[w->item[item].work]++;
    w->shape[w->item[item].work] = w->t->unit[w->item[item].unit].shape;
}

static void take_back(struct ss_walk *w)
{
    const struct ss_item *x = &w->item[w->at[--w->depth]];
    w->taken -= seats_of(x);
    w->copies[x->work]--;
}

/* All copies of a work have one shape. */
static bool other_shape(const struct ss_walk *w, const struct ss_item *x)
{
    return w->copies[x->work] && w->shape[x->work] != w->t->unit[x->unit].shape;
}

/* One more, the last: walk_sets() where one seat is left. The best of those to come and what bytes cost bound it: all from[] are in the order of `beyond`. */
static void walk_last(struct ss_walk *w, const uint16_t *from, size_t n, uint64_t open, uint64_t room, double sum)
{
    uint16_t at[SS_UNITS + SS_PAIRS];
    double most[SS_UNITS + SS_PAIRS + 1];
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        const struct ss_item *x = &w->item[from[i]];
        at[kept] = from[i];
        kept += !(x->works & ~open) && x->bytes <= room;
    }
    most[kept] = 0;
    for (size_t i = kept; i-- > 0; )
        most[i] = BT_MAX(most[i + 1], w->item[at[i]].gain);
    for (size_t i = 0; i < kept && !w->cut; i++) {
        const struct ss_item *x = &w->item[at[i]];
        if (sum + BT_MIN(most[i], w->by_byte * (double)room + BT_MAX(x->beyond, 0.0)) <= w->best)
            return;
        if (seats_of(x) > 1 || other_shape(w, x))
            continue;
        w->cut = ++w->steps > w->most_steps;
        take(w, at[i]);
        set_found(w, sum + x->gain);
        take_back(w);
    }
}

static void walk_sets(struct ss_walk *w, const uint16_t *from, size_t n, uint64_t open, uint64_t room, double sum)
{
    uint16_t at[SS_UNITS + SS_PAIRS];
    struct rest rest[SS_UNITS + SS_PAIRS];
    uint32_t taken = w->sitting + w->taken, more = w->level < SE_BUSY ? w->level - BT_MIN(w->level, taken) : (uint32_t)(BT_LEN(w->at) - w->depth);
    w->cut = w->cut || ++w->steps > w->most_steps;
    set_found(w, sum);
    if (!more || !n || w->cut)
        return;
    if (more == 1) {
        walk_last(w, from, n, open, room, sum);
        return;
    }
    n = may_come(w, from, n, open, room, at, rest);
    for (size_t i = 0; i < n; i++) {
        const struct ss_item *x = &w->item[at[i]];
        double most = BT_MIN(rest[i].gain, rest[i].most * more), beyond = BT_MIN(rest[i].beyond, BT_MAX(x->beyond, 0.0) * more);
        if (sum + BT_MIN(most, w->by_byte * (double)room + beyond) <= w->best)
            return;
        if (seats_of(x) > more || other_shape(w, x))
            continue;
        take(w, at[i]);
        uint64_t next = beside(w->t, x, open) & ~(w->copies[x->work] >= w->s->copies_most[x->work] ? x->works : 0);
        walk_sets(w, at + i, n - i, next, room - x->bytes, sum + x->gain);
        take_back(w);
        if (w->cut)
            return;
    }
}

/* ---- with a table ---- */

static double *row_of(const struct ss_table *o, size_t k, size_t seats) { return &o->most[(k * (o->seats + 1) + seats) * (PARTS + 1)]; }

static void group_items(struct ss_table *o, const struct ss_items *items)
{
    o->ngroups = 0;
    for (size_t i = 0; i < items->n; i++) {
        size_t k = 0;
        while (k < o->ngroups && o->group[k].work != items->v[i].work)
            k++;
        if (k == o->ngroups)
            o->group[o->ngroups++] = (struct ss_group){ .work = items->v[i].work };
        o->group[k].bytes = BT_MAX(o->group[k].bytes, items->v[i].bytes);
    }
    uint16_t at = 0;
    for (size_t k = 0; k < o->ngroups; k++) {
        struct ss_group g = o->group[k];
        size_t j = k;
        for (; j > 0 && o->group[j - 1].bytes < g.bytes; j--)
            o->group[j] = o->group[j - 1];
        o->group[j] = g;
    }
    for (size_t k = 0; k < o->ngroups; k++) {
        o->group[k].from = at;
        for (size_t i = 0; i < items->n; i++)
            if (items->v[i].work == o->group[k].work)
                o->item[at++] = (uint16_t)i;
        o->group[k].n = (uint16_t)(at - o->group[k].from);
    }
}

/* How many copies of the work may sit on one card. */
static uint32_t most_on_card(const struct search *s, size_t work)
{
    return s->sets->friends[work] >> work & 1 ? s->copies_most[work] : 1;
}

/* One copy more of the group's work, in any of its items. */
static uint64_t one_more_of(const struct ss_table *o, const struct ss_items *items, size_t k)
{
    size_t cells = (o->seats + 1) * (PARTS + 1);
    double *to = row_of(o, k, 0), *was = row_of(o, o->ngroups + 1, 0);
    uint64_t took = cells;
    memcpy(was, to, cells * sizeof *was);
    for (size_t i = 0; i < o->group[k].n; i++) {
        const struct ss_item *x = &items->v[o->item[o->group[k].from + i]];
        size_t takes = (size_t)((double)x->bytes / o->part), n = seats_of(x);
        if (x->gain <= 0)
            continue;
        for (size_t q = o->seats ? n : 0; q <= o->seats && takes <= PARTS; q++) {
            double *cell = to + q * (PARTS + 1) + takes;
            const double *from = was + (o->seats ? q - n : 0) * (PARTS + 1);
            for (size_t p = 0; p <= PARTS - takes; p++)
                cell[p] = BT_MAX(cell[p], from[p] + x->gain);
            took += PARTS - takes;
        }
    }
    return took;
}

static uint64_t fill_row(const struct search *s, const struct ss_table *o, const struct ss_items *items, size_t k)
{
    uint64_t took = 0;
    memcpy(row_of(o, k, 0), row_of(o, k + 1, 0), (o->seats + 1) * (PARTS + 1) * sizeof *o->most);
    for (uint32_t m = 0; m < most_on_card(s, o->group[k].work); m++)
        took += one_more_of(o, items, k);
    return took;
}

/* Returns the steps that it took. */
static uint64_t make_table(const struct search *s, const struct ss_items *items, unsigned level)
{
    struct ss_table *o = items->table;
    uint64_t cells = 0;
    if (!o->most) {
        o->group = BT_NEWN(s->sets->a, struct ss_group, s->p->n + 1);
        o->item = BT_NEWN(s->sets->a, uint16_t, s->sets->nunits + SS_PAIRS);
        o->seats = level < SE_BUSY ? level : 0;
        o->most = BT_NEWN(s->sets->a, double, (s->p->n + 2) * (o->seats + 1) * (PARTS + 1));
    }
    group_items(o, items);
    o->part = BT_MAX((double)items->cap, 1.0) / PARTS;
    memset(row_of(o, o->ngroups, 0), 0, (o->seats + 1) * (PARTS + 1) * sizeof *o->most);
    for (size_t k = o->ngroups; k-- > 0; )
        cells += fill_row(s, o, items, k);
    o->made = true;
    return cells / CELLS_A_STEP;
}

static double adds_by_table(const struct ss_table *o, size_t k, uint64_t room, size_t seats)
{
    return row_of(o, k, seats)[(size_t)BT_MIN(ceil((double)room / o->part), (double)PARTS)];
}

/* From item `from` of group k on, of whose work so many copies may still come. */
static void walk_groups(struct ss_walk *w, const struct ss_table *o, size_t k, size_t from, uint32_t copies, uint64_t open, uint64_t room, double sum)
{
    size_t seats = o->seats ? o->seats - BT_MIN(w->sitting + w->taken, o->seats) : 0;
    w->cut = w->cut || ++w->steps > w->most_steps;
    if (k == o->ngroups || w->cut || (o->seats && !seats) || sum + adds_by_table(o, k, room, seats) <= w->best)
        return;
    const struct ss_group *g = &o->group[k];
    for (size_t i = from; i < g->n && copies && w->depth < BT_LEN(w->at); i++) {
        const struct ss_item *x = &w->item[o->item[g->from + i]];
        if (other_shape(w, x) || x->works & ~open || x->bytes > room || (o->seats && seats_of(x) > seats))
            continue;
        take(w, o->item[g->from + i]);
        set_found(w, sum + x->gain);
        walk_groups(w, o, k, i, copies - 1, beside(w->t, x, open), room - x->bytes, sum + x->gain);
        take_back(w);
    }
    if (k + 1 < o->ngroups)
        walk_groups(w, o, k + 1, 0, most_on_card(w->s, o->group[k + 1].work), open, room, sum);
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
    uint16_t all[SS_UNITS + SS_PAIRS];
    if (w->sitting ? false : !items->n || (w->level < SE_BUSY && base + items->most * w->level <= w->best))
        return;                      /* nothing better, and nobody there who is a set alone */
    w->item = items->v;
    w->by_byte = items->by_byte;
    for (size_t i = 0; i < items->n; i++)
        all[i] = (uint16_t)i;
    w->most_steps = w->few;
    walk_sets(w, all, items->n, open, room, base);
    size_t seats = w->level < SE_BUSY ? w->level - BT_MIN(w->level, w->sitting) : 0;
    if (w->cut && !w->done) {
        if (!items->table->made)
            w->steps += make_table(w->s, items, w->level);
        w->cut = false;
        w->depth = 0;
        if (w->rough) {
            w->best = BT_MAX(w->best, base + adds_by_table(items->table, 0, room, seats));
        } else {
            w->most_steps = w->steps + w->many;
            walk_groups(w, items->table, 0, 0, most_on_card(w->s, items->table->group[0].work), open, room, base);
        }
    }
    if (w->cut && !w->done)
        w->best = BT_MAX(w->best, base + BT_MIN(adds_at_most(w, items, (double)room), adds_by_table(items->table, 0, room, seats)));
    w->s->sets->steps += w->steps;
    w->steps = 0;
    w->cut = false;
    w->depth = 0;
}

void ss_fill_items(const struct search *s, struct se_sets *t)
{
    ss_fill_own(s, t);
    for (size_t i = 0; i < t->ncolors; i++)
        for (unsigned k = ss_first_level(t); k <= SE_BUSY; k++) {
            struct ss_color *c = &t->color[i];
            struct ss_items *alone = t->tied ? &c->alone[k] : &c->level[k];
            fill_items(s, t, c, k, alone);
            if (t->tied && !join_pairs(t, alone, &c->level[k])) {
                memcpy(c->level[k].v, alone->v, alone->n * sizeof *alone->v);
                c->level[k].n = alone->n;
            }
            order_items(s, k, &c->level[k]);
            if (t->tied)
                order_items(s, k, alone);
        }
}

/* fill - the best set of ranks for one card. A walk over workloads, those first that are worth most beyond a price for their bytes; a branch ends where the
 * rest cannot pass the best: each seat left takes the next best (bytes at their price), or the j-th largest of those to come has a j-th of the room.
 *
 * Where the walk is cut short, a table over parts of the room says what no set passes. */
#include <math.h>
#include <string.h>

#include "plan/columns.h"

#define EPS 1e-6
#define STAIRS 256u                  /* parts of the room */
#define PARTS 1024u                  /* the same, for a walk that goes on for long */
#define COUNTED 8u                   /* so many seats at most are counted by its table; more have a price there */
#define FIRST_STEPS 300u             /* of a walk without it: most end before */
#define TIED 8u                      /* so many workloads that hang on each other are told apart */

struct item { uint32_t unit; double gain; uint64_t bytes; };
/* A work; how many of its ranks may sit on the card; the best of its items beyond the price of its bytes. */
struct member { size_t work, first, n; uint32_t most; double red; size_t flat; };

struct co_fill {
    struct item *item; size_t nitems;
    struct member member[65]; size_t nmembers, ntied;                /* tied ones come first */
    unsigned seats;
    double room, lambda;
    double tied_rest[65];            /* what those from here on add at most */
    double sum[64 * CO_SEATS + 1];   /* of the first so many ranks, tied works left out */
    double stair[STAIRS + 1];        /* the most that a rank gains in so many parts of the room */
    double table[(CO_SEATS + 1) * (STAIRS + 1)];
    double seat, *rest; bool tabled; /* what a seat is worth, about, or 0 where they are counted; the most that members from each on add beyond their seats in
                                      * so much of the room: [((nmembers + 1) * rows + seats) * (PARTS + 1)], once it is made */
    unsigned rows;                   /* 1, or one for each number of seats */
    uint32_t at[CO_SEATS], best_at[CO_SEATS]; unsigned depth, nbest;
    double best; uint64_t left;
};

struct co_fill *co_fill_new(const struct columns *c)
{
    struct co_fill *f = BT_NEW(c->a, struct co_fill);
    f->item = BT_NEWN(c->a, struct item, c->nunits + 1);
    f->rest = BT_NEWN(c->a, double, (c->nworks + 1) * (COUNTED + 1) * (PARTS + 1));
    return f;
}

static bool is_tied(const struct columns *c, size_t work) { return c->tied >> work & 1; }

static bool is_out(const struct columns *c, size_t unit)
{
    const struct co_dive *d = c->dive;
    size_t w = c->unit[unit].work;
    return d && d->only[w] != PL_NONE && (d->only[w] != c->unit[unit].like || !d->left[w]);
}

/* The first may be in every set that the other is in. Who needs somebody as wide on its cards finds other company on other numbers of cards. */
static bool stands_for(const struct columns *c, const struct item *x, const struct item *y)
{
    const struct co_unit *u = &c->unit[x->unit], *v = &c->unit[y->unit];
    return x->gain >= y->gain && x->bytes <= y->bytes && (!is_tied(c, u->work) || u->cards == v->cards);
}

/* Behind the items of its work from `from` on; what takes no less and gains no more is left out. */
static void add_item(const struct columns *c, struct co_fill *f, size_t from, struct item one)
{
    size_t kept = from;
    if (one.gain <= EPS && !is_tied(c, c->unit[one.unit].work))
        return;
    for (size_t j = from; j < f->nitems; j++)
        if (stands_for(c, &f->item[j], &one))
            return;
    for (size_t j = from; j < f->nitems; j++)
        if (!stands_for(c, &one, &f->item[j]))
            f->item[kept++] = f->item[j];
    f->item[kept++] = one;
    f->nitems = kept;
}

static void add_member(const struct columns *c, struct co_fill *f, size_t work, size_t from)
{
    bool several = c->friends[work] >> work & 1, alone = !c->friends[work] && f->seats > 1;
    if (alone)
        f->nitems = from;
    if (f->nitems > from)
        f->member[f->nmembers++] = (struct member){ .work = work, .first = from, .n = f->nitems - from,
                                                    .most = several ? BT_MIN(co_copies(c, work), f->seats) : 1 };
}

static void fill_members(const struct columns *c, struct co_fill *f, const double *price, const struct co_color *o, unsigned tenants)
{
    size_t from = 0, cls = c->s->p->cls[o->card], work = PL_NONE;
    f->nmembers = f->nitems = 0;
    for (size_t i = 0; i < o->nunits; i++) {
        const struct co_unit *u = &c->unit[o->unit[i]];
        if (work != u->work) {
            if (work != PL_NONE)
                add_member(c, f, work, from);
            work = u->work;
            from = f->nitems;
        }
        unsigned level = co_level(c, work, tenants);
        double gain = u->value[cls * (CO_BUSY + 1) + BT_MIN(level, CO_BUSY)] - price[c->row[work]] / u->cards;
        if (level && !is_out(c, o->unit[i]))
            add_item(c, f, from, (struct item){ (uint32_t)o->unit[i], gain, c->dive ? u->most[cls] : u->least[cls] });
    }
    if (work != PL_NONE)
        add_member(c, f, work, from);
}

static bool comes_before(const struct columns *c, const struct member *a, const struct member *b)
{
    if (is_tied(c, a->work) != is_tied(c, b->work))
        return is_tied(c, a->work);
    return a->red != b->red ? a->red > b->red : a->work < b->work;
}

/* Of works that hang on each other only those count together that may sit there together. */
static double tied_at_most(const struct columns *c, const struct co_fill *f)
{
    double best = 0, all = 0;
    for (size_t i = 0; i < f->ntied; i++)
        all += BT_MAX(f->member[i].red, 0.0) * f->member[i].most;
    for (unsigned set = 1; f->ntied <= TIED && set < 1u << f->ntied; set++) {
        uint64_t in = 0, needs = 0;
        double sum = 0;
        for (size_t i = 0; i < f->ntied; i++)
            if (set >> i & 1) {
                const struct member *m = &f->member[i];
                in |= UINT64_C(1) << m->work;
                needs |= c->needs[m->work];
                sum += BT_MAX(m->red, m->red * m->most);
            }
        best = needs & ~in ? best : BT_MAX(best, sum);
    }
    return f->ntied <= TIED ? best : all;
}

/* Members in order, with bytes at this price; returns what no set passes. */
static double price_bytes(const struct columns *c, struct co_fill *f, double lambda)
{
    size_t n = 0;
    f->lambda = lambda;
    f->ntied = 0;
    for (size_t i = 0; i < f->nmembers; i++) {
        struct member one = f->member[i];
        size_t j = i;
        one.red = -INFINITY;
        for (size_t k = one.first; k < one.first + one.n; k++)
            one.red = BT_MAX(one.red, f->item[k].gain - lambda * (double)f->item[k].bytes);
        f->ntied += is_tied(c, one.work);
        for (; j > 0 && comes_before(c, &one, &f->member[j - 1]); j--)
            f->member[j] = f->member[j - 1];
        f->member[j] = one;
    }
    f->sum[0] = 0;
    for (size_t i = 0; i < f->nmembers; i++) {
        struct member *m = &f->member[i];
        m->flat = n;
        for (uint32_t k = 0; k < m->most && i >= f->ntied; k++, n++)
            f->sum[n + 1] = f->sum[n] + BT_MAX(m->red, 0.0);
    }
    f->member[f->nmembers].flat = n;
    f->tied_rest[f->ntied] = 0;
    for (size_t i = f->ntied; i-- > 0; )
        f->tied_rest[i] = f->tied_rest[i + 1] + BT_MAX(f->member[i].red, 0.0) * f->member[i].most;
    if (f->ntied)
        f->tied_rest[0] = tied_at_most(c, f);
    return lambda * f->room + f->tied_rest[0] + f->sum[BT_MIN(n, (size_t)f->seats)];
}

/* The price of bytes at which the least is left, about: downhill from where it was the last time. enough: less need not be known. */
static double best_lambda(const struct columns *c, struct co_fill *f, double *at, double enough)
{
    bool known = *at > 0;
    if (!known)
        *at = enough / f->room + 1e-12;
    double least = price_bytes(c, f, *at);
    for (double by = known ? 1.2 : 2; by > 1.04 && least > enough; by = sqrt(by)) {
        double up = price_bytes(c, f, *at * by), down = price_bytes(c, f, *at / by);
        for (unsigned steps = 0; steps < 60 && (up < least || down < least); steps++) {
            *at = up < least ? *at * by : *at / by;
            least = BT_MIN(up, down);
            up = price_bytes(c, f, *at * by);
            down = price_bytes(c, f, *at / by);
        }
    }
    return price_bytes(c, f, *at);
}

static size_t parts_of(const struct co_fill *f, double bytes) { return (size_t)BT_MIN(bytes / f->room * STAIRS, (double)STAIRS); }

static void build_stairs(struct co_fill *f)
{
    memset(f->stair, 0, sizeof f->stair);
    for (size_t i = 0; i < f->nitems; i++) {
        double *at = &f->stair[parts_of(f, (double)f->item[i].bytes)];
        *at = BT_MAX(*at, f->item[i].gain);
    }
    for (size_t i = 1; i <= STAIRS; i++)
        f->stair[i] = BT_MAX(f->stair[i], f->stair[i - 1]);
}

/* Of so many that fit together the j-th largest takes a j-th at most. */
static double by_size(const struct co_fill *f, double room, unsigned seats)
{
    double sum = 0;
    for (unsigned j = 1; j <= seats; j++)
        sum += f->stair[parts_of(f, room / j)];
    return sum;
}

static double *rest_of(const struct co_fill *f, size_t member, unsigned seats)
{
    return &f->rest[(member * f->rows + (f->rows > 1 ? seats : 0)) * (PARTS + 1)];
}

/* Members from this one on, in such room and so many seats, beside what is there: can that be better than the best? */
static bool may_pass(const struct co_fill *f, size_t from, double room, unsigned seats, double sum)
{
    double least = f->best + EPS, sized = 0;
    if (!seats || from == f->nmembers)
        return sum > least;
    size_t at = f->member[from].flat, to = BT_MIN(at + seats, f->member[f->nmembers].flat);
    if (sum + (f->lambda * room + (from < f->ntied ? f->tied_rest[from] : 0) + f->sum[to] - f->sum[at]) <= least)
        return false;
    if (from < f->ntied)
        return true;
    if (f->tabled && sum + f->seat * seats + rest_of(f, from, seats)[(size_t)(room / f->room * PARTS + 1e-9)] <= least)
        return false;
    for (unsigned j = 1; j <= seats; j++) {          /* as by_size(), no further than needed */
        sized += f->stair[parts_of(f, room / j)];
        if (sum + sized > least)
            return true;
    }
    return false;
}

/* Everybody's needs are there, as wide as who needs them: they are on the same cards. */
static bool is_closed(const struct columns *c, const struct co_fill *f)
{
    for (unsigned i = 0; i < f->depth && c->tied; i++) {
        const struct co_unit *u = &c->unit[f->item[f->at[i]].unit];
        uint64_t needs = c->needs[u->work];
        for (unsigned k = 0; k < f->depth && needs; k++) {
            const struct co_unit *x = &c->unit[f->item[f->at[k]].unit];
            needs &= x->cards == u->cards ? ~(UINT64_C(1) << x->work) : UINT64_MAX;
        }
        if (needs)
            return false;
    }
    return true;
}

static void set_found(const struct columns *c, struct co_fill *f, double sum)
{
    if (sum <= f->best + EPS || !f->depth || !is_closed(c, f))
        return;
    f->best = sum;
    f->nbest = f->depth;
    memcpy(f->best_at, f->at, f->depth * sizeof *f->at);
}

static void walk(const struct columns *c, struct co_fill *f, size_t from, uint64_t open, double room, double sum);

/* One or several ranks of the member, all of one unit, then those behind it. */
static void take(const struct columns *c, struct co_fill *f, size_t member, size_t item, uint64_t open, double room, double sum)
{
    const struct member *m = &f->member[member];
    const struct item *x = &f->item[item];
    unsigned was = f->depth;
    for (uint32_t k = 0; k < m->most && f->depth < f->seats && room >= (double)x->bytes && f->left; k++) {
        room -= (double)x->bytes;
        sum += x->gain;
        f->at[f->depth++] = (uint32_t)item;
        f->left--;
        if (may_pass(f, member + 1, room, f->seats - f->depth, sum))
            walk(c, f, member + 1, open & c->friends[m->work], room, sum);
    }
    f->depth = was;
}

static void walk(const struct columns *c, struct co_fill *f, size_t from, uint64_t open, double room, double sum)
{
    bool whole = false;
    set_found(c, f, sum);
    for (size_t i = from; f->depth < f->seats && i < f->nmembers && f->left; i++) {
        const struct member *m = &f->member[i];
        if (i >= f->ntied && !whole && !is_closed(c, f))
            return;                  /* whom somebody needs comes no more */
        whole = i >= f->ntied;
        if (!may_pass(f, i, room, f->seats - f->depth, sum))
            return;
        for (size_t j = m->first; j < m->first + m->n && (open >> m->work & 1); j++)
            take(c, f, i, j, open, room, sum);
    }
}

/* table[seats * (STAIRS + 1) + parts]: the most of members that are not tied, whoever may not share. Bytes count as fewer parts than they are. */
static void build_table(struct co_fill *f)
{
    size_t width = STAIRS + 1;
    memset(f->table, 0, sizeof f->table);
    for (size_t i = f->ntied; i < f->nmembers; i++)
        for (uint32_t k = 0; k < f->member[i].most; k++)
            for (unsigned seats = f->seats; seats > 0; seats--)      /* downwards, so that nobody counts twice */
                for (size_t parts = STAIRS + 1; parts-- > 0; ) {
                    double *to = &f->table[seats * width + parts];
                    for (size_t j = f->member[i].first; j < f->member[i].first + f->member[i].n; j++) {
                        size_t takes = parts_of(f, (double)f->item[j].bytes);
                        if (takes <= parts)
                            *to = BT_MAX(*to, f->table[(seats - 1) * width + parts - takes] + f->item[j].gain);
                    }
                }
}

/* One more rank of the member, or none: rows of fewer seats are those without it as long as they are read. */
static void add_rank(struct co_fill *f, const struct member *m, unsigned seats)
{
    double *row = rest_of(f, (size_t)(m - f->member), seats), before[PARTS + 1];
    const double *less = f->rows > 1 ? row - (PARTS + 1) : before;
    if (f->rows == 1)
        memcpy(before, row, sizeof before);
    for (size_t j = m->first; j < m->first + m->n; j++) {
        size_t takes = (size_t)BT_MIN((double)f->item[j].bytes / f->room * PARTS, (double)PARTS);
        double gain = f->item[j].gain - f->seat;
        for (size_t parts = takes; parts <= PARTS; parts++)
            row[parts] = BT_MAX(row[parts], less[parts - takes] + gain);
    }
}

/* f->rest: whoever may not share. Few seats are counted. Of many any price bounds what fills all of them; the last that is taken where bytes have a price is
 * near. Bytes count as fewer parts than they are. */
static void build_rest(struct columns *c, struct co_fill *f)
{
    size_t all = f->member[f->nmembers].flat;
    f->rows = f->seats <= COUNTED ? f->seats + 1 : 1;
    f->seat = f->rows == 1 && all > f->seats ? f->sum[f->seats] - f->sum[f->seats - 1] : 0;
    memset(rest_of(f, f->nmembers, 0), 0, f->rows * (PARTS + 1) * sizeof *f->rest);
    for (size_t i = f->nmembers; i-- > f->ntied; ) {
        memcpy(rest_of(f, i, 0), rest_of(f, i + 1, 0), f->rows * (PARTS + 1) * sizeof *f->rest);
        for (uint32_t k = 0; k < f->member[i].most; k++) {
            for (unsigned seats = f->rows - 1; seats > 0; seats--)
                add_rank(f, &f->member[i], seats);
            if (f->rows == 1)
                add_rank(f, &f->member[i], 0);
            c->steps += f->member[i].n * (PARTS / 64) * BT_MAX(f->rows - 1, 1u);
        }
    }
    f->tabled = true;
}

/* Tied members from this one on in every way, then the table. */
static double tied_and_table(const struct columns *c, struct co_fill *f, size_t from, size_t parts, double sum)
{
    double best = -INFINITY;
    if (from == f->ntied)
        return is_closed(c, f) ? sum + f->table[(f->seats - f->depth) * (STAIRS + 1) + parts] : best;
    best = tied_and_table(c, f, from + 1, parts, sum);
    for (size_t j = f->member[from].first; j < f->member[from].first + f->member[from].n; j++) {
        size_t takes = parts_of(f, (double)f->item[j].bytes), left = parts;
        unsigned was = f->depth;
        double got = sum;
        for (uint32_t k = 0; k < f->member[from].most && takes <= left && f->depth < f->seats; k++) {
            f->at[f->depth++] = (uint32_t)j;
            left -= takes;
            got += f->item[j].gain;
            best = BT_MAX(best, tied_and_table(c, f, from + 1, left, got));
        }
        f->depth = was;
    }
    return best;
}

static double table_at_most(struct columns *c, struct co_fill *f)
{
    if (f->ntied > 3)
        return INFINITY;
    c->steps += f->nitems * f->seats * STAIRS / 8;
    build_table(f);
    f->depth = 0;
    return tied_and_table(c, f, 0, STAIRS, 0);
}

void co_fill(struct columns *c, const double *price, struct co_color *o, unsigned tenants, double known, struct co_filled *out)
{
    struct co_fill *f = c->fill;
    double most;
    *out = (struct co_filled){ .most = known };
    f->seats = tenants < CO_BUSY ? tenants : CO_SEATS;
    f->room = (double)c->s->p->cap[o->card];
    fill_members(c, f, price, o, tenants);
    if (!f->nmembers || f->room <= 0 || price_bytes(c, f, 0) <= known + EPS)
        return;
    most = best_lambda(c, f, &o->lambda[tenants], known + EPS);
    if (most <= known + EPS)
        return;
    build_stairs(f);
    most = BT_MIN(most, by_size(f, f->room, f->seats));
    if (most <= known + EPS)
        return;
    f->best = known;
    f->depth = f->nbest = 0;
    f->tabled = false;
    bool table = c->exact || !co_serves(c);
    uint64_t first = table ? FIRST_STEPS : c->steps_each;
    f->left = first;
    walk(c, f, 0, UINT64_MAX, f->room, 0);
    c->steps += first - f->left;
    if (table && !f->left) {
        build_rest(c, f);
        f->depth = 0;
        f->left = c->steps_each;
        walk(c, f, 0, UINT64_MAX, f->room, 0);
        c->steps += c->steps_each - f->left;
    }
    out->n = f->nbest;
    out->most = f->best;
    for (unsigned i = 0; i < f->nbest; i++)
        out->unit[i] = f->item[f->best_at[i]].unit;
    if (!f->left && c->exact)
        out->most = BT_MAX(f->best, BT_MIN(most, table_at_most(c, f)));
}

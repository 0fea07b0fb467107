/* dive - a placement from the program of columns.c. Each workload gets the shape and kind of card that the program has most of; a copy on several cards, how
 * full the fullest of them is, which decides what it is worth on all of them; then cards get sets. Of several next steps each is tried, and the program says
 * what is left; the best goes on, and the others are remembered: when a placement is there, the next dive begins where the most is left of all that nobody
 * followed.
 *
 * A copy that finds no place costs more than any service: it is worth another dive. */
#include <math.h>
#include <string.h>

#include "plan/columns.h"

#define FIRST_PRICINGS 3u            /* of the whole program, with what is missing at its cost */
#define MORE_PRICINGS 3u             /* times as many, as long as something is missing */
#define HOPELESS 3.0                 /* copies that are missing whatever happens: one dive is enough, others know more then */
#define PRICINGS 2u                  /* after a step that lost much */
#define MUCH 0.002                   /* of all: it lost much */
#define TINY 2e-4                    /* of all: it lost so little that no other is tried */
#define ONE 0.999                    /* so much of a set is all of it */
#define LITTLE 0.01                  /* of a set: not worth a card */
#define MISSING (-10000.0)           /* what a copy that is not there costs, in thousandths */
#define OUT (-1e6)                   /* what a set that cannot be any more is worth */
#define TRIED 4u                     /* next steps */
#define OPEN 64u                     /* remembered */
#define GAINS 1e-3                   /* of all: what less is left than is not worth a dive */
#define GOES_NODES 16u               /* so many sets that are asked whether they still go are as much work as a node */

/* A unit of its work; else (PL_NONE) a set on a card; else a level of a work; else (0) copies of it that will be missing. */
struct step { size_t unit, set, work; uint8_t level; uint32_t gone; double part; };

/* Somewhere on the way: as struct co_dive has it. */
struct way { double *side; size_t *only; uint32_t *left; size_t *free; uint8_t *level; uint32_t *gone, *taken; size_t ntaken; double value; };

struct diver {
    struct columns *c;
    struct co_program g;
    struct co_stand *stand;
    struct way now, before, best_way, open[OPEN]; size_t nopen;
    struct ms_basis basis, best_basis;
    double *amount, *of_unit;        /* [columns]; [units] of all copies of their work */
    double (*on)[CO_BUSY + 1];       /* [works] ranks on cards with so many tenants */
    struct pl_solution best; unsigned lost; double reached, all;     /* all: of the program, nothing settled */
};

/* ---- ways ---- */

static struct way new_way(const struct columns *c)
{
    size_t n = c->s->p->n;
    return (struct way){ .side = BT_NEWN(c->a, double, c->nrows), .only = BT_NEWN(c->a, size_t, n), .left = BT_NEWN(c->a, uint32_t, n),
                         .free = BT_NEWN(c->a, size_t, c->ncolors), .level = BT_NEWN(c->a, uint8_t, n), .gone = BT_NEWN(c->a, uint32_t, n),
                         .taken = BT_NEWN(c->a, uint32_t, c->s->ncards) };
}

static void copy_way(const struct columns *c, struct way *to, const struct way *from)
{
    size_t n = c->s->p->n;
    memcpy(to->side, from->side, c->nrows * sizeof *to->side);
    memcpy(to->only, from->only, n * sizeof *to->only);
    memcpy(to->left, from->left, n * sizeof *to->left);
    memcpy(to->level, from->level, n * sizeof *to->level);
    memcpy(to->gone, from->gone, n * sizeof *to->gone);
    memcpy(to->free, from->free, c->ncolors * sizeof *to->free);
    memcpy(to->taken, from->taken, from->ntaken * sizeof *to->taken);
    to->ntaken = from->ntaken;
    to->value = from->value;
}

static void begin(const struct columns *c, struct way *y)
{
    memcpy(y->side, c->side, c->nrows * sizeof *y->side);
    for (size_t i = 0; i < c->ncolors; i++)
        y->free[i] = c->color[i].count;
    for (size_t w = 0; w < c->s->p->n; w++)
        y->only[w] = PL_NONE;
    memset(y->level, 0, c->s->p->n * sizeof *y->level);
    memset(y->gone, 0, c->s->p->n * sizeof *y->gone);
    y->ntaken = 0;
}

static void settle(const struct columns *c, struct way *y, size_t unit)
{
    size_t w = c->unit[unit].work;
    y->only[w] = c->unit[unit].like;
    y->left[w] = c->unit[unit].cards * (c->s->copies_most[w] - y->gone[w]);
}

/* Just so many copies of the spare's work are missing. */
static void give_up(const struct columns *c, struct way *y, const struct co_spare *x, uint32_t copies)
{
    if (y->only[x->work] != PL_NONE)                 /* the program's figures are no whole numbers: never more than are left */
        copies = BT_MIN(copies, y->left[x->work] / c->unit[y->only[x->work]].cards);
    y->gone[x->work] = copies;
    y->side[x->row] = 0;
    y->side[c->row[x->work]] -= copies;
    if (y->only[x->work] != PL_NONE)
        y->left[x->work] -= copies * c->unit[y->only[x->work]].cards;
}

static void commit(const struct columns *c, struct way *y, size_t set)
{
    const struct co_set *x = &c->set[set];
    y->taken[y->ntaken++] = (uint32_t)set;
    y->free[x->color]--;
    y->side[c->color[x->color].row] -= 1;
    for (unsigned i = 0; i < x->n; i++) {
        const struct co_unit *u = &c->unit[x->unit[i]];
        if (y->only[u->work] == PL_NONE)
            settle(c, y, x->unit[i]);
        y->side[c->row[u->work]] = (double)--y->left[u->work] / u->cards;
    }
}

static bool still_goes(const struct columns *c, const struct way *y, const struct co_set *x)
{
    if (!y->free[x->color] || !x->sure)
        return false;
    for (unsigned i = 0; i < x->n; i++) {
        const struct co_unit *u = &c->unit[x->unit[i]];
        size_t only = y->only[u->work];
        uint32_t here = 0, left = only == PL_NONE ? u->cards * c->s->copies_most[u->work] : y->left[u->work];
        for (unsigned k = 0; k < x->n; k++)
            here += c->unit[x->unit[k]].work == u->work;
        left = BT_MIN(left, c->s->copies_most[u->work] - y->gone[u->work]);          /* no two ranks of one copy */
        if ((only != PL_NONE && only != u->like) || here > left || (y->level[u->work] && x->n > y->level[u->work]))
            return false;
    }
    return true;
}

static double done(const struct columns *c, const struct way *y)
{
    double sum = 0;
    for (size_t i = 0; i < y->ntaken; i++)
        sum += co_worth(c, &c->set[y->taken[i]]);
    for (size_t i = 0; i < c->nspares; i++)
        sum += c->spare[i].worth * y->gone[c->spare[i].work];
    return sum;
}

/* ---- the program on a way ---- */

/* What is left on it: sets that do not go any more are worth nothing. */
static void solve(struct diver *d, struct way *y)
{
    struct columns *c = d->c;
    struct master *m = d->g.m;
    *c->dive = (struct co_dive){ .only = y->only, .left = y->left, .level = y->level, .free = y->free, .gone = y->gone, .off = c->dive->off };
    for (size_t j = 0; j + d->g.base < m->ncolumns; j++) {
        const struct co_set *x = &c->set[d->g.of[j]];
        ms_worth(m, j + d->g.base, still_goes(c, y, x) ? co_worth(c, x) : OUT);
    }
    ms_sides(m, y->side);
    c->s->nodes += (uint64_t)ms_mend(m) * CO_PIVOT_NODES + (m->ncolumns - d->g.base) / GOES_NODES;
    y->value = done(c, y) + ms_value(m);
}

/* Sets that gain on the way, a few times. */
static void price(struct diver *d, struct way *y, unsigned times)
{
    struct columns *c = d->c;
    unsigned added = 1;
    for (unsigned i = 0; i < times && added; i++) {
        c->dive->noff = BT_MIN(c->nsets, (size_t)CO_COLUMNS);
        for (size_t j = 0; j < c->dive->noff; j++)
            c->dive->off[j] = !still_goes(c, y, &c->set[j]);
        co_price(c, d->g.m->price, &d->g, &added);
        solve(d, y);
    }
}

static void find_amounts(struct diver *d)
{
    const struct columns *c = d->c;
    ms_values(d->g.m, d->amount);
    memset(d->of_unit, 0, c->nunits * sizeof *d->of_unit);
    for (size_t j = 0; j + d->g.base < d->g.m->ncolumns; j++) {
        const struct co_set *k = &c->set[d->g.of[j]];
        double much = d->amount[d->g.base + j];
        for (unsigned i = 0; i < k->n && much > 0; i++) {
            const struct co_unit *u = &c->unit[k->unit[i]];
            d->of_unit[u->like] += much / u->cards / c->s->copies_most[u->work];
            for (unsigned q = 0; q < k->n; q++)      /* as its follower has it: all its copies have one shape, also those that nobody follows */
                d->of_unit[u->like] += c->needs[c->unit[k->unit[q]].work] >> u->work & 1 ? much / u->cards : 0;
        }
    }
}

/* Units that the program agrees on: it is still the best then. */
static void settle_whole(const struct diver *d, struct way *y)
{
    const struct columns *c = d->c;
    for (size_t u = 0; u < c->nunits; u++)
        if (y->only[c->unit[u].work] == PL_NONE && d->of_unit[u] > ONE)
            settle(c, y, u);
}

/* Whole sets, once no part of one is left: until then they may still become others. */
static void commit_whole(struct diver *d, struct way *y)
{
    const struct columns *c = d->c;
    for (size_t j = 0; j + d->g.base < d->g.m->ncolumns; j++)
        for (; d->amount[d->g.base + j] > ONE && still_goes(c, y, &c->set[d->g.of[j]]); d->amount[d->g.base + j] -= 1)
            commit(c, y, d->g.of[j]);
}

/* Beyond whole ones. */
static double part_of(double amount)
{
    double part = amount - floor(amount);
    return part > ONE ? 0 : part;
}

static size_t keep_step(struct step *o, size_t n, struct step one)
{
    size_t j = n < TRIED ? n++ : TRIED;
    if (j == TRIED && one.part <= o[--j].part)
        return n;
    for (; j > 0 && o[j - 1].part < one.part; j--)
        o[j] = o[j - 1];
    o[j] = one;
    return n;
}

/* Of the copy on several cards that would lose most by it: how full its fullest may be. */
static size_t next_levels(const struct diver *d, const struct way *y, struct step *o)
{
    const struct columns *c = d->c;
    size_t n = 0, work = PL_NONE;
    double most = TINY * fabs(y->value);
    memset(d->on, 0, c->s->p->n * sizeof *d->on);
    for (size_t j = 0; j + d->g.base < d->g.m->ncolumns; j++) {
        const struct co_set *x = &c->set[d->g.of[j]];
        double much = d->amount[d->g.base + j];
        for (unsigned i = 0; i < x->n && much > LITTLE; i++)
            d->on[c->unit[x->unit[i]].work][BT_MIN(x->n, CO_BUSY)] += much;
    }
    for (size_t i = 0; i < y->ntaken; i++)
        for (unsigned k = 0; k < c->set[y->taken[i]].n; k++)
            d->on[c->unit[c->set[y->taken[i]].unit[k]].work][BT_MIN(c->set[y->taken[i]].n, CO_BUSY)] += 1;
    for (size_t w = 0; w < c->s->p->n; w++) {
        if (y->only[w] == PL_NONE || y->level[w] || c->s->copies_most[w] != 1 || c->unit[y->only[w]].cards < 2)
            continue;
        double sum = 0, all = 0;
        unsigned full = 0;
        for (unsigned t = 1; t <= CO_BUSY; t++) {
            sum += d->on[w][t] / t;
            all += d->on[w][t];
            full = d->on[w][t] > LITTLE ? t : full;
        }
        double loss = full ? (sum - all / full) / c->unit[y->only[w]].cards * c->most[c->row[w]] : 0;
        work = loss > most ? w : work;
        most = BT_MAX(most, loss);
    }
    for (unsigned t = 1; t <= CO_BUSY && work != PL_NONE; t++)
        if (d->on[work][t] > LITTLE)
            n = keep_step(o, n, (struct step){ PL_NONE, PL_NONE, work, (uint8_t)t, d->on[work][t] });
    return n;
}

/* Of the spare that is the least whole: as many as that, rounded down, and up. */
static size_t next_gone(const struct diver *d, const struct way *y, struct step *o)
{
    const struct columns *c = d->c;
    size_t n = 0, best = PL_NONE;
    double most = LITTLE;
    for (size_t i = 0; i < c->nspares; i++) {
        double amount = d->amount[d->g.base - c->nspares + i], off = fabs(amount - nearbyint(amount));
        if (y->side[c->spare[i].row] > 0 && off > most) {
            most = off;
            best = i;
        }
    }
    if (best == PL_NONE)
        return 0;
    const struct co_spare *x = &c->spare[best];
    double amount = d->amount[d->g.base - c->nspares + best];
    for (uint32_t k = (uint32_t)floor(amount); k <= BT_MIN((uint32_t)floor(amount) + 1, x->most); k++)
        n = keep_step(o, n, (struct step){ .unit = PL_NONE, .set = PL_NONE, .work = best, .gone = k, .part = 1 - fabs(amount - k) });
    return n;
}

/* The next ones that may be good: units first, then levels, or copies that are given up. */
static size_t next_steps(const struct diver *d, const struct way *y, struct step *o)
{
    const struct columns *c = d->c;
    size_t n = 0;
    for (size_t u = 0; u < c->nunits; u++)
        if (y->only[c->unit[u].work] == PL_NONE && d->of_unit[u] > LITTLE)
            n = keep_step(o, n, (struct step){ .unit = u, .part = d->of_unit[u] });
    if (!n)
        n = co_wants(c) ? next_gone(d, y, o) : next_levels(d, y, o);
    for (size_t j = 0; j + d->g.base < d->g.m->ncolumns && (!n || (o[n - 1].unit == PL_NONE && o[n - 1].set != PL_NONE)); j++)
        if (part_of(d->amount[d->g.base + j]) > LITTLE && still_goes(c, y, &c->set[d->g.of[j]]))
            n = keep_step(o, n, (struct step){ .unit = PL_NONE, .set = d->g.of[j], .part = part_of(d->amount[d->g.base + j]) });
    return n;
}

/* ---- dives ---- */

static void remember(struct diver *d, const struct way *y)
{
    size_t worst = 0;
    if (y->value <= d->reached)
        return;
    for (size_t i = 1; i < d->nopen; i++)
        worst = d->open[i].value < d->open[worst].value ? i : worst;
    if (d->nopen < OPEN) {
        worst = d->nopen++;
        if (!d->open[worst].side)
            d->open[worst] = new_way(d->c);
    } else if (y->value <= d->open[worst].value) {
        return;
    }
    copy_way(d->c, &d->open[worst], y);
}

/* The step after which the most is left. */
static void take_best(struct diver *d, const struct step *o, size_t n, double all)
{
    struct columns *c = d->c;
    double most = -INFINITY, much = MUCH * all, little = TINY * all;
    ms_save(d->g.m, &d->basis);
    copy_way(c, &d->before, &d->now);
    for (size_t i = 0; i < n; i++) {
        if (i) {
            ms_restore(d->g.m, &d->basis);
            copy_way(c, &d->now, &d->before);
        }
        if (o[i].unit != PL_NONE)
            settle(c, &d->now, o[i].unit);
        else if (o[i].set != PL_NONE)
            commit(c, &d->now, o[i].set);
        else if (o[i].level)
            d->now.level[o[i].work] = o[i].level;
        else
            give_up(c, &d->now, &c->spare[o[i].work], o[i].gone);
        solve(d, &d->now);
        if (d->before.value - d->now.value > much)
            price(d, &d->now, PRICINGS);
        if (d->now.value <= most) {
            remember(d, &d->now);
            continue;
        }
        if (i)
            remember(d, &d->best_way);
        most = d->now.value;
        copy_way(c, &d->best_way, &d->now);
        ms_save(d->g.m, &d->best_basis);
        if (d->before.value - most < little)
            break;
    }
    ms_restore(d->g.m, &d->best_basis);
    copy_way(c, &d->now, &d->best_way);
    solve(d, &d->now);
}

/* Of the spares that are left the program says how many. */
static void give_up_rest(const struct diver *d, struct way *y)
{
    const struct columns *c = d->c;
    for (size_t i = 0; i < c->nspares; i++) {
        double amount = d->amount[d->g.base - c->nspares + i];
        if (y->side[c->spare[i].row] > 0)
            give_up(c, y, &c->spare[i], (uint32_t)nearbyint(BT_MIN(amount, (double)c->spare[i].most)));
    }
}

static double all_gone(const struct columns *c, const struct way *y)
{
    double sum = 0;
    for (size_t w = 0; w < c->s->p->n; w++)
        sum += y->gone[w];
    return sum;
}

/* From d->now on, solved, to a placement, or to where less is left than was reached; one is gone to its end whatever the work. */
static void dive(struct diver *d)
{
    struct columns *c = d->c;
    struct step o[TRIED];
    double all = fabs(d->now.value);
    for (;;) {
        find_amounts(d);
        settle_whole(d, &d->now);
        size_t n = next_steps(d, &d->now, o);
        if (!n || se_late(c->s))
            break;
        take_best(d, o, n, all);
        if (d->now.value <= d->reached || (d->best.found && c->s->nodes >= c->end))
            return;
    }
    give_up_rest(d, &d->now);
    commit_whole(d, &d->now);
    unsigned lost;
    int64_t service;
    struct pl_solution x = co_stand(c, d->stand, d->now.taken, d->now.ntaken, d->now.only, &lost, &service);
    c->s->nodes += c->s->p->n;
    double worth = !c->asked ? (double)service : co_wants(c) ? done(c, &d->now) : d->all;
    worth += MISSING * BT_MAX((double)lost - all_gone(c, &d->now), 0.0);             /* copies are all that counts where neither is asked for */
    if (worth <= d->reached)
        return;
    d->reached = worth;
    d->best = x;
    d->lost = lost;
}

static struct diver new_diver(struct columns *c)
{
    struct diver d = { .c = c, .stand = co_stand_new(c), .reached = -INFINITY };
    double *own = BT_NEWN(c->a, double, c->nrows);
    for (size_t i = 0; i < c->nworks; i++)
        own[i] = MISSING;
    d.g = (struct co_program){ .m = ms_new(c->a, c->nrows, c->side, own, STEP_COLUMNS + c->nspares, STEP_COLUMNS * 8) };
    d.g.of = BT_NEWN(c->a, size_t, STEP_COLUMNS);
    co_add_spares(c, d.g.m);
    d.g.base = d.g.m->ncolumns;
    for (size_t j = 0; j < c->nsets; j++)
        if (c->set[j].sure && !co_add(c, &d.g, j))
            break;
    c->dive = BT_NEW(c->a, struct co_dive);
    c->dive->off = BT_NEWN(c->a, bool, CO_COLUMNS);
    d.now = new_way(c);
    d.before = new_way(c);
    d.best_way = new_way(c);
    d.basis = ms_basis_new(d.g.m, c->a);
    d.best_basis = ms_basis_new(d.g.m, c->a);
    d.amount = BT_NEWN(c->a, double, d.g.m->most);
    d.on = (double (*)[CO_BUSY + 1])BT_NEWN(c->a, double, c->s->p->n * (CO_BUSY + 1));
    d.of_unit = BT_NEWN(c->a, double, c->nunits);
    return d;
}

/* Copies that have no place. */
static double missing(const struct diver *d)
{
    const struct master *m = d->g.m;
    double sum = 0;
    for (size_t i = 0; i < m->m; i++)
        sum += m->in[i] < d->c->nworks ? m->at[i] : 0;
    return sum;
}

struct pl_solution co_dive(struct columns *c, unsigned *lost)
{
    struct diver d = new_diver(c);
    begin(c, &d.now);
    solve(&d, &d.now);
    for (unsigned i = 0; i < MORE_PRICINGS && (!i || missing(&d) > LITTLE); i++)
        price(&d, &d.now, FIRST_PRICINGS);
    bool once = missing(&d) > HOPELESS;
    d.all = d.now.value;
    dive(&d);
    while (!once && d.nopen && c->s->nodes < c->end && !se_late(c->s)) {
        size_t next = 0;
        for (size_t i = 1; i < d.nopen; i++)
            next = d.open[i].value > d.open[next].value ? i : next;
        if (d.open[next].value < d.reached + GAINS * fabs(d.all))
            break;
        struct way from = d.open[next];
        copy_way(c, &d.now, &from);
        d.open[next] = d.open[--d.nopen];
        d.open[d.nopen] = from;
        ms_restart(d.g.m);
        solve(&d, &d.now);
        dive(&d);
    }
    *lost = d.lost;
    return d.best;
}

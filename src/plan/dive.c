/* dive - a placement from the program of columns.c. Each workload gets the shape and kind of card that the program has most of, one at a time and priced anew
 * after each; then cards get the sets that it has most of, whole ones first. What is left out at the end goes first in the next dive. */
#include <string.h>

#include "plan/columns.h"

#define DIVES 4u
#define PRICINGS 3u                  /* after each step */
#define ONE 0.999                    /* so much of a set is all of it */
#define LITTLE 0.01                  /* of a set: not worth a card */
#define MISSING (-3000.0)            /* what a copy that is not there costs, in thousandths */
#define STEP_COLUMNS 4000u

/* ---- what is settled ---- */

static void settle(const struct columns *c, size_t unit)
{
    size_t w = c->unit[unit].work;
    c->dive->only[w] = unit;
    c->dive->left[w] = c->unit[unit].cards * c->s->copies_most[w];
}

static bool still_goes(const struct columns *c, const struct co_set *x)
{
    const struct co_dive *d = c->dive;
    if (!d->free[x->color])
        return false;
    for (unsigned i = 0; i < x->n; i++) {
        const struct co_unit *u = &c->unit[x->unit[i]];
        uint32_t here = 0, left = d->only[u->work] == PL_NONE ? u->cards * c->s->copies_most[u->work] : d->left[u->work];
        for (unsigned k = 0; k < x->n; k++)
            here += c->unit[x->unit[k]].work == u->work;
        if ((d->only[u->work] != PL_NONE && d->only[u->work] != x->unit[i]) || here > left)
            return false;
    }
    return true;
}

/* Copies of the set's works that have begun on the island of the card. */
static unsigned near_by(const struct columns *c, const struct co_set *x, size_t card)
{
    const struct bt_gpu *gpus = c->s->p->fleet->gpus;
    unsigned n = 0;
    for (unsigned i = 0; i < x->n; i++) {
        const struct co_unit *u = &c->unit[x->unit[i]];
        for (uint32_t r = 0; r < c->s->copies_most[u->work]; r++) {
            const struct pl_copy *k = &c->dive->copy[u->work][r];
            n += k->ncards && k->ncards < u->cards && gpus[k->card[0]].island == gpus[card].island;
        }
    }
    return n;
}

static size_t take_card(const struct columns *c, const struct co_set *x)
{
    struct co_dive *d = c->dive;
    size_t best = 0, card, last = --d->free[x->color];
    unsigned most = 0;
    for (size_t i = 0; i <= last; i++) {
        unsigned near = near_by(c, x, d->on[x->color][i]);
        if (near > most) {
            most = near;
            best = i;
        }
    }
    card = d->on[x->color][best];
    memmove(&d->on[x->color][best], &d->on[x->color][best + 1], (last - best) * sizeof card);
    return card;
}

/* A rank of the first copy that lacks one and is not on the card. */
static void add_rank(const struct columns *c, const struct co_unit *u, size_t card)
{
    for (uint32_t r = 0; r < c->s->copies_most[u->work]; r++) {
        struct pl_copy *k = &c->dive->copy[u->work][r];
        bool there = k->ncards == u->cards;
        for (uint32_t i = 0; i < k->ncards; i++)
            there = there || k->card[i] == card;
        if (there)
            continue;
        k->card[k->ncards++] = card;
        return;
    }
}

static void commit(const struct columns *c, const struct co_set *x)
{
    struct co_dive *d = c->dive;
    size_t card = take_card(c, x);
    d->side[c->color[x->color].row] -= 1;
    for (unsigned i = 0; i < x->n; i++) {
        const struct co_unit *u = &c->unit[x->unit[i]];
        if (d->only[u->work] == PL_NONE)
            settle(c, x->unit[i]);
        add_rank(c, u, card);
        d->side[c->row[u->work]] = (double)--d->left[u->work] / u->cards;
    }
}

/* ---- a step ---- */

struct amounts { double *set, *unit; };              /* [columns from base on] of a card; [units] of all copies of their work */

static struct co_program program(struct columns *c, struct bt_arena *a)
{
    struct co_dive *d = c->dive;
    double *own = BT_NEWN(a, double, c->nrows);
    for (size_t i = 0; i < c->nworks; i++)
        own[i] = MISSING;
    struct co_program g = { .m = ms_new(a, c->nrows, d->side, own, STEP_COLUMNS, STEP_COLUMNS * 8), .of = BT_NEWN(a, size_t, STEP_COLUMNS) };
    unsigned steps, added = 1;
    g.base = g.m->ncolumns;
    d->noff = BT_MIN(c->nsets, (size_t)CO_COLUMNS);
    for (size_t j = 0; j < d->noff; j++) {
        d->off[j] = !still_goes(c, &c->set[j]);
        if (!d->off[j])
            co_add(c, &g, j);
    }
    steps = ms_solve(g.m, UINT32_MAX);
    for (unsigned i = 0; i < PRICINGS && added; i++) {
        co_price(c, g.m->price, &g, &added);
        steps += ms_solve(g.m, UINT32_MAX);
    }
    c->s->nodes += (uint64_t)steps * CO_PIVOT_NODES;
    return g;
}

static struct amounts amounts_of(const struct columns *c, const struct co_program *g, struct bt_arena *a)
{
    double *all = BT_NEWN(a, double, g->m->ncolumns);
    struct amounts x = { all + g->base, BT_NEWN(a, double, c->nunits) };
    ms_values(g->m, all);
    for (size_t j = 0; j + g->base < g->m->ncolumns; j++) {
        const struct co_set *k = &c->set[g->of[j]];
        for (unsigned i = 0; i < k->n; i++) {
            const struct co_unit *u = &c->unit[k->unit[i]];
            double copies = x.set[j] / u->cards;
            x.unit[k->unit[i]] += copies / c->s->copies_most[u->work];
            for (unsigned q = 0; q < k->n; q++)      /* as its follower has it: all its copies have one shape, also those that nobody follows */
                x.unit[k->unit[i]] += c->needs[c->unit[k->unit[q]].work] >> u->work & 1 ? copies : 0;
        }
    }
    return x;
}

/* The shape and kind of one more work, besides those that the program agrees on. False: all have theirs. */
static bool settle_one(const struct columns *c, const struct amounts *x)
{
    const struct co_dive *d = c->dive;
    size_t best = PL_NONE;
    double most = 0;
    for (size_t u = 0; u < c->nunits; u++) {
        size_t w = c->unit[u].work;
        if (d->only[w] != PL_NONE || x->unit[u] < 1e-6)
            continue;
        if (x->unit[u] > ONE) {
            settle(c, u);
        } else if (x->unit[u] + d->urgent[w] > most) {
            most = x->unit[u] + d->urgent[w];
            best = u;
        }
    }
    if (best != PL_NONE)
        settle(c, best);
    return best != PL_NONE;
}

/* All whole sets and the largest part. False: nothing goes any more. */
static bool commit_some(const struct columns *c, const struct co_program *g, const struct amounts *x)
{
    const struct co_set *best = NULL;
    bool any = false;
    double most = 0;
    for (size_t j = 0; j + g->base < g->m->ncolumns; j++) {
        const struct co_set *k = &c->set[g->of[j]];
        double left = x->set[j], urgent = 0;
        for (; left > ONE && still_goes(c, k); left -= 1, any = true)
            commit(c, k);
        for (unsigned i = 0; i < k->n; i++)
            urgent = BT_MAX(urgent, c->dive->urgent[c->unit[k->unit[i]].work]);
        if (left > LITTLE && left <= ONE && left + urgent > most && still_goes(c, k)) {
            most = left + urgent;
            best = k;
        }
    }
    if (best && still_goes(c, best)) {
        commit(c, best);
        any = true;
    }
    return any;
}

/* ---- what comes of it ---- */

static bool same_cards(const struct pl_copy *a, const struct pl_copy *b)
{
    bool same = a && a->ncards == b->ncards;
    for (uint32_t i = 0; same && i < a->ncards; i++)
        same = a->card[i] == b->card[i];
    return same;
}

/* All its cards are there and have room: a set counts each rank of a pipeline as its smallest. */
static bool stands(const struct columns *c, struct pl_copy *x, const struct pl_solution *o, uint64_t *load)
{
    const struct search *s = c->s;
    const struct se_work *w = &s->work[x->work];
    size_t unit = c->dive->only[x->work];
    if (unit == PL_NONE || x->ncards < c->unit[unit].cards)
        return false;
    const struct se_shape *sh = &w->shape[c->unit[unit].shape];
    const struct pl_copy *target = NULL;
    pl_in_pool_order(w->k, x->card, x->ncards);
    size_t cls = pl_cost_class(s->p, x->card, x->ncards);
    for (size_t i = 0; i < o->ncopies; i++)
        if (o->copy[i].work == w->k->same && o->copy[i].replica == x->replica)
            target = &o->copy[i];
    if (w->k->same != PL_NONE && !same_cards(target, x))
        return false;
    for (uint32_t i = 0; i < x->ncards; i++) {
        uint64_t floor = se_floor(s, w, sh, cls, i, x->card[i]);
        if (sh->row[cls * sh->pp + i / sh->tp].need > floor || load[x->card[i]] + floor > s->p->cap[x->card[i]])
            return false;
    }
    for (uint32_t i = 0; i < x->ncards; i++)
        load[x->card[i]] += se_floor(s, w, sh, cls, i, x->card[i]);
    x->shape = sh->index;
    return true;
}

/* The copies that are whole; those that are not make their work urgent. */
static struct pl_solution what_stands(const struct columns *c, unsigned *lost)
{
    const struct search *s = c->s;
    struct pl_solution o = { .found = true, .copy = BT_NEWN(s->p->a, struct pl_copy, s->max_copies + 1) };
    uint64_t *load = BT_NEWN(c->a, uint64_t, s->ncards);
    *lost = 0;
    for (size_t w = 0; w < s->p->n; w++) {
        uint32_t n = 0;
        for (uint32_t r = 0; r < s->copies_most[w]; r++) {
            struct pl_copy x = c->dive->copy[w][r];
            x.replica = n;
            if (!s->p->work[w].cpu_only && !stands(c, &x, &o, load)) {
                c->dive->urgent[w] += 1;
                ++*lost;
                continue;
            }
            const size_t *card = x.card;
            x.card = BT_NEWN(s->p->a, size_t, x.ncards + 1);
            if (x.ncards)
                memcpy(x.card, card, x.ncards * sizeof *card);
            o.copy[o.ncopies++] = x;
            n++;
        }
    }
    return o;
}

static void begin(const struct columns *c)
{
    const struct search *s = c->s;
    struct co_dive *d = c->dive;
    memcpy(d->side, c->side, c->nrows * sizeof *d->side);
    memset(d->free, 0, c->ncolors * sizeof *d->free);
    for (size_t g = 0; g < s->ncards; g++)
        d->on[c->color_of[g]][d->free[c->color_of[g]]++] = g;
    for (size_t w = 0; w < s->p->n; w++) {
        d->only[w] = PL_NONE;
        for (uint32_t r = 0; r < s->copies_most[w]; r++)
            d->copy[w][r].ncards = 0;
    }
}

static struct co_dive *new_dive(const struct columns *c)
{
    const struct search *s = c->s;
    size_t n = s->p->n;
    struct co_dive *d = BT_NEW(c->a, struct co_dive);
    d->side = BT_NEWN(c->a, double, c->nrows);
    d->only = BT_NEWN(c->a, size_t, n);
    d->left = BT_NEWN(c->a, uint32_t, n);
    d->urgent = BT_NEWN(c->a, double, n);
    d->off = BT_NEWN(c->a, bool, CO_COLUMNS);
    d->free = BT_NEWN(c->a, size_t, c->ncolors);
    d->on = BT_NEWN(c->a, size_t *, c->ncolors);
    d->copy = BT_NEWN(c->a, struct pl_copy *, n);
    for (size_t i = 0; i < c->ncolors; i++)
        d->on[i] = BT_NEWN(c->a, size_t, c->color[i].count);
    for (size_t w = 0; w < n; w++) {
        d->copy[w] = BT_NEWN(c->a, struct pl_copy, s->copies_most[w] + 1);
        for (uint32_t r = 0; r < s->copies_most[w]; r++)
            d->copy[w][r] = (struct pl_copy){ .work = w, .replica = r, .card = BT_NEWN(c->a, size_t, BT_MAX_GPUS) };
    }
    return d;
}

static struct pl_solution one_dive(struct columns *c, unsigned *lost)
{
    bool more = true;
    begin(c);
    while (more && !se_late(c->s)) {
        bt_auto_arena a = { 0 };
        struct co_program g = program(c, &a);
        struct amounts x = amounts_of(c, &g, &a);
        more = settle_one(c, &x) || commit_some(c, &g, &x);
    }
    return what_stands(c, lost);
}

struct pl_solution co_dive(struct columns *c, unsigned *lost)
{
    struct pl_solution best = { 0 };
    c->dive = new_dive(c);
    for (unsigned i = 0; i < DIVES && (!i || (*lost && c->s->nodes < c->end)); i++) {
        unsigned mine;
        struct pl_solution o = one_dive(c, &mine);
        if (i && mine >= *lost)
            continue;
        best = o;
        *lost = mine;
    }
    return best;
}

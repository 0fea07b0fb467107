/* stand - sets on cards as copies of workloads: which card of its color each set gets, and which copy each rank belongs to.
 *
 * A copy is as slow as its fullest card: sets with few tenants come first, so that ranks with equal company make a copy. Before those come sets with somebody
 * who sits on another's cards: the first copies are those that are followed. No card carries two ranks of a copy: where a card has several of one work, the
 * copies that lack most get them, the fullest cards first. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "plan/columns.h"

struct co_stand {
    struct pl_copy **copy;           /* [works][replica] the cards of each copy so far */
    size_t *free, **on;              /* [colors] cards that are free, and which */
    uint32_t *order; size_t *card;   /* [cards] sets in the order above, and the card of each */
    uint64_t *load; uint32_t *tenants;               /* [cards] */
};

struct co_stand *co_stand_new(const struct columns *c)
{
    const struct search *s = c->s;
    struct co_stand *d = BT_NEW(c->a, struct co_stand);
    d->copy = BT_NEWN(c->a, struct pl_copy *, s->p->n);
    d->free = BT_NEWN(c->a, size_t, c->ncolors);
    d->on = BT_NEWN(c->a, size_t *, c->ncolors);
    d->order = BT_NEWN(c->a, uint32_t, s->ncards);
    d->card = BT_NEWN(c->a, size_t, s->ncards);
    d->load = BT_NEWN(c->a, uint64_t, s->ncards);
    d->tenants = BT_NEWN(c->a, uint32_t, s->ncards);
    for (size_t i = 0; i < c->ncolors; i++)
        d->on[i] = BT_NEWN(c->a, size_t, c->color[i].count);
    for (size_t w = 0; w < s->p->n; w++) {
        d->copy[w] = BT_NEWN(c->a, struct pl_copy, s->copies_most[w] + 1);
        for (uint32_t r = 0; r < s->copies_most[w]; r++)
            d->copy[w][r] = (struct pl_copy){ .work = w, .replica = r, .card = BT_NEWN(c->a, size_t, BT_MAX_GPUS) };
    }
    return d;
}

/* Copies of the set's works that have begun on the island of the card. */
static unsigned near_by(const struct columns *c, const struct co_stand *d, const struct co_set *x, size_t card)
{
    const struct bt_gpu *gpus = c->s->p->fleet->gpus;
    unsigned n = 0;
    for (unsigned i = 0; i < x->n; i++) {
        const struct co_unit *u = &c->unit[x->unit[i]];
        for (uint32_t r = 0; r < c->s->copies_most[u->work]; r++) {
            const struct pl_copy *k = &d->copy[u->work][r];
            n += k->ncards && k->ncards < u->cards && gpus[k->card[0]].island == gpus[card].island;
        }
    }
    return n;
}

static size_t take_card(const struct columns *c, struct co_stand *d, const struct co_set *x)
{
    size_t best = 0, card, last = --d->free[x->color];
    unsigned most = 0;
    for (size_t i = 0; i <= last; i++) {
        unsigned near = near_by(c, d, x, d->on[x->color][i]);
        if (near > most) {
            most = near;
            best = i;
        }
    }
    card = d->on[x->color][best];
    memmove(&d->on[x->color][best], &d->on[x->color][best + 1], (last - best) * sizeof card);
    return card;
}

/* A rank of the copy that lacks one and is not on the card: the first, or (lacking: true) the one that lacks most. */
static void add_rank(const struct columns *c, struct co_stand *d, const struct co_unit *u, size_t card, bool lacking)
{
    struct pl_copy *best = NULL;
    for (uint32_t r = 0; r < c->s->copies_most[u->work]; r++) {
        struct pl_copy *k = &d->copy[u->work][r];
        if (k->ncards < u->cards && !pl_is_on(k, card) && (!best || (lacking && k->ncards < best->ncards)))
            best = k;
    }
    if (best)
        best->card[best->ncards++] = card;
}

static bool same_cards(const struct pl_copy *a, const struct pl_copy *b)
{
    bool same = a && a->ncards == b->ncards;
    for (uint32_t i = 0; same && i < a->ncards; i++)
        same = pl_is_on(b, a->card[i]);
    return same;
}

/* Cards in the order of the pool, those of one tensor-parallel group of one kind: sets know the kinds of a pipeline's cards as little as their order. False:
 * there is no such order. */
static bool in_groups(const struct search *s, const struct se_work *w, const struct se_shape *sh, struct pl_copy *x)
{
    pl_in_pool_order(w->k, x->card, x->ncards);
    for (uint32_t i = 0; i < x->ncards; i++) {
        uint32_t j = i;
        while (i % sh->tp && j < x->ncards && s->kind[x->card[j]] != s->kind[x->card[i - 1]])
            j++;
        if (j == x->ncards)
            return false;
        size_t card = x->card[j];
        memmove(&x->card[i + 1], &x->card[i], (j - i) * sizeof card);
        x->card[i] = card;
    }
    return true;
}

/* All its cards are there and have room: a set counts each rank of a pipeline as its smallest. */
static bool stands(const struct columns *c, struct co_stand *d, size_t unit, struct pl_copy *x, const struct pl_solution *o)
{
    const struct search *s = c->s;
    const struct se_work *w = &s->work[x->work];
    if (unit == PL_NONE || x->ncards < c->unit[unit].cards)
        return false;
    const struct se_shape *sh = &w->shape[c->unit[unit].shape];
    const struct pl_copy *target = NULL;
    if (!in_groups(s, w, sh, x))
        return false;
    size_t cls = pl_cost_class(s->p, x->card, x->ncards);
    for (size_t i = 0; i < o->ncopies; i++)
        if (o->copy[i].work == w->k->same && o->copy[i].replica == x->replica)
            target = &o->copy[i];
    if (w->k->same != PL_NONE && !same_cards(target, x))
        return false;
    for (uint32_t i = 0; i < x->ncards; i++) {
        uint64_t floor = se_floor(s, w, sh, cls, i, x->card[i]);
        if (sh->row[cls * sh->pp + i / sh->tp].need > floor || d->load[x->card[i]] + floor > s->p->cap[x->card[i]])
            return false;
    }
    for (uint32_t i = 0; i < x->ncards; i++) {
        d->load[x->card[i]] += se_floor(s, w, sh, cls, i, x->card[i]);
        d->tenants[x->card[i]]++;
    }
    x->shape = sh->index;
    return true;
}

static uint32_t ranks_of(const struct columns *c, const struct co_set *x, size_t work)
{
    uint32_t n = 0;
    for (unsigned i = 0; i < x->n; i++)
        n += c->unit[x->unit[i]].work == work;
    return n;
}

static unsigned followers(const struct columns *c, const struct co_set *x)
{
    unsigned n = 0;
    for (unsigned i = 0; i < x->n; i++)
        n += c->s->p->work[c->unit[x->unit[i]].work].same != PL_NONE;
    return n;
}

static bool comes_before(const struct columns *c, const struct co_set *a, const struct co_set *b)
{
    unsigned first = followers(c, a), second = followers(c, b);
    return first != second ? first > second : a->n < b->n;
}

/* Of works with several ranks on some card, those that nobody follows or that follow nobody: their ranks anew. */
static void share_out(const struct columns *c, struct co_stand *d, size_t n, size_t work, const struct co_unit *u)
{
    uint32_t most = 0;
    for (size_t i = 0; i < n; i++)
        most = BT_MAX(most, ranks_of(c, &c->set[d->order[i]], work));
    if (most < 2 || u->cards < 2 || c->tied >> work & 1)
        return;
    for (uint32_t r = 0; r < c->s->copies_most[work]; r++)
        d->copy[work][r].ncards = 0;
    for (uint32_t ranks = most; ranks > 0; ranks--)
        for (size_t i = 0; i < n; i++) {
            const struct co_set *x = &c->set[d->order[i]];
            for (uint32_t k = 0; ranks_of(c, x, work) == ranks && k < ranks; k++)
                add_rank(c, d, u, d->card[i], true);
        }
}

static void seat_all(const struct columns *c, struct co_stand *d, const uint32_t *set, size_t n, const size_t *only)
{
    const struct search *s = c->s;
    memset(d->free, 0, c->ncolors * sizeof *d->free);
    for (size_t g = 0; g < s->ncards; g++)
        d->on[c->color_of[g]][d->free[c->color_of[g]]++] = g;
    for (size_t w = 0; w < s->p->n; w++)
        for (uint32_t r = 0; r < s->copies_most[w]; r++)
            d->copy[w][r].ncards = 0;
    for (size_t i = 0; i < n; i++) {
        size_t j = i;
        for (; j > 0 && comes_before(c, &c->set[set[i]], &c->set[d->order[j - 1]]); j--)
            d->order[j] = d->order[j - 1];
        d->order[j] = set[i];
    }
    for (size_t i = 0; i < n; i++) {
        const struct co_set *x = &c->set[d->order[i]];
        d->card[i] = take_card(c, d, x);
        for (unsigned k = 0; k < x->n; k++)
            add_rank(c, d, &c->unit[x->unit[k]], d->card[i], false);
    }
    for (size_t w = 0; w < s->p->n; w++)
        if (only[w] != PL_NONE && s->copies_most[w] > 1)
            share_out(c, d, n, w, &c->unit[only[w]]);
}

static int64_t service_of(const struct columns *c, const struct co_stand *d, const size_t *only, const struct pl_solution *o)
{
    int64_t sum = 0;
    for (size_t i = 0; i < o->ncopies; i++) {
        const struct pl_copy *x = &o->copy[i];
        uint32_t most = 1;
        for (uint32_t k = 0; k < x->ncards; k++)
            most = BT_MAX(most, d->tenants[x->card[k]]);
        if (x->ncards)
            sum += se_thousandths(se_value_of(c->s, &c->s->work[x->work].shape[c->unit[only[x->work]].shape], x) / most);
    }
    return sum;
}

struct pl_solution co_stand(const struct columns *c, struct co_stand *d, const uint32_t *set, size_t n, const size_t *only, unsigned *lost, int64_t *service)
{
    const struct search *s = c->s;
    struct pl_solution o = { .found = true, .copy = BT_NEWN(s->p->a, struct pl_copy, s->max_copies + 1) };
    memset(d->load, 0, s->ncards * sizeof *d->load);
    memset(d->tenants, 0, s->ncards * sizeof *d->tenants);
    *lost = 0;
    seat_all(c, d, set, n, only);
    for (size_t w = 0; w < s->p->n; w++) {
        uint32_t there = 0;
        for (uint32_t r = 0; r < s->copies_most[w]; r++) {
            struct pl_copy x = d->copy[w][r];
            x.replica = there;
            if (!s->p->work[w].cpu_only && !stands(c, d, only[w], &x, &o)) {
                ++*lost;
                continue;
            }
            const size_t *card = x.card;
            x.card = BT_NEWN(s->p->a, size_t, x.ncards + 1);
            if (x.ncards)
                memcpy(x.card, card, x.ncards * sizeof *card);
            o.copy[o.ncopies++] = x;
            there++;
        }
    }
    *service = service_of(c, d, only, &o);
    return o;
}

/* columns - what a fleet too large for the tree can carry at most. Colors of cards share one program: sixty-four cards of three kinds are a few rows.
 *
 * Any prices of workloads bound the service: the best set of each color (fill.c) for each of its cards, and what the copies cost. Good ones are found in two
 * steps: subgradients, towards what the plan reaches; then the program over the sets found so far (master.c), in a box around the best prices known, which
 * moves with them: far from the box its prices mean nothing (du Merle, Villeneuve, Desrosiers and Hansen 1999). */
#include <math.h>
#include <string.h>

#include "plan/columns.h"

#define FIRST_ROUNDS 20u             /* of subgradients */
#define ROUNDS 60u                   /* of the program */
#define DRAWN_ROUNDS 150u
#define PATIENCE 4u                  /* rounds without gain before steps are halved */
#define TURN 1.5                     /* as in sets.c */
#define LIKELY 0.75                  /* of the lowest bound so far is what is reached at least, about */
#define BOX 120.0                    /* thousandths to each side, at first; and at least */
#define LEAST_BOX 5.0
#define MISSING (-20000.0)            /* what a copy that must be there costs the program without a place, where wants count */
#define DRAWN 0.5                    /* of the way from the best prices to those of the program */
#define NEAR 1e-3                    /* of the value: the program and the bound are one then */
#define FIRST_PRICE 0.3              /* of what a copy is worth alone */
#define STEPS_A_NODE 40u             /* of walks */
#define FIRST_STEPS 4000u            /* of one walk: far from good prices walks are long, and any set is a new column */
#define MORE_STEPS 5u                /* times as many where that brings nothing any more */
#define WALK_STEPS 100000u           /* at most */
#define CTX_STEPS 4u                 /* of a context between the least and all that is wanted, where that counts */
#define FILL_NODES 8u              /* what the best set of a color for so many costs beside them */

/* ---- units and colors ---- */

/* On a card of the class, with the poorest card of any class that the copy may have. */
static uint64_t rank_most(const struct search *s, const struct se_shape *sh, size_t cls)
{
    const struct pl_problem *p = s->p;
    uint64_t most = sh->rank_least[cls];
    for (size_t k = 0; k < p->nclasses && !sh->limit; k++)
        for (uint32_t j = 0; j < sh->pp && (sh->pp > 1 || !strcmp(p->fleet->gpus[p->cls_card[k]].name, p->fleet->gpus[p->cls_card[cls]].name)); j++)
            most = BT_MAX(most, sh->row[k * sh->pp + j].floor);
    return most;
}

/* A rank's context is as long as `to` at most, and bytes hold what `from` takes: shares of the context wanted. */
struct span { double from, to; };

/* Bytes of a rank of a server on a card of the class with so much context: the least (most: the largest) of any stage, and any kind of card of its copy. */
static uint64_t bytes_at(const struct search *s, const struct se_work *w, const struct se_shape *sh, size_t cls, double share, bool most)
{
    const struct pl_problem *p = s->p;
    double out = most ? 0 : INFINITY, tokens = share * (double)w->k->ctx_want;
    for (size_t k = 0; k < p->nclasses; k++)
        for (uint32_t j = 0; j < sh->pp && (sh->pp > 1 || k == cls); j++) {
            const struct se_row *r = &sh->row[k * sh->pp + j];
            double bytes = (double)r->floor + BT_MAX(tokens - r->ctx0, 0.0) * r->slope;
            if (r->need <= r->floor)
                out = most ? BT_MAX(out, bytes) : BT_MIN(out, bytes);
        }
    return out < 1e18 ? (uint64_t)out : UINT64_MAX;
}

/* What a rank of it on a card of the class adds to wants, its copy's number and context, in thousandths. */
static double wants_of(const struct search *s, const struct se_work *w, const struct se_shape *sh, size_t cls, double share)
{
    const struct pl_work *k = w->k;
    size_t work = (size_t)(w - s->work), n = s->p->nclasses;
    double held = 0, copies = k->copies_want > 1 ? 1000.0 / k->copies_want : 0;
    for (size_t i = 0; i < n * sh->pp && sh->limit_ctx; i++)
        held = BT_MAX(held, sh->limit_ctx[i * n + cls]);
    if (sh->limit_ctx)
        share = BT_MIN(share, held / (double)k->ctx_want);
    return (copies + 1000 * share / s->copies_most[work]) / sh->cards;
}

/* x: where it is wants that count, what context it has; else NULL. */
static void add_unit(struct columns *c, size_t work, size_t shape, size_t on, const struct span *x)
{
    const struct search *s = c->s;
    const struct se_work *w = &s->work[work];
    const struct se_shape *sh = &w->shape[shape];
    const struct bt_gpu *gpus = s->p->fleet->gpus;
    const double *counts = c->asked ? c->asked->counts : NULL;
    struct co_unit u = { .work = work, .shape = shape, .cards = sh->cards };
    u.share = x ? x->to : 0;
    u.like = c->first[work];
    while (u.like < c->nunits && !(sh->cards == 1 && c->unit[u.like].shape == shape && !(c->unit[u.like].share < u.share || c->unit[u.like].share > u.share)))
        u.like++;
    u.value = BT_NEWN(c->a, double, s->p->nclasses * (CO_BUSY + 1));
    u.least = BT_NEWN(c->a, uint64_t, s->p->nclasses);
    u.most = BT_NEWN(c->a, uint64_t, s->p->nclasses);
    for (size_t k = 0; k < s->p->nclasses; k++) {
        bool goes = on == PL_NONE || !strcmp(gpus[s->p->cls_card[on]].name, gpus[s->p->cls_card[k]].name);
        bool grows = x && w->k->server && !sh->limit && w->k->ctx_want && sh->rank_least[k] < UINT64_MAX;
        for (unsigned b = 1; b <= CO_BUSY; b++)
            u.value[k * (CO_BUSY + 1) + b] = x        ? wants_of(s, w, sh, k, x->to)
                                             : counts ? counts[work] / s->copies_most[work] / sh->cards
                                                      : floor(se_rate_on(sh, k) * 1000 / b + 2e-6) / sh->cards;
        u.least[k] = !goes ? UINT64_MAX : grows ? bytes_at(s, w, sh, k, x->from, false) : sh->rank_least[k];
        u.most[k] = !goes ? UINT64_MAX : grows ? bytes_at(s, w, sh, k, x->to, true) : rank_most(s, sh, k);
        if (u.least[k] < UINT64_MAX)
            c->most[c->row[work]] = BT_MAX(c->most[c->row[work]], u.value[k * (CO_BUSY + 1) + 1] * sh->cards);
    }
    BT_PUSH(c->a, c->unit, c->nunits, u);
}

/* In steps of its context, where that counts: each step takes what it begins with and has what it ends with, and the last one is just all that it wants. */
static void add_steps(struct columns *c, size_t work, size_t shape, size_t on)
{
    const struct pl_work *k = &c->s->p->work[work];
    const struct se_shape *sh = &c->s->work[work].shape[shape];
    double top = c->s->ctx_most[work], low = k->server && k->ctx_want ? BT_MIN((double)k->ctx_min / (double)k->ctx_want, top) : 0;
    bool grows = k->server && k->ctx_want && !sh->limit && top - low > 1e-9;
    for (unsigned i = 0; i < CTX_STEPS && grows; i++)
        add_unit(c, work, shape, on, &(struct span){ low + (top - low) * i / CTX_STEPS, low + (top - low) * (i + 1) / CTX_STEPS });
    add_unit(c, work, shape, on, &(struct span){ top, top });
}

static void add_units(struct columns *c, size_t work)
{
    const struct search *s = c->s;
    const struct se_work *w = &s->work[work];
    for (size_t i = 0; i < w->nshapes; i++) {
        const struct se_shape *sh = &w->shape[i];
        if (sh->least == UINT64_MAX)
            continue;
        for (size_t k = 0; k < (sh->pp > 1 ? 1 : s->p->nclasses); k++) {
            size_t on = sh->pp > 1 ? PL_NONE : k;
            if (on != PL_NONE && (!se_first_of_kind(s, w, k) || se_alike(s, w->k, k) < sh->tp))
                continue;
            if (co_wants(c))
                add_steps(c, work, i, on);
            else
                add_unit(c, work, i, on, NULL);
        }
    }
}

static struct co_color new_color(const struct columns *c, size_t card)
{
    const struct pl_problem *p = c->s->p;
    struct co_color o = { .card = card, .last = PL_NONE, .unit = BT_NEWN(c->a, size_t, c->nunits + 1), .set = BT_NEWN(c->a, uint32_t, CO_SEATS) };
    for (size_t u = 0; u < c->nunits; u++) {
        const struct co_unit *x = &c->unit[u];
        if (pl_card_for(p, x->cards, card) && p->work[x->work].pos[card] >= 0 && x->least[p->cls[card]] <= p->cap[card])
            o.unit[o.nunits++] = u;
    }
    return o;
}

static void fill_colors(struct columns *c)
{
    const struct search *s = c->s;
    c->color = BT_NEWN(c->a, struct co_color, s->ncards);
    c->color_of = BT_NEWN(c->a, size_t, s->ncards);
    for (size_t g = 0; g < s->ncards; g++) {
        size_t i = 0;
        while (i < c->ncolors && !se_same_color(s->p, g, c->color[i].card))
            i++;
        if (i == c->ncolors)
            c->color[c->ncolors++] = new_color(c, g);
        c->color[i].count++;
        c->color_of[g] = i;
    }
}

static bool is_loose(const struct columns *c, size_t work) { return c->asked && c->asked->loose[work]; }

/* Who may be missing is not needed by whom it follows. */
static void untie(struct columns *c)
{
    uint64_t loose = 0;
    for (size_t w = 0; w < c->s->p->n; w++)
        loose |= (uint64_t)is_loose(c, w) << w;
    for (size_t w = 0; w < c->s->p->n; w++) {
        size_t up = c->s->p->work[w].same;
        c->needs[w] &= ~loose | (up == PL_NONE ? 0 : UINT64_C(1) << up);
    }
}

/* Where wants count: of a work as many copies may be missing as it wants more than it must have. Their part of its context is not lost with them. */
static void add_spares(struct columns *c)
{
    const struct search *s = c->s;
    for (size_t w = 0; w < s->p->n && co_wants(c); w++) {
        const struct pl_work *k = &s->p->work[w];
        uint32_t most = s->copies_most[w], least = BT_MAX(s->copies_least[w], 1u);
        if (c->row[w] == PL_NONE || most <= least || is_loose(c, w))
            continue;
        struct co_spare one = { w, c->nrows, most - least, k->server && k->ctx_want ? 1000 * s->ctx_most[w] / most : 0 };
        c->side[c->nrows++] = one.most;
        c->spare[c->nspares++] = one;
    }
}

/* More ranks may sit on a card of the color than sets have seats: the least of each work, in any shape. */
static bool is_crowded(const struct columns *c, const struct co_color *o)
{
    const struct pl_problem *p = c->s->p;
    size_t cls = p->cls[o->card], n = 0, i = 0;
    uint64_t least[64], left = p->cap[o->card];
    uint32_t ranks[64], seats = 0;
    while (i < o->nunits) {
        size_t w = c->unit[o->unit[i]].work, j = n;
        uint64_t bytes = UINT64_MAX;
        for (; i < o->nunits && c->unit[o->unit[i]].work == w; i++)
            bytes = BT_MIN(bytes, c->unit[o->unit[i]].least[cls]);
        for (n++; j > 0 && least[j - 1] > bytes; j--) {
            least[j] = least[j - 1];
            ranks[j] = ranks[j - 1];
        }
        least[j] = bytes;
        ranks[j] = c->friends[w] >> w & 1 ? c->s->copies_most[w] : c->friends[w] != 0;
    }
    for (i = 0; i < n && least[i] <= left && seats <= CO_SEATS; i++) {
        uint64_t some = BT_MIN(least[i] ? left / least[i] : ranks[i], (uint64_t)ranks[i]);
        seats += (uint32_t)BT_MIN(some, CO_SEATS + 1);
        left -= least[i] * some;
    }
    return seats > CO_SEATS;
}

/* Sets have CO_SEATS seats, and of a crowd they say too little where each counts as much in any company, or may cost less than nothing: only the service at
 * prices of zero and more is bounded by them then, as the best of so many at a sixteenth are worth more than all at less than a fortieth. */
static void look_for_crowds(struct columns *c)
{
    bool crowded = false;
    for (size_t i = 0; i < c->ncolors; i++)
        crowded = crowded || is_crowded(c, &c->color[i]);
    c->unbounded = crowded && (c->tied || !co_serves(c));
    for (size_t i = 0; i < c->nworks && crowded; i++)
        c->lowest[i] = 0;
}

static struct columns *new_columns(struct search *s, const struct co_asked *asked, struct bt_arena *a)
{
    struct columns *c = BT_NEW(a, struct columns);
    size_t n = s->p->n;
    c->s = s;
    c->a = a;
    c->asked = asked;
    c->friends = BT_NEWN(a, uint64_t, n);
    c->needs = BT_NEWN(a, uint64_t, n);
    c->tied = se_needs(s, c->needs);
    untie(c);
    c->row = BT_NEWN(a, size_t, n);
    c->first = BT_NEWN(a, size_t, n + 1);
    c->most = BT_NEWN(a, double, n + s->ncards);
    c->side = BT_NEWN(a, double, n + s->ncards + n);
    c->lowest = BT_NEWN(a, double, n + s->ncards);
    c->spare = BT_NEWN(a, struct co_spare, n + 1);
    for (size_t w = 0; w < n; w++) {
        for (size_t j = 0; j < n; j++)
            c->friends[w] |= (uint64_t)s->p->may_share[w * n + j] << j;
        c->first[w] = c->nunits;
        c->row[w] = c->nworks;
        if (!s->p->work[w].cpu_only && s->copies_most[w])
            add_units(c, w);
        if (c->nunits == c->first[w])
            c->row[w] = PL_NONE;
        else {
            c->lowest[c->nworks] = is_loose(c, w) ? 0 : -INFINITY;
            c->side[c->nworks++] = s->copies_most[w];
        }
    }
    c->first[n] = c->nunits;
    fill_colors(c);
    look_for_crowds(c);
    c->nrows = c->nworks;
    for (size_t i = 0; i < c->ncolors; i++) {
        c->color[i].row = c->nrows;
        c->side[c->nrows++] = (double)c->color[i].count;
    }
    add_spares(c);
    c->fill = co_fill_new(c);
    return c;
}

/* ---- sets ---- */

static double worth_of(const struct columns *c, size_t color, const uint32_t *unit, unsigned n, bool settled)
{
    double sum = 0;
    size_t at = c->s->p->cls[c->color[color].card] * (CO_BUSY + 1);
    for (unsigned i = 0; i < n; i++) {
        const struct co_unit *u = &c->unit[unit[i]];
        unsigned level = settled ? co_level(c, u->work, n) : n;
        sum += u->value[at + BT_MIN(BT_MAX(level, n), CO_BUSY)];
    }
    return sum;
}

double co_worth(const struct columns *c, const struct co_set *x) { return c->dive ? worth_of(c, x->color, x->unit, x->n, true) : x->worth; }

static size_t new_set(struct columns *c, size_t color, const uint32_t *unit, unsigned n)
{
    struct co_set o = { color, n, BT_NEWN(c->a, uint32_t, n), worth_of(c, color, unit, n, false), c->color[color].last, true };
    size_t card = c->color[color].card;
    uint64_t room = c->s->p->cap[card];
    for (unsigned i = 0; i < n && o.sure; i++) {
        uint64_t takes = c->unit[unit[i]].most[c->s->p->cls[card]];
        o.sure = takes <= room;
        room -= BT_MIN(takes, room);
    }
    memcpy(o.unit, unit, n * sizeof *unit);
    BT_PUSH(c->a, c->set, c->nsets, o);
    return c->color[color].last = c->nsets - 1;
}

uint32_t co_entries(const struct columns *c, const struct co_set *set, struct ms_entry *e)
{
    uint32_t n = 0;
    for (unsigned i = 0; i < set->n; i++) {
        const struct co_unit *u = &c->unit[set->unit[i]];
        uint32_t row = (uint32_t)c->row[u->work], k = 0;
        while (k < n && e[k].row != row)
            k++;
        if (k == n)
            e[n++] = (struct ms_entry){ row, 0 };
        e[k].by += 1.0 / u->cards;
    }
    e[n++] = (struct ms_entry){ (uint32_t)c->color[set->color].row, 1 };
    return n;
}

void co_add_spares(const struct columns *c, struct master *m)
{
    for (size_t i = 0; i < c->nspares; i++) {
        const struct co_spare *x = &c->spare[i];
        ms_add(m, x->worth, (struct ms_entry[]){ { (uint32_t)c->row[x->work], 1 }, { (uint32_t)x->row, 1 } }, 2);
    }
}

bool co_add(struct columns *c, struct co_program *g, size_t set)
{
    struct ms_entry e[CO_SEATS + 1];
    uint32_t n = co_entries(c, &c->set[set], e);
    size_t at = ms_add(g->m, co_worth(c, &c->set[set]), e, n);
    if (at == SIZE_MAX)
        return false;
    g->of[at - g->base] = set;
    return true;
}

static double gain_of(const struct columns *c, const struct co_set *x, const double *price)
{
    double sum = co_worth(c, x);
    for (unsigned i = 0; i < x->n; i++)
        sum -= price[c->row[c->unit[x->unit[i]].work]] / c->unit[x->unit[i]].cards;
    return sum;
}

/* The best of the sets that are there. */
static void best_known(const struct columns *c, size_t color, const double *price)
{
    struct co_color *o = &c->color[color];
    o->best = 0;
    o->n = 0;
    for (size_t j = o->last; j != PL_NONE; j = c->set[j].before) {
        const struct co_set *x = &c->set[j];
        if ((c->dive && j < c->dive->noff && c->dive->off[j]))
            continue;
        double gain = gain_of(c, x, price);
        if (gain <= o->best)
            continue;
        o->best = gain;
        o->n = x->n;
        memcpy(o->set, x->unit, x->n * sizeof *x->unit);
    }
}

static void best_of_color(struct columns *c, size_t color, const double *price, struct co_program *g, unsigned *added)
{
    struct co_color *o = &c->color[color];
    best_known(c, color, price);
    double known = o->best;
    unsigned step = !co_serves(c) ? CO_BUSY - 1 : 1;           /* wants ask for no company, but those who stand alone do */
    for (unsigned tenants = 1; tenants <= CO_BUSY; tenants += step) {      /* the best with each number: together they make better prices than the best alone */
        struct co_filled f;
        co_fill(c, price, o, tenants, known, &f);
        if (f.n && co_add(c, g, new_set(c, color, f.unit, f.n)))
            ++*added;
        if (f.n && f.most > o->best) {
            o->n = f.n;
            memcpy(o->set, f.unit, f.n * sizeof *f.unit);
        }
        o->best = BT_MAX(o->best, f.most);
    }
}

double co_price(struct columns *c, const double *price, struct co_program *g, unsigned *added)
{
    double sum = 0;
    uint64_t before = c->steps;
    *added = 0;
    for (size_t i = 0; i < c->nworks; i++)
        sum += price[i] * c->side[i];
    for (size_t i = 0; i < c->nspares; i++)
        sum += BT_MAX(c->spare[i].worth - price[c->row[c->spare[i].work]], 0.0) * c->spare[i].most;
    for (size_t i = 0; i < c->ncolors; i++) {
        if (c->dive && !c->dive->free[i])
            continue;
        best_of_color(c, i, price, g, added);
        sum += c->color[i].best * (double)c->color[i].count;
    }
    c->s->nodes += c->ncolors * CO_BUSY * FILL_NODES + (c->steps - before) / STEPS_A_NODE;
    return sum;
}

/* ---- prices ---- */

struct prices { double *now, *best, *dir, lowest; size_t above; };  /* above: the first of the columns that keep prices down */

static bool is_better(const struct columns *c, struct prices *p, double bound)
{
    if (!(bound < p->lowest))
        return false;
    p->lowest = bound;
    memcpy(p->best, p->now, c->nworks * sizeof *p->best);
    return true;
}

static double within(const struct columns *c, size_t row, double price) { return BT_MAX(BT_MIN(price, c->most[row]), c->lowest[row]); }

static bool is_enough(const struct columns *c, const struct prices *p) { return c->asked && !c->unbounded && p->lowest < c->asked->enough; }

/* A step against what the best sets have too many of, turned where it goes back and forth. */
static void step(const struct columns *c, struct prices *p, double by)
{
    double turn = 0, length = 0, off = 0, over[64];
    for (size_t i = 0; i < c->nworks; i++)
        over[i] = -c->side[i];
    for (size_t i = 0; i < c->ncolors; i++) {
        const struct co_color *o = &c->color[i];
        for (unsigned k = 0; k < o->n; k++)
            over[c->row[c->unit[o->set[k]].work]] += (double)o->count / c->unit[o->set[k]].cards;
    }
    for (size_t i = 0; i < c->nspares; i++)
        over[c->row[c->spare[i].work]] += c->spare[i].worth > p->now[c->row[c->spare[i].work]] ? c->spare[i].most : 0;
    for (size_t i = 0; i < c->nworks; i++) {
        turn += p->dir[i] * over[i];
        length += p->dir[i] * p->dir[i];
    }
    double keep = turn < 0 && length > 0 ? -TURN * turn / length : 0;
    for (size_t i = 0; i < c->nworks; i++) {
        p->dir[i] = over[i] + keep * p->dir[i];
        off += p->dir[i] * p->dir[i];
    }
    for (size_t i = 0; i < c->nworks && off > 0; i++)
        p->now[i] = within(c, i, p->now[i] + by * p->dir[i] / off);
}

static void by_subgradients(struct columns *c, struct prices *p, struct co_program *g, double reached, uint64_t end)
{
    double scale = 1;
    unsigned since = 0, added;
    for (unsigned round = 0; round < FIRST_ROUNDS && c->s->nodes < end && !se_late(c->s) && !is_enough(c, p); round++) {
        double bound = co_price(c, p->now, g, &added);
        if (is_better(c, p, bound)) {
            since = 0;
        } else if (++since == PATIENCE) {
            since = 0;
            scale /= 2;
            memcpy(p->now, p->best, c->nworks * sizeof *p->now);
            memset(p->dir, 0, c->nworks * sizeof *p->dir);
            continue;
        }
        step(c, p, scale * BT_MAX(bound - BT_MAX(reached, p->lowest * LIKELY), 1.0));
    }
}

/* What lies outside the box, on either side; 0: it does not matter any more where the box is. */
static double outside(const struct columns *c, const struct master *m, size_t above)
{
    double sum = 0;
    for (size_t i = 0; i < m->m; i++)
        if (m->in[i] < c->nworks || (m->in[i] >= above && m->in[i] < above + c->nworks))
            sum += m->at[i];
    return sum;
}

/* above: the columns that keep prices down; those that keep them up are the rows' own. No box goes beyond the price that a copy needs at most: the bound is
 * asked within, and would be of other prices than the program's. */
static void in_boxes(struct columns *c, struct prices *p, struct co_program *g, size_t above, uint64_t end)
{
    double size = BOX;
    unsigned idle = 0;
    for (unsigned round = 0; round < ROUNDS && idle < 3 && c->s->nodes < end && !se_late(c->s) && !is_enough(c, p); round++) {
        unsigned added, steps;
        for (size_t i = 0; i < c->nworks; i++) {
            ms_worth(g->m, i, BT_MAX(p->best[i] - size, c->lowest[i]));
            ms_worth(g->m, above + i, -BT_MIN(p->best[i] + size, c->most[i]));
        }
        ms_reckon(g->m);
        steps = ms_solve(g->m, UINT32_MAX);
        c->s->nodes += (uint64_t)steps * CO_PIVOT_NODES;
        for (size_t i = 0; i < c->nworks; i++)
            p->now[i] = within(c, i, g->m->price[i]);
        bool better = is_better(c, p, co_price(c, p->now, g, &added)), near = p->lowest - ms_value(g->m) < NEAR * p->lowest;
        if (near && outside(c, g->m, above) < 0.01)
            return;
        idle = better || steps || added || !c->exact ? 0 : idle + 1;
        if (!better && !added) {
            c->exact = c->steps_each == WALK_STEPS;
            c->steps_each = BT_MIN(c->steps_each * MORE_STEPS, (uint64_t)WALK_STEPS);
        }
        if (near)
            size *= 1.5;
        else if (!better)
            size = BT_MAX(size * 0.8, LEAST_BOX);
    }
}

/* Part of the way to the program's prices, and to them where that brings nothing: who must be there and adds nothing to wants may cost others all that they
 * want, and the way from the first prices is too long for boxes. */
static void by_drawing(struct columns *c, struct prices *p, struct co_program *g, uint64_t end)
{
    unsigned idle = 0;
    bool whole = false;              /* the last step brought no new set: the next one goes all the way */
    for (size_t i = 0; i < c->nworks; i++) {
        ms_worth(g->m, i, BT_MAX(c->lowest[i], MISSING));
        ms_worth(g->m, p->above + i, -c->most[i]);
    }
    ms_reckon(g->m);
    for (unsigned round = 0; round < DRAWN_ROUNDS && idle < 3 && c->s->nodes < end && !se_late(c->s) && !is_enough(c, p); round++) {
        unsigned added = 0;
        bool better = false;
        double first = whole ? 1 : DRAWN;
        c->s->nodes += (uint64_t)ms_solve(g->m, UINT32_MAX) * CO_PIVOT_NODES;
        if (p->lowest - ms_value(g->m) < NEAR * p->lowest)
            return;
        for (double part = first; part <= 1 && !better && !added; part += 1 - DRAWN) {
            for (size_t i = 0; i < c->nworks; i++)
                p->now[i] = within(c, i, p->best[i] + part * (g->m->price[i] - p->best[i]));
            better = is_better(c, p, co_price(c, p->now, g, &added));
        }
        idle = better || added || !c->exact ? 0 : idle + 1;
        whole = better && !added;
        if (!better && !added) {
            c->exact = c->steps_each == WALK_STEPS;
            c->steps_each = BT_MIN(c->steps_each * MORE_STEPS, (uint64_t)WALK_STEPS);
        }
    }
}

/* The sets of a placement. */
static void add_placed(struct columns *c, const struct pl_solution *o, struct co_program *g)
{
    const struct search *s = c->s;
    for (size_t card = 0; card < s->ncards; card++) {
        uint32_t unit[CO_SEATS];
        unsigned n = 0;
        for (size_t i = 0; i < o->ncopies; i++) {
            const struct pl_copy *x = &o->copy[i];
            for (uint32_t r = 0; r < x->ncards && n < CO_SEATS; r++)
                for (size_t u = c->first[x->work]; u < c->first[x->work + 1] && x->card[r] == card && n < CO_SEATS; u++)
                    if (s->work[x->work].shape[c->unit[u].shape].index == x->shape && c->unit[u].least[s->p->cls[card]] < UINT64_MAX)
                        unit[n++] = (uint32_t)u;
        }
        if (n)
            co_add(c, g, new_set(c, c->color_of[card], unit, n));
    }
}

/* What a card of each class is worth, as its colors have it: for whoever puts back several. */
static void price_cards(const struct columns *c)
{
    struct search *s = c->s;
    double cards[BT_MAX_GPUS] = { 0 }, sum[BT_MAX_GPUS] = { 0 };
    for (size_t i = 0; i < c->ncolors; i++) {
        size_t cls = s->p->cls[c->color[i].card];
        cards[cls] += (double)c->color[i].count;
        sum[cls] += c->color[i].best * (double)c->color[i].count;
    }
    for (size_t k = 0; k < s->p->nclasses; k++)
        if (cards[k] > 0)
            s->price[k] = sum[k] / cards[k] / 1000;
    se_price_widths(s);
}

/* Prices near their best, and the sets that were found on the way. */
static struct prices find_prices(struct columns *c, const struct pl_solution *from, uint64_t budget, struct co_program *program)
{
    struct search *s = c->s;
    struct bt_arena *a = c->a;
    struct prices p = { BT_NEWN(a, double, c->nrows), BT_NEWN(a, double, c->nrows), BT_NEWN(a, double, c->nrows), INFINITY, 0 };
    double *own = BT_NEWN(a, double, c->nrows), reached = from->found && !c->asked ? (double)from->score.v[BT_GOAL_SERVICE] : 0;
    struct co_program g = { .m = ms_new(a, c->nrows, c->side, own, CO_COLUMNS + c->nworks + c->nspares, CO_ENTRIES) };
    unsigned added;
    p.above = g.m->ncolumns;
    for (size_t i = 0; i < c->nworks; i++) {
        ms_add(g.m, 0, &(struct ms_entry){ (uint32_t)i, -1 }, 1);
        p.now[i] = c->most[i] * FIRST_PRICE;
    }
    co_add_spares(c, g.m);
    g.base = g.m->ncolumns;
    g.of = BT_NEWN(a, size_t, CO_COLUMNS);
    if (from->found)
        add_placed(c, from, &g);
    c->steps_each = FIRST_STEPS;
    by_subgradients(c, &p, &g, reached, s->nodes + budget / 4);
    if (!co_serves(c))
        by_drawing(c, &p, &g, s->nodes + budget / 4 * 3);
    else
        in_boxes(c, &p, &g, p.above, s->nodes + budget / 4 * 3);
    if (!is_enough(c, &p))
        co_price(c, p.best, &g, &added);
    c->steps_each = FIRST_STEPS;
    c->exact = false;
    *program = g;
    return p;
}

/* What no placement passes: a walk that was cut short on the way had bounded nothing. Where that is more, the rest of the way is gone with walks that know, and
 * with the sets that dives have found (`from` on): one that gains and is no column would keep prices where they are.
 * Below nothing the copies have no room together, and of service nobody asks then. */
static void prove(struct columns *c, struct prices *p, struct co_program *g, size_t from, uint64_t budget)
{
    double walked = p->lowest;
    unsigned added;
    if (co_serves(c) && walked <= 0) {
        p->lowest = INFINITY;
        return;
    }
    c->dive = NULL;
    for (size_t j = from; j < c->nsets; j++)
        co_add(c, g, j);
    c->exact = true;
    c->steps_each = WALK_STEPS;
    p->lowest = co_price(c, p->best, g, &added);
    if (p->lowest > walked + NEAR * fabs(walked))
        by_drawing(c, p, g, c->s->nodes + budget);
    c->exact = false;
    c->steps_each = FIRST_STEPS;
}

double se_columns(struct search *s, uint64_t budget, const struct pl_solution *from, struct pl_solution *dived)
{
    bt_auto_arena a = { 0 };
    unsigned lost;
    *dived = (struct pl_solution){ 0 };
    if (s->p->n > 64)
        return INFINITY;             /* a bit per work */
    struct columns *c = new_columns(s, NULL, &a);
    c->end = s->nodes + budget;
    if (!c->nworks)
        return INFINITY;
    struct co_program g;
    struct prices p = find_prices(c, from, budget, &g);
    price_cards(c);
    size_t found = c->nsets;
    *dived = co_dive(c, &lost);
    prove(c, &p, &g, found, budget / 4);
    return c->unbounded ? INFINITY : p.lowest;
}

static double asked_of(struct search *s, uint64_t budget, const struct co_asked *asked, struct pl_solution *dived)
{
    bt_auto_arena a = { 0 };
    unsigned lost;
    if (s->p->n > 64)
        return INFINITY;
    struct columns *c = new_columns(s, asked, &a);
    c->end = s->nodes + budget;
    if (!c->nworks)
        return INFINITY;
    struct co_program g;
    struct prices p = find_prices(c, &(struct pl_solution){ 0 }, budget, &g);
    prove(c, &p, &g, c->nsets, budget / 4);
    if (dived && !is_enough(c, &p))
        *dived = co_dive(c, &lost);
    return c->unbounded ? INFINITY : p.lowest;
}

double se_columns_of(struct search *s, uint64_t budget, const bool *loose, const double *counts, double enough, struct pl_solution *dived)
{
    return asked_of(s, budget, &(struct co_asked){ .loose = loose, .counts = counts, .enough = enough }, dived);
}

double se_columns_wants(struct search *s, uint64_t budget, const bool *loose, double enough, struct pl_solution *dived)
{
    return asked_of(s, budget, &(struct co_asked){ .loose = loose, .wants = true, .enough = enough }, dived);
}

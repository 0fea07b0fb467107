/* grows_price - prices of copies, by a linear program over the sets of neighbours so far: each copy (each part of its shape) stands once, no card carries two
 * sets, and each context stops growing on one of its cards at least, or has all that is wanted. Whoever stops on a card has no less than any who grow there;
 * without that last row the program lets a context lack on one card for the sake of its neighbours, and nothing that fills that card makes it lack.
 *
 * With any prices the best set of each card and the prices add up to no less than any placement reaches; a row of contexts that stop takes a price that is
 * never above nothing. New sets are asked of short walks as long as those find any (gr_quick); the bound is of whole walks. */
#include <math.h>
#include <string.h>

#include "plan/grows_int.h"

#define MOST_ROUNDS 150u             /* of prices */
#define MOST_QUICK 200u              /* rounds beside those that only looked for any set */
#define MOST_PIVOTS 2000u
#define PIVOT_NODES 4u               /* so many steps of the simplex method are as much work as a node of the search */
#define STEPS_EACH 8u                /* so many steps of walks are, too */
#define SETS_A_NODE 16u              /* so many kept sets are priced anew in the time of a node */
#define MISSING 3000.0               /* what a rank that has no place costs, in thousandths of wants: more than all that it makes room for */
#define DRAWN 0.5                    /* of the way from the best prices to those of the program */
#define NEAR 0.25                    /* thousandths: nearer to its end the program need not come */
#define EPS 1e-4
#define STANDS 32u                   /* ranks of a work in the program's answer that are looked at */

struct gr_sum gr_look(struct grows *g)
{
    const struct search *s = g->s;
    struct gr_sum o = { g->base, g->base };
    for (size_t i = 0; i < g->ncolors; i++) {
        gr_best(g, i);
        o.best += g->color[i].best * (double)g->color[i].count;
        o.sure += g->color[i].sure * (double)g->color[i].count;
    }
    for (size_t i = 0; i < s->p->n * GR_PARTS; i++)
        if (g->row[i] != UINT32_MAX) {
            o.best += g->price[i] * s->copies_most[i / GR_PARTS];
            o.sure += g->price[i] * s->copies_most[i / GR_PARTS];
        }
    for (size_t i = s->p->n * GR_PARTS; i < s->p->n * (GR_PARTS + 1); i++) {
        o.best += g->price[i];
        o.sure += g->price[i];
    }
    g->s->nodes += g->steps / STEPS_EACH + g->nsets / SETS_A_NODE;
    g->steps %= STEPS_EACH;
    return o;
}

bool gr_is_kept(const struct grows *g, const struct gr_set *x)
{
    for (size_t i = 0; i < g->nsets; i++)
        if (g->set[i].color == x->color && g->set[i].n == x->n && !memcmp(g->set[i].at, x->at, x->n * sizeof *x->at))
            return true;
    return false;
}

void gr_keep_set(struct grows *g, const struct gr_set *x)
{
    if (x->n && g->nsets < GR_SETS && !gr_is_kept(g, x))
        g->set[g->nsets++] = *x;
}

static bool is_left(const struct grows *g, const struct gr_set *x)
{
    const struct gr_color *c = &g->color[x->color];
    uint64_t has = 0;
    if (x->worth < 0)
        return false;
    for (size_t i = 0; i < x->n; i++) {
        if (!gr_is_left(g, &c->rank[x->at[i]]))
            return false;
        has |= UINT64_C(1) << c->rank[x->at[i]].work;
    }
    return !(c->must & ~has);
}

/* Those that are kept since the program has seen them. */
static void add_sets(struct grows *g)
{
    for (; g->in < g->nsets; g->in++) {
        const struct gr_set *x = &g->set[g->in];
        struct ms_entry e[2 * GR_SEATS + 1];
        uint32_t n = 0;
        for (size_t j = 0; j < x->n; j++) {
            const struct gr_rank *q = &g->color[x->color].rank[x->at[j]];
            uint32_t stop = q->stops ? g->row[g->s->p->n * GR_PARTS + q->root] : UINT32_MAX, h = 0;
            while (h < n && e[h].row != stop)
                h++;
            if (stop != UINT32_MAX && h == n)
                e[n++] = (struct ms_entry){ stop, 1 };
            else if (stop != UINT32_MAX)
                e[h].by++;
        }
        for (size_t j = 0; j < x->n; j++) {
            const struct gr_rank *r = &g->color[x->color].rank[x->at[j]];
            uint32_t k = 0;
            while (k < n && e[k].row != g->row[gr_unit(r)])
                k++;
            if (k == n)
                e[n++] = (struct ms_entry){ g->row[gr_unit(r)], 0 };
            e[k].by += 1.0 / r->per;
        }
        e[n++] = (struct ms_entry){ g->colors + (uint32_t)x->color, 1 };
        if (is_left(g, x))
            ms_add(g->m, x->worth, e, n);
    }
}

void gr_drop_sets(struct grows *g)
{
    size_t n = 0, all = g->nsets;
    for (size_t i = 0; i < all; i++)
        if (i > all / 2 || is_left(g, &g->set[i]))
            g->set[n++] = g->set[i];
    if (n > GR_SETS / 2) {           /* too many all the same: the latest */
        memmove(g->set, g->set + (n - GR_SETS / 2), GR_SETS / 2 * sizeof *g->set);
        n = GR_SETS / 2;
    }
    g->nsets = n;
}

static size_t parts_of(const struct grows *g, size_t work)
{
    size_t n = 1;
    for (size_t i = 0; i < g->ncolors; i++)
        for (size_t j = 0; j < g->color[i].n; j++) {
            const struct gr_rank *r = &g->color[i].rank[j];
            if (r->work == work && r->shape == g->shape[work])
                n = BT_MAX(n, r->part + 1);
        }
    return n;
}

static void start_program(struct grows *g, bool last, struct bt_arena *a)
{
    const struct search *s = g->s;
    double side[64 * GR_PARTS + 64 + BT_MAX_GPUS], own[64 * GR_PARTS + 64 + BT_MAX_GPUS];
    uint32_t n = 0;
    uint32_t per[64 * GR_PARTS] = { 0 };             /* a rank that is missing costs as much, of however many it is */
    for (size_t i = 0; i < g->ncolors; i++)
        for (size_t j = 0; j < g->color[i].n; j++)
            if (gr_is_left(g, &g->color[i].rank[j]))
                per[gr_unit(&g->color[i].rank[j])] = BT_MAX(per[gr_unit(&g->color[i].rank[j])], g->color[i].rank[j].per);
    bool free[64] = { false };       /* [root] a rank of it need not stop where it is */
    for (size_t i = 0; i < g->ncolors && last; i++)
        for (size_t j = 0; j < g->color[i].n; j++)
            if (g->color[i].rank[j].root != PL_NONE && !g->color[i].rank[j].stops)
                free[g->color[i].rank[j].root] = true;
    for (size_t i = 0; i < s->p->n * GR_PARTS; i++) {
        size_t work = i / GR_PARTS;
        g->row[i] = UINT32_MAX;
        if (s->p->work[work].cpu_only || !s->copies_most[work] || i % GR_PARTS >= parts_of(g, work))
            continue;
        g->row[i] = n;
        side[n] = s->copies_most[work];
        own[n++] = -MISSING * (double)(per[i] ? per[i] : s->ncards);
    }
    for (size_t i = 0; i < s->p->n; i++) {
        g->row[s->p->n * GR_PARTS + i] = free[i] ? n : UINT32_MAX;
        if (free[i]) {
            side[n] = 1;
            own[n++] = -MISSING * (double)s->ncards;
        }
    }
    g->colors = n;
    for (size_t i = 0; i < g->ncolors; i++) {
        side[n] = (double)g->color[i].count;
        own[n++] = g->color[i].must ? -MISSING * (double)s->ncards : 0;
    }
    g->m = ms_new(a, n, side, own, GR_SETS + 64, GR_SETS * 9);
    for (size_t i = 0; i < s->p->n; i++)             /* more ranks than one may stop it */
        if (free[i])
            ms_add(g->m, 0, &(struct ms_entry){ g->row[s->p->n * GR_PARTS + i], -1 }, 1);
    g->first = g->m->ncolumns;
    g->in = 0;
    add_sets(g);
}

/* ---- what its answer wishes ---- */

/* Bytes of all ranks of the set with as much of their contexts as they may have; least: with no more than they must. */
static double full_bytes(const struct gr_color *c, const struct gr_set *x, double *least)
{
    double sum = 0;
    *least = 0;
    for (size_t i = 0; i < x->n; i++) {
        const struct gr_rank *r = &c->rank[x->at[i]];
        *least += (double)r->bytes;
        sum += (double)r->bytes + (r->top - r->x0) * r->slope;
    }
    return sum;
}

/* A rank of a set of the program's answer: so many of them, in a card of so many bytes beside it. */
struct stands { const struct gr_color *c; const struct gr_rank *r; double n, full, least; };

/* About how much it loses where it is of this part of the shape: nothing where all have room, else at the price of bytes there. */
static double loss_in(const struct stands *o, size_t shape, size_t part, double cap)
{
    for (size_t j = 0; j < o->c->n; j++) {
        const struct gr_rank *q = &o->c->rank[j];
        if (q->work != o->r->work || q->shape != shape || q->part != part || q->cards != o->r->cards || q->stops != o->r->stops)
            continue;
        if (q->bytes == UINT64_MAX || o->least - (double)o->r->bytes + (double)q->bytes > cap)
            return GR_NO_PLACE;
        double more = (double)q->bytes + (q->top - q->x0) * q->slope - (double)o->r->bytes - (o->r->top - o->r->x0) * o->r->slope;
        double less = (o->r->top - q->top) * o->r->worth;
        return BT_MIN(BT_MAX(less + (o->full + more > cap ? BT_MAX(more, 0.0) * o->c->by_byte : 0), 0.0), GR_NO_PLACE);
    }
    return GR_NO_PLACE;
}

/* The same of all its ranks: so many of each part, those first that lose the most elsewhere. */
static double loss_of(const struct grows *g, const struct stands *v, size_t n, size_t shape)
{
    double loss[STANDS][GR_PARTS], left[GR_PARTS] = { 0 }, sum = 0;
    bool done[STANDS] = { false };
    size_t parts = 0;
    for (size_t i = 0; i < g->ncolors; i++)
        for (size_t j = 0; j < g->color[i].n; j++) {
            const struct gr_rank *q = &g->color[i].rank[j];
            if (n && q->work == v->r->work && q->shape == shape) {
                left[q->part] = (double)q->per * g->s->copies_most[q->work];
                parts = BT_MAX(parts, q->part + 1);
            }
        }
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < parts; k++)
            loss[i][k] = loss_in(&v[i], shape, k, (double)g->s->p->cap[v[i].c->card]);
    for (size_t round = 0; round < n; round++) {
        size_t best = n, to = 0;
        double regret = -1;
        for (size_t i = 0; i < n; i++) {
            double first = INFINITY, second = INFINITY;
            size_t at = 0;
            for (size_t k = 0; k < parts && !done[i]; k++) {
                if (left[k] < 1e-6)
                    continue;
                if (loss[i][k] < first) {
                    second = first;
                    first = loss[i][k];
                    at = k;
                } else
                    second = BT_MIN(second, loss[i][k]);
            }
            if (!done[i] && first < INFINITY && BT_MIN(second, 1e6) - first > regret) {
                regret = BT_MIN(second, 1e6) - first;
                best = i;
                to = at;
            }
        }
        if (best == n)
            break;
        done[best] = true;
        left[to] -= v[best].n;
        sum += v[best].n * loss[best][to];
    }
    return sum;
}

/* How many copies the program has on so many cards, and what contexts they have there. */
static void read_wishes(struct grows *g, struct bt_arena *a)
{
    double *value = BT_NEWN(a, double, g->m->ncolumns), share[GR_SEATS];
    size_t column = g->first;
    ms_values(g->m, value);
    memset(g->wish, 0, sizeof g->wish);
    memset(g->mean, 0, sizeof g->mean);
    memset(g->shapes, 0xff, sizeof g->shapes);
    struct stands *stands = BT_NEWN(a, struct stands, g->s->p->n * STANDS);
    size_t nstands[64] = { 0 };
    memset(g->clash, 0, sizeof g->clash);
    memset(g->on, 0, sizeof g->on);
    memset(g->stop, 0, sizeof g->stop);
    g->nbasis = 0;
    for (size_t i = 0; i < g->s->p->n; i++)
        g->low[i] = 1;
    for (size_t i = 0; i < g->in && column < g->m->ncolumns; i++) {
        const struct gr_set *x = &g->set[i];
        if (!is_left(g, x))
            continue;
        double n = value[column++];
        if (n < EPS)
            continue;
        gr_worth(g, x->color, x->at, x->n, share);
        if (g->nbasis < BT_LEN(g->basis))
            g->basis[g->nbasis++] = (uint16_t)i;
        uint64_t there = 0, stop = 0;
        for (size_t j = 0; j < x->n; j++) {
            const struct gr_rank *r = &g->color[x->color].rank[x->at[j]];
            there |= UINT64_C(1) << r->work;
            stop |= r->is_twin ? UINT64_C(1) << r->root : 0;
        }
        for (; stop; stop &= stop - 1)
            g->stop[__builtin_ctzll(stop)][x->color] += n;
        for (uint64_t left = there; left; left &= left - 1)
            g->on[__builtin_ctzll(left)][x->color] += n;
        double least, full = full_bytes(&g->color[x->color], x, &least);
        for (size_t j = 0; j < x->n; j++) {
            const struct gr_rank *r = &g->color[x->color].rank[x->at[j]];
            if (g->shape[r->work] == PL_NONE && nstands[r->work] < STANDS)
                stands[r->work * STANDS + nstands[r->work]++] = (struct stands){ &g->color[x->color], r, n, full, least };
            g->wish[r->work][r->cards] += n / r->cards;
            g->shapes[r->work] &= r->shapes;
            g->mean[r->work] += n / r->cards / g->s->copies_most[r->work] * share[j];
            g->low[r->work] = BT_MIN(g->low[r->work], share[j]);
        }
    }
    for (size_t i = 0; i < g->s->p->n; i++)
        for (size_t k = 0; k < BT_MIN(g->s->work[i].nshapes, (size_t)64) && g->shape[i] == PL_NONE && !(g->wide[i] & (g->wide[i] - 1)); k++)
            if (g->s->work[i].shape[k].least < UINT64_MAX && g->wide[i] >> g->s->work[i].shape[k].cards & 1)
                g->clash[i][k] = loss_of(g, &stands[i * STANDS], nstands[i], k);
}

double gr_program(struct grows *g, bool last)
{
    bt_auto_arena a = { 0 };
    struct search *s = g->s;
    size_t n = s->p->n * (GR_PARTS + 1);
    double lowest = INFINITY, sure = INFINITY, now[64 * GR_PARTS + 64];
    unsigned quick = 0;
    start_program(g, last, &a);
    for (size_t i = s->p->n * GR_PARTS; i < n && !last; i++)
        g->price[i] = g->best_price[i] = 0;
    for (unsigned round = 0; round < MOST_ROUNDS + quick && sure >= g->reached - EPS && s->nodes < g->end; round++) {
        s->nodes += ms_solve(g->m, MOST_PIVOTS) / PIVOT_NODES;
        double program = g->base + ms_value(g->m);
        if ((!last && program >= g->reached) || lowest - program < NEAR)
            break;
        for (size_t i = 0; i < n; i++)
            now[i] = g->row[i] == UINT32_MAX ? 0 : i < s->p->n * GR_PARTS ? g->m->price[g->row[i]] : BT_MIN(g->m->price[g->row[i]], 0.0);
        size_t before = g->nsets;
        memcpy(g->price, now, n * sizeof *now);      /* as long as any set gains, the best one need not be known */
        for (size_t i = 0; i < g->ncolors && quick < MOST_QUICK; i++)
            if (gr_quick(g, i, g->m->price[g->colors + i]))
                gr_keep_set(g, &g->color[i].set);
        s->nodes += g->steps / STEPS_EACH;
        g->steps %= STEPS_EACH;
        if (g->nsets > before) {
            quick++;
            add_sets(g);
            continue;
        }
        bool lower = false;
        for (double part = lowest < INFINITY ? DRAWN : 1; !lower; part = 1) {
            for (size_t i = 0; i < n; i++)
                g->price[i] = part < 1 ? g->best_price[i] + part * (now[i] - g->best_price[i]) : now[i];
            struct gr_sum sum = gr_look(g);
            for (size_t i = 0; i < g->ncolors; i++)
                gr_keep_set(g, &g->color[i].set);
            sure = BT_MIN(sure, sum.sure);
            lower = sum.best < lowest - 1e-3;
            if (lower) {
                lowest = sum.best;
                memcpy(g->best_price, g->price, n * sizeof *g->price);
            }
            if (part == 1 || g->nsets > before)
                break;
        }
        add_sets(g);
        if (!lower && g->nsets == before)
            break;
    }
    read_wishes(g, &a);
    memcpy(g->price, g->best_price, n * sizeof *g->price);
    return sure;
}

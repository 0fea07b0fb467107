/* grows_settle - what is settled where the program's bound is not enough (grows_price.c): on how many cards the copies of a work are, their shape, how long a
 * context is, who is on a card. In the order of what that takes from the program's answer, most of all: widths first, then shapes in which its ranks would
 * lose, contexts that have more on some cards than on others, on which card they stop, whom it has on a card in part; what is whole in it comes last. At each
 * step there is a short look at all ways to fill the cards with the few sets that are near the best (grows_fill.c), as long as those looks were not in vain too
 * often. */
#include <math.h>
#include <string.h>

#include "plan/grows_int.h"

#define FILL_LOOK 2000u              /* for all ways to fill the cards */
#define FILL_LONGER 8000u            /* the same where nothing else is left but who is on a card */
#define VAIN_SHARE 8u                /* of the work so far, for looks after which nothing is known */
#define SHAPE_FIRST 4.0              /* what a shape loses counts so much more than a context that is not one */
#define MEAN_SHARE 16.0              /* of what is lost in the mean of the shapes, beside the least */
#define EPS 1e-4
#define SLOW_AFTER 16u               /* of the work there is, before anybody says how much of the tree it sees */
#define SLOW 1e-5                    /* with this share of the tree behind it at first, and so much more for each part of the work, a look comes to its end */
#define APART 2e-3                   /* shares of a context: nearer is one */
#define STOP_WORTH 0.5               /* thousandths of wants: less is not settled */
#define CERTAIN 0.02                 /* of a card: nearer to none or one */

/* ---- on how many cards ---- */

/* Of those with several numbers of cards left the one whose number is the least certain. */
static size_t next_width(const struct grows *g)
{
    size_t best = PL_NONE;
    double least = INFINITY;
    for (size_t i = 0; i < g->s->p->n; i++) {
        double most = 0;
        if (__builtin_popcountll(g->wide[i]) < 2)
            continue;
        for (size_t c = 0; c < 64; c++)
            most = BT_MAX(most, g->wish[i][c] / g->s->copies_most[i]);
        most += 0.1 * __builtin_popcountll(g->wide[i]);
        if (most < least) {
            least = most;
            best = i;
        }
    }
    return best;
}

void gr_set_shares(struct grows *g, size_t work, double least, double most)
{
    g->least[work] = least;
    g->most[work] = most;
    for (size_t i = 0; i < g->ncolors; i++)
        for (size_t j = 0; j < g->color[i].n; j++) {
            struct gr_rank *r = &g->color[i].rank[j];
            double cap = (double)g->s->p->cap[g->color[i].card];
            if (r->work != work || r->worth <= 0)
                continue;
            r->top = BT_MIN(r->all.top, most);
            r->least = BT_MAX(r->all.least, least);
            r->x0 = BT_MIN(BT_MAX(r->all.x0, least), r->top);
            double bytes = (double)r->all.bytes + BT_MAX(r->x0 - r->all.x0, 0.0) * r->slope;
            r->bytes = r->all.top < least - EPS || bytes > cap ? UINT64_MAX : (uint64_t)bytes;
        }
}

/* The same, and what sets that have them are worth now. */
static void set_shares(struct grows *g, size_t work, double least, double most)
{
    gr_set_shares(g, work, least, most);
    for (size_t i = 0; i < g->nsets; i++) {
        struct gr_set *x = &g->set[i];
        bool has = false, fits = true;
        for (size_t j = 0; j < x->n; j++) {
            const struct gr_rank *r = &g->color[x->color].rank[x->at[j]];
            has = has || r->work == work;
            fits = fits && r->bytes < UINT64_MAX;
        }
        if (has)
            x->worth = fits ? gr_worth(g, x->color, x->at, x->n, NULL) : -1;
    }
}

/* Whose context is the least like one: it has more on some cards than on others, but it is as long as on the poorest. */
static size_t next_to_part(const struct grows *g, double *most)
{
    size_t best = PL_NONE;
    double apart = APART;
    for (size_t i = 0; i < g->s->p->n; i++)
        if (g->mean[i] - g->low[i] > apart) {
            apart = g->mean[i] - g->low[i];
            best = i;
        }
    *most = best == PL_NONE ? 0 : apart * 1000;
    return best;
}

/* It is as long as the mean, or longer; or shorter. */
static bool part_context(struct grows *g, size_t work)
{
    double least = g->least[work], most = g->most[work], at = (g->mean[work] + g->low[work]) / 2;
    g->part /= 2;
    set_shares(g, work, at, most);
    bool none = gr_settle(g);
    if (none && !g->over && !g->better) {
        set_shares(g, work, least, at);
        none = gr_settle(g);
    }
    set_shares(g, work, least, most);
    g->part *= 2;
    return none;
}

/* The copies of the work are on so many cards; or on so many. */
static bool settle_width(struct grows *g, size_t work)
{
    uint64_t was = g->wide[work];
    double wish[64], part = g->part;
    bool none = true;
    memcpy(wish, g->wish[work], sizeof wish);
    g->part = part / __builtin_popcountll(was);
    for (uint64_t left = was; left && !g->over && !g->better; left &= ~g->wide[work]) {
        size_t most = (size_t)__builtin_ctzll(left);
        for (size_t c = most + 1; c < 64; c++)
            most = left >> c & 1 && wish[c] > wish[most] ? c : most;
        g->wide[work] = UINT64_C(1) << most;
        none = gr_settle(g) && none;
    }
    g->wide[work] = was;
    g->part = part;
    return none && !g->over;
}

static size_t shapes_left(const struct grows *g, size_t work)
{
    size_t n = 0;
    for (size_t j = 0; j < g->s->work[work].nshapes && g->wide[work] && g->shape[work] == PL_NONE; j++)
        n += g->s->work[work].shape[j].least < UINT64_MAX && g->wide[work] >> g->s->work[work].shape[j].cards & 1;
    return n;
}

/* Everybody is on one number of cards. What to settle next: the one without which the program's answer loses the most, in whatever shape. PL_NONE: any shape
 * does as well. */
static size_t next_shape(const struct grows *g, double *most)
{
    size_t best = PL_NONE;
    *most = 0;
    for (size_t i = 0; i < g->s->p->n; i++) {
        double least = INFINITY, sum = 0;
        size_t n = shapes_left(g, i);
        for (size_t k = 0; n && k < BT_MIN(g->s->work[i].nshapes, (size_t)64); k++)
            if (g->s->work[i].shape[k].least < UINT64_MAX && g->wide[i] >> g->s->work[i].shape[k].cards & 1) {
                least = BT_MIN(least, g->clash[i][k]);
                sum += BT_MIN(g->clash[i][k], GR_NO_PLACE);
            }
        if (n && BT_MIN(least, GR_NO_PLACE) + sum / (double)n / MEAN_SHARE > *most) {
            *most = BT_MIN(least, GR_NO_PLACE) + sum / (double)n / MEAN_SHARE;
            best = i;
        }
    }
    return best;
}

static size_t any_shape(const struct grows *g)
{
    size_t best = PL_NONE, fewest = 0;
    for (size_t i = 0; i < g->s->p->n; i++) {
        size_t n = shapes_left(g, i);
        bool in_several = !g->shapes[i], cut_short = g->mult[i] && g->mean[i] < 1 - APART;
        if (!n)
            continue;
        n += in_several ? 0 : cut_short ? GR_RANKS : 2 * GR_RANKS;
        if (best == PL_NONE || n < fewest) {
            best = i;
            fewest = n;
        }
    }
    return best;
}

/* The same rank of that part of the shape. */
static bool is_part(const struct gr_rank *q, const struct gr_rank *r, size_t shape, size_t part)
{
    return q->work == r->work && q->shape == shape && q->part == part && q->cards == r->cards && q->stops == r->stops;
}

/* The sets of the program's answer with the work's ranks in the shape it has now. */
static void keep_shaped(struct grows *g, size_t work, const struct gr_set *basis, size_t nbasis)
{
    for (size_t i = 0; i < nbasis; i++)
        for (size_t p = 0; p < GR_PARTS; p++) {
            struct gr_set x = basis[i];
            const struct gr_color *c = &g->color[x.color];
            bool has = false, all = true;
            for (size_t j = 0; j < x.n; j++) {
                const struct gr_rank *r = &c->rank[x.at[j]];
                size_t k = 0;
                if (r->work != work)
                    continue;
                while (k < c->n && !is_part(&c->rank[k], r, g->shape[work], p))
                    k++;
                has = true;
                all = all && k < c->n;
                x.at[j] = (uint16_t)k;
            }
            if (!has || !all)
                continue;
            for (size_t j = 1; j < x.n; j++)
                for (size_t k = j; k > 0 && x.at[k - 1] > x.at[k]; k--) {
                    uint16_t swap = x.at[k];
                    x.at[k] = x.at[k - 1];
                    x.at[k - 1] = swap;
                }
            x.worth = gr_worth(g, x.color, x.at, x.n, NULL);
            if (x.worth >= 0)
                gr_keep_set(g, &x);
        }
}

/* Its copies have this shape; or this. Prices of the parts are those of the whole at first. */
static bool settle_shape(struct grows *g, size_t work)
{
    const struct se_work *w = &g->s->work[work];
    double price = g->price[work * GR_PARTS], part = g->part;
    bool none = true;
    struct gr_set basis[BT_LEN(g->basis)];
    size_t nbasis = g->nbasis;
    for (size_t i = 0; i < nbasis; i++)
        basis[i] = g->set[g->basis[i]];
    g->part = part / (double)shapes_left(g, work);
    for (size_t i = 0; i < w->nshapes && !g->over && !g->better; i++) {
        if (w->shape[i].least == UINT64_MAX || !(g->wide[work] >> w->shape[i].cards & 1))
            continue;
        g->shape[work] = i;
        for (size_t c = 0; c < g->ncolors; c++)
            for (size_t j = 0; j < g->color[c].n; j++) {
                const struct gr_rank *r = &g->color[c].rank[j];
                if (r->work == work && r->shape == i)
                    g->best_price[gr_unit(r)] = g->price[gr_unit(r)] = price * r->per / r->cards;
            }
        keep_shaped(g, work, basis, nbasis);
        none = gr_settle(g) && none;
    }
    g->shape[work] = PL_NONE;
    g->part = part;
    g->price[work * GR_PARTS] = g->best_price[work * GR_PARTS] = price;
    return none && !g->over;
}

/* Whether the work is on a card of the color is the least certain, in the program's answer. whole: or certain, but not settled. */
static bool next_place(const struct grows *g, bool whole, size_t *work, size_t *color)
{
    double best = 0;
    for (size_t i = 0; i < g->s->p->n; i++)
        for (size_t c = 0; c < g->ncolors; c++) {
            double y = g->on[i][c], part = y - floor(y), most = BT_MIN(part, 1 - part);
            if (y <= 0 || g->color[c].must >> i & 1)
                continue;
            double paid = 0;
            for (size_t k = 0; k < GR_PARTS; k++)
                paid = BT_MAX(paid, g->price[i * GR_PARTS + k]);
            if (whole)
                most = y > 1 - CERTAIN ? 1 + paid : 0;
            else if (most < CERTAIN)
                continue;
            else
                most *= 100 + BT_MIN(paid, 3000.0);
            if (most > best) {
                best = most;
                *work = i;
                *color = c;
            }
        }
    return best > 0;
}

static bool set_has(const struct grows *g, const struct gr_set *x, size_t work)
{
    for (size_t j = 0; j < x->n; j++)
        if (g->color[x->color].rank[x->at[j]].work == work)
            return true;
    return false;
}

/* One card of the color is apart from the others; or with them again. */
static size_t take_apart(struct grows *g, size_t color)
{
    struct gr_color *c = &g->color[color], *o = &g->color[g->ncolors];
    struct gr_rank *rank = o->rank ? o->rank : BT_NEWN(g->a, struct gr_rank, GR_RANKS);
    *o = *c;
    o->rank = rank;
    memcpy(o->rank, c->rank, c->n * sizeof *rank);
    o->count = 1;
    c->count--;
    return g->ncolors++;
}

static void put_together(struct grows *g, size_t color)
{
    size_t apart = --g->ncolors, n = 0, all = g->nsets;
    g->color[color].count++;
    g->nsets = 0;
    for (size_t i = 0; i < all; i++) {
        struct gr_set x = g->set[i];
        bool was = x.color == apart;
        if (was)
            x.color = color;
        if (was && gr_is_kept(g, &x))
            continue;
        g->set[n++] = x;
        g->nsets = n;
    }
}

/* The work is on a card of the color; or on none of them. */
static bool settle_place(struct grows *g, size_t work, size_t color)
{
    struct gr_color *c = &g->color[color];
    uint64_t must = c->must;
    bool none;
    g->part /= 2;
    if (c->count == 1) {
        c->must |= UINT64_C(1) << work;
        none = gr_settle(g);
        c->must = must;
    } else {
        size_t apart = take_apart(g, color), n = g->nsets;
        g->color[apart].must |= UINT64_C(1) << work;
        for (size_t i = 0; i < n; i++)
            if (g->set[i].color == color && set_has(g, &g->set[i], work)) {
                struct gr_set x = g->set[i];
                x.color = apart;
                gr_keep_set(g, &x);
            }
        none = gr_settle(g);
        put_together(g, color);
    }
    bool off[GR_RANKS];
    for (size_t j = 0; j < c->n; j++) {
        off[j] = c->rank[j].off;
        c->rank[j].off = off[j] || c->rank[j].work == work;
    }
    none = none && !g->over && !g->better && gr_settle(g);
    for (size_t j = 0; j < c->n; j++)
        c->rank[j].off = off[j];
    g->part *= 2;
    return none;
}

/* Of which context it is the least certain that it stops on a card of the color, in the program's answer, by what that is worth there. */
static bool next_stop(const struct grows *g, size_t *root, size_t *color)
{
    double best = STOP_WORTH;
    for (size_t i = 0; i < g->s->p->n; i++)
        for (size_t c = 0; c < g->ncolors; c++) {
            double y = g->stop[i][c], worth = BT_MIN(y, 1 - y) * -g->price[g->s->p->n * GR_PARTS + i];
            if (y > CERTAIN && worth > best) {
                best = worth;
                *root = i;
                *color = c;
            }
        }
    return best > STOP_WORTH;
}

/* The context stops on no card of the color; or, others: of any other. Who stops there at no cost still does. off: as they were, [GR_RANKS] of each color. */
static void stop_not(struct grows *g, size_t root, size_t color, bool others, bool *off)
{
    for (size_t c = 0; c < g->ncolors; c++)
        for (size_t j = 0; j < g->color[c].n; j++) {
            struct gr_rank *r = &g->color[c].rank[j];
            off[c * GR_RANKS + j] = r->off;
            r->off = r->off || (r->is_twin && r->root == root && (c == color) != others);
        }
}

static void stop_again(struct grows *g, const bool *off)
{
    for (size_t c = 0; c < g->ncolors; c++)
        for (size_t j = 0; j < g->color[c].n; j++)
            g->color[c].rank[j].off = off[c * GR_RANKS + j];
}

/* It stops on a card of the color and on no other; or on none of the color. One card is enough of those on which it stops. */
static bool settle_stop(struct grows *g, size_t root, size_t color)
{
    bt_auto_arena a = { 0 };
    bool *off = BT_NEWN(&a, bool, g->ncolors * GR_RANKS);
    bool none = true;
    g->part /= 2;
    for (unsigned i = 0; i < 2 && none && !g->over && !g->better; i++) {
        stop_not(g, root, color, i == 0, off);
        none = gr_settle(g);
        stop_again(g, off);
    }
    g->part *= 2;
    return none;
}

/* All ways to fill the cards, in so many nodes, at the prices as they are. */
static enum se_fit fill(struct grows *g, uint64_t nodes)
{
    struct gr_sum sum = gr_look(g);
    return sum.sure - sum.best < EPS ? gr_fill(g, sum.sure, nodes) : SE_FIT_UNKNOWN;
}

/* What is seen of the tree grows by powers, as the deepest comes first; it is far from what that comes to in all of the work. */
static bool is_slow(const struct grows *g)
{
    uint64_t used = g->s->nodes - g->start, all = g->end - g->start;
    return g->serves && used > all / SLOW_AFTER && g->seen < pow(SLOW, 1 - (double)used / (double)all);
}

static bool settle_next(struct grows *g)
{
    struct search *s = g->s;
    double by_shape, by_part;
    size_t on, where;
    if (g->nsets > GR_SETS / 4 * 3)
        gr_drop_sets(g);
    if (s->nodes > g->end || se_late(s) || is_slow(g)) {
        g->over = true;
        return false;
    }
    bool widths = next_width(g) != PL_NONE;
    if (gr_program(g, !widths) < g->reached - EPS)
        return true;
    if (widths)
        return settle_width(g, next_width(g));       /* as the program has them now */
    size_t parted = next_to_part(g, &by_part), work = next_shape(g, &by_shape);
    uint64_t left = g->end - BT_MIN(g->end, s->nodes), before = s->nodes;
    if (g->in_vain <= FILL_LOOK + (s->nodes - g->start) / VAIN_SHARE) {
        enum se_fit how = fill(g, BT_MIN(left, work == PL_NONE && parted == PL_NONE ? FILL_LONGER : FILL_LOOK));
        if (how != SE_FIT_UNKNOWN)
            return how == SE_FITS_NOT;
        g->in_vain += s->nodes - before;
    }
    if (work != PL_NONE && by_shape > 1 && by_shape * SHAPE_FIRST >= by_part)
        return settle_shape(g, work);
    if (parted != PL_NONE)
        return part_context(g, parted);
    if (next_stop(g, &on, &where))
        return settle_stop(g, on, where);
    bool certain = !next_place(g, false, &on, &where);
    work = work == PL_NONE ? any_shape(g) : work;
    if (certain && work != PL_NONE)
        return settle_shape(g, work);
    if (!certain || next_place(g, true, &on, &where))
        return settle_place(g, on, where);
    enum se_fit how = fill(g, left);
    g->over = g->over || how == SE_FIT_UNKNOWN;
    return how == SE_FITS_NOT;
}

bool gr_settle(struct grows *g)
{
    double seen = g->seen;
    bool none = settle_next(g);
    g->seen = none ? seen + g->part : g->seen;
    return none;
}

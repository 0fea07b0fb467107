/* grows - can all stand with more of their contexts, asked of whole sets of neighbours? Every card carries one set of ranks that fits it, and what their
 * contexts grow to there is bounded by the rule of growth (kv.c, pl_grant): all by the same share of what they lack, until a card of theirs is full. Who
 * stands on one card alone is stopped by nothing but that card: when it is full, he has the largest share of all that grow there. So the dear do not go
 * without for the sake of the cheap, as they would if bytes were all that counted (grows_walk.c).
 *
 * What ties cards together, that each copy stands once, gets a price, as in sets.c: with any prices the best set of each card and the prices of the copies
 * add up to no less than any placement reaches. A linear program over the sets so far finds good ones. Where its bound is not enough, it is settled on how
 * many cards the copies of one work are, then of another; and where all are settled, cards are filled with the few sets that are near the best of their
 * color (grows_fill.c). */
#include <math.h>
#include <string.h>

#include "plan/grows_int.h"

#define MOST_ROUNDS 150u             /* of prices */
#define MOST_PIVOTS 2000u
#define PIVOT_NODES 4u               /* so many steps of the simplex method are as much work as a node of the search */
#define STEPS_EACH 8u                /* so many steps of walks are, too */
#define SETS_A_NODE 16u              /* so many kept sets are priced anew in the time of a node */
#define MISSING 3000.0               /* what a copy that has no place costs, in thousandths of wants */
#define DRAWN 0.5                    /* of the way from the best prices to those of the program */
#define NEAR 0.25                    /* thousandths: nearer to its end the program need not come */
#define LEVELS 65536.0               /* steps of growth, as kv.c has them */
#define FILL_LOOK 2000u              /* for all ways to fill the cards, before shapes are settled */
#define FILL_SHARE 4u                /* of the work, for the same before a context is parted */
#define EPS 1e-4
#define APART 2e-3                   /* shares of a context: nearer is one */

/* ---- prices ---- */

struct sum { double best, sure; };   /* of the sets that were seen; no placement reaches more */

static struct sum look(struct grows *g)
{
    const struct search *s = g->s;
    struct sum o = { g->base, g->base };
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
    g->s->nodes += g->steps / STEPS_EACH + g->nsets / SETS_A_NODE;
    g->steps %= STEPS_EACH;
    return o;
}

static bool is_kept(const struct grows *g, const struct gr_set *x)
{
    for (size_t i = 0; i < g->nsets; i++)
        if (g->set[i].color == x->color && g->set[i].n == x->n && !memcmp(g->set[i].at, x->at, x->n * sizeof *x->at))
            return true;
    return false;
}

static void keep_set(struct grows *g, const struct gr_set *x)
{
    if (x->n && g->nsets < GR_SETS && !is_kept(g, x))
        g->set[g->nsets++] = *x;
}

static bool is_left(const struct grows *g, const struct gr_set *x)
{
    const struct gr_color *c = &g->color[x->color];
    if (x->worth < 0)
        return false;
    for (size_t i = 0; i < x->n; i++)
        if (!gr_is_left(g, &c->rank[x->at[i]]))
            return false;
    return true;
}

/* Those that are kept since the program has seen them. */
static void add_sets(struct grows *g)
{
    for (; g->in < g->nsets; g->in++) {
        const struct gr_set *x = &g->set[g->in];
        struct ms_entry e[GR_SEATS + 1];
        uint32_t n = 0;
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

static void start_program(struct grows *g, struct bt_arena *a)
{
    const struct search *s = g->s;
    double side[64 * GR_PARTS + BT_MAX_GPUS], own[64 * GR_PARTS + BT_MAX_GPUS];
    uint32_t n = 0;
    for (size_t i = 0; i < s->p->n * GR_PARTS; i++) {
        size_t work = i / GR_PARTS;
        g->row[i] = UINT32_MAX;
        if (s->p->work[work].cpu_only || !s->copies_most[work] || i % GR_PARTS >= parts_of(g, work))
            continue;
        g->row[i] = n;
        side[n] = s->copies_most[work];
        own[n++] = -MISSING;
    }
    g->colors = n;
    for (size_t i = 0; i < g->ncolors; i++) {
        side[n] = (double)g->color[i].count;
        own[n++] = 0;
    }
    g->m = ms_new(a, n, side, own, GR_SETS, GR_SETS * 6);
    g->in = 0;
    add_sets(g);
}

/* How many copies the program has on so many cards, and what contexts they have there. */
static void read_wishes(struct grows *g, struct bt_arena *a)
{
    double *value = BT_NEWN(a, double, g->m->ncolumns), share[GR_SEATS];
    size_t column = g->m->m;
    ms_values(g->m, value);
    memset(g->wish, 0, sizeof g->wish);
    memset(g->mean, 0, sizeof g->mean);
    memset(g->shapes, 0xff, sizeof g->shapes);
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
        for (size_t j = 0; j < x->n; j++) {
            const struct gr_rank *r = &g->color[x->color].rank[x->at[j]];
            g->wish[r->work][r->cards] += n / r->cards;
            g->shapes[r->work] &= r->shapes;
            g->mean[r->work] += n / r->cards / g->s->copies_most[r->work] * share[j];
            g->low[r->work] = BT_MIN(g->low[r->work], share[j]);
        }
    }
}

/* The bound, of prices that are left in g->price. last: as near to its end as it comes, else no nearer than needed to see that it is not enough. */
static double by_program(struct grows *g, bool last)
{
    bt_auto_arena a = { 0 };
    struct search *s = g->s;
    size_t n = s->p->n * GR_PARTS;
    double lowest = INFINITY, sure = INFINITY, now[64 * GR_PARTS];
    start_program(g, &a);
    for (unsigned round = 0; round < MOST_ROUNDS && sure >= g->reached - EPS && s->nodes < g->end; round++) {
        s->nodes += ms_solve(g->m, MOST_PIVOTS) / PIVOT_NODES;
        double program = g->base + ms_value(g->m);
        if ((!last && program >= g->reached) || lowest - program < NEAR)
            break;
        for (size_t i = 0; i < n; i++)
            now[i] = g->row[i] == UINT32_MAX ? 0 : g->m->price[g->row[i]];
        size_t before = g->nsets;
        bool lower = false;
        for (double part = lowest < INFINITY ? DRAWN : 1; !lower; part = 1) {
            for (size_t i = 0; i < n; i++)
                g->price[i] = part < 1 ? g->best_price[i] + part * (now[i] - g->best_price[i]) : now[i];
            struct sum sum = look(g);
            for (size_t i = 0; i < g->ncolors; i++)
                keep_set(g, &g->color[i].set);
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

static bool settle(struct grows *g);

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
static size_t next_to_part(const struct grows *g)
{
    size_t best = PL_NONE;
    double most = APART;
    for (size_t i = 0; i < g->s->p->n; i++)
        if (g->mean[i] - g->low[i] > most) {
            most = g->mean[i] - g->low[i];
            best = i;
        }
    return best;
}

/* It is as long as the mean, or longer; or shorter. */
static bool part(struct grows *g, size_t work)
{
    double least = g->least[work], most = g->most[work], at = (g->mean[work] + g->low[work]) / 2;
    set_shares(g, work, at, most);
    bool none = settle(g);
    if (none && !g->over && !g->better) {
        set_shares(g, work, least, at);
        none = settle(g);
    }
    set_shares(g, work, least, most);
    return none;
}

/* The copies of the work are on so many cards; or on so many. */
static bool settle_width(struct grows *g, size_t work)
{
    uint64_t was = g->wide[work];
    double wish[64];
    bool none = true;
    memcpy(wish, g->wish[work], sizeof wish);
    for (uint64_t left = was; left && !g->over && !g->better; left &= ~g->wide[work]) {
        size_t most = (size_t)__builtin_ctzll(left);
        for (size_t c = most + 1; c < 64; c++)
            most = left >> c & 1 && wish[c] > wish[most] ? c : most;
        g->wide[work] = UINT64_C(1) << most;
        none = settle(g) && none;
    }
    g->wide[work] = was;
    return none && !g->over;
}

static size_t shapes_left(const struct grows *g, size_t work)
{
    size_t n = 0;
    for (size_t j = 0; j < g->s->work[work].nshapes && g->wide[work] && g->shape[work] == PL_NONE; j++)
        n += g->s->work[work].shape[j].least < UINT64_MAX && g->wide[work] >> g->s->work[work].shape[j].cards & 1;
    return n;
}

/* Everybody is on one number of cards. Of those whose shape is open: whom the program has in several at once, then those whose contexts it cuts short (the
 * shape of the others hardly matters); of each kind the one with the fewest. PL_NONE: all are settled. */
static size_t next_shape(const struct grows *g)
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

/* Its copies have this shape; or this. Prices of the parts are those of the whole at first. */
static bool settle_shape(struct grows *g, size_t work)
{
    const struct se_work *w = &g->s->work[work];
    double price = g->price[work * GR_PARTS];
    bool none = true;
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
        none = settle(g) && none;
    }
    g->shape[work] = PL_NONE;
    g->price[work * GR_PARTS] = g->best_price[work * GR_PARTS] = price;
    return none && !g->over;
}

/* All ways to fill the cards, in so many nodes, at the prices as they are. */
static enum se_fit fill(struct grows *g, uint64_t nodes)
{
    struct sum sum = look(g);
    return sum.sure - sum.best < EPS ? gr_fill(g, sum.sure, nodes) : SE_FIT_UNKNOWN;
}

/* True: nothing is left. */
static bool settle(struct grows *g)
{
    struct search *s = g->s;
    if (s->nodes > g->end || g->nsets >= GR_SETS || se_late(s)) {
        g->over = true;
        return false;
    }
    size_t work = next_width(g);
    if (by_program(g, work == PL_NONE) < g->reached - EPS)
        return true;
    if (work != PL_NONE)
        return settle_width(g, next_width(g));       /* as the program has them now */
    uint64_t left = g->end - BT_MIN(g->end, s->nodes);
    enum se_fit how = fill(g, BT_MIN(left, FILL_LOOK));
    work = how == SE_FIT_UNKNOWN ? next_shape(g) : PL_NONE;
    if (work != PL_NONE)
        return settle_shape(g, work);
    work = next_to_part(g);
    if (how == SE_FIT_UNKNOWN)       /* parts of a context are many, and all of them ask for much the same */
        how = fill(g, work == PL_NONE ? left : left / FILL_SHARE);
    if (how == SE_FIT_UNKNOWN && work != PL_NONE)
        return part(g, work);
    g->over = g->over || how == SE_FIT_UNKNOWN;
    return how == SE_FITS_NOT;
}

/* ---- set up ---- */

static bool alike(const struct gr_rank *a, const struct gr_rank *b)
{
    return a->bytes == b->bytes && a->of == b->of && !(a->slope < b->slope || a->slope > b->slope);
}

static bool new_rank(struct gr_color *c, const struct gr_rank *one)
{
    if (c->n == GR_RANKS)
        return false;
    struct gr_rank *r = &c->rank[c->n++];
    *r = *one;
    r->all.bytes = one->bytes;
    r->all.x0 = one->x0;
    r->all.top = one->top;
    r->all.least = one->least;
    return true;
}

/* Wherever b is in a set, a may be in its place, and it is worth no less. */
static bool stands_for(const struct gr_rank *a, const struct gr_rank *b)
{
    return a->bytes <= b->bytes && a->x0 >= b->x0 && a->top >= b->top && a->slope <= b->slope && a->step >= b->step && a->alone == b->alone;
}

/* In whatever shape: who takes no less and has no more than another is not needed, the other stands for its shapes, too. */
static bool add_any(struct gr_color *c, struct gr_rank one)
{
    size_t n = 0;
    for (size_t i = 0; i < c->n; i++) {
        struct gr_rank *r = &c->rank[i];
        if (r->work != one.work || r->cards != one.cards || r->shape != PL_NONE || !stands_for(r, &one))
            continue;
        r->exact = r->exact && one.exact && alike(r, &one);
        r->shapes |= one.shapes;
        return true;
    }
    for (size_t i = 0; i < c->n; i++) {
        const struct gr_rank *r = &c->rank[i];
        if (r->work == one.work && r->cards == one.cards && r->shape == PL_NONE && stands_for(&one, r)) {
            one.exact = one.exact && r->exact && alike(r, &one);
            one.shapes |= r->shapes;
        } else
            c->rank[n++] = *r;
    }
    c->n = n;
    return new_rank(c, &one);
}

/* In one shape: the least of all that are of one part. */
static bool add_part(struct gr_color *c, const struct gr_rank *one)
{
    for (size_t i = 0; i < c->n; i++) {
        struct gr_rank *r = &c->rank[i];
        if (r->work != one->work || r->cards != one->cards || r->shape != one->shape || r->part != one->part)
            continue;
        r->exact = r->exact && one->exact && alike(r, one);
        r->bytes = BT_MIN(r->bytes, one->bytes);
        r->x0 = BT_MAX(r->x0, one->x0);
        r->top = BT_MAX(r->top, one->top);
        r->slope = BT_MIN(r->slope, one->slope);
        r->step = BT_MAX(r->step, one->step);
        r->alone = r->alone && one->alone;
        r->all.bytes = r->bytes;
        r->all.x0 = r->x0;
        r->all.top = r->top;
        return true;
    }
    return new_rank(c, one);
}

/* Bytes that its context may get when all have stopped: they stopped at a step that somebody lacked the room for; whole pieces of the largest block are
 * given then, and what is not whole goes to others. */
static double late_bytes(const struct pl_work *k, const struct bt_need *need, const struct se_row *r, uint64_t block)
{
    double step = ceil((double)(k->ctx_want - k->ctx_min) / LEVELS) + 1, mine = (double)need->block;
    return (double)r->block * (ceil(step / mine) + ceil((double)block / mine));
}

/* What of its context a rank of a server has there. */
static void add_context(const struct grows *g, const struct se_work *w, const struct se_shape *sh, size_t cost, uint32_t stage, const struct gr_color *c,
                        uint64_t block, struct gr_rank *o)
{
    const struct search *s = g->s;
    const struct pl_work *k = w->k;
    const struct se_row *r = &sh->row[cost * sh->pp + stage];
    double want = (double)k->ctx_want;
    o->worth = 1000.0 / sh->cards / s->copies_most[o->work];
    o->top = s->ctx_most[o->work];
    o->min = (double)k->ctx_min / want;
    o->least = (double)w->ctx_least / want;
    o->token = 2 / want;
    if (sh->limit_ctx) {
        o->top = o->x0 = BT_MIN(o->top, sh->limit_ctx[(cost * sh->pp + stage) * s->p->nclasses + s->p->cls[c->card]] / want);
        return;
    }
    o->slope = r->slope * want;
    o->top = o->slope > 0 ? BT_MIN(o->top, r->ctx0 / want + (double)(s->p->cap[c->card] - o->bytes) / o->slope) : o->top;
    o->x0 = o->slope > 0 ? BT_MIN(r->ctx0 / want, o->top) : o->top;
    o->step = late_bytes(k, sh->sh->cost[cost].need, r, block);
    o->alone = sh->cards == 1 && s->copies_most[o->work] == 1 && k->ctx_root == o->work && g->mult[o->work] == 1;
}

static bool stages_alike(const struct search *s, const struct se_shape *sh, uint32_t a, uint32_t b)
{
    for (size_t c = 0; c < s->p->nclasses; c++)
        if (memcmp(&sh->row[c * sh->pp + a], &sh->row[c * sh->pp + b], sizeof *sh->row))
            return false;
    return true;
}

/* Stages that take the same on every class are one part; those past the last one are of that. part: [pp], ranks: [GR_PARTS] */
static void fill_parts(const struct search *s, const struct se_shape *sh, uint8_t *part, uint32_t *ranks)
{
    uint8_t n = 0;
    for (uint32_t j = 0; j < sh->pp; j++) {
        uint32_t like = 0;
        while (like < j && !stages_alike(s, sh, like, j))
            like++;
        part[j] = like < j ? part[like] : BT_MIN(n, (uint8_t)(GR_PARTS - 1));
        n = (uint8_t)(n + (like == j && n < GR_PARTS));
        ranks[part[j]] += sh->tp;
    }
}

static bool add_ranks(const struct grows *g, struct gr_color *c, size_t work, uint64_t block)
{
    const struct search *s = g->s;
    const struct se_work *w = &s->work[work];
    size_t cls = s->p->cls[c->card];
    uint64_t cap = s->p->cap[c->card];
    for (size_t i = 0; i < w->nshapes; i++) {
        const struct se_shape *sh = &w->shape[i];
        if (sh->least == UINT64_MAX || !pl_card_for(s->p, sh->cards, c->card) || w->k->pos[c->card] < 0)
            continue;
        uint8_t part[BT_MAX_GPUS];
        uint32_t ranks[GR_PARTS] = { 0 };
        fill_parts(s, sh, part, ranks);
        for (size_t cost = 0; cost < s->p->nclasses; cost++)
            for (uint32_t j = 0; j < sh->pp && (sh->pp > 1 || cost == cls); j++) {   /* a pipeline's needs are those on its poorest card */
                const struct se_row *r = &sh->row[cost * sh->pp + j];
                bool whole = w->k->claim == PL_WHOLE;
                struct gr_rank one = { .work = work, .cards = sh->cards, .per = sh->cards, .shape = PL_NONE, .of = i, .shapes = UINT64_C(1) << i % 64 };
                one.bytes = whole ? cap : sh->limit ? sh->limit[cls] : r->floor;
                if (one.bytes > cap || (!whole && r->need > one.bytes))
                    continue;
                if (w->k->server && w->k->ctx_want)
                    add_context(g, w, sh, cost, j, c, block, &one);
                one.exact = !w->k->server || sh->limit || one.alone;
                struct gr_rank of = one;
                of.shape = i;
                of.part = part[j];
                of.per = ranks[part[j]];
                if (!add_any(c, one) || !add_part(c, &of))
                    return false;
            }
    }
    return true;
}

static uint64_t largest_block(const struct pl_problem *p, bool *alike)
{
    uint64_t most = 16;
    *alike = true;
    for (size_t i = 0; i < p->n; i++)
        for (size_t j = 0; j < p->work[i].nshapes; j++)
            for (size_t c = 0; c < p->nclasses && p->work[i].server && p->work[i].shape[j].ok; c++) {
                uint64_t mine = (uint64_t)p->work[i].shape[j].cost[c].need->block;
                *alike = *alike && mine == 16;
                most = BT_MAX(most, mine);
            }
    return most;
}

static bool fill_colors(struct grows *g, struct bt_arena *a)
{
    const struct search *s = g->s;
    bool alike;
    uint64_t block = largest_block(s->p, &alike);
    g->granted = alike ? se_known_new(a) : NULL;
    for (size_t h = 0; h < s->ncards; h++) {
        size_t c = 0;
        while (c < g->ncolors && !se_same_color(s->p, h, g->color[c].card))
            c++;
        g->color[c].count++;
        if (c < g->ncolors)
            continue;
        g->ncolors++;
        g->color[c].card = h;
        g->color[c].rank = BT_NEWN(a, struct gr_rank, GR_RANKS);
        for (size_t i = 0; i < s->p->n; i++)
            if (!s->p->work[i].cpu_only && s->copies_most[i] && !add_ranks(g, &g->color[c], i, block))
                return false;
        for (size_t i = 0; i < g->color[c].n; i++)
            g->wide[g->color[c].rank[i].work] |= UINT64_C(1) << g->color[c].rank[i].cards;
    }
    return true;
}

/* A rank of the copy, to the set. */
static bool keep_rank(const struct grows *g, struct gr_set *x, const struct pl_copy *copy)
{
    const struct gr_color *c = &g->color[x->color];
    const struct se_work *w = &g->s->work[copy->work];
    size_t shape = 0, k = 0, j = x->n;
    while (shape < w->nshapes && w->shape[shape].index != copy->shape)
        shape++;
    while (k < c->n && (c->rank[k].work != copy->work || c->rank[k].shape != PL_NONE || c->rank[k].cards != copy->ncards ||
                        !(c->rank[k].shapes >> shape % 64 & 1)))
        k++;
    if (k == c->n || x->n == GR_SEATS)
        return false;
    for (x->n++; j > 0 && x->at[j - 1] > k; j--)     /* rising */
        x->at[j] = x->at[j - 1];
    x->at[j] = (uint16_t)k;
    return true;
}

/* What the best plan has on its cards, where that is a set here: prices are not far from it. */
static void keep_plan(struct grows *g)
{
    const struct search *s = g->s;
    for (size_t h = 0; h < s->ncards && s->out->found; h++) {
        struct gr_set x = { .color = 0 };
        bool all = true;
        while (!se_same_color(s->p, h, g->color[x.color].card))
            x.color++;
        for (size_t i = 0; i < s->out->ncopies; i++) {
            const struct pl_copy *copy = &s->out->copy[i];
            for (uint32_t r = 0; r < copy->ncards && all; r++)
                all = copy->card[r] != h || keep_rank(g, &x, copy);
        }
        x.worth = all ? gr_worth(g, x.color, x.at, x.n, NULL) : -1;
        if (x.worth >= 0)
            keep_set(g, &x);
    }
}

enum se_fit se_grows(struct search *s, uint64_t nodes)
{
    bt_auto_arena a = { 0 };
    const struct pl_problem *p = s->p;
    struct se_sets *sets = s->sets;
    struct se_fits *fits = s->fits;
    if (p->n > 64 || p->ram_binds || s->ncards >= BT_MAX_GPUS)
        return SE_FIT_UNKNOWN;
    struct grows *g = BT_NEW(&a, struct grows);
    *g = (struct grows){ .s = s, .reached = (double)s->best.v[BT_GOAL_WANTS] + 1, .end = s->nodes + nodes };
    g->color = BT_NEWN(&a, struct gr_color, s->ncards);
    g->price = BT_NEWN(&a, double, p->n * GR_PARTS + 1);
    g->best_price = BT_NEWN(&a, double, p->n * GR_PARTS + 1);
    g->set = BT_NEWN(&a, struct gr_set, GR_SETS);
    g->placed = se_dead_new(&a);
    se_needs(s, g->needs);
    for (size_t i = 0; i < p->n; i++) {
        g->most[i] = 1;
        g->shape[i] = PL_NONE;
    }
    for (size_t i = 0; i < p->n; i++) {
        const struct pl_work *k = &p->work[i];
        for (size_t j = 0; j < p->n; j++)
            g->friends[i] |= (uint64_t)p->may_share[i * p->n + j] << j;
        if (k->at || (k->server && (p->work[k->ctx_root].ctx_min != k->ctx_min || p->work[k->ctx_root].ctx_want != k->ctx_want)))
            return SE_FIT_UNKNOWN;   /* held: cards of a color are not the same then */
        g->base += k->copies_want > 1 ? (double)(1000 * (int64_t)s->copies_most[i] / k->copies_want) : 0;
        g->mult[k->ctx_root] += k->server && s->copies_most[i];
    }
    if (!fill_colors(g, &a))
        return SE_FIT_UNKNOWN;
    keep_plan(g);
    s->sets = NULL;
    s->fits = NULL;
    bool none = settle(g);
    s->sets = sets;
    s->fits = fits;
    return g->better ? SE_FITS : none ? SE_FITS_NOT : SE_FIT_UNKNOWN;
}

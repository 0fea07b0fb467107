/* grows - can all stand with more of their contexts, asked of whole sets of neighbours? Every card carries one set of ranks that fits it, and what their
 * contexts grow to there is bounded by the rule of growth (kv.c, pl_grant): all by the same share of what they lack, until a card of theirs is full. Who
 * stands on one card alone is stopped by nothing but that card: when it is full, he has the largest share of all that grow there. So the dear do not go
 * without for the sake of the cheap, as they would if bytes were all that counted (grows_walk.c).
 *
 * What ties cards together, that each copy stands once, gets a price, as in sets.c: with any prices the best set of each card and the prices of the copies
 * add up to no less than any placement reaches. A linear program over the sets so far finds good ones (grows_price.c). Where its bound is not enough, one
 * thing after another is settled (grows_settle.c), and cards are filled with the few sets that are near the best of their color (grows_fill.c).
 *
 * Here: the ranks that may come to a card. Each whose context is not its own comes twice, as one that this card stops and as one that another does: every
 * context that lacks anything is stopped by a card that is full, and on that card nobody has grown further. */
#include <math.h>
#include <string.h>

#include "plan/grows_int.h"

#define LEVELS 65536.0               /* steps of growth, as kv.c has them */
#define UNBOUND 1e9                  /* of windows alone: what a byte more holds past them, nobody knows */

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

static void fatter(struct gr_rank *a, const struct gr_rank *b)
{
    a->fat.bytes = BT_MAX(a->fat.bytes, b->fat.bytes);
    a->fat.x0 = BT_MIN(a->fat.x0, b->fat.x0);
    a->fat.slope = BT_MAX(a->fat.slope, b->fat.slope);
}

/* Wherever b is in a set, a may be in its place, and it is worth no less. */
static bool stands_for(const struct gr_rank *a, const struct gr_rank *b)
{
    bool no_less = a->bytes <= b->bytes && a->x0 >= b->x0 && a->top >= b->top && a->slope <= b->slope && a->step >= b->step;
    return no_less && a->stretch >= b->stretch && a->token >= b->token && a->alone == b->alone && a->stops == b->stops;
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
        fatter(r, &one);
        return true;
    }
    for (size_t i = 0; i < c->n; i++) {
        const struct gr_rank *r = &c->rank[i];
        if (r->work == one.work && r->cards == one.cards && r->shape == PL_NONE && stands_for(&one, r)) {
            one.exact = one.exact && r->exact && alike(r, &one);
            one.shapes |= r->shapes;
            fatter(&one, r);
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
        if (r->work != one->work || r->cards != one->cards || r->shape != one->shape || r->part != one->part || r->stops != one->stops)
            continue;
        r->exact = r->exact && one->exact && alike(r, one);
        fatter(r, one);
        r->bytes = BT_MIN(r->bytes, one->bytes);
        r->x0 = BT_MAX(r->x0, one->x0);
        r->top = BT_MAX(r->top, one->top);
        r->slope = BT_MIN(r->slope, one->slope);
        r->step = BT_MAX(r->step, one->step);
        r->stretch = BT_MAX(r->stretch, one->stretch);
        r->token = BT_MAX(r->token, one->token);
        r->alone = r->alone && one->alone;
        r->all.bytes = r->bytes;
        r->all.x0 = r->x0;
        r->all.top = r->top;
        return true;
    }
    return new_rank(c, one);
}

/* The smallest block of its groups of layers; *even: all have that of the longest server, so that what blocks hold ends where contexts end. */
static double own_block(const struct bt_need *need, uint64_t longest, bool *even)
{
    const struct bt_need_rank *r = &need->rank[0];
    uint64_t least = need->block;
    *even = need->block == longest;
    for (size_t i = 0; i < r->ngroups; i++) {
        const struct bt_kv_group *one = &r->group[i];
        least = one->block ? BT_MIN(least, one->block) : least;
        *even = *even && one->block == longest;
    }
    return (double)least;
}

/* What may happen to its context when all have stopped. They stopped at a step that somebody lacked the room for, a block of each group of layers; whole pieces
 * of the longest block are given then, and what is not whole goes to others. */
void gr_late(const struct pl_work *k, const struct bt_need *need, const struct se_row *r, uint64_t block, struct gr_rank *o)
{
    bool even;
    double mine = own_block(need, block, &even), groups = (double)BT_MAX(r->groups, 1u);
    double step = ceil((double)(k->ctx_want - k->ctx_min) / LEVELS) + 1;
    o->step = (double)r->block * groups * (ceil(step / mine) + (even ? 0 : ceil((double)block / mine)));
    o->stretch = r->last ? groups / (double)r->last : UNBOUND;
    o->token = (2 + (even ? 0 : (double)block)) / (double)k->ctx_want;
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
    o->stretch = 1;
    if (sh->limit_ctx) {
        o->top = o->x0 = BT_MIN(o->top, sh->limit_ctx[(cost * sh->pp + stage) * s->p->nclasses + s->p->cls[c->card]] / want);
        return;
    }
    o->slope = r->slope * want;
    o->top = o->slope > 0 ? BT_MIN(o->top, r->ctx0 / want + (double)(s->p->cap[c->card] - o->bytes) / o->slope) : o->top;
    o->x0 = o->slope > 0 ? BT_MIN(r->ctx0 / want, o->top) : o->top;
    gr_late(k, sh->sh->cost[cost].need, r, block, o);
    o->fat.x0 = r->ctx0 / want;
    o->fat.slope = o->slope;
    if (o->stretch > 1 || sh->sh->cost[cost].need->rank[stage].host_token_bytes)     /* some layers have all they take sooner; some KV is in RAM */
        o->fat.bytes = INFINITY;
    o->alone = sh->cards == 1 && s->copies_most[o->work] == 1 && k->ctx_root == o->work && g->mult[o->work] == 1;
}

static bool stages_alike(const struct search *s, const struct se_shape *sh, uint32_t a, uint32_t b)
{
    for (size_t c = 0; c < s->p->nclasses; c++)
        if (memcmp(&sh->row[c * sh->pp + a], &sh->row[c * sh->pp + b], sizeof *sh->row))
            return false;
    return true;
}

void gr_parts(const struct search *s, const struct se_shape *sh, uint8_t *part, uint32_t *ranks)
{
    uint8_t n = 0;
    for (uint32_t j = 0; j < sh->pp; j++) {
        uint32_t like = 0;
        while (like < j && !stages_alike(s, sh, like, j))
            like++;
        part[j] = like < j ? part[like] : BT_MIN(n, (uint8_t)(GR_PARTS - 1));
        n = (uint8_t)(n + (like == j && n < GR_PARTS));
        if (ranks)
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
        gr_parts(s, sh, part, ranks);
        for (size_t cost = 0; cost < s->p->nclasses; cost++)
            for (uint32_t j = 0; j < sh->pp && se_reckoned(s, sh, cost, cls); j++) {
                const struct se_row *r = &sh->row[cost * sh->pp + j];
                bool whole = w->k->claim == PL_WHOLE;
                struct gr_rank one = { .work = work, .cards = sh->cards, .per = sh->cards, .shape = PL_NONE, .of = i, .root = PL_NONE };
                one.shapes = UINT64_C(1) << i % 64;
                one.bytes = whole ? cap : sh->limit ? sh->limit[cls] : r->floor;
                if (one.bytes > cap || (!whole && r->need > one.bytes))
                    continue;
                one.fat.bytes = (double)one.bytes;
                if (w->k->server && w->k->ctx_want)
                    add_context(g, w, sh, cost, j, c, block, &one);
                one.exact = !w->k->server || sh->limit || one.alone;
                one.root = w->k->server && w->k->ctx_want ? w->k->ctx_root : PL_NONE;
                for (unsigned stops = one.alone; stops <= (one.root != PL_NONE); stops++) {              /* who is alone does */
                    one.stops = stops;
                    struct gr_rank of = one;
                    of.shape = i;
                    of.part = part[j];
                    of.per = ranks[part[j]];
                    if (!add_any(c, one) || !add_part(c, &of))
                        return false;
                }
            }
    }
    return true;
}

uint64_t gr_longest_block(const struct pl_problem *p, bool *alike)
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

static bool same_rank(const struct gr_rank *a, const struct gr_rank *b)
{
    return a->work == b->work && a->cards == b->cards && a->shape == b->shape && a->part == b->part;
}

/* Where a rank that stops there grows no further than its floor, to stop asks nothing of anybody: it need not be told apart. */
static void leave_out_free(struct gr_color *c)
{
    size_t n = 0;
    for (size_t i = 0; i < c->n; i++) {
        const struct gr_rank *r = &c->rank[i];
        bool needed = true;
        for (size_t j = 0; j < c->n && r->root != PL_NONE && !r->stops; j++) {
            const struct gr_rank *q = &c->rank[j];
            needed = needed && !(q->stops && same_rank(q, r) && q->top <= q->x0 && q->bytes <= r->bytes && q->x0 >= r->x0 && q->top >= r->top &&
                                 (q->shapes & r->shapes) == r->shapes);
        }
        if (needed)
            c->rank[n++] = *r;
    }
    c->n = n;
}

/* The rank that stops there to each that need not. False: one has none. */
static bool find_twins(struct gr_color *c)
{
    for (size_t i = 0; i < c->n; i++) {
        struct gr_rank *r = &c->rank[i];
        r->twin = UINT16_MAX;
        for (size_t j = 0; j < c->n && r->root != PL_NONE && !r->stops; j++) {
            struct gr_rank *q = &c->rank[j];
            bool same = q->stops && same_rank(q, r) && q->shapes == r->shapes && q->bytes == r->bytes && !(q->x0 < r->x0 || q->x0 > r->x0);
            if (!same || q->top < r->top || q->top > r->top || q->slope < r->slope || q->slope > r->slope)
                continue;
            r->twin = (uint16_t)j;
            q->is_twin = true;
        }
        if (r->root != PL_NONE && !r->stops && r->twin == UINT16_MAX)
            return false;
    }
    return true;
}

static bool fill_colors(struct grows *g, struct bt_arena *a)
{
    const struct search *s = g->s;
    bool alike;
    uint64_t block = gr_longest_block(s->p, &alike);
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
        g->color[c].base = c;
        g->color[c].rank = BT_NEWN(a, struct gr_rank, GR_RANKS);
        for (size_t i = 0; i < s->p->n; i++)
            if (!s->p->work[i].cpu_only && s->copies_most[i] && !add_ranks(g, &g->color[c], i, block))
                return false;
        leave_out_free(&g->color[c]);
        if (!find_twins(&g->color[c]))
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
            gr_keep_set(g, &x);
    }
}

bool gr_start(struct grows *g, struct search *s, struct bt_arena *a)
{
    const struct pl_problem *p = s->p;
    if (p->n > 64 || p->ram_binds || s->ncards >= BT_MAX_GPUS)
        return false;
    *g = (struct grows){ .s = s, .a = a, .reached = (double)s->best.v[BT_GOAL_WANTS] + 1, .part = 1 };
    g->color = BT_NEWN(a, struct gr_color, s->ncards + 1);
    g->price = BT_NEWN(a, double, p->n * (GR_PARTS + 1) + 1);
    g->best_price = BT_NEWN(a, double, p->n * (GR_PARTS + 1) + 1);
    g->set = BT_NEWN(a, struct gr_set, GR_SETS);
    g->placed = se_dead_new(a);
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
            return false;            /* held: cards of a color are not the same then */
        g->base += k->copies_want > 1 ? (double)(1000 * (int64_t)s->copies_most[i] / k->copies_want) : 0;
        g->mult[k->ctx_root] += k->server && s->copies_most[i];
    }
    return fill_colors(g, a);
}

static enum se_fit look(struct search *s, bool serves, uint64_t nodes)
{
    bt_auto_arena a = { 0 };
    struct se_sets *sets = s->sets;
    struct se_fits *fits = s->fits;
    struct grows *g = BT_NEW(&a, struct grows);
    if (!gr_start(g, s, &a))
        return SE_FIT_UNKNOWN;
    g->start = s->nodes;
    g->end = s->nodes + nodes;
    g->serves = serves;
    g->reached -= serves;
    keep_plan(g);
    s->sets = NULL;
    s->fits = NULL;
    bool none = gr_settle(g);
    s->sets = sets;
    s->fits = fits;
    return g->better ? SE_FITS : none ? SE_FITS_NOT : SE_FIT_UNKNOWN;
}

enum se_fit se_grows(struct search *s, uint64_t nodes) { return look(s, false, nodes); }
enum se_fit se_grows_serve(struct search *s, uint64_t nodes) { return look(s, true, nodes); }

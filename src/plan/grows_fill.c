/* grows_fill - every work on one number of cards: all ways to fill all cards with sets of neighbours that reach as much. Prices say how much each set loses
 * against the best of its color; what all of them lose together is no more than the bound is above what must be reached. So few sets are left of each color,
 * and each rank must be in one of them. A way that is found says which works are on which cards, and the search itself says whether anything better stands
 * so: in any shape, with any order of ranks. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "plan/grows_int.h"

#define MOST_SETS 4000u              /* of a color */
#define STEPS_EACH 16u               /* so many steps here are as much work as a node of the search */
#define PLACE_NODES 40000u           /* to place all on the cards of one way */
#define PLACE_COSTS 2u               /* of such a node, against others */
#define LOOK_STEPS 120u              /* what the worth of a set costs */
#define MOST_DEPTH 8u                /* parts of contexts, one in another */
#define APART 1.0                    /* thousandths of wants: nearer is one context */
#define EPS 1e-4
#define UNITS (64u * GR_PARTS)

struct way { double loss; uint8_t n; uint16_t at[GR_SEATS], unit[GR_SEATS]; };         /* of a set: ranks of the color, and what they are of */

struct fill {
    struct grows *g;
    struct bt_arena *a;
    struct way *way[BT_MAX_GPUS]; size_t nways[BT_MAX_GPUS];         /* [color] the least loss first */
    size_t color[BT_MAX_GPUS];       /* of each card as they are filled */
    size_t chosen[BT_MAX_GPUS], n;   /* [card] way */
    uint32_t left[UNITS];            /* [unit] ranks */
    uint16_t most[BT_MAX_GPUS + 1][UNITS];           /* [card] ranks of the unit that it and those after it take at most */
    double gap;                      /* that all may lose together */
    uint64_t end; bool over, look_only;              /* nodes, up to there; a way is enough */
    struct se_dead *dead;
    uint64_t steps, own;             /* own: ways that ended for what is on the cards before, not for what is left */
};

static int by_loss(const void *a, const void *b)
{
    const struct way *x = a, *y = b;
    return x->loss < y->loss ? -1 : x->loss > y->loss;
}

/* Sets of the same works are one: ranks are on one number of cards. */
static bool fill_ways(struct fill *f, size_t color)
{
    struct grows *g = f->g;
    const struct gr_color *c = &g->color[color];
    struct gr_set *set = BT_NEWN(f->a, struct gr_set, MOST_SETS);
    size_t n = gr_all(g, color, c->best - f->gap - EPS, set, MOST_SETS);
    if (n > MOST_SETS)
        return false;
    f->way[color] = BT_NEWN(f->a, struct way, n + 1);
    for (size_t i = 0; i < n; i++) {
        struct way *w = &f->way[color][f->nways[color]++];
        double adds = set[i].worth;
        *w = (struct way){ .n = (uint8_t)set[i].n };
        for (size_t j = 0; j < set[i].n; j++) {
            const struct gr_rank *r = &c->rank[set[i].at[j]];
            w->unit[j] = (uint16_t)gr_unit(r);
            w->at[j] = set[i].at[j];
            adds -= gr_paid(g, r);
        }
        w->loss = BT_MAX(c->best - adds, 0.0);
    }
    if (n)
        qsort(f->way[color], n, sizeof *f->way[color], by_loss);
    return true;
}

/* Where no card holds more than these: cards in order, those of a color together, the colors with the fewest ways first. */
static void put_in_order(struct fill *f)
{
    bool used[BT_MAX_GPUS] = { false };
    for (size_t i = 0; i < f->g->ncolors; i++) {
        size_t best = PL_NONE;
        for (size_t c = 0; c < f->g->ncolors; c++)
            if (!used[c] && (best == PL_NONE || f->nways[c] < f->nways[best]))
                best = c;
        used[best] = true;
        for (size_t k = 0; k < f->g->color[best].count; k++)
            f->color[f->n++] = best;
    }
    for (size_t i = f->n; i-- > 0; ) {
        uint16_t most[UNITS] = { 0 };
        for (size_t j = 0; j < f->nways[f->color[i]]; j++) {
            uint16_t mine[UNITS] = { 0 };
            const struct way *w = &f->way[f->color[i]][j];
            for (size_t k = 0; k < w->n; k++) {
                mine[w->unit[k]]++;
                most[w->unit[k]] = BT_MAX(most[w->unit[k]], mine[w->unit[k]]);
            }
        }
        for (size_t k = 0; k < UNITS; k++)
            f->most[i][k] = (uint16_t)(f->most[i + 1][k] + most[k]);
    }
}

/* What the cards so far lose, with contexts as they are left; the work whose context is the least like one on them, and between which shares. */
struct apart { double loss; size_t work; double low, mean; };

static struct apart look(struct fill *f, size_t cards)
{
    struct grows *g = f->g;
    struct apart o = { .work = PL_NONE };
    double low[64], sum[64] = { 0 }, n[64] = { 0 }, most = 0;
    for (size_t i = 0; i < cards; i++) {
        const struct gr_color *c = &g->color[f->color[i]];
        const struct way *w = &f->way[f->color[i]][f->chosen[i]];
        double share[GR_SEATS], adds = gr_worth(g, f->color[i], w->at, w->n, share);
        f->steps += LOOK_STEPS;
        if (adds < 0) {
            o.loss = INFINITY;
            return o;
        }
        for (size_t j = 0; j < w->n; j++) {
            const struct gr_rank *r = &c->rank[w->at[j]];
            adds -= gr_paid(g, r);
            low[r->work] = n[r->work] > 0 ? BT_MIN(low[r->work], share[j]) : share[j];
            sum[r->work] += share[j] * r->worth;
            n[r->work] += r->worth;
        }
        o.loss += BT_MAX(c->best - adds, 0.0);
    }
    for (size_t i = 0; i < g->s->p->n; i++)
        if (n[i] > 0 && sum[i] - n[i] * low[i] > most) {
            most = sum[i] - n[i] * low[i];
            o.work = i;
            o.low = low[i];
            o.mean = sum[i] / n[i];
        }
    if (most < APART)
        o.work = PL_NONE;
    return o;
}

/* A context is as long as on the poorest of its cards: it is as long as halfway to the mean, or shorter, until in each case too much is lost. */
static bool loses(struct fill *f, size_t cards, unsigned parts)
{
    struct grows *g = f->g;
    struct apart o = look(f, cards);
    if (o.loss > f->gap + EPS)
        return true;
    if (o.work == PL_NONE || !parts)
        return false;
    double least = g->least[o.work], most = g->most[o.work], at = (o.low + o.mean) / 2;
    gr_set_shares(g, o.work, least, at);
    bool all = loses(f, cards, parts - 1);
    if (all) {
        gr_set_shares(g, o.work, at, most);
        all = loses(f, cards, parts - 1);
    }
    gr_set_shares(g, o.work, least, most);
    return all;
}

/* All on the cards of this way: kept if it is better. False: not all of that was seen. */
static bool place(struct fill *f)
{
    struct search *s = f->g->s;
    bt_auto_arena a = { 0 };
    uint8_t *only = BT_NEWN(&a, uint8_t, s->p->n * s->ncards + 1);
    uint64_t limit = s->limit;
    const struct way *way[BT_MAX_GPUS];
    size_t *color = BT_NEWN(&a, size_t, s->ncards), nth[BT_MAX_GPUS] = { 0 };
    struct pl_score was = s->best;
    bool stop = s->stop;
    for (size_t i = 0; i < f->n; i++) {
        const struct gr_color *c = &f->g->color[f->color[i]];
        const struct way *w = &f->way[f->color[i]][f->chosen[i]];
        size_t g = 0;
        for (size_t k = nth[f->color[i]]++; !se_same_color(s->p, g, c->card) || k--; )
            g++;
        way[g] = w;
        for (size_t j = 0; j < w->n; j++)
            only[w->unit[j] / GR_PARTS * s->ncards + g]++;
    }
    memcpy(color, s->color, s->ncards * sizeof *color);
    for (size_t g = 0; g < s->ncards; g++)           /* cards are alike where the same stand there */
        for (s->color[g] = 0; color[s->color[g]] != color[g] || way[s->color[g]] != way[g]; )
            s->color[g]++;
    for (size_t i = 0; i < s->p->n; i++)
        if (f->g->shape[i] != PL_NONE) {
            s->fixed[i] = s->settled[i] = true;
            s->shape_of[i] = f->g->shape[i];
        }
    s->only = only;
    s->stop = false;
    s->limit = s->nodes + BT_MIN(PLACE_NODES, f->end - BT_MIN(f->end, s->nodes));
    uint64_t before = s->nodes;
    se_order(s, SE_RANKS);
    se_place(s);
    s->nodes += (s->nodes - before) * (PLACE_COSTS - 1);             /* they are full of cards from the first one on */
    se_order(s, SE_HARD);
    f->g->better = pl_score_cmp(&s->best, &was, BT_GOAL_SERVICE) > 0;
    bool seen = !s->stop;
    s->only = NULL;
    for (size_t i = 0; i < s->p->n; i++)
        s->fixed[i] = s->settled[i] = false;
    s->limit = limit;
    s->stop = stop;
    memcpy(s->color, color, s->ncards * sizeof *color);
    return seen;
}

static bool has_room(const struct fill *f, size_t card)
{
    for (size_t i = 0; i < f->g->s->p->n * GR_PARTS; i++)
        if (f->left[i] > f->most[card][i])
            return false;
    return true;
}

static size_t key_of(const struct fill *f, size_t card, size_t from, uint8_t *key)
{
    size_t n = 0;
    key[n++] = (uint8_t)card;
    memcpy(key + n, &from, sizeof from);
    n += sizeof from;
    for (size_t i = 0; i < f->g->s->p->n * GR_PARTS; i++)
        key[n++] = (uint8_t)f->left[i];
    return n;
}

/* True: no way from here. from: cards of a color take their ways in order. */
static bool next_card(struct fill *f, size_t card, size_t from, double loss)
{
    struct search *s = f->g->s;
    uint8_t key[1 + sizeof from + UNITS];
    if (!has_room(f, card))
        return true;
    if (card > 1 && loses(f, card, MOST_DEPTH)) {
        f->own++;
        return true;
    }
    if (card == f->n && f->look_only)
        return false;
    if (card == f->n) {
        bool seen = place(f);
        f->own++;
        f->over = f->over || !seen;
        return seen && !f->g->better;
    }
    from = card && f->color[card] == f->color[card - 1] ? from : 0;
    size_t n = key_of(f, card, from, key), color = f->color[card];
    struct se_way way = se_way_of(key, n);
    if (se_is_dead(f->dead, &way, -loss))
        return true;
    uint64_t own = f->own;
    bool none = true;
    for (size_t i = from; i < f->nways[color] && none; i++) {
        const struct way *w = &f->way[color][i];
        bool fits = true;
        if (loss + w->loss > f->gap + EPS)
            break;
        f->steps++;
        s->nodes += f->steps / STEPS_EACH;
        f->steps %= STEPS_EACH;
        f->over = f->over || s->nodes > f->end;
        if (f->over)
            return false;
        for (size_t j = 0; j < w->n; j++)
            fits = f->left[w->unit[j]]-- > 0 && fits;                /* wraps, and back */
        f->chosen[card] = i;
        none = !fits || next_card(f, card + 1, i, loss + w->loss);
        for (size_t j = 0; j < w->n; j++)
            f->left[w->unit[j]]++;
    }
    if (none && f->own == own)
        se_dead_add(f->dead, &way, -loss);
    return none;
}

/* True: no way. */
static bool fill_all(struct fill *f)
{
    struct grows *g = f->g;
    const struct search *s = g->s;
    for (size_t i = 0; i < g->ncolors; i++)
        if (!fill_ways(f, i)) {
            f->over = true;
            return false;
        }
    put_in_order(f);
    f->dead = se_dead_new(f->a);
    for (size_t i = 0; i < g->ncolors; i++)
        for (size_t j = 0; j < g->color[i].n; j++) {
            const struct gr_rank *r = &g->color[i].rank[j];
            if (g->shape[r->work] == r->shape && g->wide[r->work] >> r->cards & 1)
                f->left[gr_unit(r)] = s->copies_most[r->work] * r->per;
        }
    return next_card(f, 0, 0, 0);
}

bool gr_may_fill(struct grows *g, double lowest, uint64_t nodes)
{
    bt_auto_arena a = { 0 };
    struct fill *f = BT_NEW(&a, struct fill);
    *f = (struct fill){ .g = g, .a = &a, .gap = lowest - g->reached, .end = BT_MIN(g->end, g->s->nodes + nodes), .look_only = true };
    return !fill_all(f);
}

bool gr_fill(struct grows *g, double lowest)
{
    bt_auto_arena a = { 0 };
    struct fill *f = BT_NEW(&a, struct fill);
    *f = (struct fill){ .g = g, .a = &a, .gap = lowest - g->reached, .end = g->end };
    bool none = fill_all(f);
    g->over = g->over || f->over;
    return none;
}

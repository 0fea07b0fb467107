/* grows_fill - all ways to fill all cards with sets of neighbours that reach as much. Prices say how much each set loses
 * against the best of its color; what all of them lose together is no more than the bound is above what must be reached. So few sets are left of each color,
 * and each rank must be in one of them. A way that is found says which works are on which cards, and the search itself says whether anything better stands
 * so: in any shape that is left, with any order of ranks. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "plan/grows_int.h"

#define MOST_SETS 4000u              /* of a color */
#define STEPS_EACH 16u               /* so many steps here are as much work as a node of the search */
#define PLACE_NODES 40000u           /* to place all on the cards of one way */
#define PLACE_COSTS 2u               /* of such a node, against others */
#define JOINT_STEPS 60u              /* what the worth of sets together costs */
#define BYTES 1e9                    /* of a row, for numbers that are near one */
#define EPS 1e-4
#define UNITS (64u * GR_PARTS)
#define PLACES_KEY 512u
#define MOST_PARTS 30000u            /* of a copy */

/* Of a set: ranks of the color, what they are of, and parts of a copy. */
struct way { double loss; uint8_t n; uint16_t at[GR_SEATS], unit[GR_SEATS], parts[GR_SEATS]; };

struct fill {
    struct grows *g;
    struct bt_arena *a;
    struct way *way[BT_MAX_GPUS]; size_t nways[BT_MAX_GPUS];         /* [color] the least loss first */
    size_t color[BT_MAX_GPUS];       /* of each card as they are filled */
    size_t chosen[BT_MAX_GPUS], n;   /* [card] way */
    struct gr_joint *joint;
    uint32_t left[UNITS];            /* [unit] of copies, in parts */
    uint32_t most[BT_MAX_GPUS + 1][UNITS];           /* [card] of the unit that it and those after it take at most */
    double gap;                      /* that all may lose together */
    uint32_t whole;                  /* parts of a copy */
    size_t unit[UNITS], nunits;      /* those that come */
    uint64_t shapes[BT_MAX_GPUS + 1][64];            /* [cards filled][work] that its ranks there may all be of */
    uint64_t end; bool over;      /* nodes, up to there */
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
            w->parts[j] = (uint16_t)(f->whole / r->per);
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
        uint32_t most[UNITS] = { 0 };
        for (size_t j = 0; j < f->nways[f->color[i]]; j++) {
            uint32_t mine[UNITS] = { 0 };
            const struct way *w = &f->way[f->color[i]][j];
            for (size_t k = 0; k < w->n; k++) {
                mine[w->unit[k]] += w->parts[k];
                most[w->unit[k]] = BT_MAX(most[w->unit[k]], mine[w->unit[k]]);
            }
        }
        for (size_t k = 0; k < UNITS; k++)
            f->most[i][k] = f->most[i + 1][k] + most[k];
    }
}

static const struct way *way_on(const struct fill *f, size_t card) { return &f->way[f->color[card]][f->chosen[card]]; }

/* Contexts on the cards so far. */
struct together { struct gr_context c[64]; size_t n; uint8_t at[64]; };              /* at: [root] one more than its place */

static struct gr_context *context_of(const struct fill *f, const struct gr_rank *r, struct together *o)
{
    size_t root = f->g->s->p->work[r->work].ctx_root;
    if (!o->at[root]) {
        o->c[o->n] = (struct gr_context){ .root = root, .dealt = true, .low = r->x0, .high = r->top, .min = r->min, .token = r->token };
        o->at[root] = (uint8_t)++o->n;
    }
    return &o->c[o->at[root] - 1];
}

static void add_contexts(const struct fill *f, size_t card, struct together *o)
{
    const struct gr_color *c = &f->g->color[f->color[card]];
    const struct way *w = way_on(f, card);
    double late = 0;
    for (size_t j = 0; j < w->n; j++)
        late += c->rank[w->at[j]].step;
    for (size_t j = 0; j < w->n; j++) {
        const struct gr_rank *r = &c->rank[w->at[j]];
        if (r->worth <= 0)
            continue;
        struct gr_context *x = context_of(f, r, o);
        x->on |= UINT64_C(1) << card;
        x->dealt = x->dealt && r->slope > 0;
        x->low = BT_MIN(x->low, r->x0);
        x->high = BT_MIN(x->high, r->top);
        x->gain += r->worth;
        x->late = r->slope > 0 ? BT_MAX(x->late, late / r->slope * r->stretch) : 0;
    }
}

/* The bytes of a card; and, of those alone there, what the set is worth with them. */
static void add_rows(const struct fill *f, size_t card, const struct together *o, struct gr_joint *x)
{
    const struct gr_color *c = &f->g->color[f->color[card]];
    const struct way *w = way_on(f, card);
    double room = (double)f->g->s->p->cap[c->card], worth = c->best - w->loss, wished = 0;
    bool alone = false;
    if (x->m + 2 > GR_ROWS)
        return;
    double *bytes = x->a[x->m], *gains = x->a[x->m + 1];
    memset(bytes, 0, o->n * sizeof *bytes);
    memset(gains, 0, o->n * sizeof *gains);
    for (size_t j = 0; j < w->n; j++) {
        const struct gr_rank *r = &c->rank[w->at[j]];
        worth += gr_paid(f->g, r);
        room -= (double)r->bytes;
        if (r->worth <= 0)
            continue;
        size_t k = (size_t)o->at[f->g->s->p->work[r->work].ctx_root] - 1;
        room += (r->x0 - o->c[k].low) * r->slope;    /* a context that is shorter than the floor holds anyway gives no bytes back: more room than there is */
        bytes[k] += r->slope / BYTES;
        gains[k] += r->worth;
        wished += r->slope * (o->c[k].high - o->c[k].low);
        worth -= r->worth * o->c[k].low;
        alone = alone || r->stops;
    }
    if (wished <= room)
        return;
    x->left[x->m++] = BT_MAX(room, 0.0) / BYTES;
    if (alone)
        x->left[x->m++] = BT_MAX(worth, 0.0);
}

static bool all_placed(const struct fill *f, size_t root)
{
    for (size_t i = 0; i < f->g->s->p->n; i++)
        for (size_t k = 0; k < GR_PARTS && f->g->s->p->work[i].ctx_root == root; k++)
            if (f->left[i * GR_PARTS + k])
                return false;
    return true;
}

/* A context is as long on one card as on the others: what all sets so far come to together is less than what each of them does. */
static bool loses(struct fill *f, size_t cards)
{
    struct together o = { .n = 0 };
    struct gr_joint *x = f->joint;
    double must = -f->gap - EPS;
    for (size_t i = 0; i < cards; i++) {
        const struct gr_color *c = &f->g->color[f->color[i]];
        const struct way *w = way_on(f, i);
        must += c->best;
        for (size_t j = 0; j < w->n; j++)
            must += gr_paid(f->g, &c->rank[w->at[j]]);
        add_contexts(f, i, &o);
    }
    x->n = o.n;
    x->m = 0;
    for (size_t k = 0; k < o.n; k++) {
        if (o.c[k].high < o.c[k].low - 1e-9)
            return true;             /* it must be longer on one card than it can be on another */
        must -= o.c[k].gain * o.c[k].low;
        x->gain[k] = o.c[k].gain;
        x->up[k] = BT_MAX(o.c[k].high - o.c[k].low, 0.0);
    }
    for (size_t i = 0; i < cards; i++)
        add_rows(f, i, &o, x);
    if (x->m) {
        for (size_t k = 0; k < o.n; k++)
            o.c[k].whole = all_placed(f, o.c[k].root);
        gr_joint_growth(x, o.c, NULL);
    }
    f->steps += JOINT_STEPS + x->m * o.n / 2;
    return gr_joint_most(x, must) < must;
}

/* Who is on which cards, in which shape and with which parts of it: cards of a color are alike. 0: too much to be kept. */
static size_t places_of(const struct fill *f, uint8_t *key)
{
    const struct grows *g = f->g;
    size_t works = g->s->p->n, n = 0;
    if (works * (f->n + 1) > PLACES_KEY)
        return 0;
    for (; n < works; n++)
        key[n] = (uint8_t)(g->shape[n] == PL_NONE ? 0 : g->shape[n] + 1);
    for (size_t i = 0; i < f->n; i++) {
        const struct way *w = way_on(f, i);
        uint8_t mine[64] = { 0 };    /* ranks, and a bit for each part */
        size_t j = i;
        for (size_t k = 0; k < w->n; k++)
            mine[w->unit[k] / GR_PARTS] = (uint8_t)((mine[w->unit[k] / GR_PARTS] + 1) | 16u << w->unit[k] % GR_PARTS);
        for (; j > 0 && f->color[j - 1] == f->color[i] && memcmp(key + j * works, mine, works) > 0; j--)
            memcpy(key + (j + 1) * works, key + j * works, works);
        memcpy(key + (j + 1) * works, mine, works);
    }
    return n + f->n * works;
}

/* A bit for each stage of the unit's part; all of them where its shape is open. */
static uint64_t stages_of(const struct grows *g, size_t unit)
{
    size_t work = unit / GR_PARTS, shape = g->shape[work];
    uint8_t part[BT_MAX_GPUS];
    uint64_t out = 0;
    if (shape == PL_NONE)
        return UINT64_MAX;
    gr_parts(g->s, &g->s->work[work].shape[shape], part, NULL);
    for (uint32_t j = 0; j < g->s->work[work].shape[shape].pp; j++)
        out |= (uint64_t)(part[j] == unit % GR_PARTS) << BT_MIN(j, 63u);
    return out;
}

/* All on the cards of this way: kept if it is better. False: not all of that was seen. */
static bool place(struct fill *f)
{
    struct search *s = f->g->s;
    bt_auto_arena a = { 0 };
    uint8_t *only = BT_NEWN(&a, uint8_t, s->p->n * s->ncards + 1);
    uint64_t limit = s->limit, *stages = BT_NEWN(&a, uint64_t, s->p->n * s->ncards + 1);
    const struct way *way[BT_MAX_GPUS];
    size_t *color = BT_NEWN(&a, size_t, s->ncards), nth[BT_MAX_GPUS] = { 0 };
    struct pl_score was = s->best;
    bool stop = s->stop;
    for (size_t i = 0; i < f->n; i++) {
        const struct gr_color *c = &f->g->color[f->color[i]];
        const struct way *w = way_on(f, i);
        size_t g = 0;
        for (size_t k = nth[c->base]++; !se_same_color(s->p, g, c->card) || k--; )
            g++;
        way[g] = w;
        for (size_t j = 0; j < w->n; j++)
            only[w->unit[j] / GR_PARTS * s->ncards + g]++;
        for (size_t j = 0; j < w->n; j++)            /* the parts of a shape are told apart: else all orders of its stages would be tried for each */
            stages[w->unit[j] / GR_PARTS * s->ncards + g] |= stages_of(f->g, w->unit[j]);
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
    s->only_stages = stages;
    s->stop = false;
    s->limit = s->nodes + BT_MIN(PLACE_NODES, f->end - BT_MIN(f->end, s->nodes));
    uint64_t before = s->nodes;
    se_order(s, SE_RANKS);
    se_place(s);
    s->nodes += (s->nodes - before) * (PLACE_COSTS - 1);             /* they are full of cards from the first one on */
    se_order(s, SE_HARD);
    f->g->better = !f->g->serves && pl_score_cmp(&s->best, &was, BT_GOAL_SERVICE) > 0;
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
    for (size_t i = 0; i < f->nunits; i++)
        if (f->left[f->unit[i]] > f->most[card][f->unit[i]])
            return false;
    return true;
}

/* Each work on the card that is filled last, whatever its ranks before. */
static bool of_one_shape(struct fill *f, size_t card)
{
    const struct gr_color *c = &f->g->color[f->color[card]];
    const struct way *w = way_on(f, card);
    uint64_t *left = f->shapes[card + 1];
    bool any = true;
    memcpy(left, f->shapes[card], sizeof f->shapes[card]);
    for (size_t j = 0; j < w->n; j++) {
        const struct gr_rank *r = &c->rank[w->at[j]];
        left[r->work] &= r->shapes;
        any = any && left[r->work];
    }
    f->own += !any;
    return any;
}

static size_t key_of(const struct fill *f, size_t card, size_t from, uint8_t *key)
{
    size_t n = 0;
    key[n++] = (uint8_t)card;
    memcpy(key + n, &from, sizeof from);
    n += sizeof from;
    for (size_t i = 0; i < f->nunits; i++, n += sizeof *f->left)
        memcpy(key + n, &f->left[f->unit[i]], sizeof *f->left);
    return n;
}

/* True: no way from here. from: cards of a color take their ways in order. */
static bool next_card(struct fill *f, size_t card, size_t from, double loss)
{
    struct search *s = f->g->s;
    uint8_t key[1 + sizeof from + UNITS * sizeof *f->left];
    if (!has_room(f, card))
        return true;
    uint8_t places[PLACES_KEY] = { 0 };
    size_t nplaces = card == f->n ? places_of(f, places) : 0;
    struct se_way at = se_way_of(places, nplaces);
    if (nplaces && se_is_dead(f->g->placed, &at, 0)) {
        f->own++;
        return true;
    }
    if (card > 1 && loses(f, card)) {
        f->own++;
        return true;
    }
    if (card == f->n) {
        bool seen = place(f);
        f->own++;
        f->over = f->over || !seen;
        if (seen && nplaces && !f->g->better)
            se_dead_add(f->g->placed, &at, 0);
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
            f->left[w->unit[j]] -= w->parts[j];      /* wraps, and back */
        for (size_t j = 0; j < w->n; j++)
            fits = fits && f->left[w->unit[j]] <= UINT32_MAX / 2;
        f->chosen[card] = i;
        none = !fits || !of_one_shape(f, card) || next_card(f, card + 1, i, loss + w->loss);
        for (size_t j = 0; j < w->n; j++)
            f->left[w->unit[j]] += w->parts[j];
    }
    if (none && f->own == own)
        se_dead_add(f->dead, &way, -loss);
    return none;
}

static uint32_t common(uint32_t a, uint32_t b) { return b ? common(b, a % b) : a; }

/* A copy in so many parts that each of its ranks is some of them, on however many cards. 0: too many. */
static uint32_t whole_of(const struct grows *g)
{
    uint32_t n = 1;
    for (size_t i = 0; i < g->ncolors; i++)
        for (size_t j = 0; j < g->color[i].n && n <= MOST_PARTS; j++) {
            const struct gr_rank *r = &g->color[i].rank[j];
            if (gr_is_left(g, r))
                n = n / common(n, r->per) * r->per;
        }
    return n <= MOST_PARTS ? n : 0;
}

/* True: no way. */
static bool fill_all(struct fill *f)
{
    struct grows *g = f->g;
    const struct search *s = g->s;
    f->whole = whole_of(g);
    for (size_t i = 0; i < g->ncolors && f->whole; i++)
        if (!fill_ways(f, i)) {
            f->over = true;
            return false;
        }
    if (!f->whole) {
        f->over = true;
        return false;
    }
    put_in_order(f);
    memset(f->shapes[0], 0xff, sizeof f->shapes[0]);
    f->dead = se_dead_new(f->a);
    for (size_t i = 0; i < g->ncolors; i++)
        for (size_t j = 0; j < g->color[i].n; j++) {
            const struct gr_rank *r = &g->color[i].rank[j];
            if (g->shape[r->work] == r->shape && g->wide[r->work] >> r->cards & 1)
                f->left[gr_unit(r)] = s->copies_most[r->work] * f->whole;
        }
    for (size_t i = 0; i < UNITS; i++)
        if (f->left[i])
            f->unit[f->nunits++] = i;
    return next_card(f, 0, 0, 0);
}

enum se_fit gr_fill(struct grows *g, double lowest, uint64_t nodes)
{
    bt_auto_arena a = { 0 };
    struct fill *f = BT_NEW(&a, struct fill);
    *f = (struct fill){ .g = g, .a = &a, .joint = BT_NEW(&a, struct gr_joint), .gap = lowest - g->reached, .end = BT_MIN(g->end, g->s->nodes + nodes) };
    bool none = fill_all(f);
    return g->better ? SE_FITS : none ? SE_FITS_NOT : SE_FIT_UNKNOWN;
}

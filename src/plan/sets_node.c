/* sets_node - what sets of neighbours allow beside copies that stand: each card has the best set with those who sit there, at the prices of the empty fleet.
 *
 * Those prices mean less the more stands. Where the trees below placements of so many copies turn out to be large, prices are made anew for the placement as
 * it is (steps, as sets.c takes them first): a pipeline on the dear cards leaves the others to those who had counted on both. That goes on for as long as it
 * takes less work than the trees that it ends; any prices bound the service, so what they are decides nothing but the work. */
#include <math.h>
#include <string.h>

#include "plan/sets_int.h"

#define ROUNDS 6u                    /* of prices, of one placement */
#define TREES 2u                     /* that were gone through, before anybody says how large they are */
#define TREE_NODES 300u              /* a smaller one takes less work than its prices */
#define TRIED_SHARE 16u              /* of the work in trees, for prices that may be in vain */

/* Trees below placements of so many copies, and prices made anew for such: what both took, and how many trees they ended. */
struct ss_again { uint64_t trees, nodes, cost, ended; };

/* Of a copy that stands, with the rate that it has. */
static double placed_gain(const struct search *s, size_t at, size_t unit, size_t color, unsigned busy)
{
    const struct se_sets *t = s->sets;
    const struct pl_copy *c = &s->copy[at];
    return (t->room_only ? 0 : ss_worth(s->copy_value[at] * 1000, busy, c->ncards)) - t->price[c->work] / c->ncards - t->own[unit * t->ncolors + color];
}

/* Of a rank of a copy that stands: of its size of stage. */
static size_t unit_of(const struct search *s, struct se_tenant x)
{
    const struct ss_unit *u = &s->sets->unit[s->copy_unit[x.copy]];
    return s->copy_unit[x.copy] + (u->parts > 1 ? u->part_of[x.rank / s->copy_shape[x.copy]->tp] : 0);
}

/* The best set of the card. */
static double walk_on(const struct search *s, size_t g, uint64_t open, const unsigned *busy, struct ss_walk *w)
{
    const struct se_sets *t = s->sets;
    const struct ss_color *c = &t->color[t->color_of[g]];
    ss_walk_begin(w, s, t);
    w->sitting = s->ntenants[g];
    w->best = w->sitting ? -INFINITY : 0;
    uint64_t room = s->p->cap[g] > s->load[g] ? s->p->cap[g] - s->load[g] : 0;
    for (uint32_t i = 0; i < s->ntenants[g]; i++) {
        size_t work = s->copy[s->tenant[g][i].copy].work;
        open &= t->friends[work];
        w->seated |= UINT64_C(1) << work;
        w->seated_cards[work] = s->copy[s->tenant[g][i].copy].ncards;
    }
    for (w->level = BT_MAX(ss_first_level(t), BT_MIN(w->sitting, SE_BUSY)); w->level <= SE_BUSY; w->level++) {
        double base = 0;
        bool may = true;             /* be so many */
        for (uint32_t i = 0; i < s->ntenants[g]; i++) {
            size_t at = s->tenant[g][i].copy;
            unsigned full = t->room_only ? 1 : ss_fullest(t, s->copy_unit[at], BT_MAX(w->level, busy[at]));
            may = may && full;
            base += full ? placed_gain(s, at, unit_of(s, s->tenant[g][i]), t->color_of[g], full) : 0;
        }
        if (may)
            ss_walk_level(w, ss_items_of(t, c, w->level, w->seated), open, room, base);
    }
    return w->best;
}

/* The same, worked out once for each way that the card may stand. */
static double best_on(const struct search *s, size_t g, uint64_t open, const unsigned *busy)
{
    struct se_sets *t = s->sets;
    uint64_t key[SE_KEY] = { t->changes << 16 | t->color_of[g] << 8 | s->ntenants[g], s->load[g], open };
    size_t n = 3;
    bool is;
    struct ss_walk w;
    if (n + 2 * s->ntenants[g] > SE_KEY)
        return walk_on(s, g, open, busy, &w);
    for (uint32_t i = 0; i < s->ntenants[g]; i++) {
        size_t at = s->tenant[g][i].copy;
        key[n++] = (uint64_t)busy[at] << 32 | unit_of(s, s->tenant[g][i]);
        memcpy(&key[n++], &s->copy_value[at], sizeof *key);
    }
    double *best = se_known_at(t->best_on, key, n, &is);
    if (!is)
        *best = walk_on(s, g, open, busy, &w);
    return *best;
}

/* The same, and what it has of each work; cards: so many that are alike. */
static double count_on(const struct search *s, size_t g, uint64_t open, const unsigned *busy, uint32_t cards, double *over)
{
    const struct se_sets *t = s->sets;
    struct ss_walk w;
    double best = walk_on(s, g, open, busy, &w);
    const struct ss_items *items = w.nbest ? ss_items_of(t, &t->color[t->color_of[g]], w.best_level, w.seated) : NULL;
    for (size_t i = 0; i < w.nbest; i++) {           /* of the best that was found: where a walk is cut short, more may be there */
        const struct ss_item *x = &items->v[w.best_at[i]];
        over[x->work] += (double)cards / t->unit[x->unit].cards;
        if (x->with != UINT32_MAX)
            over[t->unit[x->with].work] += (double)cards / t->unit[x->with].cards;
    }
    return best;
}

/* What those who stand pay and those to come, and the best set of each card; over: how many more copies those sets have than are paid for, NULL = not asked. */
static double sum_of(const struct search *s, size_t seen, double *over)
{
    const struct se_sets *t = s->sets;
    double sum = 0;
    unsigned busy[PL_MAX_COPIES];
    uint64_t open = 0;
    for (size_t i = 0; i < s->ncopies; i++) {
        const struct pl_copy *c = &s->copy[i];
        busy[i] = 1;
        for (uint32_t j = 0; j < c->ncards; j++)
            busy[i] = BT_MAX(busy[i], s->ntenants[c->card[j]]);
        sum += c->ncards ? t->price[c->work] : 0;
    }
    for (size_t d = seen; d < s->p->n; d++) {
        size_t work = s->order[d];
        if (s->p->work[work].cpu_only || s->placed[work] == s->copies_most[work])
            continue;
        uint32_t n = ss_copies_paid(s, work);
        sum += t->price[work] * n;
        open |= UINT64_C(1) << work;
        if (over)
            over[work] -= n;
    }
    uint32_t empty[BT_MAX_GPUS] = { 0 };             /* cards of a color */
    for (size_t g = 0; g < s->ncards; g++) {
        if (s->ntenants[g])
            sum += over ? count_on(s, g, open, busy, 1, over) : best_on(s, g, open, busy);
        else
            empty[t->color_of[g]]++;
    }
    for (size_t c = 0; c < t->ncolors; c++) {
        size_t g = 0;
        while (empty[c] && (s->ntenants[g] || t->color_of[g] != c))
            g++;
        if (empty[c])
            sum += empty[c] * (over ? count_on(s, g, open, busy, empty[c], over) : best_on(s, g, open, busy));
    }
    return sum;
}

double se_sets_bound(const struct search *s, size_t seen) { return sum_of(s, seen, NULL); }

size_t se_sets_unit(const struct search *s, const struct pl_copy *c, const struct se_shape *sh)
{
    const struct se_sets *t = s->sets;
    size_t shape = (size_t)(sh - s->work[c->work].shape);
    size_t slowest = s->p->cls[c->card[0]];
    for (uint32_t i = 1; i < c->ncards; i++)
        if (se_rate_on(sh, s->p->cls[c->card[i]]) < se_rate_on(sh, slowest))
            slowest = s->p->cls[c->card[i]];
    for (size_t u = t->first[c->work]; u < t->first[c->work + 1]; u++) {
        const struct ss_unit *x = &t->unit[u];
        bool pace = x->slowest == PL_NONE || se_rate_on(sh, x->slowest) == se_rate_on(sh, slowest);
        if (!x->part && x->shape == shape && pace && x->least[slowest] < UINT64_MAX)
            return u;
    }
    return 0;                        /* not: every set of cards has its unit */
}

/* ---- prices of a placement ---- */

static double look_beside(struct search *s, size_t seen)
{
    struct se_sets *t = s->sets;
    t->changes++;
    ss_fill_items(s, t);
    memset(t->over, 0, s->p->n * sizeof *t->over);
    double sum = sum_of(s, seen, t->over);
    s->nodes += SS_ROUND_NODES + se_sets_steps(s);
    return sum;
}

static void set_prices(struct search *s, const double *price)
{
    struct se_sets *t = s->sets;
    memcpy(t->price, price, s->p->n * sizeof *price);
    t->changes++;
    ss_fill_items(s, t);
    s->nodes += SS_ROUND_NODES;
}

void se_sets_again_start(struct search *s)
{
    if (s->sets && !s->sets->again)
        s->sets->again = BT_NEWN(s->sets->a, struct ss_again, s->max_copies + 1);
    if (s->sets)
        memset(s->sets->again, 0, (s->max_copies + 1) * sizeof *s->sets->again);
}

double se_sets_prices_beside(struct search *s, size_t seen, double reached)
{
    double lowest = ss_by_steps(s, look_beside, seen, ROUNDS, reached);
    set_prices(s, s->sets->best);
    return lowest;
}

bool se_sets_again(struct search *s, size_t seen, struct se_again *o)
{
    struct se_sets *t = s->sets;
    *o = (struct se_again){ .from = s->nodes };
    if (!t || !t->again || s->wants_only || !se_has(s))
        return false;
    const struct ss_again *a = &t->again[s->ncopies];
    uint64_t tree = a->trees >= TREES ? a->nodes / a->trees : 0;
    if (tree <= TREE_NODES || (a->cost * TRIED_SHARE >= a->nodes && a->ended * tree <= a->cost))
        return false;
    o->anew = true;
    memcpy(o->price, t->price, s->p->n * sizeof *o->price);
    se_sets_prices_beside(s, seen, se_as_good(s));
    return true;
}

void se_sets_again_tried(struct search *s, struct se_again *o, bool ended)
{
    if (o->anew) {
        struct ss_again *a = &s->sets->again[s->ncopies];
        a->cost += s->nodes - o->from;
        a->ended += ended;
    }
    o->from = s->nodes;
}

void se_sets_again_end(struct search *s, const struct se_again *o, bool ended)
{
    if (s->sets && s->sets->again && !ended) {
        struct ss_again *a = &s->sets->again[s->ncopies];
        a->trees++;
        a->nodes += s->nodes - o->from;
    }
    if (o->anew)
        set_prices(s, o->price);
}

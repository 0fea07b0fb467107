/* choices - how many copies of each workload, then the shapes of all workloads, and only then the cards of any.
 *
 * Numbers of copies are taken from the best: most workloads placed, then most wants, with each workload's context at its best. For each, first what places
 * or reaches more than the best plan so far is looked for, or that there is no such thing; then, where it could be as good, what has more service. What a
 * number of copies has more of wants than the best plan may be lacking in contexts, no more, and floors hold the rest.
 *
 * What the choice of a shape leaves to be reached is bounded by sets of neighbours (sets.c): prices are made better at each choice, shapes that can be in
 * nothing as good any more are left out for all that follows, and where every workload has its shape the cards are searched with no other. What the program of
 * sets has in several ways at once is settled first (sets_split.c): how many cards a copy takes, its shape, how many tenants its fullest card has. Where there
 * is no such thing, widths come before shapes; with widths settled cards are filled one after another (cards.c), which may be the end of it; workloads with
 * the fewest choices left come first, then those that are hard to place. */
#include <math.h>
#include <stdlib.h>

#include <string.h>

#include "plan/search_int.h"

#define OPTIONS 256
#define MAX_NUMBERS 2000u            /* ways to have so many copies of each; with more nobody hopes to see them all */
#define FIRST_LOOK 3000u             /* for places, with each number of copies */
#define LOOK 200u                    /* for places, at each choice */
#define LOOKS_SHARE 32u              /* of the work of a pass, for such looks that end in vain */
#define FILLINGS 1000u               /* of cards, once widths are chosen */
#define LEAF_FILLINGS 5000u           /* before cards are searched */
#define VAIN_SHARE 32u               /* of the work of a pass, for fillings after which nothing is known: with some problems they are too many */
#define CLIMB_SHARE 30u
#define DIVE_SHARE 8u                /* for the program that a dive goes by */
#define NEAR 0.05                    /* of the service: a plan that lacks no more needs no other to begin with */
#define PACK_SHARE 16u               /* of a pass for wants, for places card by card */
#define PLACES_SHARE 8u              /* of what that leaves, copy by copy */
#define CONTEXTS_SHARE 4u            /* then for contexts copy by copy: that finds plans, and proves where cards are full */
#define PARTS_SHARE 32u              /* for those that lack part by part; nearly all that is left then is for sets of neighbours that grow */
#define FIRST_SHARE 12u               /* of the work that is left, before the best is climbed from once more */
#define AGAIN 3u                     /* times that those which are not known get what is left of the work */
#define UNSURE_SHARE 8u              /* of what is left, for service where it is not known that no more wants are to be had */
#define GROWS_SHARE 2u              /* of what is left, for service where contexts lack, by sets of neighbours that grow */
#define ALL_SHARE 3u                 /* of a pass for wants, for all that is wanted at once */
#define SHARES 8u                    /* of the work, for one way to have so many copies of each: the next may be easier */

/* So many copies of each work; what that reaches at most. */
struct numbers {
    uint32_t *copies; struct pl_score most; size_t n;
    double served;                   /* no more service than this; INFINITY = not known */
    struct se_kept_ways ways, all_ways;              /* of looks in passes for wants; for all of them: with larger floors less has a place */
};
struct choices {
    struct search *s; struct se_marks **marks; struct bt_arena *a; struct numbers *v; size_t n; bool too_many; uint64_t end;
    uint64_t start, in_vain;         /* of a pass: its first node; those that fillings took and nothing was known after */
    uint64_t looks_in_vain;          /* the same of short looks for places */
    bool seen;                       /* of a pass for wants: there are no more */
    double root;                     /* of a pass for service: its bound before anything is chosen */
};

/* Half a shared card less than the best: what is above it may be as good. */
static double to_reach(const struct search *s)
{
    if (s->wants_only)
        return SE_NO_ROOM;
    return (double)s->best.v[BT_GOAL_SERVICE] + ((double)s->best.v[BT_GOAL_SHARED] - 0.5) / (double)s->shared_parts;
}

/* Who sits on another's cards is as wide. */
static bool widths_agree(const struct search *s, size_t work, size_t shape)
{
    const struct pl_problem *p = s->p;
    uint32_t cards = s->work[work].shape[shape].cards;
    for (size_t i = 0; i < p->n; i++)
        if (s->fixed[i] && (p->work[i].same == work || p->work[work].same == i) && s->work[i].shape[s->shape_of[i]].cards != cards)
            return false;
    return true;
}

/* How many widths there are among the options, their losses' least first; o is cut down to one of each. */
static size_t one_of_each_width(const struct search *s, size_t work, struct se_option *o, size_t n)
{
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        size_t j = 0;
        while (j < kept && s->work[work].shape[o[j].shape].cards != s->work[work].shape[o[i].shape].cards)
            j++;
        if (j == kept)
            o[kept++] = o[i];
    }
    return kept;
}

/* wide: the work with the fewest widths among those that have several. Else the first in the order of the search, those with one shape first. PL_NONE: nothing
 * is left to choose, or too much. */
static size_t next_to_choose(const struct search *s, bool wide, struct se_option *o, size_t *n)
{
    struct se_option mine[OPTIONS];
    size_t best = PL_NONE;
    for (size_t d = 0; d < s->p->n; d++) {
        size_t w = s->order[d], many;
        if (s->fixed[w] || s->p->work[w].cpu_only || !s->copies_most[w])
            continue;
        many = se_sets_options(s, w, mine, OPTIONS);
        if (many > OPTIONS)
            continue;
        many = wide ? one_of_each_width(s, w, mine, many) : many;
        if (wide ? many < 2 || (best != PL_NONE && many >= *n) : best != PL_NONE && (many > 1 || *n <= 1))
            continue;
        best = w;
        *n = many;
        memcpy(o, mine, many * sizeof *o);
    }
    return best;
}

static bool tighten(struct search *s, enum se_prices how, double *bound)
{
    if (s->stop || s->nodes > s->limit || se_late(s)) {
        s->stop = true;
        return false;
    }
    *bound = se_sets_tighten(s, how, to_reach(s));
    return *bound >= to_reach(s);
}

/* Of those with as many ways to go large ranks first: they leave the fewest places. */
static void place(struct search *s)
{
    se_order(s, SE_RANKS);
    s->fewest = true;
    se_place(s);
    s->fewest = false;
    se_order(s, SE_HARD);
}

/* Is there anything as good? Prices first, then fillings of cards: what they find makes more shapes not worth a look. False: nothing is left. */
static bool as_good(struct choices *x, enum se_prices prices, uint64_t nodes)
{
    struct search *s = x->s;
    enum se_fit how = SE_FITS;
    while (how == SE_FITS) {
        double bound;
        if (!tighten(s, prices, &bound))
            return false;
        x->root = BT_MIN(x->root, prices == SE_FIRST_PRICES ? bound : INFINITY);
        se_sets_kill(s, bound, to_reach(s));
        bool try = nodes && !s->wants_only && x->in_vain <= nodes + (s->nodes - x->start) / VAIN_SHARE;
        uint64_t before = s->nodes;
        se_sets_bare(s, try);
        how = try ? se_cards(s, nodes) : SE_FIT_UNKNOWN;
        se_sets_bare(s, false);
        x->in_vain += how == SE_FIT_UNKNOWN ? s->nodes - before : 0;
    }
    return how == SE_FIT_UNKNOWN;
}

static struct se_marks *save(struct choices *x, size_t depth)
{
    if (!x->marks[depth])
        x->marks[depth] = se_sets_marks(x->s, x->a);
    se_sets_save(x->s, x->marks[depth]);
    return x->marks[depth];
}

static void choose_shapes(struct choices *x, size_t depth);

static void choose_width(struct choices *x, size_t depth, size_t work, const struct se_option *o, size_t n)
{
    struct search *s = x->s;
    const struct se_marks *was = save(x, depth);
    for (size_t i = 0; i < n && !s->stop; i++) {
        se_sets_only_wide(s, work, s->work[work].shape[o[i].shape].cards);
        choose_shapes(x, depth + 1);
        se_sets_restore(s, was);
    }
}

static void choose_shape(struct choices *x, size_t depth, size_t work, const struct se_option *o, size_t n)
{
    struct search *s = x->s;
    const struct se_marks *was = save(x, depth);
    s->fixed[work] = s->settled[work] = true;
    for (size_t i = 0; i < n && !s->stop; i++) {
        if (!widths_agree(s, work, o[i].shape))
            continue;
        s->shape_of[work] = o[i].shape;
        se_sets_only(s, work, &o[i]);
        choose_shapes(x, depth + 1);
        se_sets_restore(s, was);
    }
    s->fixed[work] = s->settled[work] = false;
}

static void choose_level(struct choices *x, size_t depth, const struct se_split *split)
{
    struct search *s = x->s;
    const struct se_marks *was = save(x, depth);
    for (unsigned i = 0; i < 2 && !s->stop; i++) {
        bool low = (i == 0) == split->low_first;
        se_sets_only_levels(s, split->work, low ? split->low : ~split->low);
        choose_shapes(x, depth + 1);
        se_sets_restore(s, was);
    }
}

/* False: too many options. */
static bool choose_split(struct choices *x, size_t depth, const struct se_split *split)
{
    struct search *s = x->s;
    struct se_option o[OPTIONS];
    size_t n = se_sets_options(s, split->work, o, OPTIONS);
    if (n > OPTIONS)
        return false;
    if (split->by == SE_BY_LEVEL)
        choose_level(x, depth, split);
    else if (split->by == SE_BY_WIDTH)
        choose_width(x, depth, split->work, o, one_of_each_width(s, split->work, o, n));
    else
        choose_shape(x, depth, split->work, o, n);
    return true;
}

/* A short look for places, as long as such looks mostly end before they give up. */
static bool no_place(struct choices *x)
{
    struct search *s = x->s;
    uint64_t before = s->nodes;
    if (x->looks_in_vain > (before - x->start) / LOOKS_SHARE + 4 * LOOK)
        return false;
    enum se_fit how = se_fits(s, LOOK);
    x->looks_in_vain += how == SE_FIT_UNKNOWN ? s->nodes - before : 0;
    return how == SE_FITS_NOT;
}

/* Every shape is settled. */
static void place_shapes(struct choices *x)
{
    se_sets_tight(x->s, true);
    if (as_good(x, SE_BETTER_PRICES, LEAF_FILLINGS))
        place(x->s);
    se_sets_tight(x->s, false);
}

static void choose_shapes(struct choices *x, size_t depth)
{
    struct search *s = x->s;
    struct se_option o[OPTIONS];
    struct se_split split;
    size_t n = 0;
    if (depth && (no_place(x) || s->stop))           /* sooner known than prices are made */
        return;
    if (!as_good(x, depth ? SE_BETTER_PRICES : SE_FIRST_PRICES, 0))
        return;
    if (!depth && (no_place(x) || s->stop))
        return;
    if (se_sets_split(s, &split) && choose_split(x, depth, &split))
        return;
    size_t work = next_to_choose(s, true, o, &n);
    if (work != PL_NONE) {
        choose_width(x, depth, work, o, n);
        return;
    }
    if (!as_good(x, SE_SAME_PRICES, FILLINGS))
        return;
    work = next_to_choose(s, false, o, &n);
    if (work != PL_NONE)
        choose_shape(x, depth, work, o, n);
    else
        place_shapes(x);
}

/* ---- numbers of copies ---- */

/* As good as they can be: workloads placed and wants, the rest open. */
static void most_of(const struct search *s, const uint32_t *copies, struct pl_score *o)
{
    *o = (struct pl_score){ .nlevels = (uint32_t)s->nprio };
    for (size_t i = 0; i < s->p->n; i++) {
        const struct pl_work *k = &s->p->work[i];
        if (!copies[i])
            continue;
        o->placed[s->level_of[i]]++;
        o->v[BT_GOAL_PLACED]++;
        o->v[BT_GOAL_WANTS] += k->server && k->ctx_want ? se_thousandths(s->ctx_most[i]) : 0;
        o->v[BT_GOAL_WANTS] += k->copies_want > 1 ? 1000 * (int64_t)copies[i] / k->copies_want : 0;
    }
}

static bool followers_stand(const struct search *s, const uint32_t *copies)
{
    for (size_t i = 0; i < s->p->n; i++)
        if (s->p->work[i].same != PL_NONE && copies[i] > copies[s->p->work[i].same])
            return false;
    return true;
}

/* All numbers from work i on, those before as they are. `copies` is changed, and left at the most for the works from i on. */
static void list_numbers(struct choices *x, size_t i, uint32_t *copies)
{
    struct search *s = x->s;
    struct pl_score most;
    most_of(s, copies, &most);       /* those to come at their most */
    if (x->too_many || (se_has(s) && pl_score_cmp(&most, &s->best, BT_GOAL_SERVICE) < 0))
        return;
    if (i == s->p->n) {
        if (!followers_stand(s, copies))
            return;
        if (x->n == MAX_NUMBERS) {
            x->too_many = true;
            return;
        }
        struct numbers one = { BT_NEWN(s->a, uint32_t, i + 1), most, i, INFINITY, { { NULL } }, { { NULL } } };
        memcpy(one.copies, copies, i * sizeof *copies);
        BT_PUSH(s->a, x->v, x->n, one);
        return;
    }
    const struct pl_work *k = &s->p->work[i];
    uint32_t least = k->cpu_only ? k->copies_want : BT_MAX(k->copies_min, 1u);
    for (uint32_t n = s->copies_most[i]; n >= least && !x->too_many; n--) {
        copies[i] = n;
        list_numbers(x, i + 1, copies);
    }
    if (k->w->optional && !k->cpu_only) {
        copies[i] = 0;
        list_numbers(x, i + 1, copies);
    }
    copies[i] = s->copies_most[i];
}

static int by_most(const void *a, const void *b)
{
    const struct numbers *x = a, *y = b;
    int c = pl_score_cmp(&y->most, &x->most, BT_GOAL_SERVICE);
    for (size_t i = 0; i < x->n && !c; i++)
        c = (x->copies[i] < y->copies[i]) - (x->copies[i] > y->copies[i]);
    return c;
}

/* What may lack of the contexts where `want` is to be reached; negative: anything may. */
static int64_t slack_for(const struct search *s, const struct pl_score *most, int64_t want)
{
    bool as_many = se_has(s) && pl_score_cmp(most, &s->best, BT_GOAL_WANTS) == 0;
    return as_many ? most->v[BT_GOAL_WANTS] - want : -1;
}

static uint64_t left_of(const struct search *s, uint64_t end) { return end - BT_MIN(end, s->nodes); }

/* A first look for places, then one at numbers of cards alone, then prices, which see where fractions of cards lack too, then long looks; contexts count last,
 * those that lack part by part, and by sets of neighbours. What is found is kept if it is better: that ends the pass too. False: nothing is left. */
static bool may_be_better(struct choices *x, struct numbers *v, int64_t slack, uint64_t nodes, struct bt_arena *a)
{
    struct search *s = x->s;
    struct pl_score was = s->best;
    bool found = se_has(s), as_many = found && pl_score_cmp(&v->most, &was, BT_GOAL_WANTS) <= 0;
    uint64_t end = s->nodes + nodes;
    enum se_fit how = se_fits(s, BT_MIN(FIRST_LOOK, nodes));
    if (how != SE_FITS && (how == SE_FITS_NOT || se_wide_not(s, false, nodes / 4) || se_sets_tighten(s, SE_FIRST_PRICES, SE_NO_ROOM) < SE_NO_ROOM))
        return false;
    if (how == SE_FIT_UNKNOWN)
        how = se_pack(s, left_of(s, end) / PACK_SHARE);
    s->kept = &v->ways;
    if (how == SE_FIT_UNKNOWN)
        how = se_fits(s, left_of(s, end) / PLACES_SHARE);
    s->kept = NULL;
    if (how == SE_FITS_NOT || found != se_has(s) || pl_score_cmp(&s->best, &was, BT_GOAL_SERVICE) != 0)
        return false;
    if (!as_many)
        return true;
    s->kept = &v->ways;
    how = se_fits_better(s, left_of(s, end) / CONTEXTS_SHARE, left_of(s, end));
    s->kept = NULL;
    if (how == SE_FIT_UNKNOWN) {
        how = se_lacks(s, slack, left_of(s, end) / PARTS_SHARE);
        se_fix(s, v->copies, slack, a);
        se_fits_start(s, a);
    }
    if (how == SE_FIT_UNKNOWN)
        how = se_grows(s, left_of(s, end) / 16 * 15);
    x->seen = how == SE_FITS_NOT;
    if (how != SE_FIT_UNKNOWN || se_wide_not(s, true, left_of(s, end) / 4))
        return false;
    s->kept = &v->ways;
    how = se_fits_better(s, left_of(s, end), 0);
    s->kept = NULL;
    return how == SE_FIT_UNKNOWN;
}

/* One pass over all shapes with these numbers of copies. */
static void pass(struct choices *x, struct numbers *v, int64_t slack, uint64_t share)
{
    bt_auto_arena a = { 0 };
    struct search *s = x->s;
    x->a = &a;
    x->start = s->nodes;
    x->in_vain = x->looks_in_vain = 0;
    x->seen = false;
    x->root = INFINITY;
    x->marks = BT_NEWN(&a, struct se_marks *, s->p->n * (2 + SE_BUSY) + 1);          /* a width, a shape and each number of tenants */
    se_fix(s, v->copies, slack, &a);
    s->limit = BT_MIN(x->end, s->nodes + share);
    se_fits_start(s, &a);
    if (!se_sets_start(s, &a))
        s->stop = true;
    else if (!s->wants_only || may_be_better(x, v, slack, BT_MIN(share, left_of(s, x->end)), &a))
        choose_shapes(x, 0);
    if (!s->wants_only)
        v->served = BT_MIN(v->served, x->root);
    s->sets = NULL;
    s->fits = NULL;
}

/* What was found first is not good yet, and what is better makes less of the tree worth a look. */
static void improve(struct choices *x, uint64_t share)
{
    struct search *s = x->s;
    bool wants_only = s->wants_only, any = s->any;
    s->wants_only = s->any = false;
    se_fix(s, NULL, -1, s->a);
    se_improve(s, BT_MIN(share, x->end - BT_MIN(x->end, s->nodes)), s->out);
    se_order(s, SE_HARD);
    s->stop = false;
    s->wants_only = wants_only;
    s->any = any;
}

/* All that is wanted at once: floors hold every context whole, so it is a question of room, and its answer ends all passes that ask for a little more. */
static void pass_for_all(struct choices *x, struct numbers *v, uint64_t share)
{
    struct search *s = x->s;
    struct pl_score was = s->best;
    struct se_kept_ways ways = v->ways;
    if (!se_has(s) || pl_score_cmp(&v->most, &was, BT_GOAL_WANTS) != 0 || v->most.v[BT_GOAL_WANTS] <= was.v[BT_GOAL_WANTS])
        return;
    v->ways = v->all_ways;
    pass(x, v, 0, share / ALL_SHARE);
    v->all_ways = v->ways;
    v->ways = ways;
    s->stop = false;
    if (pl_score_cmp(&s->best, &was, BT_GOAL_SERVICE) > 0)
        improve(x, share);
}

/* More placed, or more wants, than the best has: until there is none. False: not known. */
static bool pass_for_wants(struct choices *x, struct numbers *v, uint64_t share)
{
    struct search *s = x->s;
    s->wants_only = s->any = true;
    pass_for_all(x, v, share);
    for (bool better = true; better && !s->stop; ) {
        struct pl_score was = s->best;
        bool found = se_has(s);
        if (found && pl_score_cmp(&v->most, &s->best, BT_GOAL_SERVICE) <= 0)
            break;
        pass(x, v, slack_for(s, &v->most, was.v[BT_GOAL_WANTS] + 1), share);
        better = !x->seen && s->out->found && (!found || pl_score_cmp(&s->best, &was, BT_GOAL_SERVICE) > 0);
        s->stop = s->stop && !better;                /* `any` stopped it, not the limit */
        if (better)
            improve(x, share);
    }
    bool known = !s->stop;
    s->stop = false;
    s->wants_only = s->any = false;
    return known;
}

/* Do contexts reach what the best has, where with all of them there would be more? False: they do not, whatever else. */
static bool wants_stand(struct choices *x, const struct numbers *v, int64_t slack)
{
    bt_auto_arena a = { 0 };
    struct search *s = x->s;
    uint64_t end = s->nodes + (x->end - s->nodes) / SHARES;
    se_fix(s, v->copies, slack, &a);
    if (slack <= 0 || !se_fits_start(s, &a))
        return true;
    s->as_good = true;
    enum se_fit how = se_fits(s, FIRST_LOOK);
    bool not = how == SE_FITS_NOT || (how == SE_FIT_UNKNOWN && se_wide_not(s, false, left_of(s, end) / 4)) || se_wide_not(s, true, left_of(s, end) / 2) ||
               se_fits_better(s, left_of(s, end), 0) == SE_FITS_NOT;
    s->as_good = false;
    s->fits = NULL;
    return !not;
}

/* No more of them can be as good as the best. */
static bool past_best(const struct choices *x, size_t i)
{
    return se_has(x->s) && pl_score_cmp(&x->v[i].most, &x->s->best, BT_GOAL_SERVICE) < 0;
}

static bool over(const struct choices *x) { return x->s->nodes >= x->end || x->s->late; }

/* The best lacks so much of a service that nothing passes, or nobody knows that it does not. */
static bool lacks_service(const struct search *s, double most) { return most > (double)s->best.v[BT_GOAL_SERVICE] * (1 + NEAR); }

/* From what a program of many cards (columns.c) would like to do with these numbers of copies: another plan than climbing finds, often far better. */
static void dive(struct choices *x, struct numbers *v, uint64_t left)
{
    bt_auto_arena a = { 0 };
    struct search *s = x->s;
    struct pl_solution dived;
    double *price = BT_NEWN(&a, double, s->p->nclasses + 1);
    memcpy(price, s->price, s->p->nclasses * sizeof *price);
    se_fix(s, v->copies, 0, &a);
    double served = se_columns(s, left / DIVE_SHARE, s->out, &dived);
    memcpy(s->price, price, s->p->nclasses * sizeof *price);
    se_fix(s, NULL, -1, s->a);
    v->served = BT_MIN(v->served, served);
    if (dived.found)
        se_climb_from(s, left / CLIMB_SHARE, &dived, s->out);
}

/* Where contexts lack: of what has as many of them, whatever its service, nothing has more service than the best, which may have more after it. False: not
 * known. */
static bool serves_most(struct choices *x, struct numbers *v, uint64_t nodes)
{
    bt_auto_arena a = { 0 };
    struct search *s = x->s;
    int64_t slack = slack_for(s, &v->most, s->best.v[BT_GOAL_WANTS]);
    if (slack <= 0)
        return false;
    se_fix(s, v->copies, slack, &a);
    bool most = se_grows_serve(s, nodes) == SE_FITS_NOT;
    if (most)
        v->served = BT_MIN(v->served, (double)s->best.v[BT_GOAL_SERVICE]);
    return most;
}

/* What has more service, for these numbers of copies. What is not seen in a share of the work is looked at again from a better plan, where there is one. */
static void serve(struct choices *x, struct numbers *v, uint64_t left)
{
    struct search *s = x->s;
    uint64_t end = s->nodes + left;
    struct pl_score was = s->best;
    pass(x, v, slack_for(s, &v->most, was.v[BT_GOAL_WANTS]), left / FIRST_SHARE);
    if (!s->stop || over(x))
        return;
    s->stop = false;
    if (!slack_for(s, &v->most, was.v[BT_GOAL_WANTS]) && lacks_service(s, v->served))
        dive(x, v, left);
    se_fix(s, NULL, -1, s->a);
    se_climb_on(s, left / CLIMB_SHARE, s->out);
    improve(x, left / CLIMB_SHARE);
    s->stop = over(x) || pl_score_cmp(&s->best, &was, BT_GOAL_SERVICE) > 0;          /* other numbers, or less context lacks: not these again */
    if (!s->stop && !serves_most(x, v, left_of(s, end) / GROWS_SHARE))
        pass(x, v, slack_for(s, &v->most, was.v[BT_GOAL_WANTS]), left_of(s, end));
}

/* No plan has more service than the best: of another number of workloads or wants that says nothing. */
static void forget_served(const struct choices *x, const struct pl_score *was, bool *served)
{
    if (pl_score_cmp(&x->s->best, was, BT_GOAL_SERVICE) != 0)
        memset(served, 0, x->n * sizeof *served);
}

/* What is not known to have no more workloads or wants than the best; then the same of service where all that is as good. last: what is left of the work is for
 * that. False: not all is known. */
static bool settle(struct choices *x, bool *known, bool *served, uint64_t share, bool last)
{
    struct search *s = x->s;
    struct pl_score was = s->best;
    bool all = true;
    for (size_t i = 0; i < x->n && !over(x) && !past_best(x, i); i++)
        known[i] = known[i] || pass_for_wants(x, &x->v[i], share);
    forget_served(x, &was, served);
    was = s->best;
    bool sure = true;                /* that no more workloads or wants are to be had */
    for (size_t i = 0; i < x->n && !past_best(x, i); i++)
        sure = sure && known[i];
    for (size_t i = 0; i < x->n && !past_best(x, i); i++) {
        bool equal = se_has(s) && pl_score_cmp(&x->v[i].most, &s->best, BT_GOAL_WANTS) == 0;
        if (equal && !served[i] && !over(x)) {
            if (wants_stand(x, &x->v[i], slack_for(s, &x->v[i].most, s->best.v[BT_GOAL_WANTS])))
                serve(x, &x->v[i], left_of(s, x->end) / (sure || last ? 1 : UNSURE_SHARE));
            served[i] = !s->stop;
            s->stop = false;
        }
        all = all && known[i] && (!equal || served[i]);
    }
    forget_served(x, &was, served);  /* climbing knows no numbers: it may have found more wants, with those that were served before too */
    return all && pl_score_cmp(&s->best, &was, BT_GOAL_SERVICE) == 0;
}

/* The best that may still be there: of each number of copies what it is not known to lack. */
static void what_is_left(const struct choices *x, const bool *known, const bool *served, struct pl_score *bound)
{
    struct pl_score left = x->s->best;
    for (size_t i = 0; i < x->n && !past_best(x, i); i++) {
        const struct numbers *v = &x->v[i];
        struct pl_score one = known[i] ? x->s->best : v->most;
        if (known[i] && (served[i] || pl_score_cmp(&v->most, &one, BT_GOAL_WANTS) != 0))
            continue;                /* nothing better; of more workloads no plan at all */
        one.v[BT_GOAL_SERVICE] = known[i] && v->served < (double)bound->v[BT_GOAL_SERVICE] ? (int64_t)v->served + 1 : bound->v[BT_GOAL_SERVICE];
        if (pl_score_cmp(&one, &left, BT_GOAL_SHARED) > 0)
            left = one;
    }
    if (se_has(x->s) && pl_score_cmp(&left, bound, BT_GOAL_SHARED) < 0)
        *bound = left;
}

static uint64_t share_of(const struct choices *x, const bool *known)
{
    uint64_t n = 0;
    for (size_t i = 0; i < x->n && !past_best(x, i); i++)
        n += !known[i];
    return (x->end - BT_MIN(x->end, x->s->nodes)) / BT_MAX(n, UINT64_C(1));
}

/* As many as there may be, and s->ctx_most. */
static uint32_t *all_copies(struct search *s)
{
    struct pl_score root;
    uint32_t *copies = BT_NEWN(s->a, uint32_t, s->p->n + 1);
    se_fix(s, NULL, -1, s->a);
    se_bound(s, 0, NULL, &root);     /* leaves the contexts in s->ctx */
    for (size_t i = 0; i < s->p->n; i++) {
        const struct pl_work *k = &s->p->work[i];
        copies[i] = s->copies_most[i];
        s->ctx_most[i] = k->server && k->ctx_want ? BT_MIN(s->ctx[k->ctx_root] / (double)k->ctx_want, 1.0) : 0;
    }
    return copies;
}

void se_fix_all(struct search *s, struct pl_score *most)
{
    uint32_t *copies = all_copies(s);
    for (size_t i = 0; i < s->p->n; i++)             /* targets come before their followers */
        if (s->p->work[i].same != PL_NONE)
            copies[i] = BT_MIN(copies[i], copies[s->p->work[i].same]);
    most_of(s, copies, most);
    se_fix(s, copies, 0, s->a);
}

bool se_run_choices(struct search *s, uint64_t limit, struct pl_solution *out, bool *all, struct pl_score *bound)
{
    struct choices x = { .s = s };
    uint32_t *copies = all_copies(s);
    s->out = out;
    s->first = true;
    if (se_has(s))
        s->best = out->found ? out->score : *s->p->beat;
    list_numbers(&x, 0, copies);
    if (x.too_many || s->p->n > 64)
        return false;
    if (x.n)
        qsort(x.v, x.n, sizeof *x.v, by_most);
    x.end = s->nodes + limit;
    s->stop = false;
    se_order(s, SE_HARD);
    bool *known = BT_NEWN(s->a, bool, x.n + 1), *served = BT_NEWN(s->a, bool, x.n + 1);
    *all = settle(&x, known, served, limit / SHARES, false);
    for (unsigned again = 0; again < AGAIN && !*all && !over(&x); again++)           /* what others did not need */
        *all = settle(&x, known, served, share_of(&x, known), again == AGAIN - 1);
    what_is_left(&x, known, served, bound);
    se_fix(s, NULL, -1, s->a);
    return true;
}

void se_as_many(struct search *s, const struct pl_solution *o)
{
    uint32_t *copies = BT_NEWN(s->a, uint32_t, s->p->n + 1);
    struct pl_score most;
    for (size_t i = 0; i < o->ncopies; i++)
        copies[o->copy[i].work]++;
    most_of(s, copies, &most);
    se_fix(s, copies, most.v[BT_GOAL_WANTS] - o->score.v[BT_GOAL_WANTS], s->a);
    s->best = o->score;
    se_order(s, SE_AS_PLANNED);
    if (!se_sets_start(s, s->a))
        return;
    double bound = se_sets_tighten(s, SE_FIRST_PRICES, to_reach(s));
    se_sets_kill(s, bound, to_reach(s));
    se_sets_tighten(s, SE_SAME_PRICES, -INFINITY);
}

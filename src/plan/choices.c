/* choices - the shapes of all workloads before the cards of any. What a choice leaves to be reached is bounded by sets of neighbours (sets.c): prices are
 * made better at each choice, shapes that can be in nothing as good any more are left out for all that follows, and where every workload has its shape
 * the cards are searched with no other shape. Workloads with one shape left come first, then those that are hard to place. */
#include <math.h>

#include "plan/search_int.h"

#define OPTIONS 256
#define ROOT_ROUNDS 400u             /* of prices, for the empty fleet */
#define ROUNDS 20u                   /* for each choice */
#define LEAF_ROUNDS 40u              /* before cards are searched */
#define ROUND_NODES 20u              /* what a round costs */

struct choices { struct se_marks **marks; int64_t slack; };          /* marks: by depth */

/* Half a shared card less than the best: what is above it may be as good. */
static double to_reach(const struct search *s)
{
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

/* PL_NONE: all have their shape, or too many to choose one. */
static size_t next_to_choose(const struct search *s, struct se_option *o, size_t *n)
{
    struct se_option mine[OPTIONS];
    size_t best = PL_NONE;
    for (size_t d = 0; d < s->p->n; d++) {
        size_t w = s->order[d], many;
        if (s->fixed[w] || s->p->work[w].cpu_only)
            continue;
        many = se_sets_options(s, w, mine, OPTIONS);
        if (many > OPTIONS || (best != PL_NONE && (many > 1 || *n <= 1)))
            continue;
        best = w;
        *n = many;
        memcpy(o, mine, many * sizeof *o);
    }
    return best;
}

static bool tighten(struct search *s, const struct choices *x, unsigned rounds, double *bound)
{
    s->nodes += rounds * ROUND_NODES;
    if (s->stop || s->nodes > s->limit || se_late(s)) {
        s->stop = true;
        return false;
    }
    *bound = se_sets_tighten(s, rounds, to_reach(s), x->slack);
    return *bound >= to_reach(s);
}

static void choose_shapes(struct search *s, struct choices *x, size_t depth)
{
    struct se_option o[OPTIONS];
    size_t n = 0, work;
    double bound;
    if (!tighten(s, x, depth ? ROUNDS : ROOT_ROUNDS, &bound))
        return;
    se_sets_kill(s, bound, to_reach(s));
    work = next_to_choose(s, o, &n);
    if (work == PL_NONE) {
        if (tighten(s, x, LEAF_ROUNDS, &bound))
            se_place(s);
        return;
    }
    if (!x->marks[depth])
        x->marks[depth] = se_sets_marks(s);
    se_sets_save(s, x->marks[depth]);
    s->fixed[work] = s->settled[work] = true;
    for (size_t i = 0; i < n && !s->stop; i++) {
        if (!widths_agree(s, work, o[i].shape))
            continue;
        s->shape_of[work] = o[i].shape;
        se_sets_only(s, work, &o[i]);
        choose_shapes(s, x, depth + 1);
        se_sets_restore(s, x->marks[depth]);
    }
    s->fixed[work] = s->settled[work] = false;
}

bool se_run_choices(struct search *s, uint64_t limit, struct pl_solution *out)
{
    struct choices x = { .marks = BT_NEWN(s->a, struct se_marks *, s->p->n + 1) };
    struct pl_score root;
    se_bound(s, 0, NULL, &root);
    x.slack = s->wants_open - out->score.v[BT_GOAL_WANTS];
    se_order(s, SE_HARD);
    s->out = out;
    s->limit = s->nodes + limit;
    s->stop = false;
    s->first = true;
    s->best = out->score;
    choose_shapes(s, &x, 0);
    se_sets_tighten(s, 1, -INFINITY, x.slack);       /* of all shapes again, for who asks next */
    return !s->stop;
}

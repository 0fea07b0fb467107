/* many - a plan where the tree is not seen whole: climbing, what many cards carry, and climbing on from there.
 *
 * Where optional workloads of a priority find no place, the same program says how many of them can at most, as few copies of each as there may be. What is
 * wanted and served then is bounded for as many, whichever they are. */
#include <math.h>
#include <string.h>

#include "plan/search_int.h"

#define CLIMB_FIRST UINT64_C(80000)
#define CLIMB_NEXT UINT64_C(100000)
#define MUCH_LOST 2                  /* copies that a dive did not place */
#define COLUMNS_NODES UINT64_C(450000)
#define COLUMNS_LEAST UINT64_C(300000)               /* with less work than this it is left out: it costs as much */
#define BOUND_NODES UINT64_C(120000) /* of a program that nobody dives into */
#define WANTS_NODES UINT64_C(200000) /* of one of contexts and copies, and the dive into it */
#define TREE_LEAST 400               /* (workload, card) pairs from which on the tree is asked only where something lacks, */
#define TREE_MOST 1024               /* and up to which */
#define ONE 1000.0                   /* a workload, in the program */
#define FAR 0.01                     /* of the service that is bounded: a plan that lacks so much is worth another program, */
#define AGAIN 3u                     /* and so many more as long as they gain */

static void climb(struct search *s, uint64_t budget, struct pl_solution *out) { se_climb_from(s, budget, out, out); }

bool se_fewest(const struct search *s, uint32_t *copies)
{
    const struct pl_problem *p = s->p;
    for (size_t i = 0; i < p->n; i++)
        copies[i] = p->work[i].cpu_only ? p->work[i].copies_want : p->work[i].w->optional ? 0 : BT_MAX(p->work[i].copies_min, 1u);
    for (size_t left = p->n; left; left--)           /* who is followed stands too, with no fewer copies than it must have, and whom that follows */
        for (size_t i = 0; i < p->n; i++) {
            size_t target = copies[i] ? p->work[i].same : PL_NONE;
            if (target != PL_NONE)
                copies[target] = BT_MAX(BT_MAX(copies[target], copies[i]), p->work[target].copies_min);
        }
    for (size_t i = 0; i < p->n; i++)
        if (copies[i] > s->copies_most[i])
            return false;
    return true;
}

/* ---- how many of a priority can stand ---- */

struct crowd { uint32_t *copies; bool *loose; double *counts; uint32_t open; };      /* [works]; open: loose ones that count */

static bool counts_at(const struct search *s, size_t w, size_t level) { return s->level_of[w] == level && s->p->work[w].w->optional; }

/* All that must be there, those of levels before of which any better plan has all, and those of the level, with whom they follow: as few copies as may be. */
static bool crowd_of(const struct search *s, size_t level, const bool *whole, struct crowd *o)
{
    const struct pl_problem *p = s->p;
    o->copies = BT_NEWN(s->a, uint32_t, p->n + 1);
    o->loose = BT_NEWN(s->a, bool, p->n + 1);
    o->counts = BT_NEWN(s->a, double, p->n + 1);
    o->open = 0;
    for (size_t i = 0; i < p->n; i++) {
        const struct pl_work *k = &p->work[i];
        bool must = !k->w->optional || (s->level_of[i] < level && whole[s->level_of[i]]);
        o->copies[i] = k->cpu_only ? k->copies_want : must || s->level_of[i] <= level ? BT_MAX(k->copies_min, 1u) : 0;
        o->loose[i] = !must;
        if (counts_at(s, i, level) && !k->cpu_only) {
            o->counts[i] = ONE;
            o->open++;
        }
    }
    for (size_t left = p->n; left; left--)
        for (size_t i = 0; i < p->n; i++) {
            size_t up = o->copies[i] ? p->work[i].same : PL_NONE;
            if (up == PL_NONE)
                continue;
            o->copies[up] = BT_MAX(BT_MAX(o->copies[up], o->copies[i]), p->work[up].copies_min);
            o->loose[up] = o->loose[up] && o->loose[i];
        }
    for (size_t i = 0; i < p->n; i++)
        if (o->copies[i] > s->copies_most[i])
            return false;
    return o->open > 0;
}

/* No plan that has all of the levels before has more of this one. dived: a placement with more, perhaps; found where that is not excluded. */
static uint32_t most_of_level(struct search *s, uint64_t budget, size_t level, const bool *whole, uint32_t have, uint32_t most, struct pl_solution *dived)
{
    struct crowd x;
    *dived = (struct pl_solution){ 0 };
    if (!crowd_of(s, level, whole, &x))
        return most;
    uint32_t others = most - x.open;
    se_fix(s, x.copies, -1, s->a);
    double sum = se_columns_of(s, budget, x.loose, x.counts, ONE * (have + 1.0 - others) - 1e-3, dived);
    se_fix(s, NULL, -1, s->a);
    if (sum > ONE * x.open || others > most)
        return most;
    return BT_MAX(have, others + (uint32_t)(BT_MAX(sum, 0.0) / ONE + 1e-6));
}

/* ---- what is wanted and served then ---- */

/* As much as the work may add to wants. */
static int64_t wants_of(const struct search *s, size_t w)
{
    const struct pl_work *k = &s->p->work[w];
    int64_t context = k->server && k->ctx_want ? se_thousandths(s->ctx_most[w]) : 0;
    return context + (k->copies_want > 1 ? 1000 * (int64_t)s->copies_most[w] / k->copies_want : 0);
}

/* Of the optional works of a level so many are missing, whichever: the least that is wanted less. */
static int64_t missing_wants(const struct search *s, size_t level, uint32_t missing)
{
    int64_t sum = 0, last = -1;
    while (missing) {                /* by size: all of one size at once */
        int64_t next = INT64_MAX;
        uint32_t n = 0;
        for (size_t w = 0; w < s->p->n; w++) {
            int64_t one = counts_at(s, w, level) ? wants_of(s, w) : -1;
            n = one > last && one < next ? 1 : n + (one > last && one == next);
            next = one > last ? BT_MIN(next, one) : next;
        }
        if (!n)
            break;
        n = BT_MIN(n, missing);
        sum += next * n;
        missing -= n;
        last = next;
    }
    return sum;
}

/* Levels of which the plan has fewer than the bound, one after the other; the plan may get better. */
static void bound_levels(struct search *s, uint64_t budget, uint64_t climbing, struct pl_solution *out, struct pl_score *bound)
{
    bool *whole = BT_NEWN(s->a, bool, s->nprio + 1);
    for (size_t i = 0; i < s->nprio; i++) {
        uint32_t all = bound->placed[i];
        if (out->score.placed[i] < all) {
            struct pl_solution dived;
            uint32_t n = most_of_level(s, budget, i, whole, out->score.placed[i], all, &dived);
            if (dived.found)
                se_climb_from(s, climbing, &dived, out);
            bound->v[BT_GOAL_PLACED] -= all - n;
            bound->placed[i] = n;
        }
        if (out->score.placed[i] < bound->placed[i])
            return;
        whole[i] = bound->placed[i] == all;
    }
}

/* Some levels are not whole (`all` had been hoped for): what is wanted then; and where the plan has all that, the service of as many, whoever they are. */
static void bound_the_rest(struct search *s, uint64_t budget, const struct pl_solution *out, const struct pl_score *all, struct pl_score *bound)
{
    struct pl_score most;
    se_fix_all(s, &most);            /* contexts that can be had */
    int64_t wants = most.v[BT_GOAL_WANTS];
    for (size_t i = 0; i < s->nprio; i++)
        wants -= missing_wants(s, i, all->placed[i] - bound->placed[i]);
    bound->v[BT_GOAL_WANTS] = BT_MAX(BT_MIN(bound->v[BT_GOAL_WANTS], wants), out->score.v[BT_GOAL_WANTS]);
    if (pl_score_cmp(&out->score, bound, BT_GOAL_SERVICE) == 0 && out->score.v[BT_GOAL_WANTS] == wants) {
        bool *loose = BT_NEWN(s->a, bool, s->p->n + 1);
        for (size_t w = 0; w < s->p->n; w++)
            loose[w] = s->p->work[w].w->optional && bound->placed[s->level_of[w]] < all->placed[s->level_of[w]];
        double service = se_columns_of(s, budget, loose, NULL, (double)out->score.v[BT_GOAL_SERVICE] + 1, NULL);
        if (service < (double)bound->v[BT_GOAL_SERVICE])
            bound->v[BT_GOAL_SERVICE] = BT_MAX((int64_t)floor(service + 1e-3), out->score.v[BT_GOAL_SERVICE]);
    }
    se_fix(s, NULL, -1, s->a);
}

/* Workloads are as many as can be, contexts or copies may be more. */
static bool wants_lack(const struct pl_solution *o, const struct pl_score *bound)
{
    return o->found && pl_score_cmp(&o->score, bound, BT_GOAL_WANTS) == 0 && o->score.v[BT_GOAL_WANTS] < bound->v[BT_GOAL_WANTS];
}

/* Workloads are as many as can be: what of contexts and copies can be had by as many, and a plan with more, perhaps. all: as placed without any bound. */
static void bound_wants(struct search *s, uint64_t budget, uint64_t climbing, const struct pl_score *all, struct pl_solution *out, struct pl_score *bound)
{
    bool *loose = BT_NEWN(s->a, bool, s->p->n + 1);
    uint32_t *copies = BT_NEWN(s->a, uint32_t, s->p->n + 1);
    struct pl_solution dived = { 0 };
    struct pl_score most;
    double others = 0;               /* on no card */
    se_fix_all(s, &most);            /* contexts that can be had */
    memcpy(copies, s->copies_most, s->p->n * sizeof *copies);
    se_fix(s, copies, -1, s->a);
    for (size_t w = 0; w < s->p->n; w++) {
        const struct pl_work *k = &s->p->work[w];
        s->copies_least[w] = k->cpu_only ? copies[w] : BT_MIN(copies[w], k->copies_min);
        loose[w] = k->w->optional && bound->placed[s->level_of[w]] < all->placed[s->level_of[w]];
        others += k->cpu_only && k->copies_want > 1 ? 1000 : 0;
    }
    double wants = others + se_columns_wants(s, budget, loose, (double)out->score.v[BT_GOAL_WANTS] + 1 - others - 1e-3, &dived);
    se_fix(s, NULL, -1, s->a);
    if (dived.found)
        se_climb_from(s, climbing, &dived, out);
    if (wants < (double)bound->v[BT_GOAL_WANTS])
        bound->v[BT_GOAL_WANTS] = BT_MAX((int64_t)floor(wants + 1e-3), out->score.v[BT_GOAL_WANTS]);
}

/* ---- all of it ---- */

/* Of the works that the plan has, all copies; none of the others. */
static void only_those(struct search *s, const struct pl_solution *o)
{
    uint32_t *copies = BT_NEWN(s->a, uint32_t, s->p->n + 1);
    for (size_t i = 0; i < o->ncopies; i++)
        copies[o->copy[i].work] = s->copies_most[o->copy[i].work];
    se_fix(s, copies, 0, s->a);
}

/* From what a program over sets of neighbours would like to do (columns.c), which bounds the service too where all else is as it can be: true.
 * those: with the works that the plan has, and no others. */
static bool from_columns(struct search *s, uint64_t limit, uint64_t climbing, bool those, struct pl_solution *out, struct pl_score *bound)
{
    struct pl_solution dived;
    struct pl_score most;
    se_fix_all(s, &most);
    if (those)
        only_those(s, out);
    double service = se_columns(s, limit, out, &dived);
    size_t copies = 0;
    for (size_t i = 0; i < s->p->n; i++)
        copies += s->copies_most[i];
    se_fix(s, NULL, -1, s->a);
    if (dived.found)                 /* where much has no place yet climbing knows more than dives */
        se_climb_from(s, dived.ncopies + MUCH_LOST < copies ? climbing * 2 : climbing, &dived, out);
    if (those)
        return false;                /* others are not bounded by that */
    if (!out->found || pl_score_cmp(&out->score, &most, BT_GOAL_SERVICE) != 0)
        return false;
    bound->v[BT_GOAL_WANTS] = most.v[BT_GOAL_WANTS];
    if (service < (double)bound->v[BT_GOAL_SERVICE])
        bound->v[BT_GOAL_SERVICE] = (int64_t)floor(service + 1e-3);
    return true;
}

/* No plan so far: those that must stand by themselves, from there all of them. */
static void from_fewest(struct search *s, uint64_t limit, uint64_t climbing, struct pl_solution *out)
{
    uint32_t *copies = BT_NEWN(s->a, uint32_t, s->p->n + 1);
    struct pl_solution dived;
    if (!se_fewest(s, copies))
        return;
    se_fix(s, copies, -1, s->a);
    se_columns(s, limit, out, &dived);
    se_fix(s, NULL, -1, s->a);
    if (dived.found)
        se_climb_from(s, climbing, &dived, out);
}

static bool is_far(const struct pl_solution *o, const struct pl_score *bound)
{
    return (double)o->score.v[BT_GOAL_SERVICE] < (double)bound->v[BT_GOAL_SERVICE] * (1 - FAR);
}

static bool lacks_works(const struct pl_solution *o, const struct pl_score *most)
{
    for (uint32_t i = 0; i < most->nlevels; i++)
        if (o->score.placed[i] < most->placed[i])
            return true;
    return false;
}

/* What many cards carry, and how many where not all have a place; then once more, from the better plan: another program. True: service is bounded. */
static bool by_columns(struct search *s, uint64_t limit, struct pl_solution *out, struct pl_score *bound)
{
    uint64_t climbing = BT_MIN(limit / 5, CLIMB_NEXT);
    struct pl_score all = *bound;
    if (from_columns(s, BT_MIN(limit / 2, COLUMNS_NODES), climbing, false, out, bound)) {
        int64_t before = -1;
        for (unsigned i = 0; i < AGAIN && is_far(out, bound) && out->score.v[BT_GOAL_SERVICE] > before; i++) {
            before = out->score.v[BT_GOAL_SERVICE];
            from_columns(s, BT_MIN(limit / 4, COLUMNS_NODES), climbing, false, out, bound);
        }
        return true;
    }
    if (!out->found)
        from_fewest(s, BT_MIN(limit / 4, COLUMNS_NODES), climbing, out);
    if (out->found && lacks_works(out, bound))
        bound_levels(s, BT_MIN(limit / 8, BOUND_NODES), climbing, out, bound);
    return from_columns(s, BT_MIN(limit / 4, COLUMNS_NODES), climbing, out->found && lacks_works(out, &all), out, bound);
}

void se_many_wants(struct search *s, uint64_t limit, const struct pl_score *all, struct pl_solution *out, struct pl_score *bound)
{
    if (limit >= COLUMNS_LEAST && s->p->n <= 64 && wants_lack(out, bound))
        bound_wants(s, BT_MIN(limit / 4, WANTS_NODES), BT_MIN(limit / 5, CLIMB_NEXT), all, out, bound);
}

/* On more than a few cards the tree is asked where workloads, copies or contexts lack: of service it knows less than sets of neighbours. */
void se_on_many_cards(struct search *s, uint64_t limit, struct pl_solution *out, struct pl_score *bound)
{
    bool columns = limit >= COLUMNS_LEAST, all = false;
    struct pl_score root = *bound;
    climb(s, columns ? BT_MIN(limit / 8, CLIMB_FIRST) : limit / 2, out);
    bool bounded = columns && by_columns(s, limit, out, bound);
    if (columns && s->p->in->clock)                  /* all the time that there is */
        climb(s, limit / 2, out);
    if (out->found)
        se_improve(s, limit / 8, out);
    bool asked = !bounded && wants_lack(out, bound);
    if (asked)
        se_many_wants(s, limit, &root, out, bound);
    size_t pairs = s->p->n * s->ncards;
    bool lacks = out->found && pl_score_cmp(&out->score, bound, BT_GOAL_SERVICE) < 0;
    if (pairs > TREE_LEAST && pairs <= TREE_MOST && !bounded && !s->p->ram_binds && lacks) {
        se_run_choices(s, limit / 4, out, &all, bound);
        se_improve(s, limit / 8, out);
        if (!asked)
            se_many_wants(s, limit, &root, out, bound);
    }
    if (!columns || bounded || !out->found || pl_score_cmp(&out->score, bound, BT_GOAL_WANTS) < 0)
        return;
    if (lacks_works(out, &root))
        bound_the_rest(s, BT_MIN(limit / 8, BOUND_NODES), out, &root, bound);
    else if (pl_score_cmp(&out->score, bound, BT_GOAL_SERVICE) >= 0)                 /* only now is all as it can be */
        from_columns(s, BT_MIN(limit / 4, COLUMNS_NODES), BT_MIN(limit / 5, CLIMB_NEXT), false, out, bound);
}

/* together - the way out where no single change is one: conflict after conflict is found and its cheapest change taken, until every phase fits; then each
 * change is taken back where the others suffice, and each number is brought as near as possible to what was asked for. */
#include "plan/knobs.h"

#define TRY_NODES 20000
#define MOST_TRIES 400               /* plans asked for in all: then there is no such advice */
#define MOST_CHANGES 8

struct together {
    struct bt_arena *a; const struct bt_plan_in *in; struct bt_err *err;
    const char *phase;
    const struct bt_workload *w;     /* [spec->n] with the changes so far */
    struct pl_change change[MOST_CHANGES]; size_t n;
    unsigned tries;
    uint64_t work;                   /* pl_found_cost() of them */
    bool all_stay;                   /* to leave one out is offered: here all of them run */
};

/* ---- does it fit ---- */

/* No more is looked at. */
static bool spent(const struct together *t) { return t->tries > MOST_TRIES || t->work > PL_FIND_WORK; }

/* 1 it does, 0 it does not, 2 not known, -1 error. */
static int fits(struct together *t, const struct bt_workload *w, const bool *keep, const char *phase)
{
    bt_auto_arena mine = { 0 };
    if (t->work > PL_FIND_WORK)
        return 2;
    struct pl_problem *p;
    struct pl_solution found = { 0 };
    t->tries++;
    if (pl_problem_build(&mine, pl_only(&mine, t->in, w, keep), phase, &p, t->err) < 0)
        return -1;
    if (!p->nrefusals)
        pl_find(p, TRY_NODES, &found);
    t->work += pl_found_cost(p, &found);
    if (p->nrefusals)
        return 0;
    return found.found ? 1 : found.complete ? 0 : 2;
}

static const char *phase_at(const struct together *t, size_t i)
{
    return t->in->spec->phases.n ? t->in->spec->phases.v[i] : "all";
}

static size_t nphases(const struct together *t) { return BT_MAX(t->in->spec->phases.n, (size_t)1); }

/* Every phase of the whole spec. *first: the first that does not. */
static int all_fit(struct together *t, const struct bt_workload *w, size_t *first)
{
    for (*first = 0; *first < nphases(t); ++*first) {
        int ok = fits(t, w, NULL, phase_at(t, *first));
        if (ok != 1)
            return ok;
    }
    return 1;
}

static struct bt_workload *changed(const struct together *t, size_t but)
{
    const struct bt_spec *s = t->in->spec;
    struct bt_workload *w = BT_NEWN(t->a, struct bt_workload, s->n + 1);
    memcpy(w, s->w, s->n * sizeof *w);
    for (size_t i = 0; i < t->n; i++)
        if (i != but)
            pl_turn(t->a, t->in, &w[t->change[i].index], &t->change[i]);
    return w;
}

/* ---- conflict after conflict ---- */

static int core_fits(void *ctx, const bool *keep)
{
    struct together *t = ctx;
    int ok = fits(t, t->w, keep, t->phase);
    return ok > 0 ? 1 : ok;
}

static int with_change(struct together *t, struct bt_workload *w, const bool *core, struct pl_change *c)
{
    c->value = pl_knob_least(t->in, c->index, c->knob);
    pl_turn(t->a, t->in, &w[c->index], c);
    return fits(t, w, core, t->phase);
}

/* Can it be turned, and has not been yet? */
static bool may_turn(const struct together *t, size_t i, enum pl_knob k)
{
    bool taken = false;
    for (size_t j = 0; j < t->n; j++)
        taken = taken || (t->change[j].index == i && t->change[j].knob == k);
    return !taken && pl_can_turn(t->in, i, k);
}

/* The cheapest single change that leaves nothing of this conflict: 1 taken, 0 there is none. */
static int resolve_by_one(struct together *t, const bool *core, enum pl_knob from, enum pl_knob to)
{
    const struct bt_spec *s = t->in->spec;
    struct bt_workload *w = BT_NEWN(t->a, struct bt_workload, s->n + 1);
    memcpy(w, t->w, s->n * sizeof *w);
    for (enum pl_knob k = from; k < to; k++)
        for (size_t i = s->n; i-- > 0 && !spent(t);) {
            if (!core[i] || !may_turn(t, i, k))
                continue;
            struct pl_change c = { .index = i, .knob = k };
            int ok = with_change(t, w, core, &c);
            w[i] = t->w[i];
            if (ok < 0)
                return -1;
            if (ok == 1) {
                t->change[t->n++] = c;
                return 1;
            }
        }
    return 0;
}

/* One after the other, until they do together; which of them can be spared is seen at the end. */
static int resolve_by_several(struct together *t, const bool *core)
{
    const struct bt_spec *s = t->in->spec;
    struct bt_workload *w = BT_NEWN(t->a, struct bt_workload, s->n + 1);
    size_t before = t->n;
    memcpy(w, t->w, s->n * sizeof *w);
    for (enum pl_knob k = PL_MADE_FOR; k < PL_OPTIONAL; k++)
        for (size_t i = s->n; i-- > 0 && !spent(t);) {
            if (!core[i] || t->n == MOST_CHANGES || !may_turn(t, i, k))
                continue;
            struct pl_change *c = &t->change[t->n++];
            *c = (struct pl_change){ .index = i, .knob = k };
            int ok = with_change(t, w, core, c);
            if (ok == 1 || ok < 0)
                return ok;
        }
    t->n = before;
    return 0;
}

static int resolve(struct together *t, const bool *core)
{
    int ok = resolve_by_one(t, core, PL_MADE_FOR, PL_OPTIONAL);
    if (ok == 0)
        ok = resolve_by_several(t, core);
    return ok == 0 && !t->all_stay ? resolve_by_one(t, core, PL_OPTIONAL, PL_KNOB__N) : ok;
}

static int gather(struct together *t)
{
    const struct bt_spec *s = t->in->spec;
    while (t->tries < MOST_TRIES && !spent(t)) {
        size_t first;
        t->w = changed(t, t->n);
        int ok = all_fit(t, t->w, &first);
        if (ok != 0 || t->n == MOST_CHANGES)
            return ok == 1 ? 1 : ok < 0 ? -1 : 0;
        bool *core = BT_NEWN(t->a, bool, s->n + 1);
        t->phase = phase_at(t, first);
        for (size_t i = 0; i < s->n; i++)
            core[i] = pl_in_phase(&s->w[i], t->phase);     /* optional ones go, but for those on whose cards others must be */
        if (pl_shrink(t->a, s, core, core_fits, t) < 0)
            return -1;
        ok = resolve(t, core);
        if (ok <= 0)
            return ok;
    }
    return 0;
}

/* ---- no more than it takes ---- */

static int drop_the_needless(struct together *t)
{
    for (size_t i = t->n; i-- > 0;) {
        size_t first;
        int ok = all_fit(t, changed(t, i), &first);
        if (ok < 0)
            return -1;
        if (ok == 1) {
            memmove(&t->change[i], &t->change[i + 1], (t->n - i - 1) * sizeof *t->change);
            t->n--;
        }
    }
    return 0;
}

/* The largest number below what was asked for with which it fits beside the other changes. */
static int raise(struct together *t, size_t at)
{
    struct pl_change *c = &t->change[at];
    uint64_t step = pl_knob_step(c->knob), lo = c->value, hi = pl_knob_asked(t->in, c->index, c->knob);
    while (hi - lo > step) {
        size_t first;
        uint64_t mid = lo + BT_MAX((hi - lo) / 2 / step, 1u) * step;
        if (mid >= hi)
            break;
        c->value = mid;
        int ok = all_fit(t, changed(t, t->n), &first);
        if (ok < 0)
            return -1;
        *(ok == 1 ? &lo : &hi) = mid;
    }
    c->value = lo;
    return 0;
}

/* ---- in words ---- */

static const char *sentence(struct together *t, const struct bt_plan_change *list)
{
    bool fewer_bits = false;
    for (size_t i = 0; i < t->n; i++)
        fewer_bits = fewer_bits || t->change[i].knob == PL_BITS;
    if (t->n > 1)
        return bt_arena_printf(t->a, "%s%s", t->all_stay ? "to keep all of them " : "", pl_together_text(t->a, t->n, fewer_bits));
    return pl_change_text(t->a, t->in, &t->change[0], list);
}

/* "context: 128000" and "context.min: 2048" are written as want and min. */
static void part_contexts(struct together *t, struct bt_plan_change *list, size_t n)
{
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++)
            if (!strcmp(list[j].path, bt_arena_printf(t->a, "%s.min", list[i].path)))
                list[i].path = bt_arena_printf(t->a, "%s.want", list[i].path);
}

static void advise(struct together *t, struct bt_plan *plan)
{
    struct bt_plan_change *list = NULL;
    size_t n = 0;
    for (size_t i = 0; i < t->n; i++)
        pl_say_change(t->a, t->in, &t->change[i], &list, &n);
    part_contexts(t, list, n);
    struct bt_plan_advice row = pl_advice_of(sentence(t, list), list, n);
    BT_PUSH(t->a, plan->advice, plan->nadvice, row);
}

/* To leave everybody out is no way. */
static bool somebody_stays(const struct together *t)
{
    const struct bt_workload *w = changed(t, t->n);
    for (size_t i = 0; i < t->in->spec->n; i++)
        if (!w[i].optional && (!w[i].gpus.set || w[i].gpus.max))
            return true;
    return false;
}

/* In some phase the bytes of the others are too many already, whatever is done about as many as may be changed. */
static int is_hopeless(struct together *t, bool *out)
{
    *out = false;
    for (size_t i = 0; i < nphases(t) && !*out; i++) {
        bt_auto_arena mine = { 0 };
        struct bt_plan_in in = *t->in;
        struct pl_problem *p;
        if (pl_problem_build(&mine, &in, phase_at(t, i), &p, t->err) < 0)
            return -1;
        *out = !p->nrefusals && pl_least_too_much_after(pl_least_new(p, &mine), MOST_CHANGES);
    }
    return 0;
}

int pl_together(struct bt_plan *plan, struct bt_arena *a, const struct bt_plan_in *in, bool all_stay, struct bt_err *err)
{
    struct together t = { .a = a, .in = in, .err = err, .all_stay = all_stay };
    bool hopeless;
    if (is_hopeless(&t, &hopeless) < 0)
        return -1;
    int ok = hopeless ? 0 : gather(&t);
    if (ok <= 0)
        return ok;
    if (drop_the_needless(&t) < 0)
        return -1;
    for (size_t i = 0; i < t.n; i++)
        if (pl_knob_counts(&in->spec->w[t.change[i].index], t.change[i].knob) && raise(&t, i) < 0)
            return -1;
    if (t.n && somebody_stays(&t))
        advise(&t, plan);
    return 0;
}

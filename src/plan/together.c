/* together - the way out where no single change is one: conflict after conflict is found and its cheapest change taken, until every phase fits; then each
 * change is taken back where the others suffice, and each number is brought as near as possible to what was asked for. */
#include "plan/plan_int.h"

#define TRY_NODES 20000
#define MOST_TRIES 400               /* plans asked for in all: then there is no such advice */
#define MOST_CHANGES 8

/* What may be changed, the cheapest first; conflict.c ranks by the same order. */
enum knob { SHAPE, GPUS, POOL, SHARE, APART, SAME, REQUESTS, CONTEXT, MEMORY, COPIES, OPTIONAL, KNOB__N };

struct change { size_t index; enum knob knob; uint64_t value; };     /* value: of what has a number */

struct together {
    struct bt_arena *a; const struct bt_plan_in *in; struct bt_err *err;
    const char *phase;
    const struct bt_workload *w;     /* [spec->n] with the changes so far */
    struct change change[MOST_CHANGES]; size_t n;
    unsigned tries;
    uint64_t work;                   /* pl_found_cost() of them */
};

/* ---- the changes ---- */

static bool has_number(const struct bt_workload *w, enum knob k)
{
    return k == REQUESTS || k == CONTEXT || k == COPIES || ((k == GPUS || k == MEMORY) && w->kind != BT_SERVER);
}

static uint64_t asked(const struct together *t, size_t i, enum knob k)
{
    const struct bt_workload *w = &t->in->spec->w[i];
    const struct bt_plan_model *pm = &t->in->models[i];
    switch (k) {
    case REQUESTS: return w->requests;
    case CONTEXT: return w->context.same_as || !pm->model ? 0 : w->context.min ? w->context.min : BT_MIN((uint64_t)4096, bt_need_model_context(pm->model));
    case COPIES: return w->copies.set ? w->copies.min : 1;
    case GPUS: return w->gpus.set ? w->gpus.min : 1;
    case MEMORY: return pl_memory_asked(w, t->in->fleet);
    default: return 0;
    }
}

static uint64_t step_of(enum knob k) { return k == CONTEXT ? 256 : k == MEMORY ? 64 * MiB : 1; }

static void turn_number(struct bt_workload *w, enum knob k, uint64_t v)
{
    switch (k) {
    case REQUESTS: w->requests = v; break;
    case CONTEXT:
        w->context.set = true;
        w->context.min = v;
        break;
    case COPIES: w->copies.min = w->copies.want = v; break;
    case GPUS: w->gpus.min = w->gpus.max = w->gpus.want = v; break;
    case MEMORY: w->memory = (struct bt_memory){ .form = BT_MEM_BYTES, .bytes = v }; break;
    default: break;
    }
}

static void turn_word(const struct bt_fleet *f, struct bt_workload *w, enum knob k)
{
    switch (k) {
    case SHAPE:
        w->tp = w->pp = (struct bt_range){ 0 };
        w->pp_layers.n = 0;
        break;
    case GPUS: w->gpus = (struct bt_range){ .set = true, .min = 1, .max = f->n, .want = f->n }; break;
    case POOL: w->pool = (struct bt_strs){ 0 }; break;
    case SHARE: w->share = BT_SHARE_TRUE; break;
    case APART: w->apart = (struct bt_strs){ 0 }; break;
    case SAME: w->same_gpus_as = NULL; break;
    case MEMORY: w->memory = (struct bt_memory){ 0 }; break;
    case OPTIONAL: w->optional = true; break;
    default: break;
    }
}

static void turn(const struct together *t, struct bt_workload *w, const struct change *c)
{
    if (has_number(w, c->knob))
        turn_number(w, c->knob, c->value);
    else
        turn_word(t->in->fleet, w, c->knob);
}

/* Is that asked for at all? */
static bool can_turn(const struct together *t, size_t i, enum knob k)
{
    const struct bt_workload *w = &t->in->spec->w[i];
    bool server = w->kind == BT_SERVER, none = w->gpus.set && !w->gpus.max;
    if (none || (server && !t->in->models[i].model))
        return false;
    if (has_number(w, k))
        return (k != CONTEXT || server) && (k != REQUESTS || server) && asked(t, i, k) > step_of(k);
    switch (k) {
    case SHAPE: return w->tp.set || w->pp.set || w->pp_layers.n;
    case GPUS: return w->gpus.set && !w->tp.set && !w->pp.set;
    case POOL: return w->pool.n > 0;
    case SHARE: return w->share != BT_SHARE_TRUE;
    case APART: return w->apart.n > 0;
    case SAME: return w->same_gpus_as != NULL;
    case MEMORY: return w->memory.form == BT_MEM_BYTES || w->memory.form == BT_MEM_PERCENT;
    default: return !w->optional;
    }
}

/* ---- does it fit ---- */

/* No more is looked at. */
static bool spent(const struct together *t) { return t->tries > MOST_TRIES || t->work > PL_FIND_WORK; }

/* 1 it does, 0 it does not, 2 not known, -1 error. */
static int fits(struct together *t, const struct bt_workload *w, const bool *keep, const char *phase)
{
    bt_auto_arena mine = { 0 };
    const struct bt_spec *s = t->in->spec;
    if (t->work > PL_FIND_WORK)
        return 2;
    struct bt_spec *spec = BT_NEW(&mine, struct bt_spec);
    struct bt_plan_model *models = BT_NEWN(&mine, struct bt_plan_model, s->n + 1);
    *spec = *s;
    spec->w = BT_NEWN(&mine, struct bt_workload, s->n + 1);
    spec->n = 0;
    for (size_t i = 0; i < s->n; i++)
        if (!keep || keep[i]) {
            models[spec->n] = t->in->models[i];
            spec->w[spec->n++] = w[i];
        }
    struct bt_plan_in in = { .spec = spec, .fleet = t->in->fleet, .models = models, .needs = t->in->needs };
    struct pl_problem *p;
    struct pl_solution found = { 0 };
    t->tries++;
    if (pl_problem_build(&mine, &in, phase, &p, t->err) < 0)
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
            turn(t, &w[t->change[i].index], &t->change[i]);
    return w;
}

/* ---- conflict after conflict ---- */

static int core_fits(void *ctx, const bool *keep)
{
    struct together *t = ctx;
    int ok = fits(t, t->w, keep, t->phase);
    return ok > 0 ? 1 : ok;
}

static int with_change(struct together *t, struct bt_workload *w, const bool *core, struct change *c)
{
    c->value = step_of(c->knob);
    turn(t, &w[c->index], c);
    return fits(t, w, core, t->phase);
}

/* The cheapest single change that leaves nothing of this conflict: 1 taken, 0 there is none. */
static int resolve_by_one(struct together *t, const bool *core, enum knob from, enum knob to)
{
    const struct bt_spec *s = t->in->spec;
    struct bt_workload *w = BT_NEWN(t->a, struct bt_workload, s->n + 1);
    memcpy(w, t->w, s->n * sizeof *w);
    for (enum knob k = from; k < to; k++)
        for (size_t i = s->n; i-- > 0 && !spent(t);) {
            if (!core[i] || !can_turn(t, i, k))
                continue;
            struct change c = { .index = i, .knob = k };
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
    for (enum knob k = SHAPE; k < OPTIONAL; k++)
        for (size_t i = s->n; i-- > 0 && !spent(t);) {
            if (!core[i] || !can_turn(t, i, k) || t->n == MOST_CHANGES)
                continue;
            struct change *c = &t->change[t->n++];
            *c = (struct change){ .index = i, .knob = k };
            int ok = with_change(t, w, core, c);
            if (ok == 1 || ok < 0)
                return ok;
        }
    t->n = before;
    return 0;
}

static int resolve(struct together *t, const bool *core)
{
    int ok = resolve_by_one(t, core, SHAPE, OPTIONAL);
    if (ok == 0)
        ok = resolve_by_several(t, core);
    return ok == 0 ? resolve_by_one(t, core, OPTIONAL, KNOB__N) : ok;
}

static int gather(struct together *t)
{
    const struct bt_spec *s = t->in->spec;
    while (t->n < MOST_CHANGES && t->tries < MOST_TRIES && !spent(t)) {
        size_t first;
        t->w = changed(t, t->n);
        int ok = all_fit(t, t->w, &first);
        if (ok != 0)
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
    struct change *c = &t->change[at];
    uint64_t step = step_of(c->knob), lo = c->value, hi = asked(t, c->index, c->knob);
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

static const struct { const char *key, *value; } words[KNOB__N] = {
    [SHAPE] = { "tp", "auto" },   [POOL] = { "pool", "all" },          [SHARE] = { "share", "true" }, [APART] = { "apart", "null" },
    [SAME] = { "same_gpus_as", "null" }, [REQUESTS] = { "requests", NULL }, [CONTEXT] = { "context.min", NULL }, [MEMORY] = { "memory", "auto" },
    [COPIES] = { "replicas", NULL }, [OPTIONAL] = { "optional", "true" }, [GPUS] = { "gpus", NULL },
};

static void push(struct together *t, struct bt_plan_change **list, size_t *n, const struct bt_workload *w, const char *key, const char *value)
{
    struct bt_plan_change row = { bt_arena_printf(t->a, "workloads.%s.%s", w->name, key), value };
    BT_PUSH(t->a, *list, *n, row);
}

static void say(struct together *t, const struct change *c, struct bt_plan_change **list, size_t *n)
{
    const struct bt_workload *w = &t->in->spec->w[c->index];
    const char *key = c->knob == COPIES && w->kind == BT_JOB ? "slots" : words[c->knob].key, *value = words[c->knob].value;
    if (has_number(w, c->knob))
        value = c->knob == MEMORY ? bt_arena_strdup(t->a, bt_bytes_exact(c->value)) : bt_arena_printf(t->a, "%llu", (unsigned long long)c->value);
    else if (c->knob == GPUS)
        value = bt_arena_printf(t->a, "{min: 1, max: %zu}", t->in->fleet->n);
    if (c->knob == SHAPE && !w->tp.set)
        key = w->pp.set ? "pp" : "pp_layers";
    push(t, list, n, w, key, value);
    if (c->knob == SHAPE && w->tp.set && w->pp.set)
        push(t, list, n, w, "pp", "auto");
    if (c->knob == SHAPE && w->pp_layers.n && (w->tp.set || w->pp.set))
        push(t, list, n, w, "pp_layers", "auto");
}

static const char *sentence(struct together *t, const struct bt_plan_change *list)
{
    const char *name = t->in->spec->w[t->change[0].index].name;
    if (t->n > 1)
        return bt_arena_printf(t->a, "no single change is enough: these %zu together are, and none of them can be spared", t->n);
    if (t->change[0].knob == OPTIONAL)
        return bt_arena_printf(t->a, "without %s the others run: `optional: true` leaves it out while it has no place", name);
    return bt_arena_printf(t->a, "%s: it fits with `%s: %s`", name, strrchr(list[0].path, '.') + 1, list[0].value);
}

static void advise(struct together *t, struct bt_plan *plan)
{
    struct bt_plan_change *list = NULL;
    size_t n = 0;
    for (size_t i = 0; i < t->n; i++)
        say(t, &t->change[i], &list, &n);
    struct bt_plan_advice row = { .text = sentence(t, list), .path = list[0].path, .value = list[0].value };
    if (n > 1) {
        row.path2 = list[1].path;
        row.value2 = list[1].value;
        row.more = &list[2];
        row.nmore = n - 2;
    }
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

int pl_together(struct bt_plan *plan, struct bt_arena *a, const struct bt_plan_in *in, struct bt_err *err)
{
    struct together t = { .a = a, .in = in, .err = err };
    bool hopeless;
    if (is_hopeless(&t, &hopeless) < 0)
        return -1;
    int ok = hopeless ? 0 : gather(&t);
    if (ok <= 0)
        return ok;
    if (drop_the_needless(&t) < 0)
        return -1;
    for (size_t i = 0; i < t.n; i++)
        if (has_number(&in->spec->w[t.change[i].index], t.change[i].knob) && raise(&t, i) < 0)
            return -1;
    if (t.n && somebody_stays(&t))
        advise(&t, plan);
    return 0;
}

/* conflict - the fewest demands that cannot be met together: taken out one by one, each time planned again, and kept only where the rest could be met
 * without it. Then the bytes that lack, and on which card; and the ways out, cheapest first. */
#include <stdio.h>

#include "plan/decide.h"
#include "plan/plan_int.h"

#define TRY_NODES 20000
#define LACK_STEP (64 * MiB)
#define LACK_MOST (UINT64_C(1) << 62)
#define MOST_CONFLICTS 4 /* of one phase */
#define CARDS_TRIED 16

struct conflicting {
    struct bt_arena *a;
    const struct bt_plan_in *in;
    const char *phase;
    struct bt_err *err;
    bool sure;
    uint64_t work;       /* pl_find_cost() of all that was asked */
    const char *refused; /* why the last one could not even be searched; NULL: it could */
};

static unsigned long long ull(uint64_t n)
{
    return n;
}

/* The rule that leaves a workload no shape at all, in the engine's words; NULL = each has one. */
static const char *no_shape(struct conflicting *c, const struct pl_problem *p)
{
    for (size_t i = 0; i < p->n; i++) {
        const struct pl_work *k = &p->work[i];
        bool possible = !k->server || k->cpu_only || k->w->optional || !k->nshapes;
        for (size_t j = 0; j < k->nshapes; j++)
            possible = possible || k->shape[j].ok;
        if (!possible)
            return bt_arena_printf(c->a, "%s: %s", k->w->name, k->shape[0].why_not);
    }
    return NULL;
}

/* 1 it fits, 0 it does not, -1 error. A search that stopped counts as "it fits": nothing false is said to conflict. */
static int fits(struct conflicting *c, const struct bt_workload *w, const bool *keep, size_t card, uint64_t more)
{
    bt_auto_arena mine = { 0 };
    if (c->work > PL_FIND_WORK) {
        c->sure = false;
        c->refused = NULL;
        return 1;
    }
    const struct bt_plan_in *kept = pl_only(&mine, c->in, w, keep);
    struct pl_problem *p;
    struct pl_solution s = { 0 };
    c->work += pl_find_cost(kept->spec->n);
    if (pl_problem_build(&mine, kept, c->phase, &p, c->err) < 0)
        return -1;
    c->refused = p->nrefusals ? bt_arena_strdup(c->a, p->refusal[0].text) : no_shape(c, p);
    if (c->refused)
        return 0;
    for (size_t g = 0; more && g < p->fleet->n; g++)
        p->cap[g] += card == PL_NONE || card == g ? more : 0;
    pl_find(p, TRY_NODES, &s);
    c->sure = c->sure && (s.found || s.complete);
    return s.found || !s.complete;
}

/* ---- demands ---- */

enum key { K_CUT, K_PINS, K_GPUS, K_POOL, K_CONTEXT, K_REQUESTS, K_COPIES, K_SHARE, K_APART, K_SAME, K_MEMORY, K__N };

static const char *const names[K__N] = { "pp_layers", "tp", "gpus", "pool", "context", "requests", "copies", "share", "apart", "same_gpus_as", "memory" };

static bool take_back(const struct bt_plan_model *pm, struct bt_workload *w, enum key k)
{
    struct bt_workload was = *w;
    switch (k) {
    case K_CUT: w->pp_layers.n = 0; return was.pp_layers.n > 0;
    case K_PINS: w->tp = w->pp = (struct bt_range){ 0 }; w->pp_layers.n = 0; return was.tp.set || was.pp.set;
    case K_GPUS:
        w->gpus = w->kind == BT_SERVER ? (struct bt_range){ 0 } : (struct bt_range){ .set = true, .want = 1, .min = 1, .max = was.gpus.max };
        return was.gpus.set && was.gpus.min > 0 && (w->kind == BT_SERVER || was.gpus.min > 1);
    case K_POOL: w->pool = (struct bt_strs){ 0 }; return was.pool.n > 0;
    case K_CONTEXT:
        if (w->kind != BT_SERVER || !pm->model)
            return false;
        w->context.want = was.context.want && was.context.want <= bt_need_context_limit(pm->model) ? was.context.want : bt_need_model_context(pm->model);
        w->context.set = true;
        w->context.min = 1;
        w->context.same_as = NULL;
        return true;
    case K_REQUESTS: w->requests = 1; return was.requests > 1;
    case K_COPIES: w->copies.min = 1; return was.copies.set && was.copies.min > 1;
    case K_SHARE: w->share = BT_SHARE_TRUE; return was.share != BT_SHARE_TRUE;
    case K_APART: w->apart = (struct bt_strs){ 0 }; return was.apart.n > 0;
    case K_SAME: w->same_gpus_as = NULL; return was.same_gpus_as != NULL;
    case K_MEMORY:
        w->memory = (struct bt_memory){ .form = w->kind == BT_SERVER ? BT_MEM_AUTO : BT_MEM_BYTES, .bytes = MiB };
        return w->kind != BT_SERVER || was.memory.form != BT_MEM_AUTO;
    default: return false;
    }
}

/* The demand taken back. False: it was none, and *w is as it was. */
static bool relax(const struct bt_plan_model *pm, struct bt_workload *w, enum key k)
{
    struct bt_workload less = *w;
    if (!take_back(pm, &less, k))
        return false;
    *w = less;
    return true;
}

static const char *range_words(struct bt_arena *a, const struct bt_range *r, const char *what)
{
    return r->min == r->max ? bt_arena_printf(a, "%llu %s%s", ull(r->min), what, r->min == 1 ? "" : "s")
                            : bt_arena_printf(a, "at least %llu %ss", ull(r->min), what);
}

static const char *memory_words(struct bt_arena *a, const struct bt_memory *m)
{
    switch (m->form) {
    case BT_MEM_BYTES: return bt_arena_printf(a, "%s on each of its cards", bt_bytes_human(m->bytes));
    case BT_MEM_PERCENT: return bt_arena_printf(a, "%g %% of each of its cards", m->percent);
    case BT_MEM_REST: return "the rest of its cards";
    case BT_MEM_AUTO: return "whole cards, as nothing is said of its memory";
    default: return "its memory, as worked out from the spec";
    }
}

static const char *demand_words(struct conflicting *c, const struct bt_workload *w, enum key k)
{
    static const char *const keys[K__N] = { [K_APART] = "is kept apart from others", [K_SHARE] = "shares its cards with nobody, or only with some" };
    const char *text = keys[k];
    switch (k) {
    case K_PINS:
        text = w->tp.set && w->pp.set ? bt_arena_printf(c->a, "TP=%llu x PP=%llu", ull(w->tp.want), ull(w->pp.want))
                                      : bt_arena_printf(c->a, "%s=%llu", w->tp.set ? "TP" : "PP", ull(w->tp.set ? w->tp.want : w->pp.want));
        break;
    case K_CUT: text = bt_arena_printf(c->a, "its layers cut as it says (`pp_layers`)"); break;
    case K_GPUS: text = range_words(c->a, &w->gpus, "GPU"); break;
    case K_POOL: text = bt_arena_printf(c->a, "only %zu card%s to choose from", w->pool.n, w->pool.n == 1 ? "" : "s"); break;
    case K_CONTEXT:
        text = w->context.same_as                 ? bt_arena_printf(c->a, "the context of %s", w->context.same_as)
               : w->context.set && w->context.min ? bt_arena_printf(c->a, "a context of at least %s tokens", bt_count_human(w->context.min))
                                                  : "a context of at least 4,096 tokens, or the model's";
        break;
    case K_REQUESTS: text = bt_arena_printf(c->a, "%llu requests at once", ull(w->requests)); break;
    case K_COPIES: text = bt_arena_printf(c->a, "at least %llu copies", ull(w->copies.min)); break;
    case K_SAME: text = bt_arena_printf(c->a, "the same cards as %s", w->same_gpus_as); break;
    case K_MEMORY: text = memory_words(c->a, &w->memory); break;
    default: break;
    }
    return bt_arena_printf(c->a, "%s: %s", w->name, text);
}

static struct bt_mark mark_of(const struct bt_workload *w, enum key k)
{
    struct bt_mark m = k == K_PINS      ? (w->tp.set ? w->tp.at : w->pp.at)
                       : k == K_GPUS    ? w->gpus.at
                       : k == K_CONTEXT ? w->context.at
                       : k == K_COPIES  ? w->copies.at
                       : k == K_MEMORY  ? w->memory.at
                       : k == K_POOL    ? w->pool_at
                                        : w->at;
    return m.line ? m : w->at;
}

struct those { struct conflicting *c; const struct bt_workload *w; };

static int those_fit(void *ctx, const bool *keep)
{
    struct those *t = ctx;
    return fits(t->c, t->w, keep, PL_NONE, 0);
}

static void add(struct conflicting *c, struct bt_conflict *out, const struct bt_workload *w, const char *key, const char *text, struct bt_mark at)
{
    struct bt_demand row = { w->name, key, text, at };
    BT_PUSH(c->a, out->demand, out->n, row);
}

/* ---- bytes ---- */

/* The least `more` on the card (PL_NONE: on each) with which it fits; 0 = none up to LACK_MOST. */
static int least_more(struct conflicting *c, const struct bt_workload *w, const bool *keep, size_t card, uint64_t *out)
{
    uint64_t lo = 0, hi = LACK_STEP;
    int ok;
    *out = 0;
    while ((ok = fits(c, w, keep, card, hi)) == 0 && hi < LACK_MOST) {
        lo = hi;
        hi *= 4;
    }
    if (ok <= 0)
        return ok;
    while (hi - lo > BT_MAX(LACK_STEP, hi / 1024)) {
        uint64_t mid = lo + (hi - lo) / 2;
        if ((ok = fits(c, w, keep, card, mid)) < 0)
            return -1;
        *(ok ? &hi : &lo) = mid;
    }
    *out = hi;
    return 0;
}

static int what_lacks(struct conflicting *c, const struct bt_workload *w, const bool *keep, struct bt_conflict *out)
{
    const struct bt_fleet *f = c->in->fleet;
    uint64_t each, best = 0;
    size_t at = PL_NONE;
    if (least_more(c, w, keep, PL_NONE, &each) < 0)
        return -1;
    for (size_t g = 0; each && g < f->n && g < CARDS_TRIED; g++) {
        uint64_t one = 0;
        int ok = best ? fits(c, w, keep, g, best - 1) : 1; /* worth a search only where it can beat the best so far */
        if (ok < 0 || (ok && least_more(c, w, keep, g, &one) < 0))
            return -1;
        if (one && (!best || one < best)) {
            best = one;
            at = g;
        }
    }
    out->lacks_bytes = at != PL_NONE && best <= each * f->n ? best : each;
    out->card = at != PL_NONE && best <= each * f->n ? bt_arena_printf(c->a, "GPU %d", f->gpus[at].index) : NULL;
    return 0;
}

/* The least card on which the server fits with all that the card has; 0 = none. No larger ones: a limit is taken as a whole, so it must fit the card. */
static int card_that_does(struct conflicting *c, struct bt_workload *w, const bool *keep, size_t index, uint64_t above, uint64_t *out)
{
    const struct bt_fleet *f = c->in->fleet;
    uint64_t seen = above;
    for (size_t i = 0; i < f->n; i++) {
        uint64_t next = UINT64_MAX;
        for (size_t g = 0; g < f->n; g++) {
            uint64_t taken = f->gpus[g].others_bytes + f->gpus[g].margin_bytes;
            uint64_t cap = f->gpus[g].total_bytes > taken ? f->gpus[g].total_bytes - taken : 0;
            next = cap > seen ? BT_MIN(next, cap) : next;
        }
        if (next == UINT64_MAX)
            return 0;
        seen = next;
        w[index].memory = (struct bt_memory){ .form = BT_MEM_BYTES, .bytes = next };
        int ok = fits(c, w, keep, PL_NONE, 0);
        if (ok)
            return *out = next, ok;
    }
    return 0;
}

/* A server that its own `memory` holds back: with so much more of that, on the cards as they are, it fits. */
static int what_it_may_have(struct conflicting *c, struct bt_workload *w, const bool *keep, size_t index, struct bt_conflict *out)
{
    const struct bt_memory was = w[index].memory;
    uint64_t lo = was.bytes, hi = 0;
    if (was.form == BT_MEM_PERCENT)
        for (size_t g = 0; g < c->in->fleet->n; g++) {
            uint64_t has = (uint64_t)(was.percent / 100 * (double)c->in->fleet->gpus[g].total_bytes);
            lo = g && lo < has ? lo : has; /* of the smallest card */
        }
    const uint64_t has = lo;
    int ok = card_that_does(c, w, keep, index, lo, &hi);
    while (ok > 0 && hi - lo > LACK_STEP) {
        w[index].memory.bytes = lo + (hi - lo) / 2;
        int there = fits(c, w, keep, PL_NONE, 0);
        if (there < 0)
            return -1;
        *(there ? &hi : &lo) = w[index].memory.bytes;
    }
    w[index].memory = was;
    if (ok > 0) {
        out->lacks_bytes = hi - has;
        out->own = w[index].name;
    }
    return ok < 0 ? -1 : 0;
}

/* ---- one phase ---- */

static void take_with_followers(const struct bt_spec *s, bool *from, size_t i)
{
    from[i] = false;
    for (size_t j = 0; j < s->n; j++)
        if (from[j] && ((s->w[j].same_gpus_as && !strcmp(s->w[j].same_gpus_as, s->w[i].name)) ||
                        (s->w[j].context.same_as && !strcmp(s->w[j].context.same_as, s->w[i].name))))
            take_with_followers(s, from, j);
}

/* Of those in left[]; takes the conflict's out of it. */
static int conflict_of(struct conflicting *c, bool *left, struct bt_conflict *out, bool *fine)
{
    const struct bt_spec *s = c->in->spec;
    struct bt_workload *w = BT_NEWN(c->a, struct bt_workload, s->n + 1);
    bool *keep = BT_NEWN(c->a, bool, s->n + 1), needed[K__N];
    size_t limited = PL_NONE;
    memcpy(w, s->w, s->n * sizeof *w);
    memcpy(keep, left, s->n * sizeof *keep);
    int ok = fits(c, w, keep, PL_NONE, 0);
    *fine = ok == 1;
    if (ok != 0)
        return ok < 0 ? -1 : 0;
    struct those all = { c, w };
    if (pl_shrink(c->a, s, keep, those_fit, &all) < 0) /* workloads first, then their keys */
        return -1;
    for (size_t i = 0; i < s->n; i++) {
        if (!keep[i])
            continue;
        bool any = false;
        for (int k = 0; k < K__N; k++) {
            struct bt_workload was = w[i];
            needed[k] = false;
            if (c->work > PL_FIND_WORK || !relax(&c->in->models[i], &w[i], (enum key)k))
                continue;
            if ((ok = fits(c, w, keep, PL_NONE, 0)) < 0)
                return -1;
            if (ok) { /* without it the rest could be met: it is one of them */
                w[i] = was;
                needed[k] = any = true;
            } else {
                out->least = true;
            }
        }
        for (int k = 0; k < K__N; k++)
            if (needed[k])
                add(c, out, &s->w[i],
                    k == K_PINS && !s->w[i].tp.set            ? "pp"
                    : k == K_COPIES && s->w[i].kind == BT_JOB ? "slots"
                    : k == K_COPIES                           ? "replicas"
                                                              : names[k],
                    demand_words(c, &s->w[i], (enum key)k), mark_of(&s->w[i], (enum key)k));
        if (s->w[i].kind == BT_SERVER && needed[K_MEMORY])
            limited = i;
        if (!any)
            add(c, out, &s->w[i], "", bt_arena_printf(c->a, "%s runs at all", s->w[i].name), s->w[i].at);
    }
    bool tired = c->work > PL_FIND_WORK;             /* what lacks is not known then */
    if (fits(c, w, keep, PL_NONE, 0) < 0)
        return -1;
    out->refused = c->refused;
    for (size_t i = 0; i < s->n; i++)
        if (keep[i])
            take_with_followers(s, left, i);
    if (out->refused || tired)
        return 0;
    if (what_lacks(c, w, keep, out) < 0)
        return -1;
    return out->lacks_bytes || limited == PL_NONE ? 0 : what_it_may_have(c, w, keep, limited, out);
}

int bt_plan_conflicts(struct bt_arena *a, const struct bt_plan_in *in, struct bt_conflict **out, size_t *n, struct bt_err *err)
{
    static const char *one[] = { "all" };
    struct bt_plan_in remembering = *in;
    const char *const *phases = in->spec->phases.n ? in->spec->phases.v : one;
    *out = NULL;
    *n = 0;
    remembering.needs = pl_needs_new(a);
    for (size_t i = 0; i < (in->spec->phases.n ? in->spec->phases.n : 1); i++) {
        bool fine = false, *left = BT_NEWN(a, bool, in->spec->n + 1);
        for (size_t k = 0; k < in->spec->n; k++)
            left[k] = pl_in_phase(&in->spec->w[k], phases[i]); /* optional ones go, but for those on whose cards others must be */
        for (size_t found = 0; !fine && found < MOST_CONFLICTS; found++) {
            struct conflicting c = { .a = a, .in = &remembering, .phase = phases[i], .err = err, .sure = true };
            struct bt_conflict row = { .phase = phases[i] };
            if (conflict_of(&c, left, &row, &fine) < 0)
                return -1;
            row.sure = c.sure;
            if (!fine)
                BT_PUSH(a, *out, *n, row);
        }
    }
    return 0;
}

/* ---- ways out ---- */

/* What a change of this key takes from the user; a larger one of a kind comes after a smaller. Cards cost money: after all that costs only memory or words. */
static const struct cost {
    const char *key;
    double cost;
    const char *gives_up;
} costs[] = {
    { "pp_layers", 0, "a cut that was asked for" },
    { "tp", 0, "a shape that was asked for" },
    { "pp", 0, "a shape that was asked for" },
    { "gpus", 0.05, "the number of cards that was asked for" },
    { "pool", 0.05, "the choice of cards" },
    { "share", 0.1, "cards of its own" },
    { "apart", 0.1, "distance" },
    { "same_gpus_as", 0.1, "the same cards" },
    { "requests", 0.2, "requests at once" },
    { "kv_dtype", 0.25, "precision of the KV cache" },
    { "context", 0.3, "context" },
    { "memory", 0.35, "memory" },
    { "replicas", 0.4, "copies" },
    { "slots", 0.4, "copies" },
    { "quantization", 0.45, "precision of the weights" },
    { "phases", 0.5, "running at the same time" },
    { "optional", 0.9, "a workload" },
};

/* The same inside of what a job does (`memory: {train: ...}`). */
static const struct cost job_costs[] = {
    { "zero", 0.1, "weights whole on each GPU" },
    { "distributed_optimizer", 0.1, "the optimizer whole on each GPU" },
    { "pp", 0.1, "all layers on one GPU" },
    { "checkpointing", 0.2, "time: activations are computed again" },
    { "offload", 0.2, "time: parts come from RAM one by one" },
    { "layers", 0.25, "all layers in one pass" },
    { "batch", 0.3, "sequences of one step" },
    { "optimizer", 0.35, "precision of the optimizer" },
    { "tokens", 0.4, "tokens of a sequence" },
    { "frames", 0.4, "frames" },
    { "users", 0.4, "adapters at once" },
    { "method", 0.5, "what is trained, or its precision" },
};

/* Of a path of the spec; NULL: it is the fleet's. */
static const struct cost *cost_of(const char *path)
{
    static const struct cost other = { "", 0.5, "what was asked for" };
    const char *dot = strrchr(path, '.'), *key = dot ? dot + 1 : path;
    const char *own = strncmp(path, "workloads.", 10) ? NULL : strchr(path + 10, '.'); /* a workload may be called `memory` */
    bool job = own && (!strncmp(own, ".memory.", 8) || !strncmp(own, ".expects.", 9));
    if (!dot && strcmp(path, "phases"))
        return NULL;
    if (own && !strncmp(own, ".context.", 9))
        key = "context";
    for (size_t k = 0; k < (job ? BT_LEN(job_costs) : BT_LEN(costs)); k++)
        if (!strcmp(key, job ? job_costs[k].key : costs[k].key))
            return job ? &job_costs[k] : &costs[k];
    return &other;
}

/* Context is measured in what is left of it: half of it costs more than a tenth. */
static double share_given_up(const struct bt_plan *p, const struct bt_plan_advice *v)
{
    char name[64];
    const char *at = v->path && !strncmp(v->path, "workloads.", 10) ? v->path + 10 : NULL, *dot = at ? strchr(at, '.') : NULL;
    if (!dot || (size_t)(dot - at) >= sizeof name || (strcmp(dot, ".context") != 0 && strcmp(dot, ".context.min") != 0))
        return 0;
    snprintf(name, sizeof name, "%.*s", (int)(dot - at), at);
    const struct bt_workload *w = bt_spec_find(p->spec, name);
    double now = v->value ? strtod(v->value, NULL) : 0;
    return w && w->context.min && now > 0 && now < (double)w->context.min ? 1 - now / (double)w->context.min : 0;
}

/* Do both change the same keys, whatever the values? */
static bool same_keys(const struct bt_plan_advice *x, const struct bt_plan_advice *y)
{
    bool same = !strcmp(x->path, y->path) && !x->path2 == !y->path2 && (!x->path2 || !strcmp(x->path2, y->path2)) &&
                x->nmore == y->nmore && x->larger_cards == y->larger_cards;
    for (size_t i = 0; same && i < x->nmore; i++)
        same = !strcmp(x->more[i].path, y->more[i].path);
    return same;
}

static void rank(struct bt_arena *a, const struct bt_plan *p, const struct bt_plan_advice *v, struct bt_relaxation **out, size_t *n)
{
    struct bt_relaxation row = { v, 0.8, "cards: it takes more of them" };
    const struct cost *c = v->path ? cost_of(v->path) : NULL;
    if (v->larger_cards) {
        row.cost = 0.85;
        row.gives_up = "cards: it takes larger ones";
    }
    if (c) {                         /* of several changes what the dearest costs, and all that they take */
        row.cost = c->cost;
        row.gives_up = c->gives_up;
        for (size_t i = 0; v->path2 && i <= v->nmore; i++) {
            const struct cost *d = cost_of(i ? v->more[i - 1].path : v->path2);
            row.cost = d ? BT_MAX(row.cost, d->cost) : row.cost;
            if (d && !strstr(row.gives_up, d->gives_up))
                row.gives_up = bt_arena_printf(a, "%s, %s", row.gives_up, d->gives_up);
        }
        row.cost = BT_MIN(row.cost + 0.05 * (v->path2 != NULL) + 0.1 * share_given_up(p, v), 1.0);
    }
    for (size_t i = 0; i < *n; i++)
        if (same_keys((*out)[i].advice, v))
            return; /* another value of the same keys: the first is the nearest */
    BT_PUSH(a, *out, *n, row);
    for (size_t j = *n - 1; j > 0 && (*out)[j].cost < (*out)[j - 1].cost; j--) {
        struct bt_relaxation t = (*out)[j];
        (*out)[j] = (*out)[j - 1];
        (*out)[j - 1] = t;
    }
}

/* The whole spec without this demand: 1 fits in every phase. What has a number is better lowered than dropped: the plan's advice does that. */
static int dropped_fits(struct conflicting *c, size_t index, enum key k)
{
    static const char *one[] = { "all" };
    const struct bt_spec *s = c->in->spec;
    struct bt_workload *w = BT_NEWN(c->a, struct bt_workload, s->n + 1);
    bool *keep = BT_NEWN(c->a, bool, s->n + 1);
    memcpy(w, s->w, s->n * sizeof *w);
    for (size_t i = 0; i < s->n; i++)
        keep[i] = true;
    if (!relax(&c->in->models[index], &w[index], k))
        return 0;
    for (size_t i = 0; i < (s->phases.n ? s->phases.n : 1); i++) {
        c->phase = s->phases.n ? s->phases.v[i] : one[0];
        c->sure = true;
        int ok = fits(c, w, keep, PL_NONE, 0);
        if (ok <= 0 || !c->sure)
            return ok < 0 ? -1 : 0;
    }
    return 1;
}

/* A shape goes as a whole: what the trial took back beside the key that names it is said, too. */
static void all_pins(struct bt_arena *a, const struct bt_workload *w, struct bt_plan_advice *v)
{
    if (w->tp.set && w->pp.set) {
        v->path2 = bt_arena_printf(a, "workloads.%s.%s", w->name, bt_str_ends(bt_str(v->path), ".pp") ? "tp" : "pp");
        v->value2 = "auto";
    }
    if (!w->pp_layers.n)
        return;
    struct bt_plan_change *more = BT_NEW(a, struct bt_plan_change);
    *more = (struct bt_plan_change){ bt_arena_printf(a, "workloads.%s.pp_layers", w->name), "auto" };
    v->more = more;
    v->nmore = 1;
}

static int add_dropped(struct conflicting *c, const struct bt_plan *p, const struct bt_demand *d, struct bt_relaxation **out, size_t *n)
{
    static const struct {
        enum key key;
        const char *value;
    } droppable[] = { { K_CUT, "auto" }, { K_PINS, "auto" }, { K_POOL, "null" }, { K_SHARE, "true" }, { K_APART, "null" }, { K_SAME, "null" } };
    for (size_t i = 0; i < c->in->spec->n; i++)
        for (size_t k = 0; k < BT_LEN(droppable); k++) {
            const struct bt_workload *w = &c->in->spec->w[i];
            bool this_key = !strcmp(d->key, names[droppable[k].key]) || (droppable[k].key == K_PINS && !strcmp(d->key, "pp"));
            int ok = !strcmp(w->name, d->workload) && this_key ? dropped_fits(c, i, droppable[k].key) : 0;
            if (ok < 0)
                return -1;
            if (!ok)
                continue;
            struct bt_plan_advice *v = BT_NEW(c->a, struct bt_plan_advice);
            *v = (struct bt_plan_advice){ .text = bt_arena_printf(c->a, "fits without the demand: %s", d->text),
                                          .value = droppable[k].value,
                                          .path = bt_arena_printf(c->a, "workloads.%s.%s", w->name, d->key) };
            if (droppable[k].key == K_PINS)
                all_pins(c->a, w, v);
            rank(c->a, p, v, out, n);
        }
    return 0;
}

int bt_plan_relaxations(struct bt_arena *a, const struct bt_plan_in *in, const struct bt_plan *p, const struct bt_conflict *conflict,
                        size_t nconflicts, struct bt_relaxation **out, size_t *n, struct bt_err *err)
{
    struct bt_plan_in remembering = *in;
    struct conflicting c = { .a = a, .in = &remembering, .phase = "", .err = err, .sure = true };
    *out = NULL;
    *n = 0;
    remembering.needs = pl_needs_new(a);
    for (size_t i = 0; i < p->nadvice; i++)
        rank(a, p, &p->advice[i], out, n);
    for (size_t i = 0; i < nconflicts; i++)
        for (size_t k = 0; k < conflict[i].n; k++)
            if (add_dropped(&c, p, &conflict[i].demand[k], out, n) < 0)
                return -1;
    return 0;
}

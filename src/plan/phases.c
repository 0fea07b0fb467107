/* phases - phases that know of each other: what stays where it is, and what is parked in between.
 *
 * Each phase is planned on its own first. A place is then carried from one phase to another only where that costs nobody anything, so the objective of
 * each phase stands; among the plans that are equal by it, the one with fewer moves is taken. */
#include "plan/phases.h"

#define KEEP_NODES 30000             /* of a trial that only has to be as good as what is there */

/* ---- what a workload has in a solution ---- */

struct outcome { uint32_t copies; uint64_t ctx; double rate; unsigned tenants; };

static unsigned tenants_of(const struct pl_problem *p, const struct pl_solution *s, const struct pl_copy *c)
{
    unsigned most = 0;
    for (uint32_t i = 0; i < c->ncards; i++) {
        unsigned n = 0;
        for (size_t k = 0; k < s->ncopies; k++)
            for (uint32_t j = 0; j < s->copy[k].ncards; j++)
                n += s->copy[k].card[j] == c->card[i] && p->work[s->copy[k].work].server;
        most = BT_MAX(most, n);
    }
    return most;
}

static struct outcome outcome_of(const struct pl_problem *p, const struct pl_solution *s, size_t spec_index)
{
    struct outcome o = { 0 };
    for (size_t i = 0; i < s->ncopies; i++) {
        const struct pl_copy *c = &s->copy[i];
        const struct pl_work *k = &p->work[c->work];
        if (k->spec_index != spec_index)
            continue;
        double rate = k->server ? pl_rate(p, &k->shape[c->shape], c->card, NULL) : 0;
        o.rate = o.copies && o.rate < rate ? o.rate : rate;
        o.ctx = s->ctx[c->work];
        o.tenants = BT_MAX(o.tenants, k->server ? tenants_of(p, s, c) : 0);
        o.copies++;
    }
    return o;
}

bool pl_no_worse(const struct pl_stages *all, const struct pl_stage *g, const struct pl_problem *p, const struct pl_solution *s)
{
    for (size_t w = 0; w < all->in->spec->n; w++) {
        struct outcome was = outcome_of(g->free_p, &g->free_s, w), is = outcome_of(p, s, w);
        if (is.copies < was.copies || is.ctx < was.ctx || is.rate < was.rate || is.tenants > was.tenants)
            return false;
    }
    return pl_service(g, p, s) >= pl_service(g, g->free_p, &g->free_s);
}

bool pl_same_copies(const struct pl_stage *x, const struct pl_stage *y, size_t spec_index)
{
    size_t i = 0, j = 0;
    for (;; i++, j++) {
        while (i < x->s.ncopies && x->p->work[x->s.copy[i].work].spec_index != spec_index)
            i++;
        while (j < y->s.ncopies && y->p->work[y->s.copy[j].work].spec_index != spec_index)
            j++;
        if (i == x->s.ncopies || j == y->s.ncopies)
            return i == x->s.ncopies && j == y->s.ncopies;
        const struct pl_copy *a = &x->s.copy[i], *b = &y->s.copy[j];
        const struct pl_work *ka = &x->p->work[a->work], *kb = &y->p->work[b->work];
        if (a->ncards != b->ncards || memcmp(a->card, b->card, a->ncards * sizeof *a->card) || x->s.ctx[a->work] != y->s.ctx[b->work])
            return false;
        if (ka->server && (ka->shape[a->shape].tp != kb->shape[b->shape].tp || ka->shape[a->shape].pp != kb->shape[b->shape].pp
                           || strcmp(ka->shape[a->shape].layers, kb->shape[b->shape].layers)))
            return false;
    }
}

/* ---- a workload held to its place ---- */

static struct bt_range exactly(uint64_t n) { return (struct bt_range){ .set = true, .want = n, .min = n, .max = n }; }

const struct pl_pin *pl_held(const struct pl_stages *all, const struct pl_stage *g, size_t spec_index)
{
    const struct bt_fleet *f = all->in->fleet;
    struct pl_pin *pin = BT_NEW(all->a, struct pl_pin);
    struct bt_workload *w = &pin->w;
    bool listed[BT_MAX_GPUS] = { false };
    uint64_t copies = 0;
    *w = all->in->spec->w[spec_index];
    w->pool = (struct bt_strs){ 0 };
    for (size_t i = 0; i < g->s.ncopies; i++) {
        const struct pl_copy *c = &g->s.copy[i];
        const struct pl_work *k = &g->p->work[c->work];
        if (k->spec_index != spec_index)
            continue;
        copies++;
        for (uint32_t j = 0; j < c->ncards; j++) {
            BT_PUSH(all->a, pin->card, pin->ncards, c->card[j]);
            listed[c->card[j]] = true;
        }
        if (!k->server) {
            w->gpus = c->ncards ? exactly(c->ncards) : w->gpus;
            continue;
        }
        w->tp = exactly(k->shape[c->shape].tp);
        w->pp = exactly(pl_stages(&k->shape[c->shape]));
        if (pl_stages(&k->shape[c->shape]) > 1 && k->pm->engine->cuts_layers)
            pl_pin_layers(all->a, k, &k->shape[c->shape], w);
        if (w->context.same_as)                      /* its target decides, held or not */
            continue;
        w->context.set = true;
        w->context.want = g->s.ctx[c->work];
        if (w->requests <= 1)                        /* several requests are held at `min` each: there the search must reach `want` */
            w->context.min = w->context.want;
    }
    for (size_t i = 0; i < g->p->n; i++)             /* in the order of its own pool, by which copies and ranks are told apart */
        for (size_t j = 0; g->p->work[i].spec_index == spec_index && j < g->p->work[i].npool; j++)
            if (listed[g->p->work[i].pool[j]])
                BT_PUSH(all->a, w->pool.v, w->pool.n, f->gpus[g->p->work[i].pool[j]].uuid);
    w->copies = exactly(copies);
    return copies ? pin : NULL;
}

static const struct bt_fleet *with_less(struct bt_arena *a, const struct bt_fleet *was, const uint64_t *reserve)
{
    struct bt_fleet *f = BT_NEW(a, struct bt_fleet);
    *f = *was;
    f->gpus = BT_NEWN(a, struct bt_gpu, f->n + 1);
    for (size_t i = 0; i < f->n; i++) {
        f->gpus[i] = was->gpus[i];
        f->gpus[i].others_bytes += reserve[i];
    }
    return f;
}

int pl_stage_try(const struct pl_stages *all, const struct pl_stage *g, const struct pl_pin *const *pin, const uint64_t *reserve, uint64_t nodes,
                 struct pl_stage *next, struct bt_err *err)
{
    struct bt_spec *spec = BT_NEW(all->a, struct bt_spec);
    struct bt_plan_in *in = BT_NEW(all->a, struct bt_plan_in);
    *in = *all->in;
    *spec = *in->spec;
    spec->w = BT_NEWN(all->a, struct bt_workload, spec->n + 1);
    for (size_t i = 0; i < spec->n; i++)
        spec->w[i] = pin && pin[i] ? pin[i]->w : in->spec->w[i];
    in->spec = spec;
    if (reserve)                                     /* the same cards otherwise: what was worked out for them holds */
        in->fleet = with_less(all->a, in->fleet, reserve);
    *next = *g;
    next->in = in;
    next->s = (struct pl_solution){ .complete = true };
    if (pl_problem_build(all->a, in, g->name, &next->p, err) < 0)
        return -1;
    for (size_t i = 0; i < next->p->n; i++)          /* a pinned shape would be its own best: compare with what is possible */
        for (size_t j = 0; g->free_p && j < g->free_p->n; j++)
            if (g->free_p->work[j].spec_index == next->p->work[i].spec_index)
                next->p->work[i].solo_best = g->free_p->work[j].solo_best;
    for (size_t i = 0; pin && i < next->p->n; i++) {
        const struct pl_pin *one = pin[next->p->work[i].spec_index];
        next->p->work[i].at = one && one->ncards ? one->card : NULL;
        next->p->work[i].nat = one ? one->ncards : 0;
    }
    if (!next->p->nrefusals)
        pl_solve(next->p, nodes, &next->s);
    return 0;
}

/* ---- keep ---- */

bool pl_active(const struct pl_stages *all, size_t stage, size_t w) { return pl_in_phase(&all->in->spec->w[w], all->v[stage].name); }

/* The last phase before `i` that has the workload, or PL_NONE. */
size_t pl_last_before(const struct pl_stages *all, size_t i, size_t w)
{
    while (i-- > 0)
        if (pl_active(all, i, w))
            return i;
    return PL_NONE;
}

/* Its context follows one that is not in both phases: nothing to hold. */
bool pl_bound_elsewhere(const struct pl_stages *all, size_t i, size_t j, size_t w)
{
    const struct bt_workload *k = &all->in->spec->w[w];
    const struct bt_workload *to[] = { k->context.same_as ? bt_spec_find(all->in->spec, k->context.same_as) : NULL,
                                       k->same_gpus_as ? bt_spec_find(all->in->spec, k->same_gpus_as) : NULL };
    for (size_t n = 0; n < BT_LEN(to); n++) {
        size_t t = to[n] ? (size_t)(to[n] - all->in->spec->w) : 0;
        if (to[n] && (!pl_active(all, i, t) || !pl_active(all, j, t)))
            return true;
    }
    return false;
}

/* Stage g with w[] held to where `from` has them, if that costs nobody anything. 1 done, 0 not, -1 error. */
static int hold(struct pl_stages *all, struct pl_stage *g, const struct pl_stage *from, const size_t *w, size_t n, struct bt_err *err)
{
    const struct pl_pin **pin = BT_NEWN(all->a, const struct pl_pin *, all->in->spec->n + 1);
    memcpy(pin, g->pin, all->in->spec->n * sizeof *pin);
    for (size_t i = 0; i < n; i++)
        if (!pin[w[i]] && !(pin[w[i]] = pl_held(all, from, w[i])))
            return 0;
    struct pl_stage next;
    if (pl_stage_try(all, g, pin, NULL, KEEP_NODES, &next, err) < 0)
        return -1;
    all->plan->nodes += next.s.nodes;
    if (!next.s.found || !pl_no_worse(all, g, next.p, &next.s))
        return 0;
    for (size_t i = 0; i < n; i++)
        if (!pl_same_copies(&next, from, w[i]))
            return 0;
    next.pin = pin;
    *g = next;
    return 1;
}

/* Both stages have it in one place: whatever is planned again later, it stays there. */
static void settle(struct pl_stages *all, size_t i, size_t j, size_t w)
{
    if (!all->v[j].pin[w])
        all->v[j].pin[w] = pl_held(all, &all->v[j], w);
    if (!all->v[i].pin[w])
        all->v[i].pin[w] = pl_held(all, &all->v[i], w);
}

static int keep_one(struct pl_stages *all, size_t i, size_t j, size_t w, struct bt_err *err)
{
    int ok = hold(all, &all->v[i], &all->v[j], &w, 1, err);
    if (ok == 0 && !all->v[j].pin[w])
        ok = hold(all, &all->v[j], &all->v[i], &w, 1, err);
    if (ok > 0)
        settle(all, i, j, w);
    return ok < 0 ? -1 : 0;
}

int pl_keep(struct pl_stages *all, struct bt_err *err)
{
    size_t n = all->in->spec->n, *w = BT_NEWN(all->a, size_t, n + 1);
    for (size_t i = 1; i < all->n; i++) {
        for (size_t j = 0; j < i; j++) {             /* those that come from one phase, together: they may only fit so */
            size_t m = 0;
            for (size_t k = 0; k < n; k++)
                if (pl_active(all, i, k) && pl_last_before(all, i, k) == j && !pl_bound_elsewhere(all, i, j, k))
                    w[m++] = k;
            int ok = m ? hold(all, &all->v[i], &all->v[j], w, m, err) : 0;
            if (ok < 0)
                return -1;
            for (size_t k = 0; k < m; k++) {
                if (ok > 0)
                    settle(all, i, j, w[k]);
                else if (keep_one(all, i, j, w[k], err) < 0)
                    return -1;
            }
        }
    }
    return 0;
}

/* ---- park ---- */

static void warn(struct pl_stages *all, const char *text)
{
    for (size_t i = 0; i < all->plan->nwarnings; i++)
        if (!strcmp(all->plan->warning[i], text))
            return;
    BT_PUSH(all->a, all->plan->warning, all->plan->nwarnings, text);
}

static bool comes_back(const struct pl_stages *all, size_t i, size_t w, const struct pl_stage *from)
{
    for (size_t k = i + 1; k < all->n; k++)
        if (pl_active(all, k, w))
            return from->pin[w] && all->v[k].pin[w] && pl_same_copies(from, &all->v[k], w);
    return false;
}

bool pl_engine_parks(const struct bt_engine *e, const char *level)
{
    for (size_t i = 0; e && i < e->npark; i++)
        if (!strcmp(e->park[i].level, level))
            return true;
    return false;
}

/* How the workload is parked while stage i runs; NULL = it is stopped. Says so where the spec asks for what cannot be. */
static const char *level_of(struct pl_stages *all, size_t i, const struct pl_stage *from, const struct bt_plan_instance *inst)
{
    const struct bt_workload *w = inst->w;
    size_t index = (size_t)(w - all->in->spec->w);
    const struct bt_engine *engine = inst->need ? inst->need->engine : NULL;
    if (w->kind == BT_JOB || !strcmp(w->park, "stop"))
        return NULL;
    if (all->in->fleet->gpus[inst->rank[0].gpu].unified && strcmp(w->park, "none") && strcmp(w->park, "kv")) {
        if (strcmp(w->park, "auto"))
            warn(all, bt_arena_printf(all->a, "%s: park: %s keeps its weights in RAM, which is the card's memory here: it is stopped when its phase ends",
                                      w->name, w->park));
        return NULL;
    }
    if (!strcmp(w->park, "auto"))
        return pl_engine_parks(engine, "sleep") && comes_back(all, i, index, from) ? "sleep" : NULL;
    if (!strcmp(w->park, "none") || pl_engine_parks(engine, w->park))
        return w->park;
    if (!strcmp(w->park, "checkpoint"))
        warn(all, bt_arena_printf(all->a, "%s: park: checkpoint cannot be done yet: it is stopped when its phase ends", w->name));
    else
        warn(all, bt_arena_printf(all->a, "%s: park: %s: %s cannot, as far as berth knows: it is stopped when its phase ends", w->name, w->park,
                                  inst->need ? inst->need->engine->name : "a command"));
    return NULL;
}

static struct pl_parked parked_as(struct bt_arena *a, const struct bt_plan_instance *inst, const char *level)
{
    struct pl_parked out = { .inst = inst, .level = level, .gpu_bytes = BT_NEWN(a, uint64_t, inst->nranks + 1) };
    bool sleep = !strcmp(level, "sleep");
    for (size_t r = 0; r < inst->nranks; r++) {
        const struct bt_rank_berth *b = &inst->rank[r];
        out.gpu_bytes[r] = !strcmp(level, "none") ? b->bytes : b->bytes - b->kv_bytes - (sleep ? pl_sleeping_bytes(b) : 0);
        for (size_t l = 0; sleep && b->need && l < b->need->n; l++)          /* activations are freed, not copied */
            if (b->need->line[l].part == BT_P_WEIGHTS || b->need->line[l].part == BT_P_LORA)
                out.host_bytes += b->need->line[l].bytes;
    }
    return out;
}

/* What those who run in the phase, and those who are parked in it, take of the RAM. */
static uint64_t ram_taken(const struct pl_stage *g)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < g->nparked; i++)
        sum += g->parked[i].host_bytes;
    for (size_t i = 0; i < g->s.ncopies; i++) {
        const struct pl_copy *c = &g->s.copy[i];
        const struct pl_work *k = &g->p->work[c->work];
        const struct pl_cost *cost = k->server && c->ncards ? &k->shape[c->shape].cost[pl_cost_class(g->p, c->card, c->ncards)] : NULL;
        for (size_t r = 0; cost && r < cost->need->nranks; r++)
            sum += cost->need->rank[r].host_bytes * k->shape[c->shape].tp;
        sum += k->host_floor;        /* of a server on the CPU */
    }
    return sum;
}

/* All copies of a workload of the phase before, or none where the RAM does not hold them. */
static void park_workload(struct pl_stages *all, size_t i, size_t w)
{
    struct pl_stage *before = &all->v[i - 1], *g = &all->v[i];
    uint64_t ram = pl_ram(all->in->fleet), taken = ram_taken(g), more = 0;
    struct pl_parked *copy = NULL;
    size_t n = 0;
    for (size_t k = 0; k < before->out->n; k++) {
        const struct bt_plan_instance *inst = &before->out->inst[k];
        const char *level = inst->w == &all->in->spec->w[w] && inst->nranks ? level_of(all, i, before, inst) : NULL;
        if (!level)
            continue;
        struct pl_parked one = parked_as(all->a, inst, level);
        more += one.host_bytes;
        BT_PUSH(all->a, copy, n, one);
    }
    if (ram && taken + more > ram) {
        warn(all, bt_arena_printf(all->a, "%s: asleep it takes %s of host RAM, and %s of %s are left: it is stopped while phase %s runs",
                                  all->in->spec->w[w].name, bt_bytes_human(more), bt_bytes_human(ram > taken ? ram - taken : 0), bt_bytes_human(ram), g->name));
        return;
    }
    if (!ram && more)
        warn(all, bt_arena_printf(all->a, "%s: asleep it takes %s of host RAM; how much these cards' machine has is not known", all->in->spec->w[w].name,
                                  bt_bytes_human(more)));
    for (size_t k = 0; k < n; k++)
        BT_PUSH(all->a, g->parked, g->nparked, copy[k]);
}

/* Those who leave at the boundary, and those who are parked already. */
static void find_parked(struct pl_stages *all, size_t i)
{
    const struct pl_stage *before = &all->v[i - 1];
    struct pl_stage *g = &all->v[i];
    for (size_t k = 0; k < before->nparked; k++)
        if (!pl_active(all, i, (size_t)(before->parked[k].inst->w - all->in->spec->w)))
            BT_PUSH(all->a, g->parked, g->nparked, before->parked[k]);
    for (size_t w = 0; w < all->in->spec->n; w++)
        if (!pl_active(all, i, w))
            park_workload(all, i, w);
}

static bool asked(const struct pl_parked *k) { return strcmp(k->inst->w->park, "auto") != 0; }

/* Stage i beside what the parked keep. 1 it fits (what was not asked for must cost nothing), 0 not, -1 error. */
static int plan_beside(struct pl_stages *all, struct pl_stage *g, struct bt_err *err)
{
    uint64_t reserve[BT_MAX_GPUS] = { 0 };
    bool all_asked = true;
    for (size_t k = 0; k < g->nparked; k++) {
        all_asked = all_asked && asked(&g->parked[k]);
        for (size_t r = 0; r < g->parked[k].inst->nranks; r++)
            reserve[g->parked[k].inst->rank[r].gpu] += g->parked[k].gpu_bytes[r];
    }
    struct pl_stage next;
    if (pl_stage_try(all, g, g->pin, reserve, pl_node_limit(all->in), &next, err) < 0)
        return -1;
    all->plan->nodes += next.s.nodes;
    if (!next.s.found || (!all_asked && !pl_no_worse(all, g, next.p, &next.s)))
        return 0;
    for (size_t w = 0; w < all->in->spec->n; w++)    /* who comes back here, or runs on, is where it was */
        if (g->pin[w] && !pl_same_copies(&next, g, w))
            return 0;
    *g = next;
    return 1;
}

/* The one to stop: what nobody asked to park, the last one first. */
static size_t to_stop(const struct pl_stage *g)
{
    for (size_t k = g->nparked; k-- > 0; )
        if (!asked(&g->parked[k]))
            return k;
    return g->nparked - 1;
}

int pl_park(struct pl_stages *all, size_t i, struct bt_err *err)
{
    struct pl_stage *g = &all->v[i];
    find_parked(all, i);
    while (g->nparked) {
        int ok = plan_beside(all, g, err);
        if (ok)
            return ok < 0 ? -1 : 0;
        size_t k = to_stop(g);
        const struct bt_workload *w = g->parked[k].inst->w;
        if (asked(&g->parked[k]))
            warn(all, bt_arena_printf(all->a, "%s: phase %s does not fit beside what it keeps on its cards while parked: it is stopped instead", w->name,
                                      g->name));
        size_t n = 0;
        for (size_t m = 0; m < g->nparked; m++)      /* all copies of it */
            if (g->parked[m].inst->w != w)
                g->parked[n++] = g->parked[m];
        g->nparked = n;
    }
    return 0;
}

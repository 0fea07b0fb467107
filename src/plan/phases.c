/* phases - phases that know of each other: what stays where it is.
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
    size_t a[PL_MAX_COPIES], b[PL_MAX_COPIES], n = pl_copies_of(x, spec_index, a);
    bool same = n == pl_copies_of(y, spec_index, b);
    for (size_t i = 0; i < n && same; i++)
        same = pl_copy_stays(x, a[i], y, b[i]);
    return same;
}

/* ---- a workload held to its place ---- */

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
            w->gpus = c->ncards ? pl_exactly(c->ncards) : w->gpus;
            continue;
        }
        w->tp = pl_exactly(k->shape[c->shape].tp);
        w->pp = pl_exactly(pl_stages(&k->shape[c->shape]));
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
    w->copies = pl_exactly(copies);
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

/* A card on which somebody sleeps is no whole card any more. */
static void only_whole_cards(struct pl_problem *p, const uint64_t *reserve)
{
    for (size_t i = 0; i < p->n; i++) {
        struct pl_work *k = &p->work[i];
        size_t n = 0;
        for (size_t j = 0; k->claim == PL_WHOLE && j < k->npool; j++) {
            size_t g = k->pool[j];
            bool whole = !reserve[g] || p->fleet->gpus[g].unified;
            k->pos[g] = whole ? (int)n : -1;
            if (whole)
                k->pool[n++] = g;
        }
        k->npool = k->claim == PL_WHOLE ? n : k->npool;
    }
}

/* A pinned shape would be its own best: compare with what is possible. A command's rate is its cards against the most that it may have. */
static void measure_as(struct pl_work *k, const struct pl_work *free)
{
    k->solo_best = free->solo_best;
    for (size_t i = 0; i < k->nshapes && !k->server; i++)
        for (size_t j = 0; j < free->nshapes; j++)
            if (free->shape[j].cards == k->shape[i].cards)
                k->shape[i].best_tok_s = free->shape[j].best_tok_s;
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
    for (size_t i = 0; i < next->p->n; i++)
        for (size_t j = 0; g->free_p && j < g->free_p->n; j++)
            if (g->free_p->work[j].spec_index == next->p->work[i].spec_index)
                measure_as(&next->p->work[i], &g->free_p->work[j]);
    for (size_t i = 0; pin && i < next->p->n; i++) {
        const struct pl_pin *one = pin[next->p->work[i].spec_index];
        next->p->work[i].at = one && one->ncards ? one->card : NULL;
        next->p->work[i].nat = one ? one->ncards : 0;
    }
    if (reserve)
        only_whole_cards(next->p, reserve);
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

void pl_settle_stayers(struct pl_stages *all)
{
    for (size_t i = 1; i < all->n; i++)
        for (size_t w = 0; w < all->in->spec->n; w++) {
            size_t j = pl_active(all, i, w) ? pl_last_before(all, i, w) : PL_NONE;
            if (j != PL_NONE && !pl_bound_elsewhere(all, i, j, w) && pl_stayers(&all->v[j], &all->v[i], w, NULL, NULL, NULL))
                settle(all, i, j, w);
        }
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

/* machine - a machine cut out of the plan of many: its cards, and of each workload the copies that stand there. */
#include "plan/machine.h"

#include <string.h>

#include "plan/plan_int.h"

static uint32_t copies_at(const struct bt_plan *p, const char *workload, size_t box, const struct bt_plan_instance **first)
{
    uint32_t most = 0;
    *first = NULL;
    for (size_t i = 0; i < p->nphases; i++) {
        uint32_t n = 0;
        for (size_t k = 0; k < p->phase[i].n; k++) {
            const struct bt_plan_instance *in = &p->phase[i].inst[k];
            if (in->box != box || strcmp(in->w->name, workload))
                continue;
            *first = *first ? *first : in;
            n++;
        }
        most = BT_MAX(most, n);
    }
    return most;
}

static bool stands_elsewhere(const struct bt_plan *p, const char *workload, size_t box)
{
    for (size_t i = 0; i < p->nphases; i++)
        for (size_t k = 0; k < p->phase[i].n; k++)
            if (p->phase[i].inst[k].box != box && !strcmp(p->phase[i].inst[k].w->name, workload))
                return true;
    return false;
}

/* Of a list of cards those that are in this machine, by uuid. */
static void narrow_pool(struct bt_arena *a, const struct bt_fleet *f, const struct bt_box *box, struct bt_workload *w)
{
    size_t *at = BT_NEWN(a, size_t, w->pool.n + 1);
    struct bt_err ignored = { 0 };   /* the plan was made with this pool */
    struct bt_strs there = { 0 };
    if (!w->pool.n || bt_fleet_pick(a, f, w->pool.v, w->pool.n, at, &ignored) < 0)
        return;
    for (size_t i = 0; i < w->pool.n; i++)
        if (at[i] >= box->first && at[i] < box->first + box->n)
            BT_PUSH(a, there.v, there.n, f->gpus[at[i]].uuid);
    w->pool = there;
}

static struct bt_workload as_there(const struct bt_plan_in *in, struct bt_arena *a, const struct bt_workload *w, const struct bt_box *box, uint32_t copies,
                                   const struct bt_plan_instance *first, bool elsewhere)
{
    struct bt_workload out = *w;
    out.copies = pl_exactly(copies);
    narrow_pool(a, in->fleet, box, &out);
    if (!elsewhere || !first->nranks)
        return out;
    if (out.kind != BT_SERVER) {
        out.gpus = pl_exactly(first->nranks);
        return out;
    }
    out.tp = pl_exactly(first->tp);
    out.pp = pl_exactly(first->pp);
    if (out.context.same_as)
        return out;
    out.context.set = true;
    out.context.want = first->context;
    out.context.min = BT_MIN(out.context.min ? out.context.min : first->context, first->context);
    return out;
}

void bt_plan_machine(struct bt_arena *a, const struct bt_plan_in *in, const struct bt_plan *p, size_t box, struct bt_machine *out)
{
    const struct bt_box *x = &in->fleet->box[box];
    struct bt_spec *spec = BT_NEW(a, struct bt_spec);
    struct bt_fleet *fleet = BT_NEW(a, struct bt_fleet);
    struct bt_plan_model *models = BT_NEWN(a, struct bt_plan_model, in->spec->n + 1);
    bool *elsewhere = BT_NEWN(a, bool, in->spec->n + 1);
    *spec = *p->spec;                /* it and its workloads, in the same order, with the phases that were proposed, where they were */
    spec->w = BT_NEWN(a, struct bt_workload, in->spec->n + 1);
    spec->n = 0;
    for (size_t w = 0; w < in->spec->n; w++) {
        const struct bt_plan_instance *first;
        uint32_t copies = copies_at(p, in->spec->w[w].name, box, &first);
        if (!copies)
            continue;
        elsewhere[spec->n] = stands_elsewhere(p, in->spec->w[w].name, box);
        models[spec->n] = in->models[w];
        spec->w[spec->n] = as_there(in, a, &p->spec->w[w], x, copies, first, elsewhere[spec->n]);
        spec->n++;
    }
    for (size_t i = 0; i < spec->n; i++)
        if (spec->w[i].context.same_as && !bt_spec_find(spec, spec->w[i].context.same_as))
            spec->w[i].context.same_as = NULL;
    *fleet = *in->fleet;
    fleet->gpus = &in->fleet->gpus[x->first];
    fleet->n = x->n;
    fleet->ram_bytes = x->ram_bytes;
    fleet->box = NULL;
    fleet->nboxes = 0;
    *out = (struct bt_machine){ .in = *in, .elsewhere = elsewhere, .any = spec->n > 0 };
    out->in.spec = spec;
    out->in.fleet = fleet;
    out->in.models = models;
    out->in.copies = NULL;
    out->in.needs = NULL;
}

static const struct bt_plan_instance *next_at(const struct bt_plan_phase *ph, size_t box, size_t *at)
{
    while (*at < ph->n && ph->inst[*at].box != box)
        ++*at;
    return *at < ph->n ? &ph->inst[(*at)++] : NULL;
}

bool bt_plan_machines_alike(const struct bt_plan *p, size_t one, size_t other)
{
    const struct bt_box *a = &p->fleet->box[one], *b = &p->fleet->box[other];
    if (a->n != b->n || a->ram_bytes != b->ram_bytes)
        return false;
    for (size_t i = 0; i < a->n; i++) {
        const struct bt_gpu *x = &p->fleet->gpus[a->first + i], *y = &p->fleet->gpus[b->first + i];
        if (strcmp(x->name, y->name) || bt_gpu_capacity(x) != bt_gpu_capacity(y))
            return false;
    }
    for (size_t i = 0; i < p->nphases; i++) {
        const struct bt_plan_instance *x, *y;
        size_t xi = 0, yi = 0;
        do {
            x = next_at(&p->phase[i], one, &xi);
            y = next_at(&p->phase[i], other, &yi);
            if (!x != !y || (x && (strcmp(x->w->name, y->w->name) || x->tp != y->tp || x->pp != y->pp || x->nranks != y->nranks || x->context != y->context)))
                return false;
        } while (x);
    }
    return true;
}

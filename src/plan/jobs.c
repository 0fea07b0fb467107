/* jobs - services and jobs that say what they do instead of how many bytes it takes: their need per kind of card and number of cards. */
#include "plan/plan_int.h"

const struct bt_job *pl_job(const struct bt_workload *w)
{
    return w->memory.job ? w->memory.job : w->expects.job;
}

static void cannot(struct pl_problem *p, struct pl_work *k, const char *code, const struct bt_err *why)
{
    pl_refuse(p, k->w, code, "%s: %s: %s%s%s", k->w->name, k->w->memory.job ? "memory" : "expects", why->msg, why->hint[0] ? "; " : "", why->hint);
}

/* The bytes on each kind of card; false when the form itself is refused. */
static bool one_shape(struct pl_problem *p, struct pl_work *k, struct pl_shape *s)
{
    struct bt_err why = { 0 };
    struct bt_job on;
    if (bt_job_on(pl_job(k->w), s->cards, &on, &why) < 0) {
        s->ok = false;
        s->code = "shape-impossible";
        s->why_not = bt_arena_strdup(p->a, why.msg);
        return true;
    }
    s->job_bytes = BT_NEWN(p->a, uint64_t, p->nclasses);
    for (size_t c = 0; c < p->nclasses; c++) {
        struct bt_job_need n;
        if (bt_job_berth(p->a, &k->pm->job_of, &on, &p->fleet->gpus[p->cls_card[c]], 0, &n, &why) < 0) {
            cannot(p, k, why.code == BT_E_SPEC ? "job-impossible" : "model-not-known-yet", &why);
            return false;
        }
        s->job_bytes[c] = n.bytes;
    }
    return true;
}

void pl_job_shapes(struct pl_problem *p, struct pl_work *k)
{
    if (!pl_job(k->w))
        return;
    if (k->pm->job_error) {
        pl_refuse(p, k->w, k->pm->error_code ? k->pm->error_code : "model-not-known-yet", "%s: %s", k->w->name, k->pm->job_error);
        return;
    }
    bool any = false;
    for (size_t i = 0; i < k->nshapes; i++) {
        if (!one_shape(p, k, &k->shape[i]))
            return;
        any = any || k->shape[i].ok;
    }
    if (!any && k->nshapes)
        pl_refuse(p, k->w, "shape-impossible", "%s: %s", k->w->name, k->shape[0].why_not);
}

void pl_job_fill(struct pl_problem *p, const struct pl_work *k, struct bt_plan_instance *inst)
{
    const struct bt_job *j = pl_job(k->w);
    struct bt_err ignored = { 0 };
    if (!j || !inst->nranks)
        return;
    struct bt_plan_job *job = BT_NEW(p->a, struct bt_plan_job);
    size_t poorest = 0;
    for (size_t i = 1; i < inst->nranks; i++)
        if (inst->rank[i].bytes < inst->rank[poorest].bytes)
            poorest = i;
    job->of = k->pm->job_of;
    job->expected = k->w->memory.form == BT_MEM_REST;
    const struct bt_gpu *card = &p->fleet->gpus[inst->rank[poorest].gpu];
    if (bt_job_on(j, inst->nranks, &job->job, &ignored) == 0 &&
        bt_job_berth(p->a, &job->of, &job->job, card, inst->rank[poorest].bytes, &job->need, &ignored) == 0)
        inst->job = job;             /* it was reckoned on this card for its floor: it cannot fail now, and the validator would say so */
}

uint64_t bt_plan_poorest(const struct bt_plan_phase *ph, const struct bt_workload *w)
{
    uint64_t least = 0;
    for (size_t i = 0; i < ph->n; i++)
        for (size_t j = 0; ph->inst[i].w == w && j < ph->inst[i].nranks; j++)
            least = least ? BT_MIN(least, ph->inst[i].rank[j].bytes) : ph->inst[i].rank[j].bytes;
    return least;
}

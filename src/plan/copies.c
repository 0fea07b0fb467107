/* copies - `replicas: auto`, `slots: auto`: as many as the cards carry while nobody is worse off for it. First every workload is planned with one copy;
 * then the workloads that are open in it get one more at a time, by priority and as written, as long as all others keep their copies, contexts, rates
 * and neighbours, and its own copies keep theirs and are faster together. In several phases: the fewest of them. */
#include "plan/plan_int.h"

struct standing { uint32_t copies; uint64_t ctx; double rate, together; unsigned tenants; };

static unsigned tenants_on(const struct pl_solution *s, size_t card)
{
    unsigned n = 0;
    for (size_t i = 0; i < s->ncopies; i++)
        for (uint32_t j = 0; j < s->copy[i].ncards; j++)
            n += s->copy[i].card[j] == card;
    return n;
}

static struct standing standing_of(const struct pl_problem *p, const struct pl_solution *s, size_t spec_index)
{
    struct standing o = { 0 };
    for (size_t i = 0; i < s->ncopies; i++) {
        const struct pl_copy *c = &s->copy[i];
        const struct pl_work *k = &p->work[c->work];
        if (k->spec_index != spec_index)
            continue;
        double rate = c->ncards ? pl_rate(p, &k->shape[c->shape], c->card, NULL) : 0;
        o.rate = o.copies && o.rate < rate ? o.rate : rate;
        o.together += rate;
        o.ctx = s->ctx[c->work];
        for (uint32_t j = 0; j < c->ncards; j++)
            o.tenants = BT_MAX(o.tenants, tenants_on(s, c->card[j]));
        o.copies++;
    }
    return o;
}

static bool nobody_loses(const struct bt_spec *spec, size_t grows, const struct pl_problem *p, const struct pl_solution *s, const struct pl_problem *q,
                         const struct pl_solution *t)
{
    for (size_t w = 0; w < spec->n; w++) {
        struct standing was = standing_of(p, s, w), is = standing_of(q, t, w);
        bool slower = w == grows ? is.together <= was.together && was.rate > 0 : is.rate < was.rate;
        if (is.copies < was.copies || is.ctx < was.ctx || slower || is.tenants > was.tenants)
            return false;
    }
    return true;
}

static uint32_t most_copies(const struct pl_problem *p, size_t spec_index)
{
    for (size_t i = 0; i < p->n; i++) {
        const struct pl_work *k = &p->work[i];
        uint32_t fewest = UINT32_MAX;
        for (size_t j = 0; k->spec_index == spec_index && j < k->nshapes; j++)
            fewest = k->shape[j].ok ? BT_MIN(fewest, k->shape[j].cards) : fewest;
        if (fewest < UINT32_MAX)
            return (uint32_t)(k->npool / fewest);
    }
    return 1;
}

/* One phase, one workload: the number, with the others as in.copies has them. */
static int grow(const struct pl_trial *t, size_t index, uint32_t *out, struct bt_err *err)
{
    struct bt_workload w = t->in->spec->w[index];
    struct pl_problem *p, *q;
    struct pl_solution s, next;
    *out = 1;
    w.copies = pl_exactly(1);
    if (pl_try(t, &w, index, &p, &s, err) < 0)
        return -1;
    for (uint32_t most = most_copies(p, index), n = 2; s.found && n <= most; n++) {
        w.copies = pl_exactly(n);
        if (pl_try(t, &w, index, &q, &next, err) < 0)
            return -1;
        if (!next.found)
            break;
        if (!nobody_loses(t->in->spec, index, p, &s, q, &next))
            continue;                /* three of two cards each may not go, and six of one be the fastest */
        *out = n;
        p = q;
        s = next;
    }
    return 0;
}

bool bt_copies_open(const struct bt_workload *w)
{
    bool cards = !(w->gpus.set && w->gpus.want == 0) && !w->same_gpus_as;
    return !w->copies.set && cards;
}

static int settle(struct bt_arena *a, const struct bt_plan_in *in, const char *const *phase, size_t nphases, size_t index, uint32_t *out, struct bt_err *err)
{
    uint32_t fewest = UINT32_MAX;
    for (size_t i = 0; i < nphases; i++) {
        struct pl_trial t = { a, in, phase[i], NULL, 0 };
        uint32_t n;
        if (!pl_in_phase(&in->spec->w[index], phase[i]))
            continue;
        if (grow(&t, index, &n, err) < 0)
            return -1;
        fewest = BT_MIN(fewest, n);
    }
    *out = fewest == UINT32_MAX ? 1 : fewest;
    return 0;
}

int pl_open_copies(struct bt_arena *a, struct bt_plan_in *in, const char *const *phase, size_t nphases, struct bt_err *err)
{
    const struct bt_spec *spec = in->spec;
    uint32_t *copies = BT_NEWN(a, uint32_t, spec->n + 1);
    bool *done = BT_NEWN(a, bool, spec->n + 1);
    in->copies = copies;
    for (;;) {
        size_t best = spec->n;
        for (size_t i = 0; i < spec->n; i++)
            if (bt_copies_open(&spec->w[i]) && !done[i] && (best == spec->n || spec->w[i].priority > spec->w[best].priority))
                best = i;
        if (best == spec->n)
            return 0;
        done[best] = true;
        if (settle(a, in, phase, nphases, best, &copies[best], err) < 0)
            return -1;
    }
}

/* boxes - many machines: dealt, each planned, put together again; what the whole reaches, and how far that is from what nothing can pass. */
#include <stdlib.h>
#include <string.h>

#include "plan/boxes.h"

/* ---- one plan of many ---- */

/* The instance as it is in the whole. */
static struct bt_plan_instance in_the_whole(const struct bx *b, const struct bx_solved *s, size_t box, const struct bt_plan_instance *in)
{
    struct bt_plan_instance out = *in;
    size_t at = (size_t)(in->w - s->plan->spec->w);
    out.w = &b->plan->spec->w[s->of[at]];
    out.replica = s->replica[at][in->replica];
    out.id = bt_arena_printf(b->a, "%s-%u", out.w->name, out.replica);
    out.box = box;
    out.rank = BT_NEWN(b->a, struct bt_rank_berth, in->nranks + 1);
    for (size_t i = 0; i < in->nranks; i++) {
        out.rank[i] = in->rank[i];
        out.rank[i].gpu += b->fleet->box[box].first;
    }
    return out;
}

static int by_spec(const void *x, const void *y)
{
    const struct bt_plan_instance *a = x, *b = y;
    if (a->w != b->w)
        return a->w < b->w ? -1 : 1;
    return (a->replica > b->replica) - (a->replica < b->replica);
}

static void put_together(const struct bx *b, const struct bx_solved *s)
{
    struct bt_plan *plan = b->plan;
    for (size_t ph = 0; ph < plan->nphases; ph++) {
        struct bt_plan_phase *out = &plan->phase[ph];
        for (size_t i = 0; i < b->fleet->nboxes; i++)
            for (size_t k = 0; s[i].plan && k < s[i].plan->phase[ph].n; k++)
                BT_PUSH(b->a, out->inst, out->n, in_the_whole(b, &s[i], i, &s[i].plan->phase[ph].inst[k]));
        if (out->n)
            qsort(out->inst, out->n, sizeof *out->inst, by_spec);
    }
}

static void put_moves_together(const struct bx *b, const struct bx_solved *s)
{
    struct bt_plan *plan = b->plan;
    for (size_t ph = 1; ph < plan->nphases; ph++)
        for (size_t i = 0; i < b->fleet->nboxes; i++)
            for (size_t k = 0; s[i].plan && k < s[i].plan->nmoves; k++) {
                struct bt_plan_move m = s[i].plan->move[k];
                if (strcmp(m.to, plan->phase[ph].name) != 0)
                    continue;
                struct bt_plan_instance *in = BT_NEW(b->a, struct bt_plan_instance);
                *in = in_the_whole(b, &s[i], i, m.inst);
                m.inst = in;
                m.instance = in->id;
                BT_PUSH(b->a, plan->move, plan->nmoves, m);
            }
}

static void warn(const struct bx *b, const char *text)
{
    for (size_t i = 0; i < b->plan->nwarnings; i++)
        if (!strcmp(b->plan->warning[i], text))
            return;
    BT_PUSH(b->a, b->plan->warning, b->plan->nwarnings, text);
}

/* [spec->n] copies there, on all machines. */
static uint32_t *copies_in(const struct bx *b, const struct bt_plan_phase *ph)
{
    uint32_t *n = BT_NEWN(b->a, uint32_t, b->plan->spec->n + 1);
    for (size_t i = 0; i < ph->n; i++)
        n[ph->inst[i].w - b->plan->spec->w]++;
    return n;
}

/* Who found no place, or fewer copies than are wanted: each machine knows only of those that were dealt to it. */
static void warn_missing(const struct bx *b)
{
    const struct bt_spec *asked = b->plan->spec;
    for (size_t p = 0; p < b->plan->nphases; p++) {
        const struct bt_plan_phase *ph = &b->plan->phase[p];
        const uint32_t *copies = copies_in(b, ph);
        const char *in = b->plan->nphases > 1 ? bt_arena_printf(b->a, " in phase %s", ph->name) : "";
        for (size_t i = 0; i < asked->n; i++) {
            const struct bt_workload *w = &asked->w[i];
            uint32_t has = copies[i], want = w->copies.set ? (uint32_t)w->copies.want : 1;
            if (!pl_in_phase(w, ph->name))
                continue;
            if (!has)
                warn(b, bt_arena_printf(b->a, "%s is optional and found no place%s", w->name, in));
            else if (has < want)
                warn(b, bt_arena_printf(b->a, "%s: %u of the %u copies wanted%s: no place was found for more", w->name, has, want, in));
            for (size_t k = 0; has && k < w->nafter; k++) {
                const struct bt_workload *o = bt_spec_find(asked, w->after[k].name);      /* NULL: in a part of the spec that is asked for by itself */
                if (o && pl_in_phase(o, ph->name) && !copies[o - asked->w])
                    warn(b, bt_arena_printf(b->a, "%s does not wait for %s (`after`), which has no place", w->name, o->name));
            }
        }
    }
}

/* ---- score ---- */

static double rate_of(const struct bx *b, const struct bt_plan_instance *in)
{
    if (in->w->kind == BT_SERVER)
        return in->pace.known ? in->pace.decode_tok_s : 0;
    uint64_t most = in->w->gpus.set ? in->w->gpus.max : 1;
    return (double)in->nranks / (double)BT_MIN(most, (uint64_t)b->fleet->box[in->box].n);
}

static double service_of(const struct bx *b, const struct bt_plan_phase *ph)
{
    unsigned *tenants = BT_NEWN(b->a, unsigned, b->fleet->n + 1);
    double sum = 0;
    for (size_t i = 0; i < ph->n; i++)
        for (size_t r = 0; r < ph->inst[i].nranks; r++)
            tenants[ph->inst[i].rank[r].gpu]++;
    for (size_t i = 0; i < ph->n; i++) {
        unsigned most = 0;
        for (size_t r = 0; r < ph->inst[i].nranks; r++)
            most = BT_MAX(most, tenants[ph->inst[i].rank[r].gpu]);
        if (most)
            sum += b->rate_scale[ph->inst[i].w - b->plan->spec->w] * rate_of(b, &ph->inst[i]) / most;
    }
    return sum;
}

static int64_t thousandths(double x) { return (int64_t)(x * 1000 + 1e-6); }

struct reach { int64_t placed, wants; };

/* What the phase has of workloads and wants, or (best) the most it could. */
static struct reach reach_of(const struct bx *b, const struct bt_plan_phase *ph, bool best)
{
    const struct bt_spec *s = b->plan->spec;
    const uint32_t *copies = copies_in(b, ph);
    uint64_t *ctx = BT_NEWN(b->a, uint64_t, s->n + 1);
    struct reach out = { 0 };
    for (size_t i = 0; i < ph->n; i++) {
        size_t w = (size_t)(ph->inst[i].w - s->w);
        ctx[w] = ph->inst[i].nranks ? ph->inst[i].context : 0;
    }
    for (size_t w = 0; w < s->n; w++) {
        const struct bt_workload *k = &s->w[w];
        uint64_t want = k->copies.set ? k->copies.want : 1;
        bool host = k->gpus.set && k->gpus.want == 0, possible = host;
        for (size_t c = 0; c < b->ncls; c++)
            possible = possible || b->menu[c][w].n > 0;
        if (!pl_in_phase(k, ph->name) || !(best ? possible : copies[w] > 0))
            continue;
        out.placed++;
        if (k->kind == BT_SERVER && !host && b->ctx_want[w])
            out.wants += best ? thousandths(bx_most_wants(b, w)) : thousandths((double)BT_MIN(ctx[w], b->ctx_want[w]) / (double)b->ctx_want[w]);
        if (want > 1)
            out.wants += best ? 1000 : 1000 * (int64_t)copies[w] / (int64_t)want;
    }
    return out;
}

static double lacks(double has, double most) { return most > 0 && has < most ? (most - has) / most : 0; }

/* The goals that boxes decide for themselves are added up; the others are counted on the whole. */
static void score(struct bx *b, const struct bx_solved *s)
{
    struct bt_plan *plan = b->plan;
    struct reach has = { 0 }, most = { 0 };
    double service = 0;
    bx_bound(b);
    for (size_t ph = 0; ph < plan->nphases; ph++) {
        struct reach a = reach_of(b, &plan->phase[ph], false), z = reach_of(b, &plan->phase[ph], true);
        has.placed += a.placed;
        has.wants += a.wants;
        most.placed += z.placed;
        most.wants += z.wants;
        service += service_of(b, &plan->phase[ph]);
    }
    plan->objective[BT_GOAL_PLACED] = has.placed;
    plan->objective[BT_GOAL_WANTS] = has.wants;
    plan->objective[BT_GOAL_SERVICE] = thousandths(service);
    for (size_t i = 0; i < b->fleet->nboxes; i++)
        for (int g = BT_GOAL_SHARED; s[i].plan && g < BT_GOAL__N; g++)
            plan->objective[g] = g == BT_GOAL_FREE ? BT_MAX(plan->objective[g], s[i].plan->objective[g]) : plan->objective[g] + s[i].plan->objective[g];
    most.placed = BT_MIN(most.placed, b->placed_bound);
    most.wants = BT_MIN(most.wants, b->wants_bound);
    plan->bound[BT_GOAL_PLACED] = most.placed;
    plan->bound[BT_GOAL_WANTS] = most.wants;
    plan->bound[BT_GOAL_SERVICE] = thousandths(b->service_bound);
    plan->proof = "any-time";
    plan->gap = has.placed < most.placed ? lacks((double)has.placed, (double)most.placed)
                : has.wants < most.wants ? lacks((double)has.wants, (double)most.wants) : lacks(service, b->service_bound);
}

/* `replicas: auto` and `slots: auto`: so many as find empty cards once all others are dealt. True: some workload has more than one, and the spec says so. */
static bool settle_copies(struct bx *b, struct bt_spec *spec)
{
    bool any = false, more = false;
    size_t left;
    b->copies = BT_NEWN(b->a, uint32_t, b->ngroups + 1);
    for (size_t i = 0; i < b->ngroups; i++) {
        const struct bt_workload *w = &spec->w[b->group[i].member[0]];
        b->copies[i] = !w->copies.set && !b->group[i].host;
        any = any || b->copies[i];
    }
    bool dealt = any && bx_deal(b, &left);
    for (size_t i = 0; i < b->ngroups && dealt; i++)
        if (b->copies[i] > 1) {
            spec->w[b->group[i].member[0]].copies = (struct bt_range){ .set = true, .want = b->copies[i], .min = 1, .max = b->copies[i] };
            more = true;
        }
    b->copies = NULL;
    if (more) {                      /* what was worked out was of one copy each */
        struct bx fresh = { .a = b->a, .in = b->in, .plan = b->plan, .fleet = b->fleet, .nphases = b->nphases, .phase = b->phase };
        *b = fresh;
    }
    return more;
}

int pl_boxes(struct bt_arena *a, struct bt_plan_in *in, struct bt_plan *plan, struct bt_err *err)
{
    struct bt_spec *spec = BT_NEW(a, struct bt_spec);
    struct bt_plan_in *own = BT_NEW(a, struct bt_plan_in);
    struct bx b = { .a = a, .in = own, .plan = plan, .fleet = in->fleet, .nphases = plan->nphases };
    *spec = *in->spec;
    spec->w = BT_NEWN(a, struct bt_workload, spec->n + 1);
    memcpy(spec->w, in->spec->w, spec->n * sizeof *spec->w);
    *own = *in;
    own->spec = spec;
    const char **names = BT_NEWN(a, const char *, plan->nphases + 1);
    size_t left;
    for (size_t i = 0; i < plan->nphases; i++)
        names[i] = plan->phase[i].name;
    b.phase = names;
    if (plan->nphases > 64)
        return bt_err_set(err, BT_E_TOO_BIG, 0, "%zu phases over %zu machines; at most 64", plan->nphases, in->fleet->nboxes);
    if (bx_worth(&b, err) < 0)
        return -1;
    if (plan->nrefusals)
        return in->brief ? 0 : bx_ways_out(a, in, plan, err);
    if (settle_copies(&b, spec) && bx_worth(&b, err) < 0)
        return -1;
    if (!bx_deal(&b, &left)) {
        if (bx_cannot_fit(&b))
            return in->brief ? 0 : bx_ways_out(a, in, plan, err);
        const char *name = in->spec->w[b.group[left].member[0]].name;
        bt_err_set(err, BT_E_TOO_BIG, 0, "no place was found for %s beside the others on %zu machines, and not all ways were tried", name, in->fleet->nboxes);
        return bt_err_hint(err, "more machines, `optional: true` for what may be left out, or fewer `replicas`");
    }
    struct bx_solved *solved = BT_NEWN(a, struct bx_solved, in->fleet->nboxes);
    if (bx_solve(&b, solved, err) < 0)
        return -1;
    put_together(&b, solved);
    put_moves_together(&b, solved);
    for (size_t i = 0; i < in->fleet->nboxes; i++)
        for (size_t k = 0; solved[i].plan && k < solved[i].plan->nwarnings; k++)
            warn(&b, solved[i].plan->warning[k]);
    warn_missing(&b);
    warn(&b, bt_arena_printf(a, "%zu machines are planned one by one, with what was dealt to each: a better plan of them all may exist", in->fleet->nboxes));
    score(&b, solved);
    return 0;
}

/* refuse - what does not fit: which workload or which of them together, and what lacks on which cards. The nearest settings that do: refuse_ways.c. */
#include "plan/lost.h"
#include "plan/refuse_int.h"

#define TRY_NODES 100000

static unsigned long long ull(uint64_t n) { return n; }

static void refuse(struct rf_refusing *r, const struct bt_workload *w, const char *code, const char *text)
{
    struct bt_plan_refusal row = { .code = code, .text = text, .workload = w ? w->name : NULL, .at = w ? w->at : (struct bt_mark){ 0 } };
    for (size_t i = 0; i < r->plan->nrefusals; i++)
        if (!strcmp(r->plan->refusal[i].text, text))
            return;                                  /* the same in another phase */
    BT_PUSH(r->a, r->plan->refusal, r->plan->nrefusals, row);
}

/* 1 it fits, 0 it does not, -1 error. Not found within the bound of the search counts as "it fits": nothing false is said about it. The problem is in a. */
static int fits(struct rf_refusing *r, struct bt_arena *a, const struct bt_plan_in *in, struct pl_problem **p)
{
    struct pl_solution s;
    r->work += pl_find_cost(in->spec->n);
    if (pl_problem_build(a, in, r->phase, p, r->err) < 0)
        return -1;
    if ((*p)->nrefusals)
        return 0;
    pl_find(*p, TRY_NODES, &s);
    return s.found || !s.complete;
}

/* w alone, with those on whose cards it must be. */
static void keep_with_targets(const struct bt_spec *s, size_t i, bool *keep)
{
    while (!keep[i]) {
        keep[i] = true;
        for (size_t j = 0; s->w[i].same_gpus_as && j < s->n; j++)
            if (!strcmp(s->w[j].name, s->w[i].same_gpus_as)) {
                i = j;
                break;
            }
    }
}

/* ---- one that cannot be placed even alone ---- */

/* "40 heads": the model's own number that stands against the shape. */
static const char *short_reason(struct bt_arena *a, const struct pl_work *k, const struct pl_shape *s)
{
    const struct bt_model *m = k->pm->model;
    if (!strcmp(s->code, "heads-not-divisible"))
        return bt_arena_printf(a, "%u heads", m->heads);
    if (!strcmp(s->code, "kv-heads-not-divisible"))
        return bt_arena_printf(a, "%u KV heads", m->kv_heads);
    if (!strcmp(s->code, "more-stages-than-layers"))
        return bt_arena_printf(a, "%u layers", m->layers);
    return s->why_not;
}

/* One shape planned together with everything else: 1 it fits, and text and advice say so; 0 it does not; -1 error. */
static int other_shape(struct rf_refusing *r, size_t index, const struct pl_work *k, const struct pl_shape *sh, uint32_t pinned_cards,
                       struct bt_buf *text)
{
    const struct pl_trial t = { r->a, r->in, r->phase, NULL, 0 };
    struct bt_workload w = pl_pinned(r->a, k, sh, false);
    struct pl_problem *q;
    struct pl_solution o;
    if (pl_try(&t, &w, index, &q, &o, r->err) < 0)
        return -1;
    int ok = o.found ? rf_fits_elsewhere(r, index, &w) : 0;
    if (ok <= 0)
        return ok;
    const struct pl_copy *c = o.copy;
    while (q->work[c->work].spec_index != index)
        c++;
    double rate = pl_rate_shown(q, &q->work[c->work].shape[c->shape], c->card);
    uint32_t freed = pinned_cards - sh->cards;
    const char *frees = freed == 0 ? "" : freed == 1 ? " and frees a GPU" : bt_arena_printf(r->a, " and frees %u GPUs", freed);
    const char *cut = pl_layers_of(q, &o, index), *layers = cut[0] ? bt_arena_printf(r->a, " (layers %s)", cut) : "";
    const char *what = bt_arena_printf(r->a, "%s%s fits with %s tokens at %.1f tok/s%s", pl_shape_words(r->a, sh->tp, pl_stages(sh)), layers,
                                       bt_count_human(o.ctx[c->work]), rate, frees);
    bt_buf_printf(text, "; %s", what);
    rf_advise(r, (struct bt_plan_advice){ bt_arena_printf(r->a, "%s: %s", w.name, what), bt_arena_printf(r->a, "workloads.%s.tp", w.name),
                                       bt_arena_printf(r->a, "%u", sh->tp), bt_arena_printf(r->a, "workloads.%s.pp", w.name),
                                       bt_arena_printf(r->a, "%u", pl_stages(sh)) });
    return 1;
}

/* Shapes other than the pinned one, on as many cards or fewer; three are enough. */
static int other_shapes(struct rf_refusing *r, size_t index, uint32_t pinned_cards, struct bt_buf *text)
{
    const struct pl_trial t = { r->a, r->in, r->phase, NULL, 0 };
    struct bt_workload open = r->in->spec->w[index];
    open.tp = open.pp = (struct bt_range){ 0 };
    open.pp_layers.n = 0;
    struct pl_problem *p;
    struct pl_solution s;
    if (pl_try(&t, &open, index, &p, &s, r->err) < 0)
        return -1;
    const struct pl_work *k = NULL;
    for (size_t i = 0; i < p->n; i++)
        if (p->work[i].spec_index == index)
            k = &p->work[i];
    for (uint32_t cards = pinned_cards, said = 0; k && cards >= 1; cards--)
        for (size_t i = 0; i < k->nshapes && said < 3; i++) {
            if (!k->shape[i].ok || k->shape[i].cards != cards || k->shape[i].cut)
                continue;
            int fit = other_shape(r, index, k, &k->shape[i], pinned_cards, text);
            if (fit < 0)
                return -1;
            said += (uint32_t)fit;
        }
    return 0;
}

/* Of the fullest of its cards, in the leanest shape; where that is a part of a card only, several copies need room for each. */
static const char *each_takes(struct rf_refusing *r, const struct pl_problem *p, const struct pl_work *k)
{
    uint64_t least = UINT64_MAX;
    for (size_t i = 0; i < k->nshapes; i++) {
        uint64_t most = 0;
        for (uint32_t j = 0; k->shape[i].ok && j < k->shape[i].cards; j++)
            most = BT_MAX(most, pl_floor(p, k, &k->shape[i], p->cls[k->pool[0]], j, k->pool[0]));
        least = k->shape[i].ok ? BT_MIN(least, most) : least;
    }
    bool says = k->copies_min > 1 && least < UINT64_MAX && k->claim != PL_WHOLE;
    return says ? bt_arena_printf(r->a, ": each takes %s of a card at least", bt_bytes_human(least)) : "";
}

/* told: so was whom it must be beside. */
static int refuse_alone(struct rf_refusing *r, size_t index, const struct pl_problem *p, bool told)
{
    const struct bt_workload *w = &r->in->spec->w[index];
    for (size_t i = 0; i < p->n; i++) {
        const struct pl_work *k = &p->work[i];
        if (strcmp(k->w->name, w->name))
            continue;
        size_t possible = 0;
        uint64_t lack;
        for (size_t j = 0; j < k->nshapes; j++)
            possible += k->shape[j].ok;
        if (!possible && k->nshapes) {
            const struct pl_shape *s = &k->shape[0];
            bt_auto_buf struct bt_buf b = BT_BUF(4096);
            bt_buf_printf(&b, "%s: %s is impossible (%s)", w->name, pl_shape_words(r->a, s->tp, pl_stages(s)), short_reason(r->a, k, s));
            if (other_shapes(r, index, s->cards, &b) < 0)
                return -1;
            refuse(r, w, s->code, bt_arena_strdup(r->a, bt_buf_z(&b)));
            return 0;
        }
        const char *text = pl_too_small(r->a, p, k, &lack);
        if (!text && told)
            continue;
        if (!text && k->same != PL_NONE)
            text = pl_no_place_with(r->a, p, k);
        if (!text)
            text = bt_arena_printf(r->a, "%s: %u cop%s find%s no place, even alone, on the %zu card%s it may use%s", w->name, k->copies_min,
                                   k->copies_min == 1 ? "y" : "ies", k->copies_min == 1 ? "s" : "", k->npool, k->npool == 1 ? "" : "s",
                                   each_takes(r, p, k));
        refuse(r, w, "does-not-fit", text);
    }
    return 0;
}

/* ---- several that do not fit together ---- */

static uint64_t floor_of(const struct pl_work *k, const struct pl_problem *p)
{
    uint64_t least = UINT64_MAX;                     /* all cards of its leanest shape */
    for (size_t i = 0; i < k->nshapes; i++) {
        uint64_t sum = 0;
        for (uint32_t j = 0; k->shape[i].ok && j < k->shape[i].cards; j++)
            sum += pl_floor(p, k, &k->shape[i], p->cls[k->pool[0]], j, k->pool[j]);
        if (k->shape[i].ok && sum < least)
            least = sum;
    }
    return least == UINT64_MAX ? 0 : least * k->copies_min;
}

static int those_fit(void *ctx, const bool *keep)
{
    bt_auto_arena mine = { 0 };
    struct rf_refusing *r = ctx;
    struct pl_problem *p;
    if (pl_least_too_much_of(r->least, keep))
        return 0;
    if (r->work > PL_FIND_WORK)      /* of those that conflict no more are taken out */
        return 1;
    return fits(r, &mine, pl_only(&mine, r->in, NULL, keep), &p);
}

#define MOST_NAMED 12

/* "llm (61.00 GiB), tool (no GPU) and train (40.00 GiB, whole cards)"; returns the sum of what they take at least. */
static uint64_t list_floors(const struct pl_problem *p, struct bt_buf *b)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < p->n; i++) {
        const struct pl_work *k = &p->work[i];
        uint64_t floor = floor_of(k, p);
        sum += floor;
        if (i >= MOST_NAMED && p->n > MOST_NAMED + 1)
            continue;                                /* one left over is named, too */
        const char *before = i == 0 ? "" : i + 1 == p->n ? " and " : ", ";
        const char *terms = k->w->share == BT_SHARE_NEVER ? ", alone on its cards" : k->claim == PL_WHOLE ? ", whole cards" : "";
        bt_buf_printf(b, "%s%s (%s%s)", before, k->w->name, k->cpu_only ? "no GPU" : bt_bytes_human(floor), terms);
    }
    if (p->n > MOST_NAMED + 1)
        bt_buf_printf(b, " and %zu more", p->n - MOST_NAMED);
    return sum;
}

/* Only those in keep stay parties, and whose context they have. */
static void parties(struct rf_refusing *r, const bool *keep)
{
    const struct bt_spec *s = r->in->spec;
    bool *in = BT_NEWN(r->a, bool, s->n + 1);
    memcpy(in, keep, s->n * sizeof *in);
    for (size_t i = 0; i < s->n; i++)
        for (size_t j = 0; keep[i] && s->w[i].context.same_as && j < s->n; j++)
            in[j] = in[j] || !strcmp(s->w[j].name, s->w[i].context.same_as);
    for (size_t i = 0; i < s->n; i++)
        r->party[i] = r->party[i] && in[i];
}

/* The fewest cards for all of them: who shares with nobody has its own, and the widest of the others does for all of those. */
static uint64_t fewest_cards(const struct pl_problem *p)
{
    uint64_t own = 0;
    uint32_t others = 0;
    for (size_t i = 0; i < p->n; i++) {
        const struct pl_work *k = &p->work[i];
        if (k->same != PL_NONE || k->cpu_only) /* on no card, or on those of another */
            continue;
        bool alone = k->w->share == BT_SHARE_NEVER || k->claim == PL_WHOLE;
        uint32_t least = UINT32_MAX;
        for (size_t j = 0; j < k->nshapes; j++)
            least = k->shape[j].ok ? BT_MIN(least, k->shape[j].cards) : least;
        if (alone)
            own += least < UINT32_MAX ? (uint64_t)least * k->copies_min : 0;
        else
            others = BT_MAX(others, least < UINT32_MAX ? least : 1);
    }
    return own + others;
}

static int refuse_together(struct rf_refusing *r, bool *keep)
{
    struct pl_problem *p;
    if (pl_shrink(r->a, r->in->spec, keep, those_fit, r) < 0)
        return -1;
    parties(r, keep);
    if (pl_problem_build(r->a, pl_only(r->a, r->in, NULL, keep), r->phase, &p, r->err) < 0)
        return -1;
    bt_auto_buf struct bt_buf b = BT_BUF(8192);
    uint64_t sum = list_floors(p, &b), there = 0;
    bool alone = false, phases = r->in->spec->phases.n > 1;
    for (size_t i = 0; i < p->n; i++)
        alone = alone || p->work[i].w->share != BT_SHARE_TRUE || p->work[i].claim == PL_WHOLE || p->work[i].w->apart.n;
    for (size_t g = 0; g < p->fleet->n; g++)
        there += p->cap[g];
    bt_buf_printf(&b, " do not fit together%s%s: ", phases ? " in phase " : "", phases ? r->phase : "");
    if (sum > there)
        bt_buf_printf(&b, "at least %s on %zu card%s with %s, %s lack", bt_bytes_human(sum), p->fleet->n, p->fleet->n == 1 ? "" : "s",
                      bt_bytes_human(there), bt_bytes_human(sum - there));
    else if (fewest_cards(p) > p->fleet->n)
        bt_buf_printf(&b, "they take at least %llu cards, as not all of them share, and %zu %s there", ull(fewest_cards(p)), p->fleet->n,
                      p->fleet->n == 1 ? "is" : "are");
    else
        bt_buf_printf(&b, "at least %s, and %zu card%s %s, but not in pieces that fit%s", bt_bytes_human(sum), p->fleet->n,
                      p->fleet->n == 1 ? " holds" : "s hold", bt_bytes_human(there), alone ? ", with who may sit with whom" : "");
    if (r->work > PL_FIND_WORK)
        bt_buf_puts(&b, "; fewer of them may conflict already: that was not looked for to the end");
    refuse(r, p->n ? p->work[p->n - 1].w : NULL, "does-not-fit-together", bt_arena_strdup(r->a, bt_buf_z(&b)));
    return 0;
}

/* Whom a rule of its own forbids, or who must be on the cards of one that is forbidden: nothing can be said of where they would stand. */
static void forbidden(const struct pl_problem *p, const struct bt_spec *s, bool *out)
{
    for (size_t i = 0; i < s->n; i++) {
        bool *only = BT_NEWN(p->a, bool, s->n + 1);
        keep_with_targets(s, i, only);
        for (size_t j = 0; j < p->nrefusals; j++)
            for (size_t k = 0; k < s->n; k++)
                out[i] = out[i] || (only[k] && (!p->refusal[j].workload || !strcmp(p->refusal[j].workload, s->w[k].name)));
    }
}

/* Each that is not skipped on its own, then all that have a place on their own together: what is wrong with one hides nothing of the others.
 * misfits: who has no place alone. some: it is known that not all of them have a place. */
static int refuse_by_place(struct rf_refusing *r, const bool *skip, bool some, bool *misfits)
{
    const struct bt_spec *s = r->in->spec;
    bool *rest = BT_NEWN(r->a, bool, s->n + 1), any = false;
    size_t nrest = 0;
    for (size_t n = 0; n < 2 * s->n; n++) {          /* those whose cards others must have come first */
        size_t i = n % s->n;
        bool follows = s->w[i].same_gpus_as != NULL, told = false;
        if (skip[i] || s->w[i].optional || !pl_in_phase(&s->w[i], r->phase) || follows != (n >= s->n))
            continue;
        bool *only = BT_NEWN(r->a, bool, s->n + 1);
        keep_with_targets(s, i, only);
        bt_auto_arena mine = { 0 };
        struct pl_problem *q;
        for (size_t j = 0; j < s->n; j++)
            told = told || (only[j] && j != i && misfits[j]);
        int ok = fits(r, &mine, pl_only(&mine, r->in, NULL, only), &q);
        if (ok < 0 || (ok == 0 && refuse_alone(r, i, q, told) < 0))
            return -1;
        any = any || !ok;
        if (!ok) {
            parties(r, only);
            keep_with_targets(s, i, misfits);
        } else {
            keep_with_targets(s, i, rest);
        }
    }
    for (size_t i = 0; i < s->n; i++)
        nrest += rest[i] = rest[i] && !misfits[i];
    if (some && !any)
        return refuse_together(r, rest);
    bt_auto_arena mine = { 0 };
    struct pl_problem *q;
    if (nrest < 2 || r->work > PL_FIND_WORK)
        return 0;
    int ok = fits(r, &mine, pl_only(&mine, r->in, NULL, rest), &q);
    return ok < 0 ? -1 : ok ? 0 : refuse_together(r, rest);
}

int pl_refusals(struct bt_plan *plan, struct bt_arena *a, const struct bt_plan_in *in, struct pl_problem *p, struct bt_err *err)
{
    struct rf_refusing r = { .plan = plan, .a = a, .in = in, .phase = p->phase, .err = err, .party = BT_NEWN(a, bool, in->spec->n + 1) };
    bool *skip = BT_NEWN(a, bool, in->spec->n + 1), *misfits = BT_NEWN(a, bool, in->spec->n + 1);
    memset(r.party, true, in->spec->n * sizeof *r.party);
    for (size_t i = 0; i < p->nrefusals; i++)
        refuse(&r, p->refusal[i].workload ? bt_spec_find(in->spec, p->refusal[i].workload) : NULL, p->refusal[i].code, p->refusal[i].text);
    if (p->nrefusals && in->brief)
        return 0;
    forbidden(p, in->spec, skip);
    r.least = pl_least_new(p, a);
    const size_t before = plan->nrefusals;
    if (refuse_by_place(&r, skip, !p->nrefusals, misfits) < 0)
        return -1;
    if (p->nrefusals && plan->nrefusals > before)    /* no change of one thing mends both */
        return 0;
    if (p->nrefusals)
        return rf_ways_past_rules(&r, p);
    return in->brief ? 0 : rf_ways_out(&r, p, misfits);
}

/* refuse - what does not fit: which workload or which of them together, what lacks on which cards, and the nearest settings that do fit, each of
 * them planned again before it is named. */
#include "need/job_advice.h"
#include "plan/knobs.h"
#include "plan/lost.h"

#define TRY_NODES 100000
#define MAX_ADVICE 6
#define MEMORIES_TRIED 8             /* of a server's own, one shape after another */

struct refusing {
    struct bt_plan *plan; struct bt_arena *a; const struct bt_plan_in *in; const char *phase; struct bt_err *err;
    uint64_t work;                   /* pl_find_cost() of all that was asked */
    const struct pl_least *least;
    bool *party;                     /* [spec->n] in every conflict that was found: no change of anybody else can help */
};

static unsigned long long ull(uint64_t n) { return n; }

static void refuse(struct refusing *r, const struct bt_workload *w, const char *code, const char *text)
{
    struct bt_plan_refusal row = { .code = code, .text = text, .workload = w ? w->name : NULL, .at = w ? w->at : (struct bt_mark){ 0 } };
    for (size_t i = 0; i < r->plan->nrefusals; i++)
        if (!strcmp(r->plan->refusal[i].text, text))
            return;                                  /* the same in another phase */
    BT_PUSH(r->a, r->plan->refusal, r->plan->nrefusals, row);
}

static void advise(struct refusing *r, struct bt_plan_advice row)
{
    const char *text = row.text;
    for (size_t i = 0; i < r->plan->nadvice; i++)
        if (!strcmp(r->plan->advice[i].text, text))
            return;
    if (r->plan->nadvice < MAX_ADVICE)
        BT_PUSH(r->a, r->plan->advice, r->plan->nadvice, row);
}

/* 1 it fits, 0 it does not, -1 error. Not found within the bound of the search counts as "it fits": nothing false is said about it. The problem is in a. */
static int fits(struct refusing *r, struct bt_arena *a, const struct bt_plan_in *in, struct pl_problem **p)
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

static int fits_in(struct refusing *r, size_t index, const struct bt_workload *w, const char *phase)
{
    bt_auto_arena mine = { 0 };
    const struct pl_trial t = { .a = &mine, .in = r->in, .phase = phase, .any_plan = true };
    struct pl_problem *p;
    struct pl_solution s;
    r->work += pl_find_cost(r->in->spec->n);
    if (pl_try(&t, w, index, &p, &s, r->err) < 0)
        return -1;
    return !p->nrefusals && s.found;
}

/* The other phases with that change: a way out of this one alone is none. */
static int fits_elsewhere(struct refusing *r, size_t index, const struct bt_workload *w)
{
    const struct bt_strs *phases = &r->in->spec->phases;
    int ok = 1;
    for (size_t i = 0; ok > 0 && i < phases->n; i++)
        if (strcmp(phases->v[i], r->phase) != 0)
            ok = fits_in(r, index, w, phases->v[i]);
    return ok;
}

static int would_fit(struct refusing *r, size_t index, const struct bt_workload *w)
{
    int ok = fits_in(r, index, w, r->phase);
    return ok > 0 ? fits_elsewhere(r, index, w) : ok;
}

/* One shape planned together with everything else: 1 it fits, and text and advice say so; 0 it does not; -1 error. */
static int other_shape(struct refusing *r, size_t index, const struct pl_work *k, const struct pl_shape *sh, uint32_t pinned_cards,
                       struct bt_buf *text)
{
    const struct pl_trial t = { r->a, r->in, r->phase, NULL, 0 };
    struct bt_workload w = pl_pinned(r->a, k, sh, false);
    struct pl_problem *q;
    struct pl_solution o;
    if (pl_try(&t, &w, index, &q, &o, r->err) < 0)
        return -1;
    int ok = o.found ? fits_elsewhere(r, index, &w) : 0;
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
    advise(r, (struct bt_plan_advice){ bt_arena_printf(r->a, "%s: %s", w.name, what), bt_arena_printf(r->a, "workloads.%s.tp", w.name),
                                       bt_arena_printf(r->a, "%u", sh->tp), bt_arena_printf(r->a, "workloads.%s.pp", w.name),
                                       bt_arena_printf(r->a, "%u", pl_stages(sh)) });
    return 1;
}

/* Shapes other than the pinned one, on as many cards or fewer; three are enough. */
static int other_shapes(struct refusing *r, size_t index, uint32_t pinned_cards, struct bt_buf *text)
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
static const char *each_takes(struct refusing *r, const struct pl_problem *p, const struct pl_work *k)
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
static int refuse_alone(struct refusing *r, size_t index, const struct pl_problem *p, bool told)
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
    struct refusing *r = ctx;
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
static void parties(struct refusing *r, const bool *keep)
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

static int refuse_together(struct refusing *r, bool *keep)
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

/* ---- the nearest settings that fit ---- */

/* Largest v in [lo, hi) for which it fits, or 0. */
static int largest(struct refusing *r, size_t index, uint64_t lo, uint64_t hi, enum pl_knob knob, uint64_t *out)
{
    struct bt_workload w = r->in->spec->w[index];
    const uint64_t step = pl_knob_step(knob);
    *out = 0;
    pl_turn_number(&w, knob, lo);
    int ok = hi > lo ? would_fit(r, index, &w) : 0;
    if (ok <= 0)
        return ok;
    while (hi - lo > step) {
        uint64_t mid = lo + (hi - lo) / 2 / step * step;
        if (mid == lo)
            break;
        w = r->in->spec->w[index];
        pl_turn_number(&w, knob, mid);
        if ((ok = would_fit(r, index, &w)) < 0)
            return -1;
        if (ok)
            lo = mid;
        else
            hi = mid;
    }
    *out = lo;
    return 0;
}

static int advise_count(struct refusing *r, size_t index, const char *key, uint64_t hi, enum pl_knob knob)
{
    const char *name = r->in->spec->w[index].name;
    uint64_t v;
    if (largest(r, index, 1, hi, knob, &v) < 0)
        return -1;
    if (v)
        advise(r, (struct bt_plan_advice){ bt_arena_printf(r->a, "%s: it fits with `%s: %llu`", name, key, ull(v)),
                                           bt_arena_printf(r->a, "workloads.%s.%s", name, key), bt_arena_printf(r->a, "%llu", ull(v)), NULL, NULL });
    return 0;
}

/* Fewer copies, fewer cards of a command: whole numbers below what was asked for. */
static int advise_counts(struct refusing *r, size_t index, const struct pl_work *k)
{
    const struct bt_workload *w = &r->in->spec->w[index];
    uint64_t cards = BT_MIN(w->gpus.min, (uint64_t)k->npool + 1);
    if (w->copies.set && w->copies.min > 1 && advise_count(r, index, w->kind == BT_JOB ? "slots" : "replicas", w->copies.min, PL_COPIES) < 0)
        return -1;
    return !k->server && w->gpus.set && cards > 1 ? advise_count(r, index, "gpus", cards, PL_GPUS) : 0;
}

static int advise_context(struct refusing *r, size_t index, uint64_t below)
{
    const struct bt_workload *w = &r->in->spec->w[index];
    uint64_t v;
    if (w->context.same_as || below <= 256)
        return 0;
    if (largest(r, index, pl_least_context(below), below, PL_CONTEXT, &v) < 0)
        return -1;
    if (v)
        advise(r, (struct bt_plan_advice){ bt_arena_printf(r->a, "%s: a context of at least %s tokens fits", w->name, bt_count_human(v)),
                                           bt_arena_printf(r->a, "workloads.%s.context.min", w->name), bt_arena_printf(r->a, "%llu", ull(v)),
                                           NULL, NULL });
    return 0;
}

uint64_t pl_memory_asked(const struct bt_workload *w, const struct bt_fleet *f)
{
    uint64_t least = UINT64_MAX;
    for (size_t g = 0; w->memory.form == BT_MEM_PERCENT && g < f->n; g++)
        least = BT_MIN(least, (uint64_t)(w->memory.percent / 100 * (double)f->gpus[g].total_bytes) / MiB * MiB);
    return w->memory.form == BT_MEM_BYTES ? w->memory.bytes : least == UINT64_MAX ? 0 : least;
}

/* What a rank of each possible shape takes at least on each kind of card, whole MiB, the least first: with less of its own `memory` it cannot be, and more
 * only takes from its neighbours. */
static size_t least_memories(const struct pl_problem *p, const struct pl_work *k, uint64_t *out, size_t most)
{
    size_t n = 0;
    for (size_t i = 0; i < k->nshapes; i++)
        for (size_t c = 0; k->shape[i].ok && c < p->nclasses; c++) {
            const struct bt_need *need = k->shape[i].cost[c].need;
            uint64_t v = 0;
            for (size_t j = 0; need && j < need->nranks; j++)
                v = BT_MAX(v, need->rank[j].fixed_bytes + bt_need_kv_for(need, &need->rank[j], k->ctx_min, k->w->requests));
            size_t at = 0;
            v = bt_round_up(v, MiB);
            while (at < n && out[at] < v)
                at++;
            if (!v || (at < n && out[at] == v) || (at == n && n == most))
                continue;
            n = BT_MIN(n + 1, most);
            memmove(&out[at + 1], &out[at], (n - at - 1) * sizeof *out);
            out[at] = v;
        }
    return n;
}

/* A server's own `memory`: the least that does, or where less than it has does, the most below that. */
static int advise_own_memory(struct refusing *r, size_t index, const struct pl_problem *p, const struct pl_work *k, uint64_t *out)
{
    uint64_t least[MEMORIES_TRIED], asked = pl_memory_asked(&r->in->spec->w[index], r->in->fleet);
    size_t n = least_memories(p, k, least, MEMORIES_TRIED);
    *out = 0;
    for (size_t i = 0; i < n && !*out; i++) {
        struct bt_workload w = r->in->spec->w[index];
        if (least[i] < asked)
            continue;                /* the search had that much already; what neighbours need of it comes below */
        pl_turn_number(&w, PL_MEMORY, least[i]);
        int ok = would_fit(r, index, &w);
        if (ok < 0)
            return -1;
        *out = ok ? least[i] : 0;
    }
    return *out || !n || least[0] >= asked ? 0 : largest(r, index, least[0], asked, PL_MEMORY, out);
}

static int advise_numbers(struct refusing *r, size_t index, const struct pl_problem *p, const struct pl_work *k)
{
    const struct bt_workload *w = &r->in->spec->w[index];
    uint64_t v = 0, asked = pl_memory_asked(w, r->in->fleet);
    if (k->server && advise_context(r, index, k->ctx_min) < 0)
        return -1;
    if (k->server && k->claim == PL_LIMIT && advise_own_memory(r, index, p, k, &v) < 0)
        return -1;
    if (!k->server && largest(r, index, pl_least_memory(asked), asked, PL_MEMORY, &v) < 0)
        return -1;
    if (v)
        advise(r, (struct bt_plan_advice){ bt_arena_printf(r->a, "%s: memory of %s %s", w->name, bt_bytes_exact(v), v > asked ? "is enough" : "fits"),
                                           bt_arena_printf(r->a, "workloads.%s.memory", w->name), bt_arena_strdup(r->a, bt_bytes_exact(v)), NULL, NULL });
    return 0;
}

static int advise_change(struct refusing *r, size_t index, const struct bt_workload *w, const char *key, const char *value)
{
    int ok = would_fit(r, index, w);
    if (ok > 0)
        advise(r, (struct bt_plan_advice){ pl_fits_with(r->a, w->name, key, value),
                                           bt_arena_printf(r->a, "workloads.%s.%s", w->name, key), value, NULL, NULL });
    return ok < 0 ? -1 : 0;
}

/* tp and pp left to the plan. */
static int advise_open_shape(struct refusing *r, size_t index)
{
    struct bt_workload w = r->in->spec->w[index];
    if (!w.tp.set && !w.pp.set)
        return 0;
    w.tp = w.pp = (struct bt_range){ 0 };
    w.pp_layers.n = 0;
    int ok = would_fit(r, index, &w);
    struct bt_plan_change *cut = BT_NEW(r->a, struct bt_plan_change);        /* a cut that is given gives the number of stages, too */
    bool has_cut = r->in->spec->w[index].pp_layers.n > 0;
    *cut = (struct bt_plan_change){ bt_arena_printf(r->a, "workloads.%s.pp_layers", w.name), "auto" };
    if (ok > 0)
        advise(r, (struct bt_plan_advice){ bt_arena_printf(r->a, "%s: it fits with `tp: auto` and `pp: auto`", w.name),
                                           bt_arena_printf(r->a, "workloads.%s.tp", w.name), "auto",
                                           bt_arena_printf(r->a, "workloads.%s.pp", w.name), "auto", has_cut ? cut : NULL, has_cut });
    return ok < 0 ? -1 : 0;
}

/* 8 bits a weight cost quality in every answer, so after all that costs none. */
static int advise_fewer_bits(struct refusing *r, size_t index)
{
    const struct pl_change c = { .index = index, .knob = PL_BITS };
    struct bt_workload w = r->in->spec->w[index];
    struct bt_plan_change *list = NULL;
    size_t n = 0;
    if (!pl_can_turn(r->in, index, c.knob))
        return 0;
    pl_turn(r->a, r->in, &w, &c);
    int ok = would_fit(r, index, &w);
    pl_say_change(r->a, r->in, &c, &list, &n);
    if (ok > 0)
        advise(r, pl_advice_of(pl_change_text(r->a, r->in, &c, list), list, n));
    return ok < 0 ? -1 : 0;
}

/* To leave one out is a way only where others run then. */
static int advise_optional(struct refusing *r, size_t index)
{
    const struct pl_trial t = { r->a, r->in, r->phase, NULL, 0 };
    struct bt_workload w = r->in->spec->w[index];
    struct pl_problem *p;
    struct pl_solution s;
    if (w.optional)
        return 0;
    w.optional = true;
    if (pl_try(&t, &w, index, &p, &s, r->err) < 0)
        return -1;
    bool others = false;
    for (size_t i = 0; !p->nrefusals && s.found && i < s.ncopies; i++)
        others = others || (p->work[s.copy[i].work].spec_index != index && !p->work[s.copy[i].work].cpu_only);
    int ok = others ? fits_elsewhere(r, index, &w) : 0;
    if (ok > 0)
        advise(r, (struct bt_plan_advice){ pl_without_text(r->a, r->in->spec, index),
                                           bt_arena_printf(r->a, "workloads.%s.optional", w.name), "true", NULL, NULL });
    return ok < 0 ? -1 : 0;
}

enum { KV_DTYPE, GPUS, FEWER, MEMORY, SHARE, POOL };       /* tried in this order */
struct change { bool applies; const char *key, *value; struct bt_workload w; };

static int advise_keys(struct refusing *r, size_t index, const struct pl_work *k)
{
    const struct bt_workload *was = &r->in->spec->w[index];
    bool few_gpus = was->gpus.set && was->gpus.max < k->npool && !was->tp.set && !was->pp.set;
    uint64_t fewer = BT_MIN(was->gpus.max, (uint64_t)k->npool);
    const char *small_kv = k->pm->engine ? k->pm->engine->kv_in_8_bits : NULL;
    struct change c[] = {
        [KV_DTYPE] = { k->server && !was->kv_dtype && small_kv, "kv_dtype", small_kv, *was },
        [GPUS] = { k->server && few_gpus, "gpus", pl_up_to(r->a, was->gpus.min, k->npool), *was },
        [FEWER] = { k->server && was->gpus.set && was->gpus.min > 1, "gpus", pl_up_to(r->a, 1, fewer), *was },
        [MEMORY] = { k->server && k->claim == PL_LIMIT, "memory", "auto", *was },
        [SHARE] = { was->share != BT_SHARE_TRUE, "share", "true", *was },
        [POOL] = { was->pool.n > 0, "pool", "all", *was },
    };
    c[KV_DTYPE].w.kv_dtype = small_kv;
    c[GPUS].w.gpus.max = c[GPUS].w.gpus.want = k->npool;
    c[FEWER].w.gpus.min = 1;
    c[FEWER].w.gpus.max = c[FEWER].w.gpus.want = fewer;
    c[MEMORY].w.memory = (struct bt_memory){ 0 };
    c[SHARE].w.share = BT_SHARE_TRUE;
    c[POOL].w.pool = (struct bt_strs){ 0 };
    if (k->server && was->requests > 1 && advise_count(r, index, "requests", was->requests, PL_REQUESTS) < 0)
        return -1;
    for (size_t i = 0; i < BT_LEN(c); i++)
        if (c[i].applies && advise_change(r, index, &c[i].w, c[i].key, c[i].value) < 0)
            return -1;
    return 0;
}

static void say_job(struct refusing *r, const struct bt_workload *w, const char *key, const char *value, const char *text)
{
    const char *path = bt_arena_printf(r->a, "workloads.%s.%s.%s", w->name, pl_job_key(w), key);
    advise(r, (struct bt_plan_advice){ .text = bt_arena_printf(r->a, "%s: %s", w->name, text), .path = path, .value = value });
}

/* The most of batch or users, below what was asked for, with which the whole plan fits. */
static int advise_job_count(struct refusing *r, size_t index, const struct bt_job *j, bool users)
{
    uint64_t low = 0, high = users ? j->users : j->batch;
    struct bt_workload w = r->in->spec->w[index];
    while (low + 1 < high) {
        struct bt_job *tried = BT_NEW(r->a, struct bt_job);
        uint64_t mid = low + (high - low) / 2;
        *tried = *j;
        *(users ? &tried->users : &tried->batch) = mid;
        pl_turn_job(&w, tried);
        int ok = would_fit(r, index, &w);
        if (ok < 0)
            return -1;
        *(ok ? &low : &high) = mid;
    }
    if (low)
        say_job(r, &w, users ? "users" : "batch", bt_arena_printf(r->a, "%llu", ull(low)), users ? "so many adapters at once fit" :
                j->kind == BT_JOB_TRAIN ? "a batch of that size fits (gradient accumulation makes up for it)" : "a batch of that size fits");
    return 0;
}

/* Checkpointing, 4-bit weights, ...: what takes less, if the whole plan fits with it. */
static int advise_job(struct refusing *r, const struct pl_problem *p, const struct pl_work *k)
{
    const struct bt_job *j = pl_job(k->w);
    struct bt_job_advice *list;
    size_t n, roomiest = 0;
    if (!j || k->pm->job_error || !k->npool || !k->nshapes || !k->shape[0].job_bytes)
        return 0;
    if (advise_job_count(r, k->spec_index, j, false) < 0 || advise_job_count(r, k->spec_index, j, true) < 0)
        return -1;
    for (size_t i = 1; i < k->npool; i++)
        if (p->cap[k->pool[i]] > p->cap[k->pool[roomiest]])
            roomiest = i;
    size_t g = k->pool[roomiest];
    uint64_t cards = k->w->gpus.set ? BT_MAX(k->w->gpus.min, 1u) : 1, less = k->shape[0].job_bytes[p->cls[g]] - 1;
    if (bt_job_advise(r->a, &k->pm->job_of, j, cards, cards, &p->fleet->gpus[g], BT_MIN(p->cap[g], less), &list, &n, r->err) < 0)
        return -1;
    for (size_t i = 0; i < n; i++) {
        struct bt_workload w = r->in->spec->w[k->spec_index];
        pl_turn_job(&w, &list[i].job);
        int ok = !strcmp(list[i].key, "batch") || !strcmp(list[i].key, "users") ? 0 : would_fit(r, k->spec_index, &w);
        if (ok < 0)
            return -1;
        if (ok)
            say_job(r, &w, list[i].key, list[i].value, list[i].text);
    }
    return 0;
}

/* No change of it can be a way out. */
static bool is_hopeless(const struct refusing *r, const struct pl_work *k)
{
    return !r->party[k->spec_index] || k->cpu_only || pl_least_too_much(r->least, k->spec_index);
}

static int look_for_advice(struct refusing *r, struct pl_problem *p)
{
    for (size_t i = 0; i < p->n && r->work <= 2 * PL_FIND_WORK; i++) {
        const struct pl_work *k = &p->work[i];
        if (is_hopeless(r, k) || (k->server && (!k->pm->model || !k->nshapes || !k->shape[0].ok)))
            continue;
        if (advise_numbers(r, k->spec_index, p, k) < 0 || advise_job(r, p, k) < 0)
            return -1;
    }
    for (size_t i = 0; i < p->n && r->work <= 2 * PL_FIND_WORK; i++) {
        const struct pl_work *k = &p->work[i];
        if (is_hopeless(r, k) || (k->server && !k->pm->model))
            continue;
        bool heads = k->server && k->nshapes && !k->shape[0].ok;     /* its refusal names the shapes already */
        if (advise_keys(r, k->spec_index, k) < 0 || advise_counts(r, k->spec_index, k) < 0 || (!heads && advise_open_shape(r, k->spec_index) < 0))
            return -1;
    }
    for (size_t i = 0; i < p->n && r->work <= 2 * PL_FIND_WORK; i++)
        if (!is_hopeless(r, &p->work[i]) && advise_fewer_bits(r, p->work[i].spec_index) < 0)
            return -1;
    for (size_t i = p->n; i-- > 0 && !r->plan->nadvice && r->work <= 2 * PL_FIND_WORK; )             /* the least important first */
        if (!is_hopeless(r, &p->work[i]) && advise_optional(r, p->work[i].spec_index) < 0)
            return -1;
    if (r->work > 2 * PL_FIND_WORK) {
        const char *text = "with so many workloads not every change of every one of them was tried for a way out";
        BT_PUSH(r->a, r->plan->warning, r->plan->nwarnings, text);
    }
    return 0;
}

static void advise_more_cards(struct refusing *r, const struct bt_plan_in *alone)
{
    struct bt_plan_advice more;
    bool said = false;
    const char *note = NULL;
    for (size_t i = 0; i < r->plan->nadvice; i++)
        said = said || (!strcmp(r->plan->advice[i].path, "gpus") && !r->plan->advice[i].larger_cards);     /* in another phase */
    if (!said && pl_more_cards(r->a, r->in, alone, &more, &note))
        BT_PUSH(r->a, r->plan->advice, r->plan->nadvice, more);      /* whatever else there is: it changes nothing of what was asked for */
    if (note)
        BT_PUSH(r->a, r->plan->warning, r->plan->nwarnings, note);
}

static void advise_larger_cards(struct refusing *r)
{
    struct bt_plan_advice larger;
    bool said = false;
    const char *note = NULL;
    for (size_t i = 0; i < r->plan->nadvice; i++)
        said = said || r->plan->advice[i].larger_cards;              /* in another phase */
    if (!said && pl_larger_cards(r->a, r->in, &larger, &note))
        BT_PUSH(r->a, r->plan->advice, r->plan->nadvice, larger);
    for (size_t i = 0; note && i < r->plan->nwarnings; i++)
        note = strcmp(r->plan->warning[i], note) ? note : NULL;
    if (note)
        BT_PUSH(r->a, r->plan->warning, r->plan->nwarnings, note);
}

/* A context that the model was not made for: its own. */
static int advise_the_models_context(struct refusing *r, const struct pl_problem *p)
{
    for (size_t i = 0; i < p->n; i++) {
        const struct pl_work *k = &p->work[i];
        struct bt_workload w = *k->w;
        uint64_t most = k->pm->model ? bt_need_model_context(k->pm->model) : 0;
        if (!k->server || !most || w.context.want <= most)
            continue;
        w.context.want = most;
        w.context.min = BT_MIN(w.context.min, most);
        bool both = k->w->context.min > most;        /* `context: N` */
        int ok = would_fit(r, k->spec_index, &w);
        if (ok > 0)
            advise(r, (struct bt_plan_advice){ .text = bt_arena_printf(r->a, "%s: it fits with the context that the model was made for", w.name),
                                               .path = bt_arena_printf(r->a, "workloads.%s.context%s", w.name, both ? "" : ".want"),
                                               .value = bt_arena_printf(r->a, "%llu", ull(most)) });
        if (ok < 0)
            return -1;
    }
    return 0;
}

/* Servers on the CPU are refused before any search: by their own `memory`, or by all the RAM there is. */
static int advise_in_ram(struct refusing *r, const struct pl_problem *p)
{
    for (size_t i = 0; i < p->n; i++) {
        const struct pl_work *k = &p->work[i];
        struct bt_workload w = *k->w;
        bool cap = w.memory.form == BT_MEM_BYTES && k->host_floor > w.memory.bytes;
        if (!k->on_host || !k->host_floor)
            continue;
        if (advise_context(r, k->spec_index, k->ctx_min) < 0)
            return -1;
        w.memory.bytes = bt_round_up(k->host_floor, MiB);
        if (cap && advise_change(r, k->spec_index, &w, "memory", bt_arena_strdup(r->a, bt_bytes_exact(w.memory.bytes))) < 0)
            return -1;
    }
    return 0;
}

/* Nothing but cards lacks: then fewer of them per instance, or more of them, may do. */
static int too_few_gpus(struct refusing *r, const struct pl_problem *p)
{
    for (size_t i = 0; i < p->nrefusals; i++)
        if (strcmp(p->refusal[i].code, "too-few-gpus"))
            return 0;
    for (size_t i = 0; i < p->n; i++)
        if (!p->work[i].cpu_only &&
            (advise_keys(r, p->work[i].spec_index, &p->work[i]) < 0 || advise_counts(r, p->work[i].spec_index, &p->work[i]) < 0))
            return -1;
    advise_more_cards(r, NULL);
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
static int refuse_by_place(struct refusing *r, const bool *skip, bool some, bool *misfits)
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
    struct refusing r = { .plan = plan, .a = a, .in = in, .phase = p->phase, .err = err, .party = BT_NEWN(a, bool, in->spec->n + 1) };
    bool *skip = BT_NEWN(a, bool, in->spec->n + 1), *misfits = BT_NEWN(a, bool, in->spec->n + 1), any = false;
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
        return advise_in_ram(&r, p) < 0 || advise_the_models_context(&r, p) < 0 ? -1 : too_few_gpus(&r, p);
    if (in->brief)
        return 0;
    for (size_t i = 0; i < in->spec->n; i++)
        any = any || misfits[i];
    if (look_for_advice(&r, p) < 0)
        return -1;
    advise_more_cards(&r, any ? pl_only(a, in, NULL, misfits) : NULL);
    advise_larger_cards(&r);
    return 0;
}

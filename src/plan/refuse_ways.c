/* refuse_ways - the nearest settings that fit, of what does not: each of them planned again, in all phases, before it is named. */
#include "need/job_advice.h"
#include "plan/knobs.h"
#include "plan/refuse_int.h"

#define MAX_ADVICE 6
#define MEMORIES_TRIED 8             /* of a server's own, one shape after another */

static unsigned long long ull(uint64_t n) { return n; }

void rf_advise(struct rf_refusing *r, struct bt_plan_advice row)
{
    const char *text = row.text;
    for (size_t i = 0; i < r->plan->nadvice; i++)
        if (!strcmp(r->plan->advice[i].text, text))
            return;
    if (r->plan->nadvice < MAX_ADVICE)
        BT_PUSH(r->a, r->plan->advice, r->plan->nadvice, row);
}

static int fits_in(struct rf_refusing *r, size_t index, const struct bt_workload *w, const char *phase)
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

int rf_fits_elsewhere(struct rf_refusing *r, size_t index, const struct bt_workload *w)
{
    const struct bt_strs *phases = &r->in->spec->phases;
    int ok = 1;
    for (size_t i = 0; ok > 0 && i < phases->n; i++)
        if (strcmp(phases->v[i], r->phase) != 0)
            ok = fits_in(r, index, w, phases->v[i]);
    return ok;
}

static int would_fit(struct rf_refusing *r, size_t index, const struct bt_workload *w)
{
    int ok = fits_in(r, index, w, r->phase);
    return ok > 0 ? rf_fits_elsewhere(r, index, w) : ok;
}

/* Largest v in [lo, hi) for which it fits, or 0. */
static int largest(struct rf_refusing *r, size_t index, uint64_t lo, uint64_t hi, enum pl_knob knob, uint64_t *out)
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

static int advise_count(struct rf_refusing *r, size_t index, const char *key, uint64_t hi, enum pl_knob knob)
{
    const char *name = r->in->spec->w[index].name;
    uint64_t v;
    if (largest(r, index, 1, hi, knob, &v) < 0)
        return -1;
    if (v)
        rf_advise(r, (struct bt_plan_advice){ bt_arena_printf(r->a, "%s: it fits with `%s: %llu`", name, key, ull(v)),
                                           bt_arena_printf(r->a, "workloads.%s.%s", name, key), bt_arena_printf(r->a, "%llu", ull(v)), NULL, NULL });
    return 0;
}

/* Fewer copies, fewer cards of a command: whole numbers below what was asked for. */
static int advise_counts(struct rf_refusing *r, size_t index, const struct pl_work *k)
{
    const struct bt_workload *w = &r->in->spec->w[index];
    uint64_t cards = BT_MIN(w->gpus.min, (uint64_t)k->npool + 1);
    if (w->copies.set && w->copies.min > 1 && advise_count(r, index, w->kind == BT_JOB ? "slots" : "replicas", w->copies.min, PL_COPIES) < 0)
        return -1;
    return !k->server && w->gpus.set && cards > 1 ? advise_count(r, index, "gpus", cards, PL_GPUS) : 0;
}

static int advise_context(struct rf_refusing *r, size_t index, uint64_t below)
{
    const struct bt_workload *w = &r->in->spec->w[index];
    uint64_t v;
    if (w->context.same_as || below <= 256)
        return 0;
    if (largest(r, index, pl_least_context(below), below, PL_CONTEXT, &v) < 0)
        return -1;
    if (v)
        rf_advise(r, (struct bt_plan_advice){ bt_arena_printf(r->a, "%s: a context of at least %s tokens fits", w->name, bt_count_human(v)),
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
static int advise_own_memory(struct rf_refusing *r, size_t index, const struct pl_problem *p, const struct pl_work *k, uint64_t *out)
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

static int advise_numbers(struct rf_refusing *r, size_t index, const struct pl_problem *p, const struct pl_work *k)
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
        rf_advise(r, (struct bt_plan_advice){ bt_arena_printf(r->a, "%s: memory of %s %s", w->name, bt_bytes_exact(v), v > asked ? "is enough" : "fits"),
                                           bt_arena_printf(r->a, "workloads.%s.memory", w->name), bt_arena_strdup(r->a, bt_bytes_exact(v)), NULL, NULL });
    return 0;
}

static int advise_change(struct rf_refusing *r, size_t index, const struct bt_workload *w, const char *key, const char *value)
{
    int ok = would_fit(r, index, w);
    if (ok > 0)
        rf_advise(r, (struct bt_plan_advice){ pl_fits_with(r->a, w->name, key, value),
                                           bt_arena_printf(r->a, "workloads.%s.%s", w->name, key), value, NULL, NULL });
    return ok < 0 ? -1 : 0;
}

/* tp and pp left to the plan. */
static int advise_open_shape(struct rf_refusing *r, size_t index)
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
        rf_advise(r, (struct bt_plan_advice){ bt_arena_printf(r->a, "%s: it fits with `tp: auto` and `pp: auto`", w.name),
                                           bt_arena_printf(r->a, "workloads.%s.tp", w.name), "auto",
                                           bt_arena_printf(r->a, "workloads.%s.pp", w.name), "auto", has_cut ? cut : NULL, has_cut });
    return ok < 0 ? -1 : 0;
}

/* 8 bits a weight cost quality in every answer, so after all that costs none. */
static int advise_fewer_bits(struct rf_refusing *r, size_t index)
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
        rf_advise(r, pl_advice_of(pl_change_text(r->a, r->in, &c, list), list, n));
    return ok < 0 ? -1 : 0;
}

/* To leave one out is a way only where others run then. */
static int advise_optional(struct rf_refusing *r, size_t index)
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
    int ok = others ? rf_fits_elsewhere(r, index, &w) : 0;
    if (ok > 0)
        rf_advise(r, (struct bt_plan_advice){ pl_without_text(r->a, r->in->spec, index),
                                           bt_arena_printf(r->a, "workloads.%s.optional", w.name), "true", NULL, NULL });
    return ok < 0 ? -1 : 0;
}

enum { KV_DTYPE, GPUS, FEWER, MEMORY, SHARE, POOL };       /* tried in this order */
struct change { bool applies; const char *key, *value; struct bt_workload w; };

static int advise_keys(struct rf_refusing *r, size_t index, const struct pl_work *k)
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

static void say_job(struct rf_refusing *r, const struct bt_workload *w, const char *key, const char *value, const char *text)
{
    const char *path = bt_arena_printf(r->a, "workloads.%s.%s.%s", w->name, pl_job_key(w), key);
    rf_advise(r, (struct bt_plan_advice){ .text = bt_arena_printf(r->a, "%s: %s", w->name, text), .path = path, .value = value });
}

/* The most of batch or users, below what was asked for, with which the whole plan fits. */
static int advise_job_count(struct rf_refusing *r, size_t index, const struct bt_job *j, bool users)
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
static int advise_job(struct rf_refusing *r, const struct pl_problem *p, const struct pl_work *k)
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
static bool is_hopeless(const struct rf_refusing *r, const struct pl_work *k)
{
    return !r->party[k->spec_index] || k->cpu_only || pl_least_too_much(r->least, k->spec_index);
}

static int look_for_advice(struct rf_refusing *r, struct pl_problem *p)
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

static void advise_more_cards(struct rf_refusing *r, const struct bt_plan_in *alone)
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

static void advise_larger_cards(struct rf_refusing *r)
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
static int advise_the_models_context(struct rf_refusing *r, const struct pl_problem *p)
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
            rf_advise(r, (struct bt_plan_advice){ .text = bt_arena_printf(r->a, "%s: it fits with the context that the model was made for", w.name),
                                               .path = bt_arena_printf(r->a, "workloads.%s.context%s", w.name, both ? "" : ".want"),
                                               .value = bt_arena_printf(r->a, "%llu", ull(most)) });
        if (ok < 0)
            return -1;
    }
    return 0;
}

/* Servers on the CPU are refused before any search: by their own `memory`, or by all the RAM there is. */
static int advise_in_ram(struct rf_refusing *r, const struct pl_problem *p)
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
static int too_few_gpus(struct rf_refusing *r, const struct pl_problem *p)
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

int rf_ways_past_rules(struct rf_refusing *r, const struct pl_problem *p)
{
    return advise_in_ram(r, p) < 0 || advise_the_models_context(r, p) < 0 ? -1 : too_few_gpus(r, p);
}

int rf_ways_out(struct rf_refusing *r, struct pl_problem *p, const bool *misfits)
{
    bool any = false;
    for (size_t i = 0; i < r->in->spec->n; i++)
        any = any || misfits[i];
    if (look_for_advice(r, p) < 0)
        return -1;
    advise_more_cards(r, any ? pl_only(r->a, r->in, NULL, misfits) : NULL);
    advise_larger_cards(r);
    return 0;
}

/* problem - what may be placed where in one phase: workloads with their shapes, cards with their capacity, who may share. */
#include <stdio.h>

#include "need/capability.h"
#include "plan/boxes.h"

void pl_refuse(struct pl_problem *p, const struct bt_workload *w, const char *code, const char *fmt, ...)
{
    char text[1200];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    struct bt_plan_refusal row = {
        .code = code, .text = bt_arena_strdup(p->a, text), .workload = w ? w->name : NULL, .at = w ? w->at : (struct bt_mark){ 0 }
    };
    BT_PUSH(p->a, p->refusal, p->nrefusals, row);
}

bool pl_in_phase(const struct bt_workload *w, const char *phase)
{
    for (size_t i = 0; i < w->phases.n; i++)
        if (!strcmp(w->phases.v[i], phase))
            return true;
    return w->phases.n == 0;
}

static void classify_cards(struct pl_problem *p)
{
    const struct bt_fleet *f = p->fleet;
    for (size_t g = 0; g < f->n; g++) {
        p->cap[g] = bt_gpu_capacity(&f->gpus[g]);
        p->mig[g] = f->gpus[g].mig_of;
        size_t c = 0;
        while (c < p->nclasses) {
            const struct bt_gpu *o = &f->gpus[p->cls_card[c]];
            if (o->kind == f->gpus[g].kind && !strcmp(o->name, f->gpus[g].name) && o->total_bytes == f->gpus[g].total_bytes)
                break;
            c++;
        }
        if (c == p->nclasses)
            p->cls_card[p->nclasses++] = g;
        p->cls[g] = c;
    }
}

#define MUCH 8                       /* an eighth of a card: more than a desktop, less than any model */

/* An engine that reads numbers alone cannot be told a MIG instance: that has none. */
static void leave_out_instances(struct pl_problem *p, struct pl_work *k)
{
    size_t n = 0;
    if (!k->server || !k->pm->engine || bt_engine_takes_uuids(k->pm->engine, k->pm->version))
        return;
    for (size_t i = 0; i < k->npool; i++) {
        size_t g = k->pool[i];
        bool instance = p->fleet->gpus[g].mig_of;
        k->pos[g] = instance ? -1 : (int)n;
        if (!instance)
            k->pool[n++] = g;
    }
    if (k->npool && !n)
        pl_refuse(p, k->w, "mig-by-number", "%s: %s %s reads CUDA_VISIBLE_DEVICES as numbers, and MIG instances have none: 0.24 and later take them",
                  k->w->name, k->pm->engine->name, k->pm->version->version);
    k->npool = n;
}

/* Cards whose compute capability the engine refuses for these numbers are none for it. Of a card that nobody knows, nothing is said. */
static void leave_out_too_old(struct pl_problem *p, struct pl_work *k)
{
    struct bt_card_runs worst = { .how = BT_RUNS };
    size_t n = 0, had = k->npool;
    if (!k->server || !k->pm->engine || !k->pm->model)
        return;
    for (size_t i = 0; i < had; i++) {
        size_t g = k->pool[i];
        const struct bt_gpu *card = &p->fleet->gpus[g];
        struct bt_card_runs runs = bt_card_runs(k->pm->engine, k->pm->version ? k->pm->version->version : NULL, k->pm->model, k->serve.quantization, card);
        bool old = card->cc_major && runs.how == BT_RUNS_NOT;
        worst = old ? runs : worst;
        k->pos[g] = old ? -1 : (int)n;
        if (!old)
            k->pool[n++] = g;
    }
    if (had && !n && !k->w->optional)
        pl_refuse(p, k->w, "card-too-old", "%s: %s runs %s on cards of compute capability %d.%d and newer, and %s has none", k->w->name, k->pm->engine->name,
                  worst.name, worst.least / 10, worst.least % 10, k->w->pool.n ? "its pool" : "the fleet");
    k->npool = n;
}

/* A command that says nothing of its memory is given whole cards. One of which strangers hold much is none, as long as there are enough others. */
static void leave_out_taken(struct pl_problem *p, struct pl_work *k)
{
    size_t clean = 0, n = 0, wanted = (size_t)k->copies_want * (size_t)BT_MAX(k->w->gpus.set ? k->w->gpus.min : 1, 1u);
    const struct bt_gpu *gpus = p->fleet->gpus;
    if (k->claim != PL_WHOLE || k->cpu_only)
        return;
    for (size_t i = 0; i < k->npool; i++)
        clean += gpus[k->pool[i]].others_bytes <= gpus[k->pool[i]].total_bytes / MUCH;
    if (clean < wanted)
        return;
    for (size_t i = 0; i < k->npool; i++) {
        size_t g = k->pool[i];
        bool taken = gpus[g].others_bytes > gpus[g].total_bytes / MUCH;
        k->pos[g] = taken ? -1 : (int)n;
        if (!taken)
            k->pool[n++] = g;
    }
    k->npool = n;
}

static int resolve_pool(struct pl_problem *p, struct pl_work *k, struct bt_err *err)
{
    const struct bt_fleet *f = p->fleet;
    const struct bt_workload *w = k->w;
    k->npool = w->pool.n ? w->pool.n : f->n;
    k->pool = BT_NEWN(p->a, size_t, k->npool + 1);
    for (size_t g = 0; g < BT_MAX_GPUS; g++)
        k->pos[g] = -1;
    if (w->pool.n && bt_fleet_pick(p->a, f, w->pool.v, w->pool.n, k->pool, err) < 0) {
        err->code = BT_E_SPEC;
        return bt_err_wrap(err, "%s:%u:%u: workloads.%s: pool", p->spec->path, w->pool_at.line, w->pool_at.col, w->name);
    }
    for (size_t i = 0; i < k->npool; i++) {
        size_t g = w->pool.n ? k->pool[i] : i;
        if (k->pos[g] >= 0)
            return bt_err_set(err, BT_E_SPEC, 0, "%s:%u:%u: workloads.%s: pool: card %d is named twice", p->spec->path, w->pool_at.line,
                              w->pool_at.col, w->name, f->gpus[g].index);
        k->pool[i] = g;
        k->pos[g] = (int)i;
    }
    leave_out_instances(p, k);
    leave_out_taken(p, k);
    return 0;
}

static void settle_claim(struct pl_work *k)
{
    enum bt_mem_form form = k->w->memory.form;
    const struct bt_job *job = k->w->memory.job;
    if (form == BT_MEM_BYTES || form == BT_MEM_PERCENT || (form == BT_MEM_LIKE && k->pm->like_bytes))
        k->claim = PL_LIMIT;
    else if (job)                                    /* as many as fit: what the neighbours leave is filled */
        k->claim = bt_job_is_open(job) ? PL_REST : PL_LIMIT;
    else if (k->server)
        k->claim = PL_DEAL;                          /* auto and rest are the same wish for a server: what is left becomes KV */
    else
        k->claim = form == BT_MEM_REST ? PL_REST : PL_WHOLE;
}

/* What this version cannot plan is a refusal with the reason, so that the rest of the spec is still looked at. */
static bool server_can_be_planned(struct pl_problem *p, struct pl_work *k)
{
    const struct bt_workload *w = k->w;
    if (!k->pm->engine)
        pl_refuse(p, w, "model-not-known-yet", "%s: %s is no engine that berth knows", w->name, w->engine);
    else if (!k->pm->model)
        pl_refuse(p, w, k->pm->error_code ? k->pm->error_code : "model-not-known-yet", "%s: %s", w->name,
                  k->pm->model_error ? k->pm->model_error : "its model is not known");
    else
        return true;
    return false;
}

static int prepare_server(struct pl_problem *p, struct pl_work *k, struct bt_err *err)
{
    const struct bt_workload *w = k->w;
    if (!server_can_be_planned(p, k))
        return 0;
    if (bt_spec_serve(pl_needs_arena(p->needs), p->spec, w, &k->serve, NULL, err) < 0)        /* its words are part of what a need is remembered by */
        return -1;
    uint64_t most = bt_need_model_context(k->pm->model);
    k->ctx_want = w->context.want ? w->context.want : BT_MAX(most, w->context.min);
    k->ctx_min = w->context.min ? w->context.min : BT_MIN(BT_MIN((uint64_t)4096, most), k->ctx_want);
    if (strcmp(k->pm->engine->name, "llama-server") && bt_wants_made_weights(k->pm->model, k->serve.quantization))
        pl_refuse(p, w, "not-quantised", "%s: the weights of %s are not quantised, and no engine makes them so while loading with `quantization: %.40s`; "
                  "`fp8` and `bitsandbytes` are made while loading, else name a checkpoint that is stored so", w->name, w->model, k->serve.quantization);
    if (k->ctx_want > bt_need_context_limit(k->pm->model))
        pl_refuse(p, w, "context-past-model", "%s: context %llu is more than the %llu tokens that %s was made for", w->name,
                  (unsigned long long)k->ctx_want, (unsigned long long)most, w->model);
    return 0;
}

static size_t find_work(const struct pl_problem *p, const char *name)
{
    for (size_t i = 0; i < p->n; i++)
        if (!strcmp(p->work[i].w->name, name))
            return i;
    return PL_NONE;
}

/* same_as: one number for all. The target's, and no model of the group may be asked for more than it was made for. */
static void tie_contexts(struct pl_problem *p)
{
    for (size_t i = 0; i < p->n; i++) {
        struct pl_work *k = &p->work[i];
        size_t root = i;
        for (size_t next; p->work[root].w->context.same_as && (next = find_work(p, p->work[root].w->context.same_as)) != PL_NONE; )
            root = next;
        k->ctx_root = root;
    }
    for (size_t i = 0; i < p->n; i++) {
        struct pl_work *k = &p->work[i], *root = &p->work[k->ctx_root];
        if (!k->server || k == root || !k->pm->model || !root->pm->model)
            continue;
        uint64_t most = bt_need_context_limit(k->pm->model);
        if (root->w->context.min > most || root->ctx_min > most) {
            pl_refuse(p, k->w, "context-past-model", "%s: context as %s's, at least %llu, is more than the %llu tokens that %s was made for",
                      k->w->name, root->w->name, (unsigned long long)root->ctx_min, (unsigned long long)most, k->w->model);
            continue;
        }
        root->ctx_want = BT_MIN(root->ctx_want, most);
    }
    for (size_t i = 0; i < p->n; i++) {
        p->work[i].ctx_want = p->work[p->work[i].ctx_root].ctx_want;
        p->work[i].ctx_min = p->work[p->work[i].ctx_root].ctx_min;
    }
}

static bool allows(const struct bt_workload *a, const struct bt_workload *b)
{
    if (a->share == BT_SHARE_NEVER)
        return false;
    for (size_t i = 0; i < a->apart.n; i++)
        if (!strcmp(a->apart.v[i], b->name))
            return false;
    if (a->share == BT_SHARE_TRUE)
        return true;
    for (size_t i = 0; i < a->share_with.n; i++)
        if (!strcmp(a->share_with.v[i], b->name))
            return true;
    return false;
}

bool pl_lets_share(const struct bt_workload *a, const struct bt_workload *b) { return allows(a, b) && allows(b, a); }

static void fill_sharing(struct pl_problem *p)
{
    p->may_share = BT_NEWN(p->a, bool, p->n * p->n + 1);
    for (size_t i = 0; i < p->n; i++)
        for (size_t j = 0; j < p->n; j++) {
            const struct pl_work *a = &p->work[i], *b = &p->work[j];
            p->may_share[i * p->n + j] = pl_lets_share(a->w, b->w) && a->claim != PL_WHOLE && b->claim != PL_WHOLE;
        }
}

/* By index, the workload among those whose cards it must have; PL_NONE: its own. */
static size_t *targets(struct pl_problem *p, const size_t *index, size_t n)
{
    const struct bt_spec *s = p->spec;
    size_t *target = BT_NEWN(p->a, size_t, n + 1);
    for (size_t i = 0; i < n; i++) {
        target[i] = PL_NONE;
        for (size_t j = 0; s->w[index[i]].same_gpus_as && j < n && target[i] == PL_NONE; j++)
            target[i] = strcmp(s->w[index[j]].name, s->w[index[i]].same_gpus_as) ? PL_NONE : index[j];
    }
    return target;
}

/* Priority, then as written; who must sit on another's cards comes after it. */
static void order_works(struct pl_problem *p, const size_t *index, size_t n)
{
    const struct bt_spec *s = p->spec;
    const size_t *target = targets(p, index, n);
    bool *done = BT_NEWN(p->a, bool, s->n);
    while (p->n < n) {
        size_t best = PL_NONE;
        for (size_t i = 0; i < n; i++) {
            bool waits = target[i] != PL_NONE && !done[target[i]];
            if (!done[index[i]] && !waits && (best == PL_NONE || s->w[index[i]].priority > s->w[best].priority))
                best = index[i];
        }
        done[best] = true;
        struct pl_work *k = &p->work[p->n++];
        *k = (struct pl_work){ .w = &s->w[best], .pm = &p->in->models[best], .spec_index = best, .same = PL_NONE,
                              .server = s->w[best].kind == BT_SERVER };
        k->on_host = k->server && k->w->gpus.set && k->w->gpus.want == 0;
        k->server = k->server && !k->on_host;
    }
}

static void settle_counts(struct pl_problem *p, struct pl_work *k)
{
    const struct bt_workload *w = k->w;
    uint32_t open = p->in->copies ? BT_MAX(p->in->copies[k->spec_index], 1u) : 1;        /* `auto` */
    k->copies_want = w->copies.set ? (uint32_t)w->copies.want : open;
    k->copies_min = w->copies.set ? (uint32_t)w->copies.min : 1;
    k->cpu_only = !k->server && w->gpus.set && w->gpus.want == 0;
    k->weight = w->priority > 0 ? (double)w->priority + 1 : 1;
    settle_claim(k);
    if (w->same_gpus_as)
        k->same = find_work(p, w->same_gpus_as);
    if (k->same != PL_NONE)
        p->work[k->same].followed = true;
    if (w->same_gpus_as && k->same == PL_NONE)
        pl_refuse(p, w, "not-in-the-same-phase", "%s must be on the cards of %s, which is not active in phase %s", w->name, w->same_gpus_as,
                  p->phase);
    else if (k->same != PL_NONE && k->copies_min > p->work[k->same].copies_want && !w->optional)
        pl_refuse(p, w, "too-few-copies", "%s has %u copies and must be on the cards of %s, which has %u", w->name, k->copies_min, w->same_gpus_as,
                  p->work[k->same].copies_want);
}

/* Why no card is left for it was said when its pool was looked at. */
static bool no_card_left(const struct pl_problem *p, const struct pl_work *k)
{
    for (size_t i = 0; i < p->nrefusals && !k->npool; i++)
        if (p->refusal[i].workload == k->w->name)
            return true;
    return false;
}

/* An optional workload that can never stand has no shapes, and is left out: a refusal would cost all the others their plan. */
static int settle_shapes(struct pl_problem *p, struct pl_work *k, struct bt_err *err)
{
    if (k->on_host)
        pl_host_floor(p, k);
    if (k->cpu_only || no_card_left(p, k) || (k->server && (!k->pm->model || !k->pm->engine)))
        return 0;
    if (!k->server && k->w->gpus.set && k->w->gpus.min > k->npool && !k->w->optional) {
        pl_refuse(p, k->w, "too-few-gpus", "%s wants %llu GPUs; %s%zu", k->w->name, (unsigned long long)k->w->gpus.min,
                  k->w->pool.n ? "its pool has " : p->in->one_of_many ? "the largest machine has " : "the fleet has ", k->npool);
        return 0;
    }
    struct bt_err why = { 0 };
    if (pl_shapes(p, k, &why) == 0)
        return 0;
    if (why.code != BT_E_INPUT) {
        *err = why;
        return -1;
    }
    bool otherwise = bt_stored_otherwise(k->pm->model, k->serve.quantization);
    pl_refuse(p, k->w, otherwise ? "stored-otherwise" : "model-not-known-yet", "%s: %s%s%s", k->w->name, why.msg, why.hint[0] ? "; " : "", why.hint);
    return 0;
}

int pl_problem_build(struct bt_arena *a, const struct bt_plan_in *in, const char *phase, struct pl_problem **out, struct bt_err *err)
{
    struct pl_problem *p = BT_NEW(a, struct pl_problem);
    *p = (struct pl_problem){ .a = a, .in = in, .needs = in->needs ? in->needs : pl_needs_new(a), .spec = in->spec, .fleet = in->fleet, .phase = phase,
                              .first_nodes = PL_FIRST_NODES };
    if (in->fleet->n > BT_MAX_GPUS)
        return bt_err_set(err, BT_E_INPUT, 0, "a fleet of %zu cards; want at most %d", in->fleet->n, BT_MAX_GPUS);
    classify_cards(p);
    size_t *index = BT_NEWN(a, size_t, in->spec->n + 1), n = 0;
    for (size_t i = 0; i < in->spec->n; i++)
        if (pl_in_phase(&in->spec->w[i], phase))
            index[n++] = i;
    p->work = BT_NEWN(a, struct pl_work, n + 1);
    order_works(p, index, n);
    for (size_t i = 0; i < p->n; i++) {
        struct pl_work *k = &p->work[i];
        settle_counts(p, k);
        if (resolve_pool(p, k, err) < 0 || ((k->server || k->on_host) && prepare_server(p, k, err) < 0))
            return -1;
        leave_out_too_old(p, k);     /* who knows what it makes of its weights */
    }
    uint64_t copies = 0;
    for (size_t i = 0; i < p->n; i++)
        copies += p->work[i].copies_want;
    if (copies > PL_MAX_COPIES)
        pl_refuse(p, NULL, "too-many-instances", "%llu instances in one phase; at most %d are planned", (unsigned long long)copies, PL_MAX_COPIES);
    tie_contexts(p);
    for (size_t i = 0; i < p->n; i++)
        if (settle_shapes(p, &p->work[i], err) < 0)
            return -1;
    for (size_t i = 0; in->within && i < p->n; i++) {
        p->work[i].weight *= in->within->weight[p->work[i].spec_index];
        p->work[i].solo_best = in->within->solo_best[p->work[i].spec_index];
    }
    pl_host_limit(p);
    fill_sharing(p);
    *out = p;
    return 0;
}

/* check - every hard limit of a plan recomputed from spec, fleet and models, by other code than the search's: counts, pools,
 * shapes, bytes, sharing. What looks like a copy of problem.c is one on purpose. */
#include <stdio.h>
#include <stdlib.h>

#include "base/units.h"
#include "need/capability.h"
#include "plan/plan.h"

/* Of the phase that is looked at, so that thousands of instances need no search through each other: [spec->n], by the workload whose context counts. */
struct known { const struct bt_workload *source; uint64_t context; const char *id; uint64_t model_context; const struct bt_plan_instance *first; };

struct check { const struct bt_plan *p; const struct bt_plan_phase *ph; struct bt_arena a; struct bt_err *err; struct known *known; };

#define BAD(c, ...) return bt_err_set((c)->err, BT_E_FAILED, 0, __VA_ARGS__)
static unsigned long long ull(uint64_t n) { return n; }

static const struct bt_gpu *card_of(const struct check *c, const struct bt_rank_berth *r) { return &c->p->fleet->gpus[r->gpu]; }

static bool active(const struct bt_workload *w, const char *phase)
{
    bool in = w->phases.n == 0;
    for (size_t i = 0; i < w->phases.n; i++)
        in = in || !strcmp(w->phases.v[i], phase);
    return in;
}

/* ---- who is there ---- */

static bool of_this_spec(const struct check *c, const struct bt_workload *w)
{
    return w >= c->p->spec->w && w < c->p->spec->w + c->p->spec->n;
}

static size_t number_of(const struct check *c, const struct bt_workload *w) { return (size_t)(w - c->p->spec->w); }

static int check_counts(struct check *c)
{
    const struct bt_spec *s = c->p->spec;
    uint64_t *n = BT_NEWN(&c->a, uint64_t, s->n + 1);
    for (size_t j = 0; j < c->ph->n; j++)
        n[number_of(c, c->ph->inst[j].w)]++;
    for (size_t i = 0; i < s->n; i++) {
        const struct bt_workload *w = &s->w[i];
        uint64_t min = w->copies.set ? w->copies.min : 1, want = w->copies.set ? w->copies.want : c->p->fleet->n;
        if (!active(w, c->ph->name) && n[i])
            BAD(c, "%s is not active in phase %s", w->name, c->ph->name);
        if (active(w, c->ph->name) && (n[i] > want || (n[i] < min && !(w->optional && n[i] == 0))))
            BAD(c, "%s: %llu instances; want %llu, at least %llu", w->name, ull(n[i]), ull(want), ull(min));
    }
    return 0;
}

static int by_copy(const void *x, const void *y)
{
    const struct bt_plan_instance *a = *(const struct bt_plan_instance *const *)x, *b = *(const struct bt_plan_instance *const *)y;
    if (a->w != b->w)
        return a->w < b->w ? -1 : 1;
    return (a->replica > b->replica) - (a->replica < b->replica);
}

static int check_ids(struct check *c)
{
    const struct bt_plan_instance **in = BT_NEWN(&c->a, const struct bt_plan_instance *, c->ph->n + 1);
    for (size_t i = 0; i < c->ph->n; i++) {
        const struct bt_plan_instance *a = in[i] = &c->ph->inst[i];
        char id[128];
        if (!of_this_spec(c, a->w))
            BAD(c, "%s: not a workload of this spec", a->id);
        snprintf(id, sizeof id, "%s-%u", a->w->name, a->replica);
        if (strcmp(a->id, id))
            BAD(c, "%s: the id of %s number %u", a->id, a->w->name, a->replica);
    }
    if (c->ph->n)
        qsort(in, c->ph->n, sizeof *in, by_copy);
    for (size_t i = 1; i < c->ph->n; i++)
        if (in[i]->w == in[i - 1]->w && in[i]->replica == in[i - 1]->replica)
            BAD(c, "%s is there twice", in[i]->id);
    return 0;
}

/* ---- cards ---- */

static int check_pool(struct check *c, const struct bt_plan_instance *in)
{
    const struct bt_workload *w = in->w;
    if (!w->pool.n)
        return 0;
    size_t *idx = BT_NEWN(&c->a, size_t, w->pool.n);
    if (bt_fleet_pick(&c->a, c->p->fleet, w->pool.v, w->pool.n, idx, c->err) < 0)
        return -1;
    for (size_t i = 0; i < in->nranks; i++) {
        bool inside = false;
        for (size_t j = 0; j < w->pool.n; j++)
            inside = inside || idx[j] == in->rank[i].gpu;
        if (!inside)
            BAD(c, "%s: GPU %d is not in its pool", in->id, card_of(c, &in->rank[i])->index);
    }
    return 0;
}

static int check_cards(struct check *c, const struct bt_plan_instance *in)
{
    const struct bt_workload *w = in->w;
    bool server = w->kind == BT_SERVER;
    if (in->box >= BT_MAX(c->p->fleet->nboxes, (size_t)1))
        BAD(c, "%s: on a machine that is not there", in->id);
    uint64_t min = w->gpus.set ? w->gpus.min : server && in->nranks ? in->nranks : 1, max = w->gpus.set ? w->gpus.max : server ? c->p->fleet->n : 1;
    if (in->nranks < min || in->nranks > max)
        BAD(c, "%s: %zu GPUs; want %llu to %llu", in->id, in->nranks, ull(min), ull(max));
    for (size_t i = 0; i < in->nranks; i++) {
        if (in->rank[i].gpu >= c->p->fleet->n)
            BAD(c, "%s: rank %zu is on a card that is not there", in->id, i);
        if (in->nranks > 1 && card_of(c, &in->rank[i])->mig_of)
            BAD(c, "%s: %zu ranks, and GPU %d is a MIG instance: a process sees one", in->id, in->nranks, card_of(c, &in->rank[i])->index);
        for (size_t j = 0; j < i; j++)
            if (in->rank[j].gpu == in->rank[i].gpu)
                BAD(c, "%s: two ranks on GPU %d", in->id, card_of(c, &in->rank[i])->index);
        if (bt_fleet_box(c->p->fleet, in->rank[i].gpu) != in->box)
            BAD(c, "%s: rank %zu is not on the machine of the others", in->id, i);
    }
    return check_pool(c, in);
}

static int check_shape(struct check *c, const struct bt_plan_instance *in)
{
    const struct bt_workload *w = in->w;
    struct bt_shape m = bt_need_shape(in->need->model);
    struct bt_refusal why;
    if (in->tp * in->pp * in->dp != in->nranks || !in->nranks)
        BAD(c, "%s: tp %llu x pp %llu x dp %llu on %zu GPUs", in->id, ull(in->tp), ull(in->pp), ull(in->dp), in->nranks);
    if ((w->dp.set ? w->dp.want : 1) != in->dp || (w->ep.set ? w->ep.want : 1) != in->ep)
        BAD(c, "%s: dp %llu, ep %llu is not what was pinned", in->id, ull(in->dp), ull(in->ep));
    if (in->ep > 1 && (!strcmp(in->need->engine->name, "sglang") ? in->tp % in->ep != 0 : in->tp * in->dp != in->ep))
        BAD(c, "%s: ep %llu on tp %llu x dp %llu", in->id, ull(in->ep), ull(in->tp), ull(in->dp));
    const struct bt_plan_instance *first = c->known[number_of(c, w)].first;
    if (first->tp != in->tp || first->pp != in->pp || first->dp != in->dp)
        BAD(c, "%s and %s are copies of one server and have two shapes", in->id, first->id);
    if ((w->tp.set && w->tp.want != in->tp) || (w->pp.set && w->pp.want != in->pp))
        BAD(c, "%s: tp %llu x pp %llu is not what was pinned", in->id, ull(in->tp), ull(in->pp));
    if (card_of(c, &in->rank[0])->mig_of && !bt_engine_takes_uuids(in->need->engine, in->need->version))
        BAD(c, "%s: %s %s cannot be given a MIG instance", in->id, in->need->engine->name, in->need->version->version);
    if (!bt_engine_shape_ok(in->need->engine, &m, in->tp, in->pp, &why))
        BAD(c, "%s: %s", in->id, why.text);
    uint64_t layers = 0;
    for (size_t i = 0; i < in->tp * in->pp; i += in->tp) {
        uint64_t stage = i / in->tp, has = in->cut ? in->cut[stage] : bt_engine_stage_layers(in->need->engine, m.layers, in->pp, stage);
        layers += has;
        if ((in->cut && !has) || (in->pp > 1 && w->pp_layers.n && w->pp_layers.v[stage] != has))
            BAD(c, "%s: stage %llu has %llu layers, `pp_layers` says otherwise", in->id, ull(stage), ull(has));
    }
    if (layers != m.layers)
        BAD(c, "%s: its stages have %llu layers, the model %u", in->id, ull(layers), m.layers);
    for (size_t i = 0; i < in->nranks; i++) {
        const struct bt_rank_berth *r = &in->rank[i];
        if (card_of(c, r)->cc_major && bt_card_runs(in->need->engine, in->need->version->version, in->need->model, in->need->serve.quantization,
                                                       card_of(c, r)).how == BT_RUNS_NOT)
            BAD(c, "%s: %s does not run on %s", in->id, in->need->engine->name, card_of(c, r)->name);
        if (r->tp != i % in->tp || r->pp != i / in->tp % in->pp || r->dp != i / in->tp / in->pp)
            BAD(c, "%s: rank %zu is not where pp-major order puts it", in->id, i);
        if (strcmp(card_of(c, r)->name, card_of(c, &in->rank[i / in->tp * in->tp])->name))
            BAD(c, "%s: two kinds of GPU in one tensor-parallel group", in->id);
    }
    return 0;
}

static int check_same_gpus(struct check *c, const struct bt_plan_instance *in)
{
    if (!in->w->same_gpus_as)
        return 0;
    for (size_t i = 0; i < c->ph->n; i++) {
        const struct bt_plan_instance *t = &c->ph->inst[i];
        if (strcmp(t->w->name, in->w->same_gpus_as) || t->replica != in->replica)
            continue;
        size_t common = 0;
        for (size_t j = 0; j < in->nranks; j++)
            for (size_t k = 0; k < t->nranks; k++)
                common += in->rank[j].gpu == t->rank[k].gpu;
        if (common != in->nranks || common != t->nranks)
            BAD(c, "%s is not on the GPUs of %s", in->id, t->id);
        return 0;
    }
    BAD(c, "%s must be on the GPUs of %s, which has no copy %u", in->id, in->w->same_gpus_as, in->replica);
}

/* ---- bytes ---- */

static const struct bt_workload *context_source(const struct check *c, const struct bt_workload *w)
{
    const struct bt_workload *t = w;
    while (t->context.same_as) {
        const struct bt_workload *next = bt_spec_find(c->p->spec, t->context.same_as);
        if (!next || !active(next, c->ph->name))
            break;
        t = next;
    }
    return t;
}

static void know_contexts(struct check *c)
{
    c->known = BT_NEWN(&c->a, struct known, c->p->spec->n + 1);
    for (size_t i = 0; i < c->p->spec->n; i++)
        c->known[i].source = context_source(c, &c->p->spec->w[i]);
    for (size_t i = 0; i < c->ph->n; i++) {
        const struct bt_plan_instance *in = &c->ph->inst[i];
        struct known *k = &c->known[number_of(c, in->w)], *of = &c->known[number_of(c, k->source)];
        if (in->w->kind != BT_SERVER)
            continue;
        k->first = k->first ? k->first : in;
        if (!of->id) {
            of->id = in->id;
            of->context = in->context;
        }
        if (in->need) {                              /* of the model that the context belongs to */
            uint64_t most = bt_need_model_context(in->need->model);
            k->model_context = k->model_context ? BT_MIN(k->model_context, most) : most;
        }
    }
}

static int check_context(struct check *c, const struct bt_plan_instance *in)
{
    const struct bt_workload *t = c->known[number_of(c, in->w)].source;
    uint64_t most = bt_need_context_limit(in->need->model);
    if (in->context < 1 || in->context > most)
        BAD(c, "%s: context %llu of a model made for %llu", in->id, ull(in->context), ull(most));
    if (t->context.want && in->context > t->context.want)
        BAD(c, "%s: context %llu is more than the %llu wanted", in->id, ull(in->context), ull(t->context.want));
    if (in->context < t->context.min)
        BAD(c, "%s: context %llu is less than the least, %llu", in->id, ull(in->context), ull(t->context.min));
    const struct known *first = &c->known[number_of(c, t)];
    if (first->context != in->context)
        BAD(c, "%s and %s must have one context and have %llu and %llu", in->id, first->id, ull(in->context), ull(first->context));
    return 0;
}

/* min of a context that says nothing: 4096, or less where the model or `want` is less. */
static uint64_t least_context(const struct check *c, const struct bt_plan_instance *in)
{
    const struct bt_workload *t = c->known[number_of(c, in->w)].source;
    uint64_t most = c->known[number_of(c, t)].model_context, least = most ? BT_MIN((uint64_t)4096, most) : 4096;
    if (t->context.min)
        return t->context.min;
    return t->context.want ? BT_MIN(least, t->context.want) : least;
}

static uint64_t limit_of(const struct bt_workload *w, const struct bt_gpu *g)
{
    if (w->memory.form == BT_MEM_BYTES)
        return w->memory.bytes;
    return w->memory.form == BT_MEM_PERCENT ? (uint64_t)((double)g->total_bytes * (w->memory.percent / 100)) : UINT64_MAX;
}

static int check_server_bytes(struct check *c, const struct bt_plan_instance *in)
{
    const struct bt_gpu *poorest = card_of(c, &in->rank[0]);
    for (size_t i = 1; i < in->nranks; i++)
        if (card_of(c, &in->rank[i])->total_bytes < poorest->total_bytes)
            poorest = card_of(c, &in->rank[i]);
    struct bt_serve serve;
    struct bt_need *n;
    if (bt_spec_serve(&c->a, c->p->spec, in->w, &serve, NULL, c->err) < 0)
        return -1;
    serve.tp = in->tp;
    serve.pp = in->pp;
    serve.cut = in->cut;
    serve.ncut = in->cut ? in->pp : 0;
    serve.context = in->need->serve.context;
    if (bt_need_server(&c->a, in->need->model, in->need->engine, in->need->version, &serve, poorest, &n, c->err) < 0)
        return -1;
    uint64_t least = least_context(c, in), in_ram = 0;
    for (size_t i = 0; i < in->nranks; i++) {
        const struct bt_rank_berth *r = &in->rank[i];
        const struct bt_need_rank *q = &n->rank[r->pp];
        uint64_t fixed = 0;
        in_ram += q->host_bytes + q->host_token_bytes * r->kv_tokens;
        for (size_t j = 0; j < q->n; j++)
            fixed += q->line[j].bytes;
        if (r->bytes != fixed + r->kv_bytes)
            BAD(c, "%s: rank %zu has %llu bytes, its ledger says %llu and %llu of KV", in->id, i, ull(r->bytes), ull(fixed), ull(r->kv_bytes));
        if (r->kv_bytes < bt_need_kv_for(n, q, least, in->w->requests))
            BAD(c, "%s: rank %zu: %llu bytes of KV hold less than %llu requests of %llu tokens", in->id, i, ull(r->kv_bytes), ull(in->w->requests),
                ull(least));
        if (r->kv_bytes < bt_need_kv_for(n, q, in->context, 1))
            BAD(c, "%s: rank %zu: %llu bytes of KV hold less than one request of %llu tokens", in->id, i, ull(r->kv_bytes), ull(in->context));
        /* The same blocks everywhere; what they are in bytes, and in tokens where layers fold them, is each stage's own. */
        uint64_t first = n->rank[in->rank[0].pp].kv_block_bytes;
        if (first && q->kv_block_bytes && r->kv_bytes / q->kv_block_bytes != in->rank[0].kv_bytes / first)
            BAD(c, "%s: rank %zu holds %llu blocks, the first one %llu", in->id, i, ull(r->kv_bytes / q->kv_block_bytes), ull(in->rank[0].kv_bytes / first));
        if (r->kv_tokens != bt_need_kv_tokens(n, q, r->kv_bytes))
            BAD(c, "%s: rank %zu holds %llu tokens, its bytes say %llu", in->id, i, ull(r->kv_tokens), ull(bt_need_kv_tokens(n, q, r->kv_bytes)));
        if (r->bytes > limit_of(in->w, card_of(c, r)))
            BAD(c, "%s: rank %zu has %llu bytes; `memory` allows %llu", in->id, i, ull(r->bytes), ull(limit_of(in->w, card_of(c, r))));
    }
    if (in->host_bytes != in_ram)
        BAD(c, "%s: %llu bytes of RAM, its ledger says %llu", in->id, ull(in->host_bytes), ull(in_ram));
    return 0;
}

/* The whole need again, on each card: what is planned must hold it, and `auto` must have been settled to the most that does. */
static int check_job_bytes(struct check *c, const struct bt_plan_instance *in)
{
    const struct bt_job *j = in->w->memory.job ? in->w->memory.job : in->w->expects.job;
    if (!j || !in->nranks)
        return 0;
    struct bt_job on;
    if (!in->job)
        BAD(c, "%s: a job without a ledger", in->id);
    if (bt_job_on(j, in->nranks, &on, c->err) < 0)
        return -1;
    on.batch = in->job->need.batch;
    on.users = in->job->need.users;
    on.batch_auto = on.users_auto = false;
    for (size_t i = 0; i < in->nranks; i++) {
        struct bt_job_need n;
        if (bt_need_job(&c->a, &in->job->of, &on, card_of(c, &in->rank[i]), &n, c->err) < 0)
            return -1;
        uint64_t all = n.bytes + n.uncertainty_bytes;
        if (in->rank[i].bytes < all)
            BAD(c, "%s: rank %zu has %llu bytes, its job needs %llu", in->id, i, ull(in->rank[i].bytes), ull(all));
        if (in->w->memory.job && !bt_job_is_open(j) && in->rank[i].bytes != all)
            BAD(c, "%s: rank %zu has %llu bytes, its job needs exactly %llu", in->id, i, ull(in->rank[i].bytes), ull(all));
    }
    return 0;
}

/* A command that does not say what it takes, or what a run that was not measured yet took, has the card to itself. */
static bool wants_it_all(const struct bt_plan_instance *in)
{
    enum bt_mem_form form = in->w->memory.form;
    return in->w->kind != BT_SERVER && (form == BT_MEM_AUTO || (form == BT_MEM_LIKE && !in->like_bytes));
}

#define LEAST_REST (512 * MiB)       /* less is no CUDA context */

static int check_command_bytes(struct check *c, const struct bt_plan_instance *in)
{
    enum bt_mem_form form = in->w->memory.form;
    if (in->host_bytes)
        BAD(c, "%s: %llu bytes of RAM; nothing is known of a command's", in->id, ull(in->host_bytes));
    for (size_t i = 0; i < in->nranks; i++) {
        const struct bt_rank_berth *r = &in->rank[i];
        uint64_t limit = form == BT_MEM_LIKE && in->like_bytes ? in->like_bytes : limit_of(in->w, card_of(c, r));
        uint64_t least = form != BT_MEM_REST ? 1 : in->w->expects.like ? BT_MAX(in->like_bytes, LEAST_REST) : LEAST_REST;
        if (r->bytes < least || (limit != UINT64_MAX && r->bytes != limit))
            BAD(c, "%s: rank %zu has %llu bytes; `memory` says %llu", in->id, i, ull(r->bytes), ull(limit != UINT64_MAX ? limit : least));
        if (wants_it_all(in) && !card_of(c, r)->unified && r->bytes != bt_gpu_capacity(card_of(c, r)))
            BAD(c, "%s: rank %zu has %llu bytes, not the whole card", in->id, i, ull(r->bytes));
    }
    return check_job_bytes(c, in);
}

/* ---- neighbours ---- */

static bool lets_in(const struct bt_workload *a, const struct bt_workload *b)
{
    bool listed = false;
    for (size_t i = 0; i < a->share_with.n; i++)
        listed = listed || !strcmp(a->share_with.v[i], b->name);
    for (size_t i = 0; i < a->apart.n; i++)
        if (!strcmp(a->apart.v[i], b->name))
            return false;
    return a->share == BT_SHARE_TRUE || (a->share == BT_SHARE_WITH && listed);
}

struct tenant { const struct bt_plan_instance *in; uint64_t bytes; };
struct tenants { struct tenant *v; size_t n; };

static int check_card(struct check *c, size_t g, const struct tenants *on)
{
    const struct bt_gpu *card = &c->p->fleet->gpus[g];
    uint64_t sum = 0;
    for (size_t i = 0; i < on->n; i++)
        if (__builtin_add_overflow(sum, on->v[i].bytes, &sum))
            BAD(c, "GPU %d: absurd sum of bytes", card->index);
    if (sum > bt_gpu_capacity(card))
        BAD(c, "GPU %d: %llu bytes planned, %llu there", card->index, ull(sum), ull(bt_gpu_capacity(card)));
    for (size_t i = 0; i < on->n; i++)
        for (size_t j = 0; j < i; j++) {
            const struct bt_workload *v = on->v[i].in->w, *w = on->v[j].in->w;
            if (!lets_in(v, w) || !lets_in(w, v) || wants_it_all(on->v[i].in) || wants_it_all(on->v[j].in))
                BAD(c, "GPU %d: %s and %s may not share it", card->index, on->v[j].in->id, on->v[i].in->id);
        }
    return 0;
}

static int check_all_cards(struct check *c)
{
    struct tenants *on = BT_NEWN(&c->a, struct tenants, c->p->fleet->n + 1);
    for (size_t i = 0; i < c->ph->n; i++)
        for (size_t j = 0; j < c->ph->inst[i].nranks; j++) {
            struct tenants *t = &on[c->ph->inst[i].rank[j].gpu];
            struct tenant one = { &c->ph->inst[i], c->ph->inst[i].rank[j].bytes };
            BT_PUSH(&c->a, t->v, t->n, one);
        }
    for (size_t g = 0; g < c->p->fleet->n; g++)
        if (check_card(c, g, &on[g]) < 0)
            return -1;
    return 0;
}

static int check_phase(struct check *c)
{
    if (check_ids(c) < 0 || check_counts(c) < 0)
        return -1;
    know_contexts(c);
    for (size_t i = 0; i < c->ph->n; i++) {
        const struct bt_plan_instance *in = &c->ph->inst[i];
        if (check_cards(c, in) < 0 || check_same_gpus(c, in) < 0)
            return -1;
        if (in->w->kind == BT_SERVER && in->w->gpus.set && in->w->gpus.want == 0)
            continue;                                /* pl_host_check */
        if (in->w->kind != BT_SERVER) {
            if (check_command_bytes(c, in) < 0)
                return -1;
        } else if (!in->need || check_shape(c, in) < 0 || check_context(c, in) < 0 || check_server_bytes(c, in) < 0) {
            return in->need ? -1 : bt_err_set(c->err, BT_E_FAILED, 0, "%s: a server without a ledger", in->id);
        }
    }
    return check_all_cards(c);
}

int bt_plan_check(const struct bt_plan *p, struct bt_err *err)
{
    struct check c = { .p = p, .err = err };
    int rc = 0;
    for (size_t i = 0; i < p->nphases && rc == 0; i++) {
        c.ph = &p->phase[i];
        rc = check_phase(&c);
    }
    bt_arena_release(&c.a);
    return rc;
}

/* check - every hard limit of a plan recomputed from spec, fleet and models, by other code than the search's: counts, pools,
 * shapes, bytes, sharing. What looks like a copy of problem.c is one on purpose. */
#include "base/units.h"
#include "plan/plan.h"

struct check { const struct bt_plan *p; const struct bt_plan_phase *ph; struct bt_arena a; struct bt_err *err; };

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

static int check_counts(struct check *c)
{
    const struct bt_spec *s = c->p->spec;
    for (size_t i = 0; i < s->n; i++) {
        const struct bt_workload *w = &s->w[i];
        uint64_t n = 0, min = w->copies.set ? w->copies.min : 1, want = w->copies.set ? w->copies.want : c->p->fleet->n;
        for (size_t j = 0; j < c->ph->n; j++)
            n += c->ph->inst[j].w == w;
        if (!active(w, c->ph->name) && n)
            BAD(c, "%s is not active in phase %s", w->name, c->ph->name);
        if (active(w, c->ph->name) && (n > want || (n < min && !(w->optional && n == 0))))
            BAD(c, "%s: %llu instances; want %llu, at least %llu", w->name, ull(n), ull(want), ull(min));
    }
    return 0;
}

static int check_ids(struct check *c)
{
    for (size_t i = 0; i < c->ph->n; i++) {
        const struct bt_plan_instance *a = &c->ph->inst[i];
        if (!bt_spec_find(c->p->spec, a->w->name) || bt_spec_find(c->p->spec, a->w->name) != a->w)
            BAD(c, "%s: not a workload of this spec", a->id);
        if (strcmp(a->id, bt_arena_printf(&c->a, "%s-%u", a->w->name, a->replica)))
            BAD(c, "%s: the id of %s number %u", a->id, a->w->name, a->replica);
        for (size_t j = 0; j < i; j++)
            if (!strcmp(c->ph->inst[j].id, a->id))
                BAD(c, "%s is there twice", a->id);
    }
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
    }
    return check_pool(c, in);
}

static int check_shape(struct check *c, const struct bt_plan_instance *in)
{
    const struct bt_workload *w = in->w;
    struct bt_shape m = bt_need_shape(in->need->model);
    struct bt_refusal why;
    if (in->tp * in->pp != in->nranks || !in->nranks)
        BAD(c, "%s: tp %llu x pp %llu on %zu GPUs", in->id, ull(in->tp), ull(in->pp), in->nranks);
    if ((w->tp.set && w->tp.want != in->tp) || (w->pp.set && w->pp.want != in->pp))
        BAD(c, "%s: tp %llu x pp %llu is not what was pinned", in->id, ull(in->tp), ull(in->pp));
    if (card_of(c, &in->rank[0])->mig_of && !bt_engine_takes_uuids(in->need->engine, in->need->version))
        BAD(c, "%s: %s %s cannot be given a MIG instance", in->id, in->need->engine->name, in->need->version->version);
    if (!bt_engine_shape_ok(in->need->engine, &m, in->tp, in->pp, &why))
        BAD(c, "%s: %s", in->id, why.text);
    uint64_t layers = 0;
    for (size_t i = 0; i < in->nranks; i += in->tp) {
        uint64_t stage = i / in->tp, has = in->cut ? in->cut[stage] : bt_engine_stage_layers(in->need->engine, m.layers, in->pp, stage);
        layers += has;
        if ((in->cut && !has) || (in->pp > 1 && w->pp_layers.n && w->pp_layers.v[stage] != has))
            BAD(c, "%s: stage %llu has %llu layers, `pp_layers` says otherwise", in->id, ull(stage), ull(has));
    }
    if (layers != m.layers)
        BAD(c, "%s: its stages have %llu layers, the model %u", in->id, ull(layers), m.layers);
    for (size_t i = 0; i < in->nranks; i++) {
        const struct bt_rank_berth *r = &in->rank[i];
        if (r->tp != i % in->tp || r->pp != i / in->tp)
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

static int check_context(struct check *c, const struct bt_plan_instance *in)
{
    const struct bt_workload *t = context_source(c, in->w);
    uint64_t most = bt_need_context_limit(in->need->model);
    if (in->context < 1 || in->context > most)
        BAD(c, "%s: context %llu of a model made for %llu", in->id, ull(in->context), ull(most));
    if (t->context.want && in->context > t->context.want)
        BAD(c, "%s: context %llu is more than the %llu wanted", in->id, ull(in->context), ull(t->context.want));
    if (in->context < t->context.min)
        BAD(c, "%s: context %llu is less than the least, %llu", in->id, ull(in->context), ull(t->context.min));
    for (size_t i = 0; i < c->ph->n; i++) {
        const struct bt_plan_instance *o = &c->ph->inst[i];
        if (o->w->kind == BT_SERVER && context_source(c, o->w) == t && o->context != in->context)
            BAD(c, "%s and %s must have one context and have %llu and %llu", in->id, o->id, ull(in->context), ull(o->context));
    }
    return 0;
}

/* min of a context that says nothing: 4096, or less where the model or `want` is less. */
static uint64_t least_context(const struct check *c, const struct bt_plan_instance *in)
{
    const struct bt_workload *t = context_source(c, in->w);
    if (t->context.min)
        return t->context.min;
    uint64_t least = 4096;
    for (size_t i = 0; i < c->ph->n; i++)            /* of the model that the context belongs to */
        if (c->ph->inst[i].w == t && c->ph->inst[i].need)
            least = BT_MIN(least, bt_need_model_context(c->ph->inst[i].need->model));
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
    uint64_t least = least_context(c, in);
    for (size_t i = 0; i < in->nranks; i++) {
        const struct bt_rank_berth *r = &in->rank[i];
        const struct bt_need_rank *q = &n->rank[r->pp];
        uint64_t fixed = 0;
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

static int check_command_bytes(struct check *c, const struct bt_plan_instance *in)
{
    for (size_t i = 0; i < in->nranks; i++) {
        const struct bt_rank_berth *r = &in->rank[i];
        uint64_t limit = limit_of(in->w, card_of(c, r));
        if (!r->bytes || (limit != UINT64_MAX && r->bytes != limit))
            BAD(c, "%s: rank %zu has %llu bytes; `memory` says %llu", in->id, i, ull(r->bytes), ull(limit));
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

/* A command that does not say what it takes has the card to itself. */
static bool wants_it_all(const struct bt_workload *w)
{
    return w->kind != BT_SERVER && w->memory.form == BT_MEM_AUTO;
}

static int check_card(struct check *c, size_t g)
{
    const struct bt_gpu *card = &c->p->fleet->gpus[g];
    const struct bt_plan_instance *on[4096];
    size_t n = 0;
    uint64_t sum = 0;
    for (size_t i = 0; i < c->ph->n; i++)
        for (size_t j = 0; j < c->ph->inst[i].nranks && n < BT_LEN(on); j++)
            if (c->ph->inst[i].rank[j].gpu == g) {
                on[n++] = &c->ph->inst[i];
                if (__builtin_add_overflow(sum, c->ph->inst[i].rank[j].bytes, &sum))
                    BAD(c, "GPU %d: absurd sum of bytes", card->index);
            }
    if (sum > bt_gpu_capacity(card))
        BAD(c, "GPU %d: %llu bytes planned, %llu there", card->index, ull(sum), ull(bt_gpu_capacity(card)));
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < i; j++)
            if (!lets_in(on[i]->w, on[j]->w) || !lets_in(on[j]->w, on[i]->w) || wants_it_all(on[i]->w) || wants_it_all(on[j]->w))
                BAD(c, "GPU %d: %s and %s may not share it", card->index, on[j]->id, on[i]->id);
    return 0;
}

static int check_phase(struct check *c)
{
    if (check_counts(c) < 0 || check_ids(c) < 0)
        return -1;
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
    for (size_t g = 0; g < c->p->fleet->n; g++)
        if (check_card(c, g) < 0)
            return -1;
    return 0;
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

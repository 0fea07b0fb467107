/* plan_ref_shapes.h - the first half of plan_ref.h: workloads in their order, where each may stand, its shapes with their bytes and rates, the contexts that it wants and needs. */
#ifndef PLAN_REF_SHAPES_H
#define PLAN_REF_SHAPES_H
#include "base/units.h"
#include "need/capability.h"
#include "plan/plan_int.h"

#define REF_CARDS 6
#define REF_WORKS 8
#define REF_SHAPES 48
#define REF_COPIES 16

struct ref_shape { uint32_t tp, pp, dp, n; const uint32_t *cut; struct bt_need *need[REF_CARDS]; double rate[REF_CARDS][2]; bool job_ok; uint64_t job[REF_CARDS]; };
struct ref_work {
    const struct bt_workload *w; const struct bt_plan_model *pm; size_t index;
    bool gpu_server, host_server, no_card; bool on[REF_CARDS]; size_t pool[REF_CARDS], npool;
    uint32_t want, min; int same; size_t root; uint64_t ctx_want, ctx_min; struct bt_serve serve;
    struct ref_shape shape[REF_SHAPES]; size_t nshapes; double best; uint64_t ram;
};
struct ref_copy { size_t work; uint32_t replica; const struct ref_shape *s; size_t card[REF_CARDS]; uint32_t n; uint64_t blocks, floor, most, each; bool dealt; };
struct ref_score { uint32_t placed[REF_WORKS]; uint32_t levels; int64_t wants, service, shared, free; };
struct ref {
    struct bt_arena a; const struct bt_plan_in *in; const struct bt_fleet *f; struct ref_work w[REF_WORKS]; size_t n;
    struct ref_copy c[REF_COPIES]; size_t ncopies; uint64_t ctx[REF_WORKS], ram;       /* ram: 0 = not known */
    struct ref_score best; bool found; uint64_t leaves, tried, limit;                  /* tried > limit: not all of them */
};

static inline const struct bt_gpu *ref_gpu(const struct ref *r, size_t g) { return &r->f->gpus[g]; }

/* ---- what may be placed where ---- */

static inline bool ref_active(const struct bt_workload *w, const char *phase)
{
    for (size_t i = 0; i < w->phases.n; i++)
        if (!strcmp(w->phases.v[i], phase))
            return true;
    return !w->phases.n;
}

static inline int ref_find(const struct ref *r, const char *name)
{
    for (size_t i = 0; name && i < r->n; i++)
        if (!strcmp(r->w[i].w->name, name))
            return (int)i;
    return -1;
}

/* Highest priority, then first written, of those whose target is in already. */
static inline void ref_order(struct ref *r, const char *phase)
{
    const struct bt_spec *s = r->in->spec;
    for (;;) {
        size_t best = s->n;
        for (size_t i = 0; i < s->n; i++) {
            const struct bt_workload *w = &s->w[i], *t = w->same_gpus_as ? bt_spec_find(s, w->same_gpus_as) : NULL;
            if (ref_find(r, w->name) >= 0 || !ref_active(w, phase) || (t && ref_active(t, phase) && ref_find(r, t->name) < 0))
                continue;
            if (best == s->n || w->priority > s->w[best].priority)
                best = i;
        }
        if (best == s->n)
            return;
        r->w[r->n++] = (struct ref_work){ .w = &s->w[best], .pm = &r->in->models[best], .index = best, .same = -1 };
    }
}

static inline bool ref_whole(const struct bt_workload *w) { return w->kind != BT_SERVER && w->memory.form == BT_MEM_AUTO; }
static inline bool ref_rest(const struct bt_workload *w)
{
    return w->kind != BT_SERVER && (w->memory.form == BT_MEM_REST || (w->memory.job && (w->memory.job->batch_auto || w->memory.job->users_auto)));
}

static inline bool ref_pool(struct ref *r, struct ref_work *k)
{
    const struct bt_workload *w = k->w;
    struct bt_err err = { 0 };
    size_t pick[REF_CARDS], n = w->pool.n ? w->pool.n : r->f->n, clean = 0;
    if (n > REF_CARDS || (w->pool.n && bt_fleet_pick(&r->a, r->f, w->pool.v, n, pick, &err) < 0))
        return false;
    for (size_t i = 0; i < n; i++) {
        size_t g = w->pool.n ? pick[i] : i;
        if (k->gpu_server && ref_gpu(r, g)->mig_of && !bt_engine_takes_uuids(k->pm->engine, k->pm->version))
            continue;
        if (k->gpu_server && ref_gpu(r, g)->cc_major && bt_card_runs(k->pm->engine, k->pm->version->version, k->pm->model, k->serve.quantization, ref_gpu(r, g)).how == BT_RUNS_NOT)
            continue;
        k->pool[k->npool++] = g;
        clean += ref_gpu(r, g)->others_bytes * 8 <= ref_gpu(r, g)->total_bytes;
    }
    if (ref_whole(w) && clean >= k->want * (w->gpus.set ? BT_MAX(w->gpus.min, (uint64_t)1) : 1)) {       /* strangers hold more than an eighth: none, as there are enough others */
        n = k->npool;
        k->npool = 0;
        for (size_t i = 0; i < n; i++)
            if (ref_gpu(r, k->pool[i])->others_bytes * 8 <= ref_gpu(r, k->pool[i])->total_bytes)
                k->pool[k->npool++] = k->pool[i];
    }
    for (size_t i = 0; i < k->npool; i++)
        k->on[k->pool[i]] = true;
    return true;
}

static inline bool ref_like(const struct ref *r, size_t a, size_t b)
{
    return ref_gpu(r, a)->kind == ref_gpu(r, b)->kind && !strcmp(ref_gpu(r, a)->name, ref_gpu(r, b)->name) && ref_gpu(r, a)->total_bytes == ref_gpu(r, b)->total_bytes;
}

static inline void ref_rate(const struct ref_work *k, const struct bt_gpu *g, const struct bt_need *need, struct ref_shape *s, size_t card)
{
    double kv = 0;
    for (size_t i = 0; i < s->pp; i++)               /* of one engine */
        kv += (double)need->rank[i].kv_token_bytes * (double)BT_MIN((uint64_t)s->tp, (uint64_t)BT_MAX(need->model->kv_heads, 1u));
    bool full = k->serve.dtype && (!strcmp(k->serve.dtype, "float32") || !strcmp(k->serve.dtype, "float"));
    for (int nvlink = 0; nvlink < 2; nvlink++) {
        struct bt_pace pace;
        struct bt_pace_in in = { .model = k->pm->model, .engine = k->pm->engine, .version = k->pm->version, .card = g, .tp = s->tp, .pp = s->pp, .context = 1024, .kv_bytes_per_token = kv,
                                 .elem = full ? 4 : 2, .quantization = k->serve.quantization, .nvlink = nvlink };
        bt_pace_decode(&in, &pace);
        pl_pace_offloaded(need, s->pp, g, &pace);
        s->rate[card][nvlink] = pace.known ? pace.decode_tok_s : 0;
    }
}

/* On this card of the pool alone, by NVLink where enough like it are in one island. 0: it does not go there. */
static inline double ref_alone_on(const struct ref *r, const struct ref_work *k, const struct ref_shape *s, size_t g)
{
    size_t peers = 0;
    for (size_t j = 0; j < k->npool; j++)
        peers += ref_like(r, g, k->pool[j]) && ref_gpu(r, g)->island >= 0 && ref_gpu(r, g)->island == ref_gpu(r, k->pool[j])->island;
    return s->need[g] && (s->n == 1 || !ref_gpu(r, g)->mig_of) ? s->rate[g][peers >= (s->tp > 1 ? s->tp : s->n)] : 0;
}

/* The best of it alone: as fast as the slowest of its cards, each tensor-parallel group on cards of one name. */
static inline double ref_alone(const struct ref *r, const struct ref_work *k, const struct ref_shape *s)
{
    double best = 0;
    for (size_t i = 0; i < k->npool; i++) {
        double least = ref_alone_on(r, k, s, k->pool[i]);
        size_t groups = 0;
        for (size_t j = 0; j < k->npool; j++) {
            size_t before = 0, all = 0;
            for (size_t l = 0; l < k->npool; l++)
                if (!strcmp(ref_gpu(r, k->pool[l])->name, ref_gpu(r, k->pool[j])->name)) {
                    before += l < j;
                    all += ref_alone_on(r, k, s, k->pool[l]) >= least;
                }
            groups += before ? 0 : all / s->tp;
        }
        best = groups * s->tp >= s->n ? BT_MAX(best, least) : best;
    }
    return best;
}

static inline int ref_server_shape(struct ref *r, struct ref_work *k, uint32_t tp, uint32_t pp, uint32_t dp, const uint32_t *cut)
{
    const struct bt_workload *w = k->w;
    struct bt_shape m = bt_need_shape(k->pm->model);
    struct bt_refusal why;
    struct ref_shape s = { .tp = tp, .pp = pp, .dp = dp, .n = tp * pp * dp, .cut = cut };
    uint64_t ep = w->ep.set ? w->ep.want : 1;
    bool divided = !strcmp(k->pm->engine->name, "sglang") ? tp % ep == 0 : tp * dp == ep;
    if (!bt_engine_shape_ok(k->pm->engine, &m, tp, pp, &why) || (ep > 1 && (!bt_need_has_experts(k->pm->model) || !divided)))
        return 0;
    struct bt_serve serve = k->serve;
    serve.tp = tp;
    serve.pp = pp;
    serve.cut = cut;
    serve.ncut = cut ? pp : 0;
    serve.context = k->ctx_want;
    bool any = false;
    for (size_t g = 0; g < r->f->n; g++) {
        struct bt_err err = { 0 };
        size_t like = 0;
        while (!ref_like(r, like, g))
            like++;
        if (like < g)
            s.need[g] = s.need[like];
        else if (bt_need_server(&r->a, k->pm->model, k->pm->engine, k->pm->version, &serve, ref_gpu(r, g), &s.need[g], &err) < 0) {
            s.need[g] = NULL;
            if (err.code != BT_E_FIT)
                return -1;
        }
        if (s.need[g])
            ref_rate(k, ref_gpu(r, g), s.need[g], &s, g);
        any = any || s.need[g];
    }
    if (!any)
        return 0;
    k->best = BT_MAX(k->best, ref_alone(r, k, &s));
    if (k->nshapes == REF_SHAPES)
        return -1;
    k->shape[k->nshapes++] = s;
    return 0;
}

static inline int ref_command_shapes(struct ref *r, struct ref_work *k, uint64_t min, uint64_t max)
{
    const struct bt_job *job = k->w->memory.job ? k->w->memory.job : k->w->expects.job;
    k->best = 1;
    for (uint64_t n = min; n <= max; n++) {
        struct ref_shape *s = &k->shape[k->nshapes++];
        *s = (struct ref_shape){ .tp = (uint32_t)n, .pp = 1, .dp = 1, .n = (uint32_t)n };
        struct bt_err err = { 0 };
        struct bt_job on;
        for (size_t g = 0; g < r->f->n; g++)
            s->rate[g][0] = s->rate[g][1] = (double)n / (double)max;
        if (job && bt_job_on(job, n, &on, &err) < 0) {
            k->nshapes--;
            continue;
        }
        s->job_ok = job != NULL;
        for (size_t g = 0; job && g < r->f->n; g++) {
            struct bt_job_need need;
            if (bt_job_berth(&r->a, &k->pm->job_of, &on, ref_gpu(r, g), 0, &need, &err) < 0)
                return -1;
            s->job[g] = need.bytes;
        }
    }
    return 0;
}

static inline int ref_shapes(struct ref *r, struct ref_work *k)
{
    const struct bt_workload *w = k->w;
    uint64_t whole = 0, max, min = w->gpus.set ? w->gpus.min : 1, dp = w->dp.set ? w->dp.want : 1;
    for (size_t i = 0; i < k->npool; i++)
        whole += !ref_gpu(r, k->pool[i])->mig_of;
    whole = BT_MAX(whole, (uint64_t)(k->npool > 0));
    max = BT_MIN(w->gpus.set ? w->gpus.max : k->gpu_server ? 16 : 1, whole);
    if (!k->gpu_server)
        return ref_command_shapes(r, k, BT_MAX(min, (uint64_t)1), max);
    for (uint64_t n = min; n <= max; n++)
        for (uint64_t tp = 1; n % dp == 0 && tp <= n / dp; tp++) {
            uint64_t pp = n / dp / tp;
            if (n / dp % tp || (w->tp.set && w->tp.want != tp) || (w->pp.set && w->pp.want != pp))
                continue;
            const uint32_t *cut = pp > 1 && w->pp_layers.n == pp ? w->pp_layers.v : NULL;
            for (uint64_t i = 0; cut && i <= pp; i++)                /* pinned to what the engine does anyway is no cut */
                if (i == pp)
                    cut = NULL;
                else if (cut[i] != bt_engine_stage_layers(k->pm->engine, k->pm->model->layers, pp, i))
                    break;
            if (ref_server_shape(r, k, (uint32_t)tp, (uint32_t)pp, (uint32_t)dp, cut) < 0)
                return -1;
        }
    return 0;
}

/* The least RAM of a copy of a server on the CPU. Not more than there may be is checked with the placement. */
static inline int ref_host(struct ref *r, struct ref_work *k)
{
    struct bt_gpu ram = { .uuid = "cpu", .name = "host RAM", .pci = "", .total_bytes = r->ram ? r->ram : (uint64_t)1 << 50, .island = -1 };
    struct bt_serve serve = k->serve;
    struct bt_need *n;
    struct bt_err err = { 0 };
    ram.nvml_total_bytes = ram.total_bytes;
    serve.tp = serve.pp = 1;
    serve.context = k->ctx_min;
    if (bt_need_server(&r->a, k->pm->model, k->pm->engine, k->pm->version, &serve, &ram, &n, &err) < 0)
        return -1;
    k->ram = n->rank[0].fixed_bytes + bt_need_kv_for(n, &n->rank[0], k->ctx_min, k->w->requests);
    if (k->w->memory.form == BT_MEM_BYTES && k->ram > k->w->memory.bytes)
        k->ram = (uint64_t)1 << 60;                  /* never */
    return 0;
}

static inline void ref_contexts(struct ref *r)
{
    for (size_t i = 0; i < r->n; i++) {
        struct ref_work *k = &r->w[i];
        int next;
        for (k->root = i; (next = ref_find(r, r->w[k->root].w->context.same_as)) >= 0; )
            k->root = (size_t)next;
        if (k->w->kind != BT_SERVER)
            continue;
        uint64_t most = bt_need_model_context(k->pm->model), limit = bt_need_context_limit(k->pm->model);
        k->ctx_want = k->w->context.want ? k->w->context.want : BT_MAX(most, k->w->context.min);
        k->ctx_min = k->w->context.min ? k->w->context.min : BT_MIN(BT_MIN((uint64_t)4096, most), k->ctx_want);
        (void)limit;
    }
    for (size_t i = 0; i < r->n; i++)
        if (r->w[i].root != i && r->w[i].gpu_server)
            r->w[r->w[i].root].ctx_want = BT_MIN(r->w[r->w[i].root].ctx_want, bt_need_context_limit(r->w[i].pm->model));
    for (size_t i = 0; i < r->n; i++) {
        r->w[i].ctx_want = r->w[r->w[i].root].ctx_want;
        r->w[i].ctx_min = r->w[r->w[i].root].ctx_min;
    }
}

/* 0 ready, 1 more than is tried here. */
static inline int ref_build(struct ref *r, const struct bt_plan_in *in, const char *phase, struct bt_err *err)
{
    *r = (struct ref){ .in = in, .f = in->fleet, .limit = 3000000 };
    if (in->fleet->n > REF_CARDS || in->spec->n > REF_WORKS)
        return 1;
    r->ram = strcmp(r->f->source, "catalog") ? r->f->ram_bytes : 0;
    for (size_t g = 0; g < r->f->n; g++)
        if (ref_gpu(r, g)->unified)
            r->ram = BT_MIN(bt_gpu_capacity(ref_gpu(r, g)), r->ram ? r->ram : UINT64_MAX);
    ref_order(r, phase);
    for (size_t i = 0; i < r->n; i++) {
        struct ref_work *k = &r->w[i];
        const struct bt_workload *w = k->w;
        uint32_t open = in->copies ? BT_MAX(in->copies[k->index], 1u) : 1;
        k->no_card = w->gpus.set && w->gpus.want == 0;
        k->host_server = w->kind == BT_SERVER && k->no_card;
        k->gpu_server = w->kind == BT_SERVER && !k->no_card;
        k->want = w->copies.set ? (uint32_t)w->copies.want : open;
        k->min = w->copies.set ? (uint32_t)w->copies.min : 1;
        k->same = ref_find(r, w->same_gpus_as);
        if (w->kind == BT_SERVER && bt_spec_serve(&r->a, in->spec, w, &k->serve, NULL, err) < 0)
            return 1;
        if (!ref_pool(r, k))
            return 1;
    }
    ref_contexts(r);
    for (size_t i = 0; i < r->n; i++)
        if (r->w[i].host_server ? ref_host(r, &r->w[i]) < 0 : !r->w[i].no_card && ref_shapes(r, &r->w[i]) < 0)
            return 1;
    return 0;
}

/* One more cut of a pipeline: those that the search takes into account when even ones do not do. The best rate alone stays that of the engine's own cuts. */
static inline int ref_add_cut(struct ref *r, size_t spec_index, uint32_t tp, uint32_t pp, const uint32_t *cut)
{
    for (size_t i = 0; i < r->n; i++) {
        double best = r->w[i].best;
        int rc = r->w[i].index == spec_index ? ref_server_shape(r, &r->w[i], tp, pp, 1, cut) : 0;
        r->w[i].best = best;
        if (rc)
            return rc;
    }
    return 0;
}
#endif

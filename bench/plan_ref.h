/* plan_ref.h - what a phase can reach at best, worked out from spec, fleet, models and engine rows by trying every placement: docs/plan.md ("The problem", "What is best", "Floor and deal")
 * a second time. Of src/plan it uses the bytes and rates of a shape (need, pace) and nothing else: no shapes, floors, contexts, KV or score of the search's. */
#ifndef PLAN_REF_H
#define PLAN_REF_H
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
        if (k->gpu_server && ref_gpu(r, g)->cc_major && bt_card_runs(k->pm->engine, k->pm->version->version, k->pm->model, ref_gpu(r, g)).how == BT_RUNS_NOT)
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

/* The best of it alone: on some card of the pool, by NVLink where enough like it are in one island. */
static inline double ref_alone(const struct ref *r, const struct ref_work *k, const struct ref_shape *s)
{
    double best = 0;
    for (size_t i = 0; i < k->npool; i++) {
        size_t g = k->pool[i], peers = 0;
        for (size_t j = 0; j < k->npool; j++)
            peers += ref_like(r, g, k->pool[j]) && ref_gpu(r, g)->island >= 0 && ref_gpu(r, g)->island == ref_gpu(r, k->pool[j])->island;
        if (s->need[g] && (s->n == 1 || !ref_gpu(r, g)->mig_of))
            best = BT_MAX(best, s->rate[g][peers >= (s->tp > 1 ? s->tp : s->n)]);
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

/* One more cut of a pipeline: those that the search takes into account when even ones do not do. */
static inline int ref_add_cut(struct ref *r, size_t spec_index, uint32_t tp, uint32_t pp, const uint32_t *cut)
{
    for (size_t i = 0; i < r->n; i++)
        if (r->w[i].index == spec_index)
            return ref_server_shape(r, &r->w[i], tp, pp, 1, cut);
    return 0;
}

/* ---- a placement ---- */

static inline const struct bt_need_rank *ref_rank(const struct ref_copy *c, const struct bt_need *n, uint32_t j) { return &n->rank[j / c->s->tp % c->s->pp]; }

/* Of the smallest of its cards, the first of them. */
static inline const struct bt_need *ref_need(const struct ref *r, const struct ref_copy *c)
{
    size_t least = c->card[0];
    for (uint32_t j = 1; j < c->n; j++)
        if (ref_gpu(r, c->card[j])->total_bytes < ref_gpu(r, least)->total_bytes)
            least = c->card[j];
    return c->s->need[least];
}

static inline uint64_t ref_own(const struct ref *r, const struct ref_copy *c, uint32_t j)            /* beside KV, the card's RAM too where that is the same memory */
{
    const struct bt_need_rank *q = ref_rank(c, ref_need(r, c), j);
    return q->fixed_bytes + (ref_gpu(r, c->card[j])->unified ? q->host_bytes : 0);
}

static inline uint64_t ref_limit(const struct ref_work *k, const struct bt_gpu *g)
{
    const struct bt_memory *m = &k->w->memory;
    return m->form == BT_MEM_BYTES ? m->bytes : m->form == BT_MEM_PERCENT ? (uint64_t)((double)g->total_bytes * (m->percent / 100)) : m->form == BT_MEM_LIKE && k->pm->like_bytes ? k->pm->like_bytes : UINT64_MAX;
}

static inline uint64_t ref_blocks_of(const struct bt_need *n, uint64_t context, uint64_t requests) { return bt_need_kv_for(n, &n->rank[0], context, requests) / n->rank[0].kv_block_bytes; }

/* Bytes of rank j as it is now: a server its KV blocks, a command what it declares or its least. */
static inline uint64_t ref_bytes(const struct ref *r, const struct ref_copy *c, uint32_t j)
{
    const struct ref_work *k = &r->w[c->work];
    const struct bt_gpu *g = ref_gpu(r, c->card[j]);
    uint64_t limit = ref_limit(k, g);
    if (k->gpu_server) {
        uint64_t host = ref_own(r, c, j) - ref_rank(c, ref_need(r, c), j)->fixed_bytes;
        return limit != UINT64_MAX ? limit + host : ref_own(r, c, j) + c->blocks * ref_rank(c, ref_need(r, c), j)->kv_block_bytes;
    }
    if (c->s->job_ok)
        return ref_rest(k->w) ? BT_MAX(c->s->job[c->card[j]], 512 * MiB) : c->s->job[c->card[j]];
    if (ref_rest(k->w))
        return k->w->expects.like ? BT_MAX(k->pm->like_bytes, 512 * MiB) : 512 * MiB;
    return limit != UINT64_MAX ? limit : bt_gpu_capacity(g);
}

/* Layers that are computed by the CPU have their KV in RAM. */
static inline uint64_t ref_kv_in_ram(const struct ref *r, const struct ref_copy *c, uint32_t j)
{
    const struct bt_need *n = ref_need(r, c);
    const struct bt_need_rank *q = ref_rank(c, n, j);
    return q->host_token_bytes ? q->host_token_bytes * bt_need_kv_tokens(n, q, c->blocks * q->kv_block_bytes) : 0;
}

static inline uint64_t ref_host_bytes(const struct ref *r)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < r->ncopies; i++) {
        const struct ref_copy *c = &r->c[i];
        const struct ref_work *k = &r->w[c->work];
        sum += k->host_server ? k->ram : 0;
        for (uint32_t j = 0; k->gpu_server && j < c->n; j++)
            sum += ref_rank(c, ref_need(r, c), j)->host_bytes + ref_kv_in_ram(r, c, j);
    }
    return sum;
}

static inline uint64_t ref_room(const struct ref *r, size_t g)
{
    uint64_t cap = bt_gpu_capacity(ref_gpu(r, g)), ram = 0;
    cap = ref_gpu(r, g)->unified && r->ram ? BT_MIN(cap, r->ram) : cap;
    for (size_t i = 0; i < r->ncopies && ref_gpu(r, g)->unified; i++)
        ram += r->w[r->c[i].work].ram;
    return cap > ram ? cap - ram : 0;
}

static inline void ref_load(const struct ref *r, uint64_t *load)
{
    memset(load, 0, REF_CARDS * sizeof *load);
    for (size_t i = 0; i < r->ncopies; i++)
        for (uint32_t j = 0; j < r->c[i].n; j++)
            load[r->c[i].card[j]] += ref_bytes(r, &r->c[i], j) + (r->w[r->c[i].work].gpu_server && ref_gpu(r, r->c[i].card[j])->unified ? ref_kv_in_ram(r, &r->c[i], j) : 0);
}

/* Past its own `memory`, or on a card that is too full. */
static inline bool ref_stuck(const struct ref *r, const struct ref_copy *c, const uint64_t *load)
{
    for (uint32_t j = 0; j < c->n; j++) {
        const struct ref_work *k = &r->w[c->work];
        uint64_t limit = k->gpu_server ? ref_limit(k, ref_gpu(r, c->card[j])) : UINT64_MAX;
        const struct bt_need_rank *q = k->gpu_server ? ref_rank(c, ref_need(r, c), j) : NULL;
        if (q && q->host_token_bytes && (load[c->card[j]] > ref_room(r, c->card[j]) || (r->ram && ref_host_bytes(r) > r->ram)))
            return true;
        if (limit != UINT64_MAX ? q->fixed_bytes + c->blocks * q->kv_block_bytes > limit : load[c->card[j]] > ref_room(r, c->card[j]))
            return true;
    }
    return false;
}

static inline bool ref_all_fit(const struct ref *r)
{
    uint64_t load[REF_CARDS];
    ref_load(r, load);
    for (size_t g = 0; g < r->f->n; g++)
        if (load[g] > ref_room(r, g))
            return false;
    for (size_t i = 0; i < r->ncopies; i++)
        if (r->w[r->c[i].work].gpu_server && ref_stuck(r, &r->c[i], load))
            return false;
    return ref_host_bytes(r) <= (r->ram ? r->ram : (uint64_t)1 << 50);
}

static inline bool ref_lets(const struct bt_workload *a, const struct bt_workload *b)
{
    bool named = a->share == BT_SHARE_TRUE;
    for (size_t i = 0; i < a->share_with.n && a->share == BT_SHARE_WITH; i++)
        named = named || !strcmp(a->share_with.v[i], b->name);
    for (size_t i = 0; i < a->apart.n; i++)
        named = named && strcmp(a->apart.v[i], b->name);
    return named;
}

/* The last copy beside those before it, by everything but bytes. */
static inline bool ref_allowed(const struct ref *r)
{
    const struct ref_copy *c = &r->c[r->ncopies - 1];
    const struct ref_work *k = &r->w[c->work];
    for (uint32_t j = 0; j < c->n; j++) {
        size_t g = c->card[j], first = c->card[j / c->s->tp * c->s->tp];
        if (!k->on[g] || (c->n > 1 && ref_gpu(r, g)->mig_of) || (k->gpu_server && (!c->s->need[g] || strcmp(ref_gpu(r, g)->name, ref_gpu(r, first)->name))))
            return false;
        for (uint32_t q = 0; q < j; q++)
            if (c->card[q] == g)
                return false;
        for (size_t o = 0; o + 1 < r->ncopies; o++)
            for (uint32_t q = 0; q < r->c[o].n; q++) {
                const struct bt_workload *v = r->w[r->c[o].work].w;
                if (r->c[o].card[q] == g && (!ref_lets(k->w, v) || !ref_lets(v, k->w) || ref_whole(k->w) || ref_whole(v)))
                    return false;
            }
    }
    for (size_t o = 0; k->same >= 0 && o < r->ncopies; o++) {
        const struct ref_copy *t = &r->c[o];
        size_t both = 0;
        if (t->work != (size_t)k->same || t->replica != c->replica)
            continue;
        for (uint32_t j = 0; j < c->n; j++)
            for (uint32_t q = 0; q < t->n; q++)
                both += c->card[j] == t->card[q];
        return both == c->n && both == t->n;
    }
    return k->same < 0;
}

/* ---- contexts and KV ---- */

static inline uint64_t ref_least(const struct ref *r, const struct ref_copy *c, uint64_t context)
{
    const struct ref_work *k = &r->w[c->work];
    const struct bt_need *n = ref_need(r, c);
    return BT_MAX(ref_blocks_of(n, k->ctx_min, k->w->requests), ref_blocks_of(n, context, 1));
}

static inline void ref_set_context(struct ref *r, size_t root, uint64_t context)
{
    for (size_t i = 0; i < r->ncopies; i++)
        if (r->w[r->c[i].work].gpu_server && r->w[r->c[i].work].root == root)
            r->c[i].blocks = ref_least(r, &r->c[i], context);
    r->ctx[root] = context;
}

static inline void ref_level(struct ref *r, const bool *grows, uint64_t level)
{
    for (size_t i = 0; i < r->n; i++)
        if (grows[i])
            ref_set_context(r, i, r->w[i].ctx_min + (uint64_t)((unsigned __int128)(r->w[i].ctx_want - r->w[i].ctx_min) * level / 65536));
}

/* All towards what they want, by the same share of what they lack; who stands on a full card stops. Then each alone, in whole blocks. */
static inline void ref_grant(struct ref *r)
{
    bool grows[REF_WORKS] = { false };
    uint64_t load[REF_CARDS], level = 0, step = 16;
    size_t left = 0;
    for (size_t i = 0; i < r->ncopies; i++)
        if (r->w[r->c[i].work].gpu_server) {
            left += !grows[r->w[r->c[i].work].root];
            grows[r->w[r->c[i].work].root] = true;
            step = BT_MAX(step, ref_need(r, &r->c[i])->block);
        }
    memset(r->ctx, 0, sizeof r->ctx);
    ref_level(r, grows, 0);
    while (left) {
        for (uint64_t bit = 65536; bit; bit /= 2) {
            if (level + bit > 65536)
                continue;
            ref_level(r, grows, level + bit);
            level += ref_all_fit(r) ? bit : 0;
        }
        ref_level(r, grows, level);
        if (level == 65536)
            break;
        bool stops[REF_WORKS] = { false };
        ref_level(r, grows, level + 1);
        ref_load(r, load);
        for (size_t i = 0; i < r->ncopies; i++)
            if (r->w[r->c[i].work].gpu_server && ref_stuck(r, &r->c[i], load))
                stops[r->w[r->c[i].work].root] = true;
        ref_level(r, grows, level);
        for (size_t i = 0; i < r->n; i++)
            if (grows[i] && stops[i]) {
                grows[i] = false;
                left--;
            }
    }
    for (size_t i = 0; i < r->n; i++) {
        uint64_t want = r->w[i].ctx_want, at = r->ctx[i];
        if (r->w[i].root != i || !at || at >= want)
            continue;
        ref_set_context(r, i, want);
        if (ref_all_fit(r))
            continue;
        for (uint64_t bit = (uint64_t)1 << 40; bit; bit /= 2) {
            ref_set_context(r, i, at + bit);
            at += at + bit < want && ref_all_fit(r) ? bit : 0;
        }
        ref_set_context(r, i, BT_MAX(at / step * step, r->w[i].ctx_min));
    }
}

static inline void ref_share(struct ref *r, const bool *takes, uint64_t level)
{
    for (size_t i = 0; i < r->ncopies; i++)
        if (takes[i])
            r->c[i].blocks = BT_MIN(BT_MAX((uint64_t)((unsigned __int128)r->c[i].each * level / 256), r->c[i].floor), r->c[i].most);
}

static inline int ref_place(const struct ref *r, const struct ref_copy *c, uint32_t j)
{
    for (size_t i = 0; i < r->w[c->work].npool; i++)
        if (r->w[c->work].pool[i] == c->card[j])
            return (int)i;
    return -1;
}

/* Copies of one workload by their cards in the order of the pool, not by their numbers. */
static inline bool ref_before(const struct ref *r, const struct ref_copy *a, const struct ref_copy *b)
{
    if (a->work != b->work)
        return a->work < b->work;
    uint32_t x = 0, y = 0;                           /* places as bits: the lowest in which they differ */
    for (uint32_t j = 0; j < a->n; j++) {
        x |= 1u << ref_place(r, a, j);
        y |= 1u << ref_place(r, b, j);
    }
    if (x != y)
        return (x & (x ^ y) & -(x ^ y)) != 0;
    for (uint32_t j = 0; j < a->n; j++)
        if (a->card[j] != b->card[j])
            return ref_place(r, a, j) < ref_place(r, b, j);
    return false;
}

/* What is left on the cards: as many requests of its own context for each, in 1/256; then what that leaves, in order. */
static inline void ref_deal(struct ref *r)
{
    bool takes[REF_COPIES] = { false }, first[REF_COPIES] = { false };
    uint64_t level = 0, top = 0, load[REF_CARDS];
    size_t left = 0;
    for (size_t i = 0; i < r->ncopies; i++) {
        struct ref_copy *c = &r->c[i];
        const struct ref_work *k = &r->w[c->work];
        if (!k->gpu_server)
            continue;
        const struct bt_need *n = ref_need(r, c);
        uint64_t context = r->ctx[k->root];
        c->floor = c->blocks = ref_least(r, c, context);
        c->most = BT_MAX(c->floor, ref_blocks_of(n, context, n->serve.max_seqs));
        c->each = bt_ceil_div(context, n->block);
        takes[i] = true;
        for (uint32_t j = 0; j < c->n; j++)          /* beside `rest` only what it must have */
            for (size_t o = 0; o < r->ncopies; o++)
                for (uint32_t q = 0; q < r->c[o].n; q++)
                    takes[i] = takes[i] && !(r->c[o].card[q] == c->card[j] && ref_rest(r->w[r->c[o].work].w) && ref_limit(k, ref_gpu(r, c->card[j])) == UINT64_MAX);
        first[i] = takes[i];
        left += takes[i];
        top = BT_MAX(top, (n->serve.max_seqs + 2) * 256);
    }
    while (left) {
        uint64_t bits = 1;
        while (bits <= top)
            bits *= 2;
        for (uint64_t bit = bits; bit; bit /= 2) {
            if (level + bit > top)
                continue;
            ref_share(r, takes, level + bit);
            level += ref_all_fit(r) ? bit : 0;
        }
        ref_share(r, takes, level);
        if (level == top)
            break;
        bool stops[REF_COPIES] = { false };
        ref_share(r, takes, level + 1);
        ref_load(r, load);
        for (size_t i = 0; i < r->ncopies; i++)
            stops[i] = r->w[r->c[i].work].gpu_server && ref_stuck(r, &r->c[i], load);
        ref_share(r, takes, level);
        for (size_t i = 0; i < r->ncopies; i++)
            if (takes[i] && stops[i]) {
                takes[i] = false;
                left--;
            }
    }
    for (;;) {
        size_t next = r->ncopies;
        for (size_t i = 0; i < r->ncopies; i++)
            if (first[i] && (next == r->ncopies || ref_before(r, &r->c[i], &r->c[next])))
                next = i;
        if (next == r->ncopies)
            return;
        struct ref_copy *c = &r->c[next];
        uint64_t at = c->blocks;
        first[next] = false;
        for (uint64_t bit = (uint64_t)1 << 40; bit; bit /= 2) {
            c->blocks = at + bit;
            at += at + bit <= c->most && ref_all_fit(r) ? bit : 0;
        }
        c->blocks = at;
    }
}

/* ---- score ---- */

static inline int64_t ref_thousandths(double x) { return (int64_t)(x * 1000 + 1e-6); }

static inline double ref_speed(const struct ref *r, const struct ref_copy *c, bool nvlink)
{
    double slowest = 0;
    for (uint32_t j = 0; j < c->n; j++)
        if (j == 0 || c->s->rate[c->card[j]][nvlink] < slowest)
            slowest = c->s->rate[c->card[j]][nvlink];
    (void)r;
    return slowest;
}

/* Every group of ranks that work on one token together inside one island; without tensor-parallel groups all of them. */
static inline bool ref_nvlink(const struct ref *r, const struct ref_copy *c)
{
    uint32_t group = c->s->tp > 1 ? c->s->tp : c->n;
    for (uint32_t j = 0; j < c->n; j++) {
        int island = ref_gpu(r, c->card[j])->island;
        if (island < 0 || island != ref_gpu(r, c->card[j / group * group])->island)
            return false;
    }
    return c->n > 1;
}

static inline void ref_score(struct ref *r, struct ref_score *o)
{
    uint32_t copies[REF_WORKS] = { 0 }, on[REF_CARDS] = { 0 };
    bool rest[REF_CARDS] = { false };
    uint64_t load[REF_CARDS];
    *o = (struct ref_score){ .levels = 0 };
    for (size_t i = 0; i < r->ncopies; i++) {
        copies[r->c[i].work]++;
        for (uint32_t j = 0; j < r->c[i].n; j++) {
            on[r->c[i].card[j]]++;
            rest[r->c[i].card[j]] = rest[r->c[i].card[j]] || ref_rest(r->w[r->c[i].work].w);
        }
    }
    for (int64_t p = 9; p >= 0; p--) {
        bool any = false;
        for (size_t i = 0; i < r->n; i++)
            if (r->w[i].w->priority == p) {
                any = true;
                o->placed[o->levels] += copies[i] > 0;
            }
        o->levels += any;
    }
    for (size_t i = 0; i < r->n; i++) {
        const struct ref_work *k = &r->w[i];
        o->wants += k->gpu_server && copies[i] ? ref_thousandths((double)r->ctx[k->root] / (double)k->ctx_want) : 0;
        o->wants += k->want > 1 ? 1000 * copies[i] / k->want : 0;
    }
    for (size_t i = 0; i < r->ncopies; i++) {
        const struct ref_copy *c = &r->c[i];
        const struct ref_work *k = &r->w[c->work];
        uint32_t most = 1;
        for (uint32_t j = 0; j < c->n; j++)
            most = BT_MAX(most, on[c->card[j]]);
        if (!c->n)
            continue;
        bool link = k->gpu_server && ref_nvlink(r, c);
        double weight = k->w->priority > 0 ? (double)k->w->priority + 1 : 1;
        o->service += k->best > 0 ? ref_thousandths(weight * ref_speed(r, c, link) / k->best / k->want / most) : 0;
        o->shared -= k->gpu_server && c->s->tp > 1 && !link;
    }
    ref_load(r, load);
    for (size_t g = 0; g < r->f->n; g++) {
        o->shared -= on[g] > 1;
        o->free = BT_MAX(o->free, rest[g] ? 0 : (int64_t)(ref_room(r, g) - load[g]));
    }
}

static inline int ref_cmp(const struct ref_score *a, const struct ref_score *b)
{
    for (uint32_t i = 0; i < a->levels; i++)
        if (a->placed[i] != b->placed[i])
            return a->placed[i] < b->placed[i] ? -1 : 1;
    const int64_t x[] = { a->wants, a->service, a->shared, a->free }, y[] = { b->wants, b->service, b->shared, b->free };
    for (size_t i = 0; i < BT_LEN(x); i++)
        if (x[i] != y[i])
            return x[i] < y[i] ? -1 : 1;
    return 0;
}

/* ---- every placement ---- */

static inline void ref_leaf(struct ref *r)
{
    struct ref_score score;
    r->leaves++;
    ref_grant(r);
    ref_deal(r);
    ref_score(r, &score);
    if (!r->found || ref_cmp(&score, &r->best) > 0)
        r->best = score;
    r->found = true;
}

static inline void ref_try(struct ref *r, size_t work, uint32_t replica);

static inline void ref_try_cards(struct ref *r, size_t work, uint32_t replica, uint32_t rank)
{
    struct ref_copy *c = &r->c[r->ncopies - 1];
    if (rank == c->n) {
        r->tried++;
        if (!ref_allowed(r))
            return;
        for (size_t i = 0; i < r->ncopies; i++)      /* the others at their least again: leaves behind us have dealt */
            if (r->w[r->c[i].work].gpu_server)
                r->c[i].blocks = ref_least(r, &r->c[i], r->w[r->c[i].work].ctx_min);
        if (ref_all_fit(r))                          /* more copies only add to it */
            ref_try(r, work, replica + 1);
        return;
    }
    for (size_t g = rank % c->s->tp ? c->card[rank - 1] + 1 : 0; g < r->f->n; g++) {     /* ranks of a tensor-parallel group are equal */
        c->card[rank] = g;
        if (r->w[work].on[g])
            ref_try_cards(r, work, replica, rank + 1);
    }
}

static inline void ref_try(struct ref *r, size_t work, uint32_t replica)
{
    if (r->tried > r->limit)
        return;
    if (work == r->n) {
        ref_leaf(r);
        return;
    }
    struct ref_work *k = &r->w[work];
    if (replica >= k->min || (replica == 0 && k->w->optional))
        ref_try(r, work + 1, 0);
    if (replica == k->want)
        return;
    const struct ref_shape *one = replica ? r->c[r->ncopies - 1].s : NULL;               /* all copies in one shape */
    struct ref_copy *c = &r->c[r->ncopies++];
    *c = (struct ref_copy){ .work = work, .replica = replica };
    if (k->no_card && ref_all_fit(r))
        ref_try(r, work, replica + 1);
    for (size_t i = 0; !k->no_card && i < k->nshapes; i++) {
        if (one && one != &k->shape[i])
            continue;
        c->s = &k->shape[i];
        c->n = c->s->n;
        ref_try_cards(r, work, replica, 0);
    }
    r->ncopies--;
}

/* Is the search's answer proven, and this one? */
static inline bool ref_equal(const struct ref *r, const struct pl_solution *o)
{
    const struct pl_score *s = &o->score;
    struct ref_score got = { .levels = s->nlevels, .wants = s->v[BT_GOAL_WANTS], .service = s->v[BT_GOAL_SERVICE], .shared = s->v[BT_GOAL_SHARED], .free = s->v[BT_GOAL_FREE] };
    if (!o->complete || o->found != r->found || !o->found)
        return o->complete && o->found == r->found;
    for (uint32_t i = 0; i < s->nlevels && i < REF_WORKS; i++)
        got.placed[i] = s->placed[i];
    return got.levels == r->best.levels && ref_cmp(&got, &r->best) == 0;
}
#endif

/* host_check - the validator's part for servers on the CPU: bytes recomputed, and all RAM of a phase together. Shares no code with host.c. */
#include "base/units.h"
#include "plan/plan_int.h"

#define BAD(...) return bt_err_set(err, BT_E_FAILED, 0, __VA_ARGS__)
static unsigned long long ull(uint64_t n) { return n; }

static int check_one(struct bt_arena *a, const struct bt_plan *p, const struct bt_plan_instance *in, struct bt_err *err)
{
    const struct bt_workload *w = in->w;
    uint64_t ram = p->fleet->ram_bytes ? p->fleet->ram_bytes : (uint64_t)1 << 50, fixed = 0, least;
    struct bt_gpu host = { .uuid = "cpu", .name = "host RAM", .pci = "", .total_bytes = ram, .nvml_total_bytes = ram, .island = -1 };
    struct bt_serve serve;
    struct bt_need *n;
    if (in->nranks || !in->host || !in->need || !in->need->on_host)
        BAD("%s: gpus: 0, and no berth of RAM alone", in->id);
    if (bt_spec_serve(a, p->spec, w, &serve, NULL, err) < 0)
        return -1;
    serve.tp = serve.pp = 1;
    serve.context = in->context;
    if (bt_need_server(a, in->need->model, in->need->engine, in->need->version, &serve, &host, &n, err) < 0)
        return -1;
    uint64_t most = bt_need_model_context(n->model);
    least = w->context.min ? w->context.min : BT_MIN((uint64_t)4096, w->context.want ? w->context.want : most);
    if (in->context > most || in->context < BT_MIN(least, most) || (w->context.want && in->context > w->context.want))
        BAD("%s: context %llu of a model made for %llu", in->id, ull(in->context), ull(most));
    for (size_t i = 0; i < n->rank[0].n; i++)
        fixed += n->rank[0].line[i].bytes;
    if (in->host->bytes != fixed + in->host->kv_bytes || in->host_bytes != in->host->bytes)
        BAD("%s: %llu bytes of RAM, its ledger says %llu and %llu of KV", in->id, ull(in->host_bytes), ull(fixed),
            ull(in->host->kv_bytes));
    const struct bt_rank_berth *r = in->host;
    if (r->kv_bytes < bt_need_kv_for(n, &n->rank[0], in->context, w->requests) || r->kv_tokens != bt_need_kv_tokens(n, &n->rank[0], r->kv_bytes))
        BAD("%s: %llu bytes of KV are not %llu requests of %llu tokens", in->id, ull(in->host->kv_bytes), ull(w->requests), ull(in->context));
    if (w->memory.form == BT_MEM_BYTES && in->host_bytes > w->memory.bytes)
        BAD("%s: %llu bytes of RAM; `memory` allows %llu", in->id, ull(in->host_bytes), ull(w->memory.bytes));
    return 0;
}

/* One memory for host and card: what stands on either, of the machine, is in it. */
static int check_pool(const struct bt_plan *p, const struct bt_plan_phase *ph, size_t g, struct bt_err *err)
{
    const struct bt_fleet *f = p->fleet;
    uint64_t sum = 0;
    for (size_t i = 0; i < ph->n; i++) {
        const struct bt_plan_instance *in = &ph->inst[i];
        bool here = f->nboxes < 2 || (in->nranks && bt_fleet_box(f, in->rank[0].gpu) == bt_fleet_box(f, g));
        if (here && __builtin_add_overflow(sum, in->host_bytes, &sum))
            BAD("phase %s: absurd sum of RAM", ph->name);
        for (size_t r = 0; r < in->nranks; r++)
            if (in->rank[r].gpu == g && __builtin_add_overflow(sum, in->rank[r].bytes, &sum))
                BAD("phase %s: absurd sum of RAM", ph->name);
    }
    if (sum > bt_gpu_capacity(&f->gpus[g]))
        BAD("phase %s: %llu bytes of the one memory of card and host planned, and %llu are there", ph->name, ull(sum), ull(bt_gpu_capacity(&f->gpus[g])));
    return 0;
}

static int check_phase(struct bt_arena *a, const struct bt_plan *p, const struct bt_plan_phase *ph, struct bt_err *err)
{
    uint64_t sum = 0;
    for (size_t g = 0; g < p->fleet->n; g++)
        if (p->fleet->gpus[g].unified && check_pool(p, ph, g, err) < 0)
            return -1;
    for (size_t i = 0; i < ph->n; i++) {
        const struct bt_plan_instance *in = &ph->inst[i];
        if (in->w->kind == BT_SERVER && in->w->gpus.set && in->w->gpus.want == 0 && check_one(a, p, in, err) < 0)
            return -1;
        if (__builtin_add_overflow(sum, in->host_bytes, &sum))
            BAD("phase %s: absurd sum of RAM", ph->name);
    }
    if (p->fleet->ram_bytes && sum > p->fleet->ram_bytes)
        BAD("phase %s: %llu bytes of RAM planned, %llu there", ph->name, ull(sum), ull(p->fleet->ram_bytes));
    return 0;
}

int pl_host_check(const struct bt_plan *p, struct bt_err *err)
{
    struct bt_arena a = { 0 };
    int rc = 0;
    for (size_t i = 0; i < p->nphases && rc == 0; i++)
        rc = check_phase(&a, p, &p->phase[i], err);
    bt_arena_release(&a);
    return rc;
}

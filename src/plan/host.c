/* host - servers on the CPU (`gpus: 0`): no card and no shape, a berth of RAM each. They come after the cards: what the others keep in RAM is known then,
 * and each takes the context it wants, or what is left between its least and that. Where KV lies in the same memory, it comes before KV that is left over. */
#include "plan/plan_int.h"

#define NEVER_IN_RAM BT_NEED_CAP     /* the floor of an optional one that no RAM here holds */

static unsigned long long ull(uint64_t n) { return n; }

/* The card that is the host's memory too: what it may have is what there is for both. */
static const struct bt_gpu *pool_of(const struct bt_fleet *f)
{
    for (size_t g = 0; g < f->n; g++)
        if (f->gpus[g].unified)
            return &f->gpus[g];
    return NULL;
}

/* 0: not known. Where it is the card's memory, that bounds it. */
static uint64_t ram_of(const struct bt_fleet *f)
{
    const struct bt_gpu *pool = pool_of(f);
    return pool ? BT_MIN(bt_gpu_capacity(pool), f->ram_bytes ? f->ram_bytes : UINT64_MAX) : f->ram_bytes;
}

uint64_t pl_host_least(const struct pl_problem *p, const struct pl_work *k, const struct pl_shape *s, size_t cls)
{
    uint64_t sum = k->host_floor;
    for (uint32_t i = 0; k->server && s && i < s->pp; i++) {
        const struct bt_need *n = s->cost[cls].need;
        const struct bt_need_rank *r = &n->rank[i];
        uint64_t tokens = r->host_token_bytes ? bt_need_kv_tokens(n, r, bt_need_kv_for(n, r, k->ctx_min, k->w->requests)) : 0;
        sum += s->tp * (r->host_bytes + r->host_token_bytes * tokens);
    }
    (void)p;
    return sum;
}

/* The most RAM that a copy of it could ask for, at its least KV. */
static uint64_t host_most(const struct pl_problem *p, const struct pl_work *k, bool *grows)
{
    uint64_t most = k->host_floor;
    for (size_t i = 0; k->server && i < k->nshapes; i++)
        for (size_t c = 0; k->shape[i].ok && c < p->nclasses; c++) {
            most = BT_MAX(most, pl_host_least(p, k, &k->shape[i], c));
            for (uint32_t r = 0; r < k->shape[i].pp; r++)
                *grows = *grows || k->shape[i].cost[c].need->rank[r].host_token_bytes;
        }
    return most;
}

/* Where all that may run has room in RAM, nobody needs to ask. Of one memory for card and host the cards' side is not known before: it is asked wherever
 * anything lies in RAM. */
void pl_host_limit(struct pl_problem *p)
{
    const struct bt_fleet *f = p->fleet;
    const struct bt_gpu *pool = pool_of(f);
    uint64_t sum = 0;
    bool grows = false, never = false;
    p->ram = f->ram_bytes;
    for (size_t i = 0; i < p->n; i++) {
        never = never || p->work[i].host_floor == NEVER_IN_RAM;
        if (__builtin_add_overflow(sum, host_most(p, &p->work[i], &grows) * p->work[i].copies_want, &sum))
            sum = UINT64_MAX;
    }
    for (size_t g = 0; g < f->n && pool && p->ram; g++)
        p->cap[g] = f->gpus[g].unified ? BT_MIN(p->cap[g], p->ram) : p->cap[g];
    p->ram_binds = never || (p->ram && (sum > p->ram || grows)) || (pool && (sum || grows));
}

static uint64_t on_pool(const struct bt_fleet *f, const struct bt_plan_instance *in)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < in->nranks; i++)
        sum += f->gpus[in->rank[i].gpu].unified ? in->rank[i].bytes : 0;
    return sum;
}

static const struct bt_gpu *host_card(struct pl_problem *p)
{
    if (!p->host) {
        struct bt_gpu *card = BT_NEW(p->a, struct bt_gpu);
        uint64_t ram = ram_of(p->fleet) ? ram_of(p->fleet) : (uint64_t)1 << 50;
        *card = (struct bt_gpu){ .uuid = "cpu", .name = "host RAM", .pci = "", .total_bytes = ram, .nvml_total_bytes = ram, .island = -1 };
        p->host = card;
    }
    return p->host;
}

static int need_with(struct pl_problem *p, const struct pl_work *k, uint64_t context, struct bt_need **n, struct bt_err *err)
{
    struct bt_serve serve = k->serve;
    serve.tp = serve.pp = 1;
    serve.context = context;
    return pl_need(p, k, &serve, host_card(p), n, err);
}

static uint64_t bytes_with(const struct pl_work *k, const struct bt_need *n, uint64_t context)
{
    return n->rank[0].fixed_bytes + bt_need_kv_for(n, &n->rank[0], context, k->w->requests);
}

/* The least each copy takes; what cannot be reckoned, or does not fit whatever else runs, is refused with its reason. */
void pl_host_floor(struct pl_problem *p, struct pl_work *k)
{
    struct bt_err why = { 0 };
    struct bt_need *n;
    bool pinned = (k->w->tp.set && k->w->tp.want > 1) || (k->w->pp.set && k->w->pp.want > 1);
    if (!k->pm->model || !k->pm->engine)
        return;
    if (pinned || k->w->context.same_as) {
        pl_refuse(p, k->w, pinned ? "shape-impossible" : "context-not-shared",
                  pinned ? "%s: on the CPU it has one rank: leave tp and pp out" : "%s: a server on the CPU has a context of its own", k->w->name);
        return;
    }
    if (need_with(p, k, k->ctx_min, &n, &why) < 0) {
        pl_refuse(p, k->w, why.code == BT_E_FIT ? "shape-impossible" : "model-not-known-yet", "%s: %s%s%s", k->w->name, why.msg,
                  why.hint[0] ? "; " : "", why.hint);
        return;
    }
    k->host_floor = bytes_with(k, n, k->ctx_min);
    uint64_t ram = ram_of(p->fleet);
    bool inside = k->w->memory.form != BT_MEM_BYTES || k->host_floor <= k->w->memory.bytes;
    if (k->w->optional && (!inside || (ram && k->host_floor > ram)))
        k->host_floor = NEVER_IN_RAM;             /* left out, as who finds no card */
    else if (k->w->memory.form == BT_MEM_BYTES && k->host_floor > k->w->memory.bytes)
        pl_refuse(p, k->w, "does-not-fit", "%s needs at least %s of RAM with a context of %llu tokens; its `memory` is less", k->w->name,
                  bt_bytes_human(k->host_floor), ull(k->ctx_min));
    else if (ram && k->host_floor > ram)
        pl_refuse(p, k->w, "does-not-fit", "%s needs at least %s of RAM with a context of %llu tokens, and %s is all that may be used here", k->w->name,
                  bt_arena_strdup(p->a, bt_bytes_human(k->host_floor)), ull(k->ctx_min), bt_arena_strdup(p->a, bt_bytes_human(ram)));
}

/* The longest context, in whole blocks, whose bytes are within `room`; the least one is known to be. */
static uint64_t longest(struct pl_problem *p, const struct pl_work *k, uint64_t room)
{
    uint64_t step = 256, low = 0, high = (k->ctx_want - k->ctx_min) / step + 1;
    struct bt_err ignored = { 0 };
    struct bt_need *n;
    if (need_with(p, k, k->ctx_want, &n, &ignored) == 0 && bytes_with(k, n, k->ctx_want) <= room)
        return k->ctx_want;
    while (high - low > 1) {
        uint64_t mid = low + (high - low) / 2, context = k->ctx_min + mid * step;
        if (need_with(p, k, context, &n, &ignored) == 0 && bytes_with(k, n, context) <= room)
            low = mid;
        else
            high = mid;
    }
    return k->ctx_min + low * step;
}

/* What is left of RAM, and of the cards whose memory it is. */
static uint64_t left_in_ram(struct pl_room *r, uint64_t parked)
{
    const struct pl_problem *p = r->p;
    uint64_t load[BT_MAX_GPUS], all = pl_ram_limit(p), held = pl_room_ram(r) + parked, left = all - BT_MIN(all, held);
    pl_room_load(r, load);
    for (size_t g = 0; g < p->fleet->n; g++)
        if (p->fleet->gpus[g].unified)
            left = BT_MIN(left, p->cap[g] - BT_MIN(p->cap[g], load[g]));
    return left;
}

void pl_host_first(struct pl_room *r, const struct pl_copy *copy, size_t ncopies, const uint64_t *ctx, uint64_t parked)
{
    struct pl_problem *p = r->p;
    struct bt_err ignored = { 0 };
    if (!p->ram_binds || !(pool_of(p->fleet) || r->grows))
        return;
    pl_room_floors(r, ctx);
    for (size_t i = 0; i < ncopies; i++) {
        const struct pl_work *k = &p->work[copy[i].work];
        struct bt_need *n;
        if (!k->on_host)
            continue;
        uint64_t most = k->host_floor + left_in_ram(r, parked), room = k->w->memory.form == BT_MEM_BYTES ? BT_MIN(most, k->w->memory.bytes) : most;
        uint64_t context = longest(p, k, room);
        if (need_with(p, k, context, &n, &ignored) < 0)
            continue;                                /* as it is: at its least */
        uint64_t more = bytes_with(k, n, context) - k->host_floor;
        r->ram += more;
        for (size_t g = 0; g < p->fleet->n; g++)
            r->base[g] += p->fleet->gpus[g].unified ? more : 0;
    }
}

static const struct pl_work *work_of(const struct pl_problem *p, const struct bt_plan_instance *in)
{
    for (size_t i = 0; i < p->n; i++)
        if (p->work[i].on_host && !strcmp(p->work[i].w->name, in->w->name))      /* of a phase that was held, p has a spec of its own */
            return &p->work[i];
    return NULL;
}

/* RAM is one pool, and the kernel takes pages of another node where its own is full; but who binds itself to one ends there (vLLM's csrc/cpu/utils.cpp). */
static void warn_node(const struct pl_problem *p, struct bt_plan *plan, const struct pl_work *k, uint64_t bytes)
{
    const uint64_t node = p->fleet->ram_node_bytes;
    if (!node || bytes <= node || strcmp(k->pm->engine->name, "vllm") != 0)
        return;
    const char *takes = bt_arena_strdup(p->a, bt_bytes_human(bytes));
    const char *text = bt_arena_printf(p->a, "%s: %s of RAM, and the largest NUMA node has %s: vLLM's CPU build keeps to one node and may not start",
                                       k->w->name, takes, bt_bytes_human(node));
    BT_PUSH(p->a, plan->warning, plan->nwarnings, text);
}

void pl_host_fill(struct pl_problem *p, struct bt_plan *plan, struct bt_plan_phase *ph, uint64_t parked)
{
    uint64_t ram = ram_of(p->fleet), held = parked, floors = 0;
    for (size_t i = 0; i < ph->n; i++) {
        const struct pl_work *k = work_of(p, &ph->inst[i]);
        held += ph->inst[i].host_bytes + on_pool(p->fleet, &ph->inst[i]);
        floors += k ? k->host_floor : 0;
    }
    if (ram && held + floors > ram) {
        const char *all = bt_arena_strdup(p->a, bt_bytes_human(held + floors)), *servers = bt_arena_strdup(p->a, bt_bytes_human(floors));
        struct bt_plan_refusal row = { .code = "ram-too-small", .text = bt_arena_printf(p->a, "phase %s: %s of host RAM wanted at least (%s of it by servers "
            "on the CPU), and %s is all that may be used here", ph->name, all, servers, bt_bytes_human(ram)) };
        BT_PUSH(p->a, plan->refusal, plan->nrefusals, row);
        return;
    }
    for (size_t i = 0; i < ph->n; i++) {
        struct bt_plan_instance *in = &ph->inst[i];
        const struct pl_work *k = work_of(p, in);
        struct bt_err ignored = { 0 };
        struct bt_need *n;
        if (!k)
            continue;
        floors -= k->host_floor;
        uint64_t room = ram ? ram - held - floors : UINT64_MAX;
        if (k->w->memory.form == BT_MEM_BYTES)
            room = BT_MIN(room, k->w->memory.bytes);
        in->context = longest(p, k, room);
        if (need_with(p, k, in->context, &n, &ignored) < 0)
            continue;                                /* cannot be: a context on either side of it had a need; the validator would say so */
        struct bt_rank_berth *r = BT_NEW(p->a, struct bt_rank_berth);
        uint64_t kv = bt_need_kv_for(n, &n->rank[0], in->context, k->w->requests);
        *r = (struct bt_rank_berth){ .need = &n->rank[0], .kv_bytes = kv, .kv_tokens = bt_need_kv_tokens(n, &n->rank[0], kv),
                                     .bytes = n->rank[0].fixed_bytes + kv };
        in->need = n;
        in->host = r;
        in->host_bytes = r->bytes;
        held += r->bytes;
        warn_node(p, plan, k, r->bytes);
        if (in->context < k->ctx_want) {
            const char *text = bt_arena_printf(p->a, "%s: context %s of the %s %s: RAM holds no more", k->w->name, bt_count_human(in->context),
                                               bt_count_human(k->ctx_want), k->w->context.want ? "wanted" : "that the model was made for");
            BT_PUSH(p->a, plan->warning, plan->nwarnings, text);
        }
    }
}

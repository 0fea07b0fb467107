/* kv - contexts and KV of a complete placement. First every server has its floor (requests x context.min). Then contexts grow towards `want`, all by the
 * same share of what they lack, until the busiest card is full. Then what is left on each card is dealt to its servers at equal concurrency. */
#include "plan/plan_int.h"

uint64_t pl_blocks(const struct bt_need *n, uint64_t context, uint64_t requests)
{
    return bt_need_kv_for(n, &n->rank[0], context, requests) / n->rank[0].kv_block_bytes;     /* the same number on every rank */
}

static void add_use(struct pl_room *r, const struct pl_copy *c, size_t index)
{
    struct pl_problem *p = r->p;
    const struct pl_work *k = &p->work[c->work];
    const struct pl_shape *s = &k->shape[c->shape];
    const struct bt_need *n = s->cost[pl_cost_class(p, c->card, c->ncards)].need;
    struct pl_use *u = &r->use[r->n++];
    *u = (struct pl_use){ .copy = index, .work = c->work, .need = n, .rank = BT_NEWN(p->a, struct pl_rank_use, c->ncards), .n = c->ncards };
    for (uint32_t i = 0; i < c->ncards; i++) {
        const struct bt_need_rank *q = &n->rank[i / s->tp];
        u->rank[i] = (struct pl_rank_use){ .card = c->card[i], .fixed = q->fixed_bytes, .block_bytes = q->kv_block_bytes,
                                           .limit = k->claim == PL_LIMIT ? pl_limit(k, &p->fleet->gpus[c->card[i]]) : UINT64_MAX };
    }
}

void pl_room_init(struct pl_room *r, struct pl_problem *p, const struct pl_copy *copy, size_t ncopies)
{
    *r = (struct pl_room){ .p = p, .use = BT_NEWN(p->a, struct pl_use, ncopies + 1) };
    for (size_t i = 0; i < ncopies; i++) {
        const struct pl_work *k = &p->work[copy[i].work];
        if (k->cpu_only)
            continue;
        if (k->server)
            add_use(r, &copy[i], i);
        for (uint32_t j = 0; j < copy[i].ncards; j++) {
            size_t g = copy[i].card[j];
            if (k->claim != PL_DEAL)
                r->base[g] += pl_floor(p, k, &k->shape[copy[i].shape], 0, j, g);
            r->rest[g] = r->rest[g] || k->claim == PL_REST;
        }
    }
}

void pl_room_load(const struct pl_room *r, uint64_t load[BT_MAX_GPUS])
{
    memcpy(load, r->base, sizeof r->base);
    for (size_t i = 0; i < r->n; i++)
        for (size_t j = 0; j < r->use[i].n; j++) {
            const struct pl_rank_use *q = &r->use[i].rank[j];
            if (q->limit == UINT64_MAX)              /* a limit is in base already, whole */
                load[q->card] += q->fixed + r->use[i].blocks * q->block_bytes;
        }
}

/* Does anything of this server stand past its own limit or on a card that is too full? */
static bool blocked(const struct pl_room *r, const struct pl_use *u, const uint64_t *load)
{
    for (size_t j = 0; j < u->n; j++) {
        const struct pl_rank_use *q = &u->rank[j];
        if (q->limit != UINT64_MAX ? q->fixed + u->blocks * q->block_bytes > q->limit : load[q->card] > r->p->cap[q->card])
            return true;
    }
    return false;
}

bool pl_room_fits(const struct pl_room *r)
{
    uint64_t load[BT_MAX_GPUS];
    pl_room_load(r, load);
    for (size_t g = 0; g < r->p->fleet->n; g++)
        if (load[g] > r->p->cap[g])
            return false;
    for (size_t i = 0; i < r->n; i++)
        if (blocked(r, &r->use[i], load))
            return false;
    return true;
}

/* ---- contexts ---- */

#define LEVELS 65536u                /* steps from min to want when all grow together */

static void set_context(struct pl_room *r, uint64_t *ctx, size_t root, uint64_t tokens)
{
    const struct pl_problem *p = r->p;
    for (size_t i = 0; i < p->n; i++)
        if (p->work[i].server && p->work[i].ctx_root == root)
            ctx[i] = tokens;
    for (size_t i = 0; i < r->n; i++) {
        const struct pl_work *k = &p->work[r->use[i].work];
        if (k->ctx_root != root)
            continue;
        uint64_t floor = pl_blocks(r->use[i].need, k->ctx_min, k->w->requests), one = pl_blocks(r->use[i].need, tokens, 1);
        r->use[i].blocks = BT_MAX(floor, one);
    }
}

static uint64_t at_level(const struct pl_work *k, uint64_t level)
{
    return k->ctx_min + (k->ctx_want - k->ctx_min) / LEVELS * level + (k->ctx_want - k->ctx_min) % LEVELS * level / LEVELS;
}

static void set_active(struct pl_room *r, uint64_t *ctx, const bool *active, uint64_t level)
{
    for (size_t i = 0; i < r->p->n; i++)
        if (active[i])
            set_context(r, ctx, i, at_level(&r->p->work[i], level));
}

/* The longest of this group alone, the others as they are: whole blocks, so that nothing is granted that no block holds. */
static void extend_context(struct pl_room *r, uint64_t *ctx, size_t root, uint64_t step)
{
    uint64_t lo = ctx[root], hi = r->p->work[root].ctx_want;
    set_context(r, ctx, root, hi);
    if (pl_room_fits(r))
        return;
    while (hi - lo > 1) {
        uint64_t mid = lo + (hi - lo) / 2;
        set_context(r, ctx, root, mid);
        if (pl_room_fits(r))
            lo = mid;
        else
            hi = mid;
    }
    uint64_t whole = lo / step * step;
    set_context(r, ctx, root, BT_MAX(whole, r->p->work[root].ctx_min));
}

/* One step further, whose servers are in the way? These have reached their end. */
static size_t stop_blocked(struct pl_room *r, uint64_t *ctx, bool *active, uint64_t level)
{
    uint64_t load[BT_MAX_GPUS];
    size_t stopped = 0;
    set_active(r, ctx, active, level + 1);
    pl_room_load(r, load);
    bool *stop = BT_NEWN(r->p->a, bool, r->p->n + 1);
    for (size_t i = 0; i < r->n; i++)
        if (blocked(r, &r->use[i], load))
            stop[r->p->work[r->use[i].work].ctx_root] = true;
    set_active(r, ctx, active, level);
    for (size_t i = 0; i < r->p->n; i++)
        if (active[i] && stop[i]) {
            active[i] = false;
            stopped++;
        }
    return stopped;
}

void pl_grant(struct pl_room *r, uint64_t *ctx)
{
    struct pl_problem *p = r->p;
    bool *active = BT_NEWN(p->a, bool, p->n + 1);
    uint64_t step = 16;
    size_t left = 0;
    memset(ctx, 0, p->n * sizeof *ctx);
    for (size_t i = 0; i < r->n; i++) {
        step = BT_MAX(step, r->use[i].need->block);
        active[p->work[r->use[i].work].ctx_root] = true;
    }
    for (size_t i = 0; i < p->n; i++) {
        if (active[i])
            set_context(r, ctx, i, p->work[i].ctx_min);
        left += active[i];
    }
    uint64_t from = 0;
    while (left) {
        uint64_t lo = from, hi = LEVELS + 1;         /* lo fits: it did before some stopped */
        while (hi - lo > 1) {
            uint64_t mid = lo + (hi - lo) / 2;
            set_active(r, ctx, active, mid);
            if (pl_room_fits(r))
                lo = mid;
            else
                hi = mid;
        }
        set_active(r, ctx, active, lo);
        from = lo;
        if (lo == LEVELS)
            break;
        left -= stop_blocked(r, ctx, active, lo);
    }
    for (size_t i = 0; i < p->n; i++)
        if (ctx[i] && p->work[i].ctx_root == i && ctx[i] < p->work[i].ctx_want)
            extend_context(r, ctx, i, step);
}

/* ---- dealing ---- */

#define PARTS 256u                   /* concurrency is dealt in 1/256 of a request */

struct deal { uint64_t floor, cap, per_request; bool active; };

static uint64_t dealt_blocks(const struct deal *d, uint64_t level)
{
    uint64_t b = d->per_request / PARTS * level + d->per_request % PARTS * level / PARTS;
    return BT_MIN(BT_MAX(b, d->floor), d->cap);
}

static void set_level(struct pl_room *r, const struct deal *d, uint64_t level)
{
    for (size_t i = 0; i < r->n; i++)
        if (d[i].active)
            r->use[i].blocks = dealt_blocks(&d[i], level);
}

/* Beside a `rest` tenant a server keeps its floor: both would take what is left, and only one was asked to. */
static bool may_be_dealt(const struct pl_room *r, const struct pl_use *u)
{
    for (size_t j = 0; j < u->n; j++)
        if (u->rank[j].limit == UINT64_MAX && r->rest[u->rank[j].card])
            return false;
    return true;
}

static size_t stop_dealing(struct pl_room *r, struct deal *d, uint64_t level)
{
    uint64_t load[BT_MAX_GPUS];
    bool *stop = BT_NEWN(r->p->a, bool, r->n + 1);
    size_t stopped = 0;
    set_level(r, d, level + 1);
    pl_room_load(r, load);
    for (size_t i = 0; i < r->n; i++)
        stop[i] = blocked(r, &r->use[i], load);
    set_level(r, d, level);
    for (size_t i = 0; i < r->n; i++)
        if (d[i].active && stop[i]) {
            d[i].active = false;
            stopped++;
        }
    return stopped;
}

static void take_the_rest(struct pl_room *r, struct pl_use *u, const struct deal *d)
{
    uint64_t lo = u->blocks, hi = d->cap + 1;
    while (hi > lo && hi - lo > 1) {
        uint64_t mid = lo + (hi - lo) / 2;
        u->blocks = mid;
        if (pl_room_fits(r))
            lo = mid;
        else
            hi = mid;
    }
    u->blocks = lo;
}

void pl_deal(struct pl_room *r, const uint64_t *ctx)
{
    struct deal *d = BT_NEWN(r->p->a, struct deal, r->n + 1);
    uint64_t top = 0, from = 0;
    size_t left = 0;
    for (size_t i = 0; i < r->n; i++) {
        struct pl_use *u = &r->use[i];
        const struct pl_work *k = &r->p->work[u->work];
        uint64_t floor = pl_blocks(u->need, k->ctx_min, k->w->requests), one = pl_blocks(u->need, ctx[u->work], 1);
        d[i].floor = BT_MAX(floor, one);
        d[i].cap = BT_MAX(d[i].floor, pl_blocks(u->need, ctx[u->work], u->need->serve.max_seqs));
        d[i].per_request = bt_ceil_div(ctx[u->work], u->need->block);
        d[i].active = may_be_dealt(r, u);
        u->blocks = d[i].floor;
        left += d[i].active;
        top = BT_MAX(top, (u->need->serve.max_seqs + 2) * PARTS);
    }
    bool *later = BT_NEWN(r->p->a, bool, r->n + 1);
    for (size_t i = 0; i < r->n; i++)
        later[i] = d[i].active;
    while (left) {
        uint64_t lo = from, hi = top + 1;
        while (hi - lo > 1) {
            uint64_t mid = lo + (hi - lo) / 2;
            set_level(r, d, mid);
            if (pl_room_fits(r))
                lo = mid;
            else
                hi = mid;
        }
        set_level(r, d, lo);
        from = lo;
        if (lo == top)
            break;
        left -= stop_dealing(r, d, lo);
    }
    for (size_t i = 0; i < r->n; i++)                /* less than 1/256 of a request each: in order */
        if (later[i])
            take_the_rest(r, &r->use[i], &d[i]);
}

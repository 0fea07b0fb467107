/* kv - contexts and KV of a complete placement. First every server has its floor (requests x context.min). Then contexts grow towards
 * `want`, all by the same share of what they lack, until the busiest card is full. Then what is left on each card is dealt to its servers
 * at equal concurrency. */
#include "plan/plan_int.h"

static uint64_t blocks_for(const struct bt_need *n, uint64_t context, uint64_t requests)
{
    return bt_need_kv_blocks(n, &n->rank[0], context, requests);     /* the same number on every rank */
}

static void add_use(struct pl_room *r, const struct pl_copy *c, size_t index, struct pl_rank_use *rank)
{
    struct pl_problem *p = r->p;
    const struct pl_work *k = &p->work[c->work];
    const struct pl_shape *s = &k->shape[c->shape];
    size_t cls = pl_cost_class(p, c->card, c->ncards);
    const struct bt_need *n = s->cost[cls].need;
    struct pl_use *u = &r->use[r->n++];
    *u = (struct pl_use){ .copy = index, .work = c->work, .root = k->ctx_root, .need = n, .rank = rank, .n = c->ncards };
    for (uint32_t i = 0; i < c->ncards; i++) {
        const struct bt_need_rank *q = &n->rank[i / s->tp];
        const struct bt_gpu *g = &p->fleet->gpus[c->card[i]];
        r->ram += q->host_bytes;
        r->grows = r->grows || q->host_token_bytes;
        u->rank[i] = (struct pl_rank_use){ .card = c->card[i], .fixed = pl_fixed(q, g), .block_bytes = q->kv_block_bytes, .row = q,
                                           .limit = k->claim == PL_LIMIT ? pl_floor(p, k, s, cls, i, c->card[i]) : UINT64_MAX };
    }
}

void pl_room_init(struct pl_room *r, struct pl_problem *p, const struct pl_copy *copy, size_t ncopies)
{
    *r = (struct pl_room){ .p = p, .use = BT_NEWN(p->a, struct pl_use, ncopies + 1) };
    size_t ranks = 0;
    for (size_t i = 0; i < ncopies; i++)
        ranks += copy[i].ncards;
    struct pl_rank_use *rank = BT_NEWN(p->a, struct pl_rank_use, ranks + 1);
    for (size_t i = 0; i < ncopies; i++) {
        const struct pl_work *k = &p->work[copy[i].work];
        if (k->cpu_only) {
            r->ram += k->host_floor;
            for (size_t g = 0; g < p->fleet->n && p->ram_binds; g++)
                r->base[g] += p->fleet->gpus[g].unified ? k->host_floor : 0;
            continue;
        }
        if (k->server)
            add_use(r, &copy[i], i, rank);
        rank += copy[i].ncards;
        for (uint32_t j = 0; j < copy[i].ncards; j++) {
            size_t g = copy[i].card[j];
            if (k->claim != PL_DEAL)
                r->base[g] += pl_floor(p, k, &k->shape[copy[i].shape], pl_cost_class(p, copy[i].card, copy[i].ncards), j, g);
            r->rest[g] = r->rest[g] || k->claim == PL_REST;
        }
    }
}

/* What of the rank's KV lies in RAM, with layers that are computed there. */
static uint64_t kv_in_ram(const struct pl_use *u, const struct pl_rank_use *q)
{
    return q->row->host_token_bytes ? q->row->host_token_bytes * bt_need_kv_tokens(u->need, q->row, u->blocks * q->block_bytes) : 0;
}

/* What does not change while blocks do. Asked whenever contexts or KV are dealt: needs, and what stands there, are put in from outside as well. */
static void settle(struct pl_room *r)
{
    memcpy(r->still, r->base, sizeof r->base);
    r->cards_only = !r->grows;
    for (size_t i = 0; i < r->n; i++) {
        struct pl_use *u = &r->use[i];
        const struct pl_work *k = &r->p->work[u->work];
        bool again = i && u[-1].need == u->need && u[-1].work == u->work;
        u->floor = again ? u[-1].floor : blocks_for(u->need, k->ctx_min, k->w->requests);
        for (size_t j = 0; j < u->n; j++)
            if (u->rank[j].limit == UINT64_MAX)      /* a limit is in base already, whole */
                r->still[u->rank[j].card] += u->rank[j].fixed;
            else
                r->cards_only = false;
    }
}

/* After settle(). */
static void load_now(const struct pl_room *r, uint64_t load[BT_MAX_GPUS])
{
    memcpy(load, r->still, r->p->fleet->n * sizeof *load);
    for (size_t i = 0; i < r->n; i++) {
        const struct pl_use *u = &r->use[i];
        for (size_t j = 0; j < u->n; j++) {
            const struct pl_rank_use *q = &u->rank[j];
            if (r->cards_only || q->limit == UINT64_MAX)
                load[q->card] += u->blocks * q->block_bytes;
            if (r->grows && r->p->fleet->gpus[q->card].unified)
                load[q->card] += kv_in_ram(u, q);
        }
    }
}

void pl_room_load(struct pl_room *r, uint64_t load[BT_MAX_GPUS])
{
    settle(r);
    load_now(r, load);
}

uint64_t pl_room_ram(const struct pl_room *r)
{
    uint64_t sum = r->ram;
    for (size_t i = 0; i < r->n && r->grows; i++)
        for (size_t j = 0; j < r->use[i].n; j++)
            sum += kv_in_ram(&r->use[i], &r->use[i].rank[j]);
    return sum;
}

static bool ram_is_full(const struct pl_room *r) { return r->p->ram_binds && pl_room_ram(r) > pl_ram_limit(r->p); }

/* Does anything of this server stand past its own limit, on a card that is too full, or in RAM that is? */
static bool blocked(const struct pl_room *r, const struct pl_use *u, const uint64_t *load)
{
    for (size_t j = 0; j < u->n; j++) {
        const struct pl_rank_use *q = &u->rank[j];
        if (q->row->host_token_bytes && (ram_is_full(r) || load[q->card] > r->p->cap[q->card]))
            return true;
        if (q->limit != UINT64_MAX ? q->fixed + u->blocks * q->block_bytes > q->limit : load[q->card] > r->p->cap[q->card])
            return true;
    }
    return false;
}

/* load: it is left there. */
static bool room_fits(struct pl_room *r, uint64_t load[BT_MAX_GPUS])
{
    r->looks += r->n;
    load_now(r, load);
    for (size_t g = 0; g < r->p->fleet->n; g++)
        if (load[g] > r->p->cap[g])
            return false;
    for (size_t i = 0; i < r->n && !r->cards_only; i++)
        if (blocked(r, &r->use[i], load))
            return false;
    return !r->p->ram_binds || !ram_is_full(r);
}

static bool fits_as_it_is(struct pl_room *r)
{
    uint64_t load[BT_MAX_GPUS];
    return room_fits(r, load);
}

/* Between lo, which fits, and hi, which does not: where the first card is full if loads grow in a straight line. */
static uint64_t guess(const struct pl_room *r, uint64_t lo, uint64_t hi, const uint64_t *at_lo, const uint64_t *at_hi)
{
    double least = 1;
    bool over = false;
    for (size_t g = 0; g < r->p->fleet->n; g++) {
        uint64_t cap = r->p->cap[g];
        if (at_hi[g] <= cap)
            continue;
        over = true;
        least = at_lo[g] >= cap ? 0 : BT_MIN(least, (double)(cap - at_lo[g]) / (double)(at_hi[g] - at_lo[g]));
    }
    return over ? lo + (uint64_t)(least * (double)(hi - lo)) : lo + (hi - lo) / 2;   /* a limit of its own, or RAM: halves */
}

#define STEPS_OF 2048u               /* loads grow in steps of whole blocks, about so many: nearer than that no guess comes */

/* The largest v in [lo, hi) that fits once set(r, what, v) has put it into the room; lo is known to fit, and what fits, fits with less. Leaves it set. */
static uint64_t most_that_fits(struct pl_room *r, uint64_t lo, uint64_t hi, void (*set)(struct pl_room *, void *what, uint64_t v), void *what)
{
    uint64_t load[3][BT_MAX_GPUS], *at_lo = load[0], *at_hi = load[1], *at = load[2];
    if (hi <= lo + 1) {
        set(r, what, lo);
        return lo;
    }
    set(r, what, --hi);
    if (room_fits(r, at_hi))
        return hi;
    set(r, what, lo);
    load_now(r, at_lo);
    uint64_t near = (hi - lo) / STEPS_OF + 1, past = near;
    int side = 0;                    /* of the last guess: it fitted, or not */
    while (hi - lo > 1) {
        bool halves = hi - lo <= 2 * near;
        uint64_t v = halves ? lo + (hi - lo) / 2 : guess(r, lo, hi, at_lo, at_hi);
        if (!halves && side)         /* from the other side, ever further */
            v = side > 0 ? BT_MAX(v, lo + past) : v - BT_MIN(v - lo, past);
        v = BT_MIN(BT_MAX(v, lo + 1), hi - 1);
        set(r, what, v);
        bool fits = room_fits(r, at);
        uint64_t **end = fits ? &at_lo : &at_hi, *old = *end;
        *end = at;
        at = old;
        past = side == (fits ? 1 : -1) ? past * 4 : near;
        side = fits ? 1 : -1;
        if (fits)
            lo = v;
        else
            hi = v;
    }
    set(r, what, lo);
    return lo;
}

/* The floor: its `requests` at the least context, and one request of the context it was granted. */
static uint64_t least_blocks(const struct pl_use *u, uint64_t context)
{
    uint64_t one = blocks_for(u->need, context, 1);
    return BT_MAX(u->floor, one);
}

void pl_room_floors(struct pl_room *r, const uint64_t *ctx)
{
    settle(r);
    for (size_t i = 0; i < r->n; i++)
        r->use[i].blocks = least_blocks(&r->use[i], ctx[r->use[i].work]);
}

bool pl_room_holds(struct pl_room *r)
{
    settle(r);
    for (size_t i = 0; i < r->n; i++)
        r->use[i].blocks = least_blocks(&r->use[i], r->p->work[r->use[i].work].ctx_min);
    return fits_as_it_is(r);
}

/* ---- contexts ---- */

#define LEVELS 65536u                /* steps from min to want when all grow together */

/* The use has the context of ctx[]. One after the other: copies of one workload mostly have one need. */
static void take_context(struct pl_use *u, const uint64_t *ctx, const struct pl_use *before)
{
    bool again = before && before->need == u->need && before->work == u->work;
    u->blocks = again ? before->blocks : least_blocks(u, ctx[u->work]);
}

static void set_context(struct pl_room *r, uint64_t *ctx, size_t root, uint64_t tokens)
{
    const struct pl_problem *p = r->p;
    const struct pl_use *before = NULL;
    for (size_t i = 0; i < p->n; i++)
        if (p->work[i].server && p->work[i].ctx_root == root)
            ctx[i] = tokens;
    for (size_t i = 0; i < r->n; i++)
        if (r->use[i].root == root) {
            take_context(&r->use[i], ctx, before);
            before = &r->use[i];
        }
}

static uint64_t at_level(const struct pl_work *k, uint64_t level)
{
    return k->ctx_min + (k->ctx_want - k->ctx_min) / LEVELS * level + (k->ctx_want - k->ctx_min) % LEVELS * level / LEVELS;
}

struct growth { uint64_t *ctx; bool *active; };      /* [works]; active: the roots whose contexts still grow */

static void set_level(struct pl_room *r, void *growth, uint64_t level)
{
    struct growth *g = growth;
    const struct pl_problem *p = r->p;
    const struct pl_use *before = NULL;
    for (size_t i = 0; i < p->n; i++)
        if (p->work[i].server && g->active[p->work[i].ctx_root])
            g->ctx[i] = at_level(&p->work[p->work[i].ctx_root], level);
    for (size_t i = 0; i < r->n; i++)
        if (g->active[r->use[i].root]) {
            take_context(&r->use[i], g->ctx, before);
            before = &r->use[i];
        }
}

struct one_context { uint64_t *ctx; size_t root; uint64_t step; };

static void set_one(struct pl_room *r, void *one, uint64_t steps)
{
    struct one_context *o = one;
    set_context(r, o->ctx, o->root, steps * o->step);
}

/* The longest of this group alone, the others as they are: whole blocks, so that nothing is granted that no block holds. */
static void extend_context(struct pl_room *r, uint64_t *ctx, size_t root, uint64_t step)
{
    uint64_t now = ctx[root], want = r->p->work[root].ctx_want;
    set_context(r, ctx, root, want);
    if (fits_as_it_is(r))
        return;
    uint64_t whole = most_that_fits(r, now / step, (want - 1) / step + 1, set_one, &(struct one_context){ ctx, root, step }) * step;
    set_context(r, ctx, root, BT_MAX(whole, r->p->work[root].ctx_min));
}

/* One step further, whose servers are in the way? These have reached their end; all of them where nobody is: it did not fit from the start. */
static size_t stop_growing(struct pl_room *r, struct growth *grow, uint64_t level)
{
    uint64_t load[BT_MAX_GPUS];
    size_t stopped = 0;
    set_level(r, grow, level + 1);
    load_now(r, load);
    bool *stop = BT_NEWN(r->p->a, bool, r->p->n + 1);
    for (size_t i = 0; i < r->n; i++)
        if (blocked(r, &r->use[i], load))
            stop[r->use[i].root] = true;
    set_level(r, grow, level);
    bool any = false;
    for (size_t i = 0; i < r->p->n; i++)
        any = any || (grow->active[i] && stop[i]);
    for (size_t i = 0; i < r->p->n; i++)
        if (grow->active[i] && (stop[i] || !any)) {
            grow->active[i] = false;
            stopped++;
        }
    return stopped;
}

void pl_grant(struct pl_room *r, uint64_t *ctx)
{
    struct pl_problem *p = r->p;
    struct growth grow = { ctx, BT_NEWN(p->a, bool, p->n + 1) };
    uint64_t step = 16;
    size_t left = 0;
    memset(ctx, 0, p->n * sizeof *ctx);
    settle(r);
    for (size_t i = 0; i < r->n; i++) {
        step = BT_MAX(step, r->use[i].need->block);
        grow.active[r->use[i].root] = true;
    }
    for (size_t i = 0; i < p->n; i++) {
        if (grow.active[i])
            set_context(r, ctx, i, p->work[i].ctx_min);
        left += grow.active[i];
    }
    for (uint64_t level = 0; left; left -= stop_growing(r, &grow, level)) {
        level = most_that_fits(r, level, LEVELS + 1, set_level, &grow);      /* from where some stopped: that fits */
        if (level == LEVELS)
            break;
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

static void set_share(struct pl_room *r, void *deals, uint64_t level)
{
    const struct deal *d = deals;
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
    set_share(r, d, level + 1);
    load_now(r, load);
    for (size_t i = 0; i < r->n; i++)
        stop[i] = blocked(r, &r->use[i], load);
    set_share(r, d, level);
    bool any = false;
    for (size_t i = 0; i < r->n; i++)
        any = any || (d[i].active && stop[i]);
    for (size_t i = 0; i < r->n; i++)
        if (d[i].active && (stop[i] || !any)) {
            d[i].active = false;
            stopped++;
        }
    return stopped;
}

static void set_blocks(struct pl_room *r, void *use, uint64_t blocks)
{
    (void)r;
    ((struct pl_use *)use)->blocks = blocks;
}

/* Place in the pool of its n-th card, by place. */
static int nth_place(const struct pl_room *r, const struct pl_use *u, size_t n)
{
    const int *pos = r->p->work[u->work].pos;
    for (size_t i = 0; i < u->n; i++) {
        size_t before = 0;
        for (size_t j = 0; j < u->n; j++)
            before += pos[u->rank[j].card] < pos[u->rank[i].card];
        if (before == n)
            return pos[u->rank[i].card];
    }
    return 0;
}

/* Copies of one workload by their cards, not by their numbers, and those by place, not by rank: how equal ones are named must not matter, for the search tries
 * one naming only. */
static bool cards_before(const struct pl_room *r, const struct pl_use *a, const struct pl_use *b)
{
    const struct pl_work *k = &r->p->work[a->work];
    if (a->work != b->work)
        return a->work < b->work;
    for (size_t j = 0; j < a->n && j < b->n; j++)
        if (nth_place(r, a, j) != nth_place(r, b, j))
            return nth_place(r, a, j) < nth_place(r, b, j);
    for (size_t j = 0; j < a->n && j < b->n; j++)
        if (a->rank[j].card != b->rank[j].card)
            return k->pos[a->rank[j].card] < k->pos[b->rank[j].card];
    return false;
}

static size_t *in_card_order(const struct pl_room *r)
{
    size_t *order = BT_NEWN(r->p->a, size_t, r->n + 1);
    for (size_t i = 0; i < r->n; i++) {
        size_t at = i;
        for (; at > 0 && cards_before(r, &r->use[i], &r->use[order[at - 1]]); at--)
            order[at] = order[at - 1];
        order[at] = i;
    }
    return order;
}

void pl_deal(struct pl_room *r, const uint64_t *ctx)
{
    struct deal *d = BT_NEWN(r->p->a, struct deal, r->n + 1);
    uint64_t top = 0;
    size_t left = 0;
    settle(r);
    for (size_t i = 0; i < r->n; i++) {
        struct pl_use *u = &r->use[i];
        d[i].floor = least_blocks(u, ctx[u->work]);
        d[i].cap = BT_MAX(d[i].floor, blocks_for(u->need, ctx[u->work], u->need->serve.max_seqs));
        d[i].per_request = bt_ceil_div(ctx[u->work], u->need->block);
        d[i].active = may_be_dealt(r, u);
        u->blocks = d[i].floor;
        left += d[i].active;
        top = BT_MAX(top, (u->need->serve.max_seqs + 2) * PARTS);
    }
    bool *later = BT_NEWN(r->p->a, bool, r->n + 1);
    for (size_t i = 0; i < r->n; i++)
        later[i] = d[i].active;
    for (uint64_t level = 0; left; left -= stop_dealing(r, d, level)) {
        level = most_that_fits(r, level, top + 1, set_share, d);
        if (level == top)
            break;
    }
    size_t *order = in_card_order(r);
    for (size_t n = 0; n < r->n; n++) {              /* less than 1/256 of a request each: in order */
        size_t i = order[n];
        if (later[i])
            most_that_fits(r, r->use[i].blocks, d[i].cap + 1, set_blocks, &r->use[i]);
    }
}

/* plan_ref.h - what a phase can reach at best, worked out from spec, fleet, models and engine rows by trying every placement: docs/plan.md ("The problem", "What is best", "Floor and deal")
 * a second time. Of src/plan it uses the bytes and rates of a shape (need, pace) and nothing else: no shapes, floors, contexts, KV or score of the search's. */
#ifndef PLAN_REF_H
#define PLAN_REF_H
#include "plan_ref_shapes.h"

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

/* At their least: leaves behind us have dealt. */
static inline bool ref_least_fit(struct ref *r)
{
    for (size_t i = 0; i < r->ncopies; i++)
        if (r->w[r->c[i].work].gpu_server)
            r->c[i].blocks = ref_least(r, &r->c[i], r->w[r->c[i].work].ctx_min);
    return ref_all_fit(r);
}

static inline void ref_try_cards(struct ref *r, size_t work, uint32_t replica, uint32_t rank)
{
    struct ref_copy *c = &r->c[r->ncopies - 1];
    if (rank == c->n) {
        r->tried++;
        if (ref_allowed(r) && ref_least_fit(r))      /* more copies only add to it */
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
    if (k->no_card && ref_least_fit(r))
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

/* cut - pipeline stages that are not cut evenly. Every stage holds as many KV blocks as the poorest: where stages stand on unequal cards, or beside
 * neighbours, an even cut fills the small room and leaves the large one empty.
 *
 * Twice: candidates for the search, where an even cut does not hold the context that is wanted and another holds more; and in the plan that was found, where
 * another cut holds more KV in the rooms that it has there. */
#include <math.h>

#include "plan/plan_int.h"

#define COST_NODES 8u                /* what a shape takes on a class of cards, and its tables, in nodes */
#define RECUT_ROUNDS 8u               /* of cutting each copy of a plan once more */
#define GAIN 1.05                    /* less is not worth a split that nobody expects */
#define SLACK 1.02
#define MAX_KINDS 6                  /* of room on a card: its own capacity, the same beside a neighbour */
#define MAX_TRIES 216                /* ways to give kinds of room to stages: all of three stages */
#define MAX_CUTS 8                   /* of one shape */
#define CUT_NODES 200000             /* of the search with them, where there is a plan already */
#define SEARCHES_MORE 3u             /* with the cuts of the plan that the last one found */
#define MORE_TIMES 4u                /* the work of the search before, as long as there is time */

/* Whose blocks are looked for: the server as tp x pp on cards whose poorest is of this class, each stage with so much room. */
struct cutting {
    struct pl_problem *p; const struct pl_work *k;
    uint32_t tp, pp;
    size_t cls;
    uint64_t context;
    uint64_t room[PL_MAX_CUT];
};

static const struct bt_gpu *poorest_card(const struct cutting *x) { return &x->p->fleet->gpus[x->p->cls_card[x->cls]]; }

static struct bt_serve serve_of(const struct cutting *x, const uint32_t *cut)
{
    struct bt_serve serve = x->k->serve;
    serve.tp = x->tp;
    serve.pp = x->pp;
    serve.context = x->context;
    serve.cut = cut ? pl_cut_kept(x->p, cut, x->pp) : NULL;
    serve.ncut = cut ? x->pp : 0;
    return serve;
}

static struct bt_need *need_of(const struct cutting *x, const uint32_t *cut)
{
    struct bt_serve serve = serve_of(x, cut);
    struct bt_err ignored = { 0 };
    struct bt_need *n;
    return pl_need(x->p, x->k, &serve, poorest_card(x), &n, &ignored) < 0 ? NULL : n;
}

/* Blocks that the stage holds; below 0: so many that it lacks. */
static double stage_blocks(const struct cutting *x, const struct bt_need *n, uint32_t stage)
{
    const struct bt_need_rank *r = &n->rank[stage];
    return ((double)x->room[stage] - (double)r->fixed_bytes) / (double)BT_MAX(r->kv_block_bytes, 1u);
}

static double blocks(const struct cutting *x, const struct bt_need *n, uint32_t *poorest)
{
    double least = INFINITY;
    for (uint32_t i = 0; i < x->pp; i++) {
        double b = stage_blocks(x, n, i);
        if (b < least && poorest)
            *poorest = i;
        least = BT_MIN(least, b);
    }
    return least;
}

/* What a layer costs, from one that moves from the first stage to the last: a start, the ledger decides. */
static void level(const struct cutting *x, const struct bt_need *even, uint32_t *cut)
{
    uint32_t moved[PL_MAX_CUT], layers = 0, given = 0;
    for (uint32_t i = 0; i < x->pp; i++)
        layers += moved[i] = cut[i];
    if (moved[0] < 2)
        return;
    moved[0]--;
    moved[x->pp - 1]++;
    const struct bt_need *n = need_of(x, moved);
    if (!n || n->rank[0].fixed_bytes >= even->rank[0].fixed_bytes)
        return;
    double weight = (double)(even->rank[0].fixed_bytes - n->rank[0].fixed_bytes), kv = (double)even->rank[0].kv_block_bytes / cut[0], low = 0, high = 1e12;
    for (unsigned round = 0; round < 60; round++) {  /* the most blocks at which the stages take all layers */
        double mid = low + (high - low) / 2, sum = 0;
        for (uint32_t i = 0; i < x->pp; i++)
            sum += BT_MAX(1.0, floor(((double)x->room[i] - (double)even->rank[i].fixed_bytes + cut[i] * weight) / (weight + mid * kv)));
        if (sum >= layers)
            low = mid;
        else
            high = mid;
    }
    for (uint32_t i = 0; i < x->pp; i++) {
        double most = floor(((double)x->room[i] - (double)even->rank[i].fixed_bytes + cut[i] * weight) / (weight + low * kv));
        uint32_t left = layers - given, after = x->pp - 1 - i;
        cut[i] = i + 1 == x->pp ? left : (uint32_t)BT_MIN(BT_MAX(most, 1.0), (double)(left - after));
        given += cut[i];
    }
}

/* The cut with the most blocks, into cut[]: layers leave the poorest stage as long as that helps. Returns its blocks; -INFINITY: none can be reckoned. */
static double find_best(const struct cutting *x, uint32_t *cut)
{
    const struct bt_need *even = need_of(x, NULL), *n = even;
    if (!even)
        return -INFINITY;
    for (uint32_t i = 0; i < x->pp; i++)
        cut[i] = even->rank[i].layers;
    level(x, even, cut);
    if (!(n = need_of(x, cut)))
        return -INFINITY;
    uint32_t from = 0, layers = x->k->pm->model->layers;
    double best = blocks(x, n, &from);
    for (uint32_t step = 0; step < layers && cut[from] > 1; step++) {
        double most = best;
        uint32_t to = x->pp, next[PL_MAX_CUT];
        for (uint32_t i = 0; i < x->pp; i++) {
            memcpy(next, cut, x->pp * sizeof *next);
            next[from]--;
            next[i]++;
            double b = i != from && (n = need_of(x, next)) ? blocks(x, n, NULL) : -INFINITY;
            if (b > most) {
                most = b;
                to = i;
            }
        }
        if (to == x->pp)
            break;
        cut[from]--;
        cut[to]++;
        best = blocks(x, need_of(x, cut), &from);
    }
    return best;
}

/* The same, found once: trials ask it again for all servers that are as they were. */
static double best_cut(const struct cutting *x, uint32_t *cut)
{
    struct bt_serve serve = serve_of(x, NULL);
    struct pl_best_cut *b = pl_best_cut_kept(x->p, x->k, &serve, poorest_card(x), x->room);
    if (!b->known) {
        b->blocks = find_best(x, b->layers);
        b->known = true;
    }
    memcpy(cut, b->layers, x->pp * sizeof *cut);
    return b->blocks;
}

/* ---- for the search ---- */

struct kind { size_t cls; uint64_t room; };
struct kinds { struct kind v[MAX_KINDS]; size_t n; uint32_t of_class[BT_MAX_GPUS]; };

static void add_kind(struct kinds *s, size_t cls, uint64_t room)
{
    for (size_t i = 0; i < s->n; i++)
        if (s->v[i].cls == cls && s->v[i].room == room)
            return;
    if (room && s->n < MAX_KINDS)
        s->v[s->n++] = (struct kind){ cls, room };
}

/* What a neighbour takes of the card at least; a server: in its first shape, with one request as long as it wishes. */
static uint64_t neighbour_bytes(const struct pl_problem *p, const struct pl_work *o, size_t g)
{
    for (size_t i = 0; i < o->nshapes; i++) {
        const struct pl_shape *s = &o->shape[i];
        if (!s->ok)
            continue;
        if (o->claim != PL_DEAL)
            return pl_floor(p, o, s, p->cls[g], 0, g);
        const struct bt_need *n = s->cost[p->cls[g]].need;
        return n->rank[0].fixed_bytes + bt_need_kv_for(n, &n->rank[0], o->ctx_want, 1);
    }
    return 0;
}

/* Cards as they are first, then beside one neighbour. */
static void find_kinds(const struct pl_problem *p, const struct pl_work *k, struct kinds *out)
{
    for (size_t i = 0; i < k->npool; i++) {
        size_t g = k->pool[i];
        if (!pl_card_for(p, 2, g))
            continue;
        out->of_class[p->cls[g]]++;
        add_kind(out, p->cls[g], p->cap[g]);
    }
    for (size_t j = 0; j < p->n; j++)
        for (size_t i = 0; i < k->npool; i++) {
            const struct pl_work *o = &p->work[j];
            size_t g = k->pool[i];
            if (o == k || o->cpu_only || !pl_card_for(p, 2, g) || o->pos[g] < 0 || !p->may_share[(size_t)(k - p->work) * p->n + j])
                continue;
            uint64_t taken = neighbour_bytes(p, o, g);
            if (taken && taken < p->cap[g])
                add_kind(out, p->cls[g], p->cap[g] - taken);
        }
}

/* Number `index` of the ways to give kinds to stages. False: there are no such cards. */
static bool give(struct cutting *x, const struct kinds *s, size_t index)
{
    const struct bt_gpu *gpus = x->p->fleet->gpus;
    uint32_t used[BT_MAX_GPUS] = { 0 };
    for (uint32_t i = 0; i < x->pp; i++, index /= s->n) {
        const struct kind *k = &s->v[index % s->n];
        x->room[i] = k->room;
        if ((used[k->cls] += x->tp) > s->of_class[k->cls])
            return false;
        if (!i || gpus[x->p->cls_card[k->cls]].total_bytes < gpus[x->p->cls_card[x->cls]].total_bytes)
            x->cls = k->cls;
    }
    return true;
}

static bool known(const struct pl_work *k, const struct pl_shape *s, const uint32_t *cut)
{
    for (size_t i = 0; i < k->nshapes; i++)
        if (k->shape[i].cut && k->shape[i].tp == s->tp && k->shape[i].pp == s->pp && !memcmp(k->shape[i].cut, cut, s->pp * sizeof *cut))
            return true;
    return false;
}

/* No cut holds more than this: what all stages have together beside all layers. What does not move with the layers is as in the even cut, nearly: SLACK. */
static double blocks_together(const struct cutting *x, const struct bt_need *even)
{
    double room = 0, fixed = 0, block = 0;
    for (uint32_t i = 0; i < x->pp; i++) {
        room += (double)x->room[i];
        fixed += (double)even->rank[i].fixed_bytes;
        block += (double)even->rank[i].kv_block_bytes;
    }
    return (room * SLACK - fixed) / BT_MAX(block, 1.0);
}

static void cut_shape(struct pl_problem *p, struct pl_work *k, size_t shape, const struct kinds *s)
{
    struct pl_shape even = k->shape[shape];
    struct cutting x = { .p = p, .k = k, .tp = even.tp, .pp = even.pp, .context = k->ctx_want };
    struct bt_err ignored = { 0 };   /* a ledger that there was for the even cut */
    size_t ways = 1, cuts = 0;
    for (size_t i = 0; i < k->nshapes; i++)          /* of an earlier search */
        cuts += k->shape[i].cut && k->shape[i].tp == even.tp && k->shape[i].pp == even.pp;
    for (uint32_t i = 0; i < even.pp && ways <= MAX_TRIES; i++)
        ways *= s->n;
    for (size_t i = 0; i < BT_MIN(ways, (size_t)MAX_TRIES) && cuts < MAX_CUTS; i++) {
        uint32_t cut[PL_MAX_CUT];
        if (!give(&x, s, i))
            continue;
        const struct bt_need *n = even.cost[x.cls].need;
        uint64_t floor = bt_need_kv_for(n, &n->rank[0], k->ctx_min, k->w->requests), wish = bt_need_kv_for(n, &n->rank[0], k->ctx_want, 1);
        double has = blocks(&x, n, NULL), per = (double)BT_MAX(n->rank[0].kv_block_bytes, 1u);
        if (has >= (double)BT_MAX(floor, wish) / per || blocks_together(&x, n) < BT_MAX((double)floor / per, has * GAIN))
            continue;
        double most = best_cut(&x, cut);
        if (most * per < (double)floor || most < has * GAIN || known(k, &even, cut))
            continue;
        size_t before = k->nshapes;
        if (pl_shape_cut(p, k, &even, pl_cut_kept(p, cut, even.pp), &ignored) == 0)
            cuts += k->nshapes > before;
    }
}

static bool add_cuts(struct pl_problem *p, struct pl_work *k)
{
    struct kinds s = { .n = 0 };
    size_t n = k->nshapes;
    if (!k->server || !k->pm->engine || !k->pm->engine->cuts_layers || k->w->pp_layers.n)
        return false;
    find_kinds(p, k, &s);
    for (size_t i = 0; i < n && s.n > 1; i++)
        if (k->shape[i].ok && !k->shape[i].cut && k->shape[i].pp > 1 && k->shape[i].pp <= PL_MAX_CUT && pl_dp(&k->shape[i]) == 1)
            cut_shape(p, k, i, &s);
    return k->nshapes > n;
}

/* Whose further shapes might make the plan better: who has less than it wants; everybody where a workload has no place. */
static bool wants_more(const struct pl_problem *p, const struct pl_solution *s, size_t work)
{
    bool less = !s->found;
    for (size_t i = 0; i < p->n && !less; i++) {
        uint32_t copies = 0;
        for (size_t c = 0; c < s->ncopies; c++)
            copies += s->copy[c].work == i;
        less = copies < p->work[i].copies_want;
    }
    return less || s->ctx[work] < p->work[work].ctx_want;
}

/* The search; where somebody lacks something, again with cuts, from the plan that there is. */
static void solve_once(struct pl_problem *p, uint64_t node_limit, const struct pl_solution *from, struct pl_solution *out)
{
    struct pl_solution cut;
    bool more = false;
    pl_search(p, node_limit, from, out);
    if (out->found && p->any_plan)                   /* the question is answered */
        return;
    for (size_t i = 0; i < p->n; i++)
        if (p->work[i].server && wants_more(p, out, i))
            more = add_cuts(p, &p->work[i]) || more;
    if (!more)
        return;
    pl_search(p, out->found ? BT_MIN(node_limit, (uint64_t)CUT_NODES) : node_limit, out->found ? out : NULL, &cut);
    cut.nodes += out->nodes;
    *out = cut;
}

void pl_solve(struct pl_problem *p, uint64_t node_limit, struct pl_solution *out)
{
    const struct bt_plan_clock *c = p->in->clock;
    if (c)
        p->began_s = c->now_s(c->ctx);
    solve_once(p, node_limit, NULL, out);
    while (c && !out->complete && !(out->found && p->any_plan) && node_limit < UINT64_MAX / MORE_TIMES && c->now_s(c->ctx) - p->began_s < c->limit_s) {
        struct pl_solution was = *out;
        node_limit *= MORE_TIMES;
        solve_once(p, node_limit, was.found ? &was : NULL, out);
        out->nodes += was.nodes;
    }
}

void pl_find(struct pl_problem *p, uint64_t node_limit, struct pl_solution *out)
{
    p->any_plan = true;
    pl_solve(p, node_limit, out);
    p->any_plan = false;
}

/* A placement of many takes longer, and there are more of them. */
uint64_t pl_find_cost(size_t n) { return (uint64_t)n * n * (1 + n / 100); }

uint64_t pl_found_cost(const struct pl_problem *p, const struct pl_solution *s)
{
    uint64_t costs = 0;
    for (size_t i = 0; i < p->n; i++)
        costs += p->work[i].nshapes * p->nclasses;
    return pl_find_cost(p->n) + s->nodes + costs * COST_NODES;
}

/* ---- in the plan ---- */

/* Rooms of the copy's stages with all others at their floors, into x->room; false where it holds all it can use already. */
static bool rooms_of(const struct pl_room *r, const struct pl_use *u, const uint64_t *load, uint64_t ctx, struct cutting *x)
{
    uint64_t all = bt_need_kv_for(u->need, &u->need->rank[0], ctx, u->need->serve.max_seqs);
    for (uint32_t i = 0; i < x->pp; i++) {
        x->room[i] = UINT64_MAX;
        for (uint32_t t = 0; t < x->tp; t++) {
            const struct pl_rank_use *q = &u->rank[i * x->tp + t];
            uint64_t own = q->limit == UINT64_MAX ? q->fixed + u->blocks * q->block_bytes : 0;
            uint64_t free = q->limit != UINT64_MAX ? q->limit : r->p->cap[q->card] - (load[q->card] - own);
            x->room[i] = BT_MIN(x->room[i], r->rest[q->card] ? own : free);
        }
    }
    return blocks(x, u->need, NULL) < (double)all / (double)BT_MAX(u->need->rank[0].kv_block_bytes, 1u);
}

/* Number `index` of the orders of n stages, n small: out[i] is whose room stage i takes. False: no more. */
static bool order_of(uint32_t n, uint32_t index, uint32_t *out)
{
    uint32_t left[PL_MAX_CUT], orders = 1;
    for (uint32_t i = 0; i < n; i++) {
        left[i] = i;
        orders = orders > 24 ? orders : orders * (i + 1);
    }
    if (n > 4) {                     /* as they are, and turned round */
        for (uint32_t i = 0; i < n; i++)
            out[i] = index ? n - 1 - i : i;
        return index < 2;
    }
    for (uint32_t i = 0, of = n; i < n && index < orders; i++, of--) {
        uint32_t block = orders /= of, at = index / block;
        index -= at * block;
        out[i] = left[at];
        memmove(&left[at], &left[at + 1], (of - at - 1) * sizeof *left);
    }
    return orders == 1;
}

/* The best cut of all orders of its own cards: who holds the head and who the embeddings matters as well. Returns its blocks. */
static double best_order(const struct cutting *x, uint32_t *order, uint32_t *cut)
{
    double best = -INFINITY;
    uint32_t now[PL_MAX_CUT], layers[PL_MAX_CUT];
    for (uint32_t index = 0; order_of(x->pp, index, now); index++) {
        struct cutting y = *x;
        for (uint32_t i = 0; i < x->pp; i++)
            y.room[i] = x->room[now[i]];
        double b = best_cut(&y, layers);
        if (best > -INFINITY && !(b > best * GAIN))
            continue;
        best = b;
        memcpy(order, now, x->pp * sizeof *now);
        memcpy(cut, layers, x->pp * sizeof *layers);
    }
    return best;
}

static void take_order(struct pl_copy *c, uint32_t tp, uint32_t pp, const uint32_t *order)
{
    size_t was[BT_MAX_GPUS];
    memcpy(was, c->card, c->ncards * sizeof *was);
    for (uint32_t i = 0; i < pp; i++)
        memcpy(&c->card[i * tp], &was[order[i] * tp], tp * sizeof *was);
}

/* The shape with that cut: the engine's own, one that is there, or a new one. PL_NONE: not possible on another kind of card. */
static int find_cut(struct pl_problem *p, struct pl_work *k, const struct pl_shape *was, const uint32_t *cut, size_t *at, struct bt_err *err)
{
    uint32_t own[PL_MAX_CUT];
    for (uint32_t i = 0; i < was->pp; i++)
        own[i] = bt_engine_stage_layers(k->pm->engine, k->pm->model->layers, was->pp, i);
    bool even = !memcmp(own, cut, was->pp * sizeof *cut);
    if (!even && !known(k, was, cut) && pl_shape_cut(p, k, was, pl_cut_kept(p, cut, was->pp), err) < 0)
        return -1;
    for (*at = 0; *at < k->nshapes; ++*at) {
        const struct pl_shape *s = &k->shape[*at];
        if (s->ok && s->tp == was->tp && s->pp == was->pp && (even ? !s->cut : s->cut && !memcmp(s->cut, cut, was->pp * sizeof *cut)))
            return 0;
    }
    *at = PL_NONE;
    return 0;
}

static int recut_one(struct pl_problem *p, struct pl_solution *s, const struct pl_room *r, const struct pl_use *u, const uint64_t *load, bool *changed,
                     struct bt_err *err)
{
    struct pl_copy *c = &s->copy[u->copy];
    struct pl_work *k = &p->work[u->work];
    struct pl_shape was = k->shape[c->shape];
    struct cutting x = { .p = p, .k = k, .tp = was.tp, .pp = was.pp, .cls = pl_cost_class(p, c->card, c->ncards), .context = k->ctx_want };
    uint32_t cut[PL_MAX_CUT], order[PL_MAX_CUT];
    size_t at;
    if (!rooms_of(r, u, load, s->ctx[u->work], &x))
        return 0;
    double has = blocks(&x, u->need, NULL);
    if (has < (double)u->blocks || best_order(&x, order, cut) < has * GAIN)
        return 0;
    if (find_cut(p, k, &was, cut, &at, err) < 0)
        return -1;
    if (at == PL_NONE)
        return 0;
    size_t had = c->shape, cards[BT_MAX_GPUS];
    double rate = pl_rate(p, &k->shape[c->shape], c->card, NULL);
    struct pl_room now;
    memcpy(cards, c->card, c->ncards * sizeof *cards);
    take_order(c, was.tp, was.pp, order);
    c->shape = at;
    pl_room_init(&now, p, s->copy, s->ncopies);
    bool holds = !p->ram_binds || pl_room_holds(&now);           /* layers in RAM are others now */
    if (!holds || pl_rate(p, &k->shape[at], c->card, NULL) < rate) {
        memcpy(c->card, cards, c->ncards * sizeof *cards);
        c->shape = had;
        return 0;
    }
    *changed = true;
    return 0;
}

/* Of a workload in several phases the cut stays what it was: another one in each would be another process. */
static bool may_recut(const struct pl_problem *p, const struct pl_work *k, const struct pl_copy *c)
{
    bool here_only = !p->spec->phases.n || p->spec->phases.n == 1 || k->w->phases.n == 1;
    return k->server && here_only && k->pm->engine->cuts_layers && !k->w->pp_layers.n && pl_dp(&k->shape[c->shape]) == 1
        && k->shape[c->shape].pp > 1 && k->shape[c->shape].pp <= PL_MAX_CUT;
}

static int recut_each(struct pl_problem *p, struct pl_solution *s, bool *changed, struct bt_err *err)
{
    for (size_t i = 0; i < s->ncopies; i++) {
        if (!p->work[s->copy[i].work].server || !may_recut(p, &p->work[s->copy[i].work], &s->copy[i]))
            continue;
        struct pl_room r;            /* anew for each: one that was cut before takes its new bytes */
        uint64_t load[BT_MAX_GPUS];
        pl_room_init(&r, p, s->copy, s->ncopies);
        pl_room_floors(&r, s->ctx);
        pl_room_load(&r, load);
        for (size_t j = 0; j < r.n; j++)
            if (r.use[j].copy == i && recut_one(p, s, &r, &r.use[j], load, changed, err) < 0)
                return -1;
    }
    return 0;
}

/* What one copy gives up another may use: again, until nobody gains. Each cut that is taken holds a twentieth more and is no slower, but what it adds on a
 * card may be what another counted on: so the rounds are counted. */
int pl_recut(struct pl_problem *p, struct pl_solution *s, struct bt_err *err)
{
    bool again = true, changed = false;
    for (unsigned round = 0; round < RECUT_ROUNDS && again; round++) {
        again = false;
        if (recut_each(p, s, &again, err) < 0)
            return -1;
        changed = changed || again;
    }
    if (changed)
        pl_rescore_free(p, s);
    return 0;
}

/* Somebody has less than it wants. */
static bool is_short(const struct pl_problem *p, const struct pl_solution *s)
{
    bool less = false;
    for (size_t i = 0; i < p->n; i++)
        less = less || (p->work[i].server && wants_more(p, s, i));
    return less;
}

/* A server is slower than alone: on a shape that is not its fastest, or beside others. */
static bool serves_less(const struct pl_problem *p, const struct pl_solution *s)
{
    unsigned tenants[BT_MAX_GPUS] = { 0 };
    for (size_t i = 0; i < s->ncopies; i++)
        for (uint32_t j = 0; j < s->copy[i].ncards; j++)
            tenants[s->copy[i].card[j]]++;
    for (size_t i = 0; i < s->ncopies; i++) {
        const struct pl_copy *c = &s->copy[i];
        const struct pl_work *k = &p->work[c->work];
        bool less = k->server && pl_rate(p, &k->shape[c->shape], c->card, NULL) < k->solo_best;
        for (uint32_t j = 0; j < c->ncards; j++)
            less = less || (k->server && tenants[c->card[j]] > 1);
        if (less)
            return true;
    }
    return false;
}

static size_t all_shapes(const struct pl_problem *p)
{
    size_t n = 0;
    for (size_t i = 0; i < p->n; i++)
        n += p->work[i].nshapes;
    return n;
}

/* Once more, with the shapes there are now, from *out. What is no better and not proven leaves what there was. */
static bool search_more(struct pl_problem *p, uint64_t node_limit, struct pl_solution *out)
{
    struct pl_solution next;
    pl_search(p, BT_MIN(node_limit, (uint64_t)CUT_NODES), out, &next);
    bool better = pl_score_cmp(&next.score, &out->score, BT_GOAL_SHARED) > 0;
    next.nodes += out->nodes;
    if (better || next.complete)
        *out = next;
    else
        out->nodes = next.nodes;
    return better;
}

int pl_search_cuts(struct pl_problem *p, uint64_t node_limit, struct pl_solution *out, struct bt_err *err)
{
    size_t had = all_shapes(p);
    for (size_t i = 0; i < p->n && !is_short(p, out) && serves_less(p, out); i++)
        add_cuts(p, &p->work[i]);
    if (all_shapes(p) > had)
        search_more(p, node_limit, out);
    for (unsigned round = 0; round < SEARCHES_MORE && (is_short(p, out) || serves_less(p, out)); round++) {
        struct pl_solution s = *out;
        had = all_shapes(p);
        s.copy = BT_NEWN(p->a, struct pl_copy, s.ncopies + 1);
        for (size_t i = 0; i < s.ncopies; i++) {
            s.copy[i] = out->copy[i];
            s.copy[i].card = BT_NEWN(p->a, size_t, s.copy[i].ncards + 1);
            memcpy(s.copy[i].card, out->copy[i].card, s.copy[i].ncards * sizeof *s.copy[i].card);
        }
        if (pl_recut(p, &s, err) < 0)
            return -1;
        if (all_shapes(p) == had || !search_more(p, node_limit, out))
            break;
    }
    return 0;
}

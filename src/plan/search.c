/* search - branch and bound over (copies, shape, cards) of each workload in turn; exact, and the first of equals in a fixed order.
 *
 * Order of the search is the tie-break: workloads by priority and as written, fast shapes first, cards as their pool lists them. Two cards that
 * nothing tells apart so far are tried once (the first in the pool), and copies of one workload take cards in rising order: what is left
 * out is a renaming of something kept, and never the first of its equals. */
#include <math.h>

#include "plan/plan_int.h"

struct search {
    struct pl_problem *p;
    uint64_t limit, nodes;
    struct pl_copy copy[PL_MAX_COPIES]; size_t ncopies;
    uint64_t load[BT_MAX_GPUS];                      /* floors */
    size_t tenant[BT_MAX_GPUS][64]; uint8_t ntenants[BT_MAX_GPUS];   /* works */
    uint32_t *placed;                                /* [n] copies */
    size_t *shape_of;                                /* [n] shape of its copies */
    struct pl_score best;
    struct pl_solution *out;
    bool stop;
};

/* ---- scores ---- */

static size_t levels_of(const struct pl_problem *p, int64_t prio[64])
{
    size_t n = 0;
    for (size_t i = 0; i < p->n; i++) {              /* the order is by priority but for same_gpus_as: sorted here */
        size_t j = 0;
        while (j < n && prio[j] != p->work[i].w->priority)
            j++;
        if (j == n && n < 64)
            prio[n++] = p->work[i].w->priority;
    }
    for (size_t i = 1; i < n; i++)
        for (size_t j = i; j > 0 && prio[j] > prio[j - 1]; j--) {
            int64_t t = prio[j];
            prio[j] = prio[j - 1];
            prio[j - 1] = t;
        }
    return n;
}

int pl_score_cmp(const struct pl_score *a, const struct pl_score *b, enum bt_plan_goal end)
{
    for (uint32_t i = 0; i < a->nlevels && i < b->nlevels; i++)
        if (a->placed[i] != b->placed[i])
            return a->placed[i] < b->placed[i] ? -1 : 1;
    for (int i = BT_GOAL_WANTS; i < (int)end; i++)
        if (a->v[i] != b->v[i])
            return a->v[i] < b->v[i] ? -1 : 1;
    return 0;
}

/* seen: works before `seen` are decided, the others counted as placed (a bound). */
static void score_placed(const struct search *s, size_t seen, struct pl_score *o)
{
    int64_t prio[64];
    size_t n = levels_of(s->p, prio);
    o->nlevels = (uint32_t)n;
    for (size_t i = 0; i < s->p->n; i++)
        for (size_t j = 0; j < n; j++)
            if (prio[j] == s->p->work[i].w->priority && (i >= seen || s->placed[i])) {
                o->placed[j]++;
                o->v[BT_GOAL_PLACED]++;
            }
}

static int64_t thousandths(double x) { return (int64_t)floor(x * 1000 + 1e-6); }

static unsigned busiest(const struct search *s, const struct pl_copy *c)
{
    unsigned most = 1;
    for (uint32_t i = 0; i < c->ncards; i++)
        most = BT_MAX(most, s->ntenants[c->card[i]]);
    return most;
}

/* One copy's part of the service: its rate against the best it could have alone, shared with whoever sits on its busiest card. */
static int64_t service_of(const struct search *s, const struct pl_copy *c)
{
    const struct pl_work *k = &s->p->work[c->work];
    if (k->cpu_only || k->solo_best <= 0)
        return 0;
    double rate = pl_rate(s->p, &k->shape[c->shape], c->card, NULL);
    return thousandths(k->weight * rate / k->solo_best / busiest(s, c) / k->copies_want);
}

/* All copies of a work, those placed included: neither more than one each at its best from here on, nor more than its cards carry. */
static int64_t service_at_most(const struct search *s, size_t work, int64_t so_far)
{
    const struct pl_work *k = &s->p->work[work];
    if (k->cpu_only || k->solo_best <= 0)
        return 0;
    int64_t most = 0;
    for (size_t i = 0; i < k->nshapes; i++) {
        if (!k->shape[i].ok || (s->placed[work] && i != s->shape_of[work]))
            continue;
        int64_t each = thousandths(k->weight * k->shape[i].best_tok_s / k->solo_best / k->copies_want);
        int64_t together = thousandths(k->weight * pl_shape_rate(k, &k->shape[i]) / k->solo_best / k->copies_want);
        most = BT_MAX(most, BT_MIN(so_far + (int64_t)(k->copies_want - s->placed[work]) * each, together));
    }
    return most;
}

static int64_t shared_cards(const struct search *s)
{
    int64_t n = 0;
    for (size_t g = 0; g < s->p->fleet->n; g++)
        n += s->ntenants[g] > 1;
    for (size_t i = 0; i < s->ncopies; i++) {        /* and groups that leave their NVLink island */
        const struct pl_copy *c = &s->copy[i];
        const struct pl_work *k = &s->p->work[c->work];
        n += k->server && k->shape[c->shape].tp > 1 && !pl_nvlink(s->p, &k->shape[c->shape], c->card);
    }
    return n;
}

static int64_t largest_free(const struct pl_problem *p, const uint64_t *load)
{
    uint64_t most = 0;
    for (size_t g = 0; g < p->fleet->n; g++)
        most = BT_MAX(most, p->cap[g] > load[g] ? p->cap[g] - load[g] : 0);
    return (int64_t)most;
}

static int64_t lowest_indices(const struct search *s)
{
    int64_t sum = 0;
    for (size_t i = 0; i < s->ncopies; i++)
        for (uint32_t j = 0; j < s->copy[i].ncards; j++)
            sum -= s->p->work[s->copy[i].work].pos[s->copy[i].card[j]];
    return sum;
}

/* No context of this group can pass what the fullest card of any of its copies leaves, all others at their floors. */
static uint64_t context_at_most(const struct search *s, size_t root)
{
    const struct pl_problem *p = s->p;
    uint64_t most = p->work[root].ctx_want;
    for (size_t i = 0; i < s->ncopies; i++) {
        const struct pl_copy *c = &s->copy[i];
        const struct pl_work *k = &p->work[c->work];
        if (!k->server || k->ctx_root != root)
            continue;
        size_t cls = pl_cost_class(p, c->card, c->ncards);
        const struct pl_shape *sh = &k->shape[c->shape];
        const struct bt_need *n = sh->cost[cls].need;
        for (uint32_t j = 0; j < c->ncards; j++) {
            const struct bt_need_rank *r = &n->rank[j / sh->tp];
            size_t g = c->card[j];
            uint64_t room = k->claim == PL_LIMIT ? pl_limit(k, &p->fleet->gpus[g]) : p->cap[g] - s->load[g] + pl_floor(p, k, sh, cls, j, g);
            most = BT_MIN(most, bt_need_longest(n, r, room - r->fixed_bytes));
        }
    }
    return BT_MAX(most, p->work[root].ctx_min);
}

static int64_t wants_at_most(const struct search *s, size_t seen, const uint64_t *granted)
{
    int64_t sum = 0;
    for (size_t i = 0; i < s->p->n; i++) {
        const struct pl_work *k = &s->p->work[i];
        bool in = i >= seen || s->placed[i];
        if (k->server && in && k->ctx_want) {
            uint64_t c = granted ? granted[i] : context_at_most(s, k->ctx_root);
            sum += thousandths((double)BT_MIN(c, k->ctx_want) / (double)k->ctx_want);
        }
        if (k->copies_want > 1)
            sum += i >= seen ? 1000 : 1000 * (int64_t)s->placed[i] / k->copies_want;
    }
    return sum;
}

/* seen = n: the score of a complete plan but for FREE; else no completion scores more. */
static void bound(struct search *s, size_t seen, const uint64_t *granted, struct pl_score *o)
{
    *o = (struct pl_score){ 0 };
    score_placed(s, seen, o);
    o->v[BT_GOAL_WANTS] = wants_at_most(s, seen, granted);
    for (size_t w = 0; w < s->p->n; w++) {
        int64_t sum = 0;
        for (size_t i = 0; i < s->ncopies && s->placed[w]; i++)
            sum += s->copy[i].work == w ? service_of(s, &s->copy[i]) : 0;
        o->v[BT_GOAL_SERVICE] += w < seen ? sum : service_at_most(s, w, sum);
    }
    o->v[BT_GOAL_SHARED] = -shared_cards(s);
    o->v[BT_GOAL_FREE] = largest_free(s->p, s->load);
}

/* ---- leaves ---- */

static void keep(struct search *s, const struct pl_room *room, const uint64_t *ctx, const struct pl_score *score)
{
    struct pl_solution *o = s->out;
    struct pl_problem *p = s->p;
    o->found = true;
    o->ncopies = s->ncopies;
    o->copy = BT_NEWN(p->a, struct pl_copy, s->ncopies + 1);
    o->blocks = BT_NEWN(p->a, uint64_t, s->ncopies + 1);
    o->ctx = BT_NEWN(p->a, uint64_t, p->n + 1);
    for (size_t i = 0; i < s->ncopies; i++) {
        o->copy[i] = s->copy[i];
        o->copy[i].card = BT_NEWN(p->a, size_t, s->copy[i].ncards + 1);
        if (s->copy[i].ncards)
            memcpy(o->copy[i].card, s->copy[i].card, s->copy[i].ncards * sizeof *s->copy[i].card);
    }
    for (size_t i = 0; i < p->n; i++)
        o->ctx[i] = p->work[i].server && s->placed[i] ? ctx[i] : 0;
    for (size_t i = 0; i < room->n; i++)
        o->blocks[room->use[i].copy] = room->use[i].blocks;
    o->score = s->best = *score;
    o->score.v[BT_GOAL_LOWEST] = lowest_indices(s);
}

#define LEAF_NODES 20                /* what the contexts and KV of a leaf cost, in nodes */

static void leaf(struct search *s)
{
    s->nodes += LEAF_NODES;
    struct pl_problem *p = s->p;
    struct bt_arena scratch = { 0 }, *mine = p->a;
    p->a = &scratch;
    struct pl_room room;
    uint64_t *ctx = BT_NEWN(&scratch, uint64_t, p->n + 1);
    pl_room_init(&room, p, s->copy, s->ncopies);
    pl_grant(&room, ctx);
    struct pl_score score;
    bound(s, p->n, ctx, &score);
    if (!s->out->found || pl_score_cmp(&score, &s->best, BT_GOAL_FREE) >= 0) {
        pl_deal(&room, ctx);
        uint64_t load[BT_MAX_GPUS];
        pl_room_load(&room, load);
        for (size_t g = 0; g < p->fleet->n; g++)
            if (room.rest[g])
                load[g] = p->cap[g];
        score.v[BT_GOAL_FREE] = largest_free(p, load);
        p->a = mine;
        if (!s->out->found || pl_score_cmp(&score, &s->best, BT_GOAL_LOWEST) > 0)
            keep(s, &room, ctx, &score);
    }
    p->a = mine;
    bt_arena_release(&scratch);
}

/* ---- branches ---- */

static void next_work(struct search *s, size_t work, const size_t *color);

static bool hopeless(struct search *s, size_t seen)
{
    if (!s->out->found)
        return false;
    struct pl_score b;
    bound(s, seen, NULL, &b);
    return pl_score_cmp(&b, &s->best, BT_GOAL_LOWEST) <= 0;
}

/* Cards that carry the same ranks of the same copies stay interchangeable; all others part. */
static void recolor(const struct search *s, const size_t *color, const struct pl_copy *c, uint32_t tp, size_t *out)
{
    size_t n = s->p->fleet->n, part[BT_MAX_GPUS], ids = 0;
    for (size_t g = 0; g < n; g++)
        part[g] = 0;
    for (uint32_t i = 0; i < c->ncards; i++)
        part[c->card[i]] = i / tp + 1;
    for (size_t g = 0; g < n; g++) {
        size_t h = 0;
        while (h < g && (color[h] != color[g] || part[h] != part[g]))
            h++;
        out[g] = h < g ? out[h] : ids++;
    }
}

static bool may_join(const struct search *s, size_t work, size_t g)
{
    for (size_t i = 0; i < s->ntenants[g]; i++)
        if (!s->p->may_share[work * s->p->n + s->tenant[g][i]])
            return false;
    return s->ntenants[g] < 64;
}

static const struct pl_copy *copy_of(const struct search *s, size_t work, uint32_t replica)
{
    for (size_t i = 0; i < s->ncopies; i++)
        if (s->copy[i].work == work && s->copy[i].replica == replica)
            return &s->copy[i];
    return NULL;
}

static bool in_card_set(const struct pl_copy *c, size_t g)
{
    for (uint32_t i = 0; c && i < c->ncards; i++)
        if (c->card[i] == g)
            return true;
    return false;
}

/* Rising order among copies: (cards of this) >= (cards of the one before). */
static bool in_order(const struct search *s, const struct pl_copy *c)
{
    const struct pl_work *k = &s->p->work[c->work];
    if (!c->replica || k->same != PL_NONE || k->followed)
        return true;
    const struct pl_copy *b = copy_of(s, c->work, c->replica - 1);
    for (uint32_t i = 0; i < c->ncards; i++)
        if (k->pos[c->card[i]] != k->pos[b->card[i]])
            return k->pos[c->card[i]] > k->pos[b->card[i]];
    return true;
}

static void put_copy(struct search *s, struct pl_copy *c, const size_t *color)
{
    struct pl_problem *p = s->p;
    struct pl_work *k = &p->work[c->work];
    const struct pl_shape *sh = &k->shape[c->shape];
    size_t cls = pl_cost_class(p, c->card, c->ncards);
    uint64_t need[BT_MAX_GPUS];
    for (uint32_t i = 0; i < c->ncards; i++) {
        size_t g = c->card[i];
        need[i] = pl_floor(p, k, sh, cls, i, g);
        if (s->load[g] + need[i] > p->cap[g])
            return;
        if (k->server && k->claim == PL_LIMIT) {
            const struct bt_need_rank *r = &sh->cost[cls].need->rank[i / sh->tp];
            if (r->fixed_bytes + bt_need_kv_for(sh->cost[cls].need, r, k->ctx_min, k->w->requests) > need[i])
                return;
        }
    }
    for (uint32_t i = 0; i < c->ncards; i++) {
        size_t g = c->card[i];
        s->load[g] += need[i];
        s->tenant[g][s->ntenants[g]++] = c->work;
    }
    s->copy[s->ncopies++] = *c;
    size_t was = s->shape_of[c->work], fresh[BT_MAX_GPUS];
    s->placed[c->work]++;
    s->shape_of[c->work] = c->shape;
    if (!hopeless(s, c->work)) {
        recolor(s, color, c, sh->tp, fresh);
        next_work(s, c->work, fresh);
    }
    s->shape_of[c->work] = was;
    s->placed[c->work]--;
    s->ncopies--;
    for (uint32_t i = 0; i < c->ncards; i++) {
        size_t g = c->card[i];
        s->load[g] -= need[i];
        s->ntenants[g]--;
    }
}

/* Choose the card of rank number `rank`; inside a tensor-parallel group they rise. */
static void choose(struct search *s, struct pl_copy *c, uint32_t rank, bool *used, const size_t *color)
{
    struct pl_problem *p = s->p;
    struct pl_work *k = &p->work[c->work];
    const struct pl_shape *sh = &k->shape[c->shape];
    if (++s->nodes > s->limit)
        s->stop = true;
    if (s->stop)
        return;
    if (rank == sh->cards) {
        if (in_order(s, c))
            put_copy(s, c, color);
        return;
    }
    bool first = rank % sh->tp == 0;
    const struct pl_copy *target = k->same != PL_NONE ? copy_of(s, k->same, c->replica) : NULL;
    for (size_t i = first ? 0 : (size_t)k->pos[c->card[rank - 1]] + 1; i < k->npool; i++) {
        size_t g = k->pool[i];
        if (used[g] || (target && !in_card_set(target, g)) || !may_join(s, c->work, g))
            continue;
        if (!first && strcmp(p->fleet->gpus[g].name, p->fleet->gpus[c->card[rank - 1]].name))
            continue;                                /* one kind of GPU inside a tensor-parallel group */
        bool twin = false;
        for (size_t j = 0; j < i && !twin; j++)
            twin = !used[k->pool[j]] && color[k->pool[j]] == color[g];
        if (twin)
            continue;
        used[g] = true;
        c->card[rank] = g;
        choose(s, c, rank + 1, used, color);
        used[g] = false;
    }
}

static void one_more_copy(struct search *s, size_t work, const size_t *color)
{
    struct pl_problem *p = s->p;
    struct pl_work *k = &p->work[work];
    uint32_t replica = s->placed[work];
    size_t cards[BT_MAX_GPUS];
    bool used[BT_MAX_GPUS] = { false };
    if (s->ncopies == BT_LEN(s->copy))
        return;
    if (k->cpu_only) {
        s->copy[s->ncopies++] = (struct pl_copy){ .work = work, .replica = replica };
        s->placed[work]++;
        next_work(s, work, color);
        s->placed[work]--;
        s->ncopies--;
        return;
    }
    const struct pl_copy *target = k->same != PL_NONE ? copy_of(s, k->same, replica) : NULL;
    if (k->same != PL_NONE && !target)
        return;
    for (size_t i = 0; i < k->nshapes && !s->stop; i++) {
        if (!k->shape[i].ok || (replica && i != s->shape_of[work]) || (target && k->shape[i].cards != target->ncards))
            continue;
        struct pl_copy c = { .work = work, .replica = replica, .shape = i, .card = cards, .ncards = k->shape[i].cards };
        choose(s, &c, 0, used, color);
    }
}

/* Work `work` may get another copy; else the next one's turn. */
static void next_work(struct search *s, size_t work, const size_t *color)
{
    struct pl_problem *p = s->p;
    if (s->stop)
        return;
    if (work == p->n) {
        leaf(s);
        return;
    }
    struct pl_work *k = &p->work[work];
    if (s->placed[work] < k->copies_want)
        one_more_copy(s, work, color);
    bool enough = s->placed[work] >= k->copies_min || (k->w->optional && s->placed[work] == 0);
    if (enough && !s->stop && !(s->placed[work] < k->copies_want && hopeless(s, work + 1)))
        next_work(s, work + 1, color);
}

/* What nothing ever tells apart: the same kind and bytes, the same island, in the same pools. */
static void first_colors(const struct pl_problem *p, size_t *color)
{
    size_t ids = 0;
    for (size_t g = 0; g < p->fleet->n; g++) {
        size_t h = 0;
        for (; h < g; h++) {
            bool same = p->cls[g] == p->cls[h] && p->cap[g] == p->cap[h] && p->fleet->gpus[g].island == p->fleet->gpus[h].island;
            for (size_t i = 0; i < p->n && same; i++)
                same = (p->work[i].pos[g] >= 0) == (p->work[i].pos[h] >= 0);
            if (same)
                break;
        }
        color[g] = h < g ? color[h] : ids++;
    }
}

void pl_search(struct pl_problem *p, uint64_t node_limit, struct pl_solution *out)
{
    struct search *s = BT_NEW(p->a, struct search);
    *out = (struct pl_solution){ 0 };
    s->p = p;
    s->limit = node_limit;
    s->out = out;
    s->placed = BT_NEWN(p->a, uint32_t, p->n + 1);
    s->shape_of = BT_NEWN(p->a, size_t, p->n + 1);
    size_t color[BT_MAX_GPUS];
    first_colors(p, color);
    struct pl_score root;
    bound(s, 0, NULL, &root);
    out->service_bound = root.v[BT_GOAL_SERVICE];
    next_work(s, 0, color);
    out->complete = !s->stop;
    out->nodes = s->nodes;
}

/* search - branch and bound over (copies, shape, cards) of each workload in turn; exact, and the first of equals in a fixed order.
 *
 * The order of the plan is the tie-break: workloads by priority and as written, fast shapes first, cards as their pool lists them. Two cards that
 * nothing tells apart so far are tried once (the first in the pool), copies of one workload take cards in rising order, and so do stages that take
 * the same: what is left out is a renaming of something kept, and never the first of its equals.
 *
 * That order is tried for a while. Where it does not end, the hardest workloads go first: the best score is found and proven so, and the first
 * plan that has it is looked for in the order of the plan. */
#include <math.h>
#include <string.h>

#include "plan/search_int.h"

#define WIDTH_NODES 512              /* the same of (width, card) pairs: who joins whom */
#define CLIMB_NODES UINT64_C(30000)  /* where the tree is searched too */
#define MIDDLE 200                   /* (workload, card) pairs past which the tree is seldom seen whole: first what many cards carry, then the tree */
#define HALF 256                     /* past so many it gets less of the work: a step takes longer */
#define LARGE 400                    /* past so many nobody hopes for it, but where workloads, copies or contexts lack */
#define SMALL 1024                   /* past so many nobody hopes for anything of it */
#define CLOCK_EVERY 256              /* nodes between two looks at the clock */
#define CHOSEN_NODES 2               /* so many ranks that take a card are as much work as a node; a bound is one */
#define FIRST_NODES UINT64_C(300000) /* to find the first in the plan's order that is as good as the best: seldom more helps, and nothing is proven by it */
#define PAIR_NODES 1000              /* to place two workloads anew beside all others */

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

double pl_gap(const struct pl_solution *s)
{
    const struct pl_score *a = &s->score, *b = &s->bound;
    for (uint32_t i = 0; i < a->nlevels && !s->complete; i++)
        if (a->placed[i] != b->placed[i])
            return (double)(b->placed[i] - a->placed[i]) / b->placed[i];
    for (int i = BT_GOAL_WANTS; i <= BT_GOAL_SERVICE && !s->complete; i++)
        if (a->v[i] != b->v[i] && b->v[i] > 0)
            return (double)(b->v[i] - a->v[i]) / (double)b->v[i];
    return 0;
}

/* ---- branches ---- */

static void next_work(struct search *s, size_t depth);

static void count_bound(struct search *s)
{
    s->nodes += 1 + s->p->n * s->ncards / SE_BOUND_NODES + s->nwidths * s->ncards / WIDTH_NODES + (s->sets ? se_sets_steps(s) : 0);
}

/* All have room as far as is known; nothing that completes the placement scores as much as is looked for. */
static bool outdone(struct search *s, size_t seen)
{
    if (!se_has(s) && !s->target)
        return false;
    if (s->target && se_compare(s, seen, s->target) < 0)
        return true;
    return se_has(s) && se_compare(s, seen, &s->best) < (s->first ? 1 : 0);
}

static bool hopeless(struct search *s, size_t seen)
{
    count_bound(s);
    return !se_feasible(s, seen) || (s->wants_only && s->sets && se_sets_bound(s, seen) < SE_NO_ROOM) || outdone(s, seen);
}

/* Stages that take the same are one part: to swap their cards changes nothing. */
static uint32_t part_of(const struct se_shape *sh, uint32_t rank)
{
    uint32_t stage = rank / sh->tp;
    while (stage && sh->like_before[stage])
        stage--;
    return stage + 1;
}

/* Cards that carry the same ranks of the same copies stay interchangeable; all others part. */
static void recolor(const struct search *s, const size_t *color, const struct pl_copy *c, const struct se_shape *sh, size_t *out)
{
    size_t ids = 0;
    for (size_t g = 0; g < s->ncards; g++)
        out[g] = color[g] * (BT_MAX_GPUS + 1);       /* a pipeline has as many stages as cards at most */
    for (uint32_t i = 0; i < c->ncards; i++)
        out[c->card[i]] += part_of(sh, i);
    for (size_t g = 0; g < s->ncards; g++) {         /* numbered anew, by their first card */
        size_t h = 0, mine = out[g];
        if (mine & ((size_t)1 << 62))
            continue;
        for (h = g; h < s->ncards; h++)
            if (out[h] == mine)
                out[h] = ids | ((size_t)1 << 62);
        ids++;
    }
    for (size_t g = 0; g < s->ncards; g++)
        out[g] &= ~((size_t)1 << 62);
}

static const struct pl_copy *copy_of(const struct search *s, size_t work, uint32_t replica)
{
    return replica < s->placed[work] ? &s->copy[s->first_copy[work][replica]] : NULL;
}

/* Rising order among copies: (cards of this) >= (cards of the one before). */
static bool in_order(const struct search *s, const struct pl_copy *c)
{
    const struct pl_work *k = &s->p->work[c->work];
    if (!c->replica || k->same != PL_NONE || k->followed || k->at)
        return true;                 /* who is held has no other name to take */
    const struct pl_copy *b = copy_of(s, c->work, c->replica - 1);
    for (uint32_t i = 0; i < c->ncards; i++)
        if (k->pos[c->card[i]] != k->pos[b->card[i]])
            return k->pos[c->card[i]] > k->pos[b->card[i]];
    return true;
}

double se_value_of(const struct search *s, const struct se_shape *sh, const struct pl_copy *c)
{
    if (!sh->sh->cost)
        return sh->best;
    bool nvlink = pl_nvlink(s->p, sh->sh, c->card);
    double least = sh->value[s->p->cls[c->card[0]] * 2 + nvlink];
    for (uint32_t i = 1; i < c->ncards; i++)         /* a pipeline over unequal cards goes at the pace of the slowest kind */
        least = BT_MIN(least, sh->value[s->p->cls[c->card[i]] * 2 + nvlink]);
    return least;
}

static bool copy_fits(const struct search *s, const struct pl_copy *c, const struct se_work *w, const struct se_shape *sh, size_t cls)
{
    for (uint32_t i = 0; i < c->ncards; i++) {
        size_t g = c->card[i];
        uint64_t floor = se_floor(s, w, sh, cls, i, g);
        if (sh->row[cls * sh->pp + i / sh->tp].need > floor || s->load[g] + floor > s->p->cap[g])
            return false;
    }
    return true;
}

static void add_tenant(struct search *s, size_t g, struct se_tenant t)
{
    if (s->ntenants[g] == s->tenant_room[g]) {
        struct se_tenant *more = BT_NEWN(s->a, struct se_tenant, s->tenant_room[g] * 2 + 4);
        if (s->ntenants[g])
            memcpy(more, s->tenant[g], s->ntenants[g] * sizeof *more);
        s->tenant[g] = more;
        s->tenant_room[g] = s->tenant_room[g] * 2 + 4;
    }
    s->tenant[g][s->ntenants[g]++] = t;
    if (s->seated)
        s->seated[g] |= UINT64_C(1) << s->copy[t.copy].work;
}

/* The RAM of a copy; where that is the card's memory too, a server on the CPU takes of the card. What of KV lies there is seen when all stand. */
static void count_ram(struct search *s, size_t at, bool comes)
{
    const struct pl_problem *p = s->p;
    uint64_t floor = p->work[s->copy[at].work].host_floor, bytes = s->copy_shape[at] ? s->copy_shape[at]->ram[s->copy_cls[at]] : floor;
    s->ram += comes ? bytes : -bytes;
    for (size_t g = 0; g < s->ncards && floor; g++)
        if (p->fleet->gpus[g].unified)
            s->load[g] += comes ? floor : -floor;
}

/* Nobody who comes later makes room again. */
static bool ram_holds(const struct search *s)
{
    for (size_t g = 0; g < s->ncards && s->p->ram_binds; g++)
        if (s->load[g] > s->p->cap[g])
            return false;
    return !s->p->ram_binds || s->ram <= pl_ram_limit(s->p);
}

void se_put(struct search *s, const struct pl_copy *c, const struct se_shape *sh, size_t cls)
{
    const struct se_work *w = &s->work[c->work];
    size_t at = s->ncopies++;
    s->copy[at] = *c;
    s->copy_shape[at] = sh;
    s->copy_cls[at] = cls;
    s->copy_unit[at] = s->sets && sh ? se_sets_unit(s, c, sh) : 0;
    s->copy_value[at] = c->ncards ? se_value_of(s, sh, c) : 0;
    s->copy_part[at] = c->ncards ? s->copy_value[at] / c->ncards : 0;
    s->copy_apart[at] = c->ncards && sh->tp > 1 && w->k->server && !pl_nvlink(s->p, sh->sh, c->card);
    for (uint32_t i = 0; i < c->ncards; i++) {
        s->load[c->card[i]] += se_floor(s, w, sh, cls, i, c->card[i]);
        add_tenant(s, c->card[i], (struct se_tenant){ (uint32_t)at, i });
    }
    s->first_copy[c->work][c->replica] = at;
    s->placed[c->work]++;
    if (s->p->ram_binds)
        count_ram(s, at, true);
}

/* The last rank of the work there may be another copy's. */
static void leave(struct search *s, size_t g, size_t work)
{
    if (!s->seated)
        return;
    s->seated[g] &= ~(UINT64_C(1) << work);
    for (uint32_t i = 0; i < s->ntenants[g]; i++)
        s->seated[g] |= UINT64_C(1) << s->copy[s->tenant[g][i].copy].work;
}

void se_take_back(struct search *s)
{
    size_t at = --s->ncopies;
    const struct pl_copy *c = &s->copy[at];
    if (s->p->ram_binds)
        count_ram(s, at, false);
    for (uint32_t i = 0; i < c->ncards; i++) {
        s->load[c->card[i]] -= se_floor(s, &s->work[c->work], s->copy_shape[at], s->copy_cls[at], i, c->card[i]);
        s->ntenants[c->card[i]]--;
        leave(s, c->card[i], c->work);
    }
    s->placed[c->work]--;
}

static void put_copy(struct search *s, size_t depth, const struct pl_copy *c, const struct se_shape *sh)
{
    size_t cls = pl_cost_class(s->p, c->card, c->ncards);
    if (!copy_fits(s, c, &s->work[c->work], sh, cls))
        return;
    const size_t *color = &s->color[s->ncopies * s->ncards];
    se_put(s, c, sh, cls);
    bool worth_it = ram_holds(s) && (!s->visit || !s->ahead[c->work] || s->visit->worth_it(s->visit->ctx, s));
    size_t seen = depth + (s->placed[c->work] == s->copies_most[c->work]);
    if (worth_it && !hopeless(s, seen)) {
        struct se_again again;
        bool ended = se_sets_again(s, seen, &again) && hopeless(s, seen);
        se_sets_again_tried(s, &again, ended);
        if (!ended) {
            recolor(s, color, c, sh, &s->color[s->ncopies * s->ncards]);
            next_work(s, depth);
        }
        se_sets_again_end(s, &again, ended);
    }
    se_take_back(s);
}

/* classes: of cards it may take; taken: cards, a bit each. */
struct choice { struct pl_copy c; const struct se_shape *sh; const struct pl_copy *target; size_t depth; uint64_t classes, taken; };

/* The first place in the pool that the rank may take: ranks of a tensor-parallel group rise, and so do the first ranks of equal stages. */
static size_t first_place(const struct pl_work *k, const struct choice *x, uint32_t rank)
{
    if (k->at)                       /* one card is right, whatever the order of the ranks */
        return 0;
    if (rank % x->sh->tp)
        return (size_t)k->pos[x->c.card[rank - 1]] + 1;
    uint32_t stage = rank / x->sh->tp;
    return stage && x->sh->like_before[stage] ? (size_t)k->pos[x->c.card[rank - x->sh->tp]] + 1 : 0;
}

bool se_late(struct search *s)
{
    const struct bt_plan_clock *c = s->p->in->clock;
    if (c && !s->late && ++s->asked % CLOCK_EVERY == 0)
        s->late = c->now_s(c->ctx) - s->p->began_s > c->limit_s;
    return s->late;
}

/* s->only is there: no rank of that stage comes to the card. */
static bool is_full(const struct search *s, size_t work, size_t g, uint32_t stage)
{
    uint32_t n = 0;
    if (!(s->only_stages[work * s->ncards + g] >> BT_MIN(stage, 63u) & 1))
        return true;
    for (uint32_t i = 0; i < s->ntenants[g]; i++)
        n += s->copy[s->tenant[g][i].copy].work == work;
    return n >= s->only[work * s->ncards + g];
}

static void choose(struct search *s, struct choice *x, uint32_t rank)
{
    struct pl_problem *p = s->p;
    const struct pl_work *k = &p->work[x->c.work];
    s->nodes += ++s->chosen % CHOSEN_NODES == 0;
    if (s->nodes > s->limit || se_late(s))
        s->stop = true;
    if (s->stop)
        return;
    if (rank == x->sh->cards) {
        if (in_order(s, &x->c))
            put_copy(s, x->depth, &x->c, x->sh);
        return;
    }
    const size_t *color = &s->color[s->ncopies * s->ncards];
    size_t start = first_place(k, x, rank);
    uint64_t tried = 0, least = x->sh->stage_least[rank / x->sh->tp];            /* tried: colors, BT_MAX_GPUS of them at most */
    size_t nth = (size_t)x->c.replica * x->sh->cards + rank, beside = rank % x->sh->tp ? x->c.card[rank - 1] : PL_NONE;
    for (size_t i = 0; i < k->npool && !s->stop; i++) {
        size_t g = k->pool[i];
        if ((x->taken >> g | tried >> color[g]) & 1 || (k->at && (nth >= k->nat || k->at[nth] != g)) || !pl_card_for(p, x->sh->cards, g))
            continue;
        tried |= UINT64_C(1) << color[g];
        if (i < start || s->load[g] + least > p->cap[g] || !(x->classes >> p->cls[g] & 1) || (s->only && is_full(s, x->c.work, g, rank / x->sh->tp)))
            continue;
        if ((x->target && !pl_is_on(x->target, g)) || !se_may_join(s, x->c.work, g))
            continue;
        if (beside != PL_NONE && s->kind[g] != s->kind[beside])
            continue;                                /* one kind of GPU inside a tensor-parallel group */
        x->c.card[rank] = g;
        x->taken |= UINT64_C(1) << g;
        choose(s, x, rank + 1);
        x->taken &= ~(UINT64_C(1) << g);
    }
}

/* A copy is as slow as its slowest card: classes on which the plan could not be beaten any more are left out. */
static uint64_t worthy_classes(struct search *s, size_t work, const struct se_shape *sh, size_t depth)
{
    uint64_t out = 0;
    if (s->p->nclasses == 1 || s->fixed[work] || !sh->sh->cost || s->p->work[work].copies_want > 1 || (!se_has(s) && !s->target))
        return UINT64_MAX;
    for (size_t c = 0; c < s->p->nclasses; c++) {
        if (!s->work[work].on_class[c])
            continue;
        s->capped[work] = BT_MAX(sh->value[c * 2], sh->value[c * 2 + 1]);
        count_bound(s);              /* that all have room was seen just before: which cards it may take says nothing else */
        out |= outdone(s, depth) ? 0 : UINT64_C(1) << c;
    }
    s->capped[work] = INFINITY;
    return out;
}

static void one_more_copy(struct search *s, size_t depth)
{
    size_t work = s->order[depth];
    const struct pl_work *k = &s->p->work[work];
    const struct se_work *w = &s->work[work];
    uint32_t replica = s->placed[work];
    size_t cards[BT_MAX_GPUS];
    if (k->cpu_only) {
        memcpy(&s->color[(s->ncopies + 1) * s->ncards], &s->color[s->ncopies * s->ncards], s->ncards * sizeof *s->color);
        se_put(s, &(struct pl_copy){ .work = work, .replica = replica }, NULL, 0);
        if (ram_holds(s))
            next_work(s, depth);
        se_take_back(s);
        return;
    }
    const struct pl_copy *target = k->same != PL_NONE ? copy_of(s, k->same, replica) : NULL;
    if (k->same != PL_NONE && !target)
        return;
    for (size_t i = 0; i < w->nshapes && !s->stop; i++) {
        const struct se_shape *sh = &w->shape[i];
        if (((replica || s->fixed[work]) && i != s->shape_of[work]) || (target && sh->cards != target->ncards))
            continue;
        s->shape_of[work] = i;
        s->settled[work] = true;
        if (!replica && !s->fixed[work] && (sh->least == UINT64_MAX || hopeless(s, depth)))
            continue;
        struct choice x = { .sh = sh, .target = target, .depth = depth };
        x.c = (struct pl_copy){ .work = work, .replica = replica, .shape = sh->index, .card = cards, .ncards = sh->cards };
        x.classes = worthy_classes(s, work, sh, depth);
        if (s->sets)
            x.classes &= se_sets_classes(s, work, i);
        if (x.classes)
            choose(s, &x, 0);
    }
    s->settled[work] = replica > 0 || s->fixed[work];
}

/* Cards that carry something part; empty ones stay what they were. */
static void held_colors(struct search *s)
{
    size_t *out = &s->color[s->ncopies * s->ncards], ids = 0;
    for (size_t g = 0; g < s->ncards; g++) {
        size_t h = s->ntenants[g] ? g : 0;
        while (h < g && (s->ntenants[h] || s->color[h] != s->color[g]))
            h++;
        out[g] = h < g ? out[h] : ids++;
    }
}

static bool has_enough(const struct search *s, size_t work)
{
    return s->placed[work] >= s->copies_least[work] || (s->may_skip[work] && s->placed[work] == 0);
}

/* All copies of the work where they were. */
static void as_held(struct search *s, size_t depth)
{
    size_t work = s->order[depth], before = s->ncopies;
    const struct se_work *w = &s->work[work];
    for (size_t i = 0; i < s->held_at->ncopies; i++) {
        const struct pl_copy *c = &s->held_at->copy[i];
        const struct se_shape *sh = NULL;
        if (c->work != work)
            continue;
        for (size_t j = 0; j < w->nshapes && c->ncards; j++)
            if (w->shape[j].index == c->shape) {
                sh = &w->shape[j];
                s->shape_of[work] = j;
                s->settled[work] = true;
            }
        se_put(s, c, sh, c->ncards ? pl_cost_class(s->p, c->card, c->ncards) : 0);
    }
    if (depth + 1 == s->p->n || !s->held[s->order[depth + 1]])
        held_colors(s);
    if (has_enough(s, work))
        next_work(s, depth + 1);
    while (s->ncopies > before)
        se_take_back(s);
    s->settled[work] = false;
}

static void work_at(struct search *s, size_t depth);

static void next_work(struct search *s, size_t depth)
{
    bool chosen = s->fewest && !s->stop && depth < s->p->n && !s->placed[s->order[depth]];
    size_t next = chosen ? se_next_work(s, depth) : depth;
    if (chosen)
        se_swap(s, depth, next);
    work_at(s, depth);
    if (chosen)
        se_swap(s, depth, next);
}

/* The work at this depth may get another copy; else the next one's turn. */
static void work_at(struct search *s, size_t depth)
{
    struct pl_problem *p = s->p;
    if (s->stop)
        return;
    if (s->visit && !s->visit->inside && depth == s->visit->nfirst) {
        s->visit->inside = true;     /* one placement of all others is enough for these places */
        next_work(s, depth);
        s->visit->inside = false;
        s->stop = s->stop && !s->visit->taken;
        s->visit->taken = false;
        return;
    }
    if (depth == p->n) {
        se_leaf(s);
        return;
    }
    size_t work = s->order[depth];
    if (s->held[work]) {
        as_held(s, depth);
        return;
    }
    if (s->placed[work] < s->copies_most[work])
        one_more_copy(s, depth);
    if (has_enough(s, work) && !s->stop && !(s->placed[work] < s->copies_most[work] && hopeless(s, depth + 1)))
        next_work(s, depth + 1);
}

void se_put_others(struct search *s)
{
    for (size_t w = 0; w < s->p->n; w++)
        for (uint32_t r = 0; s->p->work[w].cpu_only && r < s->copies_most[w]; r++)
            se_put(s, &(struct pl_copy){ .work = w, .replica = r }, NULL, 0);
}

void se_try(struct search *s, const struct pl_copy *copy, size_t n)
{
    se_put_others(s);
    for (size_t i = 0; i < n; i++) {
        const struct se_work *w = &s->work[copy[i].work];
        size_t j = 0;
        while (w->shape[j].index != copy[i].shape)
            j++;
        se_put(s, &copy[i], &w->shape[j], pl_cost_class(s->p, copy[i].card, copy[i].ncards));
    }
    se_leaf(s);
    while (s->ncopies)
        se_take_back(s);
}

void se_place(struct search *s)
{
    se_sets_again_start(s);
    next_work(s, 0);
}

/* Held ranks of a work on the card: copies are alike, ranks are not. */
static uint64_t held_ranks(const struct pl_work *k, size_t g)
{
    uint32_t cards = 0;
    uint64_t out = 0;
    for (size_t i = 0; k->at && i < k->nshapes; i++)                 /* one shape, or cuts of it */
        cards = k->shape[i].ok ? k->shape[i].cards : cards;
    for (size_t i = 0; cards && i < k->nat; i++)
        if (k->at[i] == g)
            out += UINT64_C(1) << BT_MIN(i % cards, (size_t)63);
    return out;
}

/* What nothing ever tells apart: the same kind and bytes, the same island, in the same pools, with the same of what is held. */
static void first_colors(const struct pl_problem *p, size_t *color)
{
    size_t ids = 0;
    for (size_t g = 0; g < p->fleet->n; g++) {
        size_t h = 0;
        for (; h < g; h++) {
            bool same = p->cls[g] == p->cls[h] && p->cap[g] == p->cap[h] && p->fleet->gpus[g].island == p->fleet->gpus[h].island;
            for (size_t i = 0; i < p->n && same; i++)
                same = (p->work[i].pos[g] >= 0) == (p->work[i].pos[h] >= 0) && (!p->work[i].at || held_ranks(&p->work[i], g) == held_ranks(&p->work[i], h));
            if (same)
                break;
        }
        color[g] = h < g ? color[h] : ids++;
    }
}

/* One run over the tree. True: all of it was seen, or the target reached. */
static bool run(struct search *s, enum se_order how, uint64_t limit, struct pl_solution *out)
{
    se_order(s, how);
    s->out = out;
    s->limit = s->nodes + limit;
    s->stop = false;
    s->first = se_has(s);            /* an equal one does not replace what an earlier run found */
    if (s->first)
        s->best = out->found ? out->score : *s->p->beat;
    if (how == SE_HELD_FIRST || se_feasible(s, 0))
        next_work(s, 0);
    bool reached = s->target && out->found && pl_score_cmp(&out->score, s->target, BT_GOAL_LOWEST) >= 0;
    return !s->stop || reached;
}

/* With room for a better one. */
static struct pl_solution own_copy(const struct search *s, const struct pl_solution *o)
{
    struct bt_arena *a = s->p->a;
    struct pl_solution out = *o;
    if (!o->found)
        return (struct pl_solution){ 0 };
    out.copy = BT_NEWN(a, struct pl_copy, s->max_copies + 1);
    out.blocks = BT_NEWN(a, uint64_t, s->max_copies + 1);
    out.ctx = BT_NEWN(a, uint64_t, s->p->n + 1);
    memcpy(out.copy, o->copy, o->ncopies * sizeof *out.copy);        /* cards stay where they are: nobody writes into them */
    memcpy(out.blocks, o->blocks, o->ncopies * sizeof *out.blocks);
    memcpy(out.ctx, o->ctx, s->p->n * sizeof *out.ctx);
    return out;
}

/* Only these may move; and who sits on their cards by order. */
static void hold_all_but(struct search *s, size_t a, size_t b)
{
    const struct pl_problem *p = s->p;
    for (size_t i = 0; i < p->n; i++)
        s->held[i] = (i != a && i != b) || p->work[i].cpu_only;
    for (size_t i = 0; i < p->n; i++)                /* targets come before their followers */
        if (p->work[i].same != PL_NONE && !s->held[p->work[i].same])
            s->held[i] = false;
}

void se_improve(struct search *s, uint64_t budget, struct pl_solution *out)
{
    uint64_t end = s->nodes + budget;
    bool better = true;
    size_t n = s->p->n;
    struct pl_solution at = own_copy(s, out);
    s->held_at = &at;
    while (better && s->nodes < end && !s->late) {
        better = false;
        for (size_t apart = 0; apart < n && s->nodes < end && !s->late; apart++)
            for (size_t i = 0; i + apart < n && s->nodes < end && !s->late; i++) {
                struct pl_score was = out->score;
                if (s->p->work[i].cpu_only && s->p->work[i + apart].cpu_only)
                    continue;
                hold_all_but(s, i, i + apart);
                run(s, SE_HELD_FIRST, PAIR_NODES, out);
                if (pl_score_cmp(&out->score, &was, BT_GOAL_LOWEST) <= 0)
                    continue;
                better = true;
                at = own_copy(s, out);
            }
    }
    memset(s->held, 0, n * sizeof *s->held);
}

/* Any plan, with as few copies as there may be: if those cannot stand, no others do. False: there is none. */
static bool some_plan(struct search *s, uint64_t limit, struct pl_solution *out)
{
    const struct pl_problem *p = s->p;
    uint32_t *copies = BT_NEWN(s->a, uint32_t, p->n + 1);
    s->out = out;
    if (!se_fewest(s, copies))
        return false;
    if (p->n * s->ncards <= SMALL) {
        se_fix(s, copies, -1, s->a);
        se_fits_start(s, s->a);
        enum se_fit how = se_fits(s, limit);
        s->fits = NULL;
        se_fix(s, NULL, -1, s->a);
        if (how == SE_FITS_NOT)
            return false;
    }
    if (out->found)
        return true;
    s->any = true;
    bool all = run(s, SE_HARD, limit, out);
    s->any = false;
    return !all || out->found;
}

/* The better of what climbing reaches from there and what is there. */
void se_climb_from(struct search *s, uint64_t budget, const struct pl_solution *from, struct pl_solution *out)
{
    struct pl_solution at;
    se_order(s, SE_HARD);
    if (!se_climb(s, budget, from, &at))
        return;
    for (size_t i = 0; i < s->p->n; i++)
        s->held[i] = true;
    s->held_at = &at;
    run(s, SE_HELD_FIRST, PAIR_NODES + SE_LEAF_NODES + s->p->n * s->ncards / SE_BOUND_NODES, out);
    memset(s->held, 0, s->p->n * sizeof *s->held);
}

static void climb(struct search *s, uint64_t budget, struct pl_solution *out) { se_climb_from(s, budget, out, out); }

void se_climb_on(struct search *s, uint64_t budget, struct pl_solution *out)
{
    climb(s, budget, out);
    se_order(s, SE_HARD);
    s->stop = false;
}

/* Off the plan's order: some plan, a good one, the best. True: it is the best. */
static bool detour(struct search *s, uint64_t limit, struct pl_solution *out, struct pl_score *bound)
{
    bool open = !out->found && !s->p->beat;          /* where something must be beaten, numbers and shapes soon say whether that can be */
    if (open && !some_plan(s, limit / 4, out))
        return true;
    if (out->found && s->p->any_plan)
        return false;
    size_t pairs = s->p->n * s->ncards;
    struct pl_score all_placed = *bound;
    if (pairs > MIDDLE)
        se_on_many_cards(s, limit, out, bound);
    if (pairs > LARGE)
        return false;
    if (open && !out->found)         /* the tree hides it */
        climb(s, BT_MIN(limit / 4, CLIMB_NODES), out);
    if (out->found)
        se_improve(s, limit / 4, out);
    bool all = false;                /* choices of numbers know nothing of RAM */
    if (!s->p->ram_binds && se_run_choices(s, pairs > HALF ? limit / 2 : limit / 4 * 3, out, &all, bound) && all)
        return true;
    bool seen = run(s, SE_HARD, limit / 8, out);
    if (!seen && out->found)
        se_improve(s, limit / 8, out);
    if (!seen && pairs > MIDDLE && bound->v[BT_GOAL_WANTS] == all_placed.v[BT_GOAL_WANTS])
        se_many_wants(s, limit, &all_placed, out, bound);
    return seen;
}

void pl_search(struct pl_problem *p, uint64_t node_limit, const struct pl_solution *from, struct pl_solution *out)
{
    struct bt_arena mine = { 0 };
    struct search *s = se_new(p, &mine);
    struct pl_score root;
    *out = from ? own_copy(s, from) : (struct pl_solution){ 0 };
    first_colors(p, s->color);
    se_bound(s, 0, NULL, &root);
    if (p->beat && pl_score_cmp(&root, p->beat, BT_GOAL_FREE) < 0) {        /* free memory is dealt anew once pipelines are cut */
        out->complete = true;
        out->bound = root;
        out->nodes = s->nodes;
        bt_arena_release(&mine);
        return;
    }
    bool dealt = p->in->within && p->n * s->ncards > PL_DENSE && se_dealt(s, BT_MIN(node_limit, p->in->within->climbing), out);
    bool complete = !dealt && run(s, SE_AS_PLANNED, BT_MIN(node_limit, p->first_nodes), out);
    if (!complete && !dealt && node_limit > p->first_nodes && !(p->any_plan && out->found)) {
        struct pl_solution best = own_copy(s, out), lowest = { 0 };
        complete = detour(s, node_limit - p->first_nodes, &best, &root);
        bool better = best.found && (!out->found || pl_score_cmp(&best.score, &out->score, BT_GOAL_LOWEST) > 0);
        if (better)
            *out = best;
        if (better && complete) {    /* the first in the plan's order that is as good */
            s->target = &best.score;
            uint64_t left = BT_MIN(BT_MAX(node_limit - BT_MIN(node_limit, s->nodes), node_limit / 8), FIRST_NODES);
            s->limit = s->nodes + left;
            se_as_many(s, &best);
            *out = run(s, SE_AS_PLANNED, left, &lowest) && lowest.found ? lowest : best;
        }
    }
    out->complete = complete;
    out->bound = root;
    out->nodes = s->nodes;
    bt_arena_release(&mine);
}

uint64_t se_visit_all(struct pl_problem *p, const struct pl_score *at_least, uint64_t limit, struct se_visit *v)
{
    struct bt_arena mine = { 0 };
    struct search *s = se_new(p, &mine);
    struct pl_solution none = { 0 };
    bool *ahead = BT_NEWN(&mine, bool, p->n + 1);
    for (size_t i = p->n; i-- > 0; )                 /* targets come before their followers in p->work */
        if (v->first[i] || ahead[i]) {
            ahead[i] = true;
            if (p->work[i].same != PL_NONE)
                ahead[p->work[i].same] = true;
        }
    v->nfirst = 0;
    for (size_t i = 0; i < p->n; i++)
        v->nfirst += ahead[i];
    v->inside = v->taken = false;
    first_colors(p, s->color);
    for (size_t g = s->ncards; g-- > 0; ) {          /* numbered anew: the same in both */
        size_t h = 0;
        while (s->color[h] != s->color[g] || v->color[h] != v->color[g])
            h++;
        s->color[g + s->ncards * s->max_copies] = h;
    }
    memcpy(s->color, &s->color[s->ncards * s->max_copies], s->ncards * sizeof *s->color);
    s->ahead = ahead;
    s->visit = v;
    s->target = at_least;
    s->out = &none;
    s->limit = limit;
    se_order(s, SE_AHEAD);
    if (se_feasible(s, 0))
        next_work(s, 0);
    uint64_t nodes = s->nodes;
    bt_arena_release(&mine);
    return BT_MIN(nodes, limit);
}

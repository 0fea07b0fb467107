/* joint - phases searched together for what may stay where it is, where holding one phase to another (phases.c) did not keep all of it.
 *
 * Phase after phase, all placements that reach what the phase reaches alone and where nobody loses, one for each way to place what other phases have too;
 * beside each of them the next phase. What is saved is milliseconds of moves; a branch that cannot save more than what is known is left. The work is bounded
 * by a number of nodes: past it the best that was found is taken. */
#include "plan/phases.h"
#include "plan/search_int.h"

#define JOINT_NODES 40000

/* A workload that two phases have, and none between them: at most so many of its copies can stay, and each saves so much. */
struct link { size_t w, from, to; uint64_t ms; size_t most; };

struct place { size_t n; const struct pl_copy *copy; const struct pl_shape *const *shape; uint64_t ctx; };     /* of a workload in a phase; n = 0: not there */

struct joint {
    struct pl_stages *all;
    struct bt_arena a;
    struct link *link; size_t nlinks;
    size_t at;                       /* the phase that is being placed */
    struct place **place;            /* [phase][spec->n], of those before `at` */
    struct pl_solution *leaf;        /* [phase] all of it: copies of what was taken */
    uint64_t saved, best, left;      /* before `at`; known; nodes */
    struct pl_solution *best_leaf; bool found;
};

/* ---- what is worth what ---- */

static const struct pl_work *alone(const struct pl_stage *g, const struct pl_work *k)
{
    const size_t w = pl_work_of(g->free_p, k->spec_index);
    return w == PL_NONE ? k : &g->free_p->work[w];
}

int64_t pl_service(const struct pl_stage *g, const struct pl_problem *p, const struct pl_solution *s)
{
    unsigned on[BT_MAX_GPUS] = { 0 };
    int64_t sum = 0;
    for (size_t i = 0; i < s->ncopies; i++)
        for (uint32_t j = 0; j < s->copy[i].ncards; j++)
            on[s->copy[i].card[j]]++;
    for (size_t i = 0; i < s->ncopies; i++) {
        const struct pl_copy *c = &s->copy[i];
        const struct pl_work *k = &p->work[c->work], *free = alone(g, k);
        unsigned most = 1;
        for (uint32_t j = 0; j < c->ncards; j++)
            most = BT_MAX(most, on[c->card[j]]);
        if (c->ncards && free->solo_best > 0)
            sum += se_thousandths(free->weight * pl_rate(p, &k->shape[c->shape], c->card, NULL) / free->solo_best / free->copies_want / most);
    }
    return sum;
}

int64_t pl_wants(const struct pl_stage *g, const struct pl_problem *p, const struct pl_solution *s)
{
    int64_t sum = 0;
    for (size_t w = 0; w < p->n; w++) {
        const struct pl_work *free = alone(g, &p->work[w]);
        int64_t copies = 0;
        for (size_t i = 0; i < s->ncopies; i++)
            copies += s->copy[i].work == w;
        if (free->server && copies && free->ctx_want)
            sum += se_thousandths((double)BT_MIN(s->ctx[w], free->ctx_want) / (double)free->ctx_want);
        if (free->copies_want > 1)
            sum += 1000 * copies / free->copies_want;
    }
    return sum;
}

static size_t copies_alone(const struct pl_stage *g, size_t w)
{
    size_t n = 0;
    for (size_t i = 0; i < g->free_s.ncopies; i++)
        n += g->free_p->work[g->free_s.copy[i].work].spec_index == w;
    return n;
}

static void find_links(struct joint *j)
{
    struct pl_stages *all = j->all;
    for (size_t i = 1; i < all->n; i++)
        for (size_t w = 0; w < all->in->spec->n; w++) {
            size_t from = pl_active(all, i, w) ? pl_last_before(all, i, w) : PL_NONE;
            if (from == PL_NONE || pl_bound_elsewhere(all, i, from, w))
                continue;
            size_t n = copies_alone(&all->v[from], w);
            struct link l = { w, from, i, n ? pl_place_ms(all->v[from].free_p, &all->v[from].free_s, w, from + 1 == i) / n : 0,
                              BT_MIN(n, copies_alone(&all->v[i], w)) };
            if (l.ms && l.most)
                BT_PUSH(&j->a, j->link, j->nlinks, l);
        }
}

static uint64_t saved_by(const struct joint *j)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < j->nlinks; i++) {
        const struct link *l = &j->link[i];
        sum += l->ms * pl_stayers(&j->all->v[l->from], &j->all->v[l->to], l->w, NULL, NULL, NULL);
    }
    return sum;
}

/* ---- places ---- */

static bool same_copy(const struct pl_copy *a, const struct pl_shape *x, const struct pl_copy *b, const struct pl_shape *y)
{
    return a->ncards == b->ncards && (!a->ncards || !memcmp(a->card, b->card, a->ncards * sizeof *a->card)) &&
           (!a->ncards || (x->tp == y->tp && x->pp == y->pp && !strcmp(x->layers ? x->layers : "", y->layers ? y->layers : "")));
}

static const struct pl_shape *shape_of(const struct pl_problem *p, const struct pl_copy *c)
{
    return c->ncards ? &p->work[c->work].shape[c->shape] : NULL;
}

/* How many copies are where the others are. */
static size_t staying(const struct place *a, const struct place *b)
{
    bool taken[PL_MAX_COPIES] = { false };
    size_t same = 0;
    for (size_t i = 0; i < a->n && a->ctx == b->ctx; i++)
        for (size_t k = 0; k < b->n; k++)
            if (!taken[k] && same_copy(&a->copy[i], a->shape[i], &b->copy[k], b->shape[k])) {
                taken[k] = true;
                same++;
                break;
            }
    return same;
}

/* Where every workload of the spec is in the solution. */
static void places_of(struct joint *j, const struct pl_problem *p, const struct pl_solution *s, struct place *out)
{
    for (size_t w = 0; w < j->all->in->spec->n; w++)
        out[w] = (struct place){ 0 };
    for (size_t i = 0; i < s->ncopies; i++) {
        struct place *at = &out[p->work[s->copy[i].work].spec_index];
        size_t n = at->n;
        const struct pl_shape **shape = (const struct pl_shape **)at->shape;
        struct pl_copy *copy = (struct pl_copy *)at->copy;
        BT_PUSH(&j->a, copy, at->n, s->copy[i]);
        BT_PUSH(&j->a, shape, n, shape_of(p, &s->copy[i]));
        at->copy = copy;
        at->shape = shape;
        at->ctx = s->ctx[s->copy[i].work];
    }
}

/* The placement as it stands in the search, copies in the order of the plan. */
static struct pl_solution solution_of(struct joint *j, const struct search *s, const uint64_t *ctx)
{
    const struct pl_problem *p = s->p;
    struct pl_solution o = { .found = true, .complete = true };
    o.copy = BT_NEWN(&j->a, struct pl_copy, s->ncopies + 1);
    o.ctx = BT_NEWN(&j->a, uint64_t, p->n + 1);
    for (size_t w = 0; w < p->n; w++) {
        o.ctx[w] = p->work[w].server && s->placed[w] ? ctx[w] : 0;
        for (uint32_t r = 0; r < s->placed[w]; r++) {
            struct pl_copy *c = &o.copy[o.ncopies++];
            *c = s->copy[s->first_copy[w][r]];
            c->card = BT_NEWN(&j->a, size_t, c->ncards + 1);
            if (c->ncards)
                memcpy(c->card, s->copy[s->first_copy[w][r]].card, c->ncards * sizeof *c->card);
        }
    }
    return o;
}

/* ---- the search ---- */

static void place_phase(struct joint *j);

/* At most so many of its copies may stay, with those that are placed: of the others each may. */
static size_t may_stay(const struct search *s, size_t work, const struct place *was)
{
    bool taken[PL_MAX_COPIES] = { false };
    size_t n = s->copies_most[work] - s->placed[work];
    for (uint32_t r = 0; r < s->placed[work]; r++) {
        const struct pl_copy *c = &s->copy[s->first_copy[work][r]];
        const struct pl_shape *sh = c->ncards ? s->copy_shape[s->first_copy[work][r]]->sh : NULL;
        size_t k = 0;
        while (k < was->n && (taken[k] || !same_copy(c, sh, &was->copy[k], was->shape[k])))
            k++;
        if (k < was->n)
            taken[k] = true;
        n += k < was->n;
    }
    return n;
}

static bool worth_it(void *ctx, const struct search *s)
{
    const struct joint *j = ctx;
    uint64_t most = j->saved;
    for (size_t i = 0; i < j->nlinks; i++) {
        const struct link *l = &j->link[i];
        size_t may = l->to > j->at ? l->most : 0;
        for (size_t k = 0; k < s->p->n && l->to == j->at; k++)
            may = s->p->work[k].spec_index == l->w ? BT_MIN(l->most, may_stay(s, k, &j->place[l->from][l->w])) : may;
        most += may * l->ms;
    }
    return most > j->best;
}

static bool take(void *ctx, struct search *s, const uint64_t *granted)
{
    struct joint *j = ctx;
    struct pl_solution o = solution_of(j, s, granted);
    struct pl_stage *g = &j->all->v[j->at];
    uint64_t before = j->saved, had = j->left;
    if (!pl_no_worse(j->all, g, g->free_p, &o))
        return false;
    j->leaf[j->at] = o;
    places_of(j, g->free_p, &o, j->place[j->at]);
    for (size_t i = 0; i < j->nlinks; i++)
        if (j->link[i].to == j->at)
            j->saved += j->link[i].ms * staying(&j->place[j->at][j->link[i].w], &j->place[j->link[i].from][j->link[i].w]);
    j->left -= BT_MIN(j->left, s->nodes);            /* what this phase has had so far is not the next one's */
    uint64_t mine = j->left;
    j->at++;
    place_phase(j);
    j->at--;
    s->nodes += mine - j->left;
    j->left = had;
    j->saved = before;
    return true;
}

/* Cards that any phase tells apart by pools, or that what is placed already tells apart. */
static size_t *colors(struct joint *j)
{
    const struct bt_fleet *f = j->all->in->fleet;
    size_t *out = BT_NEWN(&j->a, size_t, f->n + 1), ids = 0;
    for (size_t g = 0; g < f->n; g++) {
        size_t h = 0;
        for (; h < g; h++) {
            bool same = true;
            for (size_t i = 0; i < j->all->n && same; i++) {
                const struct pl_problem *p = j->all->v[i].free_p;
                for (size_t k = 0; k < p->n && same; k++)
                    same = (p->work[k].pos[g] >= 0) == (p->work[k].pos[h] >= 0);
                for (size_t k = 0; i < j->at && k < j->leaf[i].ncopies && same; k++)
                    for (uint32_t r = 0; r < j->leaf[i].copy[k].ncards; r++)
                        same = same && j->leaf[i].copy[k].card[r] != g && j->leaf[i].copy[k].card[r] != h;
            }
            if (same)
                break;
        }
        out[g] = h < g ? out[h] : ids++;
    }
    return out;
}

static void place_phase(struct joint *j)
{
    if (j->at == j->all->n) {
        if (j->saved > j->best) {
            j->best = j->saved;
            j->found = true;
            memcpy(j->best_leaf, j->leaf, j->all->n * sizeof *j->leaf);
        }
        return;
    }
    const struct pl_stage *g = &j->all->v[j->at];
    struct pl_problem *p = g->free_p;
    bool *first = BT_NEWN(&j->a, bool, p->n + 1);
    for (size_t i = 0; i < j->nlinks; i++)
        for (size_t k = 0; k < p->n; k++)
            first[k] = first[k] || (p->work[k].spec_index == j->link[i].w && (j->link[i].from == j->at || j->link[i].to == j->at));
    struct pl_score reach = g->free_s.score;
    reach.v[BT_GOAL_SHARED] = reach.v[BT_GOAL_FREE] = reach.v[BT_GOAL_LOWEST] = INT64_MIN;
    struct se_visit v = { .ctx = j, .first = first, .color = colors(j), .worth_it = worth_it, .take = take };
    j->left -= BT_MIN(j->left, se_visit_all(p, &reach, j->left, &v));
}

/* ---- the answer ---- */

/* Each phase with what stays held to its place, or with all of it held where that alone does not give the same. */
static int adopt(struct joint *j, bool all_of_it, struct bt_err *err)
{
    struct pl_stages *all = j->all;
    size_t n = all->in->spec->n;
    struct pl_stage *next = BT_NEWN(all->a, struct pl_stage, all->n);
    struct place **at = j->place;
    for (size_t i = 0; i < all->n; i++)
        places_of(j, all->v[i].free_p, &j->best_leaf[i], at[i]);
    for (size_t i = 0; i < all->n; i++) {
        struct pl_stage from = all->v[i];
        const struct pl_pin **pin = BT_NEWN(all->a, const struct pl_pin *, n + 1);
        bool *stays = BT_NEWN(all->a, bool, n + 1);
        from.p = from.free_p;
        from.s = j->best_leaf[i];
        for (size_t k = 0; k < j->nlinks; k++)
            stays[j->link[k].w] = stays[j->link[k].w] || ((j->link[k].from == i || j->link[k].to == i) &&
                staying(&at[j->link[k].from][j->link[k].w], &at[j->link[k].to][j->link[k].w]) > 0);
        for (size_t w = 0; w < n; w++)
            if (pl_active(all, i, w) && (stays[w] || all_of_it))
                pin[w] = pl_held(all, &from, w);
        if (pl_stage_try(all, &all->v[i], pin, NULL, pl_node_limit(all->in), &next[i], err) < 0)
            return -1;
        all->plan->nodes += next[i].s.nodes;
        if (!next[i].s.found || !pl_no_worse(all, &all->v[i], next[i].p, &next[i].s))
            return 0;
        for (size_t w = 0; w < n; w++)
            if (stays[w] && !pl_same_copies(&next[i], &from, w))
                return 0;
            else if (!stays[w])
                pin[w] = NULL;
        next[i].pin = pin;
    }
    memcpy(all->v, next, all->n * sizeof *next);
    return 1;
}

int pl_joint(struct pl_stages *all, struct bt_err *err)
{
    struct joint j = { .all = all, .left = JOINT_NODES };
    uint64_t most = 0;
    int ok = 0;
    find_links(&j);
    for (size_t i = 0; i < j.nlinks; i++)
        most += j.link[i].ms * j.link[i].most;
    j.best = saved_by(&j);
    if (j.best < most) {
        j.leaf = BT_NEWN(&j.a, struct pl_solution, all->n);
        j.best_leaf = BT_NEWN(&j.a, struct pl_solution, all->n);
        j.place = BT_NEWN(&j.a, struct place *, all->n);
        for (size_t i = 0; i < all->n; i++)
            j.place[i] = BT_NEWN(&j.a, struct place, all->in->spec->n + 1);
        place_phase(&j);
        all->plan->nodes += JOINT_NODES - j.left;
        for (int all_of_it = 0; all_of_it < 2 && j.found && ok == 0; all_of_it++)
            ok = adopt(&j, all_of_it, err);
    }
    bt_arena_release(&j.a);
    return ok < 0 ? -1 : 0;
}

/* twins - cards that nothing in a phase tells apart change places in its plan, so that more copies stay where another phase has them. What the phase reaches is
 * the same with any of these names for its cards, so it costs nobody anything, and it is quick where too much is shared for joint.c to go through.
 *
 * Cards are given to cards by an assignment (Kuhn and Munkres): what a card carries is worth, on another one, the milliseconds of those copies that would stay
 * there. A copy over several cards counts card by card, so what came of it is counted again before it is taken. */
#include "plan/phases.h"

#define ROUNDS 2                     /* forwards and back again: a phase looks at both of its neighbours */
#define TWIN_NODES 30000

struct twins { struct pl_stages *all; size_t stage; const struct pl_problem *p; const struct pl_solution *s; };

/* ---- which cards are twins ---- */

static bool many_cards(const struct pl_solution *s)
{
    for (size_t i = 0; i < s->ncopies; i++)
        if (s->copy[i].ncards > 1)
            return true;
    return false;
}

static bool are_twins(const struct twins *t, size_t g, size_t h)
{
    const struct pl_problem *p = t->p;
    const struct bt_gpu *x = &p->fleet->gpus[g], *y = &p->fleet->gpus[h];
    bool same = p->cls[g] == p->cls[h] && p->cap[g] == p->cap[h] && !x->mig_of == !y->mig_of && x->unified == y->unified;
    if (many_cards(t->s))
        same = same && x->island == y->island;
    for (size_t k = 0; k < p->n && same; k++)
        same = (p->work[k].pos[g] >= 0) == (p->work[k].pos[h] >= 0);
    return same;
}

/* ---- what a card is worth in another's place ---- */

static bool same_form(const struct twins *t, const struct pl_copy *a, const struct pl_stage *g, const struct pl_copy *b)
{
    const struct pl_work *ka = &t->p->work[a->work], *kb = &g->p->work[b->work];
    if (ka->spec_index != kb->spec_index || a->ncards != b->ncards || !a->ncards || t->s->ctx[a->work] != g->s.ctx[b->work])
        return false;
    const struct pl_shape *x = &ka->shape[a->shape], *y = &kb->shape[b->shape];
    return !ka->server || (x->tp == y->tp && x->pp == y->pp && !strcmp(x->layers, y->layers));
}

static size_t rank_on(const struct pl_copy *c, size_t card)
{
    size_t r = 0;
    while (r < c->ncards && c->card[r] != card)
        r++;
    return r;
}

/* Of what card h carries, what card c carries in the other phase: ms of a copy, shared by its cards. */
static int64_t common(const struct twins *t, size_t h, const struct pl_stage *other, size_t c, bool next)
{
    bool taken[PL_MAX_COPIES] = { false };
    int64_t sum = 0;
    for (size_t i = 0; i < t->s->ncopies; i++) {
        const struct pl_copy *a = &t->s->copy[i];
        size_t rank = rank_on(a, h);
        if (rank == a->ncards)
            continue;
        for (size_t k = 0; k < other->s.ncopies; k++) {
            const struct pl_copy *b = &other->s.copy[k];
            if (taken[k] || !same_form(t, a, other, b) || rank_on(b, c) == b->ncards)
                continue;
            taken[k] = true;
            sum += (int64_t)(pl_copy_ms(t->p, a, next) / a->ncards);
            break;
        }
    }
    return sum;
}

/* The phases that its workloads were in before, and will be in next: only there something can stay. */
static bool is_neighbour(const struct pl_stages *all, size_t i, size_t j)
{
    for (size_t w = 0; w < all->in->spec->n; w++)
        if (pl_active(all, BT_MAX(i, j), w) && pl_last_before(all, BT_MAX(i, j), w) == BT_MIN(i, j) && !pl_bound_elsewhere(all, i, j, w))
            return true;
    return false;
}

static int64_t worth(const struct twins *t, size_t h, size_t c)
{
    int64_t sum = h == c;            /* nothing changes for nothing */
    for (size_t j = 0; j < t->all->n; j++)
        if (j != t->stage && is_neighbour(t->all, t->stage, j))
            sum += 2 * common(t, h, &t->all->v[j], c, j + 1 == t->stage || j == t->stage + 1);
    return sum;
}

/* ---- assignment ---- */

/* to[row] for the largest sum of v[row * n + column]; n of each. Potentials and shortest augmenting paths, n^3. */
static void assign(struct bt_arena *a, const int64_t *v, size_t n, size_t *to)
{
    int64_t *u = BT_NEWN(a, int64_t, n + 1), *q = BT_NEWN(a, int64_t, n + 1), *least = BT_NEWN(a, int64_t, n + 1);
    size_t *row = BT_NEWN(a, size_t, n + 1), *way = BT_NEWN(a, size_t, n + 1);
    bool *seen = BT_NEWN(a, bool, n + 1);
    for (size_t i = 1; i <= n; i++) {                /* rows and columns from 1; column 0 is where the new row starts */
        size_t col = 0;
        row[0] = i;
        for (size_t j = 0; j <= n; j++) {
            least[j] = INT64_MAX;
            seen[j] = false;
        }
        do {
            size_t at = row[col], next = 0;
            int64_t step = INT64_MAX;
            seen[col] = true;
            for (size_t j = 1; j <= n; j++) {
                if (seen[j])
                    continue;
                int64_t cost = -v[(at - 1) * n + j - 1] - u[at] - q[j];
                if (cost < least[j]) {
                    least[j] = cost;
                    way[j] = col;
                }
                if (least[j] < step) {
                    step = least[j];
                    next = j;
                }
            }
            for (size_t j = 0; j <= n; j++) {
                if (seen[j]) {
                    u[row[j]] += step;
                    q[j] -= step;
                } else {
                    least[j] -= step;
                }
            }
            col = next;
        } while (row[col]);
        for (; col; col = way[col])
            row[col] = row[way[col]];
    }
    for (size_t j = 1; j <= n; j++)
        to[row[j] - 1] = j - 1;
}

/* to[card] of each card of the fleet, class by class. False: all stay what they are. */
static bool rename_cards(const struct twins *t, size_t *to)
{
    size_t n = t->p->fleet->n, twin[BT_MAX_GPUS], got[BT_MAX_GPUS];
    bool done[BT_MAX_GPUS] = { false }, any = false;
    for (size_t g = 0; g < n; g++)
        to[g] = g;
    for (size_t g = 0; g < n; g++) {
        size_t m = 0;
        for (size_t h = g; h < n && !done[g]; h++)
            if (!done[h] && are_twins(t, g, h))
                twin[m++] = h;
        if (m < 2)
            continue;
        struct bt_arena own = { 0 };
        int64_t *v = BT_NEWN(&own, int64_t, m * m);
        for (size_t i = 0; i < m * m; i++)
            v[i] = worth(t, twin[i / m], twin[i % m]);
        assign(&own, v, m, got);
        for (size_t i = 0; i < m; i++) {
            to[twin[i]] = twin[got[i]];
            any = any || got[i] != i;
            done[twin[i]] = true;
        }
        bt_arena_release(&own);
    }
    return any;
}

/* ---- the plan with other cards ---- */

/* The shape among those of the phase planned alone; nshapes: it is not there. */
static size_t shape_alone(const struct pl_stage *g, const struct pl_work *k, const struct pl_copy *c)
{
    const struct pl_work *f = &g->free_p->work[c->work];
    const struct pl_shape *was = &k->shape[c->shape];
    size_t i = 0;
    while (i < f->nshapes && (f->shape[i].tp != was->tp || f->shape[i].pp != was->pp || f->shape[i].cards != was->cards ||
                              strcmp(f->shape[i].layers ? f->shape[i].layers : "", was->layers ? was->layers : "")))
        i++;
    return i;
}

/* Of the same solution, counted among the shapes and in the pools of the phase planned alone. False: it has a shape of its own. */
static bool as_alone(struct bt_arena *a, const struct pl_stage *g, struct pl_solution *out)
{
    *out = g->s;
    out->copy = BT_NEWN(a, struct pl_copy, g->s.ncopies + 1);
    for (size_t i = 0; i < g->s.ncopies; i++) {
        struct pl_copy *c = &out->copy[i];
        *c = g->s.copy[i];
        const struct pl_work *k = &g->p->work[c->work];
        if (c->work >= g->free_p->n || g->free_p->work[c->work].spec_index != k->spec_index)
            return false;
        if (!c->ncards)
            continue;
        c->shape = shape_alone(g, k, c);
        if (c->shape == g->free_p->work[c->work].nshapes)
            return false;
    }
    return true;
}

static bool earlier(const struct pl_work *k, const struct pl_copy *a, const struct pl_copy *b)
{
    for (uint32_t i = 0; i < a->ncards && i < b->ncards; i++)
        if (k->pos[a->card[i]] != k->pos[b->card[i]])
            return k->pos[a->card[i]] < k->pos[b->card[i]];
    return false;
}

/* Ranks of a tensor-parallel group, and copies that nobody follows, stand in the order of the pool. */
static void put_in_order(const struct pl_problem *p, struct pl_solution *s)
{
    for (size_t i = 0; i < s->ncopies; i++) {
        const struct pl_work *k = &p->work[s->copy[i].work];
        uint32_t tp = s->copy[i].ncards ? k->shape[s->copy[i].shape].tp : 1;
        for (uint32_t r = 0; r + tp <= s->copy[i].ncards; r += tp)
            pl_in_pool_order(k, &s->copy[i].card[r], tp);
    }
    for (size_t i = 1; i < s->ncopies; i++)
        for (size_t j = i; j > 0 && s->copy[j - 1].work == s->copy[j].work; j--) {
            struct pl_copy *x = &s->copy[j - 1], *y = &s->copy[j];
            const struct pl_work *k = &p->work[x->work];
            if (k->followed || k->same != PL_NONE || !earlier(k, y, x))
                break;
            size_t *card = x->card;
            x->card = y->card;
            y->card = card;
        }
}

/* Milliseconds of all that stays, in all phases. */
static uint64_t saved(const struct pl_stages *all)
{
    uint64_t sum = 0;
    for (size_t i = 1; i < all->n; i++)
        for (size_t w = 0; w < all->in->spec->n; w++) {
            size_t j = pl_active(all, i, w) ? pl_last_before(all, i, w) : PL_NONE, copy[PL_MAX_COPIES];
            size_t n = j == PL_NONE || pl_bound_elsewhere(all, i, j, w) ? 0 : pl_copies_of(&all->v[j], w, copy);
            if (n)
                sum += pl_stayers(&all->v[j], &all->v[i], w, NULL, NULL, NULL) * (pl_place_ms(all->v[j].p, &all->v[j].s, w, j + 1 == i) / n);
        }
    return sum;
}

/* Does anything of w stay between phase i and one beside it? */
static bool stays_somewhere(const struct pl_stages *all, size_t i, size_t w)
{
    for (size_t j = 0; j < all->n; j++)
        if (j != i && pl_active(all, j, w) && pl_last_before(all, BT_MAX(i, j), w) == BT_MIN(i, j) && !pl_bound_elsewhere(all, i, j, w) &&
            pl_stayers(&all->v[j], &all->v[i], w, NULL, NULL, NULL))
            return true;
    return false;
}

/* The phase planned once more, all of it held to the new cards: so it is a plan of the search, with its score. */
static int adopt(struct pl_stages *all, size_t i, const struct pl_stage *as, struct bt_err *err)
{
    size_t n = all->in->spec->n;
    const struct pl_pin **pin = BT_NEWN(all->a, const struct pl_pin *, n + 1);
    struct pl_stage next;
    for (size_t w = 0; w < n; w++)
        pin[w] = pl_active(all, i, w) ? pl_held(all, as, w) : NULL;
    if (pl_stage_try(all, &all->v[i], pin, NULL, TWIN_NODES, &next, err) < 0)
        return -1;
    all->plan->nodes += next.s.nodes;
    if (!next.s.found || !pl_no_worse(all, &all->v[i], next.p, &next.s))
        return 0;
    for (size_t w = 0; w < n; w++)
        if (pl_active(all, i, w) && !pl_same_copies(&next, as, w))
            return 0;
    next.pin = pin;
    all->v[i] = next;
    for (size_t w = 0; w < n; w++)
        if (pin[w] && !stays_somewhere(all, i, w))
            pin[w] = NULL;
    return 1;
}

static int swap_in(struct pl_stages *all, size_t i, struct bt_err *err)
{
    struct pl_stage was = all->v[i], as = was;
    size_t to[BT_MAX_GPUS];
    if (!as_alone(all->a, &was, &as.s))
        return 0;
    as.p = was.free_p;
    struct twins t = { .all = all, .stage = i, .p = as.p, .s = &as.s };
    if (!rename_cards(&t, to))
        return 0;
    uint64_t before = saved(all);
    for (size_t c = 0; c < as.s.ncopies; c++) {
        const size_t *old = as.s.copy[c].card;
        as.s.copy[c].card = BT_NEWN(all->a, size_t, as.s.copy[c].ncards + 1);
        for (uint32_t r = 0; r < as.s.copy[c].ncards; r++)
            as.s.copy[c].card[r] = to[old[r]];
    }
    put_in_order(as.p, &as.s);
    all->v[i] = as;
    bool more = saved(all) > before;
    all->v[i] = was;
    return more && adopt(all, i, &as, err) < 0 ? -1 : 0;
}

int pl_swap_twins(struct pl_stages *all, struct bt_err *err)
{
    for (int round = 0; round < ROUNDS && all->n > 1; round++)
        for (size_t k = 0; k < all->n; k++)
            if (swap_in(all, round % 2 ? all->n - 1 - k : k, err) < 0)
                return -1;
    return 0;
}

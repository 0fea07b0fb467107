/* propose_fill - phases filled one after the other, where not all cuts of a set can be looked at: each group goes into the first that holds it, as written,
 * and where that takes more phases than the bytes do, the largest first. Who is like somebody that found no place is not asked about again. */
#include "plan/propose_int.h"

/* The first group, or the largest, that waits for nobody any more; c->n: none, they wait in a circle. */
static size_t next_to_place(const struct pp_cutting *c, const bool *placed, bool largest)
{
    size_t next = c->n;
    for (size_t g = 0; g < c->n; g++) {
        bool waits = placed[g];
        for (size_t x = 0; x < c->n && !waits; x++)
            waits = x != g && !placed[x] && pp_waits_for(c, g, x);
        if (!waits && (next == c->n || (largest && pp_least_of(c, g) > pp_least_of(c, next))))
            next = g;
    }
    return next;
}

/* The only one of its group, or NULL. */
static const struct pl_work *single(const struct pp_cutting *c, size_t g)
{
    const struct pl_work *one = NULL;
    for (size_t i = 0, n = 0; c->all && i < c->all->n; i++)
        if (c->group[g].has[c->all->work[i].spec_index])
            one = n++ ? NULL : &c->all->work[i];
    return one;
}

static bool same_need(const struct bt_need *x, const struct bt_need *y)
{
    bool same = !x == !y && (!x || x->nranks == y->nranks);
    for (size_t i = 0; same && x && i < x->nranks; i++)
        same = x->rank[i].fixed_bytes == y->rank[i].fixed_bytes && x->rank[i].kv_block_bytes == y->rank[i].kv_block_bytes &&
               x->rank[i].host_bytes == y->rank[i].host_bytes && x->rank[i].host_token_bytes == y->rank[i].host_token_bytes;
    return same;
}

static bool same_bytes(const struct pl_problem *p, const struct pl_work *x, const struct pl_work *y)
{
    bool same = x->nshapes == y->nshapes && x->npool == y->npool && x->claim == y->claim;
    for (size_t j = 0; same && j < x->npool; j++)
        same = x->pool[j] == y->pool[j];
    for (size_t i = 0; same && i < x->nshapes; i++) {
        const struct pl_shape *s = &x->shape[i], *o = &y->shape[i];
        same = s->ok == o->ok && s->tp == o->tp && s->pp == o->pp && s->dp == o->dp && s->cards == o->cards && !s->cost == !o->cost;
        for (size_t k = 0; same && s->ok && s->cost && k < p->nclasses; k++)
            same = same_need(s->cost[k].need, o->cost[k].need);
        for (uint32_t r = 0; same && s->ok && r < s->cards; r++)
            for (size_t j = 0; same && j < x->npool; j++) {
                size_t cls = p->cls[x->pool[j]];
                same = (s->cost && !s->cost[cls].need) || pl_floor(p, x, s, cls, r, x->pool[j]) == pl_floor(p, y, o, cls, r, x->pool[j]);
            }
    }
    return same;
}

/* Where one of them has no place beside others, the other has none. */
static bool alike(const struct pp_cutting *c, size_t g, size_t h)
{
    const struct pl_work *x = single(c, g), *y = single(c, h);
    const struct pl_problem *p = c->all;
    bool on_cards = x && y && !x->cpu_only && !y->cpu_only && !x->on_host && !y->on_host;
    if (!on_cards || x->server != y->server || x->copies_min != y->copies_min || x->w->optional != y->w->optional)
        return false;
    for (size_t i = 0, ix = (size_t)(x - p->work), iy = (size_t)(y - p->work); i < p->n; i++)
        if (i != ix && i != iy && (p->may_share[ix * p->n + i] != p->may_share[iy * p->n + i] || p->may_share[i * p->n + ix] != p->may_share[i * p->n + iy]))
            return false;
    bool same_model = !x->server || (x->pm->engine == y->pm->engine && x->pm->version == y->pm->version && x->pm->model->layers == y->pm->model->layers);
    return same_model && same_bytes(p, x, y);
}

/* Somebody like it found no place in the phase, when no more were there than now. */
static bool is_known_not(const struct pp_cutting *c, uint64_t failed, size_t g)
{
    for (size_t h = 0; h < c->n; h++)
        if ((failed >> h & 1) && alike(c, g, h))
            return true;
    return false;
}

/* Each group into the first phase that holds it, not before those whose end it waits for. c->best is their order already. Returns how many phases that
 * takes; 0: they wait in a circle; -1 error. */
static int fill_in_order(struct pp_cutting *c, bool largest)
{
    bool placed[PP_GROUPS] = { false };
    uint64_t set[PP_GROUPS] = { 0 }, failed[PP_GROUPS] = { 0 };
    size_t used = 0;
    c->asked = 0;
    for (size_t left = c->n; left > 0; left--) {
        size_t g = next_to_place(c, placed, largest), from = 0;
        if (g == c->n)
            return 0;
        for (size_t x = 0; x < c->n; x++)
            from = placed[x] && pp_waits_for(c, g, x) ? BT_MAX(from, c->best[x]) : from;
        size_t b = from;
        int ok = 0;
        for (; b < used && (ok = is_known_not(c, failed[b], g) ? 0 : pp_fits(c, set[b] | UINT64_C(1) << g)) == 0; b++)
            failed[b] |= UINT64_C(1) << g;
        if (ok < 0)
            return -1;
        set[b] |= UINT64_C(1) << g;                  /* a phase of its own holds it: that was asked first of all */
        used = BT_MAX(used, b + 1);
        c->best[g] = b;
        placed[g] = true;
    }
    return (int)used;
}

int pp_fill(struct pp_cutting *c)
{
    size_t as_written[PP_GROUPS];
    c->filled = true;
    c->fewest = 2;
    if (c->least)
        c->fewest = BT_MAX(c->fewest, (size_t)((c->least->sum + c->least->there - 1) / BT_MAX(c->least->there, UINT64_C(1))));
    int used = fill_in_order(c, false), larger = 0;
    if (used <= 0)
        return used;
    memcpy(as_written, c->best, sizeof as_written);
    if (c->least && (size_t)used > c->fewest && (larger = fill_in_order(c, true)) < 0)
        return -1;
    if (!larger || larger >= used)
        memcpy(c->best, as_written, sizeof as_written);
    c->found = true;
    return 0;
}

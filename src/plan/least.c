/* least - bytes that no placement can do without: whatever the shapes and cards, those who must stand take so much together. Asked before a search, it spares
 * those whose answer it is. */
#include "plan/plan_int.h"

/* Rank i of the shape, on whatever card of the pool. */
static uint64_t least_of_rank(const struct pl_problem *p, const struct pl_work *k, const struct pl_shape *s, uint32_t i)
{
    uint64_t least = UINT64_MAX;
    bool seen[BT_MAX_GPUS] = { false };              /* [class] */
    for (size_t j = 0; j < k->npool; j++) {
        size_t cls = p->cls[k->pool[j]];
        if (seen[cls] && k->claim != PL_WHOLE)
            continue;
        seen[cls] = true;
        if (!s->cost || s->cost[cls].need)
            least = BT_MIN(least, pl_floor(p, k, s, cls, i, k->pool[j]));
    }
    return least;
}

/* Of a pipeline the least of its stages counts for all: its layers may be cut otherwise. */
static uint64_t least_of_copy(const struct pl_problem *p, const struct pl_work *k)
{
    uint64_t least = UINT64_MAX;
    for (size_t i = 0; i < k->nshapes; i++) {
        const struct pl_shape *s = &k->shape[i];
        uint64_t rank = UINT64_MAX;
        for (uint32_t r = 0; s->ok && r < s->cards; r += BT_MAX(s->tp, 1u))
            rank = BT_MIN(rank, least_of_rank(p, k, s, r));
        if (rank != UINT64_MAX)
            least = BT_MIN(least, rank * s->cards);
    }
    return least == UINT64_MAX ? 0 : least;
}

static void find_groups(const struct pl_problem *p, size_t *group)
{
    for (size_t i = 0; i < p->n; i++)
        group[i] = i;
    for (size_t i = 0; i < p->n; i++) {
        const size_t to[] = { p->work[i].same, p->work[i].server ? p->work[i].ctx_root : PL_NONE };
        for (size_t t = 0; t < BT_LEN(to); t++)
            for (size_t k = 0, from = group[i], on = to[t] == PL_NONE ? from : group[to[t]]; k < p->n; k++)
                group[k] = group[k] == from ? on : group[k];
    }
}

struct pl_least *pl_least_new(const struct pl_problem *p, struct bt_arena *a)
{
    struct pl_least *l = BT_NEW(a, struct pl_least);
    size_t *group = BT_NEWN(a, size_t, p->n + 1);
    *l = (struct pl_least){ .n = p->spec->n, .of = BT_NEWN(a, uint64_t, p->spec->n + 1), .group = BT_NEWN(a, size_t, p->spec->n + 1) };
    find_groups(p, group);
    for (size_t g = 0; g < p->fleet->n; g++)
        l->there += p->cap[g];
    for (size_t i = 0; i < l->n; i++)
        l->group[i] = PL_NONE;
    for (size_t i = 0; i < p->n; i++) {
        const struct pl_work *k = &p->work[i];
        l->group[k->spec_index] = group[i];
        if (k->cpu_only || k->on_host || k->w->optional || !k->npool)
            continue;
        l->of[k->spec_index] = least_of_copy(p, k) * BT_MAX(k->copies_min, 1u);
        l->sum += l->of[k->spec_index];
    }
    return l;
}

static uint64_t group_bytes(const struct pl_least *l, size_t group)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < l->n; i++)
        sum += l->group[i] == group ? l->of[i] : 0;
    return sum;
}

bool pl_least_too_much(const struct pl_least *l, size_t changed)
{
    uint64_t own = l->group[changed] == PL_NONE ? 0 : group_bytes(l, l->group[changed]);
    return l->sum - own > l->there;
}

bool pl_least_too_much_of(const struct pl_least *l, const bool *keep)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < l->n; i++) {
        bool whole = keep[i];                        /* whose context it has may be gone: it takes less then */
        for (size_t j = 0; whole && j < l->n; j++)
            whole = keep[j] || l->group[j] != l->group[i];
        sum += whole ? l->of[i] : 0;
    }
    return sum > l->there;
}

bool pl_least_too_much_after(const struct pl_least *l, size_t changes)
{
    uint64_t left = l->sum, below = UINT64_MAX;
    for (size_t done = 0; done < changes && below;) {              /* the largest groups go: several of the same bytes one after the other */
        uint64_t next = 0;
        size_t alike = 0;
        for (size_t i = 0; i < l->n; i++) {
            uint64_t bytes = l->group[i] == PL_NONE ? 0 : group_bytes(l, l->group[i]);
            bool first = true;
            for (size_t j = 0; j < i; j++)
                first = first && l->group[j] != l->group[i];
            if (!first || bytes >= below || bytes < next)
                continue;
            alike = bytes == next ? alike + 1 : 1;
            next = bytes;
        }
        alike = BT_MIN(alike, changes - done);
        left -= next * alike;
        done += alike;
        below = next;
    }
    return left > l->there;
}

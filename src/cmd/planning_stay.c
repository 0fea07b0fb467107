/* planning_stay.c - a plan that what is up goes over to: of cards that are the same, it takes those where its instances are already.
 *
 * A plan is made without looking at what runs, so the same server may be given the twin of its card, and would be stopped for nothing. Twins: the same
 * kind, bytes, island and strangers; nobody asked for one of them by name. Renaming twins in the whole plan changes neither what fits nor how fast it is. */
#include "cmd/live.h"
#include "cmd/planning_own.h"

enum { FREE = -1 };

static bool twins(const struct bt_gpu *x, const struct bt_gpu *y)
{
    return x->kind == y->kind && !strcmp(x->name, y->name) && x->total_bytes == y->total_bytes && x->others_bytes == y->others_bytes &&
           x->margin_bytes == y->margin_bytes && x->island == y->island && !x->mig_of && !y->mig_of && x->unified == y->unified;
}

/* Somebody names his cards: then a card is not what its twin is. */
static bool by_name(const struct bt_plan *p)
{
    for (size_t i = 0; i < p->spec->n; i++)
        if (p->spec->w[i].pool.n)
            return true;
    return p->fleet->nboxes > 0;
}

static const json_t *running(const json_t *ps, const char *id)
{
    size_t i;
    json_t *in;
    json_array_foreach(json_object_get(ps, "instances"), i, in)
        if (!strcmp(bt_live_str(in, "id"), id) && !bt_live_over(in))
            return in;
    return NULL;
}

static int card_of(const struct bt_fleet *f, const json_t *rank)
{
    for (size_t i = 0; i < f->n; i++)
        if (!strcmp(f->gpus[i].uuid, bt_live_str(rank, "gpu")))
            return (int)i;
    return FREE;
}

/* Its ranks where they are, if all of them can be. to[card of the plan] = card; from[] the other way round. */
static void keep(const struct bt_fleet *f, const struct bt_plan_instance *in, const json_t *ranks, int *to, int *from)
{
    for (int pass = 0; pass < 2; pass++)             /* first look, then do */
        for (size_t r = 0; r < in->nranks; r++) {
            const json_t *row = json_array_get(ranks, r);
            int x = (int)in->rank[r].gpu, y = card_of(f, row);
            if (y == FREE || (uint64_t)json_integer_value(json_object_get(row, "planned_bytes")) != in->rank[r].bytes || !twins(&f->gpus[x], &f->gpus[y]) ||
                (to[x] != FREE && to[x] != y) || (from[y] != FREE && from[y] != x))
                return;
            if (pass)
                to[x] = y, from[y] = x;
        }
}

/* The rest: where it is planned, else any twin that is left. */
static void fill(const struct bt_fleet *f, int *to, int *from)
{
    for (size_t i = 0; i < f->n; i++)
        if (to[i] == FREE && from[i] == FREE)
            to[i] = from[i] = (int)i;
    for (size_t i = 0; i < f->n; i++)
        for (size_t k = 0; k < f->n && to[i] == FREE; k++)
            if (from[k] == FREE && twins(&f->gpus[i], &f->gpus[k]))
                to[i] = (int)k, from[k] = (int)i;
}

static bool seen(struct bt_rank_berth *const *list, size_t n, const struct bt_rank_berth *rank)
{
    for (size_t i = 0; i < n; i++)
        if (list[i] == rank)
            return true;
    return false;
}

static void rename_cards(struct bt_arena *a, struct bt_plan *p, const int *to)
{
    struct bt_rank_berth **done = NULL;              /* phases may share them */
    size_t n = 0;
    for (size_t ph = 0; ph < p->nphases; ph++)
        for (size_t i = 0; i < p->phase[ph].n; i++) {
            struct bt_plan_instance *in = &p->phase[ph].inst[i];
            if (!in->nranks || seen(done, n, in->rank))
                continue;
            BT_PUSH(a, done, n, in->rank);
            for (size_t r = 0; r < in->nranks; r++)
                in->rank[r].gpu = (size_t)to[in->rank[r].gpu];
        }
}

void bt_planning_stay(struct bt_arena *a, struct bt_plan *p)
{
    struct bt_err ignored = { 0 };
    if (!p->fleet->live || by_name(p) || !p->nphases)
        return;
    json_t *ps = bt_live_ps(p->spec->name, &ignored);
    int *to = BT_NEWN(a, int, p->fleet->n + 1), *from = BT_NEWN(a, int, p->fleet->n + 1);
    for (size_t i = 0; i < p->fleet->n; i++)
        to[i] = from[i] = FREE;
    for (size_t i = 0; ps && i < p->phase[0].n; i++) {
        const struct bt_plan_instance *in = &p->phase[0].inst[i];
        const json_t *ranks = json_object_get(running(ps, in->id), "ranks");
        if (in->nranks && json_array_size(ranks) == in->nranks)
            keep(p->fleet, in, ranks, to, from);
    }
    fill(p->fleet, to, from);
    bool whole = ps != NULL;
    for (size_t i = 0; i < p->fleet->n; i++)
        whole &= to[i] != FREE;
    if (whole)
        rename_cards(a, p, to);
    json_decref(ps);
}

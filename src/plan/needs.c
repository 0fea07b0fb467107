/* needs - the need of a shape, and its pace, are worked out once: the trials of advice and alternatives ask for the same ones hundreds of times. */
#include "plan/plan_int.h"

#define BUCKETS 4096

struct key { const struct bt_model *model; const struct bt_engine_version *version; const struct bt_gpu *card; struct bt_serve serve; };
struct known { struct key key; struct pl_cost_kept cost; struct known *next; };
struct weighed {
    const struct bt_model *model; const struct bt_engine *engine; const char *quantization; unsigned elem;
    bool known; struct bt_pace_weight w; struct weighed *next;
};
struct kept_cut { uint32_t *layers, pp; struct kept_cut *next; };
struct pl_needs {
    struct bt_arena *a;
    const struct pl_needs *under;    /* asked too, and not written to; or NULL */
    struct known *bucket[BUCKETS]; struct kept_cut *cut[BUCKETS]; struct weighed *weighed;
};

struct pl_needs *pl_needs_new(struct bt_arena *a)
{
    struct pl_needs *n = BT_NEW(a, struct pl_needs);
    n->a = a;
    return n;
}

struct pl_needs *pl_needs_over(struct bt_arena *a, const struct pl_needs *under)
{
    struct pl_needs *n = pl_needs_new(a);
    n->under = under;
    return n;
}

void pl_needs_join(struct pl_needs *n, struct pl_needs *over)
{
    for (size_t i = 0; i < BUCKETS; i++) {
        struct known **k = &over->bucket[i];
        struct kept_cut **c = &over->cut[i];
        while (*k)
            k = &(*k)->next;
        while (*c)
            c = &(*c)->next;
        *k = n->bucket[i];
        *c = n->cut[i];
        n->bucket[i] = over->bucket[i];
        n->cut[i] = over->cut[i];
    }
    struct weighed **w = &over->weighed;
    while (*w)
        w = &(*w)->next;
    *w = n->weighed;
    n->weighed = over->weighed;
}

struct bt_arena *pl_needs_arena(struct pl_needs *n) { return n->a; }

static size_t bucket_of(const void *key, size_t size)
{
    const unsigned char *p = key;
    uint64_t h = UINT64_C(14695981039346656037);     /* FNV-1a */
    for (size_t i = 0; i < size; i++)
        h = (h ^ p[i]) * UINT64_C(1099511628211);
    return h % BUCKETS;
}

/* The rows of one data-parallel engine after the other: they are equal, and each stands on cards of its own. */
static struct bt_need *of_all_engines(struct bt_arena *a, const struct bt_need *one, uint64_t dp)
{
    struct bt_need *n = BT_NEW(a, struct bt_need);
    *n = *one;
    n->nranks = one->nranks * dp;
    n->rank = BT_NEWN(a, struct bt_need_rank, n->nranks);
    for (size_t i = 0; i < n->nranks; i++)
        n->rank[i] = one->rank[i % one->nranks];
    return n;
}

static const struct known *find(const struct known *n, const struct key *key)
{
    while (n && memcmp(&n->key, key, sizeof *key) != 0)
        n = n->next;
    return n;
}

int pl_cost_kept(struct pl_problem *p, const struct pl_work *k, const struct bt_serve *serve, const struct bt_gpu *card, const struct bt_need *like,
                 struct pl_cost_kept **out, struct bt_err *err)
{
    struct key key;
    struct bt_need *need;
    memset(&key, 0, sizeof key);     /* compared as bytes: padding that differs only means that it is worked out again */
    key.model = k->pm->model;
    key.version = k->pm->version;
    key.card = card;
    memcpy(&key.serve, serve, sizeof key.serve);
    size_t bucket = bucket_of(&key, sizeof key);
    const struct known *known = find(p->needs->bucket[bucket], &key);
    if (known) {
        *out = (struct pl_cost_kept *)&known->cost;
        return 0;
    }
    for (const struct pl_needs *u = p->needs->under; u && !known; u = u->under)
        known = find(u->bucket[bucket], &key);
    if (known && known->cost.paced) {
        *out = (struct pl_cost_kept *)&known->cost;
        return 0;
    }
    if (known)                       /* its pace is written to our own */
        need = known->cost.need;
    else if (bt_need_server_like(p->needs->a, k->pm->model, k->pm->engine, k->pm->version, serve, card, like, &need, err) < 0)
        return -1;
    if (!known && serve->dp > 1)
        need = of_all_engines(p->needs->a, need, serve->dp);
    struct known *n = BT_NEW(p->needs->a, struct known);
    n->key = key;
    n->cost.need = need;
    n->next = p->needs->bucket[bucket];
    p->needs->bucket[bucket] = n;
    *out = &n->cost;
    return 0;
}

int pl_need(struct pl_problem *p, const struct pl_work *k, const struct bt_serve *serve, const struct bt_gpu *card, struct bt_need **out, struct bt_err *err)
{
    struct pl_cost_kept *kept;
    if (pl_cost_kept(p, k, serve, card, NULL, &kept, err) < 0)
        return -1;
    *out = kept->need;
    return 0;
}

unsigned pl_elem(const struct pl_work *k)
{
    return k->serve.dtype && (!strcmp(k->serve.dtype, "float32") || !strcmp(k->serve.dtype, "float")) ? 4 : 2;
}

const struct bt_pace_weight *pl_weight(const struct pl_problem *p, const struct pl_work *k)
{
    struct pl_needs *n = p->needs;
    unsigned elem = pl_elem(k);
    for (const struct pl_needs *u = n; u; u = u->under)
        for (const struct weighed *w = u->weighed; w; w = w->next)
            if (w->model == k->pm->model && w->engine == k->pm->engine && w->quantization == k->serve.quantization && w->elem == elem)
                return w->known ? &w->w : NULL;
    struct weighed *w = BT_NEW(n->a, struct weighed);
    *w = (struct weighed){ .model = k->pm->model, .engine = k->pm->engine, .quantization = k->serve.quantization, .elem = elem, .next = n->weighed };
    w->known = bt_pace_weigh(w->model, w->quantization, elem, w->engine->name, &w->w);
    n->weighed = w;
    return w->known ? &w->w : NULL;
}

const uint32_t *pl_cut_kept(struct pl_problem *p, const uint32_t *cut, uint32_t pp)
{
    struct pl_needs *n = p->needs;
    size_t bucket = bucket_of(cut, pp * sizeof *cut);
    struct kept_cut **at = &n->cut[bucket];
    for (const struct pl_needs *u = n; u; u = u->under)
        for (const struct kept_cut *c = u->cut[bucket]; c; c = c->next)
            if (c->pp == pp && !memcmp(c->layers, cut, pp * sizeof *cut))
                return c->layers;
    struct kept_cut *row = BT_NEW(n->a, struct kept_cut);
    *row = (struct kept_cut){ BT_NEWN(n->a, uint32_t, pp), pp, *at };
    memcpy(row->layers, cut, pp * sizeof *cut);
    *at = row;
    return row->layers;
}

/* needs - the need of a shape, and its pace, are worked out once: the trials of advice and alternatives ask for the same ones hundreds of times. */
#include "plan/plan_int.h"

#define BUCKETS 4096

struct key { const struct bt_model *model; const struct bt_engine_version *version; const struct bt_gpu *card; struct bt_serve serve; };
struct known { uint64_t hash; struct key key; struct pl_cost_kept cost; struct known *next; };
struct weighed {
    const struct bt_model *model; const struct bt_engine *engine; const char *quantization; unsigned elem;
    bool known; struct bt_pace_weight w; struct weighed *next;
};
struct kept_cut { uint32_t *layers, pp; struct kept_cut *next; };
struct best_key { struct key of; uint64_t room[PL_MAX_CUT]; };
struct kept_best { uint64_t hash; struct best_key key; struct pl_best_cut best; struct kept_best *next; };
struct pl_needs {
    struct bt_arena *a;
    const struct pl_needs *under;    /* asked too, and not written to; or NULL */
    struct known *bucket[BUCKETS]; struct kept_cut *cut[BUCKETS]; struct kept_best *best[BUCKETS]; struct weighed *weighed;
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
        struct kept_best **b = &over->best[i];
        while (*k)
            k = &(*k)->next;
        while (*c)
            c = &(*c)->next;
        while (*b)
            b = &(*b)->next;
        *k = n->bucket[i];
        *c = n->cut[i];
        *b = n->best[i];
        n->bucket[i] = over->bucket[i];
        n->cut[i] = over->cut[i];
        n->best[i] = over->best[i];
    }
    struct weighed **w = &over->weighed;
    while (*w)
        w = &(*w)->next;
    *w = n->weighed;
    n->weighed = over->weighed;
}

struct bt_arena *pl_needs_arena(struct pl_needs *n) { return n->a; }

/* FNV-1a's product over words instead of bytes, each folded in whole: keys are hundreds of bytes, and asked for by the hundred thousand. */
static uint64_t hash_of(const void *key, size_t size)
{
    const unsigned char *p = key;
    uint64_t h = UINT64_C(14695981039346656037);
    for (size_t at = 0; at < size; at += sizeof h) {
        uint64_t word = 0;
        memcpy(&word, p + at, BT_MIN(size - at, sizeof word));
        h = (h ^ word) * UINT64_C(1099511628211);
        h ^= h >> 32;
    }
    return h;
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

static const struct known *find(const struct known *n, const struct key *key, uint64_t hash)
{
    while (n && (n->hash != hash || memcmp(&n->key, key, sizeof *key) != 0))
        n = n->next;
    return n;
}

/* Compared as bytes: padding that differs only means that it is worked out again. */
static void set_key(struct key *key, const struct pl_work *k, const struct bt_serve *serve, const struct bt_gpu *card)
{
    memset(key, 0, sizeof *key);
    key->model = k->pm->model;
    key->version = k->pm->version;
    key->card = card;
    memcpy(&key->serve, serve, sizeof key->serve);
}

int pl_cost_kept(struct pl_problem *p, const struct pl_work *k, const struct bt_serve *serve, const struct bt_gpu *card, const struct bt_need *like,
                 struct pl_cost_kept **out, struct bt_err *err)
{
    struct key key;
    struct bt_need *need;
    set_key(&key, k, serve, card);
    uint64_t hash = hash_of(&key, sizeof key);
    size_t bucket = hash % BUCKETS;
    const struct known *known = find(p->needs->bucket[bucket], &key, hash);
    if (known) {
        *out = (struct pl_cost_kept *)&known->cost;
        return 0;
    }
    for (const struct pl_needs *u = p->needs->under; u && !known; u = u->under)
        known = find(u->bucket[bucket], &key, hash);
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
    n->hash = hash;
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
    size_t bucket = hash_of(cut, pp * sizeof *cut) % BUCKETS;
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

struct pl_best_cut *pl_best_cut_kept(struct pl_problem *p, const struct pl_work *k, const struct bt_serve *serve, const struct bt_gpu *card,
                                     const uint64_t *room)
{
    struct pl_needs *n = p->needs;
    struct best_key key;
    memset(&key, 0, sizeof key);
    set_key(&key.of, k, serve, card);
    memcpy(key.room, room, serve->pp * sizeof *room);
    uint64_t hash = hash_of(&key, sizeof key);
    size_t bucket = hash % BUCKETS;
    for (const struct pl_needs *u = n; u; u = u->under)
        for (struct kept_best *b = u->best[bucket]; b; b = b->next)
            if (b->hash == hash && !memcmp(&b->key, &key, sizeof key))
                return &b->best;
    struct kept_best *row = BT_NEW(n->a, struct kept_best);
    row->hash = hash;
    row->key = key;
    row->next = n->best[bucket];
    n->best[bucket] = row;
    return &row->best;
}

/* dead - ways to be so far that led nowhere, each with the best sum it came with. Compared whole, not as a hash of it; past so many no more are kept. */
#include <string.h>

#include "plan/search_int.h"

#define MOST (1u << 15)
#define BUCKETS 4096u

struct dead { struct dead *next; uint64_t hash; double sum; size_t n; uint8_t key[]; };
struct se_dead { struct bt_arena *a; size_t n; struct dead *bucket[BUCKETS]; };

struct se_dead *se_dead_new(struct bt_arena *a)
{
    struct se_dead *d = BT_NEW(a, struct se_dead);
    d->a = a;
    return d;
}

struct se_way se_way_of(const uint8_t *key, size_t n)
{
    uint64_t h = n;
    for (size_t i = 0; i < n; i++)
        h = (h ^ key[i]) * 0x100000001B3u;
    return (struct se_way){ key, n, h ^ h >> 29 };
}

static struct dead *find(const struct se_dead *d, const struct se_way *w)
{
    for (struct dead *x = d->bucket[w->hash % BUCKETS]; x; x = x->next)
        if (x->hash == w->hash && x->n == w->n && !memcmp(x->key, w->key, w->n))
            return x;
    return NULL;
}

bool se_is_dead(const struct se_dead *d, const struct se_way *w, double sum)
{
    const struct dead *x = find(d, w);
    return x && x->sum >= sum;
}

void se_dead_add(struct se_dead *d, const struct se_way *w, double sum)
{
    struct dead *x = find(d, w);
    if (!x && d->n == MOST)
        return;
    if (!x) {
        struct dead **at = &d->bucket[w->hash % BUCKETS];
        x = bt_arena_alloc(d->a, sizeof *x + w->n);
        *x = (struct dead){ *at, w->hash, sum, w->n };
        memcpy(x->key, w->key, w->n);
        *at = x;
        d->n++;
    }
    x->sum = BT_MAX(x->sum, sum);
}

/* known - numbers that were worked out once, by what they were worked out from: compared whole. The last ones asked for; an older one makes room. */
#include <string.h>

#include "plan/search_int.h"

#define ENTRIES 1024u

struct entry { double value; size_t n; uint64_t key[SE_KEY]; };
struct se_known { struct entry entry[ENTRIES]; };

struct se_known *se_known_new(struct bt_arena *a) { return BT_NEW(a, struct se_known); }

double *se_known_at(struct se_known *k, const uint64_t *key, size_t n, bool *is)
{
    uint64_t h = n;
    for (size_t i = 0; i < n; i++)
        h = (h ^ key[i]) * 0x9E3779B97F4A7C15u ^ h >> 29;
    struct entry *e = &k->entry[h >> 32 & (ENTRIES - 1)];
    *is = e->n == n && !memcmp(e->key, key, n * sizeof *key);
    if (!*is) {
        e->n = n;
        memcpy(e->key, key, n * sizeof *key);
    }
    return &e->value;
}

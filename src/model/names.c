/* names.c - the table of tensor names: see scan.h. Open addressing; the slots carry the hash, so that most misses touch no name. */
#include <sys/auxv.h>
#include "model/scan.h"

static uint64_t fold(uint64_t a, uint64_t b)
{
    __uint128_t wide = (__uint128_t)a * b;
    return (uint64_t)wide ^ (uint64_t)(wide >> 64);
}

/* The key is the kernel's random bytes: a file made to collide would otherwise keep us busy for hours. */
static void choose_key(uint64_t key[2])
{
    const void *random = (const void *)getauxval(AT_RANDOM);         /* 16 bytes, or NULL before Linux 2.6.29 */
    key[0] = 0x9e3779b97f4a7c15;
    key[1] = 0xd1b54a32d192ed03;
    if (random)
        memcpy(key, random, 2 * sizeof *key);
}

static uint32_t hash_of(const uint64_t key[2], struct bt_str s)
{
    uint64_t h = key[0] ^ s.n, word[2];
    for (; s.n > 16; s.p += 16, s.n -= 16) {
        memcpy(word, s.p, 16);
        h = fold(h ^ word[0] ^ key[1], word[1] ^ key[0]);
    }
    memset(word, 0, sizeof word);
    if (s.n)
        memcpy(word, s.p, s.n);
    h = fold(h ^ word[0] ^ key[1], word[1] ^ key[0]);
    return (uint32_t)fold(h ^ key[0], key[1] | 1);
}

static void grow_slots(struct bt_names *t)
{
    size_t old = t->slots;
    if (!old)
        choose_key(t->key);
    struct bt_name_slot *from = t->slot;
    t->slots = old ? old * 2 : 1024;
    t->slot = bt_xcalloc(t->slots, sizeof *t->slot);
    for (size_t i = 0; i < old; i++) {
        if (!from[i].at)
            continue;
        size_t k = from[i].hash & (t->slots - 1);
        while (t->slot[k].at)
            k = (k + 1) & (t->slots - 1);
        t->slot[k] = from[i];
    }
    free(from);
}

static struct bt_name *append(struct bt_names *t, struct bt_arena *a, struct bt_str text)
{
    if (t->n == t->cap) {
        t->cap = t->cap ? t->cap * 2 : 512;
        t->name = bt_xrealloc(t->name, t->cap * sizeof *t->name);
    }
    t->name[t->n] = (struct bt_name){ bt_arena_strndup(a, text), (uint32_t)text.n, 0, 0 };
    return &t->name[t->n++];
}

struct bt_name *bt_names_get(struct bt_names *t, struct bt_arena *a, struct bt_str text, bool *fresh)
{
    *fresh = false;
    if (t->next < t->n && t->name[t->next].n == text.n && memcmp(t->name[t->next].text, text.p, text.n) == 0)
        return &t->name[t->next++];                  /* lists of the same names mostly have the same order */
    if (t->n * 2 >= t->slots)
        grow_slots(t);
    uint32_t hash = hash_of(t->key, text);
    size_t k = hash & (t->slots - 1);
    for (; t->slot[k].at; k = (k + 1) & (t->slots - 1)) {
        struct bt_name *hit = &t->name[t->slot[k].at - 1];
        if (t->slot[k].hash == hash && hit->n == text.n && memcmp(hit->text, text.p, text.n) == 0) {
            t->next = t->slot[k].at;
            return hit;
        }
    }
    *fresh = true;
    struct bt_name *made = append(t, a, text);
    t->slot[k] = (struct bt_name_slot){ hash, (uint32_t)t->n };
    return made;
}

void bt_names_release(struct bt_names *t)
{
    free(t->name);
    free(t->slot);
    *t = (struct bt_names){ 0 };
}

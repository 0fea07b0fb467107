/* arena.c - blocks that grow with the arena, freed together. */
#include "base/arena.h"

#include <stdio.h>

struct bt_arena_block {
    struct bt_arena_block *next;
    size_t used, cap;
    _Alignas(16) char data[];
};

void *bt_arena_alloc(struct bt_arena *a, size_t n)
{
    if (n > SIZE_MAX - 64)
        n = SIZE_MAX - 64;           /* ends in out of memory below, not in a wrap */
    size_t need = (n + 15) & ~(size_t)15;
    struct bt_arena_block *b = a->head;
    if (!b || b->cap - b->used < need) {
        size_t cap = BT_MAX(need, BT_MIN(BT_MAX(a->bytes, 4 * KiB), MiB));
        b = bt_xcalloc(1, sizeof *b + cap);
        b->cap = cap;
        b->next = a->head;
        a->head = b;
        a->bytes += cap;
    }
    void *p = b->data + b->used;
    b->used += need;
    return p;
}

void *bt_arena_array(struct bt_arena *a, size_t n, size_t size)
{
    size_t bytes;
    return bt_arena_alloc(a, __builtin_mul_overflow(n, size, &bytes) ? SIZE_MAX : bytes);
}

char *bt_arena_strndup(struct bt_arena *a, struct bt_str s)
{
    char *p = bt_arena_alloc(a, s.n + 1);
    if (s.n)
        memcpy(p, s.p, s.n);
    return p;
}

char *bt_arena_strdup(struct bt_arena *a, const char *z)
{
    return z ? bt_arena_strndup(a, bt_str(z)) : NULL;
}

char *bt_arena_printf(struct bt_arena *a, const char *fmt, ...)
{
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    char *p = bt_arena_alloc(a, n < 0 ? 1 : (size_t)n + 1);
    if (n > 0)
        vsnprintf(p, (size_t)n + 1, fmt, again);
    va_end(again);
    return p;
}

void bt_arena_release(struct bt_arena *a)
{
    for (struct bt_arena_block *b = a->head, *next; b; b = next) {
        next = b->next;
        free(b);
    }
    *a = (struct bt_arena){ 0 };
}

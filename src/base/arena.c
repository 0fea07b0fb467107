/* arena.c - see arena.h */
#include "base/arena.h"

#include <stdarg.h>
#include <stdio.h>

struct bt_arena_block {
    struct bt_arena_block *next;
    size_t used, cap;
    _Alignas(16) char data[];
};

enum { BLOCK_BYTES = 16 * 1024 - 64 };

static struct bt_arena_block *new_block(struct bt_arena *a, size_t cap)
{
    struct bt_arena_block *b = bt_xcalloc(1, sizeof *b + cap);
    b->cap = cap;
    a->bytes += cap;
    return b;
}

void *bt_arena_alloc(struct bt_arena *a, size_t n)
{
    if (n > SIZE_MAX / 2)
        bt_xmalloc(n);               /* ends the process with its message */
    n = (n + 15) & ~(size_t)15;
    struct bt_arena_block *b = a->head;
    if (b && b->cap - b->used >= n) {
        void *p = b->data + b->used;
        b->used += n;
        return p;
    }
    if (b && n > BLOCK_BYTES / 4) {  /* a big one gets a block behind the head: the head's free space stays in use */
        struct bt_arena_block *big = new_block(a, n);
        big->used = n;
        big->next = b->next;
        b->next = big;
        return big->data;
    }
    struct bt_arena_block *fresh = new_block(a, BT_MAX(n, (size_t)BLOCK_BYTES));
    fresh->next = b;
    fresh->used = n;
    a->head = fresh;
    return fresh->data;
}

void *bt_arena_array(struct bt_arena *a, size_t n, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(n, size, &bytes))
        bytes = SIZE_MAX;
    return bt_arena_alloc(a, bytes);
}

char *bt_arena_strndup(struct bt_arena *a, struct bt_str s)
{
    char *z = bt_arena_alloc(a, s.n + 1);
    if (s.n)
        memcpy(z, s.p, s.n);
    return z;
}

char *bt_arena_strdup(struct bt_arena *a, const char *z)
{
    return z ? bt_arena_strndup(a, bt_str(z)) : NULL;
}

char *bt_arena_printf(struct bt_arena *a, const char *fmt, ...)
{
    char most[512];                  /* holds nearly all of them: to ask for the length first would format each twice */
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    int n = vsnprintf(most, sizeof most, fmt, ap);
    char *z = bt_arena_alloc(a, n < 0 ? 1 : (size_t)n + 1);
    if (n > 0 && (size_t)n < sizeof most)
        memcpy(z, most, (size_t)n);
    else if (n > 0)
        vsnprintf(z, (size_t)n + 1, fmt, again);
    va_end(again);
    va_end(ap);
    return z;
}

void bt_arena_join(struct bt_arena *a, struct bt_arena *from)
{
    struct bt_arena_block *last = from->head;
    if (!last)
        return;
    while (last->next)
        last = last->next;
    if (a->head) {                   /* behind the head: its free space stays in use */
        last->next = a->head->next;
        a->head->next = from->head;
    } else {
        a->head = from->head;
    }
    a->bytes += from->bytes;
    *from = (struct bt_arena){ 0 };
}

void bt_arena_release(struct bt_arena *a)
{
    for (struct bt_arena_block *b = a->head, *next; b; b = next) {
        next = b->next;
        free(b);
    }
    *a = (struct bt_arena){ 0 };
}

/* arena.h - memory that lives and dies together: one arena per request, plan, model. Not thread-safe. */
#ifndef BT_ARENA_H
#define BT_ARENA_H
#include "base/str.h"

struct bt_arena { struct bt_arena_block *head; size_t bytes; };     /* zero-initialised = empty */

void *bt_arena_alloc(struct bt_arena *a, size_t n);                  /* zeroed, 16-byte aligned; never NULL */
void *bt_arena_array(struct bt_arena *a, size_t n, size_t size);     /* zeroed, overflow checked */
char *bt_arena_strdup(struct bt_arena *a, const char *z);            /* NULL stays NULL */
char *bt_arena_strndup(struct bt_arena *a, struct bt_str s);
char *bt_arena_printf(struct bt_arena *a, const char *fmt, ...) BT_PRINTF(2, 3);
/* All of `from` lives as long as `a` from here on; `from` is empty. */
void bt_arena_join(struct bt_arena *a, struct bt_arena *from);
void bt_arena_release(struct bt_arena *a);
#define BT_NEW(a, T) ((T *)bt_arena_alloc((a), sizeof(T)))
#define BT_NEWN(a, T, n) ((T *)bt_arena_array((a), (n), sizeof(T)))
#define bt_auto_arena __attribute__((cleanup(bt_arena_release))) struct bt_arena

/* Append to an arena-owned array (old copies stay in the arena: for lists that are built once). */
#define BT_PUSH(a, arr, n, value) do { \
    if (((n) & ((n) - 1)) == 0) { \
        void *bt_new_ = bt_arena_array((a), (n) ? (n) * 2 : 1, sizeof *(arr)); \
        if (n) memcpy(bt_new_, (arr), (n) * sizeof *(arr)); \
        (arr) = bt_new_; } \
    (arr)[(n)++] = (value); } while (0)
#endif

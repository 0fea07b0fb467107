/* str.h - borrowed views, and buffers with a ceiling at birth. */
#ifndef BT_STR_H
#define BT_STR_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/err.h"

#define KiB ((uint64_t)1 << 10)
#define MiB ((uint64_t)1 << 20)
#define GiB ((uint64_t)1 << 30)
#define BT_LEN(a) (sizeof(a) / sizeof((a)[0]))

/* A view: borrowed, no NUL promised. printf("%.*s", BT_STR(s)) */
struct bt_str { const char *p; size_t n; };
#define BT_STR(s) (int)(s).n, (s).p
#define BT_S(lit) ((struct bt_str){ (lit), sizeof(lit) - 1 })
static inline struct bt_str bt_str(const char *z) { return (struct bt_str){ z, z ? strlen(z) : 0 }; }
bool bt_str_eq(struct bt_str a, const char *z);
bool bt_str_starts(struct bt_str a, const char *z);
bool bt_str_ends(struct bt_str a, const char *z);
struct bt_str bt_str_trim(struct bt_str s);
/* Cut s at the first `sep`: *head is what stands before it, the rest is returned. Without sep: head = s, rest = {NULL, 0}. */
struct bt_str bt_str_cut(struct bt_str s, char sep, struct bt_str *head);
/* The nearest of names[0..n) to s by edit distance, or NULL when none is near enough to be meant. */
const char *bt_str_nearest(struct bt_str s, const char *const *names, size_t n);

/* A growing text buffer that never passes max bytes: a write that would, sets `over` and changes nothing more.
 * p is NUL-terminated whenever it is not NULL. Embedded: BT_BUF(max), bt_buf_release(). */
struct bt_buf { char *p; size_t n, cap, max; bool over; };
#define BT_BUF(limit) ((struct bt_buf){ .max = (limit) })
void bt_buf_add(struct bt_buf *b, const void *p, size_t n);
void bt_buf_puts(struct bt_buf *b, const char *z);
void bt_buf_printf(struct bt_buf *b, const char *fmt, ...) BT_PRINTF(2, 3);
void bt_buf_clear(struct bt_buf *b);                 /* n = 0, over = false; keeps the memory */
void bt_buf_drop(struct bt_buf *b, size_t n);        /* remove the first n bytes */
void bt_buf_release(struct bt_buf *b);
const char *bt_buf_z(const struct bt_buf *b);        /* "" when empty, never NULL */
/* Text from a child, a file or a client made safe for a terminal or a log: control bytes and broken UTF-8 become \xNN. */
void bt_buf_add_escaped(struct bt_buf *b, struct bt_str s);

/* Cleanup attributes: bt_auto_free char *p = NULL; bt_auto_fd = open(..); bt_auto_buf struct bt_buf b = BT_BUF(..) */
static inline void bt_free_ptr(void *p) { free(*(void **)p); }
void bt_close_fd(int *fd);                           /* closes once, keeps errno */
#define bt_auto_free __attribute__((cleanup(bt_free_ptr)))
#define bt_auto_fd   __attribute__((cleanup(bt_close_fd))) int
#define bt_auto_buf  __attribute__((cleanup(bt_buf_release)))
static inline int bt_take_fd(int *fd) { int t = *fd; *fd = -1; return t; }

/* malloc family that ends the process when memory is out (keepers and workloads outlive us). */
void *bt_xmalloc(size_t n);
void *bt_xcalloc(size_t n, size_t size);             /* overflow checked */
void *bt_xrealloc(void *p, size_t n);
char *bt_xstrdup(const char *z);
char *bt_xasprintf(const char *fmt, ...) BT_PRINTF(1, 2);

/* Checked arithmetic on byte counts from files: false on overflow. */
static inline bool bt_mul_u64(uint64_t a, uint64_t b, uint64_t *out) { return !__builtin_mul_overflow(a, b, out); }
static inline bool bt_add_u64(uint64_t a, uint64_t b, uint64_t *out) { return !__builtin_add_overflow(a, b, out); }
static inline uint64_t bt_ceil_div(uint64_t a, uint64_t b) { return a / b + (a % b != 0); }
static inline uint64_t bt_round_up(uint64_t a, uint64_t b) { return bt_ceil_div(a, b) * b; }
#define BT_MIN(a, b) ((a) < (b) ? (a) : (b))
#define BT_MAX(a, b) ((a) > (b) ? (a) : (b))
#endif

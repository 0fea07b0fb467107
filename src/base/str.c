/* str.c - views, bounded buffers, and memory that ends the process when it is out. */
#include "base/str.h"

#include <errno.h>
#include <stdio.h>

bool bt_str_eq(struct bt_str a, const char *z)
{
    return a.n == strlen(z) && !memcmp(a.p ? a.p : "", z, a.n);
}

bool bt_str_starts(struct bt_str a, const char *z)
{
    size_t n = strlen(z);
    return a.n >= n && !memcmp(a.p ? a.p : "", z, n);
}

bool bt_str_ends(struct bt_str a, const char *z)
{
    size_t n = strlen(z);
    return a.n >= n && (n == 0 || !memcmp(a.p + a.n - n, z, n));
}

struct bt_str bt_str_trim(struct bt_str s)
{
    while (s.n && strchr(" \t\r\n", s.p[0]))
        s.p++, s.n--;
    while (s.n && strchr(" \t\r\n", s.p[s.n - 1]))
        s.n--;
    return s;
}

struct bt_str bt_str_cut(struct bt_str s, char sep, struct bt_str *head)
{
    const char *at = s.n ? memchr(s.p, sep, s.n) : NULL;
    if (!at) {
        *head = s;
        return (struct bt_str){ NULL, 0 };
    }
    *head = (struct bt_str){ s.p, (size_t)(at - s.p) };
    return (struct bt_str){ at + 1, s.n - head->n - 1 };
}

enum { NAME_MAX_LEN = 64 };

/* Edit distance with swaps of neighbours (optimal string alignment); names past 64 bytes are not compared. */
static size_t distance(struct bt_str a, struct bt_str b)
{
    size_t d[3][NAME_MAX_LEN + 1];
    for (size_t j = 0; j <= b.n; j++)
        d[0][j] = j;
    for (size_t i = 1; i <= a.n; i++) {
        size_t *now = d[i % 3], *up = d[(i - 1) % 3], *up2 = d[(i + 1) % 3];
        now[0] = i;
        for (size_t j = 1; j <= b.n; j++) {
            size_t cost = a.p[i - 1] != b.p[j - 1];
            now[j] = BT_MIN(BT_MIN(up[j] + 1, now[j - 1] + 1), up[j - 1] + cost);
            if (i > 1 && j > 1 && a.p[i - 1] == b.p[j - 2] && a.p[i - 2] == b.p[j - 1])
                now[j] = BT_MIN(now[j], up2[j - 2] + 1);
        }
    }
    return d[a.n % 3][b.n];
}

const char *bt_str_nearest(struct bt_str s, const char *const *names, size_t n)
{
    const char *best = NULL;
    size_t best_d = SIZE_MAX;
    if (!s.n || s.n > NAME_MAX_LEN)
        return NULL;
    for (size_t i = 0; i < n; i++) {
        struct bt_str name = bt_str(names[i]);
        if (!name.n || name.n > NAME_MAX_LEN)
            continue;
        size_t d = distance(s, name), allowed = BT_MAX(1, BT_MAX(s.n, name.n) / 3);
        if (d <= allowed && d < best_d) {
            best = names[i];
            best_d = d;
        }
    }
    return best;
}

static bool grow(struct bt_buf *b, size_t more)
{
    if (b->over || more > b->max || b->n > b->max - more) {
        b->over = true;
        return false;
    }
    if (b->n + more + 1 > b->cap) {
        size_t cap = BT_MAX(b->cap * 2, 256);
        cap = BT_MAX(cap, b->n + more + 1);
        b->p = bt_xrealloc(b->p, cap);
        b->cap = cap;
    }
    return true;
}

void bt_buf_add(struct bt_buf *b, const void *p, size_t n)
{
    if (!grow(b, n))
        return;
    if (n)
        memcpy(b->p + b->n, p, n);
    b->n += n;
    b->p[b->n] = 0;
}

void bt_buf_puts(struct bt_buf *b, const char *z)
{
    bt_buf_add(b, z, strlen(z));
}

void bt_buf_printf(struct bt_buf *b, const char *fmt, ...)
{
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (n >= 0 && grow(b, (size_t)n)) {
        vsnprintf(b->p + b->n, (size_t)n + 1, fmt, again);
        b->n += (size_t)n;
    }
    va_end(again);
}

void bt_buf_clear(struct bt_buf *b)
{
    b->n = 0;
    b->over = false;
    if (b->p)
        b->p[0] = 0;
}

void bt_buf_drop(struct bt_buf *b, size_t n)
{
    n = BT_MIN(n, b->n);
    if (!n)
        return;
    memmove(b->p, b->p + n, b->n - n + 1);
    b->n -= n;
}

void bt_buf_release(struct bt_buf *b)
{
    free(b->p);
    *b = (struct bt_buf){ .max = b->max };
}

const char *bt_buf_z(const struct bt_buf *b)
{
    return b->p ? b->p : "";
}

/* Length of the well-formed UTF-8 sequence at p, or 0. Refuses overlong forms, surrogates and C1 controls. */
static size_t utf8_len(const unsigned char *p, size_t n)
{
    if (p[0] < 0x80)
        return 1;
    size_t len = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
    if (p[0] < 0xc2 || p[0] > 0xf4 || n < len)
        return 0;
    for (size_t i = 1; i < len; i++)
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    if ((p[0] == 0xc2 && p[1] < 0xa0) || (p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) || (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
        return 0;
    return len;
}

void bt_buf_add_escaped(struct bt_buf *b, struct bt_str s)
{
    for (size_t i = 0; i < s.n;) {
        const unsigned char *p = (const unsigned char *)s.p + i;
        size_t len = utf8_len(p, s.n - i);
        if (len && p[0] >= 0x20 && p[0] != 0x7f) {
            bt_buf_add(b, p, len);
            i += len;
        } else {
            bt_buf_printf(b, "\\x%02x", p[0]);
            i++;
        }
    }
}

void bt_close_fd(int *fd)
{
    int saved = errno;
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
    errno = saved;
}

static _Noreturn void out_of_memory(void)
{
    static const char msg[] = "berth: out of memory\n";
    if (write(STDERR_FILENO, msg, sizeof msg - 1) < 0) { /* nothing left to try */ }
    _exit(1);
}

void *bt_xmalloc(size_t n)
{
    void *p = malloc(n ? n : 1);
    return p ? p : (out_of_memory(), NULL);
}

void *bt_xcalloc(size_t n, size_t size)
{
    void *p = calloc(n ? n : 1, size ? size : 1);
    return p ? p : (out_of_memory(), NULL);
}

void *bt_xrealloc(void *p, size_t n)
{
    void *q = realloc(p, n ? n : 1);
    return q ? q : (out_of_memory(), NULL);
}

char *bt_xstrdup(const char *z)
{
    size_t n = strlen(z) + 1;
    return memcpy(bt_xmalloc(n), z, n);
}

char *bt_xasprintf(const char *fmt, ...)
{
    char *out;
    va_list ap;
    va_start(ap, fmt);
    if (vasprintf(&out, fmt, ap) < 0)
        out_of_memory();
    va_end(ap);
    return out;
}

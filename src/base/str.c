/* str.c - see str.h */
#include "base/str.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

bool bt_str_eq(struct bt_str a, const char *z)
{
    size_t n = strlen(z);
    return a.n == n && (n == 0 || memcmp(a.p, z, n) == 0);
}

bool bt_str_starts(struct bt_str a, const char *z)
{
    size_t n = strlen(z);
    return a.n >= n && (n == 0 || memcmp(a.p, z, n) == 0);
}

bool bt_str_ends(struct bt_str a, const char *z)
{
    size_t n = strlen(z);
    return a.n >= n && (n == 0 || memcmp(a.p + a.n - n, z, n) == 0);
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v';
}

struct bt_str bt_str_trim(struct bt_str s)
{
    while (s.n && is_blank(s.p[0]))
        s.p++, s.n--;
    while (s.n && is_blank(s.p[s.n - 1]))
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

/* ---- nearest name ---- */

enum { NEAR_MAX = 64 };              /* longer names are not typed by hand */

static int fold(char c)
{
    return c == '_' ? '-' : tolower((unsigned char)c);
}

/* Edits (insert, delete, replace, swap of neighbours) from a to b; both at most NEAR_MAX long. */
static size_t edits(struct bt_str a, struct bt_str b)
{
    size_t rows[3][NEAR_MAX + 1];
    for (size_t j = 0; j <= b.n; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= a.n; i++) {
        size_t *now = rows[i % 3], *up = rows[(i + 2) % 3], *up2 = rows[(i + 1) % 3];
        now[0] = i;
        for (size_t j = 1; j <= b.n; j++) {
            int x = fold(a.p[i - 1]), y = fold(b.p[j - 1]);
            size_t best = BT_MIN(up[j] + 1, now[j - 1] + 1);
            best = BT_MIN(best, up[j - 1] + (x != y));
            if (i > 1 && j > 1 && x == fold(b.p[j - 2]) && fold(a.p[i - 2]) == y)
                best = BT_MIN(best, up2[j - 2] + 1);
            now[j] = best;
        }
    }
    return rows[a.n % 3][b.n];
}

const char *bt_str_nearest(struct bt_str s, const char *const *names, size_t n)
{
    const char *best = NULL;
    size_t best_edits = SIZE_MAX;
    if (s.n == 0 || s.n > NEAR_MAX)
        return NULL;
    for (size_t i = 0; i < n; i++) {
        struct bt_str name = bt_str(names[i]);
        if (name.n == 0 || name.n > NEAR_MAX)
            continue;
        size_t longest = BT_MAX(s.n, name.n), d = edits(s, name);
        size_t allowed = BT_MAX(longest / 3, 1);
        if (d <= allowed && d < longest && d < best_edits) {
            best = names[i];
            best_edits = d;
        }
    }
    return best;
}

/* ---- buffers ---- */

/* Room for n more bytes and a NUL; false (and over) when that passes max. */
static bool buf_room(struct bt_buf *b, size_t n)
{
    if (b->over || n > b->max || b->n > b->max - n) {
        b->over = true;
        return false;
    }
    if (b->n + n + 1 > b->cap) {
        size_t cap = BT_MAX(b->cap * 2, b->n + n + 1);
        if (cap > b->max)            /* max + 1 is the most that is ever used */
            cap = b->max + 1;
        b->p = bt_xrealloc(b->p, cap);
        b->cap = cap;
    }
    return true;
}

void bt_buf_add(struct bt_buf *b, const void *p, size_t n)
{
    if (!buf_room(b, n))
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
    char small[256];
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    int n = vsnprintf(small, sizeof small, fmt, ap);
    if (n < 0)
        b->over = true;
    else if ((size_t)n < sizeof small)
        bt_buf_add(b, small, (size_t)n);
    else if (buf_room(b, (size_t)n)) {
        vsnprintf(b->p + b->n, (size_t)n + 1, fmt, again);
        b->n += (size_t)n;
    }
    va_end(again);
    va_end(ap);
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
    if (!b->p)
        return;
    n = BT_MIN(n, b->n);
    memmove(b->p, b->p + n, b->n - n);
    b->n -= n;
    b->p[b->n] = 0;
}

void bt_buf_release(struct bt_buf *b)
{
    free(b->p);
    *b = BT_BUF(b->max);
}

const char *bt_buf_z(const struct bt_buf *b)
{
    return b->p ? b->p : "";
}

/* ---- escaping ---- */

/* Bytes of the UTF-8 sequence at p if it is whole, shortest form and harmless to a terminal, else 0. */
static size_t safe_sequence(const unsigned char *p, size_t n)
{
    if (p[0] < 0x80)
        return p[0] >= 0x20 && p[0] != 0x7f;
    size_t len = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
    static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
    if (p[0] < 0xc2 || p[0] > 0xf4 || len > n)
        return 0;
    uint32_t c = p[0] & (0xffu >> (len + 1));
    for (size_t i = 1; i < len; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 0;
        c = c << 6 | (p[i] & 0x3f);
    }
    if (c < least[len] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
        return 0;
    if (c < 0xa0)                    /* C1: some terminals obey U+009B as ESC [ */
        return 0;
    if ((c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) || c == 0x2028 || c == 0x2029)
        return 0;                    /* direction overrides and line separators make text read as what it is not */
    return len;
}

void bt_buf_add_escaped(struct bt_buf *b, struct bt_str s)
{
    const unsigned char *p = (const unsigned char *)s.p;
    for (size_t i = 0; i < s.n && !b->over;) {
        size_t len = safe_sequence(p + i, s.n - i);
        if (len)
            bt_buf_add(b, p + i, len);
        else
            bt_buf_printf(b, "\\x%02x", p[i]);
        i += len ? len : 1;
    }
}

/* ---- cleanup and memory ---- */

void bt_close_fd(int *fd)
{
    if (*fd < 0)
        return;
    int keep = errno;
    close(*fd);
    *fd = -1;
    errno = keep;
}

static void *or_die(void *p, size_t n)
{
    if (p)
        return p;
    fprintf(stderr, "berth: out of memory (%zu bytes)\n", n);
    _exit(1);
}

void *bt_xmalloc(size_t n)
{
    return or_die(malloc(n ? n : 1), n);
}

void *bt_xcalloc(size_t n, size_t size)
{
    return or_die(calloc(n ? n : 1, size ? size : 1), n);    /* calloc checks the product */
}

void *bt_xrealloc(void *p, size_t n)
{
    return or_die(realloc(p, n ? n : 1), n);
}

char *bt_xstrdup(const char *z)
{
    return or_die(strdup(z), strlen(z) + 1);
}

char *bt_xasprintf(const char *fmt, ...)
{
    char *z = NULL;
    va_list ap;
    va_start(ap, fmt);
    int n = vasprintf(&z, fmt, ap);
    va_end(ap);
    return or_die(n < 0 ? NULL : z, 0);
}

/* scan.c - see scan.h */
#include "model/scan.h"
#include <jansson.h>

enum { DEPTH_MAX = 64 };

void bt_scan_init(struct bt_scan *s, struct bt_str text)
{
    const char *p = text.n ? text.p : "";
    *s = (struct bt_scan){ .start = p, .p = p, .end = p + text.n, .decoded = BT_BUF(text.n + 1) };
}

void bt_scan_release(struct bt_scan *s)
{
    bt_buf_release(&s->decoded);
}

static bool broken(struct bt_scan *s, const char *why)
{
    s->why = why;
    return false;
}

char bt_scan_peek(struct bt_scan *s)
{
    while (s->p < s->end && (*s->p == ' ' || *s->p == '\n' || *s->p == '\t' || *s->p == '\r'))
        s->p++;
    return s->p < s->end ? *s->p : 0;
}

bool bt_scan_take(struct bt_scan *s, char c)
{
    if (s->p >= s->end || *s->p != c) {              /* mostly there is no space */
        bt_scan_peek(s);
        if (s->p >= s->end)
            return broken(s, "the text ends too early");
        if (*s->p != c)
            return broken(s, c == ':' ? "':' expected" : c == '"' ? "a string expected" : c == '{' ? "'{' expected" : "'[' expected");
    }
    s->p++;
    return true;
}

int bt_scan_more(struct bt_scan *s, char close, size_t *members)
{
    char c = bt_scan_peek(s);
    if (c == close) {
        s->p++;
        return 0;
    }
    if ((*members)++ == 0)
        return 1;
    if (c != ',') {
        broken(s, s->p >= s->end ? "the text ends too early" : close == '}' ? "',' or '}' expected" : "',' or ']' expected");
        return -1;
    }
    s->p++;
    return 1;
}

/* ---- strings ---- */

/* Bytes of the well-formed UTF-8 sequence at p, or 0: no overlong forms, no surrogates, nothing above U+10FFFF. */
static size_t utf8_length(const unsigned char *p, const unsigned char *end)
{
    size_t n = p[0] < 0xc2 ? 0 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : p[0] < 0xf5 ? 4 : 0;
    if (!n || (size_t)(end - p) < n)
        return 0;
    for (size_t i = 1; i < n; i++)
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) || (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
        return 0;
    return n;
}

static bool hex4(struct bt_scan *s, unsigned *out)
{
    unsigned v = 0;
    if (s->end - s->p < 4)
        return broken(s, "four hex digits expected behind \\u");
    for (int i = 0; i < 4; i++) {
        char c = *s->p++;
        int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
        if (digit < 0)
            return broken(s, "four hex digits expected behind \\u");
        v = v << 4 | (unsigned)digit;
    }
    *out = v;
    return true;
}

static void add_utf8(struct bt_buf *b, unsigned c)
{
    char out[4];
    size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    static const unsigned char first[] = { 0, 0, 0xc0, 0xe0, 0xf0 };
    for (size_t i = n; i-- > 1; c >>= 6)
        out[i] = (char)(0x80 | (c & 0x3f));
    out[0] = (char)(first[n] | c);
    bt_buf_add(b, out, n);
}

static bool unicode_escape(struct bt_scan *s)
{
    unsigned c, low;
    if (!hex4(s, &c))
        return false;
    if (c == 0)
        return broken(s, "\\u0000 in a string");
    if (c >= 0xdc00 && c <= 0xdfff)
        return broken(s, "half a surrogate pair");
    if (c >= 0xd800 && c <= 0xdbff) {
        if (s->end - s->p < 2 || s->p[0] != '\\' || s->p[1] != 'u')
            return broken(s, "half a surrogate pair");
        s->p += 2;
        if (!hex4(s, &low))
            return false;
        if (low < 0xdc00 || low > 0xdfff)
            return broken(s, "half a surrogate pair");
        c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
    }
    add_utf8(&s->decoded, c);
    return true;
}

/* s->p is behind the backslash. */
static bool escape(struct bt_scan *s)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    if (s->p >= s->end)
        return broken(s, "the text ends inside a string");
    char c = *s->p++;
    if (c == 'u')
        return unicode_escape(s);
    const char *hit = c ? strchr(from, c) : NULL;
    if (!hit)
        return broken(s, "an escape that JSON does not have");
    bt_buf_add(&s->decoded, &to[hit - from], 1);
    return true;
}

/* Has none of these eight bytes a meaning of its own in a string? May say no where it is yes, never the other way. */
static bool plain8(const unsigned char *p)
{
    const uint64_t ones = 0x0101010101010101, tops = 0x8080808080808080;
    uint64_t w;
    memcpy(&w, p, sizeof w);
    uint64_t quote = w ^ ones * '"', backslash = w ^ ones * '\\';
    return !((w | (w - ones * 0x20) | (quote - ones) | (backslash - ones)) & tops);
}

/* From s->p over characters that stand for themselves; stops at a quote or a backslash. */
static bool plain_run(struct bt_scan *s)
{
    const unsigned char *p = (const unsigned char *)s->p, *end = (const unsigned char *)s->end;
    for (;;) {
        while (end - p >= 8 && plain8(p))
            p += 8;
        while (p < end && *p >= 0x20 && *p < 0x80 && *p != '"' && *p != '\\')
            p++;
        s->p = (const char *)p;
        if (p >= end)
            return broken(s, "the text ends inside a string");
        if (*p == '"' || *p == '\\')
            return true;
        if (*p < 0x20)
            return broken(s, "a control character in a string");
        size_t n = utf8_length(p, end);
        if (!n)
            return broken(s, "not UTF-8");
        p += n;
    }
}

bool bt_scan_string(struct bt_scan *s, struct bt_str *out)
{
    if (!bt_scan_take(s, '"'))
        return false;
    const char *from = s->p;
    if (!plain_run(s))
        return false;
    if (*s->p == '"') {
        *out = (struct bt_str){ from, (size_t)(s->p++ - from) };
        return true;
    }
    bt_buf_clear(&s->decoded);
    for (;;) {
        bt_buf_add(&s->decoded, from, (size_t)(s->p - from));
        if (*s->p++ == '"')
            break;
        if (!escape(s))
            return false;
        from = s->p;
        if (!plain_run(s))
            return false;
    }
    *out = (struct bt_str){ bt_buf_z(&s->decoded), s->decoded.n };   /* no longer than the text: the buffer is never over */
    return true;
}

bool bt_scan_key(struct bt_scan *s, struct bt_str *out)
{
    return bt_scan_string(s, out) && bt_scan_take(s, ':');
}

/* ---- other values ---- */

static bool is_digit(const struct bt_scan *s)
{
    return s->p < s->end && *s->p >= '0' && *s->p <= '9';
}

bool bt_scan_size(struct bt_scan *s, uint64_t *out)
{
    uint64_t v = 0;
    bool minus = bt_scan_peek(s) == '-';
    s->p += minus;
    if (!is_digit(s))
        return false;
    bool zero = *s->p == '0';
    const char *from = s->p;
    for (; is_digit(s); s->p++) {
        if (v > INT64_MAX / 10)
            return false;
        v = v * 10 + (uint64_t)(*s->p - '0');
        if (v > INT64_MAX)
            return false;
    }
    if ((zero && s->p - from > 1) || (minus && v) || (s->p < s->end && (*s->p == '.' || *s->p == 'e' || *s->p == 'E')))
        return false;
    *out = v;
    return true;
}

static void skip_string(struct bt_scan *s)
{
    for (s->p++; s->p < s->end && *s->p != '"'; s->p++)
        if (*s->p == '\\' && s->p + 1 < s->end)
            s->p++;
    s->p += s->p < s->end;
}

bool bt_scan_skip(struct bt_scan *s, unsigned depth)
{
    unsigned outside = depth;
    char c = bt_scan_peek(s);
    if (c != '{' && c != '[' && c != '"') {
        while (s->p < s->end && !strchr(" \n\t\r,]}", *s->p))
            s->p++;
        return true;
    }
    do {
        c = *s->p;
        if (c == '"') {
            skip_string(s);
            continue;
        }
        if ((c == '{' || c == '[') && ++depth > DEPTH_MAX)
            return broken(s, "nested deeper than 64 levels");
        if (c == '}' || c == ']')
            depth--;
        s->p++;
    } while (depth > outside && s->p < s->end);
    return true;
}

bool bt_scan_judge(struct bt_scan *s, const char *from)
{
    json_error_t e;
    size_t n = (size_t)(s->p - from);
    if (memchr(from, 0, n))                          /* jansson 2.14 overlooks one behind a number */
        return broken(s, "a NUL byte before here");
    json_t *v = json_loadb(from, n, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &e);
    json_decref(v);
    return v || broken(s, "the value before here is broken, or names a key twice");
}

bool bt_scan_end(struct bt_scan *s)
{
    bt_scan_peek(s);
    return s->p == s->end || broken(s, "more text behind the object");
}

int bt_scan_err(const struct bt_scan *s, const char *what, struct bt_err *err)
{
    unsigned line = 1, column = 1;
    for (const char *p = s->start; p < s->p; p++, column++)
        if (*p == '\n') {
            line++;
            column = 0;
        }
    return bt_err_set(err, BT_E_INPUT, 0, "parse %s: line %u, column %u: %s", what, line, column, s->why);
}

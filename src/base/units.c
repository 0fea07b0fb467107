/* units.c - bytes, durations and counts. */
#include "base/units.h"

#include <math.h>
#include <stdio.h>

struct unit { const char *name; uint64_t size; };
static const struct unit byte_units[] = { { "B", 1 }, { "kB", 1000 }, { "KB", 1000 }, { "MB", 1000000 }, { "GB", 1000000000 }, { "TB", 1000000000000 },
    { "KiB", 1ull << 10 }, { "MiB", 1ull << 20 }, { "GiB", 1ull << 30 }, { "TiB", 1ull << 40 } };
static const struct unit time_units[] = { { "ms", 1 }, { "s", 1000 }, { "m", 60000 }, { "h", 3600000 } };
static const struct unit count_units[] = { { "k", 1000 }, { "m", 1000000 }, { "g", 1000000000 }, { "t", 1000000000000 },
    { "K", 1ull << 10 }, { "M", 1ull << 20 }, { "G", 1ull << 30 }, { "T", 1ull << 40 } };

/* Split "79.22GiB" into digits (whole and fraction, the fraction at most 12 digits) and the unit's text. */
struct number { uint64_t whole, frac; unsigned frac_digits; struct bt_str unit; bool decimal; };

static bool split(struct bt_str s, struct number *out)
{
    size_t i = 0;
    *out = (struct number){ 0 };
    if (!s.n || s.p[0] < '0' || s.p[0] > '9')
        return false;
    for (; i < s.n && s.p[i] >= '0' && s.p[i] <= '9'; i++)
        if (!bt_mul_u64(out->whole, 10, &out->whole) || !bt_add_u64(out->whole, (uint64_t)(s.p[i] - '0'), &out->whole))
            return false;
    if (i < s.n && s.p[i] == '.') {
        size_t start = ++i;
        for (; i < s.n && s.p[i] >= '0' && s.p[i] <= '9'; i++)
            if (out->frac_digits < 12) {
                out->frac = out->frac * 10 + (uint64_t)(s.p[i] - '0');
                out->frac_digits++;
            }
        if (i == start)
            return false;
        out->decimal = true;
    }
    out->unit = (struct bt_str){ s.p + i, s.n - i };
    return true;
}

/* whole.frac x size, rounded to the nearest integer; false on overflow. */
static bool scale(const struct number *x, uint64_t size, uint64_t *out)
{
    uint64_t ten = 1, whole;
    for (unsigned i = 0; i < x->frac_digits; i++)
        ten *= 10;
    unsigned __int128 part = (unsigned __int128)x->frac * size + ten / 2;
    return bt_mul_u64(x->whole, size, &whole) && bt_add_u64(whole, (uint64_t)(part / ten), out);
}

static const struct unit *find(const struct unit *u, size_t n, struct bt_str name)
{
    for (size_t i = 0; i < n; i++)
        if (bt_str_eq(name, u[i].name))
            return &u[i];
    return NULL;
}

int bt_bytes_parse(struct bt_str s, uint64_t *out, struct bt_err *err)
{
    struct number x;
    if (!split(s, &x)) {
        bt_err_set(err, BT_E_USAGE, 0, "\"%.*s\" is not a size", BT_STR(s));
        return bt_err_hint(err, "a number with a unit: 512MiB, 12GiB, 12GB");
    }
    const struct unit *u = find(byte_units, BT_LEN(byte_units), x.unit);
    if (!u) {
        int digits = (int)(s.n - x.unit.n);
        bt_err_set(err, BT_E_USAGE, 0, x.unit.n ? "\"%.*s\": \"%.*s\" is no unit of bytes" : "\"%.*s\" has no unit", BT_STR(s), BT_STR(x.unit));
        char c = x.unit.n == 1 ? (char)(x.unit.p[0] & ~0x20) : 0;
        if (c && strchr("KMGT", c))
            return bt_err_hint(err, "%.*s%cB (10^%d) or %.*s%ciB (2^%d)", digits, s.p, c == 'K' ? 'k' : c, c == 'K' ? 3 : c == 'M' ? 6 : c == 'G' ? 9 : 12, digits, s.p, c,
                               c == 'K' ? 10 : c == 'M' ? 20 : c == 'G' ? 30 : 40);
        if (!x.unit.n && x.decimal)
            return bt_err_hint(err, "a size needs a unit: %.*sGiB; a share of each card is written with %%, as in 40%%", digits, s.p);
        return bt_err_hint(err, "%.*sGB (10^9 bytes) or %.*sGiB (2^30)", digits, s.p, digits, s.p);
    }
    if (!scale(&x, u->size, out))
        return bt_err_set(err, BT_E_USAGE, 0, "\"%.*s\" is more bytes than can be counted", BT_STR(s));
    return 0;
}

int bt_count_parse(struct bt_str s, uint64_t *out, struct bt_err *err)
{
    struct number x;
    const struct unit one = { "", 1 }, *u = NULL;
    if (split(s, &x))
        u = x.unit.n ? find(count_units, BT_LEN(count_units), x.unit) : &one;
    if (!u || (x.decimal && (!x.unit.n || u->name[0] < 'a'))) {      /* as vLLM: decimals only with the lower-case units */
        bt_err_set(err, BT_E_USAGE, 0, "\"%.*s\" is not a count", BT_STR(s));
        return bt_err_hint(err, "8192, 8k (8000), 8K (8192), 1.5k");
    }
    if (!scale(&x, u->size, out))
        return bt_err_set(err, BT_E_USAGE, 0, "\"%.*s\" is too large", BT_STR(s));
    return 0;
}

int bt_duration_parse(struct bt_str s, uint64_t *out_ms, struct bt_err *err)
{
    struct number x;
    const struct unit *u = split(s, &x) ? find(time_units, BT_LEN(time_units), x.unit) : NULL;
    if (!u) {
        bt_err_set(err, BT_E_USAGE, 0, "\"%.*s\" is not a duration", BT_STR(s));
        return bt_err_hint(err, "a number with a unit: 250ms, 30s, 5m, 2h");
    }
    if (!scale(&x, u->size, out_ms))
        return bt_err_set(err, BT_E_USAGE, 0, "\"%.*s\" is too long", BT_STR(s));
    return 0;
}

int bt_u64_parse(struct bt_str s, uint64_t min, uint64_t max, uint64_t *out, struct bt_err *err)
{
    struct number x;
    if (!split(s, &x) || x.unit.n || x.decimal)
        return bt_err_set(err, BT_E_USAGE, 0, "\"%.*s\" is not a whole number", BT_STR(s));
    if (x.whole < min || x.whole > max)
        return bt_err_set(err, BT_E_USAGE, 0, "%.*s is outside %llu to %llu", BT_STR(s), (unsigned long long)min, (unsigned long long)max);
    *out = x.whole;
    return 0;
}

int bt_f64_parse(struct bt_str s, double min, double max, double *out, struct bt_err *err)
{
    char z[64], *end;
    if (!s.n || s.n >= sizeof z || !strchr("0123456789.-+", s.p[0]))
        return bt_err_set(err, BT_E_USAGE, 0, "\"%.*s\" is not a number", BT_STR(s));
    memcpy(z, s.p, s.n);
    z[s.n] = 0;
    double v = strtod(z, &end);
    if (*end || !isfinite(v) || strpbrk(z, "xX"))
        return bt_err_set(err, BT_E_USAGE, 0, "\"%s\" is not a number", z);
    if (v < min || v > max)
        return bt_err_set(err, BT_E_USAGE, 0, "%s is outside %g to %g", z, min, max);
    *out = v;
    return 0;
}

/* ---- printers ---- */
enum { RING = 16, CELL = 48 };
static char *cell(void)
{
    static _Thread_local char ring[RING][CELL];
    static _Thread_local unsigned next;
    return ring[next++ % RING];
}

const char *bt_bytes_exact(uint64_t n)
{
    static const struct unit by_size[] = { { "TiB", 1ull << 40 }, { "TB", 1000000000000 }, { "GiB", 1ull << 30 }, { "GB", 1000000000 }, { "MiB", 1ull << 20 },
        { "MB", 1000000 }, { "KiB", 1ull << 10 }, { "kB", 1000 } };
    char *out = cell();
    for (size_t i = 0; i < BT_LEN(by_size); i++)
        if (n && n % by_size[i].size == 0) {
            snprintf(out, CELL, "%llu%s", (unsigned long long)(n / by_size[i].size), by_size[i].name);
            return out;
        }
    snprintf(out, CELL, "%lluB", (unsigned long long)n);
    return out;
}

const char *bt_bytes_human(uint64_t n)
{
    static const char *const names[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
    char *out = cell();
    double x = (double)n;
    size_t u = 0;
    while (x >= 1024 && u + 1 < BT_LEN(names)) {
        x /= 1024;
        u++;
    }
    if (u == 0)
        snprintf(out, CELL, "%llu B", (unsigned long long)n);
    else
        snprintf(out, CELL, "%.2f %s", x, names[u]);
    return out;
}

const char *bt_duration_exact(uint64_t ms)
{
    char *out = cell();
    for (size_t i = BT_LEN(time_units); i-- > 0;)
        if (ms && ms % time_units[i].size == 0) {
            snprintf(out, CELL, "%llu%s", (unsigned long long)(ms / time_units[i].size), time_units[i].name);
            return out;
        }
    snprintf(out, CELL, "%llums", (unsigned long long)ms);
    return out;
}

const char *bt_duration_human(double s)
{
    char *out = cell();
    if (!(s >= 0) || s > 1e12)
        snprintf(out, CELL, "?");
    else if (s < 9.95)
        snprintf(out, CELL, "%.1f s", s);
    else if (s < 119.5)
        snprintf(out, CELL, "%.0f s", s);
    else if (s < 7200)
        snprintf(out, CELL, "%llu m %02llu s", (unsigned long long)(s + 0.5) / 60, (unsigned long long)(s + 0.5) % 60);
    else
        snprintf(out, CELL, "%llu h %02llu m", (unsigned long long)(s / 3600), (unsigned long long)(s / 60) % 60);
    return out;
}

const char *bt_count_human(uint64_t n)
{
    char digits[24], *out = cell(), *o = out;
    int len = snprintf(digits, sizeof digits, "%llu", (unsigned long long)n);
    for (int i = 0; i < len; i++) {
        if (i && (len - i) % 3 == 0)
            *o++ = ',';
        *o++ = digits[i];
    }
    *o = 0;
    return out;
}

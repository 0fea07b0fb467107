/* units.c - see units.h */
#include "base/units.h"

#include <math.h>
#include <stdio.h>

/* ---- a decimal number in front of a unit ---- */

struct decimal { uint64_t whole, frac, frac_unit; bool has_frac; };      /* whole + frac / frac_unit */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Read "12" or "12.25" from the front of *s. False when there is no number there or it has too many digits. */
static bool take_decimal(struct bt_str *s, struct decimal *d)
{
    size_t i = 0;
    *d = (struct decimal){ .frac_unit = 1 };
    for (; i < s->n && is_digit(s->p[i]); i++)
        if (!bt_mul_u64(d->whole, 10, &d->whole) || !bt_add_u64(d->whole, (uint64_t)(s->p[i] - '0'), &d->whole))
            return false;
    if (i == 0)
        return false;
    if (i < s->n && s->p[i] == '.') {
        size_t start = ++i;
        for (; i < s->n && is_digit(s->p[i]); i++) {
            if (i - start >= 18)
                return false;
            d->frac = d->frac * 10 + (uint64_t)(s->p[i] - '0');
            d->frac_unit *= 10;
        }
        if (i == start)
            return false;
        d->has_frac = true;
    }
    s->p += i;
    s->n -= i;
    return true;
}

/* (whole + frac) x unit, rounded to the nearest one. False on overflow. */
static bool scale(const struct decimal *d, uint64_t unit, uint64_t *out)
{
    uint64_t whole;
    unsigned __int128 part = (unsigned __int128)d->frac * unit;
    uint64_t rounded = (uint64_t)((part + d->frac_unit / 2) / d->frac_unit);
    return bt_mul_u64(d->whole, unit, &whole) && bt_add_u64(whole, rounded, out);
}

struct unit { const char *name; uint64_t value; };

static const struct unit *find_unit(const struct unit *units, size_t n, struct bt_str name)
{
    for (size_t i = 0; i < n; i++)
        if (bt_str_eq(name, units[i].name))
            return &units[i];
    return NULL;
}

/* ---- bytes ---- */

static const struct unit byte_units[] = {       /* printing takes the first that divides: largest first */
    { "TiB", 1ull << 40 }, { "TB", 1000000000000ull }, { "GiB", 1ull << 30 }, { "GB", 1000000000ull }, { "MiB", 1ull << 20 }, { "MB", 1000000ull },
    { "KiB", 1ull << 10 }, { "kB", 1000 }, { "KB", 1000 }, { "B", 1 },
};

/* The user left the unit out, or wrote half of it: say what the right form looks like with their own number. */
static int bytes_wrong_unit(struct bt_str all, struct bt_str number, struct bt_str unit, const struct decimal *d, struct bt_err *err)
{
    if (unit.n == 0) {
        bt_err_set(err, BT_E_SPEC, 0, "size \"%.*s\" has no unit", BT_STR(all));
        if (d->has_frac && d->whole == 0)
            return bt_err_hint(err, "write %.*sGiB for a size; a share of a card is written %g%%", BT_STR(number),
                               100.0 * (double)d->frac / (double)d->frac_unit);
        if (d->whole >= 1000000 && !d->has_frac)
            return bt_err_hint(err, "write %.*sB (bytes)", BT_STR(number));
        return bt_err_hint(err, "write %.*sGB (10^9 bytes) or %.*sGiB (2^30 bytes)", BT_STR(number), BT_STR(number));
    }
    if (bt_str_eq(unit, "%")) {
        bt_err_set(err, BT_E_SPEC, 0, "\"%.*s\" is a share, a size is needed here", BT_STR(all));
        return bt_err_hint(err, "write a size like 12GB or 12GiB");
    }
    bt_err_set(err, BT_E_SPEC, 0, "size \"%.*s\" has the unknown unit \"%.*s\"", BT_STR(all), BT_STR(unit));
    char c = unit.p[0] >= 'a' && unit.p[0] <= 'z' ? (char)(unit.p[0] - 32) : unit.p[0];
    if (c == 'K' || c == 'M' || c == 'G' || c == 'T')
        return bt_err_hint(err, "write %.*s%sB (powers of 1000) or %.*s%ciB (powers of 1024)", BT_STR(number),
                           c == 'K' ? "k" : c == 'M' ? "M" : c == 'G' ? "G" : "T", BT_STR(number), c);
    return bt_err_hint(err, "units are B, kB, MB, GB, TB, KiB, MiB, GiB, TiB");
}

int bt_bytes_parse(struct bt_str s, uint64_t *out, struct bt_err *err)
{
    struct bt_str all = s, unit;
    struct decimal d;
    if (!take_decimal(&s, &d)) {
        bt_err_set(err, BT_E_SPEC, 0, "\"%.*s\" is not a size", (int)BT_MIN(all.n, 80), all.p ? all.p : "");
        return bt_err_hint(err, "write a size like 12GB or 12GiB");
    }
    struct bt_str number = { all.p, all.n - s.n };
    unit = s;
    if (unit.n > 1 && unit.p[0] == ' ')      /* "79.22 GiB", as we print it for people */
        unit.p++, unit.n--;
    const struct unit *u = find_unit(byte_units, BT_LEN(byte_units), unit);
    if (!u)
        return bytes_wrong_unit(all, number, unit, &d, err);
    if (u->value == 1 && d.frac) {
        bt_err_set(err, BT_E_SPEC, 0, "\"%.*s\" is not a whole number of bytes", BT_STR(all));
        return bt_err_hint(err, "write a size like 12GB or 12GiB");
    }
    uint64_t v;
    if (!scale(&d, u->value, &v)) {
        bt_err_set(err, BT_E_SPEC, 0, "size \"%.*s\" is too big", BT_STR(all));
        return bt_err_hint(err, "the largest size is 16777215TiB");
    }
    *out = v;
    return 0;
}

/* ---- counts, durations, plain numbers ---- */

/* vLLM 0.32 utils/argparse_utils.py: human_readable_int. Decimals go with the decimal letters only; what is below one is cut off. */
int bt_count_parse(struct bt_str s, uint64_t *out, struct bt_err *err)
{
    static const struct unit units[] = { { "", 1 }, { "k", 1000 }, { "K", 1 << 10 }, { "m", 1000000 }, { "M", 1 << 20 }, { "g", 1000000000 },
        { "G", 1 << 30 }, { "t", 1000000000000ull }, { "T", 1ull << 40 } };
    struct bt_str all = s;
    struct decimal d;
    const struct unit *u;
    if (!take_decimal(&s, &d) || !(u = find_unit(units, BT_LEN(units), s))) {
        bt_err_set(err, BT_E_SPEC, 0, "\"%.*s\" is not a count", (int)BT_MIN(all.n, 80), all.p ? all.p : "");
        return bt_err_hint(err, "write 8192, 8k (8000) or 8K (8192)");
    }
    bool decimal_letter = s.n && s.p[0] >= 'a';
    if (d.has_frac && !decimal_letter) {
        bt_err_set(err, BT_E_SPEC, 0, "count \"%.*s\" is not whole", BT_STR(all));
        return bt_err_hint(err, "decimals go with k, m, g and t only: 1.5k is 1500");
    }
    uint64_t whole, part = (uint64_t)((unsigned __int128)d.frac * u->value / d.frac_unit);
    if (!bt_mul_u64(d.whole, u->value, &whole) || !bt_add_u64(whole, part, &whole))
        return bt_err_set(err, BT_E_SPEC, 0, "count \"%.*s\" is too big", BT_STR(all));
    *out = whole;
    return 0;
}

static const struct unit time_units[] = { { "h", 3600000 }, { "m", 60000 }, { "s", 1000 }, { "ms", 1 } };

int bt_duration_parse(struct bt_str s, uint64_t *out_ms, struct bt_err *err)
{
    struct bt_str all = s;
    struct decimal d;
    const struct unit *u = NULL;
    bool number = take_decimal(&s, &d);
    if (!number || !(u = find_unit(time_units, BT_LEN(time_units), s))) {
        bt_err_set(err, BT_E_SPEC, 0, "\"%.*s\" is not a duration", (int)BT_MIN(all.n, 80), all.p ? all.p : "");
        if (number && s.n == 0)
            return bt_err_hint(err, "durations have a unit: write %.*ss or %.*sms", BT_STR(all), BT_STR(all));
        return bt_err_hint(err, "write a duration like 250ms, 30s, 5m or 2h");
    }
    uint64_t v;
    if (!scale(&d, u->value, &v))
        return bt_err_set(err, BT_E_SPEC, 0, "duration \"%.*s\" is too long", BT_STR(all));
    *out_ms = v;
    return 0;
}

int bt_u64_parse(struct bt_str s, uint64_t min, uint64_t max, uint64_t *out, struct bt_err *err)
{
    struct bt_str all = s;
    struct decimal d;
    for (size_t i = 0; i < s.n; i++)
        if (!is_digit(s.p[i]))
            return bt_err_set(err, BT_E_SPEC, 0, "\"%.*s\" is not a whole number", (int)BT_MIN(all.n, 80), all.p);
    if (s.n == 0)
        return bt_err_set(err, BT_E_SPEC, 0, "\"\" is not a whole number");
    if (!take_decimal(&s, &d) || d.whole > max)
        return bt_err_set(err, BT_E_SPEC, 0, "%.*s is too big: at most %llu", (int)BT_MIN(all.n, 80), all.p, (unsigned long long)max);
    if (d.whole < min)
        return bt_err_set(err, BT_E_SPEC, 0, "%.*s is too small: at least %llu", (int)BT_MIN(all.n, 80), all.p, (unsigned long long)min);
    *out = d.whole;
    return 0;
}

/* strtod() also takes hex, inf, nan and blanks, which nobody means: check the form first. */
static bool looks_like_f64(struct bt_str s)
{
    size_t i = 0, digits = 0;
    if (i < s.n && (s.p[i] == '-' || s.p[i] == '+'))
        i++;
    for (; i < s.n && is_digit(s.p[i]); i++)
        digits++;
    if (i < s.n && s.p[i] == '.')
        for (i++; i < s.n && is_digit(s.p[i]); i++)
            digits++;
    if (!digits)
        return false;
    if (i < s.n && (s.p[i] == 'e' || s.p[i] == 'E')) {
        i++;
        if (i < s.n && (s.p[i] == '-' || s.p[i] == '+'))
            i++;
        size_t start = i;
        while (i < s.n && is_digit(s.p[i]))
            i++;
        if (i == start)
            return false;
    }
    return i == s.n;
}

int bt_f64_parse(struct bt_str s, double min, double max, double *out, struct bt_err *err)
{
    char z[80];
    if (s.n >= sizeof z || !looks_like_f64(s))
        return bt_err_set(err, BT_E_SPEC, 0, "\"%.*s\" is not a number", (int)BT_MIN(s.n, 80), s.p ? s.p : "");
    memcpy(z, s.p, s.n);
    z[s.n] = 0;
    double v = strtod(z, NULL);
    if (!isfinite(v) || v > max)
        return bt_err_set(err, BT_E_SPEC, 0, "%s is too big: at most %g", z, max);
    if (v < min)
        return bt_err_set(err, BT_E_SPEC, 0, "%s is too small: at least %g", z, min);
    *out = v;
    return 0;
}

/* ---- printers ---- */

static char *ring(void)
{
    static _Thread_local char buf[16][40];
    static _Thread_local unsigned next;
    return buf[next++ % 16];
}
enum { RING_CELL = 40 };

const char *bt_bytes_exact(uint64_t n)
{
    char *z = ring();
    size_t i = 0;
    while (n % byte_units[i].value != 0)
        i++;                         /* ends at B */
    if (n == 0)
        i = BT_LEN(byte_units) - 1;
    snprintf(z, RING_CELL, "%llu%s", (unsigned long long)(n / byte_units[i].value), byte_units[i].name);
    return z;
}

const char *bt_bytes_human(uint64_t n)
{
    static const struct unit units[] = { { "TiB", 1ull << 40 }, { "GiB", 1ull << 30 }, { "MiB", 1ull << 20 }, { "KiB", 1ull << 10 } };
    char *z = ring();
    for (size_t i = 0; i < BT_LEN(units); i++)
        if (n >= units[i].value) {
            snprintf(z, RING_CELL, "%.2f %s", (double)n / (double)units[i].value, units[i].name);
            return z;
        }
    snprintf(z, RING_CELL, "%llu B", (unsigned long long)n);
    return z;
}

const char *bt_duration_exact(uint64_t ms)
{
    char *z = ring();
    size_t i = 0;
    while (ms % time_units[i].value != 0)
        i++;
    if (ms == 0)
        i = 2;                       /* "0s" */
    snprintf(z, RING_CELL, "%llu%s", (unsigned long long)(ms / time_units[i].value), time_units[i].name);
    return z;
}

const char *bt_duration_human(double s)
{
    char *z = ring();
    if (!isfinite(s) || s < 0 || s > 1e15) {
        snprintf(z, RING_CELL, "?");
        return z;
    }
    unsigned long long t = (unsigned long long)(s + 0.5);
    if (s < 9.95)
        snprintf(z, RING_CELL, "%.1f s", s);
    else if (t < 60)
        snprintf(z, RING_CELL, "%llu s", t);
    else if (t < 3600)
        snprintf(z, RING_CELL, "%llu m %02llu s", t / 60, t % 60);
    else
        snprintf(z, RING_CELL, "%llu h %02llu m", t / 3600, t % 3600 / 60);
    return z;
}

const char *bt_count_human(uint64_t n)
{
    char digits[24], *z = ring(), *o = z;
    int len = snprintf(digits, sizeof digits, "%llu", (unsigned long long)n);
    for (int i = 0; i < len; i++) {
        if (i && (len - i) % 3 == 0)
            *o++ = ',';
        *o++ = digits[i];
    }
    *o = 0;
    return z;
}

/* base_pattern.c - patterns: the C library's answer on thousands of drawn ones, what is refused, and that no pattern is slow. */
#include "base_test.h"

#include <regex.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/pattern.h"

static bool found(const char *pattern, const char *text)
{
    bt_auto_arena a = { 0 };
    struct bt_err e = { 0 };
    const struct bt_pattern *p;
    if (bt_pattern_compile(&a, pattern, &p, &e) < 0)
        fail_msg("%s: %s", pattern, e.msg);
    return bt_pattern_found(p, bt_str(text));
}

static void finds(void **st)
{
    (void)st;
    static const struct { const char *pattern, *text; bool found; } rows[] = {
        { "^up$", "up", true }, { "^up$", "up!", false }, { "listening on .*:[0-9]+", "INFO listening on 127.0.0.1:8000 now", true }, { "", "", true },
        { "a|b|", "x", true }, { "^(a|b)+c{2}$", "ababcc", true }, { "^(a|b)+c{2}$", "ababc", false }, { "ready {id}", "ready {id}", true },
        { "x{2,3}y", "xy", false }, { "x{,1}y", "y", true }, { "x{2,}", "axxxx", true }, { "[]x]", "]", true }, { "[^]x]", "]x", false }, { "[a-c-]", "-", true },
        { "[[:digit:]]+%", "at 40%", true }, { "\\.", "ab", false }, { "\\bup\\b", "it is up.", true }, { "\\bup\\b", "group", false }, { "\\<u", "gu u", true },
        { "p\\>", "up x", true }, { "o\\B", "on", true }, { "\\s\\S\\w\\W", " xy ", true }, { "(a*)*b", "aaac", false }, { "^$", "", true }, { "é", "caf\xc3\xa9", true },
        { "a.c", "a\xff" "c", true }, { "(^a|b$)", "xb", true }, { "((((a))))", "a", true },
    };
    for (size_t i = 0; i < BT_LEN(rows); i++)
        if (found(rows[i].pattern, rows[i].text) != rows[i].found)
            fail_msg("\"%s\" in \"%s\": not %d", rows[i].pattern, rows[i].text, rows[i].found);
}

static void refuses(void **st)
{
    (void)st;
    static const struct { const char *pattern, *says; } rows[] = {
        { "(a*)\\1", "back-references" }, { "\\d+", "[0-9]" }, { "(a", "not closed" }, { "a)", "not opened" }, { "[a", "not closed" }, { "*a", "nothing stands before" },
        { "a|*", "nothing stands before" }, { "[z-a]", "ends before" }, { "[[:nope:]]", "no such class" }, { "[[.a.]]", "not known" }, { "a\\", "nothing behind" },
        { "\\q", "means nothing" }, { "a{3,2}", "few to more" }, { "a{256}", "255" }, { "a{1000}", "255" }, { "a{0,18446744073709551617}", "255" }, { "a{4294967297,}", "255" },
        { "((a{100}){100}){100}", "states" }, { "[\xc3\xa9]", "ASCII" },
    };
    for (size_t i = 0; i < BT_LEN(rows); i++) {
        bt_auto_arena a = { 0 };
        struct bt_err e = { 0 };
        const struct bt_pattern *p;
        assert_int_equal(bt_pattern_compile(&a, rows[i].pattern, &p, &e), -1);
        if (!strstr(e.msg, rows[i].says))
            fail_msg("%s: %s", rows[i].pattern, e.msg);
    }
    char deep[1024];
    memset(deep, '(', sizeof deep - 1);
    deep[sizeof deep - 1] = 0;
    bt_auto_arena a = { 0 };
    struct bt_err e = { 0 };
    const struct bt_pattern *p;
    assert_int_equal(bt_pattern_compile(&a, deep, &p, &e), -1);
}

static void draw(unsigned *seed, char *out, size_t n, int depth)
{
    static const char *const atoms[] = { "a", "b", ".", "[ab]", "[^a]", "c", " ", "[^ ]" }, *const tails[] = { "*", "+", "?", "{2}", "{1,2}", "{0,}" };
    out[0] = 0;
    for (int i = rand_r(seed) % 4; i >= 0; i--) {
        char part[256];
        size_t at = strlen(out);
        if (depth && rand_r(seed) % 3 == 0) {
            char inner[120], other[120];
            draw(seed, inner, sizeof inner, depth - 1);
            draw(seed, other, sizeof other, depth - 1);
            snprintf(part, sizeof part, "(%s|%s)", inner, other);
        } else
            snprintf(part, sizeof part, "%s", atoms[(size_t)rand_r(seed) % BT_LEN(atoms)]);
        const char *tail = rand_r(seed) % 2 ? "" : tails[(size_t)rand_r(seed) % BT_LEN(tails)];
        if (at + strlen(part) + strlen(tail) + 1 < n)
            snprintf(out + at, n - at, "%s%s", part, tail);
    }
}

/* The C library is the judge where it can be: it finds what is not there when anchors or \\b stand in repeated groups (glibc 2.36), so none are drawn. */
static void agrees_with_the_library(void **st)
{
    (void)st;
    unsigned seed = 4711;
    for (int i = 0; i < 4000; i++) {
        bt_auto_arena a = { 0 };
        struct bt_err e = { 0 };
        const struct bt_pattern *p;
        char text[400], word[12];
        regex_t re;
        draw(&seed, text, sizeof text, 2);
        if (regcomp(&re, text, REG_EXTENDED | REG_NOSUB))
            continue;
        if (bt_pattern_compile(&a, text, &p, &e) < 0)
            fail_msg("%s", e.msg);
        for (int k = 0; k < 12; k++) {
            size_t n = (size_t)rand_r(&seed) % (sizeof word - 1);
            for (size_t j = 0; j < n; j++)
                word[j] = "ab c"[rand_r(&seed) % 4];
            word[n] = 0;
            bool want = regexec(&re, word, 0, NULL, 0) == 0;
            if (bt_pattern_found(p, bt_str(word)) != want)
                fail_msg("\"%s\" in \"%s\": the library says %d", text, word, want);
        }
        regfree(&re);
    }
}

/* Not timed: each of these takes the C library, or a machine that backtracks, minutes to the end of the universe. */
static void none_is_slow(void **st)
{
    (void)st;
    static const char *const rows[] = { "(a*)*(a*)*(a*)*b", "(a|a)*b", "(a|aa)+$x", "(x+x+)+y", "(a?){255}a{255}b", "(.*)(.*)(.*)(.*)(.*)[^a]x" };
    static char text[BT_PATTERN_LOOKS_AT + 1];
    memset(text, 'a', sizeof text - 1);
    for (size_t i = 0; i < BT_LEN(rows); i++)
        assert_false(found(rows[i], text));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds), cmocka_unit_test(refuses), cmocka_unit_test(agrees_with_the_library), cmocka_unit_test(none_is_slow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

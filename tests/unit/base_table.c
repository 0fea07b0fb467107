/* base_table.c - tables and bars, character by character. */
#include "base_test.h"

#include "base/table.h"

static const struct bt_style plain = { .width = 100 }, utf8 = { .utf8 = true, .width = 100 }, colored = { .utf8 = true, .color = true, .width = 100 };

static void a_table(void **st)
{
    (void)st;
    bt_auto_arena a = { 0 };
    bt_auto_buf struct bt_buf b = BT_BUF(8192);
    struct bt_table *t = bt_table_new(&a, (const char *const[]){ "part", ">bytes", "why", NULL });
    bt_table_row(t, "weights", "61.04 GiB", "from the headers", NULL);
    bt_table_row(t, "kv", "3 B", NULL);
    bt_table_rule(t);
    bt_table_row(t, "total", "64 GiB", "", "one too many", NULL);
    bt_table_print(t, plain, &b);
    assert_string_equal(b.p, "part         bytes  why\n"
                             "------------------------------------\n"
                             "weights  61.04 GiB  from the headers\n"
                             "kv             3 B\n"
                             "------------------------------------\n"
                             "total       64 GiB\n");
}

static void cells_are_measured_in_columns_and_made_safe(void **st)
{
    (void)st;
    bt_auto_arena a = { 0 };
    bt_auto_buf struct bt_buf b = BT_BUF(8192);
    struct bt_table *t = bt_table_new(&a, (const char *const[]){ "n", "v", NULL });
    bt_table_row(t, "\xc3\xa9\xc3\xa9", "1", NULL);
    bt_table_row(t, "\xe4\xb8\xad", "2", NULL);
    bt_table_row(t, "a\033[1m", "3", NULL);
    bt_table_print(t, utf8, &b);
    assert_has(b.p, "\xc3\xa9\xc3\xa9        1\n");
    assert_has(b.p, "\xe4\xb8\xad        2\n");
    assert_has(b.p, "a\\x1b[1m  3\n");
    assert_null(strchr(b.p, '\033'));
    assert_has(b.p, "\xe2\x94\x80\xe2\x94\x80");
    assert_int_equal(bt_utf8_columns(bt_str("a\xcc\x81\xf0\x9f\x98\x80")), 3);
    assert_int_equal(bt_utf8_columns(bt_str("\xe2\x82")), 1);
}

static void the_last_column_wraps(void **st)
{
    (void)st;
    bt_auto_arena a = { 0 };
    bt_auto_buf struct bt_buf b = BT_BUF(8192);
    struct bt_table *t = bt_table_new(&a, (const char *const[]){ "part", "why", NULL });
    bt_table_row(t, "weights", "these are the words of a reason that is longer than the terminal is wide", NULL);
    bt_table_row(t, "x", "averyveryveryveryveryverylongwordthatnobodycanwrap", NULL);
    bt_table_print(t, (struct bt_style){ .width = 40 }, &b);
    struct bt_str rest = { b.p, b.n }, line;
    size_t lines = 0;
    while (rest.p) {
        rest = bt_str_cut(rest, '\n', &line);
        assert_true(line.n <= 40);
        assert_false(bt_str_ends(line, " "));
        lines++;
    }
    assert_true(lines >= 7);
    assert_has(b.p, "\n         ");           /* continued below its own column */
    struct bt_table *none = bt_table_new(&a, (const char *const[]){ NULL });
    bt_table_row(none, "x", NULL);
    bt_buf_clear(&b);
    bt_table_print(none, plain, &b);
    bt_table_print(bt_table_new(&a, (const char *const[]){ "a", NULL }), plain, &b);
    assert_has(b.p, "a\n-\n");
}

static void bars_in_letters(void **st)
{
    (void)st;
    bt_auto_buf struct bt_buf b = BT_BUF(8192);
    const struct bt_bar_part parts[] = { { "weights", 50 }, { "kv", 25 }, { "context", 1 }, { "comm", 0 } };
    bt_bar_print(parts, BT_LEN(parts), 100, 20, plain, &b);
    assert_string_equal(b.p, "[wwwwwwwwwwkkkkkc....]");
    bt_buf_clear(&b);
    bt_bar_legend((const char *const[]){ "weights", "kv", "context", "comm" }, 4, plain, &b);
    assert_string_equal(b.p, "w weights  k kv  c context  o comm");
    bt_buf_clear(&b);
    const struct bt_bar_part over[] = { { "weights", 90 }, { "kv", 25 } };
    bt_bar_print(over, 2, 100, 10, plain, &b);
    assert_string_equal(b.p, "[wwwwwwwwwk>");
    bt_buf_clear(&b);
    bt_bar_print(parts, 0, 100, 3, plain, &b);
    bt_bar_print(parts, 2, 0, 3, plain, &b);
    bt_bar_print(parts, 2, 100, 0, plain, &b);
    bt_bar_print(parts, 2, 100, -5, plain, &b);
    const struct bt_bar_part huge[] = { { "a", UINT64_MAX }, { "a", UINT64_MAX } };
    bt_bar_print(huge, 2, UINT64_MAX, 4, plain, &b);
    assert_has(b.p, "[...]");
    assert_has(b.p, "[aaaa>");
}

static size_t count_of(const char *text, const char *part)
{
    size_t n = 0;
    for (const char *p = text; (p = strstr(p, part)); p += strlen(part))
        n++;
    return n;
}

static void bars_in_shades_and_colors(void **st)
{
    (void)st;
    bt_auto_buf struct bt_buf b = BT_BUF(8192);
    const struct bt_bar_part parts[] = { { "weights", 500 }, { "kv", 250 } };
    bt_bar_print(parts, 2, 1000, 20, utf8, &b);
    assert_int_equal(count_of(b.p, "\xe2\x96\x88"), 10);
    assert_int_equal(count_of(b.p, "\xe2\x96\x93"), 5);
    assert_int_equal(bt_utf8_columns(bt_str(b.p)), 22);
    assert_null(strchr(b.p, '\033'));
    bt_buf_clear(&b);
    const struct bt_bar_part fine[] = { { "weights", 500 }, { "kv", 31 } };         /* 10 cells and 5/8 of one */
    bt_bar_print(fine, 2, 1000, 20, colored, &b);
    assert_int_equal(count_of(b.p, "\xe2\x96\x88"), 10);
    assert_int_equal(count_of(b.p, "\xe2\x96\x8b"), 1);
    assert_int_equal(count_of(b.p, "\033[0m"), 11);
    bt_buf_clear(&b);
    const char *labels[12] = { "a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "aa", "ab" };
    bt_bar_legend(labels, 12, utf8, &b);
    bt_bar_legend(labels, 12, colored, &b);
    bt_bar_legend(labels, 12, plain, &b);
    assert_has(b.p, "0 aa  1 ab");
}

static void styles(void **st)
{
    (void)st;
    FILE *f = tmpfile();
    assert_non_null(f);
    setenv("LC_ALL", "C", 1);
    setenv("LANG", "en_US.UTF-8", 1);
    unsetenv("COLUMNS");
    struct bt_style s = bt_style_of(f);
    assert_true(!s.utf8 && !s.color && s.width == 100);
    unsetenv("LC_ALL");
    unsetenv("LC_CTYPE");
    setenv("COLUMNS", "72", 1);
    s = bt_style_of(f);
    assert_true(s.utf8 && !s.color && s.width == 72);
    setenv("COLUMNS", "-3", 1);
    assert_int_equal(bt_style_of(f).width, 100);
    fclose(f);
}

static struct bt_table *wide_table(struct bt_arena *a)
{
    struct bt_table *t = bt_table_new(a, (const char *const[]){ "instance", "GPUs", "?>weights", "?>KV", ">tok/s", "why", NULL });
    bt_table_row(t, "llm-0", "0,1", "30.71 GiB", "4.91 GiB", "34.0", "the fastest that fits", NULL);
    bt_table_row(t, "vision-0", "2", "", "-", "", "", NULL);
    bt_table_rule(t);
    bt_table_row(t, "2", "3 of 4", NULL);
    return t;
}

static void what_has_no_room_is_told_in_a_line_below(void **st)
{
    (void)st;
    bt_auto_arena a = { 0 };
    bt_auto_buf struct bt_buf b = BT_BUF(8192);
    struct bt_table *t = wide_table(&a);
    bt_table_print(t, (struct bt_style){ .width = 52, .known = true }, &b);
    assert_string_equal(b.p, "instance  GPUs    tok/s  why\n"
                             "----------------------------------------------\n"
                             "llm-0     0,1      34.0  the fastest that fits\n"
                             "          weights 30.71 GiB, KV 4.91 GiB\n"
                             "vision-0  2\n"
                             "----------------------------------------------\n"
                             "2         3 of 4\n");
    bt_buf_clear(&b);
    bt_table_print(t, (struct bt_style){ .width = 30, .known = true }, &b);
    assert_string_equal(b.p, "instance  GPUs    tok/s\n"
                             "-----------------------\n"
                             "llm-0     0,1      34.0\n"
                             "          weights 30.71 GiB,\n"
                             "          KV 4.91 GiB,\n"
                             "          why: the fastest that\n"
                             "          fits\n"
                             "vision-0  2\n"
                             "-----------------------\n"
                             "2         3 of 4\n");
}

static void a_pipe_has_no_width(void **st)
{
    (void)st;
    bt_auto_arena a = { 0 };
    bt_auto_buf struct bt_buf b = BT_BUF(8192), c = BT_BUF(8192);
    bt_table_print(wide_table(&a), (struct bt_style){ .width = 60 }, &b);
    assert_has(b.p, "weights        KV  tok/s  why");
    bt_table_print(wide_table(&a), (struct bt_style){ .width = 70, .known = true }, &c);
    assert_has(c.p, "weights        KV  tok/s  why");         /* and where it fits it is as it was */
    assert_int_equal(bt_bar_room((struct bt_style){ .width = 80 }, 56, 30), 48);
    assert_int_equal(bt_bar_room((struct bt_style){ .width = 200 }, 56, 30), 56);
    assert_int_equal(bt_bar_room((struct bt_style){ .width = 20 }, 56, 30), 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(a_table), cmocka_unit_test(cells_are_measured_in_columns_and_made_safe),
        cmocka_unit_test(the_last_column_wraps), cmocka_unit_test(what_has_no_room_is_told_in_a_line_below),
        cmocka_unit_test(a_pipe_has_no_width), cmocka_unit_test(bars_in_letters), cmocka_unit_test(bars_in_shades_and_colors), cmocka_unit_test(styles) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

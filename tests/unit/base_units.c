/* base_units.c - sizes, counts and durations: what is read, what is refused and how, and that print and parse agree. */
#include "base_test.h"

static void sizes(void **st)
{
    (void)st;
    static const struct { const char *text; uint64_t bytes; } rows[] = {
        { "12GB", 12000000000ull }, { "12GiB", 12 * GiB }, { "512MiB", 512 * MiB }, { "1kB", 1000 }, { "1KB", 1000 }, { "1KiB", 1024 },
        { "17B", 17 }, { "0B", 0 }, { "0.5GiB", GiB / 2 }, { "79.22GiB", 85061827297ull }, { "79.22 GiB", 85061827297ull }, { "1.5TB", 1500000000000ull },
        { "16777215TiB", 16777215ull << 40 }, { "18446744073709551615B", UINT64_MAX }, { "1.000000000000000001GB", 1000000000 },
    };
    for (size_t i = 0; i < BT_LEN(rows); i++) {
        struct bt_err e = { 0 };
        uint64_t v;
        if (bt_bytes_parse(bt_str(rows[i].text), &v, &e) < 0)
            fail_msg("%s: %s", rows[i].text, e.msg);
        if (v != rows[i].bytes)
            fail_msg("%s: %llu", rows[i].text, (unsigned long long)v);
    }
}

static void wrong_sizes_say_the_right_form(void **st)
{
    (void)st;
    static const struct { const char *text, *hint; } rows[] = {
        { "12", "12GB" }, { "12", "12GiB" }, { "12G", "12GB" }, { "12G", "12GiB" }, { "0.4", "40%" }, { "0.4", "0.4GiB" }, { "85061827297", "85061827297B" },
        { "40%", "12GiB" }, { "12gb", "12GB" }, { "12g", "12GiB" }, { "12k", "12kB" }, { "12 parsecs", "GiB" }, { "", "12GB" }, { "GiB", "12GB" },
        { "-1GiB", "12GB" }, { "+1GiB", "12GB" }, { "1.GiB", "12GB" }, { ".5GiB", "12GB" }, { "1.5B", "12GB" }, { "1e3GB", "GiB" }, { "0x10B", "GiB" },
        { "16777216TiB", "largest" }, { "99999999999999999999B", "12GB" }, { "1.1234567890123456789GB", "12GB" }, { "12GiB ", "GiB" }, { " 12GiB", "12GB" },
        { "12  GiB", "GiB" },
    };
    for (size_t i = 0; i < BT_LEN(rows); i++) {
        struct bt_err e = { 0 };
        uint64_t v = 77;
        if (bt_bytes_parse(bt_str(rows[i].text), &v, &e) == 0)
            fail_msg("\"%s\" was taken as %llu", rows[i].text, (unsigned long long)v);
        assert_int_equal(v, 77);
        assert_int_equal(e.code, BT_E_SPEC);
        assert_has(e.hint, rows[i].hint);
    }
}

static uint64_t seed = 0x9e3779b97f4a7c15ull;

static uint64_t random_u64(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed >> (seed % 64);
}

static void what_is_printed_parses_back(void **st)
{
    (void)st;
    static const uint64_t edges[] = { 0, 1, 999, 1000, 1023, 1024, 1025, GiB, GiB - 1, 1000000000, UINT64_MAX, UINT64_MAX - 1, 1ull << 63 };
    for (size_t i = 0; i < 200000 + BT_LEN(edges); i++) {
        uint64_t want = i < BT_LEN(edges) ? edges[i] : random_u64(), got;
        if (i % 3 == 0 && want < 1ull << 32)
            want *= i % 2 ? MiB : 1000000;
        struct bt_err e;
        assert_int_equal(bt_bytes_parse(bt_str(bt_bytes_exact(want)), &got, &e), 0);
        assert_int_equal(got, want);
        want >>= 12;
        assert_int_equal(bt_duration_parse(bt_str(bt_duration_exact(want)), &got, &e), 0);
        assert_int_equal(got, want);
    }
    assert_string_equal(bt_bytes_exact(512 * MiB), "512MiB");
    assert_string_equal(bt_bytes_exact(12000000000ull), "12GB");
    assert_string_equal(bt_bytes_exact(17), "17B");
    assert_string_equal(bt_bytes_exact(0), "0B");
    assert_string_equal(bt_duration_exact(1500), "1500ms");
    assert_string_equal(bt_duration_exact(300000), "5m");
    assert_string_equal(bt_duration_exact(0), "0s");
}

static void counts(void **st)
{
    (void)st;
    static const struct { const char *text; uint64_t n; } rows[] = { { "8192", 8192 }, { "8k", 8000 }, { "8K", 8192 }, { "1.5k", 1500 }, { "2g", 2000000000 },
        { "2G", 2 * GiB }, { "1m", 1000000 }, { "1M", MiB }, { "1.0005k", 1000 }, { "0", 0 } };
    static const char *const bad[] = { "", "k", "1.5K", "1.5", "8kk", "8 k", "-1", "99999999999T", "8kB" };
    struct bt_err e;
    uint64_t v;
    for (size_t i = 0; i < BT_LEN(rows); i++) {
        assert_int_equal(bt_count_parse(bt_str(rows[i].text), &v, &e), 0);
        assert_int_equal(v, rows[i].n);
    }
    for (size_t i = 0; i < BT_LEN(bad); i++)
        assert_int_equal(bt_count_parse(bt_str(bad[i]), &v, &e), -1);
}

static void durations_and_numbers(void **st)
{
    (void)st;
    struct bt_err e;
    uint64_t v;
    double d;
    assert_int_equal(bt_duration_parse(bt_str("250ms"), &v, &e), 0);
    assert_int_equal(v, 250);
    assert_int_equal(bt_duration_parse(bt_str("1.5s"), &v, &e), 0);
    assert_int_equal(v, 1500);
    assert_int_equal(bt_duration_parse(bt_str("2h"), &v, &e), 0);
    assert_int_equal(v, 7200000);
    assert_int_equal(bt_duration_parse(bt_str("30"), &v, &e), -1);
    assert_has(e.hint, "30s");
    static const char *const no_time[] = { "", "s", "5 m", "1d", "-1s", "99999999999999999h" };
    for (size_t i = 0; i < BT_LEN(no_time); i++)
        assert_int_equal(bt_duration_parse(bt_str(no_time[i]), &v, &e), -1);

    assert_int_equal(bt_u64_parse(bt_str("65535"), 1, 65535, &v, &e), 0);
    assert_int_equal(bt_u64_parse(bt_str("18446744073709551615"), 0, UINT64_MAX, &v, &e), 0);
    assert_int_equal(bt_u64_parse(bt_str("65536"), 1, 65535, &v, &e), -1);
    assert_has(e.msg, "at most 65535");
    assert_int_equal(bt_u64_parse(bt_str("0"), 1, 65535, &v, &e), -1);
    static const char *const no_number[] = { "", "1.0", "-1", "+1", " 1", "0x1", "18446744073709551616", "1 " };
    for (size_t i = 0; i < BT_LEN(no_number); i++)
        assert_int_equal(bt_u64_parse(bt_str(no_number[i]), 0, UINT64_MAX, &v, &e), -1);

    assert_int_equal(bt_f64_parse(bt_str("-0.5e1"), -10, 10, &d, &e), 0);
    assert_true(d == -5);
    static const char *const no_f64[] = { "", "nan", "inf", "0x1p3", "1e", "1e999", " 1", ".", "-", "11", "-11", "1,5" };
    for (size_t i = 0; i < BT_LEN(no_f64); i++)
        assert_int_equal(bt_f64_parse(bt_str(no_f64[i]), -10, 10, &d, &e), -1);
}

static void printed_for_people(void **st)
{
    (void)st;
    assert_string_equal(bt_bytes_human(65542266880ull), "61.04 GiB");
    assert_string_equal(bt_bytes_human(512), "512 B");
    assert_string_equal(bt_bytes_human(0), "0 B");
    assert_string_equal(bt_count_human(0), "0");
    assert_string_equal(bt_count_human(999), "999");
    assert_string_equal(bt_count_human(32768), "32,768");
    assert_string_equal(bt_count_human(UINT64_MAX), "18,446,744,073,709,551,615");
    assert_string_equal(bt_duration_human(0.44), "0.4 s");
    assert_string_equal(bt_duration_human(41.2), "41 s");
    assert_string_equal(bt_duration_human(59.7), "1 m 00 s");
    assert_string_equal(bt_duration_human(125), "2 m 05 s");
    assert_string_equal(bt_duration_human(7500), "2 h 05 m");
    assert_string_equal(bt_duration_human(-1), "?");
    const char *alive[16];
    for (unsigned i = 0; i < 16; i++)
        alive[i] = bt_bytes_exact(i * 3 + 1);
    for (unsigned i = 0; i < 16; i++) {
        char want[16];
        snprintf(want, sizeof want, "%uB", i * 3 + 1);
        assert_string_equal(alive[i], want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(sizes), cmocka_unit_test(wrong_sizes_say_the_right_form),
        cmocka_unit_test(what_is_printed_parses_back), cmocka_unit_test(counts), cmocka_unit_test(durations_and_numbers),
        cmocka_unit_test(printed_for_people) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

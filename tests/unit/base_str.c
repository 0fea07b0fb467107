/* base_str.c - views, nearest names, bounded buffers, escaping, arenas, digests. */
#include "base_test.h"

#include "base/hash.h"

static void views(void **st)
{
    (void)st;
    struct bt_str head, rest = bt_str_cut(bt_str("a=b=c"), '=', &head);
    assert_true(bt_str_eq(head, "a") && bt_str_eq(rest, "b=c"));
    rest = bt_str_cut(bt_str("abc"), '=', &head);
    assert_true(bt_str_eq(head, "abc") && !rest.p);
    rest = bt_str_cut(bt_str("abc="), '=', &head);
    assert_true(bt_str_eq(head, "abc") && rest.p && rest.n == 0);
    assert_true(bt_str_eq(bt_str_trim(bt_str(" \t x y\r\n")), "x y"));
    assert_true(bt_str_eq(bt_str_trim(bt_str(" \n")), ""));
    assert_true(bt_str_starts(bt_str("abc"), "ab") && !bt_str_starts(bt_str("a"), "ab") && bt_str_starts(bt_str(NULL), ""));
    assert_true(bt_str_ends(bt_str("abc"), "bc") && !bt_str_ends(bt_str("c"), "bc"));
}

static void nearest(void **st)
{
    (void)st;
    static const char *const names[] = { "max-model-len", "max-num-seqs", "model", "context", "up", "ps", "gpus" };
    static const struct { const char *typed, *meant; } rows[] = {
        { "max-modle-len", "max-model-len" }, { "max_model_len", "max-model-len" }, { "contxt", "context" }, { "Context", "context" },
        { "gpu", "gpus" }, { "pu", "up" }, { "pss", "ps" }, { "elephant", NULL }, { "", NULL }, { "x", NULL }, { "zz", NULL },
        { "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", NULL },
    };
    for (size_t i = 0; i < BT_LEN(rows); i++) {
        const char *got = bt_str_nearest(bt_str(rows[i].typed), names, BT_LEN(names));
        if (!rows[i].meant != !got || (got && strcmp(got, rows[i].meant)))
            fail_msg("%s -> %s, not %s", rows[i].typed, got ? got : "nothing", rows[i].meant ? rows[i].meant : "nothing");
    }
    assert_null(bt_str_nearest(bt_str("x"), NULL, 0));
}

static void buffers_have_a_ceiling(void **st)
{
    (void)st;
    bt_auto_buf struct bt_buf b = BT_BUF(5);
    assert_string_equal(bt_buf_z(&b), "");
    bt_buf_puts(&b, "abc");
    bt_buf_printf(&b, "%s", "de");
    assert_false(b.over);
    assert_string_equal(b.p, "abcde");
    bt_buf_add(&b, "f", 1);
    assert_true(b.over);
    assert_string_equal(b.p, "abcde");
    bt_buf_drop(&b, 3);
    assert_string_equal(b.p, "de");
    bt_buf_puts(&b, "x");                     /* still over: a text with a hole in it is worse than none */
    assert_string_equal(b.p, "de");
    bt_buf_clear(&b);
    bt_buf_printf(&b, "%0300d", 1);
    assert_true(b.over);
    assert_string_equal(bt_buf_z(&b), "");
    bt_buf_clear(&b);
    bt_buf_drop(&b, 100);
    bt_buf_add(&b, "abc", SIZE_MAX);          /* a length that would wrap */
    assert_true(b.over && b.n == 0);
    bt_auto_buf struct bt_buf big = BT_BUF(100000);
    for (int i = 0; i < 1000; i++)
        bt_buf_printf(&big, "%0100d", i);
    assert_false(big.over);
    assert_int_equal(big.n, 100000);
    bt_buf_puts(&big, "x");
    assert_true(big.over);
    bt_buf_release(&big);
    assert_int_equal(big.max, 100000);
}

static void escaping(void **st)
{
    (void)st;
    static const struct { const char *raw, *shown; size_t n; } rows[] = {
        { "plain \xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80", "plain \xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80", 0 },
        { "a\033[31mb", "a\\x1b[31mb", 0 }, { "a\nb\tc\r", "a\\x0ab\\x09c\\x0d", 0 }, { "a\0b", "a\\x00b", 3 },
        { "\xff\xfe", "\\xff\\xfe", 0 }, { "\xc3", "\\xc3", 0 }, { "\xc0\xaf", "\\xc0\\xaf", 0 }, { "\xe2\x82", "\\xe2\\x82", 0 },
        { "\xed\xa0\x80", "\\xed\\xa0\\x80", 0 }, { "\xc2\x9b" "31m", "\\xc2\\x9b" "31m", 0 }, { "\xe2\x80\xae", "\\xe2\\x80\\xae", 0 },
        { "\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80", 0 }, { "\x7f", "\\x7f", 0 },
    };
    for (size_t i = 0; i < BT_LEN(rows); i++) {
        bt_auto_buf struct bt_buf b = BT_BUF(200);
        bt_buf_add_escaped(&b, (struct bt_str){ rows[i].raw, rows[i].n ? rows[i].n : strlen(rows[i].raw) });
        assert_string_equal(bt_buf_z(&b), rows[i].shown);
    }
}

static void arenas(void **st)
{
    (void)st;
    bt_auto_arena a = { 0 };
    char *small[200];
    for (int i = 0; i < 200; i++) {
        small[i] = bt_arena_printf(&a, "string %d", i);
        char *big = bt_arena_alloc(&a, 5000 + (size_t)i * 100);
        assert_int_equal((uintptr_t)big % 16, 0);
        assert_int_equal(big[4999 + i * 100], 0);
        memset(big, 'x', 5000 + (size_t)i * 100);
    }
    for (int i = 0; i < 200; i++) {
        char want[32];
        snprintf(want, sizeof want, "string %d", i);
        assert_string_equal(small[i], want);
    }
    for (int n = 500; n < 1500; n += n < 520 ? 1 : 300) {            /* from where one go is not enough */
        char *z = bt_arena_printf(&a, "%*s|", n, "x");
        assert_int_equal(strlen(z), n + 1);
        assert_string_equal(z + n - 1, "x|");
    }
    assert_non_null(bt_arena_alloc(&a, 0));
    assert_null(bt_arena_strdup(&a, NULL));
    assert_string_equal(bt_arena_strndup(&a, (struct bt_str){ "abcdef", 3 }), "abc");
    int *v = NULL;
    size_t n = 0;
    for (int i = 0; i < 1000; i++)
        BT_PUSH(&a, v, n, i);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(v[i], i);
    bt_arena_release(&a);
    assert_null(a.head);
    assert_int_equal(a.bytes, 0);
}

static void checked_sums(void **st)
{
    (void)st;
    uint64_t v;
    assert_true(bt_mul_u64(1ull << 32, (1ull << 32) - 1, &v));
    assert_false(bt_mul_u64(1ull << 32, 1ull << 32, &v));
    assert_false(bt_add_u64(UINT64_MAX, 1, &v));
    assert_int_equal(bt_ceil_div(7, 2), 4);
    assert_int_equal(bt_ceil_div(UINT64_MAX, 1), UINT64_MAX);
    assert_int_equal(bt_round_up(513, 512), 1024);
}

static void digests(void **st)
{
    (void)st;
    /* BLAKE2b with 16 bytes of output: of nothing, and of "abc" (`b2sum -l 128`) */
    assert_string_equal(bt_digest_of(bt_str("")).hex, "cae66941d9efbd404e4d88758ea67670");
    assert_string_equal(bt_digest_of(bt_str("abc")).hex, "cf4ab791c62b8d2b2109c90275287816");
    struct bt_hash h;
    struct bt_digest d;
    bt_hash_init(&h);
    bt_hash_add(&h, "a", 1);
    bt_hash_add(&h, "bc", 2);
    bt_hash_end(&h, &d);
    assert_string_equal(d.hex, bt_digest_of(bt_str("abc")).hex);
}

static void descriptors_close_once(void **st)
{
    (void)st;
    int p[2];
    assert_int_equal(pipe(p), 0);
    int taken;
    {
        bt_auto_fd closes = p[0];
        bt_auto_fd leaves = p[1];
        assert_true(closes >= 0);
        taken = bt_take_fd(&leaves);
        assert_int_equal(leaves, -1);
    }
    char c;
    assert_int_equal(read(p[0], &c, 1), -1);
    bt_close_fd(&taken);
    assert_int_equal(taken, -1);
    bt_close_fd(&taken);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(views), cmocka_unit_test(nearest), cmocka_unit_test(buffers_have_a_ceiling),
        cmocka_unit_test(escaping), cmocka_unit_test(arenas), cmocka_unit_test(checked_sums), cmocka_unit_test(digests),
        cmocka_unit_test(descriptors_close_once) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

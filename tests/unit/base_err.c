/* base_err.c - the error value: words, codes, limits. */
#include "base_test.h"

#include <errno.h>

static void says_what_and_why(void **st)
{
    (void)st;
    struct bt_err e = { 0 };
    assert_int_equal(bt_err_set(&e, BT_E_IO, ENOENT, "open %s", "/x"), -1);
    assert_string_equal(e.msg, "open /x: No such file or directory");
    assert_int_equal(e.sys, ENOENT);
    assert_int_equal(bt_err_hint(&e, "try %d", 7), -1);
    assert_int_equal(bt_err_wrap(&e, "read model %s", "M"), -1);
    assert_string_equal(e.msg, "read model M: open /x: No such file or directory");
    assert_string_equal(e.hint, "try 7");
    assert_int_equal(e.code, BT_E_IO);
    bt_err_set(&e, BT_E_FIT, 0, "again: %s", e.msg);      /* an argument may be the old message */
    assert_string_equal(e.msg, "again: read model M: open /x: No such file or directory");
    assert_string_equal(e.hint, "");
}

static void long_messages_end_visibly(void **st)
{
    (void)st;
    struct bt_err e;
    char big[2000];
    memset(big, 'a', sizeof big - 1);
    big[sizeof big - 1] = 0;
    bt_err_set(&e, BT_E_FAILED, 0, "%s", big);
    assert_int_equal(strlen(e.msg), sizeof e.msg - 1);
    assert_true(bt_str_ends(bt_str(e.msg), "a..."));
    for (size_t i = 0; i + 2 < sizeof big; i += 2)
        memcpy(big + i, "\xc3\xa9", 2);
    for (int shift = 0; shift < 2; shift++) {             /* whichever byte the limit hits, no half character stays */
        bt_err_set(&e, BT_E_FAILED, 0, "%.*s%s", shift, "x", big);
        bt_err_hint(&e, "%.*s%s", shift, "x", big);
        bt_auto_buf struct bt_buf b = BT_BUF(4096);
        bt_buf_add_escaped(&b, bt_str(e.msg));
        bt_buf_add_escaped(&b, bt_str(e.hint));
        assert_null(strstr(b.p, "\\x"));
        assert_true(bt_str_ends(bt_str(e.hint), "..."));
    }
    bt_err_wrap(&e, "%s", big);
    bt_err_wrap(&e, "front");
    assert_true(bt_str_starts(bt_str(e.msg), "front: "));
}

static void every_code_has_a_name_and_an_exit(void **st)
{
    (void)st;
    for (int c = 0; c < BT_E__N; c++) {
        assert_non_null(bt_errc_name((enum bt_errc)c));
        for (int d = 0; d < c; d++)
            assert_string_not_equal(bt_errc_name((enum bt_errc)c), bt_errc_name((enum bt_errc)d));
        assert_true((bt_errc_exit((enum bt_errc)c) == 0) == (c == BT_OK));
    }
    assert_string_equal(bt_errc_name(BT_E_FIT), "does-not-fit");
    assert_int_equal(bt_errc_exit(BT_E_USAGE), 2);
    assert_int_equal(bt_errc_exit(BT_E_SPEC), 2);
    assert_int_equal(bt_errc_exit(BT_E_FIT), 3);
    assert_int_equal(bt_errc_exit(BT_E_DRIFT), 4);
    assert_int_equal(bt_errc_exit(BT_E_UNHEALTHY), 5);
    assert_int_equal(bt_errc_exit(BT_E_BUSY), 75);
    assert_int_equal(bt_errc_exit((enum bt_errc)99), 1);
    assert_string_equal(bt_errc_name((enum bt_errc)99), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(says_what_and_why), cmocka_unit_test(long_messages_end_visibly),
        cmocka_unit_test(every_code_has_a_name_and_an_exit) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* wire_lines.c - framing, requests, answers, sockets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base/file.h"
#include "wire/wire.h"

static void lines_come_in_pieces(void **st)
{
    static const char text[] = "{\"a\":1}\n{\"b\":2}\n";
    bt_auto_buf struct bt_buf in = BT_BUF(BT_WIRE_LINE_MAX);
    struct bt_err err = { 0 };
    int got = 0;
    (void)st;
    for (size_t i = 0; i < sizeof text - 1; i++) {
        json_t *msg = NULL;
        bt_buf_add(&in, text + i, 1);
        enum bt_wire_got g = bt_wire_take(&in, &msg, &err);
        assert_int_equal(g, text[i] == '\n' ? BT_WIRE_MSG : BT_WIRE_NONE);
        got += g == BT_WIRE_MSG;
        json_decref(msg);
    }
    assert_int_equal(got, 2);
}

static void broken_lines(void **st)
{
    static const char *const bad[] = { "\n", "nonsense\n", "[1]\n", "1\n", "{\"a\":1}x\n", "{\"a\":1,\"a\":2}\n", "{\"a\":\n" };
    (void)st;
    for (size_t i = 0; i < BT_LEN(bad); i++) {
        bt_auto_buf struct bt_buf in = BT_BUF(4096);
        struct bt_err err = { 0 };
        json_t *msg = NULL;
        bt_buf_puts(&in, bad[i]);
        assert_int_equal(bt_wire_take(&in, &msg, &err), BT_WIRE_BROKEN);
        assert_true(err.msg[0]);
        assert_null(msg);
    }
}

static void too_long_ends_it(void **st)
{
    bt_auto_buf struct bt_buf in = BT_BUF(BT_WIRE_LINE_MAX + 65536);
    bt_auto_free char *a = bt_xmalloc(65536);
    struct bt_err err = { 0 };
    json_t *msg = NULL;
    (void)st;
    memset(a, 'a', 65536);
    while (!in.over && in.n <= BT_WIRE_LINE_MAX) {
        assert_int_equal(bt_wire_take(&in, &msg, &err), BT_WIRE_NONE);
        bt_buf_add(&in, a, 65536);
    }
    assert_int_equal(bt_wire_take(&in, &msg, &err), BT_WIRE_BROKEN);
    assert_int_equal(err.code, BT_E_TOO_BIG);
}

static void requests(void **st)
{
    static const struct { const char *text; bool ok; uint64_t id; } rows[] = {
        { "{\"v\":1,\"id\":7,\"op\":\"ps\"}", true, 7 }, { "{\"v\":2,\"id\":7,\"op\":\"ps\"}", false, 7 }, { "{\"id\":7,\"op\":\"ps\"}", false, 7 },
        { "{\"v\":1,\"op\":\"ps\"}", false, 0 }, { "{\"v\":1,\"id\":-1,\"op\":\"ps\"}", false, 0 }, { "{\"v\":1,\"id\":7}", false, 7 },
        { "{\"v\":1,\"id\":7,\"op\":3}", false, 7 }, { "{\"v\":\"1\",\"id\":7,\"op\":\"ps\"}", false, 7 },
    };
    (void)st;
    for (size_t i = 0; i < BT_LEN(rows); i++) {
        struct bt_err err = { 0 };
        uint64_t id = 99;
        const char *op = NULL;
        json_t *msg = json_loads(rows[i].text, 0, NULL);
        assert_int_equal(bt_wire_request(msg, &id, &op, &err), rows[i].ok ? 0 : -1);
        assert_int_equal(id, rows[i].id);
        json_decref(msg);
    }
}

static void an_error_crosses_unharmed(void **st)
{
    struct bt_err there = { 0 }, here = { 0 };
    (void)st;
    bt_err_set(&there, BT_E_STATE, 0, "already up");
    bt_err_hint(&there, "berth down");
    json_t *msg = bt_wire_refuse(5, &there);
    assert_int_equal(bt_wire_is_answer(msg, 4, &here), 0);
    assert_int_equal(bt_wire_is_answer(msg, 5, &here), -1);
    assert_int_equal(here.code, BT_E_STATE);
    assert_string_equal(here.msg, "already up");
    assert_string_equal(here.hint, "berth down");
    json_decref(msg);
    bt_err_set(&there, BT_E_IO, 0, "bytes \xff\xfe");    /* a child's words need not be UTF-8 */
    msg = bt_wire_refuse(6, &there);
    assert_non_null(msg);
    assert_int_equal(bt_wire_is_answer(msg, 6, &here), -1);
    json_decref(msg);
    msg = bt_wire_answer(7, json_pack("{s:s}", "x", "y"));
    assert_int_equal(bt_wire_is_answer(msg, 7, &here), 1);
    json_decref(msg);
}

static void sockets_at_long_paths(void **st)
{
    char top[] = "/tmp/berth-wire-XXXXXX";
    bt_auto_arena a = { 0 };
    struct bt_err err = { 0 };
    struct stat s;
    (void)st;
    assert_non_null(mkdtemp(top));
    const char *deep = bt_arena_printf(&a, "%s/%080d/%080d", top, 1, 2), *path = bt_arena_printf(&a, "%s/daemon.sock", deep);
    assert_int_equal(bt_dir_private(deep, &err), 0);
    assert_int_equal(bt_wire_connect(path, &err), -1);
    assert_int_equal(err.code, BT_E_NOT_FOUND);
    bt_auto_fd listener = bt_wire_listen(path, &err);
    assert_true(listener >= 0);
    assert_int_equal(stat(path, &s), 0);
    assert_int_equal(s.st_mode & 0777, 0600);
    bt_auto_fd fd = bt_wire_connect(path, &err);
    assert_true(fd >= 0);
    bt_auto_fd other = accept(listener, NULL, NULL);
    assert_true(other >= 0 && bt_wire_peer_is_us(other));
    bt_auto_fd again = bt_wire_listen(path, &err);       /* a stale file of a killed one is replaced */
    assert_true(again >= 0);
    assert_int_equal(bt_wire_listen(bt_arena_printf(&a, "%s/%0120d", deep, 3), &err), -1);
    assert_int_equal(err.code, BT_E_TOO_BIG);
    assert_int_equal(bt_tree_remove(top, &err), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_come_in_pieces), cmocka_unit_test(broken_lines), cmocka_unit_test(too_long_ends_it), cmocka_unit_test(requests),
        cmocka_unit_test(an_error_crosses_unharmed), cmocka_unit_test(sockets_at_long_paths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

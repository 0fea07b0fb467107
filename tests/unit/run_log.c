/* run_log.c - an instance's log: lines, ceilings, rotation, and reading it while it grows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <sys/stat.h>

#include "base/file.h"
#include "run/keeplog.h"
#include "run/tail.h"

static char dir[] = "/tmp/berth-run-log-XXXXXX";
static struct bt_keeplog log_;                       /* 100 KiB: not on the stack */

struct seen { struct bt_buf text; size_t n; };

static void see(void *ctx, int64_t wall_ms, char stream, struct bt_str text)
{
    struct seen *s = ctx;
    (void)wall_ms;
    bt_buf_printf(&s->text, "%c:%.*s\n", stream, BT_STR(text));
    s->n++;
}

static int fresh(void **st)
{
    struct bt_err err = { 0 };
    (void)st;
    strcpy(dir + strlen(dir) - 6, "XXXXXX");
    if (!mkdtemp(dir))
        return -1;
    return bt_keeplog_open(&log_, dir, 4096, &err);
}

static int clean(void **st)
{
    struct bt_err err = { 0 };
    (void)st;
    bt_keeplog_close(&log_, 0);
    return bt_tree_remove(dir, &err);
}

static void put(int stream, const char *text)
{
    bt_keeplog_add(&log_, stream, text, strlen(text), 1000);
}

static struct seen read_all(struct bt_tail *t)
{
    struct seen s = { .text = BT_BUF(1 * MiB) };
    bt_tail_read(t, dir, 1 * MiB, see, &s);
    return s;
}

static void lines_of_two_streams(void **st)
{
    struct bt_tail t;
    (void)st;
    bt_tail_init(&t);
    put(0, "one\ntw");
    put(1, "err\r\n");
    put(0, "o\n10%\r20%\r\n\n");
    put(0, "rest");
    bt_keeplog_flush(&log_);
    struct seen s = read_all(&t);
    assert_string_equal(bt_buf_z(&s.text), "o:one\ne:err\no:two\no:10%\no:20%\no:\n");
    bt_buf_release(&s.text);
    bt_keeplog_close(&log_, 1);                      /* what has no newline is not lost */
    s = read_all(&t);
    assert_string_equal(bt_buf_z(&s.text), "o:rest\n");
    bt_buf_release(&s.text);
    bt_tail_release(&t);
}

static void split_carriage_return(void **st)
{
    struct bt_tail t;
    (void)st;
    bt_tail_init(&t);
    put(0, "a\r");
    put(0, "\nb\n");                                 /* "\r\n" cut between two reads is still one end of line */
    bt_keeplog_flush(&log_);
    struct seen s = read_all(&t);
    assert_string_equal(bt_buf_z(&s.text), "o:a\no:b\n");
    bt_buf_release(&s.text);
    bt_tail_release(&t);
}

static void long_lines_are_cut(void **st)
{
    struct bt_tail t;
    bt_auto_free char *big = bt_xmalloc(50000);
    (void)st;
    bt_tail_init(&t);
    memset(big, 'x', 50000);
    big[49999] = '\n';
    bt_keeplog_add(&log_, 0, big, 50000, 1);
    bt_keeplog_flush(&log_);
    struct seen s = read_all(&t);
    assert_int_equal(s.n, 4);
    assert_int_equal(s.text.n, 49999 + 4 * 3);
    bt_buf_release(&s.text);
    bt_tail_release(&t);
}

static void rotation_keeps_the_newest_and_bounds_the_rest(void **st)
{
    struct bt_tail t;
    char line[64];
    size_t got = 0;
    (void)st;
    bt_tail_init(&t);
    for (int i = 0; i < 2000; i++) {
        snprintf(line, sizeof line, "line %d\n", i);
        put(i & 1, line);
        bt_keeplog_flush(&log_);
        struct seen s = read_all(&t);
        got += s.n;
        bt_buf_release(&s.text);
    }
    assert_int_equal(got, 2000);                     /* a reader that keeps up misses nothing across rotations */
    bt_auto_arena a = { 0 };
    struct stat log, old;
    assert_int_equal(stat(bt_arena_printf(&a, "%s/log", dir), &log), 0);
    assert_int_equal(stat(bt_arena_printf(&a, "%s/log.1", dir), &old), 0);
    assert_true(log.st_size <= 4096 && old.st_size <= 4096);
    const char **last;
    assert_int_equal(bt_tail_last(&a, dir, 3, &last), 3);
    assert_string_equal(last[0], "line 1997");
    assert_string_equal(last[2], "line 1999");
    assert_true(bt_tail_last(&a, dir, 100000, &last) > 200);      /* log.1 too */
    bt_tail_release(&t);
}

static void hostile_text_is_escaped(void **st)
{
    const char **last;
    bt_auto_arena a = { 0 };
    (void)st;
    put(0, "\x1b[2Jgone \xff\n");
    bt_keeplog_flush(&log_);
    assert_int_equal(bt_tail_last(&a, dir, 5, &last), 1);
    assert_null(strchr(last[0], '\x1b'));
    assert_non_null(strstr(last[0], "gone"));
}

static void lines_that_are_none(void **st)
{
    static const char *const bad[] = { "", "x", "12", "12 o", "12 x text", "a2 o text", "99999999999999999999 o text", " o text" };
    int64_t ms;
    char stream;
    struct bt_str text;
    (void)st;
    for (size_t i = 0; i < BT_LEN(bad); i++)
        assert_false(bt_keeplog_parse(bt_str(bad[i]), &ms, &stream, &text));
    assert_true(bt_keeplog_parse(bt_str("12 e "), &ms, &stream, &text));
    assert_int_equal(ms, 12);
    assert_int_equal(stream, 'e');
    assert_int_equal(text.n, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(lines_of_two_streams, fresh, clean), cmocka_unit_test_setup_teardown(split_carriage_return, fresh, clean),
        cmocka_unit_test_setup_teardown(long_lines_are_cut, fresh, clean),
        cmocka_unit_test_setup_teardown(rotation_keeps_the_newest_and_bounds_the_rest, fresh, clean),
        cmocka_unit_test_setup_teardown(hostile_text_is_escaped, fresh, clean), cmocka_unit_test(lines_that_are_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

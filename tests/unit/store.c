/* store.c - what is written is read; a torn, foreign, read-only or newer file costs the memory and nothing else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "store/store.h"

static struct bt_arena a;
static char folder[64], path[96];

static int fresh(void **st)
{
    (void)st;
    snprintf(folder, sizeof folder, "/tmp/berth-store-XXXXXX");
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/berth.db", folder);
    return 0;
}

static int clean(void **st)
{
    struct bt_err err;
    (void)st;
    return bt_tree_remove(folder, &err);
}

static struct bt_store *opened(bool write)
{
    struct bt_store *s;
    struct bt_err err = { 0 };
    if (bt_store_open(path, write, &s, &err) < 0)
        fail_msg("%s", err.msg);
    return s;
}

static void a_start_is_found_again(void **st)
{
    (void)st;
    struct bt_err err = { 0 };
    struct bt_store *s = opened(false);
    struct bt_store_start *row;
    size_t n;
    assert_null(s);                                  /* no file: nothing was ever measured, and that is no error */
    s = opened(true);
    assert_int_equal(bt_store_add_start(s, &(struct bt_store_start){ .key = "k", .what = "m", .graph_bytes = 7, .rest_bytes = 100, .wall_ms = 1 }, &err), 0);
    assert_int_equal(bt_store_add_start(s, &(struct bt_store_start){ .key = "k", .what = "m", .graph_bytes = 9, .rest_bytes = 90, .wall_ms = 2 }, &err), 0);
    assert_int_equal(bt_store_add_start(s, &(struct bt_store_start){ .key = "other", .what = "'; DROP TABLE starts; --", .wall_ms = 3, .weights_bytes = UINT64_MAX }, &err), 0);
    bt_store_close(s);
    s = opened(false);
    assert_int_equal(bt_store_starts(s, &a, &row, &n, &err), 0);
    assert_int_equal(n, 2);
    assert_string_equal(row[0].what, "'; DROP TABLE starts; --");
    assert_true(row[0].weights_bytes == INT64_MAX);
    assert_string_equal(row[1].key, "k");
    assert_true(row[1].graph_bytes == 9 && row[1].rest_bytes == 100 && row[1].wall_ms == 2 && row[1].starts == 2);
    assert_true(bt_store_add_start(s, &row[1], &err) < 0);           /* opened to read */
    bt_store_close(s);
}

static void the_newest_life_of_a_run(void **st)
{
    (void)st;
    struct bt_err err = { 0 };
    struct bt_store *s = opened(true);
    struct bt_store_run r;
    bool found;
    assert_int_equal(bt_store_run(s, &a, "p", "x", &r, &found, &err), 0);
    assert_false(found);
    static const struct bt_store_run rows[] = {
        { "p", "x", "A", 10, 1, 1, 1 }, { "p", "x", "A", 5, 2, 2, 2 }, { "p", "x", "A", 7, 1, 2, 3 }, { "q", "x", "B", 99, 1, 9, 9 }, { "q", "y", "B", 1, 1, 9, 9 },
    };
    for (size_t i = 0; i < BT_LEN(rows); i++)
        assert_int_equal(bt_store_add_run(s, &rows[i], &err), 0);
    assert_int_equal(bt_store_run(s, &a, "p", "x", &r, &found, &err), 0);
    assert_true(found && r.peak_bytes == 7 && r.cards == 2 && r.life == 2);      /* the last life, its largest; not the larger one before */
    assert_int_equal(bt_store_run(s, &a, "p", "q/x", &r, &found, &err), 0);
    assert_true(found && r.peak_bytes == 99);
    assert_int_equal(bt_store_run(s, &a, "p", "y", &r, &found, &err), 0);
    assert_true(found && r.peak_bytes == 1);         /* only another project ran one of that name */
    assert_int_equal(bt_store_run(s, &a, "p", "p/y", &r, &found, &err), 0);
    assert_false(found);
    bt_store_close(s);
}

static void events_in_order(void **st)
{
    (void)st;
    struct bt_err err = { 0 };
    struct bt_store *s = opened(true), *reader = opened(false);
    struct bt_store_event *e;
    size_t n;
    int64_t seq = 0, last = 0;
    for (int i = 0; i < 10; i++, assert_true(seq > last), last = seq)
        assert_int_equal(bt_store_add_event(s, &(struct bt_store_event){ .wall_ms = i, .mono_ms = i, .boot = "b", .project = i % 2 ? "p" : "q", .instance = "x-0", .event = "state", .body = "{}" }, &seq, &err), 0);
    assert_int_equal(bt_store_events(reader, &a, "p", 0, 3, &e, &n, &err), 0);
    assert_true(n == 3 && e[0].wall_ms == 1 && e[2].wall_ms == 5);
    assert_int_equal(bt_store_events(reader, &a, NULL, e[2].seq, 100, &e, &n, &err), 0);
    assert_true(n == 4 && e[0].wall_ms == 6);
    assert_int_equal(bt_store_trim(s, 4, &err), 0);
    assert_int_equal(bt_store_events(reader, &a, NULL, 0, 100, &e, &n, &err), 0);
    assert_true(n == 4 && e[0].wall_ms == 6);
    bt_store_close(s);
    bt_store_close(reader);
}

static void what_is_no_database_is_kept_aside(void **st)
{
    (void)st;
    struct bt_err err = { 0 };
    struct bt_store *s;
    assert_int_equal(bt_file_write(path, BT_S("this is a text, and no database, of more than a hundred bytes, so that the header is looked at as a whole by everybody."), &err), 0);
    assert_true(bt_store_open(path, false, &s, &err) < 0);
    assert_int_equal(err.code, BT_E_INPUT);
    assert_null(s);
    s = opened(true);
    assert_non_null(strstr(bt_store_note(s), ".bad"));
    assert_int_equal(bt_store_add_start(s, &(struct bt_store_start){ .key = "k", .what = "m" }, &(struct bt_err){ 0 }), 0);
    bt_store_close(s);
    assert_true(bt_file_exists(bt_arena_printf(&a, "%s.bad", path)));
    s = opened(true);
    assert_null(bt_store_note(s));
    bt_store_close(s);
}

/* Every cut of a good file opens, is begun anew, or is refused with words; never a crash, never a hang. */
static void torn_anywhere(void **st)
{
    (void)st;
    struct bt_err err = { 0 };
    struct bt_store *s = opened(true);
    for (int i = 0; i < 50; i++)
        assert_int_equal(bt_store_add_start(s, &(struct bt_store_start){ .key = bt_arena_printf(&a, "key-%d", i), .what = "a start", .rest_bytes = 1 }, &err), 0);
    bt_store_close(s);
    struct stat sb;
    assert_int_equal(stat(path, &sb), 0);
    unsigned anew = 0;
    for (off_t cut = sb.st_size - 1000; cut > 0; cut -= 3001) {
        struct bt_store_start *row;
        size_t n;
        struct bt_err e = { 0 };
        assert_int_equal(truncate(path, cut), 0);
        if (bt_store_open(path, true, &s, &e) < 0) {
            assert_true(e.msg[0]);
            continue;
        }
        anew += bt_store_note(s) != NULL;
        if (bt_store_starts(s, &a, &row, &n, &e) < 0)
            assert_true(e.msg[0]);
        if (bt_store_add_start(s, &(struct bt_store_start){ .key = "k", .what = "m" }, &e) < 0)
            assert_true(e.msg[0]);
        bt_store_close(s);
    }
    assert_true(anew > 0);
}

static void a_newer_one_is_left_alone(void **st)
{
    (void)st;
    struct bt_err err = { 0 };
    struct bt_store *s = opened(true);
    struct bt_str before, after;
    bt_store_close(s);
    FILE *f = fopen(path, "r+b");                    /* the schema's number is at 60 of the file's header, big-endian */
    assert_non_null(f);
    fseek(f, 63, SEEK_SET);
    fputc(99, f);
    fclose(f);
    assert_int_equal(bt_file_read(&a, path, 1 << 20, &before, &err), 0);
    assert_true(bt_store_open(path, true, &s, &err) < 0);
    assert_int_equal(err.code, BT_E_STATE);
    assert_int_equal(bt_file_read(&a, path, 1 << 20, &after, &err), 0);
    assert_true(before.n == after.n && !memcmp(before.p, after.p, before.n));
}

static void a_folder_that_cannot_be_written(void **st)
{
    (void)st;
    struct bt_err err = { 0 };
    struct bt_store *s;
    char inside[160];
    assert_int_equal(bt_file_write(path, BT_S(""), &err), 0);
    snprintf(inside, sizeof inside, "%s/berth.db", path);            /* its folder is a file: also for root, whom no mode stops */
    assert_true(bt_store_open(inside, true, &s, &err) < 0);
    assert_int_equal(err.code, BT_E_IO);
    assert_non_null(strstr(err.hint, "writable"));
}

#define EACH(t) cmocka_unit_test_setup_teardown(t, fresh, clean)
int main(void)
{
    const struct CMUnitTest tests[] = {
        EACH(a_start_is_found_again), EACH(the_newest_life_of_a_run), EACH(events_in_order), EACH(what_is_no_database_is_kept_aside), EACH(torn_anywhere), EACH(a_newer_one_is_left_alone),
        EACH(a_folder_that_cannot_be_written),
    };
    int rc = cmocka_run_group_tests(tests, NULL, NULL);
    bt_arena_release(&a);
    return rc;
}

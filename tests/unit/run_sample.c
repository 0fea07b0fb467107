/* run_sample.c - sums over what the driver says: whose bytes, how much room, what is left behind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "run/sample.h"

#define CARD(used, ...) { .uuid = "GPU-1", .used_valid = true, .used_bytes = (used), .procs_valid = true, \
    .procs = (struct bt_probe_proc[]){ __VA_ARGS__ }, .nprocs = sizeof((struct bt_probe_proc[]){ __VA_ARGS__ }) / sizeof(struct bt_probe_proc) }

static void actual_is_the_sum_of_our_pids(void **st)
{
    const pid_t ours[] = { 10, 12, 99 };
    struct bt_probe_gpu g = CARD(50 * GiB, { 10, 3 * GiB, true }, { 11, 30 * GiB, true }, { 12, 4 * GiB, true });
    (void)st;
    struct bt_actual a = bt_sample_actual(&g, ours, BT_LEN(ours));
    assert_true(a.valid);
    assert_int_equal(a.bytes, 7 * GiB);
    assert_int_equal(a.nprocs, 2);
    a = bt_sample_actual(&g, NULL, 0);
    assert_true(a.valid && a.bytes == 0 && a.nprocs == 0);
    g.procs[2].bytes_valid = false;                  /* the driver knows the process, not its bytes */
    assert_false(bt_sample_actual(&g, ours, BT_LEN(ours)).valid);
    g.procs_valid = false;                           /* in a container */
    assert_false(bt_sample_actual(&g, ours, BT_LEN(ours)).valid);
}

static void residual_is_what_nobody_holds(void **st)
{
    struct bt_probe_gpu g = CARD(10 * GiB, { 1, 4 * GiB, true }, { 2, 5 * GiB, true });
    (void)st;
    assert_int_equal(bt_sample_residual(&g).bytes, GiB);
    g.used_bytes = 8 * GiB;                          /* shared bytes are listed twice: never negative */
    assert_int_equal(bt_sample_residual(&g).bytes, 0);
    assert_true(bt_sample_residual(&g).valid);
    g.used_valid = false;
    assert_false(bt_sample_residual(&g).valid);
}

struct row { uint64_t used, total, need, neighbours, neighbours_actual; bool fits; uint64_t free; };

static void room(void **st)
{
    static const struct row rows[] = {
        { 0, 40, 40, 0, 0, true, 40 },
        { 1, 40, 40, 0, 0, false, 39 },              /* a stranger's byte */
        { 30, 40, 10, 30, 30, true, 10 },            /* a neighbour that holds what it was given */
        { 10, 40, 10, 30, 10, true, 10 },            /* ... that has not allocated all of it yet */
        { 10, 40, 11, 30, 10, false, 10 },
        { 35, 40, 10, 30, 30, false, 5 },            /* neighbour and stranger */
        { 20, 40, 30, 0, 25, true, 40 },             /* figures of two moments: no underflow */
        { 90, 40, 0, 90, 90, true, 0 },
    };
    (void)st;
    for (size_t i = 0; i < BT_LEN(rows); i++) {
        const struct row *r = &rows[i];
        struct bt_probe_gpu g = { .used_valid = true, .used_bytes = r->used * GiB };
        struct bt_room m = { r->total * GiB, r->need * GiB, r->neighbours * GiB, r->neighbours_actual * GiB };
        uint64_t free_bytes;
        assert_int_equal(bt_sample_room(&g, &m, &free_bytes), r->fits);
        assert_int_equal(free_bytes, r->free * GiB);
        g.used_valid = false;
        assert_false(bt_sample_room(&g, &m, &free_bytes));           /* not known is not free */
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(actual_is_the_sum_of_our_pids), cmocka_unit_test(residual_is_what_nobody_holds), cmocka_unit_test(room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

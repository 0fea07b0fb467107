/* base_workers.c - a list of tasks on several threads: each once, a worker's one at a time, none begun after one has failed. */
#include "base_test.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "base/workers.h"

#define TASKS 500

struct seen { atomic_uint times[TASKS]; atomic_uint busy[BT_WORKERS_MOST]; atomic_bool overlap, nested; size_t fails; atomic_uint begun; };

static bool look(void *ctx, unsigned worker, size_t i)
{
    struct seen *s = ctx;
    if (atomic_fetch_add(&s->busy[worker], 1))
        atomic_store(&s->overlap, true);
    if (bt_workers() != 1)
        atomic_store(&s->nested, true);
    atomic_fetch_add(&s->times[i], 1);
    atomic_fetch_add(&s->begun, 1);
    atomic_fetch_sub(&s->busy[worker], 1);
    return i != s->fails;
}

static void each_once(void **st)
{
    (void)st;
    static const size_t lists[] = { 0, 1, 3, TASKS };
    for (size_t k = 0; k < sizeof lists / sizeof *lists; k++) {
        struct seen s = { .fails = TASKS };
        bt_workers_do(lists[k], 5, look, &s);
        for (size_t i = 0; i < TASKS; i++)
            assert_int_equal(atomic_load(&s.times[i]), i < lists[k]);
        assert_false(atomic_load(&s.overlap));
        assert_true(lists[k] < 2 || !atomic_load(&s.nested));          /* a list of one is done in the calling thread */
    }
}

/* All before the one that fails have been begun, and not many after it: those that others had begun by then. */
static void ends_at_a_failure(void **st)
{
    (void)st;
    for (unsigned workers = 1; workers <= 5; workers += 4) {
        struct seen s = { .fails = 7 };
        bt_workers_do(TASKS, workers, look, &s);
        for (size_t i = 0; i <= 7; i++)
            assert_int_equal(atomic_load(&s.times[i]), 1);
        if (workers == 1)
            assert_int_equal(atomic_load(&s.begun), 8);
    }
}

static void as_many_as_asked(void **st)
{
    (void)st;
    assert_int_equal(setenv("BERTH_THREADS", "3", 1), 0);
    assert_int_equal(bt_workers(), 3);
    assert_int_equal(setenv("BERTH_THREADS", "1", 1), 0);
    assert_int_equal(bt_workers(), 1);
    assert_int_equal(setenv("BERTH_THREADS", "many", 1), 0);         /* no number: as many as there are cores */
    assert_in_range(bt_workers(), 1, BT_WORKERS_MOST);
    unsetenv("BERTH_THREADS");
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(each_once), cmocka_unit_test(ends_at_a_failure), cmocka_unit_test(as_many_as_asked) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

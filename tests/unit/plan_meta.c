/* What must hold between two answers (bench/plan_meta.h): a card more, another order, a foreign byte, one that is removed. A hundred numbers here, thousands in `make bench-plan`. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "../../bench/plan_meta.h"

#define NUMBERS 130

/* The scales weigh: an answer that is worse, or better, by one is seen. */
static bool is_seen(struct meta *m, size_t which)
{
    struct pl_score was = m->is.score;
    bool seen = false;
    for (int by = -1; by <= 1; by += 2) {
        for (uint32_t i = 0; i < m->is.score.nlevels; i++)
            m->is.score.placed[i] += (uint32_t)by;
        seen = seen || !metas[which].holds(m);
        m->is.score = was;
    }
    m->is.found = !m->is.found;
    seen = seen || !metas[which].holds(m);
    m->is.found = !m->is.found;
    return seen;
}

static void what_must_hold_holds(void **st)
{
    (void)st;
    for (size_t which = 0; which < BT_LEN(metas); which++) {
        unsigned compared = 0, seen = 0;
        for (uint64_t number = 1; number <= NUMBERS; number++) {
            bt_auto_arena a = { 0 };
            struct bt_err err = { 0 };
            struct full_problem x;
            struct meta m = { .a = &a };
            int got = meta_one(&m, &x, number, which, &err);
            if (got < -1)
                fail_msg("%llu: %s", (unsigned long long)number, err.msg);
            if (got < 0)
                fail_msg("%s: not so for %llu (%s) on %s%s\n%s", metas[which].name, (unsigned long long)number, m.said, x.fleet_text, x.changes, x.text);
            compared += got;
            seen += got && m.was.found && m.is.found && is_seen(&m, which);
        }
        if (compared < 8 || seen < 5)
            fail_msg("%s: %u compared, %u of them would show a difference", metas[which].name, compared, seen);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(what_must_hold_holds) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

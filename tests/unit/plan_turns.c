/* Phases with every key drawn (bench/plan_turns.h): each reaches what an enumeration says, and the plan of all of them reaches that too, whatever stays, sleeps or is stopped; hundreds
 * here, thousands in `make bench-plan`. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "../../bench/plan_turns.h"

/* What must have been drawn, and how often at least among those compared. */
static struct { const char *word; unsigned least, seen; } drawn[] = {
    { "phases: [p0, p1, p2]", 50, 0 }, { "park: sleep", 10, 0 }, { "park: kv", 10, 0 }, { "park: none", 10, 0 }, { "park: checkpoint", 10, 0 }, { "park: stop", 10, 0 }, { "of MIG", 10, 0 },
    { "GB10", 5, 0 }, { "RAM ", 20, 0 }, { "memory: auto", 5, 0 }, { "same_as", 5, 0 }, { "gpus: 2, same_gpus_as", 2, 0 }, { "engine: sglang", 5, 0 }, { "engine: llama-server", 10, 0 },
    { "replicas: {want: 2, min: 1}", 10, 0 }, { "optional", 30, 0 }, { "priority", 30, 0 }, { "apart", 3, 0 }, { "in island 0", 3, 0 },
};

/* Where something was wrong once: other cuts bounded by the even one's rate, with weights in RAM; a cut for more KV that cost rate. */
static const uint64_t once_wrong[] = { 9463, 13814 };

static void phases_reach_what_they_can(void **st)
{
    (void)st;
    unsigned compared = 0, fit = 0, asked = 0;
    for (uint64_t round = 1; round <= 420 + BT_LEN(once_wrong); round++) {
        uint64_t number = round <= 420 ? round : once_wrong[round - 421];
        bt_auto_arena a = { 0 };
        struct bt_err err = { 0 };
        struct turns t = { .phases = 0 };
        struct turns_best best = { .found = false };
        struct bt_plan *plan;
        bool holds = false;
        int ok = turns_compare(&a, number, &t, &best, &plan, &holds, &err);
        if (ok == 0)
            continue;
        if (ok < 0)
            fail_msg("%llu: %s\n%s", (unsigned long long)number, err.msg, t.x.text);
        if (!best.equal || !holds)
            fail_msg("%llu: bench-plan turns shows it\n%s", (unsigned long long)number, t.x.text);
        for (size_t i = 0; i < BT_LEN(drawn); i++)
            drawn[i].seen += strstr(t.x.text, drawn[i].word) || strstr(t.x.changes, drawn[i].word) || strstr(t.x.fleet_text, drawn[i].word);
        compared++;
        fit += best.found;
        asked += t.asked;
    }
    print_message("%u compared, %u fit, in %u somebody asks to be parked\n", compared, fit, asked);
    assert_true(compared > 350 && fit > 250);
    for (size_t i = 0; i < BT_LEN(drawn); i++)
        if (drawn[i].seen < drawn[i].least)
            fail_msg("\"%s\" in %u only", drawn[i].word, drawn[i].seen);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(phases_reach_what_they_can) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

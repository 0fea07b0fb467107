/* Bytes that no placement can do without: what they say does not fit does not, and nothing that fits is ever said not to. */
#include "plan/plan_int.h"
#include "plan_help.h"

#define TOP "name: t\nworkloads:\n"
#define BIG "engine: vllm, model: Qwen/Qwen2.5-32B-Instruct, context: 4096"

static struct pl_least *least_of(struct bt_arena *a, const char *text, const char *fleet, struct pl_problem **p)
{
    struct bt_err err = { 0 };
    if (pl_problem_build(a, plan_inputs(a, text, fleet), "all", p, &err) < 0)
        fail_msg("%s", err.msg);
    return pl_least_new(*p, a);
}

static bool found(struct pl_problem *p)
{
    struct pl_solution s = { 0 };
    pl_find(p, 100000, &s);
    return s.found;
}

/* Two of three are too many for one card: no change of one is a way out, changes of two may be. */
static void changes_of_few_do_not_help(void **st)
{
    (void)st;
    bt_auto_arena a = { 0 };
    struct pl_problem *p;
    struct pl_least *l = least_of(&a, TOP "  a: {" BIG "}\n  b: {" BIG "}\n  c: {" BIG "}\n", "1xA100-SXM4-80GB", &p);
    assert_int_equal(l->sum, 3 * l->of[0]);
    assert_true(l->of[0] > 60 * GiB && l->of[0] < l->there);
    for (size_t i = 0; i < 3; i++)
        assert_true(pl_least_too_much(l, i));
    assert_true(pl_least_too_much_of(l, (bool[]){ true, false, true }));
    assert_false(pl_least_too_much_of(l, (bool[]){ false, true, false }));
    assert_true(pl_least_too_much_after(l, 0) && pl_least_too_much_after(l, 1));
    assert_false(pl_least_too_much_after(l, 2) || pl_least_too_much_after(l, 9));
}

/* Whose context another has, or on whose cards it must be: a change of one may change both. An optional one takes nothing. */
static void who_follows_counts_with_it(void **st)
{
    (void)st;
    bt_auto_arena a = { 0 };
    struct pl_problem *p;
    struct pl_least *l = least_of(&a, TOP "  a: {" BIG "}\n  b: {engine: vllm, model: Qwen/Qwen2.5-32B-Instruct, context: {same_as: a}}\n  c: {" BIG ", same_gpus_as: b}\n"
                                  "  d: {" BIG ", optional: true}\n  e: {kind: job, command: [x], memory: 1GiB}\n", "1xA100-SXM4-80GB", &p);
    assert_int_equal(l->of[3], 0);
    for (size_t i = 0; i < 3; i++)
        assert_false(pl_least_too_much(l, i));       /* all three go */
    assert_true(pl_least_too_much(l, 4));
    assert_false(pl_least_too_much_after(l, 1));
    assert_false(pl_least_too_much_of(l, (bool[]){ true, true, false, false, true }));       /* c is gone: b may be another then */
}

/* Copies count, and of a pipeline no stage more than the least. */
static const struct { const char *text, *fleet; bool too_much; } rows[] = {
    { TOP "  a: {" BIG "}\n", "1xA100-SXM4-80GB", false },
    { TOP "  a: {" BIG "}\n", "1xA100-SXM4-40GB", true },
    { TOP "  a: {" BIG "}\n", "2xA100-SXM4-40GB", false },
    { TOP "  a: {" BIG ", replicas: 2}\n", "3xA100-SXM4-40GB", true },
    { TOP "  a: {" BIG ", replicas: {want: 9, min: 1}}\n", "3xA100-SXM4-40GB", false },
    { TOP "  a: {engine: vllm, model: Qwen/Qwen3-8B, pp: 3}\n", "1xRTX-4090+2xRTX-3090", false },
    { TOP "  a: {kind: service, command: [x], memory: rest}\n  b: {engine: vllm, model: Qwen/Qwen3-4B}\n", "1xRTX-4090", false },
    { TOP "  a: {kind: job, command: [x]}\n", "1xRTX-4090", false },
    { TOP "  a: {kind: job, command: [x]}\n  b: {kind: job, command: [x], memory: 1GiB}\n", "1xRTX-4090", true },
    { TOP "  a: {kind: job, command: [x], memory: 60%}\n  b: {kind: job, command: [x], memory: 45%}\n", "1xRTX-4090", true },
    { TOP "  a: {kind: job, command: [x], memory: 50%}\n  b: {kind: job, command: [x], memory: 45%}\n", "1xRTX-4090", false },
};

static void what_it_says_is_so(void **st)
{
    (void)st;
    for (size_t i = 0; i < BT_LEN(rows); i++) {
        bt_auto_arena a = { 0 };
        struct pl_problem *p;
        bool all[] = { true, true, true, true };
        struct pl_least *l = least_of(&a, rows[i].text, rows[i].fleet, &p);
        if (pl_least_too_much_of(l, all) != rows[i].too_much)
            fail_msg("%s on %s: %llu of %llu", rows[i].text, rows[i].fleet, (unsigned long long)l->sum, (unsigned long long)l->there);
        assert_int_equal(found(p), !rows[i].too_much);
        assert_int_equal(pl_least_too_much_after(l, 0), rows[i].too_much);
    }
}

/* Any problem: sizes and cards drawn. */
static void nothing_that_fits_is_said_not_to(void **st)
{
    (void)st;
    static const char *const models[] = { "Qwen/Qwen2.5-0.5B-Instruct", "Qwen/Qwen3-4B", "Qwen/Qwen3-8B", "Qwen/Qwen2.5-14B-Instruct" };
    static const char *const fleets[] = { "1xRTX-4090", "2xRTX-4090", "1xRTX-4090+1xA100-SXM4-40GB", "3xRTX-3090" };
    static const char *const keys[] = { "", ", pp: 2", ", tp: 2", ", memory: 45%", ", replicas: 2", ", share: never" };
    uint64_t seed = 7, no = 0;
    for (size_t i = 0; i < 200; i++) {
        bt_auto_arena a = { 0 };
        bt_auto_buf struct bt_buf b = BT_BUF(4096);
        bool all[8];
        struct pl_problem *p;
        memset(all, true, sizeof all);
        bt_buf_puts(&b, TOP);
        for (size_t k = 0, n = 1 + (seed >> 40) % 5; k < n; k++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            bt_buf_printf(&b, "  w%zu: {engine: vllm, model: %s, context: 4096%s}\n", k, models[(seed >> 33) % BT_LEN(models)], keys[(seed >> 50) % BT_LEN(keys)]);
        }
        struct pl_least *l = least_of(&a, bt_buf_z(&b), fleets[(seed >> 21) % BT_LEN(fleets)], &p);
        if (p->nrefusals)
            continue;
        if (pl_least_too_much_of(l, all)) {
            no++;
            assert_false(found(p));
        }
    }
    assert_in_range(no, 20, 180);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(changes_of_few_do_not_help), cmocka_unit_test(who_follows_counts_with_it), cmocka_unit_test(what_it_says_is_so),
                                        cmocka_unit_test(nothing_that_fits_is_said_not_to) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

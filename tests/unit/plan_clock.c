/* A limit of time: asked of the clock that was handed in, and said in the plan. */
#include "plan_help.h"
#include "plan/plan_int.h"

static const char *const text = "name: t\nworkloads:\n  a: {engine: vllm, model: Qwen/Qwen2.5-7B-Instruct, replicas: 3}\n  b: {engine: vllm, model: Qwen/Qwen3-4B, replicas: 2}\n"
                                "  c: {engine: vllm, model: Qwen/Qwen2.5-14B-Instruct}\n  d: {kind: service, command: [x], memory: 9GiB}\n  e: {engine: vllm, model: Qwen/Qwen3-8B}\n";
static const char *const fleet = "4xRTX-4090+3xL40S+1xA100-SXM4-80GB";

/* Each look is a second later. */
static double tick(void *looks) { return (double)(*(unsigned *)looks)++; }

static uint64_t steps_within(double limit_s, unsigned *looks)
{
    bt_auto_arena a = { 0 };
    struct bt_err err = { 0 };
    struct bt_plan_in *in = plan_inputs(&a, text, fleet);
    struct bt_plan_clock clock = { .now_s = tick, .ctx = looks, .limit_s = limit_s };
    struct pl_problem *p;
    struct pl_solution s;
    in->clock = &clock;
    assert_int_equal(pl_problem_build(&a, in, "all", &p, &err), 0);
    pl_search(p, PL_NODE_LIMIT, NULL, &s);
    assert_true(s.found);
    return s.nodes;
}

static void more_time_is_more_steps(void **st)
{
    (void)st;
    unsigned looks = 0;
    uint64_t few = steps_within(4, &looks), few_looks = looks;
    assert_true(looks >= 4 && looks <= 8);           /* the start, and one past the limit */
    looks = 0;
    assert_true(steps_within(40, &looks) > few);
    assert_true(looks > few_looks);
}

static void the_plan_says_so(void **st)
{
    (void)st;
    for (int timed = 0; timed < 2; timed++) {
        bt_auto_arena a = { 0 };
        struct bt_err err = { 0 };
        struct bt_plan_in *in = plan_inputs(&a, text, fleet);
        unsigned looks = 0, said = 0;
        struct bt_plan_clock clock = { .now_s = tick, .ctx = &looks, .limit_s = 4 };
        struct bt_plan *p;
        in->clock = timed ? &clock : NULL;
        in->brief = true;
        assert_int_equal(bt_plan_make(&a, in, &p, &err), 0);
        for (size_t i = 0; i < p->nwarnings; i++)
            said += strstr(p->warning[i], "limit of time") != NULL;
        assert_int_equal(said, timed);
        if (timed) {
            assert_string_equal(p->proof, "any-time");
            assert_true(p->gap > 0 && p->gap <= 1);
            char share[32];
            unsigned told = 0;
            (void)snprintf(share, sizeof share, "%.2f %% of what no plan can pass", (double)(uint64_t)((1 - p->gap) * 10000) / 100);
            for (size_t i = 0; i < p->nwarnings; i++)
                told += strstr(p->warning[i], "a better plan may exist; ") && strstr(p->warning[i], share);
            assert_int_equal(told, 1);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(more_time_is_more_steps), cmocka_unit_test(the_plan_says_so) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

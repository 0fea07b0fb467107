/* `replicas: auto`: as many as the cards carry while nobody is worse off. */
#include "plan_help.h"

static unsigned copies_of(const char *text, const char *fleet, size_t phase, const char *name)
{
    bt_auto_arena a = { 0 };
    struct bt_plan *p = plan_of(&a, text, fleet);
    unsigned n = 0;
    assert_int_equal(p->nrefusals, 0);
    for (size_t i = 0; i < p->phase[phase].n; i++)
        n += !strcmp(p->phase[phase].inst[i].w->name, name);
    return n;
}

#define SERVER "engine: vllm, model: Qwen/Qwen2.5-7B-Instruct, replicas: auto, gpus: 1, context: 8192"

static void spare_cards_become_copies(void **st)
{
    (void)st;
    const char *alone = "name: t\nworkloads:\n  a: {" SERVER "}\n";
    assert_int_equal(copies_of(alone, "1xRTX-4090", 0, "a"), 1);
    assert_int_equal(copies_of(alone, "5xRTX-4090", 0, "a"), 5);
    const char *beside = "name: t\nworkloads:\n  a: {" SERVER "}\n  b: {kind: job, command: [x], gpus: 2, memory: 12GiB, share: never}\n";
    assert_int_equal(copies_of(beside, "6xRTX-4090", 0, "a"), 4);
    assert_int_equal(copies_of(beside, "3xRTX-4090", 0, "a"), 1);
    const char *pool = "name: t\nworkloads:\n  a: {" SERVER ", pool: [1, 2]}\n";
    assert_int_equal(copies_of(pool, "6xRTX-4090", 0, "a"), 2);
}

/* The first by priority takes what is spare; the other keeps its one. */
static void priority_comes_first(void **st)
{
    (void)st;
    const char *two = "name: t\nworkloads:\n  a: {" SERVER "}\n  b: {" SERVER ", priority: 1}\n";
    assert_int_equal(copies_of(two, "4xRTX-4090", 0, "b"), 3);
    assert_int_equal(copies_of(two, "4xRTX-4090", 0, "a"), 1);
}

/* A neighbour on every card, and a card less in the second phase: the fewest of both. */
static void phases_have_one_number(void **st)
{
    (void)st;
    const char *text = "name: t\nphases: [p, q]\nworkloads:\n  a: {" SERVER "}\n  b: {kind: job, command: [x], gpus: 3, memory: 12GiB, share: never, phases: q}\n";
    assert_int_equal(copies_of(text, "5xRTX-4090", 0, "a"), 2);
    assert_int_equal(copies_of(text, "5xRTX-4090", 1, "a"), 2);
}

/* Two cards of one copy are faster than one, two copies on one card each are faster together. */
static void faster_together_or_not_at_all(void **st)
{
    (void)st;
    const char *small = "name: t\nworkloads:\n  a: {engine: vllm, model: Qwen/Qwen2.5-7B-Instruct, replicas: auto, context: 8192}\n";
    assert_int_equal(copies_of(small, "4xRTX-4090", 0, "a"), 4);
    const char *big = "name: t\nworkloads:\n  a: {engine: vllm, model: Qwen/Qwen2.5-32B-Instruct, replicas: auto, context: 8192}\n";
    assert_int_equal(copies_of(big, "4xA100-SXM4-40GB", 0, "a"), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(spare_cards_become_copies), cmocka_unit_test(priority_comes_first),
                                        cmocka_unit_test(phases_have_one_number), cmocka_unit_test(faster_together_or_not_at_all) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

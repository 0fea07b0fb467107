/* Machines whose card and host are one memory (GB10): nothing is counted twice, and nothing is forgotten. */
#include "plan_help.h"
#include "base/units.h"
#include "plan/plan_int.h"

static struct bt_arena a;

static uint64_t taken(const struct bt_plan *p, size_t phase)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < p->phase[phase].n; i++) {
        sum += p->phase[phase].inst[i].host_bytes;
        for (size_t r = 0; r < p->phase[phase].inst[i].nranks; r++)
            sum += p->phase[phase].inst[i].rank[r].bytes;
    }
    return sum;
}

static const char *const both = "name: t\nworkloads:\n"
    "  big: {engine: vllm, model: Qwen/Qwen2.5-14B-Instruct, context: {min: 4096}}\n"
    "  small: {engine: vllm, model: Qwen/Qwen3-1.7B, gpus: 0, context: {min: 2048, want: 4096}}\n";

static void ram_comes_off_the_card(void **st)
{
    (void)st;
    struct bt_plan *p = plan_of(&a, both, "1xGB10");
    assert_true(p->fleet->gpus[0].unified);
    assert_int_equal(p->nrefusals, 0);
    uint64_t cap = bt_gpu_capacity(&p->fleet->gpus[0]);
    assert_true(taken(p, 0) <= cap && taken(p, 0) > cap - GiB);      /* dealt to the last block, and no byte twice */
    assert_true(instance_of(p, 0, "small-0")->host_bytes > 3 * GiB);
    struct bt_plan *alone = plan_of(&a, "name: t\nworkloads:\n  big: {engine: vllm, model: Qwen/Qwen2.5-14B-Instruct, context: {min: 4096}}\n", "1xGB10");
    assert_true(instance_of(alone, 0, "big-0")->rank[0].kv_bytes > instance_of(p, 0, "big-0")->rank[0].kv_bytes + 3 * GiB);
    p = plan_of(&a, both, "1xH100-80GB-HBM3");       /* a card of its own: RAM is something else */
    assert_true(taken(p, 0) > bt_gpu_capacity(&p->fleet->gpus[0]));
}

/* A context that is wanted goes before KV that is left over, whoever has it: a server on the CPU is not held at its least by what a card's server may use. */
static void a_context_in_ram_goes_before_spare_kv(void **st)
{
    (void)st;
    static const char both_want[] = "name: t\nworkloads:\n  llm: {engine: vllm, model: Qwen/Qwen2.5-32B-Instruct, context: {want: 32768, min: 4096}}\n"
                                    "  cpu: {engine: vllm, model: Qwen/Qwen3-8B, gpus: 0%s}\n  tool: {kind: service, command: [x], memory: %uGiB}\n";
    struct bt_plan *p = plan_of(&a, bt_arena_printf(&a, both_want, "", 10u), "1xGB10");
    const struct bt_plan_instance *llm = instance_of(p, 0, "llm-0"), *cpu = instance_of(p, 0, "cpu-0");
    assert_int_equal(llm->context, 32768);
    assert_int_equal(cpu->context, 40960);
    assert_true(llm->rank[0].kv_tokens > 32768);     /* what is left after that is KV */
    p = plan_of(&a, bt_arena_printf(&a, both_want, ", memory: 19GiB", 10u), "1xGB10");       /* its own memory holds it back */
    assert_true(instance_of(p, 0, "cpu-0")->context < 40960);
    p = plan_of(&a, bt_arena_printf(&a, both_want, "", 26u), "1xGB10");      /* not all that is wanted has room: what floors leave, to the last block */
    llm = instance_of(p, 0, "llm-0"), cpu = instance_of(p, 0, "cpu-0");
    assert_int_equal(llm->context, 32768);
    assert_true(cpu->context > 4096 && cpu->context < 40960);
    assert_true(llm->rank[0].kv_tokens < 32768 + 4096);
}

static void what_lies_in_ram_lies_on_the_card(void **st)
{
    (void)st;
    static const char *const spec = "name: t\nworkloads:\n  big: {engine: vllm, model: Qwen/Qwen2.5-14B-Instruct, context: {min: 4096}%s}\n";
    struct bt_plan *p = plan_of(&a, bt_arena_printf(&a, spec, ""), "1xGB10"), *q = plan_of(&a, bt_arena_printf(&a, spec, ", args: [--cpu-offload-gb, 10]"), "1xGB10");
    const struct bt_plan_instance *x = instance_of(p, 0, "big-0"), *y = instance_of(q, 0, "big-0");
    assert_true(y->host_bytes > 9 * GiB);
    assert_true(taken(q, 0) <= bt_gpu_capacity(&q->fleet->gpus[0]));
    assert_true(y->rank[0].kv_bytes < x->rank[0].kv_bytes + GiB);    /* offloading gains nothing there */
}

static void too_much_for_one_memory_is_refused(void **st)
{
    (void)st;
    struct bt_plan *p = plan_of(&a, "name: t\nworkloads:\n  big: {engine: vllm, model: Qwen/Qwen2.5-32B-Instruct, context: {min: 4096}}\n"
                                    "  other: {engine: vllm, model: Qwen/Qwen2.5-32B-Instruct, gpus: 0, context: {min: 4096}}\n", "1xGB10");
    assert_true(p->nrefusals > 0);                   /* 61 GiB of weights twice, in 121 */
    assert_int_equal(plan_of(&a, "name: t\nworkloads:\n  big: {engine: vllm, model: Qwen/Qwen2.5-32B-Instruct, context: {min: 4096}}\n", "1xGB10")->nrefusals, 0);
}

static void sleeping_gives_nothing_back(void **st)
{
    (void)st;
    static const char *const spec = "name: t\nphases: [x, y, z]\nworkloads:\n"
        "  a: {engine: vllm, model: Qwen/Qwen2.5-14B-Instruct, phases: [x, z], context: {min: 4096}%s}\n  b: {kind: job, command: [x], phases: y, memory: 90GiB}\n";
    struct bt_plan *p = plan_of(&a, bt_arena_printf(&a, spec, ""), "1xGB10");
    assert_int_equal(p->nrefusals, 0);
    for (size_t i = 0; i < p->nmoves; i++)
        assert_true(p->move[i].how != BT_MOVE_PARK);
    p = plan_of(&a, bt_arena_printf(&a, spec, ", park: sleep"), "1xGB10");
    bool said = false;
    for (size_t i = 0; i < p->nwarnings; i++)
        said = said || strstr(p->warning[i], "which is the card's memory here");
    assert_true(said);
}

/* A byte more in RAM than there is: the validator adds up both. */
static void the_validator_adds_up_both(void **st)
{
    (void)st;
    struct bt_err err = { 0 };
    struct bt_plan *p = plan_of(&a, both, "1xGB10");
    assert_int_equal(pl_host_check(p, &err), 0);
    for (size_t i = 0; i < p->phase[0].n; i++)
        if (!strcmp(p->phase[0].inst[i].id, "big-0"))
            p->phase[0].inst[i].host_bytes = GiB;
    assert_int_equal(pl_host_check(p, &err), -1);
    assert_non_null(strstr(err.msg, "one memory"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_context_in_ram_goes_before_spare_kv), cmocka_unit_test(ram_comes_off_the_card), cmocka_unit_test(what_lies_in_ram_lies_on_the_card), cmocka_unit_test(too_much_for_one_memory_is_refused),
        cmocka_unit_test(sleeping_gives_nothing_back), cmocka_unit_test(the_validator_adds_up_both),
    };
    int rc = cmocka_run_group_tests(tests, NULL, NULL);
    bt_arena_release(&a);
    return rc;
}

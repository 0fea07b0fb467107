/* Several engines behind one front (dp), and experts shared whole (ep): shapes, bytes per rank, rules of the engines, the validator. */
#include "plan_help.h"
#include "base/units.h"

static struct bt_arena a;
static const char *spec(const char *engine, const char *model, const char *more)
{
    return bt_arena_printf(&a, "name: t\nworkloads:\n  llm: {engine: %s, model: %s, context: {min: 2048, want: 8192}, %s}\n", engine, model, more);
}

static uint64_t weights(const struct bt_plan_instance *in, size_t rank)
{
    uint64_t n = 0;
    for (size_t i = 0; i < in->rank[rank].need->n; i++)
        n += in->rank[rank].need->line[i].part == BT_P_WEIGHTS ? in->rank[rank].need->line[i].bytes : 0;
    return n;
}

#define DENSE "Qwen/Qwen2.5-7B-Instruct"
#define EXPERTS "Qwen/Qwen3-30B-A3B"
#define FOUR "4xA100-SXM4-80GB"

static void engines_are_copies(void **st)
{
    (void)st;
    const struct bt_plan_instance *one = instance_of(plan_of(&a, spec("vllm", DENSE, "tp: 2"), FOUR), 0, "llm-0");
    const struct bt_plan_instance *two = instance_of(plan_of(&a, spec("vllm", DENSE, "tp: 2, dp: 2"), FOUR), 0, "llm-0");
    assert_true(two->dp == 2 && two->tp == 2 && two->pp == 1 && two->nranks == 4 && one->nranks == 2);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(weights(two, i), weights(one, 0));
        assert_int_equal(two->rank[i].kv_bytes, one->rank[0].kv_bytes);
        assert_true(two->rank[i].tp == i % 2 && two->rank[i].pp == 0 && two->rank[i].dp == i / 2);
        for (size_t j = 0; j < i; j++)
            assert_true(two->rank[i].gpu != two->rank[j].gpu);
    }
    const struct bt_plan_instance *deep = instance_of(plan_of(&a, spec("vllm", DENSE, "tp: 1, pp: 2, dp: 2"), FOUR), 0, "llm-0");
    assert_true(deep->pp == 2 && deep->dp == 2 && deep->rank[1].pp == 1 && deep->rank[2].pp == 0 && deep->rank[2].dp == 1);
    assert_int_equal(weights(deep, 0), weights(deep, 2));
    assert_int_equal(weights(deep, 1), weights(deep, 3));
}

/* vLLM cuts experts by all ranks of tp x dp, whole ones with ep; attention is each engine's own. SGLang's engines share nothing. */
static void experts_are_shared_by_all_ranks(void **st)
{
    (void)st;
    uint64_t whole = weights(instance_of(plan_of(&a, spec("vllm", EXPERTS, "tp: 1"), FOUR), 0, "llm-0"), 0);
    uint64_t by_tp = weights(instance_of(plan_of(&a, spec("vllm", EXPERTS, "tp: 4"), FOUR), 0, "llm-0"), 0);
    uint64_t by_dp = weights(instance_of(plan_of(&a, spec("vllm", EXPERTS, "tp: 1, dp: 4"), FOUR), 0, "llm-0"), 0);
    const struct bt_plan_instance *ep = instance_of(plan_of(&a, spec("vllm", EXPERTS, "dp: 4, ep: 4"), FOUR), 0, "llm-0");
    assert_true(by_dp > by_tp && by_dp < whole / 2);  /* its own attention and embeddings, a quarter of the experts */
    assert_true(ep->ep == 4 && ep->tp == 1 && ep->need->serve.expert_parallel);
    uint64_t apart = by_dp > weights(ep, 0) ? by_dp - weights(ep, 0) : weights(ep, 0) - by_dp;
    assert_true(apart < by_dp / 20);                  /* 128 experts divide by 4 */
    const struct bt_plan_instance *other = instance_of(plan_of(&a, spec("sglang", EXPERTS, "tp: 1, dp: 2"), FOUR), 0, "llm-0");
    assert_true(other->nranks == 2 && weights(other, 0) > whole / 10 * 9);
}

static void has(const struct bt_plan *p, const char *code, const char *text)
{
    for (size_t i = 0; i < p->nrefusals; i++)
        if (!strcmp(p->refusal[i].code, code) && strstr(p->refusal[i].text, text))
            return;
    fail_msg("no refusal %s with \"%s\"; the first: %s", code, text, p->nrefusals ? p->refusal[0].text : "none");
}

static void what_engines_do_not_do_is_refused(void **st)
{
    (void)st;
    has(plan_of(&a, spec("vllm", DENSE, "tp: 2, ep: 2"), FOUR), "no-experts", "Number of experts in the model must be greater than 0");
    has(plan_of(&a, spec("vllm", EXPERTS, "tp: 2, ep: 4"), FOUR), "ep-not-possible", "tp x dp is 2");
    has(plan_of(&a, spec("sglang", EXPERTS, "tp: 2, ep: 4"), FOUR), "ep-not-possible", "does not divide tp 2");
    has(plan_of(&a, spec("vllm", DENSE, "tp: 2, dp: 4"), FOUR), "too-few-gpus", "8 GPUs per instance (tp x pp x dp)");
    assert_int_equal(plan_of(&a, spec("vllm", EXPERTS, "tp: 2, dp: 2, ep: 4"), FOUR)->nrefusals, 0);
    assert_int_equal(plan_of(&a, spec("sglang", EXPERTS, "tp: 4, ep: 2"), FOUR)->nrefusals, 0);
}

static void the_validator_counts_engines(void **st)
{
    (void)st;
    struct bt_err err = { 0 };
    struct bt_plan *p = plan_of(&a, spec("vllm", EXPERTS, "tp: 2, dp: 2, ep: 4"), FOUR);
    struct bt_plan_instance *in = &p->phase[0].inst[0];
    assert_int_equal(bt_plan_check(p, &err), 0);
    in->dp = 1;
    assert_int_equal(bt_plan_check(p, &err), -1);
    in->dp = 2;
    in->ep = 2;
    assert_int_equal(bt_plan_check(p, &err), -1);
    in->ep = 4;
    in->rank[3].dp = 0;
    assert_int_equal(bt_plan_check(p, &err), -1);
    in->rank[3].dp = 1;
    in->rank[3].bytes++;
    assert_int_equal(bt_plan_check(p, &err), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(engines_are_copies), cmocka_unit_test(experts_are_shared_by_all_ranks), cmocka_unit_test(what_engines_do_not_do_is_refused),
        cmocka_unit_test(the_validator_counts_engines),
    };
    int rc = cmocka_run_group_tests(tests, NULL, NULL);
    bt_arena_release(&a);
    return rc;
}

/* The validator: a good plan passes; the same plan broken in any one way does not, and the words say how. */
#include "plan_help.h"

static const char *const text =
    "name: t\nmargin: 512MiB\nworkloads:\n"
    "  llm: {engine: vllm, model: Qwen/Qwen2.5-32B-Instruct, gpus: {min: 2, max: 3}, context: {want: 16384, min: 4096}, requests: 2, pool: [0, 1, 2]}\n"
    "  draft: {engine: vllm, model: Qwen/Qwen2.5-1.5B-Instruct, gpus: 1, memory: 30%, context: {same_as: llm}, pool: [2, 3], replicas: {want: 2, min: 1}}\n"
    "  vision: {kind: service, command: [x], gpus: 1, memory: 4GiB, apart: [llm]}\n"
    "  own: {kind: service, command: [x], gpus: 1, memory: 2GiB, same_gpus_as: vision}\n"
    "  cpu: {kind: job, command: [x], gpus: 0}\n";

static struct bt_arena arena;
static struct bt_plan *plan;
static struct bt_plan_instance *inst(const char *id) { return (struct bt_plan_instance *)instance_of(plan, 0, id); }

static void no_instance(void) { plan->phase[0].n--; }
static void twice(void) { plan->phase[0].inst[1] = plan->phase[0].inst[0]; }
static void wrong_id(void) { inst("vision-0")->id = "vision-7"; }
static void wrong_replica(void) { inst("draft-1")->replica = 0; }
static void off_fleet(void) { inst("vision-0")->rank[0].gpu = 9; }
static void off_pool(void) { inst("draft-0")->rank[0].gpu = 0; }
static void two_ranks_one_card(void) { inst("llm-0")->rank[1].gpu = inst("llm-0")->rank[0].gpu; }
static void too_few_ranks(void) { inst("llm-0")->nranks = 1; }
static void wrong_shape(void) { inst("llm-0")->tp = 3; }
static void rank_order(void) { inst("llm-0")->rank[1].tp = 0; }
static void more_kv(void) { inst("llm-0")->rank[0].kv_bytes += 1 * MiB; }
static void more_bytes(void) { inst("llm-0")->rank[0].bytes += 1; }
static void less_kv(void)
{
    struct bt_plan_instance *in = inst("llm-0");
    for (size_t i = 0; i < in->nranks; i++) {
        uint64_t few = bt_need_kv_for(in->need, in->rank[i].need, 4096, 1);
        in->rank[i].bytes -= in->rank[i].kv_bytes - few;
        in->rank[i].kv_bytes = few;
        in->rank[i].kv_tokens = bt_need_kv_tokens(in->need, in->rank[i].need, few);
    }
}
static void long_context(void) { inst("llm-0")->context = inst("draft-0")->context = inst("draft-1")->context = 20000; }
static void short_context(void) { inst("llm-0")->context = inst("draft-0")->context = inst("draft-1")->context = 1024; }
static void other_context(void) { inst("draft-0")->context -= 16; }
static void past_limit(void)
{
    struct bt_plan_instance *in = inst("draft-0");
    uint64_t more = in->need->rank[0].kv_block_bytes * 64;
    in->rank[0].kv_bytes += more;
    in->rank[0].kv_tokens += 64 * in->need->block;
    in->rank[0].bytes += more;
}
static void other_declared(void) { inst("vision-0")->rank[0].bytes = 3 * GiB; }
static void apart_broken(void)
{
    static const char *v[] = { "own" };
    ((struct bt_workload *)bt_spec_find(plan->spec, "vision"))->apart = (struct bt_strs){ v, 1 };
}
static void not_same_gpus(void) { inst("own-0")->rank[0].gpu = inst("llm-0")->rank[0].gpu; }
static void card_too_small(void) { ((struct bt_fleet *)plan->fleet)->gpus[0].others_bytes = 30 * GiB; }
static void pinned(void) { ((struct bt_workload *)bt_spec_find(plan->spec, "llm"))->pp = (struct bt_range){ .set = true, .want = 2, .min = 2, .max = 2 }; }
static void never(void) { ((struct bt_workload *)bt_spec_find(plan->spec, "vision"))->share = BT_SHARE_NEVER; }
static void other_kind(void) { ((struct bt_fleet *)plan->fleet)->gpus[1].name = "NVIDIA GeForce RTX 4090"; }
static void no_ledger(void) { inst("llm-0")->need = NULL; }
static void inactive(void)
{
    static const char *v[] = { "elsewhere" };
    ((struct bt_workload *)bt_spec_find(plan->spec, "cpu"))->phases = (struct bt_strs){ v, 1 };
}

static const struct { const char *name; void (*spoil)(void); const char *says; } ways[] = {
    { "an instance is missing", no_instance, "0 instances" },
    { "an instance twice", twice, "" },
    { "wrong id", wrong_id, "the id of vision" },
    { "wrong replica", wrong_replica, "the id of draft" },
    { "card that is not there", off_fleet, "not there" },
    { "card outside the pool", off_pool, "not in its pool" },
    { "two ranks on one card", two_ranks_one_card, "two ranks" },
    { "too few ranks", too_few_ranks, "GPUs" },
    { "tp x pp is not the ranks", wrong_shape, "tp 3" },
    { "rank order", rank_order, "pp-major" },
    { "KV that the bytes do not hold", more_kv, "ledger" },
    { "a byte too many", more_bytes, "ledger" },
    { "KV under the floor", less_kv, "hold less than" },
    { "context over want", long_context, "more than the 16384 wanted" },
    { "context under min", short_context, "less than the least" },
    { "same_as broken", other_context, "must have one context" },
    { "over its memory", past_limit, "`memory` allows" },
    { "not the declared bytes", other_declared, "`memory` says" },
    { "apart broken", apart_broken, "may not share" },
    { "same_gpus_as broken", not_same_gpus, "not on the GPUs" },
    { "more than the card has", card_too_small, "bytes planned" },
    { "against a pin", pinned, "pinned" },
    { "shared against never", never, "may not share" },
    { "two kinds in one group", other_kind, "two kinds of GPU" },
    { "a server without a ledger", no_ledger, "without a ledger" },
    { "not active in the phase", inactive, "not active" },
};

static void each_fault_is_found(void **st)
{
    (void)st;
    int bad = 0;
    for (size_t i = 0; i < BT_LEN(ways); i++) {
        struct bt_err err = { 0 };
        plan = plan_of(&arena, text, "4xA100-SXM4-40GB");
        assert_int_equal(plan->nrefusals, 0);
        if (bt_plan_check(plan, &err) < 0)
            fail_msg("a good plan: %s", err.msg);
        ways[i].spoil();
        int rc = bt_plan_check(plan, &err);
        if (rc == 0 || !strstr(err.msg, ways[i].says))
            bad++, print_error("%s: %s\n", ways[i].name, rc == 0 ? "not found" : err.msg);
    }
    bt_arena_release(&arena);
    assert_int_equal(bad, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(each_fault_is_found) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The search, and the plan that comes of it, against an enumeration that shares nothing with it (bench/plan_ref.h), every key of the spec that decides drawn (bench/plan_full.h): hundreds here,
 * thousands in `make bench-plan`. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "../../bench/plan_full.h"

/* What must have been drawn, and how often at least among those compared. */
static struct { const char *word; unsigned least, seen; } drawn[] = {
    { "engine: sglang", 10, 0 }, { "engine: llama-server", 20, 0 }, { "gpus: 0", 20, 0 }, { "dp: 2", 2, 0 }, { "ep: 2", 1, 0 }, { "tp: 1, pp: 2", 3, 0 }, { "pp_layers", 1, 0 }, { "same_gpus_as", 20, 0 },
    { "same_as", 5, 0 }, { "share: never", 10, 0 }, { "share: {with", 10, 0 }, { "apart", 5, 0 }, { "optional", 50, 0 }, { "priority", 50, 0 }, { "replicas: auto", 20, 0 }, { "slots: ", 10, 0 }, { "matrix", 5, 0 },
    { "memory: rest", 10, 0 }, { "memory: auto", 5, 0 }, { "expects: {train", 3, 0 }, { "memory: {train", 5, 0 }, { "memory: {forward", 5, 0 }, { "{like:", 5, 0 }, { "batch: auto", 3, 0 }, { "pool:", 30, 0 },
    { "requests:", 20, 0 }, { "quantization: fp8", 5, 0 }, { "kv_dtype", 5, 0 }, { "adapters", 5, 0 }, { "--max-num-seqs", 3, 0 }, { "--cpu-offload-gb", 3, 0 }, { "-ngl", 2, 0 }, { "margin:", 20, 0 }, { "others of", 30, 0 },
    { "of MIG", 20, 0 }, { "in island 0", 5, 0 }, { "GB10", 10, 0 }, { "RAM ", 30, 0 }, { "1xL4+1xRTX-4090+1xA100", 10, 0 },
};

static void count_words(const struct full_problem *x)
{
    for (size_t i = 0; i < BT_LEN(drawn); i++)
        drawn[i].seen += strstr(x->text, drawn[i].word) || strstr(x->changes, drawn[i].word) || strstr(x->fleet_text, drawn[i].word);
}

static void add_cuts(struct ref *r, const struct pl_problem *p)
{
    for (size_t i = 0; i < p->n; i++)
        for (size_t j = 0; j < p->work[i].nshapes; j++) {
            const struct pl_shape *s = &p->work[i].shape[j];
            if (s->cut && s->ok && !p->work[i].w->pp_layers.n)
                assert_int_equal(ref_add_cut(r, p->work[i].spec_index, s->tp, pl_stages(s), s->cut), 0);
        }
}

static unsigned binding;             /* compared, and RAM does not hold all that may run */

/* 1 as the enumeration has it, 0 nothing to compare, -1 not the same. */
static int one(uint64_t number, bool *fits)
{
    static const char *const phase[] = { "all" };
    bt_auto_arena a = { 0 };
    struct bt_err err = { 0 };
    struct full_problem x;
    struct pl_problem *p;
    struct pl_solution o = { .complete = true };
    struct bt_plan *plan;
    struct ref *r = BT_NEW(&a, struct ref);
    if (full_draw(&a, number, &x, &err) <= 0)
        return 0;
    x.in.needs = pl_needs_new(&a);
    if (pl_open_copies(&a, &x.in, phase, 1, &err) < 0 || pl_problem_build(&a, &x.in, "all", &p, &err) < 0)
        fail_msg("%llu: %s\n%s", (unsigned long long)number, err.msg, x.text);
    if (ref_build(r, &x.in, "all", &err) != 0) {
        bt_arena_release(&r->a);
        return 0;
    }
    p->first_nodes = number % 2 ? 1 : PL_FIRST_NODES;                /* shapes before cards, nearly always */
    if (!p->nrefusals)
        pl_solve(p, PL_NODE_LIMIT, &o);
    if (o.found && pl_search_cuts(p, PL_NODE_LIMIT, &o, &err) < 0)
        fail_msg("%llu: %s\n%s", (unsigned long long)number, err.msg, x.text);
    add_cuts(r, p);
    r->limit = 50000;
    ref_try(r, 0, 0);
    int out = r->tried > r->limit ? 0 : ref_equal(r, &o) ? 1 : -1;
    binding += out && p->ram_binds;
    if (out && bt_plan_make(&a, &x.in, &plan, &err) < 0)
        fail_msg("%llu: %s\n%s", (unsigned long long)number, err.msg, x.text);
    if (out && ((plan->nrefusals == 0) != r->found || (r->found && (plan->objective[BT_GOAL_WANTS] != r->best.wants || plan->objective[BT_GOAL_SERVICE] != r->best.service))))
        out = -1;
    if (out < 0)
        print_error("bench-plan full %llu %llu: not what the enumeration has\n", (unsigned long long)number, (unsigned long long)number + 1);
    if (out > 0)
        count_words(&x);
    *fits = r->found;
    bt_arena_release(&r->a);
    return out;
}

static void plans_are_the_best_there_are(void **st)
{
    (void)st;
    static const uint64_t once_wrong[] = { 1338, 1927 };     /* RAM that is the card's memory; a target with fewer copies than it must have */
    unsigned looked = 0, fit = 0, bad = 0;
    for (uint64_t i = 1; i <= 500 + BT_LEN(once_wrong); i++) {
        bool fits = false;
        int got = one(i <= 500 ? i : once_wrong[i - 501], &fits);
        looked += got != 0;
        fit += got && fits;
        bad += got < 0;
    }
    print_message("%u instances, %u of them fit\n", looked, fit);
    assert_int_equal(bad, 0);
    assert_true(binding >= 30);
    if (looked < 400 || fit < 250 || fit == looked)
        fail_msg("%u instances, %u of them fit", looked, fit);
    for (size_t i = 0; i < BT_LEN(drawn); i++)
        if (drawn[i].seen < drawn[i].least)
            fail_msg("%s: drawn %u times", drawn[i].word, drawn[i].seen);
}

static void full_gpus(struct full_problem *x, struct bt_arena *a, const char *text, const char *fleet, uint64_t ram)
{
    struct bt_err err = { 0 };
    if (bt_fleet_open(a, fleet, &(struct bt_fleet_opts){ .margin_bytes = 512 * MiB }, &x->fleet, &err) < 0 || full_inputs(a, text, &x->fleet, &x->in, &err) <= 0)
        fail_msg("%s\n%s", err.msg, text);
    x->fleet.source = "file";
    x->fleet.ram_bytes = ram;
}

/* Other shapes of `slow` are planned to be compared with it; RAM that holds less than `cpu` wants is said of them too, of no plan that anybody sees. */
static void short_ram_beside_a_slow_shape(void **st)
{
    (void)st;
    bt_auto_arena a = { 0 };
    struct bt_err err = { 0 };
    struct full_problem x;
    struct bt_plan *plan;
    full_gpus(&x, &a, "name: t\nworkloads:\n  slow: {engine: vllm, model: HuggingFaceTB/SmolLM2-1.7B-Instruct, tp: 4}\n  cpu: {engine: vllm, model: Qwen/Qwen3-4B, gpus: 0}\n", "4xL4", 13 * GiB);
    assert_int_equal(bt_plan_make(&a, &x.in, &plan, &err), 0);
    assert_int_equal(plan->nrefusals, 0);
    unsigned short_of = 0;
    for (size_t i = 0; i < plan->nwarnings; i++)
        short_of += strstr(plan->warning[i], "RAM holds no more") != NULL;
    assert_int_equal(short_of, 1);
}

/* What an optional workload can never have costs nobody else the plan; one that is not optional does. */
static void optional_and_impossible(void **st)
{
    (void)st;
    bt_auto_arena a = { 0 };
    struct bt_err err = { 0 };
    static const char *const wide[] = { "engine: vllm, model: Qwen/Qwen3-4B, gpus: 4", "kind: service, command: [x], memory: 1GiB, gpus: 4", "engine: vllm, model: Qwen/Qwen3-4B, tp: 4" };
    for (size_t i = 0; i < BT_LEN(wide); i++)
        for (int optional = 0; optional < 2; optional++) {
            struct full_problem x;
            struct bt_plan *plan;
            full_gpus(&x, &a, bt_arena_printf(&a, "name: t\nworkloads:\n  wide: {%s%s}\n  b: {engine: vllm, model: Qwen/Qwen3-1.7B}\n", wide[i], optional ? ", optional: true" : ""), "2xL4", 64 * GiB);
            assert_int_equal(bt_plan_make(&a, &x.in, &plan, &err), 0);
            if (!optional) {
                assert_string_equal(plan->refusal[0].code, "too-few-gpus");
                continue;
            }
            assert_int_equal(plan->nrefusals, 0);
            assert_true(plan->phase[0].n == 1 && !strcmp(plan->phase[0].inst[0].id, "b-0"));
            assert_string_equal(plan->warning[0], "wide is optional and found no place");
        }
}

/* MXFP4 runs from compute capability 8.0 on: a T4 has 7.5. */
static void cards_that_are_too_old(void **st)
{
    (void)st;
    bt_auto_arena a = { 0 };
    struct bt_err err = { 0 };
    struct full_problem x;
    struct bt_plan *plan;
    const char *text = "name: t\nworkloads:\n  a: {engine: vllm, model: openai/gpt-oss-20b%s}\n  b: {engine: vllm, model: Qwen/Qwen3-0.6B, context: 4096}\n";
    full_gpus(&x, &a, bt_arena_printf(&a, text, ""), "2xT4", 64 * GiB);
    assert_int_equal(bt_plan_make(&a, &x.in, &plan, &err), 0);
    assert_true(plan->nrefusals == 1 && !strcmp(plan->refusal[0].code, "card-too-old"));
    assert_non_null(strstr(plan->refusal[0].text, "compute capability 8.0 and newer, and the fleet has none"));
    full_gpus(&x, &a, bt_arena_printf(&a, text, ", optional: true"), "2xT4", 64 * GiB);
    assert_int_equal(bt_plan_make(&a, &x.in, &plan, &err), 0);
    assert_true(plan->nrefusals == 0 && plan->phase[0].n == 1);
    full_gpus(&x, &a, bt_arena_printf(&a, text, ""), "2xT4+1xRTX-4090", 64 * GiB);
    assert_int_equal(bt_plan_make(&a, &x.in, &plan, &err), 0);
    assert_true(plan->nrefusals == 0 && plan->phase[0].inst[0].nranks == 1 && plan->phase[0].inst[0].rank[0].gpu == 2);
}

/* RAM holds one of them; KV that lies there with a server's layers stops growing where it is full, and so it does where card and host are one memory. */
static void ram_that_binds(void **st)
{
    (void)st;
    bt_auto_arena a = { 0 };
    struct bt_err err = { 0 };
    struct full_problem x;
    struct bt_plan *plan;
    full_gpus(&x, &a, "name: t\nworkloads:\n  a: {engine: vllm, model: Qwen/Qwen3-4B, gpus: 0, optional: true}\n"
              "  b: {engine: vllm, model: Qwen/Qwen3-4B, gpus: 0, optional: true, priority: 2}\n", "1xL4", 14 * GiB);
    assert_int_equal(bt_plan_make(&a, &x.in, &plan, &err), 0);
    assert_true(plan->nrefusals == 0 && plan->phase[0].n == 1 && !strcmp(plan->phase[0].inst[0].id, "b-0"));
    full_gpus(&x, &a, "name: t\nworkloads:\n  a: {engine: llama-server, model: ./8b.gguf, args: [-ngl, \"20\"]}\n", "1xRTX-4090", 400 * GiB);
    assert_int_equal(bt_plan_make(&a, &x.in, &plan, &err), 0);
    uint64_t much = plan->phase[0].inst[0].host_bytes, tokens = plan->phase[0].inst[0].rank[0].kv_tokens;
    x.fleet.ram_bytes = much - GiB;
    assert_int_equal(bt_plan_make(&a, &x.in, &plan, &err), 0);
    assert_true(plan->nrefusals == 0 && plan->phase[0].inst[0].host_bytes <= much - GiB && plan->phase[0].inst[0].rank[0].kv_tokens < tokens);
    x.fleet.ram_bytes = GiB;
    assert_int_equal(bt_plan_make(&a, &x.in, &plan, &err), 0);
    assert_string_equal(plan->refusal[0].code, "ram-too-small");
    full_gpus(&x, &a, "name: t\nworkloads:\n  a: {engine: vllm, model: Qwen/Qwen3-8B}\n  b: {engine: llama-server, model: ./8b.gguf, args: [-ngl, \"20\"]}\n", "1xGB10", 0);
    x.fleet.source = "catalog";
    assert_int_equal(bt_plan_make(&a, &x.in, &plan, &err), 0);
    assert_int_equal(plan->nrefusals, 0);
}

/* Cards of a command may be of several kinds; those of a tensor-parallel group may not. */
static void commands_on_unequal_cards(void **st)
{
    (void)st;
    bt_auto_arena a = { 0 };
    struct bt_err err = { 0 };
    struct full_problem x;
    struct bt_plan *plan;
    full_gpus(&x, &a, "name: t\nworkloads:\n  x: {kind: service, command: [x], gpus: 3, memory: 50%}\n", "1xL4+1xRTX-4090+1xA100-SXM4-40GB", 64 * GiB);
    assert_int_equal(bt_plan_make(&a, &x.in, &plan, &err), 0);
    assert_true(plan->nrefusals == 0 && plan->phase[0].inst[0].nranks == 3 && plan->phase[0].inst[0].rank[2].bytes > plan->phase[0].inst[0].rank[0].bytes);
    full_gpus(&x, &a, "name: t\nworkloads:\n  x: {engine: vllm, model: Qwen/Qwen3-4B, tp: 2}\n", "1xL4+1xRTX-4090+1xA100-SXM4-40GB", 64 * GiB);
    assert_int_equal(bt_plan_make(&a, &x.in, &plan, &err), 0);
    assert_true(plan->nrefusals > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(short_ram_beside_a_slow_shape), cmocka_unit_test(optional_and_impossible), cmocka_unit_test(commands_on_unequal_cards),
                                        cmocka_unit_test(ram_that_binds), cmocka_unit_test(cards_that_are_too_old), cmocka_unit_test(plans_are_the_best_there_are) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

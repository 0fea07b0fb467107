/* engine_rules.c - version rows, defaults, shape rules, stop steps. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#include "engine/engine.h"
#include "engine/engine_int.h"

static const struct bt_engine *vllm(void)
{
    const struct bt_engine *e = bt_engine_find("vllm");
    assert_non_null(e);
    return e;
}

static void names(void **st)
{
    (void)st;
    assert_string_equal(bt_engine_names()[0], "vllm");
    for (const char *const *n = bt_engine_names(); *n; n++) {
        const struct bt_engine *e = bt_engine_find(*n);
        assert_non_null(e);
        assert_true(e->start && e->flags && e->log_line && e->nversions && e->nstop_starting && e->nstop_ready && e->health_path);
    }
    assert_non_null(bt_engine_find("command"));
    assert_null(bt_engine_find("ollama"));
    assert_null(bt_engine_find(NULL));
}

static void rows_are_in_order_and_have_sources(void **st)
{
    (void)st;
    const struct bt_engine *e = vllm();
    for (size_t i = 0; i < e->nversions; i++) {
        const struct bt_engine_version *v = &e->versions[i];
        assert_true(v->source && strlen(v->source) > 10);
        assert_true(v->default_utilization > 0.5 && v->default_utilization < 1);
        assert_int_equal(v->sampler_buffers, v->runner == BT_RUNNER_V2);     /* V2 keeps them instead of profiling the sampler */
        assert_int_equal(v->sampler_profiled, v->sampler_bytes > 0 && v->runner == BT_RUNNER_V1);
        assert_true(v->sampler_profiled || v->v0 || v->runner == BT_RUNNER_V2);
        if (i)
            assert_int_equal(bt_version_cmp(e->versions[i - 1].version, v->version), -1);
    }
}

static void version_lookup(void **st)
{
    (void)st;
    static const struct { const char *asked, *row; bool exact; } cases[] = {
        { "0.32.0", "0.32.0", true }, { "v0.32.0", "0.32.0", true }, { "0.32.0+cpu", "0.32.0", true }, { "0.32.1", "0.32.0", false },
        { "0.32.0rc1", "0.32.0", false }, { "1.4", "0.32.0", false }, { "0.11.0", "0.11.0", true }, { "0.11", "0.11.0", false },
        { "0.10.1.1", "0.9.2", false }, { "0.9.1", "0.8.3", false }, { "0.7.3", "0.7.1", false }, { "0.6.3", "0.2.0", false }, { "0.10.2", "0.10.2", true },
        { "0.19.2rc1.dev8+g4b7f5ea1a", "0.17.0", false }, { "0.24.1", "0.24.0", false },
        { "0.27.1", "0.27.0", false }, { "0.28.9", "0.28.0", false }, { "", "0.32.0", true }, { NULL, "0.32.0", true },
    };
    for (size_t i = 0; i < BT_LEN(cases); i++) {
        bool exact = !cases[i].exact;
        struct bt_err err = { 0 };
        const struct bt_engine_version *v = bt_engine_version(vllm(), cases[i].asked, &exact, &err);
        assert_non_null(v);
        assert_string_equal(v->version, cases[i].row);
        assert_int_equal(exact, cases[i].exact);
    }
    static const char *const bad[] = { "0.1.7", "latest", "-1", "nightly-0.32" };
    for (size_t i = 0; i < BT_LEN(bad); i++) {
        struct bt_err err = { 0 };
        assert_null(bt_engine_version(vllm(), bad[i], NULL, &err));
        assert_int_equal(err.code, BT_E_SPEC);
        assert_true(err.hint[0]);
    }
    struct bt_err err = { 0 };
    assert_null(bt_engine_version(bt_engine_find("command"), "1", NULL, &err));
}

static void what_versions_differ_in(void **st)
{
    (void)st;
    struct bt_err err = { 0 };
    const struct bt_engine_version *old = bt_engine_version(vllm(), "0.9.2", NULL, &err), *mid = bt_engine_version(vllm(), "0.11.0", NULL, &err),
                                   *gap = bt_engine_version(vllm(), "0.27.1", NULL, &err), *now = bt_engine_version(vllm(), "0.32.0", NULL, &err);
    assert_false(old->has_kv_bytes);
    assert_true(mid->has_kv_bytes && !mid->graphs_in_budget && mid->runner == BT_RUNNER_V1 && mid->default_utilization == 0.90);
    assert_true(gap->runner == BT_RUNNER_V2 && !gap->graphs_in_budget);
    assert_true(now->graphs_in_budget && now->null_block_reserved && now->runner == BT_RUNNER_V2 && now->default_utilization == 0.92);
}

static struct bt_serve resolved(struct bt_serve s, const char *version, struct bt_engine_device d, uint64_t context)
{
    struct bt_err err = { 0 };
    bt_engine_resolve(vllm(), bt_engine_version(vllm(), version, NULL, &err), &d, context, &s);
    return s;
}

static void defaults_by_device(void **st)
{
    (void)st;
    static const struct { const char *name; double gib; bool cpu; uint64_t batched, seqs; } cases[] = {
        { "NVIDIA B200", 178, false, 16384, 1024 }, { "NVIDIA H100 80GB HBM3", 79.2, false, 8192, 1024 },
        { "NVIDIA A100-SXM4-80GB", 79.2, false, 2048, 256 }, { "NVIDIA GeForce RTX 4090", 23.5, false, 2048, 256 },
        { NULL, 24, false, 2048, 256 }, { "cpu", 200, true, 2048, 128 },
    };
    for (size_t i = 0; i < BT_LEN(cases); i++) {
        struct bt_engine_device d = { (uint64_t)(cases[i].gib * (double)GiB), cases[i].name, cases[i].cpu };
        struct bt_serve s = resolved((struct bt_serve){ 0 }, "0.32.0", d, 32768);
        assert_int_equal(s.max_batched_tokens, cases[i].batched);
        assert_int_equal(s.max_seqs, cases[i].seqs);
        assert_int_equal(s.context, 32768);
        assert_int_equal(s.block_size, cases[i].cpu ? 128 : 16);
        assert_true(s.tp == 1 && s.pp == 1 && s.dp == 1 && s.utilization == 0.92);
    }
    struct bt_engine_device cpu = { 64 * GiB, "cpu", true };
    assert_int_equal(resolved((struct bt_serve){ .tp = 2 }, "", cpu, 32768).max_batched_tokens, 4096);
}

static void defaults_yield_to_what_was_given(void **st)
{
    (void)st;
    struct bt_engine_device h100 = { 79 * GiB, "H100", false };
    struct bt_serve s = resolved((struct bt_serve){ .max_seqs = 2, .context = 512, .utilization = 0.4, .utilization_set = true, .tp = 2 }, "0.11.0", h100, 32768);
    assert_int_equal(s.max_batched_tokens, 1024);    /* two sequences of 512 can never fill 8192 */
    assert_int_equal(s.max_seqs, 2);
    assert_true(s.utilization == 0.4 && s.context == 512 && s.tp == 2);
    s = resolved((struct bt_serve){ .max_batched_tokens = 100 }, "0.11.0", h100, 32768);
    assert_int_equal(s.max_seqs, 100);               /* a default never passes the batch */
    assert_int_equal(s.max_batched_tokens, 100);
    assert_true(s.utilization == 0.90);
    s = resolved((struct bt_serve){ .lora = true, .max_loras = 4 }, "", h100, 32768);
    assert_true(s.max_lora_rank == 16 && s.max_cpu_loras == 4);
    assert_int_equal(resolved((struct bt_serve){ 0 }, "", h100, 32768).max_lora_rank, 0);
    s = resolved((struct bt_serve){ .tp = UINT64_MAX, .pp = 3 }, "", (struct bt_engine_device){ 0, NULL, true }, UINT64_MAX);
    assert_true(s.max_seqs > 0);
}

/* Qwen2.5-32B, Qwen2.5-7B, SmolLM2-135M, and one with a vocabulary for which only the padding decides */
static const struct bt_shape q32 = { 40, 8, 64, 5120, 27648, 152064, "Qwen2ForCausalLM" }, q7 = { 28, 4, 28, 3584, 18944, 152064, "Qwen2ForCausalLM" },
                             smol = { 9, 3, 30, 576, 1536, 49152, "LlamaForCausalLM" }, odd = { 30, 30, 2, 960, 3000, 32001, "LlamaForCausalLM" };

static void shape_rules(void **st)
{
    (void)st;
    static const struct { const struct bt_shape *m; uint64_t tp, pp; const char *code; } cases[] = {
        { &q32, 1, 1, NULL }, { &q32, 2, 1, NULL }, { &q32, 4, 1, NULL }, { &q32, 8, 1, NULL }, { &q32, 1, 3, NULL }, { &q32, 2, 64, NULL }, { &q32, 0, 0, NULL },
        { &q32, 3, 1, "heads-not-divisible" }, { &q32, 16, 1, "heads-not-divisible" },
        { &q32, 5, 1, "kv-heads-not-divisible" }, { &q32, 10, 1, "kv-heads-not-divisible" }, { &q32, 20, 1, "kv-heads-not-divisible" },
        { &q32, 1, 65, "more-stages-than-layers" },
        { &q7, 7, 1, "kv-heads-not-divisible" }, { &q7, 14, 1, "kv-heads-not-divisible" }, { &q7, 28, 1, "intermediate-not-divisible" },
        { &smol, 2, 1, "heads-not-divisible" }, { &smol, 3, 1, NULL }, { &smol, 9, 1, "intermediate-not-divisible" },
        { &odd, 5, 1, "vocab-not-divisible" }, { &odd, 2, 1, NULL },
    };
    for (size_t i = 0; i < BT_LEN(cases); i++) {
        struct bt_refusal why = { 0 };
        bool ok = bt_engine_shape_ok(vllm(), cases[i].m, cases[i].tp, cases[i].pp, &why);
        assert_int_equal(ok, cases[i].code == NULL);
        if (!ok) {
            assert_string_equal(why.code, cases[i].code);
            assert_true(strlen(why.text) > 20);
        }
    }
}

static void refusals_speak_as_vllm_does(void **st)
{
    (void)st;
    struct bt_refusal why = { 0 };
    assert_false(bt_engine_shape_ok(vllm(), &q32, 3, 1, &why));
    assert_string_equal(why.text, "Total number of attention heads (40) must be divisible by tensor parallel size (3)."
                        " TP=3 is impossible for this model; TP can be 1, 2, 4 or 8");
    struct bt_shape unknown = { .architecture = "NewForCausalLM" };
    assert_true(bt_engine_shape_ok(vllm(), &unknown, 3, 7, &why));   /* numbers that are not known forbid nothing */
    assert_true(bt_engine_shape_ok(bt_engine_find("command"), &q32, 3, 1, &why));
}

static void pipeline_split(void **st)
{
    (void)st;
    static const struct { uint32_t layers; uint64_t pp; const char *text; } cases[] = {
        { 64, 3, "21,22,21" }, { 64, 1, "64" }, { 61, 4, "15,15,16,15" }, { 62, 4, "15,16,16,15" }, { 63, 4, "16,16,16,15" }, { 64, 2, "32,32" }, { 2, 3, "1,1,0" },
    };
    for (size_t i = 0; i < BT_LEN(cases); i++) {
        uint32_t split[8] = { 0 }, sum = 0;
        char text[64], joined[64] = "";
        bt_engine_pp_layers(cases[i].layers, cases[i].pp, split);
        for (uint64_t k = 0; k < cases[i].pp; k++) {
            sum += split[k];
            snprintf(joined + strlen(joined), sizeof joined - strlen(joined), "%s%u", k ? "," : "", split[k]);
        }
        bt_engine_pp_text(vllm(), cases[i].layers, cases[i].pp, text, sizeof text);
        assert_int_equal(sum, cases[i].layers);
        assert_string_equal(joined, cases[i].text);
        assert_string_equal(text, cases[i].text);
    }
    char small[12];
    bt_engine_pp_text(vllm(), 64, 64, small, sizeof small);
    assert_string_equal(small, "1,1,1,1,...");
    bt_engine_pp_text(vllm(), 64, 0, small, sizeof small);
    assert_string_equal(small, "");
}

static void stop_ends_with_the_whole_tree(void **st)
{
    (void)st;
    const struct bt_engine *all[] = { vllm(), bt_engine_find("command") };
    for (size_t i = 0; i < BT_LEN(all); i++) {
        const struct { const struct bt_stop_step *s; size_t n; } lists[] = { { all[i]->stop_starting, all[i]->nstop_starting }, { all[i]->stop_ready, all[i]->nstop_ready } };
        for (size_t k = 0; k < 2; k++) {
            assert_true(lists[k].n >= 2);
            assert_int_equal(lists[k].s[0].signal, SIGTERM);
            assert_int_equal(lists[k].s[0].whom, BT_STOP_LEADER);
            assert_int_equal(lists[k].s[lists[k].n - 1].signal, SIGKILL);
            assert_int_equal(lists[k].s[lists[k].n - 1].whom, BT_STOP_TREE);
            for (size_t j = 0; j < lists[k].n; j++)
                assert_true(lists[k].s[j].wait_ms > 0);
        }
    }
    size_t terms = 0;                                /* a loading vLLM swallows the first, never send it a third */
    for (size_t i = 0; i < vllm()->nstop_starting; i++)
        terms += vllm()->stop_starting[i].signal == SIGTERM;
    assert_int_equal(terms, 2);
    assert_int_equal(vllm()->stop_ready[1].signal, SIGKILL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names), cmocka_unit_test(rows_are_in_order_and_have_sources), cmocka_unit_test(version_lookup),
        cmocka_unit_test(what_versions_differ_in), cmocka_unit_test(defaults_by_device), cmocka_unit_test(defaults_yield_to_what_was_given),
        cmocka_unit_test(shape_rules), cmocka_unit_test(refusals_speak_as_vllm_does), cmocka_unit_test(pipeline_split),
        cmocka_unit_test(stop_ends_with_the_whole_tree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Which cards run which numbers: each row of the engines' floors, and who is asked. */
#include "model/gguf.h"
#include "need/capability.h"
#include "need_help.h"

static struct bt_model of(enum bt_quant_kind kind, const char *method)
{
    return (struct bt_model){ .dtype = BT_DT_BF16, .quantization = method, .quant = { .kind = kind } };
}

static void floors_by_method_and_version(void **st)
{
    (void)st;
    static const struct { enum bt_quant_kind kind; const char *method, *version; int cc; enum bt_runs how; } cases[] = {
        { BT_QUANT_FP8, "fp8", "0.32.0", 70, BT_RUNS_NOT },          { BT_QUANT_FP8, "fp8", "0.32.0", 75, BT_RUNS_UNPACKED },
        { BT_QUANT_FP8, "fp8", NULL, 75, BT_RUNS_UNPACKED },         { BT_QUANT_FP8, "fp8", "0.11.0", 75, BT_RUNS_NOT },
        { BT_QUANT_FP8, "fp8", "v0.11.0", 80, BT_RUNS_UNPACKED },    { BT_QUANT_FP8, "fp8", "0.11.0", 89, BT_RUNS },
        { BT_QUANT_INT4, "awq", "0.11.0", 75, BT_RUNS },             { BT_QUANT_INT4, "awq", "0.32.0", 70, BT_RUNS_NOT },
        { BT_QUANT_INT4, "gptq", "0.32.0", 70, BT_RUNS },            { BT_QUANT_INT4, "compressed-tensors", "0.11.0", 75, BT_RUNS_NOT },
        { BT_QUANT_INT4, "compressed-tensors", "0.32.0", 75, BT_RUNS }, { BT_QUANT_MXFP4, "mxfp4", "0.32.0", 75, BT_RUNS_NOT },
        { BT_QUANT_MXFP4, "mxfp4", "0.32.0", 90, BT_RUNS_UNPACKED }, { BT_QUANT_MXFP4, "mxfp4", "0.32.0", 100, BT_RUNS },
        { BT_QUANT_NVFP4, "modelopt", "0.32.0", 75, BT_RUNS_UNPACKED }, { BT_QUANT_NF4, "bitsandbytes", "0.32.0", 70, BT_RUNS },
        { BT_QUANT_UNKNOWN, "exotic", "0.32.0", 90, BT_RUNS_NOT_KNOWN }, { BT_QUANT_NONE, NULL, "0.32.0", 70, BT_RUNS },
        { BT_QUANT_NONE, NULL, "0.32.0", 61, BT_RUNS_NOT },
    };
    for (size_t i = 0; i < BT_LEN(cases); i++) {
        struct bt_model m = of(cases[i].kind, cases[i].method);
        struct bt_gpu card = { .cc_major = cases[i].cc / 10, .cc_minor = cases[i].cc % 10 };
        struct bt_card_runs r = bt_card_runs(bt_engine_find("vllm"), cases[i].version, &m, NULL, &card);
        if (r.how != cases[i].how)
            fail_msg("row %zu: %s on %d: %d", i, cases[i].method ? cases[i].method : "16 bit", cases[i].cc, (int)r.how);
        if (m.quant.kind != BT_QUANT_NONE && r.how != BT_RUNS_NOT_KNOWN)
            assert_true(r.source[0] && r.least);
    }
}

static void weights_that_are_made_so_while_loading(void **st)
{
    (void)st;
    struct bt_model plain = of(BT_QUANT_NONE, NULL), stored = of(BT_QUANT_INT4, "gptq");
    struct bt_gpu volta = { .cc_major = 7 }, ampere = { .cc_major = 8 };
    const struct bt_engine *vllm = bt_engine_find("vllm");
    assert_int_equal(bt_card_runs(vllm, NULL, &plain, "fp8", &volta).how, BT_RUNS_NOT);
    assert_string_equal(bt_card_runs(vllm, NULL, &plain, "fp8", &volta).name, "FP8");
    assert_int_equal(bt_card_runs(vllm, NULL, &plain, "fp8", &ampere).how, BT_RUNS_UNPACKED);
    assert_int_equal(bt_card_runs(vllm, NULL, &plain, "", &volta).how, BT_RUNS);
    assert_int_equal(bt_card_runs(vllm, NULL, &stored, "gptq", &volta).how, BT_RUNS);    /* what it is stored as counts, whatever the flag repeats */
    struct bt_gpu turing = { .cc_major = 7, .cc_minor = 5 }, unknown = { 0 };
    const struct bt_engine *sglang = bt_engine_find("sglang");
    assert_true(bt_card_makes_fp8(vllm, NULL, &plain, &turing) && bt_card_makes_fp8(vllm, "0.13.0", &plain, &ampere) && bt_card_makes_fp8(vllm, NULL, &plain, &unknown));
    assert_false(bt_card_makes_fp8(vllm, NULL, &plain, &volta) || bt_card_makes_fp8(vllm, "0.13.0", &plain, &turing));
    assert_true(bt_card_makes_fp8(sglang, NULL, &plain, &ampere));
    assert_false(bt_card_makes_fp8(sglang, NULL, &plain, &turing));
}

static void methods_that_no_engine_starts_with(void **st)
{
    (void)st;
    struct bt_tensor packed = { .name = "model.layers.0.mlp.up_proj.qweight" };
    struct bt_model plain = of(BT_QUANT_NONE, NULL), awq = of(BT_QUANT_INT4, "awq"), mxfp4 = of(BT_QUANT_MXFP4, "mxfp4"), fp8 = of(BT_QUANT_FP8, "fp8"), old = plain, named = plain;
    old.tensors = &packed;
    old.ntensors = 1;
    named.id = "TheBloke/Llama-2-7B-GPTQ";
    assert_true(bt_wants_made_weights(&plain, "awq") && bt_wants_made_weights(&plain, "gptq_marlin") && bt_wants_made_weights(&plain, "auto-round"));
    assert_false(bt_wants_made_weights(&plain, "fp8") || bt_wants_made_weights(&plain, "bitsandbytes") || bt_wants_made_weights(&plain, NULL));
    assert_false(bt_wants_made_weights(&awq, "awq") || bt_wants_made_weights(&old, "gptq") || bt_wants_made_weights(&named, "gptq"));
    assert_true(bt_stored_otherwise(&awq, "fp8") && bt_stored_otherwise(&mxfp4, "fp8") && bt_stored_otherwise(&mxfp4, "awq") && bt_stored_otherwise(&fp8, "gptq"));
    assert_true(bt_stored_otherwise(&mxfp4, "moe_wna16") && bt_stored_otherwise(&fp8, "moe_wna16"));
    named.id = "/models/awq-tests/Qwen3-8B";
    assert_true(bt_wants_made_weights(&named, "awq"));
    assert_false(bt_stored_otherwise(&awq, "awq_marlin") || bt_stored_otherwise(&awq, "moe_wna16") || bt_stored_otherwise(&plain, "fp8") || bt_stored_otherwise(&fp8, NULL));
}

static void other_engines(void **st)
{
    (void)st;
    struct bt_model fp8 = of(BT_QUANT_FP8, "fp8"), gguf = { .gguf = &(struct bt_gguf){ 0 } };
    struct bt_gpu pascal = { .cc_major = 6, .cc_minor = 1 }, hopper = { .cc_major = 9 };
    assert_int_equal(bt_card_runs(bt_engine_find("llama-server"), NULL, &gguf, NULL, &pascal).how, BT_RUNS);
    assert_int_equal(bt_card_runs(bt_engine_find("sglang"), NULL, &fp8, NULL, &hopper).how, BT_RUNS_NOT_KNOWN);    /* its floors were not read: said, not guessed */
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(floors_by_method_and_version), cmocka_unit_test(weights_that_are_made_so_while_loading),
                                        cmocka_unit_test(methods_that_no_engine_starts_with), cmocka_unit_test(other_engines) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

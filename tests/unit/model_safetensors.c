/* model_safetensors.c - headers: good ones, and each way in which one can lie. */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#include "model/model.h"

static int header(struct bt_arena *a, const char *json, uint64_t data, struct bt_tensor **t, size_t *n, struct bt_err *err)
{
    return bt_safetensors_header(a, "x.safetensors", bt_str(json), data, t, n, err);
}

static void good_header(void **st)
{
    (void)st;
    bt_auto_arena a = { 0 };
    struct bt_err err = { 0 };
    struct bt_tensor *t;
    size_t n;
    assert_int_equal(header(&a, "{\"__metadata__\": {\"format\": \"pt\"}, \"b\": {\"dtype\": \"F32\", \"shape\": [], \"data_offsets\": [12, 16]},"
                            "\"a\": {\"dtype\": \"BF16\", \"shape\": [2, 3], \"data_offsets\": [0, 12]},"
                            "\"e\": {\"dtype\": \"I64\", \"shape\": [0, 7], \"data_offsets\": [16, 16]}}  ", 16, &t, &n, &err), 0);
    assert_int_equal(n, 3);
    assert_string_equal(t[0].name, "a");             /* in the order of the data */
    assert_int_equal(t[0].dtype, BT_DT_BF16);
    assert_int_equal(t[0].rank, 2);
    assert_int_equal(t[0].shape[1], 3);
    assert_int_equal(t[0].bytes, 12);
    assert_string_equal(t[1].name, "b");
    assert_int_equal(t[1].rank, 0);
    assert_int_equal(t[2].bytes, 0);
    assert_int_equal(header(&a, "{}", 0, &t, &n, &err), 0);
    assert_int_equal(n, 0);
    assert_int_equal(header(&a, "{\"x\": {\"dtype\": \"F4\", \"shape\": [2, 3], \"data_offsets\": [0, 3]}}", 3, &t, &n, &err), 0);
    assert_int_equal(t[0].bytes, 3);                 /* two to a byte */
}

#define T(name, dtype, shape, begin, end) "\"" name "\": {\"dtype\": \"" dtype "\", \"shape\": " shape ", \"data_offsets\": [" #begin ", " #end "]}"

static void each_lie_is_named(void **st)
{
    (void)st;
    static const struct { const char *json, *says; uint64_t data; } cases[] = {
        { "", "x.safetensors", 0 },
        { "[]", "x.safetensors", 0 },
        { "{", "x.safetensors", 0 },
        { "{\"a\": 1}", "a: not an object", 0 },
        { "{" T("a", "BF16", "[2]", 0, 4) ", " T("a", "BF16", "[2]", 4, 8) "}", "x.safetensors", 8 },                 /* named twice */
        { "{" T("a", "BF16", "[2]", 0, 4) ", " T("b", "BF16", "[2]", 2, 6) "}", "overlap", 6 },
        { "{" T("a", "BF16", "[2]", 0, 4) ", " T("b", "BF16", "[2]", 0, 4) "}", "overlap", 4 },
        { "{" T("a", "BF16", "[2]", 0, 4) ", " T("b", "BF16", "[2]", 6, 10) "}", "belong to no tensor", 10 },
        { "{" T("a", "BF16", "[2]", 4, 8) "}", "bytes 0 to 4", 8 },
        { "{" T("a", "BF16", "[2]", 0, 4) "}", "truncated", 3 },
        { "{" T("a", "BF16", "[2]", 0, 4) "}", "after the last tensor", 5 },
        { "{" T("a", "BF16", "[2]", 0, 5) "}", "need 4", 5 },
        { "{" T("a", "BF16", "[2]", 4, 0) "}", "not [begin, end]", 4 },
        { "{" T("a", "BF16", "[2]", -4, 0) "}", "not [begin, end]", 4 },
        { "{" T("a", "Q4_K", "[2]", 0, 4) "}", "Q4_K is not known", 4 },
        { "{" T("a", "BF16", "[-1]", 0, 4) "}", "dimension 0", 4 },
        { "{" T("a", "BF16", "[1.5]", 0, 4) "}", "dimension 0", 4 },
        { "{" T("a", "BF16", "2", 0, 4) "}", "no \"shape\"", 4 },
        { "{" T("a", "BF16", "[1,1,1,1,1,1,2]", 0, 4) "}", "7 dimensions", 4 },
        { "{" T("a", "U8", "[4294967296, 4294967296]", 0, 0) "}", "can count", 0 },
        { "{" T("a", "F64", "[1152921504606846976]", 0, 0) "}", "can count", 0 },
        { "{" T("a", "F4", "[3]", 0, 2) "}", "do not end at a byte", 2 },
        { "{\"a\": {\"dtype\": \"BF16\", \"shape\": [2]}}", "data_offsets", 4 },
        { "{\"a\": {\"dtype\": \"BF16\", \"shape\": [2], \"data_offsets\": [0, 4, 8]}}", "data_offsets", 4 },
        { "{\"a\": {\"dtype\": \"BF16\", \"shape\": [2], \"data_offsets\": [0, 99999999999999999999]}}", "x.safetensors", 4 },
        { "{\"a\": {\"shape\": [2], \"data_offsets\": [0, 4]}}", "(none)", 4 },
        { "{" T("\\u001b[2J", "BF16", "[2]", 0, 5) "}", "\\x1b", 5 },                                                 /* a name that would clear the screen */
    };
    for (size_t i = 0; i < BT_LEN(cases); i++) {
        bt_auto_arena a = { 0 };
        struct bt_err err = { 0 };
        struct bt_tensor *t;
        size_t n;
        if (header(&a, cases[i].json, cases[i].data, &t, &n, &err) == 0)
            fail_msg("accepted: %s", cases[i].json);
        if (!strstr(err.msg, cases[i].says) || !strstr(err.msg, "x.safetensors") || strchr(err.msg, '\x1b'))
            fail_msg("%s: says \"%s\", want \"%s\"", cases[i].json, err.msg, cases[i].says);
        assert_int_equal(err.code, BT_E_INPUT);
    }
}

static void dtypes_round_trip(void **st)
{
    (void)st;
    for (int d = BT_DT_UNKNOWN + 1; d < BT_DT__N; d++) {
        assert_int_equal(bt_dtype_parse(bt_dtype_name((enum bt_dtype)d)), d);
        assert_true(bt_dtype_bits((enum bt_dtype)d) >= 4);
    }
    assert_int_equal(bt_dtype_parse("bfloat16"), BT_DT_BF16);
    assert_int_equal(bt_dtype_parse("torch.float16"), BT_DT_F16);
    assert_int_equal(bt_dtype_parse("float"), BT_DT_F32);
    assert_int_equal(bt_dtype_parse("float33"), BT_DT_UNKNOWN);
    assert_int_equal(bt_dtype_parse(""), BT_DT_UNKNOWN);
    assert_int_equal(bt_dtype_parse(NULL), BT_DT_UNKNOWN);
    assert_int_equal(bt_dtype_bits(BT_DT_UNKNOWN), 0);
}

static void places(void **st)
{
    (void)st;
    static const struct { const char *name; int layer; enum bt_tensor_role role; bool bias; } cases[] = {
        { "model.embed_tokens.weight", -1, BT_T_EMBED }, { "lm_head.weight", -1, BT_T_LM_HEAD }, { "model.norm.weight", -1, BT_T_NORM },
        { "model.layers.0.self_attn.q_proj.weight", 0, BT_T_Q }, { "model.layers.12.self_attn.k_proj.bias", 12, BT_T_K, true },
        { "model.layers.7.self_attn.v_proj.weight", 7, BT_T_V }, { "model.layers.7.self_attn.o_proj.weight", 7, BT_T_O },
        { "model.layers.7.self_attn.q_norm.weight", 7, BT_T_QK_NORM }, { "model.layers.7.mlp.gate_proj.weight", 7, BT_T_GATE },
        { "model.layers.7.mlp.up_proj.weight", 7, BT_T_UP }, { "model.layers.7.mlp.down_proj.weight", 7, BT_T_DOWN },
        { "model.layers.7.self_attn.qkv_proj.weight", 7, BT_T_QKV }, { "model.layers.7.mlp.gate_up_proj.weight", 7, BT_T_GATE_UP },
        { "model.layers.7.input_layernorm.weight", 7, BT_T_NORM }, { "model.layers.7.mlp.down_proj.qweight", 7, BT_T_DOWN },
        { "language_model.model.layers.3.self_attn.q_proj.weight", 3, BT_T_Q },
        { "vision_tower.vision_model.encoder.layers.3.self_attn.q_proj.weight", -1, BT_T_TOWER_NORM },      /* no shape here: a vector */
        { "model.layers.3.mlp.experts.5.up_proj.weight", 3, BT_T_EXPERT_IN }, { "model.layers.3.mlp.experts.5.down_proj.weight_scale_inv", 3, BT_T_EXPERT_OUT },
        { "model.layers.3.block_sparse_moe.experts.0.w2.weight", 3, BT_T_EXPERT_OUT }, { "model.layers.3.block_sparse_moe.gate.weight", 3, BT_T_ROUTER },
        { "model.layers.9.mlp.experts.gate_up_proj_blocks", 9, BT_T_EXPERT_IN }, { "model.layers.9.mlp.experts.down_proj_bias", 9, BT_T_EXPERT_OUT, true },
        { "model.layers.4.mlp.shared_experts.gate_proj.weight", 4, BT_T_SHARED_IN }, { "model.layers.4.mlp.shared_expert.down_proj.weight", 4, BT_T_SHARED_OUT },
        { "model.layers.4.self_attn.kv_a_proj_with_mqa.weight", 4, BT_T_LATENT_A }, { "model.layers.4.self_attn.kv_b_proj.weight", 4, BT_T_LATENT_B },
        { "model.layers.4.linear_attn.out_proj.weight", 4, BT_T_STATE_OUT }, { "model.layers.4.linear_attn.A_log", 4, BT_T_STATE },
        { "backbone.layers.4.mixer.in_proj.weight", 4, BT_T_STATE_IN }, { "model.layers.4.mlp.gate.e_score_correction_bias", 4, BT_T_ROUTER, true },
        { "model.layers.99999999999999.mlp.up_proj.weight", -1, BT_T_UP }, { "model.layers.x.mlp.up_proj.weight", -1, BT_T_UP },
        { "transformer.blocks.3.attn.Wqkv.weight", 3, BT_T_QKV }, { "blocks.3.ffn.up_proj.weight", 3, BT_T_UP }, { "sam_model.blocks.30.mlp.up_proj.weight", -1, BT_T_UP },
        { "", -1, BT_T_OTHER }, { ".", -1, BT_T_OTHER }, { "weight", -1, BT_T_OTHER }, { "layers", -1, BT_T_OTHER },
    };
    for (size_t i = 0; i < BT_LEN(cases); i++) {
        struct bt_tensor_place p = bt_tensor_place(&(struct bt_tensor){ .name = cases[i].name });
        if (p.layer != cases[i].layer || p.role != cases[i].role || p.bias != cases[i].bias)
            fail_msg("%s: layer %d role %d bias %d", cases[i].name, p.layer, p.role, p.bias);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_header), cmocka_unit_test(each_lie_is_named), cmocka_unit_test(dtypes_round_trip), cmocka_unit_test(places),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

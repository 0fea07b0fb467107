/* tensor.c - element types and what a tensor's name says about its place. */
#include <ctype.h>
#include "model/model_int.h"

static const struct { const char *name; unsigned bits; const char *also[4]; } dtypes[BT_DT__N] = {
    [BT_DT_F64] = { "F64", 64, { "float64", "double" } },
    [BT_DT_F32] = { "F32", 32, { "float32", "float" } },
    [BT_DT_BF16] = { "BF16", 16, { "bfloat16" } },
    [BT_DT_F16] = { "F16", 16, { "float16", "half", "fp16" } },
    [BT_DT_F8_E4M3] = { "F8_E4M3", 8, { "float8_e4m3fn", "fp8_e4m3", "fp8" } },
    [BT_DT_F8_E5M2] = { "F8_E5M2", 8, { "float8_e5m2", "fp8_e5m2" } },
    [BT_DT_I64] = { "I64", 64, { "int64" } },
    [BT_DT_I32] = { "I32", 32, { "int32" } },
    [BT_DT_I16] = { "I16", 16, { "int16" } },
    [BT_DT_I8] = { "I8", 8, { "int8" } },
    [BT_DT_U64] = { "U64", 64, { "uint64" } },
    [BT_DT_U32] = { "U32", 32, { "uint32" } },
    [BT_DT_U16] = { "U16", 16, { "uint16" } },
    [BT_DT_U8] = { "U8", 8, { "uint8" } },
    [BT_DT_BOOL] = { "BOOL", 8, { "bool" } },
    [BT_DT_F8_E8M0] = { "F8_E8M0", 8, { "float8_e8m0fnu" } },
    [BT_DT_F4] = { "F4", 4, { "float4_e2m1fn_x2" } },
};

const char *bt_dtype_name(enum bt_dtype d)
{
    return d > BT_DT_UNKNOWN && d < BT_DT__N ? dtypes[d].name : "unknown";
}

unsigned bt_dtype_bits(enum bt_dtype d)
{
    return d > BT_DT_UNKNOWN && d < BT_DT__N ? dtypes[d].bits : 0;
}

enum bt_dtype bt_dtype_parse(const char *name)
{
    if (!name)
        return BT_DT_UNKNOWN;
    if (!strncmp(name, "torch.", 6))
        name += 6;
    for (int d = BT_DT_UNKNOWN + 1; d < BT_DT__N; d++) {
        if (!strcasecmp(name, dtypes[d].name))
            return (enum bt_dtype)d;
        for (size_t k = 0; k < BT_LEN(dtypes[d].also) && dtypes[d].also[k]; k++)
            if (!strcmp(name, dtypes[d].also[k]))
                return (enum bt_dtype)d;
    }
    return BT_DT_UNKNOWN;
}

/* ---- place: "model.layers.12.self_attn.q_proj.weight" ---- */

static const struct { const char *module; enum bt_tensor_role role; } modules[] = {
    { "embed_tokens", BT_T_EMBED }, { "lm_head", BT_T_LM_HEAD },
    { "q_proj", BT_T_Q }, { "k_proj", BT_T_K }, { "v_proj", BT_T_V }, { "qkv_proj", BT_T_QKV }, { "o_proj", BT_T_O },
    { "gate_proj", BT_T_GATE }, { "up_proj", BT_T_UP }, { "gate_up_proj", BT_T_GATE_UP }, { "down_proj", BT_T_DOWN },
    { "q_norm", BT_T_QK_NORM }, { "k_norm", BT_T_QK_NORM },
    { "norm", BT_T_NORM }, { "input_layernorm", BT_T_NORM }, { "post_attention_layernorm", BT_T_NORM },
    { "pre_feedforward_layernorm", BT_T_NORM }, { "post_feedforward_layernorm", BT_T_NORM },
};

/* Towers beside the language model number their layers too, and experts are not the dense MLP: neither is placed. */
static bool elsewhere(struct bt_str part)
{
    static const char *const words[] = { "vision", "visual", "audio", "encoder", "multi_modal", "experts" };
    for (size_t i = 0; i < BT_LEN(words); i++)
        if (bt_str_starts(part, words[i]))
            return true;
    return false;
}

static int layer_number(struct bt_str part)
{
    int n = 0;
    for (size_t i = 0; i < part.n; i++) {
        if (!isdigit((unsigned char)part.p[i]) || n > 100000)
            return -1;
        n = n * 10 + (part.p[i] - '0');
    }
    return part.n ? n : -1;
}

struct bt_tensor_place bt_tensor_place(const struct bt_tensor *t)
{
    struct bt_tensor_place none = { -1, BT_T_OTHER, false }, place = none;
    struct bt_str rest = bt_str(t->name), part, module = { 0 }, last = { 0 };
    bool after_layers = false;
    while (rest.n) {
        rest = bt_str_cut(rest, '.', &part);
        if (elsewhere(part))
            return none;
        if (after_layers && place.layer < 0)
            place.layer = layer_number(part);
        after_layers = bt_str_eq(part, "layers");
        module = last;
        last = part;
    }
    for (size_t i = 0; i < BT_LEN(modules); i++)
        if (bt_str_eq(module, modules[i].module))
            place.role = modules[i].role;
    place.bias = bt_str_eq(last, "bias");
    return place;
}

/* gguf_type.c - ggml's element types: elements and bytes of a block (ggml 0.25 ggml-common.h; sizes printed by the compiler). */
#include "model/gguf.h"

static const struct bt_ggml_type types[] = {
    { "F32", 0, 1, 4, BT_DT_F32 }, { "F16", 1, 1, 2, BT_DT_F16 },
    { "Q4_0", 2, 32, 18, 0 }, { "Q4_1", 3, 32, 20, 0 }, { "Q5_0", 6, 32, 22, 0 }, { "Q5_1", 7, 32, 24, 0 }, { "Q8_0", 8, 32, 34, 0 }, { "Q8_1", 9, 32, 36, 0 },
    { "Q2_K", 10, 256, 84, 0 }, { "Q3_K", 11, 256, 110, 0 }, { "Q4_K", 12, 256, 144, 0 }, { "Q5_K", 13, 256, 176, 0 }, { "Q6_K", 14, 256, 210, 0 },
    { "Q8_K", 15, 256, 292, 0 },
    { "IQ2_XXS", 16, 256, 66, 0 }, { "IQ2_XS", 17, 256, 74, 0 }, { "IQ3_XXS", 18, 256, 98, 0 }, { "IQ1_S", 19, 256, 50, 0 }, { "IQ4_NL", 20, 32, 18, 0 },
    { "IQ3_S", 21, 256, 110, 0 }, { "IQ2_S", 22, 256, 82, 0 }, { "IQ4_XS", 23, 256, 136, 0 },
    { "I8", 24, 1, 1, BT_DT_I8 }, { "I16", 25, 1, 2, BT_DT_I16 }, { "I32", 26, 1, 4, BT_DT_I32 }, { "I64", 27, 1, 8, BT_DT_I64 }, { "F64", 28, 1, 8, BT_DT_F64 },
    { "IQ1_M", 29, 256, 56, 0 }, { "BF16", 30, 1, 2, BT_DT_BF16 }, { "TQ1_0", 34, 256, 54, 0 }, { "TQ2_0", 35, 256, 66, 0 },
    { "MXFP4", 39, 32, 17, 0 }, { "NVFP4", 40, 64, 36, 0 }, { "Q1_0", 41, 128, 18, 0 }, { "Q2_0", 42, 64, 18, 0 },
};

size_t bt_ggml_types(const struct bt_ggml_type **out)
{
    *out = types;
    return BT_LEN(types);
}

const struct bt_ggml_type *bt_ggml_type(uint32_t id)
{
    for (size_t i = 0; i < BT_LEN(types); i++)
        if (types[i].id == id)
            return &types[i];
    return NULL;
}

const struct bt_ggml_type *bt_ggml_type_named(const char *name)
{
    for (size_t i = 0; name && i < BT_LEN(types); i++)
        if (!strcasecmp(types[i].name, name))
            return &types[i];
    return NULL;
}

bool bt_ggml_row_bytes(const struct bt_ggml_type *t, uint64_t elements, uint64_t *out)
{
    return elements % t->block == 0 && bt_mul_u64(elements / t->block, t->bytes, out);
}

/* ---- Q4_K_M of a model (llama.cpp src/llama-quant.cpp, llama_tensor_get_type) ---- */

bool bt_gguf_is_plain(const char *type)
{
    return !strcmp(type, "F32") || !strcmp(type, "F16") || !strcmp(type, "BF16");
}

bool bt_gguf_more_bits(uint32_t layer, uint32_t layers)
{
    return layer < layers / 8 || layer >= 7 * layers / 8 || (layer - layers / 8) % 3 == 2;
}

static const struct bt_ggml_type *type_in_q4(const struct bt_model *m, const struct bt_tensor *t)
{
    uint32_t layer;
    enum bt_gguf_place at = bt_gguf_tensor_place(t, &layer);
    bool richer = strstr(t->name, ".attn_v.") || strstr(t->name, ".ffn_down"), output = at == BT_GGUF_OUTPUT || (at == BT_GGUF_INPUT && !m->gguf->own_output);
    if (t->rank < 2 || strstr(t->name, "_norm") || strstr(t->name, "ffn_gate_inp") || strstr(t->name, "ssm_conv1d") || !bt_str_ends(bt_str(t->name), ".weight"))
        return t->ggml;
    if (t->shape[t->rank - 1] % 256)
        return t->shape[t->rank - 1] % 32 ? t->ggml : bt_ggml_type_named("Q5_0");
    return bt_ggml_type_named(output || (richer && bt_gguf_more_bits(layer, m->gguf->layers)) ? "Q6_K" : "Q4_K");
}

const struct bt_model *bt_gguf_as_q4(struct bt_arena *a, const struct bt_model *m)
{
    if (!m->gguf || !m->ntensors)
        return NULL;
    struct bt_model *as = BT_NEW(a, struct bt_model);
    struct bt_gguf *g = BT_NEW(a, struct bt_gguf);
    *as = *m;
    *g = *m->gguf;
    g->main_type = "Q4_K";
    as->gguf = g;
    as->quantization = "Q4_K";
    as->tensors = BT_NEWN(a, struct bt_tensor, m->ntensors);
    as->weight_bytes = 0;
    for (size_t i = 0; i < m->ntensors; i++) {
        struct bt_tensor *t = &as->tensors[i];
        uint64_t rows = 1, row;
        *t = m->tensors[i];
        const struct bt_ggml_type *type = type_in_q4(m, t);
        for (unsigned d = 0; d + 1 < t->rank; d++)
            if (!bt_mul_u64(rows, t->shape[d], &rows))
                return NULL;
        if (type && type != t->ggml && bt_ggml_row_bytes(type, t->rank ? t->shape[t->rank - 1] : 0, &row) && bt_mul_u64(rows, row, &row) && row < t->bytes) {
            t->ggml = type;
            t->bytes = row;
            t->dtype = type->plain;
        }
        as->weight_bytes += t->bytes;                /* no more than the model's, which was added up */
    }
    return as->weight_bytes < m->weight_bytes / 10 * 9 ? as : NULL;
}

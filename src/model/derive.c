/* derive.c - the tensors that a dense decoder's config implies, named and shaped as its checkpoints are. */
#include "model/model_int.h"

enum dim { D_NONE, D_HIDDEN, D_INTERMEDIATE, D_Q, D_KV, D_HEAD, D_VOCAB };
enum when { ALWAYS, IF_QKV_BIAS, IF_O_BIAS, IF_MLP_BIAS, IF_QK_NORM, IF_UNTIED };

struct piece { const char *name; enum dim rows, cols; enum when when; };
static const struct piece front[] = { { "model.embed_tokens.weight", D_VOCAB, D_HIDDEN, ALWAYS } };
static const struct piece each_layer[] = {
    { "self_attn.q_proj.weight", D_Q, D_HIDDEN, ALWAYS }, { "self_attn.q_proj.bias", D_Q, D_NONE, IF_QKV_BIAS },
    { "self_attn.k_proj.weight", D_KV, D_HIDDEN, ALWAYS }, { "self_attn.k_proj.bias", D_KV, D_NONE, IF_QKV_BIAS },
    { "self_attn.v_proj.weight", D_KV, D_HIDDEN, ALWAYS }, { "self_attn.v_proj.bias", D_KV, D_NONE, IF_QKV_BIAS },
    { "self_attn.o_proj.weight", D_HIDDEN, D_Q, ALWAYS }, { "self_attn.o_proj.bias", D_HIDDEN, D_NONE, IF_O_BIAS },
    { "self_attn.q_norm.weight", D_HEAD, D_NONE, IF_QK_NORM }, { "self_attn.k_norm.weight", D_HEAD, D_NONE, IF_QK_NORM },
    { "mlp.gate_proj.weight", D_INTERMEDIATE, D_HIDDEN, ALWAYS }, { "mlp.gate_proj.bias", D_INTERMEDIATE, D_NONE, IF_MLP_BIAS },
    { "mlp.up_proj.weight", D_INTERMEDIATE, D_HIDDEN, ALWAYS }, { "mlp.up_proj.bias", D_INTERMEDIATE, D_NONE, IF_MLP_BIAS },
    { "mlp.down_proj.weight", D_HIDDEN, D_INTERMEDIATE, ALWAYS }, { "mlp.down_proj.bias", D_HIDDEN, D_NONE, IF_MLP_BIAS },
    { "input_layernorm.weight", D_HIDDEN, D_NONE, ALWAYS }, { "post_attention_layernorm.weight", D_HIDDEN, D_NONE, ALWAYS },
};
static const struct piece back[] = {
    { "model.norm.weight", D_HIDDEN, D_NONE, ALWAYS },
    { "lm_head.weight", D_VOCAB, D_HIDDEN, IF_UNTIED },
};

static bool present(const struct bt_model *m, enum when when)
{
    switch (when) {
    case ALWAYS: return true;
    case IF_QKV_BIAS: return m->qkv_bias;
    case IF_O_BIAS: return m->o_bias;
    case IF_MLP_BIAS: return m->mlp_bias;
    case IF_QK_NORM: return m->qk_norm;
    case IF_UNTIED: return !m->tied;
    }
    return false;
}

static uint64_t extent(const struct bt_model *m, enum dim d)
{
    switch (d) {
    case D_NONE: return 1;
    case D_HIDDEN: return m->hidden;
    case D_INTERMEDIATE: return m->intermediate;
    case D_Q: return (uint64_t)m->heads * m->head_dim;
    case D_KV: return (uint64_t)m->kv_heads * m->head_dim;
    case D_HEAD: return m->head_dim;
    case D_VOCAB: return m->vocab;
    }
    return 1;
}

static int add_piece(struct bt_model *m, const struct piece *p, const char *name, enum bt_dtype dtype, struct bt_err *err)
{
    struct bt_tensor t = { .name = name, .dtype = dtype, .rank = p->cols == D_NONE ? 1 : 2, .shape = { extent(m, p->rows), extent(m, p->cols) } };
    if (!bt_mul_u64(t.shape[0], t.shape[1], &t.bytes) || !bt_mul_u64(t.bytes, bt_dtype_bits(dtype) / 8, &t.bytes))
        return bt_err_set(err, BT_E_INPUT, 0, "%s: more bytes than a machine can count", name);
    if (p->cols == D_NONE)
        t.shape[1] = 0;
    m->tensors[m->ntensors++] = t;
    return 0;
}

static int add_pieces(struct bt_arena *a, struct bt_model *m, const struct piece *p, size_t n, int layer, enum bt_dtype dtype, struct bt_err *err)
{
    for (size_t i = 0; i < n; i++) {
        if (!present(m, p[i].when))
            continue;
        const char *name = layer < 0 ? p[i].name : bt_arena_printf(a, "model.layers.%d.%s", layer, p[i].name);
        if (add_piece(m, &p[i], name, dtype, err) < 0)
            return -1;
    }
    return 0;
}

int bt_model_derive(struct bt_arena *a, struct bt_model *m, struct bt_err *err)
{
    if (!bt_model_architecture_known(m->architecture)) {
        m->tensors_why = bt_arena_printf(a, "the tensors of architecture %s are not known without its weight files", m->architecture);
        return 0;
    }
    if (m->quantization) {
        m->tensors_why = bt_arena_printf(a, "weights quantised with %s are known only from their files, which are not here", m->quantization);
        return 0;
    }
    /* Engines that find no dtype take 16 bits on any card that has them; so do we, rather than the float32 that an empty key formally means. */
    if (m->dtype == BT_DT_UNKNOWN)
        m->dtype = BT_DT_BF16;
    if (bt_dtype_bits(m->dtype) < 8)
        return bt_err_set(err, BT_E_INPUT, 0, "unquantised weights of type %s", bt_dtype_name(m->dtype));
    m->tensors = BT_NEWN(a, struct bt_tensor, BT_LEN(front) + BT_LEN(back) + m->layers * BT_LEN(each_layer));
    m->ntensors = 0;
    if (add_pieces(a, m, front, BT_LEN(front), -1, m->dtype, err) < 0)
        return -1;
    for (uint32_t i = 0; i < m->layers; i++)
        if (add_pieces(a, m, each_layer, BT_LEN(each_layer), (int)i, m->dtype, err) < 0)
            return -1;
    if (add_pieces(a, m, back, BT_LEN(back), -1, m->dtype, err) < 0)
        return -1;
    return bt_model_sum(m, err);
}

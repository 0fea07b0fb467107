/* derive.c - the tensors that a config implies, named and shaped as checkpoints are; quantised ones with their scales. */
#include "model/derive.h"

int bt_tensors_add(struct bt_tensors *l, const char *name, enum bt_dtype dtype, unsigned rank, const uint64_t *shape, struct bt_err *err)
{
    struct bt_tensor t = { .name = name, .dtype = dtype, .rank = (uint8_t)rank, .bytes = 1 };
    for (unsigned i = 0; i < rank; i++) {
        t.shape[i] = shape[i];
        if (!bt_mul_u64(t.bytes, shape[i], &t.bytes))
            return bt_err_set(err, BT_E_INPUT, 0, "%s: more bytes than a machine can count", name);
    }
    if (!bt_mul_u64(t.bytes, bt_dtype_bits(dtype) / 8, &t.bytes))
        return bt_err_set(err, BT_E_INPUT, 0, "%s: more bytes than a machine can count", name);
    BT_PUSH(l->arena, l->t, l->n, t);
    return 0;
}

int bt_derive_add_as(struct bt_tensors *l, const char *module, const char *ending, enum bt_dtype dtype, uint64_t experts, uint64_t rows, uint64_t cols, struct bt_err *err)
{
    const char *name = bt_arena_printf(l->arena, "%s%s", module, ending);
    if (experts)
        return bt_tensors_add(l, name, dtype, cols ? 3 : 2, (uint64_t[]){ experts, rows, cols }, err);
    return bt_tensors_add(l, name, dtype, cols ? 2 : 1, (uint64_t[]){ rows, cols }, err);
}

/* Weight and scales of one quantised linear layer: rows outputs, cols inputs. */
static int add_quantised(struct bt_tensors *l, const struct bt_quant *q, const char *module, uint64_t e, uint64_t rows, uint64_t cols, struct bt_err *err)
{
    uint64_t groups = q->group ? (cols + q->group - 1) / q->group : 1, side = q->block;
    switch (q->kind) {
    case BT_QUANT_FP8: case BT_QUANT_INT8:
        if (bt_derive_add_as(l, module, ".weight", q->kind == BT_QUANT_FP8 ? BT_DT_F8_E4M3 : BT_DT_I8, e, rows, cols, err) < 0)
            return -1;
        if (side)
            return bt_derive_add_as(l, module, ".weight_scale_inv", BT_DT_F32, e, (rows + side - 1) / side, (cols + side - 1) / side, err);
        return bt_derive_add_as(l, module, ".weight_scale", q->kind == BT_QUANT_FP8 ? BT_DT_F32 : BT_DT_BF16, e, rows, 1, err);
    case BT_QUANT_INT4:
        if (bt_derive_add_as(l, module, ".qweight", BT_DT_U8, e, rows, (cols + 1) / 2, err) < 0 || bt_derive_add_as(l, module, ".scales", BT_DT_F16, e, rows, groups, err) < 0)
            return -1;
        return q->zeros ? bt_derive_add_as(l, module, ".qzeros", BT_DT_U8, e, (rows + 1) / 2, groups, err) : 0;
    case BT_QUANT_NF4:               /* absmax of each 64 numbers in 8 bits, and of each 256 of those in 32: as bitsandbytes nests them */
        return bt_derive_add_as(l, module, ".weight", BT_DT_U8, e, rows, (cols + 1) / 2, err) < 0 ? -1 : bt_derive_add_as(l, module, ".absmax", BT_DT_U8, e, rows, groups, err);
    case BT_QUANT_MXFP4: case BT_QUANT_NVFP4:
        if (bt_derive_add_as(l, module, q->kind == BT_QUANT_MXFP4 ? "_blocks" : ".weight", BT_DT_U8, e, rows, (cols + 1) / 2, err) < 0)
            return -1;
        return bt_derive_add_as(l, module, q->kind == BT_QUANT_MXFP4 ? "_scales" : ".weight_scale", BT_DT_F8_E4M3, e, rows, groups, err);
    case BT_QUANT_NONE: case BT_QUANT_UNKNOWN: break;
    }
    return bt_derive_add_as(l, module, ".weight", l->dtype, e, rows, cols, err);
}

int bt_derive_add(struct bt_tensors *l, int layer, struct bt_piece p, struct bt_err *err)
{
    const char *module = layer < 0 ? p.name : bt_arena_printf(l->arena, "model.layers.%d.%s", layer, p.name);
    if (p.linear && (p.expert || !l->m->quant.experts_only) && bt_model_quantised(l->m, module)) {
        size_t before = l->n;
        struct bt_quant q = l->m->quant;
        if (q.mixed) {
            q.kind = bt_model_quant_of(l->m, module);
            q.group = q.kind == BT_QUANT_NVFP4 ? 16 : q.kind == BT_QUANT_MXFP4 ? 32 : 0;
        }
        if (p.expert && q.experts != BT_QUANT_NONE)
            q = (struct bt_quant){ .kind = q.experts, .group = q.experts == BT_QUANT_NVFP4 ? 16 : 32 };
        if (add_quantised(l, &q, module, p.experts, p.rows, p.cols, err) < 0)
            return -1;
        for (size_t i = before; i < l->n; i++)       /* no product of a shape overflows: bytes were checked */
            l->packed += l->t[i].bytes / (bt_dtype_bits(l->t[i].dtype) / 8);
        l->unpacked += p.rows * p.cols * (p.experts ? p.experts : 1);
        return 0;
    }
    return bt_derive_add_as(l, module, ".weight", l->dtype, p.experts, p.rows, p.cols, err);
}

static int add_bias(struct bt_tensors *l, int layer, const char *module, uint64_t experts, uint64_t rows, struct bt_err *err)
{
    return bt_derive_add_as(l, bt_arena_printf(l->arena, "model.layers.%d.%s", layer, module), experts ? "_bias" : ".bias", l->dtype, experts, rows, 0, err);
}

#define BIAS(when, ...) do { if ((when) && add_bias(l, i, __VA_ARGS__, err) < 0) return -1; } while (0)

static int heads_attention(struct bt_tensors *l, int i, const struct bt_layer *y, struct bt_err *err)
{
    const struct bt_model *m = l->m;
    uint64_t q = (uint64_t)y->heads * y->head_dim, kv = (uint64_t)y->kv_heads * y->head_dim, h = m->hidden;
    if (m->q_shared) {               /* Step-3: all heads' queries come out of one narrow vector, whole on every rank (vLLM models/step3_text.py) */
        ADD(LINEAR("self_attn.q_a_proj", m->q_shared, h));
        ADD(PLAIN("self_attn.q_a_layernorm", m->q_shared, 0));
        ADD(LINEAR("self_attn.q_b_proj", q, m->q_shared));
    } else {
        ADD(LINEAR("self_attn.q_proj", m->attn_gate ? 2 * q : q, h));
        BIAS(m->qkv_bias, "self_attn.q_proj", 0, q);
    }
    ADD(LINEAR("self_attn.k_proj", kv, h));          /* layers that borrow KV have theirs all the same, in files and in engines */
    BIAS(m->qkv_bias, "self_attn.k_proj", 0, kv);
    if (!y->k_is_v) {
        ADD(LINEAR("self_attn.v_proj", kv, h));
        BIAS(m->qkv_bias, "self_attn.v_proj", 0, kv);
    }
    ADD(LINEAR("self_attn.o_proj", h, q));
    BIAS(m->o_bias, "self_attn.o_proj", 0, h);
    if (m->qk_norm) {
        ADD(PLAIN("self_attn.q_norm", m->qk_norm_whole ? q : y->head_dim, 0));
        ADD(PLAIN("self_attn.k_norm", m->qk_norm_whole ? kv : y->head_dim, 0));
    }
    return 0;
}

/* From a decoder's layer to what the encoder made: as wide as its own attention. */
static int cross_attention(struct bt_tensors *l, int i, const struct bt_layer *y, struct bt_err *err)
{
    uint64_t q = (uint64_t)y->heads * y->head_dim, h = l->m->hidden;
    ADD(LINEAR("cross_attn.q_proj", q, h));
    ADD(LINEAR("cross_attn.k_proj", q, h));
    ADD(LINEAR("cross_attn.v_proj", q, h));
    ADD(LINEAR("cross_attn.o_proj", h, q));
    ADD(PLAIN("cross_attn.norm", h, 0));
    return 0;
}

static int latent_attention(struct bt_tensors *l, int i, const struct bt_layer *y, struct bt_err *err)
{
    const struct bt_model *m = l->m;
    uint64_t h = m->hidden, q = (uint64_t)y->heads * (m->qk_nope + m->qk_rope);
    if (m->q_lora) {
        ADD(LINEAR("self_attn.q_a_proj", m->q_lora, h));
        ADD(PLAIN("self_attn.q_a_layernorm", m->q_lora, 0));
        ADD(LINEAR("self_attn.q_b_proj", q, m->q_lora));
    } else {
        ADD(LINEAR("self_attn.q_proj", q, h));
    }
    ADD(LINEAR("self_attn.kv_a_proj_with_mqa", y->latent, h));
    ADD(PLAIN("self_attn.kv_a_layernorm", m->kv_lora, 0));
    ADD(LINEAR("self_attn.kv_b_proj", (uint64_t)y->heads * (m->qk_nope + m->v_head), m->kv_lora));
    ADD(LINEAR("self_attn.o_proj", h, (uint64_t)y->heads * m->v_head));
    if (y->indexer) {                /* whole on every rank (vLLM models/deepseek_v2.py Indexer) */
        ADD(LINEAR("self_attn.indexer.wq_b", (uint64_t)m->index_heads * y->indexer, m->q_lora ? m->q_lora : h));
        ADD(LINEAR("self_attn.indexer.wk", y->indexer, h));
        ADD(PLAIN("self_attn.indexer.weights_proj", m->index_heads, h));
    }
    return 0;
}

/* A compressor's two projections stay in 16 bits, its place table in 32. Folding by 4 overlaps: twice as wide. */
static int compressor(struct bt_tensors *l, int i, const char *of, uint64_t ratio, uint64_t dim, struct bt_err *err)
{
    uint64_t width = (ratio == 4 ? 2 : 1) * dim;
    ADD(PLAIN(bt_arena_printf(l->arena, "%s.kv_gate", of), 2 * width, l->m->hidden));
    ADD(PLAIN(bt_arena_printf(l->arena, "%s.norm", of), dim, 0));
    return bt_derive_add_as(l, bt_arena_printf(l->arena, "model.layers.%d.%s", i, of), ".ape", BT_DT_F32, 0, ratio, width, err);
}

/* DeepSeek-V4 (vLLM models/deepseek_v4/attention.py). */
static int compressed_attention(struct bt_tensors *l, int i, const struct bt_layer *y, struct bt_err *err)
{
    const struct bt_model *m = l->m;
    const struct bt_compressed *x = m->compressed;
    uint64_t h = m->hidden, q = (uint64_t)y->heads * m->head_dim, mix = (2ull + x->streams) * x->streams;
    ADD(LINEAR("self_attn.q_a_proj", m->q_lora, h));
    ADD(LINEAR("self_attn.kv_a_proj_with_mqa", m->head_dim, h));
    ADD(PLAIN("self_attn.q_a_layernorm", m->q_lora, 0));
    ADD(PLAIN("self_attn.kv_a_layernorm", m->head_dim, 0));
    ADD(LINEAR("self_attn.q_b_proj", q, m->q_lora));
    ADD(LINEAR("self_attn.o_a_proj", (uint64_t)x->o_groups * x->o_rank, q / x->o_groups));
    ADD(LINEAR("self_attn.o_proj", h, (uint64_t)x->o_groups * x->o_rank));
    if (y->compress > 1 && compressor(l, i, "self_attn.compressor", y->compress, m->head_dim, err) < 0)
        return -1;
    if (y->compress == 4) {
        ADD(LINEAR("self_attn.indexer.queries", (uint64_t)x->index_heads * x->index_dim, m->q_lora));
        ADD(PLAIN("self_attn.indexer.weights_proj", x->index_heads, h));
        if (compressor(l, i, "self_attn.indexer.compressor", y->compress, x->index_dim, err) < 0)
            return -1;
    }
    for (int k = 0; k < 2; k++)      /* how the residual streams are mixed, before attention and before the experts */
        if (bt_derive_add_as(l, bt_arena_printf(l->arena, "model.layers.%d.streams.%d", i, k), ".fn", BT_DT_F32, 0, mix, (uint64_t)x->streams * h, err) < 0)
            return -1;
    if ((uint32_t)i < x->hash_layers && y->moe)
        return bt_derive_add_as(l, bt_arena_printf(l->arena, "model.layers.%d.tokens", i), ".experts_of", BT_DT_I32, 0, m->vocab, y->moe->active, err);
    return 0;
}

static int dense_mlp(struct bt_tensors *l, int i, uint64_t inter, struct bt_err *err)
{
    const struct bt_model *m = l->m;
    if (!m->plain_mlp) {
        ADD(LINEAR("mlp.gate_proj", inter, m->hidden));
        BIAS(m->mlp_bias, "mlp.gate_proj", 0, inter);
    }
    ADD(LINEAR("mlp.up_proj", inter, m->hidden));
    BIAS(m->mlp_bias, "mlp.up_proj", 0, inter);
    ADD(LINEAR("mlp.down_proj", m->hidden, inter));
    BIAS(m->mlp_bias || (m->bert && m->bert->down_bias), "mlp.down_proj", 0, m->hidden);
    return 0;
}

/* at: what the experts are a part of. Where an MLP stands beside them (Gemma 4) lists of modules mean that by "mlp". */
static int experts_mlp(struct bt_tensors *l, int i, const char *at, const struct bt_moe *x, struct bt_err *err)
{
    const struct bt_model *m = l->m;
    uint64_t in = (x->plain ? 1 : 2) * (uint64_t)x->intermediate, width = x->latent ? x->latent : m->hidden;
    const char *in_name = bt_arena_printf(l->arena, "%s.experts.gate_up_proj", at), *out_name = bt_arena_printf(l->arena, "%s.experts.down_proj", at);
    ADD(PLAIN("mlp.gate", x->experts, m->hidden));
    if (x->latent) {
        ADD(LINEAR("mlp.fc1_latent_proj", width, m->hidden));
        ADD(LINEAR("mlp.fc2_latent_proj", m->hidden, width));
    }
    ADD((struct bt_piece){ in_name, x->experts, in, width, true, true });
    BIAS(x->bias, in_name, x->experts, in);
    ADD((struct bt_piece){ out_name, x->experts, width, x->intermediate, true, true });
    BIAS(x->bias, out_name, x->experts, m->hidden);
    if (x->shared_intermediate) {
        ADD(LINEAR("mlp.shared_expert.gate_up_proj", (x->plain ? 1 : 2) * (uint64_t)x->shared_intermediate, m->hidden));
        ADD(LINEAR("mlp.shared_expert.down_proj", m->hidden, x->shared_intermediate));
        if (x->shared_gate)
            ADD(PLAIN("mlp.shared_expert_gate", 1, m->hidden));
    }
    return 0;
}

/* Gemma 3n keeps four streams of hidden states, and a low-rank path beside attention (transformers models/gemma3n). */
static int altup(struct bt_tensors *l, int i, struct bt_err *err)
{
    const struct bt_model *m = l->m;
    uint64_t n = m->altup, h = m->hidden;
    ADD(PLAIN("altup.correct_output_scale", h, 0));
    ADD(PLAIN("altup.correction_coefs", n, n));
    ADD(PLAIN("altup.prediction_coefs", n * n, n));
    ADD(PLAIN("altup.modality_router", n, h));
    ADD(PLAIN("altup.router_norm", h, 0));
    ADD(LINEAR("laurel.linear_left", m->laurel, h));
    ADD(LINEAR("laurel.linear_right", h, m->laurel));
    ADD(PLAIN("laurel.post_laurel_norm", h, 0));
    ADD(PLAIN("post_per_layer_input_norm", h, 0));
    return 0;
}

/* What a hybrid layer of Zamba2 adds to its state: adapters and a layer that hands on to it; and the block itself where it comes first. */
static int shared_block(struct bt_tensors *l, int i, const struct bt_layer *y, struct bt_err *err)
{
    const struct bt_shared_blocks *x = l->m->shared;
    uint64_t h = l->m->hidden, q = (uint64_t)y->heads * y->head_dim, inter = y->intermediate, turn = 0;
    for (int k = 0; k < i; k++)
        turn += l->m->layer[k].mixer != BT_MIX_STATE;
    ADD(PLAIN("linear", h, h));
    ADD(LINEAR("shared_transformer.feed_forward.gate_up_proj_adapter_list.0", x->rank, h));
    ADD(LINEAR("shared_transformer.feed_forward.gate_up_proj_adapter_list.1", 2 * inter, x->rank));
    for (int k = 0; x->attention_adapters && k < 3; k++) {
        const char *of = bt_arena_printf(l->arena, "shared_transformer.self_attn.linear_%c_adapter_list", "qkv"[k]);
        ADD(LINEAR(bt_arena_printf(l->arena, "%s.0", of), x->rank, 2 * h));
        ADD(LINEAR(bt_arena_printf(l->arena, "%s.1", of), q, x->rank));
    }
    if (turn >= x->blocks)
        return 0;
    ADD(LINEAR("shared_transformer.self_attn.q_proj", q, 2 * h));
    ADD(LINEAR("shared_transformer.self_attn.k_proj", q, 2 * h));
    ADD(LINEAR("shared_transformer.self_attn.v_proj", q, 2 * h));
    ADD(LINEAR("shared_transformer.self_attn.o_proj", h, q));
    ADD(LINEAR("shared_transformer.feed_forward.gate_up_proj", 2 * inter, h));
    ADD(LINEAR("shared_transformer.feed_forward.down_proj", h, inter));
    ADD(PLAIN("shared_transformer.input_layernorm", 2 * h, 0));
    ADD(PLAIN("shared_transformer.pre_ff_layernorm", h, 0));
    return 0;
}

static int layer_tensors(struct bt_tensors *l, int i, struct bt_err *err)
{
    static const char *const norms[] = { "input_layernorm", "post_attention_layernorm", "pre_feedforward_layernorm", "post_feedforward_layernorm" };
    const struct bt_model *m = l->m;
    const struct bt_layer *y = &m->layer[i];
    for (uint32_t k = m->bert && m->bert->first_bare && !i; k < BT_MIN(m->norms, BT_LEN(norms)); k++) {
        ADD(PLAIN(norms[k], m->hidden, 0));
        BIAS(m->bert && m->bert->norm_bias, norms[k], 0, m->hidden);
    }
    if (y->state && bt_derive_state(l, i, y->state, err) < 0)
        return -1;
    if (m->shared)
        return y->mixer == BT_MIX_STATE ? 0 : shared_block(l, i, y, err);
    if (y->compress ? compressed_attention(l, i, y, err) < 0 : y->mixer == BT_MIX_MLA ? latent_attention(l, i, y, err) < 0 : y->mixer != BT_MIX_STATE && y->mixer != BT_MIX_NONE && heads_attention(l, i, y, err) < 0)
        return -1;
    if (m->cross_tokens && cross_attention(l, i, y, err) < 0)
        return -1;
    if (m->layer_embedding) {        /* what the second embedding adds to each layer */
        ADD(LINEAR("per_layer_input_gate", m->layer_embedding, m->hidden));
        ADD(LINEAR("per_layer_projection", m->hidden, m->layer_embedding));
    }
    if (m->altup && altup(l, i, err) < 0)
        return -1;
    if (y->moe && experts_mlp(l, i, y->intermediate ? "moe" : "mlp", y->moe, err) < 0)
        return -1;
    return y->intermediate ? dense_mlp(l, i, y->intermediate, err) : 0;
}

static int ends(struct bt_tensors *l, struct bt_err *err)
{
    const struct bt_model *m = l->m;
    const int i = -1;
    if (m->bert)
        return bt_encoder_derive(l, err);
    ADD(PLAIN("model.embed_tokens", m->vocab, m->hidden));
    if (!m->rotary_tables && m->plain_mlp && m->layers && !m->layer[0].state)        /* learned positions: OPT, GPT-2 */
        ADD(PLAIN("model.embed_positions", m->max_position, m->hidden));
    if (m->layer_embedding) {
        ADD(PLAIN("model.embed_tokens_per_layer", m->layer_vocab ? m->layer_vocab : m->vocab, (uint64_t)m->layers * m->layer_embedding));
        ADD(LINEAR("model.per_layer_model_projection", (uint64_t)m->layers * m->layer_embedding, m->hidden));
    }
    for (uint32_t k = 1; k < m->altup; k++) {        /* into the streams and out of them */
        ADD(PLAIN(bt_arena_printf(l->arena, "model.altup_projections.%u", k - 1), m->hidden, m->hidden));
        ADD(PLAIN(bt_arena_printf(l->arena, "model.altup_unembed_projections.%u", k - 1), m->hidden, m->hidden));
    }
    ADD(PLAIN("model.norm", m->hidden, 0));
    if (m->pooling && bt_str_ends(bt_str(m->architecture), "RewardModel")) {         /* vLLM models/qwen2_rm.py */
        ADD(PLAIN("score.0", m->hidden, m->hidden));
        ADD(PLAIN("score.2", 1, m->hidden));
    }
    if (!m->tied && !m->pooling)
        ADD(m->quant.head ? LINEAR("lm_head", m->vocab, m->hidden) : PLAIN("lm_head", m->vocab, m->hidden));
    return 0;
}

int bt_model_derive(struct bt_arena *a, struct bt_model *m, struct bt_err *err)
{
    if (!m->layers || !m->hidden || !m->heads || !m->head_dim || !m->vocab || !m->layer) {
        m->tensors_why = bt_arena_printf(a, "the tensors of architecture %s are not known without its weight files", m->architecture);
        return 0;
    }
    if (m->quant.kind == BT_QUANT_UNKNOWN) {
        m->tensors_why = bt_arena_printf(a, "weights quantised with %s are known only from their files, which are not here", m->quantization);
        return 0;
    }
    /* Engines that find no dtype take 16 bits on any card that has them; so do we, rather than the float32 that an empty key formally means. */
    if (m->dtype == BT_DT_UNKNOWN)
        m->dtype = BT_DT_BF16;
    if (bt_dtype_bits(m->dtype) < 8)
        return bt_err_set(err, BT_E_INPUT, 0, "unquantised weights of type %s", bt_dtype_name(m->dtype));
    struct bt_tensors l = { .arena = a, .m = m, .dtype = m->dtype };
    if (ends(&l, err) < 0)
        return -1;
    for (uint32_t i = 0; i < m->layers; i++)
        if (layer_tensors(&l, (int)i, err) < 0)
            return -1;
    if (bt_tower_derive(&l, err) < 0)
        return -1;
    m->tensors = l.t;
    m->ntensors = l.n;
    if (bt_model_sum(m, err) < 0)
        return -1;
    m->parameters = m->parameters - l.packed + l.unpacked;
    return 0;
}

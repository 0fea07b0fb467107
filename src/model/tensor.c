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
    { "embed_tokens", BT_T_EMBED }, { "wte", BT_T_EMBED }, { "word_embeddings", BT_T_EMBED }, { "embeddings", BT_T_EMBED }, { "tok_embeddings", BT_T_EMBED },
    { "embed_tokens_per_layer", BT_T_EMBED },
    { "lm_head", BT_T_LM_HEAD }, { "embed_out", BT_T_LM_HEAD }, { "output_layer", BT_T_LM_HEAD },
    { "embed_positions", BT_T_POSITION }, { "wpe", BT_T_POSITION },
    { "q_proj", BT_T_Q }, { "k_proj", BT_T_K }, { "v_proj", BT_T_V }, { "qkv_proj", BT_T_QKV }, { "query_key_value", BT_T_QKV }, { "c_attn", BT_T_QKV }, { "Wqkv", BT_T_QKV },
    { "o_proj", BT_T_O }, { "out_proj", BT_T_O }, { "dense", BT_T_O }, { "wo", BT_T_O },
    { "gate_proj", BT_T_GATE }, { "up_proj", BT_T_UP }, { "fc1", BT_T_UP }, { "c_fc", BT_T_UP }, { "dense_h_to_4h", BT_T_UP },
    { "gate_up_proj", BT_T_GATE_UP }, { "input_linear", BT_T_SHARED_IN }, { "output_linear", BT_T_SHARED_OUT },
    { "down_proj", BT_T_DOWN }, { "fc2", BT_T_DOWN }, { "dense_4h_to_h", BT_T_DOWN },
    { "q_norm", BT_T_QK_NORM }, { "k_norm", BT_T_QK_NORM },
    { "norm", BT_T_NORM }, { "ln_f", BT_T_NORM }, { "final_layernorm", BT_T_NORM }, { "final_layer_norm", BT_T_NORM }, { "norm_f", BT_T_NORM },
    { "input_layernorm", BT_T_NORM }, { "post_attention_layernorm", BT_T_NORM }, { "pre_feedforward_layernorm", BT_T_NORM },
    { "post_feedforward_layernorm", BT_T_NORM }, { "self_attn_layer_norm", BT_T_NORM }, { "post_self_attn_layernorm", BT_T_NORM }, { "post_mlp_layernorm", BT_T_NORM },
    { "q_a_layernorm", BT_T_NORM }, { "kv_a_layernorm", BT_T_NORM },
    { "q_a_proj", BT_T_LATENT_A }, { "kv_a_proj_with_mqa", BT_T_LATENT_A }, { "kv_b_proj", BT_T_LATENT_B }, { "q_b_proj", BT_T_Q_B }, { "o_a_proj", BT_T_Q_B },
    { "router", BT_T_ROUTER }, { "gate", BT_T_ROUTER }, { "e_score_correction_bias", BT_T_ROUTER }, { "shared_expert_gate", BT_T_ROUTER },
    { "fc1_latent_proj", BT_T_LATENT_A }, { "fc2_latent_proj", BT_T_LATENT_A }, { "per_layer_input_gate", BT_T_LATENT_A }, { "per_layer_projection", BT_T_LATENT_A },
    { "per_layer_model_projection", BT_T_Q_B }, { "queries", BT_T_LATENT_A }, { "wq_b", BT_T_LATENT_A }, { "wk", BT_T_LATENT_A }, { "weights_proj", BT_T_ROUTER }, { "kv_gate", BT_T_ROUTER },
    { "in_proj", BT_T_STATE_IN }, { "in_proj_qkvz", BT_T_STATE_IN }, { "in_proj_ba", BT_T_STATE_IN }, { "in_proj_qkv", BT_T_STATE_IN }, { "in_proj_z", BT_T_STATE_IN },
    { "query", BT_T_Q }, { "key", BT_T_K }, { "value", BT_T_V }, { "Wo", BT_T_O }, { "Wi", BT_T_GATE_UP }, { "up_gate_proj", BT_T_GATE_UP }, { "fc11", BT_T_GATE }, { "fc12", BT_T_UP },
    { "LayerNorm", BT_T_NORM }, { "norm1", BT_T_NORM }, { "norm2", BT_T_NORM }, { "attn_norm", BT_T_NORM }, { "mlp_norm", BT_T_NORM }, { "attn_ln", BT_T_NORM }, { "mlp_ln", BT_T_NORM },
    { "emb_ln", BT_T_NORM }, { "position_embeddings", BT_T_POSITION }, { "token_type_embeddings", BT_T_POSITION },
    { "q_conv1d", BT_T_STATE }, { "k_conv1d", BT_T_STATE }, { "v_conv1d", BT_T_STATE }, { "f_a_proj", BT_T_LATENT_A }, { "g_a_proj", BT_T_LATENT_A }, { "f_b_proj", BT_T_STATE_IN },
    { "g_b_proj", BT_T_STATE_IN }, { "b_proj", BT_T_STATE_IN }, { "output_gate", BT_T_STATE_IN }, { "w1", BT_T_GATE }, { "w3", BT_T_UP }, { "w2", BT_T_DOWN }, { "wqkv", BT_T_QKV },
    { "wq", BT_T_Q }, { "wk", BT_T_K }, { "wv", BT_T_V }, { "q_lin", BT_T_Q }, { "k_lin", BT_T_K }, { "v_lin", BT_T_V }, { "out_lin", BT_T_O }, { "lin1", BT_T_UP }, { "lin2", BT_T_DOWN },
    { "query_proj", BT_T_Q }, { "key_proj", BT_T_K }, { "value_proj", BT_T_V }, { "to_q", BT_T_Q }, { "to_k", BT_T_K }, { "to_v", BT_T_V }, { "tok_emb", BT_T_EMBED },
    { "token_embedding", BT_T_EMBED }, { "linear_left", BT_T_LATENT_A }, { "linear_right", BT_T_LATENT_A }, { "correction_coefs", BT_T_ROUTER }, { "prediction_coefs", BT_T_ROUTER }, { "modality_router", BT_T_ROUTER },
    { "correct_output_scale", BT_T_NORM }, { "router_norm", BT_T_NORM }, { "post_laurel_norm", BT_T_NORM }, { "post_per_layer_input_norm", BT_T_NORM }, { "final_norm", BT_T_NORM },
    { "pre_ff_layernorm", BT_T_NORM }, { "linear", BT_T_ROUTER }, { "operator_norm", BT_T_NORM }, { "ffn_norm", BT_T_NORM },
    { "in_proj_a", BT_T_STATE_IN }, { "in_proj_b", BT_T_STATE_IN }, { "conv1d", BT_T_STATE }, { "x_proj", BT_T_STATE }, { "dt_proj", BT_T_STATE },
};

/* Parameters without a module of their own: "mixer.A_log". */
static const struct { const char *name; enum bt_tensor_role role; } bare[] = {
    { "A_log", BT_T_STATE }, { "D", BT_T_STATE }, { "dt_bias", BT_T_STATE }, { "e_score_correction_bias", BT_T_ROUTER }, { "sinks", BT_T_QK_NORM }, { "ape", BT_T_ROUTER }, { "fn", BT_T_ROUTER }, { "experts_of", BT_T_ROUTER },
};

static const struct { const char *module; bool out; } experts[] = {
    { "gate_proj", false }, { "up_proj", false }, { "gate_up_proj", false }, { "down_proj", true }, { "w1", false }, { "w3", false }, { "w2", true },
    { "gate_up_proj_blocks", false }, { "gate_up_proj_scales", false }, { "gate_up_proj_bias", false },
    { "down_proj_blocks", true }, { "down_proj_scales", true }, { "down_proj_bias", true }, { "input_linear", false }, { "output_linear", true },
};

/* Towers beside the language model number their layers too. */
static bool is_tower(struct bt_str part)
{
    static const char *const words[] = { "vision", "visual", "audio", "encoder", "multi_modal", "mm_projector", "mlp1", "image_newline", "resampler", "perceiver" };
    for (size_t i = 0; i < BT_LEN(words); i++)
        if (part.n > 3 && part.p[0] == words[i][0] && part.p[1] == words[i][1] && bt_str_starts(part, words[i]))
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

/* A model of experts has 90,000 names: most words differ in their first letter already. */
static bool is_word(struct bt_str part, const char *word)
{
    return part.n && part.p[0] == word[0] && strncmp(part.p, word, part.n) == 0 && !word[part.n];
}

enum part_of { OF_LAYER, OF_EXPERTS, OF_SHARED, OF_TOWER, OF_STATE };

/* BERT calls every layer "dense": what it is a part of tells them apart ("attention.output.dense", "intermediate.dense", "output.dense"). Reward models call
 * theirs by numbers ("score.0"). */
static enum bt_tensor_role by_outer(enum bt_tensor_role role, struct bt_str outer, struct bt_str module, bool in_attention)
{
    if (role == BT_T_O && (is_word(module, "dense") || is_word(module, "Wo")) && is_word(outer, "intermediate"))
        return BT_T_UP;
    if (role == BT_T_O && !in_attention && (is_word(outer, "output") || (is_word(module, "Wo") && is_word(outer, "mlp"))))
        return BT_T_DOWN;
    if (is_word(outer, "pooler") || is_word(outer, "classifier") || is_word(module, "classifier") || (role == BT_T_O && is_word(outer, "head")) || is_word(outer, "altup_projections") ||
        is_word(outer, "altup_unembed_projections"))
        return BT_T_ROUTER;          /* small, whole on every rank */
    return role == BT_T_OTHER && is_word(outer, "score") ? BT_T_Q_B : role;
}

static enum bt_tensor_role role_of(enum part_of of, struct bt_str module, struct bt_str last)
{
    for (size_t i = 0; of == OF_EXPERTS && i < BT_LEN(experts); i++)
        if (is_word(module, experts[i].module) || is_word(last, experts[i].module))
            return experts[i].out ? BT_T_EXPERT_OUT : BT_T_EXPERT_IN;
    for (size_t i = 0; i < BT_LEN(bare); i++)
        if (is_word(last, bare[i].name))
            return bare[i].role;
    enum bt_tensor_role role = BT_T_OTHER;
    for (size_t i = 0; i < BT_LEN(modules); i++)
        if (is_word(module, modules[i].module))
            role = modules[i].role;
    if (of == OF_STATE && role == BT_T_O)
        return BT_T_STATE_OUT;
    if (of == OF_STATE && role == BT_T_NORM)
        return BT_T_STATE;
    if (of == OF_SHARED && (role == BT_T_GATE || role == BT_T_UP || role == BT_T_GATE_UP))
        return BT_T_SHARED_IN;
    if (of == OF_SHARED && role == BT_T_DOWN)
        return BT_T_SHARED_OUT;
    return role;
}

/* What a name is about once this part of it is read. Towers stay towers, whatever they hold. */
static enum part_of of_after(enum part_of of, struct bt_str part, bool encoder)
{
    if (!part.n || of == OF_TOWER || (part.p[0] >= '0' && part.p[0] <= '9'))
        return of;
    if (is_tower(part) && !(encoder && is_word(part, "encoder")))
        return OF_TOWER;
    if (is_word(part, "shared_expert") || is_word(part, "shared_experts") || is_word(part, "shared_mlp"))
        return OF_SHARED;
    if (of != OF_SHARED && part.p[0] == 'e' && bt_str_starts(part, "experts"))
        return OF_EXPERTS;
    if (of == OF_LAYER && (is_word(part, "linear_attn") || is_word(part, "mamba") || is_word(part, "mixer")))
        return OF_STATE;
    return of;
}

/* An embedding model's pooler is passed over (vLLM models/bert.py). */
static bool is_pooler(const char *name)
{
    return !strncmp(name, "pooler.", 7) || strstr(name, ".pooler.");
}

/* The half of an omni model that speaks, and adapters beside a base: engines pass them over (vLLM models/qwen2_5_omni_thinker.py, phi4mm.py). */
static bool is_beside(const char *name)
{
    static const char *const parts[] = { "talker.", "token2wav.", "code2wav." };
    for (size_t i = 0; i < BT_LEN(parts); i++)
        if (!strncmp(name, parts[i], strlen(parts[i])))
            return true;
    return strstr(name, ".lora_A.") || strstr(name, ".lora_B.");
}

static bool is_draft(const char *name)
{
    return !strncmp(name, "mtp.", 4) || strstr(name, ".mtp.");
}

/* encoder: of a model that is one, whose "encoder.layer.3" are its layers and not those of a tower. */
static struct bt_tensor_place by_name(const struct bt_tensor *t, bool encoder)
{
    struct bt_tensor_place place = { -1, BT_T_OTHER, false };
    struct bt_str rest = bt_str(t->name), part, outer = { 0 }, module = { 0 }, last = { 0 };
    bool after_layers = false, in_attention = false;
    enum part_of of = OF_LAYER;
    while (rest.n) {
        rest = bt_str_cut(rest, '.', &part);
        of = of_after(of, part, encoder);
        in_attention = in_attention || is_word(part, "attention") || is_word(part, "attn");
        if (after_layers && place.layer < 0)
            place.layer = layer_number(part);
        bool language = !last.n || is_word(last, "transformer") || is_word(last, "model") || is_word(last, "backbone") || is_word(last, "decoder");           /* MPT's and DBRX's blocks, not some tower's */
        after_layers = is_word(part, "layers") || is_word(part, "h") || (language && is_word(part, "blocks")) || (encoder && is_word(part, "layer"));
        outer = module;
        module = last;
        last = part;
    }
    place.bias = is_word(last, "bias") || bt_str_ends(last, "_bias");
    place.last = last.p > t->name ? last.p - 1 : t->name;
    place.unused = is_draft(t->name) || is_beside(t->name) || (bt_str_eq(last, "inv_freq") && bt_str_ends(module, "rotary_emb"));
    if (of == OF_TOWER) {
        place.layer = -1;
        place.role = t->rank >= 2 ? BT_T_TOWER : BT_T_TOWER_NORM;
        return place;
    }
    place.role = by_outer(role_of(of, module, last), outer, module, in_attention);
    if (place.role == BT_T_OTHER && strstr(t->name, "_adapter_list."))               /* Zamba2's adapters, "...adapter_list.3.1": divided by outputs (vLLM models/zamba2.py) */
        place.role = BT_T_Q_B;
    return place;
}

/* Names of experts differ in the number alone, and so does nothing that they say: what stood before and behind it lately, with the answer. */
struct lately { const char *from; size_t before; unsigned n, at; struct { const char *behind; struct bt_tensor_place place; } tail[8]; };

static struct bt_tensor_place by_name_or_lately(struct lately *l, const struct bt_tensor *t, bool encoder)
{
    static const char word[] = ".experts.";
    const char *hit = strstr(t->name, word), *number = hit ? hit + sizeof word - 1 : NULL, *behind = number;
    while (behind && *behind >= '0' && *behind <= '9')
        behind++;
    if (!hit || behind == number || *behind != '.')
        return by_name(t, encoder);
    size_t before = (size_t)(number - t->name);
    if (l->before != before || memcmp(l->from, t->name, before) != 0)
        *l = (struct lately){ .from = t->name, .before = before };
    for (unsigned i = 0; i < l->n; i++)
        if (!strcmp(l->tail[i].behind, behind)) {
            struct bt_tensor_place place = l->tail[i].place;
            place.last = behind + (place.last - l->tail[i].behind);
            return place;
        }
    struct bt_tensor_place place = by_name(t, encoder);
    if (place.role == BT_T_TOWER || place.role == BT_T_TOWER_NORM || place.last < behind)            /* a tower's role goes by its rank too */
        return place;
    l->tail[l->at].behind = behind;
    l->tail[l->at].place = place;
    l->at = (l->at + 1) % BT_LEN(l->tail);
    l->n = BT_MIN(l->n + 1, (unsigned)BT_LEN(l->tail));
    return place;
}

static bool alike(const struct bt_tensor *x, const struct bt_tensor *y)
{
    const struct bt_tensor_place *p = &x->place, *q = &y->place;
    return p->layer == q->layer && p->role == q->role && x->bytes == y->bytes && x->dtype == y->dtype && x->rank == y->rank && p->bias == q->bias && p->unused == q->unused &&
           !memcmp(x->shape, y->shape, sizeof x->shape) && !strcmp(p->last, q->last);
}

#define LATELY 24                    /* kinds of tensors that take turns in a layer */

/* Of a tower the name says more than its place does: each for itself. */
static void add_alike(struct bt_alike *all, size_t *n, const struct bt_tensor *t)
{
    bool tower = t->place.role == BT_T_TOWER || t->place.role == BT_T_TOWER_NORM;
    for (size_t i = *n; !tower && i > 0 && *n - i < LATELY; i--)
        if (alike(all[i - 1].t, t)) {
            all[i - 1].count++;
            return;
        }
    all[(*n)++] = (struct bt_alike){ t, 1 };
}

void bt_tensors_place(struct bt_arena *a, struct bt_model *m)
{
    struct lately l = { 0 };
    struct bt_alike *all = bt_xcalloc(m->ntensors + 1, sizeof *all);
    size_t n = 0;
    for (size_t i = 0; i < m->ntensors; i++) {
        m->tensors[i].place = by_name_or_lately(&l, &m->tensors[i], m->whole_text);
        m->tensors[i].place.unused |= m->bert && !m->bert->pooler_loaded && is_pooler(m->tensors[i].name);
        if (m->q_shared && m->tensors[i].place.role == BT_T_Q && m->tensors[i].rank == 2 && m->tensors[i].shape[0] == m->q_shared)
            m->tensors[i].place.role = BT_T_LATENT_A;                /* Step-3's q_proj: narrow, whole on every rank */
        m->tensors[i].placed = true;
        add_alike(all, &n, &m->tensors[i]);
    }
    struct bt_alike *kept = BT_NEWN(a, struct bt_alike, n);
    memcpy(kept, all, n * sizeof *kept);
    free(all);
    m->alike = kept;
    m->nalike = n;
}

struct bt_tensor_place bt_tensor_place(const struct bt_tensor *t)
{
    return t->placed ? t->place : by_name(t, false);
}

/* weigh - what of a model is read for each token: every matrix once, of the experts those that are hit, of the input embedding nothing. */
#include <math.h>

#include "model/gguf.h"
#include "pace/pace_int.h"

/* Where a tensor's bytes go. */
enum use { USE_NONE, USE_LINEAR, USE_EXPERT, USE_HEAD };

static enum use use_of_gguf(const struct bt_model *m, const struct bt_tensor *t)
{
    uint32_t layer;
    enum bt_gguf_place place = bt_gguf_tensor_place(t, &layer);
    if (place == BT_GGUF_INPUT) /* without an output matrix of its own the embedding is the head */
        return !m->gguf->own_output && !strncmp(t->name, "token_embd.", 11) ? USE_HEAD : USE_NONE;
    if (place == BT_GGUF_OUTPUT)
        return !strncmp(t->name, "output.", 7) ? USE_HEAD : USE_NONE;
    if (layer >= m->layers || t->rank < 2)
        return USE_NONE;
    return bt_gguf_tensor_is_expert(t) ? USE_EXPERT : USE_LINEAR;
}

static enum use use_of(const struct bt_model *m, const struct bt_tensor *t)
{
    if (m->gguf)
        return use_of_gguf(m, t);
    struct bt_tensor_place p = bt_tensor_place(t);
    if (p.layer >= 0 && (uint32_t)p.layer >= m->layers) /* a draft head: only speculation reads it */
        return USE_NONE;
    switch (p.role) {
    case BT_T_EMBED: return m->tied && !strstr(t->name, "per_layer") ? USE_HEAD : USE_NONE; /* Gemma's embeddings of each layer are no head: rows are read */
    case BT_T_LM_HEAD: return m->tied ? USE_NONE : USE_HEAD; /* a tied head that was saved all the same is not read twice */
    case BT_T_NORM:
    case BT_T_QK_NORM:
    case BT_T_TOWER:
    case BT_T_TOWER_NORM:
    case BT_T_POSITION: return USE_NONE;
    case BT_T_EXPERT_IN:
    case BT_T_EXPERT_OUT: return USE_EXPERT;
    default: return USE_LINEAR;
    }
}

static bool is_plain(const struct bt_tensor *t)
{
    enum bt_dtype d = t->ggml ? t->ggml->plain : t->dtype;
    return d == BT_DT_F64 || d == BT_DT_F32 || d == BT_DT_BF16 || d == BT_DT_F16;
}

static enum bt_pace_kernel kernel_of(const struct bt_model *m)
{
    static const enum bt_pace_kernel of[] = {
        [BT_QUANT_NONE] = BT_KERNEL_PLAIN, [BT_QUANT_FP8] = BT_KERNEL_FP8,   [BT_QUANT_INT8] = BT_KERNEL_INT8, [BT_QUANT_INT4] = BT_KERNEL_INT4,
        [BT_QUANT_NF4] = BT_KERNEL_INT4,   [BT_QUANT_MXFP4] = BT_KERNEL_FP4, [BT_QUANT_NVFP4] = BT_KERNEL_FP4, [BT_QUANT_UNKNOWN] = BT_KERNEL_INT8
    };
    if (m->gguf)
        return !m->quantization                   ? BT_KERNEL_PLAIN
               : !strcmp(m->quantization, "Q8_0") ? BT_KERNEL_GGUF_Q8
               : !strcmp(m->quantization, "Q4_0") ? BT_KERNEL_GGUF_Q4_0
                                                  : BT_KERNEL_GGUF;
    enum bt_pace_kernel named;
    if (m->quant.kind == BT_QUANT_NONE)
        return m->quantization && pc_kernel_named(m->quantization, &named) ? named : BT_KERNEL_PLAIN;
    return (size_t)m->quant.kind < BT_LEN(of) ? of[m->quant.kind] : BT_KERNEL_PLAIN;
}

static void experts_of(const struct bt_model *m, struct bt_pace_weight *out)
{
    for (uint32_t i = 0; m->layer && i < m->layers; i++)
        if (m->layer[i].moe) {
            out->moe_layers++;
            out->experts = BT_MAX(out->experts, m->layer[i].moe->experts);
            out->active = BT_MAX(out->active, m->layer[i].moe->active);
        }
    if (!out->experts && m->gguf && m->gguf->experts) {
        out->moe_layers = m->layers;
        out->experts = m->gguf->experts;
        out->active = m->gguf->experts_used;
    }
}

/* A checkpoint of 4-bit experts as llama.cpp's converter writes it: everything else that has 16 bits becomes Q8_0. */
static bool rest_is_q8(const struct bt_model *m, const char *engine)
{
    const struct pc_engine *e = pc_engine_named(engine, NULL);
    return e && e->family == PC_LLAMA && !m->gguf && (m->quant.kind == BT_QUANT_MXFP4 || m->quant.kind == BT_QUANT_NVFP4);
}

bool bt_pace_weigh(const struct bt_model *m, const char *quantization, unsigned elem, const char *engine, struct bt_pace_weight *out)
{
    bool q8 = rest_is_q8(m, engine);
    *out = (struct bt_pace_weight){ .kernel = kernel_of(m) };
    enum bt_pace_kernel asked = BT_KERNEL_PLAIN, stored = out->kernel;
    bool named = pc_kernel_named(quantization, &asked) && asked != BT_KERNEL_PLAIN;
    bool again = named && stored == BT_KERNEL_FP8 && asked != BT_KERNEL_FP8 && !m->gguf; /* a Q4_K_M of a model that is published in FP8: made of that */
    bool online = again || (named && stored == BT_KERNEL_PLAIN);
    if (online)
        out->kernel = asked;
    bool fp4 = asked == BT_KERNEL_FP4; /* checkpoints of this kind quantise the experts and leave the rest at 16 bits */
    experts_of(m, out);
    double expert_params = 0;
    for (size_t i = 0; i < (m->nalike ? m->nalike : m->ntensors); i++) {
        const struct bt_tensor *t = m->nalike ? m->alike[i].t : &m->tensors[i];
        enum use use = use_of(m, t);
        if (use == USE_NONE)
            continue;
        bool plain = is_plain(t);
        double n = plain && !t->ggml ? (double)t->bytes * 8 / bt_dtype_bits(t->dtype)
                                     : (double)t->bytes * 8 / (plain ? 16 : pc_kernel_bits(again ? stored : out->kernel));
        n *= m->nalike ? m->alike[i].count : 1;
        double bits = t->ggml || !plain ? (double)t->bytes * 8 * (m->nalike ? m->alike[i].count : 1) / n : (elem ? elem : 2) * 8.0;
        if (again && !plain)
            bits = pc_method_bits(quantization);
        else if (online && plain && use != USE_HEAD && !(fp4 && out->experts && use == USE_LINEAR))
            bits = pc_method_bits(quantization);
        else if (online && plain && use == USE_HEAD)
            bits = pc_head_bits(asked);
        else if (q8 && plain)
            bits = pc_kernel_bits(BT_KERNEL_GGUF_Q8);
        out->file_bytes += n * bits / 8;
        if (use == USE_EXPERT && out->experts) {
            out->expert_bytes += n * bits / 8;
            expert_params += n;
        } else {
            out->dense_bytes += n * bits / 8;
            out->params += n;
        }
    }
    out->expert_params = out->experts ? expert_params * out->active / out->experts : 0;
    out->params += out->expert_params;
    if (m->weight_bytes && !online)
        out->file_bytes = (double)m->weight_bytes;
    return out->dense_bytes + out->expert_bytes > 0;
}

double bt_pace_step_bytes(const struct bt_pace_weight *w, double streams)
{
    if (!w->experts)
        return w->dense_bytes;
    double missed = 1 - (double)BT_MIN(w->active, w->experts) / w->experts;
    return w->dense_bytes + w->expert_bytes * (1 - pow(missed, BT_MAX(streams, 1.0)));
}

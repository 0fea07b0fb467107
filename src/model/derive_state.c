/* derive_state.c - the tensors of layers that keep a state: gated delta net, Kimi's delta attention, Mamba, lightning attention, short convolutions. */
#include "model/derive.h"

static int delta_net(struct bt_tensors *l, int i, const struct bt_state *s, struct bt_err *err)
{
    uint64_t values = (uint64_t)s->heads * s->head_dim;
    ADD(LINEAR("linear_attn.in_proj_qkvz", 2 * (uint64_t)s->keys + 2 * values, l->m->hidden));
    ADD(PLAIN("linear_attn.in_proj_ba", 2 * (uint64_t)s->heads, l->m->hidden));
    ADD(PLAIN("linear_attn.conv1d", s->conv_channels, s->conv_kernel));
    ADD(PLAIN("linear_attn.norm", s->head_dim, 0));
    ADD(LINEAR("linear_attn.out_proj", l->m->hidden, values));
    return 0;
}

static int mamba(struct bt_tensors *l, int i, const struct bt_state *s, struct bt_err *err)
{
    uint64_t inner = (uint64_t)s->heads * s->head_dim, h = l->m->hidden;
    if (s->kind == BT_STATE_MAMBA2) {
        ADD(LINEAR("mamba.in_proj", inner + s->conv_channels + s->heads, h));
    } else {
        ADD(LINEAR("mamba.in_proj", 2 * inner, h));
        ADD(LINEAR("mamba.x_proj", s->dt_rank + 2 * (uint64_t)s->state, inner));
        ADD(LINEAR("mamba.dt_proj", inner, s->dt_rank));
        if (bt_derive_add_as(l, bt_arena_printf(l->arena, "model.layers.%d.mamba", i), ".A_log", BT_DT_F32, 0, inner, s->state, err) < 0)
            return -1;
    }
    ADD(PLAIN("mamba.conv1d", s->conv_channels, s->conv_kernel));
    ADD(PLAIN("mamba.norm", inner, 0));
    ADD(LINEAR("mamba.out_proj", h, inner));
    return 0;
}

/* Kimi Linear (vLLM model_executor/layers/kda.py): queries, keys and values each with a convolution; decay and gate through a low rank of one head's width. */
static int kda(struct bt_tensors *l, int i, const struct bt_state *s, struct bt_err *err)
{
    static const char *const streams[] = { "q", "k", "v" };
    uint64_t values = (uint64_t)s->heads * s->head_dim, h = l->m->hidden;
    for (size_t k = 0; k < BT_LEN(streams); k++) {
        ADD(LINEAR(bt_arena_printf(l->arena, "linear_attn.%s_proj", streams[k]), values, h));
        ADD(PLAIN(bt_arena_printf(l->arena, "linear_attn.%s_conv1d", streams[k]), values, s->conv_kernel));
    }
    ADD(LINEAR("linear_attn.f_a_proj", s->head_dim, h));
    ADD(LINEAR("linear_attn.f_b_proj", values, s->head_dim));
    ADD(LINEAR("linear_attn.g_a_proj", s->head_dim, h));
    ADD(LINEAR("linear_attn.g_b_proj", values, s->head_dim));
    ADD(LINEAR("linear_attn.b_proj", s->heads, h));
    ADD(PLAIN("linear_attn.norm", s->head_dim, 0));
    if (bt_derive_add_as(l, bt_arena_printf(l->arena, "model.layers.%d.linear_attn", i), ".dt_bias", BT_DT_F32, 0, values, 0, err) < 0)
        return -1;
    ADD(LINEAR("linear_attn.out_proj", h, values));
    return 0;
}

/* MiniMax-Text-01 (vLLM models/minimax_text_01.py). */
static int lightning(struct bt_tensors *l, int i, const struct bt_state *s, struct bt_err *err)
{
    uint64_t inner = (uint64_t)s->heads * s->head_dim, h = l->m->hidden;
    ADD(LINEAR("linear_attn.in_proj_qkv", 3 * inner, h));
    ADD(LINEAR("linear_attn.in_proj_z", inner, h));
    ADD(PLAIN("linear_attn.norm", inner, 0));
    ADD(LINEAR("linear_attn.out_proj", h, inner));
    return 0;
}

/* LFM2 (vLLM models/lfm2.py). */
static int short_conv(struct bt_tensors *l, int i, const struct bt_state *s, struct bt_err *err)
{
    uint64_t h = l->m->hidden;
    ADD(LINEAR("mixer.in_proj", 3 * h, h));
    ADD(PLAIN("mixer.conv1d", s->conv_channels, s->conv_kernel));
    ADD(LINEAR("mixer.out_proj", h, h));
    return 0;
}

int bt_derive_state(struct bt_tensors *l, int layer, const struct bt_state *s, struct bt_err *err)
{
    switch (s->kind) {
    case BT_STATE_DELTA: return delta_net(l, layer, s, err);
    case BT_STATE_KDA: return kda(l, layer, s, err);
    case BT_STATE_LIGHTNING: return lightning(l, layer, s, err);
    case BT_STATE_SHORT_CONV: return short_conv(l, layer, s, err);
    case BT_STATE_MAMBA1: case BT_STATE_MAMBA2: break;
    }
    return mamba(l, layer, s, err);
}

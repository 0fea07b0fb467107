/* uneven.c - models whose config describes each layer: block_configs of DeciLM (Nemotron Super and Ultra), compress_ratios of DeepSeek-V4. */
#include <math.h>
#include "base/json.h"
#include "model/model_int.h"

/* ---- block_configs ---- */

/* Width of the MLP of one block; 0 = none. */
static uint32_t block_intermediate(const json_t *block, uint32_t hidden)
{
    const json_t *ffn = json_object_get(block, "ffn"), *given = json_object_get(ffn, "intermediate_size");
    double mult = json_number_value(json_object_get(ffn, "ffn_mult"));
    if (json_is_true(json_object_get(ffn, "no_op")))
        return 0;
    if (json_is_integer(given) && json_integer_value(given) > 0 && json_integer_value(given) <= 1 << 24)
        return (uint32_t)json_integer_value(given);
    if (!(mult > 0 && mult <= 64))
        return 0;
    return (uint32_t)bt_round_up((uint64_t)floor(2 * mult * hidden / 3), 256);       /* as the model's own code: two thirds, up to 256 */
}

static void read_block(const json_t *block, const struct bt_model *m, struct bt_layer *l)
{
    const json_t *attention = json_object_get(block, "attention"), *group = json_object_get(attention, "n_heads_in_group"), *kv = json_object_get(attention, "num_key_value_heads");
    json_int_t heads = json_integer_value(kv), shared = json_integer_value(group);
    l->intermediate = block_intermediate(block, m->hidden);
    if (heads <= 0 && shared > 0)
        heads = m->heads / shared;
    if (heads > 0 && heads <= m->heads && m->heads % heads == 0)
        l->kv_heads = (uint32_t)heads;
    else if (heads <= 0)             /* no_op, or a linear layer in its place: nothing is kept of a token */
        l->mixer = BT_MIX_NONE;
}

static void read_blocks(const json_t *blocks, struct bt_model *m)
{
    uint32_t most = 0, widest = 0;
    for (uint32_t i = 0; i < m->layers; i++) {
        struct bt_layer *l = &m->layer[i];
        read_block(json_array_get(blocks, i), m, l);
        widest = BT_MAX(widest, l->intermediate);
        if (l->mixer != BT_MIX_NONE)
            most = BT_MAX(most, l->kv_heads);
    }
    m->kv_heads = most ? most : m->kv_heads;
    m->intermediate = widest ? widest : m->intermediate;
}

/* ---- DeepSeek-V4 ---- */

static int read_compressed(struct bt_arena *a, const struct bt_config *c, struct bt_model *m, struct bt_err *err)
{
    struct bt_compressed *x = BT_NEW(a, struct bt_compressed);
    const json_t *ratios = bt_config_get(c, "compress_ratios");
    if (bt_config_u32(c, "o_lora_rank", 1024, 1, 1 << 16, &x->o_rank, err) < 0 || bt_config_u32(c, "o_groups", 8, 1, 1 << 12, &x->o_groups, err) < 0 ||
        bt_config_u32(c, "sliding_window", 128, 1, 1 << 20, &x->window, err) < 0 || bt_config_u32(c, "index_n_heads", 64, 1, 1 << 12, &x->index_heads, err) < 0 ||
        bt_config_u32(c, "index_head_dim", 128, 1, 1 << 12, &x->index_dim, err) < 0 || bt_config_u32(c, "index_topk", 512, 1, 1 << 16, &x->index_topk, err) < 0 ||
        bt_config_u32(c, "hc_mult", 4, 1, 64, &x->streams, err) < 0 || bt_config_u32(c, "num_hash_layers", 3, 0, 4096, &x->hash_layers, err) < 0 ||
        bt_config_u32(c, "q_lora_rank", 1024, 1, 1 << 16, &m->q_lora, err) < 0 || bt_config_u32(c, "qk_rope_head_dim", 64, 1, 1 << 12, &m->qk_rope, err) < 0)
        return -1;
    if (json_array_size(ratios) < m->layers)
        return bt_err_set(err, BT_E_INPUT, 0, "%s: \"compress_ratios\" does not name each of the %u layers", c->what, m->layers);
    if (m->heads % x->o_groups)
        return bt_err_set(err, BT_E_INPUT, 0, "%s: %u heads in %u groups of the output", c->what, m->heads, x->o_groups);
    for (uint32_t i = 0; i < m->layers; i++) {
        json_int_t ratio = json_integer_value(json_array_get(ratios, i));
        if (ratio != 0 && ratio != 4 && ratio != 128)
            return bt_err_set(err, BT_E_INPUT, 0, "%s: \"compress_ratios\": 0, 4 and 128 are known, not %" JSON_INTEGER_FORMAT, c->what, ratio);
        m->layer[i].mixer = BT_MIX_MLA;
        m->layer[i].latent = m->head_dim;
        m->layer[i].indexer = 0;
        m->layer[i].window = 0;
        m->layer[i].compress = ratio ? (uint32_t)ratio : 1;
    }
    m->compressed = x;
    const char *experts = json_string_value(bt_config_get(c, "expert_dtype"));
    if (m->quant.kind == BT_QUANT_FP8 && (!experts || !strcmp(experts, "fp4")))      /* what is absent is fp4 (vLLM models/deepseek_v4/quant_config.py) */
        m->quant.experts = BT_QUANT_MXFP4;
    return 0;
}

int bt_model_read_uneven(struct bt_arena *a, const struct bt_config *c, const struct bt_arch *arch, struct bt_model *m, struct bt_err *err)
{
    const json_t *blocks = bt_config_get(c, "block_configs");
    blocks = json_is_array(blocks) ? blocks : NULL;
    if (blocks && json_array_size(blocks) != m->layers)
        return bt_err_set(err, BT_E_INPUT, 0, "%s: \"block_configs\" does not describe each of the %u layers", c->what, m->layers);
    if (blocks)
        read_blocks(blocks, m);
    return arch->attn == BT_ATTN_COMPRESSED ? read_compressed(a, c, m, err) : 0;
}

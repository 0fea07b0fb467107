/* crossed.c - encoders whose decoder attends across to them (Whisper, BART, T5): the same figures under other names, and the encoder beside the decoder.
 * Names: transformers models/whisper, models/bart, models/t5 (configuration_*.py). */
#include "base/json.h"
#include "model/model_int.h"

#define ENCODER_TOKENS 512           /* T5 was trained with so many; its positions are relative and its config need not say */

struct figure { const char *keys[3]; uint32_t *field, max; };

static int read_figures(const struct bt_config *c, const struct figure *f, size_t n, struct bt_err *err)
{
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < BT_LEN(f[i].keys) && f[i].keys[k]; k++)
            if (json_is_integer(bt_config_get(c, f[i].keys[k]))) {
                if (bt_config_u32(c, f[i].keys[k], 0, 1, f[i].max, f[i].field, err) < 0)
                    return -1;
                break;
            }
    return 0;
}

/* "num_hidden_layers" of such a config is the encoder's or the decoder's, by class: the names that say whose they are come after it and win. */
int bt_model_read_crossed(const struct bt_config *c, struct bt_model *m, struct bt_err *err)
{
    uint32_t encoder = m->layers, inner = m->intermediate, encoder_heads = 0, source = 0;
    const struct figure figures[] = {
        { { "encoder_layers", "num_layers" }, &encoder, 1024 }, { { "decoder_layers", "num_decoder_layers", "num_layers" }, &m->layers, 4096 },
        { { "decoder_attention_heads", "num_heads" }, &m->heads, 1 << 12 }, { { "encoder_attention_heads", "num_heads" }, &encoder_heads, 1 << 12 },
        { { "decoder_ffn_dim", "d_ff" }, &m->intermediate, 1 << 24 }, { { "encoder_ffn_dim", "d_ff" }, &inner, 1 << 20 },
        { { "max_target_positions" }, &m->max_position, 1u << 30 }, { { "max_source_positions", "n_positions", "max_position_embeddings" }, &source, 1 << 24 },
    };
    if (!json_is_true(bt_config_get(c, "is_encoder_decoder")))
        return 0;
    if (read_figures(c, figures, BT_LEN(figures), err) < 0)
        return -1;
    m->kv_heads = m->heads;
    m->head_dim = m->heads ? m->hidden / m->heads : 0;
    const struct figure dim = { { "d_kv" }, &m->head_dim, 1 << 12 };
    if (read_figures(c, &dim, 1, err) < 0)
        return -1;
    if (!m->layers || !m->heads || !m->head_dim || !m->hidden)
        return 0;
    const char *mlp = json_string_value(bt_config_get(c, "feed_forward_proj"));
    m->plain_mlp = !mlp || strncmp(mlp, "gated", 5) != 0;
    m->rotary_tables = 0;            /* positions are learned or relative */
    m->cross_tokens = source ? source : ENCODER_TOKENS;
    m->max_position = m->max_position ? m->max_position : m->cross_tokens;
    m->audio = (struct bt_tower){ .layers = BT_MIN(encoder, 1024u), .hidden = BT_MIN(m->hidden, 1u << 16), .intermediate = BT_MIN(inner ? inner : 4 * m->hidden, 1u << 20),
                                  .heads = encoder_heads ? encoder_heads : m->heads, .patch = 1, .positions = m->cross_tokens, .norm_bias = true, .gated = !m->plain_mlp };
    return 0;
}

/* bert.c - encoders that see a whole text at once: BERT, RoBERTa, ModernBERT, Nomic, GTE. Their layers are read and derived as a decoder's are; here is what
 * they have beside them. Names of keys: transformers models/bert, models/roberta, models/modernbert, and the models' own code; what is loaded: vLLM
 * model_executor/models/bert.py, roberta.py, bert_with_rope.py, modernbert.py. */
#include "base/json.h"
#include "model/model_int.h"

/* Outputs of a classifier: transformers counts the labels that it names, and names two where the config does not. */
static int read_labels(const struct bt_config *c, const struct bt_model *m, uint32_t *out, struct bt_err *err)
{
    *out = 0;
    if (!bt_str_ends(bt_str(m->architecture), "ForSequenceClassification") && !bt_str_ends(bt_str(m->architecture), "ForTokenClassification"))
        return 0;
    size_t named = json_object_size(bt_config_get(c, "id2label"));
    return bt_config_u32(c, "num_labels", named && named < 1 << 20 ? (uint32_t)named : 2, 1, 1 << 20, out, err);
}

static int read_keys(const struct bt_config *c, struct bt_model *m, struct bt_err *err)
{
    const char *act = json_string_value(bt_config_get(c, "activation_function"));
    m->plain_mlp = !act || !strstr(act, "glu");
    if (bt_config_bool(c, "qkv_proj_bias", true, &m->qkv_bias, err) < 0 || bt_config_bool(c, "mlp_fc1_bias", true, &m->mlp_bias, err) < 0)
        return -1;
    m->o_bias = m->qkv_bias;
    return 0;
}

/* An encoder by its name, of a class that is not known: nothing but the whole text is ever seen by it. */
static bool sounds_so(const char *architecture)
{
    static const char *const words[] = { "Bert", "BERT", "MPNet", "Deberta", "Electra", "ForMaskedLM" };
    for (size_t i = 0; i < BT_LEN(words); i++)
        if (strstr(architecture, words[i]))
            return true;
    return false;
}

int bt_model_read_encoder(struct bt_arena *a, const struct bt_config *c, const struct bt_arch *arch, struct bt_model *m, struct bt_err *err)
{
    const struct bt_encoder_class *k = arch->encoder;
    bool both = json_is_true(bt_config_get(c, "use_bidirectional_attention"));         /* EmbeddingGemma: a decoder's class that looks both ways */
    bool guess = !arch->name[0] && !json_is_true(bt_config_get(c, "is_encoder_decoder")) && !json_is_true(bt_config_get(c, "is_decoder")) && sounds_so(m->architecture);
    m->pooling = m->pooling || guess;
    m->whole_text = k || guess || (both && m->pooling);
    if (!k)
        return 0;
    struct bt_bert *b = BT_NEW(a, struct bt_bert);
    *b = (struct bt_bert){ .norm_bias = k->norm_bias, .final_norm = k->final_norm, .first_bare = k->first_bare, .down_bias = k->down_bias };
    m->qkv_bias = k->qkv_bias || k->all_bias;
    m->o_bias = k->o_bias || k->all_bias;
    m->mlp_bias = k->all_bias;
    m->plain_mlp = !k->gated;
    if (read_labels(c, m, &b->labels, err) < 0 || (k->types && bt_config_u32(c, "type_vocab_size", 2, 0, 1 << 16, &b->types, err) < 0) || (k->by_keys && read_keys(c, m, err) < 0))
        return -1;
    const char *kind = json_string_value(bt_config_get(c, "position_embedding_type"));
    b->positions = k->positions && (!kind || strcmp(kind, "rotary") != 0) ? m->max_position : 0;
    m->rotary_tables = b->positions ? 0 : m->rotary_tables;
    m->max_position = m->max_position > k->offset ? m->max_position - k->offset : m->max_position;
    b->pooler = k->pooler && (!b->labels || k->classifier == BT_CLASSIFY_POOLED);
    b->pooler_loaded = b->labels && b->pooler;
    b->head_dense = b->labels && k->classifier != BT_CLASSIFY_POOLED;
    b->head_norm = b->labels && k->classifier == BT_CLASSIFY_NORMED;
    m->tied = true;                  /* no lm_head is loaded, whatever the config says */
    m->bert = b;
    return 0;
}

struct named { const char *name; uint64_t rows, cols; bool there; };

int bt_encoder_derive(struct bt_tensors *l, struct bt_err *err)
{
    const struct bt_model *m = l->m;
    const struct bt_bert *b = m->bert;
    uint64_t h = m->hidden;
    const struct named parts[] = {
        { "embeddings.word_embeddings.weight", m->vocab, h, true }, { "embeddings.position_embeddings.weight", b->positions, h, b->positions },
        { "embeddings.token_type_embeddings.weight", b->types, h, b->types }, { "embeddings.LayerNorm.weight", h, 0, true }, { "embeddings.LayerNorm.bias", h, 0, b->norm_bias },
        { "final_norm.weight", h, 0, b->final_norm }, { "pooler.dense.weight", h, h, b->pooler }, { "pooler.dense.bias", h, 0, b->pooler },
        { "classifier.dense.weight", h, h, b->head_dense }, { "classifier.dense.bias", h, 0, b->head_dense && !b->head_norm }, { "classifier.norm.weight", h, 0, b->head_norm },
        { "classifier.out.weight", b->labels, h, b->labels }, { "classifier.out.bias", b->labels, 0, b->labels },
    };
    for (size_t i = 0; i < BT_LEN(parts); i++)
        if (parts[i].there && bt_tensors_add(l, parts[i].name, l->dtype, parts[i].cols ? 2 : 1, (uint64_t[]){ parts[i].rows, parts[i].cols }, err) < 0)
            return -1;
    return 0;
}

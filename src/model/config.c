/* config.c - config.json: the numbers of a model's shape, with each class's own defaults where the file is silent. */
#include <math.h>
#include "base/json.h"
#include "model/model_int.h"

#define CONFIG_MAX (16 * MiB)

static const char *const parts[] = { "attn_config", "ffn_config" };  /* DBRX, MPT */

const json_t *bt_config_get(const struct bt_config *c, const char *key)
{
    const json_t *v = c->text ? json_object_get(c->text, key) : NULL;
    if (!v || json_is_null(v))
        v = json_object_get(c->root, key);
    for (size_t i = 0; (!v || json_is_null(v)) && i < BT_LEN(parts); i++)
        v = json_object_get(json_object_get(c->root, parts[i]), key);
    if (!v || json_is_null(v))
        v = json_object_get(c->more, key);
    return json_is_null(v) ? NULL : v;
}

/* The object that holds `key`, so that the typed readers of json.h can be asked. */
static const json_t *holder(const struct bt_config *c, const char *key)
{
    const json_t *v = c->text ? json_object_get(c->text, key) : NULL;
    for (size_t i = 0; i < BT_LEN(parts); i++)
        if (!v && !json_object_get(c->root, key) && json_object_get(json_object_get(c->root, parts[i]), key))
            return json_object_get(c->root, parts[i]);
    if ((!v || json_is_null(v)) && (!json_object_get(c->root, key) || json_is_null(json_object_get(c->root, key))) && json_object_get(c->more, key))
        return c->more;
    return v && !json_is_null(v) ? c->text : c->root;
}

int bt_config_u32(const struct bt_config *c, const char *key, uint32_t def, uint64_t min, uint64_t max, uint32_t *out, struct bt_err *err)
{
    uint64_t v;
    if (bt_json_u64_opt(holder(c, key), key, def, min, max, &v, c->what, err) < 0)
        return -1;
    *out = (uint32_t)v;
    return 0;
}

int bt_config_bool(const struct bt_config *c, const char *key, bool def, bool *out, struct bt_err *err)
{
    return bt_json_bool_opt(holder(c, key), key, def, out, c->what, err);
}

/* ---- the numbers ---- */

struct number { const char *keys[6]; size_t off; uint32_t max; bool needed; };
#define AT(f) offsetof(struct bt_model, f)
static const struct number numbers[] = {             /* bounds far past any model, near enough that no product overflows */
    { { "num_hidden_layers", "n_layer", "n_layers", "num_layers" }, AT(layers), 4096, true },
    { { "hidden_size", "n_embd", "d_model", "hidden_dim" }, AT(hidden), 1 << 20, true },
    { { "intermediate_size", "ffn_dim", "n_inner", "ffn_hidden_size", "block_ff_dim", "moe_intermediate_size" }, AT(intermediate), 1 << 24, false },
    { { "num_attention_heads", "n_head", "n_heads" }, AT(heads), 1 << 16, true },
    { { "num_key_value_heads", "multi_query_group_num", "num_kv_heads", "n_head_kv", "kv_n_heads", "num_attention_groups" }, AT(kv_heads), 1 << 16, false },
    { { "head_dim", "kv_channels", "attention_head_dim" }, AT(head_dim), 1 << 16, false },
    { { "vocab_size", "padded_vocab_size" }, AT(vocab), 1 << 26, true },
    { { "max_position_embeddings", "n_positions", "max_seq_len", "seq_length", "max_sequence_length", "model_max_length" }, AT(max_position), 1u << 31, false },
};

/* A number for each layer (Gemma 3n): layers are alike, the first stands for all. */
static int first_of_list(const struct bt_config *c, const struct number *n, size_t k, uint32_t *field, struct bt_err *err)
{
    const json_t *v = json_array_get(bt_config_get(c, n->keys[k]), 0);
    if (!json_is_integer(v) || json_integer_value(v) < 1 || json_integer_value(v) > (json_int_t)n->max)
        return bt_err_set(err, BT_E_INPUT, 0, "%s: \"%s\" is a list whose first entry is no such number", c->what, n->keys[k]);
    *field = (uint32_t)json_integer_value(v);
    return 0;
}

/* A text_config that says only which class it is of (LLaVA 1.5): what transformers' class assumes. */
static uint32_t number_of_class(const struct bt_config *c, size_t off)
{
    static const struct { const char *type; uint32_t layers, hidden, intermediate, heads, kv_heads, vocab, max_position; } classes[] = {
        { "llama", 32, 4096, 11008, 32, 32, 32000, 2048 }, { "mistral", 32, 4096, 14336, 32, 8, 32000, 131072 }, { "qwen2", 32, 4096, 22016, 32, 32, 151936, 32768 },
    };
    const char *type = json_string_value(json_object_get(c->text, "model_type"));
    for (size_t i = 0; type && i < BT_LEN(classes); i++)
        if (!strcmp(classes[i].type, type)) {
            const struct { size_t off; uint32_t value; } known[] = {
                { AT(layers), classes[i].layers }, { AT(hidden), classes[i].hidden }, { AT(intermediate), classes[i].intermediate }, { AT(heads), classes[i].heads },
                { AT(kv_heads), classes[i].kv_heads }, { AT(vocab), classes[i].vocab }, { AT(max_position), classes[i].max_position },
            };
            for (size_t k = 0; k < BT_LEN(known); k++)
                if (known[k].off == off)
                    return known[k].value;
        }
    return 0;
}

static int read_number(const struct bt_config *c, const struct number *n, struct bt_model *m, struct bt_err *err)
{
    uint32_t *field = (uint32_t *)((char *)m + n->off);
    for (size_t k = 0; k < BT_LEN(n->keys) && n->keys[k]; k++)
        if (json_is_array(bt_config_get(c, n->keys[k])))
            return first_of_list(c, n, k, field, err);
        else if (bt_config_get(c, n->keys[k]))
            return bt_config_u32(c, n->keys[k], *field, 1, n->max, field, err);
    if (!*field && c->text)
        *field = number_of_class(c, n->off);
    if (n->needed && !*field && !m->lacks)
        m->lacks = n->keys[0];
    return 0;
}

/* Multi-head latent attention: what is kept of a token is one vector for all heads. */
static int read_latent(const struct bt_config *c, const struct bt_arch *arch, struct bt_model *m, struct bt_err *err)
{
    if (arch->attn != BT_ATTN_MLA && !bt_config_get(c, "kv_lora_rank"))
        return 0;
    bool no_q_lora = c->text ? json_is_null(json_object_get(c->text, "q_lora_rank")) : json_is_null(json_object_get(c->root, "q_lora_rank"));
    if (bt_config_u32(c, "kv_lora_rank", 512, 1, 1 << 16, &m->kv_lora, err) < 0 || bt_config_u32(c, "qk_rope_head_dim", 64, 1, 1 << 12, &m->qk_rope, err) < 0 ||
        bt_config_u32(c, "qk_nope_head_dim", 128, 1, 1 << 12, &m->qk_nope, err) < 0 || bt_config_u32(c, "v_head_dim", 128, 1, 1 << 12, &m->v_head, err) < 0 ||
        bt_config_u32(c, "q_lora_rank", no_q_lora ? 0 : arch->q_lora, 0, 1 << 16, &m->q_lora, err) < 0)
        return -1;
    m->kv_heads = m->heads;
    m->head_dim = m->qk_nope + m->qk_rope;
    return 0;
}

/* LFM2 gives the width of a plain MLP, of which its gated one takes two thirds, up to a multiple (transformers models/lfm2). */
static int narrow_ff(const struct bt_config *c, const struct bt_arch *arch, struct bt_model *m, struct bt_err *err)
{
    bool adjust = true;
    uint32_t multiple = 256;
    if (arch->hybrid != BT_HYBRID_CONV || bt_config_get(c, "num_experts") || !m->intermediate)
        return 0;
    if (bt_config_bool(c, "block_auto_adjust_ff_dim", true, &adjust, err) < 0 || bt_config_u32(c, "block_multiple_of", 256, 1, 1 << 16, &multiple, err) < 0)
        return -1;
    if (adjust)
        m->intermediate = (uint32_t)bt_round_up(2ull * m->intermediate / 3, multiple);
    return 0;
}

static int read_numbers(const struct bt_config *c, const struct bt_arch *arch, struct bt_model *m, struct bt_err *err)
{
    bool known = arch->name[0] != 0;
    m->kv_heads = arch->kv_heads;
    m->head_dim = arch->head_dim;
    m->vocab = arch->vocab;
    m->max_position = arch->max_position;
    if (!bt_arch_attends(arch)) {    /* no heads and no last position; vLLM, told no context, takes 2048 (config/model.py). bt_model_read_layers() has the state's */
        m->heads = m->kv_heads = m->head_dim = 1;
        m->max_position = 2048;
        m->unbounded = !bt_config_get(c, "max_position_embeddings");
    }
    m->layers = (uint32_t)BT_MIN(json_array_size(bt_config_get(c, "layers_block_type")), (size_t)4096);        /* Nemotron 3 Ultra says it no other way */
    m->intermediate = json_is_array(bt_config_get(c, "block_configs"));      /* each block says its own: bt_model_read_uneven() */
    for (size_t i = 0; i < BT_LEN(numbers); i++)
        if (read_number(c, &numbers[i], m, err) < 0)
            return -1;
    if (narrow_ff(c, arch, m, err) < 0)
        return -1;
    if (!m->intermediate && m->hidden && (arch->plain_mlp || !bt_arch_attends(arch) || !known))
        m->intermediate = 4 * m->hidden;
    if (!m->intermediate && known && !m->lacks)
        m->lacks = "intermediate_size";
    bool one_head = false;           /* Falcon 7B, StarCoder: all heads share one key and one value; later Falcons say how many do */
    if (bt_config_get(c, "multi_query") && !json_is_true(bt_config_get(c, "new_decoder_architecture")) && bt_config_bool(c, "multi_query", false, &one_head, err) < 0)
        return -1;
    if (one_head)
        m->kv_heads = 1;
    if (arch->gate_up_counted)       /* intermediate_size is of both halves together */
        m->intermediate = BT_MAX(m->intermediate / 2, 1u);
    if (!m->kv_heads || (m->kv_heads > m->heads && m->kv_heads == arch->kv_heads))   /* the class's own number is for its own size of model */
        m->kv_heads = m->heads;
    if (!m->head_dim && m->heads)
        m->head_dim = m->hidden / m->heads;
    if (read_latent(c, arch, m, err) < 0)
        return -1;
    if (!known || m->lacks)
        return 0;
    if (m->head_dim == 0)
        return bt_err_set(err, BT_E_INPUT, 0, "%s: %u attention heads in a hidden size of %u", c->what, m->heads, m->hidden);
    if (m->kv_heads > m->heads || m->heads % m->kv_heads)
        return bt_err_set(err, BT_E_INPUT, 0, "%s: %u attention heads cannot share %u key/value heads", c->what, m->heads, m->kv_heads);
    return 0;
}

static int read_names(struct bt_arena *a, const struct bt_config *c, struct bt_model *m, struct bt_err *err)
{
    const json_t *list = json_object_get(c->root, "architectures");
    const char *name = json_string_value(json_array_get(list, 0));
    if (list && !json_is_null(list) && !name)
        return bt_err_set(err, BT_E_INPUT, 0, "%s: \"architectures\" is not a list of names", c->what);
    m->architecture = name ? bt_model_shown(a, name) : "unknown";
    const char *type, *dtype, *alt;
    if (bt_json_str_opt(c->root, "model_type", "unknown", &type, c->what, err) < 0 ||
        bt_json_str_opt(holder(c, "torch_dtype"), "torch_dtype", NULL, &dtype, c->what, err) < 0 ||
        bt_json_str_opt(holder(c, "dtype"), "dtype", NULL, &alt, c->what, err) < 0)
        return -1;
    m->model_type = bt_model_shown(a, type);
    dtype = dtype ? dtype : alt;
    m->dtype = bt_dtype_parse(dtype);
    if (dtype && strcmp(dtype, "auto") != 0 && m->dtype == BT_DT_UNKNOWN)
        return bt_err_set(err, BT_E_INPUT, 0, "%s: dtype \"%s\" is not known", c->what, bt_model_shown(a, dtype));
    const json_t *q = bt_config_get(c, "quantization_config");
    if (!q)
        q = bt_config_get(c, "compression_config");
    if (json_is_object(q))
        bt_model_read_quant(a, q, m);
    return 0;
}

static bool has_pooling_name(const char *architecture)
{
    static const char *const ends[] = { "ForSequenceClassification", "ForTokenClassification", "RewardModel", "EmbeddingModel" };
    for (size_t i = 0; i < BT_LEN(ends); i++)
        if (bt_str_ends(bt_str(architecture), ends[i]))
            return true;
    return false;
}

static int read_flags(const struct bt_config *c, const struct bt_arch *arch, struct bt_model *m, struct bt_err *err)
{
    bool attention_bias = false, old_bias = false;
    m->qk_norm = arch->qk_norm;
    m->qk_norm_whole = arch->qk_norm_whole;
    m->norms = arch->norms ? arch->norms : 2;
    m->plain_mlp = arch->plain_mlp;
    m->attn_gate = arch->attn_gate;
    m->pooling = arch->pooling || arch->encoder || has_pooling_name(m->architecture) || (arch->name[0] && !arch->shell && strcmp(arch->name, m->architecture) != 0);
    if (bt_config_bool(c, "tie_word_embeddings", arch->tied, &m->tied, err) < 0 ||
        (arch->attention_bias_key && bt_config_bool(c, "attention_bias", false, &attention_bias, err) < 0) ||
        (arch->mlp_bias_key && bt_config_bool(c, "mlp_bias", false, &m->mlp_bias, err) < 0) ||
        (bt_config_get(c, "use_qk_norm") && bt_config_bool(c, "use_qk_norm", false, &m->qk_norm, err) < 0) ||
        bt_config_u32(c, "num_nextn_predict_layers", 0, 0, 64, &m->mtp_layers, err) < 0)
        return -1;
    if (bt_config_u32(c, "hidden_size_per_layer_input", arch->layer_embedding, 0, 1 << 16, &m->layer_embedding, err) < 0 ||
        bt_config_u32(c, "vocab_size_per_layer_input", 0, 0, 1 << 26, &m->layer_vocab, err) < 0 || bt_config_u32(c, "altup_num_inputs", arch->altup, 0, 64, &m->altup, err) < 0 ||
        bt_config_u32(c, "laurel_rank", arch->laurel, 0, 1 << 16, &m->laurel, err) < 0 || bt_config_u32(c, "share_q_dim", 0, 0, 1 << 20, &m->q_shared, err) < 0)
        return -1;
    if (bt_config_get(c, "mtp_num_hidden_layers") && bt_config_u32(c, "mtp_num_hidden_layers", 0, 0, 64, &m->mtp_layers, err) < 0)
        return -1;
    if (bt_config_get(c, "attention_bias") == NULL && arch->name[0] == 0 && bt_config_bool(c, "bias", false, &old_bias, err) < 0)
        return -1;
    m->qkv_bias = arch->qkv_bias || attention_bias || arch->all_bias || old_bias;
    m->o_bias = attention_bias || arch->all_bias || arch->expert_bias;
    m->mlp_bias = m->mlp_bias || arch->all_bias;
    return 0;
}

/* Layers that the config names by a type which is not known: counted as attention that keeps everything, which is the most that they may take. */
static const char *odd_layers(struct bt_arena *a, const struct bt_config *c, const struct bt_model *m)
{
    static const char *const known[] = { "full_attention", "sliding_attention", "chunked_attention", "attention", "full", "global", "local" };
    const json_t *types = bt_config_get(c, "layer_types");
    const char *odd = NULL;
    uint32_t n = 0;
    for (uint32_t i = 0; i < m->layers && json_is_array(types); i++) {
        const char *type = json_string_value(json_array_get(types, i));
        bool is_known = !type || (m->layer && m->layer[i].mixer != BT_MIX_FULL);
        for (size_t k = 0; !is_known && k < BT_LEN(known); k++)
            is_known = !strcmp(type, known[k]);
        odd = is_known ? odd : type;
        n += !is_known;
    }
    return odd ? bt_arena_printf(a, "; %u of its layers are of types that are not known (%s), counted as attention that keeps every token", n, bt_model_shown(a, odd)) : "";
}

/* What is said of a class that is not in our table: which parts were assumed. */
static void note_guess(struct bt_arena *a, const struct bt_config *c, const struct bt_arch *arch, struct bt_model *m)
{
    if (arch->known || !m->layers || !m->heads)
        return;
    if (m->cross_tokens) {
        m->guessed = bt_arena_printf(a, "%s is not known in detail; taken for an encoder of %u layers and a decoder with %u of %u heads x %u, each of which also keeps keys and values of %u "
                                     "encoder tokens for a request (vLLM serves Whisper so, and not BART or T5)", m->architecture, m->audio.layers, m->layers, m->heads, m->head_dim, m->cross_tokens);
        return;
    }
    m->guessed = bt_arena_printf(a, "%s is not known; taken for %s with %u %s layers of %u heads (%u KV heads) x %u%s%s", m->architecture, m->whole_text ? "an encoder" : "a decoder", m->layers,
                                 m->kv_lora ? "latent-attention" : "attention", m->heads, m->kv_heads, m->head_dim, m->tower.layers ? " and a tower for images" : "", odd_layers(a, c, m));
}

/* ---- rope ---- */

static int read_rope(const struct bt_config *c, const struct bt_arch *arch, struct bt_model *m, struct bt_err *err)
{
    static const char *const counted[] = { "llama3", "longrope", "su", "mrope", "default", "proportional", "deepseek_yarn" };    /* max_position is the result already */
    m->rope_factor = 1;
    m->rotary_stretch = arch->mrope ? 4 : 1;
    m->rotary_tables = arch->no_rotary ? 0 : arch->tables ? arch->tables : 1;
    m->rotary_share = arch->rotary_share > 0 ? arch->rotary_share : 1;
    if (bt_json_f64_opt(holder(c, "partial_rotary_factor"), "partial_rotary_factor", m->rotary_share, &m->rotary_share, c->what, err) < 0)
        return -1;
    if (!(m->rotary_share > 0 && m->rotary_share <= 1))
        return bt_err_set(err, BT_E_INPUT, 0, "%s: partial_rotary_factor %g", c->what, m->rotary_share);
    const json_t *rope = bt_config_get(c, "rope_scaling");
    if (!rope)
        rope = bt_config_get(c, "rope_parameters");
    if (!rope)
        return 0;
    if (!json_is_object(rope))
        return bt_err_set(err, BT_E_INPUT, 0, "%s: \"rope_scaling\" is not an object", c->what);
    const char *type, *old;
    double factor;
    uint64_t original;
    if (bt_json_str_opt(rope, "type", "default", &old, c->what, err) < 0 || bt_json_str_opt(rope, "rope_type", old, &type, c->what, err) < 0 ||
        bt_json_f64_opt(rope, "factor", 1, &factor, c->what, err) < 0 ||
        bt_json_u64_opt(rope, "original_max_position_embeddings", m->max_position, 1, 1u << 31, &original, c->what, err) < 0)
        return -1;
    if (!isfinite(factor) || factor <= 0 || factor > 1e6)
        return bt_err_set(err, BT_E_INPUT, 0, "%s: rope factor %g", c->what, factor);
    for (size_t i = 0; i < BT_LEN(counted); i++)
        if (!strcmp(type, counted[i]))
            return 0;
    if (arch->position_has_rope) {   /* the table is stretched all the same (vLLM layers/rotary_embedding/linear_scaling_rope.py) */
        m->rotary_stretch = !strcmp(type, "linear") && factor > 1 ? factor : 1;
        return 0;
    }
    m->rope_factor = factor;
    if (!strcmp(type, "yarn") && m->max_position)    /* counted from the length before scaling, whatever max_position says */
        m->rope_factor = factor * (double)original / m->max_position;
    return 0;
}

/* The class of the language model, with the towers of the shell around it. */
static const struct bt_arch *class_of(struct bt_arena *a, const struct bt_config *c, const char *architecture)
{
    const struct bt_arch *shell = bt_arch_of(architecture), *text = NULL;
    if (c->text && (shell->shell || !shell->name[0])) {
        const char *name = json_string_value(json_array_get(json_object_get(c->text, "architectures"), 0));
        text = name ? bt_arch_of(name) : NULL;
        if (!text || !text->name[0])
            text = bt_arch_of_type(json_string_value(json_object_get(c->text, "model_type")));
    }
    if (!text || !text->name[0])
        return shell;
    struct bt_arch *both = BT_NEW(a, struct bt_arch);
    *both = *text;
    both->name = shell->name[0] ? shell->name : text->name;
    both->tower = shell->tower;
    both->audio = shell->audio;
    both->mrope = shell->mrope;
    both->known = shell->known;
    both->shell = true;
    return both;
}

static int read_all(struct bt_arena *a, const struct bt_config *c, struct bt_model *m, struct bt_err *err)
{
    if (read_names(a, c, m, err) < 0)
        return -1;
    const struct bt_arch *arch = class_of(a, c, m->architecture);
    if (read_numbers(c, arch, m, err) < 0 || read_flags(c, arch, m, err) < 0 || read_rope(c, arch, m, err) < 0 || bt_model_read_encoder(a, c, arch, m, err) < 0 || bt_model_read_tower(c, arch, m, err) < 0 ||
        (!arch->known && bt_model_read_crossed(c, m, err) < 0) ||
        bt_model_read_layers(a, c, arch, m, err) < 0)
        return -1;
    note_guess(a, c, arch, m);
    return 0;
}

static bool says_layers(const json_t *o)
{
    for (size_t k = 0; k < BT_LEN(numbers[0].keys) && numbers[0].keys[k]; k++)
        if (json_object_get(o, numbers[0].keys[k]))
            return true;
    return false;
}

/* A shell that nobody knows: the part that has layers, a width and words is the language model, whatever it is called. */
static const json_t *nested_part(const json_t *o, unsigned deep)
{
    const char *key;
    json_t *v;
    json_object_foreach((json_t *)o, key, v) {
        if (!json_is_object(v))
            continue;
        if (says_layers(v) && json_object_get(v, "hidden_size") && json_object_get(v, "vocab_size"))
            return v;
        const json_t *found = deep ? nested_part(v, deep - 1) : NULL;
        if (found)
            return found;
    }
    return NULL;
}

/* Models of text and images keep the language model one level down, and the omni models two. */
static const json_t *language_part(const json_t *root)
{
    static const char *const names[] = { "text_config", "llm_config", "language_config" };
    const json_t *thinker = json_object_get(root, "thinker_config");
    if (json_is_object(thinker))
        root = thinker;
    for (size_t i = 0; i < BT_LEN(names); i++) {
        const json_t *inner = json_object_get(root, names[i]);
        if (json_is_object(inner) && json_object_size(inner))
            return inner;
    }
    return json_object_get(root, "architectures") && !says_layers(root) ? nested_part(root, 3) : NULL;
}

/* Python writes Infinity and NaN, which JSON does not have ("time_step_limit" of Mamba): null in their place. None of them is a number that we read. */
static struct bt_str plain_numbers(struct bt_arena *a, struct bt_str text)
{
    static const char *const words[] = { "-Infinity", "Infinity", "NaN" };
    char *copy = NULL;
    bool quoted = false;
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] == '\\' && quoted)
            i++;
        else if (text.p[i] == '"')
            quoted = !quoted;
        for (size_t k = 0; !quoted && i < text.n && k < BT_LEN(words); k++) {
            size_t n = strlen(words[k]);
            if (text.n - i < n || memcmp(text.p + i, words[k], n) != 0)
                continue;
            copy = copy ? copy : bt_arena_strndup(a, text);
            memset(copy + i, ' ', n);
            memcpy(copy + i, n > 3 ? "null" : "0", n > 3 ? 4 : 1);
            i += n - 1;
        }
    }
    return copy ? (struct bt_str){ copy, text.n } : text;
}

int bt_model_config(struct bt_arena *a, const char *what, struct bt_str text, struct bt_model *out, struct bt_err *err)
{
    if (bt_model_config_more(a, what, text, NULL, out, err) < 0)
        return -1;
    if (out->lacks && bt_arch_of(out->architecture)->name[0])
        return bt_err_set(err, BT_E_INPUT, 0, "%s: no \"%s\"", what, out->lacks);
    return 0;
}

int bt_model_config_more(struct bt_arena *a, const char *what, struct bt_str text, const json_t *more, struct bt_model *out, struct bt_err *err)
{
    if (bt_model_is_lfs(text))
        return bt_model_lfs_err(err, what);
    if (text.n <= CONFIG_MAX)
        text = plain_numbers(a, text);
    json_t *root = bt_json_load(text, CONFIG_MAX, what, err);
    if (!root)
        return -1;
    const json_t *inner = language_part(root);
    struct bt_config c = { .root = root, .text = json_is_object(inner) ? inner : NULL, .more = more, .what = what };
    int rc = read_all(a, &c, out, err);
    json_decref(root);
    return rc;
}

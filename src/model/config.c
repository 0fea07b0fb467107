/* config.c - config.json: the numbers of a model's shape, with each class's own defaults where the file is silent. */
#include <math.h>
#include "base/json.h"
#include "model/model_int.h"

#define CONFIG_MAX (16 * MiB)

enum window_rule { WINDOW_NONE, WINDOW_ALL, WINDOW_QWEN, WINDOW_PATTERN, WINDOW_BY_TYPES };

/* What transformers' classes assume when a key is absent (0 = the key is needed), and which keys they listen to. */
struct arch {
    const char *name;
    bool derivable;                  /* tensor names and shapes are known */
    bool tied;
    uint32_t kv_heads, head_dim, vocab, max_position, pattern;       /* kv_heads 0 = heads; head_dim 0 = hidden / heads */
    bool qkv_bias, qk_norm;          /* always */
    bool attention_bias_key;         /* "attention_bias": q, k, v and o */
    bool mlp_bias_key;
    enum window_rule window;
    bool position_has_rope;          /* max_position already counts rope scaling */
};
static const struct arch archs[] = {
    { .name = "LlamaForCausalLM", .derivable = true, .max_position = 2048, .attention_bias_key = true, .mlp_bias_key = true },
    { .name = "MistralForCausalLM", .derivable = true, .kv_heads = 8, .max_position = 131072, .window = WINDOW_ALL },
    { .name = "Qwen2ForCausalLM", .derivable = true, .kv_heads = 32, .max_position = 32768, .qkv_bias = true, .window = WINDOW_QWEN },
    { .name = "Qwen3ForCausalLM", .derivable = true, .kv_heads = 32, .head_dim = 128, .max_position = 32768, .qk_norm = true,
      .attention_bias_key = true, .window = WINDOW_QWEN },
    { .name = "Gemma3ForConditionalGeneration", .tied = true, .kv_heads = 4, .head_dim = 256, .vocab = 262208, .max_position = 131072,
      .pattern = 6, .qk_norm = true, .window = WINDOW_PATTERN, .position_has_rope = true },
    { .name = "Gemma3ForCausalLM", .tied = true, .kv_heads = 4, .head_dim = 256, .vocab = 262208, .max_position = 131072,
      .pattern = 6, .qk_norm = true, .window = WINDOW_PATTERN, .position_has_rope = true },
};
static const struct arch unknown_arch = { .name = "", .window = WINDOW_BY_TYPES };

static const struct arch *arch_of(const char *name)
{
    for (size_t i = 0; name && i < BT_LEN(archs); i++)
        if (!strcmp(archs[i].name, name))
            return &archs[i];
    return &unknown_arch;
}

bool bt_model_architecture_known(const char *architecture)
{
    return arch_of(architecture)->derivable;
}

/* The file and, for models of text and images, the part of it that describes the language model. */
struct config { const json_t *root, *text; const char *what; };

static const json_t *get(const struct config *c, const char *key)
{
    const json_t *v = c->text ? json_object_get(c->text, key) : NULL;
    if (!v || json_is_null(v))
        v = json_object_get(c->root, key);
    return json_is_null(v) ? NULL : v;
}

/* The object that holds `key`, so that the typed readers of json.h can be asked. */
static const json_t *holder(const struct config *c, const char *key)
{
    const json_t *v = c->text ? json_object_get(c->text, key) : NULL;
    return v && !json_is_null(v) ? c->text : c->root;
}

static int get_u32(const struct config *c, const char *key, uint32_t def, uint64_t min, uint64_t max, uint32_t *out, struct bt_err *err)
{
    uint64_t v;
    if (bt_json_u64_opt(holder(c, key), key, def, min, max, &v, c->what, err) < 0)
        return -1;
    *out = (uint32_t)v;
    return 0;
}

static int get_bool(const struct config *c, const char *key, bool def, bool *out, struct bt_err *err)
{
    return bt_json_bool_opt(holder(c, key), key, def, out, c->what, err);
}

/* ---- the numbers ---- */

struct number { const char *key; size_t off; uint32_t max; bool needed; };
#define AT(f) offsetof(struct bt_model, f)
static const struct number numbers[] = {             /* bounds far past any model, near enough that no product overflows */
    { "num_hidden_layers", AT(layers), 4096, true },
    { "hidden_size", AT(hidden), 1 << 20, true },
    { "intermediate_size", AT(intermediate), 1 << 24, true },
    { "num_attention_heads", AT(heads), 1 << 16, true },
    { "num_key_value_heads", AT(kv_heads), 1 << 16, false },
    { "head_dim", AT(head_dim), 1 << 16, false },
    { "vocab_size", AT(vocab), 1 << 26, true },
    { "max_position_embeddings", AT(max_position), 1u << 31, false },
};

static int read_numbers(const struct config *c, const struct arch *arch, struct bt_model *m, struct bt_err *err)
{
    m->kv_heads = arch->kv_heads;
    m->head_dim = arch->head_dim;
    m->vocab = arch->vocab;
    m->max_position = arch->max_position;
    for (size_t i = 0; i < BT_LEN(numbers); i++) {
        uint32_t *field = (uint32_t *)((char *)m + numbers[i].off);
        if (get_u32(c, numbers[i].key, *field, 1, numbers[i].max, field, err) < 0)
            return -1;
        if (numbers[i].needed && !*field && arch != &unknown_arch)
            return bt_err_set(err, BT_E_INPUT, 0, "%s: no \"%s\"", c->what, numbers[i].key);
    }
    if (!m->kv_heads)
        m->kv_heads = m->heads;
    if (!m->head_dim && m->heads)
        m->head_dim = m->hidden / m->heads;
    if (arch == &unknown_arch)
        return 0;
    if (m->head_dim == 0)
        return bt_err_set(err, BT_E_INPUT, 0, "%s: %u attention heads in a hidden size of %u", c->what, m->heads, m->hidden);
    if (m->kv_heads > m->heads || m->heads % m->kv_heads)
        return bt_err_set(err, BT_E_INPUT, 0, "%s: %u attention heads cannot share %u key/value heads", c->what, m->heads, m->kv_heads);
    return 0;
}

static int read_names(struct bt_arena *a, const struct config *c, struct bt_model *m, struct bt_err *err)
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
    const json_t *q = get(c, "quantization_config");
    if (!q)
        q = get(c, "compression_config");
    if (q) {
        const char *method = json_string_value(json_object_get(q, "quant_method"));
        m->quantization = method ? bt_model_shown(a, method) : "unknown";
    }
    return 0;
}

static int read_flags(const struct config *c, const struct arch *arch, struct bt_model *m, struct bt_err *err)
{
    bool attention_bias = false;
    m->qk_norm = arch->qk_norm;
    if (get_bool(c, "tie_word_embeddings", arch->tied, &m->tied, err) < 0 ||
        (arch->attention_bias_key && get_bool(c, "attention_bias", false, &attention_bias, err) < 0) ||
        (arch->mlp_bias_key && get_bool(c, "mlp_bias", false, &m->mlp_bias, err) < 0))
        return -1;
    m->qkv_bias = arch->qkv_bias || attention_bias;
    m->o_bias = attention_bias;
    return 0;
}

/* ---- rope ---- */

static int read_rope(const struct config *c, const struct arch *arch, struct bt_model *m, struct bt_err *err)
{
    static const char *const counted[] = { "llama3", "longrope", "su", "mrope", "default", "proportional" };    /* max_position is the result already */
    m->rope_factor = 1;
    const json_t *rope = get(c, "rope_scaling");
    if (!rope)
        rope = get(c, "rope_parameters");
    if (!rope || arch->position_has_rope)
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
    m->rope_factor = factor;
    if (!strcmp(type, "yarn") && m->max_position)    /* counted from the length before scaling, whatever max_position says */
        m->rope_factor = factor * (double)original / m->max_position;
    return 0;
}

/* ---- layers ---- */

struct windows { uint32_t tokens, first, pattern; const json_t *types; };

static bool is_sliding(const struct windows *w, enum window_rule rule, uint32_t layer)
{
    if (rule == WINDOW_NONE || !w->tokens)
        return false;
    if (w->types && rule != WINDOW_ALL) {
        const char *type = json_string_value(json_array_get(w->types, layer));
        return type && !strcmp(type, "sliding_attention");
    }
    switch (rule) {
    case WINDOW_ALL: return true;
    case WINDOW_QWEN: return layer >= w->first;
    case WINDOW_PATTERN: return (layer + 1) % w->pattern != 0;
    default: return false;
    }
}

static int read_layers(struct bt_arena *a, const struct config *c, const struct arch *arch, struct bt_model *m, struct bt_err *err)
{
    struct windows w = { .types = get(c, "layer_types") };
    enum window_rule rule = arch->window;
    bool use = true;
    if (w.types && (!json_is_array(w.types) || json_array_size(w.types) != m->layers))
        return bt_err_set(err, BT_E_INPUT, 0, "%s: \"layer_types\" does not name each of the %u layers", c->what, m->layers);
    if ((rule == WINDOW_QWEN && get_bool(c, "use_sliding_window", false, &use, err) < 0) ||
        get_u32(c, "sliding_window", 0, 0, 1u << 31, &w.tokens, err) < 0 ||
        get_u32(c, "max_window_layers", 0, 0, 1 << 20, &w.first, err) < 0 ||
        get_u32(c, "sliding_window_pattern", arch->pattern ? arch->pattern : 1, 1, 1 << 16, &w.pattern, err) < 0)
        return -1;
    if (!use)
        rule = WINDOW_NONE;
    m->layer = BT_NEWN(a, struct bt_layer, m->layers);
    for (uint32_t i = 0; i < m->layers; i++) {
        bool sliding = is_sliding(&w, rule, i);
        m->layer[i] = (struct bt_layer){ .mixer = sliding ? BT_MIX_SLIDING : BT_MIX_FULL, .window = sliding ? w.tokens : 0,
                                         .heads = m->heads, .kv_heads = m->kv_heads, .head_dim = m->head_dim, .intermediate = m->intermediate };
    }
    return 0;
}

static int read_all(struct bt_arena *a, const struct config *c, struct bt_model *m, struct bt_err *err)
{
    if (read_names(a, c, m, err) < 0)
        return -1;
    const struct arch *arch = arch_of(m->architecture);
    if (read_numbers(c, arch, m, err) < 0 || read_flags(c, arch, m, err) < 0 || read_rope(c, arch, m, err) < 0 || read_layers(a, c, arch, m, err) < 0)
        return -1;
    return 0;
}

int bt_model_config(struct bt_arena *a, const char *what, struct bt_str text, struct bt_model *out, struct bt_err *err)
{
    if (bt_model_is_lfs(text))
        return bt_model_lfs_err(err, what);
    json_t *root = bt_json_load(text, CONFIG_MAX, what, err);
    if (!root)
        return -1;
    const json_t *inner = json_object_get(root, "text_config");
    struct config c = { .root = root, .text = json_is_object(inner) ? inner : NULL, .what = what };
    int rc = read_all(a, &c, out, err);
    json_decref(root);
    return rc;
}

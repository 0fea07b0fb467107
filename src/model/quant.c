/* quant.c - quantization_config: how the linear layers are stored, and which are left alone. */
#include "base/json.h"
#include "model/model_int.h"

#define IGNORE_MAX 4096              /* names in an ignore list: real ones stay below; time is bounded with it */

/* Methods by their names. bits 0: the config says. */
static const struct { const char *method; enum bt_quant_kind kind; uint32_t group; bool zeros; } methods[] = {
    { "awq", BT_QUANT_INT4, 128, true },         { "awq_marlin", BT_QUANT_INT4, 128, true },    { "gptq", BT_QUANT_INT4, 128, true },
    { "gptq_marlin", BT_QUANT_INT4, 128, true }, { "auto-round", BT_QUANT_INT4, 128, true },    { "auto_round", BT_QUANT_INT4, 128, true },
    { "autoround", BT_QUANT_INT4, 128, true },   { "inc", BT_QUANT_INT4, 128, true },           { "hqq", BT_QUANT_INT4, 64, true },
    { "moe_wna16", BT_QUANT_INT4, 128, true },   { "fp8", BT_QUANT_FP8, 0, false },             { "fbgemm_fp8", BT_QUANT_FP8, 0, false },
    { "ptpc_fp8", BT_QUANT_FP8, 0, false },      { "deepseek_v4_fp8", BT_QUANT_FP8, 0, false }, { "mxfp4", BT_QUANT_MXFP4, 32, false },
    { "nvfp4", BT_QUANT_NVFP4, 16, false },      { "modelopt_fp4", BT_QUANT_NVFP4, 16, false }, { "bitsandbytes", BT_QUANT_NF4, 64, false },
    { "int8", BT_QUANT_INT8, 0, false },         { "experts_int8", BT_QUANT_INT8, 0, false },   { "w8a8", BT_QUANT_INT8, 0, false },
    { "w4a16", BT_QUANT_INT4, 128, false },
};

static bool known_method(const char *method, struct bt_quant *q)
{
    for (size_t i = 0; i < BT_LEN(methods); i++)
        if (!strcasecmp(method, methods[i].method)) {
            q->kind = methods[i].kind;
            q->group = methods[i].group;
            q->zeros = methods[i].zeros;
            return true;
        }
    return false;
}

bool bt_model_quant_method(const char *method, struct bt_quant *q)
{
    *q = (struct bt_quant){ 0 };
    return known_method(method, q);
}

/* A number of the config where there is one in bounds; quantisers write their own forms, and a strange value must not refuse a model. */
static uint32_t number(const json_t *o, const char *key, uint32_t def)
{
    const json_t *v = json_object_get(o, key);
    json_int_t n = json_is_integer(v) ? json_integer_value(v) : -1;
    return n > 0 && n <= 1 << 20 ? (uint32_t)n : def;
}

static bool truth(const json_t *o, const char *key, bool def)
{
    const json_t *v = json_object_get(o, key);
    return json_is_boolean(v) ? json_is_true(v) : def;
}

static bool says(const char *text, const char *word)
{
    return text && strcasestr(text, word);
}

/* compressed-tensors: the weights of the first group of layers stand for all. */
static void compressed_tensors(const json_t *config, struct bt_quant *q)
{
    const json_t *groups = json_object_get(config, "config_groups"), *weights = NULL;
    const char *key, *format = json_string_value(json_object_get(config, "format"));
    json_t *group;
    json_object_foreach((json_t *)groups, key, group)
        if (!weights && json_is_object(json_object_get(group, "weights"))) {
            weights = json_object_get(group, "weights");
            if (!format || says(format, "mixed"))
                format = json_string_value(json_object_get(group, "format"));
        }
    const char *type = json_string_value(json_object_get(weights, "type"));
    uint32_t bits = number(weights, "num_bits", says(format, "fp4") || says(format, "pack") ? 4 : 8);
    q->group = number(weights, "group_size", 0);
    q->zeros = !truth(weights, "symmetric", true);
    if (bits <= 4)
        q->kind = says(format, "nvfp4") || (says(type, "float") && q->group == 16) ? BT_QUANT_NVFP4 : says(type, "float") ? BT_QUANT_MXFP4 : BT_QUANT_INT4;
    else
        q->kind = says(type, "float") || says(format, "float") ? BT_QUANT_FP8 : BT_QUANT_INT8;
    if (q->kind == BT_QUANT_NVFP4)
        q->group = 16;
    const json_t *side = json_array_get(json_object_get(weights, "block_structure"), 0);
    if (json_is_integer(side) && json_integer_value(side) > 0 && json_integer_value(side) <= 1 << 16)
        q->block = (uint32_t)json_integer_value(side);
}

static void modelopt(const json_t *config, struct bt_quant *q)
{
    const json_t *inner = json_object_get(config, "quantization");
    const json_t *from = json_is_object(inner) ? inner : config;
    const char *algo = json_string_value(json_object_get(from, "quant_algo"));
    q->kind = says(algo, "NVFP4") || says(algo, "MIXED") || says(algo, "W4A16") ? BT_QUANT_NVFP4 : says(algo, "FP8") ? BT_QUANT_FP8 : BT_QUANT_NVFP4;
    q->group = q->kind == BT_QUANT_NVFP4 ? 16 : 0;
}

static void read_ignore(struct bt_arena *a, const json_t *config, struct bt_quant *q)
{
    static const char *const keys[] = { "ignore", "modules_to_not_convert", "ignored_layers", "exclude_modules", "llm_int8_skip_modules" };
    const char **list = NULL;
    size_t n = 0;
    for (size_t k = 0; k < BT_LEN(keys); k++) {
        const json_t *names = json_object_get(config, keys[k]);
        for (size_t i = 0; i < json_array_size(names) && n < IGNORE_MAX; i++) {
            const char *name = json_string_value(json_array_get(names, i));
            if (name && *name)
                BT_PUSH(a, list, n, bt_arena_strdup(a, name));
        }
    }
    q->ignore = list;
    q->nignore = n;
}

void bt_model_read_quant(struct bt_arena *a, const json_t *config, struct bt_model *m)
{
    struct bt_quant *q = &m->quant;
    const char *method = json_string_value(json_object_get(config, "quant_method"));
    m->quantization = method ? bt_model_shown(a, method) : "unknown";
    q->kind = BT_QUANT_UNKNOWN;
    if (method && !strcmp(method, "compressed-tensors"))
        compressed_tensors(config, q);
    else if (says(method, "modelopt") || (!method && json_object_get(config, "quant_algo")))
        modelopt(config, q);
    else if (method)
        known_method(method, q);
    if (q->kind == BT_QUANT_UNKNOWN && !(method && !strcmp(method, "gguf"))) {       /* GGUF files say themselves what each tensor is */
        uint32_t bits = number(config, "bits", number(config, "num_bits", 8));
        q->kind = bits <= 4 ? BT_QUANT_INT4 : BT_QUANT_FP8;
        q->group = bits <= 4 ? 128 : 0;
        m->guessed = bt_arena_printf(a, "quantisation %s is not known; taken for %s in each linear layer", m->quantization, bits <= 4 ? "4 bits with a scale for each 128 numbers" : "8 bits");
    }
    if (q->kind == BT_QUANT_INT4) {
        uint32_t bits = number(config, "bits", number(config, "w_bit", 4));
        q->group = number(config, "group_size", number(config, "q_group_size", q->group));
        q->kind = bits == 8 ? BT_QUANT_INT8 : BT_QUANT_INT4;
        const json_t *per_output = json_object_get(config, "group_size");
        if (json_is_integer(per_output) && json_integer_value(per_output) < 0)
            q->group = 0;
    }
    if (q->kind == BT_QUANT_NF4 && truth(config, "load_in_8bit", false))
        q->kind = BT_QUANT_INT8, q->group = 0;
    const json_t *side = json_array_get(json_object_get(config, "weight_block_size"), 0);
    if (json_is_integer(side) && json_integer_value(side) > 0 && json_integer_value(side) <= 1 << 16)
        q->block = (uint32_t)json_integer_value(side);
    q->head = truth(config, "lm_head", false);
    q->experts_only = q->kind == BT_QUANT_MXFP4;
    read_ignore(a, config, q);
    const json_t *inner = json_object_get(config, "quantization");
    if (!q->nignore && json_is_object(inner))
        read_ignore(a, inner, q);
}

/* ---- the ignore list ---- */

/* '*' stands for anything; the only sign of regular expressions that these lists really use is ".*", which reads the same. */
static bool matches(const char *pattern, struct bt_str name)
{
    size_t p = 0, s = 0, star = SIZE_MAX, back = 0;
    while (s < name.n) {
        if (pattern[p] == '*') {
            star = p++;
            back = s;
        } else if (pattern[p] && pattern[p] == name.p[s]) {
            p++;
            s++;
        } else if (star != SIZE_MAX) {
            p = star + 1;
            s = ++back;
        } else {
            return false;
        }
    }
    while (pattern[p] == '*')
        p++;
    return pattern[p] == 0;
}

static bool ignored_by(const char *entry, struct bt_str module)
{
    char glob[256];
    size_t n = 0;
    bool regex = !strncmp(entry, "re:", 3), anchored = false;
    if (regex)
        entry += 3;
    else if (!strchr(entry, '*')) {                  /* a name: the module itself, what is under it, or (AWQ, modelopt) a part of its path */
        size_t len = strlen(entry);
        const char *hit = memmem(module.p, module.n, entry, len);
        return hit && (hit + len == module.p + module.n || hit[len] == '.') && (hit == module.p || hit[-1] == '.');
    }
    for (const char *p = entry; *p && n + 2 < sizeof glob; p++) {
        if (*p == '^' || *p == '\\')
            continue;
        if (*p == '$') {
            anchored = true;
            continue;
        }
        if (regex && *p == '.' && p[1] == '*')
            continue;
        glob[n++] = *p;
    }
    if (!anchored || regex == false)
        glob[n++] = '*';
    glob[n] = 0;
    return matches(glob, module);
}

bool bt_model_quantised(const struct bt_model *m, const char *module)
{
    const struct bt_quant *q = &m->quant;
    if (q->kind == BT_QUANT_NONE)
        return false;
    struct bt_str name = bt_str(module);
    for (size_t i = 0; i < q->nignore; i++)
        if (ignored_by(q->ignore[i], name))
            return false;
    /* a config without a list, of a model with a latent: NVFP4 checkpoints of these leave the attention alone */
    return q->nignore || q->kind != BT_QUANT_NVFP4 || !m->kv_lora || !strstr(module, ".self_attn.");
}

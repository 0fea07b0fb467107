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

static struct bt_tensor_place place_of(const char *module)
{
    char name[512];
    snprintf(name, sizeof name, "%.500s.weight", module);
    struct bt_tensor t = { .name = name, .rank = 2 };
    return bt_tensor_place(&t);
}

/* The two small projections of a delta net: left in 16 bits everywhere, and no word about the large one beside them. */
static bool is_small_state(const char *module)
{
    return bt_str_ends(bt_str(module), "in_proj_a") || bt_str_ends(bt_str(module), "in_proj_b") || bt_str_ends(bt_str(module), "in_proj_ba");
}

static enum bt_quant_kind kind_of_algo(const char *algo)
{
    return says(algo, "NVFP4") || says(algo, "W4A16") ? BT_QUANT_NVFP4 : says(algo, "FP8") ? BT_QUANT_FP8 : says(algo, "FP4") ? BT_QUANT_MXFP4 : BT_QUANT_UNKNOWN;
}

/* MIXED_PRECISION names every module with its algorithm: kept by layer and by what the module is. What it does not name stays in 16 bits. */
static void mixed(struct bt_arena *a, const json_t *modules, struct bt_quant *q)
{
    const char *name;
    json_t *how;
    int last = -1;
    json_object_foreach((json_t *)modules, name, how)
        last = BT_MAX(last, place_of(name).layer);
    if (!json_object_size(modules) || last >= 4096)
        return;
    q->mixed_layers = last + 1;
    q->mixed = BT_NEWN(a, uint8_t, (size_t)(last + 2) * BT_QUANT_ROLES);
    json_object_foreach((json_t *)modules, name, how) {
        struct bt_tensor_place p = place_of(name);
        uint8_t *row = q->mixed + (size_t)(p.layer + 1) * BT_QUANT_ROLES, kind = (uint8_t)kind_of_algo(json_string_value(json_object_get(how, "quant_algo")));
        if (bt_str_ends(bt_str(name), ".experts"))   /* all of them by one name */
            row[BT_T_EXPERT_IN] = row[BT_T_EXPERT_OUT] = kind;
        else if (!is_small_state(name))
            row[p.role] = kind;
    }
    q->head = q->mixed[BT_T_LM_HEAD] != BT_QUANT_NONE;
}

static void modelopt(struct bt_arena *a, const json_t *config, struct bt_quant *q)
{
    const json_t *inner = json_object_get(config, "quantization");
    const json_t *from = json_is_object(inner) ? inner : config;
    const char *algo = json_string_value(json_object_get(from, "quant_algo"));
    q->kind = says(algo, "NVFP4") || says(algo, "MIXED") || says(algo, "W4A16") ? BT_QUANT_NVFP4 : says(algo, "FP8") ? BT_QUANT_FP8 : BT_QUANT_NVFP4;
    q->group = q->kind == BT_QUANT_NVFP4 ? 16 : 0;
    mixed(a, json_object_get(from, "quantized_layers"), q);
}

/* "layers.3.mlp.shared_expert.up_proj": from "layers." on, in our words. "" where a name has no layer. */
static void in_our_words(const char *name, char *out, size_t size)
{
    static const struct { const char *theirs, *ours; } words[] = { { "block_sparse_moe", "mlp" }, { "feed_forward", "mlp" }, { "shared_experts", "shared_expert" }, { "mixer", "*" } };
    const char *p = strstr(name, "layers.");
    size_t n = 0;
    while (p && *p && n + 64 < size) {
        size_t len = strcspn(p, "."), k = 0;
        while (k < BT_LEN(words) && (strlen(words[k].theirs) != len || strncmp(words[k].theirs, p, len) != 0))
            k++;
        n += (size_t)snprintf(out + n, size - n, "%.*s%s", k < BT_LEN(words) ? 64 : (int)BT_MIN(len, 64u), k < BT_LEN(words) ? words[k].ours : p, p[len] ? "." : "");
        p += len + (p[len] == '.');
    }
    out[n] = 0;
}

/* An entry of the list, or a module, looked through once: lists of hundreds meet thousands of modules. */
struct bt_ignored { const char *words; struct bt_tensor_place place; bool pattern, regex, small; };

static struct bt_ignored look_through(struct bt_arena *a, const char *name)
{
    char words[256];
    struct bt_ignored x = { .regex = !strncmp(name, "re:", 3), .small = is_small_state(name) };
    x.pattern = x.regex || strchr(name, '*');
    in_our_words(name, words, sizeof words);
    x.words = bt_arena_strdup(a, words);
    x.place = place_of(name);
    return x;
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
    struct bt_ignored *seen = BT_NEWN(a, struct bt_ignored, n);
    for (size_t i = 0; i < n; i++)
        seen[i] = look_through(a, list[i]);
    q->ignore = list;
    q->nignore = n;
    q->ignored = seen;
}

/* compressed-tensors: kv_cache_scheme: {num_bits: 8, ...}; ModelOpt: that, or kv_cache_quant_algo: "FP8", in its inner object or beside it. */
static bool kv_in_8_bits(const json_t *config)
{
    const json_t *inner = json_object_get(config, "quantization"), *from[] = { config, json_is_object(inner) ? inner : NULL };
    for (size_t i = 0; i < BT_LEN(from); i++) {
        const char *algo = json_string_value(json_object_get(from[i], "kv_cache_quant_algo"));
        if (number(json_object_get(from[i], "kv_cache_scheme"), "num_bits", 0) == 8 || (algo && !strcasecmp(algo, "FP8")))
            return true;
    }
    return false;
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
        modelopt(a, config, q);
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
    q->head = q->head || truth(config, "lm_head", false);
    if (says(json_string_value(json_object_get(config, "moe_quant_algo")), "NVFP4"))
        q->experts = BT_QUANT_NVFP4;
    q->experts_only = q->kind == BT_QUANT_MXFP4;
    q->kv8 = kv_in_8_bits(config);
    read_ignore(a, config, q);
    const json_t *inner = json_object_get(config, "quantization");
    if (!q->nignore && json_is_object(inner))
        read_ignore(a, inner, q);
}

/* ---- the ignore list ----
 *
 * Its names are those of the checkpoint, ours those of derive.c: "model.language_model.layers.3.self_attn*" means our model.layers.3.self_attn.q_proj,
 * "backbone.layers.4.mixer.in_proj" our model.layers.4.mamba.in_proj. They are compared from "layers." on, by words, or by what they are. */

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
    for (const char *p = entry; *p && n + 3 < sizeof glob; p++) {
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
    glob[n] = 0;
    if (matches(glob, module))
        return true;
    if (regex && anchored)
        return false;
    snprintf(glob + n, sizeof glob - n, regex ? "*" : ".*");         /* what is under a module that a glob names: "*.gate" is no "mlp.gate_up_proj" */
    return matches(glob, module);
}

static bool same_thing(const struct bt_ignored *entry, const struct bt_ignored *module)
{
    if (entry->pattern)
        return !entry->regex && entry->words[0] && module->words[0] && ignored_by(entry->words, bt_str(module->words));
    return entry->place.layer >= 0 && entry->place.layer == module->place.layer && entry->place.role == module->place.role && entry->place.role != BT_T_OTHER &&
           entry->small == module->small;
}

/* Is the module one of those that the config leaves alone? */
static bool listed(const struct bt_model *m, const char *module)
{
    const struct bt_quant *q = &m->quant;
    struct bt_str name = bt_str(module);
    bt_auto_arena a = { 0 };
    struct bt_ignored mine = q->nignore ? look_through(&a, module) : (struct bt_ignored){ 0 };
    for (size_t i = 0; i < q->nignore; i++)
        if (ignored_by(q->ignore[i], name) || same_thing(&q->ignored[i], &mine))
            return true;
    /* a config without a list, of a model with a latent: NVFP4 checkpoints of these leave the attention alone */
    return !q->nignore && q->kind == BT_QUANT_NVFP4 && m->kv_lora && strstr(module, ".self_attn.");
}

enum bt_quant_kind bt_model_quant_of(const struct bt_model *m, const char *module)
{
    const struct bt_quant *q = &m->quant;
    if (q->kind == BT_QUANT_NONE || !q->mixed)
        return q->kind == BT_QUANT_NONE || listed(m, module) ? BT_QUANT_NONE : q->kind;
    struct bt_tensor_place p = place_of(module);
    return p.layer < q->mixed_layers && !is_small_state(module) ? (enum bt_quant_kind)q->mixed[(p.layer + 1) * BT_QUANT_ROLES + p.role] : BT_QUANT_NONE;
}

bool bt_model_quantised(const struct bt_model *m, const char *module)
{
    return bt_model_quant_of(m, module) != BT_QUANT_NONE;
}

/* They are "mtp.layers.0" (Qwen) or the layers after the last (DeepSeek, GLM). */
bool bt_model_drafts_plain(const struct bt_model *m)
{
    if (m->quant.kind == BT_QUANT_NONE || !m->mtp_layers || !m->layers)
        return false;
    const char *what = m->layer[m->layers - 1].moe ? "experts.0.down_proj" : "down_proj";
    char own[64], after[64];
    snprintf(own, sizeof own, "mtp.layers.0.mlp.%s", what);
    snprintf(after, sizeof after, "model.layers.%u.mlp.%s", m->layers, what);
    return !bt_model_quantised(m, own) || !bt_model_quantised(m, after);
}

/* gguf_named.c - a GGUF file that is not here, by its name: "unsloth/Qwen3-8B-GGUF:Q4_K_M", ".../Qwen3-8B-Q4_K_M.gguf". The layers are those of a built-in shape,
 * the types those that llama-quantize gives each tensor (llama.cpp src/llama-quant.cpp, llama_tensor_get_type, without an importance matrix). */
#include "model/gguf.h"
#include "model/model_int.h"

/* What one kind of tensor gets: `first` in the first layers (so many, or so many in `part`), `more` where the rule of more bits says so, else `all`. NULL = the mix's own. */
struct bits { const char *all, *more, *first; uint8_t n, part; };
struct mix { const char *name, *type; struct bits v, down, out; bool v_by_groups; };      /* v_by_groups: v is `v.all` only where four heads and more share one */

static const struct mix mixes[] = {
    { "Q4_K_M", "Q4_K", .v = { .more = "Q6_K" }, .down = { .more = "Q6_K" } },
    { "Q4_K_S", "Q4_K", .v = { .first = "Q5_K", .n = 4 }, .down = { .first = "Q5_K", .part = 8 } },
    { "Q5_K_M", "Q5_K", .v = { .more = "Q6_K" }, .down = { .more = "Q6_K" } },
    { "Q5_K_S", "Q5_K" }, { "Q6_K", "Q6_K" }, { "Q8_0", "Q8_0" }, { "Q4_0", "Q4_0" }, { "Q4_1", "Q4_1" }, { "Q5_0", "Q5_0" }, { "Q5_1", "Q5_1" },
    { "Q3_K_L", "Q3_K", .v = { .all = "Q5_K" }, .down = { .all = "Q5_K" }, .out = { .all = "Q5_K" } },
    { "Q3_K_M", "Q3_K", .v = { .all = "Q4_K", .first = "Q5_K", .n = 2 }, .down = { .all = "Q4_K", .first = "Q5_K", .part = 16 }, .out = { .all = "Q4_K" } },
    { "Q3_K_S", "Q3_K" },
    { "Q2_K", "Q2_K", .v = { .all = "Q4_K" }, .down = { .all = "Q3_K" }, .out = { .all = "Q3_K" }, .v_by_groups = true },
    { "IQ4_XS", "IQ4_XS", .v = { .all = "Q5_K" }, .down = { .first = "Q5_K", .part = 8 }, .v_by_groups = true },
    { "IQ4_NL", "IQ4_NL", .v = { .all = "Q5_K" }, .down = { .first = "Q5_K", .part = 8 }, .v_by_groups = true },
    { "MXFP4", "MXFP4" }, { "BF16", "BF16" }, { "F16", "F16" }, { "F32", "F32" },
};
static const char default_mix[] = "Q4_K_M";          /* what llama.cpp takes of a repository when no quantisation is named (common/arg.cpp) */

/* "UD-Q4_K_XL" is a mix of its own that its makers do not publish: the nearest stands for it. */
static const struct mix *mix_of(struct bt_arena *a, const char *tag, bool *nearest)
{
    *nearest = !strncasecmp(tag, "UD-", 3);
    tag += *nearest ? 3 : 0;
    size_t n = strlen(tag);
    if (n > 3 && !strcasecmp(tag + n - 3, "_XL")) {
        *nearest = true;
        tag = bt_arena_printf(a, "%.*s_%s", (int)(n - 3), tag, !strncasecmp(tag, "Q3", 2) ? "L" : !strncasecmp(tag, "Q2", 2) ? "" : "M");
        if (!strncasecmp(tag, "Q2_K", 4))
            tag = "Q2_K";
        else if (!strncasecmp(tag, "Q6_K", 4) || !strncasecmp(tag, "Q8", 2))
            tag = !strncasecmp(tag, "Q8", 2) ? "Q8_0" : "Q6_K";
    }
    for (size_t i = 0; i < BT_LEN(mixes); i++)
        if (!strcasecmp(mixes[i].name, tag))
            return &mixes[i];
    return NULL;
}

/* ---- names ---- */

struct part { const char *module, *name; enum { AS_IS, GATE_UP } how; };
static const struct part parts[] = {
    { "self_attn.q_proj", "attn_q" }, { "self_attn.k_proj", "attn_k" }, { "self_attn.v_proj", "attn_v" }, { "self_attn.o_proj", "attn_output" }, { "self_attn.q_norm", "attn_q_norm" },
    { "self_attn.k_norm", "attn_k_norm" }, { "mlp.gate_proj", "ffn_gate" }, { "mlp.up_proj", "ffn_up" }, { "mlp.down_proj", "ffn_down" }, { "mlp.gate", "ffn_gate_inp" },
    { "mlp.experts.gate_up_proj", "ffn_%s_exps", GATE_UP }, { "mlp.experts.down_proj", "ffn_down_exps" }, { "moe.experts.gate_up_proj", "ffn_%s_exps", GATE_UP },
    { "moe.experts.down_proj", "ffn_down_exps" }, { "mlp.shared_expert.gate_up_proj", "ffn_%s_shexp", GATE_UP }, { "mlp.shared_expert.down_proj", "ffn_down_shexp" },
    { "mlp.shared_expert_gate", "ffn_gate_inp_shexp" }, { "input_layernorm", "attn_norm" }, { "post_attention_layernorm", "ffn_norm" }, { "pre_feedforward_layernorm", "ffn_norm" },
    { "post_feedforward_layernorm", "post_ffw_norm" },
};

struct file { struct bt_arena *arena; const struct bt_model *base; const struct mix *mix; struct bt_model *m; bool floats; };

static const char *chosen(const struct bits *b, const char *own, uint32_t layer, uint32_t layers)
{
    if (b->first && (b->n ? layer < b->n : layer < layers / b->part))
        return b->first;
    if (b->more && bt_gguf_more_bits(layer, layers))
        return b->more;
    return b->all ? b->all : own;
}

static const char *type_in_layer(const struct file *f, const char *name, uint32_t layer)
{
    const struct bt_model *m = f->base;
    const struct mix *x = f->mix;
    if (f->floats && strstr(name, "_exps"))          /* gpt-oss's experts are MXFP4 in every file of it: that is how they were trained */
        return "MXFP4";
    uint32_t experts = m->layer[layer].moe ? m->layer[layer].moe->experts : 0;
    if (!strcmp(name, "attn_v")) {
        struct bits v = x->v;
        if (x->v_by_groups && m->heads / BT_MAX(m->kv_heads, 1u) < 4)
            v.all = !strcmp(x->name, "Q2_K") ? "Q3_K" : NULL;
        const char *type = chosen(&v, x->type, layer, m->layers);
        if (m->layers == 80 && m->heads != m->kv_heads && (!strcmp(type, "Q3_K") || !strcmp(type, "Q4_K")))
            type = "Q5_K";           /* of a 70B, eight heads to one: few bytes, much worth */
        return experts == 8 ? "Q8_0" : type;
    }
    if (!strcmp(name, "attn_k"))
        return experts == 8 ? "Q8_0" : x->type;
    if (!strncmp(name, "ffn_down", 8))
        return chosen(&x->down, x->type, layer, m->layers);
    if (!strcmp(name, "attn_output"))
        return experts == 8 && x->type[0] == 'Q' && x->type[1] <= '4' && strcmp(x->type, "Q4_0") != 0 ? "Q5_K" : chosen(&x->out, x->type, layer, m->layers);
    return x->type;
}

/* What stands in for a type whose block of 256 does not divide the row. */
static const char *fitting_type(const char *type, uint64_t row)
{
    static const struct { const char *type, *instead; } others[] = { { "Q4_K", "Q5_0" }, { "Q5_K", "Q5_1" }, { "Q6_K", "Q8_0" }, { "Q2_K", "IQ4_NL" }, { "Q3_K", "IQ4_NL" }, { "IQ4_XS", "IQ4_NL" } };
    for (size_t i = 0; row % 256 && i < BT_LEN(others); i++)
        if (!strcmp(others[i].type, type))
            type = others[i].instead;
    return row % 32 && strcmp(type, "BF16") && strcmp(type, "F32") ? "F16" : type;
}

static int push(struct file *f, const char *name, const char *type, const struct bt_tensor *as, uint64_t halved, struct bt_err *err)
{
    const struct bt_ggml_type *t = bt_ggml_type_named(fitting_type(type, as->rank ? as->shape[as->rank - 1] : 1));
    struct bt_tensor x = { .name = name, .rank = as->rank, .ggml = t, .dtype = t->plain };
    uint64_t rows = 1;
    memcpy(x.shape, as->shape, sizeof x.shape);
    if (halved)
        x.shape[as->rank - 2] /= 2;
    for (unsigned d = 0; d + 1 < x.rank; d++)
        if (!bt_mul_u64(rows, x.shape[d], &rows))
            return bt_err_set(err, BT_E_INPUT, 0, "%s: more bytes than a machine can count", name);
    if (!bt_ggml_row_bytes(t, x.rank ? x.shape[x.rank - 1] : 0, &x.bytes) || !bt_mul_u64(x.bytes, rows, &x.bytes))
        return bt_err_set(err, BT_E_INPUT, 0, "%s: rows of %llu numbers in %s", name, (unsigned long long)(x.rank ? x.shape[x.rank - 1] : 0), t->name);
    BT_PUSH(f->arena, f->m->tensors, f->m->ntensors, x);
    return 0;
}

/* -1: an error; 0: done; 1: a tensor that we know no place for. */
static int add_tensor(struct file *f, const struct bt_tensor *t, struct bt_err *err)
{
    static const char prefix[] = "model.layers.";
    const char *ending = strrchr(t->name, '.');
    unsigned layer = 0;
    int at = 0;
    bool tied = f->base->tied, small = t->rank < 2;
    if (!strcmp(t->name, "model.embed_tokens.weight"))
        return push(f, "token_embd.weight", tied ? (bt_gguf_is_plain(f->mix->type) || !strcmp(f->mix->type, "Q8_0") ? f->mix->type : "Q6_K") : f->mix->type, t, 0, err);
    if (!strcmp(t->name, "lm_head.weight"))
        return push(f, "output.weight", bt_gguf_is_plain(f->mix->type) || !strcmp(f->mix->type, "Q8_0") ? f->mix->type : "Q6_K", t, 0, err);
    if (!strcmp(t->name, "model.norm.weight"))
        return push(f, "output_norm.weight", "F32", t, 0, err);
    if (strncmp(t->name, prefix, sizeof prefix - 1) != 0 || sscanf(t->name + sizeof prefix - 1, "%u.%n", &layer, &at) != 1 || layer >= f->base->layers || !ending)
        return 1;
    const char *module = t->name + sizeof prefix - 1 + at;
    for (size_t i = 0; i < BT_LEN(parts); i++) {
        size_t n = strlen(parts[i].module);
        bool bias = !strcmp(ending, ".bias") || bt_str_ends(bt_str(t->name), "_bias");
        if (strncmp(module, parts[i].module, n) != 0 || (module[n] != '.' && module[n] != '_'))
            continue;
        if (module[n] == '_' && !bias)
            continue;
        bool plain = small || bias || !strncmp(parts[i].name, "ffn_gate_inp", 12) || bt_str_ends(bt_str(parts[i].name), "norm");
        static const char *const halves[] = { "gate", "up" };
        for (size_t k = 0; k < (parts[i].how == GATE_UP ? 2u : 1u); k++) {
            const char *name = parts[i].how == GATE_UP ? bt_arena_printf(f->arena, parts[i].name, halves[k]) : parts[i].name;
            if (push(f, bt_arena_printf(f->arena, "blk.%u.%s.%s", layer, name, bias ? "bias" : "weight"), plain ? "F32" : type_in_layer(f, name, layer), t,
                     parts[i].how == GATE_UP && !bias, err) < 0)
                return -1;
        }
        return 0;
    }
    return 1;
}

/* Layers of attention with all tokens or a window, dense or with experts: others' metadata is not to be told from a config. */
static bool plain_layers(const struct bt_model *m)
{
    bool plain = m->ntensors && !m->compressed && !m->bert && !m->kv_lora && !m->cross_tokens && !m->layer_embedding && !m->altup && !m->q_shared && !m->attn_gate;
    for (uint32_t i = 0; plain && i < m->layers; i++)
        plain = !m->layer[i].state && (m->layer[i].mixer == BT_MIX_FULL || m->layer[i].mixer == BT_MIX_SLIDING) && !m->layer[i].borrows_kv;
    return plain;
}

static void shape_of(struct bt_arena *a, const struct bt_model *b, struct bt_gguf *g)
{
    *g = (struct bt_gguf){ .arch = b->model_type, .version = 3, .layers = b->layers, .hidden = b->hidden, .vocab = b->vocab, .context = b->max_position, .own_output = !b->tied };
    g->layer = BT_NEWN(a, struct bt_gguf_layer, b->layers);
    for (uint32_t i = 0; i < b->layers; i++) {
        const struct bt_layer *l = &b->layer[i];
        g->layer[i] = (struct bt_gguf_layer){ .heads = l->heads, .kv_heads = l->kv_heads, .k_dim = l->head_dim, .v_dim = l->head_dim,
                                              .intermediate = l->intermediate ? l->intermediate : l->moe ? l->moe->intermediate : 0, .sliding = l->mixer == BT_MIX_SLIDING };
        if (l->window)
            g->window = l->window;
        if (l->moe) {
            g->experts = l->moe->experts;
            g->experts_used = l->moe->active;
            g->expert_intermediate = l->moe->intermediate;
        }
    }
}

/* "ORG/NAME-GGUF", with ":TAG" or "/FILE-TAG.gguf" behind it: the base's id and the tag. */
static bool split_name(struct bt_arena *a, const char *ref, const char **base, const char **tag)
{
    const char *slash = strchr(ref, '/'), *mark = NULL;
    for (const char *p = slash ? slash + 1 : ""; *p; p++)
        if (!strncasecmp(p, "-gguf", 5) && (!p[5] || p[5] == ':' || p[5] == '/'))
            mark = p;
    if (!mark || strlen(ref) > 300 || mark == slash + 1)
        return false;
    *base = bt_arena_strndup(a, (struct bt_str){ ref, (size_t)(mark - ref) });
    *tag = mark[5] == ':' && mark[6] ? mark + 6 : default_mix;
    if (mark[5] == '/') {            /* the last words of the file's name that are a mix */
        const char *file = strrchr(ref, '/') + 1;
        size_t n = strlen(file) - (bt_str_ends(bt_str(file), ".gguf") ? 5 : 0), best = 0;
        *tag = "?";
        for (size_t i = 0; i < BT_LEN(mixes); i++) {
            size_t k = strlen(mixes[i].name);
            for (size_t at = 0; at + k <= n; at++)
                if (k > best && !strncasecmp(file + at, mixes[i].name, k) && (at + k == n || file[at + k] == '-' || file[at + k] == '.') && at && (file[at - 1] == '-' || file[at - 1] == '.' || file[at - 1] == '_')) {
                    best = k;
                    *tag = mixes[i].name;
                }
        }
    }
    return true;
}

int bt_gguf_by_name(struct bt_arena *a, const char *ref, struct bt_model *m, bool *found, struct bt_err *err)
{
    const char *id, *tag, *why;
    uint64_t parameters;
    bool nearest;
    *found = false;
    if (!split_name(a, ref, &id, &tag))
        return 0;
    const char *config = bt_builtin_alias(a, bt_arena_printf(a, "%s-BF16", id), &parameters, &why);
    const struct mix *mix = mix_of(a, tag, &nearest);
    struct bt_model base = { .id = ref, .source = BT_MODEL_CATALOG };
    if (!config)
        return 0;                    /* nothing is known by that name: as for any other */
    *found = true;
    if (!mix) {
        bt_err_set(err, BT_E_NOT_FOUND, 0, "%s is not here, and berth does not know which type a file of \"%s\" gives each tensor", bt_model_shown(a, ref), bt_model_shown(a, tag));
        return bt_err_hint(err, "give the .gguf file itself, or a quantisation of llama-quantize: Q4_K_M, Q5_K_M, Q6_K, Q8_0, IQ4_XS, ...");
    }
    if (bt_model_config(a, "built-in shape", bt_str(config), &base, err) < 0 || bt_model_derive(a, &base, err) < 0)
        return -1;
    if (!plain_layers(&base)) {
        bt_err_set(err, BT_E_NOT_FOUND, 0, "%s is not here, and what llama.cpp makes of a %s is known only from its file", bt_model_shown(a, ref), base.architecture);
        return bt_err_hint(err, "give the .gguf file itself, or let the hub be asked for its header (not HF_HUB_OFFLINE)");
    }
    struct bt_gguf *g = BT_NEW(a, struct bt_gguf);
    bool floats = !strcmp(base.model_type, "gpt_oss");
    if (floats && (!strcmp(mix->name, "MXFP4") || tag == default_mix))
        mix = mix_of(a, "Q8_0", &nearest);
    struct file f = { .arena = a, .base = &base, .mix = mix, .m = m, .floats = floats };
    for (size_t i = 0; i < base.ntensors; i++)
        if (add_tensor(&f, &base.tensors[i], err) < 0)
            return -1;
    shape_of(a, &base, g);
    m->source = BT_MODEL_CATALOG;
    if (bt_gguf_fill(a, g, m, err) < 0)
        return -1;
    m->rope_factor = base.rope_factor;
    m->guessed = bt_arena_printf(a, "%s is not here; by its name a %s file of %s, each tensor of the type that llama-quantize gives it%s", bt_model_shown(a, ref), mix->name, base.architecture,
                                 nearest ? bt_arena_printf(a, " (%s is its makers' own mix: off by a tenth and more)", bt_model_shown(a, tag)) : "");
    return 0;
}

/* layers.c - layer by layer: which see everything, a window or a state, and which have experts. */
#include <stdlib.h>
#include "base/json.h"
#include "model/model_int.h"

struct windows { uint32_t tokens, first, pattern, chunk; const json_t *types, *no_rope; };

static const char *type_of(const struct windows *w, uint32_t layer)
{
    return json_string_value(json_array_get(w->types, layer));
}

static bool is_sliding(const struct windows *w, const struct bt_arch *arch, enum bt_window_rule rule, uint32_t layer)
{
    if (rule == BT_WINDOW_NONE || !w->tokens)
        return false;
    if (w->types && rule != BT_WINDOW_ALL) {
        const char *type = type_of(w, layer);
        return type && (!strcmp(type, "sliding_attention") || !strcmp(type, "chunked_attention"));
    }
    switch (rule) {
    case BT_WINDOW_ALL: return true;
    case BT_WINDOW_QWEN: return layer >= w->first;
    case BT_WINDOW_PATTERN:          /* Gemma 2 and gpt-oss begin with a window; so do all: every pattern-th layer is full */
        if (arch->chunked && json_is_array(w->no_rope))
            return json_integer_value(json_array_get(w->no_rope, layer)) != 0;
        return (layer + 1) % w->pattern != 0;
    default: return false;
    }
}

static int read_windows(const struct bt_config *c, const struct bt_arch *arch, struct bt_model *m, struct windows *w, enum bt_window_rule *rule, struct bt_err *err)
{
    bool use = true;
    const char *types = bt_config_get(c, "layer_types") ? "layer_types" : "layers_block_type";
    w->types = bt_config_get(c, types);
    *rule = arch->window;
    if (w->types && (!json_is_array(w->types) || json_array_size(w->types) < m->layers))
        return bt_err_set(err, BT_E_INPUT, 0, "%s: \"%s\" does not name each of the %u layers", c->what, types, m->layers);
    if ((*rule == BT_WINDOW_QWEN && bt_config_bool(c, "use_sliding_window", false, &use, err) < 0) ||
        bt_config_u32(c, "sliding_window", 0, 0, 1u << 31, &w->tokens, err) < 0 ||
        bt_config_u32(c, "attention_chunk_size", arch->chunked ? 8192 : 0, 0, 1u << 31, &w->chunk, err) < 0 ||
        bt_config_u32(c, "max_window_layers", 0, 0, 1 << 20, &w->first, err) < 0)
        return -1;
    const json_t *pattern = bt_config_get(c, "sliding_window_pattern");
    w->pattern = arch->pattern ? arch->pattern : 1;
    if (!pattern || json_is_integer(pattern)) {      /* "LLLG" of other classes: their layer_types say it too */
        if (bt_config_u32(c, "sliding_window_pattern", w->pattern, 1, 1 << 16, &w->pattern, err) < 0)
            return -1;
    }
    w->no_rope = bt_config_get(c, "no_rope_layers");
    if (arch->chunked)
        w->tokens = w->chunk;
    if (!use)
        *rule = BT_WINDOW_NONE;
    return 0;
}

/* ---- experts ---- */

struct experts { struct bt_moe *moe; uint32_t dense_first, step, offset, interval, dense_intermediate; const json_t *dense_only, *only; };

/* A list has a number for each layer (Hunyuan), that are alike, or for two kinds of experts (ERNIE 4.5 VL): the first stands for all. */
static int first_of(const struct bt_config *c, const char *const *keys, size_t n, uint32_t def, uint32_t max, uint32_t *out, struct bt_err *err)
{
    *out = def;
    for (size_t i = 0; i < n; i++) {
        const json_t *v = bt_config_get(c, keys[i]), *first = json_array_get(v, 0);
        if (json_is_integer(v))
            return bt_config_u32(c, keys[i], def, 0, max, out, err);
        if (!json_is_integer(first))
            continue;
        if (json_integer_value(first) < 0 || json_integer_value(first) > (json_int_t)max)
            return bt_err_set(err, BT_E_INPUT, 0, "%s: \"%s\" is a list whose first entry is out of bounds", c->what, keys[i]);
        *out = (uint32_t)json_integer_value(first);
        return 0;
    }
    return 0;
}
#define FIRST_OF(c, def, max, out, err, ...) first_of((c), (const char *const[]){ __VA_ARGS__ }, sizeof (const char *const[]){ __VA_ARGS__ } / sizeof(char *), (def), (max), (out), (err))

static int read_experts(struct bt_arena *a, const struct bt_config *c, const struct bt_arch *arch, struct bt_model *m, struct experts *x, struct bt_err *err)
{
    uint32_t experts, active, inter, shared, shared_inter, latent;
    *x = (struct experts){ .step = 1, .dense_intermediate = m->intermediate };
    if (FIRST_OF(c, 0, 65536, &experts, err, "n_routed_experts", "num_experts", "num_local_experts", "moe_num_experts") < 0)
        return -1;
    if (experts < 2)
        return 0;
    if (FIRST_OF(c, 2, 65536, &active, err, "num_experts_per_tok", "num_experts_per_token", "moe_k", "experts_per_token", "top_k_experts", "moe_top_k", "moe_topk") < 0 ||
        FIRST_OF(c, m->intermediate, 1 << 24, &inter, err, "moe_intermediate_size", "expert_ffn_hidden_size") < 0 ||
        FIRST_OF(c, 0, 4096, &shared, err, "n_shared_experts", "num_shared_experts", "moe_num_shared_experts", "num_shared_expert") < 0 ||
        FIRST_OF(c, 0, 1 << 24, &shared_inter, err, "moe_shared_expert_intermediate_size", "shared_expert_intermediate_size", "shared_intermediate_size", "share_expert_dim") < 0 ||
        FIRST_OF(c, arch->dense_first, 4096, &x->dense_first, err, "first_k_dense_replace", "moe_layer_start_index", "num_dense_layers") < 0 ||
        FIRST_OF(c, 1, 4096, &x->step, err, "decoder_sparse_step", "interleave_moe_layer_step", "moe_layer_freq", "expert_layer_period", "moe_every_n_layers") < 0 ||
        FIRST_OF(c, 0, 1 << 20, &latent, err, "moe_latent_size") < 0 || FIRST_OF(c, 0, 4096, &x->offset, err, "expert_layer_offset") < 0)
        return -1;
    x->moe = BT_NEW(a, struct bt_moe);
    *x->moe = (struct bt_moe){ .experts = experts, .active = BT_MIN(BT_MAX(active, 1u), experts), .intermediate = inter,
                               .shared_intermediate = shared_inter ? shared_inter : shared * inter, .shared_gate = arch->shared_gate, .bias = arch->expert_bias,
                               .plain = arch->plain_mlp, .latent = latent };
    const json_t *kinds = bt_config_get(c, "moe_intermediate_size");
    json_int_t other = json_integer_value(json_array_get(kinds, 1));
    if (arch->experts_added && other > 0 && other <= 1 << 24)
        x->moe->intermediate += (uint32_t)other;
    if (arch->chunked) {             /* Llama 4: one shared expert as wide as a routed one; dense layers have a width of their own */
        x->moe->shared_intermediate = m->intermediate;
        if (bt_config_u32(c, "intermediate_size_mlp", m->intermediate, 1, 1 << 24, &x->dense_intermediate, err) < 0)
            return -1;
    }
    x->step = BT_MAX(x->step, 1u);
    x->dense_only = bt_config_get(c, "mlp_only_layers");
    x->only = bt_config_get(c, "moe_layers_enum");
    return 0;
}

/* "4,5,6", or a list of numbers (Step-3). */
static bool is_named(const json_t *list, uint32_t layer)
{
    const char *text = json_string_value(list);
    for (size_t i = 0; i < json_array_size(list); i++)
        if (json_integer_value(json_array_get(list, i)) == (json_int_t)layer)
            return true;
    while (text && *text) {
        char *end;
        unsigned long n = strtoul(text, &end, 10);
        if (end == text)
            return false;
        if (n == layer)
            return true;
        text = end + strspn(end, " ,");
    }
    return false;
}

static bool has_experts(const struct experts *x, const struct bt_arch *arch, uint32_t layer)
{
    if (!x->moe || layer < x->dense_first)
        return false;
    if (x->only)
        return is_named(x->only, layer);
    for (size_t i = 0; i < json_array_size(x->dense_only); i++)
        if (json_integer_value(json_array_get(x->dense_only, i)) == (json_int_t)layer)
            return false;
    if (arch->hybrid == BT_HYBRID_JAMBA)
        return layer % x->step == x->offset % x->step;
    return (layer + 1) % x->step == 0;
}

/* ---- states ---- */

static uint32_t elem_of(const struct bt_config *c, const char *key)
{
    const char *name = json_string_value(bt_config_get(c, key));
    return name ? bt_dtype_bits(bt_dtype_parse(name)) / 8 : 0;
}

#define SMALL (1 << 20)              /* heads, dimensions: their products stay below 2^60 */

static int read_delta(const struct bt_config *c, struct bt_state *s, struct bt_err *err)
{
    uint32_t keys = 0, values = 0, key_dim = 0, value_dim = 0, kernel = 0;
    if (bt_config_u32(c, "linear_num_key_heads", 16, 1, 1 << 16, &keys, err) < 0 || bt_config_u32(c, "linear_num_value_heads", 32, 1, 1 << 16, &values, err) < 0 ||
        bt_config_u32(c, "linear_key_head_dim", 128, 1, 1 << 12, &key_dim, err) < 0 || bt_config_u32(c, "linear_value_head_dim", 128, 1, 1 << 12, &value_dim, err) < 0 ||
        bt_config_u32(c, "linear_conv_kernel_dim", 4, 1, 64, &kernel, err) < 0)
        return -1;
    *s = (struct bt_state){ .kind = BT_STATE_DELTA, .conv_channels = 2 * keys * key_dim + values * value_dim, .conv_kernel = kernel, .heads = values,
                            .head_dim = value_dim, .state = key_dim, .keys = keys * key_dim, .groups = keys, .elem = elem_of(c, "mamba_ssm_dtype") };
    return 0;
}

static int read_mamba2(const struct bt_config *c, const struct bt_model *m, struct bt_state *s, struct bt_err *err)
{
    uint32_t heads = 0, dim = 0, groups = 0, state = 0, kernel = 0, inner = 0, chunk = 0;
    if (FIRST_OF(c, 0, 1 << 16, &chunk, err, "mamba_chunk_size", "chunk_size") < 0 || FIRST_OF(c, 128, 1 << 14, &heads, err, "mamba_num_heads", "mamba_n_heads", "n_mamba_heads") < 0 ||
        FIRST_OF(c, 64, 1 << 14, &dim, err, "mamba_head_dim", "mamba_d_head", "mamba_headdim") < 0 ||
        FIRST_OF(c, 8, 1 << 10, &groups, err, "n_groups", "mamba_n_groups", "mamba_ngroups") < 0 ||
        FIRST_OF(c, 128, 1 << 14, &state, err, "ssm_state_size", "mamba_d_state") < 0 || FIRST_OF(c, 4, 64, &kernel, err, "conv_kernel", "mamba_d_conv") < 0 ||
        FIRST_OF(c, 0, 1 << 22, &inner, err, "mamba_d_ssm") < 0)
        return -1;
    heads = BT_MAX(heads, 1u);
    dim = dim ? dim : BT_MAX(2 * m->hidden / heads, 1u);             /* "auto": an inner width of twice the hidden one */
    if (inner && inner / heads)
        dim = inner / heads;
    groups = BT_MAX(groups, 1u);
    *s = (struct bt_state){ .kind = BT_STATE_MAMBA2, .conv_channels = heads * dim + 2 * groups * state, .conv_kernel = BT_MAX(kernel, 1u), .heads = heads,
                            .head_dim = dim, .state = state, .keys = groups * state, .groups = groups, .chunk = chunk, .elem = elem_of(c, "mamba_ssm_cache_dtype") };
    return 0;
}

static int read_mamba1(const struct bt_config *c, const struct bt_model *m, struct bt_state *s, struct bt_err *err)
{
    uint32_t expand = 0, state = 0, kernel = 0, rank = 0;
    if (FIRST_OF(c, 2, 16, &expand, err, "mamba_expand") < 0 || FIRST_OF(c, 16, 4096, &state, err, "mamba_d_state") < 0 ||
        FIRST_OF(c, 4, 64, &kernel, err, "mamba_d_conv") < 0 || FIRST_OF(c, (m->hidden + 15) / 16, SMALL, &rank, err, "mamba_dt_rank") < 0)
        return -1;
    uint32_t inner = BT_MAX(expand, 1u) * m->hidden;
    *s = (struct bt_state){ .kind = BT_STATE_MAMBA1, .conv_channels = inner, .conv_kernel = BT_MAX(kernel, 1u), .heads = inner, .head_dim = 1, .state = state,
                            .groups = 1, .dt_rank = BT_MAX(rank, 1u), .elem = elem_of(c, "mamba_ssm_cache_dtype") };
    return 0;
}

/* A model of states alone has no attention beside them, and calls their figures by plain names (transformers models/mamba, models/mamba2). */
static int read_state_only(const struct bt_config *c, const struct bt_arch *arch, const struct bt_model *m, struct bt_state *s, struct bt_err *err)
{
    bool two = arch->hybrid == BT_HYBRID_ALL_2;
    uint32_t expand = 0, state = 0, kernel = 0, rank = 0, inner = 0, heads = 0, dim = 0, groups = 0;
    if (bt_config_u32(c, "expand", 2, 1, 16, &expand, err) < 0 || bt_config_u32(c, "state_size", two ? 128 : 16, 1, 1 << 14, &state, err) < 0 ||
        bt_config_u32(c, "conv_kernel", 4, 1, 64, &kernel, err) < 0 || FIRST_OF(c, (m->hidden + 15) / 16, SMALL, &rank, err, "time_step_rank") < 0 ||
        FIRST_OF(c, expand * m->hidden, 1 << 24, &inner, err, "intermediate_size") < 0 || bt_config_u32(c, "num_heads", 128, 1, 1 << 14, &heads, err) < 0 ||
        bt_config_u32(c, "head_dim", 64, 1, 1 << 14, &dim, err) < 0 || bt_config_u32(c, "n_groups", 8, 1, 1 << 10, &groups, err) < 0)
        return -1;
    *s = two ? (struct bt_state){ .kind = BT_STATE_MAMBA2, .conv_channels = heads * dim + 2 * groups * state, .conv_kernel = kernel, .heads = heads, .head_dim = dim,
                                  .state = state, .keys = groups * state, .groups = groups }
             : (struct bt_state){ .kind = BT_STATE_MAMBA1, .conv_channels = BT_MAX(inner, 1u), .conv_kernel = kernel, .heads = BT_MAX(inner, 1u), .head_dim = 1,
                                  .state = state, .groups = 1, .dt_rank = BT_MAX(rank, 1u) };
    s->elem = elem_of(c, "mamba_ssm_cache_dtype");
    return 0;
}

/* Kimi Linear: a matrix of each head in 32 bits, and three convolutions' columns (vLLM layers/mamba/mamba_utils.py kda_state_shape). */
static int read_kda(const struct bt_config *c, struct bt_state *s, struct bt_err *err)
{
    const struct bt_config inner = { .root = bt_config_get(c, "linear_attn_config"), .what = c->what };
    uint32_t heads = 0, dim = 0, kernel = 0;
    if (!json_is_object(inner.root))
        return bt_err_set(err, BT_E_INPUT, 0, "%s: no \"linear_attn_config\"", c->what);
    if (bt_config_u32(&inner, "num_heads", 32, 1, 1 << 12, &heads, err) < 0 || bt_config_u32(&inner, "head_dim", 128, 1, 1 << 12, &dim, err) < 0 ||
        bt_config_u32(&inner, "short_conv_kernel_size", 4, 1, 64, &kernel, err) < 0)
        return -1;
    *s = (struct bt_state){ .kind = BT_STATE_KDA, .conv_channels = 3 * heads * dim, .conv_kernel = kernel, .heads = heads, .head_dim = dim, .state = dim, .keys = heads * dim,
                            .groups = heads, .elem = 4 };
    return 0;
}

/* "layers_block_type" of later Nemotrons, in the letters of earlier ones. */
static const char *letters_of(struct bt_arena *a, const json_t *types)
{
    static const struct { const char *name; char letter; } names[] = { { "mamba", 'M' }, { "mlp", '-' }, { "attention", '*' }, { "moe", 'E' } };
    size_t n = json_array_size(types);
    char *letters = BT_NEWN(a, char, n + 1);
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < BT_LEN(names); k++)
            if (!strcmp(names[k].name, json_string_value(json_array_get(types, i)) ? json_string_value(json_array_get(types, i)) : ""))
                letters[i] = names[k].letter;
    return n ? letters : NULL;
}

/* Which layers keep a state, for the hybrids. */
struct hybrid { struct bt_state *state; uint32_t interval, period, offset; const char *letters; const json_t *ids, *full; };

static int read_hybrid(struct bt_arena *a, const struct bt_config *c, const struct bt_arch *arch, const struct bt_model *m, struct hybrid *h, struct bt_err *err)
{
    *h = (struct hybrid){ .interval = 4 };
    if (arch->hybrid == BT_HYBRID_NONE)
        return 0;
    h->state = BT_NEW(a, struct bt_state);
    h->letters = json_string_value(bt_config_get(c, "hybrid_override_pattern"));
    if (!h->letters && arch->hybrid == BT_HYBRID_LETTERS)
        h->letters = letters_of(a, bt_config_get(c, "layers_block_type"));
    h->ids = bt_config_get(c, "hybrid_layer_ids");
    h->full = bt_config_get(c, arch->hybrid == BT_HYBRID_LIGHTNING ? "attn_type_list" : "full_attn_idxs");
    if (arch->hybrid == BT_HYBRID_KDA)
        h->full = json_object_get(bt_config_get(c, "linear_attn_config"), "full_attn_layers");
    if (bt_config_u32(c, "full_attention_interval", 4, 1, 4096, &h->interval, err) < 0 || bt_config_u32(c, "attn_layer_period", 8, 1, 4096, &h->period, err) < 0 ||
        bt_config_u32(c, "attn_layer_offset", 4, 0, 4096, &h->offset, err) < 0)
        return -1;
    if (arch->hybrid == BT_HYBRID_LETTERS && (!h->letters || strlen(h->letters) < m->layers))
        return bt_err_set(err, BT_E_INPUT, 0, "%s: \"hybrid_override_pattern\" or \"layers_block_type\" does not name each of the %u layers", c->what, m->layers);
    switch (arch->hybrid) {
    case BT_HYBRID_DELTA: return read_delta(c, h->state, err);
    case BT_HYBRID_JAMBA: return read_mamba1(c, m, h->state, err);
    case BT_HYBRID_ALL_1: case BT_HYBRID_ALL_2: return read_state_only(c, arch, m, h->state, err);
    case BT_HYBRID_KDA: return read_kda(c, h->state, err);
    case BT_HYBRID_LIGHTNING:        /* a matrix for each head, in the model's own type */
        *h->state = (struct bt_state){ .kind = BT_STATE_LIGHTNING, .conv_kernel = 1, .heads = m->heads, .head_dim = m->head_dim, .state = m->head_dim, .groups = m->heads };
        return 0;
    case BT_HYBRID_CONV: {
        uint32_t kernel = 0;
        if (FIRST_OF(c, 3, 64, &kernel, err, "conv_L_cache") < 0)
            return -1;
        *h->state = (struct bt_state){ .kind = BT_STATE_SHORT_CONV, .conv_channels = m->hidden, .conv_kernel = BT_MAX(kernel, 1u), .groups = 1 };
        return 0;
    }
    default:
        if (read_mamba2(c, m, h->state, err) < 0)
            return -1;
        if (arch->hybrid == BT_HYBRID_LETTERS && !h->state->elem)
            h->state->elem = 4;      /* Nemotron-H: float32 where its config does not say (vLLM models/config.py from 0.20 on; float16 before) */
        return 0;
    }
}

static void place_state(const struct hybrid *h, const struct bt_arch *arch, const struct windows *w, uint32_t i, struct bt_layer *l)
{
    const char *type = type_of(w, i);
    bool state = false;
    switch (arch->hybrid) {
    case BT_HYBRID_NONE: return;
    case BT_HYBRID_DELTA: state = type ? !strcmp(type, "linear_attention") : (i + 1) % h->interval != 0; break;
    case BT_HYBRID_KDA: state = !is_named(h->full, i + 1); break;    /* counted from 1 */
    case BT_HYBRID_LIGHTNING: state = type ? !strcmp(type, "linear_attention") : json_integer_value(json_array_get(h->full, i)) == 0; break;
    case BT_HYBRID_CONV: state = type ? !strcmp(type, "conv") : !is_named(h->full, i); break;
    case BT_HYBRID_JAMBA: state = i % h->period != h->offset % h->period; break;
    case BT_HYBRID_TYPES: state = type && strncmp(type, "mamba", 5) == 0; break;
    case BT_HYBRID_LETTERS:          /* M mamba, - MLP, * attention, E experts: each letter is a whole layer */
        state = h->letters[i] == 'M';
        l->moe = h->letters[i] == 'E' ? l->moe : NULL;
        l->intermediate = h->letters[i] == '-' ? l->intermediate : 0;
        if (h->letters[i] == '-' || h->letters[i] == 'E')
            l->mixer = BT_MIX_NONE;
        break;
    case BT_HYBRID_ZAMBA:            /* every layer a state; those named also run a shared block, and keep a KV of their own */
        state = type ? strcmp(type, "hybrid") != 0 && strcmp(type, "g") != 0 : !is_named(h->ids, i);
        l->intermediate = state ? 0 : l->intermediate;
        l->state = h->state;
        break;
    case BT_HYBRID_BOTH:
        l->state = h->state;
        return;
    case BT_HYBRID_ALL_1: case BT_HYBRID_ALL_2:
        state = true;
        l->intermediate = 0;
        break;
    }
    if (state) {
        l->mixer = BT_MIX_STATE;
        l->window = 0;
        l->state = h->state;
    }
}

static int read_shared(struct bt_arena *a, const struct bt_config *c, struct bt_model *m, struct bt_err *err)
{
    struct bt_shared_blocks *s = BT_NEW(a, struct bt_shared_blocks);
    bool rope = false;
    if (bt_config_u32(c, "num_mem_blocks", 1, 1, 1 << 10, &s->blocks, err) < 0 || FIRST_OF(c, 128, SMALL, &s->rank, err, "adapter_rank", "lora_rank") < 0 ||
        bt_config_bool(c, "use_shared_attention_adapter", false, &s->attention_adapters, err) < 0 || bt_config_bool(c, "use_mem_rope", false, &rope, err) < 0 ||
        bt_config_u32(c, "attention_head_dim", BT_MAX(2 * m->hidden / BT_MAX(m->heads, 1u), 1u), 1, SMALL, &m->head_dim, err) < 0)
        return -1;
    s->rank = BT_MAX(s->rank, 1u);
    m->rotary_tables = rope ? 1 : 0;
    m->shared = s;
    return 0;
}

/* ---- all ---- */

int bt_model_read_layers(struct bt_arena *a, const struct bt_config *c, const struct bt_arch *arch, struct bt_model *m, struct bt_err *err)
{
    struct windows w = { 0 };
    struct experts x;
    struct hybrid h;
    enum bt_window_rule rule;
    uint32_t shared = 0, global_dim = 0, global_kv = 0, indexer = 0, every = 0;
    bool k_is_v = false, beside = false, wide = false;
    if (read_windows(c, arch, m, &w, &rule, err) < 0 || read_experts(a, c, arch, m, &x, err) < 0 || read_hybrid(a, c, arch, m, &h, err) < 0 ||
        bt_config_u32(c, "num_kv_shared_layers", 0, 0, 4096, &shared, err) < 0 || bt_config_u32(c, "global_head_dim", arch->global_head_dim, 0, 1 << 16, &global_dim, err) < 0 ||
        bt_config_u32(c, "num_global_key_value_heads", 0, 0, 1 << 16, &global_kv, err) < 0 || bt_config_u32(c, "index_head_dim", 0, 0, 1 << 12, &indexer, err) < 0 ||
        bt_config_u32(c, "index_topk_freq", 0, 0, 4096, &every, err) < 0 || bt_config_u32(c, "index_n_heads", arch->indexer_every ? 32 : 64, 1, 1 << 12, &m->index_heads, err) < 0 ||
        bt_config_bool(c, "attention_k_eq_v", false, &k_is_v, err) < 0 || bt_config_bool(c, "enable_moe_block", false, &beside, err) < 0 ||
        bt_config_bool(c, "use_double_wide_mlp", false, &wide, err) < 0)
        return -1;
    if (arch->hybrid == BT_HYBRID_ZAMBA && read_shared(a, c, m, err) < 0)
        return -1;
    m->index_heads = m->kv_lora && indexer ? m->index_heads : 0;
    if (!every)                      /* GLM-5 and 5.1 have it in each layer; 5.2, of the longer context, shares what one finds */
        every = arch->indexer_every && m->max_position > arch->max_position ? arch->indexer_every : 1;
    m->layer = BT_NEWN(a, struct bt_layer, m->layers);
    for (uint32_t i = 0; i < m->layers; i++) {
        bool sliding = is_sliding(&w, arch, rule, i), experts = has_experts(&x, arch, i);
        struct bt_layer *l = &m->layer[i];
        *l = (struct bt_layer){ .mixer = sliding ? (arch->chunked ? BT_MIX_CHUNKED : BT_MIX_SLIDING) : BT_MIX_FULL, .window = sliding ? w.tokens : 0,
                                .heads = m->heads, .kv_heads = m->kv_heads, .head_dim = m->head_dim,
                                .intermediate = experts ? 0 : x.dense_intermediate, .moe = experts ? x.moe : NULL };
        if (m->kv_lora) {
            l->mixer = BT_MIX_MLA;
            l->latent = m->kv_lora + m->qk_rope;
            l->indexer = i % every ? 0 : indexer;
        }
        if (arch->hybrid == BT_HYBRID_LETTERS)
            l->moe = x.moe, l->intermediate = m->intermediate;
        if (!sliding && global_dim)
            l->head_dim = global_dim;
        l->k_is_v = !sliding && k_is_v;
        if (!sliding && global_kv && (k_is_v || !bt_config_get(c, "attention_k_eq_v")))
            l->kv_heads = global_kv;
        if (beside)                  /* Gemma 4: experts and an MLP in every layer */
            l->intermediate = x.dense_intermediate;
        l->borrows_kv = m->whole_text || (shared && shared < m->layers && i >= m->layers - shared);
        if (l->borrows_kv && wide && !m->whole_text)
            l->intermediate = (uint32_t)BT_MIN(2ull * l->intermediate, 1ull << 24);
        place_state(&h, arch, &w, i, l);
    }
    if (!bt_arch_attends(arch)) {    /* what ranks divide among them (vLLM model_executor/layers/mamba/mamba_utils.py) */
        m->heads = m->kv_heads = h.state->heads;
        m->head_dim = h.state->head_dim;
        m->intermediate = h.state->heads * h.state->head_dim;
    }
    return bt_model_read_uneven(a, c, arch, m, err);
}

const char *bt_mixer_name(enum bt_mixer x)
{
    static const char *const names[] = { "full", "sliding", "chunked", "mla", "state", "none" };
    return x <= BT_MIX_NONE ? names[x] : "unknown";
}

/* gguf_model.c - what llama.cpp makes of a GGUF file's metadata: the shape of each layer, who keeps which cache. Read in llama.cpp 0c1e57098
 * (llama-hparams.cpp, llama-kv-cache.cpp, src/models). */
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include "model/gguf.h"
#include "model/model_int.h"

#define LAYERS_MAX 512               /* llama.cpp's LLAMA_MAX_LAYERS */
#define WIDTH_MAX (1u << 24)

/* Which layers slide, where the file gives a window and no pattern of its own: layer i slides when i % period < period - 1, or, dense
 * first, when i % period > 0. Which layers keep a state and which a cache. */
enum recurrent { REC_NONE, REC_ALL, REC_BOTH, REC_NO_KV, REC_NO_KV_NO_FF, REC_INTERVAL };
struct family { const char *arch; uint32_t period; bool dense_first; enum recurrent recurrent; uint32_t window; bool full; };
static const struct family families[] = {
    { .arch = "gemma2", .period = 2, .window = 4096 }, { .arch = "gemma3", .period = 6 }, { .arch = "gemma3n", .period = 5 }, { .arch = "gemma-embedding", .period = 6 },
    { .arch = "cohere2", .period = 4 }, { .arch = "cohere2moe", .period = 4 }, { .arch = "gpt-oss", .period = 2 },
    { .arch = "llama4", .period = 4, .window = 8192 }, { .arch = "exaone4", .period = 4 }, { .arch = "exaone-moe", .period = 4 }, { .arch = "olmo2", .period = 4 },
    { .arch = "plamo3", .period = 8 }, { .arch = "smallthinker", .period = 4, .dense_first = true }, { .arch = "afmoe", .period = 4 },
    { .arch = "modern-bert", .period = 3, .dense_first = true },
    /* these carry a window that llama.cpp does not use */
    { .arch = "llama", .full = true }, { .arch = "phi3", .full = true }, { .arch = "phimoe", .full = true }, { .arch = "qwen2", .full = true },
    { .arch = "qwen2moe", .full = true }, { .arch = "qwen3", .full = true }, { .arch = "qwen3moe", .full = true }, { .arch = "starcoder2", .full = true },
    { .arch = "mamba", .recurrent = REC_ALL }, { .arch = "mamba2", .recurrent = REC_ALL }, { .arch = "rwkv6", .recurrent = REC_ALL },
    { .arch = "rwkv6qwen2", .recurrent = REC_ALL }, { .arch = "rwkv7", .recurrent = REC_ALL }, { .arch = "arwkv7", .recurrent = REC_ALL },
    { .arch = "jamba", .recurrent = REC_NO_KV }, { .arch = "granitehybrid", .recurrent = REC_NO_KV }, { .arch = "plamo2", .recurrent = REC_NO_KV },
    { .arch = "lfm2", .recurrent = REC_NO_KV }, { .arch = "lfm2moe", .recurrent = REC_NO_KV }, { .arch = "kimi-linear", .recurrent = REC_NO_KV },
    { .arch = "nemotron_h", .recurrent = REC_NO_KV_NO_FF }, { .arch = "nemotron_h_moe", .recurrent = REC_NO_KV_NO_FF },
    { .arch = "falcon-h1", .recurrent = REC_BOTH },
    { .arch = "qwen3next", .recurrent = REC_INTERVAL }, { .arch = "qwen35", .recurrent = REC_INTERVAL }, { .arch = "qwen35moe", .recurrent = REC_INTERVAL },
};

static const struct family *family_of(const char *arch)
{
    static const struct family none = { .arch = "" };
    for (size_t i = 0; i < BT_LEN(families); i++)
        if (!strcmp(families[i].arch, arch))
            return &families[i];
    return &none;
}

/* ---- keys ---- */

struct meta { struct bt_arena *arena; const struct bt_gguf_file *file; const char *what, *arch; struct bt_err *err; };

static const struct bt_gguf_kv *key(const struct meta *x, const char *name)
{
    return bt_gguf_get(x->file, bt_arena_printf(x->arena, "%s.%s", x->arch, name));
}

static int bad(const struct meta *x, const char *name, const char *why)
{
    return bt_err_set(x->err, BT_E_INPUT, 0, "%s: key %s.%s: %s", x->what, bt_model_shown(x->arena, x->arch), name, why);
}

static bool is_integer(enum bt_gguf_type t)
{
    return t != BT_GG_F32 && t != BT_GG_F64 && t != BT_GG_STR && t != BT_GG_ARRAY;
}

/* One number; of an array, its largest: what must hold for some layer holds for the whole. */
static int number(const struct meta *x, const char *name, uint32_t def, uint32_t max, uint32_t *out)
{
    const struct bt_gguf_kv *kv = key(x, name);
    int64_t v = 0;
    *out = def;
    if (!kv)
        return 0;
    if (kv->type == BT_GG_ARRAY && kv->nums)
        for (uint64_t i = 0; i < kv->count; i++)
            v = BT_MAX(v, kv->nums[i]);
    else if (is_integer(kv->type))
        v = kv->num;
    else
        return bad(x, name, "not a number");
    if (v < 0 || v > max)
        return bad(x, name, bt_arena_printf(x->arena, "%" PRId64 " is outside 0 to %u", v, max));
    *out = (uint32_t)v;
    return 0;
}

/* The same for layer i: of an array its i-th, which must be there. */
static int number_of(const struct meta *x, const char *name, uint32_t layer, uint32_t def, uint32_t *out)
{
    const struct bt_gguf_kv *kv = key(x, name);
    if (!kv || kv->type != BT_GG_ARRAY)
        return number(x, name, def, WIDTH_MAX, out);
    if (!kv->nums || layer >= kv->count)
        return bad(x, name, "the list does not have a number for each layer");
    if (kv->nums[layer] < 0 || kv->nums[layer] > WIDTH_MAX)
        return bad(x, name, bt_arena_printf(x->arena, "%" PRId64 " for layer %u", kv->nums[layer], layer));
    *out = (uint32_t)kv->nums[layer];
    return 0;
}

/* ---- layers ---- */

static bool slides(const struct meta *x, const struct family *fam, const struct bt_gguf *g, uint32_t i, bool *guessed)
{
    const struct bt_gguf_kv *pattern = key(x, "attention.sliding_window_pattern");
    uint32_t period = fam->period;
    if (!g->window || fam->full)
        return false;
    if (!strcmp(fam->arch, "exaone4") && g->layers != 64)            /* the small ones are dense, whatever the key says */
        return false;
    if (pattern && pattern->nums && pattern->count)
        return pattern->nums[i % pattern->count] != 0;
    if (pattern && is_integer(pattern->type) && pattern->num >= 0 && pattern->num <= UINT32_MAX) {
        if (!pattern->num)
            return true;             /* period 0: every layer */
        period = (uint32_t)pattern->num;
    }
    if (!period) {
        *guessed = true;
        return false;
    }
    return fam->dense_first ? i % period != 0 : i % period < period - 1;
}

static bool keeps_state(const struct family *fam, const struct bt_gguf_layer *l, uint32_t i, uint32_t interval)
{
    switch (fam->recurrent) {
    case REC_NONE: return false;
    case REC_ALL: case REC_BOTH: return true;
    case REC_NO_KV: return l->kv_heads == 0;
    case REC_NO_KV_NO_FF: return l->kv_heads == 0 && l->intermediate == 0;
    case REC_INTERVAL: return interval && (i + 1) % interval != 0;
    }
    return false;
}

static int read_layer(const struct meta *x, const struct family *fam, struct bt_gguf *g, uint32_t i, uint32_t interval, uint32_t shared)
{
    struct bt_gguf_layer *l = &g->layer[i];
    bool recurrent_only = fam->recurrent == REC_ALL;
    if (number_of(x, "attention.head_count", i, 0, &l->heads) < 0 || number_of(x, "attention.head_count_kv", i, l->heads, &l->kv_heads) < 0 ||
        number_of(x, "feed_forward_length", i, 0, &l->intermediate) < 0)
        return -1;
    l->nextn = i >= g->layers - g->nextn;
    l->sliding = !l->nextn && slides(x, fam, g, i, &g->window_guessed);
    l->recurrent = !l->nextn && keeps_state(fam, l, i, interval);
    if (recurrent_only || (l->recurrent && fam->recurrent == REC_INTERVAL))
        l->kv_heads = 0;
    l->shares_kv = !l->nextn && shared && i >= g->layers - g->nextn - shared;
    uint32_t dim = l->heads ? g->hidden / l->heads : 0;
    if (number(x, "attention.key_length", dim, WIDTH_MAX, &l->k_dim) < 0 || number(x, "attention.value_length", dim, WIDTH_MAX, &l->v_dim) < 0)
        return -1;
    if (l->sliding && (number(x, "attention.key_length_swa", l->k_dim, WIDTH_MAX, &l->k_dim) < 0 || number(x, "attention.value_length_swa", l->v_dim, WIDTH_MAX, &l->v_dim) < 0))
        return -1;
    if (!l->nextn && l->kv_heads && !l->k_dim)
        return bad(x, "attention.key_length", "neither given nor embedding_length / head_count");
    return 0;
}

static int read_layers(const struct meta *x, const struct family *fam, struct bt_gguf *g)
{
    uint32_t interval, shared;
    if (number(x, "full_attention_interval", 4, LAYERS_MAX, &interval) < 0 || number(x, "attention.shared_kv_layers", 0, g->layers - g->nextn, &shared) < 0)
        return -1;
    if (!shared && !strcmp(g->arch, "gemma3n") && g->layers > 20)
        shared = g->layers - 20;     /* the first 20 layers have caches */
    g->layer = BT_NEWN(x->arena, struct bt_gguf_layer, g->layers);
    for (uint32_t i = 0; i < g->layers; i++)
        if (read_layer(x, fam, g, i, interval, shared) < 0)
            return -1;
    return 0;
}

/* ---- states (llama-hparams.cpp n_embd_r, n_embd_s) ---- */

static int read_state(const struct meta *x, const struct family *fam, struct bt_gguf *g)
{
    uint32_t conv, inner, state, group, head, shift, cache;
    if (number(x, "ssm.conv_kernel", 0, WIDTH_MAX, &conv) < 0 || number(x, "ssm.inner_size", 0, WIDTH_MAX, &inner) < 0 ||
        number(x, "ssm.state_size", 0, WIDTH_MAX, &state) < 0 || number(x, "ssm.group_count", 0, WIDTH_MAX, &group) < 0 ||
        number(x, "wkv.head_size", 0, WIDTH_MAX, &head) < 0 || number(x, "token_shift_count", 2, 64, &shift) < 0 ||
        number(x, "shortconv.l_cache", 0, WIDTH_MAX, &cache) < 0)
        return -1;
    if (fam->recurrent == REC_NONE)
        return 0;
    if (head) {
        g->conv_state = (uint64_t)shift * g->hidden;
        g->ssm_state = (uint64_t)g->hidden * head;
    } else if (cache) {
        g->conv_state = (uint64_t)g->hidden * (cache - 1);
    } else {
        uint64_t channels = inner + 2ull * group * state;            /* three factors below 2^24 each: 2^49 */
        if (!bt_mul_u64(conv ? conv - 1 : 0, channels, &g->conv_state) || g->conv_state > (uint64_t)1 << 40)
            return bad(x, "ssm.conv_kernel", "a state larger than any");
        g->ssm_state = (uint64_t)state * inner;
    }
    return 0;
}

static int read_sizes(const struct meta *x, struct bt_gguf *g)
{
    uint32_t key_mla;
    if (number(x, "block_count", 0, LAYERS_MAX, &g->layers) < 0 || number(x, "nextn_predict_layers", 0, LAYERS_MAX, &g->nextn) < 0 ||
        number(x, "context_length", 0, 1u << 31, &g->context) < 0 || number(x, "embedding_length", 0, WIDTH_MAX, &g->hidden) < 0 ||
        number(x, "expert_count", 0, 1 << 16, &g->experts) < 0 || number(x, "expert_used_count", 0, 1 << 16, &g->experts_used) < 0 ||
        number(x, "expert_feed_forward_length", 0, WIDTH_MAX, &g->expert_intermediate) < 0 ||
        number(x, "attention.sliding_window", family_of(x->arch)->window, 1u << 31, &g->window) < 0 ||
        number(x, "attention.key_length_mla", 0, WIDTH_MAX, &key_mla) < 0 || number(x, "attention.kv_lora_rank", 0, WIDTH_MAX, &g->mla_rank) < 0 ||
        number(x, "rope.dimension_count", 0, WIDTH_MAX, &g->mla_rope) < 0 || number(x, "vocab_size", 0, WIDTH_MAX * 4, &g->vocab) < 0)
        return -1;
    g->mla = key_mla && g->mla_rank;
    const struct bt_gguf_kv *tokens = bt_gguf_get(x->file, "tokenizer.ggml.tokens");
    if (!g->vocab && tokens && tokens->type == BT_GG_ARRAY)
        g->vocab = (uint32_t)BT_MIN(tokens->count, (uint64_t)UINT32_MAX);
    if (!g->layers || !g->hidden)
        return bad(x, g->layers ? "embedding_length" : "block_count", "missing or 0");
    if (g->nextn >= g->layers)
        return bad(x, "nextn_predict_layers", "not fewer than block_count");
    return 0;
}

/* ---- tensors ---- */

enum bt_gguf_place bt_gguf_tensor_place(const struct bt_tensor *t, uint32_t *layer)
{
    static const char *const inputs[] = { "token_embd.", "position_embd.", "token_types.", "per_layer_token_embd." };
    const char *name = t->name, *blk = !strncmp(name, "enc.blk.", 8) || !strncmp(name, "dec.blk.", 8) ? name + 4 : name;
    uint32_t n = 0;
    *layer = 0;
    if (!strncmp(blk, "blk.", 4) && isdigit((unsigned char)blk[4])) {
        for (const char *p = blk + 4; isdigit((unsigned char)*p) && n < 100000; p++)
            n = n * 10 + (uint32_t)(*p - '0');
        *layer = n;
        return BT_GGUF_LAYER;
    }
    for (size_t i = 0; i < BT_LEN(inputs); i++)
        if (!strncmp(name, inputs[i], strlen(inputs[i])))
            return BT_GGUF_INPUT;
    if (!strncmp(name, "token_embd_norm.", 16) || !strncmp(name, "rope_f", 6))
        return BT_GGUF_LAYER;        /* with layer 0 */
    return BT_GGUF_OUTPUT;
}

bool bt_gguf_tensor_is_expert(const struct bt_tensor *t)
{
    return strstr(t->name, "_exps.") || strstr(t->name, "_chexps.");
}

static void look_at_tensors(const struct bt_model *m, struct bt_gguf *g)
{
    const struct bt_ggml_type *table;
    size_t n = bt_ggml_types(&table), best = 0;
    uint64_t bytes[64] = { 0 };
    for (size_t i = 0; i < m->ntensors; i++) {
        const struct bt_tensor *t = &m->tensors[i];
        g->own_output = g->own_output || !strcmp(t->name, "output.weight");
        if (!strcmp(t->name, "token_embd.weight") && t->rank == 2 && t->shape[0] <= UINT32_MAX)
            g->vocab = g->vocab ? g->vocab : (uint32_t)t->shape[0];
        for (size_t k = 0; k < n && k < BT_LEN(bytes); k++)
            if (&table[k] == t->ggml)
                bytes[k] += t->bytes;
    }
    for (size_t k = 1; k < n && k < BT_LEN(bytes); k++)
        if (bytes[k] > bytes[best])
            best = k;
    g->main_type = table[best].name;
    if (g->experts && !g->expert_intermediate)
        g->expert_intermediate = g->layer[g->layers - 1].intermediate;
}

/* ---- into the model that every floor reads ---- */

static void fill_model(struct bt_arena *a, const struct bt_gguf *g, struct bt_model *m)
{
    m->architecture = m->model_type = g->arch;
    m->layers = g->layers - g->nextn;
    m->hidden = g->hidden;
    m->vocab = g->vocab;
    m->max_position = g->context;
    m->rope_factor = 1;
    m->tied = !g->own_output;
    m->quantization = bt_gguf_is_plain(g->main_type) ? NULL : g->main_type;
    m->dtype = bt_dtype_parse(g->main_type);
    m->layer = BT_NEWN(a, struct bt_layer, m->layers);
    for (uint32_t i = 0; i < m->layers; i++) {
        const struct bt_gguf_layer *l = &g->layer[i];
        m->layer[i] = (struct bt_layer){ .mixer = l->sliding ? BT_MIX_SLIDING : BT_MIX_FULL, .window = l->sliding ? g->window : 0, .heads = l->heads,
                                         .kv_heads = l->kv_heads, .head_dim = l->k_dim, .intermediate = l->intermediate };
        m->heads = BT_MAX(m->heads, l->heads);
        m->kv_heads = BT_MAX(m->kv_heads, l->kv_heads);
        m->head_dim = BT_MAX(m->head_dim, l->k_dim);
        m->intermediate = BT_MAX(m->intermediate, l->intermediate);
    }
}

static const char *text_of(const struct bt_gguf_file *f, const char *name)
{
    const struct bt_gguf_kv *kv = bt_gguf_get(f, name);
    return kv && kv->type == BT_GG_STR ? kv->text : NULL;
}

int bt_gguf_fill(struct bt_arena *a, struct bt_gguf *g, struct bt_model *m, struct bt_err *err)
{
    look_at_tensors(m, g);
    fill_model(a, g, m);
    m->gguf = g;
    return bt_model_sum(m, err);
}

int bt_gguf_model(struct bt_arena *a, const char *what, const struct bt_gguf_file *f, struct bt_model *m, struct bt_err *err)
{
    const char *arch = text_of(f, "general.architecture"), *kind = text_of(f, "general.type");
    if (!arch || !*arch || strlen(arch) > 64)
        return bt_err_set(err, BT_E_INPUT, 0, "%s: no general.architecture", what);
    if (!strcmp(arch, "clip") || (kind && (!strcmp(kind, "adapter") || !strcmp(kind, "mmproj")))) {
        bt_err_set(err, BT_E_INPUT, 0, "%s: %s, not a language model", what, kind && !strcmp(kind, "adapter") ? "a LoRA adapter" : "a projector for images (mmproj)");
        return bt_err_hint(err, "give the model's own .gguf file");
    }
    struct bt_gguf *g = BT_NEW(a, struct bt_gguf);
    struct meta x = { a, f, what, arch, err };
    const struct family *fam = family_of(arch);
    g->arch = bt_model_shown(a, arch);
    g->name = text_of(f, "general.name") ? bt_model_shown(a, text_of(f, "general.name")) : NULL;
    g->version = f->version;
    if (read_sizes(&x, g) < 0 || read_layers(&x, fam, g) < 0 || read_state(&x, fam, g) < 0)
        return -1;
    return bt_gguf_fill(a, g, m, err);
}

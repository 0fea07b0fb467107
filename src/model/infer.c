/* infer.c - what a config does not say in words we know: from the shapes of the tensors, from what transformers assumes for the class, or assumed here; and that is said. */
#include <stdio.h>
#include "base/units.h"
#include "model/model_int.h"

/* latent: kv_a_proj_with_mqa's rows; lora, kv_b: columns and rows of kv_b_proj; o: columns of o_proj; experts, expert_inter: of one layer. */
struct seen { uint64_t layers, vocab, hidden, q, kv, qkv, inner, head_dim, latent, lora, kv_b, o, experts, expert_inter; };

static bool plain(enum bt_dtype d)
{
    return d == BT_DT_F32 || d == BT_DT_BF16 || d == BT_DT_F16;      /* packed numbers have other shapes */
}

/* "...experts.7.up_proj.weight": 8. All experts of a layer in one tensor: its first dimension. */
static uint64_t experts_of(const struct bt_tensor *t)
{
    const char *at = strstr(t->name, "experts.");
    unsigned n = 0;
    if (at && sscanf(at + 8, "%u", &n) == 1 && n < 65536)
        return n + 1;
    return t->rank == 3 ? t->shape[0] : 0;
}

static void look(const struct bt_tensor *t, struct seen *s)
{
    struct bt_tensor_place p = bt_tensor_place(t);
    if (p.layer >= 0 && !p.unused)
        s->layers = BT_MAX(s->layers, (uint64_t)p.layer + 1);
    if (p.unused)
        return;
    if (p.role == BT_T_EXPERT_IN || p.role == BT_T_EXPERT_OUT) {
        s->experts = BT_MAX(s->experts, experts_of(t));
        if (plain(t->dtype) && p.role == BT_T_EXPERT_OUT && t->rank >= 2)            /* down: its columns */
            s->expert_inter = BT_MAX(s->expert_inter, t->shape[t->rank - 1]);
        return;
    }
    if (!plain(t->dtype) || p.bias)
        return;
    uint64_t rows = t->rank ? t->shape[0] : 0, *most = NULL;
    switch (p.role) {
    case BT_T_EMBED:
        if (t->rank == 2 && t->shape[0] > s->vocab) {
            s->vocab = t->shape[0];
            s->hidden = t->shape[1];
        }
        return;
    case BT_T_Q: most = &s->q; break;
    case BT_T_K: most = &s->kv; break;
    case BT_T_QKV: most = &s->qkv; break;
    case BT_T_O: most = &s->o, rows = t->rank == 2 ? t->shape[1] : 0; break;
    case BT_T_LATENT_A:
        if (strstr(t->name, "kv_a_proj_with_mqa"))
            most = &s->latent;
        break;
    case BT_T_LATENT_B:
        s->lora = t->rank == 2 ? BT_MAX(s->lora, t->shape[1]) : s->lora;
        most = &s->kv_b;
        break;
    case BT_T_Q_B: most = strstr(t->name, "q_b_proj") ? &s->q : NULL; break;
    case BT_T_UP: case BT_T_GATE: most = &s->inner; break;
    case BT_T_GATE_UP: most = &s->inner, rows /= 2; break;
    case BT_T_QK_NORM: most = t->rank == 1 ? &s->head_dim : NULL; break;
    default: return;
    }
    if (most)
        *most = BT_MAX(*most, rows);
}

/* Heads of 128 numbers are by far the most common, then 64. */
static uint64_t head_dim_of(const struct seen *s, uint64_t q, uint64_t kv)
{
    static const uint64_t usual[] = { 128, 64, 256, 96, 80, 32 };
    if (s->head_dim && q % s->head_dim == 0 && kv % s->head_dim == 0)
        return s->head_dim;
    for (size_t i = 0; i < BT_LEN(usual); i++)
        if (q % usual[i] == 0 && kv % usual[i] == 0)
            return usual[i];
    return q;
}

/* Neither config nor tensors say how tokens are mixed: the weights are counted, and nothing that grows with a request. Sizes that are not known are 1, so
 * that activations stay a lower bound; the words say so. */
static void weights_alone(struct bt_arena *a, struct bt_model *m, uint32_t layers)
{
    uint64_t seen = 0;
    for (size_t i = 0; i < m->ntensors; i++)
        seen = BT_MAX(seen, (uint64_t)(bt_tensor_place(&m->tensors[i]).layer + 1));
    m->layers = BT_MAX(layers, seen && seen <= 4096 ? (uint32_t)seen : 1u);
    m->max_position = m->max_position ? m->max_position : 4096;
    m->lacks = NULL;
    m->layer = BT_NEWN(a, struct bt_layer, m->layers);
    for (uint32_t i = 0; i < m->layers; i++)
        m->layer[i] = (struct bt_layer){ .mixer = BT_MIX_NONE, .heads = 1, .kv_heads = 1, .head_dim = 1, .intermediate = m->intermediate };
    m->heads = m->kv_heads = m->head_dim = 1;
    m->hidden = BT_MAX(m->hidden, 1u);
    m->vocab = BT_MAX(m->vocab, 1u);
    m->unbounded = true;
    m->kv_unknown = true;
    m->guessed = bt_arena_printf(a, "%s is not known and its config does not say how it attends: KV is not counted, activations in part; at least %s for weights", m->architecture,
                                 bt_bytes_human(m->weight_bytes));
}

/* ---- keys that the config lacks ---- */

static void put(json_t *o, const char *key, uint64_t value)
{
    if (value && value <= 1u << 26)
        json_object_set_new(o, key, json_integer((json_int_t)value));
}

/* Latent attention: with n numbers of a head without place, r with, v of a value, q = heads x (n + r), kv_b = heads x (n + v), o = heads x v. */
static bool put_latent(json_t *o, const struct seen *s)
{
    if (s->latent <= s->lora || !s->lora || s->kv_b <= s->o || s->q + s->o <= s->kv_b)
        return false;
    uint64_t rope = s->latent - s->lora, turned = s->q - (s->kv_b - s->o), heads = turned / rope;
    if (!heads || turned % rope || s->o % heads || s->kv_b % heads)
        return false;
    put(o, "kv_lora_rank", s->lora);
    put(o, "qk_rope_head_dim", rope);
    put(o, "qk_nope_head_dim", (s->kv_b - s->o) / heads);
    put(o, "v_head_dim", s->o / heads);
    put(o, "num_attention_heads", heads);
    return true;
}

static void put_heads(json_t *o, const struct bt_model *m, const struct seen *seen)
{
    struct seen s = *seen;
    if (!s.q && s.qkv > s.hidden) {                  /* fused: what is more than q belongs to k and v in equal parts */
        s.q = s.hidden;
        s.kv = (s.qkv - s.hidden) / 2;
    }
    s.kv = s.kv ? s.kv : s.q;
    if (!s.q || put_latent(o, &s))
        return;
    uint64_t dim = m->heads && s.q % m->heads == 0 ? s.q / m->heads : head_dim_of(&s, s.q, s.kv);
    put(o, "head_dim", dim);
    put(o, "num_attention_heads", s.q / dim);
    put(o, "num_key_value_heads", BT_MAX(s.kv / dim, 1u));
}

#define ACTIVE 8                     /* experts of a token, where nothing says: Qwen3, DeepSeek, GLM, MiniMax */

static json_t *from_tensors(const struct bt_model *m, bool known)
{
    struct seen s = { 0 };
    json_t *o = json_object();
    for (size_t i = 0; i < m->ntensors; i++)
        look(&m->tensors[i], &s);
    put(o, "num_hidden_layers", s.layers <= 4096 ? s.layers : 0);
    put(o, "hidden_size", s.hidden <= 1 << 20 ? s.hidden : 0);
    put(o, "vocab_size", s.vocab);
    put(o, "intermediate_size", s.inner <= 1 << 24 ? s.inner : s.expert_inter);
    put_heads(o, m, &s);
    if (!known && s.experts > 1 && s.experts < 65536) {
        put(o, "num_experts", s.experts);
        put(o, "num_experts_per_tok", BT_MIN(s.experts, ACTIVE));
        put(o, "moe_intermediate_size", s.expert_inter);
    }
    return o;
}

/* What transformers' configuration classes assume for keys that are absent. */
static const struct { const char *architecture; uint32_t layers, hidden, intermediate, heads, kv_heads, vocab; } assumed[] = {
    { "LlamaForCausalLM", 32, 4096, 11008, 32, 32, 32000 },    { "MistralForCausalLM", 32, 4096, 14336, 32, 8, 32000 },     { "MixtralForCausalLM", 32, 4096, 14336, 32, 8, 32000 },
    { "Qwen2ForCausalLM", 32, 4096, 22016, 32, 32, 151936 },   { "Qwen3ForCausalLM", 32, 4096, 22016, 32, 32, 151936 },     { "Phi3ForCausalLM", 32, 3072, 8192, 32, 32, 32064 },
    { "GemmaForCausalLM", 28, 3072, 24576, 16, 16, 256000 },   { "Gemma2ForCausalLM", 26, 2304, 9216, 8, 4, 256000 },       { "Gemma3ForCausalLM", 26, 2304, 9216, 8, 4, 262208 },
    { "GptOssForCausalLM", 36, 2880, 2880, 64, 8, 201088 },    { "CohereForCausalLM", 40, 8192, 22528, 64, 64, 256000 },    { "GPT2LMHeadModel", 12, 768, 3072, 12, 12, 50257 },
    { "OPTForCausalLM", 12, 768, 3072, 12, 12, 50272 },        { "BertModel", 12, 768, 3072, 12, 12, 30522 },               { "RobertaModel", 12, 768, 3072, 12, 12, 50265 },
    { "XLMRobertaModel", 12, 768, 3072, 12, 12, 30522 },       { "ModernBertModel", 22, 768, 1152, 12, 12, 50368 },
};

#define HEAD_DIM 128
#define VOCAB 151936                 /* of the larger vocabularies: an embedding too large is no OOM */

static json_t *from_class(const struct bt_model *m)
{
    json_t *o = json_object();
    for (size_t i = 0; i < BT_LEN(assumed); i++)
        if (!strcmp(assumed[i].architecture, m->architecture)) {
            put(o, "num_hidden_layers", assumed[i].layers);
            put(o, "hidden_size", assumed[i].hidden);
            put(o, "intermediate_size", assumed[i].intermediate);
            put(o, "num_attention_heads", assumed[i].heads);
            put(o, "num_key_value_heads", m->heads ? 0 : assumed[i].kv_heads);
            put(o, "vocab_size", assumed[i].vocab);
        }
    return o;
}

/* Nothing says it: heads of 128 numbers that each keep their own keys and values (the most KV), a large vocabulary, an MLP four times as wide. Not layers and width. */
static json_t *from_nothing(const struct bt_model *m)
{
    json_t *o = json_object();
    if (m->layers && m->hidden) {
        put(o, "num_attention_heads", BT_MAX(m->hidden / HEAD_DIM, 1u));
        put(o, "vocab_size", VOCAB);
        put(o, "intermediate_size", BT_MIN(4ull * m->hidden, 1ull << 24));
    }
    return o;
}

static bool has_experts(const struct bt_model *m)
{
    for (uint32_t i = 0; i < m->layers; i++)
        if (m->layer[i].moe)
            return true;
    return false;
}

/* Of a class that is not known: the tensors have parts that its config says nothing of. */
static bool untold(const struct bt_model *m)
{
    bool experts = has_experts(m);
    for (size_t i = 0; i < m->ntensors; i++) {
        enum bt_tensor_role role = bt_tensor_place(&m->tensors[i]).role;
        if ((role == BT_T_EXPERT_IN && !experts) || (role == BT_T_LATENT_B && !m->kv_lora))
            return true;
    }
    return false;
}

/* Read again with `more` (taken); what was read of files and asked for stays. what_for: where the figures are from. */
static int again(struct bt_arena *a, const char *what, struct bt_str text, json_t *more, const char *what_for, struct bt_model *m, struct bt_err *err)
{
    struct bt_model next = { .id = m->id, .dir = m->dir, .source = m->source, .hub = m->hub, .tensors = m->tensors, .ntensors = m->ntensors, .parameters = m->parameters,
                             .weight_bytes = m->weight_bytes, .file_bytes = m->file_bytes, .shards = m->shards, .file = m->file };
    const char *before = m->lacks;
    int rc = json_object_size(more) ? bt_model_config_more(a, what, text, more, &next, err) : 0;
    bool better = rc == 0 && json_object_size(more) && (!before || next.lacks != before);
    json_decref(more);
    if (better) {
        next.guessed = bt_arena_printf(a, "%s %s; %s: %u layers, %u heads (%u KV heads) x %u, %u words%s, contexts of %u tokens", m->architecture,
                                       before ? bt_arena_printf(a, "has no \"%s\" in its config", before) : "is not known", what_for, next.layers, next.heads, next.kv_heads, next.head_dim,
                                       next.vocab, has_experts(&next) ? ", experts" : "", next.max_position);
        *m = next;
    }
    return rc;
}

int bt_model_complete(struct bt_arena *a, const char *what, struct bt_str text, struct bt_model *m, struct bt_err *err)
{
    bool known = bt_arch_of(m->architecture)->name[0] != 0, all = !m->lacks && !(m->ntensors && !known && untold(m));
    if (all && m->max_position)
        return 0;
    if (!all && m->ntensors && again(a, what, text, from_tensors(m, known), "from its tensors", m, err) < 0)
        return -1;
    if (m->lacks && !m->ntensors && known && again(a, what, text, from_class(m), "what transformers assumes for the class", m, err) < 0)
        return -1;
    if (m->lacks && !m->ntensors && again(a, what, text, from_nothing(m), "assumed", m, err) < 0)
        return -1;
    if (m->lacks && m->ntensors)
        weights_alone(a, m, m->layers);
    else if (m->lacks && known)
        return bt_err_set(err, BT_E_INPUT, 0, "%s: no \"%s\"", what, m->lacks);
    if (!m->max_position && !m->lacks) {
        m->max_position = 4096;
        m->guessed = bt_arena_printf(a, "%s; its config names no longest context: 4096 tokens assumed", m->guessed ? m->guessed : m->architecture);
    }
    return 0;
}

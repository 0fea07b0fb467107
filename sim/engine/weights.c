/* weights.c - a stage's parameters, made as the engine makes them: checkpoint tensors fused into its modules, cut by rank, in the served type.
 * vLLM model_executor/layers/linear.py, vocab_parallel_embedding.py, fused_moe, mamba, rotary_embedding; lora/layers. */
#include "sim/engine/rank.h"

struct se_stage se_stage_of(const struct se *e, unsigned tp, unsigned pp)
{
    uint32_t *layers = bt_xcalloc(e->s.pp, sizeof *layers);
    struct se_stage st = { .tp = tp, .pp = pp, .first = pp == 0, .last = pp == e->s.pp - 1 };
    for (unsigned i = 0; i < e->s.pp; i++)           /* VLLM_PP_LAYER_PARTITION was checked at the start */
        layers[i] = e->s.ncut == e->s.pp ? e->s.cut[i] : bt_engine_stage_layers(NULL, e->model->layers, e->s.pp, i);
    for (unsigned i = 0; i < pp; i++)
        st.first_layer += layers[i];
    st.layers = layers[pp];
    free(layers);
    return st;
}

unsigned se_elem(const struct se *e)
{
    enum bt_dtype asked = bt_dtype_parse(e->s.dtype ? e->s.dtype : "");
    unsigned bits = bt_dtype_bits(asked ? asked : e->model->dtype);
    return BT_MAX(bits / 8, 1u);
}

/* ---- one parameter collects the checkpoint tensors that become it ---- */

enum module { M_OWN, M_QKV, M_GATE_UP, M_SHARED, M_W13, M_W2, M_LATENT };
struct param { int layer; enum module module; const char *suffix; uint64_t bytes; };
struct params { struct param *p; size_t n, layer_from; int layer; };

static enum module module_of(enum bt_tensor_role role)
{
    switch (role) {
    case BT_T_Q: case BT_T_K: case BT_T_V: return M_QKV;
    case BT_T_GATE: case BT_T_UP: return M_GATE_UP;
    case BT_T_SHARED_IN: return M_SHARED;
    case BT_T_EXPERT_IN: return M_W13;
    case BT_T_EXPERT_OUT: return M_W2;
    case BT_T_LATENT_A: return M_LATENT;
    default: return M_OWN;
    }
}

static void collect(struct se *e, struct params *l, int layer, enum module module, const char *suffix, uint64_t bytes)
{
    for (size_t i = 0; module != M_OWN && i < l->n; i++)
        if (l->p[i].layer == layer && l->p[i].module == module && !strcmp(l->p[i].suffix, suffix)) {
            l->p[i].bytes += bytes;
            return;
        }
    BT_PUSH(&e->arena, l->p, l->n, ((struct param){ layer, module, suffix, bytes }));
}

/* ---- cutting ---- */

static bool plain(enum bt_dtype d)
{
    return d == BT_DT_F64 || d == BT_DT_F32 || d == BT_DT_BF16 || d == BT_DT_F16;
}

static bool linear(enum bt_tensor_role role)
{
    switch (role) {
    case BT_T_Q: case BT_T_K: case BT_T_V: case BT_T_QKV: case BT_T_O: case BT_T_GATE: case BT_T_UP: case BT_T_GATE_UP: case BT_T_DOWN:
    case BT_T_EXPERT_IN: case BT_T_EXPERT_OUT: case BT_T_SHARED_IN: case BT_T_SHARED_OUT: case BT_T_LATENT_A: case BT_T_LATENT_B: case BT_T_Q_B:
    case BT_T_STATE_IN: case BT_T_STATE_OUT: return true;
    default: return false;
    }
}

/* Floats follow --dtype; packed numbers, scales of 8 bits and block scales stay as they are. --quantization makes 8 or 4 bits of linear layers. */
static uint64_t served_bytes(const struct se *e, const struct bt_tensor *t, enum bt_tensor_role role)
{
    uint64_t n = 1;
    for (unsigned i = 0; i < t->rank; i++)
        n *= t->shape[i];
    size_t len = strlen(t->name);
    bool scale = len > 16 && !strcmp(t->name + len - 16, "weight_scale_inv");
    if (!plain(t->dtype) || scale)
        return t->bytes;
    struct bt_quant q;
    if (e->s.quantization && !e->model->quantization && t->rank >= 2 && linear(role) && bt_model_quant_method(e->s.quantization, &q)) {
        bool eight = q.kind == BT_QUANT_FP8 || q.kind == BT_QUANT_INT8;
        return eight ? n : n / 2 + (q.group ? n / q.group : 0);
    }
    return n * se_elem(e);
}

static uint64_t kv_heads_here(const struct se *e)
{
    return BT_MAX(e->model->kv_heads / e->s.tp, 1u);
}

/* gpt-oss: the kernels of MXFP4 want what a rank keeps of an expert's width in steps of 128, and its input in steps of 256. */
static uint64_t experts_here(const struct se *e, int layer, uint64_t bytes)
{
    const struct bt_moe *x = layer >= 0 && (uint32_t)layer < e->model->layers ? e->model->layer[layer].moe : NULL;
    uint64_t tp = e->s.tp;
    if (!x || !x->experts)
        return bytes / tp;
    tp *= BT_MAX(e->s.dp, 1u);       /* experts are one group over all engines, cut or dealt */
    if (e->s.expert_parallel)        /* the first ranks take what is left over */
        return bytes / x->experts * bt_ceil_div(x->experts, tp);
    if (e->model->quant.kind != BT_QUANT_MXFP4 || x->intermediate < tp)
        return bytes / tp;
    double width = (double)x->intermediate / (double)tp, hidden = e->model->hidden;
    return (uint64_t)((double)bytes / (double)tp * ((double)bt_round_up((uint64_t)width, 128) / width) *
                      ((double)bt_round_up((uint64_t)hidden, 256) / hidden));
}

/* Towers: attention and MLPs are parallel layers where the heads divide; patches, positions and norms are on every rank. */
static uint64_t tower_here(const struct se *e, const struct bt_tensor *t, uint64_t bytes)
{
    const struct bt_tower *w = strstr(t->name, "audio") ? &e->model->audio : &e->model->tower;
    bool mlp = strstr(t->name, ".mlp") || strstr(t->name, ".fc"), attention = strstr(t->name, "attn") || strstr(t->name, "attention"),
         join = strstr(t->name, "merger");
    bool heads = w->heads && w->heads % e->s.tp == 0;
    return mlp || (heads && (attention || join)) ? bytes / e->s.tp : bytes;
}

static uint64_t cut(const struct se *e, const struct bt_tensor *t, struct bt_tensor_place at, uint64_t bytes)
{
    const struct bt_model *m = e->model;
    uint64_t tp = e->s.tp, kv = BT_MAX(m->kv_heads, 1u);
    switch (at.role) {
    case BT_T_EMBED: case BT_T_LM_HEAD: {
        uint64_t rows = t->rank ? t->shape[0] : 1;
        return bytes / BT_MAX(rows, 1u) * (bt_round_up(BT_MAX(rows, (uint64_t)m->vocab), 64) / tp);
    }
    case BT_T_Q:
    case BT_T_GATE:
    case BT_T_UP:
    case BT_T_GATE_UP:
    case BT_T_SHARED_IN:
    case BT_T_LATENT_B:
    case BT_T_Q_B:
    case BT_T_STATE_IN:
    case BT_T_STATE: return bt_ceil_div(bytes, tp);
    case BT_T_K: case BT_T_V:
        return bytes / kv * kv_heads_here(e);
    case BT_T_QKV:
        return bytes / (m->heads + 2 * kv) * (m->heads / tp + 2 * kv_heads_here(e));
    case BT_T_O: case BT_T_DOWN: case BT_T_SHARED_OUT: case BT_T_STATE_OUT:      /* the bias is added once, after the sum over ranks */
        return at.bias ? bytes : bt_ceil_div(bytes, tp);
    case BT_T_EXPERT_IN: return experts_here(e, at.layer, bytes);
    case BT_T_EXPERT_OUT: return at.bias ? bytes : experts_here(e, at.layer, bytes);
    case BT_T_TOWER: return tower_here(e, t, bytes);
    default: return bytes;
    }
}

static bool on_stage(const struct se *e, const struct se_stage *st, const struct bt_tensor *t, struct bt_tensor_place at)
{
    const struct bt_model *m = e->model;
    if (!strncmp(t->name, "mtp.", 4) || strstr(t->name, ".mtp.") || strstr(t->name, "rotary_emb.inv_freq") || at.layer >= (int)m->layers)
        return false;
    if (at.layer >= 0)
        return (uint32_t)at.layer - st->first_layer < st->layers;
    switch (at.role) {
    case BT_T_EMBED: return st->first || (st->last && m->tied);
    case BT_T_LM_HEAD: return st->last && !m->tied && !m->pooling;
    case BT_T_NORM: return st->last;
    case BT_T_TOWER: case BT_T_TOWER_NORM: return st->first && !e->more.text_only;
    default: return true;
    }
}

/* Folding kv_b_proj into q and o needs its halves in 16 bits: views of it, or copies where it is packed. */
static void latent_halves(struct se *e, const struct se_stage *st, struct params *l)
{
    const struct bt_model *m = e->model;
    for (uint32_t i = st->first_layer; m->quantization && i < st->first_layer + st->layers; i++)
        if (m->layer[i].mixer == BT_MIX_MLA) {
            uint64_t numbers = (uint64_t)(m->heads / e->s.tp) * m->kv_lora * se_elem(e);
            collect(e, l, (int)i, M_OWN, "W_UK_T", numbers * m->qk_nope);
            collect(e, l, (int)i, M_OWN, "W_UV", numbers * m->v_head);
        }
}

static void rotary_tables(struct se *e, struct params *l)
{
    const struct bt_model *m = e->model;
    double rotated = m->kv_lora ? m->qk_rope : m->rotary_share * m->head_dim, stretch = m->rope_factor > 1 ? m->rope_factor : 1;
    for (uint32_t i = 0; i < m->rotary_tables; i++)
        collect(e, l, -1, M_OWN, "cos_sin_cache", (uint64_t)((double)m->max_position * stretch * rotated * se_elem(e) * (i ? 1 : m->rotary_stretch)));
}

static size_t done(struct se *e, const struct params *l, uint64_t **bytes)
{
    *bytes = BT_NEWN(&e->arena, uint64_t, l->n + 1);
    for (size_t i = 0; i < l->n; i++)
        (*bytes)[i] = l->p[i].bytes;
    return l->n;
}

size_t se_weights(struct se *e, const struct se_stage *st, uint64_t **bytes)
{
    const struct bt_model *m = e->model;
    struct params l = { 0 };
    for (size_t i = 0; i < m->ntensors; i++) {
        const struct bt_tensor *t = &m->tensors[i];
        struct bt_tensor_place at = bt_tensor_place(t);
        const char *dot = strrchr(t->name, '.');
        if (on_stage(e, st, t, at))
            collect(e, &l, at.layer, module_of(at.role), dot ? dot + 1 : t->name, cut(e, t, at, served_bytes(e, t, at.role)));
    }
    latent_halves(e, st, &l);
    rotary_tables(e, &l);
    for (uint32_t i = 0; st->first && i < m->tower.mergers; i++)     /* Qwen3-VL: what its tower hands to the first layers, a batch long */
        collect(e, &l, -1, M_OWN, "deepstack", e->s.max_batched_tokens * m->hidden * se_elem(e));
    return done(e, &l, bytes);
}

/* ---- LoRA: A and B of every linear layer, all slots at once ---- */

static bool lora_vocab(const char *architecture)
{
    static const char *const names[] = { "LlamaForCausalLM", "MistralForCausalLM", "MixtralForCausalLM", "GraniteForCausalLM", "GemmaForCausalLM" };
    for (size_t i = 0; i < BT_LEN(names); i++)
        if (!strcmp(architecture, names[i]))
            return true;
    return false;
}

size_t se_lora_slots(struct se *e, const struct se_stage *st, uint64_t **bytes)
{
    const struct bt_serve *s = &e->s;
    const struct bt_model *m = e->model;
    struct params l = { 0 };
    if (!s->lora)
        return done(e, &l, bytes);
    uint64_t each = s->max_loras * s->max_lora_rank * (s->lora_dtype && strcmp(s->lora_dtype, "auto") ? 2 : se_elem(e)), h = m->hidden, tp = s->tp;
    for (uint32_t i = st->first_layer; i < st->first_layer + st->layers; i++) {
        const struct bt_layer *y = &m->layer[i];
        uint64_t q = (uint64_t)y->heads * y->head_dim / tp, kv = (uint64_t)BT_MAX(y->kv_heads / tp, 1u) * y->head_dim, inner = y->intermediate / tp;
        if (y->mixer == BT_MIX_STATE || y->mixer == BT_MIX_NONE)
            q = kv = 0;
        uint64_t part[] = { h, h, h, q, kv, kv, q, h, h, h, inner, inner, inner, h };           /* A and B of q, k, v; of o; of gate, up; of down */
        for (size_t k = 0; k < BT_LEN(part); k++)
            collect(e, &l, (int)i, M_OWN, "lora", BT_MAX(part[k], 1u) * each);
    }
    if (lora_vocab(m->architecture)) {
        uint64_t part[] = { m->vocab, st->first ? h : 0, m->vocab, st->last ? h : 0 };
        for (size_t k = 0; k < BT_LEN(part); k++)
            if (k < 2 ? st->first : st->last)
                collect(e, &l, -1, M_OWN, "lora", part[k] * each);
    }
    return done(e, &l, bytes);
}

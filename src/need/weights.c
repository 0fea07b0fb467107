/* weights - what "Model loading took" will say: the engine's fused tensors, sharded, each as large as its allocator block. */
#include "need/parts.h"

uint64_t need_block_bytes(uint64_t tensor_bytes)
{
    uint64_t n = bt_round_up(BT_MIN(tensor_bytes, BT_NEED_CAP), 512);
    if (n < 10 * MiB)
        return n;
    uint64_t segment = bt_round_up(n, 2 * MiB);
    return segment - n <= MiB ? segment : n;
}

uint64_t need_loaded_bytes(const struct need_in *in, uint64_t tensor_bytes)
{
    uint64_t n = need_block_bytes(tensor_bytes);
    return in->version->loads_unsplit && !need_is_host(in->card) && n >= 20 * MiB ? bt_round_up(n, 2 * MiB) : n;
}

/* Tensors that the engine keeps as one: they share a block. */
enum fused { F_QKV, F_O, F_GATE_UP, F_DOWN, F_EMBED, F_HEAD, F_W13, F_W2, F_SHARED_IN, F_SHARED_OUT, F_LATENT_A, F_OWN };
enum shard { SH_WHOLE, SH_TP, SH_KV, SH_QKV, SH_EXPERTS };
    /* whole on every rank; cut by tp; by KV heads; q by tp with k, v by KV heads; every expert by tp or whole experts by EP */

static const struct { enum fused fused; enum shard shard; bool whole_bias, linear; } roles[] = {
    [BT_T_OTHER] = { F_OWN, SH_WHOLE, false, false },     [BT_T_EMBED] = { F_EMBED, SH_TP, false, false }, [BT_T_LM_HEAD] = { F_HEAD, SH_TP, false, false },
    [BT_T_NORM] = { F_OWN, SH_WHOLE, false, false },      [BT_T_QK_NORM] = { F_OWN, SH_WHOLE, false, false },
    [BT_T_Q] = { F_QKV, SH_TP, false, true },             [BT_T_K] = { F_QKV, SH_KV, false, true },        [BT_T_V] = { F_QKV, SH_KV, false, true },
    [BT_T_QKV] = { F_QKV, SH_QKV, false, true },          [BT_T_O] = { F_O, SH_TP, true, true },           [BT_T_GATE] = { F_GATE_UP, SH_TP, false, true },
    [BT_T_UP] = { F_GATE_UP, SH_TP, false, true },        [BT_T_GATE_UP] = { F_GATE_UP, SH_TP, false, true }, [BT_T_DOWN] = { F_DOWN, SH_TP, true, true },
    [BT_T_ROUTER] = { F_OWN, SH_WHOLE, false, false },    [BT_T_EXPERT_IN] = { F_W13, SH_EXPERTS, false, true }, [BT_T_EXPERT_OUT] = { F_W2, SH_EXPERTS, false, true },
    [BT_T_SHARED_IN] = { F_SHARED_IN, SH_TP, false, true }, [BT_T_SHARED_OUT] = { F_SHARED_OUT, SH_TP, true, true },
    [BT_T_LATENT_A] = { F_LATENT_A, SH_WHOLE, false, true }, [BT_T_LATENT_B] = { F_OWN, SH_TP, false, true }, [BT_T_Q_B] = { F_OWN, SH_TP, false, true },
    [BT_T_STATE_IN] = { F_OWN, SH_TP, false, true },      [BT_T_STATE] = { F_OWN, SH_TP, false, false },   [BT_T_STATE_OUT] = { F_OWN, SH_TP, true, true },
    [BT_T_TOWER] = { F_OWN, SH_WHOLE, false, false },     [BT_T_TOWER_NORM] = { F_OWN, SH_WHOLE, false, false }, [BT_T_POSITION] = { F_OWN, SH_WHOLE, false, false },
};       /* o and down are cut along their input, so their bias is added once and kept whole (vLLM layers/linear.py RowParallelLinear) */

struct piece { int layer; enum fused fused; bool tower; const char *suffix; uint64_t bytes, count; struct piece *next; };       /* count: so many blocks of that size */

struct tally { struct piece **of_layer; struct bt_quant online; uint64_t layers, experts, embed, head, tower, other, rotary, absorbed, between, draft; };
    /* of_layer[0]: tensors outside the layers; online: quantised while loading */

static bool is_float(enum bt_dtype d)
{
    return d == BT_DT_F64 || d == BT_DT_F32 || d == BT_DT_BF16 || d == BT_DT_F16;
}

/* Bits of a number that the engine quantises while loading. */
static unsigned online_bits(const struct bt_quant *q)
{
    switch (q->kind) {
    case BT_QUANT_FP8: case BT_QUANT_INT8: return 8;
    case BT_QUANT_NF4: case BT_QUANT_INT4: case BT_QUANT_MXFP4: case BT_QUANT_NVFP4: return 4;
    default: return 0;
    }
}

/* Bytes of a tensor once loaded: plain numbers become the serving dtype, packed ones stay as they are. */
static uint64_t loaded_bytes(const struct tally *y, const struct bt_tensor *t, enum bt_tensor_role role, unsigned elem)
{
    if (!is_float(t->dtype) || (t->dtype == BT_DT_F32 && bt_str_ends(bt_str(t->name), "weight_scale_inv")))
        return t->bytes;
    uint64_t count = 1;
    for (unsigned i = 0; i < t->rank; i++)
        count = sat_mul(count, t->shape[i]);
    unsigned bits = roles[role].linear && t->rank >= 2 ? online_bits(&y->online) : 0;
    if (bits)                        /* and a scale of 8 bits for each group of numbers */
        return sat_add(bt_ceil_div(count, 8 / bits), y->online.group ? count / y->online.group : 0);
    return sat_mul(count, elem);
}

/* MXFP4 experts are padded for their kernel: the input of each to 256, what a rank keeps of its width to 128 (vLLM layers/quantization/mxfp4.py). */
static uint64_t padded_expert(const struct need_in *in, const struct bt_moe *x, uint64_t bytes, uint64_t cut)
{
    const struct bt_quant *q = &in->model->quant;
    if ((q->kind != BT_QUANT_MXFP4 && q->experts != BT_QUANT_MXFP4) || !x || !x->intermediate)
        return bt_ceil_div(bytes, cut);
    uint64_t width = bt_ceil_div(x->intermediate, cut), hidden = in->model->hidden;
    double grown = (double)bt_round_up(width, 128) / (double)width * (double)bt_round_up(hidden, 256) / (double)hidden;
    return sat_f64((double)bytes / (double)cut * grown);
}

static uint64_t expert_bytes(const struct need_in *in, const struct bt_moe *x, uint64_t whole)
{
    const struct bt_serve *s = in->serve;
    uint64_t ranks = sat_mul(s->tp, BT_MAX(s->dp, 1u));
    if (!s->expert_parallel || !x)   /* vLLM cuts experts by all ranks of tp x dp (fused_moe/config.py, flatten_tp_across_dp) */
        return padded_expert(in, x, whole, x ? ranks : s->tp);
    uint64_t mine = bt_ceil_div(x->experts, ranks);
    return padded_expert(in, x, sat_mul(whole / x->experts, mine), 1);
}

static uint64_t shard_bytes(const struct need_in *in, enum shard how, int layer, uint64_t whole)
{
    const struct bt_model *m = in->model;
    uint64_t tp = in->serve->tp, kv = BT_MAX(m->kv_heads, 1u), heads = BT_MAX(m->heads, 1u);
    uint64_t kv_parts = BT_MIN(tp, kv);              /* fewer KV heads than ranks: one head each, replicated */
    switch (how) {
    case SH_TP:  return bt_ceil_div(whole, tp);
    case SH_KV:  return bt_ceil_div(whole, kv_parts);
    case SH_QKV: {
        uint64_t head = whole / (heads + 2 * kv);
        return head * (heads / tp) + 2 * head * (kv / kv_parts);
    }
    case SH_EXPERTS: return expert_bytes(in, layer >= 0 ? m->layer[layer].moe : NULL, whole);
    case SH_WHOLE: break;
    }
    return whole;
}

/* A tower is cut like the language model; where TP does not divide its heads, only its MLPs are (vLLM models/intern_vit.py). */
static uint64_t tower_bytes(const struct need_in *in, const struct bt_tensor *t, uint64_t whole)
{
    const struct bt_tower *w = strstr(t->name, "audio") ? &in->model->audio : &in->model->tower;
    bool mlp = strstr(t->name, "mlp.") || strstr(t->name, ".fc"), heads = w->heads && w->heads % in->serve->tp == 0;
    return mlp || heads ? bt_ceil_div(whole, in->serve->tp) : whole;
}

/* The vocabulary is padded to 64 rows before it is cut (vLLM layers/vocab_parallel_embedding.py). */
static uint64_t vocab_bytes(const struct need_in *in, const struct bt_tensor *t, uint64_t whole)
{
    uint64_t rows = t->rank ? t->shape[0] : 0, vocab = BT_MAX(in->model->vocab, rows);
    if (!rows)
        return whole;
    return sat_mul(whole / rows, bt_ceil_div(bt_round_up(vocab, 64), in->serve->tp));
}

static uint64_t table_bytes(const struct need_in *in, const struct bt_tensor *t, uint64_t whole)
{
    uint64_t rows = BT_MAX(t->shape[0], 1u);
    return sat_mul(whole / rows, bt_ceil_div(bt_round_up(rows, 64), in->serve->tp));
}

static void tally_add(const struct need_in *in, struct tally *y, int layer, enum fused fused, bool tower, const char *suffix, uint64_t bytes, uint64_t count)
{
    struct piece **head = &y->of_layer[layer + 1];
    if (fused != F_OWN)
        for (struct piece *p = *head; p; p = p->next)
            if (p->fused == fused && !strcmp(p->suffix, suffix)) {
                p->bytes = sat_add(p->bytes, sat_mul(bytes, count));
                return;
            }
    struct piece *p = BT_NEW(in->arena, struct piece);
    bool own = fused == F_OWN;
    *p = (struct piece){ .layer = layer, .fused = fused, .tower = tower, .suffix = suffix, .bytes = own ? bytes : sat_mul(bytes, count), .count = own ? count : 1, .next = *head };
    *head = p;
}

/* Is the tensor loaded on this stage at all? */
static bool on_stage(const struct need_in *in, const struct bt_tensor *t, const struct bt_tensor_place *place)
{
    if (place->layer >= 0)
        return (uint32_t)place->layer >= in->first_layer && (uint32_t)place->layer - in->first_layer < in->layers;
    if (place->role == BT_T_EMBED)
        return in->first || (in->last && in->model->tied);
    if (place->role == BT_T_LM_HEAD)
        return in->last && !in->model->tied && !need_pools(in->model, in->serve);      /* a tied checkpoint may carry a copy: the engine skips it */
    if (place->role == BT_T_TOWER || place->role == BT_T_TOWER_NORM)
        return in->first && !need_text_alone(in, strstr(t->name, "audio") != NULL);
    if (place->role == BT_T_NORM)
        return in->last;
    return true;
}

static void tally_tensor(const struct need_in *in, struct tally *y, const struct bt_tensor *t, uint64_t count)
{
    struct bt_tensor_place place = bt_tensor_place(t);
    if (!on_stage(in, t, &place) || place.layer >= (int)in->model->layers)
        return;
    if (place.unused)                                /* layers for drafting are a line of their own; old checkpoints carry a table that the engine computes */
        return;
    uint64_t bytes = loaded_bytes(y, t, place.role, in->elem);
    if (place.role == BT_T_EMBED || place.role == BT_T_LM_HEAD)
        bytes = vocab_bytes(in, t, bytes);
    else if (place.role == BT_T_POSITION && in->model->bert && t->rank == 2)      /* an embedding like that of the words (vLLM models/bert.py) */
        bytes = table_bytes(in, t, bytes);
    else if (place.role == BT_T_TOWER)
        bytes = tower_bytes(in, t, bytes);
    else if (!(place.bias && roles[place.role].whole_bias))
        bytes = shard_bytes(in, roles[place.role].shard, place.layer, bytes);
    if (place.role == BT_T_K && place.layer >= 0 && in->model->layer[place.layer].k_is_v)
        bytes = sat_mul(bytes, 2);                   /* loaded into the place of the values as well (vLLM models/gemma4.py) */
    tally_add(in, y, place.layer, roles[place.role].fused, place.role == BT_T_TOWER || place.role == BT_T_TOWER_NORM, place.last, bytes, count);
}

/* MLA folds the two halves of kv_b_proj into q and o: views of it in 16 bits, copies where it is quantised (vLLM layers/attention/mla_attention.py).
 * 0.7 multiplied them out and kept the products: q's with the keys' half, the values' half with o, and q's part for the positions; in 8 bits, without
 * copies of the halves, where the weights are FP8. */
static uint64_t product_bytes(const struct need_in *in)
{
    const struct bt_model *m = in->model;
    uint64_t heads = bt_ceil_div(m->heads, in->serve->tp), q = m->q_lora ? m->q_lora : m->hidden, elem = m->quant.kind == BT_QUANT_FP8 ? 1 : in->elem;
    uint64_t w[] = { sat_mul(sat_mul(q * heads, m->kv_lora), elem), sat_mul(sat_mul((uint64_t)m->hidden * heads, m->kv_lora), elem), sat_mul(sat_mul(q * heads, m->qk_rope), in->elem) }, sum = 0;
    for (size_t i = 0; i < BT_LEN(w); i++)
        sum = sat_add(sum, need_loaded_bytes(in, w[i]));
    return sum;
}

static uint64_t absorbed_bytes(const struct need_in *in)
{
    const struct bt_model *m = in->model;
    if (!m->kv_lora || in->version->latent_expanded)
        return 0;
    if (in->version->latent_products)
        return product_bytes(in);
    uint64_t latent = sat_mul(bt_ceil_div(m->heads, in->serve->tp), m->kv_lora), halves[] = { sat_mul(latent, m->qk_nope), sat_mul(latent, m->v_head) }, sum = 0;
    for (size_t i = 0; m->quantization && i < BT_LEN(halves); i++)
        sum = sat_add(sum, need_loaded_bytes(in, sat_mul(halves[i], in->elem)));
    return sum;
}

static void tally_sum(const struct need_in *in, struct tally *y)
{
    for (uint32_t i = 0; i <= in->model->layers; i++)
        for (const struct piece *p = y->of_layer[i]; p; p = p->next) {
            uint64_t *to = p->fused == F_W13 || p->fused == F_W2 ? &y->experts : p->layer >= 0 ? &y->layers : p->tower ? &y->tower : p->fused == F_EMBED ? &y->embed : p->fused == F_HEAD ? &y->head : &y->other;
            *to = sat_add(*to, sat_mul(need_loaded_bytes(in, p->bytes), p->count));
        }
    /* one cos/sin table for the whole stage, in the serving dtype (vLLM layers/rotary_embedding); two where local layers rotate otherwise */
    const struct bt_model *m = in->model;
    double rotated = m->kv_lora ? m->qk_rope : m->rotary_share * m->head_dim;
    double table = (double)bt_need_model_context(m) * rotated * in->elem;
    for (uint32_t i = 0; i < m->rotary_tables; i++)
        y->rotary = sat_add(y->rotary, need_loaded_bytes(in, sat_f64(table * (i ? 1 : m->rotary_stretch))));
    for (uint32_t i = in->first_layer; i < in->first_layer + in->layers; i++)
        if (m->layer[i].mixer == BT_MIX_MLA)
            y->absorbed = sat_add(y->absorbed, absorbed_bytes(in));
}

/* Qwen3-VL keeps what its tower hands to the first layers in buffers of a whole batch, made with the model (vLLM models/qwen3_vl.py). */
static uint64_t between_bytes(const struct need_in *in)
{
    const struct bt_model *m = in->model;
    return in->first && !need_text_alone(in, false) ? sat_mul(m->tower.mergers, need_loaded_bytes(in, sat_mul(sat_mul(in->serve->max_batched_tokens, m->hidden), in->elem))) : 0;
}

#define DRAFT_VOCAB 32000            /* words that an EAGLE-3 head drafts from, in the published ones */

/* A head of its own: 16 bit, a dense layer that reads embeddings beside hidden states, a projection of three of them, and a small lm_head (vLLM models/llama_eagle3.py). */
static uint64_t head_bytes(const struct need_in *in)
{
    const struct bt_model *m = in->model;
    uint64_t h = m->hidden, heads = (uint64_t)m->head_dim * (m->heads + 2ull * m->kv_heads), mlp = 3ull * m->intermediate;
    uint64_t numbers = sat_add(sat_add(sat_mul(2 * h, heads), sat_mul(h, (uint64_t)m->head_dim * m->heads)), sat_add(sat_mul(h, mlp), sat_mul(h, DRAFT_VOCAB)));
    return sat_add(bt_ceil_div(sat_mul(numbers, in->elem), in->serve->tp), sat_mul(sat_mul(3 * h, h), in->elem));
}

/* Numbers of one rank's part of a drafting layer: the last layer of the model that attends, and its MLP or experts. */
static uint64_t plain_layer(const struct need_in *in)
{
    const struct bt_model *m = in->model;
    const struct bt_layer *l = &m->layer[m->layers - 1];
    for (uint32_t i = m->layers; i-- > 0 && (l->mixer == BT_MIX_STATE || l->mixer == BT_MIX_NONE);)
        l = &m->layer[i];
    uint64_t h = m->hidden, q = sat_mul(l->heads, l->head_dim), kv = sat_mul(l->kv_heads, l->head_dim);
    uint64_t attention = sat_mul(h, sat_add(sat_mul(m->attn_gate ? 3 : 2, q), sat_mul(2, kv)));
    if (m->kv_lora) {
        uint64_t keys = sat_mul(m->heads, (uint64_t)m->qk_nope + m->qk_rope), values = sat_mul(m->heads, m->v_head);
        attention = m->q_lora ? sat_mul(m->q_lora, sat_add(h, keys)) : sat_mul(h, keys);
        attention = sat_add(attention, sat_mul(h, sat_add((uint64_t)m->kv_lora + m->qk_rope, values)));
        attention = sat_add(attention, sat_mul(m->kv_lora, sat_add(sat_mul(m->heads, m->qk_nope), values)));
    }
    uint64_t mlp = sat_mul(3 * h, l->intermediate);
    if (l->moe)
        mlp = sat_add(mlp, sat_mul(3 * h, sat_add(sat_mul(l->moe->experts, l->moe->intermediate), l->moe->shared_intermediate)));
    return bt_ceil_div(sat_add(attention, mlp), in->serve->tp);
}

/* A drafter that is a model: loaded as it would be alone, by as many ranks as draft_tensor_parallel_size says (vLLM v1/spec_decode/draft_model.py, eagle.py). */
static uint64_t drafter_bytes(const struct need_in *in, const struct need_draft *draft)
{
    struct bt_serve alone = *in->serve;
    struct bt_need_line line = { 0 };
    struct bt_err ignored = { 0 };
    uint64_t host = 0;
    alone.extra = (struct bt_strs){ 0 };
    alone.tp = BT_MAX(draft->tp, 1u);
    alone.cpu_offload_gib = 0;
    alone.quantization = NULL;
    struct need_in mine = *in;
    mine.model = draft->model;
    mine.like = NULL;
    mine.serve = &alone;
    mine.first = mine.last = true;
    mine.first_layer = 0;
    mine.layers = draft->model->layers;
    return need_weights(&mine, &line, &host, &ignored) < 0 ? 0 : line.bytes;
}

/* A model's own drafting layers (MTP) are loaded with --speculative-config: each like a layer of the model, and one projection of two hidden states. */
static uint64_t draft_bytes(const struct need_in *in, const struct tally *y)
{
    const struct bt_model *m = in->model;
    struct need_draft draft = need_draft(m, in->serve);
    if (!in->last || !draft.layers || !in->layers)
        return 0;
    if (draft.model)
        return drafter_bytes(in, &draft);
    if (draft.flash)                 /* and one projection of as many hidden states (vLLM models/qwen3_dflash.py) */
        return sat_mul(draft.layers, sat_mul(sat_add(plain_layer(in), sat_mul(m->hidden, m->hidden)), in->elem));
    if (draft.head)
        return head_bytes(in);
    uint64_t layer = bt_model_drafts_plain(m) ? sat_mul(plain_layer(in), in->elem) : sat_add(y->layers, y->experts) / in->layers, join = sat_mul(sat_mul(2ull * m->hidden, m->hidden), in->elem);
    return sat_mul(draft.layers, sat_add(layer, bt_ceil_div(join, in->serve->tp)));
}

static const char *explain(const struct need_in *in, const struct tally *y)
{
    const struct bt_model *m = in->model;
    bt_auto_buf struct bt_buf b = BT_BUF(2048);
    if (in->layers == m->layers)
        bt_buf_printf(&b, "%u layers %s", m->layers, bt_bytes_human(y->layers));
    else
        bt_buf_printf(&b, "layers %u-%u of %u: %s", in->first_layer, in->first_layer + in->layers - 1, m->layers, bt_bytes_human(y->layers));
    if (y->experts)
        bt_buf_printf(&b, ", experts %s", bt_bytes_human(y->experts));
    if (y->absorbed)
        bt_buf_printf(&b, ", kv_b_proj folded into q and o for MLA %s", bt_bytes_human(y->absorbed));
    if (y->tower)
        bt_buf_printf(&b, ", %s %s", m->cross_tokens ? "encoder" : "vision tower", bt_bytes_human(y->tower));
    struct need_draft draft = need_draft(m, in->serve);
    if (y->draft)
        bt_buf_printf(&b, ", %s%s%u drafting layer%s %s", draft.model ? draft.model->id : "", draft.model ? ": " : "", draft.layers,
                      bt_arena_printf(in->arena, "%s%s", draft.layers > 1 ? "s" : "", draft.head ? " of its own checkpoint" : ""), bt_bytes_human(y->draft));
    if (y->between)
        bt_buf_printf(&b, ", buffers between tower and layers %s", bt_bytes_human(y->between));
    if (y->embed)
        bt_buf_printf(&b, ", %s %s", m->tied ? "tied embedding" : "embedding", bt_bytes_human(y->embed));
    if (y->head)
        bt_buf_printf(&b, ", lm_head %s", bt_bytes_human(y->head));
    if (y->other >= MiB)             /* a final norm of some KiB is not worth a word */
        bt_buf_printf(&b, ", other %s", bt_bytes_human(y->other));
    if (y->rotary)
        bt_buf_printf(&b, ", rotary table %s", bt_bytes_human(y->rotary));
    if (in->serve->tp > 1)
        bt_buf_printf(&b, "; cut by TP %llu", (unsigned long long)in->serve->tp);
    if (y->online.kind != BT_QUANT_NONE)
        bt_buf_printf(&b, "; quantised while loading (%.40s)", in->serve->quantization);
    if (m->guessed)
        bt_buf_printf(&b, "; an estimate: %s", m->guessed);
    bt_buf_puts(&b, "; tensors fused as the engine does, in allocator blocks (its \"Model loading took\")");
    return bt_arena_strdup(in->arena, bt_buf_z(&b));
}

static struct bt_quant online_quant(const struct need_in *in)
{
    struct bt_quant q = { 0 };
    if (in->serve->quantization && !in->model->quantization && !bt_model_quant_method(in->serve->quantization, &q))
        q = (struct bt_quant){ 0 };
    return q;
}

/* 16-bit tensors are exact; what is derived without files, packed or guessed is not. */
static uint64_t unsure(const struct need_in *in, const struct tally *y, uint64_t total)
{
    const struct bt_model *m = in->model;
    bool files = m->source == BT_MODEL_HEADERS;
    uint64_t off = sat_add(sat_add(files ? 0 : y->tower / 10, y->draft / 2), m->quantization || y->online.kind != BT_QUANT_NONE ? total / 50 : 0);
    if (!files && m->quant.kind == BT_QUANT_NVFP4 && !m->quant.nignore)
        off = sat_add(off, total / 4);               /* which layers stay in 16 bits is not said: up to 31 % more in real starts */
    return m->guessed ? sat_add(off, total / (files ? 50 : 5)) : off;
}

/* No card decides what is loaded: of a card only that it is none counts, and how large a batch is on it, for buffers between tower and layers. What was measured is
 * of one card. */
static const struct bt_need_rank *known_rank(const struct need_in *in)
{
    const struct bt_need *n = in->like;
    if (!n || n->on_host != need_is_host(in->card) || n->rank[in->pp_rank].learned)
        return NULL;
    return in->model->tower.mergers && n->serve.max_batched_tokens != in->serve->max_batched_tokens ? NULL : &n->rank[in->pp_rank];
}

int need_weights(const struct need_in *in, struct bt_need_line *line, uint64_t *host_bytes, struct bt_err *err)
{
    const struct bt_model *m = in->model;
    const struct bt_need_rank *known = known_rank(in);
    if (known) {
        *line = known->line[0];
        *host_bytes = known->host_bytes;
        return 0;
    }
    if (!m->ntensors)
        return bt_err_set(err, BT_E_INPUT, 0, "%s: no list of tensors, so the bytes of its weights are not known", m->id);
    struct tally y = { .online = online_quant(in), .of_layer = BT_NEWN(in->arena, struct piece *, (size_t)m->layers + 1) };
    for (size_t i = 0; i < (m->nalike ? m->nalike : m->ntensors); i++)
        tally_tensor(in, &y, m->nalike ? m->alike[i].t : &m->tensors[i], m->nalike ? m->alike[i].count : 1);
    tally_sum(in, &y);
    y.between = between_bytes(in);
    y.draft = draft_bytes(in, &y);
    uint64_t parts[] = { y.layers, y.experts, y.embed, y.head, y.tower, y.other, y.rotary, y.absorbed, y.between, y.draft }, total = 0;
    for (size_t i = 0; i < BT_LEN(parts); i++)
        total = sat_add(total, parts[i]);
    const char *why = explain(in, &y);

    /* Parameters of the repeated layers only, one after the other until the bytes are reached: embedding and head stay (vLLM models/utils.py make_layers,
     * later model_executor/offloader; the same in every version since 0.5.4). The last one may go past it: that much less is on the card. */
    uint64_t offload = BT_MIN(sat_f64(in->serve->cpu_offload_gib * (double)GiB), sat_add(y.layers, y.experts));
    if (offload)
        why = bt_arena_printf(in->arena, "%s; less %s that --cpu-offload-gb keeps in host RAM", why, bt_bytes_human(offload));
    *host_bytes = offload;
    *line = (struct bt_need_line){ .part = BT_P_WEIGHTS, .bytes = total - offload, .why = why, .charged = true, .uncertainty_bytes = unsure(in, &y, total) };
    return 0;
}

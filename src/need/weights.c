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

/* Tensors that the engine keeps as one: they share a block. */
enum fused { F_QKV, F_O, F_GATE_UP, F_DOWN, F_EMBED, F_HEAD, F_OWN };
enum shard { SH_WHOLE, SH_TP, SH_KV, SH_QKV };       /* whole on every rank; cut by tp; by KV heads; q by tp with k, v by KV heads */

static const struct { enum fused fused; enum shard shard; bool whole_bias; } roles[] = {
    [BT_T_OTHER] = { F_OWN, SH_WHOLE, false },      [BT_T_EMBED] = { F_EMBED, SH_TP, false },   [BT_T_LM_HEAD] = { F_HEAD, SH_TP, false },
    [BT_T_NORM] = { F_OWN, SH_WHOLE, false },       [BT_T_QK_NORM] = { F_OWN, SH_WHOLE, false },
    [BT_T_Q] = { F_QKV, SH_TP, false },             [BT_T_K] = { F_QKV, SH_KV, false },         [BT_T_V] = { F_QKV, SH_KV, false },
    [BT_T_QKV] = { F_QKV, SH_QKV, false },          [BT_T_O] = { F_O, SH_TP, true },            [BT_T_GATE] = { F_GATE_UP, SH_TP, false },
    [BT_T_UP] = { F_GATE_UP, SH_TP, false },        [BT_T_GATE_UP] = { F_GATE_UP, SH_TP, false }, [BT_T_DOWN] = { F_DOWN, SH_TP, true },
};       /* o and down are cut along their input, so their bias is added once and kept whole (vLLM layers/linear.py RowParallelLinear) */

struct piece { int layer; enum fused fused; const char *suffix; uint64_t bytes; struct piece *next; };

struct tally { struct piece **of_layer; uint64_t layers, embed, head, other, rotary; };      /* of_layer[0]: tensors outside the layers */

static bool is_float(enum bt_dtype d)
{
    return d == BT_DT_F64 || d == BT_DT_F32 || d == BT_DT_BF16 || d == BT_DT_F16;
}

/* Bytes of a tensor once loaded: plain numbers become the serving dtype, packed ones stay as they are. */
static uint64_t loaded_bytes(const struct bt_tensor *t, unsigned elem)
{
    if (!is_float(t->dtype))
        return t->bytes;
    uint64_t count = elem;
    for (unsigned i = 0; i < t->rank; i++)
        count = sat_mul(count, t->shape[i]);
    return count;
}

static uint64_t shard_bytes(const struct need_in *in, enum shard how, uint64_t whole)
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
    case SH_WHOLE: break;
    }
    return whole;
}

/* The vocabulary is padded to 64 rows before it is cut (vLLM layers/vocab_parallel_embedding.py). */
static uint64_t vocab_bytes(const struct need_in *in, const struct bt_tensor *t, uint64_t whole)
{
    uint64_t rows = t->rank ? t->shape[0] : 0, vocab = BT_MAX(in->model->vocab, rows);
    if (!rows)
        return whole;
    return sat_mul(whole / rows, bt_ceil_div(bt_round_up(vocab, 64), in->serve->tp));
}

static void tally_add(const struct need_in *in, struct tally *y, int layer, enum fused fused, const char *suffix, uint64_t bytes)
{
    struct piece **head = &y->of_layer[layer + 1];
    if (fused != F_OWN)
        for (struct piece *p = *head; p; p = p->next)
            if (p->fused == fused && !strcmp(p->suffix, suffix)) {
                p->bytes = sat_add(p->bytes, bytes);
                return;
            }
    struct piece *p = BT_NEW(in->arena, struct piece);
    *p = (struct piece){ .layer = layer, .fused = fused, .suffix = suffix, .bytes = bytes, .next = *head };
    *head = p;
}

/* Is the tensor loaded on this stage at all? */
static bool on_stage(const struct need_in *in, const struct bt_tensor_place *place)
{
    if (place->layer >= 0)
        return (uint32_t)place->layer >= in->first_layer && (uint32_t)place->layer - in->first_layer < in->layers;
    if (place->role == BT_T_EMBED)
        return in->first || (in->last && in->model->tied);
    if (place->role == BT_T_LM_HEAD)
        return in->last && !in->model->tied;         /* a tied checkpoint may carry a copy: the engine skips it */
    if (place->role == BT_T_NORM)
        return in->last;
    return true;
}

static void tally_tensor(const struct need_in *in, struct tally *y, const struct bt_tensor *t)
{
    struct bt_tensor_place place = bt_tensor_place(t);
    if (bt_str_ends(bt_str(t->name), "rotary_emb.inv_freq") || !on_stage(in, &place))
        return;                                      /* inv_freq: old checkpoints carry it, the engine computes its own table */
    if (place.layer >= (int)in->model->layers)
        return;
    uint64_t bytes = loaded_bytes(t, in->elem);
    if (place.role == BT_T_EMBED || place.role == BT_T_LM_HEAD)
        bytes = vocab_bytes(in, t, bytes);
    else if (!(place.bias && roles[place.role].whole_bias))
        bytes = shard_bytes(in, roles[place.role].shard, bytes);
    const char *dot = strrchr(t->name, '.');
    tally_add(in, y, place.layer, roles[place.role].fused, dot ? dot : t->name, bytes);
}

static void tally_sum(const struct need_in *in, struct tally *y)
{
    for (uint32_t i = 0; i <= in->model->layers; i++)
        for (const struct piece *p = y->of_layer[i]; p; p = p->next) {
            uint64_t *to = p->layer >= 0 ? &y->layers : p->fused == F_EMBED ? &y->embed : p->fused == F_HEAD ? &y->head : &y->other;
            *to = sat_add(*to, need_block_bytes(p->bytes));
        }
    /* one cos/sin table for the whole stage, in the serving dtype (vLLM layers/rotary_embedding) */
    y->rotary = need_block_bytes(sat_mul(sat_mul(bt_need_model_context(in->model), in->model->head_dim), in->elem));
}

static const char *explain(const struct need_in *in, const struct tally *y)
{
    const struct bt_model *m = in->model;
    bt_auto_buf struct bt_buf b = BT_BUF(1024);
    if (in->layers == m->layers)
        bt_buf_printf(&b, "%u layers %s", m->layers, bt_bytes_human(y->layers));
    else
        bt_buf_printf(&b, "layers %u-%u of %u: %s", in->first_layer, in->first_layer + in->layers - 1, m->layers, bt_bytes_human(y->layers));
    if (y->embed)
        bt_buf_printf(&b, ", %s %s", m->tied ? "tied embedding" : "embedding", bt_bytes_human(y->embed));
    if (y->head)
        bt_buf_printf(&b, ", lm_head %s", bt_bytes_human(y->head));
    if (y->other >= MiB)             /* a final norm of some KiB is not worth a word */
        bt_buf_printf(&b, ", other %s", bt_bytes_human(y->other));
    bt_buf_printf(&b, ", rotary table %s", bt_bytes_human(y->rotary));
    if (in->serve->tp > 1)
        bt_buf_printf(&b, "; cut by TP %llu", (unsigned long long)in->serve->tp);
    bt_buf_puts(&b, "; tensors fused as the engine does, in allocator blocks (its \"Model loading took\")");
    return bt_arena_strdup(in->arena, bt_buf_z(&b));
}

int need_weights(const struct need_in *in, struct bt_need_line *line, uint64_t *host_bytes, struct bt_err *err)
{
    const struct bt_model *m = in->model;
    if (!m->ntensors)
        return bt_err_set(err, BT_E_INPUT, 0, "%s: no list of tensors, so the bytes of its weights are not known", m->id);
    struct tally y = { .of_layer = BT_NEWN(in->arena, struct piece *, (size_t)m->layers + 1) };
    for (size_t i = 0; i < m->ntensors; i++)
        tally_tensor(in, &y, &m->tensors[i]);
    tally_sum(in, &y);
    uint64_t total = sat_add(sat_add(sat_add(y.layers, y.embed), sat_add(y.head, y.other)), y.rotary);
    const char *why = explain(in, &y);

    uint64_t offload = BT_MIN(sat_f64(in->serve->cpu_offload_gib * (double)GiB), total - y.rotary);
    if (offload)
        why = bt_arena_printf(in->arena, "%s; less %s that --cpu-offload-gb keeps in host RAM", why, bt_bytes_human(offload));
    *host_bytes = offload;
    *line = (struct bt_need_line){ .part = BT_P_WEIGHTS, .bytes = total - offload, .why = why, .charged = true };
    return 0;
}

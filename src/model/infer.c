/* infer.c - the shape of a model whose config does not say it in words we know, from the shapes of its tensors. */
#include "base/units.h"
#include "model/model_int.h"

struct seen { uint64_t layers, vocab, hidden, q, kv, qkv, inner, head_dim; bool bounded; };

static bool plain(enum bt_dtype d)
{
    return d == BT_DT_F32 || d == BT_DT_BF16 || d == BT_DT_F16;      /* packed numbers have other shapes */
}

static void look(const struct bt_tensor *t, struct seen *s)
{
    struct bt_tensor_place p = bt_tensor_place(t);
    if (p.layer >= 0)
        s->layers = BT_MAX(s->layers, (uint64_t)p.layer + 1);
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

static uint32_t small(uint64_t n, uint32_t max)
{
    return n && n <= max ? (uint32_t)n : 0;
}

/* Neither config nor tensors say how tokens are mixed: the weights are counted, and nothing that grows with a request. Sizes that are not known are 1, so
 * that activations stay a lower bound; the words say so. */
static void weights_alone(struct bt_arena *a, struct bt_model *m, uint32_t layers)
{
    m->layers = BT_MAX(layers, 1u);
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

void bt_model_infer(struct bt_arena *a, struct bt_model *m)
{
    struct seen s = { 0 };
    if (!m->ntensors || (m->layers && m->hidden && m->heads && m->head_dim && m->vocab && m->max_position))
        return;
    for (size_t i = 0; i < m->ntensors; i++)
        look(&m->tensors[i], &s);
    if (!s.q && s.qkv > s.hidden) {                  /* fused: what is more than q belongs to k and v in equal parts */
        s.q = s.hidden;
        s.kv = (s.qkv - s.hidden) / 2;
    }
    s.kv = s.kv ? s.kv : s.q;
    uint64_t dim = s.q ? head_dim_of(&s, s.q, s.kv) : 0;
    uint32_t layers = m->layers ? m->layers : small(s.layers, 4096);
    m->hidden = m->hidden ? m->hidden : small(s.hidden, 1 << 20);
    m->vocab = m->vocab ? m->vocab : small(s.vocab, 1 << 26);
    m->intermediate = m->intermediate ? m->intermediate : small(s.inner, 1 << 24);
    if (!m->heads && dim) {
        m->head_dim = small(dim, 1 << 16);
        m->heads = small(s.q / dim, 1 << 16);
        m->kv_heads = small(BT_MAX(s.kv / dim, 1u), 1 << 16);
    }
    if (m->heads && !m->kv_heads)
        m->kv_heads = m->heads;
    if (m->heads && !m->head_dim)
        m->head_dim = m->hidden / m->heads;
    if (!m->max_position)
        m->max_position = 4096;
    if (!layers || !m->heads || !m->head_dim || !m->hidden || !m->vocab) {
        weights_alone(a, m, layers);
        return;
    }
    if (!m->layers) {
        m->layers = layers;
        m->layer = BT_NEWN(a, struct bt_layer, layers);
        for (uint32_t i = 0; i < layers; i++)
            m->layer[i] = (struct bt_layer){ .mixer = BT_MIX_FULL, .heads = m->heads, .kv_heads = m->kv_heads, .head_dim = m->head_dim, .intermediate = m->intermediate };
    }
    m->guessed = bt_arena_printf(a, "%s is not known and its config does not say its shape; from its tensors: %u layers, %u heads (%u KV heads) x %u, contexts of %u tokens",
                                 m->architecture, m->layers, m->heads, m->kv_heads, m->head_dim, m->max_position);
}

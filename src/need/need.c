/* need - the ledger of one server: a row per pipeline stage, a line per kind of bytes. */
#include "need/need.h"

#include <math.h>

#include "need/parts.h"

static const char *const part_names[BT_P__N] = {
    [BT_P_WEIGHTS] = "weights", [BT_P_LORA] = "lora", [BT_P_KV] = "kv", [BT_P_STATE] = "state", [BT_P_ACTIVATIONS] = "activations",
    [BT_P_ENCODER] = "encoder", [BT_P_SAMPLER] = "sampler", [BT_P_GRAPHS] = "graphs", [BT_P_WORKSPACE] = "workspace", [BT_P_CONTEXT] = "context",
    [BT_P_COMM] = "comm", [BT_P_DRAFT] = "draft", [BT_P_OPTIMIZER] = "optimizer", [BT_P_GRADIENTS] = "gradients", [BT_P_HEADROOM] = "headroom",
    [BT_P_DECLARED] = "declared", [BT_P_OTHER] = "other",
};

const char *bt_part_name(enum bt_part p)
{
    return p < BT_P__N ? part_names[p] : "other";
}

static const struct need_arch archs[] = {
    { "LlamaForCausalLM", true }, { "MistralForCausalLM", false }, { "Qwen2ForCausalLM", false }, { "Qwen3ForCausalLM", true },
};

const struct need_arch *need_arch_find(const char *architecture)
{
    for (size_t i = 0; architecture && i < BT_LEN(archs); i++)
        if (!strcmp(archs[i].name, architecture))
            return &archs[i];
    return NULL;
}

uint64_t bt_need_model_context(const struct bt_model *m)
{
    double stretch = m->rope_factor > 1 ? m->rope_factor : 1;
    return sat_f64(floor(m->max_position * stretch));
}

struct bt_shape bt_need_shape(const struct bt_model *m)
{
    return (struct bt_shape){ .heads = m->heads, .kv_heads = m->kv_heads, .layers = m->layers, .hidden = m->hidden,
                              .intermediate = m->intermediate, .vocab = m->vocab, .architecture = m->architecture };
}

void need_line_push(const struct need_in *in, struct bt_need_rank *r, struct bt_need_line line)
{
    BT_PUSH(in->arena, r->line, r->n, line);
    r->fixed_bytes = sat_add(r->fixed_bytes, line.bytes);
    if (line.charged)
        r->budget_bytes = sat_add(r->budget_bytes, line.bytes);
}

/* What this version of the ledger cannot answer is said, with the reason; a guess would look like an answer. */
static int check_known(const struct bt_model *m, const struct need_arch *arch, const struct bt_serve *s, struct bt_err *err)
{
    if (!arch) {
        bt_err_set(err, BT_E_INPUT, 0, "%s: berth does not know the memory of %s yet", m->id, m->architecture ? m->architecture : "a model without architectures");
        return bt_err_hint(err, "known so far: Llama, Mistral, Qwen2/2.5, Qwen3 (dense)");
    }
    if (m->quantization && m->source != BT_MODEL_HEADERS) {
        bt_err_set(err, BT_E_INPUT, 0, "%s: quantised (%s), and its tensor headers are not on this machine, so the bytes of its weights are not known yet", m->id, m->quantization);
        return bt_err_hint(err, "download the model first: berth reads only the headers of its files");
    }
    if (s->quantization && s->quantization[0] && !m->quantization)
        return bt_err_set(err, BT_E_INPUT, 0, "%s: quantised while loading (--quantization %.40s): the bytes of its weights are not known yet", m->id, s->quantization);
    for (uint32_t i = 0; i < m->layers; i++)
        if (m->layer[i].mixer != BT_MIX_FULL)
            return bt_err_set(err, BT_E_INPUT, 0, "%s: layer %u has a sliding window of %u tokens: its KV cache is not known yet", m->id, i, m->layer[i].window);
    if (!m->layers || !m->hidden || !m->heads || !m->kv_heads || !m->head_dim || !m->vocab || !m->max_position || !m->intermediate)
        return bt_err_set(err, BT_E_INPUT, 0, "%s: its config lacks a figure that the memory depends on (layers, hidden, heads, head_dim, intermediate, vocab or positions is 0)", m->id);
    return 0;
}

static int check_shape(const struct bt_model *m, const struct bt_engine *e, const struct bt_serve *s, struct bt_err *err)
{
    struct bt_shape shape = bt_need_shape(m);
    struct bt_refusal why = { 0 };
    if (!bt_engine_shape_ok(e, &shape, s->tp, s->pp, &why))
        return bt_err_set(err, BT_E_FIT, 0, "%s", why.text);
    if (s->pp > m->layers)                           /* arrays below have one entry per stage: checked here whatever the engine says */
        return bt_err_set(err, BT_E_FIT, 0, "%u layers cannot be cut into %llu pipeline stages", m->layers, (unsigned long long)s->pp);
    return 0;
}

/* "auto" is 16 bit even for a float32 checkpoint (vLLM config/model.py). */
static int serving_elem(const struct bt_model *m, const struct bt_serve *s, unsigned *out, struct bt_err *err)
{
    const char *d = s->dtype;
    *out = 2;
    if (!d || !d[0] || !strcmp(d, "auto") || !strcmp(d, "half"))
        return 0;
    switch (bt_dtype_parse(d)) {
    case BT_DT_BF16: case BT_DT_F16: return 0;
    case BT_DT_F32: *out = 4; return 0;
    default: break;
    }
    if (!strcmp(d, "float")) {
        *out = 4;
        return 0;
    }
    bt_err_set(err, BT_E_SPEC, 0, "%s: dtype \"%s\" is none that the engine serves", m->id, d);
    return bt_err_hint(err, "auto, half, float16, bfloat16, float, float32");
}

static int fill_rank(struct need_in *in, struct bt_need *n, struct bt_need_rank *r, unsigned kv_elem, struct bt_err *err)
{
    struct bt_need_line weights;
    if (need_weights(in, &weights, &r->host_bytes, err) < 0)
        return -1;
    need_line_push(in, r, weights);
    need_lora(in, r);
    need_runtime(in, r);
    for (uint32_t i = in->first_layer; i < in->first_layer + in->layers; i++) {
        const struct bt_layer *l = &in->model->layer[i];
        uint64_t heads = BT_MAX(l->kv_heads / n->serve.tp, 1u);      /* fewer heads than ranks: each rank keeps one */
        r->kv_token_bytes = sat_add(r->kv_token_bytes, sat_mul(sat_mul(2 * heads, l->head_dim), kv_elem));
    }
    r->kv_block_bytes = BT_MAX(sat_mul(r->kv_token_bytes, n->block), 1u);
    return 0;
}

static uint64_t uncertainty(const struct bt_need_rank *r)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < r->n; i++)
        sum = sat_add(sum, r->line[i].uncertainty_bytes);
    return sum;
}

int bt_need_server(struct bt_arena *a, const struct bt_model *m, const struct bt_engine *e, const struct bt_engine_version *v, const struct bt_serve *serve,
                   const struct bt_gpu *card, struct bt_need **out, struct bt_err *err)
{
    const struct need_arch *arch = need_arch_find(m->architecture);
    struct bt_need *n = BT_NEW(a, struct bt_need);
    *n = (struct bt_need){ .model = m, .engine = e, .version = v, .serve = *serve };
    struct bt_serve *s = &n->serve;
    s->tp = s->tp ? s->tp : 1;
    s->pp = s->pp ? s->pp : 1;
    unsigned elem, kv_elem;
    if (check_known(m, arch, s, err) < 0 || check_shape(m, e, s, err) < 0 || serving_elem(m, s, &elem, err) < 0 || need_kv_elem(s, elem, &kv_elem, err) < 0)
        return -1;
    struct bt_engine_device device = { .total_bytes = card->total_bytes, .name = card->name };
    bt_engine_resolve(e, v, &device, bt_need_model_context(m), s);
    n->block = s->block_size = s->block_size ? s->block_size : 16;

    n->nranks = s->pp;
    n->rank = BT_NEWN(a, struct bt_need_rank, n->nranks);
    uint32_t *stage_layers = BT_NEWN(a, uint32_t, n->nranks), first = 0;
    bt_engine_pp_layers(m->layers, s->pp, stage_layers);
    for (uint32_t p = 0; p < n->nranks; p++) {
        struct need_in in = { .arena = a, .model = m, .version = v, .serve = s, .card = card, .arch = arch, .pp_rank = p, .first_layer = first,
                              .layers = stage_layers[p], .elem = elem, .first = p == 0, .last = p + 1 == n->nranks };
        struct bt_need_rank *r = &n->rank[p];
        r->pp = p;
        r->first_layer = first;
        r->layers = stage_layers[p];
        if (fill_rank(&in, n, r, kv_elem, err) < 0)
            return -1;
        n->uncertainty_bytes = BT_MAX(n->uncertainty_bytes, uncertainty(r));
        first += stage_layers[p];
    }
    *out = n;
    return 0;
}

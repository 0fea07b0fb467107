/* need - the ledger of one server: a row per pipeline stage, a line per kind of bytes. */
#include "need/need.h"

#include <math.h>

#include "need/capability.h"
#include "need/ops.h"
#include "need/learn.h"
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

static const char *const lora_embeddings[] = { "LlamaForCausalLM", "Qwen3ForCausalLM", "Qwen3_5ForCausalLM", "Qwen3_5ForConditionalGeneration", "NemotronHForCausalLM",
                                               "FalconH1ForCausalLM", "GraniteMoeHybridForCausalLM" };

bool need_lora_embeddings(const char *architecture)
{
    for (size_t i = 0; architecture && i < BT_LEN(lora_embeddings); i++)
        if (!strcmp(lora_embeddings[i], architecture))
            return true;
    return false;
}

uint64_t bt_need_model_context(const struct bt_model *m)
{
    double stretch = m->rope_factor > 1 ? m->rope_factor : 1;
    return sat_f64(floor(m->max_position * stretch));
}

uint64_t bt_need_context_limit(const struct bt_model *m)
{
    return m->unbounded ? LONGEST_ASKED : bt_need_model_context(m);
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

static int check_figures(const struct bt_model *m, struct bt_err *err)
{
    const struct { uint32_t value; const char *key; } figures[] = {
        { m->layers, "num_hidden_layers" }, { m->hidden, "hidden_size" }, { m->heads, "num_attention_heads" }, { m->kv_heads, "num_key_value_heads" },
        { m->head_dim, "head_dim" }, { m->vocab, "vocab_size" }, { m->max_position, "max_position_embeddings" },
    };
    for (size_t i = 0; i < BT_LEN(figures); i++)
        if (!figures[i].value) {
            bt_err_set(err, BT_E_INPUT, 0, "%s: its config lacks a figure that the memory depends on: no \"%s\", nor a name that berth takes for it, and no weight files to tell it from", m->id,
                       figures[i].key);
            return bt_err_hint(err, "download the model first: berth reads only the headers of its files");
        }
    return 0;
}

static int check_method(const struct bt_model *m, const struct bt_serve *s, struct bt_err *err)
{
    if (!bt_stored_otherwise(m, s->quantization))
        return 0;
    bt_err_set(err, BT_E_INPUT, 0, "%s: its weights are stored by %s, and no engine starts with `quantization: %.40s`", m->id, m->quantization, s->quantization);
    return bt_err_hint(err, "leave it out: the engine reads the method from the checkpoint");
}

/* What the ledger cannot answer is said, with the reason; an architecture that berth does not know is estimated (m->guessed). */
int need_known(const struct bt_model *m, const struct bt_serve *s, struct bt_err *err)
{
    struct bt_quant online;
    if (check_figures(m, err) < 0)
        return -1;
    if (!m->ntensors) {
        bt_err_set(err, BT_E_INPUT, 0, "%s: %s", m->id, m->tensors_why ? m->tensors_why : "no list of tensors, so the bytes of its weights are not known");
        return bt_err_hint(err, "download the model first: berth reads only the headers of its files");
    }
    if (s->quantization && s->quantization[0] && !m->quantization && !bt_model_quant_method(s->quantization, &online))
        return bt_err_set(err, BT_E_INPUT, 0, "%s: quantised while loading (--quantization %.40s): berth does not know how that method stores weights", m->id, s->quantization);
    return check_method(m, s, err);
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

bool need_pools(const struct bt_model *m, const struct bt_serve *s)
{
    static const struct { const char *flag, *values[6]; } told[] = {
        { "runner", { "pooling" } }, { "task", { "embed", "embedding", "classify", "score", "reward", "token_classify" } }, { "convert", { "embed", "classify", "reward" } },
    };
    for (size_t i = 0; i < BT_LEN(told) && !m->pooling; i++) {
        const char *value = need_extra_flag(s, told[i].flag);
        for (size_t k = 0; value && k < BT_LEN(told[i].values) && told[i].values[k]; k++)
            if (!strcmp(value, told[i].values[k]))
                return true;
    }
    return m->pooling;
}

static bool is_dense(const struct bt_model *m, const struct bt_serve *s)
{
    for (uint32_t i = 0; i < m->layers; i++)
        if (m->layer[i].moe || m->layer[i].state)
            return false;
    return !need_pools(m, s);
}

bool need_named(const char *list, const char *word)
{
    const char *at = list && word ? strstr(list, word) : NULL;
    return at && (at == list || at[-1] == ' ') && (at[strlen(word)] == ' ' || at[strlen(word)] == 0);
}

/* Classes whose states can be kept for each block (vLLM models, SupportsMambaPrefixCaching). */
#define STATES_BY_BLOCK "NemotronHForCausalLM JambaForCausalLM MambaForCausalLM FalconMambaForCausalLM Mamba2ForCausalLM Zamba2ForCausalLM GraniteMoeHybridForCausalLM FalconH1ForCausalLM BambaForCausalLM"

/* --mamba-cache-mode all | align; without it all where the version and the class can, and nothing is drafted (vLLM models/config.py MambaModelConfig). */
static bool states_by_block(const struct bt_engine_version *v, const struct bt_model *m, const struct bt_serve *s)
{
    const char *mode = need_extra_flag(s, "mamba-cache-mode");
    if (!need_named(STATES_BY_BLOCK, m->architecture) || !(s->prefix_caching_on || (v->state_caching && !s->prefix_caching_off)))
        return false;
    return mode ? !strcmp(mode, "all") : v->states_by_block && !need_spec_tokens(s);
}

/* The version as it behaves for this model: which runner it takes decides what is profiled (vLLM config/vllm.py). */
static const struct bt_engine_version *as_run(struct bt_arena *a, const struct bt_engine_version *v, const struct bt_model *m, const struct bt_serve *s)
{
    struct bt_engine_version *mine = BT_NEW(a, struct bt_engine_version);
    *mine = *v;
    mine->states_by_block = states_by_block(v, m, s);
    if (need_named(v->v2_for, m->architecture) && !(v->v2_plain_only && m->quantization)) {
        mine->runner = BT_RUNNER_V2;
        mine->graphs_in_budget = mine->sampler_profiled = false;     /* that early V2 estimates no graphs */
        mine->sampler_buffers = true;
    } else if (v->v2_dense_only && !is_dense(m, s)) {
        mine->runner = BT_RUNNER_V1;
        mine->graphs_in_budget = mine->sampler_profiled = true;
        mine->sampler_buffers = false;
    }
    return mine;
}

static int fill_rank(struct need_in *in, struct bt_need *n, struct bt_need_rank *r, unsigned kv_elem, struct bt_err *err)
{
    struct bt_need_line weights;
    if (need_weights(in, &weights, &r->host_bytes, err) < 0)
        return -1;
    need_line_push(in, r, weights);
    need_lora(in, r);
    if (n->on_host)
        need_host_runtime(in, r);
    else
        need_runtime(in, r);
    need_kv_layout(in, n, r, kv_elem);
    return 0;
}

static uint64_t uncertainty(const struct bt_need_rank *r)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < r->n; i++)
        sum = sat_add(sum, r->line[i].uncertainty_bytes);
    return sum;
}

int need_no_gguf(const struct bt_model *m, const struct bt_engine *e, struct bt_err *err)
{
    if (!m->gguf)
        return 0;
    /* vLLM: #5191 (2024-08), and #39612 moved it out (0.24.0) */
    const char *which = !strcmp(e->name, "vllm") ? " (versions 0.5.5 to 0.23 load one, later ones with vllm-gguf-plugin)" : "";
    bt_err_set(err, BT_E_INPUT, 0, "%s: a GGUF file, and berth does not know how much memory %s takes with one%s", m->id, e->name, which);
    return bt_err_hint(err, "--engine llama-server");
}

/* MLA's kernels: FlashMLA on Hopper, and sparse attention anywhere, take blocks of 64 tokens, CUTLASS on Blackwell of the data centre 128, FlashInfer there 64
 * (vLLM platforms/cuda.py check_and_update_config; pools of 715,072, 635,648, 344,192 and 341,504 tokens in logs). V0 does so only where it is told. */
static uint64_t latent_block(const struct bt_model *m, const struct bt_engine_version *v, const struct bt_gpu *card, uint64_t asked)
{
    if (!m->kv_lora || m->compressed || v->v0 || need_is_host(card))
        return asked;
    uint64_t wants = m->index_heads || card->cc_major == 9 ? 64 : card->cc_major != 10 ? 1 : v->kv_by_checkpoint ? 64 : 128;
    return asked % wants ? wants : asked;
}

int bt_need_server(struct bt_arena *a, const struct bt_model *m, const struct bt_engine *e, const struct bt_engine_version *v, const struct bt_serve *serve,
                   const struct bt_gpu *card, struct bt_need **out, struct bt_err *err)
{
    return need_ops_of(e)->server(a, m, e, v, serve, card, NULL, out, err);
}

int bt_need_server_like(struct bt_arena *a, const struct bt_model *m, const struct bt_engine *e, const struct bt_engine_version *v, const struct bt_serve *serve,
                        const struct bt_gpu *card, const struct bt_need *like, struct bt_need **out, struct bt_err *err)
{
    return need_ops_of(e)->server(a, m, e, v, serve, card, like, out, err);
}

/* The layout of all layers as if one rank had them: what some versions hold against each rank's memory at start-up. */
static void check_whole(struct bt_arena *a, struct bt_need *n, const struct bt_gpu *card, unsigned elem, unsigned kv_elem)
{
    struct need_in in = { .arena = a, .model = n->model, .version = n->version, .serve = &n->serve, .card = card, .layers = n->model->layers, .elem = elem, .first = true, .last = true };
    n->check = BT_NEW(a, struct bt_need_rank);
    need_kv_layout(&in, n, n->check, kv_elem);
}

static int vllm_server(struct bt_arena *a, const struct bt_model *m, const struct bt_engine *e, const struct bt_engine_version *v, const struct bt_serve *serve,
                       const struct bt_gpu *card, const struct bt_need *like, struct bt_need **out, struct bt_err *err)
{
    if (need_no_gguf(m, e, err) < 0)
        return -1;
    struct bt_need *n = BT_NEW(a, struct bt_need);
    v = as_run(a, v, m, serve);
    *n = (struct bt_need){ .ops = &need_vllm_ops, .model = m, .engine = e, .version = v, .serve = *serve };
    struct bt_serve *s = &n->serve;
    s->tp = s->tp ? s->tp : 1;
    s->pp = s->pp ? s->pp : 1;
    if (m->quant.kv8 && v->kv_by_checkpoint && (!s->kv_dtype || !s->kv_dtype[0] || !strcmp(s->kv_dtype, "auto")))
        s->kv_dtype = "fp8";
    unsigned elem, kv_elem;
    if (need_known(m, s, err) < 0 || check_shape(m, e, s, err) < 0 || serving_elem(m, s, &elem, err) < 0 || need_kv_elem(s, elem, &kv_elem, err) < 0)
        return -1;
    n->on_host = need_is_host(card);
    if (n->on_host && s->tp * s->pp > 1) {
        bt_err_set(err, BT_E_FIT, 0, "TP=%llu PP=%llu on the CPU: each rank wants a NUMA node of its own, and berth plans one", (unsigned long long)s->tp, (unsigned long long)s->pp);
        return bt_err_hint(err, "leave tp and pp out");
    }
    struct bt_engine_device device = { .total_bytes = card->total_bytes, .name = card->name, .cpu = n->on_host };
    bt_engine_resolve(e, v, &device, bt_need_model_context(m), s);
    if (!serve->max_batched_tokens && v->items_whole)                /* an image or video that may not be cut has to fit into one batch */
        s->max_batched_tokens = BT_MAX(s->max_batched_tokens, (uint64_t)m->tower.whole_tokens);
    if (!serve->max_batched_tokens && m->whole_text)                 /* nor may a text that is seen in both directions (vLLM engine/arg_utils.py: no chunked prefill) */
        s->max_batched_tokens = BT_MAX(s->max_batched_tokens, s->context);
    n->block = s->block_size = latent_block(m, v, card, s->block_size ? s->block_size : 16);
    n->spec_tokens = need_spec_tokens(s);

    n->nranks = s->pp;
    n->rank = BT_NEWN(a, struct bt_need_rank, n->nranks);
    uint32_t *stage_layers = BT_NEWN(a, uint32_t, n->nranks), first = 0;
    if (bt_engine_cut(e, m->layers, s, stage_layers, err) < 0)
        return -1;
    for (uint32_t p = 0; p < n->nranks; p++) {
        struct need_in in = { .arena = a, .model = m, .version = v, .serve = s, .card = card, .like = like, .pp_rank = p, .first_layer = first,
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
    if (v->checks_whole && n->nranks > 1)
        check_whole(a, n, card, elem, kv_elem);
    need_learn(a, n, card);
    *out = n;
    return 0;
}

const struct need_ops need_vllm_ops = { .engine = "vllm", .server = vllm_server };

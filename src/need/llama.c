/* llama.c - bytes of llama-server: model buffers from the file's own tensor sizes, KV by its own arithmetic, compute buffers estimated.
 * llama.cpp 0c1e57098: src/llama-model.cpp (placement), src/llama-context.cpp (sizes), src/llama-kv-cache.cpp (cells). */
#include <inttypes.h>
#include "need/learn.h"
#include "need/llama.h"
#include "need/parts.h"

#define PAD 256                      /* cells: n_ctx and n_ctx_seq are rounded up to it */

static unsigned long long ull(uint64_t n) { return n; }

/* ---- KV ---- */

static uint64_t row_bytes(const struct bt_ggml_type *t, uint64_t elements)
{
    return sat_mul(bt_ceil_div(elements, t->block), t->bytes);
}

static uint64_t layer_cell(const struct need_llama *l, const struct bt_gguf_layer *y)
{
    const struct bt_gguf *g = l->gguf;
    if (y->nextn || y->shares_kv || !y->kv_heads)
        return 0;
    if (g->mla)
        return row_bytes(l->k, (uint64_t)g->mla_rank + g->mla_rope);
    return sat_add(row_bytes(l->k, (uint64_t)y->kv_heads * y->k_dim), row_bytes(l->v, (uint64_t)y->kv_heads * y->v_dim));
}

static uint64_t window_cells(const struct need_llama *l, const struct bt_serve *s, uint64_t cells, uint64_t slots_in_it)
{
    uint64_t kept = sat_add(sat_mul(l->gguf->window, slots_in_it), l->ubatch);
    return s->llama.swa_full ? cells : bt_round_up(BT_MIN(cells, kept), PAD);
}

uint64_t need_llama_window_cells(const struct need_llama *l, const struct bt_serve *s, uint64_t cells)
{
    return window_cells(l, s, cells, l->unified ? l->slots : 1);
}

uint64_t need_llama_kv(const struct need_llama *l, const struct bt_serve *s, uint32_t first, uint32_t n, uint64_t context, uint64_t slots, bool unified)
{
    const struct bt_gguf *g = l->gguf;
    uint64_t cells = bt_round_up(BT_MIN(context, BT_NEED_CAP), PAD), streams = unified ? 1 : slots, sum = 0;
    uint64_t swa = window_cells(l, s, cells, unified ? slots : 1);
    for (uint32_t i = first; i < first + n && i < g->layers; i++) {
        const struct bt_gguf_layer *y = &g->layer[i];
        sum = sat_add(sum, sat_mul(sat_mul(layer_cell(l, y), y->sliding ? swa : cells), streams));
        if (y->recurrent)            /* f32, one state a slot, whatever the context */
            sum = sat_add(sum, sat_mul(sat_mul(sat_add(g->conv_state, g->ssm_state), 4), BT_MAX(slots, 1u)));
    }
    return sum;
}

uint64_t need_llama_kv_of_rank(const struct bt_need *n, const struct bt_need_rank *r, uint64_t context, uint64_t requests)
{
    const struct need_llama *l = n->llama;
    if (n->serve.llama.kv_on_host && !l->on_cpu)
        return 0;
    uint64_t each = bt_round_up(BT_MIN(context, BT_NEED_CAP), PAD);
    return need_llama_kv(l, &n->serve, r->first_layer, r->layers, l->unified ? sat_mul(each, requests) : each, l->unified ? BT_MAX(requests, 1u) : requests, l->unified);
}

/* What does not grow with the pool once it is past the windows: caches of sliding layers and states. For a plan, which deals the pool later:
 * no pool is larger than every slot at its full context. */
static uint64_t lasting_kv(const struct need_llama *l, const struct bt_serve *s, uint32_t first, uint32_t n)
{
    const struct bt_gguf *g = l->gguf;
    uint64_t swa = window_cells(l, s, bt_round_up(sat_mul(l->n_ctx_seq, l->slots), PAD), l->slots), sum = 0;
    for (uint32_t i = first; i < first + n && i < g->layers; i++) {
        if (g->layer[i].sliding)
            sum = sat_add(sum, sat_mul(layer_cell(l, &g->layer[i]), swa));
        if (g->layer[i].recurrent)
            sum = sat_add(sum, sat_mul(sat_mul(sat_add(g->conv_state, g->ssm_state), 4), l->slots));
    }
    return sum;
}

/* One cell more in every layer that keeps all tokens. */
static uint64_t growing_cell(const struct need_llama *l, uint32_t first, uint32_t n)
{
    uint64_t sum = 0;
    for (uint32_t i = first; i < first + n && i < l->gguf->layers; i++)
        sum = sat_add(sum, l->gguf->layer[i].sliding ? 0 : layer_cell(l, &l->gguf->layer[i]));
    return sum;
}

/* The most tokens of one slot whose cache takes at most kv_bytes. More tokens never take less. */
uint64_t need_llama_longest(const struct bt_need *n, const struct bt_need_rank *r, uint64_t kv_bytes)
{
    const struct need_llama *l = n->llama;
    uint64_t low = 0, high = ((uint64_t)1 << 32) / PAD;
    if (n->serve.llama.kv_on_host && !l->on_cpu)
        return high * PAD;
    while (low < high) {
        uint64_t mid = low + (high - low + 1) / 2;
        if (need_llama_kv(l, &n->serve, r->first_layer, r->layers, mid * PAD, l->slots, l->unified) <= kv_bytes)
            low = mid;
        else
            high = mid - 1;
    }
    return low * PAD;
}

/* ---- where tensors are ---- */

/* Device of layer il (the output is layer `layers`): -1 = CPU. Shares in float, as the engine computes them. */
static int device_of(const struct need_llama *l, const struct bt_serve *s, uint32_t il)
{
    uint32_t all = l->gguf->layers + 1, active = BT_MIN((uint32_t)BT_MIN(s->llama.gpu_layers, (uint64_t)all), all);
    float sum = 0, upto = 0, at;
    if (il < l->first_gpu_layer || !active || l->on_cpu)
        return -1;
    at = (float)(il - l->first_gpu_layer) / (float)active;
    for (uint64_t d = 0; d < s->pp; d++)
        sum += s->llama.nsplit ? (float)s->llama.split[d] : 1;
    for (uint64_t d = 0; d < s->pp; d++) {
        upto += (s->llama.nsplit ? (float)s->llama.split[d] : 1) / sum;
        if (upto > at)
            return (int)d;
    }
    return (int)s->pp - 1;
}

/* CUDA pads rows of block types to 512 elements at a tensor's end, and every tensor to 128 bytes (ggml-cuda.cu). */
static uint64_t on_gpu(const struct bt_tensor *t)
{
    uint64_t ne0 = t->rank ? t->shape[t->rank - 1] : 1, bytes = t->bytes;
    if (t->ggml->block > 1 && ne0 % 512)
        bytes = sat_add(bytes, row_bytes(t->ggml, 512 - ne0 % 512));
    return bt_round_up(BT_MIN(bytes, BT_NEED_CAP), 128);
}

struct place { uint64_t *gpu; uint64_t cpu, apart_on_cpu, twice; uint32_t experts, experts_on_cpu; };

/* Where the user wants it (-ot), else where --cpu-moe keeps experts, else where its layer is. The engine's list: the first that matches counts. */
static int placed(const struct bt_serve *s, const struct bt_tensor *t, uint32_t layer, int device)
{
    for (size_t i = 0; i < s->llama.noverride; i++)
        if (bt_pattern_found(s->llama.override[i].name, bt_str(t->name)))
            return s->llama.override[i].device < (int)s->pp ? s->llama.override[i].device : device;
    return bt_gguf_tensor_is_expert(t) && (s->llama.cpu_moe || layer < s->llama.n_cpu_moe) ? -1 : device;
}

static void place_tensor(const struct need_llama *l, const struct bt_serve *s, const struct bt_tensor *t, struct place *p)
{
    const struct bt_gguf *g = l->gguf;
    uint32_t layer;
    enum bt_gguf_place where = bt_gguf_tensor_place(t, &layer);
    if (where == BT_GGUF_LAYER && layer < g->layers && g->layer[layer].nextn)
        return;                      /* the draft head: loaded only with the MTP drafter */
    int device = where == BT_GGUF_LAYER ? device_of(l, s, BT_MIN(layer, g->layers)) : where == BT_GGUF_OUTPUT ? device_of(l, s, g->layers) : -1;
    if (!l->on_cpu) {
        int wanted = placed(s, t, layer, device);
        bool expert = bt_gguf_tensor_is_expert(t);
        if (device >= 0 && wanted < 0)
            p->apart_on_cpu = sat_add(p->apart_on_cpu, t->bytes);
        p->experts += expert;
        p->experts_on_cpu += expert && wanted < 0;
        device = wanted;
    }
    if (device >= 0)
        p->gpu[device] = sat_add(p->gpu[device], on_gpu(t));
    else
        p->cpu = sat_add(p->cpu, t->bytes);
    int head = device_of(l, s, g->layers);
    if (head >= 0 && !g->own_output && !strcmp(t->name, "token_embd.weight")) {      /* tied: once for the input on the CPU, once for the output */
        p->gpu[head] = sat_add(p->gpu[head], on_gpu(t));
        p->twice = t->bytes;
    }
}

/* ---- lines ---- */

static void push(struct bt_arena *a, struct bt_need_rank *r, enum bt_part part, uint64_t bytes, uint64_t uncertain, const char *why)
{
    struct bt_need_line line = { .part = part, .bytes = bytes, .why = why, .charged = true, .uncertainty_bytes = uncertain };
    BT_PUSH(a, r->line, r->n, line);
    r->fixed_bytes = r->budget_bytes = sat_add(r->fixed_bytes, bytes);
}

static void push_host(struct bt_arena *a, struct bt_need *n, enum bt_part part, uint64_t bytes, uint64_t uncertain, const char *why)
{
    struct bt_need_line line = { .part = part, .bytes = bytes, .why = why, .uncertainty_bytes = uncertain };
    if (!bytes)
        return;
    if (n->llama->on_cpu) {
        push(a, &n->rank[0], part, bytes, uncertain, why);
        return;
    }
    BT_PUSH(a, n->host_line, n->nhost, line);
    n->rank[0].host_bytes = sat_add(n->rank[0].host_bytes, bytes);
}

static const char *layers_text(struct bt_arena *a, const struct bt_need_rank *r, const struct bt_gguf *g, bool head)
{
    if (!r->layers)
        return head ? "the output" : "nothing";
    return bt_arena_printf(a, "layers %u-%u of %u%s", r->first_layer, r->first_layer + r->layers - 1, g->layers, head ? " and the output" : "");
}

static void host_lines(struct bt_arena *a, struct bt_need *n, const struct place *p, uint64_t cells)
{
    const struct need_llama *l = n->llama;
    const struct bt_serve *s = &n->serve;
    const struct bt_gguf *g = l->gguf;
    const char *how = s->llama.load_mode && strcmp(s->llama.load_mode, "auto") && !strstr(s->llama.load_mode, "mmap") ? "read into memory" : "mapped from the file: page cache while RAM lasts";
    push_host(a, n, BT_P_WEIGHTS, p->cpu, p->cpu / 8, bt_arena_printf(a, "%s%s, bytes of the file; %s; a CPU with matrix units keeps some in a form of its own, up to 12 %% larger",
              l->on_cpu ? "all tensors" : l->first_gpu_layer ? "token embedding and the first layers" : "token embedding",
              p->apart_on_cpu ? bt_arena_printf(a, " and %s of %s", bt_bytes_human(p->apart_on_cpu), n->serve.llama.noverride ? "what --override-tensor keeps there" : "experts") : "", how));
    uint32_t on_host = s->llama.kv_on_host ? g->layers : l->first_gpu_layer;
    if (!l->on_cpu && !l->planned)
        push_host(a, n, BT_P_KV, need_llama_kv(l, s, 0, on_host, l->n_ctx_seq, l->slots, l->unified), 0, s->llama.kv_on_host ? "-nkvo: the whole cache" : "cache of the layers on the CPU");
    else if (!l->on_cpu)
        push_host(a, n, BT_P_KV, lasting_kv(l, s, 0, on_host), 0, "windows and states of the layers on the CPU");
    const char *why = "inputs of the graph: embedded tokens and the masks";
    struct need_llama_step step = { .host = true, .layers = l->on_cpu || l->first_gpu_layer || p->apart_on_cpu ? g->layers : 0, .head = l->on_cpu };
    uint64_t compute = step.layers ? need_llama_compute(l, s, cells, step, &why, a) : need_llama_inputs(l, s, cells);
    push_host(a, n, BT_P_ACTIVATIONS, compute, need_llama_compute_doubt(l, compute), why);
    push_host(a, n, BT_P_SAMPLER, sat_mul(sat_mul(l->slots, g->vocab), 4), 0, bt_arena_printf(a, "output buffer: %u slots x %u vocabulary x 4 B", l->slots, g->vocab));
    push_host(a, n, BT_P_HEADROOM, sat_mul(s->llama.cache_ram_mib, MiB), 0, "old prompts kept in RAM, at most this (--cache-ram); it fills as it serves");
    push_host(a, n, BT_P_OTHER, 64 * MiB, 64 * MiB, "program, tokenizer, HTTP server: a small model's process measured 26 MiB");
    if (l->planned)
        n->rank[0].host_token_bytes = l->on_cpu ? 0 : sat_add(growing_cell(l, 0, on_host), bt_ceil_div(need_llama_masks(l, s, PAD), PAD));
}

static void gpu_lines(struct bt_arena *a, struct bt_need *n, struct bt_need_rank *r, const struct bt_gpu *card, uint64_t weights, uint64_t twice, uint64_t cells)
{
    const struct need_llama *l = n->llama;
    bool head = device_of(l, &n->serve, l->gguf->layers) == (int)r->pp;
    const char *guess = n->model->guessed ? bt_arena_printf(a, "; an estimate: %s", n->model->guessed) : "";
    push(a, r, BT_P_WEIGHTS, weights, n->model->guessed ? weights / 20 : 0, bt_arena_printf(a, "%s, bytes of the file's tensors as the device holds them%s%s", layers_text(a, r, l->gguf, head),
         head && twice ? bt_arena_printf(a, "; the embedding (%s) a second time for the output: it has no output.weight", bt_bytes_human(twice)) : "", guess));
    const char *why;
    uint64_t compute = need_llama_compute(l, &n->serve, cells, (struct need_llama_step){ .layers = r->layers, .head = head }, &why, a);
    push(a, r, BT_P_ACTIVATIONS, compute, need_llama_compute_doubt(l, compute), why);
    uint64_t pool = sat_add(32 * MiB, sat_mul(sat_mul(need_llama_pool_numbers(l), l->ubatch), 2));
    push(a, r, BT_P_WORKSPACE, pool, pool, "cuBLAS and the pool of matrix products, which grows while it serves; an estimate");
    push(a, r, BT_P_CONTEXT, need_context_bytes(card), 128 * MiB, bt_arena_printf(a, "CUDA context, an estimate for compute capability %d.%d", card->cc_major, card->cc_minor));
}

/* What a plan cannot deal in blocks: caches of windows, states. */
static void lasting_line(struct bt_arena *a, struct bt_need *n, struct bt_need_rank *r)
{
    uint64_t bytes = lasting_kv(n->llama, &n->serve, r->first_layer, r->layers);
    if (bytes)
        push(a, r, BT_P_STATE, bytes, 0, bt_arena_printf(a, "caches of sliding layers and states, for %u slots: they do not grow with the pool", n->llama->slots));
}

/* ---- checks ---- */

static int check_types(const struct bt_model *m, struct need_llama *l, const struct bt_serve *s, struct bt_err *err)
{
    const struct bt_gguf *g = m->gguf;
    l->k = bt_ggml_type_named(s->llama.kv_k);
    l->v = bt_ggml_type_named(s->llama.kv_v);
    if (!l->k || !l->v)
        return bt_err_set(err, BT_E_SPEC, 0, "KV cache type \"%s\" is none of ggml's", l->k ? s->llama.kv_v : s->llama.kv_k);
    if (l->v->block > 1 && s->llama.flash_attn && !strcmp(s->llama.flash_attn, "off"))
        return bt_err_set(err, BT_E_FIT, 0, "quantized V cache requires flash_attn to be enabled (-ctv %s with -fa off)", s->llama.kv_v);
    if (g->mla && l->k != l->v)
        return bt_err_set(err, BT_E_FIT, 0, "a latent cache keeps keys only: -ctk %s and -ctv %s have to be the same type", s->llama.kv_k, s->llama.kv_v);
    for (uint32_t i = 0; i < g->layers; i++) {
        const struct bt_gguf_layer *y = &g->layer[i];
        if (!y->kv_heads || y->nextn || g->mla)
            continue;
        if (y->k_dim % l->k->block || y->v_dim % l->v->block)
            return bt_err_set(err, BT_E_FIT, 0, "%s cache type %s with block size %u does not divide n_embd_head_%s=%u", y->k_dim % l->k->block ? "K" : "V",
                              y->k_dim % l->k->block ? s->llama.kv_k : s->llama.kv_v, y->k_dim % l->k->block ? l->k->block : l->v->block,
                              y->k_dim % l->k->block ? "k" : "v", y->k_dim % l->k->block ? y->k_dim : y->v_dim);
    }
    return 0;
}

static int check_asked(const struct bt_model *m, const struct bt_serve *s, struct bt_err *err)
{
    if (!m->gguf) {
        bt_err_set(err, BT_E_INPUT, 0, "%s: llama-server reads GGUF files, and this is none", m->id);
        return bt_err_hint(err, "give a .gguf file, or another engine: vllm reads these");
    }
    if (s->llama.split_mode && !strcmp(s->llama.split_mode, "tensor"))
        return bt_err_set(err, BT_E_INPUT, 0, "-sm tensor is experimental in llama.cpp, and berth does not know its memory yet: use -sm layer");
    if (!m->vocab || !m->max_position)
        return bt_err_set(err, BT_E_INPUT, 0, "%s: its metadata has no %s", m->id, m->vocab ? "context_length" : "vocabulary");
    return 0;
}

static const struct need_ops planned_ops;

int need_llama_server(struct bt_arena *a, const struct bt_model *m, const struct bt_engine *e, const struct bt_engine_version *v, const struct bt_serve *serve,
                      const struct bt_gpu *card, struct bt_need **out, struct bt_err *err)
{
    struct bt_need *n = BT_NEW(a, struct bt_need);
    struct need_llama *l = BT_NEW(a, struct need_llama);
    struct bt_shape shape = bt_need_shape(m);
    struct bt_refusal why = { 0 };
    *n = (struct bt_need){ .ops = &need_llama_ops, .model = m, .engine = e, .version = v, .serve = *serve, .llama = l, .block = PAD };
    struct bt_serve *s = &n->serve;
    bool cpu = n->on_host = need_is_host(card);
    struct bt_engine_device device = { .total_bytes = card->total_bytes, .name = card->name, .cpu = cpu };
    if (check_asked(m, s, err) < 0)
        return -1;
    if (!bt_engine_shape_ok(e, &shape, s->tp, s->pp, &why))
        return bt_err_set(err, BT_E_FIT, 0, "%s", why.text);
    if (s->cut && s->ncut == s->pp && !cpu) {
        uint32_t stages[BT_LEN(s->llama.split)];
        if (s->llama.gpu_layers_set && s->llama.gpu_layers <= m->layers)
            return bt_err_set(err, BT_E_SPEC, 0, "pp_layers cuts all layers, and --gpu-layers keeps some of them in RAM: one of the two");
        if (bt_engine_cut(e, m->layers, s, stages, err) < 0)         /* at most 16 stages: bt_engine_shape_ok */
            return -1;
    }
    bt_engine_resolve(e, v, &device, bt_need_model_context(m), s);
    if (!cpu && s->llama.devices && !strcmp(s->llama.devices, "none")) {
        bt_err_set(err, BT_E_SPEC, 0, "-dev none uses no GPU, and the estimate is for %s", card->name);
        return bt_err_hint(err, "--gpu cpu");
    }
    if (s->llama.nsplit && s->llama.nsplit < s->pp)
        return bt_err_set(err, BT_E_SPEC, 0, "-ts names %zu shares for %llu GPUs", s->llama.nsplit, ull(s->pp));
    *l = (struct need_llama){ .gguf = m->gguf, .slots = (uint32_t)s->max_seqs, .unified = s->llama.unified, .on_cpu = cpu, .window = m->gguf->window, .ubatch = s->llama.ubatch };
    if (check_types(m, l, s, err) < 0)
        return -1;
    uint32_t all = m->gguf->layers + 1, active = (uint32_t)BT_MIN(s->llama.gpu_layers, (uint64_t)all);
    l->first_gpu_layer = cpu ? 0 : all - active;
    l->planned = s->llama.planned;
    l->n_ctx_seq = bt_round_up(l->unified ? s->context : bt_ceil_div(s->context, l->slots), PAD);
    if (l->planned)
        n->ops = &planned_ops;
    uint64_t cells = l->planned ? 0 : l->n_ctx_seq;

    n->nranks = s->pp;
    n->rank = BT_NEWN(a, struct bt_need_rank, n->nranks);
    for (uint32_t i = 0; i < m->gguf->layers; i++) {
        int d = cpu ? 0 : device_of(l, s, i);
        if (d < 0)
            continue;
        if (!n->rank[d].layers)
            n->rank[d].first_layer = i;
        n->rank[d].layers++;
    }
    struct place p = { .gpu = BT_NEWN(a, uint64_t, n->nranks) };
    for (size_t i = 0; i < m->ntensors; i++)
        place_tensor(l, s, &m->tensors[i], &p);
    l->apart = s->llama.noverride || s->llama.cpu_moe || s->llama.n_cpu_moe;
    l->experts_apart = p.experts_on_cpu && l->apart;
    l->moved = p.apart_on_cpu > 0;
    l->all_experts_apart = l->experts_apart && p.experts_on_cpu == p.experts;
    for (uint32_t d = 0; d < n->nranks; d++) {
        struct bt_need_rank *r = &n->rank[d];
        r->pp = d;
        if (!cpu)
            gpu_lines(a, n, r, card, p.gpu[d], p.twice, cells);
        r->kv_token_bytes = s->llama.kv_on_host && !cpu ? 0 : growing_cell(l, r->first_layer, r->layers);
        if (l->planned) {            /* a pool of equal blocks, and with each what the compute buffer grows by */
            struct bt_kv_group pool = { .kind = BT_MIX_FULL, .layers = r->layers, .block = PAD };
            lasting_line(a, n, r);
            BT_PUSH(a, r->group, r->ngroups, pool);
            r->kv_token_bytes = sat_add(r->kv_token_bytes, need_llama_compute_cell(l, s));
        }
        r->kv_block_bytes = BT_MAX(sat_mul(r->kv_token_bytes, PAD), 1u);
    }
    host_lines(a, n, &p, cells);
    for (size_t d = 0; d < n->nranks; d++) {
        uint64_t sum = 0;
        for (size_t i = 0; i < n->rank[d].n; i++)
            sum = sat_add(sum, n->rank[d].line[i].uncertainty_bytes);
        n->uncertainty_bytes = BT_MAX(n->uncertainty_bytes, sum);
    }
    need_learn(a, n, card);
    *out = n;
    return 0;
}

/* ---- as an engine ---- */

static uint64_t kv_tokens(const struct bt_need *n, const struct bt_need_rank *r, uint64_t kv_bytes)
{
    return sat_mul(need_llama_longest(n, r, kv_bytes), n->llama->unified ? 1 : n->llama->slots);
}

/* Exactly what its context takes, whatever the card. */
static uint64_t kv_by_engine(const struct bt_need *n, const struct bt_need_rank *r, uint64_t total_bytes)
{
    const struct need_llama *l = n->llama;
    (void)total_bytes;
    return need_llama_kv(l, &n->serve, r->first_layer, n->serve.llama.kv_on_host && !l->on_cpu ? 0 : r->layers, l->n_ctx_seq, l->slots, l->unified);
}

static double no_share(const struct bt_need *n, const struct bt_need_rank *r, uint64_t kv_bytes, uint64_t total_bytes, uint64_t room_bytes)
{
    (void)n, (void)r, (void)kv_bytes, (void)total_bytes, (void)room_bytes;
    return 1;
}

bool bt_need_partly_on_cpu(const struct bt_need *n)
{
    uint64_t layers = 0;
    for (size_t i = 0; i < n->nranks; i++)
        layers += n->rank[i].layers;
    return n->llama && (layers < n->model->layers || n->llama->moved || n->serve.llama.kv_on_host);
}

static int server(struct bt_arena *a, const struct bt_model *m, const struct bt_engine *e, const struct bt_engine_version *v, const struct bt_serve *serve,
                  const struct bt_gpu *card, const struct bt_need *like, struct bt_need **out, struct bt_err *err)
{
    (void)like;                      /* how it is cut goes by what is free on each card */
    return need_llama_server(a, m, e, v, serve, card, out, err);
}

const struct need_ops need_llama_ops = {
    .engine = "llama-server", .context_is_pool = true, .server = server, .fit = fit_llama_server, .advice = fit_llama_advice, .concurrency = fit_llama_concurrency,
    .kv_for = need_llama_kv_of_rank, .kv_tokens = kv_tokens, .longest = need_llama_longest, .kv_by_engine = kv_by_engine, .share = no_share,
};

/* Of a plan: the pool is dealt in blocks of equal size, as vLLM's. */
static const struct need_ops planned_ops = { .engine = "llama-server", .server = server, .fit = fit_llama_server, .advice = fit_llama_advice, .share = no_share };

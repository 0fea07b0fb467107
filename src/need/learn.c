/* learn.c - see learn.h */
#include "need/learn.h"

#include "base/hash.h"
#include "need/llama.h"
#include "need/parts.h"

static unsigned long long ull(uint64_t n) { return n; }

/* What of llama-server's own flags moves bytes between devices, or makes its compute buffers larger. Not its pool: what that adds is computed; nor its shares (-ts): a
 * device's layers are in the key. */
static void llama_key(const struct bt_need *n, struct bt_buf *b)
{
    const struct bt_serve *s = &n->serve;
    const struct bt_llama_serve *l = &s->llama;
    bt_buf_printf(b, "|slots %llu unified %d ub %llu ngl %llu %s %s fa %s nkvo %d swa %d moe %d %llu", ull(s->max_seqs), l->unified, ull(l->ubatch), ull(BT_MIN(l->gpu_layers, (uint64_t)n->model->layers + 1)),
                  l->kv_k, l->kv_v, l->flash_attn ? l->flash_attn : "", l->kv_on_host, l->swa_full, l->cpu_moe, ull(l->n_cpu_moe));
    for (size_t i = 0; i < l->noverride; i++)
        bt_buf_printf(b, " ot %s", l->override[i].text);
}

const char *bt_need_key(struct bt_arena *a, const struct bt_need *n, size_t stage, const char *gpu_name, const char *driver)
{
    const struct bt_serve *s = &n->serve;
    bt_auto_buf struct bt_buf b = BT_BUF(16 * KiB);
    bt_buf_printf(&b, "%s %s|%s|%s|%s|tp %llu pp %llu dp %llu ep %d", n->engine->name, n->version->version, n->model->digest, gpu_name, driver, ull(s->tp), ull(s->pp), ull(s->dp), s->expert_parallel);
    bt_buf_printf(&b, "|%s|%s|%s|eager %d|seqs %llu batched %llu block %llu", s->dtype ? s->dtype : "", s->quantization ? s->quantization : "", s->kv_dtype ? s->kv_dtype : "", s->eager,
                  ull(s->max_seqs), ull(s->max_batched_tokens), ull(s->block_size));
    bt_buf_printf(&b, "|lora %llu x %llu %s|offload %g|graphs %s %llu|prefix %d", ull(s->lora ? s->max_loras : 0), ull(s->lora ? s->max_lora_rank : 0), s->lora_dtype ? s->lora_dtype : "",
                  s->cpu_offload_gib, s->cudagraph_sizes ? s->cudagraph_sizes : "", ull(s->max_cudagraph_size), !s->prefix_caching_off);
    if (n->model->kv_lora)           /* a latent attention's workspace grows with it */
        bt_buf_printf(&b, "|context %llu", ull(s->context));
    if (n->sglang) {                 /* its request table and state pool go by these too */
        const struct bt_sglang_serve *g = &s->sglang;
        bt_buf_printf(&b, "|context %llu graphs %llu %d %d states %llu %s text %d", ull(s->context), ull(g->graph_batch), g->no_decode_graph, g->no_prefill_graph, ull(g->state_slots),
                      g->ssm_dtype ? g->ssm_dtype : "", g->text_only);
    }
    if (n->llama)
        llama_key(n, &b);
    if (n->nranks > 1)
        bt_buf_printf(&b, "|stage %zu of %zu: %u layers from %u", stage, n->nranks, n->rank[stage].layers, n->rank[stage].first_layer);
    for (size_t i = 0; i < s->extra.n; i++)
        bt_buf_printf(&b, "|%s", s->extra.v[i]);
    struct bt_hash h;
    struct bt_digest d;
    bt_hash_init(&h);
    bt_hash_add(&h, bt_buf_z(&b), b.n);
    bt_hash_end(&h, &d);
    return b.over ? "" : bt_arena_strdup(a, d.hex);              /* flags past all measure: a key that nothing is stored under */
}

static bool is_known(enum bt_part p) { return p == BT_P_WEIGHTS || p == BT_P_LORA || p == BT_P_KV || p == BT_P_STATE || p == BT_P_DRAFT; }
static bool is_outside(enum bt_part p) { return p == BT_P_CONTEXT || p == BT_P_COMM || p == BT_P_WORKSPACE; }
static bool is_inside(enum bt_part p) { return p == BT_P_ACTIVATIONS || p == BT_P_SAMPLER || p == BT_P_ENCODER; }

static uint64_t sum_of(const struct bt_need_rank *r, bool (*which)(enum bt_part))
{
    uint64_t sum = 0;
    for (size_t i = 0; i < r->n; i++)
        sum = sat_add(sum, which(r->line[i].part) ? r->line[i].bytes : 0);
    return sum;
}

uint64_t bt_need_known_bytes(const struct bt_need_rank *r, uint64_t kv_bytes)
{
    return sat_add(sum_of(r, is_known), kv_bytes);
}

static uint64_t cell_bytes(const struct bt_need *n)
{
    return n->llama ? need_llama_compute_cell(n->llama, &n->serve) : 0;
}

uint64_t bt_need_growth_bytes(const struct bt_need *n, const struct bt_need_rank *r, uint64_t kv_bytes)
{
    return n->llama && n->llama->planned ? sat_mul(kv_bytes / r->kv_block_bytes * n->block, cell_bytes(n)) : 0;
}

static const char *measured(struct bt_arena *a, const struct bt_learned *l, const char *what, uint64_t estimate)
{
    return bt_arena_printf(a, "measured here on %s (%llu start%s): %s; the estimate was %s", l->when, ull(l->starts), l->starts == 1 ? "" : "s", what, bt_bytes_human(estimate));
}

static bool is_graphs(enum bt_part p) { return p == BT_P_GRAPHS; }

/* The lines of one kind become one, with what was measured. */
static void replace(struct bt_arena *a, struct bt_need_rank *r, const struct bt_learned *l, bool (*which)(enum bt_part), uint64_t bytes, const char *what)
{
    uint64_t estimate = sum_of(r, which);
    size_t kept = 0;
    bool first = true;
    for (size_t i = 0; i < r->n; i++) {
        struct bt_need_line line = r->line[i];
        if (which(line.part)) {
            if (!first)
                continue;
            line.bytes = bytes;
            line.uncertainty_bytes = 0;
            line.why = measured(a, l, what, estimate);
            first = false;
        }
        r->line[kept++] = line;
    }
    r->n = kept;
}

/* What stays on the card beside torch's own: at most what was held when it was ready. Some of that may be activations that torch kept, so more than the
 * estimate is believed only as far as the activations do not explain it. llama-server keeps its compute buffer: where that was told, the rest is known. */
static uint64_t held_outside(const struct bt_need *n, const struct bt_need_rank *r, const struct bt_learned *l, uint64_t estimate)
{
    uint64_t graphs = sum_of(r, is_graphs), inside = sum_of(r, is_inside), held = l->rest_bytes > graphs ? l->rest_bytes - graphs : 0;
    if (n->llama && l->activation_bytes)
        return held > l->activation_bytes ? held - l->activation_bytes : 0;
    return held <= estimate ? held : BT_MAX(estimate, held > inside ? held - inside : 0);
}

static void outside(struct bt_arena *a, const struct bt_need *n, struct bt_need_rank *r, const struct bt_learned *l)
{
    uint64_t estimate = sum_of(r, is_outside), bytes = held_outside(n, r, l, estimate), context = 0;
    for (size_t i = 0; i < r->n; i++)
        context += r->line[i].part == BT_P_CONTEXT ? r->line[i].bytes : 0;
    context = BT_MIN(context, bytes);
    size_t kept = 0;
    for (size_t i = 0; i < r->n; i++) {
        struct bt_need_line line = r->line[i];
        if (is_outside(line.part) && line.part != BT_P_CONTEXT)
            continue;
        if (line.part == BT_P_CONTEXT) {
            line.bytes = context;
            line.uncertainty_bytes = 0;
        }
        r->line[kept++] = line;
    }
    r->n = kept;
    struct bt_need_line rest = { BT_P_WORKSPACE, bytes - context, measured(a, l, "workspaces, NCCL and kernels, by what its process held when it was ready, beside context, graphs, weights and KV",
                                 estimate - BT_MIN(estimate, context)), !n->sglang, 0 };          /* SGLang's fraction covers weights and pools alone */
    BT_PUSH(a, r->line, r->n, rest);
}

static void apply(struct bt_arena *a, const struct bt_need *n, struct bt_need_rank *r, const struct bt_learned *l)
{
    uint64_t cells = n->llama && !n->llama->planned ? n->llama->n_ctx_seq : 0;
    struct bt_need_line *own = BT_NEWN(a, struct bt_need_line, r->n + 2);
    memcpy(own, r->line, r->n * sizeof *own);        /* BT_PUSH may have left room after the lines that is somebody's */
    r->line = own;
    if (l->graph_bytes && sum_of(r, is_graphs))
        replace(a, r, l, is_graphs, l->graph_bytes, "CUDA graphs, by the engine's log");
    if (l->activation_bytes && n->llama) {
        replace(a, r, l, is_inside, sat_add(l->activation_bytes, sat_mul(cells, cell_bytes(n))), "the compute buffer, by the engine's log, and what the cells add to it");
    } else if (l->activation_bytes) {
        r->passing_bytes = 0;        /* the measured peak has it, if that start compiled */
        replace(a, r, l, is_inside, l->activation_bytes, "the peak of the profile run, by the engine's log");
    }
    if (l->rest_bytes)
        outside(a, n, r, l);
    r->fixed_bytes = r->budget_bytes = 0;
    for (size_t i = 0; i < r->n; i++) {
        r->fixed_bytes = sat_add(r->fixed_bytes, r->line[i].bytes);
        r->budget_bytes = sat_add(r->budget_bytes, r->line[i].charged ? r->line[i].bytes : 0);
    }
}

static uint64_t uncertainty(const struct bt_need_rank *r)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < r->n; i++)
        sum = sat_add(sum, r->line[i].uncertainty_bytes);
    return sum;
}

void need_learn(struct bt_arena *a, struct bt_need *n, const struct bt_gpu *card)
{
    const struct bt_learned_list *list = card->learned;
    if (!list || !list->n || n->on_host)
        return;
    n->uncertainty_bytes = 0;
    for (size_t p = 0; p < n->nranks; p++) {
        struct bt_need_rank *r = &n->rank[p];
        const char *key = bt_need_key(a, n, p, card->name, list->driver);
        for (size_t i = 0; i < list->n && !r->learned; i++)
            if (!strcmp(list->row[i].key, key))
                r->learned = &list->row[i];
        if (r->learned)
            apply(a, n, r, r->learned);
        n->uncertainty_bytes = BT_MAX(n->uncertainty_bytes, uncertainty(r));
    }
}

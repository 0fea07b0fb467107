/* runtime - what a started engine holds besides weights and KV: activations, sampler, graphs, LoRA slots, workspaces, context, NCCL.
 *
 * Weights and KV are arithmetic; these lines are measured rules. Each carries its uncertainty; docs/need.md says where they are from. */
#include "need/parts.h"

static unsigned long long ull(uint64_t n) { return n; }

/* ---- LoRA slots: allocated at load for every linear layer, used or not (vLLM lora/layers) ---- */

/* Numbers of one slot and rank, and the bytes they take: A or B of one layer is one tensor for all slots. */
struct slots { uint64_t each, elem, numbers, bytes; };

static void slot_tensor(const struct need_in *in, struct slots *s, uint64_t numbers)
{
    s->numbers = sat_add(s->numbers, numbers);
    s->bytes = sat_add(s->bytes, need_loaded_bytes(in, sat_mul(sat_mul(numbers, s->each), s->elem)));
}

static void slots_of_layer(const struct need_in *in, const struct bt_layer *l, struct slots *s)
{
    uint64_t tp = in->serve->tp, h = in->model->hidden, inner = l->intermediate / tp, kv_parts = BT_MIN(tp, BT_MAX(l->kv_heads, 1u));
    bool heads = l->mixer != BT_MIX_STATE && l->mixer != BT_MIX_NONE;
    uint64_t q = heads ? sat_mul(l->heads, l->head_dim) / tp : 0, kv = heads ? sat_mul(l->kv_heads, l->head_dim) / kv_parts : 0;
    uint64_t a[] = { h, h, h, q, h, h, inner }, b[] = { q, kv, kv, h, inner, inner, h };          /* q, k, v, o, gate, up, down */
    for (size_t i = 0; i < BT_LEN(a); i++) {
        slot_tensor(in, s, a[i]);
        slot_tensor(in, s, b[i]);
    }
}

void need_lora(const struct need_in *in, struct bt_need_rank *r)
{
    const struct bt_serve *s = in->serve;
    if (!s->lora)
        return;
    const struct bt_model *m = in->model;
    unsigned elem = s->lora_dtype && strcmp(s->lora_dtype, "auto") ? 2 : in->elem;       /* float16, bfloat16 */
    struct slots y = { .each = sat_mul(s->max_loras, s->max_lora_rank), .elem = elem };
    for (uint32_t i = in->first_layer; i < in->first_layer + in->layers; i++)
        slots_of_layer(in, &m->layer[i], &y);
    uint64_t in_layers = y.numbers;
    /* the full vocabulary on every rank: embedding on the first stage, head on the last, and once more there, as logs of 0.8 and 0.27 show */
    if (need_lora_embeddings(m->architecture))
        for (int k = 0; k < in->first + 2 * in->last; k++) {
            slot_tensor(in, &y, m->vocab);
            slot_tensor(in, &y, k < in->first + in->last ? m->hidden : 0);
        }
    uint64_t vocab_numbers = y.numbers - in_layers;
    need_line_push(in, r, (struct bt_need_line){ BT_P_LORA, y.bytes,
        bt_arena_printf(in->arena, "%llu slots x rank %llu x (%llu numbers in the layers%s) x %u B: A and B of every linear layer, allocated at load (vLLM lora/layers)",
                        ull(s->max_loras), ull(s->max_lora_rank), ull(in_layers), vocab_numbers ? bt_arena_printf(in->arena, " + %llu of embedding and head", ull(vocab_numbers)) : "", elem),
        true, y.bytes / 8 });
}

/* ---- the profiled peak: forward of one full batch, or the sampler's sort, whichever is larger ---- */

/* Numbers of the widest layer for one token: the MLP's, or of experts what each of the chosen ones is given and gives back. */
static double widest(const struct need_in *in)
{
    const struct bt_model *m = in->model;
    double most = 0, tp = (double)in->serve->tp;
    for (uint32_t i = in->first_layer; i < in->first_layer + in->layers; i++) {
        const struct bt_layer *l = &m->layer[i];
        double numbers = 3.0 * l->intermediate / tp;
        if (l->moe) {                /* vLLM fused_moe: two workspaces, one of them as wide as the wider of its two uses */
            double width = l->moe->intermediate / (in->serve->expert_parallel ? 1 : tp);
            numbers = l->moe->active * (width + BT_MAX(2 * width, (double)m->hidden)) + 3.0 * l->moe->shared_intermediate / tp;
        }
        if (l->state)                /* delta net, Mamba: the projections and their convolved copy, in 32 bits for a part */
            numbers += 4.0 * (l->state->conv_channels + (double)l->state->heads * l->state->head_dim) / tp;
        most = BT_MAX(most, numbers);
    }
    return most;
}

uint64_t need_forward_bytes(const struct need_in *in)
{
    return sat_f64((double)in->serve->max_batched_tokens * (widest(in) + 4.0 * in->model->hidden) * in->elem);
}

static void activations(const struct need_in *in, struct bt_need_rank *r, uint64_t forward)
{
    const struct bt_model *m = in->model;
    bool plain = true;
    for (uint32_t i = in->first_layer; i < in->first_layer + in->layers; i++)
        plain = plain && !m->layer[i].moe && !m->layer[i].state;
    const char *each = plain ? bt_arena_printf(in->arena, "3 x %u%s", m->intermediate, in->serve->tp > 1 ? bt_arena_printf(in->arena, " / %llu", ull(in->serve->tp)) : "")
                             : bt_arena_printf(in->arena, "%.0f of its widest layer", widest(in));
    need_line_push(in, r, (struct bt_need_line){ BT_P_ACTIVATIONS, forward,
        bt_arena_printf(in->arena, "%llu batched tokens x (%s + 4 x %u) x %u B: the forward of the profile run (%s)", ull(in->serve->max_batched_tokens), each, m->hidden, in->elem,
                        plain ? "fits the peaks that real logs state within 6 %" : "an estimate: experts and states keep more"),
        true, plain ? forward / 16 + 32 * MiB : forward / 2 + 64 * MiB });
}

/* Where torch.compile runs inside the measured window, Inductor times its kernels on buffers of 8,192 tokens, whatever the batch is: the profiled peak of
 * first starts, 0.80 GiB (Qwen3-4B), 1.15 (8B), 1.48 (14B, 16 bit and AWQ, batches of 2,048 and 8,192) and about 0.76 (14B, TP 2) of 0.24 to 0.28, is
 * 5.3 to 6.0 times their MLP's width. Kernels of experts are not Inductor's. A start from the compile cache has nothing of it. */
#define COMPILE_WIDTHS 5.6
#define COMPILE_TOKENS 8192

static uint64_t compile_bytes(const struct need_in *in)
{
    uint64_t width = 0;
    for (uint32_t i = in->first_layer; i < in->first_layer + in->layers; i++) {
        const struct bt_layer *l = &in->model->layer[i];
        width = BT_MAX(width, (uint64_t)(l->moe ? BT_MAX(l->moe->shared_intermediate, l->intermediate) : l->intermediate));
    }
    return in->serve->eager || !in->version->compiles ? 0 : sat_f64(COMPILE_WIDTHS * COMPILE_TOKENS * in->elem * (double)width / (double)in->serve->tp);
}

static uint64_t sort_bytes(const struct need_in *in)
{
    bool profiled = in->last && in->version->sampler_profiled && !need_pools(in->model, in->serve);
    return profiled ? sat_f64(in->version->sampler_bytes * (double)in->serve->max_seqs * in->model->vocab) : 0;
}

/* The language model's profiled peak: forward and sampler come one after the other. */
uint64_t need_language_peak(const struct need_in *in, uint64_t forward)
{
    return BT_MAX(forward, sort_bytes(in));
}

static void sampler(const struct need_in *in, struct bt_need_rank *r, uint64_t forward)
{
    if (!in->last || need_pools(in->model, in->serve))
        return;                                      /* only the last stage has logits */
    double seqs_vocab = (double)in->serve->max_seqs * in->model->vocab;
    if (in->version->sampler_profiled) {
        uint64_t sort = sort_bytes(in);
        if (sort > forward)
            need_line_push(in, r, (struct bt_need_line){ BT_P_SAMPLER, sort - forward,
                bt_arena_printf(in->arena, "%.4g B x %llu sequences x %u vocabulary = %s in the profile run's sampler sort, of which %s above the forward",
                                in->version->sampler_bytes, ull(in->serve->max_seqs), in->model->vocab, bt_bytes_human(sort), bt_bytes_human(sort - forward)),
                true, sort / 16 });
    }
    if (in->version->sampler_buffers)
        need_line_push(in, r, (struct bt_need_line){ BT_P_SAMPLER, sat_f64(4.25 * seqs_vocab),
            bt_arena_printf(in->arena, "4.25 B x %llu sequences x %u vocabulary: penalty counts, masks and grammar bits that runner V2 keeps (vLLM v1/worker/gpu/sample)",
                            ull(in->serve->max_seqs), in->model->vocab),
            true, 0 });
}

/* Its buffers are gone before graphs and KV are made, so they only take what graphs do not; but an engine that sizes KV by itself subtracts them whole. */
static void compiling(const struct need_in *in, struct bt_need_rank *r, uint64_t forward, uint64_t kept)
{
    uint64_t bytes = sat_add(compile_bytes(in), kept), others = need_language_peak(in, forward), later = 0;
    for (size_t i = 0; i < r->n; i++) {
        others = sat_add(others, r->line[i].part == BT_P_ENCODER ? r->line[i].bytes : 0);
        later = sat_add(later, r->line[i].part == BT_P_GRAPHS ? r->line[i].bytes : 0);
    }
    if (bytes <= others || bytes == kept)
        return;
    uint64_t above = bytes - others, held = above > later ? above - later : 0;
    r->passing_bytes = above - held;
    need_line_push(in, r, (struct bt_need_line){ BT_P_ACTIVATIONS, held,
        bt_arena_printf(in->arena, "a first start compiles while memory is measured: %s for buffers of %d tokens, %s above the rest of the profile; gone before graphs and KV are "
                        "made, but the engine leaves it out of a KV that it sizes itself, unless it starts from its compile cache", bt_bytes_human(compile_bytes(in)), COMPILE_TOKENS, bt_bytes_human(above)),
        true, held });
}

/* Runner V2 leaves the sampler out of its profile: what it takes above the profiled forward is nobody's. */
static void headroom(const struct need_in *in, struct bt_need_rank *r, uint64_t forward)
{
    if (!in->last || !in->version->sampler_buffers || need_pools(in->model, in->serve))
        return;
    uint64_t sample = sat_f64(8.0 * (double)in->serve->max_seqs * in->model->vocab);
    if (sample > forward)
        need_line_push(in, r, (struct bt_need_line){ BT_P_HEADROOM, sample - forward,
            bt_arena_printf(in->arena, "sampling takes up to 8 B x %llu x %u = %s at run time, %s more than the profiled forward; runner V2 does not profile it",
                            ull(in->serve->max_seqs), in->model->vocab, bt_bytes_human(sample), bt_bytes_human(sample - forward)),
            false, (sample - forward) / 2 });
}

/* ---- CUDA graphs ---- */

static uint64_t count_numbers(const char *text)      /* "[1,2,4,8]" -> 4 */
{
    uint64_t n = 0;
    for (const char *p = text; *p; p++)
        n += *p >= '0' && *p <= '9' && (p == text || p[-1] < '0' || p[-1] > '9');
    return n;
}

/* Sizes 1, 2, 4, then every 8 to 255, then every 16 (vLLM config/vllm.py). */
static uint64_t graph_sizes(const struct need_in *in, uint64_t *largest)
{
    const struct bt_serve *s = in->serve;
    uint64_t max = s->max_cudagraph_size;
    if (!max) {
        max = BT_MIN(sat_mul(2, s->max_seqs), in->card->cc_major == 10 ? 1024u : 512u);
        max = BT_MIN(max, s->max_batched_tokens);
    }
    *largest = max;
    if (s->cudagraph_sizes && count_numbers(s->cudagraph_sizes))
        return count_numbers(s->cudagraph_sizes);
    uint64_t n = (max >= 1) + (max >= 2) + (max >= 4);
    if (max >= 8)
        n += BT_MIN(max, 255u) / 8;
    if (max >= 256)
        n += (max - 256) / 16 + 1;
    return n;
}

#define GRAPH_BYTES_PER_LAYER_AND_SIZE (368 * KiB)   /* median of real "Graph capturing finished ... took" lines of dense models */

#define GRAPH_TIMES_EXPERTS 3                        /* Qwen3-Next 2.8, GLM-5.2 3.0 times what a dense model of as many layers takes */
#define GRAPH_BYTES_ODD (384 * MiB)                  /* experts and states: 0.39 to 0.47 GiB even with one or two batch sizes */

static void graphs(const struct need_in *in, struct bt_need_rank *r)
{
    if (in->serve->eager)
        return;
    uint64_t experts = 0, odd = 0;
    for (uint32_t i = in->first_layer; i < in->first_layer + in->layers; i++) {
        experts += in->model->layer[i].moe != NULL;
        odd += in->model->layer[i].moe || in->model->layer[i].state;
    }
    uint64_t largest, sizes = graph_sizes(in, &largest), sets = in->serve->lora && !in->version->v0 ? 2 : 1;         /* with and without adapters */
    uint64_t counted = in->layers + experts * (GRAPH_TIMES_EXPERTS - 1), bytes = sat_mul(sat_mul(sat_mul(sizes, counted), GRAPH_BYTES_PER_LAYER_AND_SIZE), sets);
    bool least = odd && bytes < GRAPH_BYTES_ODD;
    bytes = least ? GRAPH_BYTES_ODD : bytes;
    need_line_push(in, r, (struct bt_need_line){ BT_P_GRAPHS, bytes,
        bt_arena_printf(in->arena, "%llu batch sizes up to %llu x %u layers%s x 0.36 MiB%s%s, %s the engine's fraction in %s; an estimate: real logs vary from a third to three times this",
                        ull(sizes), ull(largest), in->layers, experts ? bt_arena_printf(in->arena, " (%llu with experts, that count three times)", ull(experts)) : "",
                        least ? ", but at least 384 MiB with experts or states" : "", sets > 1 ? ", with and without adapters" : "", in->version->graphs_in_budget ? "inside" : "outside", in->version->version),
        in->version->graphs_in_budget, bytes });
}

/* ---- workspaces, context, communication ---- */

/* MLA of V1: the profile run makes what a prefill over a long context needs. Sparse attention (an indexer): the keys of 40 requests of the whole
 * length, each with its scale (vLLM v1/attention/backends/mla/indexer.py); without: kv_b_proj's output for a chunk of at most 65,536 tokens
 * (v1/attention/backends/mla/common.py). */
static void latent_workspace(const struct need_in *in, struct bt_need_rank *r)
{
    const struct bt_serve *s = in->serve;
    const struct bt_model *m = in->model;
    uint32_t indexer = 0;
    for (uint32_t i = in->first_layer; i < in->first_layer + in->layers; i++)
        indexer = BT_MAX(indexer, m->layer[i].indexer);
    if (!m->kv_lora || in->version->v0)
        return;
    if (indexer) {
        need_line_push(in, r, (struct bt_need_line){ BT_P_WORKSPACE, sat_mul(sat_mul(40, s->context), indexer + 4ull),
            bt_arena_printf(in->arena, "40 x %llu tokens x (%u + 4) B: the indexer's keys gathered for a prefill (vLLM v1/attention/backends/mla/indexer.py); a smaller --max-model-len makes it smaller",
                            ull(s->context), indexer), true, 0 });
        return;
    }
    uint64_t heads = bt_ceil_div(m->heads, s->tp), tokens = BT_MIN(BT_MAX(sat_mul(8, s->context), sat_mul(sat_mul(4, s->max_seqs), s->block_size)), 65536u);
    uint64_t width = (uint64_t)m->qk_nope + m->v_head;
    need_line_push(in, r, (struct bt_need_line){ BT_P_WORKSPACE, sat_mul(sat_mul(sat_mul(tokens, heads), width), in->elem),
        bt_arena_printf(in->arena, "%llu tokens of context x %llu heads x %llu x %u B: keys and values of a prefill chunk, out of the latent (vLLM v1/attention/backends/mla/common.py)",
                        ull(tokens), ull(heads), ull(width), in->elem), true, 64 * MiB });
}

static void workspace(const struct need_in *in, struct bt_need_rank *r)
{
    const struct bt_serve *s = in->serve;
    bool blackwell = in->card->cc_major >= 10;
    uint64_t bytes = blackwell ? 384 * MiB : 128 * MiB, hidden = 0;
    if (!in->first)
        hidden = sat_mul(sat_mul(s->max_batched_tokens, in->model->hidden), in->elem);
    need_line_push(in, r, (struct bt_need_line){ BT_P_WORKSPACE, sat_add(bytes, hidden),
        bt_arena_printf(in->arena, "cuBLAS workspace and kernels loaded while profiling: %s (logs show %s of non-torch growth at TP 1)%s", bt_bytes_human(bytes),
                        blackwell ? "0.26-0.50 GiB on Blackwell" : "0.01-0.16 GiB",
                        hidden ? bt_arena_printf(in->arena, "; %s of hidden states from the stage before", bt_bytes_human(hidden)) : ""),
        true, bytes });

    if (in->card->cc_major == 10) {                  /* FlashInfer is the default attention there */
        uint64_t attention = sat_mul(sat_mul(s->max_batched_tokens, in->model->heads / BT_MAX(s->tp, 1u)), 16ull * in->model->head_dim);
        attention = BT_MAX(attention, 394 * MiB);
        need_line_push(in, r, (struct bt_need_line){ BT_P_WORKSPACE, attention,
            bt_arena_printf(in->arena, "FlashInfer workspace: max(394 MiB, %llu tokens x %llu heads x %u x 16 B) (vLLM v1/attention/backends/flashinfer.py)",
                            ull(s->max_batched_tokens), ull(in->model->heads / BT_MAX(s->tp, 1u)), in->model->head_dim),
            in->version->graphs_in_budget && !s->eager, 0 });
    }
    latent_workspace(in, r);
    uint64_t tables = sat_add(sat_mul(sat_mul(8, s->max_seqs), bt_ceil_div(s->context, s->block_size)), sat_mul(8, s->max_batched_tokens));
    need_line_push(in, r, (struct bt_need_line){ BT_P_WORKSPACE, tables,
        bt_arena_printf(in->arena, "block tables: 2 x %llu sequences x %llu blocks x 4 B, and slot mappings; allocated after KV is sized", ull(s->max_seqs), ull(bt_ceil_div(s->context, s->block_size))),
        false, 0 });
}

/* Bytes a process holds before it allocates anything: grows with the number of SMs. 426 MiB (RTX 6000 Ada) and 555 MiB (RTX PRO 6000) were
 * measured by others; the rest is scaled from them. */
static const struct { int major, minor; unsigned mib; } contexts[] = {
    { 7, 0, 360 }, { 7, 5, 300 }, { 8, 0, 450 }, { 8, 6, 330 }, { 8, 9, 426 }, { 9, 0, 560 }, { 10, 0, 650 }, { 10, 3, 650 }, { 12, 0, 555 }, { 12, 1, 400 },
};

uint64_t need_context_bytes(const struct bt_gpu *card)
{
    for (size_t i = 0; i < BT_LEN(contexts); i++)
        if (contexts[i].major == card->cc_major && contexts[i].minor == card->cc_minor)
            return contexts[i].mib * MiB;
    return 600 * MiB;                                /* a card we do not know: the high side */
}

static void context(const struct need_in *in, struct bt_need_rank *r)
{
    need_line_push(in, r, (struct bt_need_line){ BT_P_CONTEXT, need_context_bytes(in->card),
        bt_arena_printf(in->arena, "CUDA context, an estimate for compute capability %d.%d; taken before the engine looks at the card, so outside its fraction", in->card->cc_major, in->card->cc_minor),
        false, 128 * MiB });
}

/* Symmetric-memory all-reduce buffers, MiB for TP 2, 4, 6, 8 (vLLM distributed/device_communicators). */
static unsigned symmetric_mib(int cc_major, uint64_t tp)
{
    static const unsigned hopper[] = { 64, 32, 64, 64 }, blackwell[] = { 8, 32, 128, 128 };
    if (tp % 2 || tp < 2 || tp > 8)
        return 0;
    return cc_major == 9 ? hopper[tp / 2 - 1] : cc_major == 10 ? blackwell[tp / 2 - 1] : 0;
}

static void comm(const struct need_in *in, struct bt_need_rank *r)
{
    uint64_t tp = in->serve->tp, pp = in->serve->pp;
    if (tp * pp == 1)
        return;
    unsigned before = tp > 4 ? 1280 : tp > 1 ? 768 : 352, inside = tp > 4 ? 1536 : tp > 1 ? 360 : 100;
    if (tp > 1 && (in->card->cc_major == 9 || in->card->cc_major == 10))
        inside = BT_MAX(inside, 1230u);              /* NVLink with multicast: 1.38 GiB logged on two H200 */
    bool nodes = tp * pp > 8;                        /* more than a machine has: 0.93 and 2.15 GiB logged on two stages, another rank had less KV still */
    if (nodes)
        inside = BT_MAX(inside, 2560u);
    before += symmetric_mib(in->card->cc_major, tp);
    need_line_push(in, r, (struct bt_need_line){ BT_P_COMM, before * MiB,
        bt_arena_printf(in->arena, "NCCL and all-reduce buffers of TP %llu x PP %llu, set up before the engine looks at the card; an estimate", ull(tp), ull(pp)), false, before * MiB / 2 });
    const char *logged = nodes ? "0.9-2.2 GiB and more between machines"
                         : tp > 4 ? "0.24-2.1 GiB of growth outside torch at TP 8"
                         : tp > 1 ? "0.20-0.74 GiB of growth outside torch at TP 2-4, 1.4 on H200" : "little with stages alone";
    need_line_push(in, r, (struct bt_need_line){ BT_P_COMM, inside * MiB, bt_arena_printf(in->arena, "channels opened while profiling: logs show %s", logged), true, inside * MiB });
}

void need_runtime(const struct need_in *in, struct bt_need_rank *r)
{
    uint64_t forward = need_forward_bytes(in);
    activations(in, r, forward);
    sampler(in, r, forward);
    uint64_t kept = need_encoder(in, r, forward);
    graphs(in, r);
    compiling(in, r, forward, kept);
    workspace(in, r);
    context(in, r);
    comm(in, r);
    headroom(in, r, forward);
}

/* ---- on the CPU ---- */

/* vLLM 0.32.0, CPU build, one worker: what it told of itself before KV (0.92 GiB, a model of 10 MB), and the proportional memory of the API server, the
 * engine core and the resource tracker (684 + 654 + 7 MiB). */
#define WORKER_BYTES (942 * MiB)
#define FRONT_BYTES (1345 * MiB)

void need_host_runtime(const struct need_in *in, struct bt_need_rank *r)
{
    uint64_t forward = need_forward_bytes(in);
    activations(in, r, forward);
    if (in->last && !need_pools(in->model, in->serve)) {
        uint64_t logits = sat_f64(8.0 * (double)in->serve->max_seqs * in->model->vocab);
        need_line_push(in, r, (struct bt_need_line){ BT_P_SAMPLER, logits, bt_arena_printf(in->arena, "logits and their sorted copy: 8 B x %llu sequences x %u vocabulary; an estimate",
                                                     ull(in->serve->max_seqs), in->model->vocab), true, logits / 2 });
    }
    need_line_push(in, r, (struct bt_need_line){ BT_P_CONTEXT, WORKER_BYTES, "the worker: Python, torch and its libraries, measured with vLLM 0.32.0", true, 128 * MiB });
    need_line_push(in, r, (struct bt_need_line){ BT_P_OTHER, FRONT_BYTES, "API server and engine core: processes of their own, measured with vLLM 0.32.0", false, 128 * MiB });
}

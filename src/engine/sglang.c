/* sglang.c - SGLang: its version, its flags by their own names, its defaults, its shape rules, how it is stopped. Its log lines are in sglang_log.c.
 * Read from SGLang 0.5.23: server_args.py, arg_groups/memory_hook.py, arg_groups/cuda_graph_hook.py. */
#include "engine/sglang.h"

#include <inttypes.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>

#include "base/units.h"
#include "engine/engine_int.h"

static const struct bt_engine_version versions[] = {
    { .version = "0.5.23", .default_utilization = 0, .has_kv_bytes = true, .source = "SGLang 0.5.23 (wheel): srt/model_executor/kv_cache_configurator.py, srt/arg_groups/memory_hook.py, srt/model_executor/pool_configurator.py" },
};

/* ---- flags ---- */

#define AT(f) offsetof(struct bt_serve, f)
#define MANY 1048576

static const char *const kv_dtypes[] = { "auto", "bf16", "bfloat16", "fp8_e4m3", "fp8_e5m2", NULL };
static const char *const dtypes[] = { "auto", "half", "float16", "bfloat16", "float", "float32", NULL };

static int parse_choice(const struct bt_opt *opt, struct bt_opt_ctx *ctx, struct bt_err *err)
{
    const char *text = ctx->text ? ctx->text : ctx->node->kind == BT_NODE_SCALAR ? ctx->node->text : NULL;
    for (size_t i = 0; text && opt->choices[i]; i++)
        if (!strcmp(opt->choices[i], text)) {        /* the ledger's word for the same type */
            *(const char **)((char *)ctx->target + opt->off) = !strcmp(text, "bf16") ? "bfloat16" : opt->choices[i];
            return 0;
        }
    char list[160];
    size_t used = 0;
    for (size_t i = 0; opt->choices[i] && used < sizeof list; i++)
        used += (size_t)snprintf(list + used, sizeof list - used, "%s%s", i ? ", " : "", opt->choices[i]);
    if (ctx->node)
        bt_node_err(err, ctx->doc, ctx->node, "%s: not one of the types that berth can count", opt->name);
    else
        bt_err_set(err, BT_E_USAGE, 0, "\"%.80s\" is not one of the types that berth can count", text);
    return bt_err_hint(err, "one of: %s", list);
}

/* "1 2 4 8": the memory goes by the largest (memory_hook.py). */
static int parse_largest(const struct bt_opt *opt, struct bt_opt_ctx *ctx, struct bt_err *err)
{
    struct bt_serve *s = ctx->target;
    struct bt_str left = bt_str(ctx->text ? ctx->text : ctx->node->kind == BT_NODE_SCALAR ? ctx->node->text : ""), one;
    uint64_t largest = 0;
    while (left.n) {
        struct bt_err inner = { 0 };
        uint64_t n;
        left = bt_str_cut(bt_str_trim(left), ' ', &one);
        if (bt_u64_parse(one, 1, MANY, &n, &inner) < 0)
            return ctx->node ? bt_node_err(err, ctx->doc, ctx->node, "%s: \"%.*s\": want batch sizes, as 1 2 4", opt->name, (int)BT_MIN(one.n, 80u), one.p)
                             : bt_err_set(err, BT_E_USAGE, 0, "\"%.*s\": want batch sizes, as 1 2 4", (int)BT_MIN(one.n, 80u), one.p);
        largest = BT_MAX(largest, n);
    }
    s->sglang.graph_batch = largest ? largest : s->sglang.graph_batch;
    return 0;
}

static const char *const devices[] = { "cuda", "cpu", NULL };
static const char *const strategies[] = { "auto", "no_buffer", "extra_buffer", "extra_buffer_lazy", NULL };
static const char *const state_dtypes[] = { "float32", "bfloat16", "float16", NULL };

static const struct bt_opt flags[] = {
    { .name = "model-path", .alias = "model", .type = BT_OPT_STR, .off = AT(model), .metavar = "MODEL" },
    { .name = "tp-size", .alias = "tp", .type = BT_OPT_U64, .off = AT(tp), .min = 1, .max = 4096, .help = "GPUs that share each layer (--tensor-parallel-size)" },
    { .name = "tensor-parallel-size", .type = BT_OPT_U64, .off = AT(tp), .min = 1, .max = 4096 },
    { .name = "pp-size", .alias = "pp", .type = BT_OPT_U64, .off = AT(pp), .min = 1, .max = 4096, .help = "stages that share the layers (--pipeline-parallel-size)" },
    { .name = "pipeline-parallel-size", .type = BT_OPT_U64, .off = AT(pp), .min = 1, .max = 4096 },
    { .name = "dp-size", .alias = "dp", .type = BT_OPT_U64, .off = AT(dp), .min = 1, .max = 4096, .help = "copies behind one front (--data-parallel-size)" },
    { .name = "ep-size", .alias = "ep", .type = BT_OPT_U64, .off = AT(sglang.ep), .min = 1, .max = 4096,
      .help = "ranks of a TP group that share the experts (--expert-parallel-size)" },
    { .name = "expert-parallel-size", .type = BT_OPT_U64, .off = AT(sglang.ep), .min = 1, .max = 4096 },
    { .name = "data-parallel-size", .type = BT_OPT_U64, .off = AT(dp), .min = 1, .max = 4096 },
    { .name = "context-length", .type = BT_OPT_U64, .off = AT(context), .min = 1, .max = UINT32_MAX, .metavar = "TOKENS", .help = "longest request (default: the model's)" },
    { .name = "mem-fraction-static", .type = BT_OPT_F64, .off = AT(utilization), .set_off = AT(utilization_set), .min = 0.001, .max = 0.999, .metavar = "SHARE",
      .help = "share for weights and KV of what is free at the start (default: by card)" },
    { .name = "max-total-tokens", .type = BT_OPT_U64, .off = AT(sglang.max_total_tokens), .min = 1, .max = 1e12, .metavar = "TOKENS", .help = "no more KV than this" },
    { .name = "max-running-requests", .type = BT_OPT_U64, .off = AT(max_seqs), .min = 1, .max = MANY, .help = "requests computed at once (default: 2048 to 4096, by the KV)" },
    { .name = "chunked-prefill-size", .type = BT_OPT_U64, .off = AT(max_batched_tokens), .min = 1, .max = (double)MANY * 64, .help = "tokens of one prefill step (default: by card)" },
    { .name = "page-size", .type = BT_OPT_U64, .off = AT(block_size), .min = 1, .max = 4096, .help = "tokens of one KV page (default 1)" },
    { .name = "cuda-graph-max-bs-decode", .type = BT_OPT_U64, .off = AT(sglang.graph_batch), .min = 1, .max = MANY, .help = "largest decode batch captured as a CUDA graph (default: by card)" },
    { .name = "cuda-graph-max-bs", .type = BT_OPT_U64, .off = AT(sglang.graph_batch), .min = 1, .max = MANY },
    { .name = "cuda-graph-bs-decode", .type = BT_OPT_CUSTOM, .off = AT(sglang.graph_batch), .parse = parse_largest, .many = true, .metavar = "LIST", .help = "decode batches captured as CUDA graphs" },
    { .name = "cuda-graph-bs", .type = BT_OPT_CUSTOM, .off = AT(sglang.graph_batch), .parse = parse_largest, .many = true, .metavar = "LIST" },
    { .name = "disable-cuda-graph", .type = BT_OPT_BOOL, .off = AT(eager), .help = "no CUDA graphs" },
    { .name = "disable-decode-cuda-graph", .type = BT_OPT_BOOL, .off = AT(sglang.no_decode_graph), .help = "no CUDA graphs for decode" },
    { .name = "disable-prefill-cuda-graph", .type = BT_OPT_BOOL, .off = AT(sglang.no_prefill_graph), .help = "no CUDA graphs for prefill" },
    { .name = "kv-cache-dtype", .type = BT_OPT_CUSTOM, .off = AT(kv_dtype), .parse = parse_choice, .choices = kv_dtypes, .metavar = "TYPE", .help = "auto (the model's), bf16, fp8_e4m3, fp8_e5m2" },
    { .name = "dtype", .type = BT_OPT_CUSTOM, .off = AT(dtype), .parse = parse_choice, .choices = dtypes, .metavar = "TYPE", .help = "auto (the model's), half, float16, bfloat16, float, float32" },
    { .name = "quantization", .type = BT_OPT_STR, .off = AT(quantization), .metavar = "METHOD", .help = "as the engine names it" },
    { .name = "device", .type = BT_OPT_CUSTOM, .off = AT(sglang.device), .parse = parse_choice, .choices = devices, .metavar = "KIND", .help = "cuda (default), cpu" },
    { .name = "disable-radix-cache", .type = BT_OPT_BOOL, .off = AT(sglang.no_radix), .help = "keep no prefixes: hybrids keep one state a request then" },
    { .name = "disable-overlap-schedule", .type = BT_OPT_BOOL, .off = AT(sglang.no_overlap), .help = "hybrids keep fewer states a request then" },
    { .name = "max-mamba-cache-size", .type = BT_OPT_U64, .off = AT(sglang.max_states), .min = 1, .max = MANY, .metavar = "SLOTS", .help = "states of hybrids (default: by --mamba-full-memory-ratio)" },
    { .name = "mamba-full-memory-ratio", .type = BT_OPT_F64, .off = AT(sglang.state_ratio), .min = 0.001, .max = 1000, .help = "bytes of states to bytes of KV (default 0.9)" },
    { .name = "mamba-ssm-dtype", .type = BT_OPT_CUSTOM, .off = AT(sglang.ssm_dtype), .parse = parse_choice, .choices = state_dtypes, .metavar = "TYPE", .help = "float32, bfloat16, float16 (default: the model's, float32)" },
    { .name = "mamba-radix-cache-strategy", .type = BT_OPT_CUSTOM, .off = AT(sglang.state_strategy), .parse = parse_choice, .choices = strategies, .metavar = "HOW",
      .help = "auto, no_buffer, extra_buffer, extra_buffer_lazy: 3 to 5 states a request" },
    { .name = "swa-full-tokens-ratio", .type = BT_OPT_F64, .off = AT(sglang.swa_ratio), .min = 0.001, .max = 1, .help = "tokens of sliding layers' pool to the others' (default 0.8)" },
    { .name = "disable-hybrid-swa-memory", .type = BT_OPT_BOOL, .off = AT(sglang.no_swa_pool), .help = "sliding layers in the pool of all" },
    { .name = "language-model-only", .type = BT_OPT_BOOL, .off = AT(sglang.text_only), .help = "no images" },
    { .name = "enable-lora", .type = BT_OPT_BOOL, .off = AT(lora), .help = "reserve slots for adapters" },
    { .name = "max-loras-per-batch", .type = BT_OPT_U64, .off = AT(max_loras), .min = 1, .max = 4096, .help = "adapter slots on the GPU, the base model counted as one (default 8)" },
    { .name = "max-lora-rank", .type = BT_OPT_U64, .off = AT(max_lora_rank), .min = 1, .max = 4096, .help = "largest rank of an adapter" },
    { .name = "cpu-offload-gb", .type = BT_OPT_F64, .off = AT(cpu_offload_gib), .min = 0, .max = 65536, .metavar = "GIB", .help = "weights per GPU kept in host memory" },
    { .name = "revision", .type = BT_OPT_STR, .off = AT(revision), .metavar = "REV", .help = "branch, tag or commit of the model" },
    { .name = "trust-remote-code", .type = BT_OPT_BOOL, .off = AT(trust_remote_code), .help = "run Python code that comes with the model" },
    { .name = "served-model-name", .type = BT_OPT_STR, .off = AT(served_name), .metavar = "NAME", .help = "name in the API" },
    { .name = "host", .type = BT_OPT_STR, .off = AT(host), .metavar = "ADDRESS" },
    { .name = "port", .type = BT_OPT_U64, .off = AT(port), .min = 1, .max = 65535 },
    { 0 },
};

/* ---- defaults ---- */

static const struct { uint64_t below_gib; uint32_t chunk, batch, batch_tp4; } by_capacity[] = {
    { 20, 2048, 8, 8 }, { 35, 4096, 48, 160 }, { 60, 4096, 32, 160 }, { 160, 8192, 256, 512 }, { UINT32_MAX, 16384, 512, 512 },
};

void bt_sglang_by_capacity(uint64_t nvml_bytes, uint64_t tp, uint64_t *chunk, uint64_t *graph_batch)
{
    size_t i = 0;
    while (i + 1 < BT_LEN(by_capacity) && nvml_bytes >= by_capacity[i].below_gib * GiB)
        i++;
    *chunk = by_capacity[i].chunk;
    *graph_batch = tp >= 4 ? by_capacity[i].batch_tp4 : by_capacity[i].batch;
}

/* generate_prefill_cuda_graph_batch_sizes of cuda_graph_hook.py: first size, last, step. */
uint64_t bt_sglang_prefill_graphs(const struct bt_serve *s)
{
    static const struct { uint64_t from, to, step; } runs[] = { { 4, 32, 4 }, { 48, 256, 16 }, { 288, 512, 32 }, { 576, 1024, 64 }, { 1280, 4096, 256 }, { 4608, UINT64_MAX, 512 } };
    uint64_t most = s->sglang.max_total_tokens ? BT_MIN(s->max_batched_tokens, s->sglang.max_total_tokens) : s->max_batched_tokens, n = 0;
    for (size_t i = 0; i < BT_LEN(runs); i++) {
        uint64_t last = BT_MIN(most, runs[i].to);
        n += last >= runs[i].from ? (last - runs[i].from) / runs[i].step + 1 : 0;
    }
    return n;
}

double bt_sglang_fraction(uint64_t nvml_bytes, const struct bt_serve *s, bool mla)
{
    double capacity = (double)nvml_bytes / (double)MiB, tp = (double)BT_MAX(s->tp, 1u), pp = (double)BT_MAX(s->pp, 1u);
    bool decode = !s->eager && !s->sglang.no_decode_graph, prefill = !s->eager && !s->sglang.no_prefill_graph && s->pp <= 1;
    double reserved = 512 + 1.5 * (double)BT_MAX(s->max_batched_tokens, 2048u) + tp * pp / 8 * 1024;
    reserved += decode ? 2 * (double)s->sglang.graph_batch : 0;
    reserved += !prefill ? 0 : mla ? 1536 : 8 * (double)bt_sglang_prefill_graphs(s);
    if (capacity > 60 * 1024)
        reserved = fmax(reserved, 10240);
    return capacity > reserved ? round((capacity - reserved) / capacity * 1000) / 1000 : 0;
}

/* The last stages get what is left over (srt/utils.py). */
static uint32_t stage_layers(uint32_t layers, uint64_t pp, uint64_t stage)
{
    return pp ? (uint32_t)(layers / pp + (stage >= pp - layers % pp)) : 0;
}

static void resolve(const struct bt_engine_version *v, const struct bt_engine_device *d, uint64_t model_context, struct bt_serve *s)
{
    uint64_t chunk, batch;
    (void)v;
    s->tp = BT_MAX(s->tp, 1);
    s->pp = BT_MAX(s->pp, 1);
    s->dp = BT_MAX(s->dp, 1);
    bt_sglang_by_capacity(d->total_bytes, s->tp, &chunk, &batch);
    if (!s->max_batched_tokens)
        s->max_batched_tokens = chunk;
    if (!s->sglang.graph_batch)
        s->sglang.graph_batch = batch;
    if (s->max_seqs)
        s->sglang.graph_batch = BT_MIN(s->sglang.graph_batch, s->max_seqs);
    s->sglang.seqs_given = s->sglang.seqs_given || s->max_seqs;
    if (!s->context)
        s->context = model_context;
    if (!s->block_size)
        s->block_size = 1;
    if (!s->max_seqs)
        s->max_seqs = 2048;          /* its least; the ledger raises it where the KV holds more requests */
    if (!s->utilization_set)
        s->utilization = bt_sglang_fraction(d->total_bytes, s, false);
    if (s->lora) {
        s->max_loras = s->max_loras ? s->max_loras : 8;
        s->max_lora_rank = s->max_lora_rank ? s->max_lora_rank : 16;
    }
}

/* ---- shapes ---- */

static bool refuse(struct bt_refusal *why, const char *code, const char *fmt, ...) BT_PRINTF(3, 4);
static bool refuse(struct bt_refusal *why, const char *code, const char *fmt, ...)
{
    va_list ap;
    why->code = code;
    va_start(ap, fmt);
    vsnprintf(why->text, sizeof why->text, fmt, ap);
    va_end(ap);
    return false;
}

/* Mostly bare assertions in its model files; where divide() says a sentence it is that one. */
static bool shape_ok(const struct bt_shape *m, uint64_t tp, uint64_t pp, struct bt_refusal *why)
{
    tp = BT_MAX(tp, 1);
    if (m->heads % tp)
        return refuse(why, "heads-not-divisible", "%u is not divisible by %" PRIu64 " (attention heads). TP=%" PRIu64 " is impossible for this model", m->heads, tp, tp);
    if (m->kv_heads && (m->kv_heads >= tp ? m->kv_heads % tp : tp % m->kv_heads))
        return refuse(why, "kv-heads-not-divisible", "AssertionError: %u key/value heads and TP=%" PRIu64 ": neither divides the other", m->kv_heads, tp);
    if (m->intermediate % tp)
        return refuse(why, "intermediate-not-divisible", "%u is not divisible by %" PRIu64 " (intermediate size of the MLP)", m->intermediate, tp);
    if (bt_round_up(m->vocab, 64) % tp)
        return refuse(why, "vocab-not-divisible", "%" PRIu64 " is not divisible by %" PRIu64 " (vocabulary of %u, padded to a multiple of 64)", bt_round_up(m->vocab, 64), tp, m->vocab);
    if (m->layers && pp > m->layers)
        return refuse(why, "more-stages-than-layers", "%" PRIu64 " stages for %u layers: a stage would be empty", pp, m->layers);
    return true;
}

/* ---- starting ---- */

#define PLANNED_REQUESTS 256         /* its own default makes room for 2048 to 4096: a table of 2 GiB at a context of 128K */

/* States are large: 77 MB a slot of Qwen3-Next, and five slots a request. */
#define PLANNED_STATES 16

static void planned(uint64_t requests, struct bt_serve *s)
{
    s->sglang.state_requests = s->max_seqs ? s->max_seqs : BT_MAX(requests, (uint64_t)PLANNED_STATES);
    if (!s->max_seqs)
        s->max_seqs = BT_MAX(requests, (uint64_t)PLANNED_REQUESTS);
}

/* A pool of exactly this size; the share only has to be enough for it, and what it leaves is the slack. */
static void start(const struct bt_engine_start *in, struct bt_engine_command *out)
{
    const struct bt_serve *s = in->serve;
    struct engine_argv v = { .in = in, .out = out, .flags = flags };
    if (in->program) {
        engine_word(&v, in->program);
        engine_word(&v, "serve");
    } else {
        engine_word(&v, "python");
        engine_word(&v, "-m");
        engine_word(&v, "sglang.launch_server");
    }
    engine_flag(&v, "model-path", in->model);
    if (in->host)
        engine_flag(&v, "host", in->host);
    if (in->port)
        engine_flag(&v, "port", in->port);
    if (in->name)
        engine_flag(&v, "served-model-name", in->name);
    if (s->revision)
        engine_flag(&v, "revision", s->revision);
    if (s->tp > 1 || !in->brief)
        engine_flag_u64(&v, "tp", s->tp);
    if (s->pp > 1 || !in->brief)
        engine_flag_u64(&v, "pp-size", s->pp);
    if (s->dp > 1)
        engine_flag_u64(&v, "dp-size", s->dp);
    if (s->sglang.ep > 1)
        engine_flag_u64(&v, "ep-size", s->sglang.ep);
    engine_flag_u64(&v, "context-length", s->context);
    engine_flag(&v, "mem-fraction-static", bt_arena_printf(in->arena, "%.3f", in->share));
    engine_flag_u64(&v, "max-total-tokens", in->kv_tokens);
    engine_flag_u64(&v, "chunked-prefill-size", s->max_batched_tokens);
    if (s->sglang.seqs_given)
        engine_flag_u64(&v, "max-running-requests", s->sglang.slots_each ? BT_MAX(BT_MIN(s->max_seqs, s->sglang.state_slots / s->sglang.slots_each), 1u) : s->max_seqs);
    if (s->sglang.slots_each)
        engine_flag_u64(&v, "max-mamba-cache-size", s->sglang.state_slots);
    if (s->sglang.no_radix)
        engine_flag(&v, "disable-radix-cache", NULL);
    if (s->sglang.no_overlap)
        engine_flag(&v, "disable-overlap-schedule", NULL);
    if (s->sglang.state_strategy)
        engine_flag(&v, "mamba-radix-cache-strategy", s->sglang.state_strategy);
    if (s->sglang.ssm_dtype)
        engine_flag(&v, "mamba-ssm-dtype", s->sglang.ssm_dtype);
    if (s->sglang.swa_ratio > 0)
        engine_flag(&v, "swa-full-tokens-ratio", bt_arena_printf(in->arena, "%.4g", s->sglang.swa_ratio));
    if (s->sglang.no_swa_pool)
        engine_flag(&v, "disable-hybrid-swa-memory", NULL);
    if (s->sglang.text_only)
        engine_flag(&v, "language-model-only", NULL);
    if (in->on_host)
        engine_flag(&v, "device", "cpu");
    if (!in->brief && !s->eager && !s->sglang.no_decode_graph)       /* its default goes by the smallest card of the machine, whichever it may use */
        engine_flag_u64(&v, "cuda-graph-max-bs-decode", s->sglang.graph_batch);
    if (s->dtype)
        engine_flag(&v, "dtype", s->dtype);
    if (s->kv_dtype && strcmp(s->kv_dtype, "auto"))
        engine_flag(&v, "kv-cache-dtype", !strcmp(s->kv_dtype, "bfloat16") ? "bf16" : s->kv_dtype);
    if (s->quantization)
        engine_flag(&v, "quantization", s->quantization);
    if (s->eager)
        engine_flag(&v, "disable-cuda-graph", NULL);
    if (s->lora) {
        engine_flag(&v, "enable-lora", NULL);
        engine_flag(&v, "lora-target-modules", "all");               /* without adapters at the start it wants to be told */
        engine_flag_u64(&v, "max-loras-per-batch", s->max_loras);
        engine_flag_u64(&v, "max-lora-rank", s->max_lora_rank);
    }
    if (s->cpu_offload_gib > 0)
        engine_flag(&v, "cpu-offload-gb", bt_arena_printf(in->arena, "%.4g", s->cpu_offload_gib));
    if (s->trust_remote_code)
        engine_flag(&v, "trust-remote-code", NULL);
    if (!in->brief)                  /* else a random one of 22000 to 29999 */
        engine_flag(&v, "nccl-port", "{internal}");
    engine_raw(&v);
    engine_cut(&v, "SGLANG_PP_LAYER_PARTITION");
}

/* ---- stopping ---- */

/* Before the first request no handler is installed: the first signal ends it, and the children follow by PDEATHSIG. */
static const struct bt_stop_step stop_starting[] = { { SIGTERM, BT_STOP_LEADER, 5000 }, { SIGKILL, BT_STOP_TREE, 5000 } };
/* Ready, it polls its drain flag every 5 s and then waits for running requests without limit; schedulers get 15 s. */
static const struct bt_stop_step stop_ready[] = { { SIGTERM, BT_STOP_LEADER, 25000 }, { SIGKILL, BT_STOP_TREE, 5000 } };

/* /ready and not /health: the latter generates a token, and a failed one marks the server unhealthy. */
static const struct bt_engine_first first[] = {
    { "/v1/completions", "\"prompt\":\"1\",\"max_tokens\":1" },
    { "/v1/embeddings", "\"input\":\"1\"" },
    { "/v1/classify", "\"input\":\"1\"" },
};

static const char *const unset[] = { "SGLANG_PP_LAYER_PARTITION", NULL };

const struct bt_engine bt_engine_sglang = {
    .unset = unset,
    .name = "sglang", .versions = versions, .nversions = BT_LEN(versions), .flags = flags,
    .program = "sglang", .health_path = "/ready", .vital = "sglang::", .listens_when_ready = true,
    .stop_starting = stop_starting, .nstop_starting = BT_LEN(stop_starting),
    .first = first, .nfirst = BT_LEN(first), .key_flag = "--api-key",
    .stop_ready = stop_ready, .nstop_ready = BT_LEN(stop_ready),
    .log_line = bt_sglang_log_line, .resolve = resolve, .shape_ok = shape_ok, .stage_layers = stage_layers, .cuts_layers = true,
    .kv_in_8_bits = "fp8_e4m3", .kv_in_8_bits_cc = 80, .planned = planned, .start = start, .share_of = BT_SHARE_OF_FREE, .internal_ports = 1,
};

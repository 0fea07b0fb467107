/* vllm.c - vLLM: its versions, its flags, how it is stopped. Its log lines are in vllm_log.c. */
#include <signal.h>
#include <stdio.h>
#include "base/units.h"
#include "engine/engine_int.h"

/* Classes with experts that ran on V2 before all of them did. */
#define V2_EXPERTS "DeepseekV2ForCausalLM Qwen2MoeForCausalLM GraniteMoeForCausalLM"

/* Classes that left their towers out before all did: vLLM #22299, #26000. */
#define TEXT_ALONE "Llama4ForConditionalGeneration Mistral3ForConditionalGeneration Qwen2_5_VLForConditionalGeneration Qwen3VLForConditionalGeneration Qwen3VLMoeForConditionalGeneration"

/* A row is a version in which something that changes bytes changed. Dates and pull requests are in docs/reference/engines.md. */
static const struct bt_engine_version versions[] = {
    { .version = "0.2.0", .default_utilization = 0.90, .runner = BT_RUNNER_V1, .v0 = true, .latent_expanded = true, .sampler_profiled = true, .sampler_bytes = 38.8,
      .source = "real start-up logs of 0.2.4 to 0.6.6: KV by blocks, graphs outside the budget; worker.py profiles top-p and top-k over the whole vocabulary, and three peaks of 0.6.5 and 0.6.6 are the sort's" },
    { .version = "0.7.0", .default_utilization = 0.90, .runner = BT_RUNNER_V1, .v0 = true, .latent_expanded = true, .sampler_profiled = true, .sampler_bytes = 38.8,
      .source = "as 0.7.1, before MLA" },
    { .version = "0.7.1", .default_utilization = 0.90, .runner = BT_RUNNER_V1, .v0 = true, .latent_padded = true, .latent_products = true, .sampler_profiled = true,
      .sampler_bytes = 38.8,
      .source = "real start-up logs of 0.7.1 to 0.7.3, V0; attention/backends/mla/utils.py of 0.7.3 process_weights_after_loading: W_Q_UK, W_UV_O and W_QR" },
    { .version = "0.8.0", .default_utilization = 0.90, .runner = BT_RUNNER_V1, .v0 = true, .latent_padded = true, .sampler_profiled = true, .sampler_bytes = 38.8,
      .source = "real start-up logs of 0.8.1 and 0.8.2, V0" },
    { .version = "0.8.3", .default_utilization = 0.90, .runner = BT_RUNNER_V1, .videos_unprofiled = true, .sampler_profiled = true, .sampler_bytes = 38.8,
      .source = "real start-up logs of 0.8.3 and 0.8.5: V1 is the default on cards of compute capability 8 and more; MLA without padding" },
    { .version = "0.9.2", .default_utilization = 0.90, .runner = BT_RUNNER_V1, .videos_unprofiled = true, .sampler_profiled = true, .sampler_bytes = 38.8,
      .source = "real start-up logs of 0.9.x; v1/worker/gpu_worker.py: CUDA graphs are captured after KV and outside the budget" },
    { .version = "0.10.2", .default_utilization = 0.90, .runner = BT_RUNNER_V1, .sampler_profiled = true, .sampler_bytes = 38.8, .videos_by_batch = true, .has_kv_bytes = true,
      .source = "real logs of 0.10.2 suggest --kv-cache-memory (vLLM #21489, 2025-09-11); v1/worker/gpu_model_runner.py _get_mm_dummy_batch: by max_num_batched_tokens" },
    { .version = "0.11.0", .default_utilization = 0.90, .runner = BT_RUNNER_V1, .sampler_profiled = true, .sampler_bytes = 38.8, .images_expanded = true, .states_by_block = true, .has_kv_bytes = true,
      .text_alone_for = TEXT_ALONE, .source = "real start-up logs of 0.11.0; config/cache.py kv_cache_memory_bytes; _get_mm_dummy_batch: by max_model_len" },
    { .version = "0.13.0", .default_utilization = 0.90, .runner = BT_RUNNER_V1, .sampler_profiled = true, .sampler_bytes = 38.8, .states_by_block = true, .has_kv_bytes = true, .kv_by_checkpoint = true,
      .text_alone_for = TEXT_ALONE, .source = "v1/worker/gpu_model_runner.py profile_run of 0.13.0: an image's embeddings are kept as they are; attention/layer.py: a checkpoint's kv_cache_scheme makes KV fp8" },
    { .version = "0.14.0", .default_utilization = 0.90, .runner = BT_RUNNER_V1, .sampler_profiled = true, .sampler_bytes = 38.8, .checks_whole = true, .states_by_block = true,
      .has_kv_bytes = true, .kv_by_checkpoint = true,
      .text_alone_for = TEXT_ALONE, .source = "v1/core/kv_cache_utils.py get_kv_cache_configs of 0.14.1 to 0.16.0: the need of all stages against the poorest rank" },
    { .version = "0.15.0", .default_utilization = 0.90, .runner = BT_RUNNER_V1, .sampler_profiled = true, .sampler_bytes = 38.8, .checks_whole = true, .states_by_block = true, .states_aligned = true,
      .has_kv_bytes = true, .kv_by_checkpoint = true,
      .text_alone = true, .source = "v1/kv_cache_interface.py of 0.15.1: two states of a request with prefix caching, mamba_cache_mode align; as 0.14 otherwise" },
    { .version = "0.17.0", .default_utilization = 0.90, .runner = BT_RUNNER_V1, .sampler_profiled = true, .sampler_bytes = 38.8, .states_by_block = true, .states_aligned = true, .has_kv_bytes = true, .kv_by_checkpoint = true,
      .text_alone = true, .source = "v1/core/kv_cache_utils.py of 0.17.1: each rank against its own layers again" },
    { .version = "0.20.0", .default_utilization = 0.90, .runner = BT_RUNNER_V1, .graphs_in_budget = true, .sampler_profiled = true, .sampler_bytes = 38.8,
      .states_by_block = true, .states_aligned = true, .has_kv_bytes = true, .kv_by_checkpoint = true,
      .text_alone = true, .source = "real start-up logs of 0.20.0: the graph estimate is subtracted; 0.19 logs it only" },
    { .version = "0.21.0", .default_utilization = 0.92, .runner = BT_RUNNER_V1, .graphs_in_budget = true, .sampler_profiled = true, .sampler_bytes = 38.8,
      .states_by_block = true, .states_aligned = true, .has_kv_bytes = true, .kv_by_checkpoint = true, .loads_unsplit = true,
      .text_alone = true, .source = "vLLM #38284 (2026-04-21): CUDA graph estimate on by default, utilization 0.92; #41268, release notes of 0.21.0: "
                "v1/worker/gpu_worker.py load_model with max_split_size_mb=20" },
    { .version = "0.22.0", .default_utilization = 0.92, .runner = BT_RUNNER_V1, .v2_for = "Qwen3ForCausalLM", .v2_plain_only = true,
      .graphs_in_budget = true, .sampler_profiled = true,
      .sampler_bytes = 20, .compiles = true, .items_whole = true, .states_by_block = true, .states_aligned = true, .has_kv_bytes = true, .kv_by_checkpoint = true, .loads_unsplit = true,
      .text_alone = true, .source = "config/vllm.py of 0.22.1: V2 runner for Qwen3 that is not quantised; engine/arg_utils.py _get_min_mm_batched_tokens; real logs of 0.22 to 0.28: a cheaper sampler, and first starts with "
                "0.65 to 1.2 GiB less KV than the next ones" },
    { .version = "0.23.0", .default_utilization = 0.92, .runner = BT_RUNNER_V1, .v2_for = "Qwen3ForCausalLM LlamaForCausalLM MistralForCausalLM",
      .graphs_in_budget = true,
      .sampler_profiled = true, .sampler_bytes = 20, .compiles = true, .items_whole = true, .states_by_block = true, .states_aligned = true, .has_kv_bytes = true, .kv_by_checkpoint = true, .loads_unsplit = true,
      .text_alone = true, .source = "as 0.22, and the V2 runner for dense Llama and Mistral" },
    { .version = "0.24.0", .default_utilization = 0.92, .runner = BT_RUNNER_V1,
      .v2_for = "Qwen3ForCausalLM LlamaForCausalLM MistralForCausalLM " V2_EXPERTS, .graphs_in_budget = true,
      .sampler_profiled = true, .sampler_bytes = 20, .compiles = true, .items_whole = true, .pages_packed = true, .states_by_block = true, .states_aligned = true, .has_kv_bytes = true, .kv_by_checkpoint = true, .loads_unsplit = true,
      .text_alone = true, .source = "config/vllm.py of 0.24.0: the V2 runner for some classes with experts too" },
    { .version = "0.25.0", .default_utilization = 0.92, .runner = BT_RUNNER_V2, .v2_for = V2_EXPERTS, .v2_dense_only = true, .sampler_bytes = 20,
      .sampler_buffers = true, .encoder_unprofiled = true, .compiles = true, .items_whole = true,
      .pages_packed = true, .states_by_block = true, .states_aligned = true, .has_kv_bytes = true, .kv_by_checkpoint = true, .loads_unsplit = true,
      .text_alone = true, .source = "vLLM #44443 (2026-07-02): V2 runner for all dense models; v1/worker/gpu/model_runner.py: its graph estimate is 0, its profile_run encodes no image" },
    { .version = "0.26.0", .default_utilization = 0.92, .runner = BT_RUNNER_V2, .v2_for = V2_EXPERTS, .v2_dense_only = true, .sampler_bytes = 20,
      .sampler_buffers = true, .encoder_unprofiled = true, .compiles = true, .items_whole = true,
      .windows_in_flight = true, .pages_packed = true, .states_by_block = true, .states_aligned = true, .has_kv_bytes = true, .kv_by_checkpoint = true, .loads_unsplit = true,
      .text_alone = true, .source = "v1/kv_cache_interface.py of 0.26.0: a window keeps the tokens of all batches in flight; 0.25.1 those of one" },
    { .version = "0.27.0", .default_utilization = 0.92, .runner = BT_RUNNER_V2, .v2_for = V2_EXPERTS, .v2_dense_only = true, .sampler_bytes = 20,
      .sampler_buffers = true, .compiles = true, .items_whole = true,
      .windows_in_flight = true, .pages_packed = true, .blocks_summed = true, .states_by_block = true, .states_aligned = true, .has_kv_bytes = true, .kv_by_checkpoint = true, .loads_unsplit = true,
      .text_alone = true, .source = "v1/core/kv_cache_utils.py get_max_concurrency_for_kv_cache_config of 0.27.1: blocks of each group are summed; 0.26.0 took their bytes; v1/worker/gpu/model_runner.py profile_run encodes images" },
    { .version = "0.28.0", .default_utilization = 0.92, .runner = BT_RUNNER_V2, .v2_for = V2_EXPERTS " DeepseekV4ForCausalLM", .v2_dense_only = true,
      .sampler_bytes = 20, .sampler_buffers = true,
      .compiles = true, .items_whole = true, .windows_in_flight = true, .states_aligned = true, .state_caching = true, .pages_packed = true, .blocks_summed = true, .has_kv_bytes = true, .kv_by_checkpoint = true, .loads_unsplit = true,
      .text_alone = true, .source = "engine/arg_utils.py of 0.28.0: prefix caching is the default for hybrids too; 0.27.1 leaves them out" },
    { .version = "0.29.0", .default_utilization = 0.92, .runner = BT_RUNNER_V2, .graphs_in_budget = true, .sampler_buffers = true, .compiles = true, .items_whole = true,
      .windows_in_flight = true, .states_aligned = true, .state_caching = true, .pages_packed = true, .blocks_summed = true, .has_kv_bytes = true, .kv_by_checkpoint = true, .loads_unsplit = true,
      .text_alone = true, .source = "release notes of 0.29.0: the V2 runner for every model, and it estimates CUDA graphs; the null block was not looked up for this version" },
    { .version = "0.32.0", .default_utilization = 0.92, .runner = BT_RUNNER_V2, .graphs_in_budget = true, .sampler_buffers = true, .compiles = true, .items_whole = true,
      .windows_in_flight = true, .states_aligned = true, .state_caching = true,
      .null_block_reserved = true, .pages_packed = true, .blocks_summed = true, .has_kv_bytes = true, .kv_by_checkpoint = true, .loads_unsplit = true,
      .text_alone = true, .source = "vLLM 0.32.0 v1/worker/gpu_worker.py, v1/worker/gpu/cudagraph_utils.py, v1/core/kv_cache_utils.py, config/cache.py" },
};

/* ---- flags ---- */

#define AT(f) offsetof(struct bt_serve, f)

/* argv text, or the scalar of a YAML value. */
static const char *given_text(const struct bt_opt *opt, struct bt_opt_ctx *ctx, struct bt_err *err)
{
    if (ctx->text)
        return ctx->text;
    if (ctx->node->kind == BT_NODE_SCALAR)
        return ctx->node->text;
    bt_node_err(err, ctx->doc, ctx->node, "%s: want one value, not %s", opt->name, bt_node_kind_name(ctx->node));
    return NULL;
}

/* The error of a value: with its place when it stood in a file. */
static int bad_value(const struct bt_opt *opt, struct bt_opt_ctx *ctx, struct bt_err *err, const char *text, const char *why)
{
    if (ctx->node)
        return bt_node_err(err, ctx->doc, ctx->node, "%s: \"%.80s\": %s", opt->name, text, why);
    return bt_err_set(err, BT_E_USAGE, 0, "\"%.80s\": %s", text, why);
}

/* The sizes stay text: the ledger counts them. What vLLM would not start with is no list of none. */
static int parse_sizes(const struct bt_opt *opt, struct bt_opt_ctx *ctx, struct bt_err *err)
{
    struct bt_serve *s = ctx->target;
    const char *text = given_text(opt, ctx, err);
    if (!text)
        return -1;
    if (text[strspn(text, "0123456789, []")] || !text[strcspn(text, "0123456789")])
        return bad_value(opt, ctx, err, text, "want batch sizes, as 1,2,4");
    s->cudagraph_sizes = bt_arena_strdup(ctx->arena, text);
    return 0;
}

static int parse_context(const struct bt_opt *opt, struct bt_opt_ctx *ctx, struct bt_err *err)
{
    struct bt_serve *s = ctx->target;
    const char *text = given_text(opt, ctx, err);
    if (!text)
        return -1;
    s->context_auto = !strcmp(text, "auto") || !strcmp(text, "-1");
    if (s->context_auto) {
        s->context = 0;
        return 0;
    }
    struct bt_err inner = { 0 };
    if (bt_count_parse(bt_str(text), &s->context, &inner) < 0 || s->context == 0 || s->context > UINT32_MAX) {
        bad_value(opt, ctx, err, text, "want a number of tokens or auto");
        return bt_err_hint(err, "8192, 8k (8000), 8K (8192), or auto for the longest that fits");
    }
    return 0;
}

static const char *const dtypes[] = { "auto", "half", "float16", "bfloat16", "float", "float32", NULL };
static const char *const kv_dtypes[] = { "auto", "bfloat16", "float16", "fp8", "fp8_e4m3", "fp8_e5m2", NULL };
static const char *const lora_ranks[] = { "1", "8", "16", "32", "64", "128", "256", "320", "512", NULL };      /* vLLM config/lora.py */
static const char *const lora_dtypes[] = { "auto", "float16", "bfloat16", NULL };

static int bad_choice(const struct bt_opt *opt, struct bt_opt_ctx *ctx, struct bt_err *err, const char *text)
{
    char list[160];
    size_t used = 0;
    for (size_t i = 0; opt->choices[i] && used < sizeof list; i++)
        used += (size_t)snprintf(list + used, sizeof list - used, "%s%s", i ? ", " : "", opt->choices[i]);
    bad_value(opt, ctx, err, text, "not one of vLLM's choices");
    return bt_err_hint(err, "one of: %s", list);
}

static const char *chosen(const struct bt_opt *opt, struct bt_opt_ctx *ctx, struct bt_err *err)
{
    const char *text = given_text(opt, ctx, err);
    for (size_t i = 0; text && opt->choices[i]; i++)
        if (!strcmp(opt->choices[i], text))
            return opt->choices[i];
    if (text)
        bad_choice(opt, ctx, err, text);
    return NULL;
}

static int parse_choice(const struct bt_opt *opt, struct bt_opt_ctx *ctx, struct bt_err *err)
{
    const char *word = chosen(opt, ctx, err);
    if (!word)
        return -1;
    *(const char **)((char *)ctx->target + opt->off) = word;
    return 0;
}

static int parse_lora_rank(const struct bt_opt *opt, struct bt_opt_ctx *ctx, struct bt_err *err)
{
    const char *word = chosen(opt, ctx, err);
    if (!word)
        return -1;
    ((struct bt_serve *)ctx->target)->max_lora_rank = strtoull(word, NULL, 10);
    return 0;
}

#define MANY 1048576                 /* upper bound of counts no engine reaches: keeps products small */

const struct bt_opt bt_vllm_flags[] = {
    { .name = "tensor-parallel-size", .alias = "tp", .type = BT_OPT_U64, .off = AT(tp), .min = 1, .max = 4096, .help = "GPUs that share each layer" },
    { .name = "pipeline-parallel-size", .alias = "pp", .type = BT_OPT_U64, .off = AT(pp), .min = 1, .max = 4096, .help = "stages that share the layers" },
    { .name = "data-parallel-size", .alias = "dp", .type = BT_OPT_U64, .off = AT(dp), .min = 1, .max = 4096, .help = "copies behind one front" },
    { .name = "enable-expert-parallel", .alias = "ep", .type = BT_OPT_BOOL, .off = AT(expert_parallel), .help = "whole experts per GPU" },
    { .name = "max-model-len", .type = BT_OPT_CUSTOM, .off = AT(context), .parse = parse_context, .metavar = "TOKENS",
      .help = "longest request, prompt and answer; 8K, or auto for what fits (default: the model's)" },
    { .name = "gpu-memory-utilization", .alias = "device-memory-utilization", .type = BT_OPT_F64, .off = AT(utilization), .set_off = AT(utilization_set), .min = 0.001, .max = 1,
      .metavar = "SHARE", .help = "share of the card the engine may use (default: the version's, 0.90 or 0.92)" },
    { .name = "kv-cache-memory-bytes", .type = BT_OPT_COUNT, .off = AT(kv_bytes), .min = 1, .max = 1e15, .metavar = "BYTES",
      .help = "KV cache per GPU, as 8G; replaces the measured size" },
    { .name = "kv-cache-dtype", .type = BT_OPT_CUSTOM, .off = AT(kv_dtype), .parse = parse_choice, .choices = kv_dtypes, .metavar = "TYPE",
      .help = "auto (the model's), bfloat16, float16, fp8, fp8_e4m3, fp8_e5m2" },
    { .name = "max-num-seqs", .type = BT_OPT_COUNT, .off = AT(max_seqs), .min = 1, .max = MANY, .help = "requests computed at once (default: by card)" },
    { .name = "max-num-batched-tokens", .type = BT_OPT_COUNT, .off = AT(max_batched_tokens), .min = 1, .max = (double)MANY * 64,
      .help = "tokens of one step (default: by card)" },
    { .name = "block-size", .type = BT_OPT_U64, .off = AT(block_size), .min = 1, .max = 4096, .help = "tokens of one KV block (default 16)" },
    { .name = "enforce-eager", .type = BT_OPT_BOOL, .off = AT(eager), .help = "no CUDA graphs, no compilation" },
    { .name = "max-cudagraph-capture-size", .type = BT_OPT_U64, .off = AT(max_cudagraph_size), .min = 1, .max = MANY, .help = "largest batch captured as a CUDA graph" },
    { .name = "cudagraph-capture-sizes", .type = BT_OPT_CUSTOM, .off = AT(cudagraph_sizes), .parse = parse_sizes, .many = true, .metavar = "LIST", .help = "batch sizes captured as CUDA graphs" },
    { .name = "enable-lora", .type = BT_OPT_BOOL, .off = AT(lora), .help = "reserve slots for adapters" },
    { .name = "max-loras", .type = BT_OPT_U64, .off = AT(max_loras), .min = 1, .max = 4096, .help = "adapter slots on the GPU (default 1)" },
    { .name = "max-lora-rank", .type = BT_OPT_CUSTOM, .off = AT(max_lora_rank), .parse = parse_lora_rank, .choices = lora_ranks, .metavar = "RANK",
      .help = "1, 8, 16, 32, 64, 128, 256, 320 or 512 (default 16)" },
    { .name = "max-cpu-loras", .type = BT_OPT_U64, .off = AT(max_cpu_loras), .min = 1, .max = MANY, .help = "adapters kept in host memory (default: max-loras)" },
    { .name = "lora-dtype", .type = BT_OPT_CUSTOM, .off = AT(lora_dtype), .parse = parse_choice, .choices = lora_dtypes, .metavar = "TYPE",
      .help = "auto (the model's), float16, bfloat16" },
    { .name = "dtype", .type = BT_OPT_CUSTOM, .off = AT(dtype), .parse = parse_choice, .choices = dtypes, .metavar = "TYPE",
      .help = "auto (the model's), half, float16, bfloat16, float, float32" },
    { .name = "quantization", .alias = "q", .type = BT_OPT_STR, .off = AT(quantization), .metavar = "METHOD", .help = "as the engine names it" },
    { .name = "cpu-offload-gb", .type = BT_OPT_F64, .off = AT(cpu_offload_gib), .min = 0, .max = 65536, .metavar = "GIB", .help = "weights per GPU kept in host memory" },
    { .name = "no-enable-prefix-caching", .type = BT_OPT_BOOL, .off = AT(prefix_caching_off), .help = "do not keep the KV of finished prompts" },
    { .name = "enable-prefix-caching", .type = BT_OPT_BOOL, .off = AT(prefix_caching_on), .help = "keep the KV of finished prompts (default)" },
    { .name = "model", .type = BT_OPT_STR, .off = AT(model), .metavar = "MODEL" },
    { .name = "revision", .type = BT_OPT_STR, .off = AT(revision), .metavar = "REV", .help = "branch, tag or commit of the model" },
    { .name = "trust-remote-code", .type = BT_OPT_BOOL, .off = AT(trust_remote_code), .help = "run Python code that comes with the model" },
    { .name = "served-model-name", .many = true, .type = BT_OPT_STR, .off = AT(served_name), .metavar = "NAME", .help = "name in the API" },
    { .name = "host", .type = BT_OPT_STR, .off = AT(host), .metavar = "ADDRESS" },
    { .name = "port", .type = BT_OPT_U64, .off = AT(port), .min = 1, .max = 65535 },
    { 0 },
};

/* ---- starting ---- */

static void start(const struct bt_engine_start *in, struct bt_engine_command *out)
{
    const struct bt_serve *s = in->serve;
    struct engine_argv v = { .in = in, .out = out, .flags = bt_vllm_flags };
    engine_word(&v, in->program ? in->program : "vllm");
    engine_word(&v, "serve");
    engine_word(&v, in->model);
    if (in->host)
        engine_flag(&v, "host", in->host);
    if (in->port)
        engine_flag(&v, "port", in->port);
    if (in->name)
        engine_flag(&v, "served-model-name", in->name);
    if (s->revision)
        engine_flag(&v, "revision", s->revision);
    if (s->dtype)
        engine_flag(&v, "dtype", s->dtype);
    if (s->quantization)
        engine_flag(&v, "quantization", s->quantization);
    if (s->kv_dtype)
        engine_flag(&v, "kv-cache-dtype", s->kv_dtype);
    if (s->trust_remote_code)
        engine_flag(&v, "trust-remote-code", NULL);
    if (s->tp > 1 || !in->brief)
        engine_flag_u64(&v, "tensor-parallel-size", s->tp);
    if (s->pp > 1 || !in->brief)
        engine_flag_u64(&v, "pipeline-parallel-size", s->pp);
    if (s->dp > 1)
        engine_flag_u64(&v, "data-parallel-size", s->dp);
    if (s->expert_parallel)
        engine_flag(&v, "enable-expert-parallel", NULL);
    engine_flag_u64(&v, "max-model-len", s->context);
    if (in->version->has_kv_bytes && in->kv_bytes)   /* an encoder keeps none */
        engine_flag_u64(&v, "kv-cache-memory-bytes", in->kv_bytes);
    if (!in->on_host || !in->version->has_kv_bytes)  /* on the CPU nothing is asked to be free once the bytes are given */
        engine_flag(&v, "gpu-memory-utilization", bt_arena_printf(in->arena, in->brief ? "%.4g" : "%.4f", in->share));
    engine_flag_u64(&v, "max-num-seqs", s->max_seqs);
    engine_flag_u64(&v, "max-num-batched-tokens", s->max_batched_tokens);
    if (s->eager)
        engine_flag(&v, "enforce-eager", NULL);
    if (s->lora) {
        engine_flag(&v, "enable-lora", NULL);
        engine_flag_u64(&v, "max-loras", s->max_loras);
        engine_flag_u64(&v, "max-lora-rank", s->max_lora_rank);
    }
    if (s->cpu_offload_gib > 0)
        engine_flag(&v, "cpu-offload-gb", bt_arena_printf(in->arena, "%.4g", s->cpu_offload_gib));
    engine_raw(&v);
    if (in->sleeps) {                /* /sleep and its like exist only in development mode; they are reached over loopback alone */
        engine_flag(&v, "enable-sleep-mode", NULL);
        engine_env(&v, "VLLM_SERVER_DEV_MODE", "1");
    }
    if (in->on_host && !in->version->has_kv_bytes)   /* in whole GiB */
        engine_env(&v, "VLLM_CPU_KVCACHE_SPACE", bt_arena_printf(in->arena, "%llu", (unsigned long long)bt_ceil_div(in->kv_bytes, GiB)));
    engine_cut(&v, "VLLM_PP_LAYER_PARTITION");
    if (!in->brief)                  /* it counts up from here for its own sockets: a block is leased */
        engine_env(&v, "VLLM_PORT", "{internal}");
}

/* ---- stopping ---- */

/* While loading, vLLM swallows the first SIGTERM (a KeyboardInterrupt is caught while it waits for its engine); the second works, a third can
 * cut the clean-up and leave orphans, and a signal to the group leaves the API server waiting for ever. So: twice, to the leader, then an end
 * by force. The resource tracker goes last: it removes what the others left in /dev/shm. Measured with vLLM 0.32.0. */
static const struct bt_stop_step stop_starting[] = {
    { SIGTERM, BT_STOP_LEADER, 3000 },
    { SIGTERM, BT_STOP_LEADER, 15000 },
    { SIGKILL, BT_STOP_TREE_BUT_TRACKER, 3000 },
    { SIGKILL, BT_STOP_TREE, 5000 },
};
/* Once ready, a second signal does nothing; with a stream open the server may wait for its client for ever. */
static const struct bt_stop_step stop_ready[] = {
    { SIGTERM, BT_STOP_LEADER, 5000 },
    { SIGKILL, BT_STOP_TREE_BUT_TRACKER, 3000 },
    { SIGKILL, BT_STOP_TREE, 5000 },
};

/* vLLM entrypoints/serve/dev/sleep, 0.32. /sleep?level=1 keeps the weights in pinned RAM; only the pool alone: since 0.32. */
static const struct bt_engine_park park[] = {
    { "sleep", { "/sleep?level=1" }, { "/wake_up" } },
    { "kv", { "/pause?mode=abort", "/release_kv_cache_memory" }, { "/wake_up?tags=kv_cache", "/resume" } },
};

/* vLLM entrypoints/openai and entrypoints/pooling, 0.32: which of them are there depends on what the model does. */
static const struct bt_engine_first first[] = {
    { "/v1/completions", "\"prompt\":\"1\",\"max_tokens\":1" },
    { "/v1/embeddings", "\"input\":\"1\"" },
    { "/pooling", "\"input\":\"1\"" },
    { "/classify", "\"input\":\"1\"" },
};

/* The first wins over --kv-cache-memory-bytes (platforms/cpu.py, 0.32), the second cuts a pipeline otherwise than planned. */
static const char *const unset[] = { "VLLM_CPU_KVCACHE_SPACE", "VLLM_PP_LAYER_PARTITION", NULL };

const struct bt_engine bt_engine_vllm = {
    .name = "vllm", .versions = versions, .nversions = BT_LEN(versions), .flags = bt_vllm_flags,
    .program = "vllm", .health_path = "/health", .listens_when_ready = true,
    .stop_starting = stop_starting, .nstop_starting = BT_LEN(stop_starting),
    .first = first, .nfirst = BT_LEN(first), .key_flag = "--api-key", .key_env = "VLLM_API_KEY",
    .stop_ready = stop_ready, .nstop_ready = BT_LEN(stop_ready), .drain_flag = "--shutdown-timeout", .unset = unset,
    .park = park, .npark = BT_LEN(park), .vital = "VLLM::", .metric_running = "vllm:num_requests_running", .metric_tokens = "vllm:generation_tokens_total",
    .log_line = bt_vllm_log_line, .start = start, .share_of = BT_SHARE_OF_TOTAL, .cuts_layers = true, .kv_in_8_bits = "fp8", .kv_in_8_bits_cc = 80, .internal_ports = 16,      /* API server, engine cores, ranks */
};

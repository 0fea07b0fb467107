/* paste_known - flags and variables of the engines that are in no flag table of berth: what they do to memory, so that a pasted command is
 * answered for word by word. From `vllm serve --help=all` (0.11 to 0.32) and SGLang 0.5.23 server_args.py. */
#include "cmd/paste.h"

static const char spec[] = "a draft model's weights and KV", shape[] = "the shape of the model", graphs[] = "CUDA graphs", images[] = "the encoder's memory",
                  host[] = "host RAM, not the card", state[] = "the state of its linear-attention layers", share[] = "how KV or experts are cut";

static const struct paste_known vllm_flags[] = {
    { "allow-credentials", ARGS_NONE }, { "allowed-headers", ARGS_ONE }, { "allowed-local-media-path", ARGS_ONE }, { "allowed-media-domains", ARGS_MANY },
    { "allowed-methods", ARGS_ONE }, { "allowed-origins", ARGS_ONE }, { "api-key", ARGS_ONE }, { "api-server-count", ARGS_ONE }, { "async-scheduling", ARGS_NONE },
    { "chat-template", ARGS_ONE }, { "chat-template-content-format", ARGS_ONE }, { "code-revision", ARGS_ONE }, { "collect-detailed-traces", ARGS_ONE },
    { "config-format", ARGS_ONE }, { "convert", ARGS_ONE }, { "data-parallel-address", ARGS_ONE }, { "data-parallel-backend", ARGS_ONE },
    { "data-parallel-external-lb", ARGS_NONE }, { "data-parallel-hybrid-lb", ARGS_NONE }, { "data-parallel-rank", ARGS_ONE }, { "data-parallel-rpc-port", ARGS_ONE },
    { "data-parallel-size-local", ARGS_ONE }, { "data-parallel-start-rank", ARGS_ONE }, { "device", ARGS_ONE }, { "disable-access-log-for-endpoints", ARGS_ONE },
    { "disable-cascade-attn", ARGS_NONE }, { "disable-custom-all-reduce", ARGS_NONE }, { "disable-fastapi-docs", ARGS_NONE }, { "disable-frontend-multiprocessing", ARGS_NONE },
    { "disable-log-requests", ARGS_NONE }, { "disable-log-stats", ARGS_NONE }, { "disable-uvicorn-access-log", ARGS_NONE }, { "distributed-executor-backend", ARGS_ONE },
    { "download-dir", ARGS_ONE }, { "enable-auto-tool-choice", ARGS_NONE }, { "enable-chunked-prefill", ARGS_NONE }, { "enable-force-include-usage", ARGS_NONE },
    { "enable-log-requests", ARGS_NONE }, { "enable-prompt-tokens-details", ARGS_NONE }, { "enable-reasoning", ARGS_NONE }, { "enable-request-id-headers", ARGS_NONE },
    { "enable-server-load-tracking", ARGS_NONE }, { "generation-config", ARGS_ONE }, { "guided-decoding-backend", ARGS_ONE }, { "headless", ARGS_NONE },
    { "hf-config-path", ARGS_ONE }, { "hf-token", ARGS_ONE }, { "ignore-patterns", ARGS_MANY }, { "load-format", ARGS_ONE }, { "log-level", ARGS_ONE },
    { "logging-config", ARGS_ONE }, { "logits-processors", ARGS_MANY }, { "logprobs-mode", ARGS_ONE }, { "lora-modules", ARGS_MANY }, { "master-addr", ARGS_ONE },
    { "master-port", ARGS_ONE }, { "max-log-len", ARGS_ONE }, { "max-logprobs", ARGS_ONE }, { "max-num-queued-reqs", ARGS_ONE }, { "max-num-queued-tokens", ARGS_ONE },
    { "max-parallel-loading-workers", ARGS_ONE }, { "middleware", ARGS_ONE }, { "model-impl", ARGS_ONE }, { "model-loader-extra-config", ARGS_ONE }, { "nnodes", ARGS_ONE },
    { "node-rank", ARGS_ONE }, { "numa-bind", ARGS_NONE }, { "otlp-traces-endpoint", ARGS_ONE }, { "override-generation-config", ARGS_ONE }, { "prefix-caching-hash-algo", ARGS_ONE },
    { "reasoning-parser", ARGS_ONE }, { "response-role", ARGS_ONE }, { "return-tokens-as-token-ids", ARGS_NONE }, { "root-path", ARGS_ONE }, { "runner", ARGS_ONE },
    { "safetensors-load-strategy", ARGS_ONE }, { "scheduling-policy", ARGS_ONE }, { "seed", ARGS_ONE }, { "shutdown-timeout", ARGS_ONE }, { "skip-tokenizer-init", ARGS_NONE },
    { "ssl-ca-certs", ARGS_ONE }, { "ssl-certfile", ARGS_ONE }, { "ssl-keyfile", ARGS_ONE }, { "stream-interval", ARGS_ONE }, { "structured-outputs-config", ARGS_ONE },
    { "task", ARGS_ONE }, { "tokenizer", ARGS_ONE }, { "tokenizer-mode", ARGS_ONE }, { "tokenizer-revision", ARGS_ONE }, { "tool-call-parser", ARGS_ONE },
    { "tool-parser-plugin", ARGS_ONE }, { "uds", ARGS_ONE }, { "use-tqdm-on-load", ARGS_NONE }, { "uvicorn-log-level", ARGS_ONE }, { "worker-use-ray", ARGS_NONE },
    { "cc", ARGS_ONE, graphs }, { "sc", ARGS_ONE, spec },
    { "additional-config", ARGS_ONE, "whatever the platform reads from it" }, { "attention-backend", ARGS_ONE, "the attention workspace" },
    { "attention-config", ARGS_ONE, "the attention workspace" }, { "calculate-kv-scales", ARGS_NONE, "KV scales" }, { "compilation-config", ARGS_ONE, graphs },
    { "config", ARGS_ONE, "every flag in that file: paste them instead" }, { "cudagraph-mode", ARGS_ONE, graphs }, { "decode-context-parallel-size", ARGS_ONE, share },
    { "disable-hybrid-kv-cache-manager", ARGS_NONE, share }, { "disable-sliding-window", ARGS_NONE, "the longest context" }, { "enable-batch-sharded-sampling", ARGS_NONE, "the sampler" },
    { "enable-dbo", ARGS_NONE, "a second set of activations" }, { "enable-eplb", ARGS_NONE, "redundant experts" }, { "enable-sleep-mode", ARGS_NONE, "the allocator: some fragmentation" },
    { "fully-sharded-loras", ARGS_NONE, "the LoRA slots: they become smaller" }, { "hf-overrides", ARGS_ONE, shape }, { "kv-offloading-size", ARGS_ONE, host },
    { "kv-transfer-config", ARGS_ONE, "transfer buffers" }, { "language-model-only", ARGS_NONE, images }, { "limit-mm-per-prompt", ARGS_ONE, images },
    { "lora-extra-vocab-size", ARGS_ONE, "the LoRA slots" }, { "mamba-block-size", ARGS_ONE, state }, { "mamba-cache-dtype", ARGS_ONE, state }, { "mamba-cache-mode", ARGS_ONE, state },
    { "mamba-ssm-cache-dtype", ARGS_ONE, state }, { "max-seq-len-to-capture", ARGS_ONE, graphs }, { "mm-encoder-tp-mode", ARGS_ONE, images },
    { "mm-processor-cache-gb", ARGS_ONE, host }, { "mm-processor-kwargs", ARGS_ONE, images }, { "num-gpu-blocks-override", ARGS_ONE, "the number of KV blocks" },
    { "num-redundant-experts", ARGS_ONE, "redundant experts" }, { "num-speculative-tokens", ARGS_ONE, spec }, { "offload-group-size", ARGS_ONE, "weights kept in host RAM" },
    { "optimization-level", ARGS_ONE, graphs }, { "performance-mode", ARGS_ONE, "the default batch sizes" }, { "pooler-config", ARGS_ONE, "the pooler" },
    { "prefill-context-parallel-size", ARGS_ONE, share }, { "rope-scaling", ARGS_ONE, "the longest context" }, { "rope-theta", ARGS_ONE }, { "skip-mm-profiling", ARGS_NONE, images },
    { "speculative-config", ARGS_ONE, spec }, { "speculative-model", ARGS_ONE, spec }, { "swap-space", ARGS_ONE, host }, { "weight-cache-socket-dir", ARGS_ONE, "who holds the weights" },
    { 0 },
};

static const struct paste_known sglang_flags[] = {
    { "admin-api-key", ARGS_ONE }, { "allow-auto-truncate", ARGS_NONE }, { "api-key", ARGS_ONE }, { "chat-template", ARGS_ONE }, { "constrained-json-whitespace-pattern", ARGS_ONE },
    { "decode-log-interval", ARGS_ONE }, { "disable-outlines-disk-cache", ARGS_NONE }, { "dist-init-addr", ARGS_ONE },
    { "dist-timeout", ARGS_ONE }, { "download-dir", ARGS_ONE }, { "enable-cache-report", ARGS_NONE }, { "enable-metrics", ARGS_NONE }, { "enable-mixed-chunk", ARGS_NONE },
    { "file-storage-path", ARGS_ONE }, { "gated-launch-port", ARGS_ONE }, { "gpu-id-step", ARGS_ONE }, { "grammar-backend", ARGS_ONE }, { "grpc-port", ARGS_ONE },
    { "load-balance-method", ARGS_ONE }, { "load-format", ARGS_ONE }, { "log-level", ARGS_ONE }, { "log-level-http", ARGS_ONE }, { "log-requests", ARGS_NONE },
    { "log-requests-level", ARGS_ONE }, { "lora-paths", ARGS_MANY }, { "model-loader-extra-config", ARGS_ONE }, { "nccl-port", ARGS_ONE }, { "nnodes", ARGS_ONE },
    { "node-rank", ARGS_ONE }, { "random-seed", ARGS_ONE }, { "reasoning-parser", ARGS_ONE }, { "sampling-backend", ARGS_ONE }, { "schedule-conservativeness", ARGS_ONE },
    { "schedule-policy", ARGS_ONE }, { "show-time-cost", ARGS_NONE }, { "skip-server-warmup", ARGS_NONE }, { "skip-tokenizer-init", ARGS_NONE }, { "stream-interval", ARGS_ONE },
    { "stream-output", ARGS_NONE }, { "tokenizer-mode", ARGS_ONE }, { "tokenizer-path", ARGS_ONE }, { "tokenizer-worker-num", ARGS_ONE }, { "tool-call-parser", ARGS_ONE },
    { "warmups", ARGS_ONE }, { "watchdog-timeout", ARGS_ONE }, { "weight-version", ARGS_ONE }, { "base-gpu-id", ARGS_ONE },
    { "attention-backend", ARGS_ONE, "the attention workspace" }, { "attn-dp-size", ARGS_ONE, share }, { "config", ARGS_ONE, "every flag in that file: paste them instead" },
    { "cuda-graph-backend-decode", ARGS_ONE, graphs }, { "cuda-graph-backend-prefill", ARGS_ONE, graphs }, { "cuda-graph-bs-decode", ARGS_MANY, graphs },
    { "cuda-graph-config", ARGS_ONE, graphs }, { "cuda-graph-max-bs-prefill", ARGS_ONE, graphs },
    { "enable-dp-attention", ARGS_NONE, share }, { "enable-hierarchical-cache", ARGS_NONE, "host RAM: twice the KV by default" },
    { "enable-memory-saver", ARGS_NONE, "the allocator" }, { "enable-multimodal", ARGS_NONE, images }, { "enable-symm-mem", ARGS_NONE, "4 GB of symmetric memory" },
    { "enable-torch-compile", ARGS_NONE, graphs }, { "json-model-override-args", ARGS_ONE, shape },
    { "max-prefill-tokens", ARGS_ONE, "the activations of a prefill" }, { "moe-a2a-backend", ARGS_ONE, "exchange buffers" }, { "linear-attn-backend", ARGS_ONE, state },
    { "speculative-algorithm", ARGS_ONE, spec }, { "speculative-draft-model-path", ARGS_ONE, spec }, { "speculative-eagle-topk", ARGS_ONE, spec },
    { "speculative-num-draft-tokens", ARGS_ONE, spec }, { "speculative-num-steps", ARGS_ONE, spec },
    { "weight-cache-mode", ARGS_ONE, "who holds the weights" },
    { 0 },
};

/* llama.cpp common/arg.cpp, 0.5.0-dev; short and long forms are rows of their own. */
static const char adapter[] = "a LoRA adapter on each layer's device", vector[] = "a control vector", projector[] = "the projector for images or sound, and its compute buffer",
                  places[] = "where tensors are kept", prompts[] = "checkpoints of prompts in host RAM";
static const struct paste_known llama_flags[] = {
    { "api-key", ARGS_ONE }, { "api-key-file", ARGS_ONE }, { "api-prefix", ARGS_ONE }, { "chat-template", ARGS_ONE }, { "chat-template-file", ARGS_ONE },
    { "chat-template-kwargs", ARGS_ONE }, { "cont-batching", ARGS_NONE }, { "cb", ARGS_NONE }, { "context-shift", ARGS_NONE }, { "embedding", ARGS_NONE }, { "embeddings", ARGS_NONE },
    { "jinja", ARGS_NONE }, { "log-colors", ARGS_ONE }, { "log-file", ARGS_ONE }, { "log-jsonl", ARGS_NONE }, { "log-prefix", ARGS_NONE }, { "log-timestamps", ARGS_NONE },
    { "log-verbosity", ARGS_ONE }, { "lv", ARGS_ONE }, { "verbose", ARGS_NONE }, { "v", ARGS_NONE }, { "metrics", ARGS_NONE }, { "min-p", ARGS_ONE }, { "n-predict", ARGS_ONE },
    { "n", ARGS_ONE }, { "no-warmup", ARGS_NONE }, { "no-webui", ARGS_NONE }, { "numa", ARGS_ONE }, { "pooling", ARGS_ONE }, { "prio", ARGS_ONE }, { "props", ARGS_NONE },
    { "reasoning-budget", ARGS_ONE }, { "reasoning-format", ARGS_ONE }, { "repeat-penalty", ARGS_ONE }, { "reranking", ARGS_NONE }, { "reuse-port", ARGS_NONE },
    { "rope-freq-base", ARGS_ONE }, { "rope-freq-scale", ARGS_ONE }, { "rope-scale", ARGS_ONE }, { "rope-scaling", ARGS_ONE }, { "seed", ARGS_ONE }, { "s", ARGS_ONE },
    { "sleep-idle-seconds", ARGS_ONE }, { "slot-save-path", ARGS_ONE }, { "slots", ARGS_NONE }, { "temp", ARGS_ONE }, { "threads", ARGS_ONE }, { "t", ARGS_ONE },
    { "threads-batch", ARGS_ONE }, { "tb", ARGS_ONE }, { "threads-http", ARGS_ONE }, { "timeout", ARGS_ONE }, { "to", ARGS_ONE }, { "top-k", ARGS_ONE }, { "top-p", ARGS_ONE },
    { "yarn-orig-ctx", ARGS_ONE }, { "fit-target", ARGS_ONE, "how much --fit leaves free" }, { "fitt", ARGS_ONE, "how much --fit leaves free" },
    { "fit-ctx", ARGS_ONE, "the least context of --fit" }, { "fitc", ARGS_ONE, "the least context of --fit" }, { "lora", ARGS_ONE, adapter }, { "lora-scaled", ARGS_ONE, adapter },
    { "control-vector", ARGS_ONE, vector }, { "mmproj", ARGS_ONE, projector }, { "mmproj-url", ARGS_ONE, projector }, { "mm", ARGS_ONE, projector },
    { "override-tensor", ARGS_ONE, places }, { "ot", ARGS_ONE, places }, { "n-cpu-ffn", ARGS_ONE, places }, { "ncffn", ARGS_ONE, places },
    { "ctx-checkpoints", ARGS_ONE, prompts }, { "ctxcp", ARGS_ONE, prompts }, { "model-draft", ARGS_ONE, spec }, { "md", ARGS_ONE, spec }, { "spec-draft-model", ARGS_ONE, spec },
    { "spec-type", ARGS_ONE, spec }, { "ctx-size-draft", ARGS_ONE, spec }, { "cd", ARGS_ONE, spec }, { "n-gpu-layers-draft", ARGS_ONE, spec }, { "ngld", ARGS_ONE, spec },
    { "draft-max", ARGS_ONE, spec }, { "kv-unified-per-slot", ARGS_ONE, "the size of the KV cache" }, { "rpc", ARGS_ONE, "which machines hold layers" },
    { 0 },
};

/* Variables that change bytes and that berth does not count; those it counts are in paste.c, all others are left alone. */
static const struct paste_known vllm_variables[] = {
    { "PYTORCH_CUDA_ALLOC_CONF", ARGS_ONE, "fragmentation: some hundred MiB either way" }, { "PYTORCH_ALLOC_CONF", ARGS_ONE, "fragmentation: some hundred MiB either way" },
    { "VLLM_ALLOW_LONG_MAX_MODEL_LEN", ARGS_ONE, "a context past the model's own, which is refused here" }, { "VLLM_ATTENTION_BACKEND", ARGS_ONE, "the attention workspace" },
    { "VLLM_CPU_KVCACHE_SPACE", ARGS_ONE, "the KV of a CPU build, in GiB of RAM" }, { "VLLM_ENABLE_STARTUP_PLAN", ARGS_ONE, "KV as the last start measured it" },
    { "VLLM_FLASHINFER_WORKSPACE_BUFFER_SIZE", ARGS_ONE, "the attention workspace" }, { "VLLM_KV_CACHE_LAYOUT", ARGS_ONE, "the layout of KV" },
    { "VLLM_REPLICATE_EMBED", ARGS_ONE, "the embedding, then whole on each GPU" },
    { "VLLM_USE_V1", ARGS_ONE, "the engine of before 0.9, which is laid out differently" },
    { 0 },
};
static const struct paste_known sglang_variables[] = {
    { "PYTORCH_CUDA_ALLOC_CONF", ARGS_ONE, "fragmentation: some hundred MiB either way" }, { "SGLANG_ENABLE_POST_CAPTURE_KV_SIZING", ARGS_ONE, "KV, then sized after the graphs" },
    { "SGLANG_MM_FEATURE_CACHE_MB", ARGS_ONE, images }, { "SGLANG_VLM_CACHE_SIZE_MB", ARGS_ONE, images },
    { 0 },
};
static const struct paste_known llama_variables[] = {
    { "GGML_CUDA_ENABLE_UNIFIED_MEMORY", ARGS_ONE, "what does not fit, then in host RAM" }, { "GGML_CUDA_NO_PINNED", ARGS_ONE, "pinned host RAM" },
    { "LLAMA_ARG_CTX_SIZE", ARGS_ONE, "the context: give it as -c" }, { "LLAMA_ARG_N_GPU_LAYERS", ARGS_ONE, "layers on the GPU: give it as -ngl" },
    { "LLAMA_ARG_N_PARALLEL", ARGS_ONE, "slots: give it as -np" },
    { 0 },
};
static const struct paste_known nothing[] = { { 0 } };

const struct paste_known *paste_known_flags(const struct bt_engine *e)
{
    return !strcmp(e->name, "vllm") ? vllm_flags : !strcmp(e->name, "sglang") ? sglang_flags : !strcmp(e->name, "llama-server") ? llama_flags : nothing;
}

const struct paste_known *paste_known_variables(const struct bt_engine *e)
{
    return !strcmp(e->name, "vllm") ? vllm_variables : !strcmp(e->name, "sglang") ? sglang_variables : !strcmp(e->name, "llama-server") ? llama_variables : nothing;
}

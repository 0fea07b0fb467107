/* paste_known - flags and variables of the engines that are in no flag table of berth: what they do to memory, so that a pasted command is
 * answered for word by word. From `vllm serve --help=all` (0.11 to 0.32) and SGLang 0.5.23 server_args.py. */
#include "cmd/paste.h"

static const char pools[] = "whether it writes or pools", spec[] = "a draft model's weights and KV", shape[] = "the shape of the model", graphs[] = "CUDA graphs", images[] = "the encoder's memory",
                  host[] = "host RAM, not the card", state[] = "the state of its linear-attention layers", share[] = "how KV or experts are cut";

struct row { const char *names; enum paste_args args; const char *bytes; };         /* names: one or more, with a blank between them */

static const struct row vllm_flags[] = {
    { "allow-credentials", ARGS_NONE }, { "allowed-headers", ARGS_ONE }, { "allowed-local-media-path", ARGS_ONE }, { "allowed-media-domains", ARGS_MANY },
    { "allowed-methods", ARGS_ONE }, { "allowed-origins", ARGS_ONE }, { "api-key", ARGS_ONE }, { "api-server-count", ARGS_ONE }, { "async-scheduling", ARGS_NONE },
    { "chat-template", ARGS_ONE }, { "chat-template-content-format", ARGS_ONE }, { "code-revision", ARGS_ONE }, { "collect-detailed-traces", ARGS_ONE },
    { "config-format", ARGS_ONE }, { "convert", ARGS_ONE, pools }, { "data-parallel-address", ARGS_ONE }, { "data-parallel-backend", ARGS_ONE },
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
    { "reasoning-parser", ARGS_ONE }, { "response-role", ARGS_ONE }, { "return-tokens-as-token-ids", ARGS_NONE }, { "root-path", ARGS_ONE }, { "runner", ARGS_ONE, pools },
    { "safetensors-load-strategy", ARGS_ONE }, { "scheduling-policy", ARGS_ONE }, { "seed", ARGS_ONE }, { "shutdown-timeout", ARGS_ONE }, { "skip-tokenizer-init", ARGS_NONE },
    { "ssl-ca-certs", ARGS_ONE }, { "ssl-certfile", ARGS_ONE }, { "ssl-keyfile", ARGS_ONE }, { "stream-interval", ARGS_ONE }, { "structured-outputs-config", ARGS_ONE },
    { "task", ARGS_ONE, pools }, { "tokenizer", ARGS_ONE }, { "tokenizer-mode", ARGS_ONE }, { "tokenizer-revision", ARGS_ONE }, { "tool-call-parser", ARGS_ONE },
    { "tool-parser-plugin", ARGS_ONE }, { "uds", ARGS_ONE }, { "use-tqdm-on-load", ARGS_NONE }, { "uvicorn-log-level", ARGS_ONE }, { "worker-use-ray", ARGS_NONE },
    { "cc", ARGS_ONE, graphs }, { "sc", ARGS_ONE, spec },
    { "additional-config", ARGS_ONE, "whatever the platform reads from it" }, { "attention-backend", ARGS_ONE, "the attention workspace" },
    { "attention-config", ARGS_ONE, "the attention workspace" }, { "calculate-kv-scales", ARGS_NONE, "KV scales" }, { "compilation-config", ARGS_ONE, graphs },
    { "config", ARGS_ONE, "every flag in that file: paste them instead" }, { "cudagraph-mode", ARGS_ONE, graphs }, { "decode-context-parallel-size", ARGS_ONE, share },
    { "disable-hybrid-kv-cache-manager", ARGS_NONE, share }, { "disable-sliding-window", ARGS_NONE, "the longest context" }, { "enable-batch-sharded-sampling", ARGS_NONE, "the sampler" },
    { "enable-dbo", ARGS_NONE, "a second set of activations" }, { "enable-eplb", ARGS_NONE }, { "enable-sleep-mode", ARGS_NONE, "the allocator: some fragmentation" },
    { "fully-sharded-loras", ARGS_NONE, "the LoRA slots: they become smaller" }, { "hf-overrides", ARGS_ONE, shape }, { "kv-offloading-size", ARGS_ONE, host },
    { "kv-transfer-config", ARGS_ONE, "transfer buffers" }, { "language-model-only", ARGS_NONE, images }, { "limit-mm-per-prompt", ARGS_ONE, images },
    { "lora-extra-vocab-size", ARGS_ONE, "the LoRA slots" }, { "mamba-block-size", ARGS_ONE, state }, { "mamba-cache-dtype", ARGS_ONE, state }, { "mamba-cache-mode", ARGS_ONE, state },
    { "mamba-ssm-cache-dtype", ARGS_ONE, state }, { "max-seq-len-to-capture", ARGS_ONE }, { "mm-encoder-tp-mode", ARGS_ONE, images },
    { "mm-processor-cache-gb", ARGS_ONE, host }, { "mm-processor-kwargs", ARGS_ONE, images }, { "num-gpu-blocks-override", ARGS_ONE, "the number of KV blocks" },
    { "num-redundant-experts", ARGS_ONE, "redundant experts" }, { "num-speculative-tokens", ARGS_ONE, spec }, { "offload-group-size", ARGS_ONE, "weights kept in host RAM" },
    { "optimization-level", ARGS_ONE, graphs }, { "performance-mode", ARGS_ONE, "the default batch sizes" }, { "pooler-config", ARGS_ONE, "the pooler" },
    { "prefill-context-parallel-size", ARGS_ONE, share }, { "rope-scaling", ARGS_ONE, "the longest context" }, { "rope-theta", ARGS_ONE }, { "skip-mm-profiling", ARGS_NONE, images },
    { "speculative-config", ARGS_ONE, spec }, { "speculative-model", ARGS_ONE, spec }, { "swap-space", ARGS_ONE, host }, { "weight-cache-socket-dir", ARGS_ONE, "who holds the weights" },
    /* the rest of 0.32.0, and what only older versions have */
    { "numa-bind-cpus numa-bind-nodes", ARGS_MANY },
    { "aggregate-engine-logging cohere-is-reasoning-model cudagraph-metrics data-parallel-multi-port-external-lb disable-async-output-proc disable-chunked-mm-input disable-guided-decoding-fallback "
      "disable-logprobs-during-spec-decoding disable-mm-preprocessor-cache disable-nccl-for-dp-synchronization dpe dph dpm enable-fault-tolerance enable-flash-late-interaction enable-flashinfer-autotune "
      "enable-hc-sp enable-layerwise-nvtx-tracing enable-log-deltas enable-log-outputs enable-logging-iteration-details enable-mfu-metrics enable-nccl-comm-suspend enable-offline-docs "
      "enable-per-request-metrics enable-prompt-embeds enable-return-routed-experts enable-scale-out enable-shm-tensor-arena enable-ssl-refresh enable-tokenizer-info-endpoint enable-trace-replay "
      "engine-use-ray exclude-tools-when-tool-choice-none fail-on-environ-validation grpc guided-decoding-disable-additional-properties guided-decoding-disable-any-whitespace "
      "guided-decoding-disable-fallback interleave-mm-strings jit-monitor-verbose kv-cache-metrics log-error-stack long-prefill-token-threshold-adaptive multi-step-stream-outputs ray-workers-use-nsight "
      "scheduler-reserve-full-isl swa-bounded-replay tokens-only trust-request-chat-template trust-request-mm-kwargs use-v2-block-manager", ARGS_NONE },
    { "anthropic-disabled-thinking-effort asc aux-output-config cohere-format cpu-distributed-timeout-seconds custom-histogram-buckets data-parallel-supervisor-port dcp-comm-backend "
      "default-chat-template-kwargs device-ids distributed-timeout-seconds dp-supervisor-probe-failure-threshold dp-supervisor-probe-interval-s dp-supervisor-probe-timeout-s dp-sync-interval dpa dpb dpl dpn "
      "dpp dpr eplb-step-interval eplb-window-size expert-placement-strategy fault-tolerance-config fingerprint-mode fingerprint-value grpc-port h11-max-header-count h11-max-incomplete-event-size "
      "io-processor-plugin ir-op-priority jit-monitor-mode kv-cache-metrics-sample kv-events-config log-config-file long-prefill-token-threshold max-long-partial-prefills max-num-partial-prefills "
      "mm-hasher-algorithm n override-neuron-config per-request-spec-decode-metrics preemption-mode prefill-schedule-interval prefix-cache-retention-interval prefix-match-unit profiler-config "
      "pt-load-map-location r reasoning-config reasoning-parser-plugin renderer-num-workers safetensors-prefetch-block-size safetensors-prefetch-num-threads scheduler-cls scheduler-delay-factor "
      "show-hidden-metrics show-hidden-metrics-for-version sse-keep-alive-interval ssl-cert-reqs ssl-ciphers tokenizer-pool-extra-config tokenizer-pool-size tokenizer-pool-type tool-server tool-strict-level "
      "watermark watermark-config worker-cls worker-extension-cls", ARGS_ONE },
    { "dbo-decode-token-threshold dbo-prefill-token-threshold ubatch-size", ARGS_ONE, "a second set of activations" },
    { "dc diffusion-config ec-manager-config ec-transfer-config engram-config weight-transfer-config", ARGS_ONE, "buffers of its own" },
    { "enable-elastic-ep enable-ep-weight-filter", ARGS_NONE, "redundant experts" },
    { "elastic-ep-max-dp-size eplb-config", ARGS_ONE, "redundant experts" },
    { "kv-cache-dtype-skip-layers", ARGS_MANY, "the KV of some layers" },
    { "kv-sharing-fast-prefill", ARGS_NONE, "the KV of some layers" },
    { "long-lora-scaling-factors lora-target-modules prompt-adapters", ARGS_MANY, "the LoRA slots" },
    { "enable-lora-bias enable-mixed-moe-lora-format enable-moe-shared-loras enable-prompt-adapter enable-tower-connector-lora specialize-active-lora", ARGS_NONE, "the LoRA slots" },
    { "default-mm-loras max-lora-cls-labels max-prompt-adapter-token max-prompt-adapters qlora-adapter-name-or-path", ARGS_ONE, "the LoRA slots" },
    { "sleep-preserve-parameter-names", ARGS_MANY, "the allocator: some fragmentation" },
    { "enable-cumem-allocator sleep-mode-offload-cudagraph", ARGS_NONE, "the allocator: some fragmentation" },
    { "ac sparse-indexer-topk-backend", ARGS_ONE, "the attention workspace" },
    { "override-pooler-config", ARGS_ONE, "the pooler" },
    { "return-sampling-mask use-fp64-gumbel", ARGS_NONE, "the sampler" },
    { "max-num-active-seqs max-num-scheduled-tokens max-paddings num-lookahead-slots num-scheduler-steps", ARGS_ONE, "the size of a step" },
    { "allow-deprecated-quantization", ARGS_NONE, "the type of the weights" },
    { "model-class-overrides quantization-config quantization-param-path", ARGS_ONE, "the type of the weights" },
    { "all2all-backend kernel-config linear-backend moe-backend", ARGS_ONE, "the workspaces of kernels" },
    { "cpu-offload-params offload-params", ARGS_MANY, "weights kept in host RAM" },
    { "offload-backend offload-num-in-group offload-prefetch-step", ARGS_ONE, "weights kept in host RAM" },
    { "cuda-graph-sizes", ARGS_MANY, graphs },
    { "max-context-len-to-capture", ARGS_ONE },
    { "kv-offloading-backend mm-processor-cache-type mm-shm-cache-max-object-size-mb mm-tensor-ipc", ARGS_ONE, host },
    { "enable-mm-embeds enable-multimodal-encoder-data-parallel mm-device-do-normalize mm-encoder-only", ARGS_NONE, images },
    { "image-feature-size image-input-shape image-input-type image-token-id media-io-kwargs mm-encoder-attn-backend mm-encoder-attn-dtype mm-encoder-fp8-scale-path mm-encoder-fp8-scale-save-margin "
      "mm-encoder-fp8-scale-save-path mm-ipc-gpu-memory-gb mm-processor-device video-pruning-method video-pruning-rate", ARGS_ONE, images },
    { "dcp-q-replicate", ARGS_NONE, share },
    { "cp-kv-cache-interleave-size dcp dcp-kv-cache-interleave-size pcp", ARGS_ONE, share },
    { "speculative-disable-mqa-scorer", ARGS_NONE, spec },
    { "ngram-prompt-lookup-max ngram-prompt-lookup-min spec-decoding-acceptance-method spec-method spec-model spec-tokens speculative-disable-by-batch-size speculative-draft-tensor-parallel-size "
      "speculative-max-model-len speculative-model-quantization speculative-token-tree typical-acceptance-sampler-posterior-alpha typical-acceptance-sampler-posterior-threshold", ARGS_ONE, spec },
    { "enable-mamba-cache-stochastic-rounding enable-mamba-shared-prefix-checkpoint use-replayssm", ARGS_NONE, state },
    { "gdn-prefill-backend kda-decode-backend kda-prefill-backend mamba-backend mamba-cache-philox-rounds mamba-ssu-algorithm replayssm-buffer-len", ARGS_ONE, state },
    { 0 },
};

static const struct row sglang_flags[] = {
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
    { "cuda-graph-backend-decode", ARGS_ONE, graphs }, { "cuda-graph-backend-prefill", ARGS_ONE, graphs },
    { "cuda-graph-config", ARGS_ONE, graphs }, { "cuda-graph-max-bs-prefill", ARGS_ONE, graphs },
    { "enable-dp-attention", ARGS_NONE, share }, { "enable-hierarchical-cache", ARGS_NONE, "host RAM: twice the KV by default" },
    { "enable-memory-saver", ARGS_NONE, "the allocator" }, { "enable-multimodal", ARGS_NONE, images }, { "enable-symm-mem", ARGS_NONE, "4 GB of symmetric memory" },
    { "enable-torch-compile", ARGS_NONE, graphs }, { "json-model-override-args", ARGS_ONE, shape },
    { "max-prefill-tokens", ARGS_ONE, "the activations of a prefill" }, { "moe-a2a-backend", ARGS_ONE, "exchange buffers" }, { "linear-attn-backend", ARGS_ONE, state },
    { "speculative-algorithm", ARGS_ONE, spec }, { "speculative-draft-model-path", ARGS_ONE, spec }, { "speculative-eagle-topk", ARGS_ONE, spec },
    { "speculative-num-draft-tokens", ARGS_ONE, spec }, { "speculative-num-steps", ARGS_ONE, spec },
    { "weight-cache-mode", ARGS_ONE, "who holds the weights" },
    /* the rest of 0.5.23, 0.5.9 and 0.4.6 */
    { "enable-eplb", ARGS_NONE },
    { "custom-weight-loader flashinfer-autotune-skip-ops uvicorn-access-log-exclude-prefixes", ARGS_MANY },
    { "abort-on-priority-when-disabled checkpoint-engine-wait-weights-before-ready collect-tokens-histogram constrained-json-disable-any-whitespace delete-ckpt-after-loading "
      "disable-aiter-allreduce-fusion-in-decode disable-aiter-allreduce-fusion-in-prefill disable-custom-all-reduce disable-fast-image-processor disable-flashinfer-autotune "
      "disable-flashinfer-cutlass-moe-fp4-allgather disable-hicache-numa-detect disable-priority-preemption disable-tokenizer-batch-decode disaggregation-decode-enable-radix-cache "
      "disaggregation-enable-kv-checksum dllm-fdfo enable-adaptive-dispatch-to-encoder enable-amd-monokernel enable-custom-logit-processor enable-deterministic-inference "
      "enable-dp-attention-local-control-broadcast enable-dsa-fused-indexer enable-dynamic-batch-tokenizer enable-dynamic-chunking enable-ep-moe enable-expert-distribution-metrics "
      "enable-forward-pass-metrics enable-fused-moe-sum-all-reduce enable-fused-qk-norm-rope enable-http-worker-reuseport enable-http2 enable-layerwise-nvtx-marker enable-mamba-cache-stochastic-rounding "
      "enable-metrics-for-all-schedulers enable-mfu-metrics enable-mis enable-nan-detection enable-nvidia-megakernel enable-p2p-check enable-pd-role-switch enable-precise-embedding-interpolation "
      "enable-prefill-delayer enable-priority-scheduling enable-quant-communications enable-request-time-stats-logging enable-response-store enable-session-radix-cache enable-ssl-refresh "
      "enable-streaming-session enable-strict-thinking enable-tf32-matmul enable-tokenizer-batch-encode enable-trace enable-unified-cache-external-linker enable-waterfill enable-watermark "
      "enforce-disable-flashinfer-allreduce-fusion export-metrics-to-file grpc-mode incremental-streaming-output is-embedding lora-strict-loading mlx-enable-sampling pre-warm-nccl "
      "remote-instance-weight-loader-start-seed-via-transfer-engine return-input-ids return-output-ids schedule-low-priority-values-first sleep-on-idle smg-grpc-mode stream-response-default-include-usage "
      "strip-thinking-cache triton-attention-reduce-in-fp32 trust-mm-content-hashes trust-request-chat-template use-ray weight-loader-disable-mmap weight-loader-drop-cache-after-load "
      "weight-loader-prefetch-checkpoints", ARGS_NONE },
    { "allowed-media-domains asr-max-buffer-seconds asr-max-concurrent-sessions batch-notify-size boundary-reduction bucket-e2e-request-latency bucket-inter-token-latency bucket-time-to-first-token "
      "completion-template constrained-json-max-whitespace-cnt crash-dump-folder custom-sigquit-handler dcp-comm-backend debug-tensor-dump-inject debug-tensor-dump-input-file debug-tensor-dump-layers "
      "debug-tensor-dump-output-folder decrypted-config-file decrypted-draft-config-file default-chat-template-kwargs default-priority-value detokenizer-worker-num disaggregation-bootstrap-port "
      "disaggregation-decode-allocation-policy disaggregation-decode-dp disaggregation-decode-polling-interval disaggregation-decode-retraction-backup disaggregation-decode-tp disaggregation-ib-device "
      "disaggregation-prefill-pp dllm-algorithm dllm-algorithm-config dynamic-batch-tokenizer-batch-size dynamic-batch-tokenizer-batch-timeout encoder-bootstrap-port encoder-register-urls "
      "encoder-transfer-backend encoder-urls engine-info-bootstrap-port ep-dispatch-algorithm expert-balancedness-report-mode expert-distribution-recorder-buffer-size expert-distribution-recorder-mode "
      "export-metrics-to-file-dir extra-metric-labels fastapi-root-path flashinfer-a2a-dispatch-type flashinfer-allreduce-fusion-backend flashinfer-mxfp4-moe-precision flexkv-config-file forward-hooks "
      "forward-pass-metrics-ipc-name forward-pass-metrics-worker-id gc-threshold gc-warning-threshold-secs generation-tokens-buckets grpc-http-sidecar-port grpc-response-timeout-secs hf-chat-template-name "
      "hicache-io-backend hicache-mem-layout hicache-storage-backend hicache-storage-backend-extra-config hicache-storage-prefetch-policy hicache-storage-prefetch-retry-max-attempts "
      "hicache-storage-prefetch-retry-poll-interval hicache-write-policy http2-initial-connection-window-size http2-max-concurrent-streams image-processor-backend kv-canary kv-canary-real-data "
      "kv-canary-sweep-interval kv-events-config lmcache-config-file load-publish-endpoint load-snapshot-publish-interval log-requests-format log-requests-target lora-drain-wait-threshold "
      "lora-eviction-policy mamba-cache-philox-rounds mamba-track-interval max-queued-requests media-url-max-file-size-mb min-free-slots-delay mm-global-cache-backend mm-io-worker-num "
      "mm-max-concurrent-calls mm-per-request-timeout mm-processor-worker-num model-checksum model-config-parser model-impl modelexpress-config monokernel-backend mooncake-ib-device msprobe-dump-config "
      "multi-item-scoring-delimiter nccl-init-addr num-continuous-decode-steps num-reserved-decode-tokens numa-node optimistic-prefill-attempts otlp-service-name otlp-traces-endpoint pp-async-batch-depth "
      "pp-max-micro-batch-size preferred-sampling-params prefill-decode-interval prefill-decode-interval-min-bs prefill-delayer-forward-passes-buckets prefill-delayer-max-delay-ms "
      "prefill-delayer-max-delay-passes prefill-delayer-queue-min-ratio prefill-delayer-token-usage-low-watermark prefill-delayer-wait-seconds-buckets prefill-max-requests prefill-round-robin-balance "
      "priority-scheduling-preemption-threshold prompt-tokens-buckets radix-eviction-policy radix-eviction-policy-config remote-instance-weight-loader-backend remote-instance-weight-loader-seed-instance-ip "
      "remote-instance-weight-loader-seed-instance-service-port remote-instance-weight-loader-send-weights-group-ports retraction-policy rl-on-policy-target sampling-defaults sampling-mask-max-tokens "
      "scheduler-recv-interval sidecar sidecar-args sm-group-num smg-http-sidecar-port soft-watchdog-timeout spec-trace-dir ssl-ca-certs ssl-certfile ssl-keyfile ssl-keyfile-password "
      "startup-weight-load-mode tbo-token-distribution-threshold tokenizer-backend tokenizer-metrics-allowed-custom-labels tokenizer-metrics-custom-labels-header tool-server trace-modules "
      "unified-cache-external-linker-backend unified-cache-external-linker-config watermark-config weight-loader-prefetch-num-threads", ARGS_ONE },
    { "enable-single-batch-overlap enable-two-batch-overlap", ARGS_NONE, "a second set of activations" },
    { "disable-shared-experts-fusion enable-elastic-expert-backup enforce-shared-experts-fusion", ARGS_NONE, "copies of experts" },
    { "elastic-ep-backend elastic-ep-initial-size elastic-ep-join-mode elastic-ep-join-rank-offset elastic-ep-scale-timeout ep-num-redundant-experts eplb-algorithm eplb-min-rebalancing-utilization-threshold "
      "eplb-rebalance-layers-per-chunk eplb-rebalance-num-iterations init-expert-location max-ep-size n-share-experts-fusion", ARGS_ONE, "copies of experts" },
    { "enable-aiter-allreduce-fusion enable-deepep-moe enable-flashinfer-allreduce-fusion enable-megamoe-for-layernorm-sp enable-mscclpp enable-nccl-nvls enable-pdmux enable-torch-symm-mem "
      "enable-tp-lm-head-all-to-all", ARGS_NONE, "exchange buffers" },
    { "deepep-config deepep-dispatcher-output-dtype deepep-mode deepep-v2-mode disaggregation-mode disaggregation-transfer-backend fuseep-mode pdmux-config-path", ARGS_ONE, "exchange buffers" },
    { "enable-return-aux-hidden-states enable-return-hidden-states enable-return-indexer-topk enable-return-routed-experts", ARGS_NONE, "hidden states that are handed out" },
    { "return-aux-hidden-state-layer-ids return-hidden-states-mode", ARGS_ONE, "hidden states that are handed out" },
    { "enable-double-sparsity", ARGS_NONE, "labels of double sparsity" },
    { "ds-channel-config-path ds-heavy-channel-num ds-heavy-channel-type ds-heavy-token-num ds-sparse-decode-threshold", ARGS_ONE, "labels of double sparsity" },
    { "lora-target-modules", ARGS_MANY, "the LoRA slots" },
    { "enable-lora-overlap-loading experts-shared-outer-loras lora-use-virtual-experts", ARGS_NONE, "the LoRA slots" },
    { "lora-backend max-loaded-loras max-lora-chunk-size uno-lora-path", ARGS_ONE, "the LoRA slots" },
    { "enable-decoder-swa-bounded-replay enable-encoder-swa-bounded-replay enable-hisparse enable-page-major-kv-layout enable-unified-memory prefill-only-disable-kv-cache", ARGS_NONE, "the pools of KV" },
    { "c128-page-size context-bucket disaggregation-decode-extra-slots hierarchical-sparse-attention-extra-config hisparse-config hybrid-kvcache-ratio swa-prefix-tails", ARGS_ONE, "the pools of KV" },
    { "enable-deepseek-v4-fp4-indexer enable-fp32-lm-head enable-w4a4-mxfp4-megamoe quantize-and-serve", ARGS_NONE, "the type of the weights" },
    { "modelopt-checkpoint-restore-path modelopt-checkpoint-save-path modelopt-export-path modelopt-quant quantization-param-path rl-quant-profile torchao-config", ARGS_ONE, "the type of the weights" },
    { "disable-chunked-prefix-cache enable-lean-attention enable-linker-mla-dedup flashinfer-mla-disable-ragged", ARGS_NONE, "the workspaces of kernels" },
    { "bf16-gemm-backend decode-attention-backend dsa-decode-backend dsa-paged-mqa-logits-backend dsa-prefill-backend dsa-topk-backend dsa-triton-union dsv4-attn-backend dsv4-prefill-backend "
      "enable-flashinfer-mla enable-flashmla fp4-gemm-backend fp8-gemm-backend moe-runner-backend nsa-decode-backend nsa-prefill-backend nsa-prefill-cp-mode prefill-attention-backend "
      "prefill-kv-cache-dequant-dtype qsa-indexer-dtype radix-cache-backend triton-attention-num-kv-splits triton-attention-split-tile-size", ARGS_ONE, "the workspaces of kernels" },
    { "enable-paged-experts", ARGS_NONE, "weights kept in host RAM" },
    { "kt-cpuinfer kt-max-deferred-experts-per-token kt-method kt-num-gpu-experts kt-threadpool-count kt-weight-path offload-group-size offload-mode offload-num-in-group offload-prefetch-step "
      "paged-experts-num-resident", ARGS_ONE, "weights kept in host RAM" },
    { "weight-cache-socket weight-cache-timeout", ARGS_ONE, "who holds the weights" },
    { "piecewise-cuda-graph-tokens", ARGS_MANY, graphs },
    { "debug-cuda-graph disable-cuda-graph-padding enable-cudagraph-gc enable-piecewise-cuda-graph enable-profile-cuda-graph enable-torch-compile-debug-mode", ARGS_NONE, graphs },
    { "cuda-graph-bs-prefill cuda-graph-max-seq-len-prefill cuda-graph-prefill-max-context piecewise-cuda-graph-compiler piecewise-cuda-graph-max-tokens torch-compile-max-bs", ARGS_ONE, graphs },
    { "disaggregation-decode-enable-offload-kvcache enable-draft-weights-cpu-backup enable-flexkv enable-hicache enable-lmcache enable-weights-cpu-backup ple-offload-embedding", ARGS_NONE, host },
    { "disaggregation-decode-host-receive-threshold hicache-host-memory-fraction hicache-host-memory-mode hicache-ratio hicache-size mm-preprocess-cache-size-mb ple-offload-backend ple-offload-dir", ARGS_ONE, host },
    { "enable-broadcast-mm-inputs-process enable-mm-global-cache enable-prefix-mm-cache encoder-only keep-mm-feature-on-device language-only mm-enable-dp-encoder", ARGS_NONE, images },
    { "limit-mm-data-per-request mm-attention-backend mm-feature-transport mm-process-config", ARGS_ONE, images },
    { "dcp-replicate-q-proj disable-attn-tp-gather enable-attn-tp-input-scattered enable-cp-decode-attn-tp enable-dense-mlp-attn-tp enable-dp-lm-head enable-dsa-cache-layer-split enable-kv-cache-sharding "
      "enable-layernorm-sp enable-nsa-prefill-context-parallel enable-prefill-cp enable-shared-experts-attn-tp", ARGS_NONE, share },
    { "attention-context-parallel-size attention-data-parallel-size attn-cp-size cp-strategy dcp-size decode-context-parallel-size dwdp-size moe-data-parallel-size moe-dense-tp-size moe-dp-size "
      "shared-experts-tp-size", ARGS_ONE, share },
    { "enable-multi-layer-eagle speculative-adaptive speculative-dspark-align-verify-tokens-to-graph-tier speculative-enable-w4a4-mxfp4-megamoe speculative-use-block-verification "
      "speculative-use-rejection-sampling", ARGS_NONE, spec },
    { "decoupled-spec-bind-endpoint decoupled-spec-connect-endpoints decoupled-spec-rank decoupled-spec-role speculative-accept-threshold-acc speculative-accept-threshold-single speculative-adaptive-config "
      "speculative-attention-mode speculative-dflash-block-size speculative-domino-candidate-pool-size speculative-draft-attention-backend speculative-draft-kv-cache-dtype speculative-draft-load-format "
      "speculative-draft-model speculative-draft-model-quantization speculative-draft-model-revision speculative-draft-sink-size speculative-draft-window-size speculative-dsa-topk-backend "
      "speculative-dspark-block-size speculative-dspark-confidence-sts-path speculative-dspark-sps-table-path speculative-moe-a2a-backend speculative-moe-runner-backend speculative-ngram-branch-length "
      "speculative-ngram-capacity speculative-ngram-external-corpus-max-tokens speculative-ngram-external-corpus-path speculative-ngram-external-sam-budget speculative-ngram-match-type "
      "speculative-ngram-max-bfs-breadth speculative-ngram-max-match-window-size speculative-ngram-max-trie-depth speculative-ngram-min-bfs-breadth speculative-ngram-min-match-window-size "
      "speculative-token-map", ARGS_ONE, spec },
    { "enable-int8-mamba-checkpoint enable-linear-replayssm enable-linear-replayssm-spec enable-scattered-sconv", ARGS_NONE, state },
    { "int8-mamba-ckpt-size linear-attn-decode-backend linear-attn-prefill-backend linear-attn-verify-backend linear-replayssm-cache-len mamba-backend mamba-max-states-per-path mamba-scheduler-strategy", ARGS_ONE, state },
    { 0 },
};

/* llama.cpp common/arg.cpp, 0.5.0-dev; short and long forms are rows of their own. */
static const char adapter[] = "a LoRA adapter on each layer's device", vector[] = "a control vector", projector[] = "the projector for images or sound, and its compute buffer",
                  places[] = "where tensors are kept", prompts[] = "checkpoints of prompts in host RAM";
static const struct row llama_flags[] = {
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
    { "n-cpu-ffn", ARGS_ONE, places }, { "ncffn", ARGS_ONE, places },
    { "ctx-checkpoints", ARGS_ONE, prompts }, { "ctxcp", ARGS_ONE, prompts }, { "model-draft", ARGS_ONE, spec }, { "md", ARGS_ONE, spec }, { "spec-draft-model", ARGS_ONE, spec },
    { "spec-type", ARGS_ONE, spec }, { "ctx-size-draft", ARGS_ONE, spec }, { "cd", ARGS_ONE, spec }, { "n-gpu-layers-draft", ARGS_ONE, spec }, { "ngld", ARGS_ONE, spec },
    { "draft-max", ARGS_ONE, spec }, { "kv-unified-per-slot", ARGS_ONE, "the size of the KV cache" }, { "rpc", ARGS_ONE, "which machines hold layers" },
    /* the rest of tools/server/README.md, and what only older builds have */
    { "ag agent backend-sampling bs cache-idle-slots cache-prompt check-tensors cors-credentials dio direct-io e escape ignore-eos log-disable log-verbose lora-init-without-apply mlock nocb offline perf "
      "prefill-assistant reasoning-preserve rerank skip-chat-parsing sp special spm-infill ui ui-mcp-proxy warmup webui webui-mcp-proxy", ARGS_NONE },
    { "C Cb Cr Crb adaptive-decay adaptive-target cache-reuse checkpoint-min-step cms cors-headers cors-methods cors-origins cpu-mask cpu-mask-batch cpu-range cpu-range-batch cpu-strict cpu-strict-batch "
      "defrag-thold dry-allowed-length dry-base dry-multiplier dry-penalty-last-n dry-sequence-breaker dt dynatemp-exp dynatemp-range embd-normalize frequency-penalty gan gaw grammar grammar-file grp-attn-n "
      "grp-attn-w hf-token hfr hft j jf json-schema json-schema-file keep l log-format log-prompts-dir logit-bias mcp-servers-config mcp-servers-json media-path mirostat mirostat-ent mirostat-lr n-probs "
      "path poll poll-batch predict presence-penalty prio-batch r rea reasoning reasoning-budget-message reasoning-effort repeat-last-n reverse-prompt sampler-seq samplers sampling-seq "
      "slot-prompt-similarity spf sps sse-ping-interval ssl-cert-file ssl-key-file system-prompt-file tags temperature tools tools-runtime top-n-sigma top-nsigma typical typical-p ui-config ui-config-file "
      "verbosity webui-config webui-config-file xtc-probability xtc-threshold yarn-attn-factor yarn-beta-fast yarn-beta-slow", ARGS_ONE },
    { "override-kv yarn-ext-factor", ARGS_ONE, "the model's own figures" },
    { "embd-gemma-default fim-qwen-14b-spec fim-qwen-30b-default fim-qwen-3b-default fim-qwen-7b-default fim-qwen-7b-spec gpt-oss-120b-default gpt-oss-20b-default models-autoload vision-gemma-12b-default "
      "vision-gemma-4b-default", ARGS_NONE, "which model it is" },
    { "docker-repo dr fim-qwen-1 model-url models-dir models-max models-preset mu", ARGS_ONE, "which model it is" },
    { "nr op-offload repack", ARGS_NONE, places },
    { "lazy-mode lzm", ARGS_ONE, places },
    { "mmproj-auto mmproj-offload", ARGS_NONE, projector },
    { "image-max-tokens image-min-tokens mmdev mmproj-device mmu mtmd-batch-max-tokens video-ffmpeg-dir video-fps video-timestamp-interval", ARGS_ONE, projector },
    { "swa-checkpoints", ARGS_ONE, prompts },
    { "cmoed cpu-moe-draft spec-default spec-draft-backend-sampling spec-draft-cpu-moe", ARGS_NONE, spec },
    { "Cbd Cd Crd cache-type-k-draft cache-type-v-draft cpu-mask-batch-draft cpu-mask-draft cpu-range-draft cpu-strict-batch-draft cpu-strict-draft ctkd ctvd devd device-draft draft draft-min draft-n "
      "draft-n-min draft-p-min draft-p-split gpu-layers-draft hf-repo-draft hfd hfrd lcd lcs lookup-cache-dynamic lookup-cache-static n-cpu-moe-draft ncmoed otd override-tensor-draft poll-batch-draft "
      "poll-draft prio-batch-draft prio-draft rope-freq-scale-draft spec-draft-cpu-mask spec-draft-cpu-mask-batch spec-draft-cpu-range spec-draft-cpu-strict spec-draft-cpu-strict-batch spec-draft-device "
      "spec-draft-hf spec-draft-n-cpu-moe spec-draft-n-max spec-draft-n-min spec-draft-ncmoe spec-draft-ngl spec-draft-override-tensor spec-draft-p-min spec-draft-p-split spec-draft-poll "
      "spec-draft-poll-batch spec-draft-prio spec-draft-prio-batch spec-draft-threads spec-draft-threads-batch spec-draft-type-k spec-draft-type-v spec-ngram-map-k-min-hits spec-ngram-map-k-size-m "
      "spec-ngram-map-k-size-n spec-ngram-map-k4v-min-hits spec-ngram-map-k4v-size-m spec-ngram-map-k4v-size-n spec-ngram-min-hits spec-ngram-mod-n-match spec-ngram-mod-n-max spec-ngram-mod-n-min "
      "spec-ngram-simple-min-hits spec-ngram-simple-size-m spec-ngram-simple-size-n spec-ngram-size-m spec-ngram-size-n spec-synth-len spec-synth-rates tbd td threads-batch-draft threads-draft", ARGS_ONE, spec },
    { "control-vector-layer-range", ARGS_MANY, vector },
    { "control-vector-scaled", ARGS_ONE, vector },
    { 0 },
};

/* Variables that change bytes and that berth does not count; those it counts are in paste.c, all others are left alone. */
static const struct row vllm_variables[] = {
    { "PYTORCH_CUDA_ALLOC_CONF", ARGS_ONE, "fragmentation: some hundred MiB either way" }, { "PYTORCH_ALLOC_CONF", ARGS_ONE, "fragmentation: some hundred MiB either way" },
    { "VLLM_ALLOW_LONG_MAX_MODEL_LEN", ARGS_ONE, "a context past the model's own, which is refused here" }, { "VLLM_ATTENTION_BACKEND", ARGS_ONE, "the attention workspace" },
    { "VLLM_CPU_KVCACHE_SPACE", ARGS_ONE, "the KV of a CPU build, in GiB of RAM" }, { "VLLM_ENABLE_STARTUP_PLAN", ARGS_ONE, "KV as the last start measured it" },
    { "VLLM_FLASHINFER_WORKSPACE_BUFFER_SIZE", ARGS_ONE, "the attention workspace" }, { "VLLM_KV_CACHE_LAYOUT", ARGS_ONE, "the layout of KV" },
    { "VLLM_MLA_DISABLE", ARGS_ONE, "the KV of a latent attention, then of every head" }, { "VLLM_REPLICATE_EMBED", ARGS_ONE, "the embedding, then whole on each GPU" },
    { "VLLM_USE_V1", ARGS_ONE, "the engine of before 0.9, which is laid out differently" },
    { 0 },
};
static const struct row sglang_variables[] = {
    { "PYTORCH_CUDA_ALLOC_CONF", ARGS_ONE, "fragmentation: some hundred MiB either way" }, { "SGLANG_ENABLE_POST_CAPTURE_KV_SIZING", ARGS_ONE, "KV, then sized after the graphs" },
    { "SGLANG_MM_FEATURE_CACHE_MB", ARGS_ONE, images }, { "SGLANG_VLM_CACHE_SIZE_MB", ARGS_ONE, images },
    { 0 },
};
static const struct row llama_variables[] = {
    { "GGML_CUDA_ENABLE_UNIFIED_MEMORY", ARGS_ONE, "what does not fit, then in host RAM" }, { "GGML_CUDA_NO_PINNED", ARGS_ONE, "pinned host RAM" },
    { "LLAMA_ARG_CTX_SIZE", ARGS_ONE, "the context: give it as -c" }, { "LLAMA_ARG_N_GPU_LAYERS", ARGS_ONE, "layers on the GPU: give it as -ngl" },
    { "LLAMA_ARG_N_PARALLEL", ARGS_ONE, "slots: give it as -np" },
    { 0 },
};
static const struct row nothing[] = { { 0 } };

static bool next(const struct row *rows, struct paste_each *at, struct paste_known *out)
{
    while (rows[at->row].names) {
        const struct row *r = &rows[at->row];
        struct bt_str left = bt_str(r->names + at->from), name;
        if (!left.n) {
            at->row++;
            at->from = 0;
            continue;
        }
        bt_str_cut(left, ' ', &name);
        at->from += name.n + (name.n < left.n);
        *out = (struct paste_known){ name, r->args, r->bytes };
        return true;
    }
    return false;
}

bool paste_known_flag(const struct bt_engine *e, struct paste_each *at, struct paste_known *out)
{
    return next(!strcmp(e->name, "vllm") ? vllm_flags : !strcmp(e->name, "sglang") ? sglang_flags : !strcmp(e->name, "llama-server") ? llama_flags : nothing, at, out);
}

bool paste_known_variable(const struct bt_engine *e, struct paste_each *at, struct paste_known *out)
{
    return next(!strcmp(e->name, "vllm") ? vllm_variables : !strcmp(e->name, "sglang") ? sglang_variables : !strcmp(e->name, "llama-server") ? llama_variables : nothing, at, out);
}

/* diagnose_rules - which line means what. Wordings are those of vLLM 0.2 to 0.32, SGLang 0.5.23, llama.cpp of late 2026, torch and the CUDA driver;
 * only their lasting part is matched. Order matters: the first row that matches a line is its meaning. */
#include "engine/diagnose.h"

#define C BT_DIAG_CAUSE
#define E BT_DIAG_EFFECT
#define ECHO BT_DIAG_ECHO
#define PLAIN BT_KIND_PLAIN
static const char download_hint[] = "download the model again, whole: `hf download MODEL --local-dir FOLDER`, then compare file sizes with the hub's";
static const char driver_hint[] = "install a newer NVIDIA driver, or an engine build for an older CUDA: the driver's `nvidia-smi` shows the newest CUDA it can run";
static const char ram_hint[] = "more RAM for the process (its cgroup or container limit), fewer workers, less --swap-space or --cpu-offload-gb; `dmesg | grep -i kill` tells";

static const struct bt_diag_rule rules[] = {
    /* KV cache */
    { "KV cache is needed", NULL, "kv-too-small", C, BT_KIND_KV, NULL, NULL },
    { "estimated maximum model length is", NULL, "kv-too-small", C, BT_KIND_KV, NULL, NULL },
    { "larger than the maximum number of tokens that can be stored in KV cache", NULL, "kv-too-small", C, BT_KIND_KV_TOKENS, NULL, NULL },
    { "No available memory for the cache blocks", NULL, "no-kv-memory", C, BT_KIND_NO_KV, NULL, NULL },
    { "Cannot auto-fit max_model_len", NULL, "no-kv-memory", C, BT_KIND_NO_KV, NULL, NULL },
    { "Available KV cache memory: -", NULL, "no-kv-memory", C, BT_KIND_NO_KV, NULL, NULL },
    { "leave no GPU memory for the KV cache under --mem-fraction-static", NULL, "no-kv-memory", C, PLAIN, "the weights leave no memory for KV under this --mem-fraction-static",
      "a --mem-fraction-static above the value in the line, or more GPUs (--tp)" },
    { "Please try to increase --mem-fraction-static", NULL, "no-kv-memory", C, PLAIN, "no memory is left for KV under this --mem-fraction-static", "a higher --mem-fraction-static, or more GPUs (--tp)" },
    { "failed to allocate buffer for kv cache", NULL, "oom-kv", E, PLAIN, "the KV cache did not fit into memory", "a smaller -c, -ctk q8_0 -ctv q8_0, or fewer slots (-np)" },
    { "exceeds available Mamba cache blocks", NULL, "state-too-small", C, BT_KIND_MAMBA, NULL, NULL },
    { "state cache is too small", NULL, "state-too-small", C, PLAIN, "the state cache of the linear-attention layers is too small", "fewer --max-running-requests, or a higher --mem-fraction-static" },
    { "Not enough GPU memory for hybrid", NULL, "state-too-small", C, PLAIN, "the state cache of the linear-attention layers does not fit", "fewer --max-running-requests, or a higher --mem-fraction-static" },
    { "SWA pool (", NULL, "kv-too-small", C, PLAIN, "the KV pool of the sliding-window layers cannot hold one request", "a higher --mem-fraction-static, or a smaller --chunked-prefill-size" },
    /* the card is not free */
    { "is less than desired GPU memory utilization", NULL, "budget-above-free", C, BT_KIND_BUDGET, NULL, NULL },
    { "is less than desired CPU memory utilization", NULL, "budget-above-free", C, BT_KIND_BUDGET, NULL, NULL },
    { "release GPU memory while vLLM is profiling", NULL, "neighbour-changed", C, PLAIN, "another process on the card freed memory while this one measured it",
      "start one server at a time per card, with nothing else starting or stopping there; or --kv-cache-memory-bytes, which needs no measurement" },
    { "Error in memory profiling", NULL, "neighbour-changed", C, PLAIN, "another process on the card changed its memory while this one measured it",
      "start one server at a time per card, with nothing else starting or stopping there; or --kv-cache-memory-bytes, which needs no measurement" },
    { "The memory capacity is unbalanced", NULL, "neighbour-holds", C, PLAIN, "one of the cards has less free memory than the others: another process holds part of it",
      "free that card (`berth gpus` shows who holds it), choose others with CUDA_VISIBLE_DEVICES, or SGLANG_ENABLE_TP_MEMORY_INBALANCE_CHECK=0" },
    { "busy or unavailable", NULL, "gpu-busy", C, PLAIN, "the card refuses a new process: it is in exclusive mode and taken, or a broken process still holds it",
      "`nvidia-smi -q -d COMPUTE` shows the mode; `berth gpus` shows who holds the card" },
    /* out of memory */
    { "CUDA out of memory", NULL, "oom", C, BT_KIND_OOM, NULL, NULL },
    { "HIP out of memory", NULL, "oom", C, BT_KIND_OOM, NULL, NULL },
    { "CUDA error: out of memory", NULL, "oom", C, BT_KIND_OOM, NULL, NULL },
    { "cudaMalloc failed: out of memory", NULL, "oom", C, BT_KIND_OOM, NULL, NULL },
    { "CUDA_ERROR_OUT_OF_MEMORY", NULL, "oom", C, BT_KIND_OOM, NULL, NULL },
    { "uda error Out of Memory", NULL, "oom", C, BT_KIND_OOM, NULL, NULL },
    { "Tried to allocate ", " is free", "oom", C, BT_KIND_OOM, NULL, NULL },
    { "OutOfMemoryError", NULL, "oom", C, BT_KIND_OOM, NULL, NULL },
    { "CUBLAS_STATUS_ALLOC_FAILED", NULL, "oom", C, BT_KIND_OOM, NULL, NULL },
    { "Capture cuda graph failed", NULL, "oom-capture", E, PLAIN, "CUDA graph capture failed, most often for lack of memory", "a lower --mem-fraction-static, or a smaller --cuda-graph-max-bs-decode" },
    { "out of memory: Killed process", NULL, "host-ram", C, PLAIN, "the host's RAM ran out (or the container's limit) and the kernel killed a process", ram_hint },
    { "oom-kill event", NULL, "host-ram", C, PLAIN, "the job's RAM limit was reached and Slurm's kernel limit killed a process", "more --mem for the job, fewer workers" },
    { "oom_kill event", NULL, "host-ram", C, PLAIN, "the job's RAM limit was reached and Slurm's kernel limit killed a process", "more --mem for the job, fewer workers" },
    { "killed due to memory pressure", NULL, "host-ram", C, PLAIN, "the host's RAM ran out and a worker was killed", ram_hint },
    { "Out of memory: Killed process", NULL, "host-ram", C, PLAIN, "the host's RAM ran out and the kernel killed a process", ram_hint },
    { "can't allocate memory: you tried to allocate", NULL, "host-ram", C, PLAIN, "the host's RAM ran out", ram_hint },
    { "insufficient memory (attempted to allocate", NULL, "host-ram", C, PLAIN, "the host's RAM ran out", "a smaller -c, a smaller model, or more layers on the GPU (-ngl)" },
    { "[Errno 12] Cannot allocate memory", NULL, "host-ram", C, PLAIN, "the host's RAM ran out", ram_hint },
    { "std::bad_alloc", NULL, "host-ram", C, PLAIN, "the host's RAM ran out", ram_hint },
    { "MemoryError", NULL, "host-ram", C, PLAIN, "the host's RAM ran out", ram_hint },
    { "No space left on device", "shm", "shm-full", C, PLAIN, "/dev/shm is full", "a larger shared memory: `docker run --ipc=host` or --shm-size 16g" },
    { "insufficient shared memory (shm)", NULL, "shm-full", C, PLAIN, "/dev/shm is full", "a larger shared memory: `docker run --ipc=host` or --shm-size 16g" },
    { "No space left on device", NULL, "disk-full", C, PLAIN, "a disk is full", "`df -h` for the model cache (HF_HOME) and the temporary folder (TMPDIR)" },
    { "dispatched on the CPU or the disk", NULL, "oom-load", C, PLAIN, "the quantised model does not fit into the card's memory: a part of it would have gone to the CPU",
      "a card with more free memory, a smaller model, or llm_int8_enable_fp32_cpu_offload=True" },
    { "out of resource: ", "Required: ", "not-on-this-platform", C, PLAIN, "a kernel wants more shared memory or registers than this card has", "another attention backend, --enforce-eager, or a newer engine" },
    /* shapes */
    { "Chunked MM input disabled but", NULL, "batch-below-image", C, PLAIN, "the largest image of the model does not go into one step",
      "--max-num-batched-tokens of at least the first number in the line, or a smaller max_pixels in --mm-processor-kwargs" },
    { "exceeds dimension size (", NULL, "shape-not-divisible", E, PLAIN, "a weight cannot be cut by this tensor parallel size", "a --tensor-parallel-size of 1, 2, 4 or 8, or pipeline parallelism" },
    { "must be divisible by tensor parallel size", NULL, "heads-not-divisible", C, BT_KIND_HEADS, NULL, NULL },
    { "total_num_kv_heads % t", NULL, "kv-heads-not-divisible", C, PLAIN, "the key/value heads cannot be cut by this tensor parallel size",
      "a --tensor-parallel-size of 1, 2, 4 or 8 that divides the KV heads, or pipeline parallelism" },
    { "tp_size % self.total_num_kv_heads", NULL, "kv-heads-not-divisible", C, PLAIN, "the key/value heads cannot be cut by this tensor parallel size",
      "a --tensor-parallel-size of 1, 2, 4 or 8 that divides the KV heads, or pipeline parallelism" },
    { "not aligned with the quantized weight shape", NULL, "quantised-shard-misaligned", C, PLAIN, "a quantised weight cannot be cut by this tensor parallel size: a group would be split",
      "a smaller --tensor-parallel-size, with --pipeline-parallel-size for the rest" },
    { "is not divisible by weight quantization block", NULL, "quantised-shard-misaligned", C, PLAIN, "a quantised weight cannot be cut by this tensor parallel size: a block would be split",
      "a smaller --tensor-parallel-size, or --enable-expert-parallel for experts" },
    { "is not divisible by min_thread", NULL, "quantised-shard-misaligned", C, PLAIN, "a quantised weight cannot be cut by this tensor parallel size", "a smaller --tensor-parallel-size" },
    { " is not divisible by ", NULL, "shape-not-divisible", C, PLAIN, "a dimension of the model cannot be cut by this tensor parallel size", "a --tensor-parallel-size of 1, 2, 4 or 8, or pipeline parallelism" },
    { "is larger than the number of available GPUs", NULL, "too-few-gpus", C, BT_KIND_WORLD, NULL, NULL },
    { "cannot be larger than the number of available GPUs", NULL, "too-few-gpus", C, BT_KIND_WORLD, NULL, NULL },
    { "less than max local gpu count", NULL, "too-few-gpus", C, BT_KIND_WORLD, NULL, NULL },
    { "invalid device ordinal", NULL, "too-few-gpus", C, PLAIN, "a card was asked for that this process cannot see", "CUDA_VISIBLE_DEVICES must list as many cards as tensor x pipeline parallel needs" },
    { "Pipeline parallelism is not supported for this model", NULL, "pp-not-supported", C, PLAIN, "the engine cannot cut this model into pipeline stages", "--tensor-parallel-size instead" },
    { "Number of experts in the model must be greater than 0", NULL, "no-experts", C, PLAIN, "expert parallelism was asked for a model without experts", "leave --enable-expert-parallel out" },
    /* Ray: these lines also come before a start that succeeds, so they are effects */
    { "Waiting for creating a placement group", NULL, "ray-waits", E, BT_KIND_RAY, "Ray waits for more GPUs than its cluster has free", "`ray status` shows what it has; a smaller --tensor-parallel-size, or add nodes" },
    { "No available node types can fulfill", NULL, "ray-waits", E, BT_KIND_RAY, "Ray waits for more GPUs than its cluster has", "`ray status` shows what it has; a smaller --tensor-parallel-size, or add nodes" },
    { "cannot be scheduled right now", NULL, "ray-waits", E, BT_KIND_RAY, "Ray waits for resources that its cluster does not have free", "`ray status` shows what it has; a smaller --tensor-parallel-size, or add nodes" },
    { "Cannot provide a placement group", NULL, "ray-waits", C, BT_KIND_RAY, "Ray gave up waiting: the placement group needs more GPUs than the cluster has",
      "`ray status` shows what it has; a smaller --tensor-parallel-size, or add nodes" },
    { "exceeds the total number of available GPUs in the placement group", NULL, "ray-waits", C, PLAIN, "the placement group has fewer GPUs than the server needs",
      "a placement group of tensor x pipeline parallel GPUs" },
    { "exceeds available GPUs", NULL, "too-few-gpus", E, BT_KIND_WORLD, NULL, NULL },
    { "Current node has no GPU available", NULL, "ray-waits", C, PLAIN, "the Ray node of the server has no GPU left", "`ray status`; stop what holds it, or start the server on another node" },
    { "Could not find any running Ray instance", NULL, "ray-missing", C, PLAIN, "there is no Ray cluster to join", "`ray start --head` on the first node, `ray start --address=HEAD:6379` on the others" },
    /* ports */
    { "ddress already in use", NULL, "port-in-use", C, PLAIN, "the port is taken by another process", NULL },
    { "couldn't bind HTTP server socket", NULL, "port-in-use", C, PLAIN, "the port is taken by another process, or the address is not this machine's", NULL },
    { "Port is already in use", NULL, "port-in-use", C, PLAIN, "the port is taken by another process", NULL },
    { "server socket has failed to listen on any local network address", NULL, "port-in-use", C, PLAIN, "a port that the workers meet on is taken",
      "another VLLM_PORT or --nccl-port for each instance; do not start two at once" },
    /* the model's files */
    { "Weight files referenced in index but missing", NULL, "shard-missing", C, PLAIN, "a weight file that the index names is missing", download_hint },
    { "Cannot find any model weights with", NULL, "weights-missing", C, PLAIN, "the folder has no weight files that the engine can load", download_hint },
    { "There is no module or parameter named", NULL, "weights-mismatch", C, PLAIN,
      "a weight file has a tensor that this architecture does not have: files of another model, or a quantisation this engine version cannot read",
      "the files and config.json of one and the same model; a newer engine" },
    { "size mismatch for", NULL, "weights-mismatch", C, PLAIN, "a tensor has another shape than the config says: files of another model", "the files and config.json of one and the same model" },
    { "KeyError: 'layers.", NULL, "weights-mismatch", C, PLAIN, "a weight file has a tensor that this architecture does not have: a quantisation this engine version cannot read",
      "a newer engine, or a model in another format" },
    { "KeyError: 'model.layers.", NULL, "weights-mismatch", C, PLAIN, "a weight file has a tensor that this architecture does not have: a quantisation this engine version cannot read",
      "a newer engine, or a model in another format" },
    { "were not initialized from checkpoint", NULL, "weights-mismatch", C, PLAIN, "weights that the model needs are in none of its files: a shard is missing, or the files are of another model", download_hint },
    { "missing tensor '", NULL, "weights-mismatch", C, PLAIN, "a tensor that the architecture needs is not in the GGUF file: made for another version of llama.cpp", "a newer llama.cpp, or a file made anew with its converter" },
    { "wrong number of tensors; expected", NULL, "weights-mismatch", C, PLAIN, "the GGUF file has tensors that this llama.cpp does not know: made for another version", "a newer llama.cpp, or a file made anew with its converter" },
    { "has wrong shape; expected", NULL, "weights-mismatch", C, PLAIN, "a tensor has another shape than the GGUF file's own header says", "a file made anew with the converter of this llama.cpp" },
    { "key not found in model: ", NULL, "config-broken", C, PLAIN, "the GGUF file lacks a figure that its architecture needs: made by an older converter", "a newer file of the model" },
    { "unknown pre-tokenizer type", NULL, "architecture-unknown", C, PLAIN, "this llama.cpp does not know the model's tokenizer", "a newer llama.cpp" },
    { "invalid load key, 'v'", NULL, "weights-broken", C, PLAIN, "a weight file is a Git LFS pointer, not the file itself", "in that folder: git lfs pull" },
    { "invalid load key", NULL, "weights-broken", C, PLAIN, "a weight file is not what PyTorch saved: cut, or a web page in its place", download_hint },
    { "PytorchStreamReader failed", NULL, "weights-broken", C, PLAIN, "a weight file of PyTorch is cut", download_hint },
    { "Error while deserializing header", NULL, "weights-broken", C, PLAIN, "a weight file is torn: cut, empty, or a Git LFS pointer instead of the file", download_hint },
    { "data is not within the file bounds", NULL, "weights-broken", C, PLAIN, "the GGUF file is cut: its data ends before its header says", download_hint },
    { "invalid magic", NULL, "weights-broken", C, PLAIN, "the file is not a GGUF file", download_hint },
    { "failed to read magic", NULL, "weights-broken", C, PLAIN, "the GGUF file is empty", download_hint },
    { "failed to read key-value pairs", NULL, "weights-broken", C, PLAIN, "the GGUF file is cut inside its header", download_hint },
    { "failed to read tensor info", NULL, "weights-broken", C, PLAIN, "the GGUF file is cut inside its header", download_hint },
    { "failed to open GGUF file", NULL, "file-missing", C, PLAIN, "the model file is not there or cannot be read", "check the path after -m" },
    { "illegal split file", NULL, "shard-missing", C, PLAIN, "a split GGUF must be loaded by its first file", "give the file that ends in 00001-of-N.gguf" },
    { "is not a valid JSON file", NULL, "config-broken", C, PLAIN, "the model's config.json is not JSON: cut, or a Git LFS pointer", download_hint },
    { "Should have a `model_type` key in its config.json", NULL, "config-broken", C, PLAIN, "the model's config.json does not say what model it is", "the config.json of the original model" },
    { "`rope_scaling` must be a dictionary with", NULL, "architecture-unknown", C, PLAIN, "the installed transformers is older than the model's rope settings", "a newer transformers in the engine's environment" },
    { "Tokenizer class ", " not currently imported", "tokenizer-missing", C, PLAIN, "the tokenizer's class is not in the installed transformers",
      "a newer transformers, --trust-remote-code where the model brings its own, or --tokenizer MODEL" },
    { "does not appear to have a file named", NULL, "config-missing", C, PLAIN, "a file of the model is missing", download_hint },
    { "Invalid repository ID or local directory specified", NULL, "config-missing", C, PLAIN, "the model folder has no config.json, or the id is no model", "check the path; a folder needs config.json in it" },
    { "HFValidationError", NULL, "model-not-found", C, PLAIN, "the model folder does not exist (the engine then took the path for an id of the hub)", "check the path of the model" },
    { "Repo id must ", NULL, "model-not-found", C, PLAIN, "the model folder does not exist (the engine then took the path for an id of the hub)", "check the path of the model" },
    { "Cannot access gated repo", NULL, "gated", C, PLAIN, "the model is gated and this user has not been let in", "accept its terms on the hub, then set HF_TOKEN" },
    { "GatedRepoError", NULL, "gated", C, PLAIN, "the model is gated and this user has not been let in", "accept its terms on the hub, then set HF_TOKEN" },
    { "401 Client Error", NULL, "gated", C, PLAIN, "the hub wants to know who asks: the model is gated or private", "accept its terms on the hub, then set HF_TOKEN" },
    { "403 Client Error", NULL, "gated", C, PLAIN, "this user may not read the model", "accept its terms on the hub, with the account of HF_TOKEN" },
    { "429 Client Error", NULL, "offline", C, PLAIN, "the hub refuses more requests for now", "wait, set HF_TOKEN, or download the model first" },
    { "Max retries exceeded", "huggingface", "offline", E, PLAIN, "the hub cannot be reached", "download the model on a machine with network; HF_ENDPOINT for a mirror" },
    { "is not a valid model identifier", NULL, "model-not-found", C, PLAIN, "no such model on the hub, or it is private", "check the spelling; HF_TOKEN for a private one" },
    { "RepositoryNotFoundError", NULL, "model-not-found", C, PLAIN, "no such model on the hub, or it is private", "check the spelling; HF_TOKEN for a private one" },
    { "outgoing traffic has been disabled", NULL, "offline", C, PLAIN, "the model is not in the cache, and offline mode forbids fetching it",
      "download it first, or unset HF_HUB_OFFLINE; HF_HOME says which cache is looked at" },
    { "LocalEntryNotFoundError", NULL, "offline", C, PLAIN, "the model is not in the cache, and the hub cannot be reached", "download it first; HF_HOME says which cache is looked at" },
    { "couldn't connect to 'https://huggingface.co'", NULL, "offline", C, PLAIN, "the hub cannot be reached and the model is not in the cache", "download it on a machine with network; HF_ENDPOINT for a mirror" },
    { "Couldn't instantiate the backend tokenizer", NULL, "tokenizer-missing", C, PLAIN, "the model has no tokenizer files that can be used",
      "copy tokenizer.json from the original model, --tokenizer MODEL, or install sentencepiece / tiktoken" },
    { "Can't load tokenizer for", NULL, "tokenizer-missing", C, PLAIN, "the model has no tokenizer files", "copy tokenizer.json from the original model, or --tokenizer MODEL" },
    /* flags */
    { "error: unrecognized arguments", NULL, "unknown-flag", C, PLAIN, "the engine does not know a flag", "`vllm serve --help=all` of this version; a flag may have been renamed or removed" },
    { "error: invalid argument: -", NULL, "unknown-flag", C, PLAIN, "the engine does not know a flag", "`llama-server --help` of this build; a flag may have been renamed or removed" },
    { "error: argument ", NULL, "bad-flag", C, PLAIN, "the engine refuses a flag's value", "the line says which values it takes" },
    { "error: ambiguous option", NULL, "bad-flag", C, PLAIN, "a shortened flag could mean several", "write the flag out" },
    { "error: the following arguments are required", NULL, "bad-flag", C, PLAIN, "a flag that the engine needs is missing", NULL },
    { "is greater than the derived max_model_len", NULL, "context-too-long", C, BT_KIND_CONTEXT, NULL, NULL },
    { "max_num_batched_tokens (", "smaller than max_model_len", "batch-below-context", C, PLAIN, "without chunked prefill a step must hold a whole request, and --max-num-batched-tokens is below --max-model-len",
      "--enable-chunked-prefill, or --max-num-batched-tokens of at least --max-model-len" },
    { "max_num_batched_tokens (", "greater than or equal to max_num_seqs", "batch-below-seqs", C, PLAIN, "--max-num-batched-tokens is below --max-num-seqs", "fewer --max-num-seqs" },
    { "is greater than max_lora_rank", NULL, "lora-rank", C, PLAIN, "an adapter's rank is above --max-lora-rank", "--max-lora-rank of at least the adapter's rank" },
    { "max_cpu_loras (", "must be >= max_loras", "bad-flag", C, PLAIN, "--max-cpu-loras is below --max-loras", "leave --max-cpu-loras out, or make it as large" },
    { "No adapter found for", NULL, "adapter-missing", C, PLAIN, "the adapter's folder is not there, or no adapter", "a folder with adapter_config.json and adapter_model.safetensors in it" },
    { "is unsupported LoRA weight", NULL, "adapter-mismatch", C, PLAIN, "the adapter has a tensor that this engine cannot load", "an adapter trained on the linear layers only (PEFT target_modules), without modules_to_save" },
    { "expected target modules in", "but received", "adapter-mismatch", C, PLAIN, "the adapter changes modules that this engine does not serve with LoRA", "an adapter of the modules that the line names" },
    { "is not supported for LoRA", NULL, "adapter-mismatch", C, PLAIN, "the engine serves this model without adapters only", "leave --enable-lora out, or merge the adapter into the model" },
    { "does not support LoRA yet", NULL, "adapter-mismatch", C, PLAIN, "the engine serves this model without adapters only", "leave --enable-lora out, or merge the adapter into the model" },
    { "GPU memory utilization must be less than 1.0", NULL, "bad-flag", C, PLAIN, "--gpu-memory-utilization is a share of the card, not a percentage", "--gpu-memory-utilization 0.9" },
    { "Cannot re-initialize CUDA in forked subprocess", NULL, "multiprocessing", C, PLAIN, "the program used CUDA before the engine forked its workers", "VLLM_WORKER_MULTIPROC_METHOD=spawn, and touch no CUDA before the engine starts" },
    { "finished its bootstrapping phase", NULL, "multiprocessing", C, PLAIN, "the program starts the engine while it is being imported by the engine's own workers", "put the program's code under `if __name__ == \"__main__\":`" },
    { "Sleep mode is not supported", NULL, "not-on-this-platform", C, PLAIN, "sleep mode does not exist on this platform", "leave --enable-sleep-mode out" },
    /* quantisation, dtype, architecture, build */
    { "is not supported for the current GPU. ", NULL, "quantisation-not-supported", C, PLAIN, "the card is too old for this quantisation",
      "a model in another format (GPTQ and AWQ run from compute capability 7.5), or a newer card" },
    { "does not match the quantization method specified in", NULL, "quantisation-not-supported", C, PLAIN, "--quantization says another method than the model's config",
      "leave --quantization out: the config says it" },
    { "Unknown quantization method", NULL, "quantisation-not-supported", C, PLAIN, "the engine does not know this quantisation", "another version of the engine, or a model in another format" },
    { "Cannot find the config file for", NULL, "quantisation-not-supported", C, PLAIN, "--quantization was given for a model that is not quantised that way",
      "leave --quantization out, or take the quantised model" },
    { "is not supported for quantization method", NULL, "quantisation-not-supported", C, PLAIN, "this dtype does not go with the quantisation", "--dtype half" },
    { "Bfloat16 is only supported on GPUs with compute capability", NULL, "dtype-not-supported", C, PLAIN, "the card cannot compute in bfloat16", "--dtype half" },
    { "Failed to find a kernel that can implement", NULL, "quantisation-not-supported", C, PLAIN, "no kernel of this engine computes this quantisation on this card", "a model in another format, or a newer card" },
    { "Invalid quantization method", NULL, "quantisation-not-supported", C, PLAIN, "the engine does not know this quantisation", "another version of the engine, or a model in another format" },
    { "Unsupported quantization config: bits=", NULL, "quantisation-not-supported", C, PLAIN, "the engine has no kernels for these bits of GPTQ", "a checkpoint in 4 or 8 bits" },
    { "No compressed-tensors compatible scheme was found", NULL, "quantisation-not-supported", C, PLAIN, "the engine does not know this mix of compressed-tensors formats", "a newer engine, or a model in another format" },
    { "fp8_e5m2 kv-cache is not supported with fp8 checkpoints", NULL, "quantisation-not-supported", C, PLAIN, "this KV type does not go with FP8 weights", "--kv-cache-dtype fp8_e4m3" },
    { "fp8e4nv not supported in this architecture", NULL, "dtype-not-supported", C, PLAIN, "the card has no FP8 (compute capability 8.9 and newer have it)", "--kv-cache-dtype auto, and weights that are not FP8" },
    { " does not support float16. Reason", NULL, "dtype-not-supported", C, PLAIN, "the model cannot be computed in float16", "--dtype bfloat16, or float32 where the card has no bfloat16" },
    { "No valid attention backend", NULL, "not-on-this-platform", C, PLAIN, "no attention kernel of this engine runs this model on this card", "--dtype half, --kv-cache-dtype auto, or another engine version" },
    { "Torch not compiled with CUDA enabled", NULL, "build-lacks-gpu", C, PLAIN, "the installed PyTorch is a CPU build", "install the CUDA build of PyTorch, and the engine for it" },
    { "ptxas fatal", NULL, "build-lacks-gpu", E, PLAIN, "the CUDA compiler does not know this card", "a newer CUDA toolkit (TRITON_PTXAS_PATH names its ptxas)" },
    { "no kernel image is available for execution", NULL, "build-lacks-gpu", C, PLAIN, "the engine was built without code for this card", "a build whose CUDA architectures include the card's compute capability" },
    { "is not compatible with the current PyTorch installation", NULL, "build-lacks-gpu", E, PLAIN, "this PyTorch was built without code for this card",
      "a PyTorch build whose CUDA architectures include the card's compute capability" },
    { "are not supported for now", NULL, "architecture-unknown", C, PLAIN, "this version of the engine does not know the model's architecture", "a newer engine, or --model-impl transformers" },
    { "has no vLLM implementation", NULL, "architecture-unknown", C, PLAIN, "this version of the engine does not know the model's architecture", "a newer engine" },
    { "Transformers does not recognize this architecture", NULL, "architecture-unknown", C, PLAIN, "the installed transformers does not know the model's architecture", "a newer transformers, or a newer engine" },
    { "was supported in vLLM until", NULL, "architecture-unknown", C, PLAIN, "this version of the engine no longer knows the model's architecture", "the older version that the line names" },
    { "unknown model architecture", NULL, "architecture-unknown", C, PLAIN, "this llama.cpp does not know the model's architecture", "a newer llama.cpp" },
    { "trust_remote_code=True", NULL, "trust-remote-code", E, PLAIN, "the model brings Python code of its own, which was not allowed to run", "--trust-remote-code, after reading that code" },
    { "quantized V cache requires", NULL, "bad-flag", C, PLAIN, "a quantised V cache needs flash attention", "-fa on" },
    { "does not support split buffers", NULL, "bad-flag", C, PLAIN, "-sm row is gone for CUDA", "-sm layer" },
    /* driver and libraries */
    { "provided PTX was compiled with an unsupported toolchain", NULL, "driver-too-old", C, PLAIN, "the NVIDIA driver is older than the CUDA the engine was built with", driver_hint },
    { "driver on your system is too old", NULL, "driver-too-old", C, PLAIN, "the NVIDIA driver is older than the CUDA the engine was built with", driver_hint },
    { "driver version is insufficient", NULL, "driver-too-old", C, PLAIN, "the NVIDIA driver is older than the CUDA the engine was built with", driver_hint },
    { "unsupported display driver / cuda driver combination", NULL, "driver-mismatch", C, PLAIN, "the driver's library does not fit the loaded kernel module",
      "reboot after a driver update; in a container: no libcuda.so of its own (compat) in the library path" },
    { "Driver/library version mismatch", NULL, "driver-mismatch", C, PLAIN, "the driver's library does not fit the loaded kernel module", "reboot after a driver update, or reload the nvidia modules" },
    { "Error 802: system not yet initialized", NULL, "fabric-manager", C, PLAIN, "the NVSwitch fabric is not up", "start nvidia-fabricmanager of the driver's own version" },
    { "CUDA error: system not yet initialized", NULL, "fabric-manager", C, PLAIN, "the NVSwitch fabric is not up", "start nvidia-fabricmanager of the driver's own version" },
    { "No CUDA GPUs are available", NULL, "no-gpu", C, PLAIN, "the process sees no GPU", "`nvidia-smi`; CUDA_VISIBLE_DEVICES; `docker run --gpus all`" },
    { "no CUDA-capable device is detected", NULL, "no-gpu", C, PLAIN, "the process sees no GPU", "`nvidia-smi`; CUDA_VISIBLE_DEVICES; `docker run --gpus all`" },
    { "Failed to infer device type", NULL, "no-gpu", C, PLAIN, "the engine found neither a GPU nor a CPU build of itself", "`nvidia-smi`; an engine build for this device" },
    { "libcuda.so.1: cannot open shared object", NULL, "no-gpu", C, PLAIN, "the NVIDIA driver's library is not there", "install the driver; in a container: the NVIDIA container toolkit and --gpus all" },
    { "uncorrectable ECC error", NULL, "gpu-broken", C, PLAIN, "the card's memory failed (uncorrectable ECC error)", "`nvidia-smi -q -d ECC`; reset the card or have it replaced" },
    { "fallen off the bus", NULL, "gpu-broken", C, PLAIN, "the card is gone from the bus", "`dmesg | grep Xid`; reboot; power and slot" },
    { "an illegal memory access was encountered", NULL, "kernel-crashed", C, PLAIN, "a GPU kernel read or wrote where it must not: a fault of the engine or a kernel library",
      "another attention backend, --enforce-eager, or another version" },
    { "device-side assert triggered", NULL, "kernel-crashed", C, PLAIN, "a GPU kernel's own check failed", "CUDA_LAUNCH_BLOCKING=1 shows where" },
    { "unspecified launch failure", NULL, "kernel-crashed", C, PLAIN, "a GPU kernel crashed", "`dmesg | grep Xid`; another version of driver or engine" },
    { "Found no NVIDIA driver on your system", NULL, "no-gpu", C, PLAIN, "no NVIDIA driver is visible to this process", "`nvidia-smi`; in a container: `docker run --gpus all`" },
    { "Please set it to your CUDA install root", NULL, "toolchain-missing", C, PLAIN, "kernels have to be compiled here and there is no CUDA toolkit", "install the CUDA toolkit and set CUDA_HOME, or take an image that has it" },
    { "ninja: build stopped: subcommand failed", NULL, "toolchain-missing", E, PLAIN, "kernels were compiled here, and that failed: the compiler's own lines stand above",
      "a CUDA toolkit and a C++ compiler that fit each other and PyTorch" },
    { "Could not load any common_ops library", NULL, "library-mismatch", C, PLAIN, "SGLang's kernels do not load: built for another card, CUDA or PyTorch",
      "`pip install --upgrade` of its kernel package in the build for this card; libnuma1 installed" },
    { "operator torchvision::nms does not exist", NULL, "library-mismatch", C, PLAIN, "torchvision was built for another PyTorch", "install torch and torchvision of one release" },
    { "CUDA Setup failed despite GPU being available", NULL, "library-mismatch", C, PLAIN, "bitsandbytes does not find the CUDA libraries it was built for", "`python -m bitsandbytes`; a release for this CUDA" },
    { "CUDNN_STATUS_", NULL, "cuda-error", E, PLAIN, "cuDNN failed, often for lack of memory or two versions side by side", "free memory on the card; `pip list | grep cudnn`" },
    { "Expected all tensors to be on the same device", NULL, "mixed-devices", C, PLAIN, "parts of the model and its inputs are on different devices", "device_map to one card, or move the inputs to the model's device" },
    { "Could not find nvcc", NULL, "toolchain-missing", C, PLAIN, "kernels have to be compiled here and there is no CUDA compiler", "install the CUDA toolkit (nvcc), or an image that has it" },
    { "Failed to find C compiler", NULL, "toolchain-missing", C, PLAIN, "kernels have to be compiled here and there is no C compiler", "install gcc" },
    { "Cannot find a working triton installation", NULL, "toolchain-missing", C, PLAIN, "Triton cannot compile kernels here", "install gcc and the Python headers" },
    { "cannot open shared object file", NULL, "library-mismatch", E, PLAIN, "a library that the engine was built with is not there", "install the engine again into a fresh environment; LD_LIBRARY_PATH" },
    { "undefined symbol", NULL, "library-mismatch", E, PLAIN, "two installed packages were built for different versions of each other", "install the engine again into a fresh environment" },
    { "ModuleNotFoundError", NULL, "package-missing", E, PLAIN, "a Python package is missing", "install it into the engine's environment" },
    { "cannot import name", NULL, "library-mismatch", E, PLAIN, "two installed Python packages do not fit together", "install the engine again into a fresh environment" },
    { "Too many open files", NULL, "fd-limit", C, PLAIN, "the process may not open more files", "`ulimit -n 65535`" },
    { "PermissionError", NULL, "permission", E, PLAIN, "a file or folder may not be read or written by this user", "`ls -l` of the path in the line" },
    { "No such file or directory", "FileNotFoundError", "file-missing", C, PLAIN, "a file is missing", NULL },
    { "CUDA error: invalid argument", NULL, "cuda-error", C, PLAIN, "the CUDA driver refused a call", "another driver or engine version; CUDA_LAUNCH_BLOCKING=1 shows where" },
    /* effects: something died; why stands elsewhere, or nowhere */
    { "DataLoader worker", "killed by signal: Bus error", "shm-full", C, PLAIN, "/dev/shm is full: a worker that loads data could not hand its batch over",
      "a larger shared memory: `docker run --ipc=host` or --shm-size 16g; fewer or no data workers (num_workers=0)" },
    { "DataLoader worker", "killed by signal", "worker-died", E, BT_KIND_DIED, NULL, NULL },
    { "failed (exitcode: -", "of binary", "worker-died", E, BT_KIND_DIED, NULL, NULL },
    { "Signal ", ") received by PID", "worker-died", E, BT_KIND_DIED, NULL, NULL },
    { " died unexpectedly (exit code", NULL, "worker-died", E, BT_KIND_DIED, NULL, NULL },
    { "scheduler died during initialization (exit code", NULL, "worker-died", E, BT_KIND_DIED, NULL, NULL },
    { "engine core exited unexpectedly", NULL, "engine-died", E, PLAIN, "the engine's process died without a word: killed from outside (the kernel, when the host's RAM ran out) or crashed",
      "`dmesg | grep -i kill`; the container's memory limit" },
    { "KeyboardInterrupt", NULL, "stopped", E, PLAIN, "it was stopped by a signal (SIGTERM, or Ctrl-C)", NULL },
    { "trigger received signal=SIG", NULL, "stopped", E, PLAIN, "it was stopped by a signal (SIGTERM, or Ctrl-C)", NULL },
    { "API server: shutdown triggered", NULL, "stopped", E, PLAIN, "it was stopped by a signal (SIGTERM, or Ctrl-C)", NULL },
    { "A worker died or was killed while executing", NULL, "worker-died", E, PLAIN, "a Ray worker died", "its own log is in /tmp/ray/session_latest/logs; `dmesg | grep -i kill` for the OOM killer" },
    { "The actor died unexpectedly", NULL, "worker-died", E, PLAIN, "a Ray worker died", "its own log is in /tmp/ray/session_latest/logs; `dmesg | grep -i kill` for the OOM killer" },
    { "Fatal Python error: Segmentation fault", NULL, "worker-died", E, PLAIN, "a process of the engine crashed (segmentation fault)", "another version of engine or driver" },
    { "Watchdog caught collective operation timeout", NULL, "nccl", E, PLAIN, "a collective operation between the GPUs never ended: one rank is stuck or gone",
      "look at the other ranks' lines before this one; NCCL_DEBUG=INFO; NCCL_P2P_DISABLE=1 to test" },
    { "ncclInternalError", NULL, "nccl", E, PLAIN, "NCCL failed inside", "NCCL_DEBUG=INFO says where; one version of NCCL on all nodes" },
    { "ncclRemoteError", NULL, "nccl", E, PLAIN, "another rank is gone", "look at the other ranks' lines before this one" },
    { "ncclInvalidUsage", NULL, "nccl", E, PLAIN, "two ranks use the same card, or NCCL was called wrongly", "CUDA_VISIBLE_DEVICES must name a card for each rank" },
    { "client socket has timed out after", NULL, "start-timeout", E, PLAIN, "a rank could not reach the first one in time", "the address and port of the first node, its firewall; VLLM_HOST_IP, GLOO_SOCKET_IFNAME" },
    { "RPC call to ", " timed out", "engine-died", E, PLAIN, "a worker gave no answer in time: stuck in a kernel or a collective, or gone", "the workers' own lines before this one; VLLM_EXECUTE_MODEL_TIMEOUT_SECONDS if it is only slow" },
    { "watchdog timeout (", NULL, "engine-died", E, PLAIN, "a step took longer than the watchdog waits: stuck in a kernel or a collective, or very slow", "the lines before this one; a higher --watchdog-timeout if it is only slow" },
    { "GGML_ASSERT(", NULL, "kernel-crashed", E, PLAIN, "a check inside ggml failed", "another version of llama.cpp; the condition is in the line" },
    { "ncclUnhandledCudaError", NULL, "nccl", E, PLAIN, "NCCL failed in a CUDA call, often for lack of memory", "NCCL_DEBUG=INFO says where; a lower --gpu-memory-utilization" },
    { "ncclSystemError", NULL, "nccl", E, PLAIN, "NCCL could not reach another rank", "NCCL_DEBUG=INFO; NCCL_SOCKET_IFNAME; `docker run --ipc=host --shm-size 16g`" },
    { "NCCL error", NULL, "nccl", E, PLAIN, "NCCL failed", "NCCL_DEBUG=INFO says where" },
    { "Timed out waiting for engine", NULL, "start-timeout", E, PLAIN, "the engine took longer than the server waits", "a higher VLLM_ENGINE_READY_TIMEOUT_S (default 600 s)" },
    { "RuntimeError: CUDA error", NULL, "cuda-error", E, PLAIN, "the CUDA driver reported an error", "CUDA_LAUNCH_BLOCKING=1 shows where; `dmesg | grep Xid`" },
    { "The size of tensor a (", "must match the size of tensor b", "weights-mismatch", E, PLAIN, "a tensor has another shape than the layer that takes it: a split or a quantisation that this engine version cannot load",
      "a --tensor-parallel-size that divides the model's sizes, another engine version, or the model in another format" },
    { "expected scalar type ", " but found ", "dtype-not-supported", E, PLAIN, "two parts of the model have different types of numbers", "--dtype bfloat16 or half for all of it; adapters and weights of one type" },
    { "[Bug]", "OOM", "oom", E, PLAIN, "the card's memory ran out, in the words of a report; the engine's own lines would say while doing what, and who held the card",
      "give the log itself (stdout and stderr)" },
    { "failed to allocate compute", NULL, "oom", E, PLAIN, "a compute buffer did not fit into the card's memory", "fewer layers on the card (-ngl), a smaller -c or -ub" },
    /* echoes */
    { "unable to allocate CUDA", NULL, "oom-load", E, PLAIN, "the weights did not fit into the card's memory", "fewer layers on the card (-ngl), a smaller quantisation" },
    { "Engine core initialization failed", NULL, "cause-not-in-log", ECHO, PLAIN, "the engine failed to start, and the line that says why is not in this log",
      "give the whole log, with the lines of EngineCore and the workers (stdout and stderr)" },
    { "EngineDeadError", NULL, "cause-not-in-log", ECHO, PLAIN, "the engine died, and the line that says why is not in this log",
      "give the whole log, with the lines of EngineCore and the workers (stdout and stderr)" },
    { "EngineCore failed to start", "Available KV cache memory: ", "cause-not-in-log", ECHO, PLAIN,
      "the engine failed after it had sized its KV cache: while it allocated it, warmed up or captured CUDA graphs. The line that says why is not in this text; most often memory outside its share",
      "give the whole log (stdout and stderr); a lower --gpu-memory-utilization or --enforce-eager if it is memory" },
    { "EngineCore failed to start", NULL, "cause-not-in-log", ECHO, PLAIN, "the engine failed to start, and the line that says why is not in this log",
      "give the whole log, with the lines of EngineCore and the workers (stdout and stderr)" },
    { "WorkerProc initialization failed", NULL, "cause-not-in-log", ECHO, PLAIN, "a worker failed to start, and the line that says why is not in this log",
      "give the whole log, with the workers' lines (stdout and stderr)" },
    { "Engine process failed to start", NULL, "cause-not-in-log", ECHO, PLAIN, "the engine failed to start, and the line that says why is not in this log", "give the whole log (stdout and stderr)" },
    { "Error executing method 'determine_num_available_blocks'", NULL, "profile-failed", ECHO, PLAIN, "a worker failed while memory was being measured; its own error is not in this log",
      "give the whole log, with the workers' lines" },
    { "Worker failed with error", NULL, "cause-not-in-log", ECHO, PLAIN, "a worker failed, and its own lines are not in this log", "give the whole log, with the workers' lines" },
    { "errors.ChildFailedError", NULL, "cause-not-in-log", ECHO, PLAIN, "a rank of torchrun failed, and its own error is not in this log", "give the whole log; `torchrun --log-dir` keeps each rank's" },
    { "Initialization failed. ", NULL, "cause-not-in-log", ECHO, PLAIN, "SGLang failed to start, and the line that says why is not in this log", "give the whole log (stderr)" },
    { "exiting due to model loading error", NULL, "cause-not-in-log", ECHO, PLAIN, "the model could not be loaded, and the line that says why is not in this log", "-lv 4 shows more" },
};

const char *bt_diag_find(struct bt_str s, const char *needle)
{
    return s.p && s.n ? memmem(s.p, s.n, needle, strlen(needle)) : NULL;
}

const struct bt_diag_rule *bt_diag_rule_of(struct bt_str line)
{
    for (size_t i = 0; i < BT_LEN(rules); i++)
        if (bt_diag_find(line, rules[i].has) && (!rules[i].and || bt_diag_find(line, rules[i].and)))
            return &rules[i];
    return NULL;
}

static const char *const own_codes[] = { "oom-load", "oom-profile", "oom-warmup", "oom-kv", "oom-capture", "oom-serving", "oom-job", "killed", "settings-refused", "started", "unfinished", "unknown", "empty" };

const char *const *bt_diag_codes(void)
{
    static const char *all[BT_LEN(rules) + BT_LEN(own_codes) + 1];
    size_t n = 0;
    for (size_t i = 0; i < BT_LEN(rules) + BT_LEN(own_codes); i++) {
        const char *code = i < BT_LEN(rules) ? rules[i].code : own_codes[i - BT_LEN(rules)];
        bool seen = false;
        for (size_t k = 0; k < n; k++)
            seen = seen || !strcmp(all[k], code);
        if (!seen)
            all[n++] = code;
    }
    all[n] = NULL;
    return all;
}

const char *bt_diag_oom_code(const struct bt_diag *d)
{
    static const char *const by_frame[] = { [BT_FRAME_PROFILE] = "oom-profile", [BT_FRAME_LOAD] = "oom-load", [BT_FRAME_WARMUP] = "oom-warmup", [BT_FRAME_KV] = "oom-kv",
                                            [BT_FRAME_CAPTURE] = "oom-capture", [BT_FRAME_TRAIN] = "oom-job", [BT_FRAME_SERVE] = "oom-serving" };
    static const struct { const char *step, *code; } by_step[] = { { "loading weights", "oom-load" }, { "profiling", "oom-profile" }, { "allocating KV", "oom-warmup" },
                                                                   { "capturing graphs", "oom-capture" }, { "starting the server", "oom-warmup" }, { "ready", "oom-serving" } };
    if (d->ready)
        return "oom-serving";
    if (d->frame != BT_FRAME_NONE)
        return by_frame[d->frame];
    for (size_t i = 0; d->step && i < BT_LEN(by_step); i++)
        if (!strcmp(by_step[i].step, d->step))
            return by_step[i].code;
    return d->engine || !d->traceback ? "oom" : "oom-job";       /* one line alone does not say whose it is */
}

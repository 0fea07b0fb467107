/* engine_diagnose.c - failed logs to their cause. Every file of tests/data/diagnose is a short excerpt, anonymised, in the wording of the engine it
 * names; lines in front that begin with "#@ " say what must be found:
 *   code C | step S | line N | has TEXT (in the cause) | quote TEXT | advice FLAGS | holder PID GIB | asked GIB | exit N | starts N | job DOING MODEL BATCH x TOKENS [lora] [checkpointing] | arg NAME VALUE | engine E | source WHERE */
#include <glob.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#include "base/file.h"
#include "engine/diagnose.h"

static struct bt_arena arena;

static struct bt_diag *diagnose(struct bt_str text)
{
    struct bt_diag *d = BT_NEW(&arena, struct bt_diag);
    struct bt_str line;
    bt_diag_init(d);
    while (text.p && text.n) {
        text = bt_str_cut(text, '\n', &line);
        bt_diag_line(d, line);
    }
    bt_diag_end(d);
    return d;
}

static bool has_advice(const struct bt_diag *d, const char *flags)
{
    for (size_t i = 0; i < d->found.nadvice; i++)
        if (!strcmp(d->found.advice[i].flags, flags))
            return true;
    return false;
}

static bool has_holder(const struct bt_diag *d, const char *text)
{
    char *rest;
    long pid = strtol(text, &rest, 10);
    for (size_t i = 0; i < d->found.nholders; i++)
        if (d->found.holder[i].pid == pid && fabs(d->found.holder[i].gib - strtod(rest, NULL)) < 0.005)
            return true;
    return false;
}

static bool holds(const struct bt_diag *d, const char *key, const char *want)
{
    const struct bt_diagnosis *f = &d->found;
    if (!strcmp(key, "code")) return !strcmp(f->code, want);
    if (!strcmp(key, "step")) return f->step && !strcmp(f->step, want);
    if (!strcmp(key, "line")) return f->line == strtoull(want, NULL, 10);
    if (!strcmp(key, "has")) return strstr(f->cause, want);
    if (!strcmp(key, "quote")) return strstr(f->quote, want);
    if (!strcmp(key, "advice")) return has_advice(d, want);
    if (!strcmp(key, "holder")) return has_holder(d, want);
    if (!strcmp(key, "asked")) return fabs(f->figures.asked_gib - strtod(want, NULL)) < 0.001;
    if (!strcmp(key, "exit")) return f->figures.has_exit && f->figures.exit_code == atoi(want);
    if (!strcmp(key, "starts")) return d->starts == strtoull(want, NULL, 10);
    if (!strcmp(key, "job")) {
        static const char *const doing[] = { "unknown", "forward", "generate", "train", "diffusion" };
        const struct bt_diag_job *j = &d->job;
        return !strcmp(bt_arena_printf(&arena, "%s %s %llu x %llu%s%s", doing[j->doing], j->model, (unsigned long long)j->batch, (unsigned long long)j->tokens, j->lora || j->rank ? " lora" : "",
                                       j->checkpointing ? " checkpointing" : ""), want);
    }
    if (!strcmp(key, "engine")) return d->engine && !strcmp(d->engine, want);
    if (!strcmp(key, "arg")) {
        struct bt_str name, value = bt_str_cut(bt_str(want), ' ', &name);
        const char *got = bt_diag_arg(d, bt_arena_strndup(&arena, name));
        return got && bt_str_eq(value, got);
    }
    return !strcmp(key, "source");
}

static void check_file(const char *name, struct bt_str text)
{
    struct bt_str line, rest = text;
    while (bt_str_starts(rest, "#@ "))
        rest = bt_str_cut(rest, '\n', &line);
    struct bt_diag *d = diagnose(rest);
    size_t checks = 0;
    for (struct bt_str head = text; bt_str_starts(head, "#@ ");) {
        head = bt_str_cut(head, '\n', &line);
        struct bt_str key, want = bt_str_cut((struct bt_str){ line.p + 3, line.n - 3 }, ' ', &key);
        if (!holds(d, bt_arena_strndup(&arena, key), bt_arena_strndup(&arena, want))) {
            for (size_t i = 0; i < d->found.nadvice; i++)
                print_message("  advice: %s | %s\n", d->found.advice[i].flags, d->found.advice[i].text);
            fail_msg("%s: want %.*s, got %s at line %llu, step %s: %s | %s", name, BT_STR(line), d->found.code, (unsigned long long)d->found.line, d->found.step ? d->found.step : "none",
                     d->found.cause, d->found.quote);
        }
        checks++;
    }
    assert_true(checks >= 2);        /* a code and a source at least */
}

static void every_fixture(void **st)
{
    (void)st;
    const char *dir = bt_arena_printf(&arena, "%s/tests/data/diagnose", getenv("BERTH_SOURCE_ROOT") ? getenv("BERTH_SOURCE_ROOT") : ".");
    glob_t g = { 0 };
    assert_int_equal(glob(bt_arena_printf(&arena, "%s/*.log", dir), 0, NULL, &g), 0);
    for (size_t i = 0; i < g.gl_pathc; i++) {
        struct bt_str text;
        struct bt_err err = { 0 };
        if (bt_file_read(&arena, g.gl_pathv[i], MiB, &text, &err) < 0)
            fail_msg("%s", err.msg);
        check_file(bt_arena_strdup(&arena, strrchr(g.gl_pathv[i], '/') + 1), text);
    }
    assert_true(g.gl_pathc >= 25);
    globfree(&g);
}

/* Last words as people post them, a row each: tests/data/diagnose_lines.tsv. */
static void last_words(void **st)
{
    (void)st;
    struct bt_str text, line;
    struct bt_err err = { 0 };
    size_t n = 0;
    if (bt_file_read(&arena, bt_arena_printf(&arena, "%s/tests/data/diagnose_lines.tsv", getenv("BERTH_SOURCE_ROOT") ? getenv("BERTH_SOURCE_ROOT") : "."), MiB, &text, &err) < 0)
        fail_msg("%s", err.msg);
    while (text.n) {
        text = bt_str_cut(text, '\n', &line);
        if (!line.n || line.p[0] == '#')
            continue;
        struct bt_str code, words = bt_str_cut(line, '\t', &code);
        char *said = bt_arena_strndup(&arena, words), *to = said;
        for (const char *c = said; *c; c++) {
            bool parts = c[0] == '\\' && c[1] == 'n';
            *to++ = parts ? '\n' : *c;
            c += parts;
        }
        *to = 0;
        struct bt_diag *d = diagnose(bt_str(said));
        if (!bt_str_eq(code, d->found.code))
            fail_msg("%s: %s, want %.*s", said, d->found.code, BT_STR(code));
        assert_true(d->found.cause[0] && d->found.line);
        n++;
    }
    assert_true(n >= 130);
}

/* One line is enough: the words of each engine, and nothing else of a log. */
static void single_lines(void **st)
{
    (void)st;
    static const struct { const char *line, *code; } lines[] = {
        { "huggingface_hub.errors.HFValidationError: Repo id must use alphanumeric chars, '-', '_' or '.': './nope'.", "model-not-found" },
        { "huggingface_hub.errors.LocalEntryNotFoundError: Cannot find an appropriate cached snapshot folder and outgoing traffic has been disabled.", "offline" },
        { "  Value error, Invalid repository ID or local directory specified: './nocfg'.", "config-missing" },
        { "OSError: It looks like the config file at './x/config.json' is not a valid JSON file.", "config-broken" },
        { "ValueError: Couldn't instantiate the backend tokenizer from one of:", "tokenizer-missing" },
        { "safetensors._safetensors_rust.SafetensorError: Error while deserializing header: header too small", "weights-broken" },
        { "FileNotFoundError: Weight files referenced in index but missing: {'./m-00002-of-00002.safetensors'}", "shard-missing" },
        { "ValueError: Some modules are dispatched on the CPU or the disk. Make sure you have enough GPU RAM to fit the quantized model.", "oom-load" },
        { "triton.runtime.errors.OutOfResources: out of resource: shared memory, Required: 147456, Hardware limit: 101376. Reducing block sizes or `num_stages` may help.", "not-on-this-platform" },
        { "ValueError: Chunked MM input disabled but max_tokens_per_mm_item (16384) is larger than max_num_batched_tokens (8192). Please increase max_num_batched_tokens.", "batch-below-image" },
        { "RuntimeError: start (1280) + length (1280) exceeds dimension size (2048).", "shape-not-divisible" },
        { "ConnectionError: Could not find any running Ray instance. Please specify the one to connect to by setting `--address` flag", "ray-missing" },
        { "ValueError: Following weights were not initialized from checkpoint: {'model.layers.0.self_attn.qkv_proj.qweight'}", "weights-mismatch" },
        { "0.00.100.000 E llama_model_load: error loading model: missing tensor 'blk.0.attn_q.weight'", "weights-mismatch" },
        { "0.00.100.000 E llama_model_load: error loading model: done_getting_tensors: wrong number of tensors; expected 292, got 291", "weights-mismatch" },
        { "0.00.100.000 E llama_model_load: error loading model: error loading model hyperparameters: key not found in model: llama.context_length", "config-broken" },
        { "0.00.100.000 E llama_model_load: error loading model: error loading model vocabulary: unknown pre-tokenizer type: 'foo'", "tokenizer-missing" },
        { "0.00.100.000 E llama_model_load: error loading model: check_tensor_dims: tensor 'token_embd.weight' has wrong shape; expected 4096, 32000, got 4096, 32002", "weights-mismatch" },
        { "_pickle.UnpicklingError: invalid load key, 'v'.", "weights-broken" },
        { "RuntimeError: PytorchStreamReader failed reading zip archive: failed finding central directory", "weights-broken" },
        { "ValueError: Unrecognized model in ./x. Should have a `model_type` key in its config.json.", "config-broken" },
        { "ValueError: `rope_scaling` must be a dictionary with two fields, `type` and `factor`, got {'rope_type': 'llama3'}", "architecture-unknown" },
        { "ValueError: Tokenizer class TikTokenTokenizer does not exist or is not currently imported.", "tokenizer-missing" },
        { "ValueError: max_cpu_loras (4) must be >= max_loras (8).", "bad-flag" },
        { "RuntimeError: Loading lora sql failed: No adapter found for /tmp/x", "adapter-missing" },
        { "ValueError: While loading /lora, expected target modules in ['q_proj'] but received ['embed_tokens'].", "adapter-mismatch" },
        { "ValueError: GPU memory utilization must be less than 1.0. Got 1.5.", "bad-flag" },
        { "RuntimeError: Cannot re-initialize CUDA in forked subprocess. To use CUDA with multiprocessing, you must use the 'spawn' start method", "multiprocessing" },
        { "RuntimeError: Quantization scheme is not supported for the current GPU. Min capability: 89. Current capability: 80.", "quantisation-not-supported" },
        { "ValueError: Invalid quantization method: foo", "quantisation-not-supported" },
        { "ValueError: type fp8e4nv not supported in this architecture. The supported fp8 dtypes are ('fp8e4b15', 'fp8e5')", "dtype-not-supported" },
        { "  Value error, The model type 'gemma3' does not support float16. Reason: Numerical instability. Please use bfloat16 or float32 instead. [type=value_error]", "dtype-not-supported" },
        { "RuntimeError: Found no NVIDIA driver on your system. Please check that you have an NVIDIA GPU and installed a driver", "no-gpu" },
        { "OSError: CUDA_HOME environment variable is not set. Please set it to your CUDA install root.", "toolchain-missing" },
        { "[sgl_kernel] CRITICAL: Could not load any common_ops library!", "library-mismatch" },
        { "RuntimeError: operator torchvision::nms does not exist", "library-mismatch" },
        { "RuntimeError: Expected all tensors to be on the same device, but found at least two devices, cuda:0 and cpu!", "mixed-devices" },
        { "torch.distributed.DistNetworkError: The client socket has timed out after 600000ms while trying to connect to (10.0.0.1, 29500).", "start-timeout" },
        { "TimeoutError: RPC call to execute_model timed out.", "engine-died" },
        { "[2026-11-21 10:00:00 TP0] Scheduler watchdog timeout (self.watchdog_timeout=300, self.soft=False)", "engine-died" },
        { "RuntimeError: Worker failed with error 'x', please check the stack trace above for the root cause", "cause-not-in-log" },
        { "  Value error, `--decode-context-parallel-size` (4) exceeds the maximum supported value (2) for `--tensor-parallel-size` (8) [type=value_error, input_value=x]", "settings-refused" },
        { "vllm: error: unrecognized arguments: --no-such-flag 3", "unknown-flag" },
        { "vllm: error: argument --dtype: invalid choice: 'fp17'", "bad-flag" },
        { "  Value error, Cannot find the config file for awq [type=value_error]", "quantisation-not-supported" },
        { "ValueError: World size (8) is larger than the number of available GPUs (4) in this node.", "too-few-gpus" },
        { "AssertionError: 151936 is not divisible by 3", "shape-not-divisible" },
        { "    assert self.total_num_kv_heads % tp_size == 0", "kv-heads-not-divisible" },
        { "ValueError: The input size is not aligned with the quantized weight shape. This can be caused by too large tensor parallel size.", "quantised-shard-misaligned" },
        { "RuntimeError: The memory capacity is unbalanced. Some GPUs may be occupied by other processes.", "neighbour-holds" },
        { "RuntimeError: Unexpected error from cudaGetDeviceCount(). Error 803: system has unsupported display driver / cuda driver combination", "driver-mismatch" },
        { "RuntimeError: No CUDA GPUs are available", "no-gpu" },
        { "RuntimeError: CUDA error: no kernel image is available for execution on the device", "build-lacks-gpu" },
        { "RuntimeError: CUDA error: an illegal memory access was encountered", "kernel-crashed" },
        { "OSError: [Errno 28] No space left on device: '/dev/shm/psm_1'", "shm-full" },
        { "OSError: [Errno 28] No space left on device", "disk-full" },
        { "RuntimeError: [enforce fail at alloc_cpu.cpp:118] err == 0. DefaultCPUAllocator: can't allocate memory: you tried to allocate 68719476736 bytes.", "host-ram" },
        { "0.15.238 E ggml_aligned_malloc: insufficient memory (attempted to allocate 195312.50 MB)", "host-ram" },
        { "0.00.003.634 E srv start: couldn't bind HTTP server socket, hostname: 127.0.0.1, port: 8711", "port-in-use" },
        { "error: invalid argument: --no-such-flag", "unknown-flag" },
        { "RuntimeError: CUDA error: invalid argument", "cuda-error" },
        { "KeyboardInterrupt: terminated", "stopped" },
        { "(APIServer pid=1) WARNING 11-21 00:40:02 [core_client.py:817] [shutdown] MPClient: engine core exited unexpectedly; starting cleanup", "engine-died" },
        { "AssertionError: please set tensor_parallel_size (8) to less than max local gpu count (4)", "too-few-gpus" },
        { "ValueError: Tensor parallel size (8) cannot be larger than the number of available GPUs (4).", "too-few-gpus" },
        { "RuntimeError: CUDA out of memory occurred when warming up sampler with 1024 dummy requests. Please try lowering `max_num_seqs`", "oom-warmup" },
        { "ray.exceptions.RayActorError: The actor died unexpectedly before finishing this task.", "worker-died" },
        { "ValueError: There is no module or parameter named 'lm_head.weight_scale' in Qwen2ForCausalLM", "weights-mismatch" },
        { "KeyError: 'layers.0.mlp.experts.w2_weight_scale'", "weights-mismatch" },
        { "slurmstepd: error: Detected 1 oom_kill event in StepId=12.0. Some of the step tasks have been OOM Killed.", "host-ram" },
        { "[123.4] Memory cgroup out of memory: Killed process 77 (VLLM::Worker)", "host-ram" },
        { "huggingface_hub.utils._errors.HfHubHTTPError: 401 Client Error: Unauthorized for url: https://huggingface.co/x/y", "gated" },
        { "AssertionError: Torch not compiled with CUDA enabled", "build-lacks-gpu" },
        { "hello world", "unknown" },
    };
    for (size_t i = 0; i < BT_LEN(lines); i++) {
        struct bt_diag *d = diagnose(bt_str(lines[i].line));
        if (strcmp(d->found.code, lines[i].code))
            fail_msg("%s: %s, want %s", lines[i].line, d->found.code, lines[i].code);
        assert_true(d->found.cause[0]);
    }
}

static void odd_text(void **st)
{
    (void)st;
    assert_string_equal(diagnose(bt_str(""))->found.code, "empty");
    struct bt_diag *d = diagnose(BT_S("a\rb\0ValueError: \x1b[31mx\xff: No available memory for the cache blocks\r\r"));
    assert_string_equal(d->found.code, "no-kv-memory");
    for (const char *c = d->found.quote; *c; c++)
        assert_true((unsigned char)*c >= 0x20 && *c != 0x7f);
    char *longest = bt_xcalloc(1, MiB);
    memset(longest, 'x', MiB);
    memcpy(longest + 100, " CUDA out of memory", 19);
    d = diagnose((struct bt_str){ longest, MiB });
    assert_string_equal(d->found.code, "oom");
    assert_true(strlen(d->found.quote) < sizeof d->found.quote);
    free(longest);
    d = diagnose(bt_str("max seq len (99999999999999999999), (1e400 GiB KV cache is needed, which is larger than the available KV cache memory (-. GiB)"));
    assert_string_equal(d->found.code, "kv-too-small");
    assert_int_equal(d->found.figures.context, 0);
}

/* Figures of the log lead to settings; those that cannot help are not offered. */
static void advice_from_figures(void **st)
{
    (void)st;
    struct bt_diag *d = diagnose(bt_str("non-default args: {'model': 'm', 'enforce_eager': True, 'kv_cache_dtype': 'fp8', 'tensor_parallel_size': 2, 'max_model_len': 4096}\n"
        "(8.00 GiB KV cache is needed, which is larger than the available KV cache memory (2.00 GiB)"));
    assert_true(has_advice(d, "--max-model-len 1024"));              /* 4096 x 2/8, in blocks of 16 */
    assert_true(has_advice(d, "--tensor-parallel-size 4"));
    assert_false(has_advice(d, "--enforce-eager"));
    for (size_t i = 0; i < d->found.nadvice; i++)
        assert_null(strstr(d->found.advice[i].flags, "fp8"));
    d = diagnose(bt_str("vllm: Free memory on device (0.22/30.3 GiB) on startup is less than desired GPU memory utilization (0.7, 21.21 GiB)"));
    assert_int_equal(d->found.nadvice, 1);                           /* 0.22 GiB are no share worth naming */
}

/* What vLLM and SGLang raise while they read their flags is their own sentence about them; the same words from elsewhere are not known. */
static void refusals_of_settings(void **st)
{
    (void)st;
    static const char *const files[] = { "/x/vllm/config/parallel.py", "/x/vllm/engine/arg_utils.py", "/x/sglang/srt/server_args.py", "/x/sglang/srt/arg_groups/lora_hook.py", "/x/vllm/model_executor/layers/linear.py" };
    for (size_t i = 0; i < BT_LEN(files); i++) {
        struct bt_diag *d = bt_xcalloc(1, sizeof *d);
        char text[600];
        snprintf(text, sizeof text, "Traceback (most recent call last):\n  File \"%s\", line 12, in verify\n    raise ValueError(\nValueError: --foo is not supported with --bar.\n", files[i]);
        bt_diag_init(d);
        for (char *at = text, *end; (end = strchr(at, '\n')); at = end + 1)
            bt_diag_line(d, (struct bt_str){ at, (size_t)(end - at) });
        bt_diag_end(d);
        bool settings = i + 1 < BT_LEN(files);
        assert_string_equal(d->found.code, "settings-refused");      /* elsewhere it only sounds like one */
        assert_int_equal(d->found.rank == BT_DIAG_CAUSE, settings);
        if (settings)
            assert_string_equal(d->found.cause, "the engine refuses its settings: --foo is not supported with --bar.");
        free(d);
    }
}

static void codes_are_words(void **st)
{
    (void)st;
    const char *const *codes = bt_diag_codes();
    size_t n = 0;
    for (; codes[n]; n++) {
        assert_true(strspn(codes[n], "abcdefghijklmnopqrstuvwxyz-") == strlen(codes[n]));
        for (size_t k = 0; k < n; k++)
            assert_string_not_equal(codes[k], codes[n]);
    }
    assert_true(n > 40);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_fixture), cmocka_unit_test(last_words),
        cmocka_unit_test(single_lines), cmocka_unit_test(odd_text), cmocka_unit_test(advice_from_figures), cmocka_unit_test(refusals_of_settings), cmocka_unit_test(codes_are_words),
    };
    int rc = cmocka_run_group_tests(tests, NULL, NULL);
    bt_arena_release(&arena);
    return rc;
}

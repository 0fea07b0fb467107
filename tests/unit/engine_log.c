/* engine_log.c - lines of vLLM's output. Those marked "real" are from start-up logs of vLLM 0.32.0 (CPU build) or of public reports, names and
 * addresses shortened; the others have the wording of the version named. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#include "engine/engine.h"

struct expect { const char *line; enum bt_log_kind kind; const char *step; int percent; double gib; uint64_t tokens; bool kv_sized; const char *text; };
#define E_ "(EngineCore pid=272) INFO 11-21 00:15:20 "
#define W_ "(Worker_TP0 pid=12527) INFO 11-21 00:17:06 "
static const struct expect known[] = {
    /* real, 0.32.0 */
    { "Triton is installed, but doesn't include CPU backend. Disabling Triton.", BT_LOG_STEP, "importing", -1 },
    { "(APIServer pid=11882) INFO 11-21 00:15:12 [api_utils.py:286] non-default args: {'model_tag': './tiny', 'port': 8203}", BT_LOG_STEP, "importing", -1 },
    { E_ "[core.py:133] Initializing a V1 LLM engine (v0.32.0) with config: model='./tiny', speculative_config=None", BT_LOG_STEP, "importing", -1 },
    { W_ "[cpu_model_runner.py:68] Starting to load model ./tiny...", BT_LOG_STEP, "loading weights", -1 },
    { "\rLoading safetensors checkpoint shards:   0% Completed | 0/1 [00:00<?, ?it/s]\r", BT_LOG_PROGRESS, "loading weights", 0 },
    { "\rLoading safetensors checkpoint shards: 100% Completed | 1/1 [00:00<00:00, 25.13it/s]", BT_LOG_PROGRESS, "loading weights", 100 },
    { W_ "[default_loader.py:501] Loading weights took 0.04 seconds\r\n", BT_LOG_STEP, "loading weights", -1 },
    { W_ "[cpu_worker.py:260] Explicitly set (1.0/10.21) GiB for KV cache on node 0.", BT_LOG_KV_GIB, "allocating KV", -1, 1.0 },
    { E_ "[kv_cache_utils.py:2327] CPU KV cache size: 262,144 tokens, Maximum concurrency for 256 tokens per request: 1024.00x",
      BT_LOG_KV_TOKENS, "allocating KV", -1, 0, 262144, true },
    { E_ "[kv_cache_utils.py:2477] Auto-fit max_model_len: reduced from 4194304 to 262016 to fit in available KV cache memory (1.0 GiB CPU)",
      BT_LOG_STEP, "allocating KV", -1 },
    { E_ "[core.py:402] init engine (profile, create kv cache, warmup model) took 3.40 s", BT_LOG_STEP, "starting the server", -1, 0, 0, true },
    { "(APIServer pid=11882) INFO 11-21 00:15:33 [entry.py:140] Starting vLLM server on http://127.0.0.1:8203", BT_LOG_STEP, "starting the server", -1 },
    { "INFO:     Application startup complete.", BT_LOG_READY, "ready", -1, 0, 0, true },
    { "(EngineCore pid=19445) ERROR 11-21 00:30:51 [multiproc_executor.py:315] Worker proc VllmWorker-0 died unexpectedly (exit code: -4), shutting down executor.",
      BT_LOG_WORKER_DIED, NULL, -1, 0, 0, false, "Worker proc VllmWorker-0 died unexpectedly (exit code: -4)" },
    { "(Worker pid=14551) ERROR 11-21 00:21:11 [multiproc_executor.py:953] FileNotFoundError: Weight files referenced in index but missing: {'./m-00002.safetensors'}",
      BT_LOG_ERROR, NULL, -1, 0, 0, false, "FileNotFoundError: Weight files referenced in index but missing: {'./m-00002.safetensors'}" },
    { "  Value error, Total number of attention heads (8) must be divisible by tensor parallel size (3). [type=value_error]",
      BT_LOG_ERROR, NULL, -1, 0, 0, false, "Total number of attention heads (8) must be divisible by tensor parallel size (3). [type=value_error]" },
    { "vllm: error: unrecognized arguments: --no-such-flag 3", BT_LOG_ERROR, NULL, -1, 0, 0, false, "error: unrecognized arguments: --no-such-flag 3" },
    { "OSError: [Errno 98] Address already in use", BT_LOG_ERROR, NULL, -1, 0, 0, false, "OSError: [Errno 98] Address already in use" },
    { "safetensors._safetensors_rust.SafetensorError: Error while deserializing header: header too large", BT_LOG_ERROR, NULL, -1, 0, 0, false,
      "safetensors._safetensors_rust.SafetensorError: Error while deserializing header: header too large" },
    { "RuntimeError: Engine core initialization failed. See root cause above. Failed core proc(s): {}", BT_LOG_ERROR, NULL, -1, 0, 0, false,
      "RuntimeError: Engine core initialization failed. See root cause above. Failed core proc(s): {}" },
    { "(Worker_TP1 pid=9) ERROR 11-21 00:21:11 [multiproc_executor.py:953] AssertionError", BT_LOG_ERROR, NULL, -1, 0, 0, false, "AssertionError" },
    /* on a GPU, 0.11 to 0.32 */
    { W_ "[gpu_model_runner.py:4120] Model loading took 30.5186 GiB memory and 14.2 seconds", BT_LOG_WEIGHTS_GIB, "loading weights", -1, 30.5186 },
    { W_ "[gpu_model_runner.py:2653] Model loading took 14.2487 GiB and 3.103546 seconds", BT_LOG_WEIGHTS_GIB, "loading weights", -1, 14.2487 },
    { "Loading safetensors checkpoint shards:  25% Completed | 1/4 [00:01<00:03,  1.10s/it]", BT_LOG_PROGRESS, "loading weights", 25 },
    { "\rLoading safetensors checkpoint shards:  25% Completed | 1/4 [00:01<00:03]\rLoading safetensors checkpoint shards:  50% Completed | 2/4 [00:02<00:02]",
      BT_LOG_PROGRESS, "loading weights", 50 },
    { E_ "[backends.py:548] Using cache directory: /root/.cache/vllm/torch_compile_cache/ab/rank_0_0/backbone for vLLM's torch.compile", BT_LOG_STEP, "profiling", -1 },
    { E_ "[backends.py:559] [backbone] Dynamo bytecode transform time: 6.45 s", BT_LOG_STEP, "profiling", -1 },
    { E_ "[monitor.py:34] torch.compile takes 22.72 s in total", BT_LOG_STEP, "profiling", -1 },
    { W_ "[gpu_model_runner.py:6801] Estimated CUDA graph memory: 0.78 GiB total", BT_LOG_STEP, "profiling", -1 },
    { W_ "[gpu_worker.py:298] Available KV cache memory: 13.84 GiB", BT_LOG_KV_GIB, "allocating KV", -1, 13.84 },
    { W_ "[gpu_worker.py:298] Available KV cache memory: -3.21 GiB", BT_LOG_KV_GIB, "allocating KV", -1, -3.21 },
    { W_ "[gpu_worker.py:649] Initial free memory 78.1 GiB, reserved 8.0 GiB memory for KV Cache as specified by kv_cache_memory_bytes config", BT_LOG_KV_GIB, "allocating KV", -1, 8.0 },
    { E_ "[kv_cache_utils.py:1087] GPU KV cache size: 120,912 tokens", BT_LOG_KV_TOKENS, "allocating KV", -1, 0, 120912, true },
    { "Capturing CUDA graphs (mixed prefill-decode, PIECEWISE):  40%|####      | 27/67 [00:01<00:02, 18.6it/s]", BT_LOG_PROGRESS, "capturing graphs", 40 },
    { "Capturing CUDA graph shapes: 100%|##########| 35/35 [00:13<00:00]", BT_LOG_PROGRESS, "capturing graphs", 100 },
    { W_ "[gpu_worker.py:391] Free memory on device (21.95/22.16 GiB) on startup. Desired GPU memory utilization is (0.86615, 19.19 GiB). Actual usage is 8.96 GiB for weight, 1.23 GiB for "
         "peak activation, 0.02 GiB for non-torch memory, and 1.12 GiB for CUDAGraph memory.", BT_LOG_ACTIVATION_GIB, "starting the server", -1, 1.23 },
    { "model weights take 14.25GiB; non_torch_memory takes 0.15GiB; PyTorch activation peak memory takes 1.39GiB; the rest", BT_LOG_ACTIVATION_GIB, "profiling", -1, 1.39 },
    { W_ "[gpu_model_runner.py:4244] Graph capturing finished in 6 secs, took 0.65 GiB", BT_LOG_GRAPHS_GIB, "capturing graphs", -1, 0.65 },
    { "(EngineCore pid=5) ERROR 09-30 10:00:00 [core.py:708] torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB.", BT_LOG_ERROR, NULL, -1, 0, 0, false,
      "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB." },
    /* V0 */
    { "INFO 01-11 09:12:44 model_runner.py:1099] Loading model weights took 14.2487 GB", BT_LOG_WEIGHTS_GIB, "loading weights", -1, 14.2487 },
    { "INFO 01-11 09:12:50 llm_engine.py:316] # GPU blocks: 7454, # CPU blocks: 512", BT_LOG_STEP, "allocating KV", -1, 0, 0, true },
    { "INFO 01-11 09:13:09 model_runner.py:1526] Graph capturing finished in 14 secs, took 0.43 GiB", BT_LOG_GRAPHS_GIB, "capturing graphs", -1, 0.43 },
};

static struct bt_log_event read_line(const char *line, size_t n, bool *said)
{
    struct bt_log_event ev;
    char *exact = malloc(n + 1);                     /* a heap copy of just n bytes: a read past the view is seen by the sanitizer */
    assert_non_null(exact);
    char *view = n ? realloc(exact, n) : exact;
    memcpy(view, line, n);
    *said = bt_engine_find("vllm")->log_line((struct bt_str){ view, n }, &ev);
    free(view);
    return ev;
}

static void known_lines(void **st)
{
    (void)st;
    for (size_t i = 0; i < BT_LEN(known); i++) {
        const struct expect *x = &known[i];
        bool said;
        struct bt_log_event ev = read_line(x->line, strlen(x->line), &said);
        if (!said || ev.kind != x->kind)
            fail_msg("line %zu: %s", i, x->line);
        assert_int_equal(ev.percent, x->percent);
        assert_true(ev.gib == x->gib);
        assert_int_equal(ev.tokens, x->tokens);
        assert_int_equal(ev.kv_sized, x->kv_sized);
        if (x->step)
            assert_string_equal(ev.step, x->step);
        else
            assert_null(ev.step);
        assert_string_equal(ev.text, x->text ? x->text : "");
    }
}

/* A line of a pipeline says which stage it is of. */
static void whose_line_it_is(void **st)
{
    (void)st;
    static const struct { const char *engine, *line; int pp, rank; } lines[] = {
        { "vllm", "(Worker_PP1_TP0 pid=7) INFO 11-21 00:15:12 [x.py:1] Graph capturing finished in 6 secs, took 0.65 GiB", 1, -1 },
        { "vllm", "(Worker_DP0_PP3_TP0_EP0 pid=7) INFO 11-21 00:15:12 [x.py:1] Graph capturing finished in 6 secs, took 0.65 GiB", 3, -1 },
        { "vllm", "(VllmWorker rank=3 pid=7) INFO 06-21 00:15:12 [x.py:1] Graph capturing finished in 6 secs, took 0.65 GiB", -1, 3 },
        { "vllm", "(Worker_TP1 pid=7) INFO 11-21 00:15:12 [x.py:1] Graph capturing finished in 6 secs, took 0.65 GiB", -1, -1 },
        { "vllm", "INFO 11-21 00:15:12 [x.py:1] Graph capturing finished in 6 secs, took 0.65 GiB _PP9 rank=9", -1, -1 },
        { "sglang", "[2026-11-21 10:00:00 PP1 TP0] Load weight end. elapsed=1.0 s, type=Qwen2ForCausalLM, dtype=torch.bfloat16, avail mem=20.00 GB, mem usage=14.30 GB.", 1, -1 },
        { "sglang", "[2026-11-21 10:00:00 TP0] Load weight end. elapsed=1.0 s, type=Qwen2ForCausalLM, dtype=torch.bfloat16, avail mem=20.00 GB, mem usage=14.30 GB.", -1, -1 },
    };
    for (size_t i = 0; i < BT_LEN(lines); i++) {
        struct bt_log_event ev;
        assert_true(bt_engine_find(lines[i].engine)->log_line(bt_str(lines[i].line), &ev));
        if (ev.pp != lines[i].pp || ev.rank != lines[i].rank)
            fail_msg("%s: stage %d, rank %d", lines[i].line, ev.pp, ev.rank);
    }
}

static void other_lines_say_nothing(void **st)
{
    (void)st;
    static const char *const lines[] = {
        "", " ", "\r", "\r\n", "%", "(", "(EngineCore pid=", "INFO", "INFO ", "INFO 11-21 ", ": ", "Error", "Error:x:",
        "INFO:     127.0.0.1:59062 - \"POST /v1/completions HTTP/1.1\" 200 OK",
        "pydantic_core._pydantic_core.ValidationError: 1 validation error for VllmConfig",   /* the next line is the telling one */
        "Traceback (most recent call last):", "    raise ValueError(", "KeyboardInterrupt",
        "(APIServer pid=1) WARNING 11-21 00:15:12 [vllm.py:1703] Enforce eager set, disabling torch.compile, CUDAGraphs",
        "(EngineCore pid=1) INFO 11-21 00:15:12 [x.py:1] GPU KV cache size: many tokens", "Available KV cache memory: GiB", "GPU KV cache size: -5 tokens",
        "Loading safetensors checkpoint shards: 999% Completed", "Adding requests:  40%|####",
        "(APIServer pid=1) INFO 11-21 00:15:35 [launcher.py:254] [shutdown] API server: shutdown triggered",
    };
    for (size_t i = 0; i < BT_LEN(lines); i++) {
        bool said;
        struct bt_log_event ev = read_line(lines[i], strlen(lines[i]), &said);
        if (said || ev.kind != BT_LOG_NONE)
            fail_msg("line %zu: %s", i, lines[i]);
    }
    struct bt_log_event ev;
    assert_false(bt_engine_find("command")->log_line(BT_S("Application startup complete."), &ev));
    assert_int_equal(ev.kind, BT_LOG_NONE);
}

/* What came from a child may go to a terminal: control bytes and broken UTF-8 must not survive, and the text fits. */
static void text_is_escaped_and_cut(void **st)
{
    (void)st;
    bool said;
    char line[2000] = "ValueError: \x1b[2J\xff";
    memset(line + strlen(line), 'x', 1500);
    struct bt_log_event ev = read_line(line, strlen(line), &said);
    assert_true(said);
    assert_null(strchr(ev.text, '\x1b'));
    assert_null(strchr(ev.text, '\xff'));
    assert_true(strlen(ev.text) < sizeof ev.text);
    assert_string_equal(ev.text + strlen(ev.text) - 3, "...");
    for (int shift = 0; shift < 4; shift++) {        /* cut between characters, wherever that falls */
        size_t n = (size_t)snprintf(line, sizeof line, "ValueError: %.*s", shift, "abc");
        while (n + 4 < 400)
            n += (size_t)snprintf(line + n, sizeof line - n, "\xe2\x82\xac");
        ev = read_line(line, n, &said);
        for (const char *p = ev.text; *p; p++)
            if ((unsigned char)*p == 0xe2)
                assert_true((unsigned char)p[1] == 0x82 && (unsigned char)p[2] == 0xac);
    }
}

static void every_prefix_of_a_line_is_safe(void **st)
{
    (void)st;
    for (size_t i = 0; i < BT_LEN(known); i++)
        for (size_t n = 0; n <= strlen(known[i].line); n++) {
            bool said;
            struct bt_log_event ev = read_line(known[i].line, n, &said);
            assert_int_equal(said, ev.kind != BT_LOG_NONE);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_lines), cmocka_unit_test(whose_line_it_is), cmocka_unit_test(other_lines_say_nothing), cmocka_unit_test(text_is_escaped_and_cut),
        cmocka_unit_test(every_prefix_of_a_line_is_safe),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

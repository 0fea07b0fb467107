/* engine_sglang.c - SGLang 0.5.23: flags, the default fraction by card, shapes, log lines. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#include "engine/sglang.h"

static struct bt_arena arena;

#define ARGS(...) (const char *[]){ __VA_ARGS__ }, (int)BT_LEN(((const char *[]){ __VA_ARGS__ }))
static struct bt_serve parsed(const char *const *argv, int argc)
{
    struct bt_serve s = { 0 };
    struct bt_strs rest = { 0 };
    struct bt_err err = { 0 };
    if (bt_opt_argv(bt_engine_find("sglang")->flags, &arena, argc, (char *const *)argv, &s, &rest, NULL, &err) < 0)
        fail_msg("%s", err.msg);
    assert_int_equal(rest.n, 0);
    return s;
}

static void flags_by_their_own_names(void **st)
{
    (void)st;
    struct bt_serve s = parsed(ARGS("--model-path", "M", "--tp", "4", "--pp-size=2", "--context-length", "8192", "--mem-fraction-static", "0.6", "--max-total-tokens", "65536",
                                    "--max-running-requests", "64", "--chunked-prefill-size", "2048", "--kv-cache-dtype", "bf16", "--disable-cuda-graph", "--port", "30001"));
    assert_true(s.tp == 4 && s.pp == 2 && s.context == 8192 && s.utilization == 0.6 && s.utilization_set && s.sglang.max_total_tokens == 65536 && s.max_seqs == 64);
    assert_true(s.max_batched_tokens == 2048 && s.eager && s.port == 30001);
    assert_string_equal(s.model, "M");
    assert_string_equal(s.kv_dtype, "bfloat16");
    assert_int_equal(parsed(ARGS("--tensor-parallel-size", "8", "--model", "M")).tp, 8);
}

/* Values that SGLang computes for real capacities (nvidia-smi's MiB). */
static void default_fraction_by_card(void **st)
{
    (void)st;
    static const struct { uint64_t mib, tp; double fraction; } cards[] = {
        { 24564, 1, 0.704 }, { 24564, 4, 0.679 }, { 32607, 1, 0.777 }, { 46068, 1, 0.843 }, { 81559, 1, 0.830 }, { 81559, 8, 0.812 }, { 143771, 1, 0.903 }, { 143771, 8, 0.893 },
        { 183359, 1, 0.854 },
    };
    const struct bt_engine *e = bt_engine_find("sglang");
    for (size_t i = 0; i < BT_LEN(cards); i++) {
        struct bt_serve s = { .tp = cards[i].tp };
        struct bt_engine_device d = { .total_bytes = cards[i].mib * MiB };
        bt_engine_resolve(e, &e->versions[0], &d, 32768, &s);
        if (fabs(s.utilization - cards[i].fraction) > 0.0005)
            fail_msg("%llu MiB, TP %llu: %.4f, want %.3f", (unsigned long long)cards[i].mib, (unsigned long long)cards[i].tp, s.utilization, cards[i].fraction);
    }
}

static void defaults_by_capacity(void **st)
{
    (void)st;
    static const struct { uint64_t gib, tp, chunk, batch; } rows[] = { { 16, 1, 2048, 8 }, { 16, 4, 2048, 8 }, { 24, 1, 4096, 48 }, { 24, 4, 4096, 160 }, { 48, 2, 4096, 32 },
                                                                       { 80, 1, 8192, 256 }, { 141, 8, 8192, 512 }, { 180, 1, 16384, 512 } };
    for (size_t i = 0; i < BT_LEN(rows); i++) {
        uint64_t chunk, batch;
        bt_sglang_by_capacity(rows[i].gib * GiB, rows[i].tp, &chunk, &batch);
        assert_int_equal(chunk, rows[i].chunk);
        assert_int_equal(batch, rows[i].batch);
    }
    struct bt_serve s = { .max_seqs = 16 };          /* fewer requests: smaller graphs */
    struct bt_engine_device d = { .total_bytes = 80 * GiB };
    const struct bt_engine *e = bt_engine_find("sglang");
    bt_engine_resolve(e, &e->versions[0], &d, 4096, &s);
    assert_true(s.sglang.graph_batch == 16 && s.sglang.seqs_given && s.block_size == 1 && s.context == 4096);
}

static void stages_and_shapes(void **st)
{
    (void)st;
    const struct bt_engine *e = bt_engine_find("sglang");
    char text[64];
    bt_engine_pp_text(e, 61, 4, text, sizeof text);
    assert_string_equal(text, "15,15,15,16");
    bt_engine_pp_text(e, 64, 3, text, sizeof text);
    assert_string_equal(text, "21,21,22");
    struct bt_shape m = { .heads = 40, .kv_heads = 8, .layers = 64, .hidden = 5120, .intermediate = 27648, .vocab = 152064 };
    struct bt_refusal why = { 0 };
    assert_true(bt_engine_shape_ok(e, &m, 4, 1, &why));
    assert_false(bt_engine_shape_ok(e, &m, 3, 1, &why));
    assert_string_equal(why.code, "heads-not-divisible");
    assert_false(bt_engine_shape_ok(e, &m, 5, 1, &why));
    assert_string_equal(why.code, "kv-heads-not-divisible");
    assert_false(bt_engine_shape_ok(e, &m, 1, 65, &why));
}

static void log_lines(void **st)
{
    (void)st;
    static const struct { const char *line; enum bt_log_kind kind; const char *step; double gib; uint64_t tokens; int percent; bool sized; const char *text; } lines[] = {
        { "[2026-11-21 10:00:00] server_args=ServerArgs(model_path='m', tp_size=2)", BT_LOG_STEP, "importing", 0, 0, -1, false, NULL },
        { "[2026-11-21 10:00:10 TP0] Load weight begin. avail mem=38.51 GB", BT_LOG_STEP, "loading weights", 0, 0, -1, false, NULL },
        { "Loading safetensors checkpoint shards:  25% Completed | 1/4 [00:01<00:03]", BT_LOG_PROGRESS, "loading weights", 0, 0, 25, false, NULL },
        { "[2026-11-21 10:00:20 TP0] Load weight end. elapsed=9.12 s, type=Qwen2ForCausalLM, dtype=torch.bfloat16, avail mem=22.90 GB, mem usage=15.61 GB.", BT_LOG_WEIGHTS_GIB, "loading weights",
            15.61, 0, -1, false, NULL },
        { "[2026-11-21 10:00:21 TP0] KV Cache is allocated. dtype: torch.bfloat16, #tokens: 226721, K size: 6.92 GB, V size: 6.92 GB", BT_LOG_KV_TOKENS, "allocating KV", 0, 226721, -1, false, NULL },
        { "[2026-11-21 10:00:21 TP0] Memory pool end. avail mem=8.10 GB", BT_LOG_STEP, "allocating KV", 0, 0, -1, true, NULL },
        { "[2026-11-21 10:00:30 TP0] Capture target decode CUDA graph end. elapsed=8.00 s, mem usage=0.42 GB, avail mem=7.60 GB.", BT_LOG_GRAPHS_GIB, "capturing graphs", 0.42, 0, -1, true, NULL },
        { "[2026-11-21 10:00:31 TP0] max_total_num_tokens=226721, chunked_prefill_size=4096, max_prefill_tokens=16384, max_running_requests=2048, context_len=32768, available_gpu_mem=7.60 GB",
          BT_LOG_KV_TOKENS, "starting the server", 0, 226721, -1, true, NULL },
        { "[2026-11-21 10:00:35] The server is fired up and ready to roll!", BT_LOG_READY, "ready", 0, 0, -1, true, NULL },
        { "RuntimeError: Not enough memory. Please try to increase --mem-fraction-static. Current value: mem_fraction_static=0.5", BT_LOG_ERROR, NULL, 0, 0, -1, false,
          "RuntimeError: Not enough memory. Please try to increase --mem-fraction-static. Current value: mem_fraction_static=0.5" },
        { "[2026-11-21 10:00:12] Rank 0 scheduler died during initialization (exit code: -9). If exit code is -9 (SIGKILL), a common cause is the OS OOM killer.", BT_LOG_WORKER_DIED, NULL, 0, 0, -1, false,
          "Rank 0 scheduler died during initialization (exit code: -9). If exit code is -9 (SIGKILL), a common cause is the OS OOM killer." },
        { "[2026-11-21 10:01:00 TP0] Decode batch. #running-req: 1, #token: 77, token usage: 0.00", BT_LOG_NONE, NULL, 0, 0, -1, false, NULL },
        { "Load weight end. nothing", BT_LOG_NONE, NULL, 0, 0, -1, false, NULL },
        { "", BT_LOG_NONE, NULL, 0, 0, -1, false, NULL },
    };
    const struct bt_engine *e = bt_engine_find("sglang");
    for (size_t i = 0; i < BT_LEN(lines); i++) {
        struct bt_log_event ev;
        bool said = e->log_line(bt_str(lines[i].line), &ev);
        if (said != (lines[i].kind != BT_LOG_NONE) || ev.kind != lines[i].kind || ev.tokens != lines[i].tokens || fabs(ev.gib - lines[i].gib) > 1e-9 || ev.percent != lines[i].percent || ev.kv_sized != lines[i].sized)
            fail_msg("%s: kind %d, %.2f, %llu", lines[i].line, (int)ev.kind, ev.gib, (unsigned long long)ev.tokens);
        if (lines[i].step)
            assert_string_equal(ev.step, lines[i].step);
        assert_string_equal(ev.text, lines[i].text ? lines[i].text : "");
    }
    char longest[3000];
    memset(longest, 'x', sizeof longest);
    memcpy(longest, "ValueError: ", 12);
    memcpy(longest + 245, "\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9", 8);
    struct bt_log_event ev;
    assert_true(e->log_line((struct bt_str){ longest, sizeof longest }, &ev));
    assert_true(strlen(ev.text) < sizeof ev.text && !strcmp(ev.text + strlen(ev.text) - 3, "..."));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(flags_by_their_own_names), cmocka_unit_test(default_fraction_by_card), cmocka_unit_test(defaults_by_capacity), cmocka_unit_test(stages_and_shapes), cmocka_unit_test(log_lines),
    };
    int rc = cmocka_run_group_tests(tests, NULL, NULL);
    bt_arena_release(&arena);
    return rc;
}

/* engine_llama.c - llama-server: flags, defaults, log lines of a real 0.5.0-dev, stop steps. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "engine/engine.h"

static struct bt_arena arena;
static const struct bt_engine *llama(void) { return bt_engine_find("llama-server"); }

static int parse(struct bt_serve *s, struct bt_err *err, int argc, const char *const *argv)
{
    struct bt_strs rest = { 0 };
    *s = (struct bt_serve){ 0 };
    return bt_opt_argv(llama()->flags, &arena, argc, (char *const *)argv, s, &rest, NULL, err);
}
#define PARSE(s, err, ...) parse((s), (err), (int)BT_LEN(((const char *const[]){ __VA_ARGS__ })), (const char *const[]){ __VA_ARGS__ })

static int done(void **st)
{
    (void)st;
    bt_arena_release(&arena);
    return 0;
}

static void layers_of_a_stage(void **st)
{
    (void)st;
    static const struct { uint32_t layers; uint64_t pp; const char *text; } cases[] = {
        { 32, 1, "32" }, { 32, 2, "17,15" }, { 32, 3, "11,11,10" }, { 3, 4, "1,1,1,0" },     /* 33 shares: the output is one, on the last card */
    };
    for (size_t i = 0; i < BT_LEN(cases); i++) {
        char text[64];
        bt_engine_pp_text(llama(), cases[i].layers, cases[i].pp, text, sizeof text);
        assert_string_equal(text, cases[i].text);
    }
}

static void a_plan_pins_one_pool(void **st)
{
    (void)st;
    struct bt_serve s = { 0 };
    llama()->planned(1, &s);
    assert_true(s.llama.planned && s.llama.unified && s.max_seqs == 4);
    s = (struct bt_serve){ 0 };
    llama()->planned(9, &s);
    assert_int_equal(s.max_seqs, 9);
    s = (struct bt_serve){ .max_seqs = 2 };
    llama()->planned(1, &s);
    assert_int_equal(s.max_seqs, 2);
}

static void flags_by_their_own_names(void **st)
{
    (void)st;
    struct bt_serve s;
    struct bt_err err = { 0 };
    assert_int_equal(PARSE(&s, &err, "-m", "a.gguf", "-ngl", "20", "-c", "8192", "-np", "2", "-b", "1024", "-ub", "256", "-sm", "layer", "-ts", "3,1", "-ctk", "q8_0",
                           "-ctv", "q4_0", "-fa", "on", "--load-mode", "none", "--host", "::1", "--port", "9", "-dev", "CUDA0,CUDA1", "-kvu"), 0);
    assert_string_equal(s.model, "a.gguf");
    assert_int_equal(s.llama.gpu_layers, 20);
    assert_int_equal(s.context, 8192);
    assert_int_equal(s.max_seqs, 2);
    assert_int_equal(s.llama.ubatch, 256);
    assert_int_equal(s.llama.nsplit, 2);
    assert_true(s.llama.split[0] > 2.9 && s.llama.split[1] < 1.1);
    assert_string_equal(s.llama.kv_k, "q8_0");
    assert_true(s.llama.unified && s.llama.unified_set);
    struct { const char *flag, *value, *why; } bad[] = {
        { "-sm", "row", "one of none, layer, tensor" }, { "-ctk", "q6_K", "one of f32" }, { "-ngl", "many", "a number of layers" }, { "-ts", "0,0", "a share above 0" },
        { "-ts", "1,,1", "shares such as" }, { "-np", "300", "1 to 256 slots" }, { "--no-such-flag", "1", "unknown option" }, { "-c", "-5", "ctx-size" },
    };
    for (size_t i = 0; i < BT_LEN(bad); i++) {
        err = (struct bt_err){ 0 };
        if (PARSE(&s, &err, bad[i].flag, bad[i].value) == 0)
            fail_msg("%s %s was accepted", bad[i].flag, bad[i].value);
        if (!strstr(err.msg, bad[i].why) && strcmp(bad[i].flag, "-c"))
            fail_msg("\"%s\" does not say \"%s\"", err.msg, bad[i].why);
    }
}

static void defaults(void **st)
{
    (void)st;
    struct bt_engine_device gpu = { .total_bytes = 24 * GiB, .name = "x" }, cpu = { .cpu = true };
    struct bt_err err = { 0 };
    const struct bt_engine_version *v = bt_engine_version(llama(), NULL, NULL, &err);
    struct bt_serve s = { 0 };
    bt_engine_resolve(llama(), v, &gpu, 32768, &s);
    assert_int_equal(s.max_seqs, 4);
    assert_true(s.llama.unified);
    assert_int_equal(s.context, 32768);
    assert_int_equal(s.llama.ubatch, 512);
    assert_int_equal(s.llama.gpu_layers, UINT32_MAX);
    assert_int_equal(s.pp, 1);
    assert_int_equal(PARSE(&s, &err, "-np", "4", "-ts", "1,1,1", "-c", "300"), 0);
    bt_engine_resolve(llama(), v, &gpu, 32768, &s);
    assert_false(s.llama.unified);                   /* slots in so many words: each has its part */
    assert_int_equal(s.pp, 3);
    assert_int_equal(s.llama.ubatch, 300);
    s = (struct bt_serve){ 0 };
    bt_engine_resolve(llama(), v, &cpu, 2048, &s);
    assert_int_equal(s.llama.gpu_layers, 0);
    assert_string_equal(bt_engine_version(llama(), "0.5.0-dev", NULL, &err)->version, "0.5.0");
    assert_string_equal(bt_engine_version(llama(), "10524", NULL, &err)->version, "0.5.0");          /* a build number */
    assert_null(bt_engine_version(llama(), "0.0.9", NULL, &err));
}

static void shapes(void **st)
{
    (void)st;
    struct bt_shape m = { .heads = 40, .layers = 4 };
    struct bt_refusal why = { 0 };
    assert_true(bt_engine_shape_ok(llama(), &m, 1, 5, &why));
    assert_false(bt_engine_shape_ok(llama(), &m, 1, 6, &why));
    assert_string_equal(why.code, "more-stages-than-layers");
    assert_false(bt_engine_shape_ok(llama(), &m, 2, 1, &why));
    assert_string_equal(why.code, "no-tensor-parallel");
}

/* ---- log lines, as 0.5.0-dev writes them ---- */

static struct bt_log_event said(const char *line)
{
    struct bt_log_event ev;
    if (!llama()->log_line(bt_str(line), &ev))
        fail_msg("nothing in \"%s\"", line);
    return ev;
}

static void text_lines(void **st)
{
    (void)st;
    static const struct { const char *line; enum bt_log_kind kind; const char *step; } lines[] = {
        { "0.00.005.422 I srv    load_model: loading model './tiny.gguf'", BT_LOG_STEP, "loading weights" },
        { "0.00.030.072 I llama_context: constructing llama_context", BT_LOG_STEP, "allocating KV" },
        { "0.00.041.000 I srv  llama_server: model loaded", BT_LOG_STEP, "starting the server" },
        { "0.13.081.163 I srv  llama_server: listening on http://127.0.0.1:8703", BT_LOG_READY, "ready" },
    };
    for (size_t i = 0; i < BT_LEN(lines); i++) {
        struct bt_log_event ev = said(lines[i].line);
        assert_int_equal(ev.kind, lines[i].kind);
        assert_string_equal(ev.step, lines[i].step);
    }
    struct bt_log_event kv = said("0.00.030.423 I llama_kv_cache:        CPU KV buffer size =     4.00 MiB"), w = said("0.00.029.711 I load_tensors:   CPU_Mapped model buffer size =    10.01 MiB");
    assert_int_equal(kv.kind, BT_LOG_KV_GIB);
    assert_true(kv.gib > 0.0039 && kv.gib < 0.003907 && !kv.kv_sized);
    assert_int_equal(w.kind, BT_LOG_WEIGHTS_GIB);
    struct bt_log_event compute = said("0.00.045.993 I sched_reserve:      CUDA1 compute buffer size =   304.00 MiB"), host = said("0.00.045.993 I sched_reserve:        CPU compute buffer size =     6.51 MiB");
    assert_true(compute.kind == BT_LOG_ACTIVATION_GIB && compute.rank == 1 && compute.pp == -1 && compute.gib == 304.0 / 1024);
    assert_true(host.kind == BT_LOG_STEP && host.rank == -1);
    struct bt_log_event slots = said("0.00.963.452 I srv    load_model: initializing, n_slots = 4, n_ctx_slot = 2048, kv_unified = 'true'");
    assert_int_equal(slots.kind, BT_LOG_KV_TOKENS);
    assert_int_equal(slots.tokens, 2048);
    assert_true(slots.kv_sized);
    struct bt_log_event ev;
    assert_false(llama()->log_line(BT_S("0.00.045.240 I resolve_fused_ops: resolving fused DeepSeek V4 HC support:"), &ev));
    assert_false(llama()->log_line(BT_S(""), &ev));
    assert_false(llama()->log_line(BT_S("0.00.1 I"), &ev));
}

static void the_first_error_is_the_cause(void **st)
{
    (void)st;
    static const struct { const char *line, *text; } lines[] = {
        { "0.00.006.041 E llama_model_load: error loading model: tensor 'blk.1.ffn_up.weight' data is not within the file bounds, model is corrupted or incomplete",
          "error loading model: tensor 'blk.1.ffn_up.weight' data is not within the file bounds, model is corrupted or incomplete" },
        { "0.00.003.634 E srv         start: couldn't bind HTTP server socket, hostname: 127.0.0.1, port: 8711", "couldn't bind HTTP server socket, hostname: 127.0.0.1, port: 8711" },
        { "0.00.005.239 E gguf_init_from_reader: invalid magic characters: 'J\?\?\?', expected 'GGUF'", "invalid magic characters: 'J\?\?\?', expected 'GGUF'" },
        { "0.15.238.854 E ggml_aligned_malloc: insufficient memory (attempted to allocate 195312.50 MB)", "insufficient memory (attempted to allocate 195312.50 MB)" },
        { "error: invalid argument: --no-such-flag", "error: invalid argument: --no-such-flag" },
        { "CUDA error: out of memory", "CUDA error: out of memory" },
        { "{\"type\":\"log\",\"time\":1,\"level\":\"error\",\"msg\":\"llama_model_load: error loading model: x\\n\"}", "error loading model: x" },
    };
    for (size_t i = 0; i < BT_LEN(lines); i++) {
        struct bt_log_event ev = said(lines[i].line);
        assert_int_equal(ev.kind, BT_LOG_ERROR);
        assert_string_equal(ev.text, lines[i].text);
    }
}

static void json_lines(void **st)
{
    (void)st;
    assert_int_equal(said("{\"type\":\"log\",\"time\":233927,\"level\":\"info\",\"msg\":\"srv  llama_server: listening on http://127.0.0.1:8880\\n\"}").kind, BT_LOG_READY);
    struct bt_log_event ev = said("{\"type\":\"fit_memory_breakdown\",\"data\":{\"unit\":\"MiB\",\"rows\":[{\"kind\":\"device\",\"name\":\"CUDA0\",\"context\":1020},"
                                  "{\"kind\":\"host\",\"name\":\"Host\",\"self\":20,\"model\":10,\"context\":4,\"compute\":6}]}}");
    assert_int_equal(ev.kind, BT_LOG_KV_GIB);
    assert_true(ev.gib == 1.0);
    static const char *const broken[] = { "{\"type\":", "{\"type\":\"log\"}", "{\"type\":\"fit_memory_breakdown\"}", "{\"type\":1,\"msg\":\"x\"}",
                                          "{\"type\":\"fit_memory_breakdown\",\"data\":{\"rows\":[{\"context\":-1}]}}" };
    for (size_t i = 0; i < BT_LEN(broken); i++)
        assert_false(llama()->log_line(bt_str(broken[i]), &ev));
}

static void stops(void **st)
{
    (void)st;
    const struct bt_engine *e = llama();
    assert_int_equal(e->stop_ready[0].signal, SIGTERM);
    assert_int_equal(e->stop_ready[1].signal, SIGTERM);          /* the first hangs while a client streams */
    assert_int_equal(e->stop_ready[e->nstop_ready - 1].signal, SIGKILL);
    assert_int_equal(e->stop_ready[e->nstop_ready - 1].whom, BT_STOP_TREE);
    assert_int_equal(e->stop_starting[0].signal, SIGTERM);
    assert_int_equal(e->stop_starting[1].signal, SIGKILL);
    for (const struct bt_opt *o = e->flags; o->name; o++)        /* the same struct for every engine: no flag outside it */
        assert_true(o->off < sizeof(struct bt_serve));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(layers_of_a_stage), cmocka_unit_test(a_plan_pins_one_pool), cmocka_unit_test(flags_by_their_own_names), cmocka_unit_test(defaults), cmocka_unit_test(shapes),
        cmocka_unit_test(text_lines), cmocka_unit_test(the_first_error_is_the_cause), cmocka_unit_test(json_lines), cmocka_unit_test(stops),
    };
    return cmocka_run_group_tests_name("engine_llama", tests, NULL, done);
}

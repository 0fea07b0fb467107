/* What an engine is started with, read back through its own table of flags: what was decided is what it is told. */
#include "base_test.h"
#include "engine/engine.h"

static struct bt_arena arena;
static const char *const engines[] = { "vllm", "sglang", "llama-server" };

static struct bt_engine_command command(const struct bt_engine *e, const struct bt_serve *s, const struct bt_strs *raw, bool brief)
{
    struct bt_err err = { 0 };
    const struct bt_engine_version *v = bt_engine_version(e, NULL, NULL, &err);
    struct bt_engine_start in = { .arena = &arena, .version = v, .serve = s, .program = brief ? NULL : "/opt/bin/engine", .model = "/models/m", .host = brief ? NULL : "127.0.0.1",
                                  .port = brief ? NULL : "4711", .name = brief ? NULL : "llm", .kv_bytes = 3 * GiB, .kv_tokens = 50000, .share = 0.5, .brief = brief, .raw = raw };
    struct bt_engine_command out = { 0 };
    e->start(&in, &out);
    return out;
}

/* Everything behind the program's own words, through the table. */
static struct bt_serve read_back(const struct bt_engine *e, const struct bt_engine_command *c, const char **positional)
{
    struct bt_serve s = { 0 };
    struct bt_strs rest = { 0 };
    struct bt_err err = { 0 };
    size_t first = 1;
    while (first < c->argv.n && c->argv.v[first][0] != '-' && first < 2)
        first++;
    struct bt_strs words = { 0 };
    for (size_t i = first; i < c->argv.n; i++)
        if (!strcmp(c->argv.v[i], "--nccl-port"))    /* of no matter to memory: not in the table */
            i++;
        else if (strcmp(c->argv.v[i], "--metrics"))
            BT_PUSH(&arena, words.v, words.n, c->argv.v[i]);
    if (bt_opt_argv(e->flags, &arena, (int)words.n, (char *const *)words.v, &s, &rest, NULL, &err) < 0)
        fail_msg("%s: %s", e->name, err.msg);
    assert_true(rest.n <= 1);
    *positional = rest.n ? rest.v[0] : s.model;
    return s;
}

static struct bt_serve asked(const struct bt_engine *e, const struct bt_strs *raw)
{
    struct bt_serve s = { .tp = strcmp(e->name, "llama-server") ? 2 : 1, .pp = 2, .context = 8192, .max_seqs = 24 };
    struct bt_engine_device device = { .total_bytes = 80 * GiB, .name = "NVIDIA H100 80GB HBM3" };
    struct bt_strs rest = { 0 };
    struct bt_err err = { 0 };
    if (raw && bt_opt_argv(e->flags, &arena, (int)raw->n, (char *const *)raw->v, &s, &rest, NULL, &err) < 0)
        fail_msg("%s", err.msg);
    bt_engine_resolve(e, bt_engine_version(e, NULL, NULL, &err), &device, 32768, &s);
    return s;
}

static void what_was_decided_is_what_it_is_told(void **st)
{
    (void)st;
    for (size_t i = 0; i < BT_LEN(engines); i++) {
        const struct bt_engine *e = bt_engine_find(engines[i]);
        struct bt_serve s = asked(e, NULL);
        struct bt_engine_command c = command(e, &s, NULL, false);
        const char *model;
        struct bt_serve got = read_back(e, &c, &model);
        assert_string_equal(c.argv.v[0], "/opt/bin/engine");
        assert_string_equal(model, "/models/m");
        assert_string_equal(got.host, "127.0.0.1");
        assert_int_equal(got.port, 4711);
        assert_string_equal(got.served_name, "llm");
        assert_int_equal(got.context, s.context);
        assert_int_equal(got.max_seqs, 24);
        assert_int_equal(got.max_batched_tokens, s.max_batched_tokens);
    }
}

static void shape_and_bytes_in_each_engines_words(void **st)
{
    (void)st;
    const char *model;
    struct bt_serve s = asked(bt_engine_find("vllm"), NULL);
    struct bt_engine_command c = command(bt_engine_find("vllm"), &s, NULL, false);
    struct bt_serve got = read_back(bt_engine_find("vllm"), &c, &model);
    assert_int_equal(got.tp, 2);
    assert_int_equal(got.pp, 2);
    assert_int_equal(got.kv_bytes, 3 * GiB);
    assert_true(got.utilization_set && got.utilization == 0.5);
    assert_int_equal(c.nenv, 1);
    assert_string_equal(c.env[0].key, "VLLM_PORT");

    s = asked(bt_engine_find("sglang"), NULL);
    c = command(bt_engine_find("sglang"), &s, NULL, false);
    got = read_back(bt_engine_find("sglang"), &c, &model);
    assert_int_equal(got.tp, 2);
    assert_int_equal(got.sglang.max_total_tokens, 50000);
    assert_true(got.utilization_set && got.utilization == 0.5);
    assert_int_equal(got.sglang.graph_batch, s.sglang.graph_batch);

    s = asked(bt_engine_find("llama-server"), NULL);
    c = command(bt_engine_find("llama-server"), &s, NULL, false);
    got = read_back(bt_engine_find("llama-server"), &c, &model);
    assert_int_equal(got.llama.nsplit, 2);           /* a card a share: what is free does not decide */
    assert_string_equal(got.llama.fit, "off");
    assert_true(got.llama.gpu_layers_set && got.llama.gpu_layers == s.llama.gpu_layers);
    assert_int_equal(got.llama.ubatch, s.llama.ubatch);
    assert_int_equal(got.llama.unified, s.llama.unified);
}

static size_t times(const struct bt_strs *words, const char *what)
{
    size_t n = 0;
    for (size_t i = 0; i < words->n; i++)
        n += !strcmp(words->v[i], what);
    return n;
}

/* In any spelling: an alias, underscores, "=". Theirs has been through need, so it is the same value; said twice the last would win silently. */
static void the_users_own_words_are_not_repeated(void **st)
{
    (void)st;
    static const struct { const char *engine, *words[3], *ours; } cases[] = {
        { "vllm", { "--max_num_seqs", "24" }, "--max-num-seqs" },
        { "vllm", { "--enforce-eager" }, NULL },
        { "vllm", { "--cpu-offload-gb=4" }, "--cpu-offload-gb" },
        { "sglang", { "--max-running-requests=24" }, "--max-running-requests" },
        { "sglang", { "--cuda-graph-max-bs", "8" }, "--cuda-graph-max-bs-decode" },
        { "llama-server", { "-ub", "256" }, "--ubatch-size" },
        { "llama-server", { "--n-gpu-layers", "7" }, "--gpu-layers" },
        { "llama-server", { "-fa", "on" }, "--flash-attn" },
    };
    for (size_t i = 0; i < BT_LEN(cases); i++) {
        struct bt_strs raw = { 0 };
        for (size_t k = 0; k < 3 && cases[i].words[k]; k++)
            BT_PUSH(&arena, raw.v, raw.n, cases[i].words[k]);
        const struct bt_engine *e = bt_engine_find(cases[i].engine);
        struct bt_serve s = asked(e, &raw);
        struct bt_engine_command c = command(e, &s, &raw, false);
        assert_int_equal(times(&c.argv, cases[i].words[0]), 1);
        if (cases[i].ours)
            assert_int_equal(times(&c.argv, cases[i].ours), 0);
        for (size_t k = 0; k < raw.n; k++)           /* at the end, as written */
            assert_string_equal(c.argv.v[c.argv.n - raw.n + k], raw.v[k]);
    }
}

static void for_people_defaults_are_left_out(void **st)
{
    (void)st;
    struct bt_serve s = { .context = 4096 };
    struct bt_engine_device device = { .total_bytes = 24 * GiB, .name = "NVIDIA GeForce RTX 4090" };
    const struct bt_engine *e = bt_engine_find("vllm");
    struct bt_err err = { 0 };
    bt_engine_resolve(e, bt_engine_version(e, NULL, NULL, &err), &device, 32768, &s);
    struct bt_engine_command c = command(e, &s, NULL, true);
    assert_string_equal(c.argv.v[0], "vllm");
    assert_int_equal(times(&c.argv, "--tensor-parallel-size"), 0);
    assert_int_equal(times(&c.argv, "--port"), 0);
    assert_int_equal(c.nenv, 0);
    s = asked(bt_engine_find("llama-server"), NULL);
    c = command(bt_engine_find("llama-server"), &s, NULL, true);
    assert_string_equal(c.argv.v[0], "llama-server");
    assert_int_equal(times(&c.argv, "-c"), 1);
    s = asked(bt_engine_find("sglang"), NULL);
    c = command(bt_engine_find("sglang"), &s, NULL, true);
    assert_string_equal(c.argv.v[2], "sglang.launch_server");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_decided_is_what_it_is_told), cmocka_unit_test(shape_and_bytes_in_each_engines_words),
        cmocka_unit_test(the_users_own_words_are_not_repeated), cmocka_unit_test(for_people_defaults_are_left_out),
    };
    int rc = cmocka_run_group_tests(tests, NULL, NULL);
    bt_arena_release(&arena);
    return rc;
}

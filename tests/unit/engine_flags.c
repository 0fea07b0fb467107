/* engine_flags.c - vLLM's flags by their own names, into struct bt_serve. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#include "engine/engine.h"

static struct bt_arena arena;

#define ARGS(...) (const char *[]){ __VA_ARGS__ }, (int)BT_LEN(((const char *[]){ __VA_ARGS__ }))
static int parse(struct bt_serve *s, struct bt_err *err, const char *const *argv, int argc)
{
    struct bt_strs rest = { 0 };
    *s = (struct bt_serve){ 0 };
    *err = (struct bt_err){ 0 };
    int rc = bt_opt_argv(bt_engine_find("vllm")->flags, &arena, argc, (char *const *)argv, s, &rest, NULL, err);
    return rc < 0 ? rc : (int)rest.n;
}

static void flags_fill_the_request(void **st)
{
    (void)st;
    struct bt_serve s;
    struct bt_err err;
    assert_int_equal(parse(&s, &err, ARGS("--tensor-parallel-size", "2", "--pipeline-parallel-size=3", "--max-model-len", "8K", "--gpu-memory-utilization", "0.4",
        "--kv-cache-memory-bytes", "8G", "--kv-cache-dtype", "fp8", "--max-num-seqs", "64", "--max-num-batched-tokens", "8k", "--enforce-eager",
        "--enable-lora", "--max-loras", "4", "--max-lora-rank", "64", "--dtype", "bfloat16", "--served-model-name", "llm", "--port", "8001")), 0);
    assert_true(s.tp == 2 && s.pp == 3 && s.context == 8192 && s.utilization == 0.4 && s.utilization_set && s.kv_bytes == 8 * GiB && s.max_seqs == 64);
    assert_true(s.max_batched_tokens == 8000 && s.eager && s.lora && s.max_loras == 4 && s.max_lora_rank == 64 && s.port == 8001);
    assert_string_equal(s.kv_dtype, "fp8");
    assert_string_equal(s.dtype, "bfloat16");
    assert_string_equal(s.served_name, "llm");
    assert_int_equal(parse(&s, &err, ARGS("--tp", "4", "--pp", "2", "-q", "awq", "--no-enable-prefix-caching", "MODEL")), 1);
    assert_true(s.tp == 4 && s.pp == 2 && s.prefix_caching_off && !s.utilization_set);
    assert_string_equal(s.quantization, "awq");
    assert_int_equal(parse(&s, &err, ARGS("--max_model_len", "4096", "--enable-prefix-caching")), 0);
    assert_true(s.context == 4096 && !s.prefix_caching_off && s.prefix_caching_on);
}

static void context_auto(void **st)
{
    (void)st;
    struct bt_serve s;
    struct bt_err err;
    assert_int_equal(parse(&s, &err, ARGS("--max-model-len", "auto")), 0);
    assert_true(s.context_auto && s.context == 0);
    assert_int_equal(parse(&s, &err, ARGS("--max-model-len=-1")), 0);
    assert_true(s.context_auto);
    assert_int_equal(parse(&s, &err, ARGS("--max-model-len", "-1")), 0);
    assert_true(s.context_auto);
    assert_int_equal(parse(&s, &err, ARGS("--max-model-len=auto", "--max-model-len=100")), 0);       /* the last one counts */
    assert_true(!s.context_auto && s.context == 100);
}

static void bad_values(void **st)
{
    (void)st;
    static const char *const cases[][2] = {
        { "--max-model-len=many", "--max-model-len" }, { "--max-model-len=0", "--max-model-len" }, { "--max-model-len=5000000000", "--max-model-len" },
        { "--max-lora-rank=24", "one of: 1, 8, 16" }, { "--kv-cache-dtype=int4", "one of: auto" }, { "--dtype=bf16", "one of: auto" },
        { "--tensor-parallel-size=0", "tensor-parallel-size" }, { "--gpu-memory-utilization=1.5", "gpu-memory-utilization" },
        { "--gpu-memory-utilization=nan", "gpu-memory-utilization" }, { "--tensor-paralel-size=2", "tensor-parallel-size" }, { "--kv-cache-memory-bytes=-1", "kv-cache" },
    };
    for (size_t i = 0; i < BT_LEN(cases); i++) {
        struct bt_serve s;
        struct bt_err err;
        if (parse(&s, &err, &cases[i][0], 1) >= 0)
            fail_msg("accepted: %s", cases[i][0]);
        if (!strstr(err.msg, cases[i][1]) && !strstr(err.hint, cases[i][1]))
            fail_msg("%s: \"%s\" (%s)", cases[i][0], err.msg, err.hint);
        assert_int_equal(err.code, BT_E_USAGE);
    }
}

static void the_table_is_whole(void **st)
{
    (void)st;
    const struct bt_opt *flags = bt_engine_find("vllm")->flags;
    for (const struct bt_opt *o = flags; o->name; o++) {
        assert_true(o->type != BT_OPT_NONE && o->off < sizeof(struct bt_serve));
        assert_int_equal(o->type == BT_OPT_CUSTOM, o->parse != NULL);
        for (const struct bt_opt *p = flags; p < o; p++) {
            assert_string_not_equal(p->name, o->name);
            assert_false(p->alias && o->alias && !strcmp(p->alias, o->alias));
        }
    }
}

static int teardown(void **st)
{
    (void)st;
    bt_arena_release(&arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(flags_fill_the_request), cmocka_unit_test(context_auto), cmocka_unit_test(bad_values), cmocka_unit_test(the_table_is_whole),
    };
    return cmocka_run_group_tests(tests, NULL, teardown);
}

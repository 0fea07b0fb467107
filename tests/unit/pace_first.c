/* First tokens: the host's launches, what an engine hands out late, and how sure a figure is. */
#include <math.h>

#include "pace_help.h"

/* Prompts are read in outside of graphs: short ones through many experts wait for the host's launches, long ones do not. */
static void short_prompts_wait_for_the_host(void **st)
{
    (void)st;
    bt_auto_arena a = { 0 };
    struct bt_gpu g = card_named("b200");
    struct bt_pace_in in = { .model = model_of(&a, "Qwen/Qwen3-235B-A22B"), .engine_name = "sglang", .card = &g, .tp = 8, .nvlink = true, .prompt = 600 };
    struct bt_pace_first f, twice, vllm_first, long_one;
    bt_pace_first(&in, &f);
    in.prompt = 1200;
    bt_pace_first(&in, &twice);
    assert_near(f.compute_s, 94 * 1.8e-3, 1e-9);
    assert_near(twice.compute_s, f.compute_s, 1e-9);
    in.prompt = 60000;
    bt_pace_first(&in, &long_one);
    assert_true(long_one.compute_s > 1.5 * f.compute_s);
    in.prompt = 600;
    struct bt_pace waits, does_not; /* and those who decode beside them do: 16 streams of 500 tokens, so that every 31st step stands still for a prompt */
    in.streams = 16;
    in.answer = 500;
    bt_pace_decode(&in, &waits);
    bt_pace_first(&in, &f);
    assert_near(waits.prefill_ms, 16.0 / 500 * (94 * 1.8 + f.link_s * 1e3) * 0.75, 1e-9);
    in.engine_name = "vllm";
    bt_pace_decode(&in, &does_not);
    assert_true(does_not.prefill_ms < 0.1 * waits.prefill_ms);
    bt_pace_first(&in, &vllm_first);
    assert_true(vllm_first.seconds < f.seconds);
}

/* SGLang hands out what a step gave while the next one runs: its first token comes a step later. Measured on an A10G: 71.6 ms, and 44.0 under vLLM. */
static void sglang_gives_its_first_token_a_step_later(void **st)
{
    (void)st;
    bt_auto_arena a = { 0 };
    struct bt_gpu g = card_named("a10g");
    struct bt_pace_in in = { .model = model_of(&a, "Qwen/Qwen3-8B"), .engine_name = "sglang", .card = &g, .prompt = 64 };
    struct bt_pace_first f, two;
    struct bt_pace step;
    bt_pace_first(&in, &f);
    in.tenants = 2;
    bt_pace_first(&in, &two);
    assert_near(two.seconds, 2 * f.seconds, 1e-12);
    in.tenants = 0;
    in.context = 64;
    in.prompt = 0;
    bt_pace_decode(&in, &step);
    assert_near(f.floor_s, 10e-3 + step.step_ms / 1e3, 1e-12);
    assert_near(f.seconds, 71.6e-3, 5e-3);
    in.prompt = 64;
    in.engine_name = "vllm";
    bt_pace_first(&in, &f);
    assert_near(f.floor_s, 9e-3, 1e-12);
    assert_near(f.seconds, 44.0e-3, 7e-3);
}

/* Between which times a first token is: by what was measured of its kind. */
static void first_tokens_say_how_sure_they_are(void **st)
{
    (void)st;
    bt_auto_arena a = { 0 };
    static const struct {
        const char *model, *card, *engine, *quantization;
        uint64_t tp, prompt;
        double factor;
    } rows[] = {
        { "Qwen/Qwen3-8B", "a100-sxm4-80", "vllm", NULL, 1, 1000, 1.2 },      { "Qwen/Qwen3-8B", "a100-sxm4-80", "vllm", NULL, 1, 999, 2 },
        { "Qwen/Qwen3-8B", "a100-sxm4-80", "vllm", NULL, 2, 4096, 2 },        { "Qwen/Qwen3-8B", "a100-sxm4-80", "sglang", NULL, 1, 4096, 2 },
        { "Qwen/Qwen3-8B", "a100-sxm4-80", "llama.cpp", "q4_k_m", 1, 4096, 2 }, { "Qwen/Qwen3-8B", "h100-sxm", "vllm", "fp8", 1, 4096, 2 },
        { "Qwen/Qwen3-30B-A3B", "h100-sxm", "vllm", NULL, 1, 4096, 2 },       { "Qwen/Qwen3-8B", "gb10", "vllm", NULL, 1, 4096, 1.2 },
        { "Qwen/Qwen3-8B", "gb10", "vllm", "fp8", 1, 4096, 0 },               { "Qwen/Qwen3-8B", "mi300x", "vllm", NULL, 1, 4096, 0 },
        { "Qwen/Qwen3-8B", "b200", "vllm", NULL, 1, 4096, 0 },                { "Qwen/Qwen3-8B", "h100-sxm", "transformers", NULL, 1, 4096, 0 },
    };
    for (size_t i = 0; i < BT_LEN(rows); i++) {
        struct bt_gpu g = card_named(rows[i].card);
        struct bt_pace_in in = { .model = model_of(&a, rows[i].model), .engine_name = rows[i].engine, .card = &g, .tp = rows[i].tp, .prompt = rows[i].prompt,
                                 .quantization = rows[i].quantization, .nvlink = true };
        struct bt_pace_first f;
        bt_pace_first(&in, &f);
        assert_true(f.known);
        assert_near(f.factor, rows[i].factor, 1e-9);
    }
}

/* GeForce of the RTX 30s read prompts in at their stated rate: 2048 tokens of Qwen2.5-7B were measured at 435.7 ms on an RTX 3090 (0.66 of it gave 650). Of more
 * than two over PCIe it hangs on the slots: no range is said. */
static void prompts_on_geforce_30(void **st)
{
    (void)st;
    bt_auto_arena a = { 0 };
    struct bt_gpu game = card_named("rtx3090"), board = card_named("rtxa6000");
    struct bt_pace_in in = { .model = model_of(&a, "Qwen/Qwen2.5-7B"), .engine_name = "vllm", .engine_version = "0.12", .card = &game, .tp = 1, .prompt = 2048 };
    struct bt_pace_first f, slow;
    bt_pace_first(&in, &f);
    assert_near(f.seconds, 435.7e-3, 25e-3);
    in.card = &board;
    bt_pace_first(&in, &slow);
    assert_near(f.compute_s * 71 * 0.95, slow.compute_s * 155 * 0.66, 1e-9); /* the same operations, at each one's share of what is stated */
    in.card = &game;
    in.tp = 2;
    bt_pace_first(&in, &f);
    assert_near(f.factor, 2, 1e-9);
    in.tp = 4;
    bt_pace_first(&in, &f);
    assert_true(f.known);
    assert_near(f.factor, 0, 1e-9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(short_prompts_wait_for_the_host),
        cmocka_unit_test(sglang_gives_its_first_token_a_step_later),
        cmocka_unit_test(first_tokens_say_how_sure_they_are),
        cmocka_unit_test(prompts_on_geforce_30),
    };
    return cmocka_run_group_tests(tests, no_cache, NULL);
}

/* The roofline against rows worked out independently with the same constants, and against what must hold. */
#include "need_help.h"

#include "pace/pace.h"

/* model, card, TP; then ms of weights, all-reduces, whole step, and tokens/s of one stream after 512 + 128 tokens; vLLM >= 0.12, 16 bit. */
static const struct { const char *model, *card; uint64_t tp; double weights_ms, allreduce_ms, step_ms, tok_s; } golden[] = {
    { "meta-llama/Llama-3.2-1B-Instruct", "rtx3090", 1, 3.071, 0.000, 4.141, 241.5 },
    { "meta-llama/Llama-3.2-1B-Instruct", "rtx3090", 2, 1.535, 0.416, 3.005, 332.7 },
    { "meta-llama/Llama-3.2-1B-Instruct", "rtx3090", 4, 0.768, 0.808, 2.622, 381.4 },
    { "meta-llama/Llama-3.2-1B-Instruct", "rtx3090", 8, 0.384, 1.386, 2.812, 355.6 },
    { "meta-llama/Llama-3.2-1B-Instruct", "rtx4090", 1, 2.637, 0.000, 3.703, 270.1 },
    { "meta-llama/Llama-3.2-1B-Instruct", "rtx4090", 2, 1.318, 0.416, 2.786, 358.9 },
    { "meta-llama/Llama-3.2-1B-Instruct", "rtx4090", 4, 0.659, 0.808, 2.513, 398.0 },
    { "meta-llama/Llama-3.2-1B-Instruct", "rtx4090", 8, 0.330, 1.386, 2.757, 362.7 },
    { "meta-llama/Llama-3.1-8B-Instruct", "t4", 1, 59.372, 0.000, 61.507, 16.3 },
    { "meta-llama/Llama-3.1-8B-Instruct", "t4", 2, 29.686, 0.266, 31.883, 31.4 },
    { "meta-llama/Llama-3.1-8B-Instruct", "t4", 4, 14.843, 0.717, 17.388, 57.5 },
    { "meta-llama/Llama-3.1-8B-Instruct", "t4", 8, 7.422, 1.238, 10.436, 95.8 },
    { "meta-llama/Llama-3.1-8B-Instruct", "a10g", 1, 29.088, 0.000, 31.014, 32.2 },
    { "meta-llama/Llama-3.1-8B-Instruct", "a10g", 2, 14.544, 0.876, 17.246, 58.0 },
    { "meta-llama/Llama-3.1-8B-Instruct", "a10g", 4, 7.272, 1.706, 10.754, 93.0 },
    { "meta-llama/Llama-3.1-8B-Instruct", "a10g", 8, 3.636, 2.957, 8.344, 119.8 },
    { "meta-llama/Llama-3.1-8B-Instruct", "rtx3090", 1, 18.646, 0.000, 20.500, 48.8 },
    { "meta-llama/Llama-3.1-8B-Instruct", "rtx3090", 2, 9.323, 0.876, 11.989, 83.4 },
    { "meta-llama/Llama-3.1-8B-Instruct", "rtx3090", 4, 4.662, 1.706, 8.126, 123.1 },
    { "meta-llama/Llama-3.1-8B-Instruct", "rtx3090", 8, 2.331, 2.957, 7.030, 142.2 },
    { "meta-llama/Llama-3.1-8B-Instruct", "rtx4090", 1, 16.011, 0.000, 17.847, 56.0 },
    { "meta-llama/Llama-3.1-8B-Instruct", "rtx4090", 2, 8.005, 0.876, 10.662, 93.8 },
    { "meta-llama/Llama-3.1-8B-Instruct", "rtx4090", 4, 4.003, 1.706, 7.463, 134.0 },
    { "meta-llama/Llama-3.1-8B-Instruct", "rtx4090", 8, 2.001, 2.957, 6.699, 149.3 },
    { "meta-llama/Llama-3.1-8B-Instruct", "l4", 1, 53.797, 0.000, 55.893, 17.9 },
    { "meta-llama/Llama-3.1-8B-Instruct", "l4", 2, 26.898, 0.266, 29.076, 34.4 },
    { "meta-llama/Llama-3.1-8B-Instruct", "l4", 4, 13.449, 0.717, 15.984, 62.6 },
    { "meta-llama/Llama-3.1-8B-Instruct", "l4", 8, 6.725, 1.238, 9.734, 102.7 },
    { "meta-llama/Llama-3.1-8B-Instruct", "l40s", 1, 18.679, 0.000, 20.534, 48.7 },
    { "meta-llama/Llama-3.1-8B-Instruct", "l40s", 2, 9.340, 0.266, 11.396, 87.7 },
    { "meta-llama/Llama-3.1-8B-Instruct", "l40s", 4, 4.670, 0.717, 7.145, 140.0 },
    { "meta-llama/Llama-3.1-8B-Instruct", "rtxa6000", 1, 22.725, 0.000, 24.607, 40.6 },
    { "meta-llama/Llama-3.1-8B-Instruct", "rtxa6000", 2, 11.362, 0.266, 13.433, 74.4 },
    { "meta-llama/Llama-3.1-8B-Instruct", "rtxa6000", 4, 5.681, 0.717, 8.163, 122.5 },
    { "meta-llama/Llama-3.1-8B-Instruct", "a100-sxm4-40", 1, 11.771, 0.000, 13.578, 73.6 },
    { "meta-llama/Llama-3.1-8B-Instruct", "a100-sxm4-40", 2, 5.886, 0.552, 8.204, 121.9 },
    { "meta-llama/Llama-3.1-8B-Instruct", "a100-sxm4-40", 4, 2.943, 0.606, 5.295, 188.9 },
    { "meta-llama/Llama-3.1-8B-Instruct", "a100-sxm4-40", 8, 1.471, 0.660, 3.867, 258.6 },
    { "meta-llama/Llama-3.1-8B-Instruct", "a100-sxm4-80", 1, 8.977, 0.000, 10.765, 92.9 },
    { "meta-llama/Llama-3.1-8B-Instruct", "a100-sxm4-80", 2, 4.488, 0.552, 6.798, 147.1 },
    { "meta-llama/Llama-3.1-8B-Instruct", "a100-sxm4-80", 4, 2.244, 0.606, 4.592, 217.8 },
    { "meta-llama/Llama-3.1-8B-Instruct", "a100-sxm4-80", 8, 1.122, 0.660, 3.515, 284.5 },
    { "meta-llama/Llama-3.1-8B-Instruct", "h100-sxm", 1, 5.600, 0.000, 7.365, 135.8 },
    { "meta-llama/Llama-3.1-8B-Instruct", "h100-sxm", 2, 2.800, 0.477, 5.023, 199.1 },
    { "meta-llama/Llama-3.1-8B-Instruct", "h100-sxm", 4, 1.400, 0.509, 3.645, 274.3 },
    { "meta-llama/Llama-3.1-8B-Instruct", "h100-sxm", 8, 0.700, 0.542, 2.972, 336.4 },
    { "meta-llama/Llama-3.1-8B-Instruct", "h200-sxm", 1, 3.909, 0.000, 5.662, 176.6 },
    { "meta-llama/Llama-3.1-8B-Instruct", "h200-sxm", 2, 1.954, 0.477, 4.171, 239.7 },
    { "meta-llama/Llama-3.1-8B-Instruct", "h200-sxm", 4, 0.977, 0.509, 3.219, 310.6 },
    { "meta-llama/Llama-3.1-8B-Instruct", "b200", 1, 2.467, 0.000, 4.210, 237.5 },
    { "meta-llama/Llama-3.1-8B-Instruct", "b200", 2, 1.234, 0.756, 3.724, 268.5 },
    { "meta-llama/Llama-3.1-8B-Instruct", "b200", 4, 0.617, 0.778, 3.125, 320.0 },
    { "meta-llama/Llama-3.1-8B-Instruct", "b200", 8, 0.308, 0.842, 2.878, 347.4 },
    { "Qwen/Qwen2.5-32B-Instruct", "a100-sxm4-40", 1, 50.163, 0.000, 53.427, 18.7 },
    { "Qwen/Qwen2.5-32B-Instruct", "a100-sxm4-40", 2, 25.082, 1.106, 29.371, 34.0 },
    { "Qwen/Qwen2.5-32B-Instruct", "a100-sxm4-40", 4, 12.541, 1.227, 16.910, 59.1 },
    { "Qwen/Qwen2.5-32B-Instruct", "a100-sxm4-40", 8, 6.270, 1.333, 10.726, 93.2 },
    { "Qwen/Qwen2.5-32B-Instruct", "a100-sxm4-80", 1, 38.256, 0.000, 41.481, 24.1 },
    { "Qwen/Qwen2.5-32B-Instruct", "a100-sxm4-80", 2, 19.128, 1.106, 23.398, 42.7 },
    { "Qwen/Qwen2.5-32B-Instruct", "a100-sxm4-80", 4, 9.564, 1.227, 13.923, 71.8 },
    { "Qwen/Qwen2.5-32B-Instruct", "a100-sxm4-80", 8, 4.782, 1.333, 9.232, 108.3 },
    { "Qwen/Qwen2.5-32B-Instruct", "h100-sxm", 1, 23.867, 0.000, 27.046, 37.0 },
    { "Qwen/Qwen2.5-32B-Instruct", "h100-sxm", 2, 11.933, 0.951, 16.025, 62.4 },
    { "Qwen/Qwen2.5-32B-Instruct", "h100-sxm", 4, 5.967, 1.014, 10.102, 99.0 },
    { "Qwen/Qwen2.5-32B-Instruct", "h100-sxm", 8, 2.983, 1.085, 7.180, 139.3 },
    { "Qwen/Qwen2.5-32B-Instruct", "l40s", 1, 79.603, 0.000, 82.962, 12.1 },
    { "Qwen/Qwen2.5-32B-Instruct", "l40s", 2, 39.802, 0.538, 43.571, 23.0 },
    { "Qwen/Qwen2.5-32B-Instruct", "l40s", 4, 19.901, 1.473, 24.540, 40.7 },
    { "meta-llama/Llama-3.1-70B-Instruct", "a100-sxm4-80", 1, 83.134, 0.000, 87.079, 11.5 },
    { "meta-llama/Llama-3.1-70B-Instruct", "a100-sxm4-80", 2, 41.567, 1.408, 46.842, 21.3 },
    { "meta-llama/Llama-3.1-70B-Instruct", "a100-sxm4-80", 4, 20.784, 1.594, 26.206, 38.2 },
    { "meta-llama/Llama-3.1-70B-Instruct", "a100-sxm4-80", 8, 10.392, 1.727, 15.928, 62.8 },
    { "meta-llama/Llama-3.1-70B-Instruct", "h100-sxm", 1, 51.865, 0.000, 55.751, 17.9 },
    { "meta-llama/Llama-3.1-70B-Instruct", "h100-sxm", 2, 25.933, 1.195, 30.966, 32.3 },
    { "meta-llama/Llama-3.1-70B-Instruct", "h100-sxm", 4, 12.966, 1.275, 18.055, 55.4 },
    { "meta-llama/Llama-3.1-70B-Instruct", "h100-sxm", 8, 6.483, 1.381, 11.667, 85.7 },
    { "meta-llama/Llama-3.1-70B-Instruct", "h200-sxm", 1, 36.198, 0.000, 40.055, 25.0 },
    { "meta-llama/Llama-3.1-70B-Instruct", "h200-sxm", 2, 18.099, 1.195, 23.118, 43.3 },
    { "meta-llama/Llama-3.1-70B-Instruct", "h200-sxm", 4, 9.049, 1.275, 14.131, 70.8 },
    { "meta-llama/Llama-3.1-70B-Instruct", "b200", 1, 22.850, 0.000, 26.683, 37.5 },
    { "meta-llama/Llama-3.1-70B-Instruct", "b200", 2, 11.425, 1.886, 17.123, 58.4 },
    { "meta-llama/Llama-3.1-70B-Instruct", "b200", 4, 5.713, 1.966, 11.479, 87.1 },
    { "meta-llama/Llama-3.1-70B-Instruct", "b200", 8, 2.856, 2.152, 8.803, 113.6 },
};

static struct bt_gpu card_named(const char *key)
{
    const struct bt_gpu_kind *k = bt_gpu_kind_find(key);
    if (!k)
        fail_msg("no card %s", key);
    return (struct bt_gpu){ .uuid = "virtual-0", .name = k->nvml_name, .kind = k, .pci = "", .total_bytes = bt_gpu_kind_total(k), .cc_major = k->cc_major, .island = -1 };
}

static bool by_nvlink(const struct bt_gpu_kind *k)
{
    return k->nvlink_gbs >= 300;     /* bridges of two are not what the rows are about */
}

static double kv_bytes(const struct bt_model *m)
{
    return 2.0 * m->layers * m->kv_heads * m->head_dim * 2;
}

static struct bt_pace pace_of(const struct bt_model *m, const struct bt_gpu *g, uint64_t tp, uint64_t pp, uint64_t context, const char *version)
{
    struct bt_pace_in in = { .model = m, .engine = vllm(), .version = row(version), .card = g, .tp = tp, .pp = pp, .context = context,
                             .kv_bytes_per_token = kv_bytes(m), .nvlink = tp * pp > 1 && by_nvlink(g->kind) };
    struct bt_pace p;
    bt_pace_decode(&in, &p);
    return p;
}

static void golden_rows(void **st)
{
    (void)st;
    for (size_t i = 0; i < BT_LEN(golden); i++) {
        bt_auto_arena a = { 0 };
        struct bt_gpu g = card_named(golden[i].card);
        struct bt_pace p = pace_of(model_of(&a, golden[i].model), &g, golden[i].tp, 1, 640, "0.32.0");
        assert_true(p.known);
        assert_near(p.weights_ms, golden[i].weights_ms, 0.002 + golden[i].weights_ms * 0.0006);      /* the rows round the parameter count */
        assert_near(p.allreduce_ms, golden[i].allreduce_ms, 0.002);
        assert_near(p.step_ms, golden[i].step_ms, 0.004 + golden[i].step_ms * 0.0008);
        assert_near(p.decode_tok_s, golden[i].tok_s, 0.1 + golden[i].tok_s * 0.0015);
    }
}

/* Terms sum up; nothing is faster than its bandwidth; more context is never faster. */
static void a_step_is_the_sum_of_its_terms(void **st)
{
    (void)st;
    const struct bt_gpu_kind *kinds;
    size_t n = bt_gpu_kinds(&kinds);
    bt_auto_arena a = { 0 };
    const struct bt_model *m = model_of(&a, "Qwen/Qwen2.5-32B-Instruct");
    for (size_t i = 0; i < n; i++)
        for (uint64_t tp = 1; tp <= 8; tp *= 2) {
            struct bt_gpu g = card_named(kinds[i].key);
            struct bt_pace p = pace_of(m, &g, tp, 1, 1000, "0.32.0"), longer = pace_of(m, &g, tp, 1, 30000, "0.32.0");
            if (!p.known)
                continue;
            assert_near(p.weights_ms + p.kv_ms + p.layers_ms + p.host_ms + p.allreduce_ms + p.hop_ms, p.step_ms, 1e-9);
            assert_true(p.decode_tok_s < p.ceiling_tok_s);
            assert_true(longer.decode_tok_s < p.decode_tok_s);
            assert_true(p.error_share == 0.1 || p.error_share == 0.2);
        }
}

/* What the forensics example asks: 32B on A100-40. Stages do not speed up one stream, tensor parallelism does. */
static void stages_against_tensors(void **st)
{
    (void)st;
    bt_auto_arena a = { 0 };
    struct bt_gpu g = card_named("a100-sxm4-40");
    const struct bt_model *m = model_of(&a, "Qwen/Qwen2.5-32B-Instruct");
    struct bt_pace pp3 = pace_of(m, &g, 1, 3, 640, "0.32.0"), tp2 = pace_of(m, &g, 2, 1, 640, "0.32.0"), tp4 = pace_of(m, &g, 4, 1, 640, "0.32.0");
    assert_true(pp3.decode_tok_s < tp2.decode_tok_s && tp2.decode_tok_s < tp4.decode_tok_s);
    assert_near(tp2.decode_tok_s, 34, 1);
    assert_near(tp4.decode_tok_s, 59, 1);
    assert_near(tp2.ceiling_tok_s, 48.6, 0.1);
    assert_near(pp3.hop_ms, 0.04, 1e-9);
    assert_true(pp3.error_share == 0.2 && tp2.error_share == 0.1);
}

static void old_versions_are_slower(void **st)
{
    (void)st;
    bt_auto_arena a = { 0 };
    struct bt_gpu g = card_named("h100-sxm");
    const struct bt_model *m = model_of(&a, "meta-llama/Llama-3.2-1B-Instruct");
    struct bt_pace now = pace_of(m, &g, 1, 1, 640, "0.32.0"), old = pace_of(m, &g, 1, 1, 640, "0.9.2");
    assert_true(old.decode_tok_s < now.decode_tok_s);
    assert_true(old.error_share > now.error_share);
}

static void unknown_cards_give_no_figure(void **st)
{
    (void)st;
    bt_auto_arena a = { 0 };
    struct bt_gpu g = card_of(24, 8);
    struct bt_pace_in in = { .model = model_of(&a, "Qwen/Qwen3-4B"), .engine = vllm(), .card = &g, .tp = 1, .pp = 1, .context = 100, .kv_bytes_per_token = 1000 };
    struct bt_pace p = { .known = true };
    bt_pace_decode(&in, &p);
    assert_false(p.known);
    assert_true(p.decode_tok_s == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(golden_rows), cmocka_unit_test(a_step_is_the_sum_of_its_terms), cmocka_unit_test(stages_against_tensors),
        cmocka_unit_test(old_versions_are_slower), cmocka_unit_test(unknown_cards_give_no_figure),
    };
    return cmocka_run_group_tests(tests, no_cache, NULL);
}

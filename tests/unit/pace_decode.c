/* The roofline against rows worked out independently with the same constants, and against what must hold. */
#include <math.h>

#include "pace_help.h"

#include "pace_golden.h"

static bool by_nvlink(const struct bt_gpu_kind *k)
{
    return k->nvlink_gbs >= 300; /* bridges of two are not what the rows are about */
}

static double kv_bytes(const struct bt_model *m)
{
    return 2.0 * m->layers * m->kv_heads * m->head_dim * 2;
}

static struct bt_pace pace_of(const struct bt_model *m, const struct bt_gpu *g, uint64_t tp, uint64_t pp, uint64_t context, const char *version)
{
    struct bt_pace_in in = { .model = m,
                             .engine = vllm(),
                             .version = row(version),
                             .card = g,
                             .tp = tp,
                             .pp = pp,
                             .context = context,
                             .kv_bytes_per_token = kv_bytes(m),
                             .nvlink = tp * pp > 1 && by_nvlink(g->kind) };
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
        struct bt_pace_in in = { .model = model_of(&a, golden[i].model),
                                 .engine = vllm(),
                                 .version = row("0.32.0"),
                                 .card = &g,
                                 .tp = golden[i].tp,
                                 .context = 640,
                                 .quantization = golden[i].quantization,
                                 .streams = golden[i].streams,
                                 .nvlink = golden[i].tp > 1 && by_nvlink(g.kind),
                                 .p2p = strcmp(golden[i].card, "rtx5090") ? BT_P2P_AUTO : BT_P2P_YES }; /* its rows assume a driver that allows it */
        struct bt_pace p;
        bt_pace_decode(&in, &p);
        assert_true(p.known);
        assert_near(p.weights_ms, golden[i].weights_ms, 0.002 + golden[i].weights_ms * 0.001); /* the rows round the parameter count */
        assert_near(p.kv_ms, golden[i].kv_ms, 0.001);
        assert_near(p.allreduce_ms, golden[i].allreduce_ms, 0.003);
        assert_near(p.step_ms, golden[i].step_ms, 0.004 + golden[i].step_ms * 0.001);
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
            assert_true(p.error_share == 0.1 || p.error_share == 0.2 || p.error_share == 0.5);
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

/* FP4 is multiplied as it is there, experts and their router are one kernel, and TensorRT-LLM's all-reduce takes the norm along; 16 bits are read as ever. */
static void blackwell_has_its_own_constants(void **st)
{
    (void)st;
    bt_auto_arena a = { 0 };
    struct bt_gpu b200 = card_named("b200"), h200 = card_named("h200-sxm");
    const struct bt_model *dense = model_of(&a, "meta-llama/Llama-3.1-70B"), *experts = model_of(&a, "openai/gpt-oss-120b");
    struct bt_pace p[2], m[2], all[2];
    for (int i = 0; i < 2; i++) {
        struct bt_gpu *g = i ? &b200 : &h200;
        struct bt_pace_in in = { .model = dense, .engine = vllm(), .version = row("0.32.0"), .card = g, .tp = 1, .context = 640, .quantization = "nvfp4" };
        bt_pace_decode(&in, &p[i]);
        in = (struct bt_pace_in){ .model = experts, .engine = vllm(), .version = row("0.32.0"), .card = g, .tp = 1, .context = 640 };
        bt_pace_decode(&in, &m[i]);
        in = (struct bt_pace_in){ .model = dense, .engine_name = "tensorrt-llm", .card = &b200, .tp = 8, .context = 640, .nvlink = true };
        if (!i)
            in = (struct bt_pace_in){ .model = dense, .engine = vllm(), .version = row("0.32.0"), .card = &b200, .tp = 8, .context = 640, .nvlink = true };
        bt_pace_decode(&in, &all[i]);
    }
    assert_near(p[0].weights_ms * h200.kind->mem_gbs * 0.80 * 0.82, p[1].weights_ms * b200.kind->mem_gbs * 0.79 * 0.90, p[0].weights_ms * 1e-6 * 1e4);
    assert_near(m[0].layers_ms - m[1].layers_ms, 36 * 15e-3, 1e-9);
    assert_near(all[0].allreduce_ms, all[1].allreduce_ms * 1.65, 1e-9);
}

static struct bt_pace experts_on(struct bt_arena *a, const char *model, const char *card, const char *engine, const char *quantization, uint64_t streams)
{
    struct bt_gpu g = card_named(card);
    struct bt_pace_in in = { .model = model_of(a, model), .engine_name = engine, .card = &g, .tp = 1, .context = 640, .quantization = quantization, .streams = streams };
    struct bt_pace p;
    bt_pace_decode(&in, &p);
    assert_true(p.known);
    return p;
}

/* What a layer with experts launches hangs on the format's kernel on that architecture, and on whose it is. */
static void experts_launch_what_their_format_needs(void **st)
{
    (void)st;
    static const struct {
        const char *model, *card, *engine, *quantization;
        double moe_us;
    } rows[] = {
        { "Qwen/Qwen3-30B-A3B", "h100-sxm", "vllm", NULL, 20 },          { "Qwen/Qwen3-30B-A3B", "h100-sxm", "vllm", "fp8", 45 },
        { "Qwen/Qwen3-30B-A3B", "a100-sxm4-80", "vllm", "awq", 30 },     { "Qwen/Qwen3-30B-A3B", "b200", "sglang", NULL, 25 },
        { "Qwen/Qwen3-30B-A3B", "b200", "sglang", "fp8", 65 },           { "Qwen/Qwen3-30B-A3B", "b200", "vllm", "nvfp4", 5 },
        { "Qwen/Qwen3-30B-A3B", "rtxpro6000", "vllm", "nvfp4", 55 },     { "Qwen/Qwen3-30B-A3B", "mi300x", "sglang", "fp8", 250 },
        { "openai/gpt-oss-120b", "h200-sxm", "vllm", NULL, 20 },         { "Qwen/Qwen3-30B-A3B", "rtx4090", "llama.cpp", "q4_k_m", 10 },
    };
    bt_auto_arena a = { 0 };
    for (size_t i = 0; i < BT_LEN(rows); i++) {
        struct bt_pace p = experts_on(&a, rows[i].model, rows[i].card, rows[i].engine, rows[i].quantization, 1);
        double layers = strstr(rows[i].model, "gpt-oss") ? 36 : 48;
        assert_near(p.layers_ms, layers * (43 + rows[i].moe_us) / 1e3, 1e-9);
    }
    struct bt_pace hopper = experts_on(&a, "openai/gpt-oss-120b", "h200-sxm", "tensorrt-llm", NULL, 1);      /* Triton's kernel there */
    struct bt_pace b200 = experts_on(&a, "openai/gpt-oss-120b", "b200", "tensorrt-llm", NULL, 1);
    assert_near(hopper.layers_ms - b200.layers_ms, 36 * 55e-3, 1e-9);
}

static struct bt_pace beside_prompts(struct bt_arena *a, const char *model, const char *card, const char *engine)
{
    struct bt_gpu g = card_named(card);
    struct bt_pace_in in = { .model = model_of(a, model), .engine_name = engine, .card = &g, .tp = 1, .context = 8192, .streams = 32, .prompt = 8192, .answer = 1024 };
    struct bt_pace p;
    bt_pace_decode(&in, &p);
    return p;
}

/* FP4 becomes 16 bits on an MI300X, where batches of gpt-oss showed it, and not on a card that multiplies it; prompts of many experts take twice as long beside decode on Hopper. */
static void experts_read_and_multiply_as_their_card_can(void **st)
{
    (void)st;
    bt_auto_arena a = { 0 };
    struct bt_pace mi300 = experts_on(&a, "openai/gpt-oss-120b", "mi300x", "vllm", NULL, 64), mi355 = experts_on(&a, "openai/gpt-oss-120b", "mi355x", "vllm", NULL, 64);
    assert_near(mi300.weights_ms / mi355.weights_ms, 0.82 / 0.52 * 8000 / 5300, 1e-6);
    assert_near(experts_on(&a, "openai/gpt-oss-120b", "mi300x", "vllm", NULL, 96).step_ms, 35.2, 2);     /* measured with prompts beside: 36.6 */
    struct bt_pace dense = beside_prompts(&a, "Qwen/Qwen3-8B", "h200-sxm", "vllm"), many = beside_prompts(&a, "openai/gpt-oss-120b", "h200-sxm", "vllm");
    struct bt_pace llama = beside_prompts(&a, "openai/gpt-oss-120b", "h200-sxm", "llama.cpp"), a100 = beside_prompts(&a, "openai/gpt-oss-120b", "a100-sxm4-80", "vllm");
    double h200 = bt_gpu_kind_find("h200-sxm")->fp16_tflops, ampere = bt_gpu_kind_find("a100-sxm4-80")->fp16_tflops;
    assert_near(many.prefill_ms / a100.prefill_ms, 0.53 / 0.25 * ampere / h200, 1e-6);
    assert_true(many.prefill_ms > 1.5 * llama.prefill_ms && dense.prefill_ms > 0);
}

/* gpt-oss as llama.cpp has it: experts in MXFP4, the rest in Q8_0. Measured: 280 tok/s on one RTX 4090, which 16 bits would make impossible. */
static void llama_cpp_keeps_the_rest_in_8_bits(void **st)
{
    (void)st;
    bt_auto_arena a = { 0 };
    const struct bt_model *m = model_of(&a, "openai/gpt-oss-20b");
    struct bt_pace_weight server, llama, plain;
    assert_true(bt_pace_weigh(m, NULL, 0, "vllm", &server) && bt_pace_weigh(m, NULL, 0, "ollama", &llama));
    assert_near(llama.expert_bytes, server.expert_bytes, 1e7); /* their biases too */
    assert_near(llama.dense_bytes / server.dense_bytes, 8.5 / 16, 1e-6);
    assert_true(bt_pace_weigh(model_of(&a, "Qwen/Qwen3-8B"), NULL, 0, "ollama", &plain));
    assert_near(plain.dense_bytes / 1e9, 15.1, 0.1);                                                         /* nothing there to be kept apart */
    struct bt_claim c;
    struct bt_judged j;
    struct bt_err err = { 0 };
    assert_int_equal(bt_claim_parse(&a, bt_str("gpt-oss-20b, RTX 4090, ollama, 280 tok/s"), &c, &err), 0);
    assert_int_equal(bt_claim_judge(&c, m, &j, &err), 0);
    assert_int_equal(j.verdict, BT_CLAIM_CREDIBLE);
    struct bt_pace one = experts_on(&a, "openai/gpt-oss-120b", "gb10", "llama.cpp", NULL, 1);
    assert_near(one.decode_tok_s, 59.0, 6);                                                                  /* measured: 59.0 */
    /* its sequences choose alike: fewer experts are read than by as many that choose for themselves */
    struct bt_pace many = experts_on(&a, "openai/gpt-oss-120b", "gb10", "llama.cpp", NULL, 32), server_many = experts_on(&a, "openai/gpt-oss-120b", "gb10", "vllm", NULL, 32);
    assert_true(many.read_bytes < 0.75 * server_many.read_bytes);
    assert_near(many.decode_tok_s, 9.8, 0.8); /* measured: 9.77, and of two 30.2: its fused kernel is for one token alone */
    assert_near(experts_on(&a, "openai/gpt-oss-120b", "gb10", "llama.cpp", NULL, 2).decode_tok_s, 30.2, 1.5);
}

static struct bt_pace llama_on(struct bt_arena *a, const char *model, const char *card, const char *quantization, const char *version)
{
    struct bt_gpu g = card_named(card);
    struct bt_pace_in in = { .model = model_of(a, model),
                             .engine_name = "llama.cpp",
                             .engine_version = version,
                             .card = &g,
                             .tp = 1,
                             .context = 300,
                             .quantization = quantization };
    struct bt_pace p;
    bt_pace_decode(&in, &p);
    assert_true(p.known);
    return p;
}

/* Its kernels unpack blocks on the plain cores, and data-centre clocks are low: 1.4 times the bandwidth gives an H200 nothing over an H100. */
static void llama_cpp_unpacks_no_faster_than_the_cores(void **st)
{
    (void)st;
    bt_auto_arena a = { 0 };
    const char *m = "Qwen/Qwen3.5-9B";
    struct bt_pace h100 = llama_on(&a, m, "h100-sxm", "q4_k_m", NULL), h200 = llama_on(&a, m, "h200-sxm", "q4_k_m", NULL);
    assert_near(h200.decode_tok_s / h100.decode_tok_s, 1, 0.01);
    assert_near(h200.decode_tok_s, 197, 15); /* measured: 190 on the H100, 197 and 184 on H200s */
    assert_near(llama_on(&a, m, "a100-sxm4-80", "q4_k_m", NULL).decode_tok_s, 123, 12);
    assert_near(llama_on(&a, m, "p100-pcie-16", "q4_k_m", NULL).decode_tok_s, 32, 4); /* no products of 8 bits: a seventh of the A100 */
    struct bt_pace geforce = llama_on(&a, m, "rtx4090", "q4_k_m", NULL);
    assert_near(geforce.weights_bytes_a_s, 0.93 * 1008e9, 1e7); /* memory is its limit */
    assert_near(geforce.layers_ms, 32 * 0.043, 1e-9);
    /* 16 bits need no unpacking; a number of more bits is no more work, so that its bytes come faster; kernels of 2024 have rows of their own */
    assert_near(llama_on(&a, m, "h200-sxm", "bf16", NULL).weights_bytes_a_s, 0.80 * 4800e9, 1e9);
    assert_true(llama_on(&a, m, "h200-sxm", "q8_0", NULL).weights_bytes_a_s > 1.3 * h200.weights_bytes_a_s);
    assert_near(llama_on(&a, m, "h100-sxm", "q4_k_m", "2024-05").weights_bytes_a_s, 0.64 * 3350e9, 1e9);
}

/* FP8 on a card without FP8 units becomes 16 bits first, as INT8 does: Qwen3.8-27B on two RTX 3090s, measured 46.7 and 47.6 tok/s. */
static void fp8_before_ada_is_read_as_int8(void **st)
{
    (void)st;
    bt_auto_arena a = { 0 };
    static const struct {
        const char *card;
        double share;
    } rows[] = { { "rtx3090", 0.95 * 0.86 * 936.2e9 }, { "a100-sxm4-80", 0.95 * 0.82 * 2039e9 }, { "rtx4090", 0.93 * 0.93 * 1008e9 }, { "h100-sxm", 1.08 * 0.80 * 3350e9 } };
    for (size_t i = 0; i < BT_LEN(rows); i++) {
        struct bt_gpu g = card_named(rows[i].card);
        struct bt_pace_in in = {
            .model = model_of(&a, "Qwen/Qwen3.8-27B"), .engine_name = "vllm", .card = &g, .tp = 2, .context = 8286, .quantization = "fp8", .p2p = BT_P2P_YES
        };
        struct bt_pace p;
        bt_pace_decode(&in, &p);
        assert_near(p.weights_bytes_a_s, rows[i].share, rows[i].share * 0.002);
        if (!i)
            assert_near(p.decode_tok_s, 47, 3);
    }
}

/* 4-bit weights on GDDR under SGLang and LMDeploy, on GDDR7 under vLLM too: as fast as their bytes, but on an A10. */
static void servers_read_4_bits_on_gddr_as_fast_as_16(void **st)
{
    (void)st;
    bt_auto_arena a = { 0 };
    static const struct {
        const char *engine, *card;
        double share;
    } rows[] = { { "sglang", "rtx3090", 0.86 * 936.2e9 }, { "sglang", "rtxpro6000-ws", 0.93 * 1792e9 }, { "lmdeploy", "rtx4090", 0.93 * 1008e9 },
                 { "vllm", "rtx3090", 0.82 * 0.86 * 936.2e9 }, { "vllm", "rtx5090", 0.93 * 1792e9 }, { "sglang", "h100-sxm", 0.82 * 0.80 * 3350e9 } };
    for (size_t i = 0; i < BT_LEN(rows); i++) {
        struct bt_gpu g = card_named(rows[i].card);
        struct bt_pace_in in = { .model = model_of(&a, "Qwen/Qwen3-8B"), .engine_name = rows[i].engine, .card = &g, .tp = 1, .context = 1024, .quantization = "awq" };
        struct bt_pace p;
        bt_pace_decode(&in, &p);
        assert_near(p.weights_bytes_a_s, rows[i].share, rows[i].share * 0.002);
    }
    struct bt_gpu a10 = card_named("a10");
    struct bt_pace_in in = { .model = model_of(&a, "Qwen/Qwen3-8B"), .engine_name = "sglang", .card = &a10, .tp = 1, .context = 1024, .quantization = "awq" };
    struct bt_pace four, plain;
    bt_pace_decode(&in, &four);
    in.quantization = NULL;
    bt_pace_decode(&in, &plain);
    assert_near(four.weights_bytes_a_s / plain.weights_bytes_a_s, 0.82, 1e-3);
}

/* Gemma's E models keep an embedding for each layer: 2.8 of E4B's 8 billion numbers, of which a step reads a row. */
static void embeddings_of_layers_are_not_read(void **st)
{
    (void)st;
    bt_auto_arena a = { 0 };
    struct bt_pace_weight w;
    assert_true(bt_pace_weigh(model_of(&a, "google/gemma-4-E4B-it"), NULL, 0, NULL, &w));
    assert_near(w.params, 4.5e9, 0.3e9);
    assert_near(llama_on(&a, "google/gemma-4-E4B-it", "rtx4090", "q4_k_m", NULL).decode_tok_s, 177, 15); /* measured */
}

/* A board whose memory holds the check bits of ECC gives a sixteenth less; the same chip on an RTX board, where ECC is off, does not. vLLM since 0.12 is as the golden rows are. */
static void boards_with_ecc_give_less(void **st)
{
    (void)st;
    bt_auto_arena a = { 0 };
    struct bt_gpu a40 = card_named("a40"), a6000 = card_named("rtxa6000"), a100 = card_named("a100-pcie-80");
    struct bt_pace_in in = { .model = model_of(&a, "meta-llama/Llama-3.1-8B"), .engine_name = "llama.cpp" };
    struct { const struct bt_gpu *g; const char *engine, *version; double share; } rows[] = {
        { &a40, "llama.cpp", "2025-06", 15.0 / 16 }, { &a40, "sglang", "0.5", 15.0 / 16 }, { &a40, "vllm", "0.11.0", 15.0 / 16 },
        { &a40, "vllm", "0.12.0", 1 },               { &a6000, "sglang", "0.5", 1 },
    };
    for (size_t i = 0; i < BT_LEN(rows); i++) {
        struct bt_pace p;
        in.card = rows[i].g;
        in.engine_name = rows[i].engine;
        in.engine_version = rows[i].version;
        bt_pace_decode(&in, &p);
        assert_near(p.weights_bytes_a_s, rows[i].g->kind->mem_gbs * 1e9 * 0.86 * rows[i].share, 1e3);
    }
    struct bt_pace p;
    in.card = &a100;
    bt_pace_decode(&in, &p);
    assert_near(p.weights_bytes_a_s, a100.kind->mem_gbs * 1e9 * 0.82, 1e3);       /* HBM has chips of its own for them */
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

/* Formats below 4 bits keep each number in two places: an RTX 3090 read Q2_K no faster than Q4_0 (103 and 131 tok/s of Llama 2 7B), a P40 slower (33 and 56). */
static void few_bits_are_more_work(void **st)
{
    (void)st;
    bt_auto_arena a = { 0 };
    static const char *const cards[] = { "rtx3090", "p40" };
    for (size_t i = 0; i < BT_LEN(cards); i++) {
        struct bt_pace q2 = llama_on(&a, "meta-llama/Llama-3.1-8B", cards[i], "q2_k", "2024-02"), q4 = llama_on(&a, "meta-llama/Llama-3.1-8B", cards[i], "q4_0", "2024-02");
        assert_true(q2.decode_tok_s < q4.decode_tok_s);
        const struct bt_gpu_kind *k = bt_gpu_kind_find(cards[i]);
        struct bt_pace_weight w;
        assert_true(bt_pace_weigh(model_of(&a, "meta-llama/Llama-3.1-8B"), "q2_k", 0, "llama.cpp", &w));
        assert_near(q2.weights_bytes_a_s * w.params / w.dense_bytes, k->fp32_tflops * 1e12 * 0.027, k->fp32_tflops * 1e6);
    }
    assert_true(llama_on(&a, "meta-llama/Llama-3.1-8B", "rtx3090", "iq4_xs", NULL).decode_tok_s > llama_on(&a, "meta-llama/Llama-3.1-8B", "rtx3090", "q4_k_m", NULL).decode_tok_s);
}

/* Before 1.0 its all-reduce was NCCL's: one H100 as fast as now but for the launches, four 258 tok/s of Llama 3 8B (measured) where the model of now says 312. */
static void tensorrt_llm_of_2024_called_nccl(void **st)
{
    (void)st;
    bt_auto_arena a = { 0 };
    struct bt_gpu g = card_named("h100-sxm");
    struct bt_pace p[2][2];
    for (int old = 0; old < 2; old++)
        for (int four = 0; four < 2; four++) {
            struct bt_pace_in in = { .model = model_of(&a, "meta-llama/Llama-3.1-8B"),
                                     .engine_name = "tensorrt-llm",
                                     .engine_version = old ? "0.12.0" : "1.2.0",
                                     .card = &g,
                                     .tp = four ? 4 : 1,
                                     .context = 192,
                                     .nvlink = true };
            bt_pace_decode(&in, &p[old][four]);
        }
    assert_near(p[1][1].decode_tok_s, 258, 28);
    assert_near(p[1][1].allreduce_ms - p[0][1].allreduce_ms, 65 * 12e-3, 1e-9);
    assert_near(p[1][0].step_ms - p[0][0].step_ms, 32 * 12e-3, 1e-9);
}

/* Ministral 3 is published in FP8; people run files of Q4_K_M that were made of it: an RTX 4080 gave 70 tok/s. */
static void fp8_models_have_other_files(void **st)
{
    (void)st;
    bt_auto_arena a = { 0 };
    struct bt_pace_weight fp8, q4, same;
    const struct bt_model *m = model_of(&a, "mistralai/Ministral-3-14B-Instruct-2512");
    assert_true(bt_pace_weigh(m, NULL, 0, "llama.cpp", &fp8) && bt_pace_weigh(m, "q4_k_m", 0, "llama.cpp", &q4) && bt_pace_weigh(m, "fp8", 0, "vllm", &same));
    assert_true(fp8.kernel == BT_KERNEL_FP8 && same.kernel == BT_KERNEL_FP8 && q4.kernel == BT_KERNEL_GGUF);
    assert_near(same.dense_bytes, fp8.dense_bytes, 1);
    assert_near(q4.params, fp8.params, fp8.params * 0.001);
    assert_near(q4.dense_bytes * 8 / q4.params, 4.95, 0.1); /* with its Q6_K head */
    assert_near(llama_on(&a, "mistralai/Ministral-3-14B-Instruct-2512", "rtx4080", "q4_k_m", NULL).decode_tok_s, 70, 10);
}

/* Prompts that are read in beside decode are summed up over the ranks as any other, and those that come together hide a part of it from each other. */
static void prompts_beside_have_their_sums(void **st)
{
    (void)st;
    bt_auto_arena a = { 0 };
    struct bt_gpu g = card_named("h100-sxm");
    const struct bt_model *m = model_of(&a, "Qwen/Qwen3-32B");
    struct bt_pace_weight w;
    assert_true(bt_pace_weigh(m, NULL, 0, "vllm", &w));
    for (uint64_t tp = 1; tp <= 8; tp *= 8) {
        struct bt_pace_in in = { .model = m, .engine_name = "vllm", .card = &g, .tp = tp, .context = 1088, .streams = 64, .prompt = 1024, .answer = 128, .nvlink = tp > 1 };
        struct bt_pace p;
        struct bt_pace_first f;
        bt_pace_decode(&in, &p);
        bt_pace_first(&in, &f);
        double multiply = 1024 * 2 * w.params / ((double)tp * g.kind->fp16_tflops * 1e12 * 0.53);
        assert_near(p.prefill_ms, (multiply + f.link_s) * 64 / 128 * 0.75 * 1e3, 1e-6);
        assert_true((f.link_s > 0) == (tp > 1));
    }
}

/* FP4 is multiplied as it is on Blackwell, twice as fast as FP8; elsewhere, and by llama.cpp, as 16 bits. */
static void fp4_is_multiplied_where_it_can_be(void **st)
{
    (void)st;
    bt_auto_arena a = { 0 };
    const struct bt_model *m = model_of(&a, "meta-llama/Llama-3.1-70B");
    static const char *const cards[] = { "b200", "h200-sxm" };
    for (size_t i = 0; i < BT_LEN(cards); i++) {
        struct bt_gpu g = card_named(cards[i]);
        struct bt_pace_in in = { .model = m, .engine_name = "vllm", .card = &g, .tp = 1, .context = 1, .streams = 4096, .quantization = "nvfp4" };
        struct bt_pace p;
        struct bt_pace_weight w;
        bt_pace_decode(&in, &p);
        assert_true(bt_pace_weigh(m, "nvfp4", 0, "vllm", &w));
        double rate = i ? g.kind->fp16_tflops : 2 * g.kind->fp8_tflops;
        assert_near(p.weights_ms, 4096 * 2 * w.params / (rate * 1e12 * 0.7) * 1e3, 1e-6);
    }
}

static void unknown_cards_give_no_figure(void **st)
{
    (void)st;
    bt_auto_arena a = { 0 };
    struct bt_gpu g = card_of(24, 8);
    struct bt_pace_in in = {
        .model = model_of(&a, "Qwen/Qwen3-4B"), .engine = vllm(), .card = &g, .tp = 1, .pp = 1, .context = 100, .kv_bytes_per_token = 1000
    };
    struct bt_pace p = { .known = true };
    bt_pace_decode(&in, &p);
    assert_false(p.known);
    assert_true(p.decode_tok_s == 0);
}

/* More streams: more in all, less for each; pipeline stages work on different ones; a second tenant halves it. */
static void batches(void **st)
{
    (void)st;
    bt_auto_arena a = { 0 };
    struct bt_gpu g = card_named("a100-sxm4-40");
    struct bt_pace_in in = {
        .model = model_of(&a, "Qwen/Qwen2.5-32B-Instruct"), .engine = vllm(), .card = &g, .tp = 4, .context = 640, .nvlink = true
    };
    struct bt_pace one, last, p;
    bt_pace_decode(&in, &one);
    last = one;
    for (in.streams = 2; in.streams <= 512; in.streams *= 2) {
        bt_pace_decode(&in, &p);
        assert_true(p.total_tok_s > last.total_tok_s && p.decode_tok_s < last.decode_tok_s);
        assert_near(p.total_tok_s, p.decode_tok_s * (double)in.streams, 1e-6);
        last = p;
    }
    in.streams = 8;
    in.prompt = in.answer = 0;
    bt_pace_decode(&in, &p);
    in.prompt = 8192;
    in.answer = 256;
    bt_pace_decode(&in, &last);
    assert_true(last.prefill_ms > 0 && last.decode_tok_s < p.decode_tok_s && p.prefill_ms == 0);
    in = (struct bt_pace_in){ .model = in.model, .engine = vllm(), .card = &g, .tp = 1, .pp = 4, .context = 640, .nvlink = true };
    bt_pace_decode(&in, &one);
    in.streams = 4;
    bt_pace_decode(&in, &p);
    assert_near(p.decode_tok_s, one.decode_tok_s, 1e-9);
    in.tenants = 2;
    bt_pace_decode(&in, &last);
    assert_near(last.decode_tok_s, p.decode_tok_s / 2, 1e-9);
    assert_true(last.error_share == 0.2);
}

/* A step of a mixture reads the experts that are hit; all of them are loaded. */
static void experts_are_read_as_they_are_hit(void **st)
{
    (void)st;
    bt_auto_arena a = { 0 };
    struct bt_pace_weight w, dense;
    assert_true(bt_pace_weigh(model_of(&a, "mistralai/Mixtral-8x7B-v0.1"), NULL, 0, NULL, &w));
    assert_near(bt_pace_step_bytes(&w, 1) / 1e9, 25.5, 0.1);
    assert_near(bt_pace_step_bytes(&w, 1000) / 1e9, 93.1, 0.3);
    assert_true(w.experts == 8 && w.active == 2 && w.moe_layers == 32);
    assert_near(w.params / 1e9, 12.75, 0.1);
    assert_true(bt_pace_weigh(model_of(&a, "meta-llama/Llama-3.1-8B"), "fp8", 0, NULL, &dense));
    assert_near(dense.dense_bytes / 1e9, 8.03, 0.01);
    assert_true(dense.experts == 0 && dense.kernel == BT_KERNEL_FP8);
}

static void prompts_and_loading(void **st)
{
    (void)st;
    bt_auto_arena a = { 0 };
    struct bt_gpu g = card_named("a100-sxm4-80");
    struct bt_pace_in in = { .model = model_of(&a, "meta-llama/Llama-2-7b-hf"), .engine_name = "lmdeploy", .card = &g, .tp = 1, .prompt = 2048 };
    struct bt_pace_first f, longer;
    struct bt_pace_load l, two;
    bt_pace_first(&in, &f);
    assert_true(f.known && f.measured);
    assert_near(f.seconds, 0.139, 0.015); /* measured: 139 ms */
    in.prompt = 4096;
    bt_pace_first(&in, &longer);
    assert_true(longer.seconds > 1.9 * f.seconds);
    bt_pace_load(&in, &l);
    in.tp = 2;
    bt_pace_load(&in, &two);
    assert_near(l.seconds[BT_LOAD_CACHE], 13.48 / 6, 0.1);
    assert_near(two.seconds[BT_LOAD_CACHE], l.seconds[BT_LOAD_CACHE] * 0.75, 1e-9); /* each walks all files; measured 2.68 and 2.65 s */
    assert_near(two.seconds[BT_LOAD_NETWORK], l.seconds[BT_LOAD_NETWORK], 1e-9); /* the volume is the limit, not the process */
    assert_true(l.cold_s > l.warm_s && two.warm_s > l.warm_s);
    struct bt_pace_load old, other;
    in.tp = 1;
    in.engine_name = "vllm";
    in.engine_version = "0.7.3";
    bt_pace_load(&in, &old);
    in.engine_version = "0.20.1";
    bt_pace_load(&in, &l);
    in.engine_name = "sglang";
    in.engine_version = "0.5.6";
    bt_pace_load(&in, &other);
    assert_near(old.seconds[BT_LOAD_CACHE] + old.warm_s, 42, 8);    /* measured: 39 to 74 s for 16 GB on A100, 40 in the middle */
    assert_near(other.seconds[BT_LOAD_NVME] + other.cold_s, 51, 12); /* measured: 50 and 53 s */
    assert_true(l.cold_s - l.warm_s > old.cold_s - old.warm_s && l.warm_s < old.warm_s); /* only the newer one compiles */

    struct bt_gpu spark = card_named("gb10"), orin = card_named("orin-agx-64");
    in.card = &spark;
    bt_pace_load(&in, &two);
    assert_near(two.seconds[BT_LOAD_CACHE], two.seconds[BT_LOAD_NVME], 1e-9); /* mapped pages are what takes long, wherever they are */
    assert_true(two.seconds[BT_LOAD_NVME] > 10 * other.seconds[BT_LOAD_NVME]);
    in.engine_name = "llama.cpp";
    bt_pace_load(&in, &old);
    assert_true(old.seconds[BT_LOAD_NVME] < two.seconds[BT_LOAD_NVME] / 3);
    in.card = &orin;
    bt_pace_load(&in, &old);
    assert_near(old.seconds[BT_LOAD_NVME], other.seconds[BT_LOAD_NVME], 1e-9);
}

static void engines_by_name_and_version(void **st)
{
    (void)st;
    bt_auto_arena a = { 0 };
    struct bt_gpu g = card_named("rtx3090");
    static const struct {
        const char *name, *version;
        double layers_ms;
    } rows[] = { { "vllm", "0.12", 1.376 }, { "vllm", "0.11.2", 1.44 },      { "vllm", "v0.7.3", 2.4 },        { "vllm", "0.6.3.post1", 2.72 }, { "vllm", "0.2.6", 14.4 },
                 { "vllm", NULL, 1.376 },   { "vllm", "1.0", 1.376 },        { "llama.cpp", "2024-05", 2.88 }, { "llama.cpp", "b6000", 1.376 },
                 { "ollama", "", 1.376 },   { "trtllm", "1.0.0rc3", 0.896 }, { "nonesuch", "9", 1.44 } };
    for (size_t i = 0; i < BT_LEN(rows); i++) {
        struct bt_pace_in in = { .model = model_of(&a, "meta-llama/Llama-3.1-8B"),
                                 .engine_name = rows[i].name,
                                 .engine_version = rows[i].version,
                                 .card = &g,
                                 .tp = 1,
                                 .context = 1 };
        struct bt_pace p;
        bt_pace_decode(&in, &p);
        assert_near(p.layers_ms, rows[i].layers_ms, 1e-9);
    }
}

/* ---- drafts ---- */

static struct bt_pace_drafted drafted(const struct bt_model *m, const char *card, uint64_t streams, struct bt_pace_draft d)
{
    struct bt_gpu g = card_named(card);
    struct bt_pace_in in = { .model = m, .engine_name = "vllm", .card = &g, .tp = 1, .context = 640, .streams = streams };
    struct bt_pace_drafted o;
    bt_pace_drafted(&in, &d, &o);
    return o;
}

/* Tokens a step by the acceptance, (1 - a^(k+1)) / (1 - a), or as logged; a step is one of the model over all of them, and the drafts. */
static void drafts_give_tokens_and_cost_steps(void **st)
{
    (void)st;
    bt_auto_arena a = { 0 };
    const struct bt_model *m = model_of(&a, "Qwen/Qwen3-32B"), *small = model_of(&a, "Qwen/Qwen3-0.6B");
    struct bt_pace_drafted half = drafted(m, "h100-sxm", 1, (struct bt_pace_draft){ BT_DRAFT_HEAD, NULL, 3, 0.5 });
    assert_true(half.known && !half.assumed);
    assert_near(half.tokens_a_step, 1 + 0.5 + 0.25 + 0.125, 1e-12);
    assert_near(half.decode_tok_s, half.tokens_a_step * 1e3 / half.step_ms, 1e-9);
    assert_near(half.step_ms, half.verify_ms + half.draft_ms + 0.5, 1e-9);
    struct bt_pace_drafted logged = drafted(m, "h100-sxm", 1, (struct bt_pace_draft){ BT_DRAFT_HEAD, NULL, 3, 1.875 });
    assert_near(logged.acceptance, 0.5, 1e-9);
    assert_near(logged.decode_tok_s, half.decode_tok_s, 1e-6);
    struct bt_pace_drafted usual = drafted(m, "h100-sxm", 1, (struct bt_pace_draft){ BT_DRAFT_HEAD, NULL, 3, 0 });
    assert_true(usual.assumed && usual.acceptance > 0 && usual.acceptance < 1 && usual.gain > 1);
    struct bt_pace_drafted whole = drafted(m, "h100-sxm", 1, (struct bt_pace_draft){ BT_DRAFT_HEAD, NULL, 3, 4 });
    assert_near(whole.tokens_a_step, 4, 1e-9);
    assert_true(whole.acceptance > 0.999999);
    /* hardly anything kept: the drafts cost more than they give */
    assert_true(drafted(m, "h100-sxm", 1, (struct bt_pace_draft){ BT_DRAFT_MODEL, small, 5, 0.05 }).gain < 0.8);
    /* a smaller model's own step, five times */
    struct bt_gpu g = card_named("h100-sxm");
    struct bt_pace_in alone = { .model = small, .engine_name = "vllm", .card = &g, .tp = 1, .context = 640 };
    struct bt_pace p;
    bt_pace_decode(&alone, &p);
    assert_near(drafted(m, "h100-sxm", 1, (struct bt_pace_draft){ BT_DRAFT_MODEL, small, 5, 0.7 }).draft_ms, 5 * p.step_ms, 1e-9);
    assert_true(drafted(m, "h100-sxm", 1, (struct bt_pace_draft){ BT_DRAFT_NGRAM, NULL, 4, 0.5 }).draft_ms < 0.1);
    /* where the matrix units are the limit there is nothing to gain */
    assert_true(drafted(m, "h100-sxm", 512, (struct bt_pace_draft){ BT_DRAFT_HEAD, NULL, 3, 0.5 }).gain < 0.8);
    assert_false(drafted(m, "h100-sxm", 1, (struct bt_pace_draft){ BT_DRAFT_NONE, NULL, 3, 0.5 }).known);
    assert_false(drafted(m, "h100-sxm", 1, (struct bt_pace_draft){ BT_DRAFT_HEAD, NULL, 0, 0.5 }).known);
    assert_false(drafted(m, "h100-sxm", 1, (struct bt_pace_draft){ BT_DRAFT_MODEL, NULL, 3, 0.5 }).known);
}

/* Measured: vLLM 0.8, EAGLE, H100, one stream: 128.6 tok/s without; 2 drafted, 1.89 a step: 175.5; 4, 2.08: 165.7. More drafts are not better there. */
static void drafts_as_measured(void **st)
{
    (void)st;
    bt_auto_arena a = { 0 };
    const struct bt_model *m = model_of(&a, "meta-llama/Llama-3.1-8B");
    struct bt_pace_drafted two = drafted(m, "h100-sxm", 1, (struct bt_pace_draft){ BT_DRAFT_HEAD, NULL, 2, 1.89 });
    struct bt_pace_drafted four = drafted(m, "h100-sxm", 1, (struct bt_pace_draft){ BT_DRAFT_HEAD, NULL, 4, 2.08 });
    assert_near(two.gain, 1.36, 0.15);
    assert_near(four.gain, 1.29, 0.15);
    assert_true(four.decode_tok_s < two.decode_tok_s);
}

/* ---- claims ---- */

static struct bt_pace vllm_on(struct bt_arena *a, const char *version, const char *model, const char *card, const char *quantization, uint64_t context, uint64_t tp)
{
    struct bt_gpu g = card_named(card);
    struct bt_pace_in in = { .model = model_of(a, model), .engine_name = "vllm", .engine_version = version, .card = &g, .tp = tp, .context = context,
                             .quantization = quantization, .nvlink = tp > 1 };
    struct bt_pace p;
    bt_pace_decode(&in, &p);
    return p;
}

/* vLLM 0.4: past 8192 tokens its graphs end, its attention reads the KV again for the heads of a group, AWQ has a kernel of its own. Rows of Qwen2-7B and 0.5B on an A100,
 * the first token's share taken off. */
static void vllm_before_flash_attention(void **st)
{
    (void)st;
    bt_auto_arena a = { 0 };
    static const struct {
        const char *model, *quantization;
        uint64_t context;
        double ms;
    } rows[] = { { "Qwen/Qwen2.5-7B", "gptq", 1025, 6.97 },   { "Qwen/Qwen2.5-7B", "awq", 1025, 10.3 },      { "Qwen/Qwen2.5-7B", "gptq", 15360, 9.6 },
                 { "Qwen/Qwen2.5-7B", "gptq", 64512, 14.3 }, { "Qwen/Qwen2.5-0.5B", "bf16", 15360, 9.15 } };
    for (size_t i = 0; i < BT_LEN(rows); i++)
        assert_near(vllm_on(&a, "0.4.2", rows[i].model, "a100-sxm4-80", rows[i].quantization, rows[i].context, 1).step_ms, rows[i].ms, rows[i].ms * 0.12);
    struct bt_pace old = vllm_on(&a, "0.4.2", "Qwen/Qwen2.5-7B", "a100-sxm4-80", "bf16", 4096, 1), now = vllm_on(&a, "0.6.3", "Qwen/Qwen2.5-7B", "a100-sxm4-80", "bf16", 4096, 1);
    assert_near(old.kv_ms, now.kv_ms * (1 + 6 * 0.27), 1e-6);
    assert_near(old.weights_ms, now.weights_ms, 1e-9);
    now = vllm_on(&a, "0.6.3", "Qwen/Qwen2.5-7B", "v100-sxm2-16", "bf16", 4096, 1);        /* before Ampere the old kernel stays until the second engine */
    old = vllm_on(&a, "0.12.0", "Qwen/Qwen2.5-7B", "v100-sxm2-16", "bf16", 4096, 1);
    assert_near(now.kv_ms, old.kv_ms * (1 + 6 * 0.27), 1e-6);
    old = vllm_on(&a, "0.4.2", "meta-llama/Llama-2-7b-hf", "a100-sxm4-80", "bf16", 4096, 1);        /* no groups: nothing is read again */
    assert_near(old.kv_ms, vllm_on(&a, "0.6.3", "meta-llama/Llama-2-7b-hf", "a100-sxm4-80", "bf16", 4096, 1).kv_ms, 1e-9);
}

/* On Blackwell vLLM's all-reduce takes the norm along since 0.15, where that version is said: of one that nobody said the golden rows hold. */
static void vllm_fuses_on_blackwell_where_it_is_said(void **st)
{
    (void)st;
    bt_auto_arena a = { 0 };
    double said = vllm_on(&a, "0.19.0", "meta-llama/Llama-3.1-70B", "b200", NULL, 640, 8).allreduce_ms;
    assert_near(vllm_on(&a, "0.12.0", "meta-llama/Llama-3.1-70B", "b200", NULL, 640, 8).allreduce_ms, said * 1.65, 1e-9);
    assert_near(vllm_on(&a, NULL, "meta-llama/Llama-3.1-70B", "b200", NULL, 640, 8).allreduce_ms, said * 1.65, 1e-9);
    assert_near(vllm_on(&a, "0.19.0", "meta-llama/Llama-3.1-70B", "h100-sxm", NULL, 640, 8).allreduce_ms,
                vllm_on(&a, "0.12.0", "meta-llama/Llama-3.1-70B", "h100-sxm", NULL, 640, 8).allreduce_ms, 1e-9);
}

/* gpt-oss on A100: vLLM 0.10 gave 11.1 ms a token on one card and no less on four; 0.12 is as fast as elsewhere. */
static void experts_of_4_bits_on_an_a100(void **st)
{
    (void)st;
    bt_auto_arena a = { 0 };
    struct bt_pace old = vllm_on(&a, "0.10.1", "openai/gpt-oss-120b", "a100-sxm4-80", NULL, 640, 1), four = vllm_on(&a, "0.10.1", "openai/gpt-oss-120b", "a100-sxm4-80", NULL, 640, 4);
    assert_near(old.step_ms, 11.1, 2.8);
    assert_near(four.step_ms, 12.8, 2.8);
    assert_near(old.error_share, 0.5, 1e-9);
    assert_near(vllm_on(&a, "0.12.0", "openai/gpt-oss-120b", "a100-sxm4-80", NULL, 640, 1).error_share, 0.2, 1e-9);
}

/* Tokens that are decoded together hit fewer experts than independent choices would; of Mixtral's eight the golden rows say that they choose for themselves. */
static void experts_are_chosen_a_little_alike(void **st)
{
    (void)st;
    bt_auto_arena a = { 0 };
    for (int few = 0; few < 2; few++) {
        struct bt_gpu g = card_named("h100-sxm");
        struct bt_pace_in in = { .model = model_of(&a, few ? "mistralai/Mixtral-8x7B-v0.1" : "Qwen/Qwen3-30B-A3B"), .engine_name = "vllm", .card = &g, .tp = 2, .context = 640, .streams = 16 };
        struct bt_pace_weight w;
        struct bt_pace p;
        assert_true(bt_pace_weigh(in.model, NULL, 0, "vllm", &w));
        bt_pace_decode(&in, &p);
        double read = p.weights_ms * 2 * p.weights_bytes_a_s / 1e3;
        assert_near(read, bt_pace_step_bytes(&w, few ? 16 : pow(16, 0.9)), read * 1e-9);
    }
}

/* Linear attention has a state of each sequence instead of KV: read and written in every step, cut by the ranks, as long at any context. */
static void states_are_read_and_written(void **st)
{
    (void)st;
    bt_auto_arena a = { 0 };
    const struct bt_model *m = model_of(&a, "Qwen/Qwen3.6-27B"); /* 48 of its 64 layers: 48 heads of 128 x 128 numbers of 32 bits */
    double state = 48.0 * 48 * 128 * 128 * 4, ms = 2 * state / (3350e9 * 0.80 * 0.8125) * 1e3;
    struct bt_gpu g = card_named("h100-sxm");
    struct bt_pace_in in = { .model = m, .engine = vllm(), .version = row("0.32.0"), .card = &g, .tp = 1, .nvlink = true };
    struct bt_pace p;
    for (uint64_t streams = 1; streams <= 64; streams *= 8)
        for (uint64_t tp = 1; tp <= 4; tp *= 2) {
            in.streams = streams;
            in.tp = tp;
            bt_pace_decode(&in, &p);
            assert_near(p.kv_ms, (double)streams * ms / (double)tp, 1e-6);
        }
    in.streams = 1;
    in.tp = 1;
    in.context = 1000;
    bt_pace_decode(&in, &p);
    double with_kv = p.kv_ms;
    in.context = 2000;
    bt_pace_decode(&in, &p);
    assert_near(p.kv_ms - with_kv, with_kv - ms, 1e-6);
    in.model = model_of(&a, "Qwen/Qwen3-32B");
    in.context = 0;
    bt_pace_decode(&in, &p);
    assert_near(p.kv_ms, 0, 1e-12);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(golden_rows),
        cmocka_unit_test(states_are_read_and_written),
        cmocka_unit_test(a_step_is_the_sum_of_its_terms),
        cmocka_unit_test(stages_against_tensors),
        cmocka_unit_test(batches),
        cmocka_unit_test(experts_are_read_as_they_are_hit),
        cmocka_unit_test(prompts_and_loading),
        cmocka_unit_test(engines_by_name_and_version),
        cmocka_unit_test(drafts_give_tokens_and_cost_steps),
        cmocka_unit_test(drafts_as_measured),
        cmocka_unit_test(vllm_before_flash_attention),
        cmocka_unit_test(vllm_fuses_on_blackwell_where_it_is_said),
        cmocka_unit_test(experts_of_4_bits_on_an_a100),
        cmocka_unit_test(experts_are_chosen_a_little_alike),
        cmocka_unit_test(old_versions_are_slower),
        cmocka_unit_test(boards_with_ecc_give_less),
        cmocka_unit_test(blackwell_has_its_own_constants),
        cmocka_unit_test(experts_launch_what_their_format_needs), cmocka_unit_test(experts_read_and_multiply_as_their_card_can),
        cmocka_unit_test(llama_cpp_keeps_the_rest_in_8_bits),
        cmocka_unit_test(llama_cpp_unpacks_no_faster_than_the_cores),
        cmocka_unit_test(fp8_before_ada_is_read_as_int8), cmocka_unit_test(servers_read_4_bits_on_gddr_as_fast_as_16),
        cmocka_unit_test(embeddings_of_layers_are_not_read),
        cmocka_unit_test(few_bits_are_more_work),
        cmocka_unit_test(tensorrt_llm_of_2024_called_nccl),
        cmocka_unit_test(fp8_models_have_other_files),
        cmocka_unit_test(prompts_beside_have_their_sums),
        cmocka_unit_test(fp4_is_multiplied_where_it_can_be),
        cmocka_unit_test(unknown_cards_give_no_figure),
    };
    return cmocka_run_group_tests(tests, no_cache, NULL);
}

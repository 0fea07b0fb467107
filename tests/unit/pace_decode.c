/* The roofline against rows worked out independently with the same constants, and against what must hold. */
#include "need_help.h"

#include "pace/pace.h"

#include "pace_golden.h"

static struct bt_gpu card_named(const char *key)
{
    const struct bt_gpu_kind *k = bt_gpu_kind_find(key);
    if (!k)
        fail_msg("no card %s", key);
    return (struct bt_gpu){
        .uuid = "virtual-0", .name = k->nvml_name, .kind = k, .pci = "", .total_bytes = bt_gpu_kind_total(k), .cc_major = k->cc_major, .island = -1
    };
}

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
    } rows[] = { { "rtx3090", 0.95 * 0.86 * 936.2e9 }, { "a100-sxm4-80", 0.95 * 0.82 * 2039e9 }, { "rtx4090", 1.08 * 0.93 * 1008e9 }, { "h100-sxm", 1.08 * 0.80 * 3350e9 } };
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
    assert_near(f.compute_s, 94 * 2e-3, 1e-9);
    assert_near(twice.compute_s, f.compute_s, 1e-9);
    in.prompt = 60000;
    bt_pace_first(&in, &long_one);
    assert_true(long_one.compute_s > 1.5 * f.compute_s);
    in.prompt = 600;
    struct bt_pace waits, does_not; /* and those who decode beside them do: 16 streams of 500 tokens, so that every 31st step stands still for a prompt */
    in.streams = 16;
    in.answer = 500;
    bt_pace_decode(&in, &waits);
    assert_near(waits.prefill_ms, 16.0 / 500 * 94 * 2, 1e-9);
    in.engine_name = "vllm";
    bt_pace_decode(&in, &does_not);
    assert_true(does_not.prefill_ms < 0.1 * waits.prefill_ms);
    bt_pace_first(&in, &vllm_first);
    assert_true(vllm_first.seconds < f.seconds);
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
    assert_near(l.seconds[BT_LOAD_CACHE], 13.48 / 4, 0.1);
    assert_near(two.seconds[BT_LOAD_CACHE], l.seconds[BT_LOAD_CACHE] / 2, 1e-9);
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

static void claims_are_read(void **st)
{
    (void)st;
    static const struct {
        const char *text, *model, *card, *quantization, *engine, *version;
        uint64_t cards, tp, pp, streams, context;
        double tok_s;
    } rows[] = {
        { "Qwen2.5-32B bf16, 4xA100-40GB, TP4, 85 tok/s", "Qwen2.5-32B", "a100-sxm4-40", "bf16", NULL, NULL, 4, 4, 1, 1, 0, 85 },
        { "85tok/s with Qwen2.5 32B on 4 x A100-40GB", "Qwen2.5-32B", "a100-sxm4-40", NULL, NULL, NULL, 4, 4, 1, 1, 0, 85 },
        { "85tok/s, Qwen2.5 32B, 4 A100-40GB tp=4", "Qwen2.5-32B", "a100-sxm4-40", NULL, NULL, NULL, 4, 4, 1, 1, 0, 85 },
        { "Llama-3.1-8B fp8 on 2x RTX 4090 vllm 0.11.0 batch 16 ctx=4k TP2 900 tokens/s", "Llama-3.1-8B", "rtx4090", "fp8", "vllm", "0.11.0", 2, 2, 1,
          16, 4000, 900 },
        { "TP2xPP2 H100 Llama-3.1-70B 30 t/s", "Llama-3.1-70B", "h100-sxm", NULL, NULL, NULL, 4, 2, 2, 1, 0, 30 },
        { "Llama-3.1-70B, 8xH200, 32 streams, 1200.5 tps", "Llama-3.1-70B", "h200-sxm", NULL, NULL, NULL, 8, 8, 1, 32, 0, 1200.5 },
        { "Llama-3.1-8B, A100, llama.cpp, q4_k_m, 120 tok/s", "Llama-3.1-8B", "a100-sxm4-80", "q4_k_m", "llama.cpp", NULL, 1, 1, 1, 1, 0, 120 },
    };
    for (size_t i = 0; i < BT_LEN(rows); i++) {
        bt_auto_arena a = { 0 };
        struct bt_claim c;
        struct bt_err err = { 0 };
        int rc = bt_claim_parse(&a, bt_str(rows[i].text), &c, &err);
        if (rc < 0)
            fail_msg("%s: %s", rows[i].text, err.msg);
        assert_string_equal(c.model, rows[i].model);
        assert_string_equal(c.kind->key, rows[i].card);
        assert_string_equal(c.quantization ? c.quantization : "", rows[i].quantization ? rows[i].quantization : "");
        assert_string_equal(c.engine ? c.engine : "", rows[i].engine ? rows[i].engine : "");
        assert_string_equal(c.engine_version ? c.engine_version : "", rows[i].version ? rows[i].version : "");
        assert_int_equal(c.cards, rows[i].cards);
        assert_int_equal(c.tp, rows[i].tp);
        assert_int_equal(c.pp, rows[i].pp);
        assert_int_equal(c.streams, rows[i].streams);
        assert_int_equal(c.context, rows[i].context);
        assert_near(c.tok_s, rows[i].tok_s, 1e-9);
    }
}

/* The small words, units and manners of people. Rates are of all streams of all engines. */
static void claims_are_read_as_people_write(void **st)
{
    (void)st;
    static const struct {
        const char *text, *quantization;
        uint64_t cards, tp, streams, engines;
        double tok_s;
        bool speculation;
    } rows[] = {
        { "Qwen3-8B on 4 x A100 40GB, tp=4: 85 tokens/s", "", 4, 4, 1, 1, 85, false },
        { "Qwen3-8B on a 4090 does about 55 t/s.", "", 1, 1, 1, 1, 55, false },
        { "(Qwen3-8B, \"H100\", ~130 tokens per second)", "", 1, 1, 1, 1, 130, false },
        { "Qwen3-8B, L4, 60 ms/token", "", 1, 1, 1, 1, 1000.0 / 60, false },
        { "Qwen3-8B, L4, TPOT 60 ms", "", 1, 1, 1, 1, 1000.0 / 60, false },
        { "Qwen3-8B, L4, 60ms TPOT, 17 tok/s", "", 1, 1, 1, 1, 1000.0 / 60, false },
        { "Qwen3-8B, L4, 50 ms per token, 8 streams", "", 1, 1, 8, 1, 160, false },
        { "Qwen3-8B, L4, 1.7k tok/s in total, 64 users", "", 1, 1, 64, 1, 1700, false },
        { "Qwen3-8B, L4, 12 tok/s per user, 64 users", "", 1, 1, 64, 1, 768, false },
        { "Qwen3-8B, L4, batch 64, 12 tok/s each", "", 1, 1, 64, 1, 768, false },
        { "Qwen3-8B 4-bit, L4, 40 tok/s", "int4", 1, 1, 1, 1, 40, false },
        { "Qwen3-8B, 8 bit, L4, 30 tok/s", "int8", 1, 1, 1, 1, 30, false },
        { "Qwen3-8B GPTQ-Int4, L4 24GB, 40 tok/s", "int4", 1, 1, 1, 1, 40, false },
        { "Qwen3-8B, 8xH100, dp 8, 1000 tok/s", "", 8, 1, 8, 8, 1000, false },
        { "Qwen3-8B, 8xH100, DP4, 150 tok/s each, 8 streams", "", 8, 2, 8, 4, 1200, false },
        { "Qwen3-8B with speculative decoding, H100, 300 tok/s", "", 1, 1, 1, 1, 300, true },
        { "Qwen3-8B, eagle3, H100, 300 tok/s", "", 1, 1, 1, 1, 300, true },
    };
    for (size_t i = 0; i < BT_LEN(rows); i++) {
        bt_auto_arena a = { 0 };
        struct bt_claim c;
        struct bt_err err = { 0 };
        if (bt_claim_parse(&a, bt_str(rows[i].text), &c, &err) < 0)
            fail_msg("\"%s\": %s", rows[i].text, err.msg);
        assert_string_equal(c.model, "Qwen3-8B");
        assert_string_equal(c.quantization ? c.quantization : "", rows[i].quantization);
        assert_int_equal(c.cards, rows[i].cards);
        assert_int_equal(c.tp, rows[i].tp);
        assert_int_equal(c.streams, rows[i].streams);
        assert_int_equal(c.engines, rows[i].engines);
        assert_int_equal(c.speculation, rows[i].speculation);
        assert_near(c.tok_s, rows[i].tok_s, 1e-9);
    }
}

/* What stands in posts and tables: read so, or refused; never taken for one stream's rate where it is another thing. */
static void claims_of_posts_and_tables(void **st)
{
    (void)st;
    static const struct {
        const char *text, *model, *card, *quantization;
        uint64_t cards, tp, pp, streams;
        double tok_s;
        bool speculation;
        double prompt_tok_s, first_s;
        uint64_t context;
    } rows[] = {
        { "Llama-3.1-70B AWQ 85 t/s on 2x3090", "Llama-3.1-70B", "rtx3090", "AWQ", 2, 2, 1, 1, 85, false, 0, 0, 0 },
        { "Qwen3-8B Q4_K_M RTX 4090 tg128 145.3", "Qwen3-8B", "rtx4090", "Q4_K_M", 1, 1, 1, 1, 145.3, false, 0, 0, 0 },
        { "Qwen3-8B Q4_K_M RTX 4090 tg128: 145.3 \xc2\xb1 0.5 t/s", "Qwen3-8B", "rtx4090", "Q4_K_M", 1, 1, 1, 1, 145.3, false, 0, 0, 0 },
        { "Qwen3-8B Q8_0 RTX 3090 pp512 4000, tg128 95", "Qwen3-8B", "rtx3090", "Q8_0", 1, 1, 1, 1, 95, false, 4000, 0, 512 },
        { "Qwen3-32B AWQ, 4090, pp 3000 tg 38", "Qwen3-32B", "rtx4090", "AWQ", 1, 1, 1, 1, 38, false, 3000, 0, 0 },
        { "Qwen3-32B AWQ, 4090, 3000 tok/s prefill, 38 tok/s decode", "Qwen3-32B", "rtx4090", "AWQ", 1, 1, 1, 1, 38, false, 3000, 0, 0 },
        { "Qwen3-32B AWQ, 4090, prefill 3000 tok/s, decode 38 tok/s", "Qwen3-32B", "rtx4090", "AWQ", 1, 1, 1, 1, 38, false, 3000, 0, 0 },
        { "Qwen3-32B AWQ, 4090, prompt eval rate: 3800.2 tokens/s, eval rate: 38.2 tokens/s", "Qwen3-32B", "rtx4090", "AWQ", 1, 1, 1, 1, 38.2, false, 3800.2, 0, 0 },
        { "Qwen3-8B, L40S, TTFT 120 ms, 45 tok/s", "Qwen3-8B", "l40s", "", 1, 1, 1, 1, 45, false, 0, 0.12, 0 },
        { "Qwen3-8B, L40S, 45 tok/s, 0.3 s TTFT", "Qwen3-8B", "l40s", "", 1, 1, 1, 1, 45, false, 0, 0.3, 0 },
        { "Qwen3-8B, L40S, 45 tok/s, first token 300ms", "Qwen3-8B", "l40s", "", 1, 1, 1, 1, 45, false, 0, 0.3, 0 },
        { "~120 tok/s with EXL2 Qwen3-8B on a 3090", "Qwen3-8B", "rtx3090", "EXL2", 1, 1, 1, 1, 120, false, 0, 0, 0 },
        { "Llama-3.1-70B 4.0bpw EXL2 2x3090 18 t/s", "Llama-3.1-70B", "rtx3090", "EXL2", 2, 2, 1, 1, 18, false, 0, 0, 0 },
        { "Llama-3.1-8B fp16 at batch 32 on an A100 gets 1500 tok/s", "Llama-3.1-8B", "a100-sxm4-80", "fp16", 1, 1, 1, 32, 1500, false, 0, 0, 0 },
        { "Llama-3.1-8B A100-80GB, 64 concurrent requests, 2,400 tok/s", "Llama-3.1-8B", "a100-sxm4-80", "", 1, 1, 1, 64, 2400, false, 0, 0, 0 },
        { "Llama-3.1-8B on A100, aggregate 2,400 tok/s at concurrency 64", "Llama-3.1-8B", "a100-sxm4-80", "", 1, 1, 1, 64, 2400, false, 0, 0, 0 },
        { "Llama-3.1-8B, A100, batch 64,200 tok/s", "Llama-3.1-8B", "a100-sxm4-80", "", 1, 1, 1, 64, 200, false, 0, 0, 0 },
        { "gpt-oss-120b on 8xH100 250 tps/user", "gpt-oss-120b", "h100-sxm", "", 8, 8, 1, 1, 250, false, 0, 0, 0 },
        { "gpt-oss-120b on 8xH100, 32 users, 250 tok/s/user", "gpt-oss-120b", "h100-sxm", "", 8, 8, 1, 32, 8000, false, 0, 0, 0 },
        { "gpt-oss-120b on 8xB200 TP8, 256 streams, 1,000 tok/s/GPU", "gpt-oss-120b", "b200", "", 8, 8, 1, 256, 8000, false, 0, 0, 0 },
        { "DeepSeek-R1 8xH200 TP8 EP8 75 tok/s", "DeepSeek-R1", "h200-sxm", "", 8, 8, 1, 1, 75, false, 0, 0, 0 },
        { "DeepSeek-R1, 8\xc3\x97H200, 75 tok/s", "DeepSeek-R1", "h200-sxm", "", 8, 8, 1, 1, 75, false, 0, 0, 0 },
        { "Qwen2.5-32B 4xA100 40G TP=4 85tok/s", "Qwen2.5-32B", "a100-sxm4-40", "", 4, 4, 1, 1, 85, false, 0, 0, 0 },
        { "Qwen2.5-32B (bf16) | 4x A100 40GB | TP4 | 85 tok/s", "Qwen2.5-32B", "a100-sxm4-40", "bf16", 4, 4, 1, 1, 85, false, 0, 0, 0 },
        { "Qwen2.5-32B; 4xA100-40GB; TP4; 85 tok/s", "Qwen2.5-32B", "a100-sxm4-40", "", 4, 4, 1, 1, 85, false, 0, 0, 0 },
        { "Qwen3-8B on dual RTX 3090s via NVLink 75 t/s", "Qwen3-8B", "rtx3090", "", 2, 2, 1, 1, 75, false, 0, 0, 0 },
        { "Qwen3-8B on two 3090s 75 t/s", "Qwen3-8B", "rtx3090", "", 2, 2, 1, 1, 75, false, 0, 0, 0 },
        { "Qwen3-8B, 2 H100s, 220 tok/s", "Qwen3-8B", "h100-sxm", "", 2, 2, 1, 1, 220, false, 0, 0, 0 },
        { "Qwen3-8B on quad 3090 100 t/s", "Qwen3-8B", "rtx3090", "", 4, 4, 1, 1, 100, false, 0, 0, 0 },
        { "Qwen3-8B, H100, tensor parallel 2, 220 tok/s", "Qwen3-8B", "h100-sxm", "", 2, 2, 1, 1, 220, false, 0, 0, 0 },
        { "Qwen3-8B, H100, --tensor-parallel-size 2, 220 tok/s", "Qwen3-8B", "h100-sxm", "", 2, 2, 1, 1, 220, false, 0, 0, 0 },
        { "Qwen3-32B AWQ-Marlin 2x4090 PP2 25 t/s", "Qwen3-32B", "rtx4090", "awq", 2, 1, 2, 1, 25, false, 0, 0, 0 },
        { "Qwen3-8B L40S 45 tok/s bs1", "Qwen3-8B", "l40s", "", 1, 1, 1, 1, 45, false, 0, 0, 0 },
        { "Qwen3-8B L40S c16 500 tok/s", "Qwen3-8B", "l40s", "", 1, 1, 1, 16, 500, false, 0, 0, 0 },
        { "Qwen3-8B L40S 1200 tok/s bs=64 isl=1024 osl=256", "Qwen3-8B", "l40s", "", 1, 1, 1, 64, 1200, false, 0, 0, 1152 },
        { "Qwen3-8B L40S 1200 tok/s, 1024 in / 256 out, 64 concurrent", "Qwen3-8B", "l40s", "", 1, 1, 1, 64, 1200, false, 0, 0, 1152 },
        { "Qwen3-8B L40S 1200 tok/s at 64 concurrency, input 1024 output 256", "Qwen3-8B", "l40s", "", 1, 1, 1, 64, 1200, false, 0, 0, 1152 },
        { "Qwen3-8B L40S output 45 tok/s", "Qwen3-8B", "l40s", "", 1, 1, 1, 1, 45, false, 0, 0, 0 },
        { "Qwen3-8B L40S 45+ tok/s", "Qwen3-8B", "l40s", "", 1, 1, 1, 1, 45, false, 0, 0, 0 },
        { "Qwen3-8B L40S \xe2\x89\x88" "45 tok/s", "Qwen3-8B", "l40s", "", 1, 1, 1, 1, 45, false, 0, 0, 0 },
        { "Qwen3-8B L40S 45.3\xc2\xb1" "0.4 tok/s", "Qwen3-8B", "l40s", "", 1, 1, 1, 1, 45.3, false, 0, 0, 0 },
        { "Qwen3-8B, L40S, TPOT=20ms", "Qwen3-8B", "l40s", "", 1, 1, 1, 1, 50, false, 0, 0, 0 },
        { "Qwen3-8B, L40S, 20 ms ITL", "Qwen3-8B", "l40s", "", 1, 1, 1, 1, 50, false, 0, 0, 0 },
        { "Qwen3-8B, 3090, power limited to 250W, 50 t/s", "Qwen3-8B", "rtx3090", "", 1, 1, 1, 1, 50, false, 0, 0, 0 },
        { "Qwen3-8B, A100, 85 tok/s without speculation", "Qwen3-8B", "a100-sxm4-80", "", 1, 1, 1, 1, 85, false, 0, 0, 0 },
        { "Qwen3-8B, A100, 85 tok/s, no MTP", "Qwen3-8B", "a100-sxm4-80", "", 1, 1, 1, 1, 85, false, 0, 0, 0 },
        { "Qwen3-8B, A100, 185 tok/s with MTP", "Qwen3-8B", "a100-sxm4-80", "", 1, 1, 1, 1, 185, true, 0, 0, 0 },
        { "Qwen3-8B, A100, 300k tokens/hour, 8 streams", "Qwen3-8B", "a100-sxm4-80", "", 1, 1, 1, 8, 300e3 / 3600, false, 0, 0, 0 },
        { "Qwen3-8B, A100, 6000 tokens per minute, 1 stream", "Qwen3-8B", "a100-sxm4-80", "", 1, 1, 1, 1, 100, false, 0, 0, 0 },
        { "Qwen3-30B-A3B IQ4_XS GGUF, 3090, 120 tok/s at 16k depth", "Qwen3-30B-A3B", "rtx3090", "IQ4_XS", 1, 1, 1, 1, 120, false, 0, 0, 16000 },
    };
    for (size_t i = 0; i < BT_LEN(rows); i++) {
        bt_auto_arena a = { 0 };
        struct bt_claim c;
        struct bt_err err = { 0 };
        if (bt_claim_parse(&a, bt_str(rows[i].text), &c, &err) < 0)
            fail_msg("\"%s\": %s", rows[i].text, err.msg);
        assert_string_equal(c.model, rows[i].model);
        assert_string_equal(c.kind->key, rows[i].card);
        assert_string_equal(c.quantization ? c.quantization : "", rows[i].quantization);
        if (c.cards != rows[i].cards || c.tp != rows[i].tp || c.pp != rows[i].pp || c.streams != rows[i].streams || c.context != rows[i].context)
            fail_msg("\"%s\": %d cards, TP=%d, PP=%d, %d streams, context %d", rows[i].text, (int)c.cards, (int)c.tp, (int)c.pp, (int)c.streams, (int)c.context);
        assert_near(c.tok_s, rows[i].tok_s, 1e-6);
        assert_near(c.prompt_tok_s, rows[i].prompt_tok_s, 1e-9);
        assert_near(c.first_s, rows[i].first_s, 1e-9);
        assert_int_equal(c.speculation, rows[i].speculation);
    }
}

static void bad_claims_name_what_is_wrong(void **st)
{
    (void)st;
    static const struct {
        const char *text, *says;
    } rows[] = {
        { "", "no model" },
        { "Qwen3-8B", "no card" },
        { "Qwen3-8B, A100", "no rate" },
        { "Qwen3-8B, A100, TP4 PP2, 2xA100, 5 tok/s", "not understood" },
        { "Qwen3-8B, 2xA100, TP4, 5 tok/s", "needs 4 cards" },
        { "Qwen3-8B, A100, banana, 5 tok/s", "\"banana\"" },
        { "Qwen3-8B, A100, 5", "\"5\"" },
        { "Qwen3-8B, A100, 0 tok/s", "more than 0" },
        { "Qwen3-8B, A100, -5 tok/s", "-5 tok/s" },
        { "Qwen3-8B, A100, 1e300 tok/s", "at most a billion" },
        { "Qwen3-8B, A100, 5 tok/s, 6 tok/s", "two things: tok/s 5, and 6" },
        { "Qwen3-8B, 4xA100, TP4, tp2, 5 tok/s", "two things: TP 4, and 2" },
        { "Qwen3-8B, A100, 20 ms/token, 80 tok/s", "which is 50.0" },
        { "Qwen3-8B, A100, 20 ms", "\"20 ms\"" },
        { "Qwen3-8B, 4xA100, dp 8, 5 tok/s", "needs 8 cards" },
        { "Qwen3-8B, A100, 1e999 tok/s", "\"1e999 tok/s\"" },
        { "Qwen3-8B, 0xA100, 5 tok/s", "0xA100" },
        { "Qwen3-8B, A100, tp0, 5 tok/s", "tp0" },
        { "Qwen3-8B Q4_K_M RTX 4090 pp512 9800 t/s", "of reading prompts" },
        { "Qwen3-32B, 4090, prefill 3000 tok/s", "of reading prompts" },
        { "Qwen3-32B, 4090, prompt processing 3000 t/s", "of reading prompts" },
        { "Qwen3-32B, 4090, TTFT 300 ms", "of reading prompts" },
        { "Llama-3.1-8B on A100, aggregate 2,400 tok/s", "of all streams together" },
        { "Llama-3.1-8B on A100, 2400 tok/s throughput", "of all streams together" },
        { "gpt-oss-120b 8xH200 12k tok/s total", "of all streams together" },
        { "gpt-oss-120b on 8xB200 TP8, 5,000 tok/s/GPU", "of all streams together" },
        { "Qwen3-8B, A100, 300k tokens/hour", "of all streams together" },
        { "Qwen3-8B A100 1.200 tok/s batch 64", "may be 1.2 or 1200" },
        { "Qwen3-8B A100 1 200 tok/s batch 64", "\"1\"" },
        { "Qwen3-8B, A100, 12 req/s", "\"12 req/s\"" },
        { "Qwen3-8B, A100, 85 words/s", "\"85 words/s\"" },
        { "Qwen3-8B L40S 20-25 tok/s", "\"20-25 tok/s\"" },
        { "Qwen3-8B, L40S, 8 streams, 16 users, 45 tok/s", "two things: streams 8, and 16" },
    };
    for (size_t i = 0; i < BT_LEN(rows); i++) {
        bt_auto_arena a = { 0 };
        struct bt_claim c;
        struct bt_err err = { 0 };
        assert_int_equal(bt_claim_parse(&a, bt_str(rows[i].text), &c, &err), -1);
        assert_int_equal(err.code, BT_E_USAGE);
        if (!strstr(err.msg, rows[i].says))
            fail_msg("\"%s\": %s", rows[i].text, err.msg);
    }
}

static void claims_are_judged(void **st)
{
    (void)st;
    static const struct {
        const char *text, *model;
        double share;
        enum bt_verdict verdict;
    } rows[] = {
        { "Qwen2.5-32B bf16, 4xA100-40GB, TP4, 85 tok/s", "Qwen/Qwen2.5-32B", 0.87, BT_CLAIM_NOT_REACHED },
        { "Qwen2.5-32B bf16, 3xA100-40GB, TP3, 72 tok/s", "Qwen/Qwen2.5-32B", 0.99, BT_CLAIM_NOT_REACHED },
        { "Qwen2.5-32B bf16, 2xA100-40GB, TP2, 50 tok/s", "Qwen/Qwen2.5-32B", 1.03, BT_CLAIM_IMPOSSIBLE },
        { "Qwen2.5-32B bf16, 2xA100-40GB, TP2, 34 tok/s", "Qwen/Qwen2.5-32B", 0.70, BT_CLAIM_CREDIBLE },
        { "Llama-2-7B, A100-80GB, 191 tok/s", "meta-llama/Llama-2-7b-hf", 1.24, BT_CLAIM_IMPOSSIBLE },
        { "Qwen2.5-32B bf16, 4xA100-40GB, PP4, 85 tok/s", "Qwen/Qwen2.5-32B", 3.50, BT_CLAIM_IMPOSSIBLE },
        { "Qwen2.5-32B bf16, 4xA100-40GB, PP4, 4 streams, 85 tok/s", "Qwen/Qwen2.5-32B", 0.87, BT_CLAIM_NOT_REACHED },
        { "Qwen3-8B A100 90000 tok/s, 4096 streams", "Qwen/Qwen3-8B", 0.163, BT_CLAIM_IMPOSSIBLE },          /* by its operations */
        { "Qwen3-30B-A3B ollama 4090 150 t/s", "Qwen/Qwen3-30B-A3B", 0.284, BT_CLAIM_CREDIBLE },             /* in ollama's usual bits */
        { "Qwen3-32B Q6_K 2x3090 llama.cpp 24 t/s", "Qwen/Qwen3-32B", 0.336, BT_CLAIM_CREDIBLE },
    };
    for (size_t i = 0; i < BT_LEN(rows); i++) {
        bt_auto_arena a = { 0 };
        struct bt_claim c;
        struct bt_judged j;
        struct bt_err err = { 0 };
        if (bt_claim_parse(&a, bt_str(rows[i].text), &c, &err) < 0 || bt_claim_judge(&c, model_of(&a, rows[i].model), &j, &err) < 0)
            fail_msg("%s: %s", rows[i].text, err.msg);
        assert_near(j.share, rows[i].share, 0.006);
        assert_int_equal(j.verdict, rows[i].verdict);
    }
    assert_near(bt_pace_best_share(4, true), 0.69, 1e-9);
}

/* Several cards of llama.cpp stand in a row: one stream is as fast as on one of them; the ceiling stays that of the best split. */
static void llama_cpp_splits_by_layers(void **st)
{
    (void)st;
    bt_auto_arena a = { 0 };
    struct bt_claim c;
    struct bt_judged row, split;
    struct bt_err err = { 0 };
    const struct bt_model *m = model_of(&a, "Qwen/Qwen3-32B");
    assert_int_equal(bt_claim_parse(&a, bt_str("Qwen3-32B Q6_K 2x3090 llama.cpp 24 t/s"), &c, &err), 0);
    assert_int_equal(bt_claim_judge(&c, m, &row, &err), 0);
    assert_int_equal(bt_claim_parse(&a, bt_str("Qwen3-32B Q6_K 2x3090 llama.cpp TP2 24 t/s"), &c, &err), 0);
    assert_int_equal(bt_claim_judge(&c, m, &split, &err), 0);
    assert_near(row.ceiling_tok_s, split.ceiling_tok_s, 1e-9);
    assert_true(row.pace.total_tok_s < 0.7 * split.pace.total_tok_s);
    assert_near(row.pace.total_tok_s, 27, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(golden_rows),
        cmocka_unit_test(a_step_is_the_sum_of_its_terms),
        cmocka_unit_test(stages_against_tensors),
        cmocka_unit_test(batches),
        cmocka_unit_test(experts_are_read_as_they_are_hit),
        cmocka_unit_test(prompts_and_loading),
        cmocka_unit_test(engines_by_name_and_version),
        cmocka_unit_test(drafts_give_tokens_and_cost_steps),
        cmocka_unit_test(drafts_as_measured),
        cmocka_unit_test(claims_are_read),
        cmocka_unit_test(claims_are_read_as_people_write),
        cmocka_unit_test(claims_of_posts_and_tables),
        cmocka_unit_test(llama_cpp_splits_by_layers),
        cmocka_unit_test(bad_claims_name_what_is_wrong),
        cmocka_unit_test(claims_are_judged),
        cmocka_unit_test(old_versions_are_slower),
        cmocka_unit_test(blackwell_has_its_own_constants),
        cmocka_unit_test(experts_launch_what_their_format_needs),
        cmocka_unit_test(llama_cpp_keeps_the_rest_in_8_bits),
        cmocka_unit_test(llama_cpp_unpacks_no_faster_than_the_cores),
        cmocka_unit_test(fp8_before_ada_is_read_as_int8),
        cmocka_unit_test(embeddings_of_layers_are_not_read),
        cmocka_unit_test(short_prompts_wait_for_the_host),
        cmocka_unit_test(unknown_cards_give_no_figure),
    };
    return cmocka_run_group_tests(tests, no_cache, NULL);
}

/* KV of layers that differ: windows, states, latents, drafts. Block counts and concurrencies are those of real logs. */
#include "need_help.h"

#include "need/parts.h"

static struct bt_need *of(struct bt_arena *a, const char *id, const char *version, struct bt_serve s)
{
    struct bt_gpu card = card_of(79.1, 8);
    return need_of(a, model_of(a, id), version, s, &card);
}

static double concurrency(const struct bt_need *n, double kv_gib, uint64_t context)
{
    const struct bt_need_rank *r = &n->rank[0];
    return (double)((uint64_t)(kv_gib * (double)GiB) / r->kv_block_bytes) / (double)bt_need_request_blocks(n, r, context);
}

/* Block size and "Maximum concurrency" as vLLM logged them. */
static const struct { const char *model, *version; struct bt_serve serve; uint64_t block; double kv_gib, concurrency, off; } logged[] = {
    { "Qwen/Qwen3-Next-80B-A3B-Instruct", "0.10.2", { .tp = 2, .context = 262144 }, 544, 44.59, 14.77, 0.01 },
    { "Qwen/Qwen3.5-9B", "0.19.0", { .context = 262144 }, 528, 20.27, 2.52, 0.01 },
    { "Qwen/Qwen3.6-27B", "0.20.0", { .context = 32768, .kv_dtype = "fp8", .prefix_caching_on = true }, 1568, 6.67, 5.15, 0.01 },
    { "Qwen/Qwen3.6-35B-A3B", "0.20.0", { .context = 65536, .kv_dtype = "fp8", .prefix_caching_on = true }, 2096, 3.07, 4.03, 0.01 },
};

static void hybrids_are_as_logged(void **st)
{
    (void)st;
    for (size_t i = 0; i < BT_LEN(logged); i++) {
        bt_auto_arena a = { 0 };
        struct bt_need *n = of(&a, logged[i].model, logged[i].version, logged[i].serve);
        assert_int_equal(n->block, logged[i].block);
        assert_near(concurrency(n, logged[i].kv_gib, logged[i].serve.context), logged[i].concurrency, logged[i].off);
    }
}

/* Gemma 3 27B: 10 full and 52 local layers make one full and six local groups of ten. */
static void windows_are_cut_in_groups(void **st)
{
    (void)st;
    bt_auto_arena a = { 0 };
    struct bt_need *n = of(&a, "google/gemma-3-27b-it", "0.11.0", (struct bt_serve){ .context = 32768, .max_batched_tokens = 8192 });
    const struct bt_need_rank *r = &n->rank[0];
    size_t full = 0, sliding = 0;
    for (size_t i = 0; i < r->ngroups; i++) {
        full += r->group[i].kind == BT_MIX_FULL;
        sliding += r->group[i].kind == BT_MIX_SLIDING;
        assert_true(r->group[i].layers <= r->pool_layers);
    }
    assert_true(full == 1 && sliding == 6 && r->pool_layers == 10);
    assert_int_equal(r->kv_block_bytes, 10ull * 16 * 2 * 16 * 128 * 2);
    assert_int_equal(bt_need_request_blocks(n, r, 32768), 2048 + 6 * ((1023 + 8192 + 15) / 16 + 1));
    assert_int_equal(bt_need_request_blocks(n, r, 1000), 63 + 6 * 64);           /* short of the window */
    uint64_t kv = bt_need_kv_request(n, r, 32768);
    assert_true(bt_need_longest(n, r, kv) >= 32768 && bt_need_longest(n, r, kv) < 32768 + 16);
    assert_true(bt_need_longest(n, r, kv - 1) < 32768);
}

/* Stages of 21, 21 and 20 layers have 3, 4 and 3 full ones; all draw seven blocks for a request's tokens, as the whole model does. */
static void groups_are_the_whole_models_on_every_stage(void **st)
{
    (void)st;
    static const uint32_t full[] = { 3, 4, 3 };
    bt_auto_arena a = { 0 };
    struct bt_need *whole = of(&a, "google/gemma-3-27b-it", "0.32.0", (struct bt_serve){ .context = 32768, .max_batched_tokens = 8192 });
    struct bt_need *n = of(&a, "google/gemma-3-27b-it", "0.32.0", (struct bt_serve){ .pp = 3, .context = 32768, .max_batched_tokens = 8192 });
    uint32_t layers[7] = { 0 };
    for (size_t p = 0; p < 3; p++) {
        const struct bt_need_rank *r = &n->rank[p];
        assert_int_equal(r->ngroups, 7);
        assert_int_equal(r->group[6].layers, full[p]);
        assert_int_equal(r->pool_layers, full[p]);
        assert_int_equal(r->kv_block_bytes, full[p] * 16ull * 2 * 16 * 128 * 2);
        assert_int_equal(bt_need_request_blocks(n, r, 1000), bt_need_request_blocks(whole, &whole->rank[0], 1000));
        for (size_t g = 0; g < 7; g++)
            layers[g] += r->group[g].layers;
    }
    for (size_t g = 0; g < 7; g++)
        assert_int_equal(layers[g], whole->rank[0].group[g].layers);
    n = of(&a, "google/gemma-3-27b-it", "0.32.0", (struct bt_serve){ .pp = 31, .context = 32768, .max_batched_tokens = 8192 });
    assert_true(n->rank[0].ngroups == 7 && n->rank[0].pool_layers == 1);             /* two local layers: five groups have none here, and still take blocks */
}

/* A state for each request and nothing for its tokens: 64 layers x (3 x 5120 + 5120 x 16) x 2 B. It may be of any length. */
static void states_alone_take_no_tokens(void **st)
{
    (void)st;
    static const char json[] = "{\"architectures\": [\"MambaForCausalLM\"], \"hidden_size\": 2560, \"num_hidden_layers\": 64, \"vocab_size\": 50280}";
    bt_auto_arena a = { 0 };
    struct bt_model m = { .id = "mamba" };
    struct bt_err err = { 0 };
    struct bt_gpu card = card_of(79.1, 9);
    struct bt_fit *f = NULL;
    assert_true(bt_model_config(&a, "config.json", bt_str(json), &m, &err) == 0 && bt_model_derive(&a, &m, &err) == 0);
    struct bt_need *n = need_of(&a, &m, "0.11.0", (struct bt_serve){ .context = 100000 }, &card);
    const struct bt_need_rank *r = &n->rank[0];
    const uint64_t state = 64ull * (3 * 5120 + 5120 * 16) * 2;
    assert_int_equal(r->kv_token_bytes, 0);
    assert_int_equal(r->kv_block_bytes, state);
    assert_int_equal(bt_need_request_blocks(n, r, 1), bt_need_request_blocks(n, r, 100000));
    assert_true(bt_need_longest(n, r, 4 * state) > 1u << 30);
    n = need_of(&a, &m, "0.11.0", (struct bt_serve){ .context = 100000, .tp = 2 }, &card);
    assert_int_equal(n->rank[0].kv_block_bytes, state / 2);
    struct bt_fit_case in = { .model = &m, .engine = vllm(), .version = row("0.11.0"), .card = &card };
    assert_int_equal(bt_fit_server(&a, &in, &(struct bt_serve){ .context = 100000 }, &f, &err), 0);
    assert_true(f->fits && f->longest == 100000);
}

/* Whisper: 448 tokens of its own and 1500 of the encoder, in each of 4 layers: 28 and 94 blocks of 16. */
static void the_encoders_tokens_are_kept_as_well(void **st)
{
    (void)st;
    static const char json[] = "{\"architectures\": [\"WhisperForConditionalGeneration\"], \"is_encoder_decoder\": true, \"d_model\": 1280, \"encoder_layers\": 32, \"decoder_layers\": 4, "
                               "\"decoder_attention_heads\": 20, \"max_source_positions\": 1500, \"max_target_positions\": 448, \"vocab_size\": 51866}";
    bt_auto_arena a = { 0 };
    struct bt_model m = { .id = "whisper" };
    struct bt_err err = { 0 };
    struct bt_gpu card = card_of(79.1, 9);
    assert_true(bt_model_config(&a, "config.json", bt_str(json), &m, &err) == 0 && bt_model_derive(&a, &m, &err) == 0);
    struct bt_need *n = need_of(&a, &m, "0.11.0", (struct bt_serve){ 0 }, &card);
    const struct bt_need_rank *r = &n->rank[0];
    const uint64_t token = 4ull * 2 * 20 * 64 * 2;
    assert_int_equal(r->kv_token_bytes, token);
    assert_int_equal(r->kv_block_bytes, token * 16);
    assert_int_equal(bt_need_request_blocks(n, r, 448), 28 + 94);
    assert_int_equal(bt_need_request_blocks(n, r, 1), 1 + 94);
}

static void a_latent_is_on_every_rank(void **st)
{
    (void)st;
    bt_auto_arena a = { 0 };
    struct bt_need *one = of(&a, "deepseek-ai/DeepSeek-V3", "0.11.0", (struct bt_serve){ .tp = 1 }), *eight = of(&a, "deepseek-ai/DeepSeek-V3", "0.11.0", (struct bt_serve){ .tp = 8 });
    assert_int_equal(one->rank[0].kv_token_bytes, 61 * 576 * 2);
    assert_int_equal(eight->rank[0].kv_token_bytes, 61 * 576 * 2);
    assert_int_equal(of(&a, "deepseek-ai/DeepSeek-V3", "0.7.3", (struct bt_serve){ .tp = 8 })->rank[0].kv_token_bytes, 61 * 640 * 2);
    const char *dcp[] = { "--decode-context-parallel-size", "8" };
    struct bt_need *shared = of(&a, "deepseek-ai/DeepSeek-V3", "0.11.0", (struct bt_serve){ .tp = 8, .extra = { dcp, 2 } });
    uint64_t kv = 40 * GiB;
    assert_int_equal(bt_need_kv_tokens(shared, &shared->rank[0], kv), 8 * bt_need_kv_tokens(eight, &eight->rank[0], kv));
}

static void drafts_add_layers_and_states(void **st)
{
    (void)st;
    bt_auto_arena a = { 0 };
    const char *mtp[] = { "--speculative-config={\"method\": \"mtp\", \"num_speculative_tokens\": 3}" };
    struct bt_serve s = { .context = 65536, .kv_dtype = "fp8" };
    struct bt_need *plain = of(&a, "Qwen/Qwen3.6-27B", "0.20.0", s);
    s.extra = (struct bt_strs){ mtp, 1 };
    struct bt_need *draft = of(&a, "Qwen/Qwen3.6-27B", "0.20.0", s);
    assert_int_equal(draft->spec_tokens, 3);
    assert_int_equal(plain->rank[0].pool_layers, 16);
    assert_int_equal(draft->rank[0].pool_layers, 17);
    double more = (double)(part_of(&draft->rank[0], BT_P_WEIGHTS) - part_of(&plain->rank[0], BT_P_WEIGHTS)) / (double)GiB;
    assert_near(more, 45.36 / 64 + 0.098, 0.05);     /* a layer of the model, and 2 x 5120 x 5120 numbers */
    assert_int_equal(need_extra_flag(&s, "speculative-config") != NULL, 1);
    assert_null(need_extra_flag(&s, "speculative"));
}

/* Quantised checkpoints leave the drafting layer in 16 bits: real starts of 0.25.1, mtp with 3 tokens, on a GB10, log 23.45 and 18.5 GiB. */
static void drafts_stay_in_16_bits(void **st)
{
    (void)st;
    static const struct { const char *id; double gib; } cases[] = { { "RedHatAI/Qwen3.6-35B-A3B-NVFP4", 23.45 }, { "RedHatAI/Qwen3.8-27B-INT4", 18.5 } };
    const char *mtp[] = { "--speculative-config={\"method\": \"mtp\", \"num_speculative_tokens\": 3}" };
    for (size_t i = 0; i < BT_LEN(cases); i++) {
        bt_auto_arena a = { 0 };
        struct bt_need *n = of(&a, cases[i].id, "0.25.1", (struct bt_serve){ .context = 262144, .max_seqs = 32, .extra = { mtp, 1 } });
        assert_near((double)part_of(&n->rank[0], BT_P_WEIGHTS) / (double)GiB, cases[i].gib, 0.01 * cases[i].gib);
    }
}

/* A checkpoint with scales for 8 bit KV gets it from "auto": attention/layer.py from 0.13 on; a word of the command line stays. */
static void kv_as_the_checkpoint_says(void **st)
{
    (void)st;
    bt_auto_arena a = { 0 };
    struct bt_model *m = model_of(&a, "Qwen/Qwen3-8B");
    struct bt_gpu card = card_of(79.25, 9);
    struct bt_serve said = { .kv_dtype = "bfloat16" };
    m->quant.kv8 = true;
    uint64_t old = need_of(&a, m, "0.11.0", (struct bt_serve){ 0 }, &card)->rank[0].kv_token_bytes, now = need_of(&a, m, "0.13.0", (struct bt_serve){ 0 }, &card)->rank[0].kv_token_bytes;
    assert_int_equal(old, 147456);
    assert_int_equal(now, 73728);
    assert_int_equal(need_of(&a, m, "0.13.0", said, &card)->rank[0].kv_token_bytes, 147456);
}

/* Sparse attention over latents: blocks of 64, 656 + 132 bytes of a token and layer in 8 bits. Real starts of GLM-5.1 at TP 8 (0.20.2, 19.55 GiB) and with its
 * drafting layer (18.51 GiB) log 341,504 and 319,232 tokens; GLM-5 in 16 bits (0.19, 32.11 GiB) 344,192. */
static void sparse_latents_in_8_bits(void **st)
{
    (void)st;
    static const struct { const char *id, *version, *kv; bool drafts; double gib; uint64_t tokens; } cases[] = {
        { "zai-org/GLM-5.1", "0.20.2", "fp8", false, 19.5495, 341504 }, { "zai-org/GLM-5.1", "0.20.2", "fp8", true, 18.5095, 319232 }, { "zai-org/GLM-5", "0.19.0", NULL, false, 32.1085, 344192 },
    };
    const char *mtp[] = { "--speculative-config={\"method\": \"mtp\", \"num_speculative_tokens\": 3}" };
    for (size_t i = 0; i < BT_LEN(cases); i++) {
        bt_auto_arena a = { 0 };
        struct bt_gpu card = card_of(139.8, 9);
        struct bt_serve s = { .tp = 8, .context = 202752, .kv_dtype = cases[i].kv, .extra = { mtp, cases[i].drafts } };
        struct bt_need *n = need_of(&a, model_of(&a, cases[i].id), cases[i].version, s, &card);
        assert_int_equal(n->block, 64);
        assert_int_equal(bt_need_kv_tokens(n, &n->rank[0], (uint64_t)(cases[i].gib * (double)GiB)), cases[i].tokens);
    }
}

/* Latents in blocks as their kernels take them, and of a size that the command names where that fits. */
static void latent_blocks_are_the_kernels(void **st)
{
    (void)st;
    static const struct { const char *version; int cc; uint64_t asked, block; } cases[] = {
        { "0.7.1", 9, 0, 16 }, { "0.8.3", 8, 0, 16 }, { "0.8.3", 9, 0, 64 }, { "0.15.0", 9, 16, 64 }, { "0.15.0", 9, 128, 128 }, { "0.10.2", 10, 0, 128 }, { "0.22.0", 10, 0, 64 }, { "0.22.0", 12, 32, 32 },
    };
    bt_auto_arena a = { 0 };
    struct bt_model *m = model_of(&a, "deepseek-ai/DeepSeek-R1");
    for (size_t i = 0; i < BT_LEN(cases); i++) {
        struct bt_gpu card = card_of(139.8, cases[i].cc);
        uint64_t block = need_of(&a, m, cases[i].version, (struct bt_serve){ .tp = 8, .context = 8192, .block_size = cases[i].asked }, &card)->block;
        if (block != cases[i].block)
            fail_msg("%s on compute capability %d: %llu", cases[i].version, cases[i].cc, (unsigned long long)block);
    }
}

/* DeepSeek-V4-Flash as real starts print it: 0.26.0 on two H20 with mtp; 0.22 on two GH200, whose error names the need and the longest; 0.26 with its block drafter. */
static void folded_tokens_with_drafts(void **st)
{
    (void)st;
    static const struct { const char *version, *method; uint64_t context, batched; double gib; uint64_t tokens; } cases[] = {
        { "0.26.0", "mtp", 121344, 8192, 7.7125, 150992 }, { "0.24.0", NULL, 912128, 8192, 7.0025, 1009661 }, { "0.26.0", "dspark", 1048576, 4096, 17.1415, 2356056 },
    };
    for (size_t i = 0; i < BT_LEN(cases); i++) {
        bt_auto_arena a = { 0 };
        const char *extra[] = { bt_arena_printf(&a, "--speculative-config={\"method\": \"%s\", \"num_speculative_tokens\": 7}", cases[i].method ? cases[i].method : "") };
        struct bt_gpu card = card_of(139.8, 9);
        struct bt_serve s = { .tp = 2, .context = cases[i].context, .max_batched_tokens = cases[i].batched, .kv_dtype = "fp8", .extra = { extra, cases[i].method != NULL } };
        struct bt_need *n = need_of(&a, model_of(&a, "deepseek-ai/DeepSeek-V4-Flash"), cases[i].version, s, &card);
        uint64_t tokens = bt_need_kv_tokens(n, &n->rank[0], (uint64_t)(cases[i].gib * (double)GiB));
        if (tokens + cases[i].tokens / 1000 < cases[i].tokens || tokens > cases[i].tokens + cases[i].tokens / 1000)
            fail_msg("%s %s: %llu tokens, logged %llu", cases[i].version, cases[i].method, (unsigned long long)tokens, (unsigned long long)cases[i].tokens);
    }
    bt_auto_arena a = { 0 };
    struct bt_gpu card = card_of(95, 9);
    struct bt_serve s = { .tp = 2, .expert_parallel = true, .context = 30000, .max_batched_tokens = 16384, .kv_dtype = "fp8" };
    struct bt_need *n = need_of(&a, model_of(&a, "deepseek-ai/DeepSeek-V4-Flash"), "0.22.0", s, &card);
    assert_near((double)bt_need_kv_request(n, &n->rank[0], 30000) / (double)GiB, 6.66, 0.01);
    assert_in_range(bt_need_longest(n, &n->rank[0], (uint64_t)(5.44 * (double)GiB)), 13528 - 16, 13528 + 16);
}

/* What drafts from the prompt adds no layer; a head of its own checkpoint adds one; DeepSeek-V4's own block drafter three, with windows alone. */
static void drafts_are_told_by_their_method(void **st)
{
    (void)st;
    static const struct { const char *model, *config; uint64_t tokens; uint32_t pool; bool weights; } cases[] = {
        { "Qwen/Qwen3.6-27B", "{\"method\": \"ngram\", \"num_speculative_tokens\": 4}", 4, 16, false },
        { "Qwen/Qwen3.6-27B", "{\"num_speculative_tokens\":2,\"method\":\"qwen3_5_mtp\"}", 2, 17, true },
        { "meta-llama/Llama-3.1-8B-Instruct", "{\"model\": \"yuhuili/EAGLE3-LLaMA3.1-Instruct-8B\", \"method\": \"eagle3\", \"num_speculative_tokens\": 3}", 3, 33, true },
        { "meta-llama/Llama-3.1-8B-Instruct", "{\"method\": \"ngram\"}", 0, 32, false },
        { "Qwen/Qwen3.6-27B", "{\"method\": \"qwen3_5_mtp\"}", 1, 17, true }, { "Qwen/Qwen3.6-27B", "{\"method\": \"mtp\"}", 1, 17, true },
    };
    bt_auto_arena a = { 0 };
    for (size_t i = 0; i < BT_LEN(cases); i++) {
        const char *given[] = { "--speculative-config", cases[i].config };
        struct bt_need *plain = of(&a, cases[i].model, "0.20.0", (struct bt_serve){ .context = 32768 });
        struct bt_need *n = of(&a, cases[i].model, "0.20.0", (struct bt_serve){ .context = 32768, .extra = { given, 2 } });
        assert_int_equal(n->spec_tokens, cases[i].tokens);
        assert_int_equal(n->rank[0].pool_layers, cases[i].pool);
        assert_int_equal(part_of(&n->rank[0], BT_P_WEIGHTS) > part_of(&plain->rank[0], BT_P_WEIGHTS), cases[i].weights);
    }
    const char *dspark[] = { "--speculative-config", "{\"method\": \"dspark\", \"num_speculative_tokens\": 7}" };
    struct bt_need *plain = of(&a, "deepseek-ai/DeepSeek-V4-Flash", "0.27.0", (struct bt_serve){ .tp = 2, .context = 65536 });
    struct bt_need *n = of(&a, "deepseek-ai/DeepSeek-V4-Flash", "0.27.0", (struct bt_serve){ .tp = 2, .context = 65536, .extra = { dspark, 2 } });
    size_t windows = 0, before = 0;
    for (size_t i = 0; i < n->rank[0].ngroups; i++)
        windows += n->rank[0].group[i].window == 128 && n->rank[0].group[i].block == 64 ? n->rank[0].group[i].layers : 0;
    for (size_t i = 0; i < plain->rank[0].ngroups; i++)
        before += plain->rank[0].group[i].window == 128 && plain->rank[0].group[i].block == 64 ? plain->rank[0].group[i].layers : 0;
    assert_int_equal(windows, before + 3);
    double more = (double)(part_of(&n->rank[0], BT_P_WEIGHTS) - part_of(&plain->rank[0], BT_P_WEIGHTS)) / (double)GiB;
    assert_near(more, 3 * 1.71, 0.05);               /* a real start: 80.84 GiB on each of two, 74.19 without */
}

/* A whole model that drafts: its weights as if it stood alone, its layers' KV beside the target's; one rank's where draft_tensor_parallel_size says so. */
static void a_model_that_drafts_counts_whole(void **st)
{
    (void)st;
    static const char *const configs[] = {
        "{\"model\": \"Qwen/Qwen3-1.7B\", \"num_speculative_tokens\": 4, \"method\": \"draft_model\"}", "{\"num_speculative_tokens\": 4, \"model\": \"Qwen/Qwen3-1.7B\"}",
        "{\"model\": \"Qwen/Qwen3-1.7B\", \"num_speculative_tokens\": 4, \"draft_tensor_parallel_size\": 1}",
    };
    bt_auto_arena a = { 0 };
    struct bt_gpu card = card_of(79.2, 9);
    struct bt_model with = *model_of(&a, "Qwen/Qwen3-32B"), *small = model_of(&a, "Qwen/Qwen3-1.7B");
    with.draft = small;
    for (size_t i = 0; i < BT_LEN(configs); i++) {
        const char *given[] = { "--speculative-config", configs[i] };
        bool reckoned;
        struct bt_serve s = { .tp = 2, .context = 16384, .extra = { given, 2 } };
        assert_string_equal(bt_need_drafter(&a, &s, &reckoned), "Qwen/Qwen3-1.7B");
        assert_false(reckoned);
        struct bt_need *plain = need_of(&a, &with, "0.32.0", (struct bt_serve){ .tp = 2, .context = 16384 }, &card), *n = need_of(&a, &with, "0.32.0", s, &card);
        struct bt_need *alone = need_of(&a, small, "0.32.0", (struct bt_serve){ .tp = i == 2 ? 1 : 2, .context = 16384 }, &card);
        assert_int_equal(part_of(&n->rank[0], BT_P_WEIGHTS), part_of(&plain->rank[0], BT_P_WEIGHTS) + part_of(&alone->rank[0], BT_P_WEIGHTS));
        assert_int_equal(n->rank[0].kv_token_bytes, plain->rank[0].kv_token_bytes + 28 * 2 * 4 * 128 * 2);
        assert_int_equal(n->rank[0].kv_block_bytes, n->rank[0].kv_token_bytes * n->block);
        struct bt_model without = with;              /* nobody opened it: nothing is made up */
        without.draft = NULL;
        assert_int_equal(part_of(&need_of(&a, &without, "0.32.0", s, &card)->rank[0], BT_P_WEIGHTS), part_of(&plain->rank[0], BT_P_WEIGHTS));
    }
}

/* A block drafter that is not here: five dense layers and a projection of five hidden states; z-lab's for Qwen3-8B has 1.05 billion numbers in 16 bits. */
static void a_block_drafter_is_reckoned(void **st)
{
    (void)st;
    const char *given[] = { "--speculative-config", "{\"method\": \"dflash\", \"model\": \"z-lab/Qwen3-8B-DFlash-b16\", \"num_speculative_tokens\": 15}" };
    bt_auto_arena a = { 0 };
    bool reckoned = false;
    struct bt_serve s = { .context = 16384, .extra = { given, 2 } };
    struct bt_need *plain = of(&a, "Qwen/Qwen3-8B", "0.32.0", (struct bt_serve){ .context = 16384 }), *n = of(&a, "Qwen/Qwen3-8B", "0.32.0", s);
    assert_string_equal(bt_need_drafter(&a, &s, &reckoned), "z-lab/Qwen3-8B-DFlash-b16");
    assert_true(reckoned);
    assert_int_equal(n->rank[0].pool_layers, 41);
    double more = (double)(part_of(&n->rank[0], BT_P_WEIGHTS) - part_of(&plain->rank[0], BT_P_WEIGHTS));
    assert_near(more / 2e9, 1.05, 0.01);
    static const char *const others[] = { "{\"method\": \"eagle3\", \"model\": \"a/b\", \"num_speculative_tokens\": 3}", "{\"model\": \"yuhuili/EAGLE-x\", \"num_speculative_tokens\": 3}",
                                          "{\"method\": \"suffix\", \"num_speculative_tokens\": 3}", "{\"method\": \"qwen3_5_mtp\", \"model\": \"a/b\", \"num_speculative_tokens\": 3}", "{\"model\": \"a/b\"}" };
    for (size_t i = 0; i < BT_LEN(others); i++) {
        const char *flag[] = { "--speculative-config", others[i] };
        struct bt_serve other = { .extra = { flag, 2 } };
        assert_null(bt_need_drafter(&a, &other, &reckoned));
    }
}

/* Mamba 2 with prefix caching: until 0.27 a state for each block of attention, which is a multiple of the scan's chunk; two with drafts, and from 0.28 on. */
static void states_are_kept_by_block(void **st)
{
    (void)st;
    const char *mtp[] = { "--speculative-config", "{\"method\": \"ngram\", \"num_speculative_tokens\": 2}" }, *align[] = { "--mamba-cache-mode", "align" }, *all[] = { "--mamba-cache-mode=all" };
    static const char json[] = "{\"architectures\": [\"GraniteMoeHybridForCausalLM\"], \"hidden_size\": 1536, \"num_hidden_layers\": 4, \"layer_types\": [\"mamba\", \"mamba\", \"mamba\", \"attention\"], "
                               "\"num_attention_heads\": 12, \"num_key_value_heads\": 4, \"vocab_size\": 100352, \"intermediate_size\": 4096, \"shared_intermediate_size\": 4096, \"mamba_n_heads\": 48, "
                               "\"mamba_d_head\": 64, \"mamba_d_state\": 128, \"mamba_n_groups\": 1, \"mamba_chunk_size\": 256, \"max_position_embeddings\": 131072}";
    const struct { const char *version; struct bt_serve serve; uint64_t block, states; } cases[] = {
        { "0.20.0", { 0 }, 400, 1 }, { "0.20.0", { .prefix_caching_on = true }, 512, 131072 / 512 }, { "0.20.0", { .prefix_caching_on = true, .extra = { align, 2 } }, 400, 2 },
        { "0.20.0", { .prefix_caching_on = true, .extra = { mtp, 2 } }, 416, 4 }, { "0.28.0", { 0 }, 400, 2 }, { "0.28.0", { .extra = { all, 1 } }, 512, 131072 / 512 },
        { "0.28.0", { .prefix_caching_off = true }, 400, 1 }, { "0.13.0", { .prefix_caching_on = true }, 512, 131072 / 512 }, { "0.13.0", { .extra = { mtp, 2 } }, 416, 1 },
    };
    bt_auto_arena a = { 0 };
    struct bt_model m = { .id = "granite" };
    struct bt_err err = { 0 };
    struct bt_gpu card = card_of(79.1, 9);
    assert_true(bt_model_config(&a, "config.json", bt_str(json), &m, &err) == 0 && bt_model_derive(&a, &m, &err) == 0);
    for (size_t i = 0; i < BT_LEN(cases); i++) {
        struct bt_need *n = need_of(&a, &m, cases[i].version, cases[i].serve, &card);
        const struct bt_kv_group *g = NULL;
        for (size_t k = 0; k < n->rank[0].ngroups; k++)
            g = n->rank[0].group[k].kind == BT_MIX_STATE ? &n->rank[0].group[k] : g;
        assert_non_null(g);
        assert_int_equal(n->block, cases[i].block);
        assert_int_equal(need_group_blocks(n, g, 131072), cases[i].states);
    }
}

/* One state of a request, two where prefixes are cached: the default from 0.28 on. Real errors of 0.26 and 0.15: 8.18 GiB, 112,896 tokens; 24 GiB with two stages. */
static void versions_count_requests_differently(void **st)
{
    (void)st;
    bt_auto_arena a = { 0 };
    struct bt_serve s = { .context = 131072 };
    struct bt_need *before = of(&a, "Qwen/Qwen3.5-27B", "0.26.0", s), *now = of(&a, "Qwen/Qwen3.5-27B", "0.28.0", s);
    assert_near((double)bt_need_kv_request(before, &before->rank[0], 131072) / (double)GiB, 8.18, 0.005);
    assert_int_equal(bt_need_longest(before, &before->rank[0], (uint64_t)(7.04 * (double)GiB)), 112896);
    assert_int_equal(bt_need_request_blocks(now, &now->rank[0], 131072), bt_need_request_blocks(before, &before->rank[0], 131072) + 3);

    struct bt_serve staged = { .context = 262144, .pp = 2 };
    struct bt_need *whole = of(&a, "Qwen/Qwen3-30B-A3B-Instruct-2507", "0.15.1", staged), *own = of(&a, "Qwen/Qwen3-30B-A3B-Instruct-2507", "0.17.0", staged);
    assert_int_equal(bt_need_kv_request(whole, &whole->rank[0], 262144), 24 * GiB);
    assert_int_equal(bt_need_kv_for(whole, &whole->rank[0], 262144, 1), 24 * GiB);
    assert_int_equal(bt_need_longest(whole, &whole->rank[1], 12 * GiB), 131072);
    assert_null(own->check);
    assert_int_equal(bt_need_kv_request(own, &own->rank[0], 262144), 12 * GiB);

    struct bt_serve window = { .context = 131072, .max_batched_tokens = 2048 };
    struct bt_need *one = of(&a, "openai/gpt-oss-20b", "0.25.1", window), *two = of(&a, "openai/gpt-oss-20b", "0.26.0", window);
    assert_int_equal(bt_need_request_blocks(one, &one->rank[0], 131072), 8192 + (127 + 2048 + 15) / 16 + 1);
    assert_int_equal(bt_need_request_blocks(two, &two->rank[0], 131072), 8192 + (127 + 4096 + 15) / 16 + 1);
}

/* DeepSeek-V4-Flash on eight cards: 37.93 GiB, 256,000 tokens, "2,497,693 tokens, 9.76x" in a log of a version that still left gaps between pages. */
static void folded_tokens_are_as_logged(void **st)
{
    (void)st;
    bt_auto_arena a = { 0 };
    struct bt_serve s = { .tp = 8, .context = 256000, .max_batched_tokens = 8192, .kv_dtype = "fp8" };
    struct bt_need *n = of(&a, "deepseek-ai/DeepSeek-V4-Flash", "0.20.0", s), *packed = of(&a, "deepseek-ai/DeepSeek-V4-Flash", "0.24.0", s);
    const struct bt_need_rank *r = &n->rank[0];
    assert_int_equal(n->block, 256);
    assert_int_equal(r->kv_block_bytes, 22 * (37440 + 8640 + 1728));
    assert_near(concurrency(n, 37.93, 256000), 9.76, 0.005);
    assert_int_equal(packed->rank[0].kv_block_bytes, 22 * 37440 + 21 * 8640 + 20 * 1728);
    assert_int_equal(bt_need_kv_request(n, r, 256000), (1000 + 2 * 131 + 2051 + 1041) * r->tuple_bytes);
    uint64_t kv = bt_need_kv_request(n, r, 100000);
    assert_true(bt_need_longest(n, r, kv) >= 100000 && bt_need_longest(n, r, kv - 1) < 100000);
}

/* Before 0.7.1 every head keeps a key and a value; 0.7.1 to 0.7.3 keep products of the latent's projections too: 3.97 GiB logged on a rank. */
static void latents_by_version(void **st)
{
    (void)st;
    bt_auto_arena a = { 0 };
    const char *id = "deepseek-ai/DeepSeek-Coder-V2-Lite-Instruct";
    struct bt_need *heads = of(&a, id, "0.6.6", (struct bt_serve){ .tp = 8 }), *products = of(&a, id, "0.7.1", (struct bt_serve){ .tp = 8 });
    assert_int_equal(heads->rank[0].kv_token_bytes, 27 * 2 * 2 * 256 * 2);
    assert_near((double)part_of(&products->rank[0], BT_P_WEIGHTS) / (double)GiB, 3.97, 0.03);
    assert_int_equal(of(&a, id, "0.8.3", (struct bt_serve){ .tp = 8 })->rank[0].kv_token_bytes, 27 * 576 * 2);
}

/* Gemma 4: full layers have heads of 512 beside sliding ones of 256, and the last layers keep nothing of their own. */
static void borrowed_kv_is_kept_once(void **st)
{
    (void)st;
    bt_auto_arena a = { 0 };
    struct bt_need *n = of(&a, "google/gemma-4-E4B", "0.25.1", (struct bt_serve){ .context = 32768, .max_batched_tokens = 8192 });
    const struct bt_need_rank *r = &n->rank[0];
    assert_int_equal(r->pool_layers, 4);
    assert_int_equal(r->ngroups, 1 + 5);
    assert_int_equal(r->kv_block_bytes, 4 * 16 * 2 * 2 * 512 * 2);
    assert_int_equal(bt_need_request_blocks(n, r, 32768), 2048 + 5 * ((511 + 8192 + 31) / 32 + 1));      /* pages of half the bytes hold 32 tokens */
}

/* Real "Model loading took" of what is not a dense decoder. */
static const struct { const char *model; uint64_t tp; double gib, off; } loads[] = {
    { "Qwen/Qwen3-30B-A3B", 4, 14.25, 0.006 }, { "openai/gpt-oss-20b", 1, 13.72, 0.03 }, { "openai/gpt-oss-120b", 1, 65.9651, 0.03 },
    { "Qwen/Qwen3-Next-80B-A3B-Instruct", 2, 74.2812, 0.03 }, { "Qwen/Qwen3.5-9B", 1, 17.66, 0.03 }, { "Qwen/Qwen3.6-35B-A3B", 1, 65.53, 0.03 },
    { "google/gemma-3-27b-it", 1, 51.45, 0.03 }, { "google/gemma-3-4b-it", 1, 8.58, 0.03 }, { "Qwen/Qwen2.5-VL-3B-Instruct", 1, 7.155, 0.03 },
    { "facebook/opt-125m", 1, 0.2389, 0.006 }, { "nvidia/NVIDIA-Nemotron-Nano-9B-v2", 1, 16.5557, 0.03 },
};

static void weights_are_what_real_starts_log(void **st)
{
    (void)st;
    for (size_t i = 0; i < BT_LEN(loads); i++) {
        bt_auto_arena a = { 0 };
        double is = (double)part_of(&of(&a, loads[i].model, "0.11.0", (struct bt_serve){ .tp = loads[i].tp })->rank[0], BT_P_WEIGHTS) / (double)GiB;
        if (is < loads[i].gib - loads[i].off || is > loads[i].gib + loads[i].off)
            fail_msg("%s: %.4f GiB, logged %.4f", loads[i].model, is, loads[i].gib);
    }
}

static void experts_are_whole_under_ep(void **st)
{
    (void)st;
    bt_auto_arena a = { 0 };
    uint64_t tp = part_of(&of(&a, "Qwen/Qwen3-30B-A3B", "0.11.0", (struct bt_serve){ .tp = 4 })->rank[0], BT_P_WEIGHTS);
    uint64_t ep = part_of(&of(&a, "Qwen/Qwen3-30B-A3B", "0.11.0", (struct bt_serve){ .tp = 4, .expert_parallel = true })->rank[0], BT_P_WEIGHTS);
    assert_near((double)tp / (double)GiB, (double)ep / (double)GiB, 0.2);            /* 32 of 128 whole experts, or a quarter of each */
    uint64_t dp = part_of(&of(&a, "Qwen/Qwen3-30B-A3B", "0.11.0", (struct bt_serve){ .tp = 1, .dp = 4, .expert_parallel = true })->rank[0], BT_P_WEIGHTS);
    assert_true(dp > ep && dp < ep + 3 * GiB);                                      /* attention is not cut there */
}

static void quantised_while_loading(void **st)
{
    (void)st;
    bt_auto_arena a = { 0 };
    uint64_t half = part_of(&of(&a, "Qwen/Qwen3-14B", "0.11.0", (struct bt_serve){ 0 })->rank[0], BT_P_WEIGHTS);
    struct bt_need *n = of(&a, "Qwen/Qwen3-14B", "0.11.0", (struct bt_serve){ .quantization = "fp8" });
    assert_near((double)part_of(&n->rank[0], BT_P_WEIGHTS), (double)half / 2 + 151936.0 * 5120 * 2, 2e8);          /* embedding and head stay */
    assert_true(n->uncertainty_bytes > 0 && strstr(n->rank[0].line[0].why, "while loading (fp8)"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hybrids_are_as_logged), cmocka_unit_test(windows_are_cut_in_groups), cmocka_unit_test(groups_are_the_whole_models_on_every_stage), cmocka_unit_test(a_latent_is_on_every_rank),
        cmocka_unit_test(drafts_add_layers_and_states), cmocka_unit_test(drafts_stay_in_16_bits), cmocka_unit_test(kv_as_the_checkpoint_says),
        cmocka_unit_test(sparse_latents_in_8_bits), cmocka_unit_test(latent_blocks_are_the_kernels), cmocka_unit_test(folded_tokens_with_drafts), cmocka_unit_test(drafts_are_told_by_their_method),
        cmocka_unit_test(a_model_that_drafts_counts_whole), cmocka_unit_test(a_block_drafter_is_reckoned),
        cmocka_unit_test(states_are_kept_by_block), cmocka_unit_test(states_alone_take_no_tokens), cmocka_unit_test(the_encoders_tokens_are_kept_as_well),
        cmocka_unit_test(versions_count_requests_differently),
        cmocka_unit_test(folded_tokens_are_as_logged),
        cmocka_unit_test(borrowed_kv_is_kept_once),
        cmocka_unit_test(latents_by_version), cmocka_unit_test(weights_are_what_real_starts_log), cmocka_unit_test(experts_are_whole_under_ep),
        cmocka_unit_test(quantised_while_loading),
    };
    return cmocka_run_group_tests(tests, no_cache, NULL);
}

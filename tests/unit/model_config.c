/* model_config.c - config.json: each class's own defaults, windows, rope; the tensors it implies; the built-in shapes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#include "model/model.h"

static int config(struct bt_arena *a, const char *json, struct bt_model *m, struct bt_err *err)
{
    *m = (struct bt_model){ 0 };
    return bt_model_config(a, "config.json", bt_str(json), m, err);
}

#define SIZES "\"num_hidden_layers\": 4, \"hidden_size\": 64, \"intermediate_size\": 128, \"num_attention_heads\": 8, \"vocab_size\": 100"
#define LLAMA "\"architectures\": [\"LlamaForCausalLM\"], \"model_type\": \"llama\", " SIZES
#define MISTRAL "\"architectures\": [\"MistralForCausalLM\"], \"num_key_value_heads\": 2, " SIZES
#define QWEN2 "\"architectures\": [\"Qwen2ForCausalLM\"], \"num_key_value_heads\": 2, " SIZES
#define QWEN3 "\"architectures\": [\"Qwen3ForCausalLM\"], \"num_key_value_heads\": 2, " SIZES
#define OTHER "\"architectures\": [\"NewForCausalLM\"], " SIZES

static void class_defaults(void **st)
{
    (void)st;
    bt_auto_arena a = { 0 };
    struct bt_err err = { 0 };
    struct bt_model m;
    assert_int_equal(config(&a, "{" LLAMA "}", &m, &err), 0);
    assert_true(m.kv_heads == 8 && m.head_dim == 8 && m.max_position == 2048 && !m.tied && !m.qkv_bias && !m.qk_norm && m.rope_factor == 1);
    assert_string_equal(m.architecture, "LlamaForCausalLM");
    assert_string_equal(m.model_type, "llama");
    assert_int_equal(m.dtype, BT_DT_UNKNOWN);
    assert_int_equal(config(&a, "{" LLAMA ", \"attention_bias\": true, \"mlp_bias\": true, \"tie_word_embeddings\": true, \"torch_dtype\": \"float16\"}", &m, &err), 0);
    assert_true(m.qkv_bias && m.o_bias && m.mlp_bias && m.tied && m.dtype == BT_DT_F16);
    assert_int_equal(config(&a, "{" QWEN2 ", \"attention_bias\": true, \"dtype\": \"bfloat16\"}", &m, &err), 0);
    assert_true(m.qkv_bias && !m.o_bias && !m.qk_norm && m.dtype == BT_DT_BF16);     /* Qwen2 has its own rule and no such key */
    assert_int_equal(config(&a, "{" QWEN3 "}", &m, &err), 0);
    assert_true(!m.qkv_bias && m.qk_norm && m.head_dim == 128 && !m.tied);           /* not hidden / heads */
    assert_int_equal(config(&a, "{" QWEN3 ", \"head_dim\": null}", &m, &err), 0);
    assert_int_equal(m.head_dim, 128);
    assert_int_equal(config(&a, "{" OTHER "}", &m, &err), 0);
    assert_true(m.kv_heads == 8 && m.layers == 4);
    assert_int_equal(config(&a, "{\"model_type\": \"thing\"}", &m, &err), 0);        /* what there is; unknown stays unknown */
    assert_string_equal(m.architecture, "unknown");
    assert_int_equal(m.layers, 0);
}

static uint32_t sliding(const struct bt_model *m)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < m->layers; i++)
        n += m->layer[i].mixer == BT_MIX_SLIDING;
    return n;
}

static void windows(void **st)
{
    (void)st;
    static const struct { const char *json; uint32_t sliding; } cases[] = {
        { "{" MISTRAL ", \"sliding_window\": 4096}", 4 }, { "{" MISTRAL ", \"sliding_window\": null}", 0 }, { "{" MISTRAL "}", 0 },
        { "{" QWEN2 ", \"sliding_window\": 4096}", 0 }, { "{" QWEN2 ", \"sliding_window\": 4096, \"use_sliding_window\": false}", 0 },
        { "{" QWEN2 ", \"sliding_window\": 4096, \"use_sliding_window\": true, \"max_window_layers\": 3}", 1 },
        { "{" QWEN3 ", \"sliding_window\": 64, \"use_sliding_window\": true, "
          "\"layer_types\": [\"full_attention\", \"sliding_attention\", \"full_attention\", \"sliding_attention\"]}", 2 },
        { "{" LLAMA ", \"sliding_window\": 4096}", 0 },                               /* the class does not know the key */
        { "{" OTHER ", \"sliding_window\": 128, \"layer_types\": [\"sliding_attention\", \"x\", \"x\", \"x\"]}", 1 },
    };
    for (size_t i = 0; i < BT_LEN(cases); i++) {
        bt_auto_arena a = { 0 };
        struct bt_err err = { 0 };
        struct bt_model m;
        assert_int_equal(config(&a, cases[i].json, &m, &err), 0);
        if (sliding(&m) != cases[i].sliding)
            fail_msg("%s: %u sliding", cases[i].json, sliding(&m));
        assert_true(m.layer[0].kv_heads == m.kv_heads && m.layer[3].intermediate == 128);
        assert_int_equal(m.layer[3].window != 0, m.layer[3].mixer == BT_MIX_SLIDING);
    }
}

static void rope(void **st)
{
    (void)st;
    static const struct { const char *rope; double factor; } cases[] = {
        { "null", 1 }, { "{\"rope_type\": \"llama3\", \"factor\": 8.0, \"original_max_position_embeddings\": 8192}", 1 },
        { "{\"type\": \"linear\", \"factor\": 4}", 4 }, { "{\"type\": \"dynamic\", \"factor\": 2.5}", 2.5 },
        { "{\"type\": \"yarn\", \"factor\": 4.0, \"original_max_position_embeddings\": 1024}", 2 },      /* 4096 in all, max_position says 2048 */
        { "{\"type\": \"yarn\", \"factor\": 4.0}", 4 }, { "{\"rope_theta\": 10000.0, \"rope_type\": \"default\"}", 1 },
    };
    for (size_t i = 0; i < BT_LEN(cases); i++) {
        bt_auto_arena a = { 0 };
        struct bt_err err = { 0 };
        struct bt_model m;
        assert_int_equal(config(&a, bt_arena_printf(&a, "{" LLAMA ", \"rope_scaling\": %s}", cases[i].rope), &m, &err), 0);
        assert_true(m.rope_factor == cases[i].factor);
    }
}

static void text_config_holds_the_numbers(void **st)
{
    (void)st;
    bt_auto_arena a = { 0 };
    struct bt_err err = { 0 };
    struct bt_model m;
    assert_int_equal(config(&a, "{\"architectures\": [\"Gemma3ForConditionalGeneration\"], \"model_type\": \"gemma3\", \"torch_dtype\": \"bfloat16\", \"hidden_size\": 7,"
                            "\"text_config\": {\"num_hidden_layers\": 12, \"hidden_size\": 96, \"intermediate_size\": 128, \"num_attention_heads\": 8, "
                            "\"sliding_window\": 1024, \"rope_scaling\": {\"rope_type\": \"linear\", \"factor\": 8.0}}}", &m, &err), 0);
    assert_true(m.hidden == 96 && m.layers == 12 && m.head_dim == 256 && m.kv_heads == 4 && m.vocab == 262208 && m.tied && m.rope_factor == 1);
    assert_int_equal(sliding(&m), 10);               /* every sixth layer sees everything */
    assert_int_equal(m.layer[5].mixer, BT_MIX_FULL);
    assert_int_equal(bt_model_derive(&a, &m, &err), 0);
    assert_true(m.ntensors > 0 && m.tower.layers == 27);             /* the class's tower, which the file leaves out */
    assert_null(m.guessed);
}

static void each_lie_is_named(void **st)
{
    (void)st;
    static const struct { const char *json, *says; } cases[] = {
        { "", "config.json" }, { "{\"architectures\": [", "config.json" }, { "[1]", "config.json" }, { "version https://git-lfs.github.com/spec/v1\noid sha256:12\n", "Git LFS" },
        { "{\"architectures\": \"LlamaForCausalLM\"}", "architectures" }, { "{\"architectures\": [7]}", "architectures" },
        { "{\"architectures\": [\"LlamaForCausalLM\"]}", "num_hidden_layers" },
        { "{" LLAMA ", \"num_key_value_heads\": 3}", "cannot share" }, { "{" LLAMA ", \"num_key_value_heads\": 16}", "cannot share" },
        { "{" LLAMA ", \"num_key_value_heads\": 0}", "num_key_value_heads" }, { "{" LLAMA ", \"head_dim\": -1}", "head_dim" },
        { "{" LLAMA ", \"head_dim\": \"64\"}", "head_dim" }, { "{" LLAMA ", \"head_dim\": 9223372036854775807}", "head_dim" },
        { "{" LLAMA ", \"tie_word_embeddings\": 1}", "tie_word_embeddings" }, { "{" LLAMA ", \"torch_dtype\": \"int3\"}", "int3" },
        { "{" LLAMA ", \"rope_scaling\": 4}", "rope_scaling" }, { "{" LLAMA ", \"rope_scaling\": {\"type\": \"linear\", \"factor\": 0}}", "rope factor" },
        { "{" LLAMA ", \"rope_scaling\": {\"type\": \"linear\", \"factor\": 1e300}}", "rope factor" },
        { "{" QWEN2 ", \"layer_types\": [\"full_attention\"]}", "layer_types" }, { "{" LLAMA ", \"hidden_size\": 64}", "config.json" },
        { "{\"architectures\": [\"LlamaForCausalLM\"], \"num_hidden_layers\": 4, \"hidden_size\": 4, \"intermediate_size\": 128, \"num_attention_heads\": 8, \"vocab_size\": 1}",
          "8 attention heads in a hidden size of 4" },
    };
    for (size_t i = 0; i < BT_LEN(cases); i++) {
        bt_auto_arena a = { 0 };
        struct bt_err err = { 0 };
        struct bt_model m;
        if (config(&a, cases[i].json, &m, &err) == 0)
            fail_msg("accepted: %s", cases[i].json);
        if (!strstr(err.msg, cases[i].says))
            fail_msg("%s: says \"%s\", want \"%s\"", cases[i].json, err.msg, cases[i].says);
    }
}

static void derived_tensors(void **st)
{
    (void)st;
    bt_auto_arena a = { 0 };
    struct bt_err err = { 0 };
    struct bt_model m;
    assert_int_equal(config(&a, "{" QWEN2 ", \"torch_dtype\": \"float32\"}", &m, &err), 0);
    assert_int_equal(bt_model_derive(&a, &m, &err), 0);
    assert_int_equal(m.ntensors, 3 + 4 * 12);
    /* embedding and head, final norm; per layer q 64x64+64, k and v 16x64+16, o 64x64, three of 128x64, two norms */
    assert_int_equal(m.parameters, 2 * 6400 + 64 + 4 * (4160 + 2 * 1040 + 4096 + 3 * 8192 + 128));
    assert_int_equal(m.weight_bytes, m.parameters * 4);
    for (size_t i = 0; i < m.ntensors; i++) {
        struct bt_tensor_place p = bt_tensor_place(&m.tensors[i]);
        assert_true(p.role != BT_T_OTHER);           /* every name derived is one that can be placed */
        assert_int_equal(p.layer >= 0, strstr(m.tensors[i].name, ".layers.") != NULL);
    }
    assert_int_equal(config(&a, "{" QWEN2 ", \"quantization_config\": {\"quant_method\": \"awq\", \"bits\": 4}}", &m, &err), 0);
    assert_string_equal(m.quantization, "awq");
    assert_int_equal(bt_model_derive(&a, &m, &err), 0);
    assert_int_equal(m.ntensors, 3 + 4 * 26);                        /* seven linear layers of weight, scales and zeros; three biases, two norms */
    assert_true(m.weight_bytes < 2 * 6400 * 2 + 4 * 60000);
    assert_int_equal(config(&a, "{" QWEN2 ", \"quantization_config\": {\"quant_method\": \"strange\"}}", &m, &err), 0);
    assert_int_equal(bt_model_derive(&a, &m, &err), 0);
    assert_true(m.ntensors > 0 && strstr(m.guessed, "strange"));     /* estimated, and said */
}

/* A glob of the ignore list names a module or what is under it: "*.gate" is the router, not gate_up_proj. */
static void globs_end_with_the_name(void **st)
{
    (void)st;
    static const struct { const char *glob; bool same; } cases[] = { { "*.gate", true }, { "*.q_pro", true }, { "*.q_proj", false }, { "*.self_attn", false }, { "*.self_attn*", false } };
    bt_auto_arena a = { 0 };
    struct bt_err err = { 0 };
    struct bt_model all = { 0 };
    assert_int_equal(config(&a, "{" QWEN2 ", \"quantization_config\": {\"quant_method\": \"modelopt\", \"quant_algo\": \"NVFP4\", \"ignore\": [\"lm_head\"]}}", &all, &err), 0);
    assert_int_equal(bt_model_derive(&a, &all, &err), 0);
    for (size_t i = 0; i < BT_LEN(cases); i++) {
        struct bt_model m = { 0 };
        const char *text = bt_arena_printf(&a, "{" QWEN2 ", \"quantization_config\": {\"quant_method\": \"modelopt\", \"quant_algo\": \"NVFP4\", \"ignore\": [\"lm_head\", \"%s\"]}}", cases[i].glob);
        assert_int_equal(config(&a, text, &m, &err), 0);
        assert_int_equal(bt_model_derive(&a, &m, &err), 0);
        if ((m.weight_bytes == all.weight_bytes) != cases[i].same)
            fail_msg("%s: %llu bytes, %llu without it", cases[i].glob, (unsigned long long)m.weight_bytes, (unsigned long long)all.weight_bytes);
    }
}

/* What a checkpoint says of its KV, in the forms that quantisers write. */
static void kv_scales_are_seen(void **st)
{
    (void)st;
    static const struct { const char *quantised; bool kv8; } cases[] = {
        { "\"quant_method\": \"compressed-tensors\", \"format\": \"nvfp4-pack-quantized\", \"kv_cache_scheme\": {\"num_bits\": 8, \"type\": \"float\"}", true },
        { "\"quant_method\": \"compressed-tensors\", \"format\": \"float-quantized\", \"kv_cache_scheme\": null", false },
        { "\"quant_method\": \"modelopt\", \"quant_algo\": \"NVFP4\", \"kv_cache_scheme\": {\"dynamic\": false, \"num_bits\": 8}", true },
        { "\"quant_method\": \"modelopt\", \"quantization\": {\"quant_algo\": \"FP8\", \"kv_cache_quant_algo\": \"FP8\"}", true },
        { "\"quant_method\": \"modelopt\", \"quant_algo\": \"FP8\", \"kv_cache_quant_algo\": null", false },
        { "\"quant_method\": \"compressed-tensors\", \"kv_cache_scheme\": {\"num_bits\": 4}", false }, { "\"quant_method\": \"awq\"", false },
    };
    bt_auto_arena a = { 0 };
    struct bt_err err = { 0 };
    for (size_t i = 0; i < BT_LEN(cases); i++) {
        struct bt_model m;
        assert_int_equal(config(&a, bt_arena_printf(&a, "{" QWEN2 ", \"quantization_config\": {%s}}", cases[i].quantised), &m, &err), 0);
        if (m.quant.kv8 != cases[i].kv8)
            fail_msg("%s: %d", cases[i].quantised, m.quant.kv8);
    }
}

/* Published counts, from the models' own pages. */
static void builtin_counts(void **st)
{
    (void)st;
    static const struct { const char *id; uint64_t parameters; } cases[] = {
        { "HuggingFaceTB/SmolLM2-135M", 134515008 }, { "Qwen/Qwen1.5-7B-Chat", 7721324544 }, { "Qwen/Qwen2.5-0.5B-Instruct", 494032768 },
        { "Qwen/Qwen2.5-1.5B-Instruct", 1543714304 }, { "Qwen/Qwen2.5-3B-Instruct", 3085938688 }, { "Qwen/Qwen2.5-7B-Instruct", 7615616512 },
        { "Qwen/Qwen2.5-14B-Instruct", 14770033664 }, { "Qwen/Qwen2.5-32B-Instruct", 32763876352 }, { "Qwen/Qwen2.5-72B-Instruct", 72706203648 },
        { "Qwen/Qwen3-0.6B", 596049920 }, { "Qwen/Qwen3-1.7B", 1720574976 }, { "Qwen/Qwen3-4B", 4022468096 }, { "Qwen/Qwen3-8B", 8190735360 },
        { "Qwen/Qwen3-14B", 14768307200 }, { "Qwen/Qwen3-32B", 32762123264 }, { "meta-llama/Llama-3.2-1B", 1235814400 },
        { "meta-llama/Llama-3.2-3B", 3212749824 }, { "meta-llama/Llama-3.1-8B-Instruct", 8030261248 }, { "meta-llama/Llama-3.3-70B-Instruct", 70553706496 },
        { "mistralai/Mistral-7B-Instruct-v0.3", 7248023552 }, { "google/gemma-3-12b-it", 12187325040 },
        { "google/gemma-3-4b-it", 4300079472 }, { "google/gemma-3-27b-it", 27432406640 }, { "google/gemma-2-9b-it", 9241705984 }, { "google/gemma-2-27b-it", 27227128320 },
        { "Qwen/Qwen3-30B-A3B", 30532122624 }, { "Qwen/Qwen3-235B-A22B", 235093634560 }, { "mistralai/Mixtral-8x7B-Instruct-v0.1", 46702792704 },
        { "meta-llama/Llama-2-7b-hf", 6738415616 }, { "meta-llama/Llama-2-13b-hf", 13015864320 }, { "meta-llama/Llama-2-70b-hf", 68976648192 },
        { "microsoft/phi-4", 14659507200 }, { "deepseek-ai/DeepSeek-V2-Lite-Chat", 15706484224 }, { "deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B", 1777088000 },
        { "mistralai/Mistral-7B-v0.1", 7241732096 }, { "intfloat/e5-mistral-7b-instruct", 7110660096 }, { "allenai/OLMo-2-1124-7B-Instruct", 7298617344 },
        { "allenai/OLMo-2-0325-32B-Instruct", 32234279936 }, { "HuggingFaceTB/SmolLM3-3B", 3075098624 },
    };
    for (size_t i = 0; i < BT_LEN(cases); i++) {
        bt_auto_arena a = { 0 };
        struct bt_err err = { 0 };
        struct bt_model *m;
        if (bt_model_open(&a, cases[i].id, &m, &err) < 0)
            fail_msg("%s: %s", cases[i].id, err.msg);
        if (m->parameters != cases[i].parameters)
            fail_msg("%s: %llu parameters", cases[i].id, (unsigned long long)m->parameters);
        assert_int_equal(m->weight_bytes, m->parameters * 2);
        assert_int_equal(m->source, BT_MODEL_CATALOG);
        assert_null(m->dir);
    }
}

/* Towers, experts beside states and other parts whose exact count nobody publishes: the number in the model's name or on its card. */
static void builtin_sizes_are_the_published_ones(void **st)
{
    (void)st;
    static const struct { const char *id; double billions; } cases[] = {
        { "OpenGVLab/InternVL3-78B", 78.4 }, { "OpenGVLab/InternVL3-38B", 38.4 }, { "OpenGVLab/InternVL3-14B", 15.1 }, { "OpenGVLab/InternVL3-8B", 7.94 }, { "OpenGVLab/InternVL3-2B", 2.09 },
        { "ai21labs/AI21-Jamba-Large-1.7", 398.6 }, { "ibm-granite/granite-4.0-h-small", 32.2 }, { "ibm-granite/granite-4.0-h-tiny", 6.94 }, { "tiiuae/Falcon-H1-7B-Instruct", 7.59 },
        { "tiiuae/Falcon-H1-34B-Instruct", 33.6 }, { "nvidia/Nemotron-H-56B-Base-8K", 56.3 }, { "nvidia/Nemotron-H-8B-Base-8K", 8.1 }, { "meta-llama/Llama-4-Scout-17B-16E-Instruct", 108.6 },
        { "meta-llama/Llama-4-Maverick-17B-128E-Instruct", 401.6 }, { "bigcode/starcoder2-15b", 15.96 }, { "llava-hf/llava-1.5-7b-hf", 7.06 }, { "llava-hf/llava-v1.6-mistral-7b-hf", 7.57 },
        { "allenai/OLMo-2-1124-13B-Instruct", 13.7 }, { "allenai/OLMo-2-0425-1B-Instruct", 1.48 }, { "LGAI-EXAONE/EXAONE-3.5-32B-Instruct", 32.0 }, { "LGAI-EXAONE/EXAONE-3.5-7.8B-Instruct", 7.82 },
        { "LGAI-EXAONE/EXAONE-3.5-2.4B-Instruct", 2.41 }, { "LGAI-EXAONE/EXAONE-4.0-32B", 32.0 }, { "LGAI-EXAONE/EXAONE-4.0-1.2B", 1.28 }, { "baichuan-inc/Baichuan2-7B-Chat", 7.51 },
        { "baidu/ERNIE-4.5-21B-A3B-PT", 21.8 }, { "baidu/ERNIE-4.5-300B-A47B-PT", 300 }, { "baidu/ERNIE-4.5-0.3B-PT", 0.361 }, { "inclusionAI/Ling-lite-1.5", 16.8 },
        { "inclusionAI/Ling-mini-2.0", 16.3 }, { "inclusionAI/Ling-flash-2.0", 103 }, { "inclusionAI/Ling-1T", 1000 }, { "mistralai/Pixtral-12B-2409", 12.7 },
        { "nvidia/Llama-3_3-Nemotron-Super-49B-v1", 49.9 }, { "nvidia/NVIDIA-Nemotron-3-Ultra-550B-A55B-BF16", 550 }, { "nvidia/Mistral-NeMo-Minitron-8B-Instruct", 8.41 },
        { "meta-llama/Llama-3.2-11B-Vision-Instruct", 10.67 }, { "meta-llama/Llama-3.2-90B-Vision-Instruct", 88.6 }, { "microsoft/Phi-3.5-vision-instruct", 4.15 },
        { "openai/whisper-large-v3", 1.543 }, { "openai/whisper-large-v3-turbo", 0.809 }, { "internlm/internlm2_5-20b-chat", 19.9 }, { "tiiuae/Falcon3-10B-Instruct", 10.3 },
        { "google/gemma-3n-E2B-it", 5.44 }, { "google/gemma-3n-E4B-it", 7.85 }, { "Qwen/Qwen3-Omni-30B-A3B-Instruct", 31.7 }, { "Qwen/Qwen2.5-Omni-7B", 8.93 },
        { "moonshotai/Kimi-Linear-48B-A3B-Instruct", 49.12 }, { "moonshotai/Moonlight-16B-A3B-Instruct", 15.96 }, { "moonshotai/Kimi-VL-A3B-Instruct", 16.4 },
        { "MiniMaxAI/MiniMax-Text-01", 456.09 }, { "stepfun-ai/step3", 321 }, { "zai-org/GLM-4.1V-9B-Thinking", 10.29 }, { "zai-org/GLM-4.5V", 107.7 }, { "zai-org/glm-4-9b-chat", 9.4 },
        { "tencent/Hunyuan-A13B-Instruct", 80.4 }, { "tencent/Hunyuan-7B-Instruct", 7.5 }, { "baidu/ERNIE-4.5-VL-28B-A3B-PT", 29.4 }, { "rednote-hilab/dots.llm1.inst", 142.77 },
        { "Zyphra/Zamba2-1.2B", 1.2151 }, { "Zyphra/Zamba2-2.7B", 2.6622 }, { "Zyphra/Zamba2-7B-Instruct", 7.3567 },
        { "LiquidAI/LFM2-350M", 0.3545 }, { "LiquidAI/LFM2-1.2B", 1.1703 }, { "LiquidAI/LFM2-8B-A1B", 8.34 }, { "swiss-ai/Apertus-8B-Instruct-2509", 8.05 },
        { "allenai/OLMoE-1B-7B-0924-Instruct", 6.919 }, { "deepseek-ai/deepseek-moe-16b-chat", 16.376 }, { "mistralai/Voxtral-Mini-3B-2507", 4.68 }, { "mistralai/Voxtral-Small-24B-2507", 24.26 },
        { "mistral-community/pixtral-12b", 12.7 }, { "openbmb/MiniCPM4-8B", 8.19 }, { "arcee-ai/AFM-4.5B", 4.62 }, { "utter-project/EuroLLM-9B-Instruct", 9.152 },
        { "Qwen/Qwen-7B-Chat", 7.721 }, { "cerebras/Qwen3-Coder-REAP-25B-A3B", 24.9 }, { "OpenGVLab/InternVL3_5-4B", 4.73 }, { "OpenGVLab/InternVL3_5-8B", 8.53 },
        { "OpenGVLab/InternVL3_5-14B", 15.1 }, { "OpenGVLab/InternVL3_5-38B", 38.4 }, { "Qwen/Qwen2-Audio-7B-Instruct", 8.40 }, { "BAAI/bge-multilingual-gemma2", 9.24 },
        { "microsoft/Phi-4-multimodal-instruct", 5.574 - 0.37 - 0.46 },              /* without its two adapters, that no engine loads with it */
    };
    for (size_t i = 0; i < BT_LEN(cases); i++) {
        bt_auto_arena a = { 0 };
        struct bt_model *m = NULL;
        struct bt_err err = { 0 };
        if (bt_model_open(&a, cases[i].id, &m, &err) < 0)
            fail_msg("%s", err.msg);
        double off = (double)m->parameters / 1e9 / cases[i].billions - 1;
        if (off < -0.01 || off > 0.01)
            fail_msg("%s: %.3f billion numbers, published %.2f", cases[i].id, (double)m->parameters / 1e9, cases[i].billions);
    }
}

static void every_builtin_opens(void **st)
{
    (void)st;
    for (const char *const *id = bt_model_builtin(); *id; id++) {
        bt_auto_arena a = { 0 };
        struct bt_err err = { 0 };
        struct bt_model *m;
        if (bt_model_open(&a, *id, &m, &err) < 0)
            fail_msg("%s: %s", *id, err.msg);
        assert_true(id == bt_model_builtin() || strcmp(id[-1], *id) < 0);            /* sorted, none twice */
        assert_int_equal(m->ntensors != 0, bt_model_architecture_known(m->architecture) || m->cross_tokens);     /* Whisper: counted, and said to be an estimate */
        assert_int_equal(m->ntensors != 0, m->tensors_why == NULL);
        assert_int_equal(strlen(m->digest), 32);
        assert_int_equal(m->dtype, BT_DT_BF16);
    }
}

/* A pinned environment: what this machine has in its own cache must not answer. */
static int no_cache(void **st)
{
    (void)st;
    return setenv("HF_HUB_CACHE", "/nonexistent", 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(class_defaults), cmocka_unit_test(windows), cmocka_unit_test(rope), cmocka_unit_test(text_config_holds_the_numbers),
        cmocka_unit_test(each_lie_is_named), cmocka_unit_test(derived_tensors),
        cmocka_unit_test(globs_end_with_the_name), cmocka_unit_test(kv_scales_are_seen), cmocka_unit_test(builtin_counts), cmocka_unit_test(builtin_sizes_are_the_published_ones), cmocka_unit_test(every_builtin_opens),
    };
    return cmocka_run_group_tests(tests, no_cache, NULL);
}

/* model_arch.c - layers of every kind from their configs, quantisation configs, and the published parameter counts they add up to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#include "model/model.h"

static struct bt_model model(struct bt_arena *a, const char *json)
{
    struct bt_model m = { 0 };
    struct bt_err err = { 0 };
    if (bt_model_config(a, "config.json", bt_str(json), &m, &err) < 0 || bt_model_derive(a, &m, &err) < 0)
        fail_msg("%s: %s", json, err.msg);
    return m;
}

static size_t count(const struct bt_model *m, enum bt_mixer mixer)
{
    size_t n = 0;
    for (uint32_t i = 0; i < m->layers; i++)
        n += m->layer[i].mixer == mixer;
    return n;
}

/* Configurations and the number of parameters that the models' own pages state. off: share that a shape without files may be off. */
static const struct { const char *name, *json; double billions, off; } models[] = {
    { "Falcon-7B", "{\"architectures\": [\"FalconForCausalLM\"], \"hidden_size\": 4544, \"num_hidden_layers\": 32, \"num_attention_heads\": 71, \"multi_query\": true, "
      "\"vocab_size\": 65024, \"new_decoder_architecture\": false}", 6.9217, 0.002 },
    { "Falcon-40B", "{\"architectures\": [\"FalconForCausalLM\"], \"hidden_size\": 8192, \"num_hidden_layers\": 60, \"num_attention_heads\": 128, \"num_kv_heads\": 8, "
      "\"vocab_size\": 65024, \"multi_query\": true, \"new_decoder_architecture\": true}", 41.303, 0.002 },
    { "StarCoder2-7B", "{\"architectures\": [\"Starcoder2ForCausalLM\"], \"hidden_size\": 4608, \"intermediate_size\": 18432, \"num_hidden_layers\": 32, "
      "\"num_attention_heads\": 36, \"num_key_value_heads\": 4, \"vocab_size\": 49152}", 7.174, 0.002 },
    { "DBRX", "{\"architectures\": [\"DbrxForCausalLM\"], \"d_model\": 6144, \"n_layers\": 40, \"n_heads\": 48, \"vocab_size\": 100352, "
      "\"attn_config\": {\"kv_n_heads\": 8}, \"ffn_config\": {\"ffn_hidden_size\": 10752, \"moe_num_experts\": 16, \"moe_top_k\": 4}}", 131.597, 0.001 },
    { "Qwen-7B", "{\"architectures\": [\"QWenLMHeadModel\"], \"hidden_size\": 4096, \"intermediate_size\": 22016, \"num_hidden_layers\": 32, \"num_attention_heads\": 32, "
      "\"vocab_size\": 151936, \"seq_length\": 8192}", 7.721, 0.001 },
    { "Mixtral-8x7B", "{\"architectures\": [\"MixtralForCausalLM\"], \"num_hidden_layers\": 32, \"hidden_size\": 4096, \"intermediate_size\": 14336, \"num_attention_heads\": 32, "
      "\"num_key_value_heads\": 8, \"vocab_size\": 32000, \"num_local_experts\": 8, \"num_experts_per_tok\": 2, \"sliding_window\": null}", 46.7028, 1e-5 },
    { "Qwen3-30B-A3B", "{\"architectures\": [\"Qwen3MoeForCausalLM\"], \"num_hidden_layers\": 48, \"hidden_size\": 2048, \"intermediate_size\": 6144, \"num_attention_heads\": 32, "
      "\"num_key_value_heads\": 4, \"head_dim\": 128, \"vocab_size\": 151936, \"num_experts\": 128, \"num_experts_per_tok\": 8, \"moe_intermediate_size\": 768}", 30.5321, 1e-5 },
    { "DeepSeek-V3", "{\"architectures\": [\"DeepseekV3ForCausalLM\"], \"num_hidden_layers\": 61, \"hidden_size\": 7168, \"intermediate_size\": 18432, \"num_attention_heads\": 128, "
      "\"num_key_value_heads\": 128, \"vocab_size\": 129280, \"n_routed_experts\": 256, \"num_experts_per_tok\": 8, \"moe_intermediate_size\": 2048, \"n_shared_experts\": 1, "
      "\"first_k_dense_replace\": 3, \"kv_lora_rank\": 512, \"q_lora_rank\": 1536, \"qk_rope_head_dim\": 64, \"qk_nope_head_dim\": 128, \"v_head_dim\": 128}", 671.0264, 1e-4 },
    { "gpt-oss-20b", "{\"architectures\": [\"GptOssForCausalLM\"], \"num_hidden_layers\": 24, \"hidden_size\": 2880, \"intermediate_size\": 2880, \"num_attention_heads\": 64, "
      "\"num_key_value_heads\": 8, \"head_dim\": 64, \"vocab_size\": 201088, \"num_local_experts\": 32, \"num_experts_per_tok\": 4, \"sliding_window\": 128}", 20.9148, 1e-4 },
    { "Qwen3-Next-80B", "{\"architectures\": [\"Qwen3NextForCausalLM\"], \"num_hidden_layers\": 48, \"hidden_size\": 2048, \"intermediate_size\": 5120, \"num_attention_heads\": 16, "
      "\"num_key_value_heads\": 2, \"head_dim\": 256, \"vocab_size\": 151936, \"num_experts\": 512, \"num_experts_per_tok\": 10, \"moe_intermediate_size\": 512, "
      "\"shared_expert_intermediate_size\": 512}", 79.674, 1e-3 },
    { "gemma-2-9b", "{\"architectures\": [\"Gemma2ForCausalLM\"], \"num_hidden_layers\": 42, \"hidden_size\": 3584, \"intermediate_size\": 14336, \"num_attention_heads\": 16, "
      "\"num_key_value_heads\": 8, \"head_dim\": 256, \"vocab_size\": 256000, \"sliding_window\": 4096}", 9.2417, 1e-4 },
    { "Qwen2.5-VL-7B", "{\"architectures\": [\"Qwen2_5_VLForConditionalGeneration\"], \"num_hidden_layers\": 28, \"hidden_size\": 3584, \"intermediate_size\": 18944, "
      "\"num_attention_heads\": 28, \"num_key_value_heads\": 4, \"vocab_size\": 152064, \"vision_config\": {\"depth\": 32, \"hidden_size\": 1280, \"intermediate_size\": 3420}}", 8.2922, 1e-3 },
    { "opt-125m", "{\"architectures\": [\"OPTForCausalLM\"], \"num_hidden_layers\": 12, \"hidden_size\": 768, \"ffn_dim\": 3072, \"num_attention_heads\": 12, \"vocab_size\": 50272, "
      "\"max_position_embeddings\": 2048}", 0.1252, 1e-3 },
};

static void parameters_are_the_published_ones(void **st)
{
    (void)st;
    for (size_t i = 0; i < BT_LEN(models); i++) {
        bt_auto_arena a = { 0 };
        struct bt_model m = model(&a, models[i].json);
        double is = (double)m.parameters / 1e9;
        if (is < models[i].billions * (1 - models[i].off) || is > models[i].billions * (1 + models[i].off))
            fail_msg("%s: %.5f billion parameters, published %.5f", models[i].name, is, models[i].billions);
    }
}

#define SIZES "\"num_hidden_layers\": 8, \"hidden_size\": 64, \"intermediate_size\": 128, \"num_attention_heads\": 8, \"num_key_value_heads\": 2, \"vocab_size\": 100"

static void layers_are_of_their_kind(void **st)
{
    (void)st;
    static const struct { const char *json; size_t full, sliding, chunked, mla, state, none; } cases[] = {
        { "{\"architectures\": [\"Gemma2ForCausalLM\"], \"sliding_window\": 64, " SIZES "}", 4, 4, 0, 0, 0, 0 },
        { "{\"architectures\": [\"Gemma3ForCausalLM\"], \"sliding_window\": 64, " SIZES "}", 1, 7, 0, 0, 0, 0 },
        { "{\"architectures\": [\"GptOssForCausalLM\"], \"sliding_window\": 64, " SIZES "}", 4, 4, 0, 0, 0, 0 },
        { "{\"architectures\": [\"Cohere2ForCausalLM\"], \"sliding_window\": 64, " SIZES "}", 2, 6, 0, 0, 0, 0 },
        { "{\"architectures\": [\"Llama4ForConditionalGeneration\"], \"text_config\": {\"num_local_experts\": 16, " SIZES "}}", 2, 0, 6, 0, 0, 0 },
        { "{\"architectures\": [\"DeepseekV2ForCausalLM\"], " SIZES "}", 0, 0, 0, 8, 0, 0 },
        { "{\"architectures\": [\"Qwen3NextForCausalLM\"], " SIZES "}", 2, 0, 0, 0, 6, 0 },
        { "{\"architectures\": [\"JambaForCausalLM\"], " SIZES "}", 1, 0, 0, 0, 7, 0 },
        { "{\"architectures\": [\"NemotronHForCausalLM\"], \"hybrid_override_pattern\": \"M-M*M-M-\", " SIZES "}", 1, 0, 0, 0, 4, 3 },
        { "{\"architectures\": [\"GraniteMoeHybridForCausalLM\"], \"layer_types\": [\"mamba\", \"mamba\", \"mamba\", \"attention\", \"mamba\", \"mamba\", \"mamba\", \"attention\"], " SIZES "}",
          2, 0, 0, 0, 6, 0 },
        { "{\"architectures\": [\"KimiLinearForCausalLM\"], \"linear_attn_config\": {\"full_attn_layers\": [4, 8], \"num_heads\": 4, \"head_dim\": 16}, " SIZES "}", 0, 0, 0, 2, 6, 0 },
        { "{\"architectures\": [\"MiniMaxText01ForCausalLM\"], \"attn_type_list\": [0, 0, 0, 1, 0, 0, 0, 1], " SIZES "}", 2, 0, 0, 0, 6, 0 },
        { "{\"architectures\": [\"MiniMaxForCausalLM\"], \"layer_types\": [\"linear_attention\", \"full_attention\", \"linear_attention\", \"full_attention\", \"linear_attention\", "
          "\"full_attention\", \"linear_attention\", \"full_attention\"], " SIZES "}", 4, 0, 0, 0, 4, 0 },
        { "{\"architectures\": [\"Lfm2ForCausalLM\"], \"full_attn_idxs\": [2, 5], " SIZES "}", 2, 0, 0, 0, 6, 0 },
        { "{\"architectures\": [\"Lfm2ForCausalLM\"], \"layer_types\": [\"conv\", \"conv\", \"full_attention\", \"conv\", \"conv\", \"full_attention\", \"conv\", \"conv\"], " SIZES "}",
          2, 0, 0, 0, 6, 0 },
        { "{\"architectures\": [\"Zamba2ForCausalLM\"], \"hybrid_layer_ids\": [1, 3, 6], \"num_mem_blocks\": 2, \"use_shared_attention_adapter\": true, \"n_mamba_heads\": 8, " SIZES "}",
          3, 0, 0, 0, 5, 0 },
        { "{\"architectures\": [\"Zamba2ForCausalLM\"], \"layers_block_type\": [\"m\", \"m\", \"g\", \"m\", \"m\", \"g\", \"m\", \"m\"], \"n_mamba_heads\": 8, " SIZES "}", 2, 0, 0, 0, 6, 0 },
        { "{\"architectures\": [\"FalconH1ForCausalLM\"], \"mamba_d_ssm\": 256, \"mamba_n_heads\": 8, " SIZES "}", 8, 0, 0, 0, 0, 0 },
    };
    for (size_t i = 0; i < BT_LEN(cases); i++) {
        bt_auto_arena a = { 0 };
        struct bt_model m = model(&a, cases[i].json);
        if (count(&m, BT_MIX_FULL) != cases[i].full || count(&m, BT_MIX_SLIDING) != cases[i].sliding || count(&m, BT_MIX_CHUNKED) != cases[i].chunked ||
            count(&m, BT_MIX_MLA) != cases[i].mla || count(&m, BT_MIX_STATE) != cases[i].state || count(&m, BT_MIX_NONE) != cases[i].none)
            fail_msg("%s: %zu full, %zu sliding, %zu chunked, %zu mla, %zu state, %zu none", cases[i].json, count(&m, BT_MIX_FULL), count(&m, BT_MIX_SLIDING),
                     count(&m, BT_MIX_CHUNKED), count(&m, BT_MIX_MLA), count(&m, BT_MIX_STATE), count(&m, BT_MIX_NONE));
        assert_true(m.ntensors > 0);
        for (size_t t = 0; t < m.ntensors; t++)
            if (bt_tensor_place(&m.tensors[t]).role == BT_T_OTHER)
                fail_msg("%s has no place", m.tensors[t].name);
    }
}

static void experts_stand_where_the_config_says(void **st)
{
    (void)st;
    static const struct { const char *json; size_t dense; } cases[] = {
        { "{\"architectures\": [\"DeepseekV3ForCausalLM\"], \"n_routed_experts\": 4, " SIZES "}", 3 },
        { "{\"architectures\": [\"DeepseekV3ForCausalLM\"], \"n_routed_experts\": 4, \"first_k_dense_replace\": 1, " SIZES "}", 1 },
        { "{\"architectures\": [\"Qwen3MoeForCausalLM\"], \"num_experts\": 4, \"mlp_only_layers\": [2, 5], " SIZES "}", 2 },
        { "{\"architectures\": [\"Qwen3MoeForCausalLM\"], \"num_experts\": 4, \"decoder_sparse_step\": 2, " SIZES "}", 4 },
        { "{\"architectures\": [\"JambaForCausalLM\"], \"num_experts\": 4, \"expert_layer_period\": 2, \"expert_layer_offset\": 1, " SIZES "}", 4 },
        { "{\"architectures\": [\"MixtralForCausalLM\"], " SIZES "}", 8 },
        { "{\"architectures\": [\"Step3TextForCausalLM\"], \"moe_num_experts\": 4, \"moe_layers_enum\": \"3,4, 6\", " SIZES "}", 5 },
        { "{\"architectures\": [\"Step3TextForCausalLM\"], \"moe_num_experts\": 4, \"moe_layers_enum\": [1, 7], " SIZES "}", 6 },
        { "{\"architectures\": [\"Lfm2MoeForCausalLM\"], \"num_experts\": 4, \"num_dense_layers\": 3, " SIZES "}", 3 },
    };
    for (size_t i = 0; i < BT_LEN(cases); i++) {
        bt_auto_arena a = { 0 };
        struct bt_model m = model(&a, cases[i].json);
        size_t dense = 0;
        for (uint32_t k = 0; k < m.layers; k++)
            dense += m.layer[k].moe == NULL;
        assert_int_equal(dense, cases[i].dense);
    }
}

/* A shell of text and images around language models of many classes: the text's own class says what its layers have, the shell which tower there is. */
static void a_shell_has_the_layers_of_its_text(void **st)
{
    (void)st;
    static const struct { const char *json; bool qk_norm, qkv_bias; size_t sliding; uint32_t patch; } cases[] = {
        { "{\"architectures\": [\"InternVLChatModel\"], \"llm_config\": {\"architectures\": [\"Qwen3ForCausalLM\"], " SIZES "}, \"vision_config\": {\"patch_size\": 14}}", true, false, 0, 14 },
        { "{\"architectures\": [\"InternVLChatModel\"], \"llm_config\": {\"architectures\": [\"Qwen2ForCausalLM\"], " SIZES "}, \"vision_config\": {\"patch_size\": 14}}", false, true, 0, 14 },
        { "{\"architectures\": [\"LlavaForConditionalGeneration\"], \"text_config\": {\"model_type\": \"mistral\", \"sliding_window\": 32, " SIZES "}, \"vision_config\": "
          "{\"model_type\": \"pixtral\"}}", false, false, 8, 16 },
        { "{\"architectures\": [\"LlavaForConditionalGeneration\"], \"text_config\": {\"model_type\": \"gemma2\", \"sliding_window\": 32, " SIZES "}, \"vision_config\": {}}", false, false, 4, 14 },
        { "{\"architectures\": [\"NobodysVLForConditionalGeneration\"], \"text_config\": {\"model_type\": \"qwen3\", " SIZES "}, \"vision_config\": {\"hidden_size\": 64, "
          "\"num_hidden_layers\": 2, \"patch_size\": 12}}", true, false, 0, 12 },
    };
    for (size_t i = 0; i < BT_LEN(cases); i++) {
        bt_auto_arena a = { 0 };
        struct bt_model m = model(&a, cases[i].json);
        assert_int_equal(m.qk_norm, cases[i].qk_norm);
        assert_int_equal(m.qkv_bias, cases[i].qkv_bias);
        assert_int_equal(count(&m, BT_MIX_SLIDING), cases[i].sliding);
        assert_int_equal(m.tower.patch, cases[i].patch);
        assert_true(m.tower.layers > 0);
        assert_false(m.pooling);
        assert_int_equal(m.guessed != NULL, i == 4);
    }
}

/* What an engine leaves in the file: the speaking half of an omni model, adapters beside a base, drafting layers. */
static void what_engines_pass_over(void **st)
{
    (void)st;
    static const struct { const char *name; bool unused; int layer; } cases[] = {
        { "talker.model.layers.3.self_attn.q_proj.weight", true, 3 }, { "token2wav.code2wav_dit_model.norm_out.weight", true, -1 }, { "code2wav.pre_transformer.layers.0.mlp.up_proj.weight", true, 0 },
        { "thinker.model.layers.3.self_attn.q_proj.weight", false, 3 }, { "model.layers.0.self_attn.qkv_proj.lora_A.speech.weight", true, 0 },
        { "model.layers.0.self_attn.qkv_proj.base_layer.weight", false, 0 }, { "mtp.layers.0.mlp.up_proj.weight", true, 0 },
    };
    for (size_t i = 0; i < BT_LEN(cases); i++) {
        struct bt_tensor t = { .name = cases[i].name, .dtype = BT_DT_BF16, .rank = 2, .shape = { 8, 8 }, .bytes = 128 };
        struct bt_tensor_place p = bt_tensor_place(&t);
        if (p.unused != cases[i].unused || p.layer != cases[i].layer)
            fail_msg("%s: %s, layer %d", cases[i].name, p.unused ? "unused" : "used", p.layer);
    }
}

/* Gemma 3n: the last layers read the KV of earlier ones, each layer adds words of a second embedding, four streams run side by side. */
static void gemma_3n_shares_its_kv(void **st)
{
    (void)st;
    bt_auto_arena a = { 0 };
    struct bt_model m = model(&a, "{\"architectures\": [\"Gemma3nForConditionalGeneration\"], \"text_config\": {\"num_hidden_layers\": 10, \"hidden_size\": 64, \"intermediate_size\": [128, 128], "
                              "\"num_attention_heads\": 8, \"num_key_value_heads\": 2, \"vocab_size\": 100, \"vocab_size_per_layer_input\": 90, \"num_kv_shared_layers\": 4, \"sliding_window\": 8}}");
    size_t borrowed = 0, streams = 0;
    for (uint32_t i = 0; i < m.layers; i++)
        borrowed += m.layer[i].borrows_kv;
    for (size_t i = 0; i < m.ntensors; i++) {
        streams += strstr(m.tensors[i].name, "model.altup_projections.") != NULL;
        if (strstr(m.tensors[i].name, "embed_tokens_per_layer"))
            assert_int_equal(m.tensors[i].shape[0], 90);
    }
    assert_int_equal(borrowed, 4);
    assert_int_equal(streams, 3);
    assert_int_equal(count(&m, BT_MIX_FULL), 2);
    assert_null(m.guessed);
}

/* Bits of a linear weight, scales included, and what the ignore list leaves alone. */
static void quantisation_configs(void **st)
{
    (void)st;
    static const struct { const char *config; double bits; bool q_left; } cases[] = {
        { "{\"quant_method\": \"awq\", \"bits\": 4, \"group_size\": 128}", 4.156, false },
        { "{\"quant_method\": \"gptq\", \"bits\": 8, \"group_size\": 128}", 8.0, false },
        { "{\"quant_method\": \"fp8\", \"weight_block_size\": [128, 128]}", 8.002, false },
        { "{\"quant_method\": \"compressed-tensors\", \"format\": \"pack-quantized\", \"ignore\": [\"lm_head\", \"re:.*self_attn.q_proj$\"], "
          "\"config_groups\": {\"g\": {\"weights\": {\"num_bits\": 4, \"type\": \"int\", \"group_size\": 32, \"symmetric\": true}}}}", 4.5, true },
        { "{\"quant_method\": \"compressed-tensors\", \"format\": \"nvfp4-pack-quantized\", "
          "\"config_groups\": {\"g\": {\"weights\": {\"num_bits\": 4, \"type\": \"float\", \"group_size\": 16}}}}", 4.5, false },
        { "{\"quant_method\": \"bitsandbytes\", \"load_in_4bit\": true, \"llm_int8_skip_modules\": [\"q_proj\"]}", 4.125, true },
        { "{\"quant_method\": \"modelopt\", \"quantization\": {\"quant_algo\": \"FP8\", \"exclude_modules\": [\"model.layers.*.q_proj*\", \"lm_head\"]}}", 8.0, true },
    };
    for (size_t i = 0; i < BT_LEN(cases); i++) {
        bt_auto_arena a = { 0 };
        struct bt_model m = model(&a, bt_arena_printf(&a, "{\"architectures\": [\"LlamaForCausalLM\"], \"num_hidden_layers\": 1, \"hidden_size\": 4096, \"intermediate_size\": 8192, "
                                                          "\"num_attention_heads\": 32, \"vocab_size\": 1000, \"quantization_config\": %s}", cases[i].config));
        uint64_t down = 0, q = 0;
        for (size_t t = 0; t < m.ntensors; t++) {
            enum bt_tensor_role role = bt_tensor_place(&m.tensors[t]).role;
            down += role == BT_T_DOWN ? m.tensors[t].bytes : 0;
            q += role == BT_T_Q ? m.tensors[t].bytes : 0;
        }
        double bits = 8.0 * (double)down / (8192.0 * 4096);
        if (bits < cases[i].bits - 0.01 || bits > cases[i].bits + 0.01)
            fail_msg("%s: %.4f bits", cases[i].config, bits);
        assert_int_equal(q == 4096 * 4096 * 2, cases[i].q_left);
    }
}

static double gib(const struct bt_model *m)
{
    return (double)m->weight_bytes / (1024.0 * 1024 * 1024);
}

/* Sizes of the checkpoints on the hub, GiB (kaito's model catalogue; drafting layers are not in ours). */
static void built_in_shapes_weigh_what_their_files_do(void **st)
{
    (void)st;
    static const struct { const char *id; double gib, off; } files[] = {
        { "google/gemma-4-31B-it", 58.25, 0.01 }, { "google/gemma-4-26B-A4B-it", 48.07, 0.01 }, { "google/gemma-4-E4B-it", 14.89, 0.01 }, { "google/gemma-4-E2B-it", 9.54, 0.015 },
        { "moonshotai/Kimi-K2.5", 554.32, 0.01 }, { "deepseek-ai/DeepSeek-V4-Pro", 805.34, 0.02 }, { "mistralai/Ministral-3-14B-Instruct-2512", 14.65, 0.01 },
        { "mistralai/Ministral-3-3B-Instruct-2512", 4.35, 0.02 }, { "nvidia/NVIDIA-Nemotron-3-Super-120B-A12B-BF16", 230.25, 0.025 },
        { "nvidia/NVIDIA-Nemotron-3-Nano-30B-A3B-BF16", 58.82, 0.01 }, { "Qwen/Qwen3.5-2B", 4.24, 0.03 }, { "Qwen/Qwen3.5-122B-A10B", 232.99, 0.025 },
        { "MiniMaxAI/MiniMax-M2.7", 214.34, 0.01 }, { "microsoft/Phi-4-mini-instruct", 7.15, 0.01 }, { "zai-org/GLM-5.2-FP8", 703.75, 0.015 },
    };
    setenv("HF_HUB_CACHE", "/nonexistent", 1);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        bt_auto_arena a = { 0 };
        struct bt_model *m = NULL;
        struct bt_err err = { 0 };
        if (bt_model_open(&a, files[i].id, &m, &err) < 0)
            fail_msg("%s", err.msg);
        if (gib(m) < files[i].gib * (1 - files[i].off) || gib(m) > files[i].gib * (1 + files[i].off))
            fail_msg("%s: %.2f GiB, its files have %.2f", files[i].id, gib(m), files[i].gib);
    }
}

/* Bits to a number, scales and what stays in 16 bits together: a list that leaves the router alone ("*.gate") once left the experts' gate_up too. */
static void names_have_the_bytes_they_say(void **st)
{
    (void)st;
    static const struct { const char *id; double least, most; } cases[] = {   /* bits of a number: NVFP4 and INT4 of 32 have 4.5, AWQ 4.16; embedding, head and MLA's attention have 16 */
        { "nvidia/Llama-3.1-8B-Instruct-NVFP4", 5.9, 6.2 }, { "nvidia/Qwen3-235B-A22B-NVFP4", 4.5, 4.7 }, { "nvidia/DeepSeek-R1-FP4", 4.5, 4.9 },
        { "unsloth/gpt-oss-20b-BF16", 15.99, 16.01 }, { "cognitivecomputations/DeepSeek-R1-AWQ", 4.16, 4.4 }, { "moonshotai/Kimi-K2-Thinking", 4.5, 4.9 },
    };
    for (size_t i = 0; i < BT_LEN(cases); i++) {
        bt_auto_arena a = { 0 };
        struct bt_model *m = NULL;
        struct bt_err err = { 0 };
        if (bt_model_open(&a, cases[i].id, &m, &err) < 0)
            fail_msg("%s", err.msg);
        double bits = 8 * (double)m->weight_bytes / (double)m->parameters;
        if (bits < cases[i].least || bits > cases[i].most)
            fail_msg("%s: %.2f bits a number", cases[i].id, bits);
    }
}

/* What a name says of a model that is not in the table: taken, and said. */
static void names_say_what_they_are(void **st)
{
    (void)st;
    static const struct { const char *id, *of, *quantization; } cases[] = {
        { "unsloth/Qwen3-4B-Base", "Qwen/Qwen3-4B", NULL }, { "RedHatAI/Meta-Llama-3.1-70B-Instruct-FP8", "meta-llama/Llama-3.1-70B-Instruct", "compressed-tensors" },
        { "Qwen/Qwen2.5-72B-Instruct-AWQ", "Qwen/Qwen2.5-72B-Instruct", "awq" }, { "Qwen/Qwen3-30B-A3B-Instruct-2507-FP8", "Qwen/Qwen3-30B-A3B-Instruct-2507", "fp8" },
        { "unsloth/gemma-3-27b-it-unsloth-bnb-4bit", "google/gemma-3-27b-it", "bitsandbytes" }, { "deepseek-ai/DeepSeek-V4-Flash-0731", "deepseek-ai/DeepSeek-V4-Flash", "fp8" },
        { "nvidia/Llama-3.1-8B-Instruct-NVFP4", "meta-llama/Llama-3.1-8B-Instruct", "modelopt" }, { "RedHatAI/Qwen3-8B-NVFP4A16", "Qwen/Qwen3-8B", "modelopt" },
        { "nvidia/DeepSeek-R1-0528-FP4-v2", "deepseek-ai/DeepSeek-R1-0528", "modelopt" }, { "cognitivecomputations/DeepSeek-R1-AWQ", "deepseek-ai/DeepSeek-R1", "awq" },
        { "unsloth/gpt-oss-20b-BF16", "openai/gpt-oss-20b", NULL }, { "RedHatAI/Qwen3-32B-FP8-block", "Qwen/Qwen3-32B", "fp8" }, { "unsloth/gpt-oss-20b", "openai/gpt-oss-20b", "mxfp4" },
        { "cyankiwi/Qwen3-VL-8B-Instruct-AWQ-8bit", "Qwen/Qwen3-VL-8B-Instruct", "compressed-tensors" }, { "TheBloke/CodeLlama-34B-Instruct-AWQ", "codellama/CodeLlama-34b-Instruct-hf", "awq" },
        { "ISTA-DASLab/Llama-3.3-70B-Instruct-GPTQ-4b-128g", "meta-llama/Llama-3.3-70B-Instruct", "gptq" }, { "Intel/Qwen3-8B-int4-AutoRound-inc", "Qwen/Qwen3-8B", "gptq" },
        { "huihui-ai/Huihui-gpt-oss-20b-mxfp4-abliterated-v2", "openai/gpt-oss-20b", "mxfp4" }, { "huihui-ai/Huihui-Qwen3-8B-abliterated-v2", "Qwen/Qwen3-8B", NULL },
        { "cyankiwi/gemma-4-26B-A4B-it-qat-AWQ-INT4", "google/gemma-4-26B-A4B-it", "awq" },
        { "NousResearch/Hermes-4-405B", "meta-llama/Llama-3.1-405B-Instruct", NULL }, { "unsloth/Kimi-Dev-72B-bnb-4bit", "Qwen/Qwen2.5-72B", "bitsandbytes" },
        { "inclusionAI/Ring-1T-FP8", "inclusionAI/Ling-1T", "fp8" }, { "PrimeIntellect/INTELLECT-3", "zai-org/GLM-4.5-Air", NULL }, { "lmstudio-community/qwen3guard-gen-8b", "Qwen/Qwen3-8B", NULL },
        { "nvidia/Llama-3_3-Nemotron-Super-49B-v1_5-FP8", "nvidia/Llama-3_3-Nemotron-Super-49B-v1_5", "compressed-tensors" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bt_auto_arena a = { 0 };
        struct bt_model *m = NULL, *base = NULL;
        struct bt_err err = { 0 };
        if (bt_model_open(&a, cases[i].id, &m, &err) < 0 || bt_model_open(&a, cases[i].of, &base, &err) < 0)
            fail_msg("%s", err.msg);
        assert_true(m->guessed && strstr(m->guessed, cases[i].of));
        assert_true(m->layers == base->layers && m->hidden == base->hidden && !base->guessed);
        if (cases[i].quantization)
            assert_string_equal(m->quantization, cases[i].quantization);
        else
            assert_null(m->quantization);
    }
    bt_auto_arena a = { 0 };
    struct bt_model *m = NULL;
    struct bt_err err = { 0 };
    assert_int_equal(bt_model_open(&a, "qwen/qwen3-8b", &m, &err), 0);           /* the hub does not tell upper from lower case either */
    assert_null(m->guessed);
    static const char *const others[] = { "acme/Qwen9-8B-AWQ", "acme/Qwen3-8B-MXFP4", "huihui-ai/Acme-Qwen3-8B", "acme/acme-" };
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        assert_int_equal(bt_model_open(&a, others[i], &m, &err), -1);
        assert_int_equal(err.code, BT_E_NOT_FOUND);
    }
}

/* Python's Infinity, layers named one by one, blocks of their own sizes, every module with its own algorithm. */
static void configs_of_nvidia(void **st)
{
    (void)st;
    bt_auto_arena a = { 0 };
    struct bt_model m = model(&a, "{\"architectures\": [\"NemotronHForCausalLM\"], \"layers_block_type\": [\"mamba\", \"moe\", \"attention\", \"mlp\"], \"hidden_size\": 64, \"intermediate_size\": 128, "
                                  "\"num_attention_heads\": 4, \"num_key_value_heads\": 2, \"vocab_size\": 100, \"n_routed_experts\": 4, \"num_experts_per_tok\": 2, \"moe_latent_size\": 16, "
                                  "\"note\": \"Infinity\", \"time_step_limit\": [0.0, Infinity, -Infinity, NaN]}");
    assert_true(m.layers == 4 && m.layer[0].state && m.layer[1].moe && m.layer[1].moe->latent == 16 && m.layer[2].mixer == BT_MIX_FULL && m.layer[3].intermediate == 128);
    m = model(&a, "{\"architectures\": [\"DeciLMForCausalLM\"], \"num_hidden_layers\": 3, \"hidden_size\": 8192, \"num_attention_heads\": 64, \"vocab_size\": 100, \"block_configs\": ["
                  "{\"attention\": {\"n_heads_in_group\": 8}, \"ffn\": {\"ffn_mult\": 5.25}}, {\"attention\": {\"no_op\": true}, \"ffn\": {\"ffn_mult\": 2.625}}, "
                  "{\"attention\": {\"n_heads_in_group\": 16}, \"ffn\": {\"no_op\": true}}]}");
    assert_true(m.layer[0].kv_heads == 8 && m.layer[0].intermediate == 28672 && m.layer[1].mixer == BT_MIX_NONE && m.layer[1].intermediate == 14336);
    assert_true(m.layer[2].kv_heads == 4 && m.layer[2].intermediate == 0 && m.kv_heads == 8);
    m = model(&a, "{\"architectures\": [\"Qwen3ForCausalLM\"], \"num_hidden_layers\": 2, \"hidden_size\": 1024, \"intermediate_size\": 1024, \"num_attention_heads\": 8, \"vocab_size\": 100, "
                  "\"quantization_config\": {\"quant_method\": \"modelopt\", \"quant_algo\": \"MIXED_PRECISION\", \"quantized_layers\": {\"model.layers.0.self_attn.q_proj\": {\"quant_algo\": \"FP8\"}, "
                  "\"model.layers.1.mlp.down_proj\": {\"quant_algo\": \"W4A16_NVFP4\", \"group_size\": 16}}}}");
    uint64_t q0 = 0, q1 = 0, down0 = 0, down1 = 0;
    for (size_t t = 0; t < m.ntensors; t++) {
        struct bt_tensor_place p = bt_tensor_place(&m.tensors[t]);
        *(p.role == BT_T_Q ? p.layer ? &q1 : &q0 : p.layer == 1 ? &down1 : &down0) += p.role == BT_T_Q || p.role == BT_T_DOWN ? m.tensors[t].bytes : 0;
    }
    assert_true(q0 == 1024 * 1024 + 4 * 1024 && q1 == 2 * 1024 * 1024 && down0 == 2 * 1024 * 1024 && down1 == 1024 * 1024 / 2 + 1024 * 1024 / 16);
}

static void the_unknown_is_guessed_and_says_so(void **st)
{
    (void)st;
    bt_auto_arena a = { 0 };
    struct bt_model m = model(&a, "{\"architectures\": [\"NewForCausalLM\"], \"n_layer\": 4, \"n_embd\": 64, \"n_head\": 4, \"vocab_size\": 100, \"n_positions\": 512}");
    assert_true(m.ntensors > 0 && m.layers == 4 && m.hidden == 64 && m.intermediate == 256 && m.max_position == 512);
    assert_non_null(strstr(m.guessed, "NewForCausalLM"));
    m = model(&a, "{\"architectures\": [\"NewForCausalLM\"], \"n_layer\": 4}");
    assert_int_equal(m.ntensors, 0);
    assert_non_null(m.tensors_why);
}

/* Parameters as the models' pages state them (2.77 and 7.28 and 7.27 billion). A request keeps (kernel - 1) columns of its convolution and its state, in the
 * model's type, in each layer (vLLM model_executor/layers/mamba/mamba_utils.py): layout.c has the bytes from these figures. */
static void states_alone_have_no_heads_and_no_limit(void **st)
{
    (void)st;
    static const struct { const char *json; double billions; enum bt_state_kind kind; uint32_t channels, heads, head_dim, state; bool unbounded; } cases[] = {
        { "{\"architectures\": [\"MambaForCausalLM\"], \"hidden_size\": 2560, \"num_hidden_layers\": 64, \"vocab_size\": 50280, \"state_size\": 16, \"conv_kernel\": 4, \"expand\": 2, "
          "\"time_step_rank\": 160}", 2.7683, BT_STATE_MAMBA1, 5120, 5120, 1, 16, true },
        { "{\"architectures\": [\"FalconMambaForCausalLM\"], \"hidden_size\": 4096, \"num_hidden_layers\": 64, \"vocab_size\": 65024, \"intermediate_size\": 8192, \"expand\": 16, "
          "\"time_step_rank\": 256, \"tie_word_embeddings\": false}", 7.2727, BT_STATE_MAMBA1, 8192, 8192, 1, 16, true },
        { "{\"architectures\": [\"Mamba2ForCausalLM\"], \"hidden_size\": 4096, \"num_hidden_layers\": 64, \"vocab_size\": 32768, \"num_heads\": 128, \"head_dim\": 64, \"n_groups\": 8, "
          "\"state_size\": 128, \"max_position_embeddings\": null}", 7.2854, BT_STATE_MAMBA2, 10240, 128, 64, 128, true },
        { "{\"architectures\": [\"MambaForCausalLM\"], \"hidden_size\": 768, \"num_hidden_layers\": 24, \"time_step_rank\": \"auto\", \"max_position_embeddings\": 4096}", 0.1291,
          BT_STATE_MAMBA1, 1536, 1536, 1, 16, false },
    };
    for (size_t i = 0; i < BT_LEN(cases); i++) {
        bt_auto_arena a = { 0 };
        struct bt_model m = model(&a, cases[i].json);
        assert_int_equal(count(&m, BT_MIX_STATE), m.layers);
        const struct bt_state *s = m.layer[m.layers - 1].state;
        assert_true(s->kind == cases[i].kind && s->conv_channels == cases[i].channels && s->heads == cases[i].heads && s->head_dim == cases[i].head_dim && s->state == cases[i].state);
        assert_true(m.heads == s->heads && m.unbounded == cases[i].unbounded && m.max_position == (cases[i].unbounded ? 2048 : 4096) && !m.guessed);
        double billions = (double)m.parameters / 1e9;
        if (billions < cases[i].billions * 0.998 || billions > cases[i].billions * 1.002)
            fail_msg("%zu: %.4f billion, want %.4f", i, billions, cases[i].billions);
    }
}

/* Whisper large: 1.54 billion parameters and its turbo 0.809; T5 v1.1 large 783 million, and BART large 406 million, as their pages state. */
static void a_decoder_beside_an_encoder_keeps_both(void **st)
{
    (void)st;
    static const struct { const char *json; double billions; uint32_t layers, encoder, heads, head_dim, positions, cross; } cases[] = {
        { "{\"architectures\": [\"WhisperForConditionalGeneration\"], \"is_encoder_decoder\": true, \"d_model\": 1280, \"encoder_layers\": 32, \"decoder_layers\": 32, \"num_hidden_layers\": 32, "
          "\"encoder_attention_heads\": 20, \"decoder_attention_heads\": 20, \"encoder_ffn_dim\": 5120, \"decoder_ffn_dim\": 5120, \"max_source_positions\": 1500, \"max_target_positions\": 448, "
          "\"vocab_size\": 51866, \"tie_word_embeddings\": true}", 1.543, 32, 32, 20, 64, 448, 1500 },
        { "{\"architectures\": [\"WhisperForConditionalGeneration\"], \"is_encoder_decoder\": true, \"d_model\": 1280, \"encoder_layers\": 32, \"decoder_layers\": 4, \"num_hidden_layers\": 32, "
          "\"decoder_attention_heads\": 20, \"decoder_ffn_dim\": 5120, \"encoder_ffn_dim\": 5120, \"max_source_positions\": 1500, \"max_target_positions\": 448, \"vocab_size\": 51866, "
          "\"tie_word_embeddings\": true}", 0.809, 4, 32, 20, 64, 448, 1500 },
        { "{\"architectures\": [\"T5ForConditionalGeneration\"], \"is_encoder_decoder\": true, \"d_model\": 1024, \"num_layers\": 24, \"num_decoder_layers\": 24, \"num_heads\": 16, \"d_kv\": 64, "
          "\"d_ff\": 2816, \"feed_forward_proj\": \"gated-gelu\", \"n_positions\": 512, \"vocab_size\": 32128, \"tie_word_embeddings\": false}", 0.783, 24, 24, 16, 64, 512, 512 },
        { "{\"architectures\": [\"BartForConditionalGeneration\"], \"is_encoder_decoder\": true, \"d_model\": 1024, \"encoder_layers\": 12, \"decoder_layers\": 12, \"num_hidden_layers\": 12, "
          "\"encoder_attention_heads\": 16, \"decoder_attention_heads\": 16, \"encoder_ffn_dim\": 4096, \"decoder_ffn_dim\": 4096, \"max_position_embeddings\": 1024, \"vocab_size\": 50265, "
          "\"tie_word_embeddings\": true}", 0.406, 12, 12, 16, 64, 1024, 1024 },
    };
    for (size_t i = 0; i < BT_LEN(cases); i++) {
        bt_auto_arena a = { 0 };
        struct bt_model m = model(&a, cases[i].json);
        double billions = (double)m.parameters / 1e9;
        assert_true(m.layers == cases[i].layers && m.audio.layers == cases[i].encoder && m.heads == cases[i].heads && m.head_dim == cases[i].head_dim);
        assert_true(m.max_position == cases[i].positions && m.cross_tokens == cases[i].cross);
        assert_non_null(strstr(m.guessed, "encoder tokens for a request"));
        if (billions < cases[i].billions * 0.98 || billions > cases[i].billions * 1.02)          /* an estimate: front ends and relative positions are not counted one by one */
            fail_msg("%zu: %.4f billion, want %.4f", i, billions, cases[i].billions);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parameters_are_the_published_ones), cmocka_unit_test(layers_are_of_their_kind), cmocka_unit_test(experts_stand_where_the_config_says),
        cmocka_unit_test(quantisation_configs), cmocka_unit_test(built_in_shapes_weigh_what_their_files_do),
        cmocka_unit_test(names_say_what_they_are), cmocka_unit_test(names_have_the_bytes_they_say), cmocka_unit_test(configs_of_nvidia), cmocka_unit_test(the_unknown_is_guessed_and_says_so),
        cmocka_unit_test(states_alone_have_no_heads_and_no_limit), cmocka_unit_test(a_shell_has_the_layers_of_its_text), cmocka_unit_test(what_engines_pass_over),
        cmocka_unit_test(gemma_3n_shares_its_kv), cmocka_unit_test(a_decoder_beside_an_encoder_keeps_both),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

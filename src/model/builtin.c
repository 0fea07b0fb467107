/* builtin.c - shapes of well-known models, for plans made where the model is not on disk. Written from the models' published
 * configurations; the last number is the published count of parameters; a test adds up the derived tensors to it. */
#include "model/model_int.h"

enum tie { SEPARATE, TIED };
/*   id, architecture, model_type, layers, hidden, intermediate, heads, kv_heads, head_dim, vocab, max_position, tied, parameters */
#define LLAMA(X, id, ...) X(id, "LlamaForCausalLM", "llama", __VA_ARGS__)
#define MISTRAL(X, id, ...) X(id, "MistralForCausalLM", "mistral", __VA_ARGS__)
#define QWEN2(X, id, ...) X(id, "Qwen2ForCausalLM", "qwen2", __VA_ARGS__)
#define QWEN3(X, id, ...) X(id, "Qwen3ForCausalLM", "qwen3", __VA_ARGS__)
#define GEMMA3(X, id, ...) X(id, "Gemma3ForConditionalGeneration", "gemma3", __VA_ARGS__)
#define MIXTRAL(X, id, ...) X(id, "MixtralForCausalLM", "mixtral", __VA_ARGS__)
#define QWEN3_MOE(X, id, ...) X(id, "Qwen3MoeForCausalLM", "qwen3_moe", __VA_ARGS__)
#define QWEN3_NEXT(X, id, ...) X(id, "Qwen3NextForCausalLM", "qwen3_next", __VA_ARGS__)
#define QWEN35(X, id, ...) X(id, "Qwen3_5ForConditionalGeneration", "qwen3_5", __VA_ARGS__)
#define QWEN35_MOE(X, id, ...) X(id, "Qwen3_5MoeForConditionalGeneration", "qwen3_5_moe", __VA_ARGS__)
#define QWEN25_VL(X, id, ...) X(id, "Qwen2_5_VLForConditionalGeneration", "qwen2_5_vl", __VA_ARGS__)
#define DEEPSEEK_V2(X, id, ...) X(id, "DeepseekV2ForCausalLM", "deepseek_v2", __VA_ARGS__)
#define DEEPSEEK_V3(X, id, ...) X(id, "DeepseekV3ForCausalLM", "deepseek_v3", __VA_ARGS__)
#define GPT_OSS(X, id, ...) X(id, "GptOssForCausalLM", "gpt_oss", __VA_ARGS__)
#define GEMMA2(X, id, ...) X(id, "Gemma2ForCausalLM", "gemma2", __VA_ARGS__)
#define PHI3(X, id, ...) X(id, "Phi3ForCausalLM", "phi3", __VA_ARGS__)
#define GLM4_MOE(X, id, ...) X(id, "Glm4MoeForCausalLM", "glm4_moe", __VA_ARGS__)
#define MINIMAX_M2(X, id, ...) X(id, "MiniMaxM2ForCausalLM", "minimax_m2", __VA_ARGS__)
#define NEMOTRON_H(X, id, ...) X(id, "NemotronHForCausalLM", "nemotron_h", __VA_ARGS__)
#define OPT(X, id, ...) X(id, "OPTForCausalLM", "opt", __VA_ARGS__)
#define MISTRAL3(X, id, ...) X(id, "Mistral3ForConditionalGeneration", "mistral3", __VA_ARGS__)
#define QWEN2_MOE(X, id, ...) X(id, "Qwen2MoeForCausalLM", "qwen2_moe", __VA_ARGS__)
#define QWEN2_VL(X, id, ...) X(id, "Qwen2VLForConditionalGeneration", "qwen2_vl", __VA_ARGS__)
#define QWEN3_VL(X, id, ...) X(id, "Qwen3VLForConditionalGeneration", "qwen3_vl", __VA_ARGS__)
#define QWEN3_VL_MOE(X, id, ...) X(id, "Qwen3VLMoeForConditionalGeneration", "qwen3_vl_moe", __VA_ARGS__)
#define QWEN3_EMBED(X, id, ...) X(id, "Qwen3Model", "qwen3", __VA_ARGS__)
#define GEMMA(X, id, ...) X(id, "GemmaForCausalLM", "gemma", __VA_ARGS__)
#define GEMMA3_TEXT(X, id, ...) X(id, "Gemma3ForCausalLM", "gemma3_text", __VA_ARGS__)
#define GEMMA4(X, id, ...) X(id, "Gemma4ForConditionalGeneration", "gemma4", __VA_ARGS__)
#define PHIMOE(X, id, ...) X(id, "PhiMoEForCausalLM", "phimoe", __VA_ARGS__)
#define COHERE(X, id, ...) X(id, "CohereForCausalLM", "cohere", __VA_ARGS__)
#define COHERE2(X, id, ...) X(id, "Cohere2ForCausalLM", "cohere2", __VA_ARGS__)
#define INTERNVL(X, id, ...) X(id, "InternVLChatModel", "internvl_chat", __VA_ARGS__)
#define DOTS(X, id, ...) X(id, "DotsOCRForCausalLM", "dots_ocr", __VA_ARGS__)
#define INTERNLM3(X, id, ...) X(id, "InternLM3ForCausalLM", "internlm3", __VA_ARGS__)
#define STARCODER2(X, id, ...) X(id, "Starcoder2ForCausalLM", "starcoder2", __VA_ARGS__)
#define GPTNEOX(X, id, ...) X(id, "GPTNeoXForCausalLM", "gpt_neox", __VA_ARGS__)
#define MIMO(X, id, ...) X(id, "MiMoForCausalLM", "mimo", __VA_ARGS__)
#define LLAVA(X, id, ...) X(id, "LlavaForConditionalGeneration", "llava", __VA_ARGS__)
#define LLAVA_NEXT(X, id, ...) X(id, "LlavaNextForConditionalGeneration", "llava_next", __VA_ARGS__)
#define LLAMA4(X, id, ...) X(id, "Llama4ForConditionalGeneration", "llama4", __VA_ARGS__)
#define JAMBA(X, id, ...) X(id, "JambaForCausalLM", "jamba", __VA_ARGS__)
#define GRANITE_H(X, id, ...) X(id, "GraniteMoeHybridForCausalLM", "granitemoehybrid", __VA_ARGS__)
#define FALCON_H1(X, id, ...) X(id, "FalconH1ForCausalLM", "falcon_h1", __VA_ARGS__)
#define DEEPSEEK_V32(X, id, ...) X(id, "DeepseekV32ForCausalLM", "deepseek_v32", __VA_ARGS__)
#define DEEPSEEK_V4(X, id, ...) X(id, "DeepseekV4ForCausalLM", "deepseek_v4", __VA_ARGS__)
#define GLM4(X, id, ...) X(id, "Glm4ForCausalLM", "glm4", __VA_ARGS__)
#define GLM4_LITE(X, id, ...) X(id, "Glm4MoeLiteForCausalLM", "glm4_moe_lite", __VA_ARGS__)
#define GLM_DSA(X, id, ...) X(id, "GlmMoeDsaForCausalLM", "glm_moe_dsa", __VA_ARGS__)
#define GRANITE(X, id, ...) X(id, "GraniteForCausalLM", "granite", __VA_ARGS__)
#define SEED_OSS(X, id, ...) X(id, "SeedOssForCausalLM", "seed_oss", __VA_ARGS__)
#define INTERNLM2(X, id, ...) X(id, "InternLM2ForCausalLM", "internlm2", __VA_ARGS__)
#define KIMI_K25(X, id, ...) X(id, "KimiK25ForConditionalGeneration", "kimi_k25", __VA_ARGS__)
#define MISTRAL_EMBED(X, id, ...) X(id, "MistralModel", "mistral", __VA_ARGS__)
#define OLMO2(X, id, ...) X(id, "Olmo2ForCausalLM", "olmo2", __VA_ARGS__)
#define OLMO3(X, id, ...) X(id, "Olmo3ForCausalLM", "olmo3", __VA_ARGS__)
#define EXAONE(X, id, ...) X(id, "ExaoneForCausalLM", "exaone", __VA_ARGS__)
#define EXAONE4(X, id, ...) X(id, "Exaone4ForCausalLM", "exaone4", __VA_ARGS__)
#define SMOLLM3(X, id, ...) X(id, "SmolLM3ForCausalLM", "smollm3", __VA_ARGS__)
#define BAICHUAN(X, id, ...) X(id, "BaichuanForCausalLM", "baichuan", __VA_ARGS__)
#define ERNIE(X, id, ...) X(id, "Ernie4_5ForCausalLM", "ernie4_5", __VA_ARGS__)
#define ERNIE_MOE(X, id, ...) X(id, "Ernie4_5_MoeForCausalLM", "ernie4_5_moe", __VA_ARGS__)
#define BAILING(X, id, ...) X(id, "BailingMoeForCausalLM", "bailing_moe", __VA_ARGS__)
#define BAILING2(X, id, ...) X(id, "BailingMoeV2ForCausalLM", "bailing_moe", __VA_ARGS__)
#define PIXTRAL(X, id, ...) X(id, "PixtralForConditionalGeneration", "pixtral", __VA_ARGS__)
#define PHI3V(X, id, ...) X(id, "Phi3VForCausalLM", "phi3_v", __VA_ARGS__)
#define MLLAMA(X, id, ...) X(id, "MllamaForConditionalGeneration", "mllama", __VA_ARGS__)
#define WHISPER(X, id, ...) X(id, "WhisperForConditionalGeneration", "whisper", __VA_ARGS__)
#define NEMOTRON_NAS(X, id, ...) X(id, "DeciLMForCausalLM", "nemotron-nas", __VA_ARGS__)
/* its blocks: with attention (8 heads share a KV head) or without, and how wide the MLP is (model/uneven.c) */
#define WITH(width) "{\"attention\": {\"n_heads_in_group\": 8}, \"ffn\": {\"ffn_mult\": " width "}}"
#define WITHOUT(width) "{\"attention\": {\"no_op\": true}, \"ffn\": {\"ffn_mult\": " width "}}"
#define TEN(x) x "," x "," x "," x "," x "," x "," x "," x "," x "," x
#define SUPER_49B \
    "\"block_configs\": [" \
    WITH("2.625") "," WITH("5.25") "," WITH("5.25") "," WITH("5.25") "," WITH("5.25") "," WITH("5.25") "," WITHOUT("2.625") "," \
    WITHOUT("2.625") "," WITH("5.25") "," WITH("5.25") "," WITH("5.25") "," WITHOUT("3.28125") "," TEN(WITH("5.25")) "," \
    TEN(WITH("5.25")) "," TEN(WITH("5.25")) "," WITHOUT("1.3125") "," WITHOUT("2.625") "," WITHOUT("2.625") "," WITHOUT("1.3125") "," \
    WITHOUT("5.25") "," WITHOUT("1.3125") "," WITHOUT("2.625") "," WITHOUT("1.3125") "," WITHOUT("1.3125") "," WITHOUT("1.3125") "," \
    WITH("5.25") "," WITHOUT("1.3125") "," WITHOUT("1.0") "," WITHOUT("1.0") "," WITHOUT("1.3125") "," WITHOUT("1.0") "," WITHOUT("1.0") "," \
    WITHOUT("1.0") "," WITHOUT("1.3125") "," WITHOUT("1.3125") "," WITHOUT("0.5") "," WITHOUT("0.5") "," WITHOUT("1.0") "," \
    WITHOUT("1.0") "," WITHOUT("0.5") "," WITHOUT("0.5") "," WITHOUT("1.0") "," WITHOUT("0.5") "," WITHOUT("0.5") "," WITH("5.25") "," \
    WITH("5.25") "," WITH("5.25") "," WITH("5.25") "," WITH("5.25") "," WITH("5.25") "," WITH("5.25") "," WITH("5.25") "," WITH("5.25") "]"
#define KIMI_K25_MORE \
    "\"n_routed_experts\": 384, \"num_experts_per_tok\": 8, \"moe_intermediate_size\": 2048, \"n_shared_experts\": 1, \"first_k_dense_replace\": 1, \"kv_lora_rank\": 512, " \
    "\"q_lora_rank\": 1536, \"qk_rope_head_dim\": 64, \"qk_nope_head_dim\": 128, \"v_head_dim\": 128, \"quantization_config\": {\"quant_method\": \"compressed-tensors\", " \
    "\"format\": \"pack-quantized\", \"ignore\": [\"lm_head\", \"re:.*self_attn.*\", \"re:.*shared_expert.*\", \"re:.*layers.0.mlp.*\"], " \
    "\"config_groups\": {\"group_0\": {\"weights\": {\"num_bits\": 4, \"type\": \"int\", \"group_size\": 32, \"symmetric\": true}}}}"
#define SHAPES(X) \
    LLAMA(X, "01-ai/Yi-1.5-34B-Chat", 60, 7168, 20480, 56, 8, 128, 64000, 4096, SEPARATE, 0) \
    LLAMA(X, "01-ai/Yi-1.5-6B-Chat", 32, 4096, 11008, 32, 4, 128, 64000, 4096, SEPARATE, 0) \
    LLAMA(X, "01-ai/Yi-1.5-9B-Chat", 48, 4096, 11008, 32, 4, 128, 64000, 4096, SEPARATE, 0) \
    LLAMA(X, "01-ai/Yi-34B-200K", 60, 7168, 20480, 56, 8, 128, 64000, 200000, SEPARATE, 0) \
    LLAMA(X, "01-ai/Yi-34B-Chat", 60, 7168, 20480, 56, 8, 128, 64000, 4096, SEPARATE, 0) \
    LLAMA(X, "01-ai/Yi-6B-Chat", 32, 4096, 11008, 32, 4, 128, 64000, 4096, SEPARATE, 0) \
    LLAMA(X, "01-ai/Yi-Coder-9B-Chat", 48, 4096, 11008, 32, 4, 128, 64000, 131072, SEPARATE, 0) \
    QWEN2(X, "Alibaba-NLP/gte-Qwen2-1.5B-instruct", 28, 1536, 8960, 12, 2, 128, 151646, 131072, SEPARATE, 1776197120) \
    QWEN2(X, "Alibaba-NLP/gte-Qwen2-7B-instruct", 28, 3584, 18944, 28, 4, 128, 151646, 131072, SEPARATE, 0) \
    SEED_OSS(X, "ByteDance-Seed/Seed-OSS-36B-Instruct", 64, 5120, 27648, 80, 8, 128, 155136, 524288, SEPARATE, 0, "\"attention_bias\": true") \
    QWEN25_VL(X, "ByteDance-Seed/UI-TARS-1.5-7B", 28, 3584, 18944, 28, 4, 128, 152064, 128000, SEPARATE, 0, \
        "\"vision_config\": {\"depth\": 32, \"hidden_size\": 1280, \"intermediate_size\": 3420, \"num_heads\": 16, \"patch_size\": 14, " \
        "\"spatial_merge_size\": 2}") \
    COHERE(X, "CohereForAI/c4ai-command-r-08-2024", 40, 8192, 24576, 64, 8, 128, 256000, 131072, TIED, 32296476672) \
    COHERE(X, "CohereForAI/c4ai-command-r-plus", 64, 12288, 33792, 96, 8, 128, 256000, 131072, TIED, 103810674688) \
    COHERE(X, "CohereForAI/c4ai-command-r-plus-08-2024", 64, 12288, 33792, 96, 8, 128, 256000, 131072, TIED, 103810674688) \
    COHERE(X, "CohereForAI/c4ai-command-r-v01", 40, 8192, 22528, 64, 64, 128, 256000, 131072, TIED, 34980831232) \
    COHERE(X, "CohereLabs/aya-expanse-32b", 40, 8192, 24576, 64, 8, 128, 256000, 8192, TIED, 32296476672) \
    COHERE(X, "CohereLabs/aya-expanse-8b", 32, 4096, 14336, 32, 8, 128, 256000, 8192, TIED, 8028033024) \
    COHERE2(X, "CohereLabs/c4ai-command-a-03-2025", 64, 12288, 36864, 96, 8, 128, 256000, 131072, TIED, 0, "\"sliding_window\": 4096") \
    COHERE2(X, "CohereLabs/c4ai-command-r7b-12-2024", 32, 4096, 14336, 32, 8, 128, 256000, 132096, TIED, 8027901952, "\"sliding_window\": 4096") \
    GPTNEOX(X, "EleutherAI/pythia-6.9b", 32, 4096, 16384, 32, 32, 128, 50432, 2048, SEPARATE, 0) \
    MISTRAL(X, "HuggingFaceH4/zephyr-7b-beta", 32, 4096, 14336, 32, 8, 128, 32000, 32768, SEPARATE, 7241732096, "\"sliding_window\": 4096") \
    LLAMA(X, "HuggingFaceTB/SmolLM2-1.7B-Instruct", 24, 2048, 8192, 32, 32, 64, 49152, 8192, TIED, 1711376384) \
    LLAMA(X, "HuggingFaceTB/SmolLM2-135M",            30,  576,  1536,  9,  3,  64,  49152,   8192, TIED,       134515008) \
    LLAMA(X, "HuggingFaceTB/SmolLM2-135M-Instruct",   30,  576,  1536,  9,  3,  64,  49152,   8192, TIED,       134515008) \
    LLAMA(X, "HuggingFaceTB/SmolLM2-360M-Instruct", 32, 960, 2560, 15, 5, 64, 49152, 8192, TIED, 361821120) \
    SMOLLM3(X, "HuggingFaceTB/SmolLM3-3B", 36, 2048, 11008, 16, 4, 128, 128256, 65536, TIED, 3075098624) \
    EXAONE(X, "LGAI-EXAONE/EXAONE-3.5-2.4B-Instruct", 30, 2560, 7168, 32, 8, 80, 102400, 32768, TIED, 0) \
    EXAONE(X, "LGAI-EXAONE/EXAONE-3.5-32B-Instruct", 64, 5120, 27392, 40, 8, 128, 102400, 32768, SEPARATE, 0) \
    EXAONE(X, "LGAI-EXAONE/EXAONE-3.5-7.8B-Instruct", 32, 4096, 14336, 32, 8, 128, 102400, 32768, SEPARATE, 0) \
    EXAONE4(X, "LGAI-EXAONE/EXAONE-4.0-1.2B", 30, 2048, 4096, 32, 8, 64, 102400, 65536, TIED, 0) \
    EXAONE4(X, "LGAI-EXAONE/EXAONE-4.0-32B", 64, 5120, 27392, 40, 8, 128, 102400, 131072, SEPARATE, 0, "\"sliding_window\": 4096, " \
        "\"sliding_window_pattern\": 4") \
    EXAONE(X, "LGAI-EXAONE/EXAONE-Deep-2.4B", 30, 2560, 7168, 32, 8, 80, 102400, 32768, TIED, 0) \
    EXAONE(X, "LGAI-EXAONE/EXAONE-Deep-32B", 64, 5120, 27392, 40, 8, 128, 102400, 32768, SEPARATE, 0) \
    EXAONE(X, "LGAI-EXAONE/EXAONE-Deep-7.8B", 32, 4096, 14336, 32, 8, 128, 102400, 32768, SEPARATE, 0) \
    MINIMAX_M2(X, "MiniMaxAI/MiniMax-M2", 62, 3072, 1536, 48, 8, 128, 200064, 196608, SEPARATE, 0, \
        "\"num_local_experts\": 256, \"num_experts_per_tok\": 8, \"use_qk_norm\": true, \"quantization_config\": {\"quant_method\": " \
        "\"fp8\", \"weight_block_size\": [128, 128]}") \
    MINIMAX_M2(X, "MiniMaxAI/MiniMax-M2.1", 62, 3072, 1536, 48, 8, 128, 200064, 196608, SEPARATE, 0, \
        "\"num_local_experts\": 256, \"num_experts_per_tok\": 8, \"use_qk_norm\": true, \"quantization_config\": {\"quant_method\": " \
        "\"fp8\", \"weight_block_size\": [128, 128]}") \
    MINIMAX_M2(X, "MiniMaxAI/MiniMax-M2.5", 62, 3072, 1536, 48, 8, 128, 200064, 196608, SEPARATE, 0, \
        "\"num_local_experts\": 256, \"num_experts_per_tok\": 8, \"quantization_config\": {\"quant_method\": \"fp8\", \"weight_block_size\": [128, 128]}") \
    MINIMAX_M2(X, "MiniMaxAI/MiniMax-M2.7", 62, 3072, 1536, 48, 8, 128, 200064, 204800, SEPARATE, 0, \
        "\"num_local_experts\": 256, \"num_experts_per_tok\": 8, \"use_qk_norm\": true, \"quantization_config\": {\"quant_method\": " \
        "\"fp8\", \"weight_block_size\": [128, 128]}") \
    LLAMA(X, "NousResearch/Hermes-3-Llama-3.1-70B", 80, 8192, 28672, 64, 8, 128, 128256, 131072, SEPARATE, 70553706496) \
    LLAMA(X, "NousResearch/Hermes-3-Llama-3.1-8B", 32, 4096, 14336, 32, 8, 128, 128256, 131072, SEPARATE, 0) \
    QWEN3(X, "NousResearch/Hermes-4-14B", 40, 5120, 17408, 40, 8, 128, 151936, 40960, SEPARATE, 0) \
    LLAMA(X, "NousResearch/Hermes-4-70B", 80, 8192, 28672, 64, 8, 128, 128256, 131072, SEPARATE, 0) \
    INTERNVL(X, "OpenGVLab/InternVL3-14B", 48, 5120, 13824, 40, 8, 128, 151674, 32768, SEPARATE, 0, \
        "\"vision_config\": {\"num_hidden_layers\": 24, \"hidden_size\": 1024, \"intermediate_size\": 4096, \"num_attention_heads\": 16, " \
        "\"patch_size\": 14}") \
    INTERNVL(X, "OpenGVLab/InternVL3-1B", 24, 896, 4864, 14, 2, 64, 151674, 32768, SEPARATE, 0, \
        "\"vision_config\": {\"num_hidden_layers\": 24, \"hidden_size\": 1024, \"intermediate_size\": 4096, \"num_attention_heads\": 16, " \
        "\"patch_size\": 14}") \
    INTERNVL(X, "OpenGVLab/InternVL3-2B", 28, 1536, 8960, 12, 2, 128, 151674, 32768, SEPARATE, 0, \
        "\"vision_config\": {\"num_hidden_layers\": 24, \"hidden_size\": 1024, \"intermediate_size\": 4096, \"num_attention_heads\": 16, " \
        "\"patch_size\": 14}") \
    INTERNVL(X, "OpenGVLab/InternVL3-38B", 64, 5120, 27648, 40, 8, 128, 151674, 32768, SEPARATE, 0, \
        "\"vision_config\": {\"num_hidden_layers\": 45, \"hidden_size\": 3200, \"intermediate_size\": 12800, " \
        "\"num_attention_heads\": 25, \"patch_size\": 14}") \
    INTERNVL(X, "OpenGVLab/InternVL3-78B", 80, 8192, 29568, 64, 8, 128, 151674, 32768, SEPARATE, 0, \
        "\"vision_config\": {\"num_hidden_layers\": 45, \"hidden_size\": 3200, \"intermediate_size\": 12800, " \
        "\"num_attention_heads\": 25, \"patch_size\": 14}") \
    INTERNVL(X, "OpenGVLab/InternVL3-8B", 28, 3584, 18944, 28, 4, 128, 151674, 32768, SEPARATE, 0, \
        "\"vision_config\": {\"num_hidden_layers\": 24, \"hidden_size\": 1024, \"intermediate_size\": 4096, \"num_attention_heads\": 16, " \
        "\"patch_size\": 14}") \
    QWEN2_VL(X, "Qwen/QVQ-72B-Preview", 80, 8192, 29568, 64, 8, 128, 152064, 128000, SEPARATE, 0) \
    QWEN2(X, "Qwen/QwQ-32B", 64, 5120, 27648, 40, 8, 128, 152064, 40960, SEPARATE, 32763876352) \
    QWEN2(X, "Qwen/QwQ-32B-Preview", 64, 5120, 27648, 40, 8, 128, 152064, 32768, SEPARATE, 32763876352) \
    QWEN2(X, "Qwen/Qwen1.5-0.5B-Chat", 24, 1024, 2816, 16, 16, 64, 151936, 32768, TIED, 463987712) \
    QWEN2(X, "Qwen/Qwen1.5-1.8B-Chat", 24, 2048, 5504, 16, 16, 128, 151936, 32768, SEPARATE, 1836828672) \
    QWEN2(X, "Qwen/Qwen1.5-110B-Chat", 80, 8192, 49152, 64, 8, 128, 152064, 32768, SEPARATE, 111209914368) \
    QWEN2(X, "Qwen/Qwen1.5-14B-Chat", 40, 5120, 13696, 40, 40, 128, 152064, 32768, SEPARATE, 14167290880) \
    QWEN2(X, "Qwen/Qwen1.5-32B-Chat", 64, 5120, 27392, 40, 8, 128, 152064, 32768, SEPARATE, 32512218112) \
    QWEN2(X, "Qwen/Qwen1.5-4B-Chat", 40, 2560, 6912, 20, 20, 128, 151936, 32768, SEPARATE, 3950369280) \
    QWEN2(X, "Qwen/Qwen1.5-72B-Chat", 80, 8192, 24576, 64, 64, 128, 152064, 32768, SEPARATE, 72287920128) \
    QWEN2(X, "Qwen/Qwen1.5-7B-Chat",                  32, 4096, 11008, 32, 32, 128, 151936,  32768, SEPARATE,  7721324544) \
    QWEN2_MOE(X, "Qwen/Qwen1.5-MoE-A2.7B-Chat", 24, 2048, 5632, 16, 16, 128, 151936, 8192, SEPARATE, 14315784192, \
        "\"num_experts\": 60, \"num_experts_per_tok\": 4, \"moe_intermediate_size\": 1408, \"shared_expert_intermediate_size\": 5632") \
    QWEN2(X, "Qwen/Qwen2-0.5B-Instruct", 24, 896, 4864, 14, 2, 64, 151936, 32768, TIED, 0) \
    QWEN2(X, "Qwen/Qwen2-1.5B-Instruct", 28, 1536, 8960, 12, 2, 128, 151936, 32768, TIED, 0) \
    QWEN2_MOE(X, "Qwen/Qwen2-57B-A14B-Instruct", 28, 3584, 18944, 28, 4, 128, 151936, 32768, SEPARATE, 0, \
        "\"num_experts\": 64, \"num_experts_per_tok\": 8, \"moe_intermediate_size\": 2560, \"shared_expert_intermediate_size\": 20480") \
    QWEN2(X, "Qwen/Qwen2-72B-Instruct", 80, 8192, 29568, 64, 8, 128, 152064, 32768, SEPARATE, 0) \
    QWEN2(X, "Qwen/Qwen2-7B-Instruct", 28, 3584, 18944, 28, 4, 128, 152064, 32768, SEPARATE, 0) \
    QWEN2_VL(X, "Qwen/Qwen2-VL-2B-Instruct", 28, 1536, 8960, 12, 2, 128, 151936, 32768, TIED, 0) \
    QWEN2_VL(X, "Qwen/Qwen2-VL-72B-Instruct", 80, 8192, 29568, 64, 8, 128, 152064, 32768, SEPARATE, 0) \
    QWEN2_VL(X, "Qwen/Qwen2-VL-7B-Instruct", 28, 3584, 18944, 28, 4, 128, 152064, 32768, SEPARATE, 0) \
    QWEN2(X, "Qwen/Qwen2.5-0.5B",                     24,  896,  4864, 14,  2,  64, 151936,  32768, TIED,       494032768) \
    QWEN2(X, "Qwen/Qwen2.5-0.5B-Instruct",            24,  896,  4864, 14,  2,  64, 151936,  32768, TIED,       494032768) \
    QWEN2(X, "Qwen/Qwen2.5-1.5B",                     28, 1536,  8960, 12,  2, 128, 151936, 131072, TIED,      1543714304) \
    QWEN2(X, "Qwen/Qwen2.5-1.5B-Instruct",            28, 1536,  8960, 12,  2, 128, 151936,  32768, TIED,      1543714304) \
    QWEN2(X, "Qwen/Qwen2.5-14B",                      48, 5120, 13824, 40,  8, 128, 152064, 131072, SEPARATE, 14770033664) \
    QWEN2(X, "Qwen/Qwen2.5-14B-Instruct",             48, 5120, 13824, 40,  8, 128, 152064,  32768, SEPARATE, 14770033664) \
    QWEN2(X, "Qwen/Qwen2.5-14B-Instruct-1M", 48, 5120, 13824, 40, 8, 128, 152064, 1010000, SEPARATE, 0) \
    QWEN2(X, "Qwen/Qwen2.5-32B",                      64, 5120, 27648, 40,  8, 128, 152064, 131072, SEPARATE, 32763876352) \
    QWEN2(X, "Qwen/Qwen2.5-32B-Instruct",             64, 5120, 27648, 40,  8, 128, 152064,  32768, SEPARATE, 32763876352) \
    QWEN2(X, "Qwen/Qwen2.5-3B",                       36, 2048, 11008, 16,  2, 128, 151936,  32768, TIED,      3085938688) \
    QWEN2(X, "Qwen/Qwen2.5-3B-Instruct",              36, 2048, 11008, 16,  2, 128, 151936,  32768, TIED,      3085938688) \
    QWEN2(X, "Qwen/Qwen2.5-72B",                      80, 8192, 29568, 64,  8, 128, 152064, 131072, SEPARATE, 72706203648) \
    QWEN2(X, "Qwen/Qwen2.5-72B-Instruct",             80, 8192, 29568, 64,  8, 128, 152064,  32768, SEPARATE, 72706203648) \
    QWEN2(X, "Qwen/Qwen2.5-7B",                       28, 3584, 18944, 28,  4, 128, 152064, 131072, SEPARATE,  7615616512) \
    QWEN2(X, "Qwen/Qwen2.5-7B-Instruct",              28, 3584, 18944, 28,  4, 128, 152064,  32768, SEPARATE,  7615616512) \
    QWEN2(X, "Qwen/Qwen2.5-7B-Instruct-1M", 28, 3584, 18944, 28, 4, 128, 152064, 1010000, SEPARATE, 0) \
    QWEN2(X, "Qwen/Qwen2.5-Coder-0.5B-Instruct", 24, 896, 4864, 14, 2, 64, 151936, 32768, TIED, 0) \
    QWEN2(X, "Qwen/Qwen2.5-Coder-1.5B-Instruct", 28, 1536, 8960, 12, 2, 128, 151936, 32768, TIED, 0) \
    QWEN2(X, "Qwen/Qwen2.5-Coder-14B-Instruct", 48, 5120, 13824, 40, 8, 128, 152064, 32768, SEPARATE, 14770033664) \
    QWEN2(X, "Qwen/Qwen2.5-Coder-32B-Instruct", 64, 5120, 27648, 40, 8, 128, 152064, 32768, SEPARATE, 32763876352) \
    QWEN2(X, "Qwen/Qwen2.5-Coder-3B-Instruct", 36, 2048, 11008, 16, 2, 128, 151936, 32768, TIED, 0) \
    QWEN2(X, "Qwen/Qwen2.5-Coder-7B-Instruct", 28, 3584, 18944, 28, 4, 128, 152064, 32768, SEPARATE, 7615616512) \
    QWEN2(X, "Qwen/Qwen2.5-Math-1.5B-Instruct", 28, 1536, 8960, 12, 2, 128, 151936, 4096, TIED, 0) \
    QWEN2(X, "Qwen/Qwen2.5-Math-72B-Instruct", 80, 8192, 29568, 64, 8, 128, 152064, 4096, SEPARATE, 0) \
    QWEN2(X, "Qwen/Qwen2.5-Math-7B-Instruct", 28, 3584, 18944, 28, 4, 128, 152064, 4096, SEPARATE, 0) \
    QWEN25_VL(X, "Qwen/Qwen2.5-VL-32B-Instruct", 64, 5120, 27648, 40, 8, 128, 152064, 128000, SEPARATE, 0, \
        "\"vision_config\": {\"depth\": 32, \"hidden_size\": 1280, \"intermediate_size\": 3456, \"num_heads\": 16, \"patch_size\": 14, " \
        "\"spatial_merge_size\": 2}") \
    QWEN25_VL(X, "Qwen/Qwen2.5-VL-3B-Instruct", 36, 2048, 11008, 16, 2, 128, 151936, 128000, TIED, 3754622976, \
        "\"vision_config\": {\"depth\": 32, \"hidden_size\": 1280, \"intermediate_size\": 3420, \"num_heads\": 16, \"patch_size\": 14, " \
        "\"spatial_merge_size\": 2}") \
    QWEN25_VL(X, "Qwen/Qwen2.5-VL-72B-Instruct", 80, 8192, 29568, 64, 8, 128, 152064, 128000, SEPARATE, 0, \
        "\"vision_config\": {\"depth\": 32, \"hidden_size\": 1280, \"intermediate_size\": 3456, \"num_heads\": 16, \"patch_size\": 14, " \
        "\"spatial_merge_size\": 2}") \
    QWEN25_VL(X, "Qwen/Qwen2.5-VL-7B-Instruct", 28, 3584, 18944, 28, 4, 128, 152064, 128000, SEPARATE, 8292166656, \
        "\"vision_config\": {\"depth\": 32, \"hidden_size\": 1280, \"intermediate_size\": 3420, \"num_heads\": 16, \"patch_size\": 14, " \
        "\"spatial_merge_size\": 2}") \
    QWEN3(X, "Qwen/Qwen3-0.6B",                       28, 1024,  3072, 16,  8, 128, 151936,  40960, TIED,       596049920) \
    QWEN3(X, "Qwen/Qwen3-1.7B",                       28, 2048,  6144, 16,  8, 128, 151936,  40960, TIED,      1720574976) \
    QWEN3(X, "Qwen/Qwen3-14B",                        40, 5120, 17408, 40,  8, 128, 151936,  40960, SEPARATE, 14768307200) \
    QWEN3_MOE(X, "Qwen/Qwen3-235B-A22B", 94, 4096, 12288, 64, 4, 128, 151936, 40960, SEPARATE, 235093634560, \
        "\"num_experts\": 128, \"num_experts_per_tok\": 8, \"moe_intermediate_size\": 1536") \
    QWEN3_MOE(X, "Qwen/Qwen3-235B-A22B-Instruct-2507", 94, 4096, 12288, 64, 4, 128, 151936, 262144, SEPARATE, 235093634560, \
        "\"num_experts\": 128, \"num_experts_per_tok\": 8, \"moe_intermediate_size\": 1536") \
    QWEN3_MOE(X, "Qwen/Qwen3-235B-A22B-Thinking-2507", 94, 4096, 12288, 64, 4, 128, 151936, 262144, SEPARATE, 235093634560, \
        "\"num_experts\": 128, \"num_experts_per_tok\": 8, \"moe_intermediate_size\": 1536") \
    QWEN3_MOE(X, "Qwen/Qwen3-30B-A3B", 48, 2048, 6144, 32, 4, 128, 151936, 40960, SEPARATE, 30532122624, \
        "\"num_experts\": 128, \"num_experts_per_tok\": 8, \"moe_intermediate_size\": 768") \
    QWEN3_MOE(X, "Qwen/Qwen3-30B-A3B-Instruct-2507", 48, 2048, 6144, 32, 4, 128, 151936, 262144, SEPARATE, 30532122624, \
        "\"num_experts\": 128, \"num_experts_per_tok\": 8, \"moe_intermediate_size\": 768") \
    QWEN3_MOE(X, "Qwen/Qwen3-30B-A3B-Thinking-2507", 48, 2048, 6144, 32, 4, 128, 151936, 262144, SEPARATE, 30532122624, \
        "\"num_experts\": 128, \"num_experts_per_tok\": 8, \"moe_intermediate_size\": 768") \
    QWEN3(X, "Qwen/Qwen3-32B",                        64, 5120, 25600, 64,  8, 128, 151936,  40960, SEPARATE, 32762123264) \
    QWEN3(X, "Qwen/Qwen3-4B",                         36, 2560,  9728, 32,  8, 128, 151936,  40960, TIED,      4022468096) \
    QWEN3(X, "Qwen/Qwen3-4B-Instruct-2507", 36, 2560, 9728, 32, 8, 128, 151936, 262144, TIED, 4022468096) \
    QWEN3(X, "Qwen/Qwen3-4B-Thinking-2507", 36, 2560, 9728, 32, 8, 128, 151936, 262144, TIED, 4022468096) \
    QWEN3(X, "Qwen/Qwen3-8B",                         36, 4096, 12288, 32,  8, 128, 151936,  40960, SEPARATE,  8190735360) \
    QWEN3_MOE(X, "Qwen/Qwen3-Coder-30B-A3B-Instruct", 48, 2048, 6144, 32, 4, 128, 151936, 262144, SEPARATE, 30532122624, \
        "\"num_experts\": 128, \"num_experts_per_tok\": 8, \"moe_intermediate_size\": 768") \
    QWEN3_MOE(X, "Qwen/Qwen3-Coder-480B-A35B-Instruct", 62, 6144, 8192, 96, 8, 128, 151936, 262144, SEPARATE, 480154875392, \
        "\"num_experts\": 160, \"num_experts_per_tok\": 8, \"moe_intermediate_size\": 2560") \
    QWEN3_NEXT(X, "Qwen/Qwen3-Coder-Next", 48, 2048, 5120, 16, 2, 256, 151936, 262144, SEPARATE, 0, \
        "\"num_experts\": 512, \"num_experts_per_tok\": 10, \"moe_intermediate_size\": 512, \"shared_expert_intermediate_size\": 512") \
    QWEN3_EMBED(X, "Qwen/Qwen3-Embedding-0.6B", 28, 1024, 3072, 16, 8, 128, 151669, 32768, TIED, 0) \
    QWEN3_EMBED(X, "Qwen/Qwen3-Embedding-4B", 36, 2560, 9728, 32, 8, 128, 151665, 40960, TIED, 0) \
    QWEN3_EMBED(X, "Qwen/Qwen3-Embedding-8B", 36, 4096, 12288, 32, 8, 128, 151665, 40960, SEPARATE, 0) \
    QWEN3_NEXT(X, "Qwen/Qwen3-Next-80B-A3B-Instruct", 48, 2048, 5120, 16, 2, 256, 151936, 262144, SEPARATE, 0, \
        "\"num_experts\": 512, \"num_experts_per_tok\": 10, \"moe_intermediate_size\": 512, \"shared_expert_intermediate_size\": 512") \
    QWEN3_NEXT(X, "Qwen/Qwen3-Next-80B-A3B-Thinking", 48, 2048, 5120, 16, 2, 256, 151936, 262144, SEPARATE, 0, \
        "\"num_experts\": 512, \"num_experts_per_tok\": 10, \"moe_intermediate_size\": 512, \"shared_expert_intermediate_size\": 512") \
    QWEN3(X, "Qwen/Qwen3-Reranker-0.6B", 28, 1024, 3072, 16, 8, 128, 151669, 32768, TIED, 0) \
    QWEN3(X, "Qwen/Qwen3-Reranker-4B", 36, 2560, 9728, 32, 8, 128, 151665, 40960, TIED, 0) \
    QWEN3(X, "Qwen/Qwen3-Reranker-8B", 36, 4096, 12288, 32, 8, 128, 151665, 40960, SEPARATE, 0) \
    QWEN3_VL_MOE(X, "Qwen/Qwen3-VL-235B-A22B-Instruct", 94, 4096, 12288, 64, 4, 128, 151936, 262144, SEPARATE, 0, \
        "\"num_experts\": 128, \"num_experts_per_tok\": 8, \"moe_intermediate_size\": 1536, \"vision_config\": {\"depth\": 27, " \
        "\"hidden_size\": 1152, \"intermediate_size\": 4304, \"num_heads\": 16, \"patch_size\": 16, \"spatial_merge_size\": 2, " \
        "\"deepstack_visual_indexes\": [8, 16, 24]}") \
    QWEN3_VL_MOE(X, "Qwen/Qwen3-VL-235B-A22B-Thinking", 94, 4096, 12288, 64, 4, 128, 151936, 262144, SEPARATE, 0, \
        "\"num_experts\": 128, \"num_experts_per_tok\": 8, \"moe_intermediate_size\": 1536, \"vision_config\": {\"depth\": 27, " \
        "\"hidden_size\": 1152, \"intermediate_size\": 4304, \"num_heads\": 16, \"patch_size\": 16, \"spatial_merge_size\": 2, " \
        "\"deepstack_visual_indexes\": [8, 16, 24]}") \
    QWEN3_VL(X, "Qwen/Qwen3-VL-2B-Instruct", 28, 2048, 6144, 16, 8, 128, 151936, 262144, TIED, 0, \
        "\"vision_config\": {\"depth\": 24, \"hidden_size\": 1024, \"intermediate_size\": 4096, \"num_heads\": 16, \"patch_size\": 16, " \
        "\"spatial_merge_size\": 2, \"deepstack_visual_indexes\": [5, 11, 17]}") \
    QWEN3_VL(X, "Qwen/Qwen3-VL-2B-Thinking", 28, 2048, 6144, 16, 8, 128, 151936, 262144, TIED, 0, \
        "\"vision_config\": {\"depth\": 24, \"hidden_size\": 1024, \"intermediate_size\": 4096, \"num_heads\": 16, \"patch_size\": 16, " \
        "\"spatial_merge_size\": 2, \"deepstack_visual_indexes\": [5, 11, 17]}") \
    QWEN3_VL_MOE(X, "Qwen/Qwen3-VL-30B-A3B-Instruct", 48, 2048, 6144, 32, 4, 128, 151936, 262144, SEPARATE, 0, \
        "\"num_experts\": 128, \"num_experts_per_tok\": 8, \"moe_intermediate_size\": 768, \"vision_config\": {\"depth\": 27, " \
        "\"hidden_size\": 1152, \"intermediate_size\": 4304, \"num_heads\": 16, \"patch_size\": 16, \"spatial_merge_size\": 2, " \
        "\"deepstack_visual_indexes\": [8, 16, 24]}") \
    QWEN3_VL_MOE(X, "Qwen/Qwen3-VL-30B-A3B-Thinking", 48, 2048, 6144, 32, 4, 128, 151936, 262144, SEPARATE, 0, \
        "\"num_experts\": 128, \"num_experts_per_tok\": 8, \"moe_intermediate_size\": 768, \"vision_config\": {\"depth\": 27, " \
        "\"hidden_size\": 1152, \"intermediate_size\": 4304, \"num_heads\": 16, \"patch_size\": 16, \"spatial_merge_size\": 2, " \
        "\"deepstack_visual_indexes\": [8, 16, 24]}") \
    QWEN3_VL(X, "Qwen/Qwen3-VL-32B-Instruct", 64, 5120, 25600, 64, 8, 128, 151936, 262144, SEPARATE, 0, \
        "\"vision_config\": {\"depth\": 27, \"hidden_size\": 1152, \"intermediate_size\": 4304, \"num_heads\": 16, \"patch_size\": 16, " \
        "\"spatial_merge_size\": 2, \"deepstack_visual_indexes\": [8, 16, 24]}") \
    QWEN3_VL(X, "Qwen/Qwen3-VL-32B-Thinking", 64, 5120, 25600, 64, 8, 128, 151936, 262144, SEPARATE, 0, \
        "\"vision_config\": {\"depth\": 27, \"hidden_size\": 1152, \"intermediate_size\": 4304, \"num_heads\": 16, \"patch_size\": 16, " \
        "\"spatial_merge_size\": 2, \"deepstack_visual_indexes\": [8, 16, 24]}") \
    QWEN3_VL(X, "Qwen/Qwen3-VL-4B-Instruct", 36, 2560, 9728, 32, 8, 128, 151936, 262144, TIED, 0, \
        "\"vision_config\": {\"depth\": 24, \"hidden_size\": 1024, \"intermediate_size\": 4096, \"num_heads\": 16, \"patch_size\": 16, " \
        "\"spatial_merge_size\": 2, \"deepstack_visual_indexes\": [5, 11, 17]}") \
    QWEN3_VL(X, "Qwen/Qwen3-VL-4B-Thinking", 36, 2560, 9728, 32, 8, 128, 151936, 262144, TIED, 0, \
        "\"vision_config\": {\"depth\": 24, \"hidden_size\": 1024, \"intermediate_size\": 4096, \"num_heads\": 16, \"patch_size\": 16, " \
        "\"spatial_merge_size\": 2, \"deepstack_visual_indexes\": [5, 11, 17]}") \
    QWEN3_VL(X, "Qwen/Qwen3-VL-8B-Instruct", 36, 4096, 12288, 32, 8, 128, 151936, 262144, SEPARATE, 0, \
        "\"vision_config\": {\"depth\": 27, \"hidden_size\": 1152, \"intermediate_size\": 4304, \"num_heads\": 16, \"patch_size\": 16, " \
        "\"spatial_merge_size\": 2, \"deepstack_visual_indexes\": [8, 16, 24]}") \
    QWEN3_VL(X, "Qwen/Qwen3-VL-8B-Thinking", 36, 4096, 12288, 32, 8, 128, 151936, 262144, SEPARATE, 0, \
        "\"vision_config\": {\"depth\": 27, \"hidden_size\": 1152, \"intermediate_size\": 4304, \"num_heads\": 16, \"patch_size\": 16, " \
        "\"spatial_merge_size\": 2, \"deepstack_visual_indexes\": [8, 16, 24]}") \
    QWEN35_MOE(X, "Qwen/Qwen3.5-122B-A10B", 48, 3072, 1024, 32, 2, 256, 248320, 262144, SEPARATE, 0, \
        "\"linear_num_key_heads\": 16, \"linear_num_value_heads\": 64, \"linear_key_head_dim\": 128, \"linear_value_head_dim\": 128, " \
        "\"linear_conv_kernel_dim\": 4, \"mamba_ssm_dtype\": \"float32\", \"mtp_num_hidden_layers\": 1, \"num_experts\": 256, " \
        "\"num_experts_per_tok\": 8, \"moe_intermediate_size\": 1024, \"shared_expert_intermediate_size\": 1024") \
    QWEN35(X, "Qwen/Qwen3.5-27B", 64, 5120, 17408, 24, 4, 256, 248320, 262144, SEPARATE, 0, \
        "\"linear_num_key_heads\": 16, \"linear_num_value_heads\": 48, \"linear_key_head_dim\": 128, \"linear_value_head_dim\": 128, " \
        "\"linear_conv_kernel_dim\": 4, \"mamba_ssm_dtype\": \"float32\", \"mtp_num_hidden_layers\": 1") \
    QWEN35(X, "Qwen/Qwen3.5-2B", 24, 2048, 6144, 8, 2, 256, 248320, 262144, TIED, 0, \
        "\"linear_num_key_heads\": 16, \"linear_num_value_heads\": 16, \"linear_key_head_dim\": 128, \"linear_value_head_dim\": 128, " \
        "\"linear_conv_kernel_dim\": 4, \"mamba_ssm_dtype\": \"float32\", \"mtp_num_hidden_layers\": 1, \"vision_config\": {\"depth\": 24, " \
        "\"hidden_size\": 1024, \"intermediate_size\": 4096, \"num_heads\": 16, \"patch_size\": 16, \"spatial_merge_size\": 2}") \
    QWEN35_MOE(X, "Qwen/Qwen3.5-35B-A3B", 40, 2048, 512, 16, 2, 256, 248320, 262144, SEPARATE, 0, \
        "\"linear_num_key_heads\": 16, \"linear_num_value_heads\": 32, \"linear_key_head_dim\": 128, \"linear_value_head_dim\": 128, " \
        "\"linear_conv_kernel_dim\": 4, \"mamba_ssm_dtype\": \"float32\", \"mtp_num_hidden_layers\": 1, \"num_experts\": 256, \"num_experts_per_tok\": 8, " \
        "\"moe_intermediate_size\": 512, \"shared_expert_intermediate_size\": 512") \
    QWEN35_MOE(X, "Qwen/Qwen3.5-397B-A17B", 60, 4096, 1024, 32, 2, 256, 248320, 262144, SEPARATE, 0, \
        "\"linear_num_key_heads\": 16, \"linear_num_value_heads\": 64, \"linear_key_head_dim\": 128, \"linear_value_head_dim\": 128, " \
        "\"linear_conv_kernel_dim\": 4, \"mamba_ssm_dtype\": \"float32\", \"mtp_num_hidden_layers\": 1, \"num_experts\": 512, " \
        "\"num_experts_per_tok\": 10, \"moe_intermediate_size\": 1024, \"shared_expert_intermediate_size\": 1024") \
    QWEN35(X, "Qwen/Qwen3.5-4B", 32, 2560, 9216, 16, 4, 256, 248320, 262144, TIED, 0, \
        "\"linear_num_key_heads\": 16, \"linear_num_value_heads\": 32, \"linear_key_head_dim\": 128, \"linear_value_head_dim\": 128, " \
        "\"linear_conv_kernel_dim\": 4, \"mamba_ssm_dtype\": \"float32\", \"mtp_num_hidden_layers\": 1, \"vision_config\": {\"depth\": 24, " \
        "\"hidden_size\": 1024, \"intermediate_size\": 4096, \"num_heads\": 16, \"patch_size\": 16, \"spatial_merge_size\": 2}") \
    QWEN35(X, "Qwen/Qwen3.5-9B", 32, 4096, 12288, 16, 4, 256, 248320, 262144, SEPARATE, 0, \
        "\"linear_num_key_heads\": 16, \"linear_num_value_heads\": 32, \"linear_key_head_dim\": 128, \"linear_value_head_dim\": 128, " \
        "\"linear_conv_kernel_dim\": 4, \"mamba_ssm_dtype\": \"float32\", \"mtp_num_hidden_layers\": 1") \
    QWEN35(X, "Qwen/Qwen3.6-27B", 64, 5120, 17408, 24, 4, 256, 248320, 262144, SEPARATE, 0, \
        "\"linear_num_key_heads\": 16, \"linear_num_value_heads\": 48, \"linear_key_head_dim\": 128, \"linear_value_head_dim\": 128, " \
        "\"linear_conv_kernel_dim\": 4, \"mamba_ssm_dtype\": \"float32\", \"mtp_num_hidden_layers\": 1") \
    QWEN35_MOE(X, "Qwen/Qwen3.6-35B-A3B", 40, 2048, 512, 16, 2, 256, 248320, 262144, SEPARATE, 0, \
        "\"linear_num_key_heads\": 16, \"linear_num_value_heads\": 32, \"linear_key_head_dim\": 128, \"linear_value_head_dim\": 128, " \
        "\"linear_conv_kernel_dim\": 4, \"mamba_ssm_dtype\": \"float32\", \"mtp_num_hidden_layers\": 1, \"num_experts\": 256, \"num_experts_per_tok\": 8, " \
        "\"moe_intermediate_size\": 512, \"shared_expert_intermediate_size\": 512") \
    QWEN35(X, "Qwen/Qwen3.8-27B", 64, 5120, 17408, 24, 4, 256, 248320, 262144, SEPARATE, 0, \
        "\"linear_num_key_heads\": 16, \"linear_num_value_heads\": 48, \"linear_key_head_dim\": 128, \"linear_value_head_dim\": 128, " \
        "\"linear_conv_kernel_dim\": 4, \"mamba_ssm_dtype\": \"float32\", \"mtp_num_hidden_layers\": 1") \
    GLM4(X, "THUDM/GLM-4-32B-0414", 61, 6144, 23040, 48, 2, 128, 151552, 32768, SEPARATE, 0) \
    GLM4(X, "THUDM/GLM-4-9B-0414", 40, 4096, 13696, 32, 2, 128, 151552, 32768, SEPARATE, 0) \
    GLM4(X, "THUDM/GLM-Z1-32B-0414", 61, 6144, 23040, 48, 2, 128, 151552, 32768, SEPARATE, 0) \
    GLM4(X, "THUDM/GLM-Z1-9B-0414", 40, 4096, 13696, 32, 2, 128, 151552, 32768, SEPARATE, 0) \
    LLAMA(X, "TinyLlama/TinyLlama-1.1B-Chat-v1.0", 22, 2048, 5632, 32, 4, 64, 32000, 2048, SEPARATE, 1100048384) \
    MIMO(X, "XiaomiMiMo/MiMo-7B-Base", 36, 4096, 11008, 32, 8, 128, 151680, 32768, SEPARATE, 0, \
        "\"num_nextn_predict_layers\": 1") \
    MIMO(X, "XiaomiMiMo/MiMo-7B-RL", 36, 4096, 11008, 32, 8, 128, 151680, 32768, SEPARATE, 0, \
        "\"num_nextn_predict_layers\": 1") \
    JAMBA(X, "ai21labs/AI21-Jamba-1.5-Large", 72, 8192, 24576, 64, 8, 128, 65536, 262144, SEPARATE, 0, \
        "\"num_experts\": 16, \"num_experts_per_tok\": 2, \"attn_layer_period\": 8, \"attn_layer_offset\": 4, " \
        "\"expert_layer_period\": 2, \"expert_layer_offset\": 1, \"mamba_d_state\": 16, \"mamba_d_conv\": 4, \"mamba_expand\": 2, " \
        "\"mamba_dt_rank\": 512") \
    JAMBA(X, "ai21labs/AI21-Jamba-1.5-Mini", 32, 4096, 14336, 32, 8, 128, 65536, 262144, SEPARATE, 51570323328, \
        "\"num_experts\": 16, \"num_experts_per_tok\": 2, \"attn_layer_period\": 8, \"attn_layer_offset\": 4, " \
        "\"expert_layer_period\": 2, \"expert_layer_offset\": 1, \"mamba_d_state\": 16, \"mamba_d_conv\": 4, \"mamba_expand\": 2, " \
        "\"mamba_dt_rank\": 256") \
    JAMBA(X, "ai21labs/AI21-Jamba-Large-1.6", 72, 8192, 24576, 64, 8, 128, 65536, 262144, SEPARATE, 0, \
        "\"num_experts\": 16, \"num_experts_per_tok\": 2, \"attn_layer_period\": 8, \"attn_layer_offset\": 4, " \
        "\"expert_layer_period\": 2, \"expert_layer_offset\": 1, \"mamba_d_state\": 16, \"mamba_d_conv\": 4, \"mamba_expand\": 2, " \
        "\"mamba_dt_rank\": 512") \
    JAMBA(X, "ai21labs/AI21-Jamba-Large-1.7", 72, 8192, 24576, 64, 8, 128, 65536, 262144, SEPARATE, 0, \
        "\"num_experts\": 16, \"num_experts_per_tok\": 2, \"attn_layer_period\": 8, \"attn_layer_offset\": 4, " \
        "\"expert_layer_period\": 2, \"expert_layer_offset\": 1, \"mamba_d_state\": 16, \"mamba_d_conv\": 4, \"mamba_expand\": 2, " \
        "\"mamba_dt_rank\": 512") \
    JAMBA(X, "ai21labs/AI21-Jamba-Mini-1.6", 32, 4096, 14336, 32, 8, 128, 65536, 262144, SEPARATE, 51570323328, \
        "\"num_experts\": 16, \"num_experts_per_tok\": 2, \"attn_layer_period\": 8, \"attn_layer_offset\": 4, " \
        "\"expert_layer_period\": 2, \"expert_layer_offset\": 1, \"mamba_d_state\": 16, \"mamba_d_conv\": 4, \"mamba_expand\": 2, " \
        "\"mamba_dt_rank\": 256") \
    JAMBA(X, "ai21labs/AI21-Jamba-Mini-1.7", 32, 4096, 14336, 32, 8, 128, 65536, 262144, SEPARATE, 51570323328, \
        "\"num_experts\": 16, \"num_experts_per_tok\": 2, \"attn_layer_period\": 8, \"attn_layer_offset\": 4, " \
        "\"expert_layer_period\": 2, \"expert_layer_offset\": 1, \"mamba_d_state\": 16, \"mamba_d_conv\": 4, \"mamba_expand\": 2, " \
        "\"mamba_dt_rank\": 256") \
    OLMO2(X, "allenai/OLMo-2-0325-32B-Instruct", 64, 5120, 27648, 40, 8, 128, 100352, 4096, SEPARATE, 0) \
    OLMO2(X, "allenai/OLMo-2-0425-1B-Instruct", 16, 2048, 8192, 16, 16, 128, 100352, 4096, SEPARATE, 0) \
    OLMO2(X, "allenai/OLMo-2-1124-13B-Instruct", 40, 5120, 13824, 40, 40, 128, 100352, 4096, SEPARATE, 0) \
    OLMO2(X, "allenai/OLMo-2-1124-7B-Instruct", 32, 4096, 11008, 32, 32, 128, 100352, 4096, SEPARATE, 0) \
    OLMO3(X, "allenai/Olmo-3-32B-Think", 64, 5120, 27648, 40, 8, 128, 100278, 65536, SEPARATE, 0, "\"sliding_window\": 4096") \
    OLMO3(X, "allenai/Olmo-3-7B-Instruct", 32, 4096, 11008, 32, 32, 128, 100278, 65536, SEPARATE, 0, "\"sliding_window\": 4096") \
    OLMO3(X, "allenai/Olmo-3-7B-Think", 32, 4096, 11008, 32, 32, 128, 100278, 65536, SEPARATE, 0, "\"sliding_window\": 4096") \
    OLMO3(X, "allenai/Olmo-3.1-32B-Instruct", 64, 5120, 27648, 40, 8, 128, 100278, 65536, SEPARATE, 0, "\"sliding_window\": 4096") \
    BAICHUAN(X, "baichuan-inc/Baichuan2-13B-Chat", 40, 5120, 13696, 40, 40, 128, 125696, 4096, SEPARATE, 0) \
    BAICHUAN(X, "baichuan-inc/Baichuan2-7B-Chat", 32, 4096, 11008, 32, 32, 128, 125696, 4096, SEPARATE, 0) \
    ERNIE(X, "baidu/ERNIE-4.5-0.3B-PT", 18, 1024, 3072, 16, 2, 128, 103424, 131072, TIED, 0) \
    ERNIE_MOE(X, "baidu/ERNIE-4.5-21B-A3B-PT", 28, 2560, 12288, 20, 4, 128, 103424, 131072, TIED, 0, "\"moe_num_experts\": 64, \"moe_k\": 6, " \
        "\"moe_intermediate_size\": 1536, \"moe_num_shared_experts\": 2, \"moe_layer_start_index\": 1") \
    ERNIE_MOE(X, "baidu/ERNIE-4.5-300B-A47B-PT", 54, 8192, 28672, 64, 8, 128, 103424, 131072, SEPARATE, 0, "\"moe_num_experts\": 64, \"moe_k\": 8, " \
        "\"moe_intermediate_size\": 3584, \"moe_num_shared_experts\": 0, \"moe_layer_start_index\": 3") \
    STARCODER2(X, "bigcode/starcoder2-15b", 40, 6144, 24576, 48, 4, 128, 49152, 16384, SEPARATE, 0, \
        "\"sliding_window\": 4096") \
    LLAMA(X, "codellama/CodeLlama-13b-Instruct-hf", 40, 5120, 13824, 40, 40, 128, 32016, 16384, SEPARATE, 0) \
    LLAMA(X, "codellama/CodeLlama-34b-Instruct-hf", 48, 8192, 22016, 64, 8, 128, 32000, 16384, SEPARATE, 0) \
    LLAMA(X, "codellama/CodeLlama-7b-Instruct-hf", 32, 4096, 11008, 32, 32, 128, 32016, 16384, SEPARATE, 0) \
    DEEPSEEK_V2(X, "deepseek-ai/DeepSeek-Coder-V2-Instruct", 60, 5120, 12288, 128, 128, 192, 102400, 163840, SEPARATE, 235741434880, \
        "\"n_routed_experts\": 160, \"num_experts_per_tok\": 6, \"moe_intermediate_size\": 1536, \"n_shared_experts\": 2, " \
        "\"first_k_dense_replace\": 1, \"kv_lora_rank\": 512, \"q_lora_rank\": 1536") \
    DEEPSEEK_V2(X, "deepseek-ai/DeepSeek-Coder-V2-Lite-Base", 27, 2048, 10944, 16, 16, 192, 102400, 163840, SEPARATE, 15706484224, \
        "\"n_routed_experts\": 64, \"num_experts_per_tok\": 6, \"moe_intermediate_size\": 1408, \"n_shared_experts\": 2, " \
        "\"first_k_dense_replace\": 1, \"kv_lora_rank\": 512, \"q_lora_rank\": null") \
    DEEPSEEK_V2(X, "deepseek-ai/DeepSeek-Coder-V2-Lite-Instruct", 27, 2048, 10944, 16, 16, 192, 102400, 163840, SEPARATE, 15706484224, \
        "\"n_routed_experts\": 64, \"num_experts_per_tok\": 6, \"moe_intermediate_size\": 1408, \"n_shared_experts\": 2, \"first_k_dense_replace\": 1, " \
        "\"kv_lora_rank\": 512, \"q_lora_rank\": null") \
    DEEPSEEK_V3(X, "deepseek-ai/DeepSeek-R1", 61, 7168, 18432, 128, 128, 192, 129280, 163840, SEPARATE, 671026419200, \
        "\"n_routed_experts\": 256, \"num_experts_per_tok\": 8, \"moe_intermediate_size\": 2048, \"n_shared_experts\": 1, \"first_k_dense_replace\": 3, " \
        "\"kv_lora_rank\": 512, \"q_lora_rank\": 1536, \"qk_rope_head_dim\": 64, \"qk_nope_head_dim\": 128, \"v_head_dim\": 128, " \
        "\"quantization_config\": {\"quant_method\": \"fp8\", \"weight_block_size\": [128, 128]}") \
    DEEPSEEK_V3(X, "deepseek-ai/DeepSeek-R1-0528", 61, 7168, 18432, 128, 128, 192, 129280, 163840, SEPARATE, 671026419200, \
        "\"n_routed_experts\": 256, \"num_experts_per_tok\": 8, \"moe_intermediate_size\": 2048, \"n_shared_experts\": 1, \"first_k_dense_replace\": 3, " \
        "\"kv_lora_rank\": 512, \"q_lora_rank\": 1536, \"qk_rope_head_dim\": 64, \"qk_nope_head_dim\": 128, \"v_head_dim\": 128, " \
        "\"quantization_config\": {\"quant_method\": \"fp8\", \"weight_block_size\": [128, 128]}") \
    QWEN3(X, "deepseek-ai/DeepSeek-R1-0528-Qwen3-8B", 36, 4096, 12288, 32, 8, 128, 151936, 131072, SEPARATE, 8190735360) \
    LLAMA(X, "deepseek-ai/DeepSeek-R1-Distill-Llama-70B", 80, 8192, 28672, 64, 8, 128, 128256, 131072, SEPARATE, 70553706496) \
    LLAMA(X, "deepseek-ai/DeepSeek-R1-Distill-Llama-8B", 32, 4096, 14336, 32, 8, 128, 128256, 131072, SEPARATE, 8030261248) \
    QWEN2(X, "deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B", 28, 1536, 8960, 12, 2, 128, 151936, 131072, SEPARATE, 1777088000) \
    QWEN2(X, "deepseek-ai/DeepSeek-R1-Distill-Qwen-14B", 48, 5120, 13824, 40, 8, 128, 152064, 131072, SEPARATE, 14770033664) \
    QWEN2(X, "deepseek-ai/DeepSeek-R1-Distill-Qwen-32B", 64, 5120, 27648, 40, 8, 128, 152064, 131072, SEPARATE, 32763876352) \
    QWEN2(X, "deepseek-ai/DeepSeek-R1-Distill-Qwen-7B", 28, 3584, 18944, 28, 4, 128, 152064, 131072, SEPARATE, 7615616512) \
    DEEPSEEK_V3(X, "deepseek-ai/DeepSeek-R1-Zero", 61, 7168, 18432, 128, 128, 192, 129280, 163840, SEPARATE, 671026419200, \
        "\"n_routed_experts\": 256, \"num_experts_per_tok\": 8, \"moe_intermediate_size\": 2048, \"n_shared_experts\": 1, \"first_k_dense_replace\": 3, \"kv_lora_rank\": 512, \"q_lora_rank\": 1536, " \
        "\"qk_rope_head_dim\": 64, \"qk_nope_head_dim\": 128, \"v_head_dim\": 128, \"quantization_config\": {\"quant_method\": \"fp8\", \"weight_block_size\": [128, 128]}") \
    DEEPSEEK_V2(X, "deepseek-ai/DeepSeek-V2-Chat", 60, 5120, 12288, 128, 128, 192, 102400, 163840, SEPARATE, 235741434880, \
        "\"n_routed_experts\": 160, \"num_experts_per_tok\": 6, \"moe_intermediate_size\": 1536, \"n_shared_experts\": 2, " \
        "\"first_k_dense_replace\": 1, \"kv_lora_rank\": 512, \"q_lora_rank\": 1536") \
    DEEPSEEK_V2(X, "deepseek-ai/DeepSeek-V2-Lite", 27, 2048, 10944, 16, 16, 192, 102400, 163840, SEPARATE, 15706484224, \
        "\"n_routed_experts\": 64, \"num_experts_per_tok\": 6, \"moe_intermediate_size\": 1408, \"n_shared_experts\": 2, " \
        "\"first_k_dense_replace\": 1, \"kv_lora_rank\": 512, \"q_lora_rank\": null") \
    DEEPSEEK_V2(X, "deepseek-ai/DeepSeek-V2-Lite-Chat", 27, 2048, 10944, 16, 16, 192, 102400, 163840, SEPARATE, 15706484224, \
        "\"n_routed_experts\": 64, \"num_experts_per_tok\": 6, \"moe_intermediate_size\": 1408, \"n_shared_experts\": 2, \"first_k_dense_replace\": 1, " \
        "\"kv_lora_rank\": 512, \"q_lora_rank\": null") \
    DEEPSEEK_V2(X, "deepseek-ai/DeepSeek-V2.5", 60, 5120, 12288, 128, 128, 192, 102400, 163840, SEPARATE, 235741434880, \
        "\"n_routed_experts\": 160, \"num_experts_per_tok\": 6, \"moe_intermediate_size\": 1536, \"n_shared_experts\": 2, " \
        "\"first_k_dense_replace\": 1, \"kv_lora_rank\": 512, \"q_lora_rank\": 1536") \
    DEEPSEEK_V3(X, "deepseek-ai/DeepSeek-V3", 61, 7168, 18432, 128, 128, 192, 129280, 163840, SEPARATE, 671026419200, \
        "\"n_routed_experts\": 256, \"num_experts_per_tok\": 8, \"moe_intermediate_size\": 2048, \"n_shared_experts\": 1, \"first_k_dense_replace\": 3, " \
        "\"kv_lora_rank\": 512, \"q_lora_rank\": 1536, \"qk_rope_head_dim\": 64, \"qk_nope_head_dim\": 128, \"v_head_dim\": 128, " \
        "\"quantization_config\": {\"quant_method\": \"fp8\", \"weight_block_size\": [128, 128]}") \
    DEEPSEEK_V3(X, "deepseek-ai/DeepSeek-V3-0324", 61, 7168, 18432, 128, 128, 192, 129280, 163840, SEPARATE, 671026419200, \
        "\"n_routed_experts\": 256, \"num_experts_per_tok\": 8, \"moe_intermediate_size\": 2048, \"n_shared_experts\": 1, \"first_k_dense_replace\": 3, " \
        "\"kv_lora_rank\": 512, \"q_lora_rank\": 1536, \"qk_rope_head_dim\": 64, \"qk_nope_head_dim\": 128, \"v_head_dim\": 128, " \
        "\"quantization_config\": {\"quant_method\": \"fp8\", \"weight_block_size\": [128, 128]}") \
    DEEPSEEK_V3(X, "deepseek-ai/DeepSeek-V3.1", 61, 7168, 18432, 128, 128, 192, 129280, 163840, SEPARATE, 671026419200, \
        "\"n_routed_experts\": 256, \"num_experts_per_tok\": 8, \"moe_intermediate_size\": 2048, \"n_shared_experts\": 1, " \
        "\"first_k_dense_replace\": 3, \"kv_lora_rank\": 512, \"q_lora_rank\": 1536, \"qk_rope_head_dim\": 64, \"qk_nope_head_dim\": 128, " \
        "\"v_head_dim\": 128, \"quantization_config\": {\"quant_method\": \"fp8\", \"weight_block_size\": [128, 128]}") \
    DEEPSEEK_V3(X, "deepseek-ai/DeepSeek-V3.1-Terminus", 61, 7168, 18432, 128, 128, 192, 129280, 163840, SEPARATE, 671026419200, \
        "\"n_routed_experts\": 256, \"num_experts_per_tok\": 8, \"moe_intermediate_size\": 2048, \"n_shared_experts\": 1, " \
        "\"first_k_dense_replace\": 3, \"kv_lora_rank\": 512, \"q_lora_rank\": 1536, \"qk_rope_head_dim\": 64, \"qk_nope_head_dim\": 128, " \
        "\"v_head_dim\": 128, \"quantization_config\": {\"quant_method\": \"fp8\", \"weight_block_size\": [128, 128]}") \
    DEEPSEEK_V32(X, "deepseek-ai/DeepSeek-V3.2", 61, 7168, 18432, 128, 128, 192, 129280, 163840, SEPARATE, 0, \
        "\"index_head_dim\": 128, \"num_nextn_predict_layers\": 1, \"n_routed_experts\": 256, \"num_experts_per_tok\": 8, " \
        "\"moe_intermediate_size\": 2048, \"n_shared_experts\": 1, \"first_k_dense_replace\": 3, \"kv_lora_rank\": 512, \"q_lora_rank\": " \
        "1536, \"qk_rope_head_dim\": 64, \"qk_nope_head_dim\": 128, \"v_head_dim\": 128, \"quantization_config\": {\"quant_method\": " \
        "\"fp8\", \"weight_block_size\": [128, 128]}") \
    DEEPSEEK_V32(X, "deepseek-ai/DeepSeek-V3.2-Exp", 61, 7168, 18432, 128, 128, 192, 129280, 163840, SEPARATE, 0, \
        "\"index_head_dim\": 128, \"num_nextn_predict_layers\": 1, \"n_routed_experts\": 256, \"num_experts_per_tok\": 8, " \
        "\"moe_intermediate_size\": 2048, \"n_shared_experts\": 1, \"first_k_dense_replace\": 3, \"kv_lora_rank\": 512, \"q_lora_rank\": " \
        "1536, \"qk_rope_head_dim\": 64, \"qk_nope_head_dim\": 128, \"v_head_dim\": 128, \"quantization_config\": {\"quant_method\": " \
        "\"fp8\", \"weight_block_size\": [128, 128]}") \
    DEEPSEEK_V32(X, "deepseek-ai/DeepSeek-V3.2-Speciale", 61, 7168, 18432, 128, 128, 192, 129280, 163840, SEPARATE, 0, \
        "\"index_head_dim\": 128, \"num_nextn_predict_layers\": 1, \"n_routed_experts\": 256, \"num_experts_per_tok\": 8, \"moe_intermediate_size\": 2048, \"n_shared_experts\": 1, \"first_k_dense_replace\": 3, " \
        "\"kv_lora_rank\": 512, \"q_lora_rank\": 1536, \"qk_rope_head_dim\": 64, \"qk_nope_head_dim\": 128, \"v_head_dim\": 128, \"quantization_config\": {\"quant_method\": \"fp8\", \"weight_block_size\": [128, 128]}") \
    DEEPSEEK_V4(X, "deepseek-ai/DeepSeek-V4-Flash", 43, 4096, 2048, 64, 1, 512, 129280, 1048576, SEPARATE, 0, \
        "\"n_routed_experts\": 256, \"num_experts_per_tok\": 6, \"moe_intermediate_size\": 2048, \"n_shared_experts\": 1, " \
        "\"compress_ratios\": [0, 0, 4, 128, 4, 128, 4, 128, 4, 128, 4, 128, 4, 128, 4, 128, 4, 128, 4, 128, 4, 128, 4, 128, 4, 128, 4, " \
        "128, 4, 128, 4, 128, 4, 128, 4, 128, 4, 128, 4, 128, 4, 128, 4, 0], \"q_lora_rank\": 1024, \"o_lora_rank\": 1024, \"o_groups\": 8, " \
        "\"qk_rope_head_dim\": 64, \"index_n_heads\": 64, \"index_head_dim\": 128, \"index_topk\": 512, \"sliding_window\": 128, " \
        "\"hc_mult\": 4, \"num_hash_layers\": 3, \"num_nextn_predict_layers\": 1, \"expert_dtype\": \"fp4\", \"quantization_config\": " \
        "{\"quant_method\": \"fp8\", \"weight_block_size\": [128, 128]}") \
    DEEPSEEK_V4(X, "deepseek-ai/DeepSeek-V4-Pro", 61, 7168, 3072, 128, 1, 512, 129280, 1048576, SEPARATE, 0, \
        "\"n_routed_experts\": 384, \"num_experts_per_tok\": 6, \"moe_intermediate_size\": 3072, \"n_shared_experts\": 1, " \
        "\"compress_ratios\": [128, 128, 4, 128, 4, 128, 4, 128, 4, 128, 4, 128, 4, 128, 4, 128, 4, 128, 4, 128, 4, 128, 4, 128, 4, 128, 4, " \
        "128, 4, 128, 4, 128, 4, 128, 4, 128, 4, 128, 4, 128, 4, 128, 4, 128, 4, 128, 4, 128, 4, 128, 4, 128, 4, 128, 4, 128, 4, 128, 4, " \
        "128, 4, 0], \"q_lora_rank\": 1536, \"o_lora_rank\": 1024, \"o_groups\": 16, \"qk_rope_head_dim\": 64, \"index_n_heads\": 64, " \
        "\"index_head_dim\": 128, \"index_topk\": 1024, \"sliding_window\": 128, \"hc_mult\": 4, \"num_hash_layers\": 3, " \
        "\"num_nextn_predict_layers\": 1, \"expert_dtype\": \"fp4\", \"quantization_config\": {\"quant_method\": \"fp8\", " \
        "\"weight_block_size\": [128, 128]}") \
    LLAMA(X, "deepseek-ai/deepseek-coder-1.3b-instruct", 24, 2048, 5504, 16, 16, 128, 32256, 16384, SEPARATE, 0) \
    LLAMA(X, "deepseek-ai/deepseek-coder-33b-instruct", 62, 7168, 19200, 56, 8, 128, 32256, 16384, SEPARATE, 0) \
    LLAMA(X, "deepseek-ai/deepseek-coder-6.7b-instruct", 32, 4096, 11008, 32, 32, 128, 32256, 16384, SEPARATE, 0) \
    LLAMA(X, "deepseek-ai/deepseek-llm-67b-chat", 95, 8192, 22016, 64, 8, 128, 102400, 4096, SEPARATE, 0) \
    LLAMA(X, "deepseek-ai/deepseek-llm-7b-chat", 30, 4096, 11008, 32, 32, 128, 102400, 4096, SEPARATE, 0) \
    LLAMA(X, "deepseek-ai/deepseek-math-7b-instruct", 30, 4096, 11008, 32, 32, 128, 102400, 4096, SEPARATE, 0) \
    OPT(X, "facebook/opt-1.3b", 24, 2048, 8192, 32, 32, 64, 50272, 2048, TIED, 0) \
    OPT(X, "facebook/opt-125m", 12, 768, 3072, 12, 12, 64, 50272, 2048, TIED, 0) \
    OPT(X, "facebook/opt-13b", 40, 5120, 20480, 40, 40, 128, 50272, 2048, TIED, 0) \
    OPT(X, "facebook/opt-6.7b", 32, 4096, 16384, 32, 32, 128, 50272, 2048, TIED, 0) \
    GEMMA(X, "google/codegemma-7b-it", 28, 3072, 24576, 16, 16, 256, 256000, 8192, TIED, 8537680896) \
    GEMMA2(X, "google/gemma-2-27b-it", 46, 4608, 36864, 32, 16, 128, 256000, 8192, TIED, 27227128320, "\"sliding_window\": 4096") \
    GEMMA2(X, "google/gemma-2-2b-it", 26, 2304, 9216, 8, 4, 256, 256000, 8192, TIED, 2614341888, "\"sliding_window\": 4096") \
    GEMMA2(X, "google/gemma-2-9b-it", 42, 3584, 14336, 16, 8, 256, 256000, 8192, TIED, 9241705984, "\"sliding_window\": 4096") \
    GEMMA(X, "google/gemma-2b-it", 18, 2048, 16384, 8, 1, 256, 256000, 8192, TIED, 2506172416) \
    GEMMA3(X, "google/gemma-3-12b-it",                48, 3840, 15360, 16,  8, 256, 262208, 131072, TIED,     12187325040) \
    GEMMA3_TEXT(X, "google/gemma-3-1b-it", 26, 1152, 6912, 4, 1, 256, 262144, 32768, TIED, 999885952, "\"sliding_window\": 512") \
    GEMMA3_TEXT(X, "google/gemma-3-270m-it", 18, 640, 2048, 4, 1, 256, 262144, 32768, TIED, 268098176, "\"sliding_window\": 512") \
    GEMMA3(X, "google/gemma-3-27b-it", 62, 5376, 21504, 32, 16, 128, 262208, 131072, TIED, 27432406640) \
    GEMMA3(X, "google/gemma-3-4b-it", 34, 2560, 10240, 8, 4, 256, 262208, 131072, TIED, 4300079472) \
    GEMMA4(X, "google/gemma-4-26B-A4B", 30, 2816, 2112, 16, 8, 256, 262144, 262144, TIED, 0, \
        "\"sliding_window\": 1024, \"use_bidirectional_attention\": \"vision\", \"attention_k_eq_v\": true, \"num_global_key_value_heads\": 2, \"enable_moe_block\": true, " \
        "\"num_experts\": 128, \"top_k_experts\": 8, \"moe_intermediate_size\": 704, \"vision_config\": {\"hidden_size\": 1152, " \
        "\"intermediate_size\": 4304, \"num_hidden_layers\": 27, \"num_attention_heads\": 16, \"patch_size\": 16}, " \
        "\"hidden_size_per_layer_input\": 0, \"audio_config\": null") \
    GEMMA4(X, "google/gemma-4-26B-A4B-it", 30, 2816, 2112, 16, 8, 256, 262144, 262144, TIED, 0, \
        "\"sliding_window\": 1024, \"use_bidirectional_attention\": \"vision\", \"attention_k_eq_v\": true, \"num_global_key_value_heads\": 2, \"enable_moe_block\": true, " \
        "\"num_experts\": 128, \"top_k_experts\": 8, \"moe_intermediate_size\": 704, \"vision_config\": {\"hidden_size\": 1152, " \
        "\"intermediate_size\": 4304, \"num_hidden_layers\": 27, \"num_attention_heads\": 16, \"patch_size\": 16}, " \
        "\"hidden_size_per_layer_input\": 0, \"audio_config\": null") \
    GEMMA4(X, "google/gemma-4-31B", 60, 5376, 21504, 32, 16, 256, 262144, 262144, TIED, 0, \
        "\"sliding_window\": 1024, \"use_bidirectional_attention\": \"vision\", \"attention_k_eq_v\": true, \"num_global_key_value_heads\": 4, \"vision_config\": {\"hidden_size\": " \
        "1152, \"intermediate_size\": 4304, \"num_hidden_layers\": 27, \"num_attention_heads\": 16, \"patch_size\": 16}, " \
        "\"hidden_size_per_layer_input\": 0, \"audio_config\": null") \
    GEMMA4(X, "google/gemma-4-31B-it", 60, 5376, 21504, 32, 16, 256, 262144, 262144, TIED, 0, \
        "\"sliding_window\": 1024, \"use_bidirectional_attention\": \"vision\", \"attention_k_eq_v\": true, \"num_global_key_value_heads\": 4, \"vision_config\": {\"hidden_size\": " \
        "1152, \"intermediate_size\": 4304, \"num_hidden_layers\": 27, \"num_attention_heads\": 16, \"patch_size\": 16}, " \
        "\"hidden_size_per_layer_input\": 0, \"audio_config\": null") \
    GEMMA4(X, "google/gemma-4-E2B", 35, 1536, 6144, 8, 1, 256, 262144, 131072, TIED, 0, \
        "\"sliding_window\": 512, \"num_kv_shared_layers\": 20, \"use_double_wide_mlp\": true, \"sliding_window_pattern\": 5") \
    GEMMA4(X, "google/gemma-4-E2B-it", 35, 1536, 6144, 8, 1, 256, 262144, 131072, TIED, 0, \
        "\"sliding_window\": 512, \"num_kv_shared_layers\": 20, \"use_double_wide_mlp\": true, \"sliding_window_pattern\": 5") \
    GEMMA4(X, "google/gemma-4-E4B", 42, 2560, 10240, 8, 2, 256, 262144, 131072, TIED, 0, "\"sliding_window\": 512, \"num_kv_shared_layers\": 18") \
    GEMMA4(X, "google/gemma-4-E4B-it", 42, 2560, 10240, 8, 2, 256, 262144, 131072, TIED, 0, "\"sliding_window\": 512, \"num_kv_shared_layers\": 18") \
    GEMMA(X, "google/gemma-7b-it", 28, 3072, 24576, 16, 16, 256, 256000, 8192, TIED, 8537680896) \
    GEMMA3(X, "google/medgemma-27b-it", 62, 5376, 21504, 32, 16, 128, 262208, 131072, TIED, 0) \
    GEMMA3(X, "google/medgemma-4b-it", 34, 2560, 10240, 8, 4, 256, 262208, 131072, TIED, 0) \
    GRANITE(X, "ibm-granite/granite-3.1-2b-instruct", 40, 2048, 8192, 32, 8, 64, 49155, 131072, TIED, 0) \
    GRANITE(X, "ibm-granite/granite-3.1-8b-instruct", 40, 4096, 12800, 32, 8, 128, 49155, 131072, TIED, 0) \
    GRANITE(X, "ibm-granite/granite-3.3-8b-instruct", 40, 4096, 12800, 32, 8, 128, 49159, 131072, TIED, 0) \
    GRANITE_H(X, "ibm-granite/granite-4.0-h-small", 40, 4096, 768, 32, 8, 128, 100352, 131072, TIED, 0, \
        "\"layer_types\": [\"mamba\", \"mamba\", \"mamba\", \"mamba\", \"mamba\", \"attention\", \"mamba\", \"mamba\", \"mamba\", \"mamba\", " \
        "\"mamba\", \"mamba\", \"mamba\", \"mamba\", \"mamba\", \"attention\", \"mamba\", \"mamba\", \"mamba\", \"mamba\", \"mamba\", \"mamba\", " \
        "\"mamba\", \"mamba\", \"mamba\", \"attention\", \"mamba\", \"mamba\", \"mamba\", \"mamba\", \"mamba\", \"mamba\", \"mamba\", \"mamba\", " \
        "\"mamba\", \"attention\", \"mamba\", \"mamba\", \"mamba\", \"mamba\"], \"mamba_d_head\": 64, \"mamba_d_state\": 128, " \
        "\"mamba_n_groups\": 1, \"mamba_d_conv\": 4, \"mamba_chunk_size\": 256, \"num_local_experts\": 72, \"num_experts_per_tok\": 10, " \
        "\"shared_intermediate_size\": 1536, \"mamba_n_heads\": 128") \
    GRANITE_H(X, "ibm-granite/granite-4.0-h-tiny", 40, 1536, 512, 12, 4, 128, 100352, 131072, TIED, 0, \
        "\"layer_types\": [\"mamba\", \"mamba\", \"mamba\", \"mamba\", \"mamba\", \"attention\", \"mamba\", \"mamba\", \"mamba\", \"mamba\", " \
        "\"mamba\", \"mamba\", \"mamba\", \"mamba\", \"mamba\", \"attention\", \"mamba\", \"mamba\", \"mamba\", \"mamba\", \"mamba\", \"mamba\", " \
        "\"mamba\", \"mamba\", \"mamba\", \"attention\", \"mamba\", \"mamba\", \"mamba\", \"mamba\", \"mamba\", \"mamba\", \"mamba\", \"mamba\", " \
        "\"mamba\", \"attention\", \"mamba\", \"mamba\", \"mamba\", \"mamba\"], \"mamba_d_head\": 64, \"mamba_d_state\": 128, " \
        "\"mamba_n_groups\": 1, \"mamba_d_conv\": 4, \"mamba_chunk_size\": 256, \"num_local_experts\": 64, \"num_experts_per_tok\": 6, " \
        "\"shared_intermediate_size\": 1024, \"mamba_n_heads\": 48") \
    BAILING2(X, "inclusionAI/Ling-1T", 80, 8192, 18432, 64, 8, 128, 157184, 32768, SEPARATE, 0, "\"num_experts\": 256, \"num_experts_per_tok\": 8, " \
        "\"moe_intermediate_size\": 2048, \"num_shared_experts\": 1, \"first_k_dense_replace\": 4, \"use_qk_norm\": true") \
    BAILING2(X, "inclusionAI/Ling-flash-2.0", 32, 4096, 9216, 32, 4, 128, 157184, 32768, SEPARATE, 0, "\"num_experts\": 256, \"num_experts_per_tok\": 8, " \
        "\"moe_intermediate_size\": 1024, \"num_shared_experts\": 1, \"first_k_dense_replace\": 1, \"use_qk_norm\": true") \
    BAILING(X, "inclusionAI/Ling-lite-1.5", 28, 2048, 5632, 16, 4, 128, 126464, 32768, SEPARATE, 0, "\"num_experts\": 64, \"num_experts_per_tok\": 6, " \
        "\"moe_intermediate_size\": 1408, \"num_shared_experts\": 2") \
    BAILING2(X, "inclusionAI/Ling-mini-2.0", 20, 2048, 5120, 16, 4, 128, 157184, 32768, SEPARATE, 0, "\"num_experts\": 256, \"num_experts_per_tok\": 8, " \
        "\"moe_intermediate_size\": 512, \"num_shared_experts\": 1, \"first_k_dense_replace\": 1, \"use_qk_norm\": true") \
    INTERNLM2(X, "internlm/internlm2_5-1_8b-chat", 24, 2048, 8192, 16, 8, 128, 92544, 32768, SEPARATE, 0) \
    INTERNLM2(X, "internlm/internlm2_5-20b-chat", 48, 6144, 16384, 48, 8, 128, 92544, 32768, SEPARATE, 0) \
    INTERNLM2(X, "internlm/internlm2_5-7b-chat", 32, 4096, 14336, 32, 8, 128, 92544, 32768, SEPARATE, 7737708544) \
    INTERNLM3(X, "internlm/internlm3-8b-instruct", 48, 4096, 10240, 32, 2, 128, 128512, 32768, SEPARATE, 0) \
    MISTRAL_EMBED(X, "intfloat/e5-mistral-7b-instruct", 32, 4096, 14336, 32, 8, 128, 32000, 32768, SEPARATE, 7110660096, "\"sliding_window\": 4096") \
    LLAVA(X, "llava-hf/llava-1.5-13b-hf", 40, 5120, 13824, 40, 40, 128, 32064, 4096, SEPARATE, 0) \
    LLAVA(X, "llava-hf/llava-1.5-7b-hf", 32, 4096, 11008, 32, 32, 128, 32064, 4096, SEPARATE, 0) \
    LLAVA_NEXT(X, "llava-hf/llava-v1.6-mistral-7b-hf", 32, 4096, 14336, 32, 8, 128, 32064, 32768, SEPARATE, 0) \
    LLAMA(X, "lmsys/vicuna-13b-v1.5", 40, 5120, 13824, 40, 40, 128, 32000, 4096, SEPARATE, 13015864320) \
    LLAMA(X, "lmsys/vicuna-7b-v1.5", 32, 4096, 11008, 32, 32, 128, 32000, 4096, SEPARATE, 6738415616) \
    LLAMA(X, "meta-llama/Llama-2-13b-chat-hf", 40, 5120, 13824, 40, 40, 128, 32000, 4096, SEPARATE, 13015864320) \
    LLAMA(X, "meta-llama/Llama-2-13b-hf", 40, 5120, 13824, 40, 40, 128, 32000, 4096, SEPARATE, 13015864320) \
    LLAMA(X, "meta-llama/Llama-2-70b-chat-hf", 80, 8192, 28672, 64, 8, 128, 32000, 4096, SEPARATE, 68976648192) \
    LLAMA(X, "meta-llama/Llama-2-70b-hf", 80, 8192, 28672, 64, 8, 128, 32000, 4096, SEPARATE, 68976648192) \
    LLAMA(X, "meta-llama/Llama-2-7b-chat-hf", 32, 4096, 11008, 32, 32, 128, 32000, 4096, SEPARATE, 6738415616) \
    LLAMA(X, "meta-llama/Llama-2-7b-hf", 32, 4096, 11008, 32, 32, 128, 32000, 4096, SEPARATE, 6738415616) \
    LLAMA(X, "meta-llama/Llama-3.1-405B", 126, 16384, 53248, 128, 8, 128, 128256, 131072, SEPARATE, 0) \
    LLAMA(X, "meta-llama/Llama-3.1-405B-Instruct", 126, 16384, 53248, 128, 8, 128, 128256, 131072, SEPARATE, 0) \
    LLAMA(X, "meta-llama/Llama-3.1-70B",              80, 8192, 28672, 64,  8, 128, 128256, 131072, SEPARATE, 70553706496) \
    LLAMA(X, "meta-llama/Llama-3.1-70B-Instruct",     80, 8192, 28672, 64,  8, 128, 128256, 131072, SEPARATE, 70553706496) \
    LLAMA(X, "meta-llama/Llama-3.1-8B",               32, 4096, 14336, 32,  8, 128, 128256, 131072, SEPARATE,  8030261248) \
    LLAMA(X, "meta-llama/Llama-3.1-8B-Instruct",      32, 4096, 14336, 32,  8, 128, 128256, 131072, SEPARATE,  8030261248) \
    MLLAMA(X, "meta-llama/Llama-3.2-11B-Vision-Instruct", 40, 4096, 14336, 32, 8, 128, 128256, 131072, SEPARATE, 0, "\"cross_attention_layers\": [3, 8, " \
        "13, 18, 23, 28, 33, 38]") \
    LLAMA(X, "meta-llama/Llama-3.2-1B",               16, 2048,  8192, 32,  8,  64, 128256, 131072, TIED,      1235814400) \
    LLAMA(X, "meta-llama/Llama-3.2-1B-Instruct",      16, 2048,  8192, 32,  8,  64, 128256, 131072, TIED,      1235814400) \
    LLAMA(X, "meta-llama/Llama-3.2-3B",               28, 3072,  8192, 24,  8, 128, 128256, 131072, TIED,      3212749824) \
    LLAMA(X, "meta-llama/Llama-3.2-3B-Instruct",      28, 3072,  8192, 24,  8, 128, 128256, 131072, TIED,      3212749824) \
    MLLAMA(X, "meta-llama/Llama-3.2-90B-Vision-Instruct", 100, 8192, 28672, 64, 8, 128, 128256, 131072, SEPARATE, 0, "\"cross_attention_layers\": [3, 8, " \
        "13, 18, 23, 28, 33, 38, 43, 48, 53, 58, 63, 68, 73, 78, 83, 88, 93, 98]") \
    LLAMA(X, "meta-llama/Llama-3.3-70B-Instruct",     80, 8192, 28672, 64,  8, 128, 128256, 131072, SEPARATE, 70553706496) \
    LLAMA4(X, "meta-llama/Llama-4-Maverick-17B-128E-Instruct", 48, 5120, 8192, 40, 8, 128, 202048, 1048576, SEPARATE, 0, \
        "\"attention_chunk_size\": 8192, \"interleave_moe_layer_step\": 2, \"intermediate_size_mlp\": 16384, " \
        "\"num_experts_per_tok\": 1, \"num_local_experts\": 128, \"vision_config\": {\"num_hidden_layers\": 34, \"hidden_size\": 1408, " \
        "\"intermediate_size\": 5632, \"num_attention_heads\": 16, \"patch_size\": 14}") \
    LLAMA4(X, "meta-llama/Llama-4-Scout-17B-16E-Instruct", 48, 5120, 8192, 40, 8, 128, 202048, 10485760, SEPARATE, 0, \
        "\"attention_chunk_size\": 8192, \"interleave_moe_layer_step\": 1, \"intermediate_size_mlp\": 16384, " \
        "\"num_experts_per_tok\": 1, \"num_local_experts\": 16, \"vision_config\": {\"num_hidden_layers\": 34, \"hidden_size\": 1408, " \
        "\"intermediate_size\": 5632, \"num_attention_heads\": 16, \"patch_size\": 14}") \
    LLAMA(X, "meta-llama/Llama-Guard-3-1B", 16, 2048, 8192, 32, 8, 64, 128256, 131072, TIED, 1235814400) \
    LLAMA(X, "meta-llama/Llama-Guard-3-8B", 32, 4096, 14336, 32, 8, 128, 128256, 131072, SEPARATE, 0) \
    LLAMA(X, "meta-llama/Meta-Llama-3-70B", 80, 8192, 28672, 64, 8, 128, 128256, 8192, SEPARATE, 70553706496) \
    LLAMA(X, "meta-llama/Meta-Llama-3-70B-Instruct", 80, 8192, 28672, 64, 8, 128, 128256, 8192, SEPARATE, 70553706496) \
    LLAMA(X, "meta-llama/Meta-Llama-3-8B", 32, 4096, 14336, 32, 8, 128, 128256, 8192, SEPARATE, 8030261248) \
    LLAMA(X, "meta-llama/Meta-Llama-3-8B-Instruct", 32, 4096, 14336, 32, 8, 128, 128256, 8192, SEPARATE, 8030261248) \
    PHI3(X, "microsoft/Phi-3-medium-128k-instruct", 40, 5120, 17920, 40, 10, 128, 32064, 131072, SEPARATE, 13960238080) \
    PHI3(X, "microsoft/Phi-3-medium-4k-instruct", 40, 5120, 17920, 40, 10, 128, 32064, 4096, SEPARATE, 13960238080) \
    PHI3(X, "microsoft/Phi-3-mini-128k-instruct", 32, 3072, 8192, 32, 32, 96, 32064, 131072, SEPARATE, 3821079552) \
    PHI3(X, "microsoft/Phi-3-mini-4k-instruct", 32, 3072, 8192, 32, 32, 96, 32064, 4096, SEPARATE, 3821079552) \
    PHIMOE(X, "microsoft/Phi-3.5-MoE-instruct", 32, 4096, 6400, 32, 8, 128, 32064, 131072, SEPARATE, 0, \
        "\"num_local_experts\": 16, \"num_experts_per_tok\": 2, \"attention_bias\": true") \
    PHI3(X, "microsoft/Phi-3.5-mini-instruct", 32, 3072, 8192, 32, 32, 96, 32064, 131072, SEPARATE, 3821079552) \
    PHI3V(X, "microsoft/Phi-3.5-vision-instruct", 32, 3072, 8192, 32, 32, 96, 32064, 131072, SEPARATE, 0) \
    PHI3(X, "microsoft/Phi-4-mini-instruct", 32, 3072, 8192, 24, 8, 128, 200064, 131072, TIED, 3836021760, "\"partial_rotary_factor\": 0.75") \
    PHI3(X, "microsoft/Phi-4-mini-reasoning", 32, 3072, 8192, 24, 8, 128, 200064, 131072, TIED, 3836021760, "\"partial_rotary_factor\": 0.75") \
    PHI3(X, "microsoft/Phi-4-reasoning", 40, 5120, 17920, 40, 10, 128, 100352, 32768, SEPARATE, 14659507200) \
    PHI3(X, "microsoft/Phi-4-reasoning-plus", 40, 5120, 17920, 40, 10, 128, 100352, 32768, SEPARATE, 14659507200) \
    PHI3(X, "microsoft/phi-4", 40, 5120, 17920, 40, 10, 128, 100352, 16384, SEPARATE, 14659507200) \
    PIXTRAL(X, "mistral-community/pixtral-12b", 40, 5120, 14336, 32, 8, 128, 131072, 131072, SEPARATE, 0) \
    MISTRAL(X, "mistralai/Codestral-22B-v0.1", 56, 6144, 16384, 48, 8, 128, 32768, 32768, SEPARATE, 0) \
    MISTRAL(X, "mistralai/Devstral-Small-2505", 40, 5120, 32768, 32, 8, 128, 131072, 131072, SEPARATE, 23572403200) \
    MISTRAL(X, "mistralai/Devstral-Small-2507", 40, 5120, 32768, 32, 8, 128, 131072, 131072, SEPARATE, 23572403200) \
    MISTRAL(X, "mistralai/Magistral-Small-2506", 40, 5120, 32768, 32, 8, 128, 131072, 40960, SEPARATE, 23572403200) \
    MISTRAL(X, "mistralai/Magistral-Small-2507", 40, 5120, 32768, 32, 8, 128, 131072, 40960, SEPARATE, 23572403200) \
    MISTRAL3(X, "mistralai/Magistral-Small-2509", 40, 5120, 32768, 32, 8, 128, 131072, 131072, SEPARATE, 0) \
    MISTRAL(X, "mistralai/Mathstral-7B-v0.1", 32, 4096, 14336, 32, 8, 128, 32768, 32768, SEPARATE, 7248023552) \
    MISTRAL3(X, "mistralai/Ministral-3-14B-Instruct-2512", 40, 5120, 16384, 32, 8, 128, 131072, 262144, SEPARATE, 0, \
        "\"quantization_config\": {\"quant_method\": \"fp8\", \"activation_scheme\": \"static\", \"modules_to_not_convert\": " \
        "[\"vision_tower\", \"multi_modal_projector\", \"lm_head\"]}") \
    MISTRAL3(X, "mistralai/Ministral-3-14B-Reasoning-2512", 40, 5120, 16384, 32, 8, 128, 131072, 262144, SEPARATE, 0) \
    MISTRAL3(X, "mistralai/Ministral-3-3B-Instruct-2512", 26, 3072, 9216, 32, 8, 128, 131072, 262144, TIED, 0, \
        "\"quantization_config\": {\"quant_method\": \"fp8\", \"activation_scheme\": \"static\", \"modules_to_not_convert\": " \
        "[\"vision_tower\", \"multi_modal_projector\", \"lm_head\"]}") \
    MISTRAL3(X, "mistralai/Ministral-3-3B-Reasoning-2512", 26, 3072, 9216, 32, 8, 128, 131072, 262144, TIED, 0) \
    MISTRAL3(X, "mistralai/Ministral-3-8B-Instruct-2512", 34, 4096, 14336, 32, 8, 128, 131072, 262144, SEPARATE, 0, \
        "\"quantization_config\": {\"quant_method\": \"fp8\", \"activation_scheme\": \"static\", \"modules_to_not_convert\": " \
        "[\"vision_tower\", \"multi_modal_projector\", \"lm_head\"]}") \
    MISTRAL3(X, "mistralai/Ministral-3-8B-Reasoning-2512", 34, 4096, 14336, 32, 8, 128, 131072, 262144, SEPARATE, 0) \
    MISTRAL(X, "mistralai/Ministral-8B-Instruct-2410", 36, 4096, 12288, 32, 8, 128, 131072, 32768, SEPARATE, 0) \
    MISTRAL(X, "mistralai/Mistral-7B-Instruct-v0.1", 32, 4096, 14336, 32, 8, 128, 32000, 32768, SEPARATE, 7241732096, "\"sliding_window\": 4096") \
    MISTRAL(X, "mistralai/Mistral-7B-Instruct-v0.2", 32, 4096, 14336, 32, 8, 128, 32000, 32768, SEPARATE, 7241732096) \
    MISTRAL(X, "mistralai/Mistral-7B-Instruct-v0.3",  32, 4096, 14336, 32,  8, 128,  32768,  32768, SEPARATE,  7248023552) \
    MISTRAL(X, "mistralai/Mistral-7B-v0.1", 32, 4096, 14336, 32, 8, 128, 32000, 32768, SEPARATE, 7241732096, "\"sliding_window\": 4096") \
    MISTRAL(X, "mistralai/Mistral-7B-v0.3", 32, 4096, 14336, 32, 8, 128, 32768, 32768, SEPARATE, 7248023552) \
    MISTRAL(X, "mistralai/Mistral-Large-Instruct-2407", 88, 12288, 28672, 96, 8, 128, 32768, 131072, SEPARATE, 122610069504) \
    MISTRAL(X, "mistralai/Mistral-Large-Instruct-2411", 88, 12288, 28672, 96, 8, 128, 32768, 131072, SEPARATE, 122610069504) \
    MISTRAL(X, "mistralai/Mistral-Nemo-Instruct-2407", 40, 5120, 14336, 32, 8, 128, 131072, 131072, SEPARATE, 12247782400) \
    MISTRAL(X, "mistralai/Mistral-Small-24B-Instruct-2501", 40, 5120, 32768, 32, 8, 128, 131072, 32768, SEPARATE, 23572403200) \
    MISTRAL3(X, "mistralai/Mistral-Small-3.1-24B-Instruct-2503", 40, 5120, 32768, 32, 8, 128, 131072, 131072, SEPARATE, 0) \
    MISTRAL3(X, "mistralai/Mistral-Small-3.2-24B-Instruct-2506", 40, 5120, 32768, 32, 8, 128, 131072, 131072, SEPARATE, 0) \
    MISTRAL(X, "mistralai/Mistral-Small-Instruct-2409", 56, 6144, 16384, 48, 8, 128, 32768, 32768, SEPARATE, 0) \
    MIXTRAL(X, "mistralai/Mixtral-8x22B-Instruct-v0.1", 56, 6144, 16384, 48, 8, 128, 32768, 65536, SEPARATE, 0, \
        "\"num_local_experts\": 8, \"num_experts_per_tok\": 2") \
    MIXTRAL(X, "mistralai/Mixtral-8x22B-v0.1", 56, 6144, 16384, 48, 8, 128, 32000, 65536, SEPARATE, 0, \
        "\"num_local_experts\": 8, \"num_experts_per_tok\": 2") \
    MIXTRAL(X, "mistralai/Mixtral-8x7B-Instruct-v0.1", 32, 4096, 14336, 32, 8, 128, 32000, 32768, SEPARATE, 46702792704, "\"num_local_experts\": 8, \"num_experts_per_tok\": 2") \
    MIXTRAL(X, "mistralai/Mixtral-8x7B-v0.1", 32, 4096, 14336, 32, 8, 128, 32000, 32768, SEPARATE, 46702792704, "\"num_local_experts\": 8, \"num_experts_per_tok\": 2") \
    PIXTRAL(X, "mistralai/Pixtral-12B-2409", 40, 5120, 14336, 32, 8, 128, 131072, 131072, SEPARATE, 0) \
    DEEPSEEK_V3(X, "moonshotai/Kimi-K2-Instruct", 61, 7168, 18432, 64, 64, 192, 163840, 131072, SEPARATE, 0, \
        "\"n_routed_experts\": 384, \"num_experts_per_tok\": 8, \"moe_intermediate_size\": 2048, \"n_shared_experts\": 1, " \
        "\"first_k_dense_replace\": 1, \"kv_lora_rank\": 512, \"q_lora_rank\": 1536, \"qk_rope_head_dim\": 64, \"qk_nope_head_dim\": 128, " \
        "\"v_head_dim\": 128, \"quantization_config\": {\"quant_method\": \"fp8\", \"weight_block_size\": [128, 128]}") \
    DEEPSEEK_V3(X, "moonshotai/Kimi-K2-Instruct-0905", 61, 7168, 18432, 64, 64, 192, 163840, 262144, SEPARATE, 0, \
        "\"n_routed_experts\": 384, \"num_experts_per_tok\": 8, \"moe_intermediate_size\": 2048, \"n_shared_experts\": 1, " \
        "\"first_k_dense_replace\": 1, \"kv_lora_rank\": 512, \"q_lora_rank\": 1536, \"qk_rope_head_dim\": 64, \"qk_nope_head_dim\": 128, " \
        "\"v_head_dim\": 128, \"quantization_config\": {\"quant_method\": \"fp8\", \"weight_block_size\": [128, 128]}") \
    DEEPSEEK_V3(X, "moonshotai/Kimi-K2-Thinking", 61, 7168, 18432, 64, 64, 192, 163840, 262144, SEPARATE, 0, KIMI_K25_MORE) \
    KIMI_K25(X, "moonshotai/Kimi-K2.5", 61, 7168, 18432, 64, 64, 192, 163840, 262144, SEPARATE, 0, KIMI_K25_MORE) \
    KIMI_K25(X, "moonshotai/Kimi-K2.6", 61, 7168, 18432, 64, 64, 192, 163840, 262144, SEPARATE, 0, KIMI_K25_MORE) \
    QWEN25_VL(X, "nanonets/Nanonets-OCR-s", 36, 2048, 11008, 16, 2, 128, 151936, 128000, TIED, 0, \
        "\"vision_config\": {\"depth\": 32, \"hidden_size\": 1280, \"intermediate_size\": 3420, \"num_heads\": 16, \"patch_size\": 14, " \
        "\"spatial_merge_size\": 2}") \
    LLAMA(X, "nvidia/Llama-3.1-Nemotron-70B-Instruct-HF", 80, 8192, 28672, 64, 8, 128, 128256, 131072, SEPARATE, 0) \
    LLAMA(X, "nvidia/Llama-3.1-Nemotron-Nano-8B-v1", 32, 4096, 14336, 32, 8, 128, 128256, 131072, SEPARATE, 8030261248) \
    NEMOTRON_NAS(X, "nvidia/Llama-3_3-Nemotron-Super-49B-v1", 80, 8192, 28672, 64, 8, 128, 128256, 131072, SEPARATE, 0, SUPER_49B) \
    NEMOTRON_NAS(X, "nvidia/Llama-3_3-Nemotron-Super-49B-v1_5", 80, 8192, 28672, 64, 8, 128, 128256, 131072, SEPARATE, 0, SUPER_49B) \
    MISTRAL(X, "nvidia/Mistral-NeMo-Minitron-8B-Instruct", 40, 4096, 11520, 32, 8, 128, 131072, 8192, SEPARATE, 0) \
    NEMOTRON_H(X, "nvidia/NVIDIA-Nemotron-3-Nano-30B-A3B-BF16", 52, 2688, 1856, 32, 2, 128, 131072, 262144, SEPARATE, 0, \
        "\"hybrid_override_pattern\": \"MEMEM*EMEMEM*EMEMEM*EMEMEM*EMEMEM*EMEMEMEM*EMEMEMEME\", \"mamba_num_heads\": 64, " \
        "\"n_routed_experts\": 128, \"num_experts_per_tok\": 6, \"moe_intermediate_size\": 1856, \"moe_shared_expert_intermediate_size\": " \
        "3712, \"mamba_head_dim\": 64, \"n_groups\": 8, \"ssm_state_size\": 128, \"conv_kernel\": 4, \"chunk_size\": 128, \"mamba_ssm_cache_dtype\": " \
        "\"float32\", \"n_shared_experts\": 1") \
    NEMOTRON_H(X, "nvidia/NVIDIA-Nemotron-3-Super-120B-A12B-BF16", 88, 4096, 2688, 32, 2, 128, 131072, 262144, SEPARATE, 0, \
        "\"hybrid_override_pattern\": \"MEMEMEM*EMEMEMEM*EMEMEMEM*EMEMEMEMEM*EMEMEMEMEM*EMEMEMEMEM*EMEMEMEMEM*EMEMEMEM*EMEMEMEME\", " \
        "\"mamba_num_heads\": 128, \"n_routed_experts\": 512, \"num_experts_per_tok\": 22, \"moe_intermediate_size\": 2688, " \
        "\"moe_latent_size\": 1024, \"moe_shared_expert_intermediate_size\": 5376, \"mamba_head_dim\": 64, \"n_groups\": 8, " \
        "\"ssm_state_size\": 128, \"conv_kernel\": 4, \"chunk_size\": 128, \"mamba_ssm_cache_dtype\": \"float32\", \"n_shared_experts\": 1") \
    NEMOTRON_H(X, "nvidia/NVIDIA-Nemotron-3-Ultra-550B-A55B-BF16", 108, 8192, 5120, 64, 2, 128, 131072, 262144, SEPARATE, 0, \
        "\"hybrid_override_pattern\": \"MEMEMEM*EMEMEM*EMEMEMEM*EMEMEMEM*EMEMEM*EMEMEMEM*EMEMEMEM*EMEMEM*EMEMEMEM*EMEMEMEM*EMEMEM*EMEMEMEM*EMEMEMEME\", \"mamba_num_heads\": 256, \"n_routed_experts\": 512, " \
        "\"num_experts_per_tok\": 22, \"moe_intermediate_size\": 5120, \"moe_latent_size\": 2048, \"moe_shared_expert_intermediate_size\": 10240, \"mamba_head_dim\": 64, \"n_groups\": 8, \"ssm_state_size\": 128, " \
        "\"conv_kernel\": 4, \"chunk_size\": 128, \"mamba_ssm_cache_dtype\": \"float32\", \"n_shared_experts\": 1") \
    NEMOTRON_H(X, "nvidia/NVIDIA-Nemotron-Nano-9B-v2", 56, 4480, 15680, 40, 8, 128, 131072, 131072, SEPARATE, 8888227328, \
        "\"hybrid_override_pattern\": \"M-M-M-MM-M-M-M*-M-M-M*-M-M-M-M*-M-M-M-M*-M-MM-M-M-M-M-M-\", \"mamba_num_heads\": 128, \"mamba_head_dim\": 80, " \
        "\"n_groups\": 8, \"ssm_state_size\": 128, \"conv_kernel\": 4, \"chunk_size\": 128") \
    NEMOTRON_H(X, "nvidia/Nemotron-H-56B-Base-8K", 118, 8192, 32768, 64, 8, 128, 131072, 8192, SEPARATE, 0, \
        "" \
        "\"hybrid_override_pattern\": \"M-M-M-M*-M-M-M-M-M*-M-M-M-M-M*-M-M-M-M-M*-M-M-M-M-M*-M-M-M-M-M*-M-M-M-M-M*-M-M-M-M-M*-M-M-M-M-M*-M-M-M-M-M*-M-M-M-M-M-\", " \
        "\"mamba_num_heads\": 256, \"mamba_head_dim\": 64, \"n_groups\": 8, \"ssm_state_size\": 256, \"conv_kernel\": 4, " \
        "\"chunk_size\": 128") \
    NEMOTRON_H(X, "nvidia/Nemotron-H-8B-Base-8K", 52, 4096, 21504, 32, 8, 128, 131072, 8192, SEPARATE, 0, \
        "\"hybrid_override_pattern\": \"M-M-M-M*-M-M-M-M-M*-M-M-M-M-M*-M-M-M-M-M*-M-M-M-M-M-\", \"mamba_num_heads\": 128, " \
        "\"mamba_head_dim\": 64, \"n_groups\": 8, \"ssm_state_size\": 128, \"conv_kernel\": 4, \"chunk_size\": 128") \
    QWEN2(X, "nvidia/OpenReasoning-Nemotron-32B", 64, 5120, 27648, 40, 8, 128, 152064, 131072, SEPARATE, 32763876352) \
    GPT_OSS(X, "openai/gpt-oss-120b", 36, 2880, 2880, 64, 8, 64, 201088, 131072, SEPARATE, 116829156672, \
        "\"num_local_experts\": 128, \"num_experts_per_tok\": 4, \"sliding_window\": 128, \"quantization_config\": {\"quant_method\": \"mxfp4\", " \
        "\"modules_to_not_convert\": [\"lm_head\"]}") \
    GPT_OSS(X, "openai/gpt-oss-20b", 24, 2880, 2880, 64, 8, 64, 201088, 131072, SEPARATE, 20914757184, \
        "\"num_local_experts\": 32, \"num_experts_per_tok\": 4, \"sliding_window\": 128, \"quantization_config\": {\"quant_method\": \"mxfp4\", " \
        "\"modules_to_not_convert\": [\"lm_head\"]}") \
    GPT_OSS(X, "openai/gpt-oss-safeguard-120b", 36, 2880, 2880, 64, 8, 64, 201088, 131072, SEPARATE, 116829156672, \
        "\"num_local_experts\": 128, \"num_experts_per_tok\": 4, \"sliding_window\": 128, \"quantization_config\": {\"quant_method\": \"mxfp4\", \"modules_to_not_convert\": [\"lm_head\"]}") \
    GPT_OSS(X, "openai/gpt-oss-safeguard-20b", 24, 2880, 2880, 64, 8, 64, 201088, 131072, SEPARATE, 20914757184, \
        "\"num_local_experts\": 32, \"num_experts_per_tok\": 4, \"sliding_window\": 128, \"quantization_config\": {\"quant_method\": \"mxfp4\", \"modules_to_not_convert\": [\"lm_head\"]}") \
    WHISPER(X, "openai/whisper-large-v3", 32, 1280, 5120, 20, 20, 64, 51866, 448, TIED, 0, "\"is_encoder_decoder\": true, \"encoder_layers\": 32, " \
        "\"decoder_layers\": 32, \"decoder_ffn_dim\": 5120, \"encoder_ffn_dim\": 5120, \"decoder_attention_heads\": 20, \"encoder_attention_heads\": 20, " \
        "\"max_target_positions\": 448, \"max_source_positions\": 1500") \
    WHISPER(X, "openai/whisper-large-v3-turbo", 32, 1280, 5120, 20, 20, 64, 51866, 448, TIED, 0, "\"is_encoder_decoder\": true, \"encoder_layers\": 32, " \
        "\"decoder_layers\": 4, \"decoder_ffn_dim\": 5120, \"encoder_ffn_dim\": 5120, \"decoder_attention_heads\": 20, \"encoder_attention_heads\": 20, " \
        "\"max_target_positions\": 448, \"max_source_positions\": 1500") \
    DOTS(X, "rednote-hilab/dots.ocr", 28, 1536, 8960, 12, 2, 128, 151936, 131072, SEPARATE, 0) \
    FALCON_H1(X, "tiiuae/Falcon-H1-34B-Instruct", 72, 5120, 21504, 20, 4, 128, 261120, 262144, SEPARATE, 0, \
        "\"mamba_n_groups\": 2, \"mamba_d_head\": 128, \"mamba_d_state\": 256, \"mamba_d_conv\": 4, \"mamba_chunk_size\": 256, " \
        "\"mamba_d_ssm\": 4096, \"mamba_n_heads\": 32") \
    FALCON_H1(X, "tiiuae/Falcon-H1-7B-Instruct", 44, 3072, 12288, 12, 2, 128, 130048, 262144, SEPARATE, 0, \
        "\"mamba_n_groups\": 1, \"mamba_d_head\": 128, \"mamba_d_state\": 256, \"mamba_d_conv\": 4, \"mamba_chunk_size\": 256, " \
        "\"mamba_d_ssm\": 3072, \"mamba_n_heads\": 24") \
    LLAMA(X, "tiiuae/Falcon3-10B-Instruct", 40, 3072, 23040, 12, 4, 256, 131072, 32768, SEPARATE, 0) \
    LLAMA(X, "tiiuae/Falcon3-1B-Instruct", 18, 2048, 8192, 8, 4, 256, 131072, 8192, SEPARATE, 0) \
    LLAMA(X, "tiiuae/Falcon3-3B-Instruct", 22, 3072, 9216, 12, 4, 256, 131072, 32768, SEPARATE, 0) \
    LLAMA(X, "tiiuae/Falcon3-7B-Instruct", 28, 3072, 23040, 12, 4, 256, 131072, 32768, SEPARATE, 0) \
    LLAMA(X, "upstage/SOLAR-10.7B-Instruct-v1.0", 48, 4096, 14336, 32, 8, 128, 32000, 4096, SEPARATE, 10731524096) \
    GLM4_MOE(X, "zai-org/GLM-4.5", 92, 5120, 12288, 96, 8, 128, 151552, 131072, SEPARATE, 0, \
        "\"n_routed_experts\": 160, \"num_experts_per_tok\": 8, \"moe_intermediate_size\": 1536, \"n_shared_experts\": 1, " \
        "\"first_k_dense_replace\": 3, \"attention_bias\": true, \"use_qk_norm\": true") \
    GLM4_MOE(X, "zai-org/GLM-4.5-Air", 46, 4096, 10944, 96, 8, 128, 151552, 131072, SEPARATE, 0, \
        "\"n_routed_experts\": 128, \"num_experts_per_tok\": 8, \"moe_intermediate_size\": 1408, \"n_shared_experts\": 1, " \
        "\"first_k_dense_replace\": 1, \"attention_bias\": true") \
    GLM4_MOE(X, "zai-org/GLM-4.6", 92, 5120, 12288, 96, 8, 128, 151552, 202752, SEPARATE, 0, \
        "\"n_routed_experts\": 160, \"num_experts_per_tok\": 8, \"moe_intermediate_size\": 1536, \"n_shared_experts\": 1, " \
        "\"first_k_dense_replace\": 3, \"attention_bias\": true, \"use_qk_norm\": true") \
    GLM4_MOE(X, "zai-org/GLM-4.7", 92, 5120, 12288, 96, 8, 128, 151552, 202752, SEPARATE, 0, \
        "\"n_routed_experts\": 160, \"num_experts_per_tok\": 8, \"moe_intermediate_size\": 1536, \"n_shared_experts\": 1, \"first_k_dense_replace\": 3, " \
        "\"attention_bias\": true, \"use_qk_norm\": true") \
    GLM4_LITE(X, "zai-org/GLM-4.7-Flash", 47, 2048, 10240, 20, 20, 256, 154880, 202752, SEPARATE, 0, \
        "\"n_routed_experts\": 64, \"num_experts_per_tok\": 4, \"moe_intermediate_size\": 1536, \"n_shared_experts\": 1, " \
        "\"first_k_dense_replace\": 1, \"q_lora_rank\": 768, \"kv_lora_rank\": 512, \"qk_nope_head_dim\": 192, \"qk_rope_head_dim\": 64, " \
        "\"v_head_dim\": 256") \
    GLM_DSA(X, "zai-org/GLM-5", 78, 6144, 12288, 64, 64, 256, 154880, 202752, SEPARATE, 0, \
        "\"n_routed_experts\": 256, \"num_experts_per_tok\": 8, \"moe_intermediate_size\": 2048, \"n_shared_experts\": 1, " \
        "\"first_k_dense_replace\": 3, \"q_lora_rank\": 2048, \"kv_lora_rank\": 512, \"qk_nope_head_dim\": 192, \"qk_rope_head_dim\": 64, " \
        "\"v_head_dim\": 256, \"index_head_dim\": 128, \"num_nextn_predict_layers\": 1") \
    GLM_DSA(X, "zai-org/GLM-5.1", 78, 6144, 12288, 64, 64, 256, 154880, 202752, SEPARATE, 0, \
        "\"n_routed_experts\": 256, \"num_experts_per_tok\": 8, \"moe_intermediate_size\": 2048, \"n_shared_experts\": 1, " \
        "\"first_k_dense_replace\": 3, \"q_lora_rank\": 2048, \"kv_lora_rank\": 512, \"qk_nope_head_dim\": 192, \"qk_rope_head_dim\": 64, " \
        "\"v_head_dim\": 256, \"index_head_dim\": 128, \"num_nextn_predict_layers\": 1") \
    GLM_DSA(X, "zai-org/GLM-5.2", 78, 6144, 12288, 64, 64, 256, 154880, 1048576, SEPARATE, 0, \
        "\"n_routed_experts\": 256, \"num_experts_per_tok\": 8, \"moe_intermediate_size\": 2048, \"n_shared_experts\": 1, " \
        "\"first_k_dense_replace\": 3, \"q_lora_rank\": 2048, \"kv_lora_rank\": 512, \"qk_nope_head_dim\": 192, \"qk_rope_head_dim\": 64, " \
        "\"v_head_dim\": 256, \"index_head_dim\": 128, \"num_nextn_predict_layers\": 1")

struct shape {
    const char *id, *architecture, *type;
    uint32_t layers, hidden, intermediate, heads, kv_heads, head_dim, vocab, max_position;
    enum tie tie;
    uint64_t parameters;             /* published; 0 = not known to us */
    const char *extra;               /* more keys of its config, or NULL */
};
#define ROW(id, ...) { id, __VA_ARGS__ },
#define ID(id, ...) id,
static const struct shape shapes[] = { SHAPES(ROW) };
static const char *const ids[] = { SHAPES(ID) NULL };

const char *const *bt_model_builtin(void)
{
    return ids;
}

/* The row's own keys without its quantization_config, which is the last of them. */
static const char *unquantised(struct bt_arena *a, const char *keys)
{
    const char *own = strstr(keys, "\"quantization_config\"");
    size_t n = own ? (size_t)(own - keys) : strlen(keys);
    while (own && n && (keys[n - 1] == ' ' || keys[n - 1] == ','))
        n--;
    return bt_arena_strndup(a, (struct bt_str){ keys, n });
}

bool bt_builtin_latent(const char *id)
{
    for (size_t i = 0; i < BT_LEN(shapes); i++)
        if (!strcasecmp(shapes[i].id, id))
            return shapes[i].extra && strstr(shapes[i].extra, "\"kv_lora_rank\"");
    return false;
}

const char *bt_builtin_config(struct bt_arena *a, const char *id, const char *quant, uint64_t *parameters)
{
    for (size_t i = 0; i < BT_LEN(shapes); i++) {
        const struct shape *s = &shapes[i];
        if (strcasecmp(s->id, id) != 0)
            continue;
        *parameters = quant ? 0 : s->parameters;
        const char *numbers = bt_arena_printf(a, "\"num_hidden_layers\": %u, \"hidden_size\": %u, \"intermediate_size\": %u, \"num_attention_heads\": %u, "
            "\"num_key_value_heads\": %u, \"head_dim\": %u, \"vocab_size\": %u, \"max_position_embeddings\": %u, \"tie_word_embeddings\": %s",
            s->layers, s->hidden, s->intermediate, s->heads, s->kv_heads, s->head_dim, s->vocab, s->max_position, s->tie == TIED ? "true" : "false");
        const char *extra = s->extra && quant ? unquantised(a, s->extra) : s->extra;
        if (extra && *extra)
            numbers = bt_arena_printf(a, "%s, %s", numbers, extra);
        if (quant && *quant)
            numbers = bt_arena_printf(a, "%s, \"quantization_config\": %s", numbers, quant);
        const char *head = bt_arena_printf(a, "\"architectures\": [\"%s\"], \"model_type\": \"%s\", \"torch_dtype\": \"bfloat16\"", s->architecture, s->type);
        if (!strcmp(s->type, "gemma3"))              /* a model of text and images keeps the language model's numbers one level down */
            return bt_arena_printf(a, "{%s, \"text_config\": {%s, \"sliding_window\": 1024, \"sliding_window_pattern\": 6, \"rope_scaling\": {\"rope_type\": \"linear\", \"factor\": 8.0}}}", head, numbers);
        return bt_arena_printf(a, "{%s, %s}", head, numbers);
    }
    return NULL;
}

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
#define SHAPES(X) \
    LLAMA(X, "HuggingFaceTB/SmolLM2-135M",            30,  576,  1536,  9,  3,  64,  49152,   8192, TIED,       134515008) \
    LLAMA(X, "HuggingFaceTB/SmolLM2-135M-Instruct",   30,  576,  1536,  9,  3,  64,  49152,   8192, TIED,       134515008) \
    MINIMAX_M2(X, "MiniMaxAI/MiniMax-M2.5", 62, 3072, 1536, 48, 8, 128, 200064, 196608, SEPARATE, 0, \
        "\"num_local_experts\": 256, \"num_experts_per_tok\": 8, \"quantization_config\": {\"quant_method\": \"fp8\", \"weight_block_size\": [128, 128]}") \
    QWEN2(X, "Qwen/QwQ-32B", 64, 5120, 27648, 40, 8, 128, 152064, 40960, SEPARATE, 32763876352) \
    QWEN2(X, "Qwen/Qwen1.5-7B-Chat",                  32, 4096, 11008, 32, 32, 128, 151936,  32768, SEPARATE,  7721324544) \
    QWEN2(X, "Qwen/Qwen2.5-0.5B",                     24,  896,  4864, 14,  2,  64, 151936,  32768, TIED,       494032768) \
    QWEN2(X, "Qwen/Qwen2.5-0.5B-Instruct",            24,  896,  4864, 14,  2,  64, 151936,  32768, TIED,       494032768) \
    QWEN2(X, "Qwen/Qwen2.5-1.5B",                     28, 1536,  8960, 12,  2, 128, 151936, 131072, TIED,      1543714304) \
    QWEN2(X, "Qwen/Qwen2.5-1.5B-Instruct",            28, 1536,  8960, 12,  2, 128, 151936,  32768, TIED,      1543714304) \
    QWEN2(X, "Qwen/Qwen2.5-14B",                      48, 5120, 13824, 40,  8, 128, 152064, 131072, SEPARATE, 14770033664) \
    QWEN2(X, "Qwen/Qwen2.5-14B-Instruct",             48, 5120, 13824, 40,  8, 128, 152064,  32768, SEPARATE, 14770033664) \
    QWEN2(X, "Qwen/Qwen2.5-32B",                      64, 5120, 27648, 40,  8, 128, 152064, 131072, SEPARATE, 32763876352) \
    QWEN2(X, "Qwen/Qwen2.5-32B-Instruct",             64, 5120, 27648, 40,  8, 128, 152064,  32768, SEPARATE, 32763876352) \
    QWEN2(X, "Qwen/Qwen2.5-3B",                       36, 2048, 11008, 16,  2, 128, 151936,  32768, TIED,      3085938688) \
    QWEN2(X, "Qwen/Qwen2.5-3B-Instruct",              36, 2048, 11008, 16,  2, 128, 151936,  32768, TIED,      3085938688) \
    QWEN2(X, "Qwen/Qwen2.5-72B",                      80, 8192, 29568, 64,  8, 128, 152064, 131072, SEPARATE, 72706203648) \
    QWEN2(X, "Qwen/Qwen2.5-72B-Instruct",             80, 8192, 29568, 64,  8, 128, 152064,  32768, SEPARATE, 72706203648) \
    QWEN2(X, "Qwen/Qwen2.5-7B",                       28, 3584, 18944, 28,  4, 128, 152064, 131072, SEPARATE,  7615616512) \
    QWEN2(X, "Qwen/Qwen2.5-7B-Instruct",              28, 3584, 18944, 28,  4, 128, 152064,  32768, SEPARATE,  7615616512) \
    QWEN2(X, "Qwen/Qwen2.5-Coder-14B-Instruct", 48, 5120, 13824, 40, 8, 128, 152064, 32768, SEPARATE, 14770033664) \
    QWEN2(X, "Qwen/Qwen2.5-Coder-32B-Instruct", 64, 5120, 27648, 40, 8, 128, 152064, 32768, SEPARATE, 32763876352) \
    QWEN2(X, "Qwen/Qwen2.5-Coder-7B-Instruct", 28, 3584, 18944, 28, 4, 128, 152064, 32768, SEPARATE, 7615616512) \
    QWEN25_VL(X, "Qwen/Qwen2.5-VL-3B-Instruct", 36, 2048, 11008, 16, 2, 128, 151936, 128000, TIED, 3754622976, \
        "\"vision_config\": {\"depth\": 32, \"hidden_size\": 1280, \"intermediate_size\": 3420, \"num_heads\": 16, \"patch_size\": 14, " \
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
    QWEN3_NEXT(X, "Qwen/Qwen3-Next-80B-A3B-Instruct", 48, 2048, 5120, 16, 2, 256, 151936, 262144, SEPARATE, 0, \
        "\"num_experts\": 512, \"num_experts_per_tok\": 10, \"moe_intermediate_size\": 512, \"shared_expert_intermediate_size\": 512") \
    QWEN3_NEXT(X, "Qwen/Qwen3-Next-80B-A3B-Thinking", 48, 2048, 5120, 16, 2, 256, 151936, 262144, SEPARATE, 0, \
        "\"num_experts\": 512, \"num_experts_per_tok\": 10, \"moe_intermediate_size\": 512, \"shared_expert_intermediate_size\": 512") \
    QWEN35(X, "Qwen/Qwen3.5-27B", 64, 5120, 17408, 24, 4, 256, 248320, 262144, SEPARATE, 0, \
        "\"linear_num_key_heads\": 16, \"linear_num_value_heads\": 48, \"linear_key_head_dim\": 128, \"linear_value_head_dim\": 128, " \
        "\"linear_conv_kernel_dim\": 4, \"mamba_ssm_dtype\": \"float32\", \"mtp_num_hidden_layers\": 1") \
    QWEN35_MOE(X, "Qwen/Qwen3.5-35B-A3B", 40, 2048, 512, 16, 2, 256, 248320, 262144, SEPARATE, 0, \
        "\"linear_num_key_heads\": 16, \"linear_num_value_heads\": 32, \"linear_key_head_dim\": 128, \"linear_value_head_dim\": 128, " \
        "\"linear_conv_kernel_dim\": 4, \"mamba_ssm_dtype\": \"float32\", \"mtp_num_hidden_layers\": 1, \"num_experts\": 256, \"num_experts_per_tok\": 8, " \
        "\"moe_intermediate_size\": 512, \"shared_expert_intermediate_size\": 512") \
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
    LLAMA(X, "deepseek-ai/DeepSeek-R1-Distill-Llama-70B", 80, 8192, 28672, 64, 8, 128, 128256, 131072, SEPARATE, 70553706496) \
    LLAMA(X, "deepseek-ai/DeepSeek-R1-Distill-Llama-8B", 32, 4096, 14336, 32, 8, 128, 128256, 131072, SEPARATE, 8030261248) \
    QWEN2(X, "deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B", 28, 1536, 8960, 12, 2, 128, 151936, 131072, SEPARATE, 1777088000) \
    QWEN2(X, "deepseek-ai/DeepSeek-R1-Distill-Qwen-14B", 48, 5120, 13824, 40, 8, 128, 152064, 131072, SEPARATE, 14770033664) \
    QWEN2(X, "deepseek-ai/DeepSeek-R1-Distill-Qwen-32B", 64, 5120, 27648, 40, 8, 128, 152064, 131072, SEPARATE, 32763876352) \
    QWEN2(X, "deepseek-ai/DeepSeek-R1-Distill-Qwen-7B", 28, 3584, 18944, 28, 4, 128, 152064, 131072, SEPARATE, 7615616512) \
    DEEPSEEK_V2(X, "deepseek-ai/DeepSeek-V2-Lite-Chat", 27, 2048, 10944, 16, 16, 192, 102400, 163840, SEPARATE, 15706484224, \
        "\"n_routed_experts\": 64, \"num_experts_per_tok\": 6, \"moe_intermediate_size\": 1408, \"n_shared_experts\": 2, \"first_k_dense_replace\": 1, " \
        "\"kv_lora_rank\": 512, \"q_lora_rank\": null") \
    DEEPSEEK_V3(X, "deepseek-ai/DeepSeek-V3", 61, 7168, 18432, 128, 128, 192, 129280, 163840, SEPARATE, 671026419200, \
        "\"n_routed_experts\": 256, \"num_experts_per_tok\": 8, \"moe_intermediate_size\": 2048, \"n_shared_experts\": 1, \"first_k_dense_replace\": 3, " \
        "\"kv_lora_rank\": 512, \"q_lora_rank\": 1536, \"qk_rope_head_dim\": 64, \"qk_nope_head_dim\": 128, \"v_head_dim\": 128, " \
        "\"quantization_config\": {\"quant_method\": \"fp8\", \"weight_block_size\": [128, 128]}") \
    DEEPSEEK_V3(X, "deepseek-ai/DeepSeek-V3-0324", 61, 7168, 18432, 128, 128, 192, 129280, 163840, SEPARATE, 671026419200, \
        "\"n_routed_experts\": 256, \"num_experts_per_tok\": 8, \"moe_intermediate_size\": 2048, \"n_shared_experts\": 1, \"first_k_dense_replace\": 3, " \
        "\"kv_lora_rank\": 512, \"q_lora_rank\": 1536, \"qk_rope_head_dim\": 64, \"qk_nope_head_dim\": 128, \"v_head_dim\": 128, " \
        "\"quantization_config\": {\"quant_method\": \"fp8\", \"weight_block_size\": [128, 128]}") \
    OPT(X, "facebook/opt-125m", 12, 768, 3072, 12, 12, 64, 50272, 2048, TIED, 0) \
    GEMMA2(X, "google/gemma-2-27b-it", 46, 4608, 36864, 32, 16, 128, 256000, 8192, TIED, 27227128320, "\"sliding_window\": 4096") \
    GEMMA2(X, "google/gemma-2-9b-it", 42, 3584, 14336, 16, 8, 256, 256000, 8192, TIED, 9241705984, "\"sliding_window\": 4096") \
    GEMMA3(X, "google/gemma-3-12b-it",                48, 3840, 15360, 16,  8, 256, 262208, 131072, TIED,     12187325040) \
    GEMMA3(X, "google/gemma-3-27b-it", 62, 5376, 21504, 32, 16, 128, 262208, 131072, TIED, 27432406640) \
    GEMMA3(X, "google/gemma-3-4b-it", 34, 2560, 10240, 8, 4, 256, 262208, 131072, TIED, 4300079472) \
    LLAMA(X, "meta-llama/Llama-2-13b-chat-hf", 40, 5120, 13824, 40, 40, 128, 32000, 4096, SEPARATE, 13015864320) \
    LLAMA(X, "meta-llama/Llama-2-13b-hf", 40, 5120, 13824, 40, 40, 128, 32000, 4096, SEPARATE, 13015864320) \
    LLAMA(X, "meta-llama/Llama-2-70b-chat-hf", 80, 8192, 28672, 64, 8, 128, 32000, 4096, SEPARATE, 68976648192) \
    LLAMA(X, "meta-llama/Llama-2-70b-hf", 80, 8192, 28672, 64, 8, 128, 32000, 4096, SEPARATE, 68976648192) \
    LLAMA(X, "meta-llama/Llama-2-7b-chat-hf", 32, 4096, 11008, 32, 32, 128, 32000, 4096, SEPARATE, 6738415616) \
    LLAMA(X, "meta-llama/Llama-2-7b-hf", 32, 4096, 11008, 32, 32, 128, 32000, 4096, SEPARATE, 6738415616) \
    LLAMA(X, "meta-llama/Llama-3.1-70B",              80, 8192, 28672, 64,  8, 128, 128256, 131072, SEPARATE, 70553706496) \
    LLAMA(X, "meta-llama/Llama-3.1-70B-Instruct",     80, 8192, 28672, 64,  8, 128, 128256, 131072, SEPARATE, 70553706496) \
    LLAMA(X, "meta-llama/Llama-3.1-8B",               32, 4096, 14336, 32,  8, 128, 128256, 131072, SEPARATE,  8030261248) \
    LLAMA(X, "meta-llama/Llama-3.1-8B-Instruct",      32, 4096, 14336, 32,  8, 128, 128256, 131072, SEPARATE,  8030261248) \
    LLAMA(X, "meta-llama/Llama-3.2-1B",               16, 2048,  8192, 32,  8,  64, 128256, 131072, TIED,      1235814400) \
    LLAMA(X, "meta-llama/Llama-3.2-1B-Instruct",      16, 2048,  8192, 32,  8,  64, 128256, 131072, TIED,      1235814400) \
    LLAMA(X, "meta-llama/Llama-3.2-3B",               28, 3072,  8192, 24,  8, 128, 128256, 131072, TIED,      3212749824) \
    LLAMA(X, "meta-llama/Llama-3.2-3B-Instruct",      28, 3072,  8192, 24,  8, 128, 128256, 131072, TIED,      3212749824) \
    LLAMA(X, "meta-llama/Llama-3.3-70B-Instruct",     80, 8192, 28672, 64,  8, 128, 128256, 131072, SEPARATE, 70553706496) \
    LLAMA(X, "meta-llama/Meta-Llama-3-70B", 80, 8192, 28672, 64, 8, 128, 128256, 8192, SEPARATE, 70553706496) \
    LLAMA(X, "meta-llama/Meta-Llama-3-70B-Instruct", 80, 8192, 28672, 64, 8, 128, 128256, 8192, SEPARATE, 70553706496) \
    LLAMA(X, "meta-llama/Meta-Llama-3-8B", 32, 4096, 14336, 32, 8, 128, 128256, 8192, SEPARATE, 8030261248) \
    LLAMA(X, "meta-llama/Meta-Llama-3-8B-Instruct", 32, 4096, 14336, 32, 8, 128, 128256, 8192, SEPARATE, 8030261248) \
    PHI3(X, "microsoft/phi-4", 40, 5120, 17920, 40, 10, 128, 100352, 16384, SEPARATE, 14659507200) \
    MISTRAL(X, "mistralai/Mistral-7B-Instruct-v0.1", 32, 4096, 14336, 32, 8, 128, 32000, 32768, SEPARATE, 7241732096, "\"sliding_window\": 4096") \
    MISTRAL(X, "mistralai/Mistral-7B-Instruct-v0.2", 32, 4096, 14336, 32, 8, 128, 32000, 32768, SEPARATE, 7241732096) \
    MISTRAL(X, "mistralai/Mistral-7B-Instruct-v0.3",  32, 4096, 14336, 32,  8, 128,  32768,  32768, SEPARATE,  7248023552) \
    MISTRAL(X, "mistralai/Mistral-7B-v0.1", 32, 4096, 14336, 32, 8, 128, 32000, 32768, SEPARATE, 7241732096, "\"sliding_window\": 4096") \
    MISTRAL(X, "mistralai/Mistral-7B-v0.3", 32, 4096, 14336, 32, 8, 128, 32768, 32768, SEPARATE, 7248023552) \
    MIXTRAL(X, "mistralai/Mixtral-8x7B-Instruct-v0.1", 32, 4096, 14336, 32, 8, 128, 32000, 32768, SEPARATE, 46702792704, "\"num_local_experts\": 8, \"num_experts_per_tok\": 2") \
    MIXTRAL(X, "mistralai/Mixtral-8x7B-v0.1", 32, 4096, 14336, 32, 8, 128, 32000, 32768, SEPARATE, 46702792704, "\"num_local_experts\": 8, \"num_experts_per_tok\": 2") \
    NEMOTRON_H(X, "nvidia/NVIDIA-Nemotron-Nano-9B-v2", 56, 4480, 15680, 40, 8, 128, 131072, 131072, SEPARATE, 8888227328, \
        "\"hybrid_override_pattern\": \"M-M-M-MM-M-M-M*-M-M-M*-M-M-M-M*-M-M-M-M*-M-MM-M-M-M-M-M-\", \"mamba_num_heads\": 128, \"mamba_head_dim\": 80, " \
        "\"n_groups\": 8, \"ssm_state_size\": 128, \"conv_kernel\": 4") \
    GPT_OSS(X, "openai/gpt-oss-120b", 36, 2880, 2880, 64, 8, 64, 201088, 131072, SEPARATE, 116829156672, \
        "\"num_local_experts\": 128, \"num_experts_per_tok\": 4, \"sliding_window\": 128, \"quantization_config\": {\"quant_method\": \"mxfp4\", " \
        "\"modules_to_not_convert\": [\"lm_head\"]}") \
    GPT_OSS(X, "openai/gpt-oss-20b", 24, 2880, 2880, 64, 8, 64, 201088, 131072, SEPARATE, 20914757184, \
        "\"num_local_experts\": 32, \"num_experts_per_tok\": 4, \"sliding_window\": 128, \"quantization_config\": {\"quant_method\": \"mxfp4\", " \
        "\"modules_to_not_convert\": [\"lm_head\"]}") \
    GLM4_MOE(X, "zai-org/GLM-4.7", 92, 5120, 12288, 96, 8, 128, 151552, 202752, SEPARATE, 0, \
        "\"n_routed_experts\": 160, \"num_experts_per_tok\": 8, \"moe_intermediate_size\": 1536, \"n_shared_experts\": 1, \"first_k_dense_replace\": 3, " \
        "\"attention_bias\": true, \"use_qk_norm\": true")

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

const char *bt_builtin_config(struct bt_arena *a, const char *id, uint64_t *parameters)
{
    for (size_t i = 0; i < BT_LEN(shapes); i++) {
        const struct shape *s = &shapes[i];
        if (strcmp(s->id, id) != 0)
            continue;
        *parameters = s->parameters;
        const char *numbers = bt_arena_printf(a, "\"num_hidden_layers\": %u, \"hidden_size\": %u, \"intermediate_size\": %u, \"num_attention_heads\": %u, "
            "\"num_key_value_heads\": %u, \"head_dim\": %u, \"vocab_size\": %u, \"max_position_embeddings\": %u, \"tie_word_embeddings\": %s",
            s->layers, s->hidden, s->intermediate, s->heads, s->kv_heads, s->head_dim, s->vocab, s->max_position, s->tie == TIED ? "true" : "false");
        if (s->extra)
            numbers = bt_arena_printf(a, "%s, %s", numbers, s->extra);
        const char *head = bt_arena_printf(a, "\"architectures\": [\"%s\"], \"model_type\": \"%s\", \"torch_dtype\": \"bfloat16\"", s->architecture, s->type);
        if (!strcmp(s->type, "gemma3"))              /* a model of text and images keeps the language model's numbers one level down */
            return bt_arena_printf(a, "{%s, \"text_config\": {%s, \"sliding_window\": 1024, \"sliding_window_pattern\": 6, \"rope_scaling\": {\"rope_type\": \"linear\", \"factor\": 8.0}}}", head, numbers);
        return bt_arena_printf(a, "{%s, %s}", head, numbers);
    }
    return NULL;
}

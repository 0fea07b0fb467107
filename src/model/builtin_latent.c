/* builtin_latent.c - built-in shapes: DeepSeek, Kimi, GLM, MiniMax. Columns: builtin.h. */
#include "model/builtin.h"

#define MINIMAX_M2(id, ...) { id, "MiniMaxM2ForCausalLM", "minimax_m2", __VA_ARGS__ }
#define GLM4(id, ...) { id, "Glm4ForCausalLM", "glm4", __VA_ARGS__ }
#define DEEPSEEK_V2(id, ...) { id, "DeepseekV2ForCausalLM", "deepseek_v2", __VA_ARGS__ }
#define DEEPSEEK_V3(id, ...) { id, "DeepseekV3ForCausalLM", "deepseek_v3", __VA_ARGS__ }
#define DEEPSEEK_V32(id, ...) { id, "DeepseekV32ForCausalLM", "deepseek_v32", __VA_ARGS__ }
#define DEEPSEEK_V4(id, ...) { id, "DeepseekV4ForCausalLM", "deepseek_v4", __VA_ARGS__ }
#define KIMI_K25(id, ...) { id, "KimiK25ForConditionalGeneration", "kimi_k25", __VA_ARGS__ }
#define GLM4_MOE(id, ...) { id, "Glm4MoeForCausalLM", "glm4_moe", __VA_ARGS__ }
#define GLM4_LITE(id, ...) { id, "Glm4MoeLiteForCausalLM", "glm4_moe_lite", __VA_ARGS__ }
#define GLM_DSA(id, ...) { id, "GlmMoeDsaForCausalLM", "glm_moe_dsa", __VA_ARGS__ }
#define KIMI_K25_MORE \
    "\"n_routed_experts\": 384, \"num_experts_per_tok\": 8, \"moe_intermediate_size\": 2048, \"n_shared_experts\": 1, \"first_k_dense_replace\": 1, \"kv_lora_rank\": 512, " \
    "\"q_lora_rank\": 1536, \"qk_rope_head_dim\": 64, \"qk_nope_head_dim\": 128, \"v_head_dim\": 128, \"quantization_config\": {\"quant_method\": \"compressed-tensors\", " \
    "\"format\": \"pack-quantized\", \"ignore\": [\"lm_head\", \"re:.*self_attn.*\", \"re:.*shared_expert.*\", \"re:.*layers.0.mlp.*\"], " \
    "\"config_groups\": {\"group_0\": {\"weights\": {\"num_bits\": 4, \"type\": \"int\", \"group_size\": 32, \"symmetric\": true}}}}"

const struct bt_shape_row bt_shapes_latent[] = {
    MINIMAX_M2("MiniMaxAI/MiniMax-M2", 62, 3072, 1536, 48, 8, 128, 200064, 196608, SEPARATE, 0,
        "\"num_local_experts\": 256, \"num_experts_per_tok\": 8, \"use_qk_norm\": true, \"quantization_config\": {\"quant_method\": "
        "\"fp8\", \"weight_block_size\": [128, 128]}"),
    MINIMAX_M2("MiniMaxAI/MiniMax-M2.1", 62, 3072, 1536, 48, 8, 128, 200064, 196608, SEPARATE, 0,
        "\"num_local_experts\": 256, \"num_experts_per_tok\": 8, \"use_qk_norm\": true, \"quantization_config\": {\"quant_method\": "
        "\"fp8\", \"weight_block_size\": [128, 128]}"),
    MINIMAX_M2("MiniMaxAI/MiniMax-M2.5", 62, 3072, 1536, 48, 8, 128, 200064, 196608, SEPARATE, 0,
        "\"num_local_experts\": 256, \"num_experts_per_tok\": 8, \"quantization_config\": {\"quant_method\": \"fp8\", \"weight_block_size\": [128, 128]}"),
    MINIMAX_M2("MiniMaxAI/MiniMax-M2.7", 62, 3072, 1536, 48, 8, 128, 200064, 204800, SEPARATE, 0,
        "\"num_local_experts\": 256, \"num_experts_per_tok\": 8, \"use_qk_norm\": true, \"quantization_config\": {\"quant_method\": "
        "\"fp8\", \"weight_block_size\": [128, 128]}"),
    GLM4("THUDM/GLM-4-32B-0414", 61, 6144, 23040, 48, 2, 128, 151552, 32768, SEPARATE, 0),
    GLM4("THUDM/GLM-4-9B-0414", 40, 4096, 13696, 32, 2, 128, 151552, 32768, SEPARATE, 0),
    GLM4("THUDM/GLM-Z1-32B-0414", 61, 6144, 23040, 48, 2, 128, 151552, 32768, SEPARATE, 0),
    GLM4("THUDM/GLM-Z1-9B-0414", 40, 4096, 13696, 32, 2, 128, 151552, 32768, SEPARATE, 0),
    DEEPSEEK_V2("deepseek-ai/DeepSeek-Coder-V2-Instruct", 60, 5120, 12288, 128, 128, 192, 102400, 163840, SEPARATE, 235741434880,
        "\"n_routed_experts\": 160, \"num_experts_per_tok\": 6, \"moe_intermediate_size\": 1536, \"n_shared_experts\": 2, "
        "\"first_k_dense_replace\": 1, \"kv_lora_rank\": 512, \"q_lora_rank\": 1536"),
    DEEPSEEK_V2("deepseek-ai/DeepSeek-Coder-V2-Lite-Base", 27, 2048, 10944, 16, 16, 192, 102400, 163840, SEPARATE, 15706484224,
        "\"n_routed_experts\": 64, \"num_experts_per_tok\": 6, \"moe_intermediate_size\": 1408, \"n_shared_experts\": 2, "
        "\"first_k_dense_replace\": 1, \"kv_lora_rank\": 512, \"q_lora_rank\": null"),
    DEEPSEEK_V2("deepseek-ai/DeepSeek-Coder-V2-Lite-Instruct", 27, 2048, 10944, 16, 16, 192, 102400, 163840, SEPARATE, 15706484224,
        "\"n_routed_experts\": 64, \"num_experts_per_tok\": 6, \"moe_intermediate_size\": 1408, \"n_shared_experts\": 2, \"first_k_dense_replace\": 1, "
        "\"kv_lora_rank\": 512, \"q_lora_rank\": null"),
    DEEPSEEK_V3("deepseek-ai/DeepSeek-R1", 61, 7168, 18432, 128, 128, 192, 129280, 163840, SEPARATE, 671026419200,
        "\"n_routed_experts\": 256, \"num_experts_per_tok\": 8, \"moe_intermediate_size\": 2048, \"n_shared_experts\": 1, \"first_k_dense_replace\": 3, "
        "\"kv_lora_rank\": 512, \"q_lora_rank\": 1536, \"qk_rope_head_dim\": 64, \"qk_nope_head_dim\": 128, \"v_head_dim\": 128, "
        "\"quantization_config\": {\"quant_method\": \"fp8\", \"weight_block_size\": [128, 128]}"),
    DEEPSEEK_V3("deepseek-ai/DeepSeek-R1-0528", 61, 7168, 18432, 128, 128, 192, 129280, 163840, SEPARATE, 671026419200,
        "\"n_routed_experts\": 256, \"num_experts_per_tok\": 8, \"moe_intermediate_size\": 2048, \"n_shared_experts\": 1, \"first_k_dense_replace\": 3, "
        "\"kv_lora_rank\": 512, \"q_lora_rank\": 1536, \"qk_rope_head_dim\": 64, \"qk_nope_head_dim\": 128, \"v_head_dim\": 128, "
        "\"quantization_config\": {\"quant_method\": \"fp8\", \"weight_block_size\": [128, 128]}"),
    DEEPSEEK_V3("deepseek-ai/DeepSeek-R1-Zero", 61, 7168, 18432, 128, 128, 192, 129280, 163840, SEPARATE, 671026419200,
        "\"n_routed_experts\": 256, \"num_experts_per_tok\": 8, \"moe_intermediate_size\": 2048, \"n_shared_experts\": 1, \"first_k_dense_replace\": 3, \"kv_lora_rank\": 512, \"q_lora_rank\": 1536, "
        "\"qk_rope_head_dim\": 64, \"qk_nope_head_dim\": 128, \"v_head_dim\": 128, \"quantization_config\": {\"quant_method\": \"fp8\", \"weight_block_size\": [128, 128]}"),
    DEEPSEEK_V2("deepseek-ai/DeepSeek-V2-Chat", 60, 5120, 12288, 128, 128, 192, 102400, 163840, SEPARATE, 235741434880,
        "\"n_routed_experts\": 160, \"num_experts_per_tok\": 6, \"moe_intermediate_size\": 1536, \"n_shared_experts\": 2, "
        "\"first_k_dense_replace\": 1, \"kv_lora_rank\": 512, \"q_lora_rank\": 1536"),
    DEEPSEEK_V2("deepseek-ai/DeepSeek-V2-Lite", 27, 2048, 10944, 16, 16, 192, 102400, 163840, SEPARATE, 15706484224,
        "\"n_routed_experts\": 64, \"num_experts_per_tok\": 6, \"moe_intermediate_size\": 1408, \"n_shared_experts\": 2, "
        "\"first_k_dense_replace\": 1, \"kv_lora_rank\": 512, \"q_lora_rank\": null"),
    DEEPSEEK_V2("deepseek-ai/DeepSeek-V2-Lite-Chat", 27, 2048, 10944, 16, 16, 192, 102400, 163840, SEPARATE, 15706484224,
        "\"n_routed_experts\": 64, \"num_experts_per_tok\": 6, \"moe_intermediate_size\": 1408, \"n_shared_experts\": 2, \"first_k_dense_replace\": 1, "
        "\"kv_lora_rank\": 512, \"q_lora_rank\": null"),
    DEEPSEEK_V2("deepseek-ai/DeepSeek-V2.5", 60, 5120, 12288, 128, 128, 192, 102400, 163840, SEPARATE, 235741434880,
        "\"n_routed_experts\": 160, \"num_experts_per_tok\": 6, \"moe_intermediate_size\": 1536, \"n_shared_experts\": 2, "
        "\"first_k_dense_replace\": 1, \"kv_lora_rank\": 512, \"q_lora_rank\": 1536"),
    DEEPSEEK_V3("deepseek-ai/DeepSeek-V3", 61, 7168, 18432, 128, 128, 192, 129280, 163840, SEPARATE, 671026419200,
        "\"n_routed_experts\": 256, \"num_experts_per_tok\": 8, \"moe_intermediate_size\": 2048, \"n_shared_experts\": 1, \"first_k_dense_replace\": 3, "
        "\"kv_lora_rank\": 512, \"q_lora_rank\": 1536, \"qk_rope_head_dim\": 64, \"qk_nope_head_dim\": 128, \"v_head_dim\": 128, "
        "\"quantization_config\": {\"quant_method\": \"fp8\", \"weight_block_size\": [128, 128]}"),
    DEEPSEEK_V3("deepseek-ai/DeepSeek-V3-0324", 61, 7168, 18432, 128, 128, 192, 129280, 163840, SEPARATE, 671026419200,
        "\"n_routed_experts\": 256, \"num_experts_per_tok\": 8, \"moe_intermediate_size\": 2048, \"n_shared_experts\": 1, \"first_k_dense_replace\": 3, "
        "\"kv_lora_rank\": 512, \"q_lora_rank\": 1536, \"qk_rope_head_dim\": 64, \"qk_nope_head_dim\": 128, \"v_head_dim\": 128, "
        "\"quantization_config\": {\"quant_method\": \"fp8\", \"weight_block_size\": [128, 128]}"),
    DEEPSEEK_V3("deepseek-ai/DeepSeek-V3.1", 61, 7168, 18432, 128, 128, 192, 129280, 163840, SEPARATE, 671026419200,
        "\"n_routed_experts\": 256, \"num_experts_per_tok\": 8, \"moe_intermediate_size\": 2048, \"n_shared_experts\": 1, "
        "\"first_k_dense_replace\": 3, \"kv_lora_rank\": 512, \"q_lora_rank\": 1536, \"qk_rope_head_dim\": 64, \"qk_nope_head_dim\": 128, "
        "\"v_head_dim\": 128, \"quantization_config\": {\"quant_method\": \"fp8\", \"weight_block_size\": [128, 128]}"),
    DEEPSEEK_V3("deepseek-ai/DeepSeek-V3.1-Terminus", 61, 7168, 18432, 128, 128, 192, 129280, 163840, SEPARATE, 671026419200,
        "\"n_routed_experts\": 256, \"num_experts_per_tok\": 8, \"moe_intermediate_size\": 2048, \"n_shared_experts\": 1, "
        "\"first_k_dense_replace\": 3, \"kv_lora_rank\": 512, \"q_lora_rank\": 1536, \"qk_rope_head_dim\": 64, \"qk_nope_head_dim\": 128, "
        "\"v_head_dim\": 128, \"quantization_config\": {\"quant_method\": \"fp8\", \"weight_block_size\": [128, 128]}"),
    DEEPSEEK_V32("deepseek-ai/DeepSeek-V3.2", 61, 7168, 18432, 128, 128, 192, 129280, 163840, SEPARATE, 0,
        "\"index_head_dim\": 128, \"num_nextn_predict_layers\": 1, \"n_routed_experts\": 256, \"num_experts_per_tok\": 8, "
        "\"moe_intermediate_size\": 2048, \"n_shared_experts\": 1, \"first_k_dense_replace\": 3, \"kv_lora_rank\": 512, \"q_lora_rank\": "
        "1536, \"qk_rope_head_dim\": 64, \"qk_nope_head_dim\": 128, \"v_head_dim\": 128, \"quantization_config\": {\"quant_method\": "
        "\"fp8\", \"weight_block_size\": [128, 128]}"),
    DEEPSEEK_V32("deepseek-ai/DeepSeek-V3.2-Exp", 61, 7168, 18432, 128, 128, 192, 129280, 163840, SEPARATE, 0,
        "\"index_head_dim\": 128, \"num_nextn_predict_layers\": 1, \"n_routed_experts\": 256, \"num_experts_per_tok\": 8, "
        "\"moe_intermediate_size\": 2048, \"n_shared_experts\": 1, \"first_k_dense_replace\": 3, \"kv_lora_rank\": 512, \"q_lora_rank\": "
        "1536, \"qk_rope_head_dim\": 64, \"qk_nope_head_dim\": 128, \"v_head_dim\": 128, \"quantization_config\": {\"quant_method\": "
        "\"fp8\", \"weight_block_size\": [128, 128]}"),
    DEEPSEEK_V32("deepseek-ai/DeepSeek-V3.2-Speciale", 61, 7168, 18432, 128, 128, 192, 129280, 163840, SEPARATE, 0,
        "\"index_head_dim\": 128, \"num_nextn_predict_layers\": 1, \"n_routed_experts\": 256, \"num_experts_per_tok\": 8, \"moe_intermediate_size\": 2048, \"n_shared_experts\": 1, \"first_k_dense_replace\": 3, "
        "\"kv_lora_rank\": 512, \"q_lora_rank\": 1536, \"qk_rope_head_dim\": 64, \"qk_nope_head_dim\": 128, \"v_head_dim\": 128, \"quantization_config\": {\"quant_method\": \"fp8\", \"weight_block_size\": [128, 128]}"),
    DEEPSEEK_V4("deepseek-ai/DeepSeek-V4-Flash", 43, 4096, 2048, 64, 1, 512, 129280, 1048576, SEPARATE, 0,
        "\"n_routed_experts\": 256, \"num_experts_per_tok\": 6, \"moe_intermediate_size\": 2048, \"n_shared_experts\": 1, "
        "\"compress_ratios\": [0, 0, 4, 128, 4, 128, 4, 128, 4, 128, 4, 128, 4, 128, 4, 128, 4, 128, 4, 128, 4, 128, 4, 128, 4, 128, 4, "
        "128, 4, 128, 4, 128, 4, 128, 4, 128, 4, 128, 4, 128, 4, 128, 4, 0], \"q_lora_rank\": 1024, \"o_lora_rank\": 1024, \"o_groups\": 8, "
        "\"qk_rope_head_dim\": 64, \"index_n_heads\": 64, \"index_head_dim\": 128, \"index_topk\": 512, \"sliding_window\": 128, "
        "\"hc_mult\": 4, \"num_hash_layers\": 3, \"num_nextn_predict_layers\": 1, \"expert_dtype\": \"fp4\", \"quantization_config\": "
        "{\"quant_method\": \"fp8\", \"weight_block_size\": [128, 128]}"),
    DEEPSEEK_V4("deepseek-ai/DeepSeek-V4-Pro", 61, 7168, 3072, 128, 1, 512, 129280, 1048576, SEPARATE, 0,
        "\"n_routed_experts\": 384, \"num_experts_per_tok\": 6, \"moe_intermediate_size\": 3072, \"n_shared_experts\": 1, "
        "\"compress_ratios\": [128, 128, 4, 128, 4, 128, 4, 128, 4, 128, 4, 128, 4, 128, 4, 128, 4, 128, 4, 128, 4, 128, 4, 128, 4, 128, 4, "
        "128, 4, 128, 4, 128, 4, 128, 4, 128, 4, 128, 4, 128, 4, 128, 4, 128, 4, 128, 4, 128, 4, 128, 4, 128, 4, 128, 4, 128, 4, 128, 4, "
        "128, 4, 0], \"q_lora_rank\": 1536, \"o_lora_rank\": 1024, \"o_groups\": 16, \"qk_rope_head_dim\": 64, \"index_n_heads\": 64, "
        "\"index_head_dim\": 128, \"index_topk\": 1024, \"sliding_window\": 128, \"hc_mult\": 4, \"num_hash_layers\": 3, "
        "\"num_nextn_predict_layers\": 1, \"expert_dtype\": \"fp4\", \"quantization_config\": {\"quant_method\": \"fp8\", "
        "\"weight_block_size\": [128, 128]}"),
    DEEPSEEK_V3("moonshotai/Kimi-K2-Instruct", 61, 7168, 18432, 64, 64, 192, 163840, 131072, SEPARATE, 0,
        "\"n_routed_experts\": 384, \"num_experts_per_tok\": 8, \"moe_intermediate_size\": 2048, \"n_shared_experts\": 1, "
        "\"first_k_dense_replace\": 1, \"kv_lora_rank\": 512, \"q_lora_rank\": 1536, \"qk_rope_head_dim\": 64, \"qk_nope_head_dim\": 128, "
        "\"v_head_dim\": 128, \"quantization_config\": {\"quant_method\": \"fp8\", \"weight_block_size\": [128, 128]}"),
    DEEPSEEK_V3("moonshotai/Kimi-K2-Instruct-0905", 61, 7168, 18432, 64, 64, 192, 163840, 262144, SEPARATE, 0,
        "\"n_routed_experts\": 384, \"num_experts_per_tok\": 8, \"moe_intermediate_size\": 2048, \"n_shared_experts\": 1, "
        "\"first_k_dense_replace\": 1, \"kv_lora_rank\": 512, \"q_lora_rank\": 1536, \"qk_rope_head_dim\": 64, \"qk_nope_head_dim\": 128, "
        "\"v_head_dim\": 128, \"quantization_config\": {\"quant_method\": \"fp8\", \"weight_block_size\": [128, 128]}"),
    DEEPSEEK_V3("moonshotai/Kimi-K2-Thinking", 61, 7168, 18432, 64, 64, 192, 163840, 262144, SEPARATE, 0, KIMI_K25_MORE),
    KIMI_K25("moonshotai/Kimi-K2.5", 61, 7168, 18432, 64, 64, 192, 163840, 262144, SEPARATE, 0, KIMI_K25_MORE),
    KIMI_K25("moonshotai/Kimi-K2.6", 61, 7168, 18432, 64, 64, 192, 163840, 262144, SEPARATE, 0, KIMI_K25_MORE),
    GLM4_MOE("zai-org/GLM-4.5", 92, 5120, 12288, 96, 8, 128, 151552, 131072, SEPARATE, 0,
        "\"n_routed_experts\": 160, \"num_experts_per_tok\": 8, \"moe_intermediate_size\": 1536, \"n_shared_experts\": 1, "
        "\"first_k_dense_replace\": 3, \"attention_bias\": true, \"use_qk_norm\": true"),
    GLM4_MOE("zai-org/GLM-4.5-Air", 46, 4096, 10944, 96, 8, 128, 151552, 131072, SEPARATE, 0,
        "\"n_routed_experts\": 128, \"num_experts_per_tok\": 8, \"moe_intermediate_size\": 1408, \"n_shared_experts\": 1, "
        "\"first_k_dense_replace\": 1, \"attention_bias\": true"),
    GLM4_MOE("zai-org/GLM-4.6", 92, 5120, 12288, 96, 8, 128, 151552, 202752, SEPARATE, 0,
        "\"n_routed_experts\": 160, \"num_experts_per_tok\": 8, \"moe_intermediate_size\": 1536, \"n_shared_experts\": 1, "
        "\"first_k_dense_replace\": 3, \"attention_bias\": true, \"use_qk_norm\": true"),
    GLM4_MOE("zai-org/GLM-4.7", 92, 5120, 12288, 96, 8, 128, 151552, 202752, SEPARATE, 0,
        "\"n_routed_experts\": 160, \"num_experts_per_tok\": 8, \"moe_intermediate_size\": 1536, \"n_shared_experts\": 1, \"first_k_dense_replace\": 3, "
        "\"attention_bias\": true, \"use_qk_norm\": true"),
    GLM4_LITE("zai-org/GLM-4.7-Flash", 47, 2048, 10240, 20, 20, 256, 154880, 202752, SEPARATE, 0,
        "\"n_routed_experts\": 64, \"num_experts_per_tok\": 4, \"moe_intermediate_size\": 1536, \"n_shared_experts\": 1, "
        "\"first_k_dense_replace\": 1, \"q_lora_rank\": 768, \"kv_lora_rank\": 512, \"qk_nope_head_dim\": 192, \"qk_rope_head_dim\": 64, "
        "\"v_head_dim\": 256"),
    GLM_DSA("zai-org/GLM-5", 78, 6144, 12288, 64, 64, 256, 154880, 202752, SEPARATE, 0,
        "\"n_routed_experts\": 256, \"num_experts_per_tok\": 8, \"moe_intermediate_size\": 2048, \"n_shared_experts\": 1, "
        "\"first_k_dense_replace\": 3, \"q_lora_rank\": 2048, \"kv_lora_rank\": 512, \"qk_nope_head_dim\": 192, \"qk_rope_head_dim\": 64, "
        "\"v_head_dim\": 256, \"index_head_dim\": 128, \"num_nextn_predict_layers\": 1"),
    GLM_DSA("zai-org/GLM-5.1", 78, 6144, 12288, 64, 64, 256, 154880, 202752, SEPARATE, 0,
        "\"n_routed_experts\": 256, \"num_experts_per_tok\": 8, \"moe_intermediate_size\": 2048, \"n_shared_experts\": 1, "
        "\"first_k_dense_replace\": 3, \"q_lora_rank\": 2048, \"kv_lora_rank\": 512, \"qk_nope_head_dim\": 192, \"qk_rope_head_dim\": 64, "
        "\"v_head_dim\": 256, \"index_head_dim\": 128, \"num_nextn_predict_layers\": 1"),
    GLM_DSA("zai-org/GLM-5.2", 78, 6144, 12288, 64, 64, 256, 154880, 1048576, SEPARATE, 0,
        "\"n_routed_experts\": 256, \"num_experts_per_tok\": 8, \"moe_intermediate_size\": 2048, \"n_shared_experts\": 1, "
        "\"first_k_dense_replace\": 3, \"q_lora_rank\": 2048, \"kv_lora_rank\": 512, \"qk_nope_head_dim\": 192, \"qk_rope_head_dim\": 64, "
        "\"v_head_dim\": 256, \"index_head_dim\": 128, \"num_nextn_predict_layers\": 1"),
    { .id = NULL },
};

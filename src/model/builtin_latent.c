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

#define KIMI_LINEAR(id, ...) { id, "KimiLinearForCausalLM", "kimi_linear", __VA_ARGS__ }
#define KIMI_VL(id, ...) { id, "KimiVLForConditionalGeneration", "kimi_vl", __VA_ARGS__ }
#define MINIMAX_01(id, ...) { id, "MiniMaxText01ForCausalLM", "minimax_text_01", __VA_ARGS__ }
#define MINIMAX_M1(id, ...) { id, "MiniMaxM1ForCausalLM", "minimax_m1", __VA_ARGS__ }
#define STEP3(id, ...) { id, "Step3VLForConditionalGeneration", "step3_vl", __VA_ARGS__ }
#define GLM4V(id, ...) { id, "Glm4vForConditionalGeneration", "glm4v", __VA_ARGS__ }
#define GLM4V_MOE(id, ...) { id, "Glm4vMoeForConditionalGeneration", "glm4v_moe", __VA_ARGS__ }
#define CHATGLM(id, ...) { id, "ChatGLMModel", "chatglm", __VA_ARGS__ }
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
    KIMI_LINEAR("moonshotai/Kimi-Linear-48B-A3B-Instruct", 27, 2304, 9216, 32, 32, 72, 163840, 1048576, SEPARATE, 0,
        "\"num_experts\": 256, \"num_experts_per_token\": 8, \"moe_intermediate_size\": 1024, \"num_shared_experts\": 1, \"first_k_dense_replace\": 1, \"kv_lora_rank\": 512, "
        "\"q_lora_rank\": null, \"qk_nope_head_dim\": 128, \"qk_rope_head_dim\": 64, \"v_head_dim\": 128, \"linear_attn_config\": {\"full_attn_layers\": [4, 8, 12, 16, 20, 24, 27], "
        "\"head_dim\": 128, \"num_heads\": 32, \"short_conv_kernel_size\": 4}"),
    DEEPSEEK_V3("moonshotai/Moonlight-16B-A3B-Instruct", 27, 2048, 11264, 16, 16, 128, 163840, 8192, SEPARATE, 15960111936,
        "\"n_routed_experts\": 64, \"num_experts_per_tok\": 6, \"moe_intermediate_size\": 1408, \"n_shared_experts\": 2, \"first_k_dense_replace\": 1, \"kv_lora_rank\": 512, "
        "\"q_lora_rank\": null, \"qk_nope_head_dim\": 128, \"qk_rope_head_dim\": 64, \"v_head_dim\": 128"),
    KIMI_VL("moonshotai/Kimi-VL-A3B-Instruct", 27, 2048, 11264, 16, 16, 128, 163840, 131072, SEPARATE, 0,
        "\"n_routed_experts\": 64, \"num_experts_per_tok\": 6, \"moe_intermediate_size\": 1408, \"n_shared_experts\": 2, \"first_k_dense_replace\": 1, \"kv_lora_rank\": 512, "
        "\"q_lora_rank\": null, \"qk_nope_head_dim\": 128, \"qk_rope_head_dim\": 64, \"v_head_dim\": 128, \"vision_config\": {\"num_hidden_layers\": 27, \"hidden_size\": 1152, "
        "\"intermediate_size\": 4304, \"num_attention_heads\": 16, \"patch_size\": 14}"),
    MINIMAX_01("MiniMaxAI/MiniMax-Text-01", 80, 6144, 9216, 64, 8, 128, 200064, 10240000, SEPARATE, 0,
        "\"num_local_experts\": 32, \"num_experts_per_tok\": 2, \"rotary_dim\": 64, "
        "\"attn_type_list\": [0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, "
        "0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1]"),
    MINIMAX_M1("MiniMaxAI/MiniMax-M1-40k", 80, 6144, 9216, 64, 8, 128, 200064, 10240000, SEPARATE, 0,
        "\"num_local_experts\": 32, \"num_experts_per_tok\": 2, \"rotary_dim\": 64, "
        "\"attn_type_list\": [0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, "
        "0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1]"),
    MINIMAX_M1("MiniMaxAI/MiniMax-M1-80k", 80, 6144, 9216, 64, 8, 128, 200064, 10240000, SEPARATE, 0,
        "\"num_local_experts\": 32, \"num_experts_per_tok\": 2, \"rotary_dim\": 64, "
        "\"attn_type_list\": [0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, "
        "0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1]"),
    STEP3("stepfun-ai/step3", 61, 7168, 18432, 64, 1, 256, 128815, 65536, SEPARATE, 0,
        "\"moe_num_experts\": 48, \"moe_top_k\": 3, \"moe_intermediate_size\": 5120, \"share_expert_dim\": 5120, \"share_q_dim\": 2048, "
        "\"moe_layers_enum\": \"4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31,32,33,34,35,36,37,38,39,40,41,42,43,44,45,46,47,48,49,50,51,52,53,54,55,56,57,"
        "58,59\", \"vision_config\": {\"num_hidden_layers\": 63, \"hidden_size\": 1792, \"intermediate_size\": 15360, \"num_attention_heads\": 16, \"patch_size\": 14}"),
    GLM4V("zai-org/GLM-4.1V-9B-Thinking", 40, 4096, 13696, 32, 2, 128, 151552, 65536, SEPARATE, 0,
        "\"attention_bias\": true, \"vision_config\": {\"depth\": 24, \"hidden_size\": 1536, \"intermediate_size\": 13696, \"out_hidden_size\": 4096, \"num_heads\": 12, \"patch_size\": 14, "
        "\"spatial_merge_size\": 2}"),
    GLM4V("zai-org/GLM-4.6V-Flash", 40, 4096, 13696, 32, 2, 128, 151552, 131072, SEPARATE, 0,
        "\"attention_bias\": true, \"vision_config\": {\"depth\": 24, \"hidden_size\": 1536, \"intermediate_size\": 13696, \"out_hidden_size\": 4096, \"num_heads\": 12, \"patch_size\": 14, "
        "\"spatial_merge_size\": 2}"),
    GLM4V_MOE("zai-org/GLM-4.5V", 46, 4096, 10944, 96, 8, 128, 151552, 65536, SEPARATE, 0,
        "\"n_routed_experts\": 128, \"num_experts_per_tok\": 8, \"moe_intermediate_size\": 1408, \"n_shared_experts\": 1, \"first_k_dense_replace\": 1, \"attention_bias\": true, "
        "\"vision_config\": {\"depth\": 24, \"hidden_size\": 1536, \"intermediate_size\": 10944, \"out_hidden_size\": 4096, \"num_heads\": 12, \"patch_size\": 14, \"spatial_merge_size\": 2}"),
    GLM4V_MOE("zai-org/GLM-4.6V", 46, 4096, 10944, 96, 8, 128, 151552, 131072, SEPARATE, 0,
        "\"n_routed_experts\": 128, \"num_experts_per_tok\": 8, \"moe_intermediate_size\": 1408, \"n_shared_experts\": 1, \"first_k_dense_replace\": 1, \"attention_bias\": true, "
        "\"vision_config\": {\"depth\": 24, \"hidden_size\": 1536, \"intermediate_size\": 10944, \"out_hidden_size\": 4096, \"num_heads\": 12, \"patch_size\": 14, \"spatial_merge_size\": 2}"),
    CHATGLM("zai-org/glm-4-9b-chat", 40, 4096, 13696, 32, 2, 128, 151552, 131072, SEPARATE, 9399951360),
    GLM4_MOE("cerebras/GLM-4.5-Air-REAP-82B-A12B", 46, 4096, 10944, 96, 8, 128, 151552, 131072, SEPARATE, 0,
        "\"n_routed_experts\": 96, \"num_experts_per_tok\": 8, \"moe_intermediate_size\": 1408, \"n_shared_experts\": 1, \"first_k_dense_replace\": 1, \"attention_bias\": true"),
    { .id = NULL },
};

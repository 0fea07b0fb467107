/* builtin_qwen_vl.c - built-in shapes: Qwen's models of text and images, and 3.5 and 3.6. Columns: builtin.h. */
#include "model/builtin.h"

#define QWEN25_VL(id, ...) { id, "Qwen2_5_VLForConditionalGeneration", "qwen2_5_vl", __VA_ARGS__ }
#define QWEN2_VL(id, ...) { id, "Qwen2VLForConditionalGeneration", "qwen2_vl", __VA_ARGS__ }
#define QWEN3_VL_MOE(id, ...) { id, "Qwen3VLMoeForConditionalGeneration", "qwen3_vl_moe", __VA_ARGS__ }
#define QWEN3_VL(id, ...) { id, "Qwen3VLForConditionalGeneration", "qwen3_vl", __VA_ARGS__ }
#define QWEN35_MOE(id, ...) { id, "Qwen3_5MoeForConditionalGeneration", "qwen3_5_moe", __VA_ARGS__ }
#define QWEN35(id, ...) { id, "Qwen3_5ForConditionalGeneration", "qwen3_5", __VA_ARGS__ }

#define OMNI(id, ...) { id, "Qwen2_5OmniForConditionalGeneration", "qwen2_5_omni", __VA_ARGS__ }
#define OMNI3(id, ...) { id, "Qwen3OmniMoeForConditionalGeneration", "qwen3_omni_moe", __VA_ARGS__ }
/* a language model of Qwen3 one level down, its config whole: columns of numbers stay 0 */
#define INTERNVL35(id, tower, class, more, layers, hidden, inner, heads, kv) { id, "InternVLChatModel", "internvl_chat", .extra = \
    "\"llm_config\": {\"architectures\": [\"" class "\"], \"num_hidden_layers\": " #layers ", \"hidden_size\": " #hidden ", \"intermediate_size\": " #inner ", \"num_attention_heads\": " #heads ", " \
    "\"num_key_value_heads\": " #kv ", \"head_dim\": 128, \"vocab_size\": 151936, \"max_position_embeddings\": 40960, \"tie_word_embeddings\": false" more "}, \"vision_config\": {" tower "}" }
#define VIT_300M "\"num_hidden_layers\": 24, \"hidden_size\": 1024, \"intermediate_size\": 4096, \"num_attention_heads\": 16, \"patch_size\": 14"
#define VIT_6B "\"num_hidden_layers\": 45, \"hidden_size\": 3200, \"intermediate_size\": 12800, \"num_attention_heads\": 25, \"patch_size\": 14"
#define EXPERTS_128 ", \"num_experts\": 128, \"num_experts_per_tok\": 8, \"moe_intermediate_size\": 768"
#define QWEN2_AUDIO(id) { id, "Qwen2AudioForConditionalGeneration", "qwen2_audio", .extra = "\"text_config\": {\"model_type\": \"qwen2\", \"num_hidden_layers\": 32, \"hidden_size\": 4096, " \
    "\"intermediate_size\": 11008, \"num_attention_heads\": 32, \"num_key_value_heads\": 32, \"vocab_size\": 156032, \"max_position_embeddings\": 8192}, \"audio_config\": {}" }

const struct bt_shape_row bt_shapes_qwen_vl[] = {
    QWEN25_VL("ByteDance-Seed/UI-TARS-1.5-7B", 28, 3584, 18944, 28, 4, 128, 152064, 128000, SEPARATE, 0,
        "\"vision_config\": {\"depth\": 32, \"hidden_size\": 1280, \"intermediate_size\": 3420, \"num_heads\": 16, \"patch_size\": 14, "
        "\"spatial_merge_size\": 2}"),
    QWEN2_VL("Qwen/QVQ-72B-Preview", 80, 8192, 29568, 64, 8, 128, 152064, 128000, SEPARATE, 0),
    QWEN2_VL("Qwen/Qwen2-VL-2B-Instruct", 28, 1536, 8960, 12, 2, 128, 151936, 32768, TIED, 0),
    QWEN2_VL("Qwen/Qwen2-VL-72B-Instruct", 80, 8192, 29568, 64, 8, 128, 152064, 32768, SEPARATE, 0),
    QWEN2_VL("Qwen/Qwen2-VL-7B-Instruct", 28, 3584, 18944, 28, 4, 128, 152064, 32768, SEPARATE, 0),
    QWEN25_VL("Qwen/Qwen2.5-VL-32B-Instruct", 64, 5120, 27648, 40, 8, 128, 152064, 128000, SEPARATE, 0,
        "\"vision_config\": {\"depth\": 32, \"hidden_size\": 1280, \"intermediate_size\": 3456, \"num_heads\": 16, \"patch_size\": 14, "
        "\"spatial_merge_size\": 2}"),
    QWEN25_VL("Qwen/Qwen2.5-VL-3B-Instruct", 36, 2048, 11008, 16, 2, 128, 151936, 128000, TIED, 3754622976,
        "\"vision_config\": {\"depth\": 32, \"hidden_size\": 1280, \"intermediate_size\": 3420, \"num_heads\": 16, \"patch_size\": 14, "
        "\"spatial_merge_size\": 2}"),
    QWEN25_VL("Qwen/Qwen2.5-VL-72B-Instruct", 80, 8192, 29568, 64, 8, 128, 152064, 128000, SEPARATE, 0,
        "\"vision_config\": {\"depth\": 32, \"hidden_size\": 1280, \"intermediate_size\": 3456, \"num_heads\": 16, \"patch_size\": 14, "
        "\"spatial_merge_size\": 2}"),
    QWEN25_VL("Qwen/Qwen2.5-VL-7B-Instruct", 28, 3584, 18944, 28, 4, 128, 152064, 128000, SEPARATE, 8292166656,
        "\"vision_config\": {\"depth\": 32, \"hidden_size\": 1280, \"intermediate_size\": 3420, \"num_heads\": 16, \"patch_size\": 14, "
        "\"spatial_merge_size\": 2}"),
    QWEN25_VL("scb10x/typhoon-ocr-7b", 28, 3584, 18944, 28, 4, 128, 152064, 128000, SEPARATE, 8292166656,
        "\"vision_config\": {\"depth\": 32, \"hidden_size\": 1280, \"intermediate_size\": 3420, \"num_heads\": 16, \"patch_size\": 14, "
        "\"spatial_merge_size\": 2}"),
    QWEN3_VL_MOE("Qwen/Qwen3-VL-235B-A22B-Instruct", 94, 4096, 12288, 64, 4, 128, 151936, 262144, SEPARATE, 0,
        "\"num_experts\": 128, \"num_experts_per_tok\": 8, \"moe_intermediate_size\": 1536, \"vision_config\": {\"depth\": 27, "
        "\"hidden_size\": 1152, \"intermediate_size\": 4304, \"num_heads\": 16, \"patch_size\": 16, \"spatial_merge_size\": 2, "
        "\"deepstack_visual_indexes\": [8, 16, 24]}"),
    QWEN3_VL_MOE("Qwen/Qwen3-VL-235B-A22B-Thinking", 94, 4096, 12288, 64, 4, 128, 151936, 262144, SEPARATE, 0,
        "\"num_experts\": 128, \"num_experts_per_tok\": 8, \"moe_intermediate_size\": 1536, \"vision_config\": {\"depth\": 27, "
        "\"hidden_size\": 1152, \"intermediate_size\": 4304, \"num_heads\": 16, \"patch_size\": 16, \"spatial_merge_size\": 2, "
        "\"deepstack_visual_indexes\": [8, 16, 24]}"),
    QWEN3_VL("Qwen/Qwen3-VL-2B-Instruct", 28, 2048, 6144, 16, 8, 128, 151936, 262144, TIED, 0,
        "\"vision_config\": {\"depth\": 24, \"hidden_size\": 1024, \"intermediate_size\": 4096, \"num_heads\": 16, \"patch_size\": 16, "
        "\"spatial_merge_size\": 2, \"deepstack_visual_indexes\": [5, 11, 17]}"),
    QWEN3_VL("Qwen/Qwen3-VL-2B-Thinking", 28, 2048, 6144, 16, 8, 128, 151936, 262144, TIED, 0,
        "\"vision_config\": {\"depth\": 24, \"hidden_size\": 1024, \"intermediate_size\": 4096, \"num_heads\": 16, \"patch_size\": 16, "
        "\"spatial_merge_size\": 2, \"deepstack_visual_indexes\": [5, 11, 17]}"),
    QWEN3_VL("Qwen/Qwen3-VL-Embedding-2B", 28, 2048, 6144, 16, 8, 128, 151936, 262144, TIED, 0,
        "\"vision_config\": {\"depth\": 24, \"hidden_size\": 1024, \"intermediate_size\": 4096, \"num_heads\": 16, \"patch_size\": 16, "
        "\"spatial_merge_size\": 2, \"deepstack_visual_indexes\": [5, 11, 17]}"),
    QWEN3_VL_MOE("Qwen/Qwen3-VL-30B-A3B-Instruct", 48, 2048, 6144, 32, 4, 128, 151936, 262144, SEPARATE, 0,
        "\"num_experts\": 128, \"num_experts_per_tok\": 8, \"moe_intermediate_size\": 768, \"vision_config\": {\"depth\": 27, "
        "\"hidden_size\": 1152, \"intermediate_size\": 4304, \"num_heads\": 16, \"patch_size\": 16, \"spatial_merge_size\": 2, "
        "\"deepstack_visual_indexes\": [8, 16, 24]}"),
    QWEN3_VL_MOE("Qwen/Qwen3-VL-30B-A3B-Thinking", 48, 2048, 6144, 32, 4, 128, 151936, 262144, SEPARATE, 0,
        "\"num_experts\": 128, \"num_experts_per_tok\": 8, \"moe_intermediate_size\": 768, \"vision_config\": {\"depth\": 27, "
        "\"hidden_size\": 1152, \"intermediate_size\": 4304, \"num_heads\": 16, \"patch_size\": 16, \"spatial_merge_size\": 2, "
        "\"deepstack_visual_indexes\": [8, 16, 24]}"),
    QWEN3_VL("Qwen/Qwen3-VL-32B-Instruct", 64, 5120, 25600, 64, 8, 128, 151936, 262144, SEPARATE, 0,
        "\"vision_config\": {\"depth\": 27, \"hidden_size\": 1152, \"intermediate_size\": 4304, \"num_heads\": 16, \"patch_size\": 16, "
        "\"spatial_merge_size\": 2, \"deepstack_visual_indexes\": [8, 16, 24]}"),
    QWEN3_VL("Qwen/Qwen3-VL-32B-Thinking", 64, 5120, 25600, 64, 8, 128, 151936, 262144, SEPARATE, 0,
        "\"vision_config\": {\"depth\": 27, \"hidden_size\": 1152, \"intermediate_size\": 4304, \"num_heads\": 16, \"patch_size\": 16, "
        "\"spatial_merge_size\": 2, \"deepstack_visual_indexes\": [8, 16, 24]}"),
    QWEN3_VL("Qwen/Qwen3-VL-4B-Instruct", 36, 2560, 9728, 32, 8, 128, 151936, 262144, TIED, 0,
        "\"vision_config\": {\"depth\": 24, \"hidden_size\": 1024, \"intermediate_size\": 4096, \"num_heads\": 16, \"patch_size\": 16, "
        "\"spatial_merge_size\": 2, \"deepstack_visual_indexes\": [5, 11, 17]}"),
    QWEN3_VL("Qwen/Qwen3-VL-4B-Thinking", 36, 2560, 9728, 32, 8, 128, 151936, 262144, TIED, 0,
        "\"vision_config\": {\"depth\": 24, \"hidden_size\": 1024, \"intermediate_size\": 4096, \"num_heads\": 16, \"patch_size\": 16, "
        "\"spatial_merge_size\": 2, \"deepstack_visual_indexes\": [5, 11, 17]}"),
    QWEN3_VL("Qwen/Qwen3-VL-8B-Instruct", 36, 4096, 12288, 32, 8, 128, 151936, 262144, SEPARATE, 0,
        "\"vision_config\": {\"depth\": 27, \"hidden_size\": 1152, \"intermediate_size\": 4304, \"num_heads\": 16, \"patch_size\": 16, "
        "\"spatial_merge_size\": 2, \"deepstack_visual_indexes\": [8, 16, 24]}"),
    QWEN3_VL("Qwen/Qwen3-VL-8B-Thinking", 36, 4096, 12288, 32, 8, 128, 151936, 262144, SEPARATE, 0,
        "\"vision_config\": {\"depth\": 27, \"hidden_size\": 1152, \"intermediate_size\": 4304, \"num_heads\": 16, \"patch_size\": 16, "
        "\"spatial_merge_size\": 2, \"deepstack_visual_indexes\": [8, 16, 24]}"),
    QWEN35_MOE("Qwen/Qwen3.5-122B-A10B", 48, 3072, 1024, 32, 2, 256, 248320, 262144, SEPARATE, 0,
        "\"linear_num_key_heads\": 16, \"linear_num_value_heads\": 64, \"linear_key_head_dim\": 128, \"linear_value_head_dim\": 128, "
        "\"linear_conv_kernel_dim\": 4, \"mamba_ssm_dtype\": \"float32\", \"mtp_num_hidden_layers\": 1, \"num_experts\": 256, "
        "\"num_experts_per_tok\": 8, \"moe_intermediate_size\": 1024, \"shared_expert_intermediate_size\": 1024"),
    QWEN35("Qwen/Qwen3.5-27B", 64, 5120, 17408, 24, 4, 256, 248320, 262144, SEPARATE, 0,
        "\"linear_num_key_heads\": 16, \"linear_num_value_heads\": 48, \"linear_key_head_dim\": 128, \"linear_value_head_dim\": 128, "
        "\"linear_conv_kernel_dim\": 4, \"mamba_ssm_dtype\": \"float32\", \"mtp_num_hidden_layers\": 1"),
    QWEN35("Qwen/Qwen3.5-2B", 24, 2048, 6144, 8, 2, 256, 248320, 262144, TIED, 0,
        "\"linear_num_key_heads\": 16, \"linear_num_value_heads\": 16, \"linear_key_head_dim\": 128, \"linear_value_head_dim\": 128, "
        "\"linear_conv_kernel_dim\": 4, \"mamba_ssm_dtype\": \"float32\", \"mtp_num_hidden_layers\": 1, \"vision_config\": {\"depth\": 24, "
        "\"hidden_size\": 1024, \"intermediate_size\": 4096, \"num_heads\": 16, \"patch_size\": 16, \"spatial_merge_size\": 2}"),
    QWEN35_MOE("Qwen/Qwen3.5-35B-A3B", 40, 2048, 512, 16, 2, 256, 248320, 262144, SEPARATE, 0,
        "\"linear_num_key_heads\": 16, \"linear_num_value_heads\": 32, \"linear_key_head_dim\": 128, \"linear_value_head_dim\": 128, "
        "\"linear_conv_kernel_dim\": 4, \"mamba_ssm_dtype\": \"float32\", \"mtp_num_hidden_layers\": 1, \"num_experts\": 256, \"num_experts_per_tok\": 8, "
        "\"moe_intermediate_size\": 512, \"shared_expert_intermediate_size\": 512"),
    QWEN35_MOE("Qwen/Qwen3.5-397B-A17B", 60, 4096, 1024, 32, 2, 256, 248320, 262144, SEPARATE, 0,
        "\"linear_num_key_heads\": 16, \"linear_num_value_heads\": 64, \"linear_key_head_dim\": 128, \"linear_value_head_dim\": 128, "
        "\"linear_conv_kernel_dim\": 4, \"mamba_ssm_dtype\": \"float32\", \"mtp_num_hidden_layers\": 1, \"num_experts\": 512, "
        "\"num_experts_per_tok\": 10, \"moe_intermediate_size\": 1024, \"shared_expert_intermediate_size\": 1024"),
    QWEN35("Qwen/Qwen3.5-4B", 32, 2560, 9216, 16, 4, 256, 248320, 262144, TIED, 0,
        "\"linear_num_key_heads\": 16, \"linear_num_value_heads\": 32, \"linear_key_head_dim\": 128, \"linear_value_head_dim\": 128, "
        "\"linear_conv_kernel_dim\": 4, \"mamba_ssm_dtype\": \"float32\", \"mtp_num_hidden_layers\": 1, \"vision_config\": {\"depth\": 24, "
        "\"hidden_size\": 1024, \"intermediate_size\": 4096, \"num_heads\": 16, \"patch_size\": 16, \"spatial_merge_size\": 2}"),
    QWEN35("Qwen/Qwen3.5-9B", 32, 4096, 12288, 16, 4, 256, 248320, 262144, SEPARATE, 0,
        "\"linear_num_key_heads\": 16, \"linear_num_value_heads\": 32, \"linear_key_head_dim\": 128, \"linear_value_head_dim\": 128, "
        "\"linear_conv_kernel_dim\": 4, \"mamba_ssm_dtype\": \"float32\", \"mtp_num_hidden_layers\": 1"),
    QWEN35("Qwen/Qwen3.6-27B", 64, 5120, 17408, 24, 4, 256, 248320, 262144, SEPARATE, 0,
        "\"linear_num_key_heads\": 16, \"linear_num_value_heads\": 48, \"linear_key_head_dim\": 128, \"linear_value_head_dim\": 128, "
        "\"linear_conv_kernel_dim\": 4, \"mamba_ssm_dtype\": \"float32\", \"mtp_num_hidden_layers\": 1"),
    QWEN35_MOE("Qwen/Qwen3.6-35B-A3B", 40, 2048, 512, 16, 2, 256, 248320, 262144, SEPARATE, 0,
        "\"linear_num_key_heads\": 16, \"linear_num_value_heads\": 32, \"linear_key_head_dim\": 128, \"linear_value_head_dim\": 128, "
        "\"linear_conv_kernel_dim\": 4, \"mamba_ssm_dtype\": \"float32\", \"mtp_num_hidden_layers\": 1, \"num_experts\": 256, \"num_experts_per_tok\": 8, "
        "\"moe_intermediate_size\": 512, \"shared_expert_intermediate_size\": 512"),
    QWEN35("Qwen/Qwen3.8-27B", 64, 5120, 17408, 24, 4, 256, 248320, 262144, SEPARATE, 0,
        "\"linear_num_key_heads\": 16, \"linear_num_value_heads\": 48, \"linear_key_head_dim\": 128, \"linear_value_head_dim\": 128, "
        "\"linear_conv_kernel_dim\": 4, \"mamba_ssm_dtype\": \"float32\", \"mtp_num_hidden_layers\": 1"),
    QWEN25_VL("nanonets/Nanonets-OCR-s", 36, 2048, 11008, 16, 2, 128, 151936, 128000, TIED, 0,
        "\"vision_config\": {\"depth\": 32, \"hidden_size\": 1280, \"intermediate_size\": 3420, \"num_heads\": 16, \"patch_size\": 14, "
        "\"spatial_merge_size\": 2}"),
    OMNI("Qwen/Qwen2.5-Omni-3B", 36, 2048, 11008, 16, 2, 128, 151936, 32768, SEPARATE, 0,
        "\"vision_config\": {\"depth\": 32, \"hidden_size\": 1280, \"intermediate_size\": 3420, \"num_heads\": 16, \"patch_size\": 14, \"spatial_merge_size\": 2}, "
        "\"audio_config\": {\"encoder_layers\": 32, \"d_model\": 1280, \"encoder_ffn_dim\": 5120, \"encoder_attention_heads\": 20}"),
    OMNI("Qwen/Qwen2.5-Omni-7B", 28, 3584, 18944, 28, 4, 128, 152064, 32768, SEPARATE, 0,
        "\"vision_config\": {\"depth\": 32, \"hidden_size\": 1280, \"intermediate_size\": 3420, \"num_heads\": 16, \"patch_size\": 14, \"spatial_merge_size\": 2}, "
        "\"audio_config\": {\"encoder_layers\": 32, \"d_model\": 1280, \"encoder_ffn_dim\": 5120, \"encoder_attention_heads\": 20}"),
    OMNI3("Qwen/Qwen3-Omni-30B-A3B-Instruct", 48, 2048, 768, 32, 4, 128, 152064, 65536, SEPARATE, 0,
        "\"num_experts\": 128, \"num_experts_per_tok\": 8, \"moe_intermediate_size\": 768, \"vision_config\": {\"depth\": 27, \"hidden_size\": 1152, \"intermediate_size\": 4304, "
        "\"num_heads\": 16, \"patch_size\": 16, \"spatial_merge_size\": 2, \"deepstack_visual_indexes\": [8, 16, 24]}, \"audio_config\": {\"encoder_layers\": 32, \"d_model\": 1280, "
        "\"encoder_ffn_dim\": 5120, \"encoder_attention_heads\": 20}"),
    OMNI3("Qwen/Qwen3-Omni-30B-A3B-Thinking", 48, 2048, 768, 32, 4, 128, 152064, 65536, SEPARATE, 0,
        "\"num_experts\": 128, \"num_experts_per_tok\": 8, \"moe_intermediate_size\": 768, \"vision_config\": {\"depth\": 27, \"hidden_size\": 1152, \"intermediate_size\": 4304, "
        "\"num_heads\": 16, \"patch_size\": 16, \"spatial_merge_size\": 2, \"deepstack_visual_indexes\": [8, 16, 24]}, \"audio_config\": {\"encoder_layers\": 32, \"d_model\": 1280, "
        "\"encoder_ffn_dim\": 5120, \"encoder_attention_heads\": 20}"),
    INTERNVL35("OpenGVLab/InternVL3_5-4B", VIT_300M, "Qwen3ForCausalLM", "", 36, 2560, 9728, 32, 8),
    INTERNVL35("OpenGVLab/InternVL3_5-8B", VIT_300M, "Qwen3ForCausalLM", "", 36, 4096, 12288, 32, 8),
    INTERNVL35("OpenGVLab/InternVL3_5-14B", VIT_300M, "Qwen3ForCausalLM", "", 40, 5120, 17408, 40, 8),
    INTERNVL35("OpenGVLab/InternVL3_5-30B-A3B", VIT_300M, "Qwen3MoeForCausalLM", EXPERTS_128, 48, 2048, 6144, 32, 4),
    INTERNVL35("OpenGVLab/InternVL3_5-38B", VIT_6B, "Qwen3ForCausalLM", "", 64, 5120, 25600, 64, 8),
    QWEN2_AUDIO("Qwen/Qwen2-Audio-7B-Instruct"),
    { .id = NULL },
};

/* builtin_others.c - built-in shapes: everyone else's. Columns: builtin.h. */
#include "model/builtin.h"

#define SEED_OSS(id, ...) { id, "SeedOssForCausalLM", "seed_oss", __VA_ARGS__ }
#define COHERE(id, ...) { id, "CohereForCausalLM", "cohere", __VA_ARGS__ }
#define COHERE2(id, ...) { id, "Cohere2ForCausalLM", "cohere2", __VA_ARGS__ }
#define GPTNEOX(id, ...) { id, "GPTNeoXForCausalLM", "gpt_neox", __VA_ARGS__ }
#define SMOLLM3(id, ...) { id, "SmolLM3ForCausalLM", "smollm3", __VA_ARGS__ }
#define EXAONE(id, ...) { id, "ExaoneForCausalLM", "exaone", __VA_ARGS__ }
#define EXAONE4(id, ...) { id, "Exaone4ForCausalLM", "exaone4", __VA_ARGS__ }
#define INTERNVL(id, ...) { id, "InternVLChatModel", "internvl_chat", __VA_ARGS__ }
#define MIMO(id, ...) { id, "MiMoForCausalLM", "mimo", __VA_ARGS__ }
#define JAMBA(id, ...) { id, "JambaForCausalLM", "jamba", __VA_ARGS__ }
#define OLMO2(id, ...) { id, "Olmo2ForCausalLM", "olmo2", __VA_ARGS__ }
#define OLMO3(id, ...) { id, "Olmo3ForCausalLM", "olmo3", __VA_ARGS__ }
#define BAICHUAN(id, ...) { id, "BaichuanForCausalLM", "baichuan", __VA_ARGS__ }
#define ERNIE(id, ...) { id, "Ernie4_5ForCausalLM", "ernie4_5", __VA_ARGS__ }
#define ERNIE_MOE(id, ...) { id, "Ernie4_5_MoeForCausalLM", "ernie4_5_moe", __VA_ARGS__ }
#define STARCODER2(id, ...) { id, "Starcoder2ForCausalLM", "starcoder2", __VA_ARGS__ }
#define OPT(id, ...) { id, "OPTForCausalLM", "opt", __VA_ARGS__ }
#define GRANITE(id, ...) { id, "GraniteForCausalLM", "granite", __VA_ARGS__ }
#define GRANITE_H(id, ...) { id, "GraniteMoeHybridForCausalLM", "granitemoehybrid", __VA_ARGS__ }
#define BAILING2(id, ...) { id, "BailingMoeV2ForCausalLM", "bailing_moe", __VA_ARGS__ }
#define BAILING(id, ...) { id, "BailingMoeForCausalLM", "bailing_moe", __VA_ARGS__ }
#define INTERNLM2(id, ...) { id, "InternLM2ForCausalLM", "internlm2", __VA_ARGS__ }
#define INTERNLM3(id, ...) { id, "InternLM3ForCausalLM", "internlm3", __VA_ARGS__ }
#define PHI3(id, ...) { id, "Phi3ForCausalLM", "phi3", __VA_ARGS__ }
#define PHIMOE(id, ...) { id, "PhiMoEForCausalLM", "phimoe", __VA_ARGS__ }
#define PHI3V(id, ...) { id, "Phi3VForCausalLM", "phi3_v", __VA_ARGS__ }
#define GPT_OSS(id, ...) { id, "GptOssForCausalLM", "gpt_oss", __VA_ARGS__ }
#define WHISPER(id, ...) { id, "WhisperForConditionalGeneration", "whisper", __VA_ARGS__ }
#define DOTS(id, ...) { id, "DotsOCRForCausalLM", "dots_ocr", __VA_ARGS__ }
#define FALCON_H1(id, ...) { id, "FalconH1ForCausalLM", "falcon_h1", __VA_ARGS__ }

#define HUNYUAN_MOE(id, ...) { id, "HunYuanMoEV1ForCausalLM", "hunyuan_v1_moe", __VA_ARGS__ }
#define HUNYUAN(id, ...) { id, "HunYuanDenseV1ForCausalLM", "hunyuan_v1_dense", __VA_ARGS__ }
#define PHI4MM(id, ...) { id, "Phi4MMForCausalLM", "phi4mm", __VA_ARGS__ }
#define ERNIE_VL(id, ...) { id, "Ernie4_5_VLMoeForConditionalGeneration", "ernie4_5_moe_vl", __VA_ARGS__ }
#define DOTS1(id, ...) { id, "Dots1ForCausalLM", "dots1", __VA_ARGS__ }
#define LFM2(id, ...) { id, "Lfm2ForCausalLM", "lfm2", __VA_ARGS__ }
#define LFM2_MOE(id, ...) { id, "Lfm2MoeForCausalLM", "lfm2_moe", __VA_ARGS__ }
#define APERTUS(id, ...) { id, "ApertusForCausalLM", "apertus", __VA_ARGS__ }
#define OLMOE(id, ...) { id, "OlmoeForCausalLM", "olmoe", __VA_ARGS__ }
#define DEEPSEEK_MOE(id, ...) { id, "DeepseekForCausalLM", "deepseek", __VA_ARGS__ }
#define MINICPM(id, ...) { id, "MiniCPMForCausalLM", "minicpm", __VA_ARGS__ }
#define ARCEE(id, ...) { id, "ArceeForCausalLM", "arcee", __VA_ARGS__ }
#define ZAMBA2(id, ...) { id, "Zamba2ForCausalLM", "zamba2", __VA_ARGS__ }
const struct bt_shape_row bt_shapes_others[] = {
    SEED_OSS("ByteDance-Seed/Seed-OSS-36B-Instruct", 64, 5120, 27648, 80, 8, 128, 155136, 524288, SEPARATE, 0, "\"attention_bias\": true"),
    COHERE("CohereForAI/c4ai-command-r-08-2024", 40, 8192, 24576, 64, 8, 128, 256000, 131072, TIED, 32296476672),
    COHERE("CohereForAI/c4ai-command-r-plus", 64, 12288, 33792, 96, 8, 128, 256000, 131072, TIED, 103810674688),
    COHERE("CohereForAI/c4ai-command-r-plus-08-2024", 64, 12288, 33792, 96, 8, 128, 256000, 131072, TIED, 103810674688),
    COHERE("CohereForAI/c4ai-command-r-v01", 40, 8192, 22528, 64, 64, 128, 256000, 131072, TIED, 34980831232),
    COHERE("CohereLabs/aya-expanse-32b", 40, 8192, 24576, 64, 8, 128, 256000, 8192, TIED, 32296476672),
    COHERE("CohereLabs/aya-expanse-8b", 32, 4096, 14336, 32, 8, 128, 256000, 8192, TIED, 8028033024),
    COHERE2("CohereLabs/c4ai-command-a-03-2025", 64, 12288, 36864, 96, 8, 128, 256000, 131072, TIED, 0, "\"sliding_window\": 4096"),
    COHERE2("CohereLabs/c4ai-command-r7b-12-2024", 32, 4096, 14336, 32, 8, 128, 256000, 132096, TIED, 8027901952, "\"sliding_window\": 4096"),
    GPTNEOX("EleutherAI/pythia-6.9b", 32, 4096, 16384, 32, 32, 128, 50432, 2048, SEPARATE, 0),
    SMOLLM3("HuggingFaceTB/SmolLM3-3B", 36, 2048, 11008, 16, 4, 128, 128256, 65536, TIED, 3075098624),
    EXAONE("LGAI-EXAONE/EXAONE-3.5-2.4B-Instruct", 30, 2560, 7168, 32, 8, 80, 102400, 32768, TIED, 0),
    EXAONE("LGAI-EXAONE/EXAONE-3.5-32B-Instruct", 64, 5120, 27392, 40, 8, 128, 102400, 32768, SEPARATE, 0),
    EXAONE("LGAI-EXAONE/EXAONE-3.5-7.8B-Instruct", 32, 4096, 14336, 32, 8, 128, 102400, 32768, SEPARATE, 0),
    EXAONE4("LGAI-EXAONE/EXAONE-4.0-1.2B", 30, 2048, 4096, 32, 8, 64, 102400, 65536, TIED, 0),
    EXAONE4("LGAI-EXAONE/EXAONE-4.0-32B", 64, 5120, 27392, 40, 8, 128, 102400, 131072, SEPARATE, 0, "\"sliding_window\": 4096, "
        "\"sliding_window_pattern\": 4"),
    EXAONE("LGAI-EXAONE/EXAONE-Deep-2.4B", 30, 2560, 7168, 32, 8, 80, 102400, 32768, TIED, 0),
    EXAONE("LGAI-EXAONE/EXAONE-Deep-32B", 64, 5120, 27392, 40, 8, 128, 102400, 32768, SEPARATE, 0),
    EXAONE("LGAI-EXAONE/EXAONE-Deep-7.8B", 32, 4096, 14336, 32, 8, 128, 102400, 32768, SEPARATE, 0),
    INTERNVL("OpenGVLab/InternVL3-14B", 48, 5120, 13824, 40, 8, 128, 151674, 32768, SEPARATE, 0,
        "\"vision_config\": {\"num_hidden_layers\": 24, \"hidden_size\": 1024, \"intermediate_size\": 4096, \"num_attention_heads\": 16, "
        "\"patch_size\": 14}"),
    INTERNVL("OpenGVLab/InternVL3-1B", 24, 896, 4864, 14, 2, 64, 151674, 32768, SEPARATE, 0,
        "\"vision_config\": {\"num_hidden_layers\": 24, \"hidden_size\": 1024, \"intermediate_size\": 4096, \"num_attention_heads\": 16, "
        "\"patch_size\": 14}"),
    INTERNVL("OpenGVLab/InternVL3-2B", 28, 1536, 8960, 12, 2, 128, 151674, 32768, SEPARATE, 0,
        "\"vision_config\": {\"num_hidden_layers\": 24, \"hidden_size\": 1024, \"intermediate_size\": 4096, \"num_attention_heads\": 16, "
        "\"patch_size\": 14}"),
    INTERNVL("OpenGVLab/InternVL3-38B", 64, 5120, 27648, 40, 8, 128, 151674, 32768, SEPARATE, 0,
        "\"vision_config\": {\"num_hidden_layers\": 45, \"hidden_size\": 3200, \"intermediate_size\": 12800, "
        "\"num_attention_heads\": 25, \"patch_size\": 14}"),
    INTERNVL("OpenGVLab/InternVL3-78B", 80, 8192, 29568, 64, 8, 128, 151674, 32768, SEPARATE, 0,
        "\"vision_config\": {\"num_hidden_layers\": 45, \"hidden_size\": 3200, \"intermediate_size\": 12800, "
        "\"num_attention_heads\": 25, \"patch_size\": 14}"),
    INTERNVL("OpenGVLab/InternVL3-8B", 28, 3584, 18944, 28, 4, 128, 151674, 32768, SEPARATE, 0,
        "\"vision_config\": {\"num_hidden_layers\": 24, \"hidden_size\": 1024, \"intermediate_size\": 4096, \"num_attention_heads\": 16, "
        "\"patch_size\": 14}"),
    ZAMBA2("Zyphra/Zamba2-1.2B", 38, 2048, 8192, 32, 32, 128, 32000, 4096, TIED, 1215064704,
        "\"hybrid_layer_ids\": [5, 11, 17, 23, 29, 35], \"num_mem_blocks\": 1, \"adapter_rank\": 128, \"attention_head_dim\": 128, "
        "\"n_mamba_heads\": 64, \"mamba_headdim\": 64, \"mamba_ngroups\": 1, \"mamba_d_state\": 128, \"mamba_d_conv\": 4, \"chunk_size\": 256, "
        "\"use_shared_attention_adapter\": true, \"use_mem_rope\": true"),
    ZAMBA2("Zyphra/Zamba2-2.7B", 54, 2560, 10240, 32, 32, 160, 32000, 4096, TIED, 2662214560,
        "\"hybrid_layer_ids\": [6, 12, 18, 24, 30, 36, 42, 47, 51], \"num_mem_blocks\": 2, \"adapter_rank\": 128, \"attention_head_dim\": 160, "
        "\"n_mamba_heads\": 80, \"mamba_headdim\": 64, \"mamba_ngroups\": 1, \"mamba_d_state\": 64, \"mamba_d_conv\": 4, \"chunk_size\": 256"),
    ZAMBA2("Zyphra/Zamba2-7B", 81, 3584, 14336, 32, 32, 224, 32000, 4096, TIED, 7356749648,
        "\"hybrid_layer_ids\": [6, 11, 17, 23, 29, 35, 41, 47, 53, 59, 65, 71, 77], \"num_mem_blocks\": 2, \"adapter_rank\": 128, \"attention_head_dim\": 224, "
        "\"n_mamba_heads\": 112, \"mamba_headdim\": 64, \"mamba_ngroups\": 2, \"mamba_d_state\": 64, \"mamba_d_conv\": 4, \"chunk_size\": 256, \"use_mem_rope\": true"),
    MIMO("XiaomiMiMo/MiMo-7B-Base", 36, 4096, 11008, 32, 8, 128, 151680, 32768, SEPARATE, 0,
        "\"num_nextn_predict_layers\": 1"),
    MIMO("XiaomiMiMo/MiMo-7B-RL", 36, 4096, 11008, 32, 8, 128, 151680, 32768, SEPARATE, 0,
        "\"num_nextn_predict_layers\": 1"),
    JAMBA("ai21labs/AI21-Jamba-1.5-Large", 72, 8192, 24576, 64, 8, 128, 65536, 262144, SEPARATE, 0,
        "\"num_experts\": 16, \"num_experts_per_tok\": 2, \"attn_layer_period\": 8, \"attn_layer_offset\": 4, "
        "\"expert_layer_period\": 2, \"expert_layer_offset\": 1, \"mamba_d_state\": 16, \"mamba_d_conv\": 4, \"mamba_expand\": 2, "
        "\"mamba_dt_rank\": 512"),
    JAMBA("ai21labs/AI21-Jamba-1.5-Mini", 32, 4096, 14336, 32, 8, 128, 65536, 262144, SEPARATE, 51570323328,
        "\"num_experts\": 16, \"num_experts_per_tok\": 2, \"attn_layer_period\": 8, \"attn_layer_offset\": 4, "
        "\"expert_layer_period\": 2, \"expert_layer_offset\": 1, \"mamba_d_state\": 16, \"mamba_d_conv\": 4, \"mamba_expand\": 2, "
        "\"mamba_dt_rank\": 256"),
    JAMBA("ai21labs/AI21-Jamba-Large-1.6", 72, 8192, 24576, 64, 8, 128, 65536, 262144, SEPARATE, 0,
        "\"num_experts\": 16, \"num_experts_per_tok\": 2, \"attn_layer_period\": 8, \"attn_layer_offset\": 4, "
        "\"expert_layer_period\": 2, \"expert_layer_offset\": 1, \"mamba_d_state\": 16, \"mamba_d_conv\": 4, \"mamba_expand\": 2, "
        "\"mamba_dt_rank\": 512"),
    JAMBA("ai21labs/AI21-Jamba-Large-1.7", 72, 8192, 24576, 64, 8, 128, 65536, 262144, SEPARATE, 0,
        "\"num_experts\": 16, \"num_experts_per_tok\": 2, \"attn_layer_period\": 8, \"attn_layer_offset\": 4, "
        "\"expert_layer_period\": 2, \"expert_layer_offset\": 1, \"mamba_d_state\": 16, \"mamba_d_conv\": 4, \"mamba_expand\": 2, "
        "\"mamba_dt_rank\": 512"),
    JAMBA("ai21labs/AI21-Jamba-Mini-1.6", 32, 4096, 14336, 32, 8, 128, 65536, 262144, SEPARATE, 51570323328,
        "\"num_experts\": 16, \"num_experts_per_tok\": 2, \"attn_layer_period\": 8, \"attn_layer_offset\": 4, "
        "\"expert_layer_period\": 2, \"expert_layer_offset\": 1, \"mamba_d_state\": 16, \"mamba_d_conv\": 4, \"mamba_expand\": 2, "
        "\"mamba_dt_rank\": 256"),
    JAMBA("ai21labs/AI21-Jamba-Mini-1.7", 32, 4096, 14336, 32, 8, 128, 65536, 262144, SEPARATE, 51570323328,
        "\"num_experts\": 16, \"num_experts_per_tok\": 2, \"attn_layer_period\": 8, \"attn_layer_offset\": 4, "
        "\"expert_layer_period\": 2, \"expert_layer_offset\": 1, \"mamba_d_state\": 16, \"mamba_d_conv\": 4, \"mamba_expand\": 2, "
        "\"mamba_dt_rank\": 256"),
    OLMO2("allenai/OLMo-2-0325-32B-Instruct", 64, 5120, 27648, 40, 8, 128, 100352, 4096, SEPARATE, 0),
    OLMO2("allenai/OLMo-2-0425-1B-Instruct", 16, 2048, 8192, 16, 16, 128, 100352, 4096, SEPARATE, 0),
    OLMO2("allenai/OLMo-2-1124-13B-Instruct", 40, 5120, 13824, 40, 40, 128, 100352, 4096, SEPARATE, 0),
    OLMO2("allenai/OLMo-2-1124-7B-Instruct", 32, 4096, 11008, 32, 32, 128, 100352, 4096, SEPARATE, 0),
    OLMO3("allenai/Olmo-3-32B-Think", 64, 5120, 27648, 40, 8, 128, 100278, 65536, SEPARATE, 0, "\"sliding_window\": 4096"),
    OLMO3("allenai/Olmo-3-7B-Instruct", 32, 4096, 11008, 32, 32, 128, 100278, 65536, SEPARATE, 0, "\"sliding_window\": 4096"),
    OLMO3("allenai/Olmo-3-7B-Think", 32, 4096, 11008, 32, 32, 128, 100278, 65536, SEPARATE, 0, "\"sliding_window\": 4096"),
    OLMO3("allenai/Olmo-3.1-32B-Instruct", 64, 5120, 27648, 40, 8, 128, 100278, 65536, SEPARATE, 0, "\"sliding_window\": 4096"),
    BAICHUAN("baichuan-inc/Baichuan2-13B-Chat", 40, 5120, 13696, 40, 40, 128, 125696, 4096, SEPARATE, 0),
    BAICHUAN("baichuan-inc/Baichuan2-7B-Chat", 32, 4096, 11008, 32, 32, 128, 125696, 4096, SEPARATE, 0),
    ERNIE("baidu/ERNIE-4.5-0.3B-PT", 18, 1024, 3072, 16, 2, 128, 103424, 131072, TIED, 0),
    ERNIE_MOE("baidu/ERNIE-4.5-21B-A3B-PT", 28, 2560, 12288, 20, 4, 128, 103424, 131072, TIED, 0, "\"moe_num_experts\": 64, \"moe_k\": 6, "
        "\"moe_intermediate_size\": 1536, \"moe_num_shared_experts\": 2, \"moe_layer_start_index\": 1"),
    ERNIE_MOE("baidu/ERNIE-4.5-300B-A47B-PT", 54, 8192, 28672, 64, 8, 128, 103424, 131072, SEPARATE, 0, "\"moe_num_experts\": 64, \"moe_k\": 8, "
        "\"moe_intermediate_size\": 3584, \"moe_num_shared_experts\": 0, \"moe_layer_start_index\": 3"),
    STARCODER2("bigcode/starcoder2-15b", 40, 6144, 24576, 48, 4, 128, 49152, 16384, SEPARATE, 0,
        "\"sliding_window\": 4096"),
    OPT("facebook/opt-1.3b", 24, 2048, 8192, 32, 32, 64, 50272, 2048, TIED, 0),
    OPT("facebook/opt-125m", 12, 768, 3072, 12, 12, 64, 50272, 2048, TIED, 0),
    OPT("facebook/opt-13b", 40, 5120, 20480, 40, 40, 128, 50272, 2048, TIED, 0),
    OPT("facebook/opt-6.7b", 32, 4096, 16384, 32, 32, 128, 50272, 2048, TIED, 0),
    GRANITE("ibm-granite/granite-3.1-2b-instruct", 40, 2048, 8192, 32, 8, 64, 49155, 131072, TIED, 0),
    GRANITE("ibm-granite/granite-3.1-8b-instruct", 40, 4096, 12800, 32, 8, 128, 49155, 131072, TIED, 0),
    GRANITE("ibm-granite/granite-3.3-8b-instruct", 40, 4096, 12800, 32, 8, 128, 49159, 131072, TIED, 0),
    GRANITE_H("ibm-granite/granite-4.0-h-small", 40, 4096, 768, 32, 8, 128, 100352, 131072, TIED, 0,
        "\"layer_types\": [\"mamba\", \"mamba\", \"mamba\", \"mamba\", \"mamba\", \"attention\", \"mamba\", \"mamba\", \"mamba\", \"mamba\", "
        "\"mamba\", \"mamba\", \"mamba\", \"mamba\", \"mamba\", \"attention\", \"mamba\", \"mamba\", \"mamba\", \"mamba\", \"mamba\", \"mamba\", "
        "\"mamba\", \"mamba\", \"mamba\", \"attention\", \"mamba\", \"mamba\", \"mamba\", \"mamba\", \"mamba\", \"mamba\", \"mamba\", \"mamba\", "
        "\"mamba\", \"attention\", \"mamba\", \"mamba\", \"mamba\", \"mamba\"], \"mamba_d_head\": 64, \"mamba_d_state\": 128, "
        "\"mamba_n_groups\": 1, \"mamba_d_conv\": 4, \"mamba_chunk_size\": 256, \"num_local_experts\": 72, \"num_experts_per_tok\": 10, "
        "\"shared_intermediate_size\": 1536, \"mamba_n_heads\": 128"),
    GRANITE_H("ibm-granite/granite-4.0-h-tiny", 40, 1536, 512, 12, 4, 128, 100352, 131072, TIED, 0,
        "\"layer_types\": [\"mamba\", \"mamba\", \"mamba\", \"mamba\", \"mamba\", \"attention\", \"mamba\", \"mamba\", \"mamba\", \"mamba\", "
        "\"mamba\", \"mamba\", \"mamba\", \"mamba\", \"mamba\", \"attention\", \"mamba\", \"mamba\", \"mamba\", \"mamba\", \"mamba\", \"mamba\", "
        "\"mamba\", \"mamba\", \"mamba\", \"attention\", \"mamba\", \"mamba\", \"mamba\", \"mamba\", \"mamba\", \"mamba\", \"mamba\", \"mamba\", "
        "\"mamba\", \"attention\", \"mamba\", \"mamba\", \"mamba\", \"mamba\"], \"mamba_d_head\": 64, \"mamba_d_state\": 128, "
        "\"mamba_n_groups\": 1, \"mamba_d_conv\": 4, \"mamba_chunk_size\": 256, \"num_local_experts\": 64, \"num_experts_per_tok\": 6, "
        "\"shared_intermediate_size\": 1024, \"mamba_n_heads\": 48"),
    BAILING2("inclusionAI/Ling-1T", 80, 8192, 18432, 64, 8, 128, 157184, 32768, SEPARATE, 0, "\"num_experts\": 256, \"num_experts_per_tok\": 8, "
        "\"moe_intermediate_size\": 2048, \"num_shared_experts\": 1, \"first_k_dense_replace\": 4, \"use_qk_norm\": true"),
    BAILING2("inclusionAI/Ling-flash-2.0", 32, 4096, 9216, 32, 4, 128, 157184, 32768, SEPARATE, 0, "\"num_experts\": 256, \"num_experts_per_tok\": 8, "
        "\"moe_intermediate_size\": 1024, \"num_shared_experts\": 1, \"first_k_dense_replace\": 1, \"use_qk_norm\": true"),
    BAILING("inclusionAI/Ling-lite-1.5", 28, 2048, 5632, 16, 4, 128, 126464, 32768, SEPARATE, 0, "\"num_experts\": 64, \"num_experts_per_tok\": 6, "
        "\"moe_intermediate_size\": 1408, \"num_shared_experts\": 2"),
    BAILING2("inclusionAI/Ling-mini-2.0", 20, 2048, 5120, 16, 4, 128, 157184, 32768, SEPARATE, 0, "\"num_experts\": 256, \"num_experts_per_tok\": 8, "
        "\"moe_intermediate_size\": 512, \"num_shared_experts\": 1, \"first_k_dense_replace\": 1, \"use_qk_norm\": true"),
    INTERNLM2("internlm/internlm2_5-1_8b-chat", 24, 2048, 8192, 16, 8, 128, 92544, 32768, SEPARATE, 0),
    INTERNLM2("internlm/internlm2_5-20b-chat", 48, 6144, 16384, 48, 8, 128, 92544, 32768, SEPARATE, 0),
    INTERNLM2("internlm/internlm2_5-7b-chat", 32, 4096, 14336, 32, 8, 128, 92544, 32768, SEPARATE, 7737708544),
    INTERNLM3("internlm/internlm3-8b-instruct", 48, 4096, 10240, 32, 2, 128, 128512, 32768, SEPARATE, 0),
    PHI3("microsoft/Phi-3-medium-128k-instruct", 40, 5120, 17920, 40, 10, 128, 32064, 131072, SEPARATE, 13960238080),
    PHI3("microsoft/Phi-3-medium-4k-instruct", 40, 5120, 17920, 40, 10, 128, 32064, 4096, SEPARATE, 13960238080),
    PHI3("microsoft/Phi-3-mini-128k-instruct", 32, 3072, 8192, 32, 32, 96, 32064, 131072, SEPARATE, 3821079552),
    PHI3("microsoft/Phi-3-mini-4k-instruct", 32, 3072, 8192, 32, 32, 96, 32064, 4096, SEPARATE, 3821079552),
    PHIMOE("microsoft/Phi-3.5-MoE-instruct", 32, 4096, 6400, 32, 8, 128, 32064, 131072, SEPARATE, 0,
        "\"num_local_experts\": 16, \"num_experts_per_tok\": 2, \"attention_bias\": true"),
    PHI3("microsoft/Phi-3.5-mini-instruct", 32, 3072, 8192, 32, 32, 96, 32064, 131072, SEPARATE, 3821079552),
    PHI3V("microsoft/Phi-3.5-vision-instruct", 32, 3072, 8192, 32, 32, 96, 32064, 131072, SEPARATE, 0),
    PHI3("microsoft/Phi-4-mini-instruct", 32, 3072, 8192, 24, 8, 128, 200064, 131072, TIED, 3836021760, "\"partial_rotary_factor\": 0.75"),
    PHI3("microsoft/Phi-4-mini-reasoning", 32, 3072, 8192, 24, 8, 128, 200064, 131072, TIED, 3836021760, "\"partial_rotary_factor\": 0.75"),
    PHI3("microsoft/Phi-4-reasoning", 40, 5120, 17920, 40, 10, 128, 100352, 32768, SEPARATE, 14659507200),
    PHI3("microsoft/Phi-4-reasoning-plus", 40, 5120, 17920, 40, 10, 128, 100352, 32768, SEPARATE, 14659507200),
    PHI3("microsoft/phi-4", 40, 5120, 17920, 40, 10, 128, 100352, 16384, SEPARATE, 14659507200),
    GPT_OSS("openai/gpt-oss-120b", 36, 2880, 2880, 64, 8, 64, 201088, 131072, SEPARATE, 116829156672,
        "\"num_local_experts\": 128, \"num_experts_per_tok\": 4, \"sliding_window\": 128, \"quantization_config\": {\"quant_method\": \"mxfp4\", "
        "\"modules_to_not_convert\": [\"lm_head\"]}"),
    GPT_OSS("openai/gpt-oss-20b", 24, 2880, 2880, 64, 8, 64, 201088, 131072, SEPARATE, 20914757184,
        "\"num_local_experts\": 32, \"num_experts_per_tok\": 4, \"sliding_window\": 128, \"quantization_config\": {\"quant_method\": \"mxfp4\", "
        "\"modules_to_not_convert\": [\"lm_head\"]}"),
    GPT_OSS("openai/gpt-oss-safeguard-120b", 36, 2880, 2880, 64, 8, 64, 201088, 131072, SEPARATE, 116829156672,
        "\"num_local_experts\": 128, \"num_experts_per_tok\": 4, \"sliding_window\": 128, \"quantization_config\": {\"quant_method\": \"mxfp4\", \"modules_to_not_convert\": [\"lm_head\"]}"),
    GPT_OSS("openai/gpt-oss-safeguard-20b", 24, 2880, 2880, 64, 8, 64, 201088, 131072, SEPARATE, 20914757184,
        "\"num_local_experts\": 32, \"num_experts_per_tok\": 4, \"sliding_window\": 128, \"quantization_config\": {\"quant_method\": \"mxfp4\", \"modules_to_not_convert\": [\"lm_head\"]}"),
    WHISPER("openai/whisper-large-v3", 32, 1280, 5120, 20, 20, 64, 51866, 448, TIED, 0, "\"is_encoder_decoder\": true, \"encoder_layers\": 32, "
        "\"decoder_layers\": 32, \"decoder_ffn_dim\": 5120, \"encoder_ffn_dim\": 5120, \"decoder_attention_heads\": 20, \"encoder_attention_heads\": 20, "
        "\"max_target_positions\": 448, \"max_source_positions\": 1500"),
    WHISPER("openai/whisper-large-v3-turbo", 32, 1280, 5120, 20, 20, 64, 51866, 448, TIED, 0, "\"is_encoder_decoder\": true, \"encoder_layers\": 32, "
        "\"decoder_layers\": 4, \"decoder_ffn_dim\": 5120, \"encoder_ffn_dim\": 5120, \"decoder_attention_heads\": 20, \"encoder_attention_heads\": 20, "
        "\"max_target_positions\": 448, \"max_source_positions\": 1500"),
    DOTS("rednote-hilab/dots.ocr", 28, 1536, 8960, 12, 2, 128, 151936, 131072, SEPARATE, 0),
    FALCON_H1("tiiuae/Falcon-H1-34B-Instruct", 72, 5120, 21504, 20, 4, 128, 261120, 262144, SEPARATE, 0,
        "\"mamba_n_groups\": 2, \"mamba_d_head\": 128, \"mamba_d_state\": 256, \"mamba_d_conv\": 4, \"mamba_chunk_size\": 256, "
        "\"mamba_d_ssm\": 4096, \"mamba_n_heads\": 32"),
    FALCON_H1("tiiuae/Falcon-H1-7B-Instruct", 44, 3072, 12288, 12, 2, 128, 130048, 262144, SEPARATE, 0,
        "\"mamba_n_groups\": 1, \"mamba_d_head\": 128, \"mamba_d_state\": 256, \"mamba_d_conv\": 4, \"mamba_chunk_size\": 256, "
        "\"mamba_d_ssm\": 3072, \"mamba_n_heads\": 24"),
    HUNYUAN_MOE("tencent/Hunyuan-A13B-Instruct", 32, 4096, 3072, 32, 8, 128, 128167, 32768, TIED, 0, "\"num_experts\": 64, \"moe_topk\": 8, \"num_shared_expert\": 1, \"use_qk_norm\": true"),
    HUNYUAN("tencent/Hunyuan-7B-Instruct", 32, 4096, 14336, 32, 8, 128, 128167, 262144, TIED, 0, "\"use_qk_norm\": true"),
    HUNYUAN("tencent/Hunyuan-MT-7B", 32, 4096, 14336, 32, 8, 128, 128256, 32768, TIED, 0, "\"use_qk_norm\": true"),
    PHI4MM("microsoft/Phi-4-multimodal-instruct", 32, 3072, 8192, 24, 8, 128, 200064, 131072, TIED, 0, "\"rope_scaling\": {\"type\": \"longrope\"}, \"vision_config\": {}, \"audio_config\": {}"),
    ERNIE_VL("baidu/ERNIE-4.5-VL-28B-A3B-PT", 28, 2560, 12288, 20, 4, 128, 103424, 131072, TIED, 0,
        "\"moe_num_experts\": [64, 64], \"moe_intermediate_size\": [1536, 512], \"moe_k\": 6, \"moe_num_shared_experts\": 2, \"moe_layer_start_index\": [1, 1], "
        "\"vision_config\": {\"depth\": 32, \"embed_dim\": 1280, \"num_heads\": 16, \"mlp_ratio\": 4, \"patch_size\": 14, \"spatial_merge_size\": 2}"),
    DOTS1("rednote-hilab/dots.llm1.inst", 62, 4096, 10944, 32, 32, 128, 152064, 32768, SEPARATE, 0,
        "\"n_routed_experts\": 128, \"num_experts_per_tok\": 6, \"moe_intermediate_size\": 1408, \"n_shared_experts\": 2, \"first_k_dense_replace\": 1"),
    LFM2("LiquidAI/LFM2-350M", 16, 1024, 6656, 16, 8, 64, 65536, 128000, TIED, 354483968, "\"full_attn_idxs\": [2, 5, 8, 10, 12, 14], \"conv_L_cache\": 3"),
    LFM2("LiquidAI/LFM2-700M", 16, 1536, 10240, 24, 8, 64, 65536, 128000, TIED, 742489344, "\"full_attn_idxs\": [2, 5, 8, 10, 12, 14], \"conv_L_cache\": 3"),
    LFM2("LiquidAI/LFM2-1.2B", 16, 2048, 12288, 32, 8, 64, 65536, 128000, TIED, 1170340608, "\"full_attn_idxs\": [2, 5, 8, 10, 12, 14], \"conv_L_cache\": 3"),
    LFM2_MOE("LiquidAI/LFM2-8B-A1B", 24, 2048, 7168, 32, 8, 64, 65536, 128000, TIED, 0,
        "\"full_attn_idxs\": [2, 6, 10, 14, 18, 21], \"conv_L_cache\": 3, \"num_experts\": 32, \"num_experts_per_tok\": 4, \"moe_intermediate_size\": 1792, \"num_dense_layers\": 2"),
    APERTUS("swiss-ai/Apertus-8B-Instruct-2509", 32, 4096, 21504, 32, 8, 128, 131072, 65536, SEPARATE, 0),
    APERTUS("swiss-ai/Apertus-70B-Instruct-2509", 80, 8192, 43008, 64, 8, 128, 131072, 65536, SEPARATE, 0),
    OLMOE("allenai/OLMoE-1B-7B-0924-Instruct", 16, 2048, 1024, 16, 16, 128, 50304, 4096, SEPARATE, 6919161856, "\"num_experts\": 64, \"num_experts_per_tok\": 8"),
    DEEPSEEK_MOE("deepseek-ai/deepseek-moe-16b-chat", 28, 2048, 10944, 16, 16, 128, 102400, 4096, SEPARATE, 16375728128,
        "\"n_routed_experts\": 64, \"num_experts_per_tok\": 6, \"moe_intermediate_size\": 1408, \"n_shared_experts\": 2, \"first_k_dense_replace\": 1"),
    MINICPM("openbmb/MiniCPM4-8B", 32, 4096, 16384, 32, 2, 128, 73448, 32768, SEPARATE, 0),
    ARCEE("arcee-ai/AFM-4.5B", 36, 2560, 18432, 20, 4, 128, 128004, 65536, SEPARATE, 0),
    { .id = NULL },
};

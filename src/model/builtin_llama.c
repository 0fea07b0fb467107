/* builtin_llama.c - built-in shapes: Llama, Mistral, Mixtral, LLaVA and Nemotron. Columns: builtin.h. */
#include "model/builtin.h"

#define LLAMA(id, ...) { id, "LlamaForCausalLM", "llama", __VA_ARGS__ }
#define MISTRAL(id, ...) { id, "MistralForCausalLM", "mistral", __VA_ARGS__ }
#define MISTRAL_EMBED(id, ...) { id, "MistralModel", "mistral", __VA_ARGS__ }
#define LLAVA(id, ...) { id, "LlavaForConditionalGeneration", "llava", __VA_ARGS__ }
#define LLAVA_NEXT(id, ...) { id, "LlavaNextForConditionalGeneration", "llava_next", __VA_ARGS__ }
#define MLLAMA(id, ...) { id, "MllamaForConditionalGeneration", "mllama", __VA_ARGS__ }
#define LLAMA4(id, ...) { id, "Llama4ForConditionalGeneration", "llama4", __VA_ARGS__ }
#define PIXTRAL(id, ...) { id, "PixtralForConditionalGeneration", "pixtral", __VA_ARGS__ }
#define MISTRAL3(id, ...) { id, "Mistral3ForConditionalGeneration", "mistral3", __VA_ARGS__ }
#define MIXTRAL(id, ...) { id, "MixtralForCausalLM", "mixtral", __VA_ARGS__ }
#define NEMOTRON_NAS(id, ...) { id, "DeciLMForCausalLM", "nemotron-nas", __VA_ARGS__ }
#define NEMOTRON_H(id, ...) { id, "NemotronHForCausalLM", "nemotron_h", __VA_ARGS__ }
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

#define VOXTRAL(id, ...) { id, "VoxtralForConditionalGeneration", "voxtral", __VA_ARGS__ }
#define LLAMA_RANKS(id, ...) { id, "LlamaForSequenceClassification", "llama", __VA_ARGS__ }
const struct bt_shape_row bt_shapes_llama[] = {
    LLAMA("01-ai/Yi-1.5-34B-Chat", 60, 7168, 20480, 56, 8, 128, 64000, 4096, SEPARATE, 0),
    LLAMA("01-ai/Yi-1.5-6B-Chat", 32, 4096, 11008, 32, 4, 128, 64000, 4096, SEPARATE, 0),
    LLAMA("01-ai/Yi-1.5-9B-Chat", 48, 4096, 11008, 32, 4, 128, 64000, 4096, SEPARATE, 0),
    LLAMA("01-ai/Yi-34B-200K", 60, 7168, 20480, 56, 8, 128, 64000, 200000, SEPARATE, 0),
    LLAMA("01-ai/Yi-34B-Chat", 60, 7168, 20480, 56, 8, 128, 64000, 4096, SEPARATE, 0),
    LLAMA("01-ai/Yi-6B-Chat", 32, 4096, 11008, 32, 4, 128, 64000, 4096, SEPARATE, 0),
    LLAMA("01-ai/Yi-Coder-9B-Chat", 48, 4096, 11008, 32, 4, 128, 64000, 131072, SEPARATE, 0),
    MISTRAL("HuggingFaceH4/zephyr-7b-beta", 32, 4096, 14336, 32, 8, 128, 32000, 32768, SEPARATE, 7241732096, "\"sliding_window\": 4096"),
    LLAMA("HuggingFaceTB/SmolLM2-1.7B-Instruct", 24, 2048, 8192, 32, 32, 64, 49152, 8192, TIED, 1711376384),
    LLAMA("HuggingFaceTB/SmolLM2-135M",            30,  576,  1536,  9,  3,  64,  49152,   8192, TIED,       134515008),
    LLAMA("HuggingFaceTB/SmolLM2-135M-Instruct",   30,  576,  1536,  9,  3,  64,  49152,   8192, TIED,       134515008),
    LLAMA("HuggingFaceTB/SmolLM2-360M-Instruct", 32, 960, 2560, 15, 5, 64, 49152, 8192, TIED, 361821120),
    LLAMA("NousResearch/Hermes-3-Llama-3.1-70B", 80, 8192, 28672, 64, 8, 128, 128256, 131072, SEPARATE, 70553706496),
    LLAMA("NousResearch/Hermes-3-Llama-3.1-8B", 32, 4096, 14336, 32, 8, 128, 128256, 131072, SEPARATE, 0),
    LLAMA("NousResearch/Hermes-4-70B", 80, 8192, 28672, 64, 8, 128, 128256, 131072, SEPARATE, 0),
    LLAMA("TinyLlama/TinyLlama-1.1B-Chat-v1.0", 22, 2048, 5632, 32, 4, 64, 32000, 2048, SEPARATE, 1100048384),
    LLAMA("codellama/CodeLlama-13b-Instruct-hf", 40, 5120, 13824, 40, 40, 128, 32016, 16384, SEPARATE, 0),
    LLAMA("codellama/CodeLlama-34b-Instruct-hf", 48, 8192, 22016, 64, 8, 128, 32000, 16384, SEPARATE, 0),
    LLAMA("codellama/CodeLlama-7b-Instruct-hf", 32, 4096, 11008, 32, 32, 128, 32016, 16384, SEPARATE, 0),
    LLAMA("deepseek-ai/DeepSeek-R1-Distill-Llama-70B", 80, 8192, 28672, 64, 8, 128, 128256, 131072, SEPARATE, 70553706496),
    LLAMA("deepseek-ai/DeepSeek-R1-Distill-Llama-8B", 32, 4096, 14336, 32, 8, 128, 128256, 131072, SEPARATE, 8030261248),
    LLAMA("deepseek-ai/deepseek-coder-1.3b-instruct", 24, 2048, 5504, 16, 16, 128, 32256, 16384, SEPARATE, 0),
    LLAMA("deepseek-ai/deepseek-coder-33b-instruct", 62, 7168, 19200, 56, 8, 128, 32256, 16384, SEPARATE, 0),
    LLAMA("deepseek-ai/deepseek-coder-6.7b-instruct", 32, 4096, 11008, 32, 32, 128, 32256, 16384, SEPARATE, 0),
    LLAMA("deepseek-ai/deepseek-llm-67b-chat", 95, 8192, 22016, 64, 8, 128, 102400, 4096, SEPARATE, 0),
    LLAMA("deepseek-ai/deepseek-llm-7b-chat", 30, 4096, 11008, 32, 32, 128, 102400, 4096, SEPARATE, 0),
    LLAMA("deepseek-ai/deepseek-math-7b-instruct", 30, 4096, 11008, 32, 32, 128, 102400, 4096, SEPARATE, 0),
    MISTRAL_EMBED("intfloat/e5-mistral-7b-instruct", 32, 4096, 14336, 32, 8, 128, 32000, 32768, SEPARATE, 7110660096, "\"sliding_window\": 4096"),
    LLAVA("llava-hf/llava-1.5-13b-hf", 40, 5120, 13824, 40, 40, 128, 32064, 4096, SEPARATE, 0),
    LLAVA("llava-hf/llava-1.5-7b-hf", 32, 4096, 11008, 32, 32, 128, 32064, 4096, SEPARATE, 0),
    LLAVA_NEXT("llava-hf/llava-v1.6-mistral-7b-hf", 32, 4096, 14336, 32, 8, 128, 32064, 32768, SEPARATE, 0),
    LLAMA("lmsys/vicuna-13b-v1.5", 40, 5120, 13824, 40, 40, 128, 32000, 4096, SEPARATE, 13015864320),
    LLAMA("lmsys/vicuna-7b-v1.5", 32, 4096, 11008, 32, 32, 128, 32000, 4096, SEPARATE, 6738415616),
    LLAMA("meta-llama/Llama-2-13b-chat-hf", 40, 5120, 13824, 40, 40, 128, 32000, 4096, SEPARATE, 13015864320),
    LLAMA("meta-llama/Llama-2-13b-hf", 40, 5120, 13824, 40, 40, 128, 32000, 4096, SEPARATE, 13015864320),
    LLAMA("meta-llama/Llama-2-70b-chat-hf", 80, 8192, 28672, 64, 8, 128, 32000, 4096, SEPARATE, 68976648192),
    LLAMA("meta-llama/Llama-2-70b-hf", 80, 8192, 28672, 64, 8, 128, 32000, 4096, SEPARATE, 68976648192),
    LLAMA("meta-llama/Llama-2-7b-chat-hf", 32, 4096, 11008, 32, 32, 128, 32000, 4096, SEPARATE, 6738415616),
    LLAMA("meta-llama/Llama-2-7b-hf", 32, 4096, 11008, 32, 32, 128, 32000, 4096, SEPARATE, 6738415616),
    LLAMA("meta-llama/Llama-3.1-405B", 126, 16384, 53248, 128, 8, 128, 128256, 131072, SEPARATE, 0),
    LLAMA("meta-llama/Llama-3.1-405B-Instruct", 126, 16384, 53248, 128, 8, 128, 128256, 131072, SEPARATE, 0),
    LLAMA("meta-llama/Llama-3.1-70B",              80, 8192, 28672, 64,  8, 128, 128256, 131072, SEPARATE, 70553706496),
    LLAMA("meta-llama/Llama-3.1-70B-Instruct",     80, 8192, 28672, 64,  8, 128, 128256, 131072, SEPARATE, 70553706496),
    LLAMA("meta-llama/Llama-3.1-8B",               32, 4096, 14336, 32,  8, 128, 128256, 131072, SEPARATE,  8030261248),
    LLAMA("meta-llama/Llama-3.1-8B-Instruct",      32, 4096, 14336, 32,  8, 128, 128256, 131072, SEPARATE,  8030261248),
    MLLAMA("meta-llama/Llama-3.2-11B-Vision-Instruct", 40, 4096, 14336, 32, 8, 128, 128256, 131072, SEPARATE, 0, "\"cross_attention_layers\": [3, 8, "
        "13, 18, 23, 28, 33, 38]"),
    LLAMA("meta-llama/Llama-3.2-1B",               16, 2048,  8192, 32,  8,  64, 128256, 131072, TIED,      1235814400),
    LLAMA("meta-llama/Llama-3.2-1B-Instruct",      16, 2048,  8192, 32,  8,  64, 128256, 131072, TIED,      1235814400),
    LLAMA("meta-llama/Llama-3.2-3B",               28, 3072,  8192, 24,  8, 128, 128256, 131072, TIED,      3212749824),
    LLAMA("meta-llama/Llama-3.2-3B-Instruct",      28, 3072,  8192, 24,  8, 128, 128256, 131072, TIED,      3212749824),
    MLLAMA("meta-llama/Llama-3.2-90B-Vision-Instruct", 100, 8192, 28672, 64, 8, 128, 128256, 131072, SEPARATE, 0, "\"cross_attention_layers\": [3, 8, "
        "13, 18, 23, 28, 33, 38, 43, 48, 53, 58, 63, 68, 73, 78, 83, 88, 93, 98]"),
    LLAMA("meta-llama/Llama-3.3-70B-Instruct",     80, 8192, 28672, 64,  8, 128, 128256, 131072, SEPARATE, 70553706496),
    LLAMA4("meta-llama/Llama-4-Maverick-17B-128E-Instruct", 48, 5120, 8192, 40, 8, 128, 202048, 1048576, SEPARATE, 0,
        "\"attention_chunk_size\": 8192, \"interleave_moe_layer_step\": 2, \"intermediate_size_mlp\": 16384, "
        "\"num_experts_per_tok\": 1, \"num_local_experts\": 128, \"vision_config\": {\"num_hidden_layers\": 34, \"hidden_size\": 1408, "
        "\"intermediate_size\": 5632, \"num_attention_heads\": 16, \"patch_size\": 14}"),
    LLAMA4("meta-llama/Llama-4-Scout-17B-16E-Instruct", 48, 5120, 8192, 40, 8, 128, 202048, 10485760, SEPARATE, 0,
        "\"attention_chunk_size\": 8192, \"interleave_moe_layer_step\": 1, \"intermediate_size_mlp\": 16384, "
        "\"num_experts_per_tok\": 1, \"num_local_experts\": 16, \"vision_config\": {\"num_hidden_layers\": 34, \"hidden_size\": 1408, "
        "\"intermediate_size\": 5632, \"num_attention_heads\": 16, \"patch_size\": 14}"),
    LLAMA("meta-llama/Llama-Guard-3-1B", 16, 2048, 8192, 32, 8, 64, 128256, 131072, TIED, 1235814400),
    LLAMA("meta-llama/Llama-Guard-3-8B", 32, 4096, 14336, 32, 8, 128, 128256, 131072, SEPARATE, 0),
    LLAMA("meta-llama/Meta-Llama-3-70B", 80, 8192, 28672, 64, 8, 128, 128256, 8192, SEPARATE, 70553706496),
    LLAMA("meta-llama/Meta-Llama-3-70B-Instruct", 80, 8192, 28672, 64, 8, 128, 128256, 8192, SEPARATE, 70553706496),
    LLAMA("meta-llama/Meta-Llama-3-8B", 32, 4096, 14336, 32, 8, 128, 128256, 8192, SEPARATE, 8030261248),
    LLAMA("meta-llama/Meta-Llama-3-8B-Instruct", 32, 4096, 14336, 32, 8, 128, 128256, 8192, SEPARATE, 8030261248),
    MISTRAL("mistralai/Codestral-22B-v0.1", 56, 6144, 16384, 48, 8, 128, 32768, 32768, SEPARATE, 0),
    MISTRAL("mistralai/Devstral-Small-2505", 40, 5120, 32768, 32, 8, 128, 131072, 131072, SEPARATE, 23572403200),
    MISTRAL("mistralai/Devstral-Small-2507", 40, 5120, 32768, 32, 8, 128, 131072, 131072, SEPARATE, 23572403200),
    MISTRAL("mistralai/Magistral-Small-2506", 40, 5120, 32768, 32, 8, 128, 131072, 40960, SEPARATE, 23572403200),
    MISTRAL("mistralai/Magistral-Small-2507", 40, 5120, 32768, 32, 8, 128, 131072, 40960, SEPARATE, 23572403200),
    MISTRAL3("mistralai/Magistral-Small-2509", 40, 5120, 32768, 32, 8, 128, 131072, 131072, SEPARATE, 0),
    MISTRAL("mistralai/Mathstral-7B-v0.1", 32, 4096, 14336, 32, 8, 128, 32768, 32768, SEPARATE, 7248023552),
    MISTRAL3("mistralai/Ministral-3-14B-Instruct-2512", 40, 5120, 16384, 32, 8, 128, 131072, 262144, SEPARATE, 0,
        "\"quantization_config\": {\"quant_method\": \"fp8\", \"activation_scheme\": \"static\", \"modules_to_not_convert\": "
        "[\"vision_tower\", \"multi_modal_projector\", \"lm_head\"]}"),
    MISTRAL3("mistralai/Ministral-3-14B-Reasoning-2512", 40, 5120, 16384, 32, 8, 128, 131072, 262144, SEPARATE, 0),
    MISTRAL3("mistralai/Ministral-3-3B-Instruct-2512", 26, 3072, 9216, 32, 8, 128, 131072, 262144, TIED, 0,
        "\"quantization_config\": {\"quant_method\": \"fp8\", \"activation_scheme\": \"static\", \"modules_to_not_convert\": "
        "[\"vision_tower\", \"multi_modal_projector\", \"lm_head\"]}"),
    MISTRAL3("mistralai/Ministral-3-3B-Reasoning-2512", 26, 3072, 9216, 32, 8, 128, 131072, 262144, TIED, 0),
    MISTRAL3("mistralai/Ministral-3-8B-Instruct-2512", 34, 4096, 14336, 32, 8, 128, 131072, 262144, SEPARATE, 0,
        "\"quantization_config\": {\"quant_method\": \"fp8\", \"activation_scheme\": \"static\", \"modules_to_not_convert\": "
        "[\"vision_tower\", \"multi_modal_projector\", \"lm_head\"]}"),
    MISTRAL3("mistralai/Ministral-3-8B-Reasoning-2512", 34, 4096, 14336, 32, 8, 128, 131072, 262144, SEPARATE, 0),
    MISTRAL("mistralai/Ministral-8B-Instruct-2410", 36, 4096, 12288, 32, 8, 128, 131072, 32768, SEPARATE, 0),
    MISTRAL("mistralai/Mistral-7B-Instruct-v0.1", 32, 4096, 14336, 32, 8, 128, 32000, 32768, SEPARATE, 7241732096, "\"sliding_window\": 4096"),
    MISTRAL("mistralai/Mistral-7B-Instruct-v0.2", 32, 4096, 14336, 32, 8, 128, 32000, 32768, SEPARATE, 7241732096),
    MISTRAL("mistralai/Mistral-7B-Instruct-v0.3",  32, 4096, 14336, 32,  8, 128,  32768,  32768, SEPARATE,  7248023552),
    MISTRAL("mistralai/Mistral-7B-v0.1", 32, 4096, 14336, 32, 8, 128, 32000, 32768, SEPARATE, 7241732096, "\"sliding_window\": 4096"),
    MISTRAL("mistralai/Mistral-7B-v0.3", 32, 4096, 14336, 32, 8, 128, 32768, 32768, SEPARATE, 7248023552),
    MISTRAL("mistralai/Mistral-Large-Instruct-2407", 88, 12288, 28672, 96, 8, 128, 32768, 131072, SEPARATE, 122610069504),
    MISTRAL("mistralai/Mistral-Large-Instruct-2411", 88, 12288, 28672, 96, 8, 128, 32768, 131072, SEPARATE, 122610069504),
    MISTRAL("mistralai/Mistral-Nemo-Instruct-2407", 40, 5120, 14336, 32, 8, 128, 131072, 131072, SEPARATE, 12247782400),
    MISTRAL("mistralai/Mistral-Small-24B-Instruct-2501", 40, 5120, 32768, 32, 8, 128, 131072, 32768, SEPARATE, 23572403200),
    MISTRAL3("mistralai/Mistral-Small-3.1-24B-Instruct-2503", 40, 5120, 32768, 32, 8, 128, 131072, 131072, SEPARATE, 0),
    MISTRAL3("mistralai/Mistral-Small-3.2-24B-Instruct-2506", 40, 5120, 32768, 32, 8, 128, 131072, 131072, SEPARATE, 0),
    MISTRAL("mistralai/Mistral-Small-Instruct-2409", 56, 6144, 16384, 48, 8, 128, 32768, 32768, SEPARATE, 0),
    MIXTRAL("mistralai/Mixtral-8x22B-Instruct-v0.1", 56, 6144, 16384, 48, 8, 128, 32768, 65536, SEPARATE, 0,
        "\"num_local_experts\": 8, \"num_experts_per_tok\": 2"),
    MIXTRAL("mistralai/Mixtral-8x22B-v0.1", 56, 6144, 16384, 48, 8, 128, 32000, 65536, SEPARATE, 0,
        "\"num_local_experts\": 8, \"num_experts_per_tok\": 2"),
    MIXTRAL("mistralai/Mixtral-8x7B-Instruct-v0.1", 32, 4096, 14336, 32, 8, 128, 32000, 32768, SEPARATE, 46702792704, "\"num_local_experts\": 8, \"num_experts_per_tok\": 2"),
    MIXTRAL("mistralai/Mixtral-8x7B-v0.1", 32, 4096, 14336, 32, 8, 128, 32000, 32768, SEPARATE, 46702792704, "\"num_local_experts\": 8, \"num_experts_per_tok\": 2"),
    PIXTRAL("mistralai/Pixtral-12B-2409", 40, 5120, 14336, 32, 8, 128, 131072, 131072, SEPARATE, 0),
    LLAMA("nvidia/Llama-3.1-Nemotron-70B-Instruct-HF", 80, 8192, 28672, 64, 8, 128, 128256, 131072, SEPARATE, 0),
    LLAMA("nvidia/Llama-3.1-Nemotron-Nano-8B-v1", 32, 4096, 14336, 32, 8, 128, 128256, 131072, SEPARATE, 8030261248),
    NEMOTRON_NAS("nvidia/Llama-3_3-Nemotron-Super-49B-v1", 80, 8192, 28672, 64, 8, 128, 128256, 131072, SEPARATE, 0, SUPER_49B),
    NEMOTRON_NAS("nvidia/Llama-3_3-Nemotron-Super-49B-v1_5", 80, 8192, 28672, 64, 8, 128, 128256, 131072, SEPARATE, 0, SUPER_49B),
    MISTRAL("nvidia/Mistral-NeMo-Minitron-8B-Instruct", 40, 4096, 11520, 32, 8, 128, 131072, 8192, SEPARATE, 0),
    NEMOTRON_H("nvidia/NVIDIA-Nemotron-3-Nano-30B-A3B-BF16", 52, 2688, 1856, 32, 2, 128, 131072, 262144, SEPARATE, 0,
        "\"hybrid_override_pattern\": \"MEMEM*EMEMEM*EMEMEM*EMEMEM*EMEMEM*EMEMEMEM*EMEMEMEME\", \"mamba_num_heads\": 64, "
        "\"n_routed_experts\": 128, \"num_experts_per_tok\": 6, \"moe_intermediate_size\": 1856, \"moe_shared_expert_intermediate_size\": "
        "3712, \"mamba_head_dim\": 64, \"n_groups\": 8, \"ssm_state_size\": 128, \"conv_kernel\": 4, \"chunk_size\": 128, \"mamba_ssm_cache_dtype\": "
        "\"float32\", \"n_shared_experts\": 1"),
    NEMOTRON_H("nvidia/NVIDIA-Nemotron-3-Super-120B-A12B-BF16", 88, 4096, 2688, 32, 2, 128, 131072, 262144, SEPARATE, 0,
        "\"hybrid_override_pattern\": \"MEMEMEM*EMEMEMEM*EMEMEMEM*EMEMEMEMEM*EMEMEMEMEM*EMEMEMEMEM*EMEMEMEMEM*EMEMEMEM*EMEMEMEME\", "
        "\"mamba_num_heads\": 128, \"n_routed_experts\": 512, \"num_experts_per_tok\": 22, \"moe_intermediate_size\": 2688, "
        "\"moe_latent_size\": 1024, \"moe_shared_expert_intermediate_size\": 5376, \"mamba_head_dim\": 64, \"n_groups\": 8, "
        "\"ssm_state_size\": 128, \"conv_kernel\": 4, \"chunk_size\": 128, \"mamba_ssm_cache_dtype\": \"float32\", \"n_shared_experts\": 1"),
    NEMOTRON_H("nvidia/NVIDIA-Nemotron-3-Ultra-550B-A55B-BF16", 108, 8192, 5120, 64, 2, 128, 131072, 262144, SEPARATE, 0,
        "\"hybrid_override_pattern\": \"MEMEMEM*EMEMEM*EMEMEMEM*EMEMEMEM*EMEMEM*EMEMEMEM*EMEMEMEM*EMEMEM*EMEMEMEM*EMEMEMEM*EMEMEM*EMEMEMEM*EMEMEMEME\", \"mamba_num_heads\": 256, \"n_routed_experts\": 512, "
        "\"num_experts_per_tok\": 22, \"moe_intermediate_size\": 5120, \"moe_latent_size\": 2048, \"moe_shared_expert_intermediate_size\": 10240, \"mamba_head_dim\": 64, \"n_groups\": 8, \"ssm_state_size\": 128, "
        "\"conv_kernel\": 4, \"chunk_size\": 128, \"mamba_ssm_cache_dtype\": \"float32\", \"n_shared_experts\": 1"),
    NEMOTRON_H("nvidia/NVIDIA-Nemotron-Nano-9B-v2", 56, 4480, 15680, 40, 8, 128, 131072, 131072, SEPARATE, 8888227328,
        "\"hybrid_override_pattern\": \"M-M-M-MM-M-M-M*-M-M-M*-M-M-M-M*-M-M-M-M*-M-MM-M-M-M-M-M-\", \"mamba_num_heads\": 128, \"mamba_head_dim\": 80, "
        "\"n_groups\": 8, \"ssm_state_size\": 128, \"conv_kernel\": 4, \"chunk_size\": 128"),
    NEMOTRON_H("nvidia/Nemotron-H-56B-Base-8K", 118, 8192, 32768, 64, 8, 128, 131072, 8192, SEPARATE, 0,
        ""
        "\"hybrid_override_pattern\": \"M-M-M-M*-M-M-M-M-M*-M-M-M-M-M*-M-M-M-M-M*-M-M-M-M-M*-M-M-M-M-M*-M-M-M-M-M*-M-M-M-M-M*-M-M-M-M-M*-M-M-M-M-M*-M-M-M-M-M-\", "
        "\"mamba_num_heads\": 256, \"mamba_head_dim\": 64, \"n_groups\": 8, \"ssm_state_size\": 256, \"conv_kernel\": 4, "
        "\"chunk_size\": 128"),
    NEMOTRON_H("nvidia/Nemotron-H-8B-Base-8K", 52, 4096, 21504, 32, 8, 128, 131072, 8192, SEPARATE, 0,
        "\"hybrid_override_pattern\": \"M-M-M-M*-M-M-M-M-M*-M-M-M-M-M*-M-M-M-M-M*-M-M-M-M-M-\", \"mamba_num_heads\": 128, "
        "\"mamba_head_dim\": 64, \"n_groups\": 8, \"ssm_state_size\": 128, \"conv_kernel\": 4, \"chunk_size\": 128"),
    LLAMA("tiiuae/Falcon3-10B-Instruct", 40, 3072, 23040, 12, 4, 256, 131072, 32768, SEPARATE, 0),
    LLAMA("tiiuae/Falcon3-1B-Instruct", 18, 2048, 8192, 8, 4, 256, 131072, 8192, SEPARATE, 0),
    LLAMA("tiiuae/Falcon3-3B-Instruct", 22, 3072, 9216, 12, 4, 256, 131072, 32768, SEPARATE, 0),
    LLAMA("tiiuae/Falcon3-7B-Instruct", 28, 3072, 23040, 12, 4, 256, 131072, 32768, SEPARATE, 0),
    LLAMA("upstage/SOLAR-10.7B-Instruct-v1.0", 48, 4096, 14336, 32, 8, 128, 32000, 4096, SEPARATE, 10731524096),
    VOXTRAL("mistralai/Voxtral-Mini-3B-2507", 30, 3072, 8192, 32, 8, 128, 131072, 131072, SEPARATE, 0,
        "\"audio_config\": {\"model_type\": \"voxtral_encoder\", \"num_hidden_layers\": 32, \"hidden_size\": 1280, \"intermediate_size\": 5120, \"num_attention_heads\": 20}"),
    VOXTRAL("mistralai/Voxtral-Small-24B-2507", 40, 5120, 32768, 32, 8, 128, 131072, 131072, SEPARATE, 0,
        "\"audio_config\": {\"model_type\": \"voxtral_encoder\", \"num_hidden_layers\": 32, \"hidden_size\": 1280, \"intermediate_size\": 5120, \"num_attention_heads\": 20}"),
    LLAVA("mistral-community/pixtral-12b", 40, 5120, 14336, 32, 8, 128, 131072, 1024000, SEPARATE, 0, "\"vision_config\": {\"model_type\": \"pixtral\", \"image_size\": 1024, \"patch_size\": 16}"),
    LLAMA("utter-project/EuroLLM-9B-Instruct", 42, 4096, 12288, 32, 8, 128, 128000, 4096, SEPARATE, 9152319488),
    LLAMA_RANKS("Skywork/Skywork-Reward-V2-Llama-3.1-8B", 32, 4096, 14336, 32, 8, 128, 128256, 131072, SEPARATE, 0),
    { .id = NULL },
};

/* arch.c - one row for each class of model: what transformers assumes when a key of config.json is absent, and which keys it listens to. */
#include <stdio.h>
#include "model/model_int.h"

/* Towers by family: what their vision_config leaves out. */
static const struct bt_tower siglip = { .layers = 27, .hidden = 1152, .intermediate = 4304, .heads = 16, .patch = 14, .image_tokens = 256, .patches = 4096, .positions = 4096, .norm_bias = true };
static const struct bt_tower siglip_384 = { .layers = 27, .hidden = 1152, .intermediate = 4304, .heads = 16, .patch = 14, .image_tokens = 729, .positions = 729, .norm_bias = true, .out_first = true };
static const struct bt_tower siglip_512 = { .layers = 27, .hidden = 1152, .intermediate = 4304, .heads = 16, .patch = 16, .image_tokens = 256, .patches = 1024, .positions = 1024, .norm_bias = true, .out_first = true };
static const struct bt_tower qwen2_vl = { .layers = 32, .hidden = 1280, .intermediate = 5120, .heads = 16, .patch = 14, .merge = 2, .image_tokens = 16384, .by_pixels = true, .videos = true };
static const struct bt_tower qwen25_vl = { .layers = 32, .hidden = 1280, .intermediate = 3420, .heads = 16, .patch = 14, .merge = 2, .image_tokens = 16384, .by_pixels = true, .videos = true, .gated = true };
/* its processor makes videos smaller: 768 tokens of two frames (transformers models/qwen2_5_omni) */
static const struct bt_tower qwen25_omni = { .layers = 32, .hidden = 1280, .intermediate = 3420, .heads = 16, .patch = 14, .merge = 2, .image_tokens = 16384, .by_pixels = true, .videos = true,
    .frame_tokens = 768, .gated = true };
/* videos: 25,165,824 pixels of all frames together, 2 x 32 x 32 to a token (video_preprocessor_config.json) */
static const struct bt_tower qwen3_vl = { .layers = 27, .hidden = 1152, .intermediate = 4304, .heads = 16, .patch = 16, .merge = 2, .image_tokens = 16384, .videos = true, .video_tokens = 12288,
    .positions = 2304, .mergers = 3, .norm_bias = true };
static const struct bt_tower qwen35 = { .layers = 27, .hidden = 1152, .intermediate = 4304, .heads = 16, .patch = 16, .merge = 2, .image_tokens = 16384, .videos = true, .video_tokens = 12288,
    .positions = 2304, .norm_bias = true };
static const struct bt_tower whisper = { .layers = 32, .hidden = 1280, .intermediate = 5120, .heads = 20, .patch = 1, .positions = 1500, .norm_bias = true };
static const struct bt_tower voxtral = { .layers = 32, .hidden = 1280, .intermediate = 5120, .heads = 20, .patch = 1, .merge = 2, .positions = 1500, .norm_bias = true, .out_first = true };     /* four frames at once */
static const struct bt_tower clip = { .layers = 24, .hidden = 1024, .intermediate = 4096, .heads = 16, .patch = 14, .image_tokens = 2880, .positions = 577, .norm_bias = true, .out_first = true };
static const struct bt_tower phi3v = { .layers = 24, .hidden = 1024, .intermediate = 4096, .heads = 16, .patch = 14, .merge = 2, .image_tokens = 2304, .positions = 577, .norm_bias = true,
    .out_first = true };
static const struct bt_tower intern = { .layers = 24, .hidden = 1024, .intermediate = 4096, .heads = 16, .patch = 14, .merge = 2, .image_tokens = 3328, .positions = 1025, .norm_bias = true, .out_first = true };
static const struct bt_tower mllama = { .layers = 40, .hidden = 1280, .intermediate = 5120, .heads = 16, .patch = 14, .image_tokens = 6404, .positions = 59237, .norm_bias = true, .crossed = true };
    /* positions: 1601 of a tile, in 4 tiles of 8 aspect ratios and one without */
/* before the merger came: every patch of 16 is a token (vLLM models/pixtral.py) */
static const struct bt_tower pixtral_12b = { .layers = 24, .hidden = 1024, .intermediate = 4096, .heads = 16, .patch = 16, .image_tokens = 4096, .gated = true, .out_first = true };
static const struct bt_tower pixtral = { .layers = 24, .hidden = 1024, .intermediate = 4096, .heads = 16, .patch = 14, .merge = 2, .image_tokens = 3025, .gated = true };
/* nine patches are averaged into a token; positions: two axes of 10,240 (transformers models/gemma4) */
static const struct bt_tower gemma4 = { .layers = 16, .hidden = 768, .intermediate = 3072, .heads = 12, .patch = 16, .image_tokens = 280, .patches = 2520, .positions = 20480, .gated = true };
/* MobileNet-V5 of 300 million numbers and 256 tokens an image: a transformer of that size stands for it (transformers models/gemma3n, timm) */
static const struct bt_tower gemma3n = { .layers = 24, .hidden = 1024, .intermediate = 4096, .heads = 16, .patch = 16, .image_tokens = 256, .patches = 2304, .gated = false };
static const struct bt_tower gemma3n_audio = { .layers = 12, .hidden = 1536, .intermediate = 15360, .heads = 8, .patch = 1 };
/* 9,633,792 pixels, 28 x 28 to a token (GLM-4.1V's and 4.5V's preprocessor_config.json); positions: 24 x 24, stretched */
static const struct bt_tower glm4v = { .layers = 24, .hidden = 1536, .intermediate = 4096, .heads = 12, .patch = 14, .merge = 2, .image_tokens = 12288, .by_pixels = true, .videos = true,
    .positions = 576, .gated = true, .out_first = true, .merger_inner = 1 };
static const struct bt_tower ernie_vl = { .layers = 32, .hidden = 1280, .intermediate = 5120, .heads = 16, .patch = 14, .merge = 2, .image_tokens = 6177, .videos = true, .norm_bias = true, .resampler = true };
/* 4 crops and a thumbnail of 448, 16 to a side after folding (vLLM models/phi4mm.py: dynamic_hd 36 crops at most) */
static const struct bt_tower phi4_vision = { .layers = 27, .hidden = 1152, .intermediate = 4304, .heads = 16, .patch = 14, .image_tokens = 9473, .patches = 37888, .positions = 1024, .norm_bias = true, .out_first = true };
static const struct bt_tower phi4_audio = { .layers = 24, .hidden = 1024, .intermediate = 7168, .heads = 16, .patch = 1, .out_first = true };
static const struct bt_tower moonvit = { .layers = 27, .hidden = 1152, .intermediate = 4304, .heads = 16, .patch = 14, .merge = 2, .image_tokens = 1024, .positions = 4096, .norm_bias = true };
static const struct bt_tower step3v = { .layers = 63, .hidden = 1792, .intermediate = 15360, .heads = 16, .patch = 14, .image_tokens = 1521, .patches = 24336, .positions = 2705, .norm_bias = true, .out_first = true };
/* a conformer of 12 layers: intermediate stands for its two MLPs and convolutions together */
static const struct bt_tower gemma4_audio = { .layers = 12, .hidden = 1024, .intermediate = 10240, .heads = 8, .patch = 1 };
static const struct bt_tower dots = { .layers = 42, .hidden = 1536, .intermediate = 4224, .heads = 12, .patch = 14, .merge = 2, .image_tokens = 14400, .gated = true };

#define QWEN2 .known = true, .kv_heads = 32, .max_position = 32768, .qkv_bias = true, .window = BT_WINDOW_QWEN
#define QWEN3 .known = true, .kv_heads = 32, .head_dim = 128, .max_position = 32768, .qk_norm = true, .attention_bias_key = true, .window = BT_WINDOW_QWEN
#define QWEN3_MOE .known = true, .kv_heads = 4, .head_dim = 128, .max_position = 32768, .qk_norm = true, .attention_bias_key = true, .window = BT_WINDOW_QWEN
#define LLAMA .known = true, .max_position = 2048, .attention_bias_key = true, .mlp_bias_key = true
#define GEMMA3 .known = true, .tied = true, .kv_heads = 4, .head_dim = 256, .vocab = 262208, .max_position = 131072, .pattern = 6, .qk_norm = true, \
    .window = BT_WINDOW_PATTERN, .position_has_rope = true, .norms = 4, .tables = 2
#define GEMMA4 .known = true, .tied = true, .kv_heads = 4, .head_dim = 256, .global_head_dim = 512, .vocab = 262144, .max_position = 131072, .pattern = 6, .qk_norm = true, \
    .window = BT_WINDOW_PATTERN, .position_has_rope = true, .norms = 4, .tables = 2, .layer_embedding = 256
#define DEEPSEEK .known = true, .attn = BT_ATTN_MLA, .q_lora = 1536, .max_position = 4096
#define GEMMA3N .known = true, .tied = true, .kv_heads = 2, .head_dim = 256, .vocab = 262400, .max_position = 32768, .pattern = 5, .qk_norm = true, \
    .window = BT_WINDOW_PATTERN, .position_has_rope = true, .norms = 4, .tables = 2, .layer_embedding = 256, .altup = 4, .laurel = 64
#define MINIMAX_01 .known = true, .kv_heads = 8, .head_dim = 128, .max_position = 10240000, .hybrid = BT_HYBRID_LIGHTNING, .rotary_share = 0.5
#define STEP3 .known = true, .kv_heads = 1, .head_dim = 256, .max_position = 65536
#define GLM4 .known = true, .kv_heads = 2, .head_dim = 128, .max_position = 131072, .norms = 4, .attention_bias_key = true, .rotary_share = 0.5
#define GLM4_MOE .known = true, .kv_heads = 8, .head_dim = 128, .max_position = 131072, .dense_first = 1, .attention_bias_key = true, .rotary_share = 0.5
#define CHATGLM .known = true, .head_dim = 128, .max_position = 8192, .qkv_bias = true, .rotary_share = 0.5
#define DELTA .known = true, .hybrid = BT_HYBRID_DELTA, .kv_heads = 2, .head_dim = 256, .max_position = 32768, .qk_norm = true, .rotary_share = 0.25, \
    .attn_gate = true, .shared_gate = true

/* Encoders by family. */
static const struct bt_encoder_class bert = { .positions = true, .types = true, .norm_bias = true, .pooler = true, .all_bias = true };
static const struct bt_encoder_class roberta = { .offset = 2, .positions = true, .types = true, .norm_bias = true, .pooler = true, .all_bias = true, .classifier = BT_CLASSIFY_DENSE };
static const struct bt_encoder_class modernbert = { .final_norm = true, .first_bare = true, .gated = true, .classifier = BT_CLASSIFY_NORMED };
static const struct bt_encoder_class nomic = { .types = true, .norm_bias = true, .by_keys = true };
static const struct bt_encoder_class gte = { .types = true, .norm_bias = true, .gated = true, .qkv_bias = true, .o_bias = true, .down_bias = true };
static const struct bt_encoder_class gte_labels = { .types = true, .norm_bias = true, .gated = true, .qkv_bias = true, .o_bias = true, .down_bias = true, .pooler = true };
#define BERT .known = true, .tied = true, .max_position = 512, .plain_mlp = true, .encoder = &bert
#define ROBERTA .known = true, .tied = true, .max_position = 514, .plain_mlp = true, .encoder = &roberta
#define MODERNBERT .known = true, .tied = true, .max_position = 8192, .tables = 2, .encoder = &modernbert
#define GTE_NEW .known = true, .tied = true, .max_position = 8192

static const struct bt_arch archs[] = {
    { .name = "BertModel", BERT },
    { .name = "BertForSequenceClassification", BERT },
    { .name = "BertForTokenClassification", BERT },
    { .name = "BertForMaskedLM", BERT },
    { .name = "BertSpladeSparseEmbeddingModel", BERT },
    { .name = "RobertaModel", ROBERTA },
    { .name = "RobertaForMaskedLM", ROBERTA },
    { .name = "RobertaForSequenceClassification", ROBERTA },
    { .name = "XLMRobertaModel", ROBERTA },
    { .name = "XLMRobertaForMaskedLM", ROBERTA },
    { .name = "XLMRobertaForSequenceClassification", ROBERTA },
    { .name = "ModernBertModel", MODERNBERT },
    { .name = "ModernBertForMaskedLM", MODERNBERT },
    { .name = "ModernBertForSequenceClassification", MODERNBERT },
    { .name = "ModernBertForTokenClassification", MODERNBERT },
    { .name = "NomicBertModel", .known = true, .tied = true, .max_position = 2048, .plain_mlp = true, .encoder = &nomic },
    { .name = "NewModel", GTE_NEW, .encoder = &gte },
    { .name = "GteModel", GTE_NEW, .encoder = &gte },
    { .name = "GteNewModel", GTE_NEW, .encoder = &gte },
    { .name = "NewForSequenceClassification", GTE_NEW, .encoder = &gte_labels },
    { .name = "GteNewForSequenceClassification", GTE_NEW, .encoder = &gte_labels },
    { .name = "NewForTokenClassification", GTE_NEW, .encoder = &gte_labels },
    { .name = "LlamaForCausalLM", LLAMA },
    { .name = "LlamaForSequenceClassification", LLAMA, .pooling = true },
    { .name = "DeciLMForCausalLM", LLAMA },
    { .name = "GraniteForCausalLM", LLAMA, .tied = true },
    { .name = "SeedOssForCausalLM", LLAMA, .qkv_bias = true },
    { .name = "InternLM2ForCausalLM", LLAMA },
    { .name = "InternLM3ForCausalLM", LLAMA },
    { .name = "AquilaForCausalLM", LLAMA },
    { .name = "ExaoneForCausalLM", LLAMA },
    { .name = "SmolLM3ForCausalLM", LLAMA, .tied = true },
    { .name = "BaichuanForCausalLM", LLAMA },
    { .name = "Ernie4_5ForCausalLM", LLAMA, .tied = true },
    { .name = "Ernie4_5_MoeForCausalLM", LLAMA, .tied = true, .dense_first = 1 },
    { .name = "BailingMoeForCausalLM", LLAMA },
    { .name = "BailingMoeV2ForCausalLM", LLAMA, .rotary_share = 0.5, .qk_norm = true },
    { .name = "Olmo2ForCausalLM", LLAMA, .qk_norm = true, .qk_norm_whole = true },
    { .name = "Olmo3ForCausalLM", LLAMA, .qk_norm = true, .qk_norm_whole = true, .pattern = 4, .window = BT_WINDOW_PATTERN },
    { .name = "Exaone4ForCausalLM", LLAMA, .qk_norm = true, .pattern = 4, .window = BT_WINDOW_PATTERN },
    { .name = "MiMoForCausalLM", QWEN2 },
    { .name = "LlavaForConditionalGeneration", LLAMA, .tower = &clip, .shell = true },
    { .name = "LlavaNextForConditionalGeneration", LLAMA, .tower = &clip, .shell = true },
    { .name = "MllamaForConditionalGeneration", .known = true, .kv_heads = 8, .max_position = 131072, .tower = &mllama },
    { .name = "Llama4ForConditionalGeneration", .known = true, .kv_heads = 8, .head_dim = 128, .max_position = 131072, .pattern = 4, .window = BT_WINDOW_PATTERN,
      .chunked = true, .tower = &clip },
    { .name = "MistralForCausalLM", .known = true, .kv_heads = 8, .max_position = 131072, .window = BT_WINDOW_ALL },
    { .name = "MistralModel", .known = true, .kv_heads = 8, .max_position = 131072, .window = BT_WINDOW_ALL, .pooling = true },
    { .name = "PixtralForConditionalGeneration", .known = true, .kv_heads = 8, .max_position = 131072, .window = BT_WINDOW_ALL, .tower = &pixtral_12b },
    { .name = "Mistral3ForConditionalGeneration", .known = true, .kv_heads = 8, .max_position = 131072, .window = BT_WINDOW_ALL, .tower = &pixtral },
    { .name = "MixtralForCausalLM", .known = true, .kv_heads = 8, .max_position = 131072, .window = BT_WINDOW_ALL },
    { .name = "Qwen2ForCausalLM", QWEN2 },
    { .name = "Qwen2ForSequenceClassification", QWEN2, .pooling = true },
    { .name = "Qwen2ForRewardModel", QWEN2, .pooling = true },
    { .name = "Qwen2ForProcessRewardModel", QWEN2, .pooling = true },
    { .name = "Qwen2MoeForCausalLM", .known = true, .kv_heads = 16, .max_position = 32768, .qkv_bias = true, .window = BT_WINDOW_QWEN, .shared_gate = true },
    { .name = "Qwen2VLForConditionalGeneration", QWEN2, .tower = &qwen2_vl, .mrope = true },
    { .name = "Qwen2_5_VLForConditionalGeneration", QWEN2, .tower = &qwen25_vl, .mrope = true },
    { .name = "DotsOCRForCausalLM", QWEN2, .tower = &dots },
    { .name = "Qwen3ForCausalLM", QWEN3 },
    { .name = "Qwen3Model", QWEN3, .pooling = true },
    { .name = "Qwen3ForSequenceClassification", QWEN3, .pooling = true },
    { .name = "Qwen3MoeForCausalLM", QWEN3_MOE },
    { .name = "Qwen3VLForConditionalGeneration", QWEN3, .tower = &qwen3_vl, .mrope = true },
    { .name = "Qwen3VLMoeForConditionalGeneration", QWEN3_MOE, .tower = &qwen3_vl, .mrope = true },
    { .name = "Qwen3NextForCausalLM", DELTA },
    { .name = "Qwen3_5ForCausalLM", DELTA },
    { .name = "Qwen3_5ForConditionalGeneration", DELTA, .tower = &qwen35, .mrope = true },
    { .name = "Qwen3_5MoeForCausalLM", DELTA },
    { .name = "Qwen3_5MoeForConditionalGeneration", DELTA, .tower = &qwen35, .mrope = true },
    { .name = "Phi3ForCausalLM", .known = true, .max_position = 4096, .window = BT_WINDOW_ALL, .position_has_rope = true },
    { .name = "Phi3VForCausalLM", .known = true, .max_position = 4096, .window = BT_WINDOW_ALL, .position_has_rope = true, .tower = &phi3v },
    { .name = "PhiMoEForCausalLM", .known = true, .max_position = 131072, .window = BT_WINDOW_ALL, .position_has_rope = true, .attention_bias_key = true },
    { .name = "GemmaForCausalLM", .known = true, .tied = true, .head_dim = 256, .max_position = 8192 },
    { .name = "Gemma2ForCausalLM", .known = true, .tied = true, .kv_heads = 4, .head_dim = 256, .vocab = 256000, .max_position = 8192, .pattern = 2,
      .window = BT_WINDOW_PATTERN, .norms = 4 },
    { .name = "Gemma3ForCausalLM", GEMMA3 },
    { .name = "Gemma3ForConditionalGeneration", GEMMA3, .tower = &siglip },
    { .name = "GptOssForCausalLM", .known = true, .kv_heads = 8, .head_dim = 64, .max_position = 131072, .pattern = 2, .window = BT_WINDOW_PATTERN,
      .qkv_bias = true, .position_has_rope = true, .expert_bias = true },
    { .name = "Cohere2ForCausalLM", .known = true, .tied = true, .head_dim = 128, .max_position = 131072, .pattern = 4, .window = BT_WINDOW_PATTERN, .norms = 1 },
    { .name = "CohereForCausalLM", .known = true, .tied = true, .max_position = 8192, .norms = 1 },
    { .name = "DeepseekV2ForCausalLM", DEEPSEEK },
    { .name = "DeepseekV3ForCausalLM", DEEPSEEK, .dense_first = 3 },
    { .name = "DeepseekV32ForCausalLM", DEEPSEEK, .dense_first = 3 },
    { .name = "DeepseekV4ForCausalLM", .known = true, .attn = BT_ATTN_COMPRESSED, .kv_heads = 1, .head_dim = 512, .q_lora = 1024, .max_position = 1048576 },
    { .name = "Glm4MoeLiteForCausalLM", .known = true, .attn = BT_ATTN_MLA, .q_lora = 768, .max_position = 202752, .dense_first = 1 },
    { .name = "KimiK25ForConditionalGeneration", DEEPSEEK, .dense_first = 1 },
    { .name = "GlmMoeDsaForCausalLM", .known = true, .attn = BT_ATTN_MLA, .q_lora = 2048, .max_position = 202752, .dense_first = 3, .indexer_every = 4 },
    { .name = "Glm4MoeForCausalLM", GLM4_MOE },
    { .name = "Glm4ForCausalLM", GLM4 },
    { .name = "MiniMaxM2ForCausalLM", .known = true, .kv_heads = 8, .head_dim = 128, .max_position = 196608, .qk_norm = true, .rotary_share = 0.5 },
    { .name = "JambaForCausalLM", .known = true, .kv_heads = 8, .max_position = 262144, .hybrid = BT_HYBRID_JAMBA, .no_rotary = true },
    { .name = "NemotronHForCausalLM", .known = true, .kv_heads = 8, .head_dim = 128, .max_position = 4096, .hybrid = BT_HYBRID_LETTERS, .plain_mlp = true,
      .no_rotary = true, .norms = 1 },
    { .name = "GraniteMoeHybridForCausalLM", .known = true, .tied = true, .max_position = 131072, .hybrid = BT_HYBRID_TYPES, .no_rotary = true },
    { .name = "FalconH1ForCausalLM", .known = true, .kv_heads = 2, .max_position = 8192, .hybrid = BT_HYBRID_BOTH },
    { .name = "MambaForCausalLM", .known = true, .tied = true, .vocab = 50280, .hybrid = BT_HYBRID_ALL_1, .no_rotary = true, .norms = 1 },
    { .name = "FalconMambaForCausalLM", .known = true, .tied = true, .vocab = 50280, .hybrid = BT_HYBRID_ALL_1, .no_rotary = true, .norms = 1 },
    { .name = "Mamba2ForCausalLM", .known = true, .vocab = 32768, .hybrid = BT_HYBRID_ALL_2, .no_rotary = true, .norms = 1 },
    { .name = "OPTForCausalLM", .known = true, .tied = true, .max_position = 2048, .plain_mlp = true, .all_bias = true, .no_rotary = true },
    { .name = "FalconForCausalLM", .known = true, .tied = true, .max_position = 2048, .plain_mlp = true, .norms = 1 },
    { .name = "Starcoder2ForCausalLM", .known = true, .tied = true, .kv_heads = 2, .max_position = 4096, .plain_mlp = true, .all_bias = true, .window = BT_WINDOW_ALL },
    { .name = "GPTNeoXForCausalLM", .known = true, .max_position = 2048, .plain_mlp = true, .all_bias = true, .rotary_share = 0.25 },
    { .name = "GPTBigCodeForCausalLM", .known = true, .tied = true, .max_position = 1024, .plain_mlp = true, .all_bias = true, .no_rotary = true },
    { .name = "BloomForCausalLM", .known = true, .tied = true, .max_position = 2048, .plain_mlp = true, .all_bias = true },
    { .name = "MPTForCausalLM", .known = true, .tied = true, .max_position = 2048, .plain_mlp = true },
    { .name = "PhiForCausalLM", .known = true, .max_position = 2048, .plain_mlp = true, .all_bias = true, .norms = 1, .rotary_share = 0.5 },
    { .name = "QWenLMHeadModel", .known = true, .max_position = 8192, .qkv_bias = true, .gate_up_counted = true },
    { .name = "MolmoForCausalLM", QWEN2, .gate_up_counted = true, .tower = &clip },
    { .name = "DbrxForCausalLM", .known = true, .max_position = 32768 },
    { .name = "GPT2LMHeadModel", .known = true, .tied = true, .max_position = 1024, .plain_mlp = true, .all_bias = true, .no_rotary = true },
    /* language models inside a shell of text and images: the classes' text part is one of those above, as its model_type says */
    { .name = "InternVLChatModel", QWEN2, .tower = &intern, .shell = true },
    { .name = "Gemma4ForCausalLM", GEMMA4 },
    { .name = "Gemma4ForConditionalGeneration", GEMMA4, .tower = &gemma4, .audio = &gemma4_audio },
    { .name = "Gemma3nForConditionalGeneration", GEMMA3N, .tower = &gemma3n, .audio = &gemma3n_audio },
    { .name = "Gemma3nForCausalLM", GEMMA3N },
    { .name = "KimiLinearForCausalLM", .known = true, .attn = BT_ATTN_MLA, .hybrid = BT_HYBRID_KDA, .max_position = 1048576, .dense_first = 1, .no_rotary = true },
    { .name = "KimiVLForConditionalGeneration", DEEPSEEK, .dense_first = 1, .tower = &moonvit },
    { .name = "MiniMaxText01ForCausalLM", MINIMAX_01 },
    { .name = "MiniMaxM1ForCausalLM", MINIMAX_01 },
    { .name = "MiniMaxForCausalLM", MINIMAX_01 },
    { .name = "Step3VLForConditionalGeneration", STEP3, .tower = &step3v },
    { .name = "Step3TextForCausalLM", STEP3 },
    { .name = "Glm4vForConditionalGeneration", GLM4, .tower = &glm4v, .mrope = true },
    { .name = "Glm4vMoeForConditionalGeneration", GLM4_MOE, .tower = &glm4v, .mrope = true },
    { .name = "GlmForCausalLM", .known = true, .kv_heads = 2, .head_dim = 128, .max_position = 131072, .attention_bias_key = true, .rotary_share = 0.5 },
    { .name = "ChatGLMModel", CHATGLM },
    { .name = "ChatGLMForConditionalGeneration", CHATGLM },
    { .name = "HunYuanMoEV1ForCausalLM", LLAMA, .tied = true, .qk_norm = true },
    { .name = "HunYuanDenseV1ForCausalLM", LLAMA, .tied = true, .qk_norm = true },
    { .name = "Phi4MMForCausalLM", .known = true, .tied = true, .max_position = 131072, .window = BT_WINDOW_ALL, .position_has_rope = true, .rotary_share = 0.75, .tower = &phi4_vision,
      .audio = &phi4_audio },
    { .name = "Ernie4_5_VLMoeForConditionalGeneration", LLAMA, .tied = true, .dense_first = 1, .experts_added = true, .tower = &ernie_vl, .mrope = true },
    { .name = "Dots1ForCausalLM", LLAMA, .qk_norm = true },
    { .name = "Lfm2ForCausalLM", .known = true, .tied = true, .kv_heads = 8, .max_position = 128000, .qk_norm = true, .hybrid = BT_HYBRID_CONV },
    { .name = "Lfm2MoeForCausalLM", .known = true, .tied = true, .kv_heads = 8, .max_position = 128000, .qk_norm = true, .hybrid = BT_HYBRID_CONV, .dense_first = 2 },
    { .name = "VoxtralForConditionalGeneration", LLAMA, .audio = &voxtral, .shell = true },
    { .name = "ApertusForCausalLM", LLAMA, .plain_mlp = true, .qk_norm = true },
    { .name = "ArceeForCausalLM", LLAMA, .plain_mlp = true },
    { .name = "NemotronForCausalLM", LLAMA, .plain_mlp = true, .rotary_share = 0.5 },
    { .name = "OlmoForCausalLM", LLAMA },
    { .name = "OlmoeForCausalLM", LLAMA, .qk_norm = true, .qk_norm_whole = true },
    { .name = "GraniteMoeForCausalLM", LLAMA, .tied = true },
    { .name = "GraniteMoeSharedForCausalLM", LLAMA, .tied = true },
    { .name = "DeepseekForCausalLM", LLAMA },
    { .name = "SolarForCausalLM", LLAMA },
    { .name = "InternLMForCausalLM", LLAMA },
    { .name = "XverseForCausalLM", LLAMA },
    { .name = "OrionForCausalLM", LLAMA },
    { .name = "MiniCPMForCausalLM", LLAMA },
    { .name = "TeleChat2ForCausalLM", LLAMA },
    { .name = "StableLmForCausalLM", LLAMA, .rotary_share = 0.25 },
    { .name = "InternVLForConditionalGeneration", QWEN2, .tower = &intern, .shell = true },
    { .name = "InternS1ForConditionalGeneration", QWEN3, .tower = &intern, .shell = true },
    { .name = "LlavaOnevisionForConditionalGeneration", QWEN2, .tower = &siglip_384, .shell = true },
    { .name = "Idefics3ForConditionalGeneration", LLAMA, .tower = &siglip_384, .shell = true },
    { .name = "SmolVLMForConditionalGeneration", LLAMA, .tower = &siglip_384, .shell = true },
    { .name = "AyaVisionForConditionalGeneration", .known = true, .tied = true, .max_position = 8192, .norms = 1, .tower = &siglip_384, .shell = true },
    { .name = "Cohere2VisionForConditionalGeneration", .known = true, .tied = true, .head_dim = 128, .max_position = 131072, .pattern = 4, .window = BT_WINDOW_PATTERN, .norms = 1,
      .tower = &siglip_512, .shell = true },
    { .name = "Qwen2AudioForConditionalGeneration", LLAMA, .audio = &whisper, .shell = true },
    { .name = "Zamba2ForCausalLM", .known = true, .tied = true, .max_position = 4096, .norms = 1, .hybrid = BT_HYBRID_ZAMBA },
    { .name = "Qwen2_5OmniForConditionalGeneration", .known = true, .kv_heads = 4, .max_position = 32768, .qkv_bias = true, .window = BT_WINDOW_QWEN, .tower = &qwen25_omni, .audio = &whisper, .mrope = true },
    { .name = "Qwen2_5OmniModel", .known = true, .kv_heads = 4, .max_position = 32768, .qkv_bias = true, .window = BT_WINDOW_QWEN, .tower = &qwen25_omni, .audio = &whisper, .mrope = true },
    { .name = "Qwen3OmniMoeForConditionalGeneration", .known = true, .kv_heads = 4, .head_dim = 128, .max_position = 65536, .qk_norm = true, .tower = &qwen3_vl, .audio = &whisper, .mrope = true },
};
/* Towers and language models by the model_type of their part of a config. */
static const struct { const char *type; const struct bt_tower *tower; } towers[] = {
    { "pixtral", &pixtral_12b }, { "siglip_vision_model", &siglip_384 }, { "clip_vision_model", &clip }, { "intern_vit_6b", &intern }, { "internvl_vision", &intern }, { "moonvit", &moonvit },
};
static const struct { const char *type, *name; } texts[] = {
    { "llama", "LlamaForCausalLM" }, { "mistral", "MistralForCausalLM" }, { "ministral3", "MistralForCausalLM" }, { "mixtral", "MixtralForCausalLM" }, { "qwen2", "Qwen2ForCausalLM" },
    { "qwen2_moe", "Qwen2MoeForCausalLM" }, { "qwen3", "Qwen3ForCausalLM" }, { "qwen3_moe", "Qwen3MoeForCausalLM" }, { "qwen3_next", "Qwen3NextForCausalLM" },
    { "qwen3_5_text", "Qwen3_5ForCausalLM" }, { "qwen3_5_moe_text", "Qwen3_5MoeForCausalLM" }, { "gemma", "GemmaForCausalLM" },
    { "gemma2", "Gemma2ForCausalLM" }, { "gemma3_text", "Gemma3ForCausalLM" }, { "gemma3n_text", "Gemma3nForCausalLM" }, { "gemma4_text", "Gemma4ForCausalLM" }, { "phi3", "Phi3ForCausalLM" },
    { "cohere", "CohereForCausalLM" }, { "cohere2", "Cohere2ForCausalLM" }, { "internlm2", "InternLM2ForCausalLM" }, { "deepseek_v2", "DeepseekV2ForCausalLM" },
    { "deepseek_v3", "DeepseekV3ForCausalLM" }, { "kimi_k2", "DeepseekV3ForCausalLM" }, { "kimi_linear", "KimiLinearForCausalLM" }, { "gpt_oss", "GptOssForCausalLM" },
    { "granite", "GraniteForCausalLM" }, { "granitemoehybrid", "GraniteMoeHybridForCausalLM" }, { "glm4", "Glm4ForCausalLM" }, { "glm4_moe", "Glm4MoeForCausalLM" },
    { "olmo2", "Olmo2ForCausalLM" }, { "olmo3", "Olmo3ForCausalLM" }, { "smollm3", "SmolLM3ForCausalLM" }, { "lfm2", "Lfm2ForCausalLM" }, { "lfm2_moe", "Lfm2MoeForCausalLM" },
    { "ernie4_5", "Ernie4_5ForCausalLM" }, { "nemotron_h", "NemotronHForCausalLM" }, { "exaone4", "Exaone4ForCausalLM" }, { "hunyuan_v1_dense", "HunYuanDenseV1ForCausalLM" },
    { "minimax_m2", "MiniMaxM2ForCausalLM" }, { "seed_oss", "SeedOssForCausalLM" }, { "stablelm", "StableLmForCausalLM" }, { "phi", "PhiForCausalLM" }, { "opt", "OPTForCausalLM" },
};
static const struct bt_arch unknown = { .name = "", .window = BT_WINDOW_BY_TYPES };

static const struct bt_arch *row_of(struct bt_str name)
{
    for (size_t i = 0; i < BT_LEN(archs); i++)
        if (bt_str_eq(name, archs[i].name))
            return &archs[i];
    return NULL;
}

/* A class whose layers are those of another: "Qwen2Model", "Gemma2ForSequenceClassification", "Phi3ForRewardModel" are the decoder that writes, without its head. */
static const struct bt_arch *by_stem(struct bt_str name)
{
    static const char *const ends[] = { "ForSequenceClassification", "ForTokenClassification", "ForProcessRewardModel", "ForRewardModel", "ForEmbedding", "EmbeddingModel", "TextModel", "BidirectionalModel", "Model" };
    char writer[96];
    for (size_t i = 0; i < BT_LEN(ends); i++) {
        size_t n = strlen(ends[i]);
        if (!bt_str_ends(name, ends[i]) || name.n - n > 64)
            continue;
        int k = snprintf(writer, sizeof writer, "%.*sForCausalLM", (int)(name.n - n), name.p);
        const struct bt_arch *found = row_of((struct bt_str){ writer, (size_t)k });
        if (found)
            return found;
    }
    return NULL;
}

const struct bt_arch *bt_arch_of(const char *name)
{
    const struct bt_arch *found = name ? row_of(bt_str(name)) : NULL;
    found = found || !name ? found : by_stem(bt_str(name));
    return found ? found : &unknown;
}

const struct bt_arch *bt_arch_of_type(const char *model_type)
{
    for (size_t i = 0; model_type && i < BT_LEN(texts); i++)
        if (!strcmp(texts[i].type, model_type))
            return row_of(bt_str(texts[i].name));
    return NULL;
}

const struct bt_tower *bt_tower_of_type(const char *model_type)
{
    for (size_t i = 0; model_type && i < BT_LEN(towers); i++)
        if (!strcmp(towers[i].type, model_type))
            return towers[i].tower;
    return NULL;
}

bool bt_arch_attends(const struct bt_arch *arch)
{
    return arch->hybrid != BT_HYBRID_ALL_1 && arch->hybrid != BT_HYBRID_ALL_2;
}

bool bt_model_architecture_known(const char *architecture)
{
    return bt_arch_of(architecture)->known;
}

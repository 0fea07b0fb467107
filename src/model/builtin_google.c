/* builtin_google.c - built-in shapes: Gemma. Columns: builtin.h. */
#include "model/builtin.h"

#define GEMMA(id, ...) { id, "GemmaForCausalLM", "gemma", __VA_ARGS__ }
#define GEMMA2(id, ...) { id, "Gemma2ForCausalLM", "gemma2", __VA_ARGS__ }
#define GEMMA3(id, ...) { id, "Gemma3ForConditionalGeneration", "gemma3", __VA_ARGS__ }
#define GEMMA3_TEXT(id, ...) { id, "Gemma3ForCausalLM", "gemma3_text", __VA_ARGS__ }
#define GEMMA4(id, ...) { id, "Gemma4ForConditionalGeneration", "gemma4", __VA_ARGS__ }

#define GEMMA3N(id, ...) { id, "Gemma3nForConditionalGeneration", "gemma3n", __VA_ARGS__ }
#define GEMMA2_EMBED(id, ...) { id, "Gemma2Model", "gemma2", __VA_ARGS__ }
const struct bt_shape_row bt_shapes_google[] = {
    GEMMA("google/codegemma-7b-it", 28, 3072, 24576, 16, 16, 256, 256000, 8192, TIED, 8537680896),
    GEMMA2("google/gemma-2-27b-it", 46, 4608, 36864, 32, 16, 128, 256000, 8192, TIED, 27227128320, "\"sliding_window\": 4096"),
    GEMMA2("google/gemma-2-2b-it", 26, 2304, 9216, 8, 4, 256, 256000, 8192, TIED, 2614341888, "\"sliding_window\": 4096"),
    GEMMA2("google/gemma-2-9b-it", 42, 3584, 14336, 16, 8, 256, 256000, 8192, TIED, 9241705984, "\"sliding_window\": 4096"),
    GEMMA("google/gemma-2b-it", 18, 2048, 16384, 8, 1, 256, 256000, 8192, TIED, 2506172416),
    GEMMA3("google/gemma-3-12b-it",                48, 3840, 15360, 16,  8, 256, 262208, 131072, TIED,     12187325040),
    GEMMA3_TEXT("google/gemma-3-1b-it", 26, 1152, 6912, 4, 1, 256, 262144, 32768, TIED, 999885952, "\"sliding_window\": 512"),
    GEMMA3_TEXT("google/gemma-3-270m-it", 18, 640, 2048, 4, 1, 256, 262144, 32768, TIED, 268098176, "\"sliding_window\": 512"),
    GEMMA3("google/gemma-3-27b-it", 62, 5376, 21504, 32, 16, 128, 262208, 131072, TIED, 27432406640),
    GEMMA3("google/gemma-3-4b-it", 34, 2560, 10240, 8, 4, 256, 262208, 131072, TIED, 4300079472),
    GEMMA4("google/gemma-4-26B-A4B", 30, 2816, 2112, 16, 8, 256, 262144, 262144, TIED, 0,
        "\"sliding_window\": 1024, \"use_bidirectional_attention\": \"vision\", \"attention_k_eq_v\": true, \"num_global_key_value_heads\": 2, \"enable_moe_block\": true, "
        "\"num_experts\": 128, \"top_k_experts\": 8, \"moe_intermediate_size\": 704, \"vision_config\": {\"hidden_size\": 1152, "
        "\"intermediate_size\": 4304, \"num_hidden_layers\": 27, \"num_attention_heads\": 16, \"patch_size\": 16}, "
        "\"hidden_size_per_layer_input\": 0, \"audio_config\": null"),
    GEMMA4("google/gemma-4-26B-A4B-it", 30, 2816, 2112, 16, 8, 256, 262144, 262144, TIED, 0,
        "\"sliding_window\": 1024, \"use_bidirectional_attention\": \"vision\", \"attention_k_eq_v\": true, \"num_global_key_value_heads\": 2, \"enable_moe_block\": true, "
        "\"num_experts\": 128, \"top_k_experts\": 8, \"moe_intermediate_size\": 704, \"vision_config\": {\"hidden_size\": 1152, "
        "\"intermediate_size\": 4304, \"num_hidden_layers\": 27, \"num_attention_heads\": 16, \"patch_size\": 16}, "
        "\"hidden_size_per_layer_input\": 0, \"audio_config\": null"),
    GEMMA4("google/gemma-4-31B", 60, 5376, 21504, 32, 16, 256, 262144, 262144, TIED, 0,
        "\"sliding_window\": 1024, \"use_bidirectional_attention\": \"vision\", \"attention_k_eq_v\": true, \"num_global_key_value_heads\": 4, \"vision_config\": {\"hidden_size\": "
        "1152, \"intermediate_size\": 4304, \"num_hidden_layers\": 27, \"num_attention_heads\": 16, \"patch_size\": 16}, "
        "\"hidden_size_per_layer_input\": 0, \"audio_config\": null"),
    GEMMA4("google/gemma-4-31B-it", 60, 5376, 21504, 32, 16, 256, 262144, 262144, TIED, 0,
        "\"sliding_window\": 1024, \"use_bidirectional_attention\": \"vision\", \"attention_k_eq_v\": true, \"num_global_key_value_heads\": 4, \"vision_config\": {\"hidden_size\": "
        "1152, \"intermediate_size\": 4304, \"num_hidden_layers\": 27, \"num_attention_heads\": 16, \"patch_size\": 16}, "
        "\"hidden_size_per_layer_input\": 0, \"audio_config\": null"),
    GEMMA4("google/gemma-4-E2B", 35, 1536, 6144, 8, 1, 256, 262144, 131072, TIED, 0,
        "\"sliding_window\": 512, \"num_kv_shared_layers\": 20, \"use_double_wide_mlp\": true, \"sliding_window_pattern\": 5"),
    GEMMA4("google/gemma-4-E2B-it", 35, 1536, 6144, 8, 1, 256, 262144, 131072, TIED, 0,
        "\"sliding_window\": 512, \"num_kv_shared_layers\": 20, \"use_double_wide_mlp\": true, \"sliding_window_pattern\": 5"),
    GEMMA4("google/gemma-4-E4B", 42, 2560, 10240, 8, 2, 256, 262144, 131072, TIED, 0, "\"sliding_window\": 512, \"num_kv_shared_layers\": 18"),
    GEMMA4("google/gemma-4-E4B-it", 42, 2560, 10240, 8, 2, 256, 262144, 131072, TIED, 0, "\"sliding_window\": 512, \"num_kv_shared_layers\": 18"),
    GEMMA("google/gemma-7b-it", 28, 3072, 24576, 16, 16, 256, 256000, 8192, TIED, 8537680896),
    GEMMA3("google/medgemma-27b-it", 62, 5376, 21504, 32, 16, 128, 262208, 131072, TIED, 0),
    GEMMA3("google/medgemma-4b-it", 34, 2560, 10240, 8, 4, 256, 262208, 131072, TIED, 0),
    GEMMA3N("google/gemma-3n-E2B-it", 30, 2048, 8192, 8, 2, 256, 262400, 32768, TIED, 5439438272,
        "\"sliding_window\": 512, \"sliding_window_pattern\": 5, \"num_kv_shared_layers\": 10, \"vocab_size_per_layer_input\": 262144, \"vision_config\": {}, \"audio_config\": {}"),
    GEMMA3N("google/gemma-3n-E4B-it", 35, 2048, 16384, 8, 2, 256, 262400, 32768, TIED, 7849978192,
        "\"sliding_window\": 512, \"sliding_window_pattern\": 5, \"num_kv_shared_layers\": 15, \"vocab_size_per_layer_input\": 262144, \"vision_config\": {}, \"audio_config\": {}"),
    GEMMA2_EMBED("BAAI/bge-multilingual-gemma2", 42, 3584, 14336, 16, 8, 256, 256002, 8192, TIED, 0, "\"sliding_window\": 4096"),
    { .id = NULL },
};

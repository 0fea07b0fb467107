/* builtin.c - shapes of well-known models, for plans made where the model is not on disk. Written from the models' published
 * configurations; the last column is the published number of parameters, and a test adds up the derived tensors to it. */
#include "model/model_int.h"

enum tie { SEPARATE, TIED };
/*   id, architecture, model_type, layers, hidden, intermediate, heads, kv_heads, head_dim, vocab, max_position, tied, parameters */
#define LLAMA(X, id, ...) X(id, "LlamaForCausalLM", "llama", __VA_ARGS__)
#define MISTRAL(X, id, ...) X(id, "MistralForCausalLM", "mistral", __VA_ARGS__)
#define QWEN2(X, id, ...) X(id, "Qwen2ForCausalLM", "qwen2", __VA_ARGS__)
#define QWEN3(X, id, ...) X(id, "Qwen3ForCausalLM", "qwen3", __VA_ARGS__)
#define GEMMA3(X, id, ...) X(id, "Gemma3ForConditionalGeneration", "gemma3", __VA_ARGS__)
#define SHAPES(X) \
    LLAMA(X, "HuggingFaceTB/SmolLM2-135M",            30,  576,  1536,  9,  3,  64,  49152,   8192, TIED,       134515008) \
    LLAMA(X, "HuggingFaceTB/SmolLM2-135M-Instruct",   30,  576,  1536,  9,  3,  64,  49152,   8192, TIED,       134515008) \
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
    QWEN3(X, "Qwen/Qwen3-0.6B",                       28, 1024,  3072, 16,  8, 128, 151936,  40960, TIED,       596049920) \
    QWEN3(X, "Qwen/Qwen3-1.7B",                       28, 2048,  6144, 16,  8, 128, 151936,  40960, TIED,      1720574976) \
    QWEN3(X, "Qwen/Qwen3-14B",                        40, 5120, 17408, 40,  8, 128, 151936,  40960, SEPARATE, 14768307200) \
    QWEN3(X, "Qwen/Qwen3-32B",                        64, 5120, 25600, 64,  8, 128, 151936,  40960, SEPARATE, 32762123264) \
    QWEN3(X, "Qwen/Qwen3-4B",                         36, 2560,  9728, 32,  8, 128, 151936,  40960, TIED,      4022468096) \
    QWEN3(X, "Qwen/Qwen3-8B",                         36, 4096, 12288, 32,  8, 128, 151936,  40960, SEPARATE,  8190735360) \
    GEMMA3(X, "google/gemma-3-12b-it",                48, 3840, 15360, 16,  8, 256, 262208, 131072, TIED,     12187325040) \
    LLAMA(X, "meta-llama/Llama-3.1-70B",              80, 8192, 28672, 64,  8, 128, 128256, 131072, SEPARATE, 70553706496) \
    LLAMA(X, "meta-llama/Llama-3.1-70B-Instruct",     80, 8192, 28672, 64,  8, 128, 128256, 131072, SEPARATE, 70553706496) \
    LLAMA(X, "meta-llama/Llama-3.1-8B",               32, 4096, 14336, 32,  8, 128, 128256, 131072, SEPARATE,  8030261248) \
    LLAMA(X, "meta-llama/Llama-3.1-8B-Instruct",      32, 4096, 14336, 32,  8, 128, 128256, 131072, SEPARATE,  8030261248) \
    LLAMA(X, "meta-llama/Llama-3.2-1B",               16, 2048,  8192, 32,  8,  64, 128256, 131072, TIED,      1235814400) \
    LLAMA(X, "meta-llama/Llama-3.2-1B-Instruct",      16, 2048,  8192, 32,  8,  64, 128256, 131072, TIED,      1235814400) \
    LLAMA(X, "meta-llama/Llama-3.2-3B",               28, 3072,  8192, 24,  8, 128, 128256, 131072, TIED,      3212749824) \
    LLAMA(X, "meta-llama/Llama-3.2-3B-Instruct",      28, 3072,  8192, 24,  8, 128, 128256, 131072, TIED,      3212749824) \
    LLAMA(X, "meta-llama/Llama-3.3-70B-Instruct",     80, 8192, 28672, 64,  8, 128, 128256, 131072, SEPARATE, 70553706496) \
    MISTRAL(X, "mistralai/Mistral-7B-Instruct-v0.3",  32, 4096, 14336, 32,  8, 128,  32768,  32768, SEPARATE,  7248023552)

struct shape {
    const char *id, *architecture, *type;
    uint32_t layers, hidden, intermediate, heads, kv_heads, head_dim, vocab, max_position;
    enum tie tie;
    uint64_t parameters;
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
        const char *head = bt_arena_printf(a, "\"architectures\": [\"%s\"], \"model_type\": \"%s\", \"torch_dtype\": \"bfloat16\"", s->architecture, s->type);
        if (!strcmp(s->type, "gemma3"))              /* a model of text and images keeps the language model's numbers one level down */
            return bt_arena_printf(a, "{%s, \"text_config\": {%s, \"sliding_window\": 1024, \"sliding_window_pattern\": 6}}", head, numbers);
        return bt_arena_printf(a, "{%s, %s}", head, numbers);
    }
    return NULL;
}

/* alias.c - names of models that are not in the table of built-in shapes but say which of them they are: a copy under another account, the
 * instruct or base sibling, a quantised one ("-FP8", "-AWQ", "-GPTQ-Int4", "-bnb-4bit", ...). */
#include <ctype.h>
#include "model/model_int.h"

#define INT4(group) "{\"quant_method\": \"gptq\", \"bits\": 4, \"group_size\": " group ", \"modules_to_not_convert\": [\"mtp.*\"]}"
#define AWQ "{\"quant_method\": \"awq\", \"modules_to_not_convert\": [\"mtp.*\"]}"
#define INT8 "{\"quant_method\": \"compressed-tensors\", \"format\": \"int-quantized\", \"ignore\": [\"lm_head\"], \"config_groups\": {\"group_0\": {\"weights\": {\"num_bits\": 8, \"type\": \"int\"}}}}"
#define FP8 "{\"quant_method\": \"compressed-tensors\", \"format\": \"float-quantized\", \"ignore\": [\"lm_head\"], \"config_groups\": {\"group_0\": {\"weights\": {\"num_bits\": 8, \"type\": \"float\"}}}}"
#define FP8_BLOCK "{\"quant_method\": \"fp8\", \"weight_block_size\": [128, 128]}"
#define INT8_GROUPS \
    "{\"quant_method\": \"compressed-tensors\", \"format\": \"pack-quantized\", \"ignore\": [\"lm_head\"], \"config_groups\": {\"group_0\": {\"weights\": {\"num_bits\": 8, \"type\": \"int\", \"group_size\": 32}}}}"
#define NVFP4 "{\"quant_method\": \"modelopt\", \"quant_algo\": \"NVFP4\", \"ignore\": [\"lm_head\", \"*.linear_attn*\", \"mtp.*\"]}"
#define NVFP4_LATENT "{\"quant_method\": \"modelopt\", \"quant_algo\": \"NVFP4\"}"        /* without a list: attention stays as it was (quant.c) */
#define NONE ""                      /* not even as the table's own */
#define OWN_MXFP4 "-mxfp4"           /* gpt-oss is that by itself; of another model it says that somebody made it so, by tools that differ */
#define NF4 "{\"quant_method\": \"bitsandbytes\", \"load_in_4bit\": true}"

/* Endings of names, the longer before what they end with; what a name has of them is what its checkpoint's quantization_config mostly says. */
static const struct { const char *ending, *config; } quantised[] = {
    { "-unsloth-bnb-4bit", NF4 },     { "-bnb-4bit", NF4 },             { "-nf4", NF4 },                     { "-gptq-int4", INT4("128") },      { "-gptq-4bit", INT4("128") },
    { "-gptq-int8", "{\"quant_method\": \"gptq\", \"bits\": 8, \"group_size\": 128}" },                     { "-gptq", INT4("128") },           { "-awq-int4", AWQ },
    { "-awq-4bit", AWQ },                     { "-int4-awq", AWQ },                         { "-awq", AWQ },
    { "-int4-autoround", INT4("128") }, { "-autoround-int4", INT4("128") }, { "-autoround", INT4("128") },   { "-int4-mixed-autoround", INT4("128") },
    { "-quantized.w4a16", INT4("128") }, { "-w4a16", INT4("128") },      { "-quantized.w8a8", INT8 },         { "-w8a8", INT8 },                  { "-quantized.w8a16", INT8 },
    { "-gptq-4bit-128g", INT4("128") }, { "-gptq-4b-128g", INT4("128") }, { "-int4-autoround-inc", INT4("128") }, { "-w4a16-g128", INT4("128") },
    { "-awq-8bit", INT8_GROUPS },     { "-nvfp4a16", NVFP4 },           { "-nvfp4-v2", NVFP4 },              { "-fp4-v2", NVFP4 },
    { "-fp8-block", FP8_BLOCK },      { "-fp8-static-pertensor", FP8 },    { "-fp8-static", FP8 },
    { "-int4", INT4("128") },         { "-int8", INT8 },                { "-fp8-dynamic", FP8 },             { "-fp8-kv", FP8 },                 { "-nvfp4", NVFP4 },
    { "-fp4", NVFP4 },                { "-fp8", FP8_BLOCK },
    { "-mtp", NULL },                   { "-abliterated", NULL },           { "-bf16", NULL },                { "-hf", NULL },
    { "-abliterated-v2", NULL },        { "-qat", NULL },                   { OWN_MXFP4, NULL },
};

/* Trained further from another, under a name that does not say so: the layers are the same, the longest context may not be. */
static const struct { const char *name, *of; } tuned[] = {
    { "Alibaba-NLP/Tongyi-DeepResearch-30B-A3B", "Qwen/Qwen3-30B-A3B-Instruct-2507" },
    { "CohereLabs/command-a-reasoning-08-2025", "CohereLabs/c4ai-command-a-03-2025" },
    { "CohereLabs/command-a-translate-08-2025", "CohereLabs/c4ai-command-a-03-2025" }, { "Goedel-LM/Goedel-Prover-V2-32B", "Qwen/Qwen3-32B" },
    { "Goedel-LM/Goedel-Prover-V2-8B", "Qwen/Qwen3-8B" }, { "LLM360/K2-Think", "Qwen/Qwen2.5-32B-Instruct" },
    { "Menlo/Jan-nano-128k", "Qwen/Qwen3-4B-Instruct-2507" }, { "NousResearch/Hermes-3-Llama-3.1-405B", "meta-llama/Llama-3.1-405B-Instruct" },
    { "NousResearch/Hermes-4-405B", "meta-llama/Llama-3.1-405B-Instruct" }, { "PrimeIntellect/INTELLECT-2", "Qwen/QwQ-32B" },
    { "PrimeIntellect/INTELLECT-3", "zai-org/GLM-4.5-Air" }, { "Qwen/Qwen3Guard-Gen-0.6B", "Qwen/Qwen3-0.6B" },
    { "Qwen/Qwen3Guard-Gen-4B", "Qwen/Qwen3-4B" }, { "Qwen/Qwen3Guard-Gen-8B", "Qwen/Qwen3-8B" },
    { "Sao10K/L3-8B-Stheno-v3.2", "meta-llama/Meta-Llama-3-8B-Instruct" }, { "Skywork/Skywork-OR1-32B", "deepseek-ai/DeepSeek-R1-Distill-Qwen-32B" },
    { "Skywork/Skywork-OR1-7B", "deepseek-ai/DeepSeek-R1-Distill-Qwen-7B" }, { "Skywork/Skywork-SWE-32B", "Qwen/Qwen2.5-Coder-32B-Instruct" },
    { "TheDrummer/Cydonia-24B-v4.1", "mistralai/Mistral-Small-24B-Instruct-2501" }, { "a-m-team/AM-Thinking-v1", "Qwen/Qwen2.5-32B-Instruct" },
    { "agentica-org/DeepCoder-14B-Preview", "deepseek-ai/DeepSeek-R1-Distill-Qwen-14B" }, { "agentica-org/DeepSWE-Preview", "Qwen/Qwen3-32B" },
    { "agentica-org/DeepScaleR-1.5B-Preview", "deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B" },
    { "allenai/Llama-3.1-Tulu-3-70B", "meta-llama/Llama-3.1-70B-Instruct" }, { "allenai/Llama-3.1-Tulu-3-8B", "meta-llama/Llama-3.1-8B-Instruct" },
    { "deepcogito/cogito-v1-preview-llama-8B", "meta-llama/Llama-3.1-8B-Instruct" }, { "deepcogito/cogito-v1-preview-qwen-14B", "Qwen/Qwen2.5-14B" },
    { "deepcogito/cogito-v1-preview-qwen-32B", "Qwen/Qwen2.5-32B" }, { "deepcogito/cogito-v2-preview-llama-70B", "meta-llama/Llama-3.3-70B-Instruct" },
    { "dphn/Dolphin-Mistral-24B-Venice-Edition", "mistralai/Mistral-Small-24B-Instruct-2501" },
    { "dphn/Dolphin3.0-Llama3.1-8B", "meta-llama/Llama-3.1-8B-Instruct" }, { "google/shieldgemma-9b", "google/gemma-2-9b-it" },
    { "inclusionAI/Ring-1T", "inclusionAI/Ling-1T" }, { "inclusionAI/Ring-flash-2.0", "inclusionAI/Ling-flash-2.0" },
    { "inclusionAI/Ring-mini-2.0", "inclusionAI/Ling-mini-2.0" }, { "janhq/Jan-v1-4B", "Qwen/Qwen3-4B-Thinking-2507" },
    { "mistralai/Mathstral-7B-v0.1", "mistralai/Mistral-7B-Instruct-v0.3" }, { "moonshotai/Kimi-Dev-72B", "Qwen/Qwen2.5-72B" },
    { "nvidia/AceReason-Nemotron-14B", "deepseek-ai/DeepSeek-R1-Distill-Qwen-14B" },
    { "nvidia/AceReason-Nemotron-7B", "deepseek-ai/DeepSeek-R1-Distill-Qwen-7B" }, { "open-thoughts/OpenThinker2-32B", "Qwen/Qwen2.5-32B-Instruct" },
    { "open-thoughts/OpenThinker3-7B", "Qwen/Qwen2.5-7B-Instruct" }, { "simplescaling/s1.1-32B", "Qwen/Qwen2.5-32B-Instruct" },
    { "tngtech/DeepSeek-R1T2-Chimera", "deepseek-ai/DeepSeek-R1" }, { "tngtech/DeepSeek-TNG-R1T2-Chimera", "deepseek-ai/DeepSeek-R1" },
};

/* The table's id that has the layers of this name, whatever account copied it; or NULL. */
static const char *by_training(const char *name)
{
    for (size_t i = 0; i < BT_LEN(tuned); i++)
        if (!strcasecmp(strchr(tuned[i].name, '/') + 1, name))
            return tuned[i].of;
    return NULL;
}

/* Accounts whose "-FP8" has a scale for each output, not for each square of 128. */
static bool scales_by_output(const char *id)
{
    return !strncasecmp(id, "RedHatAI/", 9) || !strncasecmp(id, "neuralmagic/", 12) || !strncasecmp(id, "nvidia/", 7) || !strncasecmp(id, "meta-llama/", 11);
}

static bool ends_with(const char *s, const char *ending)
{
    size_t n = strlen(s), k = strlen(ending);
    return n > k && strcasecmp(s + n - k, ending) == 0;
}

/* The table's id with that name under whatever account, or NULL. */
static const char *by_name(const char *name)
{
    const char *const *ids = bt_model_builtin();
    for (size_t i = 0; ids[i]; i++) {
        const char *slash = strchr(ids[i], '/');
        if (!strcasecmp(slash ? slash + 1 : ids[i], name))
            return ids[i];
    }
    return NULL;
}

/* Siblings have the same layers: instruct and base, with and without "Meta-", a date or a version behind it. */
static const char *by_sibling(struct bt_arena *a, const char *name)
{
    static const char *const kinds[] = { "-Instruct", "-it", "-Chat", "-Base", "-pt", "-hf", "-chat-hf", "-Thinking", "-Instruct-2507", "-BF16" };
    const char *stem = name, *id = by_name(name);
    for (size_t i = 0; !id && i < BT_LEN(kinds); i++)
        if (ends_with(name, kinds[i])) {
            stem = bt_arena_strndup(a, (struct bt_str){ name, strlen(name) - strlen(kinds[i]) });
            id = by_name(stem);
        }
    for (size_t i = 0; !id && i < BT_LEN(kinds); i++) {
        id = by_name(bt_arena_printf(a, "%s%s", stem, kinds[i]));
        if (!id && stem != name)     /* "CodeLlama-34B-Instruct", whose own name is "…-Instruct-hf" */
            id = by_name(bt_arena_printf(a, "%s%s", name, kinds[i]));
    }
    if (!id && !strncasecmp(stem, "Meta-", 5))
        return by_sibling(a, name + 5);
    return id ? id : !strncasecmp(name, "Llama-3", 7) ? by_name(bt_arena_printf(a, "Meta-%s", name)) : NULL;
}

/* "huihui-ai/Huihui-gpt-oss-20b", "nvidia/NVIDIA-Nemotron-3-…": accounts that put their own first word before the name. NULL: not so. */
static const char *without_account(const char *id, const char *name)
{
    size_t n = strcspn(id, "-_/");
    return n && !strncasecmp(id, name, n) && name[n] == '-' && name[n + 1] ? name + n + 1 : NULL;
}

/* "…-0731", "…-2603": a month or a day at the end. */
static const char *without_date(struct bt_arena *a, const char *name)
{
    const char *dash = strrchr(name, '-');
    size_t digits = dash ? strspn(dash + 1, "0123456789") : 0;
    return dash && dash != name && digits == 4 && !dash[5] ? bt_arena_strndup(a, (struct bt_str){ name, (size_t)(dash - name) }) : NULL;
}

const char *bt_builtin_alias(struct bt_arena *a, const char *id, uint64_t *parameters, const char **why)
{
    const char *exact = bt_builtin_config(a, id, NULL, parameters), *slash = strchr(id, '/'), *name = slash ? slash + 1 : id, *quant = NULL, *found = NULL;
    *why = NULL;
    if (exact || !slash || strlen(id) > 200)
        return exact;
    for (int round = 0; round < 3 && !found; round++) {
        found = by_sibling(a, name);
        found = found ? found : by_training(name);
        const char *dateless = found ? NULL : without_date(a, name);
        found = found ? found : dateless ? by_sibling(a, dateless) : NULL;
        const char *bare = found ? NULL : without_account(id, name);
        found = found ? found : bare ? by_sibling(a, bare) : NULL;
        for (size_t i = 0; !found && i < BT_LEN(quantised); i++)
            if (ends_with(name, quantised[i].ending) && (strcmp(quantised[i].ending, OWN_MXFP4) || strcasestr(name, "gpt-oss"))) {
                quant = quant ? quant : quantised[i].config;
                if (quant && !strcmp(quantised[i].ending, "-fp8") && scales_by_output(id))
                    quant = FP8;
                name = bt_arena_strndup(a, (struct bt_str){ name, strlen(name) - strlen(quantised[i].ending) });
                break;
            }
    }
    if (found && !quant && ends_with(id, "-BF16"))
        quant = NONE;
    if (found && quant && strstr(quant, "NVFP4") && bt_builtin_latent(found))
        quant = NVFP4_LATENT;
    const char *config = found ? bt_builtin_config(a, found, quant, parameters) : NULL;
    if (config)
        *why = bt_arena_printf(a, "%s is not here; by its name it has the layers of %s%s", bt_model_shown(a, id), found, quant && *quant ? ", quantised as the name says" : "");
    return config;
}

/* draft - layers that speculative decoding adds: a model's own (MTP), in its checkpoint, or a head of its own beside it (EAGLE). vLLM config/speculative.py. */
#include <stdlib.h>
#include <string.h>

#include "need/parts.h"

/* The value of a key of --speculative-config '{"method": "mtp", "num_speculative_tokens": 3}': what stands behind the colon, or NULL. */
static const char *value_of(const struct bt_serve *s, const char *key)
{
    const char *config = need_extra_flag(s, "speculative-config"), *at = config;
    size_t n = strlen(key);
    while (at && (at = strstr(at, key)) != NULL) {
        if (at > config && at[-1] == '"' && at[n] == '"')
            return at + n + 1 + strspn(at + n + 1, " :\"");
        at += n;
    }
    return NULL;
}

uint64_t need_spec_tokens(const struct bt_serve *s)
{
    const char *at = value_of(s, "num_speculative_tokens"), *old = at ? NULL : need_extra_flag(s, "num-speculative-tokens");         /* a flag of its own before 0.8 */
    unsigned long n = at || old ? strtoul(at ? at : old, NULL, 10) : 0;
    return BT_MIN(n, 64u);
}

static bool begins(const char *at, const char *word)
{
    return at && !strncmp(at, word, strlen(word));
}

/* Methods that draft from the prompt or with heads that keep nothing. */
static bool without_layers(const char *method)
{
    static const char *const none[] = { "ngram", "[ngram]", "suffix", "medusa", "mlp_speculator", "custom_class", "extract_hidden" };
    for (size_t i = 0; i < BT_LEN(none); i++)
        if (begins(method, none[i]))
            return true;
    return false;
}

struct need_draft need_draft(const struct bt_model *m, const struct bt_serve *s)
{
    const char *method = value_of(s, "method"), *model = value_of(s, "model");
    if (!need_spec_tokens(s) || without_layers(method) || begins(model, "[ngram]") || begins(need_extra_flag(s, "speculative-model"), "[ngram]"))
        return (struct need_draft){ 0 };
    if (begins(method, "eagle"))
        return (struct need_draft){ .layers = 1, .head = true };
    if (begins(method, "dspark") && m->compressed)
        return (struct need_draft){ .layers = 3, .block = true };                   /* models/deepseek_v4/nvidia/dspark.py, where the config names no number */
    return (struct need_draft){ .layers = m->mtp_layers };
}

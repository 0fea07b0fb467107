/* draft - layers that speculative decoding adds: a model's own (MTP), in its checkpoint, a head of its own beside it (EAGLE), or a whole model that drafts. vLLM config/speculative.py. */
#include <stdlib.h>
#include <string.h>

#include "need/parts.h"

/* The value of a key of --speculative-config '{"method": "mtp", "num_speculative_tokens": 3}': what stands behind the colon, or NULL. */
static const char *value_of(const struct bt_serve *s, const char *key)
{
    const char *config = need_extra_flag(s, "speculative-config");
    config = config ? config : need_extra_flag(s, "spec-config");
    config = config ? config : need_extra_flag(s, "sc");
    const char *at = config;
    size_t n = strlen(key);
    while (at && (at = strstr(at, key)) != NULL) {
        if (at > config && at[-1] == '"' && at[n] == '"')
            return at + n + 1 + strspn(at + n + 1, " :\"");
        at += n;
    }
    return NULL;
}

/* A model's own layers: without a number as many tokens as there are such layers (vLLM config/speculative.py, n_predict), which is one in every model that has them. */
static bool drafts_itself(const char *method)
{
    const char *end = method ? strchr(method, '"') : NULL;
    return end && end - method >= 3 && !strncmp(end - 3, "mtp", 3);
}

uint64_t need_spec_tokens(const struct bt_serve *s)
{
    const char *at = value_of(s, "num_speculative_tokens"), *old = at ? NULL : need_extra_flag(s, "num-speculative-tokens");         /* a flag of its own before 0.8 */
    unsigned long n = at || old ? strtoul(at ? at : old, NULL, 10) : drafts_itself(value_of(s, "method")) ? 1 : 0;
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

/* A checkpoint whose layers are not those that the model itself tells: a whole model, or a block drafter (dflash). */
static bool is_model(const char *method)
{
    static const char *const heads[] = { "eagle", "mtp", "dspark", "deepseek_mtp", "qwen3_next_mtp" };
    for (size_t i = 0; method && i < BT_LEN(heads); i++)
        if (begins(method, heads[i]))
            return false;
    return !without_layers(method) && !(method && strstr(method, "_mtp\""));
}

/* vLLM goes by the checkpoint's name where no method is given. */
static bool sounds_like_a_head(const char *model)
{
    size_t n = model ? strcspn(model, "\"") : 0;
    for (size_t i = 0; i + 5 <= n; i++)
        if (!strncasecmp(model + i, "eagle", 5))
            return true;
    return false;
}

const char *bt_need_drafter(struct bt_arena *a, const struct bt_serve *s, bool *reckoned)
{
    const char *method = value_of(s, "method"), *model = value_of(s, "model"), *old = model ? NULL : need_extra_flag(s, "speculative-model");
    size_t n = model ? strcspn(model, "\"") : 0;
    *reckoned = begins(method, "dflash");
    if (!need_spec_tokens(s) || (!method && sounds_like_a_head(model ? model : old)) || !is_model(method) || begins(model, "[ngram]") || begins(old, "[ngram]"))
        return NULL;
    return n ? bt_arena_strndup(a, (struct bt_str){ model, n }) : old;
}

#define FLASH_LAYERS 5               /* of the published block drafters (z-lab's for Qwen3, vLLM models/qwen3_dflash.py) */

static struct need_draft of_model(const struct bt_model *d, const struct bt_serve *s)
{
    const char *tp = value_of(s, "draft_tensor_parallel_size");
    return (struct need_draft){ .layers = d->layers, .model = d, .tp = tp && *tp == '1' && (tp[1] < '0' || tp[1] > '9') ? 1 : s->tp };
}

struct need_draft need_draft(const struct bt_model *m, const struct bt_serve *s)
{
    const char *method = value_of(s, "method"), *model = value_of(s, "model");
    if (!need_spec_tokens(s) || without_layers(method) || begins(model, "[ngram]") || begins(need_extra_flag(s, "speculative-model"), "[ngram]"))
        return (struct need_draft){ 0 };
    if (m->draft && is_model(method))
        return of_model(m->draft, s);
    if (begins(method, "eagle") || (!method && sounds_like_a_head(model ? model : need_extra_flag(s, "speculative-model"))))
        return (struct need_draft){ .layers = 1, .head = true };
    if (begins(method, "dflash"))
        return (struct need_draft){ .layers = FLASH_LAYERS, .head = true, .flash = true };
    if (is_model(method) && (model || need_extra_flag(s, "speculative-model")))
        return (struct need_draft){ 0 };             /* a model that nobody could open: said, and not counted */
    if (begins(method, "dspark") && m->compressed)
        return (struct need_draft){ .layers = 3, .block = true };                   /* models/deepseek_v4/nvidia/dspark.py, where the config names no number */
    return (struct need_draft){ .layers = m->mtp_layers };
}

static const char *vllm_kind(const struct bt_model *m, const struct bt_serve *s, uint32_t *tokens)
{
    const char *method = value_of(s, "method"), *model = value_of(s, "model"), *old = model ? NULL : need_extra_flag(s, "speculative-model");
    *tokens = (uint32_t)need_spec_tokens(s);
    if (!*tokens)
        return NULL;
    if (begins(method, "ngram") || begins(model, "[ngram]") || begins(old, "[ngram]"))
        return "ngram";
    if (begins(method, "eagle") || (!method && sounds_like_a_head(model ? model : old)))
        return "eagle";
    if (drafts_itself(method))
        return m->mtp_layers ? "mtp" : "other";
    return is_model(method) && !begins(method, "dflash") && m->draft ? "model" : "other";
}

static const char *sglang_kind(const struct bt_model *m, const struct bt_serve *s, uint32_t *tokens)
{
    const char *how = need_extra_flag(s, "speculative-algorithm"), *steps = need_extra_flag(s, "speculative-num-steps");
    const char *branches = need_extra_flag(s, "speculative-eagle-topk"), *at_once = need_extra_flag(s, "speculative-num-draft-tokens");
    if (!how)
        return NULL;
    bool ngram = !strcasecmp(how, "NGRAM"), tree = branches && strcmp(branches, "1");
    const char *n = ngram ? at_once : steps;
    *tokens = n ? (uint32_t)BT_MIN(strtoul(n, NULL, 10), 64ul) : 0;
    if (!*tokens || tree)            /* of a tree of guesses more is kept than of a row: nobody measured it for this model */
        return "other";
    bool head = !strncasecmp(how, "EAGLE", 5) && need_extra_flag(s, "speculative-draft-model-path");
    bool own = m->mtp_layers && (!strcasecmp(how, "NEXTN") || !strncasecmp(how, "EAGLE", 5));
    return ngram ? "ngram" : head ? "eagle" : own ? "mtp" : "other";
}

const char *bt_need_draft_kind(const struct bt_model *m, const struct bt_engine *engine, const struct bt_serve *serve, uint32_t *tokens)
{
    *tokens = 0;
    if (!strcmp(engine->name, "vllm"))
        return vllm_kind(m, serve, tokens);
    if (!strcmp(engine->name, "sglang"))
        return sglang_kind(m, serve, tokens);
    return need_extra_flag(serve, "model-draft") || need_extra_flag(serve, "spec-type") ? "other" : NULL;
}

/* capability - the engines' own floors, each with where it was read. */
#include "need/capability.h"

#define MARLIN_TURING "vLLM #29901 (December 2025): Marlin kernels for 7.5"
#define BEFORE "vLLM before #29901: Marlin from 8.0"

/* The first row that matches. `until`: versions below it; NULL = all. method: quantisation_config's own word; NULL = any of the kind. */
static const struct rule { const char *engine; enum bt_quant_kind kind; const char *method, *until; int least, native; const char *name, *source; } rules[] = {
    { "vllm", BT_QUANT_FP8, "modelopt", NULL, 89, 89, "FP8 of ModelOpt", "vLLM layers/quantization/modelopt.py" },
    { "vllm", BT_QUANT_FP8, NULL, "0.14.0", 80, 89, "FP8", BEFORE ", layers/quantization/fp8.py" },
    { "vllm", BT_QUANT_FP8, NULL, NULL, 75, 89, "FP8", MARLIN_TURING ", layers/quantization/fp8.py" },
    { "vllm", BT_QUANT_INT8, NULL, NULL, 75, 75, "INT8", "vLLM compressed_tensors/schemes/compressed_tensors_w8a8_int8.py" },
    { "vllm", BT_QUANT_INT4, "gptq", NULL, 70, 70, "GPTQ", "vLLM layers/quantization/auto_gptq.py: 6.0, and vLLM itself wants 7.0" },
    { "vllm", BT_QUANT_INT4, "awq", NULL, 75, 75, "AWQ", "vLLM layers/quantization/auto_awq.py" },
    { "vllm", BT_QUANT_INT4, NULL, "0.14.0", 80, 80, "4-bit weights", BEFORE ", compressed_tensors/schemes/compressed_tensors_wNa16.py" },
    { "vllm", BT_QUANT_INT4, NULL, NULL, 75, 75, "4-bit weights", MARLIN_TURING ", compressed_tensors/schemes/compressed_tensors_wNa16.py" },
    { "vllm", BT_QUANT_NF4, NULL, NULL, 70, 70, "bitsandbytes", "vLLM layers/quantization/bitsandbytes.py" },
    { "vllm", BT_QUANT_MXFP4, NULL, NULL, 80, 100, "MXFP4", "vLLM layers/quantization/mxfp4.py" },
    { "vllm", BT_QUANT_NVFP4, NULL, "0.14.0", 80, 100, "NVFP4", BEFORE ", compressed_tensors/schemes/compressed_tensors_w4a4_nvfp4.py" },
    { "vllm", BT_QUANT_NVFP4, NULL, NULL, 75, 100, "NVFP4", "vLLM compressed_tensors/schemes/compressed_tensors_w4a4_nvfp4.py" },
};
#define VLLM_LEAST 70                /* the wheels have no kernels for less */
#define LLAMA_LEAST 50               /* ggml-cuda */
#define MARLIN_LEAST 80              /* its kernels for FP8 weights, where nothing newer was read */

static bool matches(const struct rule *r, const struct bt_engine *e, const char *version, enum bt_quant_kind kind, const char *method)
{
    return !strcmp(r->engine, e->name) && r->kind == kind && (!r->method || (method && strstr(method, r->method))) &&
           (!r->until || (version && version[0] && !bt_engine_at_least(version, r->until)));
}

struct bt_card_runs bt_card_runs(const struct bt_engine *e, const char *version, const struct bt_model *m, const char *method, const struct bt_gpu *g)
{
    int cc = g->cc_major * 10 + g->cc_minor;
    struct bt_quant made = { 0 };
    bool making = !m->quantization && method && method[0] && bt_model_quant_method(method, &made);
    const char *named = making ? method : m->quantization;
    enum bt_quant_kind kind = making ? made.kind : m->quant.kind;
    struct bt_card_runs out = { .name = named ? named : bt_dtype_name(m->dtype), .source = "" };
    if (m->gguf || !strcmp(e->name, "llama-server")) {
        out.least = out.native = LLAMA_LEAST;
        out.how = cc >= LLAMA_LEAST ? BT_RUNS : BT_RUNS_NOT;
        return out;
    }
    if (cc < VLLM_LEAST) {
        out.least = out.native = VLLM_LEAST;
        out.how = BT_RUNS_NOT;
        return out;
    }
    if (kind == BT_QUANT_NONE)
        return out;
    for (size_t i = 0; i < BT_LEN(rules); i++)
        if (matches(&rules[i], e, version, kind, named)) {
            const struct rule *r = &rules[i];
            return (struct bt_card_runs){ .how = cc < r->least ? BT_RUNS_NOT : cc < r->native ? BT_RUNS_UNPACKED : BT_RUNS, .least = r->least, .native = r->native, .name = r->name,
                                          .source = r->source };
        }
    out.how = BT_RUNS_NOT_KNOWN;
    return out;
}

bool bt_card_makes_fp8(const struct bt_engine *e, const char *version, const struct bt_model *m, const struct bt_gpu *g)
{
    enum bt_runs how = bt_card_runs(e, version, m, "fp8", g).how;
    return !g->cc_major || (how == BT_RUNS_NOT_KNOWN ? g->cc_major * 10 + g->cc_minor >= MARLIN_LEAST : how != BT_RUNS_NOT);
}

/* vLLM since #31914 (2026-01); not before, and not SGLang. */
bool bt_fp8_streams(const struct bt_engine *e, const char *version)
{
    return !strcmp(e->name, "vllm") && (!version || !version[0] || bt_engine_at_least(version, "0.17.0"));
}

/* Old checkpoints have their method in a file of its own; their tensors are packed all the same, and where those are not known they are called after it. */
static bool is_packed(const struct bt_model *m)
{
    const char *slash = m->id ? strrchr(m->id, '/') : NULL, *name = slash ? slash + 1 : m->id;       /* not a folder that it lies in */
    if (name && (strcasestr(name, "awq") || strcasestr(name, "gptq") || strcasestr(name, "autoround")))
        return true;
    for (size_t i = 0; i < m->ntensors; i++)
        if (strstr(m->tensors[i].name, "qweight"))
            return true;
    return false;
}

/* Engines look for the file that says how, and end: vLLM and SGLang, weight_utils.py: get_quant_config. */
bool bt_wants_made_weights(const struct bt_model *m, const char *method)
{
    static const char *const made[] = { "awq", "gptq", "auto-round", "auto_round", "autoround", "moe_wna16" };
    bool so = false;
    for (size_t i = 0; method && i < BT_LEN(made); i++)
        so = so || !strncasecmp(method, made[i], strlen(made[i]));
    return so && !m->quantization && !m->gguf && !is_packed(m);
}

/* One name for all by which a way to store weights is asked for: "awq" of awq_marlin. NULL: not judged. */
static const char *family_of(const char *method)
{
    static const char *const families[] = { "awq", "gptq", "compressed-tensors", "compressed_tensors", "bitsandbytes", "mxfp4", "modelopt" };
    for (size_t i = 0; method && i < BT_LEN(families); i++)
        if (!strncasecmp(method, families[i], strlen(families[i])))
            return i == 3 ? families[2] : families[i];
    return method && !strcasecmp(method, "fp8") ? "fp8" : NULL;
}

/* Engines read the method from the checkpoint, and start with no other (vLLM config/model.py, SGLang configs/model_config.py: _verify_quantization). */
bool bt_stored_otherwise(const struct bt_model *m, const char *method)
{
    const char *stored = family_of(m->quantization), *asked = family_of(method);
    if (stored && method && !strcasecmp(method, "moe_wna16"))        /* experts stored by either of these */
        return strcmp(stored, "awq") != 0 && strcmp(stored, "gptq") != 0;
    return stored && asked && strcmp(stored, asked) != 0;
}

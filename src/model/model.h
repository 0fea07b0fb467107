/* model - what a model is, read from its config.json and tensor headers: layers, shapes, dtypes, bytes. Weights are never read.
 *
 * Resolution: a folder; an id in the Hugging Face cache (HF_HUB_CACHE, HF_HOME, ~/.cache/huggingface/hub); a built-in shape
 * (source "catalog"). Files come from the internet: everything is bounded and checked, no arithmetic can overflow. */
#ifndef BT_MODEL_H
#define BT_MODEL_H
#include "base/arena.h"

enum bt_dtype { BT_DT_UNKNOWN, BT_DT_F64, BT_DT_F32, BT_DT_BF16, BT_DT_F16, BT_DT_F8_E4M3, BT_DT_F8_E5M2, BT_DT_I64, BT_DT_I32, BT_DT_I16, BT_DT_I8,
                BT_DT_U64, BT_DT_U32, BT_DT_U16, BT_DT_U8, BT_DT_BOOL, BT_DT_F8_E8M0, BT_DT_F4, BT_DT__N };
const char *bt_dtype_name(enum bt_dtype d);          /* "BF16" as safetensors writes it */
unsigned bt_dtype_bits(enum bt_dtype d);             /* 0 for unknown */
enum bt_dtype bt_dtype_parse(const char *name);      /* "bfloat16", "BF16", "float16", ... */

struct bt_tensor {
    const char *name;                /* "model.layers.0.self_attn.q_proj.weight" */
    enum bt_dtype dtype;
    uint8_t rank;
    uint64_t shape[6];
    uint64_t bytes;                  /* of the data, checked against shape x dtype */
    const struct bt_ggml_type *ggml; /* of a GGUF file (model/gguf.h); dtype is UNKNOWN for its block types. NULL otherwise */
};

/* How one layer mixes tokens, and what it remembers: decides its KV bytes. */
enum bt_mixer { BT_MIX_FULL, BT_MIX_SLIDING };       /* later: MLA, mamba, linear */
struct bt_layer {
    enum bt_mixer mixer;
    uint32_t window;                 /* sliding: tokens */
    uint32_t heads, kv_heads, head_dim;
    uint32_t intermediate;           /* of the MLP */
};

enum bt_model_source { BT_MODEL_HEADERS, BT_MODEL_CONFIG, BT_MODEL_CATALOG };
    /* tensors read from safetensors headers / derived from a config.json on disk / derived from a built-in config */

struct bt_model {
    const char *id;                  /* as asked */
    const char *dir;                 /* folder, or NULL for a built-in shape */
    const char *architecture;        /* "Qwen2ForCausalLM" */
    const char *model_type;          /* "qwen2" */
    enum bt_model_source source;
    char digest[33];                 /* of config and tensor list */
    enum bt_dtype dtype;             /* torch_dtype of the config */
    uint32_t layers, hidden, intermediate, heads, kv_heads, head_dim, vocab, max_position;
    bool tied, qkv_bias, o_bias, mlp_bias, qk_norm;
    double rope_factor;              /* longest context = max_position x this; 1 when none, or when max_position already has it (llama3, longrope) */
    struct bt_layer *layer;          /* [layers] */
    struct bt_tensor *tensors; size_t ntensors;      /* as on disk: a tied lm_head that was saved all the same is in it */
    const char *tensors_why;         /* when ntensors is 0: why it cannot be told, for `need` to say; else NULL */
    uint64_t parameters, weight_bytes;               /* elements and bytes of tensors[]; a built-in shape without tensors has its published count */
    const char *quantization;        /* quant_method of the config, or NULL */
    uint64_t file_bytes;             /* of the weight files; 0 when not on disk */
    uint32_t shards;
    const char *file;                /* the .gguf file (the first of a split model); else NULL */
    struct bt_gguf *gguf;            /* model/gguf.h: what llama.cpp makes of it; NULL for other models */
    const struct bt_hub *hub;        /* model/hub.h: headers came from the hub, no weights are here; else NULL */
};

/* BT_E_NOT_FOUND names the places looked at; BT_E_INPUT names file, tensor and reason. */
BT_MUST_CHECK int bt_model_open(struct bt_arena *a, const char *ref, struct bt_model **out, struct bt_err *err);
/* The same with a branch, tag or commit of the Hugging Face cache; NULL = main. Folders and built-in shapes have no revisions: it is not looked at. */
BT_MUST_CHECK int bt_model_open_revision(struct bt_arena *a, const char *ref, const char *revision, struct bt_model **out, struct bt_err *err);
/* Are tensor names and shapes of this architecture known, so that a config alone gives the tensor list? */
bool bt_model_architecture_known(const char *architecture);
const char *bt_model_source_name(enum bt_model_source s);     /* "headers", "config", "catalog" */
/* The built-in shapes, NULL-terminated ids. */
const char *const *bt_model_builtin(void);
/* Which layer a tensor belongs to (-1: none), and what it is, from its name. */
enum bt_tensor_role { BT_T_OTHER, BT_T_EMBED, BT_T_LM_HEAD, BT_T_NORM, BT_T_Q, BT_T_K, BT_T_V, BT_T_QKV, BT_T_O, BT_T_GATE, BT_T_UP, BT_T_GATE_UP, BT_T_DOWN,
                      BT_T_QK_NORM };
struct bt_tensor_place { int layer; enum bt_tensor_role role; bool bias; };
struct bt_tensor_place bt_tensor_place(const struct bt_tensor *t);

/* Parsers, for tests and fuzzing. A safetensors header is the JSON after the 8-byte length; data_bytes is what follows it in the file.
 * Tensors come in the order of their data. what: names the file in errors. bt_model_config fills the shape and layer[], no tensors;
 * bt_model_derive adds them (or tensors_why) for the architectures that are known. */
BT_MUST_CHECK int bt_safetensors_header(struct bt_arena *a, const char *what, struct bt_str json, uint64_t data_bytes,
                                        struct bt_tensor **out, size_t *n, struct bt_err *err);
BT_MUST_CHECK int bt_model_config(struct bt_arena *a, const char *what, struct bt_str json, struct bt_model *out, struct bt_err *err);
BT_MUST_CHECK int bt_model_derive(struct bt_arena *a, struct bt_model *m, struct bt_err *err);
#endif

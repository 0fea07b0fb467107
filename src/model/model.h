/* model - what a model is, read from its config.json and tensor headers: layers, shapes, dtypes, bytes. Weights are never read.
 *
 *   locate.c, hub*.c   where its files are       config.c, arch.c, derive*.c, layers.c   config.json, and what each architecture makes of it
 *   safetensors.c, gguf*.c, scan.c, weights.c    headers of tensors, and their bytes     quant.c   how they are stored
 *   builtin*.c, alias.c   shapes that are known without files (builtin.h)                 check.c   is a folder whole       pipeline.c   several models together
 *
 * Resolution: a folder; an id in the Hugging Face cache (HF_HUB_CACHE, HF_HOME, ~/.cache/huggingface/hub); a built-in shape
 * (source "catalog"; a name that only says which of them it is, as "unsloth/Qwen3-8B-bnb-4bit", is a guess and says so). Files come from the internet: everything is bounded and checked, no arithmetic can overflow. */
#ifndef BT_MODEL_H
#define BT_MODEL_H
#include "base/arena.h"

enum bt_dtype { BT_DT_UNKNOWN, BT_DT_F64, BT_DT_F32, BT_DT_BF16, BT_DT_F16, BT_DT_F8_E4M3, BT_DT_F8_E5M2, BT_DT_I64, BT_DT_I32, BT_DT_I16, BT_DT_I8,
                BT_DT_U64, BT_DT_U32, BT_DT_U16, BT_DT_U8, BT_DT_BOOL, BT_DT_F8_E8M0, BT_DT_F4, BT_DT__N };
const char *bt_dtype_name(enum bt_dtype d);          /* "BF16" as safetensors writes it */
unsigned bt_dtype_bits(enum bt_dtype d);             /* 0 for unknown */
enum bt_dtype bt_dtype_parse(const char *name);      /* "bfloat16", "BF16", "float16", ... */

/* Which layer a tensor belongs to (-1: none), and what it is. */
enum bt_tensor_role { BT_T_OTHER, BT_T_EMBED, BT_T_LM_HEAD, BT_T_NORM, BT_T_Q, BT_T_K, BT_T_V, BT_T_QKV, BT_T_O, BT_T_GATE, BT_T_UP, BT_T_GATE_UP, BT_T_DOWN,
                      BT_T_QK_NORM,
                      BT_T_ROUTER, BT_T_EXPERT_IN, BT_T_EXPERT_OUT,    /* w1 and w3 (gate, up), w2 (down) of all experts */
                      BT_T_SHARED_IN, BT_T_SHARED_OUT,                 /* of the shared experts */
                      BT_T_LATENT_A, BT_T_LATENT_B, BT_T_Q_B,          /* MLA: down-projections, kv_b, q_b */
                      BT_T_STATE_IN, BT_T_STATE, BT_T_STATE_OUT,       /* projections of a state layer; what is kept per head or channel */
                      BT_T_TOWER, BT_T_TOWER_NORM, BT_T_POSITION };
#define BT_QUANT_ROLES (BT_T_POSITION + 1)
struct bt_tensor_place {
    int layer; enum bt_tensor_role role; bool bias;
    bool unused;                     /* engines pass it over: a drafting layer's ("mtp."), or a table that they compute */
    const char *last;                /* the last part of the name, with its dot: ".weight"; the name where it has one part */
};
struct bt_tensor {
    const char *name;                /* "model.layers.0.self_attn.q_proj.weight" */
    enum bt_dtype dtype;
    uint8_t rank;
    uint64_t shape[6];
    uint64_t bytes;                  /* of the data, checked against shape x dtype */
    const struct bt_ggml_type *ggml; /* of a GGUF file (model/gguf.h); dtype is UNKNOWN for its block types. NULL otherwise */
    struct bt_tensor_place place; bool placed;       /* remembered when the model is opened: a plan asks once for each shape and kind of card */
};

/* Tensors of one layer with the same place, type and shape, as the experts have them: the first, and how many. */
struct bt_alike { const struct bt_tensor *t; uint32_t count; };

/* How one layer mixes tokens, and what it remembers: decides its KV bytes. STATE keeps a fixed state for each request and no tokens
 * (Mamba, gated delta net); NONE has no attention at all (an MLP of its own, as in Nemotron-H). */
enum bt_mixer { BT_MIX_FULL, BT_MIX_SLIDING, BT_MIX_CHUNKED, BT_MIX_MLA, BT_MIX_STATE, BT_MIX_NONE };
const char *bt_mixer_name(enum bt_mixer m);

/* What a state-space or linear-attention layer remembers of a request, before it is cut by TP. */
enum bt_state_kind { BT_STATE_DELTA, BT_STATE_MAMBA2, BT_STATE_MAMBA1, BT_STATE_KDA, BT_STATE_LIGHTNING, BT_STATE_SHORT_CONV };
struct bt_state {
    enum bt_state_kind kind;
    uint32_t conv_channels, conv_kernel;             /* kernel - 1 columns of conv_channels are kept */
    uint32_t heads, head_dim, state;                 /* heads x head_dim x state numbers; Mamba 1: intermediate x 1 x state; a short convolution keeps none: heads 0 */
    uint32_t keys;                                   /* delta: numbers of all key heads; Mamba: groups x state */
    uint32_t groups;                                 /* Mamba 2: copied when TP does not divide them */
    uint32_t dt_rank;                                /* Mamba 1 */
    uint32_t chunk;                                  /* tokens that the scan takes at once; 0 = it has none */
    uint32_t elem;                                   /* bytes of a state number; 0 = the model's own type */
};

struct bt_moe {
    uint32_t experts, active, intermediate;          /* intermediate: of one expert */
    uint32_t shared_intermediate;                    /* of all shared experts together; 0 = none */
    bool shared_gate;                                /* Qwen: one number decides how much of the shared expert counts */
    bool bias, plain;                                /* gpt-oss: experts have biases; plain: up and down only */
    uint32_t latent;                                 /* width that experts work in, with projections to and fro (Nemotron 3 Super); 0 = hidden */
};

struct bt_layer {
    enum bt_mixer mixer;
    uint32_t window;                 /* sliding, chunked: tokens */
    uint32_t heads, kv_heads, head_dim;
    uint32_t latent;                 /* MLA: numbers kept of a token, the same on every rank */
    uint32_t indexer;                /* sparse attention beside MLA: dimensions of its own key; 0 = none */
    bool borrows_kv;                 /* keeps no KV: reads that of an earlier layer (Gemma 3n, 4), or sees the whole text at once (encoders) */
    bool k_is_v;                     /* one projection for keys and values; engines load it into both (Gemma 4) */
    uint32_t compress;               /* DeepSeek-V4: so many tokens are kept as one, beside a window of all; 1 = the window alone; 0 = other models */
    const struct bt_state *state;    /* STATE; and beside attention where a layer has both (Falcon-H1) */
    uint32_t intermediate;           /* of the dense MLP; 0 = none. Gemma 4 has one beside its experts */
    const struct bt_moe *moe;        /* NULL = dense */
};

/* Zamba2 (vLLM models/zamba2.py): the hybrid layers take the blocks in turn, each with small adapters of its own. Blocks read hidden states and embeddings side by side. */
struct bt_shared_blocks { uint32_t blocks, rank; bool attention_adapters; };

/* How the weights of the linear layers are stored, from quantization_config. */
enum bt_quant_kind { BT_QUANT_NONE, BT_QUANT_FP8, BT_QUANT_INT8, BT_QUANT_INT4, BT_QUANT_NF4, BT_QUANT_MXFP4, BT_QUANT_NVFP4, BT_QUANT_UNKNOWN };
struct bt_quant {
    enum bt_quant_kind kind;
    uint32_t group;                  /* numbers that share a scale along the input; 0 = a scale for each output */
    uint32_t block;                  /* FP8: side of the square that shares a scale; 0 = none */
    bool zeros;                      /* a zero point beside each scale */
    bool head;                       /* lm_head is quantised too */
    bool kv8;                        /* the checkpoint has scales for KV in 8 bits, which engines then take for "auto" (kv_cache_scheme, kv_cache_quant_algo) */
    bool experts_only;               /* gpt-oss: attention stays 16 bit */
    enum bt_quant_kind experts;      /* of the experts, where it differs (DeepSeek-V4: FP8, its experts MXFP4); NONE = the same */
    uint8_t *mixed; int mixed_layers;                /* enum bt_quant_kind by layer (from -1) and role, where each module has its own; NULL = one for all */
    const char *const *ignore; size_t nignore;       /* module names or patterns that stay as they are */
    const struct bt_ignored *ignored;                /* quant.c: the same, looked through once */
};

/* The part that reads images, video or sound; its tensors are in tensors[] with role BT_T_TOWER. */
struct bt_tower {
    uint32_t layers, hidden, intermediate, heads;    /* layers 0 = none */
    uint32_t patch, merge, image_tokens;             /* most tokens of one image, after merging; 0 = not known */
    uint32_t patches;                /* of one image of the most tokens; 0 = image_tokens x merge x merge */
    uint32_t positions;              /* learned ones; 0 = rotary */
    bool by_pixels;                  /* its images are as large as max_pixels says */
    bool videos;                     /* it reads videos too, of the tokens below; 0 = as many frames as there is room for, each as an image */
    uint32_t video_tokens;           /* most of one video */
    uint32_t frame_tokens;           /* of two frames; 0 = image_tokens */
    uint32_t whole_tokens;           /* most tokens of one item that a batch has to hold as a whole; 0 = any may be cut */
    uint32_t mergers;                /* projectors beside the last one (Qwen3-VL reads three layers in between) */
    uint32_t merger_inner;           /* of a projector that is a gated MLP of that width (GLM-4.1V, 4.5V); 0 = two linear layers */
    bool resampler;                  /* ERNIE 4.5: space and time are folded one after the other: four more layers of the merged width */
    bool gated, norm_bias;
    bool crossed;                    /* the language model attends across to it: an image takes no place in the prompt (Llama 3.2 Vision) */
    bool out_first;                  /* the projector's first layer has the language model's width already (LLaVA, InternVL) */
};

/* What encoders (BERT and its kin) have beside layers like those of a decoder. */
struct bt_bert {
    uint32_t positions, types, labels;               /* rows of the learned tables, 0 = none; labels: outputs of the classifier, 0 = it has no such head */
    bool norm_bias, final_norm, first_bare, down_bias;               /* first_bare: the first layer has one norm less (ModernBERT); down_bias: of the MLP only the way down has one */
    bool pooler, pooler_loaded, head_dense, head_norm;               /* pooler: in the file, and loaded for a classifier; head_*: of the classifier */
};

/* DeepSeek-V4's attention: low ranks for queries and output, compressors that fold tokens, an indexer that picks among the folded ones. */
struct bt_compressed {
    uint32_t o_rank, o_groups, window;
    uint32_t index_heads, index_dim, index_topk;
    uint32_t streams, hash_layers;                   /* residual streams (hc_mult); layers whose experts are chosen by token */
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
    uint32_t cross_tokens;           /* each layer attends across to so many tokens of an encoder (`audio`) and keeps their keys and values as well; 0 = no encoder */
    bool qk_norm_whole;              /* one norm over all heads together, not for each (OLMo 2) */
    bool unbounded;                  /* states alone: a request may be of any length; max_position is what an engine takes that is told none */
    bool kv_unknown;                 /* neither config nor tensors say how it attends: its layers are NONE, KV is not counted, and `guessed` says so */
    double rope_factor;              /* longest context = max_position x this; 1 when none, or when max_position already has it (llama3, longrope) */
    struct bt_layer *layer;          /* [layers] */
    uint32_t q_lora, kv_lora, qk_nope, qk_rope, v_head;              /* MLA; q_lora 0 = one q projection */
    uint32_t index_heads;            /* of the sparse attention's indexer (DeepSeek V3.2, GLM-5); 0 = attention is not sparse */
    double rotary_share;             /* of head_dim that is rotated: 1, 0.5, 0.25 */
    uint32_t rotary_tables;          /* cos/sin tables: 2 where local and global layers differ */
    const struct bt_compressed *compressed;          /* NULL for other models */
    bool whole_text;                 /* an encoder alone: attends in both directions to the whole text, so no KV is kept and no prompt is cut; pooling is set too */
    const struct bt_shared_blocks *shared;           /* Zamba2: attention and MLP that several layers run in turn, their weights there once; NULL for other models */
    const struct bt_bert *bert;      /* of an encoder: its tables and norms; NULL where it is a decoder's class used as one (EmbeddingGemma), and for other models */
    bool attn_gate;                  /* q_proj is twice as wide: a gate for each head (Qwen3-Next) */
    bool plain_mlp;                  /* up and down only */
    uint32_t norms;                  /* a layer's norms over hidden numbers: 2, Gemma 4 */
    uint32_t mtp_layers;             /* layers after the last that only speculative decoding loads */
    bool pooling;                    /* embedding, reward, classification: no lm_head, no sampler */
    struct bt_tower tower, audio;
    double rotary_stretch;           /* positions of the longest table / longest context; 4 where images and video count along */
    uint32_t q_shared;               /* width of the vector that all heads' queries come from (Step-3); 0 = none */
    uint32_t altup, laurel;          /* Gemma 3n: streams of hidden states, rank of the path beside attention; 0 = none */
    uint32_t layer_vocab;            /* words of the second embedding, where it has fewer; 0 = vocab */
    uint32_t layer_embedding;        /* numbers of a second embedding in each layer (Gemma 3n, 4); 0 = none */
    struct bt_quant quant;
    const struct bt_model *draft;    /* drafts for it, from a checkpoint of its own: put there by who opened both (bt_need_drafter says which); NULL = none */
    const char *lacks;               /* the first key that its config lacks and its memory depends on, where nothing told it; NULL = none */
    const char *guessed;             /* not NULL: the architecture is not known, and this says what was assumed; figures are estimates */
    struct bt_tensor *tensors; size_t ntensors;      /* as on disk: a tied lm_head that was saved all the same is in it */
    const struct bt_alike *alike; size_t nalike;     /* the same, told once for all that are equal but for their number; 0 = not sorted out */
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
/* The same, and when it is nowhere on this machine, its headers from the hub (model/hub.h): "ORG/NAME", "ORG/NAME:Q4_K_M". Network: seconds. */
BT_MUST_CHECK int bt_model_open_hub(struct bt_arena *a, const char *ref, const char *revision, struct bt_model **out, struct bt_err *err);
/* A path of another machine, as pasted commands and logs have it, by its folder's name ("/data/models/Qwen2.5-7B-Instruct", a cache's "models--ORG--NAME"):
 * the built-in shape of that name, whose id stays the path. BT_E_NOT_FOUND: it is no path, or no shape is called so. Nothing is read. */
BT_MUST_CHECK int bt_model_open_elsewhere(struct bt_arena *a, const char *path, struct bt_model **out, struct bt_err *err);
/* Are tensor names and shapes of this architecture known, so that a config alone gives the tensor list? */
bool bt_model_architecture_known(const char *architecture);
const char *bt_model_source_name(enum bt_model_source s);     /* "headers", "config", "catalog" */
/* The built-in shapes, NULL-terminated ids. */
const char *const *bt_model_builtin(void);
/* From its name, or as remembered. */
struct bt_tensor_place bt_tensor_place(const struct bt_tensor *t);

/* How a quantisation that is named on the command line ("fp8", "awq") stores weights; false: berth does not know it. */
bool bt_model_quant_method(const char *method, struct bt_quant *q);

/* Does its quantisation leave the drafting layers (MTP) in 16 bits, as most lists do? false where nothing is quantised. */
bool bt_model_drafts_plain(const struct bt_model *m);
/* The model as a checkpoint of that method ("fp8", "awq") would be; NULL where its tensors are known only from files, or it is quantised already. */
const struct bt_model *bt_model_as(struct bt_arena *a, const struct bt_model *m, const char *method);

/* Parsers, for tests and fuzzing. A safetensors header is the JSON after the 8-byte length; data_bytes is what follows it in the file.
 * Tensors come in the order of their data. what: names the file in errors. bt_model_config fills the shape and layer[], no tensors;
 * bt_model_derive adds them (or tensors_why) for the architectures that are known. */
BT_MUST_CHECK int bt_safetensors_header(struct bt_arena *a, const char *what, struct bt_str json, uint64_t data_bytes,
                                        struct bt_tensor **out, size_t *n, struct bt_err *err);
BT_MUST_CHECK int bt_model_config(struct bt_arena *a, const char *what, struct bt_str json, struct bt_model *out, struct bt_err *err);
BT_MUST_CHECK int bt_model_derive(struct bt_arena *a, struct bt_model *m, struct bt_err *err);
#endif

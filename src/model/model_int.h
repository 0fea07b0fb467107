/* model_int.h - what the model files share; not for other floors. */
#ifndef BT_MODEL_INT_H
#define BT_MODEL_INT_H
#include <jansson.h>
#include "model/model.h"
#include "model/scan.h"

/* Text out of a file made fit for errors and tables: escaped, at most 160 bytes. */
const char *bt_model_shown(struct bt_arena *a, const char *text);
/* Git LFS leaves a small text in place of a file that was not downloaded. */
bool bt_model_is_lfs(struct bt_str head);
int bt_model_lfs_err(struct bt_err *err, const char *path);

/* weights.c: the tensors of the safetensors files in m->dir, if there are any (else m stays as it is): fills tensors, file_bytes, shards. */
BT_MUST_CHECK int bt_weights_read(struct bt_arena *a, struct bt_model *m, struct bt_err *err);
/* One safetensors file: its tensors and its size. m may be NULL: then it is on disk as a whole. */
BT_MUST_CHECK int bt_weights_read_file(struct bt_arena *a, const struct bt_model *m, const char *path, struct bt_tensor **out, size_t *n, uint64_t *size, struct bt_err *err);

/* safetensors.c: the headers of several files, one after the other. A name that two of them have is refused.
 *   file, dir  the names of the files and of their folder, for that error; may be NULL where there is one file.
 *   names      `in` is the number of the file, from 1. tensor[n]: in the arena, by file and place. */
struct bt_spot { struct bt_tensor t; uint64_t begin, end; };         /* a tensor with the place of its data in the file */
struct bt_headers {
    struct bt_arena *arena;
    const char *dir, *const *file, *what;
    struct bt_names names;
    struct bt_tensor *tensor; size_t n, cap;
    struct bt_spot *spot; size_t spots;              /* of one file, sorted there */
    char *text; uint64_t room;       /* its header's text: one piece of memory for all files */
};
BT_MUST_CHECK int bt_headers_add(struct bt_headers *h, uint32_t file, const char *what, struct bt_str json, uint64_t data_bytes, struct bt_err *err);
void bt_headers_release(struct bt_headers *h);
#define bt_auto_headers __attribute__((cleanup(bt_headers_release))) struct bt_headers
/* tensor.c: fills place of each of m's tensors, and which of them are alike. */
void bt_tensors_place(struct bt_arena *a, struct bt_model *m);
/* Sum of tensors[] into parameters and weight_bytes, overflow checked. */
BT_MUST_CHECK int bt_model_sum(struct bt_model *m, struct bt_err *err);

/* builtin.c: config.json text of a built-in shape, or NULL; upper and lower case are the same, as on the hub. quant: a quantization_config
 * in the place of its own; NULL = its own, if it has one; "" = none. *parameters: the published count, 0 with quant. */
const char *bt_builtin_config(struct bt_arena *a, const char *id, const char *quant, uint64_t *parameters);
/* Does that shape keep one latent vector for all heads? */
bool bt_builtin_latent(const char *id);
/* alias.c: the same for a name that is not in the table but says what it is: another's copy, its instruct or base sibling, a quantised one. *why: what
 * was assumed, or NULL when the name itself is in the table. */
const char *bt_builtin_alias(struct bt_arena *a, const char *id, uint64_t *parameters, const char **why);

bool bt_model_is_hub_id(const char *s);              /* "NAME" or "ORG/NAME" of the hub's letters */
bool bt_model_is_revision(const char *s);
/* locate.c: where `ref` lives. dir is NULL when it is on no disk; places: what was looked at, for the error. */
struct bt_model_place { const char *dir, *places; };
BT_MUST_CHECK int bt_model_locate(struct bt_arena *a, const char *ref, const char *revision, struct bt_model_place *out, struct bt_err *err);

/* ---- config.json in parts ---- */

enum bt_window_rule { BT_WINDOW_NONE, BT_WINDOW_ALL, BT_WINDOW_QWEN, BT_WINDOW_PATTERN, BT_WINDOW_BY_TYPES };
enum bt_hybrid { BT_HYBRID_NONE, BT_HYBRID_DELTA, BT_HYBRID_JAMBA, BT_HYBRID_LETTERS, BT_HYBRID_TYPES, BT_HYBRID_BOTH, BT_HYBRID_ZAMBA,
                 BT_HYBRID_KDA, BT_HYBRID_LIGHTNING, BT_HYBRID_CONV, BT_HYBRID_ALL_1, BT_HYBRID_ALL_2 };    /* ALL: Mamba 1 or 2 in every layer, no attention */
enum bt_attn_kind { BT_ATTN_HEADS, BT_ATTN_MLA, BT_ATTN_COMPRESSED };

/* What transformers' classes assume when a key is absent (0 = the key is needed), and which keys they listen to. One row a class. */
struct bt_arch {
    const char *name;
    bool known;                      /* tensor names and shapes are known */
    bool tied;
    uint32_t kv_heads, head_dim, vocab, max_position, pattern;       /* kv_heads 0 = heads; head_dim 0 = hidden / heads */
    bool qkv_bias, qk_norm, qk_norm_whole;          /* always */
    bool attention_bias_key;         /* "attention_bias": q, k, v and o */
    bool mlp_bias_key;
    enum bt_window_rule window;
    bool position_has_rope;          /* max_position already counts rope scaling */
    uint32_t norms;                  /* 0 = 2 */
    bool plain_mlp, all_bias;        /* OPT, GPT-2 */
    enum bt_attn_kind attn;
    enum bt_hybrid hybrid;
    uint32_t dense_first;            /* first_k_dense_replace when absent */
    uint32_t q_lora;                 /* when absent */
    uint32_t tables;                 /* rotary; 0 = 1 */
    double rotary_share;             /* 0 = 1 */
    bool attn_gate, shared_gate, expert_bias, pooling, no_rotary;
    bool gate_up_counted;            /* intermediate_size counts gate and up together */
    bool chunked;                    /* sliding layers are chunks */
    const struct bt_tower *tower, *audio;            /* defaults of vision_config and audio_config; NULL = none */
    bool mrope;                      /* positions of time, height and width: the table is four times as long (vLLM layers/rotary_embedding/mrope.py) */
    uint32_t layer_embedding;        /* hidden_size_per_layer_input when absent */
    uint32_t global_head_dim;        /* of layers that see everything, when absent; 0 = head_dim */
    const struct bt_encoder_class *encoder;          /* sees the whole text at once: bert.c; NULL = a decoder */
    uint32_t altup, laurel;          /* altup_num_inputs, laurel_rank when absent */
    bool experts_added;              /* a list of experts' widths is of two kinds in one layer, for words and for images: they add up (ERNIE 4.5 VL) */
    bool shell;                      /* a shell around language models of many classes: text_config says which */
    uint32_t indexer_every;          /* of a context longer than the class default, one layer in so many has the sparse indexer, where the config does not say; 0 = each */
};
/* What a class of encoders has: "classifier" is the head that *ForSequenceClassification puts behind it. */
enum bt_classifier { BT_CLASSIFY_POOLED, BT_CLASSIFY_DENSE, BT_CLASSIFY_NORMED };     /* pooler and one layer (BERT); two layers (RoBERTa); two with a norm (ModernBERT) */
struct bt_encoder_class {
    uint32_t offset;                 /* positions begin here: so many fewer tokens (RoBERTa: padding_idx + 1) */
    bool positions, types, norm_bias, final_norm, first_bare, pooler, gated;
    bool qkv_bias, o_bias, down_bias, all_bias, by_keys;             /* by_keys: qkv_proj_bias, mlp_fc1_bias and activation_function say (Nomic) */
    enum bt_classifier classifier;
};
bool bt_arch_attends(const struct bt_arch *arch);                /* false: every layer is a state */
const struct bt_arch *bt_arch_of(const char *name);              /* never NULL: "" stands for what is not known */
const struct bt_arch *bt_arch_of_type(const char *model_type);   /* the class of a language model inside a shell: "qwen2"; NULL = not known */

/* The file and, for models of text and images, the part of it that describes the language model. */
struct bt_config { const json_t *root, *text, *more; const char *what; };     /* more: what is known of keys that the file lacks; NULL = nothing */
const json_t *bt_config_get(const struct bt_config *c, const char *key);
BT_MUST_CHECK int bt_config_u32(const struct bt_config *c, const char *key, uint32_t def, uint64_t min, uint64_t max, uint32_t *out, struct bt_err *err);
BT_MUST_CHECK int bt_config_bool(const struct bt_config *c, const char *key, bool def, bool *out, struct bt_err *err);

/* layers.c: layer[] from patterns, experts and states. */
BT_MUST_CHECK int bt_model_read_layers(struct bt_arena *a, const struct bt_config *c, const struct bt_arch *arch, struct bt_model *m, struct bt_err *err);
/* uneven.c: layers that a config describes one by one, after the rest of layer[] is there: block_configs (DeciLM), compress_ratios (DeepSeek-V4). */
BT_MUST_CHECK int bt_model_read_uneven(struct bt_arena *a, const struct bt_config *c, const struct bt_arch *arch, struct bt_model *m, struct bt_err *err);
/* crossed.c: encoder and decoder, where the config says is_encoder_decoder: fills cross_tokens and the encoder as the audio tower; after numbers, flags and rope. */
BT_MUST_CHECK int bt_model_read_crossed(const struct bt_config *c, struct bt_model *m, struct bt_err *err);
/* bert.c: what a config of such a class says beside the numbers of its layers, which are there already; and the tensors that stand outside its layers. */
BT_MUST_CHECK int bt_model_read_encoder(struct bt_arena *a, const struct bt_config *c, const struct bt_arch *arch, struct bt_model *m, struct bt_err *err);
struct bt_tensors;
BT_MUST_CHECK int bt_encoder_derive(struct bt_tensors *l, struct bt_err *err);
/* tower.c: vision_config, and its tensors appended with `add`. */
BT_MUST_CHECK int bt_model_read_tower(const struct bt_config *c, const struct bt_arch *arch, struct bt_model *m, struct bt_err *err);

/* config.c: as bt_model_config, with `more` for the keys that the text lacks (NULL = nothing). A key that is still missing is m->lacks, no error. */
BT_MUST_CHECK int bt_model_config_more(struct bt_arena *a, const char *what, struct bt_str text, const json_t *more, struct bt_model *m, struct bt_err *err);
/* infer.c: the same once tensors[] are there, if any are: keys that the config lacks come from their shapes, else from what transformers assumes for the class,
 * else they are assumed here; m->guessed says which. Where even that does not tell how it attends, its weights are counted alone (kv_unknown). */
BT_MUST_CHECK int bt_model_complete(struct bt_arena *a, const char *what, struct bt_str text, struct bt_model *m, struct bt_err *err);

/* quant.c */
void bt_model_read_quant(struct bt_arena *a, const json_t *config, struct bt_model *m);
enum bt_quant_kind bt_model_quant_of(const struct bt_model *m, const char *module);       /* NONE = 16 bit */
bool bt_model_quantised(const struct bt_model *m, const char *module);           /* are this module's weights stored quantised? */

/* derive.c, tower.c: tensors are collected in a growing list. */
struct bt_tensors { struct bt_arena *arena; struct bt_model *m; enum bt_dtype dtype; struct bt_tensor *t; size_t n; uint64_t packed, unpacked; };
    /* packed: elements of quantised tensors as stored, scales and all; unpacked: the numbers they stand for */
BT_MUST_CHECK int bt_tensors_add(struct bt_tensors *l, const char *name, enum bt_dtype dtype, unsigned rank, const uint64_t *shape, struct bt_err *err);
const struct bt_tower *bt_tower_of_type(const char *model_type);          /* arch.c: what a vision_config of that type leaves out; NULL = not known */
BT_MUST_CHECK int bt_tower_derive(struct bt_tensors *l, struct bt_err *err);
#endif

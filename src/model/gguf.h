/* gguf.h - GGUF files as llama.cpp reads them: header, metadata, tensor list, split files. Weights are never read.
 *
 * Layout: "GGUF", u32 version (2 or 3), counts, key/value pairs, tensor infos, padding, data; little-endian. Files come from the
 * internet: every count is checked against what is left of the file before anything is allocated. */
#ifndef BT_GGUF_H
#define BT_GGUF_H
#include "model/model.h"

/* One element type of ggml: `block` elements in `bytes` bytes. Ids that ggml removed have no row. */
struct bt_ggml_type { const char *name; uint8_t id; uint16_t block, bytes; enum bt_dtype plain; };      /* plain: the same as a bt_dtype, or UNKNOWN */
size_t bt_ggml_types(const struct bt_ggml_type **out);               /* in order of id */
const struct bt_ggml_type *bt_ggml_type(uint32_t id);                /* NULL: removed or newer than this table */
const struct bt_ggml_type *bt_ggml_type_named(const char *name);     /* "q8_0", "F16": any case */
/* Bytes of one row of `elements`; false when the block does not divide it or it overflows. */
bool bt_ggml_row_bytes(const struct bt_ggml_type *t, uint64_t elements, uint64_t *out);

/* Where a header is read from. read() fills to[0..n) from byte `at`, never past size; it fails with *err set. */
struct bt_gguf_in { void *ctx; uint64_t size; int (*read)(void *ctx, uint64_t at, void *to, size_t n, struct bt_err *err); };

enum bt_gguf_type { BT_GG_U8, BT_GG_I8, BT_GG_U16, BT_GG_I16, BT_GG_U32, BT_GG_I32, BT_GG_F32, BT_GG_BOOL, BT_GG_STR, BT_GG_ARRAY, BT_GG_U64, BT_GG_I64,
                    BT_GG_F64, BT_GG__N };
/* A key. Numbers are kept as int64 (floats as f64 too); strings up to 4 KiB; arrays of at most 4096 numbers. What is longer is only counted. */
struct bt_gguf_kv {
    const char *key;
    enum bt_gguf_type type, elem;    /* elem: of an array */
    int64_t num; double real;
    const char *text;                /* string; NULL when too long to be kept */
    uint64_t count;                  /* of an array */
    const int64_t *nums;             /* of an array of numbers that was kept; else NULL */
};

/* One file's header, as it stands. Tensors are in file order; shape is the other way round than ggml's ne[] (rows first, as everywhere in berth). */
struct bt_gguf_file {
    uint32_t version, alignment;
    struct bt_gguf_kv *kv; size_t nkv;               /* sorted by key */
    struct bt_tensor *tensors; size_t ntensors;
    uint64_t data_at;                /* first byte of the data section */
    uint64_t data_bytes;             /* that the tensors take, padding included */
};
const struct bt_gguf_kv *bt_gguf_get(const struct bt_gguf_file *f, const char *key);
/* what: names the file in errors. BT_E_INPUT: not GGUF, torn, hostile counts, a tensor outside the file. */
BT_MUST_CHECK int bt_gguf_parse(struct bt_arena *a, const char *what, const struct bt_gguf_in *in, struct bt_gguf_file *out, struct bt_err *err);

/* What llama.cpp makes of the metadata, layer by layer. */
struct bt_gguf_layer {
    uint32_t heads, kv_heads;        /* kv_heads 0: no attention in this layer */
    uint32_t k_dim, v_dim;           /* of one head */
    uint32_t intermediate;
    bool sliding;                    /* keeps a window only */
    bool recurrent;                  /* keeps a state (beside attention, in Falcon-H1) */
    bool shares_kv;                  /* uses the cache of an earlier layer */
    bool nextn;                      /* draft head: not loaded unless asked for, no cache */
};

struct bt_gguf {
    const char *arch;                /* general.architecture: "llama" */
    const char *name;                /* general.name, or NULL */
    uint32_t version;
    uint32_t layers, nextn, hidden, vocab, context, experts, experts_used, window;
    struct bt_gguf_layer *layer;     /* [layers] */
    bool mla;                        /* keys only, kv_lora_rank + rope numbers a token */
    uint32_t mla_rank, mla_rope;
    uint64_t conv_state, ssm_state;  /* f32 numbers of a recurrent layer and sequence */
    uint32_t expert_intermediate;
    bool window_guessed;             /* a window is given, which layers slide is not: all are counted whole */
    const char *main_type;           /* ggml type of most bytes: "Q4_K" */
    bool own_output;                 /* has output.weight; else token_embd is loaded a second time for the head */
    uint64_t data_bytes;             /* of all files' data sections */
};

/* Metadata of the first file into m (shape, layer[], gguf). Tensors must be in m already. */
BT_MUST_CHECK int bt_gguf_model(struct bt_arena *a, const char *what, const struct bt_gguf_file *f, struct bt_model *m, struct bt_err *err);
/* "model-00001-of-00003.gguf": fills no (from 1) and of, returns the length of "model"; 0 when it is not a split name. */
size_t bt_gguf_split_name(const char *name, uint32_t *no, uint32_t *of);
/* Is this tensor part of layer `*layer` ("blk.7."), of the input (token_embd), of the output? */
enum bt_gguf_place { BT_GGUF_INPUT, BT_GGUF_LAYER, BT_GGUF_OUTPUT };
enum bt_gguf_place bt_gguf_tensor_place(const struct bt_tensor *t, uint32_t *layer);
bool bt_gguf_tensor_is_expert(const struct bt_tensor *t);            /* "ffn_up_exps": what --cpu-moe keeps on the CPU */

/* The model as its Q4_K_M file would be, tensor by tensor; NULL when it is no larger than that already, or no GGUF model. Rows that 256 does not divide: Q5_0, as llama-quantize does. */
const struct bt_model *bt_gguf_as_q4(struct bt_arena *a, const struct bt_model *m);

/* llama-quantize's rule of more bits: the first and last eighth of the layers and every third between. */
bool bt_gguf_more_bits(uint32_t layer, uint32_t layers);
bool bt_gguf_is_plain(const char *type);             /* F32, F16, BF16: no quantisation */
/* For this floor. g's sizes and layers are there: the rest of it from m's tensors, and m from it. */
BT_MUST_CHECK int bt_gguf_fill(struct bt_arena *a, struct bt_gguf *g, struct bt_model *m, struct bt_err *err);
/* gguf_named.c: a file that is on no disk, by its name ("ORG/NAME-GGUF:Q4_K_M", "ORG/NAME-GGUF/FILE.gguf"), from a built-in shape and the types that llama-quantize
 * gives; m->guessed says so. *found: the name is one of those; BT_E_NOT_FOUND then says what to give where its types are not known. */
BT_MUST_CHECK int bt_gguf_by_name(struct bt_arena *a, const char *ref, struct bt_model *m, bool *found, struct bt_err *err);
/* For this floor. Open path (and its split siblings) into m. The .gguf that a folder without safetensors means: *path NULL when it has none. */
BT_MUST_CHECK int bt_gguf_open(struct bt_arena *a, const char *path, struct bt_model *m, struct bt_err *err);
BT_MUST_CHECK int bt_gguf_in_folder(struct bt_arena *a, const char *dir, const char **path, struct bt_err *err);
#endif

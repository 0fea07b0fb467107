/* parts - inside of need: each file computes one group of ledger lines of one pipeline stage. */
#ifndef BT_NEED_PARTS_H
#define BT_NEED_PARTS_H
#include "base/units.h"
#include "need/need.h"

static inline uint64_t sat_add(uint64_t a, uint64_t b)
{
    return a > BT_NEED_CAP || b > BT_NEED_CAP - a ? BT_NEED_CAP : a + b;
}
static inline uint64_t sat_mul(uint64_t a, uint64_t b)
{
    uint64_t out;
    return bt_mul_u64(a, b, &out) && out < BT_NEED_CAP ? out : BT_NEED_CAP;
}
static inline uint64_t sat_f64(double bytes)         /* rounded up; what is not a number, or too big, is the cap */
{
    if (!(bytes < (double)BT_NEED_CAP))
        return BT_NEED_CAP;
    return bytes > 0 ? (uint64_t)bytes + ((double)(uint64_t)bytes < bytes) : 0;
}

/* Do LoRA slots cover embed_tokens and lm_head too (class attribute embedding_modules)? */
bool need_lora_embeddings(const char *architecture);

/* What the lines are computed from: one stage of one server. */
struct need_in {
    struct bt_arena *arena;
    const struct bt_model *model;
    const struct bt_engine_version *version;
    const struct bt_serve *serve;    /* resolved */
    const struct bt_gpu *card;
    const struct bt_need *like;      /* the same server on another card, or NULL */
    uint32_t pp_rank, first_layer, layers;
    unsigned elem;                   /* bytes of one number of the unquantised parts */
    bool first, last;                /* stage */
};

/* The card that stands for the host: every byte is RAM. */
static inline bool need_is_host(const struct bt_gpu *card) { return !strcmp(card->uuid, "cpu"); }

/* Bytes that the CUDA caching allocator holds for one tensor (PyTorch c10/cuda/CUDACachingAllocator.cpp: 512 B steps; 10 MiB and more come
 * in 2 MiB steps, and a rest of at most 1 MiB is not split off). */
uint64_t need_block_bytes(uint64_t tensor_bytes);
/* The same while the engine loads: from the version on that does so with max_split_size_mb=20, a tensor of 20 MiB and more keeps its segment whole. */
uint64_t need_loaded_bytes(const struct need_in *in, uint64_t tensor_bytes);
/* BT_E_INPUT with the way out when the model is a GGUF file and the engine none that berth knows with one. */
BT_MUST_CHECK int need_no_gguf(const struct bt_model *m, const struct bt_engine *e, struct bt_err *err);
BT_MUST_CHECK int need_weights(const struct need_in *in, struct bt_need_line *line, uint64_t *host_bytes, struct bt_err *err);

/* The other lines; each appends to r->line. */
void need_lora(const struct need_in *in, struct bt_need_rank *r);
uint64_t need_language_peak(const struct need_in *in, uint64_t forward);
bool need_text_alone(const struct need_in *in, bool audio);          /* encoder.c; the tower for images, or for sound, is not even made */
uint64_t need_encoder(const struct need_in *in, struct bt_need_rank *r, uint64_t forward);           /* encoder.c; returns the bytes of embeddings that stay while the language model is profiled */
void need_runtime(const struct need_in *in, struct bt_need_rank *r);     /* activations, sampler, graphs, workspace, context, comm, headroom */
void need_host_runtime(const struct need_in *in, struct bt_need_rank *r);            /* the same of an engine that computes on the CPU */
uint64_t need_forward_bytes(const struct need_in *in);               /* what a forward of max_batched_tokens holds at its widest */
void need_line_push(const struct need_in *in, struct bt_need_rank *r, struct bt_need_line line);

/* Does the server pool, rather than write? By its class, or because it is told to (--runner pooling, --task embed, --convert classify). */
bool need_pools(const struct bt_model *m, const struct bt_serve *s);

/* No KV is made at all: an encoder under vLLM, which keeps nothing of a text (v1/kv_cache_interface.py EncoderOnlyAttentionSpec). SGLang makes its pool all the same. */
static inline bool need_keeps_none(const struct bt_need *n) { return n->model->whole_text && !n->sglang && !n->llama; }

/* What is said on the command line in flags that berth hands on as they are: the value of --NAME, or NULL. */
const char *need_extra_flag(const struct bt_serve *s, const char *name);
bool need_named(const char *list, const char *word);                /* need.c; a list with blanks, or NULL */
uint64_t need_spec_tokens(const struct bt_serve *s);
/* draft.c. layers: that are kept beside the model's; head: they are a checkpoint of their own, like dense layers of the model; block: they draft several tokens
 * at once (dspark); flash: that has no words of its own either (dflash); model: that checkpoint, where it was opened, cut by `tp` ranks. */
struct need_draft { uint32_t layers; bool head, block, flash; const struct bt_model *model; uint64_t tp; };
struct need_draft need_draft(const struct bt_model *m, const struct bt_serve *s);
/* Groups, block and page of one stage, into r; n->block is raised where states need it. */
void need_kv_layout(const struct need_in *in, struct bt_need *n, struct bt_need_rank *r, unsigned kv_elem);

/* The same for models whose layers fold tokens (bt_model.compressed), and how their requests are counted: compressed.c. */
void need_kv_compressed(const struct need_in *in, struct bt_need *n, struct bt_need_rank *r);
uint64_t need_compressed_request(const struct bt_need *n, const struct bt_need_rank *r, uint64_t context);
uint64_t need_compressed_blocks(const struct bt_need *n, const struct bt_need_rank *r, uint64_t context);
/* Blocks that one request takes in a group (kv.c). */
uint64_t need_group_blocks(const struct bt_need *n, const struct bt_kv_group *g, uint64_t context);

/* What a process holds on the card before it allocates anything. */
uint64_t need_context_bytes(const struct bt_gpu *card);
/* Bytes of one KV number, from --kv-cache-dtype and the model's dtype. */
BT_MUST_CHECK int need_kv_elem(const struct bt_serve *s, unsigned elem, unsigned *out, struct bt_err *err);
/* Are the figures of the config that every layer's memory depends on there, its tensors, and how its weights are stored? Else BT_E_INPUT with what is not. */
BT_MUST_CHECK int need_known(const struct bt_model *m, const struct bt_serve *s, struct bt_err *err);
#define LONGEST_ASKED ((uint64_t)1 << 40)            /* tokens; where no layer grows with the request, any length fits */
#endif

/* need - how many bytes one rank takes, as a ledger: each line with its reason. Pure: same inputs, same bytes; no clock, no I/O.
 *
 *   need.c       the ledger of a server, line by line: weights.c, runtime.c (all but weights and KV), kv.c and layout.c, compressed.c, encoder.c, draft.c
 *   ops.c        whose memory is known: vLLM's is the one above; llama*.c, sglang*.c the others'
 *   fit.c        would it start, in the engine's words (llama_fit.c, sglang_fit.c)       advice*.c   the nearest flags that do
 *   capability.c cards that an engine refuses          learn.h    what was measured        job*.c, diffusion.c   training, extraction, pictures (job.h) */
#ifndef BT_NEED_H
#define BT_NEED_H
#include "engine/engine.h"
#include "gpu/gpu.h"
#include "model/model.h"

enum bt_part { BT_P_WEIGHTS, BT_P_LORA, BT_P_KV, BT_P_STATE, BT_P_ACTIVATIONS, BT_P_ENCODER, BT_P_SAMPLER, BT_P_GRAPHS, BT_P_WORKSPACE, BT_P_CONTEXT,
               BT_P_COMM, BT_P_DRAFT, BT_P_OPTIMIZER, BT_P_GRADIENTS, BT_P_HEADROOM, BT_P_DECLARED, BT_P_OTHER, BT_P__N };
const char *bt_part_name(enum bt_part p);            /* "weights": docs/reference/json.md */

struct bt_need_line {
    enum bt_part part;
    uint64_t bytes;
    const char *why;                 /* formula with its numbers, and where it is from */
    bool charged;                    /* the engine counts it inside its own fraction */
    uint64_t uncertainty_bytes;      /* how far off it may be; 0 = exact */
};

/* Layers that share block tables. Every group draws blocks from one pool; a block of the pool is pool_layers pages, one for each layer of a
 * group, and groups with fewer layers leave pages empty (vLLM v1/core/kv_cache_utils.py). Every stage of a pipeline has the whole model's groups;
 * one may have no layer there. */
struct bt_kv_group {
    enum bt_mixer kind;
    uint32_t layers;                 /* that really use it, at most the rank's pool_layers */
    uint32_t window;                 /* sliding, chunked */
    uint64_t block;                  /* tokens of a block in this group; 0 for a state */
    uint64_t page_bytes;             /* of a block of all its layers, where groups differ in it (DeepSeek-V4); else 0 */
};

struct bt_need_rank {
    uint32_t tp, pp;                 /* tp = 0 stands for all ranks of the stage when they are equal */
    uint32_t first_layer, layers;
    struct bt_need_line *line; size_t n;             /* everything but KV */
    uint64_t fixed_bytes;            /* sum of line[] */
    uint64_t host_bytes;             /* weights that --cpu-offload-gb keeps in RAM */
    uint64_t host_token_bytes;       /* more RAM for each token of the pool: caches and masks of layers on the CPU */
    uint64_t budget_bytes;           /* the part of fixed_bytes that the engine charges to its own fraction (not context, comm, later graphs) */
    uint64_t passing_bytes;          /* beside budget_bytes: charged as well where the engine sizes KV itself, but gone by then; not in fixed_bytes */
    uint64_t kv_token_bytes;         /* one more token of a request in all layers of this rank that keep all tokens or a window */
    uint64_t kv_block_bytes;         /* of one block of the pool: page x pool_layers; for a model of equal layers kv_token_bytes x block */
    struct bt_kv_group *group; size_t ngroups;
    uint64_t tuple_bytes;            /* DeepSeek-V4: what the start-up check counts for a block, whatever its group; else 0 */
    uint32_t pool_layers;
    const struct bt_learned *learned;                /* need/learn.h: what was measured before and is in the lines; NULL = all is computed */
};

/* Byte arithmetic of this floor saturates at 2^60: absurd flags give an absurd sum, never a wrapped one. */
#define BT_NEED_CAP ((uint64_t)1 << 60)

/* The checkpoint of its own that a server's --speculative-config drafts with, where its shape counts (a whole model, dflash): to be opened as bt_model.draft.
 * NULL = none, or one that is reckoned from the model itself (MTP, eagle heads, n-grams). *reckoned: where it cannot be opened, layers like the model's stand for it. */
const char *bt_need_drafter(struct bt_arena *a, const struct bt_serve *serve, bool *reckoned);
/* Who drafts for a server, and how many tokens at once (0 = the engine's default): "ngram", "eagle", "mtp", "model" (m->draft, where it could be opened);
 * "other": a method of which nothing more is known here. NULL: nobody drafts. */
const char *bt_need_draft_kind(const struct bt_model *m, const struct bt_engine *engine, const struct bt_serve *serve, uint32_t *tokens);
/* Need of a server. Ranks of one tensor-parallel group are equal: one row per pipeline stage. */
struct need_llama;
struct need_sglang;
struct need_ops;
struct bt_learned;
struct bt_need {
    const struct need_ops *ops;                      /* how this engine's memory is reckoned: need/ops.h */
    const struct need_sglang *sglang;                /* SGLang's own figures; NULL for other engines */
    const struct need_llama *llama;  /* llama-server's own figures; NULL for other engines */
    struct bt_need_line *host_line; size_t nhost;    /* what rank[].host_bytes is made of, where the engine tells it apart */
    const struct bt_model *model; const struct bt_engine *engine; const struct bt_engine_version *version;
    struct bt_serve serve;           /* resolved */
    struct bt_need_rank *rank; size_t nranks;        /* pp rows */
    struct bt_need_rank *check;      /* KV layout of all stages together, where the engine's start-up check counts that against each rank; else NULL */
    uint64_t block;                  /* tokens per block; hybrids with states: raised until a page holds a state */
    bool on_host;                    /* computed on the CPU: rank[0] is RAM */
    uint64_t spec_tokens;            /* drafted at once by speculative decoding; 0 = none */
    uint64_t uncertainty_bytes;      /* per rank: activations, graphs and context are estimates */
};

/* `serve` needs tp, pp set (0 = 1). total_bytes: of the poorest card used. Fails with BT_E_FIT and a refusal text when the shape is impossible,
 * BT_E_INPUT when a figure that the memory depends on is missing. An architecture that is not known is estimated (bt_model.guessed). */
BT_MUST_CHECK int bt_need_server(struct bt_arena *a, const struct bt_model *m, const struct bt_engine *e, const struct bt_engine_version *v,
                                 const struct bt_serve *serve, const struct bt_gpu *card, struct bt_need **out, struct bt_err *err);
/* The same where it is known on another card already: like is of the same model, engine, version and `serve`, in an arena that lives as long. What no card decides
 * is taken from there. */
BT_MUST_CHECK int bt_need_server_like(struct bt_arena *a, const struct bt_model *m, const struct bt_engine *e, const struct bt_engine_version *v, const struct bt_serve *serve,
                                      const struct bt_gpu *card, const struct bt_need *like, struct bt_need **out, struct bt_err *err);

/* llama-server keeps layers, experts, other tensors or the KV beside the cards and computes there: the host's memory decides its speed, which nobody knows. */
bool bt_need_partly_on_cpu(const struct bt_need *n);

/* One request alone, as the engine's own "X GiB KV cache is needed" counts it: blocks rounded up, no null block. Where `check` is set it counts
 * the layers of all stages, and so do the longest request and the KV for one: less does not start. */
uint64_t bt_need_kv_request(const struct bt_need *n, const struct bt_need_rank *r, uint64_t context);
/* KV bytes that one rank needs so that `requests` requests of `context` tokens fit (blocks rounded up, null block where the version keeps one). */
uint64_t bt_need_kv_for(const struct bt_need *n, const struct bt_need_rank *r, uint64_t context, uint64_t requests);
/* The same in whole blocks. */
uint64_t bt_need_kv_blocks(const struct bt_need *n, const struct bt_need_rank *r, uint64_t context, uint64_t requests);
/* Tokens that `kv_bytes` hold on that rank, and the longest single request. Where layers differ (windows, states), tokens are those of
 * requests of serve.context tokens: a shorter request costs more per token there. */
uint64_t bt_need_kv_tokens(const struct bt_need *n, const struct bt_need_rank *r, uint64_t kv_bytes);
uint64_t bt_need_longest(const struct bt_need *n, const struct bt_need_rank *r, uint64_t kv_bytes);
/* Blocks of the pool that one request of `context` tokens takes on that rank. */
uint64_t bt_need_request_blocks(const struct bt_need *n, const struct bt_need_rank *r, uint64_t context);
/* KV past which more bytes help nobody: max_seqs x context. */
uint64_t bt_need_kv_cap(const struct bt_need *n, const struct bt_need_rank *r, uint64_t context);
/* The engine's own sizing: KV it would take on a card of total_bytes with its fraction (utilization x total - budget_bytes; 0 when negative),
 * or serve.kv_bytes where given. */
uint64_t bt_need_kv_by_engine(const struct bt_need *n, const struct bt_need_rank *r, uint64_t total_bytes);
/* The share to pass to the engine so that its own start-up check passes and nothing more. Of what it is a share, is the engine's:
 *   vLLM     of the card's total: (budget + kv) / total, rounded up to 1e-4, beside --kv-cache-memory-bytes
 *   SGLang   of what is free when it starts: (weights + kv) / (room - context), at least half a thousandth above; --max-total-tokens caps the pool
 * room_bytes: what is surely free for this rank, its berth or the card less others. Engines without such a flag: 1. */
double bt_need_share(const struct bt_need *n, const struct bt_need_rank *r, uint64_t kv_bytes, uint64_t total_bytes, uint64_t room_bytes);
/* Tokens of one request that the model allows: its positions, stretched where its rope says so. The engine's default context. */
uint64_t bt_need_model_context(const struct bt_model *m);
/* Does any layer have experts? */
bool bt_need_has_experts(const struct bt_model *m);
/* The most that a request may be asked to have: the same, and 2^40 where the model has no limit of its own (bt_model.unbounded). */
uint64_t bt_need_context_limit(const struct bt_model *m);
struct bt_shape bt_need_shape(const struct bt_model *m);
#endif

/* pace - how fast: a roofline of decode, of batches, of the first token and of loading; and what a claimed speed is worth. Pure.
 * Model, constants and their error: docs/pace.md (constants from the measured rows in bench/data/pace_rows.csv; `make bench-pace` prints the error).
 *
 *   weigh.c    a model's tensors as bytes read for each token       tables.c   constants: cards, kernels, engines, links
 *   pace.c     one step, the first token, loading                   claim.c    "Qwen2.5-32B bf16, 4xA100-40GB, TP4, 85 tok/s": read
 *   judge.c    what such a claim is worth                           claim_cards.c   which cards it means, and what is none
 *   draft.c    decode with speculation                              claim_text.c    its signs
 *                                                                   claim_phrases.c what takes several words */
#ifndef BT_PACE_H
#define BT_PACE_H
#include "engine/engine.h"
#include "gpu/gpu.h"
#include "model/model.h"

/* Which kernel reads the weights: decides how well it uses the bandwidth. */
enum bt_pace_kernel { BT_KERNEL_PLAIN, BT_KERNEL_FP8, BT_KERNEL_INT8, BT_KERNEL_INT4, BT_KERNEL_FP4, BT_KERNEL_GGUF, BT_KERNEL_GGUF_Q8, BT_KERNEL_GGUF_Q4_0,
                      BT_KERNEL_EXL, BT_KERNEL__N };
const char *bt_pace_kernel_name(enum bt_pace_kernel k);

/* What a step reads and computes, of the whole model. Of the input embedding one row is read: it counts only where it is the head too. */
struct bt_pace_weight {
    double dense_bytes;              /* read in every step */
    double expert_bytes;             /* all routed experts: a step reads those that its sequences hit */
    double params, expert_params;    /* numbers that one token is multiplied with; expert_params: of its active experts, part of params */
    uint32_t experts, active;        /* routed, of one layer; 0 = dense */
    uint32_t moe_layers;
    double file_bytes;               /* what is loaded */
    enum bt_pace_kernel kernel;
};
/* quantization: asked for at start on a model that is stored plain ("fp8", "awq", "int8", "q4_k_m"), else NULL. elem: bytes of a plain number as
 * served, 0 = 2. engine: by name; llama.cpp's files of a model with 4-bit experts hold the rest in 8 bits, where the checkpoint has 16. NULL = as the
 * checkpoint is. False: the tensors are not known (ntensors 0). */
bool bt_pace_weigh(const struct bt_model *m, const char *quantization, unsigned elem, const char *engine, struct bt_pace_weight *out);
/* Bytes that a step of `streams` sequences reads, each with experts of its own choice. */
double bt_pace_step_bytes(const struct bt_pace_weight *w, double streams);

enum bt_pace_p2p { BT_P2P_AUTO, BT_P2P_YES, BT_P2P_NO };
struct bt_pace_in {
    const struct bt_model *model;
    const struct bt_pace_weight *weight;         /* NULL = bt_pace_weigh(); give it where many shapes of one model are asked for */
    const struct bt_engine *engine;
    const struct bt_engine_version *version;     /* NULL = the engine's newest row */
    const char *engine_name, *engine_version;    /* instead of the two above: an engine that berth does not start ("tensorrt-llm"), or a version in words */
    const struct bt_gpu *card;
    uint64_t tp, pp;                 /* 0 = 1 */
    uint64_t context;                /* tokens already in the KV cache of each sequence */
    double kv_bytes_per_token;       /* of the whole model: all layers, all KV heads; 0 = from the model, 16 bit */
    const char *quantization;        /* see bt_pace_weigh */
    unsigned elem;                   /* bytes of a plain number as served; 0 = 2 */
    bool nvlink;                     /* the ranks reach each other by NVLink */
    enum bt_pace_p2p p2p;            /* over PCIe; AUTO: not between GeForce cards (the stock driver) nor A10Gs (clouds) */
    uint64_t streams;                /* sequences decoded together; 0 = 1 */
    uint64_t verified;               /* tokens of each sequence that one step goes over, drafted ones and the next; 0 = 1 */
    uint64_t prompt, answer;         /* tokens of a request under load: while streams decode, others are read in. 0 = nobody arrives */
    uint32_t tenants;                /* processes that are busy on these cards at once, this one too; 0 = 1. They take turns */
};

struct bt_pace {
    double decode_tok_s;             /* one stream */
    double total_tok_s;              /* all streams; with pp > 1 every stage has its own sequences in work */
    double ceiling_tok_s;            /* one stream, bandwidth and weights alone */
    double weights_ms, kv_ms, layers_ms, host_ms, allreduce_ms, hop_ms, prefill_ms, wait_ms, step_ms;
        /* layers: launches, of an eager engine what of them the card waits for; weights: read, or multiplied where that takes longer;
         * prefill: of the requests that arrive; wait: for the other tenants */
    double read_bytes;               /* by one rank in one step, weights and KV; with pp > 1 by the ranks of all stages together */
    double weights_bytes_a_s;        /* at which one card reads its weights */
    const char *link;                /* "", "NVLink", "PCIe with P2P", "PCIe without P2P" */
    double error_share;              /* 0.1 known engine and GPU class, 0.2 otherwise; 0.3 batches and latents, 0.5 kinds that are known to be far off */
    bool known;                      /* false: the card's bandwidth is not in the catalog, or the model's tensors are not known: no figure */
};
void bt_pace_decode(const struct bt_pace_in *in, struct bt_pace *out);

/* From the request to its first token, nobody else served: in->prompt tokens are read in. */
struct bt_pace_first {
    double seconds, floor_s, compute_s, link_s;
    double factor;                   /* most measured ones of the kind are between seconds / factor and seconds x factor; 0 = too few were measured to say so */
    bool known, measured;            /* measured: the class of card has prompts of 1000 tokens and more behind its constant */
};
void bt_pace_first(const struct bt_pace_in *in, struct bt_pace_first *out);

/* Loading and starting, by where the weights lie. Rates of one process and of the source are measured ones (docs/pace.md). */
enum bt_pace_source { BT_LOAD_CACHE, BT_LOAD_NVME, BT_LOAD_NETWORK, BT_LOAD__N };
struct bt_pace_load {
    double seconds[BT_LOAD__N];      /* the weights alone; page cache, local NVMe, cloud volume or NFS */
    double warm_s, cold_s;           /* start of the engine beside the load: everything compiled before / nothing. Machines differ (docs/pace.md) */
    bool known;
};
/* A start takes between such a part and so many times of what is predicted: six of seven measured ones (docs/pace.md). */
#define BT_PACE_START_FACTOR 2.0
void bt_pace_load(const struct bt_pace_in *in, struct bt_pace_load *out);
extern const char *const bt_pace_source_names[BT_LOAD__N];

/* The largest share of the bandwidth ceiling that any honest row reaches with so many ranks, one stream (docs/pace.md). hbm: the card has HBM. */
double bt_pace_best_share(uint64_t tp, bool hbm);

/* ---- drafts ---- */

/* Who drafts: n-grams of the text, a head of one layer (EAGLE), the model's own layers for it (MTP), a smaller model. */
enum bt_pace_drafter { BT_DRAFT_NONE, BT_DRAFT_NGRAM, BT_DRAFT_HEAD, BT_DRAFT_MTP, BT_DRAFT_MODEL, BT_DRAFT__N };
const char *bt_pace_drafter_name(enum bt_pace_drafter d);        /* "ngram", "eagle", "mtp", "model" */
struct bt_pace_draft {
    enum bt_pace_drafter kind;
    const struct bt_model *model;    /* BT_DRAFT_MODEL: stored and split as the model it drafts for; else NULL */
    uint32_t tokens;                 /* drafted in one step, one after the other */
    double acceptance;               /* of a drafted token that is looked at, 0 to 1; or more than 1: the mean tokens that a step gives, as engines log them.
                                        0 = what the kind usually has, and the answer says that it is assumed */
};
struct bt_pace_drafted {
    double acceptance, tokens_a_step;
    double verify_ms, draft_ms, step_ms;     /* the model over all drafted tokens; all drafts; with both and the host */
    double decode_tok_s, total_tok_s;
    double gain;                     /* over the same without drafts; below 1 they cost more than they give */
    bool assumed, known;             /* known false: nothing is drafted, or a tensor or card is not known */
};
void bt_pace_drafted(const struct bt_pace_in *in, const struct bt_pace_draft *d, struct bt_pace_drafted *out);

/* ---- claims ---- */

/* What a claim says, as far as it says it. Strings live in the arena. */
struct bt_claim {
    const char *model, *card;        /* as written */
    const struct bt_gpu_kind *kind;
    uint64_t cards, tp, pp, streams, context;        /* 0 = not said */
    const char *quantization;        /* "bf16", "fp8", "int4", ...; NULL = not said */
    const char *engine, *engine_version;             /* NULL = not said, and the bits are not those of one engine alone */
    uint64_t engines;                /* behind one front (dp), or replicas: the rate is of all of them together; 0 = 1 */
    bool speculation;                /* a draft, MTP, EAGLE: a step may give more than one token */
    bool said_streams;               /* how many, or that the rate is of one of them */
    bool tp_said, gguf;
    bool by_layers;                  /* several cards of llama.cpp, and not how: layer by layer is its default, as tensors its best */
    double tok_s;                    /* of all streams of all engines */
    uint64_t prompt, answer;         /* tokens of a request; 0 = not said */
    uint64_t card_layers;            /* llama.cpp's -ngl; 0 = not said, all of them */
    double prompt_tok_s, first_s;    /* of reading prompts, to the first token: told beside it, not judged; 0 = not said */
};
/* Reads "MODEL [bf16|fp8|int8|4-bit|awq|...], [N]xCARD, TPn[xPPm], [ENGINE [VERSION],] [N streams,] [context N,] [dp N,] [eagle|mtp|...,]
 * X tok/s | X ms/token | tg128 X [each | per user | in total]" in any order, with the small words that people put between.
 * BT_E_USAGE: names the word that was not understood, what is missing, or what is said twice and differs; and what would be judged wrongly: a rate of
 * prompts alone, one of "all" streams without their number, "1.200". */
BT_MUST_CHECK int bt_claim_parse(struct bt_arena *a, struct bt_str text, struct bt_claim *out, struct bt_err *err);

/* The claim's model under a shorter name, where that ends in a format ("Qwen3-8B-AWQ", "qwen3:8b-q4_K_M", "...-Q4_K_M.gguf"), which becomes the claim's unless
 * it says one: for a name that is no model. False: there is none. */
bool bt_claim_other_model(struct bt_arena *a, struct bt_claim *c);

enum bt_verdict { BT_CLAIM_IMPOSSIBLE,           /* more bytes a second than the cards have */
                  BT_CLAIM_NOT_REACHED,          /* below the ceiling, above every reference row */
                  BT_CLAIM_CREDIBLE };
/* With speculation a rate is not reached where even so many tokens a step at the largest honest share would not give it: the longest mean run of accepted
 * tokens that was published (MTP, 2.7 to 3.7). Never impossible: no law bounds what a draft may guess. */
#define BT_SPECULATED_TOKENS 3.7
const char *bt_claim_verdict_name(enum bt_verdict v);  /* "impossible", "not reached by any reference row", "credible" */
struct bt_judged {
    enum bt_verdict verdict;
    const char *assumed;             /* quantisation, where neither claim nor model says one and the engine has a usual one; else NULL */
    double share;                    /* of the bandwidth ceiling, KV and the claim's streams counted */
    double matrix_share;             /* of what the matrix units can multiply; 0 = not known. Above 1 no draft helps */
    double read_bytes;               /* by one card in one step */
    double ceiling_tok_s, best_share;
    double tokens_a_step;            /* with speculation: as many as the rate needs at the speed that is expected of the same set-up; else 0 */
    double weight_bytes;             /* of one card; more than `card_bytes`: they do not fit */
    double card_bytes;
    struct bt_pace pace;             /* what the model of speed says of the same set-up, without speculation */
    struct bt_pace eight_bit;        /* the same cards with 8-bit weights; known = false where the claim's weights have 8 bits or fewer */
    struct bt_pace four_bit;         /* with 4 bits; known only where the claim does not say its bits and 16 were taken */
};
/* The model must be the claim's. BT_E_INPUT: its tensors are not known, or the card's bandwidth is not. */
BT_MUST_CHECK int bt_claim_judge(const struct bt_claim *c, const struct bt_model *m, struct bt_judged *out, struct bt_err *err);
#endif

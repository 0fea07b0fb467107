/* engine - what each engine is: its versions as rows, its flags, defaults, shape rules, log lines, stop order. Pure data and
 * pure functions: nothing here starts a process or reads a GPU.
 *
 *   engine.c            the list of engines, version rows, defaults, what may run as tp x pp
 *   argv.c              words of a command line, the user's own flags kept
 *   vllm.c vllm_log.c   vLLM                             command.c   a plain command
 *   llama.c sglang.c    llama-server, SGLang, with their log lines
 *   install.c           the installed program and its version, never executed
 *   diagnose*.c         a failed start's log to its cause (diagnose.h) */
#ifndef BT_ENGINE_H
#define BT_ENGINE_H
#include "base/arena.h"
#include "base/opt.h"
#include "base/pattern.h"

/* -ot REGEX=PLACE of llama-server: tensors whose name the expression is found in are there; the first that matches counts. */
struct bt_llama_override { const struct bt_pattern *name; int device; const char *text; };           /* device -1: host RAM; text: as given, without the place's comma */

/* What only llama-server can be asked; filled by its flags, defaults by bt_engine_resolve. */
struct bt_llama_serve {
    uint64_t gpu_layers; bool gpu_layers_set;        /* UINT32_MAX = all */
    uint64_t ubatch, main_gpu, n_cpu_moe, cache_ram_mib;
    bool unified, unified_set, cache_ram_set;
    bool kv_on_host, swa_full, cpu_moe, mmap;
    bool planned;                    /* context is that of one request; the pool of all slots is dealt by the planner */
    double split[16]; size_t nsplit;                 /* -ts */
    const char *split_mode, *devices, *kv_k, *kv_v, *flash_attn, *load_mode, *fit;
    const struct bt_llama_override *override; size_t noverride;
};

/* What only SGLang can be asked. */
struct bt_sglang_serve {
    uint64_t max_total_tokens;       /* no more KV than this; 0 = what fits */
    uint64_t ep;                     /* ranks of a tensor-parallel group that share the experts; 0 = not given */
    uint64_t graph_batch;            /* largest decode batch captured */
    bool no_decode_graph, no_prefill_graph;
    bool seqs_given;                 /* --max-running-requests: set by bt_engine_resolve */
    bool no_radix, no_overlap, no_swa_pool, text_only;
    const char *device, *ssm_dtype, *state_strategy; /* --mamba-ssm-dtype, --mamba-radix-cache-strategy; NULL = the model's, auto */
    double state_ratio, swa_ratio;   /* --mamba-full-memory-ratio, --swa-full-tokens-ratio; 0 = not given */
    uint64_t max_states;             /* --max-mamba-cache-size */
    uint64_t state_requests;         /* hybrids: a plan keeps states for so many requests; 0 = the engine's own share of the memory */
    uint64_t state_slots, slots_each;                /* what that comes to, by the ledger: slots in all, and of a request; 0 = no states */
};

/* What a server is asked to do, in engine-neutral words; filled from an engine's own flags (bt_engine.flags), from berth.yaml,
 * or by the planner. A zero means "not given" unless a comment says otherwise; engine defaults are applied by bt_engine_resolve. */
struct bt_serve {
    const char *model, *revision, *dtype, *quantization, *kv_dtype;
    uint64_t tp, pp, dp;
    const uint32_t *cut; uint64_t ncut;              /* layers of each pipeline stage; NULL, or not pp of them: as the engine cuts */
    bool expert_parallel, eager, lora, trust_remote_code;
    bool context_auto;               /* --max-model-len auto / -1 */
    uint64_t context;                /* tokens of one request, prompt and answer */
    double utilization;              /* share of the card's total_bytes */
    bool utilization_set;
    uint64_t kv_bytes;               /* per GPU */
    uint64_t max_seqs, max_batched_tokens, block_size;
    uint64_t max_loras, max_lora_rank, max_cpu_loras;
    const char *lora_dtype;
    double cpu_offload_gib;
    const char *cudagraph_sizes;     /* raw */
    uint64_t max_cudagraph_size;
    bool prefix_caching_off;         /* --no-enable-prefix-caching; on is the engines' default */
    bool prefix_caching_on;          /* asked for in so many words */
    const char *served_name, *host;
    uint64_t port;
    struct bt_llama_serve llama;
    struct bt_sglang_serve sglang;
    struct bt_strs extra;            /* flags berth does not know the meaning of, as given */
};

enum bt_vllm_runner { BT_RUNNER_V1, BT_RUNNER_V2 };

/* One version row. Versions between rows use the newest row that is not newer (bt_engine_version). */
struct bt_engine_version {
    const char *version;
    double default_utilization;
    enum bt_vllm_runner runner;      /* for dense decoder models; vLLM only */
    bool v0;                         /* the engine before V1: profiles one prompt of the whole length, 256 sequences on every card */
    bool latent_expanded;            /* no MLA yet: every head's key and value are kept, padded to 256 numbers */
    bool latent_products;            /* the products of kv_b_proj's halves with q and o are kept beside them (VLLM_MLA_PERFORM_MATRIX_ABSORPTION) */
    bool images_expanded;            /* the profile run keeps each image's embeddings as long as its whole budget */
    bool videos_unprofiled;          /* a video that has more tokens than an image is not what the profile run encodes */
    bool videos_by_batch;            /* of a video, the frames that one batch has room for; otherwise those of the longest request */
    bool encoder_unprofiled;         /* runner V2 leaves images and videos out of its profile run */
    bool text_alone;                 /* a tower is not made where --limit-mm-per-prompt allows none of what it reads; before, in these classes alone: */
    const char *text_alone_for;      /* names with blanks; NULL = none */
    bool items_whole;                /* an image or video that is not cut raises the default batch to its own size (bt_tower.whole_tokens) */
    bool latent_padded;              /* MLA's 576 numbers of a token take 640 (VLLM_MLA_CUDA_MEM_ALIGN_KV_CACHE) */
    const char *v2_for;              /* while `runner` is still V1: classes that run on V2 already, by their names with blanks; NULL = none */
    bool v2_dense_only;              /* mixtures of experts, hybrids and pooling models still run on V1, but for v2_for */
    bool v2_plain_only;              /* v2_for holds only where the weights are not quantised */
    double sampler_bytes;            /* of the profiled sampler, for each sequence and word of the vocabulary; 0 = not profiled */
    bool compiles;                   /* the first start compiles inside the measured window, and what that takes is charged */
    bool graphs_in_budget;           /* the CUDA graph estimate is subtracted before KV is sized */
    bool sampler_profiled;           /* the profile run includes the sampler */
    bool sampler_buffers;            /* V2: 4.25 B x seqs x vocab stay allocated */
    bool state_caching;              /* prefix caching, and with it a second state of a request, is the default for hybrids too */
    bool states_by_block;            /* prefix caching keeps a state for each block where the class can, not two of a request (need.c has the classes) */
    bool states_aligned;             /* two of a request it is, and one for each drafted token; before 0.15 one, and no caching of states but by block */
    bool windows_in_flight;          /* a window keeps the tokens of every batch in flight beside itself; before: of one batch */
    bool pages_packed, blocks_summed;                /* DeepSeek-V4: pages of a block without gaps; its concurrency counted in blocks of each group */
    bool checks_whole;               /* the start-up check holds the layers of all pipeline stages against one rank's KV */
    bool loads_unsplit;              /* the allocator loads with max_split_size_mb=20: what is as large keeps its segment whole */
    bool null_block_reserved;        /* one request must fit in KV less one block */
    bool kv_by_checkpoint;           /* --kv-cache-dtype auto is fp8 where the checkpoint says so (bt_quant.kv8) */
    bool has_kv_bytes;               /* the pool can be pinned: --kv-cache-memory-bytes, --max-total-tokens, --ctx-size */
    const char *source;              /* where these facts were read */
};

/* What a line of an engine's log tells. */
enum bt_log_kind { BT_LOG_NONE, BT_LOG_STEP, BT_LOG_PROGRESS, BT_LOG_WEIGHTS_GIB, BT_LOG_KV_GIB, BT_LOG_KV_TOKENS, BT_LOG_GRAPHS_GIB, BT_LOG_ACTIVATION_GIB, BT_LOG_READY,
                   BT_LOG_WORKER_DIED, BT_LOG_ERROR };
struct bt_log_event {
    enum bt_log_kind kind;
    const char *step;                /* static: "importing", "loading weights", "profiling", "allocating KV", "capturing graphs", "starting the server",
                                      * "ready"; NULL for ERROR and WORKER_DIED */
    int percent;                     /* of the step; -1 unknown */
    int pp, rank;                    /* which process says it: its pipeline stage; its number among all (llama-server: the device). -1: not told */
    double gib; uint64_t tokens;
    bool kv_sized;                   /* from this line on the engine has measured memory: the next start on these GPUs may begin */
    char text[256];                  /* ERROR, WORKER_DIED: the telling part, escaped, cut with "..." where too long. Engines repeat a failure in
                                      * each process that passes it on: the first ERROR of a start is the cause, the last is only its echo */
};

/* What the share of a card that an engine is given is a share of. */
enum bt_share_of { BT_SHARE_NONE,    /* it takes none */
                   BT_SHARE_OF_TOTAL,                /* of the card: vLLM; asks for so much to be free */
                   BT_SHARE_OF_FREE };               /* of what is free when it starts: SGLang; has to be enough for weights and pool */

enum bt_stop_whom { BT_STOP_LEADER, BT_STOP_TREE_BUT_TRACKER, BT_STOP_TREE };
struct bt_stop_step { int signal; enum bt_stop_whom whom; uint32_t wait_ms; };       /* send, then wait this long for the tree to be gone */

/* What a server is started with. Bytes become the engine's own flags in bt_engine.start and nowhere else. */
struct bt_engine_start {
    struct bt_arena *arena;
    const struct bt_engine_version *version;
    const struct bt_serve *serve;    /* resolved: shape, context of one request, requests at once, types */
    const char *program, *model;     /* as the command line names them; program NULL: the engine's usual way to be called */
    bool hub;                        /* model is an id on the hub, not a path */
    const char *host, *port, *name;  /* where it listens, its name in the API; NULL = not said */
    uint64_t kv_bytes, kv_tokens;    /* of the pool, on each rank */
    double share;                    /* bt_need_share: of what, is the engine's */
    bool on_host;                    /* no GPU: every byte is RAM */
    bool sleeps;                     /* it is to be parked: started so that it can be (vLLM: --enable-sleep-mode, and the endpoints for it) */
    bool brief;                      /* for people: what is the default anyway is left out, and how it logs */
    const struct bt_strs *raw;       /* the user's own flags, at the end as written: one of ours that they say is left out. May be NULL */
};
struct bt_engine_env { const char *key, *value; };
struct bt_engine_command { struct bt_strs argv; struct bt_engine_env *env; size_t nenv; };

/* How it gives memory back without ending: requests to its endpoint, one after the other (POST, no body). */
struct bt_engine_park { const char *level; const char *park[4], *resume[4]; };      /* level: "kv", "sleep"; lists end with NULL */

/* The smallest request that makes it work: POST path with {"model": NAME, REST}. Of several the first that is not refused with 4xx or 501 is meant: a
 * server of embeddings has no completions. */
struct bt_engine_first { const char *path, *rest; };

struct bt_shape;
struct bt_refusal;
struct bt_engine_device;
struct bt_engine {
    const char *name;                /* "vllm"; "command" for a plain command */
    const struct bt_engine_version *versions; size_t nversions;      /* oldest first */
    const struct bt_opt *flags;      /* the engine's own flags, into struct bt_serve; NULL for command */
    const char *program;             /* looked for in PATH, venv: "vllm" */
    const char *health_path;         /* "/health" */
    const struct bt_engine_park *park; size_t npark;
    const struct bt_engine_first *first; size_t nfirst;
    const char *key_flag, *key_env;  /* where the key that its /v1 asks for may be said; NULL: nowhere */
    const char *vital;               /* how the names (comm) of its own processes begin, besides the leader's; NULL: it has none */
    const char *metric_running, *metric_tokens;      /* in GET /metrics: requests at work, tokens made since the start; NULL: not by default */
    bool listens_when_ready;         /* a refused connection while starting is normal */
    enum bt_share_of share_of;
    uint32_t internal_ports;         /* a block of so many for its own sockets, "{internal}" in its command */
    const struct bt_stop_step *stop_starting; size_t nstop_starting;
    const struct bt_stop_step *stop_ready; size_t nstop_ready;
    const char *drain_flag;          /* seconds that it lets running requests end in after the first step of stop_ready: that step waits so much longer. NULL: none */
    const char *const *unset;        /* variables of the user's shell that would win over what is planned, NULL-terminated; NULL: none */
    /* Read one log line (without its newline). Returns false when it says nothing to us. */
    bool (*log_line)(struct bt_str line, struct bt_log_event *out);
    /* Behind bt_engine_resolve and bt_engine_shape_ok; NULL = vLLM's. */
    void (*resolve)(const struct bt_engine_version *v, const struct bt_engine_device *d, uint64_t model_context, struct bt_serve *s);
    bool (*shape_ok)(const struct bt_shape *m, uint64_t tp, uint64_t pp, struct bt_refusal *why);
    /* Layers of one pipeline stage; behind bt_engine_stage_layers, NULL = vLLM's. */
    uint32_t (*stage_layers)(uint32_t layers, uint64_t pp, uint64_t stage);
    bool cuts_layers;                /* stages may be cut as one likes (bt_serve.cut) */
    const char *kv_in_8_bits; int kv_in_8_bits_cc;   /* its word for a byte a number in the KV cache, and the compute capability that wants (80; 0: any); NULL: it has none */
    /* What a plan pins where the user leaves it open, before defaults: so that the bytes are what was planned. NULL = nothing.
     * requests: of the spec, at least so many at once. */
    void (*planned)(uint64_t requests, struct bt_serve *s);
    /* Command line and environment; NULL for a plain command. Appends to *out; all of it lives in in->arena or is borrowed. */
    void (*start)(const struct bt_engine_start *in, struct bt_engine_command *out);
};
const struct bt_engine *bt_engine_find(const char *name);            /* NULL when unknown */
const char *const *bt_engine_names(void);                            /* servers only, NULL-terminated */
/* Row for a version such as "0.11.0", "0.32.1rc2" or "0.32.0+cpu"; *exact says whether it has a row of its own (what follows "+"
 * does not matter for that). Older than every row, or not a version: BT_E_SPEC. NULL or "" = the newest row. exact may be NULL. */
const struct bt_engine_version *bt_engine_version(const struct bt_engine *e, const char *version, bool *exact, struct bt_err *err);

/* May CUDA_VISIBLE_DEVICES name cards by uuid? vLLM before 0.24 reads numbers alone (platforms/interface.py device_id_to_physical_device_id; PR #45026). */
bool bt_engine_takes_uuids(const struct bt_engine *e, const struct bt_engine_version *v);
/* The row of a flag as it stands in a command, by any of its names: "--max_model_len=8K", "-tp". NULL: not in the table. */
const struct bt_opt *bt_engine_flag(const struct bt_engine *e, const char *word);
/* Is `version` ("0.32.1rc2", "v0.9") that one or newer? By the numbers in front; what does not begin with a digit is the newest. */
bool bt_engine_at_least(const char *version, const char *than);

/* Device class decides default max_seqs and max_batched_tokens (vLLM engine/arg_utils.py). */
struct bt_engine_device { uint64_t total_bytes; const char *name; bool cpu; };
/* Fill what was not given with the engine's defaults for that version, device and model length. */
void bt_engine_resolve(const struct bt_engine *e, const struct bt_engine_version *v, const struct bt_engine_device *d, uint64_t model_context, struct bt_serve *s);

/* Shape of a model as the rules see it; no dependency on src/model. */
struct bt_shape { uint32_t heads, kv_heads, layers, hidden, intermediate, vocab; const char *architecture; };
struct bt_refusal { const char *code; char text[400]; };             /* "heads-not-divisible" */
/* May this shape run as tp x pp? Returns false and fills *why (the engine's own reason first, then what it means). */
bool bt_engine_shape_ok(const struct bt_engine *e, const struct bt_shape *m, uint64_t tp, uint64_t pp, struct bt_refusal *why);
/* Layers of one pipeline stage, engine's default split (vLLM: 64/3 -> 21,22,21). */
uint32_t bt_engine_stage_layers(const struct bt_engine *e, uint32_t layers, uint64_t pp, uint64_t stage);
/* All stages as vLLM splits them. out has pp entries. */
void bt_engine_pp_layers(uint32_t layers, uint64_t pp, uint32_t *out);
/* An engine's stages for people: "21,22,21"; cut with "..." when it does not fit. */
void bt_engine_pp_text(const struct bt_engine *e, uint32_t layers, uint64_t pp, char *out, size_t size);
/* The same of stages that were cut otherwise. */
void bt_engine_cut_text(const uint32_t *cut, uint64_t pp, char *out, size_t size);
/* "21,22,21" as its variable has it, into s->cut. False: no list of numbers from 1. */
BT_MUST_CHECK bool bt_engine_cut_parse(struct bt_arena *a, const char *text, struct bt_serve *s);
/* Layers of each stage: s->cut where it is for so many stages, else the engine's own split. out has s->pp entries. BT_E_SPEC where the cut is none of so many layers (a stage
 * without one, another sum: the engines refuse both), or the engine cuts as it likes. */
BT_MUST_CHECK int bt_engine_cut(const struct bt_engine *e, uint32_t layers, const struct bt_serve *s, uint32_t *out, struct bt_err *err);

/* An installed engine: program path and version, found without running it. The version is the first line of a file PROGRAM.version
 * beside the program, else that of the package's dist-info in the Python prefix around it (the venv's folder, or the one its
 * "#!" line names). why: where the version was read, or why it is "". */
struct bt_engine_install { const char *bin; const char *version; const char *why; };
/* bin or venv may be NULL; then PATH is searched. BT_E_NOT_FOUND names the places looked at. version may be "" when it cannot be told. */
BT_MUST_CHECK int bt_engine_installed(struct bt_arena *a, const struct bt_engine *e, const char *bin, const char *venv, struct bt_engine_install *out, struct bt_err *err);
#endif

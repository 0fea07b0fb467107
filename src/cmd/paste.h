/* paste - a server's command line as people have it in a script, a README or `docker run`, read as the engine would read it.
 *
 *   vllm serve M --tensor-parallel-size 4         python -m vllm.entrypoints.openai.api_server --model M -tp 4
 *   CUDA_VISIBLE_DEVICES=0,1 nohup vllm serve M   docker run --gpus all vllm/vllm-openai:v0.11.0 --model M
 *   python3 -m sglang.launch_server --model-path M --tp 2
 *
 * Every word of the command ends in the list of items with a verdict: nothing is dropped silently. paste_read is pure: no file is opened, nothing is run.
 * Values of variables and flags that carry secrets are not kept. */
#ifndef BT_CMD_PASTE_H
#define BT_CMD_PASTE_H
#include "engine/engine.h"

enum paste_effect {
    PASTE_COUNTED,                   /* understood; its bytes are in the answer */
    PASTE_NO_BYTES,                  /* understood; it changes no bytes on the card */
    PASTE_NOT_COUNTED,               /* understood; it changes bytes, and the answer leaves them out: the note says what */
    PASTE_UNKNOWN,                   /* not understood */
};
const char *paste_effect_name(enum paste_effect e);          /* "counted", "no-bytes", "not-counted", "unknown": the JSON's words */

struct paste_item {
    const char *text;                /* as given: "--max-model-len 8K", "VLLM_USE_V1=0"; secrets cut: "HF_TOKEN=..." */
    enum paste_effect effect;
    const char *note;                /* why, or what berth took it for; "" if nothing is to be said */
};

struct paste {
    const struct bt_engine *engine;
    const char *version;             /* of the image's tag; NULL when the command does not say */
    const char *image;               /* NULL without a container */
    const char *model;               /* also in serve.model */
    const char *visible;             /* CUDA_VISIBLE_DEVICES, or the container's devices; NULL when not given */
    struct bt_serve serve;           /* only what was given */
    uint64_t max_position;           /* --hf-overrides, --rope-scaling: replaces the model's; 0 = not given */
    double rope_factor;              /* likewise */
    uint64_t cpu_kv_bytes;           /* VLLM_CPU_KVCACHE_SPACE: KV of a CPU build; 0 = not given */
    int graphs_in_budget, runner;    /* set by variables: -1 = not given, else 0 or 1; enum bt_vllm_runner */
    struct paste_item *item; size_t n;
};

/* It names no card but the CPU: `--device cpu` (SGLang), `--device none` (llama-server), VLLM_CPU_KVCACHE_SPACE (vLLM's CPU build). */
bool paste_on_cpu(const struct paste *p);

/* words: what stands after "--"; one word that holds blanks is cut as a shell would (quotes, backslashes, continued lines; nothing expanded).
 * BT_E_USAGE: no server that berth knows in it, no model, a value the engine would refuse. Strings are borrowed from words or live in a. */
BT_MUST_CHECK int paste_read(struct bt_arena *a, const char *const *words, size_t n, struct paste *out, struct bt_err *err);

/* One text as a shell would cut it into words, up to the first redirection or pipe. */
BT_MUST_CHECK int paste_split(struct bt_arena *a, const char *text, struct bt_strs *out, struct bt_err *err);

/* paste_config.c: `--config FILE.yaml` (vLLM, SGLang) replaced by the flags that the file stands for, less those that the command says itself; the one
 * function here that reads a file. *note: what was read, or why it could not be (then the words stay); NULL without such a flag. BT_E_USAGE: no YAML map. */
BT_MUST_CHECK int paste_config(struct bt_arena *a, const char *const *words, size_t n, struct bt_strs *out, const char **note, struct bt_err *err);

/* Inside: flags that exist and are not in the engine's table. name NULL ends a list. */
enum paste_args { ARGS_NONE, ARGS_ONE, ARGS_MANY };
struct paste_known { struct bt_str name; enum paste_args args; const char *bytes; };  /* bytes: what it changes that is not counted; NULL = nothing */
/* One after the other, from an empty *at on: false after the last. Names live as long as the program. */
struct paste_each { size_t row, from; };
bool paste_known_flag(const struct bt_engine *e, struct paste_each *at, struct paste_known *out);
bool paste_known_variable(const struct bt_engine *e, struct paste_each *at, struct paste_known *out);
/* The flags of words[at..n), which follow the program; fills serve, model and items. positional: a word that is no flag is the model. */
BT_MUST_CHECK int paste_flags(struct bt_arena *a, const char *const *words, size_t n, bool positional, struct paste *out, struct bt_err *err);
bool paste_ledger_reads(const struct bt_engine *engine, const char *flag);     /* "--name=value" of serve.extra: in the answer all the same */
void paste_note(struct bt_arena *a, struct paste *p, enum paste_effect effect, const char *text, const char *note);
#endif

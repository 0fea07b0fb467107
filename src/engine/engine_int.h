/* engine_int.h - what the engines' files share; not for other floors. */
#ifndef BT_ENGINE_INT_H
#define BT_ENGINE_INT_H
#include "engine/engine.h"

extern const struct bt_engine bt_engine_vllm, bt_engine_command;
extern const struct bt_engine bt_engine_llama;
bool bt_llama_log_line(struct bt_str line, struct bt_log_event *out);
void bt_llama_resolve(const struct bt_engine_version *v, const struct bt_engine_device *d, uint64_t model_context, struct bt_serve *s);
bool bt_llama_shape_ok(const struct bt_shape *m, uint64_t tp, uint64_t pp, struct bt_refusal *why);

extern const struct bt_engine bt_engine_sglang;
bool bt_sglang_log_line(struct bt_str line, struct bt_log_event *out);
bool bt_vllm_log_line(struct bt_str line, struct bt_log_event *out);
extern const struct bt_opt bt_vllm_flags[];

/* argv.c: a command line being written. Flags by their long names, without dashes. */
struct engine_argv {
    const struct bt_engine_start *in;
    struct bt_engine_command *out;
    const struct bt_opt *flags;      /* the engine's: tells when the user's words say the same */
    bool short_names;                /* "-c" and not "--ctx-size", where there is one */
};
void engine_word(struct engine_argv *v, const char *z);
/* A flag of ours, unless the user's own words say it: theirs has been through need and stands at the end. value NULL: a switch. */
void engine_flag(struct engine_argv *v, const char *name, const char *value);
void engine_flag_u64(struct engine_argv *v, const char *name, uint64_t n);
void engine_env(struct engine_argv *v, const char *key, const char *value);
void engine_raw(struct engine_argv *v);
/* The variable that cuts the stages, where they are cut otherwise than the engine would (distributed/utils.py get_pp_indices, of vLLM and SGLang alike). */
void engine_cut(struct engine_argv *v, const char *variable);

/* -1, 0, 1 by the numbers in front ("0.9.2" < "0.11.0"; "0.32.0rc1" and "0.32.0+cpu" equal "0.32.0"). Both must begin with a digit. */
int bt_version_cmp(const char *a, const char *b);
#endif

/* engine - a program that behaves like `vllm serve` on the simulated machine, so that berth can be proven wrong without a GPU.
 *
 * It takes vLLM's flags, allocates the model's tensors through libcuda, profiles, sizes its KV from what is really free (or from the
 * bytes given), fails with vLLM's words, prints vLLM's start-up lines and serves the OpenAI API with deterministic text. It may use
 * src/base, src/engine (flags) and src/model (shapes); never need, plan or pace: its arithmetic is its own. src/gpu only for the
 * card's bandwidth (how fast it pretends to decode).
 *
 *   main.c    command line, config checks, the API server process and its children
 *   core.c    EngineCore: walks the ranks through load, profile, KV, capture
 *   rank.c    one rank's memory: tensors, caching allocator, activations, graphs
 *   cuda.c    libcuda by dlopen
 *   http.c    the OpenAI endpoints, a step timer, streams
 *   say.c     vLLM's log lines
 *
 * Where it differs from the real one: no weights are read and no kernel runs, so every reply says "simulated"; sizes that the real
 * engine gets from kernels (activations, CUDA graphs, NCCL) follow the formulas in rank.c, taken from real logs. */
#ifndef BT_SIM_ENGINE_H
#define BT_SIM_ENGINE_H
#include <sys/types.h>

#include "base/base.h"
#include "base/file.h"
#include "engine/engine.h"
#include "model/model.h"

struct se {                          /* what every process of one engine knows; set before the first fork, then read-only */
    struct bt_arena arena;
    const struct bt_model *model;
    const struct bt_engine_version *row;
    const char *version;             /* "0.32.0" */
    const char *model_arg;           /* as given */
    struct bt_serve s;               /* resolved */
    const char *args_line;           /* "{'model': ...}" of the non-default args */
    double speed;                    /* BERTH_SIM_SPEED: 1 = believable, 10 = ten times faster */
    uint64_t misbehave_bytes;        /* BERTH_SIM_OVERRUN: allocates this much more than asked, for tests of verify */
    char **argv0; size_t argv0_len;  /* room for the process title */
};

/* say.c */
void se_who(const char *who);        /* "APIServer", "EngineCore", "Worker_TP0": prefix of later lines */
void se_info(const char *where, const char *fmt, ...) BT_PRINTF(2, 3);
void se_warning(const char *where, const char *fmt, ...) BT_PRINTF(2, 3);
void se_error(const char *where, const char *fmt, ...) BT_PRINTF(2, 3);
void se_bar(const char *fmt, ...) BT_PRINTF(1, 2);                   /* tqdm on stderr: no prefix, carriage return first */
void se_title(struct se *e, const char *title);                      /* comm and cmdline, as setproctitle */
void se_nap(const struct se *e, double seconds);                     /* divided by speed; a signal may cut it short */
double se_clock(void);               /* seconds, monotonic: what a line says it took is what it took */

/* cuda.c */
struct se_cuda { void *lib; bool ok; };
int se_cuda_open(int device, struct bt_err *err);                    /* cuInit, primary context, made current */
int se_cuda_alloc(uint64_t bytes, uint64_t *ptr);                    /* CUresult: 0 or 2 = out of memory */
void se_cuda_free(uint64_t ptr);
int se_cuda_info(uint64_t *free_bytes, uint64_t *total_bytes);
int se_cuda_count(void);                                             /* visible devices, or -1 */
int se_cuda_device(int device, uint64_t *total_bytes, char *name, size_t n);     /* without a context */

/* rank.c */
struct se_rank;                      /* memory of one rank in this process */
struct se_report {                   /* sent through a pipe: plain data */
    bool ok; int exit_code;
    char error[480];                 /* "ValueError: ..." */
    double weights_gib, graphs_gib, kv_gib, free_gib, total_gib;
    uint64_t kv_bytes;
    uint64_t step_us;                /* of one decode step on this stage */
};
struct se_rank *se_rank_new(struct se *e, unsigned tp, unsigned pp);
void se_rank_load(struct se_rank *r, struct se_report *out);         /* device, snapshot, weights */
void se_rank_profile(struct se_rank *r, struct se_report *out);      /* peak, graph estimate, KV bytes */
void se_rank_kv(struct se_rank *r, uint64_t blocks, struct se_report *out);      /* KV cache, capture, warm-up */
uint64_t se_rank_block_bytes(const struct se_rank *r);

/* core.c: runs in the EngineCore process, never returns. ready_fd gets one struct se_ready. */
struct se_ready { bool ok; uint64_t blocks, tokens, context, step_us; };
_Noreturn void se_core_run(struct se *e, int ready_fd);

/* http.c: runs in the API server process until stopped; returns the exit code. core_fd: EOF means EngineCore died. */
int se_http_run(struct se *e, const struct se_ready *ready, int listen_fd, pid_t core, int core_fd);
#endif

/* engine - one program that behaves like `vllm serve`, `sglang serve` or `llama-server` on the simulated machine, so that berth can be proven wrong
 * without a GPU.
 *
 * It takes the engine's flags, allocates the model's tensors through libcuda, sizes its KV from what is really free (or from the bytes given), fails with
 * the engine's words, prints its start-up lines and serves the OpenAI API with deterministic text. It may use src/base, src/engine (flags) and src/model
 * (shapes); never need, plan or pace: its arithmetic is its own. src/gpu only for the card's bandwidth (how fast it pretends to decode).
 *
 *   main.c     which engine the program is called as
 *   vllm.c     vLLM's command line, config checks, the API server process and its children
 *   core.c     EngineCore: walks the ranks through load, profile, KV, capture, then decodes
 *   rank.c     one rank's life; heap.c weights.c peak.c kv.c are its memory (rank.h)
 *   http.c     what all engines serve: the OpenAI endpoints, streams, decode steps (serve.h)
 *   stop.c     vLLM's API server: its stop, its deaths; admin.c its metrics, sleep, adapters; adapter.c reads one
 *   llama.c    llama-server             sglang.c sglang_rank.c  SGLang's parent and its schedulers
 *   say.c      log lines, process titles, clocks        cuda.c   libcuda by dlopen
 *
 * Where it differs from the real one: no weights are read and no kernel runs, so every reply says "simulated"; what the real engine gets from kernels
 * (CUDA graphs, NCCL, cuBLAS) follows peak.c, sized as real logs say. docs/sim.md has the table. */
#ifndef BT_SIM_ENGINE_H
#define BT_SIM_ENGINE_H
#include <sys/types.h>

#include "base/base.h"
#include "base/file.h"
#include "engine/engine.h"
#include "model/model.h"

struct se_more {                     /* flags that src/engine hands through unread, and the environment that vLLM listens to */
    bool sleep_mode, hybrid_off, text_only, no_mm_profile;
    uint64_t spec_tokens, dcp, shutdown_timeout, blocks;
    const char *ssm_dtype, *api_key;
    bool dev_mode, runtime_lora;     /* VLLM_SERVER_DEV_MODE, VLLM_ALLOW_RUNTIME_LORA_UPDATING */
};

struct se_kv;
struct se {                          /* what every process of one engine knows; set before the first fork, then read-only */
    struct bt_arena arena;
    const struct bt_model *model;
    const struct bt_engine_version *row;
    const char *version;             /* "0.32.0" */
    const char *model_arg;           /* as given */
    struct bt_serve s;               /* resolved */
    unsigned dp_rank;                /* which of s.dp engines this process belongs to; set in it before it does anything */
    struct se_more more;
    struct se_kv *kv;                /* the plan of the pool */
    const char *args_line;           /* "{'model': ...}" of the non-default args */
    const char *rendezvous;          /* "file:///tmp/vllm_dist_..." */
    double speed;                    /* BERTH_SIM_SPEED: 1 = believable, 10 = ten times faster */
    uint64_t misbehave_bytes;        /* BERTH_SIM_OVERRUN: allocates this much more than asked, for tests of verify */
    bool stop_hangs;                 /* BERTH_SIM_STOP=hang: a stop waits for the clients of its streams, as real ones do in 3 of 7 tries */
    char **argv0; size_t argv0_len;  /* room for the process title: argv, and the environment behind it */
};

/* vllm.c, and the others by name */
int se_vllm_main(struct se *e, int argc, char **argv);
int se_llama_main(struct se *e, int argc, char **argv);
int se_sglang_main(struct se *e, int argc, char **argv);
/* "VERSION" of PROGRAM.version beside the program, or of BERTH_SIM_ENGINE_VERSION, else def. */
const char *se_version(struct bt_arena *a, const char *argv0, const char *def);

bool se_at_least(const struct se *e, unsigned major, unsigned minor, unsigned patch);         /* the version that is imitated */

/* say.c */
void se_who(const char *who);        /* "APIServer", "EngineCore", "Worker_TP0": prefix of later lines */
void se_info(const char *where, const char *fmt, ...) BT_PRINTF(2, 3);
void se_warning(const char *where, const char *fmt, ...) BT_PRINTF(2, 3);
void se_error(const char *where, const char *fmt, ...) BT_PRINTF(2, 3);
void se_line(int fd, const char *fmt, ...) BT_PRINTF(2, 3);          /* one line as it is */
void se_bar(const char *fmt, ...) BT_PRINTF(1, 2);                   /* tqdm on stderr: no prefix, carriage return first */
void se_title(struct se *e, const char *title);                      /* comm and cmdline, as setproctitle */
void se_nap(const struct se *e, double seconds);                     /* divided by speed; a signal may cut it short */
double se_clock(void);               /* seconds, monotonic: what a line says it took is what it took */
double se_ram_gib(void);             /* available host memory */

/* cuda.c */
int se_cuda_open(int device, struct bt_err *err);                    /* cuInit, primary context, made current */
int se_cuda_alloc(uint64_t bytes, uint64_t *ptr);                    /* CUresult: 0 or 2 = out of memory */
void se_cuda_free(uint64_t ptr);
int se_cuda_info(uint64_t *free_bytes, uint64_t *total_bytes);
int se_cuda_count(void);                                             /* visible devices, or -1 */
int se_cuda_device(int device, uint64_t *total_bytes, char *name, size_t n);     /* without a context */
int se_cuda_pci(int device, char *id, size_t n);                     /* "0000:07:00.0" */
struct se_card { int count; uint64_t total; char name[128]; };
struct se_card se_card_of_rank0(void);                               /* asked in a child: this process must not touch CUDA before it forks */

/* ---- orders: API server -> EngineCore -> workers, one message each way (SOCK_SEQPACKET) ---- */
enum se_op { SE_HELLO, SE_OPEN, SE_LOAD, SE_PROFILE, SE_KV_MAKE, SE_STEP, SE_STEP_END, SE_SLEEP, SE_WAKE, SE_ADAPTER };
enum { SE_WEIGHTS = 1, SE_KV = 2 };  /* what sleeps or wakes */
struct se_order { enum se_op op; unsigned what; uint64_t blocks, context; char path[512]; };
struct se_report {
    enum se_op op;
    bool ok;
    char error[480];                 /* "ValueError: ..." */
    double weights_gib, graphs_gib, kv_gib, free_gib;
    uint64_t kv_bytes;
    uint64_t step_us;                /* of one decode step on this stage */
};
struct se_ready { bool ok; uint64_t blocks, tokens, context, step_us; };

/* rank.c */
struct se_rank;                      /* memory of one rank in this process */
struct se_stage;
struct se_rank *se_rank_new(struct se *e, unsigned tp, unsigned pp);
const struct se_stage *se_rank_stage(const struct se_rank *r);
void se_rank_open(struct se_rank *r, struct se_report *out);         /* device, communicator, snapshot */
void se_rank_load(struct se_rank *r, struct se_report *out);         /* weights */
void se_rank_profile(struct se_rank *r, struct se_report *out);      /* peak, graph estimate, KV bytes */
void se_rank_kv(struct se_rank *r, const struct se_kv *kv, uint64_t blocks, uint64_t context, struct se_report *out);      /* KV cache, capture, warm-up */
void se_rank_sleep(struct se_rank *r, unsigned what, struct se_report *out);
void se_rank_wake(struct se_rank *r, unsigned what, struct se_report *out);

/* adapter.c: 0, or -1 with the words of the real loader in error[]: a rank above max_rank, a file that is cut or no safetensors file at all. */
int se_adapter_read(const char *folder, uint64_t max_rank, char *error, size_t n);
bool se_adapter_exists(const char *folder);
/* core.c: runs in the EngineCore process, never returns. It waits for SE_HELLO, sends one struct se_ready, then a report for each order. */
_Noreturn void se_core_run(struct se *e, int api);
const char *se_core_name(struct bt_arena *a, const struct se *e);    /* "EngineCore"; of several "EngineCore_DP1" */
uint64_t se_world_dp(const struct se *e);                            /* engines in one world: all of a model with experts, else 1 */

/* stop.c: runs in the API server process until stopped; returns the exit code. */
#define SE_ENGINES 64                /* behind one front */
struct se_cores { struct { pid_t pid; int fd; } v[SE_ENGINES]; size_t n; };          /* fd: EOF means that this EngineCore died */
int se_http_run(struct se *e, const struct se_ready *ready, int listen_fd, const struct se_cores *cores);
#endif

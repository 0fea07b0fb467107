/* planfile.h - the plan file as its obeyers see it: instances, berths, commands. No planning types: run never plans. */
#ifndef BT_PLANFILE_H
#define BT_PLANFILE_H
#include "base/arena.h"
#include "base/opt.h"

enum bt_pf_ready { BT_PF_READY_EXEC, BT_PF_READY_HTTP, BT_PF_READY_PORT, BT_PF_READY_LOG, BT_PF_READY_FILE };
struct bt_pf_rank { const char *gpu; int index; uint64_t bytes, kv_bytes; };        /* kv_bytes: of them; 0: none, or the plan does not say */
struct bt_pf_port { const char *name; uint16_t want; uint16_t block; };
struct bt_pf_env { const char *key, *value; };
struct bt_pf_after { const char *workload, *what; };     /* started, ready, done, released */
struct bt_pf_key { const char *key; struct bt_strs values; };
#define BT_LEARN_STAGES 16           /* pipelines of more stages are not learned from */
struct bt_pf_learn { const char *key; uint64_t known_bytes, growth_bytes; };             /* of one pipeline stage: need/learn.h */
struct bt_pf_instance {
    const char *id, *workload, *kind;                    /* server, service, job */
    uint32_t replica;
    const char *node;                                    /* the machine it is planned for; "local" where there is one */
    const char *engine, *engine_version;                 /* "vllm", "command"; the version is NULL where the plan names none */
    const char *model; uint64_t model_bytes;             /* as the engine is told it, and its weights; NULL and 0: none, or the plan does not say */
    struct bt_pf_rank *rank; size_t nranks;
    uint64_t host_bytes;
    struct bt_strs argv;
    struct bt_pf_env *env; size_t nenv;
    struct bt_strs env_from;
    const char *cwd;
    struct bt_pf_port *port; size_t nports;
    const char *http, *unix_path;                        /* endpoint or NULL */
    enum bt_pf_ready ready; const char *ready_arg;
    struct bt_pf_after *after; size_t nafter;
    const char *restart; uint32_t restart_max, retries;  /* on-failure, always, never */
    bool has_tasks;                                      /* a job whose slots take tasks: cells of the matrix x shards */
    struct bt_pf_key *matrix; size_t nmatrix; uint64_t shards;       /* shards >= 1; at most BT_PF_TASKS_MAX tasks in all */
    uint64_t stop_grace_ms;
    const char *learn_what; uint64_t learn_tp;           /* under what its measured bytes are stored: rank i is of learn[i / learn_tp % nlearn] */
    struct bt_pf_learn learn[BT_LEARN_STAGES]; size_t nlearn;            /* nlearn 0: not at all */
    const char *on_drift;                                /* warn, stop */
};
struct bt_pf_phase { const char *name; struct bt_pf_instance *inst; size_t n; };
struct bt_pf_bytes { const char *uuid; uint64_t bytes; };
struct bt_pf_move { const char *from, *to, *instance, *how, *level; struct bt_pf_bytes *gpu; size_t ngpus; };       /* gpu: held afterwards */
struct bt_pf_gpu { const char *uuid, *name, *node; int index; uint64_t total_bytes, margin_bytes; };
struct bt_planfile {
    const char *name, *spec_dir; bool live;
    const char *tasks_of; bool one_job;                  /* the project whose record of done tasks counts: its own unless the plan says another. one_job:
                                                          * it says one, being of `berth run JOB`: `again` is of these tasks then, and not of the record */
    struct bt_pf_env *url; size_t nurls;                 /* of workloads that another project runs: what {url:KEY} stands for */
    struct bt_pf_gpu *gpu; size_t ngpus;
    struct bt_pf_phase *phase; size_t nphases;
    struct bt_pf_move *move; size_t nmoves;
    const char *text;                                    /* as read */
};
#define BT_PF_TASKS_MAX 1000000
#define BT_PLANFILE_MAX (15 * MiB)   /* bytes of its text; a control message that carries it may have 16 MiB */

/* Names of projects, workloads and instances are file names of the runtime folder: a-z, 0-9 and -, at most 60, none at the start. */
bool bt_planfile_name_ok(const char *name);
/* Check and index a plan. BT_E_INPUT names the path of what is wrong ("plan.phases[0].instances[1].launch.argv"); BT_E_FIT when it carries refusals;
 * BT_E_STATE when its fleet is not live ("a plan for a named fleet cannot be applied"). */
BT_MUST_CHECK int bt_planfile_parse(struct bt_arena *a, const char *what, struct bt_str text, struct bt_planfile **out, struct bt_err *err);
/* The same for those who only look at it (export, diff): a plan for a named fleet is read, too. */
BT_MUST_CHECK int bt_planfile_read(struct bt_arena *a, const char *what, struct bt_str text, struct bt_planfile **out, struct bt_err *err);
#endif

/* spec - berth.yaml as a struct: every key of docs/reference/spec.md parsed and checked, nothing decided. Pure but for reading the file.
 *
 *   spec.c       the top of the file        workload.c   one entry: the table of its keys        job.c   the job forms of `memory` and `expects`
 *   template.c   ${...}                     variant.c    overlays                                only.c  one job of it
 *   check.c      what keys say together     serve.c      a server's entry as its engine's flags  later.c what is accepted and obeyed by a later version
 *
 * Defaults that need a model or a fleet (context, gpus, memory: auto) stay open here: plan settles them. */
#ifndef BT_SPEC_H
#define BT_SPEC_H
#include "base/opt.h"
#include "engine/engine.h"
#include "spec/job.h"

struct bt_mark { unsigned line, col; };              /* where in berth.yaml; 0 = not from a file */

/* auto | N | {min,max} | {want,min}: `set` false = auto. */
struct bt_range { bool set; uint64_t want, min, max; struct bt_mark at; };

enum bt_kind { BT_SERVER, BT_SERVICE, BT_JOB };
enum bt_share { BT_SHARE_TRUE, BT_SHARE_NEVER, BT_SHARE_WITH };
enum bt_mem_form {
    BT_MEM_AUTO, BT_MEM_BYTES, BT_MEM_PERCENT, BT_MEM_REST, BT_MEM_TRAIN, BT_MEM_FORWARD, BT_MEM_GENERATE, BT_MEM_DIFFUSION, BT_MEM_LIKE
};
enum bt_after { BT_AFTER_STARTED, BT_AFTER_READY, BT_AFTER_DONE, BT_AFTER_RELEASED };
enum bt_ready_kind { BT_READY_DEFAULT, BT_READY_HTTP, BT_READY_PORT, BT_READY_LOG, BT_READY_FILE, BT_READY_EXEC };

/* memory: and expects: (the same forms). */
struct bt_memory {
    enum bt_mem_form form;
    uint64_t bytes; double percent;
    const struct bt_job *job;        /* TRAIN to DIFFUSION; NULL otherwise */
    const char *like;                /* LIKE: "WORKLOAD" or "PROJECT/WORKLOAD" */
    const struct bt_node *node; struct bt_mark at;
};
struct bt_dep { const char *name; enum bt_after what; struct bt_mark at; };
struct bt_kv_pair { const char *key, *value; struct bt_mark at; };     /* value NULL: `KEY: ${KEY}`, kept as a reference to the environment of `up` */

struct bt_workload {
    const char *name;
    struct bt_mark at;
    enum bt_kind kind;
    const char *engine, *engine_version, *bin, *venv;
    const char *model, *revision, *dtype, *quantization, *kv_dtype;
    bool trust_remote_code;
    struct bt_range gpus;            /* gpus: 0 -> set, want 0 */
    struct bt_range tp, pp, dp, ep;  /* pins: want */
    struct { uint32_t *v; size_t n; } pp_layers;     /* layers of each stage; n = 0: auto. pp is n then */
    struct bt_range copies;          /* replicas of servers and services, slots of a job */
    struct bt_strs pool; struct bt_mark pool_at;     /* card ids as written; n = 0: all */
    struct bt_memory memory, expects;
    struct { bool set; uint64_t want, min; const char *same_as; struct bt_mark at; } context;
    uint64_t requests;               /* 1 */
    enum bt_share share; struct bt_strs share_with;
    struct bt_strs apart; const char *same_gpus_as;
    int64_t priority; bool optional;
    struct bt_strs phases;           /* n = 0: all */
    struct bt_dep *after; size_t nafter;
    const char *park;                /* auto none kv sleep checkpoint stop */
    struct { bool set; uint64_t max, max_rank; const char *watch; struct bt_strs preload; } adapters;
    struct bt_strs command, args;
    struct bt_kv_pair *env; size_t nenv;
    const char *cwd;                 /* absolute */
    uint64_t port;                   /* 0 = any; port_set tells whether `port:` was written */
    bool port_set;
    struct { enum bt_ready_kind kind; const char *arg; } ready;
    const char *restart; uint64_t restart_max;       /* on-failure, always, never */
    uint64_t retries, stop_grace_ms;
    bool guard, guard_set; const char *on_drift;
    uint64_t shards;
    struct bt_kv_list { const char *key; struct bt_strs values; } *matrix; size_t nmatrix;
    const struct bt_node *node;      /* the whole map */
};

/* Accepted now, obeyed by a later version. decides: it says what runs, so a plan that leaves it out may be shown and not obeyed. */
struct bt_not_obeyed { const char *path, *text; struct bt_mark at; bool decides; };

struct bt_spec_url { const char *name, *url; };

struct bt_spec {
    const char *name, *path, *dir;   /* dir: relative paths start here */
    const char *digest;
    const char *gpus;                /* fleet text for bt_fleet_open: "auto", "0,1", "4xA100-SXM4-40GB", "fleet.json" */
    struct bt_mark gpus_at;
    uint64_t margin_bytes;
    struct bt_strs phases;           /* n = 0: one phase "all" */
    struct bt_workload *w; size_t n;
    const struct bt_node *gateway;   /* NULL if absent */
    struct bt_strs variants;         /* names */
    const char *variant;             /* the one applied, or NULL */
    struct bt_not_obeyed *later; size_t nlater;
    const char *tasks_of;            /* bt_spec_only: the project whose record of done tasks counts; NULL: its own */
    struct bt_spec_url *outside; size_t noutside;    /* bt_spec_only, beside: workloads that it calls and that run already; url is the caller's to fill */
    struct bt_doc doc;
};

struct bt_spec_opts {
    const char *variant;             /* NULL = none */
    const char *(*getenv)(void *ctx, const char *name); void *ctx;      /* for ${VAR}; NULL = the process's environment */
};
/* Parse and check. Templates ${VAR} are expanded; ${workloads.NAME.url} becomes "{url:NAME}" (the plan file's placeholder), checked to exist;
 * ${job.KEY} becomes "{job.KEY}", filled for each task; ${gateway.url} is kept, and listed in `later`.
 * Everything lives in the arena. Errors are BT_E_SPEC with "berth.yaml:LINE:COL: " first. */
BT_MUST_CHECK int bt_spec_read(struct bt_arena *a, const char *path, const struct bt_spec_opts *o, struct bt_spec **out, struct bt_err *err);
BT_MUST_CHECK int bt_spec_parse(struct bt_arena *a, const char *name, const char *dir, struct bt_str text, const struct bt_spec_opts *o,
                                struct bt_spec **out, struct bt_err *err);
/* Leave of the spec one job and what it needs (servers and services that it is `after` or whose url it names; other jobs are taken to be done), in one
 * phase. value: replaces the list of that key of its matrix. beside: what it needs runs already: only the job is left, and `outside` lists whom it calls.
 * BT_E_USAGE: no such job, no such key. Changes s in place; digest stays that of the file. */
struct bt_spec_value { const char *key, *value; };
struct bt_spec_only { const char *job; const struct bt_spec_value *value; size_t nvalues; bool beside; };
BT_MUST_CHECK int bt_spec_only(struct bt_arena *a, struct bt_spec *s, const struct bt_spec_only *o, struct bt_err *err);
/* The tables of keys, top level and of a workload: sorted, ended by name NULL. For docs and tests. */
const struct bt_opt *bt_spec_keys(void);
const struct bt_opt *bt_spec_workload_keys(void);
bool bt_workload_has_tasks(const struct bt_workload *w);      /* a matrix, shards, or ${job.KEY} in its command or environment */
const struct bt_workload *bt_spec_find(const struct bt_spec *s, const char *name);

/* A server as its engine's flags: model, dtypes, adapters and `args` through the engine's own table. What the plan decides (shape, context, bytes,
 * address) stays 0; flags in `args` that would contradict it are BT_E_SPEC, and so is a value the engine does not take.
 * raw: what of `args` goes on the command line as written (may be NULL). */
BT_MUST_CHECK int bt_spec_serve(struct bt_arena *a, const struct bt_spec *s, const struct bt_workload *w, struct bt_serve *out, struct bt_strs *raw,
                                struct bt_err *err);
#endif

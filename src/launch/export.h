/* export.h - the launches of a plan for people who do not run berth's daemon: the same commands, environment and order as a shell script, a compose
 * file, systemd user units, or environment files. Pure: text in, text out. Secrets stay references; ports are chosen here and fixed. */
#ifndef BT_EXPORT_H
#define BT_EXPORT_H
#include "launch/planfile.h"

enum bt_export_kind { BT_EXPORT_ENV, BT_EXPORT_SH, BT_EXPORT_COMPOSE, BT_EXPORT_SYSTEMD, BT_EXPORT__N };
extern const char *const bt_export_names[BT_EXPORT__N + 1]; /* "env", "sh", "compose", "systemd"; NULL-terminated */

/* A condition on another instance. */
enum bt_ex_wait { BT_EX_STARTED, BT_EX_READY, BT_EX_DONE }; /* released counts as done: nothing here can ask the driver */
struct bt_ex_after {
    size_t item;
    enum bt_ex_wait what;
    bool turn;
}; /* turn: only because they share a card: one start at a time */

/* One instance with everything filled in. Items come in an order in which they can be started. */
struct bt_ex_item {
    const struct bt_pf_instance *pf;
    const char *phase;
    uint16_t port; /* 0 = it does not listen */
    uint16_t internal; /* the first of an engine's own; 0 = it has none */
    struct bt_strs *run;
    size_t nrun; /* argv of each task of this slot, in order; 1 for all others */
    struct bt_pf_env *env;
    size_t nenv;         /* CUDA_VISIBLE_DEVICES is among them */
    const char *devices; /* "GPU-ab,GPU-cd" of this machine, "0,1" of a named fleet; "" = none */
    struct bt_ex_after *after;
    size_t nafter;
    bool job, engine; /* engine: a server that berth knows, not a plain command */
};
struct bt_ex {
    const struct bt_planfile *plan;
    struct bt_ex_item *item;
    size_t n;
    const char *from;
    bool one_of_several;            /* machines: who runs on the others is not seen from here */
};

struct bt_export_file {
    const char *name, *text; /* text NULL, while it is made: more than BT_EXPORT_MAX */
    bool executable;
};
struct bt_export_opts {
    const char *from; /* what the plan was made from, for the first comment */
    uint16_t port;    /* the first of the ports that are chosen; 0 = 8000 */
    const char *node; /* only what is planned for this machine, by the numbers that its cards have there; NULL: the plan is of one */
};
/* Who is asked for on a port has it, unless somebody of the same phase does; an instance keeps its ports from phase to phase.
 * BT_E_STATE: the plan has something that no export can do (the gateway's address, that of a workload on another machine); names the instance.
 * BT_E_TOO_BIG: a file of more than BT_EXPORT_MAX, a slot with more words than a container can be started with, or no port left.
 * BT_E_SPEC: a circle of `after`; a plan of several machines and no node, or one that it has not. */
BT_MUST_CHECK int bt_export(struct bt_arena *a, const struct bt_planfile *p, enum bt_export_kind kind, const struct bt_export_opts *o,
                            struct bt_export_file **out, size_t *n, struct bt_err *err);

/* For the writers, each in a file of its own. */
void bt_export_sh(struct bt_arena *a, const struct bt_ex *x, struct bt_export_file **out, size_t *n);
void bt_export_compose(struct bt_arena *a, const struct bt_ex *x, struct bt_export_file **out, size_t *n);
void bt_export_systemd(struct bt_arena *a, const struct bt_ex *x, struct bt_export_file **out, size_t *n);
/* What was written as one more file. */
void bt_ex_file(struct bt_arena *a, const char *name, const struct bt_buf *b, bool executable, struct bt_export_file **out, size_t *n);
void bt_ex_shell_word(struct bt_buf *b, const char *z); /* quoted so that a POSIX shell reads it as one word */
#define BT_EXPORT_MAX (8 * MiB)
#endif

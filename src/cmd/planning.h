/* planning.h - what `plan` and `up` share: read the spec, find fleet, models and engines (all the I/O), make the plan (pure), print it. */
#ifndef BT_PLANNING_H
#define BT_PLANNING_H
#include "base/table.h"
#include "plan/plan.h"

#define BT_PLANNING_TYPED "the command line"         /* what a spec is called that was made of one */

struct bt_planning_opts {
    const char *file;                /* -f; NULL or "" = ./berth.yaml */
    const char *text;                /* the spec itself, made of a command line; paths in it start at the working directory. NULL: read file */
    const char *gpus;                /* --gpus; NULL or "" = the spec's */
    const char *variant;             /* --variant; NULL or "" = none */
    const struct bt_spec_only *only; /* NULL, or: one job of the spec (`beside` is found out) */
    bool file_given;                 /* -f was written, whatever it says */
    bool ignore_others;
    bool no_learned;                 /* nothing that was measured before is used */
    uint64_t time_limit_ms;          /* of the search in each phase; 0 = a fixed amount of work */
    bool brief;                      /* as bt_plan_in.brief */
    bool no_shapes;                  /* no other shapes of servers beside the plan's: the caller shows none */
    bool boxes;                      /* the caller can show a plan of several machines; else such a fleet is an error */
    bool exported;                   /* its commands are written down to be started: their folder has to be text, as for `live` */
    bool phase;                      /* what does not fit at once is cut into phases, where that helps: plan->proposed */
    /* For `up`: the plan will be obeyed. The fleet is this machine's; a fleet named in the spec or in --gpus is a requirement that live cards must
     * meet. An engine that is not installed is an error, and so is a key that this version cannot obey and that decides what would run. */
    bool live;
    bool over;                       /* live: a project of that name that is up is no error: it goes over to this plan */
};

/* The options of a verb that plans, of its struct T with a `struct bt_planning_opts` called M. */
#define BT_PLANNING_ROWS(T, M) \
    { .name = "file", .alias = "f", .type = BT_OPT_STR, .off = offsetof(T, M.file), .set_off = offsetof(T, M.file_given), .def = "berth.yaml", \
      .metavar = "FILE", .help = "the spec" }, \
    { .name = "gpus", .type = BT_OPT_STR, .off = offsetof(T, M.gpus), .metavar = "FLEET", \
      .help = "instead of the spec's: auto, cards of this machine (0,2), a named fleet (4xA100-SXM4-40GB), a fleet.json" }, \
    { .name = "ignore-others", .type = BT_OPT_BOOL, .off = offsetof(T, M.ignore_others), .help = "plan as if the cards were empty" }, \
    { .name = "no-learned", .type = BT_OPT_BOOL, .off = offsetof(T, M.no_learned), .help = "use nothing that was measured before" }, \
    { .name = "phase", .type = BT_OPT_BOOL, .off = offsetof(T, M.phase), \
      .help = "what does not fit at once is cut into phases that do: who runs together, what parks, what it costs" }, \
    { .name = "variant", .type = BT_OPT_STR, .off = offsetof(T, M.variant), .metavar = "NAME", .help = "with this variant of the spec" }

/* Returns 0 with a plan; it may carry refusals (plan->nrefusals): nothing in it may be obeyed then, and the exit code is 3. Everything lives in
 * the arena. BT_E_SPEC: no spec, or its text, with line and column. BT_E_DEVICE: no NVML. BT_E_NOT_FOUND: `live` and no engine. BT_E_STATE: `live`,
 * and the project is up already or the spec holds something that cannot be run yet. */
BT_MUST_CHECK int bt_planning(struct bt_arena *a, const struct bt_planning_opts *o, struct bt_plan **out, struct bt_err *err);

/* What a plan is made from: spec, fleet, models, engines. notes (may be NULL): what to say beside the plan. Returns as bt_planning(). */
BT_MUST_CHECK int bt_planning_inputs(struct bt_arena *a, const struct bt_planning_opts *o, struct bt_plan_in *out, struct bt_strs *notes, struct bt_err *err);
/* The plan of such inputs, made with the same options: no I/O, so that several may be made side by side. Returns as bt_planning(). */
BT_MUST_CHECK int bt_planning_of(struct bt_arena *a, const struct bt_planning_opts *o, const struct bt_plan_in *in, const struct bt_strs *notes,
                                 struct bt_plan **out, struct bt_err *err);
/* The names of the spec's variants, in its order. Reads the spec, with o->variant, as bt_planning() does. */
BT_MUST_CHECK int bt_planning_variants(struct bt_arena *a, const struct bt_planning_opts *o, struct bt_strs *out, struct bt_err *err);
/* The machine of that name, of a fleet of several. BT_E_SPEC: there is none; says which there are. */
BT_MUST_CHECK int bt_planning_node(struct bt_arena *a, const struct bt_fleet *f, const char *name, size_t *box, struct bt_err *err);
/* "TP=4", "TP=2 x PP=2", "one GPU" */
const char *bt_planning_shape(struct bt_arena *a, uint64_t tp, uint64_t pp);
/* "DP=2 x TP=2 EP=4": of several engines behind one front, and experts shared whole; else the shape alone. */
const char *bt_planning_engines(struct bt_arena *a, uint64_t tp, uint64_t pp, uint64_t dp, uint64_t ep);

/* The plan for people: fleet, instances, a memory bar per GPU, alternatives with reasons, warnings, what is not yet obeyed, refusals and advice. */
void bt_planning_print(struct bt_arena *a, const struct bt_plan *p, struct bt_style st, struct bt_buf *out);
/* Between its phases: who stays, parks, comes back, starts and stops; of workload `only`, or of all (NULL). Nothing for a plan of one phase. */
void bt_planning_print_moves(struct bt_arena *a, const struct bt_plan *p, const char *only, struct bt_style st, struct bt_buf *out);
/* Of each server that drafts (of workload `only`, or NULL: all): that its rate is without, and what drafts make of it where as much is kept as is usual. */
void bt_planning_print_drafts(struct bt_arena *a, const struct bt_plan *p, const struct bt_plan_phase *ph, const char *only, struct bt_buf *out);
/* Of a fleet of several machines: its machines, what is on each, and how near that is to what no plan can pass. */
void bt_planning_print_boxes(struct bt_arena *a, const struct bt_plan *p, struct bt_style st, struct bt_buf *out);
/* Seconds of a boundary: moves of one card come one after the other. */
double bt_planning_boundary_s(const struct bt_plan *p, const char *from, const char *to);
/* 0; 3 when it does not fit; 1 when all that is wrong is a model that is not there or broken. */
int bt_planning_exit(const struct bt_plan *p);
/* "note: ...", a line each; what is the same of several workloads once. */
void bt_planning_print_notes(struct bt_arena *a, const struct bt_plan *p, struct bt_buf *out);
/* Only the refusals and the way out: what `up` says before it exits. */
void bt_planning_print_refusals(const struct bt_plan *p, struct bt_buf *out);
/* What the advice changes, a row for each key and value: "workloads.{a, b}.phases: night". Returns how many. */
size_t bt_planning_changes(struct bt_arena *a, const struct bt_plan_advice *v, const char ***rows);
/* Whether it may be obeyed; the refusals go to standard error. */
bool bt_planning_fits(const struct bt_plan *p);
#endif

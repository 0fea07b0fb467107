/* plan - who gets which bytes on which card: problem -> candidate shapes -> search -> validator -> plan. Pure: same inputs, same plan, byte for byte.
 *
 *   problem.c   spec + fleet + models + engine rows -> what may be placed where, hard limits
 *   shape.c     candidate shapes of a server (tp x pp) with need and pace
 *   search.c    branch and bound over cards, the best by enum bt_plan_goal     tables.c, bound.c, choices.c, fits.c, sets.c (search_int.h)   what it asks, what
 *               it can still reach, shapes before cards     climb.c   good plans of many workloads
 *   kv.c        floor and deal: context and KV of the servers on each card      cut.c    pipelines whose layers are not cut evenly
 *   propose.c, propose_fill.c   a set that does not fit at once, cut into phases that do
 *   phases.c, twins.c, joint.c, stay.c, park.c   phases that know of each other: who stays, as which copy, who is parked
 *   moves.c, moves_check.c   what happens between them, and its check
 *   plan.c      the steps in order: a phase solved becomes instances with berths
 *   check.c     independent validator; shares no code with the search
 *   explain.c   alternatives, warnings      decide.c, conflict.c   why so, and why not (decide.h)      lost.c   what a plan has less of than another (lost.h)
 *   served.c    the weights as they are read: of a quantised sibling, from host RAM      drafted.c   rates with what would be drafted
 *   faster.c    pinned shapes that are slower than smaller ones
 *   refuse.c, refuse_ways.c   what does not fit, and the nearest settings that do      more_cards.c   the nearest larger fleets
 *   shrink.c    the fewest that conflict
 *   least.c     bytes that no placement can do without
 *   together.c  several changes, where no single one is a way out      knobs.c   what of a workload may be changed, and its words (knobs.h)
 *   jobs.c      what a service or job with a job form takes
 *   boxes.c     a fleet of several machines: dealt, each planned on its own (boxes.h)      machine.c   one of them as a problem of its own (machine.h)
 *   picture.c   the plan drawn (picture.h)
 *   copies.c    `replicas: auto`
 *   needs.c     the need of a shape, worked out once      side.c   trials side by side on all cores    compare.c   a plan as a row beside others (compare.h)
 *   alternatives.c   each server otherwise (alternatives.h)                   cheapest.c     the smallest fleet of the catalog (cheapest.h) */
#ifndef BT_PLAN_H
#define BT_PLAN_H
#include "gpu/gpu.h"
#include "need/job.h"
#include "need/need.h"
#include "pace/pace.h"
#include "spec/spec.h"

struct bt_rank_berth {
    size_t gpu;                      /* index into fleet->gpus */
    uint32_t tp, pp, dp;             /* which rank */
    const struct bt_need_rank *need; /* NULL for a service or job: `declared` bytes only */
    uint64_t kv_bytes, kv_tokens;
    uint64_t bytes;                  /* fixed + kv, or declared: the whole berth */
};

/* A service or job that says what it does (memory or expects: {train: ...}): what that takes on each of its cards. */
struct bt_plan_job {
    struct bt_job_of of;
    struct bt_job job;               /* on its cards, `auto` as written */
    struct bt_job_need need;         /* headroom included; of `auto`, the most that the poorest of its berths holds */
    bool expected;                   /* `expects`: the berth is what the neighbours leave, and this fits in it */
};

struct bt_plan_instance {
    const char *id;                  /* "llm-0" */
    const struct bt_workload *w;
    uint32_t replica;
    uint64_t tp, pp;
    uint64_t dp, ep;                 /* 1 = none */
    const uint32_t *cut;             /* [pp] layers of each stage where the engine would cut otherwise; else NULL */
    uint64_t context;                /* tokens; servers only */
    const struct bt_need *need;      /* servers only */
    uint64_t like_bytes; const char *like_why;       /* {like: RUN} that was measured */
    const struct bt_plan_job *job;   /* NULL for a server, and for a command that gives bytes or nothing */
    struct bt_rank_berth *rank; size_t nranks;       /* pp-major: stage 0 tp 0.., stage 1 tp 0.. */
    const struct bt_rank_berth *host;                /* of a server on the CPU (`gpus: 0`, no ranks): its berth of RAM; `gpu` says nothing there. Else NULL */
    uint64_t host_bytes;
    struct bt_pace pace;
    const char *bin, *engine_version;/* engine found, or NULL; row used */
    size_t box;                      /* the machine, of a fleet that has several: index into fleet->box */
};

/* A server that drafts: pace of an instance is without drafts, and so are the rates by which the search compares shapes: what is kept is luck with the text.
 * What the drafts make of it where as many are kept as is usual for their kind. False: nothing is drafted. d->kind BT_DRAFT_NONE: with a method whose rate
 * nobody has measured, or of a model that could not be opened; *out says nothing then. */
bool bt_plan_drafted(const struct bt_fleet *fleet, const struct bt_plan_instance *in, struct bt_pace_draft *d, struct bt_pace_drafted *out);

struct bt_plan_phase { const char *name; struct bt_plan_instance *inst; size_t n; };
/* copies.c: `replicas: auto` or `slots: auto` of what takes cards of its own: the plan finds the number, and proves only the rest. */
bool bt_copies_open(const struct bt_workload *w);
/* The poorest berth that any rank of its copies has there: what a job's `auto` was found for. 0: it has none. */
uint64_t bt_plan_poorest(const struct bt_plan_phase *ph, const struct bt_workload *w);

/* Between two phases. Leaving comes before coming; a job that has ended does not leave. */
enum bt_move { BT_MOVE_STAY, BT_MOVE_START, BT_MOVE_PARK, BT_MOVE_RESUME, BT_MOVE_STOP };
struct bt_plan_move {
    const char *from, *to, *instance;
    const struct bt_plan_instance *inst;             /* as it was when it leaves, as it will be when it comes */
    enum bt_move how;
    const char *level;               /* PARK, RESUME: none, kv, sleep; else NULL */
    double seconds;                  /* about; 0 for what takes none and for commands */
    uint64_t *gpu_bytes;             /* [inst->nranks] held on each of its cards afterwards */
    uint64_t host_bytes;             /* RAM held afterwards */
    const char *why;                 /* "" = nothing to say */
};
extern const char *const bt_move_names[];            /* "stay", "start", "park", "resume", "stop" */

/* Another shape of the same server that was looked at: shown beside the one taken. */
struct bt_plan_alternative {
    const char *phase, *workload; uint64_t tp, pp; uint32_t cards;
    const char *layers;              /* "21,22,21" or "" */
    bool fits; const char *why_not;  /* the engine's rule, or the bytes that lack */
    uint64_t context; double decode_tok_s;
    bool taken; const char *why;     /* why taken, or what it lost */
};
struct bt_plan_refusal { const char *code, *text, *workload; struct bt_mark at; };
/* Nearest settings that fit: each was planned and fits. All changes together; path2 NULL = no second, nmore 0 = no others. */
struct bt_plan_change { const char *path, *value; };
struct bt_plan_advice { const char *text, *path, *value, *path2, *value2; const struct bt_plan_change *more; size_t nmore;
                        bool larger_cards; };      /* another fleet, of as many larger cards (not of more) */

/* What makes a plan better, the first first; larger is better (docs/plan.md, "What is best"). */
enum bt_plan_goal { BT_GOAL_PLACED, BT_GOAL_WANTS, BT_GOAL_SERVICE, BT_GOAL_SHARED, BT_GOAL_FREE, BT_GOAL_LOWEST, BT_GOAL__N };

struct pl_stages;
struct bt_plan {
    const struct bt_spec *spec; const struct bt_fleet *fleet;
    struct bt_plan_phase *phase; size_t nphases;
    struct bt_plan_move *move; size_t nmoves;        /* boundary after boundary */
    struct bt_plan_alternative *alt; size_t nalt;
    const char **warning; size_t nwarnings;
    struct bt_plan_refusal *refusal; size_t nrefusals;   /* not empty: does not fit, nothing in phase[] may be obeyed */
    struct bt_plan_advice *advice; size_t nadvice;
    bool proposed;                   /* its phases are not the spec's: bt_plan_propose made them */
    const char *proof;               /* "optimal"; "any-time" when the search stopped at its limit: gap says how far off it may be */
    double gap;                      /* 0 = none; share that lacks to the bound at the first goal where any does: workloads placed, wants, service */
    uint64_t nodes;                  /* search nodes looked at */
    int64_t objective[BT_GOAL__N];   /* summed over phases; of FREE the smallest */
    const struct pl_stages *stages;  /* plan's own: its phases as they were searched; NULL over several machines */
    int64_t bound[BT_GOAL_SHARED];   /* over several machines: no plan has more workloads placed, wants, or (with all wants) service; else 0 */
};
extern const char *const bt_plan_objective_names[BT_GOAL__N];

/* What a server was resolved to; made by cmd (I/O), handed in (pure). Same order as spec->w; model NULL = not a server. */
struct bt_plan_model {
    const struct bt_model *model;
    const char *model_error;
    const char *error_code;          /* of model_error or job_error, as the refusal's code: model-not-found, model-broken; NULL = model-not-known-yet */
    const struct bt_engine *engine;
    const struct bt_engine_version *version;
    const char *bin;
    /* A service or job with one of the job forms. */
    struct bt_job_of job_of;         /* what it works on; empty when job_error says why not */
    const char *job_error;
    uint64_t like_bytes;             /* {like: RUN}: the most that one card of it was seen to hold; 0 = not measured yet */
    const char *like_why;            /* "12.30 GiB, the peak of extract on 2026-11-20 (3 cards)" */
};
struct pl_needs;                     /* plan's own: what was worked out already; callers leave it NULL */
struct pl_within;                    /* plan's own: one machine of several; callers leave it NULL */
/* A limit in seconds for each phase, instead of a fixed amount of work: the same inputs may give another plan then, and it says so. */
struct bt_plan_clock { double (*now_s)(void *ctx); void *ctx; double limit_s; };
struct bt_plan_in {
    const struct bt_spec *spec; const struct bt_fleet *fleet; const struct bt_plan_model *models; struct pl_needs *needs;
    const uint32_t *copies;          /* plan's own: [spec->n] what `replicas: auto` came to; 0 = not settled, NULL = nothing is */
    const struct pl_within *within;
    const struct bt_plan_clock *clock;               /* NULL: a fixed amount of work, the same plan everywhere */
    bool obeyed;                     /* no other shapes: for a plan that is started, not read */
    bool one_of_many;                /* plan's own: the fleet is one of several machines */
    bool any;                        /* plan's own: any plan of each phase will do, only whether there is one is asked */
    bool brief;                      /* no other shapes and no advice: for plans that are only compared */
};

/* Returns 0 with a plan (that may carry refusals: exit 3), -1 only for bad input (BT_E_SPEC, BT_E_INPUT), a search that found nothing
 * within its bound (BT_E_TOO_BIG) or a plan that its own validator rejects (BT_E_FAILED: a bug). */
BT_MUST_CHECK int bt_plan_make(struct bt_arena *a, const struct bt_plan_in *in, struct bt_plan **out, struct bt_err *err);
/* For a spec that does not fit at once: the plan of it in the fewest phases that do fit, on one machine or many; where the spec has phases, each that does not
 * fit is so cut into several (`extract-1`, `extract-2`), and the others stay. Of more than twelve groups that need each other, or after 300 sets over many
 * machines, phases are filled one after the other, and the plan says so. *out NULL: no order of any of them was found to help, or there are more than 64
 * groups; *why_not (may be NULL) is a sentence then. The plan's spec is a copy with `phases` filled in.
 * Returns -1 as bt_plan_make. */
BT_MUST_CHECK int bt_plan_propose(struct bt_arena *a, const struct bt_plan_in *in, struct bt_plan **out, const char **why_not, struct bt_err *err);
/* The same as advice: what to write into the spec. */
void bt_plan_proposal_advice(struct bt_arena *a, const struct bt_plan *p, struct bt_plan_advice *out);
/* The independent validator: every hard limit recomputed from the plan and its inputs. */
BT_MUST_CHECK int bt_plan_check(const struct bt_plan *p, struct bt_err *err);
#endif

/* plan_int.h - the problem of one phase, its solution, and the steps between; not for other floors. */
#ifndef BT_PLAN_INT_H
#define BT_PLAN_INT_H
#include "base/units.h"
#include "plan/plan.h"

#define PL_NONE ((size_t)-1)
#define PL_PACE_AT_TOKENS 1024       /* tokens in the KV cache when the rates of shapes are compared */
#define PL_NODE_LIMIT 1000000
#define PL_PHASE_NODES 950000        /* of each phase of a plan, all of them together: what one does not need the others may have */
#define PL_FIRST_NODES 5000          /* in the order of the plan, before the order is changed */
#define PL_MAX_COPIES 1024
#define PL_DENSE 64                  /* (workload, card) pairs past which a machine of several is climbed from what it was dealt: its tree is not seen whole */

/* Need and pace of one shape on one kind of card. */
struct pl_cost { struct bt_need *need; struct bt_pace pace[2]; };    /* pace[1]: ranks reach each other by NVLink */

struct pl_shape {
    uint32_t tp, pp, cards;          /* pp: rows of tp ranks: pipeline stages, of one data-parallel engine after the other. A service or job: tp = 1, pp = n */
    uint32_t dp;                     /* engines; 0 = 1 */
    bool ok; const char *code, *why_not;
    const char *layers;              /* "21,22,21"; "" when pp = 1 */
    const uint32_t *cut;             /* [pp] layers of each stage; NULL = as the engine cuts them */
    struct pl_cost *cost;            /* [nclasses]; NULL for a service or job */
    double best_tok_s;
    uint64_t *job_bytes;             /* [nclasses] of a job form on so many cards of each kind; NULL without one */
};

/* How a workload's bytes on a card are counted. */
enum pl_claim { PL_DEAL,             /* server: fixed + KV floor, then dealt */
                PL_LIMIT,            /* exactly so many bytes: a server inside them, a service or job as declared */
                PL_REST,             /* service or job: what the neighbours leave */
                PL_WHOLE };          /* all of the card */

struct pl_work {
    const struct bt_workload *w;
    const struct bt_plan_model *pm;
    size_t spec_index;
    bool server, cpu_only;           /* server: on cards */
    bool on_host;                    /* a server on the CPU (host.c): cpu_only, and not `server` */
    bool followed;                   /* somebody is on its cards, copy by copy: its copies cannot be renamed */
    enum pl_claim claim;
    uint32_t copies_want, copies_min;
    size_t ctx_root;                 /* work whose context this one has (itself unless same_as) */
    uint64_t ctx_want, ctx_min;
    size_t same;                     /* same_gpus_as, or PL_NONE */
    double weight, solo_best;        /* of service: priority, and the best rate of any shape on cards of its own */
    size_t *pool, npool;             /* cards, in the order of preference */
    const size_t *at; size_t nat;    /* held in its place: card of each rank of each copy, copy after copy; NULL = free */
    struct pl_shape *shape; size_t nshapes;
    uint64_t host_floor;             /* of a server on the CPU: the least RAM of a copy */
    int pos[BT_MAX_GPUS];            /* place in the pool, -1 = not in it */
    struct bt_serve serve;           /* last, since long: a search asks for the others at each node */
};

struct pl_problem {
    struct bt_arena *a;
    const struct bt_plan_in *in;
    struct pl_needs *needs;
    const struct bt_spec *spec; const struct bt_fleet *fleet;
    const char *phase;
    struct pl_work *work; size_t n;  /* in the order of the search: priority, then as written, the target of same_gpus_as first */
    bool *may_share;                 /* [n * n] */
    size_t cls[BT_MAX_GPUS];         /* cards of one kind and size */
    size_t cls_card[BT_MAX_GPUS]; size_t nclasses;
    uint64_t cap[BT_MAX_GPUS]; bool mig[BT_MAX_GPUS];                /* mig: the card is an instance */
    uint64_t first_nodes;            /* PL_FIRST_NODES */
    bool any_plan;                   /* whether there is one is all that is asked (pl_find) */
    double began_s;                  /* by the clock, where there is one: its limit is of both searches together (cut.c) */
    const struct pl_score *beat;     /* no worse plan is asked for: where none can be as good, none is looked for. NULL: any */
    const struct bt_gpu *host;       /* RAM as a card, once somebody asked for it */
    uint64_t ram;                    /* that all of the phase may take; 0 = not known */
    bool ram_binds;                  /* not everything that may run has room in it (or in the one memory of card and host): placements are held against it */
    struct bt_plan_refusal *refusal; size_t nrefusals;    /* found while building: nothing to search then */
};

static inline struct bt_range pl_exactly(uint64_t n) { return (struct bt_range){ .set = true, .want = n, .min = n, .max = n }; }
/* Which of p->work it is, or PL_NONE. */
static inline size_t pl_work_of(const struct pl_problem *p, size_t spec_index)
{
    for (size_t i = 0; i < p->n; i++)
        if (p->work[i].spec_index == spec_index)
            return i;
    return PL_NONE;
}

/* A copy as it was dealt to a machine: cards of its fleet. A server's layers as its engine cuts them. */
struct pl_dealt { size_t w; uint32_t replica, tp, pp; const size_t *card; uint32_t ncards; };        /* w: of spec->w; tp, pp: as in pl_shape */

/* A machine that is planned as one of several: how its workloads count in the whole. */
struct pl_within {
    const double *weight;            /* [spec->n] times its weight: the share of its copies that are here */
    const double *solo_best;         /* [spec->n] of any machine */
    uint64_t nodes;                  /* of the search of a phase */
    uint64_t climbing;               /* the same where there is much on it and nobody waits for the tree */
    const struct pl_dealt *dealt; size_t ndealt;     /* a way in which they stand, all of them, by floors alone; by workload, then replica */
};

struct pl_copy { size_t work; uint32_t replica; size_t shape; size_t *card; uint32_t ncards; };      /* card: pp-major */
static inline bool pl_is_on(const struct pl_copy *c, size_t card)
{
    for (uint32_t i = 0; i < c->ncards; i++)
        if (c->card[i] == card)
            return true;
    return false;
}
struct pl_score { uint32_t placed[64]; uint32_t nlevels; int64_t v[BT_GOAL__N]; };

struct pl_solution {
    bool found, complete;            /* complete: the whole tree was seen */
    struct pl_copy *copy; size_t ncopies;
    uint64_t *ctx;                   /* [n] granted; 0 = not a server or not placed */
    uint64_t *blocks;                /* [ncopies] KV blocks */
    struct pl_score score;
    uint64_t nodes;
    struct pl_score bound;           /* no plan scores more */
};

/* BT_E_SPEC only for the user's own text (a card that does not exist); what cannot be planned becomes refusals. */
BT_MUST_CHECK int pl_problem_build(struct bt_arena *a, const struct bt_plan_in *in, const char *phase, struct pl_problem **out, struct bt_err *err);
void pl_refuse(struct pl_problem *p, const struct bt_workload *w, const char *code, const char *fmt, ...) BT_PRINTF(4, 5);
/* Every shape that `gpus`, `tp` and `pp` of the work allow, the impossible ones with their reason. */
BT_MUST_CHECK int pl_shapes(struct pl_problem *p, struct pl_work *k, struct bt_err *err);
/* The same tp x pp with its layers cut otherwise, behind k->shape. Nothing where the ledger says that it cannot be. */
BT_MUST_CHECK int pl_shape_cut(struct pl_problem *p, struct pl_work *k, const struct pl_shape *even, const uint32_t *cut, struct bt_err *err);
/* In a plan that was found: each pipeline cut for the most KV in the rooms that it has, all others at their floors. Its shapes and FREE may change, no more. */
BT_MUST_CHECK int pl_recut(struct pl_problem *p, struct pl_solution *s, struct bt_err *err);
/* From a plan where somebody lacks something: the search with cuts that may serve more, and with those that pl_recut() would take, as long as they do. */
BT_MUST_CHECK int pl_search_cuts(struct pl_problem *p, uint64_t node_limit, struct pl_solution *out, struct bt_err *err);
static inline uint32_t pl_dp(const struct pl_shape *s) { return s->dp ? s->dp : 1; }
static inline uint32_t pl_stages(const struct pl_shape *s) { return s->pp / pl_dp(s); }
size_t pl_cost_class(const struct pl_problem *p, const size_t *card, uint32_t n);         /* of the poorest card */
/* A copy on so many cards may stand on this one: of MIG a process sees one instance, so several ranks go on whole cards only. */
static inline bool pl_card_for(const struct pl_problem *p, uint32_t cards, size_t card) { return cards == 1 || !p->mig[card]; }
/* Sorts cards of the work's pool into its order. */
static inline void pl_in_pool_order(const struct pl_work *k, size_t *card, size_t n)
{
    for (size_t i = 1; i < n; i++)
        for (size_t j = i; j > 0 && k->pos[card[j - 1]] > k->pos[card[j]]; j--) {
            size_t swap = card[j];
            card[j] = card[j - 1];
            card[j - 1] = swap;
        }
}
/* What a rank takes of the card beside KV: where card and host are one memory, its RAM too. */
static inline uint64_t pl_fixed(const struct bt_need_rank *r, const struct bt_gpu *g) { return r->fixed_bytes + (g->unified ? r->host_bytes : 0); }
struct pl_needs *pl_needs_new(struct bt_arena *a);
/* One that knows all that `under` does, which nobody writes to as long as this is used; and what it has learned beside that, told to `under` in the end. */
struct pl_needs *pl_needs_over(struct bt_arena *a, const struct pl_needs *under);
void pl_needs_join(struct pl_needs *under, struct pl_needs *over);
/* As long-lived as what is remembered: what a need is asked by, flags' words too, is compared as bytes. */
struct bt_arena *pl_needs_arena(struct pl_needs *n);
/* bt_need_server() of the work on such a card, remembered in p->needs. */
BT_MUST_CHECK int pl_need(struct pl_problem *p, const struct pl_work *k, const struct bt_serve *serve, const struct bt_gpu *card, struct bt_need **out,
                          struct bt_err *err);
/* The same with what else it costs, for whoever works that out: once. like: of this serve on another card, or NULL. */
struct pl_cost_kept { struct bt_need *need; bool paced; struct bt_pace pace[2]; };
BT_MUST_CHECK int pl_cost_kept(struct pl_problem *p, const struct pl_work *k, const struct bt_serve *serve, const struct bt_gpu *card,
                               const struct bt_need *like, struct pl_cost_kept **out, struct bt_err *err);
unsigned pl_elem(const struct pl_work *k);           /* bytes of one number of what is not quantised, as it is served */
/* bt_pace_weigh() of the work's model, as it is served: once. NULL: its tensors are not known. */
const struct bt_pace_weight *pl_weight(const struct pl_problem *p, const struct pl_work *k);
/* One pointer for equal cuts, for as long as p->needs: needs are remembered by it. */
const uint32_t *pl_cut_kept(struct pl_problem *p, const uint32_t *cut, uint32_t pp);
/* For the cut of the pipeline serve->tp x serve->pp (serve->cut NULL, at most PL_MAX_CUT stages) that holds the most blocks where its stages
 * have so many bytes, room[serve->pp], on cards like this one. Whoever is first to ask finds it not `known`, and fills it. */
#define PL_MAX_CUT 16
struct pl_best_cut { bool known; double blocks; uint32_t layers[PL_MAX_CUT]; };
struct pl_best_cut *pl_best_cut_kept(struct pl_problem *p, const struct pl_work *k, const struct bt_serve *serve, const struct bt_gpu *card,
                                     const uint64_t *room);
bool pl_nvlink(const struct pl_problem *p, const struct pl_shape *s, const size_t *card);
/* served.c: adds what reading weights from host RAM costs; nothing where none lie there. Not known where the processor computes a part. */
void pl_pace_offloaded(const struct bt_need *need, uint32_t stages, const struct bt_gpu *card, struct bt_pace *pace);
/* As the search counts it: all stages of a pipeline at the speed of the slowest kind of card. pace (may be NULL): with each stage at that of its own. */
double pl_rate(const struct pl_problem *p, const struct pl_shape *s, const size_t *card, struct bt_pace *pace);
double pl_rate_shown(const struct pl_problem *p, const struct pl_shape *s, const size_t *card);      /* pace's, in words for people */
/* jobs.c. The job form of `memory` or `expects`, or NULL. */
const struct bt_job *pl_job(const struct bt_workload *w);
/* job_bytes of every shape; a form that cannot be reckoned becomes a refusal. */
void pl_job_shapes(struct pl_problem *p, struct pl_work *k);
/* What the instance's berths hold of it, into inst->job. */
void pl_job_fill(struct pl_problem *p, const struct pl_work *k, struct bt_plan_instance *inst);
/* `memory` of a work on a card, in bytes. */
uint64_t pl_limit(const struct pl_work *k, const struct bt_gpu *g);
/* Weights of the rank that has most of them. */
uint64_t pl_most_weights(const struct bt_need *n);
/* The least that a rank of the copy takes on card number i of its list. */
uint64_t pl_floor(const struct pl_problem *p, const struct pl_work *k, const struct pl_shape *s, size_t cost_class, uint32_t i, size_t card);

/* from: a plan of p that only a better one takes the place of, or NULL. */
void pl_search(struct pl_problem *p, uint64_t node_limit, const struct pl_solution *from, struct pl_solution *out);
/* cut.c: the search, and where some workload does not get all it wants, again with pipelines whose layers are cut for the rooms there are: those are further
 * shapes then, behind the others. */
void pl_solve(struct pl_problem *p, uint64_t node_limit, struct pl_solution *out);
/* Is there a plan at all? As pl_solve(), but the first one ends it, however good it is: of *out only found, complete (of one that was not found) and nodes
 * tell anything. */
void pl_find(struct pl_problem *p, uint64_t node_limit, struct pl_solution *out);
/* Of asking that again and again for parts of a spec: what of `n` workloads costs, and how much in all is not too much. */
#define PL_FIND_WORK UINT64_C(12000000)
uint64_t pl_find_cost(size_t n);
/* Of one that was searched: with its shapes on each class of cards, and its nodes. */
uint64_t pl_found_cost(const struct pl_problem *p, const struct pl_solution *s);
/* The free memory of the solution, dealt anew, into its score. */
void pl_rescore_free(struct pl_problem *p, struct pl_solution *s);
/* Phases are searched in this order: few workloads first, so that what they do not need is left for those that need most. */
void pl_phase_order(struct pl_problem *const *p, size_t n, size_t *order);
/* Of the nth phase of `phases`, where those before it took `used`: all that is left, but for half a share of each that comes. Many cards, and what is planned
 * as one of several machines, get as much each time: they never end before. */
uint64_t pl_phase_nodes(const struct pl_problem *p, size_t nth, size_t phases, uint64_t used);
static inline uint64_t pl_node_limit(const struct bt_plan_in *in) { return in->within ? in->within->nodes : PL_NODE_LIMIT; }
/* How far off the best it may be: the share that lacks to the bound at the first goal where it does, of workloads placed, wants and service. */
double pl_gap(const struct pl_solution *s);
/* Looks at the goals before `end`. */
int pl_score_cmp(const struct pl_score *a, const struct pl_score *b, enum bt_plan_goal end);

/* kv.c: contexts and blocks of a complete placement. */
struct pl_rank_use { size_t card; uint64_t fixed, block_bytes, limit; const struct bt_need_rank *row; };      /* limit: UINT64_MAX when only the card does */
/* floor: blocks of its requests at the least context */
struct pl_use { size_t copy, work, root; const struct bt_need *need; struct pl_rank_use *rank; size_t n; uint64_t blocks, floor; };
struct pl_room { struct pl_problem *p; struct pl_use *use; size_t n; uint64_t base[BT_MAX_GPUS]; bool rest[BT_MAX_GPUS];
    uint64_t ram; bool grows;        /* RAM that they take whatever their KV; grows: some of it lies there too, token by token */
    uint64_t still[BT_MAX_GPUS]; bool cards_only;    /* kv.c's own: what stands on each card without any KV; nothing but cards is in the way */
    uint64_t looks;                  /* at one copy, whether all have room: what contexts and KV cost */
};
/* All copies in, each at nothing: next come contexts, then what is left. */
void pl_room_init(struct pl_room *r, struct pl_problem *p, const struct pl_copy *copy, size_t ncopies);
/* ctx[n], per work: from context.min towards what is wanted, all by the same share. Sets the blocks that takes. */
void pl_grant(struct pl_room *r, uint64_t *ctx);
/* The rest of each card as blocks, at equal concurrency. */
void pl_deal(struct pl_room *r, const uint64_t *ctx);
/* Each at its floor: its requests at the least context, one of the context that was granted. */
void pl_room_floors(struct pl_room *r, const uint64_t *ctx);
/* Each has its floor, on its cards and in RAM; asked where RAM binds. */
bool pl_room_holds(struct pl_room *r);
/* Bytes that stand on each card now; in RAM. */
void pl_room_load(struct pl_room *r, uint64_t load[BT_MAX_GPUS]);
uint64_t pl_room_ram(const struct pl_room *r);

/* host.c: the floor of a server on the CPU, or its refusal; berths of RAM for those of a phase whose other instances are all there. host_check.c */
void pl_host_floor(struct pl_problem *p, struct pl_work *k);
/* What there is for all of them (p->ram), and whether it binds. */
void pl_host_limit(struct pl_problem *p);
/* The least RAM of a copy: of a server on the CPU, or of one with weights or layers there (cls: its cost class). */
uint64_t pl_host_least(const struct pl_problem *p, const struct pl_work *k, const struct pl_shape *s, size_t cls);
static inline uint64_t pl_ram_limit(const struct pl_problem *p) { return p->ram ? p->ram : (uint64_t)1 << 50; }
/* parked: RAM that sleepers hold meanwhile. pl_host_first: before KV is dealt, where it may take what lies in RAM: what servers on the CPU want of context is
 * counted in the room, with all others at their floors. */
void pl_host_first(struct pl_room *r, const struct pl_copy *copy, size_t ncopies, const uint64_t *ctx, uint64_t parked);
void pl_host_fill(struct pl_problem *p, struct bt_plan *plan, struct bt_plan_phase *ph, uint64_t parked);
BT_MUST_CHECK int pl_host_check(const struct bt_plan *p, struct bt_err *err);

/* copies.c: settles in->copies, phase names as given. Nothing to do where no workload leaves its number open. */
BT_MUST_CHECK int pl_open_copies(struct bt_arena *a, struct bt_plan_in *in, const char *const *phase, size_t nphases, struct bt_err *err);

/* side.c. Trials that do not need each other, on all cores: trial(ctx, i, with) for each i below n, with memory and needs of its own meanwhile. Afterwards what
 * they left lies in `a`, and what they learned in `needs`. -1: as the first of them, in their order, that returned it. Whoever takes their results in order
 * has the same whatever the number of cores. pl_side_batch: so many trials at least are worth asking
 * for at once where it depends on their results whether there are more. */
struct pl_with { struct bt_arena *a; struct pl_needs *needs; struct bt_err *err; };
BT_MUST_CHECK int pl_side_by_side(struct bt_arena *a, struct pl_needs *needs, size_t n, int (*trial)(void *ctx, size_t i, const struct pl_with *with),
                                  void *ctx, struct bt_err *err);
size_t pl_side_batch(void);

/* explain.c, refuse.c, refuse_ways.c */
struct pl_trial {
    struct bt_arena *a;
    const struct bt_plan_in *in;
    const char *phase;
    const struct pl_problem *base;   /* rates are measured against its best; or NULL */
    uint64_t nodes;                  /* of the search; 0 = as many as a plan that is taken deserves */
    bool any_plan;                   /* out->found is all that is asked: pl_find() */
    const struct pl_score *beat;     /* as pl_problem has it */
};
/* The workload with tp and pp as in this shape, and where `cut` its layers too: else a pipeline is cut as fits best. */
struct bt_workload pl_pinned(struct bt_arena *a, const struct pl_work *k, const struct pl_shape *s, bool cut);
/* Its layers as in this shape, where the engine can be told. */
void pl_pin_layers(struct bt_arena *a, const struct pl_work *k, const struct pl_shape *s, struct bt_workload *out);
/* "21,22,21" of its first copy there; "" without stages. */
const char *pl_layers_of(const struct pl_problem *p, const struct pl_solution *s, size_t spec_index);
#define PL_LESS_KV "its poorest stage holds less KV"
/* Is the shape one to be shown beside the one taken? Of the cuts of one tp x pp the taken one, and the engine's own. */
bool pl_is_shown(const struct pl_work *k, const struct pl_shape *s, const struct pl_shape *taken);
#define PL_PAIR_STEPS 20             /* what it costs to build a problem and its tables, for each pair of workload and card */
/* Plan the phase again with workload `index` changed; out->found tells. The problem is left in *p. */
BT_MUST_CHECK int pl_try(const struct pl_trial *t, const struct bt_workload *changed, size_t index, struct pl_problem **p, struct pl_solution *out,
                         struct bt_err *err);
BT_MUST_CHECK int pl_explain(struct bt_plan *plan, struct bt_arena *a, const struct bt_plan_in *in, struct pl_problem *p, const struct pl_solution *s,
                             struct bt_err *err);
/* The note of a search that stopped, with what lacks to its bound at the first goal where any does; phase: NULL, of one alone. */
void pl_explain_stop(struct bt_plan *plan, struct bt_arena *a, const char *phase, const struct pl_solution *s);
BT_MUST_CHECK int pl_refusals(struct bt_plan *plan, struct bt_arena *a, const struct bt_plan_in *in, struct pl_problem *p, struct bt_err *err);
/* least.c. What those who must stand in a phase take at least, whatever their shapes and cards, and what all cards have together. */
struct pl_least {
    uint64_t there, sum;
    uint64_t *of; size_t n;          /* [spec->n] 0: not in the phase, optional, or on no card */
    size_t *group;                   /* [spec->n] whose cards or contexts are each other's; PL_NONE: not in the phase */
};
struct pl_least *pl_least_new(const struct pl_problem *p, struct bt_arena *a);
/* True: they do not fit, that is certain. Whatever is changed of workload `changed`; of those in keep[spec->n]; whatever is changed of so many of them. */
bool pl_least_too_much(const struct pl_least *l, size_t changed);
bool pl_least_too_much_of(const struct pl_least *l, const bool *keep);
bool pl_least_too_much_after(const struct pl_least *l, size_t changes);
/* shrink.c. The same inputs with a spec of only those in keep[spec->n], as they are in w[spec->n]. NULL: all; as written. */
struct bt_plan_in *pl_only(struct bt_arena *a, const struct bt_plan_in *in, const struct bt_workload *w, const bool *keep);
/* Takes out of keep[spec->n], of workloads that together do not fit, as many as may go: without any one that is left the others fit, but for those
 * whom one of them names (same_gpus_as, same_as). fits(): 1 those in keep fit, 0 they do not, -1 error. The last as written go first. */
BT_MUST_CHECK int pl_shrink(struct bt_arena *a, const struct bt_spec *s, bool *keep, int (*fits)(void *ctx, const bool *keep), void *ctx);
/* together.c. Where no single change makes it fit: several, of which none can be spared, as one more row of advice; none where 400 plans do not find them.
 * all_stay: nobody is left out for it. */
BT_MUST_CHECK int pl_together(struct bt_plan *plan, struct bt_arena *a, const struct bt_plan_in *in, bool all_stay, struct bt_err *err);
/* `memory` in bytes, of a share on the smallest card; 0 = it has another form. */
uint64_t pl_memory_asked(const struct bt_workload *w, const struct bt_fleet *f);
/* The fewest more cards of a kind that the fleet has already with which all phases fit, planned on that fleet as the catalog has it. False: none do.
 * alone: those of the spec who fit on none of its cards even by themselves, or NULL. *note: what is to be said beside it, or
 * NULL: not all was tried, or none of those that are near has the bytes. */
bool pl_more_cards(struct bt_arena *a, const struct bt_plan_in *in, const struct bt_plan_in *alone, struct bt_plan_advice *out, const char **note);
/* As many cards, larger ones of the catalog in place of those of one kind. */
bool pl_larger_cards(struct bt_arena *a, const struct bt_plan_in *in, struct bt_plan_advice *out, const char **note);
/* Kinds with more memory, of the same maker and no older, one of each size (to a twentieth), the nearest first; returns how many. */
size_t pl_larger_kinds(const struct bt_gpu_kind *k, const struct bt_gpu_kind **out, size_t most);
/* Are all the ways out other fleets, which cost money, or to leave somebody out? *without: one is that. */
bool pl_only_fleets(const struct bt_plan *p, bool *without);
bool pl_in_phase(const struct bt_workload *w, const char *phase);
#endif

/* alternatives.h - the same server otherwise: other shapes, copies, quantised weights or KV, weights in host RAM. Each is planned with everything else of its
 * phase; what is given up is named and never scored. Pure. */
#ifndef BT_ALTERNATIVES_H
#define BT_ALTERNATIVES_H
#include "plan/plan.h"

struct bt_alternative {
    const char *workload, *kind;     /* kind: planned, shape, replicas, kv, quantised, offload */
    const char *what;                /* "TP=2", "weights in 4 bits (AWQ), one GPU" */
    uint32_t bits;                   /* of a weight, of a quantised row; else 0 */
    bool fits; const char *why_not;  /* when it does not: the reason */
    uint32_t copies, cards;          /* cards of all copies */
    uint64_t tp, pp;
    uint64_t bytes, host_bytes;      /* of all ranks of all copies */
    uint64_t context, at_once;
    double decode_tok_s, percent;    /* one stream; of the fastest row of the workload. 0 = not known */
    const char *gives_up;            /* against the row `planned`; "" = nothing that is counted here */
    struct bt_plan_change *set; size_t nset;         /* what to write into the spec */
    const char *needs;               /* what it takes beside that: a checkpoint that berth knows no name of; NULL = nothing */
};
/* A quantised checkpoint of workload `workload`'s model that is here, or in the catalog: found by cmd, since looking is I/O. */
struct bt_sibling { size_t workload; const char *id; const struct bt_model *model; };
/* Rows of every server of the spec, in its order; the first of each is the plan as it is (fits false when there is none). Not written by a plan that
 * stops at its bound: a row that was not found among the first placements says so. */
BT_MUST_CHECK int bt_plan_alternatives(struct bt_arena *a, const struct bt_plan_in *in, const struct bt_sibling *sibling, size_t nsiblings,
                                       struct bt_alternative **out, size_t *n, struct bt_err *err);
#endif

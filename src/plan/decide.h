/* decide.h - why the plan is as it is: each decision with its runner-up, planned, and what that lost; and why there is none: the fewest demands
 * that cannot be met together, and the cheapest ways out. Pure. */
#ifndef BT_DECIDE_H
#define BT_DECIDE_H
#include "plan/plan.h"

enum bt_decided { BT_DECIDED_SHAPE, BT_DECIDED_CARDS, BT_DECIDED_CONTEXT, BT_DECIDED_COPIES };
extern const char *const bt_decided_names[]; /* "shape", "cards", "context", "copies" */

struct bt_decision {
    const char *phase, *workload;
    enum bt_decided what;
    const char *taken;     /* "TP=2", "GPU 0,1", "32,768 tokens" */
    const char *runner_up; /* the best of the others, planned with everything else; NULL = there is none */
    const char *lost;      /* what the runner-up lost; without one, why there is none */
};
/* Of workload `only`, or of all (NULL), in the order of the spec. The plan must be one that fits, made from `in`.
 * *skipped: so many of the last ones (in all phases) were left out, as their rivals would be too much work; 0 with `only`. */
BT_MUST_CHECK int bt_plan_decisions(struct bt_arena *a, const struct bt_plan_in *in, const struct bt_plan *p, const char *only,
                                    struct bt_decision **out, size_t *n, size_t *skipped, struct bt_err *err);

/* One demand of the spec that takes part in a conflict. */
struct bt_demand {
    const char *workload, *key, *text;
    struct bt_mark at;
}; /* key: "context"; "" = that it runs at all */
struct bt_conflict {
    const char *phase;
    struct bt_demand *demand;
    size_t n;             /* minimal: without any one of them the others can be met */
    const char *card;     /* "GPU 2": with lacks_bytes more on this card alone they could; NULL = no single card's bytes are what lacks */
    uint64_t lacks_bytes; /* on that card, else on every card; 0 = more memory does not help */
    const char *own;      /* the server whose own `memory` is what lacks them, on whatever card; NULL = the cards do */
    const char *refused;  /* the rule that forbids it, in words: no bytes were looked for; NULL = none does */
    bool least;           /* the bytes lack though other demands of the same workloads, which are not in the conflict, were taken back */
    bool sure;            /* false: a search stopped at its bound, so the set may not be minimal */
};
/* Of each phase that does not fit its conflicts, no workload in two of them: four of a phase at most. *n = 0: all fit. */
BT_MUST_CHECK int bt_plan_conflicts(struct bt_arena *a, const struct bt_plan_in *in, struct bt_conflict **out, size_t *n, struct bt_err *err);

/* A way out, with what it costs the user: 0 nothing that is counted here, 1 as much as leaving a workload out. */
struct bt_relaxation {
    const struct bt_plan_advice *advice;
    double cost;
    const char *gives_up;
};
/* The plan's advice, and each demand of the conflicts that can simply be dropped; each was planned and fits. Cheapest first. */
BT_MUST_CHECK int bt_plan_relaxations(struct bt_arena *a, const struct bt_plan_in *in, const struct bt_plan *p, const struct bt_conflict *conflict,
                                      size_t nconflicts, struct bt_relaxation **out, size_t *n, struct bt_err *err);
#endif

/* plan_side.h - plans side by side, for `berth plan`: --variants, --compare. Each row is a plan of its own, made like any other. */
#ifndef BT_PLAN_SIDE_H
#define BT_PLAN_SIDE_H
#include "cmd/planning.h"

struct bt_plan_side {
    const struct bt_planning_opts *base;             /* file, and what is the same in every row */
    bool variants;                   /* the spec as written and each of its variants */
    struct bt_strs fleets;           /* --compare; n = 0: the base's own fleet */
    bool json;
};
/* Prints the table or kind "compare". *rc: 0 when any row fits, else 3. Returns -1 with *err for what bt_planning() fails at. */
BT_MUST_CHECK int bt_plan_side(struct bt_arena *a, const struct bt_plan_side *s, int *rc, struct bt_err *err);
#endif

/* plan_side.h - several answers to one spec, for `berth plan`: --variants, --compare, --alternatives, --cheapest. Each row is planned like any other. */
#ifndef BT_PLAN_SIDE_H
#define BT_PLAN_SIDE_H
#include <jansson.h>
#include "cmd/planning.h"
#include "plan/compare.h"

struct bt_plan_side {
    const struct bt_planning_opts *base;             /* file, and what is the same in every row */
    bool variants;                   /* the spec as written and each of its variants */
    struct bt_strs fleets;           /* --compare; n = 0: the base's own fleet */
    bool json;
};
/* Prints the table or kind "compare". *rc: 0 when any row fits, else 3. Returns -1 with *err for what bt_planning() fails at. */
BT_MUST_CHECK int bt_plan_side(struct bt_arena *a, const struct bt_plan_side *s, int *rc, struct bt_err *err);
/* --alternatives: each server otherwise, as a table or kind "alternatives"; of a fleet of several machines, those of machine `node` beside what was dealt to
 * it (NULL there: BT_E_SPEC). *rc: 0 when any row fits, else 3. */
BT_MUST_CHECK int bt_plan_otherwise(struct bt_arena *a, const struct bt_planning_opts *base, const char *node, bool json, int *rc, struct bt_err *err);
/* --cheapest: the smallest fleet of the catalog that holds the spec, or kind "cheapest". The spec's own fleet is not looked at. *rc: 0, or 3 when none does. */
BT_MUST_CHECK int bt_plan_smallest(struct bt_arena *a, const struct bt_planning_opts *base, bool json, int *rc, struct bt_err *err);
/* Cells that the tables share: "4 of 8" where less was found room for than was wanted; the requests, users or sequences at once. */
const char *bt_plan_of(struct bt_arena *a, uint64_t n, uint64_t want);
const char *bt_plan_at_once(struct bt_arena *a, const struct bt_compare_work *w);
json_t *bt_plan_row_json(const struct bt_compare_row *r);            /* new reference */
#endif

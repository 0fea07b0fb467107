/* diff.h - what differs between two plans, or between a plan and what runs: who comes, goes and moves, and whose bytes, context, shape or command
 * change. Pure; works on the JSON of plan files and of `ps`, so that it also reads what another version wrote. */
#ifndef BT_DIFF_H
#define BT_DIFF_H
#include <jansson.h>
#include "base/arena.h"

struct bt_diff_row {
    const char *phase, *instance, *workload;
    const char *what;                /* added, removed; cards, bytes, context, shape, model, engine, flags, command, env, after, state;
                                      * cwd, env_from, ready, restart, stop_grace, tasks, retries, ports, on_drift, as the plan's JSON has them */
    const char *from, *to;           /* for people; "" = nothing */
};
struct bt_diff { struct bt_diff_row *row; size_t n; const char **note; size_t nnotes; };     /* note: of the fleets, of the phases */

/* Two plan files. BT_E_INPUT: one is no plan; a and b name them in errors. */
BT_MUST_CHECK int bt_plan_diff(struct bt_arena *arena, const json_t *from, const char *a, const json_t *to, const char *b, struct bt_diff *out,
                               struct bt_err *err);
/* A plan and the answer of `ps` for its project: the phase that runs. What is up is `from`, the plan `to`. */
BT_MUST_CHECK int bt_plan_diff_running(struct bt_arena *arena, const json_t *ps, const json_t *plan, const char *name, struct bt_diff *out, struct bt_err *err);
#endif

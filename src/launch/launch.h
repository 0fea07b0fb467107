/* launch - a plan turned into commands: argv, env, ports left as {port}; written as the plan file, and read back by those who obey it.
 *
 *   launch.c     plan -> argv and env of each instance (the engine's own flags, bytes not fractions)
 *   write.c      plan -> JSON (docs/reference/json.md)
 *   export*.c    a plan file as a script, a compose file, units, environment files (export.h)
 *   diff.c       two plans, or a plan and what runs (diff.h)
 *   planfile.c   JSON -> struct bt_planfile: what run needs, checked; owned by whoever obeys it */
#ifndef BT_LAUNCH_H
#define BT_LAUNCH_H
#include <jansson.h>
#include "plan/plan.h"

/* The whole plan as JSON, kind "plan" without "schema" and "kind" (bt_cmd_json adds them; bt_plan_text does too). New reference. */
json_t *bt_plan_json(const struct bt_plan *p);
/* The plan file's text: deterministic, ends with a newline. */
char *bt_plan_text(struct bt_arena *a, const struct bt_plan *p);
#endif

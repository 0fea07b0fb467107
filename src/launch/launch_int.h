/* launch_int.h - what launch.c and write.c share; not for other floors. */
#ifndef BT_LAUNCH_INT_H
#define BT_LAUNCH_INT_H
#include "launch/launch.h"

json_t *launch_json(struct bt_arena *a, const struct bt_plan *p, const struct bt_plan_instance *in);
json_t *launch_served_names(struct bt_arena *a, const struct bt_plan *p, const struct bt_plan_instance *in);
#endif

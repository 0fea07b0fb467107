/* learned.h - what was measured on this machine, read for plan and estimate. */
#ifndef BT_CMD_LEARNED_H
#define BT_CMD_LEARNED_H
#include "gpu/gpu.h"
#include "plan/plan.h"

/* Hand the measured starts to the cards of a live fleet (bt_gpu.learned); cards of a catalog or a file are not this machine's. A store that cannot be
 * read is a note, and the estimates stand as they are. */
void bt_cmd_learn_fleet(struct bt_arena *a, struct bt_fleet *f, struct bt_strs *notes);
/* {like: REF} of a workload of project `name`: m->like_bytes and like_why; 0 with a note when it was never measured. */
void bt_cmd_learn_like(struct bt_arena *a, const char *name, const char *ref, struct bt_plan_model *m, struct bt_strs *notes);
#endif

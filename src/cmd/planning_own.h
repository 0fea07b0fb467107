/* planning_own.h - the part of the planning's I/O that asks the daemon. */
#ifndef BT_PLANNING_OWN_H
#define BT_PLANNING_OWN_H
#include "plan/plan.h"

/* Correct others_bytes of a live fleet for a plan of project `name`: bytes that its own instances hold are not others', and those of
 * other projects count as what they hold or were promised, whichever is more (noted in the fleet's notes).
 * starting: the plan is to be started; a project of that name that is up is then BT_E_STATE. Nothing is asked when nothing is up. */
BT_MUST_CHECK int bt_planning_own(struct bt_arena *a, const char *name, bool starting, struct bt_fleet *f, struct bt_err *err);
/* Leave of the spec one job and what it needs; of a project that is up, the job alone, under another name and with the urls of what runs. BT_E_USAGE: no
 * such job; BT_E_STATE: what it calls is not ready. */
BT_MUST_CHECK int bt_planning_only(struct bt_arena *a, const struct bt_spec_only *only, struct bt_spec *s, struct bt_err *err);
/* For `up`: models that are not here are fetched by their engines into the Hugging Face cache. BT_E_FIT when its disk has less room than their weights take. */
BT_MUST_CHECK int bt_planning_disk(struct bt_arena *a, const struct bt_spec *s, const struct bt_plan_model *models, struct bt_err *err);
/* A live plan that may take the place of one of its name that is up: of cards that are twins, each instance of its first phase gets those where it is, as
 * far as that goes. Nothing is changed where nothing is up, or where somebody asked for cards by name. */
void bt_planning_stay(struct bt_arena *a, struct bt_plan *p);
#endif

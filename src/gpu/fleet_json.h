/* fleet_json.h - the fleet as JSON: what `berth gpus --json` prints, a plan file holds and a saved fleet.json is. */
#ifndef BT_GPU_FLEET_JSON_H
#define BT_GPU_FLEET_JSON_H
#include <jansson.h>
#include "gpu/gpu.h"

/* {"source", "text", "driver", "nodes": [..], "gpus": [..], "notes": [..]}; a new reference. Figures that are not valid are null. */
json_t *bt_fleet_json(const struct bt_fleet *f);
/* Its "nodes"; a new reference. */
json_t *bt_fleet_nodes_json(const struct bt_fleet *f);
/* Back again. what: named in errors (BT_E_SPEC). Margins and ignore_others come from o; source becomes "file", live false. */
BT_MUST_CHECK int bt_fleet_from_json(struct bt_arena *a, const json_t *v, const char *what, const struct bt_fleet_opts *o, struct bt_fleet *out,
                                     struct bt_err *err);
#endif

/* live.h - what the verbs that talk to the daemon share: printing its events, the table of instances. */
#ifndef BT_CMD_LIVE_H
#define BT_CMD_LIVE_H
#include "base/table.h"
#include "run/client.h"

struct bt_live { bool tty, open_line; json_t *last; };   /* open_line: the cursor stands behind a line that may be rewritten */
void bt_live_init(struct bt_live *l);
void bt_live_release(struct bt_live *l);
/* One event as one line on stderr (inst, failed, note); progress of one step rewrites its line on a terminal. */
void bt_live_event(void *live, const json_t *ev);
/* The table of `ps`, from its answer. */
void bt_live_table(struct bt_arena *a, const json_t *ps, struct bt_style st, struct bt_buf *out);
/* For {"project": name}; NULL stays out. */
json_t *bt_live_project(const char *name);
#endif

/* client.h - how a verb reaches the daemon, and starts it when it has to. */
#ifndef BT_RUN_CLIENT_H
#define BT_RUN_CLIENT_H
#include "wire/wire.h"

/* True when something is up or was: a daemon listens, or folders of projects wait for one. Starts nothing. */
bool bt_run_anything(void);
/* Connect; start a daemon if none listens. The daemon holds none of our descriptors and is no child of ours. */
BT_MUST_CHECK int bt_run_connect(struct bt_wire_client *c, struct bt_err *err);
#endif

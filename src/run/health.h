/* health.h - one HTTP GET to a loopback address with a deadline; only the status line is read. On the loop, never blocking. */
#ifndef BT_RUN_HEALTH_H
#define BT_RUN_HEALTH_H
#include <event2/event.h>
#include "base/str.h"

struct bt_health;
/* done is called exactly once, later, from the loop: HTTP status, 0 = refused or closed or silent until the deadline, -1 = answered
 * with something that is not HTTP. NULL when no connection can be made (done is not called). Cancel: bt_health_free before done. */
struct bt_health *bt_health_get(struct event_base *base, const char *ip, int port, const char *path, int deadline_ms,
                                void (*done)(void *ctx, int status), void *ctx);
void bt_health_free(struct bt_health *h);            /* NULL is fine */
/* Take "http://127.0.0.1:8000" apart. Only loopback: 127.x.x.x or localhost. BT_E_INPUT else. */
BT_MUST_CHECK int bt_health_url(const char *url, char ip[16], int *port, struct bt_err *err);
#endif

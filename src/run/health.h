/* health.h - one HTTP request to a loopback address with a deadline. On the loop, never blocking. */
#ifndef BT_RUN_HEALTH_H
#define BT_RUN_HEALTH_H
#include <event2/event.h>
#include "base/str.h"

struct bt_health;
/* done is called exactly once, later, from the loop: HTTP status, 0 = refused or closed or silent until the deadline, -1 = answered
 * with something that is not HTTP. body_max 0: the status line is all that is read, and body is empty; else up to so many bytes of the body as they
 * come until the server closes (a chunked one is not put together), valid during the call; a longer one is cut.
 * NULL when no connection can be made (done is not called). Cancel: bt_health_free before done. */
struct bt_health *bt_health_get(struct event_base *base, const char *ip, int port, const char *path, int deadline_ms,
                                size_t body_max, void (*done)(void *ctx, int status, struct bt_str body), void *ctx);
/* A whole request. body NULL: none; else JSON. key NULL: none; else it goes as "Authorization: Bearer". All of it is copied. */
struct bt_http_request { const char *method, *path, *body, *key; int deadline_ms; size_t body_max; };
struct bt_health *bt_http_send(struct event_base *base, const char *ip, int port, const struct bt_http_request *r,
                               void (*done)(void *ctx, int status, struct bt_str body), void *ctx);
/* The same with another method, no body sent. */
struct bt_health *bt_http_ask(struct event_base *base, const char *ip, int port, const char *method, const char *path, int deadline_ms,
                              size_t body_max, void (*done)(void *ctx, int status, struct bt_str body), void *ctx);
void bt_health_free(struct bt_health *h);            /* NULL is fine */
/* Take "http://127.0.0.1:8000" apart. Only loopback: 127.x.x.x or localhost. BT_E_INPUT else. */
BT_MUST_CHECK int bt_health_url(const char *url, char ip[16], int *port, struct bt_err *err);
#endif

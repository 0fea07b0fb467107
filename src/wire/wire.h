/* wire - the control protocol: one JSON object a line, over owner-only unix sockets.
 *
 *   request  {"v":1,"id":7,"op":"up",...}             id: chosen by the asker, comes back in the answer
 *   answer   {"id":7,"ok":true,...}  or  {"id":7,"ok":false,"error":{"code":"state","message":"...","hint":"..."}}
 *   event    {"event":"inst",...}                     any number, before or after the answer
 *
 * A line is at most BT_WIRE_LINE_MAX bytes; a longer one ends the connection. A request of another version is answered with an
 * error that says so. */
#ifndef BT_WIRE_H
#define BT_WIRE_H
#include <jansson.h>
#include "base/json.h"

#define BT_WIRE_VERSION 1
#define BT_WIRE_LINE_MAX (16 * MiB)

/* Append one object as a line. Takes the reference. False when the buffer's ceiling is reached (nothing usable was added). */
bool bt_wire_put(struct bt_buf *out, json_t *o);

enum bt_wire_got { BT_WIRE_NONE, BT_WIRE_MSG, BT_WIRE_BROKEN };
/* Cut the first line out of `in`. MSG: *msg is a new reference. NONE: no whole line yet. BROKEN: not JSON, not an object, or too
 * long: *err says so and the connection is of no more use. */
enum bt_wire_got bt_wire_take(struct bt_buf *in, json_t **msg, struct bt_err *err);

/* Check a request. 0 and *id, *op (borrowed from msg); -1 with *err (and *id where it could be read, else 0). */
BT_MUST_CHECK int bt_wire_request(const json_t *msg, uint64_t *id, const char **op, struct bt_err *err);
json_t *bt_wire_answer(uint64_t id, json_t *members);                        /* members may be NULL; takes the reference */
json_t *bt_wire_refuse(uint64_t id, const struct bt_err *why);
/* Is this the answer to `id`? 1: yes and ok; 0: something else; -1: yes, and *err is what the other side said. */
int bt_wire_is_answer(const json_t *msg, uint64_t id, struct bt_err *err);

/* Sockets. A path of any length works: a long one is reached through its folder's descriptor. All descriptors are close-on-exec. */
int bt_wire_listen(const char *path, struct bt_err *err);                    /* replaces a stale socket file; mode 0600; non-blocking */
int bt_wire_connect(const char *path, struct bt_err *err);                   /* blocking; BT_E_NOT_FOUND when nobody listens */
bool bt_wire_peer_is_us(int fd);                                             /* same user at the other end */

/* A verb's side: blocking calls on one connection. */
struct bt_wire_client {
    int fd; struct bt_buf in; uint64_t last_id;
    void (*on_silence)(void);        /* bt_wire_call: once, when no word has come for silence_ms; it waits on. NULL: nobody is told */
    int silence_ms;
};
void bt_wire_client_init(struct bt_wire_client *c, int fd);                  /* takes the descriptor */
void bt_wire_client_release(struct bt_wire_client *c);
/* Send {"op": op} with `members` (taken, may be NULL). BT_E_NOT_FOUND when the other side is gone. */
BT_MUST_CHECK int bt_wire_send(struct bt_wire_client *c, const char *op, json_t *members, uint64_t *id, struct bt_err *err);
/* Next message; new reference. NULL: end of file (err->code BT_E_NOT_FOUND), broken, or timeout_ms passed (BT_E_BUSY; -1 = wait for ever),
 * or a signal came (BT_E_STATE, sys EINTR). */
json_t *bt_wire_next(struct bt_wire_client *c, int timeout_ms, struct bt_err *err);
/* Send and wait for its answer; events go to on_event (may be NULL). New reference to the answer, or NULL with *err. */
json_t *bt_wire_call(struct bt_wire_client *c, const char *op, json_t *members, void (*on_event)(void *ctx, const json_t *ev), void *ctx,
                     struct bt_err *err);
#endif

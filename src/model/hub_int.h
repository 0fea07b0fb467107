/* hub_int.h - inside of the hub: many HTTP requests at once, and the folder that keeps what they brought. */
#ifndef BT_HUB_INT_H
#define BT_HUB_INT_H
#include "model/hub.h"

/* One request for bytes [from, from + n) of a file; n 0 = the whole of it, at most `most` bytes. */
struct hub_get {
    const char *url;
    uint64_t from, n, most;
    /* the answer */
    long status;                     /* of the last response; 0 = none came */
    struct bt_buf body;              /* owner: whoever made the request */
    uint64_t total;                  /* bytes of the whole file, where the server says it */
    char error_code[64], error_text[160];            /* X-Error-Code and X-Error-Message, escaped */
    char why[200];                   /* when it failed below HTTP: "connect: ...", "no byte for 10 s" */
    bool unreachable;                /* no server there at all: not worth another try */
};

struct hub_http;
/* token may be NULL. It is sent to the endpoint's own scheme, host and port and nowhere else, and over plain http only to loopback. */
BT_MUST_CHECK int hub_http_new(const char *endpoint, const char *token, struct hub_http **out, struct bt_err *err);
void hub_http_free(struct hub_http *h);
/* Run all, 16 at a time; too many requests, server errors, torn answers and stalls are tried again up to 3 times, later each time.
 * `tell` names what is counted on stderr, when that is a terminal. Every request has an answer afterwards; returns -1 only on a deadline of 5 minutes. */
BT_MUST_CHECK int hub_http_all(struct hub_http *h, struct hub_get *g, size_t n, const char *tell, struct bt_err *err);
bool hub_get_ok(const struct hub_get *g);            /* 200 or 206, and all bytes that were asked for */
/* *err from an answer that is not ok. what: "model.safetensors of acme/tiny". */
int hub_get_err(const struct hub_get *g, const char *endpoint, const char *repo, const char *what, struct bt_err *err);

/* hub_repo.c: the folder of a commit. Complete when it has hub.json, which is written last. */
const char *hub_cache_dir(struct bt_arena *a, const char *endpoint, const char *repo);
bool hub_repo_load(struct bt_arena *a, struct bt_hub *hub);          /* file[] from hub.json; false when it is not there or not whole */
BT_MUST_CHECK int hub_repo_save(struct bt_arena *a, struct bt_hub *hub, struct bt_err *err);
#endif

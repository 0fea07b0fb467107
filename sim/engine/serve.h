/* serve.h - the API server's inside: one evhttp loop, one list of requests, one queue of orders that EngineCore has still to answer.
 * One thread. Requests are owned by the list; evhttp owns its own request until a reply ends it or its connection closes. */
#ifndef BT_SIM_ENGINE_SERVE_H
#define BT_SIM_ENGINE_SERVE_H
#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <jansson.h>

#include "sim/engine/engine.h"

struct stream {                      /* one request being answered */
    struct stream *next;
    struct server *srv;
    struct evhttp_request *req;
    bool chat, sse, usage, running;
    uint64_t id, prompt_tokens, cached, want, made, seed;
    double since, first_at, last_at; /* seconds: came, first token, latest token */
    const char *model;               /* as asked; owned */
    struct bt_buf text;
};

struct pending { struct pending *next; enum se_op op; unsigned what; struct evhttp_request *req; char *name, *path; };      /* sent, not answered yet */
struct adapter { struct adapter *next; char *name, *path; };
struct histogram { double sum; uint64_t count, bucket[8]; };

enum sleep_state { AWAKE, WEIGHTS_OFFLOADED, DISCARD_ALL };
struct server;
struct face {                        /* what differs between the engines; the OpenAI endpoints are the same */
    bool (*request)(struct server *v, struct evhttp_request *req, const char *path, bool post);      /* true: it has answered */
    void (*signal)(struct server *v);                /* SIGTERM, SIGINT: the first and every other */
    void (*died)(struct server *v);                  /* a child ended, unasked */
    void (*idle)(struct server *v);                  /* the last stream is gone; may be NULL */
    bool any_model;                  /* a model's name in a request is not looked at */
    bool quiet;                      /* no access log */
};
#define CHILDREN 64                  /* EngineCore; or every scheduler */
struct server {
    struct se *e;
    const struct face *face;
    struct se_ready ready;
    struct event_base *base;
    struct evhttp *http;
    struct evhttp_bound_socket *bound;
    struct event *term_ev, *int_ev, *exit_ev, *step_ev;
    struct { int fd; struct event *ev; } child[CHILDREN];
    size_t nchildren;
    unsigned answered;               /* of the first pending order */
    struct se_report rep;            /* its answer: that of the first child, or the first bad one */
    struct stream *streams;          /* oldest first */
    struct pending *pending, **pending_end;
    struct adapter *adapters;
    struct se_cores cores;           /* vLLM's */
    bool core_dead, stopping, draining, paused, stepping, loading;
    unsigned asleep;                 /* SE_WEIGHTS | SE_KV */
    enum sleep_state sleep;
    uint64_t next_id, generated, prompts, finished, aborted, steps;
    struct histogram ttft, itl, e2e;
    void *own;                       /* the face's */
};

/* http.c */
void se_server_init(struct server *v, struct se *e, const struct face *face, const struct se_ready *ready);
void se_server_child(struct server *v, int fd);      /* SOCK_SEQPACKET: answers orders; its end is a death */
void se_server_orphan(struct server *v);             /* their ends are no deaths any more */
void se_server_run(struct server *v);                /* until the loop is broken; frees everything */
void se_server_close_port(struct server *v);
void se_leave_in(struct server *v, double seconds, void (*then)(struct server *v));          /* once; divided by speed */
void se_quit(struct server *v);      /* the loop ends */
void se_reply_json(struct server *v, struct evhttp_request *req, int code, json_t *o);       /* takes o; logs the access */
void se_reply_error(struct server *v, struct evhttp_request *req, int code, const char *type, const char *fmt, ...) BT_PRINTF(5, 6);
json_t *se_request_json(struct evhttp_request *req);                 /* NULL when it is none */
void se_order(struct server *v, const struct se_order *o, struct pending *p);                /* takes p */
void se_arm(struct server *v);       /* a decode step, if there is work and none is under way */
void se_stream_drop(struct stream *s);
void se_stream_error(struct stream *s);              /* as after the engine's death: an error event, then [DONE] */
void se_histogram_add(struct histogram *h, double seconds);
/* stop.c */
extern const struct face se_vllm_face;
/* admin.c: true when the path was one of its own */
bool se_admin(struct server *v, struct evhttp_request *req, const char *path, bool post);
void se_admin_done(struct server *v, struct pending *p, const struct se_report *rep);
bool se_adapter_known(const struct server *v, const char *name);
#endif

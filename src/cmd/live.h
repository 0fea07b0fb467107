/* live.h - what the verbs that talk to the daemon share: asking it, its events and the table of instances for people. */
#ifndef BT_CMD_LIVE_H
#define BT_CMD_LIVE_H
#include <errno.h>
#include <stdio.h>

#include "base/table.h"
#include "run/client.h"

struct bt_live {
    bool quiet;                      /* how an instance comes up and goes is not told; what it waits for, and failures, are */
    bool tty, open_line;             /* open_line: the cursor stands behind a line that may be rewritten */
    json_t *last, *said;             /* by id: the last line, the last reason */
};
void bt_live_init(struct bt_live *l);
void bt_live_release(struct bt_live *l);
/* One event as one line on stderr (inst, failed, note); progress of one step rewrites its line on a terminal. */
void bt_live_event(void *live, const json_t *ev);
/* The table of `ps`, from its answer. */
void bt_live_table(struct bt_arena *a, const json_t *ps, struct bt_style st, struct bt_buf *out);
/* {"project": name}, the members of most requests; NULL stays out. */
json_t *bt_live_project(const char *name);

/* BT_E_STATE "nothing is up" when it is so; no daemon is started to say it. */
BT_MUST_CHECK int bt_live_something_up(struct bt_err *err);
/* Ask what changes nothing (ps, verify): a new reference to the answer. When the daemon dies over it, the next one is asked. */
json_t *bt_live_ask(const char *op, const char *project, struct bt_err *err);
/* The answer to `ps`, of one project or (NULL) of all: a new reference. All, with nothing up: no instances, and no daemon is started. */
json_t *bt_live_ps(const char *project, struct bt_err *err);
/* One request, and what follows from it, whatever becomes of the daemon. When it is killed, the next one is asked: anew (with "again": true in the request)
 * where there was no answer, and then for the state: what happened between the two is in that, not in an event. */
struct bt_talk {
    const char *op;
    json_t *members;                 /* of the request; bt_live_talk() takes the reference */
    void *ctx;
    void (*on_answer)(void *ctx, const json_t *answer);              /* may come twice, if the first daemon died over what it had promised */
    void (*on_event)(void *ctx, const json_t *ev);                   /* before the answer, too */
    void (*on_state)(void *ctx, const json_t *state);                /* `follow` of a next daemon: phase, settled, failed, instances */
    bool (*over)(void *ctx);         /* asked after each of them, once there was an answer */
    int (*to_end_ms)(void *ctx);     /* may be NULL; else: how long to wait for the daemon's own end, 0: not at all */
    bool again, answered;            /* out: another daemon was asked; it was accepted */
    char project[64];                /* out: which it is */
};
/* 0: over. -1: refused, or nobody answers; BT_E_STATE with `again`: the project ended between two daemons. */
BT_MUST_CHECK int bt_live_talk(struct bt_talk *t, struct bt_err *err);
/* Send op with these members (takes the reference) and show events until every instance of the answer is in a state of `there` (NULL-terminated), or
 * is failed, down or ready where that is not what was asked for: then *failed. detach: return with the answer. moved (may be NULL): the
 * last report of each, as in `ps`; a new reference, NULL where it says -1. */
BT_MUST_CHECK int bt_live_move(const char *op, json_t *members, const char *const *there, bool detach, bool *failed, json_t **moved, struct bt_err *err);
/* What `restart`, `park` and `resume` share: their --json, or nothing more than what was told on the way. Returns the exit code. */
int bt_live_moved(const char *kind, json_t *moved, bool failed, bool json);
/* The last daemon takes its folder with it and closes the connection after that: wait for it, silent_ms at most. */
void bt_live_wait_end(struct bt_wire_client *c, int silent_ms);

/* Reading answers. */
const char *bt_live_str(const json_t *o, const char *key);           /* "" when it is not there, or no text */
bool bt_live_over(const json_t *instance);                           /* done, failed, down */
bool bt_live_named(const json_t *instance, const char *what);        /* its id or its workload */
#endif

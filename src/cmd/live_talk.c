/* live_talk.c - one request and what follows from it, from one daemon to the next. */
#include "cmd/live.h"

enum { SILENT_MAX = 5 };

struct line { struct bt_wire_client c; uint64_t id, follow_id; bool refused; };       /* refused: the daemon lives, and said no */

static json_t *next(struct line *l, struct bt_err *err)
{
    for (;;) {
        json_t *msg = bt_wire_next(&l->c, -1, err);
        if (msg || err->code != BT_E_STATE || err->sys != EINTR)
            return msg;
    }
}

static int ask(struct bt_talk *t, struct line *l, struct bt_err *err)
{
    json_t *members = json_deep_copy(t->members);
    if (t->again)
        json_object_set_new(members, "again", json_true());
    return bt_wire_send(&l->c, t->op, members, &l->id, err);
}

static int follow(struct bt_talk *t, struct line *l, struct bt_err *err)
{
    return bt_wire_send(&l->c, "follow", bt_live_project(t->project), &l->follow_id, err);
}

/* One message: 0, or -1 with *err when the daemon refuses. */
static int take(struct bt_talk *t, struct line *l, const json_t *msg, struct bt_err *err)
{
    int is = l->id ? bt_wire_is_answer(msg, l->id, err) : 0;
    if (is > 0) {
        snprintf(t->project, sizeof t->project, "%s", bt_live_str(msg, "project"));
        t->answered = true;
        t->on_answer(t->ctx, msg);
        return t->again && !t->over(t->ctx) ? follow(t, l, err) : 0;         /* what it asked for may be there already: no event tells that */
    }
    if (is == 0 && l->follow_id && (is = bt_wire_is_answer(msg, l->follow_id, err)) > 0) {
        t->on_state(t->ctx, msg);
        return 0;
    }
    if (is == 0)
        t->on_event(t->ctx, msg);
    l->refused = is < 0;
    return is;
}

static int with_one(struct bt_talk *t, int *silent, bool *refused, struct bt_err *err)
{
    struct line l = { 0 };
    if (bt_run_connect(&l.c, err) < 0)
        return -1;
    int rc = t->answered ? follow(t, &l, err) : ask(t, &l, err);
    while (rc == 0 && !(t->answered && t->over(t->ctx))) {
        json_t *msg = next(&l, err);
        rc = msg ? take(t, &l, msg, err) : -1;
        if (msg)
            *silent = 0;
        json_decref(msg);
    }
    if (rc == 0 && t->to_end_ms)
        bt_live_wait_end(&l.c, t->to_end_ms(t->ctx));
    bt_wire_client_release(&l.c);
    *refused = l.refused;
    return rc;
}

int bt_live_talk(struct bt_talk *t, struct bt_err *err)
{
    int rc, silent = 0;
    bool refused = false;
    while ((rc = with_one(t, &silent, &refused, err)) < 0 && !refused && err->code == BT_E_NOT_FOUND && ++silent <= SILENT_MAX) {
        t->again = true;
        if (bt_live_something_up(err) < 0)           /* nobody is left to answer, and no daemon is started to say so */
            break;
    }
    json_decref(t->members);
    t->members = NULL;
    return rc;
}

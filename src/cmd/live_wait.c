/* live_wait.c - ask the daemon to move some instances, and wait until they are where they were to go. */
#include "cmd/cmd.h"
#include "cmd/live.h"

struct wait { struct bt_live live; json_t *left, *last; const char *const *there; bool failed; };    /* left: ids that are not there yet; last: their reports */

static bool is_one_of(const char *state, const char *const *list)
{
    for (; *list; list++)
        if (!strcmp(state, *list))
            return true;
    return false;
}

static void on_event(struct wait *w, const json_t *ev)
{
    json_t *in = json_object_get(ev, "instance");
    const char *id = bt_live_str(in, "id"), *state = bt_live_str(in, "state");
    bt_live_event(&w->live, ev);
    if (!strcmp(bt_live_str(ev, "event"), "gone")) {
        w->failed = true;
        json_object_clear(w->left);
    }
    if (!json_object_get(w->left, id))
        return;
    json_object_set(w->last, id, in);
    bool there = is_one_of(state, w->there);
    bool back = !there && (!strcmp(state, "failed") || !strcmp(state, "down") || !strcmp(state, "ready"));
    w->failed |= back;
    if (there || back)
        json_object_del(w->left, id);
}

static int watch(struct bt_wire_client *c, const char *op, json_t *members, bool detach, struct wait *w, struct bt_err *err)
{
    uint64_t id;
    if (bt_wire_send(c, op, members, &id, err) < 0)
        return -1;
    for (bool answered = false; !answered || (json_object_size(w->left) && !detach);) {
        json_t *msg = bt_wire_next(c, -1, err), *v;
        size_t i;
        if (!msg)
            return -1;
        int is = bt_wire_is_answer(msg, id, err);
        if (is > 0) {
            answered = true;
            json_array_foreach(json_object_get(msg, "instances"), i, v) {
                json_object_set_new(w->left, json_string_value(v), json_true());
                json_object_set_new(w->last, json_string_value(v), json_pack("{s:O}", "id", v));     /* until it is reported */
            }
        } else if (is == 0)
            on_event(w, msg);
        json_decref(msg);
        if (is < 0)
            return -1;
    }
    return 0;
}

int bt_live_move(const char *op, json_t *members, const char *const *there, bool detach, bool *failed, json_t **moved, struct bt_err *err)
{
    struct bt_wire_client c;
    if (moved)
        *moved = NULL;
    if (bt_live_something_up(err) < 0 || bt_run_connect(&c, err) < 0) {
        json_decref(members);
        return -1;
    }
    struct wait w = { .left = json_object(), .last = json_object(), .there = there };
    bt_live_init(&w.live);
    int rc = watch(&c, op, members, detach, &w, err);
    *failed = w.failed;
    bt_live_release(&w.live);
    json_decref(w.left);
    if (moved)
        *moved = w.last;
    else
        json_decref(w.last);
    bt_wire_client_release(&c);
    return rc;
}

int bt_live_moved(const char *kind, json_t *moved, bool failed, bool json)
{
    json_t *list = json_array(), *in;
    const char *id;
    json_object_foreach(moved, id, in)
        json_array_append(list, in);
    json_decref(moved);
    if (json)
        bt_cmd_json(kind, json_pack("{s:b, s:O}", "ok", !failed, "instances", list));
    json_decref(list);
    return failed ? 1 : 0;
}

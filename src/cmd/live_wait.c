/* live_wait.c - ask the daemon to move some instances, and wait until they are where they were to go. */
#include "cmd/cmd.h"
#include "cmd/live.h"

/* left: ids that are not there yet; last: their reports */
struct wait { struct bt_live live; json_t *left, *last; const char *const *there; bool detach, failed; };

static bool is_one_of(const char *state, const char *const *list)
{
    for (; *list; list++)
        if (!strcmp(state, *list))
            return true;
    return false;
}

static void look(struct wait *w, const json_t *in)
{
    const char *id = bt_live_str(in, "id"), *state = bt_live_str(in, "state");
    if (!json_object_get(w->left, id))
        return;
    json_object_set_new(w->last, id, json_deep_copy(in));
    bool there = is_one_of(state, w->there);
    bool back = !there && (!strcmp(state, "failed") || !strcmp(state, "down") || !strcmp(state, "ready"));
    w->failed |= back;
    if (there || back)
        json_object_del(w->left, id);
}

static void on_answer(void *ctx, const json_t *answer)
{
    struct wait *w = ctx;
    size_t i;
    json_t *v;
    json_array_foreach(json_object_get(answer, "instances"), i, v)
        if (!json_object_get(w->last, json_string_value(v))) {
            json_object_set_new(w->left, json_string_value(v), json_true());
            json_object_set_new(w->last, json_string_value(v), json_pack("{s:O}", "id", v));     /* until it is reported */
        }
}

static void on_event(void *ctx, const json_t *ev)
{
    struct wait *w = ctx;
    bt_live_event(&w->live, ev);
    if (!strcmp(bt_live_str(ev, "event"), "gone")) {
        w->failed = true;
        json_object_clear(w->left);
    }
    look(w, json_object_get(ev, "instance"));
}

static void on_state(void *ctx, const json_t *state)
{
    size_t i;
    json_t *in;
    json_array_foreach(json_object_get(state, "instances"), i, in)
        look(ctx, in);
}

static bool over(void *ctx)
{
    const struct wait *w = ctx;
    return w->detach || !json_object_size(w->left);
}

int bt_live_move(const char *op, json_t *members, const char *const *there, bool detach, bool *failed, json_t **moved, struct bt_err *err)
{
    if (moved)
        *moved = NULL;
    if (bt_live_something_up(err) < 0) {
        json_decref(members);
        return -1;
    }
    struct wait w = { .left = json_object(), .last = json_object(), .there = there, .detach = detach };
    struct bt_talk t = { .op = op, .members = members, .ctx = &w, .on_answer = on_answer, .on_event = on_event, .on_state = on_state, .over = over };
    bt_live_init(&w.live);
    int rc = bt_live_talk(&t, err);
    *failed = w.failed;
    bt_live_release(&w.live);
    json_decref(w.left);
    if (moved && rc == 0)
        *moved = w.last;
    else
        json_decref(w.last);
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

/* restart.c - `berth restart`: one instance or workload anew, by its plan. */
#include <stdio.h>

#include "cmd/cmd.h"
#include "cmd/live.h"

struct args { const char *project; bool detach; };

static const struct bt_opt opts[] = {
    { .name = "project", .alias = "p", .type = BT_OPT_STR, .off = offsetof(struct args, project), .metavar = "NAME",
      .help = "of this project (default: the one that is up)" },
    { .name = "detach", .alias = "d", .type = BT_OPT_BOOL, .off = offsetof(struct args, detach), .help = "do not wait until it is ready" },
    { 0 },
};

struct wait { struct bt_live live; json_t *left; bool failed; };      /* left: ids that are not there yet */

static void on_event(struct wait *w, const json_t *ev)
{
    const json_t *in = json_object_get(ev, "instance");
    const char *id = json_string_value(json_object_get(in, "id")), *state = json_string_value(json_object_get(in, "state"));
    const char *name = json_string_value(json_object_get(ev, "event"));
    bt_live_event(&w->live, ev);
    if (name && !strcmp(name, "gone")) {
        w->failed = true;
        json_object_clear(w->left);
    }
    if (!id || !state || !json_object_get(w->left, id))
        return;
    bool bad = !strcmp(state, "failed") || !strcmp(state, "down");
    w->failed |= bad;
    if (bad || !strcmp(state, "ready") || !strcmp(state, "running") || !strcmp(state, "done"))
        json_object_del(w->left, id);
}

static int watch(struct bt_wire_client *c, const char *project, const char *what, const struct args *o, struct wait *w, struct bt_err *err)
{
    uint64_t id;
    json_t *members = bt_live_project(project);
    json_object_set_new(members, "what", json_string(what));
    if (bt_wire_send(c, "restart", members, &id, err) < 0)
        return -1;
    for (bool answered = false; !answered || (json_object_size(w->left) && !o->detach);) {
        json_t *msg = bt_wire_next(c, -1, err), *v;
        size_t i;
        if (!msg)
            return -1;
        int is = bt_wire_is_answer(msg, id, err);
        if (is > 0) {
            answered = true;
            json_array_foreach(json_object_get(msg, "instances"), i, v)
                json_object_set_new(w->left, json_string_value(v), json_true());
        } else if (is == 0)
            on_event(w, msg);
        json_decref(msg);
        if (is < 0)
            return -1;
    }
    return 0;
}

static int run(const struct bt_verb *v, int argc, char **argv)
{
    bt_auto_arena a = { 0 };
    struct args o = { 0 };
    struct bt_strs rest = { 0 };
    struct bt_err err = { 0 };
    struct bt_wire_client c;
    int rc = bt_cmd_parse(v, &a, argc, argv, &o, &rest, NULL);
    if (rc)
        return rc;
    if (rest.n != 1)
        return bt_cmd_usage(v, false, "name one instance or workload");
    if (bt_live_something_up(&err) < 0 || bt_run_connect(&c, &err) < 0)
        return bt_cmd_fail(v, &err, false);
    struct wait w = { .left = json_object() };
    bt_live_init(&w.live);
    if (watch(&c, o.project, rest.v[0], &o, &w, &err) < 0)
        rc = bt_cmd_fail(v, &err, false);
    else
        rc = w.failed ? 1 : 0;
    bt_live_release(&w.live);
    json_decref(w.left);
    bt_wire_client_release(&c);
    return rc;
}

const struct bt_verb bt_verb_restart = {
    .name = "restart", .summary = "stop one instance or workload and start it anew",
    .usage = "berth restart INSTANCE|WORKLOAD [-p PROJECT] [-d]", .opts = opts, .run = run,
    .example = "  berth restart llm-0",
};

/* phase.c - `berth phase`: which phase a project is in; or on to one, by hand. */
#include <stdio.h>

#include "cmd/cmd.h"
#include "cmd/live.h"

struct args { const char *project; bool detach, json; };

static const struct bt_opt opts[] = {
    { .name = "project", .alias = "p", .type = BT_OPT_STR, .off = offsetof(struct args, project), .metavar = "NAME",
      .help = "of this project (default: the one that is up)" },
    { .name = "detach", .alias = "d", .type = BT_OPT_BOOL, .off = offsetof(struct args, detach), .help = "do not wait until the phase is up" },
    { .name = "json", .type = BT_OPT_BOOL, .off = offsetof(struct args, json), .help = "one JSON object (docs/reference/json.md)" },
    { 0 },
};

struct wait { struct bt_live live; const char *to; bool over, failed, entered; };

static void on_event(struct wait *w, const json_t *ev)
{
    const char *name = bt_live_str(ev, "event");
    bt_live_event(&w->live, ev);
    w->failed |= !strcmp(name, "gone") || !strcmp(name, "up-failed");
    w->entered |= !strcmp(name, "phase") && !strcmp(bt_live_str(ev, "what"), "entering") && !strcmp(bt_live_str(ev, "phase"), w->to);
    w->over |= w->failed || !strcmp(name, "up");
}

/* The answer (a new reference), when all of the phase is up or it failed. */
static json_t *go(struct bt_wire_client *c, const char *name, const struct args *o, struct wait *w, struct bt_err *err)
{
    uint64_t id;
    json_t *members = bt_live_project(o->project), *answer = NULL;
    json_object_set_new(members, "phase", json_string(name));
    if (bt_wire_send(c, "phase", members, &id, err) < 0)
        return NULL;
    while (!answer || (!o->detach && !w->over)) {
        json_t *msg = bt_wire_next(c, -1, err);
        int is = msg ? bt_wire_is_answer(msg, id, err) : -1;
        if (is > 0) {
            answer = json_incref(msg);
            w->over |= json_is_true(json_object_get(msg, "settled"));        /* it is there already */
        } else if (is == 0)
            on_event(w, msg);
        json_decref(msg);
        if (is < 0) {
            json_decref(answer);
            return NULL;
        }
    }
    return answer;
}

static void print_phases(const json_t *answer)
{
    size_t i;
    json_t *v;
    const char *now = bt_live_str(answer, "phase"), *to = bt_live_str(answer, "to");
    json_array_foreach(json_object_get(answer, "phases"), i, v) {
        const char *name = json_string_value(v);
        printf("%s %zu  %s%s\n", !strcmp(name, now) ? "*" : " ", i + 1, name, !strcmp(name, to) ? "   (on the way)" : "");
    }
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
    if (rest.n > 1)
        return bt_cmd_usage(v, o.json, "name one phase, or none to see them");
    if (bt_live_something_up(&err) < 0)
        return bt_cmd_fail(v, &err, o.json);
    struct wait w = { .to = rest.n ? rest.v[0] : "" };
    json_t *answer = NULL;
    bt_live_init(&w.live);
    for (int tries = 0; rest.n && !answer && tries < 5 && bt_run_connect(&c, &err) == 0; tries++) {
        answer = go(&c, rest.v[0], &o, &w, &err);    /* a daemon that is killed under us had begun: the next one goes on, and is asked again */
        bt_wire_client_release(&c);
        if (!answer && err.code != BT_E_NOT_FOUND)
            break;
    }
    if (!rest.n)
        answer = bt_live_ask("phase", o.project, &err);
    bt_live_release(&w.live);
    if (answer && w.over && !w.failed) {             /* where it is now, not where it was when it was asked to go */
        json_decref(answer);
        answer = bt_live_ask("phase", o.project, &err);
    }
    if (answer && w.over && !w.failed && !w.entered && strcmp(bt_live_str(answer, "phase"), w.to) != 0) {
        bt_err_set(&err, BT_E_STATE, 0, "go to phase %.60s: another request sent %s to phase %s meanwhile", w.to, bt_live_str(answer, "project"),
                   bt_live_str(answer, "phase"));
        json_decref(answer);
        answer = NULL;
    }
    if (!answer)
        return bt_cmd_fail(v, &err, o.json);
    if (o.json) {
        static const char *const request[] = { "id", "ok", "settled" };
        for (size_t i = 0; i < BT_LEN(request); i++)
            json_object_del(answer, request[i]);
        bt_cmd_json("phase", answer);
        return w.failed ? 1 : 0;
    }
    if (!rest.n)
        print_phases(answer);
    else if (!w.failed)
        printf("%s is %s phase %s\n", bt_live_str(answer, "project"), o.detach ? "on its way to" : "in", rest.v[0]);
    json_decref(answer);
    return w.failed ? 1 : 0;
}

const struct bt_verb bt_verb_phase = {
    .name = "phase", .summary = "which phase a project is in; or go to one", .usage = "berth phase [PHASE] [-p PROJECT] [-d] [--json]", .opts = opts,
    .run = run, .example = "  berth phase             the phases, and where it is\n  berth phase extract     stop what has no use there, start the rest",
};

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

struct wait { struct bt_live live; const char *to; json_t *answer; bool detach, settled, failed, entered; };

static void on_answer(void *ctx, const json_t *answer)
{
    struct wait *w = ctx;
    json_decref(w->answer);
    w->answer = json_deep_copy(answer);
    w->settled |= json_is_true(json_object_get(answer, "settled"));  /* it is there already */
}

static void on_event(void *ctx, const json_t *ev)
{
    struct wait *w = ctx;
    const char *name = bt_live_str(ev, "event");
    bt_live_event(&w->live, ev);
    w->failed |= !strcmp(name, "gone") || !strcmp(name, "up-failed");
    w->entered |= !strcmp(name, "phase") && !strcmp(bt_live_str(ev, "what"), "entering") && !strcmp(bt_live_str(ev, "phase"), w->to);
    w->settled |= !strcmp(name, "up");
}

static void on_state(void *ctx, const json_t *state)
{
    struct wait *w = ctx;
    w->settled |= json_is_true(json_object_get(state, "settled"));
}

static bool over(void *ctx)
{
    const struct wait *w = ctx;
    return w->detach || w->settled || w->failed;
}

/* The answer (a new reference), when all of the phase is up or it failed. */
static json_t *go(struct wait *w, const struct args *o, struct bt_err *err)
{
    json_t *members = bt_live_project(o->project);
    json_object_set_new(members, "phase", json_string(w->to));
    w->detach = o->detach;
    struct bt_talk t = { .op = "phase", .members = members, .ctx = w, .on_answer = on_answer, .on_event = on_event, .on_state = on_state, .over = over };
    if (bt_live_talk(&t, err) == 0)
        return w->answer;
    json_decref(w->answer);
    return NULL;
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
    int rc = bt_cmd_parse(v, &a, argc, argv, &o, &rest, NULL);
    if (rc)
        return rc;
    if (rest.n > 1)
        return bt_cmd_usage(v, o.json, "name one phase, or none to see them");
    if (bt_live_something_up(&err) < 0)
        return bt_cmd_fail(v, &err, o.json);
    struct wait w = { .to = rest.n ? rest.v[0] : "" };
    bt_live_init(&w.live);
    json_t *answer = rest.n ? go(&w, &o, &err) : bt_live_ask("phase", o.project, &err);
    bt_live_release(&w.live);
    if (answer && w.settled && !w.failed) {          /* where it is now, not where it was when it was asked to go */
        json_decref(answer);
        answer = bt_live_ask("phase", o.project, &err);
    }
    if (answer && w.settled && !w.failed && !w.entered && strcmp(bt_live_str(answer, "phase"), w.to) != 0) {
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

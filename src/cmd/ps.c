/* ps.c - `berth ps`: what runs, where, with which bytes. */
#include <stdio.h>

#include "cmd/cmd.h"
#include "cmd/live.h"

struct args { bool json; };

static const struct bt_opt opts[] = {
    { .name = "json", .type = BT_OPT_BOOL, .off = offsetof(struct args, json), .help = "one JSON object (docs/reference/json.md)" },
    { 0 },
};

static json_t *ask(const char *project, struct bt_err *err)
{
    struct bt_wire_client c;
    if (!project && !bt_run_anything())              /* nothing is up: no daemon is started to say so */
        return json_pack("{s:n, s:n, s:[]}", "project", "phase", "instances");
    if (bt_run_connect(&c, err) < 0)
        return NULL;
    json_t *answer = bt_wire_call(&c, "ps", bt_live_project(project), NULL, NULL, err);
    bt_wire_client_release(&c);
    if (answer) {
        json_object_del(answer, "id");
        json_object_del(answer, "ok");
    }
    return answer;
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
    if (rest.n > 1) {
        bt_err_set(&err, BT_E_USAGE, 0, "one project, or none for all");
        bt_err_hint(&err, "%s", v->usage);
        return bt_cmd_fail(v, &err, o.json);
    }
    json_t *ps = ask(rest.n ? rest.v[0] : NULL, &err);
    if (!ps)
        return bt_cmd_fail(v, &err, o.json);
    if (o.json) {
        bt_cmd_json("ps", ps);
        return 0;
    }
    bt_auto_buf struct bt_buf b = BT_BUF(4 * MiB);
    if (json_array_size(json_object_get(ps, "instances")))
        bt_live_table(&a, ps, bt_style_of(stdout), &b);
    else
        bt_buf_puts(&b, "nothing is up\n");
    bt_cmd_print(&b);
    json_decref(ps);
    return 0;
}

const struct bt_verb bt_verb_ps = {
    .name = "ps", .summary = "what runs, where, with which bytes", .usage = "berth ps [PROJECT] [--json]", .opts = opts, .run = run, .example = "  berth ps",
};

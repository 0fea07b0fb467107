/* ps.c - `berth ps`: what runs, where, with which bytes. */
#include <stdio.h>

#include "cmd/cmd.h"
#include "cmd/live.h"

struct args { bool json; };

static const struct bt_opt opts[] = {
    { .name = "json", .type = BT_OPT_BOOL, .off = offsetof(struct args, json), .help = "one JSON object (docs/reference/json.md)" },
    { 0 },
};

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
        return bt_cmd_usage(v, o.json, "one project, or none for all");
    json_t *ps = bt_live_ps(rest.n ? rest.v[0] : NULL, &err);
    if (!ps)
        return bt_cmd_fail(v, &err, o.json);
    json_object_del(ps, "id");       /* of the request */
    json_object_del(ps, "ok");
    const json_t *lost = json_object_get(ps, "unreadable"), *row;
    size_t i;
    int status = json_array_size(lost) ? 1 : 0;
    if (o.json) {
        bt_cmd_json("ps", ps);
        return status;
    }
    json_array_foreach((json_t *)lost, i, row)
        fprintf(stderr, "berth ps: project %s was up and cannot be taken up again: %s\n"
                "  try: what it had started runs on: `berth doctor --fix` ends that and forgets it\n",
                bt_live_str(row, "project"), bt_live_str(row, "why"));
    bt_auto_buf struct bt_buf b = BT_BUF(4 * MiB);
    if (json_array_size(json_object_get(ps, "instances")))
        bt_live_table(&a, ps, bt_style_of(stdout), &b);
    else if (!status)
        bt_buf_puts(&b, "nothing is up\n");
    bt_cmd_print(&b);
    json_decref(ps);
    return status;
}

const struct bt_verb bt_verb_ps = {
    .name = "ps", .summary = "what runs, where, with which bytes", .usage = "berth ps [PROJECT] [--json]", .opts = opts, .run = run,
    .example = "  berth ps",
};

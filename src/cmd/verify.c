/* verify.c - `berth verify`: the bytes the driver shows against the bytes that were planned. */
#include <stdio.h>

#include "base/units.h"
#include "cmd/cmd.h"
#include "cmd/live.h"

struct args { bool json; };

static const struct bt_opt opts[] = {
    { .name = "json", .type = BT_OPT_BOOL, .off = offsetof(struct args, json), .help = "one JSON object (docs/reference/json.md)" },
    { 0 },
};

static uint64_t number(const json_t *o, const char *key)
{
    return (uint64_t)json_integer_value(json_object_get(o, key));
}

static const char *pids_text(struct bt_arena *a, const json_t *pids)
{
    bt_auto_buf struct bt_buf b = BT_BUF(4096);
    size_t i;
    json_t *p;
    json_array_foreach(pids, i, p)
        bt_buf_printf(&b, "%s%lld", i ? " " : "", (long long)json_integer_value(p));
    return bt_arena_strdup(a, bt_buf_z(&b));
}

static void add_row(struct bt_arena *a, struct bt_table *t, const json_t *r)
{
    const char *v = json_string_value(json_object_get(r, "verdict"));
    bool in_plan = json_is_true(json_object_get(r, "in_plan"));
    const json_t *index = json_object_get(r, "index");               /* none: a row of the host's RAM */
    bt_table_row(t, json_string_value(json_object_get(r, "instance")),
                 index ? bt_arena_printf(a, "%lld", (long long)json_integer_value(index)) : "RAM",
                 in_plan || !index ? bt_arena_strdup(a, bt_bytes_human(number(r, "planned_bytes"))) : "none",
                 json_is_null(json_object_get(r, "actual_bytes")) ? "?" : bt_arena_strdup(a, bt_bytes_human(number(r, "actual_bytes"))), v,
                 pids_text(a, json_object_get(r, "pids")), NULL);
}

static void print_table(struct bt_arena *a, const json_t *answer)
{
    static const char *const heads[] = { "instance", ">GPU", ">planned", ">actual", "verdict", "pids", NULL };
    bt_auto_buf struct bt_buf b = BT_BUF(4 * MiB);
    const json_t *rows = json_object_get(answer, "rows"), *foreign = json_object_get(answer, "foreign");
    uint64_t planned = 0, actual = 0, over = 0, unknown = 0;
    size_t i;
    json_t *r, *all = json_copy((json_t *)rows);
    struct bt_table *t = bt_table_new(a, heads);
    json_array_extend(all, json_object_get(answer, "host"));
    rows = all;
    json_array_foreach(rows, i, r) {
        const char *v = json_string_value(json_object_get(r, "verdict"));
        add_row(a, t, r);
        planned += number(r, "planned_bytes");
        actual += number(r, "actual_bytes");
        over += v && (!strcmp(v, "over") || !strcmp(v, "misplaced") || !strcmp(v, "gone"));
        unknown += v && !strcmp(v, "unattributable");
    }
    if (json_array_size(rows)) {
        bt_table_rule(t);
        bt_table_row(t, "total", "", bt_arena_strdup(a, bt_bytes_human(planned)), bt_arena_strdup(a, bt_bytes_human(actual)), NULL);
        bt_table_print(t, bt_style_of(stdout), &b);
    } else
        bt_buf_puts(&b, "no instance of this project was given a card, or RAM\n");
    json_array_foreach(foreign, i, r) {
        bt_buf_printf(&b, "foreign on GPU %lld: pid %lld, %s, ", (long long)number(r, "index"), (long long)number(r, "pid"),
                      json_is_integer(json_object_get(r, "bytes")) ? bt_bytes_human(number(r, "bytes")) : "bytes unknown");
        bt_buf_add_escaped(&b, bt_str(json_string_value(json_object_get(r, "command"))));
        bt_buf_puts(&b, "\n");
    }
    json_array_foreach(json_object_get(answer, "not_at_work"), i, r) {
        bt_buf_printf(&b, "not at work: %s, %s", bt_live_str(r, "instance"), bt_live_str(r, "state"));
        bt_buf_puts(&b, bt_live_str(r, "why")[0] ? ": " : "");
        bt_buf_add_escaped(&b, bt_str(bt_live_str(r, "why")));
        bt_buf_puts(&b, "\n");
    }
    if (unknown)
        bt_buf_printf(&b, "%llu not attributable: the driver does not say which process holds what\n", (unsigned long long)unknown);
    if (over)
        bt_buf_printf(&b, "drift: %llu of %zu hold more than planned, are on a card that the plan did not give them, or have lost theirs\n",
                      (unsigned long long)over, json_array_size(rows));
    else if (unknown < json_array_size(rows))
        bt_buf_printf(&b, "ok: every process%s is on its own cards and inside its bytes\n", unknown ? " that could be judged" : "");
    const json_t *host = json_object_get(answer, "host");
    size_t held = 0;
    for (size_t k = 0; k < json_array_size(host); k++)
        held += json_is_true(json_object_get(json_array_get(host, k), "enforced"));
    if (json_array_size(host))
        bt_buf_puts(&b, held == json_array_size(host) ? "RAM is enforced (memory.max)\n" : "RAM is watched, not enforced\n");
    bt_cmd_print(&b);
    json_decref(all);
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
        return bt_cmd_usage(v, o.json, "one project at a time");
    json_t *whole = bt_live_something_up(&err) < 0 ? NULL : bt_live_ask("verify", rest.n ? rest.v[0] : NULL, &err);
    if (!whole)
        return bt_cmd_fail(v, &err, o.json);
    json_t *answer = json_incref(json_object_get(whole, "verify"));
    json_decref(whole);
    rc = json_is_true(json_object_get(answer, "ok")) ? 0 : 4;
    if (o.json) {
        bt_cmd_json("verify", answer);
        return rc;
    }
    print_table(&a, answer);
    json_decref(answer);
    return rc;
}

const struct bt_verb bt_verb_verify = {
    .name = "verify", .summary = "planned against actual bytes; exit 4 when they drift", .usage = "berth verify [PROJECT] [--json]",
    .opts = opts, .run = run,
    .example = "  berth verify",
};

/* events.c - `berth events`: what changed, from the journal, and then as it comes. */
#include <stdio.h>
#include <time.h>

#include "base/json.h"
#include "cmd/cmd.h"
#include "cmd/live.h"
#include "store/store.h"

enum { PAGE = 1000 };

struct args { uint64_t since; bool follow, json, since_set; };

static const struct bt_opt opts[] = {
    { .name = "follow", .alias = "f", .type = BT_OPT_BOOL, .off = offsetof(struct args, follow), .help = "go on with what happens" },
    { .name = "since", .type = BT_OPT_U64, .off = offsetof(struct args, since), .set_off = offsetof(struct args, since_set), .max = 1e18, .metavar = "SEQ",
      .help = "those after this number (default: the last 50)" },
    { .name = "json", .type = BT_OPT_BOOL, .off = offsetof(struct args, json), .help = "one JSON object a line (docs/reference/json.md)" },
    { 0 },
};

struct events { const struct args *o; const char *project; int64_t seq; bool told; };         /* told: that the journal cannot be read */

static void print_clock(double wall_s)
{
    char text[32];
    time_t t = (time_t)wall_s;
    struct tm tm;
    localtime_r(&t, &tm);
    strftime(text, sizeof text, "%m-%d %H:%M:%S", &tm);
    printf("%s  ", text);
}

static void print_text(const char *z)
{
    bt_auto_buf struct bt_buf b = BT_BUF(64 * KiB);
    bt_buf_add_escaped(&b, bt_str(z));
    fputs(bt_buf_z(&b), stdout);
}

static void print_person(const json_t *ev)
{
    const json_t *in = json_object_get(ev, "instance");
    const char *name = bt_live_str(ev, "event"), *project = bt_live_str(ev, "project");
    print_clock(json_number_value(json_object_get(ev, "wall_s")));
    if (in) {
        const char *why = bt_live_str(in, "why"), *task = bt_live_str(json_object_get(in, "task"), "name");
        printf("%s/%s  %s -> %s", project, bt_live_str(in, "id"), bt_live_str(ev, "from"), bt_live_str(in, "state"));
        printf(why[0] || task[0] ? "  " : "");
        print_text(why[0] ? why : task);
    } else if (!strcmp(name, "phase"))
        printf("%s  %s phase %s", project, bt_live_str(ev, "what"), bt_live_str(ev, "phase"));
    else if (!strcmp(name, "failed")) {
        printf("%s/%s  failed: ", project, bt_live_str(ev, "id"));
        print_text(bt_live_str(ev, "message"));
    } else {
        const char *text = bt_live_str(ev, "text");
        printf("%s%s%s  %s%s", project, bt_live_str(ev, "id")[0] ? "/" : "", bt_live_str(ev, "id"), name, text[0] ? ": " : "");
        print_text(text);
    }
    putchar('\n');
}

static void show(struct events *e, json_t *ev)
{
    const char *project = bt_live_str(ev, "project");
    int64_t seq = json_integer_value(json_object_get(ev, "seq"));
    if (seq <= e->seq || (e->project && strcmp(e->project, project)))
        return;                      /* in the journal already, or another project's */
    e->seq = seq;
    if (!e->o->json)
        print_person(ev);
    else {
        json_object_set_new(ev, "schema", json_integer(1));
        json_object_set_new(ev, "kind", json_string("event"));
        char *line = json_dumps(ev, JSON_COMPACT);
        puts(line ? line : "{}");
        free(line);
    }
    fflush(stdout);
}

static void show_row(struct events *e, const struct bt_store_event *row)
{
    struct bt_err ignored = { 0 };
    json_t *ev = bt_json_load(bt_str(row->body), 16 * MiB, "event", &ignored);
    if (!ev)
        return;
    json_object_set_new(ev, "seq", json_integer(row->seq));
    json_object_set_new(ev, "wall_s", json_real((double)row->wall_ms / 1000));
    json_object_set_new(ev, "mono_s", json_real((double)row->mono_ms / 1000));
    json_object_set_new(ev, "boot", json_string(row->boot));
    show(e, ev);
    json_decref(ev);
}

/* The whole journal after e->seq, page by page; of one that is asked for without a number the last 50. */
static int history(struct events *e, struct bt_err *err)
{
    enum { LAST = 50 };
    bt_auto_arena a = { 0 };
    struct bt_store *s;
    if (bt_store_open(bt_store_path(&a), false, &s, err) < 0)
        return -1;
    struct bt_store_event *row, *last = NULL;
    size_t n = 1, nlast = 0;
    bool all = e->o->since_set || e->seq;            /* between two daemons nothing may fall out */
    int rc = 0;
    for (int64_t from = e->seq; s && n && rc == 0;) {
        rc = bt_store_events(s, &a, e->project, from, PAGE, &row, &n, err);
        if (rc == 0 && n)
            from = row[n - 1].seq;
        for (size_t i = 0; rc == 0 && all && i < n; i++)
            show_row(e, &row[i]);
        for (size_t i = 0; rc == 0 && !all && i < n; i++)
            BT_PUSH(&a, last, nlast, row[i]);
    }
    for (size_t i = nlast > LAST ? nlast - LAST : 0; i < nlast; i++)
        show_row(e, &last[i]);
    bt_store_close(s);
    return rc;
}

/* The daemon numbers on from a smaller one: the journal was moved away, or made anew. Waiting for ours would be for ever. */
static void look_number(struct events *e, const json_t *answer)
{
    int64_t last = json_integer_value(json_object_get(answer, "seq"));
    if (last >= e->seq)
        return;
    fprintf(stderr, "berth events: the journal is another one: its numbers go on from %lld, not from %lld\n", (long long)last, (long long)e->seq);
    e->seq = last;
}

/* What has been is shown where it can be read; what comes is shown in any case. */
static void catch_up(struct events *e)
{
    struct bt_err err = { 0 };
    if (history(e, &err) < 0 && !e->told)
        fprintf(stderr, "berth events: %s; what happens from now on is shown nevertheless\n", err.msg);
    e->told |= err.code != 0;
}

static int follow(struct events *e, struct bt_err *err)
{
    struct bt_wire_client c;
    uint64_t id;
    if (bt_run_connect(&c, err) < 0)
        return -1;
    int rc = bt_wire_send(&c, "watch", json_object(), &id, err);
    for (json_t *msg; rc == 0 && (msg = bt_wire_next(&c, -1, err));) {
        int is = bt_wire_is_answer(msg, id, err);
        if (is > 0) {
            look_number(e, msg);
            catch_up(e);             /* after we listen: nothing falls between */
        } else if (is == 0 && json_object_get(msg, "event"))
            show(e, msg);
        rc = is < 0 ? -1 : 0;
        json_decref(msg);
    }
    bt_wire_client_release(&c);
    return rc < 0 && err->code != BT_E_NOT_FOUND ? -1 : 0;           /* it has ended: nothing is up any more, or another one will answer */
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
        return bt_cmd_usage(v, o.json, "one project, or none for all");
    struct events e = { .o = &o, .project = rest.n ? rest.v[0] : NULL, .seq = o.since_set ? (int64_t)o.since : 0 };
    if (!o.follow || !bt_run_anything())
        rc = history(&e, &err);
    else
        catch_up(&e);
    if (rc == 0 && e.project && !o.follow && !o.since_set && !e.seq)         /* none is an answer, and a misspelt name would look like it */
        fprintf(stderr, "berth events: no event of project %.60s is in the journal\n", e.project);
    while (rc == 0 && o.follow && bt_run_anything())                 /* a daemon that is killed is followed by another */
        rc = follow(&e, &err);
    return rc < 0 ? bt_cmd_fail(v, &err, o.json) : 0;
}

const struct bt_verb bt_verb_events = {
    .name = "events", .summary = "what changed, and what changes", .usage = "berth events [PROJECT] [-f] [--since SEQ] [--json]", .opts = opts, .run = run,
    .example = "  berth events -f              the last 50, then each as it comes\n  berth events --json --since 120",
};

/* live.c - the daemon's events and answers, for people. */
#include "cmd/live.h"

#include <errno.h>
#include <stdio.h>
#include <time.h>

#include "base/proc.h"
#include "base/units.h"

/* ---- asking ---- */

json_t *bt_live_project(const char *name)
{
    return name ? json_pack("{s:s}", "project", name) : json_object();
}

int bt_live_something_up(struct bt_err *err)
{
    return bt_run_anything() ? 0 : bt_err_set(err, BT_E_STATE, 0, "nothing is up");
}

/* One that was stopped, or hangs on its disk, keeps its socket: whoever asks would wait and not know for whom. */
static void tell_silence(void)
{
    fputs("  note: the daemon does not answer; waiting on. `berth doctor` looks at it\n", stderr);
}

json_t *bt_live_ask(const char *op, const char *project, struct bt_err *err)
{
    enum { SILENCE_MS = 5000 };      /* a driver that hangs is waited for three seconds */
    for (int tries = 0;; tries++) {
        struct bt_wire_client c;
        if (bt_run_connect(&c, err) < 0)
            return NULL;
        c.on_silence = tell_silence;
        c.silence_ms = SILENCE_MS;
        json_t *answer = bt_wire_call(&c, op, bt_live_project(project), NULL, NULL, err);
        bt_wire_client_release(&c);
        if (answer || err->code != BT_E_NOT_FOUND || tries == 5)
            return answer;
    }
}

json_t *bt_live_ps(const char *project, struct bt_err *err)
{
    if (!project && !bt_run_anything())
        return json_pack("{s:n, s:n, s:[]}", "project", "phase", "instances");
    return bt_live_ask("ps", project, err);
}

void bt_live_wait_end(struct bt_wire_client *c, int silent_ms)
{
    struct bt_err err = { 0 };
    for (;;) {
        json_t *msg = bt_wire_next(c, silent_ms, &err);
        if (!msg && !(err.code == BT_E_STATE && err.sys == EINTR))   /* one more Ctrl-C does not shorten what takes a moment */
            return;
        json_decref(msg);
    }
}

const char *bt_live_str(const json_t *o, const char *key)
{
    const char *s = json_string_value(json_object_get(o, key));
    return s ? s : "";
}

bool bt_live_over(const json_t *instance)
{
    const char *state = bt_live_str(instance, "state");
    return !strcmp(state, "done") || !strcmp(state, "failed") || !strcmp(state, "down");
}

bool bt_live_named(const json_t *instance, const char *what)
{
    return !strcmp(bt_live_str(instance, "id"), what) || !strcmp(bt_live_str(instance, "workload"), what);
}

/* ---- events ---- */

void bt_live_init(struct bt_live *l)
{
    *l = (struct bt_live){ .tty = isatty(STDERR_FILENO), .last = json_object(), .said = json_object() };
}

void bt_live_release(struct bt_live *l)
{
    if (l->open_line)
        fputc('\n', stderr);
    l->open_line = false;
    json_decref(l->last);
    json_decref(l->said);
    l->last = l->said = NULL;
}

static void end_line(struct bt_live *l)
{
    if (l->open_line)
        fputc('\n', stderr);
    l->open_line = false;
}

static void print_escaped(const char *text)
{
    bt_auto_buf struct bt_buf b = BT_BUF(64 * KiB);
    bt_buf_add_escaped(&b, bt_str(text));
    fputs(bt_buf_z(&b), stderr);
}

/* "loading weights 40 %", "downloading 20 %  3.0 GiB of 15.0 GiB, 110 MiB/s, 1 m 50 s left" */
static void add_progress(const json_t *p, struct bt_buf *b)
{
    const json_t *percent = json_object_get(p, "percent"), *bytes = json_object_get(p, "bytes"), *of = json_object_get(p, "of_bytes");
    const json_t *rate = json_object_get(p, "bytes_per_s"), *left = json_object_get(p, "seconds_left");
    bt_buf_add_escaped(b, bt_str(bt_live_str(p, "step")));
    if (json_is_integer(percent))
        bt_buf_printf(b, " %lld %%", (long long)json_integer_value(percent));
    if (json_is_integer(bytes))
        bt_buf_printf(b, "  %s", bt_bytes_human((uint64_t)json_integer_value(bytes)));
    if (json_is_integer(of))
        bt_buf_printf(b, " of %s", bt_bytes_human((uint64_t)json_integer_value(of)));
    if (json_is_integer(rate))
        bt_buf_printf(b, ", %s/s", bt_bytes_human((uint64_t)json_integer_value(rate)));
    if (json_is_number(left))
        bt_buf_printf(b, ", %s left", bt_duration_human(json_number_value(left)));
}

/* Why it is as it is, once: not again when it goes on from there, and not before the event that tells a failure in full. */
static const char *news(struct bt_live *l, const char *id, const char *state, const char *why)
{
    const char *said = bt_live_str(l->said, id);
    bool again = !strcmp(said, why), final = !strcmp(state, "failed") || !strcmp(state, "down") || !strcmp(state, "done");
    json_object_set_new(l->said, id, json_string(why));
    return again || final ? "" : why;
}

static bool news_of_task(const char *state)
{
    return !strcmp(state, "starting") || !strcmp(state, "running");
}

static void inst_event(struct bt_live *l, const json_t *in)
{
    const json_t *progress = json_object_get(in, "progress"), *percent = json_object_get(progress, "percent");
    const char *id = bt_live_str(in, "id"), *why = bt_live_str(in, "why"), *step = bt_live_str(progress, "step");
    bt_auto_buf struct bt_buf key = BT_BUF(4096);
    int quarter = json_is_integer(percent) && !l->tty ? (int)json_integer_value(percent) / 25 : 0;
    const json_t *task = json_object_get(in, "task");
    const char *doing = news_of_task(bt_live_str(in, "state")) ? bt_live_str(task, "name") : "";
    bt_buf_printf(&key, "%s %s %s %s %d", bt_live_str(in, "state"), doing, step, why, quarter);
    if (l->quiet && !why[0])
        return;
    bool same = !strcmp(bt_live_str(l->last, id), bt_buf_z(&key));
    if (same && !l->tty)
        return;                      /* into a file: a line a step and a quarter of it, not a line a percent */
    if (!same || !l->open_line)
        end_line(l);
    json_object_set_new(l->last, id, json_string(bt_buf_z(&key)));
    const char *url = strcmp(bt_live_str(in, "state"), "ready") ? "" : bt_live_str(json_object_get(in, "endpoint"), "http");
    const char *reason = news(l, id, bt_live_str(in, "state"), why), *text = step[0] ? step : reason[0] ? reason : doing[0] ? doing : url;
    fprintf(stderr, "%s  %-14s ", same && l->open_line ? "\r" : "", id);
    fprintf(stderr, text[0] ? "%-11s " : "%s", bt_live_str(in, "state"));
    bt_auto_buf struct bt_buf shown = BT_BUF(4096);
    if (step[0])
        add_progress(progress, &shown);
    if (step[0])
        fputs(bt_buf_z(&shown), stderr);
    else
        print_escaped(text);
    if (l->tty && step[0]) {
        fputs("\033[K", stderr);     /* the line before may have been longer */
        l->open_line = true;
    } else
        fputc('\n', stderr);
    fflush(stderr);
}

/* An engine's flag alone, as the spec says it; "" where it has no such word. */
static const char *in_spec(struct bt_arena *a, const char *flags)
{
    static const struct { const char *flag, *key; } rows[] = {
        { "--max-model-len ", "context" }, { "--context-length ", "context" }, { "--ctx-size ", "context" }, { "-c ", "context" },
        { "--tensor-parallel-size ", "tp" }, { "--tp-size ", "tp" }, { "--tp ", "tp" }, { "--kv-cache-dtype ", "kv_dtype" },
    };
    for (size_t i = 0; i < BT_LEN(rows); i++) {
        const char *value = flags + strlen(rows[i].flag);
        if (bt_str_starts(bt_str(flags), rows[i].flag) && !strchr(value, ' '))
            return bt_arena_printf(a, " (in the spec: `%s: %s`)", rows[i].key, value);
    }
    return "";
}

/* What its log says of the cause, and the first ways out. */
static void print_diagnosis(const json_t *why)
{
    enum { WAYS = 2 };
    bt_auto_arena a = { 0 };
    size_t i;
    json_t *v;
    if (!json_is_object(why))
        return;
    fputs("  cause: ", stderr);
    print_escaped(bt_live_str(why, "cause"));
    fputc('\n', stderr);
    json_array_foreach(json_object_get(why, "advice"), i, v) {
        const char *flags = bt_live_str(v, "flags");
        if (i == WAYS)
            return;
        fputs("  try: ", stderr);
        print_escaped(bt_arena_printf(&a, "%s%s%s%s", flags, in_spec(&a, flags), flags[0] ? ": " : "", bt_live_str(v, "text")));
        fputc('\n', stderr);
    }
}

static void failed_event(struct bt_live *l, const json_t *ev)
{
    size_t i;
    json_t *line;
    end_line(l);
    fprintf(stderr, "  %s failed: ", bt_live_str(ev, "id"));
    print_escaped(bt_live_str(ev, "message"));
    fputc('\n', stderr);
    if (bt_live_str(ev, "hint")[0]) {
        fputs("  try: ", stderr);
        print_escaped(bt_live_str(ev, "hint"));
        fputc('\n', stderr);
    }
    print_diagnosis(json_object_get(ev, "diagnosis"));
    const json_t *lines = json_object_get(ev, "lines");
    if (json_array_size(lines))
        fprintf(stderr, "  its last lines:\n");
    json_array_foreach(lines, i, line) {
        fputs("    | ", stderr);
        print_escaped(json_string_value(line) ? json_string_value(line) : "");
        fputc('\n', stderr);
    }
}

static void warm_event(struct bt_live *l, const json_t *ev)
{
    if (l->quiet && json_is_true(json_object_get(ev, "warm")))
        return;
    end_line(l);
    fprintf(stderr, "  %-14s %-11s ", bt_live_str(ev, "id"), "warm");
    print_escaped(bt_live_str(ev, "text"));
    fputc('\n', stderr);
    fflush(stderr);
}

void bt_live_event(void *live, const json_t *ev)
{
    struct bt_live *l = live;
    const char *name = bt_live_str(ev, "event");
    if (!strcmp(name, "inst"))
        inst_event(l, json_object_get(ev, "instance"));
    else if (!strcmp(name, "failed"))
        failed_event(l, ev);
    else if (!strcmp(name, "phase")) {
        end_line(l);
        fprintf(stderr, "  -- %s phase %s (%lld of %lld)\n", bt_live_str(ev, "what"), bt_live_str(ev, "phase"),
                (long long)json_integer_value(json_object_get(ev, "number")), (long long)json_integer_value(json_object_get(ev, "of")));
        fflush(stderr);
    } else if (!strcmp(name, "warm")) {
        warm_event(l, ev);
    } else if (!strcmp(name, "note") || !strcmp(name, "drift") || !strcmp(name, "foreign")) {
        end_line(l);
        fprintf(stderr, "  %s: %s%s", name, bt_live_str(ev, "id"), bt_live_str(ev, "id")[0] ? " " : "");
        print_escaped(bt_live_str(ev, "text"));
        fputc('\n', stderr);
    }
}

/* ---- the table ---- */

static const char *bytes_of(struct bt_arena *a, const json_t *v, bool valid)
{
    return !valid ? "?" : bt_arena_strdup(a, bt_bytes_human((uint64_t)json_integer_value(v)));
}

static void add_url(const json_t *in, struct bt_buf *b)
{
    bt_buf_puts(b, bt_live_str(json_object_get(in, "endpoint"), "http"));
    if (!json_is_false(json_object_get(in, "warm")))
        return;
    if (bt_live_str(in, "not_warm")[0]) {
        bt_buf_puts(b, "  not warm: ");
        bt_buf_add_escaped(b, bt_str(bt_live_str(in, "not_warm")));
    } else
        bt_buf_puts(b, "  its first request runs");
}

static const char *note_of(struct bt_arena *a, const json_t *in)
{
    const json_t *p = json_object_get(in, "progress");
    bt_auto_buf struct bt_buf b = BT_BUF(4096);
    if (bt_live_str(p, "step")[0])
        add_progress(p, &b);
    else if (bt_live_str(in, "why")[0])
        bt_buf_add_escaped(&b, bt_str(bt_live_str(in, "why")));
    else if (!strcmp(bt_live_str(in, "state"), "ready"))
        add_url(in, &b);
    else if (json_is_false(json_object_get(in, "in_phase")) && !strcmp(bt_live_str(in, "state"), "pending"))
        bt_buf_printf(&b, "of phase %s", json_string_value(json_array_get(json_object_get(in, "phases"), 0)));
    const json_t *task = json_object_get(in, "task");
    if (json_is_object(task))
        bt_buf_printf(&b, "%s%s%s(%lld of %lld tasks done)", b.n ? " " : "", bt_live_str(task, "name"), bt_live_str(task, "name")[0] ? " " : "",
                      (long long)json_integer_value(json_object_get(task, "done")), (long long)json_integer_value(json_object_get(task, "of")));
    if (bt_live_str(in, "drift")[0])
        bt_buf_printf(&b, "%sDRIFT %s", b.n ? "  " : "", bt_live_str(in, "drift"));
    json_int_t restarts = json_integer_value(json_object_get(in, "restarts"));
    if (restarts)
        bt_buf_printf(&b, "%s(started again %lld time%s)", b.n ? " " : "", (long long)restarts, restarts == 1 ? "" : "s");
    return bt_arena_strdup(a, bt_buf_z(&b));
}

static void add_rows(struct bt_arena *a, struct bt_table *t, const json_t *in, bool several, uint64_t *planned, uint64_t *actual)
{
    const json_t *ranks = json_object_get(in, "ranks"), *host = json_array_get(json_object_get(in, "host"), 0);
    size_t n = json_array_size(ranks);
    bool ram = !n && json_integer_value(json_object_get(host, "planned_bytes")) > 0;
    double since = json_number_value(json_object_get(in, "since"));
    const char *id = several ? bt_arena_printf(a, "%s/%s", bt_live_str(in, "project"), bt_live_str(in, "id")) : bt_live_str(in, "id");
    for (size_t i = 0; i < (n ? n : 1); i++) {
        const json_t *r = json_array_get(ranks, i), *now = json_object_get(r, "actual");
        bool valid = json_is_true(json_object_get(now, "valid"));
        const json_t *pss = json_object_get(host, "pss_bytes");
        *planned += (uint64_t)json_integer_value(json_object_get(r, "planned_bytes"));
        *actual += valid ? (uint64_t)json_integer_value(json_object_get(now, "bytes")) : 0;
        bt_table_row(t, i ? "" : id, i ? "" : bt_live_str(in, "state"),
                     i ? "" : bt_arena_strdup(a, bt_duration_human((double)bt_wall_ms() / 1000 - since)),
                     r ? bt_arena_printf(a, "%lld", (long long)json_integer_value(json_object_get(r, "index"))) : ram ? "RAM" : "-",
                     r || ram ? bytes_of(a, json_object_get(ram ? host : r, "planned_bytes"), true) : "-",
                     ram ? bytes_of(a, pss, json_is_integer(pss)) : r ? bytes_of(a, json_object_get(now, "bytes"), valid) : "-",
                     i ? "" : note_of(a, in), NULL);
    }
}

void bt_live_table(struct bt_arena *a, const json_t *ps, struct bt_style st, struct bt_buf *out)
{
    static const char *const heads[] = { "instance", "state", ">for", ">GPU", ">planned", ">actual", "", NULL };
    struct bt_table *t = bt_table_new(a, heads);
    const json_t *list = json_object_get(ps, "instances");
    bool several = !json_is_string(json_object_get(ps, "project"));
    uint64_t planned = 0, actual = 0;
    size_t i;
    json_t *in;
    json_array_foreach(list, i, in)
        add_rows(a, t, in, several, &planned, &actual);
    if (planned) {
        bt_table_rule(t);
        bt_table_row(t, "total", "", "", "", bt_arena_strdup(a, bt_bytes_human(planned)), bt_arena_strdup(a, bt_bytes_human(actual)), NULL);
    }
    bt_table_print(t, st, out);
}

/* up.c - `berth up`: plan, hand the plan to the daemon, watch. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>

#include "base/file.h"
#include "base/proc.h"
#include "base/units.h"
#include "cmd/cmd.h"
#include "cmd/live.h"
#include "cmd/live_block.h"
#include "cmd/planning.h"
#include "cmd/planning_own.h"
#include "cmd/up.h"
#include "launch/launch.h"
#include "launch/planfile.h"
#include "run/tail.h"


static volatile sig_atomic_t signalled;

static void on_signal(int sig)
{
    (void)sig;
    signalled = signalled + 1;
}

struct up {
    const struct bt_verb *v;
    const struct bt_up *o;
    struct bt_wire_client c;
    struct bt_live live;
    struct bt_live_block block;      /* in the foreground, on a terminal: the table of ps, kept up to date */
    int64_t drawn_ms;
    uint64_t up_id, follow_id;       /* follow_id: of the last reconnection, 0: none */
    char project[64];
    json_t *insts;                   /* id -> its last "inst" report */
    json_t *failures;                /* "failed" events, for --json */
    bool answered, settled, going_down, gone, failed, interrupted;
    int signals_seen, tries;
    bool told, told_failed;          /* its JSON is out: that it is up; an error of kind "error" */
    struct bt_arena *a;
    struct slot { const char *id; struct bt_tail tail; } *slot; size_t nslots;   /* of the job that is streamed */
};

/* ---- the plan ---- */

/* Without a size "whatever the card has" is asked for, and a sliver beside a server is not meant by that. */
static bool a_sliver(const struct bt_plan *plan, const struct bt_up *o)
{
    for (size_t i = 0; o->whole_cards && i < plan->phase[0].n; i++)
        for (size_t r = 0; r < plan->phase[0].inst[i].nranks; r++) {
            const struct bt_rank_berth *k = &plan->phase[0].inst[i].rank[r];
            const struct bt_gpu *g = &plan->fleet->gpus[k->gpu];
            if (k->bytes >= g->total_bytes / 2)
                continue;
            if (!o->quiet_refusal)
                fprintf(stderr, "no whole card is free: GPU %d has %s of %s\n  try: --memory SIZE says how much of a card is enough; --wait waits\n", g->index,
                        bt_bytes_human(k->bytes), bt_bytes_human(g->total_bytes));
            return true;
        }
    return false;
}

/* 0 with *text; else the exit code. */
static int make_plan(const struct bt_verb *v, struct bt_arena *a, const struct bt_up *o, const char **text)
{
    struct bt_err err = { 0 };
    if (o->plan) {
        struct bt_str s;
        struct bt_planfile *read;    /* the daemon reads it too, and does not know the file's name */
        if (bt_file_read(a, o->plan, BT_PLANFILE_MAX, &s, &err) < 0)
            return bt_cmd_fail(v, &err, o->json);
        if (bt_planfile_parse(a, "plan", s, &read, &err) < 0) {
            bt_err_wrap(&err, "%s", o->plan);
            return bt_cmd_fail(v, &err, o->json);
        }
        *text = s.p;
        return 0;
    }
    struct bt_planning_opts po = { .file = o->file, .text = o->text, .gpus = o->gpus, .variant = o->variant, .live = true, .over = o->over,
                                     .no_learned = o->no_learned, .only = o->only };
    struct bt_plan *plan;
    if (bt_planning(a, &po, &plan, &err) < 0)
        return bt_cmd_fail(v, &err, o->json);
    if (plan->nrefusals) {
        bt_auto_buf struct bt_buf b = BT_BUF(1 * MiB);
        bt_planning_print_refusals(plan, &b);
        if (!o->quiet_refusal)
            fputs(bt_buf_z(&b), stderr);
        if (o->json)
            puts(bt_plan_text(a, plan));
        return bt_planning_exit(plan);
    }
    if (a_sliver(plan, o))
        return 3;
    if (o->over)
        bt_planning_stay(a, plan);
    *text = bt_plan_text(a, plan);
    return 0;
}

/* ---- the job's own output ---- */

static void on_line(void *ctx, int64_t wall_ms, char stream, struct bt_str text)
{
    (void)ctx, (void)wall_ms;
    FILE *f = stream == 'e' ? stderr : stdout;
    if (stream == 'b')
        return;                      /* berth's own remarks */
    fwrite(text.p, 1, text.n, f);
    fputc('\n', f);
    fflush(f);
}

static struct bt_tail *tail_of(struct up *u, const char *id)
{
    for (size_t i = 0; i < u->nslots; i++)
        if (!strcmp(u->slot[i].id, id))
            return &u->slot[i].tail;
    struct slot s = { .id = bt_arena_strdup(u->a, id) };
    bt_tail_init(&s.tail);
    BT_PUSH(u->a, u->slot, u->nslots, s);
    return &u->slot[u->nslots - 1].tail;
}

static void stream(struct up *u)
{
    enum { BYTES = 4 * 1024 * 1024 };
    const char *id;
    json_t *in;
    json_object_foreach(u->insts, id, in)
        if (bt_live_named(in, u->o->exit_with))
            while (bt_tail_read(tail_of(u, id), bt_live_str(in, "folder"), BYTES, on_line, u)) {
            }
}

/* ---- watching ---- */

static bool is_job(const json_t *in)
{
    return !strcmp(bt_live_str(in, "kind"), "job");
}

static int send_up(struct up *u, const char *plan, struct bt_err *err)
{
    extern char **environ;
    json_t *env = json_array();
    for (char **e = environ; *e; e++)
        if (json_array_append_new(env, json_string(*e)) < 0)         /* JSON cannot carry it */
            fprintf(stderr, "  note: environment variable %.*s is not UTF-8 text and is not passed on to the workloads\n", (int)strcspn(*e, "="), *e);
    if (bt_run_connect(&u->c, err) < 0) {
        json_decref(env);
        return -1;
    }
    json_t *p = json_string(plan);
    if (!p) {
        json_decref(env);
        return bt_err_set(err, BT_E_INPUT, 0, "the plan is not UTF-8");
    }
    return bt_wire_send(&u->c, "up", json_pack("{s:o, s:o, s:b, s:b, s:b, s:b}", "plan", p, "env", env, "keep", u->o->keep, "fresh",
                                                 !u->o->plan, "again", u->o->again, "switch", u->o->over), &u->up_id, err);
}

/* again: not a person's wish for haste. */
static void send_down(struct up *u, bool again)
{
    if (u->o->stream)
        stream(u);                   /* its folder goes with it */
    struct bt_err err = { 0 };
    uint64_t id;
    json_t *members = bt_live_project(u->project);
    json_object_set_new(members, "again", json_boolean(again));
    u->going_down = true;
    if (bt_wire_send(&u->c, "down", members, &id, &err) < 0)
        fprintf(stderr, "berth up: %s\n", err.msg);
}

/* Ctrl-C is `down`; a second one shortens the wait. */
static void look_signals(struct up *u)
{
    if (signalled == u->signals_seen || !u->answered || u->gone)
        return;
    u->signals_seen = signalled;
    u->interrupted = true;
    bt_live_block_clear(&u->block);
    fprintf(stderr, u->going_down ? "\n  going down: no more waiting\n" : "\n  taking %s down (once more: without waiting)\n", u->project);
    send_down(u, false);
}

/* A server of a phase that was passed over: it will not come by itself. */
static bool waits_for_a_phase(const json_t *in)
{
    return !strcmp(bt_live_str(in, "state"), "pending") && json_is_false(json_object_get(in, "in_phase"));
}

static void look_jobs(struct up *u)
{
    bool any_job = false, all_over = true, only_jobs = true, wanted_over = u->o->exit_with != NULL;
    const char *id;
    json_t *in;
    json_object_foreach(u->insts, id, in) {
        if (u->o->exit_with && bt_live_named(in, u->o->exit_with))
            wanted_over &= bt_live_over(in);
        any_job |= is_job(in);
        only_jobs &= is_job(in) || waits_for_a_phase(in);
        all_over &= !is_job(in) || bt_live_over(in);
    }
    if (u->going_down || u->failed)
        return;
    if ((u->o->exit_with && wanted_over) || (any_job && all_over && (u->o->wait_jobs || (only_jobs && !u->o->detach))))
        send_down(u, true);
}

static json_t *failure(const json_t *ev)
{
    static const char *const keys[] = { "id", "workload", "message", "hint", "diagnosis", "lines", "exit" };
    json_t *o = json_object(), *v;
    for (size_t i = 0; i < BT_LEN(keys); i++)
        if ((v = json_object_get(ev, keys[i])))
            json_object_set(o, keys[i], v);
    return o;
}

/* Another plan has taken the place of the one before: who is not in it is nobody to wait for. */
static void forget_gone(struct up *u, const json_t *states)
{
    const char *id;
    json_t *in;
    void *next;
    json_object_foreach_safe(u->insts, next, id, in)
        if (!json_object_get(states, id))
            json_object_del(u->insts, id);
}

static void take_event(struct up *u, const json_t *ev)
{
    bt_live_block_clear(&u->block);
    const char *name = json_string_value(json_object_get(ev, "event"));
    json_t *in = json_object_get(ev, "instance");
    const char *id = json_string_value(json_object_get(in, "id"));
    bt_live_event(&u->live, ev);
    if (!name)
        return;
    if (u->o->json && !strcmp(name, "failed"))
        json_array_append_new(u->failures, failure(ev));
    bool down = !strcmp(bt_live_str(in, "state"), "down");
    if (id && !down)                 /* how it ended, not that it was put away after that */
        json_object_set(u->insts, id, in);
    else if (id && !is_job(in) && !u->going_down)
        json_object_del(u->insts, id);               /* its phase is over: the jobs that are left decide when `up` is */
    if (!strcmp(name, "adopted"))
        forget_gone(u, json_object_get(ev, "states"));
    if (!strcmp(name, "up"))
        u->settled = true;
    if (!strcmp(name, "gone")) {
        u->gone = true;
        if (!u->settled && !u->going_down && !json_is_true(json_object_get(ev, "failed"))) {
            fprintf(stderr, "berth up: it was taken down before it was up\n");
            u->failed = true;
        }
        u->failed |= json_is_true(json_object_get(ev, "failed"));    /* told to a daemon's follower that is dead since */
    }
    if (!strcmp(name, "up-failed")) {
        u->failed = true;
        bool kept = json_is_true(json_object_get(ev, "kept"));
        fprintf(stderr, kept ? "  the rest stays up (--keep): `berth ps`, `berth down`\n" : "  taking the set down again\n");
        u->gone |= kept;
    }
}

static void on_event(void *ctx, const json_t *ev)
{
    take_event(ctx, ev);
}

/* What happens while the table is asked for counts as well: the end of the last job may be in it. */
static void print_up(struct up *u)
{
    bt_auto_arena a = { 0 };
    bt_auto_buf struct bt_buf b = BT_BUF(1 * MiB);
    struct bt_err err = { 0 };
    json_t *ps = bt_wire_call(&u->c, "ps", bt_live_project(u->project), on_event, u, &err);
    u->drawn_ms = bt_now_ms();
    if (!ps)
        return;
    if (u->o->json) {
        bt_cmd_json("up", json_pack("{s:b, s:s, s:o}", "ok", true, "project", u->project, "instances", json_incref(json_object_get(ps, "instances"))));
        u->told = true;
    } else
        bt_live_table(&a, ps, bt_style_of(stdout), &b);
    json_decref(ps);
    if (!u->o->detach && !u->o->json)
        bt_buf_printf(&b, "%s is up. Ctrl-C takes it down.\n", u->project);
    if (u->o->detach || u->o->json || !u->block.cursor)
        bt_cmd_print(&b);
    else
        bt_live_block_show(&u->block, bt_buf_z(&b));
}

/* The table of what is up, every second and after every event; while it comes up or goes down its events tell more. */
static void keep_table(struct up *u)
{
    enum { EVERY_MS = 1000, SOON_MS = 250 };
    bool wanted = u->block.cursor && u->settled && !u->going_down && !u->gone && !u->failed && !u->o->detach && !u->o->stream && !u->o->json;
    if (wanted && bt_now_ms() - u->drawn_ms >= (u->block.lines ? EVERY_MS : SOON_MS))
        print_up(u);
}

static void take_instances(struct up *u, const json_t *answer)
{
    size_t i;
    json_t *in;
    json_array_foreach(json_object_get(answer, "instances"), i, in)
        if (strcmp(bt_live_str(in, "state"), "down") != 0 || !json_object_get(u->insts, bt_live_str(in, "id")))
            json_object_set(u->insts, bt_live_str(in, "id"), in);
}

static int connect_again(struct up *u, const char *plan, struct bt_err *err)
{
    if (!u->answered)
        return send_up(u, plan, err);
    if (u->going_down && !bt_run_anything()) {
        u->gone = true;
        return 0;
    }
    fprintf(stderr, "  the daemon was killed; another one takes over\n");
    if (bt_run_connect(&u->c, err) < 0 || bt_wire_send(&u->c, "follow", bt_live_project(u->project), &u->follow_id, err) < 0)
        return -1;
    if (u->going_down)
        send_down(u, true);
    return 0;
}

/* The daemon ended under us: a new one finds what runs. Before our plan was accepted: hand it over again. One that is just ending may still be reached,
 * and be gone at the first word: then it is the next one's turn. */
static int reconnect(struct up *u, const char *plan, struct bt_err *err)
{
    enum { TRIES = 5 };
    while (u->tries++ < TRIES) {
        bt_wire_client_release(&u->c);
        if (connect_again(u, plan, err) == 0)
            return 0;
        if (err->code != BT_E_NOT_FOUND)
            return -1;
    }
    return -1;
}

static int connect_first(struct up *u, const char *plan, struct bt_err *err)
{
    int rc = send_up(u, plan, err);
    return rc < 0 && err->code == BT_E_NOT_FOUND ? reconnect(u, plan, err) : rc;
}

/* What happened while no daemon was there is in the state that the new one found, not in an event. */
static int take_follow(struct up *u, const json_t *msg, struct bt_err *err)
{
    int is = bt_wire_is_answer(msg, u->follow_id, err);
    if (is < 0) {                    /* its end came between the two daemons */
        u->gone = true;
        return u->going_down ? 0 : -1;
    }
    if (is > 0) {
        u->tries = 0;
        u->settled |= json_is_true(json_object_get(msg, "settled"));
        take_instances(u, msg);
    }
    return 0;
}

static int take_answer(struct up *u, const json_t *msg, struct bt_err *err)
{
    if (u->answered)
        return u->follow_id ? take_follow(u, msg, err) : 0;
    int is = bt_wire_is_answer(msg, u->up_id, err);
    if (is <= 0)
        return is;
    u->answered = true;
    if (json_is_true(json_object_get(msg, "all_done"))) {
        fprintf(u->o->json ? stderr : stdout, "every task of %s is done: nothing was started (`berth %s --again` does them anew)\n",
                u->o->only ? u->o->only->job : "every job", u->o->only ? "run JOB" : "up");
        u->gone = true;
        return 0;
    }
    snprintf(u->project, sizeof u->project, "%s", json_string_value(json_object_get(msg, "project")));
    take_instances(u, msg);
    return 0;
}

static bool knows_job(const struct up *u)
{
    const char *id;
    json_t *in;
    json_object_foreach(u->insts, id, in)
        if (bt_live_named(in, u->o->exit_with))
            return true;
    return false;
}

static int watch(struct up *u, const char *plan, struct bt_err *err)
{
    bool shown = false;
    while (!u->gone) {
        json_t *msg = bt_wire_next(&u->c, u->o->stream ? 100 : u->block.cursor ? 250 : 1000, err);
        look_signals(u);
        if (u->o->stream && u->answered)
            stream(u);
        if (!msg && (err->code == BT_E_BUSY || (err->code == BT_E_STATE && err->sys == EINTR))) {
            if (shown)
                keep_table(u);
            continue;
        }
        if (!msg && reconnect(u, plan, err) < 0)
            return -1;
        if (!msg)
            continue;
        bool was_answered = u->answered;
        int rc = take_answer(u, msg, err);
        if (rc == 0 && json_object_get(msg, "event"))
            take_event(u, msg);
        json_decref(msg);
        if (rc < 0)
            return -1;
        if (!was_answered && u->answered && !u->gone && u->o->exit_with && !knows_job(u)) {
            fprintf(stderr, "berth up: --exit-with %s: there is no such workload\n", u->o->exit_with);
            u->failed = true;
            send_down(u, true);
        }
        if (u->settled && !shown) {
            shown = true;
            if (!u->o->stream)
                print_up(u);
            if (u->o->detach && !u->o->exit_with && !u->o->wait_jobs)
                return 0;
        }
        if (u->answered)
            look_jobs(u);
        if (shown)
            keep_table(u);
    }
    return 0;
}

/* ---- the end ---- */

static int status_of(const json_t *in)
{
    const json_t *x = json_object_get(in, "exit");
    json_int_t sig = json_integer_value(json_object_get(x, "signal"));
    if (sig)
        return 128 + (int)sig;
    const json_t *status = json_object_get(x, "status");
    return json_is_integer(status) ? (int)json_integer_value(status) : 1;
}

static int exit_code(const struct up *u)
{
    const char *id;
    json_t *in;
    int worst = 0;
    if (u->interrupted)
        return 130;
    json_object_foreach(u->insts, id, in) {
        if (u->o->exit_with && bt_live_named(in, u->o->exit_with) && bt_live_over(in) && status_of(in))
            return status_of(in);
        if (is_job(in) && !strcmp(bt_live_str(in, "state"), "failed"))
            worst = 1;
    }
    return u->failed ? 1 : u->o->exit_with ? 0 : worst;
}

/* What came of it: of a set that never was up the one object, of one that was the second. */
static void print_end(const struct up *u, int rc)
{
    json_t *list = json_array(), *in, *project = u->project[0] ? json_string(u->project) : json_null();
    const char *id;
    json_object_foreach(u->insts, id, in)
        json_array_append(list, in);
    bt_cmd_json(u->told ? "ended" : "up", json_pack("{s:b, s:o, s:i, s:o, s:O}", "ok", rc == 0, "project", project, "exit_code", rc, "instances", list,
                                                    "failures", u->failures));
}

/* Another project came between the plan and its start: its bytes are known now, so plan again. 0, or the exit code. */
static int hand_over(struct up *u, struct bt_arena *a, const char *plan)
{
    enum { TRIES = 5 };
    for (int tries = 1;; tries++) {
        struct bt_err err = { 0 };
        if (connect_first(u, plan, &err) == 0 && watch(u, plan, &err) == 0)
            return exit_code(u);
        if (err.code != BT_E_BUSY || u->answered || u->o->plan || tries == TRIES)
            return u->told_failed = true, bt_cmd_fail(u->v, &err, u->o->json && !u->told);
        fprintf(stderr, "  another project took some of the memory just now: planning again\n");
        bt_wire_client_release(&u->c);
        int rc = make_plan(u->v, a, u->o, &plan);
        if (rc)
            return rc;
    }
}

int bt_up(const struct bt_verb *v, struct bt_arena *a, const struct bt_up *o)
{
    const char *plan = NULL;
    int rc = make_plan(v, a, o, &plan);
    if (rc)
        return rc;
    struct up u = { .v = v, .o = o, .a = a, .insts = json_object(), .failures = json_array() };
    struct sigaction act = { .sa_handler = on_signal };              /* without SA_RESTART: the wait has to notice */
    int signals[] = { SIGINT, SIGTERM, SIGHUP };
    for (size_t i = 0; i < BT_LEN(signals); i++)
        sigaction(signals[i], &act, NULL);
    bt_live_init(&u.live);
    bt_live_block_init(&u.block);
    u.live.quiet = o->stream;
    bt_wire_client_init(&u.c, -1);
    rc = hand_over(&u, a, plan);
    if (o->json && !u.told_failed && !(u.told && o->detach && !u.gone))
        print_end(&u, rc);
    if (u.gone && !(u.failed && o->keep))
        bt_live_wait_end(&u.c, 500); /* nothing of ours may be left when we return */
    bt_live_release(&u.live);
    for (size_t i = 0; i < u.nslots; i++)
        bt_tail_release(&u.slot[i].tail);
    bt_wire_client_release(&u.c);
    json_decref(u.insts);
    json_decref(u.failures);
    return rc;
}

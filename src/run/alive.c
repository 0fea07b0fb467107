/* alive.c - is a ready instance still at work? An answer of /health alone is not believed: vLLM's says 200 for nine seconds beside a dead worker,
 * and for minutes beside a stopped one (0.32, measured). So beside it: the processes that were there when it became ready, the line in which an
 * engine says that one died, and tokens that advance while requests run. What fails here is stopped by the engine's steps and started again
 * by `restart:`, like a death. And of one that is to stop: have its last requests ended? */
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/units.h"
#include "run/ports.h"
#include "run/project.h"
#include "run/shm.h"

enum { DRAIN_LOOK_MS = 200, LOOK_MS = 1000, PROBE_MS = 5000, METRICS_MS = 10000, METRICS_MAX = 1024 * 1024, DEADLINE_MS = 5000, BAD_MAX = 3, DIED_MS = 1500 };

static void broken(struct bt_instance *in, const char *why)
{
    snprintf(in->why, sizeof in->why, "%s", why);
    bt_warn("inst", "%s/%s: %s", in->p->name, in->pf->id, why);
    in->gave_up = true;
    bt_life_event(&in->life, BT_EV_STALLED);
}

void bt_alive_reset(struct bt_alive *w)
{
    bt_health_free(w->probe);
    bt_health_free(w->metrics);
    free(w->vital);
    *w = (struct bt_alive){ 0 };
}

/* ---- the processes it cannot do without ---- */

static void note_vital(struct bt_instance *in, const struct bt_proc *m, size_t n)
{
    struct bt_alive *w = &in->alive;
    w->vital = bt_xcalloc(n ? n : 1, sizeof *w->vital);
    for (size_t i = 0; i < n; i++)
        if (in->engine->vital && bt_str_starts(bt_str(m[i].comm), in->engine->vital) && m[i].state != 'Z')
            w->vital[w->nvital++] = m[i];
}

static bool leader_lives(const struct bt_instance *in)
{
    return in->has_child && bt_proc_same(in->child.id);
}

static const struct bt_proc *gone(const struct bt_instance *in)
{
    for (size_t i = 0; i < in->alive.nvital; i++)
        if (!bt_proc_same(in->alive.vital[i].id))
            return &in->alive.vital[i];
    return NULL;
}

static bool look_vital(struct bt_instance *in)
{
    bt_auto_arena a = { 0 };
    if (!in->alive.vital) {
        struct bt_proc *all, *m;
        size_t nall = bt_daemon_procs(in->p->d, false, &all), n = bt_instance_members(&a, in, all, nall, &m);
        note_vital(in, m, n);
        bt_shm_note(in->dir, m, n);
        return true;
    }
    const struct bt_proc *p = gone(in);
    if (!p || !leader_lives(in))
        return true;                 /* all there; or the end of the leader, which its keeper reports */
    broken(in, bt_arena_printf(&a, "its process %s (pid %d) is gone and the rest goes on without it", p->comm, (int)p->id.pid));
    return false;
}

/* ---- its answers ---- */

static void on_probe(void *ctx, int status, struct bt_str body)
{
    struct bt_instance *in = ctx;
    struct bt_alive *w = &in->alive;
    (void)body;
    w->probe = NULL;
    bool good = status >= 200 && status < 300;
    if (good || (status > 0 && !in->engine->vital))
        w->answer_ms = bt_now_ms();  /* what another status means is between a plain service and its clients */
    w->bad = !good && status > 0 && in->engine->vital ? w->bad + 1 : 0;
    w->last_status = status;
}

static bool look_health(struct bt_instance *in, int64_t now)
{
    bt_auto_arena a = { 0 };
    struct bt_alive *w = &in->alive;
    int64_t limit = in->p->limit_hang_ms;
    if (in->pf->ready != BT_PF_READY_HTTP)
        return true;
    if (!w->answer_ms)
        w->answer_ms = now;
    if (!w->probe && now - w->probe_ms >= BT_MIN((int64_t)PROBE_MS, limit / 4)) {
        w->probe_ms = now;
        w->probe = bt_health_get(in->p->d->base, in->ip, in->url_port, in->pf->ready_arg, (int)BT_MIN((int64_t)DEADLINE_MS, limit), 0, on_probe, in);
    }
    if (w->bad >= BAD_MAX)
        broken(in, bt_arena_printf(&a, "GET %s answers %d, %d times in a row", in->pf->ready_arg, w->last_status, w->bad));
    else if (now - w->answer_ms > limit)
        broken(in, bt_arena_printf(&a, "no answer to GET %s for %s, though it lives", in->pf->ready_arg, bt_duration_human((double)limit / 1000)));
    return in->life.state == BT_ST_READY;
}

/* ---- its tokens ---- */

/* The sum over the labels of one metric in Prometheus' text format. */
static bool metric(struct bt_str text, const char *name, double *sum)
{
    size_t len = strlen(name);
    bool found = false;
    *sum = 0;
    for (const char *at = text.p, *end = text.p + text.n; at < end;) {
        const char *nl = memchr(at, '\n', (size_t)(end - at)), *stop = nl ? nl : end;
        if ((size_t)(stop - at) > len && !memcmp(at, name, len) && (at[len] == '{' || at[len] == ' ')) {
            char number[40];
            const char *blank = stop;
            while (blank > at && blank[-1] != ' ')
                blank--;
            snprintf(number, sizeof number, "%.*s", (int)(stop - blank), blank);
            *sum += strtod(number, NULL);
            found = true;
        }
        at = nl ? nl + 1 : end;
    }
    return found;
}

static void on_metrics(void *ctx, int status, struct bt_str body)
{
    struct bt_instance *in = ctx;
    struct bt_alive *w = &in->alive;
    double running, tokens;
    w->metrics = NULL;
    if (status != 200 || !metric(body, in->engine->metric_running, &running) || !metric(body, in->engine->metric_tokens, &tokens))
        return;
    w->heard_ms = bt_now_ms();
    if (running < 1 || tokens != w->tokens || !w->tokens_ms)
        w->tokens_ms = w->heard_ms;
    w->running = running;
    w->tokens = tokens;
}

static bool look_tokens(struct bt_instance *in, int64_t now)
{
    bt_auto_arena a = { 0 };
    struct bt_alive *w = &in->alive;
    int64_t limit = in->p->limit_tokens_ms;
    if (!in->engine->metric_tokens || in->pf->ready != BT_PF_READY_HTTP)
        return true;
    if (!w->metrics && now - w->metrics_ms >= BT_MIN((int64_t)METRICS_MS, limit / 4)) {
        w->metrics_ms = now;
        w->metrics = bt_health_get(in->p->d->base, in->ip, in->url_port, "/metrics", DEADLINE_MS, METRICS_MAX, on_metrics, in);
    }
    /* between two answers: one that is slow to come, on a machine that is busy, says nothing about tokens */
    if (w->tokens_ms && w->running >= 1 && w->heard_ms - w->tokens_ms > limit)
        broken(in, bt_arena_printf(&a, "%.0f requests run and no token has come for %s", w->running, bt_duration_human((double)limit / 1000)));
    return in->life.state == BT_ST_READY;
}

/* ---- its last requests ---- */

bool bt_alive_busy(const struct bt_instance *in)
{
    bt_auto_arena a = { 0 };
    bool tells = in->engine->metric_running && in->pf->ready == BT_PF_READY_HTTP;
    return tells && in->pf->stop_grace_ms && !bt_instance_engine_drain_ms(in) && bt_port_clients(&a, (uint16_t)in->url_port);
}

static void on_drain(void *ctx, int status, struct bt_str body)
{
    struct bt_instance *in = ctx;
    struct bt_alive *w = &in->alive;
    double running;
    w->metrics = NULL;
    if (!status)
        return;                      /* no answer: it is asked again */
    w->idle = status != 200 || !metric(body, in->engine->metric_running, &running) || running < 1;
    w->running = w->idle ? 0 : running;
}

static void tell_cut(struct bt_instance *in)
{
    bt_auto_arena a = { 0 };
    const char *grace = bt_duration_human((double)in->pf->stop_grace_ms / 1000);
    double n = in->alive.running;
    const char *text = n >= 1 ? bt_arena_printf(&a, "%s: %.0f requests had not ended after %s: they are cut off", in->pf->id, n, grace)
                              : bt_arena_printf(&a, "%s: it did not say within %s how many requests run: its clients are cut off", in->pf->id, grace);
    bt_info("inst", "%s/%s", in->p->name, text);
    bt_report_event(in->p, json_pack("{s:s, s:o}", "event", "note", "text", bt_json_text(text)));
}

void bt_alive_drain(struct bt_instance *in)
{
    struct bt_alive *w = &in->alive;
    int64_t now = bt_now_ms(), since = in->life.since_ms;
    if (w->metrics && w->metrics_ms < since) {       /* asked before: what it answers is old */
        bt_health_free(w->metrics);
        w->metrics = NULL;
    }
    if (w->metrics_ms < since)
        w->running = 0;              /* that of a look long ago */
    bool over = now - since > (int64_t)in->pf->stop_grace_ms;
    if (over && !w->idle)
        tell_cut(in);
    if (w->idle || over)
        bt_life_event(&in->life, BT_EV_DRAINED);
    else if (!w->metrics && (w->metrics_ms < since || now - w->metrics_ms >= DRAIN_LOOK_MS)) {
        w->metrics_ms = now;
        w->metrics = bt_health_get(in->p->d->base, in->ip, in->url_port, "/metrics", DEADLINE_MS, METRICS_MAX, on_drain, in);
    }
}

void bt_alive_look(struct bt_instance *in)
{
    struct bt_alive *w = &in->alive;
    int64_t now = bt_now_ms();
    if (now - w->look_ms < LOOK_MS)
        return;
    w->look_ms = now;
    if (in->died[0] && !w->died_ms)
        w->died_ms = now;
    if (w->died_ms && now - w->died_ms > DIED_MS && leader_lives(in)) {
        broken(in, in->died);
        return;
    }
    if (look_vital(in) && look_health(in, now))
        look_tokens(in, now);
}

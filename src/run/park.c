/* park.c - an instance gives its memory back without ending, and takes it again. The reply of an engine is not believed, the driver's bytes are:
 * vLLM on a CPU answers "sleeping" and keeps everything (0.32, measured). */
#include <stdio.h>

#include "base/file.h"
#include "base/log.h"
#include "base/units.h"
#include "run/project.h"

enum { SLACK = 64 * 1024 * 1024, REQUEST_MS = 120000 };

const struct bt_pf_move *bt_park_move(const struct bt_instance *in, size_t from, size_t to)
{
    const struct bt_planfile *plan = in->p->plan;
    for (size_t i = 0; i < plan->nmoves; i++) {
        const struct bt_pf_move *m = &plan->move[i];
        if (!strcmp(m->instance, in->pf->id) && !strcmp(m->from, plan->phase[from].name) && !strcmp(m->to, plan->phase[to].name))
            return !strcmp(m->how, "park") ? m : NULL;
    }
    return NULL;
}

const struct bt_engine_park *bt_park_how(const struct bt_instance *in, const char *level)
{
    for (size_t i = 0; i < in->engine->npark; i++)
        if (!strcmp(in->engine->park[i].level, level))
            return &in->engine->park[i];
    return NULL;
}

static uint64_t kept_on(const struct bt_instance *in, const char *uuid)
{
    const struct bt_pf_move *m = in->park.move;
    for (size_t i = 0; m && i < m->ngpus; i++)
        if (!strcmp(m->gpu[i].uuid, uuid))
            return m->gpu[i].bytes;
    return 0;
}

uint64_t bt_instance_claims_on(const struct bt_instance *in, const char *uuid, bool *placed)
{
    uint64_t planned = bt_instance_planned_on(in, uuid, placed);
    return in->life.state == BT_ST_PARKED && in->park.move ? BT_MIN(planned, kept_on(in, uuid)) : planned;
}

/* "sleep hand", "sleep plan", "sleep plan back": the level, who wanted it, and whether its engine was told to come back. */
static void mark(const struct bt_instance *in, bool back)
{
    bt_auto_arena a = { 0 };
    struct bt_err err = { 0 };
    const char *text = bt_arena_printf(&a, "%s %s%s", in->park.how->level, in->park.by_hand ? "hand" : "plan", back ? " back" : "");
    if (bt_file_write(bt_arena_printf(&a, "%s/parked", in->dir), bt_str(text), &err) < 0)
        bt_warn("inst", "%s/%s: a next daemon will not know that it is parked: %s", in->p->name, in->pf->id, err.msg);
}

static void unmark(const struct bt_instance *in)
{
    bt_auto_arena a = { 0 };
    unlink(bt_arena_printf(&a, "%s/parked", in->dir));
}

/* ---- there ---- */

static void note_awake(struct bt_instance *in)
{
    const struct bt_probe_sample *s = bt_sampler_last(in->p->d->sampler);
    for (size_t i = 0; i < in->pf->nranks; i++) {
        const struct bt_probe_gpu *g = s && !s->error ? bt_probe_gpu(s, in->pf->rank[i].gpu) : NULL;
        struct bt_actual now = g ? bt_sample_actual(g, in->pids, in->npids) : (struct bt_actual){ 0 };
        in->base[i].awake_bytes = now.valid ? now.bytes : 0;
    }
}

bool bt_park_begin(struct bt_instance *in, const char *level, const struct bt_pf_move *m, bool by_hand)
{
    const struct bt_engine_park *how = bt_park_how(in, level);
    if (!how || !in->url[0])
        return false;
    bt_park_reset(&in->park);
    in->park.how = how;
    in->park.move = m;
    in->park.by_hand = by_hand;
    in->park.since_ms = bt_now_ms();
    note_awake(in);
    mark(in, false);
    return bt_life_event(&in->life, BT_EV_PARK);
}

void bt_park_reset(struct bt_park *k)
{
    bt_health_free(k->request);
    *k = (struct bt_park){ 0 };
}

void bt_park_found(struct bt_instance *in)
{
    bt_auto_arena a = { 0 };
    struct bt_err err = { 0 };
    struct bt_str text, level, who;
    if (bt_file_read(&a, bt_arena_printf(&a, "%s/parked", in->dir), 64, &text, &err) < 0)
        return;
    text = bt_str_cut(bt_str_cut(text, ' ', &level), ' ', &who);
    in->park.how = bt_park_how(in, bt_arena_strndup(&a, level));
    in->park.by_hand = bt_str_eq(who, "hand");
    for (size_t i = 0; i < in->p->plan->nmoves && !in->park.by_hand; i++) {
        const struct bt_pf_move *m = &in->p->plan->move[i];
        if (!strcmp(m->instance, in->pf->id) && !strcmp(m->how, "park"))
            in->park.move = m;
    }
    in->park.since_ms = bt_now_ms();
    if (!in->park.how)
        return;
    if (bt_str_eq(text, "back")) {   /* told to come back: told again, and its answer counts */
        bt_life_found(&in->life, BT_ST_RESUMING);
        return;
    }
    in->park.found = true;
    in->park.asked_s = (double)bt_now_ms() / 1000;
    bt_life_found(&in->life, BT_ST_PARKING);
}

void bt_park_let_back(struct bt_instance *in)
{
    in->park.by_hand = false;
    if (in->park.how)
        mark(in, false);
}

/* ---- requests ---- */

static void on_answer(void *ctx, int status, struct bt_str body)
{
    struct bt_instance *in = ctx;
    in->park.request = NULL;
    if (status >= 200 && status < 300)
        in->park.step++;
    else if (status <= 0)
        snprintf(in->park.failed, sizeof in->park.failed, "%s: no answer", in->park.asked);
    else
        snprintf(in->park.failed, sizeof in->park.failed, "%s: it answers %d%s%.*s", in->park.asked, status, body.n ? " " : "",
                 (int)BT_MIN(body.n, 120u), body.p);
}

/* 1: all of them were answered, 0: under way, -1: refused */
static int ask(struct bt_instance *in, const char *const *step)
{
    struct bt_park *k = &in->park;
    if (k->failed[0])
        return -1;
    if (!step[k->step])
        return 1;
    if (k->request)
        return 0;
    snprintf(k->asked, sizeof k->asked, "POST %s", step[k->step]);
    k->request = bt_http_ask(in->p->d->base, in->ip, in->url_port, "POST", step[k->step], REQUEST_MS, 4096, on_answer, in);
    if (!k->request)
        snprintf(k->failed, sizeof k->failed, "%s: no connection", k->asked);
    return 0;
}

/* ---- the bytes ---- */

/* By hand nobody has planned with what is left. Of a pool given back all but an eighth has to be seen; of one that sleeps, half of all. */
static uint64_t most_asleep(const struct bt_instance *in, size_t rank)
{
    const struct bt_pf_rank *r = &in->pf->rank[rank];
    uint64_t planned = bt_instance_planned_on(in, r->gpu, NULL), awake = in->base[rank].awake_bytes;
    if (in->park.move)
        return kept_on(in, r->gpu) + SLACK;
    if (strcmp(in->park.how->level, "kv") || !r->kv_bytes)
        return planned / 2;
    uint64_t held = awake ? awake : planned, given = r->kv_bytes - r->kv_bytes / 8;
    return held > given ? held - given : 0;
}

static bool given_back(const struct bt_instance *in, char *why, size_t n)
{
    const struct bt_probe_sample *s = bt_sampler_last(in->p->d->sampler);
    if (!in->pf->nranks)
        return true;
    if (!s || s->error || s->t <= in->park.asked_s) {
        snprintf(why, n, "the driver has not said what it holds now");
        return false;
    }
    for (size_t i = 0; i < in->pf->nranks; i++) {
        const char *uuid = in->pf->rank[i].gpu;
        const struct bt_probe_gpu *g = bt_probe_gpu(s, uuid);
        struct bt_actual now = g ? bt_sample_actual(g, in->pids, in->npids) : (struct bt_actual){ 0 };
        uint64_t most = most_asleep(in, i);
        if (g && now.valid && now.bytes <= most)
            continue;
        snprintf(why, n, "GPU %d: it still holds %s, %s were to stay", in->pf->rank[i].index, bt_bytes_human(now.bytes), bt_bytes_human(most));
        return false;
    }
    return true;
}

/* It keeps what others were promised, or does not answer: end it. In its own phase it is wanted, and starts anew. */
static void give_up(struct bt_instance *in, const char *what, const char *why)
{
    bt_auto_arena a = { 0 };
    bool as_it_was = in->life.state == BT_ST_PARKING && in->park.by_hand && !in->park.step;        /* it refused the first request: nothing has changed */
    const char *text = bt_arena_printf(&a, "%s could not be %s (%s): it %s", in->pf->id, what, why, as_it_was ? "runs on" : "is stopped instead");
    if (as_it_was)
        text = bt_arena_printf(&a, "%s. `park: sleep` in the spec starts it so that it can; `berth park --level stop` ends it until `berth resume`", text);
    bt_warn("inst", "%s/%s", in->p->name, text);
    bt_report_event(in->p, json_pack("{s:s, s:o}", "event", "note", "text", bt_json_text(text)));
    if (as_it_was) {
        unmark(in);
        bt_park_reset(&in->park);
        bt_life_event(&in->life, BT_EV_READY);
        return;
    }
    in->gave_up = true;
    snprintf(in->why, sizeof in->why, "%s", text);
    bt_life_event(&in->life, bt_phase_has(in->p, in) && !in->p->leaving ? BT_EV_STALLED : BT_EV_DOWN);
}

void bt_park_drive(struct bt_instance *in)
{
    struct bt_park *k = &in->park;
    char why[256] = "";
    int64_t now = bt_now_ms();
    bool back = in->life.state == BT_ST_RESUMING;
    if (in->life.state == BT_ST_PARKED)
        return;
    if (k->found) {
        const struct bt_probe_sample *s = bt_sampler_last(in->p->d->sampler);
        bool there = given_back(in, why, sizeof why);
        k->found = !there && in->pf->nranks && !(s && !s->error && s->t > k->asked_s);
        if (there)
            bt_life_event(&in->life, BT_EV_PARKED);
        else if (!k->found)
            k->asked_s = 0;     /* the last daemon had not got so far */
        return;
    }
    int asked = ask(in, back ? k->how->resume : k->how->park);
    if (asked == 1 && !k->asked_s)
        k->asked_s = (double)bt_now_ms() / 1000;
    if (asked == 1 && !back && given_back(in, why, sizeof why)) {
        bt_life_event(&in->life, BT_EV_PARKED);
        return;
    }
    if (asked == 1 && back) {
        unmark(in);
        bt_alive_reset(&in->alive);
        bt_park_reset(k);
        bt_life_event(&in->life, BT_EV_READY);
        return;
    }
    if (asked < 0 || now - k->since_ms > in->p->limit_park_ms)
        give_up(in, back ? "resumed" : "parked", asked < 0 ? k->failed : why[0] ? why : "no answer");
}

/* ---- back ---- */

bool bt_park_wants_back(const struct bt_instance *in)
{
    return in->life.state == BT_ST_PARKED && !in->park.by_hand && bt_phase_has(in->p, in) && !in->p->leaving;
}

void bt_park_resume(struct bt_instance *in)
{
    in->park.step = 0;
    in->park.failed[0] = 0;
    in->park.asked_s = 0;
    in->park.since_ms = bt_now_ms();
    mark(in, true);
    bt_life_event(&in->life, BT_EV_RESUME);
}

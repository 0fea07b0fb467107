/* ops.c - what a verb can ask of the daemon. */
#include <stdio.h>

#include "base/file.h"
#include "base/log.h"
#include "run/project.h"
#include "wire/wire.h"

void bt_conn_put(struct bt_conn *c, json_t *o)
{
    enum { BACKLOG_MAX = 32 * 1024 * 1024 };
    bt_auto_buf struct bt_buf b = BT_BUF(BT_WIRE_LINE_MAX);
    if (!bt_wire_put(&b, o)) {
        bt_error("daemon", "an answer is too long or not UTF-8: connection closed");
        c->closing = true;
        return;
    }
    if (evbuffer_get_length(bufferevent_get_output(c->bev)) + b.n > BACKLOG_MAX) {
        c->closing = true;           /* it asked and does not read */
        return;
    }
    bufferevent_write(c->bev, b.p, b.n);
}

static int names(const struct bt_daemon *d, struct bt_buf *b)
{
    for (size_t i = 0; i < d->nprojects; i++)
        bt_buf_printf(b, "%s%s", i ? ", " : "", d->project[i]->name);
    return (int)d->nprojects;
}

/* A folder of it is there, and is not another's by now. */
static bool is_broken(struct bt_daemon *d, const struct bt_broken *x)
{
    bt_auto_arena a = { 0 };
    return !bt_project_find(d, x->name) && (bt_file_exists(x->dir) || bt_file_exists(bt_run_inst_dir(&a, x->name, NULL)));
}

/* One that could not be taken up; name NULL: any. */
static const struct bt_broken *broken(struct bt_daemon *d, const char *name)
{
    for (size_t i = 0; i < d->nbroken; i++)
        if ((!name || !strcmp(d->broken[i].name, name)) && is_broken(d, &d->broken[i]))
            return &d->broken[i];
    return NULL;
}

static int refuse_broken(const struct bt_broken *x, struct bt_err *err)
{
    bt_err_set(err, BT_E_STATE, 0, "project %s was up and cannot be taken up again: %s", x->name, x->why);
    return bt_err_hint(err, "what it had started runs on: `berth doctor --fix` ends that and forgets it");
}

/* The project that a request means: the one it names, or the only one. */
static struct bt_project *meant(struct bt_conn *c, const json_t *msg, struct bt_err *err)
{
    bt_auto_buf struct bt_buf b = BT_BUF(4096);
    const char *name;
    if (bt_json_str_opt(msg, "project", NULL, &name, "request", err) < 0)
        return NULL;
    int n = names(c->d, &b);
    struct bt_project *p = name ? bt_project_find(c->d, name) : n == 1 ? c->d->project[0] : NULL;
    if (p)
        return p;
    if (broken(c->d, name) && (n == 0 || name))
        refuse_broken(broken(c->d, name), err);
    else if (n == 0 && !name)
        bt_err_set(err, BT_E_STATE, 0, "nothing is up");
    else if (name)
        bt_err_set(err, BT_E_STATE, 0, "project %.80s is not up; up: %s", name, n ? bt_buf_z(&b) : "nothing");
    else {
        const char *op = json_string_value(json_object_get(msg, "op"));
        bool bare = op && (!strcmp(op, "down") || !strcmp(op, "verify"));            /* what these take is a project */
        bt_err_set(err, BT_E_USAGE, 0, "several projects are up: %s", bt_buf_z(&b));
        bt_err_hint(err, "name one of them: %s%s", bare ? "" : "-p ", c->d->project[0]->name);
    }
    return NULL;
}

/* NULL: it is no plan, which whoever reads it will say. */
static const char *name_of(struct bt_arena *a, const char *plan)
{
    struct bt_err ignored = { 0 };
    json_t *o = bt_json_load(bt_str(plan), BT_PLANFILE_MAX, "plan", &ignored);
    const char *name = json_string_value(json_object_get(o, "name")), *kept = name ? bt_arena_strdup(a, name) : NULL;
    json_decref(o);
    return kept;
}

/* The project that a plan is of, when it is up and stays so. */
static struct bt_project *running(struct bt_daemon *d, const char *name)
{
    struct bt_project *p = name ? bt_project_find(d, name) : NULL;
    return p && !p->down ? p : NULL;
}

static json_t *op_up(struct bt_conn *c, const json_t *msg, struct bt_err *err)
{
    bt_auto_arena a = { 0 };
    const char *plan;
    struct bt_strs env = { 0 };
    size_t i;
    json_t *v, *list = json_array();
    bool keep, fresh, again, over, all_done = false;
    struct bt_project *p;
    if (bt_json_str(msg, "plan", &plan, "request", err) < 0 || bt_json_bool_opt(msg, "keep", false, &keep, "request", err) < 0 ||
        bt_json_bool_opt(msg, "fresh", false, &fresh, "request", err) < 0 || bt_json_bool_opt(msg, "again", false, &again, "request", err) < 0 ||
        bt_json_bool_opt(msg, "switch", false, &over, "request", err) < 0)
        goto bad;
    json_array_foreach(json_object_get(msg, "env"), i, v) {
        const char *row = json_string_value(v);
        if (row)
            BT_PUSH(&a, env.v, env.n, row);
    }
    const char *name = name_of(&a, plan);
    const struct bt_broken *lost = name ? broken(c->d, name) : NULL;
    if (lost) {
        refuse_broken(lost, err);
        goto bad;
    }
    p = over ? running(c->d, name) : NULL;
    if (p)
        snprintf(c->follow, sizeof c->follow, "%s", p->name);        /* before it begins: what it says of that is for who asked */
    if (p ? bt_switch_begin(p, bt_str(plan), &env, keep, fresh, &all_done, err) < 0 : bt_project_new(c->d, bt_str(plan), &env, keep, fresh, again, &p, err) < 0)
        goto bad;
    if (!p || all_done) {
        c->d->leave = c->d->nprojects == 0;
        return json_pack("{s:o, s:b}", "instances", list, "all_done", true);
    }
    snprintf(c->follow, sizeof c->follow, "%s", p->name);
    c->d->leave = false;
    for (i = 0; i < p->n; i++)
        json_array_append_new(list, bt_report_instance(&p->inst[i], true));
    return json_pack("{s:s, s:o}", "project", p->name, "instances", list);
bad:
    c->d->leave = c->d->nprojects == 0;              /* started for this one only: it ends with the answer */
    json_decref(list);
    return NULL;
}

static json_t *op_follow(struct bt_conn *c, const json_t *msg, struct bt_err *err)
{
    struct bt_project *p = meant(c, msg, err);
    if (!p)
        return NULL;
    snprintf(c->follow, sizeof c->follow, "%s", p->name);
    json_t *list = json_array();
    for (size_t i = 0; i < p->n; i++)
        json_array_append_new(list, bt_report_instance(&p->inst[i], true));
    return json_pack("{s:s, s:b, s:s, s:b, s:o}", "project", p->name, "settled", p->settled, "phase", p->plan->phase[p->phase].name, "failed", p->failed_up,
                     "instances", list);
}

static json_t *op_ps(struct bt_conn *c, const json_t *msg, struct bt_err *err)
{
    const char *name;
    if (bt_json_str_opt(msg, "project", NULL, &name, "request", err) < 0)
        return NULL;
    struct bt_project *p = name ? meant(c, msg, err) : NULL;
    if (name && !p)
        return NULL;
    json_t *o = bt_report_ps(c->d, p), *list = json_array();
    for (size_t i = 0; i < c->d->nbroken && !name; i++) {
        const struct bt_broken *x = &c->d->broken[i];
        if (is_broken(c->d, x))
            json_array_append_new(list, json_pack("{s:s, s:s, s:s}", "project", x->name, "folder", x->dir, "why", x->why));
    }
    if (json_array_size(list))
        json_object_set(o, "unreadable", list);
    json_decref(list);
    return o;
}

static json_t *op_verify(struct bt_conn *c, const json_t *msg, struct bt_err *err)
{
    struct bt_project *p = meant(c, msg, err);
    const struct bt_probe_sample *s = bt_sampler_last(c->d->sampler);
    bool gpus = false;
    for (size_t i = 0; p && i < p->n; i++)
        gpus |= p->inst[i].pf->nranks > 0;
    if (!p)
        return NULL;
    if (gpus && !s) {
        bt_err_set(err, BT_E_BUSY, 0, "the driver has not answered yet");
        return NULL;
    }
    if (gpus && s->error) {
        bt_err_set(err, BT_E_DEVICE, 0, "ask the driver what runs on the cards: %s", s->error);
        return NULL;
    }
    if (gpus && s->t <= c->held_s) {
        bt_err_set(err, BT_E_BUSY, 0, "the driver has been silent for %.0f s", (double)bt_now_ms() / 1000 - s->t);
        return NULL;
    }
    bt_memory_members(c->d);         /* processes that started since the sample belong to somebody, too */
    return json_pack("{s:o}", "verify", bt_report_verify(c->d, p));       /* its `ok` is another than the answer's */
}

/* The instances that a request names by id or workload, by their ids; NULL: none, or the project goes down. */
static json_t *named(struct bt_conn *c, const json_t *msg, struct bt_project **out, struct bt_err *err)
{
    struct bt_project *p = *out = meant(c, msg, err);
    const char *what;
    if (!p || bt_json_str(msg, "what", &what, "request", err) < 0)
        return NULL;
    bt_auto_buf struct bt_buf known = BT_BUF(4096);
    json_t *list = json_array();
    for (size_t i = 0; i < p->n; i++) {
        bt_buf_printf(&known, "%s%s", i ? ", " : "", p->inst[i].pf->id);
        if (!strcmp(p->inst[i].pf->id, what) || !strcmp(p->inst[i].pf->workload, what))
            json_array_append_new(list, json_string(p->inst[i].pf->id));
    }
    if (json_array_size(list) && !p->down)
        return list;
    bool hit = json_array_size(list) > 0;
    json_decref(list);
    bt_err_set(err, BT_E_STATE, 0, hit ? "project %s goes down" : "project %s has no instance or workload \"%.60s\"", p->name, what);
    if (!hit)
        bt_err_hint(err, "it has %s", bt_buf_z(&known));
    return NULL;
}

static struct bt_instance *with_id(struct bt_project *p, const char *id)
{
    for (size_t i = 0; i < p->n; i++)
        if (!strcmp(p->inst[i].pf->id, id))
            return &p->inst[i];
    return NULL;
}

static json_t *op_restart(struct bt_conn *c, const json_t *msg, struct bt_err *err)
{
    struct bt_project *p;
    size_t i;
    json_t *v, *list = named(c, msg, &p, err);
    if (!list)
        return NULL;
    json_array_foreach(list, i, v)
        if (!bt_phase_has(p, with_id(p, json_string_value(v)))) {
            bt_err_set(err, BT_E_STATE, 0, "%s has no place in this phase", json_string_value(v));
            json_decref(list);
            return NULL;
        }
    snprintf(c->follow, sizeof c->follow, "%s", p->name);
    json_array_foreach(list, i, v)
        bt_life_event(&with_id(p, json_string_value(v))->life, BT_EV_RESTART);
    return json_pack("{s:s, s:o}", "project", p->name, "instances", list);
}

/* again: asked already, of a daemon that died over it; what it began is no reason to refuse. */
static int may_park(const struct bt_instance *in, const char *level, bool again, struct bt_err *err)
{
    enum bt_life_state s = in->life.state;
    bool begun = s == BT_ST_PARKING || s == BT_ST_PARKED || bt_life_leaving(s) || s == BT_ST_RELEASING || s == BT_ST_DOWN;
    if (again && begun)
        return 0;
    if (s != BT_ST_READY)
        return bt_err_set(err, BT_E_STATE, 0, "%s is %s: only what is ready can be parked", in->pf->id, bt_life_state_name(in->life.state));
    const struct bt_engine_park *how = bt_park_how(in, level);
    if (strcmp(level, "stop") && (!how || !in->url[0])) {
        bt_err_set(err, BT_E_STATE, 0, "%s: engine %s%s cannot be parked by %s", in->pf->id, in->engine->name, how ? " without an endpoint" : "", level);
        return bt_err_hint(err, "`--level stop` stops it until `berth resume %s`", in->pf->id);
    }
    return 0;
}

static json_t *op_park(struct bt_conn *c, const json_t *msg, struct bt_err *err)
{
    struct bt_project *p;
    const char *level;
    bool again;
    size_t i;
    json_t *v, *list = named(c, msg, &p, err);
    if (!list || bt_json_str_opt(msg, "level", "sleep", &level, "request", err) < 0 || bt_json_bool_opt(msg, "again", false, &again, "request", err) < 0)
        goto bad;
    json_array_foreach(list, i, v)
        if (may_park(with_id(p, json_string_value(v)), level, again, err) < 0)
            goto bad;
    snprintf(c->follow, sizeof c->follow, "%s", p->name);
    json_array_foreach(list, i, v) {
        struct bt_instance *in = with_id(p, json_string_value(v));
        if (in->life.state != BT_ST_READY)
            continue;                /* begun */
        if (!strcmp(level, "stop"))
            bt_life_event(&in->life, BT_EV_DOWN);
        else if (!bt_park_begin(in, level, NULL, true))
            bt_warn("inst", "%s/%s: cannot be parked", p->name, in->pf->id);
    }
    return json_pack("{s:s, s:o}", "project", p->name, "instances", list);
bad:
    json_decref(list);
    return NULL;
}

static json_t *op_resume(struct bt_conn *c, const json_t *msg, struct bt_err *err)
{
    struct bt_project *p;
    bool again;
    size_t i;
    json_t *v, *list = named(c, msg, &p, err);
    if (!list || bt_json_bool_opt(msg, "again", false, &again, "request", err) < 0) {
        json_decref(list);
        return NULL;
    }
    json_array_foreach(list, i, v) {
        const struct bt_instance *in = with_id(p, json_string_value(v));
        bool parked = in->life.state == BT_ST_PARKED || in->life.state == BT_ST_DOWN;
        if (again && !parked && in->life.want_up)
            continue;                /* on its way, or there */
        if (!parked || !bt_phase_has(p, in)) {
            bt_err_set(err, BT_E_STATE, 0, parked ? "%s has no place in this phase" : "%s is %s: it is not parked", in->pf->id,
                       bt_life_state_name(in->life.state));
            json_decref(list);
            return NULL;
        }
    }
    snprintf(c->follow, sizeof c->follow, "%s", p->name);
    json_array_foreach(list, i, v) {
        struct bt_instance *in = with_id(p, json_string_value(v));
        if (in->life.state == BT_ST_PARKED)
            bt_park_let_back(in);
        if (in->life.state == BT_ST_DOWN)
            bt_life_event(&in->life, BT_EV_UP);
    }
    return json_pack("{s:s, s:o}", "project", p->name, "instances", list);
}

/* Every change of every project, from now on. */
static json_t *op_watch(struct bt_conn *c, const json_t *msg, struct bt_err *err)
{
    (void)msg, (void)err;
    c->watches = true;
    bt_journal_store(c->d);          /* its numbers go on from those of the file */
    return json_pack("{s:I}", "seq", (json_int_t)c->d->seq);
}

static json_t *op_phase(struct bt_conn *c, const json_t *msg, struct bt_err *err)
{
    struct bt_project *p = meant(c, msg, err);
    const char *name;
    size_t to;
    if (!p || bt_json_str_opt(msg, "phase", NULL, &name, "request", err) < 0)
        return NULL;
    if (name && bt_phase_index(p, name, &to, err) < 0)
        return NULL;
    if (name && p->down) {
        bt_err_set(err, BT_E_STATE, 0, "project %s goes down", p->name);
        return NULL;
    }
    if (name && p->next) {
        bt_err_set(err, BT_E_BUSY, 0, "project %s is on its way to another plan", p->name);
        return NULL;
    }
    if (name) {
        snprintf(c->follow, sizeof c->follow, "%s", p->name);
        bt_phase_go(p, to);
    }
    json_t *list = json_array();
    for (size_t i = 0; i < p->plan->nphases; i++)
        json_array_append_new(list, json_string(p->plan->phase[i].name));
    const struct bt_pf_phase *to_row = p->next ? &p->next->plan->phase[p->next->phase] : p->leaving ? &p->plan->phase[p->phase_to] : NULL;
    return json_pack("{s:s, s:s, s:o, s:o, s:b}", "project", p->name, "phase", p->plan->phase[p->phase].name, "to",
                     to_row ? json_string(to_row->name) : json_null(), "phases", list, "settled", p->settled);
}

/* Answered when it is gone, by bt_ops_project_gone(); events are streamed until then. */
static bool op_down(struct bt_conn *c, const json_t *msg, uint64_t id, struct bt_err *err)
{
    struct bt_project *p = meant(c, msg, err);
    bool again;
    if (!p || bt_json_bool_opt(msg, "again", false, &again, "request", err) < 0)
        return false;
    snprintf(c->follow, sizeof c->follow, "%s", p->name);
    c->wants_gone = true;
    c->gone_id = id;
    bt_project_down(p, !again);
    return true;
}

void bt_ops_project_gone(struct bt_daemon *d, const char *name, bool failed_up)
{
    bool last = d->nprojects == 0 && !d->stay;
    json_t *ev = json_pack("{s:s, s:b}", "event", "gone", "failed", failed_up);
    bt_journal_event(d, name, ev);
    for (struct bt_conn *c = d->conns; c; c = c->next) {
        bool follows = !strcmp(c->follow, name);
        if (follows || c->watches)
            bt_conn_put(c, json_incref(ev));
        if (!follows)
            continue;
        c->follow[0] = 0;
        if (c->wants_gone)
            bt_conn_put(c, bt_wire_answer(c->gone_id, json_pack("{s:s, s:b}", "project", name, "last", last)));
        c->wants_gone = false;
    }
    json_decref(ev);
    d->leave = last;
}

/* Figures from before the question could be from before the bytes were taken: these ops wait for the next sample. */
static bool wants_sample(const char *op)
{
    return !strcmp(op, "ps") || !strcmp(op, "verify");
}

static void answer(struct bt_conn *c, const json_t *msg, uint64_t id, const char *op)
{
    static const struct { const char *name; json_t *(*run)(struct bt_conn *, const json_t *, struct bt_err *); } ops[] = {
        { "up", op_up }, { "follow", op_follow }, { "ps", op_ps }, { "verify", op_verify }, { "restart", op_restart }, { "phase", op_phase },
        { "watch", op_watch }, { "park", op_park }, { "resume", op_resume },
    };
    struct bt_err err = { 0 };
    json_t *members = NULL;
    size_t i = 0;
    while (i < BT_LEN(ops) && strcmp(op, ops[i].name))
        i++;
    if (i < BT_LEN(ops))
        members = ops[i].run(c, msg, &err);
    else
        bt_err_set(&err, BT_E_INPUT, 0, "control message: this daemon knows no \"%.40s\"", op);
    bt_conn_put(c, members ? bt_wire_answer(id, members) : bt_wire_refuse(id, &err));
}

void bt_ops_sampled(struct bt_daemon *d)
{
    enum { SILENT_MS = 3000 };
    const struct bt_probe_sample *s = bt_sampler_last(d->sampler);
    for (struct bt_conn *c = d->conns; c; c = c->next) {
        struct bt_err err = { 0 };
        uint64_t id;
        const char *op;
        if (!c->held || !((s && s->t > c->held_s) || bt_now_ms() - c->held_ms > SILENT_MS))
            continue;
        json_t *msg = c->held;
        c->held = NULL;
        if (bt_wire_request(msg, &id, &op, &err) == 0)
            answer(c, msg, id, op);
        json_decref(msg);
    }
}

void bt_ops_request(struct bt_conn *c, json_t *msg)
{
    struct bt_err err = { 0 };
    uint64_t id;
    const char *op;
    bool ok = bt_wire_request(msg, &id, &op, &err) == 0;
    if (ok && c->held)
        ok = bt_err_set(&err, BT_E_BUSY, 0, "control message: the last question has not been answered yet") == 0;
    if (ok && wants_sample(op) && bt_daemon_has_cards(c->d)) {
        c->held = json_incref(msg);
        c->held_s = (double)bt_now_ms() / 1000;
        c->held_ms = bt_now_ms();
        return;
    }
    if (ok && !strcmp(op, "down")) {
        if (op_down(c, msg, id, &err))
            return;
        ok = false;
    }
    if (ok)
        answer(c, msg, id, op);
    else
        bt_conn_put(c, bt_wire_refuse(id, &err));
}

/* report.c - what runs, as JSON: answers to ps and verify, events. */
#include <stdio.h>

#include "base/json.h"
#include "run/project.h"
#include "wire/wire.h"

enum { LAST_LINES = 12 };

static json_t *download(const struct bt_download *d)
{
    bool known = d->of_bytes > 0;
    double left = d->per_s > 0 && known ? (double)(d->of_bytes - d->bytes) / d->per_s : -1;
    return json_pack("{s:s, s:o, s:o, s:o, s:o, s:o}", "step", "downloading", "percent",
                     known ? json_integer((json_int_t)((double)d->bytes * 100 / (double)d->of_bytes)) : json_null(),
                     "bytes", bt_json_bytes(d->bytes), "of_bytes", known ? bt_json_bytes(d->of_bytes) : json_null(), "bytes_per_s",
                     d->per_s > 0 ? bt_json_bytes((uint64_t)d->per_s) : json_null(), "seconds_left", left >= 0 ? json_real(left) : json_null());
}

static json_t *progress(const struct bt_instance *in)
{
    if (in->life.state == BT_ST_STARTING && in->download.active)
        return download(&in->download);
    if (in->life.state != BT_ST_STARTING || !in->step[0])
        return json_null();
    return json_pack("{s:s, s:o}", "step", in->step, "percent", in->percent < 0 ? json_null() : json_integer(in->percent));
}

static json_t *how_it_ended(const struct bt_instance *in)
{
    bt_auto_arena a = { 0 };
    if (!in->exited)
        return json_null();
    return json_pack("{s:o, s:o, s:o}", "status", in->exit.status < 0 ? json_null() : json_integer(in->exit.status), "signal",
                     in->exit.signal ? json_integer(in->exit.signal) : json_null(), "text", bt_json_text(bt_keep_exit_text(&a, &in->exit)));
}

static json_t *ranks(const struct bt_instance *in)
{
    const struct bt_probe_sample *s = bt_sampler_last(in->p->d->sampler);
    json_t *list = json_array();
    for (size_t i = 0; i < in->pf->nranks; i++) {
        const struct bt_pf_rank *r = &in->pf->rank[i];
        const struct bt_probe_gpu *g = s && !s->error ? bt_probe_gpu(s, r->gpu) : NULL;
        struct bt_actual now = g ? bt_sample_actual(g, in->pids, in->npids) : (struct bt_actual){ 0 };
        const char *source = !s ? "the driver has not answered yet" : s->error ? s->error : !g ? "the card is not there any more" :
                             now.valid ? "nvml-process" : "the driver does not say which process holds what";
        json_array_append_new(list,
                              json_pack("{s:s, s:i, s:o, s:{s:o, s:b, s:o}}", "gpu", r->gpu, "index", r->index, "planned_bytes",
                                        bt_json_bytes(r->bytes), "actual", "bytes", bt_json_bytes(bt_life_holds(in->life.state) ? now.bytes : 0),
                                        "valid", g && now.valid, "source", bt_json_text(source)));
    }
    return list;
}

/* What the tree takes of the RAM, no page twice; false when one of its processes may not be looked into. */
static bool host_bytes(const struct bt_proc *m, size_t n, uint64_t *bytes)
{
    *bytes = 0;
    for (size_t i = 0; i < n; i++) {
        uint64_t one;
        if (!bt_proc_pss(m[i].id.pid, &one) && bt_proc_same(m[i].id))
            return false;
        *bytes += bt_proc_same(m[i].id) ? one : 0;
    }
    return true;
}

static void add_processes(struct bt_instance *in, json_t *o)
{
    bt_auto_arena a = { 0 };
    struct bt_proc *all, *m;
    uint64_t rss = 0, pss;
    json_t *pids = json_array();
    size_t n = 0;
    if (bt_life_alive(in->life.state)) {
        size_t nall = bt_daemon_procs(in->p->d, false, &all);
        n = bt_instance_members(&a, in, all, nall, &m);
    }
    for (size_t i = 0; i < n; i++) {
        json_array_append_new(pids, json_integer(m[i].id.pid));
        rss += m[i].rss_bytes;
    }
    json_object_set_new(o, "pids", pids);
    json_object_set_new(
        o, "host", json_pack("[{s:i, s:o, s:o, s:o}]", "numa", 0, "planned_bytes", bt_json_bytes(in->pf->host_bytes), "rss_bytes", bt_json_bytes(rss),
                             "pss_bytes", host_bytes(m, n, &pss) ? bt_json_bytes(pss) : json_null()));
    json_object_set_new(o, "keeper", in->has_keeper && bt_life_alive(in->life.state) ? json_integer(in->keeper.id.pid) : json_null());
}

const char *bt_report_state(const struct bt_instance *in)
{
    return in->life.job && in->life.state == BT_ST_READY ? "running" : bt_life_state_name(in->life.state);
}

json_t *bt_report_states(const struct bt_project *p)
{
    json_t *states = json_object();
    for (size_t i = 0; i < p->n; i++)
        json_object_set_new(states, p->inst[i].pf->id, json_string(bt_report_state(&p->inst[i])));
    return states;
}

static json_t *task_of(const struct bt_instance *in)
{
    bt_auto_arena a = { 0 };
    const struct bt_task_queue *q = in->queue;
    if (!q || !in->pf->has_tasks)
        return json_null();
    return json_pack("{s:o, s:o, s:i, s:i, s:i}", "name", in->task < 0 ? json_null() : bt_json_text(bt_task_name(&a, q, (size_t)in->task)), "number",
                     in->task < 0 ? json_null() : json_integer((json_int_t)in->task + 1), "of", (int)q->n, "done", (int)q->done, "failed", (int)q->failed);
}

static json_t *phases_of(const struct bt_instance *in)
{
    json_t *list = json_array();
    for (size_t i = 0; i < in->p->plan->nphases; i++)
        if (in->in_phase[i])
            json_array_append_new(list, json_string(in->p->plan->phase[i].name));
    return list;
}

static const char *want_word(const struct bt_instance *in)
{
    if (!in->life.want_up)
        return "down";
    return in->life.job ? "done" : in->park.how && !bt_park_wants_back(in) && in->life.state != BT_ST_RESUMING ? "parked" : "ready";
}

json_t *bt_report_instance(struct bt_instance *in, bool brief)
{
    double since = (double)(bt_wall_ms() - (bt_now_ms() - in->life.since_ms)) / 1000;
    json_t *o =
        json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:f, s:o, s:i, s:o, s:o}", "id", in->pf->id, "workload", in->pf->workload, "project", in->p->name,
                  "kind", in->pf->kind, "state", bt_report_state(in), "want", want_word(in), "since", since,
                  "endpoint", in->url[0] ? json_pack("{s:s, s:n}", "http", in->url, "unix") : json_null(), "restarts", (int)in->life.restarts,
                  "progress", progress(in), "exit", how_it_ended(in));
    json_object_set_new(o, "why", in->why[0] ? bt_json_text(in->why) : json_null());
    json_object_set_new(o, "folder", bt_json_text(in->dir));
    json_object_set_new(o, "in_phase", json_boolean(bt_phase_has(in->p, in)));
    json_object_set_new(o, "phases", phases_of(in));
    json_object_set_new(o, "task", task_of(in));
    json_object_set_new(o, "drift", in->drift[0] ? bt_json_text(in->drift) : json_null());
    if (in->died[0])
        json_object_set_new(o, "worker_died", bt_json_text(in->died));
    json_object_set_new(o, "warm", in->life.state != BT_ST_READY || in->warm.is == BT_WARM_NONE ? json_null() : json_boolean(in->warm.is == BT_WARM_YES));
    if (in->warm.is == BT_WARM_NO)
        json_object_set_new(o, "not_warm", bt_json_text(in->warm.why));
    if (brief)
        return o;
    json_object_set_new(o, "ranks", ranks(in));
    if (in->kv_tokens)
        json_object_set_new(o, "kv_tokens", json_integer((json_int_t)in->kv_tokens));
    add_processes(in, o);
    return o;
}

/* What a plan for others has to leave alone: the most that any phase with work left takes of a card, allocated or not. */
static void add_reserved(const struct bt_project *p, json_t *list)
{
    for (size_t g = 0; g < p->plan->ngpus; g++) {
        uint64_t bytes = bt_memory_promised(p, p->plan->gpu[g].uuid);
        if (bytes)
            json_array_append_new(list, json_pack("{s:s, s:s, s:o}", "project", p->name, "gpu", p->plan->gpu[g].uuid, "bytes", bt_json_bytes(bytes)));
    }
}

json_t *bt_report_ps(struct bt_daemon *d, struct bt_project *p)
{
    json_t *list = json_array(), *reserved = json_array();
    struct bt_proc *now;
    bt_daemon_procs(d, true, &now);  /* once for all of them */
    struct bt_project *only = p ? p : d->nprojects == 1 ? d->project[0] : NULL;
    for (size_t i = 0; i < d->nprojects; i++)
        for (size_t j = 0; j < d->project[i]->n; j++)
            if (!p || p == d->project[i])
                json_array_append_new(list, bt_report_instance(&d->project[i]->inst[j], false));
    for (size_t i = 0; i < d->nprojects; i++)
        if (!p || p == d->project[i])
            add_reserved(d->project[i], reserved);
    return json_pack("{s:o, s:o, s:o, s:o}", "project", only ? json_string(only->name) : json_null(), "phase",
                     only ? json_string(only->plan->phase[only->phase].name) : json_null(), "instances", list, "reserved", reserved);
}

void bt_report_event(struct bt_project *p, json_t *event)
{
    bt_journal_event(p->d, p->name, event);
    for (struct bt_conn *c = p->d->conns; c; c = c->next)
        if (!strcmp(c->follow, p->name) || (c->watches && json_object_get(event, "seq")))
            bt_conn_put(c, json_incref(event));
    json_decref(event);
}

void bt_report_failed(struct bt_instance *in)
{
    bt_auto_arena a = { 0 };
    const char **line, *head = in->first_error[0] ? in->first_error : in->died;
    size_t n = bt_tail_last(&a, in->dir, LAST_LINES, &line);
    json_t *lines = json_array();
    for (size_t i = 0; i < n; i++)
        json_array_append_new(lines, bt_json_text(line[i]));
    const char *when = in->life.was_ready || in->life.job || !in->ran ? "" : " before it was ready";
    const char *times = in->life.restarts ? bt_arena_printf(&a, " (started again %u time%s)", in->life.restarts, in->life.restarts == 1 ? "" : "s") : "";
    const char *hint = in->why_hint;
    if (!hint[0] && !in->life.job && in->ran && in->exited && in->exit.status == 0 && !in->exit.signal)
        hint = "a service or server is to run until it is stopped; a command that ends by itself is `kind: job`";
    const char *text = bt_arena_printf(&a, "%s%s%s%s%s", in->why[0] ? in->why : "failed", when, times, head[0] ? ": " : "", head);
    bt_report_event(in->p, json_pack("{s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:o}", "event", "failed", "id", in->pf->id, "workload", in->pf->workload,
                                     "message", bt_json_text(text), "hint", bt_json_text(hint), "diagnosis", bt_report_why(in), "lines", lines,
                                     "exit", how_it_ended(in)));
}

/* ---- verify ---- */

static json_t *pids_on(const struct bt_probe_gpu *g, const struct bt_instance *in)
{
    json_t *list = json_array();
    for (size_t i = 0; g && g->procs_valid && i < g->nprocs; i++)
        for (size_t j = 0; j < in->npids; j++)
            if (g->procs[i].pid == in->pids[j])
                json_array_append_new(list, json_integer(g->procs[i].pid));
    return list;
}

static const char *verdict(struct bt_actual a, uint64_t planned, bool valid)
{
    if (!valid || !a.valid)
        return "unattributable";
    if (!a.nprocs)
        return "absent";
    return a.bytes <= planned ? "inside" : "over";
}

/* On a card that the plan did not give it, any byte is one too many. */
static void verify_on(struct bt_instance *in, const struct bt_probe_gpu *g, json_t *rows, bool *ok)
{
    bool has = false;
    uint64_t planned = bt_instance_claims_on(in, g->uuid, &has);
    struct bt_actual a = bt_sample_actual(g, in->pids, in->npids);
    if (!has && !a.nprocs)
        return;
    const char *v = has ? verdict(a, planned, g->procs_valid) : "misplaced";
    *ok &= strcmp(v, "over") && strcmp(v, "misplaced");
    json_array_append_new(rows, json_pack("{s:s, s:s, s:s, s:i, s:o, s:o, s:s, s:o, s:b, s:s}", "instance", in->pf->id, "project", in->p->name, "gpu",
                                          g->uuid, "index", g->index, "planned_bytes", bt_json_bytes(planned), "actual_bytes", bt_json_bytes(a.bytes),
                                          "verdict", v, "pids", pids_on(g, in), "in_plan", has, "state", bt_report_state(in)));
}

static void foreign_on(struct bt_daemon *d, const struct bt_probe_gpu *g, json_t *list)
{
    for (size_t i = 0; g->procs_valid && i < g->nprocs; i++) {
        bt_auto_arena a = { 0 };
        if (!bt_daemon_owner(d, g->procs[i].pid))
            json_array_append_new(list, json_pack("{s:s, s:i, s:I, s:o, s:o}", "gpu", g->uuid, "index", g->index, "pid", (json_int_t)g->procs[i].pid,
                                                  "bytes", g->procs[i].bytes_valid ? bt_json_bytes(g->procs[i].bytes) : json_null(), "command",
                                                  bt_json_text(bt_proc_cmdline(&a, (pid_t)g->procs[i].pid))));
    }
}

/* Of those that live in RAM alone. Beside a card, RAM is not planned to the byte. */
static void verify_host(struct bt_instance *in, json_t *rows, bool *ok)
{
    bt_auto_arena a = { 0 };
    struct bt_proc *all, *m;
    uint64_t bytes;
    if (in->pf->nranks || !in->pf->host_bytes)
        return;
    size_t nall = bt_proc_list(&a, &all), n = bt_instance_members(&a, in, all, nall, &m);
    bool valid = host_bytes(m, n, &bytes), inside = valid && bytes <= in->pf->host_bytes;
    *ok &= inside || !valid;
    json_array_append_new(rows, json_pack("{s:s, s:s, s:i, s:o, s:o, s:s, s:b, s:s}", "instance", in->pf->id, "project", in->p->name, "numa", 0,
                                          "planned_bytes", bt_json_bytes(in->pf->host_bytes), "actual_bytes", valid ? bt_json_bytes(bytes) : json_null(),
                                          "verdict", !valid ? "unattributable" : inside ? "inside" : "over", "enforced",
                                          in->has_keeper && bt_cgroup_limited(in->keeper.cgroup, in->pf->host_bytes), "state", bt_report_state(in)));
}

/* Ranks whose card the driver does not list any more: nobody can say what they hold, and they will not compute. */
static void verify_gone(struct bt_instance *in, const struct bt_probe_sample *s, json_t *rows, bool *ok)
{
    for (size_t i = 0; i < in->pf->nranks; i++) {
        const struct bt_pf_rank *r = &in->pf->rank[i];
        if (bt_probe_gpu(s, r->gpu))
            continue;
        *ok = false;
        json_array_append_new(rows, json_pack("{s:s, s:s, s:s, s:i, s:o, s:o, s:s, s:[], s:b, s:s}", "instance", in->pf->id, "project", in->p->name, "gpu",
                                              r->gpu, "index", r->index, "planned_bytes", bt_json_bytes(r->bytes), "actual_bytes", bt_json_bytes(0),
                                              "verdict", "gone", "pids", "in_plan", true, "state", bt_report_state(in)));
    }
}

/* What is wanted in this phase and has no process: no byte of it is anywhere, and that is not what was planned either. */
static json_t *not_at_work(const struct bt_project *p)
{
    json_t *list = json_array();
    for (size_t i = 0; i < p->n; i++) {
        const struct bt_instance *in = &p->inst[i];
        enum bt_life_state s = in->life.state;
        if (!bt_phase_has(p, in) || bt_life_alive(s) || s == BT_ST_DONE || (!in->life.want_up && s != BT_ST_FAILED))
            continue;
        json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:i, s:o}", "instance", in->pf->id, "project", p->name, "state", bt_report_state(in), "restarts",
                                              (int)in->life.restarts, "why", in->why[0] ? bt_json_text(in->why) : json_null()));
    }
    return list;
}

json_t *bt_report_verify(struct bt_daemon *d, struct bt_project *p)
{
    const struct bt_probe_sample *s = bt_sampler_last(d->sampler);
    json_t *rows = json_array(), *foreign = json_array(), *host = json_array();
    bool ok = true;
    for (size_t j = 0; j < p->n; j++)
        if (bt_life_alive(p->inst[j].life.state))
            verify_host(&p->inst[j], host, &ok);
    for (size_t j = 0; s && !s->error && j < p->n; j++)
        if (bt_life_alive(p->inst[j].life.state))
            verify_gone(&p->inst[j], s, rows, &ok);
    for (size_t i = 0; s && i < s->n; i++) {
        for (size_t j = 0; j < p->n; j++)
            if (bt_life_alive(p->inst[j].life.state))
                verify_on(&p->inst[j], &s->gpus[i], rows, &ok);
        if (bt_project_gpu(p, s->gpus[i].uuid))
            foreign_on(d, &s->gpus[i], foreign);
    }
    return json_pack("{s:b, s:s, s:o, s:o, s:o, s:o}", "ok", ok, "project", p->name, "rows", rows, "host", host, "foreign", foreign, "not_at_work",
                     not_at_work(p));
}

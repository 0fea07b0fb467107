/* phase.c - from phase to phase: who has no use there leaves, the memory is free, then the next ones come.
 *
 * The folder of the project says where it is (`phase`) and, while it leaves, where it goes (`phase-to`): a next daemon goes on from there. */
#include <stdio.h>

#include "base/file.h"
#include "base/log.h"
#include "run/project.h"

bool bt_phase_has(const struct bt_project *p, const struct bt_instance *in)
{
    return in->in_phase[p->phase] != NULL;
}

int bt_phase_index(const struct bt_project *p, const char *name, size_t *out, struct bt_err *err)
{
    bt_auto_buf struct bt_buf known = BT_BUF(4096);
    for (size_t i = 0; i < p->plan->nphases; i++) {
        if (!strcmp(p->plan->phase[i].name, name)) {
            *out = i;
            return 0;
        }
        bt_buf_printf(&known, "%s%s", i ? ", " : "", p->plan->phase[i].name);
    }
    bt_err_set(err, BT_E_STATE, 0, "project %s has no phase \"%.60s\"", p->name, name);
    return bt_err_hint(err, "it has %s", bt_buf_z(&known));
}

static const char *name_of(const struct bt_project *p, size_t phase)
{
    return p->plan->phase[phase].name;
}

static void tell(struct bt_project *p, const char *what, size_t phase)
{
    bt_info("daemon", "%s: %s phase %s", p->name, what, name_of(p, phase));
    bt_report_event(p, json_pack("{s:s, s:s, s:s, s:s, s:i, s:i}", "event", "phase", "project", p->name, "phase", name_of(p, phase), "what", what,
                                 "number", (int)phase + 1, "of", (int)p->plan->nphases));
}

static void note(struct bt_project *p, const char *file, const char *phase)
{
    bt_auto_arena a = { 0 };
    struct bt_err err = { 0 };
    if (bt_file_write(bt_arena_printf(&a, "%s/%s", p->dir, file), bt_str(phase), &err) < 0)
        bt_warn("daemon", "%s: a next daemon will not know its phase: %s", p->name, err.msg);
}

static void forget(struct bt_project *p, const char *file)
{
    bt_auto_arena a = { 0 };
    unlink(bt_arena_printf(&a, "%s/%s", p->dir, file));
}

/* ---- staying ---- */

static bool same_text(const char *x, const char *y)
{
    return !strcmp(x ? x : "", y ? y : "");
}

static bool same_ports(const struct bt_pf_instance *x, const struct bt_pf_instance *y)
{
    for (size_t i = 0; i < x->nports && x->nports == y->nports; i++)
        if (strcmp(x->port[i].name, y->port[i].name) || x->port[i].want != y->port[i].want || x->port[i].block != y->port[i].block)
            return false;
    return x->nports == y->nports;
}

bool bt_phase_same_start(const struct bt_pf_instance *x, const struct bt_pf_instance *y)
{
    if (strcmp(x->kind, y->kind) || strcmp(x->engine, y->engine) || !same_ports(x, y))
        return false;
    if (x->nranks != y->nranks || x->argv.n != y->argv.n || x->nenv != y->nenv || x->host_bytes != y->host_bytes || !same_text(x->cwd, y->cwd))
        return false;
    for (size_t i = 0; i < x->nranks; i++)
        if (strcmp(x->rank[i].gpu, y->rank[i].gpu) || x->rank[i].bytes != y->rank[i].bytes)
            return false;
    for (size_t i = 0; i < x->argv.n; i++)
        if (strcmp(x->argv.v[i], y->argv.v[i]))
            return false;
    for (size_t i = 0; i < x->nenv; i++)
        if (strcmp(x->env[i].key, y->env[i].key) || strcmp(x->env[i].value, y->env[i].value))
            return false;
    return true;
}

static bool stays(const struct bt_instance *in, size_t to)
{
    const struct bt_pf_instance *row = in->in_phase[to];
    return row && bt_phase_same_start(in->pf, row);
}

/* ---- leaving ---- */

void bt_phase_go(struct bt_project *p, size_t to)
{
    if (p->leaving ? to == p->phase_to : to == p->phase)
        return;
    p->phase_to = to;
    p->leaving = true;
    p->settled = false;
    note(p, "phase-to", name_of(p, to));
    forget(p, "settled");
    tell(p, "leaving for", to);
}

/* Parked in an earlier phase: it sleeps on unless the plan stops it here, or it would come back as something else. */
static bool keeps_sleeping(const struct bt_instance *in)
{
    const struct bt_project *p = in->p;
    if (in->in_phase[p->phase_to])
        return stays(in, p->phase_to);
    for (size_t i = 0; i < p->plan->nmoves; i++) {
        const struct bt_pf_move *m = &p->plan->move[i];
        if (!strcmp(m->instance, in->pf->id) && !strcmp(m->from, name_of(p, p->phase)) && !strcmp(m->to, name_of(p, p->phase_to)))
            return strcmp(m->how, "stop") != 0;
    }
    return true;
}

static bool leave(struct bt_project *p, struct bt_instance *in)
{
    enum bt_life_state s = in->life.state;
    bool alive = bt_life_alive(s) && !bt_life_leaving(s);
    if ((alive && !bt_project_needed_by_running(p, in)) || s == BT_ST_WAITING || s == BT_ST_BACKOFF)
        bt_life_event(&in->life, BT_EV_DOWN);
    else if (bt_life_leaving(s) || s == BT_ST_RELEASING)
        in->life.want_up = false;
    return bt_life_over(in->life.state);
}

/* True when what it held is free (or as much as the plan says), or it goes on into the next phase. */
static bool has_left(struct bt_project *p, struct bt_instance *in)
{
    enum bt_life_state s = in->life.state;
    if (s == BT_ST_PENDING || bt_life_over(s))
        return true;
    if (s == BT_ST_PARKED || s == BT_ST_PARKING)
        return keeps_sleeping(in) ? s == BT_ST_PARKED : leave(p, in);
    if (stays(in, p->phase_to))      /* sent away for another phase before we turned round: it has to be over before it can come again */
        return !((bt_life_leaving(s) || s == BT_ST_RELEASING) && !in->life.want_up);
    const struct bt_pf_move *m = s == BT_ST_READY ? bt_park_move(in, p->phase, p->phase_to) : NULL;
    if (m && !strcmp(m->level, "none"))
        return true;                 /* `park: none`: it stays as it is, the plan has counted it */
    if (m && bt_project_needed_by_running(p, in))
        return false;
    if (m && bt_park_begin(in, m->level, m, false))
        return false;
    return leave(p, in);
}

static void come(struct bt_project *p, struct bt_instance *in)
{
    struct bt_err err = { 0 };
    enum bt_life_state s = in->life.state;
    if (!bt_phase_has(p, in))
        return;
    in->pf = in->in_phase[p->phase];
    if (s == BT_ST_DONE || !(s == BT_ST_PENDING || bt_life_over(s)))
        return;                      /* a job that is done stays done; what runs goes on */
    if (bt_project_place(in, &err) < 0) {
        snprintf(in->why, sizeof in->why, "%s", err.msg);
        snprintf(in->why_hint, sizeof in->why_hint, "%s", err.hint);
    }
    bt_life_event(&in->life, s == BT_ST_FAILED ? BT_EV_RESTART : BT_EV_UP);
}

static void enter(struct bt_project *p)
{
    p->leaving = false;
    p->phase = p->phase_to;
    note(p, "phase", name_of(p, p->phase));
    forget(p, "phase-to");
    tell(p, "entering", p->phase);
    for (size_t i = 0; i < p->n; i++)
        come(p, &p->inst[i]);
}

/* ---- on ---- */

struct jobs { size_t n, done, failed; };

static bool nothing_left(const struct bt_instance *in)
{
    return in->queue && bt_tasks_all_done(in->queue);
}

static struct jobs jobs_of(const struct bt_project *p, size_t phase)
{
    struct jobs j = { 0 };
    for (size_t i = 0; i < p->n; i++)
        if (p->inst[i].in_phase[phase] && p->inst[i].life.job) {
            j.n++;
            j.done += p->inst[i].life.state == BT_ST_DONE || (p->inst[i].life.state == BT_ST_PENDING && nothing_left(&p->inst[i]));
            j.failed += p->inst[i].life.state == BT_ST_FAILED;
        }
    return j;
}

/* A phase with jobs ends when they are done; one whose jobs are done already is not started for nothing. One without jobs stays. */
static void look_ended(struct bt_project *p)
{
    struct jobs j = jobs_of(p, p->phase);
    if (j.failed && p->phase + 1 < p->plan->nphases && !p->failed_up)
        p->settled = false;          /* what comes after builds on it: the same end as a failed start */
    if (!j.n || j.done < j.n)
        return;
    for (size_t next = p->phase + 1; next < p->plan->nphases; next++) {
        j = jobs_of(p, next);
        if (!j.n || j.done < j.n) {
            bt_phase_go(p, next);
            return;
        }
    }
}

void bt_phase_drive(struct bt_project *p)
{
    if (p->next)
        return;                      /* it goes to no phase of this plan any more */
    if (p->plan->nphases == 1)
        return;
    if (!p->leaving && p->settled)
        look_ended(p);
    bool all = p->leaving;
    for (size_t i = 0; i < p->n && p->leaving; i++)
        all &= has_left(p, &p->inst[i]);
    if (all)
        enter(p);
}

bool bt_phase_first(struct bt_project *p)
{
    for (p->phase = 0; p->phase < p->plan->nphases; p->phase++) {
        struct jobs j = jobs_of(p, p->phase);
        if (!j.n || j.done < j.n)
            break;
    }
    if (p->phase == p->plan->nphases)
        return false;
    for (size_t i = 0; i < p->n; i++)
        if (bt_phase_has(p, &p->inst[i]))
            p->inst[i].pf = p->inst[i].in_phase[p->phase];
    return true;
}

/* ---- adoption ---- */

static bool noted(struct bt_project *p, const char *file, size_t *out)
{
    bt_auto_arena a = { 0 };
    struct bt_err err = { 0 };
    struct bt_str text;
    if (bt_file_read(&a, bt_arena_printf(&a, "%s/%s", p->dir, file), 256, &text, &err) < 0)
        return false;
    if (bt_phase_index(p, bt_arena_strndup(&a, text), out, &err) == 0)
        return true;
    bt_warn("daemon", "%s/%s: %s", p->dir, file, err.msg);
    return false;
}

void bt_phase_found(struct bt_project *p)
{
    noted(p, "phase", &p->phase);
    p->leaving = noted(p, "phase-to", &p->phase_to);
    for (size_t i = 0; i < p->n; i++)
        if (bt_phase_has(p, &p->inst[i]))
            p->inst[i].pf = p->inst[i].in_phase[p->phase];
}

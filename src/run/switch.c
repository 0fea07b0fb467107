/* switch.c - a project goes over to another plan while it runs: what the new plan starts the same way goes on, the rest is stopped, clients first; when that
 * is gone the new plan's file takes the old one's place, and the project is taken up from its folder as a next daemon would do it.
 *
 * The folder says it all: `next.json` is there from the moment when the switch is decided, and becomes plan.json by one rename. A daemon that is killed
 * before finds the old plan and where it goes, one that is killed after finds the new plan and who still runs. */
#include <stdio.h>

#include "base/file.h"
#include "base/log.h"
#include "run/project.h"

static const char *file_of(struct bt_arena *a, const struct bt_project *p, const char *file)
{
    return bt_arena_printf(a, "%s/%s", p->dir, file);
}

/* Its row of the phase that the new plan begins with. */
static const struct bt_pf_instance *new_row(const struct bt_project *p, const struct bt_instance *in)
{
    const struct bt_pf_phase *ph = &p->next->plan->phase[p->next->phase];
    for (size_t i = 0; i < ph->n; i++)
        if (!strcmp(ph->inst[i].id, in->pf->id))
            return &ph->inst[i];
    return NULL;
}

static bool could_stay(const struct bt_project *p, const struct bt_instance *in)
{
    enum bt_life_state s = in->life.state;
    const struct bt_pf_instance *row = new_row(p, in);
    return row && in->life.want_up && ((bt_life_alive(s) && !bt_life_leaving(s)) || s == BT_ST_DONE) && bt_phase_same_start(in->pf, row);
}

/* Somebody it waits for is stopped, and that one goes after its clients. */
static bool loses_its_server(const struct bt_project *p, const struct bt_instance *in, const bool *stays)
{
    for (size_t i = 0; i < p->n; i++)
        for (size_t j = 0; j < in->pf->nafter && !stays[i]; j++)
            if (!strcmp(in->pf->after[j].workload, p->inst[i].pf->workload) && bt_life_holds(p->inst[i].life.state))
                return true;
    return false;
}

static bool *who_stays(struct bt_arena *a, const struct bt_project *p)
{
    bool *stays = BT_NEWN(a, bool, p->n + 1), more = true;
    for (size_t i = 0; i < p->n; i++)
        stays[i] = could_stay(p, &p->inst[i]);
    while (more) {
        more = false;
        for (size_t i = 0; i < p->n; i++)
            if (stays[i] && p->inst[i].life.state != BT_ST_DONE && loses_its_server(p, &p->inst[i], stays))
                stays[i] = false, more = true;
    }
    return stays;
}

/* ---- it is decided ---- */

static void tell(struct bt_project *p)
{
    bt_auto_arena a = { 0 };
    bt_auto_buf struct bt_buf go = BT_BUF(4096), on = BT_BUF(4096);
    const bool *stays = who_stays(&a, p);
    for (size_t i = 0; i < p->n; i++) {
        struct bt_buf *b = stays[i] ? &on : &go;
        if (stays[i] || bt_life_holds(p->inst[i].life.state))
            bt_buf_printf(b, "%s%s", b->n ? ", " : "", p->inst[i].pf->id);
    }
    const char *text = bt_arena_printf(&a, "goes over to another plan; stopped: %s; as it is: %s", go.over ? "many" : go.n ? bt_buf_z(&go) : "none",
                                       on.over ? "many" : on.n ? bt_buf_z(&on) : "none");
    bt_info("daemon", "%s: %s", p->name, text);
    bt_report_event(p, json_pack("{s:s, s:o}", "event", "note", "text", bt_json_text(text)));
}

static void take(struct bt_project *p, struct bt_project *next)
{
    bt_project_free(p->next);
    p->next = next;
    p->leaving = true;
    p->settled = false;
}

int bt_switch_begin(struct bt_project *p, struct bt_str plan_text, const struct bt_strs *env, bool keep, bool fresh, bool *all_done, struct bt_err *err)
{
    bt_auto_arena a = { 0 };
    struct bt_project *next;
    if (p->leaving && !p->next) {
        bt_err_set(err, BT_E_STATE, 0, "project %s is on its way to phase %s", p->name, p->plan->phase[p->phase_to].name);
        return bt_err_hint(err, "`berth phase` says when it is there");
    }
    if (bt_project_read(p->d, plan_text, env, &next, err) < 0)
        return -1;
    next->keep = keep;
    if (bt_project_check(next, err) < 0 || bt_project_files_suffice(next, p, err) < 0 || bt_tasks_make(next, false, err) < 0)
        goto bad;
    *all_done = !bt_phase_first(next);
    if (*all_done) {
        bt_project_free(next);
        return 0;
    }
    if ((fresh && bt_project_still_free(p->d, next, err) < 0) || bt_file_write(file_of(&a, p, "next.json"), plan_text, err) < 0)
        goto bad;
    unlink(file_of(&a, p, "settled"));
    take(p, next);
    tell(p);
    return 0;
bad:
    bt_project_free(next);
    return -1;
}

void bt_switch_found(struct bt_project *p)
{
    bt_auto_arena a = { 0 };
    struct bt_err err = { 0 };
    struct bt_str text;
    struct bt_project *next;
    const char *path = file_of(&a, p, "next.json");
    if (!bt_file_exists(path))
        return;
    if (bt_file_read(&a, path, BT_PLANFILE_MAX, &text, &err) < 0 || bt_project_read(p->d, text, &p->env, &next, &err) < 0) {
        bt_error("daemon", "%s: the plan that it was to go over to: %s", p->name, err.msg);
        return;
    }
    next->keep = p->keep;
    if (bt_tasks_make(next, false, &err) < 0)
        bt_warn("daemon", "%s: %s", p->name, err.msg);
    if (!bt_phase_first(next))
        next->phase = 0;
    take(p, next);
}

/* ---- it is done ---- */

static bool has_left(struct bt_project *p, struct bt_instance *in)
{
    enum bt_life_state s = in->life.state;
    if (s == BT_ST_PENDING || bt_life_over(s))
        return true;
    if (bt_life_leaving(s) || s == BT_ST_RELEASING)
        in->life.want_up = in->life.anew = false;
    else if (!bt_life_alive(s) || !bt_project_needed_by_running(p, in))
        bt_life_event(&in->life, BT_EV_DOWN);
    return bt_life_over(in->life.state);
}

/* Of somebody who is stopped nothing is left but the log: in the new plan it begins like one that never was. */
static void clear(struct bt_instance *in)
{
    struct bt_err err = { 0 };
    bt_instance_reset(in);
    bt_instance_keep_log(in);
    if (bt_tree_remove(in->dir, &err) < 0 || bt_tree_remove(in->tmp, &err) < 0)
        bt_warn("inst", "%s/%s: %s", in->p->name, in->pf->id, err.msg);
}

/* The phase it begins with, the environment of its `up`, and then, by one rename, the plan. */
static int put_in_place(struct bt_project *p, struct bt_err *err)
{
    bt_auto_arena a = { 0 };
    const struct bt_project *next = p->next;
    static const char *const old[] = { "phase", "phase-to", "settled", NULL };
    for (const char *const *f = old; *f; f++)
        unlink(file_of(&a, p, *f));
    if (bt_project_write_env(next, err) < 0 || (next->phase && bt_file_write(file_of(&a, p, "phase"), bt_str(next->plan->phase[next->phase].name), err) < 0))
        return -1;
    if (next->keep && bt_file_write(file_of(&a, p, "keep"), BT_S(""), err) < 0)
        return -1;
    if (!next->keep)
        unlink(file_of(&a, p, "keep"));
    if (rename(file_of(&a, p, "next.json"), file_of(&a, p, "plan.json")) < 0)
        return bt_err_set(err, BT_E_IO, errno, "put the new plan in the place of %s/plan.json", p->dir);
    return 0;
}

bool bt_switch_drive(struct bt_project *p)
{
    bt_auto_arena a = { 0 };
    struct bt_err err = { 0 };
    struct bt_daemon *d = p->d;
    const bool *stays = who_stays(&a, p);
    bool all = true;
    for (size_t i = 0; i < p->n; i++)
        all &= stays[i] || has_left(p, &p->inst[i]);
    if (!all)
        return false;
    for (size_t i = 0; i < p->n; i++)
        if (!stays[i])
            clear(&p->inst[i]);
    if (put_in_place(p, &err) < 0) {
        bt_warn("daemon", "%s: %s: it is tried again", p->name, err.msg);
        return false;
    }
    struct bt_project *next = p->next, *now;
    p->next = NULL;
    bt_project_drop(p);
    bt_project_adopt(d, next->name);
    now = bt_project_find(d, next->name);
    if (now) {                       /* it has the environment of this `up` whole, secrets too: nobody need be asked for them */
        now->adopted = false;
        now->env = (struct bt_strs){ 0 };
        for (size_t i = 0; i < next->env.n; i++) {
            const char *row = bt_arena_strdup(&now->arena, next->env.v[i]);
            BT_PUSH(&now->arena, now->env.v, now->env.n, row);
        }
    }
    bt_project_free(next);
    bt_project_free(p);
    return true;
}

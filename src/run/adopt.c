/* adopt.c - what an earlier daemon left: its projects are taken up, told as ones that cannot be, or forgotten. */
#include <errno.h>
#include <stdio.h>

#include "base/file.h"
#include "base/log.h"
#include "base/units.h"
#include "run/project.h"

/* When it was ready, by the clock that nobody sets; `else_ms` where the file does not say. */
static int64_t ready_since(const char *path, int64_t else_ms)
{
    bt_auto_arena a = { 0 };
    struct bt_err ignored = { 0 };
    struct bt_str text;
    uint64_t ms;
    return bt_file_read(&a, path, 64, &text, &ignored) == 0 && bt_u64_parse(text, 1, INT64_MAX, &ms, &ignored) == 0 ? (int64_t)ms : else_ms;
}

/* A stop that the last daemon began: it goes on, and its end means what it was to mean. */
static void find_wish(struct bt_instance *in, bool gone, bool asked)
{
    const char *why;
    enum bt_wish wish = bt_keep_wish_read(&in->p->arena, in->dir, &why);
    bool comes_back = wish == BT_WISH_LEAVE && bt_phase_has(in->p, in) && !in->p->leaving;           /* the phase it was to make room for is over */
    if (wish == BT_WISH_NONE && gone && asked)
        wish = BT_WISH_ANEW;         /* it could not be written: of something still wanted, it was a restart */
    if (wish == BT_WISH_NONE)
        return;
    bt_life_found(&in->life, BT_ST_STOPPING);
    in->life.want_up = comes_back || wish == BT_WISH_ANEW || wish == BT_WISH_BROKEN;
    in->life.anew = comes_back || wish == BT_WISH_ANEW;
    in->gave_up = wish == BT_WISH_BROKEN;
    snprintf(in->why, sizeof in->why, "%s", why);
}

static void find_who(struct bt_instance *in)
{
    in->has_keeper = bt_keep_who_read(&in->p->arena, in->dir, "keeper.json", &in->keeper);
    in->has_child = bt_keep_who_read(&in->p->arena, in->dir, "child.json", &in->child);
}

static bool lives(bool has, const struct bt_keep_who *who)
{
    return has && who->this_boot && bt_proc_same(who->id);
}

/* Its launch.json does not say how it was started, and it runs: it is ended, and begins anew if it is still wanted. Never beside itself. */
static void find_unknown(struct bt_instance *in, const struct bt_err *err)
{
    find_who(in);
    if (!lives(in->has_keeper, &in->keeper) && !lives(in->has_child, &in->child))
        return;                      /* never started: it stays pending */
    bt_warn("inst", "%s/%s: %s: it is stopped, and starts anew if it is wanted", in->p->name, in->pf->id, err->msg);
    bt_life_found(&in->life, BT_ST_STOPPING);
    in->life.want_up = in->life.anew = bt_phase_has(in->p, in) && !in->p->leaving;
    in->ran = true;
    in->orphaned_ms = bt_now_ms();
    snprintf(in->why, sizeof in->why, "%s", err->msg);
}

/* What its folder says. True: it has ended, and what that means is to be decided. */
static bool find_instance(struct bt_instance *in)
{
    bt_auto_arena a = { 0 };
    struct bt_err err = { 0 };
    struct bt_keep_launch l;
    struct bt_keep_exit x = { 0 };
    if (bt_keep_launch_read(&in->p->arena, in->dir, &l, &err) < 0) {
        find_unknown(in, &err);
        return false;
    }
    bool gone = bt_keep_exit_read(&a, in->dir, &x);
    if (gone && !bt_phase_has(in->p, in) && (!in->life.job || x.asked))
        return false;                /* of a phase that is over, and stopped for it */
    in->life.restarts = (uint32_t)l.restarts;
    in->life.deaths = (uint32_t)l.deaths;
    in->launched_wall_ms = l.wall_ms;
    in->port = l.port;
    in->nports = l.nports;
    for (size_t i = 0; i < in->pf->nranks && i < l.nbase; i++)       /* or a stop would not know what "free again" is */
        in->base[i] = (struct bt_card_base){ .valid = l.base[i] >= 0, .residual_bytes = l.base[i] >= 0 ? (uint64_t)l.base[i] : 0 };
    bool ready = bt_file_exists(bt_arena_printf(&a, "%s/ready", in->dir));
    find_who(in);
    in->ran = true;
    if (in->queue && l.task >= 0 && (size_t)l.task < in->queue->n) {
        in->task = l.task;
        if (in->queue->state[in->task] != BT_TASK_DONE)
            bt_task_take(in);
    }
    in->life.was_ready = ready || l.was_ready;       /* it is only started again by itself after it was ready once */
    bt_life_found(&in->life, ready ? BT_ST_READY : BT_ST_STARTING);
    int64_t begun_ms = l.mono_ms > 0 && l.mono_ms < in->life.since_ms ? l.mono_ms : in->life.since_ms;
    in->life.since_ms = ready ? ready_since(bt_arena_printf(&a, "%s/ready", in->dir), begun_ms) : begun_ms;
    in->orphaned_ms = bt_now_ms();
    if (ready)
        bt_warm_found(in);
    find_wish(in, gone, x.asked);
    if (in->life.state == BT_ST_READY && !gone)
        bt_park_found(in);
    bt_info("inst", "%s/%s: found %s", in->p->name, in->pf->id, bt_life_state_name(in->life.state));
    return gone;
}

/* The journal's chain of states begins anew here: what the last daemon did after its last word is not known. */
static void tell_found(struct bt_project *p)
{
    bt_report_event(p, json_pack("{s:s, s:o}", "event", "adopted", "states", bt_report_states(p)));
}

static int read_env(struct bt_project *p, const char *path, struct bt_err *err)
{
    struct bt_str all;
    if (bt_file_read(&p->arena, path, BT_PROJECT_ENV_MAX, &all, err) < 0)
        return -1;
    for (size_t i = 0; i < all.n; i += strlen(all.p + i) + 1) {
        const char *row = all.p + i;
        BT_PUSH(&p->arena, p->env.v, p->env.n, row);
    }
    return 0;
}

/* Every message names the file that it is about. *none: there is no plan, so there is no project. */
static int read_folder(struct bt_project *p, const char *dir, bool *none, struct bt_err *err)
{
    struct bt_str text;
    *none = false;
    if (bt_file_read(&p->arena, bt_arena_printf(&p->arena, "%s/plan.json", dir), BT_PLANFILE_MAX, &text, err) < 0) {
        *none = err->sys == ENOENT;
        return -1;
    }
    return read_env(p, bt_arena_printf(&p->arena, "%s/env", dir), err) < 0 ? -1 : bt_project_fill(p, dir, text, err);
}

/* One of its keepers lives, or the first process of a workload whose keeper was killed. */
static bool runs(struct bt_arena *a, const char *name)
{
    static const char *const files[] = { "keeper.json", "child.json" };
    struct bt_strs id;
    struct bt_keep_who who;
    bt_run_instances_left(a, name, &id);
    for (size_t i = 0; i < id.n; i++)
        for (size_t f = 0; f < BT_LEN(files); f++)
            if (lives(bt_keep_who_read(a, bt_run_inst_dir(a, name, id.v[i]), files[f], &who), &who))
                return true;
    return false;
}

bool bt_project_is_lost(const char *name, struct bt_err *err)
{
    static struct bt_daemon nobody;
    struct bt_project *p = bt_xcalloc(1, sizeof *p);
    bool none;
    p->d = &nobody;
    bool read = read_folder(p, bt_run_project_dir(&p->arena, name), &none, err) == 0, lost = !read && (!none || runs(&p->arena, name));
    bt_project_free(p);
    return lost;
}

int bt_project_forget(const char *name, struct bt_err *err)
{
    bt_auto_arena a = { 0 };
    struct bt_strs id;
    const char *inst = bt_run_inst_dir(&a, name, NULL);
    bt_run_instances_left(&a, name, &id);
    for (size_t i = 0; i < id.n; i++)
        if (bt_tree_remove(bt_run_tmp_dir(&a, name, id.v[i]), err) < 0)
            return -1;
    return bt_tree_remove(inst, err) < 0 ? -1 : bt_tree_remove(bt_run_project_dir(&a, name), err);
}

/* After a reboot nothing of it runs, and what the user wanted yesterday is not started behind their back. */
static bool of_this_boot(struct bt_arena *a, const char *dir)
{
    struct bt_err ignored = { 0 };
    struct bt_str id;
    return bt_file_read(a, bt_arena_printf(a, "%s/boot", dir), 100, &id, &ignored) == 0 && bt_str_eq(id, bt_boot_id());
}

static void not_taken_up(struct bt_daemon *d, const char *name, const char *dir, const char *why)
{
    struct bt_broken row = { bt_arena_strdup(&d->arena, name), bt_arena_strdup(&d->arena, dir), bt_arena_strdup(&d->arena, why) };
    bt_error("daemon", "project %s cannot be taken up: %s; its folder %s is left as it is", name, why, dir);
    BT_PUSH(&d->arena, d->broken, d->nbroken, row);
}

void bt_project_adopt(struct bt_daemon *d, const char *name)
{
    struct bt_err err = { 0 };
    struct bt_project *p = bt_xcalloc(1, sizeof *p);
    bool none = false;
    p->d = d;
    p->adopted = true;
    const char *dir = bt_run_project_dir(&p->arena, name), *down = bt_arena_printf(&p->arena, "%s/down", dir);
    bool lives = runs(&p->arena, name), ours = lives || of_this_boot(&p->arena, dir), read = ours && read_folder(p, dir, &none, &err) == 0;
    if (!ours || (none && !lives)) {
        bt_warn("daemon", "project %s is of an earlier boot, or has no plan and nothing that runs: forgotten", name);
        if (bt_project_forget(name, &err) < 0)
            bt_warn("daemon", "%s", err.msg);
        bt_project_free(p);
        return;
    }
    if (!read) {
        not_taken_up(d, name, dir, err.msg);
        bt_project_free(p);
        return;
    }
    if (bt_tasks_make(p, false, &err) < 0)
        bt_warn("daemon", "%s: %s", p->name, err.msg);
    p->keep = bt_file_exists(bt_arena_printf(&p->arena, "%s/keep", dir));
    p->settled = bt_file_exists(bt_arena_printf(&p->arena, "%s/settled", dir));
    bt_project_insert(d, p);
    bt_phase_found(p);
    bt_switch_found(p);
    bool *gone = BT_NEWN(&p->arena, bool, p->n + 1);
    for (size_t i = 0; i < p->n; i++)
        gone[i] = find_instance(&p->inst[i]);
    tell_found(p);
    for (size_t i = 0; i < p->n; i++)
        if (gone[i])
            bt_instance_ended(&p->inst[i]);
    for (size_t i = 0; i < p->n; i++) {
        struct bt_instance *in = &p->inst[i];
        if (bt_project_place(in, &err) < 0)
            snprintf(in->why, sizeof in->why, "%s", err.msg);
        if (in->life.state == BT_ST_PENDING && bt_phase_has(p, in) && !p->leaving)
            bt_life_event(&in->life, BT_EV_UP);
    }
    if (bt_file_exists(down)) {
        struct bt_str word;
        p->failed_up = bt_file_read(&p->arena, down, 64, &word, &err) == 0 && bt_str_eq(word, "failed");
        bt_project_down(p, false);
    }
}

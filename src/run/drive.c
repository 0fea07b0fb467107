/* drive.c - one instance, one look: what is the next thing that may happen to it? */
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/units.h"
#include "run/ports.h"
#include "run/project.h"

enum {
    TAIL_BYTES = 1024 * 1024, HEALTH_EVERY_MS = 200, HEALTH_DEADLINE_MS = 5000, PROGRESS_EVERY_MS = 2000, NO_KEEPER_MS = 3000,
    SWEEP_HARD_MS = 3000, GONE_MS = 3000
};

static void tell_progress(struct bt_instance *in)
{
    bt_report_event(in->p, json_pack("{s:s, s:o}", "event", "inst", "instance", bt_report_instance(in, true)));
}

/* ---- waiting ---- */

/* The phase has copies of it: then only those are waited for, not the others that sleep or were stopped meanwhile. */
static bool in_this_phase(struct bt_project *p, const char *workload)
{
    const struct bt_instance *in = bt_project_first_of(p, workload);
    return in && bt_phase_has(p, in);
}

/* 1: holds, 0: not yet, -1: cannot come true any more */
static int after_holds(struct bt_instance *in, const struct bt_pf_after *dep)
{
    bool up = !strcmp(dep->what, "started") || !strcmp(dep->what, "ready"), here = up && in_this_phase(in->p, dep->workload);
    int all = 1;
    for (size_t i = 0; i < in->p->n; i++) {
        const struct bt_instance *o = &in->p->inst[i];
        enum bt_life_state s = o->life.state;
        if (strcmp(o->pf->workload, dep->workload) || (here && !bt_phase_has(in->p, o)))
            continue;
        bool released = !strcmp(dep->what, "released"), job_done = s == BT_ST_DONE;
        bool holds = released ? bt_life_over(s) : job_done;
        if (!strcmp(dep->what, "started"))
            holds |= s == BT_ST_READY || (s == BT_ST_STARTING && o->ran);
        if (!strcmp(dep->what, "ready"))
            holds |= s == BT_ST_READY;
        if (!holds && (s == BT_ST_FAILED || s == BT_ST_DOWN))
            return -1;
        all &= holds;
    }
    return all;
}

static bool after_all(struct bt_instance *in, bool *never)
{
    for (size_t i = 0; i < in->pf->nafter; i++) {
        int holds = after_holds(in, &in->pf->after[i]);
        if (holds == 1)
            continue;
        *never = holds < 0;
        snprintf(in->why, sizeof in->why, holds < 0 ? "%s was to be %s first, and it failed or was stopped" : "waits until %s is %s",
                 in->pf->after[i].workload, in->pf->after[i].what);
        return false;
    }
    return true;
}

/* Engines measure what is free while they start: two on one card would charge each other's bytes. */
static bool gate_open(struct bt_instance *in)
{
    const struct bt_daemon *d = in->p->d;
    for (size_t i = 0; i < d->nprojects; i++)
        for (size_t j = 0; j < d->project[i]->n; j++) {
            const struct bt_instance *o = &d->project[i]->inst[j];
            if (o == in || o->life.state != BT_ST_STARTING || o->kv_sized)
                continue;
            for (size_t k = 0; k < o->pf->nranks; k++)
                for (size_t l = 0; l < in->pf->nranks; l++)
                    if (!strcmp(o->pf->rank[k].gpu, in->pf->rank[l].gpu)) {
                        snprintf(in->why, sizeof in->why, "waits until %s has measured the memory of GPU %d", o->pf->id, o->pf->rank[k].index);
                        return false;
                    }
        }
    return true;
}

static void drive_waiting(struct bt_instance *in)
{
    char before[sizeof in->why];
    bool never = false;
    int64_t now = bt_now_ms();
    memcpy(before, in->why, sizeof before);
    in->why[0] = 0;
    if (!after_all(in, &never) || !gate_open(in)) {
        in->wait_ms = 0;             /* the limit is for things nobody here will bring about */
        if (never)
            bt_life_event(&in->life, BT_EV_BLOCKED);
    } else if (in->queue && !bt_task_take(in)) {
        bt_life_event(&in->life, BT_EV_NOTHING);
    } else if (!bt_memory_window(in, in->why, sizeof in->why)) {
        in->wait_ms = 0;             /* whoever starts there has limits of its own */
    } else if (bt_lease_ready(in) && bt_memory_room(in, in->why, sizeof in->why)) {
        in->why[0] = 0;
        bt_life_event(&in->life, BT_EV_START);
        return;
    } else {
        if (!in->wait_ms)
            in->wait_ms = now;
        bool gone = !in->life.was_ready && bt_memory_card_gone(in);          /* what ran on a card that fell off waits for its reset */
        if (now - in->wait_ms > (gone ? BT_MIN(in->p->limit_memory_ms, (int64_t)GONE_MS) : in->p->limit_memory_ms)) {
            snprintf(in->why_hint, sizeof in->why_hint, "%s",
                     gone ? "`berth gpus` shows the cards there are; a new `berth up` plans for these, one with --plan does not"
                          : "free it and bring the set up again; BERTH_MEMORY_WAIT=5m waits longer");
            bt_life_event(&in->life, BT_EV_BLOCKED);
        }
    }
    if (in->life.state == BT_ST_WAITING && strcmp(before, in->why))
        tell_progress(in);
}

/* ---- its log ---- */

static void on_line(void *ctx, int64_t wall_ms, char stream, struct bt_str text)
{
    struct bt_instance *in = ctx;
    struct bt_log_event ev;
    if (wall_ms < in->launched_wall_ms || stream == 'b')
        return;                      /* an earlier start's */
    if (in->log_ready && !in->log_matched)
        in->log_matched = bt_pattern_found(in->log_ready, text);
    if (!in->engine->log_line(text, &ev))
        return;
    in->kv_sized |= ev.kv_sized;
    bt_learn_line(in, &ev);
    if (ev.kind == BT_LOG_KV_TOKENS)
        in->kv_tokens = ev.tokens;
    if (ev.kind == BT_LOG_ERROR && !in->first_error[0])
        snprintf(in->first_error, sizeof in->first_error, "%s", ev.text);    /* the first: later ones are its echoes */
    if (ev.kind == BT_LOG_WORKER_DIED)
        snprintf(in->died, sizeof in->died, "%s", ev.text);
    if (in->life.state != BT_ST_STARTING || !ev.step || ev.kind == BT_LOG_READY)
        return;                      /* it may call itself ready; we look */
    bool same = !strcmp(in->step, ev.step);
    if (!same || (ev.percent >= 0 && in->percent != ev.percent)) {   /* a line of the same step without a figure takes none back */
        snprintf(in->step, sizeof in->step, "%s", ev.step);
        in->percent = ev.percent;
        tell_progress(in);
    }
}

void bt_instance_read_log(struct bt_instance *in)
{
    bt_tail_read(&in->tail, in->dir, TAIL_BYTES, on_line, in);
}

/* ---- starting ---- */

static void give_up(struct bt_instance *in)
{
    in->gave_up = true;
    bt_life_event(&in->life, BT_EV_STALLED);
}

static void on_health(void *ctx, int status, struct bt_str body)
{
    struct bt_instance *in = ctx;
    (void)body;
    in->health = NULL;
    in->answered = status >= 200 && status < 300;
}

/* Somebody answers on the port. Two servers can both believe to own it, so look whose the listener is. */
static bool listener_ours(struct bt_instance *in)
{
    bt_auto_arena a = { 0 };
    struct bt_proc *all, *m;
    size_t nall = bt_proc_list(&a, &all), n = bt_instance_members(&a, in, all, nall, &m);
    pid_t *pid;
    bool listened;
    if (bt_port_is_of(&a, (uint16_t)in->url_port, m, n))
        return true;
    bt_port_listeners(&a, (uint16_t)in->url_port, &pid, &listened);
    if (listened) {
        snprintf(in->why, sizeof in->why, "port %d answers, but its listener is not ours: %s", in->url_port,
                 bt_port_holder(&a, (uint16_t)in->url_port));
        give_up(in);
    }
    return false;
}

/* False: it is not there. */
static bool look_file(const struct bt_instance *in, struct bt_ready_file *out)
{
    bt_auto_arena a = { 0 };
    struct stat st;
    if (in->pf->ready != BT_PF_READY_FILE || stat(bt_path_abs(&a, in->pf->cwd, bt_instance_fill(&a, in, in->pf->ready_arg)), &st) < 0)
        return false;
    *out = (struct bt_ready_file){ .known = true, .inode = st.st_ino, .bytes = (uint64_t)st.st_size, .changed = st.st_mtim };
    return true;
}

void bt_instance_note_file(struct bt_instance *in)
{
    if (!look_file(in, &in->file))
        in->file = (struct bt_ready_file){ .known = true };
}

/* Another than before the start. Where a later daemon looks, which did not see that: one that is no older than the start, by the clock of the files. */
static bool file_is_there(struct bt_instance *in)
{
    bt_auto_arena a = { 0 };
    struct stat begun;
    struct bt_ready_file now, *old = &in->file;
    if (!look_file(in, &now))
        return false;
    if (!old->known)
        return stat(bt_arena_printf(&a, "%s/launch.json", in->dir), &begun) == 0 && now.changed.tv_sec >= begun.st_mtim.tv_sec;
    return now.inode != old->inode || now.bytes != old->bytes || now.changed.tv_sec != old->changed.tv_sec || now.changed.tv_nsec != old->changed.tv_nsec;
}

static bool is_ready(struct bt_instance *in)
{
    int64_t now = bt_now_ms();
    switch (in->pf->ready) {
    case BT_PF_READY_EXEC:
        return true;
    case BT_PF_READY_LOG:
        return in->log_matched;
    case BT_PF_READY_FILE:
        return file_is_there(in);
    case BT_PF_READY_PORT:
        return listener_ours(in);    /* looks only: a bind of our own to try it could take the port from the workload */
    case BT_PF_READY_HTTP:
        break;
    }
    if (in->answered) {
        in->answered = false;
        return listener_ours(in);
    }
    if (!in->health && now - in->health_ms >= HEALTH_EVERY_MS) {
        in->health_ms = now;
        in->health = bt_health_get(in->p->d->base, in->ip, in->url_port, in->pf->ready_arg, HEALTH_DEADLINE_MS, 0, on_health, in);
    }
    return false;
}

/* A first start spends minutes in a step that no log tells of. */
static void look_download(struct bt_instance *in)
{
    if (bt_download_look(&in->download, in->model_dir, in->pf->model_bytes, bt_now_ms()))
        tell_progress(in);
}

/* Progress is a longer log, a longer download or used CPU; its absence, not a guess about duration, is the deadline. */
static void watch_progress(struct bt_instance *in)
{
    int64_t now = bt_now_ms();
    if (now - in->progress_look_ms < PROGRESS_EVERY_MS)
        return;
    bt_auto_arena a = { 0 };
    struct bt_proc *all, *m;
    size_t nall = bt_proc_list(&a, &all), n = bt_instance_members(&a, in, all, nall, &m);
    uint64_t mark = in->tail.bytes + bt_tree_cpu_ticks(m, n) + in->download.bytes;
    in->progress_look_ms = now;
    if (!in->progress_ms || mark != in->progress_mark)
        in->progress_ms = now;
    in->progress_mark = mark;
    if (now - in->progress_ms > in->p->limit_stall_ms) {
        snprintf(in->why, sizeof in->why, "no sign of progress (log, CPU) for %s", bt_duration_human((double)in->p->limit_stall_ms / 1000));
        give_up(in);
    } else if (now - in->life.since_ms > in->p->limit_start_ms) {
        snprintf(in->why, sizeof in->why, "not ready after %s", bt_duration_human((double)in->p->limit_start_ms / 1000));
        give_up(in);
    }
}

/* ---- alive ---- */

static void sweep(struct bt_instance *in)
{
    bt_auto_arena a = { 0 };
    struct bt_proc *all, *m;
    struct bt_tree t = { .mark = in->dir, .by_mark = true, .cgroup = in->has_keeper ? in->keeper.cgroup : NULL };
    if (in->has_child && in->child.this_boot)
        t.leader = in->child.id;
    size_t nall = bt_proc_list(&a, &all), n = bt_tree_members(&a, &t, all, nall, &m);
    if (n == 0) {
        bool cut_off = in->orphaned_ms && !in->has_keeper && !in->has_child && !bt_file_exists(bt_arena_printf(&a, "%s/exit.json", in->dir));
        in->life.anew |= cut_off && in->life.want_up;        /* the last daemon died over its start: nothing ever ran, so it begins again */
        bt_instance_ended(in);
        return;
    }
    bt_tree_signal(&a, &t, SIGKILL, bt_now_ms() - in->sweep_ms < SWEEP_HARD_MS);
}

/* Its keeper runs, and has not got so far as to say so, or what it said cannot be read. */
static bool keeper_runs(const struct bt_instance *in, struct bt_proc_id *out)
{
    bt_auto_arena a = { 0 };
    struct bt_proc *all;
    size_t n = bt_daemon_procs(in->p->d, false, &all);
    bt_auto_buf struct bt_buf want = BT_BUF(32 * KiB);
    bt_buf_puts(&want, "berth keeper ");
    bt_buf_add_escaped(&want, bt_str(in->dir));
    bt_buf_puts(&want, " ");
    for (size_t i = 0; i < n; i++)
        if (all[i].state != 'Z' && strstr(bt_proc_cmdline(&a, all[i].id.pid), bt_buf_z(&want))) {
            *out = all[i].id;
            return true;
        }
    return false;
}

/* Adopted: a keeper that was being started when the daemon died has a moment to say who it is. */
static void find_keeper(struct bt_instance *in)
{
    struct bt_proc_id id;
    in->has_keeper = bt_keep_who_read(&in->p->arena, in->dir, "keeper.json", &in->keeper);
    in->has_child = bt_keep_who_read(&in->p->arena, in->dir, "child.json", &in->child);
    if (in->has_keeper || bt_now_ms() - in->orphaned_ms <= NO_KEEPER_MS)
        return;
    if (keeper_runs(in, &id)) {
        in->keeper = (struct bt_keep_who){ id, true, NULL };         /* its cgroup is its own to remove */
        in->has_keeper = true;
    } else {
        in->sweeping = true;
        in->sweep_ms = bt_now_ms();
    }
}

/* Parked, and wanted back: behind the same barrier as a start. */
static void look_back(struct bt_instance *in)
{
    char before[sizeof in->why];
    snprintf(before, sizeof before, "%s", in->why);
    if (!gate_open(in))
        return;
    if (bt_memory_window(in, in->why, sizeof in->why) && bt_memory_room(in, in->why, sizeof in->why)) {
        in->why[0] = 0;
        bt_park_resume(in);
    } else if (strcmp(before, in->why))
        tell_progress(in);
}

static void drive_alive(struct bt_instance *in)
{
    if (in->sweeping) {
        sweep(in);
        return;
    }
    if (!in->ran) {                  /* exec is under way: the report pipe will say */
        if (in->report)
            event_add(in->report, NULL);
        return;
    }
    if (!in->has_keeper)
        find_keeper(in);
    if (!in->ctl && in->has_keeper)
        bt_instance_connect(in);
    if (!in->ctl)
        return;
    bt_instance_read_log(in);
    if (in->life.state == BT_ST_STARTING) {
        if (is_ready(in))
            bt_life_event(&in->life, BT_EV_READY);
        else if (in->life.state == BT_ST_STARTING) {
            look_download(in);
            watch_progress(in);
        }
    }
    if (in->life.state == BT_ST_READY)
        bt_warm_look(in);
    if (in->life.state == BT_ST_READY)
        bt_alive_look(in);
    if (in->life.state == BT_ST_DRAINING)
        bt_alive_drain(in);
    if (in->life.state == BT_ST_PARKING || in->life.state == BT_ST_RESUMING)
        bt_park_drive(in);
    if (bt_park_wants_back(in))
        look_back(in);
    if (in->life.state == BT_ST_STOPPING && (!in->stop_sent || in->hurry_wanted))
        bt_instance_send_stop(in);
}

/* ---- releasing ---- */

static void drive_releasing(struct bt_instance *in)
{
    char why[512];
    int64_t now = bt_now_ms();
    if (!in->release_ms)
        in->release_ms = now;
    if (bt_memory_released(in, why, sizeof why)) {
        bt_life_freed(&in->life);
        return;
    }
    if (now - in->release_ms < in->p->limit_release_ms)
        return;
    bt_warn("inst", "%s/%s: gone, but %s; the next start on that card will wait for it", in->p->name, in->pf->id, why);
    bt_report_event(in->p, json_pack("{s:s, s:o}", "event", "note", "text", bt_json_text(why)));
    bt_life_freed(&in->life);
}

/* Held from the launch until the engine has measured; while waiting only for as long as the driver's word about it is to come. */
static bool wants_window(const struct bt_instance *in)
{
    enum bt_life_state s = in->life.state;
    if (s == BT_ST_WAITING || s == BT_ST_PARKED)
        return in->window.foreign && !bt_memory_heard(in);
    return (s == BT_ST_STARTING && !in->kv_sized) || s == BT_ST_RESUMING;
}

/* A start that a new daemon found has it too, if nobody else took it meanwhile. */
static void look_window(struct bt_instance *in)
{
    char why[256];
    if (!wants_window(in))
        bt_window_give(&in->window);
    else if (in->life.state == BT_ST_STARTING && !in->window.fd && !bt_memory_window(in, why, sizeof why))
        bt_debug("inst", "%s/%s: %s", in->p->name, in->pf->id, why);
}

static void drive(struct bt_instance *in)
{
    switch (in->life.state) {
    case BT_ST_WAITING:
        drive_waiting(in);
        break;
    case BT_ST_STARTING:
    case BT_ST_READY:
    case BT_ST_PARKING:
    case BT_ST_PARKED:
    case BT_ST_RESUMING:
    case BT_ST_DRAINING:
    case BT_ST_STOPPING:
        drive_alive(in);
        break;
    case BT_ST_RELEASING:
        drive_releasing(in);
        break;
    case BT_ST_BACKOFF:
        if (bt_now_ms() >= in->life.backoff_until_ms)
            bt_life_event(&in->life, BT_EV_TIMER);
        break;
    default:
        break;
    }
}

void bt_instance_drive(struct bt_instance *in)
{
    drive(in);
    look_window(in);
}

/* drift.c - after every sample: what runs against what was planned. Changes become events and marks of `ps`; `on_drift: stop` ends the instance.
 *
 * A sample can fall between an allocation and its release, so it takes two in a row. */
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/units.h"
#include "run/project.h"

enum { IN_A_ROW = 2, FOREIGN_MAX = 256 };

static bool is_judged(const struct bt_instance *in)
{
    return in->life.state == BT_ST_READY || in->life.state == BT_ST_PARKED;      /* while it moves, its bytes do */
}

/* "" = as planned */
static void judge(const struct bt_instance *in, const struct bt_probe_sample *s, char *out, size_t size)
{
    out[0] = 0;
    for (size_t i = 0; i < s->n && !out[0]; i++) {
        const struct bt_probe_gpu *g = &s->gpus[i];
        bool placed = false;
        uint64_t planned = bt_instance_claims_on(in, g->uuid, &placed);
        struct bt_actual now = bt_sample_actual(g, in->pids, in->npids);
        if (!g->procs_valid || !now.valid || !now.nprocs || (placed && now.bytes <= planned))
            continue;
        if (placed)
            snprintf(out, size, "GPU %d: %s held, %s planned", g->index, bt_bytes_human(now.bytes), bt_bytes_human(planned));
        else
            snprintf(out, size, "GPU %d: %s held on a card that the plan did not give it", g->index, bt_bytes_human(now.bytes));
    }
    for (size_t i = 0; i < in->pf->nranks && !out[0]; i++)
        if (!bt_probe_gpu(s, in->pf->rank[i].gpu))
            snprintf(out, size, "GPU %d is not there any more", in->pf->rank[i].index);
}

static void tell(struct bt_instance *in)
{
    bool bad = in->drift[0] != 0;
    bt_warn("inst", "%s/%s: %s", in->p->name, in->pf->id, bad ? in->drift : "back inside its plan");
    bt_report_event(in->p, json_pack("{s:s, s:s, s:b, s:o}", "event", "drift", "id", in->pf->id, "drift", bad, "text",
                                     bt_json_text(bad ? in->drift : "back inside its plan")));
}

static void look_at(struct bt_instance *in, const struct bt_probe_sample *s)
{
    char now[sizeof in->drift];
    if (!is_judged(in)) {
        in->drift[0] = 0;
        in->drift_seen = 0;
        return;
    }
    judge(in, s, now, sizeof now);
    in->drift_seen = now[0] ? in->drift_seen + 1 : 0;
    bool was = in->drift[0] != 0, is = in->drift_seen >= IN_A_ROW;
    snprintf(in->drift, sizeof in->drift, "%s", is ? now : "");      /* bytes change: the newest are shown, told is the change */
    if (was != is)
        tell(in);
    if (!was && is && !strcmp(in->pf->on_drift, "stop")) {
        snprintf(in->why, sizeof in->why, "stopped (on_drift: stop): %s", now);
        bt_life_event(&in->life, BT_EV_DOWN);
    }
}

/* ---- strangers on our cards ---- */

static bool known(const struct bt_project *p, const char *uuid, int64_t pid)
{
    for (size_t i = 0; i < p->nforeign; i++)
        if (p->foreign[i].pid == pid && !strcmp(p->foreign[i].gpu, uuid))
            return true;
    return false;
}

static void tell_foreign(struct bt_project *p, const struct bt_probe_gpu *g, const struct bt_probe_proc *proc)
{
    bt_auto_arena a = { 0 };
    const char *who = bt_proc_user(&a, (pid_t)proc->pid), *command = bt_proc_cmdline(&a, (pid_t)proc->pid);
    const char *text = bt_arena_printf(&a, "GPU %d: pid %lld (%s) %.80s is none of berth's: %s", g->index, (long long)proc->pid, who, command,
                                       proc->bytes_valid ? bt_bytes_human(proc->bytes) : "bytes unknown");
    bt_warn("daemon", "%s: %s", p->name, text);
    bt_report_event(p, json_pack("{s:s, s:s, s:I, s:o}", "event", "foreign", "gpu", g->uuid, "pid", (json_int_t)proc->pid, "text", bt_json_text(text)));
}

static void look_foreign(struct bt_project *p, const struct bt_probe_sample *s)
{
    struct bt_foreign now[FOREIGN_MAX];
    size_t n = 0;
    for (size_t i = 0; i < p->plan->ngpus; i++) {
        const struct bt_probe_gpu *g = bt_probe_gpu(s, p->plan->gpu[i].uuid);
        for (size_t k = 0; g && g->procs_valid && k < g->nprocs && n < FOREIGN_MAX; k++) {
            if (bt_daemon_owner(p->d, g->procs[k].pid))
                continue;
            if (!known(p, g->uuid, g->procs[k].pid))
                tell_foreign(p, g, &g->procs[k]);
            now[n++] = (struct bt_foreign){ p->plan->gpu[i].uuid, g->procs[k].pid };
        }
    }
    memcpy(p->foreign, now, n * sizeof *now);
    p->nforeign = n;
}

void bt_drift_look(struct bt_daemon *d)
{
    const struct bt_probe_sample *s = bt_sampler_last(d->sampler);
    for (size_t i = 0; s && !s->error && i < d->nprojects; i++) {
        struct bt_project *p = d->project[i];
        for (size_t j = 0; j < p->n; j++)
            if (p->inst[j].pf->nranks)
                look_at(&p->inst[j], s);
        if (!p->foreign)
            p->foreign = BT_NEWN(&p->arena, struct bt_foreign, FOREIGN_MAX);
        look_foreign(p, s);
    }
}

/* memory.c - is there room on the cards, and have the bytes come back. Believes the driver, nobody else. */
#include <stdio.h>

#include "base/units.h"
#include "run/project.h"

static struct bt_actual actual_of(const struct bt_instance *in, const struct bt_probe_gpu *g)
{
    return bt_sample_actual(g, in->pids, in->npids);
}

/* What our other instances hold or are promised on a card, those of other projects too. What it holds itself while it is parked is a part of what it needs. */
static void add_neighbours(const struct bt_instance *self, const struct bt_probe_gpu *g, struct bt_room *room)
{
    const struct bt_daemon *d = self->p->d;
    for (size_t i = 0; i < d->nprojects; i++)
        for (size_t j = 0; j < d->project[i]->n; j++) {
            const struct bt_instance *in = &d->project[i]->inst[j];
            if (!bt_life_holds(in->life.state))
                continue;
            uint64_t planned = bt_instance_claims_on(in, g->uuid, NULL), actual = actual_of(in, g).bytes;
            room->neighbours_bytes += in == self ? 0 : BT_MAX(planned, actual);
            room->neighbours_actual_bytes += actual;
        }
}

/* "pid 4711 (alice) python3 x.py: 12.00 GiB; ..." */
static void name_holders(const struct bt_instance *self, const struct bt_probe_gpu *g, struct bt_buf *out)
{
    bt_auto_arena a = { 0 };
    size_t named = 0;
    if (!g->procs_valid)
        bt_buf_puts(out, "the driver does not say by whom");
    for (size_t i = 0; g->procs_valid && i < g->nprocs && named < 4; i++) {
        pid_t pid = (pid_t)g->procs[i].pid;
        const struct bt_instance *owner = bt_daemon_owner(self->p->d, pid);
        if (owner == self)
            continue;
        const char *ours = owner ? bt_arena_printf(&a, "%s/%s ", owner->p->name, owner->pf->id) : "", *cmd = bt_proc_cmdline(&a, pid);
        bt_buf_printf(out, "%s%spid %d (%s) %.60s: %s", named++ ? "; " : "", ours, (int)pid, bt_proc_user(&a, pid), cmd,
                      g->procs[i].bytes_valid ? bt_bytes_human(g->procs[i].bytes) : "bytes unknown");
    }
}

bool bt_memory_heard(const struct bt_instance *in)
{
    const struct bt_probe_sample *s = bt_sampler_last(in->p->d->sampler);
    return !in->window.foreign || (s && s->t > in->window.taken_s);
}

bool bt_memory_window(struct bt_instance *in, char *why, size_t n)
{
    bt_auto_arena a = { 0 };
    const char **uuid = BT_NEWN(&a, const char *, in->pf->nranks + 1);
    size_t k = 0;
    for (size_t i = 0; i < in->pf->nranks; i++) {
        bool twice = false;
        for (size_t j = 0; j < k; j++)
            twice |= !strcmp(uuid[j], in->pf->rank[i].gpu);
        if (!twice)
            uuid[k++] = in->pf->rank[i].gpu;
    }
    return bt_window_take(&in->window, uuid, k, bt_arena_printf(&a, "%s/%s", in->p->name, in->pf->id), why, n);
}

bool bt_memory_card_gone(const struct bt_instance *in)
{
    const struct bt_probe_sample *s = bt_sampler_last(in->p->d->sampler);
    for (size_t i = 0; s && !s->error && i < in->pf->nranks; i++)
        if (!bt_probe_gpu(s, in->pf->rank[i].gpu))
            return true;
    return false;
}

bool bt_memory_room(struct bt_instance *in, char *why, size_t n)
{
    const struct bt_probe_sample *s = bt_sampler_last(in->p->d->sampler);
    if (!in->pf->nranks)
        return true;
    if (!s || s->error) {
        snprintf(why, n, s ? "no word from the driver about its cards: %s" : "waits for the driver's first word about its cards", s ? s->error : "");
        return false;
    }
    if (!bt_memory_heard(in)) {
        snprintf(why, n, "waits for the driver's word after another user's start");
        return false;
    }
    for (size_t i = 0; i < in->pf->nranks; i++) {
        const struct bt_pf_rank *r = &in->pf->rank[i];
        const struct bt_probe_gpu *g = bt_probe_gpu(s, r->gpu);
        if (!g) {
            snprintf(why, n, "GPU %d (%s) of the plan is not on this machine", r->index, r->gpu);
            return false;
        }
        uint64_t free_bytes, planned = bt_project_gpu(in->p, r->gpu)->total_bytes;
        /* a card may have less than the plan was made for: repaired, or not what its name says */
        struct bt_room room = { .total_bytes = g->nvml_total_bytes ? BT_MIN(planned, g->nvml_total_bytes) : planned, .need_bytes = r->bytes };
        add_neighbours(in, g, &room);
        if (bt_sample_room(g, &room, &free_bytes))
            continue;
        bt_auto_buf struct bt_buf who = BT_BUF(400);
        name_holders(in, g, &who);
        snprintf(why, n, "GPU %d: %s needed, %s free; held by %s", r->index, bt_bytes_human(r->bytes), bt_bytes_human(free_bytes),
                 who.n ? bt_buf_z(&who) : "nobody listed");
        return false;
    }
    return true;
}

/* Phases behind us hold what has not left yet; of those to come everything counts that has not ended for good. */
static bool counts_in(const struct bt_instance *in, size_t phase)
{
    enum bt_life_state s = in->life.state;
    if (in->p->down || phase < in->p->phase)
        return bt_life_holds(s);
    return phase == in->p->phase ? !bt_life_over(s) : s != BT_ST_DONE && s != BT_ST_FAILED;
}

uint64_t bt_memory_promised(const struct bt_project *p, const char *uuid)
{
    uint64_t most = 0;
    for (size_t ph = 0; ph < p->plan->nphases; ph++) {
        uint64_t sum = 0;
        for (size_t i = 0; i < p->n; i++) {
            const struct bt_pf_instance *row = p->inst[i].in_phase[ph];
            for (size_t j = 0; row && counts_in(&p->inst[i], ph) && j < row->nranks; j++)
                sum += !strcmp(row->rank[j].gpu, uuid) ? row->rank[j].bytes : 0;
            if (!row && p->inst[i].life.state == BT_ST_PARKED)
                sum += bt_instance_claims_on(&p->inst[i], uuid, NULL);
        }
        most = BT_MAX(most, sum);
    }
    return most;
}

void bt_memory_note_base(struct bt_instance *in)
{
    const struct bt_probe_sample *s = bt_sampler_last(in->p->d->sampler);
    for (size_t i = 0; i < in->pf->nranks; i++) {
        const struct bt_probe_gpu *g = s && !s->error ? bt_probe_gpu(s, in->pf->rank[i].gpu) : NULL;
        struct bt_actual r = g ? bt_sample_residual(g) : (struct bt_actual){ 0 };
        in->base[i] = (struct bt_card_base){ .valid = r.valid, .residual_bytes = r.bytes };
    }
}

bool bt_memory_released(struct bt_instance *in, char *why, size_t n)
{
    enum { SLACK = 64 * 1024 * 1024 };
    const struct bt_probe_sample *s = bt_sampler_last(in->p->d->sampler);
    if (!in->pf->nranks)
        return true;
    if (!s || s->error || s->t <= in->ended_s) {
        snprintf(why, n, "waiting for the driver's word that its memory is free");
        return false;
    }
    for (size_t i = 0; i < in->pf->nranks; i++) {
        const struct bt_probe_gpu *g = bt_probe_gpu(s, in->pf->rank[i].gpu);
        if (!g)
            continue;                /* a card that is gone holds nothing for anybody */
        struct bt_actual mine = actual_of(in, g), rest = bt_sample_residual(g);
        if (mine.nprocs) {
            snprintf(why, n, "GPU %d: the driver still lists %zu of its processes with %s", in->pf->rank[i].index, mine.nprocs,
                     bt_bytes_human(mine.bytes));
            return false;
        }
        if (rest.valid && in->base[i].valid && rest.bytes > in->base[i].residual_bytes + SLACK) {
            snprintf(why, n, "GPU %d: %s are not back yet, and no process holds them", in->pf->rank[i].index,
                     bt_bytes_human(rest.bytes - in->base[i].residual_bytes));
            return false;
        }
    }
    return true;
}

/* Who belongs to whom. While an instance is releasing its last list stays: those are the pids that must vanish. */
void bt_memory_members(struct bt_daemon *d)
{
    bt_auto_arena a = { 0 };
    struct bt_proc *all;
    size_t nall = bt_proc_list(&a, &all);
    for (size_t i = 0; i < d->nprojects; i++)
        for (size_t j = 0; j < d->project[i]->n; j++) {
            struct bt_instance *in = &d->project[i]->inst[j];
            struct bt_proc *m;
            if (!in->pf->nranks || !bt_life_alive(in->life.state))
                continue;
            size_t n = bt_instance_members(&a, in, all, nall, &m);
            if (!n)
                continue;
            in->pids = bt_xrealloc(in->pids, n * sizeof *in->pids);
            for (in->npids = 0; in->npids < n; in->npids++)
                in->pids[in->npids] = m[in->npids].id.pid;
        }
}

void bt_memory_on_sample(void *daemon)
{
    bt_memory_members(daemon);
    bt_drift_look(daemon);
    bt_learn_sampled(daemon);
    bt_ops_sampled(daemon);
}

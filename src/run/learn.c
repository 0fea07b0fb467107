/* learn.c - see learn.h */
#include "run/learn.h"

#include <errno.h>
#include <signal.h>
#include <sys/stat.h>

#include "base/log.h"
#include "run/project.h"
#include "store/store.h"

#define HALF_DIGIT (5 * MiB + 256 * KiB)             /* logs say GiB with two digits: what the rounding may have taken away */

/* Another process that writes just now is no reason to close. */
static void gave_up(struct bt_daemon *d, const struct bt_err *err)
{
    bt_warn("learn", "%s%s%s: not remembered", err->msg, err->hint[0] ? "; " : "", err->hint);
    if (err->code != BT_E_BUSY)
        bt_journal_close(d);
}

/* ---- what a start says ---- */

/* Whose line it is; nlearn when it does not say. */
static size_t stage_of(const struct bt_instance *in, const struct bt_log_event *ev)
{
    size_t n = in->pf->nlearn;
    if (ev->pp >= 0)
        return BT_MIN((size_t)ev->pp, n);
    return ev->rank >= 0 ? (size_t)ev->rank / in->pf->learn_tp % n : n;
}

void bt_learn_line(struct bt_instance *in, const struct bt_log_event *ev)
{
    size_t n = in->pf->nlearn, mine = n ? stage_of(in, ev) : 0;
    for (size_t i = 0; i < n; i++) {
        struct bt_learning_stage *g = &in->learn.stage[i];
        double *field = ev->kind == BT_LOG_WEIGHTS_GIB      ? &g->weights_gib
                        : ev->kind == BT_LOG_ACTIVATION_GIB ? &g->activation_gib
                        : ev->kind == BT_LOG_GRAPHS_GIB     ? &g->graphs_gib : NULL;
        if (field && (mine == i || mine == n))
            *field = BT_MAX(*field, ev->gib);
    }
}

static uint64_t from_gib(double gib)
{
    return gib > 0 && gib < 65536 ? (uint64_t)(gib * (double)GiB) + HALF_DIGIT : 0;
}

/* A process on its card that is not its own. One that ended between sample and look is nobody. */
static bool somebody_else(const struct bt_instance *in, const struct bt_probe_gpu *g)
{
    for (size_t i = 0; i < g->nprocs; i++) {
        const struct bt_instance *owner = bt_daemon_owner(in->p->d, g->procs[i].pid);
        bool there = kill((pid_t)g->procs[i].pid, 0) == 0 || errno == EPERM;
        if (owner != in && (owner || there))
            return true;
    }
    return false;
}

static void note_stage(struct bt_instance *in, struct bt_store *s, size_t k)
{
    const struct bt_pf_learn *pf = &in->pf->learn[k];
    const struct bt_learning_stage *g = &in->learn.stage[k];
    struct bt_err err = { 0 };
    uint64_t compute = from_gib(g->activation_gib);
    struct bt_store_start row = { .key = pf->key, .what = in->pf->learn_what, .weights_bytes = from_gib(g->weights_gib), .wall_ms = bt_wall_ms(),
                                  .activation_bytes = compute > pf->growth_bytes ? compute - pf->growth_bytes : 0, .graph_bytes = from_gib(g->graphs_gib) };
    row.rest_bytes = g->held_bytes > pf->known_bytes ? g->held_bytes - pf->known_bytes : 0;
    if (!g->held_bytes)
        return;
    if (bt_store_add_start(s, &row, &err) < 0)
        gave_up(in->p->d, &err);
    else
        bt_info("learn", "%s/%s: %s: %llu MiB beside weights and KV", in->p->name, in->pf->id, in->pf->learn_what, (unsigned long long)(row.rest_bytes / MiB));
}

static void note_start(struct bt_instance *in)
{
    for (size_t k = 0; k < in->pf->nlearn; k++) {
        struct bt_store *s = bt_journal_store(in->p->d);             /* again each time: a write that failed may have closed it */
        if (s)
            note_stage(in, s, k);
    }
}

/* Its cards in this sample: the most that one of them holds of it; false when the driver does not say. */
static bool look(struct bt_instance *in, const struct bt_probe_sample *s, uint64_t *most)
{
    *most = 0;
    for (size_t k = 0; k < in->pf->nlearn; k++)
        in->learn.stage[k].held_bytes = 0;
    for (size_t i = 0; i < in->pf->nranks; i++) {
        const struct bt_probe_gpu *g = bt_probe_gpu(s, in->pf->rank[i].gpu);
        struct bt_actual now = g ? bt_sample_actual(g, in->pids, in->npids) : (struct bt_actual){ 0 };
        if (!g || !now.valid)
            return false;
        *most = BT_MAX(*most, now.bytes);
        if (in->pf->nlearn) {
            struct bt_learning_stage *stage = &in->learn.stage[i / in->pf->learn_tp % in->pf->nlearn];
            stage->held_bytes = BT_MAX(stage->held_bytes, now.bytes);
        }
        if (in->life.state == BT_ST_STARTING && somebody_else(in, g))
            in->learn.crowded = true;
    }
    return true;
}

static void sampled(struct bt_instance *in, const struct bt_probe_sample *s)
{
    struct bt_learning *l = &in->learn;
    uint64_t most;
    if (!look(in, s, &most)) {
        l->crowded |= in->life.state == BT_ST_STARTING;              /* who else was there cannot be told */
        return;
    }
    l->peak_bytes = BT_MAX(l->peak_bytes, most);
    if (in->life.state != BT_ST_READY || l->noted)
        return;
    if (!l->ready_ms)
        l->ready_ms = bt_now_ms();
    if (s->t * 1000 <= (double)l->ready_ms)
        return;                      /* the sample may be older than its last allocation */
    l->noted = true;
    bool whole_start = in->launched_wall_ms && !in->p->adopted;      /* a daemon that came later has not seen who was there */
    if (in->pf->nlearn && !l->crowded && whole_start && most)
        note_start(in);
}

void bt_learn_sampled(struct bt_daemon *d)
{
    const struct bt_probe_sample *s = bt_sampler_last(d->sampler);
    for (size_t i = 0; s && !s->error && i < d->nprojects; i++)
        for (size_t j = 0; j < d->project[i]->n; j++) {
            struct bt_instance *in = &d->project[i]->inst[j];
            if (in->pf->nranks && bt_life_alive(in->life.state))
                sampled(in, s);
        }
}

/* ---- its end ---- */

/* One `up`: rows of it are merged. The plan was written once, when it began, and a later daemon finds the same file. */
static int64_t life_of(const struct bt_project *p)
{
    bt_auto_arena a = { 0 };
    struct stat st;
    return stat(bt_arena_printf(&a, "%s/plan.json", p->dir), &st) == 0 ? (int64_t)st.st_mtim.tv_sec * 1000 + st.st_mtim.tv_nsec / 1000000 : 0;
}

void bt_learn_ended(struct bt_instance *in)
{
    struct bt_daemon *d = in->p->d;
    struct bt_learning *l = &in->learn;
    struct bt_err err = { 0 };
    if (!l->peak_bytes || !in->pf->nranks)
        return;
    const struct bt_pf_gpu *g = bt_project_gpu(in->p, in->pf->rank[0].gpu);
    struct bt_store_run row = { .project = in->p->name, .workload = in->pf->workload, .gpu = g ? g->name : "", .peak_bytes = l->peak_bytes,
                                .cards = in->pf->nranks, .life = life_of(in->p), .wall_ms = bt_wall_ms() };
    l->peak_bytes = 0;
    struct bt_store *s = bt_journal_store(d);
    if (s && bt_store_add_run(s, &row, &err) < 0)
        gave_up(d, &err);
}

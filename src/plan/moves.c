/* moves - what happens between two phases: who stays, is parked, comes back, stops and starts, how long that takes, and what is held meanwhile. */
#include "plan/phases.h"

/* Seconds of sleeping and stopping, of few rows: docs/plan.md, "Seconds of a move". Those of a start are pace's. */
#define GB 1e9
#define SLEEP_S 0.2                  /* and the copy into pinned RAM, which is allocated meanwhile */
#define SLEEP_GBS 1.6
#define WAKE_S 0.5
#define WAKE_GBS 12.0
#define STOP_SERVER_S 5.0            /* end of requests, exit, and the driver's word that the bytes are free */
#define STOP_COMMAND_S 1.0
#define CHECKPOINT_S 2.5             /* until the driver's tool has attached; each way */
#define CHECKPOINT_GBS 5.0           /* of a card, KV that holds nothing too; each way */

const struct bt_plan_instance *pl_with_id(const struct bt_plan_phase *ph, const char *id)
{
    for (size_t i = 0; i < ph->n; i++)
        if (!strcmp(ph->inst[i].id, id))
            return &ph->inst[i];
    return NULL;
}

bool pl_same_place(const struct bt_plan_instance *a, const struct bt_plan_instance *b)
{
    if (a->w != b->w || a->nranks != b->nranks || a->tp != b->tp || a->pp != b->pp || a->context != b->context)
        return false;
    for (size_t i = 0; i < a->nranks; i++)
        if (a->rank[i].gpu != b->rank[i].gpu || (a->rank[i].need && a->rank[i].need->layers != b->rank[i].need->layers) ||
            a->rank[i].bytes - a->rank[i].kv_bytes != b->rank[i].bytes - b->rank[i].kv_bytes)
            return false;
    return true;
}

uint64_t pl_sleeping_bytes(const struct bt_rank_berth *r)
{
    uint64_t n = 0;
    for (size_t i = 0; r->need && i < r->need->n; i++) {
        enum bt_part part = r->need->line[i].part;
        n += part == BT_P_WEIGHTS || part == BT_P_LORA || part == BT_P_DRAFT || part == BT_P_ACTIVATIONS ? r->need->line[i].bytes : 0;
    }
    return n;
}

/* ---- one size in all phases ---- */

/* The smaller KV of the two: an engine cannot change it while it runs. Returns whether anything changed. */
static bool level_out(struct bt_plan_instance *a, struct bt_plan_instance *b)
{
    bool changed = false;
    for (size_t i = 0; i < a->nranks; i++) {
        struct bt_rank_berth *x = &a->rank[i], *y = &b->rank[i], *more = x->kv_bytes > y->kv_bytes ? x : y, *less = more == x ? y : x;
        if (more->kv_bytes == less->kv_bytes)
            continue;
        struct bt_plan_instance *owner = more == x ? a : b;
        if (more->need)              /* the KV of layers on the CPU */
            owner->host_bytes -= more->need->host_token_bytes * (more->kv_tokens - less->kv_tokens);
        more->bytes -= more->kv_bytes - less->kv_bytes;
        more->kv_bytes = less->kv_bytes;
        more->kv_tokens = less->kv_tokens;
        changed = true;
    }
    return changed;
}

/* A command with the rest, or a whole card, has what is the same in both phases. */
static bool level_out_command(struct bt_plan_instance *a, struct bt_plan_instance *b)
{
    bool changed = false;
    for (size_t i = 0; i < a->nranks; i++) {
        uint64_t less = BT_MIN(a->rank[i].bytes, b->rank[i].bytes);
        changed = changed || a->rank[i].bytes != b->rank[i].bytes;
        a->rank[i].bytes = b->rank[i].bytes = less;
    }
    return changed;
}

static bool same_cards(const struct bt_plan_instance *a, const struct bt_plan_instance *b)
{
    if (a->w != b->w || a->nranks != b->nranks)
        return false;
    for (size_t i = 0; i < a->nranks; i++)
        if (a->rank[i].gpu != b->rank[i].gpu)
            return false;
    return true;
}

static void level_all(struct pl_stages *all)
{
    for (bool changed = true; changed; ) {           /* bytes only fall: it ends */
        changed = false;
        for (size_t i = 1; i < all->n; i++)
            for (size_t k = 0; k < all->v[i].out->n; k++) {
                struct bt_plan_instance *b = &all->v[i].out->inst[k], *a = NULL;
                for (size_t j = i; j-- > 0 && !a; )
                    a = (struct bt_plan_instance *)pl_with_id(all->v[j].out, b->id);
                if (a && b->need && pl_same_place(a, b))
                    changed = level_out(a, b) || changed;
                else if (a && !b->need && same_cards(a, b))
                    changed = level_out_command(a, b) || changed;
            }
    }
}

/* What a job form holds in the bytes that it has now. */
static void reckon_jobs(struct pl_stages *all)
{
    for (size_t i = 0; i < all->n; i++)
        for (size_t k = 0; k < all->v[i].out->n; k++) {
            struct bt_plan_instance *in = &all->v[i].out->inst[k];
            const size_t w = in->job ? pl_work_of(all->v[i].p, (size_t)(in->w - all->in->spec->w)) : PL_NONE;
            if (w != PL_NONE)
                pl_job_fill(all->v[i].p, &all->v[i].p->work[w], in);
        }
}

/* ---- how long ---- */

/* Ranks load side by side. */
static double weights_gb(const struct bt_need *need) { return need ? (double)pl_most_weights(need) / GB : 0; }

/* The first time from local disk, with everything to be compiled; again from the page cache. */
static double start_seconds(const struct bt_need *need, const struct bt_gpu *card, uint64_t tp, uint64_t pp, const char *quantization, bool before)
{
    struct bt_pace_in at = { .model = need->model, .engine = need->engine, .version = need->version, .card = card, .tp = tp, .pp = pp,
                             .quantization = quantization };
    struct bt_pace_load load;
    bt_pace_load(&at, &load);
    return !load.known ? 0 : before ? load.seconds[BT_LOAD_CACHE] + load.warm_s : load.seconds[BT_LOAD_NVME] + load.cold_s;
}

static double seconds_of(const struct pl_stages *all, const struct bt_plan_move *m, bool before)
{
    const struct bt_plan_instance *in = m->inst;
    bool sleep = m->level && !strcmp(m->level, "sleep");
    switch (m->how) {
    case BT_MOVE_START:
        return in->need && in->nranks ? start_seconds(in->need, &all->in->fleet->gpus[in->rank[0].gpu], in->tp, in->pp, in->w->quantization, before) : 0;
    case BT_MOVE_STOP: return in->need ? STOP_SERVER_S : STOP_COMMAND_S;
    case BT_MOVE_PARK: return sleep ? SLEEP_S + weights_gb(in->need) / SLEEP_GBS : m->level && !strcmp(m->level, "kv") ? SLEEP_S : 0;
    case BT_MOVE_RESUME: return sleep ? WAKE_S + weights_gb(in->need) / WAKE_GBS : m->level && !strcmp(m->level, "kv") ? WAKE_S : 0;
    default: return 0;
    }
}

bool pl_starts_known(const struct pl_problem *p, const struct pl_copy *c)
{
    const struct pl_work *k = &p->work[c->work];
    const struct pl_shape *sh = k->server && c->ncards ? &k->shape[c->shape] : NULL;
    return sh && start_seconds(sh->cost[pl_cost_class(p, c->card, c->ncards)].need, &p->fleet->gpus[c->card[0]], sh->tp, pl_stages(sh),
                               k->w->quantization, true) > 0;
}

uint64_t pl_copy_ms(const struct pl_problem *p, const struct pl_copy *c, bool runs_on)
{
    const struct pl_work *k = &p->work[c->work];
    if (!c->ncards)
        return 0;
    if (!k->server)
        return runs_on ? (uint64_t)(STOP_COMMAND_S * 1000) : 0;
    const struct pl_shape *sh = &k->shape[c->shape];
    const struct bt_need *need = sh->cost[pl_cost_class(p, c->card, c->ncards)].need;
    double again = STOP_SERVER_S + start_seconds(need, &p->fleet->gpus[c->card[0]], sh->tp, pl_stages(sh), k->w->quantization, true);
    bool sleeps = (!strcmp(k->w->park, "auto") || !strcmp(k->w->park, "sleep")) && pl_engine_parks(need->engine, "sleep") &&
                  !p->fleet->gpus[c->card[0]].unified;
    double parked = sleeps ? SLEEP_S + WAKE_S + weights_gb(need) * (1 / SLEEP_GBS + 1 / WAKE_GBS)
                    : !strcmp(k->w->park, "none") ? 0
                    : !strcmp(k->w->park, "kv") && pl_engine_parks(need->engine, "kv") ? SLEEP_S + WAKE_S : again;
    return (uint64_t)((runs_on ? again : BT_MAX(again - parked, 0.0)) * 1000);
}

uint64_t pl_place_ms(const struct pl_problem *p, const struct pl_solution *s, size_t spec_index, bool runs_on)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < s->ncopies; i++)
        sum += p->work[s->copy[i].work].spec_index == spec_index ? pl_copy_ms(p, &s->copy[i], runs_on) : 0;
    return sum;
}

/* ---- the list ---- */

static const struct pl_parked *parked_in(const struct pl_stage *g, const char *id)
{
    for (size_t i = 0; i < g->nparked; i++)
        if (!strcmp(g->parked[i].inst->id, id))
            return &g->parked[i];
    return NULL;
}

static bool ran_before(const struct pl_stages *all, size_t i, const char *id)
{
    while (i-- > 0)
        if (pl_with_id(all->v[i].out, id))
            return true;
    return false;
}

static void add(struct pl_stages *all, size_t i, const struct bt_plan_instance *in, enum bt_move how, const struct pl_parked *parked, const char *why)
{
    struct bt_plan_move m = { .from = all->v[i - 1].name, .to = all->v[i].name, .instance = in->id, .inst = in, .how = how, .why = why,
                              .level = parked ? parked->level : NULL, .gpu_bytes = BT_NEWN(all->a, uint64_t, in->nranks + 1) };
    for (size_t r = 0; r < in->nranks; r++)
        m.gpu_bytes[r] = how == BT_MOVE_STOP ? 0 : how == BT_MOVE_PARK && strcmp(m.level, "none") ? parked->gpu_bytes[r] : in->rank[r].bytes;
    m.host_bytes = how == BT_MOVE_PARK ? parked->host_bytes : 0;
    m.seconds = seconds_of(all, &m, ran_before(all, i, in->id));
    BT_PUSH(all->a, all->plan->move, all->plan->nmoves, m);
}

/* The same cards, in whatever order and shape. */
static bool same_card_set(const struct bt_plan_instance *a, const struct bt_plan_instance *b)
{
    bool same = a->nranks == b->nranks && a->box == b->box;
    for (size_t i = 0; same && i < a->nranks; i++) {
        bool there = false;
        for (size_t k = 0; k < b->nranks; k++)
            there = there || a->rank[i].gpu == b->rank[k].gpu;
        same = there;
    }
    return same;
}

static const char *why_moved(const struct pl_stages *all, const struct bt_plan_instance *was, const struct bt_plan_instance *is)
{
    if (is->context > was->context)
        return bt_arena_printf(all->a, "it starts again: %s tokens of context then, not %s", bt_count_human(is->context), bt_count_human(was->context));
    if (is->pace.known && is->pace.decode_tok_s > was->pace.decode_tok_s)
        return bt_arena_printf(all->a, "it starts again: %.1f tok/s then, not %.1f", is->pace.decode_tok_s, was->pace.decode_tok_s);
    if (!same_card_set(was, is))
        return "it starts again elsewhere: no plan as good has it stay";
    if (is->context < was->context)
        return bt_arena_printf(all->a, "it starts again on its cards: %s tokens of context then, not %s", bt_count_human(is->context),
                               bt_count_human(was->context));
    return "it starts again on its cards: no plan as good has it stay as it is";
}

/* `park: checkpoint` is a stop. What the driver's checkpoint would hold and take: all bytes, in RAM. */
static const char *why_no_checkpoint(struct pl_stages *all, const struct bt_plan_instance *in)
{
    uint64_t sum = in->host_bytes, most = 0, ram = all->in->fleet->ram_bytes;
    for (size_t i = 0; i < in->nranks; i++) {
        sum += in->rank[i].bytes;
        most = BT_MAX(most, in->rank[i].bytes);
    }
    const char *bytes = bt_arena_strdup(all->a, bt_bytes_human(sum));
    const char *there = !ram ? "" : bt_arena_printf(all->a, " (%s are there)", bt_bytes_human(ram));
    const char *says = bt_arena_printf(all->a, "%s: park: checkpoint is not done yet: it is stopped when its phase ends. %s", in->w->name,
                                       in->nranks > 1 ? "On several cards the driver's checkpoint hangs where they share memory or talk by NCCL"
                                       : all->in->fleet->gpus[in->rank[0].gpu].mig_of ? "The driver checkpoints no MIG instance"
                                       : bt_arena_printf(all->a, "It would hold %s of host RAM%s, and take about %.0f s each way", bytes, there,
                                                         CHECKPOINT_S + (double)most / GB / CHECKPOINT_GBS));
    for (size_t i = 0; i < all->plan->nwarnings; i++)
        if (!strcmp(all->plan->warning[i], says))
            says = NULL;
    if (says)
        BT_PUSH(all->a, all->plan->warning, all->plan->nwarnings, says);
    return "a checkpoint is not done yet";
}

static const char *why_stopped(struct pl_stages *all, size_t i, const struct bt_plan_instance *in, const struct bt_plan_instance *now)
{
    if (now)
        return why_moved(all, in, now);
    if (!strcmp(in->w->park, "stop"))
        return "as `park: stop` says";
    if (!strcmp(in->w->park, "checkpoint") && in->w->kind != BT_JOB && in->nranks && !all->in->fleet->gpus[in->rank[0].gpu].unified)
        return why_no_checkpoint(all, in);
    for (size_t k = 0; k < all->nsleepers; k++)
        if (all->sleeper[k].inst == in && all->sleeper[k].out && all->sleeper[k].why)
            return all->sleeper[k].why;
    for (size_t k = i + 1; k < all->n; k++)
        if (pl_with_id(all->v[k].out, in->id))
            return in->need ? "it starts again later" : "it starts again later: a command does not sleep";
    return "its last phase is over";
}

static const char *why_parked(const struct pl_stages *all, const struct bt_plan_instance *in)
{
    uint64_t ms = 0;
    for (size_t k = 0; k < all->nsleepers; k++)
        ms = all->sleeper[k].inst == in ? all->sleeper[k].saves_ms : ms;
    const char *why = !strcmp(in->w->park, "auto") ? "it comes back" : bt_arena_printf(all->a, "as `park: %s` says", in->w->park);
    return ms < 1000 ? why : bt_arena_printf(all->a, "%s: about %.0f s less than a stop and a start", why, (double)ms / 1000);
}

/* Those who leave: first, so that their bytes are free for who comes. */
static void add_leaving(struct pl_stages *all, size_t i)
{
    const struct pl_stage *was = &all->v[i - 1], *is = &all->v[i];
    for (size_t k = 0; k < was->out->n; k++) {
        const struct bt_plan_instance *a = &was->out->inst[k], *b = pl_with_id(is->out, a->id);
        const struct pl_parked *parked = parked_in(is, a->id);
        if (parked)
            add(all, i, a, BT_MOVE_PARK, parked, why_parked(all, a));
        else if ((a->w->kind != BT_JOB || b) && !(b && pl_same_place(a, b)))         /* a job that is in no later phase has ended */
            add(all, i, a, BT_MOVE_STOP, NULL, why_stopped(all, i, a, b));
    }
    for (size_t k = 0; k < was->nparked; k++) {
        const struct bt_plan_instance *a = was->parked[k].inst, *b = pl_with_id(is->out, a->id);
        if (!parked_in(is, a->id) && !(b && pl_same_place(a, b)))
            add(all, i, a, BT_MOVE_STOP, NULL, why_stopped(all, i, a, b));
    }
}

static void add_coming(struct pl_stages *all, size_t i)
{
    const struct pl_stage *was = &all->v[i - 1], *is = &all->v[i];
    for (size_t k = 0; k < is->out->n; k++) {
        const struct bt_plan_instance *b = &is->out->inst[k], *a = pl_with_id(was->out, b->id);
        const struct pl_parked *parked = parked_in(was, b->id);
        if (parked && pl_same_place(parked->inst, b))
            add(all, i, b, BT_MOVE_RESUME, parked, "");
        else if (a && pl_same_place(a, b))
            add(all, i, b, BT_MOVE_STAY, NULL, "");
        else
            add(all, i, b, BT_MOVE_START, NULL, !a ? "" : same_card_set(a, b) ? "on the same cards" : "in its new place");
    }
}

void pl_moves(struct pl_stages *all)
{
    level_all(all);
    reckon_jobs(all);
    for (size_t i = 1; i < all->n; i++) {
        add_leaving(all, i);
        add_coming(all, i);
    }
}

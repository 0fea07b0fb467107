/* plan - the steps in order: each phase built, searched, turned into instances with berths, explained; then judged by the validator. */
#include "plan/boxes.h"
#include "plan/phases.h"

const char *const bt_plan_objective_names[BT_GOAL__N] = {
    [BT_GOAL_PLACED] = "placed",       [BT_GOAL_WANTS] = "wants_thousandths",  [BT_GOAL_SERVICE] = "service_thousandths",
    [BT_GOAL_SHARED] = "shared_cards", [BT_GOAL_FREE] = "largest_free_bytes", [BT_GOAL_LOWEST] = "lowest_cards",
};

const char *const bt_move_names[] = { [BT_MOVE_STAY] = "stay", [BT_MOVE_START] = "start", [BT_MOVE_PARK] = "park", [BT_MOVE_RESUME] = "resume",
                                      [BT_MOVE_STOP] = "stop" };

/* Need at the context that was granted, so that what is shown and launched is one thing. It is never more than at the context wished for. */
static void need_at_grant(struct pl_problem *p, const struct pl_solution *s, struct pl_room *room)
{
    for (size_t i = 0; i < room->n; i++) {
        struct pl_use *u = &room->use[i];
        const struct pl_work *k = &p->work[u->work];
        const struct pl_copy *c = &s->copy[u->copy];
        struct bt_serve serve = k->serve;
        serve.tp = k->shape[c->shape].tp;
        serve.pp = pl_stages(&k->shape[c->shape]);
        serve.cut = k->shape[c->shape].cut;
        serve.ncut = serve.cut ? serve.pp : 0;
        serve.context = s->ctx[u->work];
        struct bt_need *n;
        struct bt_err ignored;
        const struct bt_gpu *card = &p->fleet->gpus[p->cls_card[pl_cost_class(p, c->card, c->ncards)]];
        if (pl_need(p, k, &serve, card, &n, &ignored) < 0)
            continue;                                /* cannot be: the same shape had a need at another context */
        bool less = true;
        for (size_t r = 0; r < n->nranks; r++)
            less = less && n->rank[r].fixed_bytes <= u->need->rank[r].fixed_bytes;
        if (!less)
            continue;
        u->need = n;
        for (size_t j = 0; j < u->n; j++)
            u->rank[j].fixed = pl_fixed(&n->rank[j / serve.tp], &p->fleet->gpus[u->rank[j].card]);
    }
    pl_deal(room, s->ctx);
}

static void server_ranks(const struct pl_problem *p, const struct pl_copy *c, const struct pl_use *u, struct bt_plan_instance *inst)
{
    const struct pl_shape *sh = &p->work[c->work].shape[c->shape];
    inst->need = u->need;
    for (uint32_t i = 0; i < c->ncards; i++) {
        const struct bt_need_rank *r = &u->need->rank[i / sh->tp];
        uint64_t kv = u->blocks * r->kv_block_bytes;
        inst->rank[i] = (struct bt_rank_berth){ .gpu = c->card[i], .tp = i % sh->tp, .pp = i / sh->tp % pl_stages(sh),
                                                .dp = i / sh->tp / pl_stages(sh), .need = r, .kv_bytes = kv,
                                                .kv_tokens = bt_need_kv_tokens(u->need, r, kv), .bytes = r->fixed_bytes + kv };
        inst->host_bytes += r->host_bytes + r->host_token_bytes * inst->rank[i].kv_tokens;
    }
}

static unsigned rests_on(const struct pl_problem *p, const struct pl_solution *s, size_t card)
{
    unsigned n = 0;
    for (size_t i = 0; i < s->ncopies; i++)
        for (uint32_t j = 0; j < s->copy[i].ncards; j++)
            n += s->copy[i].card[j] == card && p->work[s->copy[i].work].claim == PL_REST;
    return n;
}

static void command_ranks(const struct pl_problem *p, const struct pl_solution *s, const struct pl_copy *c, const uint64_t *load,
                          struct bt_plan_instance *inst)
{
    const struct pl_work *k = &p->work[c->work];
    for (uint32_t i = 0; i < c->ncards; i++) {
        size_t g = c->card[i];
        uint64_t bytes = pl_floor(p, k, &k->shape[c->shape], 0, i, g);
        if (k->claim == PL_REST)
            bytes += (p->cap[g] - load[g]) / rests_on(p, s, g);      /* load holds each one's floor */
        inst->rank[i] = (struct bt_rank_berth){ .gpu = g, .tp = i, .bytes = bytes };
    }
}

static struct bt_plan_instance make_instance(struct pl_problem *p, const struct pl_solution *s, const struct pl_copy *c, uint32_t id, const struct pl_use *u,
                                             const uint64_t *load)
{
    const struct pl_work *k = &p->work[c->work];
    struct bt_plan_instance inst = { .id = bt_arena_printf(p->a, "%s-%u", k->w->name, id), .w = k->w, .replica = id,
                                     .tp = 1, .pp = 1, .dp = 1, .ep = 1,
                                .bin = k->pm->bin, .engine_version = k->pm->version ? k->pm->version->version : NULL };
    inst.rank = BT_NEWN(p->a, struct bt_rank_berth, c->ncards + 1);
    inst.nranks = c->ncards;
    inst.pace.link = "";
    if (!k->server) {
        command_ranks(p, s, c, load, &inst);
        inst.like_bytes = k->pm->like_bytes;
        inst.like_why = k->pm->like_why;
        pl_job_fill(p, k, &inst);
        return inst;
    }
    inst.tp = k->shape[c->shape].tp;
    inst.pp = pl_stages(&k->shape[c->shape]);
    inst.dp = pl_dp(&k->shape[c->shape]);
    inst.ep = k->w->ep.set ? k->w->ep.want : 1;
    inst.cut = k->shape[c->shape].cut;
    inst.context = s->ctx[c->work];
    pl_rate(p, &k->shape[c->shape], c->card, &inst.pace);
    server_ranks(p, c, u, &inst);
    return inst;
}

/* Mostly in order already. */
static void by_number(const uint32_t *id, size_t *copy, size_t n)
{
    for (size_t i = 1; i < n; i++)
        for (size_t k = i; k > 0 && id[copy[k - 1]] > id[copy[k]]; k--) {
            size_t was = copy[k];
            copy[k] = copy[k - 1];
            copy[k - 1] = was;
        }
}

/* Instances in the order of the spec, each with the workload as it is written there. */
void pl_fill(struct pl_stages *all, size_t stage)
{
    struct pl_problem *p = all->v[stage].p;
    const struct pl_solution *s = &all->v[stage].s;
    struct bt_plan_phase *ph = all->v[stage].out;
    struct pl_room room;
    uint64_t load[BT_MAX_GPUS], parked = 0;
    for (size_t i = 0; i < all->v[stage].nparked; i++)
        parked += all->v[stage].parked[i].host_bytes;
    pl_room_init(&room, p, s->copy, s->ncopies);
    pl_host_first(&room, s->copy, s->ncopies, s->ctx, parked);
    need_at_grant(p, s, &room);
    pl_room_load(&room, load);
    pl_number(all, stage);
    for (size_t w = 0; w < p->spec->n; w++) {
        size_t copy[PL_MAX_COPIES], n = pl_copies_of(&all->v[stage], w, copy);
        by_number(all->v[stage].id, copy, n);
        for (size_t i = 0; i < n; i++) {
            const struct pl_use *u = NULL;
            for (size_t j = 0; j < room.n; j++)
                if (room.use[j].copy == copy[i])
                    u = &room.use[j];
            struct bt_plan_instance inst = make_instance(p, s, &s->copy[copy[i]], all->v[stage].id[copy[i]], u, load);
            inst.w = &all->in->spec->w[w];
            BT_PUSH(p->a, ph->inst, ph->n, inst);
        }
    }
    pl_host_fill(p, all->plan, ph, parked);
}

/* Held to its place, a workload wants no more than it has: what the phase reaches is counted by what it wants. */
static struct pl_score score_of(const struct pl_stage *g)
{
    struct pl_score score = g->s.score;
    if (g->p != g->free_p) {
        score.v[BT_GOAL_WANTS] = pl_wants(g, g->p, &g->s);
        score.v[BT_GOAL_SERVICE] = pl_service(g, g->p, &g->s);
    }
    return score;
}

static void add_up(struct bt_plan *plan, const struct pl_stage *g, bool first)
{
    struct pl_score score = score_of(g);
    int64_t free_before = first ? INT64_MAX : plan->objective[BT_GOAL_FREE];
    for (int i = 0; i < BT_GOAL__N; i++)
        plan->objective[i] += score.v[i];
    plan->objective[BT_GOAL_FREE] = BT_MIN(free_before, score.v[BT_GOAL_FREE]);
    if (!g->free_s.complete) {
        plan->proof = "any-time";
        plan->gap = BT_MAX(plan->gap, pl_gap(&g->free_s));
    }
}

#define SHARED_UP_TO 200u            /* (workload, card) pairs past which no phase ends before */

uint64_t pl_phase_nodes(const struct pl_problem *p, size_t nth, size_t phases, uint64_t used)
{
    uint64_t kept = (phases - nth - 1) * (uint64_t)PL_PHASE_NODES / 2, all = phases * (uint64_t)PL_PHASE_NODES;
    if (p->in->within || p->n * p->fleet->n > SHARED_UP_TO)
        return pl_node_limit(p->in);
    return BT_MAX(all - BT_MIN(all, used + kept), (uint64_t)PL_PHASE_NODES / 2);
}

void pl_phase_order(struct pl_problem *const *p, size_t n, size_t *order)
{
    for (size_t i = 0; i < n; i++) {
        size_t j = i;
        for (; j > 0 && p[order[j - 1]]->n > p[i]->n; j--)
            order[j] = order[j - 1];
        order[j] = i;
    }
}

/* The phase as if there were no other; the nth that is searched. */
static int search_alone(struct pl_stages *all, struct pl_stage *g, size_t nth, struct bt_err *err)
{
    uint64_t nodes = pl_phase_nodes(g->free_p, nth, all->n, all->plan->nodes);
    if (!g->free_p->nrefusals && all->in->any)
        pl_find(g->free_p, nodes, &g->free_s);
    else if (!g->free_p->nrefusals)
        pl_solve(g->free_p, nodes, &g->free_s);
    if (g->free_s.found && !all->in->any && !all->in->brief && pl_search_cuts(g->free_p, nodes, &g->free_s, err) < 0)
        return -1;
    if (!g->free_p->nrefusals && !g->free_s.found && g->free_p->ram_binds) {     /* is it RAM alone that lacks? Then that is what is said (pl_host_fill) */
        struct pl_solution without;
        g->free_p->ram_binds = false;
        pl_solve(g->free_p, nodes, &without);
        without.nodes += g->free_s.nodes;
        g->free_s = without.found ? without : g->free_s;
    }
    all->plan->nodes += g->free_s.nodes;
    return 0;
}

/* What was found is the phase's plan so far. Nothing: refusals in the plan. */
static int plan_alone(struct pl_stages *all, struct pl_stage *g, struct bt_err *err)
{
    if (g->free_p->nrefusals || (!g->free_s.found && g->free_s.complete))
        return pl_refusals(all->plan, all->a, all->in, g->free_p, err);
    if (!g->free_s.found) {
        bt_err_set(err, BT_E_TOO_BIG, 0, "phase %s: no plan among the first %llu placements looked at, and there are more", g->name,
                   (unsigned long long)g->free_s.nodes);
        return bt_err_hint(err, "pin some: `pool`, `gpus`, `tp`, fewer replicas");
    }
    g->in = (struct bt_plan_in *)all->in;
    g->p = g->free_p;
    g->s = g->free_s;
    return 0;
}

static int plan_stages(struct pl_stages *all, struct bt_err *err)
{
    struct pl_problem **p = BT_NEWN(all->a, struct pl_problem *, all->n);
    size_t *order = BT_NEWN(all->a, size_t, all->n);
    for (size_t i = 0; i < all->n; i++) {
        if (pl_problem_build(all->a, all->in, all->v[i].name, &p[i], err) < 0)
            return -1;
        all->v[i].free_p = p[i];
    }
    pl_phase_order(p, all->n, order);
    for (size_t i = 0; i < all->n; i++)
        if (search_alone(all, &all->v[order[i]], i, err) < 0)
            return -1;
    for (size_t i = 0; i < all->n; i++)
        if (plan_alone(all, &all->v[i], err) < 0)
            return -1;
    if (all->plan->nrefusals)
        return 0;
    if (pl_keep(all, err) < 0 || pl_swap_twins(all, err) < 0)
        return -1;
    pl_settle_stayers(all);
    if (all->n > 1 && pl_joint(all, err) < 0)
        return -1;
    pl_sleepers(all);
    for (size_t i = 0; i < all->n; i++) {
        if ((i && pl_park(all, i, err) < 0) || pl_recut(all->v[i].p, &all->v[i].s, err) < 0)
            return -1;
        pl_fill(all, i);
    }
    pl_say_ram_not_known(all);
    pl_moves(all);
    for (size_t i = 0; i < all->n; i++) {
        add_up(all->plan, &all->v[i], i == 0);
        if (pl_explain(all->plan, all->a, all->v[i].in, all->v[i].p, &all->v[i].s, err) < 0)
            return -1;
        pl_explain_stop(all->plan, all->a, all->n > 1 ? all->v[i].name : NULL, &all->v[i].free_s);
    }
    return 0;
}

static int checked(const struct bt_plan *plan, struct bt_err *err)
{
    if (bt_plan_check(plan, err) == 0 && pl_moves_check(plan, err) == 0 && pl_host_check(plan, err) == 0)
        return 0;
    return bt_err_wrap(err, "the plan does not pass its own check (a fault of berth)");
}

int bt_plan_make(struct bt_arena *a, const struct bt_plan_in *in, struct bt_plan **out, struct bt_err *err)
{
    static const char *const one[] = { "all" };
    const struct bt_spec *spec = in->spec;
    const char *const *names = spec->phases.n ? spec->phases.v : one;
    struct bt_plan *plan = BT_NEW(a, struct bt_plan);
    *plan = (struct bt_plan){ .spec = spec, .fleet = in->fleet, .proof = "optimal", .nphases = spec->phases.n ? spec->phases.n : 1 };
    plan->phase = BT_NEWN(a, struct bt_plan_phase, plan->nphases);
    struct bt_plan_in *remembering = BT_NEW(a, struct bt_plan_in);
    *remembering = *in;
    remembering->needs = in->needs ? in->needs : pl_needs_new(a);
    if (in->fleet->nboxes > 1) {
        for (size_t i = 0; i < plan->nphases; i++)
            plan->phase[i].name = names[i];
        if (pl_boxes(a, remembering, plan, err) < 0 || (!plan->nrefusals && checked(plan, err) < 0))
            return -1;
        *out = plan;
        return 0;
    }
    if (pl_open_copies(a, remembering, names, plan->nphases, err) < 0)
        return -1;
    struct pl_stages *all = BT_NEW(a, struct pl_stages);
    *all = (struct pl_stages){ .a = a, .plan = plan, .in = remembering, .v = BT_NEWN(a, struct pl_stage, plan->nphases), .n = plan->nphases };
    plan->stages = all;
    for (size_t i = 0; i < all->n; i++) {
        plan->phase[i].name = names[i];
        all->v[i] = (struct pl_stage){ .name = names[i], .out = &plan->phase[i], .pin = BT_NEWN(a, const struct pl_pin *, spec->n + 1) };
    }
    if (plan_stages(all, err) < 0 || (!in->brief && pl_faster(plan, a, remembering, err) < 0))
        return -1;
    bool without;
    if (plan->nrefusals && !in->brief && pl_only_fleets(plan, &without) && pl_together(plan, a, remembering, without, err) < 0)
        return -1;
    if (plan->nrefusals)
        for (size_t i = 0; i < plan->nphases; i++)
            plan->phase[i].n = 0;
    else if (checked(plan, err) < 0)
        return -1;
    *out = plan;
    return 0;
}

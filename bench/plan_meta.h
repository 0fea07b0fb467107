/* plan_meta.h - what must hold between the answers to two problems that differ in one thing, whatever the answers are. Problems: plan_full.h. */
#ifndef PLAN_META_H
#define PLAN_META_H
#include "plan_full.h"

struct meta {
    struct bt_arena *a; struct draw d; const char *said;             /* said: what was changed */
    struct bt_spec spec; struct bt_fleet fleet; struct bt_plan_in in;                  /* own copies, open to change */
    const char *renamed[REF_CARDS + 1];                              /* [old index] the card's new index */
    struct pl_problem *p, *q; struct pl_solution was, is; size_t looked_at;            /* looked_at: a workload */
};

static inline void meta_copy(struct meta *m, const struct bt_plan_in *in)
{
    m->in = *in;
    m->spec = *in->spec;
    m->fleet = *in->fleet;
    m->spec.w = BT_NEWN(m->a, struct bt_workload, in->spec->n + 1);
    memcpy(m->spec.w, in->spec->w, in->spec->n * sizeof *m->spec.w);
    struct bt_plan_model *models = BT_NEWN(m->a, struct bt_plan_model, in->spec->n + 1);
    memcpy(models, in->models, in->spec->n * sizeof *models);
    uint32_t *copies = BT_NEWN(m->a, uint32_t, in->spec->n + 1);
    for (size_t i = 0; i < in->spec->n; i++)
        copies[i] = in->copies ? in->copies[i] : 0;
    m->fleet.gpus = BT_NEWN(m->a, struct bt_gpu, in->fleet->n + 2);
    memcpy(m->fleet.gpus, in->fleet->gpus, in->fleet->n * sizeof *m->fleet.gpus);
    m->in.spec = &m->spec;
    m->in.fleet = &m->fleet;
    m->in.models = models;
    m->in.copies = copies;
    m->in.needs = NULL;
}

static inline int meta_solve(struct meta *m, const struct bt_plan_in *in, struct pl_problem **p, struct pl_solution *o, struct bt_err *err)
{
    struct bt_plan_in with = *in;
    struct bt_plan_in *kept = BT_NEW(m->a, struct bt_plan_in);
    *kept = with;
    kept->needs = pl_needs_new(m->a);
    *o = (struct pl_solution){ .complete = true };
    if (pl_problem_build(m->a, kept, "all", p, err) < 0)
        return -1;
    if (!(*p)->nrefusals)
        pl_solve(*p, PL_NODE_LIMIT, o);
    return o->complete ? 1 : 0;
}

static inline bool meta_placed(const struct pl_problem *p, const struct pl_solution *o, const char *name)
{
    for (size_t i = 0; o->found && i < o->ncopies; i++)
        if (!strcmp(p->work[o->copy[i].work].w->name, name))
            return true;
    return false;
}

/* Other cuts of pipelines are looked for where even ones do not do (docs/plan.md, "Stages of unequal size"): which, hangs on the rooms there are, and no plan says that there are no better
 * ones. So they are left out of what is compared here. */
static inline bool meta_has_cuts(const struct pl_problem *p)
{
    for (size_t i = 0; i < p->n; i++)
        for (size_t j = 0; j < p->work[i].nshapes; j++)
            if (p->work[i].shape[j].cut && !p->work[i].w->pp_layers.n)
                return true;
    return false;
}

/* ---- changes: each makes its own, or says false where there is nothing to change; and what must hold ---- */

/* As good at the goals before `end`, at least. */
static inline bool meta_no_worse(const struct meta *m, enum bt_plan_goal end) { return !m->was.found || (m->is.found && pl_score_cmp(&m->is.score, &m->was.score, end) >= 0); }
static inline bool meta_no_better(const struct meta *m, enum bt_plan_goal end) { return !m->is.found || (m->was.found && pl_score_cmp(&m->is.score, &m->was.score, end) <= 0); }
static inline bool meta_same(const struct meta *m, enum bt_plan_goal end) { return m->is.found == m->was.found && (!m->is.found || pl_score_cmp(&m->is.score, &m->was.score, end) == 0); }

static bool meta_add_card(struct meta *m)
{
    size_t like = draw(&m->d, (unsigned)m->fleet.n);
    if (m->fleet.n >= 4 || m->fleet.gpus[like].unified)
        return false;
    struct bt_gpu *g = &m->fleet.gpus[m->fleet.n];
    *g = m->fleet.gpus[like];
    g->index = (int)m->fleet.n++;
    g->uuid = "GPU-one-more";
    m->said = "one card more";
    return true;
}
static bool meta_add_card_holds(const struct meta *m) { return meta_no_worse(m, BT_GOAL_SERVICE); }            /* the best rate alone may be another, so service is */

static bool meta_permute_cards(struct meta *m)
{
    size_t n = m->fleet.n;
    if (n < 2)
        return false;
    for (size_t i = n - 1; i > 0; i--) {
        size_t j = draw(&m->d, (unsigned)i + 1);
        struct bt_gpu t = m->fleet.gpus[i];
        m->fleet.gpus[i] = m->fleet.gpus[j];
        m->fleet.gpus[j] = t;
    }
    for (size_t g = 0; g < n; g++) {
        m->renamed[m->fleet.gpus[g].index] = bt_arena_printf(m->a, "%zu", g);
        m->fleet.gpus[g].index = (int)g;
    }
    for (size_t i = 0; i < m->spec.n; i++) {
        struct bt_workload *w = &m->spec.w[i];
        const char **pool = BT_NEWN(m->a, const char *, w->pool.n + 1);
        for (size_t j = 0; j < w->pool.n; j++)
            pool[j] = m->renamed[strtoul(w->pool.v[j], NULL, 10)];
        w->pool.v = pool;
    }
    m->said = "the cards in another order";
    return true;
}
static bool meta_permute_holds(const struct meta *m) { return meta_same(m, BT_GOAL_FREE); }                    /* the last blocks are dealt in order, so free memory is not */

static bool meta_permute_works(struct meta *m)
{
    struct bt_plan_model *models = (struct bt_plan_model *)m->in.models;
    uint32_t *copies = (uint32_t *)m->in.copies;
    for (size_t i = m->spec.n; i-- > 1; ) {
        size_t j = draw(&m->d, (unsigned)i + 1);
        struct bt_workload w = m->spec.w[i];
        struct bt_plan_model x = models[i];
        uint32_t c = copies[i];
        m->spec.w[i] = m->spec.w[j];
        m->spec.w[j] = w;
        models[i] = models[j];
        models[j] = x;
        copies[i] = copies[j];
        copies[j] = c;
    }
    m->said = "the workloads in another order";
    return m->spec.n > 1;
}
/* The last tokens of contexts are given in order: a thousandth or two of each may differ. */
static bool meta_permute_works_holds(const struct meta *m)
{
    int64_t off = m->is.score.v[BT_GOAL_WANTS] - m->was.score.v[BT_GOAL_WANTS];
    return meta_same(m, BT_GOAL_WANTS) && off <= 4 * (int64_t)m->spec.n && off >= -4 * (int64_t)m->spec.n && (off || meta_same(m, BT_GOAL_FREE));
}

static bool meta_raise(struct meta *m)
{
    m->looked_at = draw(&m->d, (unsigned)m->spec.n);
    m->spec.w[m->looked_at].priority += 1 + (int64_t)draw(&m->d, 3);
    m->said = bt_arena_printf(m->a, "a higher priority of %s", m->spec.w[m->looked_at].name);
    return true;
}
static bool meta_raise_holds(const struct meta *m)
{
    const char *name = m->spec.w[m->looked_at].name;
    return m->is.found == m->was.found && (!meta_placed(m->p, &m->was, name) || meta_placed(m->q, &m->is, name));
}

static bool meta_one_byte(struct meta *m)
{
    struct bt_gpu *g = &m->fleet.gpus[draw(&m->d, (unsigned)m->fleet.n)];
    bool left_out = false;           /* an eighth of the card is a step, not a slope */
    for (size_t i = 0; i < m->spec.n; i++)
        left_out = left_out || (m->spec.w[i].kind != BT_SERVER && m->spec.w[i].memory.form == BT_MEM_AUTO);
    g->others_bytes++;
    m->said = "a foreign process of one byte";
    return !left_out;
}
static bool meta_one_byte_holds(const struct meta *m) { return meta_no_better(m, BT_GOAL_FREE); }

static bool meta_stranger(struct meta *m)
{
    if (!meta_one_byte(m))
        return false;
    m->fleet.gpus[draw(&m->d, (unsigned)m->fleet.n)].others_bytes += (uint64_t)(1 + draw(&m->d, 8)) * GiB;
    m->said = "a foreign process of some GiB";
    return true;
}

static inline bool meta_named(const struct bt_spec *s, const char *name)
{
    for (size_t i = 0; i < s->n; i++)
        if ((s->w[i].same_gpus_as && !strcmp(s->w[i].same_gpus_as, name)) || (s->w[i].context.same_as && !strcmp(s->w[i].context.same_as, name)))
            return true;
    return false;
}

static bool meta_remove(struct meta *m)
{
    size_t at = draw(&m->d, (unsigned)m->spec.n);
    struct bt_workload *w = &m->spec.w[at];
    if (!w->optional || m->spec.n < 2 || meta_named(&m->spec, w->name))
        return false;
    m->said = bt_arena_printf(m->a, "without %s", w->name);
    m->looked_at = at;
    memmove(w, w + 1, (m->spec.n - at - 1) * sizeof *w);
    memmove((struct bt_plan_model *)&m->in.models[at], &m->in.models[at + 1], (m->spec.n - at - 1) * sizeof *m->in.models);
    memmove((uint32_t *)&m->in.copies[at], &m->in.copies[at + 1], (m->spec.n - at - 1) * sizeof *m->in.copies);
    m->spec.n--;
    return true;
}
/* The same there is, or not, and the rest of it stands as before or better. */
static bool meta_remove_holds(const struct meta *m)
{
    int64_t left[16] = { 0 };        /* by priority: more now than before, less who was removed */
    for (size_t i = 0; i < m->p->n; i++)
        if (meta_placed(m->p, &m->was, m->p->work[i].w->name) && !(strstr(m->said, "without ") && !strcmp(m->said + 8, m->p->work[i].w->name)))
            left[BT_MIN(m->p->work[i].w->priority, (int64_t)15)]--;
    for (size_t i = 0; i < m->q->n; i++)
        left[BT_MIN(m->q->work[i].w->priority, (int64_t)15)] += meta_placed(m->q, &m->is, m->q->work[i].w->name);
    for (size_t i = BT_LEN(left); i-- > 0; )
        if (left[i])
            return left[i] > 0;
    return m->is.found >= m->was.found;
}

static bool meta_share(struct meta *m)
{
    struct bt_workload *w = &m->spec.w[draw(&m->d, (unsigned)m->spec.n)];
    bool changed = w->share != BT_SHARE_TRUE || w->apart.n;
    w->share = BT_SHARE_TRUE;
    w->apart.n = 0;
    m->said = bt_arena_printf(m->a, "%s may share", w->name);
    return changed;
}
static bool meta_share_holds(const struct meta *m) { return meta_no_worse(m, BT_GOAL_FREE); }

static bool meta_less_asked(struct meta *m)
{
    struct bt_workload *w = &m->spec.w[draw(&m->d, (unsigned)m->spec.n)];
    bool changed = w->requests > 1;
    w->requests = 1;
    m->said = bt_arena_printf(m->a, "%s with one request", w->name);
    return changed;
}

/* Contexts grow by one share of what each lacks ("Floor and deal"): whose floor holds several requests has its context for nothing, and the others more. So only who is placed, and
 * all of it where nobody's context is short. */
static bool meta_less_asked_holds(const struct meta *m)
{
    bool full = m->was.found;
    for (size_t i = 0; full && i < m->was.ncopies; i++) {
        size_t w = m->was.copy[i].work;
        full = !m->p->work[w].server || m->was.ctx[w] >= m->p->work[w].ctx_want;
    }
    return meta_no_worse(m, full ? BT_GOAL_FREE : BT_GOAL_WANTS);
}

static bool meta_optional(struct meta *m)
{
    struct bt_workload *w = &m->spec.w[draw(&m->d, (unsigned)m->spec.n)];
    bool changed = !w->optional;
    w->optional = true;
    m->said = bt_arena_printf(m->a, "%s optional", w->name);
    return changed;
}

static bool meta_ram(struct meta *m)
{
    bool known = strcmp(m->fleet.source, "catalog") && !m->fleet.gpus[0].unified;
    m->fleet.ram_bytes += 8 * GiB;
    m->said = "8 GiB of RAM more";
    return known;
}

static const struct { const char *name; bool (*change)(struct meta *); bool (*holds)(const struct meta *); } metas[] = {
    { "a card more: as many placed, as much wanted", meta_add_card, meta_add_card_holds },
    { "cards in another order: the same score", meta_permute_cards, meta_permute_holds },
    { "workloads in another order: the same score", meta_permute_works, meta_permute_works_holds },
    { "a higher priority: placed as before", meta_raise, meta_raise_holds },
    { "a foreign byte: not better", meta_one_byte, meta_one_byte_holds },
    { "foreign GiB: not better", meta_stranger, meta_one_byte_holds },
    { "an optional one removed: the others no worse", meta_remove, meta_remove_holds },
    { "sharing allowed: not worse", meta_share, meta_share_holds },
    { "fewer requests: no worse with whole contexts", meta_less_asked, meta_less_asked_holds },
    { "one more optional: not worse", meta_optional, meta_share_holds },
    { "more RAM: not worse", meta_ram, meta_share_holds },
};

/* 1 holds, -1 does not, 0 nothing to compare. */
static inline int meta_one(struct meta *m, struct full_problem *x, uint64_t number, size_t which, struct bt_err *err)
{
    static const char *const phase[] = { "all" };
    draw_seed(&m->d, number * 31 + which + 11000000);
    int ok = full_draw(m->a, number, x, err);
    if (ok <= 0)
        return ok < 0 ? -2 : 0;
    x->in.needs = pl_needs_new(m->a);
    if (pl_open_copies(m->a, &x->in, phase, 1, err) < 0)
        return -2;
    meta_copy(m, &x->in);
    if (!metas[which].change(m))
        return 0;
    int was = meta_solve(m, &x->in, &m->p, &m->was, err), is = was > 0 ? meta_solve(m, &m->in, &m->q, &m->is, err) : was;
    if (was < 0 || is < 0)
        return -2;
    return !is || meta_has_cuts(m->p) || meta_has_cuts(m->q) ? 0 : metas[which].holds(m) ? 1 : -1;
}
#endif

/* explain - the other shapes that were looked at, each planned in its own right, and why the one taken won; warnings. */
#include "plan/lost.h"
#include "plan/phases.h"

#define MAX_ALTERNATIVES 12
#define TRY_NODES 100000
#define SHAPE_NODES 10000            /* of a shape that is only shown beside the one taken */
#define FIRST_SHARE 10               /* of a trial's steps, a part in the order of the plan: what is easy is found there */
#define SHOWN_TABLES 5               /* of other shapes in one plan: nobody reads more, and each row is a plan of the whole */
#define WORK_TRIED 20000             /* workloads planned again for that in all */

int pl_try(const struct pl_trial *t, const struct bt_workload *changed, size_t index, struct pl_problem **p, struct pl_solution *out,
           struct bt_err *err)
{
    struct bt_spec *spec = BT_NEW(t->a, struct bt_spec);
    *spec = *t->in->spec;
    spec->w = BT_NEWN(t->a, struct bt_workload, spec->n + 1);
    memcpy(spec->w, t->in->spec->w, spec->n * sizeof *spec->w);
    spec->w[index] = *changed;
    struct bt_plan_in *in = BT_NEW(t->a, struct bt_plan_in);
    *in = (struct bt_plan_in){ .spec = spec, .fleet = t->in->fleet, .models = t->in->models, .needs = t->in->needs, .copies = t->in->copies };
    *out = (struct pl_solution){ .complete = true };
    if (pl_problem_build(t->a, in, t->phase, p, err) < 0)
        return -1;
    for (size_t i = 0; t->base && i < (*p)->n; i++)  /* a pinned shape would be its own best: compare with what is possible */
        for (size_t j = 0; j < t->base->n; j++)
            if (t->base->work[j].spec_index == (*p)->work[i].spec_index)
                (*p)->work[i].solo_best = t->base->work[j].solo_best;
    uint64_t nodes = t->nodes ? t->nodes : TRY_NODES;
    (*p)->beat = t->beat;
    (*p)->first_nodes = BT_MIN((*p)->first_nodes, nodes / FIRST_SHARE);      /* of a short search half of it would go there */
    if (!(*p)->nrefusals && t->any_plan)
        pl_find(*p, nodes, out);
    else if (!(*p)->nrefusals)
        pl_solve(*p, nodes, out);
    (*p)->beat = NULL;
    return 0;
}

static const struct pl_copy *first_copy(const struct pl_problem *p, const struct pl_solution *s, size_t spec_index)
{
    for (size_t i = 0; i < s->ncopies; i++)
        if (p->work[s->copy[i].work].spec_index == spec_index)
            return &s->copy[i];
    return NULL;
}

static unsigned free_cards(const struct pl_problem *p, const struct pl_solution *s)
{
    bool used[BT_MAX_GPUS] = { false };
    unsigned n = 0;
    for (size_t i = 0; i < s->ncopies; i++)
        for (uint32_t j = 0; j < s->copy[i].ncards; j++)
            used[s->copy[i].card[j]] = true;
    for (size_t g = 0; g < p->fleet->n; g++)
        n += !used[g];
    return n;
}

struct outlook { const struct pl_problem *p; const struct pl_solution *s; uint64_t ctx; double rate; uint32_t copies; };

static struct outlook outlook_of(const struct pl_problem *p, const struct pl_solution *s, size_t spec_index)
{
    struct outlook o = { .p = p, .s = s };
    const struct pl_copy *c = first_copy(p, s, spec_index);
    if (c && p->work[c->work].server) {
        o.ctx = s->ctx[c->work];
        o.rate = pl_rate_shown(p, &p->work[c->work].shape[c->shape], c->card);
    }
    for (size_t i = 0; c && i < s->ncopies; i++)
        o.copies += s->copy[i].work == c->work;
    return o;
}

static const char *why_lost(struct bt_arena *a, const struct outlook *win, const struct outlook *lose)
{
    enum bt_plan_goal goal = pl_lost_at(&win->s->score, &lose->s->score);
    const char *who = pl_who_lost(a, win->p->spec, (struct pl_planned){ win->p, win->s }, (struct pl_planned){ lose->p, lose->s }, goal);
    switch (goal) {
    case BT_GOAL_PLACED: return "leaves an optional workload without a place";
    case BT_GOAL_WANTS:
        if (lose->ctx < win->ctx)
            return bt_arena_printf(a, "holds %s tokens, the one taken %s", bt_count_human(lose->ctx), bt_count_human(win->ctx));
        return who ? who : "less of the contexts and copies that are wanted";
    case BT_GOAL_SERVICE:
        if (lose->rate < win->rate && win->rate - lose->rate < 0.1)
            return "slower by less than 0.1 tok/s";
        if (lose->rate < win->rate)
            return bt_arena_printf(a, "slower: %.1f tok/s against %.1f", lose->rate, win->rate);
        return who ? who : "more of them share a card and its time";
    case BT_GOAL_SHARED: return "shares more cards, or leaves its NVLink island";
    case BT_GOAL_FREE: return "leaves less memory free in one piece";
    default: return "no better; the first of equals is taken";
    }
}

/* Against the best of the others: what decided. */
static const char *why_taken(struct bt_arena *a, const struct outlook *win, const struct outlook *others, size_t n)
{
    const struct outlook *second = NULL;
    for (size_t i = 0; i < n; i++)
        if (others[i].s && others[i].s->found && (!second || pl_score_cmp(&others[i].s->score, &second->s->score, BT_GOAL_LOWEST) > 0))
            second = &others[i];
    unsigned left = free_cards(win->p, win->s);
    const char *frees = left == 0 ? "" : left == 1 ? "; leaves 1 GPU free" : bt_arena_printf(a, "; leaves %u GPUs free", left);
    if (!second)
        return bt_arena_printf(a, "the only one that fits%s", frees);
    switch (pl_lost_at(&win->s->score, &second->s->score)) {
    case BT_GOAL_PLACED: return bt_arena_printf(a, "the only one beside which every workload has a place%s", frees);
    case BT_GOAL_WANTS:
        if (second->ctx < win->ctx)
            return bt_arena_printf(a, "%s tokens of context, the most of those that fit%s", bt_count_human(win->ctx), frees);
        if (win->copies > second->copies)
            return bt_arena_printf(a, "%u copies, the most that fit%s", win->copies, frees);
        return bt_arena_printf(a, "beside it the others reach the most of what they want%s", frees);
    case BT_GOAL_SERVICE:
        if (second->rate > win->rate)
            return bt_arena_printf(a, "the best service of all together, of those that reach as much%s", frees);
        return bt_arena_printf(a, "%.1f tok/s, the fastest of those that reach as much context%s", win->rate, frees);
    case BT_GOAL_SHARED: return bt_arena_printf(a, "as fast, on cards it shares less%s", frees);
    case BT_GOAL_FREE: return bt_arena_printf(a, "as fast, and leaves more memory free in one piece%s", frees);
    default: return bt_arena_printf(a, "equal to the next; the first of equals%s", frees);
    }
}

void pl_pin_layers(struct bt_arena *a, const struct pl_work *k, const struct pl_shape *s, struct bt_workload *out)
{
    uint32_t stages = pl_stages(s);
    out->pp_layers.n = stages;
    out->pp_layers.v = BT_NEWN(a, uint32_t, stages);
    for (uint32_t i = 0; i < stages; i++)
        out->pp_layers.v[i] = s->cut ? s->cut[i] : bt_engine_stage_layers(k->pm->engine, k->pm->model->layers, stages, i);
}

struct bt_workload pl_pinned(struct bt_arena *a, const struct pl_work *k, const struct pl_shape *s, bool cut)
{
    struct bt_workload out = *k->w;
    out.tp = pl_exactly(s->tp);
    out.pp = pl_exactly(pl_stages(s));
    out.pp_layers.n = 0;
    if (cut && pl_stages(s) > 1)
        pl_pin_layers(a, k, s, &out);
    return out;
}

bool pl_is_shown(const struct pl_work *k, const struct pl_shape *s, const struct pl_shape *taken)
{
    return s == taken || !s->cut || k->w->pp_layers.n;
}

const char *pl_layers_of(const struct pl_problem *p, const struct pl_solution *s, size_t spec_index)
{
    const struct pl_copy *c = first_copy(p, s, spec_index);
    return c && p->work[c->work].server ? p->work[c->work].shape[c->shape].layers : "";
}

/* The plan with the server in this shape instead: *row says what came of it, *out how it compares. */
static int try_shape(const struct pl_trial *t, const struct pl_work *k, const struct pl_shape *sh, const struct pl_shape *taken, const struct outlook *win,
                     struct bt_plan_alternative *row, struct outlook *out, struct bt_err *err)
{
    bool rival = taken->cut && taken->tp == sh->tp && taken->pp == sh->pp;     /* of the one taken: the engine's own cut */
    struct bt_workload w = pl_pinned(t->a, k, sh, rival || k->w->pp_layers.n);
    struct pl_problem *q;
    struct pl_solution *o = BT_NEW(t->a, struct pl_solution);
    if (pl_try(t, &w, k->spec_index, &q, o, err) < 0)
        return -1;
    row->fits = o->found && first_copy(q, o, k->spec_index);         /* an optional one is not there because the others are */
    if (!row->fits) {
        row->why_not = o->complete ? pl_no_place(t->a, q, k->spec_index) : "not found among the first placements looked at";
        return 0;
    }
    *out = outlook_of(q, o, k->spec_index);
    row->context = out->ctx;
    row->decode_tok_s = out->rate;
    row->layers = pl_layers_of(q, o, k->spec_index);
    row->why = rival && pl_lost_at(&win->s->score, &out->s->score) >= BT_GOAL_FREE ? PL_LESS_KV : why_lost(t->a, win, out);
    if (!o->complete && out->ctx >= win->ctx && out->rate >= win->rate && !rival)        /* what others lose is not certain then */
        row->why = "no better plan with it was found in a short search";
    return 0;
}

/* Many cards first, then TP before PP. */
static size_t shapes_to_show(const struct pl_work *k, const struct pl_shape *taken, const struct pl_shape *out[MAX_ALTERNATIVES])
{
    size_t n = 0;
    for (uint32_t cards = BT_MAX_GPUS; cards >= 1; cards--)
        for (uint32_t tp = cards; tp >= 1; tp--)
            for (size_t i = 0; i < k->nshapes; i++) {
                const struct pl_shape *sh = &k->shape[i];
                bool room = n < MAX_ALTERNATIVES - 1 || (n < MAX_ALTERNATIVES && sh == taken);      /* the one taken is always shown */
                if (sh->cards == cards && sh->tp == tp && room && pl_is_shown(k, sh, taken))
                    out[n++] = sh;
            }
    return n;
}

/* A server with the shapes that are shown of it. */
struct shown {
    const struct pl_work *k;
    const struct pl_shape *taken, *shape[MAX_ALTERNATIVES];
    size_t n;
    struct outlook win, other[MAX_ALTERNATIVES];
    struct bt_plan_alternative row[MAX_ALTERNATIVES];
};

struct asked { size_t shown, shape; };
struct at_once { const struct pl_trial *t; struct shown *v; size_t n; struct asked *trial; size_t ntrials; };

/* False: there is nothing to be shown beside what it has. */
static bool to_show(const struct pl_problem *p, const struct pl_solution *s, size_t work, struct shown *out)
{
    const struct pl_work *k = &p->work[work];
    const struct pl_copy *c = first_copy(p, s, k->spec_index);
    if (!c || k->nshapes < 2)
        return false;
    *out = (struct shown){ .k = k, .taken = &k->shape[c->shape], .win = outlook_of(p, s, k->spec_index) };
    out->n = shapes_to_show(k, out->taken, out->shape);
    for (size_t i = 0; i < out->n; i++) {
        const struct pl_shape *sh = out->shape[i];
        bool taken = sh == out->taken;
        out->row[i] = (struct bt_plan_alternative){ .phase = p->phase, .workload = k->w->name, .tp = sh->tp, .pp = pl_stages(sh), .cards = sh->cards,
                                                    .layers = sh->layers, .why_not = sh->why_not, .fits = taken, .taken = taken };
        if (taken) {
            out->row[i].context = out->win.ctx;
            out->row[i].decode_tok_s = out->win.rate;
        }
    }
    return true;
}

static int try_one(void *ctx, size_t i, const struct pl_with *with)
{
    const struct at_once *o = ctx;
    struct shown *x = &o->v[o->trial[i].shown];
    size_t at = o->trial[i].shape;
    struct bt_plan_in in = *o->t->in;
    struct pl_trial t = *o->t;
    in.needs = with->needs;
    t.in = &in;
    t.a = with->a;
    return try_shape(&t, x->k, x->shape[at], x->taken, &x->win, &x->row[at], &x->other[at], with->err);
}

/* The shapes of each server of a phase that are shown, each tried: all at once. */
static int explain_servers(struct bt_plan *plan, const struct pl_trial *t, const struct pl_problem *p, const struct pl_solution *s, struct bt_err *err)
{
    struct at_once o = { .t = t };
    for (size_t w = 0; w < t->in->spec->n; w++)
        for (size_t i = 0; i < p->n; i++) {
            struct shown x;
            if (p->work[i].spec_index != w || !p->work[i].server || !to_show(p, s, i, &x))
                continue;
            BT_PUSH(t->a, o.v, o.n, x);
            for (size_t k = 0; k < x.n; k++)
                if (!x.row[k].taken && x.shape[k]->ok) {
                    struct asked one = { o.n - 1, k };
                    BT_PUSH(t->a, o.trial, o.ntrials, one);
                }
        }
    if (pl_side_by_side(t->a, t->in->needs, o.ntrials, try_one, &o, err) < 0)
        return -1;
    for (size_t i = 0; i < o.n; i++)
        for (size_t k = 0; k < o.v[i].n; k++) {
            struct shown *x = &o.v[i];
            x->row[k].why = x->row[k].taken ? why_taken(t->a, &x->win, x->other, x->n) : x->row[k].why;
            BT_PUSH(t->a, plan->alt, plan->nalt, x->row[k]);
        }
    return 0;
}

/* What it takes to show the other shapes: servers that have some, a table for each of their phases, workloads planned again. */
struct to_try { size_t servers, tables, works; };

static struct to_try to_try(const struct pl_stages *all)
{
    struct to_try t = { 0 };
    for (size_t w = 0; w < all->in->spec->n; w++) {
        size_t before = t.tables;
        for (size_t k = 0; k < all->n; k++) {
            const struct pl_problem *p = all->v[k].p;
            struct shown x;
            for (size_t i = 0; i < p->n; i++)
                if (p->work[i].spec_index == w && p->work[i].server && to_show(p, &all->v[k].s, i, &x)) {
                    t.tables++;
                    t.works += x.n * p->n;
                }
        }
        t.servers += t.tables > before;
    }
    return t;
}

static void warn(struct bt_plan *plan, struct bt_arena *a, const char *text)
{
    for (size_t i = 0; i < plan->nwarnings; i++)
        if (!strcmp(plan->warning[i], text))
            return;
    BT_PUSH(a, plan->warning, plan->nwarnings, text);
}

/* Why no rate is known of a server: the same for all of its shapes. */
static const char *no_rate(const struct pl_problem *p, const struct pl_work *k)
{
    for (size_t i = 0; i < k->nshapes; i++)
        for (size_t c = 0; k->shape[i].cost && c < p->nclasses; c++)
            if (k->shape[i].cost[c].need && bt_need_partly_on_cpu(k->shape[i].cost[c].need))
                return "what the processor computes of it decides its speed, which is not known";
    return "the speed of these cards is not in the catalog";
}

/* What is not on this machine, and was reckoned with all the same. */
static void warn_not_here(struct bt_plan *plan, struct bt_arena *a, const struct pl_work *k)
{
    if (!k->pm->bin)
        warn(plan, a, bt_arena_printf(a, "%s: %s is not installed here: planned as version %s", k->w->name, k->pm->engine->name, k->pm->version->version));
    if (k->pm->model->source == BT_MODEL_CATALOG)
        warn(plan, a, bt_arena_printf(a, "%s: %s is not on this machine: planned from its built-in shape", k->w->name, k->w->model));
}

static void warn_server(struct bt_plan *plan, struct bt_arena *a, const struct pl_problem *p, const struct pl_solution *s, size_t i)
{
    const struct pl_work *k = &p->work[i];
    uint64_t ctx = s->ctx[i];
    if (ctx < k->ctx_want)
        warn(plan, a,
             bt_arena_printf(a, "%s: context %s of the %s %s: the busiest card holds no more", k->w->name, bt_count_human(ctx),
                             bt_count_human(k->ctx_want), k->w->context.want ? "wanted" : "that the model was made for"));
    warn_not_here(plan, a, k);
    if (!k->pm->version->has_kv_bytes)
        warn(plan, a,
             bt_arena_printf(a,
                             "%s: %s %s has no --kv-cache-memory-bytes: its KV follows from the fraction alone, and from what is free when it starts",
                             k->w->name, k->pm->engine->name, k->pm->version->version));
    if (k->solo_best <= 0)
        warn(plan, a, bt_arena_printf(a, "%s: %s: shapes are compared without it", k->w->name, no_rate(p, k)));
}

/* Of copies that are wanted and not there: do they find no place, or do they cost more than they are worth? Of one machine of several nothing is said:
 * it knows only of those that were dealt to it. */
static int warn_copies(struct bt_plan *plan, const struct pl_trial *t, const struct pl_problem *p, const struct pl_solution *s, const struct pl_work *k,
                       uint32_t copies, struct bt_err *err)
{
    struct bt_workload w = *k->w;
    struct pl_problem *q;
    struct pl_solution o = { 0 };
    w.copies.min = copies + 1;
    if (!t->in->brief && w.copies.set && pl_try(t, &w, k->spec_index, &q, &o, err) < 0)
        return -1;
    const char *cards = bt_arena_printf(t->a, "%zu card%s hold%s no more", k->npool, k->npool == 1 ? "" : "s", k->npool == 1 ? "s" : "");
    const char *why = o.complete ? cards : "no better plan with more was found";
    if (o.found) {
        uint32_t more = 0;
        for (size_t i = 0; i < o.ncopies; i++)
            more += q->work[o.copy[i].work].spec_index == k->spec_index;
        const char *who = pl_who_lost(t->a, p->spec, (struct pl_planned){ p, s }, (struct pl_planned){ q, &o }, pl_lost_at(&s->score, &o.score));
        why = bt_arena_printf(t->a, who ? "%u would be dearer: %s" : "%u would be no better", more, who);
    }
    warn(plan, t->a, bt_arena_printf(t->a, "%s: %u of the %u copies wanted: %s", k->w->name, copies, k->copies_want, why));
    return 0;
}

static uint32_t copies_of(const struct pl_solution *s, size_t work)
{
    uint32_t n = 0;
    for (size_t c = 0; c < s->ncopies; c++)
        n += s->copy[c].work == work;
    return n;
}

/* Who would have waited for it (`after`) does not: nothing will ever be there to wait for. */
static void warn_left_out(struct bt_plan *plan, struct bt_arena *a, const struct pl_problem *p, const struct pl_solution *s, const char *name)
{
    warn(plan, a, bt_arena_printf(a, "%s is optional and found no place%s%s", name, p->in->spec->phases.n > 1 ? " in phase " : "",
                                  p->in->spec->phases.n > 1 ? p->phase : ""));
    for (size_t i = 0; i < p->spec->n; i++) {
        const struct bt_workload *w = &p->spec->w[i];
        bool waits = false, there = pl_in_phase(w, p->phase);
        for (size_t k = 0; k < w->nafter; k++)
            waits = waits || !strcmp(w->after[k].name, name);
        for (size_t k = 0; k < p->n; k++)
            there = there && (p->work[k].spec_index != i || copies_of(s, k));
        if (waits && there)
            warn(plan, a, bt_arena_printf(a, "%s does not wait for %s (`after`), which has no place", w->name, name));
    }
}

int pl_explain(struct bt_plan *plan, struct bt_arena *a, const struct bt_plan_in *in, struct pl_problem *p, const struct pl_solution *s,
               struct bt_err *err)
{
    struct pl_trial t = { a, in, p->phase, p, SHAPE_NODES };
    struct to_try shapes = in->brief || in->obeyed ? (struct to_try){ 0 } : to_try(plan->stages);
    bool shown = shapes.tables && shapes.tables <= SHOWN_TABLES && shapes.works <= WORK_TRIED;
    for (size_t w = 0; w < in->spec->n; w++)
        for (size_t i = 0; i < p->n; i++) {
            const struct pl_work *k = &p->work[i];
            if (k->spec_index != w)
                continue;
            const uint32_t copies = copies_of(s, i);
            if (!copies)
                warn_left_out(plan, a, p, s, k->w->name);
            else if (copies < k->copies_want && !in->within && warn_copies(plan, &t, p, s, k, copies, err) < 0)
                return -1;
            if (k->server && copies)
                warn_server(plan, a, p, s, i);
            if (k->on_host && copies)
                warn_not_here(plan, a, k);
        }
    if (shown && explain_servers(plan, &t, p, s, err) < 0)
        return -1;
    if (shapes.tables && !shown) {
        const char *who = shapes.servers == 1 ? "the server" : bt_arena_printf(a, "%zu servers", shapes.servers);
        const char *of = shapes.servers == 1 ? "" : " for one of them";
        warn(plan, a, bt_arena_printf(a, "other shapes of %s are not compared here: `berth explain NAME` does that%s", who, of));
    }
    if (in->clock)
        warn(plan, a, "planned within a limit of time: the same spec may get another plan next time");
    return 0;
}

/* "; service: 91.20 % of what no plan can pass", of the first goal where any lacks; "" where none of these does. */
static const char *how_far(struct bt_arena *a, const struct pl_solution *s)
{
    static const char *const what[] = { [BT_GOAL_PLACED] = "workloads placed", [BT_GOAL_WANTS] = "contexts and copies wanted", [BT_GOAL_SERVICE] = "service" };
    enum bt_plan_goal g = BT_GOAL_PLACED;
    bool lacks = false;
    for (uint32_t i = 0; i < s->score.nlevels; i++)
        lacks = lacks || s->score.placed[i] != s->bound.placed[i];
    for (int i = BT_GOAL_WANTS; i <= BT_GOAL_SERVICE && !lacks; i++) {
        g = (enum bt_plan_goal)i;
        lacks = s->score.v[i] != s->bound.v[i];
    }
    double share = 1 - pl_gap(s);                    /* rounded down: never all of it */
    return lacks && share < 1 ? bt_arena_printf(a, "; %s: %.2f %% of what no plan can pass", what[g], (double)(uint64_t)(share * 10000) / 100) : "";
}

void pl_explain_stop(struct bt_plan *plan, struct bt_arena *a, const char *phase, const struct pl_solution *s)
{
    if (!s->complete)
        warn(plan, a, bt_arena_printf(a, "%s%sthe search stopped after %llu placements: a better plan may exist%s", phase ? phase : "", phase ? ": " : "",
                                      (unsigned long long)s->nodes, how_far(a, s)));
}

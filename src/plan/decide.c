/* decide - each decision against the best other one: that one is planned with everything else, and the first goal at which it is worse is what it lost. */
#include "plan/decide.h"

#include "plan/lost.h"
#include "plan/phases.h"

#define MAX_CARDS_TRIED 8
#define BASE_NODES 100000        /* of a rival's search: a short one */
#define MANY 64                  /* more workloads than these: shorter, as each placement takes longer */
#define STEPS_TRIED 20000000     /* of all rivals together, with what it costs to build them: no other workload's are planned then */

const char *const bt_decided_names[] = {
    [BT_DECIDED_SHAPE] = "shape", [BT_DECIDED_CARDS] = "cards", [BT_DECIDED_CONTEXT] = "context", [BT_DECIDED_COPIES] = "copies"
};

struct deciding {
    struct pl_trial t;
    struct bt_err *err;
    struct bt_plan_in in;
    const struct bt_plan *plan;
    const struct bt_plan_phase *ph;
    struct pl_problem *p;
    struct pl_solution s; /* the phase as it is, planned in the same way as the others will be */
    struct bt_decision **out;
    size_t *n;
    uint64_t steps; /* as STEPS_TRIED counts */
};

/* One other way: planned, and how it reads. */
struct rival {
    bool found;
    struct pl_problem *p;
    struct pl_solution s;
    const char *name;
};

static unsigned long long ull(uint64_t n)
{
    return n;
}

static void say(struct deciding *d, const struct bt_workload *w, enum bt_decided what, const char *taken, const char *runner_up, const char *lost)
{
    struct bt_decision row = { d->ph->name, w->name, what, taken, runner_up, lost };
    BT_PUSH(d->t.a, *d->out, *d->n, row);
}

static const char *what_it_lost(struct deciding *d, const struct rival *b)
{
    enum bt_plan_goal goal = pl_lost_at(&d->s.score, &b->s.score);
    const char *who = pl_who_lost(d->t.a, d->in.spec, (struct pl_planned){ d->p, &d->s }, (struct pl_planned){ b->p, &b->s }, goal);
    if (who)
        return who;
    switch (goal) {
    case BT_GOAL_PLACED: return "a workload finds no place";
    case BT_GOAL_WANTS: return "less of the contexts and copies that are wanted";
    case BT_GOAL_SERVICE: return "less service: more of them share a card and its time";
    case BT_GOAL_SHARED: return "more shared cards, or ranks outside one NVLink island";
    case BT_GOAL_FREE: return "less free memory in one piece";
    default: return "nothing: equal, and the first of equals is taken";
    }
}

static int try_rival(struct deciding *d, const struct bt_workload *w, size_t index, const struct pl_score *beat, struct rival *r)
{
    d->t.beat = beat;
    if (pl_try(&d->t, w, index, &r->p, &r->s, d->err) < 0)
        return -1;
    d->steps += r->s.nodes + r->p->n * r->p->fleet->n * PL_PAIR_STEPS;
    r->found = r->s.found && !r->p->nrefusals;
    return r->found ? pl_recut(r->p, &r->s, d->err) : 0;             /* as the one taken was */
}

static bool is_better(const struct rival *x, const struct rival *than)
{
    return x->found && (!than->found || pl_score_cmp(&x->s.score, &than->s.score, BT_GOAL__N) > 0);
}

/* A rival that cannot be as good as the best of them is not looked for to its own best: most are ruled out so. What stays open then is searched as if it were
 * the only one: that goes other ways, and finds other plans. */
static int plan_rival(struct deciding *d, const struct bt_workload *w, size_t index, const char *name, struct rival *best)
{
    struct rival r = { .name = name }, alone = { .name = name };
    struct pl_score beat = best->s.score;            /* the first of those as good in all but that is not looked past: cuts come later, and change it */
    beat.v[BT_GOAL_FREE] = beat.v[BT_GOAL_LOWEST] = -1;
    bool outdo = best->found && d->s.complete;       /* what is too much to be proven for the plan is too much for them */
    if (try_rival(d, w, index, outdo ? &beat : NULL, &r) < 0)
        return -1;
    if (outdo && !r.s.complete && try_rival(d, w, index, NULL, &alone) < 0)
        return -1;
    if (is_better(&r, best))
        *best = r;
    if (is_better(&alone, best))
        *best = alone;
    return 0;
}

/* ---- the decisions ---- */

static const char *shape_words(struct bt_arena *a, const struct bt_workload *w, uint64_t tp, uint64_t pp, const char *layers)
{
    if (w->dp.set && w->dp.want > 1) {
        struct bt_workload one = *w;
        one.dp.set = false;
        return bt_arena_printf(a, "%llu engines of %s", ull(w->dp.want), shape_words(a, &one, tp, pp, layers));
    }
    if (w->ep.set && w->ep.want > 1) {
        struct bt_workload one = *w;
        one.ep.set = false;
        return bt_arena_printf(a, "%s, EP=%llu", shape_words(a, &one, tp, pp, layers), ull(w->ep.want));
    }
    const char *split = layers && layers[0] ? bt_arena_printf(a, " (layers %s)", layers) : "";
    const char *shape = pl_shape_words(a, tp, pp);
    return pp > 1 ? bt_arena_printf(a, "%s%s", shape, split) : shape;
}

/* As the plan has it: beside those who sleep in this phase, or are held to their place by another, its layers may be cut otherwise. */
static const char *taken_words(struct deciding *d, const struct pl_work *k, const struct pl_shape *taken)
{
    bt_auto_buf struct bt_buf cut = BT_BUF(4096);
    for (size_t i = 0; i < d->ph->n; i++) {
        const struct bt_plan_instance *in = &d->ph->inst[i];
        if (strcmp(in->w->name, k->w->name) || !in->cut)
            continue;
        for (uint32_t j = 0; j < in->pp; j++)
            bt_buf_printf(&cut, "%s%u", j ? "," : "", in->cut[j]);
        return shape_words(d->t.a, k->w, in->tp, in->pp, bt_arena_strdup(d->t.a, bt_buf_z(&cut)));
    }
    return shape_words(d->t.a, k->w, taken->tp, pl_stages(taken), taken->layers);
}

static int decide_shape(struct deciding *d, size_t index, const struct pl_work *k, const struct pl_copy *c)
{
    const struct pl_shape *taken = &k->shape[c->shape];
    struct rival best = { 0 };
    size_t others = 0;
    bool even = false;               /* the best of them differs from the one taken only in how the layers are cut */
    const char *why = NULL;
    for (size_t i = 0; i < k->nshapes; i++) {
        const struct pl_shape *sh = &k->shape[i];
        if (sh == taken || !pl_is_shown(k, sh, taken))
            continue;
        others++;
        why = sh->why_not ? sh->why_not : why;
        bool own = taken->cut && taken->tp == sh->tp && taken->pp == sh->pp;
        struct bt_workload w = pl_pinned(d->t.a, k, sh, own || k->w->pp_layers.n);
        const struct pl_problem *before = best.p;
        if (sh->ok && plan_rival(d, &w, index, "", &best) < 0)
            return -1;
        if (best.p != before) {
            best.name = shape_words(d->t.a, k->w, sh->tp, pl_stages(sh), pl_layers_of(best.p, &best.s, k->spec_index));
            even = own;
        }
    }
    const char *name = taken_words(d, k, taken);
    if (best.found)
        say(d, k->w, BT_DECIDED_SHAPE, name, best.name,
            even && pl_lost_at(&d->s.score, &best.s.score) >= BT_GOAL_FREE ? PL_LESS_KV : what_it_lost(d, &best));
    else if (!others)
        say(d, k->w, BT_DECIDED_SHAPE, name, NULL, "the spec leaves no other");
    else
        say(d, k->w, BT_DECIDED_SHAPE, name, NULL,
            why ? bt_arena_printf(d->t.a, "no other fits; the engine's rule for one of them: %s", why) : "no other fits beside the rest");
    return 0;
}

static const char *card_words(struct bt_arena *a, const struct bt_fleet *f, const bool *cards)
{
    bt_auto_buf struct bt_buf b = BT_BUF(4096);
    for (size_t g = 0; g < f->n; g++)
        if (cards[g])
            bt_buf_printf(&b, "%s%d", b.n ? "," : "GPU ", f->gpus[g].index);
    return b.n ? bt_arena_strdup(a, bt_buf_z(&b)) : "no GPU";
}

static void cards_of(const struct pl_solution *s, size_t work, bool *out)
{
    for (size_t i = 0; i < s->ncopies; i++)
        for (uint32_t j = 0; s->copy[i].work == work && j < s->copy[i].ncards; j++)
            out[s->copy[i].card[j]] = true;
}

/* Without one of its cards at a time: the best of the places that are left. */
static int decide_cards(struct deciding *d, size_t index, const struct pl_work *k, size_t work)
{
    bool has[BT_MAX_GPUS] = { false }, planned[BT_MAX_GPUS] = { false }, any = false;
    struct rival best = { 0 };
    const struct bt_fleet *f = d->in.fleet;
    unsigned tried = 0, free_cards = 0;
    cards_of(&d->s, work, has);
    for (size_t i = 0; i < d->ph->n; i++)            /* as the plan says: between phases it may have them from among twins */
        for (size_t r = 0; d->ph->inst[i].nranks && !strcmp(d->ph->inst[i].w->name, k->w->name) && r < d->ph->inst[i].nranks; r++)
            planned[d->ph->inst[i].rank[r].gpu] = any = true;
    if (any)
        memcpy(has, planned, sizeof has);
    for (size_t i = 0; i < k->npool; i++)
        free_cards += !has[k->pool[i]];
    for (size_t g = 0; free_cards && g < f->n && tried < MAX_CARDS_TRIED; g++) {
        struct bt_workload w = *k->w;
        if (!has[g])
            continue;
        tried++;
        w.pool = (struct bt_strs){ 0 };
        for (size_t i = 0; i < k->npool; i++)
            if (k->pool[i] != g) {
                const char *id = bt_arena_printf(d->t.a, "%d", f->gpus[k->pool[i]].index);
                BT_PUSH(d->t.a, w.pool.v, w.pool.n, id);
            }
        if (plan_rival(d, &w, index, NULL, &best) < 0)
            return -1;
    }
    bool other[BT_MAX_GPUS] = { false };
    if (best.found)
        cards_of(&best.s, pl_work_of(best.p, index), other);
    say(d, k->w, BT_DECIDED_CARDS, card_words(d->t.a, f, has), best.found ? card_words(d->t.a, f, other) : NULL,
        best.found     ? what_it_lost(d, &best)
        : free_cards   ? "on no other cards does everything fit"
        : k->w->pool.n ? "its pool has no others"
                       : "the fleet has no others");
    return 0;
}

/* More context was wanted: which card holds no more. */
static void decide_context(struct deciding *d, const struct bt_workload *w, const struct pl_work *k, uint64_t granted)
{
    const char *taken = bt_arena_printf(d->t.a, "%s tokens", bt_count_human(granted));
    if (granted >= k->ctx_want) {
        say(d, w, BT_DECIDED_CONTEXT, taken, NULL,
            w->context.want      ? "all that is wanted"
            : w->context.same_as ? "as its same_as"
                                 : "all that the model was made for");
        return;
    }
    uint64_t load[BT_MAX_GPUS] = { 0 }, least = UINT64_MAX;
    size_t tight = PL_NONE;
    for (size_t i = 0; i < d->ph->n; i++)
        for (size_t r = 0; r < d->ph->inst[i].nranks; r++)
            load[d->ph->inst[i].rank[r].gpu] += d->ph->inst[i].rank[r].bytes;
    for (size_t i = 0; i < d->ph->n; i++)
        for (size_t r = 0; d->ph->inst[i].w == w && r < d->ph->inst[i].nranks; r++) {
            const struct bt_rank_berth *b = &d->ph->inst[i].rank[r];
            if (b->kv_tokens < least) {
                least = b->kv_tokens;
                tight = b->gpu;
            }
        }
    const char *why = tight == PL_NONE ? "no card holds more"
                                       : bt_arena_printf(d->t.a, "GPU %d holds no more: %s of %s are planned on it", d->in.fleet->gpus[tight].index,
                                                         bt_bytes_human(load[tight]), bt_bytes_human(bt_gpu_capacity(&d->in.fleet->gpus[tight])));
    say(d, w, BT_DECIDED_CONTEXT, taken, bt_arena_printf(d->t.a, "%s tokens", bt_count_human(k->ctx_want)), why);
}

static int decide_copies(struct deciding *d, size_t index, const struct pl_work *k, uint32_t placed)
{
    if (k->copies_want <= 1 && placed == 1)
        return 0;
    const char *taken = bt_arena_printf(d->t.a, "%u", placed);
    if (placed >= k->copies_want) {
        say(d, k->w, BT_DECIDED_COPIES, taken, NULL, "all that are wanted");
        return 0;
    }
    struct bt_workload w = *k->w;
    struct rival best = { 0 };
    w.copies = (struct bt_range){ .set = true, .want = k->copies_want, .min = placed + 1, .max = k->copies_want };       /* what is wanted stays the measure */
    if (plan_rival(d, &w, index, NULL, &best) < 0)
        return -1;
    uint32_t more = 0;
    for (size_t i = 0; best.found && i < best.s.ncopies; i++)
        more += best.p->work[best.s.copy[i].work].spec_index == index;
    say(d, k->w, BT_DECIDED_COPIES, taken, bt_arena_printf(d->t.a, "%u", BT_MAX(more, placed + 1)),
        best.found ? what_it_lost(d, &best) : "one more does not fit beside the others");
    return 0;
}

/* The decisions of one workload, each with its rivals: planned side by side. */
enum { PART_SHAPE, PART_CARDS, PART_REST, PARTS };
struct workload {
    size_t index, work;
    const struct pl_copy *first;
    uint32_t placed;
    uint64_t granted;
    struct bt_decision *row[PARTS];
    size_t n[PARTS];
    uint64_t steps[PARTS];
};
struct at_once {
    const struct deciding *d;
    struct workload *v;
    size_t n;
};

static struct workload workload_of(const struct deciding *d, size_t index)
{
    const struct bt_workload *w = &d->in.spec->w[index];
    struct workload x = { .index = index, .work = pl_work_of(d->p, index) };
    for (size_t i = 0; i < d->ph->n; i++)
        if (d->ph->inst[i].w == w || !strcmp(d->ph->inst[i].w->name, w->name)) {
            x.placed++;
            x.granted = d->ph->inst[i].context;
        }
    for (size_t i = 0; x.work != PL_NONE && !x.first && i < d->s.ncopies; i++)
        x.first = d->s.copy[i].work == x.work ? &d->s.copy[i] : NULL;
    return x;
}

static int decide_part(struct deciding *d, const struct workload *x, size_t part)
{
    const struct bt_workload *w = &d->in.spec->w[x->index];
    if (x->work == PL_NONE)
        return 0;
    const struct pl_work *k = &d->p->work[x->work];
    if (!x->placed || !x->first) {
        if (part == PART_REST)
            say(d, w, BT_DECIDED_COPIES, "0", NULL, "optional, and finds no place beside the others");
        return 0;
    }
    if (part == PART_SHAPE)
        return k->server ? decide_shape(d, x->index, k, x->first) : 0;
    if (part == PART_CARDS)
        return !k->cpu_only ? decide_cards(d, x->index, k, x->work) : 0;
    if (k->server)
        decide_context(d, w, k, x->granted);
    return decide_copies(d, x->index, k, x->placed);
}

static int decide_one(void *ctx, size_t i, const struct pl_with *with)
{
    const struct at_once *o = ctx;
    struct workload *x = &o->v[i / PARTS];
    size_t part = i % PARTS;
    struct deciding d = *o->d;
    d.t.a = with->a;
    d.t.in = &d.in;
    d.in.needs = with->needs;
    d.err = with->err;
    d.out = &x->row[part];
    d.n = &x->n[part];
    d.steps = 0;
    if (decide_part(&d, x, part) < 0)
        return -1;
    x->steps[part] = d.steps;
    return 0;
}

/* As if it had been one after the other: past a limit of work the others are skipped. */
static int decide_at_once(struct deciding *d, struct at_once *o, bool all, size_t *skipped)
{
    if (pl_side_by_side(d->t.a, d->in.needs, o->n * PARTS, decide_one, o, d->err) < 0)
        return -1;
    for (size_t i = 0; i < o->n; i++) {
        const struct workload *x = &o->v[i];
        if (!all && d->steps > STEPS_TRIED) {
            ++*skipped;
            continue;
        }
        for (size_t part = 0; part < PARTS; part++) {
            d->steps += x->steps[part];
            for (size_t k = 0; k < x->n[part]; k++)
                BT_PUSH(d->t.a, *d->out, *d->n, x->row[part][k]);
        }
    }
    o->v = NULL;
    o->n = 0;
    return 0;
}

/* The phase as the plan has it, planned as if there were no other; rivals are searched for less long. */
static int take_base(struct deciding *d, const struct pl_stage *g)
{
    bool as_planned = g->p == g->free_p;             /* its pipelines are cut already */
    d->p = g->free_p;
    d->s = as_planned ? g->s : g->free_s;
    d->t.base = d->p;
    d->t.nodes = (uint64_t)BASE_NODES * MANY / BT_MAX(d->p->n, (size_t)MANY);
    return as_planned ? 0 : pl_recut(d->p, &d->s, d->err);
}

int bt_plan_decisions(struct bt_arena *a, const struct bt_plan_in *in, const struct bt_plan *p, const char *only, struct bt_decision **out, size_t *n,
                      size_t *skipped, struct bt_err *err)
{
    struct deciding d = { .err = err, .in = *in, .plan = p, .out = out, .n = n };
    *out = NULL;
    *n = *skipped = 0;
    d.in.needs = p->stages->in->needs;
    d.in.copies = p->stages->in->copies;
    d.in.spec = p->spec; /* with the phases that were proposed, where they were */
    for (size_t i = 0; i < p->nphases; i++) {
        d.ph = &p->phase[i];
        d.t = (struct pl_trial){ a, &d.in, d.ph->name, NULL };
        if (take_base(&d, &p->stages->v[i]) < 0)
            return -1;
        struct at_once o = { .d = &d };
        for (size_t w = 0; w < d.in.spec->n; w++) {
            if (!pl_in_phase(&d.in.spec->w[w], d.ph->name) || (only && strcmp(only, d.in.spec->w[w].name)))
                continue;
            if (!only && d.steps > STEPS_TRIED) {
                ++*skipped;
                continue;
            }
            struct workload x = workload_of(&d, w);
            BT_PUSH(a, o.v, o.n, x);
            if (o.n * PARTS >= pl_side_batch() && decide_at_once(&d, &o, only, skipped) < 0)
                return -1;
        }
        if (decide_at_once(&d, &o, only, skipped) < 0)
            return -1;
    }
    return 0;
}

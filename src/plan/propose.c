/* propose - a set that does not fit at once, cut into the fewest phases that each fit.
 *
 * Workloads that need each other (an address, `after: ready`, the same cards, one context) stay together. The fewest phases win; of as many, the cut
 * whose phases reach most; of those the first, as written. Which sets fit is asked of all that it takes; what they reach only as far as the work goes.
 * What runs on without costing anybody anything is in several phases. Where there are too many groups to look at all cuts, or a set is asked for of many
 * machines too often, phases are filled one after the other instead (propose_fill.c). */
#include "plan/knobs.h"
#include "plan/phases.h"
#include "plan/propose_int.h"

#define TRY_NODES 20000
#define MAX_CUTS 20000
#define WORTH_WORK 1500000           /* pl_found_cost() of sets whose worth is asked, of one number of phases */
#define MAX_ASKED 300                /* sets that are planned over many machines, or to fill phases one after the other */

/* ---- who needs whom ---- */

static bool words_name(const struct bt_strs *words, const char *what)
{
    for (size_t i = 0; i < words->n; i++)
        if (strstr(words->v[i], what))
            return true;
    return false;
}

static bool calls(const struct bt_workload *w, const char *what)
{
    bool any = words_name(&w->command, what) || words_name(&w->args, what);
    for (size_t i = 0; i < w->nenv; i++)
        any = any || (w->env[i].value && strstr(w->env[i].value, what));
    return any;
}

static bool needs(struct bt_arena *a, const struct bt_workload *w, const struct bt_workload *o)
{
    if ((w->same_gpus_as && !strcmp(w->same_gpus_as, o->name)) || (w->context.same_as && !strcmp(w->context.same_as, o->name)))
        return true;
    for (size_t i = 0; i < w->nafter; i++)
        if (!strcmp(w->after[i].name, o->name) && (w->after[i].what == BT_AFTER_STARTED || w->after[i].what == BT_AFTER_READY))
            return true;
    if (calls(w, bt_arena_printf(a, "{url:%s}", o->name)))
        return true;
    return o->kind == BT_SERVER && calls(w, "${gateway.url}");    /* the gateway may lead to any of them */
}

/* Most of thousands name nobody: they need not be asked about each of the others. */
static bool may_need(const struct bt_workload *w)
{
    return w->same_gpus_as || w->context.same_as || w->nafter || calls(w, "{url:") || calls(w, "${gateway.url}");
}

static void find_groups(struct pp_cutting *c)
{
    const struct bt_spec *s = c->in->spec;
    size_t *of = BT_NEWN(c->a, size_t, s->n + 1);
    for (size_t i = 0; i < s->n; i++)
        of[i] = i;
    for (size_t i = 0; i < s->n; i++)
        for (size_t j = 0, n = may_need(&s->w[i]) ? s->n : 0; j < n; j++)
            if (of[i] != of[j] && needs(c->a, &s->w[i], &s->w[j])) {
                size_t from = BT_MAX(of[i], of[j]), to = BT_MIN(of[i], of[j]);
                for (size_t k = 0; k < s->n; k++)
                    of[k] = of[k] == from ? to : of[k];
            }
    for (size_t i = 0; i < s->n; i++) {
        struct pp_group g = { .has = BT_NEWN(c->a, bool, s->n + 1) };
        for (size_t k = i; k < s->n && of[i] == i; k++)
            if (of[k] == i) {
                g.has[k] = true;
                g.ends = g.ends || s->w[k].kind == BT_JOB;
            }
        if (of[i] == i)
            BT_PUSH(c->a, c->group, c->n, g);
    }
}

/* ---- sets that fit ---- */

static struct bt_plan_in *only(struct pp_cutting *c, uint64_t set)
{
    bool *keep = BT_NEWN(c->a, bool, c->in->spec->n + 1);
    for (size_t i = 0; i < c->in->spec->n; i++)
        for (size_t g = 0; g < c->n; g++)
            keep[i] = keep[i] || ((set >> g & 1) && c->group[g].has[i]);
    return pl_only(c->a, c->in, NULL, keep);
}

/* Of one machine: the search alone. Whether it fits is asked of many sets, what it reaches of few. */
static int try_machine(struct pp_cutting *c, uint64_t set, struct pp_worth *w, bool value)
{
    bt_auto_arena own = { 0 };       /* needs are kept in another */
    struct pl_problem *p;
    struct pl_solution s = { 0 };
    if (pl_problem_build(&own, only(c, set), "all", &p, c->err) < 0)
        return -1;
    if (!p->nrefusals && value)
        pl_solve(p, TRY_NODES, &s);
    else if (!p->nrefusals)
        pl_find(p, TRY_NODES, &s);
    c->work += value ? pl_found_cost(p, &s) : 0;
    c->open = c->open || (!p->nrefusals && !s.found && !s.complete);
    w->fits = !p->nrefusals && s.found;
    w->known = value;
    memcpy(w->v, s.score.v, sizeof w->v);
    return w->fits;
}

/* Of many: dealt and planned. What it took is given back, and nothing that was worked out is handed on: needs are known by the cards of that deal. */
static int try_machines(struct pp_cutting *c, uint64_t set, struct pp_worth *w)
{
    struct bt_arena own = { 0 };
    struct bt_plan_in in = *only(c, set);
    struct bt_err why = { 0 };
    struct bt_plan *p = NULL;
    in.brief = true;
    in.needs = NULL;
    int rc = bt_plan_make(&own, &in, &p, &why);
    w->fits = rc == 0 && p->nrefusals == 0;
    w->known = true;
    if (w->fits)
        memcpy(w->v, p->objective, sizeof w->v);
    bt_arena_release(&own);
    c->open = c->open || rc != 0;
    if (rc == 0 || why.code == BT_E_TOO_BIG)         /* no place was found: as good as none */
        return w->fits;
    *c->err = why;
    return -1;
}

uint64_t pp_least_of(const struct pp_cutting *c, size_t g)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < c->in->spec->n; i++)
        sum += c->group[g].has[i] ? c->least->of[i] : 0;
    return sum;
}

static bool too_much(const struct pp_cutting *c, uint64_t set)
{
    uint64_t sum = 0;
    for (size_t g = 0; g < c->n && c->least; g++)
        sum += set >> g & 1 ? pp_least_of(c, g) : 0;
    return c->least && sum > c->least->there;
}

/* One group less did not fit. */
static bool fails_in_part(const struct pp_cutting *c, uint64_t set)
{
    for (size_t g = 0; g < c->n && c->worth; g++)
        if ((set >> g & 1) && c->worth[set & ~(UINT64_C(1) << g)].fits == 0)
            return true;
    return false;
}

/* With more groups it fits. */
static bool fits_in_more(const struct pp_cutting *c, uint64_t set)
{
    for (uint64_t more = set + 1; c->worth && more < UINT64_C(1) << c->n; more++)
        if ((more & set) == set && c->worth[more].fits > 0)
            return true;
    return false;
}

int pp_fits(struct pp_cutting *c, uint64_t set)
{
    struct pp_worth fresh = { .fits = -1 }, *w = c->worth ? &c->worth[set] : &fresh;
    bool many = c->in->fleet->nboxes > 1;
    if (w->fits >= 0)
        return w->fits;
    if ((many || !c->worth) && c->asked++ >= MAX_ASKED)
        return c->open = true, 0;
    if (many)
        return try_machines(c, set, w);
    if (too_much(c, set) || fails_in_part(c, set))
        return w->fits = 0;
    return fits_in_more(c, set) ? (w->fits = 1) : try_machine(c, set, w, false);
}

/* What a set that fits reaches, in c->worth. 1, or 0 where a search for the best of it finds nothing after all; -1 error. */
static int value(struct pp_cutting *c, uint64_t set)
{
    struct pp_worth *w = &c->worth[set];
    return w->known ? w->fits : try_machine(c, set, w, true);
}

/* ---- cuts ---- */

bool pp_waits_for(const struct pp_cutting *c, size_t y, size_t x)
{
    const struct bt_spec *s = c->in->spec;
    for (size_t i = 0; i < s->n; i++)
        for (size_t d = 0; c->group[y].has[i] && d < s->w[i].nafter; d++) {
            const struct bt_workload *o = bt_spec_find(s, s->w[i].after[d].name);
            bool waits = s->w[i].after[d].what == BT_AFTER_DONE || s->w[i].after[d].what == BT_AFTER_RELEASED;
            if (waits && o && c->group[x].has[o - s->w])
                return true;
        }
    return false;
}

/* Phases in an order in which who waits for another's end comes later; false when there is none. */
static bool order(const struct pp_cutting *c, const size_t *of, size_t phases, size_t *rank)
{
    bool before[PP_GROUPS][PP_GROUPS] = { { false } }, done[PP_GROUPS] = { false };
    for (size_t x = 0; x < c->n; x++)
        for (size_t y = 0; y < c->n; y++)
            before[of[x]][of[y]] = before[of[x]][of[y]] || (of[x] != of[y] && pp_waits_for(c, y, x));
    for (size_t next = 0; next < phases; next++) {
        size_t pick = phases;
        for (size_t b = phases; b-- > 0; ) {
            bool waits = done[b];
            for (size_t o = 0; o < phases; o++)
                waits = waits || (!done[o] && before[o][b]);
            pick = waits ? pick : b;
        }
        if (pick == phases)
            return false;
        done[pick] = true;
        rank[pick] = next;
    }
    return true;
}

static uint64_t set_of(const struct pp_cutting *c, const struct pp_way *w, size_t phase)
{
    uint64_t set = 0;
    for (size_t g = 0; g < c->n; g++)
        set |= w->of[g] == phase ? UINT64_C(1) << g : 0;
    return set;
}

/* What the phases of a cut reach together, into v. 1, 0 where one does not fit after all, -1 error. */
static int worth_of(struct pp_cutting *c, const struct pp_way *w, size_t phases, int64_t v[BT_GOAL__N])
{
    memset(v, 0, BT_GOAL__N * sizeof *v);
    for (size_t b = 0; b < phases; b++) {
        uint64_t set = set_of(c, w, b);
        int ok = value(c, set);
        if (ok <= 0)
            return ok;
        for (int i = BT_GOAL_PLACED; i <= BT_GOAL_SERVICE; i++)
            v[i] += c->worth[set].v[i];
    }
    return 1;
}

/* By what they reach; of equals the one found first. */
static int compare(const int64_t *a, size_t at, const int64_t *b, size_t bt)
{
    for (int i = BT_GOAL_PLACED; i <= BT_GOAL_SERVICE; i++)
        if (a[i] != b[i])
            return a[i] > b[i] ? 1 : -1;
    return at < bt ? 1 : -1;
}

static int emptier_first(const void *x, const void *y)
{
    const struct pp_way *a = x, *b = y;
    return a->fullest != b->fullest ? a->fullest < b->fullest ? -1 : 1 : (a->at > b->at) - (a->at < b->at);
}

/* The best of the cuts that fit: those whose fullest phase is emptiest first, as far as the work goes. */
static int choose(struct pp_cutting *c, size_t phases)
{
    size_t best = 0;
    if (c->ways)
        qsort(c->way, c->ways, sizeof *c->way, emptier_first);
    c->work = 0;
    c->valued = 0;
    for (size_t i = 0; i < c->ways && (!c->found || c->work < WORTH_WORK); i++) {
        int64_t v[BT_GOAL__N];
        int ok = worth_of(c, &c->way[i], phases, v);
        if (ok < 0)
            return -1;
        c->valued++;
        if (!ok || (c->found && compare(v, c->way[i].at, c->best_v, c->way[best].at) < 0))
            continue;
        c->found = true;
        best = i;
        memcpy(c->best_v, v, sizeof v);
    }
    if (c->found) {
        size_t of[PP_GROUPS], rank[PP_GROUPS];
        for (size_t g = 0; g < c->n; g++)
            of[g] = c->way[best].of[g];
        (void)order(c, of, phases, rank);            /* it has one: that was asked when it was found */
        for (size_t g = 0; g < c->n; g++)
            c->best[g] = rank[of[g]];
    }
    return 0;
}

static void keep_cut(struct pp_cutting *c, size_t phases)
{
    size_t rank[PP_GROUPS];
    struct pp_way w = { .at = c->ways };
    if (!order(c, c->of, phases, rank))
        return;
    for (size_t g = 0; g < c->n; g++)
        w.of[g] = (uint8_t)c->of[g];
    for (size_t b = 0; b < phases; b++) {
        uint64_t sum = 0;
        for (size_t g = 0; g < c->n; g++)
            sum += w.of[g] == b && c->least ? pp_least_of(c, g) : 0;
        w.fullest = BT_MAX(w.fullest, sum);
    }
    BT_PUSH(c->a, c->way, c->ways, w);
}

/* Groups from g on into phases, `used` of which have one already; a new phase is opened in order, so no cut comes twice. */
static int cut(struct pp_cutting *c, size_t g, size_t used, size_t phases, uint64_t *mask)
{
    if (c->n - g < phases - used)
        return 0;
    if (c->leaves >= MAX_CUTS) {
        c->more = true;
        return 0;
    }
    if (g == c->n) {
        c->leaves++;
        keep_cut(c, phases);
        return 0;
    }
    for (size_t b = 0; b < BT_MIN(used + 1, phases); b++) {
        mask[b] |= UINT64_C(1) << g;
        c->of[g] = b;
        int ok = pp_fits(c, mask[b]);
        if (ok < 0 || (ok > 0 && cut(c, g + 1, BT_MAX(used, b + 1), phases, mask) < 0))
            return -1;
        mask[b] &= ~(UINT64_C(1) << g);
    }
    return 0;
}

/* ---- the proposal ---- */

static size_t phase_of(const struct pp_cutting *c, size_t w)
{
    for (size_t g = 0; g < c->n; g++)
        if (c->group[g].has[w])
            return c->best[g];
    return 0;
}

static bool on_cards(const struct bt_workload *w) { return w->kind == BT_SERVER || !w->gpus.set || w->gpus.want > 0; }

/* After the first workload of it with a GPU. */
static const char *phase_name(const struct pp_cutting *c, size_t phase)
{
    const struct bt_spec *s = c->in->spec;
    const char *name = NULL;
    for (size_t i = s->n; i-- > 0; )
        if (phase_of(c, i) == phase && (on_cards(&s->w[i]) || !name))
            name = s->w[i].name;
    return name;
}

static struct bt_spec *phased(struct pp_cutting *c, size_t phases)
{
    struct bt_spec *spec = BT_NEW(c->a, struct bt_spec);
    *spec = *c->in->spec;
    spec->w = BT_NEWN(c->a, struct bt_workload, spec->n + 1);
    spec->phases = (struct bt_strs){ 0 };
    for (size_t b = 0; b < phases; b++)
        BT_PUSH(c->a, spec->phases.v, spec->phases.n, phase_name(c, b));
    for (size_t i = 0; i < spec->n; i++) {
        spec->w[i] = c->in->spec->w[i];
        spec->w[i].phases = (struct bt_strs){ 0 };
        BT_PUSH(c->a, spec->w[i].phases.v, spec->w[i].phases.n, spec->phases.v[phase_of(c, i)]);
    }
    return spec;
}

/* A phase is not called after who runs on into another, where somebody is in this one only. */
static const struct bt_spec *well_named(struct pp_cutting *c, const struct bt_spec *was)
{
    struct bt_spec *spec = BT_NEW(c->a, struct bt_spec);
    *spec = *was;
    spec->w = BT_NEWN(c->a, struct bt_workload, spec->n + 1);
    memcpy(spec->w, was->w, spec->n * sizeof *spec->w);
    spec->phases = (struct bt_strs){ 0 };
    for (size_t b = 0; b < was->phases.n; b++) {
        const char *name = was->phases.v[b], *only = NULL;
        for (size_t i = spec->n; i-- > 0; )
            if (was->w[i].phases.n == 1 && !strcmp(was->w[i].phases.v[0], name) && (on_cards(&was->w[i]) || !only))
                only = was->w[i].name;
        BT_PUSH(c->a, spec->phases.v, spec->phases.n, only ? only : name);
    }
    for (size_t i = 0; i < spec->n; i++) {
        spec->w[i].phases = (struct bt_strs){ 0 };
        for (size_t b = 0; b < was->phases.n; b++)
            if (pl_in_phase(&was->w[i], was->phases.v[b]))
                BT_PUSH(c->a, spec->w[i].phases.v, spec->w[i].phases.n, spec->phases.v[b]);
    }
    return spec;
}

/* *out NULL: no plan of it was found. */
static int plan_phased(struct pp_cutting *c, const struct bt_spec *spec, bool brief, struct bt_plan **out)
{
    struct bt_plan_in in = *c->in;
    struct bt_err why = { 0 };
    *out = NULL;
    in.spec = spec;
    in.brief = brief;
    in.any = c->filled && brief;     /* no phase is what it is because of what it reaches, and nobody reads that */
    if (bt_plan_make(c->a, &in, out, &why) == 0)
        return 0;
    *out = NULL;
    c->open = true;
    if (why.code == BT_E_TOO_BIG)
        return 0;
    *c->err = why;
    return -1;
}

/* Everybody of `was` has as much in `is`. */
static bool none_loses(const struct bt_plan *was, const struct bt_plan *is)
{
    for (size_t p = 0; p < was->nphases; p++)
        for (size_t i = 0; i < was->phase[p].n; i++) {
            const struct bt_plan_instance *x = &was->phase[p].inst[i], *y = pl_with_id(&is->phase[p], x->id);
            if (!y || y->context < x->context || (x->pace.known && y->pace.decode_tok_s < x->pace.decode_tok_s))
                return false;
        }
    return is->nrefusals == 0;
}

static bool all_stay(const struct pp_cutting *c, const struct bt_plan *p, const char *to, const struct pp_group *g)
{
    for (size_t m = 0; m < p->nmoves; m++) {
        const struct bt_plan_move *v = &p->move[m];
        bool ours = false;
        for (size_t i = 0; i < c->in->spec->n; i++)
            ours = ours || (g->has[i] && !strcmp(c->in->spec->w[i].name, v->inst->w->name));
        if (ours && !strcmp(v->to, to) && v->how != BT_MOVE_STAY)
            return false;
    }
    return true;
}

/* The groups that are in a phase by now. */
static uint64_t phase_set(const struct pp_cutting *c, const struct bt_spec *spec, size_t phase)
{
    uint64_t set = 0;
    for (size_t g = 0; g < c->n; g++)
        for (size_t i = 0; i < spec->n; i++)
            set |= c->group[g].has[i] && pl_in_phase(&spec->w[i], spec->phases.v[phase]) ? UINT64_C(1) << g : 0;
    return set;
}

/* A short search, before all of it is planned: with one more the phase reaches more of what is wanted, or the one more wants nothing. -1 error. */
static int may_run_on(struct pp_cutting *c, uint64_t set, uint64_t one)
{
    int ok = pp_fits(c, set | one);
    const uint64_t asked[] = { set | one, set, one };
    for (size_t i = 0; i < BT_LEN(asked) && ok > 0; i++)
        ok = value(c, asked[i]);
    if (ok <= 0)
        return ok;
    int64_t with = c->worth[set | one].v[BT_GOAL_WANTS], without = c->worth[set].v[BT_GOAL_WANTS];
    return c->worth[one].v[BT_GOAL_WANTS] ? with > without : with >= without;
}

/* A group without jobs runs on into the next phase, or begins in the one before, where nobody loses by it. */
static int stretch(struct pp_cutting *c, const struct bt_spec **spec, struct bt_plan **plan)
{
    size_t phases = (*spec)->phases.n;
    for (size_t g = 0; g < c->n; g++)
        for (size_t b = 0; b < phases && !c->group[g].ends; b++) {
            int may = c->best[g] == b ? 0 : may_run_on(c, phase_set(c, *spec, b), UINT64_C(1) << g);
            if (may < 0)
                return -1;
            if (!may)
                continue;
            struct bt_spec *more = BT_NEW(c->a, struct bt_spec);
            struct bt_plan *p;
            *more = **spec;
            more->w = BT_NEWN(c->a, struct bt_workload, more->n + 1);
            memcpy(more->w, (*spec)->w, more->n * sizeof *more->w);
            for (size_t i = 0; i < more->n; i++)
                if (c->group[g].has[i] && !pl_in_phase(&more->w[i], more->phases.v[b])) {
                    struct bt_strs in = { 0 };
                    for (size_t k = 0; k < phases; k++)              /* in the order of the phases */
                        if (k == b || pl_in_phase(&(*spec)->w[i], more->phases.v[k]))
                            BT_PUSH(c->a, in.v, in.n, more->phases.v[k]);
                    more->w[i].phases = in;
                }
            if (plan_phased(c, more, true, &p) < 0)
                return -1;
            if (!p || p->nrefusals || !none_loses(*plan, p) || !all_stay(c, p, more->phases.v[BT_MAX(b, c->best[g])], &c->group[g]))
                continue;
            *spec = more;
            *plan = p;
        }
    return 0;
}

/* The plan of the cut that was found; *out NULL where the phases together cannot be planned after all. */
static int plan_cut(struct pp_cutting *c, struct bt_plan **out)
{
    size_t n = 0;
    for (size_t g = 0; g < c->n; g++)
        n = BT_MAX(n, c->best[g] + 1);
    const struct bt_spec *spec = phased(c, n);
    if (plan_phased(c, spec, true, out) < 0)
        return -1;
    *out = *out && (*out)->nrefusals ? NULL : *out;
    if (!*out)
        return 0;
    if (c->worth && stretch(c, &spec, out) < 0)
        return -1;
    const struct bt_spec *named = well_named(c, spec);
    for (size_t i = 0; i < named->phases.n; i++)
        if (strcmp(named->phases.v[i], spec->phases.v[i]) != 0)
            return plan_phased(c, named, true, out);
    return 0;                        /* that is what was planned */
}

static int find_cut(struct pp_cutting *c, struct bt_plan **out)
{
    for (size_t phases = 2; c->worth && phases <= c->n && !*out; phases++) {
        uint64_t set[PP_CUT_GROUPS] = { 0 };
        c->found = false;
        c->way = NULL;
        c->ways = c->leaves = 0;
        c->missed = c->missed || c->more;
        c->more = false;
        if (cut(c, 0, 0, phases, set) < 0 || choose(c, phases) < 0 || (c->found && plan_cut(c, out) < 0))
            return -1;
    }
    if (*out)
        return 0;
    c->found = false;
    if (pp_fill(c) < 0 || (c->found && plan_cut(c, out) < 0))
        return -1;
    return 0;
}

/* "a, b" of a group. */
static const char *members(const struct pp_cutting *c, size_t g)
{
    bt_auto_buf struct bt_buf b = BT_BUF(4 * KiB);
    size_t n = 0, at = 0;
    for (size_t i = 0; i < c->in->spec->n; i++)
        n += c->group[g].has[i];
    for (size_t i = 0; i < c->in->spec->n; i++)
        if (c->group[g].has[i])
            pl_say_name(&b, at++, n, ", ", c->in->spec->w[i].name);
    return bt_arena_strdup(c->a, bt_buf_z(&b));
}

/* Groups and memory; *why is set where there is nothing to cut. */
static int prepare(struct pp_cutting *c, const char **why)
{
    find_groups(c);
    if (c->n < 2 || c->n > PP_GROUPS) {
        *why = c->n < 2 ? "its workloads need each other: no phases can take them apart" : "more than 64 groups of workloads are not cut into phases";
        return 0;
    }
    if (c->n <= PP_CUT_GROUPS) {
        c->worth = BT_NEWN(c->a, struct pp_worth, (size_t)1 << c->n);
        for (size_t i = 0; i < (size_t)1 << c->n; i++)
            c->worth[i].fits = -1;
    }
    for (size_t g = 0; g < c->n && !*why; g++) {
        int ok = pp_fits(c, UINT64_C(1) << g);
        if (ok < 0)
            return -1;
        const char *who = ok ? "" : members(c, g);
        if (!ok && c->open)          /* the first that was not found is the last that was asked */
            *why = bt_arena_printf(c->a, "no order of phases was found: no place for %s even alone, and not all were looked at", who);
        else if (!ok)
            *why = bt_arena_printf(c->a, "no order of phases helps: %s %s not fit even alone", who, strchr(who, ',') ? "do" : "does");
    }
    if (!*why && c->in->fleet->nboxes <= 1) {
        if (pl_problem_build(c->a, c->in, "all", &c->all, c->err) < 0)
            return -1;
        c->least = pl_least_new(c->all, c->a);
    }
    return 0;
}

int bt_plan_propose(struct bt_arena *a, const struct bt_plan_in *in, struct bt_plan **out, const char **why_not, struct bt_err *err)
{
    struct bt_plan_in *remembering = BT_NEW(a, struct bt_plan_in);
    *remembering = *in;
    remembering->needs = in->needs ? in->needs : pl_needs_new(a);
    struct pp_cutting c = { .a = a, .in = remembering, .err = err };
    const char *why = NULL;
    *out = NULL;
    if (in->spec->phases.n) {
        if (pl_propose_further(a, remembering, out, &why, err) < 0)
            return -1;
        if (*out)
            (*out)->proposed = true;
        else if (why_not)
            *why_not = why;
        return 0;
    }
    if (prepare(&c, &why) < 0 || (!why && find_cut(&c, out) < 0))
        return -1;
    if (*out && !in->brief && plan_phased(&c, (*out)->spec, false, out) < 0)
        return -1;
    if (why_not)
        *why_not = *out  ? NULL
                   : why  ? why
                   : c.open ? "no order of phases was found in which all of it fits, and not all of what may be was looked at"
                            : "no order of phases was found in which all of it fits";
    if (*out)
        (*out)->proposed = true;
    if (*out && ((c.filled && (*out)->nphases > c.fewest) || c.missed || c.asked > MAX_ASKED))
        BT_PUSH(a, (*out)->warning, (*out)->nwarnings, bt_arena_printf(a, "not all " PL_WAYS_TO_CUT " phases were looked at: fewer than these %zu may do",
                                                                             (*out)->nphases));
    const char *first = c.more ? "the first " : "", *more = c.more ? ", and there may be more of them" : "";
    if (*out && !c.filled && c.valued < c.ways)
        BT_PUSH(a, (*out)->warning, (*out)->nwarnings,
                bt_arena_printf(a, "of %s%zu " PL_WAYS_TO_CUT " so many phases the %zu whose fullest phase has least were compared%s", first, c.ways,
                                c.valued, more));
    else if (*out && !c.filled && c.more)
        BT_PUSH(a, (*out)->warning, (*out)->nwarnings, bt_arena_printf(a, "the first %zu " PL_WAYS_TO_CUT " so many phases were compared%s", c.ways, more));
    return 0;
}

static const char *names_in(struct bt_arena *a, const struct bt_strs *l)
{
    bt_auto_buf struct bt_buf b = BT_BUF(16 * KiB);
    for (size_t i = 0; i < l->n; i++)
        bt_buf_printf(&b, "%s%s", i ? ", " : "", l->v[i]);
    return bt_arena_strdup(a, bt_buf_z(&b));
}

void bt_plan_proposal_advice(struct bt_arena *a, const struct bt_plan *p, struct bt_plan_advice *out)
{
    bt_auto_buf struct bt_buf b = BT_BUF(64 * KiB);  /* 64 phases, of 12 names each */
    bt_buf_printf(&b, "in turn, in %zu phases:", p->nphases);
    for (size_t i = 0; i < p->nphases; i++) {
        size_t n = 0, at = 0;
        for (size_t k = 0; k < p->spec->n; k++)
            n += pl_in_phase(&p->spec->w[k], p->phase[i].name);
        bt_buf_puts(&b, i ? "; then " : " first ");
        for (size_t k = 0; k < p->spec->n; k++)
            if (pl_in_phase(&p->spec->w[k], p->phase[i].name))
                pl_say_name(&b, at++, n, ", ", p->spec->w[k].name);
    }
    *out = (struct bt_plan_advice){ .text = bt_arena_strdup(a, bt_buf_z(&b)), .path = "phases",
                                    .value = bt_arena_printf(a, "[%s]", names_in(a, &p->spec->phases)) };
    struct bt_plan_change *list = NULL;
    for (size_t k = 0; k < p->spec->n; k++) {
        const struct bt_strs *in = &p->spec->w[k].phases;
        struct bt_plan_change one = { bt_arena_printf(a, "workloads.%s.phases", p->spec->w[k].name),
                                      in->n == 1 ? in->v[0] : bt_arena_printf(a, "[%s]", names_in(a, in)) };
        BT_PUSH(a, list, out->nmore, one);
    }
    out->more = list;
}

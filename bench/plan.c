/* bench-plan - drawn planning problems, timed. bench/plan.py runs it and prints the table.
 *
 *   bench-plan exact FROM TO CARDS WORKLOADS PHASES    one row per instance: number, outcome, phases, CPU milliseconds of the search alone and of the whole
 *                                                      plan (alternatives and advice included), placements looked at, phases whose search stopped, largest gap, and there the
 *                                                      share that lacks to the bound of workloads placed, of wants, of service
 *   bench-plan boxes FROM TO BOXES WORKLOADS           many machines of 8 cards of two or three kinds: number, outcome, CPU milliseconds of the whole plan and of its
 *                                                      check alone, gap, the share that lacks of workloads placed, of wants, of service, the largest resident set in MiB
 *   bench-plan small FROM TO [NODES]                   against enumeration: number, both found, equal, leaves of the enumeration; NODES: steps in the order
 *                                                      of the plan before shapes are chosen first (few: nearly all problems come that far)
 *   bench-plan stages FROM TO                          the same problems: service of the best plan were each stage of a pipeline counted at its own card's speed, of the
 *                                                      best plan as it is counted (the slowest card's for all), both by the first measure; the latter's by its own
 *   bench-plan full FROM TO [NODES]                    the same with every key drawn, and an enumeration that shares nothing with the search but bytes and rates of a
 *                                                      shape (plan_ref.h): number, both found, equal, the whole plan agrees, placements that fit
 *   bench-plan turns FROM TO                           the same in two or three phases (plan_turns.h): number, fits, the search agrees in each phase, the plan of all of them reaches as much,
 *                                                      placements that fit
 *   bench-plan meta FROM TO                            pairs of such problems that differ in one thing (plan_meta.h): number, which, holds
 *   bench-plan hunt FROM TO CARDS WORKLOADS PHASES ROUNDS [NODES [CHANGES]]   problems as of `exact`, each phase by itself; what was proven against plans of other problems (plan_hunt.h):
 *                                                      number, phases proven, wrong proofs, plans compared, problems they are of, those of them that were proven; NODES: as of `small`;
 *                                                      CHANGES: keys of the drawn problem that are changed first (plan_hunt_keys.h)
 *   bench-plan phases FROM TO [show]                   phases against enumeration of all of them together: number, equal, milliseconds of moves that the plan saves,
 *                                                      that any saves at most, that there are, choices enumerated, CPU milliseconds of the plan */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

#include "plan_full.h"
#include "plan_hunt.h"
#include "plan_joint.h"
#include "plan_meta.h"
#include "plan_turns.h"
#include "read_inputs.h"

static double now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

struct outcome { double gap, ms, lacks[BT_GOAL_SHARED]; uint64_t nodes; unsigned found, stopped, refused; };        /* lacks: of the phase with the largest gap */

/* Each phase built and searched, nothing explained. */
static void show_phase(const char *name, const struct pl_problem *p, const struct pl_solution *s, double ms)
{
    printf("# %s: %zu works, %.3f ms, %llu nodes, %s%s;", name, p->n, ms, (unsigned long long)s->nodes, p->nrefusals ? "refused" : s->found ? "found" : "none",
           s->complete ? "" : ", stopped");
    for (uint32_t i = 0; i < s->score.nlevels; i++)
        printf(" %u/%u", s->score.placed[i], s->bound.placed[i]);
    for (int g = BT_GOAL_WANTS; s->found && g <= BT_GOAL_FREE; g++)
        printf(" %s %lld/%lld", bt_plan_objective_names[g], (long long)s->score.v[g], (long long)s->bound.v[g]);
    putchar('\n');
}

static int search_phases(struct bt_arena *a, const struct bt_plan_in *in, bool show, struct outcome *o)
{
    static const char *const one[] = { "all" };
    const char *const *names = in->spec->phases.n ? in->spec->phases.v : one;
    size_t n = in->spec->phases.n ? in->spec->phases.n : 1;
    struct bt_err err = { 0 };
    struct bt_plan_in with = *in;
    double start = now_ms();
    with.needs = pl_needs_new(a);
    struct pl_problem **all = BT_NEWN(a, struct pl_problem *, n);
    size_t *order = BT_NEWN(a, size_t, n);
    for (size_t i = 0; i < n; i++)
        if (pl_problem_build(a, &with, names[i], &all[i], &err) < 0)
            return fail(&err, "build");
    pl_phase_order(all, n, order);
    for (size_t i = 0; i < n; i++) {
        struct pl_problem *p = all[order[i]];
        struct pl_solution s = { .complete = true };
        double before = now_ms();
        if (!p->nrefusals)
            pl_search(p, pl_phase_nodes(p, i, n, o->nodes), NULL, &s);
        if (show)
            show_phase(names[order[i]], p, &s, now_ms() - before);
        o->nodes += s.nodes;
        o->found += s.found;
        if (s.found && pl_gap(&s) > o->gap) {
            o->gap = pl_gap(&s);
            for (int g = BT_GOAL_PLACED; g < BT_GOAL_SHARED; g++)
                o->lacks[g] = s.bound.v[g] > 0 ? 1 - (double)s.score.v[g] / (double)s.bound.v[g] : 0;
        }
        o->stopped += !s.complete;
        o->refused += p->nrefusals > 0;
    }
    o->ms = now_ms() - start;
    return 0;
}

static int exact_one(unsigned long long number, unsigned cards, unsigned works, unsigned phases, bool whole, bool show)
{
    bt_auto_arena a = { 0 };
    struct draw d;
    draw_seed(&d, number);
    struct bt_plan_in in;
    struct outcome o = { 0 };
    const char *fleet = draw_fleet(&d, &a, cards), *text = draw_spec(&d, &a, works, phases, cards);
    int ok = read_inputs(&a, text, fleet, &in);
    if (ok <= 0)
        return ok;
    if (search_phases(&a, &in, show, &o) < 0)
        return -1;
    double total = 0;
    if (whole) {
        struct bt_err err = { 0 };
        struct bt_plan *plan;
        double start = now_ms();
        if (bt_plan_make(&a, &in, &plan, &err) < 0 && err.code != BT_E_TOO_BIG)
            return fail(&err, bt_arena_printf(&a, "instance %llu", number));
        total = now_ms() - start;
    }
    printf("%llu %s %u %.3f %.3f %llu %u %.4f %.4f %.4f %.4f\n", number, o.refused ? "refused" : o.found == phases ? "fits" : "does-not-fit", phases, o.ms, total,
           (unsigned long long)o.nodes, o.stopped, o.gap, o.lacks[0], o.lacks[1], o.lacks[2]);
    if (show)
        printf("%s\n%s", fleet, text);
    return 0;
}

/* Machines of 8 cards, of one to three kinds. */
static const char *draw_boxes(struct draw *d, struct bt_arena *a, unsigned boxes)
{
    static const char *const kinds[] = { "H100-80GB-HBM3", "A100-SXM4-80GB", "A100-SXM4-40GB", "L40S", "RTX-A6000" };
    unsigned used = 1 + draw(d, 3), first = draw(d, BT_LEN(kinds)), left = boxes;
    bt_auto_buf struct bt_buf b = BT_BUF(4096);
    for (unsigned i = 0; i < used; i++) {
        unsigned n = i + 1 < used ? 1 + draw(d, left - (used - i)) : left;
        bt_buf_printf(&b, "%s%ux8x%s", i ? "+" : "", n, kinds[(first + i) % BT_LEN(kinds)]);
        left -= n;
    }
    return bt_arena_strdup(a, bt_buf_z(&b));
}

static int boxes_one(unsigned long long number, unsigned boxes, unsigned works)
{
    bt_auto_arena a = { 0 };
    struct bt_err err = { 0 };
    struct bt_plan *plan;
    struct bt_plan_in in;
    struct draw d;
    struct rusage used;
    draw_seed(&d, number);
    const char *fleet = draw_boxes(&d, &a, boxes), *text = draw_spec(&d, &a, works, 1, 0);
    int ok = read_inputs(&a, text, fleet, &in);
    if (ok <= 0)
        return ok;
    double start = now_ms(), planned, checked;
    if (bt_plan_make(&a, &in, &plan, &err) < 0) {
        if (err.code != BT_E_TOO_BIG)
            return fail(&err, bt_arena_printf(&a, "instance %llu", number));
        printf("%llu none %.0f 0 0 0 0 0 0 %s: %s\n", number, now_ms() - start, fleet, err.msg);
        return 0;
    }
    planned = now_ms();
    if (!plan->nrefusals && bt_plan_check(plan, &err) < 0)
        return fail(&err, "check");
    checked = now_ms();
    getrusage(RUSAGE_SELF, &used);
    printf("%llu %s %.0f %.0f %.4f", number, plan->nrefusals ? "refused" : "fits", planned - start, checked - planned, plan->gap);
    for (int g = BT_GOAL_PLACED; g < BT_GOAL_SHARED; g++)
        printf(" %.4f", plan->bound[g] > 0 ? 1 - (double)plan->objective[g] / (double)plan->bound[g] : 0);
    printf(" %ld %s\n", used.ru_maxrss / 1024, fleet);
    if (plan->nrefusals)
        printf("# %s\n", plan->refusal[0].text);
    return 0;
}

struct small { struct bt_plan_in in; struct pl_problem *p; const char *fleet, *text; };

/* 1 ready, 0 no problem comes of that number, -1 error. */
static int small_problem(struct bt_arena *a, unsigned long long number, struct small *x)
{
    struct bt_err err = { 0 };
    struct draw d;
    draw_seed(&d, number);
    x->text = small_spec(&d, a, &x->fleet);
    int ok = read_inputs(a, x->text, x->fleet, &x->in);
    if (ok <= 0)
        return ok;
    if (pl_problem_build(a, &x->in, "all", &x->p, &err) < 0)
        return fail(&err, "build");
    return x->p->nrefusals ? 0 : 1;
}

/* 1 compared, 0 no problem came of it, -1 error. */
static int small_one(unsigned long long number, uint64_t first_nodes)
{
    bt_auto_arena a = { 0 };
    struct small x;
    struct pl_solution o;
    int ok = small_problem(&a, number, &x);
    if (ok <= 0)
        return ok;
    struct pl_problem *p = x.p;
    p->first_nodes = first_nodes;
    pl_search(p, PL_NODE_LIMIT, NULL, &o);
    struct brute b = { .p = p };
    brute_work(&b, 0, 0);
    bool equal = o.complete && o.found == b.found && (!o.found || pl_score_cmp(&o.score, &b.best, BT_GOAL_LOWEST) == 0);
    printf("%llu %d %d %d %llu\n", number, o.found, b.found, equal, (unsigned long long)b.leaves);
    if (!equal)
        printf("# %s\n%s", x.fleet, x.text);
    return 1;
}

/* What it would be worth to count each stage of a pipeline at the speed of its own card, as the rate that is shown does, and not at the slowest's: the best
 * placement by that rate against the best one by what is counted, both scored by that rate. */
struct stages { struct pl_score best; bool found; };

static void stages_visit(struct brute *b, const uint64_t *ctx, const struct pl_score *score)
{
    (void)ctx;
    struct stages *s = b->arg;
    b->rate = pl_rate_shown;
    struct pl_room room;
    struct bt_arena scratch = { 0 }, *mine = b->p->a;
    uint64_t load[BT_MAX_GPUS], *granted = BT_NEWN(&scratch, uint64_t, b->p->n + 1);
    struct pl_score shown;
    b->p->a = &scratch;
    pl_room_init(&room, b->p, b->copy, b->n);
    pl_grant(&room, granted);
    pl_deal(&room, granted);
    pl_room_load(&room, load);
    brute_score(b, &room, granted, load, &shown);
    b->p->a = mine;
    b->rate = NULL;
    bt_arena_release(&scratch);
    int against = pl_score_cmp(score, &b->best, BT_GOAL_LOWEST); /* one of those that are best by what is counted */
    if (against == 0 && (!s->found || pl_score_cmp(&shown, &s->best, BT_GOAL_SHARED) > 0)) {
        s->best = shown;
        s->found = true;
    }
}

static int stages_one(unsigned long long number)
{
    bt_auto_arena a = { 0 };
    struct small x;
    struct stages s = { .found = false };
    int ok = small_problem(&a, number, &x);
    if (ok <= 0)
        return ok;
    struct pl_problem *p = x.p;
    struct brute counted = { .p = p }, shown = { .p = p, .rate = pl_rate_shown };
    brute_work(&counted, 0, 0);
    brute_work(&shown, 0, 0);
    if (!counted.found)
        return 0;
    struct brute again = { .p = p, .best = counted.best, .found = true, .visit = stages_visit, .arg = &s };
    brute_work(&again, 0, 0);
    printf("%llu %lld %lld %lld %s\n", number, (long long)shown.best.v[BT_GOAL_SERVICE], (long long)s.best.v[BT_GOAL_SERVICE],
           (long long)counted.best.v[BT_GOAL_SERVICE], x.fleet);
    return 1;
}

static void full_show(const struct full_problem *x, const char *who, const struct pl_solution *o, const struct ref *r)
{
    const struct pl_score *s = &o->score;
    printf("# %s%s%s\n"
           "# %s: found %d%s, placed %u.. wants %lld service %lld shared %lld free %lld; best: found %d, placed %u.. wants %lld service %lld shared %lld free %lld\n%s", x->fleet_text, x->changes, x->in.copies ? ", copies settled" : "",
           who, o->found, o->complete ? "" : " (not all)", s->placed[0], (long long)s->v[BT_GOAL_WANTS], (long long)s->v[BT_GOAL_SERVICE], (long long)s->v[BT_GOAL_SHARED], (long long)s->v[BT_GOAL_FREE], r->found, r->best.placed[0],
           (long long)r->best.wants, (long long)r->best.service, (long long)r->best.shared, (long long)r->best.free, x->text);
}

/* 1 compared, 0 no problem came of it, or one too large to enumerate, -1 error. */
static int full_one(unsigned long long number, uint64_t first_nodes)
{
    static const char *const one[] = { "all" };
    bt_auto_arena a = { 0 };
    struct bt_err err = { 0 };
    struct full_problem x;
    struct pl_problem *p;
    struct pl_solution o = { 0 };
    struct bt_plan *plan;
    int ok = full_draw(&a, number, &x, &err);
    if (ok <= 0)
        return ok < 0 ? fail(&err, bt_arena_printf(&a, "%llu", number)) : 0;
    struct ref *r = BT_NEW(&a, struct ref);
    x.in.needs = pl_needs_new(&a);
    if (pl_open_copies(&a, &x.in, one, 1, &err) < 0 || pl_problem_build(&a, &x.in, "all", &p, &err) < 0)
        return fail(&err, x.text);
    if ((ok = ref_build(r, &x.in, "all", &err)) == 0) {
        p->first_nodes = first_nodes;
        o.complete = true;
        if (!p->nrefusals)
            pl_solve(p, PL_NODE_LIMIT, &o);
        if (o.found && pl_search_cuts(p, PL_NODE_LIMIT, &o, &err) < 0)
            ok = fail(&err, x.text);
        for (size_t i = 0; i < p->n; i++)            /* other cuts of its pipelines, where those were looked at */
            for (size_t j = 0; j < p->work[i].nshapes && ok == 0; j++)
                if (p->work[i].shape[j].cut && p->work[i].shape[j].ok && !(p->work[i].w->pp_layers.n))
                    ok = ref_add_cut(r, p->work[i].spec_index, p->work[i].shape[j].tp, p->work[i].shape[j].pp / pl_dp(&p->work[i].shape[j]), p->work[i].shape[j].cut);
        if (ok == 0)
            ref_try(r, 0, 0);
    }
    if (ok || r->tried > r->limit) {
        printf("# %llu: %s\n", number, ok ? "not for enumeration" : "too large");
        bt_arena_release(&r->a);
        return 0;
    }
    bool equal = ref_equal(r, &o), whole = false;
    if (bt_plan_make(&a, &x.in, &plan, &err) < 0)
        printf("# %llu: plan: %s\n", number, err.msg);
    else
        whole = (plan->nrefusals == 0) == r->found && (!r->found || (plan->objective[BT_GOAL_WANTS] == r->best.wants && plan->objective[BT_GOAL_SERVICE] == r->best.service &&
                                                                    plan->objective[BT_GOAL_SHARED] == r->best.shared));
    printf("%llu %d %d %d %d %llu\n", number, o.found, r->found, equal, whole, (unsigned long long)r->leaves);
    if (!equal || !whole) {
        full_show(&x, p->nrefusals ? p->refusal[0].text : "search", &o, r);
        if (whole || plan->nrefusals)
            printf("# plan: %s\n", plan->nrefusals ? plan->refusal[0].text : "as the enumeration has it");
    }
    bt_arena_release(&r->a);
    return 1;
}

/* 1 compared, 0 no problem came of it, -1 error. */
static int phases_one(unsigned long long number, bool show)
{
    bt_auto_arena a = { 0 };
    struct bt_err err = { 0 };
    struct draw d;
    struct bt_plan_in in;
    struct bt_plan *plan;
    struct joint j;
    draw_seed(&d, number);
    const char *fleet, *text = joint_spec(&d, &a, &fleet);
    int ok = read_inputs(&a, text, fleet, &in);
    if (ok > 0)
        ok = joint_enumerate(&j, &a, &in, &err);
    if (ok <= 0)
        return ok < 0 ? fail(&err, "enumerate") : 0;
    double start = now_ms();
    if (bt_plan_make(&a, &in, &plan, &err) < 0)
        return fail(&err, text);
    double ms = now_ms() - start;
    uint64_t all = joint_all(&j), saved = plan->nrefusals ? 0 : joint_planned(&j, plan);
    printf("%llu %d %llu %llu %llu %llu %.1f\n", number, saved >= j.most, (unsigned long long)saved, (unsigned long long)j.most, (unsigned long long)all,
           (unsigned long long)j.tuples, ms);
    if (saved < j.most || show)
        printf("# %s\n%s", fleet, text);
    return 1;
}

static void meta_show(const char *who, const struct pl_solution *o)
{
    printf("# %s: found %d;", who, o->found);
    for (uint32_t i = 0; i < o->score.nlevels; i++)
        printf(" %u", o->score.placed[i]);
    for (int g = BT_GOAL_WANTS; g <= BT_GOAL_FREE; g++)
        printf(" %s %lld", bt_plan_objective_names[g], (long long)o->score.v[g]);
    putchar('\n');
}

/* 0, or -1 error. */
static int metas_of(unsigned long long number)
{
    for (size_t i = 0; i < BT_LEN(metas); i++) {
        bt_auto_arena a = { 0 };
        struct bt_err err = { 0 };
        struct full_problem x;
        struct meta m = { .a = &a };
        int got = meta_one(&m, &x, number, i, &err);
        if (got < -1)
            return fail(&err, x.text);
        if (got)
            printf("%llu %zu %d\n", number, i, got > 0);
        if (got >= 0)
            continue;
        printf("# %s: %s\n# %s%s\n", metas[i].name, m.said, x.fleet_text, x.changes);
        meta_show("before", &m.was);
        meta_show("after", &m.is);
        printf("%s", x.text);
    }
    return 0;
}

/* 1 compared, 0 no problem came of it, or one too large to enumerate, -1 error. */
static int turns_one(unsigned long long number)
{
    bt_auto_arena a = { 0 };
    struct bt_err err = { 0 };
    struct turns t = { .phases = 0 };
    struct turns_best best = { .found = false };
    struct bt_plan *plan;
    bool holds = false;
    int ok = turns_compare(&a, number, &t, &best, &plan, &holds, &err);
    if (ok <= 0)
        return ok < 0 ? fail(&err, t.x.text ? t.x.text : bt_arena_printf(&a, "%llu", number)) : 0;
    printf("%llu %d %d %d %llu\n", number, best.found, best.equal, holds, (unsigned long long)best.leaves);
    if (best.equal && holds)
        return 1;
    printf("# %s%s; best: placed %lld wants %lld service %lld\n", t.x.fleet_text, t.x.changes, (long long)best.placed, (long long)best.wants, (long long)best.service);
    printf("# plan: %s; placed %lld wants %lld service %lld\n", plan->nrefusals ? plan->refusal[0].text : "fits", (long long)plan->objective[BT_GOAL_PLACED],
           (long long)plan->objective[BT_GOAL_WANTS], (long long)plan->objective[BT_GOAL_SERVICE]);
    printf("%s", t.x.text);
    return 1;
}

static void hunt_show(const struct hunt *h, const char *text, const char *fleet)
{
    struct pl_solution o = { .found = true, .score = h->claimed };
    printf("# WRONG in %s, %s%s, %s %s\n", h->phase, h->said, h->backwards ? ": its own proof" : "", h->nkept > 1 ? "others known," : "", fleet);
    if (h->dressed)
        printf("# changed before: %s\n", h->dressed);
    meta_show("proven", &o);
    o.score = h->found;
    meta_show("there is", &o);
    for (const char *line = text; *line; line = strchr(line, '\n') + 1)
        printf("# | %.*s\n", (int)(strchr(line, '\n') - line), line);
}

/* 1 hunted, 0 no problem came of it, -1 error. */
static int hunt_one_problem(unsigned long long number, unsigned cards, unsigned works, unsigned phases, unsigned rounds, uint64_t first_nodes, unsigned changes)
{
    static const char *const one[] = { "all" };
    bt_auto_arena a = { 0 };
    struct bt_err err = { 0 };
    struct draw d;
    struct bt_plan_in in;
    unsigned proven = 0, wrong = 0;
    uint64_t compared = 0, others = 0, others_proven = 0;
    draw_seed(&d, number);
    const char *fleet = draw_fleet(&d, &a, cards), *text = draw_spec(&d, &a, works, phases, cards);
    int ok = read_inputs(&a, text, fleet, &in);
    if (ok <= 0)
        return ok;
    size_t n = in.spec->phases.n ? in.spec->phases.n : 1;
    for (size_t i = 0; i < n; i++) {
        bt_auto_arena mine = { 0 };
        struct hunt h;
        int got = hunt_begin(&h, &mine, &in, in.spec->phases.n ? in.spec->phases.v[i] : one[0], number, first_nodes, changes, &err);
        bool is_proven = got == 1 || got == -1;
        proven += is_proven;
        for (unsigned r = 0; got > 0 && r < rounds; r++) {
            got = hunt_round(&h, r, &err);
            others += got == 1 || got == -1;
            got = got == 0 ? 1 : got;
        }
        if (got == -2)
            return fail(&err, text);
        if (got == -1)
            hunt_show(&h, text, fleet);
        wrong += got == -1;
        compared += h.compared;
        others_proven += h.proven;
    }
    printf("%llu %u %u %llu %llu %llu\n", number, proven, wrong, (unsigned long long)compared, (unsigned long long)others, (unsigned long long)others_proven);
    fflush(stdout);
    return 1;
}

static unsigned number(const char *z) { return (unsigned)strtoul(z, NULL, 10); }

int main(int argc, char **argv)
{
    if (argc >= 7 && !strcmp(argv[1], "exact")) {
        bool whole = argc > 7 && !strcmp(argv[7], "whole"), show = argc > 7 && !strcmp(argv[7], "show");
        for (unsigned i = number(argv[2]); i < number(argv[3]); i++)
            if (exact_one(i, number(argv[4]), number(argv[5]), number(argv[6]), whole, show) < 0)
                return 1;
        return 0;
    }
    if (argc == 6 && !strcmp(argv[1], "boxes")) {
        for (unsigned i = number(argv[2]); i < number(argv[3]); i++)
            if (boxes_one(i, number(argv[4]), number(argv[5])) < 0)
                return 1;
        return 0;
    }
    if (argc >= 4 && !strcmp(argv[1], "stages")) {
        for (unsigned i = number(argv[2]); i < number(argv[3]); i++)
            if (stages_one(i) < 0)
                return 1;
        return 0;
    }
    if (argc >= 4 && !strcmp(argv[1], "small")) {
        for (unsigned i = number(argv[2]); i < number(argv[3]); i++)
            if (small_one(i, argc > 4 ? number(argv[4]) : PL_FIRST_NODES) < 0)
                return 1;
        return 0;
    }
    if (argc >= 4 && !strcmp(argv[1], "full")) {
        for (unsigned i = number(argv[2]); i < number(argv[3]); i++)
            if (full_one(i, argc > 4 ? number(argv[4]) : PL_FIRST_NODES) < 0)
                return 1;
        return 0;
    }
    if (argc == 4 && !strcmp(argv[1], "turns")) {
        for (unsigned i = number(argv[2]); i < number(argv[3]); i++)
            if (turns_one(i) < 0)
                return 1;
        return 0;
    }
    if (argc >= 8 && !strcmp(argv[1], "hunt")) {
        for (unsigned i = number(argv[2]); i < number(argv[3]); i++)
            if (hunt_one_problem(i, number(argv[4]), number(argv[5]), number(argv[6]), number(argv[7]), argc > 8 ? number(argv[8]) : PL_FIRST_NODES, argc > 9 ? number(argv[9]) : 0) < 0)
                return 1;
        return 0;
    }
    if (argc == 4 && !strcmp(argv[1], "meta")) {
        for (unsigned i = number(argv[2]); i < number(argv[3]); i++)
            if (metas_of(i) < 0)
                return 1;
        return 0;
    }
    if (argc >= 4 && !strcmp(argv[1], "phases")) {
        for (unsigned i = number(argv[2]); i < number(argv[3]); i++)
            if (phases_one(i, argc > 4) < 0)
                return 1;
        return 0;
    }
    fprintf(stderr, "usage: bench-plan exact FROM TO CARDS WORKLOADS PHASES [whole | show] | boxes FROM TO BOXES WORKLOADS | small FROM TO [NODES] | stages FROM TO | full FROM TO [NODES] | meta FROM TO | turns FROM TO |\n"
                    "                  hunt FROM TO CARDS WORKLOADS PHASES ROUNDS [NODES [CHANGES]] | phases FROM TO [show]\n");
    return 2;
}

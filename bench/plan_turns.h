/* plan_turns.h - the problems of plan_full.h in two or three phases: who is in which, how it parks, followers on several cards. What each phase reaches is enumerated by plan_ref.h, phase
 * by phase; the plan of all of them must reach it, whatever stays, sleeps or is stopped. */
#ifndef PLAN_TURNS_H
#define PLAN_TURNS_H
#include "plan_full.h"

#define TURNS_PHASES 3

struct turns { struct full_problem x; unsigned phases; bool asked; };                /* asked: somebody is to be parked though that may cost others something */

/* Of a workload's line: in which phases; who follows somebody, by cards or context, is where that one is. */
static inline const char *turns_where(struct draw *d, unsigned phases, const char *line, const char *before)
{
    static const char *const two[] = { "", ", phases: p0", ", phases: p1" };
    static const char *const three[] = { "", ", phases: p0", ", phases: p1", ", phases: p2", ", phases: [p0, p1]", ", phases: [p1, p2]", ", phases: [p0, p2]" };
    unsigned at = phases == 2 ? draw(d, BT_LEN(two)) : draw(d, BT_LEN(three));
    return strstr(line, "same_") ? before : phases == 2 ? two[at] : three[at];
}

static inline const char *turns_park(struct draw *d, const char *line, bool ask)
{
    static const char *const parks[] = { "", "", "", "", ", park: auto", ", park: stop", ", park: sleep", ", park: kv", ", park: none", ", park: checkpoint" };
    const char *park = parks[draw(d, ask ? BT_LEN(parks) : 6)];
    return strstr(line, "kind: job") ? "" : park;
}

/* As full_draw(). The number decides everything. */
static inline int turns_draw(struct bt_arena *a, uint64_t number, struct turns *o, struct bt_err *err)
{
    struct draw d;
    bt_auto_buf struct bt_buf b = BT_BUF(32768);
    const char *where = "";
    int ok = full_draw(a, number + 1000000, &o->x, err);
    if (ok <= 0)
        return ok;
    draw_seed(&d, number + 13000000);
    o->phases = 2 + draw(&d, TURNS_PHASES - 1);
    bool ask = draw(&d, 2);
    for (const char *line = o->x.text, *end; *line; line = end) {
        end = strchr(line, '\n') + 1;
        char *one = bt_arena_strndup(a, (struct bt_str){ line, (size_t)(end - line) }), *follows;
        if (!strncmp(one, "workloads:", 10))
            bt_buf_puts(&b, o->phases == 2 ? "phases: [p0, p1]\n" : "phases: [p0, p1, p2]\n");
        if (one[0] != ' ') {
            bt_buf_puts(&b, one);
            continue;
        }
        if ((follows = strstr(one, "gpus: 1, same_gpus_as")) && draw(&d, 2))         /* on as many as its target, where that has so many */
            follows[strlen("gpus: ")] = '2';
        where = turns_where(&d, o->phases, one, where);
        const char *park = turns_park(&d, one, ask);
        o->asked = o->asked || strstr(park, "sleep") || strstr(park, "kv") || strstr(park, "none") || strstr(park, "checkpoint");
        bt_buf_printf(&b, "%.*s%s%s}\n", (int)strlen(one) - 2, one, where, park);
    }
    o->x.text = bt_arena_strdup(a, bt_buf_z(&b));
    return full_inputs(a, o->x.text, &o->x.fleet, &o->x.in, err);
}

/* The best of a phase, and whether the search says so too. 0, 1 too much to enumerate or not enumerated, -1 error. */
struct turns_best { bool found, equal, cuts; int64_t placed, wants, service; uint64_t leaves; };     /* cuts: of pipelines were looked at */
static inline int turns_phase(struct bt_arena *a, const struct bt_plan_in *in, const char *phase, struct turns_best *o, struct bt_err *err)
{
    struct pl_problem *p;
    struct pl_solution s = { .complete = true };
    struct ref *r = BT_NEW(a, struct ref);
    bool cuts = false;
    if (pl_problem_build(a, in, phase, &p, err) < 0)
        return -1;
    int rc = ref_build(r, in, phase, err);
    if (rc == 0 && !p->nrefusals)
        pl_solve(p, PL_NODE_LIMIT, &s);
    for (size_t i = 0; i < p->n && rc == 0; i++)
        for (size_t j = 0; j < p->work[i].nshapes && rc == 0; j++) {
            const struct pl_shape *sh = &p->work[i].shape[j];
            if (!sh->cut || !sh->ok || p->work[i].w->pp_layers.n)
                continue;
            cuts = true;
            rc = ref_add_cut(r, p->work[i].spec_index, sh->tp, pl_stages(sh), sh->cut);
        }
    if (rc == 0)
        ref_try(r, 0, 0);
    *o = (struct turns_best){ .found = r->found, .equal = ref_equal(r, &s), .cuts = cuts, .wants = r->best.wants, .service = r->best.service, .leaves = r->leaves };
    for (uint32_t i = 0; i < r->best.levels; i++)
        o->placed += r->best.placed[i];
    rc = rc == 0 && r->tried > r->limit ? 1 : rc;
    bt_arena_release(&r->a);
    return rc ? 1 : 0;
}

/* What all phases reach: `equal` if the search agrees in each. As turns_phase(). */
static inline int turns_enumerate(struct bt_arena *a, struct turns *t, struct turns_best *sum, struct bt_err *err)
{
    const struct bt_strs *names = &t->x.in.spec->phases;
    *sum = (struct turns_best){ .found = true, .equal = true };
    t->x.in.needs = pl_needs_new(a);
    if (pl_open_copies(a, &t->x.in, names->v, names->n, err) < 0)
        return -1;
    for (size_t i = 0; i < names->n; i++) {
        struct turns_best one;
        int rc = turns_phase(a, &t->x.in, names->v[i], &one, err);
        if (rc)
            return rc;
        sum->found = sum->found && one.found;
        sum->equal = sum->equal && one.equal;
        sum->cuts = sum->cuts || one.cuts;
        sum->placed += one.placed;
        sum->wants += one.wants;
        sum->service += one.service;
        sum->leaves += one.leaves;
    }
    return 0;
}

/* The plan of all phases is there exactly where each has one, and reaches as much; where somebody asked to be parked, others may have less. More is reached in two ways only: who is held to
 * a place holds its context too, and takes no equal part in what contexts grow by; and of a pipeline beside somebody who is held other cuts are looked at than in the phase alone. */
static inline bool turns_holds(const struct turns *t, const struct turns_best *best, const struct bt_plan *p)
{
    const int64_t is[] = { p->objective[BT_GOAL_PLACED], p->objective[BT_GOAL_WANTS], p->objective[BT_GOAL_SERVICE] }, was[] = { best->placed, best->wants, best->service };
    bool cuts = best->cuts;
    if ((p->nrefusals == 0) != best->found)
        return false;
    for (size_t i = 0; i < p->nphases && best->found; i++)
        for (size_t k = 0; k < p->phase[i].n; k++)
            cuts = cuts || (p->phase[i].inst[k].cut && !p->phase[i].inst[k].w->pp_layers.n);
    for (size_t i = 0; i < BT_LEN(is) && best->found && !t->asked; i++)
        if (is[i] != was[i])
            return is[i] > was[i] && (cuts || i == 1);
    return true;
}

/* A drawn problem, enumerated, planned and compared. 1: best and *plan are there, *holds says whether they agree (but for best->equal); 0: nothing is drawn by that number, or it is too
 * large to enumerate; -1 with *err, t->x.text then the spec as far as it was drawn. */
static inline int turns_compare(struct bt_arena *a, uint64_t number, struct turns *t, struct turns_best *best, struct bt_plan **plan, bool *holds, struct bt_err *err)
{
    int ok = turns_draw(a, number, t, err);
    if (ok <= 0)
        return ok;
    ok = turns_enumerate(a, t, best, err);
    if (ok)
        return ok < 0 ? -1 : 0;
    if (bt_plan_make(a, &t->x.in, plan, err) < 0)
        return bt_err_wrap(err, "plan");
    *holds = turns_holds(t, best, *plan);
    return 1;
}
#endif

/* bench-solvers - a drawn problem of one phase as data, and berth's answer to it; bench/solvers.py gives the same problem to other solvers.
 *
 *   bench-solvers NUMBER CARDS WORKLOADS    one JSON object, or nothing where no problem came of the number
 *
 * Contexts are held at their least, so that wants are copies alone and every goal that is compared is linear. `bytes` of an option has a row per
 * stage of the pipeline and a column per card; -1 where the card cannot be it. The cards of a command are one stage: nothing tells them apart. */
#include <jansson.h>
#include <stdlib.h>
#include <time.h>

#include "plan_small.h"
#include "read_inputs.h"

static bool inside(const struct pl_problem *p, const struct pl_work *k, const struct pl_shape *s, size_t cls, uint32_t j, size_t g)
{
    const struct bt_need_rank *r = &s->cost[cls].need->rank[j / s->tp];
    return r->fixed_bytes + bt_need_kv_for(s->cost[cls].need, r, k->ctx_min, k->w->requests) <= pl_limit(k, &p->fleet->gpus[g]);
}

/* May the card be in a copy whose poorest card is of that class? */
static bool may_hold(const struct pl_problem *p, const struct pl_work *k, const struct pl_shape *s, size_t cls, uint32_t j, size_t g)
{
    size_t both[2] = { p->cls_card[cls], g };
    if (k->pos[g] < 0)
        return false;
    if (!k->server)
        return true;
    return pl_cost_class(p, both, 2) == cls && (k->claim != PL_LIMIT || inside(p, k, s, cls, j, g));
}

static json_t *option(const struct pl_problem *p, const struct pl_work *k, const struct pl_shape *s, size_t cls)
{
    json_t *stages = json_array();
    for (uint32_t t = 0; t < (k->server ? s->pp : 1); t++) {
        json_t *row = json_array();
        for (size_t g = 0; g < p->fleet->n; g++) {
            bool may = may_hold(p, k, s, cls, t * s->tp, g);
            json_array_append_new(row, json_integer(may ? (json_int_t)pl_floor(p, k, s, cls, t * s->tp, g) : -1));
        }
        json_array_append_new(stages, row);
    }
    return json_pack("{s:I, s:o}", "class", k->server ? (json_int_t)cls : (json_int_t)-1, "bytes", stages);
}

static json_t *work(const struct pl_problem *p, size_t i)
{
    const struct pl_work *k = &p->work[i];
    json_t *shapes = json_array(), *shares = json_array();
    for (size_t s = 0; s < k->nshapes && !k->cpu_only; s++) {
        json_t *options = json_array();
        for (size_t c = 0; k->shape[s].ok && c < (k->server ? p->nclasses : 1); c++)
            json_array_append_new(options, option(p, k, &k->shape[s], c));
        json_array_append_new(shapes, json_pack("{s:i, s:i, s:o}", "tp", (int)(k->server ? k->shape[s].tp : k->shape[s].cards), "pp",
                                                k->server ? (int)k->shape[s].pp : 1, "options", options));
    }
    for (size_t o = 0; o < p->n; o++)
        json_array_append_new(shares, json_boolean(p->may_share[i * p->n + o]));
    return json_pack("{s:s, s:b, s:b, s:b, s:I, s:i, s:i, s:i, s:o, s:o}", "name", k->w->name, "server", k->server, "cpu_only", k->cpu_only, "optional",
                     k->w->optional, "priority", (json_int_t)k->w->priority, "copies_want", (int)k->copies_want, "copies_min", (int)k->copies_min, "same",
                     k->same == PL_NONE ? -1 : (int)k->same, "may_share", shares, "shapes", shapes);
}

static json_t *answer(const struct pl_problem *p, const struct pl_solution *s, double seconds)
{
    json_t *copies = json_array(), *placed = json_array();
    for (size_t i = 0; s->found && i < s->ncopies; i++) {
        const struct pl_copy *c = &s->copy[i];
        json_t *cards = json_array();
        for (uint32_t j = 0; j < c->ncards; j++)
            json_array_append_new(cards, json_integer((json_int_t)c->card[j]));
        json_int_t cls = c->ncards && p->work[c->work].server ? (json_int_t)pl_cost_class(p, c->card, c->ncards) : -1;
        json_array_append_new(copies, json_pack("{s:i, s:i, s:i, s:I, s:o}", "work", (int)c->work, "replica", (int)c->replica, "shape", (int)c->shape,
                                                "class", cls, "cards", cards));
    }
    for (uint32_t i = 0; s->found && i < s->score.nlevels; i++)
        json_array_append_new(placed, json_integer(s->score.placed[i]));
    return json_pack("{s:b, s:b, s:o, s:I, s:f, s:o}", "found", s->found, "complete", s->complete, "placed", placed, "wants",
                     (json_int_t)(s->found ? s->score.v[1] : 0), "seconds", seconds, "copies", copies);
}

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void print_problem(struct pl_problem *p)
{
    struct pl_solution s = { 0 };
    for (size_t i = 0; i < p->n; i++)
        p->work[i].ctx_want = p->work[i].ctx_min;
    double start = now_s();
    pl_search(p, PL_NODE_LIMIT, NULL, &s);
    double took = now_s() - start;
    json_t *works = json_array(), *cap = json_array(), *kind = json_array();
    for (size_t i = 0; i < p->n; i++)
        json_array_append_new(works, work(p, i));
    for (size_t g = 0; g < p->fleet->n; g++) {
        json_array_append_new(cap, json_integer((json_int_t)p->cap[g]));
        json_array_append_new(kind, json_string(p->fleet->gpus[g].name));
    }
    json_t *classes = json_array();
    for (size_t g = 0; g < p->fleet->n; g++)
        json_array_append_new(classes, json_integer((json_int_t)p->cls[g]));
    json_t *all = json_pack("{s:o, s:o, s:o, s:o, s:o}", "cap", cap, "kind", kind, "class", classes, "works", works, "berth", answer(p, &s, took));
    json_dumpf(all, stdout, JSON_COMPACT);
    putchar('\n');
    json_decref(all);
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        fprintf(stderr, "usage: bench-solvers NUMBER CARDS WORKLOADS\n");
        return 2;
    }
    bt_auto_arena a = { 0 };
    struct draw d;
    struct bt_plan_in in;
    struct pl_problem *p;
    struct bt_err err = { 0 };
    draw_seed(&d, strtoull(argv[1], NULL, 10));
    unsigned cards = (unsigned)strtoul(argv[2], NULL, 10), works = (unsigned)strtoul(argv[3], NULL, 10);
    const char *fleet = draw_fleet(&d, &a, cards), *text = draw_spec(&d, &a, works, 1, cards);
    int ok = read_inputs(&a, text, fleet, &in);
    if (ok <= 0)
        return ok < 0;
    in.needs = pl_needs_new(&a);
    if (pl_problem_build(&a, &in, "all", &p, &err) < 0)
        return fail(&err, "build") < 0;
    if (!p->nrefusals)
        print_problem(p);
    return 0;
}

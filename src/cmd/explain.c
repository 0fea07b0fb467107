/* explain.c - berth explain: each decision of a plan, what came next and what that lost; of a spec that does not fit, what cannot be met together. */
#include <stdio.h>

#include "base/json.h"
#include "base/units.h"
#include "cmd/cmd.h"
#include "cmd/planning.h"
#include "plan/decide.h"

struct args { struct bt_planning_opts po; bool json; };

static const struct bt_opt opts[] = {
    BT_PLANNING_ROWS(struct args, po),
    { .name = "json", .type = BT_OPT_BOOL, .off = offsetof(struct args, json), .help = "one JSON object" },
    { 0 }
};

#define MAX_PRINT (1 * MiB)

struct explained {
    struct bt_plan_in in;
    struct bt_plan *plan;
    const char *only;
    struct bt_decision *decision;
    size_t ndecisions;
    struct bt_conflict *conflict;
    size_t nconflicts;
    struct bt_relaxation *relax;
    size_t nrelax;
};

/* ---- people ---- */

static void print_decisions(const struct explained *e, struct bt_buf *b)
{
    const char *phase = "", *workload = "";
    for (size_t i = 0; i < e->ndecisions; i++) {
        const struct bt_decision *d = &e->decision[i];
        if (strcmp(phase, d->phase) || strcmp(workload, d->workload)) {
            bt_buf_printf(b, "%s%s", i ? "\n" : "", d->workload);
            bt_buf_printf(b, e->plan->nphases > 1 ? " in phase %s\n" : "\n", d->phase);
        }
        phase = d->phase;
        workload = d->workload;
        bt_buf_printf(b, "  %-8s %s\n", bt_decided_names[d->what], d->taken);
        if (d->runner_up)
            bt_buf_printf(b, "           next: %s; it lost: %s\n", d->runner_up, d->lost);
        else
            bt_buf_printf(b, "           %s\n", d->lost);
    }
    if (!e->ndecisions)
        bt_buf_puts(b, "nothing was decided here: no workload has a card\n");
}

/* The first copy of each job that says what it does: what its berth is made of. */
static const struct bt_plan_instance *job_at(const struct explained *e, size_t phase, size_t i)
{
    const struct bt_plan_instance *in = &e->plan->phase[phase].inst[i];
    return in->job && in->nranks && !in->replica && (!e->only || !strcmp(e->only, in->w->name)) ? in : NULL;
}

static void print_jobs(struct bt_arena *a, const struct explained *e, struct bt_buf *b)
{
    for (size_t p = 0; p < e->plan->nphases; p++)
        for (size_t i = 0; i < e->plan->phase[p].n; i++) {
            const struct bt_plan_instance *in = job_at(e, p, i);
            if (!in)
                continue;
            const struct bt_job_need *n = &in->job->need;
            bt_buf_printf(b, "\n%s: %s of %s on each card: %s\n", in->w->name, bt_arena_strdup(a, bt_bytes_human(n->bytes)),
                          bt_arena_strdup(a, bt_bytes_human(in->rank[0].bytes)), bt_job_text(a, &in->job->job, n));
            for (size_t k = 0; k < n->n; k++)
                bt_buf_printf(b, "  %-12s %10s  %s\n", bt_part_name(n->line[k].part), bt_bytes_human(n->line[k].bytes), n->line[k].why);
        }
}

static void print_lack(const struct bt_conflict *c, struct bt_buf *b)
{
    if (!c->lacks_bytes)
        bt_buf_puts(b, "  more memory would not help: it is not bytes that lack\n");
    else if (c->card)
        bt_buf_printf(b, "  they exceed %s by about %s\n", c->card, bt_bytes_human(c->lacks_bytes));
    else
        bt_buf_printf(b, "  about %s lack on each card\n", bt_bytes_human(c->lacks_bytes));
}

static void print_advice(const struct bt_plan_advice *v, struct bt_buf *b)
{
    bt_buf_printf(b, "%s: %s", v->path, v->value);
    if (v->path2)
        bt_buf_printf(b, ", %s: %s", v->path2, v->value2);
    for (size_t k = 0; k < v->nmore; k++)
        bt_buf_printf(b, ", %s: %s", v->more[k].path, v->more[k].value);
}

static void print_conflicts(const struct explained *e, struct bt_buf *b)
{
    for (size_t i = 0; i < e->nconflicts; i++) {
        const struct bt_conflict *c = &e->conflict[i];
        bt_buf_printf(b, "%scannot be met together%s%s:\n", i ? "\n" : "", e->in.spec->phases.n > 1 ? " in phase " : "",
                      e->in.spec->phases.n > 1 ? c->phase : "");
        for (size_t k = 0; k < c->n; k++) {
            bt_buf_puts(b, "  ");
            if (c->demand[k].at.line)
                bt_buf_printf(b, "%s:%u: ", e->in.spec->path, c->demand[k].at.line);
            bt_buf_printf(b, "%s\n", c->demand[k].text);
        }
        print_lack(c, b);
        bt_buf_puts(b, c->sure ? "  without any one of these the others can be met\n"
                               : "  a search stopped at its bound: these conflict, but not all of them may be needed for it\n");
    }
    if (!e->nconflicts) /* refused before anything was placed */
        bt_planning_print_refusals(e->plan, b);
    if (e->nrelax)
        bt_buf_puts(b, "\nwhat would fit, cheapest first; each was planned:\n");
    for (size_t i = 0; i < e->nrelax; i++) {
        bt_buf_printf(b, "  %zu. ", i + 1);
        print_advice(e->relax[i].advice, b);
        bt_buf_printf(b, "\n     %s\n", e->relax[i].advice->text);
    }
    if (!e->nrelax && e->nconflicts)
        bt_buf_puts(b, "\nno single change of the spec makes it fit on this fleet\n");
}

/* ---- JSON ---- */

static json_t *decisions_json(const struct explained *e)
{
    json_t *list = json_array();
    for (size_t i = 0; i < e->ndecisions; i++) {
        const struct bt_decision *d = &e->decision[i];
        json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:s, s:o, s:s}", "phase", d->phase, "workload", d->workload, "what",
                                              bt_decided_names[d->what], "taken", d->taken, "runner_up", bt_json_text(d->runner_up), "why", d->lost));
    }
    return list;
}

static json_t *jobs_json(struct bt_arena *a, const struct explained *e)
{
    json_t *list = json_array();
    for (size_t p = 0; p < e->plan->nphases; p++)
        for (size_t i = 0; i < e->plan->phase[p].n; i++) {
            const struct bt_plan_instance *in = job_at(e, p, i);
            if (!in)
                continue;
            const struct bt_job_need *n = &in->job->need;
            json_t *lines = json_array();
            for (size_t k = 0; k < n->n; k++)
                json_array_append_new(lines, json_pack("{s:s, s:o, s:s}", "part", bt_part_name(n->line[k].part), "bytes", bt_json_bytes(n->line[k].bytes),
                                                       "why", n->line[k].why));
            json_array_append_new(list, json_pack("{s:s, s:s, s:o, s:o, s:o, s:o}", "phase", e->plan->phase[p].name, "workload", in->w->name,
                                                  "text", bt_json_text(bt_job_text(a, &in->job->job, n)), "bytes", bt_json_bytes(in->rank[0].bytes),
                                                  "need_bytes", bt_json_bytes(n->bytes), "need", lines));
        }
    return list;
}

static json_t *conflicts_json(const struct explained *e)
{
    json_t *list = json_array();
    for (size_t i = 0; i < e->nconflicts; i++) {
        const struct bt_conflict *c = &e->conflict[i];
        json_t *demands = json_array();
        for (size_t k = 0; k < c->n; k++)
            json_array_append_new(demands, json_pack("{s:s, s:s, s:o, s:i}", "workload", c->demand[k].workload, "key", c->demand[k].key, "text",
                                                     bt_json_text(c->demand[k].text), "line", (int)c->demand[k].at.line));
        json_array_append_new(list, json_pack("{s:s, s:o, s:o, s:o, s:b}", "phase", c->phase, "demands", demands, "card", bt_json_text(c->card),
                                              "lacks_bytes", bt_json_bytes(c->lacks_bytes), "minimal", c->sure));
    }
    return list;
}

static json_t *relaxations_json(const struct explained *e)
{
    json_t *list = json_array();
    for (size_t i = 0; i < e->nrelax; i++) {
        const struct bt_plan_advice *v = e->relax[i].advice;
        json_t *set = json_pack("[{s:s, s:o}]", "path", v->path, "value", bt_json_text(v->value));
        if (v->path2)
            json_array_append_new(set, json_pack("{s:s, s:o}", "path", v->path2, "value", bt_json_text(v->value2)));
        for (size_t k = 0; k < v->nmore; k++)
            json_array_append_new(set, json_pack("{s:s, s:o}", "path", v->more[k].path, "value", bt_json_text(v->more[k].value)));
        json_array_append_new(list, json_pack("{s:o, s:s, s:o, s:f}", "set", set, "text", v->text, "gives_up", bt_json_text(e->relax[i].gives_up),
                                              "cost", e->relax[i].cost));
    }
    return list;
}

/* ---- the verb ---- */

static int explain(struct bt_arena *a, const struct args *o, struct explained *e, struct bt_err *err)
{
    if (bt_planning_inputs(a, &o->po, &e->in, NULL, err) < 0)
        return -1;
    if (e->only && !bt_spec_find(e->in.spec, e->only)) {
        const char **names = BT_NEWN(a, const char *, e->in.spec->n + 1);
        for (size_t i = 0; i < e->in.spec->n; i++)
            names[i] = e->in.spec->w[i].name;
        const char *near = bt_str_nearest(bt_str(e->only), names, e->in.spec->n);
        bt_err_set(err, BT_E_SPEC, 0, "%s has no workload \"%.60s\"", e->in.spec->path, e->only);
        return near ? bt_err_hint(err, "berth explain %s", near) : -1;
    }
    if (bt_planning(a, &o->po, &e->plan, err) < 0)
        return -1;
    if (!e->plan->nrefusals)
        return bt_plan_decisions(a, &e->in, e->plan, e->only, &e->decision, &e->ndecisions, err);
    if (bt_plan_conflicts(a, &e->in, &e->conflict, &e->nconflicts, err) < 0)
        return -1;
    return bt_plan_relaxations(a, &e->in, e->plan, e->conflict, e->nconflicts, &e->relax, &e->nrelax, err);
}

static int run(const struct bt_verb *v, int argc, char **argv)
{
    bt_auto_arena a = { 0 };
    struct args o = { 0 };
    struct bt_err err = { 0 };
    struct bt_strs rest = { 0 };
    int rc = bt_cmd_parse(v, &a, argc, argv, &o, &rest, NULL);
    if (rc)
        return rc;
    if (rest.n > 1)
        return bt_cmd_usage(v, o.json, "one workload at a time, not \"%s\" too", rest.v[1]);
    struct explained e = { .only = rest.n ? rest.v[0] : NULL };
    if (explain(&a, &o, &e, &err) < 0)
        return bt_cmd_fail(v, &err, o.json);
    bool fits = !e.plan->nrefusals;
    if (o.json) {
        bt_cmd_json("explain", json_pack("{s:s, s:b, s:o, s:o, s:o, s:o}", "name", e.plan->spec->name, "fits", fits, "decisions", decisions_json(&e), "jobs",
                                         jobs_json(&a, &e),
                                         "conflicts", conflicts_json(&e), "relaxations", relaxations_json(&e)));
    } else {
        bt_auto_buf struct bt_buf b = BT_BUF(MAX_PRINT);
        fits ? print_decisions(&e, &b) : print_conflicts(&e, &b);
        print_jobs(&a, &e, &b);
        bt_cmd_print(&b);
    }
    return bt_planning_exit(e.plan);
}

const struct bt_verb bt_verb_explain = {
    .name = "explain",
    .summary = "why the plan is as it is: each decision, the next best and what it lost; or what cannot be met together",
    .usage = "berth explain [WORKLOAD] [-f FILE] [--gpus FLEET] [--variant NAME] [--phase] [--json] [--ignore-others] [--no-learned]",
    .example = "  berth explain -f examples/forensics/berth.yaml\n  berth explain llm --gpus 2xA100-SXM4-40GB",
    .opts = opts,
    .run = run
};

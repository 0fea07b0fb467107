/* explain.c - berth explain: each decision of a plan, what came next and what that lost; of a spec that does not fit, what cannot be met together. */
#include <stdio.h>

#include "base/json.h"
#include "base/units.h"
#include "cmd/cmd.h"
#include "cmd/planning.h"
#include "plan/decide.h"
#include "plan/machine.h"

struct args { struct bt_planning_opts po; const char *node; bool json; };

static const struct bt_opt opts[] = {
    BT_PLANNING_ROWS(struct args, po),
    { .name = "json", .type = BT_OPT_BOOL, .off = offsetof(struct args, json), .help = "one JSON object" },
    { .name = "node", .type = BT_OPT_STR, .off = offsetof(struct args, node), .metavar = "NAME", .help = "of several machines: this one" },
    { 0 }
};

#define MAX_PRINT (4 * MiB)
#define MAX_DEMANDS 40               /* of one conflict */
#define MAX_MACHINES 8               /* that differ; each is planned anew for every decision */

struct explained {
    const char *node;                /* one of several machines, and how many there are like it; NULL: the whole plan */
    size_t alike;
    struct bt_plan_in in;
    struct bt_plan *plan;
    const char *only;
    struct bt_decision *decision;
    size_t ndecisions, skipped;      /* skipped: workloads whose rivals were not planned */
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
    if (e->skipped)
        bt_buf_printf(b, "\n%zu more workload%s not compared with what else could be done: that is a plan of the whole for each; `berth explain NAME` does it\n"
                         "for one\n", e->skipped, e->skipped == 1 ? " is" : "s are");
}

/* The first copy of each job that says what it does: what its berth is made of. */
static const struct bt_plan_instance *job_at(const struct explained *e, size_t phase, size_t i)
{
    const struct bt_plan_instance *in = &e->plan->phase[phase].inst[i];
    bool first = !i || in[-1].w != in->w;
    return in->job && in->nranks && first && (!e->only || !strcmp(e->only, in->w->name)) ? in : NULL;
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
                          bt_arena_strdup(a, bt_bytes_human(bt_plan_poorest(&e->plan->phase[p], in->w))), bt_job_text(a, &in->job->job, n));
            for (size_t k = 0; k < n->n; k++)
                bt_buf_printf(b, "  %-12s %10s  %s\n", bt_part_name(n->line[k].part), bt_bytes_human(n->line[k].bytes), n->line[k].why);
        }
}

static void print_drafts(struct bt_arena *a, const struct explained *e, struct bt_buf *b)
{
    bt_auto_buf struct bt_buf lines = BT_BUF(MAX_PRINT);
    for (size_t i = 0; i < e->plan->nphases; i++)
        bt_planning_print_drafts(a, e->plan, &e->plan->phase[i], e->only, &lines);
    if (lines.n)
        bt_buf_printf(b, "\n%.*s", (int)lines.n, lines.p);
}

static void print_lack(const struct bt_conflict *c, struct bt_buf *b)
{
    const char *least = c->least ? ", with everything else at its least" : "";
    if (c->refused)
        bt_buf_printf(b, "  %s\n", c->refused);
    else if (c->own)
        bt_buf_printf(b, "  the `memory` that %s may have is about %s too little; more on the cards would not help\n", c->own,
                      bt_bytes_human(c->lacks_bytes));
    else if (!c->lacks_bytes && !c->sure)
        bt_buf_puts(b, "  how many bytes lack was not looked for to the end\n");
    else if (!c->lacks_bytes)
        bt_buf_puts(b, "  more memory would not help: it is not bytes that lack\n");
    else if (c->card)
        bt_buf_printf(b, "  they exceed %s by about %s%s\n", c->card, bt_bytes_human(c->lacks_bytes), least);
    else
        bt_buf_printf(b, "  about %s lack on each card%s\n", bt_bytes_human(c->lacks_bytes), least);
}

static void print_advice(const struct bt_plan_advice *v, struct bt_buf *b)
{
    bt_auto_arena a = { 0 };
    const char **rows;
    for (size_t i = 0, n = bt_planning_changes(&a, v, &rows); i < n; i++)
        bt_buf_printf(b, "%s%s", i ? ", " : "", rows[i]);
}

static bool same_conflict(const struct bt_conflict *a, const struct bt_conflict *b)
{
    bool same = a->n == b->n && a->lacks_bytes == b->lacks_bytes && a->sure == b->sure;
    for (size_t i = 0; same && i < a->n; i++)
        same = !strcmp(a->demand[i].text, b->demand[i].text);
    return same;
}

/* " in phases a, b": of this conflict and those like it. */
static void print_where(const struct explained *e, size_t at, struct bt_buf *b)
{
    size_t n = 0;
    for (size_t i = at; i < e->nconflicts; i++)
        n += same_conflict(&e->conflict[at], &e->conflict[i]);
    for (size_t i = at; e->in.spec->phases.n > 1 && i < e->nconflicts; i++)
        if (same_conflict(&e->conflict[at], &e->conflict[i]))
            bt_buf_printf(b, "%s%s", i > at ? ", " : n > 1 ? " in phases " : " in phase ", e->conflict[i].phase);
}

static void print_conflicts(const struct explained *e, struct bt_buf *b)
{
    for (size_t i = 0; i < e->nconflicts; i++) {
        const struct bt_conflict *c = &e->conflict[i];
        bool said = false;
        for (size_t k = 0; k < i; k++)
            said = said || same_conflict(&e->conflict[k], c);
        if (said)
            continue;
        bt_buf_printf(b, "%scannot be met%s", i ? "\n" : "", c->n > 1 ? " together" : "");
        print_where(e, i, b);
        bt_buf_puts(b, ":\n");
        for (size_t k = 0; k < c->n; k++) {
            if (k == MAX_DEMANDS && c->n > MAX_DEMANDS + 1) {
                bt_buf_printf(b, "  and %zu more: --json has them all\n", c->n - k);
                break;
            }
            bt_buf_puts(b, "  ");
            if (c->demand[k].at.line)
                bt_buf_printf(b, "%s:%u: ", e->in.spec->path, c->demand[k].at.line);
            bt_buf_printf(b, "%s\n", c->demand[k].text);
        }
        print_lack(c, b);
        bt_buf_puts(b, c->sure ? c->n > 1 ? "  without any one of these the others can be met\n" : ""
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
    bool bytes = false;              /* a rule is not met by less memory, nor by other cards */
    for (size_t i = 0; i < e->nconflicts; i++)
        bytes = bytes || !e->conflict[i].refused;
    if (!e->nrelax && bytes)
        bt_buf_puts(b, "\nno change of what the spec asks for was found that makes it fit on this fleet; `berth plan --alternatives` looks at\n"
                       "quantised models and weights in host RAM, `berth plan --cheapest` at other fleets\n");
}

/* ---- JSON ---- */

static void add_node(const struct explained *e, json_t *row)
{
    if (!e->node)
        return;
    json_object_set_new(row, "node", json_string(e->node));
    json_object_set_new(row, "machines", json_integer((json_int_t)e->alike));
}

static void decisions_json(const struct explained *e, json_t *list)
{
    for (size_t i = 0; i < e->ndecisions; i++) {
        const struct bt_decision *d = &e->decision[i];
        json_t *row = json_pack("{s:s, s:s, s:s, s:s, s:o, s:s}", "phase", d->phase, "workload", d->workload, "what", bt_decided_names[d->what], "taken",
                                d->taken, "runner_up", bt_json_text(d->runner_up), "why", d->lost);
        add_node(e, row);
        json_array_append_new(list, row);
    }
}

static void moves_json(const struct explained *e, json_t *list)
{
    for (size_t i = 0; i < e->plan->nmoves; i++) {
        const struct bt_plan_move *m = &e->plan->move[i];
        if (e->only && strcmp(e->only, m->inst->w->name) != 0)
            continue;
        json_t *row = json_pack("{s:s, s:s, s:s, s:s, s:s, s:o, s:f, s:o, s:o}", "from", m->from, "to", m->to, "workload", m->inst->w->name, "instance",
                                m->instance, "how", bt_move_names[m->how], "level", bt_json_text(m->level), "seconds", m->seconds, "host_bytes",
                                bt_json_bytes(m->host_bytes), "why", bt_json_text(m->why));
        add_node(e, row);
        json_array_append_new(list, row);
    }
}

static void jobs_json(struct bt_arena *a, const struct explained *e, json_t *list)
{
    for (size_t p = 0; p < e->plan->nphases; p++)
        for (size_t i = 0; i < e->plan->phase[p].n; i++) {
            const struct bt_plan_instance *in = job_at(e, p, i);
            if (!in)
                continue;
            const uint64_t berth = bt_plan_poorest(&e->plan->phase[p], in->w);
            const struct bt_job_need *n = &in->job->need;
            json_t *lines = json_array();
            for (size_t k = 0; k < n->n; k++)
                json_array_append_new(lines, json_pack("{s:s, s:o, s:s}", "part", bt_part_name(n->line[k].part), "bytes", bt_json_bytes(n->line[k].bytes),
                                                       "why", n->line[k].why));
            json_t *row = json_pack("{s:s, s:s, s:o, s:o, s:o, s:o}", "phase", e->plan->phase[p].name, "workload", in->w->name, "text",
                                    bt_json_text(bt_job_text(a, &in->job->job, n)), "bytes", bt_json_bytes(berth), "need_bytes",
                                    bt_json_bytes(n->bytes), "need", lines);
            add_node(e, row);
            json_array_append_new(list, row);
        }
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
        json_array_append_new(list, json_pack("{s:s, s:o, s:o, s:o, s:o, s:o, s:b}", "phase", c->phase, "demands", demands, "card", bt_json_text(c->card),
                                              "lacks_bytes", bt_json_bytes(c->lacks_bytes), "own_memory_of", bt_json_text(c->own), "why",
                                              bt_json_text(c->refused), "minimal", c->sure));
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

/* Whether its copies have less context than the spec wants. */
static bool is_shortened(const struct explained *all, const struct bt_workload *here)
{
    for (size_t i = 0; i < all->in.spec->n; i++) {
        const struct bt_workload *w = &all->in.spec->w[i];
        if (!strcmp(w->name, here->name) && w->kind == BT_SERVER && all->in.models[i].model)
            return here->context.want < (w->context.want ? w->context.want : bt_need_model_context(all->in.models[i].model));
    }
    return false;
}

/* What the deal settled is no choice of the machine. */
static void say_dealt(const struct explained *all, const struct bt_machine *m, struct explained *e)
{
    static const char *const why[] = { [BT_DECIDED_SHAPE] = "one shape for all its copies, on other machines too",
                                       [BT_DECIDED_CONTEXT] = "one context for all its copies: what the machine with the least room for it gives" };
    for (size_t i = 0; i < e->ndecisions; i++) {
        struct bt_decision *d = &e->decision[i];
        const struct bt_workload *w = bt_spec_find(m->in.spec, d->workload);
        bool dealt = d->what == BT_DECIDED_COPIES || ((size_t)d->what < BT_LEN(why) && why[d->what]);
        if (!w || !m->elsewhere[w - m->in.spec->w] || !dealt || (d->what == BT_DECIDED_CONTEXT && !is_shortened(all, w)))
            continue;
        d->runner_up = NULL;
        d->lost = d->what == BT_DECIDED_COPIES ? "as many as were dealt to this machine" : why[d->what];
    }
}

static int explain_machine(struct bt_arena *a, const struct explained *all, size_t box, struct explained *e, struct bt_err *err)
{
    struct bt_machine m;
    bt_plan_machine(a, &all->in, all->plan, box, &m);
    *e = (struct explained){ .node = all->in.fleet->box[box].name, .alike = 1, .in = m.in, .only = all->only };
    for (size_t i = 0; i < all->in.fleet->nboxes; i++)
        e->alike += i != box && bt_plan_machines_alike(all->plan, box, i);
    e->in.brief = true;
    if (!m.any)
        return 0;
    if (bt_plan_make(a, &e->in, &e->plan, err) < 0)
        return bt_err_wrap(err, "%s", e->node);
    if (e->plan->nrefusals)
        return bt_err_set(err, BT_E_FAILED, 0, "%s: what was dealt to it does not fit when it is planned alone: %s", e->node, e->plan->refusal[0].text);
    if (bt_plan_decisions(a, &e->in, e->plan, e->only, &e->decision, &e->ndecisions, &e->skipped, err) < 0)
        return -1;
    say_dealt(all, &m, e);
    return 0;
}

/* Of machines that are alike the first is explained. *more: others that differ from all that are shown. */
static int explain_machines(struct bt_arena *a, const struct explained *all, const char *node, struct explained **out, size_t *n, size_t *more,
                            struct bt_err *err)
{
    const struct bt_fleet *f = all->in.fleet;
    size_t shown[MAX_MACHINES], nshown = 0, only = 0;
    if (node && bt_planning_node(a, f, node, &only, err) < 0)
        return -1;
    for (size_t i = node ? only : 0; i < (node ? only + 1 : f->nboxes); i++) {
        bool like = false;
        for (size_t k = 0; k < nshown && !like; k++)
            like = bt_plan_machines_alike(all->plan, shown[k], i);
        struct bt_machine m;
        if (!like)
            bt_plan_machine(a, &all->in, all->plan, i, &m);
        if (like || (!node && (!m.any || (all->only && !bt_spec_find(m.in.spec, all->only)))))
            continue;
        if (nshown == MAX_MACHINES) {
            ++*more;
            continue;
        }
        shown[nshown++] = i;
        struct explained e;
        if (explain_machine(a, all, i, &e, err) < 0)
            return -1;
        BT_PUSH(a, *out, *n, e);
    }
    return 0;
}

static int check_workload(struct bt_arena *a, const struct explained *e, struct bt_err *err)
{
    if (!e->only || bt_spec_find(e->in.spec, e->only))
        return 0;
    const char **names = BT_NEWN(a, const char *, e->in.spec->n + 1);
    for (size_t i = 0; i < e->in.spec->n; i++)
        names[i] = e->in.spec->w[i].name;
    const char *near = bt_str_nearest(bt_str(e->only), names, e->in.spec->n);
    bt_err_set(err, BT_E_SPEC, 0, "%s has no workload \"%.60s\"", e->in.spec->path, e->only);
    if (near)
        return bt_err_hint(err, "berth explain %s", near);
    bt_auto_buf struct bt_buf all = BT_BUF(120);     /* what goes into a hint */
    for (size_t i = 0; i < e->in.spec->n && all.n + strlen(names[i]) < 100; i++)
        bt_buf_printf(&all, "%s%s", i ? ", " : "", names[i]);
    return bt_err_hint(err, "it has %s", bt_buf_z(&all));
}

static int explain(struct bt_arena *a, const struct args *o, struct explained *e, struct bt_err *err)
{
    if (bt_planning_inputs(a, &o->po, &e->in, NULL, err) < 0 || check_workload(a, e, err) < 0)
        return -1;
    if (o->node && !e->in.fleet->nboxes) {
        size_t none;
        return bt_planning_node(a, e->in.fleet, o->node, &none, err);
    }
    if (bt_planning(a, &o->po, &e->plan, err) < 0)
        return -1;
    if (e->in.fleet->nboxes)         /* what is refused there has its words in the plan */
        return 0;
    if (!e->plan->nrefusals)
        return bt_plan_decisions(a, &e->in, e->plan, e->only, &e->decision, &e->ndecisions, &e->skipped, err);
    if (bt_plan_conflicts(a, &e->in, &e->conflict, &e->nconflicts, err) < 0)
        return -1;
    return bt_plan_relaxations(a, &e->in, e->plan, e->conflict, e->nconflicts, &e->relax, &e->nrelax, err);
}

static void print_machines(struct bt_arena *a, const struct explained *m, size_t n, size_t more, struct bt_buf *b)
{
    for (size_t i = 0; i < n; i++) {
        bt_buf_printf(b, "%son %s", i ? "\n" : "", m[i].node);
        if (m[i].alike > 1)
            bt_buf_printf(b, ", and %zu machine%s like it", m[i].alike - 1, m[i].alike == 2 ? "" : "s");
        bt_buf_puts(b, ":\n\n");
        if (!m[i].plan) {
            bt_buf_puts(b, "nothing was dealt to it\n");
            continue;
        }
        print_decisions(&m[i], b);
        bt_planning_print_moves(a, m[i].plan, m[i].only, bt_style_of(stdout), b);
        print_drafts(a, &m[i], b);
        print_jobs(a, &m[i], b);
    }
    if (more)
        bt_buf_printf(b, "\n%zu more machines are not shown: --node NAME explains one\n", more);
}

static void print_json(struct bt_arena *a, const struct explained *e, const struct explained *m, size_t n)
{
    json_t *decisions = json_array(), *jobs = json_array(), *moves = json_array();
    decisions_json(e, decisions);
    if (!n) {
        moves_json(e, moves);
        jobs_json(a, e, jobs);
    }
    for (size_t i = 0; i < n; i++)
        if (m[i].plan) {
            decisions_json(&m[i], decisions);
            moves_json(&m[i], moves);
            jobs_json(a, &m[i], jobs);
        }
    size_t skipped = e->skipped;
    for (size_t i = 0; i < n; i++)
        skipped += m[i].skipped;
    bt_cmd_json("explain", json_pack("{s:s, s:b, s:o, s:o, s:o, s:o, s:o, s:I}",
                                     "name", e->plan->spec->name, "fits", !e->plan->nrefusals, "decisions", decisions,
                                     "moves", moves, "jobs", jobs, "conflicts", conflicts_json(e), "relaxations", relaxations_json(e),
                                     "workloads_skipped", (json_int_t)skipped));
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
    struct explained e = { .only = rest.n ? rest.v[0] : NULL }, *machine = NULL;
    size_t n = 0, more = 0;
    o.po.boxes = o.po.no_shapes = true;              /* rivals are planned by each decision */
    if (explain(&a, &o, &e, &err) < 0)
        return bt_cmd_fail(v, &err, o.json);
    bool fits = !e.plan->nrefusals;
    if (fits && e.in.fleet->nboxes && explain_machines(&a, &e, o.node, &machine, &n, &more, &err) < 0)
        return bt_cmd_fail(v, &err, o.json);
    if (o.json) {
        print_json(&a, &e, machine, n);
    } else {
        bt_auto_buf struct bt_buf b = BT_BUF(MAX_PRINT);
        if (!fits)
            print_conflicts(&e, &b);
        else if (n)
            print_machines(&a, machine, n, more, &b);
        else
            print_decisions(&e, &b);
        if (!n && fits)
            bt_planning_print_moves(&a, e.plan, e.only, bt_style_of(stdout), &b);
        if (!n && fits)
            print_drafts(&a, &e, &b);
        if (!n)
            print_jobs(&a, &e, &b);
        bt_cmd_print(&b);
    }
    return bt_planning_exit(e.plan);
}

const struct bt_verb bt_verb_explain = {
    .name = "explain",
    .summary = "why the plan is as it is: each decision, the next best and what it lost; or what cannot be met together",
    .usage = "berth explain [WORKLOAD] [-f FILE] [--gpus FLEET] [--node NAME] [--variant NAME] [--phase] [--json]",
    .example = "  berth explain -f examples/forensics/berth.yaml\n  berth explain llm --gpus 2xA100-SXM4-40GB",
    .opts = opts,
    .run = run
};

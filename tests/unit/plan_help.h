/* plan_help.h - a plan from a spec's text and a fleet's name, as cmd makes it but without a machine. */
#ifndef PLAN_HELP_H
#define PLAN_HELP_H
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>

#include "plan/plan_int.h"

static inline struct bt_plan_in *plan_inputs(struct bt_arena *a, const char *text, const char *fleet)
{
    struct bt_err err = { 0 };
    struct bt_plan_in *in = BT_NEW(a, struct bt_plan_in);
    struct bt_spec *s = NULL;
    struct bt_fleet *f = BT_NEW(a, struct bt_fleet);
    if (bt_spec_parse(a, "berth.yaml", "/d", bt_str(text), &(struct bt_spec_opts){ 0 }, &s, &err) < 0)
        fail_msg("%s\n%s", err.msg, text);
    struct bt_fleet_opts fo = { .margin_bytes = s->margin_bytes, .boxes = true };
    if (bt_fleet_open(a, fleet, &fo, f, &err) < 0)
        fail_msg("%s", err.msg);
    struct bt_plan_model *models = BT_NEWN(a, struct bt_plan_model, s->n + 1);
    for (size_t i = 0; i < s->n; i++) {
        struct bt_model *m;
        const struct bt_job *job = s->w[i].memory.job ? s->w[i].memory.job : s->w[i].expects.job;
        if (job) {
            if (bt_model_open(a, job->of, &m, &err) < 0)
                fail_msg("%s", err.msg);
            models[i].job_of.model = m;
        }
        if (s->w[i].kind != BT_SERVER)
            continue;
        models[i].engine = bt_engine_find(s->w[i].engine);
        models[i].version = bt_engine_version(models[i].engine, s->w[i].engine_version, NULL, &err);
        if (bt_model_open(a, s->w[i].model, &m, &err) < 0)
            fail_msg("%s", err.msg);
        models[i].model = m;
    }
    *in = (struct bt_plan_in){ .spec = s, .fleet = f, .models = models };
    return in;
}

/* NULL: the spec was drawn against itself. */
static inline struct bt_plan_in *plan_inputs_or_none(struct bt_arena *a, const char *text, const char *fleet)
{
    struct bt_err err = { 0 };
    struct bt_spec *s;
    return bt_spec_parse(a, "berth.yaml", "/d", bt_str(text), &(struct bt_spec_opts){ 0 }, &s, &err) < 0 ? NULL : plan_inputs(a, text, fleet);
}

/* Of all its workloads. NULL: drawn against itself, or refused. */
static inline struct pl_problem *plan_problem_or_none(struct bt_arena *a, const char *text, const char *fleet)
{
    struct bt_err err = { 0 };
    struct pl_problem *p;
    struct bt_plan_in *in = plan_inputs_or_none(a, text, fleet);
    if (!in)
        return NULL;
    if (pl_problem_build(a, in, "all", &p, &err) < 0)
        fail_msg("%s\n%s", err.msg, text);
    return p->nrefusals ? NULL : p;
}

static inline struct bt_plan *plan_of(struct bt_arena *a, const char *text, const char *fleet)
{
    struct bt_err err = { 0 };
    struct bt_plan *p = NULL;
    if (bt_plan_make(a, plan_inputs(a, text, fleet), &p, &err) < 0)
        fail_msg("%s\n%s", err.msg, text);
    return p;
}

static inline const struct bt_plan_instance *instance_of(const struct bt_plan *p, size_t phase, const char *id)
{
    for (size_t i = 0; i < p->phase[phase].n; i++)
        if (!strcmp(p->phase[phase].inst[i].id, id))
            return &p->phase[phase].inst[i];
    fail_msg("no instance %s", id);
    return NULL;
}
#endif

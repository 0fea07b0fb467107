/* read_inputs.h - a drawn spec and fleet opened for the planner; shared by the benchmarks of the search. */
#ifndef READ_INPUTS_H
#define READ_INPUTS_H
#include <stdio.h>

#include "plan/plan_int.h"

static inline int fail(const struct bt_err *err, const char *what)
{
    fprintf(stderr, "bench: %s: %s\n", what, err->msg);
    return -1;
}

/* 1 ready, 0 drawn against itself (no spec comes of it), -1 error. */
static inline int read_inputs(struct bt_arena *a, const char *text, const char *fleet, struct bt_plan_in *in)
{
    struct bt_err err = { 0 };
    struct bt_spec *s;
    struct bt_fleet *f = BT_NEW(a, struct bt_fleet);
    if (bt_spec_parse(a, "berth.yaml", "/d", bt_str(text), &(struct bt_spec_opts){ 0 }, &s, &err) < 0)
        return 0;
    if (bt_fleet_open(a, fleet, &(struct bt_fleet_opts){ .margin_bytes = s->margin_bytes, .boxes = true }, f, &err) < 0)
        return fail(&err, fleet);
    struct bt_plan_model *models = BT_NEWN(a, struct bt_plan_model, s->n + 1);
    for (size_t i = 0; i < s->n; i++) {
        struct bt_model *m = NULL;
        if (s->w[i].kind != BT_SERVER)
            continue;
        models[i].engine = bt_engine_find(s->w[i].engine);
        models[i].version = bt_engine_version(models[i].engine, s->w[i].engine_version, NULL, &err);
        for (size_t j = 0; j < i && !models[i].model; j++)           /* as the planner's own reader: each model once */
            if (s->w[j].kind == BT_SERVER && !strcmp(s->w[j].model, s->w[i].model))
                models[i].model = models[j].model;
        if (!models[i].model && bt_model_open(a, s->w[i].model, &m, &err) < 0)
            return fail(&err, s->w[i].model);
        models[i].model = models[i].model ? models[i].model : m;
    }
    *in = (struct bt_plan_in){ .spec = s, .fleet = f, .models = models };
    return 1;
}
#endif

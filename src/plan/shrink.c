/* shrink - a spec of only some of its workloads, and the fewest that conflict. What conflicts
 * still conflicts beside more, so many are left out at a time: the block doubles while the rest
 * conflicts and halves where it does not. The same ones stay as by leaving out one after the other, after far fewer plans. */
#include "plan/plan_int.h"

struct bt_plan_in *pl_only(struct bt_arena *a, const struct bt_plan_in *in, const struct bt_workload *w, const bool *keep)
{
    struct bt_plan_in *out = BT_NEW(a, struct bt_plan_in);
    struct bt_spec *spec = BT_NEW(a, struct bt_spec);
    struct bt_plan_model *models = BT_NEWN(a, struct bt_plan_model, in->spec->n + 1);
    *spec = *in->spec;
    spec->w = BT_NEWN(a, struct bt_workload, in->spec->n + 1);
    spec->n = 0;
    for (size_t i = 0; i < in->spec->n; i++)
        if (!keep || keep[i]) {
            models[spec->n] = in->models[i];
            spec->w[spec->n++] = w ? w[i] : in->spec->w[i];
        }
    *out = *in;
    out->spec = spec;
    out->models = models;
    out->copies = NULL;              /* they go by the workload's place in the spec */
    out->within = NULL;
    return out;
}

/* Somebody who stays needs it: it is their cards, or their context. */
static bool wanted(const struct bt_spec *s, const bool *keep, size_t i)
{
    for (size_t j = 0; j < s->n; j++)
        if (keep[j] && ((s->w[j].same_gpus_as && !strcmp(s->w[j].same_gpus_as, s->w[i].name)) ||
                        (s->w[j].context.same_as && !strcmp(s->w[j].context.same_as, s->w[i].name))))
            return true;
    return false;
}

/* Takes up to `most` out of keep, from `from` downwards; out[] says which. Returns where it came to: all from there up are seen. */
static size_t take_out(const struct bt_spec *s, bool *keep, size_t from, size_t most, size_t *out, size_t *n)
{
    size_t i = from;
    for (*n = 0; i > 0 && *n < most; i--)
        if (keep[i - 1] && !wanted(s, keep, i - 1)) {
            keep[i - 1] = false;
            out[(*n)++] = i - 1;
        }
    return i;
}

int pl_shrink(struct bt_arena *a, const struct bt_spec *s, bool *keep, int (*fits)(void *ctx, const bool *keep), void *ctx)
{
    size_t *out = BT_NEWN(a, size_t, s->n + 1), n, most = 1;
    for (size_t i = s->n; i > 0;) {
        size_t to = take_out(s, keep, i, most, out, &n);
        int ok = n ? fits(ctx, keep) : 0;
        if (ok < 0)
            return -1;
        for (size_t k = 0; ok && k < n; k++)
            keep[out[k]] = true;
        if (!ok || most == 1)
            i = to;                                  /* all of them out, or the one that is needed */
        most = ok ? BT_MAX(most / 2, 1u) : most * 2;
    }
    return 0;
}

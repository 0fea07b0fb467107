/* more_cards - the smallest fleet of the same kinds on which everything fits: what to rent, or to ask the colleagues for. */
#include "plan/plan_int.h"

#define TRY_NODES 20000

/* "1xRTX-4090+3xA100-SXM4-40GB": the cards there are, as a named fleet, with `more` of one kind at the end. NULL when a card is not of the catalog. */
static const char *named(struct bt_arena *a, const struct bt_fleet *f, const struct bt_gpu_kind *kind, size_t more)
{
    bt_auto_buf struct bt_buf b = BT_BUF(8192);
    for (size_t i = 0, run; i < f->n; i += run) {
        const struct bt_gpu_kind *k = f->gpus[i].kind;
        for (run = 1; i + run < f->n && f->gpus[i + run].kind == k; run++) {
        }
        if (!k || f->gpus[i].mig_of)
            return NULL;
        size_t count = run;
        if (i + run == f->n && k == kind) {          /* the last run grows */
            count += more;
            more = 0;
        }
        bt_buf_printf(&b, "%s%zux%s", i ? "+" : "", count, k->short_name);
    }
    if (more)
        bt_buf_printf(&b, "+%zux%s", more, kind->short_name);
    return bt_arena_strdup(a, bt_buf_z(&b));
}

static bool phase_fits(struct bt_arena *a, const struct bt_plan_in *in, const char *phase)
{
    struct pl_problem *p;
    struct pl_solution s;
    struct bt_err ignored = { 0 };
    if (pl_problem_build(a, in, phase, &p, &ignored) < 0 || p->nrefusals)
        return false;
    pl_find(p, TRY_NODES, &s);
    return s.found;
}

/* All phases fit there. False, too, where this cannot be asked. */
static bool fits_on(struct bt_arena *a, const struct bt_plan_in *in, const char *fleet)
{
    const struct bt_strs *phases = &in->spec->phases;
    struct bt_fleet larger;
    struct bt_fleet_opts o = { .margin_bytes = in->spec->margin_bytes };
    struct bt_plan_in with = *in;
    struct bt_err ignored = { 0 };
    if (bt_fleet_open(a, fleet, &o, &larger, &ignored) < 0)
        return false;
    with.fleet = &larger;
    for (size_t i = 0; i < BT_MAX(phases->n, (size_t)1); i++)
        if (!phase_fits(a, &with, phases->n ? phases->v[i] : "all"))
            return false;
    return true;
}

static const char *smallest(struct bt_arena *a, const struct bt_plan_in *in, const struct bt_gpu_kind *kind, size_t *more)
{
    const size_t most = BT_MIN(BT_MAX_GPUS, BT_MAX((size_t)8, in->fleet->n * 4)) - BT_MIN(in->fleet->n, (size_t)BT_MAX_GPUS);     /* more is not "nearest" */
    size_t no = 0, yes = 1;
    const char *text;
    for (;; no = yes, yes = BT_MIN(yes * 2, most)) {
        text = named(a, in->fleet, kind, yes);
        if (!text || yes > most)
            return NULL;             /* most may be 0 */
        if (fits_on(a, in, text))
            break;
        if (yes == most)
            return NULL;
    }
    while (yes - no > 1) {                           /* a larger fleet carries what a smaller one does */
        size_t mid = no + (yes - no) / 2;
        if (fits_on(a, in, named(a, in->fleet, kind, mid)))
            yes = mid;
        else
            no = mid;
    }
    *more = yes;
    return named(a, in->fleet, kind, yes);
}

bool pl_more_cards(struct bt_arena *a, const struct bt_plan_in *in, struct bt_plan_advice *out)
{
    size_t fewest = SIZE_MAX, kinds = 0;
    for (size_t i = 0; i < in->fleet->n; i++) {
        const struct bt_gpu_kind *k = in->fleet->gpus[i].kind;
        bool seen = false;
        for (size_t j = 0; j < i; j++)
            seen = seen || in->fleet->gpus[j].kind == k;
        size_t more;
        const char *text = k && !seen ? smallest(a, in, k, &more) : NULL;
        kinds += !seen;
        if (!text || more >= fewest)
            continue;
        fewest = more;
        *out = (struct bt_plan_advice){ .path = "gpus", .value = text };
        out->text = bt_arena_printf(a, "with %zu more %s all of it fits", more, k->nvml_name);
        if (kinds == 1 && !strchr(text, '+'))
            out->text = bt_arena_printf(a, "it fits on %zu x %s", in->fleet->n + more, k->nvml_name);
    }
    return fewest != SIZE_MAX;
}

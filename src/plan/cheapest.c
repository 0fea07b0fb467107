/* cheapest - number of cards after number of cards, kinds from the smallest up, until one holds it. */
#include "plan/cheapest.h"

#include "base/workers.h"
#include "plan/plan_int.h"

#define TRY_NODES 20000
#define MAX_MIXED 8                  /* cards of a fleet that is looked at in mixed kinds, too */
#define LEAST_CC 7                   /* vLLM's least; older ones compute no 16-bit numbers worth the name */

static bool usable(const struct bt_gpu_kind *k)
{
    return !strcmp(k->vendor, "NVIDIA") && bt_gpu_kind_total(k) > 0 && k->cc_major >= LEAST_CC && k->mem_gbs > 0;
}

/* Small before large, then fast before slow, then as in the catalog. */
static size_t sorted(struct bt_arena *a, const struct bt_gpu_kind ***out)
{
    const struct bt_gpu_kind *all, **list = NULL;
    size_t total = bt_gpu_kinds(&all), n = 0;
    for (size_t i = 0; i < total; i++) {
        if (!usable(&all[i]))
            continue;
        BT_PUSH(a, list, n, &all[i]);
        for (size_t j = n - 1; j > 0; j--) {
            uint64_t x = bt_gpu_kind_total(list[j]), y = bt_gpu_kind_total(list[j - 1]);
            if (x > y || (x == y && list[j]->mem_gbs <= list[j - 1]->mem_gbs))
                break;
            const struct bt_gpu_kind *t = list[j];
            list[j] = list[j - 1];
            list[j - 1] = t;
        }
    }
    *out = list;
    return n;
}

static const char *named(struct bt_arena *a, const struct bt_gpu_kind *k, uint32_t cards)
{
    return bt_arena_printf(a, "%ux%s", cards, k->short_name);
}

/* All phases of the spec, found by the search. Memory is the call's own: hundreds of fleets are tried. */
static bool fits(const struct bt_plan_in *in, const char *fleet)
{
    bt_auto_arena a = { 0 };
    static const char *const one[] = { "all" };
    const char *const *names = in->spec->phases.n ? in->spec->phases.v : one;
    struct bt_fleet f;
    struct bt_fleet_opts o = { .margin_bytes = in->spec->margin_bytes };
    struct bt_plan_in with = *in;
    struct bt_err why = { 0 };
    if (bt_fleet_open(&a, fleet, &o, &f, &why) < 0)
        return false;
    with.fleet = &f;
    with.needs = pl_needs_new(&a);
    for (size_t i = 0; i < BT_MAX(in->spec->phases.n, (size_t)1); i++) {
        struct pl_problem *p;
        struct pl_solution s = { 0 };
        if (pl_problem_build(&a, &with, names[i], &p, &why) < 0 || p->nrefusals)     /* a pool that this fleet has not, a shape of too many cards */
            return false;
        pl_solve(p, TRY_NODES, &s);
        if (!s.found)
            return false;
    }
    return true;
}

/* Fleets that are asked side by side, and which of them hold it: of those before the first that does, all were asked. */
struct asking { const struct bt_plan_in *in; const char *const *fleet; bool *holds; };

static bool ask(void *ctx, unsigned worker, size_t i)
{
    struct asking *x = ctx;
    (void)worker;
    x->holds[i] = fits(x->in, x->fleet[i]);
    return !x->holds[i];
}

/* The first of n fleets that holds it; n: none does. */
static size_t first_that_fits(struct bt_arena *a, const struct bt_plan_in *in, const char *const *fleet, size_t n)
{
    struct asking x = { in, fleet, BT_NEWN(a, bool, n + 1) };
    size_t first = 0;
    bt_workers_do(n, bt_workers(), ask, &x);
    while (first < n && !x.holds[first])
        first++;
    return first;
}

static int add(struct bt_arena *a, const struct bt_plan_in *in, const struct bt_cheapest *found, struct bt_cheapest **out, size_t *n, struct bt_err *err)
{
    struct bt_cheapest one = *found;
    struct bt_fleet *f = BT_NEW(a, struct bt_fleet);
    struct bt_fleet_opts o = { .margin_bytes = in->spec->margin_bytes };
    struct bt_plan_in with = *in;
    struct bt_plan *p;
    if (bt_fleet_open(a, one.fleet, &o, f, err) < 0)
        return -1;
    with.fleet = f;
    with.needs = NULL;
    with.brief = true;
    if (bt_plan_make(a, &with, &p, err) < 0)
        return -1;
    one.row = bt_compare_row(a, p);
    BT_PUSH(a, *out, *n, one);
    return 0;
}

/* "1xA100-SXM4-80GB+2xL4", of the kinds at[]. */
static const char *run_name(struct bt_arena *a, const struct bt_gpu_kind *const *kind, const size_t *at, uint32_t cards)
{
    const char *fleet = "";
    for (uint32_t i = 0, run; i < cards; i += run) {
        for (run = 1; i + run < cards && at[i + run] == at[i]; run++) {
        }
        fleet = bt_arena_printf(a, "%s%s%s", fleet, i ? "+" : "", named(a, kind[at[i]], run));
    }
    return fleet;
}

/* Of the fleet of one kind the cards become smaller one after the other, each as small as it may with all others as they are. "1xA100+2xL4", or NULL where
 * none may. */
static const char *mixed(struct bt_arena *a, const struct bt_plan_in *in, const struct bt_gpu_kind *const *kind, size_t of, uint32_t cards, uint64_t *total)
{
    size_t at[MAX_MIXED];
    const char *best = NULL;
    if (cards < 2 || cards > MAX_MIXED)
        return NULL;
    for (uint32_t c = 0; c < cards; c++)
        at[c] = of;
    for (uint32_t c = cards; c-- > 1;) {             /* the last first: the first stays the largest */
        const size_t was = at[c];
        const char **fleet = BT_NEWN(a, const char *, was + 1);
        for (at[c] = 0; at[c] < was; at[c]++)
            fleet[at[c]] = run_name(a, kind, at, cards);
        at[c] = first_that_fits(a, in, fleet, was);
        best = at[c] < was ? fleet[at[c]] : best;
    }
    *total = 0;
    for (uint32_t i = 0; i < cards; i++)
        *total += bt_gpu_kind_total(kind[at[i]]);
    return best;
}

int bt_plan_cheapest(struct bt_arena *a, const struct bt_plan_in *in, uint32_t max_cards, struct bt_cheapest **out, size_t *n, struct bt_err *err)
{
    const struct bt_gpu_kind **kind;
    size_t nkinds = sorted(a, &kind);
    uint64_t least = UINT64_MAX;
    *out = NULL;
    *n = 0;
    const char **fleet = BT_NEWN(a, const char *, nkinds + 1);
    for (uint32_t cards = 1; cards <= BT_MIN(max_cards, (uint32_t)BT_MAX_GPUS); cards++) {
        size_t m = 0;
        for (; m < nkinds && cards * bt_gpu_kind_total(kind[m]) < least; m++)
            fleet[m] = named(a, kind[m], cards);
        const size_t i = first_that_fits(a, in, fleet, m);
        if (i == m)
            continue;
        struct bt_cheapest one = { .fleet = fleet[i], .kind = kind[i], .cards = cards, .total_bytes = cards * bt_gpu_kind_total(kind[i]) };
        least = one.total_bytes;
        if (add(a, in, &one, out, n, err) < 0)
            return -1;
        struct bt_cheapest mix = one;
        mix.fleet = *n == 1 ? mixed(a, in, kind, i, cards, &mix.total_bytes) : NULL;
        mix.kind = NULL;
        if (mix.fleet && add(a, in, &mix, out, n, err) < 0)
            return -1;
    }
    return 0;
}

/* more_cards - the nearest fleets on which everything fits, of more cards of the same kinds and of as many larger ones: what to rent, or to ask the
 * colleagues for. */
#include "plan/plan_int.h"

#define TRY_NODES 20000
#define MANY_NODES 150000            /* of many workloads on many cards: that they hold them is found only after a while */
#define MANY 400u                    /* pairs of workload and card past which they are many */
#define MOST_NODES 1000000u          /* of all searches together */
#define MOST_LARGER 6u               /* kinds that are tried in place of one */
#define MOST_MACHINES 4u
#define MOST_PAIRS 3000u             /* of workload and card, in all fleets that are tried: each asks what every shape takes there */

/* The same machine with MIG off: each card once, whole. Of its cards only the kinds are told; one that the catalog does not have is of none. */
static struct bt_fleet without_mig(struct bt_arena *a, const struct bt_fleet *f)
{
    struct bt_fleet whole = { .gpus = BT_NEWN(a, struct bt_gpu, f->n + 1) };
    for (size_t i = 0; i < f->n; i++) {
        const struct bt_gpu *g = &f->gpus[i];
        const char *at = g->mig_of ? strstr(g->name, " MIG ") : NULL;
        bool again = false;
        for (size_t j = 0; g->mig_of && j < i; j++)
            again = again || (f->gpus[j].mig_of && !strcmp(f->gpus[j].mig_of, g->mig_of));
        if (again)
            continue;
        const struct bt_gpu_kind *k = g->kind;
        if (g->mig_of)
            k = at ? bt_gpu_kind_find(bt_arena_strndup(a, (struct bt_str){ g->name, (size_t)(at - g->name) })) : NULL;
        whole.gpus[whole.n++] = (struct bt_gpu){ .kind = k };
    }
    return whole;
}

static bool has_mig(const struct bt_fleet *f)
{
    bool any = false;
    for (size_t i = 0; i < f->n; i++)
        any = any || f->gpus[i].mig_of;
    return any;
}

/* "1xRTX-4090+3xA100-SXM4-40GB": the cards there are, `now` in place of `was`, as a named fleet, with so many more of them at the end. NULL when a card is not
 * of the catalog. */
static const char *named(struct bt_arena *a, const struct bt_fleet *f, const struct bt_gpu_kind *was, const struct bt_gpu_kind *now, size_t more)
{
    bt_auto_buf struct bt_buf b = BT_BUF(8192);
    for (size_t i = 0, run; i < f->n; i += run) {
        const struct bt_gpu_kind *k = f->gpus[i].kind;
        for (run = 1; i + run < f->n && f->gpus[i + run].kind == k; run++) {
        }
        if (!k || f->gpus[i].mig_of)
            return NULL;
        size_t count = run;
        if (i + run == f->n && k == was) {           /* the last run grows */
            count += more;
            more = 0;
        }
        bt_buf_printf(&b, "%s%zux%s", i ? "+" : "", count, (k == was ? now : k)->short_name);
    }
    if (more)
        bt_buf_printf(&b, "+%zux%s", more, now->short_name);
    return bt_arena_strdup(a, bt_buf_z(&b));
}

static bool phase_fits(struct bt_arena *a, const struct bt_plan_in *in, const char *phase, uint64_t *nodes)
{
    struct pl_problem *p;
    struct pl_solution s;
    struct bt_err ignored = { 0 };
    if (pl_problem_build(a, in, phase, &p, &ignored) < 0 || p->nrefusals)
        return false;
    pl_find(p, p->n * p->fleet->n > MANY ? MANY_NODES : TRY_NODES, &s);
    *nodes += s.nodes;
    return s.found;
}

struct growing {
    const struct bt_plan_in *in, *alone; struct bt_arena *a;
    uint64_t least;                  /* bytes that the phase with the most of them takes at least */
    uint64_t nodes; size_t pairs; bool over;         /* over: not all was tried */
    size_t needed; const struct bt_gpu_kind *of;     /* so many more at least, which is more than is near; 0: nobody needs so many */
};

/* All phases of it fit there. False, too, where this cannot be asked. What a fleet's shapes need is nobody else's: its cards are not kept. */
static bool these_fit_on(struct growing *x, const struct bt_plan_in *in, const char *fleet)
{
    bt_auto_arena a = { 0 };
    const struct bt_strs *phases = &in->spec->phases;
    struct bt_fleet larger;
    struct bt_fleet_opts o = { .margin_bytes = in->spec->margin_bytes };
    struct bt_plan_in with = *in;
    struct bt_err ignored = { 0 };
    if (!fleet || bt_fleet_open(&a, fleet, &o, &larger, &ignored) < 0)
        return false;
    x->pairs += larger.n * in->spec->n;
    x->over = x->over || x->pairs > MOST_PAIRS || x->nodes > MOST_NODES;
    if (x->over)
        return false;
    with.fleet = &larger;
    with.needs = pl_needs_new(&a);
    for (size_t i = 0; i < BT_MAX(phases->n, (size_t)1); i++)
        if (!phase_fits(&a, &with, phases->n ? phases->v[i] : "all", &x->nodes))
            return false;
    return true;
}

static bool fits_on(struct growing *x, const char *fleet) { return these_fit_on(x, x->in, fleet); }

/* What a fleet of the catalog has for workloads; 0: there is no such fleet. */
static uint64_t capacity(const struct growing *x, const char *fleet)
{
    bt_auto_arena a = { 0 };
    struct bt_fleet_opts o = { .margin_bytes = x->in->spec->margin_bytes };
    struct bt_fleet f;
    struct bt_err ignored = { 0 };
    uint64_t sum = 0;
    if (!fleet || bt_fleet_open(&a, fleet, &o, &f, &ignored) < 0)
        return 0;
    for (size_t i = 0; i < f.n; i++)
        sum += bt_gpu_capacity(&f.gpus[i]);
    return sum;
}

/* With fewer more of them the bytes alone are too many. 0: no number of them is enough. */
static size_t at_least(const struct growing *x, const struct bt_gpu_kind *kind)
{
    uint64_t now = capacity(x, named(x->a, x->in->fleet, kind, kind, 0)), with = capacity(x, named(x->a, x->in->fleet, kind, kind, 1));
    if (with <= now)
        return 0;
    return x->least <= with ? 1 : (size_t)((x->least - now + (with - now) - 1) / (with - now));
}

/* How many more, `fewest` at most. 0: no such number is enough, or none was found before all was tried that may be. */
static size_t smallest(struct growing *x, const struct bt_gpu_kind *kind, size_t fewest)
{
    const struct bt_fleet *f = x->in->fleet;
    const size_t most = BT_MIN(BT_MAX_GPUS, BT_MAX((size_t)8, f->n * 4)) - BT_MIN(f->n, (size_t)BT_MAX_GPUS);     /* more is not "nearest" */
    const size_t first = at_least(x, kind);
    if (first > most && (!x->needed || first < x->needed)) {
        x->needed = first;
        x->of = kind;
    }
    if (!first || first > BT_MIN(most, fewest))
        return 0;
    if (x->alone && !these_fit_on(x, x->alone, named(x->a, f, kind, kind, most)))
        return 0;                    /* no number of them helps those who fit on none of these cards */
    size_t no = first - 1, yes = fewest > most ? first : fewest;
    while (!fits_on(x, named(x->a, f, kind, kind, yes))) {
        if (x->over || fewest <= most || yes == most)
            return 0;
        size_t step = (yes - no) * 2;
        no = yes;
        yes = BT_MIN(yes + step, most);
    }
    while (yes - no > 1 && !x->over) {               /* a larger fleet carries what a smaller one does */
        size_t mid = no + (yes - no) / 2;
        if (fits_on(x, named(x->a, f, kind, kind, mid)))
            yes = mid;
        else
            no = mid;
    }
    return yes;
}

/* The largest first: of them the fewest are enough. Of the others it is only asked whether as few are: a smaller card will do then. */
static size_t by_bytes(const struct bt_fleet *f, const struct bt_gpu_kind **kind, bool *all_named)
{
    size_t n = 0;
    for (size_t i = 0; i < f->n; i++) {
        const struct bt_gpu_kind *k = f->gpus[i].kind;
        size_t j = 0;
        *all_named = *all_named && k;
        while (k && j < n && kind[j] != k)
            j++;
        if (!k || j < n || bt_gpu_kind_unified(k))   /* whose memory is the machine's: no machine has two */
            continue;
        for (j = n++; j > 0 && kind[j - 1]->nvml_bytes < k->nvml_bytes; j--)
            kind[j] = kind[j - 1];
        kind[j] = k;
    }
    return n;
}

/* Of the phase that takes most. Cards of the catalog are not to the byte those that are there: a hundredth less. */
static uint64_t least_bytes(struct bt_arena *a, const struct bt_plan_in *in)
{
    const struct bt_strs *phases = &in->spec->phases;
    uint64_t most = 0;
    for (size_t i = 0; i < BT_MAX(phases->n, (size_t)1); i++) {
        struct pl_problem *p;
        struct bt_err ignored = { 0 };
        if (pl_problem_build(a, in, phases->n ? phases->v[i] : "all", &p, &ignored) < 0)
            return 0;
        uint64_t sum = pl_least_new(p, a)->sum;
        most = BT_MAX(most, sum - sum / 100);
    }
    return most;
}

/* A machine whose one card has the host's memory gets no second card: more such machines, as few as are enough. 0: four are not. */
static size_t machines(struct growing *x, const struct bt_gpu_kind *kind)
{
    for (size_t n = 2; n <= MOST_MACHINES; n++) {
        bt_auto_arena a = { 0 };
        struct bt_plan_in with = *x->in;
        struct bt_fleet_opts o = { .margin_bytes = x->in->spec->margin_bytes, .boxes = true };
        struct bt_fleet f;
        struct bt_plan *p;
        struct bt_err ignored = { 0 };
        with.brief = true;
        with.needs = NULL;
        with.fleet = &f;
        if (bt_fleet_open(&a, bt_arena_printf(&a, "%zux1x%s", n, kind->short_name), &o, &f, &ignored) == 0 && bt_plan_make(&a, &with, &p, &ignored) == 0 &&
            !p->nrefusals)
            return n;
    }
    return 0;
}

bool pl_more_cards(struct bt_arena *a, const struct bt_plan_in *in, const struct bt_plan_in *alone, struct bt_plan_advice *out, const char **note)
{
    const struct bt_gpu_kind *kind[BT_MAX_GPUS];
    struct growing x = { .in = in, .alone = alone, .a = a, .least = least_bytes(a, in) };
    size_t fewest = SIZE_MAX;
    bool all_named = true;
    size_t n = by_bytes(in->fleet, kind, &all_named);
    const struct bt_gpu_kind *only = in->fleet->n == 1 ? in->fleet->gpus[0].kind : NULL;
    size_t boxes = only && bt_gpu_kind_unified(only) ? machines(&x, only) : 0;
    if (boxes) {
        *out = (struct bt_plan_advice){ .path = "gpus", .value = bt_arena_printf(a, "%zux1x%s", boxes, only->short_name),
                                        .text = bt_arena_printf(a, "on %zu machines of one %s all of it fits", boxes, only->nvml_name) };
        return true;
    }
    for (size_t i = 0; i < n && !x.over; i++) {
        size_t more = smallest(&x, kind[i], fewest);
        if (!more)
            continue;
        fewest = more;
        *out = (struct bt_plan_advice){ .path = "gpus", .value = named(a, in->fleet, kind[i], kind[i], more) };
        out->text = bt_arena_printf(a, "with %zu more %s all of it fits", more, kind[i]->nvml_name);
        if (n == 1 && all_named && !strchr(out->value, '+'))
            out->text = bt_arena_printf(a, "it fits on %zu x %s", in->fleet->n + more, kind[i]->nvml_name);
    }
    *note = x.over                                ? "with so many workloads not every larger fleet was tried"
            : fewest == SIZE_MAX && x.needed ? bt_arena_printf(a, "all of it takes at least %zu more %s, by its bytes alone", x.needed, x.of->nvml_name)
                                             : NULL;
    return fewest != SIZE_MAX;
}

bool pl_only_fleets(const struct bt_plan *p, bool *without)
{
    *without = false;
    for (size_t i = 0; i < p->nadvice; i++) {
        bool out = bt_str_ends(bt_str(p->advice[i].path), ".optional");
        if (!out && strcmp(p->advice[i].path, "gpus"))
            return false;
        *without = *without || out;
    }
    return true;
}

/* ---- larger ones ---- */

static size_t alike(const char *a, const char *b)
{
    size_t n = 0;
    while (a[n] && a[n] == b[n])
        n++;
    return n;
}

/* Nearer to k: whose name begins as k's for longer (the 80 GB of an A100-SXM4-40GB), then the smaller. */
static bool is_nearer(const struct bt_gpu_kind *k, const struct bt_gpu_kind *x, const struct bt_gpu_kind *y)
{
    size_t ax = alike(k->short_name, x->short_name), ay = alike(k->short_name, y->short_name);
    return ax != ay ? ax > ay : bt_gpu_kind_total(x) < bt_gpu_kind_total(y);
}

static bool is_like(const struct bt_gpu_kind *x, const struct bt_gpu_kind *y)
{
    uint64_t a = bt_gpu_kind_total(x), b = bt_gpu_kind_total(y);
    return BT_MAX(a, b) - BT_MIN(a, b) <= BT_MIN(a, b) / 20;
}

/* The nearest of those that are not out[] already, nor as large as one of them. */
static const struct bt_gpu_kind *next_larger(const struct bt_gpu_kind *k, const struct bt_gpu_kind *const *out, size_t n)
{
    const struct bt_gpu_kind *all, *best = NULL;
    size_t total = bt_gpu_kinds(&all);
    for (size_t i = 0; i < total; i++) {
        bool larger = bt_gpu_kind_total(&all[i]) > bt_gpu_kind_total(k) && !is_like(k, &all[i]) && !bt_gpu_kind_unified(&all[i]);
        for (size_t j = 0; larger && j < n; j++)
            larger = !is_like(out[j], &all[i]);
        if (larger && !strcmp(all[i].vendor, k->vendor) && all[i].cc_major >= k->cc_major && (!best || is_nearer(k, &all[i], best)))
            best = &all[i];
    }
    return best;
}

size_t pl_larger_kinds(const struct bt_gpu_kind *k, const struct bt_gpu_kind **out, size_t most)
{
    size_t n = 0;
    while (k && n < most && (out[n] = next_larger(k, out, n)))
        n++;
    return n;
}

bool pl_larger_cards(struct bt_arena *a, const struct bt_plan_in *in, struct bt_plan_advice *out, const char **note)
{
    const struct bt_gpu_kind *kind[BT_MAX_GPUS], *next[MOST_LARGER];
    struct growing x = { .in = in, .a = a, .least = least_bytes(a, in) };
    uint64_t smallest_yet = UINT64_MAX;
    bool all_named = true;
    const struct bt_fleet whole = without_mig(a, in->fleet);
    const size_t n = by_bytes(&whole, kind, &all_named);
    if (n && has_mig(in->fleet) && fits_on(&x, named(a, &whole, kind[0], kind[0], 0))) {
        *out = (struct bt_plan_advice){ .path = "gpus", .value = named(a, &whole, kind[0], kind[0], 0), .larger_cards = true };
        out->text = bt_arena_printf(a, "without MIG, on %s, it fits", whole.n == 1 ? "the whole card" : "whole cards");
        return true;
    }
    for (size_t i = 0; i < n && !x.over; i++)
        for (size_t j = 0, m = pl_larger_kinds(kind[i], next, MOST_LARGER); j < m; j++) {
            const char *fleet = named(a, &whole, kind[i], next[j], 0);
            uint64_t has = capacity(&x, fleet);
            if (has < x.least || has >= smallest_yet || !fits_on(&x, fleet))
                continue;
            smallest_yet = has;
            *out = (struct bt_plan_advice){ .path = "gpus", .value = fleet, .larger_cards = true };
            out->text = n == 1 ? bt_arena_printf(a, "it fits on %zu x %s", whole.n, next[j]->nvml_name)
                               : bt_arena_printf(a, "with %s in place of %s all of it fits", next[j]->nvml_name, kind[i]->nvml_name);
            break;
        }
    *note = x.over ? "with so many workloads not every larger fleet was tried" : NULL;
    return smallest_yet != UINT64_MAX;
}

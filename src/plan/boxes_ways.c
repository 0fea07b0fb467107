/* boxes_ways - ways out for a spec that several machines do not hold: one key of one workload, leaving one out, more machines, larger cards. Each was
 * planned on all machines before it is named. */
#include "plan/boxes.h"
#include "plan/knobs.h"

#define MOST_TRIES 80u
#define MOST_PAIRS 300000u           /* of workload and card, in all that is tried: a try deals and plans all of them. Half is kept for other fleets */
#define MOST_ADVICE 6u
#define MOST_LARGER 6u               /* kinds of card that are tried */

struct ways { struct bt_arena *a; const struct bt_plan_in *in; struct bt_plan *plan; unsigned tries, most_tries; size_t pairs, most_pairs; bool over; };

/* 1 it fits, 0 it does not or nobody found how, -1 error. What is worked out for it is nobody else's. */
static int these_fit(struct ways *x, const struct bt_spec *spec, const struct bt_fleet *fleet, struct bt_err *err)
{
    bt_auto_arena mine = { 0 };
    struct bt_plan_in in = *x->in;
    struct bt_plan *p;
    struct bt_err why = { 0 };
    size_t pairs = fleet->n * spec->n;
    x->over = x->over || x->tries >= x->most_tries || x->pairs + pairs > x->most_pairs;
    if (x->over)
        return 0;
    x->tries++;
    x->pairs += pairs;
    in.spec = spec;
    in.fleet = fleet;
    in.needs = NULL;
    in.brief = in.any = true;
    if (bt_plan_make(&mine, &in, &p, &why) == 0)
        return p->nrefusals == 0;
    if (why.code == BT_E_TOO_BIG || why.code == BT_E_SPEC)           /* BT_E_SPEC: a pool names a card that such a fleet has not */
        return 0;
    *err = why;
    return -1;
}

static int fits_with(struct ways *x, const struct pl_change *c, struct bt_err *err)
{
    bt_auto_arena mine = { 0 };
    struct bt_spec spec = *x->in->spec;
    spec.w = BT_NEWN(&mine, struct bt_workload, spec.n + 1);
    memcpy(spec.w, x->in->spec->w, spec.n * sizeof *spec.w);
    pl_turn(&mine, x->in, &spec.w[c->index], c);
    return these_fit(x, &spec, x->in->fleet, err);
}

/* The largest number below what is asked for. */
static int raise(struct ways *x, struct pl_change *c, struct bt_err *err)
{
    uint64_t step = pl_knob_step(c->knob), lo = c->value, hi = pl_knob_asked(x->in, c->index, c->knob);
    while (hi - lo > step) {
        c->value = lo + BT_MAX((hi - lo) / 2 / step, 1u) * step;
        int ok = c->value < hi ? fits_with(x, c, err) : 0;
        if (ok < 0)
            return -1;
        if (c->value >= hi)
            break;
        *(ok ? &lo : &hi) = c->value;
    }
    c->value = lo;
    return 0;
}

static int try_knob(struct ways *x, size_t index, enum pl_knob knob, struct bt_err *err)
{
    struct pl_change c = { .index = index, .knob = knob, .value = pl_knob_least(x->in, index, knob) };
    struct bt_plan_change *list = NULL;
    size_t n = 0;
    if (x->over || x->plan->nadvice >= MOST_ADVICE || !pl_can_turn(x->in, index, knob))
        return 0;
    int ok = fits_with(x, &c, err);
    if (ok <= 0 || (pl_knob_counts(&x->in->spec->w[index], knob) && raise(x, &c, err) < 0))
        return ok < 0 ? -1 : 0;
    pl_say_change(x->a, x->in, &c, &list, &n);
    BT_PUSH(x->a, x->plan->advice, x->plan->nadvice, pl_advice_of(pl_change_text(x->a, x->in, &c, list), list, n));
    return 0;
}

static bool is_refused(const struct bt_plan *p, const char *name, const char *code)
{
    bool so = false;
    for (size_t i = 0; i < p->nrefusals; i++)
        so = so || (p->refusal[i].workload && !strcmp(p->refusal[i].workload, name) && !strcmp(p->refusal[i].code, code));
    return so;
}

/* What a rule forbids wherever it stands: contexts past their models, methods that the weights are not stored by. Of several none alone is a way out. */
static int try_rules(struct ways *x, struct bt_err *err)
{
    static const enum pl_knob knobs[] = { PL_MADE_FOR, PL_STORED, PL_BITS };
    bt_auto_arena mine = { 0 };
    struct bt_spec spec = *x->in->spec;
    struct bt_plan_change *list = NULL;
    size_t n = 0, changes = 0;
    bool fewer_bits = false;
    spec.w = BT_NEWN(&mine, struct bt_workload, spec.n + 1);
    memcpy(spec.w, x->in->spec->w, spec.n * sizeof *spec.w);
    for (size_t i = 0; i < spec.n; i++)
        for (size_t k = 0; k < BT_LEN(knobs); k++) {
            const struct pl_change c = { .index = i, .knob = knobs[k] };
            bool bits = c.knob == PL_BITS;
            if (!pl_can_turn(x->in, i, c.knob) || (bits && !is_refused(x->plan, spec.w[i].name, "not-quantised")))
                continue;
            pl_turn(&mine, x->in, &spec.w[i], &c);
            pl_say_change(x->a, x->in, &c, &list, &n);
            fewer_bits = fewer_bits || bits;
            changes++;
        }
    int ok = changes > 1 ? these_fit(x, &spec, x->in->fleet, err) : 0;
    if (ok > 0)
        BT_PUSH(x->a, x->plan->advice, x->plan->nadvice, pl_advice_of(pl_together_text(x->a, changes, fewer_bits), list, n));
    return ok < 0 ? -1 : 0;
}

/* ---- other fleets ---- */

/* "3x4xA100-SXM4-40GB+1x8xL4": its machines, `more` of the last sort, cards of kind `was` as `now`. NULL where a card is not of the catalog, or a machine
 * has cards of two kinds: no name says that. */
static const char *named(const struct ways *x, size_t more, const struct bt_gpu_kind *was, const struct bt_gpu_kind *now)
{
    const struct bt_fleet *f = x->in->fleet;
    bt_auto_buf struct bt_buf b = BT_BUF(8192);
    for (size_t i = 0, run; i < f->nboxes; i += run) {
        const struct bt_gpu_kind *k = f->gpus[f->box[i].first].kind;
        for (size_t g = 0; g < f->box[i].n; g++)
            if (!k || f->gpus[f->box[i].first + g].kind != k || f->gpus[f->box[i].first + g].mig_of)
                return NULL;
        for (run = 1; i + run < f->nboxes && f->box[i + run].n == f->box[i].n && f->gpus[f->box[i + run].first].kind == k; run++) {
        }
        bt_buf_printf(&b, "%s%zux%zux%s", i ? "+" : "", run + (i + run == f->nboxes ? more : 0), f->box[i].n, (k == was ? now : k)->short_name);
    }
    return b.n < 4096 ? bt_arena_strdup(x->a, bt_buf_z(&b)) : NULL;
}

static int fits_on(struct ways *x, const char *fleet, struct bt_err *err)
{
    bt_auto_arena mine = { 0 };
    struct bt_fleet f;
    struct bt_fleet_opts o = { .margin_bytes = x->in->spec->margin_bytes, .boxes = true };
    struct bt_err ignored = { 0 };
    return fleet && bt_fleet_open(&mine, fleet, &o, &f, &ignored) == 0 ? these_fit(x, x->in->spec, &f, err) : 0;
}

static void say_fleet(struct ways *x, const char *fleet, const char *text)
{
    struct bt_plan_advice row = { .text = text, .path = "gpus", .value = fleet };
    BT_PUSH(x->a, x->plan->advice, x->plan->nadvice, row);
}

/* The fewest more machines like the last one; four times as many in all is not "near" any more. */
static int try_more(struct ways *x, struct bt_err *err)
{
    const size_t most = 3 * x->in->fleet->nboxes;
    size_t no = 0, yes = 1;
    int ok = named(x, 1, NULL, NULL) ? 0 : -2;       /* -2: it cannot be said */
    while (!ok && !x->over && (ok = fits_on(x, named(x, yes, NULL, NULL), err)) == 0 && yes < most) {
        no = yes;
        yes = BT_MIN(yes * 2, most);
    }
    if (ok <= 0)
        return ok == -1 ? -1 : 0;
    while (yes - no > 1) {
        size_t mid = no + (yes - no) / 2;
        if ((ok = fits_on(x, named(x, mid, NULL, NULL), err)) < 0)
            return -1;
        *(ok ? &yes : &no) = mid;
    }
    const char *fleet = named(x, yes, NULL, NULL), *last = strchr(fleet, '+') ? " like the last" : "";
    say_fleet(x, fleet, bt_arena_printf(x->a, "with %zu more machine%s%s all of it fits", yes, yes == 1 ? "" : "s", last));
    return 0;
}

/* As many machines, with larger cards in place of those of the first kind. */
static int try_larger(struct ways *x, struct bt_err *err)
{
    const struct bt_gpu_kind *k = x->in->fleet->gpus[0].kind, *next[MOST_LARGER];
    size_t n = pl_larger_kinds(k, next, MOST_LARGER);
    for (size_t i = 0; i < n && !x->over; i++) {
        const char *fleet = named(x, 0, k, next[i]);
        int ok = fits_on(x, fleet, err);
        if (ok < 0)
            return -1;
        if (!ok)
            continue;
        say_fleet(x, fleet, bt_arena_printf(x->a, "on as many %s all of it fits", next[i]->nvml_name));
        return 0;
    }
    return 0;
}

/* What is not a matter of room: no such model. */
static bool is_no_matter_of_room(const struct bt_plan *p)
{
    bool other = false;
    for (size_t i = 0; i < p->nrefusals; i++)
        other = other || !strncmp(p->refusal[i].code, "model-", 6);
    return other;
}

int bx_ways_out(struct bt_arena *a, const struct bt_plan_in *in, struct bt_plan *plan, struct bt_err *err)
{
    struct ways x = { .a = a, .in = in, .plan = plan, .most_tries = MOST_TRIES / 2, .most_pairs = MOST_PAIRS / 2 };
    if (is_no_matter_of_room(plan))
        return 0;
    if (try_rules(&x, err) < 0)
        return -1;
    for (enum pl_knob k = PL_MADE_FOR; k < PL_OPTIONAL; k++)
        for (size_t i = in->spec->n; i-- > 0;)       /* the least important first */
            if (try_knob(&x, i, k, err) < 0)
                return -1;
    for (size_t i = in->spec->n; i-- > 0 && in->spec->n > 1 && !plan->nadvice;)
        if (try_knob(&x, i, PL_OPTIONAL, err) < 0)
            return -1;
    bool over = x.over;
    x.over = false;
    x.most_tries = MOST_TRIES;
    x.most_pairs = MOST_PAIRS;
    if (try_more(&x, err) < 0 || try_larger(&x, err) < 0)
        return -1;
    const char *note = "with so many workloads and cards not every change was tried for a way out";
    if (x.over || over)
        BT_PUSH(a, plan->warning, plan->nwarnings, note);
    return 0;
}

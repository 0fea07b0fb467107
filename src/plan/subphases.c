/* subphases - a spec with phases of its own, one of which does not fit: that phase is cut as a spec without phases would be (propose.c), the others stay as
 * they are written. What the whole then keeps in place, parks and starts is found by planning it anew.
 *
 * Of two ways round, where nobody waits for an end, the one whose moves take fewer seconds: who is in the phase before or behind too may so run on. */
#include <stdio.h>

#include "plan/phases.h"

#define NAME_MOST 38                 /* of a phase's own name: "-1" behind it, within what a spec takes */

/* One phase of the spec; what it was cut into. */
struct piece { const char *name; const struct bt_plan *cut; const char **sub; bool turned; };

struct further {
    struct bt_arena *a; const struct bt_plan_in *in; struct bt_err *err;
    struct piece *piece; size_t n;
    const char **why;
};

/* The phase as a spec of its own, without phases. Whose context follows somebody who is not there follows nobody. */
static struct bt_plan_in *alone(const struct further *f, const char *phase)
{
    bool *keep = BT_NEWN(f->a, bool, f->in->spec->n + 1);
    for (size_t i = 0; i < f->in->spec->n; i++)
        keep[i] = pl_in_phase(&f->in->spec->w[i], phase);
    struct bt_plan_in *in = pl_only(f->a, f->in, NULL, keep);
    struct bt_spec *spec = BT_NEW(f->a, struct bt_spec);
    *spec = *in->spec;
    spec->phases = (struct bt_strs){ 0 };
    for (size_t i = 0; i < spec->n; i++) {
        spec->w[i].phases = (struct bt_strs){ 0 };
        if (spec->w[i].context.same_as && !bt_spec_find(spec, spec->w[i].context.same_as))
            spec->w[i].context.same_as = NULL;
    }
    in->spec = spec;
    in->needs = NULL;
    in->brief = true;
    return in;
}

/* 1 it fits by itself, 0 not (or not found), -1 error. */
static int fits(struct further *f, const struct bt_plan_in *in)
{
    struct bt_plan *p;
    struct bt_err why = { 0 };
    if (bt_plan_make(f->a, in, &p, &why) == 0)
        return p->nrefusals == 0;
    if (why.code == BT_E_TOO_BIG)
        return 0;
    *f->err = why;
    return -1;
}

static bool is_taken(const struct further *f, const char *name)
{
    for (size_t i = 0; i < f->in->spec->phases.n; i++)
        if (!strcmp(f->in->spec->phases.v[i], name))
            return true;
    return false;
}

/* "extract-1", "extract-2"; a number that the spec has is left out. */
static const char **names_of(const struct further *f, const char *phase, size_t n)
{
    const char **out = BT_NEWN(f->a, const char *, n + 1);
    for (size_t i = 0, number = 1; i < n; number++) {
        const char *name = bt_arena_printf(f->a, "%.*s-%zu", NAME_MOST, phase, number);
        if (!is_taken(f, name))
            out[i++] = name;
    }
    return out;
}

/* 1 done, 0 *f->why, -1 error. */
static int cut_piece(struct further *f, struct piece *x)
{
    struct bt_plan_in *in = alone(f, x->name);
    struct bt_plan *cut;
    const char *why;
    int ok = fits(f, in);
    if (ok)
        return ok;
    if (bt_plan_propose(f->a, in, &cut, &why, f->err) < 0)
        return -1;
    if (!cut) {
        *f->why = bt_arena_printf(f->a, "phase %s does not fit, and %s", x->name, why);
        return 0;
    }
    x->cut = cut;
    x->sub = names_of(f, x->name, cut->nphases);
    return 1;
}

/* Number k of what the piece was cut into is phase `from` of its own plan. */
static size_t from(const struct piece *x, size_t k) { return x->turned ? x->cut->nphases - 1 - k : k; }

static bool in_sub(const struct piece *x, size_t k, const char *workload)
{
    const struct bt_workload *w = bt_spec_find(x->cut->spec, workload);
    return w && pl_in_phase(w, x->cut->spec->phases.v[from(x, k)]);
}

static struct bt_spec *put_together(const struct further *f)
{
    struct bt_spec *spec = BT_NEW(f->a, struct bt_spec);
    *spec = *f->in->spec;
    spec->w = BT_NEWN(f->a, struct bt_workload, spec->n + 1);
    memcpy(spec->w, f->in->spec->w, spec->n * sizeof *spec->w);
    spec->phases = (struct bt_strs){ 0 };
    for (size_t i = 0; i < spec->n; i++)
        spec->w[i].phases = (struct bt_strs){ 0 };
    for (size_t p = 0; p < f->n; p++) {
        const struct piece *x = &f->piece[p];
        for (size_t k = 0; k < (x->cut ? x->cut->nphases : 1); k++) {
            const char *name = x->cut ? x->sub[k] : x->name;
            BT_PUSH(f->a, spec->phases.v, spec->phases.n, name);
            for (size_t i = 0; i < spec->n; i++)
                if (pl_in_phase(&f->in->spec->w[i], x->name) && (!x->cut || in_sub(x, k, spec->w[i].name)))
                    BT_PUSH(f->a, spec->w[i].phases.v, spec->w[i].phases.n, name);
        }
    }
    return spec;
}

/* The first phase that has the workload. */
static size_t begins(const struct bt_spec *s, const struct bt_workload *w)
{
    size_t i = 0;
    while (i < s->phases.n && !pl_in_phase(w, s->phases.v[i]))
        i++;
    return i;
}

/* Nobody waits for the end of somebody who begins later. */
static bool waits_well(const struct bt_spec *s)
{
    for (size_t i = 0; i < s->n; i++)
        for (size_t d = 0; d < s->w[i].nafter; d++) {
            const struct bt_workload *o = bt_spec_find(s, s->w[i].after[d].name);
            bool ends = s->w[i].after[d].what == BT_AFTER_DONE || s->w[i].after[d].what == BT_AFTER_RELEASED;
            if (o && ends && begins(s, &s->w[i]) < begins(s, o))
                return false;
        }
    return true;
}

/* *out NULL: it does not fit, or no plan of it was found. */
static int plan_whole(const struct further *f, const struct bt_spec *spec, bool brief, struct bt_plan **out)
{
    struct bt_plan_in in = *f->in;
    struct bt_err why = { 0 };
    in.spec = spec;
    in.copies = NULL;
    in.brief = brief;
    *out = NULL;
    if (bt_plan_make(f->a, &in, out, &why) == 0) {
        *out = (*out)->nrefusals ? NULL : *out;
        return 0;
    }
    *out = NULL;
    if (why.code == BT_E_TOO_BIG)
        return 0;
    *f->err = why;
    return -1;
}

static double seconds_of(const struct bt_plan *p)
{
    double sum = 0;
    for (size_t i = 0; i < p->nmoves; i++)
        sum += p->move[i].seconds;
    return sum;
}

/* The best of both ways round, piece after piece: its spec. */
static int turn_round(struct further *f, const struct bt_spec **spec, struct bt_plan **best)
{
    for (size_t i = 0; i < f->n; i++) {
        struct bt_plan *p;
        if (!f->piece[i].cut)
            continue;
        f->piece[i].turned = true;
        const struct bt_spec *turned = put_together(f);
        f->piece[i].turned = false;
        if (!waits_well(turned))
            continue;
        if (plan_whole(f, turned, true, &p) < 0)
            return -1;
        if (!p || (*best && seconds_of(p) >= seconds_of(*best)))
            continue;
        f->piece[i].turned = true;
        *spec = turned;
        *best = p;
    }
    return 0;
}

static void say(const struct further *f, struct bt_plan *p)
{
    for (size_t i = 0; i < f->n; i++) {
        const struct piece *x = &f->piece[i];
        bt_auto_buf struct bt_buf b = BT_BUF(16 * KiB);
        if (!x->cut)
            continue;
        for (size_t k = 0; k < x->cut->nphases; k++)
            bt_buf_printf(&b, "%s%s", k ? ", " : "", x->sub[k]);
        const char *text = bt_arena_printf(f->a, "phase %s does not fit at once: it is cut into %s", x->name, bt_buf_z(&b));
        BT_PUSH(f->a, p->warning, p->nwarnings, text);
        for (size_t k = 0; k < x->cut->nwarnings; k++)
            if (strstr(x->cut->warning[k], PL_WAYS_TO_CUT))
                BT_PUSH(f->a, p->warning, p->nwarnings, bt_arena_printf(f->a, "phase %s: %s", x->name, x->cut->warning[k]));
    }
}

int pl_propose_further(struct bt_arena *a, const struct bt_plan_in *in, struct bt_plan **out, const char **why, struct bt_err *err)
{
    struct further f = { .a = a, .in = in, .err = err, .n = in->spec->phases.n, .why = why };
    size_t cuts = 0;
    f.piece = BT_NEWN(a, struct piece, f.n + 1);
    *out = NULL;
    for (size_t i = 0; i < f.n; i++) {
        f.piece[i].name = in->spec->phases.v[i];
        int ok = cut_piece(&f, &f.piece[i]);
        if (ok <= 0)
            return ok;
        cuts += f.piece[i].cut != NULL;
    }
    if (!cuts) {
        *why = "each of its phases fits by itself: what does not fit is what they keep for each other";
        return 0;
    }
    const struct bt_spec *spec = put_together(&f);
    if (plan_whole(&f, spec, true, out) < 0 || turn_round(&f, &spec, out) < 0)
        return -1;
    if (!*out)
        *why = "its phases, cut so that each fits by itself, do not fit one after the other";
    else if (!in->brief && plan_whole(&f, spec, false, out) < 0)
        return -1;
    if (*out)
        say(&f, *out);
    return 0;
}

/* boxes_solve - each box with the copies that were dealt to it as a spec and a fleet of its own, planned by bt_plan_make. A box that does not hold them is
 * tried again as they were dealt, shape by shape; then it gives copies away. Copies of one server in several boxes have one context: the shortest that any
 * box gives it, and boxes that gave more are planned again with that as their wish. */
#include <stdlib.h>
#include <string.h>

#include "plan/boxes.h"

#define EVEN_ROUNDS 4                /* to make contexts equal; after that the longer ones are cut, and their KV holds more requests */

struct solve {
    struct bx *b;
    struct bx_solved *out;
    bool *dirty, *closed, *as_dealt; /* [boxes] to be planned (again); takes no more; with the shapes of the deal */
    uint64_t *cap;                   /* [spec->n] by root: no context is longer; 0 = no cap yet */
    size_t **in, *nin;               /* [boxes] copies, as indices into b->copy */
    size_t *boxes_of;                /* [ngroups] */
    uint64_t nodes;                  /* of a box's search */
    uint64_t *sign;                  /* [boxes] what it was planned from, as a hash; 0 = not to be taken for another */
};

/* ---- who is in a box ---- */

static uint32_t copies_of(const struct bt_workload *w) { return w->copies.set ? (uint32_t)w->copies.want : 1; }

static void list_copies(struct solve *s)
{
    struct bx *b = s->b;
    size_t *last = BT_NEWN(b->a, size_t, b->ngroups + 1);
    memset(s->boxes_of, 0, b->ngroups * sizeof *s->boxes_of);
    memset(s->nin, 0, b->fleet->nboxes * sizeof *s->nin);
    memset(s->in, 0, b->fleet->nboxes * sizeof *s->in);
    for (size_t i = 0; i < b->ncopies; i++) {
        struct bx_copy *c = &b->copy[i];
        s->boxes_of[c->group] += last[c->group] != c->box + 1;       /* twice for one that comes again: more than one all the same */
        last[c->group] = c->box + 1;
        BT_PUSH(b->a, s->in[c->box], s->nin[c->box], i);
    }
}

struct member { size_t w; uint32_t replica; const struct bx_copy *copy; };

static int by_member(const void *x, const void *y)
{
    const struct member *a = x, *b = y;
    if (a->w != b->w)
        return a->w < b->w ? -1 : 1;
    return (a->replica > b->replica) - (a->replica < b->replica);
}

/* ---- a box as a spec ---- */

static const struct bx_option *own_option(const struct bx *b, size_t w, const struct bx_copy *c)
{
    return bx_with_cards(&b->menu[b->class_of[c->box]][w], c->ncards);
}

/* Those of its class where they are the same: what was worked out for them holds. */
static struct bt_gpu *cards_of(const struct bx *b, size_t box)
{
    const struct bt_box *x = &b->fleet->box[box];
    const struct bt_fleet *c = &b->cls[b->class_of[box]].fleet;
    for (size_t i = 0; i < x->n; i++)
        if (bt_gpu_capacity(&c->gpus[i]) != bt_gpu_capacity(&b->fleet->gpus[x->first + i]))
            return &b->fleet->gpus[x->first];
    return c->gpus;
}

static void narrow_pool(const struct bx *b, size_t w, size_t box, struct bt_workload *out)
{
    const struct bx_group *g = &b->group[b->group_of[w]];
    const struct bt_box *x = &b->fleet->box[box];
    out->pool = (struct bt_strs){ 0 };
    for (size_t i = 0; i < g->npool && b->in->spec->w[w].pool.n; i++)
        if (g->pool[i] >= x->first && g->pool[i] < x->first + x->n)
            BT_PUSH(b->a, out->pool.v, out->pool.n, cards_of(b, box)[g->pool[i] - x->first].uuid);
}

static struct bt_workload as_there(const struct solve *s, const struct member *m, size_t box, uint32_t copies)
{
    const struct bx *b = s->b;
    struct bt_workload w = b->in->spec->w[m->w];
    size_t root = b->ctx_root[m->w];
    w.copies = pl_exactly(copies);
    narrow_pool(b, m->w, box, &w);
    if (w.kind == BT_SERVER && b->in->models[m->w].model) {
        w.context.set = true;
        w.context.same_as = b->ctx_root[m->w] == m->w ? NULL : w.context.same_as;
        w.context.want = s->cap[root] ? BT_MIN(s->cap[root], b->ctx_want[m->w]) : b->ctx_want[m->w];
        w.context.min = b->ctx_min[m->w];
    }
    const struct bx_option *o = m->copy->ncards ? own_option(b, m->w, m->copy) : NULL;
    if (!o || (s->boxes_of[b->group_of[m->w]] < 2 && !s->as_dealt[box]))
        return w;
    if (w.kind == BT_SERVER) {
        w.tp = pl_exactly(o->tp);
        w.pp = pl_exactly(o->pp);
    } else {
        w.gpus = pl_exactly(o->cards);
    }
    return w;
}

/* Copies that were dealt for some phases only: the most and the least of a phase that has any. Returns the most. */
static uint32_t in_part(const struct bx *b, const struct member *m, size_t n, struct bt_workload *w)
{
    uint32_t most = 0, least = UINT32_MAX;
    struct bt_strs has = { 0 };
    bool all = true;
    for (size_t ph = 0; ph < b->nphases; ph++) {
        uint32_t here = 0;
        if (!pl_in_phase(w, b->phase[ph]))
            continue;
        for (size_t i = 0; i < n; i++)
            here += m[i].copy->phases >> ph & 1;
        all = all && here;
        if (!here)
            continue;
        BT_PUSH(b->a, has.v, has.n, b->phase[ph]);
        most = BT_MAX(most, here);
        least = BT_MIN(least, here);
    }
    if (!all && has.n)
        w->phases = has;
    if (has.n)
        w->copies = (struct bt_range){ .set = true, .want = most, .min = least, .max = most };
    return has.n ? most : (uint32_t)n;
}

/* Who is not in the box is nobody's context there. */
static void drop_absent(struct bt_spec *spec)
{
    for (size_t i = 0; i < spec->n; i++)
        if (spec->w[i].context.same_as && !bt_spec_find(spec, spec->w[i].context.same_as))
            spec->w[i].context.same_as = NULL;
}

static const struct bt_fleet *fleet_of(const struct bx *b, size_t box)
{
    const struct bt_box *x = &b->fleet->box[box];
    const struct bx_class *c = &b->cls[b->class_of[box]];
    struct bt_fleet *f = BT_NEW(b->a, struct bt_fleet);
    *f = c->fleet;
    f->ram_bytes = x->ram_bytes;
    f->gpus = cards_of(b, box);
    return f;
}

struct built { struct bt_plan_in *in; struct bx_solved solved; };

/* The copy where it was dealt, as the member's own shape on so many cards. */
static struct pl_dealt dealt_as(const struct bx *b, size_t at, const struct member *m)
{
    const struct bx_option *o = own_option(b, m->w, m->copy);
    struct pl_dealt d = { .w = at, .replica = m->replica, .ncards = m->copy->ncards, .tp = o ? o->tp : 0, .pp = o ? o->pp : 0 };
    size_t *card = BT_NEWN(b->a, size_t, d.ncards + 1);
    for (uint32_t i = 0; i < d.ncards; i++)
        card[i] = m->copy->card[i] - b->fleet->box[m->copy->box].first;
    d.card = card;
    return d;
}

static struct built build(struct solve *s, size_t box)
{
    struct bx *b = s->b;
    struct member *m = NULL;
    size_t n = 0;
    for (size_t i = 0; i < s->nin[box]; i++) {
        const struct bx_copy *c = &b->copy[s->in[box][i]];
        const struct bx_group *g = &b->group[c->group];
        for (size_t k = 0; k < g->nmembers; k++) {
            struct member one = { g->member[k], c->replica, c };
            if (k == 0 || c->replica < copies_of(&b->in->spec->w[one.w]))
                BT_PUSH(b->a, m, n, one);
        }
    }
    if (n)
        qsort(m, n, sizeof *m, by_member);
    struct bt_spec *spec = BT_NEW(b->a, struct bt_spec);
    struct built out = { .in = BT_NEW(b->a, struct bt_plan_in) };
    struct bt_plan_model *models = BT_NEWN(b->a, struct bt_plan_model, n + 1);
    double *weight = BT_NEWN(b->a, double, n + 1), *solo = BT_NEWN(b->a, double, n + 1);
    struct pl_dealt *dealt = BT_NEWN(b->a, struct pl_dealt, n + 1);
    struct pl_within *within = BT_NEW(b->a, struct pl_within);
    *spec = *b->in->spec;
    spec->w = BT_NEWN(b->a, struct bt_workload, n + 1);
    spec->n = 0;
    out.solved.of = BT_NEWN(b->a, size_t, n + 1);
    out.solved.replica = BT_NEWN(b->a, uint32_t *, n + 1);
    for (size_t i = 0, end; i < n; i = end) {
        size_t at = spec->n++;
        for (end = i; end < n && m[end].w == m[i].w; )
            end++;
        out.solved.of[at] = m[i].w;
        out.solved.replica[at] = BT_NEWN(b->a, uint32_t, end - i);
        for (size_t k = i; k < end; k++)
            out.solved.replica[at][k - i] = m[k].replica;
        for (size_t k = i; k < end && m[k].copy->ncards; k++)        /* a start for every phase: without those who are not in all of them */
            if (m[k].copy->phases == b->group[b->group_of[m[k].w]].phases)
                dealt[within->ndealt++] = dealt_as(b, at, &m[k]);
        spec->w[at] = as_there(s, &m[i], box, (uint32_t)(end - i));
        models[at] = b->in->models[m[i].w];
        weight[at] = (double)in_part(b, &m[i], end - i, &spec->w[at]) / copies_of(&b->in->spec->w[m[i].w]);
        solo[at] = b->solo_best[m[i].w];
    }
    drop_absent(spec);
    within->weight = weight;
    within->solo_best = solo;
    within->nodes = s->nodes;
    within->climbing = BT_MAX(BT_MIN(BX_CLIMB_NODES / b->fleet->nboxes, (size_t)BX_CLIMB_MOST), (size_t)BX_CLIMB_LEAST);
    within->dealt = dealt;
    *out.in = *b->in;
    out.in->spec = spec;
    out.in->fleet = fleet_of(b, box);
    out.in->models = models;
    out.in->within = within;
    out.in->copies = NULL;
    out.in->brief = true;
    return out;
}

/* ---- boxes that are the same ---- */

static uint64_t mix(uint64_t h, uint64_t v) { return (h ^ v) * UINT64_C(1099511628211) + 1; }

/* Whose cards are exactly those of its class, and where nobody names cards. */
static uint64_t sign(const struct solve *s, size_t box, const struct built *x)
{
    const struct bx *b = s->b;
    uint64_t h = mix(UINT64_C(14695981039346656037), b->class_of[box]);
    for (size_t i = 0; i < x->in->fleet->n; i++)
        h = mix(h, bt_gpu_capacity(&x->in->fleet->gpus[i]));
    h = mix(h, x->in->fleet->ram_bytes);
    for (size_t i = 0; i < x->in->spec->n; i++) {
        if (x->in->spec->w[i].pool.n)
            return 0;
        h = mix(mix(mix(h, x->solved.of[i]), x->in->spec->w[i].copies.want), x->in->spec->w[i].context.want);
        h = mix(mix(h, x->in->spec->w[i].copies.min), x->in->spec->w[i].phases.n);
    }
    return mix(h, s->as_dealt[box]) | 1;
}

static bool same_phases(const struct bt_strs *x, const struct bt_strs *y)
{
    bool same = x->n == y->n;
    for (size_t i = 0; i < x->n && same; i++)
        same = !strcmp(x->v[i], y->v[i]);
    return same;
}

static bool same_box(const struct solve *s, size_t one, size_t other, const struct built *x)
{
    const struct bx *b = s->b;
    const struct bt_plan *p = s->out[one].plan;
    if (!p || b->class_of[one] != b->class_of[other] || p->spec->n != x->in->spec->n || s->as_dealt[one] != s->as_dealt[other])
        return false;
    for (size_t i = 0; i < x->in->spec->n; i++)
        if (s->out[one].of[i] != x->solved.of[i] || p->spec->w[i].copies.want != x->in->spec->w[i].copies.want ||
            p->spec->w[i].copies.min != x->in->spec->w[i].copies.min || !same_phases(&p->spec->w[i].phases, &x->in->spec->w[i].phases) ||
            p->spec->w[i].context.want != x->in->spec->w[i].context.want || x->in->spec->w[i].pool.n)
            return false;
    for (size_t i = 0; i < p->fleet->n; i++)
        if (bt_gpu_capacity(&p->fleet->gpus[i]) != bt_gpu_capacity(&x->in->fleet->gpus[i]))
            return false;
    return p->fleet->ram_bytes == x->in->fleet->ram_bytes;
}

static const struct bt_plan *known_box(const struct solve *s, size_t box, const struct built *x)
{
    for (size_t i = 0; i < s->b->fleet->nboxes && s->sign[box]; i++)
        if (i != box && s->sign[i] == s->sign[box] && !s->dirty[i] && same_box(s, i, box, x))
            return s->out[i].plan;
    return NULL;
}

/* ---- one box ---- */

static bool better(const struct bt_plan *x, const struct bt_plan *y)
{
    for (int g = BT_GOAL_PLACED; g < BT_GOAL_LOWEST; g++)
        if (x->objective[g] != y->objective[g])
            return x->objective[g] > y->objective[g];
    return false;
}

/* 1 planned, 0 not, -1 error. */
static int plan_built(struct solve *s, size_t box, const struct built *x, struct bt_plan **out, struct bt_err *err)
{
    struct bt_err why = { 0 };
    if (bt_plan_make(s->b->a, x->in, out, &why) < 0) {
        if (why.code == BT_E_TOO_BIG)
            return 0;
        *err = why;
        return bt_err_wrap(err, "%s", s->b->fleet->box[box].name);
    }
    s->b->plan->nodes += (*out)->nodes;
    return (*out)->nrefusals == 0;
}

/* Where the search stopped before it had seen all, the shapes of the deal may be better than those that it found: those are soon seen all. */
static int plan_as_dealt(struct solve *s, size_t box, struct bt_plan **best, struct bt_err *err)
{
    struct bt_plan *p;
    s->as_dealt[box] = true;
    struct built x = build(s, box);
    s->as_dealt[box] = false;
    int ok = plan_built(s, box, &x, &p, err);
    if (ok > 0 && better(p, *best))
        *best = p;
    return ok < 0 ? -1 : 1;
}

/* 1 planned, 0 not, -1 error. */
static int plan_box(struct solve *s, size_t box, struct bt_err *err)
{
    struct built x = build(s, box);
    int ok = 1;
    s->out[box] = x.solved;
    s->sign[box] = sign(s, box, &x);
    if (!x.in->spec->n)
        return 1;
    struct bt_plan *p = (struct bt_plan *)known_box(s, box, &x);
    if (!p) {
        ok = plan_built(s, box, &x, &p, err);
        bool dense = x.in->spec->n * x.in->fleet->n > PL_DENSE;     /* begun from the deal already */
        if (ok > 0 && !dense && !s->as_dealt[box] && strcmp(p->proof, "optimal"))
            ok = plan_as_dealt(s, box, &p, err);
    }
    s->out[box].plan = ok > 0 ? p : NULL;
    return ok;
}

/* The copy that goes: the last that was dealt here, but for those without a card. */
static size_t to_give(const struct solve *s, size_t box)
{
    for (size_t i = s->nin[box]; i-- > 0; )
        if (s->b->copy[s->in[box][i]].ncards)
            return s->in[box][i];
    return PL_NONE;
}

static int solve_box(struct solve *s, size_t box, struct bt_err *err)
{
    for (;;) {
        int ok = plan_box(s, box, err);
        if (ok == 0 && !s->as_dealt[box]) {
            s->as_dealt[box] = true;
            s->nodes = BX_PATIENT_NODES;
            ok = plan_box(s, box, err);
            s->nodes = BX_NODES;
        }
        if (ok) {
            s->dirty[box] = false;
            return ok < 0 ? -1 : 0;
        }
        s->closed[box] = true;
        size_t copy = to_give(s, box);
        if (copy == PL_NONE || !bx_redeal(s->b, copy, s->closed)) {
            bt_err_set(err, BT_E_TOO_BIG, 0, "%s holds less than was dealt to it, and no other machine takes %s", s->b->fleet->box[box].name,
                       copy == PL_NONE ? "the rest" : s->b->in->spec->w[s->b->group[s->b->copy[copy].group].member[0]].name);
            return bt_err_hint(err, "a plan may exist all the same: pin some workloads (`gpus`, `tp`, `pool`)");
        }
        s->dirty[s->b->copy[copy].box] = true;
        list_copies(s);
    }
}

static int solve_dirty(struct solve *s, struct bt_err *err)
{
    for (bool again = true; again; ) {               /* a box gives copies away once it is closed, and none is opened again: it ends */
        again = false;
        for (size_t i = 0; i < s->b->fleet->nboxes; i++) {
            if (!s->dirty[i])
                continue;
            again = true;
            if (solve_box(s, i, err) < 0)
                return -1;
        }
    }
    return 0;
}

/* ---- one context ---- */

typedef void each_server(struct solve *s, size_t box, struct bt_plan_instance *in, size_t root, uint64_t *least);

static void find_least(struct solve *s, size_t box, struct bt_plan_instance *in, size_t root, uint64_t *least)
{
    (void)s;
    (void)box;
    least[root] = least[root] ? BT_MIN(least[root], in->context) : in->context;
}

static void cap_longer(struct solve *s, size_t box, struct bt_plan_instance *in, size_t root, uint64_t *least)
{
    if (in->context <= least[root])
        return;
    s->cap[root] = least[root];
    s->dirty[box] = true;
}

static void cut_longer(struct solve *s, size_t box, struct bt_plan_instance *in, size_t root, uint64_t *least)
{
    (void)s;
    (void)box;
    in->context = BT_MIN(in->context, least[root]);
}

/* A plan that several boxes share is seen several times: that does no harm. */
static void for_servers(struct solve *s, size_t phase, each_server *f, uint64_t *least)
{
    for (size_t i = 0; i < s->b->fleet->nboxes; i++) {
        struct bt_plan *p = s->out[i].plan;
        for (size_t k = 0; p && k < p->phase[phase].n; k++) {
            struct bt_plan_instance *in = &p->phase[phase].inst[k];
            size_t w = s->out[i].of[in->w - p->spec->w];
            if (in->w->kind == BT_SERVER && in->nranks)
                f(s, i, in, s->b->ctx_root[w], least);
        }
    }
}

static int make_even(struct solve *s, struct bt_err *err)
{
    struct bx *b = s->b;
    for (int round = 0; round <= EVEN_ROUNDS; round++) {
        bool any = false;
        for (size_t ph = 0; ph < b->nphases; ph++) {
            uint64_t *least = BT_NEWN(b->a, uint64_t, b->in->spec->n + 1);
            for_servers(s, ph, find_least, least);
            for_servers(s, ph, round < EVEN_ROUNDS ? cap_longer : cut_longer, least);
        }
        for (size_t i = 0; i < b->fleet->nboxes; i++)
            any = any || s->dirty[i];
        if (!any && round < EVEN_ROUNDS)
            return 0;
        if (solve_dirty(s, err) < 0)
            return -1;
    }
    return 0;
}

int bx_solve(struct bx *b, struct bx_solved *out, struct bt_err *err)
{
    size_t n = b->fleet->nboxes;
    struct solve s = { .b = b, .nodes = BX_NODES, .out = out, .dirty = BT_NEWN(b->a, bool, n), .closed = BT_NEWN(b->a, bool, n),
                       .as_dealt = BT_NEWN(b->a, bool, n),
                       .cap = BT_NEWN(b->a, uint64_t, b->in->spec->n + 1), .in = BT_NEWN(b->a, size_t *, n), .nin = BT_NEWN(b->a, size_t, n),
                       .boxes_of = BT_NEWN(b->a, size_t, b->ngroups + 1), .sign = BT_NEWN(b->a, uint64_t, n) };
    memset(s.dirty, 1, n * sizeof *s.dirty);
    list_copies(&s);
    if (solve_dirty(&s, err) < 0 || make_even(&s, err) < 0)
        return -1;
    return 0;
}

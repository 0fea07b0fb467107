/* plan_hunt.h - a plan that was said to be the best, and everything that can be tried against it where there are too many placements to enumerate.
 *
 * Around the problem stand others that differ in what may be where (hunt_changes): fewer cards in some pools, shapes or numbers of copies settled, all but a few
 * workloads held in their places, cards or workloads in another order, a card more, a workload less. Each is searched, some by the plain tree alone, which
 * knows no sets, prices or packing. Some keys of the drawn problem may be changed first (plan_hunt_keys.h): then rounds change keys too, and have other amounts
 * of work. A plan of one is scored in the other, by the enumeration's own rules and score (plan_small.h), wherever it may stand there: a score beyond one that was proven is a wrong proof. Problems: plan_draw.h. */
#ifndef PLAN_HUNT_H
#define PLAN_HUNT_H
#include "plan_hunt_keys.h"

#define HUNT_TREE UINT64_C(20000)    /* nodes of a plain tree */
#define HUNT_NODES UINT64_C(100000)  /* of a search as the planner has it */

/* ---- a plan of one problem in another ---- */

static inline size_t hunt_work(const struct pl_problem *p, const char *name)
{
    size_t i = 0;
    while (i < p->n && strcmp(p->work[i].w->name, name))
        i++;
    return i;
}

static inline size_t hunt_shape(const struct pl_work *k, const struct pl_shape *like)
{
    size_t i = 0;
    while (i < k->nshapes && !(k->shape[i].ok && k->shape[i].tp == like->tp && k->shape[i].pp == like->pp && pl_dp(&k->shape[i]) == pl_dp(like) && k->shape[i].cut == like->cut))
        i++;
    return i;
}

/* Its copies there, by workload and number; who is not there at all is left out. False: some card, shape or number is not. */
static inline bool hunt_carry(struct bt_arena *a, const struct hunt_side *from, const struct pl_solution *o, const struct hunt_side *to, struct brute *b)
{
    size_t there[BT_MAX_GPUS];
    for (size_t g = 0; g < BT_MAX_GPUS; g++)
        there[g] = SIZE_MAX;
    for (size_t g = 0; g < to->fleet.n; g++)
        for (size_t f = 0; f < from->fleet.n; f++)
            if (from->drawn_card[f] == to->drawn_card[g])
                there[f] = g;
    b->p = to->p;
    b->n = 0;
    for (size_t w = 0; w < to->p->n; w++) {
        size_t was = hunt_work(from->p, to->p->work[w].w->name);
        for (size_t i = 0; was < from->p->n && i < o->ncopies; i++) {
            struct pl_copy c = o->copy[i];
            if (c.work != was || b->n == BRUTE_COPIES)
                continue;
            size_t *card = BT_NEWN(a, size_t, c.ncards + 1);
            for (uint32_t r = 0; r < c.ncards; r++)
                if ((card[r] = there[c.card[r]]) == SIZE_MAX)
                    return false;
            c.work = w;
            c.shape = c.ncards ? hunt_shape(&to->p->work[w], &from->p->work[was].shape[c.shape]) : 0;
            if (c.ncards && c.shape == to->p->work[w].nshapes)
                return false;
            c.card = card;
            b->copy[b->n++] = c;
        }
    }
    return true;
}

/* Numbers of copies, and who is held in its place: what an enumeration never offers. */
static inline bool hunt_may(const struct brute *b)
{
    uint32_t copies[BRUTE_COPIES] = { 0 };
    for (size_t i = 0; i < b->n; i++) {
        const struct pl_copy *c = &b->copy[i];
        const struct pl_work *k = &b->p->work[c->work];
        for (uint32_t r = 0; k->at && r < c->ncards; r++) {
            size_t nth = (size_t)c->replica * c->ncards + r;
            if (nth >= k->nat || k->at[nth] != c->card[r])
                return false;
        }
        copies[c->work]++;
    }
    for (size_t w = 0; w < b->p->n; w++) {
        const struct pl_work *k = &b->p->work[w];
        if (copies[w] > k->copies_want || (copies[w] < k->copies_min && !(k->w->optional && !copies[w])))
            return false;
    }
    return true;
}

/* The plan of one in the other. False: it does not stand there. */
static inline bool hunt_score(const struct hunt_side *from, const struct pl_solution *o, const struct hunt_side *to, struct pl_score *score)
{
    struct bt_arena scratch = { 0 }, *mine = to->p->a;
    struct brute *b = BT_NEW(&scratch, struct brute);
    bool ok = hunt_carry(&scratch, from, o, to, b) && hunt_may(b) && brute_fits(b);
    to->p->a = &scratch;
    ok = ok && brute_scored(b, BT_NEWN(&scratch, uint64_t, to->p->n + 1), score);
    to->p->a = mine;
    bt_arena_release(&scratch);
    return ok;
}

/* ---- changes; each says false where there is nothing to change ---- */

static inline void hunt_copy_in(struct hunt *h)
{
    const struct bt_plan_in *in = &h->was.in;
    struct hunt_side *x = &h->is;
    struct bt_plan_model *models = BT_NEWN(h->a, struct bt_plan_model, in->spec->n + 1);
    x->in = *in;
    x->spec = *in->spec;
    x->fleet = *in->fleet;
    x->spec.w = BT_NEWN(h->a, struct bt_workload, in->spec->n + 1);
    x->fleet.gpus = BT_NEWN(h->a, struct bt_gpu, in->fleet->n + 2);
    memcpy(x->spec.w, in->spec->w, in->spec->n * sizeof *x->spec.w);
    memcpy(x->fleet.gpus, in->fleet->gpus, in->fleet->n * sizeof *x->fleet.gpus);
    memcpy(models, in->models, in->spec->n * sizeof *models);
    memcpy(x->drawn_card, h->was.drawn_card, sizeof x->drawn_card);
    x->in.spec = &x->spec;
    x->in.fleet = &x->fleet;
    x->in.models = models;
}

/* Cards that are not kept leave the pool, and shapes that they are too few for go. False: none can be spared. */
static inline bool hunt_keep_cards(struct pl_work *k, const bool *keep)
{
    size_t n = 0, had = k->npool;
    bool any = k->cpu_only;
    for (size_t i = 0; i < had; i++)
        n += keep[k->pool[i]];
    for (size_t j = 0; j < k->nshapes; j++)
        any = any || (k->shape[j].ok && k->shape[j].cards <= n);
    if (!any || n == had)
        return false;
    for (size_t i = n = 0; i < had; i++) {
        size_t g = k->pool[i];
        k->pos[g] = keep[g] ? (int)n : -1;
        if (keep[g])
            k->pool[n++] = g;
    }
    k->npool = n;
    for (size_t j = 0; j < k->nshapes; j++)
        k->shape[j].ok = k->shape[j].ok && k->shape[j].cards <= n;
    return true;
}

static bool hunt_half_pools(struct hunt *h)
{
    struct pl_problem *q = h->is.p;
    bool changed = false;
    hunt_say(h, "some cards out of some pools", NULL);
    for (size_t w = 0; w < q->n; w++) {
        bool keep[BT_MAX_GPUS], some = draw(&h->d, 3) == 0;
        for (size_t g = 0; g < q->fleet->n; g++)
            keep[g] = !some || draw(&h->d, 2);
        changed = hunt_keep_cards(&q->work[w], keep) || changed;
    }
    return changed;
}

/* All on fewer cards: those of two or three of the plan's workloads, and others by chance. */
static bool hunt_card_out(struct hunt *h)
{
    struct pl_problem *q = h->is.p;
    bool changed = false, keep[BT_MAX_GPUS];
    size_t out = draw(&h->d, (unsigned)q->fleet->n);
    hunt_say(h, "a card less for all who can do without it", NULL);
    for (size_t g = 0; g < q->fleet->n; g++)
        keep[g] = g != out;
    for (size_t w = 0; w < q->n; w++)
        changed = hunt_keep_cards(&q->work[w], keep) || changed;
    return changed;
}

/* Some where the plan has them, or anywhere on its cards. */
static bool hunt_own_cards(struct hunt *h)
{
    struct pl_problem *q = h->is.p;
    bool changed = false;
    hunt_say(h, "some on the cards that they have", NULL);
    for (size_t w = 0; w < q->n; w++) {
        bool keep[BT_MAX_GPUS] = { false };
        if (draw(&h->d, 2))
            continue;
        for (size_t i = 0; i < h->from->ncopies; i++)
            for (uint32_t r = 0; h->from->copy[i].work == w && r < h->from->copy[i].ncards; r++)
                keep[h->from->copy[i].card[r]] = true;
        changed = hunt_keep_cards(&q->work[w], keep) || changed;
    }
    return changed;
}

static inline bool hunt_only_shape(struct pl_work *k, size_t shape)
{
    bool changed = false;
    for (size_t j = 0; j < k->nshapes; j++) {
        changed = changed || (k->shape[j].ok && j != shape);
        k->shape[j].ok = k->shape[j].ok && j == shape;
    }
    return changed;
}

static bool hunt_shapes(struct hunt *h)
{
    struct pl_problem *q = h->is.p;
    bool changed = false;
    hunt_say(h, "some in one shape", NULL);
    for (size_t w = 0; w < q->n; w++) {
        struct pl_work *k = &q->work[w];
        size_t shape = k->nshapes ? draw(&h->d, (unsigned)k->nshapes) : 0;
        if (k->nshapes && k->shape[shape].ok && draw(&h->d, 3) == 0)
            changed = hunt_only_shape(k, shape) || changed;
    }
    return changed;
}

static bool hunt_copies(struct hunt *h)
{
    struct pl_problem *q = h->is.p;
    bool changed = false;
    hunt_say(h, "numbers of copies settled, optional ones too", NULL);
    for (size_t w = 0; w < q->n; w++) {
        struct pl_work *k = &q->work[w];
        if (k->copies_min < k->copies_want) {
            k->copies_min += draw(&h->d, k->copies_want - k->copies_min + 1);
            changed = true;
        }
        bool some = false;
        for (size_t j = 0; j < k->nshapes; j++)
            some = some || k->shape[j].ok;
        if (k->w->optional && (some || k->cpu_only) && draw(&h->d, 2)) {
            struct bt_workload *own = BT_NEW(h->a, struct bt_workload);
            *own = *k->w;
            own->optional = false;
            k->w = own;
            changed = true;
        }
    }
    return changed;
}

/* Contexts as they are, or nothing. */
static bool hunt_contexts(struct hunt *h)
{
    struct pl_problem *q = h->is.p;
    bool changed = false;
    hunt_say(h, "no less context than the plan has", NULL);
    for (size_t w = 0; w < q->n; w++) {
        struct pl_work *k = &q->work[w];
        uint64_t has = h->from->ctx[w];
        bool alone = k->ctx_root == w;
        for (size_t i = 0; i < q->n; i++)
            alone = alone && (i == w || q->work[i].ctx_root != w);
        if (!k->server || !alone || has <= k->ctx_min || has > k->ctx_want || draw(&h->d, 3) == 0)
            continue;
        k->ctx_min = has;
        changed = true;
    }
    return changed;
}

static inline bool hunt_moves(const struct pl_problem *q, size_t w, const bool *free_)
{
    for (size_t i = 0; w != PL_NONE && i < q->n; i++, w = q->work[w].same)
        if (free_[w])
            return true;
        else if (q->work[w].same == PL_NONE)
            return false;
    return false;
}

/* All but two to four, and those on their cards by order, stay where one of the plans has them. */
static bool hunt_hold(struct hunt *h)
{
    struct pl_problem *q = h->is.p;
    bool free_[BRUTE_COPIES] = { false }, changed = false;
    hunt_say(h, "all but a few held in their places", NULL);
    for (unsigned i = 2 + draw(&h->d, 3); i-- > 0; )
        free_[draw(&h->d, (unsigned)q->n)] = true;
    for (size_t w = 0; w < q->n; w++) {
        struct pl_work *k = &q->work[w];
        uint32_t n = 0, ranks = 0;
        if (k->cpu_only || hunt_moves(q, w, free_))
            continue;
        for (size_t i = 0; i < h->from->ncopies; i++)
            ranks += h->from->copy[i].work == w ? h->from->copy[i].ncards : 0;
        size_t *at = BT_NEWN(h->a, size_t, ranks + 1), nat = 0;
        for (size_t i = 0; i < h->from->ncopies; i++) {
            const struct pl_copy *c = &h->from->copy[i];
            if (c->work != w)
                continue;
            hunt_only_shape(k, c->shape);
            for (uint32_t r = 0; r < c->ncards; r++)
                at[nat++] = c->card[r];
            n++;
        }
        changed = true;
        if (!n) {
            hunt_only_shape(k, k->nshapes);
            continue;
        }
        k->at = at;
        k->nat = nat;
        k->copies_min = n;
    }
    return changed;
}

static bool hunt_as_it_is(struct hunt *h)
{
    hunt_say(h, "as it is", NULL);
    return true;
}

static bool hunt_permute_cards(struct hunt *h)
{
    struct hunt_side *x = &h->is;
    size_t n = x->fleet.n, now[BT_MAX_GPUS];
    hunt_say(h, "the cards in another order", NULL);
    for (size_t i = n; i-- > 1; ) {
        size_t j = draw(&h->d, (unsigned)i + 1), c = x->drawn_card[i];
        struct bt_gpu t = x->fleet.gpus[i];
        x->fleet.gpus[i] = x->fleet.gpus[j];
        x->fleet.gpus[j] = t;
        x->drawn_card[i] = x->drawn_card[j];
        x->drawn_card[j] = c;
    }
    for (size_t g = 0; g < n; g++) {
        now[x->drawn_card[g]] = g;
        x->fleet.gpus[g].index = (int)g;
    }
    for (size_t i = 0; i < x->spec.n; i++) {
        struct bt_workload *w = &x->spec.w[i];
        const char **pool = BT_NEWN(h->a, const char *, w->pool.n + 1);
        for (size_t j = 0; j < w->pool.n; j++)
            pool[j] = bt_arena_printf(h->a, "%zu", now[strtoul(w->pool.v[j], NULL, 10)]);
        w->pool.v = pool;
    }
    return n > 1;
}

static bool hunt_permute_works(struct hunt *h)
{
    struct hunt_side *x = &h->is;
    struct bt_plan_model *models = (struct bt_plan_model *)x->in.models;
    hunt_say(h, "the workloads in another order", NULL);
    for (size_t i = x->spec.n; i-- > 1; ) {
        size_t j = draw(&h->d, (unsigned)i + 1);
        struct bt_workload w = x->spec.w[i];
        struct bt_plan_model m = models[i];
        x->spec.w[i] = x->spec.w[j];
        x->spec.w[j] = w;
        models[i] = models[j];
        models[j] = m;
    }
    return x->spec.n > 1;
}

static bool hunt_add_card(struct hunt *h)
{
    struct hunt_side *x = &h->is;
    size_t like = draw(&h->d, (unsigned)x->fleet.n), n = x->fleet.n;
    if (n + 1 >= BT_MAX_GPUS)
        return false;
    hunt_say(h, "one card more", x->fleet.gpus[like].name);
    x->fleet.gpus[n] = x->fleet.gpus[like];
    x->fleet.gpus[n].index = (int)n;
    x->fleet.gpus[n].uuid = "GPU-one-more";
    x->drawn_card[n] = BT_MAX_GPUS;  /* nobody else has it */
    x->fleet.n++;
    return true;
}

static bool hunt_remove(struct hunt *h)
{
    struct hunt_side *x = &h->is;
    struct bt_plan_model *models = (struct bt_plan_model *)x->in.models;
    size_t at = draw(&h->d, (unsigned)x->spec.n);
    const char *name = x->spec.w[at].name;
    for (size_t i = 0; i < x->spec.n; i++)
        if ((x->spec.w[i].same_gpus_as && !strcmp(x->spec.w[i].same_gpus_as, name)) || (x->spec.w[i].context.same_as && !strcmp(x->spec.w[i].context.same_as, name)))
            return false;
    hunt_say(h, "without", name);
    memmove(&x->spec.w[at], &x->spec.w[at + 1], (x->spec.n - at - 1) * sizeof *x->spec.w);
    memmove(&models[at], &models[at + 1], (x->spec.n - at - 1) * sizeof *models);
    x->spec.n--;
    return x->spec.n > 0;
}

/* spec: before the problem is built, else in the problem. */
static const struct { const char *name; bool (*spec)(struct hunt *), (*problem)(struct hunt *); } hunt_changes[] = {
    { "some cards out of some pools", NULL, hunt_half_pools },
    { "a card less", NULL, hunt_card_out },
    { "some on the cards that they have", NULL, hunt_own_cards },
    { "some in one shape", NULL, hunt_shapes },
    { "numbers of copies settled", NULL, hunt_copies },
    { "no less context", NULL, hunt_contexts },
    { "all but a few held", NULL, hunt_hold },
    { "all but a few held", NULL, hunt_hold },
    { "all but a few held", NULL, hunt_hold },
    { "as it is", NULL, hunt_as_it_is },
    { "cards in another order", hunt_permute_cards, NULL },
    { "workloads in another order", hunt_permute_works, NULL },
    { "a card more", hunt_add_card, NULL },
    { "a workload less", hunt_remove, NULL },
};

/* ---- rounds ---- */

/* As the planner does, by shapes before cards at once, or by the plain tree and nothing else. */
static inline void hunt_search(struct hunt *h, struct pl_problem *q, struct pl_solution *o)
{
    static const uint64_t amounts[] = { HUNT_NODES, HUNT_NODES, HUNT_NODES, HUNT_NODES / 4, HUNT_NODES / 4, PL_NODE_LIMIT / 3, PL_NODE_LIMIT / 3, PL_NODE_LIMIT * 2 };
    unsigned how = draw(&h->d, 4);
    uint64_t limit = how < 2 ? HUNT_TREE : h->dressed ? amounts[draw(&h->d, BT_LEN(amounts))] : HUNT_NODES;
    q->first_nodes = how < 2 ? limit : how == 2 ? 1 : PL_FIRST_NODES;
    pl_search(q, limit, NULL, o);
}

/* -1: o of `from` scores more in `to` than was proven there. */
static inline int hunt_against(struct hunt *h, const struct hunt_side *from, const struct pl_solution *o, const struct hunt_side *to)
{
    struct pl_score score;
    if (!o->found || !to->o.complete || !hunt_score(from, o, to, &score))
        return 0;
    h->compared++;
    if (to->o.found && pl_score_cmp(&score, &to->o.score, BT_GOAL_LOWEST) <= 0)
        return 0;
    h->claimed = to->o.found ? to->o.score : (struct pl_score){ 0 };
    h->found = score;
    h->backwards = to == &h->is;
    return -1;
}

/* 1 nothing found, 0 nothing to change, -1 a wrong proof (claimed, found, said, is), -2 *err. */
static inline int hunt_round(struct hunt *h, unsigned round, struct bt_err *err)
{
    struct pl_solution *o = &h->is.o;
    size_t which = round % (BT_LEN(hunt_changes) + (h->dressed ? BT_LEN(hunt_keys) : 0)), key = which - BT_LEN(hunt_changes);
    bool (*spec)(struct hunt *) = which < BT_LEN(hunt_changes) ? hunt_changes[which].spec : hunt_keys[key];
    bool (*problem)(struct hunt *) = which < BT_LEN(hunt_changes) ? hunt_changes[which].problem : NULL;
    h->from = &h->kept[draw(&h->d, (unsigned)h->nkept)];
    hunt_copy_in(h);
    if (spec && !spec(h))
        return 0;
    if (pl_problem_build(h->a, &h->is.in, h->phase, &h->is.p, err) < 0)
        return -2;
    if (h->is.p->nrefusals || (problem && !problem(h)))
        return 0;
    hunt_search(h, h->is.p, o);
    h->proven += o->complete;
    int forth = hunt_against(h, &h->is, o, &h->was);
    for (size_t i = 0; forth == 0 && i < h->nkept; i++)
        forth = hunt_against(h, &h->was, &h->kept[i], &h->is);
    if (forth == 0 && o->found && !spec && h->nkept < HUNT_KEPT && hunt_score(&h->is, o, &h->was, &h->found))
        h->kept[h->nkept++] = *o;
    return forth < 0 ? -1 : 1;
}

/* So many keys of the drawn problem changed, one after the other. */
static inline void hunt_dress(struct hunt *h, unsigned changes)
{
    h->dressed = "";
    for (unsigned i = 0; i < 4 * changes && changes; i++) {
        hunt_copy_in(h);
        if (!hunt_keys[draw(&h->d, BT_LEN(hunt_keys))](h))
            continue;
        h->was = h->is;
        h->was.in.spec = &h->was.spec;
        h->was.in.fleet = &h->was.fleet;
        h->dressed = bt_arena_printf(h->a, "%s%s%s", h->dressed, h->dressed[0] ? ", " : "", h->what);
        changes--;
    }
}

/* The phase built, with so many of its keys changed, and searched. 1 proven (h->was), 0 not, or nothing to search, -1 scored otherwise than by the enumeration's rules, -2 *err. */
static inline int hunt_begin(struct hunt *h, struct bt_arena *a, const struct bt_plan_in *in, const char *phase, uint64_t number, uint64_t first_nodes, unsigned changes, struct bt_err *err)
{
    *h = (struct hunt){ .a = a, .phase = phase, .was = { .in = *in, .spec = *in->spec, .fleet = *in->fleet } };
    draw_seed(&h->d, number * 977 + 5);
    for (size_t g = 0; g < in->fleet->n; g++)
        h->was.drawn_card[g] = g;
    h->was.in.needs = pl_needs_new(a);
    if (changes)
        hunt_dress(h, changes);
    if (pl_problem_build(a, &h->was.in, phase, &h->was.p, err) < 0)
        return -2;
    if (h->was.p->nrefusals || !h->was.p->n || h->was.p->n > BRUTE_COPIES)
        return 0;
    h->was.p->first_nodes = first_nodes;
    pl_search(h->was.p, PL_NODE_LIMIT, NULL, &h->was.o);
    if (!h->was.o.complete || !h->was.o.found)
        return 0;
    h->kept[h->nkept++] = h->was.o;
    hunt_say(h, "its own score", NULL);
    h->claimed = h->was.o.score;
    return hunt_score(&h->was, &h->was.o, &h->was, &h->found) && pl_score_cmp(&h->claimed, &h->found, BT_GOAL_LOWEST) == 0 ? 1 : -1;
}
#endif

/* Sets of neighbours (sets.c, sets_walk.c, sets_split.c): the best set of a card against all of its sets, and what is settled first. */
#include <math.h>
#include <string.h>

#include "plan/search_int.h"
#include "plan/sets_int.h"
#include "plan_drawn.h"

#define NEAR 0.95                    /* of the bound: so near to its end the program goes */
#define MOST_STEPS 400000u           /* of an enumeration: with more sets a card is left out */

/* Prices at their best, with all copies. NULL: no problem, or without room for what must stand. */
static struct search *priced(struct bt_arena *a, struct pl_problem *p)
{
    struct pl_score most;
    if (!p)
        return NULL;
    struct search *s = se_new(p, a);
    se_fix_all(s, &most);
    se_order(s, SE_HARD);
    s->limit = UINT64_MAX;
    assert_true(se_sets_start(s, a));
    se_sets_tighten(s, SE_BETTER_PRICES, NEAR * se_sets_tighten(s, SE_FIRST_PRICES, 0));
    return s;
}

struct all_sets {
    const struct se_sets *t; const struct search *s; const struct ss_items *items;
    unsigned level; uint32_t count[64], shape[64], cards[64];        /* [work] of those that are in */
    uint64_t steps;
    double best;
};

static bool has_its_company(const struct all_sets *x)
{
    for (size_t w = 0; w < x->s->p->n; w++)
        for (uint64_t left = x->count[w] ? x->t->needs[w] : 0; left; left &= left - 1) {
            size_t other = (size_t)__builtin_ctzll(left);
            if (!x->count[other] || x->cards[other] != x->cards[w])
                return false;
        }
    return true;
}

/* One unit more of its work, or fewer. False: in another shape, or too often. */
static bool put_in(struct all_sets *x, uint32_t unit, int by)
{
    const struct ss_unit *u = &x->t->unit[unit];
    bool fits = by < 0 || ((!x->count[u->work] || x->shape[u->work] == u->shape) && x->count[u->work] < x->s->copies_most[u->work]);
    if (!fits)
        return false;
    x->count[u->work] += (uint32_t)by;
    x->shape[u->work] = (uint32_t)u->shape;
    x->cards[u->work] = u->cards;
    return true;
}

static bool may_sit(const struct all_sets *x, uint32_t unit, const size_t *in, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!(x->t->friends[x->t->unit[unit].work] >> in[i] & 1))
            return false;
    return true;
}

/* in[n]: works that sit there, one of each copy. */
static void all_sets(struct all_sets *x, size_t from, size_t *in, size_t n, uint64_t room, double sum)
{
    if (n && has_its_company(x))
        x->best = BT_MAX(x->best, sum - (n > 1 ? x->t->shared : 0));
    for (size_t i = from; i < x->items->n && ++x->steps < MOST_STEPS; i++) {
        const struct ss_item *y = &x->items->v[i];
        bool pair = y->with != UINT32_MAX;
        if (y->bytes > room || (x->level < SE_BUSY && n + (pair ? 2 : 1) > x->level) || n > 40 || !may_sit(x, y->unit, in, n) || !put_in(x, y->unit, 1))
            continue;
        in[n] = x->t->unit[y->unit].work;
        if (!pair) {
            all_sets(x, i, in, n + 1, room - y->bytes, sum + y->gain);
        } else if (may_sit(x, y->with, in, n) && put_in(x, y->with, 1)) {
            in[n + 1] = x->t->unit[y->with].work;
            all_sets(x, i, in, n + 2, room - y->bytes, sum + y->gain);
            put_in(x, y->with, -1);
        }
        put_in(x, y->unit, -1);
    }
}

/* Both walks, the short one and that by a table, on cards that stand empty: none says less than there is. */
static void no_set_is_better_than_the_best(void **st)
{
    (void)st;
    unsigned few = 0, tabled = 0, pairs = 0, more = 0, in_part = 0;
    for (uint64_t round = 1; round <= 60; round++) {
        bt_auto_arena a = { 0 };
        struct drawn_problem drawn = drawn_problem(&a, round, 8, 10);
        struct search *s = priced(&a, drawn.p);
        for (size_t c = 0; s && c < s->sets->ncolors; c++)
            for (unsigned k = 1; k <= SE_BUSY; k++) {
                const struct ss_color *color = &s->sets->color[c];
                struct all_sets all = { .t = s->sets, .s = s, .items = &color->level[k], .level = k };
                struct ss_walk w;
                size_t in[64];
                all_sets(&all, 0, in, 0, s->p->cap[color->card], 0);
                if (all.steps >= MOST_STEPS)
                    continue;
                ss_walk_begin(&w, s, s->sets);
                w.level = k;
                ss_walk_level(&w, &color->level[k], UINT64_MAX, s->p->cap[color->card], 0);
                if (w.best < all.best - 1e-6)
                    fail_msg("round %llu on %s, color %zu, %u tenants: %.9f of all sets, %.9f walked\n%s", (unsigned long long)round, drawn.fleet, c, k, all.best,
                             w.best, drawn.text);
                more += w.best > all.best + 1e-6;
                ss_walk_begin(&w, s, s->sets);       /* a walk that is cut short is bounded by the same table */
                w.level = k;
                w.rough = true;
                ss_walk_level(&w, &color->level[k], UINT64_MAX, s->p->cap[color->card], 0);
                if (w.best < all.best - 1e-6)
                    fail_msg("round %llu on %s, color %zu, %u tenants: %.9f of all sets, %.9f by the table\n%s", (unsigned long long)round, drawn.fleet, c, k,
                             all.best, w.best, drawn.text);
                tabled += color->level[k].table->made;
                few += !color->level[k].table->made;
                ss_walk_begin(&w, s, s->sets);       /* and one that has begun to walk by it */
                w.level = k;
                w.few = 5;
                w.many = 20;
                ss_walk_level(&w, &color->level[k], UINT64_MAX, s->p->cap[color->card], 0);
                if (w.best < all.best - 1e-6)
                    fail_msg("round %llu on %s, color %zu, %u tenants: %.9f of all sets, %.9f walked in part\n%s", (unsigned long long)round, drawn.fleet, c, k,
                             all.best, w.best, drawn.text);
                in_part += w.best > all.best + 1e-6;
                for (size_t i = 0; i < color->level[k].n; i++)
                    pairs += color->level[k].v[i].with != UINT32_MAX;
            }
    }
    print_message("%u cards walked in few steps, %u by a table, %u bounded from above, %u where walks end soon; %u pairs that must have each other\n", few, tabled, more, in_part, pairs);
    assert_true(more * 100 < few + tabled);          /* too many sets */
    assert_true(few >= 500);
    assert_true(in_part >= 100);
    assert_true(tabled >= 30);
    assert_true(pairs >= 100);
}

/* The best plan into *o, and a search for what is as good, with sets where the plan is proven. */
static struct search *beside_the_best(struct bt_arena *a, struct pl_problem *p, struct pl_solution *o)
{
    pl_search(p, PL_NODE_LIMIT, NULL, o);
    struct search *s = se_new(p, a);
    s->limit = UINT64_MAX;
    if (o->found && o->complete)
        se_as_many(s, o);
    return s;
}

/* Each copy of the plan is in a way that is still there. Returns how many of them stand on several cards. */
static unsigned all_ways_are_there(const struct drawn_problem *drawn, const struct search *s, const struct pl_solution *o, uint64_t round)
{
    uint32_t tenants[BT_MAX_GPUS] = { 0 };
    unsigned many = 0;
    for (size_t i = 0; i < o->ncopies; i++)
        for (uint32_t r = 0; r < o->copy[i].ncards; r++)
            tenants[o->copy[i].card[r]]++;
    for (size_t i = 0; i < o->ncopies; i++) {
        const struct pl_copy *c = &o->copy[i];
        uint32_t full = 0;
        size_t j = 0;
        for (uint32_t r = 0; r < c->ncards; r++)
            full = BT_MAX(full, tenants[c->card[r]]);
        while (c->ncards && s->work[c->work].shape[j].index != c->shape)
            j++;
        if (c->ncards && !(s->sets->busy[se_sets_unit(s, c, &s->work[c->work].shape[j])] >> BT_MIN(full, SE_BUSY) & 1))
            fail_msg("round %llu on %s: %s %u is left out, which the best plan has with %u tenants\n%s", (unsigned long long)round, drawn->fleet,
                     s->p->work[c->work].w->name, c->replica, full, drawn->text);
        many += c->ncards > 1;
    }
    return many;
}

/* Of the best plan that there is: each copy's way to be is still there after all that cannot be as good is left out, and where less need be reached all the
 * more: walks end sooner then, with sets that are not the best. */
static void the_best_plan_is_not_left_out(void **st)
{
    (void)st;
    static const double lower[] = { 0.02, 0.1, 0.3, 1, 3 };           /* parts of what the bound is above the best plan */
    unsigned plans = 0, out = 0, many = 0, out_below = 0;
    for (uint64_t round = 1; round <= 120; round++) {
        bt_auto_arena a = { 0 };
        struct pl_solution o;
        struct drawn_problem drawn = drawn_problem(&a, round, 8, 7);
        struct pl_problem *p = drawn.p;
        if (!p)
            continue;
        struct search *s = beside_the_best(&a, p, &o);
        if (!s->sets)
            continue;
        many += all_ways_are_there(&drawn, s, &o, round);
        for (size_t u = 0; u < s->sets->nunits; u++)
            out += !s->sets->busy[u];
        plans++;
        for (size_t i = 0; i < BT_LEN(lower); i++) {
            assert_true(se_sets_start(s, &a));
            se_sets_tight(s, i & 1);
            double bound = se_sets_tighten(s, i & 1 ? SE_BETTER_PRICES : SE_FIRST_PRICES, -INFINITY), best = (double)o.score.v[BT_GOAL_SERVICE] - 1;
            se_sets_kill(s, bound, best - lower[i] * (bound - best));
            all_ways_are_there(&drawn, s, &o, round);
            for (size_t u = 0; u < s->sets->nunits; u++)
                out_below += !s->sets->busy[u];
        }
    }
    print_message("%u plans, %u copies on several cards; %u ways to be are left out, %u where less need be reached\n", plans, many, out, out_below);
    assert_true(plans >= 60);
    assert_true(many >= 50);
    assert_true(out >= 500);
    assert_true(out_below >= 500);
}

/* The plan's copies of the first `works` works of the order and so many of the next one's, where it has them. Returns how many of those there are. */
static size_t stand_as_planned(struct search *s, const struct pl_solution *o, size_t works, size_t more)
{
    size_t put = 0;
    for (size_t d = 0; d <= works && d < s->p->n; d++)
        for (size_t i = 0; i < o->ncopies; i++) {
            const struct pl_copy *c = &o->copy[i];
            const struct se_work *w = &s->work[c->work];
            size_t j = 0;
            if (c->work != s->order[d] || (d == works && put == more))
                continue;
            while (c->ncards && w->shape[j].index != c->shape)
                j++;
            s->shape_of[c->work] = j;
            s->settled[c->work] = true;
            se_put(s, c, c->ncards ? &w->shape[j] : NULL, c->ncards ? pl_cost_class(s->p, c->card, c->ncards) : 0);
            put += d == works;
        }
    return put;
}

static void take_all_back(struct search *s)
{
    while (s->ncopies)
        se_take_back(s);
    memset(s->settled, 0, s->p->n * sizeof *s->settled);
}

/* Part of the best plan stands: whatever prices are made for it, what they bound is no less than that plan. */
static void prices_beside_copies_leave_the_best_plan(void **st)
{
    (void)st;
    static const double reached[] = { 0.5, 0.8, 0.95, 1 };             /* parts of what must be reached: steps end there, and are as long */
    unsigned asked = 0, lower = 0;
    for (uint64_t round = 1; round <= 150; round++) {
        bt_auto_arena a = { 0 };
        struct pl_solution o;
        struct pl_problem *p = drawn_problem(&a, round, 8, 7).p;
        if (!p)
            continue;
        struct search *s = beside_the_best(&a, p, &o);
        for (size_t i = 0; s->sets && i < p->n * BT_LEN(reached) * 2; i++) {
            size_t works = i / 2 % p->n, more = stand_as_planned(s, &o, works, i % 2);
            size_t seen = works + (more && s->placed[s->order[works]] == s->copies_most[s->order[works]]);
            double part = reached[i / 2 / p->n], must = se_as_good(s), before = se_sets_bound(s, seen);
            double bound = se_sets_prices_beside(s, seen, part * must), now = se_sets_bound(s, seen);
            if (before < must || bound < must || now < must)
                fail_msg("round %llu, %zu works and %zu copies: the best plan reaches %.3f, the bound was %.3f and is %.3f (%.3f)", (unsigned long long)round, works, more,
                         must, before, bound, now);
            asked++;
            lower += bound < before - 0.5;
            take_all_back(s);
        }
    }
    print_message("%u placements, the bound is lower in %u of them\n", asked, lower);
    assert_true(asked >= 2000);
    assert_true(lower >= 200);
}

/* Answers as no copies stand: every cut that one of them passes is made, each with some price, and works too. */
static void draw_cuts(struct search *s, struct draw *d)
{
    struct se_sets *t = s->sets;
    for (unsigned i = 0; i < 20 && t->ncuts < SS_CUTS; i++) {
        for (size_t u = 0; u < t->nunits * t->ncolors; u++)
            t->rank[u] = draw(d, 100) < 5 ? draw(d, 10) : 0;
        ss_cut_off(s, t);
    }
    for (size_t i = 0; i < ss_nprices(s, t); i++)
        t->price[i] = draw(d, i < s->p->n ? 2000 : 300);
    t->changes++;
    ss_fill_items(s, t);
}

/* Cards that the copy may have, each once; tensor-parallel groups of one kind. False: none were drawn. */
static bool draw_cards(const struct search *s, struct draw *d, const struct pl_work *k, const struct se_shape *sh, size_t *card)
{
    const struct bt_gpu *gpus = s->p->fleet->gpus;
    for (uint32_t i = 0; i < sh->cards; i++) {
        card[i] = k->pool[draw(d, k->npool)];
        if (!pl_card_for(s->p, sh->cards, card[i]) || (i % sh->tp && strcmp(gpus[card[i]].name, gpus[card[i - 1]].name)))
            return false;
        for (uint32_t j = 0; j < i; j++)
            if (card[i] == card[j])
                return false;
    }
    return true;
}

static bool stands_alone(const struct search *s, const struct se_work *w, const struct se_shape *sh, const size_t *card, size_t cls)
{
    for (uint32_t i = 0; i < sh->cards; i++) {
        uint64_t floor = se_floor(s, w, sh, cls, i, card[i]);
        if (sh->row[cls * sh->pp + i / sh->tp].need > floor || floor > s->p->cap[card[i]])
            return false;
    }
    return true;
}

/* Its unit takes no more of any card than the copy does, and no cut leaves it out. Returns whether the unit takes more than whatever the copy is reckoned for. */
static bool one_copy_holds(const struct search *s, size_t work, const struct se_shape *sh, const size_t *card, uint64_t round)
{
    const struct se_sets *t = s->sets;
    const struct se_work *w = &s->work[work];
    struct pl_copy c = { .work = work, .shape = sh->index, .card = (size_t *)card, .ncards = sh->cards };
    size_t cls = pl_cost_class(s->p, card, sh->cards), first = se_sets_unit(s, &c, sh);
    double over[SS_CUTS] = { 0 };
    bool more = false;
    for (uint32_t i = 0; i < sh->cards; i++) {
        size_t u = first + (t->unit[first].parts > 1 ? t->unit[first].part_of[i / sh->tp] : 0), on = s->p->cls[card[i]];
        uint64_t floor = se_floor(s, w, sh, cls, i, card[i]);
        struct ss_set alone = { .color = (uint16_t)t->color_of[card[i]], .n = 1, .unit = { (uint16_t)u } };
        if (floor < t->unit[u].tight[on] || t->unit[u].tight[on] < t->unit[u].loose[on])
            fail_msg("round %llu: rank %u of %s takes %llu, its unit says %llu and %llu", (unsigned long long)round, i, w->k->w->name, (unsigned long long)floor,
                     (unsigned long long)t->unit[u].tight[on], (unsigned long long)t->unit[u].loose[on]);
        more = more || t->unit[u].tight[on] > t->unit[u].loose[on];
        for (size_t r = 0; r < t->ncuts; r++)
            over[r] += t->cut[r].work == work ? ss_in_set(t, &t->cut[r], &alone) : 0;
    }
    for (size_t r = 0; r < t->ncuts; r++)
        if (over[r] > 1e-9)
            fail_msg("round %llu: a copy of %s passes cut %zu by %f ranks", (unsigned long long)round, w->k->w->name, r, over[r]);
    return more;
}

/* Of copies wherever they may stand: what sets say of their bytes and their ranks holds. */
static void units_and_cuts_hold_for_all_copies(void **st)
{
    (void)st;
    unsigned copies = 0, more = 0, cuts = 0, of_unit = 0;
    for (uint64_t round = 1; round <= 150; round++) {
        bt_auto_arena a = { 0 };
        struct draw d;
        struct search *s = priced(&a, drawn_problem(&a, round, 8, 7).p);
        draw_seed(&d, round * 104729);
        if (!s)
            continue;
        draw_cuts(s, &d);
        se_sets_tight(s, true);
        draw_cuts(s, &d);
        for (size_t i = 0; i < 2000; i++) {
            size_t work = draw(&d, s->p->n), card[BT_MAX_GPUS];
            const struct se_work *w = &s->work[work];
            const struct se_shape *sh = w->nshapes && !w->k->cpu_only ? &w->shape[draw(&d, w->nshapes)] : NULL;
            if (!sh || sh->least == UINT64_MAX || !draw_cards(s, &d, w->k, sh, card) || !stands_alone(s, w, sh, card, pl_cost_class(s->p, card, sh->cards)))
                continue;
            more += one_copy_holds(s, work, sh, card, round);
            copies++;
        }
        cuts += (unsigned)s->sets->ncuts;
        for (size_t r = 0; r < s->sets->ncuts; r++)
            of_unit += s->sets->cut[r].of != PL_NONE;
    }
    print_message("%u copies, %u in units that take more than whatever they are reckoned for; %u cuts, %u of units\n", copies, more, cuts, of_unit);
    assert_true(copies >= 10000);
    assert_true(more >= 1000);
    assert_true(cuts >= 1000 && of_unit >= 500);
}

/* Whatever cuts cost, the best plan reaches no more than the bound, with any part of it standing: none of its copies is paid more than it pays. */
static void no_cut_takes_the_best_plan(void **st)
{
    (void)st;
    unsigned asked = 0, colors = 0, stages = 0, near = 0;
    for (uint64_t round = 1; round <= 150; round++) {
        bt_auto_arena a = { 0 };
        struct pl_solution o;
        struct pl_problem *p = drawn_problem(&a, round, 8, 7).p;
        struct draw d;
        draw_seed(&d, round * 7919);
        if (!p)
            continue;
        struct search *s = beside_the_best(&a, p, &o);
        for (size_t i = 0; s->sets && i < 4 * p->n; i++) {
            se_sets_tight(s, i & 2);
            draw_cuts(s, &d);
            size_t more = stand_as_planned(s, &o, i % p->n, i & 1);
            size_t seen = i % p->n + (more && s->placed[s->order[i % p->n]] == s->copies_most[s->order[i % p->n]]);
            double bound = se_sets_bound(s, seen), must = se_as_good(s);
            if (bound < must)
                fail_msg("round %llu, %zu works: the best plan reaches %.3f, the bound is %.3f", (unsigned long long)round, i % p->n, must, bound);
            asked++;
            near += bound < must * 1.1;
            take_all_back(s);
        }
        for (size_t i = 0; s->sets && i < s->sets->ncuts; i++) {
            colors += s->sets->cut[i].part == UINT8_MAX;
            stages += s->sets->cut[i].part < UINT8_MAX;
        }
    }
    print_message("%u placements, %u cuts of colors, %u of stages; %u bounds are within a tenth\n", asked, colors, stages, near);
    assert_true(asked >= 1000);
    assert_true(colors >= 200 && stages >= 200);
    assert_true(near >= 50);
}

/* Half a copy of one width and half of another: that is what is told, and with one of them left the bound is no higher. */
static void what_is_broken_is_settled(void **st)
{
    (void)st;
    unsigned by[SE_BY__N] = { 0 }, lower = 0, all = 0;
    for (uint64_t round = 1; round <= 60; round++) {
        bt_auto_arena a = { 0 };
        struct se_split x;
        struct se_option o[256];
        struct search *s = priced(&a, drawn_problem(&a, round, 8, 8).p);
        if (!s)
            continue;
        double first = se_sets_tighten(s, SE_SAME_PRICES, 0), bound = se_sets_tighten(s, SE_BETTER_PRICES, NEAR * first), most = -INFINITY;
        se_sets_kill(s, bound, 0);
        if (!se_sets_split(s, &x))
            continue;
        size_t n = se_sets_options(s, x.work, o, 256);
        struct se_marks *was = se_sets_marks(s, &a);
        se_sets_save(s, was);
        assert_true(n <= 256 && n > 0);
        assert_true(x.by != SE_BY_LEVEL || (x.low && s->copies_most[x.work] == 1));
        for (size_t i = 0; i < (x.by == SE_BY_LEVEL ? 2 : n); i++) {
            if (x.by == SE_BY_LEVEL)
                se_sets_only_levels(s, x.work, i ? ~x.low : x.low);
            else if (x.by == SE_BY_WIDTH)
                se_sets_only_wide(s, x.work, s->work[x.work].shape[o[i].shape].cards);
            else
                se_sets_only(s, x.work, &o[i]);
            most = BT_MAX(most, se_sets_tighten(s, SE_BETTER_PRICES, NEAR * bound));
            se_sets_restore(s, was);
        }
        if (most > bound + 0.05 * fabs(bound) + 1)
            fail_msg("round %llu: %f with all ways, %f with one of them", (unsigned long long)round, bound, most);
        by[x.by]++;
        all++;
        lower += most < bound - 0.5;
    }
    print_message("%u widths, %u shapes, %u numbers of tenants; the bound falls in %u of %u\n", by[SE_BY_WIDTH], by[SE_BY_SHAPE], by[SE_BY_LEVEL], lower, all);
    assert_true(by[SE_BY_WIDTH] && by[SE_BY_SHAPE] && by[SE_BY_LEVEL]);
    assert_true(lower * 2 > all);
}

/* A walk takes 64 ranks to a card at most. Where more would go on one, there are no sets: what is left out was missing from the bound, and what fits had no room. */
static void crowds_are_not_cut_short(void **st)
{
    (void)st;
    bt_auto_arena a = { 0 };
    struct bt_err err = { 0 };
    struct pl_problem *p;
    const char *text = "name: t\nworkloads:\n  a: {kind: service, command: [x], memory: 500MiB, replicas: 100}\n  b: {kind: service, command: [x], memory: 20GiB}\n";
    assert_int_equal(pl_problem_build(&a, plan_inputs(&a, text, "1xA100-SXM4-80GB"), "all", &p, &err), 0);
    unsigned walked = 0, crowded = 0;
    for (uint32_t n = 56; n <= 100; n += 4) {
        struct search *s = se_new(p, &a);
        struct pl_solution out = { 0 };
        uint32_t copies[2] = { p->work[0].copies_want > 1 ? n : 1, p->work[1].copies_want > 1 ? n : 1 };
        s->out = &out;
        s->limit = UINT64_MAX;
        s->wants_only = true;
        se_fix(s, copies, -1, &a);
        if (se_sets_start(s, &a)) {
            assert_true(se_sets_tighten(s, SE_FIRST_PRICES, SE_NO_ROOM) >= SE_NO_ROOM);          /* all of them have room */
            walked++;
        } else {
            assert_true(n > 60);
            crowded++;
        }
    }
    assert_true(walked > 0 && crowded > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(no_set_is_better_than_the_best), cmocka_unit_test(the_best_plan_is_not_left_out), cmocka_unit_test(prices_beside_copies_leave_the_best_plan),
                                        cmocka_unit_test(no_cut_takes_the_best_plan), cmocka_unit_test(units_and_cuts_hold_for_all_copies),
                                        cmocka_unit_test(crowds_are_not_cut_short), cmocka_unit_test(what_is_broken_is_settled) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

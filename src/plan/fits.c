/* fits - can so many copies of each work stand at all, each at its floor? A search for any way, of rooms alone: contexts, service and shared cards do not
 * count. Shapes that are needless are left out (fits_shapes.c); cards that are alike are one, and so is a way to be so far that led nowhere before
 * (fits_ways.c); who still finds room is asked before anybody is put, and says who comes next (fits_room.c). */
#include <math.h>
#include <string.h>

#include "plan/fits_int.h"

#define MAX_SEATS 64u                /* copies that are followed */
#define MORE_SHARE 2u                /* of the nodes of a look, so many more where its end is near */
#define FASTER 1.2                   /* what is walked later is walked so much faster, about: more of it is known */
#define FEW_NODES UINT64_C(3000)     /* for a first look in each order: what one does not see in a long time the other often sees at once */
#define FOUND_SHARE 8u               /* of a look at wants, for large copies first: that finds plans, the other order that there are none */
#define LOST_NODES 1u                /* what it costs to see that somebody has no place left */
#define NODES_EACH 4u                /* so many steps here are as much work as a node of the search */
#define STEPS_UNSEEN 1024u            /* between two looks at how much work that was */

static bool next_copy(struct sf_look *f, size_t depth, uint32_t copy);

/* ---- places ---- */

struct fitting {
    size_t work, depth, use;
    const struct se_shape *sh;
    uint32_t copy;
    uint64_t classes;
    const struct pl_copy *target;
    size_t card[BT_MAX_GPUS], now[BT_MAX_GPUS];
    uint64_t beside[BT_MAX_GPUS];    /* [class] of any rank, and those that follow on its card */
};

static bool stands(const struct sf_look *f, const struct fitting *x, size_t cls)
{
    const struct search *s = f->s;
    for (uint32_t i = 0; i < x->sh->cards; i++) {
        uint64_t floor = se_floor(s, &s->work[x->work], x->sh, cls, i, x->card[i]);
        if (x->sh->row[cls * x->sh->pp + i / x->sh->tp].need > floor || f->load[x->card[i]] + floor > s->p->cap[x->card[i]])
            return false;
    }
    return true;
}

static void put_ranks(struct sf_look *f, const struct fitting *x, size_t cls)
{
    const struct search *s = f->s;
    for (uint32_t i = 0; i < x->sh->cards; i++) {
        size_t g = x->card[i];
        f->load[g] += se_floor(s, &s->work[x->work], x->sh, cls, i, g);
        f->works[g] |= UINT64_C(1) << x->work;
        f->tenants[g]++;
        f->at_most[g] = BT_MIN(f->at_most[g], f->may[x->work][x->use * s->p->nclasses + s->p->cls[g]]);
        f->ranks[g] += se_mixed(se_mixed(x->work + 1, x->sh->index + 1), (i / x->sh->tp) * 4096 + cls);
        if (f->t->seat[x->work] != PL_NONE)
            f->sat[g] |= UINT64_C(1) << (f->t->seat[x->work] + x->copy);
    }
}

/* The copy is put: does each of those to come still find places? */
static bool others_go(struct sf_look *f, const struct fitting *x)
{
    bool last = x->copy + 1 == f->s->copies_most[x->work];
    if (x->depth + last == f->t->n || sf_each_goes(f, x->depth + last, last ? 0 : x->copy + 1))
        return true;
    f->s->nodes += LOST_NODES;
    f->seen += f->part;
    return false;
}

static bool put_all(struct sf_look *f, struct fitting *x)
{
    struct search *s = f->s;
    size_t cls = pl_cost_class(s->p, x->card, x->sh->cards);
    if (!stands(f, x, cls)) {
        f->seen += f->part;
        return false;
    }
    struct { uint64_t load, works, sat, ranks; uint32_t at_most; } was[BT_MAX_GPUS];
    for (uint32_t i = 0; i < x->sh->cards; i++) {
        size_t g = x->card[i];
        was[i].load = f->load[g];
        was[i].works = f->works[g];
        was[i].sat = f->sat[g];
        was[i].ranks = f->ranks[g];
        was[i].at_most = f->at_most[g];
    }
    put_ranks(f, x, cls);
    struct pl_copy *c = &f->copy[f->ncopies++];
    *c = (struct pl_copy){ .work = x->work, .replica = x->copy, .shape = x->sh->index, .card = x->card, .ncards = x->sh->cards };
    bool go = others_go(f, x);
    if (go && f->wants)
        se_put(s, c, x->sh, cls);
    bool all = go && next_copy(f, x->depth, x->copy + 1);
    if (go && f->wants)
        se_take_back(s);
    if (all) {
        c->card = BT_NEWN(s->a, size_t, c->ncards);
        memcpy(c->card, x->card, c->ncards * sizeof *c->card);
        return true;
    }
    f->ncopies--;
    for (uint32_t i = 0; i < x->sh->cards; i++) {
        size_t g = x->card[i];
        f->load[g] = was[i].load;
        f->works[g] = was[i].works;
        f->sat[g] = was[i].sat;
        f->ranks[g] = was[i].ranks;
        f->at_most[g] = was[i].at_most;
        f->tenants[g]--;
    }
    return false;
}

/* Ranks of a tensor-parallel group rise, and so do the first ranks of equal stages. */
static size_t first_place(const struct pl_work *k, const struct fitting *x, uint32_t rank)
{
    uint32_t tp = x->sh->tp;
    if (rank % tp)
        return (size_t)k->pos[x->card[rank - 1]] + 1;
    return rank && x->sh->like_before[rank / tp] ? (size_t)k->pos[x->card[rank - tp]] + 1 : 0;
}

/* By what was seen in the nodes so far, those that are left are about enough for the rest. */
static bool end_is_near(const struct sf_look *f)
{
    double used = (double)(f->s->nodes - f->from), left = (double)(f->most - BT_MIN(f->most, f->s->nodes));
    return left > 0 && used * (1 - f->seen) <= f->seen * left * FASTER;
}

/* Also those of bytes that are of use: they are many where little is free. */
static void count_steps(struct sf_look *f)
{
    uint64_t nodes = (f->steps - f->counted) / NODES_EACH;
    f->s->nodes += nodes;
    f->counted += nodes * NODES_EACH;
    if (f->s->nodes > f->end && end_is_near(f))
        f->end = BT_MIN(f->most, f->s->nodes + (f->s->nodes - f->from) / MORE_SHARE);
    f->over = f->over || f->s->nodes > f->end || se_late(f->s);
}

static bool next_rank(struct sf_look *f, struct fitting *x, uint32_t rank)
{
    const struct pl_problem *p = f->s->p;
    const struct pl_work *k = &p->work[x->work];
    if (rank == x->sh->cards)
        return put_all(f, x);
    size_t start = first_place(k, x, rank), goes[BT_MAX_GPUS], n = 0;
    uint64_t tried = 0;
    double part = f->part;
    if (++f->steps % STEPS_UNSEEN == 0)              /* of a long pipeline the orders of its stages alone are more than anybody waits for */
        count_steps(f);
    for (size_t i = 0; i < k->npool && !f->over; i++) {
        size_t g = k->pool[i];
        bool used = false;
        for (uint32_t r = 0; r < rank; r++)
            used = used || x->card[r] == g;
        if (used || tried >> x->now[g] & 1 || !pl_card_for(p, x->sh->cards, g))
            continue;
        tried |= UINT64_C(1) << x->now[g];
        if (i < start || !(x->classes >> p->cls[g] & 1) || x->beside[p->cls[g]] > p->cap[g] - f->load[g])
            continue;
        if ((x->target && !pl_is_on(x->target, g)) || !sf_may_stand_on(f, x->work, g) || !sf_more_tenants(f, x->work, x->use, g))
            continue;
        if (rank % x->sh->tp && strcmp(p->fleet->gpus[g].name, p->fleet->gpus[x->card[rank - 1]].name))
            continue;
        goes[n++] = g;
    }
    f->seen += n ? 0 : part;
    for (size_t i = 0; i < n && !f->over; i++) {
        x->card[rank] = goes[i];
        f->part = part / (double)n;
        if (next_rank(f, x, rank + 1))
            return true;
    }
    f->part = part;
    return false;
}

static bool one_shape(struct sf_look *f, size_t depth, uint32_t copy, size_t use, const size_t *now)
{
    struct search *s = f->s;
    size_t work = f->order[depth], same = s->p->work[work].same;
    struct fitting x = { .work = work, .depth = depth, .copy = copy, .use = use, .sh = sf_shape_of(f, work, use), .classes = f->classes[work][use] };
    const uint64_t *least = sf_least_of(f, work, use);
    if (same != PL_NONE && (s->p->work[same].cpu_only || copy >= s->copies_most[same])) {
        f->seen += f->part;
        return false;
    }
    x.target = same == PL_NONE ? NULL : &f->copy[f->first[same] + copy];
    if (x.target && x.target->ncards != x.sh->cards) {
        f->seen += f->part;
        return false;
    }
    memcpy(x.now, now, s->ncards * sizeof *now);
    for (size_t c = 0; c < s->p->nclasses; c++) {
        uint64_t more = sf_beside(f, work, x.sh->cards, copy, c);
        x.beside[c] = least[c] == UINT64_MAX || more == UINT64_MAX ? UINT64_MAX : least[c] + more;
    }
    f->taken[depth] = use;
    if (!f->wants)
        return next_rank(f, &x, 0);
    bool settled = s->settled[work];
    size_t was = s->shape_of[work];
    s->settled[work] = true;
    s->shape_of[work] = (size_t)(x.sh - s->work[work].shape);
    bool all = next_rank(f, &x, 0);
    s->settled[work] = settled;
    s->shape_of[work] = was;
    return all;
}

static bool may_want_more(const struct sf_look *f, size_t depth)
{
    int64_t least = f->s->best.v[BT_GOAL_WANTS] - f->s->as_good;
    if (!f->wants || se_wants_at_most(f->s, f->decided + depth) <= least)
        return !f->wants;
    return !f->grown || f->s->ncopies < 2 || se_grown_reach(f->s, f->grown, f->decided + depth, least + 1);
}

/* What is found ends a pass, but all that was walked before it need not be walked again: the look goes on for as long as it took so far. */
static bool goes_on(const struct sf_look *f) { return f->s->any && f->s->wants_only && !f->s->p->any_plan && !f->s->target; }

/* Everything stands. True: and that is what was looked for. */
static bool all_stand(struct sf_look *f)
{
    struct search *s = f->s;
    if (!f->wants)
        return true;
    if (s->as_good && !s->wide)
        se_leaf(s);
    if (s->as_good || s->wide)
        return se_wants_at_most(s, s->p->n) > s->best.v[BT_GOAL_WANTS] - s->as_good;
    struct pl_score was = s->best;
    if (!may_want_more(f, f->t->n))
        return false;
    se_leaf(s);
    if (pl_score_cmp(&s->best, &was, BT_GOAL_SERVICE) <= 0)
        return false;
    if (!goes_on(f))
        return true;
    s->stop = false;
    f->found = true;
    f->end = BT_MIN(f->end, s->nodes + (s->nodes - f->from));
    return false;
}

static bool next_copy(struct sf_look *f, size_t depth, uint32_t copy)
{
    struct search *s = f->s;
    if (depth < f->t->n && copy == s->copies_most[f->order[depth]])
        return next_copy(f, depth + 1, 0);
    if (depth == f->t->n) {
        f->seen += f->part;
        return all_stand(f);
    }
    count_steps(f);
    if (f->over)
        return false;
    struct sf_place seen[BT_MAX_GPUS];
    struct sf_tried *way = sf_way_so_far(f, depth, copy, seen);
    if (sf_known(f, way)) {
        f->seen += f->part;
        return false;
    }
    size_t now[BT_MAX_GPUS], next, ways = 0;
    double part = f->part;
    bool *goes = f->goes[f->ncopies];
    sf_alike(f, seen, now);
    memcpy(f->now, now, s->ncards * sizeof *now);
    if (sf_all_room(f, depth, copy, goes, &next) && may_want_more(f, depth)) {
        size_t work = f->order[next];
        sf_swap_works(f, depth, next);
        if (!copy) {
            sf_fill_minded(f, depth + 1);
            f->first[work] = f->ncopies;
        }
        for (size_t i = 0; i < f->nuse[work]; i++)
            ways += goes[i];
        for (size_t i = 0; i < f->nuse[work] && !f->over; i++) {
            f->part = part / (double)ways;
            if (goes[i] && one_shape(f, depth, copy, i, now))
                return true;
        }
        f->part = part;
        sf_swap_works(f, depth, next);
    }
    f->seen += ways ? 0 : part;
    if (!f->over)
        sf_remember(f, way);
    return false;
}

/* ---- set up ---- */

/* How much of cards a copy takes at least (of one, of a card and a half, ...), or one of its ranks. */
static double cards_taken(const struct sf_look *f, size_t work)
{
    const struct search *s = f->s;
    double least = INFINITY;
    for (size_t i = 0; i < f->nuse[work]; i++)
        for (size_t g = 0; g < s->ncards; g++) {
            double part = s->p->work[work].claim == PL_WHOLE || s->work[work].alone ? 1 : (double)sf_least_of(f, work, i)[s->p->cls[g]] / (double)s->p->cap[g];
            if (s->p->work[work].pos[g] >= 0 && f->classes[work][i] >> s->p->cls[g] & 1 && part <= 1)
                least = BT_MIN(least, f->how == SF_RANKS ? part : part * sf_shape_of(f, work, i)->cards);
        }
    return least;
}

/* Those that follow `follows` (PL_NONE: nobody), each with its own followers behind it. */
static void put_with_followers(struct sf_look *f, const size_t *by_size, size_t follows, size_t *n)
{
    for (size_t i = 0; i < f->t->n; i++) {
        size_t w = by_size[i], same = f->s->p->work[w].same;
        bool root = same == PL_NONE || f->s->p->work[same].cpu_only || !f->s->copies_most[same];
        if (follows == PL_NONE ? !root : root || same != follows)
            continue;
        f->order[(*n)++] = w;
        put_with_followers(f, by_size, w, n);
    }
}

/* Those that take most come first, counted with those that follow them. */
static void put_in_order(struct sf_look *f)
{
    double taken[64], *all = f->size;
    size_t by_size[64], n = 0;
    for (size_t i = 0; i < f->t->n; i++)
        taken[f->t->work[i]] = cards_taken(f, f->t->work[i]);
    for (size_t i = 0; i < f->t->n; i++) {
        size_t w = f->t->work[i], j = i;
        all[w] = taken[w];
        for (uint64_t left = f->t->followers[w]; left; left &= left - 1)
            all[w] += taken[__builtin_ctzll(left)];
        all[w] = BT_MAX(all[w], 1e-6);
        for (; j > 0 && all[by_size[j - 1]] < all[w]; j--)           /* equal ones stay as they are */
            by_size[j] = by_size[j - 1];
        by_size[j] = w;
    }
    put_with_followers(f, by_size, PL_NONE, &n);
}

bool se_fits_start(struct search *s, struct bt_arena *a)
{
    const struct pl_problem *p = s->p;
    size_t seats = 0;
    s->fits = NULL;
    if (p->n > 64 || s->ncards > BT_MAX_GPUS)
        return false;                /* a bit per work */
    struct se_fits *t = BT_NEW(a, struct se_fits);
    for (size_t d = 0; d < p->n; d++) {
        size_t w = s->order[d];
        t->seat[w] = PL_NONE;
        if (p->work[w].cpu_only || !s->copies_most[w])
            continue;
        t->work[t->n++] = w;
        sf_list_shapes(s, w, &t->shapes[w], a);
        t->most_shapes = BT_MAX(t->most_shapes, t->shapes[w].n);
        for (size_t j = 0; j < p->n; j++)
            t->friends[w] |= (uint64_t)p->may_share[w * p->n + j] << j;
        for (size_t up = p->work[w].same, n = p->n; up != PL_NONE && n; up = p->work[up].same, n--)
            t->followers[up] |= UINT64_C(1) << w;
        if (!p->work[w].followed)
            continue;
        t->seat[w] = seats;
        seats += s->copies_most[w];
        if (seats > MAX_SEATS)
            return false;
    }
    for (size_t g = 0; g < s->ncards; g++) {
        for (t->color[g] = 0; t->color[g] < g && !se_same_color(p, g, t->color[g]); )
            t->color[g]++;
        for (t->kind[g] = 0; strcmp(p->fleet->gpus[g].name, p->fleet->gpus[t->kind[g]].name); )
            t->kind[g]++;
    }
    t->useful = se_useful_new(s, t->color, t->friends, a);
    s->fits = t;
    return true;
}

static struct sf_look *start_look(struct search *s, struct bt_arena *a, enum sf_how how, bool wants, uint64_t nodes)
{
    struct sf_look *f = BT_NEW(a, struct sf_look);
    *f = (struct sf_look){ .s = s, .t = s->fits, .a = a, .from = s->nodes, .end = s->nodes + nodes, .part = 1, .how = how, .wants = wants };
    f->copy = BT_NEWN(a, struct pl_copy, s->max_copies + 1);
    f->first = BT_NEWN(a, size_t, s->p->n + 1);
    f->memo = sf_ways_for(s, a, wants, nodes);
    f->way = BT_NEWN(a, struct sf_tried *, s->max_copies + 1);
    f->goes = BT_NEWN(a, bool *, s->max_copies + 1);
    for (size_t i = 0; i <= s->max_copies; i++)
        f->goes[i] = BT_NEWN(a, bool, f->t->most_shapes + 1);
    for (size_t g = 0; g < s->ncards; g++)
        f->at_most[g] = UINT32_MAX;
    for (size_t i = 0; i < f->t->n; i++) {
        sf_pick_shapes(f, f->t->work[i]);
        f->may_go[f->t->work[i]] = BT_NEWN(a, bool, f->nuse[f->t->work[i]] + 1);
    }
    put_in_order(f);
    sf_fill_minded(f, 0);
    return f;
}

static enum se_fit look(struct search *s, enum sf_how how, uint64_t nodes)
{
    bt_auto_arena a = { 0 };
    struct sf_look *f = start_look(s, &a, how, false, nodes);
    bool all = sf_each_goes(f, 0, 0) && next_copy(f, 0, 0);
    if (all && !s->wide)
        se_try(s, f->copy, f->ncopies);
    return all ? SE_FITS : f->over ? SE_FIT_UNKNOWN : SE_FITS_NOT;
}

enum se_fit se_fits(struct search *s, uint64_t nodes)
{
    if (!s->fits)
        return SE_FIT_UNKNOWN;
    enum se_fit how = look(s, SF_COPIES, BT_MIN(FEW_NODES, nodes));
    if (how == SE_FIT_UNKNOWN && nodes >= FEW_NODES)
        how = look(s, SF_RANKS, FEW_NODES);
    return how == SE_FIT_UNKNOWN && nodes > FEW_NODES ? look(s, SF_FEWEST, nodes) : how;
}

static enum se_fit look_better(struct search *s, enum sf_how how, uint64_t nodes, uint64_t most)
{
    bt_auto_arena a = { 0 };
    struct sf_look *f = start_look(s, &a, how, true, nodes);
    f->most = s->nodes + most;
    f->grown = s->wide ? s->grown : se_grown_new(s, &a);
    size_t n = 0;
    for (size_t i = 0; i < s->p->n; i++)             /* the others are decided: without a card, or without a copy */
        if (s->p->work[i].cpu_only || !s->copies_most[i])
            s->order[n++] = i;
    f->decided = n;
    memcpy(s->order + n, f->order, f->t->n * sizeof *s->order);
    for (size_t d = 0; d < s->p->n; d++)
        s->depth_of[s->order[d]] = d;
    se_put_others(s);
    bool better = (sf_each_goes(f, 0, 0) && next_copy(f, 0, 0)) || (f->found && f->over);
    s->stop = s->stop || (f->found && f->over);
    while (s->ncopies)
        se_take_back(s);
    se_order(s, SE_HARD);
    return better ? SE_FITS : f->over ? SE_FIT_UNKNOWN : SE_FITS_NOT;
}

enum se_fit se_fits_better(struct search *s, uint64_t nodes, uint64_t most)
{
    if (!s->fits)
        return SE_FIT_UNKNOWN;
    uint64_t end = s->nodes + nodes, last = s->nodes + BT_MAX(nodes, most);
    enum se_fit how = look_better(s, SF_COPIES, nodes / FOUND_SHARE, 0);
    return how == SE_FIT_UNKNOWN && s->nodes < end ? look_better(s, SF_FEWEST, end - s->nodes, last - s->nodes) : how;
}

/* climb - a good plan where nobody waits for the whole tree: workloads are taken out and put back where all together gain most, one at a time, then several.
 *
 * A workload is put back with one shape on cards of one kind, beside few neighbours or many; its followers (same_gpus_as) go with it. What a placement is
 * worth is counted as the search counts it, but for contexts: each card's servers share its room, all by the same share of what they lack, and a server has
 * the least of its cards (kv.c lets the others go on then). Where several are put back, each pays for the empty cards that it takes, at the prices of the
 * service's bound: the first one would take them all otherwise. What comes out is scored exactly and kept where it is better. No chance: numbers are drawn
 * from a fixed seed, and the work is counted in nodes. */
#include <string.h>

#include "plan/search_int.h"

#define MOST_TENANTS 128             /* of a card, where the placement that is begun from has no more */
#define TRY_NODES 1
#define RUIN_MOST 7                  /* workloads taken out at once */

struct seat { size_t work; uint32_t copy, rank; };

struct worth { int64_t placed[64], wants, service, shared; uint32_t missing; };

struct placed { size_t shape; uint32_t n; size_t *card; };           /* of a work; n copies; card[copy * cards + rank] */

struct group { size_t cls; int island; };            /* cards of one kind, of one island or (-2) of any */

/* Works by what they have in common: those of i are of[start[i]] up to of[start[i + 1]], in their order. */
struct together { size_t *start, *of; };

struct climb {
    struct search *s;
    struct pl_problem *p;
    uint64_t end;
    struct placed *at;               /* [works] */
    size_t *base;                    /* [works] of its copies in the next ones */
    double *value; int64_t *service; bool *dirty; size_t *dirt, ndirt;
    int64_t *wants; bool *root_dirty; size_t *roots, nroots;         /* by ctx_root */
    struct seat **seat; uint32_t *nseats, tenants;                   /* [cards], of each no more than tenants */
    uint64_t *load; double *wish;    /* [cards] floors; bytes that their contexts would like beyond */
    struct group *group; size_t ngroups;
    size_t *unit_of;                 /* [works] the work whose cards it follows, in the end; itself */
    struct together in_unit, of_root, followers;     /* works of a unit; with the context of a work; right on its cards */
    struct worth now;
    double paid, rate;               /* prices of the cards that carry somebody, in thousandths; how much of them counts where somebody is put back */
    uint64_t seed;
};

static int worth_cmp(const struct climb *c, const struct worth *a, const struct worth *b)
{
    if (a->missing != b->missing)
        return a->missing < b->missing ? 1 : -1;
    for (size_t i = 0; i < c->s->nprio; i++)
        if (a->placed[i] != b->placed[i])
            return a->placed[i] > b->placed[i] ? 1 : -1;
    if (a->wants != b->wants)
        return a->wants > b->wants ? 1 : -1;
    if (a->service != b->service)
        return a->service > b->service ? 1 : -1;
    return (a->shared > b->shared) - (a->shared < b->shared);
}

/* ---- what is worth what ---- */

static const struct se_shape *shape_of(const struct climb *c, size_t w) { return &c->s->work[w].shape[c->at[w].shape]; }
static size_t *cards_of(const struct climb *c, size_t w, uint32_t copy) { return &c->at[w].card[(size_t)copy * shape_of(c, w)->cards]; }

static const struct se_row *row_of(const struct climb *c, const struct se_shape *sh, size_t card, uint32_t rank)
{
    return &sh->row[c->p->cls[card] * sh->pp + rank / sh->tp];
}

/* Of a placement that comes from elsewhere a pipeline may be on unequal cards: then its needs are those on the poorest. */
static size_t class_of(const struct climb *c, const struct se_shape *sh, const size_t *card)
{
    return sh->pp > 1 ? pl_cost_class(c->p, card, sh->cards) : c->p->cls[card[0]];
}

/* As slow as on the slowest. */
static double value_of(const struct climb *c, const struct se_shape *sh, const size_t *card, bool nvlink)
{
    double least = sh->sh->cost ? sh->value[c->p->cls[card[0]] * 2 + nvlink] : sh->best;
    for (uint32_t i = 1; i < sh->cards && sh->sh->cost && sh->pp > 1; i++)
        least = BT_MIN(least, sh->value[c->p->cls[card[i]] * 2 + nvlink]);
    return least;
}

static double wish_of(const struct climb *c, size_t w, const struct se_row *r)
{
    return r->slope > 0 ? r->slope * ((double)c->p->work[w].ctx_want - r->ctx0) : 0;
}

static void touch(struct climb *c, size_t w, uint32_t copy)
{
    size_t i = c->base[w] + copy, root = c->p->work[w].ctx_root;
    if (!c->dirty[i]) {
        c->dirty[i] = true;
        c->dirt[c->ndirt++] = i;
    }
    if (c->p->work[w].server && !c->root_dirty[root]) {
        c->root_dirty[root] = true;
        c->roots[c->nroots++] = root;
    }
}

static void touch_card(struct climb *c, size_t g)
{
    for (uint32_t i = 0; i < c->nseats[g]; i++)
        touch(c, c->seat[g][i].work, c->seat[g][i].copy);
}

static void seat(struct climb *c, size_t w, uint32_t copy)
{
    const struct se_shape *sh = shape_of(c, w);
    const size_t *card = cards_of(c, w, copy);
    size_t cls = class_of(c, sh, card);
    bool nvlink = sh->sh->cost && pl_nvlink(c->p, sh->sh, card);
    c->value[c->base[w] + copy] = value_of(c, sh, card, nvlink);
    c->now.shared -= c->p->work[w].server && sh->tp > 1 && !nvlink;
    for (uint32_t r = 0; r < sh->cards; r++) {
        size_t g = card[r];
        c->load[g] += se_floor(c->s, &c->s->work[w], sh, cls, r, g);
        c->wish[g] += wish_of(c, w, row_of(c, sh, g, r));
        c->seat[g][c->nseats[g]++] = (struct seat){ w, copy, r };
        c->now.shared -= c->nseats[g] == 2;
        c->paid += c->nseats[g] == 1 ? c->s->price[c->p->cls[g]] * 1000 : 0;
        touch_card(c, g);
    }
}

static void unseat(struct climb *c, size_t w, uint32_t copy)
{
    const struct se_shape *sh = shape_of(c, w);
    const size_t *card = cards_of(c, w, copy);
    size_t cls = class_of(c, sh, card);
    c->now.shared += c->p->work[w].server && sh->tp > 1 && !(sh->sh->cost && pl_nvlink(c->p, sh->sh, card));
    for (uint32_t r = 0; r < sh->cards; r++) {
        size_t g = card[r], i = 0;
        touch_card(c, g);
        c->load[g] -= se_floor(c->s, &c->s->work[w], sh, cls, r, g);
        c->wish[g] -= wish_of(c, w, row_of(c, sh, g, r));
        while (c->seat[g][i].work != w || c->seat[g][i].copy != copy || c->seat[g][i].rank != r)
            i++;
        c->now.shared += c->nseats[g] == 2;
        c->paid -= c->nseats[g] == 1 ? c->s->price[c->p->cls[g]] * 1000 : 0;
        memmove(&c->seat[g][i], &c->seat[g][i + 1], (--c->nseats[g] - i) * sizeof c->seat[g][i]);
    }
}

/* Of what it wants beyond the least, the share that the card's room allows all its servers. */
static double share_on(const struct climb *c, size_t g)
{
    double room = (double)c->p->cap[g] - (double)c->load[g], held = 0, all = 0;
    if (c->wish[g] <= room)
        return 1;
    for (uint32_t i = 0; i < c->nseats[g]; i++) {
        const struct seat *x = &c->seat[g][i];
        const struct se_row *r = row_of(c, shape_of(c, x->work), g, x->rank);
        double least = (double)c->p->work[x->work].ctx_min;
        if (r->slope <= 0)
            continue;
        held += r->slope * (r->ctx0 - least);
        all += r->slope * ((double)c->p->work[x->work].ctx_want - least);
    }
    return all > 0 ? BT_MIN(1.0, (room + held) / all) : 1;
}

static double context_of(const struct climb *c, size_t w)
{
    const struct pl_work *k = &c->p->work[w];
    double least = (double)k->ctx_want;
    const struct se_shape *sh = shape_of(c, w);
    for (uint32_t i = 0; i < c->at[w].n; i++)
        for (uint32_t r = 0; r < sh->cards; r++) {
            size_t g = cards_of(c, w, i)[r], cls = c->p->cls[g];
            const struct se_row *row = row_of(c, sh, g, r);
            double here = (double)k->ctx_want;
            if (row->slope > 0)
                here = BT_MAX(row->ctx0, (double)k->ctx_min + share_on(c, g) * (double)(k->ctx_want - k->ctx_min));
            if (sh->limit_ctx)
                here = BT_MIN(here, sh->limit_ctx[(cls * sh->pp + r / sh->tp) * c->p->nclasses + cls]);
            least = BT_MIN(least, here);
        }
    return BT_MAX(least, (double)k->ctx_min);
}

static int64_t wants_of(const struct climb *c, size_t root)
{
    double ctx = -1;
    int64_t sum = 0;
    const struct together *t = &c->of_root;
    for (size_t i = t->start[root]; i < t->start[root + 1]; i++)
        if (c->p->work[t->of[i]].server && c->at[t->of[i]].n) {
            double here = context_of(c, t->of[i]);
            ctx = ctx < 0 || here < ctx ? here : ctx;
        }
    for (size_t i = t->start[root]; i < t->start[root + 1] && ctx >= 0; i++) {
        const struct pl_work *k = &c->p->work[t->of[i]];
        if (k->server && c->at[t->of[i]].n && k->ctx_want)
            sum += se_thousandths(BT_MIN(1.0, ctx / (double)k->ctx_want));
    }
    return sum;
}

static int64_t service_of(const struct climb *c, size_t w, uint32_t copy)
{
    uint32_t most = 1;
    if (copy >= c->at[w].n)
        return 0;
    for (uint32_t r = 0; r < shape_of(c, w)->cards; r++)
        most = BT_MAX(most, c->nseats[cards_of(c, w, copy)[r]]);
    return se_thousandths(c->value[c->base[w] + copy] / most);
}

/* Totals of what was touched. */
static void reckon(struct climb *c)
{
    for (size_t i = 0; i < c->ndirt; i++) {
        size_t at = c->dirt[i], w = 0, end = c->p->n;
        while (end - w > 1) {        /* base[] rises */
            size_t mid = w + (end - w) / 2;
            if (c->base[mid] <= at)
                w = mid;
            else
                end = mid;
        }
        c->now.service -= c->service[at];
        c->service[at] = service_of(c, w, (uint32_t)(at - c->base[w]));
        c->now.service += c->service[at];
        c->dirty[at] = false;
    }
    for (size_t i = 0; i < c->nroots; i++) {
        size_t root = c->roots[i];
        c->now.wants -= c->wants[root];
        c->wants[root] = wants_of(c, root);
        c->now.wants += c->wants[root];
        c->root_dirty[root] = false;
    }
    c->ndirt = c->nroots = 0;
}

/* ---- in and out ---- */

static int64_t copies_worth(const struct climb *c, size_t w)
{
    return c->p->work[w].copies_want > 1 ? 1000 * (int64_t)c->at[w].n / c->p->work[w].copies_want : 0;
}

static void count(struct climb *c, size_t w, int by)
{
    bool must = !c->s->may_skip[w] && c->s->copies_least[w];
    c->now.wants += by * copies_worth(c, w);
    if (c->at[w].n && c->s->level_of[w] < c->s->nprio)
        c->now.placed[c->s->level_of[w]] += by;
    if (must && c->at[w].n)
        c->now.missing -= (uint32_t)by;
}

static void take_out(struct climb *c, size_t w)
{
    if (c->p->work[w].cpu_only)
        return;
    count(c, w, -1);
    for (uint32_t i = c->at[w].n; i-- > 0; )
        unseat(c, w, i);
    for (uint32_t i = 0; i < c->at[w].n; i++)
        touch(c, w, i);
    c->at[w].n = 0;
}

static void put_in(struct climb *c, size_t w)
{
    for (uint32_t i = 0; i < c->at[w].n; i++)
        seat(c, w, i);
    count(c, w, 1);
}

static void unit_out(struct climb *c, size_t unit)
{
    for (size_t i = c->in_unit.start[unit + 1]; i-- > c->in_unit.start[unit]; )
        take_out(c, c->in_unit.of[i]);
}

static void copy_place(const struct climb *c, size_t w, const struct placed *from, struct placed *to)
{
    to->shape = from->shape;
    to->n = from->n;
    if (from->n && !c->p->work[w].cpu_only)
        memcpy(to->card, from->card, (size_t)from->n * c->s->work[w].shape[from->shape].cards * sizeof *to->card);
}

static struct placed *room_for(const struct climb *c, struct bt_arena *a)
{
    struct placed *o = BT_NEWN(a, struct placed, c->p->n + 1);
    for (size_t w = 0; w < c->p->n; w++)
        o[w].card = BT_NEWN(a, size_t, (size_t)c->p->work[w].copies_want * BT_MAX_GPUS + 1);
    return o;
}

static bool joins(const struct climb *c, size_t w, size_t g)
{
    if (c->nseats[g] >= c->tenants)
        return false;
    for (uint32_t i = 0; i < c->nseats[g]; i++)
        if (!c->p->may_share[w * c->p->n + c->seat[g][i].work])
            return false;
    return true;
}

/* All ranks of the copy have room where they are to go, inside `memory` too, and tensor-parallel groups are of one kind; who sits on another's cards may have a
 * pool of its own. */
static bool has_room(const struct climb *c, size_t w, const struct se_shape *sh, const size_t *card)
{
    size_t cls = class_of(c, sh, card);
    for (uint32_t r = 0; r < sh->cards; r++) {
        uint64_t floor = se_floor(c->s, &c->s->work[w], sh, cls, r, card[r]);
        if (r % sh->tp && c->s->kind[card[r]] != c->s->kind[card[r - 1]])
            return false;
        if (c->p->work[w].pos[card[r]] < 0 || sh->row[cls * sh->pp + r / sh->tp].need > floor || c->load[card[r]] + floor > c->p->cap[card[r]] ||
            !joins(c, w, card[r]))
            return false;
    }
    return true;
}

/* The followers of a work that is in its place, each in its best shape of that width. False: one that must be there has no room. */
static bool follow(struct climb *c, size_t target)
{
    for (size_t f = c->followers.start[target]; f < c->followers.start[target + 1]; f++) {
        size_t w = c->followers.of[f];
        uint32_t most = BT_MIN(c->s->copies_most[w], c->at[target].n), best = 0;
        for (size_t i = 0; i < c->s->work[w].nshapes && most && !c->at[w].n; i++) {
            const struct se_shape *sh = &c->s->work[w].shape[i];
            if (sh->cards != shape_of(c, target)->cards)
                continue;
            c->at[w].shape = i;
            uint32_t n = 0;
            for (; n < most; n++) {
                memcpy(&c->at[w].card[(size_t)n * sh->cards], cards_of(c, target, n), sh->cards * sizeof(size_t));
                if (!has_room(c, w, sh, &c->at[w].card[(size_t)n * sh->cards]))
                    break;
                seat(c, w, n);
            }
            if (n >= BT_MAX(c->s->copies_least[w], 1u)) {
                best = n;
                c->at[w].n = n;
                count(c, w, 1);
                break;
            }
            while (n-- > 0)
                unseat(c, w, n);
        }
        if (!best && !c->s->may_skip[w] && c->s->copies_least[w])
            return false;
        if (best && !follow(c, w))
            return false;
    }
    return true;
}

/* ---- one workload ---- */

/* short_of: contexts there would not all be as wanted. */
struct offer { size_t card; bool short_of; int64_t loss; uint64_t left; };

static bool cheaper(const struct offer *a, const struct offer *b)
{
    if (a->short_of != b->short_of)
        return !a->short_of;
    return a->loss != b->loss ? a->loss < b->loss : a->left < b->left;
}

/* What those who sit there lose by one more. */
static int64_t loss_on(const struct climb *c, size_t g)
{
    int64_t sum = 0;
    for (uint32_t i = 0; i < c->nseats[g]; i++) {
        size_t at = c->base[c->seat[g][i].work] + c->seat[g][i].copy;
        sum += BT_MAX(c->service[at] - se_thousandths(c->value[at] / (c->nseats[g] + 1)), 0);
    }
    return sum;
}

/* Cards of the group for one copy, with no more than `tenants` there yet: into card[]. */
static bool pick(const struct climb *c, size_t w, const struct se_shape *sh, const struct group *on, uint32_t tenants, size_t *card)
{
    const struct pl_work *k = &c->p->work[w];
    struct offer best[BT_MAX_GPUS];
    uint32_t n = 0;
    uint64_t floor = 0;
    double wish = 0;
    for (uint32_t r = 0; r < sh->pp; r++) {
        wish = BT_MAX(wish, wish_of(c, w, &sh->row[on->cls * sh->pp + r]));
        if (sh->row[on->cls * sh->pp + r].need > se_floor(c->s, &c->s->work[w], sh, on->cls, r * sh->tp, c->p->cls_card[on->cls]))
            return false;
    }
    for (size_t i = 0; i < k->npool; i++) {
        size_t g = k->pool[i];
        if (c->p->cls[g] != on->cls || (on->island != -2 && c->p->fleet->gpus[g].island != on->island) || c->nseats[g] > tenants ||
            !pl_card_for(c->p, sh->cards, g) || !joins(c, w, g))
            continue;
        floor = 0;
        for (uint32_t r = 0; r < sh->pp; r++)
            floor = BT_MAX(floor, se_floor(c->s, &c->s->work[w], sh, on->cls, r * sh->tp, g));
        if (c->load[g] + floor > c->p->cap[g])
            continue;
        struct offer one = { g, (double)c->load[g] + (double)floor + c->wish[g] + wish > (double)c->p->cap[g], loss_on(c, g), c->p->cap[g] - c->load[g] };
        uint32_t j = n < sh->cards ? n++ : sh->cards;
        if (j == sh->cards && !cheaper(&one, &best[--j]))
            continue;
        for (; j > 0 && cheaper(&one, &best[j - 1]); j--)
            best[j] = best[j - 1];
        best[j] = one;
    }
    if (n < sh->cards)
        return false;
    for (uint32_t i = 0; i < n; i++) {               /* in the order of the pool */
        uint32_t j = i;
        for (; j > 0 && k->pos[card[j - 1]] > k->pos[best[i].card]; j--)
            card[j] = card[j - 1];
        card[j] = best[i].card;
    }
    return true;
}

/* As many copies as go, and its followers. False: not even the least; whatever is there then is to be taken out. */
static bool place(struct climb *c, size_t w, size_t shape, const struct group *on, uint32_t tenants)
{
    const struct se_shape *sh = &c->s->work[w].shape[shape];
    uint32_t n = 0;
    c->s->nodes += TRY_NODES;
    c->at[w].shape = shape;
    for (; n < c->s->copies_most[w]; n++) {
        size_t *card = &c->at[w].card[(size_t)n * sh->cards];
        if (!pick(c, w, sh, on, tenants, card) || !has_room(c, w, sh, card))
            break;
        seat(c, w, n);
    }
    c->at[w].n = n;
    count(c, w, 1);
    return n >= BT_MAX(c->s->copies_least[w], 1u) && follow(c, w);
}

struct way { size_t shape, group; uint32_t tenants; bool any; };

/* All that a unit adds to wants, and its followers to service, at most. */
static void unit_at_most(const struct climb *c, size_t unit, int64_t *wants, int64_t *service)
{
    *wants = *service = 0;
    for (size_t i = c->in_unit.start[unit]; i < c->in_unit.start[unit + 1]; i++) {
        size_t w = c->in_unit.of[i];
        *wants += 1000 * (c->p->work[w].server && c->p->work[w].ctx_want) + 1000 * (c->p->work[w].copies_want > 1);
        *service += w == unit ? 0 : se_thousandths(c->s->work[w].any.best * c->s->copies_most[w]);
    }
}

/* The unit is out: its best way back in, or to stay out. */
static void best_way(struct climb *c, size_t unit, struct way *best)
{
    const struct se_work *x = &c->s->work[unit];
    struct worth most, none;
    int64_t wants, others;
    reckon(c);
    most = none = c->now;
    double paid = c->paid;
    *best = (struct way){ 0 };
    unit_at_most(c, unit, &wants, &others);
    for (size_t i = 0; i < x->nshapes; i++)
        for (size_t g = 0; g < c->ngroups; g++)
            for (uint32_t t = 0; t < 4; t++) {
                uint32_t more = t == 3 ? c->tenants : t;
                size_t cls = c->group[g].cls;
                if (x->shape[i].least == UINT64_MAX || !x->on_class[cls] || (x->alone && t))
                    continue;
                double one = BT_MAX(x->shape[i].value[cls * 2], x->shape[i].value[cls * 2 + 1]);
                bool full = best->any && most.wants >= none.wants + wants;
                if (full && none.service + others + se_thousandths(one * c->s->copies_most[unit]) < most.service)
                    continue;        /* whatever it takes of others, this adds less */
                bool ok = place(c, unit, i, &c->group[g], more);
                reckon(c);
                struct worth here = c->now;
                here.service -= (int64_t)((c->paid - paid) * c->rate);
                if (ok && worth_cmp(c, &here, &most) > 0) {
                    most = here;
                    *best = (struct way){ i, g, more, true };
                }
                unit_out(c, unit);
            }
    reckon(c);
}

static void put_back(struct climb *c, size_t unit)
{
    struct way best;
    best_way(c, unit, &best);
    if (best.any && !place(c, unit, best.shape, &c->group[best.group], best.tenants))
        unit_out(c, unit);           /* cannot be: the same went a moment ago */
    reckon(c);
}

static bool is_unit(const struct climb *c, size_t w) { return c->unit_of[w] == w && !c->p->work[w].cpu_only; }

static unsigned drawn(struct climb *c, unsigned n)
{
    c->seed ^= c->seed << 13;
    c->seed ^= c->seed >> 7;
    c->seed ^= c->seed << 17;
    return (unsigned)((c->seed >> 11) % n);
}

/* ---- several ---- */

/* These out, and back in this order; as it was where that is no better. */
static bool rebuild(struct climb *c, const size_t *unit, size_t n, struct placed *was)
{
    struct worth before = c->now;
    int better;
    c->s->nodes += n;
    for (size_t i = 0; i < n; i++)
        for (size_t k = c->in_unit.start[unit[i]]; k < c->in_unit.start[unit[i] + 1]; k++)
            copy_place(c, c->in_unit.of[k], &c->at[c->in_unit.of[k]], &was[c->in_unit.of[k]]);
    for (size_t i = 0; i < n; i++)
        unit_out(c, unit[i]);
    for (size_t i = 0; i < n; i++)
        put_back(c, unit[i]);
    better = worth_cmp(c, &c->now, &before);
    if (better >= 0)                 /* as good elsewhere: further on from there */
        return better > 0;
    for (size_t i = 0; i < n; i++)
        unit_out(c, unit[i]);
    for (size_t i = 0; i < n; i++)
        for (size_t k = c->in_unit.start[unit[i]]; k < c->in_unit.start[unit[i] + 1]; k++) {
            size_t w = c->in_unit.of[k];
            if (c->p->work[w].cpu_only)
                continue;
            copy_place(c, w, &was[w], &c->at[w]);
            put_in(c, w);
        }
    reckon(c);
    return false;
}

/* One, and others: neighbours of those, or anybody. */
static size_t related(struct climb *c, const size_t *units, size_t nunits, size_t *out, size_t most)
{
    size_t n = 0;
    out[n++] = units[drawn(c, (unsigned)nunits)];
    for (unsigned tries = 0; n < most && tries < 40; tries++) {
        size_t from = out[drawn(c, (unsigned)n)], next = units[drawn(c, (unsigned)nunits)];
        if (c->at[from].n && drawn(c, 2)) {          /* a neighbour, else anybody */
            size_t g = cards_of(c, from, drawn(c, c->at[from].n))[drawn(c, shape_of(c, from)->cards)];
            next = c->unit_of[c->seat[g][drawn(c, c->nseats[g])].work];
        }
        bool in = false;
        for (size_t i = 0; i < n; i++)
            in = in || out[i] == next;
        if (!in)
            out[n++] = next;
    }
    return n;
}

/* ---- from and to a solution ---- */

static void load_solution(struct climb *c, const struct pl_solution *o)
{
    for (size_t i = 0; i < o->ncopies; i++) {
        const struct pl_copy *from = &o->copy[i];
        struct placed *at = &c->at[from->work];
        for (size_t j = 0; j < c->s->work[from->work].nshapes; j++)
            if (from->ncards && c->s->work[from->work].shape[j].index == from->shape)
                at->shape = j;
        if (from->ncards)
            memcpy(&at->card[(size_t)at->n * from->ncards], from->card, from->ncards * sizeof *from->card);
        at->n++;
    }
    for (size_t w = 0; w < c->p->n; w++) {           /* targets come before their followers */
        size_t target = c->p->work[w].same;
        if (c->p->work[w].cpu_only) {
            c->at[w].n = c->s->copies_most[w];
            continue;
        }
        if (c->at[w].n < c->s->copies_least[w] || (target != PL_NONE && c->at[w].n > c->at[target].n))
            c->at[w].n = 0;          /* too few are as good as none: all of them are looked for */
        put_in(c, w);
    }
    reckon(c);
}

static struct pl_solution as_solution(const struct climb *c)
{
    struct pl_solution o = { .found = true };
    o.copy = BT_NEWN(c->p->a, struct pl_copy, c->s->max_copies + 1);
    for (size_t w = 0; w < c->p->n; w++)
        for (uint32_t i = 0; i < c->at[w].n; i++) {
            struct pl_copy *to = &o.copy[o.ncopies++];
            *to = (struct pl_copy){ .work = w, .replica = i };
            if (c->p->work[w].cpu_only)
                continue;
            to->shape = shape_of(c, w)->index;
            to->ncards = shape_of(c, w)->cards;
            to->card = BT_NEWN(c->p->a, size_t, to->ncards);
            memcpy(to->card, cards_of(c, w, i), to->ncards * sizeof *to->card);
        }
    return o;
}

static void find_groups(struct climb *c)
{
    const struct bt_fleet *f = c->p->fleet;
    c->group = BT_NEWN(c->s->a, struct group, f->n * 2 + 1);
    for (size_t cls = 0; cls < c->p->nclasses; cls++) {
        size_t from = c->ngroups;
        for (size_t g = 0; g < f->n; g++) {
            bool seen = c->p->cls[g] != cls;
            for (size_t i = from; i < c->ngroups; i++)
                seen = seen || c->group[i].island == f->gpus[g].island;
            if (!seen)
                c->group[c->ngroups++] = (struct group){ cls, f->gpus[g].island };
        }
        if (c->ngroups - from > 1)
            c->group[c->ngroups++] = (struct group){ cls, -2 };
    }
}

/* key: PL_NONE = with nobody. */
static struct together by_key(struct bt_arena *a, const size_t *key, size_t n)
{
    struct together t = { BT_NEWN(a, size_t, n + 2), BT_NEWN(a, size_t, n + 1) };
    for (size_t i = 0; i < n; i++)
        if (key[i] != PL_NONE)
            t.start[key[i] + 2]++;
    for (size_t i = 2; i < n + 2; i++)
        t.start[i] += t.start[i - 1];
    for (size_t i = 0; i < n; i++)
        if (key[i] != PL_NONE)
            t.of[t.start[key[i] + 1]++] = i;
    return t;
}

/* fullest: copies of a card in the placement that is begun from. */
static bool start(struct climb *c, struct search *s, uint32_t fullest)
{
    size_t n = s->p->n, copies = 0;
    *c = (struct climb){ .s = s, .p = s->p, .seed = 0x9E3779B97F4A7C15u };
    c->at = BT_NEWN(s->a, struct placed, n + 1);
    c->base = BT_NEWN(s->a, size_t, n + 1);
    c->unit_of = BT_NEWN(s->a, size_t, n + 1);
    for (size_t w = 0; w < n; w++) {
        uint32_t most = 1;
        for (size_t i = 0; i < s->work[w].nshapes; i++) {
            most = BT_MAX(most, s->work[w].shape[i].cards);
            if (s->work[w].shape[i].cards > BT_MAX_GPUS)
                return false;
        }
        c->at[w].card = BT_NEWN(s->a, size_t, (size_t)most * s->copies_most[w] + 1);
        c->base[w] = copies;
        copies += s->copies_most[w];
        c->unit_of[w] = s->p->work[w].same == PL_NONE || s->p->work[w].cpu_only ? w : c->unit_of[s->p->work[w].same];        /* targets come first */
        c->now.missing += !s->may_skip[w] && s->copies_least[w] && !s->p->work[w].cpu_only;
    }
    size_t *key = BT_NEWN(s->a, size_t, n + 1);
    c->in_unit = by_key(s->a, c->unit_of, n);
    for (size_t w = 0; w < n; w++)
        key[w] = s->p->work[w].ctx_root;
    c->of_root = by_key(s->a, key, n);
    for (size_t w = 0; w < n; w++)
        key[w] = s->p->work[w].same;
    c->followers = by_key(s->a, key, n);
    c->value = BT_NEWN(s->a, double, copies + 1);
    c->service = BT_NEWN(s->a, int64_t, copies + 1);
    c->dirty = BT_NEWN(s->a, bool, copies + 1);
    c->dirt = BT_NEWN(s->a, size_t, copies + 1);
    c->wants = BT_NEWN(s->a, int64_t, n + 1);
    c->root_dirty = BT_NEWN(s->a, bool, n + 1);
    c->roots = BT_NEWN(s->a, size_t, n + 1);
    c->tenants = BT_MAX(BT_MIN((uint32_t)MOST_TENANTS, (uint32_t)s->max_copies), fullest);
    c->seat = BT_NEWN(s->a, struct seat *, s->ncards);
    for (size_t g = 0; g < s->ncards; g++)
        c->seat[g] = BT_NEWN(s->a, struct seat, c->tenants + 1);
    c->nseats = BT_NEWN(s->a, uint32_t, s->ncards);
    c->load = BT_NEWN(s->a, uint64_t, s->ncards);
    c->wish = BT_NEWN(s->a, double, s->ncards);
    find_groups(c);
    return true;
}

static uint32_t fullest_of(const struct search *s, const struct pl_solution *o)
{
    uint32_t *n = BT_NEWN(s->a, uint32_t, s->ncards), most = 0;
    for (size_t i = 0; i < o->ncopies; i++)
        for (uint32_t r = 0; r < o->copy[i].ncards; r++)
            most = BT_MAX(most, ++n[o->copy[i].card[r]]);
    return most;
}

bool se_climb(struct search *s, uint64_t budget, const struct pl_solution *from, struct pl_solution *out)
{
    struct climb c;
    size_t n = s->p->n, nunits = 0, *unit = BT_NEWN(s->a, size_t, n + 1), some[RUIN_MOST];
    if (!start(&c, s, from->found ? fullest_of(s, from) : 0))
        return false;
    struct placed *was = room_for(&c, s->a);
    c.end = s->nodes + budget;
    if (from->found)
        load_solution(&c, from);
    for (size_t d = 0; d < n; d++)                   /* the hardest first, as s->order has them */
        if (is_unit(&c, s->order[d]))
            unit[nunits++] = s->order[d];
    for (size_t i = 0; i < nunits && !from->found; i++)
        put_back(&c, unit[i]);
    for (bool better = true; better && s->nodes < c.end && !se_late(s); ) {
        better = false;
        for (size_t i = 0; i < nunits && s->nodes < c.end; i++)
            better = rebuild(&c, &unit[i], 1, was) || better;
    }
    while (nunits > 1 && s->nodes < c.end && !se_late(s)) {
        c.rate = 0.5 + drawn(&c, 4) * 0.25;          /* all greedy, or all by the prices of cards: either gets stuck */
        size_t m = related(&c, unit, nunits, some, BT_MIN(nunits, 2 + (size_t)drawn(&c, RUIN_MOST - 1)));
        rebuild(&c, some, m, was);
    }
    *out = as_solution(&c);
    return !c.now.missing;
}

/* boxes_deal - which copy goes into which box, with a place there that shows that it fits. What the copies of a box are in the end, its own plan decides.
 *
 * Each group first chooses how many cards its copies get (boxes_choice.c). Then the largest go first, each into the box where the fewest cards are left over;
 * who finds no empty cards joins others, at the contexts that are wanted or, where that does not fit, at the least ones. Where that leaves somebody out, all
 * are dealt again as tightly as they go; if more have a place then, as much towards their contexts is kept for them as leaves nobody out. */
#include <stdlib.h>
#include <string.h>

#include "plan/boxes.h"

#define PART_PHASES 6                /* of a workload in so many phases every set of them is tried */
#define SMALL_PARTS 4                /* a rank of less than such a part of a card is small */

struct tenant { size_t copy; uint64_t phases; };
struct seat { struct tenant *v; size_t n; uint64_t floor, full; };   /* of one card; bytes of all its tenants, whatever their phases */

#define RETRIES 12u                  /* of a deal in which somebody who must have a place finds none, */
#define RETRY_WORK 400000u           /* and of (group, machine) pairs in all of them */

/* On empty cards; beside others, all with the contexts wanted; with the least. */
enum how { ALONE, AT_WISH, AT_FLOOR };

struct deal {
    struct bx *b;
    struct seat *seat;               /* [cards of the fleet] */
    size_t *empty;                   /* [boxes] cards without a tenant */
    struct bx_pick *choice;          /* [ngroups] the option it wants: SIZE_MAX = none */
    size_t *order, *later;           /* [ngroups] who must have a place, one after the other; who may be left out, and who gets more copies */
    uint32_t *placed, *shape;        /* [ngroups] copies, and the cards of each */
    uint64_t during;                 /* phases of the copy that is dealt; 0 = of its group */
    size_t *shape_cls;               /* [ngroups] the class of the first copy */
    uint64_t *room;                  /* [boxes] bytes that its emptiest card has left, at floors; said for one phase alone */
    bool few, tight, loose;          /* as much as will go: few bytes; and cards filled up one after the other; but for small ones */
    const uint32_t *wanted;          /* [ngroups] more than 0: is to have a place as if it must; NULL: nobody else */
    enum how most;                   /* no tighter than that */
    double ease;                     /* of what lies between the least contexts and those wanted, the part that counts as taken; tight alone */
};

/* ---- seats ---- */

static bool in_pool(const struct bx_group *g, size_t card)
{
    size_t low = 0, high = g->npool;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (g->pool[mid] == card)
            return true;
        if (g->pool[mid] < card)
            low = mid + 1;
        else
            high = mid;
    }
    return !g->pool;
}

static bool groups_share(const struct bx *b, const struct bx_group *x, const struct bx_group *y)
{
    if (x->sociable && y->sociable)
        return true;
    for (size_t i = 0; i < x->nmembers; i++)
        for (size_t j = 0; j < y->nmembers; j++) {
            const struct bt_workload *v = &b->in->spec->w[x->member[i]], *w = &b->in->spec->w[y->member[j]];
            if (bx_takes_whole(v) || bx_takes_whole(w) || !pl_lets_share(v, w))
                return false;
        }
    return true;
}

/* How a card would take a rank: tenants beside it in its fullest phase, bytes left over; false: not at all. */
struct view { size_t card, tenants; uint64_t left; };

static uint64_t phases_of(const struct deal *d, const struct bx_group *g) { return d->during ? d->during : g->phases; }

static bool look(const struct deal *d, const struct bx_group *g, const struct bx_option *o, size_t card, bool floors, struct view *out)
{
    const struct bx *b = d->b;
    const struct seat *s = &d->seat[card];
    uint64_t cap = bt_gpu_capacity(&b->fleet->gpus[card]), most = 0, mine = floors ? bx_floor_at(d->ease, o) : o->full;
    *out = (struct view){ .card = card };
    if (!in_pool(g, card) || (o->cards > 1 && b->fleet->gpus[card].mig_of))       /* of MIG a process sees one instance */
        return false;
    if (b->nphases == 1 && (floors ? s->floor : s->full) + mine > cap)
        return false;
    for (size_t ph = 0; ph < b->nphases; ph++) {
        uint64_t sum = 0;
        size_t n = 0;
        if (!(phases_of(d, g) >> ph & 1))
            continue;
        for (size_t i = 0; i < s->n; i++) {
            const struct bx_copy *c = &b->copy[s->v[i].copy];
            if (!(s->v[i].phases >> ph & 1))
                continue;
            if (o->whole || !groups_share(b, g, &b->group[c->group]))
                return false;
            sum += floors ? c->floor : c->full;
            n++;
        }
        most = BT_MAX(most, sum);
        out->tenants = BT_MAX(out->tenants, n);
    }
    if (most + mine > cap)
        return false;
    out->left = cap - most - mine;
    return true;
}

static int by_view(const void *x, const void *y)
{
    const struct view *a = x, *b = y;
    if (a->tenants != b->tenants)
        return a->tenants < b->tenants ? -1 : 1;
    if (a->left != b->left)
        return a->left > b->left ? -1 : 1;
    return (a->card > b->card) - (a->card < b->card);
}

static int by_left(const void *x, const void *y)
{
    const struct view *a = x, *b = y;
    if (a->left != b->left)
        return a->left < b->left ? -1 : 1;
    return (a->card > b->card) - (a->card < b->card);
}

struct place { size_t box; size_t card[BT_MAX_GPUS]; size_t spare, tenants; };

/* One kind of GPU inside a tensor-parallel group: the first kind of which there are enough. */
static size_t enough_of_a_kind(const struct bx *b, struct view *v, size_t n, size_t want, size_t *out)
{
    out[0] = 0;
    if (want == 1 || !n)
        return n > 0;
    for (size_t i = 0; i < n; i++) {
        size_t m = 0;
        for (size_t j = 0; j < n && m < want; j++)
            if (!strcmp(b->fleet->gpus[v[j].card].name, b->fleet->gpus[v[i].card].name))
                out[m++] = j;
        if (m == want)
            return m;
    }
    for (size_t j = 0; j < want && j < n; j++)       /* a pipeline over several kinds, perhaps */
        out[j] = j;
    return BT_MIN(want, n);
}

/* Of a deal that is tight: small ones may lie where there are few. */
static bool packs(const struct deal *d, const struct bx_option *o, size_t card)
{
    return d->tight && (!d->loose || o->cards > 1 || bx_floor_at(d->ease, o) > bt_gpu_capacity(&d->b->fleet->gpus[card]) / SMALL_PARTS);
}

static bool place_in(const struct deal *d, const struct bx_group *g, const struct bx_option *o, size_t box, enum how how, struct place *out)
{
    const struct bt_box *x = &d->b->fleet->box[box];
    struct view v[BT_MAX_GPUS];
    size_t n = 0, at[BT_MAX_GPUS];
    if (d->b->nphases == 1 && ((how == ALONE && d->empty[box] < o->cards) || d->room[box] < bx_floor_at(d->ease, o)))
        return false;
    for (size_t i = 0; i < x->n; i++)
        if (look(d, g, o, x->first + i, how == AT_FLOOR, &v[n]) && (how != ALONE || !v[n].tenants))
            n++;
    if (n < o->cards)
        return false;
    qsort(v, n, sizeof *v, packs(d, o, v[0].card) ? by_left : by_view);          /* the fullest cards that still hold it */
    if (enough_of_a_kind(d->b, v, n, o->cards, at) < o->cards)
        return false;
    *out = (struct place){ .box = box, .spare = n - o->cards };
    for (size_t i = 0; i < o->cards; i++) {
        out->card[i] = v[at[i]].card;
        out->tenants = BT_MAX(out->tenants, v[at[i]].tenants);
    }
    return true;
}

/* The box where the fewest empty cards are left over; among others the one with the fewest neighbours, then the most room. */
static bool find_place(const struct deal *d, const struct bx_group *g, const struct bx_option *o, size_t cls, enum how how, const bool *closed,
                       struct place *out)
{
    bool found = false;
    for (size_t i = 0; i < d->b->fleet->nboxes; i++) {
        struct place p;
        if (d->b->class_of[i] != cls || (closed && closed[i]) || !place_in(d, g, o, i, how, &p))
            continue;
        bool fewer = p.tenants < out->tenants || (p.tenants == out->tenants && p.spare > out->spare);
        bool wins = !found || (how == ALONE || packs(d, o, p.card[0]) ? p.spare < out->spare : fewer);
        if (wins)
            *out = p;
        found = true;
        if (how == ALONE && !p.spare)
            break;
    }
    return found;
}

static void count_room(struct deal *d, size_t box)
{
    const struct bt_box *x = &d->b->fleet->box[box];
    d->room[box] = 0;
    for (size_t i = x->first; i < x->first + x->n; i++) {
        uint64_t cap = bt_gpu_capacity(&d->b->fleet->gpus[i]);
        d->room[box] = BT_MAX(d->room[box], cap - BT_MIN(cap, d->seat[i].floor));
    }
}

static void sit(struct deal *d, size_t copy)
{
    struct bx_copy *c = &d->b->copy[copy];
    for (uint32_t i = 0; i < c->ncards; i++) {
        struct seat *s = &d->seat[c->card[i]];
        d->empty[c->box] -= s->n == 0;
        struct tenant t = { copy, c->phases };
        s->floor += c->floor;
        s->full += c->full;
        BT_PUSH(d->b->a, s->v, s->n, t);
    }
    count_room(d, c->box);
}

static void stand_up(struct deal *d, size_t copy)
{
    struct bx_copy *c = &d->b->copy[copy];
    for (uint32_t i = 0; i < c->ncards; i++) {
        struct seat *s = &d->seat[c->card[i]];
        struct tenant *v = NULL;
        size_t n = 0;
        for (size_t j = 0; j < s->n; j++)
            if (s->v[j].copy != copy)
                BT_PUSH(d->b->a, v, n, s->v[j]);
        *s = (struct seat){ v, n, s->floor - c->floor, s->full - c->full };
        d->empty[c->box] += n == 0;
    }
    count_room(d, c->box);
}

static void add_copy(struct deal *d, size_t group, uint32_t replica, const struct bx_option *o, const struct place *p)
{
    struct bx *b = d->b;
    struct bx_copy c = { .group = group, .replica = replica, .box = p->box, .ncards = o->cards, .floor = bx_floor_at(d->ease, o), .full = o->full,
                         .phases = phases_of(d, &b->group[group]) };
    c.card = BT_NEWN(b->a, size_t, o->cards + 1);
    memcpy(c.card, p->card, o->cards * sizeof *c.card);
    BT_PUSH(b->a, b->copy, b->ncopies, c);
    sit(d, b->ncopies - 1);
}

static void take_back(struct deal *d, size_t to)
{
    while (d->b->ncopies > to)
        stand_up(d, --d->b->ncopies);
}

/* ---- dealing ---- */

/* Copies of one server have one shape, wherever they are: are the best of so many cards the same for all members in both classes? */
static bool same_shapes(const struct bx *b, const struct bx_group *g, size_t x, size_t y, uint32_t cards)
{
    for (size_t m = 0; m < g->nmembers && x != y; m++) {
        const struct bx_option *i = bx_with_cards(&b->menu[x][g->member[m]], cards), *j = bx_with_cards(&b->menu[y][g->member[m]], cards);
        if (!i || !j || i->tp != j->tp || i->pp != j->pp)
            return false;
    }
    return true;
}

/* Copies [from, to) of the group in this option, all of them or none. */
static bool deal_copies(struct deal *d, size_t group, size_t cls, const struct bx_option *o, uint32_t from, uint32_t to, enum how how)
{
    const struct bx_group *g = &d->b->group[group];
    size_t before = d->b->ncopies;
    for (uint32_t r = from; r < to; r++) {
        struct place p;
        const struct bx_option *there = o;
        bool found = find_place(d, g, o, cls, how, NULL, &p);
        for (size_t c = 0; !found && c < d->b->ncls; c++)        /* the same shape on other machines, with its bytes there */
            for (size_t i = 0; c != cls && i < g->noptions[c] && !found; i++) {
                there = &g->option[c][i];
                found = there->cards == o->cards && same_shapes(d->b, g, cls, c, o->cards) && find_place(d, g, there, c, how, NULL, &p);
            }
        if (!found) {
            take_back(d, before);
            return false;
        }
        add_copy(d, group, r, there, &p);
    }
    if (!from)
        d->shape_cls[group] = cls;
    d->shape[group] = o->cards;
    return true;
}

/* The option chosen, then the others, the best first. */
static bool deal_group(struct deal *d, size_t group, uint32_t from, uint32_t to, enum how how)
{
    const struct bx *b = d->b;
    const struct bx_group *g = &b->group[group];
    struct bx_pick all[BX_PICKS];
    size_t n = d->few ? bx_picks_by_bytes(b, d->ease, g, all, BX_PICKS) : bx_picks(b, g, true, all, BX_PICKS);
    for (size_t i = 0; i <= n; i++) {                /* 0: the one chosen */
        struct bx_pick x = i ? all[i - 1] : d->choice[group];
        if (x.option == SIZE_MAX || (i && x.cls == d->choice[group].cls && x.option == d->choice[group].option))
            continue;
        if (d->placed[group] && (bx_picked(g, x)->cards != d->shape[group] || !same_shapes(b, g, x.cls, d->shape_cls[group], d->shape[group])))
            continue;
        if (deal_copies(d, group, x.cls, bx_picked(g, x), from, to, how))
            return true;
    }
    return false;
}

struct turn { size_t group; int64_t priority; bool pool, whole; uint32_t cards; uint64_t bytes; };

/* Who may not go everywhere goes first, then who takes whole cards, then the largest. */
static int by_turn(const void *x, const void *y)
{
    const struct turn *a = x, *b = y;
    if (a->pool != b->pool)
        return a->pool ? -1 : 1;
    if (a->whole != b->whole)
        return a->whole ? -1 : 1;
    if (a->cards != b->cards)
        return a->cards > b->cards ? -1 : 1;
    if (a->bytes != b->bytes)
        return a->bytes > b->bytes ? -1 : 1;
    return (a->group > b->group) - (a->group < b->group);
}

/* By priority; then who takes least, so that most have a place. */
static int by_priority(const void *x, const void *y)
{
    const struct turn *a = x, *b = y;
    if (a->priority != b->priority)
        return a->priority > b->priority ? -1 : 1;
    if (a->bytes * a->cards != b->bytes * b->cards)
        return a->bytes * a->cards < b->bytes * b->cards ? -1 : 1;
    return by_turn(x, y);
}

static void order_groups(struct deal *d)
{
    const struct bx *b = d->b;
    struct turn *turn = BT_NEWN(b->a, struct turn, b->ngroups + 1);
    for (size_t i = 0; i < b->ngroups; i++) {
        const struct bx_group *g = &b->group[i];
        const struct bx_option *o = d->choice[i].option == SIZE_MAX ? NULL : &g->option[d->choice[i].cls][d->choice[i].option];
        turn[i] = (struct turn){ .group = i, .pool = g->pool != NULL, .whole = o && o->whole, .cards = o ? o->cards : 0,
                                 .bytes = o && d->few ? bx_floor_at(d->ease, o) : 0, .priority = b->in->spec->w[g->member[0]].priority };
    }
    qsort(turn, b->ngroups, sizeof *turn, by_turn);
    for (size_t i = 0; i < b->ngroups; i++) {
        size_t j = i;
        for (; j > 0 && b->ahead && b->ahead[turn[i].group] > b->ahead[d->order[j - 1]]; j--)
            d->order[j] = d->order[j - 1];
        d->order[j] = turn[i].group;
    }
    qsort(turn, b->ngroups, sizeof *turn, by_priority);
    for (size_t i = 0; i < b->ngroups; i++)
        d->later[i] = turn[i].group;
}

/* Servers on the CPU and commands without cards: box after box. */
static void deal_hosts(struct deal *d)
{
    struct bx *b = d->b;
    size_t box = 0;
    for (size_t i = 0; i < b->ngroups; i++)
        for (uint32_t r = 0; b->group[i].host && r < b->group[i].want; r++) {
            struct bx_copy c = { .group = i, .replica = r, .box = box++ % b->fleet->nboxes, .phases = b->group[i].phases };
            BT_PUSH(b->a, b->copy, b->ncopies, c);
        }
}

/* One copy more in as many of its group's phases as have room for it: it sleeps, or is not there, in the others. */
static bool deal_in_part(struct deal *d, size_t group, enum how how)
{
    const struct bx_group *g = &d->b->group[group];
    bool found = false;
    for (unsigned left = bx_nphases(g) - 1; left > 0 && !found; left--)
        for (uint64_t in = g->phases & (g->phases - 1); in && !found; in = (in - 1) & g->phases) {     /* every set of them, without the first one or with it */
            d->during = in;
            found = (unsigned)__builtin_popcountll(in) == left && deal_group(d, group, d->placed[group], d->placed[group] + 1, how);
        }
    d->during = 0;
    return found;
}

/* Copies with which one that may be left out stands at all. */
static uint32_t least_copies(const struct deal *d, size_t group)
{
    return bx_copies_least(&d->b->in->spec->w[d->b->group[group].member[0]]);
}

static void deal_more_in_part(struct deal *d)
{
    struct bx *b = d->b;
    for (enum how how = ALONE; how <= AT_FLOOR && !b->copies; how++)
        for (size_t k = 0; k < b->ngroups; k++) {    /* who may be left out is there in some of its phases before anybody has more copies */
            size_t i = d->later[k];
            const struct bx_group *g = &b->group[i];
            bool in_none = !g->host && !d->placed[i] && least_copies(d, i) == 1 && bx_nphases(g) >= 2 && bx_nphases(g) <= PART_PHASES;
            d->placed[i] += in_none && deal_in_part(d, i, how);
        }
    for (enum how how = ALONE; how <= AT_FLOOR && !b->copies; how++)
        for (size_t k = 0; k < b->ngroups; k++) {
            size_t i = d->order[k];
            const struct bx_group *g = &b->group[i];
            if (g->host || !d->placed[i] || bx_nphases(g) < 2 || bx_nphases(g) > PART_PHASES)
                continue;
            while (d->placed[i] < g->want && deal_in_part(d, i, how))
                d->placed[i]++;
        }
}

/* Those who must have a place, then the others. False: *left found none. */
static bool deal_all(struct deal *d, size_t *left)
{
    struct bx *b = d->b;
    for (enum how how = d->tight ? AT_FLOOR : ALONE; how <= d->most; how++)
        for (size_t k = 0; k < b->ngroups; k++) {
            const struct bx_group *g = &b->group[d->order[k]];
            *left = d->order[k];
            uint32_t least = g->min ? g->min : d->wanted && d->wanted[*left] ? least_copies(d, *left) : 0;
            if (g->host || !least || d->placed[*left])
                continue;
            if (deal_group(d, *left, 0, least, how))
                d->placed[*left] = least;
            else if (how == d->most)
                return false;
        }
    for (enum how how = d->tight ? AT_FLOOR : ALONE; how <= d->most; how++)
        for (size_t k = 0; k < b->ngroups; k++) {    /* a place for everybody comes before more copies of anybody */
            size_t i = d->later[k];
            if (!b->group[i].host && !d->placed[i] && deal_group(d, i, 0, least_copies(d, i), how))
                d->placed[i] = least_copies(d, i);
        }
    for (enum how how = ALONE; how <= d->most; how++)
        for (size_t k = 0; k < b->ngroups; k++) {
            size_t i = d->later[k];
            while (!b->group[i].host && d->placed[i] && d->placed[i] < b->group[i].want && deal_group(d, i, d->placed[i], d->placed[i] + 1, how))
                d->placed[i]++;
        }
    deal_more_in_part(d);
    deal_hosts(d);
    return true;
}

static struct deal new_deal(struct bx *b)
{
    struct deal d = { .b = b, .seat = BT_NEWN(b->a, struct seat, b->fleet->n), .empty = BT_NEWN(b->a, size_t, b->fleet->nboxes),
                      .room = BT_NEWN(b->a, uint64_t, b->fleet->nboxes), .shape_cls = BT_NEWN(b->a, size_t, b->ngroups + 1),
                      .choice = BT_NEWN(b->a, struct bx_pick, b->ngroups + 1),
                      .order = BT_NEWN(b->a, size_t, b->ngroups + 1), .later = BT_NEWN(b->a, size_t, b->ngroups + 1),
                      .placed = BT_NEWN(b->a, uint32_t, b->ngroups + 1), .shape = BT_NEWN(b->a, uint32_t, b->ngroups + 1) };
    for (size_t i = 0; i < b->fleet->nboxes; i++) {
        d.empty[i] = b->fleet->box[i].n;
        count_room(&d, i);
    }
    b->copy = NULL;
    b->ncopies = 0;
    return d;
}

/* Whoever left it open gets more copies, one after the other, as long as there are empty cards for them: nobody is worse off by that. */
static void deal_open(struct deal *d)
{
    struct bx *b = d->b;
    for (bool more = true; more; ) {
        more = false;
        for (size_t k = 0; k < b->ngroups; k++) {
            size_t i = d->order[k];
            if (!b->copies[i] || !d->placed[i] || d->placed[i] == PL_MAX_COPIES || !deal_group(d, i, d->placed[i], d->placed[i] + 1, ALONE))
                continue;
            b->copies[i] = ++d->placed[i];
            more = true;
        }
    }
}

/* How to deal: the shapes that are worth most, or those of few bytes; spread, or card after card. */
struct manner { bool few, tight, loose; double ease; enum how most; };

/* False: somebody who must have a place has none. */
static bool deal_once(struct bx *b, struct deal *d, struct manner how, const uint32_t *wanted, size_t *left)
{
    *d = new_deal(b);
    d->few = how.few;
    d->tight = how.tight;
    d->loose = how.loose;
    d->ease = how.ease;
    d->wanted = wanted;
    d->most = how.most;
    if (how.few)
        bx_choose_fewest(b, d->ease, d->choice);
    else
        bx_choose(b, d->choice);
    order_groups(d);
    return deal_all(d, left);
}

/* Who has a place in one and not in the other, by priority, the first that tells: > 0 x has more. */
static int64_t more_placed(const struct deal *x, const struct deal *y)
{
    const struct bx *b = x->b;
    int64_t more = 0, priority = INT64_MIN;
    for (size_t k = 0; k < b->ngroups; k++) {
        const struct bx_group *g = &b->group[x->later[k]];
        if (b->in->spec->w[g->member[0]].priority != priority && more)
            return more;
        priority = b->in->spec->w[g->member[0]].priority;
        more += ((x->placed[x->later[k]] > 0) - (y->placed[x->later[k]] > 0)) * (int64_t)g->nmembers;
    }
    return more;
}

static bool all_are_in(const struct deal *d)
{
    for (size_t i = 0; i < d->b->ngroups; i++)
        if (!d->b->group[i].host && !d->placed[i])
            return false;
    return true;
}

struct dealt { struct deal d; struct bx_copy *copy; size_t ncopies; };

/* Everybody whom the tightest way gives a place, in the best manner that gives them one. No copies: not even that has one for all who must. */
static struct dealt deal_tightly(struct bx *b, size_t *left)
{
    static const struct manner manners[] = {         /* all contexts as wanted, then less of them */
        { .most = AT_WISH }, { .few = true, .most = AT_WISH }, { true, true, true, 1, AT_FLOOR }, { .most = AT_FLOOR },
        { true, true, true, 0.75, AT_FLOOR }, { true, true, true, 0.5, AT_FLOOR }, { true, true, true, 0.25, AT_FLOOR },
    };
    struct dealt best = { 0 };
    size_t nobody;
    b->ahead = BT_NEWN(b->a, uint32_t, b->ngroups + 1);
    for (uint32_t again = 1; !deal_once(b, &best.d, (struct manner){ .few = true, .tight = true, .most = AT_FLOOR }, NULL, left); again++) {
        if (again > RETRIES || again * b->ngroups * b->fleet->nboxes > RETRY_WORK)
            return best;
        b->ahead[*left] = again;     /* who found no place goes first: others have more ways to stand beside it */
    }
    best.copy = b->copy;
    best.ncopies = b->ncopies;
    for (size_t i = 0; i < BT_LEN(manners); i++) {
        struct deal d;
        if (deal_once(b, &d, manners[i], best.d.placed, &nobody) && more_placed(&d, &best.d) >= 0)
            return (struct dealt){ d, b->copy, b->ncopies };
    }
    return best;
}

bool bx_deal(struct bx *b, size_t *left)
{
    struct deal d;
    bool ok = deal_once(b, &d, (struct manner){ .most = AT_FLOOR }, NULL, left);
    if (!ok || !all_are_in(&d)) {
        struct dealt first = { d, b->copy, b->ncopies }, tight = deal_tightly(b, left);
        if (!tight.ncopies && !ok)
            return false;
        bool better = tight.ncopies && (!ok || more_placed(&tight.d, &d) > 0);
        struct dealt *taken = better ? &tight : &first;
        d = taken->d;
        b->copy = taken->copy;
        b->ncopies = taken->ncopies;
    }
    if (b->copies)
        deal_open(&d);
    return true;
}

bool bx_redeal(struct bx *b, size_t copy, const bool *closed)
{
    struct bx_copy *all = b->copy, *c = &b->copy[copy];
    size_t n = b->ncopies;
    struct deal d = new_deal(b);
    b->copy = all;
    b->ncopies = n;
    const struct bx_group *g = &b->group[c->group];
    d.during = c->phases;
    for (size_t i = 0; i < n; i++)
        if (i != copy)
            sit(&d, i);
    for (enum how how = ALONE; how <= AT_FLOOR; how++)
        for (size_t cls = 0; cls < b->ncls; cls++)
            for (size_t i = g->noptions[cls]; i-- > 0; ) {
                struct place p;
                const struct bx_option *o = &g->option[cls][i];
                bool other = g->want > 1 && (o->cards != c->ncards || !same_shapes(b, g, cls, b->class_of[c->box], o->cards));
                if (other || !find_place(&d, g, o, cls, how, closed, &p))
                    continue;
                *c = (struct bx_copy){ .group = c->group, .replica = c->replica, .box = p.box, .ncards = o->cards, .floor = o->floor, .full = o->full,
                                       .phases = d.during, .card = BT_NEWN(b->a, size_t, o->cards + 1) };
                memcpy(c->card, p.card, o->cards * sizeof *c->card);
                return true;
            }
    return false;
}

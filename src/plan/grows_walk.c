/* grows_walk - what contexts a set of neighbours grows to at most, and the best set for one card at given prices. */
#include <math.h>
#include <string.h>

#include "plan/grows_int.h"

#define WALK_STEPS 6000u            /* of one walk; what is left then is bounded from above */
#define WORTH_STEPS 60u              /* what the worth of a set costs */
#define MAY_STEPS 3u                 /* what it costs to ask whether somebody may stop there */
#define QUICK_STEPS 300u             /* of one that looks for any set that gains */
#define MOST_STOPS 8u                /* ranks of a set that may stop there and gain by it; with more the walk is as if it were cut short */
#define HALVES 40u
#define RANKS_A_STEP 4u              /* so many ranks are priced in the time of a step */

/* ---- the worth of a set ---- */

/* Ranks whose contexts grow; room beside the bytes of all; more: bytes that are given away after all have stopped. */
struct growing { const struct gr_rank *r[GR_SEATS]; size_t n, at[GR_SEATS]; double room, more, share[GR_SEATS]; };    /* at: in the set; share: as last asked */

static double at_level(const struct gr_rank *r, double level) { return BT_MIN(r->top, r->min + level * (1 - r->min)); }

static bool denser(const struct gr_rank *a, const struct gr_rank *b) { return a->worth * b->slope > b->worth * a->slope; }

/* All have grown to this level or less, those alone to no less; then some get a little more. Who is not alone takes what is left: the most wants for a byte
 * first (o->r is in that order). < 0: those alone have no room. */
static double worth_at(struct growing *o, double level)
{
    double sum = 0, room = o->room, more = o->more, has[GR_SEATS];
    for (size_t i = 0; i < o->n; i++) {
        const struct gr_rank *r = o->r[i];
        has[i] = r->stops ? BT_MAX(at_level(r, level) - r->token, r->x0) : r->x0;
        room -= (has[i] - r->x0) * r->slope;
        sum += (has[i] - r->x0) * r->worth;
    }
    if (room < 0)
        return -1;
    for (size_t i = 0; i < o->n && room > 0; i++) {
        const struct gr_rank *r = o->r[i];
        double grown = BT_MIN(BT_MAX(at_level(r, level) - has[i], 0.0), room / r->slope);
        room -= grown * r->slope;
        double late = BT_MIN(r->top - has[i] - grown, BT_MIN(more, room) / r->slope);
        room -= late * r->slope;
        more -= late * r->slope;
        sum += (grown + late) * r->worth;
        has[i] += grown + late;
    }
    memcpy(o->share, has, o->n * sizeof *has);
    return sum;
}

/* The lowest level at which all may have what they must. */
static double least_level(const struct growing *o)
{
    double least = 0;
    for (size_t i = 0; i < o->n; i++) {
        const struct gr_rank *r = o->r[i];
        double must = r->least - o->more / r->slope - r->token;
        if (r->min < 1)
            least = BT_MAX(least, (must - r->min) / (1 - r->min));
    }
    return BT_MIN(least, 1.0);
}

/* Where somebody begins to grow, because its floor holds no more, or has all. Between two such levels worth is concave; over them it is not: who begins later
 * may bring more than those that it takes the bytes from. Into kink[], rising, low and high too; how many. */
static size_t kinks_of(const struct growing *o, double low, double high, double *kink)
{
    size_t n = 0;
    kink[n++] = low;
    for (size_t i = 0; i < o->n; i++) {
        const struct gr_rank *r = o->r[i];
        double late = r->stops ? r->token : 0, at[] = { r->x0 + late, r->top, r->top + late };
        for (size_t k = 0; k < BT_LEN(at) && r->min < 1; k++) {
            double level = (at[k] - r->min) / (1 - r->min);
            if (level > low && level < high)
                kink[n++] = level;
        }
    }
    kink[n++] = high;
    for (size_t i = 1; i < n; i++)
        for (size_t j = i; j > 0 && kink[j - 1] > kink[j]; j--) {
            double swap = kink[j];
            kink[j] = kink[j - 1];
            kink[j - 1] = swap;
        }
    return n;
}

/* Its most where it is concave; what it is at both ends is known. Where no line from either end passes `best`, it is not looked for. */
static double most_between(struct growing *o, double low, double high, double at_low, double at_high, double best)
{
    double step = (high - low) * 1e-4, up = (worth_at(o, low + step) - at_low) / step, down = (worth_at(o, high - step) - at_high) / step;
    double most = BT_MAX(at_low, at_high);
    if (up <= 0 || down <= 0)        /* it falls or rises all the way */
        return most;
    double cross = (at_high - at_low + down * (high - low)) / (up + down);
    if (at_low + up * cross <= best)
        return most;
    for (unsigned i = 0; i < HALVES && high - low > 1e-9; i++) {
        double a = low + (high - low) / 3, b = high - (high - low) / 3;
        if (worth_at(o, a) < worth_at(o, b))
            low = a;
        else
            high = b;
    }
    return BT_MAX(most, BT_MAX(worth_at(o, low), worth_at(o, high)));
}

/* Somebody is alone: the best level. */
static double worth_grown(struct growing *o)
{
    double low = least_level(o), high = 1, kink[3 * GR_SEATS + 2], at[3 * GR_SEATS + 2], best, best_at;
    for (size_t i = 0; i < o->n; i++)                /* who stops there with less than all that is wanted has no less than the level */
        if (o->r[i]->stops && o->r[i]->top < 1 && o->r[i]->min < 1)
            high = BT_MIN(high, (o->r[i]->top + o->r[i]->token - o->r[i]->min) / (1 - o->r[i]->min));
    if (high < low || worth_at(o, low) < 0)
        return -1;
    if (worth_at(o, high) < 0) {
        double most = low;
        for (unsigned i = 0; i < HALVES; i++) {
            double mid = (most + high) / 2;
            *(worth_at(o, mid) < 0 ? &high : &most) = mid;
        }
        high = most;
    }
    size_t n = kinks_of(o, low, high, kink);
    best = at[0] = worth_at(o, low);
    best_at = low;
    for (size_t i = 1; i < n; i++) {
        at[i] = worth_at(o, kink[i]);
        best_at = at[i] > best ? kink[i] : best_at;
        best = BT_MAX(best, at[i]);
    }
    for (size_t i = 1; i < n; i++)
        if (kink[i] - kink[i - 1] > 1e-9)
            best = BT_MAX(best, most_between(o, kink[i - 1], kink[i], at[i - 1], at[i], best));
    worth_at(o, best_at);            /* leaves the shares, which only guide */
    return best;
}

/* All who are dealt to there are alone, and all others take just so many bytes: then the contexts are those that are granted. */
static double worth_granted(const struct grows *g, const struct gr_color *c, const uint16_t *at, size_t n)
{
    bt_auto_arena scratch = { 0 };
    struct pl_problem *p = g->s->p;
    struct bt_arena *mine = p->a;
    struct pl_room room;
    struct pl_copy copy[GR_SEATS];
    size_t copies = 0, card = c->card;
    uint64_t beside = 0, *ctx = BT_NEWN(&scratch, uint64_t, p->n + 1);
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        const struct gr_rank *r = &c->rank[at[i]];
        if (r->alone)
            copy[copies++] = (struct pl_copy){ .work = r->work, .shape = g->s->work[r->work].shape[r->of].index, .card = &card, .ncards = 1 };
        else {
            beside += r->bytes;
            sum += r->worth * r->x0;
        }
    }
    p->a = &scratch;
    pl_room_init(&room, p, copy, copies);
    room.base[card] += beside;
    pl_grant(&room, ctx);
    p->a = mine;
    for (size_t i = 0; i < copies; i++)
        sum += (double)se_thousandths((double)BT_MIN(ctx[copy[i].work], p->work[copy[i].work].ctx_want) / (double)p->work[copy[i].work].ctx_want);
    return sum;
}

/* The same, worked out once for each set. < 0: it is not known. */
static double known_worth(const struct grows *g, size_t color, const uint16_t *at, size_t n)
{
    const struct gr_color *c = &g->color[color];
    uint64_t key[SE_KEY] = { c->base, n };
    bool is, whole = g->granted && n + 2 <= SE_KEY;
    for (size_t i = 0; i < n && whole; i++) {
        const struct gr_rank *r = &c->rank[at[i]];
        whole = r->exact && r->top >= r->all.top && r->x0 <= r->all.x0;
        key[i + 2] = at[i];
    }
    if (!whole)
        return -1;
    double *worth = se_known_at(g->granted, key, n + 2, &is);
    if (!is)
        *worth = worth_granted(g, c, at, n);
    return *worth;
}

/* Who stops there with less than is wanted does so because the card is full: at a step further it would not hold all who grow there. Where all of them have no
 * more than at the last step that leaves him no more than his top, do they fill it? */
static bool may_stop(const struct grows *g, const struct gr_color *c, const uint16_t *at, size_t n)
{
    double high = INFINITY, bytes = 0;
    for (size_t i = 0; i < n; i++) {
        const struct gr_rank *r = &c->rank[at[i]];
        if (r->is_twin && r->top < 1 - r->token && r->min < 1)
            high = BT_MIN(high, (r->top + r->token - r->min) / (1 - r->min));
    }
    for (size_t i = 0; i < n && high < INFINITY; i++) {
        const struct gr_rank *r = &c->rank[at[i]];
        bytes += r->fat.bytes + BT_MAX(at_level(r, high) - r->fat.x0, 0.0) * r->fat.slope + 3 * r->step;
    }
    return !(high < INFINITY) || bytes >= (double)g->s->p->cap[c->card];
}

double gr_worth(const struct grows *g, size_t color, const uint16_t *at, size_t n, double *share)
{
    const struct gr_color *c = &g->color[color];
    struct growing o = { .n = 0, .room = (double)g->s->p->cap[c->card] };
    double sum = 0, full = 0, bytes = 0;
    double stretch = 1;
    bool alone = false;
    for (size_t i = 0; i < n; i++) {
        const struct gr_rank *r = &c->rank[at[i]];
        size_t j = o.n;
        if (r->bytes == UINT64_MAX)
            return -1;
        sum += r->worth * r->x0;
        o.room -= (double)r->bytes;
        if (share)
            share[i] = r->top;
        o.more += r->step;
        stretch = BT_MAX(stretch, r->stretch);
        if (r->top <= r->x0)
            continue;
        full += r->worth * (r->top - r->x0);
        bytes += r->slope * (r->top - r->x0);
        alone = alone || r->stops;
        for (o.n++; j > 0 && denser(r, o.r[j - 1]); j--) {
            o.r[j] = o.r[j - 1];
            o.at[j] = o.at[j - 1];
        }
        o.r[j] = r;
        o.at[j] = i;
    }
    if (o.room < 0 || !may_stop(g, c, at, n))
        return -1;
    if (bytes <= o.room)
        return sum + full;
    o.more *= stretch;
    double grown = alone ? worth_grown(&o) : worth_at(&o, 1);
    for (size_t i = 0; i < o.n && share && grown >= 0; i++)
        share[o.at[i]] = o.share[i];
    if (grown < 0)
        return -1;
    double known = known_worth(g, color, at, n);
    return known < 0 ? sum + grown + GR_EPS : BT_MIN(known, sum + grown) + GR_EPS;
}

/* ---- walks ---- */

/* A rank of c->by[], in that order: what each step of a walk asks of all of them. */
struct coming { uint32_t work, cards; uint64_t bytes, shapes; double gain, beyond; };

/* found: where all sets go that add more than `best`, or NULL: the best one. at: of the color's ranks; taken: the same, of by[]. */
struct walk {
    const struct grows *g; struct gr_color *c;
    struct coming by[GR_RANKS];
    uint16_t at[GR_SEATS], taken[GR_SEATS]; size_t n;
    double best;
    struct gr_set *found; size_t nfound, room;
    uint64_t steps, most_steps; bool cut;
};

static bool sits(const struct walk *w, size_t work, uint32_t cards)
{
    for (size_t i = 0; i < w->n; i++)
        if (w->c->rank[w->at[i]].work == work && w->c->rank[w->at[i]].cards == cards)
            return true;
    return false;
}

/* Whom anybody must have beside it is there, as wide. */
static bool is_closed(const struct walk *w)
{
    for (size_t i = 0; i < w->n; i++) {
        const struct gr_rank *r = &w->c->rank[w->at[i]];
        for (uint64_t left = w->g->needs[r->work]; left; left &= left - 1)
            if (!sits(w, (size_t)__builtin_ctzll(left), r->cards))
                return false;
    }
    return true;
}

static void put_set(const struct walk *w, double worth, struct gr_set *o)
{
    *o = (struct gr_set){ .color = (size_t)(w->c - w->g->color), .n = w->n, .worth = worth };
    for (size_t i = 0; i < w->n; i++) {
        size_t j = i;
        for (; j > 0 && o->at[j - 1] > w->at[i]; j--)
            o->at[j] = o->at[j - 1];
        o->at[j] = w->at[i];
    }
}

/* The set with these of its ranks, kept if it adds as much. */
static double try_set(struct walk *w)
{
    bool stops = false;
    for (size_t i = 0; i < w->n; i++)
        stops = stops || w->c->rank[w->at[i]].stops;
    w->steps += stops ? WORTH_STEPS : WORTH_STEPS / 6;
    double worth = gr_worth(w->g, (size_t)(w->c - w->g->color), w->at, w->n, NULL), adds = worth;
    for (size_t i = 0; i < w->n; i++)
        adds -= gr_paid(w->g, &w->c->rank[w->at[i]]);
    if (worth < 0 || adds <= w->best + GR_EPS)
        return worth < 0 ? -INFINITY : adds;
    if (!w->found) {
        w->best = adds;
        put_set(w, worth, &w->c->set);
        return adds;
    }
    if (w->nfound < w->room)
        put_set(w, worth, &w->found[w->nfound]);
    w->nfound++;
    return adds;
}

/* gain, beyond: what it adds with all contexts full, and with bytes paid for: never less than what it does. First nobody stops there but who is alone; to stop
 * there costs room, and is asked where it gains something. */
static void set_found(struct walk *w, double gain, double beyond)
{
    if (BT_MIN(gain, beyond) <= w->best + GR_EPS || !is_closed(w))
        return;
    size_t n = 0, at[MOST_STOPS];
    uint16_t was[MOST_STOPS];
    double bonus[MOST_STOPS];
    for (size_t i = 0; i < w->n; i++) {
        const struct gr_rank *r = &w->c->rank[w->at[i]];
        if (r->stops || gr_bonus(w->g, w->c, r) <= GR_EPS)
            continue;
        if (n == MOST_STOPS) {
            w->cut = true;
            break;
        }
        uint16_t mine = w->at[i];
        w->at[i] = r->twin;          /* who cannot stop there by itself does not with others either: they grow less then */
        bool may = may_stop(w->g, w->c, w->at, w->n);
        w->at[i] = mine;
        w->steps += MAY_STEPS;
        if (!may)
            continue;
        bonus[n] = gr_bonus(w->g, w->c, r);
        was[n] = mine;
        at[n++] = i;
    }
    double adds = try_set(w);
    for (unsigned mask = 1; mask < 1u << n; mask++) {
        double more = adds;
        for (size_t k = 0; k < n; k++)
            more += mask >> k & 1 ? bonus[k] : 0;
        if (more <= w->best + GR_EPS)
            continue;
        for (size_t k = 0; k < n; k++)
            w->at[at[k]] = mask >> k & 1 ? w->c->rank[was[k]].twin : was[k];
        try_set(w);
    }
    for (size_t k = 0; k < n; k++)
        w->at[at[k]] = was[k];
}

/* What each of by[] and all after it add at most, beyond the price of their bytes: [n] */
static void fill_rest(const struct walk *w, size_t from, uint64_t open, uint64_t room, double *rest)
{
    const uint32_t *copies = w->g->s->copies_most;
    double most[64], sum = 0;
    memset(most, 0, w->g->s->p->n * sizeof *most);
    for (size_t i = w->c->nby; i-- > from; ) {
        const struct coming *r = &w->by[i];
        if (open >> r->work & 1 && r->bytes <= room && r->beyond > most[r->work]) {
            sum += (r->beyond - most[r->work]) * copies[r->work];
            most[r->work] = r->beyond;
        }
        rest[i] = sum;
    }
}

/* copies: of the last rank taken, which may come again. beyond: of those there, and the price of the room. */
static void walk_sets(struct walk *w, size_t from, uint64_t open, uint64_t room, double gain, double beyond, uint32_t copies)
{
    double rest[GR_RANKS];
    w->cut = w->cut || ++w->steps > w->most_steps || w->n == GR_SEATS || w->nfound > w->room;
    set_found(w, gain, beyond);
    if (w->cut)
        return;
    fill_rest(w, from, open, room, rest);
    const struct coming *last = w->n ? &w->by[w->taken[w->n - 1]] : NULL;
    for (size_t i = from; i < w->c->nby && !w->cut; i++) {
        const struct coming *r = &w->by[i];
        if (beyond + rest[i] <= w->best + GR_EPS)
            return;
        if (!(open >> r->work & 1) || r->bytes > room)
            continue;
        bool again = last && last->work == r->work;
        if (again && last != r && (last->cards != r->cards || !(last->shapes & r->shapes)))
            continue;                /* all copies of a work are as wide, and of one shape */
        uint32_t mine = again ? copies + 1 : 1;
        uint64_t beside = open & w->g->friends[r->work];
        if (mine >= w->g->s->copies_most[r->work])
            beside &= ~(UINT64_C(1) << r->work);
        w->taken[w->n] = (uint16_t)i;
        w->at[w->n++] = w->c->by[i];
        walk_sets(w, i, beside, room - r->bytes, gain + r->gain, beyond + r->beyond, mine);
        w->n--;
    }
}

/* The works that must be there first. */
static void walk_must(struct walk *w, uint64_t must, uint64_t open, uint64_t room, double gain, double beyond)
{
    if (!must) {
        walk_sets(w, 0, open, room, gain, beyond, w->n ? 1 : 0);
        return;
    }
    size_t work = (size_t)__builtin_ctzll(must);
    for (size_t i = 0; i < w->c->nby && !w->cut; i++) {
        const struct coming *r = &w->by[i];
        if (r->work != work || r->bytes > room || !(open >> work & 1))
            continue;
        uint64_t beside = open & w->g->friends[work];
        if (w->g->s->copies_most[work] == 1)
            beside &= ~(UINT64_C(1) << work);
        w->taken[w->n] = (uint16_t)i;
        w->at[w->n++] = w->c->by[i];
        walk_must(w, must & (must - 1), beside, room - r->bytes, gain + r->gain, beyond + r->beyond);
        w->n--;
    }
}

/* From the empty set on, at the prices of c->by_byte. */
static void walk_all(struct walk *w)
{
    const struct gr_color *c = w->c;
    uint64_t cap = w->g->s->p->cap[c->card];
    for (size_t i = 0; i < c->nby; i++) {
        const struct gr_rank *r = &c->rank[c->by[i]];
        w->by[i] = (struct coming){ (uint32_t)r->work, r->cards, r->bytes, r->shapes, r->gain, r->beyond };
    }
    w->n = w->nfound = w->steps = 0;
    w->cut = false;
    walk_must(w, c->must, UINT64_MAX, cap, 0, c->by_byte * (double)cap);
}

/* What a rank adds at most with bytes at a price, taken apart: asked for many prices. */
struct priced { size_t work; double worth, slope, least, grows, paid, bytes; };

static struct priced priced_of(const struct grows *g, const struct gr_color *c, const struct gr_rank *r)
{
    return (struct priced){ r->work, r->worth, r->slope, r->worth * r->x0, r->top - r->x0, gr_paid(g, r) - gr_bonus(g, c, r), (double)r->bytes };
}

static double beyond_price(const struct priced *r, double by_byte)
{
    double grows = BT_MAX(r->worth - by_byte * r->slope, 0.0) * r->grows;
    return r->least + grows - r->paid - by_byte * r->bytes;
}

/* rank: all of c->by[]. */
static double all_at(const struct grows *g, const struct gr_color *c, const struct priced *rank, double by_byte)
{
    double best[64], sum = by_byte * (double)g->s->p->cap[c->card];
    memset(best, 0, g->s->p->n * sizeof *best);
    for (size_t i = 0; i < c->nby; i++) {
        double beyond = beyond_price(&rank[i], by_byte);
        best[rank[i].work] = BT_MAX(best[rank[i].work], beyond);
    }
    for (size_t i = 0; i < g->s->p->n; i++)
        sum += best[i] * g->s->copies_most[i];
    return sum;
}

/* A price of bytes that bounds all sets well: what they add then is convex in it. */
static double price_of_bytes(const struct grows *g, const struct gr_color *c, const struct priced *rank)
{
    double low = 0, high = 0;
    for (size_t i = 0; i < c->nby; i++)
        if (c->rank[c->by[i]].bytes)
            high = BT_MAX(high, BT_MAX(c->rank[c->by[i]].gain, 0.0) / (double)c->rank[c->by[i]].bytes);
    for (unsigned i = 0; i < HALVES / 2; i++) {
        double a = low + (high - low) / 3, b = high - (high - low) / 3;
        if (all_at(g, c, rank, a) <= all_at(g, c, rank, b))
            high = b;
        else
            low = a;
    }
    return all_at(g, c, rank, 0) <= all_at(g, c, rank, high) ? 0 : high;
}

static void fill_gains(const struct grows *g, struct gr_color *c, bool quick)
{
    struct priced rank[GR_RANKS];
    c->nby = 0;
    for (size_t i = 0; i < c->n; i++)
        if (gr_is_left(g, &c->rank[i]) && !c->rank[i].is_twin) {
            rank[c->nby] = priced_of(g, c, &c->rank[i]);
            c->rank[i].gain = c->rank[i].worth * c->rank[i].top - rank[c->nby].paid;
            c->by[c->nby++] = (uint16_t)i;
        }
    if (!quick || c->by_byte <= 0)   /* that of the last prices is good enough to find something */
        c->by_byte = price_of_bytes(g, c, rank);
    c->all = all_at(g, c, rank, c->by_byte);
    for (size_t i = 0; i < c->nby; i++) {
        size_t j = i;
        uint16_t one = c->by[i];
        c->rank[one].beyond = beyond_price(&rank[i], c->by_byte);
        for (; j > 0 && c->rank[c->by[j - 1]].beyond < c->rank[one].beyond; j--)
            c->by[j] = c->by[j - 1];
        c->by[j] = one;
    }
}

/* The best of those that are kept. */
static double best_kept(struct grows *g, size_t color)
{
    struct gr_color *c = &g->color[color];
    double best = c->must ? -INFINITY : 0;
    for (size_t i = 0; i < g->nsets; i++) {
        const struct gr_set *x = &g->set[i];
        if (x->color != color || x->worth < 0)
            continue;
        double adds = x->worth;
        uint64_t has = 0;
        for (size_t j = 0; j < x->n; j++) {
            adds -= gr_is_left(g, &c->rank[x->at[j]]) ? gr_paid(g, &c->rank[x->at[j]]) : INFINITY;
            has |= UINT64_C(1) << c->rank[x->at[j]].work;
        }
        if (c->must & ~has)
            continue;
        if (adds > best) {
            best = adds;
            c->set = *x;
        }
    }
    return best;
}

void gr_best(struct grows *g, size_t color)
{
    struct gr_color *c = &g->color[color];
    c->set.n = 0;
    fill_gains(g, c, false);
    struct walk w;                   /* not all of it is read: its list is long */
    w.g = g;
    w.c = c;
    w.best = best_kept(g, color);
    w.found = NULL;
    w.room = 0;
    w.most_steps = WALK_STEPS;
    walk_all(&w);
    c->best = w.best + GR_EPS;
    c->sure = w.cut ? BT_MAX(c->best, c->all) : c->best;
    g->steps += w.steps + c->nby * HALVES / RANKS_A_STEP;
}

bool gr_quick(struct grows *g, size_t color, double paid)
{
    struct gr_color *c = &g->color[color];
    c->set.n = 0;
    fill_gains(g, c, true);
    struct walk w;
    w.g = g;
    w.c = c;
    w.best = paid + 1e-3;
    w.found = NULL;
    w.room = 0;
    w.most_steps = QUICK_STEPS;
    walk_all(&w);
    g->steps += w.steps + c->nby / RANKS_A_STEP;
    return c->set.n > 0;
}

size_t gr_all(struct grows *g, size_t color, double least, struct gr_set *out, size_t room)
{
    struct gr_color *c = &g->color[color];
    struct walk w;
    w.g = g;
    w.c = c;
    w.best = least;
    w.found = out;
    w.room = room;
    w.most_steps = WALK_STEPS;
    walk_all(&w);
    g->steps += w.steps;
    return w.cut ? room + 1 : w.nfound;
}

/* pack - can so many copies of each work stand at all, asked card by card: a card is given all that comes onto it, and is never looked at again. What is left
 * to be done is then told by the cards that are left and by who is still to come, not by how full each card is: far fewer ways than copy by copy (fits.c).
 *
 * A rank takes here what its stage takes on such a card at least, whatever the other cards of its copy; who sits on another's cards (`same_gpus_as`) is one
 * with it, and the larger of them counts by its stages, the others by the least of any rank on so many cards. So what does not stand here does not stand at
 * all. What does is tried as it is: mostly it stands. Under that reading a card needs no set to which another rank could be added: a rank that comes later
 * may as well come now. */
#include <string.h>

#include "plan/search_int.h"

#define MOST_WAYS 40u                /* of a work: shapes, on one kind of card or any */
#define MOST_PARTS 4u                /* of a shape: stages that differ */
#define MOST_SEATS 24u               /* copies that stand in part */
#define MOST_ITEMS 400u
#define MOST_COPIES 64u
#define MOST_TRIES 50u               /* ways that stand here and not as they are */
#define STEPS_EACH 4u                /* so many steps here are as much work as a node of the search */

/* A shape, on cards of one name (that of class `on`) or any. bytes: [part][color] of a rank, UINT64_MAX where it does not go; count: ranks of the part;
 * part_of: [pp] of each stage; places, least: [cards given], [cards given][part] cards that are left for it, and the least bytes of a rank there. */
struct way {
    size_t shape, on; uint32_t cards, *places; size_t nparts;
    uint8_t count[MOST_PARTS], *part_of;
    uint64_t bytes[MOST_PARTS][BT_MAX_GPUS], goes, (*least)[MOST_PARTS];
};

/* Copies that are alike: of one work, with the same followers. */
struct kind { size_t main; uint64_t works, friends; uint32_t copies; struct way *way; size_t nways; };      /* main: whose shapes are told apart */

struct seat { uint8_t kind, way, left, of[MOST_PARTS], copy; };     /* left: ranks, of: the same of each part */
struct state {
    uint8_t left[BT_MAX_GPUS];       /* [color] cards */
    uint8_t unbegun[64], shape[64];  /* [kind] copies; one more than their shape, 0 = open */
    struct seat seat[MOST_SEATS]; size_t nseats;
    uint8_t begun;                   /* copies */
};

/* A card that is given: who is on it. */
struct filled { size_t color, n; uint8_t copy[MOST_COPIES], part[MOST_COPIES]; };


struct pack {
    struct search *s;
    struct bt_arena *a;
    struct kind kind[64]; size_t nkinds;
    uint64_t roots;                  /* works that follow nobody */
    size_t ncolors, card[BT_MAX_GPUS];               /* [color] one of them, the smallest first */
    uint64_t steps, limit;
    bool over, stands;
    unsigned tries;                  /* ways that stand here */
    uint8_t copy_kind[MOST_COPIES], copy_way[MOST_COPIES];
    struct filled filled[BT_MAX_GPUS]; size_t nfilled;           /* cards are given in the order of their colors: so many say which are left */
    uint64_t room[BT_MAX_GPUS + 1];                  /* [cards given] on those that are left */
    struct se_dead *dead;            /* what led nowhere */
};

struct item { uint8_t kind, way, part, seat; bool begins, like_before; uint64_t bytes; };
struct filling {
    const struct state *st; size_t color;
    struct item item[MOST_ITEMS]; size_t n;
    bool in[MOST_ITEMS]; uint32_t seated;            /* a bit a seat: a rank of it comes */
};

static void next_card(struct pack *x, const struct state *st);

static uint64_t cap_of(const struct pack *x, size_t color) { return x->s->p->cap[x->card[color]]; }

static const struct way *way_of(const struct pack *x, const struct seat *t) { return &x->kind[t->kind].way[t->way]; }

static bool may_begin(const struct pack *x, const struct state *st, size_t kind, const struct way *w)
{
    uint8_t shape = st->shape[kind];
    return (!shape || shape == w->shape + 1) && w->cards <= w->places[x->nfilled];
}

/* ---- what led nowhere ---- */

static size_t key_of(const struct pack *x, const struct state *st, uint8_t *key)
{
    size_t n = x->ncolors;
    memcpy(key, st->left, n);
    for (size_t i = 0; i < x->nkinds; i++) {
        key[n++] = st->unbegun[i];
        key[n++] = st->unbegun[i] ? st->shape[i] : 0;
    }
    for (size_t i = 0; i < st->nseats; i++) {
        key[n++] = st->seat[i].kind;
        key[n++] = st->seat[i].way;
        memcpy(key + n, st->seat[i].of, MOST_PARTS);
        n += MOST_PARTS;
    }
    return n;
}

/* ---- room ---- */

/* So many ranks of each part, at least. UINT64_MAX: they have no place. */
static uint64_t least_of_ranks(const struct pack *x, const struct way *w, const uint8_t *of)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < w->nparts; i++) {
        uint64_t one = of[i] ? w->least[x->nfilled][i] : 0;
        if (one == UINT64_MAX)
            return one;
        sum += one * of[i];
    }
    return sum;
}

/* All that is to come has cards for it, and bytes. */
static bool has_room(const struct pack *x, const struct state *st)
{
    uint64_t need = 0;
    for (size_t i = 0; i < st->nseats; i++) {
        const struct way *w = way_of(x, &st->seat[i]);
        uint64_t bytes = least_of_ranks(x, w, st->seat[i].of);
        if (st->seat[i].left > w->places[x->nfilled] || bytes == UINT64_MAX)
            return false;
        need += bytes;
    }
    for (size_t i = 0; i < x->nkinds; i++) {
        uint64_t bytes = UINT64_MAX;
        for (size_t j = 0; j < x->kind[i].nways && st->unbegun[i]; j++) {
            const struct way *w = &x->kind[i].way[j];
            if (may_begin(x, st, i, w))
                bytes = BT_MIN(bytes, least_of_ranks(x, w, w->count));
        }
        if (st->unbegun[i] && bytes == UINT64_MAX)
            return false;
        need += st->unbegun[i] ? bytes * st->unbegun[i] : 0;
    }
    return need <= x->room[x->nfilled];
}

/* ---- one card ---- */

static int seat_cmp(const struct seat *a, const struct seat *b)
{
    if (a->kind != b->kind)
        return a->kind < b->kind ? -1 : 1;
    if (a->way != b->way)
        return a->way < b->way ? -1 : 1;
    return memcmp(a->of, b->of, MOST_PARTS);
}

static void add_seat(struct state *st, struct seat one)
{
    size_t j = st->nseats++;
    for (; j > 0 && seat_cmp(&st->seat[j - 1], &one) > 0; j--)
        st->seat[j] = st->seat[j - 1];
    st->seat[j] = one;
}

static bool alike(const struct filling *f, const struct item *a, const struct item *b)
{
    if (a->kind != b->kind || a->way != b->way || a->part != b->part || a->begins != b->begins)
        return false;
    return a->begins || seat_cmp(&f->st->seat[a->seat], &f->st->seat[b->seat]) == 0;
}

/* The largest first; those alike stay together, as they come one after the other. False: too many. */
static bool add_item(struct filling *f, struct item one)
{
    size_t j = f->n;
    if (f->n == MOST_ITEMS)
        return false;
    for (f->n++; j > 0 && f->item[j - 1].bytes < one.bytes; j--)
        f->item[j] = f->item[j - 1];
    f->item[j] = one;
    return true;
}

static bool add_seated(const struct pack *x, struct filling *f, size_t seat)
{
    const struct seat *t = &f->st->seat[seat];
    const struct way *w = way_of(x, t);
    bool all = true;
    for (size_t p = 0; p < w->nparts; p++)
        if (t->of[p] && w->bytes[p][f->color] < UINT64_MAX)
            all = add_item(f, (struct item){ t->kind, t->way, (uint8_t)p, (uint8_t)seat, false, false, w->bytes[p][f->color] }) && all;
    return all;
}

static bool fill_items(const struct pack *x, struct filling *f)
{
    const struct state *st = f->st;
    bool all = true;
    for (size_t p = 0; p < MOST_PARTS; p++)          /* part by part: ranks that are alike come one after the other */
        for (size_t i = 0; i < x->nkinds; i++) {
            const struct kind *k = &x->kind[i];
            uint32_t copies = k->friends & k->works ? st->unbegun[i] : BT_MIN(st->unbegun[i], 1u);
            for (size_t j = 0; j < k->nways; j++) {
                bool may = p < k->way[j].nparts && k->way[j].bytes[p][f->color] < UINT64_MAX && may_begin(x, st, i, &k->way[j]);
                for (uint32_t n = 0; n < copies && may; n++)
                    all = add_item(f, (struct item){ (uint8_t)i, (uint8_t)j, (uint8_t)p, 0, true, false, k->way[j].bytes[p][f->color] }) && all;
            }
        }
    for (size_t i = 0; i < st->nseats; i++)
        all = add_seated(x, f, i) && all;
    for (size_t i = 0; i < f->n; i++)
        f->item[i].like_before = i && alike(f, &f->item[i - 1], &f->item[i]);
    return all;
}

/* It has not begun on this card, and could on those from this one on. */
static bool may_begin_after(const struct pack *x, const struct state *next, size_t kind, const struct way *w)
{
    uint8_t shape = next->shape[kind];
    return (!shape || shape == w->shape + 1) && w->cards <= w->places[x->nfilled];
}

/* Could a rank that is to come be on this card too, whatever shape its copy has in the end? */
static bool takes_more(const struct pack *x, const struct filling *f, const struct state *next, uint64_t room, uint64_t works)
{
    for (size_t i = 0; i < f->n; i++) {
        const struct item *t = &f->item[i];
        if (!t->begins && !(f->seated >> t->seat & 1) && t->bytes <= room && !(works & ~x->kind[t->kind].friends))
            return true;
    }
    for (size_t i = 0; i < x->nkinds; i++) {
        const struct kind *k = &x->kind[i];
        bool any = false, all = next->unbegun[i] && !(works & ~k->friends);
        for (size_t j = 0; j < k->nways && all; j++) {
            uint64_t least = UINT64_MAX;
            if (!may_begin_after(x, next, i, &k->way[j]))
                continue;
            for (size_t p = 0; p < k->way[j].nparts; p++)
                least = BT_MIN(least, k->way[j].bytes[p][f->color]);
            any = true;
            all = least <= room;
        }
        if (any && all)
            return true;
    }
    return false;
}

/* The ranks that come to the card leave their copies with fewer to come. False: too many copies stand in part. */
static bool take_ranks(struct pack *x, const struct filling *f, struct state *next)
{
    const struct state *st = f->st;
    struct filled *card = &x->filled[x->nfilled];
    bool moved[MOST_SEATS] = { false };
    next->nseats = 0;
    card->color = f->color;
    card->n = 0;
    for (size_t i = 0; i < f->n; i++) {
        const struct item *t = &f->item[i];
        if (!f->in[i])
            continue;
        const struct way *w = &x->kind[t->kind].way[t->way];
        struct seat one = { .kind = t->kind, .way = t->way, .left = (uint8_t)w->cards, .copy = next->begun };
        if (t->begins) {
            memcpy(one.of, w->count, MOST_PARTS);
            x->copy_kind[next->begun] = t->kind;
            x->copy_way[next->begun++] = t->way;
        } else {
            one = st->seat[t->seat];
            moved[t->seat] = true;
        }
        one.left--;
        one.of[t->part]--;
        card->copy[card->n] = one.copy;
        card->part[card->n++] = t->part;
        if (one.left && next->nseats == MOST_SEATS)
            return false;
        if (one.left)
            add_seat(next, one);
    }
    for (size_t i = 0; i < st->nseats; i++) {
        if (!moved[i] && next->nseats == MOST_SEATS)
            return false;
        if (!moved[i])
            add_seat(next, st->seat[i]);
    }
    return true;
}

static void set_done(struct pack *x, const struct filling *f, uint64_t room, uint64_t works)
{
    struct state next = *f->st;
    next.left[f->color]--;
    for (size_t i = 0; i < f->n; i++)
        if (f->in[i] && f->item[i].begins) {
            next.unbegun[f->item[i].kind]--;
            next.shape[f->item[i].kind] = (uint8_t)(x->kind[f->item[i].kind].way[f->item[i].way].shape + 1);
        }
    if (takes_more(x, f, &next, room, works))
        return;
    x->over = x->over || !take_ranks(x, f, &next);
    x->nfilled++;
    if (!x->over && has_room(x, &next))
        next_card(x, &next);
    x->nfilled--;
}

/* Copies of one work have one shape: those begun on this card, too. */
static bool of_one_shape(const struct pack *x, const struct filling *f, size_t i)
{
    const struct item *t = &f->item[i];
    const struct way *w = x->kind[t->kind].way;
    for (size_t j = 0; j < i; j++)
        if (f->in[j] && f->item[j].begins && f->item[j].kind == t->kind && w[f->item[j].way].shape != w[t->way].shape)
            return false;
    return true;
}

static uint32_t begun_here(const struct filling *f, size_t i)
{
    uint32_t n = 0;
    for (size_t j = 0; j < i; j++)
        n += f->in[j] && f->item[j].begins && f->item[j].kind == f->item[i].kind;
    return n;
}

static void pick(struct pack *x, struct filling *f, size_t i, uint64_t room, uint64_t works)
{
    if (x->over || x->stands)
        return;
    if (++x->steps > x->limit) {
        x->over = true;
        return;
    }
    while (i < f->n && (f->item[i].bytes > room || (works & ~x->kind[f->item[i].kind].friends)))
        i++;
    if (i == f->n) {
        set_done(x, f, room, works);
        return;
    }
    const struct item *t = &f->item[i];
    bool first = !t->like_before || f->in[i - 1] || (!t->begins && f->seated >> f->item[i - 1].seat & 1);
    if (t->begins ? first && of_one_shape(x, f, i) && begun_here(f, i) < f->st->unbegun[t->kind] : first && !(f->seated >> t->seat & 1)) {
        uint32_t was = f->seated;
        f->in[i] = true;
        f->seated |= t->begins ? 0 : UINT32_C(1) << t->seat;
        pick(x, f, i + 1, room - t->bytes, works | x->kind[t->kind].works);
        f->seated = was;
        f->in[i] = false;
    }
    pick(x, f, i + 1, room, works);
}

/* ---- all cards are given ---- */

static bool may_have(const struct search *s, size_t work, size_t shape)
{
    return s->work[work].shape[shape].least < UINT64_MAX && (!s->settled[work] || s->shape_of[work] == shape);
}

struct standing { struct pl_copy *copy; size_t n; uint64_t load[BT_MAX_GPUS]; };

/* Stages take the cards of their part in the order of the pool, groups those of one name. False: no group is left. */
static bool take_stages(const struct pack *x, const struct pl_work *k, const struct way *w, const struct se_shape *sh, const size_t *card, const uint8_t *part,
                        size_t *out)
{
    const struct bt_gpu *gpus = x->s->p->fleet->gpus;
    bool used[BT_MAX_GPUS] = { false };
    for (uint32_t j = 0; j < sh->pp; j++) {
        uint32_t n = 0;
        for (uint32_t first = 0; first < sh->cards && n < sh->tp; first++)           /* the first that as many follow of its name */
            for (uint32_t i = n = 0; i < sh->cards && n < sh->tp; i++)
                if (!used[i] && part[i] == w->part_of[j] && !used[first] && !strcmp(gpus[card[i]].name, gpus[card[first]].name))
                    out[j * sh->tp + n++] = card[i];
        if (n < sh->tp)
            return false;
        for (uint32_t i = 0; i < sh->cards; i++)
            for (uint32_t r = 0; r < sh->tp; r++)
                used[i] = used[i] || out[j * sh->tp + r] == card[i];
        pl_in_pool_order(k, &out[j * sh->tp], sh->tp);
    }
    return true;
}

/* Its bytes onto its cards. False: they do not hold them. */
static bool load_copy(const struct pack *x, struct standing *o, const struct pl_copy *c, const struct se_shape *sh)
{
    const struct search *s = x->s;
    size_t cls = pl_cost_class(s->p, c->card, c->ncards);
    for (uint32_t r = 0; r < c->ncards; r++) {
        uint64_t floor = se_floor(s, &s->work[c->work], sh, cls, r, c->card[r]);
        bool in_pool = s->p->work[c->work].pos[c->card[r]] >= 0;
        if (!in_pool || sh->row[cls * sh->pp + r / sh->tp].need > floor || floor > s->p->cap[c->card[r]] - o->load[c->card[r]])
            return false;
    }
    for (uint32_t r = 0; r < c->ncards; r++)
        o->load[c->card[r]] += se_floor(s, &s->work[c->work], sh, cls, r, c->card[r]);
    o->copy[o->n++] = *c;
    return true;
}

/* Who sits on the cards of another: in the first shape that its cards hold, the largest stages where most is free. */
static bool take_beside(const struct pack *x, struct standing *o, size_t work, uint32_t replica, const size_t *card, uint32_t n)
{
    const struct search *s = x->s;
    for (size_t i = 0; i < s->work[work].nshapes; i++) {
        const struct se_shape *sh = &s->work[work].shape[i];
        size_t *mine = BT_NEWN(x->a, size_t, n), by_room[BT_MAX_GPUS];
        bool used[BT_MAX_GPUS] = { false }, one_name = true;
        if (sh->cards != n || !may_have(s, work, i))
            continue;
        for (uint32_t r = 0; r < n; r++) {
            uint32_t j = r;
            for (; j > 0 && s->p->cap[by_room[j - 1]] - o->load[by_room[j - 1]] < s->p->cap[card[r]] - o->load[card[r]]; j--)
                by_room[j] = by_room[j - 1];
            by_room[j] = card[r];
            one_name = one_name && !strcmp(s->p->fleet->gpus[card[r]].name, s->p->fleet->gpus[card[0]].name);
        }
        for (uint32_t q = 0; q < sh->pp && sh->tp == 1; q++) {
            uint32_t most = UINT32_MAX;
            for (uint32_t j = 0; j < sh->pp; j++)
                if (!used[j] && (most == UINT32_MAX || sh->row[j].floor > sh->row[most].floor))
                    most = j;
            used[most] = true;
            mine[most] = by_room[q];
        }
        if (sh->tp > 1 && (sh->pp > 1 || !one_name))
            continue;
        if (sh->tp > 1) {
            memcpy(mine, card, n * sizeof *mine);
            pl_in_pool_order(&s->p->work[work], mine, n);
        }
        if (load_copy(x, o, &(struct pl_copy){ .work = work, .replica = replica, .shape = sh->index, .card = mine, .ncards = n }, sh))
            return true;
    }
    return false;
}

static bool take_copy(const struct pack *x, struct standing *o, size_t copy, uint32_t replica, const size_t *card, const uint8_t *part)
{
    const struct search *s = x->s;
    const struct kind *k = &x->kind[x->copy_kind[copy]];
    const struct way *w = &k->way[x->copy_way[copy]];
    const struct se_shape *sh = &s->work[k->main].shape[w->shape];
    size_t *mine = BT_NEWN(x->a, size_t, sh->cards);
    if (!take_stages(x, &s->p->work[k->main], w, sh, card, part, mine) ||
        !load_copy(x, o, &(struct pl_copy){ .work = k->main, .replica = replica, .shape = sh->index, .card = mine, .ncards = sh->cards }, sh))
        return false;
    for (uint64_t left = k->works & ~(UINT64_C(1) << k->main); left; left &= left - 1)
        if (!take_beside(x, o, (size_t)__builtin_ctzll(left), replica, card, sh->cards))
            return false;
    return true;
}

/* Copies of one work are of one shape: with a follower and without they are of two kinds here, and those who sit on others' cards take what fits. */
static bool of_one_shape_each(const struct standing *o)
{
    for (size_t i = 0; i < o->n; i++)
        for (size_t j = 0; j < i; j++)
            if (o->copy[i].work == o->copy[j].work && o->copy[i].shape != o->copy[j].shape)
                return false;
    return true;
}

/* Does it stand as it is, too? Then it is a plan, and kept if it is better. */
static bool stands(struct pack *x, const struct state *st)
{
    struct search *s = x->s;
    struct standing *o = BT_NEW(x->a, struct standing);
    o->copy = BT_NEWN(x->a, struct pl_copy, s->max_copies + 1);
    uint32_t given[BT_MAX_GPUS] = { 0 }, replica[64] = { 0 }, n[MOST_COPIES] = { 0 };
    size_t *card[MOST_COPIES];
    uint8_t *part[MOST_COPIES];
    for (size_t i = 0; i < st->begun; i++) {
        uint32_t cards = x->kind[x->copy_kind[i]].way[x->copy_way[i]].cards;
        card[i] = BT_NEWN(x->a, size_t, cards);
        part[i] = BT_NEWN(x->a, uint8_t, cards);
    }
    for (size_t i = 0; i < x->nfilled; i++) {
        const struct filled *f = &x->filled[i];
        size_t g = 0;
        for (uint32_t nth = given[f->color]++; !se_same_color(s->p, g, x->card[f->color]) || nth--; )
            g++;
        for (size_t j = 0; j < f->n; j++) {
            card[f->copy[j]][n[f->copy[j]]] = g;
            part[f->copy[j]][n[f->copy[j]]++] = f->part[j];
        }
    }
    for (size_t k = 0; k < x->nkinds; k++)           /* of one work, those with followers come first */
        for (size_t i = 0; i < st->begun; i++) {
            size_t root = (size_t)__builtin_ctzll(x->kind[k].works & x->roots);
            if (x->copy_kind[i] == k && !take_copy(x, o, i, replica[root]++, card[i], part[i]))
                return false;
        }
    if (!of_one_shape_each(o))
        return false;
    se_try(s, o->copy, o->n);
    return true;
}

static void next_card(struct pack *x, const struct state *st)
{
    uint8_t key[BT_MAX_GPUS + 128 + MOST_SEATS * (2 + MOST_PARTS)];
    bool all = !st->nseats;
    for (size_t i = 0; i < x->nkinds; i++)
        all = all && !st->unbegun[i];
    if (all) {
        x->stands = stands(x, st);
        x->over = x->over || ++x->tries == MOST_TRIES;
        return;
    }
    size_t n = key_of(x, st, key), c = 0;
    struct se_way way = se_way_of(key, n);
    unsigned tries = x->tries;
    if (se_is_dead(x->dead, &way, 0))
        return;
    while (c < x->ncolors && !st->left[c])
        c++;
    if (c < x->ncolors) {
        struct filling f;            /* not zeroed: it is large, and its items are few */
        f.st = st;
        f.color = c;
        f.n = 0;
        f.seated = 0;
        x->over = x->over || !fill_items(x, &f);
        memset(f.in, 0, f.n * sizeof *f.in);
        pick(x, &f, 0, cap_of(x, c), 0);
    }
    if (!x->over && !x->stands && x->tries == tries)
        se_dead_add(x->dead, &way, 0);
}

/* ---- set up ---- */

/* The least of a rank of the work on so many cards, one of them of the class. */
static uint64_t least_of(const struct search *s, size_t work, uint32_t cards, size_t cls)
{
    uint64_t least = UINT64_MAX;
    for (size_t i = 0; i < s->work[work].nshapes; i++) {
        const struct se_shape *sh = &s->work[work].shape[i];
        if (sh->cards == cards && may_have(s, work, i) && (!s->sets || se_sets_classes(s, work, i) >> cls & 1))
            least = BT_MIN(least, sh->rank_least[cls]);
    }
    return least;
}

/* What a rank of the stage takes on a card of the class, at least. UINT64_MAX: it does not go there. */
static uint64_t stage_least(const struct search *s, const struct se_work *w, const struct se_shape *sh, uint32_t stage, size_t cls)
{
    uint64_t least = UINT64_MAX;
    for (size_t c = 0; c < s->p->nclasses; c++) {    /* a pipeline's needs are those on its poorest card */
        const struct se_row *r = &sh->row[c * sh->pp + stage];
        uint64_t floor = sh->limit ? sh->limit[cls] : r->floor;
        if (se_reckoned(s, sh, c, cls) && w->on_class[cls] && (w->k->claim == PL_WHOLE || r->need <= floor))
            least = BT_MIN(least, floor);
    }
    return least;
}

/* [color] of a rank of the stage and those that sit beside it. */
static void stage_bytes(const struct pack *x, const struct kind *k, const struct way *w, uint32_t stage, uint64_t *out)
{
    const struct search *s = x->s;
    const struct se_shape *sh = &s->work[k->main].shape[w->shape];
    uint64_t classes = s->sets ? se_sets_classes(s, k->main, w->shape) : UINT64_MAX;
    for (size_t c = 0; c < x->ncolors; c++) {
        size_t g = x->card[c], cls = s->p->cls[g];
        bool name = w->on == PL_NONE || !strcmp(s->p->fleet->gpus[g].name, s->p->fleet->gpus[s->p->cls_card[w->on]].name);
        uint64_t sum = name && classes >> cls & 1 && pl_card_for(s->p, sh->cards, g) ? stage_least(s, &s->work[k->main], sh, stage, cls) : UINT64_MAX;
        for (uint64_t left = k->works; left && sum < UINT64_MAX; left &= left - 1) {
            size_t q = (size_t)__builtin_ctzll(left);
            uint64_t more = q == k->main ? 0 : least_of(s, q, sh->cards, cls);
            sum = more == UINT64_MAX || s->p->work[q].pos[g] < 0 ? UINT64_MAX : sum + more;
        }
        out[c] = sum <= s->p->cap[g] ? sum : UINT64_MAX;
    }
}

/* A stage like one of the parts, or one part more; the last part takes the least of all that are left. */
static void add_stage(const struct pack *x, struct way *w, uint32_t stage, const uint64_t *bytes, uint32_t ranks)
{
    size_t i = 0;
    while (i < w->nparts && memcmp(w->bytes[i], bytes, x->ncolors * sizeof *bytes))
        i++;
    if (i == MOST_PARTS) {
        i--;
        for (size_t c = 0; c < x->ncolors; c++)
            w->bytes[i][c] = BT_MIN(w->bytes[i][c], bytes[c]);
    } else if (i == w->nparts) {
        memcpy(w->bytes[w->nparts++], bytes, x->ncolors * sizeof *bytes);
    }
    w->count[i] = (uint8_t)(w->count[i] + ranks);
    w->part_of[stage] = (uint8_t)i;
}

static bool add_way(const struct pack *x, struct kind *k, size_t shape, size_t on)
{
    const struct se_shape *sh = &x->s->work[k->main].shape[shape];
    uint64_t bytes[BT_MAX_GPUS];
    if (k->nways == MOST_WAYS || shape >= UINT8_MAX || sh->cards > UINT8_MAX)
        return false;
    struct way *w = &k->way[k->nways++];
    *w = (struct way){ .shape = shape, .on = on, .cards = sh->cards, .part_of = BT_NEWN(x->a, uint8_t, sh->pp) };
    for (uint32_t j = 0; j < sh->pp; j++) {
        stage_bytes(x, k, w, j, bytes);
        add_stage(x, w, j, bytes, sh->tp);
    }
    for (size_t c = 0; c < x->ncolors; c++)
        for (size_t i = 0; i < w->nparts; i++)
            w->goes |= (uint64_t)(w->bytes[i][c] < UINT64_MAX) << c;
    return true;
}

static bool add_ways(const struct pack *x, struct kind *k)
{
    const struct search *s = x->s;
    const struct se_work *w = &s->work[k->main];
    for (size_t i = 0; i < w->nshapes; i++) {
        if (!may_have(s, k->main, i))
            continue;
        if (w->shape[i].pp > 1 || w->shape[i].cards == 1) {
            if (!add_way(x, k, i, PL_NONE))
                return false;
            continue;
        }
        for (size_t c = 0; c < s->p->nclasses; c++)
            if (se_first_of_kind(s, w, c) && se_alike(s, w->k, c) >= w->shape[i].tp && !add_way(x, k, i, c))
                return false;
    }
    return true;
}

/* The bytes of its ranks on a card of the color, the largest first. */
static void ranks_of(const struct way *w, size_t color, uint64_t *out)
{
    size_t n = 0;
    for (size_t i = 0; i < w->nparts; i++)
        for (uint32_t r = 0; r < w->count[i]; r++) {
            size_t j = n++;
            for (; j > 0 && out[j - 1] < w->bytes[i][color]; j--)
                out[j] = out[j - 1];
            out[j] = w->bytes[i][color];
        }
}

/* Wherever b goes, a goes with no more: as wide, anywhere, and b's stages are all alike, or all cards are of one color. */
static bool covers(const struct pack *x, const struct way *a, const struct way *b)
{
    uint64_t mine[UINT8_MAX + 1], other[UINT8_MAX + 1];
    if (a->cards != b->cards || (a->on != PL_NONE && a->on != b->on) || (b->nparts > 1 && a->nparts > 1 && x->ncolors > 1))
        return false;
    for (size_t c = 0; c < x->ncolors; c++) {
        if (!(b->goes >> c & 1))
            continue;
        ranks_of(a, c, mine);
        ranks_of(b, c, other);
        for (uint32_t r = 0; r < a->cards; r++)
            if (mine[r] > other[r])
                return false;
    }
    return true;
}

/* Shapes that another makes needless, on all kinds of card: copies have one shape. */
static void drop_needless(const struct pack *x, struct kind *k)
{
    bool gone[UINT8_MAX] = { false };                /* [shape] */
    size_t n = 0;
    for (size_t i = 0; i < k->nways; i++)
        for (size_t j = 0; j < k->nways && !gone[k->way[i].shape]; j++) {
            const struct way *a = &k->way[j];
            bool all = a->on == PL_NONE && a->shape != k->way[i].shape && !gone[a->shape];
            for (size_t b = 0; b < k->nways && all; b++)
                all = k->way[b].shape != k->way[i].shape || covers(x, a, &k->way[b]);
            gone[k->way[i].shape] = all;
        }
    for (size_t i = 0; i < k->nways; i++)
        if (!gone[k->way[i].shape])
            k->way[n++] = k->way[i];
    k->nways = n;
}

/* Copies of a work that follows nobody, those with the same followers as one. False: not asked here. */
static bool add_kinds(struct pack *x, size_t root, const uint64_t *followers)
{
    const struct search *s = x->s;
    const struct pl_problem *p = s->p;
    for (uint32_t copy = 0; copy < s->copies_most[root]; copy++) {
        uint64_t works = UINT64_C(1) << root, friends = UINT64_MAX;
        for (uint64_t left = followers[root]; left; left &= left - 1)
            if (copy < s->copies_most[__builtin_ctzll(left)])
                works |= left & -left;
        if (copy && works == x->kind[x->nkinds - 1].works) {
            x->kind[x->nkinds - 1].copies++;
            continue;
        }
        for (uint64_t left = works; left; left &= left - 1)
            for (size_t j = 0; j < p->n; j++)        /* who belongs to it sits beside it */
                if (!p->may_share[(size_t)__builtin_ctzll(left) * p->n + j] && ((size_t)__builtin_ctzll(left) == j || !(works >> j & 1)))
                    friends &= ~(UINT64_C(1) << j);
        if (x->nkinds == BT_LEN(x->kind))
            return false;
        struct kind *k = &x->kind[x->nkinds++];
        *k = (struct kind){ root, works, friends, 1, BT_NEWN(x->a, struct way, MOST_WAYS), 0 };
        for (uint64_t left = works; left; left &= left - 1)
            if (s->work[__builtin_ctzll(left)].any.least > s->work[k->main].any.least)
                k->main = (size_t)__builtin_ctzll(left);
        if (!add_ways(x, k))
            return false;
        drop_needless(x, k);
    }
    return true;
}

static bool fill_kinds(struct pack *x)
{
    const struct search *s = x->s;
    const struct pl_problem *p = s->p;
    uint64_t followers[64] = { 0 };
    for (size_t w = 0; w < p->n; w++) {
        size_t up = p->work[w].same;
        if (p->work[w].cpu_only || !s->copies_most[w] || up == PL_NONE)
            continue;
        if (p->work[up].cpu_only || s->copies_most[up] < s->copies_most[w])
            return false;
        for (size_t n = p->n; up != PL_NONE && n; up = p->work[up].same, n--)
            followers[up] |= UINT64_C(1) << w;
    }
    for (size_t w = 0; w < p->n; w++)
        if (!p->work[w].cpu_only && s->copies_most[w] && p->work[w].same == PL_NONE) {
            x->roots |= UINT64_C(1) << w;
            if (!add_kinds(x, w, followers))
                return false;
        }
    return true;
}

/* Cards that are the same when empty; the smallest first: what is lost there is soon known. */
static void fill_colors(struct pack *x, struct state *st)
{
    const struct pl_problem *p = x->s->p;
    for (size_t g = 0; g < x->s->ncards; g++) {
        size_t c = 0;
        while (c < x->ncolors && !se_same_color(p, g, x->card[c]))
            c++;
        if (c < x->ncolors) {
            st->left[c]++;
            continue;
        }
        for (; c > 0 && p->cap[x->card[c - 1]] > p->cap[g]; c--) {
            x->card[c] = x->card[c - 1];
            st->left[c] = st->left[c - 1];
        }
        x->card[c] = g;
        st->left[c] = 1;
        x->ncolors++;
    }
}

/* What is left for each way after so many cards. */
static void fill_left(struct pack *x, const struct state *st)
{
    uint8_t left[BT_MAX_GPUS];
    memcpy(left, st->left, sizeof left);
    for (size_t given = 0, c = 0; given <= x->s->ncards; given++) {
        for (size_t i = 0; i < x->ncolors; i++)
            x->room[given] += left[i] * cap_of(x, i);
        for (size_t i = 0; i < x->nkinds; i++)
            for (size_t j = 0; j < x->kind[i].nways; j++) {
                struct way *w = &x->kind[i].way[j];
                if (!given) {
                    w->places = BT_NEWN(x->a, uint32_t, x->s->ncards + 1);
                    w->least = bt_arena_alloc(x->a, (x->s->ncards + 1) * sizeof *w->least);
                }
                memset(w->least[given], 0xff, sizeof *w->least);
                for (size_t k = 0; k < x->ncolors; k++) {
                    w->places[given] += w->goes >> k & 1 ? left[k] : 0;
                    for (size_t p = 0; p < w->nparts && left[k]; p++)
                        w->least[given][p] = BT_MIN(w->least[given][p], w->bytes[p][k]);
                }
            }
        while (c < x->ncolors && !left[c])
            c++;
        if (c < x->ncolors)
            left[c]--;
    }
}

enum se_fit se_pack(struct search *s, uint64_t nodes)
{
    bt_auto_arena a = { 0 };
    struct state st = { .nseats = 0 };
    uint32_t copies = 0;
    if (s->p->n > 64 || s->ncards > BT_MAX_GPUS)
        return SE_FIT_UNKNOWN;
    struct pack *x = BT_NEW(&a, struct pack);
    x->s = s;
    x->a = &a;
    x->limit = nodes * STEPS_EACH;
    x->dead = se_dead_new(&a);
    fill_colors(x, &st);
    if (!fill_kinds(x))
        return SE_FIT_UNKNOWN;
    for (size_t i = 0; i < x->nkinds; i++) {
        st.unbegun[i] = (uint8_t)x->kind[i].copies;
        copies += x->kind[i].copies;
    }
    if (copies > MOST_COPIES)
        return SE_FIT_UNKNOWN;
    fill_left(x, &st);
    if (has_room(x, &st))
        next_card(x, &st);
    s->nodes += x->steps / STEPS_EACH;
    return x->stands ? SE_FITS : x->over || x->tries ? SE_FIT_UNKNOWN : SE_FITS_NOT;
}

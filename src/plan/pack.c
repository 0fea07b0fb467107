/* pack - can so many copies of each work stand at all, asked card by card: a card is given all that comes onto it, and is never looked at again. What is left
 * to be done is then told by the cards that are left and by who is still to come, not by how full each card is: far fewer ways than copy by copy (fits.c).
 *
 * A rank takes here what its stage takes on such a card at least, whatever the other cards of its copy; who sits on another's cards (`same_gpus_as`) is one
 * with it, and the larger of them counts by its stages, the others by the least of any rank on so many cards. So what does not stand here does not stand at
 * all. What does is tried as it is: mostly it stands. Under that reading a card needs no set to which another rank could be added: a rank that comes later
 * may as well come now. */
#include <string.h>

#include "plan/pack_int.h"

#define MOST_ITEMS 400u
#define MOST_TRIES 50u               /* ways that stand here and not as they are */
#define STEPS_EACH 4u                /* so many steps here are as much work as a node of the search */

struct item { uint8_t kind, way, part, seat; bool begins, like_before; uint64_t bytes; };
struct filling {
    const struct pk_state *st; size_t color;
    struct item item[MOST_ITEMS]; size_t n;
    bool in[MOST_ITEMS]; uint32_t seated;            /* a bit a seat: a rank of it comes */
};

static void next_card(struct pk_pack *x, const struct pk_state *st);

static const struct pk_way *way_of(const struct pk_pack *x, const struct pk_seat *t) { return &x->kind[t->kind].way[t->way]; }

static bool may_begin(const struct pk_pack *x, const struct pk_state *st, size_t kind, const struct pk_way *w)
{
    uint8_t shape = st->shape[kind];
    return (!shape || shape == w->shape + 1) && w->cards <= w->places[x->nfilled];
}

/* ---- what led nowhere ---- */

static size_t key_of(const struct pk_pack *x, const struct pk_state *st, uint8_t *key)
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
        memcpy(key + n, st->seat[i].of, PK_PARTS);
        n += PK_PARTS;
    }
    return n;
}

/* ---- room ---- */

/* So many ranks of each part, at least. UINT64_MAX: they have no place. */
static uint64_t least_of_ranks(const struct pk_pack *x, const struct pk_way *w, const uint8_t *of)
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
static bool has_room(const struct pk_pack *x, const struct pk_state *st)
{
    uint64_t need = 0;
    for (size_t i = 0; i < st->nseats; i++) {
        const struct pk_way *w = way_of(x, &st->seat[i]);
        uint64_t bytes = least_of_ranks(x, w, st->seat[i].of);
        if (st->seat[i].left > w->places[x->nfilled] || bytes == UINT64_MAX)
            return false;
        need += bytes;
    }
    for (size_t i = 0; i < x->nkinds; i++) {
        uint64_t bytes = UINT64_MAX;
        for (size_t j = 0; j < x->kind[i].nways && st->unbegun[i]; j++) {
            const struct pk_way *w = &x->kind[i].way[j];
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

static int seat_cmp(const struct pk_seat *a, const struct pk_seat *b)
{
    if (a->kind != b->kind)
        return a->kind < b->kind ? -1 : 1;
    if (a->way != b->way)
        return a->way < b->way ? -1 : 1;
    return memcmp(a->of, b->of, PK_PARTS);
}

static void add_seat(struct pk_state *st, struct pk_seat one)
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

static bool add_seated(const struct pk_pack *x, struct filling *f, size_t seat)
{
    const struct pk_seat *t = &f->st->seat[seat];
    const struct pk_way *w = way_of(x, t);
    bool all = true;
    for (size_t p = 0; p < w->nparts; p++)
        if (t->of[p] && w->bytes[p][f->color] < UINT64_MAX)
            all = add_item(f, (struct item){ t->kind, t->way, (uint8_t)p, (uint8_t)seat, false, false, w->bytes[p][f->color] }) && all;
    return all;
}

static bool fill_items(const struct pk_pack *x, struct filling *f)
{
    const struct pk_state *st = f->st;
    bool all = true;
    for (size_t p = 0; p < PK_PARTS; p++)          /* part by part: ranks that are alike come one after the other */
        for (size_t i = 0; i < x->nkinds; i++) {
            const struct pk_kind *k = &x->kind[i];
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
static bool may_begin_after(const struct pk_pack *x, const struct pk_state *next, size_t kind, const struct pk_way *w)
{
    uint8_t shape = next->shape[kind];
    return (!shape || shape == w->shape + 1) && w->cards <= w->places[x->nfilled];
}

/* Could a rank that is to come be on this card too, whatever shape its copy has in the end? */
static bool takes_more(const struct pk_pack *x, const struct filling *f, const struct pk_state *next, uint64_t room, uint64_t works)
{
    for (size_t i = 0; i < f->n; i++) {
        const struct item *t = &f->item[i];
        if (!t->begins && !(f->seated >> t->seat & 1) && t->bytes <= room && !(works & ~x->kind[t->kind].friends))
            return true;
    }
    for (size_t i = 0; i < x->nkinds; i++) {
        const struct pk_kind *k = &x->kind[i];
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
static bool take_ranks(struct pk_pack *x, const struct filling *f, struct pk_state *next)
{
    const struct pk_state *st = f->st;
    struct pk_filled *card = &x->filled[x->nfilled];
    bool moved[PK_SEATS] = { false };
    next->nseats = 0;
    card->color = f->color;
    card->n = 0;
    for (size_t i = 0; i < f->n; i++) {
        const struct item *t = &f->item[i];
        if (!f->in[i])
            continue;
        const struct pk_way *w = &x->kind[t->kind].way[t->way];
        struct pk_seat one = { .kind = t->kind, .way = t->way, .left = (uint8_t)w->cards, .copy = next->begun };
        if (t->begins) {
            memcpy(one.of, w->count, PK_PARTS);
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
        if (one.left && next->nseats == PK_SEATS)
            return false;
        if (one.left)
            add_seat(next, one);
    }
    for (size_t i = 0; i < st->nseats; i++) {
        if (!moved[i] && next->nseats == PK_SEATS)
            return false;
        if (!moved[i])
            add_seat(next, st->seat[i]);
    }
    return true;
}

static void set_done(struct pk_pack *x, const struct filling *f, uint64_t room, uint64_t works)
{
    struct pk_state next = *f->st;
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
static bool of_one_shape(const struct pk_pack *x, const struct filling *f, size_t i)
{
    const struct item *t = &f->item[i];
    const struct pk_way *w = x->kind[t->kind].way;
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

static void pick(struct pk_pack *x, struct filling *f, size_t i, uint64_t room, uint64_t works)
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

struct standing { struct pl_copy *copy; size_t n; uint64_t load[BT_MAX_GPUS]; };

/* Stages take the cards of their part in the order of the pool, groups those of one name. False: no group is left. */
static bool take_stages(const struct pk_pack *x, const struct pl_work *k, const struct pk_way *w, const struct se_shape *sh, const size_t *card,
                        const uint8_t *part, size_t *out)
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
static bool load_copy(const struct pk_pack *x, struct standing *o, const struct pl_copy *c, const struct se_shape *sh)
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
static bool take_beside(const struct pk_pack *x, struct standing *o, size_t work, uint32_t replica, const size_t *card, uint32_t n)
{
    const struct search *s = x->s;
    for (size_t i = 0; i < s->work[work].nshapes; i++) {
        const struct se_shape *sh = &s->work[work].shape[i];
        size_t *mine = BT_NEWN(x->a, size_t, n), by_room[BT_MAX_GPUS];
        bool used[BT_MAX_GPUS] = { false }, one_name = true;
        if (sh->cards != n || !pk_may_have(s, work, i))
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

static bool take_copy(const struct pk_pack *x, struct standing *o, size_t copy, uint32_t replica, const size_t *card, const uint8_t *part)
{
    const struct search *s = x->s;
    const struct pk_kind *k = &x->kind[x->copy_kind[copy]];
    const struct pk_way *w = &k->way[x->copy_way[copy]];
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
static bool stands(struct pk_pack *x, const struct pk_state *st)
{
    struct search *s = x->s;
    struct standing *o = BT_NEW(x->a, struct standing);
    o->copy = BT_NEWN(x->a, struct pl_copy, s->max_copies + 1);
    uint32_t given[BT_MAX_GPUS] = { 0 }, replica[64] = { 0 }, n[PK_COPIES] = { 0 };
    size_t *card[PK_COPIES];
    uint8_t *part[PK_COPIES];
    for (size_t i = 0; i < st->begun; i++) {
        uint32_t cards = x->kind[x->copy_kind[i]].way[x->copy_way[i]].cards;
        card[i] = BT_NEWN(x->a, size_t, cards);
        part[i] = BT_NEWN(x->a, uint8_t, cards);
    }
    for (size_t i = 0; i < x->nfilled; i++) {
        const struct pk_filled *f = &x->filled[i];
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

static void next_card(struct pk_pack *x, const struct pk_state *st)
{
    uint8_t key[BT_MAX_GPUS + 128 + PK_SEATS * (2 + PK_PARTS)];
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
        pick(x, &f, 0, pk_cap_of(x, c), 0);
    }
    if (!x->over && !x->stands && x->tries == tries)
        se_dead_add(x->dead, &way, 0);
}

enum se_fit se_pack(struct search *s, uint64_t nodes)
{
    bt_auto_arena a = { 0 };
    struct pk_state st = { .nseats = 0 };
    uint32_t copies = 0;
    if (s->p->n > 64 || s->ncards > BT_MAX_GPUS)
        return SE_FIT_UNKNOWN;
    struct pk_pack *x = BT_NEW(&a, struct pk_pack);
    x->s = s;
    x->a = &a;
    x->limit = nodes * STEPS_EACH;
    x->dead = se_dead_new(&a);
    pk_fill_colors(x, &st);
    if (!pk_fill_kinds(x))
        return SE_FIT_UNKNOWN;
    for (size_t i = 0; i < x->nkinds; i++) {
        st.unbegun[i] = (uint8_t)x->kind[i].copies;
        copies += x->kind[i].copies;
    }
    if (copies > PK_COPIES)
        return SE_FIT_UNKNOWN;
    pk_fill_left(x, &st);
    if (has_room(x, &st))
        next_card(x, &st);
    s->nodes += x->steps / STEPS_EACH;
    return x->stands ? SE_FITS : x->over || x->tries ? SE_FIT_UNKNOWN : SE_FITS_NOT;
}

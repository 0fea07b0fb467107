/* fits_room - who still finds room where some stand: each alone, on the cards of its target, and all of them by their bytes; and who comes next.
 *
 * That is fixed at first, large copies before small ones: that finds ways soon. Then it is whoever decides most for the fewest ways to go, chosen anew as
 * others stand: that sees soon that there is none. */
#include <math.h>
#include <string.h>

#include "plan/fits_int.h"

#define ROOM_NODES 2u                /* what it costs to see that there is room, for each copy */
#define WANTS_NODES 5u               /* with a bound of wants */

/* What those that follow the copy take beside each of its ranks on such a card, at least. UINT64_MAX: they cannot. */
uint64_t sf_beside(const struct sf_look *f, size_t work, uint32_t cards, uint32_t copy, size_t cls)
{
    uint64_t sum = 0;
    for (uint64_t left = f->t->followers[work]; left; left &= left - 1) {
        size_t q = (size_t)__builtin_ctzll(left);
        if (copy >= f->s->copies_most[q])
            continue;
        uint64_t one = f->t->shapes[q].of_width[cards * f->s->p->nclasses + cls];
        if (one == UINT64_MAX)
            return one;
        sum += one;
    }
    return sum;
}

/* Ranks of the shape that go on each card, counted for so many copies; in whole groups where they must be of one kind. Leaves the cards in f->places. */
static bool has_places(struct sf_look *f, size_t work, size_t use, uint32_t copies)
{
    const struct search *s = f->s;
    const struct se_shape *sh = sf_shape_of(f, work, use);
    const uint64_t *least = sf_least_of(f, work, use);
    uint32_t each = f->t->friends[work] >> work & 1 ? copies : 1, of_kind[BT_MAX_GPUS], all = 0;
    uint64_t places = 0;
    if (sh->tp > 1)
        memset(of_kind, 0, s->ncards * sizeof *of_kind);
    for (uint64_t cards = f->cards[work][use]; cards; cards &= cards - 1) {
        size_t g = (size_t)__builtin_ctzll(cards), cls = s->p->cls[g];
        uint64_t left = s->p->cap[g] - f->load[g], bytes = least[cls];
        if (bytes > left || f->works[g] & ~f->t->friends[work])
            continue;
        uint64_t more = f->t->followers[work] ? sf_beside(f, work, sh->cards, s->copies_most[work] - 1, cls) : 0;
        if (more > left - bytes)
            continue;
        bytes += more;
        uint32_t n = each > 1 && bytes && left / bytes < each ? (uint32_t)(left / bytes) : each;     /* one goes: seen above */
        n = BT_MIN(n, sf_more_tenants(f, work, use, g));
        if (sh->tp > 1)
            of_kind[f->t->kind[g]] += n;
        all += n;
        places |= (uint64_t)(n > 0) << g;
    }
    f->places[work][use] = places;
    if (all < copies * sh->cards || sh->tp == 1)
        return all >= copies * sh->cards;
    for (size_t g = all = 0; g < s->ncards; g++)
        all += of_kind[g] / sh->tp;
    return all >= copies * sh->pp;
}

/* The target's copies stand: a rank of the shape goes on each of their cards, for each of the last `copies` copies. */
static bool has_places_there(const struct sf_look *f, size_t work, size_t use, uint32_t copies)
{
    const struct search *s = f->s;
    const struct se_shape *sh = sf_shape_of(f, work, use);
    const uint64_t *least = sf_least_of(f, work, use);
    size_t same = s->p->work[work].same;
    for (uint32_t i = s->copies_most[work] - copies; i < s->copies_most[work]; i++) {
        const struct pl_copy *target = &f->copy[f->first[same] + i];
        if (i >= s->copies_most[same] || target->ncards != sh->cards)
            return false;
        for (uint32_t r = 0; r < target->ncards; r++) {
            size_t g = target->card[r], cls = s->p->cls[g];
            bool room = least[cls] <= s->p->cap[g] - f->load[g] && sf_more_tenants(f, work, use, g);
            if (!room || !(f->classes[work][use] >> cls & 1) || !sf_may_stand_on(f, work, g))
                return false;
        }
    }
    return true;
}

/* Least and most that a rank takes of what is left on a card. */
struct sizes { uint64_t least, most; };

static void widen(const struct sf_look *f, size_t work, size_t use, struct sizes *of)
{
    const uint64_t *smallest = sf_least_of(f, work, use), *largest = &f->t->shapes[work].most[f->use[work][use] * f->s->p->nclasses];
    for (uint64_t cards = f->cards[work][use]; cards; cards &= cards - 1) {
        size_t g = (size_t)__builtin_ctzll(cards), cls = f->s->p->cls[g];
        uint64_t left = f->s->p->cap[g] - f->load[g];
        if (smallest[cls] > left || f->works[g] & ~f->t->friends[work] || !sf_more_tenants(f, work, use, g))
            continue;
        of[g].least = BT_MIN(of[g].least, smallest[cls]);
        of[g].most = BT_MAX(of[g].most, BT_MIN(largest[cls], left));
    }
}

/* Does the work, that is to come, find places in any shape if nobody else comes? f->may_go: in which. */
static bool goes_alone(struct sf_look *f, size_t depth, size_t work, size_t settled, uint32_t copies)
{
    size_t same = f->s->p->work[work].same;
    bool stands = same != PL_NONE && !f->s->p->work[same].cpu_only && !(f->coming[depth] >> same & 1), any = false;
    for (size_t i = 0; i < f->nuse[work]; i++) {
        bool goes = (settled == PL_NONE || i == settled) && has_places(f, work, i, copies) && (!stands || has_places_there(f, work, i, copies));
        f->may_go[work][i] = goes;
        any = any || goes;
    }
    return any;
}

/* So many of the work at this place of the order are to come; *settled: in that shape. */
static uint32_t to_come(const struct sf_look *f, size_t depth, uint32_t copy, size_t d, size_t *settled)
{
    bool now = d == depth && copy;
    *settled = now ? f->taken[depth] : PL_NONE;
    return f->s->copies_most[f->order[d]] - (now ? copy : 0);
}

/* Does each of those to come find places if nobody else comes? Asked first of all of who found none last. */
bool sf_each_goes(struct sf_look *f, size_t depth, uint32_t copy)
{
    size_t settled, first = depth;
    for (size_t d = depth; d < f->t->n; d++)
        first = f->order[d] == f->failed ? d : first;
    for (size_t i = depth; i < f->t->n; i++) {
        size_t d = i == depth ? first : i <= first ? i - 1 : i;
        uint32_t copies = to_come(f, depth, copy, d, &settled);
        if (!goes_alone(f, depth, f->order[d], settled, copies)) {
            f->failed = f->order[d];
            f->fails[f->failed]++;
            return false;
        }
    }
    return true;
}

/* What is known of a work that is to come: the least bytes of a copy in any shape in which so many find places if nobody else comes, and in how many ways a
 * copy goes, about. */
struct outlook { uint64_t least; double ways; };

static struct outlook look_at(const struct sf_look *f, size_t work, uint64_t unlike, struct sizes *of)
{
    struct outlook o = { .least = UINT64_MAX };
    for (size_t i = 0; i < f->nuse[work]; i++) {
        if (!f->may_go[work][i])
            continue;
        o.least = BT_MIN(o.least, sf_shape_of(f, work, i)->least);
        o.ways += se_ways(sf_shape_of(f, work, i), (uint32_t)__builtin_popcountll(f->places[work][i] & unlike));
        widen(f, work, i, of);
    }
    return o;
}

/* Who comes next: whoever decides most for the fewest ways to go, of those whose cards stand already. What comes late and often finds no place then decides
 * more when it comes early (the weights of Boussemart, Hemery, Lecoutre and Sais 2004, by their logarithm: as they are they hide how many ways there are). */
static size_t next_work(const struct sf_look *f, size_t depth, const struct outlook *o)
{
    size_t best = PL_NONE;
    double least = 0;
    for (size_t d = depth; d < f->t->n; d++) {
        size_t w = f->order[d], same = f->s->p->work[w].same;
        if (same != PL_NONE && f->coming[depth] >> same & 1)
            continue;
        double each = log2(BT_MAX(o[w].ways, 1.0)) / f->size[w] / (2 + log2(1 + f->fails[w]));
        if (best == PL_NONE || each < least) {
            best = d;
            least = each;
        }
    }
    return best;
}

void sf_fill_minded(struct sf_look *f, size_t depth)
{
    const struct search *s = f->s;
    f->coming[depth] = f->minded[depth] = f->seats[depth] = 0;
    for (size_t d = depth; d < f->t->n; d++) {
        size_t w = f->order[d], same = s->p->work[w].same;
        f->coming[depth] |= UINT64_C(1) << w;
        f->minded[depth] |= ~f->t->friends[w];
        for (uint32_t i = 0; same != PL_NONE && !s->p->work[same].cpu_only && i < BT_MIN(s->copies_most[w], s->copies_most[same]); i++)
            f->seats[depth] |= UINT64_C(1) << (f->t->seat[same] + i);
    }
}

void sf_swap_works(struct sf_look *f, size_t d, size_t e)
{
    size_t w = f->order[d];
    f->order[d] = f->order[e];
    f->order[e] = w;
    if (f->wants)
        se_swap(f->s, f->decided + d, f->decided + e);
}

/* What all those to come take at least is no more than what they can take at most of each card: so many of the smallest ranks go there, none larger than the
 * largest. Leaves in goes[] the shapes of who comes next for which that may be so; *next: its place in the order, chosen where no copy of it stands yet.
 * False: none. After sf_each_goes(). */
bool sf_all_room(struct sf_look *f, size_t depth, uint32_t copy, bool *goes, size_t *next)
{
    const struct search *s = f->s;
    double need = 0, room = 0;
    struct sizes of[BT_MAX_GPUS];
    struct outlook o[64];
    uint64_t unlike = 0;
    bool any = false;
    f->s->nodes += f->wants ? WANTS_NODES : ROOM_NODES;
    for (size_t g = 0; g < s->ncards; g++) {
        of[g] = (struct sizes){ UINT64_MAX, 0 };
        unlike |= (uint64_t)(f->now[g] == g) << g;
    }
    for (size_t d = depth; d < f->t->n; d++) {
        size_t w = f->order[d], settled;
        uint32_t copies = to_come(f, depth, copy, d, &settled);
        o[w] = look_at(f, w, unlike, of);
        need += (double)o[w].least * copies;
    }
    for (size_t g = 0; g < s->ncards; g++) {
        if (of[g].least == UINT64_MAX)
            continue;
        uint64_t left = sf_useful_room(f, depth, g);
        uint64_t ranks = BT_MIN(of[g].least ? left / of[g].least : UINT64_MAX, (uint64_t)(f->at_most[g] - f->tenants[g]));
        room += ranks < 64 ? BT_MIN((double)left, (double)of[g].most * (double)ranks) : (double)left;
    }
    *next = copy || f->how != SF_FEWEST ? depth : next_work(f, depth, o);
    size_t w = f->order[*next];
    uint32_t copies = s->copies_most[w] - copy;
    need -= (double)o[w].least * copies;
    for (size_t i = 0; i < f->nuse[w]; i++) {
        goes[i] = f->may_go[w][i] && need + (double)sf_shape_of(f, w, i)->least * copies <= room;
        any = any || goes[i];
    }
    return any;
}

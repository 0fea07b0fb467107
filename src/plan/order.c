/* order - whose copies are placed next: in an order that is fixed as a search begins, or (s->fewest) whoever decides most for the fewest ways to go, chosen as
 * others stand: what leads nowhere is seen sooner then, what is good later. Who sits on another's cards comes after it in all of them. */
#include <math.h>

#include "plan/search_int.h"

/* Who is hard to place: cards of its own first, then by bytes of its leanest shape. */
static int harder(const struct search *s, size_t i, size_t j)
{
    const struct se_work *a = &s->work[i], *b = &s->work[j];
    uint64_t x = a->k->cpu_only ? 0 : a->any.least, y = b->k->cpu_only ? 0 : b->any.least;
    if (a->k->w->optional != b->k->w->optional)
        return a->k->w->optional ? 1 : -1;
    return x > y ? -1 : x < y;
}

static double rank_bytes(const struct search *s, size_t i)
{
    const struct se_shape *o = se_outlook(s, i);
    return s->p->work[i].cpu_only || o->least == UINT64_MAX ? 0 : (double)o->least / o->cards;
}

static bool before(const struct search *s, enum se_order how, size_t i, size_t j)
{
    if (how == SE_RANKS)
        return rank_bytes(s, i) > rank_bytes(s, j);
    if (how == SE_HELD_FIRST && s->held[i] != s->held[j])
        return s->held[i];
    if (how == SE_AHEAD && s->ahead[i] != s->ahead[j])
        return s->ahead[i];
    return how != SE_AS_PLANNED && harder(s, i, j) < 0;
}

void se_order(struct search *s, enum se_order how)
{
    const struct pl_problem *p = s->p;
    for (size_t i = 0; i < p->n; i++)
        s->depth_of[i] = PL_NONE;                    /* not in the order yet */
    for (size_t d = 0; d < p->n; d++) {
        size_t best = PL_NONE;
        for (size_t i = 0; i < p->n; i++) {
            bool ready = p->work[i].same == PL_NONE || s->depth_of[p->work[i].same] != PL_NONE;
            if (s->depth_of[i] == PL_NONE && ready && (best == PL_NONE || before(s, how, i, best)))
                best = i;
        }
        s->order[d] = best;
        s->depth_of[best] = d;
    }
}

double se_ways(const struct se_shape *sh, uint32_t unlike)
{
    double ways = sh->pp;
    for (uint32_t i = 0; i < sh->cards && i < unlike; i++)
        ways *= (double)(unlike - i) / (i + 1);
    return ways;
}

/* Cards that differ where a rank of the shape may go now. */
static uint32_t unlike_cards(const struct search *s, size_t work, size_t shape)
{
    const struct pl_work *k = &s->p->work[work];
    const struct se_shape *sh = &s->work[work].shape[shape];
    const size_t *color = &s->color[s->ncopies * s->ncards];
    uint64_t classes = s->sets ? se_sets_classes(s, work, shape) : UINT64_MAX, seen = 0;
    uint32_t n = 0;
    for (size_t i = 0; i < k->npool; i++) {
        size_t g = k->pool[i], cls = s->p->cls[g];
        if (seen >> color[g] & 1 || !(classes >> cls & 1) || s->load[g] + sh->rank_least[cls] > s->p->cap[g] || !se_may_join(s, work, g))
            continue;
        seen |= UINT64_C(1) << color[g];
        n++;
    }
    return n;
}

/* Choices in bits, about, for each part of a card that they decide. */
static double bits_each(const struct search *s, size_t work)
{
    const struct pl_work *k = &s->p->work[work];
    double ways = 0, part = 1e-6;
    uint64_t least_cap = UINT64_MAX;
    for (size_t i = 0; i < k->npool; i++)
        least_cap = BT_MIN(least_cap, s->p->cap[k->pool[i]]);
    for (size_t i = 0; i < s->work[work].nshapes; i++) {
        const struct se_shape *sh = &s->work[work].shape[i];
        if ((s->fixed[work] && i != s->shape_of[work]) || sh->least == UINT64_MAX)
            continue;
        ways += se_ways(sh, unlike_cards(s, work, i));
        part = BT_MAX(part, (double)sh->least / (double)BT_MAX(least_cap, UINT64_C(1)) * s->copies_most[work]);
    }
    return log2(BT_MAX(ways, 1.0)) / part;
}

size_t se_next_work(const struct search *s, size_t depth)
{
    size_t best = depth;
    double least = INFINITY;
    for (size_t d = depth; d < s->p->n; d++) {
        size_t w = s->order[d], same = s->p->work[w].same;
        if (s->p->work[w].cpu_only || !s->copies_most[w])
            return d;                /* takes no card: nothing to decide */
        if (same != PL_NONE && s->depth_of[same] >= depth)
            continue;
        double each = bits_each(s, w);
        if (each < least) {
            least = each;
            best = d;
        }
    }
    return best;
}

void se_swap(struct search *s, size_t d, size_t e)
{
    size_t w = s->order[d];
    s->order[d] = s->order[e];
    s->order[e] = w;
    s->depth_of[s->order[d]] = d;
    s->depth_of[s->order[e]] = e;
}

/* sets_split - what the program of sets (sets_lp.c) has in several ways at once: half a copy two cards wide and half of it four, or one that is alone on its
 * cards and has neighbours. To settle that takes its answer away and with it the bound; to settle what is whole in it leaves both as they are. */
#include <math.h>

#include "plan/sets_int.h"

#define WHOLE 0.01                   /* less in other ways is none */
#define AT_STAKE 0.0003               /* for each thousandth of service between the best and the worst of the ways */

/* What was measured to end soonest: widths change what all others may be, tenants the least. */
static const double first[SE_BY__N] = { [SE_BY_WIDTH] = 1, [SE_BY_SHAPE] = 0.5, [SE_BY_LEVEL] = 0.3 };

/* A work's ways, and how many copies of the answer are in each; least, most: what a copy is worth in one. */
struct ways { size_t way[64]; double part[64], all, least, most; size_t n; };

static void add_part(struct ways *o, size_t way, double part, double value)
{
    if (part > WHOLE) {
        o->least = BT_MIN(o->least, value);
        o->most = BT_MAX(o->most, value);
    }
    size_t i = 0;
    while (i < o->n && o->way[i] != way)
        i++;
    if (i == BT_LEN(o->way))
        return;
    if (i == o->n) {
        o->way[o->n] = way;
        o->part[o->n++] = 0;
    }
    o->part[i] += part;
    o->all += part;
}

/* Of its copies those that are not as most are. */
static double in_other_ways(const struct ways *o)
{
    double most = 0;
    for (size_t i = 0; i < o->n; i++)
        most = BT_MAX(most, o->part[i]);
    return o->all > 0 ? 1 - most / o->all : 0;
}

static size_t way_of(const struct search *s, size_t u, unsigned level, enum se_by by)
{
    const struct ss_unit *x = &s->sets->unit[u];
    return by == SE_BY_WIDTH ? x->cards : by == SE_BY_LEVEL ? level : s->copies_most[x->work] > 1 ? x->shape : x->of;
}

/* Of a copy in the unit, on the cards that serve it best. */
static double value_of(const struct search *s, size_t u, unsigned busy)
{
    const struct ss_unit *x = &s->sets->unit[u];
    double best = 0;
    for (size_t c = 0; c < s->p->nclasses; c++)
        best = x->least[c] < UINT64_MAX ? BT_MAX(best, x->value[c * (SE_BUSY + 1) + busy]) : best;
    return best * x->cards;
}

static void ways_of(const struct search *s, size_t work, enum se_by by, struct ways *o)
{
    const struct se_sets *t = s->sets;
    o->n = 0;
    o->all = 0;
    o->least = INFINITY;
    o->most = 0;
    for (size_t u = t->first[work]; u < t->first[work + 1]; u++)
        for (unsigned b = 1; b <= SE_BUSY && ss_live(s, t, u); b++)
            if (t->busy[u] >> b & 1)
                add_part(o, way_of(s, u, b, by), t->part[u * (SE_BUSY + 1) + b], value_of(s, u, b));
}

/* The fewest tenants up to where half of the answer is, but not all of it. */
static void halve(const struct ways *o, struct se_split *x)
{
    double sum = 0;
    x->low = 0;
    for (unsigned b = 1; b < SE_BUSY && sum < o->all / 2; b++) {
        double was = sum;
        for (size_t i = 0; i < o->n; i++)
            sum += o->way[i] == b ? o->part[i] : 0;
        if (was > 0 && sum > (1 - WHOLE) * o->all)
            break;
        x->low |= 1u << b;
        x->low_first = sum >= o->all / 2;
    }
}

bool se_sets_split(const struct search *s, struct se_split *o)
{
    double most = 0;
    for (size_t d = 0; d < s->p->n; d++)
        for (enum se_by by = 0; by < SE_BY__N; by++) {
            struct ways x;
            if (by == SE_BY_LEVEL && s->copies_most[s->order[d]] > 1)
                continue;            /* each copy has its own */
            ways_of(s, s->order[d], by, &x);
            double others = in_other_ways(&x);
            double pull = others * first[by] * (1 + AT_STAKE * BT_MAX(x.most - x.least, 0.0));
            if (others < WHOLE || pull <= most)
                continue;
            most = pull;
            *o = (struct se_split){ .work = s->order[d], .by = by };
            if (by == SE_BY_LEVEL)
                halve(&x, o);
        }
    return most > 0;
}

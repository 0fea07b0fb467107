/* boxes_choice - how many cards of which machines the copies of a group get, before any of them is dealt: at the prices that boxes_worth found, as long as all
 * others still get the least with which their contexts are as long as they can be. */
#include <math.h>
#include <stdlib.h>

#include "plan/boxes.h"

static double price_of(const struct bx *b, const struct bx_group *g, size_t cls)
{
    double sum = 0;
    for (size_t ph = 0; ph < b->nphases; ph++)
        sum += g->phases >> ph & 1 ? b->price[ph * b->ncls + cls] : 0;
    return sum;
}

/* What the option is worth beyond its cards, in all phases of the group. */
static double worth(const struct bx *b, const struct bx_group *g, size_t cls, const struct bx_option *o)
{
    return o->value * bx_nphases(g) - price_of(b, g, cls) * o->cards;
}

static bool prefer(const struct bx_option *x, double wx, const struct bx_option *y, double wy)
{
    if (fabs(x->wants - y->wants) > 1e-9)
        return x->wants > y->wants;
    return wx > wy + 1e-12 || (wx > wy - 1e-12 && x->cards < y->cards);
}

size_t bx_picks(const struct bx *b, const struct bx_group *g, bool priced, struct bx_pick *out, size_t most)
{
    size_t n = 0;
    for (size_t c = 0; c < b->ncls; c++)
        for (size_t i = 0; i < g->noptions[c] && n < most; i++) {
            const struct bx_option *o = &g->option[c][i];
            struct bx_pick x = { c, i, priced ? worth(b, g, c, o) : o->value };
            size_t at = n++;
            for (; at > 0 && prefer(o, x.worth, bx_picked(g, out[at - 1]), out[at - 1].worth); at--)
                out[at] = out[at - 1];
            out[at] = x;
        }
    return n;
}

/* Cards that are asked for in each class and phase, with this change. */
static void ask(const struct bx *b, int64_t *asked, const struct bx_group *g, size_t cls, int64_t cards)
{
    for (size_t ph = 0; ph < b->nphases; ph++)
        if (g->phases >> ph & 1)
            asked[ph * b->ncls + cls] += cards * g->want;
}

static bool too_many(const struct bx *b, const int64_t *asked, const struct bx_group *g, size_t cls, int64_t more)
{
    for (size_t ph = 0; ph < b->nphases; ph++)
        if (g->phases >> ph & 1 && asked[ph * b->ncls + cls] + more * g->want > (int64_t)b->cls[cls].cards)
            return true;
    return false;
}

struct wish { size_t group; double gain; };

static int by_gain(const void *x, const void *y)
{
    const struct wish *a = x, *b = y;
    if (a->gain != b->gain)
        return a->gain > b->gain ? -1 : 1;
    return (a->group > b->group) - (a->group < b->group);
}

/* In each class the option with the fewest cards of those with the longest contexts of all; the best class first. */
static size_t least_picks(const struct bx_pick *all, size_t n, const struct bx_group *g, struct bx_pick *out, size_t most)
{
    size_t m = 0;
    for (size_t i = 0; i < n && bx_picked(g, all[i])->wants > bx_picked(g, all[0])->wants - 1e-9; i++) {
        size_t at = 0;
        while (at < m && out[at].cls != all[i].cls)
            at++;
        if (at == m && m < most)
            out[m++] = all[i];
        else if (at < m && bx_picked(g, all[i])->cards < bx_picked(g, out[at])->cards)
            out[at] = all[i];
    }
    for (size_t i = 1; i < m; i++)
        for (size_t j = i; j > 0 && out[j].worth > out[j - 1].worth + 1e-12; j--) {
            struct bx_pick t = out[j];
            out[j] = out[j - 1];
            out[j - 1] = t;
        }
    return m;
}

/* Everybody with few cards, where that is worth most; who loses most elsewhere chooses first. */
static void choose_least(const struct bx *b, struct bx_pick *choice, int64_t *asked, struct wish *wish)
{
    struct bx_pick all[BX_PICKS], least[BX_PICKS];
    for (size_t i = 0; i < b->ngroups; i++) {
        const struct bx_group *g = &b->group[i];
        size_t n = bx_picks(b, g, true, all, BX_PICKS), m = n ? least_picks(all, n, g, least, BX_PICKS) : 0;
        wish[i] = (struct wish){ i, m > 1 ? (least[0].worth - least[1].worth) / bx_picked(g, least[0])->cards : INFINITY };
    }
    qsort(wish, b->ngroups, sizeof *wish, by_gain);
    for (size_t k = 0; k < b->ngroups; k++) {
        size_t i = wish[k].group, at = 0;
        const struct bx_group *g = &b->group[i];
        size_t n = bx_picks(b, g, true, all, BX_PICKS), m = n ? least_picks(all, n, g, least, BX_PICKS) : 0;
        choice[i].option = SIZE_MAX;
        if (!m)
            continue;
        while (at < m && too_many(b, asked, g, least[at].cls, bx_picked(g, least[at])->cards))
            at++;
        at = at == m ? 0 : at;
        choice[i].option = least[at].option;
        choice[i].cls = least[at].cls;
        ask(b, asked, g, least[at].cls, bx_picked(g, least[at])->cards);
    }
}

/* Whoever gains most for a card goes to what it likes best of what there are cards for: at the prices, then (what is left over is free) without. */
static void choose_more(const struct bx *b, struct bx_pick *choice, int64_t *asked, struct wish *wish, bool priced)
{
    struct bx_pick all[BX_PICKS];
    for (size_t i = 0; i < b->ngroups; i++) {
        const struct bx_group *g = &b->group[i];
        size_t n = bx_picks(b, g, priced, all, BX_PICKS);
        wish[i] = (struct wish){ i, -INFINITY };
        if (choice[i].option == SIZE_MAX || !n || (b->copies && b->copies[i]))       /* more copies instead of larger ones */
            continue;
        const struct bx_option *has = &g->option[choice[i].cls][choice[i].option];
        double now = priced ? worth(b, g, choice[i].cls, has) : has->value;
        wish[i].gain = (all[0].worth - now) / bx_picked(g, all[0])->cards;
    }
    qsort(wish, b->ngroups, sizeof *wish, by_gain);
    for (size_t k = 0; k < b->ngroups && wish[k].gain > 0; k++) {
        size_t i = wish[k].group;
        const struct bx_group *g = &b->group[i];
        const struct bx_option *has = &g->option[choice[i].cls][choice[i].option];
        double now = priced ? worth(b, g, choice[i].cls, has) : has->value;
        size_t n = bx_picks(b, g, priced, all, BX_PICKS);
        ask(b, asked, g, choice[i].cls, -(int64_t)has->cards);
        for (size_t o = 0; o < n && prefer(bx_picked(g, all[o]), all[o].worth, has, now); o++)
            if (!too_many(b, asked, g, all[o].cls, bx_picked(g, all[o])->cards)) {
                choice[i].option = all[o].option;
                choice[i].cls = all[o].cls;
                break;
            }
        ask(b, asked, g, choice[i].cls, g->option[choice[i].cls][choice[i].option].cards);
    }
}

void bx_choose(const struct bx *b, struct bx_pick *choice)
{
    struct wish *wish = BT_NEWN(b->a, struct wish, b->ngroups + 1);
    int64_t *asked = BT_NEWN(b->a, int64_t, b->nphases * b->ncls + 1);
    choose_least(b, choice, asked, wish);
    choose_more(b, choice, asked, wish, true);
    choose_more(b, choice, asked, wish, false);
}

static uint64_t bytes_of(const struct bx_option *o, double ease) { return o->whole ? o->cards * (UINT64_C(1) << 40) : bx_floor_at(ease, o) * o->cards; }

static bool takes_less(double ease, const struct bx_option *x, const struct bx_option *y)
{
    return bytes_of(x, ease) != bytes_of(y, ease) ? bytes_of(x, ease) < bytes_of(y, ease) : x->cards < y->cards;
}

void bx_choose_fewest(const struct bx *b, double ease, struct bx_pick *choice)
{
    for (size_t i = 0; i < b->ngroups; i++) {
        const struct bx_group *g = &b->group[i];
        choice[i].option = SIZE_MAX;
        for (size_t c = 0; c < b->ncls; c++)
            for (size_t k = 0; k < g->noptions[c]; k++)
                if (choice[i].option == SIZE_MAX || takes_less(ease, &g->option[c][k], &g->option[choice[i].cls][choice[i].option])) {
                    choice[i].option = k;
                    choice[i].cls = c;
                }
    }
}

size_t bx_picks_by_bytes(const struct bx *b, double ease, const struct bx_group *g, struct bx_pick *out, size_t most)
{
    size_t n = 0;
    for (size_t c = 0; c < b->ncls; c++)
        for (size_t i = 0; i < g->noptions[c] && n < most; i++) {
            size_t at = n++;
            for (; at > 0 && takes_less(ease, &g->option[c][i], bx_picked(g, out[at - 1])); at--)
                out[at] = out[at - 1];
            out[at] = (struct bx_pick){ .cls = c, .option = i };
        }
    return n;
}

/* sets_cuts - what the program of sets (sets_lp.c) takes for several ranks of a copy and no copy can do: all of them on the one card of a kind that suits
 * them, or all as small as the smallest stage of the pipeline, or none on a card as slow as its pace. Of the ranks of a work in a shape no larger share is on
 * cards of a color than there are such cards for a copy, or of the smallest stages than a copy has of them, and all but one are on cards that are faster than
 * their pace: a row each, made when an answer passes it. With shapes settled it is a row for each pace: copies at one do not make up for those at another.
 *
 * Its price is paid by ranks there, and paid back to all ranks of the shape by their share; a copy as it may stand is never paid more than it pays, so whatever
 * the prices are the bound is none too low. */
#include <math.h>
#include <string.h>

#include "plan/sets_int.h"

#define OVER 0.1                     /* ranks: an answer that passes a cut by less is left */
#define CUTS_A_ROUND 8u
#define ALL_PARTS UINT8_MAX          /* of cuts that are not of stages */
#define ALL_COLORS UINT64_MAX

static bool is_of(const struct ss_cut *r, const struct ss_unit *u)
{
    return u->work == r->work && u->shape == r->shape && (r->of == PL_NONE || r->of == u->of);
}

void ss_fill_own(const struct search *s, struct se_sets *t)
{
    if (t->has_own)
        memset(t->own, 0, t->nunits * t->ncolors * sizeof *t->own);
    t->has_own = false;
    for (size_t u = 0; u < t->nunits; u++)
        t->parted[u] = !t->unit[u].part;
    for (size_t r = 0; r < t->ncuts; r++) {
        const struct ss_cut *x = &t->cut[r];
        double price = t->price[s->p->n + r];
        for (size_t u = t->first[x->work]; price > 0 && u < t->first[x->work + 1]; u++) {
            if (!is_of(x, &t->unit[u]))
                continue;
            t->has_own = true;
            t->parted[u] = t->parted[u] || x->part < ALL_PARTS;
            for (size_t c = 0; c < t->ncolors; c++)
                t->own[u * t->ncolors + c] += price * (ss_in_cut(x, &t->unit[u], c) - x->share);
        }
    }
}

bool ss_cut_live(const struct search *s, const struct se_sets *t, const struct ss_cut *r)
{
    bool live = false;
    for (size_t u = t->first[r->work]; u < t->first[r->work + 1] && !live; u++)
        live = is_of(r, &t->unit[u]) && ss_live(s, t, u);
    return live;
}

double ss_in_set(const struct se_sets *t, const struct ss_cut *r, const struct ss_set *x)
{
    double by = 0;
    for (unsigned i = 0; i < x->n; i++)
        if (is_of(r, &t->unit[x->unit[i]]))
            by += ss_in_cut(r, &t->unit[x->unit[i]], x->color) - r->share;
    return by;
}

static bool is_there(const struct se_sets *t, const struct ss_cut *r)
{
    for (size_t i = 0; i < t->ncuts; i++) {
        const struct ss_cut *x = &t->cut[i];
        if (x->work == r->work && x->shape == r->shape && x->of == r->of && x->colors == r->colors && x->part == r->part)
            return true;
    }
    return false;
}

struct found { struct ss_cut cut[CUTS_A_ROUND]; double over[CUTS_A_ROUND]; size_t n; };

/* By how much the answer passes it; kept where that is among the most. */
static void try_cut(const struct se_sets *t, const struct ss_cut *r, struct found *o)
{
    double over = 0;
    for (size_t u = t->first[r->work]; u < t->first[r->work + 1]; u++)
        for (size_t c = 0; is_of(r, &t->unit[u]) && c < t->ncolors; c++)
            over += t->rank[u * t->ncolors + c] * (ss_in_cut(r, &t->unit[u], c) - r->share);
    size_t at = o->n;
    while (at > 0 && o->over[at - 1] < over)
        at--;
    if (over < OVER || at == CUTS_A_ROUND || is_there(t, r))
        return;
    o->n = BT_MIN(o->n + 1, (size_t)CUTS_A_ROUND);
    for (size_t i = o->n - 1; i > at; i--) {
        o->cut[i] = o->cut[i - 1];
        o->over[i] = o->over[i - 1];
    }
    o->cut[at] = *r;
    o->over[at] = over;
}

/* Not all ranks of a copy in the unit are on cards that are faster than its slowest. */
static void try_pace(const struct search *s, const struct se_sets *t, size_t u, struct found *o)
{
    const struct ss_unit *x = &t->unit[u];
    const struct se_shape *sh = &s->work[x->work].shape[x->shape];
    uint64_t faster = 0;
    for (size_t c = 0; c < t->ncolors && x->slowest != PL_NONE; c++)
        faster |= (uint64_t)(se_rate_on(sh, s->p->cls[t->color[c].card]) > se_rate_on(sh, x->slowest)) << c;
    if (faster)
        try_cut(t, &(struct ss_cut){ x->work, x->shape, u, faster, ALL_PARTS, (x->cards - 1.0) / x->cards }, o);
}

bool ss_cut_off(const struct search *s, struct se_sets *t)
{
    struct found o = { .n = 0 };
    for (size_t u = 0; u < t->nunits; u++) {
        const struct ss_unit *x = &t->unit[u];
        bool first = u == t->first[x->work] || t->unit[u - 1].shape != x->shape;
        size_t of = t->tight ? u : PL_NONE;          /* else of the shape */
        if (x->part || x->cards < 2)
            continue;
        try_pace(s, t, u, &o);
        if (!t->tight && !first)
            continue;
        for (size_t c = 0; c < t->ncolors; c++)
            if (t->color[c].count < x->cards)
                try_cut(t, &(struct ss_cut){ x->work, x->shape, of, UINT64_C(1) << c, ALL_PARTS, (double)t->color[c].count / x->cards }, &o);
        for (uint8_t p = 0; p + 1 < x->parts; p++)
            try_cut(t, &(struct ss_cut){ x->work, x->shape, of, ALL_COLORS, p, (double)t->unit[u + p].up_to / x->cards }, &o);
    }
    bool any = false;
    for (size_t i = 0; i < o.n && t->ncuts < SS_CUTS; i++) {
        t->cut[t->ncuts] = o.cut[i];
        t->price[s->p->n + t->ncuts] = t->best[s->p->n + t->ncuts] = 0;
        t->ncuts++;
        any = true;
    }
    return any;
}

void se_sets_bare(struct search *s, bool bare)
{
    struct se_sets *t = s->sets;
    if (!t || (bare && !t->has_own) || (!bare && !t->is_bare))
        return;
    double *price = t->price + s->p->n;
    if (bare) {
        memcpy(t->put_by, price, t->ncuts * sizeof *price);
        memset(price, 0, t->ncuts * sizeof *price);
    } else {
        memcpy(price, t->put_by, t->ncuts * sizeof *price);
    }
    t->is_bare = bare;
    t->changes++;
    ss_fill_items(s, t);
}

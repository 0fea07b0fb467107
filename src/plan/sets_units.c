/* sets_units - in which ways copies are told apart in sets of neighbours: by shape, by kind of card (a tensor-parallel group), by pace and sizes of stage (a
 * pipeline). What a rank takes of a card: of any copy that may have one there, or of those at that pace alone; a copy with no slow card may have no poor one
 * either, and takes more. */
#include <string.h>

#include "plan/sets_int.h"

/* Tenants on each card of its copies at least: itself, those it needs, those they need, ... */
static unsigned company(const struct se_sets *t, size_t work)
{
    uint64_t in = UINT64_C(1) << work, was = 0;
    while (in != was) {
        was = in;
        for (uint64_t left = in; left; left &= left - 1)
            in |= t->needs[__builtin_ctzll(left)];
    }
    return (unsigned)__builtin_popcountll(in);
}

/* The least of a rank of the stage on a card of the class, where the copy's needs are reckoned for one of those (`cost`: a bit each). */
static uint64_t stage_on(const struct search *s, const struct se_shape *sh, size_t cls, uint32_t stage, uint64_t cost)
{
    uint64_t least = UINT64_MAX;
    for (size_t c = 0; c < s->p->nclasses; c++) {
        const struct se_row *row = &sh->row[c * sh->pp + stage];
        uint64_t floor = sh->limit ? sh->limit[cls] : row->floor;
        if (cost >> c & 1 && se_reckoned(s, sh, c, cls) && row->need <= floor)
            least = BT_MIN(least, floor);
    }
    return least;
}

/* Sizes of stages: no larger one is smaller than a smaller one on any card. */
struct sizes { uint64_t *least[SS_STAGES]; uint32_t ranks[SS_STAGES]; uint8_t n, *of; };

/* -1: nowhere larger, somewhere smaller; 0: equal; 1; 2: here this one, there that one. */
static int size_cmp(const uint64_t *a, const uint64_t *b, size_t n)
{
    int c = 0;
    for (size_t i = 0; i < n; i++) {
        int here = (a[i] > b[i]) - (a[i] < b[i]);
        if (here && c && here != c)
            return 2;
        c = here ? here : c;
    }
    return c;
}

/* False: they are not in an order, or too many. */
static bool sizes_of(const struct search *s, const struct se_work *w, const struct se_shape *sh, struct sizes *o, struct bt_arena *a)
{
    size_t classes = s->p->nclasses;
    *o = (struct sizes){ .of = BT_NEWN(a, uint8_t, sh->pp) };
    for (uint32_t j = 0; j < sh->pp; j++) {
        uint64_t *least = BT_NEWN(a, uint64_t, classes);
        size_t i = 0;
        int c = 1;
        for (size_t k = 0; k < classes; k++)
            least[k] = w->on_class[k] ? stage_on(s, sh, k, j, UINT64_MAX) : UINT64_MAX;
        for (; i < o->n && (c = size_cmp(least, o->least[i], classes)) == 1; i++)
            ;
        if (i < o->n && c == 2)
            return false;
        if (i == o->n || c) {        /* a size of its own */
            if (o->n == SS_STAGES)
                return false;
            for (size_t k = o->n++; k > i; k--) {
                o->least[k] = o->least[k - 1];
                o->ranks[k] = o->ranks[k - 1];
            }
            for (uint32_t k = 0; k < j; k++)
                o->of[k] += o->of[k] >= i;
            o->least[i] = least;
            o->ranks[i] = 0;
        }
        o->ranks[i] += sh->tp;
        o->of[j] = (uint8_t)i;
    }
    for (size_t i = 0; i + 1 < o->n; i++)            /* the new one may have come between two that it is not in order with */
        if (size_cmp(o->least[i], o->least[i + 1], classes) != -1)
            return false;
    return true;
}

/* Classes that the poorest card of a copy of the unit may be of, a bit each: it has one of those that set its pace, and enough that are no poorer. */
static uint64_t poorest_in(const struct search *s, const struct se_shape *sh, const struct pl_work *k, const bool *goes, size_t slowest)
{
    const struct bt_gpu *gpus = s->p->fleet->gpus;
    uint64_t out = 0, most = slowest == PL_NONE ? UINT64_MAX : 0;
    for (size_t c = 0; c < s->p->nclasses; c++)
        if (goes[c] && slowest != PL_NONE && se_rate_on(sh, c) == se_rate_on(sh, slowest))
            most = BT_MAX(most, gpus[s->p->cls_card[c]].total_bytes);
    for (size_t c = 0; c < s->p->nclasses; c++) {
        uint64_t bytes = gpus[s->p->cls_card[c]].total_bytes;
        uint32_t n = 0;
        for (size_t i = 0; i < k->npool; i++)
            n += goes[s->p->cls[k->pool[i]]] && gpus[k->pool[i]].total_bytes >= bytes;
        out |= (uint64_t)(goes[c] && bytes <= most && n >= sh->cards) << c;
    }
    return out;
}

/* What a rank of that size or a larger one takes on a card of the class, at least. */
static uint64_t part_on(const struct search *s, const struct se_shape *sh, size_t cls, const struct sizes *z, size_t part, uint64_t cost)
{
    uint64_t least = UINT64_MAX;
    for (uint32_t j = 0; j < sh->pp; j++)
        if (!part || z->of[j] >= part)
            least = BT_MIN(least, stage_on(s, sh, cls, j, cost));
    return least;
}

static bool add_unit(const struct search *s, struct se_sets *t, size_t work, size_t i, size_t on, size_t slowest, struct bt_arena *a)
{
    const struct se_work *w = &s->work[work];
    const struct se_shape *sh = &w->shape[i];
    const struct bt_gpu *gpus = s->p->fleet->gpus;
    struct sizes z = { .n = 0 };
    bool parts = t->by_part && sh->pp > 1 && sizes_of(s, w, sh, &z, a) && z.n > 1;
    size_t first = t->nunits, n = parts ? z.n : 1;
    double *value = BT_NEWN(a, double, s->p->nclasses * (SE_BUSY + 1));
    bool goes[BT_MAX_GPUS];
    if (t->nunits + n > SS_UNITS)
        return false;
    for (size_t c = 0; c < s->p->nclasses; c++) {
        bool chain = on == PL_NONE, slower = slowest != PL_NONE && se_rate_on(sh, c) < se_rate_on(sh, slowest);
        goes[c] = w->on_class[c] && (chain ? !slower : !strcmp(gpus[s->p->cls_card[on]].name, gpus[s->p->cls_card[c]].name));
        for (unsigned b = 1; b <= SE_BUSY; b++)
            value[c * (SE_BUSY + 1) + b] = ss_worth(se_rate_on(sh, slowest != PL_NONE ? slowest : c) * 1000, b, sh->cards);
    }
    uint32_t up_to = 0;
    uint64_t cost = on == PL_NONE ? poorest_in(s, sh, w->k, goes, slowest) : UINT64_MAX;
    for (size_t p = 0; p < n; p++) {
        struct ss_unit *u = &t->unit[t->nunits++];
        *u = (struct ss_unit){ .work = work, .shape = i, .on = on, .slowest = slowest, .cards = sh->cards, .busy = company(t, work), .of = first };
        u->part = (uint8_t)p;
        u->parts = (uint8_t)n;
        u->part_of = parts ? z.of : NULL;
        u->ranks = parts ? z.ranks[p] : sh->cards;
        u->up_to = up_to += u->ranks;
        u->value = value;
        u->least = u->loose = BT_NEWN(a, uint64_t, s->p->nclasses);
        u->tight = BT_NEWN(a, uint64_t, s->p->nclasses);
        for (size_t c = 0; c < s->p->nclasses; c++) {
            u->loose[c] = !goes[c] ? UINT64_MAX : parts ? z.least[p][c] : sh->rank_least[c];
            u->tight[c] = goes[c] ? part_on(s, sh, c, &z, parts ? p : 0, cost) : UINT64_MAX;
        }
    }
    return true;
}

/* No lower class of the pool is as fast, and there are cards enough that are no slower. */
static bool sets_pace(const struct search *s, const struct se_work *w, const struct se_shape *sh, size_t cls)
{
    uint32_t cards = 0;
    for (size_t c = 0; c < cls; c++)
        if (w->on_class[c] && se_rate_on(sh, c) == se_rate_on(sh, cls))
            return false;
    for (size_t i = 0; i < w->k->npool; i++)
        cards += se_rate_on(sh, s->p->cls[w->k->pool[i]]) >= se_rate_on(sh, cls);
    return w->on_class[cls] && cards >= sh->cards;
}

/* A pipeline, once for each pace that its slowest card may set. */
static bool add_chains(const struct search *s, struct se_sets *t, size_t work, size_t i, struct bt_arena *a)
{
    const struct se_work *w = &s->work[work];
    if (!t->by_pace)
        return add_unit(s, t, work, i, PL_NONE, PL_NONE, a);
    for (size_t c = 0; c < s->p->nclasses; c++)
        if (sets_pace(s, w, &w->shape[i], c) && !add_unit(s, t, work, i, PL_NONE, c, a))
            return false;
    return true;
}

static bool add_units(const struct search *s, struct se_sets *t, size_t work, struct bt_arena *a)
{
    const struct se_work *w = &s->work[work];
    for (size_t i = 0; i < w->nshapes; i++) {
        const struct se_shape *sh = &w->shape[i];
        if (sh->least == UINT64_MAX)
            continue;
        if (sh->pp > 1 && !add_chains(s, t, work, i, a))
            return false;
        for (size_t c = 0; c < s->p->nclasses && sh->pp == 1; c++)
            if (se_first_of_kind(s, w, c) && se_alike(s, w->k, c) >= sh->tp && !add_unit(s, t, work, i, c, PL_NONE, a))
                return false;
    }
    return true;
}

bool ss_add_units(const struct search *s, struct se_sets *t, bool by_pace, bool by_part, struct bt_arena *a)
{
    t->by_pace = by_pace;
    t->by_part = by_part;
    t->nunits = 0;
    for (size_t i = 0; i < s->p->n; i++) {
        t->first[i] = t->nunits;
        if (!s->p->work[i].cpu_only && s->copies_most[i] && !add_units(s, t, i, a))
            return false;
    }
    t->first[s->p->n] = t->nunits;
    return true;
}

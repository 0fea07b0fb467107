/* wide - can so many copies stand, asked with less to choose from: of each workload only how many cards a copy takes. Each of its ranks takes the least that
 * any rank of any shape on so many cards takes on such a card, and grows at the least price of all. What does not stand so does not stand at all; and there
 * are far fewer ways to try: no cuts into stages and groups, and no order of stages. */
#include <math.h>
#include <string.h>

#include "plan/search_int.h"

/* What a rank of the shape takes on a card of the class, at least, and the tokens beside it, at most. */
static void widen_row(const struct search *s, const struct se_shape *sh, size_t cls, uint64_t *least, struct se_row *all, double *limit)
{
    for (size_t c = 0; c < s->p->nclasses; c++)
        for (uint32_t j = 0; j < sh->pp && (sh->pp > 1 || c == cls); j++) {          /* a pipeline's needs are those on its poorest card */
            const struct se_row *r = &sh->row[c * sh->pp + j];
            *least = BT_MIN(*least, sh->limit ? sh->limit[cls] : r->floor);
            all->ctx0 = BT_MAX(all->ctx0, r->ctx0);
            all->slope = BT_MIN(all->slope, r->slope);
            if (sh->limit_ctx)
                *limit = BT_MAX(*limit, sh->limit_ctx[(c * sh->pp + j) * s->p->nclasses + cls]);
        }
}

static uint32_t common(uint32_t a, uint32_t b) { return b ? common(b, a % b) : a; }

/* All shapes on so many cards as one: a pipeline of the groups that all of them have. */
static struct se_shape of_width(const struct search *s, const struct se_work *w, uint32_t cards, struct bt_arena *a)
{
    struct se_shape o = { .cards = cards, .poorest = UINT64_MAX, .least = UINT64_MAX, .slope = INFINITY };
    size_t classes = s->p->nclasses;
    struct se_row all = { .slope = INFINITY };
    bool limited = false;
    double *limit = BT_NEWN(a, double, classes);
    o.limit = BT_NEWN(a, uint64_t, classes);
    memset(o.limit, 0xff, classes * sizeof *o.limit);
    for (size_t i = 0; i < w->nshapes; i++) {
        const struct se_shape *sh = &w->shape[i];
        if (sh->cards != cards || sh->least == UINT64_MAX)
            continue;
        if (!o.sh) {
            o.sh = sh->sh;
            o.index = sh->index;
            o.value = sh->value;
        }
        o.tp = common(o.tp, sh->tp);
        o.least = BT_MIN(o.least, sh->least);
        o.slope = BT_MIN(o.slope, sh->slope);
        o.ctx0 = BT_MAX(o.ctx0, sh->ctx0);
        o.solo_ctx = BT_MAX(o.solo_ctx, sh->solo_ctx);
        o.best = BT_MAX(o.best, sh->best);
        limited = limited || sh->limit_ctx;
        for (size_t c = 0; c < classes; c++)
            widen_row(s, sh, c, &o.limit[c], &all, &limit[c]);
    }
    bool whole = w->alone || w->k->claim == PL_WHOLE;
    for (size_t c = 0; c < classes; c++)             /* no more than its ranks take here: what cards can take of them is held against it (fits.c) */
        if (o.limit[c] < UINT64_MAX && !whole)
            o.least = BT_MIN(o.least, o.limit[c] * cards);
    o.pp = cards / o.tp;
    o.row = BT_NEWN(a, struct se_row, classes * o.pp);
    o.like_before = BT_NEWN(a, bool, o.pp);
    o.stage_least = BT_NEWN(a, uint64_t, o.pp);
    o.limit_ctx = limited ? BT_NEWN(a, double, classes * o.pp * classes) : NULL;
    for (size_t i = 0; i < classes * o.pp; i++) {
        o.row[i] = all;
        for (size_t c = 0; limited && c < classes; c++)
            o.limit_ctx[i * classes + c] = limit[c];
    }
    for (uint32_t j = 1; j < o.pp; j++)
        o.like_before[j] = true;
    return o;
}

static void widen(const struct search *s, const struct se_work *w, struct se_work *o, struct bt_arena *a)
{
    *o = *w;
    o->shape = BT_NEWN(a, struct se_shape, w->nshapes + 1);
    o->nshapes = 0;
    for (size_t i = 0; i < w->nshapes; i++) {
        bool seen = w->shape[i].least == UINT64_MAX;
        for (size_t j = 0; j < o->nshapes && !seen; j++)
            seen = o->shape[j].cards == w->shape[i].cards;
        if (!seen)
            o->shape[o->nshapes++] = of_width(s, w, w->shape[i].cards, a);
    }
}

bool se_wide_not(struct search *s, bool wants, uint64_t nodes)
{
    bt_auto_arena a = { 0 };
    struct se_work *were = s->work, *work = BT_NEWN(&a, struct se_work, s->p->n + 1);
    struct se_sets *sets = s->sets;
    struct se_fits *fits = s->fits;
    for (size_t i = 0; i < s->p->n; i++)
        if (s->p->work[i].cpu_only)
            work[i] = were[i];
        else
            widen(s, &were[i], &work[i], &a);
    s->grown = wants ? se_grown_new(s, &a) : NULL;
    s->work = work;
    s->sets = NULL;
    s->wide = true;
    bool not = se_fits_start(s, &a) && (wants ? se_fits_better(s, nodes, 0) : se_fits(s, nodes)) == SE_FITS_NOT;
    s->wide = false;
    s->grown = NULL;
    s->work = were;
    s->sets = sets;
    s->fits = fits;
    return not;
}

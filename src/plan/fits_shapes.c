/* fits_shapes - the shapes in which a look at whether all can stand (fits.c) tries each work.
 *
 * A shape is left out where another of its work goes wherever it goes with no more on each card: it finds no place that the other does not. */
#include "plan/fits_int.h"

/* Wherever b goes, a goes with no more on any card. Only of as many cards: others may have to sit on all of them. */
static bool covers(const struct search *s, const struct se_work *w, const struct se_shape *a, const struct se_shape *b)
{
    if (a->cards != b->cards || b->tp % a->tp)
        return false;
    for (size_t c = 0; c < s->p->nclasses; c++)
        for (uint32_t i = 0; i < a->cards; i++) {
            const struct se_row *x = &a->row[c * a->pp + i / a->tp], *y = &b->row[c * b->pp + i / b->tp];
            if (x->need > y->need || (w->k->claim == PL_DEAL && x->floor > y->floor) || (a->limit && a->limit[c] > b->limit[c]))
                return false;
        }
    return true;
}

/* Who takes as much on each card however many it has takes fewer: some of the other's, the poorest of them too. */
static bool narrower(const struct search *s, const struct se_work *w, const struct se_shape *a, const struct se_shape *b)
{
    if (a->cards >= b->cards || a->pp > 1 || b->pp > 1 || !a->limit || w->k->same != PL_NONE || w->k->followed)
        return false;
    for (size_t c = 0; c < s->p->nclasses; c++)
        for (size_t on = 0; on < s->p->nclasses; on++)
            if (a->limit[on] > b->limit[on] || (b->row[c].need <= b->limit[on] && a->row[c].need > a->limit[on]))
                return false;
    return true;
}

static bool needless(const struct search *s, const struct se_work *w, size_t i, size_t j)
{
    const struct se_shape *one = &w->shape[i], *other = &w->shape[j];
    return i != j && (narrower(s, w, other, one) || (covers(s, w, other, one) && (j < i || !covers(s, w, one, other))));
}

static void fill_sizes(const struct search *s, const struct se_work *w, struct sf_shapes *x)
{
    size_t classes = s->p->nclasses;
    for (size_t i = 0; i < (BT_MAX_GPUS + 1) * classes; i++)
        x->of_width[i] = UINT64_MAX;
    for (size_t i = 0; i < x->n; i++) {
        const struct se_shape *sh = &w->shape[x->of[i]];
        for (size_t c = 0; c < classes; c++) {
            uint64_t least = sh->limit ? sh->limit[c] : UINT64_MAX, most = sh->limit ? sh->limit[c] : 0;
            for (uint32_t j = 0; j < sh->pp && !sh->limit; j++)
                for (size_t cost = 0; cost < classes; cost++)        /* a pipeline's needs are those on its poorest card */
                    if (cost == c || sh->pp > 1) {
                        least = BT_MIN(least, sh->row[cost * sh->pp + j].floor);
                        most = BT_MAX(most, sh->row[cost * sh->pp + j].floor);
                    }
            least = w->k->claim == PL_WHOLE ? 0 : least;
            x->least[i * classes + c] = least;
            x->most[i * classes + c] = w->k->claim == PL_WHOLE || w->alone ? UINT64_MAX : most;      /* `least` of a copy counts all of its cards */
            x->of_width[sh->cards * classes + c] = BT_MIN(x->of_width[sh->cards * classes + c], least);
        }
    }
}

void sf_list_shapes(const struct search *s, size_t work, struct sf_shapes *x, struct bt_arena *a)
{
    const struct se_work *w = &s->work[work];
    size_t classes = s->p->nclasses;
    x->of = BT_NEWN(a, size_t, w->nshapes + 1);
    for (size_t i = 0; i < w->nshapes; i++) {
        if (w->shape[i].least == UINT64_MAX)
            continue;
        size_t at = x->n++;
        for (; at > 0 && w->shape[x->of[at - 1]].least > w->shape[i].least; at--)
            x->of[at] = x->of[at - 1];
        x->of[at] = i;
    }
    x->least = BT_NEWN(a, uint64_t, x->n * classes + 1);
    x->most = BT_NEWN(a, uint64_t, x->n * classes + 1);
    x->of_width = BT_NEWN(a, uint64_t, (BT_MAX_GPUS + 1) * classes);
    x->needless = BT_NEWN(a, bool, x->n * x->n + 1);
    fill_sizes(s, w, x);
    for (size_t i = 0; i < x->n; i++)
        for (size_t j = 0; j < x->n; j++)
            x->needless[i * x->n + j] = needless(s, w, x->of[i], x->of[j]);
}

/* Classes that the shape may take. */
static uint64_t classes_of(const struct search *s, size_t work, size_t shape)
{
    if (s->settled[work] && s->shape_of[work] != shape)
        return 0;
    return s->sets ? se_sets_classes(s, work, shape) : UINT64_MAX;
}

/* Do all cards of the other shape have as many tenants as those of this one may? */
static bool as_many_tenants(const struct sf_look *f, size_t work, size_t shape, size_t other)
{
    for (size_t c = 0; f->s->sets && c < f->s->p->nclasses; c++)
        if (se_sets_most_tenants(f->s, work, other, c) < se_sets_most_tenants(f->s, work, shape, c))
            return false;
    return true;
}

/* Cards of those classes that a rank of the shape may be on. */
static uint64_t cards_for(const struct sf_look *f, size_t work, size_t shape, uint64_t classes)
{
    const struct pl_problem *p = f->s->p;
    uint64_t cards = 0;
    for (size_t g = 0; g < f->s->ncards; g++)
        cards |= (uint64_t)(classes >> p->cls[g] & 1 && p->work[work].pos[g] >= 0 && pl_card_for(p, f->s->work[work].shape[shape].cards, g)) << g;
    return cards;
}

/* Of its shapes those that may be taken: one that another makes needless only where the other may take as many cards. */
void sf_pick_shapes(struct sf_look *f, size_t work)
{
    const struct sf_shapes *x = &f->t->shapes[work];
    uint64_t *classes = BT_NEWN(f->a, uint64_t, x->n + 1);
    f->use[work] = BT_NEWN(f->a, size_t, x->n + 1);
    f->classes[work] = BT_NEWN(f->a, uint64_t, x->n + 1);
    f->cards[work] = BT_NEWN(f->a, uint64_t, x->n + 1);
    f->places[work] = BT_NEWN(f->a, uint64_t, x->n + 1);
    f->may[work] = BT_NEWN(f->a, uint32_t, x->n * f->s->p->nclasses + 1);
    for (size_t i = 0; i < x->n; i++)
        classes[i] = classes_of(f->s, work, x->of[i]);
    for (size_t i = 0; i < x->n; i++) {
        bool without = !classes[i];
        for (size_t j = 0; j < x->n && !without; j++)
            without = !f->wants && x->needless[i * x->n + j] && !(classes[i] & ~classes[j]) &&
                      as_many_tenants(f, work, x->of[i], x->of[j]);
        if (without)
            continue;
        f->classes[work][f->nuse[work]] = classes[i];
        f->cards[work][f->nuse[work]] = cards_for(f, work, x->of[i], classes[i]);
        for (size_t c = 0; c < f->s->p->nclasses; c++) {
            uint32_t *may = &f->may[work][f->nuse[work] * f->s->p->nclasses + c];
            *may = f->s->sets && !f->wants ? se_sets_most_tenants(f->s, work, x->of[i], c) : UINT32_MAX;
            f->mind_tenants = f->mind_tenants || *may < UINT32_MAX;
        }
        f->use[work][f->nuse[work]++] = i;
    }
}

/* dealt - the placement that a machine of several was dealt (boxes_deal.c), as the first plan of its search: whatever the search finds or not, the machine
 * holds what it was given. Everything is checked here, card by card: the deal knows floors of whole groups of cards alone. */
#include <string.h>

#include "plan/search_int.h"

static const struct se_shape *shape_of(const struct search *s, size_t work, const struct pl_dealt *d)
{
    const struct se_work *w = &s->work[work];
    for (size_t i = 0; i < w->nshapes; i++) {
        const struct pl_shape *sh = w->shape[i].sh;
        if (!sh->cut && sh->cards == d->ncards && (!w->k->server || (sh->tp == d->tp && sh->pp == d->pp)))
            return &w->shape[i];
    }
    return NULL;
}

static bool one_kind(const struct pl_problem *p, const struct se_shape *sh, const struct pl_copy *c)
{
    for (uint32_t i = 0; i < c->ncards; i++)
        if (i % sh->tp && strcmp(p->fleet->gpus[c->card[i]].name, p->fleet->gpus[c->card[i - 1]].name) != 0)
            return false;
    return true;
}

static bool same_cards(const struct search *s, const struct pl_copy *c)
{
    const struct pl_work *k = &s->p->work[c->work];
    if (k->same == PL_NONE)
        return true;
    if (c->replica >= s->placed[k->same])
        return false;
    const struct pl_copy *target = &s->copy[s->first_copy[k->same][c->replica]];
    bool same = target->ncards == c->ncards;
    for (uint32_t i = 0; same && i < c->ncards; i++) {
        bool in = false;
        for (uint32_t j = 0; j < c->ncards; j++)
            in = in || target->card[j] == c->card[i];
        same = in;
    }
    return same;
}

/* The copy is put where it was dealt. False: it does not stand there beside those before it. */
static bool put_one(struct search *s, size_t work, const struct pl_dealt *d)
{
    const struct se_work *w = &s->work[work];
    const struct se_shape *sh = shape_of(s, work, d);
    struct pl_copy c = { .work = work, .replica = s->placed[work], .ncards = d->ncards, .card = BT_NEWN(s->p->a, size_t, d->ncards + 1) };
    if (!sh || sh->least == UINT64_MAX)
        return false;
    c.shape = sh->index;
    memcpy(c.card, d->card, d->ncards * sizeof *c.card);
    for (uint32_t i = 0; i < c.ncards; i++)
        if (w->k->pos[c.card[i]] < 0 || !pl_card_for(s->p, c.ncards, c.card[i]) || !se_may_join(s, work, c.card[i]))
            return false;
    pl_in_pool_order(w->k, c.card, c.ncards);
    if (!one_kind(s->p, sh, &c) || !same_cards(s, &c))
        return false;
    size_t cls = pl_cost_class(s->p, c.card, c.ncards);
    for (uint32_t i = 0; i < c.ncards; i++) {
        uint64_t floor = se_floor(s, w, sh, cls, i, c.card[i]);
        if (sh->row[cls * sh->pp + i / sh->tp].need > floor || s->load[c.card[i]] + floor > s->p->cap[c.card[i]])
            return false;
    }
    se_put(s, &c, sh, cls);
    return true;
}

static bool put_all(struct search *s)
{
    const struct pl_within *in = s->p->in->within;
    for (size_t w = 0; w < s->p->n; w++) {           /* targets come before their followers */
        const struct pl_work *k = &s->p->work[w];
        for (uint32_t r = 0; k->cpu_only && r < s->copies_most[w]; r++)
            se_put(s, &(struct pl_copy){ .work = w, .replica = r }, NULL, 0);
        for (size_t i = 0; i < in->ndealt && !k->cpu_only; i++)
            if (in->dealt[i].w == k->spec_index && s->placed[w] < s->copies_most[w] && !put_one(s, w, &in->dealt[i]))
                return false;
        if (s->placed[w] < s->copies_least[w] && !s->may_skip[w])
            return false;
    }
    return true;
}

bool se_dealt(struct search *s, uint64_t limit, struct pl_solution *out)
{
    if (!s->p->in->within || !s->p->in->within->ndealt)
        return false;
    s->out = out;
    s->best = out->found ? out->score : s->best;     /* then climbing goes on from that */
    if (!out->found && put_all(s))
        se_leaf(s);
    while (s->ncopies)
        se_take_back(s);
    if (!out->found)
        return false;
    se_climb_on(s, limit / 8 * 7, out);
    se_improve(s, limit / 8, out);   /* a step of it takes much longer */
    return true;
}

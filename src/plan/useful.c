/* useful - of the bytes that are left on a card, how many works to come can make use of at most: the largest sum of what their ranks may take there that is
 * no more than what is left. What lies beyond is lost whatever comes: cards that differ in nothing else are the same, and no room is counted that nobody can
 * fill. Works that share with nobody take all there is. */
#include <string.h>

#include "plan/search_int.h"

#define KNOWN 8192u                  /* rooms of which it is known, the last ones asked for */
#define STEPS 40u                    /* of a walk; past that all that is left counts */

/* All that a rank of a work may take on a card of a class, once each, the least first. */
struct ranks { uint64_t *bytes; size_t n; };
struct known { uint64_t left, works, coming, useful; size_t color; };
struct se_useful { struct ranks *rank[64]; const size_t *color; const uint64_t *friends; struct known *known; };        /* rank: [work][class] */

static void add_bytes(struct ranks *r, uint64_t bytes)
{
    size_t i = r->n;
    while (i > 0 && r->bytes[i - 1] > bytes)
        i--;
    if (i > 0 && r->bytes[i - 1] == bytes)
        return;
    memmove(&r->bytes[i + 1], &r->bytes[i], (r->n - i) * sizeof *r->bytes);
    r->bytes[i] = bytes;
    r->n++;
}

static struct ranks ranks_on(const struct search *s, const struct se_work *w, size_t cls, struct bt_arena *a)
{
    size_t room = 1;
    for (size_t i = 0; i < w->nshapes; i++)
        room += w->shape[i].pp * s->p->nclasses;
    struct ranks r = { .bytes = BT_NEWN(a, uint64_t, room) };
    for (size_t i = 0; i < w->nshapes; i++) {
        const struct se_shape *sh = &w->shape[i];
        if (sh->least == UINT64_MAX)
            continue;
        for (size_t cost = 0; cost < s->p->nclasses; cost++)         /* a pipeline's needs are those on its poorest card */
            for (uint32_t j = 0; j < sh->pp; j++)
                if (sh->limit || cost == cls || sh->pp > 1)
                    add_bytes(&r, sh->limit ? sh->limit[cls] : sh->row[cost * sh->pp + j].floor);
    }
    return r;
}

struct se_useful *se_useful_new(const struct search *s, const size_t *color, const uint64_t *friends, struct bt_arena *a)
{
    struct se_useful *t = BT_NEW(a, struct se_useful);
    *t = (struct se_useful){ .color = color, .friends = friends, .known = BT_NEWN(a, struct known, KNOWN) };
    for (size_t w = 0; w < s->p->n; w++) {
        if (s->p->work[w].cpu_only || !s->copies_most[w])
            continue;
        t->rank[w] = BT_NEWN(a, struct ranks, s->p->nclasses);
        for (size_t c = 0; c < s->p->nclasses; c++)
            t->rank[w][c] = ranks_on(s, &s->work[w], c, a);
    }
    return t;
}

static bool may_come(const struct se_useful *t, const struct search *s, const struct se_left *l, size_t work)
{
    return s->p->work[work].pos[l->card] >= 0 && !(l->works & ~t->friends[work]);
}

struct filling { const struct se_useful *t; const struct search *s; const struct se_left *l; uint64_t best; unsigned steps; };

/* coming: works that are not in the sum yet; of the last one no more than `copies`, none larger than its number `from`. */
static void fill(struct filling *x, uint64_t coming, uint32_t copies, size_t from, uint64_t sum)
{
    x->best = BT_MAX(x->best, sum);
    x->steps++;
    for (; coming && x->best < x->l->left && x->steps <= STEPS; coming &= coming - 1, copies = UINT32_MAX) {
        size_t w = (size_t)__builtin_ctzll(coming);
        const struct ranks *r = &x->t->rank[w][x->s->p->cls[x->l->card]];
        if (!may_come(x->t, x->s, x->l, w))
            continue;
        if (copies == UINT32_MAX) {
            copies = x->t->friends[w] >> w & 1 ? x->s->copies_most[w] : 1;
            from = r->n;
        }
        for (size_t i = from; copies && i-- > 0; )
            if (r->bytes[i] <= x->l->left - sum)
                fill(x, coming, copies - 1, i + 1, sum + r->bytes[i]);
    }
}

static uint64_t walk(const struct se_useful *t, const struct search *s, const struct se_left *l, uint64_t *steps)
{
    uint64_t least = UINT64_MAX;
    for (uint64_t left = l->coming; left; left &= left - 1) {
        size_t w = (size_t)__builtin_ctzll(left);
        const struct ranks *r = &t->rank[w][s->p->cls[l->card]];
        if (!may_come(t, s, l, w))
            continue;
        if (s->work[w].alone || s->p->work[w].claim == PL_WHOLE)
            return l->left;
        least = r->n ? BT_MIN(least, r->bytes[0]) : least;
    }
    if (least > l->left)
        return 0;
    struct filling x = { .t = t, .s = s, .l = l };
    fill(&x, l->coming, UINT32_MAX, 0, 0);
    *steps += x.steps;
    return x.steps > STEPS ? l->left : x.best;
}

uint64_t se_useful(struct se_useful *t, const struct search *s, const struct se_left *l, uint64_t *steps)
{
    size_t color = t->color[l->card] + 1;
    struct known *k = &t->known[se_mixed(se_mixed(se_mixed(color, l->coming), l->works), l->left) >> 20 & (KNOWN - 1)];
    if (k->color != color || k->left != l->left || k->works != l->works || k->coming != l->coming)
        *k = (struct known){ l->left, l->works, l->coming, walk(t, s, l, steps), color };
    return k->useful;
}

/* lacks - can all stand with more of their contexts than the best plan has? What lacks of all contexts together may be so much, in thousandths, and no more.
 * Held to that sum alone every workload's own context may lack all of it, which asks for hardly any bytes. So who lacks how much is cut into parts: in each
 * every context lacks between so much and so much, the least of all of them together is no more than may lack, and each floor holds the context that is left.
 * Whether they stand is then a question of floors alone (fits.c, pack.c), which sees room, waste and what was tried before. Where they do, and no plan there
 * is better, the part is halved, at the context whose bytes are least certain; until the parts ask for too much. */
#include <math.h>
#include <string.h>

#include "plan/search_int.h"

#define FIRST_LOOK 500u             /* for places, in one part */
#define PACK_LOOK 20000u             /* the same, card by card */
#define BETTER_LOOK 300u             /* for more wants, in one part */
#define PART_LOOK 3000u              /* in one that cannot be halved */
#define FIX_NODES 40u                /* what new floors cost */

/* lo, hi: [works] of a root, thousandths of its context that lack at least and at most. */
struct lacks {
    struct search *s;
    struct bt_arena *a;
    int64_t slack, mult[64], *each;  /* mult: works with this context; each: [works] for se_slacken() */
    double bytes[64];                /* of its whole context */
    uint64_t end;
    struct pl_score was;
};

struct part { int64_t lo[64], hi[64]; };

static double context_bytes(const struct search *s, size_t work)
{
    const struct pl_work *k = &s->p->work[work];
    double least = INFINITY;
    for (size_t i = 0; i < s->work[work].nshapes; i++) {
        const struct pl_shape *sh = s->work[work].shape[i].sh;
        double sum = 0;
        for (uint32_t j = 0; j < sh->pp; j++)
            sum += (double)bt_need_kv_for(sh->cost[0].need, &sh->cost[0].need->rank[j], k->ctx_want, 1) * sh->tp;
        least = BT_MIN(least, sum);
    }
    return least * s->copies_most[work];
}

/* No context lacks more than the others leave. False: too much lacks. */
static bool cut(const struct lacks *x, struct part *o)
{
    int64_t left = x->slack;
    for (size_t i = 0; i < x->s->p->n; i++)
        left -= x->mult[i] * o->lo[i];
    for (size_t i = 0; i < x->s->p->n && left >= 0; i++)
        if (x->mult[i])
            o->hi[i] = BT_MIN(o->hi[i], o->lo[i] + left / x->mult[i]);
    return left >= 0;
}

static bool is_better(const struct lacks *x) { return pl_score_cmp(&x->s->best, &x->was, BT_GOAL_SERVICE) > 0; }

/* Do they stand with these floors? What is found is the best where it is better. */
static enum se_fit ask(struct lacks *x, const struct part *o, bool small)
{
    bt_auto_arena a = { 0 };
    struct search *s = x->s;
    for (size_t i = 0; i < s->p->n; i++)
        x->each[i] = o->hi[s->p->work[i].ctx_root];
    se_slacken(s, x->each, x->a);
    s->nodes += FIX_NODES;
    if (!se_fits_start(s, &a))
        return SE_FIT_UNKNOWN;
    enum se_fit how = se_fits(s, FIRST_LOOK);
    if (how == SE_FIT_UNKNOWN)
        how = se_pack(s, BT_MIN((uint64_t)PACK_LOOK, x->end - BT_MIN(x->end, s->nodes)));
    if (how == SE_FITS && !is_better(x))             /* floors stand; what contexts grow to there may not be enough wherever they stand */
        how = se_fits_better(s, small ? PART_LOOK : BETTER_LOOK, 0);
    s->fits = NULL;
    return how;
}

static size_t least_certain(const struct lacks *x, const struct part *o)
{
    size_t most = PL_NONE;
    double bytes = 0;
    for (size_t i = 0; i < x->s->p->n; i++) {
        double mine = x->mult[i] ? (double)(o->hi[i] - o->lo[i]) * x->bytes[i] : 0;
        if (mine > bytes) {
            bytes = mine;
            most = i;
        }
    }
    return most;
}

static enum se_fit look(struct lacks *x, struct part o)
{
    if (!cut(x, &o))
        return SE_FITS_NOT;
    if (x->s->nodes > x->end || se_late(x->s))
        return SE_FIT_UNKNOWN;
    size_t at = least_certain(x, &o);
    enum se_fit how = ask(x, &o, at == PL_NONE);
    if (how == SE_FITS_NOT || is_better(x))
        return is_better(x) ? SE_FITS : how;
    if (at == PL_NONE)
        return SE_FIT_UNKNOWN;
    struct part less = o;
    less.hi[at] = o.lo[at] + (o.hi[at] - o.lo[at]) / 2;
    o.lo[at] = less.hi[at] + 1;
    how = look(x, less);
    return how == SE_FITS_NOT ? look(x, o) : how;
}

enum se_fit se_lacks(struct search *s, int64_t slack, uint64_t nodes)
{
    bt_auto_arena a = { 0 };
    const struct pl_problem *p = s->p;
    struct se_sets *sets = s->sets;
    struct se_fits *fits = s->fits;
    struct part all = { .lo = { 0 } };
    if (p->n > 64 || slack < 0)
        return SE_FIT_UNKNOWN;
    struct lacks *x = BT_NEW(&a, struct lacks);
    *x = (struct lacks){ .s = s, .a = &a, .slack = slack, .each = BT_NEWN(&a, int64_t, p->n), .end = s->nodes + nodes, .was = s->best };
    for (size_t i = 0; i < p->n; i++) {
        const struct pl_work *k = &p->work[i];
        all.hi[i] = slack;
        if (!k->server || !s->copies_most[i] || !k->ctx_want || k->cpu_only)
            continue;
        x->mult[k->ctx_root]++;
        x->bytes[k->ctx_root] += context_bytes(s, i);
    }
    s->sets = NULL;
    enum se_fit how = look(x, all);
    s->sets = sets;
    s->fits = fits;
    return how;
}

/* grown - what contexts of a placement come to at most, others still to come: those on a card share its room, one of several cards is as long on all of them,
 * and all grow by equal steps until a card is full (grows_joint.c). se_wants_at_most() gives bytes to whoever gains the most by one, and counts each context on
 * one card. */
#include <math.h>
#include <string.h>

#include "plan/grows_int.h"

#define BYTES 1e9                    /* of a row, for numbers that are near one */
#define SLACK 1e-3                   /* thousandths: sums of doubles */
#define HALVES 8u                    /* of all levels: where a card is full */
#define NUMBERS_A_NODE 24u           /* so many numbers of rows are as much work as a node */

struct se_grown {
    uint64_t block;                  /* the longest */
    uint64_t *least;                 /* [work * classes + class] of any of its ranks there */
    double step[64], stretch[64], token[64];         /* [work] the most of any of its ranks, see gr_late() */
    struct gr_joint x;
    struct gr_context c[64]; uint8_t at[64];         /* at: [root] one more than its place */
};

struct se_grown *se_grown_new(const struct search *s, struct bt_arena *a)
{
    const struct pl_problem *p = s->p;
    bool alike;
    if (p->n > 64 || p->ram_binds || s->ncards > 64)
        return NULL;
    struct se_grown *g = BT_NEW(a, struct se_grown);
    g->block = gr_longest_block(p, &alike);
    g->least = BT_NEWN(a, uint64_t, p->n * p->nclasses + 1);
    for (size_t i = 0; i < p->n; i++) {
        const struct se_work *w = &s->work[i];
        const struct pl_work *k = w->k, *root = &p->work[k->ctx_root];
        if (k->server && (root->ctx_min != k->ctx_min || root->ctx_want != k->ctx_want))
            return NULL;
        for (size_t c = 0; c < p->nclasses; c++) {
            uint64_t *least = &g->least[i * p->nclasses + c];
            *least = UINT64_MAX;
            for (size_t j = 0; j < w->nshapes; j++)
                *least = w->shape[j].least < UINT64_MAX ? BT_MIN(*least, w->shape[j].rank_least[c]) : *least;
        }
        for (size_t j = 0; j < w->nshapes && k->server && k->ctx_want; j++)
            for (size_t r = 0; r < p->nclasses * w->shape[j].pp && w->shape[j].least < UINT64_MAX; r++) {
                struct gr_rank o = { .work = i };
                gr_late(k, w->shape[j].sh->cost[r / w->shape[j].pp].need, &w->shape[j].row[r], g->block, &o);
                g->step[i] = BT_MAX(g->step[i], o.step);
                g->token[i] = BT_MAX(g->token[i], o.token);
                if (w->shape[j].row[r].slope > 0)
                    g->stretch[i] = BT_MAX(g->stretch[i], o.stretch);
            }
    }
    return g;
}

static struct gr_context *context_of(const struct search *s, struct se_grown *g, size_t root)
{
    const struct pl_work *k = &s->p->work[root];
    if (!g->at[root]) {
        double want = (double)k->ctx_want;
        g->c[g->x.n] = (struct gr_context){ .root = root, .dealt = true, .whole = true, .low = 1, .high = s->ctx[root] / want, .gain = 1000.0 * s->mult[root],
                                            .min = (double)k->ctx_min / want };
        g->at[root] = (uint8_t)++g->x.n;
    }
    return &g->c[g->at[root] - 1];
}

/* late: [card] bytes that may be given there when all have stopped. */
static void add_rank(const struct search *s, struct se_grown *g, const struct se_tenant *t, size_t card, double late)
{
    const struct pl_copy *copy = &s->copy[t->copy];
    const struct pl_work *k = &s->p->work[copy->work];
    const struct se_shape *sh = s->copy_shape[t->copy];
    const struct se_row *r = &sh->row[s->copy_cls[t->copy] * sh->pp + t->rank / sh->tp];
    struct gr_context *c = context_of(s, g, k->ctx_root);
    c->on |= UINT64_C(1) << card;
    c->dealt = c->dealt && r->slope > 0;
    if (r->slope <= 0)
        return;
    c->low = BT_MIN(c->low, r->ctx0 / (double)k->ctx_want);
    c->token = BT_MAX(c->token, g->token[copy->work]);
    c->late = BT_MAX(c->late, late / r->slope / (double)k->ctx_want * g->stretch[copy->work]);
}

static bool grows(const struct search *s, const struct se_tenant *t)
{
    const struct pl_work *k = &s->p->work[s->copy[t->copy].work];
    return k->server && k->ctx_want;
}

/* The bytes of a card, if they are not enough. */
static void add_row(const struct search *s, struct se_grown *g, size_t card)
{
    struct gr_joint *x = &g->x;
    double room = s->p->cap[card] > s->load[card] ? (double)(s->p->cap[card] - s->load[card]) : 0, wished = 0, *row = x->a[x->m];
    memset(row, 0, x->n * sizeof *row);
    for (uint32_t i = 0; i < s->ntenants[card]; i++) {
        const struct se_tenant *t = &s->tenant[card][i];
        const struct se_shape *sh = s->copy_shape[t->copy];
        const struct se_row *r = &sh->row[s->copy_cls[t->copy] * sh->pp + t->rank / sh->tp];
        if (!grows(s, t) || r->slope <= 0)
            continue;
        size_t k = (size_t)g->at[s->p->work[s->copy[t->copy].work].ctx_root] - 1;
        double want = (double)s->p->work[s->copy[t->copy].work].ctx_want;
        room += (r->ctx0 - g->c[k].low * want) * r->slope;           /* what the floor holds anyway gives no bytes back: more room than there is */
        row[k] += r->slope * want / BYTES;
        wished += r->slope * want * (g->c[k].high - g->c[k].low);
    }
    if (wished > room)
        x->left[x->m++] = room / BYTES;
}

/* Somebody to come may stand there. */
static bool is_open(const struct search *s, const struct se_grown *g, size_t card)
{
    const struct pl_problem *p = s->p;
    for (size_t i = 0; i < p->n; i++)
        if (!p->work[i].cpu_only && s->placed[i] < s->copies_most[i] && p->work[i].pos[card] >= 0 && se_may_join(s, i, card) &&
            g->least[i * p->nclasses + p->cls[card]] <= p->cap[card] - BT_MIN(p->cap[card], s->load[card]))
            return true;
    return false;
}

/* Bytes of all there at most, when all have grown to the level. */
static double most_bytes(const struct search *s, const struct se_grown *g, size_t card, double level)
{
    double sum = (double)s->load[card];
    for (uint32_t i = 0; i < s->ntenants[card]; i++) {
        const struct se_tenant *t = &s->tenant[card][i];
        const struct se_shape *sh = s->copy_shape[t->copy];
        size_t cls = s->copy_cls[t->copy], stage = t->rank / sh->tp;
        const struct se_row *r = &sh->row[cls * sh->pp + stage];
        const struct pl_work *k = &s->p->work[s->copy[t->copy].work];
        if (!grows(s, t) || k->claim == PL_LIMIT)
            continue;
        double ctx = (double)k->ctx_min + level * (double)(k->ctx_want - k->ctx_min);
        if (sh->sh->cost[cls].need->rank[stage].host_token_bytes || (r->slope <= 0 ? r->ctx0 < (double)k->ctx_want : g->stretch[s->copy[t->copy].work] > 1))
            return INFINITY;         /* some layers have all they take sooner */
        sum += BT_MAX(ctx - r->ctx0, 0.0) * r->slope + 3 * g->step[s->copy[t->copy].work];
    }
    return sum;
}

/* A level at which the card stops nobody yet. Rows of many shapes as one (wide.c) do not say how many bytes there are at most. */
static double not_full(const struct search *s, const struct se_grown *g, size_t card)
{
    double low = 0, high = 1, cap = (double)s->p->cap[card];
    if (s->wide || is_open(s, g, card) || most_bytes(s, g, card, 0) >= cap)
        return 0;
    if (most_bytes(s, g, card, 1) < cap)
        return INFINITY;
    for (unsigned i = 0; i < HALVES; i++) {
        double mid = (low + high) / 2;
        if (most_bytes(s, g, card, mid) < cap)
            low = mid;
        else
            high = mid;
    }
    return low;
}

/* Cards on which somebody may stop without another who is beside it elsewhere. */
static uint64_t asked_of(const struct se_grown *g)
{
    uint64_t cards = 0;
    for (size_t i = 0; i < g->x.n; i++)
        for (size_t j = 0; j < g->x.n && g->c[i].whole && g->c[i].dealt; j++)
            if (g->c[j].dealt && g->c[i].on & g->c[j].on)
                cards |= g->c[i].on & ~g->c[j].on;
    return cards;
}

bool se_grown_reach(struct search *s, struct se_grown *g, size_t seen, int64_t wants)
{
    const struct pl_problem *p = s->p;
    struct gr_joint *x = &g->x;
    double sum = SLACK, coming = 0, full[64];
    x->n = x->m = 0;
    memset(g->at, 0, sizeof g->at);
    for (size_t i = 0; i < p->n; i++)
        coming += g->step[i] * (s->copies_most[i] - BT_MIN(s->copies_most[i], s->placed[i]));
    for (size_t h = 0; h < s->ncards; h++) {
        double late = coming;
        for (uint32_t i = 0; i < s->ntenants[h]; i++)
            late += g->step[s->copy[s->tenant[h][i].copy].work];
        for (uint32_t i = 0; i < s->ntenants[h]; i++)
            if (grows(s, &s->tenant[h][i]))
                add_rank(s, g, &s->tenant[h][i], h, late);
    }
    for (size_t i = 0; i < p->n; i++) {
        const struct pl_work *k = &p->work[i];
        bool open = s->depth_of[i] >= seen;
        if (k->copies_want > 1)
            sum += (double)(1000 * (int64_t)(open ? s->copies_most[i] : s->placed[i]) / k->copies_want);
        if (!k->server || !k->ctx_want || !(s->placed[i] || (open && s->copies_most[i])))
            continue;
        if (g->at[k->ctx_root])
            g->c[g->at[k->ctx_root] - 1].whole &= s->placed[i] >= s->copies_most[i];
        else
            sum += 1000 * s->ctx[k->ctx_root] / (double)k->ctx_want;
    }
    for (size_t k = 0; k < x->n; k++) {
        struct gr_context *c = &g->c[k];
        c->low = BT_MIN(c->low, c->high);
        sum += c->gain * c->low;
        x->gain[k] = c->gain;
        x->up[k] = c->high - c->low;
    }
    for (size_t h = 0; h < s->ncards && x->m < GR_ROWS; h++)
        add_row(s, g, h);
    if (!x->m)
        return true;
    for (uint64_t cards = asked_of(g), one; cards; cards &= ~one) {
        one = cards & -cards;
        full[__builtin_ctzll(one)] = not_full(s, g, (size_t)__builtin_ctzll(one));
    }
    gr_joint_growth(x, g->c, full);
    s->nodes += 1 + x->m * x->n / NUMBERS_A_NODE;
    return gr_joint_most(x, (double)wants - sum) >= (double)wants - sum;
}

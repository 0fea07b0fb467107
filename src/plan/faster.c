/* faster - more cards are not always more speed: a small model spends its step on launches and all-reduces, which no card takes away.
 *
 * What the plan chose by itself is the best there is; these words are for shapes that the user asked for. */
#include "plan/alternatives.h"
#include "plan/lost.h"
#include "plan/phases.h"

#define HARDLY 1.25                  /* a gain below this, for as many times the cards, is worth a word */

static struct bt_workload on_one(const struct bt_workload *was, uint64_t cards, uint64_t copies)
{
    struct bt_workload w = *was;
    w.gpus = pl_exactly(cards);
    w.tp = w.pp = (struct bt_range){ 0 };
    w.pp_layers.n = 0;
    if (copies)
        w.copies = pl_exactly(copies);
    return w;
}

static const struct bt_plan_instance *first_of(const struct bt_plan *p, const struct bt_workload *w)
{
    for (size_t i = 0; i < p->nphases; i++)
        for (size_t k = 0; k < p->phase[i].n; k++)
            if (p->phase[i].inst[k].w == w)
                return &p->phase[i].inst[k];
    return NULL;
}

/* The best of the smaller shapes that reach as much context, then one GPU and its copies. */
static int warn_server(struct bt_plan *plan, struct bt_arena *a, const struct bt_plan_in *in, size_t index, struct bt_err *err)
{
    const struct bt_workload *w = &in->spec->w[index];
    const struct bt_plan_instance *now = first_of(plan, w);
    if (!now || !now->need || now->nranks < 2 || !now->pace.known || (!w->tp.set && !w->gpus.set))
        return 0;
    struct bt_alternative best = { .fits = false }, row;
    uint64_t many = now->nranks, cards = 1;
    while (cards * 2 < many)         /* powers of two: those that heads divide by */
        cards *= 2;
    for (; cards >= 1; cards /= 2) {
        struct bt_workload smaller = on_one(w, cards, 0);
        if (pl_alternative(a, in, index, &smaller, BT_MAX(now->pace.decode_tok_s, best.decode_tok_s), &row, err) < 0)
            return -1;
        if (row.fits && row.context >= now->context && row.decode_tok_s > best.decode_tok_s)
            best = row;
    }
    const char *text = NULL, *is = pl_shape_words(a, now->tp, now->pp);
    if (best.fits && best.decode_tok_s > now->pace.decode_tok_s) {
        text = bt_arena_printf(a, "%s: %s would be faster than %s: %.1f tok/s for one stream, not %.1f", w->name, pl_shape_words(a, best.tp, best.pp), is,
                               best.decode_tok_s, now->pace.decode_tok_s);
    } else if (!w->same_gpus_as && w->copies.set && w->copies.want == 1) {
        struct bt_workload copies = on_one(w, 1, many);
        if (pl_alternative(a, in, index, &copies, now->pace.decode_tok_s / HARDLY, &row, err) < 0)
            return -1;
        if (row.fits && row.context >= now->context && row.decode_tok_s * HARDLY > now->pace.decode_tok_s)
            text = bt_arena_printf(a, "%s: %s gains %.0f %% for one stream over one GPU; `gpus: 1, replicas: %llu` carries %llu streams at %.1f tok/s each",
                                   w->name, is, 100 * (now->pace.decode_tok_s / row.decode_tok_s - 1), (unsigned long long)many, (unsigned long long)many,
                                   row.decode_tok_s);
    }
    if (text)
        BT_PUSH(a, plan->warning, plan->nwarnings, text);
    return 0;
}

static bool is_about_shape(const struct bt_plan_refusal *r)
{
    return !strcmp(r->code, "heads-not-divisible") || !strcmp(r->code, "kv-heads-not-divisible");
}

/* A shape that cannot be, of a model that fits one GPU: a copy on each card of its pool, or as many as it asked for cards. */
static int offer_replicas(struct bt_plan *plan, struct bt_arena *a, const struct bt_plan_in *in, size_t index, struct bt_err *err)
{
    const struct bt_workload *w = &in->spec->w[index];
    uint64_t cards = (w->tp.set ? w->tp.want : 1) * (w->pp.set ? w->pp.want : 1);
    struct bt_alternative row;
    if (cards < 2 || w->same_gpus_as || w->kind != BT_SERVER)
        return 0;
    uint64_t pool = w->pool.n ? w->pool.n : in->fleet->n, tries[] = { BT_MAX(pool, cards), cards };
    row.fits = false;
    for (size_t i = 0; i < BT_LEN(tries) && !row.fits; i++) {
        struct bt_workload copies = on_one(w, 1, cards = tries[i]);
        if (pl_alternative(a, in, index, &copies, 0, &row, err) < 0)
            return -1;
    }
    if (!row.fits)
        return 0;
    struct bt_plan_change *more = BT_NEWN(a, struct bt_plan_change, 2);
    more[0] = (struct bt_plan_change){ bt_arena_printf(a, "workloads.%s.gpus", w->name), "1" };
    more[1] = (struct bt_plan_change){ bt_arena_printf(a, "workloads.%s.replicas", w->name), bt_arena_printf(a, "%llu", (unsigned long long)cards) };
    struct bt_plan_advice v = { .path = bt_arena_printf(a, "workloads.%s.tp", w->name), .value = "1", .path2 = bt_arena_printf(a, "workloads.%s.pp", w->name),
                                .value2 = "1", .more = more, .nmore = 2 };
    v.text = bt_arena_printf(a, "%s: %llu replicas, one GPU each, fit with %s tokens at %.1f tok/s each", w->name, (unsigned long long)cards,
                             bt_count_human(row.context), row.decode_tok_s);
    BT_PUSH(a, plan->advice, plan->nadvice, v);
    return 0;
}

int pl_faster(struct bt_plan *plan, struct bt_arena *a, const struct bt_plan_in *in, struct bt_err *err)
{
    for (size_t i = 0; i < in->spec->n; i++) {
        bool known = in->spec->w[i].kind == BT_SERVER && in->models[i].model && in->models[i].engine, impossible = false;
        for (size_t r = 0; r < plan->nrefusals; r++)
            impossible = impossible || (is_about_shape(&plan->refusal[r]) && plan->refusal[r].workload &&
                                        !strcmp(plan->refusal[r].workload, in->spec->w[i].name));
        if (known && !plan->nrefusals && warn_server(plan, a, in, i, err) < 0)
            return -1;
        if (known && impossible && offer_replicas(plan, a, in, i, err) < 0)
            return -1;
    }
    return 0;
}

/* tables - what the search asks about a shape on a kind of card, worked out once: bytes, tokens, rates. */
#include <math.h>
#include <string.h>

#include "plan/search_int.h"

/* Groups of layers that take a block now and then between so many tokens and so many: all, or where windows are past before, those without. *last: as many of
 * them do to the end. */
static uint32_t groups_that_grow(const struct bt_need *n, const struct bt_need_rank *r, uint64_t from, uint64_t to, uint32_t *last)
{
    uint64_t blocks = 0, with_windows = 0;
    uint32_t whole = 0, all = BT_MAX((uint32_t)r->ngroups, 1u);
    for (size_t i = 0; i < r->ngroups; i++) {
        const struct bt_kv_group *g = &r->group[i];
        bool to_the_end = g->block && ((g->kind == BT_MIX_FULL && !g->window) || g->kind == BT_MIX_MLA);
        uint64_t more = g->block ? bt_ceil_div(to, g->block) - bt_ceil_div(from, g->block) : 0;
        whole += to_the_end;
        blocks += to_the_end ? more : 0;
        with_windows += more;
    }
    bool plain = !n->check && !n->llama && !n->sglang && !r->tuple_bytes;
    uint64_t grown = plain ? bt_need_kv_blocks(n, r, to, 1) - bt_need_kv_blocks(n, r, from, 1) : UINT64_MAX;
    bool no_window = plain && whole && grown == blocks, windows_too = plain && grown == with_windows;
    *last = no_window || (!windows_too && r->ngroups) ? whole : all;
    return no_window ? whole : all;
}

/* Bytes of a block, and tokens of the longest. */
static double widest_block(const struct bt_need *n, const struct bt_need_rank *r, double *tokens)
{
    uint64_t block = BT_MAX(BT_MAX(r->kv_block_bytes, r->tuple_bytes), n->check ? BT_MAX(n->check->kv_block_bytes, n->check->tuple_bytes) : 0);
    *tokens = (double)n->block;
    for (size_t i = 0; i < r->ngroups; i++)
        *tokens = BT_MAX(*tokens, (double)r->group[i].block);
    return (double)block;
}

/* Tokens past the floor cost `slope` each. KV grows with the context in a straight line, or ever slower (windows), in whole blocks: the bytes as they would be
 * without steps lie below it, and their chord below those. With one group it begins where the floor is full; with several some block of the floor may be left
 * over there, for want of the others, and a block further it is not. It ends a block of each group below what all that is wanted takes. */
static void server_row(const struct pl_problem *p, const struct se_work *w, const struct pl_shape *sh, size_t cls, uint32_t stage, struct se_row *o)
{
    const struct pl_work *k = w->k;
    const struct bt_need *n = sh->cost[cls].need;
    const struct bt_need_rank *r = &n->rank[stage];
    uint64_t kv = bt_need_kv_for(n, r, k->ctx_min, k->w->requests), most = bt_need_kv_for(n, r, k->ctx_want, 1);
    if (w->ctx_least > k->ctx_min)
        kv = BT_MAX(kv, bt_need_kv_for(n, r, w->ctx_least, 1));
    double want = (double)k->ctx_want;
    const struct bt_gpu *card = &p->fleet->gpus[p->cls_card[cls]];
    o->need = o->floor = pl_fixed(r, card) + kv;
    o->ctx0 = want;
    if (k->claim == PL_LIMIT) {
        o->floor = o->full = pl_floor(p, k, sh, cls, stage * sh->tp, p->cls_card[cls]);
        return;
    }
    o->full = pl_fixed(r, card) + bt_need_kv_for(n, r, k->ctx_min, n->serve.max_seqs);
    o->block = r->host_token_bytes ? 0 : r->kv_block_bytes;         /* with KV in RAM too, that may hold it back */
    o->groups = o->last = BT_MAX((uint32_t)r->ngroups, 1u);         /* where none grows any more: nobody waits for them */
    if (most <= kv)
        return;
    double tokens, block = widest_block(n, r, &tokens);
    o->ctx0 = BT_MIN(want, (double)bt_need_longest(n, r, kv) + (r->ngroups > 1 ? tokens : 0));
    o->groups = groups_that_grow(n, r, (uint64_t)o->ctx0, k->ctx_want, &o->last);
    double grows = (double)(most - kv) - block * o->groups;
    if (o->ctx0 < want && grows > 0)
        o->slope = grows / (want - o->ctx0);
    else
        o->ctx0 = want;
}

/* Middle stages of a pipeline are mostly one like the other. */
static bool same_ranks(const struct bt_need_rank *x, const struct bt_need_rank *y)
{
    bool same = x->fixed_bytes == y->fixed_bytes && x->host_bytes == y->host_bytes && x->host_token_bytes == y->host_token_bytes &&
                x->kv_token_bytes == y->kv_token_bytes && x->kv_block_bytes == y->kv_block_bytes && x->tuple_bytes == y->tuple_bytes &&
                x->pool_layers == y->pool_layers && x->ngroups == y->ngroups;
    for (size_t i = 0; same && i < x->ngroups; i++) {
        const struct bt_kv_group *g = &x->group[i], *h = &y->group[i];
        same = g->kind == h->kind && g->layers == h->layers && g->window == h->window && g->block == h->block && g->page_bytes == h->page_bytes;
    }
    return same;
}

static void fill_rows(const struct pl_problem *p, const struct se_work *w, const struct pl_shape *sh, struct bt_arena *a, struct se_shape *o)
{
    const struct pl_work *k = w->k;
    o->row = BT_NEWN(a, struct se_row, p->nclasses * sh->pp);
    for (size_t c = 0; c < p->nclasses; c++)
        for (uint32_t i = 0; i < sh->pp; i++) {
            struct se_row *r = &o->row[c * sh->pp + i];
            const struct bt_need *n = k->server ? sh->cost[c].need : NULL;
            if (n && i && k->claim == PL_DEAL && same_ranks(&n->rank[i], &n->rank[i - 1])) {
                *r = r[-1];
                continue;
            }
            if (n) {
                server_row(p, w, sh, c, i, r);
                continue;
            }
            r->floor = r->full = k->claim == PL_WHOLE ? 0 : pl_floor(p, k, sh, c, i, p->cls_card[c]);
        }                            /* whole cards: each card's own capacity, not the class's */
    o->like_before = BT_NEWN(a, bool, sh->pp);
    for (uint32_t i = 1; i < sh->pp; i++) {
        o->like_before[i] = true;
        for (size_t c = 0; c < p->nclasses; c++)
            o->like_before[i] = o->like_before[i] && !memcmp(&o->row[c * sh->pp + i], &o->row[c * sh->pp + i - 1], sizeof *o->row);
    }
}

/* The same as often as contexts are held to something else: what was worked out for one of the first few is kept as long as the search. */
static void find_rows(const struct search *s, const struct se_work *w, struct bt_arena *a, struct se_shape *o)
{
    for (size_t i = 0; i < SE_KEPT; i++) {
        struct se_kept *k = &o->kept[i];
        if (!k->row) {
            fill_rows(s->p, w, o->sh, s->a, o);
            *k = (struct se_kept){ w->ctx_least, o->row, o->like_before };
            return;
        }
        if (k->ctx_least == w->ctx_least) {
            o->row = k->row;
            o->like_before = k->like_before;
            return;
        }
    }
    fill_rows(s->p, w, o->sh, a, o);
}

static void fill_limits(const struct pl_problem *p, const struct pl_work *k, const struct pl_shape *sh, struct bt_arena *a, struct se_shape *o)
{
    size_t n = p->nclasses;
    if (k->claim == PL_DEAL || k->claim == PL_WHOLE)
        return;
    o->limit = BT_NEWN(a, uint64_t, n);
    for (size_t c = 0; c < n; c++)
        o->limit[c] = pl_floor(p, k, sh, c, 0, p->cls_card[c]);
    if (!k->server)
        return;
    o->limit_ctx = BT_NEWN(a, double, n * sh->pp * n);
    for (size_t c = 0; c < n; c++)
        for (uint32_t i = 0; i < sh->pp; i++)
            for (size_t on = 0; on < n; on++) {
                const struct bt_need_rank *r = &sh->cost[c].need->rank[i];
                uint64_t fixed = pl_fixed(r, &p->fleet->gpus[p->cls_card[on]]), kv = o->limit[on] > fixed ? o->limit[on] - fixed : 0;
                o->limit_ctx[(c * sh->pp + i) * n + on] = BT_MIN((double)k->ctx_want, (double)bt_need_longest(sh->cost[c].need, r, kv));
            }
}

/* How a work's cards reach each other. apart: of all its cards, some two have no NVLink between them; of_kind: of any one kind; [class]: of the kind of the
 * class. on: [class] it has such cards. together: [class] the most cards of one island where such a card is, 0 without. */
struct links { bool apart, of_kind, on[BT_MAX_GPUS], class_apart[BT_MAX_GPUS]; uint32_t together[BT_MAX_GPUS]; };

static void find_links(const struct pl_problem *p, const struct pl_work *k, struct links *l)
{
    const struct bt_gpu *gpus = p->fleet->gpus;
    memset(l, 0, sizeof *l);
    for (size_t i = 0; i < k->npool; i++) {
        size_t g = k->pool[i], first = PL_NONE;
        uint32_t here = 0;
        for (size_t j = 0; j < k->npool; j++) {
            size_t h = k->pool[j];
            here += gpus[h].island == gpus[g].island;
            if (first == PL_NONE && !strcmp(gpus[h].name, gpus[g].name))
                first = h;
        }
        l->on[p->cls[g]] = true;
        l->apart = l->apart || gpus[g].island < 0 || gpus[g].island != gpus[k->pool[0]].island;
        if (gpus[g].island >= 0)
            l->together[p->cls[g]] = BT_MAX(l->together[p->cls[g]], here);
        if (gpus[g].island >= 0 && gpus[g].island == gpus[first].island)
            continue;
        l->of_kind = true;
        for (size_t c = 0; c < p->nclasses; c++)
            l->class_apart[c] = l->class_apart[c] || !strcmp(gpus[p->cls_card[c]].name, gpus[g].name);
    }
}

/* May a copy with a card of the class be there with all its groups inside islands; or not so? As pl_nvlink() says it of the copy. */
static bool may_link(const struct pl_shape *sh, const struct links *l, size_t c, bool nvlink)
{
    if (sh->cards == 1)
        return !nvlink;
    if (nvlink)
        return l->together[c] >= (sh->tp > 1 ? sh->tp : sh->cards);
    return sh->tp == 1 ? l->apart : sh->pp > 1 ? l->of_kind : l->class_apart[c];
}

/* A rate that no copy can have there is that of the other link: the larger of both bounds what a copy adds. */
static void fill_values(const struct pl_problem *p, const struct pl_work *k, const struct pl_shape *sh, const struct links *l, struct bt_arena *a,
                        struct se_shape *o)
{
    double by = k->solo_best > 0 ? k->weight / k->solo_best / k->copies_want : 0;
    o->value = BT_NEWN(a, double, p->nclasses * 2);
    o->best = by * sh->best_tok_s;
    if (!sh->cost) {
        for (size_t i = 0; i < p->nclasses * 2; i++)
            o->value[i] = o->best;
        return;
    }
    o->best = 0;
    for (size_t c = 0; c < p->nclasses; c++) {
        bool may[2] = { may_link(sh, l, c, false), may_link(sh, l, c, true) };
        for (int nv = 0; nv < 2; nv++) {
            const struct bt_pace *pace = &sh->cost[c].pace[may[nv] || !may[!nv] ? nv : !nv];
            o->value[c * 2 + nv] = pace->known ? by * pace->decode_tok_s : 0;
            o->best = l->on[c] ? BT_MAX(o->best, o->value[c * 2 + nv]) : o->best;
        }
    }
}

/* goes: classes on which the shape fits at all; a pipeline may have its slowest rank on a class that is not the one its needs are reckoned for. */
static void add_width(struct se_work *w, size_t nclasses, struct bt_arena *a, struct se_shape *sh, const bool *goes)
{
    sh->width = (struct se_width){ .cards = sh->cards, .chain = sh->pp > 1, .rank_value = BT_NEWN(a, double, nclasses) };
    for (size_t c = 0; c < nclasses; c++)
        sh->width.rank_value[c] = goes[c] || sh->pp > 1 ? BT_MAX(sh->value[c * 2], sh->value[c * 2 + 1]) / sh->cards : -INFINITY;
    size_t i = 0;
    while (i < w->nwidths && (w->width[i].cards != sh->cards || w->width[i].chain != sh->width.chain))
        i++;
    if (i == w->nwidths) {
        w->width[w->nwidths++] = (struct se_width){ .cards = sh->cards, .chain = sh->width.chain, .rank_value = BT_NEWN(a, double, nclasses) };
        memcpy(w->width[i].rank_value, sh->width.rank_value, nclasses * sizeof *sh->width.rank_value);
    }
    for (size_t c = 0; c < nclasses; c++)
        w->width[i].rank_value[c] = BT_MAX(w->width[i].rank_value[c], sh->width.rank_value[c]);
}

struct pool_caps { uint64_t of_class[BT_MAX_GPUS], most, least; };

/* The least that a rank takes on any card that it may have. With a limit that is the card's own, which need not rise with its size: what a kind of card takes
 * for itself counts too. */
static uint64_t least_floor(const struct search *s, const struct se_shape *sh, const struct pool_caps *cap, size_t c, const struct se_row *r)
{
    uint64_t floor = r->floor;
    for (size_t on = 0; sh->limit && sh->pp > 1 && on < s->p->nclasses; on++)
        if (cap->of_class[on] && se_reckoned(s, sh, c, on))
            floor = BT_MIN(floor, sh->limit[on]);
    return floor;
}

/* One shape on one cost class, as good as it can be there. False: it does not go. */
static bool on_class(const struct search *s, const struct se_work *w, const struct se_shape *sh, const struct pool_caps *cap, size_t c, struct se_shape *o)
{
    const struct pl_work *k = w->k;
    uint64_t room = sh->pp > 1 ? cap->most : cap->of_class[c];
    *o = (struct se_shape){ .solo_ctx = (double)k->ctx_want };
    if (!cap->of_class[c] || (sh->pp > 1 && !(sh->poorest >> c & 1)))
        return false;
    for (uint32_t j = 0; j < sh->pp; j++) {
        const struct se_row *r = &sh->row[c * sh->pp + j];
        bool inside = r->need <= r->floor || (sh->limit && sh->pp > 1);      /* `%` of a larger card may do */
        uint64_t floor = least_floor(s, sh, cap, c, r);
        if (!inside || floor > room)
            return false;
        o->least += (w->alone || k->claim == PL_WHOLE ? cap->least : floor) * sh->tp;
        o->slope += w->alone ? 0 : r->slope * sh->tp;                        /* alone on its cards: all that is left there is its own */
        o->ctx0 = BT_MAX(o->ctx0, BT_MIN(r->ctx0, (double)k->ctx_want));
        if (r->slope > 0)
            o->solo_ctx = BT_MIN(o->solo_ctx, r->ctx0 + (double)(room - r->floor) / r->slope);
        if (sh->limit_ctx && sh->pp == 1)
            o->solo_ctx = BT_MIN(o->solo_ctx, sh->limit_ctx[c * s->p->nclasses + c]);
    }
    return true;
}

/* Of a pipeline, the cost class is the poorest card's: not known yet. */
static uint64_t rank_least_on(const struct search *s, const struct se_shape *sh, size_t cls)
{
    uint64_t least = UINT64_MAX;
    for (size_t c = 0; c < s->p->nclasses; c++)
        for (uint32_t j = 0; j < sh->pp && se_reckoned(s, sh, c, cls); j++) {
            uint64_t floor = sh->limit ? sh->limit[cls] : sh->row[c * sh->pp + j].floor;
            if (sh->row[c * sh->pp + j].need <= floor)
                least = BT_MIN(least, floor);
        }
    return least;
}

/* Classes that the poorest card of so many may be of: there are enough in the pool with no less memory. */
static uint64_t poorest_of(const struct search *s, const struct se_work *w, uint32_t cards)
{
    const struct bt_gpu *gpus = s->p->fleet->gpus;
    uint64_t out = 0;
    for (size_t c = 0; c < s->p->nclasses; c++) {
        uint32_t n = 0;
        for (size_t i = 0; i < w->k->npool; i++)
            n += gpus[w->k->pool[i]].total_bytes >= gpus[s->p->cls_card[c]].total_bytes;
        out |= (uint64_t)(w->on_class[c] && n >= cards) << c;
    }
    return out;
}

static void take_better(struct se_shape *best, const struct se_shape *o)
{
    best->slope = best->least == UINT64_MAX ? o->slope : BT_MIN(best->slope, o->slope);
    best->least = BT_MIN(best->least, o->least);
    best->ctx0 = BT_MAX(best->ctx0, o->ctx0);
    best->solo_ctx = BT_MAX(best->solo_ctx, o->solo_ctx);
}

/* Over all classes and shapes: the least bytes, the least bytes per token, the most tokens. */
static void fill_bests(const struct search *s, struct se_work *w, struct bt_arena *a)
{
    const struct pl_problem *p = s->p;
    const struct pl_work *k = w->k;
    struct pool_caps cap = { .least = UINT64_MAX };
    for (size_t i = 0; i < k->npool; i++) {
        size_t g = k->pool[i];
        cap.of_class[p->cls[g]] = BT_MAX(cap.of_class[p->cls[g]], p->cap[g]);
        cap.most = BT_MAX(cap.most, p->cap[g]);
        cap.least = BT_MIN(cap.least, p->cap[g]);
    }
    w->width = BT_NEWN(a, struct se_width, w->nshapes + 1);
    w->nwidths = 0;
    memset(w->rank_value, 0, p->nclasses * sizeof *w->rank_value);
    w->any = (struct se_shape){ .least = UINT64_MAX, .cards = UINT32_MAX };
    for (size_t i = 0; i < w->nshapes; i++) {
        struct se_shape *sh = &w->shape[i], o;
        bool goes[BT_MAX_GPUS];
        sh->least = UINT64_MAX;
        sh->ctx0 = sh->solo_ctx = 0;                 /* of floors as they are now, not the most of all that were */
        sh->poorest = poorest_of(s, w, sh->cards);
        sh->stage_least = BT_NEWN(a, uint64_t, sh->pp);
        for (uint32_t j = 0; j < sh->pp; j++) {
            sh->stage_least[j] = sh->row[j].floor;
            for (size_t c = 1; c < p->nclasses; c++)
                sh->stage_least[j] = BT_MIN(sh->stage_least[j], sh->row[c * sh->pp + j].floor);
        }
        sh->rank_least = BT_NEWN(a, uint64_t, p->nclasses);
        for (size_t c = 0; c < p->nclasses; c++) {
            sh->rank_least[c] = rank_least_on(s, sh, c);
            if (cap.of_class[c])
                w->rank_value[c] = BT_MAX(w->rank_value[c], BT_MAX(sh->value[c * 2], sh->value[c * 2 + 1]) / sh->cards);
            goes[c] = on_class(s, w, sh, &cap, c, &o);
            if (goes[c])
                take_better(sh, &o);
        }
        if (sh->least == UINT64_MAX)
            continue;
        add_width(w, p->nclasses, a, sh, goes);
        take_better(&w->any, sh);
        w->any.best = BT_MAX(w->any.best, sh->best);
        w->any.cards = BT_MIN(w->any.cards, sh->cards);
    }
}

static void fill_work(struct search *s, size_t i)
{
    struct pl_problem *p = s->p;
    struct se_work *w = &s->work[i];
    const struct pl_work *k = &p->work[i];
    w->k = &p->work[i];
    w->alone = true;
    for (size_t g = 0; g < p->fleet->n; g++)         /* servers on the CPU take of that card without standing on it */
        w->alone = w->alone && !(p->ram_binds && p->fleet->gpus[g].unified);
    for (size_t j = 0; j < p->n; j++)
        w->alone = w->alone && ((j == i && k->copies_want == 1) || !p->may_share[i * p->n + j]);
    w->rank_value = BT_NEWN(s->a, double, p->nclasses);
    w->on_class = BT_NEWN(s->a, bool, p->nclasses);
    for (size_t j = 0; j < k->npool; j++)
        w->on_class[p->cls[k->pool[j]]] = true;
    if (k->cpu_only)
        return;
    w->shape = BT_NEWN(s->a, struct se_shape, k->nshapes + 1);
    struct links links;
    find_links(p, k, &links);
    for (size_t j = 0; j < k->nshapes; j++) {
        const struct pl_shape *sh = &k->shape[j];
        if (!sh->ok)
            continue;
        struct se_shape *o = &w->shape[w->nshapes++];
        *o = (struct se_shape){ .sh = sh, .index = j, .cards = sh->cards, .tp = sh->tp, .pp = sh->pp };
        find_rows(s, w, s->a, o);
        fill_limits(p, k, sh, s->a, o);
        fill_values(p, k, sh, &links, s->a, o);
        if (p->ram_binds) {
            o->ram = BT_NEWN(s->a, uint64_t, p->nclasses);
            for (size_t c = 0; c < p->nclasses; c++)
                o->ram[c] = pl_host_least(p, k, sh, c);
        }
    }
}

static bool has_shape_of(const struct se_work *w, uint32_t cards)
{
    for (size_t i = 0; i < w->nshapes; i++)
        if (w->shape[i].cards == cards)
            return true;
    return false;
}

static void only_as_wide_as(struct se_work *w, const struct se_work *other)
{
    size_t n = 0;
    for (size_t i = 0; i < w->nshapes; i++)
        if (has_shape_of(other, w->shape[i].cards))
            w->shape[n++] = w->shape[i];
    w->nshapes = n;
}

/* Who sits on another's cards has as many, and the other as many as it. Those who may not share a card have no shape left. */
static void match_widths(struct search *s)
{
    const struct pl_problem *p = s->p;
    for (size_t i = 0; i < p->n; i++) {
        size_t t = p->work[i].same;
        if (t == PL_NONE || p->work[i].cpu_only || p->work[t].cpu_only)
            continue;
        if (!p->may_share[i * p->n + t])
            s->work[i].nshapes = 0;
        only_as_wide_as(&s->work[i], &s->work[t]);
        if (!p->work[i].w->optional && p->work[i].copies_min)
            only_as_wide_as(&s->work[t], &s->work[i]);
    }
}

/* Shapes that go nowhere, and those of others that hang on them. Whoever has none left cannot stand. */
static void drop_impossible(struct search *s, struct bt_arena *a)
{
    const struct pl_problem *p = s->p;
    for (bool less = true; less; ) {
        less = false;
        for (size_t i = 0; i < p->n; i++) {
            struct se_work *w = &s->work[i];
            size_t n = 0, before = w->nshapes;
            if (p->work[i].cpu_only)
                continue;
            fill_bests(s, w, a);
            for (size_t j = 0; j < before; j++)
                if (w->shape[j].least < UINT64_MAX)
                    w->shape[n++] = w->shape[j];
            w->nshapes = n;
            less = less || n < before;
        }
        match_widths(s);
    }
}

static uint32_t most_copies(const struct search *s, size_t i)
{
    const struct pl_work *k = &s->p->work[i];
    return k->cpu_only || s->work[i].nshapes ? k->copies_want : 0;
}

/* A level for each priority, the highest first. A score has so many: all lower ones are the last of them. */
static void sort_levels(struct search *s)
{
    const struct pl_problem *p = s->p;
    int64_t *all = BT_NEWN(s->a, int64_t, p->n + 1);
    size_t n = 0;
    s->level_of = BT_NEWN(s->a, size_t, p->n + 1);
    for (size_t i = 0; i < p->n; i++) {              /* the order of works is by priority but for same_gpus_as: sorted here */
        size_t j = 0;
        while (j < n && all[j] > p->work[i].w->priority)
            j++;
        if (j < n && all[j] == p->work[i].w->priority)
            continue;
        memmove(&all[j + 1], &all[j], (n++ - j) * sizeof *all);
        all[j] = p->work[i].w->priority;
    }
    s->nprio = BT_MIN(n, BT_LEN(s->prio));
    memcpy(s->prio, all, s->nprio * sizeof *all);
    for (size_t i = 0; i < p->n; i++)
        while (s->level_of[i] + 1 < s->nprio && s->prio[s->level_of[i]] > p->work[i].w->priority)
            s->level_of[i]++;
}

/* Of a context that is `of` of what is wanted at most, how much is there at least where `slack` thousandths may lack. */
static double share_left(double of, int64_t slack) { return BT_MAX(of * 1000 - (double)slack - 1, 0.0) / 1000; }

void se_slacken(struct search *s, const int64_t *slack, struct bt_arena *a)
{
    for (size_t i = 0; i < s->p->n; i++) {
        const struct pl_work *k = &s->p->work[i];
        struct se_work *w = &s->work[i];
        uint64_t least = k->server ? (uint64_t)(share_left(s->ctx_most[i], slack[i]) * (double)k->ctx_want) : 0;
        s->all_wants = s->all_wants && slack[i] == 0;
        if (k->cpu_only || least == w->ctx_least)
            continue;
        w->ctx_least = least;
        for (size_t j = 0; j < w->nshapes; j++)
            find_rows(s, w, a, &w->shape[j]);
        fill_bests(s, w, a);
    }
    se_price_widths(s);
}

void se_fix(struct search *s, const uint32_t *copies, int64_t slack, struct bt_arena *a)
{
    const struct pl_problem *p = s->p;
    s->all_wants = copies && slack == 0;
    for (size_t i = 0; i < p->n; i++) {
        const struct pl_work *k = &p->work[i];
        struct se_work *w = &s->work[i];
        s->copies_most[i] = copies ? copies[i] : most_copies(s, i);
        s->copies_least[i] = copies ? copies[i] : k->copies_min;
        s->may_skip[i] = !copies && k->w->optional;
        if (k->cpu_only)
            continue;
        w->ctx_least = slack < 0 || !k->server ? 0 : (uint64_t)(share_left(s->ctx_most[i], slack) * (double)k->ctx_want);
        for (size_t j = 0; j < w->nshapes; j++)
            find_rows(s, w, a, &w->shape[j]);
        fill_bests(s, w, a);
    }
    se_price_widths(s);
}

/* Who may be beside whom, a bit per work. */
static void fill_friends(struct search *s)
{
    size_t n = s->p->n;
    if (n > 64)
        return;
    s->seated = BT_NEWN(s->a, uint64_t, s->ncards);
    s->friends = BT_NEWN(s->a, uint64_t, n + 1);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++)
            s->friends[i] |= (uint64_t)s->p->may_share[i * n + j] << j;
}

struct search *se_new(struct pl_problem *p, struct bt_arena *a)
{
    struct search *s = BT_NEW(a, struct search);
    size_t cards = p->fleet->n;
    s->p = p;
    s->a = a;
    s->ncards = cards;
    for (size_t i = 0; i < p->n; i++)
        s->max_copies += p->work[i].copies_want;
    s->work = BT_NEWN(a, struct se_work, p->n + 1);
    s->order = BT_NEWN(a, size_t, p->n + 1);
    s->depth_of = BT_NEWN(a, size_t, p->n + 1);
    s->copy = BT_NEWN(a, struct pl_copy, s->max_copies + 1);
    s->copy_shape = BT_NEWN(a, const struct se_shape *, s->max_copies + 1);
    s->copy_unit = BT_NEWN(a, size_t, s->max_copies + 1);
    s->copy_cls = BT_NEWN(a, size_t, s->max_copies + 1);
    s->copy_value = BT_NEWN(a, double, s->max_copies + 1);
    s->copy_part = BT_NEWN(a, double, s->max_copies + 1);
    s->copy_apart = BT_NEWN(a, bool, s->max_copies + 1);
    s->load = BT_NEWN(a, uint64_t, cards);
    s->tenant = BT_NEWN(a, struct se_tenant *, cards);
    s->ntenants = BT_NEWN(a, uint32_t, cards);
    s->tenant_room = BT_NEWN(a, uint32_t, cards);
    fill_friends(s);
    s->kind = BT_NEWN(a, size_t, cards);
    for (size_t g = 0; g < cards; g++)
        while (strcmp(p->fleet->gpus[g].name, p->fleet->gpus[s->kind[g]].name) != 0)
            s->kind[g]++;
    s->placed = BT_NEWN(a, uint32_t, p->n + 1);
    s->shape_of = BT_NEWN(a, size_t, p->n + 1);
    s->capped = BT_NEWN(a, double, p->n + 1);
    for (size_t i = 0; i < p->n; i++)
        s->capped[i] = INFINITY;
    s->copies_most = BT_NEWN(a, uint32_t, p->n + 1);
    s->ctx_most = BT_NEWN(a, double, p->n + 1);
    s->copies_least = BT_NEWN(a, uint32_t, p->n + 1);
    s->may_skip = BT_NEWN(a, bool, p->n + 1);
    for (size_t i = 0; i < p->n; i++) {
        s->copies_least[i] = p->work[i].copies_min;
        s->may_skip[i] = p->work[i].w->optional;
    }
    s->held = BT_NEWN(a, bool, p->n + 1);
    s->fixed = BT_NEWN(a, bool, p->n + 1);
    s->settled = BT_NEWN(a, bool, p->n + 1);
    s->first_copy = BT_NEWN(a, size_t *, p->n + 1);
    s->color = BT_NEWN(a, size_t, (s->max_copies + 1) * cards);
    s->went = BT_NEWN(a, size_t, p->n + 1);
    s->ctx = BT_NEWN(a, double, p->n + 1);
    s->mult = BT_NEWN(a, uint32_t, p->n + 1);
    for (size_t i = 0; i < p->n; i++) {
        s->first_copy[i] = BT_NEWN(a, size_t, p->work[i].copies_want + 1);
        fill_work(s, i);
    }
    for (size_t i = 0; i < p->n; i++)                /* a chain of followers is as long as there are works, at most */
        match_widths(s);
    drop_impossible(s, a);
    for (size_t i = 0; i < p->n; i++)
        s->copies_most[i] = most_copies(s, i);
    sort_levels(s);
    se_order(s, SE_AS_PLANNED);
    s->price = BT_NEWN(a, double, p->nclasses);
    se_set_prices(s);
    se_price_widths(s);
    return s;
}

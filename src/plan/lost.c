/* lost - what another plan of the same phase has less of, and why a shape has no place: for `plan`'s table of shapes and for `explain`. */
#include "plan/lost.h"

static unsigned long long ull(uint64_t n) { return n; }

const char *pl_shape_words(struct bt_arena *a, uint64_t tp, uint64_t pp)
{
    if (pp == 1)
        return tp == 1 ? "one GPU" : bt_arena_printf(a, "TP=%llu", ull(tp));
    return tp == 1 ? bt_arena_printf(a, "PP=%llu", ull(pp)) : bt_arena_printf(a, "TP=%llu x PP=%llu", ull(tp), ull(pp));
}

enum bt_plan_goal pl_lost_at(const struct pl_score *a, const struct pl_score *b)
{
    for (uint32_t i = 0; i < a->nlevels; i++)
        if (a->placed[i] != b->placed[i])
            return BT_GOAL_PLACED;
    for (int i = BT_GOAL_WANTS; i < BT_GOAL_LOWEST; i++)
        if (a->v[i] != b->v[i])
            return (enum bt_plan_goal)i;
    return BT_GOAL_LOWEST;
}

/* Slowest copy's rate of a server, 0 = not known. */
static double rate_of(struct pl_planned x, size_t work)
{
    double least = 0;
    const struct pl_work *k = &x.p->work[work];
    if (!k->server || k->cpu_only || !k->nshapes)
        return 0;
    for (size_t i = 0; i < x.s->ncopies; i++) {
        double r = x.s->copy[i].work == work ? pl_rate_shown(x.p, &k->shape[x.s->copy[i].shape], x.s->copy[i].card) : 0;
        least = r > 0 && (least <= 0 || r < least) ? r : least;
    }
    return least;
}

static uint32_t copies_of(struct pl_planned x, size_t work)
{
    uint32_t n = 0;
    for (size_t i = 0; i < x.s->ncopies; i++)
        n += x.s->copy[i].work == work;
    return n;
}

const char *pl_who_lost(struct bt_arena *a, const struct bt_spec *spec, struct pl_planned win, struct pl_planned lose, enum bt_plan_goal goal)
{
    for (size_t i = 0; i < spec->n; i++) {
        size_t ww = pl_work_of(win.p, i), wl = pl_work_of(lose.p, i);
        if (ww == PL_NONE || wl == PL_NONE)
            continue;
        const char *name = spec->w[i].name;
        uint32_t had = copies_of(win, ww), has = copies_of(lose, wl);
        double was = rate_of(win, ww), is = rate_of(lose, wl);
        if (goal <= BT_GOAL_WANTS && has < had)
            return bt_arena_printf(a, "%s: %u cop%s, with the one taken %u", name, has, has == 1 ? "y" : "ies", had);
        if (goal == BT_GOAL_WANTS && win.p->work[ww].server && lose.s->ctx[wl] < win.s->ctx[ww])
            return bt_arena_printf(a, "%s: %s tokens of context, with the one taken %s", name, bt_count_human(lose.s->ctx[wl]),
                                   bt_count_human(win.s->ctx[ww]));
        if (goal == BT_GOAL_SERVICE && win.p->work[ww].server && is > 0 && is < was)
            return bt_arena_printf(a, "%s: %.1f tok/s, with the one taken %.1f", name, is, was);
    }
    return NULL;
}

/* ---- no place at all ---- */

/* Of rank i on a card of the class, whatever its `memory` allows it. */
static uint64_t rank_need(const struct pl_problem *p, const struct pl_work *k, const struct pl_shape *s, size_t cls, uint32_t i)
{
    if (!k->server || k->claim != PL_LIMIT)
        return pl_floor(p, k, s, cls, i, k->pool[i]);
    const struct bt_need *n = s->cost[cls].need;
    return n->rank[i / s->tp].fixed_bytes + bt_need_kv_for(n, &n->rank[i / s->tp], k->ctx_min, k->w->requests);
}

/* "27.57 GiB of weights; 768.00 MiB of KV for 1 x 4,096 tokens": what is in a server's need, by lacking(). */
static const char *need_words(struct bt_arena *a, const struct pl_problem *p, const struct pl_work *k, const struct pl_shape *s, uint64_t need)
{
    const size_t cls = p->cls[k->pool[0]];
    const struct bt_need *n = s->cost[cls].need;
    const struct bt_need_rank *r = &n->rank[0];
    uint64_t weights = 0;
    for (uint32_t i = s->cards; i-- > 0;)
        r = rank_need(p, k, s, cls, i) == need ? &n->rank[i / s->tp] : r;
    for (size_t i = 0; i < r->n; i++)
        weights += r->line[i].part == BT_P_WEIGHTS ? r->line[i].bytes : 0;
    const char *kv = bt_arena_strdup(a, bt_bytes_human(bt_need_kv_for(n, r, k->ctx_min, k->w->requests)));
    return bt_arena_printf(a, "%s of weights; %s of KV for %llu x %s tokens", bt_bytes_human(weights), kv, ull(k->w->requests), bt_count_human(k->ctx_min));
}

/* Largest need of the shape on the largest card of the work's pool, next on next: what lacks at the tightest of them, all of them empty. 0 = it fits alone. */
static uint64_t lacking(const struct pl_problem *p, const struct pl_work *k, const struct pl_shape *s, uint64_t *most_needed, uint64_t *card_has)
{
    uint64_t need[BT_MAX_GPUS] = { 0 }, cap[BT_MAX_GPUS] = { 0 }, worst = 0;
    size_t cls = p->cls[k->pool[0]];
    for (uint32_t i = 0; i < s->cards; i++)
        need[i] = rank_need(p, k, s, cls, i);
    for (size_t i = 0; i < k->npool; i++)
        cap[i] = BT_MIN(p->cap[k->pool[i]], k->server ? pl_limit(k, &p->fleet->gpus[k->pool[i]]) : UINT64_MAX);
    for (size_t i = 1; i < BT_MAX(k->npool, (size_t)s->cards); i++)
        for (size_t j = i; j > 0; j--) {
            if (j < s->cards && need[j] > need[j - 1]) {
                uint64_t t = need[j]; need[j] = need[j - 1]; need[j - 1] = t;
            }
            if (j < k->npool && cap[j] > cap[j - 1]) {
                uint64_t t = cap[j]; cap[j] = cap[j - 1]; cap[j - 1] = t;
            }
        }
    *most_needed = need[0];
    *card_has = cap[0];
    for (uint32_t i = 0; i < s->cards; i++)
        if (need[i] > cap[i] && need[i] - cap[i] > worst) {
            worst = need[i] - cap[i];
            *most_needed = need[i];
            *card_has = cap[i];
        }
    return worst;
}

uint64_t pl_widths(const struct pl_work *k)
{
    uint64_t set = 0;
    for (size_t i = 0; i < k->nshapes; i++)
        set |= k->shape[i].ok ? UINT64_C(1) << (k->shape[i].cards - 1) : 0;
    return set;
}

/* What a server's own `memory` reserves is more than any card of its pool has. */
static const char *reserves_too_much(struct bt_arena *a, const struct pl_problem *p, const struct pl_work *k, uint64_t *lack)
{
    uint64_t wants = 0, has = 0;
    for (size_t i = 0; k->server && k->claim == PL_LIMIT && i < k->npool; i++) {
        uint64_t limit = pl_limit(k, &p->fleet->gpus[k->pool[i]]), cap = p->cap[k->pool[i]];
        if (limit <= cap)
            return NULL;
        wants = cap > has ? limit : wants;
        has = BT_MAX(cap, has);
    }
    if (!wants)
        return NULL;
    *lack = wants - has;
    return bt_arena_printf(a, "%s: its `memory` is %s of a card, and the largest card of its pool has %s: %s lack", k->w->name,
                           bt_bytes_human(wants), bt_bytes_human(has), bt_bytes_human(wants - has));
}

const char *pl_too_small(struct bt_arena *a, const struct pl_problem *p, const struct pl_work *k, uint64_t *lack)
{
    uint64_t least = UINT64_MAX, need = 0, has = 0, widths = k->same == PL_NONE ? UINT64_MAX : pl_widths(&p->work[k->same]);
    const struct pl_shape *best = NULL;
    for (size_t i = 0; i < k->nshapes; i++) {
        uint64_t n, h, l;
        if (!k->shape[i].ok || !(widths >> (k->shape[i].cards - 1) & 1))
            continue;
        l = lacking(p, k, &k->shape[i], &n, &h);
        if (!l && k->same != PL_NONE)
            return NULL;             /* it is who sits there already */
        if (l && l < least) {
            least = l;
            need = n;
            has = h;
            best = &k->shape[i];
        }
    }
    if (!best)
        return reserves_too_much(a, p, k, lack);
    *lack = least;
    if (!k->server)
        return bt_arena_printf(a, "%s: %s per GPU, and the largest card of its pool has %s: %s lack", k->w->name, bt_bytes_human(need),
                               bt_bytes_human(has), bt_bytes_human(least));
    return bt_arena_printf(a, "%s: even as %s it needs %s on a card (%s), and %s %s there: %s lack on each", k->w->name,
                           pl_shape_words(a, best->tp, pl_stages(best)), bt_bytes_human(need), need_words(a, p, k, best, need), bt_bytes_human(has),
                           k->claim == PL_LIMIT ? "are allowed it" : "are", bt_bytes_human(least));
}

/* Two who must be on the same cards: of what they take on the fullest of them in the leanest shapes of one width (0: none is possible for both). */
struct pair {
    const struct pl_problem *p; size_t card;         /* as large as any that both may have */
    uint32_t width; uint64_t own, others;
    const struct pl_work *tight; uint32_t tight_width; uint64_t needs, has; /* whose `memory` is too little for a width that both could have; NULL: nobody's */
};

/* What its ranks take on the card, the most first. False: it may not be there, or needs more than its `memory` allows. */
static bool ranks_by_bytes(struct pair *x, const struct pl_work *k, const struct pl_shape *s, uint64_t bytes[BT_MAX_GPUS])
{
    const size_t cls = x->p->cls[x->card];
    uint64_t needs = 0, has = k->server && k->claim == PL_LIMIT ? pl_limit(k, &x->p->fleet->gpus[x->card]) : UINT64_MAX;
    if (k->server && !s->cost[cls].need)
        return false;                /* not on such a card */
    for (uint32_t i = 0; i < s->cards; i++) {
        uint64_t n = pl_floor(x->p, k, s, cls, i, x->card);
        uint32_t j = i;
        needs = BT_MAX(needs, rank_need(x->p, k, s, cls, i));
        for (; j > 0 && bytes[j - 1] < n; j--)
            bytes[j] = bytes[j - 1];
        bytes[j] = n;
    }
    if (needs > has && (!x->tight || needs - has < x->needs - x->has)) {
        x->tight = k;
        x->tight_width = s->cards;
        x->needs = needs;
        x->has = has;
    }
    return needs <= has;
}

/* The largest rank of one beside the smallest of the other. */
static void find_leanest_pair(struct pair *x, const struct pl_work *k, const struct pl_work *on)
{
    uint64_t own[BT_MAX_GPUS] = { 0 }, others[BT_MAX_GPUS] = { 0 };
    for (size_t i = 0; i < k->nshapes; i++)
        for (size_t j = 0; j < on->nshapes; j++) {
            const struct pl_shape *s = &k->shape[i], *t = &on->shape[j];
            uint32_t n = s->cards, fullest = 0;
            if (!s->ok || !t->ok || n != t->cards)
                continue;
            bool may = ranks_by_bytes(x, k, s, own);
            if (!ranks_by_bytes(x, on, t, others) || !may)
                continue;
            for (uint32_t c = 1; c < n; c++)
                fullest = own[c] + others[n - 1 - c] > own[fullest] + others[n - 1 - fullest] ? c : fullest;
            if (x->width && own[fullest] + others[n - 1 - fullest] >= x->own + x->others)
                continue;
            x->width = n;
            x->own = own[fullest];
            x->others = others[n - 1 - fullest];
        }
}

static const char *on_cards(struct bt_arena *a, uint32_t width)
{
    return width == 1 ? "one card" : bt_arena_printf(a, "the fullest of %u cards", width);
}

const char *pl_no_place_with(struct bt_arena *a, const struct pl_problem *p, const struct pl_work *k)
{
    const struct pl_work *on = &p->work[k->same];
    const char *name = k->w->name, *other = on->w->name;
    struct pair x = { .p = p, .card = PL_NONE };
    for (size_t i = 0; i < k->npool; i++) {
        size_t g = k->pool[i];
        x.card = on->pos[g] >= 0 && (x.card == PL_NONE || p->cap[g] > p->cap[x.card]) ? g : x.card;
    }
    if (x.card == PL_NONE)
        return bt_arena_printf(a, "%s must be on the cards of %s, and their pools have no card in common", name, other);
    find_leanest_pair(&x, k, on);
    if (!x.width && x.tight)
        return bt_arena_printf(a, "%s does not fit beside %s on the same GPUs: on %s %s needs %s at least, and its `memory` allows it %s", name, other,
                               on_cards(a, x.tight_width), x.tight->w->name, bt_bytes_human(x.needs), bt_bytes_human(x.has));
    if (!x.width)
        return bt_arena_printf(a, "%s must be on the cards of %s, and no number of cards is possible for both", name, other);
    if (x.own + x.others <= p->cap[x.card])
        return bt_arena_printf(a, "%s does not fit beside %s on the same GPUs", name, other);
    return bt_arena_printf(a, "%s does not fit beside %s on the same GPUs: on %s %s takes %s and %s %s at least, and %s are there", name, other,
                           on_cards(a, x.width), other, bt_bytes_human(x.others), name, bt_bytes_human(x.own), bt_bytes_human(p->cap[x.card]));
}

/* Another with whom it must share its cards, and no number of cards is possible for both; NULL: there is none. */
static const struct pl_work *misfit(const struct pl_problem *q, size_t work)
{
    for (size_t i = 0; i < q->n; i++) {
        bool bound = i != work && !q->work[i].cpu_only && (q->work[work].same == i || q->work[i].same == work);
        if (bound && q->work[i].nshapes && !(pl_widths(&q->work[i]) & pl_widths(&q->work[work])))
            return &q->work[i];
    }
    return NULL;
}

const char *pl_no_place(struct bt_arena *a, const struct pl_problem *q, size_t spec_index)
{
    const char *plain = "does not fit beside the others";
    size_t w = pl_work_of(q, spec_index);
    if (q->nrefusals)
        return q->refusal[0].text;
    if (w == PL_NONE)
        return plain;
    const struct pl_work *k = &q->work[w], *other = misfit(q, w);
    const struct pl_shape *best = NULL;
    uint64_t least = UINT64_MAX, need = 0, has = 0;
    for (size_t i = 0; i < k->nshapes; i++) {
        uint64_t n, h, lack = k->shape[i].ok && k->shape[i].cards <= k->npool ? lacking(q, k, &k->shape[i], &n, &h) : UINT64_MAX;
        if (lack < least) {
            least = lack;
            need = n;
            has = h;
            best = &k->shape[i];
        }
    }
    if (best && least > 0) {
        const char *words = k->server ? bt_arena_printf(a, " (%s)", need_words(a, q, k, best, need)) : "";
        return bt_arena_printf(a, "needs %s on a card%s, and %s %s there", bt_bytes_human(need), words, bt_bytes_human(has),
                               k->claim == PL_LIMIT ? "are allowed it" : "are");
    }
    if (other)
        return bt_arena_printf(a, "%s must be on the same cards, and cannot be on as many as that", other->w->name);
    return plain;
}

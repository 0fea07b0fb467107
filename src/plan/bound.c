/* bound - the score of a placement, and scores that no completion of it can pass. docs/plan.md, "The search", says why each holds. */
#include <math.h>
#include <string.h>

#include "plan/search_int.h"

#define PAYS_AFTER 512u              /* a bound is asked so often before anybody says what it ends */
#define PAYS_SHARE 16u               /* it pays where it ends one node of so many */
#define SPARED 8u                    /* where it does not, one of so many asks it yet */
#define SLACK 1e-6                   /* sums of doubles against sums of whole thousandths */

/* Bounds that are asked at every node, and end next to nothing in this search, cost more than what they end. */
static bool pays(struct se_asked *o) { return o->times < PAYS_AFTER || o->ended * PAYS_SHARE >= o->times || ++o->spared % SPARED == 0; }

static void was_asked(struct se_asked *o, bool ended)
{
    o->times++;
    o->ended += ended;
}

static bool decided(const struct search *s, size_t work, size_t seen) { return s->depth_of[work] < seen; }

static bool may_stand(const struct search *s, size_t work, size_t seen) { return s->placed[work] || (!decided(s, work, seen) && s->copies_most[work]); }

bool se_may_join(const struct search *s, size_t work, size_t card)
{
    const bool *row = &s->p->may_share[work * s->p->n];
    if (s->seated)
        return !(s->seated[card] & ~s->friends[work]);
    for (uint32_t i = 0; i < s->ntenants[card]; i++)
        if (!row[s->copy[s->tenant[card][i].copy].work])
            return false;
    return true;
}

static const struct se_row *row_of(const struct search *s, size_t copy, uint32_t rank)
{
    const struct se_shape *sh = s->copy_shape[copy];
    return &sh->row[s->copy_cls[copy] * sh->pp + rank / sh->tp];
}

static double limit_ctx(const struct search *s, size_t copy, uint32_t rank)
{
    const struct se_shape *sh = s->copy_shape[copy];
    size_t row = s->copy_cls[copy] * sh->pp + rank / sh->tp;
    return sh->limit_ctx[row * s->p->nclasses + s->p->cls[s->copy[copy].card[rank]]];
}

static uint64_t room_on(const struct search *s, size_t g) { return s->p->cap[g] > s->load[g] ? s->p->cap[g] - s->load[g] : 0; }

/* ---- placed ---- */

static void score_placed(const struct search *s, size_t seen, struct pl_score *o)
{
    o->nlevels = (uint32_t)s->nprio;
    for (size_t i = 0; i < s->p->n; i++)
        if (may_stand(s, i, seen)) {
            if (s->level_of[i] < s->nprio)
                o->placed[s->level_of[i]]++;
            o->v[BT_GOAL_PLACED]++;
        }
}

/* ---- wants ---- */

/* s->ctx by root: no more than the fullest card of any of its copies leaves, all others at their floors. */
static void contexts_at_most(struct search *s, size_t seen)
{
    const struct pl_problem *p = s->p;
    for (size_t i = 0; i < p->n; i++) {
        s->ctx[i] = (double)p->work[i].ctx_want;
        s->mult[i] = 0;
    }
    for (size_t i = 0; i < p->n; i++) {
        const struct pl_work *k = &p->work[i];
        bool in = may_stand(s, i, seen);
        if (!k->server || !in || !k->ctx_want)
            continue;
        s->mult[k->ctx_root]++;
        if (!s->may_skip[i] || s->placed[i])
            s->ctx[k->ctx_root] = BT_MIN(s->ctx[k->ctx_root], se_outlook(s, i)->solo_ctx);
    }
    for (size_t i = 0; i < s->ncopies; i++) {
        const struct pl_copy *c = &s->copy[i];
        const struct pl_work *k = &p->work[c->work];
        if (!k->server)
            continue;
        double most = s->ctx[k->ctx_root];
        for (uint32_t j = 0; j < c->ncards; j++) {
            const struct se_row *r = row_of(s, i, j);
            if (s->copy_shape[i]->limit_ctx)
                most = BT_MIN(most, limit_ctx(s, i, j));
            if (r->slope > 0)
                most = BT_MIN(most, r->ctx0 + (double)room_on(s, c->card[j]) / r->slope);
        }
        s->ctx[k->ctx_root] = most;
    }
    for (size_t i = 0; i < p->n; i++)
        if (s->mult[i])
            s->ctx[i] = BT_MAX(s->ctx[i], (double)p->work[i].ctx_min);
}

struct item { size_t root; double slope, ctx0, gain, wish; };        /* a context that grows, or (root PL_NONE) copies that are wished for */

/* Bytes for one of its kind, in whole wants. */
static double price(const struct search *s, const struct item *i)
{
    return i->root == PL_NONE ? i->wish / i->gain : i->slope * (double)s->p->work[i->root].ctx_want / s->mult[i->root];
}

/* Bytes go to whoever gains the most by one: how much the sum of wants of these items lacks at least, beside s->ctx. */
static double lacking(const struct search *s, struct item *item, size_t n, double room)
{
    double wish = 0, lacks = 0;
    for (size_t i = 0; i < n; i++) {
        if (item[i].root != PL_NONE)
            item[i].wish = BT_MAX(s->ctx[item[i].root] - item[i].ctx0, 0.0) * item[i].slope;
        wish += item[i].wish;
    }
    while (wish > room) {            /* the dearest goes without, the last one in part */
        size_t worst = n;
        for (size_t i = 0; i < n; i++)
            if (item[i].wish > 0 && (worst == n || price(s, &item[i]) > price(s, &item[worst])))
                worst = i;
        if (worst == n)
            break;
        double cut = BT_MIN(item[worst].wish, wish - room);
        lacks += cut / price(s, &item[worst]);
        wish -= item[worst].wish;
        item[worst].wish = 0;
    }
    return lacks;
}

/* at: [root] one more than its place among the items, 0 = not there; NULL: they are few. */
static void add_item(struct item *item, size_t *n, uint8_t *at, size_t root, double slope, double ctx0)
{
    size_t i = at ? (size_t)at[root] - 1 : 0;
    if (slope <= 0)
        return;
    while (!at && i < *n && item[i].root != root)
        i++;
    if (i >= *n) {
        item[(*n)++] = (struct item){ .root = root, .slope = slope, .ctx0 = ctx0 };
        if (at)
            at[root] = (uint8_t)*n;
        return;
    }
    item[i].slope += slope;
    item[i].ctx0 = BT_MAX(item[i].ctx0, ctx0);
}

/* Contexts on one card share its room. Each root counts on one card only: that of its first copy. */
static double lacks_on_cards(const struct search *s)
{
    double sum = 0;
    struct item item[64];
    for (size_t g = 0; g < s->ncards; g++) {
        size_t n = 0;
        if (s->ntenants[g] < 2)
            continue;                /* one alone has what the card leaves: s->ctx says so */
        for (uint32_t i = 0; i < s->ntenants[g] && n + 1 < BT_LEN(item); i++) {
            const struct se_tenant *t = &s->tenant[g][i];
            const struct pl_copy *c = &s->copy[t->copy];
            const struct pl_work *k = &s->p->work[c->work];
            if (!k->server)
                continue;
            const struct pl_work *root = &s->p->work[k->ctx_root];
            size_t home = k->ctx_root;               /* where the root itself is not placed, its first follower stands for it */
            if (root->server && s->placed[home] ? s->copy[s->first_copy[home][0]].card[0] != g : c->card[0] != g || k->ctx_root != c->work)
                continue;
            const struct se_row *r = row_of(s, t->copy, t->rank);
            add_item(item, &n, NULL, k->ctx_root, r->slope, r->ctx0);
        }
        if (n > 1)
            sum += lacking(s, item, n, (double)room_on(s, g));
    }
    return sum;
}

/* All cards as one: what is free must hold the floors of those to come, and the rest are contexts. Negative: it does not hold the floors. */
static double room_in_all(const struct search *s, size_t seen)
{
    double room = 0;                 /* whole bytes, fewer than a double holds exactly */
    for (size_t g = 0; g < s->ncards; g++) {
        const struct se_work *first = s->ntenants[g] == 1 ? &s->work[s->copy[s->tenant[g][0].copy].work] : NULL;
        room += first && first->alone && first->k->claim != PL_DEAL ? 0 : (double)room_on(s, g);
    }
    for (size_t d = seen; d < s->p->n; d++) {
        size_t i = s->order[d];
        if (s->p->work[i].cpu_only || (s->may_skip[i] && !s->placed[i]))
            continue;
        if (s->copies_least[i] > s->placed[i] && se_outlook(s, i)->least < UINT64_MAX)
            room -= (double)se_outlook(s, i)->least * (s->copies_least[i] - s->placed[i]);
    }
    return room;
}

static double lacks_in_all(const struct search *s, size_t seen, double room)
{
    struct item item[128];
    uint8_t at[64] = { 0 };
    size_t n = 0;
    if (s->p->n * 2 > BT_LEN(item))
        return 0;
    for (size_t i = 0; i < s->ncopies; i++) {
        const struct pl_work *k = &s->p->work[s->copy[i].work];
        for (uint32_t j = 0; k->server && j < s->copy[i].ncards; j++) {
            const struct se_row *r = row_of(s, i, j);
            add_item(item, &n, at, k->ctx_root, r->slope, r->ctx0);
        }
    }
    for (size_t i = 0; i < s->p->n; i++) {
        const struct pl_work *k = &s->p->work[i];
        if (decided(s, i, seen) || k->cpu_only)
            continue;
        uint32_t more = s->copies_least[i] > s->placed[i] ? s->copies_least[i] - s->placed[i] : 0;
        bool must = !s->may_skip[i] || s->placed[i];
        const struct se_shape *one = se_outlook(s, i);
        if (k->server && must)
            add_item(item, &n, at, k->ctx_root, one->slope * more, one->ctx0);
        uint32_t wished = s->copies_most[i] - BT_MIN(s->copies_most[i], BT_MAX(s->copies_least[i], s->placed[i]));
        if (must && wished && one->least && one->least < UINT64_MAX)
            item[n++] = (struct item){ .root = PL_NONE, .gain = (double)wished / k->copies_want, .wish = (double)one->least * wished };
    }
    return lacking(s, item, n, BT_MAX(room, 0.0));
}

/* room: of room_in_all(). enough: a sum below it needs not be exact. */
static int64_t wants(struct search *s, size_t seen, const uint64_t *granted, double room, int64_t enough)
{
    const struct pl_problem *p = s->p;
    int64_t sum = 0;
    double most = 0;
    if (!granted)
        contexts_at_most(s, seen);
    for (size_t i = 0; i < p->n; i++) {
        const struct pl_work *k = &p->work[i];
        bool open = !decided(s, i, seen);
        if (k->server && may_stand(s, i, seen) && k->ctx_want) {
            double c = granted ? (double)BT_MIN(granted[i], k->ctx_want) : s->ctx[k->ctx_root];
            sum += se_thousandths(c / (double)k->ctx_want);
            most += c / (double)k->ctx_want;
        }
        if (k->copies_want > 1) {
            uint32_t n = open ? s->copies_most[i] : s->placed[i];
            sum += 1000 * (int64_t)n / k->copies_want;
            most += (double)n / k->copies_want;
        }
    }
    if (granted || sum < enough || (enough > INT64_MIN && !pays(&s->by_room)))
        return sum;
    double lacks = lacks_on_cards(s);
    if (lacks <= 0 || se_thousandths(most - lacks + SLACK) >= enough)
        lacks = BT_MAX(lacks, lacks_in_all(s, seen, room));
    if (lacks > 0)
        sum = BT_MIN(sum, se_thousandths(most - lacks + SLACK));
    if (enough > INT64_MIN)
        was_asked(&s->by_room, sum < enough);
    return sum;
}

int64_t se_wants_at_most(struct search *s, size_t seen) { return wants(s, seen, NULL, room_in_all(s, seen), INT64_MIN); }

/* ---- service ---- */

static uint32_t busiest(const struct search *s, const struct pl_copy *c)
{
    uint32_t most = 1;
    for (uint32_t i = 0; i < c->ncards; i++)
        most = BT_MAX(most, s->ntenants[c->card[i]]);
    return most;
}

/* All copies of the shape that there may be, each at so much, and no more than its pool has cards for. */
static int64_t together(const struct search *s, const struct pl_work *k, const struct se_shape *sh, double one)
{
    return se_thousandths(one * BT_MIN((double)s->copies_most[k - s->p->work], (double)k->npool / sh->cards));
}

/* A workload's copies, those placed included: none gets more than its best alone, nor all together more than their cards carry. */
static int64_t service_at_most(const struct search *s, size_t work, int64_t so_far)
{
    const struct pl_work *k = &s->p->work[work];
    const struct se_work *w = &s->work[work];
    int64_t most = 0, more = (int64_t)(s->copies_most[work] - s->placed[work]);
    size_t i = s->settled[work] ? s->shape_of[work] : 0, end = s->settled[work] ? i + 1 : w->nshapes;
    for (; i < end; i++) {
        const struct se_shape *sh = &w->shape[i];
        if (s->capped[work] >= sh->best) {
            most = BT_MAX(most, BT_MIN(so_far + more * sh->each, sh->together));
            continue;
        }
        double one = s->capped[work];
        most = BT_MAX(most, BT_MIN(so_far + more * se_thousandths(one), together(s, k, sh, one)));
    }
    return most;
}

/* Each card's tenants share its time: what the ranks on it add is their mean. Sum over cards, at least what the copies have now. */
static double mean_of(const struct search *s, size_t g)
{
    double sum = 0;
    for (uint32_t i = 0; i < s->ntenants[g]; i++)
        sum += s->copy_part[s->tenant[g][i].copy];
    return s->ntenants[g] ? sum / s->ntenants[g] : 0;
}

struct open_works { size_t work[64]; size_t n; bool all; };

static const struct se_width *widths(const struct search *s, size_t work, size_t *n)
{
    const struct se_work *w = &s->work[work];
    const struct se_shape *settled = s->settled[work] ? &w->shape[s->shape_of[work]] : NULL;
    *n = settled ? settled->least < UINT64_MAX : w->nwidths;
    return settled ? &settled->width : w->width;
}

/* What one copy adds at most when it pays for the empty cards that it takes. A rank that joins others pays nothing and adds gain[width] at most;
 * who shares with nobody must pay. used: how many cards of each class the best choice takes; may be NULL. */
static double worth(const struct search *s, size_t work, const double *gain, double *used)
{
    const struct se_work *w = &s->work[work];
    const struct pl_problem *p = s->p;
    double best = -INFINITY;
    size_t at = 0, cards = 0, n, cheapest = PL_NONE;
    const struct se_width *x = widths(s, work, &n);
    for (size_t c = 0; c < p->nclasses; c++)
        if (w->on_class[c] && (cheapest == PL_NONE || s->price[c] < s->price[cheapest]))
            cheapest = c;
    for (size_t i = 0; i < n; i++) {
        double cap = s->capped[work] / x[i].cards;
        for (size_t c = 0; c < p->nclasses; c++) {
            double price = s->price[c], each;
            size_t pays = c;
            if (!w->on_class[c])
                continue;
            if (x[i].chain && s->price[cheapest] < price) {      /* the slowest card sets the pace: others may be cheaper */
                price = s->price[cheapest];
                pays = cheapest;
            }
            each = BT_MIN(x[i].rank_value[c], cap) - price;
            if (!w->alone && each < gain[i]) {
                each = gain[i];
                pays = PL_NONE;
            }
            if (each * x[i].cards > best) {
                best = each * x[i].cards;
                at = pays;
                cards = x[i].cards;
            }
        }
    }
    if (best == -INFINITY)
        return 0;
    if (best < 0 && s->may_skip[work] && !s->placed[work])
        return 0;
    if (used && at != PL_NONE)
        used[at] += (double)cards;
    return best;
}

#define MAX_WIDTHS (2 * BT_MAX_GPUS)

/* What each class brings is known of an empty fleet already: a rank pays for its card, or joins others. */
static double worth_at_most(const struct search *s, size_t work, const double *gain)
{
    const struct se_work *w = &s->work[work];
    double best = -INFINITY;
    size_t n;
    const struct se_width *x = widths(s, work, &n);
    for (size_t i = 0; i < n; i++)
        best = BT_MAX(best, (w->alone ? x[i].paid : BT_MAX(x[i].paid, gain[i])) * x[i].cards);
    return best == -INFINITY || !w->k->npool || (best < 0 && s->may_skip[work] && !s->placed[work]) ? 0 : best;
}

static double paid(const struct search *s, const struct se_work *w, const struct se_width *x)
{
    double best = -INFINITY, cheapest = INFINITY;
    for (size_t c = 0; c < s->p->nclasses; c++)
        cheapest = w->on_class[c] ? BT_MIN(cheapest, s->price[c]) : cheapest;
    for (size_t c = 0; c < s->p->nclasses; c++)
        if (w->on_class[c])          /* the slowest card sets a pipeline's pace: others may be cheaper */
            best = BT_MAX(best, x->rank_value[c] - (x->chain ? cheapest : s->price[c]));
    return best;
}

void se_price_widths(struct search *s)
{
    s->nwidths = 0;
    for (size_t i = 0; i < s->p->n; i++)
        s->nwidths += s->work[i].nwidths;
    for (size_t i = 0; i < s->p->n; i++) {
        struct se_work *w = &s->work[i];
        for (size_t j = 0; j < w->nwidths; j++)
            w->width[j].paid = paid(s, w, &w->width[j]);
        for (size_t j = 0; j < w->nshapes; j++) {
            struct se_shape *sh = &w->shape[j];
            if (sh->least < UINT64_MAX)
                sh->width.paid = paid(s, w, &sh->width);
            sh->each = se_thousandths(sh->best);
            sh->together = together(s, w->k, sh, sh->best);
        }
    }
}

/* A card that somebody is on. */
struct joined { size_t card, cls; double mean, seats; };             /* seats: with one who comes */

/* Whoever comes next to a card with mean m and t tenants adds no more than (its rank's value - m) / (t + 1). */
static void joining_gains(const struct search *s, size_t work, const struct joined *on, size_t n, double *gain)
{
    const struct pl_work *k = s->work[work].k;
    size_t nwidths;
    const struct se_width *x = widths(s, work, &nwidths);
    for (size_t i = 0; i < nwidths; i++) {
        double cap = s->capped[work] / x[i].cards, most = 0;
        for (size_t j = 0; j < n; j++) {
            double more = BT_MIN(x[i].rank_value[on[j].cls], cap) - on[j].mean;
            if (more > 0 && more > most * on[j].seats && k->pos[on[j].card] >= 0)
                most = more / on[j].seats;
        }
        gain[i] = most;
    }
}

/* Any prices do: a card that is taken is paid for once at most, the rest of what a copy adds is its own. */
static double service_of_cards(const struct search *s, const struct open_works *open)
{
    double sum = 0, gain[MAX_WIDTHS];
    struct joined on[BT_MAX_GPUS];
    size_t n = 0;
    for (size_t g = 0; g < s->ncards; g++) {
        if (s->ntenants[g])
            on[n++] = (struct joined){ g, s->p->cls[g], mean_of(s, g), s->ntenants[g] + 1 };
        sum += s->ntenants[g] ? on[n - 1].mean : s->price[s->p->cls[g]];
    }
    for (size_t i = 0; i < open->n; i++) {
        size_t w = open->work[i];
        if (!s->work[w].alone)
            joining_gains(s, w, on, n, gain);
        double one = s->capped[w] == INFINITY ? worth_at_most(s, w, gain) : worth(s, w, gain, NULL);
        uint32_t must = s->copies_least[w] > s->placed[w] ? s->copies_least[w] - s->placed[w] : 0, may = s->copies_most[w] - s->placed[w];
        sum += one * (one > 0 ? may : must);
    }
    return sum;
}

/* Prices by subgradients: dearer where more cards are asked for than there are. */
void se_set_prices(struct search *s)
{
    const struct pl_problem *p = s->p;
    double there[BT_MAX_GPUS] = { 0 }, asked[BT_MAX_GPUS], none[MAX_WIDTHS] = { 0 }, best[BT_MAX_GPUS], lowest = INFINITY, step = 0;
    for (size_t g = 0; g < s->ncards; g++)
        there[p->cls[g]]++;
    for (size_t i = 0; i < p->n; i++)
        for (size_t c = 0; c < p->nclasses; c++)
            if (!p->work[i].cpu_only)
                step = BT_MAX(step, s->work[i].rank_value[c]);
    step /= 4;
    for (unsigned round = 0; round < 300; round++) {
        double sum = 0, off = 0;
        for (size_t c = 0; c < p->nclasses; c++) {
            asked[c] = 0;
            sum += there[c] * s->price[c];
        }
        for (size_t i = 0; i < p->n; i++) {
            double used[BT_MAX_GPUS];
            if (p->work[i].cpu_only)
                continue;
            memset(used, 0, p->nclasses * sizeof *used);
            double one = worth(s, i, none, used);
            uint32_t copies = one > 0 ? s->copies_most[i] : s->copies_least[i];
            sum += one * copies;
            for (size_t c = 0; c < p->nclasses; c++)
                asked[c] += used[c] * copies;
        }
        if (sum < lowest) {
            lowest = sum;
            memcpy(best, s->price, p->nclasses * sizeof *best);
        }
        for (size_t c = 0; c < p->nclasses; c++)
            off += (asked[c] - there[c]) * (asked[c] - there[c]);
        for (size_t c = 0; c < p->nclasses && off > 0; c++)
            s->price[c] = BT_MAX(0.0, s->price[c] + step * (asked[c] - there[c]) / __builtin_sqrt(off));
        step *= 0.98;
    }
    memcpy(s->price, best, p->nclasses * sizeof *best);
}

/* Each copy by itself, and none of a workload's more than it has alone. open: those that are looked for yet. */
static int64_t service_by_copies(const struct search *s, size_t seen, struct open_works *open)
{
    int64_t sum = 0;
    int64_t so_far[256];
    bool small = s->p->n <= BT_LEN(so_far);
    open->n = 0;                     /* its list is not read past it: this is asked at every node */
    open->all = true;
    memset(so_far, 0, BT_MIN(s->p->n, BT_LEN(so_far)) * sizeof *so_far);
    for (size_t i = 0; i < s->ncopies; i++) {
        int64_t v = se_thousandths(s->copy_value[i] / busiest(s, &s->copy[i]));
        if (small && !decided(s, s->copy[i].work, seen))
            so_far[s->copy[i].work] += v;
        else
            sum += v;
    }
    for (size_t d = seen; d < s->p->n; d++) {
        size_t w = s->order[d];
        if (s->p->work[w].cpu_only || s->p->work[w].solo_best <= 0)
            continue;
        sum += service_at_most(s, w, small ? so_far[w] : 0);
        if (open->n < BT_LEN(open->work))
            open->work[open->n++] = w;
        else
            open->all = false;
    }
    return sum;
}

static int64_t service_by_cards(const struct search *s, size_t seen, const struct open_works *open)
{
    bool known = seen < s->p->n && open->all && s->ncards <= BT_MAX_GPUS;
    return known ? se_thousandths(service_of_cards(s, open) + SLACK) : INT64_MAX;
}

static int64_t service(const struct search *s, size_t seen)
{
    struct open_works open;
    int64_t sum = service_by_copies(s, seen, &open);
    return BT_MIN(sum, service_by_cards(s, seen, &open));
}

/* ---- the rest ---- */

static int64_t shared(const struct search *s)
{
    int64_t n = 0;
    for (size_t g = 0; g < s->ncards; g++)
        n += s->ntenants[g] > 1;
    for (size_t i = 0; i < s->ncopies; i++)          /* and groups that leave their NVLink island */
        n += s->copy_apart[i];
    return n;
}

int64_t se_free(const struct pl_problem *p, const uint64_t *load)
{
    uint64_t most = 0;
    for (size_t g = 0; g < p->fleet->n; g++)
        most = BT_MAX(most, p->cap[g] > load[g] ? p->cap[g] - load[g] : 0);
    return (int64_t)most;
}

/* What is free is dealt: at the end each server of one card has all it can use, or less is left there than the next piece of its KV. So who is dealt pieces no
 * larger than what is left has all: with pieces in rising order, what is left is below the next larger one, and the smaller ones' are taken off. */
static uint64_t free_on(const struct search *s, size_t g)
{
    uint64_t room = room_on(s, g), most = 0, last = 0;
    for (;;) {
        uint64_t next = UINT64_MAX, more = 0;
        for (uint32_t i = 0; i < s->ntenants[g]; i++) {
            const struct se_tenant *t = &s->tenant[g][i];
            const struct se_row *r = row_of(s, t->copy, t->rank);
            if (s->p->work[s->copy[t->copy].work].claim == PL_REST)
                return 0;
            if (!r->block || s->copy[t->copy].ncards > 1)
                continue;            /* more than one card: another of them may hold it back */
            if (r->block > last)
                next = BT_MIN(next, r->block);
            else
                more += r->full > r->floor ? r->full - r->floor : 0;
        }
        if (room < more || room - more < last)
            return most;             /* those with the smaller pieces cannot have all and leave as much */
        most = BT_MAX(most, BT_MIN(room - more, next));
        if (next == UINT64_MAX)
            return most;
        last = next;
    }
}

static int64_t free_at_most(const struct search *s)
{
    uint64_t most = 0;
    for (size_t g = 0; g < s->ncards; g++)
        if (room_on(s, g) > most)
            most = BT_MAX(most, free_on(s, g));
    return (int64_t)most;
}

int64_t se_lowest(const struct search *s)
{
    int64_t sum = 0;
    for (size_t i = 0; i < s->ncopies; i++)
        for (uint32_t j = 0; j < s->copy[i].ncards; j++)
            sum -= s->p->work[s->copy[i].work].pos[s->copy[i].card[j]];
    return sum;
}

void se_bound(struct search *s, size_t seen, const uint64_t *granted, struct pl_score *o)
{
    *o = (struct pl_score){ 0 };
    score_placed(s, seen, o);
    o->v[BT_GOAL_WANTS] = wants(s, seen, granted, granted ? 0 : room_in_all(s, seen), INT64_MIN);
    o->v[BT_GOAL_SERVICE] = service(s, seen);
    o->v[BT_GOAL_SHARED] = -shared(s);
    o->v[BT_GOAL_FREE] = granted ? 0 : free_at_most(s);
}

/* Of what is shared that which sets do not count: they count the cards. */
static int64_t groups_apart(const struct search *s)
{
    int64_t groups = shared(s);
    for (size_t g = 0; g < s->ncards; g++)
        groups -= s->ntenants[g] > 1;
    return groups;
}

double se_as_good(const struct search *s)
{
    double parts = (double)(s->best.v[BT_GOAL_SHARED] + groups_apart(s)) - 0.5;      /* half a part less: the bound is a sum of doubles */
    return (double)s->best.v[BT_GOAL_SERVICE] + parts / (double)s->shared_parts;
}

/* Service and shared cards as one number. 0: whatever reaches both has no more of either. */
static int compare_sets(struct search *s, size_t seen, const struct pl_score *with)
{
    int64_t groups = groups_apart(s);
    double most = se_sets_bound(s, seen);
    if (most < -1e15)                /* who sits on a card can have no plan together */
        return -1;
    int64_t here = most >= 1e15 ? INT64_MAX : (int64_t)floor(most * (double)s->shared_parts + 1e-4) - groups;
    int64_t there = with->v[BT_GOAL_SERVICE] * s->shared_parts + with->v[BT_GOAL_SHARED];
    return (here > there) - (here < there);
}

/* Of service and what is shared, by the cheapest bound first. */
static int compare_service(struct search *s, size_t seen, const struct pl_score *with, struct pl_score *o)
{
    struct open_works open;
    o->v[BT_GOAL_SERVICE] = service_by_copies(s, seen, &open);
    o->v[BT_GOAL_SHARED] = -shared(s);
    int c = pl_score_cmp(o, with, BT_GOAL_FREE);
    if (c > 0 && s->sets)
        c = compare_sets(s, seen, with);
    if (c <= 0 || (s->sets && !pays(&s->by_cards)))
        return c;
    o->v[BT_GOAL_SERVICE] = BT_MIN(o->v[BT_GOAL_SERVICE], service_by_cards(s, seen, &open));
    c = pl_score_cmp(o, with, BT_GOAL_FREE);
    was_asked(&s->by_cards, c <= 0);
    return c;
}

int se_compare(struct search *s, size_t seen, const struct pl_score *with)
{
    struct pl_score o = { 0 };
    score_placed(s, seen, &o);
    int c = pl_score_cmp(&o, with, BT_GOAL_WANTS);
    if (c)
        return c;
    o.v[BT_GOAL_WANTS] = s->all_wants && !s->wants_only ? with->v[BT_GOAL_WANTS] : wants(s, seen, NULL, s->room, with->v[BT_GOAL_WANTS]);
    if (o.v[BT_GOAL_WANTS] != with->v[BT_GOAL_WANTS] || s->wants_only)
        return o.v[BT_GOAL_WANTS] > with->v[BT_GOAL_WANTS] ? 1 : -1;
    c = compare_service(s, seen, with, &o);
    if (c)
        return c;
    o.v[BT_GOAL_FREE] = free_at_most(s);
    return (o.v[BT_GOAL_FREE] > with->v[BT_GOAL_FREE]) - (o.v[BT_GOAL_FREE] < with->v[BT_GOAL_FREE]);
}

/* ---- room ---- */

/* A necessary condition: enough cards of the pool on which one rank of the shape's leanest stage goes. */
static bool shape_goes(const struct search *s, size_t work, const struct se_shape *sh)
{
    const struct pl_work *k = &s->p->work[work];
    uint32_t cards = 0;
    for (size_t q = 0; q < k->npool && cards < sh->cards; q++) {
        size_t g = k->pool[q];
        bool fits = k->claim == PL_WHOLE ? !s->ntenants[g] : sh->rank_least[s->p->cls[g]] <= room_on(s, g);
        cards += fits && se_may_join(s, work, g) && pl_card_for(s->p, sh->cards, g);
    }
    return cards >= sh->cards;
}

static bool one_copy_goes(struct search *s, size_t work)
{
    const struct se_work *w = &s->work[work];
    if (s->settled[work])
        return shape_goes(s, work, &w->shape[s->shape_of[work]]);
    if (s->went[work] < w->nshapes && shape_goes(s, work, &w->shape[s->went[work]]))
        return true;
    for (size_t i = 0; i < w->nshapes; i++)
        if (i != s->went[work] && shape_goes(s, work, &w->shape[i])) {
            s->went[work] = i;
            return true;
        }
    return false;
}

bool se_feasible(struct search *s, size_t seen)
{
    for (size_t d = seen; d < s->p->n; d++) {
        size_t w = s->order[d];
        const struct pl_work *k = &s->p->work[w];
        if (k->cpu_only || (s->may_skip[w] && !s->placed[w]) || s->placed[w] >= s->copies_least[w])
            continue;
        if (!one_copy_goes(s, w))
            return false;
    }
    s->room = room_in_all(s, seen);
    return s->room >= 0;
}

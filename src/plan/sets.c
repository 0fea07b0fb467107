/* sets - how much service whole sets of neighbours allow. Every card carries one set of ranks that fits it (bytes, pool, who shares with whom); what ties
 * the cards together, that each copy stands once, gets a price instead: a copy of the work pays it, cut into equal parts for its ranks. With any prices the
 * best set of each card, each on its own, and the prices of the copies add up to no less than any placement reaches (Lagrange). A linear program finds good
 * ones (sets_lp.c).
 *
 * One price a work is enough: whatever its shapes were paid one by one, all may be paid as the dearest, which makes no sum larger and no set better.
 *
 * A rank is worth a share of its copy's rate divided by the tenants of its card, or of the copy's fullest card where that is known. Values are whole
 * thousandths of a copy, cut into equal ranks. docs/plan.md says more. */
#include <math.h>
#include <string.h>

#include "plan/sets_int.h"

#define PATIENCE 8u                  /* rounds without gain before steps are halved */
#define TURN 1.5                     /* of the last direction, against what it overshot */
#define SETS_A_NODE 16u              /* so many kept sets are priced anew in the time of a node of the search */
#define FIRST_STEPS 20u              /* rounds of prices before there is a program */
#define DRAWN 0.3                    /* of the way from the best prices to those of the program */
#define NEAR 0.02                    /* of the distance to what must be reached: prices are good */
#define CUT_ROUNDS 1u                /* of cuts, for one bound */
#define TIGHT_ROUNDS 6u              /* the same where a tree copy by copy may come after it */
#define MORE_SETS 400u               /* that a program may get */
#define EPS 1e-6
#define NONE_OVER 1e-9              /* squared: shares of copies do not add up to whole ones */
#define STEPS_EACH 8u                /* so many steps through sets are as much work as a node of the search */

/* ---- prices ---- */

uint32_t ss_copies_paid(const struct search *s, size_t work)
{
    uint32_t least = s->may_skip[work] && !s->placed[work] ? 0 : s->copies_least[work], placed = s->placed[work];
    return s->sets->price[work] > 0 ? s->copies_most[work] - placed : least > placed ? least - placed : 0;
}

/* The best set of a card of the color. Of each number of tenants the best is kept, where it is better than all that were: they make better prices together. */
static const struct ss_set *best_of_color(const struct search *s, struct se_sets *t, size_t color)
{
    struct ss_color *c = &t->color[color];
    double known = c->best;
    const struct ss_set *best = c->kept;
    for (unsigned k = ss_first_level(t); k <= SE_BUSY; k++) {
        struct ss_walk w;
        ss_walk_begin(&w, s, t);
        w.level = k;
        w.best = known + EPS;
        ss_walk_level(&w, &c->level[k], UINT64_MAX, s->p->cap[c->card], 0);
        const struct ss_set *new = ss_keep(s, t, color, &w);
        best = new && w.best > c->best ? new : best;
        c->best = BT_MAX(c->best, w.best);           /* what lies below that was not looked for */
    }
    return best;
}

/* The sum with the prices as they are, and how many more copies stand than are paid for. */
static double bound_of_prices(const struct search *s, struct se_sets *t)
{
    double sum = 0;
    memset(t->over, 0, s->p->n * sizeof *t->over);
    ss_fill_items(s, t);
    ss_best_kept(t);
    for (size_t i = 0; i < t->ncolors; i++) {
        const struct ss_set *x = best_of_color(s, t, i);
        sum += t->color[i].best * (double)t->color[i].count;
        for (size_t j = 0; x && j < x->n; j++) {
            const struct ss_unit *u = &t->unit[x->unit[j]];
            t->over[u->work] += (double)t->color[i].count / u->cards;
        }
    }
    for (size_t i = 0; i < s->p->n; i++)
        if (t->first[i] < t->first[i + 1]) {
            uint32_t n = ss_copies_paid(s, i);
            sum += t->price[i] * n;
            t->over[i] -= n;
        }
    return sum;
}

/* A step along what is over, turned where it goes back and forth (Camerini, Fratta and Maffioli 1975). False: nothing is over; what is left of rounding
 * would throw prices so far that sums of them lose what they are made of. */
static bool step(struct se_sets *t, size_t n, double by)
{
    double turn = 0, length = 0, off = 0;
    for (size_t i = 0; i < n; i++) {
        turn += t->dir[i] * t->over[i];
        length += t->dir[i] * t->dir[i];
    }
    double keep = turn < 0 && length > 0 ? -TURN * turn / length : 0;
    for (size_t i = 0; i < n; i++) {
        t->dir[i] = t->over[i] + keep * t->dir[i];
        off += t->dir[i] * t->dir[i];
    }
    for (size_t i = 0; i < n && off > NONE_OVER; i++)
        t->price[i] += by * t->dir[i] / off;
    return off > NONE_OVER;
}

uint64_t se_sets_steps(struct search *s)
{
    uint64_t nodes = s->sets->steps / STEPS_EACH;
    s->sets->steps -= nodes * STEPS_EACH;
    return nodes;
}

/* Of the first n prices. */
static bool is_lower(struct se_sets *t, size_t n, double sum, double *lowest)
{
    if (!(sum < *lowest - 1e-3))
        return false;
    *lowest = sum;
    memcpy(t->best, t->price, n * sizeof *t->best);
    return true;
}

static double look(struct search *s, size_t seen)
{
    (void)seen;                      /* the cards are empty */
    double sum = bound_of_prices(s, s->sets);
    s->nodes += SS_ROUND_NODES + s->sets->nsets / SETS_A_NODE + se_sets_steps(s);
    return sum;
}

double ss_by_steps(struct search *s, ss_look_fn look_at, size_t seen, unsigned rounds, double reached)
{
    struct se_sets *t = s->sets;
    double lowest = INFINITY, scale = 1.0;
    unsigned since = 0;
    size_t n = s->p->n;
    memset(t->dir, 0, n * sizeof *t->dir);
    for (unsigned round = 0; round < rounds; round++) {
        double sum = look_at(s, seen);
        if (is_lower(t, n, sum, &lowest)) {
            since = 0;
        } else if (++since >= PATIENCE) {
            scale /= 2;
            since = 0;
            memcpy(t->price, t->best, n * sizeof *t->best);
            memset(t->dir, 0, n * sizeof *t->dir);
            continue;
        }
        if (sum < reached || !step(t, n, scale * (sum - reached + (t->room_only ? 1 : 1e-3))))
            break;
    }
    return lowest;
}

/* Prices of the program, at first drawn near to the best so far: far from the end they mean little. As soon as no prices can fall far below the lowest bound,
 * they are good. */
static double one_program(struct search *s, double reached, double lowest)
{
    struct se_sets *t = s->sets;
    size_t n = ss_nprices(s, t);
    double now[SS_WORKS + SS_CUTS];
    bt_auto_arena a = { 0 };
    struct ss_program *g = ss_program_new(s, t, MORE_SETS, &a);
    for (bool more = true; more && lowest >= reached && s->nodes < s->limit && !se_late(s); ) {
        double value = ss_program_solve(g, s, now);
        size_t before = t->nsets;
        more = lowest - value >= NEAR * BT_MAX(lowest - reached, 1.0);
        for (double part = DRAWN; more && t->nsets == before; part = 1) {            /* else the next program is another */
            for (size_t i = 0; i < n; i++)
                t->price[i] = t->best[i] + part * (now[i] - t->best[i]);
            is_lower(t, n, look(s, 0), &lowest);
            more = part < 1 || t->nsets > before;
        }
        ss_program_parts(g, t);
    }
    return lowest;
}

/* What the answer does that no copies do is cut off, and the program solved again. */
static double by_program(struct search *s, double reached, double lowest)
{
    struct se_sets *t = s->sets;
    for (unsigned round = 0; ; round++) {
        lowest = one_program(s, reached, lowest);
        if (round == (t->tight ? TIGHT_ROUNDS : CUT_ROUNDS) || lowest < reached || s->nodes >= s->limit || !ss_cut_off(s, t))
            return lowest;
    }
}

double se_sets_tighten(struct search *s, enum se_prices how, double reached)
{
    struct se_sets *t = s->sets;
    ss_look_again(s, t);
    memcpy(t->best + s->p->n, t->price + s->p->n, t->ncuts * sizeof *t->best);
    double lowest = ss_by_steps(s, look, 0, how == SE_FIRST_PRICES ? FIRST_STEPS : 1, reached);      /* rough prices, and sets for the program */
    if (how != SE_SAME_PRICES && lowest >= reached)
        lowest = by_program(s, reached, lowest);
    memcpy(t->price, t->best, ss_nprices(s, t) * sizeof *t->best);
    t->changes++;
    t->now = bound_of_prices(s, t);  /* items and best sets of these prices */
    return lowest;
}

/* The best set of a card of each color that a rank of the unit sits in too, at each number of tenants, without what it adds itself; no less than what is
 * worth to know. open: there may be better ones. */
struct with_it { double best[SE_BUSY + 1]; bool open[SE_BUSY + 1]; };

/* How much the bound may fall for something to be as good as what must be reached; none of it known yet: what a walk need not go on for. */
struct with_room { double room; bool first; };

static void best_with(const struct search *s, const struct se_sets *t, size_t u, const struct ss_color *c, struct with_room may, struct with_it *o)
{
    const struct ss_unit *x = &t->unit[u];
    size_t cls = s->p->cls[c->card], color = (size_t)(c - t->color);
    uint64_t beside = t->friends[x->work];
    for (unsigned k = 0; k <= SE_BUSY && may.first; k++) {
        o->best[k] = -INFINITY;
        o->open[k] = false;
    }
    if (!pl_card_for(s->p, x->cards, c->card) || s->p->work[x->work].pos[c->card] < 0 || x->least[cls] > s->p->cap[c->card])
        return;
    if (s->copies_most[x->work] == 1)
        beside &= ~(UINT64_C(1) << x->work);
    for (unsigned k = BT_MIN(BT_MAX(ss_first_level(t), x->busy), SE_BUSY); k <= SE_BUSY && ss_fullest(t, u, k); k++) {
        double own = ss_gain(s, t, u, color, ss_fullest(t, u, k)), least = c->best - may.room - own - 1e-6;
        struct ss_walk w;
        if (!may.first && !o->open[k])
            continue;
        ss_walk_begin(&w, s, t);
        w.sitting = 1;
        w.seated = UINT64_C(1) << x->work;
        w.level = k;
        w.best = least;
        w.rough = true;
        w.enough = may.first ? c->best - may.room / x->cards - own : INFINITY;
        w.seated_cards[x->work] = x->cards;
        ss_walk_level(&w, ss_items_of(t, c, k, w.seated), beside, s->p->cap[c->card] - x->least[cls], 0);
        o->best[k] = w.best > least ? w.best : -INFINITY;
        o->open[k] = w.done;
    }
}

/* What a rank of the unit loses on a card of each color; full: on the copy's fullest. Colors by the first. */
struct losses { double any[BT_MAX_GPUS], full[BT_MAX_GPUS]; size_t by_any[BT_MAX_GPUS]; };

static void losses_of(const struct search *s, const struct se_sets *t, size_t u, unsigned busy, const struct with_it *with, bool surely, struct losses *o)
{
    for (size_t i = 0; i < t->ncolors; i++) {
        const struct ss_color *c = &t->color[i];
        double own = ss_gain(s, t, u, i, busy), up_to = -INFINITY;
        for (unsigned k = 1; k <= busy; k++)
            up_to = surely && with[i].open[k] ? INFINITY : BT_MAX(up_to, with[i].best[k]);
        o->any[i] = BT_MAX(c->best - up_to - own, 0.0);
        o->full[i] = surely && with[i].open[busy] ? 0 : BT_MAX(c->best - with[i].best[busy] - own, 0.0);
        size_t j = i;
        for (; j > 0 && o->any[o->by_any[j - 1]] > o->any[i]; j--)
            o->by_any[j] = o->by_any[j - 1];
        o->by_any[j] = i;
    }
}

/* So many ranks, on the cards where they lose least; one card of the color is taken (PL_NONE: none). */
static double least_of(const struct se_sets *t, const struct losses *o, size_t ranks, size_t taken)
{
    double sum = 0;
    for (size_t j = 0; j < t->ncolors && ranks && sum < INFINITY; j++) {
        size_t n = BT_MIN(ranks, t->color[o->by_any[j]].count - (o->by_any[j] == taken));
        sum += n ? o->any[o->by_any[j]] * (double)n : 0;
        ranks -= n;
    }
    return ranks ? INFINITY : sum;
}

/* Sizes of stage to reckon with: those that have prices. */
static size_t parts_of(const struct se_sets *t, size_t u) { return t->unit[u].parts > 1 && t->parted[u + 1] ? t->unit[u].parts : 1; }

/* How much the bound falls at least where a copy stands in the unit and its fullest card has `busy` tenants: each of its cards carries a set with it then, and
 * not the best; one of them a set of so many. surely: whatever better sets there are where that is open. */
static double loss(const struct search *s, const struct se_sets *t, size_t u, unsigned busy, struct with_it (*with)[BT_MAX_GPUS], bool surely)
{
    size_t n = parts_of(t, u);
    struct losses o[SS_STAGES];
    double best = INFINITY;
    for (size_t p = 0; p < n; p++)
        losses_of(s, t, u + p, busy, with[p], surely, &o[p]);
    for (size_t p = 0; p < n; p++)
        for (size_t i = 0; i < t->ncolors; i++) {    /* the full one is of this size and color, the others are those that lose least */
            double sum = o[p].full[i];
            for (size_t q = 0; q < n && sum < INFINITY; q++)
                sum += least_of(t, &o[q], (n > 1 ? t->unit[u + q].ranks : t->unit[u].cards) - (q == p), i);
            best = BT_MIN(best, sum);
        }
    return best;
}

/* The unit at each number of tenants: what it loses, and whether that is too much. Sets that are good enough for it to stay say so sooner than the best. */
static void kill_unit(struct search *s, size_t u, double room, struct with_it (*with)[BT_MAX_GPUS])
{
    struct se_sets *t = s->sets;
    size_t n = parts_of(t, u);
    bool exact = false;
    double least = INFINITY;
    for (size_t i = 0; i < t->ncolors * n; i++)
        best_with(s, t, u + i / t->ncolors, &t->color[i % t->ncolors], (struct with_room){ room, true }, &with[i / t->ncolors][i % t->ncolors]);
    for (unsigned b = 1; b <= SE_BUSY; b++) {
        if (!(t->busy[u] >> b & 1))
            continue;
        double less = loss(s, t, u, b, with, false);
        if (less > room && !exact && loss(s, t, u, b, with, true) <= room) {
            for (size_t i = 0; i < t->ncolors * n; i++)
                best_with(s, t, u + i / t->ncolors, &t->color[i % t->ncolors], (struct with_room){ room, false }, &with[i / t->ncolors][i % t->ncolors]);
            exact = true;
            less = loss(s, t, u, b, with, false);
        }
        for (size_t p = 0; p < t->unit[u].parts && less > room; p++)
            t->busy[u + p] &= (uint8_t)~(1u << b);
        least = BT_MIN(least, less);
    }
    for (size_t p = 0; p < t->unit[u].parts; p++)
        t->loss[u + p] = least;
}

void se_sets_kill(struct search *s, double bound, double reached)
{
    struct se_sets *t = s->sets;
    struct with_it with[SS_STAGES][BT_MAX_GPUS];
    bound = BT_MAX(bound, t->now);   /* of the best sets that losses are reckoned from: a set that is kept may be better than any a walk has found */
    if (bound - reached > t->killed_at)
        return;                      /* there is more room than when it was last looked at on this path */
    t->changes++;
    t->killed_at = bound - reached;
    for (size_t u = 0; u < t->nunits; u++) {
        if (t->unit[u].part || !ss_live(s, t, u))
            continue;
        t->loss[u] = 0;
        if (s->nodes + t->steps / STEPS_EACH <= s->limit)            /* else the work is over: nothing more is left out */
            kill_unit(s, u, bound - reached, with);
    }
}

/* ---- choices ---- */

size_t se_sets_options(const struct search *s, size_t work, struct se_option *o, size_t room)
{
    const struct se_sets *t = s->sets;
    bool many = s->copies_most[work] > 1;
    size_t n = 0;
    for (size_t u = t->first[work]; u < t->first[work + 1]; u++) {
        const struct ss_unit *x = &t->unit[u];
        size_t j = 0;
        if (x->part || !ss_live(s, t, u))
            continue;
        while (many && j < n && o[j].shape != x->shape)
            j++;
        j = many ? j : n;
        if (j == n) {
            if (n == room)
                return n + 1;
            o[j = n++] = (struct se_option){ .shape = x->shape, .unit = many ? PL_NONE : u, .loss = INFINITY };
        }
        o[j].loss = BT_MIN(o[j].loss, t->loss[u]);
        for (unsigned b = 1; b <= SE_BUSY; b++)
            for (size_t v = u; v < u + x->parts; v++)
                o[j].part += t->busy[v] >> b & 1 ? t->part[v * (SE_BUSY + 1) + b] : 0;
        for (; j > 0 && (o[j - 1].part + 0.01 < o[j].part || (o[j - 1].part < o[j].part + 0.01 && o[j - 1].loss > o[j].loss)); j--) {
            struct se_option swap = o[j];
            o[j] = o[j - 1];
            o[j - 1] = swap;
        }
    }
    return n;
}

void se_sets_only(struct search *s, size_t work, const struct se_option *o)
{
    struct se_sets *t = s->sets;
    t->changes++;
    for (size_t u = t->first[work]; u < t->first[work + 1]; u++)
        if (t->unit[u].shape != o->shape || (o->unit != PL_NONE && t->unit[u].of != o->unit))
            t->busy[u] = 0;
}

void se_sets_only_wide(struct search *s, size_t work, uint32_t cards)
{
    struct se_sets *t = s->sets;
    for (size_t u = t->first[work]; u < t->first[work + 1]; u++)
        if (t->unit[u].cards != cards)
            t->busy[u] = 0;
}

void se_sets_tight(struct search *s, bool tight)
{
    struct se_sets *t = s->sets;
    t->changes++;
    t->tight = tight;
    for (size_t u = 0; u < t->nunits; u++)
        t->unit[u].least = tight ? t->unit[u].tight : t->unit[u].loose;
}

void se_sets_only_levels(struct search *s, size_t work, unsigned levels)
{
    struct se_sets *t = s->sets;
    t->changes++;
    for (size_t u = t->first[work]; u < t->first[work + 1]; u++)
        t->busy[u] &= (uint8_t)levels;
}

unsigned se_sets_most_tenants(const struct search *s, size_t work, size_t shape, size_t cls)
{
    const struct se_sets *t = s->sets;
    unsigned busy = 0;
    for (size_t u = t->first[work]; u < t->first[work + 1]; u++)
        if (t->unit[u].shape == shape && t->unit[u].least[cls] < UINT64_MAX)
            busy |= t->busy[u];
    return !busy || busy >> SE_BUSY & 1 ? UINT32_MAX : 31u - (unsigned)__builtin_clz(busy);
}

struct se_marks { double *price, killed_at; uint8_t *busy; size_t ncuts; };

struct se_marks *se_sets_marks(const struct search *s, struct bt_arena *a)
{
    struct se_marks *m = BT_NEW(a, struct se_marks);
    m->price = BT_NEWN(a, double, s->p->n + SS_CUTS);
    m->busy = BT_NEWN(a, uint8_t, s->sets->nunits + 1);
    return m;
}

void se_sets_save(const struct search *s, struct se_marks *m)
{
    m->killed_at = s->sets->killed_at;
    m->ncuts = s->sets->ncuts;
    memcpy(m->price, s->sets->price, ss_nprices(s, s->sets) * sizeof *m->price);
    memcpy(m->busy, s->sets->busy, s->sets->nunits * sizeof *m->busy);
}

void se_sets_restore(struct search *s, const struct se_marks *m)
{
    s->sets->changes++;
    s->sets->killed_at = m->killed_at;
    memcpy(s->sets->price, m->price, (s->p->n + m->ncuts) * sizeof *m->price);
    memset(s->sets->price + s->p->n + m->ncuts, 0, (s->sets->ncuts - m->ncuts) * sizeof *m->price);           /* cuts since then */
    memcpy(s->sets->busy, m->busy, s->sets->nunits * sizeof *m->busy);
}

size_t se_sets_parts(const struct search *s, size_t work, struct se_part *o, size_t room)
{
    const struct se_sets *t = s->sets;
    size_t n = 0;
    for (size_t u = t->first[work]; u < t->first[work + 1]; u++) {
        const struct ss_unit *x = &t->unit[u];
        if (x->part || !ss_live(s, t, u))
            continue;
        if (n == room)
            return room + 1;
        o[n++] = (struct se_part){ x->shape, x->on, x->cards, x->value, x->least, t->busy[u] };
    }
    return n;
}

double se_sets_price(const struct search *s, size_t work) { return s->sets->price[work]; }
uint64_t se_sets_needs(const struct search *s, size_t work) { return s->sets->needs[work]; }
size_t se_sets_color(const struct search *s, size_t card) { return s->sets->color_of[card]; }

size_t se_sets_colors(struct search *s, size_t *card, double (*most)[SE_BUSY + 1])
{
    const struct se_sets *t = s->sets;
    for (size_t i = 0; i < t->ncolors; i++) {
        const struct ss_color *c = &t->color[i];
        struct ss_walk w;
        ss_walk_begin(&w, s, t);
        card[i] = c->card;
        most[i][0] = 0;
        for (w.level = 1; w.level <= SE_BUSY; w.level++) {
            ss_walk_level(&w, &c->level[w.level], UINT64_MAX, s->p->cap[c->card], 0);
            most[i][w.level] = w.best;
        }
    }
    return t->ncolors;
}

uint64_t se_sets_classes(const struct search *s, size_t work, size_t shape)
{
    const struct se_sets *t = s->sets;
    uint64_t out = 0;
    for (size_t u = t->first[work]; u < t->first[work + 1]; u++)
        if (t->unit[u].shape == shape && t->busy[u])
            for (size_t c = 0; c < s->p->nclasses; c++)
                out |= (uint64_t)(t->unit[u].least[c] < UINT64_MAX) << c;
    return out;
}

/* ---- set up ---- */

bool se_same_color(const struct pl_problem *p, size_t g, size_t h)
{
    bool same = p->cls[g] == p->cls[h] && p->cap[g] == p->cap[h] && pl_card_for(p, 2, g) == pl_card_for(p, 2, h);
    for (size_t i = 0; i < p->n && same; i++)
        same = (p->work[i].pos[g] >= 0) == (p->work[i].pos[h] >= 0);
    return same;
}

static void fill_colors(const struct search *s, struct se_sets *t, struct bt_arena *a)
{
    t->color = BT_NEWN(a, struct ss_color, s->ncards);
    t->color_of = BT_NEWN(a, size_t, s->ncards);
    for (size_t g = 0; g < s->ncards; g++) {
        size_t c = 0;
        while (c < t->ncolors && !se_same_color(s->p, g, t->color[c].card))
            c++;
        if (c == t->ncolors) {
            t->color[t->ncolors++] = (struct ss_color){ .card = g };
            for (unsigned k = 1; k <= SE_BUSY; k++) {
                t->color[c].level[k] = (struct ss_items){ .v = BT_NEWN(a, struct ss_item, t->nunits + SS_PAIRS), .table = BT_NEW(a, struct ss_table) };
                if (t->tied)
                    t->color[c].alone[k] = (struct ss_items){ .v = BT_NEWN(a, struct ss_item, t->nunits + 1), .table = BT_NEW(a, struct ss_table) };
            }
        }
        t->color[c].count++;
        t->color_of[g] = c;
    }
}

static void fill_units(const struct search *s, const struct se_sets *t, struct ss_color *c, struct bt_arena *a)
{
    size_t cls = s->p->cls[c->card];
    c->unit = BT_NEWN(a, size_t, t->nunits + 1);
    for (size_t u = 0; u < t->nunits; u++)
        if (pl_card_for(s->p, t->unit[u].cards, c->card) && s->p->work[t->unit[u].work].pos[c->card] >= 0 && t->unit[u].least[cls] <= s->p->cap[c->card])
            c->unit[c->nunits++] = u;
}

/* Cards of the pool that are of one kind with those of the class: a tensor-parallel group finds no others. */
uint32_t se_alike(const struct search *s, const struct pl_work *k, size_t cls)
{
    uint32_t n = 0;
    for (size_t i = 0; i < k->npool; i++)
        n += !strcmp(s->p->fleet->gpus[k->pool[i]].name, s->p->fleet->gpus[s->p->cls_card[cls]].name);
    return n;
}

double se_rate_on(const struct se_shape *sh, size_t cls) { return sh->sh->cost ? BT_MAX(sh->value[cls * 2], sh->value[cls * 2 + 1]) : sh->best; }

bool se_first_of_kind(const struct search *s, const struct se_work *w, size_t cls)
{
    const struct bt_gpu *gpus = s->p->fleet->gpus;
    for (size_t c = 0; c < cls; c++)
        if (w->on_class[c] && !strcmp(gpus[s->p->cls_card[c]].name, gpus[s->p->cls_card[cls]].name))
            return false;
    return w->on_class[cls];
}

uint64_t se_needs(const struct search *s, uint64_t *needs)
{
    const struct pl_problem *p = s->p;
    uint64_t tied = 0;
    for (size_t i = 0; i < p->n; i++) {
        size_t up = p->work[i].same;
        if (up == PL_NONE || p->work[i].cpu_only || p->work[up].cpu_only || !s->copies_most[i])
            continue;
        needs[i] |= UINT64_C(1) << up;
        if (!s->may_skip[i] && s->copies_least[i] >= s->copies_most[up])
            needs[up] |= UINT64_C(1) << i;
        tied |= UINT64_C(1) << up | UINT64_C(1) << i;
    }
    return tied;
}

/* Works that must have each other, and nobody else. */
static void find_pairs(const struct search *s, struct se_sets *t)
{
    for (size_t i = 0; i < s->p->n; i++)
        t->pair[i] = PL_NONE;
    for (size_t i = 0; i < s->p->n; i++) {
        uint64_t needs = t->needs[i];
        size_t other = needs ? (size_t)__builtin_ctzll(needs) : 0;
        bool others = false;         /* need one of them */
        for (size_t j = 0; j < s->p->n; j++)
            others = others || (j != i && j != other && t->needs[j] & (needs | UINT64_C(1) << i));
        if (needs && needs == UINT64_C(1) << other && t->needs[other] == UINT64_C(1) << i && !others)
            t->pair[i] = other;
    }
}

/* More ranks than a walk takes would go on one empty card: what it leaves out would be missing from the bound. */
static bool is_crowded(const struct search *s, const struct se_sets *t, const struct ss_color *c)
{
    uint64_t least[SS_WORKS], room = s->p->cap[c->card];
    size_t most = BT_LEN(((struct ss_walk *)0)->at), n = 0;
    bool used[SS_WORKS] = { false };
    memset(least, 0xff, sizeof least);
    for (size_t i = 0; i < c->nunits; i++) {
        const struct ss_unit *u = &t->unit[c->unit[i]];
        least[u->work] = BT_MIN(least[u->work], u->least[s->p->cls[c->card]]);
    }
    while (n <= most) {              /* the smallest first, whoever may share */
        size_t w = SS_WORKS;
        for (size_t i = 0; i < s->p->n; i++)
            if (!used[i] && least[i] <= room && (w == SS_WORKS || least[i] < least[w]))
                w = i;
        if (w == SS_WORKS)
            return false;
        uint64_t copies = t->friends[w] >> w & 1 ? s->copies_most[w] : 1;
        copies = least[w] ? BT_MIN(copies, room / least[w]) : copies;
        n += copies;
        room -= copies * least[w];
        used[w] = true;
    }
    return true;
}

bool se_sets_start(struct search *s, struct bt_arena *a)
{
    s->sets = NULL;
    if (s->p->n > 64)
        return false;                /* a bit per work */
    struct se_sets *t = BT_NEW(a, struct se_sets);
    t->a = a;
    t->room_only = s->wants_only;
    t->unit = BT_NEWN(a, struct ss_unit, SS_UNITS);
    t->set = BT_NEWN(a, struct ss_set, SS_SETS);
    t->needs = BT_NEWN(a, uint64_t, s->p->n);
    t->tied = se_needs(s, t->needs);
    t->pair = BT_NEWN(a, size_t, s->p->n + 1);
    find_pairs(s, t);
    t->first = BT_NEWN(a, size_t, s->p->n + 1);
    bool pace = !t->room_only;
    if (!ss_add_units(s, t, pace, true, a) && !ss_add_units(s, t, pace, false, a) && !ss_add_units(s, t, false, false, a))
        return false;                /* too many, even with each pipeline at the mean of its cards */
    t->friends = BT_NEWN(a, uint64_t, s->p->n);
    for (size_t i = 0; i < s->p->n; i++)
        for (size_t j = 0; j < s->p->n; j++)
            t->friends[i] |= (uint64_t)s->p->may_share[i * s->p->n + j] << j;
    fill_colors(s, t, a);
    for (size_t i = 0; i < t->ncolors; i++)
        fill_units(s, t, &t->color[i], a);
    for (size_t i = 0; i < t->ncolors; i++)
        if (is_crowded(s, t, &t->color[i]))
            return false;
    t->price = BT_NEWN(a, double, s->p->n + SS_CUTS);
    t->over = BT_NEWN(a, double, s->p->n);
    t->best = BT_NEWN(a, double, s->p->n + SS_CUTS);
    t->own = BT_NEWN(a, double, t->nunits * t->ncolors + 1);
    t->rank = BT_NEWN(a, double, t->nunits * t->ncolors + 1);
    t->parted = BT_NEWN(a, bool, t->nunits + 1);
    t->dir = BT_NEWN(a, double, s->p->n);
    t->loss = BT_NEWN(a, double, t->nunits);
    t->part = BT_NEWN(a, double, t->nunits * (SE_BUSY + 1));
    t->busy = BT_NEWN(a, uint8_t, t->nunits + 1);
    for (size_t u = 0; u < t->nunits; u++)
        t->busy[u] = (uint8_t)(((1u << (SE_BUSY + 1)) - 1) & ~((1u << BT_MIN(BT_MAX(t->unit[u].busy, ss_first_level(t)), SE_BUSY)) - 1));
    t->killed_at = INFINITY;
    t->best_on = se_known_new(a);
    s->shared_parts = (int64_t)(s->ncards + s->max_copies + 1);
    t->shared = t->room_only ? 0 : 1.0 / (double)s->shared_parts;
    s->sets = t;
    return true;
}

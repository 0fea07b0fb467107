/* boxes_count - is it certain that all who must have a place have none together, however they are dealt to machines?
 *
 * Counts that anybody can follow: bytes; ranks of which no card holds two, or three; copies of which no machine holds two, or three. On a card the measures of
 * all ranks add up to one at most (boxes_bound.c), on a machine of n cards to n: so a copy takes the sum of its ranks' measures, in parts of a machine, and
 * the same measures of those parts add up to one at most on a machine. Each workload is counted where it takes the least; once with all machines, once with
 * each pool and those who may stand nowhere else. Where no single count says so, prices of several may (bx_must_fail). */
#include <math.h>

#include "plan/boxes.h"

/* card: [classes] bytes of the largest; pool: of the fleet's cards, rising, for those who may stand on no others; NULL: all cards, and everybody */
struct counting { const struct bx *b; size_t phase; double *card; const size_t *pool; size_t npool; };

static bool stays_inside(const struct counting *x, size_t w)
{
    const struct bx_group *g = &x->b->group[x->b->group_of[w]];
    size_t at = 0;
    for (size_t i = 0; g->pool && i < g->npool; i++) {
        while (at < x->npool && x->pool[at] < g->pool[i])
            at++;
        if (at == x->npool || x->pool[at] != g->pool[i])
            return false;
    }
    return g->pool != NULL;
}

static bool must_stand(const struct counting *x, size_t w)
{
    const struct bt_workload *k = &x->b->in->spec->w[w];
    return !k->optional && !(k->gpus.set && k->gpus.want == 0) && pl_in_phase(k, x->b->phase[x->phase]) && (!x->pool || stays_inside(x, w));
}

/* Of a machine (in a pool: of a card), what a copy of the workload takes at least. */
static double least_part(const struct counting *x, size_t w, unsigned of_card, unsigned of_machine)
{
    double least = INFINITY;
    for (size_t c = 0; c < x->b->ncls; c++)
        for (size_t i = 0; i < x->b->menu[c][w].n; i++) {
            const struct bx_option *o = &x->b->menu[c][w].v[i];
            double rank = o->whole ? 1 : BT_MIN(1.0, (double)o->least_rank / x->card[c]);
            double cards = bx_measure(of_card, rank) * o->cards;
            least = BT_MIN(least, x->pool ? cards : bx_measure(of_machine, BT_MIN(1.0, cards / (double)x->b->cls[c].fleet.n)));
        }
    return least < INFINITY ? least : 0;
}

/* Machines (cards of the pool) that all of them take at least. */
static double all_parts(const struct counting *x, unsigned of_card, unsigned of_machine)
{
    double sum = 0;
    for (size_t w = 0; w < x->b->in->spec->n; w++)
        if (must_stand(x, w))
            sum += bx_copies_least(&x->b->in->spec->w[w]) * least_part(x, w, of_card, of_machine);
    return sum;
}

/* False: more than a number holds. */
static bool least_bytes(const struct counting *x, uint64_t *out)
{
    *out = 0;
    for (size_t w = 0; w < x->b->in->spec->n; w++) {
        uint64_t least = UINT64_MAX, all;
        for (size_t c = 0; c < x->b->ncls; c++)
            for (size_t i = 0; i < x->b->menu[c][w].n; i++)
                least = BT_MIN(least, x->b->menu[c][w].v[i].least_rank * x->b->menu[c][w].v[i].cards);
        if (least == UINT64_MAX || !must_stand(x, w))
            continue;
        if (__builtin_mul_overflow(least, (uint64_t)bx_copies_least(&x->b->in->spec->w[w]), &all) || __builtin_add_overflow(*out, all, out))
            return false;
    }
    return true;
}

static size_t cards_of(const struct counting *x) { return x->pool ? x->npool : x->b->fleet->n; }

static uint64_t all_bytes(const struct counting *x)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < cards_of(x); i++)
        sum += bt_gpu_capacity(&x->b->fleet->gpus[x->pool ? x->pool[i] : i]);
    return sum;
}

/* What a measure counts, in words; "" for bytes. */
static const char *words_of(const struct bx *b, unsigned m, const char *of, const char *ranks)
{
    if (!m)
        return "";
    if (m <= BX_PARTS)
        return bt_arena_printf(b->a, "no %s holds %u %s of more than 1/%u of it", of, m + 1, ranks, m + 1);
    unsigned small = 10 * (m - BX_PARTS);
    return bt_arena_printf(b->a, "no %s holds two %s of which one takes more than %u %% of it and the other %u %% or more", of, ranks, 100 - small, small);
}

static bool machines_alike(const struct bx *b)
{
    for (size_t c = 1; c < b->ncls; c++)
        if (b->cls[c].fleet.n != b->cls[0].fleet.n)
            return false;
    return true;
}

static double rounded(double x) { return round(x * 1000) / 1000; }

static const char *room_words(const struct counting *x, double machines, unsigned of_card, unsigned of_machine)
{
    const struct bx *b = x->b;
    const char *card = words_of(b, of_card, "card", "ranks"), *machine = words_of(b, of_machine, "machine", "copies");
    const char *why = bt_arena_printf(b->a, "%s%s%s", card, *card && *machine ? ", " : "", machine);
    double cards = machines * (x->pool ? 1 : (double)b->cls[0].fleet.n);
    if (x->pool || (!of_machine && machines_alike(b)))
        return bt_arena_printf(b->a, "at least %.6g cards are needed (%s), and there are %zu", rounded(cards), why, cards_of(x));
    return bt_arena_printf(b->a, "at least %.6g machines are needed (%s), and there are %zu", rounded(machines), why, b->fleet->nboxes);
}

/* NULL: no count says so. */
static const char *why_not(const struct counting *x)
{
    const struct bx *b = x->b;
    uint64_t bytes, has = all_bytes(x);
    double most = (double)(x->pool ? x->npool : b->fleet->nboxes);
    if (least_bytes(x, &bytes) && bytes > has)
        return bt_arena_printf(b->a, "they take %s at least, and all %zu cards have %s", bt_arena_strdup(b->a, bt_bytes_human(bytes)), cards_of(x),
                               bt_arena_strdup(b->a, bt_bytes_human(has)));
    for (unsigned of_machine = 0; of_machine < (x->pool ? 1 : BX_MEASURES); of_machine++)
        for (unsigned of_card = 0; of_card < BX_MEASURES; of_card++) {
            double parts = all_parts(x, of_card, of_machine);
            if ((of_card || of_machine) && parts > most + 1e-6)
                return room_words(x, parts, of_card, of_machine);
        }
    return !x->pool && bx_must_fail(b, x->phase) ? "whatever goes where, the bytes of their ranks are more than the cards of these machines hold" : NULL;
}

static void refuse(struct bx *b, const struct counting *x, const char *why)
{
    const char *name = b->in->spec->phases.n ? b->phase[x->phase] : NULL;
    const char *where = x->pool ? bt_arena_printf(b->a, "the %zu cards of their pool", x->npool) : bt_arena_printf(b->a, "%zu machines", b->fleet->nboxes);
    const char *phase = name ? bt_arena_printf(b->a, "phase %s: ", name) : "";
    struct bt_plan_refusal row = { .code = "does-not-fit" };
    row.text = bt_arena_printf(b->a, "%sthe workloads that must have a place do not fit on %s together: %s", phase, where, why);
    BT_PUSH(b->a, b->plan->refusal, b->plan->nrefusals, row);
}

bool bx_cannot_fit(struct bx *b)
{
    struct counting x = { .b = b, .card = BT_NEWN(b->a, double, b->ncls + 1) };
    for (size_t i = 0; i < b->fleet->nboxes; i++)
        for (size_t g = 0; g < b->fleet->box[i].n; g++)
            x.card[b->class_of[i]] = BT_MAX(x.card[b->class_of[i]], (double)bt_gpu_capacity(&b->fleet->gpus[b->fleet->box[i].first + g]));
    for (size_t c = 0; c < b->ncls; c++)
        x.card[c] = BT_MAX(x.card[c], 1.0);
    for (x.phase = 0; x.phase < b->nphases; x.phase++)
        for (size_t i = 0; i <= b->ngroups; i++) {   /* everybody, then each pool */
            x.pool = i ? b->group[i - 1].pool : NULL;
            x.npool = i ? b->group[i - 1].npool : 0;
            const char *why = i && !x.pool ? NULL : why_not(&x);
            if (!why)
                continue;
            refuse(b, &x, why);
            return true;
        }
    return false;
}

/* boxes_bound - how many workloads, and how much of what they want, all machines hold at most.
 *
 * Ranks fill cards: their bytes add up to no more than there are. Nor do other measures of them that no set of ranks on one card passes: a rank of more than
 * half of a card counts as a card, and two of more than a third, and so on; or those of more than 1 - e count as whole cards where those of less than e count
 * as nothing (dual feasible functions: Fekete and Schepers 2001). Each measure of each kind of machine has a price; whatever the prices are, no plan has more
 * than what all cards cost and, for each workload, the most by which what it gains is worth more than what it takes (Lagrangian relaxation). Who must have a
 * place pays for the least of it anyway. Between the least and all of its context a copy's bytes are their chord, which is below every curve that grows ever
 * slower. The prices are found by subgradients. */
#include <math.h>
#include <string.h>

#include "plan/boxes.h"

#define STEPS 250
#define PATIENCE 8u                  /* steps that bring little before they are halved */
#define NEARER 0.9995
#define LIKELY 0.93                  /* of the lowest bound so far is what is reached, about */
#define MEASURES BX_MEASURES

struct bound {
    const struct bx *b;
    bool wants, must;                /* of wants; else of workloads placed; must: of those that must be, and no others */
    double *card;                    /* [classes] bytes of the largest */
    double *cap, *price, *asked;     /* [classes * MEASURES] in cards */
    double *best;                    /* the prices of the lowest bound */
    float **of;                      /* [classes * works] each option's rank: [options * MEASURES] */
};

double bx_measure(unsigned m, double x)
{
    if (m == 0 || x >= 1)
        return x;
    if (m <= BX_PARTS) {
        double parts = (m + 1) * x;
        return fabs(parts - round(parts)) < 1e-6 ? x : floor(parts) / m;
    }
    double e = 0.1 * (m - BX_PARTS);
    return x < e + 1e-6 ? 0 : x > 1 - e + 1e-6 ? 1 : x;
}

static uint32_t copies_of(const struct bt_workload *w, bool most) { return most && w->copies.set ? (uint32_t)w->copies.want : bx_copies_least(w); }

/* In cards: of a copy with all the context that it can have. */
static double full_bytes(const struct bound *x, const struct bx_menu *m, size_t c)
{
    double bytes = (double)m->least;
    if (m->least_wants < 1)          /* as far along the chord as it goes */
        bytes += (double)(m->full - m->least) * (m->most_wants - m->least_wants) / (1 - m->least_wants);
    return bytes / x->card[c];
}

/* What so many copies on so many cards gain, with all of their context or the least; takes: [MEASURES] of them. */
static double take(const struct bound *x, size_t w, size_t c, size_t option, bool full, uint32_t copies, double *takes)
{
    const struct bx_menu *m = &x->b->menu[c][w];
    const struct bt_workload *k = &x->b->in->spec->w[w];
    const float *rank = &x->of[c * x->b->in->spec->n + w][option * MEASURES];
    for (unsigned i = 0; i < MEASURES; i++)
        takes[i] = (double)rank[i] * m->v[option].cards * copies;
    if (!x->wants)
        return 1;
    if (full)
        takes[0] = BT_MAX(takes[0], full_bytes(x, m, c) * copies);
    double share = k->kind == BT_SERVER && x->b->ctx_want[w] ? (full ? m->most_wants : m->least_wants) : 0;
    return share + (copies_of(k, true) > 1 ? (double)copies / copies_of(k, true) : 0);
}

/* The most that the workload gains beyond what it takes; adds that to what is asked for. */
static double best_of(struct bound *x, size_t w)
{
    const struct bt_workload *k = &x->b->in->spec->w[w];
    double best = k->optional ? 0 : -INFINITY, takes[MEASURES], most[MEASURES] = { 0 };
    size_t at = 0;
    for (size_t c = 0; c < x->b->ncls; c++)
        for (size_t i = 0; i < x->b->menu[c][w].n * 4; i++) {
            uint32_t copies = copies_of(k, i & 1);
            if (((i & 1) && copies == copies_of(k, false)) || (!x->wants && i & 3))
                continue;
            double gain = take(x, w, c, i / 4, i & 2, copies, takes);
            for (unsigned m = 0; m < MEASURES; m++)
                gain -= takes[m] * x->price[c * MEASURES + m];
            if (gain <= best)
                continue;
            best = gain;
            at = c;
            memcpy(most, takes, sizeof most);
        }
    for (unsigned m = 0; m < MEASURES; m++)
        x->asked[at * MEASURES + m] += most[m];
    return best > -INFINITY ? best : 0;              /* on no card: on the CPU, which costs none */
}

static bool on_host(const struct bt_workload *k) { return k->gpus.set && k->gpus.want == 0; }

/* At these prices, of the workloads of a phase. */
static double at_prices(struct bound *x, size_t phase)
{
    const struct bt_spec *s = x->b->in->spec;
    size_t n = x->b->ncls * MEASURES;
    double sum = 0;
    memset(x->asked, 0, n * sizeof *x->asked);
    for (size_t i = 0; i < n; i++)
        sum += x->price[i] * x->cap[i];
    for (size_t w = 0; w < s->n; w++) {
        const struct bt_workload *k = &s->w[w];
        if (!pl_in_phase(k, x->b->phase[phase]) || (x->must && k->optional))
            continue;
        if (on_host(k))
            sum += x->wants ? copies_of(k, true) > 1 : 1;
        else
            sum += best_of(x, w);
    }
    return sum;
}

/* Against what is asked for beyond what there is. */
static void step(struct bound *x, double by)
{
    size_t n = x->b->ncls * MEASURES;
    double length = 0;
    for (size_t i = 0; i < n; i++) {
        double over = x->asked[i] - x->cap[i];
        length += over > 0 || x->price[i] > 0 ? over * over : 0;
    }
    for (size_t i = 0; i < n && length > 0; i++)
        x->price[i] = BT_MAX(0.0, x->price[i] + by * (x->asked[i] - x->cap[i]) / length);
}

/* The lowest bound of a phase. */
static double lowest(struct bound *x, size_t phase)
{
    size_t n = x->b->ncls * MEASURES;
    double best, cards = 0, size = 1;
    unsigned since = 0;
    memset(x->price, 0, n * sizeof *x->price);
    best = at_prices(x, phase);
    bool over = false;
    for (size_t i = 0; i < n; i++) {
        over = over || x->asked[i] > x->cap[i];
        cards += i % MEASURES ? 0 : x->cap[i];
    }
    for (size_t i = 0; i < n && over; i += MEASURES) /* all cards together cost about half of it */
        x->price[i] = best / cards / 2;
    memcpy(x->best, x->price, n * sizeof *x->best);
    for (int i = 0; i < STEPS && over; i++) {
        double bound = at_prices(x, phase);
        if (bound < best) {
            since = bound < best * NEARER ? 0 : since + 1;
            best = bound;
            memcpy(x->best, x->price, n * sizeof *x->best);
        } else {
            since++;
        }
        step(x, size * BT_MAX(bound - best * LIKELY, 0.0));
        if (since < PATIENCE)
            continue;
        since = 0;
        size /= 2;
        memcpy(x->price, x->best, n * sizeof *x->best);
    }
    return best;
}

static void measure_all(struct bound *x)
{
    const struct bx *b = x->b;
    for (size_t i = 0; i < b->fleet->nboxes; i++)
        for (size_t g = 0; g < b->fleet->box[i].n; g++) {
            double cap = (double)bt_gpu_capacity(&b->fleet->gpus[b->fleet->box[i].first + g]);
            x->card[b->class_of[i]] = BT_MAX(x->card[b->class_of[i]], cap);
            x->cap[b->class_of[i] * MEASURES] += cap;
        }
    for (size_t c = 0; c < b->ncls; c++) {
        x->card[c] = BT_MAX(x->card[c], 1.0);
        x->cap[c * MEASURES] = BT_MAX(x->cap[c * MEASURES] / x->card[c], 1e-3);
        for (unsigned m = 1; m < MEASURES; m++)
            x->cap[c * MEASURES + m] = (double)b->cls[c].cards;
        for (size_t w = 0; w < b->in->spec->n; w++) {
            const struct bx_menu *menu = &b->menu[c][w];
            float *of = x->of[c * b->in->spec->n + w] = BT_NEWN(b->a, float, menu->n * MEASURES + 1);
            for (size_t i = 0; i < menu->n; i++)
                for (unsigned m = 0; m < MEASURES; m++)      /* less by what a float may round up */
                    of[i * MEASURES + m] = (float)(bx_measure(m, BT_MIN(1.0, (double)menu->v[i].least_rank / x->card[c])) * (1 - 1e-6));
        }
    }
}

static struct bound new_bound(const struct bx *b)
{
    size_t n = b->ncls * MEASURES + 1;
    struct bound x = { .b = b, .card = BT_NEWN(b->a, double, b->ncls + 1), .cap = BT_NEWN(b->a, double, n), .price = BT_NEWN(b->a, double, n),
                       .asked = BT_NEWN(b->a, double, n), .best = BT_NEWN(b->a, double, n), .of = BT_NEWN(b->a, float *, b->ncls * b->in->spec->n + 1) };
    measure_all(&x);
    return x;
}

bool bx_must_fail(const struct bx *b, size_t phase)
{
    struct bound x = new_bound(b);
    size_t all = 0;
    x.must = true;
    for (size_t w = 0; w < b->in->spec->n; w++)
        all += !b->in->spec->w[w].optional && pl_in_phase(&b->in->spec->w[w], b->phase[phase]);
    return lowest(&x, phase) < (double)all - 1e-3;
}

void bx_bound(struct bx *b)
{
    struct bound x = new_bound(b);
    b->placed_bound = b->wants_bound = 0;
    for (size_t ph = 0; ph < b->nphases; ph++) {
        x.wants = false;
        b->placed_bound += (int64_t)floor(lowest(&x, ph) + 1e-6);
        x.wants = true;
        b->wants_bound += (int64_t)floor(lowest(&x, ph) * 1000 + 1e-3);
    }
}

/* grows_joint - contexts that are the same on all their cards: at most so much of a sum of them, where each card has room for so many bytes. A linear program
 * with bounds, by the simplex method on a small table: a context that stands at its bound is turned round, so that all that are in no row stand at nothing.
 * And rows that say how contexts grow: by equal steps, until a card is full. */
#include <math.h>
#include <string.h>

#include "plan/grows_int.h"

#define MOST_PIVOTS 60u
#define TINY 1e-9

/* in: [row] the variable that stands there; out: [column] the one that does not; variables from n on are what is left of a row. */
struct table {
    struct gr_joint *j;
    double value;
    size_t in[GR_ROWS], out[64];
};

static double bound_of(const struct table *t, size_t var) { return var < t->j->n ? t->j->up[var] : INFINITY; }

/* Nothing reaches more, as the table stands. */
static double at_most(const struct table *t)
{
    double sum = t->value;
    for (size_t c = 0; c < t->j->n; c++)
        if (t->j->gain[c] > 0)
            sum += t->j->gain[c] * bound_of(t, t->out[c]);
    return sum;
}

/* What stands out of the rows is counted from its bound down. */
static void turn_column(struct table *t, size_t c)
{
    struct gr_joint *j = t->j;
    double up = bound_of(t, t->out[c]);
    t->value += j->gain[c] * up;
    j->gain[c] = -j->gain[c];
    for (size_t r = 0; r < j->m; r++) {
        j->left[r] -= j->a[r][c] * up;
        j->a[r][c] = -j->a[r][c];
    }
}

static void turn_row(struct table *t, size_t r)
{
    struct gr_joint *j = t->j;
    j->left[r] = bound_of(t, t->in[r]) - j->left[r];
    for (size_t c = 0; c < j->n; c++)
        j->a[r][c] = -j->a[r][c];
}

static void swap(struct table *t, size_t r, size_t c)
{
    struct gr_joint *j = t->j;
    double by = 1 / j->a[r][c];
    for (size_t i = 0; i < j->n; i++)
        j->a[r][i] *= by;
    j->left[r] *= by;
    j->a[r][c] = by;
    for (size_t k = 0; k < j->m; k++) {
        double f = j->a[k][c];
        if (k == r || (f <= 0 && f >= 0))
            continue;
        j->a[k][c] = 0;
        for (size_t i = 0; i < j->n; i++)
            j->a[k][i] -= f * j->a[r][i];
        j->left[k] -= f * j->left[r];
    }
    double f = j->gain[c];
    j->gain[c] = 0;
    for (size_t i = 0; i < j->n; i++)
        j->gain[i] -= f * j->a[r][i];
    t->value += f * j->left[r];
    size_t was = t->in[r];
    t->in[r] = t->out[c];
    t->out[c] = was;
}

/* The row that stops the column first, if any does before its own bound; *high: at the bound of what stands there. */
static size_t stopped_by(const struct table *t, size_t c, bool *high)
{
    const struct gr_joint *j = t->j;
    size_t at = PL_NONE;
    double least = bound_of(t, t->out[c]);
    for (size_t r = 0; r < j->m; r++) {
        double a = j->a[r][c], up = bound_of(t, t->in[r]), may = INFINITY;
        if (a > TINY)
            may = BT_MAX(j->left[r], 0.0) / a;
        else if (a < -TINY && up < INFINITY)
            may = BT_MAX(up - j->left[r], 0.0) / -a;
        if (may < least) {
            least = may;
            at = r;
            *high = a < 0;
        }
    }
    return at;
}

double gr_joint_most(struct gr_joint *j, double enough)
{
    struct table t = { .j = j };
    double most = INFINITY;
    for (size_t r = 0; r < j->m; r++)
        t.in[r] = j->n + r;
    for (size_t c = 0; c < j->n; c++)
        t.out[c] = c;
    for (unsigned i = 0; i < MOST_PIVOTS; i++) {
        size_t best = PL_NONE;
        bool high = false;
        most = BT_MIN(most, at_most(&t));
        if (most < enough || t.value >= enough)
            break;
        for (size_t c = 0; c < j->n; c++)
            if (j->gain[c] > TINY && (best == PL_NONE || j->gain[c] > j->gain[best]))
                best = c;
        if (best == PL_NONE)
            break;
        size_t row = stopped_by(&t, best, &high);
        if (row == PL_NONE) {
            turn_column(&t, best);
            continue;
        }
        if (high)
            turn_row(&t, row);
        swap(&t, row, best);
    }
    return most;
}

/* No more than its cards have room for, each for itself; rows are of bytes so far. */
static void cap_by_rows(struct gr_joint *x)
{
    for (size_t r = 0; r < x->m; r++)
        for (size_t k = 0; k < x->n; k++)
            if (x->a[r][k] * x->up[k] > x->left[r])
                x->up[k] = x->left[r] / x->a[r][k];
}

/* The lowest level at which any of these cards stops anybody. */
static double first_full(uint64_t cards, const double *full)
{
    double least = INFINITY;
    for (; cards; cards &= cards - 1)
        least = BT_MIN(least, full ? full[__builtin_ctzll(cards)] : 0.0);
    return least;
}

/* Who stands nowhere but beside the other is stopped by nothing that does not stop the other too: in steps of growth the other comes no further. But its floor
 * may hold more than that: it is at its floor and what it gets after all have stopped, or no further than the one. Of the one's steps that is a line that bends
 * upwards once: no more than the chord over it. Where the one has cards without the other, the other may come as far as it likes once the one has grown to
 * where the first of those is full: a steeper line. */
void gr_joint_growth(struct gr_joint *x, const struct gr_context *c, const double *full)
{
    cap_by_rows(x);
    for (size_t i = 0; i < x->n; i++) {
        const struct gr_context *a = &c[i];
        if (!a->dealt || a->min >= 1 || !a->whole)
            continue;
        for (size_t j = 0; j < x->n && x->m < GR_ROWS; j++) {
            const struct gr_context *b = &c[j];
            if (i == j || !b->dealt || b->min >= 1 || !(a->on & b->on))
                continue;
            double mine = (a->low - a->min) / (1 - a->min), other = (b->low - b->min) / (1 - b->min), high = mine + x->up[i] / (1 - a->min);
            double late = (b->token + b->late) / (1 - b->min), more = a->token / (1 - a->min) + late, *row = x->a[x->m];
            double first = BT_MAX(mine + more - other, late), last = BT_MAX(high + more - other, late);  /* past b's floor */
            double free = first_full(a->on & ~b->on, full) - a->token / (1 - a->min), top = x->up[j] / (1 - b->min);
            double rise = high > mine ? (last - first) / (high - mine) : 0;
            if (top <= first || free <= mine)
                continue;            /* anyway; or as it may be */
            if (free < high)
                rise = BT_MAX(rise, (top - first) / (free - mine));
            memset(row, 0, x->n * sizeof *row);
            row[j] = 1 / (1 - b->min);
            row[i] = -rise / (1 - a->min);
            x->left[x->m++] = first;
        }
    }
}

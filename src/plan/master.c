/* master - the revised simplex method on few rows; see master.h. */
#include <math.h>
#include <string.h>

#include "plan/master.h"

#define GAIN 1e-7                    /* of a column, to be worth a step */
#define PIVOT 1e-9
#define DUAL_PIVOT 1e-7
#define BELOW 1e-6                   /* zero, that far */
#define STEPS_A_ROW 20u              /* of mending, at most: then the sides are met and the worth is near its best */
#define APART 1e-7                   /* sides are moved by at most so much, each otherwise */
#define ANEW 100u                    /* steps with one inverse: then it is worked out anew */

struct master *ms_new(struct bt_arena *a, size_t rows, const double *side, const double *own, size_t columns, size_t entries)
{
    struct master *m = BT_NEW(a, struct master);
    uint64_t state = 0x9E3779B97F4A7C15u;
    m->m = rows;
    m->most = rows + columns;
    m->most_entries = rows + entries;
    m->column = BT_NEWN(a, struct ms_column, m->most);
    m->entry = BT_NEWN(a, struct ms_entry, m->most_entries);
    m->side = BT_NEWN(a, double, rows);
    m->apart = BT_NEWN(a, double, rows);
    m->in = BT_NEWN(a, size_t, rows);
    m->inverse = BT_NEWN(a, double, rows * rows);
    m->at = BT_NEWN(a, double, rows);
    m->price = BT_NEWN(a, double, rows);
    m->scratch = BT_NEWN(a, double, 2 * rows * rows + rows);
    for (size_t i = 0; i < rows; i++) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        m->apart[i] = APART * (1 + (double)(state >> 40) / (double)(1u << 24));
        m->side[i] = m->at[i] = side[i] + m->apart[i];
        m->in[i] = ms_add(m, own[i], &(struct ms_entry){ (uint32_t)i, 1 }, 1);
        m->inverse[i * rows + i] = 1;
        m->price[i] = own[i];
    }
    return m;
}

size_t ms_add(struct master *m, double worth, const struct ms_entry *entry, uint32_t n)
{
    if (m->ncolumns == m->most || m->most_entries - m->nentries < n)
        return SIZE_MAX;
    m->column[m->ncolumns] = (struct ms_column){ worth, m->nentries, n };
    if (n)
        memcpy(&m->entry[m->nentries], entry, n * sizeof *entry);
    m->nentries += n;
    return m->ncolumns++;
}

/* Gauss and Jordan, rows by their largest pivot. Where the basis has none as far as doubles tell, the inverse stays what it was. */
static void make_inverse(struct master *m)
{
    size_t n = m->m;
    double *b = m->scratch, *inverse = b + n * n;    /* the basis; its columns become unit vectors */
    memset(b, 0, 2 * n * n * sizeof *b);
    for (size_t i = 0; i < n; i++) {
        const struct ms_column *c = &m->column[m->in[i]];
        for (uint32_t k = 0; k < c->n; k++)
            b[m->entry[c->first + k].row * n + i] = m->entry[c->first + k].by;
        inverse[i * n + i] = 1;
    }
    for (size_t i = 0; i < n; i++) {
        size_t best = i;
        for (size_t r = i + 1; r < n; r++)
            if (fabs(b[r * n + i]) > fabs(b[best * n + i]))
                best = r;
        if (fabs(b[best * n + i]) < PIVOT)
            return;
        for (size_t k = 0; k < n && best != i; k++) {
            double t = b[i * n + k], u = inverse[i * n + k];
            b[i * n + k] = b[best * n + k];
            b[best * n + k] = t;
            inverse[i * n + k] = inverse[best * n + k];
            inverse[best * n + k] = u;
        }
        double by = 1 / b[i * n + i];
        for (size_t k = 0; k < n; k++) {
            b[i * n + k] *= by;
            inverse[i * n + k] *= by;
        }
        for (size_t r = 0; r < n; r++) {
            double f = b[r * n + i];
            if (r == i || f == 0)
                continue;
            for (size_t k = 0; k < n; k++) {
                b[r * n + k] -= f * b[i * n + k];
                inverse[r * n + k] -= f * inverse[i * n + k];
            }
        }
    }
    memcpy(m->inverse, inverse, n * n * sizeof *inverse);
}

/* Prices, and how much of each column of the basis; least: 0, or -INFINITY where sides have changed. */
static void reckon(struct master *m, double least)
{
    size_t n = m->m;
    memset(m->price, 0, n * sizeof *m->price);
    for (size_t i = 0; i < n; i++) {
        double sum = 0, worth = m->column[m->in[i]].worth;
        for (size_t k = 0; k < n; k++) {
            sum += m->inverse[i * n + k] * m->side[k];
            m->price[k] += worth * m->inverse[i * n + k];
        }
        m->at[i] = BT_MAX(sum, least);
    }
}

void ms_reckon(struct master *m) { reckon(m, 0); }

static double gain_of(const struct master *m, const struct ms_column *c)
{
    double gain = c->worth;
    for (uint32_t k = 0; k < c->n; k++)
        gain -= m->price[m->entry[c->first + k].row] * m->entry[c->first + k].by;
    return gain;
}

/* The column in terms of the basis: its part in this row. */
static double by_row(const struct master *m, size_t row, const struct ms_column *c)
{
    double sum = 0;
    for (uint32_t k = 0; k < c->n; k++)
        sum += m->inverse[row * m->m + m->entry[c->first + k].row] * m->entry[c->first + k].by;
    return sum;
}

/* The column `enter`, alpha[] by the basis, comes in for that of the row; no other falls below `least`. */
static void replace(struct master *m, size_t leave, size_t enter, double gain, const double *alpha, double least)
{
    size_t n = m->m;
    double *row = &m->inverse[leave * n], by = m->at[leave] / alpha[leave];
    for (size_t k = 0; k < n; k++)
        row[k] /= alpha[leave];
    for (size_t i = 0; i < n; i++) {
        if (i == leave || alpha[i] == 0)
            continue;
        m->at[i] = BT_MAX(m->at[i] - alpha[i] * by, least);
        for (size_t k = 0; k < n; k++)
            m->inverse[i * n + k] -= alpha[i] * row[k];
    }
    for (size_t k = 0; k < n; k++)
        m->price[k] += gain * row[k];
    m->at[leave] = by;
    m->in[leave] = enter;
}

/* The column that gains most by one comes in, and the first that it brings to nothing goes. False: nothing gains, or nothing holds it. */
static bool pivot(struct master *m)
{
    size_t n = m->m, enter = SIZE_MAX, leave = SIZE_MAX;
    double most = GAIN, *alpha = m->scratch, least = INFINITY;
    for (size_t j = 0; j < m->ncolumns; j++) {
        double gain = gain_of(m, &m->column[j]);
        if (gain > most) {
            most = gain;
            enter = j;
        }
    }
    if (enter == SIZE_MAX)
        return false;
    for (size_t i = 0; i < n; i++) {
        alpha[i] = by_row(m, i, &m->column[enter]);
        if (alpha[i] <= PIVOT)
            continue;
        double by = m->at[i] / alpha[i];
        if (by < least - 1e-12 || (by < least + 1e-12 && alpha[i] > alpha[leave])) {
            least = by;
            leave = i;
        }
    }
    if (leave == SIZE_MAX)
        return false;
    replace(m, leave, enter, most, alpha, 0);
    return true;
}

unsigned ms_solve(struct master *m, unsigned steps)
{
    unsigned done = 0;
    while (done < steps) {
        if (m->pivots++ >= ANEW) {
            make_inverse(m);
            ms_reckon(m);
            m->pivots = 0;
        }
        if (!pivot(m))
            break;
        done++;
    }
    return done;
}

/* The row that is furthest below zero leaves for the column that loses least by it. False: none is, or nothing mends it. */
static bool dual_pivot(struct master *m)
{
    size_t n = m->m, leave = 0, enter = SIZE_MAX;
    double least = INFINITY, gain = 0, most = 0, *alpha = m->scratch;
    for (size_t i = 1; i < n; i++)
        leave = m->at[i] < m->at[leave] ? i : leave;
    if (m->at[leave] >= -BELOW)
        return false;
    for (size_t j = 0; j < m->ncolumns; j++) {
        double by = by_row(m, leave, &m->column[j]);
        if (by > -DUAL_PIVOT)
            continue;
        double g = BT_MIN(gain_of(m, &m->column[j]), 0.0);
        if (g / by < least - 1e-9 || (g / by < least + 1e-9 && by < most)) {
            least = g / by;
            gain = g;
            most = by;
            enter = j;
        }
    }
    if (enter == SIZE_MAX)
        return false;
    for (size_t i = 0; i < n; i++)
        alpha[i] = by_row(m, i, &m->column[enter]);
    replace(m, leave, enter, gain, alpha, -INFINITY);
    return true;
}

void ms_sides(struct master *m, const double *side)
{
    for (size_t i = 0; i < m->m; i++)
        m->side[i] = side[i] + m->apart[i];
    reckon(m, -INFINITY);
}

unsigned ms_mend(struct master *m)
{
    unsigned done = 0;
    while (done < m->m * 2 && dual_pivot(m)) {
        done++;
        if (m->pivots++ < ANEW)
            continue;
        make_inverse(m);
        reckon(m, -INFINITY);
        m->pivots = 0;
    }
    bool below = false;
    for (size_t i = 0; i < m->m; i++)
        below = below || m->at[i] < -BELOW;
    if (below)                       /* in circles, or numbers too far apart: from the beginning */
        ms_restart(m);
    reckon(m, 0);
    return done + ms_solve(m, STEPS_A_ROW * (unsigned)m->m);
}

void ms_restart(struct master *m)
{
    size_t n = m->m;
    memset(m->inverse, 0, n * n * sizeof *m->inverse);
    for (size_t i = 0; i < n; i++) {
        m->in[i] = i;
        m->inverse[i * n + i] = 1;
    }
    m->pivots = 0;
    reckon(m, 0);
}

struct ms_basis ms_basis_new(const struct master *m, struct bt_arena *a)
{
    return (struct ms_basis){ BT_NEWN(a, size_t, m->m), BT_NEWN(a, double, m->m * m->m) };
}

void ms_save(const struct master *m, struct ms_basis *b)
{
    memcpy(b->in, m->in, m->m * sizeof *b->in);
    memcpy(b->inverse, m->inverse, m->m * m->m * sizeof *b->inverse);
}

void ms_restore(struct master *m, const struct ms_basis *b)
{
    memcpy(m->in, b->in, m->m * sizeof *m->in);
    memcpy(m->inverse, b->inverse, m->m * m->m * sizeof *m->inverse);
}

void ms_worth(struct master *m, size_t column, double worth) { m->column[column].worth = worth; }

double ms_value(const struct master *m)
{
    double sum = 0;
    for (size_t i = 0; i < m->m; i++)
        sum += m->at[i] * m->column[m->in[i]].worth;
    return sum;
}

void ms_values(const struct master *m, double *value)
{
    memset(value, 0, m->ncolumns * sizeof *value);
    for (size_t i = 0; i < m->m; i++)
        value[m->in[i]] += m->at[i];
}

/* master - the revised simplex method on few rows; see master.h. */
#include <math.h>
#include <string.h>

#include "plan/master.h"

#define GAIN 1e-7                    /* of a column, to be worth a step */
#define PIVOT 1e-9
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
    m->in = BT_NEWN(a, size_t, rows);
    m->inverse = BT_NEWN(a, double, rows * rows);
    m->at = BT_NEWN(a, double, rows);
    m->price = BT_NEWN(a, double, rows);
    m->scratch = BT_NEWN(a, double, 2 * rows * rows + rows);
    for (size_t i = 0; i < rows; i++) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        m->side[i] = m->at[i] = side[i] + APART * (1 + (double)(state >> 40) / (double)(1u << 24));
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

void ms_reckon(struct master *m)
{
    size_t n = m->m;
    memset(m->price, 0, n * sizeof *m->price);
    for (size_t i = 0; i < n; i++) {
        double sum = 0, worth = m->column[m->in[i]].worth;
        for (size_t k = 0; k < n; k++) {
            sum += m->inverse[i * n + k] * m->side[k];
            m->price[k] += worth * m->inverse[i * n + k];
        }
        m->at[i] = sum > 0 ? sum : 0;
    }
}

static double gain_of(const struct master *m, const struct ms_column *c)
{
    double gain = c->worth;
    for (uint32_t k = 0; k < c->n; k++)
        gain -= m->price[m->entry[c->first + k].row] * m->entry[c->first + k].by;
    return gain;
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
    const struct ms_column *c = &m->column[enter];
    for (size_t i = 0; i < n; i++) {
        alpha[i] = 0;
        for (uint32_t k = 0; k < c->n; k++)
            alpha[i] += m->inverse[i * n + m->entry[c->first + k].row] * m->entry[c->first + k].by;
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
    double *row = &m->inverse[leave * n];
    for (size_t k = 0; k < n; k++)
        row[k] /= alpha[leave];
    for (size_t i = 0; i < n; i++) {
        if (i == leave || alpha[i] == 0)
            continue;
        m->at[i] = BT_MAX(m->at[i] - alpha[i] * least, 0.0);
        for (size_t k = 0; k < n; k++)
            m->inverse[i * n + k] -= alpha[i] * row[k];
    }
    for (size_t k = 0; k < n; k++)
        m->price[k] += most * row[k];
    m->at[leave] = least;
    m->in[leave] = enter;
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

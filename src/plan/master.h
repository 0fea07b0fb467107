/* master.h - a linear program that grows by columns: maximise the sum of worth * x, rows equal to their sides, x >= 0. Few rows (about a hundred), any number
 * of columns. Plan's own; columns.c makes the columns.
 *
 * The primal simplex method with the inverse of the basis kept whole. Sides are moved apart by less than a millionth, so that no step goes in circles; what
 * comes of it guides a search and is no proof, only prices are, and any will do. Single thread; the same numbers in, the same out. All memory is the
 * arena's. */
#ifndef BT_PLAN_MASTER_H
#define BT_PLAN_MASTER_H
#include <stdint.h>

#include "base/arena.h"

struct ms_entry { uint32_t row; double by; };
struct ms_column { double worth; size_t first; uint32_t n; };

struct master {
    size_t m; double *side, *apart;  /* rows, all sides >= 0; how much each was moved */
    struct ms_column *column; size_t ncolumns, most;
    struct ms_entry *entry; size_t nentries, most_entries;
    size_t *in;                      /* [m] the column of each row of the basis */
    double *inverse;                 /* [m * m] of the basis */
    double *at;                      /* [m] how much of in[] */
    double *price;                   /* [m] of each row */
    unsigned pivots;                 /* since the inverse was made anew */
    double *scratch;
};

/* A basis put aside. */
struct ms_basis { size_t *in; double *inverse; };

/* Each row begins with a column of its own: its worth is own[row] (0: what is left over; very negative: what is missing). At most so many columns and entries
 * are added later. */
struct master *ms_new(struct bt_arena *a, size_t rows, const double *side, const double *own, size_t columns, size_t entries);
/* Its index; SIZE_MAX: no room for more. */
size_t ms_add(struct master *m, double worth, const struct ms_entry *entry, uint32_t n);
/* Steps until nothing gains, at most so many; returns how many. Prices and `at` are those of the last basis. */
unsigned ms_solve(struct master *m, unsigned steps);
/* Other worths; prices are right again after ms_reckon(). */
void ms_worth(struct master *m, size_t column, double worth);
void ms_reckon(struct master *m);
/* Other sides, all >= 0, then steps of the dual method until nothing is below zero, and of the primal one until nothing gains: quick where the basis was the
 * best of sides or worths much like these. Returns how many. */
void ms_sides(struct master *m, const double *side);
unsigned ms_mend(struct master *m);
/* The basis of the rows' own columns: right for any sides and worths. */
void ms_restart(struct master *m);
struct ms_basis ms_basis_new(const struct master *m, struct bt_arena *a);
void ms_save(const struct master *m, struct ms_basis *b);
void ms_restore(struct master *m, const struct ms_basis *b);         /* ms_sides() next */
double ms_value(const struct master *m);
/* value[ncolumns]: how much of each column. */
void ms_values(const struct master *m, double *value);
#endif

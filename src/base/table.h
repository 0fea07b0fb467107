/* table.h - tables a person can read aloud, and memory bars. Widths count UTF-8 columns, not bytes. */
#ifndef BT_TABLE_H
#define BT_TABLE_H
#include <stdio.h>
#include "base/arena.h"

struct bt_style { bool utf8, color; int width; };    /* from the terminal: */
struct bt_style bt_style_of(FILE *f);                /* color only on a tty without NO_COLOR; utf8 from LC_ALL/LC_CTYPE/LANG; width 100 if unknown */

enum bt_align { BT_LEFT, BT_RIGHT };
struct bt_table;                                     /* lives in the arena */
/* heads: NULL-terminated, ">" as first character = right aligned (not printed). */
struct bt_table *bt_table_new(struct bt_arena *a, const char *const *heads);
void bt_table_row(struct bt_table *t, ...) __attribute__((sentinel));       /* const char * cells, ended by NULL; missing = empty */
void bt_table_cells(struct bt_table *t, const char *const *cells, size_t n);
void bt_table_rule(struct bt_table *t);              /* a line across: before totals */
void bt_table_print(const struct bt_table *t, struct bt_style st, struct bt_buf *out);

/* One card as a bar: segments in order, each with a letter for ASCII and a shade for UTF-8; what is left is drawn as free.
 * "GPU 0 ▕████████▒▒▒▒░░░░    ▏" */
struct bt_bar_part { const char *label; uint64_t bytes; };
void bt_bar_print(const struct bt_bar_part *parts, size_t n, uint64_t total, int columns, struct bt_style st, struct bt_buf *out);
/* The legend for the parts of the bars printed with the same order of labels; no newline, like the bar. */
void bt_bar_legend(const char *const *labels, size_t n, struct bt_style st, struct bt_buf *out);
size_t bt_utf8_columns(struct bt_str s);
#endif

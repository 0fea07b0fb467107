/* table.h - tables a person can read aloud, and memory bars. Widths count UTF-8 columns, not bytes. */
#ifndef BT_TABLE_H
#define BT_TABLE_H
#include <stdio.h>
#include "base/arena.h"

struct bt_style { bool utf8, color, known; int width; };         /* from the terminal: */
/* color only on a tty without NO_COLOR; utf8 from LC_ALL/LC_CTYPE/LANG; known: width is the terminal's, or COLUMNS; else it is 100, and nothing is laid out
 * anew because of it: what a pipe gets does not depend on where it was asked for. */
struct bt_style bt_style_of(FILE *f);

enum bt_align { BT_LEFT, BT_RIGHT };
struct bt_table;                                     /* lives in the arena */
/* heads: NULL-terminated, ">" as first character = right aligned (not printed). On a terminal that is too narrow the last columns are told in a line below
 * their row instead ("KV 4.91 GiB, tok/s 34.0"): nothing is cut. "?" before all that: these are the first to go there. */
struct bt_table *bt_table_new(struct bt_arena *a, const char *const *heads);
void bt_table_row(struct bt_table *t, ...) __attribute__((sentinel));       /* const char * cells, ended by NULL; missing = empty */
void bt_table_cells(struct bt_table *t, const char *const *cells, size_t n);
void bt_table_rule(struct bt_table *t);              /* a line across: before totals */
void bt_table_print(const struct bt_table *t, struct bt_style st, struct bt_buf *out);

/* One card as a bar: segments in order, each with a letter for ASCII and a shade for UTF-8; what is left is drawn as free.
 * "GPU 0 ▕████████▒▒▒▒░░░░    ▏" */
struct bt_bar_part { const char *label; uint64_t bytes; };
void bt_bar_print(const struct bt_bar_part *parts, size_t n, uint64_t total, int columns, struct bt_style st, struct bt_buf *out);
/* How wide a bar may be that has `beside` columns of text in its line: `wanted`, or what the terminal leaves, and 10 at least. */
int bt_bar_room(struct bt_style st, int wanted, size_t beside);
/* The legend for the parts of the bars printed with the same order of labels; no newline, like the bar. */
void bt_bar_legend(const char *const *labels, size_t n, struct bt_style st, struct bt_buf *out);
size_t bt_utf8_columns(struct bt_str s);
#endif

/* table.c - tables and memory bars. */
#include "base/table.h"

#include <sys/ioctl.h>

struct bt_style bt_style_of(FILE *f)
{
    struct bt_style st = { .width = 100 };
    int fd = fileno(f);
    bool tty = isatty(fd);
    const char *no = getenv("NO_COLOR"), *term = getenv("TERM");
    st.color = tty && !(no && *no) && !(term && !strcmp(term, "dumb"));
    const char *const vars[] = { "LC_ALL", "LC_CTYPE", "LANG" };
    for (size_t i = 0; i < BT_LEN(vars); i++) {
        const char *z = getenv(vars[i]);
        if (z && *z) {
            st.utf8 = strcasestr(z, "utf-8") || strcasestr(z, "utf8");
            break;
        }
    }
    struct winsize ws;
    if (tty && ioctl(fd, TIOCGWINSZ, &ws) == 0 && ws.ws_col >= 40)
        st.width = ws.ws_col;
    return st;
}

size_t bt_utf8_columns(struct bt_str s)
{
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++)
        n += ((unsigned char)s.p[i] & 0xc0) != 0x80;
    return n;
}

enum { MAX_COLUMNS = 24 };
struct row { const char **cell; bool rule; struct row *next; };
struct bt_table {
    struct bt_arena *a;
    size_t ncols;
    const char *head[MAX_COLUMNS];
    bool right[MAX_COLUMNS];
    size_t width[MAX_COLUMNS];
    struct row *first, **last;
};

struct bt_table *bt_table_new(struct bt_arena *a, const char *const *heads)
{
    struct bt_table *t = BT_NEW(a, struct bt_table);
    t->a = a;
    t->last = &t->first;
    for (; heads[t->ncols] && t->ncols < MAX_COLUMNS; t->ncols++) {
        t->right[t->ncols] = heads[t->ncols][0] == '>';
        t->head[t->ncols] = bt_arena_strdup(a, heads[t->ncols] + t->right[t->ncols]);
        t->width[t->ncols] = bt_utf8_columns(bt_str(t->head[t->ncols]));
    }
    return t;
}

static struct row *add_row(struct bt_table *t)
{
    struct row *r = BT_NEW(t->a, struct row);
    *t->last = r;
    t->last = &r->next;
    return r;
}

void bt_table_cells(struct bt_table *t, const char *const *cells, size_t n)
{
    struct row *r = add_row(t);
    r->cell = BT_NEWN(t->a, const char *, t->ncols);
    for (size_t i = 0; i < t->ncols; i++) {
        r->cell[i] = i < n && cells[i] ? bt_arena_strdup(t->a, cells[i]) : "";
        t->width[i] = BT_MAX(t->width[i], bt_utf8_columns(bt_str(r->cell[i])));
    }
}

void bt_table_row(struct bt_table *t, ...)
{
    const char *cells[MAX_COLUMNS];
    size_t n = 0;
    va_list ap;
    va_start(ap, t);
    for (const char *c; (c = va_arg(ap, const char *)) != NULL;)
        if (n < MAX_COLUMNS)
            cells[n++] = c;
    va_end(ap);
    bt_table_cells(t, cells, n);
}

void bt_table_rule(struct bt_table *t)
{
    add_row(t)->rule = true;
}

static void line(const struct bt_table *t, struct bt_style st, struct bt_buf *out)
{
    for (size_t i = 0; i < t->ncols; i++) {
        bt_buf_puts(out, i ? "  " : "");
        for (size_t k = 0; k < t->width[i]; k++)
            bt_buf_puts(out, st.utf8 ? "─" : "-");
    }
    bt_buf_puts(out, "\n");
}

static void cells(const struct bt_table *t, const char *const *cell, struct bt_buf *out)
{
    size_t last = t->ncols;
    while (last && !cell[last - 1][0])
        last--;                      /* no blanks at the end of a line */
    for (size_t i = 0; i < last; i++) {
        size_t pad = t->width[i] - bt_utf8_columns(bt_str(cell[i]));
        bt_buf_printf(out, "%s%*s%s", i ? "  " : "", t->right[i] ? (int)pad : 0, "", cell[i]);
        if (!t->right[i] && i + 1 < last)
            bt_buf_printf(out, "%*s", (int)pad, "");
    }
    bt_buf_puts(out, "\n");
}

void bt_table_print(const struct bt_table *t, struct bt_style st, struct bt_buf *out)
{
    cells(t, t->head, out);
    line(t, st, out);
    for (const struct row *r = t->first; r; r = r->next)
        r->rule ? line(t, st, out) : cells(t, r->cell, out);
}

/* ---- bars ---- */
static const char *const shade[] = { "█", "▓", "▒", "░", "▚", "▞", "▙", "▟" };
static const char *const tint[] = { "34", "36", "32", "33", "35", "31", "94", "96" };

static char letter(const char *label)
{
    return label && label[0] ? label[0] : '#';
}

static void segment(const char *label, size_t i, size_t n, struct bt_style st, struct bt_buf *out)
{
    if (st.color && n)
        bt_buf_printf(out, "\x1b[%sm", tint[i % BT_LEN(tint)]);
    for (size_t k = 0; k < n; k++) {
        if (st.utf8)
            bt_buf_puts(out, shade[i % BT_LEN(shade)]);
        else
            bt_buf_printf(out, "%c", letter(label));
    }
    if (st.color && n)
        bt_buf_puts(out, "\x1b[0m");
}

void bt_bar_print(const struct bt_bar_part *parts, size_t n, uint64_t total, int columns, struct bt_style st, struct bt_buf *out)
{
    size_t drawn = 0, width = columns > 2 ? (size_t)columns - 2 : 1;
    uint64_t sum = 0;
    bt_buf_puts(out, st.utf8 ? "▕" : "[");
    for (size_t i = 0; i < n && total; i++) {
        sum += parts[i].bytes;
        size_t end = (size_t)((double)BT_MIN(sum, total) / (double)total * (double)width + 0.5);
        segment(parts[i].label, i, end > drawn ? end - drawn : 0, st, out);
        drawn = BT_MAX(drawn, end);
    }
    for (; drawn < width; drawn++)
        bt_buf_puts(out, st.utf8 ? " " : ".");
    bt_buf_puts(out, st.utf8 ? "▏" : "]");
}

void bt_bar_legend(const char *const *labels, size_t n, struct bt_style st, struct bt_buf *out)
{
    for (size_t i = 0; i < n; i++) {
        bt_buf_puts(out, i ? "  " : "");
        segment(labels[i], i, 1, st, out);
        bt_buf_printf(out, " %s", labels[i]);
    }
    bt_buf_puts(out, "\n");
}

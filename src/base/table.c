/* table.c - see table.h */
#include "base/table.h"

#include <stdarg.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <termios.h>

/* ---- the terminal ---- */

static const char *set_env(const char *name)
{
    const char *v = getenv(name);
    return v && *v ? v : NULL;
}

struct bt_style bt_style_of(FILE *f)
{
    struct bt_style st = { .width = 100 };
    struct winsize ws;
    int fd = fileno(f);
    bool tty = fd >= 0 && isatty(fd);
    const char *term = set_env("TERM"), *columns = set_env("COLUMNS"), *loc = set_env("LC_ALL");
    if (!loc && !(loc = set_env("LC_CTYPE")))
        loc = set_env("LANG");
    st.utf8 = loc && (strcasestr(loc, "utf-8") || strcasestr(loc, "utf8"));
    st.color = tty && !set_env("NO_COLOR") && term && strcmp(term, "dumb");
    if (tty && ioctl(fd, TIOCGWINSZ, &ws) == 0 && ws.ws_col >= 20)
        st.width = ws.ws_col, st.known = true;
    else if (columns && atoi(columns) >= 20 && atoi(columns) <= 1000)
        st.width = atoi(columns), st.known = true;
    return st;
}

struct range { uint32_t from, to; };

static bool in_ranges(const struct range *r, size_t n, uint32_t c)
{
    for (size_t i = 0; i < n; i++)
        if (c >= r[i].from && c <= r[i].to)
            return true;
    return false;
}

/* wcwidth() depends on the locale, and a table has to come out the same everywhere: Unicode's wide blocks and marks, roughly. */
static size_t columns_of(uint32_t c)
{
    static const struct range wide[] = { { 0x1100, 0x115f }, { 0x2e80, 0xa4cf }, { 0xac00, 0xd7a3 }, { 0xf900, 0xfaff }, { 0xfe30, 0xfe6f },
        { 0xff00, 0xff60 }, { 0xffe0, 0xffe6 }, { 0x1f300, 0x1faff }, { 0x20000, 0x3fffd } };
    static const struct range none[] = { { 0x300, 0x36f }, { 0x200b, 0x200f }, { 0x20d0, 0x20ff }, { 0xfe00, 0xfe0f } };
    return in_ranges(none, BT_LEN(none), c) ? 0 : in_ranges(wide, BT_LEN(wide), c) ? 2 : 1;
}

size_t bt_utf8_columns(struct bt_str s)
{
    size_t cols = 0;
    for (size_t i = 0; i < s.n;) {
        unsigned char c = (unsigned char)s.p[i];
        size_t len = c < 0x80 ? 1 : c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : c >= 0xc0 ? 2 : 1;
        uint32_t v = len == 1 ? c : c & (0xffu >> (len + 1));
        if (i + len > s.n)
            len = s.n - i;
        for (size_t k = 1; k < len; k++)
            v = v << 6 | ((unsigned char)s.p[i + k] & 0x3f);
        cols += columns_of(v);
        i += len;
    }
    return cols;
}

static void repeat(struct bt_buf *out, const char *z, size_t n)
{
    while (n-- > 0 && !out->over)
        bt_buf_puts(out, z);
}

/* ---- tables ---- */

enum { PROSE_LEAST = 24 };           /* columns: narrower is no text any more */

struct row { const char **cells; bool rule; };

struct bt_table {
    struct bt_arena *a;
    const char **heads;
    enum bt_align *align;
    bool *goes_first;                /* to the line below */
    size_t cols;
    struct row *rows;
    size_t n;
};

/* Cells may hold what a child or a file said: made safe here, once, for all tables. */
static const char *safe(struct bt_arena *a, const char *z)
{
    bt_auto_buf struct bt_buf b = BT_BUF(64 * KiB);
    bt_buf_add_escaped(&b, bt_str(z ? z : ""));
    return bt_arena_strdup(a, bt_buf_z(&b));
}

struct bt_table *bt_table_new(struct bt_arena *a, const char *const *heads)
{
    struct bt_table *t = BT_NEW(a, struct bt_table);
    t->a = a;
    while (heads[t->cols])
        t->cols++;
    t->heads = BT_NEWN(a, const char *, t->cols);
    t->align = BT_NEWN(a, enum bt_align, t->cols);
    t->goes_first = BT_NEWN(a, bool, t->cols);
    for (size_t i = 0; i < t->cols; i++) {
        t->goes_first[i] = heads[i][0] == '?';
        const char *head = heads[i] + t->goes_first[i];
        t->align[i] = head[0] == '>' ? BT_RIGHT : BT_LEFT;
        t->heads[i] = safe(a, head + (head[0] == '>'));
    }
    return t;
}

void bt_table_cells(struct bt_table *t, const char *const *cells, size_t n)
{
    struct row r = { .cells = BT_NEWN(t->a, const char *, t->cols) };
    for (size_t i = 0; i < t->cols; i++)
        r.cells[i] = safe(t->a, i < n ? cells[i] : "");
    BT_PUSH(t->a, t->rows, t->n, r);
}

void bt_table_row(struct bt_table *t, ...)
{
    const char **cells = BT_NEWN(t->a, const char *, t->cols), *cell;
    size_t n = 0;
    va_list ap;
    va_start(ap, t);
    while ((cell = va_arg(ap, const char *)))
        if (n < t->cols)
            cells[n++] = cell;
    va_end(ap);
    bt_table_cells(t, cells, n);
}

void bt_table_rule(struct bt_table *t)
{
    struct row r = { .rule = true };
    BT_PUSH(t->a, t->rows, t->n, r);
}

/* The longest front of *s that fits cols columns, cut at a blank where there is one. Takes it off *s. */
static struct bt_str take_line(struct bt_str *s, size_t cols)
{
    size_t fit = 0, blank = 0, i = 0;
    for (; i < s->n; i++) {
        if (s->p[i] == ' ')
            blank = i;
        size_t end = i + 1;
        while (end < s->n && ((unsigned char)s->p[end] & 0xc0) == 0x80)
            end++;
        if (bt_utf8_columns((struct bt_str){ s->p, end }) > cols)
            break;
        fit = end;
        i = end - 1;
    }
    if (fit < s->n && blank)
        fit = blank;
    if (fit == 0)
        fit = s->n;                  /* a column too narrow for one character: print rather than loop */
    struct bt_str line = { s->p, fit };
    s->p += fit;
    s->n -= fit;
    *s = bt_str_trim(*s);
    return line;
}

static void print_cells(const struct bt_table *t, const char *const *cells, const size_t *widths, struct bt_buf *out)
{
    struct bt_str last = bt_str(t->cols ? cells[t->cols - 1] : "");
    size_t indent = 0;
    for (size_t i = 0; i < t->cols; i++) {
        bool end = i + 1 == t->cols;
        struct bt_str cell = end && t->align[i] == BT_LEFT ? take_line(&last, widths[i]) : bt_str(cells[i]);
        size_t used = bt_utf8_columns(cell), pad = widths[i] > used ? widths[i] - used : 0;
        if (t->align[i] == BT_RIGHT)
            repeat(out, " ", pad);
        bt_buf_add(out, cell.p, cell.n);
        if (t->align[i] == BT_LEFT && !end)
            repeat(out, " ", pad);
        if (!end) {
            repeat(out, " ", 2);
            indent += widths[i] + 2;
        }
    }
    for (;;) {                       /* no blanks at the ends of lines */
        while (out->n && out->p[out->n - 1] == ' ')
            out->p[--out->n] = 0;
        bt_buf_puts(out, "\n");
        if (!t->cols || t->align[t->cols - 1] != BT_LEFT || last.n == 0 || out->over)
            break;
        struct bt_str line = take_line(&last, widths[t->cols - 1]);
        repeat(out, " ", indent);
        bt_buf_add(out, line.p, line.n);
    }
}

static size_t total_of(const struct bt_table *t, const size_t *widths)
{
    size_t total = 0;
    for (size_t i = 0; i < t->cols; i++)
        total += widths[i] + (i ? 2 : 0);
    return total;
}

static void measure(const struct bt_table *t, struct bt_style st, size_t *widths)
{
    for (size_t i = 0; i < t->cols; i++) {
        widths[i] = bt_utf8_columns(bt_str(t->heads[i]));
        for (size_t r = 0; r < t->n; r++)
            if (!t->rows[r].rule)
                widths[i] = BT_MAX(widths[i], bt_utf8_columns(bt_str(t->rows[r].cells[i])));
    }
    size_t total = total_of(t, widths);
    if (!t->cols || st.width <= 0 || total <= (size_t)st.width || t->align[t->cols - 1] != BT_LEFT)
        return;
    size_t *last = &widths[t->cols - 1], others = total - *last;     /* the last column holds the prose: it gives way */
    size_t room = (size_t)st.width > others ? (size_t)st.width - others : 0;
    *last = BT_MIN(*last, BT_MAX(room, PROSE_LEAST));
}

static void print_rows(const struct bt_table *t, struct bt_style st, const size_t *widths, void (*below)(const void *ctx, size_t row, struct bt_buf *out),
                       const void *ctx, struct bt_buf *out)
{
    const char *rule = st.utf8 ? "─" : "-";
    if (st.color)
        bt_buf_puts(out, "\033[1m");
    print_cells(t, t->heads, widths, out);
    if (st.color)
        bt_buf_puts(out, "\033[0m");
    repeat(out, rule, total_of(t, widths));
    bt_buf_puts(out, "\n");
    for (size_t r = 0; r < t->n; r++) {
        if (!t->rows[r].rule) {
            print_cells(t, t->rows[r].cells, widths, out);
            if (below)
                below(ctx, r, out);
            continue;
        }
        repeat(out, rule, total_of(t, widths));
        bt_buf_puts(out, "\n");
    }
}

/* ---- too wide for the terminal ---- */

struct folding { const struct bt_table *t; const bool *gone; size_t indent; struct bt_style st; };

/* One cell in the line below, or in the next: figures are not torn from their names. *at: columns that the line has so far. */
static void add_below(const struct folding *f, struct bt_str piece, size_t *at, struct bt_buf *out)
{
    size_t room = BT_MAX((size_t)f->st.width > f->indent ? (size_t)f->st.width - f->indent : 0, (size_t)PROSE_LEAST), need = bt_utf8_columns(piece);
    if (*at && *at + 2 + need <= room) {
        bt_buf_puts(out, ", ");
        bt_buf_add(out, piece.p, piece.n);
        *at += 2 + need;
        return;
    }
    if (*at)
        bt_buf_puts(out, ",\n");
    while (piece.n && !out->over) {
        struct bt_str line = take_line(&piece, room);
        repeat(out, " ", f->indent);
        bt_buf_add(out, line.p, line.n);
        *at = bt_utf8_columns(line);
        if (piece.n)
            bt_buf_puts(out, "\n");
    }
}

/* "weights 30.71 GiB, other 3.26 GiB": the cells of the columns that are gone, with their heads. */
static void print_below(const void *ctx, size_t row, struct bt_buf *out)
{
    const struct folding *f = ctx;
    size_t at = 0;
    for (size_t i = 0; i < f->t->cols; i++) {
        bt_auto_buf struct bt_buf b = BT_BUF(256 * KiB);
        const char *head = f->t->heads[i], *cell = f->t->rows[row].cells[i];
        if (!f->gone[i] || !cell[0] || !strcmp(cell, "-"))
            continue;
        bt_buf_printf(&b, "%s%s%s", head, head[0] ? (f->t->align[i] == BT_LEFT ? ": " : " ") : "", cell);
        add_below(f, (struct bt_str){ bt_buf_z(&b), b.n }, &at, out);
    }
    if (at)
        bt_buf_puts(out, "\n");
}

/* The same rows without those columns; lives in the arena of the table. */
static struct bt_table *without(const struct bt_table *t, const bool *gone)
{
    struct bt_table *less = BT_NEW(t->a, struct bt_table);
    *less = *t;
    less->heads = BT_NEWN(t->a, const char *, t->cols);
    less->align = BT_NEWN(t->a, enum bt_align, t->cols);
    less->rows = BT_NEWN(t->a, struct row, t->n);
    less->cols = 0;
    for (size_t r = 0; r < t->n; r++)
        less->rows[r] = (struct row){ BT_NEWN(t->a, const char *, t->cols), t->rows[r].rule };
    for (size_t i = 0; i < t->cols; i++) {
        if (gone[i])
            continue;
        less->heads[less->cols] = t->heads[i];
        less->align[less->cols] = t->align[i];
        for (size_t r = 0; r < t->n && less->cols < t->cols; r++)
            less->rows[r].cells[less->cols] = t->rows[r].rule ? NULL : t->rows[r].cells[i];
        less->cols++;
    }
    return less;
}

static bool fits(const struct bt_table *t, struct bt_style st)
{
    bt_auto_free size_t *widths = bt_xcalloc(t->cols, sizeof *widths);
    measure(t, st, widths);
    return total_of(t, widths) <= (size_t)st.width;
}

static void print_folded(const struct bt_table *t, struct bt_style st, struct bt_buf *out)
{
    enum { STAY = 2 };               /* by these a row is known */
    bt_auto_free bool *gone = bt_xcalloc(t->cols, sizeof *gone);
    memcpy(gone, t->goes_first, t->cols * sizeof *gone);
    struct bt_table *less = without(t, gone);
    for (size_t i = t->cols; i-- > STAY && !fits(less, st);)
        if (!gone[i]) {
            gone[i] = true;
            less = without(t, gone);
        }
    bt_auto_free size_t *widths = bt_xcalloc(t->cols, sizeof *widths);
    measure(less, st, widths);
    struct folding f = { t, gone, BT_MIN(widths[0] + 2, (size_t)st.width / 3), st };
    print_rows(less, st, widths, print_below, &f, out);
}

void bt_table_print(const struct bt_table *t, struct bt_style st, struct bt_buf *out)
{
    bt_auto_free size_t *widths = bt_xcalloc(t->cols, sizeof *widths);
    if (st.known && !fits(t, st)) {
        print_folded(t, st, out);
        return;
    }
    measure(t, st, widths);
    print_rows(t, st, widths, NULL, NULL, out);
}

/* ---- bars ---- */

static const char *const shades[] = { "█", "▓", "▒", "░", "▚", "▞", "▙", "▟", "▄", "▀" };
static const int colors[] = { 34, 32, 33, 35, 36, 31, 94, 92, 93, 95, 96, 91 };
static const char *const eighths[] = { " ", "▏", "▎", "▍", "▌", "▋", "▊", "▉" };

/* The letter of label i: its first letter that no label before it took; digits when all are taken. */
static char letter_of(const char *const *labels, size_t i)
{
    char taken[64] = { 0 };
    size_t n = 0;
    for (size_t k = 0; k <= i && k < sizeof taken - 1; k++) {
        char c = 0;
        for (const char *p = labels[k]; *p && !c; p++) {
            char low = *p >= 'A' && *p <= 'Z' ? (char)(*p + 32) : *p;
            if (low >= 'a' && low <= 'z' && !strchr(taken, low))
                c = low;
        }
        for (char d = '0'; d <= '9' && !c; d++)
            if (!strchr(taken, d))
                c = d;
        if (k == i)
            return c ? c : '#';
        if (c)
            taken[n++] = c;
    }
    return '#';
}

/* Where each part ends, in steps; a part that has bytes is never invisible while there is room. */
static void part_ends(const struct bt_bar_part *parts, size_t n, uint64_t total, size_t steps, size_t least, size_t *ends)
{
    unsigned __int128 sum = 0;
    size_t at = 0;
    for (size_t i = 0; i < n; i++) {
        sum += parts[i].bytes;
        size_t end = total ? (size_t)BT_MIN((sum * steps + total / 2) / total, (unsigned __int128)steps) : 0;
        if (parts[i].bytes)
            end = BT_MAX(end, at + least);
        at = ends[i] = BT_MAX(at, BT_MIN(end, steps));
    }
}

static void color_on(struct bt_buf *out, int fg, int bg)
{
    if (bg)
        bt_buf_printf(out, "\033[%d;%dm", fg, bg + 10);
    else
        bt_buf_printf(out, "\033[%dm", fg);
}

static int color_of(size_t i)
{
    return colors[i % BT_LEN(colors)];
}

/* One cell of a coloured bar: eight steps, drawn as a left and a right colour; with three parts in a cell the middle one is lost. */
static void color_cell(const size_t *ends, size_t n, size_t cell, struct bt_buf *out)
{
    size_t from = cell * 8, left = 0, right = 0;
    while (left < n && ends[left] <= from)
        left++;
    if (left == n) {
        bt_buf_puts(out, " ");
        return;
    }
    size_t split = ends[left] - from;
    if (split >= 8) {
        color_on(out, color_of(left), 0);
        bt_buf_puts(out, "█");
    } else {
        right = left + 1;
        while (right < n && ends[right] <= ends[left])
            right++;
        color_on(out, color_of(left), right < n ? color_of(right) : 0);
        bt_buf_puts(out, eighths[split]);
    }
    bt_buf_puts(out, "\033[0m");
}

static void plain_cell(const size_t *ends, size_t n, const char *const *labels, size_t cell, bool utf8, struct bt_buf *out)
{
    size_t i = 0;
    while (i < n && ends[i] <= cell)
        i++;
    if (i == n)
        bt_buf_puts(out, utf8 ? " " : ".");
    else if (utf8)
        bt_buf_puts(out, shades[i % BT_LEN(shades)]);
    else
        bt_buf_printf(out, "%c", letter_of(labels, i));
}

void bt_bar_print(const struct bt_bar_part *parts, size_t n, uint64_t total, int columns, struct bt_style st, struct bt_buf *out)
{
    bool fine = st.utf8 && st.color, over = false;
    size_t cells = columns > 0 ? (size_t)BT_MIN(columns, 1000) : 0;
    bt_auto_free size_t *ends = bt_xcalloc(n, sizeof *ends);
    bt_auto_free const char **labels = bt_xcalloc(n, sizeof *labels);
    unsigned __int128 sum = 0;
    for (size_t i = 0; i < n; i++) {
        labels[i] = parts[i].label;
        sum += parts[i].bytes;
    }
    over = sum > total;
    part_ends(parts, n, total, fine ? cells * 8 : cells, 1, ends);
    bt_buf_puts(out, st.utf8 ? "▕" : "[");
    for (size_t c = 0; c < cells && !out->over; c++) {
        if (fine)
            color_cell(ends, n, c, out);
        else
            plain_cell(ends, n, labels, c, st.utf8, out);
    }
    bt_buf_puts(out, over ? (st.utf8 ? "▶" : ">") : (st.utf8 ? "▏" : "]"));      /* more than the card holds runs out of the bar */
}

int bt_bar_room(struct bt_style st, int wanted, size_t beside)
{
    enum { ENDS = 2, LEAST = 10 };
    return BT_MAX(LEAST, BT_MIN(wanted, st.width - (int)BT_MIN(beside, (size_t)1000) - ENDS));
}

void bt_bar_legend(const char *const *labels, size_t n, struct bt_style st, struct bt_buf *out)
{
    for (size_t i = 0; i < n; i++) {
        if (i)
            bt_buf_puts(out, "  ");
        if (st.utf8 && st.color) {
            color_on(out, color_of(i), 0);
            bt_buf_puts(out, "█\033[0m");
        } else if (st.utf8) {
            bt_buf_puts(out, shades[i % BT_LEN(shades)]);
        } else {
            bt_buf_printf(out, "%c", letter_of(labels, i));
        }
        bt_buf_printf(out, " %s", labels[i]);
    }
}

/* planning_boxes - the plan of many machines for people: machines with the same content are one row, and what does not fit on a screen is counted. */
#include <stdlib.h>
#include <string.h>

#include "base/units.h"
#include "cmd/planning.h"

#define MAX_ROWS 30
#define MAX_WHAT 110                 /* columns of what runs on a machine */

struct box_row { size_t first, boxes, used; const char *kind, *what; uint64_t bytes; };

static const char *kind_of(struct bt_arena *a, const struct bt_plan *p, size_t box)
{
    const struct bt_box *b = &p->fleet->box[box];
    bt_auto_buf struct bt_buf out = BT_BUF(4096);
    for (size_t i = 0, run; i < b->n; i += run) {
        const struct bt_gpu *g = &p->fleet->gpus[b->first + i];
        for (run = 1; i + run < b->n && !strcmp(g->name, g[run].name); run++) {
        }
        bt_buf_printf(&out, "%s%zu x %s", i ? " + " : "", run, g->kind ? g->kind->short_name : g->name);
    }
    return bt_arena_strdup(a, bt_buf_z(&out));
}

static void add_what(struct bt_arena *a, struct bt_buf *b, const struct bt_plan_instance *in, size_t copies)
{
    if (b->n)
        bt_buf_puts(b, ", ");
    bt_buf_puts(b, in->w->name);
    if (copies > 1)
        bt_buf_printf(b, " x %zu", copies);
    if (in->need && in->nranks)
        bt_buf_printf(b, " (%s)", bt_planning_engines(a, in->tp, in->pp, in->dp, in->ep));
    else if (in->nranks > 1)
        bt_buf_printf(b, " (%zu GPUs)", in->nranks);
}

/* Instances of one machine, in the order of the plan. */
struct on_box { const struct bt_plan_instance **v; size_t n; };

static struct box_row row_of(struct bt_arena *a, const struct bt_plan *p, size_t box, const struct on_box *on)
{
    struct box_row row = { .first = box, .boxes = 1, .kind = kind_of(a, p, box) };
    const struct bt_box *x = &p->fleet->box[box];
    bool used[BT_MAX_GPUS] = { false };
    bt_auto_buf struct bt_buf b = BT_BUF(64 * KiB);
    for (size_t i = 0, same; i < on->n; i += same) {
        const struct bt_plan_instance *in = on->v[i];
        for (same = 1; i + same < on->n && on->v[i + same]->w == in->w && on->v[i + same]->nranks == in->nranks; same++) {
        }
        add_what(a, &b, in, same);
    }
    for (size_t i = 0; i < on->n; i++)
        for (size_t r = 0; r < on->v[i]->nranks; r++) {
            size_t at = on->v[i]->rank[r].gpu - x->first;
            row.used += !used[at];
            used[at] = true;
            row.bytes += on->v[i]->rank[r].bytes;
        }
    row.what = b.n ? bt_arena_strdup(a, bt_buf_z(&b)) : "nothing";
    return row;
}

/* Machines with the same content beside each other, the first of each first. */
static int by_content(const void *x, const void *y)
{
    const struct box_row *a = x, *b = y;
    int kind = strcmp(a->kind, b->kind), what = strcmp(a->what, b->what);
    return kind ? kind : what ? what : (a->first > b->first) - (a->first < b->first);
}

/* The largest sets of equal machines first. */
static int by_boxes(const void *x, const void *y)
{
    const struct box_row *a = x, *b = y;
    if (a->boxes != b->boxes)
        return a->boxes > b->boxes ? -1 : 1;
    return (a->first > b->first) - (a->first < b->first);
}

static size_t merge(struct box_row *row, size_t n)
{
    size_t out = 0;
    qsort(row, n, sizeof *row, by_content);
    for (size_t i = 0; i < n; i++) {
        bool same = out && !strcmp(row[out - 1].kind, row[i].kind) && !strcmp(row[out - 1].what, row[i].what);
        if (!same) {
            row[out++] = row[i];
            continue;
        }
        row[out - 1].boxes++;
        row[out - 1].used += row[i].used;
        row[out - 1].bytes += row[i].bytes;
    }
    qsort(row, out, sizeof *row, by_boxes);
    return out;
}

static const char *shortened(struct bt_arena *a, const char *z)
{
    return strlen(z) <= MAX_WHAT ? z : bt_arena_printf(a, "%.*s...", MAX_WHAT - 3, z);
}

static void print_phase(struct bt_arena *a, const struct bt_plan *p, const struct bt_plan_phase *ph, struct bt_style st, struct bt_buf *out)
{
    static const char *const heads[] = { "machines", "first", "cards", ">used", ">planned", "on each", NULL };
    size_t n = p->fleet->nboxes, used = 0;
    struct on_box *on = BT_NEWN(a, struct on_box, n);
    struct box_row *row = BT_NEWN(a, struct box_row, n);
    uint64_t bytes = 0;
    for (size_t i = 0; i < ph->n; i++)
        BT_PUSH(a, on[ph->inst[i].box].v, on[ph->inst[i].box].n, &ph->inst[i]);
    for (size_t i = 0; i < n; i++) {
        row[i] = row_of(a, p, i, &on[i]);
        used += row[i].used;
        bytes += row[i].bytes;
    }
    size_t rows = merge(row, n), left = 0;
    struct bt_table *t = bt_table_new(a, heads);
    for (size_t i = 0; i < rows; i++) {
        const struct box_row *r = &row[i];
        if (i < MAX_ROWS)
            bt_table_row(t, bt_arena_printf(a, "%zu", r->boxes), p->fleet->box[r->first].name, r->kind, bt_arena_printf(a, "%zu", r->used),
                         bt_arena_strdup(a, bt_bytes_human(r->bytes)), shortened(a, r->what), NULL);
        else
            left += r->boxes;
    }
    bt_table_rule(t);
    bt_table_row(t, bt_arena_printf(a, "%zu", n), "", bt_arena_printf(a, "%zu", p->fleet->n), bt_arena_printf(a, "%zu", used),
                 bt_arena_strdup(a, bt_bytes_human(bytes)), bt_arena_printf(a, "%zu instance%s", ph->n, ph->n == 1 ? "" : "s"), NULL);
    bt_table_print(t, st, out);
    if (left)
        bt_buf_printf(out, "%zu machines are not shown; --json has them all\n", left);
}

static void print_boundary(const struct bt_plan *p, size_t ph, struct bt_buf *out)
{
    static const char *const did[] = { [BT_MOVE_STAY] = "stay", [BT_MOVE_START] = "start", [BT_MOVE_PARK] = "are parked", [BT_MOVE_RESUME] = "come back",
                                       [BT_MOVE_STOP] = "stop" };
    const char *from = p->phase[ph - 1].name, *to = p->phase[ph].name;
    size_t count[BT_LEN(did)] = { 0 };
    for (size_t i = 0; i < p->nmoves; i++)
        if (!strcmp(p->move[i].from, from) && !strcmp(p->move[i].to, to))
            count[p->move[i].how]++;
    bt_buf_printf(out, "\nfrom %s to %s:", from, to);
    for (size_t i = 0, said = 0; i < BT_LEN(did); i++)
        if (count[i])
            bt_buf_printf(out, "%s %zu %s", said++ ? "," : "", count[i], did[i]);
    double s = bt_planning_boundary_s(p, from, to);
    if (s > 0)
        bt_buf_printf(out, "; about %.0f s on the card that takes longest", s < 1 ? 1 : s);
    bt_buf_puts(out, "\n");
}

static void print_reach(const struct bt_plan *p, enum bt_plan_goal g, const char *what, struct bt_buf *out)
{
    if (p->bound[g] > 0)
        bt_buf_printf(out, "%s: %.2f %% of what no plan can pass\n", what, 100.0 * (double)p->objective[g] / (double)p->bound[g]);
}

void bt_planning_print_boxes(struct bt_arena *a, const struct bt_plan *p, struct bt_style st, struct bt_buf *out)
{
    for (size_t i = 0; i < p->nphases; i++) {
        if (i)
            print_boundary(p, i, out);
        bt_buf_puts(out, "\n");
        if (p->nphases > 1)
            bt_buf_printf(out, "phase %s\n", p->phase[i].name);
        print_phase(a, p, &p->phase[i], st, out);
    }
    bt_buf_puts(out, "\n");
    print_reach(p, BT_GOAL_PLACED, "workloads placed", out);
    print_reach(p, BT_GOAL_WANTS, "contexts and copies wanted", out);
    if (p->objective[BT_GOAL_WANTS] == p->bound[BT_GOAL_WANTS])
        print_reach(p, BT_GOAL_SERVICE, "service", out);
}

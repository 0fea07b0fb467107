/* planning_moves - what happens between the phases of a plan, for people: copies of one workload that do the same are one row. */
#include "base/units.h"
#include "cmd/planning.h"

static bool same_row(const struct bt_plan_move *a, const struct bt_plan_move *b)
{
    return a->inst->w == b->inst->w && a->how == b->how && !strcmp(a->from, b->from) && !strcmp(a->why, b->why) &&
           !strcmp(a->level ? a->level : "", b->level ? b->level : "");
}

static const char *what(struct bt_arena *a, const struct bt_plan_move *m)
{
    return m->level ? bt_arena_printf(a, "%s (%s)", bt_move_names[m->how], m->level) : bt_move_names[m->how];
}

static void row(struct bt_arena *a, struct bt_table *t, const struct bt_plan *p, size_t first)
{
    const struct bt_plan_move *m = &p->move[first];
    size_t copies = 0;
    uint64_t most = 0, ram = 0;
    double seconds = 0;
    for (size_t i = first; i < p->nmoves; i++) {
        if (!same_row(&p->move[i], m))
            continue;
        copies++;
        ram += p->move[i].host_bytes;
        seconds = p->move[i].seconds > seconds ? p->move[i].seconds : seconds;
        for (size_t r = 0; r < p->move[i].inst->nranks; r++)
            most = BT_MAX(most, p->move[i].gpu_bytes[r]);
    }
    bt_table_row(t, copies > 1 ? bt_arena_printf(a, "%s (%zu)", m->inst->w->name, copies) : m->instance, what(a, m),
                 seconds > 0 ? bt_arena_printf(a, "%.0f s", seconds < 1 ? 1 : seconds) : "", most ? bt_arena_strdup(a, bt_bytes_human(most)) : "",
                 ram ? bt_arena_strdup(a, bt_bytes_human(ram)) : "", m->why, NULL);
}

double bt_planning_boundary_s(const struct bt_plan *p, const char *from, const char *to)
{
    struct bt_arena a = { 0 };
    double *per_card = BT_NEWN(&a, double, p->fleet->n + 1), most = 0;
    for (size_t i = 0; i < p->nmoves; i++)
        for (size_t r = 0; !strcmp(p->move[i].from, from) && !strcmp(p->move[i].to, to) && r < p->move[i].inst->nranks; r++) {
            double *s = &per_card[p->move[i].inst->rank[r].gpu];
            *s += p->move[i].seconds;
            most = *s > most ? *s : most;
        }
    bt_arena_release(&a);
    return most;
}

void bt_planning_print_moves(struct bt_arena *a, const struct bt_plan *p, const char *only, struct bt_style st, struct bt_buf *out)
{
    static const char *const heads[] = { "", "what", ">about", ">then on its card", ">RAM", "why", NULL };
    for (size_t ph = 1; ph < p->nphases; ph++) {
        const char *from = p->phase[ph - 1].name, *to = p->phase[ph].name;
        struct bt_table *t = bt_table_new(a, heads);
        bool any = false;
        for (size_t i = 0; i < p->nmoves; i++) {
            bool seen = strcmp(p->move[i].from, from) || strcmp(p->move[i].to, to) || !p->move[i].inst->nranks ||
                        (only && strcmp(p->move[i].inst->w->name, only) != 0);
            for (size_t k = 0; k < i && !seen; k++)
                seen = same_row(&p->move[k], &p->move[i]);
            if (!seen)
                row(a, t, p, i);
            any = any || !seen;
        }
        double s = bt_planning_boundary_s(p, from, to);
        bt_buf_printf(out, "\nfrom %s to %s", from, to);
        if (s > 0)
            bt_buf_printf(out, ", about %.0f s on the card that takes longest", s < 1 ? 1 : s);
        if (only && !any)
            bt_buf_printf(out, ": %s does not move", only);
        else if (!any)
            bt_buf_puts(out, ": nothing moves");
        bt_buf_puts(out, "\n");
        if (any)
            bt_table_print(t, st, out);
    }
}

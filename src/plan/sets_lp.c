/* sets_lp - good prices of copies, by a linear program over the sets that were found so far: each copy once, no more cards of a color than there are, the most
 * service. Its prices ask for new sets (column generation), which make it larger, until none gains. Any prices bound the service: nothing depends on how exact
 * the program is. */
#include <math.h>
#include <string.h>

#include "plan/master.h"
#include "plan/sets_int.h"

#define PIVOT_NODES 4u               /* so many steps of the simplex method are as much work as a node of the search */
#define MOST_PIVOTS 2000u
#define MISSING 4.0                  /* what a copy that has no place costs, in services of all */

static bool may_be(const struct search *s, const struct se_sets *t, const struct ss_set *x)
{
    size_t cls = s->p->cls[t->color[x->color].card];
    uint64_t left = s->p->cap[t->color[x->color].card];
    for (unsigned i = 0; i < x->n; i++) {
        uint64_t least = t->unit[x->unit[i]].least[cls];
        if (!ss_live(s, t, x->unit[i]) || !ss_fullest(t, x->unit[i], x->level) || least > left)
            return false;
        left -= least;
    }
    return true;
}

static double worth_of(const struct search *s, const struct se_sets *t, const struct ss_set *x)
{
    size_t cls = s->p->cls[t->color[x->color].card];
    double sum = x->n > 1 ? -t->shared : 0;
    for (unsigned i = 0; i < x->n && !t->room_only; i++)
        sum += t->unit[x->unit[i]].value[cls * (SE_BUSY + 1) + ss_fullest(t, x->unit[i], x->level)];
    return sum;
}

static double gain_of(const struct se_sets *t, const struct ss_set *x)
{
    double sum = x->worth;
    for (unsigned i = 0; i < x->n; i++)
        sum -= t->price[t->unit[x->unit[i]].work] / t->unit[x->unit[i]].cards + t->own[x->unit[i] * t->ncolors + x->color];
    return sum;
}

void ss_look_again(const struct search *s, struct se_sets *t)
{
    for (size_t i = 0; i < t->nsets; i++) {
        struct ss_set *x = &t->set[i];
        x->off = !may_be(s, t, x);
        x->worth = x->off ? 0 : worth_of(s, t, x);
    }
}

void ss_best_kept(struct se_sets *t)
{
    for (size_t i = 0; i < t->ncolors; i++) {
        t->color[i].best = 0;
        t->color[i].kept = NULL;
    }
    for (size_t i = 0; i < t->nsets; i++) {
        const struct ss_set *x = &t->set[i];
        struct ss_color *c = &t->color[x->color];
        double mine = x->off ? 0 : gain_of(t, x);
        if (mine > c->best) {
            c->best = mine;
            c->kept = x;
        }
    }
}

const struct ss_set *ss_keep(const struct search *s, struct se_sets *t, size_t color, const struct ss_walk *w)
{
    const struct ss_item *v = t->color[color].level[w->best_level].v;
    size_t n = 0;
    for (size_t i = 0; i < w->nbest; i++)
        n += v[w->best_at[i]].with != UINT32_MAX ? 2 : 1;
    if (t->nsets == SS_SETS || !n || n > SS_SEATS)
        return NULL;
    struct ss_set *x = &t->set[t->nsets++];
    *x = (struct ss_set){ .color = (uint16_t)color, .level = (uint8_t)w->best_level };
    for (size_t i = 0; i < w->nbest; i++) {
        const struct ss_item *y = &v[w->best_at[i]];
        x->unit[x->n++] = (uint16_t)y->unit;
        if (y->with != UINT32_MAX)
            x->unit[x->n++] = (uint16_t)y->with;
    }
    x->worth = worth_of(s, t, x);
    return x;
}

/* Rows of works come first, then those of colors, then those of cuts. */
static size_t fill_rows(const struct search *s, const struct se_sets *t, double missing, uint32_t *row, uint32_t *cut, double *side, double *own)
{
    size_t n = 0;
    for (size_t i = 0; i < s->p->n; i++) {
        row[i] = UINT32_MAX;
        if (t->first[i] == t->first[i + 1])
            continue;
        bool may_lack = s->may_skip[i] || s->copies_least[i] < s->copies_most[i];
        row[i] = (uint32_t)n;
        side[n] = s->copies_most[i];
        own[n++] = may_lack ? 0 : -missing;
    }
    for (size_t i = 0; i < t->ncolors; i++) {
        side[n] = (double)t->color[i].count;
        own[n++] = 0;
    }
    for (size_t i = 0; i < t->ncuts; i++) {
        cut[i] = ss_cut_live(s, t, &t->cut[i]) ? (uint32_t)n : UINT32_MAX;
        if (cut[i] != UINT32_MAX)
            side[n] = own[n] = 0;
        n += cut[i] != UINT32_MAX;
    }
    return n;
}

static double most_service(const struct search *s, const struct se_sets *t)
{
    double sum = 1;
    for (size_t i = 0; i < s->p->n && !t->room_only; i++) {
        double best = 0;
        for (size_t u = t->first[i]; u < t->first[i + 1]; u++)
            for (size_t c = 0; c < s->p->nclasses; c++)
                best = BT_MAX(best, t->unit[u].value[c * (SE_BUSY + 1) + 1] * t->unit[u].cards);
        sum += best * s->copies_most[i];
    }
    return sum;
}

struct ss_program {
    struct master *m;
    uint32_t row[SS_WORKS], colors, cut[SS_CUTS];    /* rows; UINT32_MAX: it has none. Those of colors begin there */
    size_t next, first; uint16_t *set;               /* set: of the columns from first on */
};

struct ss_program *ss_program_new(const struct search *s, const struct se_sets *t, size_t more, struct bt_arena *a)
{
    struct ss_program *g = BT_NEW(a, struct ss_program);
    double side[SS_WORKS + BT_MAX_GPUS + SS_CUTS], own[SS_WORKS + BT_MAX_GPUS + SS_CUTS];
    size_t rows = fill_rows(s, t, MISSING * most_service(s, t), g->row, g->cut, side, own), n = 0;
    uint32_t live = 0;
    for (size_t i = 0; i < t->ncuts; i++)
        live += g->cut[i] != UINT32_MAX;
    for (size_t i = 0; i < t->nsets; i++)
        n += !t->set[i].off;
    g->m = ms_new(a, rows, side, own, n + more, (n + more) * (SS_SEATS / 2 + live / 2));
    g->colors = (uint32_t)(rows - live - t->ncolors);
    g->first = rows;
    g->set = BT_NEWN(a, uint16_t, n + more);
    return g;
}

static void add_set(struct ss_program *g, const struct se_sets *t, size_t set)
{
    const struct ss_set *x = &t->set[set];
    struct ms_entry e[SS_SEATS + 1 + SS_CUTS];
    uint32_t n = 0;
    for (unsigned j = 0; j < x->n; j++) {
        const struct ss_unit *u = &t->unit[x->unit[j]];
        uint32_t k = 0;
        while (k < n && e[k].row != g->row[u->work])
            k++;
        if (k == n)
            e[n++] = (struct ms_entry){ g->row[u->work], 0 };
        e[k].by += 1.0 / u->cards;
    }
    e[n++] = (struct ms_entry){ g->colors + x->color, 1 };
    for (size_t r = 0; r < t->ncuts; r++) {
        double by = g->cut[r] == UINT32_MAX ? 0 : ss_in_set(t, &t->cut[r], x);
        if (by != 0)
            e[n++] = (struct ms_entry){ g->cut[r], by };
    }
    size_t at = ms_add(g->m, x->worth, e, n);
    if (at != SIZE_MAX)              /* no room: the prices are those of the others */
        g->set[at - g->first] = (uint16_t)set;
}

double ss_program_solve(struct ss_program *g, struct search *s, double *price)
{
    const struct se_sets *t = s->sets;
    for (; g->next < t->nsets; g->next++)
        if (!t->set[g->next].off)
            add_set(g, t, g->next);
    s->nodes += ms_solve(g->m, MOST_PIVOTS) / PIVOT_NODES;
    for (size_t i = 0; i < s->p->n; i++)
        price[i] = g->row[i] == UINT32_MAX ? 0 : g->m->price[g->row[i]];
    for (size_t i = 0; i < t->ncuts; i++)
        price[s->p->n + i] = g->cut[i] == UINT32_MAX ? 0 : BT_MAX(g->m->price[g->cut[i]], 0.0);
    return ms_value(g->m);
}

void ss_program_parts(const struct ss_program *g, struct se_sets *t)
{
    memset(t->rank, 0, t->nunits * t->ncolors * sizeof *t->rank);
    memset(t->part, 0, t->nunits * (SE_BUSY + 1) * sizeof *t->part);
    for (size_t i = 0; i < g->m->m; i++) {
        if (g->m->in[i] < g->first)
            continue;
        const struct ss_set *x = &t->set[g->set[g->m->in[i] - g->first]];
        for (unsigned j = 0; j < x->n; j++) {
            t->part[x->unit[j] * (SE_BUSY + 1) + ss_fullest(t, x->unit[j], x->level)] += g->m->at[i] / t->unit[x->unit[j]].cards;
            t->rank[x->unit[j] * t->ncolors + x->color] += g->m->at[i];
        }
    }
}

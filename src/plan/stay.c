/* stay - which copy of a workload goes on as which. Each phase's search numbers its copies anew; here one that is where it was, or comes back there, gets
 * the number that it had, and who shares its cards (`same_gpus_as`) goes with it. */
#include "plan/phases.h"

bool pl_copy_stays(const struct pl_stage *x, size_t i, const struct pl_stage *y, size_t j)
{
    const struct pl_copy *a = &x->s.copy[i], *b = &y->s.copy[j];
    const struct pl_work *ka = &x->p->work[a->work], *kb = &y->p->work[b->work];
    if (ka->spec_index != kb->spec_index || a->ncards != b->ncards || x->s.ctx[a->work] != y->s.ctx[b->work])
        return false;
    if (a->ncards && memcmp(a->card, b->card, a->ncards * sizeof *a->card) != 0)
        return false;
    return !ka->server || !a->ncards || (ka->shape[a->shape].tp == kb->shape[b->shape].tp && ka->shape[a->shape].pp == kb->shape[b->shape].pp &&
                                         !strcmp(ka->shape[a->shape].layers, kb->shape[b->shape].layers));
}

size_t pl_copies_of(const struct pl_stage *g, size_t w, size_t *copy)
{
    size_t n = 0;
    for (size_t i = 0; i < g->s.ncopies; i++)
        if (g->p->work[g->s.copy[i].work].spec_index == w)
            copy[n++] = i;
    return n;
}

size_t pl_stayers(const struct pl_stage *x, const struct pl_stage *y, size_t w, const bool *not_x, bool *taken, size_t *to)
{
    size_t a[PL_MAX_COPIES], b[PL_MAX_COPIES], nx = pl_copies_of(x, w, a), ny = pl_copies_of(y, w, b), same = 0;
    bool own[PL_MAX_COPIES] = { false };
    taken = taken ? taken : own;
    for (size_t i = 0; i < nx; i++) {
        size_t j = not_x && not_x[i] ? ny : 0;
        while (j < ny && (taken[j] || !pl_copy_stays(x, a[i], y, b[j])))
            j++;
        if (to)
            to[i] = j < ny ? j : PL_NONE;
        if (j == ny)
            continue;
        taken[j] = true;
        same++;
    }
    return same;
}

/* ---- numbers ---- */

/* The copies of one workload, in the order of the search. */
struct naming { struct pl_stages *all; struct pl_stage *g; const struct pl_stage *before; size_t w; size_t copy[PL_MAX_COPIES], n; bool named[PL_MAX_COPIES]; };

static const struct pl_held *held_as(const struct pl_stage *g, size_t w, uint32_t id)
{
    for (size_t i = 0; i < g->nheld[w]; i++)
        if (g->held[w][i].id == id)
            return &g->held[w][i];
    return NULL;
}

static size_t root_of(const struct pl_problem *p, size_t work)
{
    while (p->work[work].same != PL_NONE)
        work = p->work[work].same;
    return work;
}

/* Of those on the copy's cards: how many there are, and how many of them are where those with the number `id` are. */
static void compare_followers(const struct naming *m, size_t copy, uint32_t id, size_t *followers, size_t *staying)
{
    const struct pl_solution *s = &m->g->s;
    *followers = *staying = 0;
    for (size_t i = 0; i < s->ncopies; i++) {
        const struct pl_copy *c = &s->copy[i];
        size_t w = m->g->p->work[c->work].spec_index;
        if (i == copy || c->replica != s->copy[copy].replica || root_of(m->g->p, c->work) != s->copy[copy].work)
            continue;
        const struct pl_held *h = held_as(m->before, w, id);
        ++*followers;
        *staying += h && pl_copy_stays(&m->all->v[h->stage], h->copy, m->g, i);
    }
}

static bool sleeps_on(const struct pl_stage *g, const struct pl_held *h)
{
    for (size_t i = 0; i < g->nparked; i++)
        if (g->parked[i].stage == h->stage && g->parked[i].copy == h->copy)
            return true;
    return false;
}

/* Numbers of those who were there: first where all on the cards stay, then where it stays itself, then where anybody on its cards does. */
static void keep_numbers(struct naming *m)
{
    const struct pl_held *held = m->before->held[m->w];
    size_t nheld = m->before->nheld[m->w], followers = 0, staying = 0;
    bool gone[PL_MAX_COPIES * 2] = { false }, followed = m->n && m->g->p->work[m->g->s.copy[m->copy[0]].work].followed;
    for (size_t k = 0; k < nheld; k++)
        gone[k] = sleeps_on(m->g, &held[k]);
    for (int pass = followed ? 0 : 1; pass < (followed ? 3 : 2); pass++)
        for (size_t i = 0; i < m->n; i++)
            for (size_t k = 0; k < nheld && !m->named[i]; k++) {
                if (gone[k] || (pass < 2 && !pl_copy_stays(&m->all->v[held[k].stage], held[k].copy, m->g, m->copy[i])))
                    continue;
                if (pass != 1)
                    compare_followers(m, m->copy[i], held[k].id, &followers, &staying);
                if ((pass == 0 && staying < followers) || (pass == 2 && staying == 0))
                    continue;
                m->g->id[m->copy[i]] = held[k].id;
                m->named[i] = gone[k] = true;
            }
}

/* life[] of each copy: in how many of its next phases it stays where it is. */
static void lives(const struct naming *m, size_t *life)
{
    const struct pl_stages *all = m->all;
    size_t at[PL_MAX_COPIES], to[PL_MAX_COPIES], from = (size_t)(m->g - all->v);
    for (size_t i = 0; i < m->n; i++) {
        at[i] = i;
        life[i] = 0;
    }
    for (size_t k = from + 1; k < all->n; k++) {
        if (!pl_active(all, k, m->w))
            continue;
        pl_stayers(&all->v[from], &all->v[k], m->w, NULL, NULL, to);
        for (size_t i = 0; i < m->n; i++) {
            at[i] = at[i] == PL_NONE ? PL_NONE : to[at[i]];
            life[i] += at[i] != PL_NONE;
        }
        from = k;
    }
}

/* The lowest numbers that are free, to those first who will stay longest. */
static void new_numbers(struct naming *m)
{
    size_t life[PL_MAX_COPIES];
    bool taken[PL_MAX_COPIES * 2] = { false };
    uint32_t id = 0;
    lives(m, life);
    for (size_t i = 0; i < m->n; i++)
        if (m->named[i])
            taken[m->g->id[m->copy[i]]] = true;
    for (size_t i = 0; i < m->g->nparked; i++)       /* it comes back with it */
        if (m->g->parked[i].inst->w == &m->all->in->spec->w[m->w])
            taken[m->g->parked[i].inst->replica] = true;
    for (size_t longest = m->all->n + 1; longest-- > 0; )
        for (size_t i = 0; i < m->n; i++) {
            if (m->named[i] || life[i] != longest)
                continue;
            while (taken[id])
                id++;
            m->g->id[m->copy[i]] = id;
            m->named[i] = taken[id] = true;
        }
}

/* Who is there while the phase runs, by workload: of those that come next. */
static void note_held(struct pl_stages *all, size_t i)
{
    struct pl_stage *g = &all->v[i];
    g->held = BT_NEWN(all->a, struct pl_held *, all->in->spec->n + 1);
    g->nheld = BT_NEWN(all->a, size_t, all->in->spec->n + 1);
    for (size_t c = 0; c < g->s.ncopies; c++) {
        size_t w = g->p->work[g->s.copy[c].work].spec_index;
        struct pl_held one = { .stage = i, .copy = c, .id = g->id[c] };
        BT_PUSH(all->a, g->held[w], g->nheld[w], one);
    }
    for (size_t k = 0; k < g->nparked; k++) {        /* behind those who run: they are taken first */
        const struct pl_parked *x = &g->parked[k];
        size_t w = (size_t)(x->inst->w - all->in->spec->w);
        struct pl_held one = { .stage = x->stage, .copy = x->copy, .id = x->inst->replica };
        BT_PUSH(all->a, g->held[w], g->nheld[w], one);
    }
}

void pl_number(struct pl_stages *all, size_t i)
{
    struct pl_stage *g = &all->v[i];
    struct pl_problem *p = g->p;
    struct pl_solution *s = &g->s;
    g->id = BT_NEWN(all->a, uint32_t, s->ncopies + 1);
    for (size_t c = 0; c < s->ncopies; c++)
        g->id[c] = s->copy[c].replica;
    if (all->n == 1)
        return;
    for (size_t k = 0; k < p->n; k++) {
        struct naming m = { .all = all, .g = g, .before = i ? &all->v[i - 1] : NULL, .w = p->work[k].spec_index };
        m.n = p->work[k].same == PL_NONE ? pl_copies_of(g, m.w, m.copy) : 0;
        if (m.n && m.before)
            keep_numbers(&m);
        if (m.n)
            new_numbers(&m);
    }
    for (size_t c = 0; c < s->ncopies; c++) {
        size_t work = s->copy[c].work, root = root_of(p, work);
        for (size_t r = 0; r < s->ncopies && root != work; r++)
            if (s->copy[r].work == root && s->copy[r].replica == s->copy[c].replica)
                g->id[c] = g->id[r];
    }
    note_held(all, i);
}

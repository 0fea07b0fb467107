/* fits_ways - what those to come can tell of the cards as they are, and which ways to be so far led nowhere: cards of one kind that hold as many bytes, with
 * the same works on them as far as those to come mind, are one. A way is remembered whole, not as a hash of it; only which ranks sit on a card, where contexts
 * count too, is a sum of 64-bit mixes, beside the bytes and works that are compared as they are. */
#include <string.h>

#include "plan/fits_int.h"

#define MAX_MEMO (1u << 17)          /* ways that led nowhere: past that no more are remembered */
#define KEPT_BYTES (UINT64_C(48) << 20)              /* of those that are kept from look to look, in all */
#define MIN_BUCKETS 256u             /* one for each node that a look may take, about: as many as ways may be remembered at most */

/* ---- cards ---- */

uint64_t sf_useful_room(struct sf_look *f, size_t depth, size_t g)
{
    return se_useful(f->t->useful, f->s, &(struct se_left){ g, f->s->p->cap[g] - f->load[g], f->works[g] & f->minded[depth], f->coming[depth] }, &f->steps);
}

/* depth: of the works that are still to come. */
static struct sf_place seen_from(struct sf_look *f, size_t depth, size_t g)
{
    if (!f->wants) {
        uint64_t room = sf_useful_room(f, depth, g);
        if (!room && f->s->p->cap[g] > 0)            /* nobody can use it, but who sits on another's cards may mind whose they are */
            return (struct sf_place){ UINT64_MAX, 0, f->sat[g] & f->seats[depth], 0, UINT32_MAX, 0, 0, 0 };
        return (struct sf_place){ f->s->p->cap[g] - room, f->works[g] & f->minded[depth], f->sat[g] & f->seats[depth], 0, (uint32_t)f->t->color[g],
                               f->mind_tenants ? f->tenants[g] : 0, f->at_most[g], 0 };
    }
    return (struct sf_place){ f->load[g], f->works[g] & f->minded[depth], f->sat[g] & f->seats[depth], f->wants ? f->ranks[g] : 0, (uint32_t)f->t->color[g],
                           f->mind_tenants ? f->tenants[g] : 0, f->at_most[g], 0 };
}

static int place_cmp(const struct sf_place *a, const struct sf_place *b)
{
    if (a->color != b->color)
        return a->color < b->color ? -1 : 1;
    if (a->load != b->load)
        return a->load < b->load ? -1 : 1;
    if (a->works != b->works)
        return a->works < b->works ? -1 : 1;
    if (a->seats != b->seats)
        return a->seats < b->seats ? -1 : 1;
    if (a->ranks != b->ranks)
        return a->ranks < b->ranks ? -1 : 1;
    if (a->tenants != b->tenants)
        return a->tenants < b->tenants ? -1 : 1;
    return (a->at_most > b->at_most) - (a->at_most < b->at_most);
}

void sf_alike(const struct sf_look *f, const struct sf_place *seen, size_t *now)
{
    for (size_t g = 0; g < f->s->ncards; g++)
        for (now[g] = 0; now[g] < g && place_cmp(&seen[g], &seen[now[g]]) != 0; )
            now[g]++;
}

/* ---- what led nowhere ---- */

/* seen: each card. */
struct sf_tried *sf_way_so_far(struct sf_look *f, size_t depth, uint32_t copy, struct sf_place *seen)
{
    size_t n = f->s->ncards;
    if (!f->way[f->ncopies])
        f->way[f->ncopies] = bt_arena_alloc(f->a, sizeof **f->way + n * sizeof *f->way[0]->place);
    struct sf_tried *t = f->way[f->ncopies];
    for (size_t g = 0; g < n; g++) {
        size_t j = g;
        seen[g] = seen_from(f, depth, g);
        for (; j > 0 && place_cmp(&t->place[j - 1], &seen[g]) > 0; j--)
            t->place[j] = t->place[j - 1];
        t->place[j] = seen[g];
    }
    t->coming = f->coming[depth];
    t->at = copy ? (f->order[depth] * PL_MAX_COPIES + copy) << 16 | sf_shape_of(f, f->order[depth], f->taken[depth])->index : 0;
    t->hash = se_mixed(t->at, t->coming);
    for (size_t g = 0; g < n; g++)
        t->hash = se_mixed(se_mixed(se_mixed(t->hash, t->place[g].load), t->place[g].works + t->place[g].ranks), t->place[g].seats + t->place[g].tenants);
    return t;
}

bool sf_known(const struct sf_look *f, const struct sf_tried *t)
{
    for (const struct sf_tried *x = f->memo->v[t->hash & f->memo->buckets]; x; x = x->next)
        if (x->hash == t->hash && x->coming == t->coming && x->at == t->at && !memcmp(x->place, t->place, f->s->ncards * sizeof *x->place))
            return true;
    return false;
}

void sf_remember(struct sf_look *f, const struct sf_tried *way)
{
    struct se_ways *m = f->memo;
    size_t bytes = sizeof *way + f->s->ncards * sizeof *way->place;
    if (m->n == MAX_MEMO || (m->a == f->s->a && f->s->ways_bytes + bytes > KEPT_BYTES))
        return;
    m->n++;
    f->s->ways_bytes += m->a == f->s->a ? bytes : 0;
    struct sf_tried *t = bt_arena_alloc(m->a, bytes);
    memcpy(t, way, bytes);
    t->next = m->v[t->hash & m->buckets];
    m->v[t->hash & m->buckets] = t;
}

static struct se_ways *new_ways(struct bt_arena *a, size_t buckets)
{
    struct se_ways *m = BT_NEW(a, struct se_ways);
    *m = (struct se_ways){ .a = a, .v = BT_NEWN(a, struct sf_tried *, buckets), .buckets = buckets - 1 };
    return m;
}

/* Those of earlier looks, where such are kept; else none yet. */
struct se_ways *sf_ways_for(struct search *s, struct bt_arena *a, bool wants, uint64_t nodes)
{
    size_t buckets = MIN_BUCKETS;
    if (s->kept && !s->wide && !s->as_good) {
        struct se_ways **kept = &s->kept->of[wants];
        if (!*kept)
            *kept = new_ways(s->a, MAX_MEMO);
        return *kept;
    }
    while (buckets < MAX_MEMO && buckets < nodes)
        buckets *= 2;
    return new_ways(a, buckets);
}

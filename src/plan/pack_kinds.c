/* pack_kinds - what a look card by card (pack.c) knows before the first card is given: which copies are alike, the ways that each may stand and the bytes of
 * its stages, cards that nothing tells apart, and what is left for each way after so many of them. */
#include <string.h>

#include "plan/pack_int.h"

/* The least of a rank of the work on so many cards, one of them of the class. */
static uint64_t least_of(const struct search *s, size_t work, uint32_t cards, size_t cls)
{
    uint64_t least = UINT64_MAX;
    for (size_t i = 0; i < s->work[work].nshapes; i++) {
        const struct se_shape *sh = &s->work[work].shape[i];
        if (sh->cards == cards && pk_may_have(s, work, i) && (!s->sets || se_sets_classes(s, work, i) >> cls & 1))
            least = BT_MIN(least, sh->rank_least[cls]);
    }
    return least;
}

/* What a rank of the stage takes on a card of the class, at least. UINT64_MAX: it does not go there. */
static uint64_t stage_least(const struct search *s, const struct se_work *w, const struct se_shape *sh, uint32_t stage, size_t cls)
{
    uint64_t least = UINT64_MAX;
    for (size_t c = 0; c < s->p->nclasses; c++) {    /* a pipeline's needs are those on its poorest card */
        const struct se_row *r = &sh->row[c * sh->pp + stage];
        uint64_t floor = sh->limit ? sh->limit[cls] : r->floor;
        if (se_reckoned(s, sh, c, cls) && w->on_class[cls] && (w->k->claim == PL_WHOLE || r->need <= floor))
            least = BT_MIN(least, floor);
    }
    return least;
}

/* [color] of a rank of the stage and those that sit beside it. */
static void stage_bytes(const struct pk_pack *x, const struct pk_kind *k, const struct pk_way *w, uint32_t stage, uint64_t *out)
{
    const struct search *s = x->s;
    const struct se_shape *sh = &s->work[k->main].shape[w->shape];
    uint64_t classes = s->sets ? se_sets_classes(s, k->main, w->shape) : UINT64_MAX;
    for (size_t c = 0; c < x->ncolors; c++) {
        size_t g = x->card[c], cls = s->p->cls[g];
        bool name = w->on == PL_NONE || !strcmp(s->p->fleet->gpus[g].name, s->p->fleet->gpus[s->p->cls_card[w->on]].name);
        uint64_t sum = name && classes >> cls & 1 && pl_card_for(s->p, sh->cards, g) ? stage_least(s, &s->work[k->main], sh, stage, cls) : UINT64_MAX;
        for (uint64_t left = k->works; left && sum < UINT64_MAX; left &= left - 1) {
            size_t q = (size_t)__builtin_ctzll(left);
            uint64_t more = q == k->main ? 0 : least_of(s, q, sh->cards, cls);
            sum = more == UINT64_MAX || s->p->work[q].pos[g] < 0 ? UINT64_MAX : sum + more;
        }
        out[c] = sum <= s->p->cap[g] ? sum : UINT64_MAX;
    }
}

/* A stage like one of the parts, or one part more; the last part takes the least of all that are left. */
static void add_stage(const struct pk_pack *x, struct pk_way *w, uint32_t stage, const uint64_t *bytes, uint32_t ranks)
{
    size_t i = 0;
    while (i < w->nparts && memcmp(w->bytes[i], bytes, x->ncolors * sizeof *bytes))
        i++;
    if (i == PK_PARTS) {
        i--;
        for (size_t c = 0; c < x->ncolors; c++)
            w->bytes[i][c] = BT_MIN(w->bytes[i][c], bytes[c]);
    } else if (i == w->nparts) {
        memcpy(w->bytes[w->nparts++], bytes, x->ncolors * sizeof *bytes);
    }
    w->count[i] = (uint8_t)(w->count[i] + ranks);
    w->part_of[stage] = (uint8_t)i;
}

static bool add_way(const struct pk_pack *x, struct pk_kind *k, size_t shape, size_t on)
{
    const struct se_shape *sh = &x->s->work[k->main].shape[shape];
    uint64_t bytes[BT_MAX_GPUS];
    if (k->nways == PK_WAYS || shape >= UINT8_MAX || sh->cards > UINT8_MAX)
        return false;
    struct pk_way *w = &k->way[k->nways++];
    *w = (struct pk_way){ .shape = shape, .on = on, .cards = sh->cards, .part_of = BT_NEWN(x->a, uint8_t, sh->pp) };
    for (uint32_t j = 0; j < sh->pp; j++) {
        stage_bytes(x, k, w, j, bytes);
        add_stage(x, w, j, bytes, sh->tp);
    }
    for (size_t c = 0; c < x->ncolors; c++)
        for (size_t i = 0; i < w->nparts; i++)
            w->goes |= (uint64_t)(w->bytes[i][c] < UINT64_MAX) << c;
    return true;
}

static bool add_ways(const struct pk_pack *x, struct pk_kind *k)
{
    const struct search *s = x->s;
    const struct se_work *w = &s->work[k->main];
    for (size_t i = 0; i < w->nshapes; i++) {
        if (!pk_may_have(s, k->main, i))
            continue;
        if (w->shape[i].pp > 1 || w->shape[i].cards == 1) {
            if (!add_way(x, k, i, PL_NONE))
                return false;
            continue;
        }
        for (size_t c = 0; c < s->p->nclasses; c++)
            if (se_first_of_kind(s, w, c) && se_alike(s, w->k, c) >= w->shape[i].tp && !add_way(x, k, i, c))
                return false;
    }
    return true;
}

/* The bytes of its ranks on a card of the color, the largest first. */
static void ranks_of(const struct pk_way *w, size_t color, uint64_t *out)
{
    size_t n = 0;
    for (size_t i = 0; i < w->nparts; i++)
        for (uint32_t r = 0; r < w->count[i]; r++) {
            size_t j = n++;
            for (; j > 0 && out[j - 1] < w->bytes[i][color]; j--)
                out[j] = out[j - 1];
            out[j] = w->bytes[i][color];
        }
}

/* Wherever b goes, a goes with no more: as wide, anywhere, and b's stages are all alike, or all cards are of one color. */
static bool covers(const struct pk_pack *x, const struct pk_way *a, const struct pk_way *b)
{
    uint64_t mine[UINT8_MAX + 1], other[UINT8_MAX + 1];
    if (a->cards != b->cards || (a->on != PL_NONE && a->on != b->on) || (b->nparts > 1 && a->nparts > 1 && x->ncolors > 1))
        return false;
    for (size_t c = 0; c < x->ncolors; c++) {
        if (!(b->goes >> c & 1))
            continue;
        ranks_of(a, c, mine);
        ranks_of(b, c, other);
        for (uint32_t r = 0; r < a->cards; r++)
            if (mine[r] > other[r])
                return false;
    }
    return true;
}

/* Shapes that another makes needless, on all kinds of card: copies have one shape. */
static void drop_needless(const struct pk_pack *x, struct pk_kind *k)
{
    bool gone[UINT8_MAX] = { false };                /* [shape] */
    size_t n = 0;
    for (size_t i = 0; i < k->nways; i++)
        for (size_t j = 0; j < k->nways && !gone[k->way[i].shape]; j++) {
            const struct pk_way *a = &k->way[j];
            bool all = a->on == PL_NONE && a->shape != k->way[i].shape && !gone[a->shape];
            for (size_t b = 0; b < k->nways && all; b++)
                all = k->way[b].shape != k->way[i].shape || covers(x, a, &k->way[b]);
            gone[k->way[i].shape] = all;
        }
    for (size_t i = 0; i < k->nways; i++)
        if (!gone[k->way[i].shape])
            k->way[n++] = k->way[i];
    k->nways = n;
}

/* Copies of a work that follows nobody, those with the same followers as one. False: not asked here. */
static bool add_kinds(struct pk_pack *x, size_t root, const uint64_t *followers)
{
    const struct search *s = x->s;
    const struct pl_problem *p = s->p;
    for (uint32_t copy = 0; copy < s->copies_most[root]; copy++) {
        uint64_t works = UINT64_C(1) << root, friends = UINT64_MAX;
        for (uint64_t left = followers[root]; left; left &= left - 1)
            if (copy < s->copies_most[__builtin_ctzll(left)])
                works |= left & -left;
        if (copy && works == x->kind[x->nkinds - 1].works) {
            x->kind[x->nkinds - 1].copies++;
            continue;
        }
        for (uint64_t left = works; left; left &= left - 1)
            for (size_t j = 0; j < p->n; j++)        /* who belongs to it sits beside it */
                if (!p->may_share[(size_t)__builtin_ctzll(left) * p->n + j] && ((size_t)__builtin_ctzll(left) == j || !(works >> j & 1)))
                    friends &= ~(UINT64_C(1) << j);
        if (x->nkinds == BT_LEN(x->kind))
            return false;
        struct pk_kind *k = &x->kind[x->nkinds++];
        *k = (struct pk_kind){ root, works, friends, 1, BT_NEWN(x->a, struct pk_way, PK_WAYS), 0 };
        for (uint64_t left = works; left; left &= left - 1)
            if (s->work[__builtin_ctzll(left)].any.least > s->work[k->main].any.least)
                k->main = (size_t)__builtin_ctzll(left);
        if (!add_ways(x, k))
            return false;
        drop_needless(x, k);
    }
    return true;
}

bool pk_fill_kinds(struct pk_pack *x)
{
    const struct search *s = x->s;
    const struct pl_problem *p = s->p;
    uint64_t followers[64] = { 0 };
    for (size_t w = 0; w < p->n; w++) {
        size_t up = p->work[w].same;
        if (p->work[w].cpu_only || !s->copies_most[w] || up == PL_NONE)
            continue;
        if (p->work[up].cpu_only || s->copies_most[up] < s->copies_most[w])
            return false;
        for (size_t n = p->n; up != PL_NONE && n; up = p->work[up].same, n--)
            followers[up] |= UINT64_C(1) << w;
    }
    for (size_t w = 0; w < p->n; w++)
        if (!p->work[w].cpu_only && s->copies_most[w] && p->work[w].same == PL_NONE) {
            x->roots |= UINT64_C(1) << w;
            if (!add_kinds(x, w, followers))
                return false;
        }
    return true;
}

void pk_fill_colors(struct pk_pack *x, struct pk_state *st)
{
    const struct pl_problem *p = x->s->p;
    for (size_t g = 0; g < x->s->ncards; g++) {
        size_t c = 0;
        while (c < x->ncolors && !se_same_color(p, g, x->card[c]))
            c++;
        if (c < x->ncolors) {
            st->left[c]++;
            continue;
        }
        for (; c > 0 && p->cap[x->card[c - 1]] > p->cap[g]; c--) {
            x->card[c] = x->card[c - 1];
            st->left[c] = st->left[c - 1];
        }
        x->card[c] = g;
        st->left[c] = 1;
        x->ncolors++;
    }
}

void pk_fill_left(struct pk_pack *x, const struct pk_state *st)
{
    uint8_t left[BT_MAX_GPUS];
    memcpy(left, st->left, sizeof left);
    for (size_t given = 0, c = 0; given <= x->s->ncards; given++) {
        for (size_t i = 0; i < x->ncolors; i++)
            x->room[given] += left[i] * pk_cap_of(x, i);
        for (size_t i = 0; i < x->nkinds; i++)
            for (size_t j = 0; j < x->kind[i].nways; j++) {
                struct pk_way *w = &x->kind[i].way[j];
                if (!given) {
                    w->places = BT_NEWN(x->a, uint32_t, x->s->ncards + 1);
                    w->least = bt_arena_alloc(x->a, (x->s->ncards + 1) * sizeof *w->least);
                }
                memset(w->least[given], 0xff, sizeof *w->least);
                for (size_t k = 0; k < x->ncolors; k++) {
                    w->places[given] += w->goes >> k & 1 ? left[k] : 0;
                    for (size_t p = 0; p < w->nparts && left[k]; p++)
                        w->least[given][p] = BT_MIN(w->least[given][p], w->bytes[p][k]);
                }
            }
        while (c < x->ncolors && !left[c])
            c++;
        if (c < x->ncolors)
            left[c]--;
    }
}

/* leaf - a placement that is complete: contexts and KV are given out, it is scored, and kept if it is better than the best. */
#include <string.h>

#include "plan/search_int.h"

#define LOOKS_A_NODE 8u              /* so many looks at a copy's room, when contexts and KV are given out, are as much work as a node */

static void keep(struct search *s, const struct pl_room *room, const uint64_t *ctx, const struct pl_score *score)
{
    struct pl_solution *o = s->out;
    struct pl_problem *p = s->p;
    bool had = se_has(s);
    if (!o->copy) {                  /* once: a better plan goes where the last one was */
        o->copy = BT_NEWN(p->a, struct pl_copy, s->max_copies + 1);
        o->blocks = BT_NEWN(p->a, uint64_t, s->max_copies + 1);
        o->ctx = BT_NEWN(p->a, uint64_t, p->n + 1);
    }
    o->found = true;
    o->ncopies = 0;
    for (size_t w = 0; w < p->n; w++)                /* in the order of the plan, whatever the order of the search */
        for (uint32_t r = 0; r < s->placed[w]; r++) {
            struct pl_copy *c = &o->copy[o->ncopies];
            size_t from = s->first_copy[w][r];
            *c = s->copy[from];
            c->card = BT_NEWN(p->a, size_t, c->ncards + 1);
            if (c->ncards)
                memcpy(c->card, s->copy[from].card, c->ncards * sizeof *c->card);
            o->blocks[o->ncopies] = 0;
            for (size_t i = 0; i < room->n; i++)
                if (room->use[i].copy == from)
                    o->blocks[o->ncopies] = room->use[i].blocks;
            o->ncopies++;
        }
    for (size_t i = 0; i < p->n; i++)
        o->ctx[i] = p->work[i].server && s->placed[i] ? ctx[i] : 0;
    bool enough = s->any && (!s->wants_only || !had || pl_score_cmp(score, &s->best, BT_GOAL_SERVICE) > 0);
    o->score = s->best = *score;
    o->score.v[BT_GOAL_LOWEST] = se_lowest(s);
    s->first = true;
    if (enough || s->p->any_plan || (s->target && pl_score_cmp(score, s->target, BT_GOAL_LOWEST) >= 0))
        s->stop = true;
}

static int64_t dealt_free(struct pl_room *room, const uint64_t *ctx, uint64_t *load)
{
    const struct pl_problem *p = room->p;
    pl_deal(room, ctx);
    pl_room_load(room, load);
    for (size_t g = 0; g < p->fleet->n; g++)
        if (room->rest[g])
            load[g] = p->cap[g];
    return se_free(p, load);
}

void pl_rescore_free(struct pl_problem *p, struct pl_solution *s)
{
    struct pl_room room;
    uint64_t load[BT_MAX_GPUS];
    pl_room_init(&room, p, s->copy, s->ncopies);
    s->score.v[BT_GOAL_FREE] = dealt_free(&room, s->ctx, load);
}

void se_leaf(struct search *s)
{
    s->nodes += SE_LEAF_NODES + s->p->n * s->ncards / SE_BOUND_NODES;
    struct pl_problem *p = s->p;
    struct bt_arena scratch = { 0 }, *mine = p->a;
    p->a = &scratch;
    struct pl_room room;
    struct pl_score score;
    uint64_t *ctx = BT_NEWN(&scratch, uint64_t, p->n + 1), *load = BT_NEWN(&scratch, uint64_t, BT_MAX(s->ncards, (size_t)BT_MAX_GPUS));
    pl_room_init(&room, p, s->copy, s->ncopies);
    if (p->ram_binds && !pl_room_holds(&room)) {
        p->a = mine;
        bt_arena_release(&scratch);
        return;
    }
    pl_grant(&room, ctx);
    s->nodes += room.looks / LOOKS_A_NODE;
    se_bound(s, p->n, ctx, &score);
    if (s->visit) {
        p->a = mine;
        if (pl_score_cmp(&score, s->target, BT_GOAL_SHARED) >= 0 && s->visit->take(s->visit->ctx, s, ctx))
            s->stop = s->visit->taken = true;
        bt_arena_release(&scratch);
        return;
    }
    int worst = s->first ? 0 : -1;   /* the first of equals is kept */
    if (!se_has(s) || pl_score_cmp(&score, &s->best, BT_GOAL_FREE) >= 0) {
        score.v[BT_GOAL_FREE] = dealt_free(&room, ctx, load);
        p->a = mine;
        bool reaches = !s->target || pl_score_cmp(&score, s->target, BT_GOAL_LOWEST) >= 0;    /* bounds that take all wants as equal are held against it */
        if (reaches && (!se_has(s) || pl_score_cmp(&score, &s->best, BT_GOAL_LOWEST) > worst))
            keep(s, &room, ctx, &score);
    }
    p->a = mine;
    bt_arena_release(&scratch);
}

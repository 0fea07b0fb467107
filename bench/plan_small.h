/* plan_small.h - problems small enough to try every way to give shapes and cards to copies: without bounds, without symmetry, in any order. The
 * enumeration uses the search's ledger and deal (kv.c); what it judges is that the search misses nothing and prunes nothing that it needs. */
#ifndef PLAN_SMALL_H
#define PLAN_SMALL_H
#include "plan/plan_int.h"
#include "plan_draw.h"

/* ---- random specs ---- */

static const char *const small_names[] = { "a", "b", "c", "d" };

static inline void small_workload(struct draw *d, struct bt_buf *b, unsigned i, unsigned n, unsigned cards, const bool *server)
{
    static const char *const models[] = { "Qwen/Qwen2.5-7B-Instruct", "Qwen/Qwen3-4B", "Qwen/Qwen2.5-14B-Instruct", "HuggingFaceTB/SmolLM2-135M" };
    static const char *const sizes[] = { "4GiB", "9GiB", "30%", "55%", "rest", "auto", "16GiB" };
    unsigned others = n > 1;
    bool follows = i > 0 && draw(d, 5) == 0, never = false, job = false;
    if (server[i]) {
        bt_buf_printf(b, "  %s: {engine: vllm, model: %s", small_names[i], models[draw(d, 4)]);
        if (!follows && draw(d, 2))
            bt_buf_printf(b, ", gpus: %u", 1 + draw(d, 2));
        else if (!follows)
            bt_buf_printf(b, ", gpus: {min: 1, max: %u}", 2 + draw(d, 2));
        unsigned c = draw(d, i > 0 && server[i - 1] ? 5 : 4);
        if (c == 0)
            bt_buf_printf(b, ", context: {min: %u, want: %u}", 512 + 512 * draw(d, 4), 4096 + 4096 * draw(d, 2));
        else if (c == 1)
            bt_buf_printf(b, ", context: %u", 1024 + 1024 * draw(d, 4));
        else if (c == 2)
            bt_buf_puts(b, ", context: {min: 2048}");
        else if (c == 4)
            bt_buf_printf(b, ", context: {same_as: %s}", small_names[i - 1]);
        if (draw(d, 4) == 0)
            bt_buf_printf(b, ", memory: %u%%", 35 + 10 * draw(d, 5));
        if (draw(d, 5) == 0)
            bt_buf_printf(b, ", requests: %u", 2 + draw(d, 4));
    } else {
        job = draw(d, 3) == 0;
        bool cpu = !follows && draw(d, 8) == 0;
        bt_buf_printf(b, "  %s: {kind: %s, command: [x]", small_names[i], job ? "job" : "service");
        if (cpu)
            bt_buf_puts(b, ", gpus: 0");
        else
            bt_buf_printf(b, ", memory: %s", sizes[draw(d, 7)]);
        if (!cpu && !follows && draw(d, 3) == 0)
            bt_buf_printf(b, ", gpus: %u", 1 + draw(d, 2));
        never = !follows && draw(d, 5) == 0;
    }
    if (follows)
        bt_buf_printf(b, ", gpus: 1, same_gpus_as: %s", small_names[i - 1]);
    if (draw(d, 4) == 0)
        bt_buf_printf(b, ", %s: {want: 2, min: 1}", job ? "slots" : "replicas");
    if (draw(d, 5) == 0 && cards > 1)
        bt_buf_printf(b, ", pool: [%u, 0]", 1 + draw(d, cards - 1));
    if (never)
        bt_buf_puts(b, ", share: never");
    else if (others && !follows && draw(d, 8) == 0)
        bt_buf_printf(b, ", apart: [%s]", small_names[(i + 1) % n]);
    if (draw(d, 5) == 0)
        bt_buf_puts(b, ", optional: true");
    if (draw(d, 5) == 0)
        bt_buf_printf(b, ", priority: %u", 1 + draw(d, 3));
    bt_buf_puts(b, "}\n");
}

static inline const char *small_spec(struct draw *d, struct bt_arena *a, const char **fleet)
{
    static const struct { const char *name; unsigned cards; } fleets[] = {
        { "1xRTX-4090", 1 }, { "2xRTX-4090", 2 }, { "2xA100-SXM4-40GB", 2 }, { "1xRTX-4090+1xA100-SXM4-40GB", 2 }, { "3xRTX-4090", 3 }, { "1xA100-SXM4-40GB+2xRTX-4090", 3 },
    };
    unsigned f = draw(d, 6), n = 1 + draw(d, 3);
    bool server[4];
    bt_auto_buf struct bt_buf b = BT_BUF(8192);
    bt_buf_puts(&b, "name: t\nworkloads:\n");
    for (unsigned i = 0; i < n; i++)
        server[i] = draw(d, 5) < 3;
    for (unsigned i = 0; i < n; i++)
        small_workload(d, &b, i, n, fleets[f].cards, server);
    *fleet = fleets[f].name;
    return bt_arena_strdup(a, bt_buf_z(&b));
}

/* ---- enumeration ---- */

#define BRUTE_COPIES 96              /* that can be scored; fewer are enumerated */

struct brute {
    struct pl_problem *p; struct pl_copy copy[BRUTE_COPIES]; size_t card[16][8]; size_t n; struct pl_score best; bool found; uint64_t leaves;
    void (*visit)(struct brute *b, const uint64_t *ctx, const struct pl_score *score); void *arg;      /* each placement that fits, or NULL */
    double (*rate)(const struct pl_problem *p, const struct pl_shape *s, const size_t *card);           /* NULL = as the search counts it */
};

static inline bool brute_fits(const struct brute *b)
{
    const struct pl_problem *p = b->p;
    uint64_t load[BT_MAX_GPUS] = { 0 };
    for (size_t i = 0; i < b->n; i++) {
        const struct pl_copy *c = &b->copy[i];
        const struct pl_work *k = &p->work[c->work];
        const struct pl_shape *s = c->ncards ? &k->shape[c->shape] : NULL;
        size_t cls = c->ncards ? pl_cost_class(p, c->card, c->ncards) : 0;
        for (uint32_t j = 0; j < c->ncards; j++) {
            size_t g = c->card[j];
            if (k->pos[g] < 0 || (c->ncards > 1 && p->fleet->gpus[g].mig_of))
                return false;
            for (uint32_t q = 0; q < j; q++)
                if (c->card[q] == g || (q / s->tp == j / s->tp && strcmp(p->fleet->gpus[c->card[q]].name, p->fleet->gpus[g].name)))
                    return false;
            load[g] += pl_floor(p, k, s, cls, j, g);
            if (k->server && k->claim == PL_LIMIT) {
                const struct bt_need_rank *r = &s->cost[cls].need->rank[j / s->tp];
                if (r->fixed_bytes + bt_need_kv_for(s->cost[cls].need, r, k->ctx_min, k->w->requests) > pl_limit(k, &p->fleet->gpus[g]))
                    return false;
            }
        }
        for (size_t o = 0; o < i; o++)
            for (uint32_t j = 0; j < c->ncards; j++)
                for (uint32_t q = 0; q < b->copy[o].ncards; q++)
                    if (b->copy[o].card[q] == c->card[j] && !p->may_share[c->work * p->n + b->copy[o].work])
                        return false;
        if (k->same == PL_NONE)
            continue;
        bool ok = false;
        for (size_t o = 0; o < b->n; o++)
            if (b->copy[o].work == k->same && b->copy[o].replica == c->replica && b->copy[o].ncards == c->ncards) {
                ok = true;
                for (uint32_t j = 0; j < c->ncards; j++) {
                    bool in = false;
                    for (uint32_t q = 0; q < c->ncards; q++)
                        in = in || b->copy[o].card[q] == c->card[j];
                    ok = ok && in;
                }
            }
        if (!ok)
            return false;
    }
    for (size_t g = 0; g < p->fleet->n; g++)
        if (load[g] > p->cap[g])
            return false;
    return true;
}

static inline double brute_rate(const struct brute *b, const struct pl_shape *s, const size_t *card)
{
    return b->rate ? b->rate(b->p, s, card) : pl_rate(b->p, s, card, NULL);
}

static inline void brute_score(struct brute *b, const struct pl_room *room, const uint64_t *ctx, const uint64_t *load, struct pl_score *o)
{
    const struct pl_problem *p = b->p;
    unsigned on[BT_MAX_GPUS] = { 0 }, copies[BRUTE_COPIES] = { 0 };
    *o = (struct pl_score){ 0 };
    for (size_t i = 0; i < b->n; i++) {
        copies[b->copy[i].work]++;
        for (uint32_t j = 0; j < b->copy[i].ncards; j++)
            on[b->copy[i].card[j]]++;
    }
    for (int64_t prio = 3; prio >= 0; prio--) {      /* levels that occur, highest first */
        bool occurs = false;
        unsigned placed = 0;
        for (size_t i = 0; i < p->n; i++)
            if (p->work[i].w->priority == prio) {
                occurs = true;
                placed += copies[i] > 0;
            }
        if (occurs)
            o->placed[o->nlevels++] = placed;
    }
    for (size_t i = 0; i < p->n; i++) {
        const struct pl_work *k = &p->work[i];
        if (k->server && copies[i])
            o->v[1] += (int64_t)(1000.0 * (double)ctx[i] / (double)k->ctx_want + 1e-6);
        if (k->copies_want > 1)
            o->v[1] += 1000 * copies[i] / k->copies_want;
    }
    for (size_t i = 0; i < b->n; i++) {
        const struct pl_copy *c = &b->copy[i];
        const struct pl_work *k = &p->work[c->work];
        unsigned most = 1;
        for (uint32_t j = 0; j < c->ncards; j++)
            most = BT_MAX(most, on[c->card[j]]);
        if (c->ncards && k->solo_best > 0)
            o->v[2] += (int64_t)(k->weight * brute_rate(b, &k->shape[c->shape], c->card) / k->solo_best / most / k->copies_want * 1000 + 1e-6);
        if (c->ncards && k->server && k->shape[c->shape].tp > 1)
            o->v[3] -= !pl_nvlink(p, &k->shape[c->shape], c->card);
    }
    for (size_t g = 0; g < p->fleet->n; g++) {
        o->v[3] -= on[g] > 1;
        uint64_t used = room->rest[g] ? p->cap[g] : load[g];
        o->v[4] = BT_MAX(o->v[4], (int64_t)(p->cap[g] - used));
    }
}

/* Of copies that fit: contexts into ctx[p->n]. False: RAM does not hold them. */
static inline bool brute_scored(struct brute *b, uint64_t *ctx, struct pl_score *score)
{
    uint64_t load[BT_MAX_GPUS];
    struct pl_room room;
    pl_room_init(&room, b->p, b->copy, b->n);
    if (b->p->ram_binds && !pl_room_holds(&room))
        return false;
    pl_grant(&room, ctx);
    pl_deal(&room, ctx);
    pl_room_load(&room, load);
    brute_score(b, &room, ctx, load, score);
    return true;
}

static inline void brute_leaf(struct brute *b)
{
    if (!brute_fits(b))
        return;
    struct bt_arena scratch = { 0 }, *mine = b->p->a;
    b->p->a = &scratch;
    uint64_t *ctx = BT_NEWN(&scratch, uint64_t, b->p->n + 1);
    struct pl_score score;
    bool holds = brute_scored(b, ctx, &score);
    b->p->a = mine;
    if (holds) {
        if (!b->found || pl_score_cmp(&score, &b->best, 5) > 0)
            b->best = score;
        b->found = true;
        b->leaves++;
        if (b->visit)
            b->visit(b, ctx, &score);
    }
    bt_arena_release(&scratch);
}

static inline void brute_work(struct brute *b, size_t work, uint32_t replica);

static inline void brute_cards(struct brute *b, size_t work, uint32_t replica, uint32_t rank)
{
    struct pl_copy *c = &b->copy[b->n - 1];
    const struct pl_shape *s = &b->p->work[work].shape[c->shape];
    if (rank == s->cards) {
        brute_work(b, work, replica + 1);
        return;
    }
    for (size_t g = 0; g < b->p->fleet->n; g++) {
        if (rank % s->tp && g <= c->card[rank - 1])
            continue;                                /* ranks of a tensor-parallel group are equal */
        c->card[rank] = g;
        brute_cards(b, work, replica, rank + 1);
    }
}

static inline void brute_work(struct brute *b, size_t work, uint32_t replica)
{
    if (work == b->p->n) {
        brute_leaf(b);
        return;
    }
    const struct pl_work *k = &b->p->work[work];
    if (replica >= k->copies_min || (replica == 0 && k->w->optional))
        brute_work(b, work + 1, 0);
    if (replica == k->copies_want)
        return;
    if (k->cpu_only) {
        b->copy[b->n] = (struct pl_copy){ .work = work, .replica = replica, .card = b->card[b->n] };
        b->n++;
        brute_work(b, work, replica + 1);
        b->n--;
        return;
    }
    size_t shape = replica ? b->copy[b->n - 1].shape : 0, last = replica ? shape + 1 : k->nshapes;
    for (; shape < last; shape++) {
        if (!k->shape[shape].ok)
            continue;
        b->copy[b->n] = (struct pl_copy){ .work = work, .replica = replica, .shape = shape, .card = b->card[b->n], .ncards = k->shape[shape].cards };
        b->n++;
        brute_cards(b, work, replica, 0);
        b->n--;
    }
}
#endif

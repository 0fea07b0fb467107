/* Contexts of complete placements, granted by halves alone, one step after the other, against those of kv.c. */
#include <string.h>

#include "plan_drawn.h"

#define LEVELS 65536u                /* as plan/kv.c has it */

static uint64_t at_level(const struct pl_work *k, uint64_t level) { return k->ctx_min + (uint64_t)((__uint128_t)(k->ctx_want - k->ctx_min) * level / LEVELS); }

static bool fits(struct pl_room *r, const uint64_t *ctx, uint64_t load[BT_MAX_GPUS])
{
    bool all = true;
    pl_room_floors(r, ctx);
    pl_room_load(r, load);
    for (size_t g = 0; g < r->p->fleet->n; g++)
        all = all && load[g] <= r->p->cap[g];
    return all;
}

static void put_level(const struct pl_problem *p, const bool *grows, uint64_t *ctx, uint64_t level)
{
    for (size_t i = 0; i < p->n; i++)
        if (p->work[i].server && grows[p->work[i].ctx_root])
            ctx[i] = at_level(&p->work[p->work[i].ctx_root], level);
}

/* Halves between what fits and what does not. */
static uint64_t grow(struct pl_room *r, const bool *grows, uint64_t *ctx, uint64_t level)
{
    uint64_t load[BT_MAX_GPUS], high = LEVELS + 1;
    while (high - level > 1) {
        uint64_t mid = level + (high - level) / 2;
        put_level(r->p, grows, ctx, mid);
        if (fits(r, ctx, load))
            level = mid;
        else
            high = mid;
    }
    put_level(r->p, grows, ctx, level);
    return level;
}

/* One step further is too much for a card of theirs. Nobody: all of them. */
static void stop(struct pl_room *r, bool *grows, uint64_t *ctx, uint64_t level)
{
    uint64_t load[BT_MAX_GPUS];
    bool full[64] = { false }, any = false;
    put_level(r->p, grows, ctx, level + 1);
    fits(r, ctx, load);
    for (size_t i = 0; i < r->n; i++)
        for (size_t j = 0; j < r->use[i].n; j++)
            full[r->use[i].root] = full[r->use[i].root] || load[r->use[i].rank[j].card] > r->p->cap[r->use[i].rank[j].card];
    put_level(r->p, grows, ctx, level);
    for (size_t i = 0; i < r->p->n; i++)
        any = any || (grows[i] && full[i]);
    for (size_t i = 0; i < r->p->n; i++)
        grows[i] = grows[i] && any && !full[i];
}

/* Whole steps, one after the other. */
static void extend(struct pl_room *r, uint64_t *ctx, size_t root, uint64_t step)
{
    uint64_t load[BT_MAX_GPUS], was = ctx[root], want = r->p->work[root].ctx_want, low = was / step, high = want / step + 1;
    bool own = false;
    for (size_t i = 0; i < r->p->n; i++)
        own = own || (r->p->work[i].server && r->p->work[i].ctx_root == root);
    for (bool first = true; own && (first || high - low > 1); first = false) {
        uint64_t mid = first ? want : (low + (high - low) / 2) * step;
        for (size_t i = 0; i < r->p->n; i++)
            if (r->p->work[i].server && r->p->work[i].ctx_root == root)
                ctx[i] = mid;
        bool is = fits(r, ctx, load);
        if (first && is)
            return;
        if (!first && is)
            low = mid / step;
        else if (!first)
            high = mid / step;
    }
    for (size_t i = 0; i < r->p->n; i++)
        if (r->p->work[i].server && r->p->work[i].ctx_root == root)
            ctx[i] = BT_MAX(low * step, r->p->work[root].ctx_min);
}

static void grant_plainly(struct pl_room *r, uint64_t *ctx)
{
    const struct pl_problem *p = r->p;
    bool grows[64] = { false }, left = false;
    uint64_t level = 0, step = 16;
    memset(ctx, 0, p->n * sizeof *ctx);
    for (size_t i = 0; i < r->n; i++) {
        grows[r->use[i].root] = left = true;
        step = BT_MAX(step, r->use[i].need->block);
    }
    bool in[64];
    memcpy(in, grows, sizeof in);
    put_level(p, grows, ctx, 0);
    while (left && level < LEVELS) {
        level = grow(r, grows, ctx, level);
        if (level < LEVELS)
            stop(r, grows, ctx, level);
        left = false;
        for (size_t i = 0; i < p->n; i++)
            left = left || grows[i];
    }
    for (size_t i = 0; i < p->n; i++)
        if (in[i] && p->work[i].ctx_root == i && ctx[i] < p->work[i].ctx_want)
            extend(r, ctx, i, step);
}

static bool cards_alone_bind(const struct pl_problem *p)
{
    bool alone = !p->ram_binds && p->n <= 64;
    for (size_t i = 0; i < p->n; i++)
        alone = alone && !(p->work[i].server && p->work[i].claim == PL_LIMIT);
    return alone;
}

static void contexts_are_those_found_by_halves(void **st)
{
    (void)st;
    unsigned seen = 0, lack = 0;
    uint64_t looks = 0;
    for (uint64_t round = 1; round <= 300; round++) {
        bt_auto_arena a = { 0 };
        struct drawn_problem x = drawn_problem(&a, round, 4, 8);
        struct pl_solution o = { 0 };
        if (!x.p || !cards_alone_bind(x.p))
            continue;
        pl_solve(x.p, 3000, &o);
        if (!o.found)
            continue;
        struct pl_room fast, plain;
        uint64_t *granted = BT_NEWN(&a, uint64_t, x.p->n + 1), *ctx = BT_NEWN(&a, uint64_t, x.p->n + 1);
        pl_room_init(&fast, x.p, o.copy, o.ncopies);
        pl_room_init(&plain, x.p, o.copy, o.ncopies);
        if (!fast.n)
            continue;
        pl_grant(&fast, granted);
        grant_plainly(&plain, ctx);
        for (size_t i = 0; i < x.p->n; i++) {
            if (granted[i] != ctx[i])
                fail_msg("workload %zu of\n%s on %s has %llu, by halves %llu", i, x.text, x.fleet, (unsigned long long)granted[i], (unsigned long long)ctx[i]);
            lack += x.p->work[i].server && granted[i] && granted[i] < x.p->work[i].ctx_want;
        }
        seen++;
        looks += fast.looks / fast.n;
    }
    print_message("%u placements, %u contexts that lack, %.1f looks at each copy\n", seen, lack, (double)looks / seen);
    assert_true(seen >= 40 && lack >= 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(contexts_are_those_found_by_halves) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* side - trials that do not need each other, side by side on the machine's cores. */
#include "base/workers.h"
#include "plan/plan_int.h"

#define BATCH 4u                     /* trials for each worker: they take unequally long */

struct worker { struct bt_arena a, of_needs; struct pl_needs *needs; struct bt_err err; size_t failed; };      /* failed: the trial, or PL_NONE */
struct side { struct worker worker[BT_WORKERS_MOST]; int (*trial)(void *ctx, size_t i, const struct pl_with *with); void *ctx; };

static bool one(void *ctx, unsigned worker, size_t i)
{
    struct side *s = ctx;
    struct worker *w = &s->worker[worker];
    const struct pl_with with = { &w->a, w->needs, &w->err };
    if (s->trial(s->ctx, i, &with) == 0)
        return true;
    w->failed = i;
    return false;
}

size_t pl_side_batch(void)
{
    unsigned workers = bt_workers();
    return workers > 1 ? BATCH * (size_t)workers : 1;
}

int pl_side_by_side(struct bt_arena *a, struct pl_needs *needs, size_t n, int (*trial)(void *ctx, size_t i, const struct pl_with *with), void *ctx,
                    struct bt_err *err)
{
    unsigned workers = (unsigned)BT_MIN((size_t)bt_workers(), n);
    const struct pl_with plain = { a, needs, err };
    for (size_t i = 0; i < n && workers < 2; i++)
        if (trial(ctx, i, &plain) < 0)
            return -1;
    if (workers < 2)
        return 0;
    struct side s = { .trial = trial, .ctx = ctx };
    const struct worker *first = NULL;
    for (unsigned i = 0; i < workers; i++) {
        s.worker[i].failed = PL_NONE;
        s.worker[i].needs = pl_needs_over(&s.worker[i].of_needs, needs);
    }
    bt_workers_do(n, workers, one, &s);
    for (unsigned i = 0; i < workers; i++) {
        struct worker *w = &s.worker[i];
        first = w->failed != PL_NONE && (!first || w->failed < first->failed) ? w : first;
        pl_needs_join(needs, w->needs);
        bt_arena_join(pl_needs_arena(needs), &w->of_needs);
        bt_arena_join(a, &w->a);
    }
    if (first)
        *err = first->err;
    return first ? -1 : 0;
}

/* life.c - the transition table, and the few rules beside it. */
#include "run/life.h"

#define ST(x) BT_ST_##x
#define EV(x) BT_EV_##x

struct cell { enum bt_life_state next; unsigned fx; };

static const struct cell cells[BT_ST__N][BT_EV__N] = {
    [ST(PENDING)]   = { [EV(UP)]          = { ST(WAITING),   0 },
                        [EV(NOTHING)]     = { ST(DONE),      0 },
                        [EV(DOWN)]        = { ST(DOWN),      0 } },
    [ST(WAITING)]   = { [EV(START)]       = { ST(STARTING),  BT_FX_SPAWN },
                        [EV(BLOCKED)]     = { ST(FAILED),    BT_FX_TELL },
                        [EV(NOTHING)]     = { ST(DONE),      0 },
                        [EV(RESTART)]     = { ST(WAITING),   0 },
                        [EV(DOWN)]        = { ST(DOWN),      0 } },
    [ST(STARTING)]  = { [EV(READY)]       = { ST(READY),     0 },
                        [EV(EXIT)]        = { ST(RELEASING), 0 },
                        [EV(STALLED)]     = { ST(STOPPING),  BT_FX_STOP },
                        [EV(RESTART)]     = { ST(STOPPING),  BT_FX_STOP },
                        [EV(DOWN)]        = { ST(STOPPING),  BT_FX_STOP } },
    [ST(READY)]     = { [EV(EXIT)]        = { ST(RELEASING), 0 },
                        [EV(PARK)]        = { ST(PARKING),   0 },
                        [EV(STALLED)]     = { ST(STOPPING),  BT_FX_STOP },
                        [EV(RESTART)]     = { ST(STOPPING),  BT_FX_STOP },
                        [EV(DOWN)]        = { ST(STOPPING),  BT_FX_STOP } },
    [ST(PARKING)]   = { [EV(PARKED)]      = { ST(PARKED),    0 },
                        [EV(READY)]       = { ST(READY),     0 },
                        [EV(EXIT)]        = { ST(RELEASING), 0 },
                        [EV(STALLED)]     = { ST(STOPPING),  BT_FX_STOP },
                        [EV(RESTART)]     = { ST(STOPPING),  BT_FX_STOP },
                        [EV(DOWN)]        = { ST(STOPPING),  BT_FX_STOP } },
    [ST(PARKED)]    = { [EV(RESUME)]      = { ST(RESUMING),  0 },
                        [EV(EXIT)]        = { ST(RELEASING), 0 },
                        [EV(RESTART)]     = { ST(STOPPING),  BT_FX_STOP },
                        [EV(DOWN)]        = { ST(STOPPING),  BT_FX_STOP } },
    [ST(RESUMING)]  = { [EV(READY)]       = { ST(READY),     0 },
                        [EV(EXIT)]        = { ST(RELEASING), 0 },
                        [EV(STALLED)]     = { ST(STOPPING),  BT_FX_STOP },
                        [EV(RESTART)]     = { ST(STOPPING),  BT_FX_STOP },
                        [EV(DOWN)]        = { ST(STOPPING),  BT_FX_STOP } },
    [ST(DRAINING)]  = { [EV(DRAINED)]     = { ST(STOPPING),  BT_FX_STOP },
                        [EV(EXIT)]        = { ST(RELEASING), 0 },
                        [EV(RESTART)]     = { ST(DRAINING),  BT_FX_NOTE },
                        [EV(DOWN)]        = { ST(STOPPING),  BT_FX_STOP } },
    [ST(STOPPING)]  = { [EV(EXIT)]        = { ST(RELEASING), 0 },
                        [EV(RESTART)]     = { ST(STOPPING),  BT_FX_NOTE },
                        [EV(DOWN)]        = { ST(STOPPING),  BT_FX_HURRY } },
    [ST(RELEASING)] = { [EV(FREE_DOWN)]   = { ST(DOWN),      0 },
                        [EV(FREE_DONE)]   = { ST(DONE),      0 },
                        [EV(FREE_FAILED)] = { ST(FAILED),    BT_FX_TELL },
                        [EV(FREE_AGAIN)]  = { ST(BACKOFF),   BT_FX_TIMER },
                        [EV(FREE_ANEW)]   = { ST(WAITING),   0 },
                        [EV(RESTART)]     = { ST(RELEASING), BT_FX_NOTE },
                        [EV(DOWN)]        = { ST(RELEASING), BT_FX_NOTE } },
    [ST(BACKOFF)]   = { [EV(TIMER)]       = { ST(WAITING),   0 },
                        [EV(RESTART)]     = { ST(WAITING),   BT_FX_NOTE },
                        [EV(DOWN)]        = { ST(DOWN),      0 } },
    [ST(DONE)]      = { [EV(RESTART)]     = { ST(WAITING),   BT_FX_NOTE },
                        [EV(DOWN)]        = { ST(DOWN),      0 } },
    [ST(FAILED)]    = { [EV(RESTART)]     = { ST(WAITING),   BT_FX_NOTE },
                        [EV(DOWN)]        = { ST(DOWN),      0 } },
    [ST(DOWN)]      = { [EV(UP)]          = { ST(WAITING),   BT_FX_NOTE },
                        [EV(RESTART)]     = { ST(WAITING),   BT_FX_NOTE },
                        [EV(DOWN)]        = { ST(DOWN),      0 } },
};

void bt_life_init(struct bt_life *l, const struct bt_life_ops *ops, bool job, const char *policy, uint32_t restart_max, uint32_t retries)
{
    *l = (struct bt_life){ .ops = ops, .state = BT_ST_PENDING, .job = job, .policy = policy, .restart_max = restart_max, .retries = retries,
                            .since_ms = ops->now_ms(ops->ctx) };
}

void bt_life_found(struct bt_life *l, enum bt_life_state state)
{
    l->state = state;
    l->want_up = true;
    l->since_ms = l->ops->now_ms(l->ops->ctx);
}

static void set_state(struct bt_life *l, enum bt_life_state to)
{
    enum bt_life_state from = l->state;
    if (to == from)
        return;
    l->state = to;
    l->since_ms = l->ops->now_ms(l->ops->ctx);
    if (to == BT_ST_READY)
        l->was_ready = true;
    if (to == BT_ST_WAITING)
        l->verdict = BT_V_NONE;
    l->ops->changed(l->ops->ctx, l, from);
}

static void wish(struct bt_life *l, enum bt_life_event ev)
{
    if (ev == BT_EV_DOWN) {
        l->want_up = l->anew = false;
        if (l->state == BT_ST_RELEASING)
            l->verdict = BT_V_DOWN;
    }
    if (ev == BT_EV_UP || ev == BT_EV_RESTART)
        l->want_up = true;
    if (ev == BT_EV_RESTART) {
        l->anew = bt_life_alive(l->state) || l->state == BT_ST_RELEASING;
        l->deaths = 0;
        if (l->state == BT_ST_RELEASING)
            l->verdict = BT_V_ANEW;
    }
}

static int64_t backoff_ms(uint32_t deaths)
{
    int64_t ms = INT64_C(1000) << BT_MIN(deaths ? deaths - 1 : 0, 10u);
    return BT_MIN(ms, (int64_t)BT_BACKOFF_MAX_MS);
}

/* A stop that a person asked for lets requests end first. Who is in a hurry says `down` twice: the first after a restart only takes that back. */
static struct cell cell_of(const struct bt_life *l, enum bt_life_event ev)
{
    if (ev == BT_EV_DOWN && bt_life_leaving(l->state) && l->want_up)
        return (struct cell){ l->state, BT_FX_NOTE };
    bool asked = l->state == BT_ST_READY && (ev == BT_EV_DOWN || ev == BT_EV_RESTART);
    return asked && l->ops->busy && l->ops->busy(l->ops->ctx, l) ? (struct cell){ BT_ST_DRAINING, BT_FX_NOTE } : cells[l->state][ev];
}

bool bt_life_event(struct bt_life *l, enum bt_life_event ev)
{
    struct cell c = cell_of(l, ev);
    wish(l, ev);
    if (c.next == BT_ST_UNSET) {
        l->ops->unexpected(l->ops->ctx, l, ev);
        return false;
    }
    if (c.fx & BT_FX_TIMER)
        l->backoff_until_ms = l->ops->now_ms(l->ops->ctx) + backoff_ms(l->deaths);
    set_state(l, c.next);
    if (c.fx)
        l->ops->act(l->ops->ctx, l, c.fx);
    return true;
}

static enum bt_verdict judge(struct bt_life *l, bool ran, bool clean)
{
    if (!l->want_up)
        return BT_V_DOWN;
    if (l->anew)
        return BT_V_ANEW;
    if (l->job && ran && clean)
        return BT_V_DONE;
    if (!ran)
        return BT_V_FAILED;
    if (l->job)
        return l->deaths <= l->retries ? BT_V_AGAIN : BT_V_FAILED;
    if (!l->was_ready || !strcmp(l->policy, "never") || l->deaths > l->restart_max)
        return BT_V_FAILED;
    return BT_V_AGAIN;
}

void bt_life_ended(struct bt_life *l, bool ran, bool clean)
{
    if (l->state == BT_ST_READY && !l->job && l->ops->now_ms(l->ops->ctx) - l->since_ms >= BT_STEADY_MS)
        l->deaths = 0;
    l->deaths++;
    l->verdict = judge(l, ran, clean);
    l->anew = false;
    if (l->verdict == BT_V_AGAIN)
        l->restarts++;
    bt_life_event(l, BT_EV_EXIT);
}

void bt_life_freed(struct bt_life *l)
{
    static const enum bt_life_event by_verdict[] = {
        [BT_V_DOWN] = BT_EV_FREE_DOWN, [BT_V_DONE] = BT_EV_FREE_DONE, [BT_V_FAILED] = BT_EV_FREE_FAILED, [BT_V_AGAIN] = BT_EV_FREE_AGAIN,
        [BT_V_ANEW] = BT_EV_FREE_ANEW,
    };
    bt_life_event(l, l->verdict == BT_V_NONE ? BT_EV_FREE_FAILED : by_verdict[l->verdict]);
}

const char *bt_life_state_name(enum bt_life_state s)
{
    static const char *const names[BT_ST__N] = {
        [ST(UNSET)] = "unset", [ST(PENDING)] = "pending", [ST(WAITING)] = "waiting", [ST(STARTING)] = "starting", [ST(READY)] = "ready",
        [ST(PARKING)] = "parking", [ST(PARKED)] = "parked", [ST(RESUMING)] = "resuming", [ST(DRAINING)] = "draining", [ST(STOPPING)] = "stopping",
        [ST(RELEASING)] = "releasing", [ST(BACKOFF)] = "backing-off", [ST(DONE)] = "done", [ST(FAILED)] = "failed",
        [ST(DOWN)] = "down",
    };
    return names[s];
}

bool bt_life_leaving(enum bt_life_state s)
{
    return s == BT_ST_DRAINING || s == BT_ST_STOPPING;
}

bool bt_life_alive(enum bt_life_state s)
{
    return s == BT_ST_STARTING || s == BT_ST_READY || bt_life_leaving(s) || s == BT_ST_PARKING || s == BT_ST_PARKED || s == BT_ST_RESUMING;
}

bool bt_life_holds(enum bt_life_state s)
{
    return bt_life_alive(s) || s == BT_ST_RELEASING;
}

bool bt_life_over(enum bt_life_state s)
{
    return s == BT_ST_DONE || s == BT_ST_FAILED || s == BT_ST_DOWN;
}

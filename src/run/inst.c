/* inst.c - the transition table, and the few rules beside it. */
#include "run/inst.h"

#define ST(x) BT_ST_##x
#define EV(x) BT_EV_##x

struct cell { enum bt_inst_state next; unsigned fx; };

static const struct cell cells[BT_ST__N][BT_EV__N] = {
    [ST(PENDING)]   = { [EV(UP)]          = { ST(WAITING),   0 },
                        [EV(DOWN)]        = { ST(DOWN),      0 } },
    [ST(WAITING)]   = { [EV(START)]       = { ST(STARTING),  BT_FX_SPAWN },
                        [EV(BLOCKED)]     = { ST(FAILED),    BT_FX_TELL },
                        [EV(RESTART)]     = { ST(WAITING),   0 },
                        [EV(DOWN)]        = { ST(DOWN),      0 } },
    [ST(STARTING)]  = { [EV(READY)]       = { ST(READY),     0 },
                        [EV(EXIT)]        = { ST(RELEASING), 0 },
                        [EV(STALLED)]     = { ST(STOPPING),  BT_FX_STOP },
                        [EV(RESTART)]     = { ST(STOPPING),  BT_FX_STOP },
                        [EV(DOWN)]        = { ST(STOPPING),  BT_FX_STOP } },
    [ST(READY)]     = { [EV(EXIT)]        = { ST(RELEASING), 0 },
                        [EV(RESTART)]     = { ST(STOPPING),  BT_FX_STOP },
                        [EV(DOWN)]        = { ST(STOPPING),  BT_FX_STOP } },
    [ST(STOPPING)]  = { [EV(EXIT)]        = { ST(RELEASING), 0 },
                        [EV(RESTART)]     = { ST(STOPPING),  0 },
                        [EV(DOWN)]        = { ST(STOPPING),  BT_FX_HURRY } },
    [ST(RELEASING)] = { [EV(FREE_DOWN)]   = { ST(DOWN),      0 },
                        [EV(FREE_DONE)]   = { ST(DONE),      0 },
                        [EV(FREE_FAILED)] = { ST(FAILED),    BT_FX_TELL },
                        [EV(FREE_AGAIN)]  = { ST(BACKOFF),   BT_FX_TIMER },
                        [EV(FREE_ANEW)]   = { ST(WAITING),   0 },
                        [EV(RESTART)]     = { ST(RELEASING), 0 },
                        [EV(DOWN)]        = { ST(RELEASING), 0 } },
    [ST(BACKOFF)]   = { [EV(TIMER)]       = { ST(WAITING),   0 },
                        [EV(RESTART)]     = { ST(WAITING),   0 },
                        [EV(DOWN)]        = { ST(DOWN),      0 } },
    [ST(DONE)]      = { [EV(RESTART)]     = { ST(WAITING),   0 },
                        [EV(DOWN)]        = { ST(DOWN),      0 } },
    [ST(FAILED)]    = { [EV(RESTART)]     = { ST(WAITING),   0 },
                        [EV(DOWN)]        = { ST(DOWN),      0 } },
    [ST(DOWN)]      = { [EV(UP)]          = { ST(WAITING),   0 },
                        [EV(RESTART)]     = { ST(WAITING),   0 },
                        [EV(DOWN)]        = { ST(DOWN),      0 } },
};

void bt_inst_init(struct bt_inst *in, const struct bt_inst_ops *ops, bool job, const char *policy, uint32_t restart_max, uint32_t retries)
{
    *in = (struct bt_inst){ .ops = ops, .state = BT_ST_PENDING, .job = job, .policy = policy, .restart_max = restart_max, .retries = retries,
                            .since_ms = ops->now_ms(ops->ctx) };
}

void bt_inst_found(struct bt_inst *in, enum bt_inst_state state)
{
    in->state = state;
    in->want_up = true;
    in->since_ms = in->ops->now_ms(in->ops->ctx);
}

static void set_state(struct bt_inst *in, enum bt_inst_state to)
{
    enum bt_inst_state from = in->state;
    if (to == from)
        return;
    in->state = to;
    in->since_ms = in->ops->now_ms(in->ops->ctx);
    if (to == BT_ST_READY)
        in->was_ready = true;
    if (to == BT_ST_WAITING)
        in->verdict = BT_V_NONE;
    in->ops->changed(in->ops->ctx, in, from);
}

static void wish(struct bt_inst *in, enum bt_inst_event ev)
{
    if (ev == BT_EV_DOWN) {
        in->want_up = in->anew = false;
        if (in->state == BT_ST_RELEASING)
            in->verdict = BT_V_DOWN;
    }
    if (ev == BT_EV_UP || ev == BT_EV_RESTART)
        in->want_up = true;
    if (ev == BT_EV_RESTART) {
        in->anew = bt_inst_alive(in->state) || in->state == BT_ST_RELEASING;
        in->deaths = 0;
        if (in->state == BT_ST_RELEASING)
            in->verdict = BT_V_ANEW;
    }
}

static int64_t backoff_ms(uint32_t deaths)
{
    int64_t ms = INT64_C(1000) << BT_MIN(deaths ? deaths - 1 : 0, 10u);
    return BT_MIN(ms, (int64_t)BT_BACKOFF_MAX_MS);
}

bool bt_inst_event(struct bt_inst *in, enum bt_inst_event ev)
{
    struct cell c = cells[in->state][ev];
    wish(in, ev);
    if (c.next == BT_ST_UNSET) {
        in->ops->unexpected(in->ops->ctx, in, ev);
        return false;
    }
    if (c.fx & BT_FX_TIMER)
        in->backoff_until_ms = in->ops->now_ms(in->ops->ctx) + backoff_ms(in->deaths);
    set_state(in, c.next);
    if (c.fx)
        in->ops->act(in->ops->ctx, in, c.fx);
    return true;
}

static enum bt_verdict judge(struct bt_inst *in, bool ran, bool clean)
{
    if (!in->want_up)
        return BT_V_DOWN;
    if (in->anew)
        return BT_V_ANEW;
    if (in->job && ran && clean)
        return BT_V_DONE;
    if (!ran)
        return BT_V_FAILED;
    if (in->job)
        return in->deaths <= in->retries ? BT_V_AGAIN : BT_V_FAILED;
    if (!in->was_ready || !strcmp(in->policy, "never") || in->deaths > in->restart_max)
        return BT_V_FAILED;
    return BT_V_AGAIN;
}

void bt_inst_ended(struct bt_inst *in, bool ran, bool clean)
{
    if (in->state == BT_ST_READY && !in->job && in->ops->now_ms(in->ops->ctx) - in->since_ms >= BT_STEADY_MS)
        in->deaths = 0;
    in->deaths++;
    in->verdict = judge(in, ran, clean);
    in->anew = false;
    if (in->verdict == BT_V_AGAIN)
        in->restarts++;
    bt_inst_event(in, BT_EV_EXIT);
}

void bt_inst_freed(struct bt_inst *in)
{
    static const enum bt_inst_event by_verdict[] = {
        [BT_V_DOWN] = BT_EV_FREE_DOWN, [BT_V_DONE] = BT_EV_FREE_DONE, [BT_V_FAILED] = BT_EV_FREE_FAILED, [BT_V_AGAIN] = BT_EV_FREE_AGAIN,
        [BT_V_ANEW] = BT_EV_FREE_ANEW,
    };
    bt_inst_event(in, in->verdict == BT_V_NONE ? BT_EV_FREE_FAILED : by_verdict[in->verdict]);
}

const char *bt_inst_state_name(enum bt_inst_state s)
{
    static const char *const names[BT_ST__N] = {
        [ST(UNSET)] = "unset", [ST(PENDING)] = "pending", [ST(WAITING)] = "waiting", [ST(STARTING)] = "starting", [ST(READY)] = "ready",
        [ST(STOPPING)] = "stopping", [ST(RELEASING)] = "releasing", [ST(BACKOFF)] = "backing-off", [ST(DONE)] = "done", [ST(FAILED)] = "failed",
        [ST(DOWN)] = "down",
    };
    return names[s];
}

bool bt_inst_alive(enum bt_inst_state s)
{
    return s == BT_ST_STARTING || s == BT_ST_READY || s == BT_ST_STOPPING;
}

bool bt_inst_holds(enum bt_inst_state s)
{
    return bt_inst_alive(s) || s == BT_ST_RELEASING;
}

bool bt_inst_over(enum bt_inst_state s)
{
    return s == BT_ST_DONE || s == BT_ST_FAILED || s == BT_ST_DOWN;
}

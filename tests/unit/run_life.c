/* run_life.c - the life of an instance: fake owner, fake clock, random walks through every cell. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "run/life.h"

struct fake {
    int64_t now;
    struct bt_life_ops ops;
    int spawns, stops, hurries, tells, unexpected, changes;
    bool lives;                      /* a child exists */
    bool busy;                       /* requests run */
};

static int64_t fake_now(void *ctx)
{
    return ((struct fake *)ctx)->now;
}

static void fake_act(void *ctx, struct bt_life *in, unsigned fx)
{
    struct fake *f = ctx;
    (void)in;
    if (fx & BT_FX_SPAWN) {
        assert_false(f->lives);      /* never a second child beside the first */
        f->lives = true;
        f->spawns++;
    }
    if (fx & (BT_FX_STOP | BT_FX_HURRY))
        assert_true(f->lives);       /* never a signal to nobody */
    f->stops += (fx & BT_FX_STOP) != 0;
    f->hurries += (fx & BT_FX_HURRY) != 0;
    f->tells += (fx & BT_FX_TELL) != 0;
}

static void fake_changed(void *ctx, struct bt_life *in, enum bt_life_state from)
{
    struct fake *f = ctx;
    assert_int_not_equal(in->state, from);
    assert_int_not_equal(in->state, BT_ST_UNSET);
    f->changes++;
}

static void fake_unexpected(void *ctx, struct bt_life *in, enum bt_life_event ev)
{
    (void)in, (void)ev;
    ((struct fake *)ctx)->unexpected++;
}

static bool fake_busy(void *ctx, const struct bt_life *in)
{
    assert_int_equal(in->state, BT_ST_READY);        /* nobody else is asked */
    return ((struct fake *)ctx)->busy;
}

static void setup(struct fake *f, struct bt_life *in, bool job, const char *policy, uint32_t max, uint32_t retries)
{
    *f = (struct fake){ .now = 1000 };
    f->ops = (struct bt_life_ops){ f, fake_now, fake_act, fake_changed, fake_unexpected, fake_busy };
    bt_life_init(in, &f->ops, job, policy, max, retries);
}

static void die(struct fake *f, struct bt_life *in, bool ran, bool clean)
{
    f->lives = false;
    bt_life_ended(in, ran, clean);
}

static void start(struct bt_life *in)
{
    assert_true(bt_life_event(in, BT_EV_START));
    assert_int_equal(in->state, BT_ST_STARTING);
}

static void up_and_down(void **st)
{
    struct fake f;
    struct bt_life in;
    (void)st;
    setup(&f, &in, false, "on-failure", 5, 0);
    assert_int_equal(in.state, BT_ST_PENDING);
    bt_life_event(&in, BT_EV_UP);
    assert_int_equal(in.state, BT_ST_WAITING);
    start(&in);
    bt_life_event(&in, BT_EV_READY);
    assert_int_equal(in.state, BT_ST_READY);
    bt_life_event(&in, BT_EV_DOWN);
    assert_int_equal(in.state, BT_ST_STOPPING);
    assert_int_equal(f.stops, 1);
    bt_life_event(&in, BT_EV_DOWN);                  /* a person is in a hurry */
    assert_int_equal(f.hurries, 1);
    die(&f, &in, true, false);
    assert_int_equal(in.state, BT_ST_RELEASING);     /* gone is not free */
    bt_life_freed(&in);
    assert_int_equal(in.state, BT_ST_DOWN);
    assert_int_equal(f.tells, 0);                    /* it was asked for */
    assert_int_equal(f.unexpected, 0);
}

static void never_ready_is_not_tried_again(void **st)
{
    struct fake f;
    struct bt_life in;
    (void)st;
    setup(&f, &in, false, "always", 5, 0);
    bt_life_event(&in, BT_EV_UP);
    start(&in);
    die(&f, &in, true, true);
    bt_life_freed(&in);
    assert_int_equal(in.state, BT_ST_FAILED);
    assert_int_equal(f.tells, 1);
    assert_int_equal(in.restarts, 0);
}

static void exit_0_unasked_has_failed(void **st)
{
    struct fake f;
    struct bt_life in;
    (void)st;
    setup(&f, &in, false, "never", 5, 0);
    bt_life_event(&in, BT_EV_UP);
    start(&in);
    bt_life_event(&in, BT_EV_READY);
    die(&f, &in, true, true);
    bt_life_freed(&in);
    assert_int_equal(in.state, BT_ST_FAILED);
}

/* Dies each time it is started again: at 1, 2, 4, 8, 16 s, then no more. */
static void restarts_back_off_and_give_up(void **st)
{
    static const int64_t waits[] = { 1000, 2000, 4000, 8000, 16000 };
    struct fake f;
    struct bt_life in;
    (void)st;
    setup(&f, &in, false, "on-failure", 5, 0);
    bt_life_event(&in, BT_EV_UP);
    start(&in);
    bt_life_event(&in, BT_EV_READY);
    for (size_t i = 0; i < BT_LEN(waits); i++) {
        die(&f, &in, true, false);
        bt_life_freed(&in);
        assert_int_equal(in.state, BT_ST_BACKOFF);
        assert_int_equal(in.backoff_until_ms - f.now, waits[i]);
        f.now = in.backoff_until_ms;
        bt_life_event(&in, BT_EV_TIMER);
        start(&in);
    }
    die(&f, &in, true, false);
    bt_life_freed(&in);
    assert_int_equal(in.state, BT_ST_FAILED);
    assert_int_equal(in.restarts, 5);
    assert_int_equal(f.spawns, 6);
}

static void steady_work_forgives(void **st)
{
    struct fake f;
    struct bt_life in;
    (void)st;
    setup(&f, &in, false, "on-failure", 1, 0);
    bt_life_event(&in, BT_EV_UP);
    for (int life = 0; life < 20; life++) {
        start(&in);
        bt_life_event(&in, BT_EV_READY);
        f.now += BT_STEADY_MS;
        die(&f, &in, true, false);
        bt_life_freed(&in);
        assert_int_equal(in.state, BT_ST_BACKOFF);
        assert_int_equal(in.backoff_until_ms - f.now, 1000);
        bt_life_event(&in, BT_EV_TIMER);
    }
    assert_int_equal(in.restarts, 20);
}

static void backoff_has_a_ceiling(void **st)
{
    struct fake f;
    struct bt_life in;
    (void)st;
    setup(&f, &in, true, "on-failure", 0, 100);
    bt_life_event(&in, BT_EV_UP);
    for (int i = 0; i < 100; i++) {
        start(&in);
        die(&f, &in, true, false);
        bt_life_freed(&in);
        assert_int_equal(in.state, BT_ST_BACKOFF);
        assert_true(in.backoff_until_ms - f.now <= BT_BACKOFF_MAX_MS);
        bt_life_event(&in, BT_EV_TIMER);
    }
    start(&in);
    die(&f, &in, true, false);
    bt_life_freed(&in);
    assert_int_equal(in.state, BT_ST_FAILED);
}

static void jobs(void **st)
{
    struct fake f;
    struct bt_life in;
    (void)st;
    setup(&f, &in, true, "on-failure", 5, 1);
    bt_life_event(&in, BT_EV_UP);
    start(&in);
    bt_life_event(&in, BT_EV_READY);
    die(&f, &in, true, false);
    bt_life_freed(&in);
    assert_int_equal(in.state, BT_ST_BACKOFF);       /* one retry */
    bt_life_event(&in, BT_EV_TIMER);
    start(&in);
    die(&f, &in, true, true);
    bt_life_freed(&in);
    assert_int_equal(in.state, BT_ST_DONE);
    assert_int_equal(f.tells, 0);
    bt_life_event(&in, BT_EV_RESTART);
    assert_int_equal(in.state, BT_ST_WAITING);
    start(&in);
    die(&f, &in, false, false);                      /* a program that is not there will not be there the next time */
    bt_life_freed(&in);
    assert_int_equal(in.state, BT_ST_FAILED);
}

static void wishes_while_releasing(void **st)
{
    struct fake f;
    struct bt_life in;
    (void)st;
    setup(&f, &in, false, "on-failure", 5, 0);
    bt_life_event(&in, BT_EV_UP);
    start(&in);
    bt_life_event(&in, BT_EV_READY);
    die(&f, &in, true, false);
    bt_life_event(&in, BT_EV_DOWN);
    assert_int_equal(in.state, BT_ST_RELEASING);
    bt_life_freed(&in);
    assert_int_equal(in.state, BT_ST_DOWN);          /* not back-off: the person's word is newer */
    bt_life_event(&in, BT_EV_UP);
    start(&in);
    bt_life_event(&in, BT_EV_RESTART);
    assert_int_equal(in.state, BT_ST_STOPPING);
    die(&f, &in, true, false);
    bt_life_freed(&in);
    assert_int_equal(in.state, BT_ST_WAITING);       /* anew, and not one of its own restarts */
    assert_int_equal(in.restarts, 1);
    start(&in);
    bt_life_event(&in, BT_EV_RESTART);
    bt_life_event(&in, BT_EV_DOWN);                  /* the last word counts */
    assert_int_equal(f.hurries, 0);                  /* and is the first of its kind: nobody is killed for it */
    die(&f, &in, true, false);
    bt_life_freed(&in);
    assert_int_equal(in.state, BT_ST_DOWN);
}

static void events_without_a_cell_are_reported(void **st)
{
    struct fake f;
    struct bt_life in;
    (void)st;
    setup(&f, &in, false, "on-failure", 5, 0);
    assert_false(bt_life_event(&in, BT_EV_READY));
    assert_int_equal(f.unexpected, 1);
    assert_int_equal(in.state, BT_ST_PENDING);
    assert_int_equal(f.changes, 0);
}

/* Whatever happens in whatever order: one child at most, never stopped when there is none, and a wish for down ends in down. */
static void random_walks(void **st)
{
    unsigned seed = 7;
    bool seen[BT_ST__N] = { false };
    (void)st;
    for (int walk = 0; walk < 3000; walk++) {
        struct fake f;
        struct bt_life in;
        setup(&f, &in, walk & 1, walk & 2 ? "never" : "on-failure", (uint32_t)walk % 4, (uint32_t)walk % 3);
        for (int step = 0; step < 60; step++) {
            seed = seed * 1103515245 + 12345;
            enum bt_life_event ev = (enum bt_life_event)((seed >> 16) % BT_EV__N);
            f.now += (seed >> 8) % 5000;
            f.busy = seed & 0x4000000;
            seen[in.state] = true;
            if (ev == BT_EV_EXIT) {
                if (f.lives)
                    die(&f, &in, seed & 0x1000000, seed & 0x2000000);
            } else if (ev >= BT_EV_FREE_DOWN) {
                if (in.state == BT_ST_RELEASING)
                    bt_life_freed(&in);
            } else
                bt_life_event(&in, ev);
            assert_int_equal(f.lives, bt_life_alive(in.state));
        }
        bt_life_event(&in, BT_EV_DOWN);
        if (f.lives)
            die(&f, &in, true, false);
        if (in.state == BT_ST_RELEASING)
            bt_life_freed(&in);
        assert_int_equal(in.state, BT_ST_DOWN);
    }
    for (int s = BT_ST_PENDING; s < BT_ST__N; s++)
        assert_true(seen[s]);
}

static void requests_end_before_a_stop(void **st)
{
    enum bt_life_event stops[] = { BT_EV_DOWN, BT_EV_RESTART, BT_EV_STALLED };
    (void)st;
    for (size_t i = 0; i < BT_LEN(stops); i++)
        for (int second = 0; second < 2; second++) {
            struct fake f;
            struct bt_life in;
            setup(&f, &in, false, "on-failure", 5, 0);
            bt_life_event(&in, BT_EV_UP);
            bt_life_event(&in, BT_EV_START);
            bt_life_event(&in, BT_EV_READY);
            f.busy = true;
            bt_life_event(&in, stops[i]);
            bool waits = stops[i] != BT_EV_STALLED;  /* what hangs ends no request */
            assert_int_equal(in.state, waits ? BT_ST_DRAINING : BT_ST_STOPPING);
            assert_int_equal(f.stops, !waits);
            assert_true(bt_life_alive(in.state) && bt_life_leaving(in.state));
            if (!waits)
                continue;
            if (second && stops[i] == BT_EV_RESTART) {           /* the first `down` after it is nobody's hurry */
                bt_life_event(&in, BT_EV_DOWN);
                assert_int_equal(in.state, BT_ST_DRAINING);
                assert_int_equal(f.stops, 0);
            }
            bt_life_event(&in, second ? BT_EV_DOWN : BT_EV_DRAINED);
            assert_int_equal(in.state, BT_ST_STOPPING);
            assert_int_equal(f.stops, 1);
            assert_int_equal(f.hurries, 0);          /* a second one cuts requests off, not the engine's own end */
            die(&f, &in, true, true);
            bt_life_freed(&in);
            assert_int_equal(in.state, stops[i] == BT_EV_RESTART && !second ? BT_ST_WAITING : BT_ST_DOWN);
        }
}

static void every_state_has_a_name(void **st)
{
    (void)st;
    for (int s = 0; s < BT_ST__N; s++) {
        assert_non_null(bt_life_state_name((enum bt_life_state)s));
        assert_false(bt_life_alive((enum bt_life_state)s) && bt_life_over((enum bt_life_state)s));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(up_and_down), cmocka_unit_test(never_ready_is_not_tried_again), cmocka_unit_test(exit_0_unasked_has_failed),
        cmocka_unit_test(restarts_back_off_and_give_up), cmocka_unit_test(steady_work_forgives), cmocka_unit_test(backoff_has_a_ceiling), cmocka_unit_test(jobs),
        cmocka_unit_test(wishes_while_releasing), cmocka_unit_test(events_without_a_cell_are_reported), cmocka_unit_test(random_walks), cmocka_unit_test(requests_end_before_a_stop),
        cmocka_unit_test(every_state_has_a_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

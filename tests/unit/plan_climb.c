/* Climbing: what it returns can stand, by the judge of the enumeration, and is mostly the best there is; many workloads on many cards get a plan, the same each time. */
#include "../../bench/plan_small.h"
#include "plan/search_int.h"
#include "plan_drawn.h"

/* The score of a placement, by the enumeration's own reckoning; false: it cannot stand. */
static bool judged(struct pl_problem *p, const struct pl_solution *o, struct pl_score *score)
{
    struct brute b = { .p = p };
    uint64_t ctx[8] = { 0 }, load[BT_MAX_GPUS];
    struct pl_room room;
    for (size_t i = 0; i < o->ncopies; i++)
        b.copy[b.n++] = o->copy[i];
    if (!brute_fits(&b))
        return false;
    pl_room_init(&room, p, o->copy, o->ncopies);
    pl_grant(&room, ctx);
    pl_deal(&room, ctx);
    pl_room_load(&room, load);
    brute_score(&b, &room, ctx, load, score);
    return true;
}

static void small_ones_stand_and_are_good(void **st)
{
    (void)st;
    unsigned looked = 0, placed = 0, best = 0;
    for (uint64_t round = 1; looked < 400; round++) {
        bt_auto_arena a = { 0 };
        struct bt_err err = { 0 };
        struct draw d;
        struct pl_problem *p;
        draw_seed(&d, round);
        const char *fleet, *text = small_spec(&d, &a, &fleet);
        struct bt_plan_in *in = plan_inputs_or_none(&a, text, fleet);
        if (!in)
            continue;                                /* drawn against itself */
        assert_int_equal(pl_problem_build(&a, in, "all", &p, &err), 0);
        if (p->nrefusals)
            continue;
        struct brute b = { .p = p };
        brute_work(&b, 0, 0);
        struct search *s = se_new(p, &a);
        struct pl_solution from = { 0 }, o;
        struct pl_score score;
        looked += b.found;
        if (!se_climb(s, 3000, &from, &o))
            continue;
        if (!judged(p, &o, &score))
            fail_msg("round %llu on %s: cannot stand\n%s", (unsigned long long)round, fleet, text);
        assert_true(b.found && pl_score_cmp(&score, &b.best, BT_GOAL_LOWEST) <= 0);
        placed++;
        best += pl_score_cmp(&score, &b.best, BT_GOAL_SHARED) == 0;
    }
    print_message("%u fit, %u placed, %u of them as good as any up to service\n", looked, placed, best);
    assert_true(placed > looked * 8 / 10 && best > placed * 7 / 10);
}

/* 30 cards of several kinds, 40 workloads: more pairs than are searched to the end. bt_plan_make validates what comes out. */
static void large_ones_get_a_plan(void **st)
{
    (void)st;
    unsigned planned = 0;
    for (uint64_t round = 1; round < 8; round++) {
        bt_auto_arena a = { 0 };
        struct pl_solution x, y;
        struct pl_problem *p = drawn_problem(&a, round, 30, 40).p;
        if (!p)
            continue;
        pl_search(p, 200000, NULL, &x);
        pl_search(p, 200000, NULL, &y);
        assert_int_equal(x.found, y.found);
        if (!x.found)
            continue;
        assert_int_equal(pl_score_cmp(&x.score, &y.score, BT_GOAL__N), 0);
        assert_int_equal(x.ncopies, y.ncopies);
        for (size_t i = 0; i < x.ncopies; i++)
            assert_true(x.copy[i].work == y.copy[i].work && !memcmp(x.copy[i].card, y.copy[i].card, x.copy[i].ncards * sizeof *x.copy[i].card));
        planned++;
    }
    assert_true(planned > 0);
}

/* Dozens of small workloads a card: sets of neighbours are too many to be walked to their end, and the search ends all the same. */
static void many_on_few_cards_end(void **st)
{
    (void)st;
    bt_auto_arena a = { 0 };
    bt_auto_buf struct bt_buf b = BT_BUF(64 * KiB);
    struct bt_err err = { 0 };
    struct pl_problem *p;
    struct pl_solution o;
    bt_buf_puts(&b, "name: t\nworkloads:\n");
    for (unsigned i = 0; i < 48; i++)
        bt_buf_printf(&b, i % 3 ? "  w%u: {kind: service, command: [x], memory: %uMiB}\n" : "  w%u: {engine: vllm, model: Qwen/Qwen3-0.6B, gpus: 1, requests: %u, context: {min: 1024, want: 8192}}\n",
                      i, i % 3 ? 500 + 17 * i : 1 + i % 5);
    assert_int_equal(pl_problem_build(&a, plan_inputs_or_none(&a, bt_buf_z(&b), "3xA100-SXM4-80GB+1xL40S"), "all", &p, &err), 0);
    pl_search(p, 20000, NULL, &o);
    assert_true(o.found && o.ncopies == 48);
}

/* What a program of many cards would like to do may lack a copy: where no room is found for it, that is no plan, and neither is the rest of it. */
static void too_few_copies_are_no_plan(void **st)
{
    (void)st;
    for (unsigned cards = 2; cards <= 3; cards++) {
        bt_auto_arena a = { 0 };
        struct bt_err err = { 0 };
        struct pl_problem *p;
        const char *text = "name: t\nworkloads:\n  x: {kind: service, command: [x], memory: 30GiB, replicas: 2}\n  y: {kind: service, command: [x], memory: 30GiB}\n";
        assert_int_equal(pl_problem_build(&a, plan_inputs_or_none(&a, text, cards == 2 ? "2xA100-SXM4-40GB" : "3xA100-SXM4-40GB"), "all", &p, &err), 0);
        struct search *s = se_new(p, &a);
        size_t card[] = { 0, 1 }, x = p->work[0].copies_want == 2 ? 0 : 1;
        struct pl_copy copy[] = { { .work = x, .ncards = 1, .card = &card[0] }, { .work = 1 - x, .ncards = 1, .card = &card[1] } };
        struct pl_solution from = { .found = true, .copy = copy, .ncopies = 2 }, o = { 0 };
        se_order(s, SE_HARD);
        struct pl_solution at = { 0 };
        bool climbed = se_climb(s, 2000, &from, &at);
        assert_int_equal(climbed, cards == 3);       /* nor does climbing alone say that it has all */
        assert_true(!climbed || at.ncopies == 3);
        struct pl_solution held = { 0 };             /* and where both are held as they are, nothing is placed */
        s->out = &held;
        s->limit = UINT64_MAX;
        s->held_at = &from;
        memset(s->held, true, p->n * sizeof *s->held);
        se_place(s);
        assert_false(held.found);
        memset(s->held, false, p->n * sizeof *s->held);
        se_climb_from(s, 2000, &from, &o);
        assert_int_equal(o.found, cards == 3);
        assert_true(!o.found || o.ncopies == 3);
    }
}

/* Forty on a card: they are climbed from as they are, and found from nothing. */
static void dozens_on_a_card_are_climbed_from(void **st)
{
    (void)st;
    bt_auto_arena a = { 0 };
    bt_auto_buf struct bt_buf b = BT_BUF(64 * KiB);
    struct bt_err err = { 0 };
    struct pl_problem *p;
    size_t card = 0;
    struct pl_copy copy[40];
    bt_buf_puts(&b, "name: t\nworkloads:\n");
    for (unsigned i = 0; i < 40; i++)
        bt_buf_printf(&b, "  w%u: {kind: service, command: [x], memory: 500MiB}\n", i);
    assert_int_equal(pl_problem_build(&a, plan_inputs_or_none(&a, bt_buf_z(&b), "1xA100-SXM4-40GB"), "all", &p, &err), 0);
    struct search *s = se_new(p, &a);
    se_order(s, SE_HARD);
    for (size_t w = 0; w < 40; w++)
        copy[w] = (struct pl_copy){ .work = w, .ncards = 1, .card = &card };
    for (unsigned from = 0; from < 2; from++) {
        struct pl_solution was = { .found = from, .copy = copy, .ncopies = from ? 40 : 0 }, o = { 0 };
        assert_true(se_climb(s, 2000, &was, &o));
        assert_int_equal(o.ncopies, 40);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(small_ones_stand_and_are_good), cmocka_unit_test(large_ones_get_a_plan), cmocka_unit_test(too_few_copies_are_no_plan),
                                        cmocka_unit_test(many_on_few_cards_end), cmocka_unit_test(dozens_on_a_card_are_climbed_from) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

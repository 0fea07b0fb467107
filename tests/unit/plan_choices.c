/* Places, then shapes, before cards (fits.c, choices.c, sets.c) on drawn problems that are too large to enumerate. */
#include "../../bench/plan_draw.h"
#include "plan/plan_int.h"
#include "plan_help.h"

/* The tree in the order of the plan, without sets of neighbours, against shapes before cards. */
static void shapes_first_equal_the_plain_tree(void **st)
{
    (void)st;
    unsigned both = 0, neither = 0;
    for (uint64_t round = 1; round <= 70; round++) {
        bt_auto_arena a = { 0 };
        struct bt_err err = { 0 };
        struct draw d;
        struct pl_solution plain, shapes;
        struct pl_problem *p;
        struct bt_spec *s;
        draw_seed(&d, round);
        const char *fleet = draw_fleet(&d, &a, 5), *text = draw_spec(&d, &a, 6, 1, 5);
        if (bt_spec_parse(&a, "berth.yaml", "/d", bt_str(text), &(struct bt_spec_opts){ 0 }, &s, &err) < 0)
            continue;
        assert_int_equal(pl_problem_build(&a, plan_inputs(&a, text, fleet), "all", &p, &err), 0);
        if (p->nrefusals)
            continue;
        p->first_nodes = 300000;
        pl_search(p, 300000, &plain);
        p->first_nodes = 1;
        pl_search(p, PL_NODE_LIMIT, &shapes);
        if (!plain.complete || !shapes.complete)
            continue;
        assert_int_equal(plain.found, shapes.found);
        if (plain.found && pl_score_cmp(&plain.score, &shapes.score, BT_GOAL_LOWEST) != 0)
            fail_msg("round %llu on %s: plain %lld %lld %lld %lld, shapes first %lld %lld %lld %lld\n%s", (unsigned long long)round, fleet,
                     (long long)plain.score.v[1], (long long)plain.score.v[2], (long long)plain.score.v[3], (long long)plain.score.v[4],
                     (long long)shapes.score.v[1], (long long)shapes.score.v[2], (long long)shapes.score.v[3], (long long)shapes.score.v[4], text);
        both += plain.found;
        neither += !plain.found;
    }
    print_message("%u problems proven both ways, and %u that do not fit\n", both, neither);
    assert_true(both >= 30);
    assert_true(neither >= 10);      /* fits.c says so: no tree is searched there */
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(shapes_first_equal_the_plain_tree) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

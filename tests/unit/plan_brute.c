/* The search against plain enumeration (bench/plan_small.h): a few hundred drawn instances here, thousands in `make bench-plan`. */
#include "../../bench/plan_small.h"
#include "plan_help.h"

/* The last card as if it were a MIG instance of one: whoever takes two cards must do without it. */
static void as_instance(struct bt_gpu *g)
{
    g->mig_of = "GPU-cut";
    g->name = "NVIDIA A100-SXM4-40GB MIG 4g.20gb";
    g->island = -1;
}

/* The first server of two cards as two engines of one. */
static const char *as_engines(struct bt_arena *a, const char *text)
{
    const char *at = strstr(text, ", gpus: 2");
    return at && strstr(text, "engine:") < at ? bt_arena_printf(a, "%.*s, dp: 2%s", (int)(at - text), text, at) : text;
}

static void search_equals_enumeration(void **st)
{
    (void)st;
    unsigned looked = 0, fitting = 0, bad = 0, cuts = 0;
    for (uint64_t round = 1; looked < 600 && round < 4000; round++) {
        bt_auto_arena a = { 0 };
        struct bt_err err = { 0 };
        struct draw d;
        draw_seed(&d, round);
        const char *fleet, *text = small_spec(&d, &a, &fleet);
        if (round % 3 == 0)
            text = as_engines(&a, text);
        struct bt_spec *s;
        if (bt_spec_parse(&a, "berth.yaml", "/d", bt_str(text), &(struct bt_spec_opts){ 0 }, &s, &err) < 0)
            continue;                                /* drawn against itself: apart and same_gpus_as */
        struct bt_plan_in *in = plan_inputs(&a, text, fleet);
        if (round % 4 == 0)
            as_instance(&in->fleet->gpus[in->fleet->n - 1]);
        struct pl_problem *p;
        assert_int_equal(pl_problem_build(&a, in, "all", &p, &err), 0);
        if (p->nrefusals)
            continue;
        struct pl_solution o;
        pl_search(p, PL_NODE_LIMIT, NULL, &o);
        struct brute b = { .p = p };
        brute_work(&b, 0, 0);
        looked++;
        fitting += b.found;
        if (!o.complete || o.found != b.found || (o.found && pl_score_cmp(&o.score, &b.best, 5) != 0)) {
            bad++;
            print_error("round %llu on %s: search %d (%lld %lld %lld %lld), enumeration %d (%lld %lld %lld %lld)\n%s\n", (unsigned long long)round, fleet, o.found,
                        (long long)o.score.v[1], (long long)o.score.v[2], (long long)o.score.v[3], (long long)o.score.v[4], b.found, (long long)b.best.v[1],
                        (long long)b.best.v[2], (long long)b.best.v[3], (long long)b.best.v[4], text);
        }
        struct pl_solution q;
        p->first_nodes = 1;          /* shapes before cards, nearly always */
        pl_search(p, PL_NODE_LIMIT, NULL, &q);
        p->first_nodes = PL_FIRST_NODES;
        if (!q.complete || q.found != b.found || (q.found && pl_score_cmp(&q.score, &b.best, 5) != 0)) {
            bad++;
            print_error("round %llu on %s, shapes first: search %d (%lld %lld), enumeration %d (%lld %lld)\n%s\n", (unsigned long long)round, fleet, q.found,
                        (long long)q.score.v[1], (long long)q.score.v[2], b.found, (long long)b.best.v[1], (long long)b.best.v[2], text);
        }
        pl_solve(p, PL_NODE_LIMIT, &o);              /* with other cuts of its pipelines, where those were looked at */
        for (size_t i = 0; i < p->n; i++)
            for (size_t j = 0; j < p->work[i].nshapes; j++)
                cuts += p->work[i].shape[j].cut != NULL;
        b = (struct brute){ .p = p };
        brute_work(&b, 0, 0);
        if (!o.complete || o.found != b.found || (o.found && pl_score_cmp(&o.score, &b.best, 5) != 0)) {
            bad++;
            print_error("round %llu on %s, with cuts: search %d (%lld %lld), enumeration %d (%lld %lld)\n%s\n", (unsigned long long)round, fleet, o.found,
                        (long long)o.score.v[1], (long long)o.score.v[2], b.found, (long long)b.best.v[1], (long long)b.best.v[2], text);
        }
        struct bt_plan *plan;                        /* and what comes out passes the validator */
        if (bt_plan_make(&a, in, &plan, &err) < 0)
            fail_msg("round %llu on %s: %s\n%s", (unsigned long long)round, fleet, err.msg, text);
        assert_int_equal(plan->nrefusals == 0, b.found);
    }
    print_message("%u instances, %u of them fit; %u uneven cuts among their shapes\n", looked, fitting, cuts);
    assert_int_equal(bad, 0);
    assert_true(cuts >= 50);
    assert_true(looked >= 500 && fitting >= 200 && fitting < looked);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(search_equals_enumeration) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

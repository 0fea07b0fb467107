/* What many cards carry at most (columns.c): the simplex method on programs whose answer is known; the bound against the enumeration and where the best is known; a
 * dive stands. */
#include <math.h>
#include <string.h>

#include "../../bench/plan_small.h"
#include "plan/master.h"
#include "plan/search_int.h"
#include "plan_drawn.h"

/* 3x + 5y, x <= 4, 2y <= 12, 3x + 2y <= 18: 36 at (2, 6), prices 0, 1.5, 1. */
static void a_small_program(void **st)
{
    (void)st;
    bt_auto_arena a = { 0 };
    const double side[] = { 4, 12, 18 }, own[] = { 0, 0, 0 };
    struct master *m = ms_new(&a, 3, side, own, 2, 4);
    double value[5];
    assert_int_equal(ms_add(m, 3, (struct ms_entry[]){ { 0, 1 }, { 2, 3 } }, 2), 3);
    assert_int_equal(ms_solve(m, 0), 0);
    assert_int_equal(ms_add(m, 5, (struct ms_entry[]){ { 1, 2 }, { 2, 2 } }, 2), 4);
    assert_true(ms_add(m, 1, (struct ms_entry[]){ { 0, 1 } }, 1) == SIZE_MAX);       /* no room for more */
    assert_true(ms_solve(m, UINT32_MAX) >= 2);
    ms_values(m, value);
    assert_true(fabs(ms_value(m) - 36) < 1e-4 && fabs(value[3] - 2) < 1e-4 && fabs(value[4] - 6) < 1e-4);
    assert_true(fabs(m->price[0]) < 1e-6 && fabs(m->price[1] - 1.5) < 1e-6 && fabs(m->price[2] - 1) < 1e-6);
}

/* Assignment: rows that must be met begin with what is missing. The best of 40 x 40 by columns of the form (i + 1) * (j + 1) is the sum of squares. */
static void a_program_of_rows_that_must_be_met(void **st)
{
    (void)st;
    bt_auto_arena a = { 0 };
    double side[80], own[80];
    for (size_t i = 0; i < 80; i++) {
        side[i] = 1;
        own[i] = -1e5;
    }
    struct master *m = ms_new(&a, 80, side, own, 1600, 3200);
    for (uint32_t i = 0; i < 40; i++)
        for (uint32_t j = 0; j < 40; j++)
            assert_true(ms_add(m, (i + 1) * (j + 1), (struct ms_entry[]){ { i, 1 }, { 40 + j, 1 } }, 2) != SIZE_MAX);
    ms_solve(m, UINT32_MAX);
    assert_true(fabs(ms_value(m) - 40 * 41 * 81 / 6.0) < 0.1);
    ms_worth(m, 80 + 39 * 40 + 39, 0);               /* the largest pair is worth nothing any more: what is lost is 1600 less what two others gain */
    ms_reckon(m);
    ms_solve(m, UINT32_MAX);
    assert_true(fabs(ms_value(m) - (40 * 41 * 81 / 6.0 - 1)) < 0.1);
}

/* Other sides and worths, mended from the basis that was there or from one put aside: as good as from the beginning, and each side is met. */
static void a_program_is_mended(void **st)
{
    (void)st;
    bt_auto_arena a = { 0 };
    struct draw d;
    double side[24], own[24], value[24 + 200];
    draw_seed(&d, 7);
    for (size_t i = 0; i < 24; i++) {
        side[i] = 1 + draw(&d, 5);
        own[i] = i % 3 ? 0 : -500.0;
    }
    struct master *m = ms_new(&a, 24, side, own, 200, 800);
    for (unsigned j = 0; j < 200; j++) {
        struct ms_entry e[4];
        for (uint32_t k = 0; k < 4; k++)
            e[k] = (struct ms_entry){ k * 6 + draw(&d, 6), 1 + draw(&d, 2) };
        assert_int_equal(ms_add(m, 1 + draw(&d, 900), e, 4), 24 + j);
    }
    ms_solve(m, UINT32_MAX);
    struct ms_basis kept = ms_basis_new(m, &a);
    ms_save(m, &kept);
    for (unsigned round = 0; round < 300; round++) {
        side[draw(&d, 24)] = draw(&d, 6);
        ms_worth(m, 24 + draw(&d, 200), draw(&d, 4) ? draw(&d, 900) : -1e6);
        if (round % 10 == 9)
            ms_restore(m, &kept);
        ms_sides(m, side);
        ms_mend(m);
        double mended = ms_value(m);
        ms_values(m, value);
        for (size_t i = 0; i < 24; i++) {
            double sum = 0;
            for (size_t j = 0; j < m->ncolumns; j++)
                for (uint32_t k = 0; k < m->column[j].n; k++)
                    sum += m->entry[m->column[j].first + k].row == i ? value[j] * m->entry[m->column[j].first + k].by : 0;
            assert_true(fabs(sum - side[i]) < 1e-4);
        }
        ms_restart(m);
        ms_solve(m, UINT32_MAX);
        if (fabs(mended - ms_value(m)) > 1e-2)
            fail_msg("round %u: %.3f, and %.3f from the beginning", round, mended, ms_value(m));
    }
}

/* Nothing that has all copies and contexts serves more than the bound; a dive that lost nothing stands. */
static void the_bound_holds(void **st)
{
    (void)st;
    unsigned looked = 0, whole = 0, reached = 0;
    for (uint64_t round = 1; looked < 250; round++) {
        bt_auto_arena a = { 0 };
        struct draw d;
        struct pl_score most;
        struct pl_solution none = { 0 }, dived;
        draw_seed(&d, round);
        const char *fleet, *text = small_spec(&d, &a, &fleet);
        struct pl_problem *p = plan_problem_or_none(&a, text, fleet);
        if (!p)
            continue;
        struct brute b = { .p = p };
        brute_work(&b, 0, 0);
        struct search *s = se_new(p, &a);
        se_fix_all(s, &most);
        if (!b.found)
            continue;
        assert_true(pl_score_cmp(&b.best, &most, BT_GOAL_SERVICE) <= 0);
        double service = se_columns(s, 100000, &none, &dived);
        if (pl_score_cmp(&b.best, &most, BT_GOAL_SERVICE) != 0 || service == INFINITY)
            continue;
        looked++;
        if ((double)b.best.v[BT_GOAL_SERVICE] > service + 1e-3)
            fail_msg("round %llu on %s: %lld served, %.3f is the bound\n%s", (unsigned long long)round, fleet, (long long)b.best.v[BT_GOAL_SERVICE], service, text);
        reached += (double)b.best.v[BT_GOAL_SERVICE] >= service * 0.98 - 1;
        size_t copies = 0;
        for (size_t i = 0; i < p->n; i++)
            copies += s->copies_most[i];
        if (dived.ncopies < copies)
            continue;
        struct brute stands = { .p = p };
        for (size_t i = 0; i < dived.ncopies; i++)
            stands.copy[stands.n++] = dived.copy[i];
        if (!brute_fits(&stands))
            fail_msg("round %llu on %s: a dive cannot stand\n%s", (unsigned long long)round, fleet, text);
        whole++;
    }
    print_message("%u with all they want: the bound within 2 %% of the best in %u, dives lost nothing in %u\n", looked, reached, whole);
    assert_true(reached > looked / 2 && whole > looked / 2);
}

/* What is said of as many as can stand, of what is wanted and of service then: no placement passes it, and some are reached that the sum of all had not excluded. */
static void what_has_no_place_is_excluded(void **st)
{
    (void)st;
    unsigned looked = 0, fewer = 0, reached = 0;
    for (uint64_t round = 1; looked < 250; round++) {
        bt_auto_arena a = { 0 };
        struct draw d;
        struct pl_score root, bound;
        struct pl_solution out = { 0 };
        draw_seed(&d, round);
        const char *fleet, *text = small_spec(&d, &a, &fleet);
        struct pl_problem *p = plan_problem_or_none(&a, text, fleet);
        struct brute b = { .p = p };
        if (p)
            brute_work(&b, 0, 0);
        if (!b.found)
            continue;
        struct search *s = se_new(p, &a);
        se_bound(s, 0, NULL, &root);
        bound = root;
        se_on_many_cards(s, 400000, &out, &bound);
        if (!out.found)
            continue;
        looked++;
        if (pl_score_cmp(&b.best, &bound, BT_GOAL_SHARED) > 0)
            fail_msg("round %llu on %s: placed %lld wants %lld served %lld, but the bound is %lld, %lld, %lld\n%s", (unsigned long long)round, fleet,
                     (long long)b.best.v[BT_GOAL_PLACED], (long long)b.best.v[BT_GOAL_WANTS], (long long)b.best.v[BT_GOAL_SERVICE], (long long)bound.v[BT_GOAL_PLACED],
                     (long long)bound.v[BT_GOAL_WANTS], (long long)bound.v[BT_GOAL_SERVICE], text);
        fewer += bound.v[BT_GOAL_PLACED] < root.v[BT_GOAL_PLACED];
        reached += bound.v[BT_GOAL_PLACED] < root.v[BT_GOAL_PLACED] && bound.v[BT_GOAL_PLACED] == out.score.v[BT_GOAL_PLACED];
    }
    print_message("%u planned: fewer are bounded in %u, as many are placed in %u\n", looked, fewer, reached);
    assert_true(fewer > 5 && reached > 5);
}

/* Of workloads that all have a place: nothing has more of its contexts and copies than the bound, which is often less than the room of all cards says. */
static void what_is_wanted_and_cannot_be_is_excluded(void **st)
{
    (void)st;
    unsigned looked = 0, less = 0, just = 0;
    for (uint64_t round = 1; looked < 20; round++) {
        bt_auto_arena a = { 0 };
        struct pl_score root, bound;
        struct pl_solution out = { 0 };
        struct drawn_problem x = drawn_problem(&a, round, 3, 5);
        struct pl_problem *p = x.p;
        if (!p)
            continue;
        struct search *s = se_new(p, &a);
        se_bound(s, 0, NULL, &root);
        pl_search(p, PL_NODE_LIMIT, NULL, &out);           /* proven: what an enumeration finds (plan_brute.c) */
        if (!out.found || !out.complete || pl_score_cmp(&out.score, &root, BT_GOAL_WANTS) != 0 || out.score.v[BT_GOAL_WANTS] == root.v[BT_GOAL_WANTS])
            continue;
        looked++;
        struct pl_score best = out.score;
        out.score.v[BT_GOAL_WANTS] -= 1;             /* as if there were more */
        bound = root;
        se_many_wants(s, 1000000, &root, &out, &bound);
        if (best.v[BT_GOAL_WANTS] > bound.v[BT_GOAL_WANTS])
            fail_msg("round %llu on %s: wants %lld of %lld, but the bound is %lld\n%s", (unsigned long long)round, x.fleet, (long long)best.v[BT_GOAL_WANTS],
                     (long long)root.v[BT_GOAL_WANTS], (long long)bound.v[BT_GOAL_WANTS], x.text);
        less += bound.v[BT_GOAL_WANTS] < root.v[BT_GOAL_WANTS];
        just += bound.v[BT_GOAL_WANTS] <= best.v[BT_GOAL_WANTS] + 10;
    }
    print_message("%u want more than they can have: that is known in %u, within a hundredth of one in %u\n", looked, less, just);
    assert_true(less > looked / 3 && just > looked / 5);
}

/* Twenty times the same three workloads, each time with one card of their own: the best of all is twenty times the best of one, and the bound is no more. */
static void many_of_one_are_bounded_by_that(void **st)
{
    (void)st;
    int64_t one = 0;
    for (unsigned times = 1; times <= 20; times += 19) {
        bt_auto_arena a = { 0 };
        bt_auto_buf struct bt_buf b = BT_BUF(64 * KiB);
        struct bt_err err = { 0 };
        struct pl_problem *p;
        struct pl_solution o;
        bt_buf_puts(&b, "name: t\nworkloads:\n");
        for (unsigned i = 0; i < times; i++)
            bt_buf_printf(&b, "  a%u: {engine: vllm, model: Qwen/Qwen3-1.7B, context: 8192, pool: [%u]}\n  b%u: {engine: vllm, model: HuggingFaceTB/SmolLM2-135M, pool: [%u]}\n"
                          "  c%u: {kind: service, command: [x], memory: 4GiB, pool: [%u]}\n", i, i, i, i, i, i);
        const char *fleet = bt_arena_printf(&a, "%uxL40S", times);
        assert_int_equal(pl_problem_build(&a, plan_inputs_or_none(&a, bt_buf_z(&b), fleet), "all", &p, &err), 0);
        pl_search(p, PL_NODE_LIMIT, NULL, &o);
        assert_true(o.complete && o.found && o.ncopies == 3 * times);
        one = times == 1 ? o.score.v[BT_GOAL_SERVICE] : one;
        assert_int_equal(o.score.v[BT_GOAL_SERVICE], one * times);
        struct search *s = se_new(p, &a);
        struct pl_solution none = { 0 }, dived;
        struct pl_score most;
        se_fix_all(s, &most);
        double service = se_columns(s, 500000, &none, &dived);
        assert_int_equal(dived.ncopies, 3 * times);
        assert_true(service >= (double)(one * times) && service < (double)(one * times) * 1.002);
    }
}

/* Copies on one card each take cards of any kind, in one plan: three of a command that wants whole cards, and two kinds; of a server the same. */
static void copies_may_be_on_several_kinds(void **st)
{
    (void)st;
    static const char *const asks[] = { "kind: service, command: [x], memory: auto", "engine: vllm, model: Qwen/Qwen3-8B, gpus: 1, context: 4096, share: never" };
    for (size_t i = 0; i < BT_LEN(asks); i++) {
        bt_auto_arena a = { 0 };
        struct pl_solution none = { 0 }, dived;
        struct pl_score most;
        struct pl_problem *p = plan_problem_or_none(&a, bt_arena_printf(&a, "name: t\nworkloads:\n  a: {%s, replicas: 3}\n", asks[i]), "2xA100-SXM4-40GB+1xL4");
        assert_non_null(p);
        struct search *s = se_new(p, &a);
        se_fix_all(s, &most);
        double service = se_columns(s, 100000, &none, &dived);
        assert_int_equal(dived.ncopies, 3);
        bool *loose = BT_NEWN(&a, bool, p->n);
        double wants = se_columns_wants(s, 100000, loose, 0, &dived);
        assert_int_equal(dived.ncopies, 3);
        assert_true(service > 0 && wants > 0);
    }
}

/* 40 cards, 40 workloads: the gap that is told is small, and the same each time. */
static void the_gap_is_small(void **st)
{
    (void)st;
    double sum = 0;
    unsigned planned = 0;
    for (uint64_t round = 1; planned < 2; round++) {
        bt_auto_arena a = { 0 };
        struct pl_solution x, y;
        struct pl_problem *p = drawn_problem(&a, round, 40, 40).p;
        if (!p)
            continue;
        pl_search(p, 400000, NULL, &x);
        if (!x.found)
            continue;
        pl_search(p, 400000, NULL, &y);
        assert_true(y.found && x.nodes == y.nodes && !pl_score_cmp(&x.score, &y.score, BT_GOAL__N) && !pl_score_cmp(&x.bound, &y.bound, BT_GOAL__N));
        assert_true(pl_score_cmp(&x.score, &x.bound, BT_GOAL_SHARED) <= 0);
        print_message("round %llu: gap %.4f\n", (unsigned long long)round, pl_gap(&x));
        sum += pl_gap(&x);
        planned++;
    }
    assert_true(sum < 0.08);
}

/* 64 cards, 60 workloads. The program's prices are the best there are, not some on the way: a price that nobody needs, as the bound knows and the program did not (11);
 * sets that dives had found and the program had not, and a walk cut short on the fullest kind of card (1002). Plans are no further from the bounds than this. */
static void prices_are_the_best_there_are(void **st)
{
    (void)st;
    static const uint64_t drawn[] = { 11, 1002 };
    for (size_t i = 0; i < BT_LEN(drawn); i++) {
        bt_auto_arena a = { 0 };
        struct pl_solution x;
        struct pl_problem *p = drawn_problem(&a, drawn[i], 64, 60).p;
        assert_non_null(p);
        pl_search(p, PL_NODE_LIMIT, NULL, &x);
        assert_true(x.found && pl_score_cmp(&x.score, &x.bound, BT_GOAL_SHARED) <= 0);
        print_message("%llu: gap %.4f\n", (unsigned long long)drawn[i], pl_gap(&x));
        assert_true(pl_gap(&x) < 0.01);
    }
}

/* Between a machine and a cluster, where the tree alone was a fifth off: 16 cards, 20 workloads. */
static void a_few_cards_are_bounded_as_many(void **st)
{
    (void)st;
    static const uint64_t drawn[] = { 9, 12, 17 };
    for (size_t i = 0; i < BT_LEN(drawn); i++) {
        bt_auto_arena a = { 0 };
        struct pl_solution x;
        struct pl_problem *p = drawn_problem(&a, drawn[i], 16, 20).p;
        assert_non_null(p);
        pl_search(p, 400000, NULL, &x);
        assert_true(x.found && pl_score_cmp(&x.score, &x.bound, BT_GOAL_SHARED) <= 0);
        print_message("%llu: gap %.4f\n", (unsigned long long)drawn[i], pl_gap(&x));
        assert_true(pl_gap(&x) < 0.05);
    }
}

/* More on one card than a set has seats: 52 of 64 have room there, and that many are not excluded, whatever the plan has; nor are all where all have. */
static void a_crowd_on_one_card_is_not_excluded(void **st)
{
    (void)st;
    static const struct { unsigned mib, room; } row[] = { { 1550, 52 }, { 1000, 64 } };
    for (size_t i = 0; i < BT_LEN(row); i++) {
        bt_auto_arena a = { 0 };
        bt_auto_buf struct bt_buf b = BT_BUF(64 * KiB);
        struct pl_solution o;
        bt_buf_puts(&b, "name: t\nworkloads:\n");
        for (unsigned w = 0; w < 64; w++)
            bt_buf_printf(&b, "  w%u: {kind: service, command: [x], memory: %uMiB, pool: [0], optional: true}\n", w, row[i].mib + w % 2 * 8);
        struct pl_problem *p = plan_problem_or_none(&a, bt_buf_z(&b), "1xH100-80GB-HBM3+7xL4");
        assert_non_null(p);
        pl_search(p, PL_NODE_LIMIT, NULL, &o);
        assert_true(o.found && o.score.placed[0] <= row[i].room && o.bound.placed[0] >= row[i].room);
        bool loose[64], *all = memset(loose, true, sizeof loose);
        struct search *s = se_new(p, &a);
        double counts[64];
        for (size_t w = 0; w < 64; w++)
            counts[w] = 1000;
        assert_true(se_columns_of(s, 100000, all, counts, 0, NULL) >= 1000.0 * row[i].room);
    }
}

/* Two kinds of card in one tensor-parallel group: no engine starts so, and the plan's own check refuses it. */
static unsigned groups_of_one_kind(const struct pl_problem *p, const struct pl_solution *o, uint64_t round)
{
    unsigned groups = 0;
    for (size_t i = 0; i < o->ncopies; i++) {
        const struct pl_copy *c = &o->copy[i];
        uint32_t tp = c->ncards ? p->work[c->work].shape[c->shape].tp : 1;
        for (uint32_t r = 0; r < c->ncards; r++)
            if (r % tp && strcmp(p->fleet->gpus[c->card[r]].name, p->fleet->gpus[c->card[r - 1]].name))
                fail_msg("round %llu: ranks %u and %u of %s are on cards of two kinds", (unsigned long long)round, r - 1, r, p->work[c->work].w->name);
        groups += tp > 1;
    }
    return groups;
}

static void groups_of_ranks_are_of_one_kind(void **st)
{
    (void)st;
    static const struct { uint64_t round; unsigned cards, works; } drawn[] = { { 18, 24, 30 }, { 3, 16, 20 } };
    unsigned groups = 0;
    for (size_t i = 0; i < BT_LEN(drawn); i++) {
        bt_auto_arena a = { 0 };
        struct pl_solution o = { 0 };
        struct pl_problem *p = drawn_problem(&a, drawn[i].round, drawn[i].cards, drawn[i].works).p;
        if (!p)
            continue;
        pl_search(p, 950000, NULL, &o);
        groups += groups_of_one_kind(p, &o, drawn[i].round);
    }
    print_message("%u copies in groups\n", groups);
    assert_true(groups > 0);
}

/* A pair whose link is settled by the fleet, one on cards with NVLink between all of them or between none, has one rate there: no bound has the other. Where both can
 * be, both are told. */
static void a_link_that_cannot_be_bounds_nothing(void **st)
{
    (void)st;
    static const struct { const char *fleet, *more; bool one[2]; } row[] = {         /* one: of each class */
        { "4xA100-SXM4-80GB", "tp: 2, pp: 1", { true } },
        { "4xL40S", "tp: 2, pp: 1", { true } },
        { "4xA100-SXM4-80GB+4xL40S", "tp: 2, pp: 1", { true, true } },
        { "4xA100-SXM4-80GB+4xL40S", "tp: 2, pp: 2", { false, true } },              /* its other stage may be on cards without */
        { "4xA100-SXM4-80GB+4xH100-80GB-HBM3", "tp: 2, pp: 2", { true, true } },
        { "4xA100-SXM4-80GB+2xL40S", "tp: 2, pp: 1, pool: [3, 4, 5]", { false, true } },    /* of one card there is no pair */
    };
    for (size_t i = 0; i < BT_LEN(row); i++) {
        bt_auto_arena a = { 0 };
        struct bt_err err = { 0 };
        struct pl_problem *p;
        const char *text = bt_arena_printf(&a, "name: t\nworkloads:\n  a: {engine: vllm, model: Qwen/Qwen3-8B, %s}\n", row[i].more);
        assert_int_equal(pl_problem_build(&a, plan_inputs(&a, text, row[i].fleet), "all", &p, &err), 0);
        struct search *s = se_new(p, &a);
        size_t looked = 0;
        for (size_t j = 0; j < s->work[0].nshapes; j++)
            for (size_t c = 0; c < p->nclasses; c++) {
                const struct se_shape *sh = &s->work[0].shape[j];
                const struct bt_pace *pace = sh->sh->cost[c].pace;
                if (sh->least == UINT64_MAX || pace[0].decode_tok_s == pace[1].decode_tok_s)
                    continue;
                bool nvlink = p->fleet->gpus[p->cls_card[c]].island >= 0 && !strchr(row[i].more, '[');
                assert_int_equal(sh->value[c * 2] == sh->value[c * 2 + 1], row[i].one[c]);
                if (row[i].one[c])
                    assert_true(fabs(sh->value[c * 2] * p->work[0].solo_best - pace[nvlink].decode_tok_s) < 1e-9);
                assert_true(sh->best >= sh->value[c * 2] && sh->best >= sh->value[c * 2 + 1]);
                looked++;
            }
        assert_true(looked);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_link_that_cannot_be_bounds_nothing),
        cmocka_unit_test(a_small_program),
        cmocka_unit_test(a_program_of_rows_that_must_be_met),
        cmocka_unit_test(a_program_is_mended),
        cmocka_unit_test(the_bound_holds),
        cmocka_unit_test(what_has_no_place_is_excluded), cmocka_unit_test(what_is_wanted_and_cannot_be_is_excluded),
        cmocka_unit_test(many_of_one_are_bounded_by_that),
        cmocka_unit_test(copies_may_be_on_several_kinds),
        cmocka_unit_test(the_gap_is_small),
        cmocka_unit_test(prices_are_the_best_there_are),
        cmocka_unit_test(a_few_cards_are_bounded_as_many),
        cmocka_unit_test(groups_of_ranks_are_of_one_kind),
        cmocka_unit_test(a_crowd_on_one_card_is_not_excluded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Plans said to be the best against plans of problems beside them (bench/plan_hunt.h). Some numbers here, thousands of phases with `bench-plan hunt`. */
#include "../../bench/plan_hunt.h"
#include "../../bench/read_inputs.h"
#include "plan/grows_int.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>                  /* last: its fail() is a macro */

struct drawn { uint64_t number;         /* or the last of them */
               unsigned cards, works, phases, rounds; uint64_t first_nodes; unsigned changes; };

/* 1 proven and not beaten, 0 not proven; a beaten one fails. */
static unsigned hunted(const struct drawn *x, const char *phase, const struct bt_plan_in *in, struct hunt *h)
{
    bt_auto_arena a = { 0 };
    struct bt_err err = { 0 };
    int got = hunt_begin(h, &a, in, phase, x->number, x->first_nodes, x->changes, &err);
    for (unsigned r = 0; got > 0 && r < x->rounds; r++) {
        int one = hunt_round(h, r, &err);
        got = one == 0 ? 1 : one;
    }
    if (got == -2)
        fail_msg("%llu: %s", (unsigned long long)x->number, err.msg);
    if (got < 0)
        fail_msg("%llu of %u x %u, phase %s: %s: proven service %lld, free %lld; there is service %lld, free %lld", (unsigned long long)x->number, x->cards, x->works, phase, h->said,
                 (long long)h->claimed.v[BT_GOAL_SERVICE], (long long)h->claimed.v[BT_GOAL_FREE], (long long)h->found.v[BT_GOAL_SERVICE], (long long)h->found.v[BT_GOAL_FREE]);
    return got > 0;
}

static unsigned hunted_all(const struct drawn *x, uint64_t *compared)
{
    static const char *const one[] = { "all" };
    bt_auto_arena a = { 0 };
    struct draw d;
    struct bt_plan_in in;
    struct hunt h;
    unsigned proven = 0;
    draw_seed(&d, x->number);
    const char *fleet = draw_fleet(&d, &a, x->cards), *text = draw_spec(&d, &a, x->works, x->phases, x->cards);
    if (read_inputs(&a, text, fleet, &in) <= 0)
        return 0;
    for (size_t i = 0; i < BT_MAX(in.spec->phases.n, (size_t)1); i++) {
        proven += hunted(x, in.spec->phases.n ? in.spec->phases.v[i] : one[0], &in, &h);
        *compared += h.compared;
    }
    return proven;
}

static void what_is_proven_is_not_beaten(void **st)
{
    (void)st;
    static const struct drawn sizes[] = { { .cards = 8, .works = 12, .phases = 3, .number = 1 }, { .cards = 6, .works = 9, .phases = 1, .first_nodes = 1 }, { .cards = 5, .works = 7, .phases = 1, .first_nodes = 1 } };
    for (size_t i = 0; i < BT_LEN(sizes); i++) {
        uint64_t compared = 0;
        unsigned proven = 0;
        for (uint64_t number = 1; number <= (sizes[i].number ? sizes[i].number : 4); number++) {
            struct drawn x = sizes[i];
            x.number = number;
            x.rounds = BT_LEN(hunt_changes);
            x.first_nodes = x.first_nodes ? x.first_nodes : PL_FIRST_NODES;
            proven += hunted_all(&x, &compared);
        }
        assert_true(proven >= 2);
        assert_true(compared >= 100);
    }
}

/* What was wrong once. */
static void what_was_beaten_once_is_not_again(void **st)
{
    (void)st;
    static const struct drawn was[] = {
        { 368, 8, 12, 3, 28, PL_FIRST_NODES },       /* a copy left out for what one of its cards costs */
        { 2020, 12, 10, 1, 28, PL_FIRST_NODES },     /* the first in the plan's order that is as good, and was not */
        { 2038, 12, 10, 1, 28, PL_FIRST_NODES },     /* copies held in their places, not in the order of the cards */
        { 3019, 8, 12, 3, 14, PL_FIRST_NODES },      /* copies of one server in two shapes, with a follower and without: no plan, and the search did not end */
        { 5006, 6, 9, 1, 28, 1 },                    /* ranks of any stage take the least of all, but a copy took as much as all its stages */
        { 10036, 8, 12, 2, 2, 1, 2 },                /* as much service as a plan with fewer wants had was proven; for one with more, found later, that says nothing */
    };
    uint64_t compared = 0;
    for (size_t i = 0; i < BT_LEN(was); i++)
        assert_true(hunted_all(&was[i], &compared) > 0);
    assert_true(compared >= 100);
}

/* The hunt finds what is there: a plan with one workload out of its place is no proof. */
static void a_lesser_plan_is_beaten(void **st)
{
    (void)st;
    unsigned beaten = 0, tried = 0;
    for (uint64_t number = 1; number <= 5; number++) {
        bt_auto_arena a = { 0 };
        struct bt_err err = { 0 };
        struct draw d;
        struct bt_plan_in in;
        struct hunt h;
        draw_seed(&d, number);
        const char *fleet = draw_fleet(&d, &a, 6), *text = draw_spec(&d, &a, 7, 1, 6);
        if (read_inputs(&a, text, fleet, &in) <= 0 || hunt_begin(&h, &a, &in, "all", number, PL_FIRST_NODES, 0, &err) <= 0)
            continue;
        struct pl_solution best = h.was.o;
        struct pl_score score;
        bool lesser = false;
        for (unsigned i = 0; i < 40 && !lesser; i++) {               /* a plan of the problem with less room */
            hunt_copy_in(&h);
            assert_int_equal(pl_problem_build(&a, &h.is.in, "all", &h.is.p, &err), 0);
            h.from = &h.kept[0];
            if (!hunt_half_pools(&h))
                continue;
            hunt_search(&h, h.is.p, &h.is.o);
            lesser = h.is.o.found && hunt_score(&h.is, &h.is.o, &h.was, &score) && pl_score_cmp(&score, &best.score, BT_GOAL_LOWEST) < 0;
        }
        if (!lesser)
            continue;
        h.was.o = h.is.o;
        h.was.o.score = score;
        h.was.o.complete = true;     /* it says */
        h.kept[0] = h.was.o;
        tried++;
        int got = 1;
        for (unsigned r = 0; r < 2 * BT_LEN(hunt_changes) && got >= 0; r++)
            got = hunt_round(&h, r, &err);
        beaten += got == -1;
    }
    assert_true(tried >= 2);
    assert_int_equal(beaten, tried);
}

/* Copies that are held have the names that they were given: in the order of their cards or not, and so have their ranks. */
static void who_is_held_may_be_named_in_any_order(void **st)
{
    (void)st;
    static const size_t at[][4] = { { 0, 1, 2, 3 }, { 2, 3, 0, 1 }, { 3, 2, 1, 0 } };
    for (size_t i = 0; i < BT_LEN(at); i++) {
        bt_auto_arena a = { 0 };
        struct bt_err err = { 0 };
        struct bt_plan_in in;
        struct pl_problem *p;
        struct pl_solution o;
        assert_int_equal(read_inputs(&a, "name: t\nworkloads:\n  w: {engine: vllm, model: Qwen/Qwen2.5-7B-Instruct, tp: 2, replicas: 2}\n  x: {kind: service, command: [x], memory: 2GiB}\n",
                                     "4xA100-SXM4-40GB", &in), 1);
        assert_int_equal(pl_problem_build(&a, &in, "all", &p, &err), 0);
        p->work[0].at = at[i];
        p->work[0].nat = 4;
        pl_search(p, PL_NODE_LIMIT, NULL, &o);
        assert_true(o.found && o.complete);
        for (size_t c = 0; c < 2; c++)
            assert_memory_equal(o.copy[c].card, &at[i][c * 2], 2 * sizeof **at);
    }
}

/* Two servers on one card, one that soon has all it can use, in small pieces of KV, and one that is dealt the rest in large ones: more than a small piece may be
 * left. Which card they are on is all there is to choose. */
static void what_is_left_may_be_more_than_the_smallest_piece(void **st)
{
    (void)st;
    unsigned differ = 0;
    int64_t least = 0;
    for (uint64_t mib = 1; mib <= 24; mib++) {
        bt_auto_arena a = { 0 };
        struct bt_err err = { 0 };
        struct bt_plan_in in;
        struct pl_problem *p;
        struct pl_solution o;
        assert_int_equal(read_inputs(&a, "name: t\nworkloads:\n"
                                         "  a: {engine: vllm, model: HuggingFaceTB/SmolLM2-135M, gpus: 1, context: 16, args: [--max-num-seqs, \"2\"]}\n"
                                         "  b: {engine: vllm, model: Qwen/Qwen2.5-14B-Instruct, gpus: 1, context: 2048, same_gpus_as: a}\n"
                                         "  c: {kind: service, command: [x], memory: rest, apart: [a, b]}\n", "2xA100-SXM4-40GB", &in), 1);
        ((struct bt_fleet *)in.fleet)->gpus[1].others_bytes = mib * MiB + mib * 77777;
        assert_int_equal(pl_problem_build(&a, &in, "all", &p, &err), 0);
        pl_search(p, PL_NODE_LIMIT, NULL, &o);
        struct brute b = { .p = p };
        brute_work(&b, 0, 0);
        assert_true(o.found && o.complete && b.found);
        differ += b.best.v[BT_GOAL_FREE] != least;
        least = least ? least : b.best.v[BT_GOAL_FREE];
        assert_int_equal(o.score.v[BT_GOAL_FREE], b.best.v[BT_GOAL_FREE]);
    }
    assert_true(differ >= 3);
}

/* Who sits on another's cards may have a pool of its own. */
static void followers_stay_in_their_pool(void **st)
{
    (void)st;
    bt_auto_arena a = { 0 };
    struct bt_err err = { 0 };
    struct bt_plan_in in;
    struct pl_problem *p;
    struct pl_solution none = { 0 }, o;
    assert_int_equal(read_inputs(&a, "name: t\nworkloads:\n  a: {engine: vllm, model: Qwen/Qwen3-4B, gpus: 1}\n  b: {kind: service, command: [x], memory: 2GiB, same_gpus_as: a, pool: [2, 3]}\n",
                                 "4xA100-SXM4-40GB", &in), 1);
    assert_int_equal(pl_problem_build(&a, &in, "all", &p, &err), 0);
    struct search *s = se_new(p, &a);
    se_climb(s, 3000, &none, &o);
    for (size_t i = 0; i < o.ncopies; i++)
        assert_true(p->work[o.copy[i].work].pos[o.copy[i].card[0]] >= 0);
    pl_search(p, PL_NODE_LIMIT, NULL, &o);
    assert_true(o.found && o.complete && o.copy[0].card[0] >= 2);
}

/* Copies that fill a card past its end are no placement, and nobody's context is in the way: there is an end to what is dealt all the same. */
static void what_does_not_fit_is_dealt_nothing(void **st)
{
    (void)st;
    bt_auto_arena a = { 0 };
    struct bt_err err = { 0 };
    struct bt_plan_in in;
    struct pl_problem *p;
    struct pl_room room;
    size_t card = 0, other = 1;
    uint64_t ctx[3];
    assert_int_equal(read_inputs(&a, "name: t\nworkloads:\n  a: {engine: vllm, model: Qwen/Qwen3-4B, gpus: 1}\n  b: {kind: service, command: [x], memory: 70%, replicas: 2}\n",
                                 "2xA100-SXM4-40GB", &in), 1);
    assert_int_equal(pl_problem_build(&a, &in, "all", &p, &err), 0);
    struct pl_copy copy[] = { { 0, 0, 0, &other, 1 }, { 1, 0, 0, &card, 1 }, { 1, 1, 0, &card, 1 } };
    while (!p->work[0].shape[copy[0].shape].ok || p->work[0].shape[copy[0].shape].cards > 1)
        copy[0].shape++;
    pl_room_init(&room, p, copy, 3);
    pl_grant(&room, ctx);
    pl_deal(&room, ctx);
    assert_true(ctx[0] >= p->work[0].ctx_min && ctx[0] < p->work[0].ctx_want);
}

/* What contexts on one card grow to at most, of ranks of which some begin late (their floors hold more than the least context) and others have all early: no
 * level of growth brings more. Worth rises, falls and rises again over the levels, so all of them are looked at here. */
static void no_level_of_growth_brings_more(void **st)
{
    (void)st;
    struct draw d;
    unsigned late = 0;
    draw_seed(&d, 5);
    for (unsigned round = 0; round < 400; round++) {
        struct gr_rank rank[4];
        struct gr_color color = { .rank = rank, .n = 2 + draw(&d, 3) };
        struct pl_problem p = { .n = 0 };
        struct search s = { .p = &p };
        struct grows g = { .s = &s, .color = &color, .ncolors = 1 };
        uint16_t at[4] = { 0, 1, 2, 3 };
        double bytes = 0, floors = 0, most = 0;
        for (size_t i = 0; i < color.n; i++) {       /* all alone: each has what the level says, or what its floor holds */
            double min = 0.05 * (1 + draw(&d, 6));
            rank[i] = (struct gr_rank){ .min = min, .least = min, .x0 = BT_MIN(min * (1 + draw(&d, 6)), 1), .top = 1, .slope = 1e9 * (1 + draw(&d, 40)), .worth = 1000, .root = PL_NONE, .stops = true, .alone = true };
            bytes += rank[i].slope * (1 - rank[i].x0);
            floors += rank[i].worth * rank[i].x0;
        }
        p.cap[0] = (uint64_t)(bytes * draw(&d, 1000) / 1000);
        for (unsigned level = 0; level <= 10000; level++) {
            double room = (double)p.cap[0], sum = 0;
            for (size_t i = 0; i < color.n; i++) {
                double has = BT_MAX(BT_MIN(rank[i].min + level * 1e-4 * (1 - rank[i].min), 1), rank[i].x0);
                room -= (has - rank[i].x0) * rank[i].slope;
                sum += has * rank[i].worth;
            }
            most = room >= 0 ? BT_MAX(most, sum) : most;
        }
        late += most > floors + 100;
        assert_true(gr_worth(&g, 0, at, color.n, NULL) >= most - 1e-6);
    }
    assert_true(late > 50);
}

/* Two contexts on a full card, one ten times as dear. Neither is said to stop there: the cheap one may have all, as if another card stopped the dear one. Who
 * stops there has as much as who grows there. */
static void who_stops_on_a_card_has_no_less(void **st)
{
    (void)st;
    struct gr_rank dear = { .min = 0.1, .least = 0.1, .x0 = 0.1, .top = 1, .slope = 10e9, .worth = 500, .root = PL_NONE }, cheap = dear;
    cheap.slope = 1e9;
    struct gr_rank rank[] = { dear, cheap, dear, cheap };
    rank[2].stops = rank[3].stops = true;
    struct gr_color color = { .rank = rank, .n = 4 };
    struct pl_problem p = { .n = 0 };
    struct search s = { .p = &p };
    struct grows g = { .s = &s, .color = &color, .ncolors = 1 };
    double share[2];
    p.cap[0] = 3000000000u;
    assert_true(gr_worth(&g, 0, (uint16_t[]){ 0, 1 }, 2, share) > 500 * (0.1 + 0.21 + 1) - 1e-3 && share[1] > 0.999);
    assert_true(gr_worth(&g, 0, (uint16_t[]){ 0, 3 }, 2, share) > 500 * (0.1 + 0.21 + 1) - 1e-3);             /* the cheap one stops: the dear may have less */
    double even = 0.1 + 3.0 / 11;
    assert_true(gr_worth(&g, 0, (uint16_t[]){ 1, 2 }, 2, share) < 500 * 2 * even + 1e-2 && share[1] > even - 1e-6);
    p.cap[0] = 1500000000u;
    rank[2].top = 0.2;                               /* and no longer than that: nobody else on the card either */
    rank[2].all.top = 1;
    assert_true(gr_worth(&g, 0, (uint16_t[]){ 1, 2 }, 2, share) < 500 * 2 * 0.2 + 1e-2);
    rank[2].least = 0.5;
    assert_true(gr_worth(&g, 0, (uint16_t[]){ 1, 2 }, 2, share) < 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(what_is_proven_is_not_beaten), cmocka_unit_test(what_was_beaten_once_is_not_again), cmocka_unit_test(a_lesser_plan_is_beaten),
                                        cmocka_unit_test(who_is_held_may_be_named_in_any_order), cmocka_unit_test(what_is_left_may_be_more_than_the_smallest_piece),
                                        cmocka_unit_test(followers_stay_in_their_pool), cmocka_unit_test(what_does_not_fit_is_dealt_nothing),
                                        cmocka_unit_test(no_level_of_growth_brings_more), cmocka_unit_test(who_stops_on_a_card_has_no_less) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

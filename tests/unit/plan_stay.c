/* Copies between phases: those that can stay do, under one number, also where another phase has fewer of them; and of those that could sleep RAM gets the ones
 * whose stop would cost most. */
#include "plan/phases.h"
#include "plan_moves_help.h"

static size_t moved(const struct bt_plan *p, const char *to, const char *workload, enum bt_move how)
{
    size_t n = 0;
    for (size_t i = 0; i < p->nmoves; i++)
        n += !strcmp(p->move[i].to, to) && !strcmp(p->move[i].inst->w->name, workload) && p->move[i].how == how;
    return n;
}

#define WRITERS "name: t\nphases: [%s]\nworkloads:\n" \
                "  writer: {engine: vllm, model: google/gemma-3-12b-it, replicas: {want: 8, min: 1}, gpus: 1, context: 4096, memory: 38GiB%s}\n" \
                "  take: {kind: job, command: [x], slots: 2, gpus: 1, phases: %s, pool: [%s], memory: 70GiB}\n"

/* Eight in one phase and four in the next, whichever cards those leave: the four are four of the eight, and have the first four numbers. */
static void four_of_eight_stay(void **st)
{
    (void)st;
    static const struct { const char *phases, *in, *pool; } rows[] = { { "a, b", "b", "0,1" }, { "a, b", "b", "2,3" }, { "a, b", "b", "1,2" }, { "a, b", "a", "0,1" } };
    for (size_t i = 0; i < BT_LEN(rows); i++) {
        struct bt_plan *p = plan_with_ram(bt_arena_printf(&a, WRITERS, rows[i].phases, "", rows[i].in, rows[i].pool), "4xA100-SXM4-80GB", 256 * GiB);
        bool fewer_later = !strcmp(rows[i].in, "b");
        assert_int_equal(moved(p, "b", "writer", BT_MOVE_STAY), 4);
        assert_int_equal(moved(p, "b", "writer", BT_MOVE_STOP), fewer_later ? 4 : 0);
        assert_int_equal(moved(p, "b", "writer", BT_MOVE_START), fewer_later ? 0 : 4);
        for (unsigned k = 0; k < 4; k++)
            assert_non_null(move_of(p, "b", bt_arena_printf(&a, "writer-%u", k), BT_MOVE_STAY));
        for (size_t ph = 0; ph < 2; ph++)
            for (size_t k = 1; k < p->phase[ph].n; k++)
                assert_true(p->phase[ph].inst[k - 1].w != p->phase[ph].inst[k].w || p->phase[ph].inst[k - 1].replica < p->phase[ph].inst[k].replica);
    }
}

/* The other four come back in the third phase: they sleep, beside the job on their cards if there is room, else they are stopped. */
static void those_that_come_back_sleep(void **st)
{
    (void)st;
    struct bt_plan *p = plan_with_ram(bt_arena_printf(&a, WRITERS, "a, b, c", "", "b", "0,1"), "4xA100-SXM4-80GB", 512 * GiB);
    assert_int_equal(moved(p, "b", "writer", BT_MOVE_STAY), 4);
    assert_int_equal(moved(p, "b", "writer", BT_MOVE_PARK), 4);
    assert_int_equal(moved(p, "c", "writer", BT_MOVE_STAY), 4);
    assert_int_equal(moved(p, "c", "writer", BT_MOVE_RESUME), 4);
    p = plan_with_ram(bt_arena_printf(&a, WRITERS, "a, b, c", ", park: stop", "b", "0,1"), "4xA100-SXM4-80GB", 512 * GiB);
    assert_int_equal(moved(p, "b", "writer", BT_MOVE_STOP), 4);
    assert_int_equal(moved(p, "c", "writer", BT_MOVE_START), 4);
}

/* RAM for some of them: so many copies sleep as it holds, the others are stopped, and the plan says how many and what that costs. */
static void as_many_copies_sleep_as_ram_holds(void **st)
{
    (void)st;
    static const struct { uint64_t ram; size_t sleep; } rows[] = { { 10 * GiB, 0 }, { 26 * GiB, 1 }, { 80 * GiB, 3 }, { 100 * GiB, 4 } };
    for (size_t i = 0; i < BT_LEN(rows); i++) {
        struct bt_plan *p = plan_with_ram(bt_arena_printf(&a, WRITERS, "a, b, c", "", "b", "0,1"), "4xA100-SXM4-80GB", rows[i].ram);
        assert_int_equal(moved(p, "b", "writer", BT_MOVE_PARK), rows[i].sleep);
        assert_int_equal(moved(p, "b", "writer", BT_MOVE_STOP), 4 - rows[i].sleep);
        assert_int_equal(moved(p, "c", "writer", BT_MOVE_RESUME), rows[i].sleep);
        if (rows[i].sleep == 3) {
            assert_true(warned(p, "of 80.00 GiB are left: 1 of its 4 copies is stopped while phase b runs (about "));
            assert_true(strstr(move_of(p, "b", "writer-7", BT_MOVE_STOP)->why, "host RAM does not hold it asleep: about") != NULL);
        }
    }
}

/* Followers keep to whom they follow: the same number, on the same cards, in both phases. */
static void followers_go_with_their_target(void **st)
{
    (void)st;
    static const char text[] = "name: t\nphases: [a, b]\nworkloads:\n"
                               "  big: {engine: vllm, model: Qwen/Qwen2.5-7B-Instruct, replicas: {want: 4, min: 1}, gpus: 1, context: 4096, memory: 25GiB, share: {with: [small]}}\n"
                               "  small: {engine: vllm, model: Qwen/Qwen3-0.6B, same_gpus_as: big, replicas: {want: 4, min: 1}, context: 4096, memory: 8GiB}\n"
                               "  take: {kind: job, command: [x], slots: 2, gpus: 1, phases: b, pool: [0,1], memory: 38GiB}\n";
    struct bt_plan *p = plan_with_ram(text, "4xA100-SXM4-40GB", 256 * GiB);
    assert_int_equal(moved(p, "b", "big", BT_MOVE_STAY), 2);
    assert_int_equal(moved(p, "b", "small", BT_MOVE_STAY), 2);
    assert_int_equal(moved(p, "b", "big", BT_MOVE_STOP), 2);
    for (size_t ph = 0; ph < 2; ph++)
        for (unsigned k = 0; k < 2; k++)
            assert_true(instance_of(p, ph, bt_arena_printf(&a, "big-%u", k))->rank[0].gpu == instance_of(p, ph, bt_arena_printf(&a, "small-%u", k))->rank[0].gpu);
}

/* More than can be searched in all phases together: the cards of a phase take other names, so that what they carry is where it was. */
static void equal_cards_take_each_others_names(void **st)
{
    (void)st;
    static const char text[] = "name: t\nphases: [a, b]\nworkloads:\n"
                               "  writer: {engine: vllm, model: google/gemma-3-12b-it, replicas: {want: 8, min: 1}, gpus: 1, context: 4096, memory: 38GiB}\n"
                               "  judge: {engine: vllm, model: Qwen/Qwen2.5-7B-Instruct, replicas: {want: 4, min: 1}, gpus: 1, context: 8192, memory: 24GiB}\n"
                               "  embed: {engine: vllm, model: Qwen/Qwen3-0.6B, replicas: {want: 8, min: 2}, gpus: 1, context: 4096, memory: 6GiB}\n"
                               "  once: {kind: service, command: [x], memory: 5GiB, phases: a}\n"
                               "  take: {kind: job, command: [x], slots: 2, gpus: 1, phases: b, pool: [2,5], memory: 75GiB}\n";
    struct bt_plan *p = plan_with_ram(text, "8xA100-SXM4-80GB", 512 * GiB);
    size_t copies = 0;
    for (size_t i = 0; i < p->phase[1].n; i++)
        copies += p->phase[1].inst[i].w->kind == BT_SERVER;
    assert_int_equal(copies, 20);
    assert_int_equal(moved(p, "b", "writer", BT_MOVE_STAY), 8);
    assert_int_equal(moved(p, "b", "judge", BT_MOVE_STAY), 3);
    assert_int_equal(moved(p, "b", "embed", BT_MOVE_STAY), 8);
}

/* ---- who sleeps ---- */

#define SLEEPERS 5
/* None so large that it is started again from the page cache (6 GB/s) sooner than it is copied out (1.6) and back. */
static const struct { const char *model; unsigned gib; } sizes[] = { { "Qwen/Qwen3-14B", 38 }, { "Qwen/Qwen2.5-14B-Instruct", 35 }, { "Qwen/Qwen2.5-7B-Instruct", 20 },
                                                                     { "Qwen/Qwen3-4B", 14 }, { "Qwen/Qwen3-0.6B", 6 } };

/* A server on each of five cards; some come back after one phase, some after two. */
static const char *sleepers_spec(unsigned seed)
{
    static const char *const in[] = { "[a, c]", "[a, d]", "[b, d]" };
    bt_auto_buf struct bt_buf b = BT_BUF(8192);
    bt_buf_puts(&b, "name: t\nphases: [a, b, c, d]\nworkloads:\n");
    for (unsigned i = 0; i < SLEEPERS; i++) {
        seed = seed * 1103515245u + 12345u;
        unsigned r = seed >> 8, m = r % BT_LEN(sizes);
        bt_buf_printf(&b, "  s%u: {engine: vllm, model: %s, gpus: 1, context: 4096, memory: %uGiB, pool: [%u], phases: %s}\n", i, sizes[m].model, sizes[m].gib, i, in[r / 8 % 3]);
    }
    return bt_arena_strdup(&a, bt_buf_z(&b));
}

struct could { size_t from, until; uint64_t bytes; double saves; bool parked; };

/* What each would take and save, from the plan of a machine with RAM for all. */
static size_t who_could(const struct bt_plan *all, struct could *out)
{
    size_t n = 0;
    for (size_t i = 0; i < all->nmoves; i++) {
        const struct bt_plan_move *m = &all->move[i];
        struct could one = { .bytes = m->host_bytes };
        if (m->how != BT_MOVE_PARK)
            continue;
        while (strcmp(all->phase[one.from].name, m->to) != 0)
            one.from++;
        one.until = one.from;
        while (!pl_with_id(&all->phase[one.until + 1], m->instance))
            one.until++;
        struct bt_pace_load load;
        struct bt_pace_in at = { .model = m->inst->need->model, .engine = m->inst->need->engine, .version = m->inst->need->version,
                                 .card = &all->fleet->gpus[m->inst->rank[0].gpu], .tp = m->inst->tp, .pp = m->inst->pp };
        bt_pace_load(&at, &load);
        one.saves = 5 + load.seconds[BT_LOAD_CACHE] + load.warm_s - m->seconds;
        for (size_t k = i + 1; k < all->nmoves; k++)
            if (all->move[k].how == BT_MOVE_RESUME && !strcmp(all->move[k].instance, m->instance)) {
                one.saves -= all->move[k].seconds;
                break;
            }
        out[n++] = one;
    }
    return n;
}

static double most_saved(const struct could *v, size_t n, uint64_t ram)
{
    double best = 0;
    for (unsigned set = 0; set < 1u << n; set++) {
        double saves = 0;
        bool fits = true;
        for (size_t ph = 0; ph < 4; ph++) {
            uint64_t sum = 0;
            for (size_t i = 0; i < n; i++)
                sum += (set >> i & 1) && v[i].from <= ph && ph <= v[i].until ? v[i].bytes : 0;
            fits = fits && sum <= ram;
        }
        for (size_t i = 0; i < n; i++)
            saves += set >> i & 1 ? v[i].saves : 0;
        best = fits && saves > best ? saves : best;
    }
    return best;
}

/* Drawn servers and RAM, against every subset of those that could sleep. */
static void ram_gets_the_sleepers_that_save_most(void **st)
{
    (void)st;
    unsigned stopped = 0;
    for (unsigned seed = 1; seed <= 60; seed++) {
        struct could v[SLEEPERS], is[SLEEPERS];
        const char *text = sleepers_spec(seed * 7919);
        uint64_t ram = (8 + seed * 37 % 72) * GiB;
        size_t n = who_could(plan_with_ram(text, "5xA100-SXM4-80GB", 1024 * GiB), v);
        assert_int_equal(n, SLEEPERS);
        size_t has = who_could(plan_with_ram(text, "5xA100-SXM4-80GB", ram), is);
        double saved = 0, most = most_saved(v, n, ram);
        for (size_t i = 0; i < has; i++)
            saved += is[i].saves;
        if (saved < most - 0.02 || saved > most + 0.02)              /* the plan counts whole milliseconds */
            fail_msg("seed %u, %s: saves %.3f s, the best choice %.3f\n%s", seed, bt_bytes_human(ram), saved, most, text);
        stopped += has < n && has > 0;
    }
    assert_true(stopped > 30);                       /* the draw asks for a choice */
}

/* What was asked for comes before what saves more. */
static void what_was_asked_for_sleeps_first(void **st)
{
    (void)st;
    const char *text = "name: t\nphases: [a, b, c]\nworkloads:\n"
                       "  one: {engine: vllm, model: Qwen/Qwen2.5-14B-Instruct, gpus: 1, context: 4096, memory: 35GiB, pool: [0], phases: [a, c]}\n"
                       "  two: {engine: vllm, model: Qwen/Qwen2.5-7B-Instruct, gpus: 1, context: 4096, memory: 20GiB, pool: [1], phases: [a, c], park: sleep}\n";
    struct bt_plan *p = plan_with_ram(text, "2xA100-SXM4-80GB", 32 * GiB);
    assert_non_null(move_of(p, "b", "two-0", BT_MOVE_PARK));
    assert_non_null(move_of(p, "b", "one-0", BT_MOVE_STOP));
    assert_true(warned(p, "no other choice costs less"));
}

/* Two sleepers and a phase that fits beside one of them only: the one is stopped whose sleep is hardly quicker than a start, though the other is last. */
static void who_saves_least_leaves_the_cards(void **st)
{
    (void)st;
    const char *text = "name: t\nphases: [a, b, c]\nworkloads:\n"
                       "  other: {engine: vllm, model: Qwen/Qwen2.5-7B-Instruct, gpus: 1, context: 4096, memory: 20GiB, pool: [1], phases: [a, c]}\n"
                       "  large: {engine: vllm, model: Qwen/Qwen2.5-14B-Instruct, gpus: 1, context: 4096, memory: 35GiB, pool: [0], phases: [a, c]}\n"
                       "  little: {engine: vllm, model: Qwen/Qwen3-4B, gpus: 1, context: 4096, memory: 14GiB, pool: [0], phases: [a, c]}\n"
                       "  job: {kind: job, command: [x], memory: %s, pool: [0], phases: b}\n";
    struct bt_plan *p = plan_with_ram(bt_arena_printf(&a, text, "70GiB"), "2xA100-SXM4-80GB", 512 * GiB);
    assert_int_equal(moved(p, "b", "little", BT_MOVE_PARK) + moved(p, "b", "large", BT_MOVE_PARK) + moved(p, "b", "other", BT_MOVE_PARK), 3);
    p = plan_with_ram(bt_arena_printf(&a, text, "76GiB"), "2xA100-SXM4-80GB", 512 * GiB);
    assert_non_null(move_of(p, "b", "large-0", BT_MOVE_STOP));
    assert_non_null(strstr(move_of(p, "b", "large-0", BT_MOVE_STOP)->why, "phase b would lose by what it keeps on its cards"));
    assert_non_null(move_of(p, "b", "little-0", BT_MOVE_PARK));
    assert_non_null(move_of(p, "b", "other-0", BT_MOVE_PARK));
}

/* A job that says nothing of its memory has whole cards: nobody sleeps on those, and where another card is left nobody needs to be stopped. */
static void whole_cards_have_no_sleepers(void **st)
{
    (void)st;
    static const char text[] = "name: t\nphases: [a, b, c]\nworkloads:\n  s: {engine: vllm, model: Qwen/Qwen3-4B, gpus: 1, context: 4096, phases: [a, c]%s}\n"
                               "  j: {kind: job, command: [x], phases: b}\n";
    struct bt_plan *p = plan_with_ram(bt_arena_printf(&a, text, ""), "1xA100-SXM4-40GB", 64 * GiB);
    assert_int_equal(moved(p, "b", "s", BT_MOVE_STOP), 1);
    assert_true(instance_of(p, 1, "j-0")->rank[0].bytes == bt_gpu_capacity(&p->fleet->gpus[0]));
    p = plan_with_ram(bt_arena_printf(&a, text, ", park: sleep"), "1xA100-SXM4-40GB", 64 * GiB);
    assert_int_equal(moved(p, "b", "s", BT_MOVE_STOP), 1);
    assert_true(warned(p, "does not fit beside what it keeps on its cards"));
    p = plan_with_ram(bt_arena_printf(&a, text, ""), "2xA100-SXM4-40GB", 64 * GiB);
    assert_int_equal(moved(p, "b", "s", BT_MOVE_PARK), 1);
    assert_true(instance_of(p, 1, "j-0")->rank[0].gpu != instance_of(p, 0, "s-0")->rank[0].gpu);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(four_of_eight_stay), cmocka_unit_test(those_that_come_back_sleep), cmocka_unit_test(as_many_copies_sleep_as_ram_holds),
                                        cmocka_unit_test(followers_go_with_their_target), cmocka_unit_test(equal_cards_take_each_others_names),
                                        cmocka_unit_test(ram_gets_the_sleepers_that_save_most),
                                        cmocka_unit_test(what_was_asked_for_sleeps_first), cmocka_unit_test(who_saves_least_leaves_the_cards),
                                        cmocka_unit_test(whole_cards_have_no_sleepers) };
    int rc = cmocka_run_group_tests(tests, NULL, NULL);
    bt_arena_release(&a);
    return rc;
}

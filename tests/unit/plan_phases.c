/* Phases that know of each other: who stays, who is parked and how, what does not fit asleep, and the check of it all. */
#include "../../bench/plan_joint.h"
#include "plan/plan_int.h"
#include "plan_moves_help.h"

#define THREE "name: t\nphases: [a, b, c]\nworkloads:\n" \
              "  big: {engine: vllm, model: Qwen/Qwen2.5-32B-Instruct, gpus: 2, phases: [a, c]%s}\n" \
              "  train: {kind: job, command: [x], gpus: 4, memory: %s, phases: b}\n"

static void what_comes_back_sleeps(void **st)
{
    (void)st;
    struct bt_plan *p = plan_with_ram(bt_arena_printf(&a, THREE, "", "30GiB"), "4xA100-SXM4-40GB", 256 * GiB);
    const struct bt_plan_move *park = move_of(p, "b", "big-0", BT_MOVE_PARK), *back = move_of(p, "c", "big-0", BT_MOVE_RESUME);
    const struct bt_plan_instance *big = instance_of(p, 0, "big-0");
    assert_true(park && back && !strcmp(park->level, "sleep"));
    uint64_t weights = 0;
    for (size_t r = 0; r < big->nranks; r++)
        for (size_t i = 0; i < big->rank[r].need->n; i++)
            weights += big->rank[r].need->line[i].part == BT_P_WEIGHTS ? big->rank[r].need->line[i].bytes : 0;
    assert_true(park->host_bytes == weights && back->host_bytes == 0);
    assert_true(park->gpu_bytes[0] > 500 * MiB && park->gpu_bytes[0] < 6 * GiB);          /* context, graphs, workspaces stay */
    assert_true(back->gpu_bytes[0] == big->rank[0].bytes);
    assert_true(park->seconds > 1 && back->seconds < park->seconds);
    for (size_t r = 0; r < big->nranks; r++)
        assert_true(instance_of(p, 2, "big-0")->rank[r].gpu == big->rank[r].gpu && instance_of(p, 2, "big-0")->rank[r].bytes == big->rank[r].bytes);
}

static void ram_that_does_not_hold_it(void **st)
{
    (void)st;
    struct bt_plan *p = plan_with_ram(bt_arena_printf(&a, THREE, "", "30GiB"), "4xA100-SXM4-40GB", 32 * GiB);
    assert_null(move_of(p, "b", "big-0", BT_MOVE_PARK));
    assert_non_null(move_of(p, "b", "big-0", BT_MOVE_STOP));
    assert_non_null(move_of(p, "c", "big-0", BT_MOVE_START));
    assert_true(warned(p, "of host RAM, and 32.00 GiB of 32.00 GiB are left: it is stopped"));
}

/* Sleepers and a server on the CPU share the RAM: it comes first, and its context takes no more than they leave. */
static void ram_for_sleepers_and_a_server_on_the_cpu(void **st)
{
    (void)st;
    static const char text[] = "name: t\nphases: [a, b, c]\nworkloads:\n  big: {engine: vllm, model: Qwen/Qwen2.5-32B-Instruct, gpus: 2, phases: [a, c]}\n"
                               "  cpu: {engine: vllm, model: Qwen/Qwen3-0.6B, gpus: 0, context: {min: 2048, want: 32768}}\n"
                               "  train: {kind: job, command: [x], gpus: 4, memory: 30GiB, phases: b}\n";
    static const struct { uint64_t ram; bool parks; } rows[] = { { 32 * GiB, false }, { 63 * GiB, false }, { 66 * GiB, true }, { 256 * GiB, true } };
    for (size_t i = 0; i < BT_LEN(rows); i++) {
        struct bt_plan *p = plan_with_ram(text, "4xA100-SXM4-40GB", rows[i].ram);
        assert_true((move_of(p, "b", "big-0", BT_MOVE_PARK) != NULL) == rows[i].parks);
        assert_true(rows[i].parks || warned(p, "of host RAM, and"));
        for (size_t ph = 0; ph < 3; ph++)
            assert_true(instance_of(p, ph, "cpu-0")->host && instance_of(p, ph, "cpu-0")->context >= 2048);
    }
}

/* RAM holds it, and no node does: said of whom binds itself to one. */
static void a_server_in_ram_larger_than_a_node_is_told(void **st)
{
    (void)st;
    static const struct { const char *engine; uint64_t node; bool told; } rows[] = {
        { "engine: vllm, model: Qwen/Qwen3-8B", 16 * GiB, true }, { "engine: vllm, model: Qwen/Qwen3-8B", 64 * GiB, false },
        { "engine: vllm, model: Qwen/Qwen3-8B", 0, false }, { "engine: vllm, model: Qwen/Qwen3-0.6B, context: 2048", 16 * GiB, false },
    };
    for (size_t i = 0; i < BT_LEN(rows); i++) {
        struct bt_err err = { 0 };
        struct bt_plan_in *in = plan_inputs(&a, bt_arena_printf(&a, "name: t\nworkloads:\n  cpu: {%s, gpus: 0}\n", rows[i].engine), "1xL4");
        struct bt_fleet *f = (struct bt_fleet *)in->fleet;
        struct bt_plan *p;
        f->source = "file";
        f->ram_bytes = 128 * GiB;
        f->ram_node_bytes = rows[i].node;
        assert_int_equal(bt_plan_make(&a, in, &p, &err), 0);
        assert_int_equal(p->nrefusals, 0);
        if (warned(p, "the largest NUMA node has 16.00 GiB: vLLM's CPU build keeps to one node") != rows[i].told)
            fail_msg("row %zu", i);
    }
}

static void cards_that_do_not_hold_what_stays(void **st)
{
    (void)st;
    struct bt_plan *p = plan_with_ram(bt_arena_printf(&a, THREE, "", "38GiB"), "4xA100-SXM4-40GB", 256 * GiB);
    assert_non_null(move_of(p, "b", "big-0", BT_MOVE_STOP));
    p = plan_with_ram(bt_arena_printf(&a, THREE, ", park: sleep", "38GiB"), "4xA100-SXM4-40GB", 256 * GiB);
    assert_non_null(move_of(p, "b", "big-0", BT_MOVE_STOP));
    assert_true(warned(p, "does not fit beside what it keeps on its cards while parked"));
}

static void as_the_spec_says(void **st)
{
    (void)st;
    static const struct { const char *park, *level; enum bt_move how; bool says; } rows[] = {
        { "sleep", "sleep", BT_MOVE_PARK, false }, { "kv", "kv", BT_MOVE_PARK, false }, { "none", "none", BT_MOVE_PARK, false },
        { "stop", NULL, BT_MOVE_STOP, false }, { "checkpoint", NULL, BT_MOVE_STOP, true } };
    for (size_t i = 0; i < BT_LEN(rows); i++) {
        const char *text = bt_arena_printf(&a, "name: t\nphases: [a, b]\nworkloads:\n  s: {engine: vllm, model: Qwen/Qwen3-4B, memory: 20GiB, gpus: 1, phases: a, park: %s}\n"
                                               "  j: {kind: job, command: [x], memory: 15GiB, phases: b}\n", rows[i].park);
        struct bt_plan *p = plan_with_ram(text, "1xA100-SXM4-40GB", 64 * GiB);
        const struct bt_plan_move *m = move_of(p, "b", "s-0", rows[i].how);
        assert_non_null(m);
        assert_true(rows[i].level ? m->level && !strcmp(m->level, rows[i].level) : !m->level);
        const struct bt_rank_berth *r = &instance_of(p, 0, "s-0")->rank[0];
        if (!strcmp(rows[i].park, "none"))
            assert_true(m->gpu_bytes[0] == r->bytes && m->host_bytes == 0);
        if (!strcmp(rows[i].park, "kv"))
            assert_true(m->gpu_bytes[0] == r->bytes - r->kv_bytes && m->host_bytes == 0);
        assert_true(warned(p, "checkpoint is not done yet: it is stopped when its phase ends") == rows[i].says);
        const char *held = bt_arena_printf(&a, "It would hold %s of host RAM (64.00 GiB are there), and take about 7 s each way", bt_bytes_human(r->bytes));
        assert_true(warned(p, held) == rows[i].says);
    }
    static const char wide[] = "name: t\nphases: [a, b]\nworkloads:\n  s: {engine: vllm, model: Qwen/Qwen3-4B, gpus: 2, phases: a, park: checkpoint}\n  j: {kind: job, command: [x], memory: 15GiB, phases: b}\n";
    assert_true(warned(plan_with_ram(wide, "2xA100-SXM4-40GB", 64 * GiB), "On several cards the driver's checkpoint hangs"));
}

/* Where nothing is lost by it, a server runs on: on the same cards, with the KV that both phases have room for. */
static void what_may_stay_stays(void **st)
{
    (void)st;
    const char *text = "name: t\nphases: [a, b]\nworkloads:\n  s: {engine: vllm, model: Qwen/Qwen3-4B, gpus: 1, context: 8192}\n"
                       "  one: {kind: job, command: [x], memory: 10GiB, pool: [0], phases: a}\n"
                       "  two: {kind: job, command: [x], gpus: 2, memory: 24GiB, phases: b}\n";
    struct bt_plan *p = plan_with_ram(text, "2xA100-SXM4-40GB", 64 * GiB);
    const struct bt_plan_instance *x = instance_of(p, 0, "s-0"), *y = instance_of(p, 1, "s-0");
    assert_non_null(move_of(p, "b", "s-0", BT_MOVE_STAY));
    assert_true(x->rank[0].gpu == y->rank[0].gpu && x->rank[0].bytes == y->rank[0].bytes && x->rank[0].kv_bytes == y->rank[0].kv_bytes);
    assert_true(x->rank[0].bytes <= bt_gpu_capacity(&p->fleet->gpus[0]) - 24 * GiB);
    assert_non_null(move_of(p, "b", "two-0", BT_MOVE_START));
    assert_null(move_of(p, "b", "one-0", BT_MOVE_STOP));                                  /* a job ends by itself */
}

/* The first phase would take any card, the second only one: the first yields, for nothing. */
static void the_earlier_phase_yields(void **st)
{
    (void)st;
    const char *text = "name: t\nphases: [a, b]\nworkloads:\n  s: {engine: vllm, model: Qwen/Qwen3-4B, gpus: 1, context: 8192}\n"
                       "  two: {kind: job, command: [x], memory: 30GiB, pool: [0], phases: b}\n";
    struct bt_plan *p = plan_with_ram(text, "2xA100-SXM4-40GB", 64 * GiB);
    assert_int_equal(instance_of(p, 0, "s-0")->rank[0].gpu, 1);
    assert_non_null(move_of(p, "b", "s-0", BT_MOVE_STAY));
}

/* Two with one context: held or not, they keep having one. */
static void tied_contexts_stay_tied(void **st)
{
    (void)st;
    const char *text = "name: t\nphases: [a, b]\nworkloads:\n  s0: {engine: vllm, model: meta-llama/Llama-3.2-1B, context: {min: 1024}}\n"
                       "  s1: {engine: vllm, model: Qwen/Qwen3-0.6B, context: {same_as: s0}, memory: 40%}\n"
                       "  s2: {engine: vllm, model: Qwen/Qwen2.5-7B-Instruct, context: {want: 4096, min: 1024}, phases: a}\n";
    struct bt_plan *p = plan_with_ram(text, "3xA100-SXM4-40GB", 256 * GiB);
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(instance_of(p, i, "s0-0")->context, instance_of(p, i, "s1-0")->context);
}

/* A command that takes the rest has the smaller rest of its phases, and what it holds there. */
static void a_job_form_holds_what_it_has_in_all_phases(void **st)
{
    (void)st;
    const char *text = "name: t\nphases: [a, b]\nworkloads:\n  s: {kind: service, command: [x], memory: {train: Qwen/Qwen3-0.6B, method: lora, batch: auto, tokens: 512}}\n"
                       "  j: {kind: job, command: [x], memory: 15GiB, phases: b}\n";
    struct bt_plan *p = plan_with_ram(text, "1xA100-SXM4-40GB", 64 * GiB);
    const struct bt_plan_instance *x = instance_of(p, 0, "s-0"), *y = instance_of(p, 1, "s-0");
    assert_non_null(move_of(p, "b", "s-0", BT_MOVE_STAY));
    assert_true(x->rank[0].bytes == y->rank[0].bytes && x->job->need.batch == y->job->need.batch && x->job->need.batch > 1);
    assert_true(x->job->need.bytes <= x->rank[0].bytes);
}

/* More context is worth a start: staying would cost what the objective puts first. */
static void what_loses_by_staying_moves(void **st)
{
    (void)st;
    const char *text = "name: t\nphases: [a, b]\nworkloads:\n  s: {engine: vllm, model: Qwen/Qwen1.5-7B-Chat, gpus: 1}\n"
                       "  one: {kind: job, command: [x], memory: 18GiB, phases: a}\n";
    struct bt_plan *p = plan_with_ram(text, "1xA100-SXM4-40GB", 64 * GiB);
    const struct bt_plan_move *stop = move_of(p, "b", "s-0", BT_MOVE_STOP);
    assert_non_null(stop);
    assert_non_null(strstr(stop->why, "tokens of context then, not"));
    assert_true(instance_of(p, 1, "s-0")->context > instance_of(p, 0, "s-0")->context);
}

static int64_t reached(const struct bt_plan *p) { return p->objective[BT_GOAL_PLACED] * 100000000 + p->objective[BT_GOAL_WANTS] * 10000 + p->objective[BT_GOAL_SERVICE]; }

/* Drawn sets: every plan passes both checks (bt_plan_make runs them), and no phase reaches less than it would alone. */
static void drawn_sets(void **st)
{
    (void)st;
    static const char *const models[] = { "Qwen/Qwen3-4B", "Qwen/Qwen3-0.6B", "Qwen/Qwen2.5-7B-Instruct" }, *const parks[] = { "auto", "auto", "auto", "stop" };
    static const char *const in[] = { "[a, c]", "[a, b]", "[b, c]", "a", "b", "c", "[a, b, c]" };
    unsigned seed = 7, moved[5] = { 0 };
    for (int round = 0; round < 60; round++) {
        struct bt_arena own = { 0 };
        bt_auto_buf struct bt_buf b = BT_BUF(4096);
        bt_buf_puts(&b, "name: t\nphases: [a, b, c]\nworkloads:\n");
        unsigned n = 2 + (seed >> 8) % 3;
        for (unsigned i = 0; i < n; i++) {
            seed = seed * 1103515245u + 12345u;
            unsigned r = seed >> 8;
            if (r % 3)
                bt_buf_printf(&b, "  s%u: {engine: vllm, model: %s, gpus: 1, context: {want: 4096, min: 1024}, phases: %s, park: %s}\n", i, models[r / 3 % 3], in[r / 9 % 7], parks[r / 63 % 4]);
            else
                bt_buf_printf(&b, "  s%u: {kind: %s, command: [x], memory: %s, phases: %s}\n", i, r / 756 % 2 ? "service" : "job",
                              r / 63 % 12 == 0   ? "rest"
                              : r / 63 % 12 == 1 ? "{train: Qwen/Qwen3-0.6B, method: lora, batch: auto, tokens: 256}"
                                                 : bt_arena_printf(&own, "%uGiB", 4 + r / 63 % 12), in[r / 9 % 7]);
        }
        struct bt_plan_in *inputs = plan_inputs(&own, bt_buf_z(&b), "2xA100-SXM4-40GB");
        struct bt_plan *p, *alone;
        struct bt_err err = { 0 };
        if (bt_plan_make(&own, inputs, &p, &err) < 0)
            fail_msg("%s\n%s", err.msg, bt_buf_z(&b));
        int64_t sum = 0;
        for (size_t ph = 0; ph < 3; ph++) {
            struct bt_spec one = *inputs->spec;
            one.phases = (struct bt_strs){ &inputs->spec->phases.v[ph], 1 };
            struct bt_plan_in single = *inputs;
            single.spec = &one;
            if (bt_plan_make(&own, &single, &alone, &err) < 0)
                fail_msg("%s\n%s", err.msg, bt_buf_z(&b));
            sum += reached(alone);
        }
        if (!p->nrefusals && reached(p) != sum)
            fail_msg("round %d: together %lld, each alone %lld\n%s", round, (long long)reached(p), (long long)sum, bt_buf_z(&b));
        for (size_t m = 0; m < p->nmoves; m++)
            moved[p->move[m].how]++;
        bt_arena_release(&own);
    }
    for (size_t i = 0; i < BT_LEN(moved); i++)
        assert_true(moved[i] > 0);                   /* the draw is worth something: every kind of move occurs */
}

/* What may stay stays: as much as in the best of all choices of a placement for each phase. */
static void drawn_phases_equal_enumeration(void **st)
{
    (void)st;
    unsigned looked = 0, apart = 0;
    for (uint64_t round = 1; looked < 200 && round < 2000; round++) {
        bt_auto_arena own = { 0 };
        struct bt_err err = { 0 };
        struct bt_spec *s;
        struct draw d;
        struct joint j;
        draw_seed(&d, round);
        const char *fleet, *text = joint_spec(&d, &own, &fleet);
        if (bt_spec_parse(&own, "berth.yaml", "/d", bt_str(text), &(struct bt_spec_opts){ 0 }, &s, &err) < 0)
            continue;                                /* drawn against itself */
        struct bt_plan_in *in = plan_inputs(&own, text, fleet);
        int ok = joint_enumerate(&j, &own, in, &err);
        assert_true(ok >= 0);
        uint64_t all = joint_all(&j);
        if (!ok || !all)
            continue;
        struct bt_plan *p;
        if (bt_plan_make(&own, in, &p, &err) < 0)
            fail_msg("round %llu on %s: %s\n%s", (unsigned long long)round, fleet, err.msg, text);
        if (p->nrefusals || joint_planned(&j, p) < j.most)
            fail_msg("round %llu on %s: %llu ms saved, %llu can be\n%s", (unsigned long long)round, fleet, (unsigned long long)joint_planned(&j, p),
                     (unsigned long long)j.most, text);
        looked++;
        apart += j.most < all;
    }
    assert_int_equal(looked, 200);
    assert_true(apart > 20);                         /* not everything can stay: the draw asks for a choice */
}

/* Several requests at the least context, one at the context granted: held to its place, a server needs no more than that. */
static void several_requests_stay_too(void **st)
{
    (void)st;
    const char *text = "name: t\nphases: [a, b]\nworkloads:\n  x: {kind: service, command: [x], memory: 16GiB, gpus: 1, phases: a}\n"
                       "  s: {engine: vllm, model: Qwen/Qwen3-4B, gpus: 1, context: {min: 512, want: 8192}, memory: 45%, requests: 4, pool: [1, 0]}\n";
    struct bt_plan *p = plan_with_ram(text, "2xRTX-4090", 64 * GiB);
    assert_non_null(move_of(p, "b", "s-0", BT_MOVE_STAY));
}

static struct bt_plan *good;
static void less_held(void) { ((struct bt_plan_move *)move_of(good, "b", "big-0", BT_MOVE_PARK))->gpu_bytes[0] += 40 * GiB; }
static void more_ram(void) { ((struct bt_plan_move *)move_of(good, "b", "big-0", BT_MOVE_PARK))->host_bytes += 400 * GiB; }
static void never_back(void) { ((struct bt_plan_move *)move_of(good, "c", "big-0", BT_MOVE_RESUME))->how = BT_MOVE_STOP; }
static void stays_parked(void) { ((struct bt_plan_move *)move_of(good, "c", "big-0", BT_MOVE_RESUME))->how = BT_MOVE_STAY; }
static void not_there(void) { ((struct bt_plan_move *)move_of(good, "b", "big-0", BT_MOVE_PARK))->instance = "big-1"; }
static void never_left(void) { ((struct bt_plan_move *)move_of(good, "b", "big-0", BT_MOVE_PARK))->how = BT_MOVE_STAY; }
static void elsewhere(void) { ((struct bt_plan_instance *)instance_of(good, 2, "big-0"))->rank[0].gpu = 3; }
static void fewer_bytes(void) { ((struct bt_plan_instance *)instance_of(good, 2, "big-0"))->rank[0].bytes--; }

static void broken_moves_are_seen(void **st)
{
    (void)st;
    static const struct { void (*spoil)(void); const char *says; } ways[] = {
        { less_held, "with the parked ones" }, { more_ram, "of RAM planned" }, { never_back, "no move brings big-0" }, { stays_parked, "stays and is parked" },
        { not_there, "is not there" }, { never_left, "" }, { elsewhere, "" }, { fewer_bytes, "" } };
    for (size_t i = 0; i < BT_LEN(ways); i++) {
        struct bt_err err = { 0 };
        good = plan_with_ram(bt_arena_printf(&a, THREE, "", "30GiB"), "4xA100-SXM4-40GB", 256 * GiB);
        assert_int_equal(pl_moves_check(good, &err), 0);
        ways[i].spoil();
        assert_int_equal(pl_moves_check(good, &err), -1);
        if (!strstr(err.msg, ways[i].says))
            fail_msg("%zu: %s", i, err.msg);
    }
}

static void phases_with_few_workloads_come_first(void **st)
{
    (void)st;
    struct pl_problem p[] = { { .n = 5 }, { .n = 3 }, { .n = 5 }, { .n = 1 }, { .n = 3 } }, *all[5];
    size_t order[5], right[] = { 3, 1, 4, 0, 2 };
    for (size_t i = 0; i < 5; i++)
        all[i] = &p[i];
    pl_phase_order(all, 5, order);
    assert_memory_equal(order, right, sizeof right); /* equal ones as they are written */
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(what_comes_back_sleeps), cmocka_unit_test(ram_that_does_not_hold_it), cmocka_unit_test(ram_for_sleepers_and_a_server_on_the_cpu),
        cmocka_unit_test(a_server_in_ram_larger_than_a_node_is_told),
                                        cmocka_unit_test(cards_that_do_not_hold_what_stays), cmocka_unit_test(as_the_spec_says),
                                        cmocka_unit_test(what_may_stay_stays), cmocka_unit_test(the_earlier_phase_yields),
                                        cmocka_unit_test(what_loses_by_staying_moves),
                                        cmocka_unit_test(tied_contexts_stay_tied), cmocka_unit_test(a_job_form_holds_what_it_has_in_all_phases), cmocka_unit_test(drawn_sets),
                                        cmocka_unit_test(drawn_phases_equal_enumeration), cmocka_unit_test(several_requests_stay_too), cmocka_unit_test(broken_moves_are_seen),
                                        cmocka_unit_test(phases_with_few_workloads_come_first) };
    int rc = cmocka_run_group_tests(tests, NULL, NULL);
    bt_arena_release(&a);
    return rc;
}

/* Fleets of several machines: against the exact search where both can be asked, and the rules that go across machines. */
#include <stdlib.h>
#include <string.h>

#include "../../bench/plan_draw.h"
#include "plan/plan_int.h"
#include "plan_help.h"

static struct bt_arena a;

static struct bt_plan *fits(const char *text, const char *fleet)
{
    struct bt_plan *p = plan_of(&a, text, fleet);
    if (p->nrefusals)
        fail_msg("%s: %s\n%s", fleet, p->refusal[0].text, text);
    return p;
}

/* ---- one card a machine is what the exact search sees, as long as nobody takes two ---- */

static const char *draw_singles(struct draw *d, unsigned n)
{
    static const char *const models[] = { "Qwen/Qwen2.5-7B-Instruct", "Qwen/Qwen3-4B", "HuggingFaceTB/SmolLM2-135M", "Qwen/Qwen3-1.7B", "google/gemma-2-9b-it" };
    static const char *const sizes[] = { "2GiB", "30%", "9GiB", "auto", "rest", "45%" };
    bt_auto_buf struct bt_buf b = BT_BUF(64 * KiB);
    bt_buf_puts(&b, "name: t\nworkloads:\n");
    for (unsigned i = 0; i < n; i++) {
        bt_buf_printf(&b, "  w%u: {", i);
        if (draw(d, 3))
            bt_buf_printf(&b, "engine: vllm, model: %s, gpus: 1, context: {min: 1024, want: %u}", models[draw(d, BT_LEN(models))], 4096 << draw(d, 3));
        else
            bt_buf_printf(&b, "kind: service, command: [x], memory: %s", sizes[draw(d, BT_LEN(sizes))]);
        if (draw(d, 6) == 0)
            bt_buf_puts(&b, ", replicas: {want: 2, min: 1}");
        if (draw(d, 4) == 0)
            bt_buf_puts(&b, ", optional: true");
        if (draw(d, 5) == 0)
            bt_buf_printf(&b, ", priority: %u", 1 + draw(d, 3));
        if (i && draw(d, 6) == 0)
            bt_buf_printf(&b, ", apart: [w%u]", draw(d, i));
        bt_buf_puts(&b, "}\n");
    }
    return bt_arena_strdup(&a, bt_buf_z(&b));
}

static void bounds_hold_and_plans_are_no_better_than_the_best(void **st)
{
    (void)st;
    unsigned looked = 0, equal = 0;
    double lost = 0;
    for (unsigned round = 1; round <= 150; round++) {
        struct draw d;
        struct bt_err err = { 0 };
        struct bt_plan *exact, *p;
        draw_seed(&d, round);
        unsigned x = 2 + draw(&d, 4), y = 1 + draw(&d, 3), works = 3 + draw(&d, 6);
        const char *text = draw_singles(&d, works);
        exact = plan_of(&a, text, bt_arena_printf(&a, "%uxRTX-4090+%uxL40S", x, y));
        struct bt_plan_in *in = plan_inputs(&a, text, bt_arena_printf(&a, "%ux1xRTX-4090+%ux1xL40S", x, y));
        if (bt_plan_make(&a, in, &p, &err) < 0) {
            assert_int_equal(err.code, BT_E_TOO_BIG);        /* not all ways were tried */
            continue;
        }
        if (exact->nrefusals || strcmp(exact->proof, "optimal")) {
            assert_true(p->nrefusals || strcmp(exact->proof, "optimal"));
            continue;
        }
        if (p->nrefusals)
            fail_msg("round %u: %s\n%s", round, p->refusal[0].text, text);
        looked++;
        for (int g = BT_GOAL_PLACED; g <= BT_GOAL_WANTS; g++)
            if (exact->objective[g] > p->bound[g])
                fail_msg("round %u: %lld is past the bound %lld of goal %d\n%s", round, (long long)exact->objective[g], (long long)p->bound[g], g, text);
        if (exact->objective[BT_GOAL_WANTS] == p->bound[BT_GOAL_WANTS] && exact->objective[BT_GOAL_SERVICE] > p->bound[BT_GOAL_SERVICE] + 1)
            fail_msg("round %u: service %lld is past the bound %lld\n%s", round, (long long)exact->objective[BT_GOAL_SERVICE],
                     (long long)p->bound[BT_GOAL_SERVICE], text);
        int worse = 0;               /* < 0: the plan beats the best one, which cannot be */
        for (int g = BT_GOAL_PLACED; g <= BT_GOAL_SERVICE && !worse; g++) {
            int64_t more = p->objective[g] - exact->objective[g];
            worse = more > (g == BT_GOAL_SERVICE) ? -1 : more < -(g == BT_GOAL_SERVICE) ? 1 : 0;
            if (worse > 0)
                lost += (double)-more / (double)exact->objective[g];
        }
        if (worse < 0)
            fail_msg("round %u: better than the best\n%s", round, text);
        equal += worse == 0;
    }
    print_message("%u compared, %u equal to the best; %.2f %% lost on average\n", looked, equal, looked ? 100 * lost / looked : 0);
    assert_true(looked >= 80 && equal * 3 >= looked && lost < 0.1 * looked);
}

/* ---- across machines ---- */

static void equal_machines_are_planned_once(void **st)
{
    (void)st;
    const char *text = "name: t\nworkloads:\n  llm: {engine: vllm, model: Qwen/Qwen2.5-7B-Instruct, replicas: 400, gpus: 2}\n";
    struct bt_plan *one = fits("name: t\nworkloads:\n  llm: {engine: vllm, model: Qwen/Qwen2.5-7B-Instruct, replicas: 4, gpus: 2}\n", "8xA100-SXM4-40GB");
    struct bt_plan *p = fits(text, "100x8xA100-SXM4-40GB");
    assert_int_equal(p->phase[0].n, 400);
    assert_true(p->nodes < 4 * one->nodes + 1000);
    size_t *on = BT_NEWN(&a, size_t, 100);
    for (size_t i = 0; i < 400; i++) {
        assert_true(p->phase[0].inst[i].context == p->phase[0].inst[0].context && p->phase[0].inst[i].replica == i);
        on[p->phase[0].inst[i].box]++;
    }
    for (size_t i = 0; i < 100; i++)
        assert_int_equal(on[i], 4);
}

/* A machine with smaller cards gives a shorter context: then all copies have that one. */
static void copies_on_unequal_machines_have_one_context(void **st)
{
    (void)st;
    const char *text = "name: t\nworkloads:\n  llm: {engine: vllm, model: Qwen/Qwen2.5-14B-Instruct, replicas: 3, gpus: 1, context: {min: 2048, want: 32768}}\n";
    struct bt_plan *p = fits(text, "1x2xA100-SXM4-80GB+1x1xL40S");
    uint64_t ctx = p->phase[0].inst[0].context;
    assert_true(p->phase[0].inst[1].context == ctx && p->phase[0].inst[2].context == ctx);
    assert_true(ctx == fits(text, "3xL40S")->phase[0].inst[0].context);
}

/* Together on the same cards, within one machine; a pool on another; what is apart is apart. */
static void rules_hold(void **st)
{
    (void)st;
    const char *text = "name: t\nworkloads:\n"
                       "  target: {engine: vllm, model: Qwen/Qwen3-32B, gpus: 2, replicas: 3, context: {min: 8192}}\n"
                       "  draft: {engine: vllm, model: Qwen/Qwen3-1.7B, context: {same_as: target}, replicas: 3, same_gpus_as: target}\n"
                       "  pinned: {engine: vllm, model: Qwen/Qwen3-4B, gpus: 1, pool: [9]}\n"
                       "  a: {kind: service, command: [x], memory: 30GiB, apart: [b]}\n"
                       "  b: {kind: service, command: [x], memory: 30GiB}\n"
                       "  host: {kind: job, command: [x], gpus: 0}\n";
    struct bt_plan *p = fits(text, "6x2xA100-SXM4-80GB");
    for (unsigned r = 0; r < 3; r++) {
        const struct bt_plan_instance *t = instance_of(p, 0, bt_arena_printf(&a, "target-%u", r)), *d = instance_of(p, 0, bt_arena_printf(&a, "draft-%u", r));
        assert_true(t->nranks == 2 && d->nranks == 2 && t->box == d->box && t->context == d->context);
        assert_true(t->rank[0].gpu / 2 == t->box && t->rank[1].gpu / 2 == t->box);
    }
    assert_true(instance_of(p, 0, "pinned-0")->rank[0].gpu == 9 && instance_of(p, 0, "pinned-0")->box == 4);
    assert_true(instance_of(p, 0, "a-0")->rank[0].gpu != instance_of(p, 0, "b-0")->rank[0].gpu);
    assert_int_equal(instance_of(p, 0, "host-0")->nranks, 0);
}

/* Who is in two phases stays in its machine, and on its cards. */
static void phases_share_machines(void **st)
{
    (void)st;
    const char *text = "name: t\nphases: [day, night]\nworkloads:\n"
                       "  llm: {engine: vllm, model: Qwen/Qwen2.5-7B-Instruct, gpus: 1, replicas: 6}\n"
                       "  chat: {engine: vllm, model: Qwen/Qwen3-4B, gpus: 1, replicas: 6, phases: day}\n"
                       "  train: {kind: job, command: [x], memory: 60GiB, slots: 6, phases: night}\n";
    struct bt_plan *p = fits(text, "6x2xA100-SXM4-80GB");
    size_t stay = 0;
    for (size_t i = 0; i < p->nmoves; i++)
        stay += p->move[i].how == BT_MOVE_STAY && !strcmp(p->move[i].inst->w->name, "llm");
    assert_int_equal(stay, 6);
    for (unsigned r = 0; r < 6; r++) {
        const char *id = bt_arena_printf(&a, "llm-%u", r);
        assert_true(instance_of(p, 0, id)->rank[0].gpu == instance_of(p, 1, id)->rank[0].gpu);
    }
}

static unsigned copies_in_phase(const struct bt_plan *p, size_t phase, const char *name)
{
    unsigned n = 0;
    for (size_t i = 0; i < p->phase[phase].n; i++)
        n += !strcmp(p->phase[phase].inst[i].w->name, name);
    return n;
}

/* Eight copies, as many as have room in the middle, and eight again: the others sleep on their machines meanwhile. As many as one machine with all cards has. */
static void copies_sleep_where_others_come(void **st)
{
    (void)st;
    static const struct { const char *fleet, *one; unsigned slots, middle; } rows[] = {
        { "2x4xA100-SXM4-40GB", "8xA100-SXM4-40GB", 4, 4 }, { "4x2xA100-SXM4-40GB", "8xA100-SXM4-40GB", 4, 4 }, { "2x4xA100-SXM4-40GB", "8xA100-SXM4-40GB", 1, 7 },
        { "2x4xA100-SXM4-40GB", "8xA100-SXM4-40GB", 3, 5 }, { "3x3xA100-SXM4-40GB", "9xA100-SXM4-40GB", 5, 4 }, { "3x3xA100-SXM4-40GB", "9xA100-SXM4-40GB", 1, 8 },
        { "2x4xA100-SXM4-40GB+1x2xA100-SXM4-40GB", "10xA100-SXM4-40GB", 5, 5 },
    };
    for (size_t i = 0; i < BT_LEN(rows); i++) {
        const char *text = bt_arena_printf(&a, "name: t\nphases: [a, b, c]\nworkloads:\n"
                                               "  w: {engine: vllm, model: Qwen/Qwen2.5-7B-Instruct, gpus: 1, context: 8192, memory: 30GiB, replicas: {want: 8, min: 4}}\n"
                                               "  big: {kind: job, command: [x], memory: 30GiB, slots: %u, phases: b}\n", rows[i].slots);
        struct bt_plan *p = fits(text, rows[i].fleet), *one = fits(text, rows[i].one);
        unsigned parked = 0, back = 0, stay = 0;
        for (size_t m = 0; m < p->nmoves; m++) {
            parked += p->move[m].how == BT_MOVE_PARK;
            back += p->move[m].how == BT_MOVE_RESUME;
            stay += p->move[m].how == BT_MOVE_STAY;
        }
        for (size_t ph = 0; ph < 3; ph++)
            assert_int_equal(copies_in_phase(p, ph, "w"), copies_in_phase(one, ph, "w"));
        assert_true(copies_in_phase(p, 0, "w") == 8 && copies_in_phase(p, 1, "w") == rows[i].middle && copies_in_phase(p, 2, "w") == 8);
        assert_true(parked == 8 - rows[i].middle && back == parked && stay == 2 * rows[i].middle);
        assert_int_equal(p->objective[BT_GOAL_WANTS], one->objective[BT_GOAL_WANTS]);
    }
}

/* More than cards: those that may share do, those that take whole cards get them. */
static void a_full_fleet_is_filled(void **st)
{
    (void)st;
    bt_auto_buf struct bt_buf b = BT_BUF(64 * KiB);
    bt_buf_puts(&b, "name: t\nworkloads:\n");
    for (int i = 0; i < 12; i++)
        bt_buf_printf(&b, "  s%d: {kind: service, command: [x], memory: 7GiB}\n  w%d: {kind: service, command: [x], memory: auto}\n", i, i);
    struct bt_plan *p = fits(bt_buf_z(&b), "4x4xRTX-4090");
    assert_int_equal(p->objective[BT_GOAL_PLACED], 24);
}

static unsigned copies_in(const struct bt_plan *p, const char *name)
{
    unsigned n = 0;
    for (size_t i = 0; i < p->phase[0].n; i++)
        n += !strcmp(p->phase[0].inst[i].w->name, name);
    return n;
}

/* An open number of copies: as many as find empty cards, and nobody has less than beside one. */
static void open_copies_take_empty_cards(void **st)
{
    (void)st;
    const char *text = "name: t\nworkloads:\n  small: {engine: vllm, model: Qwen/Qwen3-4B, context: 8192, replicas: %s}\n"
                       "  big: {engine: vllm, model: Qwen/Qwen2.5-32B-Instruct, gpus: 2, context: 8192}\n"
                       "  crew: {kind: job, command: [x], memory: 10GiB, gpus: 1, slots: %s, share: never}\n";
    struct bt_plan *one = fits(bt_arena_printf(&a, text, "1", "1"), "3x4xA100-SXM4-40GB"), *p = fits(bt_arena_printf(&a, text, "auto", "1"), "3x4xA100-SXM4-40GB");
    assert_int_equal(copies_in(one, "small"), 1);
    assert_int_equal(copies_in(p, "small"), 9);      /* 12 cards less two of big and one of crew */
    assert_true(instance_of(p, 0, "big-0")->context == instance_of(one, 0, "big-0")->context && instance_of(p, 0, "small-8")->context == 8192);
    for (size_t i = 0; i < p->nwarnings; i++)
        assert_null(strstr(p->warning[i], "an open number"));
    p = fits(bt_arena_printf(&a, text, "auto", "auto"), "3x4xA100-SXM4-40GB");
    assert_int_equal(copies_in(p, "small") + copies_in(p, "crew"), 10);          /* in turn */
    assert_int_equal(copies_in(p, "crew"), 5);
}

/* `bench-plan boxes 70 71 31 500` and 68. A share of a card is more bytes on a larger one: a copy that goes there for want of others counts as what it takes
 * there. Copies of one server have one shape on all kinds of machine. Nearly all have a place where all are dealt tightly; the rest are optional. */
static void full_fleets_of_several_kinds_are_planned(void **st)
{
    (void)st;
    static const struct { unsigned number, drawn; const char *fleet; int64_t placed; } rows[] = {
        { 70, 4, "8x8xA100-SXM4-80GB+17x8xA100-SXM4-40GB+6x8xL40S", 485 },
        { 68, 3, "17x8xRTX-A6000+14x8xH100-80GB-HBM3", 500 },
    };
    for (size_t i = 0; i < BT_LEN(rows); i++) {
        struct draw d;
        draw_seed(&d, rows[i].number);
        for (unsigned k = 0; k < rows[i].drawn; k++) /* by its fleet */
            draw(&d, 2);
        struct bt_plan *p = fits(draw_spec(&d, &a, 500, 1, 0), rows[i].fleet);
        print_message("%u: %lld placed, %lld at most\n", rows[i].number, (long long)p->objective[BT_GOAL_PLACED], (long long)p->bound[BT_GOAL_PLACED]);
        assert_true(p->objective[BT_GOAL_PLACED] >= rows[i].placed && p->objective[BT_GOAL_PLACED] <= p->bound[BT_GOAL_PLACED] &&
                    p->objective[BT_GOAL_WANTS] <= p->bound[BT_GOAL_WANTS]);
    }
}

/* Who may be left out stands with the fewest copies that it says, or not at all. */
static void half_of_an_optional_one_is_none(void **st)
{
    (void)st;
    const char *text = "name: t\nworkloads:\n  a: {kind: service, command: [x], memory: 14GiB}\n  b: {kind: job, command: [x], memory: 14GiB, slots: 3, optional: true}\n"
                       "  c: {kind: job, command: [x], memory: 14GiB, slots: {want: 3, min: 2}, optional: true}\n";
    struct bt_plan *p = fits(text, "3x1xRTX-4090");
    assert_true(copies_in(p, "a") == 1 && copies_in(p, "b") == 0 && copies_in(p, "c") == 2);
}

/* Two or three workloads on every card: each machine begins with what it was dealt, and the check has each of them. */
static void machines_with_much_on_them_hold_what_they_were_dealt(void **st)
{
    (void)st;
    unsigned looked = 0;
    for (unsigned round = 1; round <= 12; round++) {
        struct draw d;
        struct bt_err err = { 0 };
        struct bt_plan *p;
        draw_seed(&d, round);
        struct bt_plan_in *in = plan_inputs_or_none(&a, draw_spec(&d, &a, 60, 1, 0), "2x8xA100-SXM4-40GB+1x8xL40S+1x8xA100-SXM4-80GB");
        if (!in || bt_plan_make(&a, in, &p, &err) < 0 || p->nrefusals)
            continue;
        looked++;
        assert_int_equal(bt_plan_check(p, &err), 0);
        for (size_t i = 0; i < in->spec->n; i++)
            assert_true(in->spec->w[i].optional || copies_in(p, in->spec->w[i].name) >= (in->spec->w[i].copies.set ? in->spec->w[i].copies.min : 1));
    }
    print_message("%u planned\n", looked);
    assert_true(looked >= 6);
}

static void what_fits_nowhere_is_refused(void **st)
{
    (void)st;
    struct bt_plan *p = plan_of(&a, "name: t\nworkloads:\n  llm: {engine: vllm, model: Qwen/Qwen2.5-72B-Instruct}\n  ok: {kind: job, command: [x], memory: 1GiB}\n",
                                "20x2xRTX-4090");
    assert_int_equal(p->nrefusals, 1);
    assert_true(strstr(p->refusal[0].text, "llm does not fit into any of the 20 machines") != NULL);
    p = plan_of(&a, "name: t\nworkloads:\n  llm: {engine: vllm, model: Qwen/Qwen2.5-7B-Instruct, gpus: 4}\n", "20x2xRTX-4090");
    assert_int_equal(p->nrefusals, 1);
    assert_string_equal(p->refusal[0].workload, "llm");
    p = plan_of(&a, "name: t\nworkloads:\n  llm: {engine: vllm, model: Qwen/Qwen2.5-72B-Instruct, optional: true}\n  ok: {kind: job, command: [x], memory: 1GiB}\n",
                "20x2xRTX-4090");
    assert_int_equal(p->nrefusals, 0);
    assert_int_equal(p->objective[BT_GOAL_PLACED], 1);
}

static const char *advised(const struct bt_plan *p, const char *path)
{
    for (size_t i = 0; i < p->nadvice; i++)
        if (!strcmp(p->advice[i].path, path))
            return p->advice[i].value;
    return NULL;
}

/* Every value that is advised fits, and the next one does not. */
static void what_is_refused_has_ways_out(void **st)
{
    (void)st;
    static const char spec[] = "name: t\nworkloads:\n  w: {engine: vllm, model: google/gemma-3-12b-it, replicas: %u}\n";
    struct bt_plan *p = plan_of(&a, bt_arena_printf(&a, spec, 12u), "2x4xA100-SXM4-40GB");
    const char *copies = advised(p, "workloads.w.replicas"), *fleet = advised(p, "gpus");
    assert_int_equal(p->nrefusals, 1);
    assert_non_null(copies);
    unsigned n = (unsigned)atoi(copies);
    assert_true(n > 0 && n < 12);
    assert_int_equal(plan_of(&a, bt_arena_printf(&a, spec, n), "2x4xA100-SXM4-40GB")->nrefusals, 0);
    struct bt_plan_in *more = plan_inputs_or_none(&a, bt_arena_printf(&a, spec, n + 1), "2x4xA100-SXM4-40GB");
    struct bt_err err = { 0 };
    assert_true(bt_plan_make(&a, more, &p, &err) < 0 || p->nrefusals);
    assert_string_equal(fleet, "3x4xA100-SXM4-40GB");
    assert_int_equal(plan_of(&a, bt_arena_printf(&a, spec, 12u), fleet)->nrefusals, 0);
    /* fewer bits and larger cards are all that helps one that fits on none of these */
    p = plan_of(&a, "name: t\nworkloads:\n  big: {engine: vllm, model: meta-llama/Llama-3.1-70B-Instruct, tp: 2}\n", "3x2xA100-SXM4-40GB");
    assert_int_equal(p->nadvice, 2);
    assert_string_equal(advised(p, "workloads.big.quantization"), "fp8");
    assert_int_equal(plan_of(&a, "name: t\nworkloads:\n  big: {engine: vllm, model: meta-llama/Llama-3.1-70B-Instruct, tp: 2, quantization: fp8}\n",
                             "3x2xA100-SXM4-40GB")->nrefusals, 0);
    assert_string_equal(advised(p, "gpus"), "3x2xA100-SXM4-80GB");
}

/* What one card holds two of, and what one machine does; and what stands where it just fits. */
static void what_cannot_be_dealt_is_refused_by_a_count(void **st)
{
    (void)st;
    static const struct { const char *text, *fleet, *why; } v[] = {
        { "a: {kind: service, command: [x], memory: 22GiB, replicas: 5}", "2x2xA100-SXM4-40GB",
          "at least 5 cards are needed (no card holds 2 ranks of more than 1/2 of it), and there are 4" },
        { "a: {kind: service, command: [x], memory: 22GiB, replicas: 4}", "2x2xA100-SXM4-40GB", NULL },
        { "a: {kind: service, command: [x], memory: 10GiB, replicas: 13}", "2x2xA100-SXM4-40GB",
          "at least 4.333 cards are needed (no card holds 4 ranks of more than 1/4 of it), and there are 4" },
        { "a: {kind: service, command: [x], memory: 30GiB, gpus: 3, replicas: 3}", "2x4xA100-SXM4-40GB", "at least 9 cards are needed" },
        { "a: {kind: service, command: [x], memory: 30GiB, gpus: 3, replicas: 3}\n  b: {kind: service, command: [x], memory: 1GiB, optional: true}",
          "2x5xA100-SXM4-40GB",
          "at least 3 machines are needed (no card holds 2 ranks of more than 1/2 of it, no machine holds 2 copies of more than 1/2 of it), and there are 2" },
        { "a: {kind: service, command: [x], memory: 9GiB, replicas: 30}", "2x3xA100-SXM4-40GB", "they take 270.00 GiB at least, and all 6 cards have " },
        { "a: {kind: service, command: [x], memory: 22GiB, replicas: {want: 9, min: 4}}", "2x2xA100-SXM4-40GB", NULL },
        { "a: {kind: service, command: [x], memory: 22GiB, replicas: 3, phases: p}\n  b: {kind: service, command: [x], memory: 22GiB, replicas: 5, phases: q}",
          "2x2xA100-SXM4-40GB", "phase q: the workloads that must" },
    };
    for (size_t i = 0; i < BT_LEN(v); i++) {
        const char *phases = strstr(v[i].text, "phases") ? "phases: [p, q]\n" : "";
        struct bt_plan *p = plan_of(&a, bt_arena_printf(&a, "name: t\n%sworkloads:\n  %s\n", phases, v[i].text), v[i].fleet);
        assert_int_equal(p->nrefusals, v[i].why != NULL);
        if (v[i].why && !strstr(p->refusal[0].text, v[i].why))
            fail_msg("%zu: %s", i, p->refusal[0].text);
    }
}

/* The larger ones first would be on one card each, and leave no card to those who need four: who found no place goes first the next time. */
static void who_finds_no_place_goes_first(void **st)
{
    (void)st;
    struct bt_plan *p = fits("name: t\nworkloads:\n  w: {engine: vllm, model: google/gemma-3-12b-it, replicas: {want: 8, min: 1}, pool: [0, 1, 2, 3]}\n"
                             "  x: {kind: job, command: [x], slots: 4, pool: [0, 1, 2, 3], memory: {forward: google/gemma-3-12b-it, batch: auto, tokens: 2048}}\n",
                             "2x4xA100-SXM4-40GB");
    assert_int_equal(copies_in(p, "x"), 4);
    assert_true(copies_in(p, "w") > 0);
}

/* The same input, the same plan. */
static void twice_the_same(void **st)
{
    (void)st;
    unsigned looked = 0;
    for (unsigned round = 1; looked < 8 && round < 60; round++) {
        struct draw d;
        struct bt_spec *s;
        struct bt_err err = { 0 };
        draw_seed(&d, round);
        const char *text = draw_spec(&d, &a, 24, 1 + round % 3, 0);
        struct bt_plan *p, *q;
        if (bt_spec_parse(&a, "berth.yaml", "/d", bt_str(text), &(struct bt_spec_opts){ 0 }, &s, &err) < 0)
            continue;
        struct bt_plan_in *in = plan_inputs(&a, text, "4x4xA100-SXM4-80GB+3x8xL40S");
        if (bt_plan_make(&a, in, &p, &err) < 0 || p->nrefusals)
            continue;
        assert_int_equal(bt_plan_make(&a, in, &q, &err), 0);
        looked++;
        assert_true(p->nphases == q->nphases && p->nodes == q->nodes && !memcmp(p->objective, q->objective, sizeof p->objective) && p->nmoves == q->nmoves);
        for (size_t ph = 0; ph < p->nphases; ph++) {
            assert_int_equal(p->phase[ph].n, q->phase[ph].n);
            for (size_t i = 0; i < p->phase[ph].n; i++) {
                const struct bt_plan_instance *x = &p->phase[ph].inst[i], *y = &q->phase[ph].inst[i];
                assert_true(!strcmp(x->id, y->id) && x->nranks == y->nranks && x->box == y->box);
                for (size_t r = 0; r < x->nranks; r++)
                    assert_true(x->rank[r].gpu == y->rank[r].gpu && x->rank[r].bytes == y->rank[r].bytes);
            }
        }
    }
    assert_true(looked >= 5);
}

static int end(void **st)
{
    (void)st;
    bt_arena_release(&a);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(bounds_hold_and_plans_are_no_better_than_the_best, end), cmocka_unit_test_teardown(equal_machines_are_planned_once, end),
        cmocka_unit_test_teardown(copies_on_unequal_machines_have_one_context, end), cmocka_unit_test_teardown(rules_hold, end),
        cmocka_unit_test_teardown(phases_share_machines, end), cmocka_unit_test_teardown(copies_sleep_where_others_come, end),
        cmocka_unit_test_teardown(a_full_fleet_is_filled, end),
        cmocka_unit_test_teardown(open_copies_take_empty_cards, end), cmocka_unit_test_teardown(full_fleets_of_several_kinds_are_planned, end),
        cmocka_unit_test_teardown(half_of_an_optional_one_is_none, end),
        cmocka_unit_test_teardown(machines_with_much_on_them_hold_what_they_were_dealt, end), cmocka_unit_test_teardown(what_fits_nowhere_is_refused, end),
        cmocka_unit_test_teardown(what_is_refused_has_ways_out, end),
        cmocka_unit_test_teardown(what_cannot_be_dealt_is_refused_by_a_count, end), cmocka_unit_test_teardown(who_finds_no_place_goes_first, end),
        cmocka_unit_test_teardown(twice_the_same, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

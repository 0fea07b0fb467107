/* Phases proposed for what does not fit at once: the fewest, who needs whom together, in an order that waits; and what is written down is what was planned. */
#include "plan/machine.h"
#include "plan/phases.h"
#include "plan_help.h"

static struct bt_arena a;

static const char *why_not;

static struct bt_plan *propose(const char *text, const char *fleet)
{
    struct bt_err err = { 0 };
    struct bt_plan *p;
    if (bt_plan_propose(&a, plan_inputs(&a, text, fleet), &p, &why_not, &err) < 0)
        fail_msg("%s\n%s", err.msg, text);
    assert_int_equal(err.code, 0);                   /* success leaves it alone */
    return p;
}

/* "writer prompts | extract" */
static const char *said(const struct bt_plan *p)
{
    bt_auto_buf struct bt_buf b = BT_BUF(4096);
    for (size_t i = 0; i < p->nphases; i++) {
        bt_buf_puts(&b, i ? "| " : "");
        for (size_t k = 0; k < p->spec->n; k++)
            if (pl_in_phase(&p->spec->w[k], p->phase[i].name))
                bt_buf_printf(&b, "%s ", p->spec->w[k].name);
    }
    b.n -= b.n > 0;
    return bt_arena_strndup(&a, (struct bt_str){ b.p, b.n });
}

#define TOP "name: t\nworkloads:\n"

static const struct { const char *text, *fleet, *says; } rows[] = {
    { TOP "  w: {engine: vllm, model: Qwen/Qwen2.5-7B-Instruct, replicas: {want: 2, min: 2}, gpus: 1}\n"
          "  ask: {kind: job, command: [x, \"${workloads.w.url}\"], gpus: 0}\n  t: {kind: job, command: [x], gpus: 2, memory: 30GiB}\n", "2xA100-SXM4-40GB", "w ask | t" },
    /* a job waits for another's end: its phase is later, though it is written first */
    { TOP "  late: {kind: job, command: [x], memory: 30GiB, after: {early: done}}\n  early: {kind: job, command: [x], memory: 30GiB}\n", "1xA100-SXM4-40GB", "early | late" },
    /* three that exclude each other need three */
    { TOP "  a: {kind: job, command: [x], memory: 30GiB}\n  b: {kind: job, command: [x], memory: 30GiB}\n  c: {kind: job, command: [x], memory: 30GiB}\n", "1xA100-SXM4-40GB", "a | b | c" },
    /* four in two: the first of the cuts that reach as much */
    { TOP "  a: {kind: job, command: [x], memory: 30GiB}\n  b: {kind: job, command: [x], memory: 30GiB}\n  c: {kind: job, command: [x], memory: 8GiB}\n"
          "  d: {kind: job, command: [x], memory: 8GiB}\n", "1xA100-SXM4-40GB", "a c | b d" },
    /* a service that fits beside both runs on */
    { TOP "  s: {kind: service, command: [x], memory: 4GiB}\n  a: {kind: job, command: [x], memory: 30GiB}\n  b: {kind: job, command: [x], memory: 30GiB}\n", "1xA100-SXM4-40GB",
      "s a | s b" },
    /* over two machines: who waits comes later, a service runs on where it is, and a server is on one machine with who asks it or not: its address is known */
    { TOP "  a: {kind: job, command: [x], memory: 30GiB}\n  b: {kind: job, command: [x], memory: 30GiB}\n  s: {kind: service, command: [x], memory: 4GiB}\n"
          "  c: {kind: job, command: [x], memory: 30GiB, after: {a: done}}\n", "2x1xA100-SXM4-40GB", "a b s | s c" },
    { TOP "  w: {engine: vllm, model: Qwen/Qwen2.5-7B-Instruct, replicas: {want: 2, min: 2}, gpus: 1}\n  t: {kind: job, command: [x], gpus: 2, slots: 2, memory: 30GiB}\n"
          "  ask: {kind: job, command: [x, \"${workloads.w.url}\"], gpus: 0}\n  u: {kind: job, command: [x], gpus: 2, memory: 30GiB, after: {t: done}}\n",
      "2x2xA100-SXM4-40GB", "t | w ask u" },
    /* more than twelve: filled one after the other, and who is like one that found no place is not asked again */
    { TOP "  a1: {kind: job, command: [x], memory: 30GiB}\n  a2: {kind: job, command: [x], memory: 30GiB}\n  a3: {kind: job, command: [x], memory: 30GiB}\n"
          "  b1: {kind: job, command: [x], memory: 8GiB}\n  b2: {kind: job, command: [x], memory: 8GiB}\n  b3: {kind: job, command: [x], memory: 8GiB}\n"
          "  b4: {kind: job, command: [x], memory: 8GiB}\n  c1: {kind: job, command: [x], memory: 1GiB}\n  c2: {kind: job, command: [x], memory: 1GiB, share: never}\n"
          "  c3: {kind: job, command: [x], memory: 1GiB}\n  c4: {kind: job, command: [x], memory: 1GiB, after: {a3: done}}\n  c5: {kind: job, command: [x], memory: 1GiB}\n"
          "  c6: {kind: job, command: [x], memory: 1GiB}\n", "1xA100-SXM4-40GB", "a1 b1 | a2 b2 | a3 b3 | b4 c1 c3 c4 c5 c6 | c2" },
    /* the same cards, one context, ready: never cut */
    { TOP "  a: {engine: vllm, model: Qwen/Qwen3-4B, gpus: 1, context: 4096}\n  b: {engine: vllm, model: Qwen/Qwen3-0.6B, same_gpus_as: a}\n"
          "  c: {kind: service, command: [x], gpus: 0, after: {b: ready}}\n  d: {kind: job, command: [x], memory: 35GiB}\n", "1xA100-SXM4-40GB", "a b c | d" },
};

/* Phases of the spec: the one that does not fit is cut, with names of its own. */
static const struct { const char *text, *fleet, *says, *names; } phased[] = {
    { "name: t\nphases: [make, use]\nworkloads:\n  m: {kind: job, command: [x], memory: 30GiB, phases: make}\n  a: {kind: job, command: [x], memory: 30GiB, phases: use}\n"
      "  b: {kind: job, command: [x], memory: 30GiB, phases: use}\n", "1xA100-SXM4-40GB", "m | a | b", "make use-1 use-2" },
    /* a name that is there is not given twice; who waits comes later; two phases are cut */
    { "name: t\nphases: [use-1, use]\nworkloads:\n  m: {kind: job, command: [x], memory: 30GiB, phases: use-1}\n  n: {kind: job, command: [x], memory: 30GiB, phases: use-1}\n"
      "  a: {kind: job, command: [x], memory: 30GiB, phases: use, after: {b: done}}\n  b: {kind: job, command: [x], memory: 30GiB, phases: use}\n", "1xA100-SXM4-40GB",
      "m | n | b | a", "use-1-1 use-1-2 use-2 use-3" },
    /* a server of both phases runs on into the part beside the other phase: turned round, for a is written first */
    { "name: t\nphases: [make, use]\nworkloads:\n  a: {kind: job, command: [x], memory: 30GiB, phases: use}\n  w: {engine: vllm, model: Qwen/Qwen3-4B, context: 4096}\n"
      "  b: {kind: job, command: [x], memory: 10GiB, phases: make}\n", "1xA100-SXM4-40GB", "w b | w | a", "make use-1 use-2" },
    /* a server whose context follows one that is in the other phase only; last, nobody has to stop it */
    { "name: t\nphases: [make, use]\nworkloads:\n  m: {engine: vllm, model: Qwen/Qwen3-4B, context: 4096, phases: make}\n"
      "  w: {engine: vllm, model: Qwen/Qwen3-0.6B, context: {same_as: m}, phases: use}\n  a: {kind: job, command: [x], memory: 38GiB, phases: use}\n", "1xA100-SXM4-40GB", "m | a | w", "make use-1 use-2" },
    /* over two machines */
    { "name: t\nphases: [make, use]\nworkloads:\n  m: {kind: job, command: [x], memory: 30GiB, phases: make}\n  a: {kind: job, command: [x], memory: 30GiB, slots: 2, phases: use}\n"
      "  b: {kind: job, command: [x], memory: 30GiB, phases: use}\n", "2x1xA100-SXM4-40GB", "m | a | b", "make use-1 use-2" },
};

static void a_phase_that_does_not_fit_is_cut(void **st)
{
    (void)st;
    for (size_t i = 0; i < BT_LEN(phased); i++) {
        struct bt_plan *p = propose(phased[i].text, phased[i].fleet);
        bt_auto_buf struct bt_buf b = BT_BUF(4096);
        if (!p)
            fail_msg("%s\n%s", why_not, phased[i].text);
        for (size_t k = 0; k < p->nphases; k++)
            bt_buf_printf(&b, "%s%s", k ? " " : "", p->phase[k].name);
        assert_string_equal(said(p), phased[i].says);
        assert_string_equal(bt_buf_z(&b), phased[i].names);
        assert_true(p->proposed && p->nrefusals == 0);
    }
}

static void cut_as_it_must_be(void **st)
{
    (void)st;
    for (size_t i = 0; i < BT_LEN(rows); i++) {
        struct bt_plan *p = propose(rows[i].text, rows[i].fleet);
        if (!p)
            fail_msg("nothing proposed for\n%s", rows[i].text);
        assert_string_equal(said(p), rows[i].says);
        assert_true(p->proposed && p->nrefusals == 0);
    }
}

static void nothing_where_nothing_helps(void **st)
{
    (void)st;
    assert_null(propose(TOP "  a: {kind: job, command: [x], memory: 50GiB}\n  b: {kind: job, command: [x], memory: 5GiB}\n", "1xA100-SXM4-40GB"));
    assert_string_equal(why_not, "no order of phases helps: a does not fit even alone");
    assert_null(propose(TOP "  a: {kind: job, command: [x], memory: 30GiB}\n  b: {kind: service, command: [x], memory: 30GiB, after: {a: started}}\n", "1xA100-SXM4-40GB"));
    assert_string_equal(why_not, "its workloads need each other: no phases can take them apart");
    assert_null(propose(TOP "  a: {kind: job, command: [x], memory: 50GiB}\n  b: {kind: job, command: [x], memory: 5GiB}\n", "3x1xA100-SXM4-40GB"));
    assert_null(propose(TOP "  a: {kind: job, command: [x], memory: 10GiB}\n  b: {kind: job, command: [x], memory: 10GiB, same_gpus_as: a, after: {c: done}}\n"
                            "  c: {kind: job, command: [x], memory: 30GiB, after: {a: done}}\n", "1xA100-SXM4-40GB"));
    assert_null(propose("name: t\nphases: [p, q]\nworkloads:\n  a: {kind: job, command: [x], memory: 50GiB, phases: p}\n  b: {kind: job, command: [x], memory: 30GiB, phases: q}\n", "1xA100-SXM4-40GB"));
    assert_string_equal(why_not, "phase p does not fit, and its workloads need each other: no phases can take them apart");
    assert_null(propose("name: t\nphases: [p]\nworkloads:\n  a: {kind: job, command: [x], memory: 30GiB}\n", "1xA100-SXM4-40GB"));
    assert_string_equal(why_not, "each of its phases fits by itself: what does not fit is what they keep for each other");
}

static bool warned(const struct bt_plan *p, const char *part)
{
    for (size_t i = 0; i < p->nwarnings; i++)
        if (strstr(p->warning[i], part))
            return true;
    return false;
}

/* More groups than all cuts of can be looked at: phase after phase is filled, in the order that `after` asks for, and the plan says that it is so. */
static void many_groups_fill_phases(void **st)
{
    (void)st;
    static const char *const fleets[] = { "2xA100-SXM4-40GB", "2x1xA100-SXM4-40GB" };
    for (size_t f = 0; f < BT_LEN(fleets); f++) {
        bt_auto_buf struct bt_buf b = BT_BUF(16 * KiB);
        bt_buf_puts(&b, TOP "  last: {kind: job, command: [x], memory: 10GiB, after: {j13: done}}\n");
        for (int i = 0; i < 14; i++)
            bt_buf_printf(&b, "  j%d: {kind: job, command: [x], memory: 12GiB}\n", i);
        struct bt_plan *p = propose(bt_buf_z(&b), fleets[f]);
        assert_non_null(p);
        assert_string_equal(said(p), "j0 j1 j2 j3 j4 j5 | j6 j7 j8 j9 j10 j11 | last j12 j13");
        assert_int_equal(warned(p, "fewer than these 3 may do"), f == 1);            /* of one machine the bytes take three */
    }
    struct bt_plan *large = propose(TOP "  a1: {kind: job, command: [x], memory: 15GiB}\n  a2: {kind: job, command: [x], memory: 15GiB}\n"
                                    "  a3: {kind: job, command: [x], memory: 15GiB}\n  a4: {kind: job, command: [x], memory: 15GiB}\n"
                                    "  b1: {kind: job, command: [x], memory: 23GiB}\n  b2: {kind: job, command: [x], memory: 23GiB}\n"
                                    "  b3: {kind: job, command: [x], memory: 23GiB}\n  b4: {kind: job, command: [x], memory: 23GiB}\n"
                                    "  c1: {kind: job, command: [x], memory: 100MiB}\n  c2: {kind: job, command: [x], memory: 100MiB}\n"
                                    "  c3: {kind: job, command: [x], memory: 100MiB}\n  c4: {kind: job, command: [x], memory: 100MiB}\n"
                                    "  c5: {kind: job, command: [x], memory: 100MiB}\n", "1xA100-SXM4-40GB");
    assert_int_equal(large->nphases, 4);             /* as written two of 15 GiB would go together, and each of 23 GiB alone */
    assert_false(warned(large, "may do"));
    struct bt_plan *few = propose(rows[0].text, rows[0].fleet);
    assert_false(warned(few, "may do"));
}

/* Of hundreds of ways to cut it only some are compared: enough that no context is shorter than it must be, and the plan says so. */
static void the_most_even_ways_are_compared(void **st)
{
    (void)st;
    struct bt_plan *p = propose(TOP "  a: {engine: vllm, model: Qwen/Qwen3-8B}\n  b: {engine: vllm, model: meta-llama/Llama-3.1-8B-Instruct, context: 32768}\n"
                                    "  c: {engine: vllm, model: Qwen/Qwen2.5-7B-Instruct}\n  d: {engine: vllm, model: google/gemma-2-9b-it}\n"
                                    "  e: {engine: vllm, model: mistralai/Mistral-7B-Instruct-v0.3}\n  f: {kind: service, command: [x], memory: 12GiB}\n"
                                    "  g: {kind: job, command: [x], memory: 12GiB}\n  h: {engine: vllm, model: Qwen/Qwen3-4B}\n  i: {engine: vllm, model: Qwen/Qwen2.5-14B-Instruct}\n",
                                "3xRTX-4090+2xRTX-3090");
    assert_non_null(p);
    assert_int_equal(p->nphases, 2);
    assert_true(warned(p, "whose fullest phase has least were compared"));
    for (size_t i = 0; i < p->nphases; i++)
        for (size_t k = 0; k < p->phase[i].n; k++)
            assert_true(!p->phase[i].inst[k].need || p->phase[i].inst[k].context >= 8192);
    assert_false(warned(propose(rows[0].text, rows[0].fleet), "were compared"));
}

/* Twelve jobs, five of which go together: 41,811 ways to cut them into three phases, of which 20,000 are found. */
static void not_all_ways_are_found(void **st)
{
    (void)st;
    bt_auto_buf struct bt_buf text = BT_BUF(4096);
    bt_buf_puts(&text, TOP);
    for (int i = 0; i < 12; i++)
        bt_buf_printf(&text, "  j%d: {kind: job, command: [x], memory: 15GiB}\n", i);
    struct bt_plan *p = propose(bt_buf_z(&text), "1xA100-SXM4-80GB");
    assert_non_null(p);
    assert_int_equal(p->nphases, 3);
    assert_true(warned(p, "the first 20000 ways to cut it into so many phases") && warned(p, "and there may be more of them"));
    assert_false(warned(p, "may do"));
    bt_auto_buf struct bt_buf cut = BT_BUF(4096);  /* and of a phase that is cut */
    bt_buf_puts(&cut, "name: t\nphases: [make, use]\nworkloads:\n  m: {kind: job, command: [x], memory: 30GiB, phases: use}\n");
    for (int i = 0; i < 12; i++)
        bt_buf_printf(&cut, "  j%d: {kind: job, command: [x], memory: 15GiB, phases: make}\n", i);
    assert_true(warned(propose(bt_buf_z(&cut), "1xA100-SXM4-80GB"), "phase make: the first 20000 ways to cut it"));
}

/* A line for people names twelve of many; what is to be written is told of all. */
static void many_names_are_counted(void **st)
{
    (void)st;
    bt_auto_buf struct bt_buf text = BT_BUF(16 * KiB);
    struct bt_plan_advice v;
    bt_buf_puts(&text, TOP "  a: {kind: job, command: [x], memory: 30GiB}\n  b: {kind: service, command: [x], memory: 30GiB}\n");
    for (int i = 0; i < 20; i++)
        bt_buf_printf(&text, "  u%d: {kind: job, command: [x], gpus: 0, after: {b: ready}}\n", i);
    struct bt_plan *p = propose(bt_buf_z(&text), "1xA100-SXM4-40GB");
    assert_non_null(p);
    bt_plan_proposal_advice(&a, p, &v);
    assert_string_equal(v.text, "in turn, in 2 phases: first a; then b, u0, u1, u2, u3, u4, u5, u6, u7, u8, u9, u10 and 9 more");
    assert_int_equal(v.nmore, 22);
}

/* A machine of the proposal, taken out, has its workloads in their phases. */
static void a_machine_of_a_proposal(void **st)
{
    (void)st;
    struct bt_plan_in *in = plan_inputs(&a, TOP "  a: {kind: job, command: [x], memory: 30GiB}\n  b: {kind: job, command: [x], memory: 30GiB}\n"
                                                "  c: {kind: job, command: [x], memory: 30GiB}\n", "2x1xA100-SXM4-40GB");
    struct bt_err err = { 0 };
    struct bt_plan *p, *again;
    struct bt_machine one;
    assert_int_equal(bt_plan_propose(&a, in, &p, NULL, &err), 0);
    assert_non_null(p);
    bt_plan_machine(&a, in, p, 0, &one);
    assert_int_equal(one.in.spec->n, 2);
    assert_int_equal(bt_plan_make(&a, &one.in, &again, &err), 0);
    assert_int_equal(again->nrefusals, 0);
    assert_int_equal(again->nphases, 2);
}

/* What the advice says to write, written: the same plan. */
static void the_advice_is_the_plan(void **st)
{
    (void)st;
    struct bt_plan *p = propose(rows[4].text, rows[4].fleet), *again;
    struct bt_plan_advice v;
    bt_plan_proposal_advice(&a, p, &v);
    assert_string_equal(v.path, "phases");
    assert_int_equal(v.nmore, 3);
    const char *text = bt_arena_printf(&a, "name: t\nphases: %s\nworkloads:\n  s: {kind: service, command: [x], memory: 4GiB, phases: %s}\n"
                                       "  a: {kind: job, command: [x], memory: 30GiB, phases: %s}\n  b: {kind: job, command: [x], memory: 30GiB, phases: %s}\n", v.value,
                                       v.more[0].value, v.more[1].value, v.more[2].value);
    again = plan_of(&a, text, rows[4].fleet);
    assert_int_equal(again->nrefusals, 0);
    assert_int_equal(again->nphases, p->nphases);
    assert_int_equal(again->nmoves, p->nmoves);
    for (int i = 0; i < BT_GOAL__N; i++)
        assert_int_equal(again->objective[i], p->objective[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(cut_as_it_must_be), cmocka_unit_test(a_phase_that_does_not_fit_is_cut), cmocka_unit_test(nothing_where_nothing_helps),
                                        cmocka_unit_test(many_groups_fill_phases), cmocka_unit_test(the_most_even_ways_are_compared), cmocka_unit_test(not_all_ways_are_found), cmocka_unit_test(many_names_are_counted),
                                        cmocka_unit_test(a_machine_of_a_proposal), cmocka_unit_test(the_advice_is_the_plan) };
    int rc = cmocka_run_group_tests(tests, NULL, NULL);
    bt_arena_release(&a);
    return rc;
}

/* Phases proposed for what does not fit at once: the fewest, who needs whom together, in an order that waits; and what is written down is what was planned. */
#include "plan/phases.h"
#include "plan_help.h"

static struct bt_arena a;

static struct bt_plan *propose(const char *text, const char *fleet)
{
    struct bt_err err = { 0 };
    struct bt_plan *p;
    if (bt_plan_propose(&a, plan_inputs(&a, text, fleet), &p, &err) < 0)
        fail_msg("%s\n%s", err.msg, text);
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
    /* the same cards, one context, ready: never cut */
    { TOP "  a: {engine: vllm, model: Qwen/Qwen3-4B, gpus: 1, context: 4096}\n  b: {engine: vllm, model: Qwen/Qwen3-0.6B, same_gpus_as: a}\n"
          "  c: {kind: service, command: [x], gpus: 0, after: {b: ready}}\n  d: {kind: job, command: [x], memory: 35GiB}\n", "1xA100-SXM4-40GB", "a b c | d" },
};

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
    assert_null(propose(TOP "  a: {kind: job, command: [x], memory: 30GiB}\n  b: {kind: service, command: [x], memory: 30GiB, after: {a: started}}\n", "1xA100-SXM4-40GB"));
    assert_null(propose("name: t\nphases: [p]\nworkloads:\n  a: {kind: job, command: [x], memory: 30GiB}\n  b: {kind: job, command: [x], memory: 30GiB}\n", "1xA100-SXM4-40GB"));
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
    const struct CMUnitTest tests[] = { cmocka_unit_test(cut_as_it_must_be), cmocka_unit_test(nothing_where_nothing_helps), cmocka_unit_test(the_advice_is_the_plan) };
    int rc = cmocka_run_group_tests(tests, NULL, NULL);
    bt_arena_release(&a);
    return rc;
}

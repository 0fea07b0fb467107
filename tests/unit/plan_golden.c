/* Plans that were looked at by a person, and what must hold of every plan: the same twice, refusals with a way out that was tried. */
#include "plan_help.h"
#include "launch/launch.h"

static const char *const forensics =
    "name: forensics\ngpus: 4xA100-SXM4-40GB\nworkloads:\n"
    "  llm: {engine: vllm, model: Qwen/Qwen2.5-32B-Instruct, gpus: {min: 2, max: 3}%s}\n"
    "  vision: {kind: service, command: [python3, vision_worker.py], gpus: 1, memory: 4GiB, share: never}\n"
    "  analyst: {kind: job, command: [python3, analyst.py, --llm, \"${workloads.llm.url}\"], gpus: 0, after: {llm: ready, vision: ready}}\n";

static struct bt_arena a;
static const char *spec(const char *more) { return bt_arena_printf(&a, forensics, more); }

static const struct bt_plan_alternative *alternative(const struct bt_plan *p, uint64_t tp, uint64_t pp)
{
    for (size_t i = 0; i < p->nalt; i++)
        if (p->alt[i].tp == tp && p->alt[i].pp == pp)
            return &p->alt[i];
    fail_msg("no alternative TP=%d PP=%d", (int)tp, (int)pp);
    return NULL;
}

static void forensics_is_planned(void **st)
{
    (void)st;
    struct bt_plan *p = plan_of(&a, spec(""), "4xA100-SXM4-40GB");
    assert_int_equal(p->nrefusals, 0);
    assert_string_equal(p->proof, "optimal");
    const struct bt_plan_instance *llm = instance_of(p, 0, "llm-0"), *vision = instance_of(p, 0, "vision-0"), *analyst = instance_of(p, 0, "analyst-0");
    assert_true(llm->tp == 2 && llm->pp == 1 && llm->nranks == 2 && llm->context == 32768);
    assert_true(llm->rank[0].gpu == 0 && llm->rank[1].gpu == 1 && vision->rank[0].gpu == 2);
    assert_int_equal(vision->rank[0].bytes, 4 * GiB);
    assert_int_equal(analyst->nranks, 0);
    uint64_t cap = bt_gpu_capacity(&p->fleet->gpus[0]);
    assert_true(llm->rank[0].bytes <= cap && cap - llm->rank[0].bytes < llm->need->rank[0].kv_block_bytes);     /* dealt to the last block */
    assert_true(llm->pace.decode_tok_s > 30 && llm->pace.decode_tok_s < 38);
    const struct bt_plan_alternative *tp3 = alternative(p, 3, 1), *pp3 = alternative(p, 1, 3), *tp2 = alternative(p, 2, 1);
    assert_false(tp3->fits);
    assert_non_null(strstr(tp3->why_not, "40"));
    assert_true(pp3->fits && !pp3->taken && pp3->decode_tok_s < tp2->decode_tok_s);
    assert_string_equal(pp3->layers, "21,22,21");
    assert_non_null(strstr(pp3->why, "slower"));
    assert_true(tp2->taken);
    assert_non_null(strstr(tp2->why, "leaves 1 GPU free"));
}

static void tp3_is_refused_with_the_way_out(void **st)
{
    (void)st;
    struct bt_plan *p = plan_of(&a, spec(", tp: 3"), "4xA100-SXM4-40GB");
    assert_int_equal(p->nrefusals, 1);
    assert_string_equal(p->refusal[0].code, "heads-not-divisible");
    const char *t = p->refusal[0].text;
    assert_non_null(strstr(t, "TP=3 is impossible (40 heads)"));
    assert_non_null(strstr(t, "PP=3 (layers 21,22,21) fits with 32,768 tokens"));
    assert_non_null(strstr(t, "TP=2 fits with 32,768 tokens"));
    assert_non_null(strstr(t, "and frees a GPU"));
    assert_int_equal(p->phase[0].n, 0);              /* nothing that could be obeyed by mistake */
    assert_true(p->nadvice >= 2);
    struct bt_plan *again = plan_of(&a, spec(", tp: 1, pp: 3"), "4xA100-SXM4-40GB");
    assert_int_equal(again->nrefusals, 0);           /* what it advised is true */
}

static void advice_is_true(void **st)
{
    (void)st;
    static const char *const text = "name: t\nworkloads: {llm: {engine: vllm, model: Qwen/Qwen1.5-7B-Chat, context: {min: %s, want: 32768}}}\n";
    struct bt_plan *p = plan_of(&a, bt_arena_printf(&a, text, "32768"), "1xRTX-4090");
    assert_int_equal(p->nrefusals, 1);
    assert_string_equal(p->refusal[0].code, "does-not-fit");
    assert_non_null(strstr(p->refusal[0].text, "lack"));
    bool found = false;
    for (size_t i = 0; i < p->nadvice; i++)
        if (!strcmp(p->advice[i].path, "workloads.llm.context.min")) {
            found = true;
            struct bt_plan *q = plan_of(&a, bt_arena_printf(&a, text, p->advice[i].value), "1xRTX-4090");
            assert_int_equal(q->nrefusals, 0);
            uint64_t more = strtoull(p->advice[i].value, NULL, 10) + 512;
            struct bt_plan *r = plan_of(&a, bt_arena_printf(&a, text, bt_arena_printf(&a, "%llu", (unsigned long long)more)), "1xRTX-4090");
            assert_int_equal(r->nrefusals, 1);       /* and it is the nearest */
        }
    assert_true(found);
}

static void conflicts_are_minimal(void **st)
{
    (void)st;
    const char *text = "name: t\nworkloads:\n  a: {kind: service, command: [x], memory: 20GiB}\n  b: {kind: service, command: [x], memory: 20GiB}\n"
                       "  c: {kind: service, command: [x], memory: 1GiB}\n";
    struct bt_plan *p = plan_of(&a, text, "1xRTX-4090");
    assert_int_equal(p->nrefusals, 1);
    assert_string_equal(p->refusal[0].code, "does-not-fit-together");
    assert_non_null(strstr(p->refusal[0].text, "a (20.00 GiB) and b (20.00 GiB)"));
    assert_null(strstr(p->refusal[0].text, "c ("));
    assert_true(p->nadvice > 0);
}

static void rest_and_percent(void **st)
{
    (void)st;
    const char *text = "name: t\nworkloads:\n  serve: {engine: vllm, model: meta-llama/Llama-3.2-1B, gpus: 2, memory: 40%}\n"
                       "  train: {kind: service, command: [x], gpus: 2, memory: rest, share: {with: [serve]}}\n";
    struct bt_plan *p = plan_of(&a, text, "2xRTX-4090");
    assert_int_equal(p->nrefusals, 0);
    const struct bt_plan_instance *serve = instance_of(p, 0, "serve-0"), *train = instance_of(p, 0, "train-0");
    for (size_t i = 0; i < 2; i++) {
        const struct bt_gpu *g = &p->fleet->gpus[i];
        uint64_t limit = (uint64_t)((double)g->total_bytes * 0.4);
        assert_true(serve->rank[i].bytes <= limit);
        assert_int_equal(train->rank[i].bytes, bt_gpu_capacity(g) - limit);
    }
}

static void phases_are_planned_apart(void **st)
{
    (void)st;
    const char *text = "name: t\nphases: [one, two]\nworkloads:\n  a: {kind: service, command: [x], memory: 20GiB, phases: one}\n"
                       "  b: {kind: service, command: [x], memory: 20GiB, phases: two}\n  c: {kind: service, command: [x], memory: 1GiB}\n";
    struct bt_plan *p = plan_of(&a, text, "1xRTX-4090");
    assert_int_equal(p->nrefusals, 0);
    assert_int_equal(p->nphases, 2);
    assert_int_equal(p->phase[0].n, 2);
    assert_string_equal(p->phase[0].inst[0].id, "a-0");
    assert_string_equal(p->phase[1].inst[0].id, "b-0");
    assert_string_equal(p->phase[1].inst[1].id, "c-0");
}

static void unequal_cards_are_exact(void **st)
{
    (void)st;
    const char *text = "name: t\nworkloads:\n  llm: {engine: vllm, model: Qwen/Qwen2.5-7B-Instruct, gpus: 1, context: {min: 4096}}\n";
    struct bt_plan *p = plan_of(&a, text, "1xRTX-4090+1xA100-SXM4-40GB");
    assert_int_equal(p->nrefusals, 0);
    assert_int_equal(instance_of(p, 0, "llm-0")->rank[0].gpu, 1);   /* the larger and faster one */
    assert_int_equal(instance_of(p, 0, "llm-0")->context, 32768);
}

static void replicas_spread_and_are_proven(void **st)
{
    (void)st;
    struct bt_plan *p = plan_of(&a, "name: t\nworkloads: {w: {engine: vllm, model: Qwen/Qwen2.5-7B-Instruct, replicas: {want: 8, min: 1}}}\n", "8xA100-SXM4-80GB");
    assert_string_equal(p->proof, "optimal");
    assert_int_equal(p->phase[0].n, 8);
    for (size_t i = 0; i < 8; i++) {
        assert_int_equal(p->phase[0].inst[i].nranks, 1);
        assert_int_equal(p->phase[0].inst[i].rank[0].gpu, i);
        assert_int_equal(p->phase[0].inst[i].rank[0].kv_tokens, p->phase[0].inst[0].rank[0].kv_tokens);
    }
}

/* Two servers on one card: each carries as many requests of its own length, whatever these take; and neither is held back by a third card's tenant. */
static void the_deal_is_at_equal_concurrency(void **st)
{
    (void)st;
    const char *text = "name: t\nworkloads:\n  a: {engine: vllm, model: Qwen/Qwen2.5-7B-Instruct, gpus: 1, context: 8192, pool: [0]}\n"
                       "  b: {engine: vllm, model: Qwen/Qwen3-4B, gpus: 1, context: 4096, pool: [0]}\n  c: {engine: vllm, model: Qwen/Qwen3-4B, gpus: 1, context: 4096, pool: [1]}\n";
    struct bt_plan *p = plan_of(&a, text, "2xA100-SXM4-80GB");
    assert_int_equal(p->nrefusals, 0);
    const struct bt_rank_berth *x = &instance_of(p, 0, "a-0")->rank[0], *y = &instance_of(p, 0, "b-0")->rank[0], *z = &instance_of(p, 0, "c-0")->rank[0];
    double cx = (double)x->kv_tokens / 8192, cy = (double)y->kv_tokens / 4096, cz = (double)z->kv_tokens / 4096;
    assert_true(cx - cy < 0.02 && cy - cx < 0.02);
    assert_true(cz > 1.5 * cy);
    uint64_t cap = bt_gpu_capacity(&p->fleet->gpus[0]);
    assert_true(x->bytes + y->bytes <= cap && cap - x->bytes - y->bytes < 4 * MiB);
}

static void the_same_twice(void **st)
{
    (void)st;
    static const char *const fleets[] = { "4xA100-SXM4-40GB", "2xRTX-4090+2xA100-SXM4-80GB" };
    for (size_t i = 0; i < BT_LEN(fleets); i++) {
        bt_auto_arena x = { 0 }, y = { 0 };
        const char *text = spec("");
        assert_string_equal(bt_plan_text(&x, plan_of(&x, text, fleets[i])), bt_plan_text(&y, plan_of(&y, text, fleets[i])));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forensics_is_planned), cmocka_unit_test(tp3_is_refused_with_the_way_out), cmocka_unit_test(advice_is_true), cmocka_unit_test(conflicts_are_minimal),
        cmocka_unit_test(rest_and_percent), cmocka_unit_test(phases_are_planned_apart), cmocka_unit_test(unequal_cards_are_exact), cmocka_unit_test(replicas_spread_and_are_proven),
        cmocka_unit_test(the_deal_is_at_equal_concurrency), cmocka_unit_test(the_same_twice) };
    int rc = cmocka_run_group_tests(tests, NULL, NULL);
    bt_arena_release(&a);
    return rc;
}

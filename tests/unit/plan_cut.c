/* Pipelines whose layers are not cut evenly: every cut tried one by one against the one that the plan takes; the validator; the engines' own arithmetic. */
#include "plan_help.h"
#include "../../bench/plan_draw.h"
#include "base/units.h"

static struct bt_arena a;
static void ends(void **st) { (void)st; bt_arena_release(&a); }

/* The same spec with this cut pinned: KV tokens of the poorest stage, 0 = it does not fit. */
struct held { uint64_t context, tokens; };
static struct held with_cut(const char *more, const char *fleet, unsigned first, unsigned layers)
{
    struct bt_arena mine = { 0 };
    struct bt_plan *p;
    struct bt_err err = { 0 };
    struct held h = { 0, 0 };
    const char *text = bt_arena_printf(&mine, more, bt_arena_printf(&mine, ", pp_layers: [%u, %u]", first, layers - first));
    struct bt_plan_in *in = plan_inputs(&mine, text, fleet);
    in->brief = true;
    assert_int_equal(bt_plan_make(&mine, in, &p, &err), 0);
    for (size_t i = 0; !p->nrefusals && i < p->phase[0].n; i++)
        if (p->phase[0].inst[i].need) {
            const struct bt_plan_instance *x = &p->phase[0].inst[i];
            h.context = x->context;
            h.tokens = BT_MIN(x->rank[0].kv_tokens, x->rank[1].kv_tokens);
        }
    bt_arena_release(&mine);
    return h;
}

static const struct { const char *spec, *fleet; unsigned layers; } sets[] = {
    { "name: t\nworkloads:\n  llm: {engine: vllm, model: Qwen/Qwen2.5-32B-Instruct, tp: 1, pp: 2, context: 8192%s}\n", "1xA100-SXM4-80GB+1xRTX-4090", 64 },
    { "name: t\nworkloads:\n  llm: {engine: vllm, model: Qwen/Qwen2.5-32B-Instruct, tp: 1, pp: 2, context: {min: 2048}%s}\n", "1xA100-SXM4-80GB+1xL4", 64 },
    { "name: t\nworkloads:\n  llm: {engine: vllm, model: Qwen/Qwen3-8B, tp: 1, pp: 2, context: {min: 2048}%s}\n", "1xA100-SXM4-40GB+1xRTX-4090", 36 },
    { "name: t\nworkloads:\n  llm: {engine: vllm, model: Qwen/Qwen2.5-14B-Instruct, tp: 1, pp: 2, context: {min: 2048}%s}\n"
      "  other: {kind: service, command: [x], memory: 10GiB, pool: [0]}\n", "2xRTX-4090", 48 },
    { "name: t\nworkloads:\n  llm: {engine: sglang, model: Qwen/Qwen2.5-32B-Instruct, tp: 1, pp: 2, context: {min: 2048}%s}\n", "1xA100-SXM4-80GB+1xRTX-4090", 64 },
    { "name: t\nworkloads:\n  llm: {engine: vllm, model: google/gemma-3-27b-it, tp: 1, pp: 2, context: {min: 2048}%s}\n", "1xA100-SXM4-80GB+1xRTX-4090", 62 },
};

/* No other cut holds more context, and none more KV by as much as a cut has to gain before it is taken. */
static void no_cut_is_better(void **st)
{
    (void)st;
    for (size_t i = 0; i < BT_LEN(sets); i++) {
        struct bt_plan *p = plan_of(&a, bt_arena_printf(&a, sets[i].spec, ""), sets[i].fleet);
        assert_int_equal(p->nrefusals, 0);
        const struct bt_plan_instance *llm = instance_of(p, 0, "llm-0");
        assert_non_null(llm->cut);
        assert_int_equal(llm->cut[0] + llm->cut[1], sets[i].layers);
        uint64_t tokens = BT_MIN(llm->rank[0].kv_tokens, llm->rank[1].kv_tokens), most = 0;
        for (unsigned first = 1; first < sets[i].layers; first++) {
            struct held h = with_cut(sets[i].spec, sets[i].fleet, first, sets[i].layers);
            if (h.context > llm->context || (double)h.tokens > (double)tokens * 1.05)
                fail_msg("%s: cut %u,%u holds %llu tokens with a context of %llu; planned was %u,%u with %llu and %llu", sets[i].spec, first, sets[i].layers - first,
                         (unsigned long long)h.tokens, (unsigned long long)h.context, llm->cut[0], llm->cut[1], (unsigned long long)tokens, (unsigned long long)llm->context);
            most = BT_MAX(most, h.tokens);
        }
        print_message("%s: %u,%u holds %llu of at most %llu tokens\n", sets[i].fleet, llm->cut[0], llm->cut[1], (unsigned long long)tokens, (unsigned long long)most);
        assert_true(most > 0);
    }
}

/* Pipelines of two or three servers on unequal cards, drawn: once a plan was cut, cutting it again changes nothing. */
static void cut_once_is_cut(void **st)
{
    (void)st;
    static const char *const models[] = { "Qwen/Qwen2.5-7B-Instruct", "Qwen/Qwen2.5-14B-Instruct", "Qwen/Qwen3-8B", "Qwen/Qwen2.5-32B-Instruct", "google/gemma-2-9b-it" };
    unsigned cut = 0, several = 0;
    for (unsigned round = 1; round <= 400; round++) {
        bt_auto_arena mine = { 0 };
        struct draw d;
        struct bt_err err = { 0 };
        struct pl_solution s;
        draw_seed(&d, round);
        unsigned cards = 2 + draw(&d, 2), n = 2 + draw(&d, 2);
        const char *fleet = draw_fleet(&d, &mine, cards), *text = "name: t\nworkloads:\n";
        for (unsigned i = 0; i < n; i++)
            text = bt_arena_printf(&mine, "%s  w%u: {engine: vllm, model: %s, tp: 1, pp: %u, context: {min: 2048%s}, requests: %u}\n", text, i, models[draw(&d, BT_LEN(models))],
                                   2 + draw(&d, cards - 1), draw(&d, 2) ? ", want: 4096" : "", 1 + draw(&d, 6));
        if (draw(&d, 2))
            text = bt_arena_printf(&mine, "%s  x: {kind: service, command: [x], memory: %uGiB}\n", text, 2 + draw(&d, 8));
        struct pl_problem *p = plan_problem_or_none(&mine, text, fleet);
        if (!p || p->nrefusals)
            continue;
        pl_solve(p, 50000, &s);
        if (!s.found)
            continue;
        assert_int_equal(pl_recut(p, &s, &err), 0);
        struct pl_copy was[8];
        size_t card[8][3];
        assert_true(s.ncopies <= BT_LEN(was));
        for (size_t i = 0; i < s.ncopies; i++) {
            was[i] = s.copy[i];
            memcpy(card[i], s.copy[i].card, BT_MIN(s.copy[i].ncards, 3u) * sizeof card[i][0]);
            several += s.copy[i].ncards > 1 && p->work[s.copy[i].work].server && p->work[s.copy[i].work].shape[s.copy[i].shape].cut;
        }
        assert_int_equal(pl_recut(p, &s, &err), 0);
        for (size_t i = 0; i < s.ncopies; i++)
            if (was[i].shape != s.copy[i].shape || memcmp(card[i], s.copy[i].card, BT_MIN(s.copy[i].ncards, 3u) * sizeof card[i][0]))
                fail_msg("problem %u on %s: copy %zu was cut again\n%s", round, fleet, i, text);
        cut++;
    }
    print_message("%u plans, %u pipelines cut unevenly\n", cut, several);
    assert_true(cut > 100 && several > 50);
}

static void equal_cards_are_cut_as_ever(void **st)
{
    (void)st;
    struct bt_plan *p = plan_of(&a, "name: t\nworkloads:\n  llm: {engine: vllm, model: Qwen/Qwen2.5-32B-Instruct, tp: 1, pp: 3}\n", "3xA100-SXM4-40GB");
    const struct bt_plan_instance *llm = instance_of(p, 0, "llm-0");
    assert_null(llm->cut);
    assert_int_equal(llm->need->rank[1].layers, 22);
    p = plan_of(&a, "name: t\nworkloads:\n  llm: {engine: vllm, model: Qwen/Qwen2.5-32B-Instruct, tp: 1, pp_layers: [32, 32]}\n", "2xA100-SXM4-80GB");
    assert_null(instance_of(p, 0, "llm-0")->cut);    /* pinned to what the engine does anyway: no variable */
}

/* A cut of every number of stages, on every order of cards, passes; one layer moved in the finished plan does not. */
static void the_validator_counts_layers(void **st)
{
    (void)st;
    struct bt_err err = { 0 };
    struct bt_plan *p = plan_of(&a, bt_arena_printf(&a, sets[0].spec, ""), sets[0].fleet);
    struct bt_plan_instance *llm = &p->phase[0].inst[0];
    assert_int_equal(bt_plan_check(p, &err), 0);
    uint32_t *cut = BT_NEWN(&a, uint32_t, 2);
    cut[0] = llm->cut[0] + 1;
    cut[1] = llm->cut[1] - 1;
    llm->cut = cut;
    assert_int_equal(bt_plan_check(p, &err), -1);
    cut[1] = llm->cut[1] + 1;
    assert_int_equal(bt_plan_check(p, &err), -1);
    assert_non_null(strstr(err.msg, "layers"));
    cut[0] = 0;
    cut[1] = 64;
    assert_int_equal(bt_plan_check(p, &err), -1);
}

static void a_wrong_cut_is_refused(void **st)
{
    (void)st;
    const struct { const char *cut, *says; } bad[] = { { "[30, 30]", "not as many layers" }, { "[1, 1, 62]", NULL } };
    struct bt_plan *p = NULL;
    struct bt_err err = { 0 };
    struct bt_plan_in *in = plan_inputs(&a, bt_arena_printf(&a, "name: t\nworkloads:\n  llm: {engine: vllm, model: Qwen/Qwen2.5-32B-Instruct, pp_layers: %s}\n", bad[0].cut),
                                        "4xA100-SXM4-80GB");
    assert_int_equal(bt_plan_make(&a, in, &p, &err), -1);
    assert_int_equal(err.code, BT_E_SPEC);
    assert_non_null(strstr(err.msg, bad[0].says));
    assert_non_null(strstr(err.hint, "32,32"));
    p = plan_of(&a, bt_arena_printf(&a, "name: t\nworkloads:\n  llm: {engine: vllm, model: Qwen/Qwen2.5-32B-Instruct, tp: 1, pp_layers: %s}\n", bad[1].cut), "4xA100-SXM4-80GB");
    assert_int_equal(p->nrefusals, 0);
    assert_int_equal(instance_of(p, 0, "llm-0")->pp, 3);
}

/* llama.cpp turns shares into layers in float (src/llama-model.cpp: upper_bound over the running sum): the shares of a cut come back as that cut. */
static void shares_come_back_as_layers(void **st)
{
    (void)st;
    const struct bt_engine *e = bt_engine_find("llama-server");
    struct bt_engine_device device = { .total_bytes = 24 * GiB, .name = "x" };
    struct draw d;
    draw_seed(&d, 11);
    for (unsigned round = 0; round < 2000; round++) {
        uint32_t cut[16], layers = 0, got[16] = { 0 };
        uint64_t pp = 2 + draw(&d, 15);
        for (uint64_t i = 0; i < pp; i++)
            layers += cut[i] = 1 + draw(&d, 24);
        struct bt_serve s = { .pp = pp, .cut = cut, .ncut = pp };
        bt_engine_resolve(e, &e->versions[0], &device, 4096, &s);
        assert_int_equal(s.llama.nsplit, pp);
        float sum = 0, upto[16], at = 0;
        for (uint64_t i = 0; i < pp; i++)
            sum += (float)strtod(bt_arena_printf(&a, "%g", s.llama.split[i]), NULL);       /* as it stands on the command line */
        for (uint64_t i = 0; i < pp; i++)
            upto[i] = (at += (float)s.llama.split[i] / sum);
        for (uint32_t il = 0; il < layers; il++) {
            uint64_t dev = 0;
            while (dev + 1 < pp && !(upto[dev] > (float)il / (float)(layers + 1)))
                dev++;
            got[dev]++;
        }
        assert_memory_equal(got, cut, pp * sizeof *cut);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_cut_is_better), cmocka_unit_test(cut_once_is_cut), cmocka_unit_test(equal_cards_are_cut_as_ever), cmocka_unit_test(the_validator_counts_layers),
        cmocka_unit_test(a_wrong_cut_is_refused), cmocka_unit_test(shares_come_back_as_layers),
    };
    int rc = cmocka_run_group_tests(tests, NULL, NULL);
    ends(NULL);
    return rc;
}

/* need_sglang.c - SGLang's arithmetic: KV = free after the weights - (1 - f) x free at the baseline; what it refuses, and what would start. */
#include "need_help.h"

#include <math.h>

static struct bt_arena arena;
#define QWEN7 "Qwen/Qwen2.5-7B-Instruct"

static struct bt_gpu a100(void)
{
    struct bt_gpu g = card_of(39.38, 8);
    g.nvml_total_bytes = 40960 * MiB;
    return g;
}

static struct bt_fit *fit_of(struct bt_serve s, struct bt_gpu *card, struct bt_fit_case *c)
{
    const struct bt_engine *e = bt_engine_find("sglang");
    struct bt_fit *f;
    struct bt_err err = { 0 };
    struct bt_gpu *kept = BT_NEW(&arena, struct bt_gpu);
    *kept = *card;
    struct bt_fit_case local = { .model = model_of(&arena, QWEN7), .engine = e, .version = &e->versions[0], .card = kept };
    if (bt_fit_server(&arena, &local, &s, &f, &err) < 0)
        fail_msg("%s", err.msg);
    if (c)
        *c = local;
    return f;
}

static void kv_is_the_share_of_what_is_free(void **st)
{
    (void)st;
    struct bt_gpu card = a100();
    struct bt_fit *f = fit_of((struct bt_serve){ .utilization = 0.8, .utilization_set = true }, &card, NULL);
    assert_true(f->fits);
    const struct bt_need_rank *r = &f->need->rank[0];
    double before = (double)card.total_bytes - (double)part_of(r, BT_P_CONTEXT), weights = (double)part_of(r, BT_P_WEIGHTS);
    assert_near((double)f->rank[0].engine_kv_bytes, before * 0.8 - weights, 2.0);
    assert_int_equal(r->kv_token_bytes, 57344);      /* 28 layers x 4 KV heads x 128 x 2 x 2 B */
    assert_int_equal(f->tokens, f->rank[0].engine_kv_bytes / 57344);
    /* a neighbour takes its part of the card and of the share: not what vLLM does, whose share is of the total */
    struct bt_gpu shared = a100();
    shared.others_bytes = 10 * GiB;
    struct bt_fit *g = fit_of((struct bt_serve){ .utilization = 0.8, .utilization_set = true }, &shared, NULL);
    assert_near((double)f->rank[0].engine_kv_bytes - (double)g->rank[0].engine_kv_bytes, 0.8 * 10 * (double)GiB, 4.0);
}

static void sliding_layers_of_some_have_a_pool_of_their_own(void **st)
{
    (void)st;
    const struct bt_engine *e = bt_engine_find("sglang");
    struct bt_gpu card = a100();
    struct bt_serve s = { 0 };
    struct bt_need *n;
    struct bt_err err = { 0 };
    if (bt_need_server(&arena, model_of(&arena, "openai/gpt-oss-20b"), e, &e->versions[0], &s, &card, &n, &err) < 0)
        fail_msg("%s", err.msg);
    /* 12 full layers and 12 of 128 tokens, 8 heads x 64 x 2 x 2 B each; the second pool has 0.8 x as many tokens */
    assert_int_equal(n->rank[0].kv_token_bytes, (uint64_t)ceil(12 * 2048 + 0.8 * 12 * 2048));
    s.sglang.no_swa_pool = true;
    assert_int_equal(bt_need_server(&arena, model_of(&arena, "openai/gpt-oss-20b"), e, &e->versions[0], &s, &card, &n, &err), 0);
    assert_int_equal(n->rank[0].kv_token_bytes, 24 * 2048);
}

static struct bt_need *need_of_model(const char *id, struct bt_serve s, struct bt_gpu card)
{
    const struct bt_engine *e = bt_engine_find("sglang");
    struct bt_gpu *kept = BT_NEW(&arena, struct bt_gpu);
    struct bt_need *n;
    struct bt_err err = { 0 };
    *kept = card;
    if (bt_need_server(&arena, model_of(&arena, id), e, &e->versions[0], &s, kept, &n, &err) < 0)
        fail_msg("%s", err.msg);
    return n;
}

static struct bt_gpu h100(void)
{
    struct bt_gpu g = card_of(79.22, 9);
    g.nvml_total_bytes = 81559 * MiB;
    return g;
}

/* Qwen3-Next: 36 of 48 layers keep a state of 8 heads x 128 x 128 float32 at TP 4 and 2048 channels x 3 columns in 16 bits. */
#define NEXT "Qwen/Qwen3-Next-80B-A3B-Instruct"
#define NEXT_SLOT (36ull * (8 * 128 * 128 * 4 + 2048 * 3 * 2))

static void states_take_their_part_first(void **st)
{
    (void)st;
    struct bt_serve s = { .tp = 4, .utilization = 0.8, .utilization_set = true };
    struct bt_need *n = need_of_model(NEXT, s, h100());
    const struct bt_need_rank *r = &n->rank[0];
    double before = (double)h100().total_bytes - (double)part_of(r, BT_P_CONTEXT) - (double)part_of(r, BT_P_COMM), rest = floor(before * 0.8) - (double)part_of(r, BT_P_WEIGHTS);
    uint64_t slots = (uint64_t)((rest * 0.9 / 1.9 - (double)NEXT_SLOT) / (double)NEXT_SLOT);
    assert_int_equal(n->serve.sglang.state_slots, slots);
    assert_int_equal(n->serve.sglang.slots_each, 5);
    assert_int_equal(part_of(r, BT_P_STATE), (slots + 1) * NEXT_SLOT);
    assert_near((double)bt_need_kv_by_engine(n, r, h100().total_bytes), rest - (double)((slots + 1) * NEXT_SLOT), 4.0);
    assert_int_equal(r->kv_token_bytes, 12 * 2 * 256 * 2);           /* 12 layers of attention; two heads of 256 on four ranks: one on each */
    /* the request table has no more rows than states allow */
    assert_int_equal(part_of(r, BT_P_WORKSPACE), (slots / 5 + 1) * (262144ull + 4) * 4);
}

static void flags_of_states(void **st)
{
    (void)st;
    static const struct { struct bt_sglang_serve g; uint64_t max_seqs, slots, each; } cases[] = {
        { { .max_states = 40 }, 0, 40, 5 },
        { { .max_states = 40, .state_strategy = "no_buffer" }, 0, 40, 3 },
        { { .max_states = 40, .no_overlap = true }, 0, 40, 3 },
        { { .max_states = 40, .state_strategy = "extra_buffer_lazy" }, 0, 40, 4 },
        { { .no_radix = true }, 24, 24, 1 },
        { { .state_requests = 16 }, 0, 80, 5 },
    };
    for (size_t i = 0; i < BT_LEN(cases); i++) {
        struct bt_need *n = need_of_model(NEXT, (struct bt_serve){ .tp = 4, .max_seqs = cases[i].max_seqs, .sglang = cases[i].g }, h100());
        assert_int_equal(n->serve.sglang.state_slots, cases[i].slots);
        assert_int_equal(n->serve.sglang.slots_each, cases[i].each);
        if (cases[i].g.state_requests)
            assert_int_equal(n->serve.sglang.graph_batch, cases[i].g.state_requests);
        assert_int_equal(part_of(&n->rank[0], BT_P_STATE), (cases[i].slots + 1) * NEXT_SLOT);
    }
    struct bt_need *half = need_of_model(NEXT, (struct bt_serve){ .tp = 4, .sglang = { .max_states = 40, .ssm_dtype = "bfloat16" } }, h100());
    assert_int_equal(part_of(&half->rank[0], BT_P_STATE), 41 * 36ull * (8 * 128 * 128 * 2 + 2048 * 3 * 2));
    uint64_t more = need_of_model(NEXT, (struct bt_serve){ .tp = 4, .sglang = { .state_ratio = 0.2 } }, h100())->serve.sglang.state_slots;
    assert_true(more < need_of_model(NEXT, (struct bt_serve){ .tp = 4 }, h100())->serve.sglang.state_slots);
}

static void images_take_off_the_default(void **st)
{
    (void)st;
    struct bt_need *n = need_of_model("Qwen/Qwen2.5-VL-7B-Instruct", (struct bt_serve){ 0 }, h100());
    /* (81559 - 512 - 1.5 x 8192 - 128 - 2 x 256) / 81559 to three digits, no prefill graphs; 0.95 x (1 - 0.1 x (24 x 1280^2 / (24 x 1024^2) - 1)): its config says depth, and 24 is taken */
    double want = 0.835 * 0.95 * (1 - 0.1 * (1280.0 * 1280 / (1024 * 1024) - 1));
    assert_near(n->serve.utilization, want, 1e-9);
    assert_true(n->serve.sglang.no_prefill_graph);
    struct bt_need *text = need_of_model("Qwen/Qwen2.5-VL-7B-Instruct", (struct bt_serve){ .sglang.text_only = true }, h100());
    assert_true(text->serve.utilization > n->serve.utilization && part_of(&text->rank[0], BT_P_ENCODER) == 0 && part_of(&n->rank[0], BT_P_ENCODER) > 100 * MiB);
    assert_false(need_of_model("Qwen/Qwen3.5-9B", (struct bt_serve){ 0 }, h100())->serve.sglang.no_prefill_graph);
}

/* The poorest rank's free memory is every rank's: the stage without embeddings has no more KV than the one with them. */
static void stages_share_what_the_poorest_has(void **st)
{
    (void)st;
    struct bt_need *n = need_of_model(QWEN7, (struct bt_serve){ .pp = 2, .utilization = 0.8, .utilization_set = true }, a100());
    uint64_t total = a100().total_bytes;
    assert_true(n->rank[0].budget_bytes != n->rank[1].budget_bytes);
    assert_int_equal(bt_need_kv_by_engine(n, &n->rank[0], total), bt_need_kv_by_engine(n, &n->rank[1], total));
}

static void on_the_cpu(void **st)
{
    (void)st;
    struct bt_gpu ram = card_of(64, 0);
    ram.uuid = "cpu";
    ram.nvml_total_bytes = ram.total_bytes;
    struct bt_need *n = need_of_model(QWEN7, (struct bt_serve){ .context = 4096 }, ram);
    const struct bt_need_rank *r = &n->rank[0];
    assert_true(n->on_host && part_of(r, BT_P_GRAPHS) == 0 && part_of(r, BT_P_COMM) == 0 && part_of(r, BT_P_CONTEXT) > 0);
    assert_near((double)bt_need_kv_by_engine(n, r, ram.total_bytes), floor(((double)ram.total_bytes - (double)part_of(r, BT_P_CONTEXT)) * n->serve.utilization) - (double)part_of(r, BT_P_WEIGHTS), 4.0);
}

static void the_default_share_is_that_of_the_card(void **st)
{
    (void)st;
    struct bt_gpu card = a100();
    struct bt_fit *f = fit_of((struct bt_serve){ 0 }, &card, NULL);
    assert_near(f->need->serve.utilization, 0.823, 1e-9);            /* (40960 - 512 - 1.5 x 4096 - 128 - 2 x 32 - 8 x 50) / 40960 */
    assert_int_equal(f->need->serve.max_batched_tokens, 4096);
    assert_int_equal(f->need->block, 1);
}

static void flags_change_what_they_say(void **st)
{
    (void)st;
    struct bt_gpu card = a100();
    struct bt_fit *all = fit_of((struct bt_serve){ 0 }, &card, NULL), *capped = fit_of((struct bt_serve){ .sglang.max_total_tokens = 40000 }, &card, NULL);
    assert_int_equal(capped->tokens, 40000);
    assert_true(capped->rank[0].need_bytes < all->rank[0].need_bytes);
    assert_int_equal(fit_of((struct bt_serve){ .sglang.max_total_tokens = 1000000000 }, &card, NULL)->tokens, all->tokens);
    struct bt_fit *eight = fit_of((struct bt_serve){ .kv_dtype = "fp8_e5m2" }, &card, NULL);
    assert_int_equal(eight->need->rank[0].kv_token_bytes, 28672);
    /* the request table: (requests + 1) x (context + 4) x 4 B */
    struct bt_fit *few = fit_of((struct bt_serve){ .max_seqs = 64 }, &card, NULL);
    assert_int_equal(part_of(&few->need->rank[0], BT_P_WORKSPACE), 65ull * 32772 * 4);
    assert_int_equal(part_of(&all->need->rank[0], BT_P_WORKSPACE), 4097ull * 32772 * 4);
    struct bt_fit *eager = fit_of((struct bt_serve){ .eager = true }, &card, NULL);
    assert_int_equal(part_of(&eager->need->rank[0], BT_P_GRAPHS), 0);
    assert_true(eager->need->serve.utilization > all->need->serve.utilization);
    struct bt_fit *two = fit_of((struct bt_serve){ .tp = 2 }, &card, NULL);
    assert_int_equal(two->need->rank[0].kv_token_bytes, 28672);
    assert_true(part_of(&two->need->rank[0], BT_P_COMM) > 0);
    struct bt_fit *staged = fit_of((struct bt_serve){ .pp = 3 }, &card, NULL);       /* 28 layers: the last stage gets the one left over */
    assert_true(staged->need->rank[0].layers == 9 && staged->need->rank[1].layers == 9 && staged->need->rank[2].layers == 10);
}

static void refusals_in_its_own_words(void **st)
{
    (void)st;
    static const struct { struct bt_serve s; double gib; const char *code, *has; } cases[] = {
        { { .utilization = 0.3, .utilization_set = true }, 39.38, "no-kv-memory", "Loaded weights leave no GPU memory for the KV cache under --mem-fraction-static=0.300" },
        { { .utilization = 0.39, .utilization_set = true }, 39.38, "kv-too-small", "fewer than --context-length 32768" },
        { { .utilization = 0.99, .utilization_set = true }, 39.38, "over-the-card", "leaves free" },
        { { 0 }, 12, "out-of-memory-at-load", "CUDA out of memory while loading" },
        { { .tp = 3 }, 39.38, "heads-not-divisible", "28 is not divisible by 3" },
    };
    for (size_t i = 0; i < BT_LEN(cases); i++) {
        struct bt_gpu card = a100();
        card.total_bytes = (uint64_t)(cases[i].gib * (double)GiB);
        struct bt_fit_case c;
        struct bt_fit *f = fit_of(cases[i].s, &card, &c);
        assert_false(f->fits);
        assert_string_equal(f->refusals[0].code, cases[i].code);
        if (!strstr(f->refusals[0].text, cases[i].has))
            fail_msg("%s", f->refusals[0].text);
        struct bt_advice *advice;
        size_t n;
        struct bt_err err = { 0 };
        assert_int_equal(bt_fit_advice(&arena, &c, &cases[i].s, f, 8, &advice, &n, &err), 0);
        assert_true(n >= 1);
        for (size_t k = 0; k < n; k++) {
            assert_true(advice[k].fit->fits);
            assert_null(strstr(advice[k].flags, "gpu-memory-utilization"));
        }
    }
}

/* The fraction that a refusal names is the edge: a hair above starts to have KV, a hair below does not. */
static void the_named_fraction_is_the_edge(void **st)
{
    (void)st;
    struct bt_gpu card = a100();
    struct bt_fit *f = fit_of((struct bt_serve){ .utilization = 0.2, .utilization_set = true }, &card, NULL);
    const char *at = strstr(f->refusals[0].text, "above ");
    assert_non_null(at);
    double edge = strtod(at + 6, NULL);
    assert_int_equal(fit_of((struct bt_serve){ .utilization = edge - 0.002, .utilization_set = true }, &card, NULL)->rank[0].engine_kv_bytes, 0);
    assert_true(fit_of((struct bt_serve){ .utilization = edge + 0.002, .utilization_set = true }, &card, NULL)->rank[0].engine_kv_bytes > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(states_take_their_part_first), cmocka_unit_test(flags_of_states), cmocka_unit_test(images_take_off_the_default), cmocka_unit_test(stages_share_what_the_poorest_has),
        cmocka_unit_test(on_the_cpu),
        cmocka_unit_test(kv_is_the_share_of_what_is_free), cmocka_unit_test(the_default_share_is_that_of_the_card), cmocka_unit_test(sliding_layers_of_some_have_a_pool_of_their_own), cmocka_unit_test(flags_change_what_they_say),
        cmocka_unit_test(refusals_in_its_own_words), cmocka_unit_test(the_named_fraction_is_the_edge),
    };
    int rc = cmocka_run_group_tests(tests, no_cache, NULL);
    bt_arena_release(&arena);
    return rc;
}

/* KV arithmetic, the engine's refusals in its own words, and advice that is itself checked. */
#include "need_help.h"

static struct bt_fit *fit_of(struct bt_arena *a, const struct bt_fit_case *c, struct bt_serve s)
{
    struct bt_fit *f = NULL;
    struct bt_err err = { 0 };
    if (bt_fit_server(a, c, &s, &f, &err) < 0)
        fail_msg("%s", err.msg);
    return f;
}

/* "16.00 GiB KV cache is needed, larger than the available 4.85 GiB": Qwen1.5-7B-Chat, 32,768 tokens; 9,936 tokens would have fitted. */
static void the_founding_case(void **st)
{
    (void)st;
    bt_auto_arena a = { 0 };
    struct bt_gpu card = card_of(23.5, 8);
    struct bt_need *n = need_of(&a, model_of(&a, "Qwen/Qwen1.5-7B-Chat"), "0.11.0", (struct bt_serve){ .context = 32768 }, &card);
    const struct bt_need_rank *r = &n->rank[0];
    assert_int_equal(r->kv_token_bytes, 524288);
    assert_int_equal(bt_need_kv_request(n, r, 32768), 16 * GiB);
    uint64_t kv = 9936ull * 524288;                  /* 4.8516 GiB, which the engine prints as 4.85; 4.8500 exactly would hold 9,920 */
    assert_string_equal(bt_bytes_human(kv), "4.85 GiB");
    assert_int_equal(bt_need_longest(n, r, kv), 9936);
    assert_int_equal(bt_need_longest(n, r, kv + 524288 * 16 - 1), 9936);
    assert_int_equal(bt_need_longest(n, r, kv - 1), 9920);
    assert_int_equal(bt_need_kv_tokens(n, r, kv), 9936);
}

static void the_founding_case_in_the_engines_words(void **st)
{
    (void)st;
    bt_auto_arena a = { 0 };
    const struct bt_model *m = model_of(&a, "Qwen/Qwen1.5-7B-Chat");
    struct bt_gpu card = card_of(23.5, 8);
    struct bt_fit_case c = { .model = m, .engine = vllm(), .version = row("0.11.0"), .card = &card };
    struct bt_fit *f = fit_of(&a, &c, (struct bt_serve){ .context = 32768, .kv_bytes = 9936ull * 524288 });
    assert_false(f->fits);
    assert_int_equal(f->nrefusals, 1);
    assert_string_equal(f->refusals[0].code, "kv-too-small");
    assert_non_null(strstr(f->refusals[0].text, "max seq len (32768), 16.00 GiB KV cache is needed, which is larger than the available KV cache memory (4.85 GiB)"));
    assert_non_null(strstr(f->refusals[0].text, "estimated maximum model length is 9936"));
    assert_int_equal(f->longest, 9936);
}

/* 0.32 keeps one block for itself: one request fits in the KV less one block. */
static void the_null_block_is_kept(void **st)
{
    (void)st;
    bt_auto_arena a = { 0 };
    struct bt_gpu card = card_of(39.4, 8);
    const struct bt_model *m = model_of(&a, "Qwen/Qwen2.5-7B-Instruct");
    struct bt_need *old = need_of(&a, m, "0.11.0", (struct bt_serve){ 0 }, &card), *new = need_of(&a, m, "0.32.0", (struct bt_serve){ 0 }, &card);
    uint64_t kv = 100 * new->rank[0].kv_block_bytes;
    assert_int_equal(bt_need_longest(old, &old->rank[0], kv), 1600);
    assert_int_equal(bt_need_longest(new, &new->rank[0], kv), 1584);
    assert_int_equal(bt_need_kv_for(new, &new->rank[0], 1584, 1), kv);
    assert_int_equal(bt_need_kv_request(new, &new->rank[0], 1584), kv - new->rank[0].kv_block_bytes);
    assert_int_equal(bt_need_longest(new, &new->rank[0], new->rank[0].kv_block_bytes), 0);
}

/* What is asked of kv_for comes back from longest; more context, more requests: never less KV. */
static void kv_is_monotonic_and_inverts(void **st)
{
    (void)st;
    bt_auto_arena a = { 0 };
    struct bt_gpu card = card_of(39.4, 8);
    uint64_t seed = 12345;
    for (int v = 0; v < 2; v++) {
        struct bt_need *n = need_of(&a, model_of(&a, "Qwen/Qwen2.5-32B-Instruct"), v ? "0.32.0" : "0.11.0", (struct bt_serve){ .pp = 3 }, &card);
        for (int i = 0; i < 2000; i++) {
            seed = seed * 6364136223846793005ull + 1442695040888963407ull;
            uint64_t context = 1 + (seed >> 33) % 200000, requests = 1 + (seed >> 20) % 300;
            const struct bt_need_rank *r = &n->rank[i % 3];
            uint64_t kv = bt_need_kv_for(n, r, context, 1);
            uint64_t longest = bt_need_longest(n, r, kv);
            assert_true(longest >= context && longest < context + n->block);
            assert_true(bt_need_longest(n, r, kv - 1) < context);
            assert_true(bt_need_kv_for(n, r, context + 1, requests) >= bt_need_kv_for(n, r, context, requests));
            assert_true(bt_need_kv_for(n, r, context, requests + 1) > bt_need_kv_for(n, r, context, requests));
            assert_true(bt_need_kv_tokens(n, r, kv) >= context);
        }
    }
}

static void the_fraction_is_enough_and_no_more(void **st)
{
    (void)st;
    bt_auto_arena a = { 0 };
    struct bt_gpu card = card_of(39.4, 8);
    struct bt_need *n = need_of(&a, model_of(&a, "Qwen/Qwen2.5-7B-Instruct"), "0.32.0", (struct bt_serve){ 0 }, &card);
    const struct bt_need_rank *r = &n->rank[0];
    double share = bt_need_share(n, r, 4 * GiB, card.total_bytes, card.total_bytes);
    assert_true(share * (double)card.total_bytes >= (double)(r->budget_bytes + 4 * GiB));
    assert_true((share - 1e-4) * (double)card.total_bytes < (double)(r->budget_bytes + 4 * GiB));
    n->serve.utilization = share;
    uint64_t kv = bt_need_kv_by_engine(n, r, card.total_bytes);
    kv += r->passing_bytes;          /* a KV that is pinned is made after the compilation */
    assert_true(kv >= 4 * GiB && kv < 4 * GiB + card.total_bytes / 10000 + 2);
    assert_true(bt_need_share(n, r, UINT64_MAX, card.total_bytes, card.total_bytes) <= 1.0);
}

static void a_bigger_card_never_holds_less(void **st)
{
    (void)st;
    bt_auto_arena a = { 0 };
    const struct bt_model *m = model_of(&a, "Qwen/Qwen2.5-7B-Instruct");
    uint64_t before = 0;
    for (double gib = 4; gib < 100; gib += 1.7) {
        struct bt_gpu card = card_of(gib, 8);
        struct bt_fit_case c = { .model = m, .engine = vllm(), .version = row("0.32.0"), .card = &card };
        struct bt_fit *f = fit_of(&a, &c, (struct bt_serve){ .max_seqs = 64, .max_batched_tokens = 2048 });
        assert_true(f->tokens >= before);
        before = f->tokens;
        assert_int_equal(f->fits, f->nrefusals == 0);
        if (f->fits)
            assert_true(f->longest >= f->asked && f->rank[0].need_bytes <= card.total_bytes);
    }
    assert_true(before > 0);
}

static void impossible_shapes_have_a_way_out(void **st)
{
    (void)st;
    bt_auto_arena a = { 0 };
    struct bt_gpu card = card_of(39.38, 8);
    struct bt_fit_case c = { .model = model_of(&a, "Qwen/Qwen2.5-32B-Instruct"), .engine = vllm(), .version = row("0.32.0"), .card = &card };
    struct bt_serve s = { .tp = 3 };
    struct bt_fit *f = fit_of(&a, &c, s);
    assert_false(f->fits);
    assert_null(f->need);
    assert_string_equal(f->refusals[0].code, "heads-not-divisible");
    struct bt_advice *adv = NULL;
    size_t n = 0;
    struct bt_err err = { 0 };
    assert_int_equal(bt_fit_advice(&a, &c, &s, f, 8, &adv, &n, &err), 0);
    bool tp2 = false, tp4 = false, pp3 = false;
    for (size_t i = 0; i < n; i++) {
        assert_true(adv[i].fit->fits);
        tp2 = tp2 || !strncmp(adv[i].flags, "--tensor-parallel-size 2 --max-model-len ", 41);      /* 32,768 tokens are too many there */
        tp4 = tp4 || !strcmp(adv[i].flags, "--tensor-parallel-size 4");
        pp3 = pp3 || (!strcmp(adv[i].flags, "--pipeline-parallel-size 3") && strstr(adv[i].text, "21,22,21"));
    }
    assert_true(tp2 && tp4 && pp3);
}

/* Whatever does not fit: each piece of advice, put into the flags, fits. */
static void advice_is_checked(void **st)
{
    (void)st;
    static const struct { const char *model; double gib; struct bt_serve serve; const char *code; } cases[] = {
        { "Qwen/Qwen1.5-7B-Chat", 23.5, { .context = 32768 }, "kv-too-small" },
        { "Qwen/Qwen2.5-32B-Instruct", 39.4, { 0 }, "out-of-memory-at-load" },
        { "Qwen/Qwen2.5-7B-Instruct", 15.8, { 0 }, "no-kv-memory" },
        { "Qwen/Qwen2.5-7B-Instruct", 39.4, { .context = 4096, .kv_bytes = 60 * GiB }, "over-the-card" },
        { "Qwen/Qwen2.5-7B-Instruct", 39.4, { .utilization = 0.999, .utilization_set = true }, "memory-not-free" },
        { "Qwen/Qwen2.5-7B-Instruct", 79.1, { .context = 1000000 }, "context-too-long" },
    };
    for (size_t i = 0; i < BT_LEN(cases); i++) {
        bt_auto_arena a = { 0 };
        struct bt_gpu card = card_of(cases[i].gib, 8);
        struct bt_fit_case c = { .model = model_of(&a, cases[i].model), .engine = vllm(), .version = row("0.32.0"), .card = &card };
        struct bt_fit *f = fit_of(&a, &c, cases[i].serve);
        assert_false(f->fits);
        assert_string_equal(f->refusals[0].code, cases[i].code);
        struct bt_advice *adv = NULL;
        size_t n = 0;
        struct bt_err err = { 0 };
        assert_int_equal(bt_fit_advice(&a, &c, &cases[i].serve, f, 8, &adv, &n, &err), 0);
        assert_true(n > 0);
        for (size_t k = 0; k < n; k++)
            assert_true(adv[k].fit->fits && adv[k].fit->nrefusals == 0 && adv[k].flags[0] == '-');
    }
}

static void auto_context_takes_what_fits(void **st)
{
    (void)st;
    bt_auto_arena a = { 0 };
    struct bt_gpu card = card_of(23.5, 8);
    struct bt_fit_case c = { .model = model_of(&a, "Qwen/Qwen1.5-7B-Chat"), .engine = vllm(), .version = row("0.32.0"), .card = &card };
    struct bt_fit *f = fit_of(&a, &c, (struct bt_serve){ .context_auto = true });
    assert_true(f->fits);
    assert_int_equal(f->asked, f->longest);
    assert_true(f->longest > 1000 && f->longest < 32768);
}

static void neighbours_take_from_the_card(void **st)
{
    (void)st;
    bt_auto_arena a = { 0 };
    struct bt_gpu card = card_of(39.4, 8);
    struct bt_fit_case c = { .model = model_of(&a, "Qwen/Qwen2.5-7B-Instruct"), .engine = vllm(), .version = row("0.32.0"), .card = &card };
    assert_true(fit_of(&a, &c, (struct bt_serve){ 0 })->fits);
    card.others_bytes = 20 * GiB;
    struct bt_fit *f = fit_of(&a, &c, (struct bt_serve){ 0 });
    assert_false(f->fits);
    assert_string_equal(f->refusals[0].code, "memory-not-free");
    assert_non_null(strstr(f->refusals[0].text, "on startup is less than desired GPU memory utilization (0.92"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_founding_case), cmocka_unit_test(the_founding_case_in_the_engines_words), cmocka_unit_test(the_null_block_is_kept),
        cmocka_unit_test(kv_is_monotonic_and_inverts), cmocka_unit_test(the_fraction_is_enough_and_no_more), cmocka_unit_test(a_bigger_card_never_holds_less),
        cmocka_unit_test(impossible_shapes_have_a_way_out), cmocka_unit_test(advice_is_checked), cmocka_unit_test(auto_context_takes_what_fits),
        cmocka_unit_test(neighbours_take_from_the_card),
    };
    return cmocka_run_group_tests(tests, no_cache, NULL);
}

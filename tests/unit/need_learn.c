/* need_learn.c - measured bytes take the place of estimates, of the same server only; weights and KV stay computed; sums stay sums. */
#include "need_help.h"

#include "need/learn.h"

static struct bt_arena a;

static struct bt_need *with(const struct bt_learned *rows, size_t n, struct bt_serve s, const char *version)
{
    struct bt_gpu card = card_of(39.38, 8);
    struct bt_learned_list *list = BT_NEW(&a, struct bt_learned_list);
    *list = (struct bt_learned_list){ .driver = "580", .row = rows, .n = n };
    card.learned = list;
    struct bt_need *need = need_of(&a, model_of(&a, "Qwen/Qwen2.5-7B-Instruct"), version, s, &card);
    uint64_t sum = 0, charged = 0;
    for (size_t i = 0; i < need->rank[0].n; i++) {
        sum += need->rank[0].line[i].bytes;
        charged += need->rank[0].line[i].charged ? need->rank[0].line[i].bytes : 0;
    }
    assert_true(sum == need->rank[0].fixed_bytes && charged == need->rank[0].budget_bytes);
    return need;
}

static struct bt_learned row_of(const struct bt_need *n)
{
    return (struct bt_learned){ .key = bt_need_key(&a, n, 0, "test card", "580"), .starts = 2, .when = "2026-11-21" };
}

static uint64_t outside_of(const struct bt_need *n)
{
    return part_of(&n->rank[0], BT_P_CONTEXT) + part_of(&n->rank[0], BT_P_COMM) + part_of(&n->rank[0], BT_P_WORKSPACE);
}

static void the_same_server_only(void **st)
{
    (void)st;
    struct bt_serve s = { .context = 4096 };
    struct bt_need *plain = with(NULL, 0, s, "0.32.0");
    struct bt_learned l = row_of(plain);
    l.graph_bytes = 777 * MiB;
    struct bt_need *learned = with(&l, 1, s, "0.32.0");
    assert_null(plain->rank[0].learned);
    assert_ptr_equal(learned->rank[0].learned, &l);
    assert_int_equal(part_of(&learned->rank[0], BT_P_GRAPHS), 777 * MiB);
    assert_true(learned->uncertainty_bytes < plain->uncertainty_bytes);
    struct bt_serve longer = s, seqs = s, eager = s, two = s, fp8 = s;
    longer.context = 8192, seqs.max_seqs = 17, eager.eager = true, two.tp = 2, fp8.kv_dtype = "fp8";
    assert_non_null(with(&l, 1, longer, "0.32.0")->rank[0].learned);         /* the context takes KV, which is computed */
    const struct bt_serve others[] = { seqs, eager, two, fp8 };
    for (size_t i = 0; i < BT_LEN(others); i++)
        assert_null(with(&l, 1, others[i], "0.32.0")->rank[0].learned);
    assert_null(with(&l, 1, s, "0.11.0")->rank[0].learned);
    assert_string_not_equal(bt_need_key(&a, plain, 0, "test card", "580"), bt_need_key(&a, plain, 0, "test card", "581"));
    assert_string_not_equal(bt_need_key(&a, plain, 0, "test card", "580"), bt_need_key(&a, plain, 0, "other card", "580"));
}

/* SGLang's slack lines are outside its fraction: measured ones stay there, so its KV is what it was; two ranks of TP are one row. */
static void sglang_learns_what_it_held(void **st)
{
    (void)st;
    const struct bt_engine *e = bt_engine_find("sglang");
    const struct bt_model *m = model_of(&a, "Qwen/Qwen2.5-7B-Instruct");
    struct bt_gpu card = card_of(39.38, 8);
    struct bt_serve s = { .tp = 2, .context = 8192, .max_seqs = 64 };
    struct bt_need *plain, *learned, *other;
    struct bt_err err = { 0 };
    card.nvml_total_bytes = 40960 * MiB;
    assert_int_equal(bt_need_server(&a, m, e, &e->versions[0], &s, &card, &plain, &err), 0);
    struct bt_learned l = row_of(plain);
    l.rest_bytes = outside_of(plain) / 2 + part_of(&plain->rank[0], BT_P_GRAPHS);
    struct bt_learned_list list = { .driver = "580", .row = &l, .n = 1 };
    card.learned = &list;
    assert_int_equal(bt_need_server(&a, m, e, &e->versions[0], &s, &card, &learned, &err), 0);
    assert_ptr_equal(learned->rank[0].learned, &l);
    assert_int_equal(outside_of(learned), outside_of(plain) / 2);
    assert_int_equal(learned->rank[0].budget_bytes, plain->rank[0].budget_bytes);
    assert_int_equal(bt_need_kv_by_engine(learned, &learned->rank[0], card.total_bytes), bt_need_kv_by_engine(plain, &plain->rank[0], card.total_bytes));
    uint64_t sum = 0;
    for (size_t i = 0; i < learned->rank[0].n; i++)
        sum += learned->rank[0].line[i].bytes;
    assert_true(sum == learned->rank[0].fixed_bytes && sum < plain->rank[0].fixed_bytes);
    s.sglang.graph_batch = 8;        /* another server */
    assert_int_equal(bt_need_server(&a, m, e, &e->versions[0], &s, &card, &other, &err), 0);
    assert_null(other->rank[0].learned);
}

/* Each stage has its own row; a stage without one stays computed. */
static void stages_have_rows_of_their_own(void **st)
{
    (void)st;
    struct bt_gpu card = card_of(39.38, 8);
    const struct bt_model *m = model_of(&a, "Qwen/Qwen2.5-7B-Instruct");
    struct bt_serve s = { .pp = 2, .context = 4096 };
    struct bt_need *plain = need_of(&a, m, "0.32.0", s, &card);
    const char *keys[] = { bt_need_key(&a, plain, 0, "test card", "580"), bt_need_key(&a, plain, 1, "test card", "580") };
    assert_string_not_equal(keys[0], keys[1]);
    const struct bt_learned rows[] = { { .key = keys[1], .graph_bytes = 777 * MiB, .starts = 1, .when = "2026-11-21" }, { .key = keys[0], .graph_bytes = 333 * MiB, .starts = 1, .when = "2026-11-21" } };
    struct bt_learned_list list = { .driver = "580", .row = rows, .n = 2 };
    card.learned = &list;
    struct bt_need *both = need_of(&a, m, "0.32.0", s, &card);
    assert_int_equal(part_of(&both->rank[0], BT_P_GRAPHS), 333 * MiB);
    assert_int_equal(part_of(&both->rank[1], BT_P_GRAPHS), 777 * MiB);
    list.n = 1;
    struct bt_need *one = need_of(&a, m, "0.32.0", s, &card);
    assert_null(one->rank[0].learned);
    assert_int_equal(part_of(&one->rank[0], BT_P_GRAPHS), part_of(&plain->rank[0], BT_P_GRAPHS));
    assert_int_equal(part_of(&one->rank[1], BT_P_GRAPHS), 777 * MiB);
    assert_true(one->uncertainty_bytes <= plain->uncertainty_bytes && one->uncertainty_bytes > both->uncertainty_bytes);
    assert_true(both->uncertainty_bytes < plain->uncertainty_bytes);
}

static void weights_and_kv_are_never_learned(void **st)
{
    (void)st;
    struct bt_serve s = { .context = 4096, .lora = true, .max_loras = 4, .max_lora_rank = 16 };
    struct bt_need *plain = with(NULL, 0, s, "0.32.0");
    struct bt_learned l = row_of(plain);
    l.graph_bytes = l.activation_bytes = l.rest_bytes = 3 * GiB;
    struct bt_need *learned = with(&l, 1, s, "0.32.0");
    static const enum bt_part kept[] = { BT_P_WEIGHTS, BT_P_LORA };
    for (size_t i = 0; i < BT_LEN(kept); i++)
        assert_int_equal(part_of(&learned->rank[0], kept[i]), part_of(&plain->rank[0], kept[i]));
    assert_int_equal(learned->rank[0].kv_token_bytes, plain->rank[0].kv_token_bytes);
    assert_int_equal(bt_need_known_bytes(&plain->rank[0], 5), part_of(&plain->rank[0], BT_P_WEIGHTS) + part_of(&plain->rank[0], BT_P_LORA) + 5);
}

/* What it held bounds what is outside of torch: less than the estimate is believed, more only past what activations explain. */
static void held_bytes_are_a_bound(void **st)
{
    (void)st;
    struct bt_serve s = { .context = 4096 };
    struct bt_need *plain = with(NULL, 0, s, "0.32.0");
    struct bt_learned l = row_of(plain);
    uint64_t estimate = outside_of(plain), inside = part_of(&plain->rank[0], BT_P_ACTIVATIONS) + part_of(&plain->rank[0], BT_P_SAMPLER);
    l.graph_bytes = 500 * MiB;
    const struct { uint64_t held, want; } rows[] = {
        { 300 * MiB, 300 * MiB }, { estimate, estimate }, { estimate + 1, estimate }, { estimate + inside, estimate }, { estimate + inside + 64 * MiB, estimate + 64 * MiB },
    };
    for (size_t i = 0; i < BT_LEN(rows); i++) {
        l.rest_bytes = rows[i].held + l.graph_bytes;
        assert_int_equal(outside_of(with(&l, 1, s, "0.32.0")), rows[i].want);
    }
    l.rest_bytes = 1;                                /* less than the graphs alone: absurd, and no underflow */
    assert_int_equal(outside_of(with(&l, 1, s, "0.32.0")), 0);
}

static void the_peak_by_the_log(void **st)
{
    (void)st;
    struct bt_serve s = { .context = 4096 };
    struct bt_learned l = row_of(with(NULL, 0, s, "0.11.0"));
    l.activation_bytes = 1234 * MiB;
    struct bt_need *n = with(&l, 1, s, "0.11.0");
    assert_int_equal(part_of(&n->rank[0], BT_P_ACTIVATIONS) + part_of(&n->rank[0], BT_P_SAMPLER) + part_of(&n->rank[0], BT_P_ENCODER), 1234 * MiB);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sglang_learns_what_it_held), cmocka_unit_test(stages_have_rows_of_their_own),
        cmocka_unit_test(the_same_server_only), cmocka_unit_test(weights_and_kv_are_never_learned), cmocka_unit_test(held_bytes_are_a_bound), cmocka_unit_test(the_peak_by_the_log),
    };
    int rc = cmocka_run_group_tests(tests, no_cache, NULL);
    bt_arena_release(&a);
    return rc;
}

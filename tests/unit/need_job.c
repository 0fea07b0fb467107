/* need_job.c - jobs against published figures (ZeRO's formulas, Megatron's bytes a parameter, trainable parameters that PEFT prints), and the batch that
 * fits. */
#include "need_help.h"

#include "need/job_advice.h"

static struct bt_arena arena;
#define GB 1e9

static struct bt_job_need need_job(const struct bt_model *m, struct bt_job j)
{
    struct bt_gpu card = card_of(79.25, 9);
    struct bt_job_need n;
    struct bt_err err = { 0 };
    if (bt_need_job(&arena, &(struct bt_job_of){ .model = m }, &j, &card, &n, &err) < 0)
        fail_msg("%s", err.msg);
    uint64_t sum = 0;
    for (size_t i = 0; i < n.n; i++) {
        sum += n.line[i].bytes;
        assert_true(strlen(n.line[i].why) > 10);
    }
    assert_int_equal(sum, n.bytes);
    return n;
}

static double part(const struct bt_job_need *n, enum bt_part p)
{
    double sum = 0;
    for (size_t i = 0; i < n->n; i++)
        if (n->line[i].part == p)
            sum += (double)n->line[i].bytes;
    return sum;
}

static double states(const struct bt_job_need *n) { return part(n, BT_P_WEIGHTS) + part(n, BT_P_GRADIENTS) + part(n, BT_P_OPTIMIZER); }

/* A model of 7.5 billion numbers and nothing else. */
static struct bt_model *of_numbers(uint64_t rows, uint64_t columns)
{
    struct bt_model *m = BT_NEW(&arena, struct bt_model);
    *m = *model_of(&arena, "Qwen/Qwen2.5-7B-Instruct");
    m->tensors = BT_NEW(&arena, struct bt_tensor);
    m->tensors[0] = (struct bt_tensor){ .name = "model.layers.0.mlp.down_proj.weight", .dtype = BT_DT_BF16, .rank = 2, .shape = { rows, columns }, .bytes = rows * columns * 2 };
    m->ntensors = 1;
    return m;
}

/* Rajbhandari et al., ZeRO, section 3: 7.5 billion parameters, Adam, 64 GPUs: 16, 4 + 12/64, 2 + 14/64 and 16/64 bytes each. */
static void zero_table(void **st)
{
    (void)st;
    static const double gb[] = { 120, 31.4, 16.6, 1.88 };
    struct bt_model *m = of_numbers(75000, 100000);
    for (unsigned stage = 0; stage < 4; stage++) {
        struct bt_job_need n = need_job(m, (struct bt_job){ .kind = BT_JOB_TRAIN, .method = BT_METHOD_FULL, .zero = stage, .gpus = 64, .tokens = 1 });
        assert_near(states(&n) / GB, gb[stage], 0.05);
    }
}

/* Megatron-LM's docs: bf16 parameters with float32 gradients take 18 bytes each, 6 + 12/d with the distributed optimizer. */
static void megatron_bytes_a_number(void **st)
{
    (void)st;
    struct bt_model *m = of_numbers(10000, 100000);
    struct bt_job j = { .kind = BT_JOB_TRAIN, .method = BT_METHOD_FULL, .backend = BT_BACKEND_MEGATRON, .tokens = 1, .gpus = 8 };
    struct bt_job_need plain = need_job(m, j);
    assert_near(states(&plain) / 1e9, 18, 1e-6);
    j.distributed_optimizer = true;
    struct bt_job_need cut = need_job(m, j);
    assert_near(states(&cut) / 1e9, 6 + 12.0 / 8, 1e-6);
    j.tp = 4, j.pp = 2;
    struct bt_job_need sliced = need_job(m, j);
    assert_near(states(&sliced) / 1e9, (6 + 12.0 / 8) / 8, 1e-6);
}

static void lora_as_peft_counts_it(void **st)
{
    (void)st;
    struct bt_model *m = model_of(&arena, "Qwen/Qwen2.5-7B-Instruct");
    assert_int_equal(bt_job_lora_numbers(m, 16), 40370176);          /* "trainable params: 40,370,176" for all linear layers, rank 16 */
    struct bt_job j = { .kind = BT_JOB_TRAIN, .method = BT_METHOD_LORA, .rank = 16, .tokens = 2048, .checkpointing = true };
    struct bt_job_need one = need_job(m, j);
    assert_int_equal(one.trained, 40370176);
    assert_near(part(&one, BT_P_WEIGHTS), 2.0 * (double)m->parameters, 1.0);         /* frozen: 16 bit, no gradients */
    assert_near(part(&one, BT_P_LORA) + part(&one, BT_P_GRADIENTS) + part(&one, BT_P_OPTIMIZER), 16.0 * 40370176, 8.0);
    j.users = 4;
    struct bt_job_need four = need_job(m, j);
    assert_near((double)four.bytes - (double)one.bytes, 3 * 16.0 * 40370176, 16.0);  /* one batch at a time: no more activations */
    j.users = 1;
    j.method = BT_METHOD_QLORA;
    struct bt_job_need four_bit = need_job(m, j);
    assert_true(four_bit.bytes < one.bytes);
    assert_true(part(&four_bit, BT_P_WEIGHTS) / GiB > 7.0 && part(&four_bit, BT_P_WEIGHTS) / GiB < 8.0);     /* 6.53 billion in NF4, 1.09 billion in float32 */
}

static void activations_grow_as_they_should(void **st)
{
    (void)st;
    struct bt_model *m = model_of(&arena, "Qwen/Qwen2.5-7B-Instruct");
    struct bt_job j = { .kind = BT_JOB_TRAIN, .method = BT_METHOD_LORA, .tokens = 2048, .batch = 2 };
    struct bt_job_need two = need_job(m, j);
    /* numbers a layer keeps of a token: 8 x 3584 + 4 x 3584 (q, o) + 4 x 512 (k, v) + 4 x 18944 */
    assert_near(part(&two, BT_P_ACTIVATIONS), 2.0 * 2048 * 28 * 2 * (8 * 3584 + 4 * 3584 + 4 * 512 + 4 * 18944), 1.0);
    assert_near(part(&two, BT_P_SAMPLER), 2.0 * 2048 * m->vocab * 14, 1.0);
    j.batch = 4;
    struct bt_job_need four = need_job(m, j);
    assert_near(part(&four, BT_P_ACTIVATIONS), 2 * part(&two, BT_P_ACTIVATIONS), 1.0);
    j.eager_attention = true;
    struct bt_job_need eager = need_job(m, j);
    assert_near(part(&eager, BT_P_ACTIVATIONS) - part(&four, BT_P_ACTIVATIONS), 4.0 * 2048 * 28 * 8 * 28 * 2048, 1.0);
    j.eager_attention = false;
    j.checkpointing = true;
    struct bt_job_need again = need_job(m, j);
    assert_near(part(&again, BT_P_ACTIVATIONS), 4.0 * 2048 * (28.0 * 3584 * 2 + part(&four, BT_P_ACTIVATIONS) / (4 * 2048 * 28)), 2.0);
    assert_true(again.uncertainty_bytes < four.uncertainty_bytes);
}

/* Peaks that others measured: between the ledger without and with its headroom, as it promises. */
static void measured_peaks_are_inside(void **st)
{
    (void)st;
    struct bt_model *m = model_of(&arena, "meta-llama/Llama-2-7b-hf");
    static const struct { const char *who; struct bt_job j; double gb; } peaks[] = {
        { "LongLoRA (arXiv 2309.12307), table 12: plain LoRA, 8,192 tokens, one sequence a GPU, checkpointing, ZeRO 2, 8 x A100",
          { .kind = BT_JOB_TRAIN, .method = BT_METHOD_LORA, .rank = 8, .tokens = 8192, .checkpointing = true, .zero = 2, .gpus = 8 }, 25.7 },
        { "axolotl, examples/llama-2/qlora.yml and its README: QLoRA, rank 32 on every linear layer, 2 x 4,096 packed tokens, checkpointing",
          { .kind = BT_JOB_TRAIN, .method = BT_METHOD_QLORA, .rank = 32, .batch = 2, .tokens = 4096, .checkpointing = true, .optimizer = BT_OPTIMIZER_ADAMW }, 17 },
    };
    for (size_t i = 0; i < BT_LEN(peaks); i++) {
        struct bt_job_need n = need_job(m, peaks[i].j);
        if ((double)n.bytes > peaks[i].gb * GB || (double)(n.bytes + n.uncertainty_bytes) < peaks[i].gb * GB)
            fail_msg("%s: %.1f GB measured, the ledger says %.1f to %.1f", peaks[i].who, peaks[i].gb, (double)n.bytes / GB, (double)(n.bytes + n.uncertainty_bytes) / GB);
        assert_true((double)n.uncertainty_bytes < 0.25 * (double)n.bytes);           /* a range that holds everything says nothing */
    }
}

static void forward_and_generate(void **st)
{
    (void)st;
    struct bt_model *m = model_of(&arena, "Qwen/Qwen2.5-7B-Instruct");
    struct bt_job_need f = need_job(m, (struct bt_job){ .kind = BT_JOB_FORWARD, .batch = 8, .tokens = 2048 });
    assert_near(part(&f, BT_P_WEIGHTS), 2.0 * (double)m->parameters, 1.0);
    assert_near(part(&f, BT_P_OTHER), 8.0 * 2048 * 3584 * 2, 1.0);
    assert_near(part(&f, BT_P_GRADIENTS) + part(&f, BT_P_OPTIMIZER), 0, 0.5);
    struct bt_job_need all = need_job(m, (struct bt_job){ .kind = BT_JOB_FORWARD, .batch = 8, .tokens = 2048, .kept_layers = 29 });
    assert_near(part(&all, BT_P_OTHER), 29 * part(&f, BT_P_OTHER), 1.0);
    struct bt_job_need g = need_job(m, (struct bt_job){ .kind = BT_JOB_GENERATE, .batch = 4, .tokens = 1000 });
    assert_near(part(&g, BT_P_KV), 4.0 * 1000 * 57344, 1.0);
}

static void the_batch_that_fits_is_the_largest(void **st)
{
    (void)st;
    struct bt_model *m = model_of(&arena, "Qwen/Qwen2.5-7B-Instruct");
    static const struct bt_job jobs[] = {
        { .kind = BT_JOB_TRAIN, .method = BT_METHOD_LORA, .tokens = 2048 }, { .kind = BT_JOB_TRAIN, .method = BT_METHOD_QLORA, .tokens = 512, .checkpointing = true },
        { .kind = BT_JOB_FORWARD, .tokens = 2048 }, { .kind = BT_JOB_GENERATE, .tokens = 4096 },
    };
    struct bt_gpu card = card_of(79.25, 9);
    struct bt_err err = { 0 };
    for (size_t i = 0; i < BT_LEN(jobs); i++)
        for (int cautious = 0; cautious < 2; cautious++) {
            uint64_t batch;
            assert_int_equal(bt_job_batch(&(struct bt_job_of){ .model = m }, &jobs[i], &card, card.total_bytes, cautious, &batch, &err), 0);
            assert_true(batch >= 1);
            struct bt_job at = jobs[i], past = jobs[i];
            at.batch = batch, past.batch = batch + 1;
            struct bt_job_need a = need_job(m, at), b = need_job(m, past);
            assert_true(a.bytes + (cautious ? a.uncertainty_bytes : 0) <= card.total_bytes);
            assert_true(b.bytes + (cautious ? b.uncertainty_bytes : 0) > card.total_bytes);
        }
    uint64_t none;
    assert_int_equal(bt_job_batch(&(struct bt_job_of){ .model = m }, &jobs[0], &card, 8 * GiB, false, &none, &err), 0);
    assert_int_equal(none, 0);                       /* the weights alone are larger */
    uint64_t users;
    assert_int_equal(bt_job_users(&(struct bt_job_of){ .model = m }, &jobs[1], &card, 40 * GiB, false, &users, &err), 0);
    assert_true(users >= 2);
    assert_true(bt_job_users(&(struct bt_job_of){ .model = m }, &(struct bt_job){ .kind = BT_JOB_TRAIN, .method = BT_METHOD_FULL }, &card, GiB, false, &users, &err) < 0);
}

static void mistakes(void **st)
{
    (void)st;
    struct bt_model *m = model_of(&arena, "Qwen/Qwen2.5-7B-Instruct"), quantised = *m, empty = *m;
    quantised.quantization = "awq";
    empty.ntensors = 0;
    const struct { const struct bt_model *m; struct bt_job j; enum bt_errc code; const char *has; } bad[] = {
        { m, { .kind = BT_JOB_TRAIN, .method = BT_METHOD_LORA, .batch_auto = true, .users_auto = true }, BT_E_SPEC, "either of them can fill" },
        { m, { .kind = BT_JOB_TRAIN, .backend = BT_BACKEND_MEGATRON, .zero = 2 }, BT_E_SPEC, "no ZeRO" },
        { m, { .kind = BT_JOB_TRAIN, .backend = BT_BACKEND_MEGATRON, .method = BT_METHOD_QLORA }, BT_E_SPEC, "qlora" },
        { m, { .kind = BT_JOB_TRAIN, .tp = 2 }, BT_E_SPEC, "megatron" },
        { m, { .kind = BT_JOB_TRAIN, .zero = 4 }, BT_E_SPEC, "0 to 3" },
        { m, { .kind = BT_JOB_TRAIN, .backend = BT_BACKEND_MEGATRON, .pp = 100 }, BT_E_SPEC, "has 28 layers" },
        { &quantised, { .kind = BT_JOB_TRAIN }, BT_E_INPUT, "quantised checkpoint" },
        { &empty, { .kind = BT_JOB_FORWARD }, BT_E_INPUT, "tensors" },
    };
    struct bt_gpu card = card_of(79.25, 9);
    for (size_t i = 0; i < BT_LEN(bad); i++) {
        struct bt_job_need n;
        struct bt_err err = { 0 };
        assert_true(bt_need_job(&arena, &(struct bt_job_of){ .model = bad[i].m }, &bad[i].j, &card, &n, &err) < 0);
        assert_int_equal(err.code, bad[i].code);
        if (!strstr(err.msg, bad[i].has))
            fail_msg("%s", err.msg);
    }
    struct bt_job_need huge;
    struct bt_err err = { 0 };
    struct bt_job absurd = { .kind = BT_JOB_TRAIN, .batch = UINT64_MAX, .tokens = UINT64_MAX, .rank = UINT64_MAX, .method = BT_METHOD_LORA, .users = UINT64_MAX };
    assert_int_equal(bt_need_job(&arena, &(struct bt_job_of){ .model = m }, &absurd, &card, &huge, &err), 0);
    assert_true(huge.bytes == BT_NEED_CAP);          /* absurd, and not wrapped */
}

/* Each proposal is what it says: no more than the room, and one step nearer to what was asked would not be. */
static void advice_fits_and_is_near(void **st)
{
    (void)st;
    struct bt_job_of of = { .model = model_of(&arena, "Qwen/Qwen2.5-7B-Instruct") };
    static const struct bt_job jobs[] = {
        { .kind = BT_JOB_TRAIN, .method = BT_METHOD_LORA, .batch = 8, .tokens = 2048 }, { .kind = BT_JOB_TRAIN, .method = BT_METHOD_FULL, .batch = 1, .tokens = 1024 },
        { .kind = BT_JOB_TRAIN, .method = BT_METHOD_LORA, .users = 500, .rank = 64, .tokens = 256 }, { .kind = BT_JOB_FORWARD, .batch = 64, .tokens = 2048, .kept_layers = 28 },
        { .kind = BT_JOB_GENERATE, .batch = 2000, .tokens = 4096 },
    };
    struct bt_gpu card = card_of(39.38, 8);
    unsigned seen = 0;
    for (size_t i = 0; i < BT_LEN(jobs); i++) {
        struct bt_job_advice *list;
        struct bt_err err = { 0 };
        size_t n;
        assert_int_equal(bt_job_advise(&arena, &of, &jobs[i], 1, 8, &card, card.total_bytes, &list, &n, &err), 0);
        assert_true(n > 0);
        for (size_t k = 0; k < n; k++) {
            struct bt_job on;
            struct bt_job_need b;
            assert_int_equal(bt_job_on(&list[k].job, list[k].cards, &on, &err), 0);
            assert_int_equal(bt_job_berth(&arena, &of, &on, &card, 0, &b, &err), 0);
            assert_true(b.bytes == list[k].bytes && b.bytes <= card.total_bytes);
            bool batch = !strcmp(list[k].key, "batch"), users = !strcmp(list[k].key, "users");
            seen |= batch ? 1 : users ? 2 : !strcmp(list[k].key, "method") ? 4 : 8;
            on.batch += batch, on.users += users;
            if (batch || users) {
                assert_int_equal(bt_job_berth(&arena, &of, &on, &card, 0, &b, &err), 0);
                assert_true(b.bytes > card.total_bytes);
            }
        }
    }
    assert_int_equal(seen, 15);
    struct bt_job_advice *none;
    struct bt_err err = { 0 };
    size_t n;
    assert_int_equal(bt_job_advise(&arena, &of, &(struct bt_job){ .kind = BT_JOB_GENERATE, .tokens = 512 }, 1, 8, &card, card.total_bytes, &none, &n, &err), 0);
    assert_int_equal(n, 0);
}

/* device_map: the fullest stage holds its layers and the larger end. */
static void layers_dealt_over_cards(void **st)
{
    (void)st;
    struct bt_model *m = model_of(&arena, "Qwen/Qwen2.5-7B-Instruct");
    struct bt_job_need one = need_job(m, (struct bt_job){ .kind = BT_JOB_FORWARD, .tokens = 16 }), two = need_job(m, (struct bt_job){ .kind = BT_JOB_FORWARD, .tokens = 16, .pp = 2 });
    double ends = 2.0 * 152064 * 3584;               /* embedding, in bytes; the head is as large */
    assert_near(part(&two, BT_P_WEIGHTS), (part(&one, BT_P_WEIGHTS) - 2 * ends) / 2 + ends, 4096);
    struct bt_job_need wide = need_job(m, (struct bt_job){ .kind = BT_JOB_FORWARD, .tokens = 16, .dtype = BT_JOB_FLOAT32 });
    assert_near(part(&wide, BT_P_WEIGHTS), 2 * part(&one, BT_P_WEIGHTS), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(zero_table), cmocka_unit_test(megatron_bytes_a_number), cmocka_unit_test(lora_as_peft_counts_it), cmocka_unit_test(activations_grow_as_they_should),
        cmocka_unit_test(measured_peaks_are_inside), cmocka_unit_test(forward_and_generate), cmocka_unit_test(the_batch_that_fits_is_the_largest), cmocka_unit_test(mistakes),
        cmocka_unit_test(advice_fits_and_is_near), cmocka_unit_test(layers_dealt_over_cards),
    };
    int rc = cmocka_run_group_tests(tests, no_cache, NULL);
    bt_arena_release(&arena);
    return rc;
}

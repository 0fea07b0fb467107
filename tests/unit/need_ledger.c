/* The ledger against figures that real engines logged, and against itself. */
#include "need_help.h"

#include "need/parts.h"

/* "Model loading took X GiB" of real vLLM starts with 16-bit weights. */
static const struct { const char *model; uint64_t tp; double gib, off; } loads[] = {
    { "Qwen/Qwen2.5-7B-Instruct", 1, 14.2488, 0.0002 },      { "meta-llama/Llama-3.1-8B-Instruct", 1, 14.9888, 0.0002 },
    { "meta-llama/Llama-3.1-8B-Instruct", 8, 1.9028, 0.0002 }, { "Qwen/Qwen3-8B", 1, 15.2683, 0.0002 },
    { "Qwen/Qwen3-14B", 1, 27.5185, 0.0002 },                { "Qwen/Qwen3-4B", 1, 7.5552, 0.0002 },
    { "Qwen/Qwen3-0.6B", 1, 1.1201, 0.0002 },                { "Qwen/Qwen3-32B", 2, 30.59, 0.006 },
    { "Qwen/Qwen2.5-32B", 2, 30.73, 0.006 },                 { "Qwen/Qwen2.5-14B", 2, 13.9476, 0.006 },
    { "Qwen/Qwen2.5-1.5B-Instruct", 1, 2.8797, 0.006 },
};

static void weights_are_what_real_starts_log(void **st)
{
    (void)st;
    bt_auto_arena a = { 0 };
    struct bt_gpu card = card_of(79.1, 8);
    for (size_t i = 0; i < BT_LEN(loads); i++) {
        struct bt_need *n = need_of(&a, model_of(&a, loads[i].model), "0.11.0", (struct bt_serve){ .tp = loads[i].tp }, &card);
        assert_near((double)part_of(&n->rank[0], BT_P_WEIGHTS) / (double)GiB, loads[i].gib, loads[i].off);
    }
}

static void blocks_are_the_allocators(void **st)
{
    (void)st;
    assert_int_equal(need_block_bytes(0), 0);
    assert_int_equal(need_block_bytes(1), 512);
    assert_int_equal(need_block_bytes(512), 512);
    assert_int_equal(need_block_bytes(9 * MiB + 1), 9 * MiB + 512);
    assert_int_equal(need_block_bytes(10 * MiB), 10 * MiB);
    assert_int_equal(need_block_bytes(11 * MiB), 12 * MiB);          /* the rest is 1 MiB: not split off */
    assert_int_equal(need_block_bytes(11 * MiB - 512), 11 * MiB - 512);
    assert_true(need_block_bytes(UINT64_MAX) <= BT_NEED_CAP);
}

/* From 0.21 on vLLM loads with max_split_size_mb=20: a segment of 20 MiB and more stays whole. */
static void large_tensors_keep_their_segment(void **st)
{
    (void)st;
    struct bt_gpu card = card_of(79.1, 8), host = { .uuid = "cpu" };
    struct need_in before = { .version = row("0.20.2"), .card = &card }, now = { .version = row("0.21.0"), .card = &card }, cpu = { .version = row("0.32.0"), .card = &host };
    uint64_t odd = 42 * MiB + 512;
    assert_int_equal(need_loaded_bytes(&before, odd), odd);
    assert_int_equal(need_loaded_bytes(&now, odd), 44 * MiB);
    assert_int_equal(need_loaded_bytes(&cpu, odd), odd);             /* no such allocator there */
    assert_int_equal(need_loaded_bytes(&now, 42 * MiB), 42 * MiB);
    assert_int_equal(need_loaded_bytes(&now, 20 * MiB - 1536 * 1024), 20 * MiB - 1536 * 1024);      /* smaller ones are cut as ever */
    assert_true(need_loaded_bytes(&now, UINT64_MAX) <= BT_NEED_CAP);
}

/* Every line has its reason; the sums are sums; what the engine charges is a part of the whole. */
static void check_ledger(const struct bt_need *n)
{
    for (size_t i = 0; i < n->nranks; i++) {
        const struct bt_need_rank *r = &n->rank[i];
        uint64_t sum = 0, charged = 0;
        for (size_t k = 0; k < r->n; k++) {
            assert_non_null(r->line[k].why);
            assert_true(strlen(r->line[k].why) > 10);
            assert_true(r->line[k].part != BT_P_KV);
            sum += r->line[k].bytes;
            charged += r->line[k].charged ? r->line[k].bytes : 0;
        }
        assert_int_equal(sum, r->fixed_bytes);
        assert_int_equal(charged, r->budget_bytes);
        bool lends = false;          /* a stage whose layers all read the KV of others has none (Gemma 4's last) */
        for (uint32_t k = r->first_layer; k < r->first_layer + r->layers; k++)
            lends = lends || !n->model->layer[k].borrows_kv;
        assert_true(r->ngroups > 0 && (!lends || (r->kv_token_bytes > 0 && r->pool_layers > 0)));
        if (r->ngroups == 1 && lends)
            assert_int_equal(r->kv_block_bytes, r->kv_token_bytes * n->block);
    }
}

static void ledger_sums_up_for_every_version_and_model(void **st)
{
    (void)st;
    struct bt_gpu card = card_of(79.1, 9);
    for (size_t v = 0; v < vllm()->nversions; v++)
        for (const char *const *id = bt_model_builtin(); *id; id++) {
            bt_auto_arena a = { 0 };
            struct bt_model *m = model_of(&a, *id);
            struct bt_need *n = NULL;
            struct bt_err err = { 0 };
            struct bt_serve s = { .pp = m->layers % 3 ? 2 : 3, .lora = v % 2 };
            if (bt_need_server(&a, m, vllm(), &vllm()->versions[v], &s, &card, &n, &err) == 0)
                check_ledger(n);
            else
                assert_int_equal(err.code, BT_E_INPUT);              /* said, not guessed */
        }
}

static void stages_share_the_layers(void **st)
{
    (void)st;
    bt_auto_arena a = { 0 };
    struct bt_gpu card = card_of(39.4, 8);
    struct bt_need *n = need_of(&a, model_of(&a, "Qwen/Qwen2.5-32B-Instruct"), "0.32.0", (struct bt_serve){ .pp = 3 }, &card);
    assert_int_equal(n->nranks, 3);
    static const uint32_t layers[] = { 21, 22, 21 };
    uint64_t kv = 0;
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(n->rank[i].layers, layers[i]);
        kv += n->rank[i].kv_token_bytes;
    }
    assert_int_equal(n->rank[1].first_layer, 21);
    assert_int_equal(kv, 2 * 64 * 8 * 128 * 2);
    assert_int_equal(part_of(&n->rank[0], BT_P_SAMPLER), 0);         /* only the last stage has logits */
    assert_true(part_of(&n->rank[2], BT_P_SAMPLER) > 0);
    check_ledger(n);
}

static void tied_embeddings_are_on_both_ends(void **st)
{
    (void)st;
    bt_auto_arena a = { 0 };
    struct bt_gpu card = card_of(23.5, 8);
    const struct bt_model *m = model_of(&a, "Qwen/Qwen3-4B");
    struct bt_need *one = need_of(&a, m, "0.32.0", (struct bt_serve){ .pp = 1 }, &card), *two = need_of(&a, m, "0.32.0", (struct bt_serve){ .pp = 2 }, &card);
    uint64_t table = 151936ull * 2560 * 2, sum = part_of(&two->rank[0], BT_P_WEIGHTS) + part_of(&two->rank[1], BT_P_WEIGHTS);
    assert_near((double)(sum - part_of(&one->rank[0], BT_P_WEIGHTS)) / (double)GiB, (double)table / (double)GiB, 0.02);
}

static void few_kv_heads_are_copied(void **st)
{
    (void)st;
    bt_auto_arena a = { 0 };
    struct bt_gpu card = card_of(23.5, 8);
    const struct bt_model *m = model_of(&a, "Qwen/Qwen2.5-1.5B-Instruct");            /* 12 heads, 2 KV heads */
    uint64_t at2 = need_of(&a, m, "0.32.0", (struct bt_serve){ .tp = 2 }, &card)->rank[0].kv_token_bytes;
    uint64_t at4 = need_of(&a, m, "0.32.0", (struct bt_serve){ .tp = 4 }, &card)->rank[0].kv_token_bytes;
    assert_int_equal(at2, 28 * 2 * 128 * 2);
    assert_int_equal(at4, at2);
}

static void lora_slots_cost_what_was_seen(void **st)
{
    (void)st;
    bt_auto_arena a = { 0 };
    struct bt_gpu card = card_of(23.52, 8);
    const struct bt_model *m = model_of(&a, "Qwen/Qwen3-4B");
    struct bt_need *n = need_of(&a, m, "0.27.0", (struct bt_serve){ .lora = true, .max_loras = 64, .max_lora_rank = 16 }, &card);
    double gib = (double)part_of(&n->rank[0], BT_P_LORA) / (double)GiB;
    assert_near(gib, 12.49 - 7.5552, 0.03);          /* a real 64-slot start of 0.27.1 */
    n = need_of(&a, model_of(&a, "meta-llama/Llama-3.1-8B-Instruct"), "0.27.0", (struct bt_serve){ .lora = true, .max_loras = 1, .max_lora_rank = 32 }, &card);
    assert_int_equal(part_of(&n->rank[0], BT_P_LORA), 2 * 32 * (32 * 81920ull + 3 * 128256 + 2 * 4096));
    struct bt_need *none = need_of(&a, m, "0.27.0", (struct bt_serve){ 0 }, &card);
    assert_int_equal(part_of(&none->rank[0], BT_P_LORA), 0);
}

/* V1: the larger of forward and sampler sort, as the logs of unsloth/Llama-3.2-3B on T4 and A100 have it. */
static void profiled_peak_is_the_larger_term(void **st)
{
    (void)st;
    bt_auto_arena a = { 0 };
    struct bt_gpu card = card_of(39.5, 8);
    const struct bt_model *m = model_of(&a, "Qwen/Qwen2.5-7B-Instruct");
    struct bt_need *n = need_of(&a, m, "0.11.0", (struct bt_serve){ .max_seqs = 256, .max_batched_tokens = 2048 }, &card);
    double peak = (double)(part_of(&n->rank[0], BT_P_ACTIVATIONS) + part_of(&n->rank[0], BT_P_SAMPLER)) / (double)GiB;
    assert_near(peak, 1.40, 0.02);                   /* 256 sequences x 152k vocabulary: 1.40 GiB in many real logs */
    n = need_of(&a, m, "0.11.0", (struct bt_serve){ .max_seqs = 8, .max_batched_tokens = 16384 }, &card);
    assert_int_equal(part_of(&n->rank[0], BT_P_SAMPLER), 0);
    struct bt_need *v2 = need_of(&a, m, "0.32.0", (struct bt_serve){ .max_seqs = 1024, .max_batched_tokens = 8192 }, &card);
    assert_int_equal(part_of(&v2->rank[0], BT_P_SAMPLER), (uint64_t)(4.25 * 1024 * 152064));
}

static void graphs_are_charged_where_the_version_does(void **st)
{
    (void)st;
    bt_auto_arena a = { 0 };
    struct bt_gpu card = card_of(39.5, 8);
    const struct bt_model *m = model_of(&a, "meta-llama/Llama-3.1-8B-Instruct");
    struct bt_need *old = need_of(&a, m, "0.11.0", (struct bt_serve){ 0 }, &card), *new = need_of(&a, m, "0.32.0", (struct bt_serve){ 0 }, &card);
    struct bt_need *eager = need_of(&a, m, "0.32.0", (struct bt_serve){ .eager = true }, &card);
    for (size_t i = 0; i < old->rank[0].n; i++)
        assert_false(old->rank[0].line[i].part == BT_P_GRAPHS && old->rank[0].line[i].charged);
    uint64_t graphs = part_of(&new->rank[0], BT_P_GRAPHS);
    assert_near((double)graphs / (double)GiB, 0.56, 0.02);           /* a real 8B start logs 0.52 */
    const uint64_t forward = part_of(&eager->rank[0], BT_P_ACTIVATIONS), held = part_of(&new->rank[0], BT_P_ACTIVATIONS) - forward, compiled = (uint64_t)(5.6 * 8192 * 2 * 14336) + 1;
    assert_int_equal(new->rank[0].budget_bytes - eager->rank[0].budget_bytes, graphs + held);
    assert_true(held == compiled - forward - graphs && new->rank[0].passing_bytes == graphs && eager->rank[0].passing_bytes == 0);
    assert_int_equal(bt_need_kv_by_engine(eager, &eager->rank[0], card.total_bytes) - bt_need_kv_by_engine(new, &new->rank[0], card.total_bytes), graphs + compiled - forward);
    assert_int_equal(old->rank[0].passing_bytes, 0);
    assert_int_equal(part_of(&need_of(&a, m, "0.32.0", (struct bt_serve){ .cudagraph_sizes = "[1, 2, 4]" }, &card)->rank[0], BT_P_GRAPHS), 3 * 32 * 368 * KiB);
}

/* The profile run's prefill over a long context: out of the latent, or the indexer's keys; V0 makes neither. */
static void latents_need_a_workspace(void **st)
{
    (void)st;
    bt_auto_arena a = { 0 };
    struct bt_gpu card = card_of(139.8, 9);
    struct bt_model *m = model_of(&a, "deepseek-ai/DeepSeek-V3");
    struct bt_serve s = { .tp = 8, .context = 163840, .max_seqs = 256, .max_batched_tokens = 8192, .block_size = 64 };
    uint64_t old = part_of(&need_of(&a, m, "0.7.3", s, &card)->rank[0], BT_P_WORKSPACE), latent = part_of(&need_of(&a, m, "0.11.0", s, &card)->rank[0], BT_P_WORKSPACE);
    assert_int_equal(latent - old, 65536ull * 16 * 256 * 2);
    for (uint32_t i = 0; i < m->layers; i++)
        m->layer[i].indexer = 128;
    uint64_t indexer = part_of(&need_of(&a, m, "0.11.0", s, &card)->rank[0], BT_P_WORKSPACE);
    assert_int_equal(indexer - old, 40ull * 163840 * 132);
}

/* Graphs of experts take three times those of a dense layer, and never next to nothing. */
static void graphs_of_experts(void **st)
{
    (void)st;
    bt_auto_arena a = { 0 };
    struct bt_gpu card = card_of(139.8, 9);
    struct bt_model *m = model_of(&a, "deepseek-ai/DeepSeek-V3");
    struct bt_serve few = { .tp = 8, .cudagraph_sizes = "[1]" }, many = { .tp = 8, .cudagraph_sizes = "[1, 2, 4, 8, 16, 24, 32, 40]" };
    assert_int_equal(part_of(&need_of(&a, m, "0.32.0", few, &card)->rank[0], BT_P_GRAPHS), 384 * MiB);
    assert_int_equal(part_of(&need_of(&a, m, "0.32.0", many, &card)->rank[0], BT_P_GRAPHS), 8 * (3 + 3 * 58) * 368 * KiB);
}

static void offloaded_weights_are_in_ram(void **st)
{
    (void)st;
    bt_auto_arena a = { 0 };
    struct bt_gpu card = card_of(23.5, 8);
    const struct bt_model *m = model_of(&a, "Qwen/Qwen2.5-7B-Instruct");
    struct bt_need *all = need_of(&a, m, "0.32.0", (struct bt_serve){ 0 }, &card), *some = need_of(&a, m, "0.32.0", (struct bt_serve){ .cpu_offload_gib = 4 }, &card);
    assert_int_equal(some->rank[0].host_bytes, 4 * GiB);
    assert_int_equal(part_of(&all->rank[0], BT_P_WEIGHTS) - part_of(&some->rank[0], BT_P_WEIGHTS), 4 * GiB);
    static const char *const versions[] = { "0.6.0", "0.11.0", "0.32.0" };           /* embedding and head are never moved, in no version */
    for (size_t i = 0; i < BT_LEN(versions); i++) {
        struct bt_need *most = need_of(&a, m, versions[i], (struct bt_serve){ .cpu_offload_gib = 100 }, &card);
        uint64_t both = 2ull * 152064 * 3584 * 2, stays = part_of(&most->rank[0], BT_P_WEIGHTS);
        assert_true(stays >= both && stays < both + 128 * MiB);
        assert_int_equal(stays + most->rank[0].host_bytes, part_of(&need_of(&a, m, versions[i], (struct bt_serve){ 0 }, &card)->rank[0], BT_P_WEIGHTS));
    }
}

static void float32_doubles(void **st)
{
    (void)st;
    bt_auto_arena a = { 0 };
    struct bt_gpu card = card_of(79, 8);
    const struct bt_model *m = model_of(&a, "Qwen/Qwen3-4B");
    struct bt_need *half = need_of(&a, m, "0.32.0", (struct bt_serve){ 0 }, &card), *whole = need_of(&a, m, "0.32.0", (struct bt_serve){ .dtype = "float32" }, &card);
    assert_int_equal(whole->rank[0].kv_token_bytes, 2 * half->rank[0].kv_token_bytes);
    assert_near((double)part_of(&whole->rank[0], BT_P_WEIGHTS), 2.0 * (double)part_of(&half->rank[0], BT_P_WEIGHTS), 1e8);
}

/* What is not known is an error with a reason. */
static void the_unknown_is_said(void **st)
{
    (void)st;
    bt_auto_arena a = { 0 };
    struct bt_gpu card = card_of(79, 8);
    struct bt_need *n = NULL;
    struct bt_serve s = { 0 };
    struct bt_model m = *model_of(&a, "Qwen/Qwen3-4B");
    struct bt_err err = { 0 };

    m.guessed = "NewForCausalLM is not known; taken for a decoder";
    assert_int_equal(bt_need_server(&a, &m, vllm(), row(""), &s, &card, &n, &err), 0);       /* estimated, with the reason and the doubt in the ledger */
    assert_non_null(strstr(n->rank[0].line[0].why, "NewForCausalLM"));
    assert_true(n->rank[0].line[0].uncertainty_bytes > n->rank[0].line[0].bytes / 10);
    n = NULL;

    m = *model_of(&a, "Qwen/Qwen3-4B");
    m.ntensors = 0;
    m.tensors_why = "weights packed with strange are known only from their files";
    assert_int_equal(bt_need_server(&a, &m, vllm(), row(""), &s, &card, &n, &err), -1);
    assert_non_null(strstr(err.msg, "strange"));

    s.quantization = "fp5";
    m = *model_of(&a, "Qwen/Qwen3-4B");
    assert_int_equal(bt_need_server(&a, &m, vllm(), row(""), &s, &card, &n, &err), -1);
    assert_non_null(strstr(err.msg, "fp5"));
    s.quantization = NULL;

    m = *model_of(&a, "Qwen/Qwen3-8B");
    m.ntensors = 0;
    assert_int_equal(bt_need_server(&a, &m, vllm(), row(""), &s, &card, &n, &err), -1);
    s.kv_dtype = "int3";
    m = *model_of(&a, "Qwen/Qwen3-8B");
    assert_int_equal(bt_need_server(&a, &m, vllm(), row(""), &s, &card, &n, &err), -1);
    assert_non_null(strstr(err.msg, "int3"));
    assert_null(n);
}

static void absurd_flags_saturate(void **st)
{
    (void)st;
    static const uint64_t big[] = { 1, 1000000000ull, 1000000000000000000ull, UINT64_MAX };
    struct bt_gpu card = card_of(39.4, 8);
    for (size_t i = 0; i < BT_LEN(big); i++)
        for (size_t k = 0; k < 8; k++) {
            bt_auto_arena a = { 0 };
            const struct bt_model *m = model_of(&a, "Qwen/Qwen2.5-32B-Instruct");
            struct bt_serve s = { .lora = k == 5 };
            uint64_t *field[] = { &s.tp, &s.pp, &s.context, &s.max_seqs, &s.max_batched_tokens, &s.max_loras, &s.kv_bytes, &s.max_cudagraph_size };
            *field[k] = big[i];
            struct bt_need *n = NULL;
            struct bt_err err = { 0 };
            if (bt_need_server(&a, m, vllm(), row("0.32.0"), &s, &card, &n, &err) < 0) {
                assert_true(err.code == BT_E_FIT || err.code == BT_E_SPEC || err.code == BT_E_INPUT);
                continue;
            }
            const struct bt_need_rank *r = &n->rank[0];
            assert_true(r->fixed_bytes <= BT_NEED_CAP && r->budget_bytes <= r->fixed_bytes);
            assert_true(bt_need_kv_for(n, r, big[i], big[3 - i]) <= BT_NEED_CAP);
            (void)bt_need_kv_cap(n, r, UINT64_MAX);
            (void)bt_need_kv_by_engine(n, r, UINT64_MAX);
        }
}

/* Tensors that are alike are counted once for all: the same bytes as one by one. */
static void alike_tensors_are_counted_as_one_by_one(void **st)
{
    (void)st;
    static const char *const ids[] = { "deepseek-ai/DeepSeek-V3", "openai/gpt-oss-20b", "Qwen/Qwen3-30B-A3B", "Qwen/Qwen2.5-VL-7B-Instruct", "Qwen/Qwen3-Next-80B-A3B-Instruct" };
    bt_auto_arena a = { 0 };
    struct bt_gpu card = card_of(139.8, 9);
    for (size_t i = 0; i < BT_LEN(ids); i++)
        for (int ep = 0; ep < 2; ep++) {
            struct bt_model *m = model_of(&a, ids[i]), each = *m;
            struct bt_serve s = { .tp = 4, .pp = 2, .expert_parallel = ep };
            each.alike = NULL;
            each.nalike = 0;
            assert_true(m->nalike > 0 && m->nalike < m->ntensors);
            struct bt_need *x = need_of(&a, m, "0.32.0", s, &card), *y = need_of(&a, &each, "0.32.0", s, &card);
            for (size_t r = 0; r < x->nranks; r++) {
                assert_int_equal(x->rank[r].fixed_bytes, y->rank[r].fixed_bytes);
                assert_string_equal(x->rank[r].line[0].why, y->rank[r].line[0].why);
            }
        }
}

static void assert_same(const struct bt_need *x, const struct bt_need *y)
{
    assert_int_equal(x->nranks, y->nranks);
    for (size_t r = 0; r < x->nranks; r++) {
        assert_int_equal(x->rank[r].n, y->rank[r].n);
        assert_int_equal(x->rank[r].host_bytes, y->rank[r].host_bytes);
        for (size_t i = 0; i < x->rank[r].n; i++) {
            assert_int_equal(x->rank[r].line[i].bytes, y->rank[r].line[i].bytes);
            assert_int_equal(x->rank[r].line[i].uncertainty_bytes, y->rank[r].line[i].uncertainty_bytes);
            assert_string_equal(x->rank[r].line[i].why, y->rank[r].line[i].why);
        }
    }
}

/* Each card in turn beside the one before: GPUs on which batches are larger and smaller, and the host. */
static void a_ledger_beside_another_is_the_same(void **st)
{
    (void)st;
    static const char *const engines[] = { "vllm", "sglang", "llama-server" };
    struct bt_gpu host = { .uuid = "cpu", .name = "cpu", .pci = "", .total_bytes = 128 * GiB, .island = -1 };
    struct bt_gpu cards[] = { card_of(79.1, 9), card_of(23.5, 8), card_of(179.0, 10), host, card_of(39.4, 8) };
    size_t compared = 0;
    for (size_t e = 0; e < BT_LEN(engines); e++)
        for (const char *const *id = bt_model_builtin(); *id; id++) {
            bt_auto_arena a = { 0 };
            const struct bt_engine *engine = bt_engine_find(engines[e]);
            struct bt_model *m = model_of(&a, *id);
            struct bt_need *before = NULL;
            struct bt_serve s = { .pp = e == 1 ? 1 : 2, .cpu_offload_gib = e ? 0 : 1, .context = 4096 };
            for (size_t c = 0; c < BT_LEN(cards); c++) {
                struct bt_err err = { 0 };
                struct bt_need *alone, *beside;
                struct bt_serve here = s;
                here.pp = c == 3 ? 1 : s.pp;
                if (bt_need_server(&a, m, engine, &engine->versions[engine->nversions - 1], &here, &cards[c], &alone, &err) < 0)
                    continue;
                bool like = before && before->nranks == here.pp;     /* the host has one stage only */
                assert_int_equal(bt_need_server_like(&a, m, engine, &engine->versions[engine->nversions - 1], &here, &cards[c], like ? before : NULL, &beside, &err), 0);
                assert_same(alone, beside);
                compared += like;
                before = beside;
            }
        }
    assert_true(compared > 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_ledger_beside_another_is_the_same),
        cmocka_unit_test(alike_tensors_are_counted_as_one_by_one),
        cmocka_unit_test(weights_are_what_real_starts_log), cmocka_unit_test(blocks_are_the_allocators), cmocka_unit_test(large_tensors_keep_their_segment),
        cmocka_unit_test(ledger_sums_up_for_every_version_and_model),
        cmocka_unit_test(stages_share_the_layers), cmocka_unit_test(tied_embeddings_are_on_both_ends), cmocka_unit_test(few_kv_heads_are_copied),
        cmocka_unit_test(lora_slots_cost_what_was_seen), cmocka_unit_test(profiled_peak_is_the_larger_term), cmocka_unit_test(graphs_are_charged_where_the_version_does),
        cmocka_unit_test(latents_need_a_workspace), cmocka_unit_test(graphs_of_experts), cmocka_unit_test(offloaded_weights_are_in_ram),
        cmocka_unit_test(float32_doubles), cmocka_unit_test(the_unknown_is_said), cmocka_unit_test(absurd_flags_saturate),
    };
    return cmocka_run_group_tests(tests, no_cache, NULL);
}

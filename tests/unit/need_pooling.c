/* need_pooling.c - models that pool: encoders keep no KV, their batch holds a whole text, no head and no sampler is counted; a decoder that is told to pool is one. */
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "need_help.h"

/* Numbers of the files on the hub, as its pages state them. */
static void encoders_have_the_published_numbers(void **st)
{
    (void)st;
    static const struct { const char *id; uint64_t parameters; } cases[] = {
        { "BAAI/bge-m3", 567754752 }, { "BAAI/bge-reranker-v2-m3", 567755777 }, { "BAAI/bge-reranker-large", 559891457 }, { "BAAI/bge-large-en-v1.5", 335141888 },
        { "BAAI/bge-base-en-v1.5", 109482240 }, { "BAAI/bge-small-en-v1.5", 33360000 }, { "intfloat/multilingual-e5-large", 559890432 }, { "intfloat/multilingual-e5-base", 278043648 },
        { "intfloat/multilingual-e5-small", 117653760 }, { "sentence-transformers/all-MiniLM-L6-v2", 22713216 }, { "answerdotai/ModernBERT-base", 149014272 },
        { "Alibaba-NLP/gte-reranker-modernbert-base", 149605633 }, { "Alibaba-NLP/gte-multilingual-base", 305368320 }, { "Alibaba-NLP/gte-multilingual-reranker-base", 305959681 },
        { "nomic-ai/nomic-embed-text-v1.5", 136731648 }, { "google/embeddinggemma-300m", 302863104 }, { "cross-encoder/ms-marco-MiniLM-L-6-v2", 22713601 },
    };
    for (size_t i = 0; i < BT_LEN(cases); i++) {
        bt_auto_arena a = { 0 };
        struct bt_model *m = model_of(&a, cases[i].id);
        if (m->parameters != cases[i].parameters)
            fail_msg("%s: %llu numbers, published %llu", cases[i].id, (unsigned long long)m->parameters, (unsigned long long)cases[i].parameters);
        assert_true(m->whole_text && m->pooling);
        assert_null(m->guessed);
    }
}

static void an_encoder_keeps_nothing(void **st)
{
    (void)st;
    bt_auto_arena a = { 0 };
    struct bt_gpu card = card_of(22.05, 8);
    struct bt_serve s = { .tp = 1, .pp = 1 };
    struct bt_fit *f = NULL;
    struct bt_err err = { 0 };
    const struct bt_model *m = model_of(&a, "BAAI/bge-m3");
    struct bt_fit_case c = { .model = m, .engine = vllm(), .version = row("0.32.0"), .card = &card };
    assert_int_equal(bt_fit_server(&a, &c, &s, &f, &err), 0);
    assert_true(f->fits);
    assert_int_equal(f->rank[0].kv_bytes, 0);
    assert_int_equal(f->request_bytes, 0);
    assert_int_equal(f->rank[0].need_bytes, f->need->rank[0].fixed_bytes);
    assert_int_equal(f->longest, 8192);              /* 8,194 positions, of which RoBERTa's begin at 2 */
    assert_int_equal(f->need->serve.max_batched_tokens, 8192);       /* a text is not cut, whatever the card's default is */
    assert_int_equal(part_of(&f->need->rank[0], BT_P_SAMPLER), 0);
    assert_int_equal(part_of(&f->need->rank[0], BT_P_HEADROOM), 0);
    /* 566,705,152 numbers without the pooler, tables padded to 64 rows: 1,133,760,512 B and a little of allocator blocks */
    assert_near((double)part_of(&f->need->rank[0], BT_P_WEIGHTS) / (double)GiB, 1133760512.0 / (double)GiB, 0.01);
}

static void a_decoder_pools_when_it_is_told_to(void **st)
{
    (void)st;
    static const char *const told[][2] = { { "--runner", "pooling" }, { "--task=embed", NULL }, { "--convert", "classify" } };
    bt_auto_arena a = { 0 };
    struct bt_gpu card = card_of(39.4, 8);
    const struct bt_model *m = model_of(&a, "Qwen/Qwen3-8B");
    struct bt_need *writes = need_of(&a, m, "0.32.0", (struct bt_serve){ .tp = 1 }, &card);
    for (size_t i = 0; i < BT_LEN(told); i++) {
        struct bt_serve s = { .tp = 1, .extra = { .v = (const char **)told[i], .n = told[i][1] ? 2 : 1 } };
        struct bt_need *pools = need_of(&a, m, "0.32.0", s, &card);
        assert_int_equal(part_of(&pools->rank[0], BT_P_SAMPLER), 0);
        assert_near((double)(part_of(&writes->rank[0], BT_P_WEIGHTS) - part_of(&pools->rank[0], BT_P_WEIGHTS)) / (double)MiB, 151936.0 * 4096 * 2 / (double)MiB, 2);
        assert_int_equal(pools->rank[0].kv_token_bytes, writes->rank[0].kv_token_bytes);             /* it is a decoder all the same */
    }
}

/* A class that only pools has the layers of the one that writes, and none of its head. */
static void pooling_classes_are_found_by_their_stem(void **st)
{
    (void)st;
    static const char *const names[] = { "Qwen2Model", "LlamaModel", "LlamaBidirectionalModel", "Gemma2Model", "Gemma2ForSequenceClassification", "Phi3ForRewardModel", "Qwen3ForTokenClassification" };
    for (size_t i = 0; i < BT_LEN(names); i++) {
        bt_auto_arena a = { 0 };
        struct bt_model m = { 0 };
        struct bt_err err = { 0 };
        const char *json = bt_arena_printf(&a, "{\"architectures\": [\"%s\"], \"num_hidden_layers\": 2, \"hidden_size\": 64, \"intermediate_size\": 128, \"num_attention_heads\": 4, "
                                           "\"num_key_value_heads\": 2, \"vocab_size\": 640, \"head_dim\": 16}", names[i]);
        if (bt_model_config(&a, "config.json", bt_str(json), &m, &err) < 0 || bt_model_derive(&a, &m, &err) < 0)
            fail_msg("%s: %s", names[i], err.msg);
        assert_true(m.pooling);
        assert_null(m.guessed);
        for (size_t k = 0; k < m.ntensors; k++)
            assert_string_not_equal(m.tensors[k].name, "lm_head.weight");
    }
    static const char *const writers[] = { "QWenLMHeadModel", "GPT2LMHeadModel", "InternVLChatModel" };
    for (size_t i = 0; i < BT_LEN(writers); i++) {
        bt_auto_arena a = { 0 };
        struct bt_model m = { 0 };
        struct bt_err err = { 0 };
        const char *json = bt_arena_printf(&a, "{\"architectures\": [\"%s\"], \"num_hidden_layers\": 2, \"hidden_size\": 64, \"intermediate_size\": 128, \"num_attention_heads\": 4, "
                                           "\"vocab_size\": 640}", writers[i]);
        assert_int_equal(bt_model_config(&a, "config.json", bt_str(json), &m, &err), 0);
        assert_false(m.pooling);
    }
}

/* ---- a checkpoint's own names ---- */

struct named { const char *name; unsigned rows, cols; };

/* A folder with config.json and one file of those tensors, in float32, its data a hole. */
static void write_folder(struct bt_arena *a, const char *dir, const char *config, const struct named *t, size_t n)
{
    bt_auto_buf struct bt_buf head = BT_BUF(256 * KiB);
    uint64_t at = 0;
    for (size_t i = 0; i < n; i++) {
        uint64_t bytes = 4ull * t[i].rows * (t[i].cols ? t[i].cols : 1);
        bt_buf_printf(&head, "%s\"%s\": {\"dtype\": \"F32\", \"shape\": [%u", i ? ", " : "{", t[i].name, t[i].rows);
        bt_buf_printf(&head, t[i].cols ? ", %u]" : "]", t[i].cols);
        bt_buf_printf(&head, ", \"data_offsets\": [%llu, %llu]}", (unsigned long long)at, (unsigned long long)(at + bytes));
        at += bytes;
    }
    bt_buf_puts(&head, "}");
    uint64_t length = head.n;
    FILE *f = fopen(bt_arena_printf(a, "%s/config.json", dir), "w");
    assert_non_null(f);
    fputs(config, f);
    fclose(f);
    f = fopen(bt_arena_printf(a, "%s/model.safetensors", dir), "w");
    assert_non_null(f);
    fwrite(&length, 8, 1, f);
    fwrite(bt_buf_z(&head), 1, length, f);
    fflush(f);
    assert_int_equal(ftruncate(fileno(f), (off_t)(8 + length + at)), 0);
    fclose(f);
}

#define LAYER(i, p) { p i ".attention.self.query.weight", 64, 64 }, { p i ".attention.self.query.bias", 64, 0 }, { p i ".attention.self.key.weight", 64, 64 }, { p i ".attention.self.key.bias", 64, 0 }, \
    { p i ".attention.self.value.weight", 64, 64 }, { p i ".attention.self.value.bias", 64, 0 }, { p i ".attention.output.dense.weight", 64, 64 }, { p i ".attention.output.dense.bias", 64, 0 }, \
    { p i ".attention.output.LayerNorm.weight", 64, 0 }, { p i ".attention.output.LayerNorm.bias", 64, 0 }, { p i ".intermediate.dense.weight", 256, 64 }, { p i ".intermediate.dense.bias", 256, 0 }, \
    { p i ".output.dense.weight", 64, 256 }, { p i ".output.dense.bias", 64, 0 }, { p i ".output.LayerNorm.weight", 64, 0 }, { p i ".output.LayerNorm.bias", 64, 0 }
#define OUTSIDE(p) { p "word_embeddings.weight", 1000, 64 }, { p "position_embeddings.weight", 130, 64 }, { p "token_type_embeddings.weight", 1, 64 }, \
    { p "LayerNorm.weight", 64, 0 }, { p "LayerNorm.bias", 64, 0 }

static void the_files_names_say_the_same_as_the_config(void **st)
{
    (void)st;
    static const struct named plain[] = { OUTSIDE("embeddings."), LAYER("0", "encoder.layer."), LAYER("1", "encoder.layer."), { "pooler.dense.weight", 64, 64 }, { "pooler.dense.bias", 64, 0 } };
    static const struct named ranks[] = { OUTSIDE("roberta.embeddings."), LAYER("0", "roberta.encoder.layer."), LAYER("1", "roberta.encoder.layer."), { "classifier.dense.weight", 64, 64 },
                                          { "classifier.dense.bias", 64, 0 }, { "classifier.out_proj.weight", 1, 64 }, { "classifier.out_proj.bias", 1, 0 } };
    static const struct { const char *architecture; const struct named *t; size_t n; } cases[] = {
        { "XLMRobertaModel", plain, BT_LEN(plain) }, { "XLMRobertaForSequenceClassification", ranks, BT_LEN(ranks) },
    };
    struct bt_gpu card = card_of(22.05, 8);
    for (size_t i = 0; i < BT_LEN(cases); i++) {
        bt_auto_arena a = { 0 };
        struct bt_err err = { 0 };
        char dir[] = "/tmp/berth-pooling-XXXXXX";
        assert_non_null(mkdtemp(dir));
        const char *config = bt_arena_printf(&a, "{\"architectures\": [\"%s\"], \"num_hidden_layers\": 2, \"hidden_size\": 64, \"intermediate_size\": 256, \"num_attention_heads\": 4, "
                                             "\"vocab_size\": 1000, \"max_position_embeddings\": 130, \"type_vocab_size\": 1, \"num_labels\": 1, \"torch_dtype\": \"float32\"}", cases[i].architecture);
        struct bt_model derived = { .id = "derived", .source = BT_MODEL_CONFIG };
        write_folder(&a, dir, config, cases[i].t, cases[i].n);
        const struct bt_model *files = model_of(&a, dir);
        assert_int_equal(files->source, BT_MODEL_HEADERS);
        assert_null(files->guessed);
        assert_int_equal(bt_model_config(&a, "config.json", bt_str(config), &derived, &err), 0);
        assert_int_equal(bt_model_derive(&a, &derived, &err), 0);
        assert_int_equal(files->parameters, derived.parameters);
        for (uint64_t tp = 1; tp <= 2; tp++) {
            struct bt_need *x = need_of(&a, files, "0.32.0", (struct bt_serve){ .tp = tp }, &card), *y = need_of(&a, &derived, "0.32.0", (struct bt_serve){ .tp = tp }, &card);
            uint64_t of_files = part_of(&x->rank[0], BT_P_WEIGHTS), of_config = part_of(&y->rank[0], BT_P_WEIGHTS);
            if (of_files + 16 * KiB < of_config || of_config + 16 * KiB < of_files)                    /* blocks of 512 B */
                fail_msg("%s, TP %llu: %llu B from the files' names, %llu B from the config", cases[i].architecture, (unsigned long long)tp, (unsigned long long)of_files, (unsigned long long)of_config);
        }
        FILE *f = fopen(bt_arena_printf(&a, "%s/sentence_bert_config.json", dir), "w");               /* as sentence-transformers writes it: the engine takes its length */
        assert_non_null(f);
        fputs("{\"max_seq_length\": 77, \"do_lower_case\": false}", f);
        fclose(f);
        assert_int_equal(files->max_position, 128);
        assert_int_equal(model_of(&a, dir)->max_position, 77);
        unlink(bt_arena_printf(&a, "%s/sentence_bert_config.json", dir));
        unlink(bt_arena_printf(&a, "%s/config.json", dir));
        unlink(bt_arena_printf(&a, "%s/model.safetensors", dir));
        rmdir(dir);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(encoders_have_the_published_numbers), cmocka_unit_test(an_encoder_keeps_nothing), cmocka_unit_test(a_decoder_pools_when_it_is_told_to),
        cmocka_unit_test(pooling_classes_are_found_by_their_stem), cmocka_unit_test(the_files_names_say_the_same_as_the_config),
    };
    return cmocka_run_group_tests(tests, no_cache, NULL);
}

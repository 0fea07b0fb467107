/* model_gguf.c - GGUF headers: the type table, metadata of real layouts, split files, and every way a file can be broken. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "base/file.h"
#include "gguf_make.h"

static const struct gm_shape tiny = { "llama", "Q4_K", 2, 256, 512, 4, 2, 64, 300, 2048, false };

struct memory { const char *p; uint64_t n; };
static int read_memory(void *ctx, uint64_t at, void *to, size_t n, struct bt_err *err)
{
    const struct memory *m = ctx;
    (void)err;
    memset(to, 0, n);                /* the data, of which a test keeps none */
    if (at < m->n)
        memcpy(to, m->p + at, (size_t)BT_MIN((uint64_t)n, m->n - at));
    return 0;
}

static int parse(struct bt_arena *a, const struct bt_buf *b, uint64_t size, struct bt_gguf_file *f, struct bt_err *err)
{
    struct memory m = { b->p, b->n };
    struct bt_gguf_in in = { &m, size, read_memory };
    return bt_gguf_parse(a, "x.gguf", &in, f, err);
}

/* Make the tiny model with one change, and expect it to be refused with `why` in the message. */
static void refused(struct gguf_make *g, uint64_t data, const char *why)
{
    bt_auto_arena a = { 0 };
    bt_auto_buf struct bt_buf b = BT_BUF(4 * MiB);
    struct bt_gguf_file f;
    struct bt_err err = { 0 };
    gm_file(g, &b, data);
    if (parse(&a, &b, b.n, &f, &err) == 0)
        fail_msg("accepted, wanted: %s", why);
    if (!strstr(err.msg, why))
        fail_msg("\"%s\" does not say \"%s\"", err.msg, why);
    assert_non_null(strstr(err.msg, "x.gguf"));
}

static struct bt_model *model_of(struct bt_arena *a, struct gguf_make *g)
{
    bt_auto_buf struct bt_buf b = BT_BUF(16 * MiB);
    struct bt_gguf_file f;
    struct bt_err err = { 0 };
    struct bt_model *m = BT_NEW(a, struct bt_model);
    uint64_t data = g->data;
    gm_file(g, &b, 0);
    if (parse(a, &b, b.n + data, &f, &err) < 0)
        fail_msg("%s", err.msg);
    m->tensors = f.tensors;
    m->ntensors = f.ntensors;
    if (bt_gguf_model(a, "x.gguf", &f, m, &err) < 0)
        fail_msg("%s", err.msg);
    return m;
}

/* ---- types ---- */

static void every_type_of_the_table(void **st)
{
    (void)st;
    /* ids and sizes as ggml 0.25.3 prints them; the removed ids have no row */
    static const struct { const char *name; unsigned id, block, bytes; } want[] = {
        { "F32", 0, 1, 4 }, { "F16", 1, 1, 2 }, { "Q4_0", 2, 32, 18 }, { "Q4_1", 3, 32, 20 }, { "Q5_0", 6, 32, 22 }, { "Q5_1", 7, 32, 24 }, { "Q8_0", 8, 32, 34 },
        { "Q8_1", 9, 32, 36 }, { "Q2_K", 10, 256, 84 }, { "Q3_K", 11, 256, 110 }, { "Q4_K", 12, 256, 144 }, { "Q5_K", 13, 256, 176 }, { "Q6_K", 14, 256, 210 },
        { "Q8_K", 15, 256, 292 }, { "IQ2_XXS", 16, 256, 66 }, { "IQ2_XS", 17, 256, 74 }, { "IQ3_XXS", 18, 256, 98 }, { "IQ1_S", 19, 256, 50 },
        { "IQ4_NL", 20, 32, 18 }, { "IQ3_S", 21, 256, 110 }, { "IQ2_S", 22, 256, 82 }, { "IQ4_XS", 23, 256, 136 }, { "I8", 24, 1, 1 }, { "I16", 25, 1, 2 },
        { "I32", 26, 1, 4 }, { "I64", 27, 1, 8 }, { "F64", 28, 1, 8 }, { "IQ1_M", 29, 256, 56 }, { "BF16", 30, 1, 2 }, { "TQ1_0", 34, 256, 54 },
        { "TQ2_0", 35, 256, 66 }, { "MXFP4", 39, 32, 17 }, { "NVFP4", 40, 64, 36 }, { "Q1_0", 41, 128, 18 }, { "Q2_0", 42, 64, 18 },
    };
    static const unsigned removed[] = { 4, 5, 31, 32, 33, 36, 37, 38, 43, 255 };
    const struct bt_ggml_type *table;
    assert_int_equal(bt_ggml_types(&table), BT_LEN(want));
    for (size_t i = 0; i < BT_LEN(want); i++) {
        const struct bt_ggml_type *t = bt_ggml_type(want[i].id);
        assert_non_null(t);
        assert_ptr_equal(t, &table[i]);
        assert_string_equal(t->name, want[i].name);
        assert_int_equal(t->block, want[i].block);
        assert_int_equal(t->bytes, want[i].bytes);
        assert_ptr_equal(bt_ggml_type_named(want[i].name), t);
    }
    for (size_t i = 0; i < BT_LEN(removed); i++)
        assert_null(bt_ggml_type(removed[i]));
    uint64_t row;
    assert_true(bt_ggml_row_bytes(bt_ggml_type(12), 4096, &row));
    assert_int_equal(row, 4096 / 256 * 144);
    assert_false(bt_ggml_row_bytes(bt_ggml_type(12), 100, &row));
    assert_false(bt_ggml_row_bytes(bt_ggml_type(28), UINT64_MAX, &row));
}

static void tensor_bytes_of_each_type(void **st)
{
    (void)st;
    const struct bt_ggml_type *table;
    size_t n = bt_ggml_types(&table);
    for (size_t i = 0; i < n; i++) {
        bt_auto_arena a = { 0 };
        bt_auto_buf struct bt_buf b = BT_BUF(MiB);
        struct gguf_make g = GGUF_MAKE;
        struct bt_gguf_file f;
        struct bt_err err = { 0 };
        gm_tensor(&g, "t", table[i].name, 512, 3);
        gm_file(&g, &b, g.data);
        assert_int_equal(parse(&a, &b, b.n, &f, &err), 0);
        assert_int_equal(f.tensors[0].bytes, 512 / table[i].block * table[i].bytes * 3);
        assert_int_equal(f.tensors[0].shape[0], 3);
        assert_int_equal(f.tensors[0].shape[1], 512);
        assert_int_equal(f.tensors[0].dtype, table[i].plain);
    }
}

/* ---- models ---- */

static void a_plain_model(void **st)
{
    (void)st;
    bt_auto_arena a = { 0 };
    struct gguf_make g = GGUF_MAKE;
    gm_llama(&g, &tiny);
    struct bt_model *m = model_of(&a, &g);
    assert_string_equal(m->architecture, "llama");
    assert_int_equal(m->layers, 2);
    assert_int_equal(m->hidden, 256);
    assert_int_equal(m->vocab, 300);
    assert_int_equal(m->max_position, 2048);
    assert_int_equal(m->layer[1].kv_heads, 2);
    assert_int_equal(m->layer[1].head_dim, 64);
    assert_string_equal(m->quantization, "Q4_K");
    assert_true(m->gguf->own_output && !m->tied);
    uint64_t q4k = 300 * 144 * 2 + 2 * (256 * 144 + 128 * 144 * 2 + 256 * 144 + 512 * 144 * 2 + 256 * 2 * 144);
    assert_int_equal(m->weight_bytes, q4k + (2 * 2 + 1) * 256 * 4);
}

static void layers_of_their_own_kind(void **st)
{
    (void)st;
    bt_auto_arena a = { 0 };
    static const uint32_t kv[] = { 2, 0, 4, 0 }, ff[] = { 512, 0, 512, 256 };
    struct gguf_make g = GGUF_MAKE;
    gm_str(&g, "general.architecture", "nemotron_h");
    gm_u32(&g, "nemotron_h.block_count", 4);
    gm_u32(&g, "nemotron_h.embedding_length", 256);
    gm_u32(&g, "nemotron_h.attention.head_count", 4);
    gm_u32s(&g, "nemotron_h.attention.head_count_kv", kv, 4);
    gm_u32s(&g, "nemotron_h.feed_forward_length", ff, 4);
    gm_u32(&g, "nemotron_h.ssm.conv_kernel", 4);
    gm_u32(&g, "nemotron_h.ssm.inner_size", 512);
    gm_u32(&g, "nemotron_h.ssm.state_size", 128);
    gm_u32(&g, "nemotron_h.ssm.group_count", 8);
    gm_tensor(&g, "token_embd.weight", "F16", 256, 10);
    struct bt_model *m = model_of(&a, &g);
    const struct bt_gguf_layer *l = m->gguf->layer;
    assert_true(!l[0].recurrent && l[1].recurrent && !l[2].recurrent && !l[3].recurrent);
    assert_int_equal(l[2].kv_heads, 4);
    assert_int_equal(l[0].k_dim, 64);
    assert_int_equal(m->gguf->conv_state, 3 * (512 + 2 * 8 * 128));
    assert_int_equal(m->gguf->ssm_state, 128 * 512);
    assert_null(m->quantization);
    assert_true(m->tied);
}

static void count_sliding(const char *arch, uint32_t layers, int64_t key, size_t want, bool guessed)
{
    bt_auto_arena a = { 0 };
    struct gguf_make g = GGUF_MAKE;
    struct gm_shape s = tiny;
    s.arch = arch;
    s.layers = layers;
    gm_llama(&g, &s);
    char name[80];
    snprintf(name, sizeof name, "%s.attention.sliding_window", arch);
    gm_u32(&g, name, 128);
    if (key >= 0) {
        snprintf(name, sizeof name, "%s.attention.sliding_window_pattern", arch);
        gm_u32(&g, name, (uint32_t)key);
    }
    const struct bt_gguf *gg = model_of(&a, &g)->gguf;
    size_t n = 0;
    for (uint32_t i = 0; i < gg->layers; i++)
        n += gg->layer[i].sliding;
    if (n != want || gg->window_guessed != guessed)
        fail_msg("%s: %zu sliding layers, guessed %d", arch, n, gg->window_guessed);
}

static void windows_by_architecture(void **st)
{
    (void)st;
    count_sliding("gemma3", 12, -1, 10, false);
    count_sliding("gemma2", 12, -1, 6, false);
    count_sliding("gpt-oss", 12, -1, 6, false);
    count_sliding("cohere2", 12, -1, 9, false);
    count_sliding("cohere2", 12, 3, 8, false);       /* the file's own pattern wins */
    count_sliding("smallthinker", 12, -1, 9, false);
    count_sliding("exaone4", 12, -1, 0, false);      /* only the 64-layer one slides */
    count_sliding("llama", 12, -1, 0, false);        /* Mistral files carry a window that llama.cpp does not use */
    count_sliding("anewone", 12, -1, 0, true);       /* not known which: all whole, and said */
    count_sliding("anewone", 12, 0, 12, false);
}

static void mla_and_draft_layers(void **st)
{
    (void)st;
    bt_auto_arena a = { 0 };
    struct gguf_make g = GGUF_MAKE;
    gm_str(&g, "general.architecture", "deepseek2");
    static const struct { const char *key; uint32_t v; } keys[] = {
        { "deepseek2.block_count", 4 }, { "deepseek2.embedding_length", 256 }, { "deepseek2.attention.head_count", 8 }, { "deepseek2.attention.head_count_kv", 1 },
        { "deepseek2.attention.key_length", 576 }, { "deepseek2.attention.value_length", 512 }, { "deepseek2.attention.key_length_mla", 192 },
        { "deepseek2.attention.value_length_mla", 128 }, { "deepseek2.attention.kv_lora_rank", 512 }, { "deepseek2.rope.dimension_count", 64 },
        { "deepseek2.nextn_predict_layers", 1 }, { "deepseek2.expert_count", 16 }, { "deepseek2.expert_used_count", 4 }, { "deepseek2.expert_feed_forward_length", 128 },
    };
    for (size_t i = 0; i < BT_LEN(keys); i++)
        gm_u32(&g, keys[i].key, keys[i].v);
    gm_tensor(&g, "token_embd.weight", "Q8_0", 256, 10);
    struct bt_model *m = model_of(&a, &g);
    assert_true(m->gguf->mla);
    assert_int_equal(m->gguf->mla_rank + m->gguf->mla_rope, 576);
    assert_int_equal(m->layers, 3);
    assert_true(m->gguf->layer[3].nextn && !m->gguf->layer[2].nextn);
    assert_int_equal(m->gguf->expert_intermediate, 128);
}

/* ---- broken ---- */

static void torn_anywhere(void **st)
{
    (void)st;
    bt_auto_arena a = { 0 };
    bt_auto_buf struct bt_buf b = BT_BUF(4 * MiB);
    struct gguf_make g = GGUF_MAKE;
    gm_llama(&g, &tiny);
    uint64_t data = g.data;
    gm_file(&g, &b, 0);
    for (uint64_t size = 0; size < b.n + data - 32; size += size < b.n ? 7 : 4001) {     /* the last tensor's padding may be missing */
        struct bt_gguf_file f;
        struct bt_err err = { 0 };
        bt_auto_buf struct bt_buf part = BT_BUF(4 * MiB);
        bt_buf_add(&part, b.p, (size_t)BT_MIN(size, b.n));
        if (parse(&a, &part, size, &f, &err) == 0)
            fail_msg("accepted with %llu of %llu bytes", (unsigned long long)size, (unsigned long long)(b.n + data));
        assert_int_equal(err.code, BT_E_INPUT);
        bt_arena_release(&a);
    }
}

static void hostile_counts(void **st)
{
    (void)st;
    static const struct { int at; uint64_t v; const char *why; } lies[] = {
        { 8, (uint64_t)1 << 63, "9223372036854775808 tensors" }, { 8, 100000, "100000 tensors" }, { 16, UINT64_MAX, "18446744073709551615 keys" },
        { 16, (uint64_t)1 << 63, "keys" }, { 24, (uint64_t)1 << 62, "a length of 4611686018427387904" }, { 24, 1 << 20, "truncated" },
    };
    for (size_t i = 0; i < BT_LEN(lies); i++) {
        bt_auto_arena a = { 0 };
        bt_auto_buf struct bt_buf b = BT_BUF(4 * MiB);
        struct gguf_make g = GGUF_MAKE;
        struct bt_gguf_file f;
        struct bt_err err = { 0 };
        gm_llama(&g, &tiny);
        gm_file(&g, &b, g.data);
        for (int k = 0; k < 8; k++)
            b.p[lies[i].at + k] = (char)(lies[i].v >> (8 * k));
        assert_int_equal(parse(&a, &b, b.n, &f, &err), -1);
        if (!strstr(err.msg, lies[i].why))
            fail_msg("\"%s\" does not say \"%s\"", err.msg, lies[i].why);
    }
}

static void wrong_tensors(void **st)
{
    (void)st;
    struct gguf_make twice = GGUF_MAKE, hole = GGUF_MAKE, block = GGUF_MAKE, huge = GGUF_MAKE, wide = GGUF_MAKE;
    gm_tensor(&twice, "a", "F32", 8, 0);
    gm_tensor(&twice, "a", "F32", 8, 0);
    refused(&twice, 64, "tensor a is in it twice");
    gm_tensor(&hole, "a", "F32", 8, 0);
    gm_tensor_at(&hole, "b", "F32", 8, 0, 32);
    refused(&hole, 128, "tensor b: offset 64, expected 32");
    gm_tensor(&block, "a", "Q4_K", 100, 2);
    refused(&block, 4096, "rows of 100 elements, Q4_K has blocks of 256");
    gm_tensor(&huge, "a", "F32", (uint64_t)1 << 62, 1);
    refused(&huge, 64, "more bytes than a machine can count");
    gm_tensor(&wide, "a", "F32", (uint64_t)1 << 40, (uint64_t)1 << 40);
    refused(&wide, 64, "more bytes than a machine can count");
}

static void wrong_keys(void **st)
{
    (void)st;
    struct gguf_make twice = GGUF_MAKE, align = GGUF_MAKE, old = GGUF_MAKE, big = GGUF_MAKE, none = GGUF_MAKE;
    gm_u32(&twice, "a.b", 1);
    gm_u32(&twice, "a.b", 1);
    refused(&twice, 0, "key a.b is in it twice");
    gm_u32(&align, "general.alignment", 48);
    refused(&align, 0, "general.alignment is not a power of two");
    old.version = 1;
    refused(&old, 0, "GGUF version 1");
    big.version = 3u << 24;
    refused(&big, 0, "big-endian");
    gm_str(&none, "", "x");
    refused(&none, 0, "a key without a name");
}

static void not_gguf_at_all(void **st)
{
    (void)st;
    static const struct { const char *text, *why; } files[] = {
        { "", "truncated" }, { "GG", "truncated" }, { "GGUF", "truncated" }, { "{\"a\": 1} and some more text", "does not begin with GGUF" },
        { "version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "Git LFS pointer" },
    };
    for (size_t i = 0; i < BT_LEN(files); i++) {
        bt_auto_arena a = { 0 };
        bt_auto_buf struct bt_buf b = BT_BUF(KiB);
        struct bt_gguf_file f;
        struct bt_err err = { 0 };
        bt_buf_puts(&b, files[i].text);
        assert_int_equal(parse(&a, &b, b.n, &f, &err), -1);
        if (!strstr(err.msg, files[i].why))
            fail_msg("\"%s\" does not say \"%s\"", err.msg, files[i].why);
    }
}

static void metadata_that_makes_no_sense(void **st)
{
    (void)st;
    static const struct { const char *key; uint32_t v; const char *why; } bad[] = {
        { "llama.block_count", 0, "block_count: missing or 0" }, { "llama.block_count", 100000, "outside 0 to 512" }, { "llama.embedding_length", 0, "embedding_length" },
        { "llama.nextn_predict_layers", 2, "not fewer than block_count" },
    };
    for (size_t i = 0; i < BT_LEN(bad); i++) {
        bt_auto_arena a = { 0 };
        bt_auto_buf struct bt_buf b = BT_BUF(MiB);
        struct gguf_make g = GGUF_MAKE;
        struct bt_gguf_file f;
        struct bt_err err = { 0 };
        struct bt_model m = { 0 };
        gm_str(&g, "general.architecture", "llama");
        if (strcmp(bad[i].key, "llama.block_count"))
            gm_u32(&g, "llama.block_count", 2);
        if (strcmp(bad[i].key, "llama.embedding_length"))
            gm_u32(&g, "llama.embedding_length", 256);
        gm_u32(&g, bad[i].key, bad[i].v);
        gm_file(&g, &b, 0);
        assert_int_equal(parse(&a, &b, b.n, &f, &err), 0);
        assert_int_equal(bt_gguf_model(&a, "x.gguf", &f, &m, &err), -1);
        if (!strstr(err.msg, bad[i].why))
            fail_msg("\"%s\" does not say \"%s\"", err.msg, bad[i].why);
    }
}

/* ---- files ---- */

static char folder[64];

static int make_folder(void **st)
{
    (void)st;
    strcpy(folder, "/tmp/berth-gguf-XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **st)
{
    (void)st;
    struct bt_err err = { 0 };
    return bt_tree_remove(folder, &err);
}

static const char *put(struct bt_arena *a, const char *name, struct gguf_make *g, uint64_t data)
{
    bt_auto_buf struct bt_buf b = BT_BUF(4 * MiB);
    struct bt_err err = { 0 };
    const char *path = bt_arena_printf(a, "%s/%s", folder, name);
    gm_file(g, &b, data);
    assert_int_equal(bt_file_write(path, (struct bt_str){ b.p, b.n }, &err), 0);
    return path;
}

static void split_part(struct gguf_make *g, unsigned no, unsigned of, int32_t tensors)
{
    gm_u16(g, "split.no", (uint16_t)no);
    gm_u16(g, "split.count", (uint16_t)of);
    gm_i32(g, "split.tensors.count", tensors);
}

static void split_files(void **st)
{
    (void)st;
    bt_auto_arena a = { 0 };
    struct gguf_make one = GGUF_MAKE, two = GGUF_MAKE, lie = GGUF_MAKE;
    struct bt_err err = { 0 };
    struct bt_model *m;
    gm_llama(&one, &tiny);
    split_part(&one, 0, 2, (int32_t)one.ntensors + 1);
    size_t first = one.ntensors;
    const char *path = put(&a, "m-00001-of-00002.gguf", &one, one.data);
    assert_int_equal(bt_model_open(&a, path, &m, &err), -1);
    assert_non_null(strstr(err.msg, "file 2 of 2 of the split model is not there"));
    gm_tensor(&two, "extra.weight", "F16", 64, 2);
    split_part(&two, 1, 2, (int32_t)first + 1);
    const char *second = put(&a, "m-00002-of-00002.gguf", &two, 256);
    assert_int_equal(bt_model_open(&a, path, &m, &err), 0);
    assert_int_equal(m->ntensors, first + 1);
    assert_int_equal(m->shards, 2);
    assert_int_equal(bt_model_open(&a, second, &m, &err), -1);
    assert_non_null(strstr(err.msg, "not the first"));
    assert_non_null(strstr(err.hint, "-00001-of-00002.gguf"));
    gm_tensor(&lie, "token_embd.weight", "F16", 64, 2);
    split_part(&lie, 1, 2, (int32_t)first + 1);
    put(&a, "m-00002-of-00002.gguf", &lie, 256);
    assert_int_equal(bt_model_open(&a, path, &m, &err), -1);
    assert_non_null(strstr(err.msg, "token_embd.weight is in two of the split files"));
    /* the folder stands for its only model */
    assert_int_equal(bt_model_open(&a, folder, &m, &err), -1);
    assert_non_null(strstr(err.msg, "split files"));
    struct gguf_make other = GGUF_MAKE;
    gm_llama(&other, &tiny);
    put(&a, "other.gguf", &other, other.data);
    assert_int_equal(bt_model_open(&a, folder, &m, &err), -1);
    assert_non_null(strstr(err.msg, "holds 2 GGUF models"));
    assert_int_equal(bt_model_open(&a, "/tmp/no-such.gguf", &m, &err), -1);
    assert_int_equal(err.code, BT_E_NOT_FOUND);
}

static void split_names(void **st)
{
    (void)st;
    uint32_t no, of;
    assert_int_equal(bt_gguf_split_name("a/m-00002-of-00007.gguf", &no, &of), 3);
    assert_int_equal(no, 2);
    assert_int_equal(of, 7);
    static const char *const not_split[] = { "m.gguf", "m-00001-of-0002.gguf", "-00001-of-00002.gguf", "m-00003-of-00002.gguf", "m-00000-of-00002.gguf" };
    for (size_t i = 0; i < BT_LEN(not_split); i++)
        assert_int_equal(bt_gguf_split_name(not_split[i], &no, &of), 0);
}

/* Files on the hub, in GB: the names alone give their tensors, tokenizers and tables come on top (6 to 9 MB). */
static void names_weigh_what_their_files_do(void **st)
{
    (void)st;
    static const struct { const char *name; double gb; } cases[] = {
        { "bartowski/Meta-Llama-3.1-8B-Instruct-GGUF:Q4_K_M", 4.92073 }, { "bartowski/Meta-Llama-3.1-8B-Instruct-GGUF:Q5_K_M", 5.73299 }, { "bartowski/Meta-Llama-3.1-8B-Instruct-GGUF:Q6_K", 6.59601 },
        { "bartowski/Meta-Llama-3.1-8B-Instruct-GGUF:Q8_0", 8.54077 }, { "bartowski/Meta-Llama-3.1-8B-Instruct-GGUF:Q3_K_M", 4.01892 }, { "bartowski/Meta-Llama-3.1-8B-Instruct-GGUF:Q3_K_L", 4.32196 },
        { "bartowski/Meta-Llama-3.1-8B-Instruct-GGUF:Q4_K_S", 4.69267 }, { "bartowski/Meta-Llama-3.1-8B-Instruct-GGUF:Q2_K", 3.17913 }, { "Qwen/Qwen3-8B-GGUF:q4_k_m", 5.02778 },
        { "Qwen/Qwen3-8B-GGUF:Q8_0", 8.70952 }, { "unsloth/Qwen3-8B-GGUF", 5.02778 }, { "Qwen/Qwen3-4B-GGUF:Q4_K_M", 2.49728 }, { "Qwen/Qwen2.5-7B-Instruct-GGUF:Q4_K_M", 4.68307 },
        { "unsloth/Qwen3-30B-A3B-GGUF:Q4_K_M", 18.5567 }, { "bartowski/Llama-3.3-70B-Instruct-GGUF:Q4_K_M", 42.5204 }, { "unsloth/gemma-3-12b-it-GGUF:Q4_K_M", 7.30058 },
        { "bartowski/Meta-Llama-3.1-8B-Instruct-GGUF/Meta-Llama-3.1-8B-Instruct-Q4_K_M.gguf", 4.92073 },
    };
    setenv("HF_HUB_CACHE", "/nonexistent", 1);
    for (size_t i = 0; i < BT_LEN(cases); i++) {
        bt_auto_arena a = { 0 };
        struct bt_model *m = NULL;
        struct bt_err err = { 0 };
        if (bt_model_open(&a, cases[i].name, &m, &err) < 0)
            fail_msg("%s: %s", cases[i].name, err.msg);
        double less = cases[i].gb - (double)m->weight_bytes / 1e9;
        if (less < 0.004 || less > 0.016)
            fail_msg("%s: %.4f GB of tensors, a file of %.4f", cases[i].name, (double)m->weight_bytes / 1e9, cases[i].gb);
        assert_true(m->gguf && !m->file && m->guessed && m->source == BT_MODEL_CATALOG);
        assert_int_equal(m->gguf->layers, m->layers);
    }
    bt_auto_arena a = { 0 };
    struct bt_model *m = NULL;
    struct bt_err err = { 0 };
    assert_int_equal(bt_model_open(&a, "ggml-org/gpt-oss-20b-GGUF", &m, &err), 0);       /* experts in MXFP4, the rest in 8 bits: 12.1096 GB */
    assert_true(m->weight_bytes > 12.05e9 && m->weight_bytes < 12.15e9);
}

static void names_whose_types_are_not_known_say_what_to_give(void **st)
{
    (void)st;
    static const struct { const char *name, *msg, *hint; } cases[] = {
        { "unsloth/Qwen3-8B-GGUF:IQ9_Z", "does not know which type", "Q4_K_M" }, { "unsloth/DeepSeek-R1-GGUF:Q4_K_M", "known only from its file", ".gguf file" },
        { "unsloth/Qwen3-8B-GGUF/Qwen3-8B-odd.gguf", "does not know which type", "Q4_K_M" }, { "acme/Nope-GGUF:Q4_K_M", "no built-in shape", "folder" },
        { "unsloth/Qwen3-8B-GGUF:", NULL, NULL }, { "x/-GGUF:Q8_0", "", "" }, { "-GGUF", "", "" },
    };
    for (size_t i = 0; i < BT_LEN(cases); i++) {
        bt_auto_arena a = { 0 };
        struct bt_model *m = NULL;
        struct bt_err err = { 0 };
        int rc = bt_model_open(&a, cases[i].name, &m, &err);
        if (!cases[i].msg) {
            assert_int_equal(rc, 0);
            continue;
        }
        assert_int_equal(rc, -1);
        assert_int_equal(err.code, BT_E_NOT_FOUND);
        if (!strstr(err.msg, cases[i].msg) || !strstr(err.hint, cases[i].hint))
            fail_msg("%s: %s; %s", cases[i].name, err.msg, err.hint);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_type_of_the_table), cmocka_unit_test(tensor_bytes_of_each_type), cmocka_unit_test(a_plain_model),
        cmocka_unit_test(layers_of_their_own_kind), cmocka_unit_test(windows_by_architecture), cmocka_unit_test(mla_and_draft_layers),
        cmocka_unit_test(names_weigh_what_their_files_do), cmocka_unit_test(names_whose_types_are_not_known_say_what_to_give),
        cmocka_unit_test(torn_anywhere), cmocka_unit_test(hostile_counts), cmocka_unit_test(wrong_tensors), cmocka_unit_test(wrong_keys),
        cmocka_unit_test(not_gguf_at_all), cmocka_unit_test(metadata_that_makes_no_sense), cmocka_unit_test_setup_teardown(split_files, make_folder, remove_folder),
        cmocka_unit_test(split_names),
    };
    return cmocka_run_group_tests_name("model_gguf", tests, NULL, NULL);
}

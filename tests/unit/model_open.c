/* model_open.c - models on disk: folders, shards with an index, the Hugging Face cache, and what a broken download looks like. */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <cmocka.h>

#include "base/file.h"
#include "model/model.h"

static char root[] = "/tmp/berth-model-XXXXXX";
static struct bt_arena arena;

static const char *path(const char *name)
{
    return bt_arena_printf(&arena, "%s/%s", root, name);
}

static void put(const char *name, const void *data, size_t n)
{
    const char *p = path(name);
    for (char *slash = strchr(p + sizeof root, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = 0;
        mkdir(p, 0700);
        *slash = '/';
    }
    FILE *f = fopen(p, "w");
    assert_non_null(f);
    assert_int_equal(fwrite(data, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
}

static void put_text(const char *name, const char *text)
{
    put(name, text, strlen(text));
}

/* A safetensors file with this header, a length field that may lie, and data_bytes of zeros. */
static void put_tensors(const char *name, const char *header, uint64_t length, size_t data_bytes)
{
    size_t n = 8 + strlen(header) + data_bytes;
    unsigned char *file = bt_xcalloc(n, 1);
    for (int i = 0; i < 8; i++)
        file[i] = (unsigned char)(length >> (8 * i));
    memcpy(file + 8, header, strlen(header));
    put(name, file, n);
    free(file);
}

static void put_good(const char *name, const char *header, size_t data_bytes)
{
    put_tensors(name, header, strlen(header), data_bytes);
}

#define CONFIG "{\"architectures\": [\"LlamaForCausalLM\"], \"model_type\": \"llama\", \"num_hidden_layers\": 1, \"hidden_size\": 8, " \
    "\"intermediate_size\": 16, \"num_attention_heads\": 2, \"vocab_size\": 10, \"torch_dtype\": \"bfloat16\"}"
#define INDEX "model.safetensors.index.json"
#define A "{\"a\": {\"dtype\": \"BF16\", \"shape\": [2, 3], \"data_offsets\": [0, 12]}}"
#define B "{\"b\": {\"dtype\": \"F32\", \"shape\": [4], \"data_offsets\": [0, 16]}}"

static struct bt_model *opened(const char *ref)
{
    struct bt_err err = { 0 };
    struct bt_model *m;
    if (bt_model_open(&arena, ref, &m, &err) < 0)
        fail_msg("%s: %s", ref, err.msg);
    return m;
}

static void refused(const char *ref, enum bt_errc code, const char *says)
{
    struct bt_err err = { 0 };
    struct bt_model *m;
    if (bt_model_open(&arena, ref, &m, &err) == 0)
        fail_msg("opened: %s", ref);
    if (!strstr(err.msg, says) || err.code != code)
        fail_msg("%s: %s \"%s\", want \"%s\"", ref, bt_errc_name(err.code), err.msg, says);
}

/* A class that nobody knows, and a config without one number that we know the name of. */
static void the_shape_is_read_from_the_tensors(void **st)
{
    (void)st;
    put_text("strange/config.json", "{\"architectures\": [\"StrangeForCausalLM\"], \"depth\": 2}");
    put_good("strange/model.safetensors",
             "{\"model.embed_tokens.weight\": {\"dtype\": \"BF16\", \"shape\": [10, 256], \"data_offsets\": [0, 5120]},"
             "\"model.layers.1.self_attn.q_proj.weight\": {\"dtype\": \"BF16\", \"shape\": [256, 256], \"data_offsets\": [5120, 136192]},"
             "\"model.layers.1.self_attn.k_proj.weight\": {\"dtype\": \"BF16\", \"shape\": [128, 256], \"data_offsets\": [136192, 201728]},"
             "\"model.layers.1.mlp.up_proj.weight\": {\"dtype\": \"BF16\", \"shape\": [20, 256], \"data_offsets\": [201728, 211968]}}", 211968);
    struct bt_model *m = opened(path("strange"));
    assert_true(m->layers == 2 && m->hidden == 256 && m->vocab == 10 && m->heads == 2 && m->kv_heads == 1 && m->head_dim == 128 && m->intermediate == 20);
    assert_int_equal(m->layer[1].kv_heads, 1);
    assert_non_null(strstr(m->guessed, "StrangeForCausalLM"));
    put_good("strange/model.safetensors", A, 12);    /* tensors that say nothing: weights alone, and that is said */
    m = opened(path("strange"));
    assert_true(m->kv_unknown && m->weight_bytes == 12 && m->layers == 1 && m->layer[0].mixer == BT_MIX_NONE);
    assert_non_null(strstr(m->guessed, "does not say how it attends: KV is not counted, activations in part; at least 12 B for weights"));
}

static void single_file(void **st)
{
    (void)st;
    put_text("one/config.json", CONFIG);
    put_good("one/model.safetensors", A, 12);
    struct bt_model *m = opened(path("one"));
    assert_int_equal(m->source, BT_MODEL_HEADERS);
    assert_true(m->ntensors == 1 && m->parameters == 6 && m->weight_bytes == 12 && m->shards == 1);
    assert_int_equal(m->file_bytes, 8 + strlen(A) + 12);
    assert_string_equal(m->dir, path("one"));
    assert_string_equal(m->id, path("one"));
    char before[33];
    memcpy(before, m->digest, sizeof before);
    assert_string_equal(opened(path("one"))->digest, before);        /* the same files, the same digest */
    put_good("one/model.safetensors", "{\"a\": {\"dtype\": \"BF16\", \"shape\": [3, 2], \"data_offsets\": [0, 12]}}", 12);
    assert_string_not_equal(opened(path("one"))->digest, before);
}

static void shards_with_index(void **st)
{
    (void)st;
    put_text("two/config.json", CONFIG);
    put_good("two/m-1.safetensors", A, 12);
    put_good("two/m-2.safetensors", B, 16);
    put_good("two/stray.safetensors", A, 12);                        /* not in the index: not part of the model */
    put_text("two/" INDEX, "{\"metadata\": {\"total_size\": 28}, \"weight_map\": {\"b\": \"m-2.safetensors\", \"a\": \"m-1.safetensors\"}}");
    struct bt_model *m = opened(path("two"));
    assert_true(m->ntensors == 2 && m->shards == 2 && m->parameters == 10 && m->weight_bytes == 28);
    assert_string_equal(m->tensors[0].name, "a");
}

static void config_alone(void **st)
{
    (void)st;
    put_text("bare/config.json", CONFIG);
    struct bt_model *m = opened(path("bare"));
    assert_int_equal(m->source, BT_MODEL_CONFIG);
    assert_string_equal(bt_model_source_name(m->source), "config");
    assert_true(m->ntensors == 12 && m->file_bytes == 0 && m->shards == 0 && m->weight_bytes == 2 * m->parameters);
}

static void lying_length(void **st)
{
    (void)st;
    static const struct { const char *says; uint64_t length; } cases[] = {
        { "header length 9223372036854775808", (uint64_t)1 << 63 }, { "header length 18446744073709551615", UINT64_MAX },
        { "header length 100000001", 100000001 }, { "truncated: header of 100000000 bytes", 100000000 }, { "truncated: header of 4096 bytes", 4096 },
        { "model.safetensors", 0 }, { "model.safetensors", 3 },
    };
    put_text("liar/config.json", CONFIG);
    for (size_t i = 0; i < BT_LEN(cases); i++) {
        put_tensors("liar/model.safetensors", A, cases[i].length, 12);
        refused(path("liar"), BT_E_INPUT, cases[i].says);
    }
    put("liar/model.safetensors", "", 0);
    refused(path("liar"), BT_E_INPUT, "truncated: 0 bytes");
    put("liar/model.safetensors", "1234567", 7);
    refused(path("liar"), BT_E_INPUT, "truncated: 7 bytes");
    put_good("liar/model.safetensors", A, 11);
    refused(path("liar"), BT_E_INPUT, "truncated: 12 bytes of tensors, the file has 11");
    put_good("liar/model.safetensors", "{}", 0);
    refused(path("liar"), BT_E_INPUT, "no tensors");
    unlink(path("liar/model.safetensors"));
    assert_int_equal(mkfifo(path("liar/model.safetensors"), 0600), 0);               /* must not hang */
    refused(path("liar"), BT_E_INPUT, "not a regular file");
}

static void every_cut_of_a_file_is_refused(void **st)
{
    (void)st;
    size_t whole = 8 + strlen(A) + 12;
    unsigned char file[256] = { (unsigned char)strlen(A) };
    memcpy(file + 8, A, strlen(A));
    put_text("cut/config.json", CONFIG);
    for (size_t n = 0; n < whole; n++) {
        put("cut/model.safetensors", file, n);
        refused(path("cut"), BT_E_INPUT, "truncated");
    }
    put("cut/model.safetensors", file, whole);
    assert_int_equal(opened(path("cut"))->ntensors, 1);
}

static void broken_indexes(void **st)
{
    (void)st;
    static const struct { const char *index, *says; } cases[] = {
        { "{\"weight_map\": {\"a\": \"m-1.safetensors\", \"b\": \"m-3.safetensors\"}}", "shard m-3.safetensors" },
        { "{\"weight_map\": {\"a\": \"m-1.safetensors\", \"b\": \"m-1.safetensors\"}}", "tensor b is said to be in m-1.safetensors" },
        { "{\"weight_map\": {\"a\": \"m-2.safetensors\", \"b\": \"m-1.safetensors\"}}", "is said to be in" },
        { "{\"weight_map\": {\"a\": \"m-1.safetensors\", \"c\": \"m-4.safetensors\"}}", "tensor a is in both m-1.safetensors and m-4.safetensors" },
        { "{\"weight_map\": {\"a\": \"../one/model.safetensors\"}}", "not a file name beside the index" },
        { "{\"weight_map\": {\"a\": \"/etc/passwd\"}}", "not a file name beside the index" },
        { "{\"weight_map\": {\"a\": \"..\"}}", "not a file name beside the index" },
        { "{\"weight_map\": {\"a\": \"\"}}", "not a file name beside the index" },
        { "{\"weight_map\": {\"a\": 7}}", "not a file name beside the index" },
        { "{\"weight_map\": {\"a\": \"x.bin\"}}", "not a file name beside the index" },
        { "{\"weight_map\": {}}", "weight_map" }, { "{}", "weight_map" }, { "{", INDEX }, { "", INDEX },
        { "{\"weight_map\": {\"a\": \"m-1.safetensors\", \"a\": \"m-2.safetensors\"}}", INDEX },
        { "{\"metadata\": {\"a\": 1, \"a\": 2}, \"weight_map\": {\"a\": \"m-1.safetensors\"}}", INDEX },
        { "{\"metadata\": {}, \"weight_map\": {\"a\": \"m-1.safetensors\"}, \"m\\u0065tadata\": 1}", "twice" },
        { "{\"weight_map\": {\"a\": \"m-1.safetensors\"}, \"weight_map\": {\"b\": \"m-2.safetensors\"}}", "twice" },
        { "{\"weight_map\": {\"a\": \"m-1.safetensors\", \"\\u0061\": \"m-1.safetensors\"}}", "tensor a is named twice" },
        { "{\"weight_map\": {\"a\": \"m-1.safetensors\"}} x", INDEX }, { "{\"weight_map\": {\"a\": \"m-1.safetensors\",}}", INDEX },
        { "{\"weight_map\": {\"a\": \"m-1.safetensors\"}", INDEX }, { "{\"weight_map\": {\"\xff\": \"m-1.safetensors\"}}", "UTF-8" },
        { "{\"weight_map\": {\"a\": \"m-1.safetensors\"}, \"x\": 01}", INDEX }, { "{\"weight_map\": {\"a\": \"m-1.safetensors\\u0000\"}}", INDEX },
        { "{\"weight_map\": []}", "weight_map" }, { "[]", INDEX },
        { "version https://git-lfs.github.com/spec/v1\n", "Git LFS" },
    };
    put_text("ix/config.json", CONFIG);
    put_good("ix/m-1.safetensors", A, 12);
    put_good("ix/m-2.safetensors", B, 16);
    put_good("ix/m-4.safetensors", "{\"a\": {\"dtype\": \"U8\", \"shape\": [2], \"data_offsets\": [0, 2]}, \"c\": {\"dtype\": \"U8\", \"shape\": [], \"data_offsets\": [2, 3]}}", 3);
    for (size_t i = 0; i < BT_LEN(cases); i++) {
        put_text("ix/" INDEX, cases[i].index);
        refused(path("ix"), BT_E_INPUT, cases[i].says);
    }
}

static void not_a_download(void **st)
{
    (void)st;
    put_text("lfs/config.json", CONFIG);
    put_text("lfs/model.safetensors", "version https://git-lfs.github.com/spec/v1\noid sha256:0123\nsize 5000000000\n");
    refused(path("lfs"), BT_E_INPUT, "Git LFS");
    put_text("gguf/model-q4.gguf", "GGUF");
    refused(path("gguf"), BT_E_INPUT, "truncated");
    refused(path("gguf/model-q4.gguf"), BT_E_INPUT, "truncated");
    put_text("empty/README.md", "x");
    refused(path("empty"), BT_E_INPUT, "no config.json");
    put_text("badconf/config.json", "{\"architectures\": [\"LlamaForCausalLM\"");
    refused(path("badconf"), BT_E_INPUT, "config.json");
    put("zero/config.json", "{\"a\": \"\0\"}", 10);
    refused(path("zero"), BT_E_INPUT, "config.json");
    refused(path("none"), BT_E_NOT_FOUND, "no folder");
    refused("", BT_E_SPEC, "no name");
}

static void consolidated_copies_are_left_out(void **st)
{
    (void)st;
    put_text("mi/config.json", CONFIG);
    put_good("mi/consolidated.safetensors", B, 16);
    assert_int_equal(opened(path("mi"))->parameters, 4);
    put_good("mi/model.safetensors", A, 12);
    assert_int_equal(opened(path("mi"))->parameters, 6);
}

#define COMMIT "0123456789abcdef0123456789abcdef01234567"
static void hugging_face_cache(void **st)
{
    (void)st;
    struct bt_err err = { 0 };
    struct bt_model *m;
    assert_int_equal(setenv("HF_HUB_CACHE", path("hub"), 1), 0);
    put_text("hub/models--acme--tiny/refs/main", COMMIT "\n");
    put_text("hub/models--acme--tiny/refs/refs/pr/1", COMMIT);
    put_text("hub/models--acme--tiny/snapshots/" COMMIT "/config.json", CONFIG);
    put_good("hub/models--acme--tiny/snapshots/" COMMIT "/model.safetensors", A, 12);
    m = opened("acme/tiny");
    assert_string_equal(m->dir, path("hub/models--acme--tiny/snapshots/" COMMIT));
    assert_string_equal(m->id, "acme/tiny");
    assert_int_equal(bt_model_open_revision(&arena, "acme/tiny", "refs/pr/1", &m, &err), 0);
    assert_int_equal(bt_model_open_revision(&arena, "acme/tiny", COMMIT, &m, &err), 0);
    assert_int_equal(bt_model_open_revision(&arena, "acme/tiny", "v2", &m, &err), -1);
    assert_int_equal(err.code, BT_E_NOT_FOUND);
    assert_non_null(strstr(err.msg, "v2"));
    assert_int_equal(bt_model_open_revision(&arena, "acme/tiny", "../../../etc", &m, &err), -1);
    assert_int_equal(err.code, BT_E_SPEC);
    put_text("hub/models--acme--evil/refs/main", "../../../one");    /* a ref that points out of the cache */
    refused("acme/evil", BT_E_NOT_FOUND, "no complete revision");
    put_text("hub/models--acme--part/refs/main", COMMIT);            /* an interrupted download */
    refused("acme/part", BT_E_NOT_FOUND, "no complete revision");
    refused("acme/other", BT_E_NOT_FOUND, path("hub"));
    refused("acme/../tiny", BT_E_NOT_FOUND, "no folder");
    put_text("home/hub/models--solo/refs/main", COMMIT);
    put_text("home/hub/models--solo/snapshots/" COMMIT "/config.json", CONFIG);
    unsetenv("HF_HUB_CACHE");
    assert_int_equal(setenv("HF_HOME", path("home"), 1), 0);
    assert_int_equal(opened("solo")->source, BT_MODEL_CONFIG);
    unsetenv("HF_HOME");
}

static void near_names_are_suggested(void **st)
{
    (void)st;
    struct bt_err err = { 0 };
    struct bt_model *m;
    assert_int_equal(setenv("HF_HUB_CACHE", path("nohub"), 1), 0);
    assert_int_equal(bt_model_open(&arena, "Qwen/Qwen2.5-32B-Instruc", &m, &err), -1);
    assert_non_null(strstr(err.hint, "Qwen/Qwen2.5-32B-Instruct"));
    unsetenv("HF_HUB_CACHE");
}

static int setup(void **st)
{
    (void)st;
    unsetenv("HF_HUB_CACHE");
    unsetenv("HUGGINGFACE_HUB_CACHE");
    unsetenv("HF_HOME");
    unsetenv("XDG_CACHE_HOME");
    return mkdtemp(root) && setenv("HOME", root, 1) == 0 ? 0 : -1;
}

static int teardown(void **st)
{
    (void)st;
    struct bt_err err = { 0 };
    int rc = bt_tree_remove(root, &err);
    bt_arena_release(&arena);
    return rc;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_shape_is_read_from_the_tensors), cmocka_unit_test(single_file), cmocka_unit_test(shards_with_index), cmocka_unit_test(config_alone), cmocka_unit_test(lying_length),
        cmocka_unit_test(every_cut_of_a_file_is_refused), cmocka_unit_test(broken_indexes), cmocka_unit_test(not_a_download),
        cmocka_unit_test(consolidated_copies_are_left_out), cmocka_unit_test(hugging_face_cache), cmocka_unit_test(near_names_are_suggested),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}

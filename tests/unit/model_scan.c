/* model_scan.c - the header parser against jansson: the same verdict and the same tensors for the fuzz corpus and for headers made here,
 * whole and broken. What is expected is worked out from jansson's tree, in the plainest way. */
#include <dirent.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#include "base/file.h"
#include "base/json.h"
#include "model/scan.h"
#include "model/model.h"

struct wanted { const char *name; enum bt_dtype dtype; size_t rank; uint64_t shape[6], begin, end; };

static bool size_value(const json_t *v, uint64_t *out)
{
    *out = (uint64_t)json_integer_value(v);
    return json_is_integer(v) && json_integer_value(v) >= 0;
}

static bool want_tensor(const char *name, const json_t *v, struct wanted *w)
{
    const json_t *shape = json_object_get(v, "shape"), *at = json_object_get(v, "data_offsets");
    uint64_t bits;
    *w = (struct wanted){ .name = name, .dtype = bt_dtype_parse(json_string_value(json_object_get(v, "dtype"))), .rank = json_array_size(shape) };
    bits = bt_dtype_bits(w->dtype);
    if (!bits || !json_is_array(shape) || w->rank > 6 || json_array_size(at) != 2)
        return false;
    uint64_t elements = 1;
    for (size_t i = 0; i < w->rank; i++)
        if (!size_value(json_array_get(shape, i), &w->shape[i]) || !bt_mul_u64(elements, w->shape[i], &elements))
            return false;
    return bt_mul_u64(elements, bits, &bits) && bits % 8 == 0 && size_value(json_array_get(at, 0), &w->begin) && size_value(json_array_get(at, 1), &w->end) &&
           w->end >= w->begin && w->end - w->begin == bits / 8;
}

static int by_place(const void *x, const void *y)
{
    const struct wanted *a = x, *b = y;
    if (a->begin != b->begin)
        return a->begin < b->begin ? -1 : 1;
    return a->end != b->end ? (a->end < b->end ? -1 : 1) : strcmp(a->name, b->name);
}

/* NULL: to be refused. */
static struct wanted *want(struct bt_arena *a, json_t *root, uint64_t data, size_t *n)
{
    struct wanted *w = BT_NEWN(a, struct wanted, json_object_size(root) + 1);
    const char *name;
    json_t *v;
    uint64_t at = 0;
    *n = 0;
    if (!root)
        return NULL;
    json_object_foreach(root, name, v) {
        if (strcmp(name, "__metadata__") != 0 && !want_tensor(name, v, &w[(*n)++]))
            return NULL;
    }
    qsort(w, *n, sizeof *w, by_place);
    for (size_t i = 0; i < *n; at = w[i++].end)
        if (w[i].begin != at)
            return NULL;
    return at == data ? w : NULL;
}

/* Returns whether it was accepted. */
static bool same(const char *what, struct bt_str text, uint64_t data)
{
    bt_auto_arena a = { 0 };
    struct bt_err unused = { 0 }, err = { 0 };
    struct bt_tensor *t = NULL;
    size_t nt = 0, nw;
    json_t *root = bt_json_load(text, 1 << 30, "x", &unused);
    const struct wanted *w = want(&a, root, data, &nw);
    if (text.n && memchr(text.p, 0, text.n))         /* jansson 2.14 loses a NUL byte behind a number; JSON has none */
        w = NULL;
    bool accepted = bt_safetensors_header(&a, "x", text, data, &t, &nt, &err) == 0;
    if (accepted != !!w)
        fail_msg("%s: %s, jansson: %s: %.*s", what, accepted ? "accepted" : err.msg, w ? "fine" : unused.msg, BT_STR(text));
    if (accepted && nt != nw)
        fail_msg("%s: %zu tensors, not %zu: %.*s", what, nt, nw, BT_STR(text));
    for (size_t i = 0; i < nt; i++)
        if (strcmp(t[i].name, w[i].name) != 0 || t[i].dtype != w[i].dtype || t[i].rank != w[i].rank || memcmp(t[i].shape, w[i].shape, sizeof w[i].shape) != 0 ||
            t[i].bytes != w[i].end - w[i].begin)
            fail_msg("%s: tensor %zu is not the same: %.*s", what, i, BT_STR(text));
    if (!accepted && (!err.msg[0] || err.code != BT_E_INPUT))
        fail_msg("%s: refused without a reason: %.*s", what, BT_STR(text));
    json_decref(root);
    return accepted;
}

/* ---- the fuzz corpus ---- */

static void the_corpus(void **st)
{
    (void)st;
    bt_auto_arena a = { 0 };
    struct bt_err err = { 0 };
    const char *source = getenv("BERTH_SOURCE_ROOT"), *dir = bt_arena_printf(&a, "%s/tests/fuzz/corpus/fuzz_safetensors", source ? source : ".");
    DIR *d = opendir(dir);
    size_t files = 0;
    assert_non_null(d);
    for (struct dirent *e; (e = readdir(d)); ) {
        struct bt_str text;
        uint64_t data = 0;
        if (e->d_name[0] == '.')
            continue;
        assert_int_equal(bt_file_read(&a, bt_arena_printf(&a, "%s/%s", dir, e->d_name), MiB, &text, &err), 0);
        for (size_t i = 8; text.n >= 8 && i-- > 0; )
            data = data << 8 | (unsigned char)text.p[i];
        if (text.n >= 8)
            same(e->d_name, (struct bt_str){ text.p + 8, text.n - 8 }, data);
        files++;
    }
    closedir(d);
    assert_true(files > 3);
}

/* ---- made here ---- */

static uint64_t state;

static uint64_t below(uint64_t n)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (state >> 11) % n;
}

/* What a broken writer, or a wicked one, puts into a header. */
static const char *const bits[] = {
    "\\u0000", "\\ud800", "\\udc00", "\\ud83d\\ude00", "\\u0061", "\\u00E9", "\\u12", "\\x", "\\/", "\\\"", "\\", "\"", ",", ":",
    "{", "}", "[", "]", "1e2", "-0", "-", "01", ".0",
    "99999999999999999999", "9223372036854775807", "9223372036854775808", "null", "true", "nul",
    "\xff", "\xc3\xa9", "\xed\xa0\x80", "\xc0\xaf", "\xf0\x9f\x98\x80",
    "\xf4\x90\x80\x80", "\xe0\x80\x80", "\n", "\t", "\r ", "\v", "\x01", "0", "7", ",\"x\":1,\"x\":2", ",\"x\":{\"y\":[1.5,{\"z\":1,\"z\":2}]}",
    ",\"x\":{\"y\":[1.5e3,{\"z\":1}]}",
    ",\"x\":[1e999]", ",\"x\":[}", ",\"x\":\"\\u0000\"", ",\"x\":truefalse", ",\"x\": 01",
    ",\"__metadata__\":{\"a\":\"b\"}", "\"__metadata__\":{\"a\":[\"b\",]},", "\"__metadata__\":{},",
    "\"b0\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]},", ",\"dtype\":\"U8\"", ",\"d\\u0074ype\":\"U8\"", "bfloat16",
};

static uint64_t make(struct bt_buf *b)
{
    static const char *const names[] = { "b", "model.layers.0.mlp.w", "\\u0062\\n", "\xc3\xa9", "", "a\\\\\\\"" };
    static const char *const gaps[] = { "", "", "", " ", "\n\t", "\r\n" };
    uint64_t at = 0;
    size_t n = below(5), order = below(2);
    bt_buf_puts(b, "{");
    for (size_t i = 0; i < n; i++) {
        uint64_t rows = below(4), columns = 1 + below(12), bytes = rows * columns * 2;
        const char *gap = gaps[below(BT_LEN(gaps))];
        bt_buf_printf(b, "%s%s\"%s%zu\"%s: {", i ? "," : "", gap, names[below(BT_LEN(names))], i, gap);
        if (order)
            bt_buf_printf(b, "\"data_offsets\":%s[%" PRIu64 ",%" PRIu64 "],\"shape\":[%" PRIu64 "%s,%" PRIu64 "],%s\"dtype\":\"BF16\"}",
                          gap, at, at + bytes, rows, gap, columns, gap);
        else
            bt_buf_printf(b, "\"dtype\":\"F16\",%s\"shape\":[%" PRIu64 ",%" PRIu64 "%s] ,\"data_offsets\":[%" PRIu64 ",%" PRIu64 "]}",
                          gap, rows, columns, gap, at, at + bytes);
        at += bytes;
    }
    bt_buf_printf(b, "}%s", gaps[below(BT_LEN(gaps))]);
    return at;
}

/* Take some bytes out and put others in. */
static void change(const struct bt_buf *from, struct bt_buf *to)
{
    size_t at = below(from->n + 1), out = below(3) ? 0 : below(BT_MIN(from->n - at, (size_t)9) + 1);
    const char *in = below(4) ? bits[below(BT_LEN(bits))] : "";
    bt_buf_add(to, from->p, at);
    bt_buf_puts(to, in);
    if (!below(60))
        bt_buf_add(to, "\0", 1);
    bt_buf_add(to, from->p + at + out, from->n - at - out);
}

static void made_and_broken(void **st)
{
    (void)st;
    size_t accepted = 0, refused = 0;
    state = 0x5eed;
    for (int i = 0; i < 40000; i++) {
        bt_auto_buf struct bt_buf whole = BT_BUF(64 * KiB), cut = BT_BUF(64 * KiB);
        uint64_t data = make(&whole);
        if (!same("whole", (struct bt_str){ whole.p, whole.n }, data))
            fail_msg("refused: %s", whole.p);
        change(&whole, &cut);
        bool ok = same("changed", (struct bt_str){ cut.p, cut.n }, data);
        accepted += ok;
        refused += !ok;
    }
    assert_true(accepted > 1000 && refused > 10000);
}

/* 64 levels are read and 65 are not, wherever they stand. */
static void depth(void **st)
{
    (void)st;
    static const struct { const char *before, *behind; size_t outside; } where[] = {
        { "{\"__metadata__\":", "}", 1 }, { "{\"a\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0],\"x\":", "}}", 2 },
    };
    for (size_t w = 0; w < BT_LEN(where); w++)
        for (size_t n = 62 - where[w].outside; n <= 66; n++) {
            bt_auto_buf struct bt_buf b = BT_BUF(KiB);
            bt_buf_puts(&b, where[w].before);
            for (size_t i = 0; i < n; i++)
                bt_buf_puts(&b, "[");
            for (size_t i = 0; i < n; i++)
                bt_buf_puts(&b, "]");
            bt_buf_puts(&b, where[w].behind);
            assert_int_equal(same("deep", (struct bt_str){ b.p, b.n }, 0), n + where[w].outside <= 64);
        }
}

/* Every name is found again, whatever its length, and none is taken for another. */
static void names(void **st)
{
    (void)st;
    bt_auto_arena a = { 0 };
    bt_auto_names t = { 0 };
    bool fresh;
    for (int round = 0; round < 2; round++)
        for (uint32_t i = 0; i < 5000; i++) {
            char text[64];
            int n = snprintf(text, sizeof text, "%.*s%u", (int)(i % 40), "model.layers.mlp.experts.down_proj.weight", i);
            struct bt_name *name = bt_names_get(&t, &a, (struct bt_str){ text, (size_t)n }, &fresh);
            assert_int_equal(fresh, round == 0);
            assert_int_equal(name - t.name, i);
            assert_string_equal(name->text, text);
        }
    assert_int_equal(t.n, 5000);
    bt_names_get(&t, &a, (struct bt_str){ "", 0 }, &fresh);
    assert_true(fresh);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(the_corpus), cmocka_unit_test(made_and_broken), cmocka_unit_test(depth), cmocka_unit_test(names) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

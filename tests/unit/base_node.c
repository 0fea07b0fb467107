/* base_node.c - YAML and JSON as a tree: values, marks, aliases, merges, bounds, and every refusal with its place. */
#include "base_test.h"

#include "base/node.h"

static const struct bt_node *parse(struct bt_arena *a, bool json, const char *text)
{
    struct bt_doc *doc = BT_NEW(a, struct bt_doc);
    struct bt_err e;
    if ((json ? bt_json_parse : bt_yaml_parse)(a, "t", bt_str(text), doc, &e) < 0)
        fail_msg("%s: %s", text, e.msg);
    return &doc->root;
}

static void assert_at(const struct bt_node *n, unsigned line, unsigned col)
{
    assert_non_null(n);
    if (n->line != line || n->col != col)
        fail_msg("at %u:%u, not %u:%u", n->line, n->col, line, col);
}

static void yaml_values_and_marks(void **st)
{
    (void)st;
    bt_auto_arena a = { 0 };
    const struct bt_node *r = parse(&a, false,
        "\xef\xbb\xbfname: thinking   # words\nlist:\n  - 1\n  - 'null'\n  - null\n  - ~\n  -\nflow: {a: [x, \"y z\"], \xc3\xa9: 2}\ntext: |\n  one\n  two\nempty:\n");
    assert_int_equal(r->kind, BT_NODE_MAP);
    assert_int_equal(r->n, 5);
    assert_string_equal(bt_node_get(r, "name")->text, "thinking");
    assert_at(bt_node_get(r, "name"), 1, 7);
    const struct bt_node *list = bt_node_get(r, "list");
    assert_int_equal(list->n, 5);
    assert_at(&list->items[1], 4, 5);
    assert_true(list->items[1].quoted && list->items[1].kind == BT_NODE_SCALAR);
    assert_int_equal(list->items[2].kind, BT_NODE_NULL);
    assert_int_equal(list->items[3].kind, BT_NODE_NULL);
    assert_int_equal(list->items[4].kind, BT_NODE_NULL);
    const struct bt_node *flow = bt_node_get(r, "flow");
    assert_at(&flow->keys[1], 8, 23);         /* columns count characters */
    assert_at(&flow->items[1], 8, 26);
    assert_string_equal(bt_node_get(r, "text")->text, "one\ntwo\n");
    assert_true(bt_node_get(r, "text")->quoted);
    assert_at(bt_node_get(r, "empty"), 12, 1);        /* no value: the key's place */
    assert_null(bt_node_get(r, "absent"));
    assert_null(bt_node_get(list, "name"));
    assert_null(bt_node_get(NULL, "name"));
    assert_int_equal(parse(&a, false, "")->kind, BT_NODE_NULL);
    assert_int_equal(parse(&a, false, "# nothing\n")->kind, BT_NODE_NULL);
    assert_true(parse(&a, false, "!!str 12")->quoted);
}

static void aliases_and_merges(void **st)
{
    (void)st;
    bt_auto_arena a = { 0 };
    const struct bt_node *r = parse(&a, false,
        "x-base: &b {gpus: 2, env: {A: 1}}\nx-more: &m {gpus: 9, tp: 4}\none: *b\ntwo: {<<: *b, gpus: 3}\nthree:\n  <<: [*b, *m]\n  own: 1\nfour: {'<<': 5}\n");
    assert_string_equal(bt_node_get(bt_node_get(r, "one"), "gpus")->text, "2");
    const struct bt_node *two = bt_node_get(r, "two"), *three = bt_node_get(r, "three");
    assert_string_equal(bt_node_get(two, "gpus")->text, "3");
    assert_string_equal(bt_node_get(bt_node_get(two, "env"), "A")->text, "1");
    assert_int_equal(two->n, 2);
    assert_string_equal(bt_node_get(three, "gpus")->text, "2");      /* the earlier of the list wins */
    assert_string_equal(bt_node_get(three, "tp")->text, "4");
    assert_string_equal(bt_node_get(three, "own")->text, "1");
    assert_at(bt_node_get(three, "tp"), 2, 26);       /* where it is written */
    assert_string_equal(bt_node_get(bt_node_get(r, "four"), "<<")->text, "5");
    r = parse(&a, false, "a: &x 1\nb: &x 2\nc: *x\n");
    assert_string_equal(bt_node_get(r, "c")->text, "2");             /* the latest anchor of a name */
}

static void json_values_and_marks(void **st)
{
    (void)st;
    bt_auto_arena a = { 0 };
    const struct bt_node *r = parse(&a, true,
        " {\"n\": [1, -2.50e3,\n true, null, \"q\\u00e9\\\"]\"],\n\"\xc3\xa9\": {}, \"big\": 9223372036854775807, \"e\": []}");
    const struct bt_node *n = bt_node_get(r, "n");
    assert_at(r, 1, 2);
    assert_at(n, 1, 8);
    assert_string_equal(n->items[1].text, "-2.50e3");                /* digits as written */
    assert_at(&n->items[2], 2, 2);
    assert_int_equal(n->items[3].kind, BT_NODE_NULL);
    assert_string_equal(n->items[4].text, "q\xc3\xa9\"]");
    assert_true(n->items[4].quoted && !n->items[0].quoted);
    assert_at(bt_node_get(r, "\xc3\xa9"), 3, 6);
    assert_at(bt_node_get(r, "big"), 3, 17);
    assert_string_equal(bt_node_get(r, "big")->text, "9223372036854775807");
    assert_int_equal(bt_node_get(r, "e")->kind, BT_NODE_SEQ);
}

static void refusals_say_where(void **st)
{
    (void)st;
    static const struct { bool json; const char *text, *where, *why; } rows[] = {
        { false, "a:\n\tb: 1\n", "t:2:1:", "tab" }, { false, "a: 1\n\tb: 2\n", "t:2:1:", "tab" }, { false, "\ta: 1\n", "t:1:1:", "tab" },
        { false, "a: 1\nb: 2\na: 3\n", "t:3:1:", "twice (first in line 1)" }, { false, "a: {b: 1, b: 2}", "t:1:11:", "twice" },
        { false, "a: &x [*x]\n", "t:1:8:", "inside its own" }, { false, "a: &x {b: {c: *x}}\n", "t:1:15:", "inside its own" },
        { false, "a: *no\n", "t:1:4:", "no such anchor" }, { false, "--- a\n--- b\n", "t:2:1:", "second document" },
        { false, "a: [1, 2\nb: 3\n", "t:", "bracket" }, { false, "a: \"open\n", "t:1:", "quote" }, { false, "a: b: c", "t:1:5:", "nested" },
        { false, "- !!int 3\n", "t:1:3:", "tags" }, { false, "a: !x {}\n", "t:1:4:", "tags" }, { false, "? [a]\n: b\n", "t:1:3:", "key" },
        { false, "~: 3\n", "t:1:1:", "key" }, { false, "<<: 3\n", "t:1:5:", "<<" }, { false, "a: {<<: [1]}\n", "t:1:9:", "<<" },
        { false, "a: \xff\n", "t:1:4:", "UTF-8" }, { false, "a: \xc3", "t:1:4:", "UTF-8" }, { false, "a: \001\n", "t:1:4:", "control" },
        { false, "a: \"\\0\"\n", "t:1:4:", "NUL" }, { false, "%YAML 3.0\n---\na\n", "t:", "version" },
        { true, "{\"a\": 1, \"a\": 2}", "t:1:", "duplicate" }, { true, "{\"a\": [1,]}", "t:1:", "" }, { true, "{\"a\": 1\n \"b\": 2}", "t:2:", "" },
        { true, "12", "t:1:", "" }, { true, "", "t:1:", "" }, { true, "{\"a\": \"\\u0000\"}", "t:1:", "" }, { true, "{} x", "t:1:", "" },
        { true, "{\"a\": 99999999999999999999}", "t:1:", "big" }, { true, "{\"a\": NaN}", "t:1:", "" }, { true, "{\"a\": \"\xff\"}", "t:", "" },
    };
    for (size_t i = 0; i < BT_LEN(rows); i++) {
        bt_auto_arena a = { 0 };
        struct bt_doc doc;
        struct bt_err e = { 0 };
        if ((rows[i].json ? bt_json_parse : bt_yaml_parse)(&a, "t", bt_str(rows[i].text), &doc, &e) == 0)
            fail_msg("\"%s\" was taken", rows[i].text);
        assert_int_equal(e.code, BT_E_SPEC);
        if (!bt_str_starts(bt_str(e.msg), rows[i].where))
            fail_msg("\"%s\": %s, not at %s", rows[i].text, e.msg, rows[i].where);
        assert_has(e.msg, rows[i].why);
    }
    struct bt_err e = { 0 };
    bt_auto_arena a = { 0 };
    struct bt_doc doc;
    assert_int_equal(bt_yaml_parse(&a, "t", (struct bt_str){ "a: \0", 4 }, &doc, &e), -1);
}

static char *repeat(struct bt_arena *a, const char *one, size_t n, const char *tail)
{
    size_t len = strlen(one);
    char *z = bt_arena_alloc(a, n * len + strlen(tail) + 1);
    for (size_t i = 0; i < n; i++)
        memcpy(z + i * len, one, len);
    strcpy(z + n * len, tail);
    return z;
}

static int try(struct bt_arena *a, bool json, const char *text, struct bt_err *e)
{
    struct bt_doc doc;
    memset(e, 0, sizeof *e);
    return (json ? bt_json_parse : bt_yaml_parse)(a, "t", bt_str(text), &doc, e);
}

static void bounds_hold(void **st)
{
    (void)st;
    bt_auto_arena a = { 0 };
    struct bt_err e;
    for (int json = 0; json < 2; json++) {
        char *ok = bt_arena_printf(&a, "%s%s", repeat(&a, "[", 60, ""), repeat(&a, "]", 60, ""));
        char *deep = bt_arena_printf(&a, "%s%s", repeat(&a, "[", 66, ""), repeat(&a, "]", 66, ""));
        assert_int_equal(try(&a, json, ok, &e), 0);
        assert_int_equal(try(&a, json, deep, &e), -1);
        assert_int_equal(try(&a, json, bt_arena_printf(&a, "[%s1]", repeat(&a, "1,", 99990, "")), &e), 0);
        assert_int_equal(try(&a, json, bt_arena_printf(&a, "[%s1]", repeat(&a, "1,", 100001, "")), &e), -1);
        assert_int_equal(e.code, BT_E_TOO_BIG);
        assert_int_equal(try(&a, json, repeat(&a, " ", (4 << 20) + 1, ""), &e), -1);
        assert_int_equal(e.code, BT_E_TOO_BIG);
    }
    /* a billion laughs: small text, 10^9 values when written out */
    bt_auto_buf struct bt_buf b = BT_BUF(100000);
    bt_buf_puts(&b, "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for (int i = 1; i < 9; i++) {
        bt_buf_printf(&b, "a%d: &a%d [", i, i);
        for (int k = 0; k < 10; k++)
            bt_buf_printf(&b, "%s*a%d", k ? ", " : "", i - 1);
        bt_buf_puts(&b, "]\n");
    }
    assert_int_equal(try(&a, false, bt_buf_z(&b), &e), -1);
    assert_int_equal(e.code, BT_E_TOO_BIG);
    assert_has(e.msg, "t:5:");
    /* depth through aliases: 40 levels hung into 40 levels */
    char *in = bt_arena_printf(&a, "x: &x %s%s\ny: %s*x%s\n", repeat(&a, "[", 40, ""), repeat(&a, "]", 40, ""), repeat(&a, "[", 40, ""),
                               repeat(&a, "]", 40, ""));
    assert_int_equal(try(&a, false, in, &e), -1);
    assert_has(e.msg, "deeper");
}

static void many_keys_are_checked_quickly(void **st)
{
    (void)st;
    bt_auto_arena a = { 0 };
    bt_auto_buf struct bt_buf b = BT_BUF(4 << 20);
    for (int i = 0; i < 40000; i++)
        bt_buf_printf(&b, "k%d: 1\n", i);
    struct bt_err e;
    assert_int_equal(try(&a, false, bt_buf_z(&b), &e), 0);
    bt_buf_puts(&b, "k77: 1\n");
    assert_int_equal(try(&a, false, bt_buf_z(&b), &e), -1);
    assert_has(e.msg, "t:40001:1: key \"k77\" is here twice (first in line 78)");
}

static void kinds_have_names(void **st)
{
    (void)st;
    bt_auto_arena a = { 0 };
    static const struct { const char *text, *name; } rows[] = { { "[]", "a list" }, { "{}", "a map" }, { "1.5", "a number" }, { "\"1\"", "a string" },
        { "true", "true or false" }, { "word", "a word" }, { "~", "nothing" } };
    for (size_t i = 0; i < BT_LEN(rows); i++)
        assert_string_equal(bt_node_kind_name(parse(&a, false, rows[i].text)), rows[i].name);
    assert_string_equal(bt_node_kind_name(NULL), "nothing");
    struct bt_err e;
    struct bt_doc doc = { .name = "f.yaml" };
    struct bt_node n = { .line = 3, .col = 7 };
    assert_int_equal(bt_node_err(&e, &doc, &n, "no %s", "way"), -1);
    assert_string_equal(e.msg, "f.yaml:3:7: no way");
    bt_node_err(&e, &doc, NULL, "no");
    assert_string_equal(e.msg, "f.yaml: no");
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(yaml_values_and_marks), cmocka_unit_test(aliases_and_merges),
        cmocka_unit_test(json_values_and_marks), cmocka_unit_test(refusals_say_where), cmocka_unit_test(bounds_hold),
        cmocka_unit_test(many_keys_are_checked_quickly), cmocka_unit_test(kinds_have_names) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

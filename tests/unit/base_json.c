/* base_json.c - jansson values from outside: what is refused, typed members, printing. */
#include "base_test.h"

#include "base/json.h"

static json_t *load(const char *text, struct bt_err *e)
{
    *e = (struct bt_err){ 0 };
    return bt_json_load(bt_str(text), 1000, "reply", e);
}

static void refusals(void **st)
{
    (void)st;
    static const struct { const char *text, *why; } rows[] = { { "", "parse reply" }, { "[1]", "an object" }, { "{\"a\":1,\"a\":2}", "duplicate" },
        { "{\"a\":1} {", "parse reply: line 1" }, { "{\"a\":\n\n x}", "line 3" }, { "{\"a\": \"\\u0000\"}", "parse reply" }, { "{\"a\": 1e999}", "parse reply" },
        { "{\"a\": \"\033\"}", "\\x1b" }, { "nan", "parse reply" } };
    struct bt_err e;
    for (size_t i = 0; i < BT_LEN(rows); i++) {
        assert_null(load(rows[i].text, &e));
        assert_int_equal(e.code, BT_E_INPUT);
        assert_has(e.msg, i == 7 ? "parse reply" : rows[i].why);
        assert_null(strchr(e.msg, '\033'));
    }
    char big[1200];
    memset(big, ' ', sizeof big);
    big[sizeof big - 1] = 0;
    assert_null(load(big, &e));
    assert_int_equal(e.code, BT_E_TOO_BIG);
    char deep[1000] = "{\"a\":";
    for (int i = 0; i < 64; i++)
        strcat(deep, "[");
    for (int i = 0; i < 64; i++)
        strcat(deep, "]");
    strcat(deep, "}");
    assert_null(load(deep, &e));
    assert_has(e.msg, "deeper than 64");
    unsigned line;
    assert_int_equal(bt_json_depth(bt_str("{\"[[[\\\"[\": [[]], \"b\": []}"), &line), 3);
    assert_null(bt_json_load_file("/nonexistent/x.json", 1000, &e));
    assert_int_equal(e.code, BT_E_NOT_FOUND);
}

static void members(void **st)
{
    (void)st;
    struct bt_err e;
    json_t *o = load("{\"n\": 7, \"neg\": -1, \"r\": 1.5, \"s\": \"text\", \"t\": true, \"null\": null, \"list\": []}", &e);
    uint64_t u = 0;
    const char *s = NULL;
    bool b = false;
    double d = 0;
    assert_non_null(o);
    assert_int_equal(bt_json_u64(o, "n", 1, 7, &u, "m", &e), 0);
    assert_int_equal(u, 7);
    assert_int_equal(bt_json_u64(o, "n", 8, 9, &u, "m", &e), -1);
    assert_has(e.msg, "m: n is 7, it has to be between 8 and 9");
    assert_int_equal(bt_json_u64(o, "neg", 0, UINT64_MAX, &u, "m", &e), -1);
    assert_int_equal(bt_json_u64(o, "r", 0, 9, &u, "m", &e), -1);
    assert_int_equal(bt_json_u64(o, "absent", 0, 9, &u, "m", &e), -1);
    assert_has(e.msg, "m: absent is missing");
    assert_int_equal(bt_json_u64(o, "null", 0, 9, &u, "m", &e), -1);
    assert_int_equal(bt_json_u64_opt(o, "null", 5, 0, 9, &u, "m", &e), 0);
    assert_int_equal(u, 5);
    assert_int_equal(bt_json_u64_opt(o, "s", 5, 0, 9, &u, "m", &e), -1);
    assert_has(e.msg, "m: s has to be a whole number, it is a string");
    assert_int_equal(bt_json_str(o, "s", &s, "m", &e), 0);
    assert_string_equal(s, "text");
    assert_int_equal(bt_json_str(o, "n", &s, "m", &e), -1);
    assert_int_equal(bt_json_str(o, "absent", &s, "m", &e), -1);
    assert_int_equal(bt_json_str_opt(o, "absent", "def", &s, "m", &e), 0);
    assert_string_equal(s, "def");
    assert_int_equal(bt_json_str_opt(o, "list", "def", &s, "m", &e), -1);
    assert_int_equal(bt_json_bool_opt(o, "t", false, &b, "m", &e), 0);
    assert_true(b);
    assert_int_equal(bt_json_bool_opt(o, "absent", true, &b, "m", &e), 0);
    assert_true(b);
    assert_int_equal(bt_json_bool_opt(o, "n", true, &b, "m", &e), -1);
    assert_int_equal(bt_json_f64_opt(o, "n", 0, &d, "m", &e), 0);
    assert_true(d == 7);
    assert_int_equal(bt_json_f64_opt(o, "r", 0, &d, "m", &e), 0);
    assert_true(d == 1.5);
    assert_int_equal(bt_json_f64_opt(o, "t", 0, &d, "m", &e), -1);
    assert_int_equal(e.code, BT_E_INPUT);
    json_decref(o);
}

static void printing(void **st)
{
    (void)st;
    bt_auto_arena a = { 0 };
    json_t *o = json_object();
    json_object_set_new(o, "z", bt_json_bytes(85061827297ull));
    json_object_set_new(o, "a", bt_json_bytes(UINT64_MAX));
    assert_string_equal(bt_json_dump(&a, o, false), "{\"z\":85061827297,\"a\":9223372036854775807}");
    assert_has(bt_json_dump(&a, o, true), "{\n  \"z\": 85061827297,\n");
    json_decref(o);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(refusals), cmocka_unit_test(members), cmocka_unit_test(printing) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

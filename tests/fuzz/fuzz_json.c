/* fuzz_json.c - JSON as a tree with marks, and JSON as jansson values, from the same bytes. */
#include "base/json.h"
#include "check.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    bt_auto_arena a = { 0 };
    struct bt_str text = { (const char *)p, n };
    struct bt_doc doc;
    struct bt_err err = { 0 };
    int parsed = bt_json_parse(&a, "input", text, &doc, &err);
    if (parsed == 0)
        check_tree(&doc.root, count_lines(p, n), 0);
    else
        FUZZ_CHECK(err.code && err.msg[0]);

    struct bt_err why = { 0 };
    json_t *v = bt_json_load(text, 1 << 20, "input", &why);
    if (v) {
        FUZZ_CHECK(parsed == 0 || err.code == BT_E_TOO_BIG);
        FUZZ_CHECK(parsed < 0 || doc.root.n == json_object_size(v));
        const char *again = bt_json_dump(&a, v, false);
        json_t *w = bt_json_load(bt_str(again), SIZE_MAX, "printed again", &why);
        FUZZ_CHECK(w && json_equal(v, w));
        json_decref(w);
    } else {
        FUZZ_CHECK(why.code && why.msg[0]);
    }
    json_decref(v);
    return 0;
}

/* json.c - checked access to jansson values. */
#include "base/json.h"

#include <stdio.h>

#include "base/file.h"

enum { DEPTH = 64 };

/* Deeper nesting than any file of ours has; counted outside strings, before jansson recurses. */
static bool too_deep(struct bt_str s)
{
    int depth = 0;
    bool quoted = false;
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        if (quoted) {
            if (c == '\\')
                i++;
            else if (c == '"')
                quoted = false;
        } else if (c == '"')
            quoted = true;
        else if (c == '{' || c == '[')
            depth++;
        else if (c == '}' || c == ']')
            depth--;
        if (depth > DEPTH)
            return true;
    }
    return false;
}

json_t *bt_json_load(struct bt_str text, size_t max, const char *what, struct bt_err *err)
{
    json_error_t why;
    if (text.n > max) {
        bt_err_set(err, BT_E_TOO_BIG, 0, "%s: %zu bytes, more than the %zu that make sense there", what, text.n, max);
        return NULL;
    }
    if (too_deep(text)) {
        bt_err_set(err, BT_E_INPUT, 0, "%s: nested deeper than %d levels", what, DEPTH);
        return NULL;
    }
    json_t *o = json_loadb(text.p ? text.p : "", text.n, JSON_REJECT_DUPLICATES, &why);
    if (!o) {
        struct bt_buf safe = BT_BUF(512);            /* jansson quotes the text it stumbled over */
        bt_buf_add_escaped(&safe, bt_str(why.text));
        bt_err_set(err, BT_E_INPUT, 0, "%s:%d:%d: not valid JSON: %s", what, why.line, why.column, bt_buf_z(&safe));
        bt_buf_release(&safe);
        return NULL;
    }
    if (!json_is_object(o)) {
        json_decref(o);
        bt_err_set(err, BT_E_INPUT, 0, "%s: not a JSON object", what);
        return NULL;
    }
    return o;
}

json_t *bt_json_load_file(const char *path, size_t max, struct bt_err *err)
{
    bt_auto_arena a = { 0 };
    struct bt_str text;
    return bt_file_read(&a, path, max, &text, err) < 0 ? NULL : bt_json_load(text, max, path, err);
}

static const char *type_name(const json_t *v)
{
    static const char *const names[] = { [JSON_OBJECT] = "an object", [JSON_ARRAY] = "a list", [JSON_STRING] = "a string", [JSON_INTEGER] = "a number",
        [JSON_REAL] = "a number with a fraction", [JSON_TRUE] = "true", [JSON_FALSE] = "false", [JSON_NULL] = "null" };
    return v ? names[json_typeof(v)] : "absent";
}

static int wrong(const json_t *v, const char *key, const char *want, const char *what, struct bt_err *err)
{
    return bt_err_set(err, BT_E_INPUT, 0, v ? "%s: %s is %s, not %s" : "%s: %s is %s; needed: %s", what, key, type_name(v), want);
}

static bool absent(const json_t *v)
{
    return !v || json_is_null(v);
}

int bt_json_u64(const json_t *o, const char *key, uint64_t min, uint64_t max, uint64_t *out, const char *what, struct bt_err *err)
{
    const json_t *v = json_object_get(o, key);
    if (!json_is_integer(v))
        return wrong(v, key, "a whole number", what, err);
    json_int_t n = json_integer_value(v);
    if (n < 0 || (uint64_t)n < min || (uint64_t)n > max)
        return bt_err_set(err, BT_E_INPUT, 0, "%s: %s is %lld, outside %llu to %llu", what, key, (long long)n, (unsigned long long)min, (unsigned long long)max);
    *out = (uint64_t)n;
    return 0;
}

int bt_json_u64_opt(const json_t *o, const char *key, uint64_t def, uint64_t min, uint64_t max, uint64_t *out, const char *what, struct bt_err *err)
{
    if (absent(json_object_get(o, key))) {
        *out = def;
        return 0;
    }
    return bt_json_u64(o, key, min, max, out, what, err);
}

int bt_json_str(const json_t *o, const char *key, const char **out, const char *what, struct bt_err *err)
{
    const json_t *v = json_object_get(o, key);
    if (!json_is_string(v))
        return wrong(v, key, "a string", what, err);
    if (strlen(json_string_value(v)) != json_string_length(v))
        return bt_err_set(err, BT_E_INPUT, 0, "%s: %s holds a NUL byte", what, key);
    *out = json_string_value(v);
    return 0;
}

int bt_json_str_opt(const json_t *o, const char *key, const char *def, const char **out, const char *what, struct bt_err *err)
{
    if (absent(json_object_get(o, key))) {
        *out = def;
        return 0;
    }
    return bt_json_str(o, key, out, what, err);
}

int bt_json_bool_opt(const json_t *o, const char *key, bool def, bool *out, const char *what, struct bt_err *err)
{
    const json_t *v = json_object_get(o, key);
    if (!absent(v) && !json_is_boolean(v))
        return wrong(v, key, "true or false", what, err);
    *out = absent(v) ? def : json_is_true(v);
    return 0;
}

int bt_json_f64_opt(const json_t *o, const char *key, double def, double *out, const char *what, struct bt_err *err)
{
    const json_t *v = json_object_get(o, key);
    if (!absent(v) && !json_is_number(v))
        return wrong(v, key, "a number", what, err);
    *out = absent(v) ? def : json_number_value(v);
    return 0;
}

json_t *bt_json_bytes(uint64_t n)
{
    return json_integer(n > INT64_MAX ? INT64_MAX : (json_int_t)n);
}

char *bt_json_dump(struct bt_arena *a, const json_t *v, bool pretty)
{
    char *text = json_dumps(v, (pretty ? JSON_INDENT(2) : JSON_COMPACT) | JSON_REAL_PRECISION(12) | JSON_ENCODE_ANY);
    char *kept = bt_arena_strdup(a, text ? text : "null");
    free(text);
    return kept;
}

/* json.c - see json.h */
#include "base/json.h"

#include "base/file.h"
#include "base/units.h"

enum { DEPTH_MAX = 64 };

size_t bt_json_depth(struct bt_str text, unsigned *line)
{
    size_t depth = 0, most = 0;
    unsigned at = 1;
    bool in_string = false;
    *line = 1;
    for (size_t i = 0; i < text.n; i++) {
        char c = text.p[i];
        at += c == '\n';
        if (in_string) {
            if (c == '\\')
                i++;
            else if (c == '"')
                in_string = false;
        } else if (c == '"') {
            in_string = true;
        } else if (c == '[' || c == '{') {
            if (++depth > most) {
                most = depth;
                if (most == DEPTH_MAX + 1)
                    *line = at;
            }
        } else if ((c == ']' || c == '}') && depth) {
            depth--;
        }
    }
    return most;
}

json_t *bt_json_load(struct bt_str text, size_t max, const char *what, struct bt_err *err)
{
    json_error_t je;
    unsigned line;
    if (text.n > max) {
        bt_err_set(err, BT_E_TOO_BIG, 0, "parse %s: %zu bytes, at most %zu are read", what, text.n, max);
        return NULL;
    }
    if (bt_json_depth(text, &line) > DEPTH_MAX) {        /* before jansson: it recurses up to 2048 levels */
        bt_err_set(err, BT_E_INPUT, 0, "parse %s: line %u: nested deeper than %d levels", what, line, DEPTH_MAX);
        return NULL;
    }
    json_t *v = json_loadb(text.n ? text.p : "", text.n, JSON_REJECT_DUPLICATES, &je);
    if (!v) {
        bt_auto_buf struct bt_buf why = BT_BUF(1024);
        bt_buf_add_escaped(&why, bt_str(je.text));
        bt_err_set(err, BT_E_INPUT, 0, "parse %s: line %d, column %d: %s", what, je.line, je.column, bt_buf_z(&why));
        return NULL;
    }
    if (!json_is_object(v)) {
        bt_err_set(err, BT_E_INPUT, 0, "parse %s: an object { } is expected, this is a list", what);
        json_decref(v);
        return NULL;
    }
    return v;
}

json_t *bt_json_load_file(const char *path, size_t max, struct bt_err *err)
{
    bt_auto_arena a = { 0 };
    struct bt_str text;
    if (bt_file_read(&a, path, max, &text, err) < 0)
        return NULL;
    return bt_json_load(text, max, path, err);
}

/* ---- typed members ---- */

static const char *type_name(const json_t *v)
{
    switch (json_typeof(v)) {
    case JSON_OBJECT: return "an object";
    case JSON_ARRAY: return "a list";
    case JSON_STRING: return "a string";
    case JSON_INTEGER: return "a whole number";
    case JSON_REAL: return "a number";
    case JSON_TRUE: case JSON_FALSE: return "true or false";
    case JSON_NULL: return "null";
    }
    return "something else";
}

static int wrong_type(const json_t *v, const char *key, const char *wanted, const char *what, struct bt_err *err)
{
    return bt_err_set(err, BT_E_INPUT, 0, "%s: %s has to be %s, it is %s", what, key, wanted, type_name(v));
}

static const json_t *member(const json_t *o, const char *key)
{
    const json_t *v = json_object_get(o, key);
    return v && !json_is_null(v) ? v : NULL;
}

static int missing(const char *key, const char *what, struct bt_err *err)
{
    return bt_err_set(err, BT_E_INPUT, 0, "%s: %s is missing", what, key);
}

static int read_u64(const json_t *v, const char *key, uint64_t min, uint64_t max, uint64_t *out, const char *what, struct bt_err *err)
{
    if (!json_is_integer(v))
        return wrong_type(v, key, "a whole number", what, err);
    json_int_t i = json_integer_value(v);
    if (i < 0 || (uint64_t)i < min || (uint64_t)i > max)
        return bt_err_set(err, BT_E_INPUT, 0, "%s: %s is %lld, it has to be between %llu and %llu", what, key, (long long)i,
                          (unsigned long long)min, (unsigned long long)max);
    *out = (uint64_t)i;
    return 0;
}

int bt_json_u64(const json_t *o, const char *key, uint64_t min, uint64_t max, uint64_t *out, const char *what, struct bt_err *err)
{
    const json_t *v = member(o, key);
    return v ? read_u64(v, key, min, max, out, what, err) : missing(key, what, err);
}

int bt_json_u64_opt(const json_t *o, const char *key, uint64_t def, uint64_t min, uint64_t max, uint64_t *out, const char *what, struct bt_err *err)
{
    const json_t *v = member(o, key);
    if (v)
        return read_u64(v, key, min, max, out, what, err);
    *out = def;
    return 0;
}

static int read_str(const json_t *v, const char *key, const char **out, const char *what, struct bt_err *err)
{
    if (!json_is_string(v))
        return wrong_type(v, key, "a string", what, err);
    *out = json_string_value(v);
    return 0;
}

int bt_json_str(const json_t *o, const char *key, const char **out, const char *what, struct bt_err *err)
{
    const json_t *v = member(o, key);
    return v ? read_str(v, key, out, what, err) : missing(key, what, err);
}

int bt_json_str_opt(const json_t *o, const char *key, const char *def, const char **out, const char *what, struct bt_err *err)
{
    const json_t *v = member(o, key);
    if (v)
        return read_str(v, key, out, what, err);
    *out = def;
    return 0;
}

int bt_json_bool_opt(const json_t *o, const char *key, bool def, bool *out, const char *what, struct bt_err *err)
{
    const json_t *v = member(o, key);
    if (v && !json_is_boolean(v))
        return wrong_type(v, key, "true or false", what, err);
    *out = v ? json_is_true(v) : def;
    return 0;
}

int bt_json_f64_opt(const json_t *o, const char *key, double def, double *out, const char *what, struct bt_err *err)
{
    const json_t *v = member(o, key);
    if (v && !json_is_number(v))
        return wrong_type(v, key, "a number", what, err);
    *out = v ? json_number_value(v) : def;
    return 0;
}

json_t *bt_json_text(const char *z)
{
    json_t *text = z ? json_string(z) : json_null();
    if (text)
        return text;
    bt_auto_buf struct bt_buf b = BT_BUF(64 * KiB);
    bt_buf_add_escaped(&b, bt_str(z));
    return json_string(bt_buf_z(&b));
}

json_t *bt_json_bytes(uint64_t n)
{
    return json_integer((json_int_t)BT_MIN(n, (uint64_t)INT64_MAX));
}

char *bt_json_dump(struct bt_arena *a, const json_t *v, bool pretty)
{
    char *z = json_dumps(v, (pretty ? JSON_INDENT(2) : JSON_COMPACT) | JSON_ENCODE_ANY);
    char *kept = bt_arena_strdup(a, z ? z : "null");
    free(z);
    return kept;
}

/* safetensors.c - the header of a safetensors file: which tensors, of which type and shape, where. The same checks as the format's own
 * reader, so that a file refused by an engine after minutes is refused here at once. */
#include <inttypes.h>
#include "base/json.h"
#include "model/model_int.h"

#define HEADER_MAX 100000000         /* bytes; the format's own limit */

/* A tensor with the place of its data in the file. */
struct spot { struct bt_tensor t; uint64_t begin, end; };

static int read_shape(const json_t *list, struct bt_tensor *t, const char *where, struct bt_err *err)
{
    if (!json_is_array(list))
        return bt_err_set(err, BT_E_INPUT, 0, "%s: no \"shape\" list", where);
    size_t n = json_array_size(list);
    if (n > BT_LEN(t->shape))
        return bt_err_set(err, BT_E_INPUT, 0, "%s: %zu dimensions, at most %zu are known", where, n, BT_LEN(t->shape));
    for (size_t i = 0; i < n; i++) {
        const json_t *v = json_array_get(list, i);
        if (!json_is_integer(v) || json_integer_value(v) < 0)
            return bt_err_set(err, BT_E_INPUT, 0, "%s: dimension %zu of the shape is not a size", where, i);
        t->shape[i] = (uint64_t)json_integer_value(v);
    }
    t->rank = (uint8_t)n;
    return 0;
}

/* Bytes that shape x dtype take. A dimension of 0 is legal: an empty tensor. */
static int shape_bytes(struct bt_tensor *t, const char *where, struct bt_err *err)
{
    uint64_t elements = 1, bits;
    for (int i = 0; i < t->rank; i++)
        if (!bt_mul_u64(elements, t->shape[i], &elements))
            return bt_err_set(err, BT_E_INPUT, 0, "%s: the shape has more elements than a machine can count", where);
    if (!bt_mul_u64(elements, bt_dtype_bits(t->dtype), &bits))
        return bt_err_set(err, BT_E_INPUT, 0, "%s: the shape has more bytes than a machine can count", where);
    if (bits % 8)
        return bt_err_set(err, BT_E_INPUT, 0, "%s: %" PRIu64 " bits do not end at a byte", where, bits);
    t->bytes = bits / 8;
    return 0;
}

static int read_offsets(const json_t *list, struct spot *s, const char *where, struct bt_err *err)
{
    const json_t *b = json_array_get(list, 0), *e = json_array_get(list, 1);
    if (json_array_size(list) != 2 || !json_is_integer(b) || !json_is_integer(e) || json_integer_value(b) < 0 || json_integer_value(e) < json_integer_value(b))
        return bt_err_set(err, BT_E_INPUT, 0, "%s: \"data_offsets\" is not [begin, end]", where);
    s->begin = (uint64_t)json_integer_value(b);
    s->end = (uint64_t)json_integer_value(e);
    if (s->end - s->begin != s->t.bytes)
        return bt_err_set(err, BT_E_INPUT, 0, "%s: data_offsets span %" PRIu64 " bytes, its shape and type need %" PRIu64, where, s->end - s->begin, s->t.bytes);
    return 0;
}

static int read_fields(struct bt_arena *a, const char *where, const char *name, const json_t *v, struct spot *out, struct bt_err *err)
{
    if (!json_is_object(v))
        return bt_err_set(err, BT_E_INPUT, 0, "%s: not an object", where);
    const char *dtype = json_string_value(json_object_get(v, "dtype"));
    out->t.dtype = bt_dtype_parse(dtype);
    if (out->t.dtype == BT_DT_UNKNOWN)
        return bt_err_set(err, BT_E_INPUT, 0, "%s: dtype %s is not known", where, dtype ? bt_model_shown(a, dtype) : "(none)");
    if (read_shape(json_object_get(v, "shape"), &out->t, where, err) < 0 || shape_bytes(&out->t, where, err) < 0)
        return -1;
    out->t.name = bt_arena_strdup(a, name);
    return read_offsets(json_object_get(v, "data_offsets"), out, where, err);
}

/* The place in words is made only for a tensor that is wrong: there are 90,000 in a large mixture of experts. */
static int read_tensor(struct bt_arena *a, const char *what, const char *name, const json_t *v, struct spot *out, struct bt_err *err)
{
    struct bt_err unnamed = { 0 };
    if (read_fields(a, "", name, v, out, &unnamed) == 0)
        return 0;
    return read_fields(a, bt_arena_printf(a, "%s: tensor %s", what, bt_model_shown(a, name)), name, v, out, err);
}

static int by_place(const void *x, const void *y)
{
    const struct spot *a = x, *b = y;
    if (a->begin != b->begin)
        return a->begin < b->begin ? -1 : 1;
    if (a->end != b->end)
        return a->end < b->end ? -1 : 1;
    return strcmp(a->t.name, b->t.name);             /* empty tensors may share a place */
}

/* Sorted by place, each must begin where the one before ends, and the last one where the file does. */
static int check_cover(struct bt_arena *a, const char *what, const struct spot *s, size_t n, uint64_t data_bytes, struct bt_err *err)
{
    uint64_t at = 0;
    for (size_t i = 0; i < n; at = s[i++].end) {
        if (s[i].begin < at)
            return bt_err_set(err, BT_E_INPUT, 0, "%s: tensors %s and %s overlap at byte %" PRIu64, what, bt_model_shown(a, s[i - 1].t.name), bt_model_shown(a, s[i].t.name), s[i].begin);
        if (s[i].begin > at)
            return bt_err_set(err, BT_E_INPUT, 0, "%s: bytes %" PRIu64 " to %" PRIu64 " before tensor %s belong to no tensor", what, at, s[i].begin, bt_model_shown(a, s[i].t.name));
    }
    if (at > data_bytes) {
        bt_err_set(err, BT_E_INPUT, 0, "%s: truncated: %" PRIu64 " bytes of tensors, the file has %" PRIu64, what, at, data_bytes);
        return bt_err_hint(err, "the download was cut: fetch the file again");
    }
    if (at < data_bytes)
        return bt_err_set(err, BT_E_INPUT, 0, "%s: %" PRIu64 " bytes after the last tensor belong to no tensor", what, data_bytes - at);
    return 0;
}

static int read_header(struct bt_arena *a, const char *what, json_t *root, uint64_t data_bytes, struct bt_tensor **out, size_t *n, struct bt_err *err)
{
    struct spot *spots = BT_NEWN(a, struct spot, json_object_size(root) + 1);
    size_t count = 0;
    const char *key;
    json_t *v;
    json_object_foreach(root, key, v) {
        if (!strcmp(key, "__metadata__"))
            continue;
        if (read_tensor(a, what, key, v, &spots[count], err) < 0)
            return -1;
        count++;
    }
    if (count)
        qsort(spots, count, sizeof *spots, by_place);
    if (check_cover(a, what, spots, count, data_bytes, err) < 0)
        return -1;
    *out = BT_NEWN(a, struct bt_tensor, count + 1);
    for (size_t i = 0; i < count; i++)
        (*out)[i] = spots[i].t;
    *n = count;
    return 0;
}

int bt_safetensors_header(struct bt_arena *a, const char *what, struct bt_str json, uint64_t data_bytes, struct bt_tensor **out, size_t *n, struct bt_err *err)
{
    json_t *root = bt_json_load(json, HEADER_MAX, what, err);        /* refuses a tensor named twice */
    if (!root)
        return -1;
    int rc = read_header(a, what, root, data_bytes, out, n, err);
    json_decref(root);
    return rc;
}

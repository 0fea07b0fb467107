/* gguf.c - the header of one GGUF file (llama.cpp ggml/src/gguf.cpp): key/value pairs, tensor infos, and what they promise of the data. */
#include <inttypes.h>
#include "model/gguf.h"
#include "model/model_int.h"

#define HEADER_MAX (256 * MiB)       /* the largest tokenizers take 20 MiB */
#define KEYS_MAX 65536
#define TENSORS_MAX 1000000
#define STRING_KEPT (4 * KiB)
#define ARRAY_KEPT 4096
#define NUMBERS_KEPT (1 << 20)       /* of all arrays together */
#define LENGTH_MAX ((uint64_t)1 << 30)               /* of a string or array: llama.cpp's own limit */
#define WINDOW (256 * KiB)

struct reader {
    const struct bt_gguf_in *in;
    const char *what;
    struct bt_arena *arena;
    struct bt_err *err;
    uint64_t at;                     /* next byte to hand out */
    uint64_t kept;                   /* numbers of arrays */
    unsigned char *buf; uint64_t buf_at; size_t buf_n;
};

/* ---- bytes ---- */

static int torn(struct reader *r, const char *doing)
{
    bt_err_set(r->err, BT_E_INPUT, 0, "%s: truncated: the file ends at byte %" PRIu64 " inside %s", r->what, r->in->size, doing);
    return bt_err_hint(r->err, "the download was cut: fetch the file again");
}

static uint64_t left(const struct reader *r)
{
    return r->in->size - r->at;
}

static int refill(struct reader *r, const char *doing)
{
    if (r->at >= HEADER_MAX)
        return bt_err_set(r->err, BT_E_TOO_BIG, 0, "%s: more than %d MiB of GGUF header", r->what, (int)(HEADER_MAX / MiB));
    size_t n = (size_t)BT_MIN((uint64_t)WINDOW, r->in->size - r->at);
    if (r->in->read(r->in->ctx, r->at, r->buf, n, r->err) < 0)
        return bt_err_wrap(r->err, "read %s of %s", doing, r->what);
    r->buf_at = r->at;
    r->buf_n = n;
    return 0;
}

static int get(struct reader *r, void *to, size_t n, const char *doing)
{
    if (left(r) < n)
        return torn(r, doing);
    for (size_t done = 0; done < n;) {
        if (r->at < r->buf_at || r->at >= r->buf_at + r->buf_n)
            if (refill(r, doing) < 0)
                return -1;
        size_t off = (size_t)(r->at - r->buf_at), take = BT_MIN(n - done, r->buf_n - off);
        memcpy((char *)to + done, r->buf + off, take);
        done += take;
        r->at += take;
    }
    return 0;
}

static int skip(struct reader *r, uint64_t n, const char *doing)
{
    if (left(r) < n)
        return torn(r, doing);
    r->at += n;
    return 0;
}

static int get_uint(struct reader *r, unsigned bytes, uint64_t *out, const char *doing)
{
    unsigned char b[8];
    if (get(r, b, bytes, doing) < 0)
        return -1;
    *out = 0;
    for (unsigned i = bytes; i-- > 0;)
        *out = *out << 8 | b[i];
    return 0;
}

static int get_length(struct reader *r, uint64_t *out, const char *doing)
{
    if (get_uint(r, 8, out, doing) < 0)
        return -1;
    if (*out > LENGTH_MAX)
        return bt_err_set(r->err, BT_E_INPUT, 0, "%s: a length of %" PRIu64 " in %s", r->what, *out, doing);
    return *out > left(r) ? torn(r, doing) : 0;
}

/* A string of at most `max` bytes; *out is NULL for a longer one, which is stepped over. Bytes after a NUL are not seen. */
static int get_string(struct reader *r, size_t max, const char **out, const char *doing)
{
    uint64_t n;
    *out = NULL;
    if (get_length(r, &n, doing) < 0)
        return -1;
    if (n > max)
        return skip(r, n, doing);
    char *z = bt_arena_alloc(r->arena, (size_t)n + 1);
    *out = z;
    return get(r, z, (size_t)n, doing);
}

/* ---- values ---- */

static const struct { unsigned bytes; bool sign; } widths[BT_GG__N] = {
    [BT_GG_U8] = { 1, false }, [BT_GG_I8] = { 1, true }, [BT_GG_U16] = { 2, false }, [BT_GG_I16] = { 2, true }, [BT_GG_U32] = { 4, false },
    [BT_GG_I32] = { 4, true }, [BT_GG_F32] = { 4, false }, [BT_GG_BOOL] = { 1, false }, [BT_GG_U64] = { 8, false }, [BT_GG_I64] = { 8, true },
    [BT_GG_F64] = { 8, false },
};

static int get_number(struct reader *r, enum bt_gguf_type type, int64_t *num, double *real, const char *doing)
{
    uint64_t v;
    unsigned bytes = widths[type].bytes;
    if (get_uint(r, bytes, &v, doing) < 0)
        return -1;
    if (type == BT_GG_F32 || type == BT_GG_F64) {
        uint32_t low = (uint32_t)v;
        float f;
        memcpy(&f, &low, sizeof f);
        memcpy(real, &v, sizeof *real);
        if (type == BT_GG_F32)
            *real = f;
        *num = *real >= -9e18 && *real <= 9e18 ? (int64_t)*real : 0;
        return 0;
    }
    *num = v > INT64_MAX && !widths[type].sign ? INT64_MAX : (int64_t)v;
    if (widths[type].sign && bytes < 8 && v >> (8 * bytes - 1))
        *num = (int64_t)v - ((int64_t)1 << (8 * bytes));
    *real = (double)*num;
    return 0;
}

static int skip_strings(struct reader *r, uint64_t count, const char *doing)
{
    for (uint64_t i = 0, n; i < count; i++)
        if (get_length(r, &n, doing) < 0 || skip(r, n, doing) < 0)
            return -1;
    return 0;
}

static int get_array(struct reader *r, struct bt_gguf_kv *kv)
{
    uint64_t elem;
    if (get_uint(r, 4, &elem, kv->key) < 0 || get_uint(r, 8, &kv->count, kv->key) < 0)
        return -1;
    if (elem >= BT_GG__N || elem == BT_GG_ARRAY)
        return bt_err_set(r->err, BT_E_INPUT, 0, "%s: key %s: an array of type %" PRIu64, r->what, bt_model_shown(r->arena, kv->key), elem);
    kv->elem = (enum bt_gguf_type)elem;
    uint64_t least = elem == BT_GG_STR ? 8 : widths[elem].bytes;
    if (kv->count > LENGTH_MAX)
        return bt_err_set(r->err, BT_E_INPUT, 0, "%s: key %s: an array of %" PRIu64 " elements", r->what, bt_model_shown(r->arena, kv->key), kv->count);
    if (kv->count * least > left(r))
        return torn(r, bt_model_shown(r->arena, kv->key));
    if (elem == BT_GG_STR)
        return skip_strings(r, kv->count, kv->key);
    if (kv->count > ARRAY_KEPT || (r->kept += kv->count) > NUMBERS_KEPT)
        return skip(r, kv->count * least, kv->key);
    int64_t *nums = BT_NEWN(r->arena, int64_t, kv->count + 1);
    double ignored;
    kv->nums = nums;
    for (uint64_t i = 0; i < kv->count; i++)
        if (get_number(r, kv->elem, &nums[i], &ignored, kv->key) < 0)
            return -1;
    return 0;
}

static int get_kv(struct reader *r, struct bt_gguf_kv *kv)
{
    uint64_t type;
    if (get_string(r, STRING_KEPT, &kv->key, "a key") < 0)
        return -1;
    if (!kv->key || !*kv->key)
        return bt_err_set(r->err, BT_E_INPUT, 0, "%s: a key %s", r->what, kv->key ? "without a name" : "longer than any");
    const char *shown = bt_model_shown(r->arena, kv->key);
    if (get_uint(r, 4, &type, shown) < 0)
        return -1;
    if (type >= BT_GG__N)
        return bt_err_set(r->err, BT_E_INPUT, 0, "%s: key %s: value type %" PRIu64 " is none", r->what, shown, type);
    kv->type = (enum bt_gguf_type)type;
    switch (kv->type) {
    case BT_GG_STR: return get_string(r, STRING_KEPT, &kv->text, shown);
    case BT_GG_ARRAY: return get_array(r, kv);
    default: return get_number(r, kv->type, &kv->num, &kv->real, shown);
    }
}

static int by_key(const void *x, const void *y)
{
    return strcmp(((const struct bt_gguf_kv *)x)->key, ((const struct bt_gguf_kv *)y)->key);
}

const struct bt_gguf_kv *bt_gguf_get(const struct bt_gguf_file *f, const char *key)
{
    struct bt_gguf_kv want = { .key = key };
    return f->nkv ? bsearch(&want, f->kv, f->nkv, sizeof *f->kv, by_key) : NULL;
}

/* ---- tensors ---- */

static int bad_tensor(struct reader *r, const struct bt_tensor *t, const char *why)
{
    return bt_err_set(r->err, BT_E_INPUT, 0, "%s: tensor %s: %s", r->what, bt_model_shown(r->arena, t->name), why);
}

static int tensor_bytes(struct reader *r, struct bt_tensor *t, const uint64_t ne[4])
{
    uint64_t rows = 1, all;
    if (ne[0] % t->ggml->block)
        return bad_tensor(r, t, bt_arena_printf(r->arena, "rows of %" PRIu64 " elements, %s has blocks of %u", ne[0], t->ggml->name, t->ggml->block));
    for (int i = 1; i < 4; i++)
        if (!bt_mul_u64(rows, ne[i], &rows))
            return bad_tensor(r, t, "more elements than a machine can count");
    if (!bt_ggml_row_bytes(t->ggml, ne[0], &t->bytes))
        return bad_tensor(r, t, "more bytes than a machine can count");
    if (!bt_mul_u64(rows, ne[0], &all) || all > INT64_MAX || !bt_mul_u64(t->bytes, rows, &t->bytes) || t->bytes > INT64_MAX)
        return bad_tensor(r, t, "more bytes than a machine can count");
    return 0;
}

static int get_tensor(struct reader *r, struct bt_tensor *t, uint64_t *offset)
{
    uint64_t dims, type, ne[4] = { 1, 1, 1, 1 };
    if (get_string(r, 63, &t->name, "a tensor's name") < 0)
        return -1;
    if (!t->name || !*t->name)
        return bt_err_set(r->err, BT_E_INPUT, 0, "%s: a tensor %s", r->what, t->name ? "without a name" : "with a name of 64 bytes or more");
    const char *shown = bt_model_shown(r->arena, t->name);
    if (get_uint(r, 4, &dims, shown) < 0)
        return -1;
    if (dims > 4)
        return bad_tensor(r, t, bt_arena_printf(r->arena, "%" PRIu64 " dimensions, ggml has 4", dims));
    for (uint64_t i = 0; i < dims; i++) {
        if (get_uint(r, 8, &ne[i], shown) < 0)
            return -1;
        if (ne[i] > INT64_MAX)
            return bad_tensor(r, t, "a negative size");
    }
    if (get_uint(r, 4, &type, shown) < 0 || get_uint(r, 8, offset, shown) < 0)
        return -1;
    t->ggml = bt_ggml_type((uint32_t)type);
    if (!t->ggml)
        return bad_tensor(r, t, bt_arena_printf(r->arena, "ggml type %" PRIu64 " is one that ggml has removed or that is newer than berth", type));
    t->dtype = t->ggml->plain;
    t->rank = (uint8_t)dims;
    for (uint64_t i = 0; i < dims; i++)
        t->shape[i] = ne[dims - 1 - i];
    return tensor_bytes(r, t, ne);
}

static int by_name(const void *x, const void *y)
{
    return strcmp(*(const char *const *)x, *(const char *const *)y);
}

static int check_names(struct reader *r, const struct bt_gguf_file *f)
{
    bt_auto_free const char **names = bt_xcalloc(f->ntensors + 1, sizeof *names);
    for (size_t i = 0; i < f->ntensors; i++)
        names[i] = f->tensors[i].name;
    if (f->ntensors)
        qsort(names, f->ntensors, sizeof *names, by_name);
    for (size_t i = 1; i < f->ntensors; i++)
        if (!strcmp(names[i], names[i - 1]))
            return bt_err_set(r->err, BT_E_INPUT, 0, "%s: tensor %s is in it twice", r->what, bt_model_shown(r->arena, names[i]));
    for (size_t i = 1; i < f->nkv; i++)
        if (!strcmp(f->kv[i].key, f->kv[i - 1].key))
            return bt_err_set(r->err, BT_E_INPUT, 0, "%s: key %s is in it twice", r->what, bt_model_shown(r->arena, f->kv[i].key));
    return 0;
}

/* Data lies in file order without holes, so the header alone says how long the file must be. */
static int check_data(struct reader *r, struct bt_gguf_file *f, const uint64_t *offset)
{
    uint64_t sum = 0;
    f->data_at = bt_round_up(r->at, f->alignment);
    for (size_t i = 0; i < f->ntensors; i++) {
        const struct bt_tensor *t = &f->tensors[i];
        uint64_t end;
        if (offset[i] != sum)
            return bad_tensor(r, t, bt_arena_printf(r->arena, "offset %" PRIu64 ", expected %" PRIu64, offset[i], sum));
        if (!bt_add_u64(sum, t->bytes, &end) || end > INT64_MAX)
            return bad_tensor(r, t, "more bytes than a machine can count");
        if (t->bytes && (f->data_at > r->in->size || end > r->in->size - f->data_at)) {
            bt_err_set(r->err, BT_E_INPUT, 0, "%s: truncated: tensor %s ends at byte %" PRIu64 ", the file at %" PRIu64, r->what,
                       bt_model_shown(r->arena, t->name), f->data_at + end, r->in->size);
            return bt_err_hint(r->err, "the download was cut: fetch the file again");
        }
        sum = bt_round_up(end, f->alignment);
    }
    f->data_bytes = sum;
    return 0;
}

/* ---- the file ---- */

static int get_counts(struct reader *r, struct bt_gguf_file *f, uint64_t *tensors, uint64_t *keys)
{
    char magic[4];
    uint64_t version;
    if (r->in->size >= 4 && get(r, magic, 4, "the magic bytes") == 0 && memcmp(magic, "GGUF", 4) != 0) {
        char head[40] = { 0 };
        r->at = 0;
        size_t n = (size_t)BT_MIN(r->in->size, sizeof head);
        if (get(r, head, n, "the magic bytes") == 0 && bt_model_is_lfs((struct bt_str){ head, n }))
            return bt_model_lfs_err(r->err, r->what);
        return bt_err_set(r->err, BT_E_INPUT, 0, "%s: not a GGUF file: it does not begin with GGUF", r->what);
    }
    r->at = 4;
    if (r->in->size < 24)
        return torn(r, "the header");
    if (get_uint(r, 4, &version, "the version") < 0 || get_uint(r, 8, tensors, "the number of tensors") < 0 || get_uint(r, 8, keys, "the number of keys") < 0)
        return -1;
    f->version = (uint32_t)version;
    if (!(version & 0xffff))
        return bt_err_set(r->err, BT_E_INPUT, 0, "%s: a big-endian GGUF file", r->what);
    if (version != 2 && version != 3)
        return bt_err_set(r->err, BT_E_INPUT, 0, "%s: GGUF version %" PRIu64 ", llama.cpp reads 2 and 3", r->what, version);
    if (*keys > KEYS_MAX || *keys > left(r) / 13)
        return bt_err_set(r->err, BT_E_INPUT, 0, "%s: %" PRIu64 " keys in a file of %" PRIu64 " bytes", r->what, *keys, r->in->size);
    if (*tensors > TENSORS_MAX || *tensors > left(r) / 25)
        return bt_err_set(r->err, BT_E_INPUT, 0, "%s: %" PRIu64 " tensors in a file of %" PRIu64 " bytes", r->what, *tensors, r->in->size);
    return 0;
}

static int get_alignment(struct reader *r, struct bt_gguf_file *f)
{
    const struct bt_gguf_kv *kv = bt_gguf_get(f, "general.alignment");
    f->alignment = 32;
    if (!kv)
        return 0;
    if (kv->type != BT_GG_U32 || kv->num <= 0 || (kv->num & (kv->num - 1)) || kv->num > (1 << 30))
        return bt_err_set(r->err, BT_E_INPUT, 0, "%s: general.alignment is not a power of two", r->what);
    f->alignment = (uint32_t)kv->num;
    return 0;
}

static int parse(struct reader *r, struct bt_gguf_file *f)
{
    uint64_t tensors = 0, keys = 0;
    if (get_counts(r, f, &tensors, &keys) < 0)
        return -1;
    f->kv = BT_NEWN(r->arena, struct bt_gguf_kv, keys + 1);
    for (; f->nkv < keys; f->nkv++)
        if (get_kv(r, &f->kv[f->nkv]) < 0)
            return -1;
    if (f->nkv)
        qsort(f->kv, f->nkv, sizeof *f->kv, by_key);
    if (get_alignment(r, f) < 0)
        return -1;
    f->tensors = BT_NEWN(r->arena, struct bt_tensor, tensors + 1);
    bt_auto_free uint64_t *offset = bt_xcalloc(tensors + 1, sizeof *offset);
    for (; f->ntensors < tensors; f->ntensors++)
        if (get_tensor(r, &f->tensors[f->ntensors], &offset[f->ntensors]) < 0)
            return -1;
    return check_names(r, f) < 0 ? -1 : check_data(r, f, offset);
}

int bt_gguf_parse(struct bt_arena *a, const char *what, const struct bt_gguf_in *in, struct bt_gguf_file *out, struct bt_err *err)
{
    *out = (struct bt_gguf_file){ 0 };
    bt_auto_free unsigned char *window = bt_xmalloc(WINDOW);
    struct reader r = { .in = in, .what = what, .arena = a, .err = err, .buf = window };
    return parse(&r, out);
}

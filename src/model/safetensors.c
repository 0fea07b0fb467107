/* safetensors.c - the header of a safetensors file: which tensors, of which type and shape, where. The same checks as the format's own
 * reader, so that a file refused by an engine after minutes is refused here at once. */
#include <inttypes.h>
#include "model/model_int.h"

/* What a tensor's object says. */
enum field { F_DTYPE = 1, F_SHAPE = 2, F_OFFSETS = 4, F_OTHER = 8 };
struct fields { unsigned seen; enum bt_dtype dtype; size_t rank; uint64_t shape[BT_LEN(((struct bt_tensor *)0)->shape)], offset[2]; size_t noffset; };
/* One header being read. In what follows, an error that finds s.why set is one of JSON: its text is made by the caller from the place. */
struct reader {
    struct bt_headers *h;
    struct bt_scan s;
    struct { char name[16]; enum bt_dtype dtype; } known[16];        /* by length of the name, the last one: weights and scales take turns */
};

static int read_dtype(struct reader *r, struct fields *f, struct bt_err *err)
{
    struct bt_str name;
    if (bt_scan_peek(&r->s) != '"')
        return bt_err_set(err, BT_E_INPUT, 0, "dtype (none) is not known");
    if (!bt_scan_string(&r->s, &name))
        return -1;
    bool fits = name.n < BT_LEN(r->known);
    if (fits && r->known[name.n].dtype != BT_DT_UNKNOWN && !memcmp(r->known[name.n].name, name.p, name.n)) {
        f->dtype = r->known[name.n].dtype;
        return 0;
    }
    const char *z = bt_arena_strndup(r->h->arena, name);
    f->dtype = bt_dtype_parse(z);
    if (f->dtype == BT_DT_UNKNOWN)
        return bt_err_set(err, BT_E_INPUT, 0, "dtype %s is not known", bt_model_shown(r->h->arena, z));
    if (fits) {
        memcpy(r->known[name.n].name, z, name.n);
        r->known[name.n].dtype = f->dtype;
    }
    return 0;
}

static int read_shape(struct reader *r, struct fields *f, struct bt_err *err)
{
    size_t n = 0;
    uint64_t v;
    int more;
    if (bt_scan_peek(&r->s) != '[')
        return bt_err_set(err, BT_E_INPUT, 0, "no \"shape\" list");
    for (r->s.p++; (more = bt_scan_more(&r->s, ']', &n)) == 1; ) {
        if (!bt_scan_size(&r->s, &v))
            return bt_err_set(err, BT_E_INPUT, 0, "dimension %zu of the shape is not a size", n - 1);
        if (n <= BT_LEN(f->shape))
            f->shape[n - 1] = v;
    }
    if (more == 0 && n > BT_LEN(f->shape))
        return bt_err_set(err, BT_E_INPUT, 0, "%zu dimensions, at most %zu are known", n, BT_LEN(f->shape));
    f->rank = n;
    return more;
}

static int no_offsets(struct bt_err *err)
{
    return bt_err_set(err, BT_E_INPUT, 0, "\"data_offsets\" is not [begin, end]");
}

static int read_offsets(struct reader *r, struct fields *f, struct bt_err *err)
{
    size_t n = 0;
    int more;
    if (bt_scan_peek(&r->s) != '[')
        return no_offsets(err);
    for (r->s.p++; (more = bt_scan_more(&r->s, ']', &n)) == 1; )
        if (n > BT_LEN(f->offset) || !bt_scan_size(&r->s, &f->offset[n - 1]))
            return no_offsets(err);
    f->noffset = n;
    return more;
}

static enum field field_of(struct bt_str key)
{
    return key.n == 5 && !memcmp(key.p, "dtype", 5) ? F_DTYPE : key.n == 5 && !memcmp(key.p, "shape", 5) ? F_SHAPE
         : key.n == 12 && !memcmp(key.p, "data_offsets", 12) ? F_OFFSETS : F_OTHER;
}

static int read_field(struct reader *r, struct fields *f, struct bt_err *err)
{
    struct bt_str key;
    if (!bt_scan_key(&r->s, &key))
        return -1;
    enum field which = field_of(key);
    if (f->seen & which & ~(unsigned)F_OTHER)
        return bt_err_set(err, BT_E_INPUT, 0, "\"%.*s\" is there twice", BT_STR(key));
    f->seen |= which;
    switch (which) {
    case F_DTYPE: return read_dtype(r, f, err);
    case F_SHAPE: return read_shape(r, f, err);
    case F_OFFSETS: return read_offsets(r, f, err);
    case F_OTHER: break;
    }
    return bt_scan_skip(&r->s, 2) ? 0 : -1;
}

static int read_fields(struct reader *r, struct fields *f, struct bt_err *err)
{
    size_t n = 0;
    int more;
    if (bt_scan_peek(&r->s) != '{')
        return bt_err_set(err, BT_E_INPUT, 0, "not an object");
    const char *from = r->s.p++;
    while ((more = bt_scan_more(&r->s, '}', &n)) == 1)
        if (read_field(r, f, err) < 0)
            return -1;
    if (more < 0 || ((f->seen & F_OTHER) && !bt_scan_judge(&r->s, from)))
        return -1;
    if (!(f->seen & F_DTYPE))
        return bt_err_set(err, BT_E_INPUT, 0, "dtype (none) is not known");
    if (!(f->seen & F_SHAPE))
        return bt_err_set(err, BT_E_INPUT, 0, "no \"shape\" list");
    return f->noffset == 2 && f->offset[0] <= f->offset[1] ? 0 : no_offsets(err);
}

/* Bytes that shape x dtype take. A dimension of 0 is legal: an empty tensor. */
static int shape_bytes(struct bt_tensor *t, struct bt_err *err)
{
    uint64_t elements = 1, bits;
    for (int i = 0; i < t->rank; i++)
        if (!bt_mul_u64(elements, t->shape[i], &elements))
            return bt_err_set(err, BT_E_INPUT, 0, "the shape has more elements than a machine can count");
    if (!bt_mul_u64(elements, bt_dtype_bits(t->dtype), &bits))
        return bt_err_set(err, BT_E_INPUT, 0, "the shape has more bytes than a machine can count");
    if (bits % 8)
        return bt_err_set(err, BT_E_INPUT, 0, "%" PRIu64 " bits do not end at a byte", bits);
    t->bytes = bits / 8;
    return 0;
}

static int read_tensor(struct reader *r, struct bt_spot *out, struct bt_err *err)
{
    struct fields f = { 0 };
    if (read_fields(r, &f, err) < 0)
        return -1;
    out->t.dtype = f.dtype;
    out->t.rank = (uint8_t)f.rank;
    memcpy(out->t.shape, f.shape, sizeof f.shape);
    if (shape_bytes(&out->t, err) < 0)
        return -1;
    out->begin = f.offset[0];
    out->end = f.offset[1];
    if (out->end - out->begin != out->t.bytes)
        return bt_err_set(err, BT_E_INPUT, 0, "data_offsets span %" PRIu64 " bytes, its shape and type need %" PRIu64, out->end - out->begin, out->t.bytes);
    return 0;
}

static int by_place(const void *x, const void *y)
{
    const struct bt_spot *a = x, *b = y;
    if (a->begin != b->begin)
        return a->begin < b->begin ? -1 : 1;
    if (a->end != b->end)
        return a->end < b->end ? -1 : 1;
    return strcmp(a->t.name, b->t.name);             /* empty tensors may share a place */
}

/* Sorted by place, each must begin where the one before ends, and the last one where the file does. */
static int check_cover(struct bt_arena *a, const char *what, const struct bt_spot *s, size_t n, uint64_t data_bytes, struct bt_err *err)
{
    uint64_t at = 0;
    for (size_t i = 0; i < n; at = s[i++].end) {
        if (s[i].begin < at)
            return bt_err_set(err, BT_E_INPUT, 0, "%s: tensors %s and %s overlap at byte %" PRIu64, what, bt_model_shown(a, s[i - 1].t.name),
                              bt_model_shown(a, s[i].t.name), s[i].begin);
        if (s[i].begin > at)
            return bt_err_set(err, BT_E_INPUT, 0, "%s: bytes %" PRIu64 " to %" PRIu64 " before tensor %s belong to no tensor", what, at, s[i].begin,
                              bt_model_shown(a, s[i].t.name));
    }
    if (at > data_bytes) {
        bt_err_set(err, BT_E_INPUT, 0, "%s: truncated: %" PRIu64 " bytes of tensors, the file has %" PRIu64, what, at, data_bytes);
        return bt_err_hint(err, "the download was cut: fetch the file again");
    }
    if (at < data_bytes)
        return bt_err_set(err, BT_E_INPUT, 0, "%s: %" PRIu64 " bytes after the last tensor belong to no tensor", what, data_bytes - at);
    return 0;
}

/* Headers are mostly written in the order of their data. */
static void sort_by_place(struct bt_spot *s, size_t n)
{
    for (size_t i = 1; i < n; i++)
        if (by_place(&s[i - 1], &s[i]) > 0) {
            qsort(s, n, sizeof *s, by_place);
            return;
        }
}

static int add_name(struct bt_headers *h, uint32_t file, struct bt_str key, const char **out, struct bt_err *err)
{
    bool fresh;
    struct bt_name *name = bt_names_get(&h->names, h->arena, key, &fresh);
    *out = name->text;
    if (name->in == file)
        return bt_err_set(err, BT_E_INPUT, 0, "%s: tensor %s is named twice", h->what, bt_model_shown(h->arena, name->text));
    if (name->in)
        return bt_err_set(err, BT_E_INPUT, 0, "%s: tensor %s is in both %s and %s", h->dir, bt_model_shown(h->arena, name->text),
                          bt_model_shown(h->arena, h->file[name->in - 1]), bt_model_shown(h->arena, h->file[file - 1]));
    name->in = file;
    return 0;
}

static struct bt_spot *next_spot(struct bt_headers *h, size_t n)
{
    if (n == h->spots) {
        h->spots = n ? n * 2 : 256;
        h->spot = bt_xrealloc(h->spot, h->spots * sizeof *h->spot);
    }
    h->spot[n] = (struct bt_spot){ 0 };
    return &h->spot[n];
}

/* One "name": value of the header, behind its comma. *n: spots so far. */
static int read_member(struct reader *r, uint32_t file, bool *metadata, size_t *n, struct bt_err *err)
{
    struct bt_str key;
    if (!bt_scan_key(&r->s, &key))
        return -1;
    if (bt_str_eq(key, "__metadata__")) {
        bt_scan_peek(&r->s);
        const char *from = r->s.p;
        if (*metadata)
            return bt_err_set(err, BT_E_INPUT, 0, "%s: __metadata__ is there twice", r->h->what);
        *metadata = true;
        return bt_scan_skip(&r->s, 1) && bt_scan_judge(&r->s, from) ? 0 : -1;
    }
    struct bt_spot *spot = next_spot(r->h, *n);
    if (add_name(r->h, file, key, &spot->t.name, err) < 0)
        return -1;
    if (read_tensor(r, spot, err) < 0)
        return r->s.why ? -1 : bt_err_wrap(err, "%s: tensor %s", r->h->what, bt_model_shown(r->h->arena, spot->t.name));
    ++*n;
    return 0;
}

static int read_header(struct reader *r, uint32_t file, size_t *n, struct bt_err *err)
{
    size_t members = 0;
    bool metadata = false;
    int more;
    if (!bt_scan_take(&r->s, '{'))
        return -1;
    while ((more = bt_scan_more(&r->s, '}', &members)) == 1)
        if (read_member(r, file, &metadata, n, err) < 0)
            return -1;
    return more == 0 && bt_scan_end(&r->s) ? 0 : -1;
}

static void append(struct bt_headers *h, size_t n)
{
    if (h->n + n > h->cap) {         /* with an index there is room for all from the start */
        struct bt_tensor *old = h->tensor;
        h->cap = BT_MAX(h->cap * 2, h->n + n);
        h->tensor = BT_NEWN(h->arena, struct bt_tensor, h->cap);
        if (h->n)
            memcpy(h->tensor, old, h->n * sizeof *old);
    }
    for (size_t i = 0; i < n; i++)
        h->tensor[h->n++] = h->spot[i].t;
}

int bt_headers_add(struct bt_headers *h, uint32_t file, const char *what, struct bt_str json, uint64_t data_bytes, struct bt_err *err)
{
    struct reader r = { .h = h };
    size_t n = 0;
    h->what = what;
    bt_scan_init(&r.s, json);
    int rc = read_header(&r, file, &n, err);
    if (rc < 0 && r.s.why)
        bt_scan_err(&r.s, what, err);
    bt_scan_release(&r.s);
    if (rc < 0)
        return -1;
    sort_by_place(h->spot, n);
    if (check_cover(h->arena, what, h->spot, n, data_bytes, err) < 0)
        return -1;
    append(h, n);
    return 0;
}

void bt_headers_release(struct bt_headers *h)
{
    bt_names_release(&h->names);
    free(h->spot);
    free(h->text);
    h->spot = NULL;
    h->text = NULL;
}

int bt_safetensors_header(struct bt_arena *a, const char *what, struct bt_str json, uint64_t data_bytes, struct bt_tensor **out, size_t *n, struct bt_err *err)
{
    bt_auto_headers h = { .arena = a };
    if (bt_headers_add(&h, 1, what, json, data_bytes, err) < 0)
        return -1;
    *out = h.tensor;
    *n = h.n;
    return 0;
}

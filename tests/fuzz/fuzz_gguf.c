/* fuzz_gguf.c - a GGUF header and what is made of it. The first 8 bytes say how many bytes of data follow the input. */
#include "model/gguf.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

struct memory { const uint8_t *p; uint64_t n; };
static int read_memory(void *ctx, uint64_t at, void *to, size_t n, struct bt_err *err)
{
    const struct memory *m = ctx;
    if (at > m->n || n > m->n - at) {                /* data is not read: only a header that goes on for ever gets here */
        memset(to, 0, n);
        if (at < m->n)
            memcpy(to, m->p + at, (size_t)(m->n - at));
        return 0;
    }
    memcpy(to, m->p + at, n);
    (void)err;
    return 0;
}

/* What was accepted lies inside the file, and adds up. */
static void check(const struct bt_gguf_file *f, uint64_t size)
{
    uint64_t sum = 0, row;
    for (size_t i = 0; i < f->ntensors; i++) {
        const struct bt_tensor *t = &f->tensors[i];
        uint32_t layer;
        uint64_t rows = 1;
        for (int k = 0; k + 1 < t->rank; k++)
            rows *= t->shape[k];
        if (!t->name || !t->ggml || !bt_ggml_row_bytes(t->ggml, t->rank ? t->shape[t->rank - 1] : 1, &row) || row * rows != t->bytes)
            abort();
        sum += t->bytes;
        (void)bt_gguf_tensor_place(t, &layer);
    }
    if (sum > size || sum > f->data_bytes)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    bt_auto_arena a = { 0 };
    struct bt_err err = { 0 };
    struct bt_gguf_file f;
    struct bt_model m = { 0 };
    uint64_t data = 0;
    if (n < 8)
        return 0;
    for (int i = 7; i >= 0; i--)
        data = data << 8 | p[i];
    data %= (uint64_t)1 << 40;
    struct memory mem = { p + 8, n - 8 };
    struct bt_gguf_in in = { &mem, mem.n + data, read_memory };
    if (bt_gguf_parse(&a, "fuzz", &in, &f, &err) == 0) {
        check(&f, in.size);
        m.tensors = f.tensors;
        m.ntensors = f.ntensors;
        if (bt_gguf_model(&a, "fuzz", &f, &m, &err) == 0) {
            if (!m.gguf || m.layers == 0 || m.layers > 512 || !m.layer)
                abort();
            return 0;
        }
    }
    if (!err.code || !err.msg[0])
        abort();
    return 0;
}

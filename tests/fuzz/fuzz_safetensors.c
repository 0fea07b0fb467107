/* fuzz_safetensors.c - a safetensors header: eight bytes of "how much data follows", then the JSON. */
#include "model/model.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

/* What was accepted must cover the data exactly. */
static void check(const struct bt_tensor *t, size_t count, uint64_t data)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < count; i++) {
        uint64_t bits = bt_dtype_bits(t[i].dtype);
        for (int k = 0; k < t[i].rank; k++)
            bits *= t[i].shape[k];
        sum += t[i].bytes;
        if (!t[i].name || bits != t[i].bytes * 8 || bt_tensor_place(&t[i]).layer < -1)
            abort();
    }
    if (sum != data)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    bt_auto_arena a = { 0 };
    struct bt_err err = { 0 };
    struct bt_tensor *t = NULL;
    size_t count = 0;
    uint64_t data = 0;
    if (n < 8)
        return 0;
    for (int i = 7; i >= 0; i--)
        data = data << 8 | p[i];
    if (bt_safetensors_header(&a, "fuzz", (struct bt_str){ (const char *)p + 8, n - 8 }, data, &t, &count, &err) == 0)
        check(t, count, data);
    else if (!err.code || !err.msg[0])
        abort();
    return 0;
}

/* fuzz_config.c - config.json, and the tensors that it implies. */
#include "model/model_int.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static void check(const struct bt_model *m)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < m->ntensors; i++) {
        struct bt_tensor_place place = bt_tensor_place(&m->tensors[i]);
        bytes += m->tensors[i].bytes;
        if (place.role == BT_T_OTHER || place.layer >= (int)m->layers)
            abort();
    }
    if (bytes != m->weight_bytes || (m->ntensors == 0) != (m->tensors_why != NULL))
        abort();
}

/* What a config lacks is filled in, or named: a shape that comes out of it holds together like any other. */
static void completed(struct bt_arena *a, struct bt_str text)
{
    struct bt_model m = { 0 };
    struct bt_err err = { 0 };
    if (bt_model_config_more(a, "fuzz", text, NULL, &m, &err) == 0 && bt_model_complete(a, "fuzz", text, &m, &err) == 0 && bt_model_derive(a, &m, &err) == 0)
        check(&m);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    bt_auto_arena a = { 0 };
    struct bt_err err = { 0 };
    struct bt_model m = { 0 };
    if (bt_model_config(&a, "fuzz", (struct bt_str){ (const char *)p, n }, &m, &err) < 0) {
        if (!err.code || !err.msg[0])
            abort();
        completed(&a, (struct bt_str){ (const char *)p, n });
        return 0;
    }
    if (!m.architecture || !m.model_type || (m.layers && !m.layer) || !(m.rope_factor > 0))
        abort();
    if (bt_model_derive(&a, &m, &err) == 0)
        check(&m);
    return 0;
}

/* fuzz_name.c - names of models: copies, quantised ones, GGUF files that are not here. */
#include "model/gguf.h"
#include "model/model_int.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    bt_auto_arena a = { 0 };
    struct bt_err err = { 0 };
    struct bt_model m = { 0 };
    const char *name = bt_arena_strndup(&a, (struct bt_str){ (const char *)p, n }), *why = NULL;
    uint64_t parameters = 0;
    bool found = false;
    m.id = name;
    if (bt_gguf_by_name(&a, name, &m, &found, &err) < 0) {
        if (!err.code || !err.msg[0] || !err.hint[0] || !found)
            abort();
    } else if (found && (!m.gguf || !m.guessed || !m.ntensors || m.gguf->layers != m.layers)) {
        abort();
    }
    const char *config = bt_builtin_alias(&a, name, &parameters, &why);
    struct bt_model shape = { 0 };
    if (config && bt_model_config(&a, "built-in shape", bt_str(config), &shape, &err) < 0)
        abort();
    return 0;
}

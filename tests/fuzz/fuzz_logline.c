/* fuzz_logline.c - one line of an engine's output. */
#include "engine/engine.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    static const char *const names[] = { "vllm", "sglang", "llama-server", NULL };
    for (const char *const *name = names; *name; name++) {
        struct bt_log_event ev;
        bool said = bt_engine_find(*name)->log_line((struct bt_str){ (const char *)p, n }, &ev);
        if (said != (ev.kind != BT_LOG_NONE) || ev.percent < -1 || ev.percent > 100 || !memchr(ev.text, 0, sizeof ev.text))
            abort();
        for (const char *c = ev.text; *c; c++)
            if ((unsigned char)*c < 0x20 || *c == 0x7f)
                abort();
    }
    return 0;
}

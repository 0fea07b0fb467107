/* fuzz_paste.c - a pasted command line: one text that is cut as a shell would, and the same bytes as words of their own. */
#include "cmd/paste.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static void judge(struct bt_arena *a, const char *const *words, size_t n)
{
    struct paste out;
    struct bt_err err = { 0 };
    if (paste_read(a, words, n, &out, &err) < 0) {
        if (err.code == BT_OK || !err.msg[0])
            abort();
        return;
    }
    if (!out.engine || !out.model || out.serve.model != out.model)
        abort();
    for (size_t i = 0; i < out.n; i++)
        if (!out.item[i].text || !out.item[i].note || !paste_effect_name(out.item[i].effect))
            abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    bt_auto_arena arena = { 0 };
    const char *text = bt_arena_strndup(&arena, (struct bt_str){ (const char *)p, n });
    const char **words = NULL;
    size_t count = 0;
    judge(&arena, &text, 1);
    struct bt_str rest = { text, strlen(text) }, word;
    while (rest.p && count < 1000) {
        rest = bt_str_cut(rest, ' ', &word);
        const char *kept = bt_arena_strndup(&arena, word);
        BT_PUSH(&arena, words, count, kept);
    }
    judge(&arena, words, count);
    return 0;
}

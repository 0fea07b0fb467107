/* fuzz_diagnose.c - a whole log. */
#include "engine/diagnose.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static void printable(const char *text, size_t size)
{
    if (!memchr(text, 0, size))
        abort();
    for (const char *c = text; *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    static struct bt_diag d;
    struct bt_str text = { (const char *)p, n }, line;
    bt_diag_init(&d);
    while (text.p && text.n) {
        text = bt_str_cut(text, '\n', &line);
        bt_diag_line(&d, line);
    }
    bt_diag_end(&d);
    const char *const *codes = bt_diag_codes();
    size_t i = 0;
    while (codes[i] && strcmp(codes[i], d.found.code))
        i++;
    if (!codes[i] || !d.found.cause[0] || d.found.line > d.lines || d.nargs > BT_LEN(d.arg))
        abort();
    printable(d.found.cause, sizeof d.found.cause);
    printable(d.found.quote, sizeof d.found.quote);
    for (size_t k = 0; k < d.found.nadvice; k++) {
        printable(d.found.advice[k].flags, sizeof d.found.advice[k].flags);
        printable(d.found.advice[k].text, sizeof d.found.advice[k].text);
    }
    for (size_t k = 0; k < d.nargs; k++)
        printable(d.arg[k].value, sizeof d.arg[k].value);
    return 0;
}

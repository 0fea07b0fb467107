/* claim_text - what people write, with one sign for each thing: before a claim is cut into words. */
#include <ctype.h>

#include "pace/pace_int.h"

/* Signs of more than one byte that people write. */
static const struct {
    const char *said, *meant;
} signs[] = {
    { "\xc3\x97", "x" },     { "\xe2\x89\x88", " " }, { "\xe2\x88\xbc", " " }, { "\xe2\x89\xa5", " " }, { "\xe2\x89\xa4", " " },
    { "\xc2\xb1", " +- " },  { "\xe2\x80\x91", "-" }, { "\xe2\x80\x90", "-" }, { "\xe2\x80\x92", "-" }, { "\xe2\x88\x92", "-" },
    { "\xe2\x88\x95", "/" }, { "\xe2\x81\x84", "/" }, { "\xe2\x80\x99", "'" }, { "\xe2\x80\x9c", " " }, { "\xe2\x80\x9d", " " },
    { "\xe2\x80\x93", "-" }, { "\xe2\x80\x94", "," }, { "\xc2\xb7", "," },     { "\xe2\x80\xa2", "," }, { "\xc2\xa0", " " },
    { "\xe2\x80\xaf", " " },
};

/* "2,400": a comma before three digits, in a word of digits alone, whose word before takes no number. */
static bool is_thousands(struct bt_str text, size_t comma)
{
    size_t from = comma, to = comma + 1;
    while (from > 0 && (isdigit((unsigned char)text.p[from - 1]) || text.p[from - 1] == ','))
        from--;
    while (to < text.n && isdigit((unsigned char)text.p[to]))
        to++;
    if (to - comma != 4 || from == comma || comma - from > 8 || (from > 0 && !strchr(" \t\n(~<>=:@", text.p[from - 1])))
        return false;
    size_t end = from, start;
    while (end > 0 && strchr(" =:", text.p[end - 1]))
        end--;
    for (start = end; start > 0 && !strchr(" ,;|(", text.p[start - 1]);)
        start--;
    char before[24] = "";
    if (end - start < sizeof before)
        memcpy(before, text.p + start, end - start);
    return !pc_counts(before);
}

/* The text with one sign for each thing: commas between fields, none in numbers. */
struct bt_str pc_claim_text(struct bt_arena *a, struct bt_str text)
{
    char *out = bt_arena_alloc(a, text.n * 2 + 1);
    size_t n = 0;
    for (size_t i = 0; i < text.n;) {
        const char *as = NULL;
        size_t took = 1;
        for (size_t s = 0; s < BT_LEN(signs) && !as; s++)
            if (text.n - i >= strlen(signs[s].said) && !memcmp(text.p + i, signs[s].said, strlen(signs[s].said))) {
                as = signs[s].meant;
                took = strlen(signs[s].said);
            }
        if (as) {
            memcpy(out + n, as, strlen(as));
            n += strlen(as);
        } else if (((unsigned char)text.p[i] & 0xf8) == 0xf0) { /* pictures */
            out[n++] = ' ';
            for (took = 1; took < 4 && i + took < text.n && ((unsigned char)text.p[i + took] & 0xc0) == 0x80;)
                took++;
        } else if (text.p[i] == '|' || text.p[i] == ';') {
            out[n++] = ',';
        } else if (text.p[i] != ',' || !is_thousands(text, i)) {
            out[n++] = text.p[i];
        }
        i += took;
    }
    return (struct bt_str){ out, n };
}

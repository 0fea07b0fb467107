/* fuzz_claim.c - a stated speed in people's words: read, and where it is whole, judged. */
#include <math.h>

#include "pace/pace.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static const struct bt_model *a_model(void)
{
    static struct bt_arena life;
    static struct bt_model *m;
    struct bt_err err = { 0 };
    if (!m && bt_model_open(&life, "Qwen/Qwen2.5-32B", &m, &err) < 0)
        abort();
    return m;
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    bt_auto_arena arena = { 0 };
    struct bt_claim c;
    struct bt_judged j;
    struct bt_err err = { 0 };
    if (bt_claim_parse(&arena, (struct bt_str){ (const char *)p, n }, &c, &err) < 0) {
        if (err.code == BT_OK || !err.msg[0])
            abort();
        return 0;
    }
    if (!c.model || !c.kind || !c.cards || !c.tp || !c.pp || !c.streams || !(c.tok_s > 0) || c.tp * c.pp > c.cards)
        abort();
    if (bt_claim_judge(&c, a_model(), &j, &err) == 0 && (!isfinite(j.share) || j.share <= 0 || !isfinite(j.ceiling_tok_s) || !isfinite(j.pace.decode_tok_s)))
        abort();
    return 0;
}

/* why.c - what an instance that has failed died of, by its own log: the cause in one line, and what would start. */
#include "base/json.h"
#include "engine/diagnose.h"
#include "run/project.h"

/* A start's log is 20 KB, with a traceback of each of 8 ranks 100 KB. The daemon waits for this: 0.17 s a MiB of log, measured. */
enum { LOOK_BYTES = 192 * 1024 };

struct look { struct bt_diag diag; int64_t from_ms; };

static void on_line(void *ctx, int64_t wall_ms, char stream, struct bt_str text)
{
    struct look *k = ctx;
    if (stream != 'b' && wall_ms >= k->from_ms)
        bt_diag_line(&k->diag, text);
}

json_t *bt_report_why(const struct bt_instance *in)
{
    bt_auto_arena a = { 0 };
    struct look *k = BT_NEW(&a, struct look);
    const struct bt_diagnosis *f = &k->diag.found;
    if (!in->ran || !in->exited)
        return json_null();
    bt_diag_init(&k->diag);
    k->from_ms = in->launched_wall_ms;
    bt_tail_end(in->dir, LOOK_BYTES, on_line, k);
    bt_diag_end(&k->diag);
    if (f->rank < BT_DIAG_EFFECT || !strcmp(f->code, "stopped"))     /* a guess is no cause; that it was stopped is our own doing */
        return json_null();
    json_t *advice = json_array();
    for (size_t i = 0; i < f->nadvice; i++)
        json_array_append_new(advice, json_pack("{s:o, s:o}", "flags", bt_json_text(f->advice[i].flags), "text", bt_json_text(f->advice[i].text)));
    return json_pack("{s:s, s:o, s:o}", "code", f->code, "cause", bt_json_text(f->cause), "advice", advice);
}

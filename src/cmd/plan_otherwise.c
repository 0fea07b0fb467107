/* plan_otherwise - `berth plan --alternatives`: each server as it is planned and otherwise, one table a server. */
#include <stdio.h>

#include "base/json.h"
#include "base/units.h"
#include "cmd/cmd.h"
#include "cmd/plan_side.h"
#include "plan/alternatives.h"
#include "plan/machine.h"

#define MAX_PRINT (4 * MiB)

static void add(struct bt_arena *a, struct bt_table *t, const struct bt_alternative *r)
{
    if (!r->fits) {
        bt_table_row(t, r->what, "-", "", "", "", "", "", bt_arena_printf(a, "does not fit: %s", r->why_not), NULL);
        return;
    }
    bt_table_row(t, r->what, bt_arena_printf(a, "%u", r->cards), bt_arena_strdup(a, bt_bytes_human(r->bytes)), bt_arena_strdup(a, bt_count_human(r->context)),
                 bt_arena_strdup(a, bt_count_human(r->at_once)), r->decode_tok_s > 0 ? bt_arena_printf(a, "%.1f", r->decode_tok_s) : "?",
                 r->percent > 0 ? bt_arena_printf(a, "%.0f %%", r->percent) : "", r->gives_up, NULL);
}

static void print(struct bt_arena *a, const struct bt_alternative *row, size_t n, struct bt_buf *out)
{
    static const char *const heads[] = { "", ">cards", "?>bytes", ">context", "?>at once", ">tok/s", ">of best", "?gives up", NULL };
    for (size_t i = 0; i < n; ) {
        struct bt_table *t = bt_table_new(a, heads);
        size_t first = i;
        for (; i < n && !strcmp(row[i].workload, row[first].workload); i++)
            add(a, t, &row[i]);
        bt_buf_printf(out, "%s%s otherwise\n", first ? "\n" : "", row[first].workload);
        bt_table_print(t, bt_style_of(stdout), out);
        for (size_t k = first + 1; k < i; k++) {     /* how to ask for it */
            if (!row[k].fits)
                continue;
            bt_buf_printf(out, "  %s: ", row[k].what);
            for (size_t c = 0; c < row[k].nset; c++)
                bt_buf_printf(out, "%s%s: %s", c ? ", " : "", strrchr(row[k].set[c].path, '.') + 1, row[k].set[c].value);
            bt_buf_printf(out, "%s%s\n", row[k].needs && row[k].nset ? ", and " : "", row[k].needs ? row[k].needs : "");
        }
    }
    bt_buf_puts(out, n ? "\neach row is planned with everything else; cards and bytes are of all copies, tok/s of one stream (predicted)\n"
                       : "no server whose model and engine are known: nothing to plan otherwise\n");
}

static json_t *row_json(const struct bt_alternative *r)
{
    json_t *set = json_array();
    for (size_t i = 0; i < r->nset; i++)
        json_array_append_new(set, json_pack("{s:s, s:o}", "path", r->set[i].path, "value", bt_json_text(r->set[i].value)));
    json_t *o = json_pack("{s:s, s:s, s:s, s:b, s:o, s:i, s:i, s:I, s:I}", "workload", r->workload, "alternative", r->kind, "what", r->what, "fits", r->fits,
                          "why_not", bt_json_text(r->why_not), "copies", (int)r->copies, "cards", (int)r->cards, "tp", (json_int_t)r->tp,
                          "pp", (json_int_t)r->pp);
    json_object_set_new(o, "bytes", bt_json_bytes(r->bytes));
    json_object_set_new(o, "host_bytes", bt_json_bytes(r->host_bytes));
    json_object_set_new(o, "context", r->fits ? bt_json_bytes(r->context) : json_null());
    json_object_set_new(o, "requests_at_once", r->fits ? bt_json_bytes(r->at_once) : json_null());
    json_object_set_new(o, "decode_tok_s", r->decode_tok_s > 0 ? json_real(r->decode_tok_s) : json_null());
    json_object_set_new(o, "percent_of_best", r->percent > 0 ? json_real(r->percent) : json_null());
    json_object_set_new(o, "gives_up", bt_json_text(r->gives_up));
    json_object_set_new(o, "set", set);
    json_object_set_new(o, "needs", bt_json_text(r->needs));
    return o;
}

/* Checkpoints that people publish beside their own: on this machine, or in the catalog. The hub is not asked. */
static size_t find_siblings(struct bt_arena *a, const struct bt_plan_in *in, struct bt_sibling **out)
{
    static const char *const endings[] = { "-FP8", "-FP8-dynamic", "-GPTQ-Int8", "-AWQ", "-GPTQ-Int4" };
    size_t n = 0;
    *out = NULL;
    for (size_t w = 0; w < in->spec->n; w++) {
        const char *id = in->models[w].model && in->spec->w[w].kind == BT_SERVER ? in->spec->w[w].model : NULL;
        for (size_t e = 0; id && id[0] != '/' && id[0] != '.' && id[0] != '~' && e < BT_LEN(endings); e++) {
            struct bt_sibling one = { .workload = w, .id = bt_arena_printf(a, "%s%s", id, endings[e]) };
            struct bt_model *m;
            struct bt_err not_there = { 0 };
            if (bt_model_open(a, one.id, &m, &not_there) < 0 || !m->quantization || m->guessed)       /* a name alone does not make a checkpoint */
                continue;
            one.model = m;
            BT_PUSH(a, *out, n, one);
        }
    }
    return n;
}

/* Of several machines one, with what was dealt to it. *dealt false: the whole does not fit, and its words are printed. */
static int one_machine(struct bt_arena *a, const struct bt_planning_opts *base, const char *node, struct bt_plan_in *in, bool *dealt, struct bt_err *err)
{
    struct bt_plan *plan;
    struct bt_machine m;
    size_t box;
    if (!node) {
        bt_err_set(err, BT_E_SPEC, 0, "%s is %zu machines; --alternatives looks at what else one of them could hold", in->fleet->text, in->fleet->nboxes);
        return bt_err_hint(err, "--node %s, or name one machine: --gpus 8xH100-80GB-HBM3", in->fleet->box[0].name);
    }
    if (bt_planning_node(a, in->fleet, node, &box, err) < 0 || bt_planning(a, base, &plan, err) < 0)
        return -1;
    *dealt = bt_planning_fits(plan);
    if (*dealt) {
        bt_plan_machine(a, in, plan, box, &m);
        *in = m.in;
    }
    return 0;
}

int bt_plan_otherwise(struct bt_arena *a, const struct bt_planning_opts *base, const char *node, bool json, int *rc, struct bt_err *err)
{
    struct bt_plan_in in;
    struct bt_alternative *row = NULL;
    struct bt_sibling *sibling;
    size_t n = 0;
    bool dealt = true;
    if (bt_planning_inputs(a, base, &in, NULL, err) < 0)
        return -1;
    if (in.fleet->nboxes ? one_machine(a, base, node, &in, &dealt, err) < 0 : node && bt_planning_node(a, in.fleet, node, &n, err) < 0)
        return -1;
    *rc = bt_errc_exit(BT_E_FIT);
    if (!dealt)
        return 0;
    size_t nsiblings = find_siblings(a, &in, &sibling);
    if (bt_plan_alternatives(a, &in, sibling, nsiblings, &row, &n, err) < 0)
        return -1;
    for (size_t i = 0; i < n; i++)
        *rc = row[i].fits ? 0 : *rc;
    if (json) {
        json_t *rows = json_array();
        for (size_t i = 0; i < n; i++)
            json_array_append_new(rows, row_json(&row[i]));
        bt_cmd_json("alternatives", json_pack("{s:o}", "rows", rows));
        return 0;
    }
    bt_auto_buf struct bt_buf b = BT_BUF(MAX_PRINT);
    print(a, row, n, &b);
    bt_cmd_print(&b);
    return 0;
}

/* plan_cheapest - `berth plan --cheapest`: the smallest fleet of the catalog that holds the spec. */
#include <stdio.h>

#include "base/json.h"
#include "base/units.h"
#include "cmd/cmd.h"
#include "cmd/plan_side.h"
#include "plan/cheapest.h"

#define MAX_PRINT (1 * MiB)
#define MAX_CARDS 16
#define ANY_FLEET "1xH200"           /* planning wants one; every fleet that counts is made by bt_plan_cheapest() */

static void print(struct bt_arena *a, const struct bt_cheapest *c, size_t n, struct bt_buf *out)
{
    static const char *const heads[] = { "fleet", ">bytes", "workload", ">copies", "shape", ">context", "?>at once", ">tok/s", NULL };
    if (!n) {
        bt_buf_printf(out, "no fleet of up to %d cards of one kind holds it: `berth plan --gpus %s` says why\n", MAX_CARDS, "8xB200");
        return;
    }
    bt_buf_printf(out, "the smallest that holds it: %s\n", c[0].fleet);
    struct bt_table *t = bt_table_new(a, heads);
    for (size_t i = 0; i < n; i++) {
        if (i)
            bt_table_rule(t);
        for (size_t k = 0; k < c[i].row.n; k++) {
            const struct bt_compare_work *w = &c[i].row.work[k];
            bt_table_row(t, k ? "" : c[i].fleet, k ? "" : bt_arena_strdup(a, bt_bytes_human(c[i].total_bytes)), w->name,
                         bt_plan_of(a, w->copies, w->copies_want), w->tp ? bt_planning_engines(a, w->tp, w->pp, w->dp, w->ep) : "",
                         w->context ? bt_plan_of(a, w->context, w->context_want) : "", bt_plan_at_once(a, w),
                         w->decode_tok_s > 0 ? bt_arena_printf(a, "%.1f", w->decode_tok_s) : "", NULL);
        }
    }
    bt_table_print(t, bt_style_of(stdout), out);
    bt_buf_puts(out, "\nsmallest: the fewest cards of one kind, of those the fewest bytes in all, of those the fastest reader; prices are not known.\n");
    if (n > 1)
        bt_buf_puts(out, "of several kinds: as many cards, made smaller one after the other as far as they may; the others take more cards and fewer "
                         "bytes in all.\n");
    bt_buf_puts(out, "held: at the least context that each server may have. A context of your own (`context: 32768`) asks for more.\n");
}

int bt_plan_smallest(struct bt_arena *a, const struct bt_planning_opts *base, bool json, int *rc, struct bt_err *err)
{
    struct bt_planning_opts o = *base;
    struct bt_plan_in in;
    struct bt_cheapest *c;
    size_t n;
    o.gpus = ANY_FLEET;
    if (bt_planning_inputs(a, &o, &in, NULL, err) < 0 || bt_plan_cheapest(a, &in, MAX_CARDS, &c, &n, err) < 0)
        return -1;
    *rc = n ? 0 : bt_errc_exit(BT_E_FIT);
    if (json) {
        json_t *rows = json_array();
        for (size_t i = 0; i < n; i++) {
            json_t *row = bt_plan_row_json(&c[i].row);
            json_object_set_new(row, "fleet", json_string(c[i].fleet));
            json_array_append_new(rows, row);
        }
        bt_cmd_json("cheapest", json_pack("{s:o, s:o}", "smallest", n ? json_string(c[0].fleet) : json_null(), "rows", rows));
        return 0;
    }
    bt_auto_buf struct bt_buf b = BT_BUF(MAX_PRINT);
    print(a, c, n, &b);
    bt_cmd_print(&b);
    return 0;
}

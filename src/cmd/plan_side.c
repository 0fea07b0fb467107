/* plan_side - plans side by side: a row for each variant and fleet, what fits in it, and who has the cards. */
#include <stdio.h>

#include "base/json.h"
#include "base/units.h"
#include "base/workers.h"
#include "cmd/cmd.h"
#include "cmd/plan_side.h"

#define MAX_PRINT (4 * MiB)
#define ROWS_EACH 4u                 /* for each thread at a time: they take unequally long */
#define MAX_FLEET 80                 /* columns of a name in the table; longer ones stand under it */

struct side { struct bt_arena *a; const struct bt_plan_side *s; struct bt_compare_row *row; const char **label; size_t n; struct bt_err why; size_t faults; };

/* One row: what it is planned from, and its plan. */
struct trial {
    const char *variant, *fleet;     /* NULL: as the command line and the spec have it */
    struct bt_arena a; struct bt_planning_opts o; struct bt_plan_in in; struct bt_strs notes;
    struct bt_plan *p; struct bt_err why; int rc;
};

/* Files and drivers are asked by one row after the other. */
static void read_inputs(const struct side *x, struct trial *t)
{
    t->o = *x->s->base;
    t->o.brief = true;
    t->o.variant = t->variant ? t->variant : t->o.variant;
    t->o.gpus = t->fleet ? t->fleet : t->o.gpus;
    t->rc = bt_planning_inputs(&t->a, &t->o, &t->in, &t->notes, &t->why);
}

static bool plan_one(void *ctx, unsigned worker, size_t i)
{
    struct trial *t = &((struct trial *)ctx)[i];
    (void)worker;
    t->rc = t->rc < 0 ? -1 : bt_planning_of(&t->a, &t->o, &t->in, &t->notes, &t->p, &t->why);
    return true;
}

static int add_row(struct side *x, const struct trial *t, struct bt_err *err)
{
    const char *variant = t->variant, *fleet = t->fleet;
    const struct bt_planning_opts o = t->o;
    const struct bt_err why = t->why;
    struct bt_compare_row row = { .variant = variant && variant[0] ? variant : NULL, .fleet = fleet };
    if (t->rc == 0) {
        row = bt_compare_row(x->a, t->p);
    } else if ((fleet || x->s->variants) && why.code == BT_E_SPEC) { /* a pool names cards that this fleet has not */
        row.why_not = bt_arena_strdup(x->a, why.msg);
        row.fleet = fleet ? fleet : o.gpus && o.gpus[0] ? o.gpus : "its own fleet";
        x->why = why;
        x->faults++;
    } else if ((fleet || x->s->variants) && why.code == BT_E_TOO_BIG) {          /* no place was found, and not all ways were tried: of this row */
        row.why_not = bt_arena_strdup(x->a, why.msg);
        row.fleet = fleet ? fleet : o.gpus && o.gpus[0] ? o.gpus : "its own fleet";
    } else {
        *err = why;
        return !x->s->variants ? -1 : bt_err_wrap(err, variant[0] ? "variant %s" : "the spec as written", variant);
    }
    size_t n = x->n;
    BT_PUSH(x->a, x->label, n, fleet ? fleet : x->s->variants ? (row.variant ? row.variant : "as written") : row.fleet);
    BT_PUSH(x->a, x->row, x->n, row);
    return 0;
}

/* So many at once: plans go, rows stay, for there may be hundreds of variants. */
static int add_rows(struct side *x, struct trial *t, size_t n, struct bt_err *err)
{
    const unsigned workers = bt_workers();
    int rc = 0;
    for (size_t i = 0, m; i < n && rc == 0; i += m) {
        m = BT_MIN(n - i, (size_t)workers * ROWS_EACH);
        for (size_t k = 0; k < m; k++)
            read_inputs(x, &t[i + k]);
        bt_workers_do(m, workers, plan_one, &t[i]);
        for (size_t k = 0; k < m; k++) {
            rc = rc == 0 ? add_row(x, &t[i + k], err) : rc;
            bt_arena_release(&t[i + k].a);
        }
    }
    return rc;
}

static void push_fleets(struct side *x, const char *variant, struct trial **t, size_t *n)
{
    for (size_t i = 0; i < BT_MAX(x->s->fleets.n, (size_t)1); i++) {
        struct trial one = { .variant = variant, .fleet = x->s->fleets.n ? x->s->fleets.v[i] : NULL };
        BT_PUSH(x->a, *t, *n, one);
    }
}

/* A fleet or a spec that is no such thing is an error, before any row is made. */
static int check_inputs(struct side *x, struct bt_strs *variants, struct bt_err *err)
{
    struct bt_fleet_opts fo = { .margin_bytes = BT_DEFAULT_MARGIN, .boxes = true };
    struct bt_fleet ignored;
    for (size_t i = 0; i < x->s->fleets.n; i++)
        if (bt_fleet_open(x->a, x->s->fleets.v[i], &fo, &ignored, err) < 0)
            return bt_err_wrap(err, "--compare");
    if (bt_planning_variants(x->a, x->s->base, variants, err) < 0)
        return -1;
    for (size_t i = 0; x->s->variants && i < variants->n; i++) {
        bt_auto_arena mine = { 0 };
        struct bt_planning_opts o = *x->s->base;
        struct bt_strs same;
        o.variant = variants->v[i];
        if (bt_planning_variants(&mine, &o, &same, err) < 0)
            return bt_err_wrap(err, "variant %s", o.variant);
    }
    return 0;
}

static int add_all(struct side *x, struct bt_err *err)
{
    struct bt_strs names = { 0 };
    if (check_inputs(x, &names, err) < 0)
        return -1;
    struct trial *t = NULL;
    size_t n = 0;
    push_fleets(x, x->s->variants ? "" : NULL, &t, &n);
    for (size_t i = 0; x->s->variants && i < names.n; i++)
        push_fleets(x, names.v[i], &t, &n);
    return add_rows(x, t, n, err);
}

/* ---- for people ---- */

static const char *shape(struct side *x, const struct bt_compare_work *w)
{
    return !w->tp ? "" : bt_planning_engines(x->a, w->tp, w->pp, w->dp, w->ep);
}

const char *bt_plan_of(struct bt_arena *a, uint64_t n, uint64_t want)
{
    return n < want || !n ? bt_arena_printf(a, "%s of %s", bt_count_human(n), bt_count_human(want)) : bt_arena_strdup(a, bt_count_human(n));
}

static const char *row_name(struct side *x, const struct bt_compare_row *r, size_t i)
{
    bool one_fleet = !x->s->fleets.n;
    const char *first = NULL;
    for (size_t k = 0; k < x->n && one_fleet; k++) {
        if (!x->row[k].cards)
            continue;
        one_fleet = !first || !strcmp(x->row[k].fleet, first);
        first = x->row[k].fleet;
    }
    if (x->s->variants && !x->s->fleets.n && !one_fleet)             /* a variant may name its own */
        return strlen(r->fleet) > MAX_FLEET ? bt_arena_printf(x->a, "%s, on its own fleet", x->label[i])
                                            : bt_arena_printf(x->a, "%s on %s", x->label[i], r->fleet);
    if (!x->s->variants || !x->s->fleets.n)
        return x->label[i];
    return bt_arena_printf(x->a, "%s on %s", r->variant ? r->variant : "as written", x->label[i]);
}

const char *bt_plan_at_once(struct bt_arena *a, const struct bt_compare_work *w)
{
    if (w->context)
        return bt_arena_strdup(a, bt_count_human(w->at_once));
    if (w->users)
        return bt_arena_printf(a, "%s user%s", bt_count_human(w->users), w->users == 1 ? "" : "s");
    return w->batch ? bt_arena_printf(a, "batch %s", bt_count_human(w->batch)) : "";
}

static void print_work(struct side *x, struct bt_table *t, const struct bt_compare_row *r, const struct bt_compare_work *w, const char *name, bool phases)
{
    const char *cells[12];
    size_t n = 0;
    cells[n++] = name;
    cells[n++] = name[0] ? bt_arena_printf(x->a, "%zu of %zu", r->cards_used, r->cards) : "";
    if (phases)
        cells[n++] = w->phase;
    cells[n++] = w->name;
    cells[n++] = bt_plan_of(x->a, w->copies, w->copies_want);
    cells[n++] = bt_arena_printf(x->a, "%u", w->cards);
    cells[n++] = shape(x, w);
    cells[n++] = w->context ? bt_plan_of(x->a, w->context, w->context_want) : "";
    cells[n++] = bt_plan_at_once(x->a, w);
    cells[n++] = w->bytes ? bt_arena_strdup(x->a, bt_bytes_human(w->bytes)) : "";
    cells[n++] = w->decode_tok_s > 0 ? bt_arena_printf(x->a, "%.1f", w->decode_tok_s) : "";
    bt_table_cells(t, cells, n);
}

static void print_table(struct side *x, struct bt_buf *out)
{
    static const char *const heads[] = { "", ">GPUs", "phase", "workload", ">copies", ">on cards", "shape", ">context", "?>at once", "?>per card", ">tok/s",
                                         NULL };
    const char *used[BT_LEN(heads)];
    bool phases = false;
    for (size_t i = 0; i < x->n; i++)
        phases = phases || (x->row[i].fits && x->row[i].phases > 1);
    size_t h = 0;
    for (size_t i = 0; i < BT_LEN(heads); i++)
        if (phases || i != 2)
            used[h++] = heads[i];
    struct bt_table *t = bt_table_new(x->a, used);
    for (size_t i = 0; i < x->n; i++) {
        const struct bt_compare_row *r = &x->row[i];
        if (i)
            bt_table_rule(t);
        if (!r->fits)
            bt_table_row(t, row_name(x, r, i), r->cards ? bt_arena_printf(x->a, "- of %zu", r->cards) : "-", "does not fit", NULL);
        for (size_t k = 0; k < r->n; k++)
            print_work(x, t, r, &r->work[k], k ? "" : row_name(x, r, i), phases);
    }
    bt_table_print(t, bt_style_of(stdout), out);
}

static void print(struct side *x, struct bt_buf *out)
{
    print_table(x, out);
    bt_buf_puts(out, "\n");
    for (size_t i = 0; i < x->n; i++) {
        const struct bt_compare_row *r = &x->row[i];
        const char *says = r->fits ? r->favours : r->why_not;
        if (x->s->variants && !x->s->fleets.n && r->cards && strlen(r->fleet) > MAX_FLEET)
            bt_buf_printf(out, "%s: %s\n", row_name(x, r, i), r->fleet);
        if (says)
            bt_buf_printf(out, "%s: %s%s\n", row_name(x, r, i), r->fits ? "" : "does not fit: ", says);
    }
    bt_buf_puts(out, "\ncontext: tokens of one request. at once: requests of that length that fit in the KV; users or batch of a job. tok/s: predicted, one "
                     "stream.\n");
}

/* ---- JSON ---- */

static json_t *work_json(const struct bt_compare_work *w)
{
    static const char *const kinds[] = { [BT_SERVER] = "server", [BT_SERVICE] = "service", [BT_JOB] = "job" };
    json_t *o = json_pack("{s:s, s:s, s:s, s:i, s:i, s:i, s:o}", "phase", w->phase, "workload", w->name, "kind", kinds[w->kind], "copies", (int)w->copies,
                          "copies_wanted", (int)w->copies_want, "cards", (int)w->cards, "bytes_per_card", bt_json_bytes(w->bytes));
    bool server = w->tp > 0;
    json_object_set_new(o, "tp", server ? json_integer((json_int_t)w->tp) : json_null());
    json_object_set_new(o, "pp", server ? json_integer((json_int_t)w->pp) : json_null());
    json_object_set_new(o, "dp", server ? json_integer((json_int_t)w->dp) : json_null());
    json_object_set_new(o, "ep", server ? json_integer((json_int_t)w->ep) : json_null());
    json_object_set_new(o, "context", server ? bt_json_bytes(w->context) : json_null());
    json_object_set_new(o, "context_wanted", server ? bt_json_bytes(w->context_want) : json_null());
    json_object_set_new(o, "requests_at_once", server ? bt_json_bytes(w->at_once) : json_null());
    json_object_set_new(o, "users", w->users ? bt_json_bytes(w->users) : json_null());
    json_object_set_new(o, "batch", w->batch ? bt_json_bytes(w->batch) : json_null());
    json_object_set_new(o, "decode_tok_s", w->decode_tok_s > 0 ? json_real(w->decode_tok_s) : json_null());
    return o;
}

json_t *bt_plan_row_json(const struct bt_compare_row *r)
{
    json_t *works = json_array();
    for (size_t k = 0; k < r->n; k++)
        json_array_append_new(works, work_json(&r->work[k]));
    return json_pack("{s:o, s:o, s:b, s:o, s:i, s:i, s:i, s:o, s:o, s:o, s:o}", "variant", bt_json_text(r->variant), "fleet", bt_json_text(r->fleet), "fits",
                     r->fits, "why_not", bt_json_text(r->why_not), "cards", (int)r->cards, "cards_used", (int)r->cards_used, "phases", (int)r->phases,
                     "total_bytes", bt_json_bytes(r->total_bytes), "planned_bytes", bt_json_bytes(r->planned_bytes), "workloads", works, "favours",
                     bt_json_text(r->favours));
}

int bt_plan_side(struct bt_arena *a, const struct bt_plan_side *s, int *rc, struct bt_err *err)
{
    struct side x = { .a = a, .s = s };
    if (add_all(&x, err) < 0)
        return -1;
    if (x.faults == x.n) {                           /* in none of them: then it is the fleet's name, or the spec's words */
        *err = x.why;
        return -1;
    }
    *rc = bt_errc_exit(BT_E_FIT);
    for (size_t i = 0; i < x.n; i++)
        *rc = x.row[i].fits ? 0 : *rc;
    if (s->json) {
        json_t *rows = json_array();
        for (size_t i = 0; i < x.n; i++)
            json_array_append_new(rows, bt_plan_row_json(&x.row[i]));
        bt_cmd_json("compare", json_pack("{s:o}", "rows", rows));
        return 0;
    }
    bt_auto_buf struct bt_buf b = BT_BUF(MAX_PRINT);
    print(&x, &b);
    bt_cmd_print(&b);
    return 0;
}

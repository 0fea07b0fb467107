/* compare - what of a plan stands beside another: who is placed, with how much context, at what rate, and who has the cards. */
#include "plan/compare.h"

#include "base/units.h"
#include "plan/plan_int.h"

static void add_run(const struct bt_fleet *f, size_t first, size_t n, struct bt_buf *b)
{
    for (size_t i = 0, run; i < n; i += run) {
        const struct bt_gpu *g = &f->gpus[first + i];
        for (run = 1; i + run < n && !strcmp(g[run].name, g->name); run++) {
        }
        bt_buf_printf(b, "%s%zu x %s", i ? " + " : "", run, g->name);
    }
}

static bool same_names(const struct bt_fleet *f, const struct bt_box *x, const struct bt_box *y)
{
    bool same = x->n == y->n;
    for (size_t i = 0; same && i < x->n; i++)
        same = !strcmp(f->gpus[x->first + i].name, f->gpus[y->first + i].name);
    return same;
}

const char *bt_compare_fleet(struct bt_arena *a, const struct bt_fleet *f)
{
    bt_auto_buf struct bt_buf b = BT_BUF(1 * MiB);
    if (!f->nboxes)
        add_run(f, 0, f->n, &b);
    for (size_t i = 0, run; i < f->nboxes; i += run) {
        for (run = 1; i + run < f->nboxes && same_names(f, &f->box[i], &f->box[i + run]); run++) {
        }
        bt_buf_printf(&b, "%s%zu machine%s of ", i ? ", " : "", run, run == 1 ? "" : "s");
        add_run(f, f->box[i].first, f->box[i].n, &b);
    }
    return bt_arena_strdup(a, bt_buf_z(&b));
}

/* Requests of the granted context that the poorest rank's KV holds. */
static uint64_t requests_held(const struct bt_plan_instance *in)
{
    uint64_t tokens = UINT64_MAX;
    for (size_t i = 0; i < in->nranks; i++)
        tokens = BT_MIN(tokens, in->rank[i].kv_tokens);
    return in->nranks && in->context ? tokens / in->context * BT_MAX(in->dp, 1u) : 0;
}

/* cards: [fleet->n] the last workload seen there, as `mark` says. */
static void add_instance(struct bt_compare_work *w, const struct bt_plan_instance *in, size_t *cards, size_t mark)
{
    w->copies++;
    for (size_t i = 0; i < in->nranks; i++) {
        w->cards += cards[in->rank[i].gpu] != mark;
        cards[in->rank[i].gpu] = mark;
        w->bytes = BT_MAX(w->bytes, in->rank[i].bytes);
        w->all_bytes += in->rank[i].bytes;
    }
    if (in->job) {
        w->users = in->job->need.users;
        w->batch = in->job->need.batch;
    }
    if (!in->need)
        return;
    w->tp = in->tp;
    w->pp = in->pp;
    w->dp = in->dp;
    w->ep = in->ep;
    w->context = in->context;
    w->at_once += requests_held(in);
    if (in->pace.known && (w->decode_tok_s <= 0 || in->pace.decode_tok_s < w->decode_tok_s))
        w->decode_tok_s = in->pace.decode_tok_s;
    const struct bt_workload *k = in->w;
    w->context_want = k->context.want ? k->context.want : k->context.same_as ? in->context : BT_MAX(bt_need_model_context(in->need->model), in->context);
}

static void add_phase(struct bt_arena *a, struct bt_compare_row *row, const struct bt_plan *p, const struct bt_plan_phase *ph)
{
    uint64_t planned = 0;
    size_t n = 0, *cards = BT_NEWN(a, size_t, p->fleet->n + 1);
    bool *used = BT_NEWN(a, bool, p->fleet->n + 1);
    for (size_t k = 0; k < p->spec->n; k++) {
        const struct bt_workload *w = &p->spec->w[k];
        struct bt_compare_work out = { .phase = bt_arena_strdup(a, ph->name), .name = bt_arena_strdup(a, w->name), .kind = w->kind,
                                       .copies_want = w->copies.set ? (uint32_t)w->copies.want : 1 };
        for (size_t i = 0; i < ph->n; i++)
            if (ph->inst[i].w == w)
                add_instance(&out, &ph->inst[i], cards, k + 1);
        if (pl_in_phase(w, ph->name))                /* an optional one without a place stands there with none */
            BT_PUSH(a, row->work, row->n, out);
    }
    for (size_t i = 0; i < ph->n; i++)
        for (size_t j = 0; j < ph->inst[i].nranks; j++) {
            planned += ph->inst[i].rank[j].bytes;
            used[ph->inst[i].rank[j].gpu] = true;
        }
    for (size_t g = 0; g < p->fleet->n; g++)
        n += used[g];
    row->planned_bytes = BT_MAX(row->planned_bytes, planned);
    row->cards_used = BT_MAX(row->cards_used, n);
}

/* The larger side first; equals as in the spec. */
static size_t sides(const struct bt_compare_row *row, bool by_bytes, const struct bt_compare_work **out, size_t most)
{
    size_t n = 0;
    for (size_t i = 0; i < row->n && n < most; i++) {
        const struct bt_compare_work *w = &row->work[i];
        size_t at = w->cards ? n++ : SIZE_MAX;
        for (; at != SIZE_MAX && at > 0 && (by_bytes ? out[at - 1]->all_bytes < w->all_bytes : out[at - 1]->cards < w->cards); at--)
            out[at] = out[at - 1];
        if (at != SIZE_MAX)
            out[at] = w;
    }
    return n;
}

/* Where two hold the same cards, cards say nothing: then it is their bytes. */
static bool cards_are_shared(const struct bt_compare_row *row)
{
    size_t sum = 0;
    for (size_t i = 0; i < row->n; i++)
        sum += row->work[i].cards;
    return row->phases == 1 && sum > row->cards_used;
}

/* An optional one that found no place, of phases that it is in. */
static const struct bt_compare_work *left_out(const struct bt_compare_row *row)
{
    for (size_t i = 0; i < row->n; i++)
        if (!row->work[i].copies)
            return &row->work[i];
    return NULL;
}

static const char *favours(struct bt_arena *a, const struct bt_compare_row *row)
{
    const struct bt_compare_work *by[8], *none = left_out(row);
    bool bytes = cards_are_shared(row);
    size_t n = sides(row, bytes, by, BT_LEN(by));
    if (n == 1 && none && row->phases == 1)
        return bt_arena_printf(a, "%s %u card%s, %s no place: favours %s", by[0]->name, by[0]->cards, by[0]->cards == 1 ? "" : "s", none->name, by[0]->name);
    if (n < 2)
        return NULL;
    bt_auto_buf struct bt_buf b = BT_BUF(1024);
    for (size_t i = 0; i < n; i++) {
        bt_buf_printf(&b, "%s%s ", i ? ", " : "", by[i]->name);
        if (bytes)
            bt_buf_printf(&b, "%.0f %% of the memory", 100.0 * (double)by[i]->all_bytes / (double)row->total_bytes);
        else
            bt_buf_printf(&b, "%u card%s", by[i]->cards, by[i]->cards == 1 ? "" : "s");
    }
    if (row->phases > 1)
        bt_buf_puts(&b, ", one after the other");
    bool more = bytes ? by[0]->all_bytes > by[1]->all_bytes + by[1]->all_bytes / 20 : by[0]->cards > by[1]->cards;
    bt_buf_printf(&b, ": favours %s", more ? by[0]->name : "neither");
    return bt_arena_strdup(a, bt_buf_z(&b));
}

struct bt_compare_row bt_compare_row(struct bt_arena *a, const struct bt_plan *p)
{
    struct bt_compare_row row = { .variant = bt_arena_strdup(a, p->spec->variant), .fleet = bt_compare_fleet(a, p->fleet),
                                  .fits = p->nrefusals == 0, .cards = p->fleet->n,
                                  .phases = p->nphases, .why_not = p->nrefusals ? bt_arena_strdup(a, p->refusal[0].text) : NULL };
    for (size_t g = 0; g < p->fleet->n; g++)
        row.total_bytes += p->fleet->gpus[g].total_bytes;
    for (size_t i = 0; row.fits && i < p->nphases; i++)
        add_phase(a, &row, p, &p->phase[i]);
    row.favours = favours(a, &row);
    return row;
}

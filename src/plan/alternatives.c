/* alternatives - each way to serve the same model otherwise, planned together with its neighbours and set beside the plan as it is. */
#include "plan/alternatives.h"

#include "plan/knobs.h"
#include "plan/lost.h"
#include "plan/phases.h"

#define TRY_NODES 50000
#define MAX_SHAPES 8

struct look {
    struct bt_arena *a; const struct bt_plan_in *in; struct bt_err *err;
    const char *phase;
    const struct bt_sibling *sibling; size_t nsiblings;
    size_t index; const struct bt_workload *w;
    struct bt_alternative *row; size_t n, first;
    double faster_than;              /* tok/s of one stream: no shape that cannot be is planned; 0 = all are */
};

static unsigned long long ull(uint64_t n) { return n; }

/* ---- one row planned ---- */

static void add_instance(struct bt_alternative *row, const struct bt_plan_instance *in)
{
    uint64_t tokens = UINT64_MAX;
    for (size_t i = 0; i < in->nranks; i++) {
        row->bytes += in->rank[i].bytes;
        row->host_bytes += in->rank[i].need->host_bytes;
        tokens = BT_MIN(tokens, in->rank[i].kv_tokens);
    }
    row->copies++;
    row->cards += (uint32_t)in->nranks;
    row->tp = in->tp;
    row->pp = in->pp;
    row->context = in->context;
    row->at_once += in->nranks && in->context ? tokens / in->context * BT_MAX(in->dp, 1u) : 0;
    double rate = in->pace.known ? in->pace.decode_tok_s : 0;
    if (row->decode_tok_s <= 0 || rate < row->decode_tok_s)
        row->decode_tok_s = rate;
}

/* No shape of the workload decodes faster: each on cards that are all its pool's best. A pipeline of unequal cards is slower than that, and shows a
 * higher rate than its slowest card's, by which service is reckoned. */
static double rate_bound(const struct pl_problem *p, size_t index)
{
    const size_t work = pl_work_of(p, index);
    const struct pl_work *k = work == PL_NONE ? NULL : &p->work[work];
    double most = 0;
    for (size_t s = 0; k && s < k->nshapes; s++)
        for (size_t j = 0; k->shape[s].ok && j < k->npool; j++)
            for (size_t near = 0; near < 2; near++) {
                const struct bt_pace *pace = &k->shape[s].cost[p->cls[k->pool[j]]].pace[near];
                most = BT_MAX(most, pace->known ? pace->decode_tok_s : 0);
            }
    return most;
}

/* The phase with this workload and model instead. Fills what the row holds then. */
static int plan_row(struct look *l, const struct bt_workload *w, const struct bt_model *model, struct bt_alternative *row)
{
    struct bt_plan_in *in = BT_NEW(l->a, struct bt_plan_in);
    struct bt_spec *spec = BT_NEW(l->a, struct bt_spec);
    struct bt_plan_model *models = BT_NEWN(l->a, struct bt_plan_model, l->in->spec->n + 1);
    *in = *l->in;
    *spec = *in->spec;
    spec->w = BT_NEWN(l->a, struct bt_workload, spec->n + 1);
    memcpy(spec->w, in->spec->w, spec->n * sizeof *spec->w);
    memcpy(models, in->models, spec->n * sizeof *models);
    spec->w[l->index] = *w;
    models[l->index].model = model ? model : models[l->index].model;
    in->spec = spec;
    in->models = models;
    struct bt_plan_phase ph = { .name = l->phase };
    struct pl_stage stage = { .name = l->phase, .out = &ph };
    struct bt_plan said = { .spec = spec, .fleet = in->fleet };      /* what RAM does not hold is said of a plan */
    struct pl_stages all = { .a = l->a, .plan = &said, .in = in, .v = &stage, .n = 1 };
    struct bt_err why = { 0 };
    if (pl_problem_build(l->a, in, l->phase, &stage.p, &why) < 0) {
        row->why_not = bt_arena_strdup(l->a, why.msg);
        return 0;
    }
    if (stage.p->nrefusals) {
        row->why_not = stage.p->refusal[0].text;
        return 0;
    }
    if (l->faster_than > 0 && rate_bound(stage.p, l->index) <= l->faster_than) {
        row->why_not = "no faster";
        return 0;
    }
    pl_solve(stage.p, TRY_NODES, &stage.s);
    row->fits = stage.s.found;
    row->why_not = stage.s.found ? NULL : stage.s.complete ? pl_no_place(l->a, stage.p, l->index) : "not found among the first placements looked at";
    if (stage.s.found)
        pl_fill(&all, 0);
    if (said.nrefusals) {
        row->fits = false;
        row->why_not = said.refusal[0].text;
        return 0;
    }
    for (size_t i = 0; i < ph.n; i++)
        if (ph.inst[i].w == &spec->w[l->index])
            add_instance(row, &ph.inst[i]);
    if (stage.s.found && !row->copies) {
        row->fits = false;
        row->why_not = "optional, and finds no place";
    }
    return 0;
}

static void set(struct look *l, struct bt_alternative *row, const char *key, const char *value)
{
    struct bt_plan_change one = { bt_arena_printf(l->a, "workloads.%s.%s", l->w->name, key), value };
    BT_PUSH(l->a, row->set, row->nset, one);
}

static void keep(struct look *l, const struct bt_alternative *row)
{
    BT_PUSH(l->a, l->row, l->n, *row);
}

/* ---- the ways ---- */

static const struct bt_model *model_of(const struct look *l) { return l->in->models[l->index].model; }

/* As many cards as `gpus` and the pool may give. */
static uint32_t most_cards(const struct look *l)
{
    uint64_t most = l->w->pool.n ? l->w->pool.n : l->in->fleet->n;
    return (uint32_t)BT_MIN(most, (uint64_t)BT_MAX_GPUS);
}

static void pin_shape(struct look *l, struct bt_workload *w, struct bt_alternative *row, uint64_t tp, uint64_t pp)
{
    w->gpus = pl_exactly(tp * pp);
    w->tp = pl_exactly(tp);
    w->pp = pl_exactly(pp);
    set(l, row, "gpus", bt_arena_printf(l->a, "%llu", ull(tp * pp)));
    set(l, row, "tp", bt_arena_printf(l->a, "%llu", ull(tp)));
    set(l, row, "pp", bt_arena_printf(l->a, "%llu", ull(pp)));
}

static bool same_shape(const struct bt_alternative *r, uint64_t tp, uint64_t pp) { return r->fits && r->tp == tp && r->pp == pp; }

/* Few cards first; of as many, TP before PP. */
static int shapes(struct look *l)
{
    const struct bt_alternative *base = &l->row[l->first];
    struct bt_shape m = bt_need_shape(model_of(l));
    struct bt_refusal ignored;
    size_t said = 0;
    for (uint32_t cards = 1; cards <= most_cards(l); cards++)
        for (uint32_t tp = cards; tp >= 1; tp--) {
            uint32_t pp = cards / tp;
            if (cards % tp || said >= MAX_SHAPES || same_shape(base, tp, pp) || !bt_engine_shape_ok(l->in->models[l->index].engine, &m, tp, pp, &ignored))
                continue;
            struct bt_workload w = *l->w;
            struct bt_alternative row = { .workload = w.name, .kind = "shape", .what = pl_shape_words(l->a, tp, pp) };
            pin_shape(l, &w, &row, tp, pp);
            if (plan_row(l, &w, NULL, &row) < 0)
                return -1;
            said += row.fits;
            if (row.fits || cards == 1)              /* why not one card is always worth a line */
                keep(l, &row);
            base = &l->row[l->first];
        }
    return 0;
}

/* One card each, on as many cards as the plan takes, or all. */
static int replicas(struct look *l)
{
    const struct bt_alternative base = l->row[l->first];
    uint32_t n = base.fits ? base.cards : most_cards(l);
    if (n < 2 || (base.fits && base.cards == base.copies) || l->w->same_gpus_as)
        return 0;
    struct bt_workload w = *l->w;
    struct bt_alternative row = { .workload = w.name, .kind = "replicas", .what = bt_arena_printf(l->a, "%u replicas, one GPU each", n) };
    pin_shape(l, &w, &row, 1, 1);
    w.copies = pl_exactly(n);
    set(l, &row, "replicas", bt_arena_printf(l->a, "%u", n));
    if (plan_row(l, &w, NULL, &row) < 0)
        return -1;
    if (row.fits)
        keep(l, &row);
    return 0;
}

/* Named by a catalog or read from the driver; a card whose capability is not known is no reason to leave a way out. */
static bool all_cards_have(const struct look *l, int cc)
{
    for (size_t i = 0; i < l->in->fleet->n; i++) {
        const struct bt_gpu *g = &l->in->fleet->gpus[i];
        if (g->cc_major && g->cc_major * 10 + g->cc_minor < cc)
            return false;
    }
    return true;
}

static int kv_in_8_bits(struct look *l)
{
    struct bt_workload w = *l->w;
    struct bt_alternative row = { .workload = w.name, .kind = "kv", .what = "KV in 8 bits" };
    const struct bt_engine *e = l->in->models[l->index].engine;
    if (w.kv_dtype || !e->kv_in_8_bits || !all_cards_have(l, e->kv_in_8_bits_cc))
        return 0;
    w.kv_dtype = e->kv_in_8_bits;
    set(l, &row, "kv_dtype", w.kv_dtype);
    if (plan_row(l, &w, NULL, &row) < 0)
        return -1;
    if (row.fits)
        keep(l, &row);
    return 0;
}

static bool four_bits(const struct bt_model *m)
{
    return m->quant.kind == BT_QUANT_INT4 || m->quant.kind == BT_QUANT_NF4 || m->quant.kind == BT_QUANT_MXFP4 || m->quant.kind == BT_QUANT_NVFP4;
}

static int fewest_cards(struct look *l, const struct bt_workload *from, const struct bt_model *model, uint32_t below, struct bt_alternative *row)
{
    for (uint32_t cards = 1; cards < below; cards++) {
        struct bt_workload w = *from;
        struct bt_alternative r = *row;
        r.set = NULL;
        r.nset = 0;
        for (size_t i = 0; i < row->nset; i++)
            BT_PUSH(l->a, r.set, r.nset, row->set[i]);
        w.gpus = pl_exactly(cards);
        w.tp = w.pp = (struct bt_range){ 0 };
        w.pp_layers.n = 0;
        set(l, &r, "gpus", bt_arena_printf(l->a, "%u", cards));
        if (plan_row(l, &w, model, &r) < 0)
            return -1;
        if (!r.fits)
            continue;
        r.what = bt_arena_printf(l->a, "%s, %s", row->what, pl_shape_words(l->a, r.tp, r.pp));
        keep(l, &r);
        return 0;
    }
    return 0;
}

/* With as many cards as the spec allows, and on the fewest that hold it. */
static int quantised_row(struct look *l, const struct bt_workload *w, const struct bt_model *m, struct bt_alternative *row)
{
    struct bt_alternative same = *row;
    if (plan_row(l, w, m, &same) < 0)
        return -1;
    if (same.fits) {
        same.what = bt_arena_printf(l->a, "%s, %s", same.what, pl_shape_words(l->a, same.tp, same.pp));
        keep(l, &same);
    }
    return fewest_cards(l, w, m, same.fits ? same.cards / BT_MAX(same.copies, 1u) : most_cards(l) + 1, row);
}

/* Checkpoints that there are; *have: of 8 bits, of 4. */
static int siblings(struct look *l, bool have[2])
{
    for (size_t i = 0; i < l->nsiblings; i++) {
        const struct bt_sibling *s = &l->sibling[i];
        bool four = four_bits(s->model);
        if (s->workload != l->index || have[four])
            continue;
        have[four] = true;
        struct bt_alternative row = { .workload = l->w->name, .kind = "quantised", .bits = four ? 4 : 8 };
        row.what = bt_arena_printf(l->a, "weights in %u bits (%s)", row.bits, s->model->quantization);
        set(l, &row, "model", s->id);
        if (quantised_row(l, l->w, s->model, &row) < 0)
            return -1;
    }
    return 0;
}

static int quantised_rows(struct look *l)
{
    static const struct { const char *method, *what; uint32_t bits; bool online; } ways[] = { { "fp8", "weights in 8 bits (FP8)", 8, true },
                                                                                              { "awq", "weights in 4 bits (AWQ)", 4, false } };
    bool have[2] = { false, false };
    if (model_of(l)->quantization)
        return 0;
    if (siblings(l, have) < 0)
        return -1;
    for (size_t i = 0; i < BT_LEN(ways); i++) {
        const struct bt_model *m = have[ways[i].bits == 4] ? NULL : bt_model_as(l->a, model_of(l), ways[i].method);
        struct bt_alternative row = { .workload = l->w->name, .kind = "quantised", .what = ways[i].what, .bits = ways[i].bits };
        struct bt_workload w = *l->w;
        if (!m || (ways[i].online && !pl_can_make_fp8(l->in, l->index)))
            continue;
        if (ways[i].online) {                        /* done while loading, from the same checkpoint: the plan that `set` gives, not one of stored 8 bits */
            w.quantization = ways[i].method;
            m = NULL;
            set(l, &row, "quantization", ways[i].method);
        } else {
            row.needs = bt_arena_printf(l->a, "a checkpoint of %s in 4 bits", model_of(l)->id);
        }
        if (quantised_row(l, &w, m, &row) < 0)
            return -1;
    }
    return 0;
}

static struct bt_workload with_offload(struct look *l, uint64_t cards, uint64_t gib)
{
    struct bt_workload w = *l->w;
    w.gpus = pl_exactly(cards);
    w.tp = w.pp = (struct bt_range){ 0 };
    w.pp_layers.n = 0;
    w.args = (struct bt_strs){ 0 };
    for (size_t i = 0; i < l->w->args.n; i++)
        BT_PUSH(l->a, w.args.v, w.args.n, l->w->args.v[i]);
    BT_PUSH(l->a, w.args.v, w.args.n, "--cpu-offload-gb");
    BT_PUSH(l->a, w.args.v, w.args.n, bt_arena_printf(l->a, "%llu", ull(gib)));
    return w;
}

/* On fewer cards than the weights need: the fewest GiB in RAM with which it fits. */
static int offload_on(struct look *l, uint32_t cards, struct bt_alternative *out)
{
    uint64_t most = model_of(l)->weight_bytes / GiB / cards, lo = 0, hi = BT_MAX(most, (uint64_t)1);
    struct bt_alternative row = { .fits = false };
    while (lo + 1 < hi || !out->fits) {              /* hi: fits, once out->fits */
        uint64_t gib = out->fits ? lo + (hi - lo) / 2 : hi;
        struct bt_workload w = with_offload(l, cards, gib);
        row = (struct bt_alternative){ .workload = w.name, .kind = "offload" };
        row.what = bt_arena_printf(l->a, "%llu GiB of weights a card in host RAM", ull(gib));
        set(l, &row, "gpus", bt_arena_printf(l->a, "%u", cards));
        set(l, &row, "args", bt_arena_printf(l->a, "[--cpu-offload-gb, \"%llu\"]", ull(gib)));
        if (plan_row(l, &w, NULL, &row) < 0)
            return -1;
        uint64_t ram = l->in->fleet->ram_bytes;
        if (row.fits && ram && row.host_bytes > ram)
            row.fits = false;
        if (row.fits) {
            *out = row;
            hi = gib;
        } else if (!out->fits) {
            return 0;                                /* not even with nearly all of it in RAM */
        } else {
            lo = gib;
        }
    }
    return 0;
}

static int offload(struct look *l)
{
    const struct bt_engine *e = l->in->models[l->index].engine;
    const struct bt_alternative base = l->row[l->first];
    uint32_t below = base.fits ? base.cards / BT_MAX(base.copies, 1u) : most_cards(l) + 1;
    if (strcmp(e->name, "vllm"))                     /* the others keep layers, not bytes, in RAM */
        return 0;
    for (uint32_t cards = 1; cards < below; cards++) {
        struct bt_workload plain = *l->w;
        struct bt_alternative without = { .fits = false }, row = { .fits = false };
        plain.gpus = pl_exactly(cards);
        plain.tp = plain.pp = (struct bt_range){ 0 };
        plain.pp_layers.n = 0;
        if (plan_row(l, &plain, NULL, &without) < 0 || (!without.fits && offload_on(l, cards, &row) < 0))
            return -1;
        if (without.fits)
            return 0;
        if (row.fits) {
            row.what = bt_arena_printf(l->a, "%s, %s", row.what, pl_shape_words(l->a, row.tp, row.pp));
            keep(l, &row);
            return 0;
        }
    }
    return 0;
}

/* ---- what is given up ---- */

static void gives_up(struct look *l, struct bt_alternative *r, const struct bt_alternative *base, uint64_t want)
{
    bt_auto_buf struct bt_buf b = BT_BUF(1024);
    const char *sep = "";
    if (!strcmp(r->kind, "quantised")) {
        bt_buf_printf(&b, "quality: %s bits a weight, by how much is not known here", r->bits == 4 ? "about 4" : "8");
        sep = "; ";
    }
    if (!strcmp(r->kind, "kv")) {
        bt_buf_puts(&b, "quality: 8 bits a number of the KV, by how much is not known here");
        sep = "; ";
    }
    uint64_t full = base->fits ? base->context : want;
    if (r->context < full) {
        bt_buf_printf(&b, "%scontext: %s of %s", sep, bt_count_human(r->context), bt_count_human(full));
        sep = "; ";
    }
    if (base->fits && r->cards > base->cards) {
        bt_buf_printf(&b, "%s%u more card%s", sep, r->cards - base->cards, r->cards - base->cards == 1 ? "" : "s");
        sep = "; ";
    }
    if (base->fits && base->decode_tok_s > 0 && r->decode_tok_s > 0 && r->decode_tok_s < base->decode_tok_s * 0.99) {
        bt_buf_printf(&b, "%s%.0f %% slower", sep, (1 - r->decode_tok_s / base->decode_tok_s) * 100);
        sep = "; ";
    }
    if (base->fits && r->at_once * base->context < base->at_once * r->context && r->at_once < base->at_once) {
        bt_buf_printf(&b, "%s%s at once, not %s", sep, bt_count_human(r->at_once), bt_count_human(base->at_once));
        sep = "; ";
    }
    if (r->host_bytes > base->host_bytes)
        bt_buf_printf(&b, "%s%s of host RAM", sep, bt_bytes_human(r->host_bytes));
    r->gives_up = bt_arena_strdup(l->a, bt_buf_z(&b));
}

static void compare(struct look *l)
{
    double best = 0;
    const struct bt_alternative base = l->row[l->first];
    uint64_t want = l->w->context.want ? l->w->context.want : bt_need_model_context(model_of(l));
    for (size_t i = l->first; i < l->n; i++)
        best = l->row[i].fits && l->row[i].decode_tok_s > best ? l->row[i].decode_tok_s : best;
    for (size_t i = l->first; i < l->n; i++) {
        struct bt_alternative *r = &l->row[i];
        r->percent = best > 0 ? 100 * r->decode_tok_s / best : 0;
        r->gives_up = "";
        if (r->fits)
            gives_up(l, r, &base, want);
    }
}

static int look_at(struct look *l)
{
    struct bt_alternative base = { .workload = l->w->name, .kind = "planned", .what = "as planned" };
    l->first = l->n;
    if (plan_row(l, l->w, NULL, &base) < 0)
        return -1;
    if (base.fits)
        base.what = bt_arena_printf(l->a, l->w->dp.set && l->w->dp.want > 1 ? "as planned, %s for each of %llu engines" : "as planned, %s",
                                    pl_shape_words(l->a, base.tp, base.pp), ull(l->w->dp.want));
    keep(l, &base);
    if (shapes(l) < 0 || replicas(l) < 0 || kv_in_8_bits(l) < 0 || quantised_rows(l) < 0 || offload(l) < 0)
        return -1;
    compare(l);
    return 0;
}

static const char *phase_of(const struct bt_spec *s, const struct bt_workload *w)
{
    return w->phases.n ? w->phases.v[0] : s->phases.n ? s->phases.v[0] : "all";
}

int pl_alternative(struct bt_arena *a, const struct bt_plan_in *in, size_t index, const struct bt_workload *w, double faster_than, struct bt_alternative *row,
                   struct bt_err *err)
{
    struct look l = { .a = a, .in = in, .err = err, .index = index, .w = &in->spec->w[index], .phase = phase_of(in->spec, &in->spec->w[index]),
                      .faster_than = faster_than };
    *row = (struct bt_alternative){ .workload = w->name, .kind = "shape", .what = "" };
    return plan_row(&l, w, NULL, row);
}

/* The servers whose model and engine are known, each looked at on its own. */
struct looks { struct look *v; size_t n; };

static int look_at_one(void *ctx, size_t i, const struct pl_with *with)
{
    struct look *l = &((struct looks *)ctx)->v[i];
    struct bt_plan_in *in = BT_NEW(with->a, struct bt_plan_in);
    *in = *l->in;
    in->needs = with->needs;
    l->a = with->a;
    l->in = in;
    l->err = with->err;
    return look_at(l);
}

int bt_plan_alternatives(struct bt_arena *a, const struct bt_plan_in *in, const struct bt_sibling *sibling, size_t nsiblings, struct bt_alternative **out,
                         size_t *n, struct bt_err *err)
{
    struct bt_plan_in *remembering = BT_NEW(a, struct bt_plan_in);
    *remembering = *in;
    remembering->needs = in->needs ? in->needs : pl_needs_new(a);
    struct looks all = { .n = 0 };
    *out = NULL;
    *n = 0;
    for (size_t i = 0; i < in->spec->n; i++) {
        const struct bt_workload *w = &in->spec->w[i];
        struct look l = { .in = remembering, .sibling = sibling, .nsiblings = nsiblings, .index = i, .w = w, .phase = phase_of(in->spec, w) };
        if (w->kind == BT_SERVER && in->models[i].engine && in->models[i].model && !(w->gpus.set && w->gpus.want == 0))
            BT_PUSH(a, all.v, all.n, l);
    }
    if (pl_side_by_side(a, remembering->needs, all.n, look_at_one, &all, err) < 0)
        return -1;
    for (size_t i = 0; i < all.n; i++)
        for (size_t k = 0; k < all.v[i].n; k++)
            BT_PUSH(a, *out, *n, all.v[i].row[k]);
    return 0;
}

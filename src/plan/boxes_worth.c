/* boxes_worth - what each workload can be in a box of each class, and what all of them together cannot pass.
 *
 * The bound: a rank alone on a card takes all of it, one of t tenants 1/t of it, and its copy serves 1/t of its rate (docs/plan.md, "What is best"). So a
 * copy on c cards that serves f of its rate takes f x c cards, and with any price of a card the service of all copies is at most
 *     price x cards + sum over copies of max(0, value - price x cards of the option)
 * (Lagrangian relaxation of "no card is taken twice"). The prices are found by subgradients. */
#include <math.h>
#include <string.h>

#include "plan/boxes.h"
#include "plan/lost.h"

#define CHUNK 64                     /* workloads that are built into one problem: what two of them are to each other is not asked */
#define PRICE_STEPS 160

/* ---- one text for one name ---- */

struct names { const char **v; size_t n; };

static const char *intern(struct bx *b, struct names *known, const char *z)
{
    for (size_t i = 0; z && i < known->n; i++)
        if (!strcmp(known->v[i], z))
            return known->v[i];
    if (z)
        BT_PUSH(b->a, known->v, known->n, z);
    return z;
}

/* needs.c compares what it was asked as bytes. */
static void intern_names(struct bx *b)
{
    struct names known = { 0 };
    for (size_t i = 0; i < b->in->spec->n; i++) {
        struct bt_workload *w = &b->in->spec->w[i];
        w->model = intern(b, &known, w->model);
        w->revision = intern(b, &known, w->revision);
        w->dtype = intern(b, &known, w->dtype);
        w->quantization = intern(b, &known, w->quantization);
        w->kv_dtype = intern(b, &known, w->kv_dtype);
    }
}

/* ---- contexts ---- */

static const struct bt_model *model_of(const struct bx *b, size_t w) { return b->in->models[w].model; }

/* What pl_problem_build settles when all are in one problem: a box may not have the workload whose context this one has. */
static void settle_contexts(struct bx *b)
{
    const struct bt_spec *s = b->in->spec;
    b->ctx_want = BT_NEWN(b->a, uint64_t, s->n + 1);
    b->ctx_min = BT_NEWN(b->a, uint64_t, s->n + 1);
    b->ctx_root = BT_NEWN(b->a, size_t, s->n + 1);
    for (size_t i = 0; i < s->n; i++) {
        size_t root = i;
        for (const struct bt_workload *t; s->w[root].context.same_as && (t = bt_spec_find(s, s->w[root].context.same_as)); )
            root = (size_t)(t - s->w);
        const struct bt_workload *w = &s->w[i];
        b->ctx_root[i] = root;
        if (!model_of(b, i))
            continue;
        uint64_t most = bt_need_model_context(model_of(b, i));
        b->ctx_want[i] = w->context.want ? w->context.want : BT_MAX(most, w->context.min);
        b->ctx_min[i] = w->context.min ? w->context.min : BT_MIN(BT_MIN((uint64_t)4096, most), b->ctx_want[i]);
    }
    for (size_t i = 0; i < s->n; i++)
        if (b->ctx_root[i] != i && model_of(b, i) && model_of(b, b->ctx_root[i]))
            b->ctx_want[b->ctx_root[i]] = BT_MIN(b->ctx_want[b->ctx_root[i]], bt_need_context_limit(model_of(b, i)));
    for (size_t i = 0; i < s->n; i++) {
        b->ctx_want[i] = b->ctx_want[b->ctx_root[i]];
        b->ctx_min[i] = b->ctx_min[b->ctx_root[i]];
    }
}

/* ---- groups ---- */

static uint64_t phases_of(const struct bx *b, const struct bt_workload *w)
{
    uint64_t bits = 0;
    for (size_t i = 0; i < b->nphases; i++)
        bits |= pl_in_phase(w, b->phase[i]) ? UINT64_C(1) << i : 0;
    return bits;
}

static size_t target_of(const struct bx *b, size_t w)
{
    const struct bt_spec *s = b->in->spec;
    for (const struct bt_workload *t; s->w[w].same_gpus_as && (t = bt_spec_find(s, s->w[w].same_gpus_as)); )
        w = (size_t)(t - s->w);
    return w;
}

static int resolve_pool(struct bx *b, struct bx_group *g, const struct bt_workload *w, struct bt_err *err)
{
    if (!w->pool.n)
        return 0;
    bool *in = BT_NEWN(b->a, bool, b->fleet->n);
    g->pool = BT_NEWN(b->a, size_t, w->pool.n);
    if (bt_fleet_pick(b->a, b->fleet, w->pool.v, w->pool.n, g->pool, err) < 0) {
        err->code = BT_E_SPEC;
        return bt_err_wrap(err, "%s:%u:%u: workloads.%s: pool", b->in->spec->path, w->pool_at.line, w->pool_at.col, w->name);
    }
    for (size_t i = 0; i < w->pool.n; i++)
        in[g->pool[i]] = true;
    for (size_t i = 0; i < b->fleet->n; i++)
        if (in[i])
            g->pool[g->npool++] = i;
    return 0;
}

static int make_groups(struct bx *b, struct bt_err *err)
{
    const struct bt_spec *s = b->in->spec;
    size_t *at = BT_NEWN(b->a, size_t, s->n + 1);
    b->group = BT_NEWN(b->a, struct bx_group, s->n + 1);
    b->group_of = BT_NEWN(b->a, size_t, s->n + 1);
    for (size_t i = 0; i < s->n; i++) {
        const struct bt_workload *w = &s->w[i];
        if (target_of(b, i) != i)
            continue;
        at[i] = b->ngroups;
        struct bx_group *g = &b->group[b->ngroups++];
        *g = (struct bx_group){ .want = w->copies.set ? (uint32_t)w->copies.want : 1, .phases = phases_of(b, w), .host = w->gpus.set && w->gpus.want == 0 };
        if (resolve_pool(b, g, w, err) < 0)
            return -1;
    }
    for (size_t i = 0; i < b->ngroups; i++)
        b->group[i].sociable = true;
    for (size_t i = 0; i < s->n; i++) {
        const struct bt_workload *w = &s->w[i];
        struct bx_group *g = &b->group[at[target_of(b, i)]];
        g->sociable = g->sociable && w->share == BT_SHARE_TRUE && !w->apart.n && !bx_takes_whole(w);
    }
    for (size_t pass = 0; pass < 2; pass++)          /* the target is the first member */
        for (size_t i = 0; i < s->n; i++) {
            size_t t = target_of(b, i);
            struct bx_group *g = &b->group[at[t]];
            b->group_of[i] = at[t];
            if ((t == i) != (pass == 0))
                continue;
            BT_PUSH(b->a, g->member, g->nmembers, i);
            if (!s->w[i].optional)                   /* who must have a place brings the one it follows */
                g->min = BT_MAX(g->min, s->w[i].copies.set ? (uint32_t)s->w[i].copies.min : 1);
        }
    return 0;
}

/* ---- classes ---- */

static bool look_same(const struct bt_gpu *x, const struct bt_gpu *y)
{
    return x->kind == y->kind && !x->mig_of == !y->mig_of && !strcmp(x->name, y->name) && x->total_bytes == y->total_bytes;
}

/* Islands by their pattern: their numbers differ from box to box. */
static bool same_class(const struct bt_fleet *f, const struct bt_box *x, const struct bt_box *y)
{
    if (x->n != y->n)
        return false;
    for (size_t i = 0; i < x->n; i++) {
        const struct bt_gpu *p = &f->gpus[x->first + i], *q = &f->gpus[y->first + i];
        if (!look_same(p, q) || (p->island < 0) != (q->island < 0))
            return false;
        if (i && (p->island == p[-1].island) != (q->island == q[-1].island))
            return false;
    }
    return true;
}

static void make_classes(struct bx *b)
{
    const struct bt_fleet *f = b->fleet;
    size_t *first = BT_NEWN(b->a, size_t, f->nboxes);
    b->class_of = BT_NEWN(b->a, size_t, f->nboxes);
    for (size_t i = 0; i < f->nboxes; i++) {
        size_t c = 0;
        while (c < b->ncls && !same_class(f, &f->box[first[c]], &f->box[i]))
            c++;
        if (c == b->ncls) {
            struct bx_class one = { .fleet = *f };
            one.fleet.box = NULL;
            one.fleet.nboxes = 0;
            one.fleet.n = f->box[i].n;
            one.fleet.ram_bytes = f->box[i].ram_bytes;
            one.fleet.gpus = BT_NEWN(b->a, struct bt_gpu, one.fleet.n);
            memcpy(one.fleet.gpus, &f->gpus[f->box[i].first], one.fleet.n * sizeof *one.fleet.gpus);
            first[c] = i;
            BT_PUSH(b->a, b->cls, b->ncls, one);
        }
        b->class_of[i] = c;
        b->cls[c].boxes++;
        b->cls[c].cards += f->box[i].n;
        for (size_t k = 0; k < f->box[i].n; k++) {
            struct bt_gpu *g = &b->cls[c].fleet.gpus[k];
            g->others_bytes = BT_MIN(g->others_bytes, f->gpus[f->box[i].first + k].others_bytes);
        }
    }
}

/* ---- options ---- */

/* The workload as if it were alone in the world. */
static struct bt_workload on_its_own(const struct bx *b, size_t i)
{
    struct bt_workload w = b->in->spec->w[i];
    w.pool = (struct bt_strs){ 0 };
    w.phases = (struct bt_strs){ 0 };
    w.same_gpus_as = NULL;
    w.copies = pl_exactly(1);
    w.context.same_as = NULL;
    if (model_of(b, i) && w.kind == BT_SERVER) {
        w.context.set = true;
        w.context.want = b->ctx_want[i];
        w.context.min = b->ctx_min[i];
    }
    return w;
}

/* 2: every card of the fleet is in one NVLink island; 1: some are in one; 0: none are. */
static int links_of(const struct bt_fleet *f)
{
    bool some = false, all = true;
    for (size_t i = 0; i < f->n; i++) {
        some = some || f->gpus[i].island >= 0;
        all = all && f->gpus[i].island >= 0 && f->gpus[i].island == f->gpus[0].island;
    }
    return all ? 2 : some;
}

/* The option that a shape is on cards of class c of its box (all of them such cards). */
static bool option_of(const struct pl_problem *p, const struct pl_work *k, const struct pl_shape *sh, size_t c, struct bx_option *out)
{
    const struct bt_gpu *card = &p->fleet->gpus[p->cls_card[c]];
    uint64_t cap = 0;
    const int linked = links_of(p->fleet);
    for (size_t g = 0; g < p->fleet->n; g++)
        if (p->cls[g] == c)
            cap = BT_MAX(cap, p->cap[g]);
    *out = (struct bx_option){ .cards = sh->cards, .tp = sh->tp, .pp = sh->pp, .whole = k->claim == PL_WHOLE || k->w->share == BT_SHARE_NEVER };
    if (!k->server) {
        out->value = sh->best_tok_s;
        out->floor = out->full = k->claim == PL_WHOLE ? 0 : pl_floor(p, k, sh, c, 0, p->cls_card[c]);
        return out->floor <= cap;
    }
    const struct bt_need *n = sh->cost[c].need;
    uint64_t room = k->claim == PL_LIMIT ? BT_MIN(cap, pl_limit(k, card)) : cap;
    double least = (double)k->ctx_want;
    for (size_t r = 0; r < n->nranks; r++) {
        const struct bt_need_rank *q = &n->rank[r];
        uint64_t floor = q->fixed_bytes + bt_need_kv_for(n, q, k->ctx_min, k->w->requests);
        if (floor > room)
            return false;
        out->floor = BT_MAX(out->floor, floor);
        out->full = BT_MAX(out->full, BT_MAX(floor, q->fixed_bytes + bt_need_kv_for(n, q, k->ctx_want, 1)));
        least = BT_MIN(least, (double)bt_need_longest(n, q, room - q->fixed_bytes));
    }
    if (k->claim == PL_LIMIT)
        out->floor = out->full = pl_limit(k, card);
    out->full = BT_MIN(out->full, room);
    out->wants = k->ctx_want ? BT_MIN(1.0, least / (double)k->ctx_want) : 1;
    const struct bt_pace *pace = sh->cost[c].pace;
    for (int i = 0; i < 2; i++)                      /* the most it can be, with NVLink and without, as far as such cards are there */
        if (pace[i].known && (i ? sh->cards > 1 && linked > 0 : sh->cards == 1 || linked < 2))
            out->value = BT_MAX(out->value, pace[i].decode_tok_s);
    return out->floor <= cap;
}

static bool better(const struct bx_option *a, const struct bx_option *b)
{
    return a->wants > b->wants + 1e-9 || (a->wants > b->wants - 1e-9 && a->value > b->value);
}

/* A copy's bytes on all its cards, at the least and with all its context, and how much of that each holds. */
struct bytes { uint64_t least, full, rank; double least_wants, most_wants; };        /* rank: of the smallest, at the least */

/* Whoever takes as much whatever its context: the whole card (the smallest of them), or what is declared. 0: a server that is dealt to. */
static uint64_t declared(const struct pl_problem *p, const struct pl_work *k, size_t c, const struct bx_option *o)
{
    uint64_t cap = UINT64_MAX;
    for (size_t g = 0; g < p->fleet->n; g++)
        cap = p->cls[g] == c ? BT_MIN(cap, p->cap[g]) : cap;
    return o->whole ? cap * o->cards : !k->server || k->claim == PL_LIMIT ? o->floor * o->cards : 0;
}

static struct bytes bytes_of(const struct pl_problem *p, const struct pl_work *k, const struct pl_shape *sh, size_t c, const struct bx_option *o)
{
    struct bytes x = { .most_wants = o->wants };
    x.least = x.full = declared(p, k, c, o);
    if (x.least || !k->server) {
        x.least_wants = o->wants;
        x.rank = x.least / BT_MAX(o->cards, 1u);
        return x;
    }
    const struct bt_need *n = sh->cost[c].need;
    for (size_t r = 0; r < n->nranks; r++) {
        const struct bt_need_rank *q = &n->rank[r];
        uint64_t least = q->fixed_bytes + bt_need_kv_for(n, q, k->ctx_min, k->w->requests), full = q->fixed_bytes + bt_need_kv_for(n, q, k->ctx_want, 1);
        full -= BT_MIN(q->kv_block_bytes, full - q->fixed_bytes);    /* blocks are rounded up, and what lies between is not */
        x.least += least * sh->tp;
        x.rank = r ? BT_MIN(x.rank, least) : least;
        x.full += BT_MAX(least, full) * sh->tp;
        if (k->ctx_want)
            x.least_wants = BT_MAX(x.least_wants, BT_MIN(1.0, (double)bt_need_longest(n, q, least - q->fixed_bytes) / (double)k->ctx_want));
    }
    x.least_wants = BT_MIN(x.least_wants, x.most_wants);
    return x;
}

static void note_bytes(struct bx_menu *m, struct bytes x)
{
    bool first = !m->least;
    m->least = first ? x.least : BT_MIN(m->least, x.least);
    m->full = first ? x.full : BT_MIN(m->full, x.full);
    m->least_wants = BT_MAX(m->least_wants, x.least_wants);
    m->most_wants = BT_MAX(m->most_wants, x.most_wants);
}

/* The best of each number of cards, on whatever cards of the box, of one workload. Bytes are the least of any card's. */
static struct bx_menu menu_of(struct bx *b, const struct pl_problem *p, const struct pl_work *k)
{
    struct bx_menu m = { .v = BT_NEWN(b->a, struct bx_option, p->fleet->n + 1) };
    for (uint32_t cards = 1; cards <= p->fleet->n; cards++) {
        struct bx_option best = { 0 }, o;
        uint64_t rank = UINT64_MAX;
        for (size_t i = 0; i < k->nshapes; i++)
            for (size_t c = 0; k->shape[i].ok && k->shape[i].cards == cards && c < p->nclasses; c++)
                if (option_of(p, k, &k->shape[i], c, &o)) {
                    struct bytes x = bytes_of(p, k, &k->shape[i], c, &o);
                    note_bytes(&m, x);
                    rank = BT_MIN(rank, x.rank);
                    if (!best.cards || better(&o, &best))
                        best = o;
                }
        best.least_rank = rank;
        if (best.cards)
            m.v[m.n++] = best;
    }
    return m;
}

static bool may_be_together(const struct bx *b, const struct bx_group *g)
{
    for (size_t i = 0; i < g->nmembers; i++)
        for (size_t j = 0; j < i; j++) {
            const struct bt_workload *v = &b->in->spec->w[g->member[i]], *w = &b->in->spec->w[g->member[j]];
            if (!pl_lets_share(v, w) || bx_takes_whole(v) || bx_takes_whole(w))
                return false;
        }
    return true;
}

/* How many stand on the cards of each copy at least. */
static double always_there(const struct bx *b, const struct bx_group *g)
{
    for (size_t m = 1; m < g->nmembers; m++) {
        const struct bt_workload *w = &b->in->spec->w[g->member[m]];
        if (w->optional || (w->copies.set ? w->copies.min : 1) < g->want)
            return 1;
    }
    return (double)g->nmembers;
}

/* A group's option is its members' on the same cards, sharing them. */
static void group_menu(struct bx *b, struct bx_group *g, size_t cls, const struct bx_menu *menu)
{
    const struct bx_menu *first = &menu[g->member[0]];
    g->option[cls] = BT_NEWN(b->a, struct bx_option, first->n + 1);
    for (size_t i = 0; i < first->n; i++) {
        struct bx_option sum = { .cards = first->v[i].cards };
        uint64_t room = 0;
        bool all = may_be_together(b, g);
        for (size_t m = 0; m < g->nmembers && all; m++) {
            const struct bx_option *o = bx_with_cards(&menu[g->member[m]], sum.cards);
            if (!o) {
                all = false;
                break;
            }
            sum.wants += o->wants;
            sum.value += o->value * b->rate_scale[g->member[m]] / always_there(b, g);
            sum.floor += o->floor;
            sum.full += o->full;
            sum.whole = sum.whole || o->whole;
        }
        size_t *n = &g->noptions[cls];
        for (size_t c = 0; all && c < b->cls[cls].fleet.n; c++)
            room = BT_MAX(room, bt_gpu_capacity(&b->cls[cls].fleet.gpus[c]));
        bool gains = all && sum.floor <= room && (!*n || better(&sum, &g->option[cls][*n - 1]));
        if (gains)                                   /* more cards for nothing are no option */
            g->option[cls][(*n)++] = sum;
    }
}

struct chunk { size_t from, to; };

/* Why a workload goes nowhere: what it lacks in the class where that is least, or, where each refuses it by a rule, that of the class with the most cards.
 * ruled: of how many classes; seen: the last of them + 1. */
struct nowhere { const struct bt_plan_refusal *rule; size_t ruled, seen, cards; const char *lacks; uint64_t lack; };

static void note_rule(struct bx *b, size_t cls, const struct bt_plan_refusal *row, struct nowhere *out)
{
    size_t cards = b->cls[cls].fleet.n;
    out->ruled += out->seen != cls + 1;              /* one class may have several rules against it */
    out->seen = cls + 1;
    if (out->rule && cards <= out->cards)
        return;
    struct bt_plan_refusal *kept = BT_NEW(b->a, struct bt_plan_refusal);
    *kept = *row;
    kept->text = bt_arena_strdup(b->a, row->text);
    out->rule = kept;
    out->cards = cards;
}

static void note_lack(struct bx *b, size_t cls, const struct pl_problem *p, const struct pl_work *k, struct nowhere *out)
{
    const struct bt_fleet *f = &b->cls[cls].fleet;
    const struct pl_shape *first = k->nshapes ? &k->shape[0] : NULL;
    uint64_t lack = UINT64_MAX;
    const char *text = pl_too_small(p->a, p, k, &lack);
    for (size_t i = 0; i < k->nshapes && first; i++)
        if (k->shape[i].ok)
            first = NULL;
    if (!text && first)
        text = bt_arena_printf(p->a, "%s: %s is impossible: %s", k->w->name, pl_shape_words(p->a, first->tp, pl_stages(first)), first->why_not);
    if (!text || (out->lacks && lack >= out->lack))
        return;
    out->lack = lack;
    out->lacks = b->ncls == 1 ? bt_arena_strdup(b->a, text) : bt_arena_printf(b->a, "%s (on %zu x %s)", text, f->n, f->gpus[0].name);
}

/* Workloads [from, to) on one box of the class: their menus, their best rates, or why not. */
static int build_chunk(struct bx *b, size_t cls, struct chunk part, struct bx_menu *menu, struct nowhere *why, struct bt_err *err)
{
    bt_auto_arena mine = { 0 };      /* only menus and reasons are kept */
    struct bt_spec *spec = BT_NEW(&mine, struct bt_spec);
    struct bt_plan_in *in = BT_NEW(&mine, struct bt_plan_in);
    struct pl_problem *p;
    *spec = *b->in->spec;
    spec->phases = (struct bt_strs){ 0 };
    spec->n = part.to - part.from;
    spec->w = BT_NEWN(&mine, struct bt_workload, spec->n + 1);
    for (size_t i = 0; i < spec->n; i++)
        spec->w[i] = on_its_own(b, part.from + i);
    *in = *b->in;
    in->spec = spec;
    in->fleet = &b->cls[cls].fleet;
    in->models = b->in->models + part.from;
    in->copies = NULL;
    in->one_of_many = true;
    if (pl_problem_build(&mine, in, "all", &p, err) < 0)
        return -1;
    for (size_t i = 0; i < p->n; i++) {
        const struct pl_work *k = &p->work[i];
        size_t w = part.from + k->spec_index;
        if (!k->cpu_only && !k->on_host)
            menu[w] = menu_of(b, p, k);
        if (!k->cpu_only && !k->on_host && !menu[w].n)
            note_lack(b, cls, p, k, &why[w]);
        b->solo_best[w] = BT_MAX(b->solo_best[w], k->solo_best);
        const struct bt_workload *full = &b->in->spec->w[w];
        b->rate_scale[w] = k->weight / (full->copies.set && full->copies.want > 1 ? (double)full->copies.want : 1);
    }
    for (size_t i = 0; i < p->nrefusals; i++)
        for (size_t w = part.from; w < part.to; w++)
            if (p->refusal[i].workload && !strcmp(p->refusal[i].workload, b->in->spec->w[w].name))
                note_rule(b, cls, &p->refusal[i], &why[w]);
    return 0;
}

static bool goes_somewhere(const struct bx *b, const struct bx_group *g)
{
    for (size_t c = 0; c < b->ncls; c++)
        if (g->noptions[c])
            return true;
    return g->host;
}

/* A group that must have a place, and none of whose members' rules or bytes let it have one in any box. */
static void refuse_group(struct bx *b, const struct bx_group *g, const struct nowhere *why)
{
    const struct bt_workload *w = &b->in->spec->w[g->member[0]];
    const char *lacks = NULL;
    for (size_t m = 0; m < g->nmembers; m++) {
        const struct nowhere *y = &why[g->member[m]];
        if (y->ruled == b->ncls) {
            BT_PUSH(b->a, b->plan->refusal, b->plan->nrefusals, *y->rule);
            return;
        }
        lacks = lacks ? lacks : y->lacks;
    }
    size_t own = strlen(w->name);
    bool of_first = lacks && !strncmp(lacks, w->name, own) && !strncmp(lacks + own, ": ", 2);
    struct bt_plan_refusal row = { .code = "does-not-fit", .workload = w->name, .at = w->at };
    row.text = bt_arena_printf(b->a, "%s%s does not fit into any of the %zu machines, even alone%s%s", w->name,
                               g->nmembers > 1 ? " with who shares its GPUs" : "", b->fleet->nboxes,
                               !lacks ? "" : of_first ? ": " : ". ", !lacks ? "" : of_first ? lacks + own + 2 : lacks);
    BT_PUSH(b->a, b->plan->refusal, b->plan->nrefusals, row);
}

static int make_options(struct bx *b, struct bt_err *err)
{
    size_t n = b->in->spec->n;
    struct bx_menu **menu = b->menu = BT_NEWN(b->a, struct bx_menu *, b->ncls);
    struct nowhere *why = BT_NEWN(b->a, struct nowhere, n + 1);
    b->solo_best = BT_NEWN(b->a, double, n + 1);
    b->rate_scale = BT_NEWN(b->a, double, n + 1);
    for (size_t c = 0; c < b->ncls; c++) {
        menu[c] = BT_NEWN(b->a, struct bx_menu, n + 1);
        for (size_t i = 0; i < n; i += CHUNK)
            if (build_chunk(b, c, (struct chunk){ i, BT_MIN(i + CHUNK, n) }, menu[c], why, err) < 0)
                return -1;
    }
    for (size_t i = 0; i < n; i++)
        b->rate_scale[i] = b->solo_best[i] > 0 ? b->rate_scale[i] / b->solo_best[i] : 0;
    for (size_t i = 0; i < b->ngroups; i++) {
        struct bx_group *g = &b->group[i];
        g->option = BT_NEWN(b->a, struct bx_option *, b->ncls);
        g->noptions = BT_NEWN(b->a, size_t, b->ncls);
        for (size_t c = 0; c < b->ncls && !g->host; c++)
            group_menu(b, g, c, menu[c]);
        bool refused = false;
        for (size_t m = 0; m < g->nmembers; m++)     /* a server on the CPU, or a model that is not known: no options, and a reason */
            refused = refused || why[g->member[m]].ruled == b->ncls || (why[g->member[m]].rule && (g->host || !goes_somewhere(b, g)));
        if (g->min && (refused || !goes_somewhere(b, g)))
            refuse_group(b, g, why);
    }
    return 0;
}

/* ---- prices ---- */

/* Of those in which its contexts are as long as they can be anywhere, the best at this price; NULL: none is worth its cards, or there is none. */
static const struct bx_option *best_at(const struct bx *b, const struct bx_group *g, const double *price, double wants, size_t *cls, double *gain)
{
    const struct bx_option *best = NULL;
    *gain = 0;
    for (size_t c = 0; c < b->ncls; c++)
        for (size_t i = 0; i < g->noptions[c]; i++) {
            const struct bx_option *o = &g->option[c][i];
            double more = o->value - price[c] * o->cards;    /* whoever its members are, they stand on the same cards, with the same share of them */
            if (o->wants < wants - 1e-9 || more <= *gain)
                continue;
            *gain = more;
            *cls = c;
            best = o;
        }
    return best;
}

static double most_wants(const struct bx *b, const struct bx_group *g)
{
    double most = 0;
    for (size_t c = 0; c < b->ncls; c++)
        for (size_t i = 0; i < g->noptions[c]; i++)
            most = BT_MAX(most, g->option[c][i].wants);
    return most;
}

double bx_most_wants(const struct bx *b, size_t w)
{
    double most = 0;
    for (size_t c = 0; c < b->ncls; c++)
        for (size_t i = 0; i < b->menu[c][w].n; i++)
            most = BT_MAX(most, b->menu[c][w].v[i].wants);
    return most;
}

static double bound_with(const struct bx *b, size_t phase, const double *price, const double *wants, double *asked)
{
    double sum = 0;
    memset(asked, 0, b->ncls * sizeof *asked);
    for (size_t c = 0; c < b->ncls; c++)
        sum += price[c] * (double)b->cls[c].cards;
    for (size_t i = 0; i < b->ngroups; i++) {
        size_t cls = 0;
        double gain;
        const struct bx_option *o = b->group[i].phases >> phase & 1 ? best_at(b, &b->group[i], price, wants[i], &cls, &gain) : NULL;
        if (!o)
            continue;
        sum += gain * b->group[i].want;
        asked[cls] += (double)o->cards * b->group[i].want;
    }
    return sum;
}

static void find_prices(struct bx *b)
{
    double *price = BT_NEWN(b->a, double, b->ncls), *asked = BT_NEWN(b->a, double, b->ncls), *wants = BT_NEWN(b->a, double, b->ngroups + 1);
    b->price = BT_NEWN(b->a, double, b->nphases * b->ncls + 1);
    for (size_t i = 0; i < b->ngroups; i++)
        wants[i] = most_wants(b, &b->group[i]);
    for (size_t ph = 0; ph < b->nphases; ph++) {
        double most = 0, best = INFINITY;
        for (size_t i = 0; i < b->ngroups; i++)
            for (size_t c = 0; c < b->ncls; c++)
                for (size_t k = 0; k < b->group[i].noptions[c]; k++)
                    most = BT_MAX(most, b->group[i].option[c][k].value / b->group[i].option[c][k].cards);
        for (size_t c = 0; c < b->ncls; c++)
            price[c] = most / 4;
        for (int step = 0; step < PRICE_STEPS; step++) {
            double sum = bound_with(b, ph, price, wants, asked);
            if (sum < best) {
                best = sum;
                memcpy(&b->price[ph * b->ncls], price, b->ncls * sizeof *price);
            }
            for (size_t c = 0; c < b->ncls; c++) {   /* dearer where more is asked for than there is */
                double over = (asked[c] - (double)b->cls[c].cards) / (double)b->cls[c].cards;
                price[c] *= 1 + BT_MAX(-0.5, BT_MIN(1.0, over)) / (2 + 0.1 * step);
            }
        }
        b->service_bound += b->ngroups ? best : 0;
    }
}

int bx_worth(struct bx *b, struct bt_err *err)
{
    intern_names(b);
    settle_contexts(b);
    make_classes(b);
    if (make_groups(b, err) < 0 || make_options(b, err) < 0)
        return -1;
    find_prices(b);
    return 0;
}

/* plan_hunt_keys.h - what plan_draw.h does not draw, as changes of a problem: foreign bytes, margins, bridges, instances of MIG, RAM that binds; who may share with whom, priorities,
 * contexts, memory, shapes, numbers of copies, one more of the same. Of hunt->is, before the problem is built; each says false where there is nothing to change. */
#ifndef PLAN_HUNT_KEYS_H
#define PLAN_HUNT_KEYS_H
#include "plan_small.h"

/* A problem, its answer, and what its cards are called in the problem as it was drawn. */
struct hunt_side { struct bt_plan_in in; struct bt_spec spec; struct bt_fleet fleet; struct pl_problem *p; struct pl_solution o; size_t drawn_card[BT_MAX_GPUS]; };

#define HUNT_KEPT 8u                 /* other plans that workloads are lifted out of */

struct hunt {
    struct bt_arena *a; struct draw d; const char *phase;
    struct hunt_side was;            /* as drawn, and proven */
    struct pl_solution kept[HUNT_KEPT]; size_t nkept;               /* plans of it; the first is the one that was proven */
    struct hunt_side is;             /* of this round */
    const char *said; char what[96]; /* what was changed */
    const char *dressed;             /* what was changed of the problem as drawn, before the first round; "" = nothing */
    const struct pl_solution *from;  /* the plan that the round's change is made of */
    bool backwards;                  /* what was found wrong: the round's own proof */
    struct pl_score claimed, found;
    uint64_t compared, proven;       /* plans scored in the other problem; rounds whose own answer was proven */
};

static inline void hunt_say(struct hunt *h, const char *said, const char *name)
{
    snprintf(h->what, sizeof h->what, "%s%s%s", said, name ? ": " : "", name ? name : "");
    h->said = h->what;
}

static inline struct bt_workload *hunt_any(struct hunt *h) { return &h->is.spec.w[draw(&h->d, (unsigned)h->is.spec.n)]; }

static inline struct bt_strs hunt_name(struct hunt *h, const char *name)
{
    struct bt_strs one = { .v = BT_NEWN(h->a, const char *, 1), .n = 1 };
    one.v[0] = name;
    return one;
}

/* ---- cards ---- */

static bool hunt_strangers(struct hunt *h)
{
    struct hunt_side *x = &h->is;
    hunt_say(h, "foreign bytes", NULL);
    for (size_t g = 0; g < x->fleet.n; g++)
        if (draw(&h->d, 3) == 0)
            x->fleet.gpus[g].others_bytes = draw(&h->d, 2) ? (uint64_t)draw(&h->d, 9000) * MiB + draw(&h->d, 3) : draw(&h->d, 300) * (uint64_t)MiB / 7;
    return true;
}

static bool hunt_margin(struct hunt *h)
{
    uint64_t bytes = draw(&h->d, 3) ? draw(&h->d, 2000) * (uint64_t)MiB : 0;
    hunt_say(h, "margin", bt_arena_printf(h->a, "%llu", (unsigned long long)bytes));
    for (size_t g = 0; g < h->is.fleet.n; g++)
        h->is.fleet.gpus[g].margin_bytes = bytes;
    return true;
}

static bool hunt_bridges(struct hunt *h)
{
    struct bt_fleet *f = &h->is.fleet;
    unsigned by = 2 + draw(&h->d, 3), off = draw(&h->d, 2);
    hunt_say(h, "bridges", bt_arena_printf(h->a, "%u and %u", by, by));
    for (size_t g = 0; g < f->n; g++)
        f->gpus[g].island = g < off || (g - off) / by * by + by > f->n - off ? -1 : (int)((g - off) / by);
    return f->n > 2;
}

/* Two of one size are instances of one card; nobody knows which kernels they have beyond what their kind says. */
static bool hunt_instances(struct hunt *h)
{
    struct bt_fleet *f = &h->is.fleet;
    size_t first = draw(&h->d, (unsigned)f->n), n = 1 + draw(&h->d, 2);
    hunt_say(h, "instances of MIG", NULL);
    for (size_t g = first; g < f->n && g < first + n; g++) {
        if (f->gpus[g].unified)
            return false;
        f->gpus[g].mig_of = "GPU-cut";
        f->gpus[g].uuid = bt_arena_printf(h->a, "MIG-%zu", g);
        f->gpus[g].name = "NVIDIA A100-SXM4-40GB MIG 3g.20gb";
        f->gpus[g].total_bytes = 20937965568u;
        f->gpus[g].others_bytes = BT_MIN(f->gpus[g].others_bytes, 4 * GiB);
        f->gpus[g].kind = bt_gpu_kind_mig(h->a, f->gpus[g].name);
        f->gpus[g].island = -1;
    }
    return true;
}

static bool hunt_ram(struct hunt *h)
{
    struct bt_fleet *f = &h->is.fleet;
    f->source = "file";              /* RAM of a catalog's machine is not known */
    f->ram_bytes = (uint64_t)(8 + draw(&h->d, 25 * (unsigned)h->is.spec.n)) * GiB;
    hunt_say(h, "RAM", bt_arena_printf(h->a, "%llu", (unsigned long long)f->ram_bytes));
    return true;
}

/* ---- workloads ---- */

static bool hunt_share(struct hunt *h)
{
    struct bt_workload *w = hunt_any(h);
    const char *other = hunt_any(h)->name;
    unsigned how = draw(&h->d, 4);
    hunt_say(h, how == 0 ? "shares with anybody" : how == 1 ? "shares with nobody" : how == 2 ? "shares with one" : "apart from one", w->name);
    if (w->same_gpus_as || other == w->name)
        return false;
    w->share = how == 1 ? BT_SHARE_NEVER : how == 2 ? BT_SHARE_WITH : BT_SHARE_TRUE;
    w->share_with = how == 2 ? hunt_name(h, other) : (struct bt_strs){ 0 };
    w->apart = how == 3 ? hunt_name(h, other) : (struct bt_strs){ 0 };
    return true;
}

static bool hunt_priority(struct hunt *h)
{
    struct bt_workload *w = hunt_any(h);
    int64_t had = w->priority;
    w->priority = draw(&h->d, 4);
    hunt_say(h, "another priority", w->name);
    return w->priority != had;
}

static bool hunt_optional(struct hunt *h)
{
    struct bt_workload *w = hunt_any(h);
    w->optional = !w->optional;
    hunt_say(h, w->optional ? "optional" : "not optional", w->name);
    return true;
}

static bool hunt_number(struct hunt *h)
{
    struct bt_workload *w = hunt_any(h);
    uint64_t want = 1 + draw(&h->d, 4);
    hunt_say(h, "another number of copies", w->name);
    w->copies = (struct bt_range){ .set = true, .want = want, .max = want, .min = 1 + draw(&h->d, (unsigned)want) };
    return true;
}

static bool hunt_context(struct hunt *h)
{
    struct bt_workload *w = hunt_any(h);
    static const char *const how[] = { "all the context there is", "a short context", "a context of its own", "hardly more context than it must have" };
    unsigned what = draw(&h->d, 4);
    hunt_say(h, how[what], w->name);
    if (w->kind != BT_SERVER || w->context.same_as)
        return false;
    w->context.set = what > 0;
    w->context.min = what == 0 ? 0 : what == 1 ? 1024 : what == 2 ? 512 + 256 * draw(&h->d, 12) : 500 + draw(&h->d, 4000);
    w->context.want = what < 2 ? w->context.min : w->context.min + (what == 2 ? 512 * draw(&h->d, 20) : 1 + draw(&h->d, 100));
    return true;
}

/* One number for two servers. */
static bool hunt_one_context(struct hunt *h)
{
    struct bt_workload *w = hunt_any(h), *like = hunt_any(h);
    hunt_say(h, "one context for two", w->name);
    if (w == like || w->kind != BT_SERVER || like->kind != BT_SERVER || like->context.same_as || (like->gpus.set && !like->gpus.want) || (w->gpus.set && !w->gpus.want))
        return false;
    for (size_t i = 0; i < h->is.spec.n; i++)
        if (h->is.spec.w[i].context.same_as && !strcmp(h->is.spec.w[i].context.same_as, w->name))
            return false;
    w->context.set = true;
    w->context.want = w->context.min = 0;
    w->context.same_as = like->name;
    return true;
}

static bool hunt_memory(struct hunt *h)
{
    struct bt_workload *w = hunt_any(h);
    unsigned how = draw(&h->d, w->kind == BT_SERVER ? 3 : 4);
    hunt_say(h, "other memory", w->name);
    if (w->gpus.set && !w->gpus.want)
        return false;
    w->memory = (struct bt_memory){ .form = how == 0 ? BT_MEM_AUTO : how == 1 ? BT_MEM_PERCENT : how == 2 ? BT_MEM_BYTES : BT_MEM_REST };
    w->memory.percent = how == 1 ? 20 + 5 * draw(&h->d, 14) : 0;
    w->memory.bytes = how == 2 ? (uint64_t)(w->kind == BT_SERVER ? 6 + draw(&h->d, 30) : 1 + draw(&h->d, 20)) * GiB + draw(&h->d, 2) : 0;
    return true;
}

static bool hunt_requests(struct hunt *h)
{
    struct bt_workload *w = hunt_any(h);
    hunt_say(h, "another number of requests", w->name);
    w->requests = 1 + draw(&h->d, 8);
    return w->kind == BT_SERVER;
}

/* Of a server, pinned or free; of a command, as many cards. Who follows takes as many as there are. */
static bool hunt_width(struct hunt *h)
{
    struct bt_workload *w = hunt_any(h);
    unsigned how = draw(&h->d, 5), most = BT_MIN(4u, (unsigned)h->is.fleet.n);
    hunt_say(h, "other numbers of cards", w->name);
    if (w->same_gpus_as || (w->gpus.set && !w->gpus.want))
        return false;
    w->tp = w->pp = w->dp = (struct bt_range){ 0 };
    w->gpus = (struct bt_range){ 0 };
    if (w->kind != BT_SERVER || how == 0) {
        uint64_t min = 1 + draw(&h->d, most), max = min + draw(&h->d, most);
        w->gpus = (struct bt_range){ .set = true, .want = max, .min = w->kind == BT_SERVER ? min : max, .max = max };
    } else if (how < 4) {
        uint64_t n = 1 + draw(&h->d, 2);
        *(how == 1 ? &w->tp : how == 2 ? &w->pp : &w->dp) = (struct bt_range){ .set = true, .want = n, .min = n, .max = n };
    }
    return true;
}

/* Another workload that is the same but for its name. */
static bool hunt_again(struct hunt *h)
{
    struct hunt_side *x = &h->is;
    size_t at = draw(&h->d, (unsigned)x->spec.n), n = x->spec.n;
    struct bt_plan_model *models = BT_NEWN(h->a, struct bt_plan_model, n + 2);
    struct bt_workload *w = BT_NEWN(h->a, struct bt_workload, n + 2);
    memcpy(models, x->in.models, n * sizeof *models);
    memcpy(w, x->spec.w, n * sizeof *w);
    w[n] = w[at];
    w[n].name = bt_arena_printf(h->a, "%s-again", w[at].name);
    models[n] = models[at];
    x->spec.w = w;
    x->in.models = models;
    x->spec.n++;
    hunt_say(h, "one more as", w[at].name);
    for (size_t i = 0; i < n; i++)
        if (!strcmp(w[i].name, w[n].name))
            return false;
    return n < 20;
}

static bool (*const hunt_keys[])(struct hunt *) = {
    hunt_strangers, hunt_margin, hunt_bridges, hunt_instances, hunt_ram, hunt_share, hunt_share, hunt_priority, hunt_optional, hunt_number, hunt_context, hunt_one_context, hunt_memory, hunt_memory,
    hunt_requests, hunt_width, hunt_width, hunt_again,
};
#endif

/* park - who sleeps between two of its phases, and who is stopped instead: because host RAM does not hold all of them, or because a phase would lose by what
 * they keep on its cards.
 *
 * Who may sleep is found copy by copy, with the phases through which it would; of all of these RAM gets the choice that saves most seconds. */
#include "plan/phases.h"

#define CHOICES 200000               /* steps of the search for the best sleepers */

static void warn(struct pl_stages *all, const char *text)
{
    for (size_t i = 0; i < all->plan->nwarnings; i++)
        if (!strcmp(all->plan->warning[i], text))
            return;
    BT_PUSH(all->a, all->plan->warning, all->plan->nwarnings, text);
}

bool pl_engine_parks(const struct bt_engine *e, const char *level)
{
    for (size_t i = 0; e && i < e->npark; i++)
        if (!strcmp(e->park[i].level, level))
            return true;
    return false;
}

/* ---- who may sleep ---- */

/* How a copy is parked; NULL = it is stopped. Says so where the spec asks for what cannot be. */
static const char *level_of(struct pl_stages *all, const struct pl_stage *g, const struct pl_copy *c, bool back)
{
    const struct pl_work *k = &g->p->work[c->work];
    const struct bt_workload *w = k->w;
    const struct bt_engine *engine = k->server ? k->pm->engine : NULL;
    if (w->kind == BT_JOB || !c->ncards || !strcmp(w->park, "stop"))
        return NULL;
    if (all->in->fleet->gpus[c->card[0]].unified && strcmp(w->park, "none") && strcmp(w->park, "kv")) {
        if (strcmp(w->park, "auto"))
            warn(all, bt_arena_printf(all->a, "%s: park: %s keeps its weights in RAM, which is the card's memory here: it is stopped when its phase ends",
                                      w->name, w->park));
        return NULL;
    }
    if (!strcmp(w->park, "auto"))
        return pl_engine_parks(engine, "sleep") && back ? "sleep" : NULL;
    if (!strcmp(w->park, "none") || pl_engine_parks(engine, w->park))
        return w->park;
    if (strcmp(w->park, "checkpoint"))               /* moves.c says what that would take, once its bytes are known */
        warn(all, bt_arena_printf(all->a, "%s: park: %s: %s cannot, as far as berth knows: it is stopped when its phase ends", w->name, w->park,
                                  engine ? engine->name : "a command"));
    return NULL;
}

/* Weights and LoRA slots of all its ranks: what sleep copies. Activations are freed, not copied. */
static uint64_t asleep_bytes(const struct pl_stage *g, const struct pl_copy *c)
{
    const struct pl_work *k = &g->p->work[c->work];
    const struct pl_cost *cost = k->server ? &k->shape[c->shape].cost[pl_cost_class(g->p, c->card, c->ncards)] : NULL;
    uint64_t sum = 0;
    for (size_t r = 0; cost && r < cost->need->nranks; r++)
        for (size_t l = 0; l < cost->need->rank[r].n; l++)
            if (cost->need->rank[r].line[l].part == BT_P_WEIGHTS || cost->need->rank[r].line[l].part == BT_P_LORA)
                sum += cost->need->rank[r].line[l].bytes * k->shape[c->shape].tp;
    return sum;
}

static size_t next_active(const struct pl_stages *all, size_t after, size_t w)
{
    size_t k = after + 1;
    while (k < all->n && !pl_active(all, k, w))
        k++;
    return k;
}

static void note_copy(struct pl_stages *all, size_t f, size_t copy, size_t w, bool back, size_t until)
{
    const struct pl_stage *g = &all->v[f];
    const struct pl_copy *c = &g->s.copy[copy];
    const char *level = level_of(all, g, c, back);
    if (!level)
        return;
    struct pl_sleeper one = { .w = w, .stage = f, .until = until, .level = level, .asked = strcmp(g->p->work[c->work].w->park, "auto") != 0 };
    size_t of_w[PL_MAX_COPIES], n = pl_copies_of(g, w, of_w);
    while (one.nth < n && of_w[one.nth] != copy)
        one.nth++;
    one.host_bytes = !strcmp(level, "sleep") ? asleep_bytes(g, c) : 0;
    one.saves_ms = back ? pl_copy_ms(g->p, c, false) : 0;
    one.out = !one.asked && !one.saves_ms && pl_starts_known(g->p, c);
    one.why = one.out ? "it starts again later: that takes no longer than sleeping and waking" : NULL;
    BT_PUSH(all->a, all->sleeper, all->nsleepers, one);
}

/* Copies of w that phase f has and the next one has not, or not there: do they come back to their places when it has them again? */
static void find_gaps(struct pl_stages *all, size_t f, size_t w)
{
    size_t copy[PL_MAX_COPIES], other[PL_MAX_COPIES], to[PL_MAX_COPIES], n = pl_copies_of(&all->v[f], w, copy), most = n;
    bool stays[PL_MAX_COPIES] = { false }, taken[PL_MAX_COPIES] = { false }, next = pl_active(all, f + 1, w);
    size_t k = next_active(all, f + next, w);
    if (next) {                                      /* its numbers must do for those who run and those who sleep */
        size_t running = pl_copies_of(&all->v[f + 1], w, other);
        uint64_t want = all->in->spec->w[w].copies.set ? all->in->spec->w[w].copies.want : running;
        most = want > running ? (size_t)want - running : 0;
        pl_stayers(&all->v[f], &all->v[f + 1], w, NULL, NULL, to);
        for (size_t i = 0; i < n; i++)
            stays[i] = to[i] != PL_NONE;
        if (k < all->n)
            pl_stayers(&all->v[f + 1], &all->v[k], w, NULL, taken, to);
    }
    bool sure = k < all->n && all->v[f].pin[w] && all->v[k].pin[w];
    if (sure)
        pl_stayers(&all->v[f], &all->v[k], w, stays, taken, to);
    for (size_t i = 0; i < n && most; i++) {
        bool back = sure && !stays[i] && to[i] != PL_NONE;
        if (stays[i] || (next && !back))
            continue;
        size_t had = all->nsleepers;
        note_copy(all, f, copy[i], w, back, k - 1);
        most -= all->nsleepers > had;
    }
}

/* ---- whom RAM holds ---- */

/* What those who run in the phase take of the RAM. */
static uint64_t ram_taken(const struct pl_stage *g)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < g->s.ncopies; i++) {
        const struct pl_copy *c = &g->s.copy[i];
        const struct pl_work *k = &g->p->work[c->work];
        const struct pl_cost *cost = k->server && c->ncards ? &k->shape[c->shape].cost[pl_cost_class(g->p, c->card, c->ncards)] : NULL;
        for (size_t r = 0; cost && r < cost->need->nranks; r++)
            sum += cost->need->rank[r].host_bytes * k->shape[c->shape].tp;
        sum += k->host_floor;        /* of a server on the CPU */
    }
    return sum;
}

/* Copies that nothing tells apart. */
struct kin { const struct pl_sleeper *one; size_t first, n, kept, best; };
struct value { uint64_t asked, ms, bytes; };         /* the more the better; of bytes the less */

struct choosing {
    struct pl_stages *all;
    struct kin *kin; size_t n;
    uint64_t *left;                  /* [all->n] RAM of the phase */
    struct value best; bool found;
    unsigned steps;
};

static bool better(const struct value *x, const struct value *y)
{
    return x->asked != y->asked ? x->asked > y->asked : x->ms != y->ms ? x->ms > y->ms : x->bytes < y->bytes;
}

static bool covers(const struct pl_sleeper *s, size_t stage) { return s->stage < stage && stage <= s->until; }

/* The most that those from `at` on can add in the phase where that is least: the densest first, the last one in part. */
static uint64_t most_ms(const struct choosing *c, size_t at)
{
    double least = -1;
    for (size_t s = 0; s < c->all->n; s++) {
        double sum = 0, left = (double)c->left[s];
        for (size_t i = at; i < c->n; i++) {
            double ms = (double)c->kin[i].one->saves_ms * (double)c->kin[i].n, bytes = (double)c->kin[i].one->host_bytes * (double)c->kin[i].n;
            double part = !covers(c->kin[i].one, s) || bytes <= left ? 1 : left / bytes;
            sum += part * ms;
            left -= covers(c->kin[i].one, s) ? part * bytes : 0;
        }
        least = least < 0 || sum < least ? sum : least;
    }
    return least < 0 ? 0 : (uint64_t)(least + 1);    /* rounded up: a bound */
}

static void choose(struct choosing *c, size_t at, struct value has)
{
    struct value most = has;
    if (at == c->n) {
        if (c->found && !better(&has, &c->best))
            return;
        c->best = has;
        c->found = true;
        for (size_t i = 0; i < c->n; i++)
            c->kin[i].best = c->kin[i].kept;
        return;
    }
    for (size_t i = at; i < c->n; i++)
        most.asked += c->kin[i].one->asked ? c->kin[i].n : 0;
    most.ms += most_ms(c, at);
    if (c->steps++ > CHOICES || (c->found && !better(&most, &c->best)))
        return;
    struct kin *k = &c->kin[at];
    const struct pl_sleeper *one = k->one;
    size_t fit = k->n;
    for (size_t s = one->stage + 1; s <= one->until; s++)
        fit = BT_MIN(fit, (size_t)(c->left[s] / one->host_bytes));
    for (size_t n = fit + 1; n-- > 0; ) {
        uint64_t bytes = one->host_bytes * n;
        for (size_t s = one->stage + 1; s <= one->until; s++)
            c->left[s] -= bytes;
        k->kept = n;
        choose(c, at + 1, (struct value){ has.asked + (one->asked ? n : 0), has.ms + one->saves_ms * n, has.bytes + bytes });
        for (size_t s = one->stage + 1; s <= one->until; s++)
            c->left[s] += bytes;
    }
}

static bool alike(const struct pl_sleeper *x, const struct pl_sleeper *y)
{
    return x->w == y->w && x->stage == y->stage && x->until == y->until && x->host_bytes == y->host_bytes && x->saves_ms == y->saves_ms && x->level == y->level;
}

/* Sleepers that take RAM, alike ones together; asked ones first, then those that save most by the byte, then as written. */
static void gather(struct choosing *c)
{
    struct pl_stages *all = c->all;
    for (size_t i = 0; i < all->nsleepers; i++) {
        const struct pl_sleeper *s = &all->sleeper[i];
        if (!s->host_bytes || s->out)
            continue;
        if (c->n && alike(c->kin[c->n - 1].one, s) && c->kin[c->n - 1].first + c->kin[c->n - 1].n == i) {
            c->kin[c->n - 1].n++;
            continue;
        }
        struct kin one = { .one = s, .first = i, .n = 1 };
        BT_PUSH(all->a, c->kin, c->n, one);
    }
    for (size_t i = 1; i < c->n; i++)                /* few, and the order of equals stays */
        for (size_t k = i; k > 0; k--) {
            const struct pl_sleeper *x = c->kin[k - 1].one, *y = c->kin[k].one;
            double dx = (double)x->saves_ms / (double)x->host_bytes, dy = (double)y->saves_ms / (double)y->host_bytes;
            if (x->asked != y->asked ? x->asked : dx >= dy)
                break;
            struct kin was = c->kin[k];
            c->kin[k] = c->kin[k - 1];
            c->kin[k - 1] = was;
        }
}

static const char *text_of_ms(struct bt_arena *a, uint64_t ms)
{
    return bt_arena_printf(a, "%.0f s", ms < 1000 ? 1.0 : (double)ms / 1000);
}

/* Where the first of those who are not kept would be one too many. */
static size_t tight_phase(const struct choosing *c, const struct pl_sleeper *s)
{
    size_t at = s->stage + 1;
    while (at < s->until && c->left[at] >= s->host_bytes)
        at++;
    return at;
}

static void leave_out(struct choosing *c, const struct kin *k, uint64_t ram)
{
    struct pl_stages *all = c->all;
    size_t out = k->n - k->best, at = tight_phase(c, k->one);
    const char *name = all->in->spec->w[k->one->w].name, *more = "", *copies = "";
    if (k->one->saves_ms)
        more = bt_arena_printf(all->a, " (about %s more%s)", text_of_ms(all->a, k->one->saves_ms * out), c->n > 1 ? "; no other choice costs less" : "");
    if (k->n > 1 && out < k->n)
        copies = bt_arena_printf(all->a, "%zu of its %zu copies %s", out, k->n, out > 1 ? "are" : "is");
    warn(all, bt_arena_printf(all->a, "%s: asleep it takes %s of host RAM%s, and %s of %s are left: %s stopped while phase %s runs%s", name,
                              bt_arena_strdup(all->a, bt_bytes_human(k->one->host_bytes * (*copies ? 1 : k->n))), *copies ? " a copy" : "",
                              bt_arena_strdup(all->a, bt_bytes_human(c->left[at])), bt_arena_strdup(all->a, bt_bytes_human(ram)), *copies ? copies : "it is",
                              all->v[at].name, more));
    for (size_t i = k->first + k->best; i < k->first + k->n; i++) {
        all->sleeper[i].out = true;
        all->sleeper[i].why = bt_arena_printf(all->a, "host RAM does not hold it asleep%s", k->one->saves_ms ? ": about" : "");
        if (k->one->saves_ms)
            all->sleeper[i].why = bt_arena_printf(all->a, "%s %s more than sleeping", all->sleeper[i].why, text_of_ms(all->a, k->one->saves_ms));
    }
}

static void choose_for_ram(struct pl_stages *all)
{
    struct choosing c = { .all = all, .left = BT_NEWN(all->a, uint64_t, all->n + 1) };
    uint64_t ram = all->in->fleet->ram_bytes;
    gather(&c);
    if (!ram || !c.n)
        return;
    for (size_t s = 0; s < all->n; s++) {
        uint64_t taken = ram_taken(&all->v[s]);
        c.left[s] = ram > taken ? ram - taken : 0;
    }
    choose(&c, 0, (struct value){ 0 });
    for (size_t i = 0; i < c.n; i++)
        for (size_t s = c.kin[i].one->stage + 1; s <= c.kin[i].one->until; s++)
            c.left[s] -= c.kin[i].one->host_bytes * c.kin[i].best;
    for (size_t i = 0; i < c.n; i++)
        if (c.kin[i].best < c.kin[i].n)
            leave_out(&c, &c.kin[i], ram);
}

void pl_sleepers(struct pl_stages *all)
{
    for (size_t f = 0; f + 1 < all->n; f++)
        for (size_t w = 0; w < all->in->spec->n; w++)
            if (pl_active(all, f, w))
                find_gaps(all, f, w);
    choose_for_ram(all);
}

void pl_say_ram_not_known(struct pl_stages *all)
{
    struct choosing c = { .all = all };
    if (all->in->fleet->ram_bytes)
        return;
    gather(&c);
    for (size_t i = 0; i < c.n; i++)
        warn(all, bt_arena_printf(all->a, "%s: asleep it takes %s of host RAM; how much these cards' machine has is not known",
                                  all->in->spec->w[c.kin[i].one->w].name, bt_bytes_human(c.kin[i].one->host_bytes * c.kin[i].n)));
}

/* ---- beside whom a phase fits ---- */

static struct pl_parked parked_as(struct pl_stages *all, const struct pl_sleeper *s)
{
    const struct bt_plan_instance *inst = s->inst;
    size_t copy[PL_MAX_COPIES];
    pl_copies_of(&all->v[s->stage], s->w, copy);
    struct pl_parked out = { .inst = inst, .level = s->level, .stage = s->stage, .copy = copy[s->nth] };
    out.gpu_bytes = BT_NEWN(all->a, uint64_t, inst->nranks + 1);
    bool sleep = !strcmp(s->level, "sleep");
    for (size_t r = 0; r < inst->nranks; r++) {
        const struct bt_rank_berth *b = &inst->rank[r];
        out.gpu_bytes[r] = !strcmp(s->level, "none") ? b->bytes : b->bytes - b->kv_bytes - (sleep ? pl_sleeping_bytes(b) : 0);
        for (size_t l = 0; sleep && b->need && l < b->need->n; l++)
            if (b->need->line[l].part == BT_P_WEIGHTS || b->need->line[l].part == BT_P_LORA)
                out.host_bytes += b->need->line[l].bytes;
    }
    return out;
}

/* Those who leave at the boundary, as they are in the phase that is filled by now. */
static void find_instances(struct pl_stages *all, size_t i)
{
    const struct pl_stage *g = &all->v[i - 1];
    for (size_t k = 0; k < all->nsleepers; k++) {
        struct pl_sleeper *s = &all->sleeper[k];
        size_t copy[PL_MAX_COPIES];
        if (s->stage != i - 1 || s->nth >= pl_copies_of(g, s->w, copy))
            continue;
        for (size_t n = 0; n < g->out->n; n++)
            if (g->out->inst[n].w == &all->in->spec->w[s->w] && g->out->inst[n].replica == g->id[copy[s->nth]])
                s->inst = &g->out->inst[n];
    }
}

static void list_parked(struct pl_stages *all, size_t i)
{
    struct pl_stage *g = &all->v[i];
    g->parked = NULL;
    g->nparked = 0;
    for (size_t k = 0; k < all->nsleepers; k++) {
        const struct pl_sleeper *s = &all->sleeper[k];
        if (!covers(s, i) || s->out || !s->inst)
            continue;
        struct pl_parked one = parked_as(all, s);
        BT_PUSH(all->a, g->parked, g->nparked, one);
    }
}

static bool asked(const struct pl_parked *k) { return strcmp(k->inst->w->park, "auto") != 0; }

/* Stage i beside what the parked keep. 1 it fits (what was not asked for must cost nothing), 0 not, -1 error. */
static int plan_beside(struct pl_stages *all, struct pl_stage *g, struct bt_err *err)
{
    uint64_t reserve[BT_MAX_GPUS] = { 0 }, ram = all->in->fleet->ram_bytes, host = 0;
    bool all_asked = true;
    for (size_t k = 0; k < g->nparked; k++) {
        all_asked = all_asked && asked(&g->parked[k]);
        host += g->parked[k].host_bytes;
        for (size_t r = 0; r < g->parked[k].inst->nranks; r++)
            reserve[g->parked[k].inst->rank[r].gpu] += g->parked[k].gpu_bytes[r];
    }
    struct pl_stage next;
    if (pl_stage_try(all, g, g->pin, reserve, pl_node_limit(all->in), &next, err) < 0)
        return -1;
    all->plan->nodes += next.s.nodes;
    if (!next.s.found || (!all_asked && !pl_no_worse(all, g, next.p, &next.s)) || (ram && host && ram_taken(&next) + host > ram))
        return 0;
    for (size_t w = 0; w < all->in->spec->n; w++)    /* who comes back here, or runs on, is where it was */
        if (g->pin[w] && !pl_same_copies(&next, g, w))
            return 0;
    *g = next;
    return 1;
}

/* The workload to stop: what nobody asked to park, then what saves least by it, then the last. */
static size_t to_stop(const struct pl_stages *all, size_t i)
{
    size_t best = PL_NONE, nw = all->in->spec->n;
    uint64_t *ms = BT_NEWN(all->a, uint64_t, nw + 1);
    bool *in = BT_NEWN(all->a, bool, nw + 1), *want = BT_NEWN(all->a, bool, nw + 1);
    for (size_t k = 0; k < all->nsleepers; k++) {
        const struct pl_sleeper *s = &all->sleeper[k];
        if (!covers(s, i) || s->out || !s->inst)
            continue;
        in[s->w] = true;
        want[s->w] = s->asked;
        ms[s->w] += s->saves_ms;
    }
    for (size_t w = 0; w < nw; w++)
        if (in[w] && (best == PL_NONE || (want[w] != want[best] ? !want[w] : ms[w] <= ms[best])))
            best = w;
    return best;
}

/* The workload's sleepers are stopped for this reason, or those who were sleep after all. */
static void set_out(struct pl_stages *all, size_t i, size_t w, bool out, const char *why)
{
    for (size_t k = 0; k < all->nsleepers; k++) {
        struct pl_sleeper *s = &all->sleeper[k];
        if (s->w != w || !covers(s, i) || !s->inst || s->out == out || (!out && s->why != why))
            continue;
        s->out = out;
        s->why = why;
    }
}

/* Fewer sleepers until the phase fits beside them; then those who were stopped for nothing sleep after all. */
int pl_park(struct pl_stages *all, size_t i, struct bt_err *err)
{
    struct pl_stage *g = &all->v[i];
    size_t *gone = BT_NEWN(all->a, size_t, all->in->spec->n + 1), n = 0;
    const char *why = bt_arena_printf(all->a, "phase %s would lose by what it keeps on its cards", g->name);
    int ok = 0;
    find_instances(all, i);
    list_parked(all, i);
    while (g->nparked && (ok = plan_beside(all, g, err)) == 0) {
        gone[n] = to_stop(all, i);
        set_out(all, i, gone[n++], true, why);
        list_parked(all, i);
    }
    for (size_t k = n; k-- > 0 && ok >= 0; ) {
        if (k + 1 == n)                              /* with it, it did not fit */
            continue;
        set_out(all, i, gone[k], false, why);
        list_parked(all, i);
        ok = plan_beside(all, g, err);
        if (ok > 0) {
            gone[k] = PL_NONE;
            continue;
        }
        set_out(all, i, gone[k], true, why);
        list_parked(all, i);
    }
    for (size_t k = 0; k < n && ok >= 0; k++)
        if (gone[k] != PL_NONE && strcmp(all->in->spec->w[gone[k]].park, "auto"))
            warn(all, bt_arena_printf(all->a, "%s: phase %s does not fit beside what it keeps on its cards while parked: it is stopped instead",
                                      all->in->spec->w[gone[k]].name, g->name));
    return ok < 0 ? -1 : 0;
}

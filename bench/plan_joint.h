/* plan_joint.h - phases small enough to try every way to place each of them, and every choice of one of these a phase: what may stay where it is, at most.
 *
 * Taken are placements of a phase that reach what it reaches alone (placed, wants, service) and where no workload has fewer copies, less context, a lower rate
 * or more neighbours than in the plan of the phase alone. Of those of all phases together, the most milliseconds of moves that are saved. */
#ifndef PLAN_JOINT_H
#define PLAN_JOINT_H
#include "plan/phases.h"
#include "plan_small.h"

#define JOINT_PHASES 3
#define JOINT_WORKS 4
#define JOINT_COPIES 4

/* ---- random specs ---- */

/* Who follows somebody, by cards or context, is where that one is. */
static inline const char *joint_spec(struct draw *d, struct bt_arena *a, const char **fleet)
{
    static const struct { const char *name; unsigned cards; } fleets[] = {
        { "2xRTX-4090", 2 }, { "2xA100-SXM4-40GB", 2 }, { "1xRTX-4090+1xA100-SXM4-40GB", 2 }, { "3xRTX-4090", 3 }, { "1xA100-SXM4-40GB+2xRTX-4090", 3 }, { "3xA100-SXM4-40GB", 3 },
    };
    unsigned f = draw(d, BT_LEN(fleets)), n = 2 + draw(d, JOINT_WORKS - 1), phases = 2 + draw(d, JOINT_PHASES - 1);
    bool server[JOINT_WORKS], three = false;
    char where[64] = "";
    bt_auto_buf struct bt_buf b = BT_BUF(8192);
    bt_buf_puts(&b, phases == 2 ? "name: t\nphases: [p0, p1]\nworkloads:\n" : "name: t\nphases: [p0, p1, p2]\nworkloads:\n");
    for (unsigned i = 0; i < n; i++)
        server[i] = draw(d, 5) < 3;
    for (unsigned i = 0; i < n; i++) {
        bt_auto_buf struct bt_buf one = BT_BUF(4096);
        small_workload(d, &one, i, n, fleets[f].cards, server);
        char *text = (char *)bt_buf_z(&one), *two = strstr(text, "{want: 2, min: 1}");
        if (two && !three && strstr(text, "gpus: 1") && draw(d, 4)) {
            two[strlen("{want: ")] = '3';            /* of one workload of one card: more cannot be enumerated */
            three = true;
        }
        unsigned out = draw(d, phases), how = draw(d, 4);            /* 1 of 4 in all, 2 in all but one, 1 in one only */
        if (!strstr(text, "same_") && how == 0)
            snprintf(where, sizeof where, ", phases: p%u", out);
        else if (!strstr(text, "same_"))
            snprintf(where, sizeof where, "%s", how == 1 ? "" : phases == 2 ? (out ? ", phases: p0" : ", phases: p1")
                                                : out == 0 ? ", phases: [p1, p2]" : out == 1 ? ", phases: [p0, p2]" : ", phases: [p0, p1]");
        bt_buf_printf(&b, "%.*s%s}\n", (int)(strlen(text) - 2), text, where);
    }
    *fleet = fleets[f].name;
    return bt_arena_strdup(a, bt_buf_z(&b));
}

/* ---- enumeration ---- */

struct joint_row { uint64_t at[JOINT_WORKS][JOINT_COPIES]; size_t n[JOINT_WORKS]; };         /* where each copy of each workload is, as a hash, rising */
struct joint_got { uint32_t copies; uint64_t ctx; double rate; unsigned tenants; };
struct joint_phase {
    struct pl_problem *p; struct pl_solution s;
    struct joint_got alone[JOINT_WORKS];
    struct joint_row *row; size_t n;
};
struct joint { struct bt_arena *a; const struct bt_plan_in *in; struct joint_phase ph[JOINT_PHASES]; size_t n, works, at; uint64_t most; uint64_t tuples; };

static inline void joint_got(const struct pl_problem *p, const struct pl_copy *copy, size_t n, const uint64_t *ctx, struct joint_got *out)
{
    unsigned servers[BT_MAX_GPUS] = { 0 };
    memset(out, 0, JOINT_WORKS * sizeof *out);
    for (size_t i = 0; i < n; i++)
        for (uint32_t j = 0; j < copy[i].ncards; j++)
            servers[copy[i].card[j]] += p->work[copy[i].work].server;
    for (size_t i = 0; i < n; i++) {
        const struct pl_work *k = &p->work[copy[i].work];
        struct joint_got *o = &out[k->spec_index];
        double rate = k->server ? pl_rate(p, &k->shape[copy[i].shape], copy[i].card, NULL) : 0;
        o->rate = o->copies && o->rate < rate ? o->rate : rate;
        o->ctx = k->server ? ctx[copy[i].work] : 0;
        for (uint32_t j = 0; j < copy[i].ncards && k->server; j++)
            o->tenants = BT_MAX(o->tenants, servers[copy[i].card[j]]);
        o->copies++;
    }
}

static inline uint64_t joint_mix(uint64_t h, uint64_t v) { return (h ^ v) * 0x9E3779B97F4A7C15u ^ (h >> 29); }

static inline void joint_leaf(struct brute *b, const uint64_t *ctx, const struct pl_score *score)
{
    struct joint *j = b->arg;
    struct joint_phase *ph = &j->ph[j->at];
    struct joint_got got[JOINT_WORKS];
    struct joint_row row = { .n = { 0 } };
    if (pl_score_cmp(score, &ph->s.score, BT_GOAL_SHARED) < 0)
        return;
    joint_got(b->p, b->copy, b->n, ctx, got);
    for (size_t w = 0; w < j->works; w++)
        if (got[w].copies < ph->alone[w].copies || got[w].ctx < ph->alone[w].ctx || got[w].rate < ph->alone[w].rate || got[w].tenants > ph->alone[w].tenants)
            return;
    for (size_t i = 0; i < b->n; i++) {
        const struct pl_copy *c = &b->copy[i];
        const struct pl_work *k = &b->p->work[c->work];
        uint64_t h = 77, *all = row.at[k->spec_index];
        for (uint32_t r = 0; r < c->ncards; r++)
            h = joint_mix(h, c->card[r] + 1);
        if (k->server && c->ncards) {
            h = joint_mix(joint_mix(h, k->shape[c->shape].tp * 100 + k->shape[c->shape].pp), ctx[c->work]);
            for (const char *z = k->shape[c->shape].layers; *z; z++)
                h = joint_mix(h, (unsigned char)*z);
        }
        size_t at = row.n[k->spec_index]++;
        for (; at > 0 && all[at - 1] > h; at--)
            all[at] = all[at - 1];
        all[at] = h;
    }
    for (size_t i = 0; i < ph->n; i++)
        if (!memcmp(&ph->row[i], &row, sizeof row))
            return;
    BT_PUSH(j->a, ph->row, ph->n, row);
}

/* The phase before `i` that had it last, or -1. */
static inline int joint_before(const struct joint *j, size_t i, size_t w)
{
    while (i-- > 0)
        if (pl_in_phase(&j->in->spec->w[w], j->in->spec->phases.v[i]))
            return (int)i;
    return -1;
}

static inline size_t joint_copies(const struct joint *j, size_t i, size_t w)
{
    size_t n = 0;
    for (size_t k = 0; k < j->ph[i].s.ncopies; k++)
        n += j->ph[i].p->work[j->ph[i].s.copy[k].work].spec_index == w;
    return n;
}

/* Of each copy that stays. */
static inline uint64_t joint_saves(const struct joint *j, size_t i, size_t w)
{
    int before = pl_in_phase(&j->in->spec->w[w], j->in->spec->phases.v[i]) ? joint_before(j, i, w) : -1;
    size_t n = before < 0 ? 0 : joint_copies(j, (size_t)before, w);
    return n ? pl_place_ms(j->ph[before].p, &j->ph[before].s, w, (size_t)before + 1 == i) / n : 0;
}

/* Hashes that both have; both rise. */
static inline size_t joint_common(const struct joint_row *x, const struct joint_row *y, size_t w)
{
    size_t same = 0;
    for (size_t i = 0, k = 0; i < x->n[w] && k < y->n[w]; ) {
        uint64_t a = x->at[w][i], b = y->at[w][k];
        same += a == b;
        i += a <= b;
        k += b <= a;
    }
    return same;
}

static inline void joint_tuples(struct joint *j, size_t i, const struct joint_row **taken, uint64_t saved)
{
    if (i == j->n) {
        j->most = BT_MAX(j->most, saved);
        j->tuples++;
        return;
    }
    for (size_t r = 0; r < j->ph[i].n; r++) {
        uint64_t more = 0;
        taken[i] = &j->ph[i].row[r];
        for (size_t w = 0; w < j->works; w++) {
            int before = joint_before(j, i, w);
            if (before >= 0)
                more += joint_common(taken[i], taken[before], w) * joint_saves(j, i, w);
        }
        joint_tuples(j, i + 1, taken, saved + more);
    }
}

/* 1 done: j->most; 0 some phase has no plan, or there is too much to try. */
static inline int joint_enumerate(struct joint *j, struct bt_arena *a, struct bt_plan_in *in, struct bt_err *err)
{
    *j = (struct joint){ .a = a, .in = in, .n = in->spec->phases.n, .works = in->spec->n };
    const struct joint_row *taken[JOINT_PHASES];
    double tuples = 1;
    for (j->at = 0; j->at < j->n; j->at++) {
        struct joint_phase *ph = &j->ph[j->at];
        if (pl_problem_build(a, in, in->spec->phases.v[j->at], &ph->p, err) < 0)
            return -1;
        if (ph->p->nrefusals)
            return 0;
        pl_solve(ph->p, PL_NODE_LIMIT, &ph->s);
        if (!ph->s.found || !ph->s.complete)
            return 0;
        joint_got(ph->p, ph->s.copy, ph->s.ncopies, ph->s.ctx, ph->alone);
        struct brute b = { .p = ph->p, .visit = joint_leaf, .arg = j };
        brute_work(&b, 0, 0);
        tuples *= (double)ph->n;
    }
    if (tuples > 2e6)
        return 0;
    joint_tuples(j, 0, taken, 0);
    return 1;
}

/* If everything could stay. */
static inline uint64_t joint_all(const struct joint *j)
{
    uint64_t all = 0;
    for (size_t i = 1; i < j->n; i++)
        for (size_t w = 0; w < j->works; w++)
            if (joint_saves(j, i, w))
                all += joint_saves(j, i, w) * BT_MIN(joint_copies(j, i, w), joint_copies(j, (size_t)joint_before(j, i, w), w));
    return all;
}

/* What the plan saves, by the same measure. */
static inline uint64_t joint_planned(const struct joint *j, const struct bt_plan *plan)
{
    uint64_t sum = 0;
    for (size_t i = 1; i < j->n; i++)
        for (size_t w = 0; w < j->works; w++) {
            int before = pl_in_phase(&j->in->spec->w[w], j->in->spec->phases.v[i]) ? joint_before(j, i, w) : -1;
            for (size_t k = 0; before >= 0 && k < plan->phase[i].n; k++) {
                const struct bt_plan_instance *x = &plan->phase[i].inst[k], *y = pl_with_id(&plan->phase[before], x->id);
                sum += x->w == &j->in->spec->w[w] && y && pl_same_place(x, y) ? joint_saves(j, i, w) : 0;
            }
        }
    return sum;
}
#endif

/* plan_draw.h - random planning problems, the same ones on every machine: a spec's text and a fleet's name from a number. */
#ifndef PLAN_DRAW_H
#define PLAN_DRAW_H
#include <stdio.h>

#include "base/arena.h"
#include "base/str.h"

struct draw { uint64_t state; };
static inline void draw_seed(struct draw *d, uint64_t seed)
{
    d->state = seed * 0x9E3779B97F4A7C15u + 0x1234567u;
    for (int i = 0; i < 8; i++) {
        d->state ^= d->state << 13;
        d->state ^= d->state >> 7;
        d->state ^= d->state << 17;
    }
}
static inline unsigned draw(struct draw *d, unsigned n)              /* xorshift: 0 .. n-1 */
{
    d->state ^= d->state << 13;
    d->state ^= d->state >> 7;
    d->state ^= d->state << 17;
    return (unsigned)((d->state >> 11) % n);
}

/* Cards of several kinds, those of one kind together. */
static inline const char *draw_fleet(struct draw *d, struct bt_arena *a, unsigned cards)
{
    static const char *const kinds[] = { "RTX-4090", "A100-SXM4-40GB", "A100-SXM4-80GB", "L40S", "RTX-A6000", "H100-80GB-HBM3", "RTX-3090", "L4" };
    unsigned count[BT_LEN(kinds)] = { 0 }, used = 2 + draw(d, 4), pick[5];
    for (unsigned i = 0; i < used; i++)
        pick[i] = draw(d, BT_LEN(kinds));
    for (unsigned i = 0; i < cards; i++)
        count[pick[draw(d, used)]]++;
    bt_auto_buf struct bt_buf b = BT_BUF(4096);
    for (unsigned i = 0; i < BT_LEN(kinds); i++)
        if (count[i])
            bt_buf_printf(&b, "%s%ux%s", b.n ? "+" : "", count[i], kinds[i]);
    return bt_arena_strdup(a, bt_buf_z(&b));
}

/* True: a model that needs more than a card. */
static inline bool draw_server(struct draw *d, struct bt_buf *b, bool follows)
{
    static const char *const models[] = {
        "Qwen/Qwen2.5-7B-Instruct", "Qwen/Qwen3-4B", "Qwen/Qwen2.5-14B-Instruct", "HuggingFaceTB/SmolLM2-135M", "Qwen/Qwen2.5-32B-Instruct",
        "Qwen/Qwen3-8B", "Qwen/Qwen3-1.7B", "google/gemma-2-9b-it", "Qwen/Qwen2.5-0.5B-Instruct", "Qwen/Qwen3-30B-A3B",
    };
    const char *model = models[draw(d, BT_LEN(models))];
    bool big = strstr(model, "-32B") || strstr(model, "-30B"), follower = follows || big;    /* as many cards as it takes */
    bt_buf_printf(b, "engine: vllm, model: %s", model);
    unsigned g = draw(d, 4), c = draw(d, 4);
    if (!follower && g == 0)
        bt_buf_printf(b, ", gpus: %u", 1 + draw(d, 2));
    else if (!follower && g == 1)
        bt_buf_printf(b, ", gpus: {min: 1, max: %u}", 2 + draw(d, 3));
    if (c == 0)
        bt_buf_printf(b, ", context: {min: %u, want: %u}", 512 + 512 * draw(d, 4), 4096 + 2048 * draw(d, 3));
    else if (c == 1)
        bt_buf_printf(b, ", context: %u", 1024 + 1024 * draw(d, 8));
    else if (c == 2)
        bt_buf_puts(b, ", context: {min: 2048}");
    if (!big && draw(d, 6) == 0)
        bt_buf_printf(b, ", memory: %u%%", 55 + 10 * draw(d, 4));
    if (draw(d, 5) == 0)
        bt_buf_printf(b, ", requests: %u", 2 + draw(d, 6));
    return big;
}

/* True: a job, whose copies are slots. */
static inline bool draw_command(struct draw *d, struct bt_buf *b, bool follows)
{
    static const char *const sizes[] = { "2GiB", "4GiB", "9GiB", "30%", "45%", "rest", "16GiB", "1GiB" };
    bool job = draw(d, 3) == 0;
    bt_buf_printf(b, "kind: %s, command: [x]", job ? "job" : "service");
    if (!follows && draw(d, 6) == 0) {
        bt_buf_puts(b, ", gpus: 0");
        return job;
    }
    bt_buf_printf(b, ", memory: %s", draw(d, 12) ? sizes[draw(d, BT_LEN(sizes))] : "auto");
    if (!follows && draw(d, 4) == 0)
        bt_buf_printf(b, ", gpus: %u", 1 + draw(d, 3));
    return job;
}

static inline void draw_phases(struct draw *d, char *out, size_t size, unsigned phases)
{
    unsigned p = draw(d, phases), q = draw(d, phases), how = draw(d, 5);     /* 3 of 5 in one phase, 1 in two, 1 in all */
    out[0] = '\0';
    if (how > 1 || (how && p == q))
        snprintf(out, size, ", phases: p%u", p);
    else if (how)
        snprintf(out, size, ", phases: [p%u, p%u]", p, q);
}

/* A spec of n workloads, w0 .. wn-1, over `phases` phases; `cards` are those that a pool may name. */
static inline const char *draw_spec(struct draw *d, struct bt_arena *a, unsigned n, unsigned phases, unsigned cards)
{
    bt_auto_buf struct bt_buf b = BT_BUF(4 * MiB);
    bool follows_any = false;
    char where[64] = "";
    bt_buf_puts(&b, "name: t\n");
    for (unsigned i = 0; phases > 1 && i < phases; i++)
        bt_buf_printf(&b, "%sp%u%s", i ? ", " : "phases: [", i, i + 1 < phases ? "" : "]\n");
    bt_buf_puts(&b, "workloads:\n");
    for (unsigned i = 0; i < n; i++) {
        bool follows = i > 0 && !follows_any && draw(d, 6) == 0, server = draw(d, 5) < 3, never = false, job = false;
        follows_any = follows_any || follows;
        bt_buf_printf(&b, "  w%u: {", i);
        bool big = false;
        if (server)
            big = draw_server(d, &b, follows);
        else
            job = draw_command(d, &b, follows);
        if (follows)
            bt_buf_printf(&b, ", same_gpus_as: w%u", i - 1);
        if (draw(d, 6) == 0)
            bt_buf_printf(&b, ", %s: {want: %u, min: 1}", job ? "slots" : "replicas", 2 + draw(d, 2));
        if (draw(d, 8) == 0 && cards > 2 && !follows && !big) {
            unsigned first = draw(d, cards - 2);
            bt_buf_printf(&b, ", pool: [%u, %u, %u]", first + 1, first, first + 2);
        }
        if (!server && !follows && draw(d, 10) == 0) {
            bt_buf_puts(&b, ", share: never");
            never = true;
        }
        if (!never && !follows && i > 1 && draw(d, 8) == 0)
            bt_buf_printf(&b, ", apart: [w%u]", draw(d, i - 1));
        if (draw(d, 5) == 0)
            bt_buf_puts(&b, ", optional: true");
        if (draw(d, 5) == 0)
            bt_buf_printf(&b, ", priority: %u", 1 + draw(d, 3));
        if (phases > 1 && !follows)                  /* who follows is where its target is */
            draw_phases(d, where, sizeof where, phases);
        bt_buf_puts(&b, where);
        bt_buf_puts(&b, "}\n");
    }
    return bt_arena_strdup(a, bt_buf_z(&b));
}
#endif

/* advice - the nearest settings that start. Each candidate is a small change of the flags that were given; it is listed only when
 * bt_fit_server says that it fits. */
#include <math.h>
#include <stdio.h>

#include "need/advising.h"
#include "need/ops.h"
#include "need/parts.h"

static unsigned long long ull(uint64_t n) { return n; }

uint64_t need_poorest_kv(const struct bt_fit *f)
{
    uint64_t least = UINT64_MAX;
    for (size_t i = 0; f->need && i < f->need->nranks; i++)
        least = BT_MIN(least, f->rank[i].engine_kv_bytes);
    return least == UINT64_MAX ? 0 : least;
}

int need_advise(struct advising *x, const struct bt_serve *changed, const struct advised *how, bool *kept)
{
    struct bt_fit *f;
    struct bt_fit_case c = *x->c;
    *kept = false;
    c.model = how->as ? how->as : c.model;
    if (x->n >= x->max)
        return 0;
    if (bt_fit_server(x->arena, &c, changed, &f, x->err) < 0)
        return -1;
    if (!f->fits)
        return 0;
    int64_t gains = (int64_t)BT_MIN(need_poorest_kv(f), (uint64_t)INT64_MAX) - (int64_t)BT_MIN(need_poorest_kv(x->now), (uint64_t)INT64_MAX);
    struct bt_advice adv = { .flags = how->flags, .path = how->path, .value = how->value, .text_value = how->text_value, .gains_bytes = gains, .fit = f,
        .text = bt_arena_printf(x->arena, "%s: longest context %s tokens, %s of KV per GPU", how->what, bt_count_human(f->longest), bt_bytes_human(need_poorest_kv(f))) };
    BT_PUSH(x->arena, x->out, x->n, adv);
    *kept = true;
    return 0;
}

static int try(struct advising *s, const struct bt_serve *changed, const char *flags, const char *path, uint64_t value, const char *text_value, const char *what, bool *kept)
{
    return need_advise(s, changed, &(struct advised){ .flags = flags, .path = path, .value = value, .text_value = text_value, .what = what }, kept);
}

static int fewer_tokens(struct advising *s)
{
    uint64_t fits = BT_MIN(s->now->longest, s->now->model_context);
    if (!s->now->need || fits >= s->now->asked || fits < s->now->need->block)
        return 0;
    struct bt_serve v = *s->serve;
    bool kept;
    v.context = fits;
    v.context_auto = false;
    return try(s, &v, bt_arena_printf(s->arena, "--max-model-len %llu", ull(fits)), "context", fits, NULL,
               bt_arena_printf(s->arena, "%s tokens instead of %s", bt_count_human(fits), bt_count_human(s->now->asked)), &kept);
}

static int fp8_kv(struct advising *s)
{
    struct bt_serve v = *s->serve;
    bool kept;
    if (s->c->card->cc_major < 8 || (v.kv_dtype && !strncmp(v.kv_dtype, "fp8", 3)))
        return 0;
    v.kv_dtype = "fp8";
    return try(s, &v, "--kv-cache-dtype fp8", "kv_dtype", 0, "fp8", "KV in 8 bits (some accuracy)", &kept);
}

static int higher_utilization(struct advising *s)
{
    if (!s->now->need)
        return 0;
    const struct bt_gpu *card = s->c->card;
    uint64_t outside = 0;
    for (size_t i = 0; i < s->now->need->nranks; i++)
        outside = BT_MAX(outside, s->now->need->rank[i].fixed_bytes - s->now->need->rank[i].budget_bytes);
    uint64_t away = sat_add(sat_add(outside, card->others_bytes), 256 * MiB);
    if (away >= card->total_bytes)
        return 0;
    struct bt_serve v = *s->serve;
    bool kept;
    v.utilization = floor(BT_MIN((double)(card->total_bytes - away) / (double)card->total_bytes, 0.98) * 100) / 100;
    if (s->serve->kv_bytes) {        /* the share sizes nothing then, it only has to pass the engine's first check */
        const struct bt_need_rank *r = &s->now->need->rank[s->now->busiest];
        v.utilization = ceil(bt_need_share(s->now->need, r, s->serve->kv_bytes, card->total_bytes, card->total_bytes) * 100) / 100;
    }
    v.utilization_set = true;
    bool lower = v.utilization < s->now->need->serve.utilization;
    if (v.utilization <= 0 || fabs(v.utilization - s->now->need->serve.utilization) < 0.005)
        return 0;
    return try(s, &v, bt_arena_printf(s->arena, "--gpu-memory-utilization %.2f", v.utilization), "args", 0, bt_arena_printf(s->arena, "--gpu-memory-utilization %.2f", v.utilization),
               lower ? "a share that is free at the start" : "nearly the whole card", &kept);
}

static int without_experts(struct advising *s)
{
    struct bt_serve v = *s->serve;
    bool kept;
    if (!v.expert_parallel)
        return 0;
    v.expert_parallel = false;
    return try(s, &v, "--no-enable-expert-parallel", "ep", 1, NULL, "it has no experts to share", &kept);
}

static int eager(struct advising *s)
{
    struct bt_serve v = *s->serve;
    bool kept;
    if (v.eager)
        return 0;
    v.eager = true;
    return try(s, &v, "--enforce-eager", "args", 0, "--enforce-eager", "no CUDA graphs (slower decode)", &kept);
}

static int fewer_sequences(struct advising *s)
{
    static const uint64_t steps[] = { 128, 64, 32, 16, 8 };
    uint64_t now = s->now->need ? s->now->need->serve.max_seqs : 0;
    bool kept = false;
    for (size_t i = 0; i < BT_LEN(steps) && !kept; i++) {
        struct bt_serve v = *s->serve;
        if (steps[i] >= now)
            continue;
        v.max_seqs = steps[i];
        if (try(s, &v, bt_arena_printf(s->arena, "--max-num-seqs %llu", ull(steps[i])), "args", 0, bt_arena_printf(s->arena, "--max-num-seqs %llu", ull(steps[i])),
                bt_arena_printf(s->arena, "%llu sequences at once instead of %s", ull(steps[i]), bt_count_human(now)), &kept) < 0)
            return -1;
    }
    return 0;
}

static int smaller_batches(struct advising *s)
{
    static const uint64_t steps[] = { 4096, 2048, 1024, 512 };
    uint64_t now = s->now->need ? s->now->need->serve.max_batched_tokens : 0;
    bool kept = false;
    for (size_t i = 0; i < BT_LEN(steps) && !kept; i++) {
        struct bt_serve v = *s->serve;
        if (steps[i] >= now || s->now->need->serve.max_seqs > steps[i])
            continue;
        v.max_batched_tokens = steps[i];
        if (try(s, &v, bt_arena_printf(s->arena, "--max-num-batched-tokens %llu", ull(steps[i])), "args", 0, bt_arena_printf(s->arena, "--max-num-batched-tokens %llu", ull(steps[i])),
                bt_arena_printf(s->arena, "%llu batched tokens instead of %s", ull(steps[i]), bt_count_human(now)), &kept) < 0)
            return -1;
    }
    return 0;
}

static const char *stage_list(struct advising *s, uint64_t pp)
{
    uint32_t *layers = BT_NEWN(s->arena, uint32_t, pp);
    for (uint64_t i = 0; i < pp; i++)
        layers[i] = bt_engine_stage_layers(s->c->engine, s->c->model->layers, pp, i);
    const char *list = "";
    for (uint64_t i = 0; i < pp; i++)
        list = bt_arena_printf(s->arena, "%s%s%u", list, i ? "," : "", layers[i]);
    return list;
}

/* The longest context of a split that starts but for its length; 0 when it starts as it is, or not at all. */
static int shorter_for(struct advising *s, const struct bt_serve *split, uint64_t *context)
{
    struct bt_fit *f;
    *context = 0;
    if (bt_fit_server(s->arena, s->c, split, &f, s->err) < 0)
        return -1;
    if (!f->fits && f->need && f->longest >= f->need->block && f->longest < f->asked)
        *context = f->longest;
    return 0;
}

static int other_split(struct advising *s, uint64_t tp, uint64_t pp, bool may_shorten, bool *kept)
{
    struct bt_serve v = *s->serve;
    uint64_t shorter = 0;
    v.tp = tp;
    v.pp = pp;
    if (may_shorten && shorter_for(s, &v, &shorter) < 0)
        return -1;
    if (shorter)
        v.context = shorter, v.context_auto = false;
    const char *tp_flag = tp > 1 ? bt_arena_printf(s->arena, "--tensor-parallel-size %llu", ull(tp)) : "";
    const char *pp_flag = pp > 1 ? bt_arena_printf(s->arena, "--pipeline-parallel-size %llu", ull(pp)) : "";
    const char *flags = tp == 1 && pp == 1 ? "--tensor-parallel-size 1" : bt_arena_printf(s->arena, "%s%s%s", tp_flag, tp > 1 && pp > 1 ? " " : "", pp_flag);
    const char *what = pp == 1 ? bt_arena_printf(s->arena, "TP=%llu, %llu GPU%s", ull(tp), ull(tp), tp > 1 ? "s" : "")
                               : bt_arena_printf(s->arena, "%sPP=%llu (%s layers), %llu GPUs", tp > 1 ? bt_arena_printf(s->arena, "TP=%llu ", ull(tp)) : "", ull(pp), stage_list(s, pp), ull(tp * pp));
    if (shorter)
        flags = bt_arena_printf(s->arena, "%s --max-model-len %llu", flags, ull(shorter));
    return try(s, &v, flags, pp > 1 ? "pp" : "tp", pp > 1 ? pp : tp, NULL, what, kept);
}

/* More cards: the next TP that fits; and as many stages as cards were asked for. */
static int more_cards(struct advising *s, uint64_t max_gpus)
{
    uint64_t tp = BT_MAX(s->serve->tp, 1u), pp = BT_MAX(s->serve->pp, 1u);
    bool kept = false;
    for (uint64_t t = tp < max_gpus ? tp + 1 : max_gpus + 1; t <= max_gpus && !kept; t++)
        if (t <= max_gpus / pp && other_split(s, t, pp, false, &kept) < 0)
            return -1;
    kept = false;
    for (uint64_t p = pp < max_gpus ? pp + 1 : max_gpus + 1; p <= max_gpus && !kept; p++)
        if (tp <= max_gpus / p && p <= s->c->model->layers && other_split(s, tp, p, false, &kept) < 0)
            return -1;
    return 0;
}

/* The shape is refused: the nearest TP below and above, and the same number of cards as stages. */
static int other_shape(struct advising *s, uint64_t max_gpus)
{
    uint64_t tp = BT_MAX(s->serve->tp, 1u), pp = BT_MAX(s->serve->pp, 1u);
    bool kept = false;
    for (uint64_t t = BT_MIN(tp - 1, max_gpus); t >= 1 && !kept; t--)
        if (other_split(s, t, 1, true, &kept) < 0)
            return -1;
    kept = false;
    for (uint64_t t = tp; t < max_gpus && !kept; t++)
        if (other_split(s, t + 1, 1, true, &kept) < 0)
            return -1;
    uint64_t cards = tp <= max_gpus && pp <= max_gpus ? tp * pp : 0;
    if (cards > 1 && cards <= max_gpus && cards <= s->c->model->layers && other_split(s, 1, cards, true, &kept) < 0)
        return -1;
    return 0;
}

/* Nothing alone was enough: everything that costs no accuracy, then with fp8 KV, on more and more cards. */
static int all_together(struct advising *s, uint64_t max_gpus)
{
    bool kept = false;
    for (uint64_t t = BT_MAX(s->serve->tp, 1u); t <= max_gpus && !kept; t++)
        for (int fp8 = 0; fp8 < 2 && !kept; fp8++) {
            struct bt_serve v = *s->serve;
            v.tp = t;
            v.eager = true;
            v.max_seqs = 16;
            v.max_batched_tokens = 2048;
            if (fp8 && s->c->card->cc_major >= 8)
                v.kv_dtype = "fp8";
            if (try(s, &v, bt_arena_printf(s->arena, "--tensor-parallel-size %llu --enforce-eager --max-num-seqs 16 --max-num-batched-tokens 2048%s", ull(t), v.kv_dtype ? " --kv-cache-dtype fp8" : ""),
                    "tp", t, NULL, bt_arena_printf(s->arena, "TP=%llu with no graphs, 16 sequences and small batches", ull(t)), &kept) < 0)
                return -1;
        }
    return 0;
}

static int fewer_kv_bytes(struct advising *s)
{
    if (!s->serve->kv_bytes || !s->now->need)
        return 0;
    const struct bt_need_rank *r = &s->now->need->rank[s->now->busiest];
    uint64_t away = sat_add(sat_add(r->fixed_bytes, s->c->card->others_bytes), 256 * MiB);
    uint64_t kv = away < s->c->card->total_bytes ? (s->c->card->total_bytes - away) / r->kv_block_bytes * r->kv_block_bytes : 0;
    if (!kv || kv == s->serve->kv_bytes)
        return 0;
    struct bt_serve v = *s->serve;
    bool kept;
    v.kv_bytes = kv;
    return try(s, &v, bt_arena_printf(s->arena, "--kv-cache-memory-bytes %llu", ull(kv)), "args", 0, bt_arena_printf(s->arena, "--kv-cache-memory-bytes %llu", ull(kv)),
               "the KV that this card has room for", &kept);
}

int bt_fit_advice(struct bt_arena *a, const struct bt_fit_case *c, const struct bt_serve *serve, const struct bt_fit *now, uint64_t max_gpus,
                  struct bt_advice **out, size_t *n, struct bt_err *err)
{
    const struct need_ops *ops = need_ops_of(c->engine);
    if (ops->advice)
        return ops->advice(a, c, serve, now, max_gpus, out, n, err);
    if (need_is_host(c->card))       /* one rank, on the CPU */
        max_gpus = 1;
    static const struct advised_words words = { "--max-loras", "--max-lora-rank", "--max-model-len" };
    struct advising s = { .arena = a, .c = c, .serve = serve, .now = now, .max = 12, .err = err };
    if (!now->need) {
        if (other_shape(&s, max_gpus) < 0)
            return -1;
    } else {
        int (*const small[])(struct advising *) = { without_experts, fewer_tokens, fewer_kv_bytes, higher_utilization, fp8_kv, fewer_sequences, smaller_batches, eager };
        for (size_t i = 0; i < BT_LEN(small); i++)
            if (small[i](&s) < 0)
                return -1;
        if (need_advise_lora(&s, &words) < 0 || more_cards(&s, max_gpus) < 0 || need_advise_fewer_bits(&s, &words) < 0 || need_advise_offload(&s) < 0)
            return -1;
    }
    if (!s.n && all_together(&s, max_gpus) < 0)
        return -1;
    *out = s.out;
    *n = s.n;
    return 0;
}

/* sglang_fit - would SGLang start, in its own words, and which nearby flags would. */
#include "need/sglang.h"

#include <math.h>
#include <stdio.h>

#include "need/advising.h"
#include "need/parts.h"

#define GIB(n) ((double)(n) / (double)GiB)
static unsigned long long ull(uint64_t n) { return n; }

static void refuse(struct bt_arena *a, struct bt_fit *f, const char *code, const char *fmt, ...) BT_PRINTF(4, 5);
static void refuse(struct bt_arena *a, struct bt_fit *f, const char *code, const char *fmt, ...)
{
    struct bt_refusal r = { .code = code };
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(r.text, sizeof r.text, fmt, ap);
    va_end(ap);
    BT_PUSH(a, f->refusals, f->nrefusals, r);
    f->fits = false;
}

void fit_sglang_checks(struct bt_arena *a, struct bt_fit *f, const struct bt_gpu *card)
{
    const struct bt_need *n = f->need;
    const struct need_sglang *g = n->sglang;
    uint64_t before = card->total_bytes > g->away_bytes ? card->total_bytes - g->away_bytes : 0;
    for (size_t i = 0; i < n->nranks && !f->nrefusals; i++) {
        const struct bt_need_rank *r = &n->rank[i];
        uint64_t kv = f->rank[i].engine_kv_bytes, left = card->total_bytes > card->others_bytes ? card->total_bytes - card->others_bytes : 0;
        if (r->budget_bytes > before)
            refuse(a, f, "out-of-memory-at-load", "CUDA out of memory while loading: %.2f GiB of weights do not go on a card with %.2f GiB left.", GIB(r->budget_bytes), GIB(before));
        else if (n->serve.sglang.slots_each && n->serve.sglang.state_slots < n->serve.sglang.slots_each)
            refuse(a, f, "state-too-small", "Not enough GPU memory for hybrid (mamba/linear-attention) state cache: %llu slots, and one request holds %llu.",
                   ull(n->serve.sglang.state_slots), ull(n->serve.sglang.slots_each));
        else if (kv < r->kv_block_bytes)
            refuse(a, f, "no-kv-memory", "Loaded weights leave no GPU memory for the KV cache under --mem-fraction-static=%.3f. Raise --mem-fraction-static above %.3f.", g->fraction,
                   before ? (double)(g->charged_bytes - BT_MIN(g->states_bytes, g->charged_bytes)) / (double)before : 1.0);
        else if (sat_add(r->fixed_bytes, f->rank[i].engine_kv_bytes) > left)
            refuse(a, f, "over-the-card", "CUDA out of memory after the KV cache is allocated: what --mem-fraction-static=%.3f leaves free (%.2f GiB) is less than activations, graphs and tables take (%.2f GiB).",
                   g->fraction, (1 - g->fraction) * GIB(before), GIB(r->fixed_bytes - r->budget_bytes - (g->away_bytes - card->others_bytes)));
    }
    if (!f->nrefusals && f->longest < f->asked)
        refuse(a, f, "kv-too-small", "KV pool holds %llu tokens, fewer than --context-length %llu: SGLang starts with a warning and refuses longer requests.", ull(f->longest), ull(f->asked));
}

/* ---- what would start ---- */

static int attempt(struct advising *s, const struct bt_serve *changed, const char *flags, const char *path, uint64_t value, const char *what, bool *kept)
{
    bool words = !strcmp(path, "args") || !strcmp(path, "kv_dtype");
    return need_advise(s, changed, &(struct advised){ .flags = flags, .path = path, .value = value, .text_value = !words ? NULL : !strcmp(path, "kv_dtype") ? "fp8_e4m3" : flags, .what = what }, kept);
}

static int fewer_tokens(struct advising *s)
{
    struct bt_serve v = *s->serve;
    bool kept;
    if (!s->now->need || !s->now->longest || s->now->longest >= s->now->asked)
        return 0;
    v.context = s->now->longest;
    return attempt(s, &v, bt_arena_printf(s->arena, "--context-length %llu", ull(v.context)), "context", v.context, "a shorter context", &kept);
}

/* Higher for more KV, lower when the slack is too small: the nearest hundredth that starts. */
static int other_fraction(struct advising *s)
{
    if (!s->now->need)
        return 0;
    double now = s->now->need->sglang->fraction;
    for (int step = 1; step <= 40; step++)
        for (int sign = 1; sign >= -1; sign -= 2) {
            struct bt_serve v = *s->serve;
            bool kept;
            v.utilization = floor((now + sign * step * 0.01) * 100 + 0.5) / 100;
            v.utilization_set = true;
            if (v.utilization < 0.05 || v.utilization > 0.95)
                continue;
            const char *flags = bt_arena_printf(s->arena, "--mem-fraction-static %.2f", v.utilization);
            if (attempt(s, &v, flags, "args", 0, sign > 0 ? "more of the card for KV" : "more of the card for activations and graphs", &kept) < 0)
                return -1;
            if (kept)
                return 0;
        }
    return 0;
}

static int small_changes(struct advising *s)
{
    static const uint64_t requests[] = { 1024, 256, 64, 16 };
    bool kept = false;
    struct bt_serve v = *s->serve;
    if (s->c->card->cc_major >= 9 || (s->c->card->cc_major == 8 && s->c->card->cc_minor == 9)) {
        v.kv_dtype = "fp8_e4m3";
        if (attempt(s, &v, "--kv-cache-dtype fp8_e4m3", "kv_dtype", 0, "KV in 8 bits (some accuracy)", &kept) < 0)
            return -1;
    }
    kept = false;
    for (size_t i = 0; i < BT_LEN(requests) && !kept; i++) {
        v = *s->serve;
        v.max_seqs = requests[i];
        const char *what = bt_arena_printf(s->arena, "%llu requests at once: a smaller request table, smaller graphs", ull(requests[i]));
        if ((!s->serve->max_seqs || s->serve->max_seqs > requests[i]) &&
            attempt(s, &v, bt_arena_printf(s->arena, "--max-running-requests %llu", ull(requests[i])), "args", 0, what, &kept) < 0)
            return -1;
    }
    v = *s->serve;
    v.max_batched_tokens = 2048;
    if (attempt(s, &v, "--chunked-prefill-size 2048", "args", 0, "smaller steps of a prefill", &kept) < 0)
        return -1;
    if (!kept) {
        v.max_seqs = 64;
        if (attempt(s, &v, "--max-running-requests 64 --chunked-prefill-size 2048", "args", 0, "64 requests at once and smaller steps", &kept) < 0)
            return -1;
    }
    v = *s->serve;
    v.eager = true;
    return s->serve->eager ? 0 : attempt(s, &v, "--disable-cuda-graph", "args", 0, "no CUDA graphs (slower decode): its default leaves more for KV", &kept);
}

/* Hybrids: what states do not take is left to tokens, and half as large they leave half of theirs. */
static int smaller_states(struct advising *s)
{
    static const double ratios[] = { 0.5, 0.25, 0.1, 0.05 };
    bool kept = false;
    if (!s->now->need || !s->now->need->serve.sglang.slots_each)
        return 0;
    struct bt_serve v = *s->serve;
    for (size_t i = 0; i < BT_LEN(ratios) && !kept && !v.sglang.max_states; i++) {
        v.sglang.state_ratio = ratios[i];
        const char *flags = bt_arena_printf(s->arena, "--mamba-full-memory-ratio %g", ratios[i]);
        if (attempt(s, &v, flags, "args", 0, "less for states, so fewer requests at once", &kept) < 0)
            return -1;
    }
    v = *s->serve;
    v.sglang.ssm_dtype = "bfloat16";
    return s->serve->sglang.ssm_dtype ? 0 : attempt(s, &v, "--mamba-ssm-dtype bfloat16", "args", 0, "states in 16 bits (some accuracy)", &kept);
}

static int more_cards(struct advising *s, uint64_t max_gpus)
{
    uint64_t tp = BT_MAX(s->serve->tp, 1u), pp = BT_MAX(s->serve->pp, 1u);
    bool kept = false;
    for (uint64_t t = tp > 1 ? tp - 1 : 0; !s->now->need && t >= 1 && !kept; t--) {  /* the shape is refused: the next size below too */
        struct bt_serve v = *s->serve;
        v.tp = t;
        if (attempt(s, &v, bt_arena_printf(s->arena, "--tp %llu", ull(t)), "tp", t, "fewer GPUs", &kept) < 0)
            return -1;
    }
    kept = false;
    for (uint64_t t = tp + 1; t <= max_gpus / pp && !kept; t++) {
        struct bt_serve v = *s->serve;
        v.tp = t;
        if (attempt(s, &v, bt_arena_printf(s->arena, "--tp %llu", ull(t)), "tp", t, "more GPUs", &kept) < 0)
            return -1;
    }
    kept = false;
    for (uint64_t p = pp + 1; p <= max_gpus / tp && p <= s->c->model->layers && !kept; p++) {
        struct bt_serve v = *s->serve;
        v.pp = p;
        if (attempt(s, &v, bt_arena_printf(s->arena, "--pp-size %llu", ull(p)), "pp", p, bt_arena_printf(s->arena, "%llu stages", ull(p)), &kept) < 0)
            return -1;
    }
    return 0;
}

int fit_sglang_advice(struct bt_arena *a, const struct bt_fit_case *c, const struct bt_serve *serve, const struct bt_fit *now, uint64_t max_gpus, struct bt_advice **out, size_t *n, struct bt_err *err)
{
    static const struct advised_words words = { "--max-loras-per-batch", "--max-lora-rank", "--context-length" };
    struct advising s = { .arena = a, .c = c, .serve = serve, .now = now, .max = 12, .err = err };
    if (need_is_host(c->card))
        max_gpus = 1;
    if (now->need && (fewer_tokens(&s) < 0 || other_fraction(&s) < 0 || small_changes(&s) < 0 || smaller_states(&s) < 0 || need_advise_lora(&s, &words) < 0))
        return -1;
    if (more_cards(&s, max_gpus) < 0 || need_advise_fewer_bits(&s, &words) < 0 || need_advise_offload(&s) < 0)
        return -1;
    *out = s.out;
    *n = s.n;
    return 0;
}

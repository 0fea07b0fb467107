/* advice_weights.c - what of the weights may be less on the card: LoRA slots, fewer bits a number, a part in host RAM. */
#include "need/advising.h"
#include "need/capability.h"
#include "need/parts.h"

static unsigned long long ull(uint64_t n) { return n; }

/* ---- LoRA ---- */

static int fewer_slots(struct advising *x, const struct advised_words *w, bool *kept)
{
    for (uint64_t n = x->now->need->serve.max_loras / 2; n >= 1 && !*kept; n /= 2) {
        struct bt_serve v = *x->serve;
        v.max_loras = n;
        const char *flags = bt_arena_printf(x->arena, "%s %llu", w->slots, ull(n));
        struct advised how = { .flags = flags, .path = "adapters.max", .value = n, .what = bt_arena_printf(x->arena, "%llu adapters at once instead of %llu", ull(n), ull(x->now->need->serve.max_loras)) };
        if (need_advise(x, &v, &how, kept) < 0)
            return -1;
    }
    return 0;
}

static int lower_rank(struct advising *x, const struct advised_words *w, uint64_t slots, bool *kept)
{
    static const uint64_t ranks[] = { 256, 128, 64, 32, 16, 8 };     /* the ones that engines take (vLLM config/lora.py) */
    for (size_t i = 0; i < BT_LEN(ranks) && !*kept; i++) {
        struct bt_serve v = *x->serve;
        if (ranks[i] >= x->now->need->serve.max_lora_rank)
            continue;
        v.max_lora_rank = ranks[i];
        v.max_loras = slots ? slots : v.max_loras;
        const char *flags = bt_arena_printf(x->arena, "%s %llu%s", w->rank, ull(ranks[i]), slots ? bt_arena_printf(x->arena, " %s %llu", w->slots, ull(slots)) : "");
        struct advised how = { .flags = flags, .path = "adapters.max_rank", .value = ranks[i],
                               .what = bt_arena_printf(x->arena, "adapters of rank %llu at most%s", ull(ranks[i]), slots ? ", one at once" : "") };
        if (need_advise(x, &v, &how, kept) < 0)
            return -1;
    }
    return 0;
}

int need_advise_lora(struct advising *x, const struct advised_words *w)
{
    bool slots = false, rank = false;
    if (!x->now->need || !x->now->need->serve.lora)
        return 0;
    if (fewer_slots(x, w, &slots) < 0 || lower_rank(x, w, 0, &rank) < 0)
        return -1;
    return slots || rank ? 0 : lower_rank(x, w, 1, &rank);
}

/* ---- fewer bits ---- */

/* As it is, and where that does not start for its length alone, with the context that does. */
static int with_its_context(struct advising *x, struct bt_serve v, struct advised how, const struct advised_words *w, bool *kept)
{
    struct bt_fit *f;
    struct bt_fit_case c = *x->c;
    c.model = how.as ? how.as : c.model;
    if (bt_fit_server(x->arena, &c, &v, &f, x->err) < 0)
        return -1;
    if (!f->fits && f->need && f->longest >= BT_MAX(f->need->block, (uint64_t)1024) && f->longest < f->asked) {
        v.context = f->longest;
        v.context_auto = false;
        how.flags = bt_arena_printf(x->arena, "%s %s %llu", how.flags, w->context, ull(v.context));
    }
    return need_advise(x, &v, &how, kept);
}

static uint64_t most_weights(const struct bt_fit *f)
{
    uint64_t most = 0;
    for (size_t i = 0; i < f->need->nranks; i++)
        for (size_t k = 0; k < f->need->rank[i].n; k++)
            if (f->need->rank[i].line[k].part == BT_P_WEIGHTS)
                most = BT_MAX(most, f->need->rank[i].line[k].bytes);
    return most;
}

/* Do 16-bit weights pass the card before they are made 8-bit? */
static bool loads_in_16_bits(const struct advising *x)
{
    const struct bt_gpu *g = x->c->card;
    return bt_fp8_streams(x->c->engine, x->c->version->version) || sat_add(sat_add(most_weights(x->now), need_context_bytes(g)), g->others_bytes) < g->total_bytes;
}

/* FP8 is done while loading, from the same files: a flag. Four bits want a checkpoint of their own. */
int need_advise_fewer_bits(struct advising *x, const struct advised_words *w)
{
    const struct bt_model *m = x->c->model;
    bool kept = false;
    struct bt_serve v = *x->serve;
    if (!x->now->need || m->quantization || m->gguf || need_is_host(x->c->card) || (v.quantization && v.quantization[0]))
        return 0;
    if (x->c->card->cc_major && bt_card_makes_fp8(x->c->engine, x->c->version->version, m, x->c->card) && loads_in_16_bits(x)) {
        v.quantization = "fp8";
        struct advised how = { .flags = "--quantization fp8", .path = "quantization", .text_value = "fp8", .what = "weights in 8 bits, made so while loading (some accuracy)" };
        if (with_its_context(x, v, how, w, &kept) < 0)
            return -1;
    }
    const struct bt_model *four = bt_model_as(x->arena, m, "awq");
    if (!four || x->c->card->cc_major * 10 + x->c->card->cc_minor < 75)
        return 0;
    v = *x->serve;
    struct advised how = { .flags = "--quantization awq", .path = "model", .text_value = bt_arena_printf(x->arena, "%s-AWQ", m->id), .as = four,
                           .what = bt_arena_printf(x->arena, "a checkpoint of it in 4 bits (AWQ) in place of %s, if there is one", m->id) };
    return with_its_context(x, v, how, w, &kept);
}

/* ---- host RAM ---- */

/* The fewest whole GiB that do: more of them is more bytes over the bus for every token. */
int need_advise_offload(struct advising *x)
{
    bool kept;
    if (!x->now->need || need_is_host(x->c->card) || x->serve->cpu_offload_gib > 0)
        return 0;
    uint64_t low = 0, most = most_weights(x->now) / GiB, high = most + 1;            /* high fits, or is past the weights */
    while (low + 1 < high) {
        bt_auto_arena scratch = { 0 };
        struct bt_serve v = *x->serve;
        struct bt_fit *f;
        v.cpu_offload_gib = (double)(low + (high - low) / 2);
        if (bt_fit_server(&scratch, x->c, &v, &f, x->err) < 0)
            return -1;
        if (f->fits)
            high = low + (high - low) / 2;
        else
            low += (high - low) / 2;
    }
    if (high > most)
        return 0;
    struct bt_serve v = *x->serve;
    v.cpu_offload_gib = (double)high;
    const char *flags = bt_arena_printf(x->arena, "--cpu-offload-gb %llu", ull(high));
    return need_advise(x, &v, &(struct advised){ .flags = flags, .path = "args", .text_value = flags, .what = bt_arena_printf(x->arena, "%llu GiB of weights of each GPU in host RAM, slower", ull(high)) }, &kept);
}

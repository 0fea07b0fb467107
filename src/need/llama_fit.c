/* llama_fit.c - would llama-server start with these flags, in its own words; and which nearby flags would. */
#include <stdio.h>
#include "need/advising.h"
#include "need/llama.h"
#include "need/parts.h"

#define MIB(n) ((double)(n) / (double)MiB)
#define LEAST_CONTEXT 4096           /* --fit-ctx: below it the engine moves layers instead */
#define FIT_MARGIN GiB               /* --fit-target: left free on each device when the engine chooses the context itself */

static unsigned long long ull(uint64_t n) { return n; }

static uint64_t left_on(const struct bt_gpu *card)
{
    return card->total_bytes > card->others_bytes ? card->total_bytes - card->others_bytes : 0;
}

#define REFUSE(a, f, c, ...) do { struct bt_refusal r_ = { .code = (c) }; snprintf(r_.text, sizeof r_.text, __VA_ARGS__); \
    BT_PUSH((a), (f)->refusals, (f)->nrefusals, r_); (f)->fits = false; } while (0)

static uint64_t kv_at(const struct bt_need *n, const struct bt_need_rank *r, uint64_t context)
{
    const struct need_llama *l = n->llama;
    if (n->serve.llama.kv_on_host && !l->on_cpu)
        return 0;
    return need_llama_kv(l, &n->serve, r->first_layer, r->layers, context, l->slots, l->unified);
}

/* Everything on every device with `context` tokens a slot. The compute buffers' mask grows with it: the whole ledger is made again. */
static int fits_at(struct bt_arena *a, const struct bt_fit_case *c, const struct bt_serve *serve, uint64_t context, uint64_t margin, bool *fits, struct bt_err *err)
{
    struct bt_serve s = *serve;
    struct bt_need *n;
    s.context = context;
    s.context_auto = false;
    if (serve->max_seqs && !serve->llama.unified)
        s.context = sat_mul(context, serve->max_seqs);
    if (need_llama_server(a, c->model, c->engine, c->version, &s, c->card, &n, err) < 0)
        return -1;
    *fits = true;
    for (size_t i = 0; i < n->nranks; i++)
        *fits = *fits && sat_add(n->rank[i].fixed_bytes, sat_add(kv_at(n, &n->rank[i], n->llama->n_ctx_seq), margin)) <= left_on(c->card);
    return 0;
}

static int longest(const struct bt_fit_case *c, const struct bt_serve *serve, uint64_t most, uint64_t margin, uint64_t *out, struct bt_err *err)
{
    uint64_t low = 0, high = bt_ceil_div(most, 256);
    while (low < high) {
        bt_auto_arena scratch = { 0 };
        uint64_t mid = low + (high - low + 1) / 2;
        bool fits;
        if (fits_at(&scratch, c, serve, mid * 256, margin, &fits, err) < 0)
            return -1;
        if (fits)
            low = mid;
        else
            high = mid - 1;
    }
    *out = BT_MIN(low * 256, most);
    return 0;
}

static uint64_t part_bytes(const struct bt_need_rank *r, enum bt_part part)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < r->n; i++)
        sum = r->line[i].part == part ? sat_add(sum, r->line[i].bytes) : sum;
    return sum;
}

/* The engine allocates in this order, and each step has its own last words. */
static void check_rank(struct bt_arena *a, struct bt_fit *f, const struct bt_fit_case *c, size_t i)
{
    const struct bt_need_rank *r = &f->need->rank[i];
    uint64_t left = left_on(c->card), held = part_bytes(r, BT_P_CONTEXT), weights = part_bytes(r, BT_P_WEIGHTS), kv = f->rank[i].kv_bytes;
    const char *dev = f->need->llama->on_cpu ? "CPU" : bt_arena_printf(a, "CUDA%zu", i);
    if (sat_add(held, weights) > left)
        REFUSE(a, f, "out-of-memory-at-load", "error loading model: unable to allocate %s buffer: %.0f MiB of weights, %.0f MiB left on it%s", dev, MIB(weights), MIB(left > held ? left - held : 0),
               f->need->serve.llama.gpu_layers_set ? "" : "; --fit would keep layers on the CPU, and run slowly");
    else if (sat_add(sat_add(held, weights), kv) > left)
        REFUSE(a, f, "kv-too-small", "failed to initialize the context: failed to allocate buffer for kv cache: %.0f MiB for %llu tokens on %s, %.0f MiB left beside the weights", MIB(kv),
               ull(f->asked), dev, MIB(left - held - weights));
    else if (f->rank[i].need_bytes > left)
        REFUSE(a, f, "over-the-card", "failed to initialize the context: failed to allocate compute pp buffers: %.0f MiB needed on %s with %.0f MiB of KV, %.0f MiB there",
               MIB(f->rank[i].need_bytes), dev, MIB(kv), MIB(left));
}

static int size_context(const struct bt_fit_case *c, struct bt_serve *s, struct bt_fit *f, struct bt_err *err)
{
    bool given = s->context != 0 && !s->context_auto, shrink = !s->llama.fit || strcmp(s->llama.fit, "off");
    if (longest(c, s, f->model_context, !given && shrink ? FIT_MARGIN : 0, &f->longest, err) < 0)
        return -1;
    if (!given && (shrink || s->context_auto) && f->longest >= BT_MIN((uint64_t)LEAST_CONTEXT, f->model_context))
        s->context = s->max_seqs && !s->llama.unified ? sat_mul(f->longest, s->max_seqs) : f->longest;
    return 0;
}

int fit_llama_server(struct bt_arena *a, const struct bt_fit_case *c, const struct bt_serve *serve, struct bt_fit **out, struct bt_err *err)
{
    struct bt_fit *f = BT_NEW(a, struct bt_fit);
    struct bt_serve s = *serve;
    struct bt_shape shape = bt_need_shape(c->model);
    struct bt_refusal why = { 0 };
    f->fits = true;
    f->model_context = bt_need_model_context(c->model);
    *out = f;
    if (!bt_engine_shape_ok(c->engine, &shape, s.tp, s.pp, &why)) {
        BT_PUSH(a, f->refusals, f->nrefusals, why);
        f->fits = false;
        f->asked = s.context ? s.context : f->model_context;
        return 0;
    }
    if (size_context(c, &s, f, err) < 0 || need_llama_server(a, c->model, c->engine, c->version, &s, c->card, &f->need, err) < 0)
        return -1;
    const struct need_llama *l = f->need->llama;
    f->asked = BT_MIN(l->n_ctx_seq, l->unified ? f->need->serve.context : bt_ceil_div(f->need->serve.context, l->slots));
    f->rank = BT_NEWN(a, struct bt_fit_rank, f->need->nranks);
    for (size_t i = 0; i < f->need->nranks; i++) {
        const struct bt_need_rank *r = &f->need->rank[i];
        f->rank[i].kv_bytes = f->rank[i].engine_kv_bytes = kv_at(f->need, r, l->n_ctx_seq);
        f->rank[i].need_bytes = sat_add(r->fixed_bytes, f->rank[i].kv_bytes);
        f->request_bytes = BT_MAX(f->request_bytes, need_llama_kv_of_rank(f->need, r, f->asked, 1));
        if (f->rank[i].need_bytes > f->rank[f->busiest].need_bytes)
            f->busiest = i;
    }
    f->tokens = l->unified ? l->n_ctx_seq : sat_mul(l->n_ctx_seq, l->slots);
    f->concurrency = fit_llama_concurrency(f, f->asked);
    for (size_t i = 0; i < f->need->nranks && !f->nrefusals; i++)
        check_rank(a, f, c, i);
    return 0;
}

double fit_llama_concurrency(const struct bt_fit *f, uint64_t context)
{
    const struct need_llama *l = f->need->llama;
    if (!context || context > l->n_ctx_seq)
        return 0;
    double at_once = l->unified ? (double)l->n_ctx_seq / (double)context : l->slots;
    return BT_MIN(at_once, (double)l->slots);
}

/* ---- advice ---- */

static int try_as(struct advising *x, const struct bt_model *as, const struct bt_serve *s, const char *flags, const char *path, uint64_t value, const char *text_value, const char *what)
{
    struct bt_fit *f;
    struct bt_fit_case c = *x->c;
    c.model = as ? as : c.model;
    if (x->n >= x->max)
        return 0;
    if (fit_llama_server(x->arena, &c, s, &f, x->err) < 0)
        return -1;
    if (!f->fits)
        return 0;
    struct bt_advice adv = { .flags = flags, .path = path, .value = value, .text_value = text_value, .fit = f,
                             .text = bt_arena_printf(x->arena, "%s: %s tokens a slot, %s of KV on the fullest device", what, bt_count_human(f->asked), bt_bytes_human(f->rank[f->busiest].kv_bytes)) };
    BT_PUSH(x->arena, x->out, x->n, adv);
    return 0;
}

static int try(struct advising *x, const struct bt_serve *s, const char *flags, const char *path, uint64_t value, const char *text_value, const char *what)
{
    return try_as(x, NULL, s, flags, path, value, text_value, what);
}

static int fewer_tokens(struct advising *x)
{
    struct bt_serve s = *x->serve;
    if (!x->now->longest || x->now->longest >= x->now->asked)
        return 0;
    s.context = s.max_seqs && !s.llama.unified ? sat_mul(x->now->longest, s.max_seqs) : x->now->longest;
    return try(x, &s, bt_arena_printf(x->arena, "-c %llu", ull(s.context)), "context", x->now->longest, NULL, "a smaller cache");
}

static int packed_kv(struct advising *x)
{
    struct bt_serve s = *x->serve;
    if (s.llama.kv_k && strcmp(s.llama.kv_k, "f16"))
        return 0;
    s.llama.kv_k = s.llama.kv_v = "q8_0";
    return try(x, &s, "-ctk q8_0 -ctv q8_0", "args", 0, "-ctk q8_0 -ctv q8_0", "KV in 8 bits");
}

static int more_cards(struct advising *x, uint64_t max_gpus)
{
    size_t before = x->n;
    for (uint64_t n = x->now->need ? x->now->need->serve.pp + 1 : 2; n <= BT_MIN(max_gpus, 16u) && x->n == before; n++) {
        struct bt_serve s = *x->serve;
        bt_auto_buf struct bt_buf b = BT_BUF(64);
        s.pp = n;
        s.llama.nsplit = n;
        s.llama.devices = NULL;
        for (uint64_t i = 0; i < n; i++) {
            s.llama.split[i] = 1;
            bt_buf_printf(&b, "%s1", i ? "," : "-ts ");
        }
        if (try(x, &s, bt_arena_strdup(x->arena, bt_buf_z(&b)), "gpus", n, NULL, bt_arena_printf(x->arena, "%llu GPUs", ull(n))) < 0)
            return -1;
    }
    return 0;
}

static int experts_on_cpu(struct advising *x)
{
    struct bt_serve s = *x->serve;
    if (!x->c->model->gguf->experts || s.llama.cpu_moe)
        return 0;
    s.llama.cpu_moe = true;
    return try(x, &s, "--cpu-moe", "args", 0, "--cpu-moe", "experts in host RAM, slower");
}

/* The most layers that fit, at the context that was asked for. */
static int fewer_layers(struct advising *x)
{
    uint64_t low = 0, high = x->c->model->gguf->layers;
    struct bt_serve s = *x->serve;
    s.llama.gpu_layers_set = true;
    s.context = x->now->need ? x->now->need->serve.context : s.context;
    while (low < high) {
        bt_auto_arena scratch = { 0 };
        struct bt_fit_case c = *x->c;
        struct bt_fit *f;
        uint64_t mid = low + (high - low + 1) / 2;
        s.llama.gpu_layers = mid;
        if (fit_llama_server(&scratch, &c, &s, &f, x->err) < 0)
            return -1;
        if (f->fits)
            low = mid;
        else
            high = mid - 1;
    }
    if (!low)
        return 0;
    s.llama.gpu_layers = low;
    return try(x, &s, bt_arena_printf(x->arena, "-ngl %llu", ull(low)), "args", 0, bt_arena_printf(x->arena, "-ngl %llu", ull(low)), "the other layers on the CPU, slower");
}

/* Each slot of its own has its part of -c, so fewer of them have longer ones; and windows, states and logits are per slot. */
static int fewer_slots(struct advising *x)
{
    static const uint64_t slots[] = { 8, 4, 2, 1 };
    size_t before = x->n;
    for (size_t i = 0; i < BT_LEN(slots) && x->now->need && x->n == before; i++) {
        struct bt_serve s = *x->serve;
        if (slots[i] >= x->now->need->serve.max_seqs)
            continue;
        s.max_seqs = slots[i];
        const char *flags = bt_arena_printf(x->arena, "-np %llu", ull(slots[i]));
        if (try(x, &s, flags, "args", 0, flags, bt_arena_printf(x->arena, "%llu slot%s instead of %llu", ull(slots[i]), slots[i] > 1 ? "s" : "", ull(x->now->need->serve.max_seqs))) < 0)
            return -1;
    }
    return 0;
}

static int smaller_steps(struct advising *x)
{
    static const uint64_t sizes[] = { 256, 128, 64 };
    size_t before = x->n;
    for (size_t i = 0; i < BT_LEN(sizes) && x->now->need && x->n == before; i++) {
        struct bt_serve s = *x->serve;
        if (sizes[i] >= (s.llama.ubatch ? s.llama.ubatch : 512))
            continue;
        s.llama.ubatch = sizes[i];
        const char *flags = bt_arena_printf(x->arena, "-ub %llu", ull(sizes[i]));
        if (try(x, &s, flags, "args", 0, flags, "smaller compute buffers, slower prompts") < 0)
            return -1;
    }
    return 0;
}

static int fewer_bits(struct advising *x)
{
    const struct bt_model *m = x->c->model, *four = bt_gguf_as_q4(x->arena, m);
    const char *file = m->file && strrchr(m->file, '/') ? strrchr(m->file, '/') + 1 : m->file ? m->file : m->id;
    if (!four)
        return 0;
    return try_as(x, four, x->serve, "-m MODEL-Q4_K_M.gguf", "model", 0, "MODEL-Q4_K_M.gguf", bt_arena_printf(x->arena, "its Q4_K_M file (%s) in place of %s", bt_bytes_human(four->weight_bytes), file));
}

int fit_llama_advice(struct bt_arena *a, const struct bt_fit_case *c, const struct bt_serve *serve, const struct bt_fit *now, uint64_t max_gpus,
                     struct bt_advice **out, size_t *n, struct bt_err *err)
{
    struct advising x = { .arena = a, .c = c, .serve = serve, .now = now, .max = 10, .err = err };
    bool cpu = need_is_host(c->card);
    if (fewer_tokens(&x) < 0 || packed_kv(&x) < 0 || fewer_slots(&x) < 0 || smaller_steps(&x) < 0 || fewer_bits(&x) < 0 || (!cpu && (more_cards(&x, max_gpus) < 0 || experts_on_cpu(&x) < 0 || fewer_layers(&x) < 0)))
        return -1;
    *out = x.out;
    *n = x.n;
    return 0;
}

/* diagnose_figures - the numbers of the line that tells the cause, that cause in one sentence, and the settings those numbers lead to. */
#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "engine/diagnose.h"

/* ---- numbers ---- */

static double number_at(const char *p, const char *end, const char **after)
{
    char text[40];
    size_t n = 0;
    for (; p < end && n + 1 < sizeof text && (isdigit((unsigned char)*p) || *p == '.' || *p == ',' || (*p == '-' && !n)); p++)
        if (*p != ',')
            text[n++] = *p;
    while (n && text[n - 1] == '.')  /* the end of a sentence */
        n--;
    text[n] = 0;
    *after = p;
    char *rest;
    double v = strtod(text, &rest);
    return n && !*rest && isfinite(v) && fabs(v) < 1e18 ? v : NAN;
}

double bt_diag_gib_at(struct bt_str s, const char *from)
{
    static const struct { const char *name; double gib; } units[] = { { "GiB", 1 }, { "MiB", 1.0 / 1024 }, { "KiB", 1.0 / 1024 / 1024 }, { "TiB", 1024 }, { "GB", 1 }, { "MB", 1.0 / 1024 },
                                                                      { "bytes", 1.0 / 1024 / 1024 / 1024 } };
    const char *end = s.p + s.n, *after;
    double v = number_at(from, end, &after);
    if (after < end && *after == ' ')
        after++;
    for (size_t i = 0; i < BT_LEN(units); i++)
        if ((size_t)(end - after) >= strlen(units[i].name) && !memcmp(after, units[i].name, strlen(units[i].name)))
            return v * units[i].gib;
    return v;
}

double bt_diag_gib_after(struct bt_str s, const char *marker)
{
    const char *at = bt_diag_find(s, marker);
    return at ? bt_diag_gib_at(s, at + strlen(marker)) : NAN;
}

/* The number that ends right before `marker`: "(24.0 GiB KV cache is needed". */
static double gib_before(struct bt_str s, const char *marker)
{
    const char *at = bt_diag_find(s, marker), *from = at;
    while (from && from > s.p && (isdigit((unsigned char)from[-1]) || from[-1] == '.'))
        from--;
    return at ? bt_diag_gib_at(s, from) : NAN;
}

uint64_t bt_diag_count_after(struct bt_str s, const char *marker)
{
    const char *at = bt_diag_find(s, marker), *after;
    double v = at ? number_at(at + strlen(marker), s.p + s.n, &after) : NAN;
    return v >= 1 && v <= 1e15 ? (uint64_t)v : 0;
}

static uint64_t arg_count(const struct bt_diag *d, const char *name)
{
    const char *v = bt_diag_arg(d, name);
    double n = v ? strtod(v, NULL) : 0;
    return n >= 1 && n <= 1e15 ? (uint64_t)n : 0;
}

static double arg_share(const struct bt_diag *d, const char *name)
{
    const char *v = bt_diag_arg(d, name);
    double x = v ? strtod(v, NULL) : NAN;
    return x > 0 && x <= 1 ? x : NAN;
}

/* ---- one filler per kind of line ---- */

#define SAY(f, ...) snprintf((f)->cause, sizeof (f)->cause, __VA_ARGS__)

static void fill_kv(struct bt_diagnosis *f, struct bt_str s)
{
    struct bt_diag_figures *g = &f->figures;
    g->needed_gib = gib_before(s, " GiB KV cache is needed");
    if (isnan(g->needed_gib))
        g->needed_gib = gib_before(s, " GiB needed");
    g->available_gib = bt_diag_gib_after(s, "available KV cache memory (");
    if (isnan(g->available_gib))
        g->available_gib = gib_before(s, " GiB available");
    uint64_t context = bt_diag_count_after(s, "max seq len (");
    g->context = context ? context : bt_diag_count_after(s, "max seq len ") ? bt_diag_count_after(s, "max seq len ") : g->context;
    g->fits_tokens = bt_diag_count_after(s, "estimated maximum model length is ");
    /* without the engine's own figure: KV grows with the tokens, in blocks of 16 */
    if (!g->fits_tokens && g->context && g->needed_gib > 0 && g->available_gib > 0)
        g->fits_tokens = (uint64_t)((double)g->context * g->available_gib / g->needed_gib) / 16 * 16;
    char tokens[64] = "", fits[80] = "";
    if (g->context)
        snprintf(tokens, sizeof tokens, " of %" PRIu64 " tokens", g->context);
    if (g->fits_tokens)
        snprintf(fits, sizeof fits, "; %" PRIu64 " tokens would fit", g->fits_tokens);
    if (!isnan(g->needed_gib) && !isnan(g->available_gib))
        SAY(f, "the KV cache is too small: one request%s needs %.2f GiB, and %.2f GiB are left for KV%s", tokens, g->needed_gib, g->available_gib, fits);
    else
        SAY(f, "the KV cache is too small for one request%s%s", tokens, fits);
}

static void fill_kv_tokens(struct bt_diagnosis *f, struct bt_str s)
{
    f->figures.context = bt_diag_count_after(s, "max seq len (");
    f->figures.fits_tokens = bt_diag_count_after(s, "stored in KV cache (");
    SAY(f, "the KV cache is too small: one request has %" PRIu64 " tokens, and the cache holds %" PRIu64, f->figures.context, f->figures.fits_tokens);
}

static void fill_no_kv(struct bt_diagnosis *f, struct bt_str s)
{
    double now = bt_diag_gib_after(s, "Available KV cache memory: ");
    if (!isnan(now))
        f->figures.available_gib = now;
    if (f->figures.available_gib < 0)
        SAY(f, "no memory is left for the KV cache: weights and activations take %.2f GiB more than the engine's share of the card", -f->figures.available_gib);
    else
        SAY(f, "no memory is left for the KV cache: weights and activations fill the engine's share of the card");
}

static void fill_budget(struct bt_diagnosis *f, struct bt_str s)
{
    struct bt_diag_figures *g = &f->figures;
    const char *open = NULL, *end = s.p + s.n, *slash;
    for (const char *p = s.p; p < end && !open; p++)                 /* the first "(19.77/22.05 GiB)" */
        if (*p == '(' && p + 1 < end && isdigit((unsigned char)p[1]) && (slash = memchr(p, '/', (size_t)(end - p))) && slash - p < 16)
            open = p;
    const char *after;
    if (open) {
        g->free_gib = number_at(open + 1, end, &after);
        g->total_gib = after < end && *after == '/' ? bt_diag_gib_at(s, after + 1) : NAN;
    }
    g->utilization = bt_diag_gib_after(s, "utilization (");
    const char *comma = bt_diag_find(s, "utilization (");
    comma = comma ? memchr(comma, ',', (size_t)(end - comma)) : NULL;
    g->asked_gib = comma && comma + 2 < end ? bt_diag_gib_at(s, comma + 2) : NAN;
    SAY(f, "the engine's share is not free: it wants %.2f GiB (%.4g of the card), and only %.2f of %.2f GiB are free: %.2f GiB are held by others or by this process's own context",
        g->asked_gib, g->utilization, g->free_gib, g->total_gib, g->total_gib - g->free_gib);
}

#define CONTEXT_GIB 2.5              /* the most that a process holds beside torch's own memory: context, kernels, NCCL */

/* In a container torch does not find its own pid among those the driver lists, and its own memory is "Process 4711 has" like everybody's: it is the one
 * that holds what torch has allocated and reserved, and a context more. */
static void own_among_holders(struct bt_diagnosis *f, struct bt_str s)
{
    double allocated = bt_diag_gib_after(s, "Of the allocated memory "), reserved = bt_diag_gib_after(s, "is allocated by PyTorch, and "), torch = allocated + (isnan(reserved) ? 0 : reserved);
    size_t own = f->nholders;
    for (size_t i = 0; i < f->nholders; i++)
        if (f->holder[i].gib >= torch - 0.02 && f->holder[i].gib <= torch + CONTEXT_GIB && (own == f->nholders || f->holder[i].gib < f->holder[own].gib))
            own = i;
    if (own == f->nholders)
        return;
    f->figures.ours_gib = f->holder[own].gib;
    f->nholders--;
    memmove(&f->holder[own], &f->holder[own + 1], (f->nholders - own) * sizeof f->holder[0]);
}

/* "Process 1234 has 21.3 GiB memory in use. Including non-PyTorch memory, this process has 2.1 GiB memory in use" */
static void fill_holders(struct bt_diagnosis *f, struct bt_str s)
{
    static const char who[] = "Process ", has[] = " has ";
    const char *end = s.p + s.n;
    for (const char *p = s.p; p < end && f->nholders < BT_LEN(f->holder) && (p = memmem(p, (size_t)(end - p), who, sizeof who - 1)); p++) {
        const char *after, *number = p + sizeof who - 1;
        double pid = number_at(number, end, &after);
        if (!(pid >= 1 && pid < 1e9) || (size_t)(end - after) < sizeof has || memcmp(after, has, sizeof has - 1))
            continue;
        f->holder[f->nholders++] = (struct bt_diag_holder){ (int64_t)pid, bt_diag_gib_at(s, after + sizeof has - 1) };
    }
    f->figures.ours_gib = bt_diag_gib_after(s, "this process has ");
    if (isnan(f->figures.ours_gib))
        f->figures.ours_gib = gib_before(s, " GiB reserved in total");   /* torch 1.x */
    if (isnan(f->figures.ours_gib))
        own_among_holders(f, s);
}

static const char *what_was_done(const char *code)
{
    static const struct { const char *code, *doing; } doing[] = {
        { "oom-load", "while the weights were loaded" }, { "oom-profile", "in the trial run before KV was sized" }, { "oom-kv", "when the KV cache was allocated" },
        { "oom-warmup", "in the warm-up after KV was allocated" }, { "oom-capture", "while CUDA graphs were captured, after KV was allocated" }, { "oom-serving", "while serving" },
        { "oom-job", "in the job" },
    };
    for (size_t i = 0; i < BT_LEN(doing); i++)
        if (!strcmp(doing[i].code, code))
            return doing[i].doing;
    return "";
}

static void say_oom(struct bt_diagnosis *f)
{
    const struct bt_diag_figures *g = &f->figures;
    double others = 0;
    for (size_t i = 0; i < f->nholders; i++)
        others += isnan(f->holder[i].gib) ? 0 : f->holder[i].gib;
    size_t n = (size_t)SAY(f, "the card ran out of memory%s%s", what_was_done(f->code)[0] ? " " : "", what_was_done(f->code));
    if (!isnan(g->asked_gib) && !isnan(g->free_gib))
        n += (size_t)snprintf(f->cause + n, sizeof f->cause - n, ": %.2f GiB were asked for and %.2f GiB free", g->asked_gib, g->free_gib);
    else if (!isnan(g->asked_gib))
        n += (size_t)snprintf(f->cause + n, sizeof f->cause - n, ": %.2f GiB were asked for", g->asked_gib);
    if (!isnan(g->total_gib) && n < sizeof f->cause)
        n += (size_t)snprintf(f->cause + n, sizeof f->cause - n, " of %.2f GiB", g->total_gib);
    if (f->nholders && n < sizeof f->cause)
        snprintf(f->cause + n, sizeof f->cause - n, "; other processes hold %.2f GiB of the card (pid %" PRId64 "%s)", others, f->holder[0].pid, f->nholders > 1 ? " and more" : "");
}

static void advise_oom(struct bt_diag *d);

static void fill_oom(struct bt_diag *d, struct bt_str s)
{
    struct bt_diagnosis *f = &d->found;
    struct bt_diag_figures *g = &f->figures;
    f->code = bt_diag_oom_code(d);
    g->asked_gib = bt_diag_gib_after(s, "Tried to allocate ");
    if (isnan(g->asked_gib))
        g->asked_gib = bt_diag_gib_after(s, "allocating ");
    g->total_gib = bt_diag_gib_after(s, "total capacity of ");
    if (isnan(g->total_gib))
        g->total_gib = bt_diag_gib_after(s, "total capacty of ");    /* torch 2.1 and 2.2 spell it so */
    if (isnan(g->total_gib))
        g->total_gib = gib_before(s, " GiB total capacity");
    g->free_gib = bt_diag_gib_after(s, "of which ");
    if (isnan(g->free_gib))
        g->free_gib = bt_diag_gib_after(s, "already allocated; ");
    fill_holders(f, s);
    say_oom(f);
}

void bt_diag_oom_refine(struct bt_diag *d, const char *code)
{
    d->found.code = code;
    say_oom(&d->found);
    d->found.nadvice = 0;
    advise_oom(d);
}
static void fill_heads(struct bt_diagnosis *f, struct bt_str s)
{
    f->figures.heads = bt_diag_count_after(s, "attention heads (");
    f->figures.tp = bt_diag_count_after(s, "tensor parallel size (");
    SAY(f, "%" PRIu64 " attention heads cannot be shared by %" PRIu64 " GPUs in tensor parallel", f->figures.heads, f->figures.tp);
}

static void fill_mamba(struct bt_diagnosis *f, struct bt_str s)
{
    f->figures.seqs = bt_diag_count_after(s, "max_num_seqs (");
    f->figures.blocks = bt_diag_count_after(s, "Mamba cache blocks (");
    SAY(f, "%" PRIu64 " sequences at once need as many state blocks, and the memory left holds %" PRIu64, f->figures.seqs, f->figures.blocks);
}

static void fill_died(struct bt_diagnosis *f, struct bt_str s)
{
    static const struct { int signal; const char *name; } signals[] = { { 4, "SIGILL: an instruction this CPU does not have" }, { 6, "SIGABRT: it gave up itself, its last lines say why" },
        { 7, "SIGBUS: most often /dev/shm is full" }, { 9, "SIGKILL: from outside, most often the kernel because the host's RAM ran out" }, { 11, "SIGSEGV: it crashed" }, { 15, "SIGTERM: it was told to stop" } };
    static const char *const before[] = { "(exit code: ", "(exitcode: ", "exitcode  : ", ", exit code: " };           /* vLLM; torchrun, in its line and in its table; vLLM's V0 */
    const char *at = NULL, *after;
    double code = NAN;
    for (size_t i = 0; i < BT_LEN(before) && !at; i++)
        if ((at = bt_diag_find(s, before[i])))
            code = number_at(at + strlen(before[i]), s.p + s.n, &after);
    if (!at && (at = bt_diag_find(s, "Signal ")))    /* torchrun: "Signal 9 (SIGKILL) received by PID 4711" */
        code = -number_at(at + 7, s.p + s.n, &after);
    if (!at && bt_diag_find(s, "killed by signal: Killed"))
        code = -9;
    if (!at && bt_diag_find(s, "killed by signal: Segmentation fault"))
        code = -11;
    f->figures.has_exit = code >= -255 && code <= 255;
    f->figures.exit_code = f->figures.has_exit ? (int)code : 0;
    const char *what = "";
    for (size_t i = 0; i < BT_LEN(signals); i++)
        if (f->figures.has_exit && (f->figures.exit_code == -signals[i].signal || f->figures.exit_code == 128 + signals[i].signal))
            what = signals[i].name;
    if (what[0])
        SAY(f, "a worker process died by %s", what);
    else if (!f->figures.has_exit)
        SAY(f, "a worker process died, its exit code is not known: killed from outside, or crashed");
    else
        SAY(f, "a worker process ended (exit code %d) and took the others with it; its own error is not in this log", f->figures.exit_code);
}

/* "specs=[{'GPU': 1.0, 'node:10.0.0.1': 0.001}, {'GPU': 1.0}]": a GPU a worker; "{'GPU': 8.0}": all at once. */
static void fill_ray(struct bt_diagnosis *f, struct bt_str s, const char *cause)
{
    uint64_t sum = 0;
    for (const char *at; (at = bt_diag_find(s, "'GPU': "));) {
        sum += bt_diag_count_after(s, "'GPU': ");
        s = (struct bt_str){ at + 7, s.n - (size_t)(at + 7 - s.p) };
    }
    f->figures.gpus_asked = sum < 1000000 ? sum : 0;
    if (f->figures.gpus_asked)
        SAY(f, "%s: it was asked for %" PRIu64, cause, f->figures.gpus_asked);
    else
        SAY(f, "%s", cause);
}

static void fill_world(struct bt_diagnosis *f, struct bt_str s)
{
    f->figures.gpus_asked = bt_diag_count_after(s, "World size (");
    static const char *const asked[] = { "parallel size (", "tensor_parallel_size (" }, *const there[] = { "available GPUs (", "gpu count (" };
    for (size_t i = 0; i < BT_LEN(asked) && !f->figures.gpus_asked; i++)
        f->figures.gpus_asked = bt_diag_count_after(s, asked[i]);
    for (size_t i = 0; i < BT_LEN(there) && !f->figures.gpus; i++)
        f->figures.gpus = bt_diag_count_after(s, there[i]);
    SAY(f, "the server wants %" PRIu64 " GPUs and sees %" PRIu64, f->figures.gpus_asked, f->figures.gpus);
}

static void fill_context(struct bt_diagnosis *f, struct bt_str s)
{
    f->figures.context = bt_diag_count_after(s, "max_model_len (");
    f->figures.fits_tokens = bt_diag_count_after(s, "max_position_embeddings=");
    uint64_t length = bt_diag_count_after(s, "model_max_length=");
    if (length && length < f->figures.fits_tokens)
        f->figures.fits_tokens = length;
    SAY(f, "--max-model-len %" PRIu64 " is more than the model allows (%" PRIu64 ")", f->figures.context, f->figures.fits_tokens);
}

/* KV of a fixed size: then the card has nothing to do with it. */
static const char *given_kv_bytes(const struct bt_diag *d)
{
    return bt_diag_arg(d, "kv-cache-memory-bytes");
}

void bt_diag_fill(struct bt_diag *d, const struct bt_diag_rule *r, struct bt_str line)
{
    struct bt_diagnosis *f = &d->found;
    f->figures = d->seen;
    f->figures.context = arg_count(d, "max-model-len");
    f->figures.tp = arg_count(d, "tensor-parallel-size");
    f->figures.seqs = arg_count(d, "max-num-seqs");
    f->figures.port = arg_count(d, "port");
    f->figures.utilization = arg_share(d, "gpu-memory-utilization");
    switch (r->kind) {
    case BT_KIND_KV: fill_kv(f, line); break;
    case BT_KIND_KV_TOKENS: fill_kv_tokens(f, line); break;
    case BT_KIND_NO_KV:
        fill_no_kv(f, line);
        if (given_kv_bytes(d))
            SAY(f, "--kv-cache-memory-bytes %s is less than one block of the KV cache", given_kv_bytes(d));
        break;
    case BT_KIND_BUDGET: fill_budget(f, line); break;
    case BT_KIND_OOM: fill_oom(d, line); break;
    case BT_KIND_HEADS: fill_heads(f, line); break;
    case BT_KIND_MAMBA: fill_mamba(f, line); break;
    case BT_KIND_DIED: fill_died(f, line); break;
    case BT_KIND_WORLD: fill_world(f, line); break;
    case BT_KIND_CONTEXT: fill_context(f, line); break;
    case BT_KIND_RAY: fill_ray(f, line, r->cause); break;
    case BT_KIND_PLAIN: SAY(f, "%s", r->cause); break;
    }
}

/* ---- what would start, from the log's own figures ---- */

static void advise(struct bt_diag *d, const char *text, const char *fmt, ...) BT_PRINTF(3, 4);
static void advise(struct bt_diag *d, const char *text, const char *fmt, ...)
{
    struct bt_diagnosis *f = &d->found;
    if (f->nadvice == BT_LEN(f->advice))
        return;
    struct bt_diag_advice *a = &f->advice[f->nadvice++];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(a->flags, sizeof a->flags, fmt, ap);
    va_end(ap);
    snprintf(a->text, sizeof a->text, "%s", text);
}

static uint64_t tp_of(const struct bt_diag *d)
{
    return d->found.figures.tp ? d->found.figures.tp : 1;
}

static bool eager(const struct bt_diag *d)
{
    return bt_diag_arg(d, "enforce-eager") != NULL;
}

/* A higher fraction that gives `more_gib` of KV; nothing when the card would be over-full. */
static void higher_fraction(struct bt_diag *d, double more_gib)
{
    const struct bt_diag_figures *g = &d->found.figures;
    double now = isnan(g->utilization) ? 0.9 : g->utilization, want = ceil((now + more_gib / g->total_gib) * 100 + 0.5) / 100;
    if (!isnan(g->total_gib) && more_gib > 0 && want <= 0.97 && want > now)
        advise(d, "a larger share of the card, if nobody else needs it", "--gpu-memory-utilization %.2f", want);
    else if (isnan(g->total_gib) && now <= 0.9)
        advise(d, "a larger share of the card, if nobody else needs it; whether it is enough the log does not tell", "--gpu-memory-utilization 0.95");
}

/* Does this version take the CUDA graphs from the KV? Without a version in the log: newer ones do. */
static bool graphs_in_budget(const struct bt_diag *d)
{
    struct bt_err ignored = { 0 };
    const struct bt_engine *e = d->engine ? bt_engine_find(d->engine) : NULL;
    const struct bt_engine_version *v = e && e->versions ? bt_engine_version(e, d->version, NULL, &ignored) : NULL;
    return v && v->graphs_in_budget;
}

static void advise_kv(struct bt_diag *d)
{
    const struct bt_diag_figures *g = &d->found.figures;
    bool fp8 = bt_diag_arg(d, "kv-cache-dtype") && !strncmp(bt_diag_arg(d, "kv-cache-dtype"), "fp8", 3);
    char text[200];
    if (g->fits_tokens)
        advise(d, "the longest request that the KV cache of this start holds", "--max-model-len %" PRIu64, g->fits_tokens);
    if (!fp8 && g->fits_tokens && g->context) {      /* half the bytes for a token: twice the tokens */
        uint64_t twice = g->fits_tokens * 2 / 16 * 16;
        snprintf(text, sizeof text, "KV in 8 bits holds twice the tokens (some accuracy; compute capability 8.0 and newer)");
        if (twice >= g->context)
            advise(d, text, "--kv-cache-dtype fp8");
        else
            advise(d, text, "--kv-cache-dtype fp8 --max-model-len %" PRIu64, twice);
    }
    if (!isnan(g->needed_gib) && !isnan(g->available_gib))
        higher_fraction(d, g->needed_gib - g->available_gib);
    if (!eager(d) && graphs_in_budget(d))
        advise(d, "no CUDA graphs: their memory goes to KV (slower decode)", "--enforce-eager");
    advise(d, "more GPUs: each holds less of the weights and of KV", "--tensor-parallel-size %" PRIu64, tp_of(d) * 2);
}

static void advise_no_kv(struct bt_diag *d)
{
    const struct bt_diag_figures *g = &d->found.figures;
    if (given_kv_bytes(d)) {
        advise(d, "leave --kv-cache-memory-bytes out, or give at least what one request needs: `berth estimate` says how much", "%s", "");
        return;
    }
    higher_fraction(d, g->available_gib < 0 ? 1 - g->available_gib : 1);
    advise(d, "more GPUs: each holds less of the weights", "--tensor-parallel-size %" PRIu64, tp_of(d) * 2);
    uint64_t batched = arg_count(d, "max-num-batched-tokens");
    if (batched > 2048)
        advise(d, "smaller batches: less memory for activations", "--max-num-batched-tokens 2048");
    if (!g->seqs || g->seqs > 16)
        advise(d, "fewer sequences at once: less memory for the sampler and the graphs", "--max-num-seqs 16");
    if (!eager(d))
        advise(d, "no CUDA graphs (slower decode)", "--enforce-eager");
    advise(d, "a quantised model of the same kind (FP8, AWQ): a half or a quarter of the weights", "%s", "");
}

static void advise_budget(struct bt_diag *d)
{
    const struct bt_diag_figures *g = &d->found.figures;
    if (g->total_gib > 0 && g->free_gib > 0) {
        double share = floor(g->free_gib / g->total_gib * 100) / 100;
        if (share >= 0.02)
            advise(d, "the share that is free now; whether the model fits into it: `berth estimate`", "--gpu-memory-utilization %.2f", share);
    }
    advise(d, "free the card first: `berth gpus` and `nvidia-smi` show who holds it; a server that was killed may have left workers behind", "%s", "");
}

static void oom_others(struct bt_diag *d)
{
    if (d->found.nholders)
        advise(d, "stop the other processes on the card, or choose another card with CUDA_VISIBLE_DEVICES: `berth gpus` shows who holds what", "%s", "");
}

/* The largest batch that fits: what the process held besides its share that does not grow with the batch is not in the log, so taking all of it as
 * growing gives the most that may fit. */
static void advise_job(struct bt_diag *d)
{
    const struct bt_diag_figures *g = &d->found.figures;
    uint64_t batch = g->batch;
    oom_others(d);
    if (batch > 1 && g->ours_gib > 0 && g->asked_gib > 0 && g->free_gib >= 0) {
        double share = (g->ours_gib + g->free_gib) / (g->ours_gib + g->asked_gib);
        uint64_t most = (uint64_t)((double)batch * share);
        most = most >= batch ? batch - 1 : most;
        advise(d, "at most this batch fits, if everything the job holds grows with it; weights and optimizer do not, so a little less may be needed", "batch size %" PRIu64, most ? most : 1);
    } else if (batch > 1) {
        advise(d, "half the batch halves the activations; weights and optimizer stay", "batch size %" PRIu64, batch / 2);
    } else {
        advise(d, "a smaller batch or shorter sequences; gradient checkpointing when training; torch.no_grad() and one layer's output at a time when extracting", "%s", "");
    }
    if (g->asked_gib > 0 && g->free_gib >= 0 && g->asked_gib < g->free_gib)
        advise(d, "the memory was free but in pieces", "PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True");
}

static void lower_fraction(struct bt_diag *d, double by_gib)
{
    const struct bt_diag_figures *g = &d->found.figures;
    double now = isnan(g->utilization) ? 0.9 : g->utilization, less = g->total_gib > 0 && by_gib > 0 ? by_gib / g->total_gib : 0.05;
    double want = floor((now - BT_MAX(less, 0.02)) * 100) / 100;
    if (want >= 0.05)
        advise(d, "a smaller share leaves room for what the engine takes outside it", "--gpu-memory-utilization %.2f", want);
}

static void advise_oom(struct bt_diag *d)
{
    const char *code = d->found.code;
    const struct bt_diag_figures *g = &d->found.figures;
    if (!strcmp(code, "oom-job") || !d->engine) {
        advise_job(d);
        return;
    }
    oom_others(d);
    if (d->engine && !strcmp(d->engine, "llama-server")) {
        advise(d, "fewer layers on the card, the rest in host RAM (slower)", "-ngl N");
        advise(d, "a shorter context, or KV in 8 bits", "-c 8192 -ctk q8_0 -ctv q8_0");
        advise(d, "a smaller quantisation of the model", "%s", "");
        return;
    }
    if (d->engine && !strcmp(d->engine, "sglang")) {
        double f = arg_share(d, "mem-fraction-static");
        if (!isnan(f) && f > 0.15 && strcmp(code, "oom-load"))
            advise(d, "a smaller pool leaves room for activations and graphs", "--mem-fraction-static %.2f", f - 0.08);
        advise(d, "smaller prefill steps: less memory for activations", "--chunked-prefill-size 2048");
        advise(d, "smaller CUDA graphs", "--cuda-graph-max-bs-decode 8");
        advise(d, "more GPUs", "--tp %" PRIu64, tp_of(d) * 2);
        return;
    }
    if (!strcmp(code, "oom-load")) {
        advise(d, "more GPUs: each holds less of the weights", "--tensor-parallel-size %" PRIu64, tp_of(d) * 2);
        advise(d, "a quantised model of the same kind (FP8, AWQ): a half or a quarter of the weights", "%s", "");
        advise(d, "part of the weights in host RAM (slow)", "--cpu-offload-gb 8");
        return;
    }
    uint64_t batched = arg_count(d, "max-num-batched-tokens");
    if (strcmp(code, "oom-profile"))
        lower_fraction(d, g->asked_gib > 0 ? g->asked_gib + 0.25 : 0);
    if (batched > 2048 || !batched)
        advise(d, "smaller batches: less memory for activations", "--max-num-batched-tokens 2048");
    advise(d, "fewer sequences at once: less memory for the sampler and the graphs", "--max-num-seqs %" PRIu64, g->seqs > 32 ? g->seqs / 4 : 16);
    if (!eager(d))
        advise(d, "no CUDA graphs (slower decode)", "--enforce-eager");
    advise(d, "more GPUs", "--tensor-parallel-size %" PRIu64, tp_of(d) * 2);
}

static void advise_heads(struct bt_diag *d)
{
    const struct bt_diag_figures *g = &d->found.figures;
    if (!g->heads || !g->tp || g->heads > 4096 || g->tp > 4096)
        return;
    uint64_t below = g->tp - 1, above = g->tp + 1;
    while (below > 1 && g->heads % below)
        below--;
    while (above < g->heads && g->heads % above)
        above++;
    if (below > 1 || g->tp > 1)
        advise(d, "the next size below that divides the heads (the KV heads must be divisible too)", "--tensor-parallel-size %" PRIu64, BT_MAX(below, 1u));
    advise(d, "stages instead of slices: any number of GPUs, slower for one request", "--pipeline-parallel-size %" PRIu64, g->tp);
    if (above <= 16)
        advise(d, "the next size above that divides the heads", "--tensor-parallel-size %" PRIu64, above);
}

void bt_diag_advise(struct bt_diag *d, const struct bt_diag_rule *r)
{
    const struct bt_diag_figures *g = &d->found.figures;
    switch (r->kind) {
    case BT_KIND_KV: case BT_KIND_KV_TOKENS: advise_kv(d); break;
    case BT_KIND_NO_KV: advise_no_kv(d); break;
    case BT_KIND_BUDGET: advise_budget(d); break;
    case BT_KIND_OOM: advise_oom(d); break;
    case BT_KIND_HEADS: advise_heads(d); break;
    case BT_KIND_MAMBA:
        if (g->blocks)
            advise(d, "as many sequences as there are state blocks", "--max-num-seqs %" PRIu64, g->blocks);
        break;
    case BT_KIND_WORLD:
        if (g->gpus)
            advise(d, "as many GPUs as there are", "--tensor-parallel-size %" PRIu64, g->gpus);
        advise(d, "more cards in CUDA_VISIBLE_DEVICES, if the machine has them", "%s", "");
        break;
    case BT_KIND_CONTEXT:
        if (g->fits_tokens)
            advise(d, "all the model allows", "--max-model-len %" PRIu64, g->fits_tokens);
        advise(d, "longer than trained: with the model's own rope scaling, as its card says", "--hf-overrides '{\"rope_parameters\": ...}'");
        break;
    case BT_KIND_DIED:
        advise(d, "look for the worker's own lines above; `dmesg | grep -i kill` shows the OOM killer; /dev/shm and the container's memory limit", "%s", "");
        break;
    case BT_KIND_RAY:
        if (g->gpus_asked > 1)
            advise(d, "half the GPUs, if `ray status` shows so many; `berth estimate` says with which context the model fits them", "--tensor-parallel-size %" PRIu64, g->gpus_asked / 2);
        break;
    case BT_KIND_PLAIN: break;
    }
    if (!strcmp(r->code, "port-in-use") && g->port && g->port < 65535)
        advise(d, "another port; `ss -ltnp` shows who has this one (a killed server may have left a process behind)", "--port %" PRIu64, g->port + 1);
    else if (!strcmp(r->code, "port-in-use"))
        advise(d, "another --port; `ss -ltnp` shows who has it (a killed server may have left a process behind)", "%s", "");
    if (r->hint)
        advise(d, r->hint, "%s", "");
}

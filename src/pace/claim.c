/* claim - "Qwen2.5-32B bf16, 4xA100-40GB, TP4, 85 tok/s": what people write, read word by word, and held against what the cards can read. */
#include <ctype.h>
#include <math.h>

#include "base/units.h"
#include "pace/pace_int.h"

#define MAX_CLAIM 1000 /* bytes of text */
#define MAX_WORDS 64
#define CARD_WORDS 5 /* "NVIDIA GeForce RTX 4070 Ti" */

struct words {
    struct bt_arena *a;
    const char *w[MAX_WORDS];
    bool starts[MAX_WORDS];
    size_t n;
}; /* starts: the first of its comma field */

/* Names that mean more than one card: the one that is meant most often. */
static const struct {
    const char *said, *meant;
} short_cards[] = {
    { "a100-40gb", "a100-sxm4-40" }, { "a100-80gb", "a100-sxm4-80" }, { "a100", "a100-sxm4-80" },      { "a800", "a800-sxm4-80" },
    { "h100", "h100-sxm" },          { "h100-80gb", "h100-sxm" },     { "h200", "h200-sxm" },          { "h800", "h800-sxm" },
    { "gh200", "gh200-96" },         { "v100", "v100-sxm2-32" },      { "v100-16gb", "v100-sxm2-16" }, { "v100-32gb", "v100-sxm2-32" },
    { "3060", "rtx3060-12" },        { "3080", "rtx3080" },           { "3090", "rtx3090" },           { "4080", "rtx4080" },
    { "4090", "rtx4090" },           { "5090", "rtx5090" },
};
/* Engines that people name and pace has no constants for would be taken for the model: these words are never one. */
static const char *const noise[] = { "on",   "with", "at", "and", "a",  "gpu",    "gpus",   "cards", "card", "using",
                                     "gets", "=",    ":",  "in",  "of", "decode", "single", "per",   "user" };
static const char *const rate_units[] = { "tok/s", "tokens/s", "token/s", "t/s", "tps", "tok/sec", "tokens/sec", "toks/s" };
static const char *const stream_words[] = { "batch", "streams", "stream", "concurrency", "conc", "bs", "batch-size", "concurrent" };
static const char *const context_words[] = { "context", "ctx", "tokens-of-context" };

static bool among(const char *w, const char *const *list, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!strcasecmp(w, list[i]))
            return true;
    return false;
}
#define AMONG(w, list) among(w, list, BT_LEN(list))

static int cut_words(struct bt_str text, struct words *out, struct bt_err *err)
{
    for (struct bt_str field; text.n;) {
        text = bt_str_cut(text, ',', &field);
        bool first = true;
        for (size_t i = 0; i < field.n;) {
            size_t from = i;
            while (i < field.n && !isspace((unsigned char)field.p[i]))
                i++;
            if (i > from && out->n == MAX_WORDS)
                return bt_err_set(err, BT_E_USAGE, 0, "a claim has at most %d words", MAX_WORDS);
            if (i > from) {
                out->starts[out->n] = first;
                out->w[out->n++] = bt_arena_strndup(out->a, (struct bt_str){ field.p + from, i - from });
                first = false;
            }
            while (i < field.n && isspace((unsigned char)field.p[i]))
                i++;
        }
    }
    return 0;
}

/* A number with what follows it: "85", "85.5tok/s", "4k". False when it does not begin with one. */
static bool number_of(const char *w, double *value, const char **rest)
{
    if (!isdigit((unsigned char)w[0]))
        return false;
    char *end;
    *value = strtod(w, &end);
    *rest = end;
    return isfinite(*value);
}

static bool whole_of(const char *w, uint64_t *value)
{
    double v;
    const char *rest;
    if (!number_of(w, &v, &rest) || v < 1 || v > 1e9)
        return false;
    double times = !strcasecmp(rest, "k") ? (*rest == 'K' ? 1024 : 1000) : *rest ? 0 : 1;
    *value = (uint64_t)(v * times);
    return times > 0 && *value > 0;
}

static const struct bt_gpu_kind *card_named(const char *name)
{
    for (size_t i = 0; i < BT_LEN(short_cards); i++)
        if (!strcasecmp(short_cards[i].said, name))
            return bt_gpu_kind_find(short_cards[i].meant);
    return bt_gpu_kind_find(name);
}

/* "4xA100-40GB", "2x RTX 4090", "A100 40GB": the longest run of words from `at` that is a card. Returns how many words, 0 = none. */
static size_t take_card(const struct words *x, size_t at, struct bt_claim *out)
{
    size_t most = 1;
    while (most < CARD_WORDS && at + most < x->n && !x->starts[at + most])
        most++;
    for (size_t n = most; n > 0; n--) {
        bt_auto_buf struct bt_buf b = BT_BUF(MAX_CLAIM + MAX_WORDS);
        for (size_t i = 0; i < n; i++)
            bt_buf_printf(&b, "%s%s", i ? "-" : "", x->w[at + i]);
        const char *name = bt_buf_z(&b);
        size_t digits = strspn(name, "0123456789");
        uint64_t cards = 0;
        const struct bt_gpu_kind *k = card_named(name);
        const char *plain = name;
        if (!k && digits && digits < 6) { /* "4x", "4 x", "4 " */
            plain = name + digits;
            plain += *plain == '-';
            plain += *plain == 'x' || *plain == 'X' || *plain == '*';
            plain += *plain == '-';
            cards = strtoull(name, NULL, 10);
            k = cards ? card_named(plain) : NULL;
        }
        if (!k)
            continue;
        out->kind = k;
        out->card = bt_arena_strdup(x->a, plain);
        out->cards = cards;
        return n;
    }
    return 0;
}

/* "TP4", "tp=4", "TP2xPP2", "PP:3"; false when it is none. */
static bool take_shape(const char *w, struct bt_claim *out)
{
    struct bt_claim c = *out;
    const char *p = w;
    while (*p) {
        bool tp = !strncasecmp(p, "tp", 2);
        if (!tp && strncasecmp(p, "pp", 2) != 0)
            return false;
        p += 2;
        p += *p == '=' || *p == ':' || *p == '-';
        if (!isdigit((unsigned char)*p))
            return false;
        char *end;
        unsigned long n = strtoul(p, &end, 10);
        if (n < 1 || n > 1024)
            return false;
        *(tp ? &c.tp : &c.pp) = n;
        p = end;
        p += *p == 'x' || *p == 'X' || *p == '*' || *p == '/' || *p == '+';
    }
    *out = c;
    return p != w;
}

/* A number: a rate, streams or a context, by the unit behind it or the word before or after it. Returns words taken, 0 = not understood. */
static size_t take_number(const struct words *x, size_t at, struct bt_claim *out)
{
    double v;
    const char *rest, *next = at + 1 < x->n ? x->w[at + 1] : "";
    if (!number_of(x->w[at], &v, &rest))
        return 0;
    if (*rest == '-' && AMONG(rest + 1, stream_words))
        rest++;
    if ((*rest && AMONG(rest, rate_units)) || (!*rest && AMONG(next, rate_units))) {
        out->tok_s = v;
        return *rest ? 1 : 2;
    }
    if (!*rest && at + 2 < x->n && (!strcasecmp(next, "tokens") || !strcasecmp(next, "tok")) &&
        (!strcasecmp(x->w[at + 2], "/s") || !strcasecmp(x->w[at + 2], "/")))
        return out->tok_s = v, 3;
    uint64_t n;
    if (!whole_of(x->w[at], &n))
        return 0;
    if (AMONG(next, stream_words))
        return out->streams = n, 2;
    if (AMONG(next, context_words))
        return out->context = n, 2;
    return 0;
}

/* "batch 16", "b=16", "context 4096", "ctx=4k", "tp 4" */
static size_t take_named_number(const struct words *x, size_t at, struct bt_claim *out)
{
    char name[32];
    const char *w = x->w[at], *eq = strpbrk(w, "=:");
    size_t len = eq ? (size_t)(eq - w) : strlen(w);
    if (len >= sizeof name)
        return 0;
    memcpy(name, w, len);
    name[len] = 0;
    uint64_t n, *to = AMONG(name, stream_words) || !strcasecmp(name, "b") ? &out->streams
                      : AMONG(name, context_words)                        ? &out->context
                      : !strcasecmp(name, "tp")                           ? &out->tp
                      : !strcasecmp(name, "pp")                           ? &out->pp
                                                                          : NULL;
    const char *value = eq ? eq + 1 : at + 1 < x->n ? x->w[at + 1] : "";
    if (!to || !whole_of(value, &n))
        return 0;
    *to = n;
    return eq ? 1 : 2;
}

static size_t take_engine(const struct words *x, size_t at, struct bt_claim *out)
{
    if (!pc_engine_named(x->w[at], NULL))
        return 0;
    out->engine = x->w[at];
    const char *next = at + 1 < x->n ? x->w[at + 1] : "";
    const char *v = next + (*next == 'v');
    double ignored;
    const char *rest;
    bool version = number_of(v, &ignored, &rest) && strchr(v, '.') && !AMONG(rest, rate_units) && !(at + 2 < x->n && AMONG(x->w[at + 2], rate_units));
    if (version)
        out->engine_version = v;
    return version ? 2 : 1;
}

static int finish(struct bt_claim *c, struct bt_err *err)
{
    const char *missing = !c->model ? "no model" : !c->kind ? "no card that the catalog knows" : !(c->tok_s > 0) ? "no rate (\"85 tok/s\")" : NULL;
    if (missing) {
        bt_err_set(err, BT_E_USAGE, 0, "the claim names %s", missing);
        return bt_err_hint(err, "a claim reads 'Qwen2.5-32B bf16, 4xA100-40GB, TP4, 85 tok/s'; cards are named as in `berth gpus --catalog`");
    }
    c->pp = BT_MAX(c->pp, 1u);
    if (!c->tp)
        c->tp = BT_MAX(c->cards / c->pp, 1u);
    if (!c->cards)
        c->cards = c->tp * c->pp;
    if (c->tp * c->pp > c->cards)
        return bt_err_set(err, BT_E_USAGE, 0, "TP=%llu x PP=%llu needs %llu cards, and the claim has %llu", (unsigned long long)c->tp,
                          (unsigned long long)c->pp, (unsigned long long)(c->tp * c->pp), (unsigned long long)c->cards);
    c->streams = BT_MAX(c->streams, 1u);
    return 0;
}

int bt_claim_parse(struct bt_arena *a, struct bt_str text, struct bt_claim *out, struct bt_err *err)
{
    struct words x = { .a = a };
    enum bt_pace_kernel kernel;
    size_t model_end = 0;
    *out = (struct bt_claim){ 0 };
    if (text.n > MAX_CLAIM)
        return bt_err_set(err, BT_E_USAGE, 0, "a claim of %zu bytes: at most %d", text.n, MAX_CLAIM);
    if (cut_words(text, &x, err) < 0)
        return -1;
    for (size_t i = 0, n; i < x.n; i += n) {
        if ((n = take_shape(x.w[i], out)) || (n = take_named_number(&x, i, out)) || (n = take_number(&x, i, out)))
            continue;
        if (!out->kind && (n = take_card(&x, i, out)))
            continue;
        n = 1;
        if (pc_kernel_named(x.w[i], &kernel)) {
            out->quantization = x.w[i];
            continue;
        }
        size_t engine = take_engine(&x, i, out);
        if (engine) {
            n = engine;
            continue;
        }
        if (AMONG(x.w[i], noise))
            continue;
        if (!out->model) {
            out->model = x.w[i];
            model_end = i + 1;
        } else if (i == model_end && !x.starts[i]) { /* "Qwen2.5 32B" */
            out->model = bt_arena_printf(a, "%s-%s", out->model, x.w[i]);
            model_end = i + 1;
        } else {
            bt_auto_buf struct bt_buf shown = BT_BUF(256);
            bt_buf_add_escaped(&shown, (struct bt_str){ x.w[i], strnlen(x.w[i], 60) });
            bt_err_set(err, BT_E_USAGE, 0, "\"%s\" in the claim is not understood", bt_buf_z(&shown));
            return bt_err_hint(err,
                               "a claim reads 'Qwen2.5-32B bf16, 4xA100-40GB, TP4, 85 tok/s'; also: an engine and version, N streams, context N");
        }
    }
    return finish(out, err);
}

const char *bt_claim_verdict_name(enum bt_verdict v)
{
    return v == BT_CLAIM_IMPOSSIBLE ? "impossible" : v == BT_CLAIM_NOT_REACHED ? "not reached by any reference row" : "credible";
}

int bt_claim_judge(const struct bt_claim *c, const struct bt_model *m, struct bt_judged *out, struct bt_err *err)
{
    const struct bt_gpu_kind *k = c->kind;
    struct bt_gpu card = {
        .uuid = "virtual-0", .name = k->nvml_name, .kind = k, .pci = "", .total_bytes = bt_gpu_kind_total(k), .cc_major = k->cc_major, .island = -1
    };
    struct bt_pace_in in = { .model = m,
                             .engine_name = c->engine ? c->engine : "vllm",
                             .engine_version = c->engine_version,
                             .card = &card,
                             .tp = c->tp,
                             .pp = c->pp,
                             .context = c->context,
                             .quantization = c->quantization,
                             .streams = c->streams,
                             .nvlink = c->tp * c->pp > 1 && k->nvlink_mesh };
    struct bt_pace_weight w;
    *out = (struct bt_judged){ 0 };
    bt_pace_decode(&in, &out->pace);
    if (!out->pace.known || !bt_pace_weigh(m, c->quantization, 0, &w))
        return bt_err_set(err, BT_E_INPUT, 0, "no figure for %s on %s: %s", m->id, k->short_name,
                          k->mem_gbs > 0 ? "the model's tensors are not known" : "the catalog has no bandwidth of this card");
    double bandwidth = k->mem_gbs * 1e9, streams = (double)c->streams;
    out->ceiling_tok_s = streams * bandwidth / out->pace.read_bytes;
    out->share = c->tok_s / out->ceiling_tok_s;
    out->best_share = bt_pace_best_share(c->tp, pc_class_of(k)->hbm);
    out->verdict = out->share > 1 ? BT_CLAIM_IMPOSSIBLE : out->share > out->best_share ? BT_CLAIM_NOT_REACHED : BT_CLAIM_CREDIBLE;
    if (pc_kernel_bits(w.kernel) > 8.5) {
        in.quantization = "int8";
        bt_pace_decode(&in, &out->eight_bit);
    }
    return 0;
}

/* claim - "Qwen2.5-32B bf16, 4xA100-40GB, TP4, 85 tok/s": what people write, read word by word, and held against what the cards can read. */
#include <ctype.h>
#include <math.h>

#include "base/units.h"
#include "pace/pace_int.h"

#define MAX_CLAIM 1000 /* bytes of text */
#define MAX_WORDS 64
#define MAX_RATE 1e9
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
static const char *const noise[] = { "on",      "with",    "at",      "and",    "a",          "gpu",      "gpus",   "cards",   "card",      "using",  "gets",
                                     "=",       ":",       "in",      "of",     "decode",     "single",   "per",    "user",    "does",      "do",     "is",
                                     "an",      "the",     "about",   "around", "roughly",    "runs",     "run",    "running", "reaches",   "gives",  "get",
                                     "got",     "makes",   "we",      "i",      "it",         "my",       "for",    "by",      "via",       "under",  "served",
                                     "serving", "model",   "speed",   "rate",   "generation", "output",   "to",     "up",      "has",       "total",  "all",
                                     "overall", "together", "aggregate", "throughput", "decoding", "inference", "nvlink", "ca", "only", "one" };
static const char *const rate_units[] = { "tok/s",  "tokens/s",   "token/s",  "t/s",       "tps",           "tok/sec",     "tokens/sec",
                                          "toks/s", "tok/second", "tk/s",     "token/sec", "tokens/second", "token/second", "t/sec" };
static const char *const step_units[] = { "ms/token", "ms/tok", "ms/step", "ms/t" };
static const char *const step_words[] = { "tpot", "itl", "tbt" };
static const char *const token_words[] = { "tokens", "token", "tok", "toks" };
static const char *const second_words[] = { "second", "sec", "s", "seconds" };
static const char *const stream_words[] = { "batch",      "streams",    "stream", "concurrency", "conc",   "bs",
                                            "batch-size", "concurrent", "users",  "requests",    "clients" };
static const char *const one_of_them[] = { "user", "stream", "request", "sequence", "client", "users" };
static const char *const context_words[] = { "context", "ctx", "tokens-of-context" };
static const char *const draft_words[] = { "speculative", "speculation", "spec", "speculated", "eagle",  "eagle2", "eagle3",    "eagle-3", "eagle-2",
                                           "mtp",         "medusa",      "ngram", "n-gram",    "draft", "dflash", "lookahead", "spec-decode" };
static const struct { const char *said, *meant; } bit_words[] = {
    { "4-bit", "int4" },       { "4bit", "int4" },     { "8-bit", "int8" },      { "8bit", "int8" },          { "16-bit", "bf16" },
    { "16bit", "bf16" },       { "half", "fp16" },     { "unquantized", "bf16" }, { "gptq-int4", "int4" },     { "gptq-int8", "int8" },
    { "awq-int4", "int4" },    { "int4-awq", "int4" }, { "fp8-dynamic", "fp8" }, { "fp8-block", "fp8" },      { "q8", "q8_0" },
    { "q4", "q4_k_m" },
};

static bool among(const char *w, const char *const *list, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!strcasecmp(w, list[i]))
            return true;
    return false;
}
#define AMONG(w, list) among(w, list, BT_LEN(list))

/* Without the marks that end a sentence or stand around a word. */
static struct bt_str trimmed(struct bt_str w)
{
    while (w.n && strchr("(\"'~<>[", w.p[0]))
        w = (struct bt_str){ w.p + 1, w.n - 1 };
    while (w.n && strchr(":;.!?)\"']", w.p[w.n - 1]))
        w.n--;
    return w;
}

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
            struct bt_str word = trimmed((struct bt_str){ field.p + from, i - from });
            if (word.n) {
                out->starts[out->n] = first;
                out->w[out->n++] = bt_arena_strndup(out->a, word);
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

/* What is put together only when all words are read. */
struct reading {
    struct bt_claim c;
    double step_ms; /* of a token of one stream, where that is what is said; 0 = a rate is */
    bool each;      /* the rate is of one stream */
    struct bt_err *err;
    bool failed;    /* what was said before is contradicted, or no number at all */
};

static size_t fail(struct reading *r, const char *what, double was, double now)
{
    if (!r->failed)
        bt_err_set(r->err, BT_E_USAGE, 0, "the claim says two things: %s %g, and %g", what, was, now);
    r->failed = true;
    return 1;
}

/* "TP4", "tp=4", "TP2xPP2", "PP:3", "DP8"; false when it is none. */
static bool take_shape(const char *w, struct bt_claim *out)
{
    struct bt_claim c = { 0 };
    const char *p = w;
    while (*p) {
        uint64_t *to = !strncasecmp(p, "tp", 2) ? &c.tp : !strncasecmp(p, "pp", 2) ? &c.pp : !strncasecmp(p, "dp", 2) ? &c.engines : NULL;
        if (!to)
            return false;
        p += 2;
        p += *p == '=' || *p == ':' || *p == '-';
        if (!isdigit((unsigned char)*p))
            return false;
        char *end;
        unsigned long n = strtoul(p, &end, 10);
        if (n < 1 || n > 1024)
            return false;
        *to = n;
        p = end;
        p += *p == 'x' || *p == 'X' || *p == '*' || *p == '/' || *p == '+';
    }
    *out = c;
    return p != w;
}

static size_t take_shapes(const char *w, struct reading *r)
{
    struct bt_claim said;
    if (!take_shape(w, &said))
        return 0;
    const struct { const char *name; uint64_t now, *was; } parts[] = { { "TP", said.tp, &r->c.tp },
                                                                       { "PP", said.pp, &r->c.pp },
                                                                       { "DP", said.engines, &r->c.engines } };
    for (size_t i = 0; i < BT_LEN(parts); i++) {
        if (parts[i].now && *parts[i].was && *parts[i].was != parts[i].now)
            return fail(r, parts[i].name, (double)*parts[i].was, (double)parts[i].now);
        *parts[i].was = parts[i].now ? parts[i].now : *parts[i].was;
    }
    return 1;
}

static size_t take_rate(struct reading *r, double v, size_t words)
{
    if (!(v > 0) || v > MAX_RATE) {
        r->failed = true;
        bt_err_set(r->err, BT_E_USAGE, 0, "the claim's rate is %g tok/s: one is more than 0, and at most a billion", v);
        return words;
    }
    if (r->c.tok_s > 0 && r->c.tok_s != v)
        return fail(r, "tok/s", r->c.tok_s, v);
    r->c.tok_s = v;
    return words;
}

/* Words of "tok/s", "tokens per second", "tokens / s" from `at` on; 0 = none. */
static size_t rate_unit(const struct words *x, size_t at)
{
    const char *one = at < x->n ? x->w[at] : "", *two = at + 1 < x->n ? x->w[at + 1] : "", *three = at + 2 < x->n ? x->w[at + 2] : "";
    if (AMONG(one, rate_units))
        return 1;
    if (!AMONG(one, token_words))
        return 0;
    if (!strcasecmp(two, "/s") || !strcasecmp(two, "/sec"))
        return 2;
    bool per = !strcasecmp(two, "per") || !strcmp(two, "/") || !strcasecmp(two, "a") || !strcasecmp(two, "each");
    return per && AMONG(three, second_words) ? 3 : 0;
}

/* Words of "ms/token", "ms per token", "ms TPOT" from `at` on; 0 = none. `named`: the word before says what it is. */
static size_t step_unit(const struct words *x, size_t at, bool named)
{
    const char *one = at < x->n ? x->w[at] : "", *two = at + 1 < x->n ? x->w[at + 1] : "", *three = at + 2 < x->n ? x->w[at + 2] : "";
    if (AMONG(one, step_units))
        return 1;
    if (strcasecmp(one, "ms") != 0)
        return 0;
    if (AMONG(two, step_words))
        return 2;
    bool per = !strcasecmp(two, "per") || !strcmp(two, "/") || !strcasecmp(two, "a");
    return per && (AMONG(three, token_words) || !strcasecmp(three, "step")) ? 3 : named ? 1 : 0;
}

static double thousands(const char **rest)
{
    bool k = (**rest == 'k' || **rest == 'K') && !isalpha((unsigned char)(*rest)[1]);
    *rest += k;
    return k ? 1000 : 1;
}

/* A number: a rate, the time of a token, streams or a context, by the unit behind it or the word before or after it. Words taken, 0 = not understood. */
static size_t take_number(const struct words *x, size_t at, struct reading *r)
{
    double v;
    const char *w = x->w[at], *rest, *next = at + 1 < x->n ? x->w[at + 1] : "";
    bool below = w[0] == '-' && isdigit((unsigned char)w[1]);
    if (!number_of(w + below, &v, &rest))
        return 0;
    double value = v * thousands(&rest) * (below ? -1 : 1);
    if (*rest == '-' && AMONG(rest + 1, stream_words))
        rest++;
    size_t unit = *rest ? 0 : rate_unit(x, at + 1);
    if (unit || (*rest && AMONG(rest, rate_units)))
        return take_rate(r, value, 1 + unit);
    bool named = at > 0 && AMONG(x->w[at - 1], step_words), fused = *rest && (AMONG(rest, step_units) || (!strcasecmp(rest, "ms") && named));
    if (!strcasecmp(rest, "ms") && AMONG(next, step_words))
        unit = 1;
    else if (!*rest)
        unit = step_unit(x, at + 1, named);
    if ((fused || unit) && value > 0) {
        r->step_ms = value;
        return 1 + unit;
    }
    uint64_t n;
    if (below || !whole_of(w, &n))
        return 0;
    if (AMONG(next, stream_words) || (*rest && AMONG(rest, stream_words)))
        return r->c.streams = n, 2;
    if (AMONG(next, context_words))
        return r->c.context = n, 2;
    return 0;
}

/* "batch 16", "b=16", "context 4096", "ctx=4k", "tp 4" */
static size_t take_named_number(const struct words *x, size_t at, struct reading *r)
{
    struct bt_claim *out = &r->c;
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
                      : !strcasecmp(name, "dp") || !strcasecmp(name, "replicas") || !strcasecmp(name, "copies")
                          ? &out->engines
                          : NULL;
    const char *value = eq ? eq + 1 : at + 1 < x->n ? x->w[at + 1] : "";
    if (!to || !whole_of(value, &n))
        return 0;
    if (*to && *to != n)
        return fail(r, name, (double)*to, (double)n);
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

static int finish(struct reading *r, struct bt_err *err)
{
    struct bt_claim *c = &r->c;
    const char *missing = !c->model                                ? "no model"
                          : !c->kind                               ? "no card that the catalog knows"
                          : !(c->tok_s > 0) && !(r->step_ms > 0) ? "no rate (\"85 tok/s\")"
                                                                   : NULL;
    if (missing) {
        bt_err_set(err, BT_E_USAGE, 0, "the claim names %s", missing);
        return bt_err_hint(err, "a claim reads 'Qwen2.5-32B bf16, 4xA100-40GB, TP4, 85 tok/s'; cards are named as in `berth gpus --catalog`");
    }
    c->pp = BT_MAX(c->pp, 1u);
    c->engines = BT_MAX(c->engines, 1u);
    if (!c->tp)
        c->tp = BT_MAX(c->cards / c->pp / c->engines, 1u);
    if (!c->cards)
        c->cards = c->tp * c->pp * c->engines;
    if (c->tp * c->pp * c->engines > c->cards)
        return bt_err_set(err, BT_E_USAGE, 0, "TP=%llu x PP=%llu%s needs %llu cards, and the claim has %llu", (unsigned long long)c->tp,
                          (unsigned long long)c->pp, c->engines > 1 ? " times the engines" : "", (unsigned long long)(c->tp * c->pp * c->engines),
                          (unsigned long long)c->cards);
    c->streams = BT_MAX(c->streams, c->engines);
    if (r->step_ms > 0) {
        double rate = 1e3 / r->step_ms * (double)c->streams;
        if (c->tok_s > 0 && fabs(c->tok_s - rate) > 0.05 * rate)
            return bt_err_set(err, BT_E_USAGE, 0, "the claim says two things: %g tok/s, and %g ms a token, which is %.1f", c->tok_s, r->step_ms, rate);
        c->tok_s = rate;
    } else if (r->each) {
        c->tok_s *= (double)c->streams;
    }
    return 0;
}

/* "16GB" behind a card: the card's own memory, which its name may say as well. */
static bool is_its_memory(const char *w, const struct bt_gpu_kind *k)
{
    double v;
    const char *rest;
    if (!k || !number_of(w, &v, &rest) || (strcasecmp(rest, "gb") && strcasecmp(rest, "gib") && strcasecmp(rest, "g")))
        return false;
    double has = (double)bt_gpu_kind_total(k) / (double)GiB;
    return has > 0 && fabs(v - has) < 0.12 * has;
}

/* Words that say how, not what: bits, a draft, whose rate it is. Words taken, 0 = none of them. */
static size_t take_manner(const struct words *x, size_t at, struct reading *r)
{
    const char *w = x->w[at], *next = at + 1 < x->n ? x->w[at + 1] : "";
    for (size_t i = 0; i < BT_LEN(bit_words); i++) {
        bool two = strlen(w) < 3 && !strcasecmp(next, "bit") && !strncmp(bit_words[i].said, w, strlen(w)) && bit_words[i].said[strlen(w)] == '-';
        if (!strcasecmp(w, bit_words[i].said) || two)
            return r->c.quantization = bit_words[i].meant, two ? 2 : 1;
    }
    if (AMONG(w, draft_words))
        return r->c.speculation = true, 1;
    if (!strcasecmp(w, "each") || (!strcasecmp(w, "per") && AMONG(next, one_of_them)))
        return r->each = true, strcasecmp(w, "each") ? 2 : 1;
    return is_its_memory(w, r->c.kind) ? 1 : 0;
}

/* A word of none of these kinds is the model's name, or a part of it. */
static int take_model(const struct words *x, size_t at, size_t *model_end, struct reading *r, struct bt_err *err)
{
    if (!r->c.model) {
        r->c.model = x->w[at];
    } else if (at == *model_end && !x->starts[at]) { /* "Qwen2.5 32B" */
        r->c.model = bt_arena_printf(x->a, "%s-%s", r->c.model, x->w[at]);
    } else {
        bt_auto_buf struct bt_buf shown = BT_BUF(256);
        bt_buf_add_escaped(&shown, (struct bt_str){ x->w[at], strnlen(x->w[at], 60) });
        bt_err_set(err, BT_E_USAGE, 0, "\"%s\" in the claim is not understood", bt_buf_z(&shown));
        return bt_err_hint(err, "a claim reads 'Qwen2.5-32B bf16, 4xA100-40GB, TP4, 85 tok/s'; also: an engine and version, N streams, context N");
    }
    *model_end = at + 1;
    return 0;
}

int bt_claim_parse(struct bt_arena *a, struct bt_str text, struct bt_claim *out, struct bt_err *err)
{
    struct words x = { .a = a };
    struct reading r = { .err = err };
    enum bt_pace_kernel kernel;
    size_t model_end = 0;
    *out = (struct bt_claim){ 0 };
    if (text.n > MAX_CLAIM)
        return bt_err_set(err, BT_E_USAGE, 0, "a claim of %zu bytes: at most %d", text.n, MAX_CLAIM);
    if (cut_words(text, &x, err) < 0)
        return -1;
    for (size_t i = 0, n; i < x.n && !r.failed; i += n) {
        if ((n = take_shapes(x.w[i], &r)) || (n = take_named_number(&x, i, &r)) || (n = take_number(&x, i, &r)) || (n = take_manner(&x, i, &r)))
            continue;
        if (!r.c.kind && (n = take_card(&x, i, &r.c)))
            continue;
        n = 1;
        if (pc_kernel_named(x.w[i], &kernel)) {
            r.c.quantization = x.w[i];
            continue;
        }
        size_t engine = take_engine(&x, i, &r.c);
        if (engine) {
            n = engine;
            continue;
        }
        if (AMONG(x.w[i], noise) || AMONG(x.w[i], step_words))
            continue;
        if (take_model(&x, i, &model_end, &r, err) < 0)
            return -1;
    }
    if (r.failed || finish(&r, err) < 0)
        return -1;
    *out = r.c;
    return 0;
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
                             .streams = BT_MAX(c->streams / BT_MAX(c->engines, 1u), 1u), /* each engine has its part of them */
                             .nvlink = c->tp * c->pp > 1 && k->nvlink_mesh };
    struct bt_pace_weight w;
    *out = (struct bt_judged){ 0 };
    bt_pace_decode(&in, &out->pace);
    if (!out->pace.known || !bt_pace_weigh(m, c->quantization, 0, in.engine_name, &w))
        return bt_err_set(err, BT_E_INPUT, 0, "no figure for %s on %s: %s", m->id, k->short_name,
                          k->mem_gbs > 0 ? "the model's tensors are not known" : "the catalog has no bandwidth of this card");
    double bandwidth = k->mem_gbs * 1e9, engines = (double)BT_MAX(c->engines, 1u), tokens = c->speculation ? BT_SPECULATED_TOKENS : 1;
    out->ceiling_tok_s = engines * (double)in.streams * bandwidth / out->pace.read_bytes;
    out->pace.total_tok_s *= engines;
    out->share = c->tok_s / out->ceiling_tok_s;
    out->best_share = bt_pace_best_share(c->tp, pc_class_of(k)->hbm);
    out->tokens_a_step = c->speculation ? c->tok_s / out->pace.total_tok_s : 0;
    out->weight_bytes = w.file_bytes / (double)(c->tp * c->pp);
    out->card_bytes = (double)card.total_bytes;
    /* the best share is known to whole percents */
    bool reached = round(out->share * 100) <= round(out->best_share * tokens * 100);
    out->verdict = reached ? BT_CLAIM_CREDIBLE : out->share > 1 && !c->speculation ? BT_CLAIM_IMPOSSIBLE : BT_CLAIM_NOT_REACHED;
    if (pc_kernel_bits(w.kernel) > 8.5) {
        in.quantization = "int8";
        bt_pace_decode(&in, &out->eight_bit);
        out->eight_bit.total_tok_s *= engines;
    }
    return 0;
}

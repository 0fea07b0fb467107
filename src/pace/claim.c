/* claim - "Qwen2.5-32B bf16, 4xA100-40GB, TP4, 85 tok/s": what people write, read word by word. judge.c holds it against what the cards can read. */
#include <ctype.h>
#include <math.h>

#include "base/units.h"
#include "pace/claim_int.h"

#define MAX_CLAIM 1000 /* bytes of text */
#define MAX_RATE 1e9
#define MAX_STAGES 63
#define COUNTED_CARDS 64 /* without "x" before the name */
#define MOST_CARDS 4096
#define CARD_WORDS 5 /* "NVIDIA GeForce RTX 4070 Ti" */

/* Engines that people name and pace has no constants for would be taken for the model: these words are never one. */
static const char *const noise[] = { "on",      "with",    "at",      "and",    "a",          "gpu",      "gpus",   "cards",   "card",      "using",  "gets",
                                     "=",       ":",       "in",      "of",     "decode",     "single",   "per",    "user",    "does",      "do",     "is",
                                     "an",      "the",     "about",   "around", "roughly",    "runs",     "run",    "running", "reaches",   "gives",  "get",
                                     "got",     "makes",   "we",      "i",      "it",         "my",       "for",    "by",      "via",       "under",  "served",
                                     "serving", "model",   "speed",   "rate",   "generation", "output",   "to",     "up",      "has",       "all",    "x",
                                     "decoding", "inference", "nvlink", "ca", "only", "one", "peak", "max", "eval", "marlin", "power",
                                     "limited", "limit", "capped", "processing", "averaging", "average", "avg", "mean", "median", "sustained",
                                     "setup", "rig", "/", "-", "over", "pcie", "from", "now", "just", "getting", "hit", "hits", "seeing", "see",
                                     "local", "locally", "single-stream", "single-user", "non-speculative",
                                     "w", "w/", "blackwell", "hopper", "ampere", "ada", "lovelace", "volta", "turing", "jetson", "agx", "edition",
                                     "workstation", "prefix", "caching", "cache", "enabled", "flash", "attention", "flash-attention", "fa", "fa2",
                                     "graphs", "cuda", "torch.compile", "colab", "runpod", "aws", "gcp", "azure", "server", "docker", "linux",
                                     "windows", "wsl2", "today", "still", "solid", "stable", "i'm", "im", "we're", "i've", "vulkan", "rocm", "hip",
                                     "backend", "generates", "generating", "generated", "outputs", "manages", "achieves", "achieved", "delivers",
                                     "pushing", "pulls", "measured", "about:", "settings", "default", "stock", "driver", "across", "box", "machine", "whopping",
                                     "=>", "==", "serve", "serves", "sees", "reaching", "reached", "hitting", "yields", "yielding",
                                     "kaggle", "vast.ai", "takes", "took", "benchmarked", "tested", "filled", "peaks", "me",
                                     "hbm3", "hbm3e", "hbm2e", "hbm2", "gddr6", "gddr6x", "gddr7", "vram" };
/* A rate of all that are served at once: never to be judged as one stream's. */
static const char *const total_words[] = { "total", "aggregate", "aggregated", "combined", "overall", "together", "throughput", "system" };
/* Of reading prompts in, which is no decoding. */
static const char *const prompt_words[] = { "prefill", "prompt", "prompts", "prompt-processing", "prefilling", "ingest", "ingestion", "pp" };
static const char *const first_words[] = { "ttft", "first-token", "time-to-first-token" };
static const char *const in_words[] = { "in", "input", "isl", "input-len", "input-length" };
static const char *const out_words[] = { "out", "osl", "output", "output-len", "output-length" };
static const char *const request_units[] = { "req/s", "reqs/s", "requests/s", "request/s", "requests/sec", "rps", "qps", "req/sec", "rpm" };
static const char *const host_words[] = { "offload", "offloading", "offloaded", "cpu-offload", "cpu", "ram",
                                          "n-cpu-moe", "ncmoe", "cpu-moe", "ot", "override-tensor", "exps=cpu", "ngl=0" };
static const char *const no_words[] = { "no", "without", "w/o", "non" };
/* Seconds of other units of time; those long ones are only used for what a whole server gives. */
static const struct { const char *unit; double seconds; bool total; } slow_units[] = {
    { "tok/min", 60, true },     { "tokens/min", 60, true },     { "tokens/minute", 60, true }, { "tok/hour", 3600, true }, { "tokens/hour", 3600, true },
    { "tokens/h", 3600, true },  { "tokens/day", 86400, true },  { "tok/ms", 1e-3, false },     { "tokens/ms", 1e-3, false },
};
static const char *const rate_units[] = { "tok/s",  "tokens/s",   "token/s",  "t/s",       "tps",           "tok/sec",     "tokens/sec",
                                          "toks/s", "toks/sec", "tok/second", "tk/s",     "token/sec", "tokens/second", "token/second", "t/sec" };
static const char *const step_units[] = { "ms/token", "ms/tok", "ms/step", "ms/t" };
static const char *const step_words[] = { "tpot", "itl", "tbt" };
static const char *const token_words[] = { "tokens", "token", "tok", "toks" };
static const char *const second_words[] = { "second", "sec", "s", "seconds" };
static const char *const stream_words[] = { "bsz", "max-concurrency", "batch", "streams",    "stream", "concurrency", "conc",   "bs",
                                            "batch-size", "concurrent", "users",  "requests",    "clients", "parallel", "sequences", "seqs", "user", "c" };
static const char *const one_of_them[] = { "user", "stream", "request", "sequence", "client", "users" };
static const char *const context_words[] = { "context", "ctx", "tokens-of-context", "depth", "context-length" };
static const char *const card_words[] = { "gpu", "gpus", "cards", "card" };
static const char *const tensor_words[] = { "tp", "tensor-parallel-size", "tensor-parallel", "tensor-parallelism" };
static const char *const stage_words[] = { "pp", "pipeline-parallel-size", "pipeline-parallel", "pipeline-parallelism" };
static const char *const draft_words[] = { "speculative", "speculation", "spec", "speculated", "eagle",  "eagle2", "eagle3",    "eagle-3", "eagle-2",
                                           "mtp",         "medusa",      "ngram", "n-gram",    "draft", "dflash", "lookahead", "spec-decode" };
static const struct { const char *said, *meant; } bit_words[] = {
    { "4-bit", "int4" },       { "4bit", "int4" },     { "8-bit", "int8" },      { "8bit", "int8" },          { "16-bit", "bf16" },
    { "16bit", "bf16" },       { "unquantized", "bf16" }, { "gptq-int4", "int4" },     { "gptq-int8", "int8" },
    { "awq-int4", "int4" },    { "int4-awq", "int4" }, { "fp8-dynamic", "fp8" }, { "fp8-block", "fp8" },      { "q8", "q8_0" },
    { "q4", "q4_k_m" },        { "awq-marlin", "awq" },{ "gptq-marlin", "gptq" },{ "awq-int8", "int8" },       { "bnb-4bit", "int4" },
    { "q6", "q6_k" },          { "q5", "q5_k_m" },    { "bf-16", "bf16" },       { "fp-16", "fp16" },         { "fp-8", "fp8" },
    { "4bpw", "exl2" },        { "4.0bpw", "exl2" },  { "mx-fp4", "mxfp4" },
    { "w8a8-fp8", "fp8" },     { "fp8-w8a8", "fp8" },  { "w8a8-int8", "int8" },  { "int8-w8a8", "int8" },     { "fp8_e4m3", "fp8" },
    { "q4f16_1", "int4" },     { "q4f16", "int4" },
};

static bool among(const char *w, const char *const *list, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!strcasecmp(w, list[i]))
            return true;
    return false;
}
#define AMONG(w, list) among(w, list, BT_LEN(list))

bool pc_is_filler(const char *w) { return AMONG(w, noise); }

bool pc_counts(const char *w) { return AMONG(w, stream_words) || AMONG(w, context_words); }

/* Without the marks that end a sentence or stand around a word. */
static struct bt_str trimmed(struct bt_str w)
{
    while (w.n && !bt_str_eq(w, "+-") && (strchr("(\"'~<>[@+&#{", w.p[0]) || (w.n > 1 && w.p[0] == '-' && !isdigit((unsigned char)w.p[1]))))
        w = (struct bt_str){ w.p + 1, w.n - 1 };
    while (w.n && strchr(":;.!?)\"']+}", w.p[w.n - 1]))
        w.n--;
    return w;
}

static int cut_words(struct bt_str text, struct pc_words *out, struct bt_err *err)
{
    for (struct bt_str field; text.n;) {
        text = bt_str_cut(text, ',', &field);
        bool first = true;
        for (size_t i = 0; i < field.n;) {
            size_t from = i;
            while (i < field.n && !isspace((unsigned char)field.p[i]))
                i++;
            if (i > from && out->n == PC_MAX_WORDS)
                return bt_err_set(err, BT_E_USAGE, 0, "a claim has at most %d words", PC_MAX_WORDS);
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
bool pc_number_of(const char *w, double *value, const char **rest)
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
    if (!pc_number_of(w, &v, &rest) || v < 1 || v > 1e9)
        return false;
    double times = !strcasecmp(rest, "k") ? (*rest == 'K' ? 1024 : 1000) : *rest ? 0 : 1;
    *value = (uint64_t)(v * times);
    return times > 0 && *value > 0;
}

/* "4xA100-40GB", "2x RTX 4090", "A100 40GB": the longest run of words from `at` that is a card. Returns how many words, 0 = none. */
static size_t take_card(const struct pc_words *x, size_t at, struct bt_claim *out)
{
    bool follows = at + 1 < x->n && !x->starts[at + 1];
    unsigned said = follows && !pc_card_said(x->a, bt_arena_printf(x->a, "%s %s", x->w[at], x->w[at + 1])) ? pc_count_word(x->w[at]) : 0;
    if (said) {
        size_t words = take_card(x, at + 1, out);
        out->cards = words && !out->cards ? said : out->cards;
        return words ? words + 1 : 0;
    }
    size_t most = 1;
    while (most < CARD_WORDS && at + most < x->n && !x->starts[at + most])
        most++;
    for (size_t n = most; n > 0; n--) {
        bt_auto_buf struct bt_buf b = BT_BUF(MAX_CLAIM + PC_MAX_WORDS);
        for (size_t i = 0; i < n; i++)
            bt_buf_printf(&b, "%s%s", i ? "-" : "", x->w[at + i]);
        const char *name = bt_buf_z(&b);
        size_t digits = strspn(name, "0123456789");
        uint64_t cards = 0;
        const struct bt_gpu_kind *k = pc_card_said(x->a, name);
        const char *plain = name;
        if (!k && digits && digits < 6) { /* "4x", "4 x", "4 " */
            plain = name + digits;
            plain += *plain == '-';
            bool times = *plain == 'x' || *plain == 'X' || *plain == '*';
            plain += times;
            plain += *plain == '-';
            cards = strtoull(name, NULL, 10);
            k = cards && (times || cards <= COUNTED_CARDS) ? pc_card_said(x->a, plain) : NULL; /* "3090 4090" is not 3090 of them */
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
    bool total;     /* it is said to be of all of them */
    bool per_card;
    bool no_draft;  /* said to be without one */
    bool rows;      /* llama.cpp's cards have rows of each matrix, not layers */
    enum { NEXT_RATE, NEXT_PROMPT, NEXT_FIRST } next; /* what the words before a number say that it is */
    uint64_t in, out; /* tokens of a prompt, of an answer */
    struct bt_err *err;
    const char *rack; /* "NVL72": how many of its cards serve is said apart */
    bool failed;    /* what was said before is contradicted, or no number at all */
};

static size_t fail(struct reading *r, const char *what, double was, double now)
{
    if (!r->failed)
        bt_err_set(r->err, BT_E_USAGE, 0, "the claim says two things: %s %g, and %g", what, was, now);
    r->failed = true;
    return 1;
}

/* A card that is named once more: "DGX H100 (8xH100)". Another one: a claim is of equal cards. */
static size_t take_card_again(const struct pc_words *x, size_t at, struct reading *r)
{
    struct bt_claim c = { 0 };
    size_t n = take_card(x, at, &c);
    if (!n || (!c.cards && isdigit((unsigned char)x->w[at][0]) && !strchr(c.card, '-') && strlen(c.card) < 4))
        return 0;
    if (c.kind == r->c.kind && (!c.cards || !r->c.cards || c.cards == r->c.cards)) {
        r->c.cards = c.cards ? c.cards : r->c.cards;
        return n;
    }
    r->failed = true;
    if (c.kind == r->c.kind)
        bt_err_set(r->err, BT_E_USAGE, 0, "the claim says two things: %llu x %s, and %llu", (unsigned long long)r->c.cards, c.kind->short_name,
                   (unsigned long long)c.cards);
    else
        bt_err_set(r->err, BT_E_USAGE, 0, "the claim names two kinds of cards, %s and %s: only equal cards are judged", r->c.kind->short_name,
                   c.kind->short_name);
    return n;
}

/* "TP4", "tp=4", "TP2xPP2", "PP:3", "DP8"; false when it is none. */
static bool take_shape(const char *w, struct bt_claim *out)
{
    struct bt_claim c = { 0 };
    uint64_t experts; /* over the same ranks */
    const char *p = w;
    while (*p) {
        uint64_t *to = !strncasecmp(p, "tp", 2)   ? &c.tp
                       : !strncasecmp(p, "pp", 2) ? &c.pp
                       : !strncasecmp(p, "dp", 2) ? &c.engines
                       : !strncasecmp(p, "ep", 2) ? &experts
                                                  : NULL;
        if (!to)
            return false;
        p += 2;
        p += *p == '=' || *p == ':' || *p == '-';
        if (!isdigit((unsigned char)*p))
            return false;
        char *end;
        unsigned long n = strtoul(p, &end, 10);
        if (n < 1 || n > (to == &c.pp ? MAX_STAGES : 1024)) /* "pp512" is a test of reading prompts */
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

/* A rate, of what the words around it say: `at` is its number, `words` of text are it and its unit. */
static size_t take_rate(const struct pc_words *x, size_t at, struct reading *r, double v, size_t words)
{
    size_t after = at + words;
    bool number_after = after + 1 < x->n && !x->starts[after + 1] && isdigit((unsigned char)x->w[after + 1][0]); /* "38 tok/s prefill 3000": the next one's */
    bool behind = after < x->n && !x->starts[after] && AMONG(x->w[after], prompt_words) && !number_after;
    bool prompt = r->next == NEXT_PROMPT || behind;
    r->next = NEXT_RATE;
    if (!(v > 0) || v > MAX_RATE) {
        r->failed = true;
        bt_err_set(r->err, BT_E_USAGE, 0, "the claim's rate is %g tok/s: one is more than 0, and at most a billion", v);
        return words;
    }
    if (pc_could_be_thousands(x->w[at], v)) {
        r->failed = true;
        bt_err_set(r->err, BT_E_USAGE, 0, "\"%s\" in the claim may be %g or %.0f: write it without the point, or with other digits", x->w[at], v, v * 1000);
        return words;
    }
    double *to = prompt ? &r->c.prompt_tok_s : &r->c.tok_s;
    if (*to > 0 && fabs(*to - v) > 0.005 * v) /* "512 tokens in 9.1s (56.3 tok/s)" */
        return fail(r, prompt ? "tok/s of prompts" : "tok/s", *to, v);
    *to = v;
    return words + behind;
}

/* What follows a unit: "tok/s/user", "tps/GPU". Returns the unit's length without it. */
static size_t unit_of_one(const char *unit, struct reading *r)
{
    static const char *const of_one[] = { "/user", "/stream", "/request", "/req", "/seq", "/client", "/u" };
    static const char *const of_card[] = { "/gpu", "/card", "/device" };
    size_t n = strlen(unit);
    for (size_t i = 0; i < BT_LEN(of_one); i++)
        if (n > strlen(of_one[i]) && !strcasecmp(unit + n - strlen(of_one[i]), of_one[i]))
            return r->each = true, n - strlen(of_one[i]);
    for (size_t i = 0; i < BT_LEN(of_card); i++)
        if (n > strlen(of_card[i]) && !strcasecmp(unit + n - strlen(of_card[i]), of_card[i]))
            return r->per_card = r->total = true, n - strlen(of_card[i]);
    return n;
}

/* A unit in one word, and how many seconds it is of. 0 = none. */
static double unit_seconds(const char *word, struct reading *r)
{
    struct reading spare = *r;
    char unit[32];
    size_t n = unit_of_one(word, &spare);
    if (n >= sizeof unit)
        return 0;
    memcpy(unit, word, n);
    unit[n] = 0;
    double seconds = AMONG(unit, rate_units) ? 1 : 0;
    for (size_t i = 0; !(seconds > 0) && i < BT_LEN(slow_units); i++)
        if (!strcasecmp(slow_units[i].unit, unit)) {
            seconds = slow_units[i].seconds;
            spare.total = spare.total || slow_units[i].total;
        }
    if (seconds > 0)
        *r = spare;
    return seconds;
}

/* Words of "tok/s", "tokens per second", "tokens / s" from `at` on; 0 = none. seconds: what the unit is of. */
static size_t rate_unit(const struct pc_words *x, size_t at, struct reading *r, double *seconds)
{
    const char *one = at < x->n ? x->w[at] : "", *two = at + 1 < x->n ? x->w[at + 1] : "", *three = at + 2 < x->n ? x->w[at + 2] : "";
    if ((*seconds = unit_seconds(one, r)) > 0)
        return 1;
    *seconds = 1;
    if (!AMONG(one, token_words))
        return 0;
    if (!strcasecmp(two, "/s") || !strcasecmp(two, "/sec"))
        return 2;
    bool per = !strcasecmp(two, "per") || !strcmp(two, "/") || !strcasecmp(two, "a") || !strcasecmp(two, "each");
    *seconds = !strncasecmp(three, "min", 3) ? 60 : !strcasecmp(three, "hour") ? 3600 : !strcasecmp(three, "day") ? 86400 : 1;
    if (per && *seconds > 1)
        return r->total = true, 3;
    *seconds = 1;
    return per && AMONG(three, second_words) ? 3 : 0;
}

/* Words of "ms/token", "ms per token", "ms TPOT" from `at` on; 0 = none. `named`: the word before says what it is. */
static size_t step_unit(const struct pc_words *x, size_t at, bool named)
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
    bool k = (**rest == 'k' || **rest == 'K') && !isalpha((unsigned char)(*rest)[1]), m = **rest == 'M' && !isalpha((unsigned char)(*rest)[1]);
    *rest += k || m;
    return k ? 1e3 : m ? 1e6 : 1;
}

/* "TTFT 120 ms", "0.4 s TTFT": told, not judged. Words taken, 0 = it is not that. */
static size_t take_first(const struct pc_words *x, size_t at, struct reading *r, double v, const char *unit)
{
    size_t words = *unit ? 1 : 2;
    if (!*unit)
        unit = at + 1 < x->n ? x->w[at + 1] : "";
    double ms = !strcasecmp(unit, "ms") ? 1 : AMONG(unit, second_words) ? 1e3 : 0;
    bool behind = at + words < x->n && !x->starts[at + words] && AMONG(x->w[at + words], first_words);
    if (!(ms > 0) || !(r->next == NEXT_FIRST || behind))
        return 0;
    r->next = NEXT_RATE;
    r->c.first_s = v * ms / 1e3;
    return words + behind;
}

/* A bare number by the word behind it: streams, a context, tokens in and out. */
static size_t take_counted(const struct pc_words *x, size_t at, struct reading *r, uint64_t n, const char *rest)
{
    const char *next = at + 1 < x->n ? x->w[at + 1] : "", *third = at + 2 < x->n ? x->w[at + 2] : "";
    if (AMONG(next, stream_words) || (*rest && AMONG(rest, stream_words))) {
        size_t words = *rest ? 1 : 2;
        if (r->c.streams && r->c.streams != n)
            return fail(r, "streams", (double)r->c.streams, (double)n);
        r->c.streams = n;
        return words + (at + words < x->n && AMONG(x->w[at + words], stream_words)); /* "64 concurrent requests" */
    }
    double spare;
    bool its_own = AMONG(next, context_words) && isdigit((unsigned char)third[0]) && pc_number_of(third, &spare, &third); /* "4090 ctx 4096" */
    if (AMONG(next, context_words) && !its_own)
        return r->c.context = n, 2;
    if (AMONG(next, card_words) && !*rest && n <= MOST_CARDS) /* "MI300X, 1 GPU" */
        return r->c.cards && r->c.cards != n ? fail(r, "cards", (double)r->c.cards, (double)n) : (r->c.cards = n, 2);
    size_t tokens = AMONG(next, token_words) ? 1 : 0;
    const char *way = tokens ? third : next;
    if (n >= 16 && AMONG(way, in_words))
        return r->in = n, 2 + tokens;
    if (n >= 16 && AMONG(way, out_words))
        return r->out = n, 2 + tokens;
    if (tokens && (AMONG(third, context_words) || AMONG(third, prompt_words)))
        return *(AMONG(third, context_words) ? &r->c.context : &r->in) = n, 3;
    return 0;
}

/* A number: a rate, the time of a token, streams or a context, by the unit behind it or the word before or after it. Words taken, 0 = not understood. */
static size_t take_number(const struct pc_words *x, size_t at, struct reading *r)
{
    double v, seconds = 1;
    const char *w = x->w[at], *rest, *next = at + 1 < x->n ? x->w[at + 1] : "";
    bool below = w[0] == '-' && isdigit((unsigned char)w[1]);
    if (!pc_number_of(w + below, &v, &rest))
        return 0;
    const char *unit_text = rest;
    double value = v * thousands(&rest) * (below ? -1 : 1);
    if (*rest == '-' && AMONG(rest + 1, stream_words))
        rest++;
    if (!*rest && at + 2 < x->n && (!strcasecmp(next, "million") || !strcasecmp(next, "thousand"))) {
        size_t unit = rate_unit(x, at + 2, r, &seconds);
        return unit ? take_rate(x, at, r, value * (!strcasecmp(next, "million") ? 1e6 : 1e3) / seconds, 2 + unit) : 0;
    }
    bool asked = AMONG(*rest ? rest : next, request_units) || (!*rest && AMONG(next, stream_words) && at + 3 < x->n && !strcasecmp(x->w[at + 2], "per"));
    if (asked) {
        r->failed = true;
        bt_err_set(r->err, BT_E_USAGE, 0, "\"%s%s%s\" in the claim counts requests, and not how many tokens each has: only tokens are judged", w,
                   *rest ? "" : " ", *rest ? "" : next);
        bt_err_hint(r->err, "requests a second times the tokens of an answer, with \"N streams\"");
        return 1;
    }
    size_t margin = !*rest && !strcmp(next, "+-") && at + 2 < x->n ? 2 : 0; /* "145.3 +- 0.5 t/s" */
    size_t unit = *rest ? 0 : rate_unit(x, at + 1 + margin, r, &seconds);
    if (unit || (*rest && (seconds = unit_seconds(rest, r)) > 0))
        return take_rate(x, at, r, value / seconds, 1 + margin + unit);
    size_t first = below ? 0 : take_first(x, at, r, v, unit_text);
    if (first)
        return first;
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
    return below || (!whole_of(w, &n) && !AMONG(rest, stream_words)) ? 0 : take_counted(x, at, r, whole_of(w, &n) ? n : (uint64_t)BT_MAX(v, 0), rest);
}

/* llama-bench's tests, with the number that it prints: "tg128 45.3", "pp512: 3000 t/s", "pp 3000 tg 38". Words taken, 0 = it is none. */
static size_t take_test(const struct pc_words *x, size_t at, struct reading *r)
{
    const char *w = x->w[at], *value = at + 1 < x->n ? x->w[at + 1] : "", *rest;
    if (!strcmp(value, "=") && at + 2 < x->n) { /* "tg128 = 98": as "tg128 98" */
        struct pc_words without = *x;
        without.w[at + 1] = w;
        size_t n = take_test(&without, at + 1, r);
        return n ? n + 1 : 0;
    }
    bool reads = !strncasecmp(w, "pp", 2), writes = !strncasecmp(w, "tg", 2);
    double v, seconds;
    if ((!reads && !writes) || w[2 + strspn(w + 2, "0123456789")])
        return 0;
    long tokens = strtol(w + 2, NULL, 10);
    if (!pc_number_of(value, &v, &rest) || (reads && (w[2] ? tokens <= MAX_STAGES : v <= MAX_STAGES)))
        return 0;
    v *= thousands(&rest);
    size_t margin = !*rest && at + 3 < x->n && !strcmp(x->w[at + 2], "+-") ? 2 : 0;
    size_t unit = *rest ? 0 : rate_unit(x, at + 2 + margin, r, &seconds);
    if (*rest && !(unit_seconds(rest, r) > 0))
        return 0;
    if (reads)
        r->in = tokens ? (uint64_t)tokens : r->in;
    r->next = reads ? NEXT_PROMPT : NEXT_RATE;
    return 1 + take_rate(x, at + 1, r, v, 1 + margin + unit);
}

/* "batch 16", "b=16", "context 4096", "ctx=4k", "tp 4" */
static size_t take_named_number(const struct pc_words *x, size_t at, struct reading *r)
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
                      : AMONG(name, in_words) || !strcasecmp(name, "prompt") ? &r->in
                      : AMONG(name, out_words)                            ? &r->out
                      : AMONG(name, tensor_words)                         ? &out->tp
                      : AMONG(name, stage_words)                          ? &out->pp
                      : !strcasecmp(name, "dp") || !strcasecmp(name, "replicas") || !strcasecmp(name, "copies")
                          ? &out->engines
                      : !strcmp(name, "card-layers") ? &out->card_layers
                                                     : NULL;
    size_t more = !eq && at + 2 < x->n && (!strcasecmp(x->w[at + 1], "size") || !strcasecmp(x->w[at + 1], "of")) ? 1 : 0; /* "batch size 1" */
    at += more;
    const char *value = eq ? eq + 1 : at + 1 < x->n ? x->w[at + 1] : "";
    double spare;
    bool time = eq && (AMONG(name, step_words) || AMONG(name, first_words)); /* "TPOT=22ms" */
    if (time && pc_number_of(value, &spare, &value) && !strcasecmp(value, "ms")) {
        *(AMONG(name, step_words) ? &r->step_ms : &r->c.first_s) = AMONG(name, step_words) ? spare : spare / 1e3;
        return 1;
    }
    bool unit = !eq && to && rate_unit(x, at + 2, &(struct reading){ 0 }, &spare); /* "output 450 tok/s" */
    if (!to || unit || !whole_of(value, &n) || (to == &out->pp && n > MAX_STAGES))
        return 0;
    if (*to && *to != n)
        return fail(r, name, (double)*to, (double)n);
    *to = n;
    return (eq ? 1 : 2) + more;
}

static size_t take_engine(const struct pc_words *x, size_t at, struct bt_claim *out)
{
    if (!pc_engine_named(x->w[at], NULL))
        return 0;
    out->engine = x->w[at];
    const char *next = at + 1 < x->n ? x->w[at + 1] : "";
    const char *v = next + (*next == 'v');
    double ignored;
    const char *rest;
    bool number = pc_number_of(v, &ignored, &rest) && strchr(v, '.') && (!isalpha((unsigned char)*rest) || !strncmp(rest, "rc", 2)); /* "4.0bpw" is none */
    bool version = number && !AMONG(rest, rate_units) && !(at + 2 < x->n && AMONG(x->w[at + 2], rate_units));
    if (version)
        out->engine_version = v;
    return version ? 2 : 1;
}

static int finish(struct reading *r, struct bt_err *err)
{
    struct bt_claim *c = &r->c;
    if (c->kind && !(c->tok_s > 0) && !(r->step_ms > 0) && (c->prompt_tok_s > 0 || c->first_s > 0)) {
        bt_err_set(err, BT_E_USAGE, 0, "the claim is of reading prompts, and says nothing of decoding: only a rate of decoding is judged");
        return bt_err_hint(err, "berth pace MODEL --gpus FLEET --prompt N says when the first token is expected");
    }
    const char *missing = !c->model                                ? "no model"
                          : !c->kind                               ? "no card that the catalog knows"
                          : !(c->tok_s > 0) && !(r->step_ms > 0) ? "no rate (\"85 tok/s\")"
                                                                   : NULL;
    if (missing) {
        bt_err_set(err, BT_E_USAGE, 0, "the claim names %s", missing);
        return bt_err_hint(err, "a claim reads 'Qwen2.5-32B bf16, 4xA100-40GB, TP4, 85 tok/s'; cards are named as in `berth gpus --catalog`");
    }
    if (r->rack && !c->cards && !c->tp) {
        bt_err_set(err, BT_E_USAGE, 0, "\"%.20s\" in the claim is a rack, and not how many of its cards serve the model", r->rack);
        return bt_err_hint(err, "say how many: \"8x GB200\"");
    }
    if (c->cards > MOST_CARDS || c->tp > MOST_CARDS)
        return bt_err_set(err, BT_E_USAGE, 0, "the claim has %llu cards: at most %d are judged", (unsigned long long)BT_MAX(c->cards, c->tp), MOST_CARDS);
    c->pp = BT_MAX(c->pp, 1u);
    c->said_streams = c->streams > 0 || r->each;
    bool many = c->streams > 0 || c->engines > 1;
    c->engines = BT_MAX(c->engines, 1u);
    if (r->rows && !c->tp)
        c->tp = BT_MAX(c->cards / c->pp / c->engines, 1u);
    c->tp_said = c->tp > 0;
    pc_claim_engine(c);
    if (!c->tp)
        c->tp = BT_MAX(c->cards / c->pp / c->engines, 1u);
    if (!c->cards)
        c->cards = c->tp * c->pp * c->engines;
    if (c->tp * c->pp * c->engines > c->cards)
        return bt_err_set(err, BT_E_USAGE, 0, "TP=%llu x PP=%llu%s needs %llu cards, and the claim has %llu", (unsigned long long)c->tp,
                          (unsigned long long)c->pp, c->engines > 1 ? " times the engines" : "", (unsigned long long)(c->tp * c->pp * c->engines),
                          (unsigned long long)c->cards);
    if (r->total && !r->each && !many) {
        bt_err_set(err, BT_E_USAGE, 0, "the claim's rate is said to be of all streams together, and not how many those are");
        return bt_err_hint(err, "add \"N streams\"; of one alone say \"1 stream\"");
    }
    if (r->in || r->out)
        c->context = c->context ? c->context : r->in + r->out / 2;
    c->prompt = r->in;
    c->answer = r->out;
    c->streams = BT_MAX(c->streams, c->engines);
    c->tok_s *= r->per_card ? (double)c->cards : 1;
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

/* "4.25bpw" of EXL2: four bits and a little; others have no measured row. */
static bool take_bits_per_weight(const char *w, struct reading *r)
{
    double bits;
    const char *rest;
    if (!pc_number_of(w, &bits, &rest) || strcasecmp(rest, "bpw") != 0)
        return false;
    r->c.quantization = "exl2";
    if (bits < 3.75 || bits > 4.6) {
        r->failed = true;
        bt_err_set(r->err, BT_E_USAGE, 0, "\"%.20s\" in the claim: of EXL2 about 4 bits a weight are judged, no others were measured", w);
    }
    return true;
}

/* Words that say how, not what: bits, a draft, whose rate it is. Words taken, 0 = none of them. */
static size_t take_manner(const struct pc_words *x, size_t at, struct reading *r)
{
    const char *w = x->w[at], *next = at + 1 < x->n ? x->w[at + 1] : "";
    uint64_t cards;
    for (size_t i = 0; i < BT_LEN(bit_words); i++) {
        bool two = strlen(w) < 3 && !strcasecmp(next, "bit") && !strncmp(bit_words[i].said, w, strlen(w)) && bit_words[i].said[strlen(w)] == '-';
        if (!strcasecmp(w, bit_words[i].said) || two)
            return r->c.quantization = bit_words[i].meant, two ? 2 : 1;
    }
    if (!strcasecmp(w, "half") && !strcasecmp(next, "precision"))
        return r->c.quantization = "fp16", 2;
    if (!strcasecmp(w, "half") || !strcasecmp(w, "quarter")) { /* "half an H100", and "half on an H100" could be either */
        r->failed = true;
        bt_err_set(r->err, BT_E_USAGE, 0, "\"%s %.20s\" in the claim: a part of a card, or 16 bits? Say fp16, or the whole card", w, next);
        return 1;
    }
    if (AMONG(w, no_words) && AMONG(next, draft_words)) {
        r->no_draft = true;
        return 2;
    }
    if (AMONG(w, draft_words)) {
        if (r->no_draft)
            return 1;
        bool off = !strcasecmp(next, "off") || !strcasecmp(next, "disabled");
        r->no_draft = off;
        r->c.speculation = !off;
        bool many = next[0] && strchr("nNkK", next[0]) && (next[1] == '=' || isdigit((unsigned char)next[1])); /* "MTP n=3" */
        return 1 + (off || many);
    }
    if (AMONG(w, host_words)) {
        r->failed = true;
        bt_err_set(r->err, BT_E_USAGE, 0, "\"%s\" in the claim: a part of the model that the processor computes is not judged, only cards are", w);
        return 1;
    }
    if (!strcasecmp(w, "gguf"))
        return r->c.gguf = true, 1;
    if (!strcasecmp(w, "split-rows"))
        return r->rows = r->c.gguf = true, 1;
    if (take_bits_per_weight(w, r))
        return 1;
    if (r->c.kind && !r->c.cards && (w[0] | 0x20) == 'x' && whole_of(w + 1, &cards)) /* "DGX Spark x2" */
        return r->c.cards = cards, 1;
    if (!strcasecmp(w, "chunked"))
        return 1 + !strcasecmp(next, "prefill");
    if (!strcasecmp(w, "pcie") || !strncasecmp(w, "gen", 3)) { /* "PCIe 4.0 x8" */
        size_t n = 1;
        while (at + n < x->n && !x->starts[at + n] && pc_is_lanes(x->w[at + n]))
            n++;
        return !strcasecmp(w, "pcie") || pc_is_lanes(w) ? n : 0;
    }
    if (AMONG(w, total_words))
        return r->total = true, 1;
    if (AMONG(w, prompt_words) || AMONG(w, first_words))
        return r->next = AMONG(w, prompt_words) ? NEXT_PROMPT : NEXT_FIRST, 1;
    if ((!strcasecmp(w, "first") || !strcasecmp(w, "1st")) && AMONG(next, token_words))
        return r->next = NEXT_FIRST, 2;
    if ((!strcasecmp(w, "tensor") || !strcasecmp(w, "pipeline")) && !strncasecmp(next, "parallel", 8)) {
        double spare_seconds;
        bool rate = at + 3 < x->n && rate_unit(x, at + 3, &(struct reading){ 0 }, &spare_seconds); /* "tensor parallel 48 t/s" */
        if (at + 2 >= x->n || x->starts[at + 2] || !isdigit((unsigned char)x->w[at + 2][0]) || rate)
            return 2; /* how, and not how many: all cards */
        struct reading spare = *r;
        struct pc_words two = *x;
        two.w[at + 1] = *w == 't' || *w == 'T' ? "tp" : "pp";
        size_t n = take_named_number(&two, at + 1, &spare);
        *r = n ? spare : *r;
        return n ? n + 1 : 0;
    }
    double watts;
    const char *unit;
    if (pc_number_of(w, &watts, &unit) && (!strcasecmp(unit, "w") || !strcasecmp(unit, "bit")))
        return !strcasecmp(unit, "w") ? 1 : 0;
    if (!strcasecmp(w, "per-card"))
        return r->per_card = r->total = true, 1;
    if (!strcasecmp(w, "each") || (!strcasecmp(w, "per") && AMONG(next, one_of_them)))
        return r->each = true, strcasecmp(w, "each") ? 2 : 1;
    struct bt_claim later = { 0 };
    bool before = !r->c.kind && at + 1 < x->n && isdigit((unsigned char)*w) && take_card(x, at + 1, &later) &&
                  pc_is_its_memory(w, later.kind); /* "24GB 7900XTX" */
    return before || pc_is_its_memory(w, r->c.kind) || pc_other_by_memory(x, at, &r->c) ? 1 : 0;
}

/* "bs1", "b64", "c16", "batch32": streams, where it is no card (B200). */
static size_t take_fused_streams(const struct pc_words *x, size_t at, struct reading *r)
{
    static const char *const heads[] = { "batch", "bsz", "bs", "b", "c", "conc" };
    const char *w = x->w[at];
    for (size_t i = 0; i < BT_LEN(heads); i++) {
        size_t n = strlen(heads[i]);
        uint64_t streams;
        if (strncasecmp(w, heads[i], n) || !isdigit((unsigned char)w[n]) || w[n + strspn(w + n, "0123456789")] || !whole_of(w + n, &streams))
            continue;
        if (n == 1 && streams > 64 && (streams & (streams - 1))) /* B100, C2050: no batch that anybody measures */
            return 0;
        if (r->c.streams && r->c.streams != streams)
            return fail(r, "streams", (double)r->c.streams, (double)streams);
        r->c.streams = streams;
        return 1;
    }
    return 0;
}

/* A word of none of these kinds is the model's name, or a part of it. */
static int take_model(const struct pc_words *x, size_t at, size_t *model_end, struct reading *r, struct bt_err *err)
{
    bool digit = isdigit((unsigned char)x->w[at][0]), range = digit && strspn(x->w[at], "0123456789.k-") == strlen(x->w[at]) && strchr(x->w[at], '-');
    if (!r->c.model && !range && !(digit && at + 1 < x->n && AMONG(x->w[at + 1], token_words))) {
        r->c.model = x->w[at];
    } else if (at == *model_end && !x->starts[at]) { /* "Qwen2.5 32B" */
        r->c.model = bt_arena_printf(x->a, "%s-%s", r->c.model, x->w[at]);
    } else {
        bt_auto_buf struct bt_buf shown = BT_BUF(512);
        bt_buf_add_escaped(&shown, (struct bt_str){ x->w[at], strnlen(x->w[at], 60) });
        if (digit && at + 1 < x->n && !x->starts[at + 1] && !isdigit((unsigned char)x->w[at + 1][0])) { /* with its unit */
            bt_buf_puts(&shown, " ");
            bt_buf_add_escaped(&shown, (struct bt_str){ x->w[at + 1], strnlen(x->w[at + 1], 60) });
        }
        if (r->c.model) { /* which may be the word that was meant otherwise: "not more than 10 tok/s with Qwen3" */
            bt_auto_buf struct bt_buf model = BT_BUF(256);
            bt_buf_add_escaped(&model, (struct bt_str){ r->c.model, strnlen(r->c.model, 60) });
            bt_err_set(err, BT_E_USAGE, 0, "\"%s\" in the claim is not understood; the model is taken to be \"%s\"", bt_buf_z(&shown), bt_buf_z(&model));
        } else {
            bt_err_set(err, BT_E_USAGE, 0, "\"%s\" in the claim is not understood", bt_buf_z(&shown));
        }
        if (range)
            return bt_err_hint(err, "a range is no claim: say one rate");
        return bt_err_hint(err, "a claim reads 'Qwen2.5-32B bf16, 4xA100-40GB, TP4, 85 tok/s'; also: an engine and version, N streams, context N");
    }
    *model_end = at + 1;
    return 0;
}

int bt_claim_parse(struct bt_arena *a, struct bt_str text, struct bt_claim *out, struct bt_err *err)
{
    struct pc_words x = { .a = a };
    struct reading r = { .err = err };
    enum bt_pace_kernel kernel;
    size_t model_end = 0;
    *out = (struct bt_claim){ 0 };
    if (text.n > MAX_CLAIM)
        return bt_err_set(err, BT_E_USAGE, 0, "a claim of %zu bytes: at most %d", text.n, MAX_CLAIM);
    if (cut_words(pc_claim_text(a, text), &x, err) < 0)
        return -1;
    pc_claim_phrases(&x);
    for (size_t i = 0, n; i < x.n && !r.failed; i += n) {
        if ((n = take_test(&x, i, &r)) || (n = take_shapes(x.w[i], &r)) || (n = take_named_number(&x, i, &r)) || (n = take_number(&x, i, &r)))
            continue;
        if ((n = r.c.kind ? take_card_again(&x, i, &r) : take_card(&x, i, &r.c))) {
            if (pc_other_card(&x, i, i + n, err) < 0)
                return -1;
            continue;
        }
        if ((n = take_manner(&x, i, &r)) || (n = take_fused_streams(&x, i, &r)))
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
        if (!strncasecmp(x.w[i], "nvl", 3) && isdigit((unsigned char)x.w[i][3])) {
            r.rack = x.w[i];
            continue;
        }
        if (AMONG(x.w[i], noise) || AMONG(x.w[i], step_words))
            continue;
        if (take_model(&x, i, &model_end, &r, err) < 0)
            return r.c.kind && !pc_no_card(x.w[i]) ? -1 : pc_name_other(&x, r.c.kind ? i : 0, err);
    }
    if (r.failed || finish(&r, err) < 0)
        return r.failed || r.c.kind ? -1 : pc_name_other(&x, 0, err);
    *out = r.c;
    return 0;
}

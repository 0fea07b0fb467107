/* claim_phrases - what people write in several words, put as the reader of claims has it. */
#include <ctype.h>

#include "pace/claim_int.h"

#define MOST_SAID 4

/* "#": a number, "@": a format of numbers, "%": billions of parameters ("0.5B"). `meant` has "#" for the number that was said, "#ms" with a unit; none = it
 * says nothing that is judged. */
static const struct {
    const char *said[MOST_SAID], *meant[3];
} phrases[] = {
    { { "single", "stream" }, { "1", "stream" } },
    { { "single", "request" }, { "1", "stream" } },
    { { "single", "sequence" }, { "1", "stream" } },
    { { "single", "batch" }, { "batch", "1" } },
    { { "#", "replicas" }, { "replicas", "#" } },
    { { "#", "copies" }, { "replicas", "#" } },
    { { "#", "instances" }, { "replicas", "#" } },
    { { "concurrent", "request" }, { "concurrent" } },
    { { "#", "request" }, { "#", "stream" } },
    { { "#", "req", "concurrency" }, { "concurrency", "#" } },
    { { "inter-token", "latency" }, { "itl" } },
    { { "inter", "token", "latency" }, { "itl" } },
    { { "time", "per", "output", "token" }, { "tpot" } },
    { { "time", "to", "first", "token" }, { "ttft" } },
    { { "to", "first", "token" }, { "ttft" } },
    { { "first", "token", "in" }, { "ttft" } },
    { { "first", "token", "after" }, { "ttft" } },
    { { "first", "token" }, { "ttft" } },
    { { "ttft", "in" }, { "ttft" } },
    { { "at", "a", "time" }, { NULL } },
    { { "one", "request" }, { "1", "stream" } },
    { { "one", "stream" }, { "1", "stream" } },
    { { "t/s", "tg128" }, { "t/s" } },
    { { "experts", "on", "cpu" }, { "cpu" } },
    { { "experts", "in", "ram" }, { "ram" } },
    { { "apiece" }, { "each" } },
    { { "tpot", "of" }, { "tpot" } },
    { { "itl", "of" }, { "itl" } },
    { { "ttft", "of" }, { "ttft" } },
    { { "each", "of", "#", "gpus" }, { "per-card", "#", "gpus" } },
    { { "each", "of", "#", "cards" }, { "per-card", "#", "cards" } },
    { { "drops", "to" }, { NULL } },
    { { "slows", "to" }, { NULL } },
    { { "output", "tokens", "per", "second" }, { "tok/s" } },
    { { "output", "tokens", "per", "sec" }, { "tok/s" } },
    { { "output", "tok/sec" }, { "tok/s" } },
    { { "output", "tokens/sec" }, { "tok/s" } },
    { { "output", "tokens/second" }, { "tok/s" } },
    { { "#", "input", "tok/s" }, { "prompt", "#tok/s" } },
    { { "#", "input", "tokens/s" }, { "prompt", "#tok/s" } },
    { { "p50" }, { NULL } },
    { { "+-", "#" }, { NULL } },
    { { "std", "#" }, { NULL } },
    { { "isl/osl" }, { NULL } },
    { { "output", "token", "throughput" }, { "throughput" } },
    { { "generation", "throughput" }, { "throughput" } },
    { { "lm", "studio" }, { "lmstudio" } },
    { { "row", "split" }, { "split-rows" } },
    { { "split", "row" }, { "split-rows" } },
    { { "split", "mode", "row" }, { "split-rows" } },
    { { "split-mode", "row" }, { "split-rows" } },
    { { "sm", "row" }, { "split-rows" } },
    { { "split-mode", "layer" }, { NULL } },
    { { "sm", "layer" }, { NULL } },
    { { "layer", "split" }, { NULL } },
    { { "%", "draft", "model" }, { "draft" } },
    { { "%", "draft" }, { "draft" } },
    { { "@", "kv", "cache" }, { NULL } },
    { { "kv", "cache", "in", "@" }, { NULL } },
    { { "kv", "cache", "@" }, { NULL } },
    { { "@", "kv" }, { NULL } },
    { { "kv", "@" }, { NULL } },
    { { "prompt", "eval", "time" }, { "prompt" } },
    { { "eval", "time" }, { NULL } },
    { { "fa", "#" }, { NULL } },
    { { "ub", "#" }, { NULL } },
    { { "tpot", "ms", "#" }, { "tpot", "#ms" } },
    { { "itl", "ms", "#" }, { "itl", "#ms" } },
    { { "ttft", "ms", "#" }, { "ttft", "#ms" } },
    { { "throughput", "tok/s", "#" }, { "throughput", "#tok/s" } },
    { { "throughput", "token/s", "#" }, { "throughput", "#tok/s" } },
    { { "gen", "throughput" }, { "throughput" } },
    { { "tok_s", "#" }, { "#", "tok/s" } },
    { { "tokens_per_second", "#" }, { "#", "tok/s" } },
    { { "out", "tok/s" }, { "tok/s" } },
    { { "output", "tok/s" }, { "tok/s" } },
    { { "output", "tokens/s" }, { "tok/s" } },
    { { "per", "output", "token" }, { "per", "token" } },
    { { "#", "reqs" }, { "#", "stream" } },
    { { "running-req", "#" }, { "#", "stream" } },
    { { "q4_k", "-", "medium" }, { "q4_k_m" } },
    { { "q5_k", "-", "medium" }, { "q5_k_m" } },
    { { "q4_k", "-", "small" }, { "q4_k_s" } },
    { { "q5_k", "-", "small" }, { "q5_k_s" } },
    { { "bnb", "4bit" }, { "bnb-4bit" } },
    { { "load_in_4bit" }, { "bnb-4bit" } },
    { { "torchao", "int4wo" }, { "int4" } },
    { { "int4wo" }, { "int4" } },
    { { "thinking", "off" }, { NULL } },
    { { "thinking", "on" }, { NULL } },
    { { "turbomind" }, { "lmdeploy" } },
    { { "lmdeploy", "lmdeploy" }, { "lmdeploy" } },
    { { "python" }, { NULL } },
    { { "python3" }, { NULL } },
    { { "sglang.launch_server" }, { "sglang" } },
    { { "vllm.entrypoints.openai.api_server" }, { "vllm" } },
    { { "model-path" }, { NULL } },
    { { "m", "sglang.launch_server" }, { "sglang" } },
    { { "m", "vllm.entrypoints.openai.api_server" }, { "vllm" } },
    { { "hqq", "4bit" }, { "int4" } },
    { { "llama-server", "m" }, { "llama.cpp" } },
    { { "llama-cli", "m" }, { "llama.cpp" } },
    { { "./llama-server", "m" }, { "llama.cpp" } },
    { { "./llama-cli", "m" }, { "llama.cpp" } },
    { { "llama-bench", "m" }, { "llama.cpp" } },
    { { "./llama-bench", "m" }, { "llama.cpp" } },
    { { "p", "#" }, { NULL } },
    { { "n", "#" }, { NULL } },
    { { "max-model-len", "#" }, { NULL } }, /* limits: what may be, not what was read */
    { { "ctx-size", "#" }, { NULL } },
    { { "gpu-memory-utilization", "#" }, { NULL } },
    { { "max-num-seqs", "#" }, { NULL } },
    { { "spec-type", "draft-mtp" }, { "mtp" } },
    { { "spec-draft-n-max", "#" }, { NULL } },
    { { "driver", "#" }, { NULL } },
    { { "cuda", "#" }, { NULL } },
    { { "rocm", "#" }, { NULL } },
};

static bool is_format(const char *w)
{
    static const char *const of_caches[] = { "8-bit", "8bit", "4-bit", "q8", "fp8_e4m3", "fp8_e5m2" };
    enum bt_pace_kernel kernel;
    bool cache = false;
    for (size_t i = 0; i < BT_LEN(of_caches); i++)
        cache = cache || !strcasecmp(w, of_caches[i]);
    return cache || pc_kernel_named(w, &kernel);
}

static bool is_said(const char *said, const char *w)
{
    double v;
    const char *rest;
    switch (*said) {
    case '#': return pc_number_of(w, &v, &rest) && !*rest;
    case '%': return pc_number_of(w, &v, &rest) && !strcasecmp(rest, "b");
    case '@': return is_format(w);
    default: return !strcasecmp(said, w);
    }
}

static void remove_words(struct pc_words *x, size_t at, size_t n)
{
    if (!n)
        return;                      /* a phrase of as many words as it means, perhaps behind the last one there may be */
    bool start = x->starts[at];
    memmove(&x->w[at], &x->w[at + n], (x->n - at - n) * sizeof *x->w);
    memmove(&x->starts[at], &x->starts[at + n], (x->n - at - n) * sizeof *x->starts);
    x->n -= n;
    if (at < x->n)
        x->starts[at] = x->starts[at] || start;
}

/* The phrase at this word. False: it is none. */
static bool put_phrase(struct pc_words *x, size_t at, size_t p)
{
    size_t n = 0;
    const char *number = NULL;
    while (n < MOST_SAID && phrases[p].said[n]) {
        bool card = *phrases[p].said[n] == '#' && at + n < x->n && x->starts[at + n] && pc_card_said(x->a, x->w[at + n]); /* "-fa, 4090" */
        if (at + n >= x->n || card || !is_said(phrases[p].said[n], x->w[at + n]))
            return false;
        number = *phrases[p].said[n] == '#' ? x->w[at + n] : number;
        n++;
    }
    size_t kept = 0;
    for (; kept < BT_LEN(phrases[p].meant) && phrases[p].meant[kept]; kept++)
        x->w[at + kept] = *phrases[p].meant[kept] != '#' ? phrases[p].meant[kept]
                          : phrases[p].meant[kept][1]    ? bt_arena_printf(x->a, "%s%s", number, phrases[p].meant[kept] + 1)
                                                         : number;
    remove_words(x, at + kept, n - kept);
    return true;
}

/* "500 tokens in 4 seconds", "128 tokens took 900 ms": a rate. */
static void put_tokens_in_time(struct pc_words *x, size_t at)
{
    static const struct {
        const char *unit;
        double seconds;
    } units[] = { { "s", 1 }, { "sec", 1 }, { "secs", 1 }, { "seconds", 1 }, { "ms", 1e-3 }, { "minutes", 60 }, { "min", 60 } };
    double tokens, time;
    const char *rest, *unit;
    if (at + 3 >= x->n || !pc_number_of(x->w[at], &tokens, &rest) || *rest || strncasecmp(x->w[at + 1], "tok", 3) ||
        (strcasecmp(x->w[at + 2], "in") && strcasecmp(x->w[at + 2], "took")) ||
        !pc_number_of(x->w[at + 3], &time, &unit) || !(time > 0))
        return;
    bool apart = !*unit;
    unit = apart ? at + 4 < x->n ? x->w[at + 4] : "" : unit;
    for (size_t i = 0; i < BT_LEN(units); i++)
        if (!strcasecmp(unit, units[i].unit)) {
            x->w[at] = bt_arena_printf(x->a, "%.10g", tokens / (time * units[i].seconds));
            x->w[at + 1] = "tok/s";
            remove_words(x, at + 2, 2 + apart);
            return;
        }
}

/* "7.3 s for 1k tokens", "10 seconds for 500 tokens": the tokens first, for the one above. Behind "TTFT" they are the prompt's. */
static void put_time_for_tokens(struct pc_words *x, size_t at)
{
    double time, tokens;
    const char *unit, *rest, *apart;
    if (!pc_number_of(x->w[at], &time, &unit))
        return;
    size_t n = *unit ? 1 : 2;
    if (at + n + 2 >= x->n || strcasecmp(x->w[at + n], "for") || !pc_number_of(x->w[at + n + 1], &tokens, &rest) || strncasecmp(x->w[at + n + 2], "tok", 3))
        return;
    bool k = (*rest | 0x20) == 'k' && !rest[1];
    apart = n > 1 ? x->w[at + 1] : unit;
    if (!*apart || (*rest && !k))
        return;
    if (at && !strcasecmp(x->w[at - 1], "ttft")) {
        x->w[at + n] = bt_arena_printf(x->a, "isl=%.0f", tokens * (k ? 1000 : 1));
        remove_words(x, at + n + 1, 2);
        return;
    }
    const char *number = bt_arena_printf(x->a, "%g", time);
    x->w[at] = bt_arena_printf(x->a, "%.0f", tokens * (k ? 1000 : 1));
    x->w[at + 1] = "tokens";
    x->w[at + 2] = "in";
    x->w[at + 3] = bt_arena_printf(x->a, "%s%s", number, apart);
    if (n > 1)
        remove_words(x, at + 4, 1);
}

/* "for 2k prompt", "at a 2000-token prompt", "2048 prompt tokens": how long it is. A number alone before "prompt" may be its rate. */
static void put_prompt_length(struct pc_words *x, size_t at)
{
    static const char *const of_one[] = { "for", "at", "with", "on", "a" };
    double n;
    const char *rest, *before = at ? x->w[at - 1] : "", *next = at + 1 < x->n ? x->w[at + 1] : "", *third = at + 2 < x->n ? x->w[at + 2] : "";
    if (strncasecmp(next, "prompt", 6) || (next[6] && strcasecmp(next + 6, "s")) || !pc_number_of(x->w[at], &n, &rest))
        return;
    bool k = (*rest | 0x20) == 'k', tokens = !strcasecmp(third, "tokens"), said = k || tokens;
    rest += k;
    for (size_t i = 0; i < BT_LEN(of_one); i++)
        said = said || !strcasecmp(before, of_one[i]);
    bool itself = !strncasecmp(rest, "-tok", 4) || !strncasecmp(rest, "tok", 3);
    if ((*rest && (!itself || strchr(rest, '/'))) || (!said && !itself) || n * (k ? 1000 : 1) < 16 || strchr(third, '/'))
        return;
    x->w[at] = bt_arena_printf(x->a, "isl=%.0f", n * (k ? 1000 : 1));
    remove_words(x, at + 1, 1u + tokens);
}

/* "-ngl 99", "--n-gpu-layers 20", "ngl=20": layers on the card. "-ngl all", and as many as fit ("auto", "-1"): what is
 * judged fits, and nothing is left of it. */
static bool put_card_layers(struct pc_words *x, size_t at)
{
    static const char *const flags[] = { "ngl", "n-gpu-layers", "gpu-layers" };
    for (size_t i = 0; i < BT_LEN(flags); i++) {
        size_t n = strlen(flags[i]);
        bool fused = !strncasecmp(x->w[at], flags[i], n) && x->w[at][n] == '=', apart = !strcasecmp(x->w[at], flags[i]) && at + 1 < x->n;
        double v;
        const char *rest, *number = fused ? x->w[at] + n + 1 : apart ? x->w[at + 1] : "";
        if (!strcasecmp(number, "all") || !strcasecmp(number, "auto") || !strcmp(number, "-1")) {
            remove_words(x, at, 1 + apart);
            return true;
        }
        if (!pc_number_of(number, &v, &rest) || *rest)
            continue;
        x->w[at] = v < 1 ? "ngl=0" : bt_arena_printf(x->a, "card-layers=%.0f", v);
        remove_words(x, at + 1, apart);
        return false;
    }
    return false;
}

/* "0.02 s/token", "0.02 seconds per token", "TPOT 0.012 s": milliseconds of one. */
static void put_seconds_of_token(struct pc_words *x, size_t at)
{
    static const char *const fused[] = { "s/token", "s/tok", "sec/token", "seconds/token" }, *const units[] = { "s", "sec", "seconds" };
    double time;
    const char *unit;
    if (at + 1 >= x->n || !pc_number_of(x->w[at], &time, &unit))
        return;
    size_t words = *unit ? 1 : 2; /* of the number and its unit */
    unit = *unit ? unit : x->w[at + 1];
    const char *one = at + words < x->n ? x->w[at + words] : "", *two = at + words + 1 < x->n ? x->w[at + words + 1] : "";
    bool whole = false, seconds = false, named = at > 0 && (!strcasecmp(x->w[at - 1], "tpot") || !strcasecmp(x->w[at - 1], "itl"));
    for (size_t i = 0; i < BT_LEN(fused); i++)
        whole = whole || !strcasecmp(unit, fused[i]);
    for (size_t i = 0; i < BT_LEN(units); i++)
        seconds = seconds || !strcasecmp(unit, units[i]);
    bool said = seconds && (!strcasecmp(one, "per") || !strcmp(one, "/") || !strcasecmp(one, "a")) && (!strcasecmp(two, "token") || !strcasecmp(two, "tok"));
    if (!whole && !said && !(seconds && named))
        return;
    x->w[at] = bt_arena_printf(x->a, "%.10gms/token", time * 1e3);
    remove_words(x, at + 1, words - 1 + (said ? 2 : 0));
}

/* "forty tok/s", "thirty-five tok/s", "a hundred tokens per second": in digits. */
static void put_tens(struct pc_words *x, size_t at)
{
    static const char *const tens[] = { "ten", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety", "hundred" };
    static const char *const ones[] = { "one", "two", "three", "four", "five", "six", "seven", "eight", "nine" };
    const char *unit = at + 1 < x->n ? x->w[at + 1] : "";
    bool rate = !strncasecmp(unit, "tok", 3) || !strcasecmp(unit, "t/s") || !strcasecmp(unit, "tps");
    bool part = at > 0 && !x->starts[at] && (pc_count_word(x->w[at - 1]) > 1 || !strcasecmp(x->w[at - 1], "and")); /* "two hundred", "hundred and forty" */
    for (size_t i = 1; rate && !part && i < 9; i++) {
        size_t n = strlen(tens[i]);
        for (size_t k = 0; k < BT_LEN(ones) && !strncasecmp(x->w[at], tens[i], n) && x->w[at][n] == '-'; k++)
            if (!strcasecmp(x->w[at] + n + 1, ones[k])) {
                x->w[at] = bt_arena_printf(x->a, "%zu", 10 * (i + 1) + k + 1);
                return;
            }
    }
    for (size_t i = 0; rate && !part && i < BT_LEN(tens); i++)
        if (!strcasecmp(x->w[at], tens[i])) {
            bool one = i + 1 == BT_LEN(tens) && at > 0 && !x->starts[at] && pc_count_word(x->w[at - 1]) == 1; /* "a hundred" */
            x->w[at] = bt_arena_printf(x->a, "%zu", 10 * (i + 1));
            if (one)
                remove_words(x, at - 1, 1);
            return;
        }
}

/* "900 tok/s per GPU", "on each card", "per H100": a rate of one card. "80 GB per GPU", "300 W per card": none. */
static void put_per_card(struct pc_words *x, size_t at)
{
    static const char *const cards[] = { "gpu", "card", "device" };
    static const char *const others[] = { "w", "watts", "watt", "gb", "gib", "g", "vram", "memory", "power", "limit" };
    bool follows = at + 1 < x->n && !x->starts[at + 1] && (!strcasecmp(x->w[at], "per") || !strcasecmp(x->w[at], "each"));
    bool card = follows && pc_card_said(x->a, x->w[at + 1]);
    for (size_t i = 0; follows && i < BT_LEN(cards); i++)
        card = card || !strcasecmp(x->w[at + 1], cards[i]);
    double v;
    const char *before = at > 0 && card ? x->w[at - 1] : "", *unit = before;
    if (!card || (pc_number_of(before, &v, &unit) && !*unit))
        return;
    for (size_t i = 0; i < BT_LEN(others); i++)
        if (!strcasecmp(unit, others[i]))
            return;
    x->w[at] = "per-card";
}

/* This word as two. */
static void cut_in_two(struct pc_words *x, size_t at, const char *one, const char *two)
{
    memmove(&x->w[at + 1], &x->w[at], (x->n - at) * sizeof *x->w);
    memmove(&x->starts[at + 1], &x->starts[at], (x->n - at) * sizeof *x->starts);
    x->n++;
    x->w[at] = one;
    x->w[at + 1] = two;
    x->starts[at + 1] = false;
}

static const char *first_of(const struct pc_words *x, const char *w, size_t n) { return bt_arena_strndup(x->a, (struct bt_str){ w, n }); }

/* A cell of llama-bench's tables that says nothing which is judged: bytes, parameters, backend, layers on the card. Words of them from `at` on. */
static size_t bench_cells(const struct pc_words *x, size_t at)
{
    double v;
    const char *rest, *unit = at + 1 < x->n ? x->w[at + 1] : "";
    if (at + 6 >= x->n || !x->starts[at] || !pc_number_of(x->w[at], &v, &rest) || *rest || strcasecmp(unit, "gib") || !x->starts[at + 2] ||
        !pc_number_of(x->w[at + 2], &v, &rest) || *rest || strcasecmp(x->w[at + 3], "b") || !x->starts[at + 4] || !x->starts[at + 5])
        return 0;
    return pc_number_of(x->w[at + 5], &v, &rest) && !*rest ? 6 : 5;
}

/* "tg128@d16384", "tg32 @ d4096": of llama-bench, behind so many tokens. */
static void put_depth(struct pc_words *x, size_t at)
{
    const char *w = x->w[at], *next = at + 1 < x->n ? x->w[at + 1] : "", *cut = strchr(w, '@');
    size_t head = cut ? (size_t)(cut - w) : strlen(w);
    if (head < 3 || (strncasecmp(w, "tg", 2) && strncasecmp(w, "pp", 2)) || strspn(w + 2, "0123456789") != head - 2)
        return;
    const char *depth = cut ? cut + 1 : next;
    if ((*depth | 0x20) != 'd' || !depth[1] || strspn(depth + 1, "0123456789") != strlen(depth + 1) || (cut && x->n >= PC_MAX_WORDS))
        return;
    const char *test = first_of(x, w, head), *context = bt_arena_printf(x->a, "context=%s", depth + 1);
    if (cut)
        cut_in_two(x, at, context, test);
    else
        x->w[at] = context, x->w[at + 1] = test;
}

/* "model=Qwen3-8B", "gpu=RTX4090": what is behind the sign. "-c 8192": a limit. */
static void put_value(struct pc_words *x, size_t at)
{
    static const char *const keys[] = { "model=", "gpu=", "card=", "engine=", "quant=", "quantization=", "dtype=", "model:", "gpu:" };
    for (size_t i = 0; i < BT_LEN(keys); i++) {
        size_t n = strlen(keys[i]);
        if (!strncasecmp(x->w[at], keys[i], n) && x->w[at][n])
            x->w[at] += n;
    }
    const char *next = at + 1 < x->n ? x->w[at + 1] : "";
    if (!strcmp(x->w[at], "c") && strlen(next) > 3 && strspn(next, "0123456789") == strlen(next))
        x->w[at] = "ctx-size"; /* which a phrase leaves out */
    if (!strncasecmp(x->w[at], "tok/s=", 6) && isdigit((unsigned char)x->w[at][6]))
        x->w[at] = bt_arena_printf(x->a, "%stok/s", x->w[at] + 6);
}

/* "2048/512": tokens of a prompt and of an answer. "Qwen3-8B@Q4_K_M": a name and a format. "16 GB", "H100 x 2": in one word. "NCCL_P2P_DISABLE=1": nothing.
 * "3090 3090": two. */
static void put_signs(struct pc_words *x, size_t at)
{
    double v, other;
    put_depth(x, at);
    put_value(x, at);
    const char *w = x->w[at], *rest, *next = at + 1 < x->n ? x->w[at + 1] : "", *cut = strchr(w, '@'), *eq = strchr(w, '=');
    size_t cells = bench_cells(x, at);
    if (cells && pc_number_of(x->w[at + cells - 1], &v, &rest)) { /* 6 cells: the last is of layers on the card */
        x->w[at] = v < 1 ? "ngl=0" : bt_arena_printf(x->a, "card-layers=%.0f", v);
        remove_words(x, at + 1, cells - 1);
    } else if (cells) {
        remove_words(x, at, cells);
    } else if (pc_number_of(w, &v, &rest) && *rest == '/' && v >= 16 && pc_number_of(rest + 1, &other, &rest) && !*rest && other >= 16 && x->n < PC_MAX_WORDS)
        cut_in_two(x, at, bt_arena_printf(x->a, "isl=%.0f", v), bt_arena_printf(x->a, "osl=%.0f", other));
    else if (cut && cut > w && is_format(cut + 1) && x->n < PC_MAX_WORDS)
        cut_in_two(x, at, first_of(x, w, (size_t)(cut - w)), cut + 1);
    else if (pc_number_of(w, &v, &rest) && !*rest && (!strcasecmp(next, "gb") || !strcasecmp(next, "gib"))) {
        x->w[at] = bt_arena_printf(x->a, "%sGB", w);
        remove_words(x, at + 1, 1);
    } else if (at > 0 && !strcasecmp(w, "x") && pc_number_of(next, &v, &rest) && !*rest && v <= 16 && !isdigit((unsigned char)x->w[at - 1][0])) {
        x->w[at] = bt_arena_printf(x->a, "x%s", next);
        remove_words(x, at + 1, 1);
    } else if (eq && strspn(w, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") == (size_t)(eq - w) && memchr(w, '_', (size_t)(eq - w))) {
        remove_words(x, at, 1);
    } else if (!strcasecmp(w, next) && isdigit((unsigned char)*w) && pc_card_said(x->a, w)) {
        x->w[at] = bt_arena_printf(x->a, "2x%s", w);
        remove_words(x, at + 1, 1);
    }
}

/* "vLLM==0.11.0", "vllm-0.11", "sglang:v0.5.4": an engine and its version. */
static void cut_version(struct pc_words *x, size_t at)
{
    const char *w = x->w[at], *cut = strpbrk(w, "=:@-");
    if (!cut || x->n >= PC_MAX_WORDS)
        return;
    const char *version = cut + strspn(cut, "=:@-");
    version += *version == 'v';
    if (isdigit((unsigned char)*version) && strchr(version, '.') && pc_engine_named(first_of(x, w, (size_t)(cut - w)), NULL))
        cut_in_two(x, at, first_of(x, w, (size_t)(cut - w)), version);
}

static bool put_any_phrase(struct pc_words *x, size_t at)
{
    for (size_t p = 0; at < x->n && p < BT_LEN(phrases); p++)
        if (put_phrase(x, at, p))
            return true;
    return false;
}

void pc_claim_phrases(struct pc_words *x)
{
    for (size_t at = 0; at < x->n; at++)
        do { /* what moved up is looked at again; no phrase means another one, so that this ends */
            while (at < x->n && put_card_layers(x, at)) {}
            if (at >= x->n)
                break;
            cut_version(x, at);
            put_signs(x, at);
            if (at < x->n)
                put_time_for_tokens(x, at), put_prompt_length(x, at), put_tokens_in_time(x, at), put_seconds_of_token(x, at), put_tens(x, at),
                    put_per_card(x, at);
        } while (put_any_phrase(x, at) && at < x->n);
}

bool pc_could_be_thousands(const char *number, double v)
{
    const char *point = strchr(number, '.');
    return point && strspn(point + 1, "0123456789") == 3 && !isdigit((unsigned char)point[4]) && v >= 1 && v <= 20;
}

bool pc_is_lanes(const char *w)
{
    bool gen = !strncasecmp(w, "gen", 3), x = (w[0] | 0x20) == 'x';
    w += gen ? 3 : x;
    size_t digits = strspn(w, "0123456789");
    return digits > 0 && digits < 3 && (!w[digits] || (!gen && !x && !strcmp(w + digits, ".0")));
}

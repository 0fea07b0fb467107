/* vllm_log.c - what a line of vLLM's output tells. One table for all versions: wordings change, their beginnings rarely.
 *
 * A line looks like "(EngineCore pid=272) INFO 11-21 00:15:12 [core.py:133] message"; the brackets are absent in V0, the process prefix in
 * progress bars, tracebacks and uvicorn's lines, which go to stderr. Bars redraw themselves with carriage returns. */
#include <ctype.h>
#include <stdio.h>
#include "engine/engine_int.h"

static const char importing[] = "importing", loading[] = "loading weights", profiling[] = "profiling", allocating[] = "allocating KV",
                  capturing[] = "capturing graphs", serving[] = "starting the server", ready[] = "ready";

/* A message that begins with `starts` (or holds `has`) is an event; `number` stands before its figure. */
struct row { const char *starts, *has; enum bt_log_kind kind; const char *step, *number; bool kv_sized; };
static const struct row rows[] = {
    { .starts = "Triton is installed, but", .kind = BT_LOG_STEP, .step = importing },
    { .starts = "non-default args:", .kind = BT_LOG_STEP, .step = importing },
    { .starts = "vLLM server version", .kind = BT_LOG_STEP, .step = importing },
    { .starts = "vLLM API server version", .kind = BT_LOG_STEP, .step = importing },
    { .starts = "Automatically detected platform", .kind = BT_LOG_STEP, .step = importing },
    { .starts = "Resolved architecture:", .kind = BT_LOG_STEP, .step = importing },
    { .starts = "Initializing a V", .kind = BT_LOG_STEP, .step = importing },
    { .starts = "Initializing an LLM engine", .kind = BT_LOG_STEP, .step = importing },                                     /* V0 */
    { .starts = "world_size=", .kind = BT_LOG_STEP, .step = importing },
    { .starts = "Starting to load model", .kind = BT_LOG_STEP, .step = loading },
    { .starts = "Loading model from scratch", .kind = BT_LOG_STEP, .step = loading },
    { .starts = "Loading weights took", .kind = BT_LOG_STEP, .step = loading },
    { .starts = "Model loading took ", .kind = BT_LOG_WEIGHTS_GIB, .step = loading, .number = "took " },
    { .starts = "Loading model weights took ", .kind = BT_LOG_WEIGHTS_GIB, .step = loading, .number = "took " },           /* V0 */
    { .starts = "Using cache directory:", .kind = BT_LOG_STEP, .step = profiling },
    { .has = "Dynamo bytecode transform time", .kind = BT_LOG_STEP, .step = profiling },
    { .has = "Starting torch.compile", .kind = BT_LOG_STEP, .step = profiling },
    { .has = "Compiling a graph for ", .kind = BT_LOG_STEP, .step = profiling },
    { .has = "Directly load ", .kind = BT_LOG_STEP, .step = profiling },
    { .has = "torch.compile takes ", .kind = BT_LOG_STEP, .step = profiling },
    { .has = "torch.compile took ", .kind = BT_LOG_STEP, .step = profiling },
    { .starts = "Initial profiling/warmup run took", .kind = BT_LOG_STEP, .step = profiling },
    { .starts = "Memory profiling takes", .kind = BT_LOG_STEP, .step = profiling },                                         /* V0 */
    { .starts = "Memory profiling results:", .kind = BT_LOG_STEP, .step = profiling },
    { .starts = "Profiling CUDA graph memory", .kind = BT_LOG_STEP, .step = profiling },
    { .starts = "Estimated CUDA graph memory", .kind = BT_LOG_STEP, .step = profiling },
    { .starts = "Available KV cache memory: ", .kind = BT_LOG_KV_GIB, .step = allocating, .number = "memory: " },
    { .has = "memory for KV Cache as specified by", .kind = BT_LOG_KV_GIB, .step = allocating, .number = "reserved " },     /* --kv-cache-memory-bytes */
    { .starts = "Explicitly set (", .kind = BT_LOG_KV_GIB, .step = allocating, .number = "set (" },                         /* the same on a CPU */
    { .starts = "Auto-fit max_model_len:", .kind = BT_LOG_STEP, .step = allocating },
    { .starts = "GPU KV cache size: ", .kind = BT_LOG_KV_TOKENS, .step = allocating, .number = "size: ", .kv_sized = true },
    { .starts = "CPU KV cache size: ", .kind = BT_LOG_KV_TOKENS, .step = allocating, .number = "size: ", .kv_sized = true },
    { .starts = "# GPU blocks:", .kind = BT_LOG_STEP, .step = allocating, .kv_sized = true },                               /* V0 */
    { .starts = "# cuda blocks:", .kind = BT_LOG_STEP, .step = allocating, .kv_sized = true },
    { .starts = "Graph capturing finished in ", .kind = BT_LOG_GRAPHS_GIB, .step = capturing, .number = ", took " },
    { .starts = "Capturing the model for CUDA graphs", .kind = BT_LOG_STEP, .step = capturing },                            /* V0 */
    /* "Actual usage is", 0.10.2 on. The newer form ("consumed memory (weights + non-torch), ") is left: its peak has the graphs' estimate in it. */
    { .has = "GiB for weight, ", .kind = BT_LOG_ACTIVATION_GIB, .step = serving, .number = "GiB for weight, " },
    { .has = "PyTorch activation peak memory takes ", .kind = BT_LOG_ACTIVATION_GIB, .step = profiling, .number = "peak memory takes " },      /* V0 */
    { .starts = "init engine (profile", .kind = BT_LOG_STEP, .step = serving, .kv_sized = true },
    { .starts = "Supported tasks:", .kind = BT_LOG_STEP, .step = serving },
    { .starts = "Starting vLLM server on ", .kind = BT_LOG_STEP, .step = serving },
    { .starts = "Starting vLLM API server", .kind = BT_LOG_STEP, .step = serving },
    { .starts = "Application startup complete.", .kind = BT_LOG_READY, .step = ready, .kv_sized = true },
};

static struct bt_str skip(struct bt_str s, size_t n)
{
    return (struct bt_str){ s.p + n, s.n - n };
}

/* Where needle begins in s, or NULL: s has no NUL at its end. */
static const char *find(struct bt_str s, const char *needle)
{
    return s.p && s.n ? memmem(s.p, s.n, needle, strlen(needle)) : NULL;
}

/* What a terminal would show of a line that was redrawn: the part after the last carriage return that has any text. */
static struct bt_str last_redraw(struct bt_str s)
{
    while (s.n && (s.p[s.n - 1] == '\r' || s.p[s.n - 1] == '\n'))
        s.n--;
    const char *cr = s.n ? memrchr(s.p, '\r', s.n) : NULL;
    return cr ? skip(s, (size_t)(cr - s.p) + 1) : s;
}

static const char *const levels[] = { "DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL" };

/* Length of "INFO 11-21 00:15:12 " in front of s, or 0. */
static size_t stamp_length(struct bt_str s)
{
    size_t i = 0;
    for (size_t k = 0; k < BT_LEN(levels) && !i; k++)
        if (bt_str_starts(s, levels[k]))
            i = strlen(levels[k]);
    if (!i || i >= s.n || s.p[i] != ' ')
        return 0;
    size_t blanks = 0, digits = 0;
    for (; i < s.n && blanks < 3; i++) {
        if (s.p[i] == ' ')
            blanks++;
        else if (isdigit((unsigned char)s.p[i]))
            digits++;
        else if (!strchr("-:.,", s.p[i]) || !s.p[i])
            return 0;
    }
    return blanks == 3 && digits >= 8 ? i : 0;
}

/* The message without "(EngineCore pid=1) ", "INFO 11-21 00:15:12 ", "[core.py:133] " (V0: "core.py:133] ") or uvicorn's "INFO:     ". */
static struct bt_str message(struct bt_str line)
{
    struct bt_str s = bt_str_trim(last_redraw(line));
    const char *end;
    if (bt_str_starts(s, "(") && (end = find(s, " pid=")) && end - s.p < 64 && (end = find(s, ") ")) && end - s.p < 96)
        s = skip(s, (size_t)(end - s.p) + 2);
    size_t n = stamp_length(s);
    if (n) {
        s = skip(s, n);
        if ((end = find(s, "] ")) && end - s.p < 96 && !memchr(s.p, ' ', (size_t)(end - s.p)))
            s = skip(s, (size_t)(end - s.p) + 2);
    } else if (bt_str_starts(s, "INFO:") || bt_str_starts(s, "ERROR:")) {
        s = skip(s, s.p[0] == 'I' ? 5 : 6);
    }
    return bt_str_trim(s);
}

/* "14.25", "262,144": the number at p, thousands separators allowed. False when there is none or it is absurd. */
static bool number_at(const char *p, const char *end, double *out)
{
    char text[32];
    size_t n = 0;
    for (; p < end && (isdigit((unsigned char)*p) || *p == '.' || *p == ',' || (*p == '-' && n == 0)); p++) {
        if (n + 1 >= sizeof text)
            return false;
        if (*p != ',')
            text[n++] = *p;
    }
    text[n] = 0;
    char *rest;
    *out = strtod(text, &rest);
    return n && !*rest && *out >= -1e15 && *out <= 1e15;
}

static bool number_after(struct bt_str s, const char *marker, double *out)
{
    const char *at = find(s, marker);
    return at && number_at(at + strlen(marker), s.p + s.n, out);
}

/* "Loading safetensors checkpoint shards:  25% Completed | 1/4", "Capturing CUDA graphs (PIECEWISE):  40%|####": the figure before '%'. */
static bool progress(struct bt_str s, struct bt_log_event *out)
{
    static const struct { const char *starts, *has, *step; } bars[] = {
        { "Loading ", "checkpoint shards:", loading },
        { "Capturing CUDA graph", "", capturing },
    };
    const char *sign = s.n ? memchr(s.p, '%', s.n) : NULL;
    if (!sign)
        return false;
    const char *from = sign;
    while (from > s.p && isdigit((unsigned char)from[-1]) && sign - from < 4)
        from--;
    double percent;
    for (size_t i = 0; i < BT_LEN(bars); i++)
        if (bt_str_starts(s, bars[i].starts) && find(s, bars[i].has) && number_at(from, sign, &percent) && percent <= 100) {
            out->kind = BT_LOG_PROGRESS;
            out->step = bars[i].step;
            out->percent = (int)percent;
            return true;
        }
    return false;
}

/* Copy what a person should read: escaped, cut at a character. */
static void telling(struct bt_str s, struct bt_log_event *out)
{
    bt_auto_buf struct bt_buf b = BT_BUF(4 * KiB);
    s.n = BT_MIN(s.n, (size_t)600);
    bt_buf_add_escaped(&b, s);
    size_t n = b.n;
    if (n >= sizeof out->text) {
        n = sizeof out->text - 4;
        while (n && ((unsigned char)b.p[n] & 0xc0) == 0x80)          /* not inside a character */
            n--;
        memcpy(out->text + n, "...", 4);
    } else {
        out->text[n] = 0;
    }
    if (n)
        memcpy(out->text, b.p, n);
}

/* "ValueError: ...", "torch.OutOfMemoryError: ...", or "AssertionError" alone: a Python exception's last line, at the start of the message. */
static bool is_exception(struct bt_str s)
{
    size_t n = 0;
    while (n < s.n && (isalnum((unsigned char)s.p[n]) || s.p[n] == '_' || s.p[n] == '.'))
        n++;
    struct bt_str name = { s.p, n };
    bool bare = n == s.n, told = n + 1 < s.n && s.p[n] == ':' && s.p[n + 1] == ' ';
    return (bare || told) && ((n > 5 && bt_str_ends(name, "Error")) || bt_str_ends(name, "Exception"));
}

static bool failure(struct bt_str s, struct bt_log_event *out)
{
    const char *at;
    if (bt_str_starts(s, "Worker proc ") && (at = find(s, " died unexpectedly"))) {
        const char *close = find(s, ")");
        telling((struct bt_str){ s.p, close && close > at ? (size_t)(close - s.p) + 1 : s.n }, out);
        out->kind = BT_LOG_WORKER_DIED;
        return true;
    }
    /* pydantic: the exception's own line only counts the errors, the next one says which */
    if (is_exception(s) && find(s, "ValidationError: ") && find(s, " validation error"))
        return false;
    if ((at = find(s, "vllm: error: ")) == s.p && at)
        s = skip(s, strlen("vllm: "));
    else if (bt_str_starts(s, "Value error, "))
        s = skip(s, strlen("Value error, "));
    else if (!is_exception(s))
        return false;
    telling(s, out);
    out->kind = BT_LOG_ERROR;
    return true;
}

static bool row_matches(const struct row *r, struct bt_str s)
{
    return r->starts ? bt_str_starts(s, r->starts) : find(s, r->has) != NULL;
}

/* "(Worker_PP1_TP0 pid=7) ..."; before 0.11 "(VllmWorker rank=3 pid=7) ...". */
static int number_of_process(struct bt_str line, const char *before)
{
    const char *end = bt_str_starts(line, "(") ? memchr(line.p, ')', BT_MIN(line.n, (size_t)64)) : NULL;
    struct bt_str who = { line.p, end ? (size_t)(end - line.p) : 0 };
    const char *at = find(who, before);
    double n;
    return at && number_at(at + strlen(before), end, &n) && n >= 0 && n < 65536 ? (int)n : -1;
}

static bool said(struct bt_str line, struct bt_log_event *out)
{
    *out = (struct bt_log_event){ .percent = -1, .pp = -1, .rank = -1 };
    struct bt_str s = message(line);
    if (progress(s, out) || failure(s, out))
        return true;
    for (size_t i = 0; i < BT_LEN(rows); i++) {
        const struct row *r = &rows[i];
        if (!row_matches(r, s))
            continue;
        double figure = 0;
        if (r->number && (!number_after(s, r->number, &figure) || (r->kind == BT_LOG_KV_TOKENS && figure < 0)))
            return false;            /* the words without their figure: not the line we know */
        out->kind = r->kind;
        out->step = r->step;
        out->kv_sized = r->kv_sized;
        if (r->kind == BT_LOG_KV_TOKENS)
            out->tokens = (uint64_t)figure;
        else
            out->gib = figure;
        return true;
    }
    return false;
}

bool bt_vllm_log_line(struct bt_str line, struct bt_log_event *out)
{
    bool any = said(line, out);
    out->pp = number_of_process(line, "_PP");
    out->rank = number_of_process(line, " rank=");
    return any;
}

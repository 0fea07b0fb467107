/* diagnose - the walk over a log: what the engine was doing, what was given, and which line wins. The meanings are in diagnose_rules.c, figures and
 * advice in diagnose_figures.c. */
#include "engine/diagnose.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>

#define LINE_MAX_BYTES (64 * KiB)    /* what is looked at of one line: a config printed whole is longer than any message */

static struct bt_diag_figures no_figures(void)
{
    return (struct bt_diag_figures){ .needed_gib = NAN, .available_gib = NAN, .asked_gib = NAN, .free_gib = NAN, .total_gib = NAN, .ours_gib = NAN,
                                     .utilization = NAN, .weights_gib = NAN };
}

void bt_diag_init(struct bt_diag *d)
{
    *d = (struct bt_diag){ .seen = no_figures() };
    d->found.figures = no_figures();
}

const char *bt_diag_arg(const struct bt_diag *d, const char *name)
{
    for (size_t i = 0; i < d->nargs; i++)
        if (!strcmp(d->arg[i].name, name))
            return d->arg[i].value;
    return NULL;
}

/* ---- what the log says was given ---- */

static const struct { const char *key, *flag; } keys[] = {
    { "model_tag", "model" }, { "model", "model" }, { "model_path", "model" }, { "tensor_parallel_size", "tensor-parallel-size" }, { "tp_size", "tensor-parallel-size" },
    { "pipeline_parallel_size", "pipeline-parallel-size" }, { "data_parallel_size", "data-parallel-size" }, { "max_model_len", "max-model-len" }, { "max_seq_len", "max-model-len" },
    { "gpu_memory_utilization", "gpu-memory-utilization" }, { "mem_fraction_static", "mem-fraction-static" }, { "kv_cache_dtype", "kv-cache-dtype" }, { "dtype", "dtype" },
    { "quantization", "quantization" }, { "enforce_eager", "enforce-eager" }, { "max_num_seqs", "max-num-seqs" }, { "max_num_batched_tokens", "max-num-batched-tokens" },
    { "enable_lora", "enable-lora" }, { "max_loras", "max-loras" }, { "max_lora_rank", "max-lora-rank" }, { "cpu_offload_gb", "cpu-offload-gb" },
    { "kv_cache_memory_bytes", "kv-cache-memory-bytes" }, { "block_size", "block-size" }, { "enable_expert_parallel", "enable-expert-parallel" }, { "revision", "revision" },
    { "port", "port" },
};

/* Where the value of `key` begins: after "'key': " or "key=", as a whole word. */
static const char *value_of(struct bt_str s, const char *key)
{
    size_t n = strlen(key);
    for (const char *at = s.p, *end = s.p + s.n; at < end && (at = memmem(at, (size_t)(end - at), key, n)); at++) {
        char before = at > s.p ? at[-1] : ' ';
        const char *p = at + n;
        if (isalnum((unsigned char)before) || before == '_')
            continue;
        if (p < end && *p == '\'')
            p++;
        if (p < end && (*p == '=' || *p == ':')) {
            p++;
            while (p < end && *p == ' ')
                p++;
            return p;
        }
    }
    return NULL;
}

static void keep_arg(struct bt_diag *d, const char *flag, struct bt_str v)
{
    if (bt_diag_arg(d, flag) || d->nargs == BT_LEN(d->arg) || v.n >= sizeof d->arg[0].value || bt_str_eq(v, "None") || bt_str_eq(v, "False") || bt_str_eq(v, "auto"))
        return;
    for (size_t i = 0; i < v.n; i++)
        if ((unsigned char)v.p[i] < 0x20 || (unsigned char)v.p[i] >= 0x7f)
            return;
    struct bt_diag_arg *a = &d->arg[d->nargs++];
    a->name = flag;
    memcpy(a->value, v.p, v.n);
    a->value[v.n] = 0;
}

static void read_args(struct bt_diag *d, struct bt_str s)
{
    for (size_t i = 0; i < BT_LEN(keys); i++) {
        const char *v = value_of(s, keys[i].key), *end = s.p + s.n, *to;
        if (!v || v >= end || *v == '[' || *v == '{')
            continue;
        char quote = *v == '\'' || *v == '"' ? *v++ : 0;
        for (to = v; to < end && (quote ? *to != quote : !strchr(",})] ", *to)); to++) {}
        keep_arg(d, keys[i].flag, (struct bt_str){ v, (size_t)(to - v) });
    }
}

static void version_of(struct bt_diag *d, struct bt_str s)
{
    static const char *const before[] = { "server version ", "LLM engine (v" };
    for (size_t i = 0; i < BT_LEN(before); i++) {
        const char *at = bt_diag_find(s, before[i]);
        size_t n = 0;
        if (!at)
            continue;
        at += strlen(before[i]);
        for (; at + n < s.p + s.n && n + 1 < sizeof d->version && (isalnum((unsigned char)at[n]) || at[n] == '.' || at[n] == '+'); n++)
            d->version[n] = at[n];
        d->version[n] = 0;
    }
}

static void engine_of(struct bt_diag *d, struct bt_str s)
{
    static const struct { const char *has, *engine; } marks[] = { { "sglang", "sglang" }, { "--mem-fraction-static", "sglang" }, { "vllm", "vllm" }, { "vLLM", "vllm" }, { "EngineCore", "vllm" },
        { "gpu_memory_utilization", "vllm" }, { "llama_model_load", "llama-server" }, { "llama_server", "llama-server" }, { "gguf_init_from", "llama-server" }, { "ggml_", "llama-server" } };
    for (size_t i = 0; !d->engine && i < BT_LEN(marks); i++)
        if (bt_diag_find(s, marks[i].has))
            d->engine = marks[i].engine;
}

/* A second banner: the first start's failure is history. */
static void new_start(struct bt_diag *d)
{
    if (d->starts++ == 0)
        return;
    d->found = (struct bt_diagnosis){ .figures = no_figures() };
    d->seen = no_figures();
    d->nargs = 0;
    d->ready = false;
    d->step = NULL;
    d->frame = BT_FRAME_NONE;
    d->first_error_line = 0;
}

static void banner(struct bt_diag *d, struct bt_str s)
{
    bool args = bt_diag_find(s, "non-default args:") || bt_diag_find(s, "args: Namespace(") || bt_diag_find(s, "server_args=ServerArgs(");
    if (args || bt_diag_find(s, "initializing, n_slots"))
        new_start(d);
    if (args || bt_diag_find(s, " with config: "))
        read_args(d, s);
    version_of(d, s);
}

/* ---- what it was doing ---- */

static const struct { const char *name; enum bt_diag_frame frame; } frames[] = {
    { ", in capture_model", BT_FRAME_CAPTURE }, { ", in capture", BT_FRAME_CAPTURE }, { ", in _capture", BT_FRAME_CAPTURE }, { ", in profile_cudagraph_memory", BT_FRAME_CAPTURE },
    { ", in _allocate_kv_cache", BT_FRAME_KV }, { ", in initialize_kv_cache", BT_FRAME_KV }, { ", in initialize_from_config", BT_FRAME_KV }, { ", in initialize_cache", BT_FRAME_KV },
    { "layer_kv_cache = ", BT_FRAME_KV }, { ", in _dummy_sampler_run", BT_FRAME_WARMUP }, { ", in kernel_warmup", BT_FRAME_WARMUP }, { ", in compile_or_warm_up_model", BT_FRAME_WARMUP },
    { ", in load_model", BT_FRAME_LOAD }, { ", in create_weights", BT_FRAME_LOAD }, { ", in load_weights", BT_FRAME_LOAD }, { ", in from_pretrained", BT_FRAME_LOAD },
    { ", in profile_run", BT_FRAME_PROFILE }, { ", in determine_available_memory", BT_FRAME_PROFILE }, { ", in determine_num_available_blocks", BT_FRAME_PROFILE },
    { ", in backward", BT_FRAME_TRAIN }, { ", in training_step", BT_FRAME_TRAIN }, { ", in compute_loss", BT_FRAME_TRAIN },
    { "during FULL graph capture", BT_FRAME_CAPTURE }, { "graph capture (", BT_FRAME_CAPTURE }, { "warm-up, after KV", BT_FRAME_WARMUP }, { "warming up sampler", BT_FRAME_WARMUP },
};

/* Where vLLM and SGLang look at what they were told, before anything is loaded. */
static const char *const settings_files[] = { "/vllm/config/", "/vllm/engine/arg_utils.py", "/sglang/srt/server_args.py", "/sglang/srt/arg_groups/" };

static void frame_of(struct bt_diag *d, struct bt_str s)
{
    if (bt_diag_find(s, "Traceback (most recent call last)"))
        d->frame = BT_FRAME_NONE, d->traceback = true, d->in_settings = false;
    for (size_t i = 0; i < BT_LEN(settings_files) && bt_diag_find(s, "File \""); i++)
        d->in_settings = d->in_settings || bt_diag_find(s, settings_files[i]);
    if (!bt_diag_find(s, ", in ") && !bt_diag_find(s, "graph capture") && !bt_diag_find(s, "after KV") && !bt_diag_find(s, "warming up") && !bt_diag_find(s, "layer_kv_cache"))
        return;
    for (size_t i = 0; i < BT_LEN(frames); i++)
        if ((int)frames[i].frame > d->frame && bt_diag_find(s, frames[i].name))
            d->frame = (int)frames[i].frame;
}

/* How large a job's batch was, as scripts and trainers print it. */
static void batch_of(struct bt_diag *d, struct bt_str s)
{
    static const char *const before[] = { "batch_size=", "batch_size': ", "batch_size\": ", "batch_size: ", "--batch-size ", "--batch_size ", "batch size per device = ", "batch size: ", "train_batch_size=", ", batch=", "--batch=" };
    for (size_t i = 0; i < BT_LEN(before); i++) {
        uint64_t n = bt_diag_find(s, "atch") ? bt_diag_count_after(s, before[i]) : 0;
        if (n && n < 1000000)
            d->seen.batch = n;
    }
}

/* Whatever was said before, it did not stop the start. */
static void is_ready(struct bt_diag *d)
{
    d->ready = true;
    d->step = "ready";
    d->found = (struct bt_diagnosis){ .figures = no_figures() };
    d->first_error_line = 0;
}

static void progress_of(struct bt_diag *d, struct bt_str s)
{
    static const char *const ready_lines[] = { "The server is fired up and ready to roll", "llama_server: listening on " };
    for (size_t i = 0; i < BT_LEN(ready_lines); i++)
        if (bt_diag_find(s, ready_lines[i]))
            is_ready(d);
    const struct bt_engine *e = bt_engine_find(d->engine ? d->engine : "vllm");
    struct bt_log_event ev;
    if (!e || !e->log_line(s, &ev))
        return;
    if (ev.step)                     /* a job's own loading bar says nothing once it is full */
        d->step = !d->engine && ev.percent == 100 ? NULL : ev.step;
    if (ev.kind == BT_LOG_WEIGHTS_GIB)
        d->seen.weights_gib = ev.gib;
    if (ev.kind == BT_LOG_KV_GIB)
        d->seen.available_gib = ev.gib;
    if (ev.kind == BT_LOG_READY)
        is_ready(d);
}

/* ---- lines ---- */

/* What a terminal would show: the part after the last carriage return that has text. */
static struct bt_str visible(struct bt_str s)
{
    s.n = BT_MIN(s.n, LINE_MAX_BYTES);
    while (s.n && (s.p[s.n - 1] == '\r' || s.p[s.n - 1] == '\n'))
        s.n--;
    const char *cr = s.n ? memrchr(s.p, '\r', s.n) : NULL;
    return cr ? (struct bt_str){ cr + 1, s.n - (size_t)(cr + 1 - s.p) } : s;
}

/* The message without "(EngineCore pid=9) ERROR 11-21 00:19:36 [core.py:1510] " and the like. */
static struct bt_str message(struct bt_str s)
{
    struct bt_str head = { s.p, BT_MIN(s.n, (size_t)200) };
    const char *pid = bt_str_starts(s, "(") ? bt_diag_find(head, " pid=") : NULL, *paren = pid ? bt_diag_find(head, ") ") : NULL;
    if (paren && paren > pid)
        s = (struct bt_str){ paren + 2, s.n - (size_t)(paren + 2 - s.p) };
    const char *at = bt_diag_find(head, ".py:"), *close = at ? memchr(at, ']', (size_t)(head.p + head.n - at)) : NULL;
    if (close && close - at < 12)
        s = (struct bt_str){ close + 1, s.n - (size_t)(close + 1 - s.p) };
    at = bt_diag_find(s, "Value error, ");
    if (at)
        s = (struct bt_str){ at + 13, s.n - (size_t)(at + 13 - s.p) };
    return bt_str_trim(s);
}

static void quote(char *out, size_t size, struct bt_str s)
{
    bt_auto_buf struct bt_buf b = BT_BUF(16 * KiB);
    s.n = BT_MIN(s.n, size * 2);
    bt_buf_add_escaped(&b, s);
    size_t n = b.n;
    if (n >= size) {
        n = size - 4;
        while (n && ((unsigned char)b.p[n] & 0xc0) == 0x80)          /* not inside a character */
            n--;
        memcpy(out + n, "...", 4);
    } else {
        out[n] = 0;
    }
    if (n)
        memcpy(out, b.p, n);
}

/* "ValueError: ..." at the start of the message, or a line that an engine marks as an error. */
static bool looks_like_error(struct bt_str m)
{
    size_t n = 0;
    if (bt_diag_find(m, "error loading model: "))    /* llama.cpp, whatever it goes on to say */
        return true;
    while (n < m.n && (isalnum((unsigned char)m.p[n]) || m.p[n] == '_' || m.p[n] == '.'))
        n++;
    struct bt_str name = { m.p, n };
    return n + 1 < m.n && m.p[n] == ':' && ((n > 5 && bt_str_ends(name, "Error")) || bt_str_ends(name, "Exception") || bt_str_eq(name, "error"));
}

/* A refusal in the engine's own words, of an error that is no crash: "ValueError: X is not supported with Y". */
static bool says_no(struct bt_str m)
{
    static const char *const kinds[] = { "ValueError: ", "NotImplementedError: ", "AssertionError: ", "TypeError: ", "KeyError: " },
                             *const words[] = { "not supported", "not compatible", "not support ", "incompatible with", "is required", "must be ", "should be ", "cannot be used", "lease provide", "lease specify",
                                                "lease set ", "lease use " };
    bool plain = false, no = false;
    for (size_t i = 0; i < BT_LEN(kinds); i++)
        plain = plain || bt_str_starts(m, kinds[i]);
    for (size_t i = 0; plain && i < BT_LEN(words); i++)
        no = no || bt_diag_find(m, words[i]);
    return no;
}

static bool is_killed(struct bt_str m)
{
    return bt_str_eq(m, "Killed") || (bt_diag_find(m, " Killed ") && bt_diag_find(m, ": line "));
}

static void take(struct bt_diag *d, const struct bt_diag_rule *r, enum bt_diag_rank rank, struct bt_str line)
{
    struct bt_diagnosis *f = &d->found;
    struct bt_diag_holder none[BT_LEN(f->holder)] = { 0 };
    f->rank = rank;
    f->code = r->code;
    f->step = d->step;
    f->line = d->lines;
    f->nholders = 0;
    memcpy(f->holder, none, sizeof none);
    quote(f->quote, sizeof f->quote, message(line));
    bt_diag_fill(d, r, line);
    f->nadvice = 0;
    bt_diag_advise(d, r);
}

void bt_diag_line(struct bt_diag *d, struct bt_str raw)
{
    static const struct bt_diag_rule killed = { .code = "killed", .cause = "killed from outside with SIGKILL: most often the kernel, because the host's RAM ran out",
                                                .hint = "`dmesg | grep -i kill`; more RAM, or fewer workers" };
    d->lines++;
    struct bt_str line = visible(raw);
    if (!line.n)
        return;
    engine_of(d, line);
    banner(d, line);
    frame_of(d, line);
    progress_of(d, line);
    batch_of(d, line);
    if (!d->engine)
        bt_diag_job_line(d, line);
    if (!d->seen.batch)
        d->seen.batch = d->job.batch;
    struct bt_str m = message(line);
    const struct bt_diag_rule *r = bt_diag_rule_of(line);
    enum bt_diag_rank rank = r ? r->rank : BT_DIAG_NOTHING;
    if (!r && is_killed(m)) {
        r = &killed;
        rank = BT_DIAG_EFFECT;
    }
    if (r && rank == BT_DIAG_CAUSE && bt_diag_find((struct bt_str){ line.p, BT_MIN(line.n, (size_t)80) }, "WARNING"))
        rank = BT_DIAG_EFFECT;       /* told, and gone on */
    if (r && rank > d->found.rank)
        take(d, r, rank, line);
    else if (r && d->found.code && !strcmp(d->found.code, "oom") && !strncmp(r->code, "oom-", 4))
        bt_diag_oom_refine(d, r->code);
    bool refused = bt_diag_find(line, "Value error, ") != NULL;      /* pydantic's, behind "1 validation error for VllmConfig" */
    if (!r && !d->first_error_line && !d->ready && (refused || looks_like_error(m)) && !bt_diag_find(m, "ValidationError: ")) {
        quote(d->first_error, sizeof d->first_error, m);
        d->first_error_line = d->lines;
        d->first_refused = refused || d->in_settings;
        d->first_says_no = says_no(m);
    }
}

static void settle(struct bt_diagnosis *f, const char *code, const char *cause)
{
    f->code = code;
    snprintf(f->cause, sizeof f->cause, "%s", cause);
}

/* An error whose words are not known says more than "see root cause above". */
static void first_error(struct bt_diag *d)
{
    struct bt_diagnosis *f = &d->found;
    f->rank = BT_DIAG_GUESS;
    f->line = d->first_error_line;
    f->step = d->step;
    f->nadvice = 0;
    memcpy(f->quote, d->first_error, sizeof f->quote);
    if (d->first_refused) {          /* its sentence is the cause, and mostly names the flag */
        const char *said = strstr(d->first_error, "Error: "), *end = strstr(d->first_error, " [type=");
        said = said && said - d->first_error < 40 ? said + 7 : d->first_error;
        f->rank = BT_DIAG_CAUSE;
        settle(f, "settings-refused", "");
        snprintf(f->cause, sizeof f->cause, "the engine refuses its settings: %.*s", end && end > said ? (int)(end - said) : (int)strlen(said), said);
        return;
    }
    if (d->first_says_no) {          /* raised somewhere else: mostly a setting, sometimes the model */
        f->rank = BT_DIAG_EFFECT;
        settle(f, "settings-refused", "");
        snprintf(f->cause, sizeof f->cause, "the engine refuses this model or these settings: %s", strstr(d->first_error, "Error: ") ? strstr(d->first_error, "Error: ") + 7 : d->first_error);
        return;
    }
    settle(f, "unknown", "berth does not know this error; the first one in the log is quoted");
}

void bt_diag_end(struct bt_diag *d)
{
    struct bt_diagnosis *f = &d->found;
    if (f->rank < BT_DIAG_EFFECT && d->first_error_line) {
        first_error(d);
    } else if (f->rank == BT_DIAG_NOTHING && d->ready) {
        settle(f, "started", "the server became ready, and nothing in this log says that it failed afterwards");
        f->step = d->step;
    } else if (f->rank == BT_DIAG_NOTHING && d->step) {
        f->step = d->step;
        settle(f, "unfinished", "");
        snprintf(f->cause, sizeof f->cause, "no error in this log: it ends at \"%s\". The engine still runs, or was killed from outside, which leaves no trace here", d->step);
    } else if (f->rank == BT_DIAG_NOTHING && d->engine) {
        settle(f, "unfinished", "no error in this log: the engine still runs, or was killed from outside, which leaves no trace here");
    } else if (f->rank == BT_DIAG_NOTHING) {
        settle(f, d->lines ? "unknown" : "empty", d->lines ? "nothing in this text looks like an engine's log or a CUDA error" : "the log is empty");
    }
}

/* llama_log.c - what a line of llama-server's output tells.
 *
 * Text, on stderr: "0.00.005.422 I srv    load_model: loading model './tiny.gguf'" (minutes, seconds, ms, us; level; part; function).
 * With --log-jsonl, on stdout: {"type":"log","time":5422,"level":"info","msg":"srv ..."} and, whatever the verbosity, records such as
 * {"type":"fit_memory_breakdown","data":{"unit":"MiB","rows":[...]}}. Lines with bytes need -lv 4. */
#include <ctype.h>
#include <jansson.h>
#include <stdio.h>
#include "engine/engine_int.h"

static const char loading[] = "loading weights", allocating[] = "allocating KV", serving[] = "starting the server", ready[] = "ready";

/* What a message has in it; `number` stands before its figure. MiB unless it counts tokens. */
static const struct row { const char *has; enum bt_log_kind kind; const char *step, *number; bool kv_sized; } rows[] = {
    { "llama_server: initializing", BT_LOG_STEP, "importing", NULL, false },
    { "load_model: loading model '", BT_LOG_STEP, loading, NULL, false },
    { "fitting params to device memory", BT_LOG_STEP, loading, NULL, false },
    { "load_tensors: loading model tensors", BT_LOG_STEP, loading, NULL, false },
    { "model buffer size = ", BT_LOG_WEIGHTS_GIB, loading, "size = ", false },
    { "llama_context: constructing", BT_LOG_STEP, allocating, NULL, false },
    { "KV buffer size = ", BT_LOG_KV_GIB, allocating, "size = ", false },
    { "compute buffer size = ", BT_LOG_ACTIVATION_GIB, allocating, "size = ", false },
    { "initializing, n_slots = ", BT_LOG_KV_TOKENS, serving, "n_ctx_slot = ", true },
    { "warming up the model", BT_LOG_STEP, serving, NULL, true },
    { "llama_server: model loaded", BT_LOG_STEP, serving, NULL, true },
    { "llama_server: listening on ", BT_LOG_READY, ready, NULL, true },
    { "main: server is listening on ", BT_LOG_READY, ready, NULL, true },              /* builds before 2026 */
};

static const char *find(struct bt_str s, const char *needle)
{
    return s.p && s.n ? memmem(s.p, s.n, needle, strlen(needle)) : NULL;
}

/* Escaped, cut at a character. */
static void telling(struct bt_str s, struct bt_log_event *out)
{
    bt_auto_buf struct bt_buf b = BT_BUF(4 * KiB);
    s.n = BT_MIN(s.n, (size_t)600);
    bt_buf_add_escaped(&b, s);
    size_t n = b.n;
    if (n >= sizeof out->text)
        for (n = sizeof out->text - 4; n && ((unsigned char)b.p[n] & 0xc0) == 0x80; n--) {}
    snprintf(out->text, sizeof out->text, "%.*s%s", (int)n, bt_buf_z(&b), n < b.n ? "..." : "");
}

/* "0.00.005.422 E " in front: its length and the level, or 0. */
static size_t stamp(struct bt_str s, char *level)
{
    size_t i = 0, dots = 0;
    while (i < s.n && (isdigit((unsigned char)s.p[i]) || s.p[i] == '.'))
        dots += s.p[i++] == '.';
    if (dots != 3 || i + 2 >= s.n || s.p[i] != ' ' || s.p[i + 2] != ' ' || !isupper((unsigned char)s.p[i + 1]))
        return 0;
    *level = s.p[i + 1];
    return i + 3;
}

/* "srv    load_model: failed" without the part and the function: what stands after the first ": ", where that is near. */
static struct bt_str without_function(struct bt_str s)
{
    const char *colon = find(s, ": ");
    size_t words = 0;
    if (!colon || colon - s.p > 64)
        return s;
    for (const char *p = s.p; p < colon; p++) {
        if (!isalnum((unsigned char)*p) && *p != '_' && *p != ' ' && *p != '(' && *p != ')')
            return s;
        words += *p != ' ' && (p == s.p || p[-1] == ' ');
    }
    return words <= 2 ? (struct bt_str){ colon + 2, s.n - (size_t)(colon + 2 - s.p) } : s;
}

static bool number_after(struct bt_str s, const char *marker, double *out)
{
    char text[32];
    size_t n = 0;
    const char *p = find(s, marker);
    if (!p)
        return false;
    for (p += strlen(marker); p < s.p + s.n && *p == ' '; p++) {}
    for (; p < s.p + s.n && (isdigit((unsigned char)*p) || *p == '.') && n + 1 < sizeof text; p++)
        text[n++] = *p;
    text[n] = 0;
    *out = strtod(text, NULL);
    return n && *out <= 1e15;
}

/* "sched_reserve:      CUDA1 compute buffer size": 1. -1: "CPU", "CUDA_Host". */
static int device_of(struct bt_str s)
{
    const char *at = find(s, " CUDA");
    int n = 0;
    if (!at || at + 5 >= s.p + s.n || !isdigit((unsigned char)at[5]))
        return -1;
    for (at += 5; at < s.p + s.n && isdigit((unsigned char)*at) && n < 1000; at++)
        n = n * 10 + (*at - '0');
    return n;
}

static bool message(struct bt_str s, bool error, struct bt_log_event *out)
{
    if (error) {
        telling(without_function(bt_str_trim(s)), out);
        out->kind = BT_LOG_ERROR;
        return true;
    }
    for (size_t i = 0; i < BT_LEN(rows); i++) {
        const struct row *r = &rows[i];
        double figure = 0;
        if (!find(s, r->has))
            continue;
        if (r->number && !number_after(s, r->number, &figure))
            return false;            /* the words without their figure: not the line we know */
        out->kind = r->kind;
        out->step = r->step;
        out->kv_sized = r->kv_sized;
        if (r->kind == BT_LOG_ACTIVATION_GIB && (out->rank = device_of(s)) < 0)
            out->kind = BT_LOG_STEP;                 /* of the host */
        if (r->kind == BT_LOG_KV_TOKENS)
            out->tokens = (uint64_t)figure;
        else
            out->gib = figure / 1024;
        return true;
    }
    return false;
}

/* All devices and the host together; what the engine expects while it fits, and what it holds at its end. */
static bool breakdown(const json_t *o, struct bt_log_event *out)
{
    const json_t *data = json_object_get(o, "data"), *rows_ = json_object_get(data, "rows"), *row;
    size_t i;
    double context = 0;
    if (!json_is_array(rows_))
        return false;
    json_array_foreach((json_t *)rows_, i, row)
        context += json_number_value(json_object_get(row, "context"));
    if (!(context >= 0 && context <= 1e12))
        return false;
    out->kind = BT_LOG_KV_GIB;
    out->step = loading;
    out->gib = context / 1024;
    return true;
}

static bool json_line(struct bt_str s, struct bt_log_event *out)
{
    json_t *o = json_loadb(s.p, s.n, 0, NULL);
    const char *type = json_string_value(json_object_get(o, "type")), *level = json_string_value(json_object_get(o, "level")),
               *msg = json_string_value(json_object_get(o, "msg"));
    bool said = false;
    if (type && !strcmp(type, "log") && msg)
        said = message(bt_str_trim(bt_str(msg)), level && !strcmp(level, "error"), out);
    else if (type && !strcmp(type, "fit_memory_breakdown"))
        said = breakdown(o, out);
    json_decref(o);
    return said;
}

bool bt_llama_log_line(struct bt_str line, struct bt_log_event *out)
{
    static const char *const bare[] = { "error: invalid argument", "error: ", "CUDA error", "GGML_ASSERT(", "GGML_ABORT(" };
    struct bt_str s = bt_str_trim(line);
    char level = 0;
    *out = (struct bt_log_event){ .percent = -1, .pp = -1, .rank = -1 };
    if (bt_str_starts(s, "{\"type\":") && s.n <= 64 * KiB)
        return json_line(s, out);
    size_t n = stamp(s, &level);
    struct bt_str text = { s.p + n, s.n - n };
    if (n)
        return message(text, level == 'E', out);
    for (size_t i = 0; i < BT_LEN(bare); i++)
        if (bt_str_starts(s, bare[i])) {
            telling(s, out);
            out->kind = BT_LOG_ERROR;
            return true;
        }
    return message(text, false, out);
}

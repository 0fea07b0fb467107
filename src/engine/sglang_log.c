/* sglang_log.c - what a line of SGLang's output tells. A line looks like "[2026-11-21 10:00:20 TP0] message", all on stderr; GB in it are GiB. */
#include <ctype.h>
#include <stdio.h>

#include "engine/engine_int.h"

static const char importing[] = "importing", loading[] = "loading weights", allocating[] = "allocating KV", capturing[] = "capturing graphs", serving[] = "starting the server",
                  ready[] = "ready";

struct row { const char *has; enum bt_log_kind kind; const char *step, *number; bool kv_sized; };
static const struct row rows[] = {
    { "server_args=ServerArgs(", BT_LOG_STEP, importing, NULL, false },
    { "Init parallel begin", BT_LOG_STEP, importing, NULL, false },
    { "Init torch distributed begin", BT_LOG_STEP, importing, NULL, false },
    { "Memory baseline taken", BT_LOG_STEP, importing, NULL, false },
    { "Load weight begin.", BT_LOG_STEP, loading, NULL, false },
    { "Load weight end.", BT_LOG_WEIGHTS_GIB, loading, ", mem usage=", false },
    { "KV Cache is allocated.", BT_LOG_KV_TOKENS, allocating, "#tokens: ", false },
    { "Memory pool end.", BT_LOG_STEP, allocating, NULL, true },     /* the pool is measured and taken: a neighbour may start */
    { "CUDA graph begin.", BT_LOG_STEP, capturing, NULL, true },
    { "Capture cuda graph begin.", BT_LOG_STEP, capturing, NULL, true },
    { "CUDA graph end.", BT_LOG_GRAPHS_GIB, capturing, "mem usage=", true },
    { "Capture cuda graph end.", BT_LOG_GRAPHS_GIB, capturing, "mem usage=", true },
    { "max_total_num_tokens=", BT_LOG_KV_TOKENS, serving, "max_total_num_tokens=", true },
    { "Uvicorn running on ", BT_LOG_STEP, serving, NULL, true },
    { "The server is fired up and ready to roll", BT_LOG_READY, ready, NULL, true },
};

static const char *find(struct bt_str s, const char *needle)
{
    return s.p && s.n ? memmem(s.p, s.n, needle, strlen(needle)) : NULL;
}

static bool number_after(struct bt_str s, const char *marker, double *out)
{
    const char *at = find(s, marker), *end = s.p + s.n;
    char text[32];
    size_t n = 0;
    if (!at)
        return false;
    for (at += strlen(marker); at < end && (isdigit((unsigned char)*at) || *at == '.' || (*at == '-' && !n)) && n + 1 < sizeof text; at++)
        text[n++] = *at;
    while (n && text[n - 1] == '.')
        n--;
    text[n] = 0;
    char *rest;
    *out = strtod(text, &rest);
    return n && !*rest && *out >= -1e15 && *out <= 1e15;
}

/* The message after "[2026-11-21 10:00:20 TP0] ". */
static struct bt_str message(struct bt_str s)
{
    while (s.n && (s.p[s.n - 1] == '\r' || s.p[s.n - 1] == '\n'))
        s.n--;
    const char *cr = s.n ? memrchr(s.p, '\r', s.n) : NULL;
    if (cr)
        s = (struct bt_str){ cr + 1, s.n - (size_t)(cr + 1 - s.p) };
    const char *close = s.n > 21 && s.p[0] == '[' && isdigit((unsigned char)s.p[1]) ? memchr(s.p, ']', BT_MIN(s.n, (size_t)64)) : NULL;
    if (close)
        s = (struct bt_str){ close + 1, s.n - (size_t)(close + 1 - s.p) };
    return bt_str_trim(s);
}

static void telling(struct bt_str s, struct bt_log_event *out)
{
    bt_auto_buf struct bt_buf b = BT_BUF(4 * KiB);
    s.n = BT_MIN(s.n, (size_t)600);
    bt_buf_add_escaped(&b, s);
    size_t n = BT_MIN(b.n, sizeof out->text - 4);
    while (n < b.n && n && ((unsigned char)b.p[n] & 0xc0) == 0x80)   /* not inside a character */
        n--;
    memcpy(out->text, bt_buf_z(&b), n);
    memcpy(out->text + n, n < b.n ? "..." : "", n < b.n ? 4 : 1);
}

static bool progress(struct bt_str s, struct bt_log_event *out)
{
    const char *sign = s.n ? memchr(s.p, '%', s.n) : NULL, *from = sign;
    bool bar = find(s, "checkpoint shards:") || find(s, "loading shards:"), graph = find(s, "Capturing ") != NULL;
    if (!sign || !(bar || graph))
        return false;
    int percent = 0, scale = 1;
    while (from > s.p && isdigit((unsigned char)from[-1]) && scale <= 100) {
        percent += (*--from - '0') * scale;
        scale *= 10;
    }
    if (from == sign || percent > 100)
        return false;
    *out = (struct bt_log_event){ .kind = BT_LOG_PROGRESS, .step = bar ? loading : capturing, .percent = percent };
    return true;
}

/* "ValueError: ..." or "AssertionError" alone, at the start of the message; a scheduler that vanished. */
static bool failure(struct bt_str s, struct bt_log_event *out)
{
    size_t n = 0;
    while (n < s.n && (isalnum((unsigned char)s.p[n]) || s.p[n] == '_' || s.p[n] == '.'))
        n++;
    struct bt_str name = { s.p, n };
    bool exception = n > 5 && (n == s.n || (n + 1 < s.n && s.p[n] == ':' && s.p[n + 1] == ' ')) && (bt_str_ends(name, "Error") || bt_str_ends(name, "Exception"));
    bool died = find(s, "scheduler died during initialization") != NULL;
    if (!exception && !died)
        return false;
    out->kind = died ? BT_LOG_WORKER_DIED : BT_LOG_ERROR;
    telling(s, out);
    return true;
}

/* "[2026-11-21 10:00:00 PP1 TP0] ..." */
static int stage_of(struct bt_str line)
{
    const char *end = bt_str_starts(line, "[") ? memchr(line.p, ']', BT_MIN(line.n, (size_t)64)) : NULL;
    struct bt_str who = { line.p, end ? (size_t)(end - line.p) : 0 };
    const char *at = find(who, " PP");
    int n = 0;
    if (!at || at + 3 >= end || !isdigit((unsigned char)at[3]))
        return -1;
    for (at += 3; at < end && isdigit((unsigned char)*at) && n < 1000; at++)
        n = n * 10 + (*at - '0');
    return n;
}

static bool said(struct bt_str line, struct bt_log_event *out)
{
    *out = (struct bt_log_event){ .percent = -1, .pp = -1, .rank = -1 };
    struct bt_str s = message(line);
    if (progress(s, out) || failure(s, out))
        return true;
    for (size_t i = 0; i < BT_LEN(rows); i++) {
        double figure = 0;
        if (!find(s, rows[i].has))
            continue;
        if (rows[i].number && (!number_after(s, rows[i].number, &figure) || (rows[i].kind == BT_LOG_KV_TOKENS && figure < 0)))
            return false;            /* the words without their figure: not the line we know */
        out->kind = rows[i].kind;
        out->step = rows[i].step;
        out->kv_sized = rows[i].kv_sized;
        if (rows[i].kind == BT_LOG_KV_TOKENS)
            out->tokens = (uint64_t)figure;
        else
            out->gib = figure;
        return true;
    }
    return false;
}

bool bt_sglang_log_line(struct bt_str line, struct bt_log_event *out)
{
    bool any = said(line, out);
    out->pp = stage_of(line);
    return any;
}

/* http.c - the API server: OpenAI endpoints over evhttp, one timer that is the decode step, deterministic simulated text. */
#include "sim/engine/engine.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <event2/listener.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <time.h>

struct stream {                      /* one request being answered */
    struct stream *next;
    struct server *srv;
    struct evhttp_request *req;
    bool chat, sse, running, head_sent;
    uint64_t id, prompt_tokens, want, made, seed;
    struct bt_buf text;
};

struct server {
    struct se *e;
    struct se_ready ready;
    struct event_base *base;
    struct evhttp *http;
    struct event *step, *core_ev, *term_ev, *int_ev, *exit_ev;
    struct stream *streams;          /* oldest first */
    pid_t core;
    bool core_dead, stopping;
    int exit_code;
    uint64_t next_id, generated, prompts, finished;
};

/* ---- text ---- */
static const char *const words[] = { "the",    "pixels", "show",  "a",       "pattern", "that", "fits",   "an",     "edit",   "near", "one",
                                     "border", "while",  "noise", "stays",   "even",    "and",  "no",     "second", "source", "is",   "likely",
                                     "so",     "treat",  "this",  "picture", "with",    "care", "before", "it",     "leaves", "here" };

static uint64_t mix(uint64_t x)      /* splitmix64's finaliser: spreads a seed */
{
    x ^= x >> 30; x *= 0xbf58476d1ce4e5b9ull;
    x ^= x >> 27; x *= 0x94d049bb133111ebull;
    return x ^ (x >> 31);
}

static void token_text(const struct stream *s, uint64_t i, char *out, size_t n)
{
    static const char *const head[] = { "[simulated]", " This", " reply", " is", " made", " by", " no", " model:" };
    if (i < BT_LEN(head))
        snprintf(out, n, "%s", head[i]);
    else
        snprintf(out, n, " %s", words[mix(s->seed + i) % BT_LEN(words)]);
}

/* ---- replies ---- */
static void reply_json(struct evhttp_request *req, int code, json_t *o)
{
    struct evbuffer *b = evbuffer_new();
    char *text = json_dumps(o, JSON_COMPACT);
    evbuffer_add(b, text, strlen(text));
    free(text);
    json_decref(o);
    evhttp_add_header(evhttp_request_get_output_headers(req), "content-type", "application/json");
    evhttp_send_reply(req, code, NULL, b);
    evbuffer_free(b);
}

static void reply_error(struct evhttp_request *req, int code, const char *type, const char *fmt, ...) BT_PRINTF(4, 5);
static void reply_error(struct evhttp_request *req, int code, const char *type, const char *fmt, ...)
{
    char msg[512];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(msg, sizeof msg, fmt, ap);
    va_end(ap);
    reply_json(req, code, json_pack("{s:{s:s, s:s, s:n, s:i}}", "error", "message", msg, "type", type, "param", "code", code));
}

static json_t *choice(const struct stream *s, const char *piece, bool last, bool whole)
{
    const char *reason = last ? "length" : NULL;
    json_t *c = json_pack("{s:i}", "index", 0);
    if (s->chat)
        json_object_set_new(c, whole ? "message" : "delta", json_pack("{s:s, s:s}", "role", "assistant", "content", piece));
    else
        json_object_set_new(c, "text", json_string(piece));
    json_object_set_new(c, "finish_reason", reason ? json_string(reason) : json_null());
    return c;
}

static json_t *body(const struct stream *s, json_t *c, bool whole)
{
    char id[64];
    snprintf(id, sizeof id, "%s-sim-%llu", s->chat ? "chatcmpl" : "cmpl", (unsigned long long)s->id);
    return json_pack("{s:s, s:s, s:I, s:s, s:s, s:[o]}", "id", id, "object",
                     s->chat ? (whole ? "chat.completion" : "chat.completion.chunk") : "text_completion", "created", (json_int_t)time(NULL), "model",
                     s->srv->e->s.served_name, "system_fingerprint", "berth-sim-engine (simulated)", "choices", c);
}

static json_t *usage(const struct stream *s)
{
    return json_pack("{s:I, s:I, s:I}", "prompt_tokens", (json_int_t)s->prompt_tokens, "completion_tokens", (json_int_t)s->made, "total_tokens",
                     (json_int_t)(s->prompt_tokens + s->made));
}

static void send_event(struct stream *s, const char *data)
{
    struct evbuffer *b = evbuffer_new();
    evbuffer_add_printf(b, "data: %s\n\n", data);
    evhttp_send_reply_chunk(s->req, b);
    evbuffer_free(b);
}

static void stream_drop(struct stream *s)
{
    struct stream **at = &s->srv->streams;
    while (*at && *at != s)
        at = &(*at)->next;
    if (*at)
        *at = s->next;
    if (s->req)
        evhttp_connection_set_closecb(evhttp_request_get_connection(s->req), NULL, NULL);
    bt_buf_release(&s->text);
    free(s);
}

static void on_client_gone(struct evhttp_connection *c, void *arg)
{
    struct stream *s = arg;
    (void)c;
    s->req = NULL;                   /* evhttp frees it with the connection */
    stream_drop(s);
}

static void stream_end(struct stream *s)
{
    s->srv->finished++;
    evhttp_connection_set_closecb(evhttp_request_get_connection(s->req), NULL, NULL);
    if (s->sse) {
        json_t *o = json_pack("{s:s, s:s, s:[], s:o}", "id", "usage", "object", "chat.completion.chunk", "choices", "usage", usage(s));
        char *text = json_dumps(o, JSON_COMPACT);
        send_event(s, text);
        free(text);
        json_decref(o);
        send_event(s, "[DONE]");
        evhttp_send_reply_end(s->req);
    } else {
        json_t *o = body(s, choice(s, bt_buf_z(&s->text), true, true), true);
        json_object_set_new(o, "usage", usage(s));
        reply_json(s->req, 200, o);
    }
    s->req = NULL;
    stream_drop(s);
}

static void stream_token(struct stream *s)
{
    char piece[64];
    token_text(s, s->made++, piece, sizeof piece);
    s->srv->generated++;
    if (!s->sse) {
        bt_buf_puts(&s->text, piece);
        return;
    }
    json_t *o = body(s, choice(s, piece, s->made >= s->want, false), false);
    char *text = json_dumps(o, JSON_COMPACT);
    send_event(s, text);
    free(text);
    json_decref(o);
}

/* ---- the decode step: every running stream gets one token; others wait for a place ---- */
static void arm(struct server *v)
{
    double us = (double)v->ready.step_us;
    struct timeval tv = { (time_t)(us / 1e6), (suseconds_t)((uint64_t)us % 1000000) };
    if (v->streams && !v->core_dead && !evtimer_pending(v->step, NULL))
        evtimer_add(v->step, &tv);
}

static void on_step(evutil_socket_t fd, short what, void *arg)
{
    struct server *v = arg;
    (void)fd, (void)what;
    uint64_t room = v->ready.tokens, running = 0;
    for (struct stream *s = v->streams, *next; s; s = next) {
        next = s->next;
        uint64_t tokens = bt_round_up(s->prompt_tokens + s->want, v->e->s.block_size);
        if (running >= v->e->s.max_seqs || tokens > room)
            break;                   /* first come, first served, as vLLM's scheduler */
        room -= tokens;
        running++;
        s->running = true;
        stream_token(s);
        if (s->made >= s->want)
            stream_end(s);
    }
    arm(v);
}

/* ---- endpoints ---- */
static json_t *request_json(struct evhttp_request *req)
{
    struct evbuffer *b = evhttp_request_get_input_buffer(req);
    size_t n = evbuffer_get_length(b);
    return n > 64 * MiB ? NULL : json_loadb((const char *)evbuffer_pullup(b, -1), n, 0, NULL);
}

static uint64_t text_tokens(const char *z)           /* about four letters a token: no tokenizer here, and said so */
{
    return BT_MAX(1, (uint64_t)strlen(z) / 4);
}

static uint64_t prompt_of(const json_t *o, bool chat, uint64_t *seed)
{
    uint64_t tokens = 0;
    size_t i;
    json_t *m;
    const char *z = json_string_value(json_object_get(o, "prompt"));
    if (z) {
        tokens = text_tokens(z);
        for (const char *p = z; *p; p++)
            *seed = mix(*seed + (unsigned char)*p);
    }
    if (chat)
        json_array_foreach(json_object_get(o, "messages"), i, m) {
            z = json_string_value(json_object_get(m, "content"));
            if (!z)
                continue;
            tokens += text_tokens(z) + 4;
            for (const char *p = z; *p; p++)
                *seed = mix(*seed + (unsigned char)*p);
        }
    return tokens;
}

static void complete(struct evhttp_request *req, struct server *v, bool chat)
{
    json_t *o = request_json(req);
    const char *model = json_string_value(json_object_get(o, "model"));
    uint64_t seed = 1, prompt = o ? prompt_of(o, chat, &seed) : 0;
    json_t *max = json_object_get(o, chat && json_object_get(o, "max_completion_tokens") ? "max_completion_tokens" : "max_tokens");
    bool sse = json_is_true(json_object_get(o, "stream"));
    uint64_t want = json_is_integer(max) && json_integer_value(max) > 0 ? (uint64_t)json_integer_value(max) : chat ? 48 : 16;
    bool bad = !json_is_object(o) || !prompt, unknown = !bad && model && strcmp(model, v->e->s.served_name);
    json_t *kept = model ? json_string(model) : NULL;
    json_decref(o);
    if (v->core_dead)
        reply_error(req, 500, "InternalServerError", "EngineCore encountered an issue. See stack trace (above) for the root cause.");
    else if (bad)
        reply_error(req, 400, "BadRequestError", "%s",
                    chat ? "messages: a non-empty list of messages with text is required" : "prompt: a non-empty string is required");
    else if (unknown)
        reply_error(req, 404, "NotFoundError", "The model `%s` does not exist.", json_string_value(kept));
    else if (prompt + want > v->ready.context)
        reply_error(
            req, 400, "BadRequestError",
            "This model's maximum context length is %llu tokens. However, you requested %llu tokens (%llu in the prompt, %llu in the completion).",
            (unsigned long long)v->ready.context, (unsigned long long)(prompt + want), (unsigned long long)prompt, (unsigned long long)want);
    else {
        struct stream *s = bt_xcalloc(1, sizeof *s), **at = &v->streams;
        *s = (struct stream){ .srv = v, .req = req, .chat = chat, .sse = sse, .id = ++v->next_id, .prompt_tokens = prompt,
                               .want = want, .seed = seed, .text = BT_BUF(16 * MiB) };
        while (*at)
            at = &(*at)->next;
        *at = s;
        v->prompts += prompt;
        evhttp_connection_set_closecb(evhttp_request_get_connection(req), on_client_gone, s);
        if (sse) {
            evhttp_add_header(evhttp_request_get_output_headers(req), "content-type", "text/event-stream; charset=utf-8");
            evhttp_send_reply_start(req, 200, NULL);
        }
        arm(v);
    }
    json_decref(kept);
}

static void metrics(struct evhttp_request *req, struct server *v)
{
    uint64_t running = 0, waiting = 0, used = 0;
    for (struct stream *s = v->streams; s; s = s->next) {
        s->running ? running++ : waiting++;
        used += s->running ? s->prompt_tokens + s->made : 0;
    }
    struct evbuffer *b = evbuffer_new();
    const char *l = v->e->s.served_name;
    evbuffer_add_printf(
        b,
        "# simulated engine\n"
        "vllm:num_requests_running{engine=\"0\",model_name=\"%s\"} %llu.0\nvllm:num_requests_waiting{engine=\"0\",model_name=\"%s\"} %llu.0\n"
        "vllm:kv_cache_usage_perc{engine=\"0\",model_name=\"%s\"} %.6f\nvllm:prompt_tokens_total{engine=\"0\",model_name=\"%s\"} %llu.0\n"
        "vllm:generation_tokens_total{engine=\"0\",model_name=\"%s\"} "
        "%llu.0\nvllm:request_success_total{engine=\"0\",finished_reason=\"length\",model_name=\"%s\"} %llu.0\n"
        "vllm:cache_config_info{block_size=\"%llu\",num_gpu_blocks=\"%llu\",kv_cache_size_tokens=\"%llu\"} 1.0\n",
        l, (unsigned long long)running, l, (unsigned long long)waiting, l, (double)used / (double)BT_MAX(v->ready.tokens, 1), l,
        (unsigned long long)v->prompts, l, (unsigned long long)v->generated, l, (unsigned long long)v->finished,
        (unsigned long long)v->e->s.block_size, (unsigned long long)v->ready.blocks, (unsigned long long)v->ready.tokens);
    evhttp_add_header(evhttp_request_get_output_headers(req), "content-type", "text/plain; version=0.0.4");
    evhttp_send_reply(req, 200, NULL, b);
    evbuffer_free(b);
}

static void on_request(struct evhttp_request *req, void *arg)
{
    struct server *v = arg;
    const char *path = evhttp_uri_get_path(evhttp_request_get_evhttp_uri(req));
    bool post = evhttp_request_get_command(req) == EVHTTP_REQ_POST;
    path = path ? path : "";
    if (!strcmp(path, "/health") || !strcmp(path, "/ping"))
        evhttp_send_reply(req, v->core_dead ? 503 : 200, NULL, NULL);
    else if (!strcmp(path, "/version"))
        reply_json(req, 200, json_pack("{s:s, s:b}", "version", v->e->version, "simulated", 1));
    else if (!strcmp(path, "/metrics"))
        metrics(req, v);
    else if (!strcmp(path, "/v1/models"))
        reply_json(req, 200,
                   json_pack("{s:s, s:[{s:s, s:s, s:I, s:s, s:s, s:n, s:I}]}", "object", "list", "data", "id", v->e->s.served_name, "object", "model",
                             "created", (json_int_t)time(NULL), "owned_by", "berth-sim-engine (simulated)", "root", v->e->model_arg, "parent",
                             "max_model_len", (json_int_t)v->ready.context));
    else if (!strcmp(path, "/v1/completions") && post)
        complete(req, v, false);
    else if (!strcmp(path, "/v1/chat/completions") && post)
        complete(req, v, true);
    else
        reply_json(req, 404, json_pack("{s:s}", "detail", "Not Found"));
}

/* ---- life and death ---- */
static void on_exit_timer(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    event_base_loopbreak(((struct server *)arg)->base);
}

static void leave_in(struct server *v, long ms)
{
    struct timeval tv = { ms / 1000, ms % 1000 * 1000 };
    if (!evtimer_pending(v->exit_ev, NULL))
        evtimer_add(v->exit_ev, &tv);
}

static void on_core_gone(evutil_socket_t fd, short what, void *arg)
{
    struct server *v = arg;
    (void)what;
    char byte;
    if (read(fd, &byte, 1) > 0)
        return;
    event_del(v->core_ev);
    if (v->stopping)
        return;
    v->core_dead = true;
    se_error("core_client.py:616", "Engine core proc EngineCore died unexpectedly, shutting down client.");
    while (v->streams) {
        struct stream *s = v->streams;
        evhttp_connection_set_closecb(evhttp_request_get_connection(s->req), NULL, NULL);
        if (s->sse) {
            send_event(s,
                       "{\"error\": {\"message\": \"EngineCore encountered an issue. See stack trace (above) for the root cause.\", \"code\": 500}}");
            send_event(s, "[DONE]");
            evhttp_send_reply_end(s->req);
        } else
            reply_error(s->req, 500, "InternalServerError", "EngineCore encountered an issue. See stack trace (above) for the root cause.");
        s->req = NULL;
        stream_drop(s);
    }
    leave_in(v, 3000);               /* the real watchdog looks every 5 s; then exit 0, whatever the cause */
}

static void on_term(evutil_socket_t sig, short what, void *arg)
{
    struct server *v = arg;
    (void)sig, (void)what;
    if (v->stopping)
        return;
    v->stopping = true;
    se_info("launcher.py:254", "[shutdown] API server: shutdown triggered");
    kill(v->core, SIGKILL);          /* default --shutdown-timeout 0: the tree is force-killed; workers follow by their death pipe */
    se_warning("utils.py:653", "[shutdown] Process manager: force killing remaining process EngineCore pid %d", (int)v->core);
    leave_in(v, 350);
}

int se_http_run(struct se *e, const struct se_ready *ready, int listen_fd, pid_t core, int core_fd)
{
    struct server v = { .e = e, .ready = *ready, .core = core };
    v.base = event_base_new();
    v.http = evhttp_new(v.base);
    evhttp_set_gencb(v.http, on_request, &v);
    evhttp_set_max_body_size(v.http, 64 * MiB);
    evhttp_set_timeout(v.http, 120);
    v.step = evtimer_new(v.base, on_step, &v);
    v.exit_ev = evtimer_new(v.base, on_exit_timer, &v);
    v.core_ev = event_new(v.base, core_fd, EV_READ | EV_PERSIST, on_core_gone, &v);
    v.term_ev = evsignal_new(v.base, SIGTERM, on_term, &v);
    v.int_ev = evsignal_new(v.base, SIGINT, on_term, &v);
    event_add(v.core_ev, NULL);
    event_add(v.term_ev, NULL);
    event_add(v.int_ev, NULL);
    if (listen(listen_fd, 2048) < 0 || evutil_make_socket_nonblocking(listen_fd) < 0 || evhttp_accept_socket(v.http, listen_fd) < 0) {
        fprintf(stderr, "ERROR:    listen: %s\n", strerror(errno));
        return 1;
    }
    fprintf(stderr, "INFO:     Started server process [%d]\nINFO:     Waiting for application startup.\nINFO:     Application startup complete.\n",
            (int)getpid());
    event_base_dispatch(v.base);
    fputs("INFO:     Shutting down\nINFO:     Finished server process\n", stderr);
    while (v.streams) {
        evhttp_connection_set_closecb(evhttp_request_get_connection(v.streams->req), NULL, NULL);     /* or evhttp_free would call it */
        v.streams->req = NULL;
        stream_drop(v.streams);
    }
    evhttp_free(v.http);
    struct event *all[] = { v.step, v.exit_ev, v.core_ev, v.term_ev, v.int_ev };
    for (size_t i = 0; i < BT_LEN(all); i++)
        event_free(all[i]);
    event_base_free(v.base);
    return 0;                        /* also after an engine death: the real one does, and supervisors must not trust it */
}

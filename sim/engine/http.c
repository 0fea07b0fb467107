/* http.c - the API server: OpenAI endpoints over evhttp. Tokens come from EngineCore: a stopped one holds every stream while /health says 200. The text
 * is deterministic and says that it is simulated. */
#include "sim/engine/serve.h"

#include <errno.h>
#include <event2/http_struct.h>
#include <event2/keyvalq_struct.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <time.h>

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

/* uvicorn's access log; the two that are polled are left out. */
static void access_log(const struct server *v, struct evhttp_request *req, int code)
{
    static const struct { int code; const char *text; } texts[] = { { 200, "OK" }, { 400, "Bad Request" }, { 401, "Unauthorized" }, { 404, "Not Found" },
                                                                     { 500, "Internal Server Error" }, { 503, "Service Unavailable" } };
    const char *uri = evhttp_request_get_uri(req), *text = "", *method = evhttp_request_get_command(req) == EVHTTP_REQ_POST ? "POST" : "GET";
    char *host = NULL;
    ev_uint16_t port = 0;
    if (v->face->quiet || !strcmp(uri, "/health") || !strcmp(uri, "/metrics"))
        return;
    for (size_t i = 0; i < BT_LEN(texts); i++)
        text = texts[i].code == code ? texts[i].text : text;
    evhttp_connection_get_peer(evhttp_request_get_connection(req), &host, &port);
    se_line(STDOUT_FILENO, "INFO:     %s:%u - \"%s %.200s HTTP/1.1\" %d %s", host ? host : "?", (unsigned)port, method, uri, code, text);
}

void se_reply_json(struct server *v, struct evhttp_request *req, int code, json_t *o)
{
    struct evbuffer *b = evbuffer_new();
    char *text = json_dumps(o, JSON_COMPACT | JSON_ENCODE_ANY);
    evbuffer_add(b, text, strlen(text));
    free(text);
    json_decref(o);
    access_log(v, req, code);
    evhttp_add_header(evhttp_request_get_output_headers(req), "content-type", "application/json");
    evhttp_send_reply(req, code, NULL, b);
    evbuffer_free(b);
}

void se_reply_error(struct server *v, struct evhttp_request *req, int code, const char *type, const char *fmt, ...)
{
    char msg[1024];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(msg, sizeof msg, fmt, ap);
    va_end(ap);
    se_reply_json(v, req, code, json_pack("{s:{s:s, s:s, s:n, s:i}}", "error", "message", msg, "type", type, "param", "code", code));
}

static json_t *choice(const struct stream *s, const char *piece, bool last, bool whole, bool role)
{
    json_t *c = json_pack("{s:i}", "index", 0);
    if (s->chat) {
        json_t *m = json_pack("{s:s}", "content", piece);
        if (role || whole)
            json_object_set_new(m, "role", json_string("assistant"));
        json_object_set_new(c, whole ? "message" : "delta", m);
    } else {
        json_object_set_new(c, "text", json_string(piece));
    }
    json_object_set_new(c, "logprobs", json_null());
    json_object_set_new(c, "finish_reason", last ? json_string("length") : json_null());
    return c;
}

static json_t *body(const struct stream *s, json_t *c, bool whole)
{
    char id[64];
    snprintf(id, sizeof id, "%s-sim-%llu", s->chat ? "chatcmpl" : "cmpl", (unsigned long long)s->id);
    json_t *o = json_pack("{s:s, s:s, s:I, s:s, s:s, s:[]}", "id", id, "object",
                          s->chat ? (whole ? "chat.completion" : "chat.completion.chunk") : "text_completion", "created", (json_int_t)time(NULL),
                          "model", s->model, "system_fingerprint", "berth-sim-engine (simulated)", "choices");
    if (c)
        json_array_append_new(json_object_get(o, "choices"), c);
    return o;
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

static void send_json(struct stream *s, json_t *o)
{
    char *text = json_dumps(o, JSON_COMPACT);
    send_event(s, text);
    free(text);
    json_decref(o);
}

void se_stream_drop(struct stream *s)
{
    struct stream **at = &s->srv->streams;
    while (*at && *at != s)
        at = &(*at)->next;
    if (*at)
        *at = s->next;
    if (s->req)
        evhttp_connection_set_closecb(evhttp_request_get_connection(s->req), NULL, NULL);
    bt_buf_release(&s->text);
    free((char *)(uintptr_t)s->model);
    free(s);
}

static void on_client_gone(struct evhttp_connection *c, void *arg)
{
    struct stream *s = arg;
    struct server *v = s->srv;
    (void)c;
    s->req = NULL;                   /* evhttp frees it with the connection */
    v->aborted++;
    se_stream_drop(s);
    if (!v->streams && v->face->idle)
        v->face->idle(v);            /* a stop may wait for its clients */
}

static void stream_close(struct stream *s)
{
    evhttp_connection_set_closecb(evhttp_request_get_connection(s->req), NULL, NULL);
    if (s->sse)
        evhttp_send_reply_end(s->req);
    struct server *v = s->srv;
    s->req = NULL;
    se_stream_drop(s);
    if (!v->streams && v->face->idle)
        v->face->idle(v);
}

void se_stream_error(struct stream *s)
{
    static const char text[] = "EngineCore encountered an issue. See stack trace (above) for the root cause.";
    if (s->sse) {
        send_event(s, "{\"error\": {\"message\": \"EngineCore encountered an issue. See stack trace (above) for the root cause.\", \"type\": "
                      "\"InternalServerError\", "
                      "\"param\": null, \"code\": 500}}");
        send_event(s, "[DONE]");
    } else {
        se_reply_error(s->srv, s->req, 500, "InternalServerError", "%s", text);
    }
    stream_close(s);
}

static void stream_end(struct stream *s)
{
    struct server *v = s->srv;
    v->finished++;
    se_histogram_add(&v->e2e, se_clock() - s->since);
    if (s->sse) {
        if (s->usage) {
            json_t *o = body(s, NULL, false);
            json_object_set_new(o, "usage", usage(s));
            send_json(s, o);
        }
        send_event(s, "[DONE]");
    } else {
        json_t *o = body(s, choice(s, bt_buf_z(&s->text), true, true, true), true);
        json_object_set_new(o, "usage", usage(s));
        se_reply_json(v, s->req, 200, o);
    }
    stream_close(s);
}

static void stream_token(struct stream *s)
{
    char piece[64];
    double now = se_clock();
    if (!s->made)
        se_histogram_add(&s->srv->ttft, (s->first_at = now) - s->since);
    else
        se_histogram_add(&s->srv->itl, now - s->last_at);
    s->last_at = now;
    token_text(s, s->made++, piece, sizeof piece);
    s->srv->generated++;
    if (s->sse)
        send_json(s, body(s, choice(s, piece, s->made >= s->want, false, s->made == 1), false));
    else
        bt_buf_puts(&s->text, piece);
}

/* ---- orders and decode steps ---- */

void se_order(struct server *v, const struct se_order *o, struct pending *p)
{
    p->op = o->op;
    p->next = NULL;
    *v->pending_end = p;
    v->pending_end = &p->next;
    for (size_t i = 0; i < v->nchildren; i++)
        if (send(v->child[i].fd, o, sizeof *o, MSG_NOSIGNAL) < 0) { /* its end shows as end of file */ }
}

/* First come, first served, while places and KV last. False when nothing can run. */
static bool schedule(struct server *v)
{
    uint64_t room = v->ready.tokens, running = 0;
    bool any = false, full = false;
    for (struct stream *s = v->streams; s; s = s->next) {
        uint64_t tokens = bt_round_up(s->prompt_tokens + s->want, v->e->s.block_size ? v->e->s.block_size : 1);
        s->running = !full && running < v->e->s.max_seqs && tokens <= room;
        full = full || !s->running;
        room -= s->running ? tokens : 0;
        running += s->running;
        any = any || s->running;
    }
    return any;
}

void se_arm(struct server *v)
{
    if (v->stepping || v->core_dead || v->paused || v->asleep || !schedule(v))
        return;
    v->stepping = true;
    if (v->nchildren) {
        se_order(v, &(struct se_order){ .op = SE_STEP, .blocks = 1, .context = v->ready.step_us }, bt_xcalloc(1, sizeof(struct pending)));
        return;
    }
    struct timeval tv = { (time_t)(v->ready.step_us / 1000000), (suseconds_t)(v->ready.step_us % 1000000) };
    evtimer_add(v->step_ev, &tv);    /* one process: it computes in its own loop */
}

/* Prompts go in pieces of a batch; a request whose prompt is in gets a token. */
static void stepped(struct server *v)
{
    uint64_t batch = v->e->s.max_batched_tokens;
    v->stepping = false;
    v->steps++;
    for (struct stream *s = v->streams, *next; s; s = next) {
        next = s->next;
        if (!s->running)
            continue;
        uint64_t piece = BT_MIN(batch, s->prompt_tokens - s->cached);
        s->cached += piece;
        v->prompts += piece;
        batch -= piece;
        if (s->cached < s->prompt_tokens)
            continue;
        stream_token(s);
        if (s->made >= s->want)
            stream_end(s);
    }
    se_arm(v);
}

static void on_step_timer(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    stepped(arg);
}

/* All children have answered the oldest order. */
static void answered(struct server *v)
{
    struct pending *p = v->pending;
    v->answered = 0;
    if (!p)
        return;
    v->pending = p->next;
    if (!v->pending)
        v->pending_end = &v->pending;
    if (p->op == SE_STEP)
        stepped(v);
    else
        se_admin_done(v, p, &v->rep);
    free(p->name);
    free(p->path);
    free(p);
}

/* A child is at most one answer ahead of the slowest: orders are given one after the other and each waits for all. */
static void on_child(evutil_socket_t fd, short what, void *arg)
{
    struct server *v = arg;
    struct se_report rep;
    (void)what;
    ssize_t got = recv(fd, &rep, sizeof rep, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got != sizeof rep) {
        se_server_orphan(v);
        v->face->died(v);
        return;
    }
    if (!v->answered || (v->rep.ok && !rep.ok))
        v->rep = rep;
    if (++v->answered == v->nchildren)
        answered(v);
}

/* ---- requests ---- */

json_t *se_request_json(struct evhttp_request *req)
{
    struct evbuffer *b = evhttp_request_get_input_buffer(req);
    size_t n = evbuffer_get_length(b);
    return n > 64 * MiB || !n ? NULL : json_loadb((const char *)evbuffer_pullup(b, -1), n, 0, NULL);
}

static uint64_t text_tokens(const char *z, uint64_t *seed)           /* about four letters a token: no tokenizer here, and said so */
{
    for (const char *p = z; *p; p++)
        *seed = mix(*seed + (unsigned char)*p);
    return BT_MAX(1, (uint64_t)strlen(z) / 4);
}

/* A string, a list of strings (or of parts of a chat message), a list of token numbers. */
static uint64_t prompt_tokens(const json_t *p, uint64_t *seed)
{
    uint64_t tokens = 0;
    size_t i;
    json_t *x;
    if (json_is_string(p))
        return text_tokens(json_string_value(p), seed);
    json_array_foreach((json_t *)(uintptr_t)p, i, x) {
        if (json_is_integer(x)) {
            *seed = mix(*seed + (uint64_t)json_integer_value(x));
            tokens++;
        } else if (json_is_object(x)) {
            const char *text = json_string_value(json_object_get(x, "text"));
            tokens += text ? text_tokens(text, seed) : BT_MAX(1u, 256u);         /* an image, of some size */
        } else if (json_is_string(x)) {
            tokens += text_tokens(json_string_value(x), seed);
        }
    }
    return tokens;
}

static uint64_t prompt_of(const json_t *o, bool chat, uint64_t *seed)
{
    uint64_t tokens = 0, n;
    size_t i;
    json_t *m;
    if (!chat)
        return prompt_tokens(json_object_get(o, "prompt"), seed);
    json_array_foreach(json_object_get(o, "messages"), i, m)
        if ((n = prompt_tokens(json_object_get(m, "content"), seed)))
            tokens += n + 4;
    return tokens;
}

static void begin(struct server *v, struct evhttp_request *req, const struct stream *from)
{
    struct stream *s = bt_xcalloc(1, sizeof *s), **at = &v->streams;
    *s = *from;
    while (*at)
        at = &(*at)->next;
    *at = s;
    evhttp_connection_set_closecb(evhttp_request_get_connection(req), on_client_gone, s);
    if (s->sse) {                    /* headers go out before the first token */
        access_log(s->srv, req, 200);
        evhttp_add_header(evhttp_request_get_output_headers(req), "content-type", "text/event-stream; charset=utf-8");
        evhttp_send_reply_start(req, 200, NULL);
    }
    se_arm(v);
}

static bool serves(struct server *v, struct evhttp_request *req, const char *model)
{
    if (!model || v->face->any_model || !strcmp(model, v->e->s.served_name) || se_adapter_known(v, model))
        return true;
    se_reply_json(v, req, 404, json_pack("{s:{s:o, s:s, s:s, s:i}}", "error", "message", json_sprintf("The model `%s` does not exist.", model), "type",
                                         "NotFoundError", "param", "model", "code", 404));
    return false;
}

static void complete(struct evhttp_request *req, struct server *v, bool chat)
{
    json_t *o = se_request_json(req);
    const char *model = json_string_value(json_object_get(o, "model"));
    uint64_t seed = 1, prompt = o ? prompt_of(o, chat, &seed) : 0;
    json_t *max = json_object_get(o, chat && json_object_get(o, "max_completion_tokens") ? "max_completion_tokens" : "max_tokens");
    uint64_t want = json_is_integer(max) && json_integer_value(max) > 0 ? (uint64_t)json_integer_value(max) : chat ? 48 : 16;
    if (v->draining)
        se_reply_error(v, req, 500, "InternalServerError", "cannot schedule new futures after shutdown");
    else if (v->core_dead)
        se_reply_error(v, req, 500, "InternalServerError", "EngineCore encountered an issue. See stack trace (above) for the root cause.");
    else if (!json_is_object(o) || !prompt)
        se_reply_error(v, req, 400, "BadRequestError", "%s",
                       chat ? "messages: a non-empty list of messages with text is required" : "prompt: a non-empty string is required");
    else if (serves(v, req, model)) {
        if (prompt + want > v->ready.context)
            se_reply_error(v, req, 400, "BadRequestError",
                           "This model's maximum context length is %llu tokens. However, you requested %llu tokens (%llu in the prompt, %llu in the "
                           "completion).",
                           (unsigned long long)v->ready.context, (unsigned long long)(prompt + want), (unsigned long long)prompt,
                           (unsigned long long)want);
        else
            begin(v, req,
                  &(struct stream){ .srv = v,
                                    .req = req,
                                    .chat = chat,
                                    .sse = json_is_true(json_object_get(o, "stream")),
                                    .id = ++v->next_id,
                                    .prompt_tokens = prompt,
                                    .usage = json_is_true(json_object_get(json_object_get(o, "stream_options"), "include_usage")),
                                    .want = want,
                                    .seed = seed,
                                    .since = se_clock(),
                                    .model = bt_xstrdup(model ? model : v->e->s.served_name),
                                    .text = BT_BUF(16 * MiB) });
    }
    json_decref(o);
}

/* Vectors of pooling models: made up, the same for the same text, of length 1. */
static void embeddings(struct evhttp_request *req, struct server *v)
{
    json_t *o = se_request_json(req), *input = json_object_get(o, "input"), *data = json_array();
    size_t n = json_is_array(input) ? json_array_size(input) : json_is_string(input) ? 1 : 0;
    uint64_t tokens = 0;
    for (size_t i = 0; i < n; i++) {
        uint64_t seed = 1;
        json_t *vector = json_array();
        tokens += prompt_tokens(json_is_array(input) ? json_array_get(input, i) : input, &seed);
        for (uint32_t k = 0; k < v->e->model->hidden; k++)
            json_array_append_new(vector, json_real(((double)(mix(seed + k) >> 11) / (double)(1ull << 53) * 2 - 1) / 32));
        json_array_append_new(data, json_pack("{s:s, s:I, s:o}", "object", "embedding", "index", (json_int_t)i, "embedding", vector));
    }
    v->prompts += tokens;
    if (!n) {
        json_decref(data);
        se_reply_error(v, req, 400, "BadRequestError", "input: a text or a list of texts is required");
    } else {
        v->finished++;
        se_reply_json(v, req, 200,
                      json_pack("{s:s, s:o, s:s, s:{s:I, s:I}}", "object", "list", "data", data, "model", v->e->s.served_name, "usage",
                                "prompt_tokens", (json_int_t)tokens, "total_tokens", (json_int_t)tokens));
    }
    json_decref(o);
}

static json_t *model_card(const struct server *v, const char *id, const char *root, const char *parent)
{
    json_t *m = json_pack("{s:s, s:s, s:I, s:s, s:s, s:I}", "id", id, "object", "model", "created", (json_int_t)time(NULL), "owned_by",
                          "berth-sim-engine (simulated)", "root", root, "max_model_len", (json_int_t)v->ready.context);
    json_object_set_new(m, "parent", parent ? json_string(parent) : json_null());
    return m;
}

static void models(struct evhttp_request *req, struct server *v)
{
    json_t *list = json_array();
    json_array_append_new(list, model_card(v, v->e->s.served_name, v->e->model_arg, NULL));
    for (const struct adapter *a = v->adapters; a; a = a->next)
        json_array_append_new(list, model_card(v, a->name, a->path, v->e->s.served_name));
    se_reply_json(v, req, 200, json_pack("{s:s, s:o}", "object", "list", "data", list));
}

static void tokenize(struct evhttp_request *req, struct server *v)
{
    json_t *o = se_request_json(req), *numbers = json_array();
    uint64_t seed = 1, n = o ? prompt_of(o, json_object_get(o, "messages") != NULL, &seed) : 0;
    for (uint64_t i = 0; i < BT_MIN(n, 65536u); i++)
        json_array_append_new(numbers, json_integer((json_int_t)(mix(seed + i) % v->e->model->vocab)));
    se_reply_json(v, req, 200, json_pack("{s:I, s:I, s:o}", "count", (json_int_t)n, "max_model_len", (json_int_t)v->ready.context, "tokens", numbers));
    json_decref(o);
}

static bool allowed(struct server *v, struct evhttp_request *req, const char *path)
{
    const char *given = evhttp_find_header(evhttp_request_get_input_headers(req), "Authorization");
    if (!v->e->more.api_key || strncmp(path, "/v1", 3) != 0 || (given && !strncmp(given, "Bearer ", 7) && !strcmp(given + 7, v->e->more.api_key)))
        return true;
    se_reply_json(v, req, 401, json_pack("{s:s}", "error", "Unauthorized"));
    return false;
}

static void on_request(struct evhttp_request *req, void *arg)
{
    struct server *v = arg;
    const char *path = evhttp_uri_get_path(evhttp_request_get_evhttp_uri(req));
    bool post = evhttp_request_get_command(req) == EVHTTP_REQ_POST, pooling = v->e->model && v->e->model->pooling;
    path = path ? path : "";
    if (!allowed(v, req, path) || v->face->request(v, req, path, post))
        return;
    if (!strcmp(path, "/v1/models"))
        models(req, v);
    else if (!strcmp(path, "/v1/completions") && post && !pooling)
        complete(req, v, false);
    else if (!strcmp(path, "/v1/chat/completions") && post && !pooling)
        complete(req, v, true);
    else if (!strcmp(path, "/v1/embeddings") && post && pooling)
        embeddings(req, v);
    else if (!strcmp(path, "/tokenize") && post)
        tokenize(req, v);
    else
        se_reply_json(v, req, 404, json_pack("{s:s}", "detail", "Not Found"));
}

/* ---- life ---- */

static void on_stop_signal(evutil_socket_t sig, short what, void *arg)
{
    struct server *v = arg;
    (void)sig, (void)what;
    v->face->signal(v);
}

void se_server_init(struct server *v, struct se *e, const struct face *face, const struct se_ready *ready)
{
    *v = (struct server){ .e = e, .face = face, .ready = *ready };
    v->pending_end = &v->pending;
    v->base = event_base_new();
    v->http = evhttp_new(v->base);
    evhttp_set_gencb(v->http, on_request, v);
    evhttp_set_max_body_size(v->http, 64 * MiB);
    evhttp_set_timeout(v->http, 120);
    v->step_ev = evtimer_new(v->base, on_step_timer, v);
    v->term_ev = evsignal_new(v->base, SIGTERM, on_stop_signal, v);
    v->int_ev = evsignal_new(v->base, SIGINT, on_stop_signal, v);
}

void se_server_child(struct server *v, int fd)
{
    struct event *ev = event_new(v->base, fd, EV_READ | EV_PERSIST, on_child, v);
    v->child[v->nchildren].fd = fd;
    v->child[v->nchildren++].ev = ev;
    event_add(ev, NULL);
}

void se_server_orphan(struct server *v)
{
    for (size_t i = 0; i < v->nchildren; i++)
        event_del(v->child[i].ev);
}

void se_server_close_port(struct server *v)
{
    if (v->bound)
        evhttp_del_accept_socket(v->http, v->bound);
    v->bound = NULL;
}

struct leave { struct server *v; void (*then)(struct server *v); };
static void on_leave(evutil_socket_t fd, short what, void *arg)
{
    struct leave l = *(struct leave *)arg;
    (void)fd, (void)what;
    free(arg);
    l.then(l.v);
}

void se_leave_in(struct server *v, double seconds, void (*then)(struct server *v))
{
    double s = seconds / v->e->speed;
    struct timeval tv = { (time_t)s, (suseconds_t)((s - (double)(time_t)s) * 1e6) };
    struct leave *l = bt_xcalloc(1, sizeof *l);
    *l = (struct leave){ v, then };
    event_base_once(v->base, -1, EV_TIMEOUT, on_leave, l, &tv);
}

void se_quit(struct server *v)
{
    event_base_loopbreak(v->base);
}

void se_server_run(struct server *v)
{
    event_base_dispatch(v->base);
    while (v->streams) {
        evhttp_connection_set_closecb(evhttp_request_get_connection(v->streams->req), NULL, NULL);   /* or evhttp_free would call it */
        v->streams->req = NULL;
        se_stream_drop(v->streams);
    }
}

/* health.c - the smallest HTTP client that tells ready from not ready. */
#include "run/health.h"

#include <arpa/inet.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <stdio.h>

#include "base/units.h"

struct bt_health {
    struct bufferevent *bev;
    void (*done)(void *ctx, int status, struct bt_str body);
    void *ctx;
    size_t body_max;
};

static void finish(struct bt_health *h, int status, struct bt_str body)
{
    void (*done)(void *, int, struct bt_str) = h->done;
    void *ctx = h->ctx;
    bufferevent_disable(h->bev, EV_READ | EV_WRITE);
    struct bufferevent *bev = h->bev;                /* holds the body until done has seen it */
    free(h);
    done(ctx, status, body);
    bufferevent_free(bev);
}

static int status_of(const char head[static 12])
{
    int status, minor;
    char z[13] = "";
    memcpy(z, head, 12);
    return sscanf(z, "HTTP/1.%d %3d", &minor, &status) == 2 && status >= 100 ? status : -1;
}

enum { HEAD_MAX = 16 * 1024 };

/* All of it is there, or as much as is wanted. */
static void finish_body(struct bt_health *h)
{
    struct evbuffer *in = bufferevent_get_input(h->bev);
    size_t n = evbuffer_get_length(in);
    const char *all = (const char *)evbuffer_pullup(in, -1), *end = n < 12 ? NULL : memmem(all, n, "\r\n\r\n", 4);
    size_t at = end ? (size_t)(end - all) + 4 : n;
    finish(h, n < 12 ? 0 : status_of(all), (struct bt_str){ n ? all + at : "", BT_MIN(n - at, h->body_max) });
}

static void on_read(struct bufferevent *bev, void *ctx)
{
    char head[12];
    struct bt_health *h = ctx;
    struct evbuffer *in = bufferevent_get_input(bev);
    size_t n = evbuffer_get_length(in);
    if (n < 12)
        return;
    evbuffer_copyout(in, head, 12);
    if (!h->body_max || status_of(head) < 0)
        finish(h, status_of(head), (struct bt_str){ "", 0 });
    else if (n >= h->body_max + HEAD_MAX)
        finish_body(h);
}

static void on_event(struct bufferevent *bev, short what, void *ctx)
{
    struct bt_health *h = ctx;
    (void)bev;
    if ((what & BEV_EVENT_EOF) && h->body_max)
        finish_body(h);
    else if (what & (BEV_EVENT_EOF | BEV_EVENT_ERROR | BEV_EVENT_TIMEOUT))
        finish(h, 0, (struct bt_str){ "", 0 });
}

struct bt_health *bt_health_get(struct event_base *base, const char *ip, int port, const char *path, int deadline_ms,
                                size_t body_max, void (*done)(void *ctx, int status, struct bt_str body), void *ctx)
{
    return bt_http_ask(base, ip, port, "GET", path, deadline_ms, body_max, done, ctx);
}

struct bt_health *bt_http_ask(struct event_base *base, const char *ip, int port, const char *method, const char *path, int deadline_ms,
                              size_t body_max, void (*done)(void *ctx, int status, struct bt_str body), void *ctx)
{
    return bt_http_send(base, ip, port, &(struct bt_http_request){ .method = method, .path = path, .deadline_ms = deadline_ms, .body_max = body_max }, done,
                        ctx);
}

static void write_request(struct evbuffer *out, const char *ip, int port, const struct bt_http_request *r)
{
    evbuffer_add_printf(out, "%s %s HTTP/1.1\r\nHost: %s:%d\r\nUser-Agent: berth\r\n", r->method, r->path, ip, port);
    if (r->key)
        evbuffer_add_printf(out, "Authorization: Bearer %s\r\n", r->key);
    if (r->body)
        evbuffer_add_printf(out, "Content-Type: application/json\r\n");
    if (!strcmp(r->method, "POST"))
        evbuffer_add_printf(out, "Content-Length: %zu\r\n", r->body ? strlen(r->body) : 0);
    evbuffer_add_printf(out, "Connection: close\r\n\r\n%s", r->body ? r->body : "");
}

struct bt_health *bt_http_send(struct event_base *base, const char *ip, int port, const struct bt_http_request *r,
                               void (*done)(void *ctx, int status, struct bt_str body), void *ctx)
{
    struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
    struct timeval limit = { r->deadline_ms / 1000, r->deadline_ms % 1000 * 1000 };
    if (inet_pton(AF_INET, ip, &in.sin_addr) != 1)
        return NULL;
    struct bufferevent *bev = bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS);
    if (!bev)
        return NULL;
    struct bt_health *h = bt_xcalloc(1, sizeof *h);
    *h = (struct bt_health){ bev, done, ctx, r->body_max };
    bufferevent_setcb(bev, on_read, NULL, on_event, h);
    bufferevent_setwatermark(bev, EV_READ, 12, r->body_max ? r->body_max + HEAD_MAX : 4096);   /* without a body: a status line */
    bufferevent_set_timeouts(bev, &limit, &limit);
    write_request(bufferevent_get_output(bev), ip, port, r);
    bufferevent_enable(bev, EV_READ | EV_WRITE);
    if (bufferevent_socket_connect(bev, (struct sockaddr *)&in, sizeof in) < 0) {
        bt_health_free(h);
        return NULL;
    }
    return h;
}

void bt_health_free(struct bt_health *h)
{
    if (!h)
        return;
    bufferevent_free(h->bev);
    free(h);
}

int bt_health_url(const char *url, char ip[16], int *port, struct bt_err *err)
{
    char host[64];
    unsigned p;
    struct in_addr in;
    if (sscanf(url, "http://%63[^:/]:%5u", host, &p) != 2 || p == 0 || p > 65535)
        return bt_err_set(err, BT_E_INPUT, 0, "endpoint %s: has to be http://HOST:PORT", url);
    if (!strcmp(host, "localhost"))
        strcpy(host, "127.0.0.1");
    if (inet_pton(AF_INET, host, &in) != 1 || (ntohl(in.s_addr) >> 24) != 127)
        return bt_err_set(err, BT_E_INPUT, 0, "endpoint %s: is not a loopback address", url);
    inet_ntop(AF_INET, &in, ip, 16);
    *port = (int)p;
    return 0;
}

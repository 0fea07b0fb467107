/* health.c - the smallest HTTP client that tells ready from not ready. */
#include "run/health.h"

#include <arpa/inet.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <stdio.h>

#include "base/units.h"

struct bt_health {
    struct bufferevent *bev;
    void (*done)(void *ctx, int status);
    void *ctx;
};

static void finish(struct bt_health *h, int status)
{
    void (*done)(void *, int) = h->done;
    void *ctx = h->ctx;
    bt_health_free(h);
    done(ctx, status);
}

static void on_read(struct bufferevent *bev, void *ctx)
{
    char head[16] = "";
    struct evbuffer *in = bufferevent_get_input(bev);
    size_t n = evbuffer_get_length(in);
    int status, minor;
    if (n < 12)
        return;
    evbuffer_copyout(in, head, 12);
    finish(ctx, sscanf(head, "HTTP/1.%d %3d", &minor, &status) == 2 && status >= 100 ? status : -1);
}

static void on_event(struct bufferevent *bev, short what, void *ctx)
{
    (void)bev;
    if (what & (BEV_EVENT_EOF | BEV_EVENT_ERROR | BEV_EVENT_TIMEOUT))
        finish(ctx, 0);
}

struct bt_health *bt_health_get(struct event_base *base, const char *ip, int port, const char *path, int deadline_ms,
                                void (*done)(void *ctx, int status), void *ctx)
{
    struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
    struct timeval limit = { deadline_ms / 1000, deadline_ms % 1000 * 1000 };
    if (inet_pton(AF_INET, ip, &in.sin_addr) != 1)
        return NULL;
    struct bufferevent *bev = bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS);
    if (!bev)
        return NULL;
    struct bt_health *h = bt_xcalloc(1, sizeof *h);
    *h = (struct bt_health){ bev, done, ctx };
    bufferevent_setcb(bev, on_read, NULL, on_event, h);
    bufferevent_setwatermark(bev, EV_READ, 12, 4096);        /* a status line; what follows is nobody's business */
    bufferevent_set_timeouts(bev, &limit, &limit);
    evbuffer_add_printf(bufferevent_get_output(bev), "GET %s HTTP/1.1\r\nHost: %s:%d\r\nUser-Agent: berth\r\nConnection: close\r\n\r\n", path, ip,
                        port);
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

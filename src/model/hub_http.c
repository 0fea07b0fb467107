/* hub_http.c - HTTP by libcurl's multi interface. The library is opened when the first request is made: linked, it would cost every other
 * verb 4 ms and the keeper megabytes (measured on Debian 12). */
#define CURL_DISABLE_TYPECHECK 1
#include <ctype.h>
#include <curl/curl.h>
#include <dlfcn.h>
#include <inttypes.h>
#include <stdio.h>
#include <time.h>
#include "model/hub_int.h"

#define AT_ONCE 16
#define TRIES 4
#define HOPS 5
#define CONNECT_MS 3000
#define STALL_S 10
#define ALL_S 300
#define WAIT_MAX_MS 10000            /* a Retry-After beyond it is cut */

/* ---- the library ---- */

#define CURL_CALLS(X) X(curl_global_init) X(curl_easy_init) X(curl_easy_setopt) X(curl_easy_getinfo) X(curl_easy_cleanup) X(curl_easy_strerror) \
    X(curl_multi_init) X(curl_multi_add_handle) X(curl_multi_remove_handle) X(curl_multi_perform) X(curl_multi_poll) X(curl_multi_info_read) \
    X(curl_multi_cleanup) X(curl_slist_append) X(curl_slist_free_all)
#define DECLARE(name) static __typeof__(name) *p_##name;
CURL_CALLS(DECLARE)

static int load_curl(struct bt_err *err)
{
    static bool loaded;
    if (loaded)
        return 0;
    void *lib = dlopen("libcurl.so.4", RTLD_NOW | RTLD_LOCAL);
    if (!lib) {
        bt_err_set(err, BT_E_FAILED, 0, "open libcurl.so.4: it is not on this machine");
        return bt_err_hint(err, "apt-get install libcurl4");
    }
#define LOOK_UP(name) if (!(*(void **)&p_##name = dlsym(lib, #name))) return bt_err_set(err, BT_E_FAILED, 0, "libcurl.so.4 has no " #name);
    CURL_CALLS(LOOK_UP)
    if (p_curl_global_init(CURL_GLOBAL_DEFAULT) != 0)
        return bt_err_set(err, BT_E_FAILED, 0, "libcurl does not start");
    loaded = true;
    return 0;
}

/* ---- one request on its way ---- */

struct hub_http { CURLM *multi; char *endpoint; struct curl_slist *with_token, *plain; long stall_s; };

struct flight {
    struct hub_http *http;
    struct hub_get *get;
    CURL *easy;
    char *url;                       /* of this hop */
    unsigned tries, hops;
    int64_t not_before_ms;           /* of the next try */
    uint64_t seen;                   /* body bytes of this response */
    bool enough;                     /* all that was asked for came; the rest of the body is of no use */
    bool too_big;
    char range[64];
};

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* A server that does not know ranges sends the whole file: bytes before `from` are stepped over, and it is cut off when we have ours. */
static size_t on_body(char *p, size_t size, size_t count, void *ctx)
{
    struct flight *f = ctx;
    struct hub_get *g = f->get;
    size_t n = size * count, skip = 0, room;
    long status = 0;
    p_curl_easy_getinfo(f->easy, CURLINFO_RESPONSE_CODE, &status);
    if (status != 200 && status != 206)
        return n;                    /* an error's page */
    if (status == 200 && f->seen < g->from)
        skip = (size_t)BT_MIN((uint64_t)n, g->from - f->seen);
    f->seen += n;
    room = g->n ? (size_t)(g->n - BT_MIN((uint64_t)g->body.n, g->n)) : n - skip;
    bt_buf_add(&g->body, p + skip, BT_MIN(n - skip, room));
    f->too_big = g->body.over;
    f->enough = g->n && g->body.n >= g->n;
    return f->enough || f->too_big ? 0 : n;          /* 0 ends the transfer */
}

static void keep_text(char *to, size_t size, const char *p, size_t n)
{
    bt_auto_buf struct bt_buf b = BT_BUF(2 * KiB);
    bt_buf_add_escaped(&b, bt_str_trim((struct bt_str){ p, BT_MIN(n, (size_t)400) }));
    size_t cut = BT_MIN(b.n, size - 1);
    while (cut && cut < b.n && ((unsigned char)b.p[cut] & 0xc0) == 0x80)
        cut--;
    memcpy(to, bt_buf_z(&b), cut);
    to[cut] = 0;
}

static size_t on_header(char *p, size_t size, size_t count, void *ctx)
{
    struct hub_get *g = ((struct flight *)ctx)->get;
    size_t n = size * count;
    static const char range[] = "content-range:", code[] = "x-error-code:", text[] = "x-error-message:", length[] = "content-length:";
    if (n > sizeof range && !strncasecmp(p, range, sizeof range - 1)) {
        const char *slash = memchr(p, '/', n);
        g->total = slash ? strtoull(slash + 1, NULL, 10) : 0;        /* curl ends header lines with a NUL in its own buffer: CRLF stops us before */
    } else if (n > sizeof length && !strncasecmp(p, length, sizeof length - 1)) {
        long status = 0;
        p_curl_easy_getinfo(((struct flight *)ctx)->easy, CURLINFO_RESPONSE_CODE, &status);
        if (status == 200)
            g->total = strtoull(p + sizeof length - 1, NULL, 10);
    } else if (n > sizeof code && !strncasecmp(p, code, sizeof code - 1)) {
        keep_text(g->error_code, sizeof g->error_code, p + sizeof code - 1, n - sizeof code + 1);
    } else if (n > sizeof text && !strncasecmp(p, text, sizeof text - 1)) {
        keep_text(g->error_text, sizeof g->error_text, p + sizeof text - 1, n - sizeof text + 1);
    }
    return n;
}

/* "https://host:port" of a URL. */
static size_t origin_length(const char *url)
{
    const char *p = strstr(url, "://");
    return p ? (size_t)(p + 3 - url) + strcspn(p + 3, "/?#") : 0;
}

static bool same_origin(const char *x, const char *y)
{
    size_t n = origin_length(x);
    return n && n == origin_length(y) && !strncasecmp(x, y, n);
}

static bool is_loopback(const char *url)
{
    return !strncmp(url, "http://127.0.0.1:", 17) || !strncmp(url, "http://localhost:", 17) || !strncmp(url, "http://[::1]:", 13);
}

static void set_up(struct flight *f)
{
    CURL *e = f->easy;
    struct hub_http *h = f->http;
    bool trusted = same_origin(f->url, h->endpoint) && (!strncmp(f->url, "https:", 6) || is_loopback(f->url));
    bt_buf_clear(&f->get->body);
    f->seen = 0;
    f->enough = f->too_big = false;
    f->get->error_code[0] = f->get->error_text[0] = f->get->why[0] = 0;
    f->get->total = 0;
    p_curl_easy_setopt(e, CURLOPT_URL, f->url);
    p_curl_easy_setopt(e, CURLOPT_HTTPHEADER, trusted ? h->with_token : h->plain);
    p_curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L);               /* by hand: the token stays with its host */
    p_curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
    p_curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
    p_curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
    p_curl_easy_setopt(e, CURLOPT_LOW_SPEED_LIMIT, 1L);
    p_curl_easy_setopt(e, CURLOPT_LOW_SPEED_TIME, h->stall_s);
    p_curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body);
    p_curl_easy_setopt(e, CURLOPT_WRITEDATA, f);
    p_curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, on_header);
    p_curl_easy_setopt(e, CURLOPT_HEADERDATA, f);
    p_curl_easy_setopt(e, CURLOPT_PRIVATE, f);
    p_curl_easy_setopt(e, CURLOPT_USERAGENT, "berth/" BERTH_VERSION);
    if (f->get->n) {
        snprintf(f->range, sizeof f->range, "%" PRIu64 "-%" PRIu64, f->get->from, f->get->from + f->get->n - 1);
        p_curl_easy_setopt(e, CURLOPT_RANGE, f->range);
    }
}

static void launch(struct flight *f)
{
    if (!f->easy)
        f->easy = p_curl_easy_init();
    if (!f->easy)
        abort();                     /* out of memory, as bt_xmalloc does */
    set_up(f);
    p_curl_multi_add_handle(f->http->multi, f->easy);
}

static bool again(struct flight *f, int64_t wait_ms)
{
    if (++f->tries >= TRIES)
        return false;
    f->not_before_ms = now_ms() + BT_MIN(BT_MAX(wait_ms, (int64_t)250 << (f->tries - 1)), (int64_t)WAIT_MAX_MS);
    free(f->url);
    f->url = bt_xstrdup(f->get->url);
    f->hops = 0;
    return true;
}

/* The next hop. A redirect to another scheme than http(s), from https to http, or in a circle ends here. */
static bool follow(struct flight *f)
{
    char *to = NULL;
    p_curl_easy_getinfo(f->easy, CURLINFO_REDIRECT_URL, &to);
    bool down = to && !strncmp(f->url, "https:", 6) && strncmp(to, "https:", 6);
    if (!to || down || ++f->hops > HOPS) {
        snprintf(f->get->why, sizeof f->get->why, "%s", !to ? "a redirect to nowhere" : down ? "a redirect from https to plain http" : "too many redirects");
        return false;
    }
    char *copy = bt_xstrdup(to);
    free(f->url);
    f->url = copy;
    f->not_before_ms = 0;
    return true;
}

/* What became of it: false = on its way again (or waiting for it). */
static bool settled(struct flight *f, CURLcode rc)
{
    struct hub_get *g = f->get;
    curl_off_t retry_s = 0;
    g->status = 0;
    p_curl_easy_getinfo(f->easy, CURLINFO_RESPONSE_CODE, &g->status);
    p_curl_easy_getinfo(f->easy, CURLINFO_RETRY_AFTER, &retry_s);
    if (f->too_big) {
        snprintf(g->why, sizeof g->why, "an answer of more than %" PRIu64 " bytes", g->most);
        return true;
    }
    if (rc != CURLE_OK && !(f->enough && rc == CURLE_WRITE_ERROR)) {
        g->unreachable = rc == CURLE_COULDNT_CONNECT || rc == CURLE_COULDNT_RESOLVE_HOST || rc == CURLE_COULDNT_RESOLVE_PROXY || (rc == CURLE_OPERATION_TIMEDOUT && !g->status);
        if (rc == CURLE_OPERATION_TIMEDOUT && g->status)
            snprintf(g->why, sizeof g->why, "no byte for %ld s", f->http->stall_s);
        else
            snprintf(g->why, sizeof g->why, "%s", p_curl_easy_strerror(rc));
        return g->unreachable || !again(f, 0);
    }
    if (g->status >= 300 && g->status < 400)
        return !follow(f);
    if (g->status == 429 || g->status >= 500)
        return !again(f, (int64_t)BT_MIN(retry_s, (curl_off_t)60) * 1000);
    if ((g->status == 200 || g->status == 206) && !hub_get_ok(g)) {
        snprintf(g->why, sizeof g->why, "the answer ends after %zu bytes", g->body.n);
        return !again(f, 0);
    }
    return true;
}

/* ---- all of them ---- */

static void progress(const char *tell, size_t done, size_t n, bool last)
{
    if (!tell || n < 2 || !isatty(2))
        return;
    fprintf(stderr, "\rberth: %s: %zu of %zu headers%s", tell, done, n, last ? "\r\033[K" : "");
    fflush(stderr);
}

/* Launch what may go now; *soonest_ms: when the next one that waits may go. */
static size_t launch_ready(struct flight *f, size_t n, bool *flying, size_t in_air, int64_t *soonest_ms)
{
    int64_t now = now_ms();
    *soonest_ms = 1000;
    for (size_t i = 0; i < n; i++) {
        if (flying[i] || f[i].not_before_ms < 0)
            continue;
        if (f[i].not_before_ms > now) {
            *soonest_ms = BT_MIN(*soonest_ms, f[i].not_before_ms - now);
        } else if (in_air < AT_ONCE) {
            flying[i] = true;
            in_air++;
            launch(&f[i]);
        }
    }
    return in_air;
}

static void release(struct flight *f, size_t n, const bool *flying)
{
    for (size_t i = 0; i < n; i++) {
        if (flying[i])
            p_curl_multi_remove_handle(f[i].http->multi, f[i].easy);
        if (f[i].easy)
            p_curl_easy_cleanup(f[i].easy);
        free(f[i].url);
    }
}

int hub_http_all(struct hub_http *h, struct hub_get *g, size_t n, const char *tell, struct bt_err *err)
{
    bt_auto_free struct flight *f = bt_xcalloc(n + 1, sizeof *f);
    bt_auto_free bool *flying = bt_xcalloc(n + 1, sizeof *flying);
    size_t done = 0, in_air = 0;
    int64_t end = now_ms() + ALL_S * 1000, soonest;
    int rc = 0;
    for (size_t i = 0; i < n; i++) {
        f[i] = (struct flight){ .http = h, .get = &g[i], .url = bt_xstrdup(g[i].url) };
        g[i].body = BT_BUF(g[i].most);
    }
    while (done < n && rc == 0) {
        int running, left;
        in_air = launch_ready(f, n, flying, in_air, &soonest);
        p_curl_multi_perform(h->multi, &running);
        for (CURLMsg *m; (m = p_curl_multi_info_read(h->multi, &left));) {
            struct flight *one = NULL;
            CURLcode code = m->data.result;
            p_curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, (char **)&one);
            p_curl_multi_remove_handle(h->multi, one->easy);
            flying[one - f] = false;
            in_air--;
            if (settled(one, code)) {
                one->not_before_ms = -1;
                progress(tell, ++done, n, false);
            }
        }
        if (done < n)
            p_curl_multi_poll(h->multi, NULL, 0, (int)BT_MIN(soonest, (int64_t)200), NULL);
        if (now_ms() > end)
            rc = bt_err_set(err, BT_E_BUSY, 0, "%s did not answer all requests in %d s", h->endpoint, ALL_S);
    }
    progress(tell, done, n, true);
    release(f, n, flying);
    return rc;
}

bool hub_get_ok(const struct hub_get *g)
{
    if ((g->status != 200 && g->status != 206) || g->body.over)
        return false;
    if (!g->n)
        return !g->total || g->body.n == g->total;
    uint64_t there = g->total > g->from ? g->total - g->from : 0;    /* a file may be shorter than what was asked for */
    return g->total ? g->body.n == BT_MIN(g->n, there) : g->body.n == g->n;
}

int hub_get_err(const struct hub_get *g, const char *endpoint, const char *repo, const char *what, struct bt_err *err)
{
    const char *said = g->error_text[0] ? g->error_text : g->error_code;
    bool gated = !strcmp(g->error_code, "GatedRepo");
    if (g->unreachable || !g->status)
        return bt_err_set(err, BT_E_NOT_FOUND, 0, "the hub (%s) is not reachable: %s", endpoint, g->why);
    if (g->status == 401 || g->status == 403) {
        bt_err_set(err, BT_E_NOT_FOUND, 0, "the hub refuses %s (HTTP %ld)%s%s", what, g->status, said[0] ? ": " : "", said);
        return gated || g->status == 403 ? bt_err_hint(err, "accept its terms at %s/%s, and set HF_TOKEN to a token of yours", endpoint, repo)
                                         : bt_err_hint(err, "check the name; if it is private or gated, set HF_TOKEN");
    }
    if (g->status == 404)
        return bt_err_set(err, BT_E_NOT_FOUND, 0, "the hub has no %s%s%s", what, said[0] ? ": " : "", said);
    if (g->status == 429 || g->status >= 500) {
        bt_err_set(err, BT_E_BUSY, 0, "the hub answers HTTP %ld for %s, %d times", g->status, what, TRIES);
        return bt_err_hint(err, g->status == 429 ? "it limits requests: try again later, or set HF_TOKEN" : "try again later");
    }
    if (g->why[0])
        return bt_err_set(err, BT_E_IO, 0, "get %s from the hub: %s", what, g->why);
    return bt_err_set(err, BT_E_IO, 0, "get %s from the hub: HTTP %ld", what, g->status);
}

/* ---- start and end ---- */

int hub_http_new(const char *endpoint, const char *token, struct hub_http **out, struct bt_err *err)
{
    if (load_curl(err) < 0)
        return -1;
    for (const char *p = token; p && *p; p++)
        if (!isgraph((unsigned char)*p))
            return bt_err_set(err, BT_E_USAGE, 0, "HF_TOKEN has a character that no token has");
    struct hub_http *h = bt_xcalloc(1, sizeof *h);
    h->endpoint = bt_xstrdup(endpoint);
    h->multi = p_curl_multi_init();
    const char *stall = getenv("BERTH_HUB_STALL_S");
    h->stall_s = stall && atol(stall) > 0 && atol(stall) <= 600 ? atol(stall) : STALL_S;
    h->plain = p_curl_slist_append(NULL, "Accept: */*");
    h->with_token = p_curl_slist_append(NULL, "Accept: */*");
    if (token && *token) {
        bt_auto_free char *line = bt_xasprintf("Authorization: Bearer %s", token);
        h->with_token = p_curl_slist_append(h->with_token, line);
    }
    *out = h;
    return 0;
}

void hub_http_free(struct hub_http *h)
{
    if (!h)
        return;
    p_curl_multi_cleanup(h->multi);
    p_curl_slist_free_all(h->plain);
    p_curl_slist_free_all(h->with_token);
    free(h->endpoint);
    free(h);
}

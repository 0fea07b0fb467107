/* sample.c - the probe child, and arithmetic on what it says. */
#include "run/sample.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>

#include "base/log.h"
#include "base/proc.h"
#include "run/files.h"

struct bt_sampler {
    struct event_base *base;
    struct event *readable;
    int fd;
    int pidfd;                       /* the daemon's SIGCHLD handler reaps it; its number may be another's by then */
    struct bt_buf in;
    struct bt_arena arena[2];        /* the newest sample lives in one, the next is parsed into the other */
    struct bt_probe_sample sample;
    int now;
    bool has;
    int64_t heard_ms, next_start_ms;
    void (*on_sample)(void *ctx);
    void *ctx;
};

static void stop_probe(struct bt_sampler *s)
{
    if (s->readable)
        event_free(s->readable);
    s->readable = NULL;
    bt_close_fd(&s->fd);
    if (s->pidfd >= 0)
        bt_pidfd_send(s->pidfd, SIGKILL);
    bt_close_fd(&s->pidfd);
    bt_buf_clear(&s->in);
    s->in.over = false;
    s->next_start_ms = bt_now_ms() + 1000;
}

static void take_line(struct bt_sampler *s, struct bt_str line)
{
    struct bt_err err = { 0 };
    struct bt_probe_sample fresh;
    int next = !s->now;
    bt_arena_release(&s->arena[next]);
    s->arena[next] = (struct bt_arena){ 0 };
    if (bt_probe_parse(&s->arena[next], line, &fresh, &err) < 0) {
        bt_warn("probe", "%s", err.msg);
        return;
    }
    s->sample = fresh;
    s->now = next;
    s->has = true;
    s->heard_ms = bt_now_ms();
    s->on_sample(s->ctx);
}

static void on_readable(evutil_socket_t fd, short what, void *ctx)
{
    struct bt_sampler *s = ctx;
    char chunk[65536];
    (void)what;
    ssize_t n = read(fd, chunk, sizeof chunk);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n > 0)
        bt_buf_add(&s->in, chunk, (size_t)n);
    if (n <= 0 || s->in.over) {
        bt_warn("probe", "ended or said too much; it is started again");
        stop_probe(s);
        return;
    }
    for (char *nl; s->in.n && (nl = memchr(s->in.p, '\n', s->in.n));) {
        size_t len = (size_t)(nl - s->in.p);
        take_line(s, (struct bt_str){ s->in.p, len });
        bt_buf_drop(&s->in, len + 1);
    }
}

static void start_probe(struct bt_sampler *s)
{
    extern char **environ;
    char *argv[] = { (char[]){ "berth" }, (char[]){ "probe" }, (char[]){ "--interval" }, (char[]){ "250ms" }, NULL };
    int p[2];
    posix_spawn_file_actions_t fa;
    posix_spawnattr_t attr;
    sigset_t none;
    s->heard_ms = bt_now_ms();
    s->next_start_ms = s->heard_ms + 1000;
    if (pipe2(p, O_CLOEXEC) < 0)
        return;
    sigemptyset(&none);
    posix_spawn_file_actions_init(&fa);
    posix_spawn_file_actions_addopen(&fa, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&fa, p[1], 1);
    posix_spawnattr_init(&attr);
    posix_spawnattr_setsigmask(&attr, &none);
    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK);
    pid_t pid = 0;
    bt_files_lower(true);            /* of a driver's library nobody knows whether it uses select() */
    int e = posix_spawn(&pid, "/proc/self/exe", &fa, &attr, argv, environ);
    bt_files_lower(false);
    posix_spawn_file_actions_destroy(&fa);
    posix_spawnattr_destroy(&attr);
    close(p[1]);
    if (e) {
        bt_warn("probe", "start: %s", strerror(e));
        close(p[0]);
        return;
    }
    s->pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    s->fd = p[0];
    fcntl(s->fd, F_SETFL, O_NONBLOCK);
    s->readable = event_new(s->base, s->fd, EV_READ | EV_PERSIST, on_readable, s);
    event_add(s->readable, NULL);
}

struct bt_sampler *bt_sampler_new(struct event_base *base, void (*on_sample)(void *ctx), void *ctx)
{
    struct bt_sampler *s = bt_xcalloc(1, sizeof *s);
    s->base = base;
    s->fd = s->pidfd = -1;
    s->in = BT_BUF(BT_PROBE_LINE_MAX + 65536);
    s->on_sample = on_sample;
    s->ctx = ctx;
    start_probe(s);
    return s;
}

void bt_sampler_free(struct bt_sampler *s)
{
    if (!s)
        return;
    stop_probe(s);
    bt_buf_release(&s->in);
    bt_arena_release(&s->arena[0]);
    bt_arena_release(&s->arena[1]);
    free(s);
}

void bt_sampler_tick(struct bt_sampler *s)
{
    int64_t now = bt_now_ms();
    if (s->readable && now - s->heard_ms > BT_SILENT_MS) {
        bt_warn("probe", "silent for %d ms: replaced", BT_SILENT_MS);
        stop_probe(s);
    }
    if (!s->readable && now >= s->next_start_ms)
        start_probe(s);
}

const struct bt_probe_sample *bt_sampler_last(const struct bt_sampler *s)
{
    return s && s->has ? &s->sample : NULL;
}

/* ---- sums ---- */

struct bt_actual bt_sample_actual(const struct bt_probe_gpu *g, const pid_t *pids, size_t n)
{
    struct bt_actual sum = { .valid = g->procs_valid };
    for (size_t i = 0; g->procs_valid && i < g->nprocs; i++)
        for (size_t j = 0; j < n; j++)
            if (g->procs[i].pid == pids[j]) {
                sum.nprocs++;
                sum.bytes += g->procs[i].bytes_valid ? g->procs[i].bytes : 0;
                sum.valid &= g->procs[i].bytes_valid;
                break;
            }
    return sum;
}

struct bt_actual bt_sample_residual(const struct bt_probe_gpu *g)
{
    struct bt_actual r = { .valid = g->used_valid && g->procs_valid && !g->unified };
    uint64_t listed = 0;
    for (size_t i = 0; r.valid && i < g->nprocs; i++) {
        r.valid &= g->procs[i].bytes_valid;
        listed += g->procs[i].bytes;
    }
    r.bytes = r.valid && g->used_bytes > listed ? g->used_bytes - listed : 0;
    return r;
}

bool bt_sample_room(const struct bt_probe_gpu *g, const struct bt_room *r, uint64_t *free_bytes)
{
    uint64_t foreign = g->used_bytes > r->neighbours_actual_bytes ? g->used_bytes - r->neighbours_actual_bytes : 0;
    uint64_t taken = foreign + r->neighbours_bytes;
    *free_bytes = r->total_bytes > taken ? r->total_bytes - taken : 0;
    return g->used_valid && *free_bytes >= r->need_bytes;
}

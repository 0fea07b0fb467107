/* daemon.c - the loop, the socket, who is connected. */
#include "run/daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/file.h"
#include "base/log.h"
#include "run/files.h"
#include "run/project.h"
#include "wire/wire.h"

enum { TICK_MS = 100, SLOW_TICK_MS = 500 };

/* ---- connections ---- */

static void conn_free(struct bt_conn *c)
{
    for (struct bt_conn **at = &c->d->conns; *at; at = &(*at)->next)
        if (*at == c) {
            *at = c->next;
            break;
        }
    bufferevent_free(c->bev);
    bt_buf_release(&c->in);
    json_decref(c->held);
    free(c);
}

static void on_conn_read(struct bufferevent *bev, void *ctx)
{
    struct bt_conn *c = ctx;
    char chunk[65536];
    for (size_t n; (n = bufferevent_read(bev, chunk, sizeof chunk)) > 0;)
        bt_buf_add(&c->in, chunk, n);
    for (json_t *msg = NULL;;) {
        struct bt_err err = { 0 };
        enum bt_wire_got got = bt_wire_take(&c->in, &msg, &err);
        if (got == BT_WIRE_NONE)
            return;
        if (got == BT_WIRE_BROKEN) {
            bt_warn("daemon", "%s: connection closed", err.msg);
            conn_free(c);
            return;
        }
        bt_ops_request(c, msg);
        json_decref(msg);
        if (c->closing) {
            conn_free(c);
            return;
        }
    }
}

static void on_conn_event(struct bufferevent *bev, short what, void *ctx)
{
    (void)bev;
    if (what & (BEV_EVENT_EOF | BEV_EVENT_ERROR))
        conn_free(ctx);
}

static void on_accept(evutil_socket_t listener, short what, void *ctx)
{
    struct bt_daemon *d = ctx;
    (void)what;
    int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0) {
        if (errno == EMFILE || errno == ENFILE)
            event_del(d->listen_ev); /* until the next beat: it would be told of the same connection again and again */
        return;
    }
    if (!bt_wire_peer_is_us(fd)) {
        bt_warn("daemon", "another user tried to connect");
        close(fd);
        return;
    }
    struct bt_conn *c = bt_xcalloc(1, sizeof *c);
    c->d = d;
    c->in = BT_BUF(BT_WIRE_LINE_MAX + 128 * KiB);
    c->bev = bufferevent_socket_new(d->base, fd, BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS);
    c->next = d->conns;
    d->conns = c;
    bufferevent_setcb(c->bev, on_conn_read, NULL, on_conn_event, c);
    bufferevent_enable(c->bev, EV_READ | EV_WRITE);
}

static bool answers_pending(const struct bt_daemon *d)
{
    for (const struct bt_conn *c = d->conns; c; c = c->next)
        if (evbuffer_get_length(bufferevent_get_output(c->bev)))
            return true;
    return false;
}

/* ---- the beat ---- */

size_t bt_daemon_procs(struct bt_daemon *d, bool fresh, struct bt_proc **out)
{
    enum { OLD_MS = 100 };
    int64_t now = bt_now_ms();
    if (fresh || !d->procs_ms || now - d->procs_ms > OLD_MS) {
        bt_arena_release(&d->procs_arena);
        d->procs_arena = (struct bt_arena){ 0 };
        d->nprocs = bt_proc_list(&d->procs_arena, &d->procs);
        d->procs_ms = now;
    }
    *out = d->procs;
    return d->nprocs;
}

static bool anything_moves(const struct bt_daemon *d)
{
    for (size_t i = 0; i < d->nprojects; i++)
        for (size_t j = 0; j < d->project[i]->n; j++) {
            const struct bt_instance *in = &d->project[i]->inst[j];
            enum bt_life_state s = in->life.state;
            if (d->project[i]->down || d->project[i]->leaving || !d->project[i]->settled || in->sweeping || !(s == BT_ST_READY || bt_life_over(s)))
                return true;
        }
    return d->nprojects == 0;
}

static void look_idle(struct bt_daemon *d)
{
    int64_t now = bt_now_ms();
    if (d->nprojects || (d->conns && !d->leave)) {
        d->idle_since_ms = now;
        return;
    }
    bool socket_gone = !bt_file_exists(d->sock);     /* its folder was removed: nobody can ever connect again */
    if (d->stay && !socket_gone)
        return;
    if (socket_gone || now - d->idle_since_ms > BT_IDLE_MS || (d->leave && !answers_pending(d)))
        event_base_loopbreak(d->base);
}

static void drop_closing(struct bt_daemon *d)
{
    for (struct bt_conn *c = d->conns, *next; c; c = next) {
        next = c->next;
        if (c->closing)
            conn_free(c);
    }
}

/* The driver is asked only while some project has cards. */
static void look_sampler(struct bt_daemon *d)
{
    bool needed = bt_daemon_has_cards(d);
    if (needed && !d->sampler)
        d->sampler = bt_sampler_new(d->base, bt_memory_on_sample, d);
    else if (needed)
        bt_sampler_tick(d->sampler);
    else {
        bt_sampler_free(d->sampler);
        d->sampler = NULL;
    }
}

/* For people who ask the service manager. */
static void look_status(struct bt_daemon *d)
{
    size_t n[BT_ST__N] = { 0 }, all = 0;
    char text[sizeof d->notify.status];
    for (size_t i = 0; i < d->nprojects; i++)
        for (size_t j = 0; j < d->project[i]->n; j++, all++)
            n[d->project[i]->inst[j].life.state]++;
    if (!d->nprojects)
        snprintf(text, sizeof text, "nothing is up");
    else
        snprintf(text, sizeof text, "%zu project%s, %zu instance%s: %zu at work, %zu starting, %zu failed", d->nprojects, d->nprojects == 1 ? "" : "s", all,
                 all == 1 ? "" : "s", n[BT_ST_READY], n[BT_ST_STARTING] + n[BT_ST_WAITING], n[BT_ST_FAILED]);
    bt_notify_beat(&d->notify, text, bt_now_ms());
}

/* False: /proc and the folders would read as empty, and what runs as dead. Answers go out, and files are closed; then it goes on. */
static bool look_files(struct bt_daemon *d)
{
    enum { AGAIN_MS = 60000 };
    int64_t now = bt_now_ms();
    if (bt_files_for_look())
        return true;
    if (!d->files_said_ms || now - d->files_said_ms > AGAIN_MS) {
        bt_error("daemon", "too many open files: nothing is started, stopped or judged until some are closed");
        d->files_said_ms = now;
    }
    return false;
}

static void on_tick(evutil_socket_t fd, short what, void *ctx)
{
    struct bt_daemon *d = ctx;
    (void)fd, (void)what;
    look_sampler(d);
    bool sees = look_files(d);
    for (size_t i = d->nprojects; sees && i-- > 0;)  /* backwards: one that ends is replaced by the last */
        bt_project_drive(d->project[i]);
    bt_ops_sampled(d);
    bt_journal_catch_up(d);
    drop_closing(d);
    look_idle(d);
    look_status(d);
    event_add(d->listen_ev, NULL);
    int ms = anything_moves(d) ? TICK_MS : SLOW_TICK_MS;
    struct timeval next = { 0, ms * 1000 };
    event_add(d->tick, &next);
}

static void on_child(evutil_socket_t sig, short what, void *ctx)
{
    (void)sig, (void)what, (void)ctx;
    while (waitpid(-1, NULL, WNOHANG) > 0) {         /* keepers and probes: their pipes and folders tell how they ended */
    }
}

static void on_end_signal(evutil_socket_t sig, short what, void *ctx)
{
    struct bt_daemon *d = ctx;
    (void)what;
    bt_info("daemon", "signal %d: ends; what runs goes on", (int)sig);
    event_base_loopbreak(d->base);
}

/* ---- birth ---- */

static const char *stay_file(struct bt_daemon *d)
{
    return bt_arena_printf(&d->arena, "%s/daemon.stay", d->runtime);
}

/* The daemon that has the lock, by its socket: 0 when none listens. */
static pid_t holder(const struct bt_daemon *d)
{
    struct bt_err none = { 0 };
    struct ucred who = { 0 };
    socklen_t len = sizeof who;
    bt_auto_fd fd = bt_wire_connect(d->sock, &none);
    return fd >= 0 && getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len) == 0 ? who.pid : 0;
}

static bool stays(struct bt_daemon *d, pid_t pid)
{
    struct bt_err none = { 0 };
    struct bt_str text;
    return bt_file_read(&d->arena, stay_file(d), 64, &text, &none) == 0 && strtoll(text.p, NULL, 10) == pid;
}

/* A daemon that is ending may unlink the lock file, and remove the folder: a lock on a file that has no name any more is worth nothing. */
static int take_lock(const char *folder, const char *path, struct bt_err *err)
{
    enum { TRIES = 100, PAUSE_US = 2000 };
    struct bt_err why;
    bt_err_set(&why, BT_E_IO, 0, "lock %s: it vanishes again and again", path);
    for (int tries = 0; tries < TRIES; tries++) {
        struct stat a, b;
        if (tries)
            usleep(PAUSE_US);
        if (bt_dir_private(folder, &why) < 0) {
            if (why.sys == ENOENT)
                continue;
            break;
        }
        bt_auto_fd fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        if (fd < 0)
            bt_err_set(&why, BT_E_IO, errno, "open %s", path);
        if (fd < 0 && why.sys == ENOENT)
            continue;
        if (fd < 0)
            break;
        if (flock(fd, LOCK_EX | LOCK_NB) < 0)
            return bt_err_set(err, BT_E_STATE, errno, "lock %s: another daemon runs here", path);
        if (fstat(fd, &a) == 0 && stat(path, &b) == 0 && a.st_ino == b.st_ino)
            return bt_take_fd(&fd);
    }
    *err = why;                      /* of a folder below a link to nowhere, too: the last reason */
    return -1;
}

/* A service takes over from the daemon that a verb had started: that one ends as it would of any SIGTERM, and what runs goes on. */
static int take_over(struct bt_daemon *d, const char *path, struct bt_err *err)
{
    enum { WAIT_MS = 10000, LOOK_US = 20000 };
    for (int64_t until = bt_now_ms() + WAIT_MS;;) {
        struct bt_err why = { 0 };
        d->lock_fd = take_lock(d->runtime, path, &why);
        if (d->lock_fd >= 0)
            return 0;
        pid_t pid = why.code == BT_E_STATE ? holder(d) : 0;
        if (why.code != BT_E_STATE || bt_now_ms() > until || (pid && stays(d, pid))) {
            *err = why;
            return pid ? bt_err_hint(err, "pid %d stays there already", (int)pid) : -1;
        }
        if (pid)
            kill(pid, SIGTERM);
        usleep(LOOK_US);
    }
}

static int open_daemon(struct bt_daemon *d, struct bt_err *err)
{
    d->runtime = bt_runtime_dir(&d->arena);
    d->sock = bt_run_sock(&d->arena);
    d->listener = d->lock_fd = -1;
    const char *lock = bt_arena_printf(&d->arena, "%s/daemon.lock", d->runtime);
    if (d->stay ? take_over(d, lock, err) < 0 : (d->lock_fd = take_lock(d->runtime, lock, err)) < 0)
        return -1;
    if (d->stay && bt_file_write(stay_file(d), bt_str(bt_arena_printf(&d->arena, "%d\n", (int)getpid())), err) < 0)
        return -1;
    d->listener = bt_wire_listen(d->sock, err);
    if (d->listener < 0)
        return -1;
    d->base = event_base_new();
    if (!d->base)
        return bt_err_set(err, BT_E_FAILED, 0, "make an event loop");
    d->listen_ev = event_new(d->base, d->listener, EV_READ | EV_PERSIST, on_accept, d);
    event_add(d->listen_ev, NULL);
    d->sig[0] = evsignal_new(d->base, SIGCHLD, on_child, d);
    d->sig[1] = evsignal_new(d->base, SIGTERM, on_end_signal, d);
    d->sig[2] = evsignal_new(d->base, SIGINT, on_end_signal, d);
    for (size_t i = 0; i < BT_LEN(d->sig); i++)
        event_add(d->sig[i], NULL);
    d->tick = event_new(d->base, -1, 0, on_tick, d);
    d->idle_since_ms = bt_now_ms();
    return 0;
}

static void adopt_all(struct bt_daemon *d)
{
    bt_auto_arena a = { 0 };
    struct bt_strs left;
    bt_run_projects_left(&a, &left);
    for (size_t i = 0; i < left.n; i++)
        bt_project_adopt(d, left.v[i]);
}

static void tell(int fd, const char *text)
{
    if (fd >= 0) {
        if (write(fd, text, strlen(text)) < 0)
            bt_debug("daemon", "nobody waits for it any more");
        close(fd);
    }
}

static void close_daemon(struct bt_daemon *d)
{
    bool tidy = d->nprojects == 0;
    while (d->conns)
        conn_free(d->conns);
    bt_sampler_free(d->sampler);
    bt_journal_close(d);
    if (d->stay)
        unlink(stay_file(d));
    if (!tidy)
        return;                      /* the folders are for the next one */
    unlink(d->sock);
    unlink(bt_arena_printf(&d->arena, "%s/daemon.log", d->runtime));
    rmdir(bt_arena_printf(&d->arena, "%s/p", d->runtime));
    rmdir(bt_arena_printf(&d->arena, "%s/inst", d->runtime));
    rmdir(bt_arena_printf(&d->arena, "%s/t", d->runtime));
    unlink(bt_arena_printf(&d->arena, "%s/daemon.lock", d->runtime));
    rmdir(d->runtime);               /* stays when something else is in it */
}

int bt_daemon_run(int ready_fd, bool stay)
{
    static struct bt_daemon d;
    struct bt_err err = { 0 };
    bt_log_init(BT_INFO, STDERR_FILENO);
    signal(SIGHUP, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
    d.stay = stay;
    bt_notify_init(&d.notify);
    if (bt_files_raise(&err) < 0 || open_daemon(&d, &err) < 0) {
        bool other = err.code == BT_E_STATE && !stay;
        if (!other)
            bt_error("daemon", "%s%s%s", err.msg, err.hint[0] ? ": " : "", err.hint);
        tell(ready_fd, other ? "ok\n" : bt_arena_printf(&d.arena, "%s\n%s", err.msg, err.hint));
        return other ? 0 : 1;
    }
    bt_info("daemon", "berth " BERTH_VERSION ", pid %d, runtime folder %s", (int)getpid(), d.runtime);
    adopt_all(&d);
    tell(ready_fd, "ok\n");
    bt_notify_ready(&d.notify);
    on_tick(-1, 0, &d);
    event_base_dispatch(d.base);
    bt_notify_stopping(&d.notify);
    close_daemon(&d);
    return 0;
}

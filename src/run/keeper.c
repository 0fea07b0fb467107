/* keeper.c - the loop of a keeper. */
#include "run/keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/log.h"
#include "base/units.h"
#include "engine/engine.h"
#include "run/keepdir.h"
#include "run/keeplog.h"
#include "run/ports.h"
#include "run/child.h"
#include "run/tree.h"
#include "wire/wire.h"

enum { CONNS = 4, STEPS = 16, CONTROL_MAX = 64 * 1024, LOOK_MS = 50, DRAIN_MS = 600 };

struct keeper {
    const char *dir;
    struct bt_arena arena;           /* lives as long as the keeper: launch, environment */
    struct bt_keep_launch launch;
    char **env;
    struct bt_tree tree;
    struct bt_child child;
    struct bt_keeplog log;
    int sigfd, listener;
    int *claim; size_t nclaims;
    struct { int fd; struct bt_buf in; } conn[CONNS];
    bool asked, stopping, leader_gone;
    int wait_status;
    struct bt_stop_step step[STEPS]; size_t nsteps, at;
    int64_t step_until_ms;
};

/* After the leader ended by itself: its helpers get a moment, then what is left is an orphan. The resource tracker goes last. */
static const struct bt_stop_step sweep[] = {
    { 0, BT_STOP_TREE, 1500 }, { SIGKILL, BT_STOP_TREE_BUT_TRACKER, 3000 }, { SIGKILL, BT_STOP_TREE, 5000 },
};
static const struct bt_stop_step polite[] = {        /* the keeper itself was told SIGTERM, by a person */
    { SIGTERM, BT_STOP_LEADER, 10000 }, { SIGKILL, BT_STOP_TREE_BUT_TRACKER, 3000 }, { SIGKILL, BT_STOP_TREE, 5000 },
};

/* ---- starting ---- */

static int read_env(struct keeper *k, int fd, struct bt_err *err)
{
    enum { ENV_MAX = 8 * 1024 * 1024 };
    bt_auto_buf struct bt_buf all = BT_BUF(ENV_MAX);
    size_t n = 0;
    const char **v = NULL, *last = NULL;
    char chunk[65536];
    for (ssize_t r; (r = read(fd, chunk, sizeof chunk)) != 0;) {
        if (r < 0 && errno != EINTR)
            return bt_err_set(err, BT_E_IO, errno, "read the environment");
        if (r > 0)
            bt_buf_add(&all, chunk, (size_t)r);
    }
    if (all.over || (all.n && all.p[all.n - 1]))
        return bt_err_set(err, BT_E_INPUT, 0, "read the environment: cut, or over %d bytes", ENV_MAX);
    for (size_t i = 0; i < all.n; i += strlen(all.p + i) + 1) {
        const char *copy = bt_arena_strdup(&k->arena, all.p + i);
        BT_PUSH(&k->arena, v, n, copy);
    }
    BT_PUSH(&k->arena, v, n, last);
    k->env = (char **)v;
    return 0;
}

static int only_keeper(const char *dir, struct bt_err *err)
{
    char path[4200];
    snprintf(path, sizeof path, "%s/lock", dir);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return bt_err_set(err, BT_E_IO, errno, "open %s", path);
    if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
        bt_err_set(err, BT_E_STATE, errno, "lock %s: another keeper has this instance", path);
        close(fd);
        return -1;
    }
    return 0;                        /* held until we end */
}

static int prepare(struct keeper *k, int env_fd, struct bt_err *err)
{
    sigset_t mask;
    struct bt_proc self;
    if (only_keeper(k->dir, err) < 0 || bt_keep_launch_read(&k->arena, k->dir, &k->launch, err) < 0)
        return -1;
    if (env_fd >= 0 && read_env(k, env_fd, err) < 0)
        return -1;
    if (prctl(PR_SET_CHILD_SUBREAPER, 1) < 0)
        return bt_err_set(err, BT_E_FAILED, errno, "become a subreaper");
    setsid();                        /* fails when we lead one already */
    sigemptyset(&mask);
    int signals[] = { SIGCHLD, SIGTERM, SIGINT, SIGHUP };
    for (size_t i = 0; i < BT_LEN(signals); i++)
        sigaddset(&mask, signals[i]);
    sigprocmask(SIG_BLOCK, &mask, NULL);
    if ((k->sigfd = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK)) < 0)
        return bt_err_set(err, BT_E_FAILED, errno, "open a signalfd");
    char *sock = bt_arena_printf(&k->arena, "%s/sock", k->dir);
    if ((k->listener = bt_wire_listen(sock, err)) < 0)
        return -1;
    if (bt_keep_exit_reserve(k->dir, err) < 0)
        return -1;
    bt_proc_read(getpid(), &self);
    k->tree.keeper = self.id;
    k->tree.cgroup = bt_cgroup_make(&k->arena, bt_arena_printf(&k->arena, "berth-%s-%s-%d", k->launch.project, k->launch.id, (int)getpid()));
    if (k->tree.cgroup && k->launch.ram_max_bytes)
        bt_cgroup_limit(k->tree.cgroup, k->launch.ram_max_bytes);        /* whether it holds is told from the cgroup itself */
    return bt_keep_who_write(k->dir, "keeper.json", self.id, k->tree.cgroup, err);       /* with the cgroup: it is removed even if we are killed */
}

static int start_workload(struct keeper *k, struct bt_err *err)
{
    bt_auto_arena a = { 0 };
    const char **argv = NULL, *last = NULL;
    size_t n = 0;
    for (size_t i = 0; i < k->launch.argv.n; i++)
        BT_PUSH(&a, argv, n, k->launch.argv.v[i]);
    BT_PUSH(&a, argv, n, last);
    struct bt_cmdline cmd = { .argv = (char *const *)argv, .env = k->env, .cwd = k->launch.cwd };
    if (bt_spawn_hold(&a, &cmd, &k->child, err) < 0)
        return -1;
    k->tree.leader = k->child.id;
    if (k->tree.cgroup && !bt_cgroup_join(k->tree.cgroup, k->child.id.pid)) {
        bt_keeplog_remark(&k->log, "berth: its own cgroup cannot be joined; session and subreaper hold the tree together", bt_wall_ms());
        bt_cgroup_remove(k->tree.cgroup);
        k->tree.cgroup = NULL;
    }
    if (bt_keep_who_write(k->dir, "child.json", k->child.id, k->tree.cgroup, err) < 0 || bt_spawn_go(&k->child, err) < 0) {
        bt_close_fd(&k->child.go);   /* held back: it ends by itself */
        waitpid(k->child.id.pid, NULL, 0);
        bt_child_release(&k->child);
        return -1;
    }
    return 0;
}

/* ---- stopping ---- */

static bool tree_gone(struct keeper *k, struct bt_proc **left, size_t *nleft, struct bt_arena *a)
{
    struct bt_proc *all;
    size_t n = bt_proc_list(a, &all);
    *nleft = bt_tree_members(a, &k->tree, all, n, left);
    return k->leader_gone && *nleft == 0;
}

static void tell_all(struct keeper *k, json_t *o)
{
    bt_auto_buf struct bt_buf b = BT_BUF(CONTROL_MAX);
    bt_wire_put(&b, o);
    for (size_t i = 0; i < CONNS; i++)
        if (k->conn[i].fd >= 0 && send(k->conn[i].fd, b.p, b.n, MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
            bt_close_fd(&k->conn[i].fd);             /* one that does not read loses its connection, not our time */
            bt_buf_clear(&k->conn[i].in);
        }
}

static void do_step(struct keeper *k)
{
    const struct bt_stop_step *s = &k->step[k->at];
    bt_auto_arena a = { 0 };
    k->step_until_ms = bt_now_ms() + s->wait_ms;
    if (s->signal == 0)
        return;
    if (s->whom == BT_STOP_LEADER) {
        if (k->leader_gone)          /* what it left gets the sweep's moment, not the whole wait */
            k->step_until_ms = bt_now_ms() + BT_MIN(s->wait_ms, sweep[0].wait_ms);
        else
            bt_pidfd_send(k->child.pidfd, s->signal);
        return;
    }
    bt_tree_signal(&a, &k->tree, s->signal, s->whom == BT_STOP_TREE_BUT_TRACKER);
}

static void begin_steps(struct keeper *k, const struct bt_stop_step *s, size_t n)
{
    k->nsteps = BT_MIN(n, (size_t)STEPS);
    memcpy(k->step, s, k->nsteps * sizeof *s);
    k->at = 0;
    k->stopping = true;
    do_step(k);
}

static void next_step(struct keeper *k, const struct bt_proc *left, size_t nleft)
{
    if (k->at + 1 < k->nsteps) {
        k->at++;
        do_step(k);
        return;
    }
    json_t *pids = json_array();
    for (size_t i = 0; i < nleft; i++)
        json_array_append_new(pids, json_integer(left[i].id.pid));
    tell_all(k, json_pack("{s:s, s:o}", "event", "stuck", "pids", pids));
    do_step(k);                      /* the last one, SIGKILL, again: a process in the driver dies when the driver lets it */
}

static void hurry(struct keeper *k)
{
    for (size_t i = k->at; i < k->nsteps; i++)
        if (k->step[i].signal == SIGKILL) {
            if (i > k->at) {
                k->at = i;
                do_step(k);
            }
            return;
        }
}

static void reap(struct keeper *k)
{
    int status;
    for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;) {
        if (pid != k->child.id.pid)
            continue;
        k->leader_gone = true;
        k->wait_status = status;
        tell_all(k, json_pack("{s:s}", "event", "leader"));
        if (!k->stopping)
            begin_steps(k, sweep, BT_LEN(sweep));
        else
            k->step_until_ms = BT_MIN(k->step_until_ms, bt_now_ms() + (int64_t)sweep[0].wait_ms);
    }
}

/* ---- control ---- */

static int read_steps(const json_t *list, struct bt_stop_step *out, size_t *n)
{
    static const char *const whom[] = { [BT_STOP_LEADER] = "leader", [BT_STOP_TREE_BUT_TRACKER] = "tree-but-tracker", [BT_STOP_TREE] = "tree" };
    size_t i;
    json_t *s;
    *n = 0;
    if (json_array_size(list) == 0 || json_array_size(list) > STEPS)
        return -1;
    json_array_foreach(list, i, s) {
        struct bt_err ignored = { 0 };
        uint64_t sig, wait;
        const char *who;
        size_t w = 0;
        if (bt_json_u64(s, "signal", 0, 64, &sig, "step", &ignored) < 0 || bt_json_u64(s, "wait_ms", 0, 86400000, &wait, "step", &ignored) < 0 ||
            bt_json_str(s, "whom", &who, "step", &ignored) < 0)
            return -1;
        while (w < BT_LEN(whom) && strcmp(who, whom[w]))
            w++;
        if (w == BT_LEN(whom))
            return -1;
        out[(*n)++] = (struct bt_stop_step){ (int)sig, (enum bt_stop_whom)w, (uint32_t)wait };
    }
    return 0;
}

/* Their time is over: here and not in the daemon, since only an ancestor may reach into a process where the kernel is strict (Yama). Where it is
 * forbidden altogether, the engine's own way stands, and the daemon is told. */
static struct bt_port_cut cut_clients(struct keeper *k, json_int_t port)
{
    bt_auto_arena a = { 0 };
    struct bt_proc *left;
    size_t n;
    if (port < 1 || port > UINT16_MAX)
        return (struct bt_port_cut){ 0 };
    tree_gone(k, &left, &n, &a);
    struct bt_port_cut cut = bt_port_cut(&a, (uint16_t)port, left, n);
    bt_info("keeper", "%zu connections of clients ended", cut.ended);
    return cut;
}

static json_t *obey(struct keeper *k, const json_t *msg)
{
    const char *op = json_string_value(json_object_get(msg, "op"));
    struct bt_stop_step s[STEPS];
    size_t n;
    if (op && !strcmp(op, "stop")) {
        if (read_steps(json_object_get(msg, "steps"), s, &n) < 0)
            return json_pack("{s:s}", "error", "stop: steps are not understood");
        if (!k->asked && !k->leader_gone)
            k->asked = true;
        struct bt_port_cut cut = { 0 };
        if (!k->stopping) {
            cut = cut_clients(k, json_integer_value(json_object_get(msg, "cut")));
            begin_steps(k, s, n);
        }
        if (cut.stay)
            return json_pack("{s:b, s:I, s:s}", "ok", 1, "uncut", (json_int_t)cut.stay, "why", strerror(cut.why));
        return json_pack("{s:b}", "ok", 1);
    }
    if (op && !strcmp(op, "hurry")) {
        hurry(k);
        return json_pack("{s:b}", "ok", 1);
    }
    if (op && !strcmp(op, "env")) {
        json_t *list = json_array();
        for (char **e = k->env; *e; e++)
            json_array_append_new(list, json_string(*e));
        return json_pack("{s:o}", "env", list);
    }
    return json_pack("{s:s}", "error", "no such op");
}

static void answer(int fd, json_t *o)
{
    bt_auto_buf struct bt_buf b = BT_BUF(16 * MiB);
    bt_wire_put(&b, o);
    fcntl(fd, F_SETFL, 0);           /* an answer is small or the asker waits for it */
    struct timeval limit = { .tv_sec = 2 };
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    for (size_t at = 0; at < b.n;) {
        ssize_t n = send(fd, b.p + at, b.n - at, MSG_NOSIGNAL);
        if (n <= 0)
            break;
        at += (size_t)n;
    }
    fcntl(fd, F_SETFL, O_NONBLOCK);
}

static void conn_read(struct keeper *k, size_t i)
{
    char chunk[4096];
    ssize_t n = read(k->conn[i].fd, chunk, sizeof chunk);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    struct bt_buf *in = &k->conn[i].in;
    if (n > 0)
        bt_buf_add(in, chunk, (size_t)n);
    if (n <= 0 || in->over)
        goto hang_up;
    for (char *nl; in->n && (nl = memchr(in->p, '\n', in->n));) {
        struct bt_err err = { 0 };
        size_t len = (size_t)(nl - in->p);
        json_t *msg = bt_json_load((struct bt_str){ in->p, len }, CONTROL_MAX, "control message", &err);
        if (!msg)
            goto hang_up;
        bt_buf_drop(in, len + 1);
        answer(k->conn[i].fd, obey(k, msg));
        json_decref(msg);
    }
    return;
hang_up:
    bt_close_fd(&k->conn[i].fd);
    bt_buf_clear(in);
    in->over = false;
}

static void conn_accept(struct keeper *k)
{
    int fd = accept4(k->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0)
        return;
    size_t i = 0;
    while (i < CONNS && k->conn[i].fd >= 0)
        i++;
    if (i == CONNS || !bt_wire_peer_is_us(fd)) {
        close(fd);
        return;
    }
    k->conn[i].fd = fd;
}

/* ---- the loop ---- */

static bool pipe_read(struct keeper *k, int stream)      /* false at end of file */
{
    int *fd = stream ? &k->child.err : &k->child.out;
    char chunk[65536];
    ssize_t n = read(*fd, chunk, sizeof chunk);
    if (n > 0)
        bt_keeplog_add(&k->log, stream, chunk, (size_t)n, bt_wall_ms());
    if (n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR)))
        return true;
    bt_close_fd(fd);
    return false;
}

static void signals_read(struct keeper *k)
{
    struct signalfd_siginfo s;
    while (read(k->sigfd, &s, sizeof s) == sizeof s)
        if (s.ssi_signo == SIGTERM || s.ssi_signo == SIGINT) {
            if (k->stopping)
                hurry(k);
            else {
                k->asked = true;
                begin_steps(k, polite, BT_LEN(polite));
            }
        }
    reap(k);
}

static int64_t wait_ms(const struct keeper *k)
{
    return k->stopping || k->leader_gone ? LOOK_MS : -1;
}

static void loop(struct keeper *k)
{
    for (;;) {
        enum { F_SIG, F_LISTEN, F_OUT, F_ERR, F_CONN };
        struct pollfd p[F_CONN + CONNS] = {
            [F_SIG] = { k->sigfd, POLLIN, 0 }, [F_LISTEN] = { k->listener, POLLIN, 0 },
            [F_OUT] = { k->child.out, POLLIN, 0 }, [F_ERR] = { k->child.err, POLLIN, 0 },      /* -1: poll skips it */
        };
        for (size_t i = 0; i < CONNS; i++)
            p[F_CONN + i] = (struct pollfd){ k->conn[i].fd, POLLIN, 0 };
        if (poll(p, BT_LEN(p), (int)wait_ms(k)) < 0 && errno != EINTR)
            bt_error("keeper", "poll: %s", strerror(errno));
        if (p[F_OUT].revents)
            pipe_read(k, 0);
        if (p[F_ERR].revents)
            pipe_read(k, 1);
        bt_keeplog_flush(&k->log);
        for (size_t i = 0; i < CONNS; i++)
            if (p[F_CONN + i].revents && k->conn[i].fd >= 0)
                conn_read(k, i);
        if (p[F_LISTEN].revents)
            conn_accept(k);
        signals_read(k);
        if (!k->stopping)
            continue;
        bt_auto_arena a = { 0 };
        struct bt_proc *left;
        size_t nleft;
        if (tree_gone(k, &left, &nleft, &a))
            return;
        if (bt_now_ms() >= k->step_until_ms)
            next_step(k, left, nleft);
    }
}

/* The tree is gone, so end of file is near; but who inherited a pipe and left the tree may hold it open for ever. */
static void drain(struct keeper *k)
{
    int64_t until = bt_now_ms() + DRAIN_MS;
    while ((k->child.out >= 0 || k->child.err >= 0) && bt_now_ms() < until) {
        struct pollfd p[] = { { k->child.out, POLLIN, 0 }, { k->child.err, POLLIN, 0 } };
        if (poll(p, 2, LOOK_MS) <= 0)
            continue;
        if (p[0].revents)
            pipe_read(k, 0);
        if (p[1].revents)
            pipe_read(k, 1);
        bt_keeplog_flush(&k->log);
    }
}

static void last_word(struct keeper *k, const struct bt_err *failed)
{
    struct bt_keep_exit x = { .status = -1, .asked = k->asked, .wall_ms = bt_wall_ms() };
    struct bt_err err = { 0 };
    if (failed) {
        snprintf(x.failed, sizeof x.failed, "%s", failed->msg);
        snprintf(x.hint, sizeof x.hint, "%s", failed->hint);
    } else if (WIFEXITED(k->wait_status))
        x.status = WEXITSTATUS(k->wait_status);
    else
        x.signal = WTERMSIG(k->wait_status);
    bt_auto_arena a = { 0 };
    if (x.signal == SIGKILL && !x.asked && bt_cgroup_oom(k->tree.cgroup))
        snprintf(x.hint, sizeof x.hint, "the kernel ended it: it took more than the %s of RAM of its plan (memory.max of its cgroup); give it more `memory:`",
                 bt_bytes_human(k->launch.ram_max_bytes));
    if (x.status != 0)               /* a clean end needs no remark in the workload's own words */
        bt_keeplog_remark(&k->log, bt_arena_printf(&a, "berth: %s", bt_keep_exit_text(&a, &x)), x.wall_ms);
    bt_keeplog_close(&k->log, x.wall_ms);
    bt_cgroup_remove(k->tree.cgroup);
    if (bt_keep_exit_write(k->dir, &x, &err) < 0)
        bt_error("keeper", "%s: %s", k->dir, err.msg);
}

/* Ours, and not the workload's. */
static void hold_claims(struct keeper *k, const char *list)
{
    char *end;
    for (const char *z = list ? list : ""; *z; z = end + (*end == ',')) {
        int fd = (int)strtol(z, &end, 10);
        if (end == z)
            return;
        fcntl(fd, F_SETFD, FD_CLOEXEC);
        BT_PUSH(&k->arena, k->claim, k->nclaims, fd);
    }
}

/* Before the last word: who reads it may want the ports for somebody else. */
static void give_claims(struct keeper *k)
{
    for (size_t i = 0; i < k->nclaims; i++)
        close(k->claim[i]);
    k->nclaims = 0;
}

/* To the daemon that started us: "ok", or the errno and why not, in case exit.json could not be written either. */
static void report(int fd, const struct bt_err *failed)
{
    char word[sizeof failed->msg + 16] = "ok\n";
    if (fd < 0)
        return;
    if (failed)
        snprintf(word, sizeof word, "%d %s", failed->sys, failed->msg);
    if (write(fd, word, strlen(word)) < 0)
        bt_debug("keeper", "nobody waits for the word about this start any more");
    close(fd);
}

int bt_keeper_run(const char *dir, const struct bt_keeper_fds *given)
{
    int env_fd = given->env, report_fd = given->report;
    extern char **environ;
    static struct keeper k;          /* static: 100 KiB of line buffers */
    struct bt_err err = { 0 };
    k.dir = dir;
    k.env = environ;
    k.sigfd = k.listener = k.child.pidfd = k.child.out = k.child.err = k.child.go = k.child.report = -1;
    k.tree.mark = dir;
    for (size_t i = 0; i < CONNS; i++) {
        k.conn[i].fd = -1;
        k.conn[i].in = BT_BUF(CONTROL_MAX);
    }
    if (report_fd >= 0)
        fcntl(report_fd, F_SETFD, FD_CLOEXEC);
    hold_claims(&k, given->claims);
    if (prepare(&k, env_fd, &err) < 0 || bt_keeplog_open(&k.log, dir, k.launch.log_max_bytes, &err) < 0) {
        fprintf(stderr, "berth keeper: %s\n", err.msg);
        give_claims(&k);
        if (k.sigfd >= 0 || err.code != BT_E_STATE)  /* not over the head of the keeper that lives here */
            last_word(&k, &err);
        report(report_fd, &err);
        return 1;
    }
    bt_close_fd(&env_fd);
    k.log.last_ms = k.launch.wall_ms;
    if (start_workload(&k, &err) < 0) {
        give_claims(&k);
        last_word(&k, &err);
        report(report_fd, &err);
        return 1;
    }
    report(report_fd, NULL);
    loop(&k);
    give_claims(&k);
    drain(&k);
    last_word(&k, NULL);
    return 0;
}

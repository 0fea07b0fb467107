/* child.c - fork, wait for the word, exec. */
#include "run/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/file.h"

struct fds { int out[2], err[2], go[2], report[2], null; };

static void close_fds(struct fds *f)
{
    int *all[] = { &f->out[0], &f->out[1], &f->err[0], &f->err[1], &f->go[0], &f->go[1], &f->report[1], &f->null };
    for (size_t i = 0; i < BT_LEN(all); i++)
        bt_close_fd(all[i]);
}

static const char *env_get(char *const *env, const char *name)
{
    size_t n = strlen(name);
    for (; *env; env++)
        if (!strncmp(*env, name, n) && (*env)[n] == '=')
            return *env + n + 1;
    return NULL;
}

/* In the child. Only async-signal-safe calls from here on, and one way out. */
static _Noreturn void fail(int report, const char *step, const char *what)
{
    struct bt_err err = { 0 };
    bt_err_set(&err, BT_E_EXEC, errno, "%s %s", step, what);
    ssize_t ignored = write(report, &err, sizeof err);
    (void)ignored;
    _exit(127);
}

static void reset_signals(void)
{
    /* a shell's `&` leaves SIGINT and SIGQUIT ignored, berth itself ignores SIGPIPE: a workload starts with none of it */
    for (int s = 1; s < NSIG; s++)
        signal(s, SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

enum { REPORT = 3 };                 /* in the child: where it says why it could not exec */

static _Noreturn void child_main(const struct bt_cmdline *cmd, const char *program, const struct fds *f)
{
    char word;
    if (setsid() < 0)
        fail(f->report[1], "setsid for", program);
    if (read(f->go[0], &word, 1) != 1)
        _exit(127);                  /* the keeper died before it gave the word: nothing may run without one */
    if (dup2(f->null, 0) < 0 || dup2(f->out[1], 1) < 0 || dup2(f->err[1], 2) < 0)
        fail(f->report[1], "dup2 for", program);
    if (chdir(cmd->cwd) < 0)
        fail(f->report[1], "chdir to", cmd->cwd);
    reset_signals();
    /* All but the report is closed now, not by exec: one that takes its time (a slow disk) would hold the keeper's own word to the daemon open, and a
     * keeper that is killed meanwhile would not be missed. */
    if (f->report[1] != REPORT && dup3(f->report[1], REPORT, O_CLOEXEC) < 0)
        fail(f->report[1], "dup3 for", program);
    close_range(REPORT + 1, ~0U, 0);
    execve(program, cmd->argv, cmd->env);
    fail(REPORT, "exec", program);
}

static const char *find_program(struct bt_arena *a, const struct bt_cmdline *cmd, struct bt_err *err)
{
    const char *name = cmd->argv[0], *path = env_get(cmd->env, "PATH");
    if (strchr(name, '/'))
        return bt_path_abs(a, cmd->cwd, name);       /* exec says what is wrong with it */
    const char *found = bt_path_search(a, path ? path : "/usr/local/bin:/usr/bin:/bin", name);
    if (!found) {
        bt_err_set(err, BT_E_EXEC, 0, "exec %s: no such program in PATH", name);
        bt_err_hint(err, "install it, or give its full path; PATH of `berth up`: %s", path ? path : "not set");
        return NULL;
    }
    return bt_path_abs(a, cmd->cwd, found);
}

int bt_spawn_hold(struct bt_arena *a, const struct bt_cmdline *cmd, struct bt_child *out, struct bt_err *err)
{
    struct fds f = { { -1, -1 }, { -1, -1 }, { -1, -1 }, { -1, -1 }, -1 };
    const char *program = find_program(a, cmd, err);
    if (!program)
        return -1;
    f.null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (f.null < 0 || pipe2(f.out, O_CLOEXEC) < 0 || pipe2(f.err, O_CLOEXEC) < 0 || pipe2(f.go, O_CLOEXEC) < 0 || pipe2(f.report, O_CLOEXEC) < 0) {
        bt_err_set(err, BT_E_IO, errno, "open pipes for %s", cmd->argv[0]);
        close_fds(&f);
        bt_close_fd(&f.report[0]);
        return -1;
    }
    pid_t pid = fork();
    if (pid == 0) {
        bt_close_fd(&f.go[1]);       /* or the child would hold its own leash: a dead keeper must read as end of file */
        child_main(cmd, program, &f);
    }
    if (pid < 0) {
        bt_err_set(err, BT_E_EXEC, errno, "fork for %s", cmd->argv[0]);
        close_fds(&f);
        bt_close_fd(&f.report[0]);
        return -1;
    }
    struct bt_proc p = { 0 };
    bt_proc_read(pid, &p);           /* our own child, not reaped: it is there */
    *out = (struct bt_child){ .id = { pid, p.id.start_ticks }, .pidfd = (int)syscall(SYS_pidfd_open, pid, 0),      /* close-on-exec by itself */
                              .out = bt_take_fd(&f.out[0]), .err = bt_take_fd(&f.err[0]), .go = bt_take_fd(&f.go[1]),
                              .report = bt_take_fd(&f.report[0]) };
    fcntl(out->out, F_SETFL, O_NONBLOCK);
    fcntl(out->err, F_SETFL, O_NONBLOCK);
    close_fds(&f);
    return 0;
}

int bt_spawn_go(struct bt_child *c, struct bt_err *err)
{
    struct bt_err told;
    if (write(c->go, "g", 1) != 1)
        return bt_err_set(err, BT_E_EXEC, errno, "start pid %d", (int)c->id.pid);
    bt_close_fd(&c->go);
    ssize_t n;
    do
        n = read(c->report, &told, sizeof told);
    while (n < 0 && errno == EINTR);
    bt_close_fd(&c->report);
    if (n == 0)
        return 0;                    /* exec closed the pipe */
    if (n != sizeof told)
        return bt_err_set(err, BT_E_EXEC, n < 0 ? errno : 0, "read what became of pid %d", (int)c->id.pid);
    *err = told;
    return -1;
}

void bt_child_release(struct bt_child *c)
{
    int *all[] = { &c->pidfd, &c->out, &c->err, &c->go, &c->report };
    for (size_t i = 0; i < BT_LEN(all); i++)
        bt_close_fd(all[i]);
}

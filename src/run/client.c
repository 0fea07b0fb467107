/* client.c - connect, or start the daemon and connect. */
#include "run/client.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

#include "base/file.h"
#include "base/proc.h"
#include "run/run.h"

bool bt_run_anything(void)
{
    bt_auto_arena a = { 0 };
    struct bt_err err = { 0 };
    bt_auto_fd fd = bt_wire_connect(bt_run_sock(&a), &err);
    if (fd >= 0)
        return true;
    struct bt_strs left;
    bt_run_projects_left(&a, &left);
    return left.n > 0;
}

/* In the grandchild: nothing of the verb's terminal, pipes or folder stays with the daemon. */
static _Noreturn void become_daemon(int out, int ready)
{
    bt_auto_arena a = { 0 };
    const char *runtime = bt_runtime_dir(&a), *state = bt_state_dir(&a);     /* before chdir: they may have been given relative to here */
    setenv("BERTH_RUNTIME_DIR", runtime, 1);
    setenv("BERTH_STATE_DIR", state, 1);
    char name[] = "berth", verb[] = "daemon", arg[] = "--ready-fd=3";
    char *argv[] = { name, verb, arg, NULL };
    int null = open("/dev/null", O_RDONLY);
    if (null < 0 || chdir("/") < 0 || dup2(null, 0) < 0 || dup2(out, 1) < 0 || dup2(out, 2) < 0 || dup2(ready, 3) < 0)
        _exit(126);
    close_range(4, ~0U, 0);
    for (int s = 1; s < NSIG; s++)
        signal(s, SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    execv("/proc/self/exe", argv);
    _exit(127);
}

#define LOG_TRIES 50                 /* an ending daemon takes its empty folder away once */

/* The folder and the log in it: made again where a daemon that is just ending takes them away in between. < 0: err is set. */
static int open_log(const char *dir, const char *log, struct bt_err *err)
{
    for (int i = 0;; i++) {
        struct bt_err why = { 0 };
        int fd = -1;
        if (bt_dir_private(dir, &why) == 0) {
            fd = open(log, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
            if (fd < 0)
                bt_err_set(&why, BT_E_IO, errno, "open its log %s", log);
        }
        if (fd >= 0)
            return fd;
        if (why.sys != ENOENT || i == LOG_TRIES) {
            *err = why;
            return bt_err_wrap(err, "start the daemon");
        }
    }
}

static int start_daemon(struct bt_err *err)
{
    bt_auto_arena a = { 0 };
    int p[2];
    const char *dir = bt_runtime_dir(&a), *log = bt_arena_printf(&a, "%s/daemon.log", dir);
    bt_auto_fd out = open_log(dir, log, err);
    if (out < 0)
        return -1;
    if (pipe2(p, O_CLOEXEC) < 0)
        return bt_err_set(err, BT_E_IO, errno, "start the daemon: open a pipe");
    bt_auto_fd ours = p[0], theirs = fcntl(p[1], F_DUPFD_CLOEXEC, 10);
    close(p[1]);
    pid_t pid = fork();
    if (pid == 0) {
        setsid();
        if (fork() == 0)
            become_daemon(out, theirs);
        _exit(0);
    }
    if (pid < 0)
        return bt_err_set(err, BT_E_EXEC, errno, "start the daemon: fork");
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) {
    }
    bt_close_fd(&theirs);
    char word[1024];
    ssize_t n;
    do
        n = read(ours, word, sizeof word - 1);
    while (n < 0 && errno == EINTR);
    word[n > 0 ? n : 0] = 0;
    if (!strncmp(word, "ok\n", 3))
        return 0;
    char *hint = strchrnul(word, '\n');
    if (*hint)
        *hint++ = 0;
    bt_err_set(err, BT_E_FAILED, 0, "start the daemon: %s", word[0] ? word : "it ended at once");
    return *hint ? bt_err_hint(err, "%s", hint) : bt_err_hint(err, "its log is %s", log);
}

int bt_run_connect(struct bt_wire_client *c, struct bt_err *err)
{
    bt_auto_arena a = { 0 };
    const char *sock = bt_run_sock(&a);
    int64_t until = bt_now_ms() + 10000;
    for (bool started = false;;) {
        struct bt_err why = { 0 };
        int fd = bt_wire_connect(sock, &why);
        if (fd >= 0) {
            bt_wire_client_init(c, fd);
            return 0;
        }
        if (why.code != BT_E_NOT_FOUND || (started && bt_now_ms() > until)) {
            *err = why;
            return -1;
        }
        if (start_daemon(err) < 0)   /* "ok" also when another verb was faster, or an old one is just ending: then once more */
            return -1;
        started = true;
        usleep(10000);
    }
}

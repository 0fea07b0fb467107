/* window.c - see window.h. The files belong to whoever came first and are written by all: what stands in them is only shown. */
#include "run/window.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/log.h"
#include "base/proc.h"

const char *bt_window_dir(struct bt_arena *a)
{
    const char *given = getenv("BERTH_LOCK_DIR"), *shared[] = { "/run/lock", "/tmp" };
    struct stat st;
    if (given && given[0])
        return bt_arena_strdup(a, given);
    for (size_t i = 0; i < BT_LEN(shared); i++)
        if (stat(shared[i], &st) == 0 && S_ISDIR(st.st_mode) && (st.st_mode & (S_ISVTX | S_IWOTH)) == (S_ISVTX | S_IWOTH))
            return shared[i];
    return "/tmp";
}

/* Without O_CREAT first: fs.protected_regular forbids it on another user's file in a sticky folder. -1 with errno. */
static int open_file(const char *path)
{
    struct stat st;
    enum { EVERYBODY = 0666 };
    int fd = open(path, O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 && errno == ENOENT) {
        fd = open(path, O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_CREAT | O_EXCL, EVERYBODY);
        if (fd >= 0)
            fchmod(fd, EVERYBODY);   /* whatever the umask */
        else if (errno == EEXIST)
            fd = open(path, O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    }
    if (fd >= 0 && (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))) {
        close(fd);
        errno = EINVAL;
        return -1;
    }
    return fd;
}

/* "PID PROJECT/INSTANCE": of who has it, or had it last. 0: nobody yet. */
static pid_t read_who(int fd, char what[static 128])
{
    char text[192] = "";
    int pid = 0;
    what[0] = 0;
    if (pread(fd, text, sizeof text - 1, 0) <= 0 || sscanf(text, "%d %120[a-z0-9/-]", &pid, what) < 1)
        return 0;
    return pid;
}

static void write_who(int fd, const char *who)
{
    char text[192];
    int n = snprintf(text, sizeof text, "%d %.120s\n", (int)getpid(), who);
    if (ftruncate(fd, 0) < 0 || pwrite(fd, text, (size_t)n, 0) != n)
        bt_debug("window", "the lock does not say who has it: %s", strerror(errno));
}

static void warn_once(const char *path)
{
    static bool said;
    if (!said)
        bt_warn("window", "%s: %s: starts are not kept apart from those of other users", path, strerror(errno));
    said = true;
}

static bool take_one(struct bt_window *w, const char *uuid, const char *who, char *why, size_t whylen)
{
    bt_auto_arena a = { 0 };
    char what[128];
    const char *path = bt_arena_printf(&a, "%s/berth-start-%.80s.lock", bt_window_dir(&a), uuid);
    bt_auto_fd fd = open_file(path);
    if (fd < 0) {
        warn_once(path);
        return true;
    }
    if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
        pid_t pid = read_who(fd, what);
        snprintf(why, whylen, "waits until %s%s(pid %d of %s) has measured the memory of %.60s", what, what[0] ? " " : "another berth ", (int)pid,
                 pid > 0 ? bt_proc_user(&a, pid) : "?", uuid);
        return false;
    }
    pid_t last = read_who(fd, what);
    w->foreign |= last && last != getpid();
    write_who(fd, who);
    w->fd[w->n++] = bt_take_fd(&fd);
    return true;
}

bool bt_window_take(struct bt_window *w, const char *const *uuid, size_t n, const char *who, char *why, size_t whylen)
{
    if (w->fd || !n)
        return true;
    w->fd = bt_xcalloc(n, sizeof *w->fd);
    for (size_t i = 0; i < n; i++)
        if (!take_one(w, uuid[i], who, why, whylen)) {
            bt_window_give(w);
            return false;
        }
    w->taken_s = (double)bt_now_ms() / 1000;
    return true;
}

void bt_window_give(struct bt_window *w)
{
    for (size_t i = 0; i < w->n; i++)
        close(w->fd[i]);
    free(w->fd);
    *w = (struct bt_window){ 0 };
}

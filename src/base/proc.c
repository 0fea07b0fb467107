/* proc.c - processes by identity, from /proc. */
#include "base/proc.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>

/* Whole small /proc file into buf; its length, or -1. */
static ssize_t slurp(const char *path, char *buf, size_t cap)
{
    bt_auto_fd fd = open(path, O_RDONLY | O_CLOEXEC);
    size_t n = 0;
    if (fd < 0)
        return -1;
    while (n + 1 < cap) {
        ssize_t got = read(fd, buf + n, cap - 1 - n);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -1;
        if (got == 0)
            break;
        n += (size_t)got;
    }
    buf[n] = 0;
    return (ssize_t)n;
}

bool bt_proc_read(pid_t pid, struct bt_proc *out)
{
    char path[48], buf[2048];
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    if (pid <= 0 || slurp(path, buf, sizeof buf) <= 0)
        return false;
    char *open = strchr(buf, '('), *close = strrchr(buf, ')');       /* the name may contain both */
    if (!open || !close || close < open)
        return false;
    *out = (struct bt_proc){ .id = { .pid = pid } };
    size_t len = BT_MIN((size_t)(close - open - 1), sizeof out->comm - 1);
    memcpy(out->comm, open + 1, len);
    int ppid, pgrp, session;
    unsigned long long start, vsize;
    long rss;
    if (sscanf(close + 1, " %c %d %d %d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu %llu %ld", &out->state, &ppid, &pgrp, &session, &start, &vsize, &rss) != 7)
        return false;
    out->ppid = ppid;
    out->pgrp = pgrp;
    out->session = session;
    out->id.start_ticks = start;
    out->rss_bytes = rss > 0 ? (uint64_t)rss * (uint64_t)sysconf(_SC_PAGESIZE) : 0;
    return true;
}

bool bt_proc_same(struct bt_proc_id id)
{
    struct bt_proc p;
    return bt_proc_read(id.pid, &p) && p.id.start_ticks == id.start_ticks && p.state != 'Z' && p.state != 'X';
}

int bt_proc_pidfd(struct bt_proc_id id)
{
    bt_auto_fd fd = (int)syscall(SYS_pidfd_open, id.pid, 0);         /* pidfds are close-on-exec */
    struct bt_proc p;
    if (fd < 0 || !bt_proc_read(id.pid, &p) || p.id.start_ticks != id.start_ticks)
        return -1;
    return bt_take_fd(&fd);
}

int bt_pidfd_send(int pidfd, int sig)
{
    return syscall(SYS_pidfd_send_signal, pidfd, sig, NULL, 0) < 0 ? -errno : 0;
}

static int by_pid(const void *a, const void *b)
{
    pid_t x = ((const struct bt_proc *)a)->id.pid, y = ((const struct bt_proc *)b)->id.pid;
    return (x > y) - (x < y);
}

size_t bt_proc_list(struct bt_arena *a, struct bt_proc **out)
{
    size_t n = 0, cap = 256;
    struct bt_proc *list = bt_xcalloc(cap, sizeof *list), p;
    DIR *d = opendir("/proc");
    for (struct dirent *e; d && (e = readdir(d));) {
        if (!isdigit((unsigned char)e->d_name[0]) || !bt_proc_read((pid_t)strtol(e->d_name, NULL, 10), &p))
            continue;
        if (n == cap)
            list = bt_xrealloc(list, (cap *= 2) * sizeof *list);
        list[n++] = p;
    }
    if (d)
        closedir(d);
    qsort(list, n, sizeof *list, by_pid);
    *out = BT_NEWN(a, struct bt_proc, n);
    if (n)
        memcpy(*out, list, n * sizeof *list);
    free(list);
    return n;
}

size_t bt_proc_tree(struct bt_arena *a, pid_t root, pid_t sid, struct bt_proc **out)
{
    struct bt_proc *all;
    size_t n = bt_proc_list(a, &all), kept = 0;
    bool *in = BT_NEWN(a, bool, n);
    for (bool again = true; again;) {                /* to a fixed point: children may have lower pids than parents */
        again = false;
        for (size_t i = 0; i < n; i++) {
            if (in[i])
                continue;
            bool yes = all[i].id.pid == root || (sid > 0 && all[i].session == sid);
            for (size_t k = 0; k < n && !yes; k++)
                yes = in[k] && all[i].ppid == all[k].id.pid;
            if (yes)
                in[i] = again = true;
        }
    }
    for (size_t i = 0; i < n; i++)
        kept += in[i];
    *out = BT_NEWN(a, struct bt_proc, kept);
    for (size_t i = 0, k = 0; i < n; i++)
        if (in[i])
            (*out)[k++] = all[i];
    return kept;
}

const char *bt_proc_cmdline(struct bt_arena *a, pid_t pid)
{
    char path[48], buf[4096];
    snprintf(path, sizeof path, "/proc/%d/cmdline", (int)pid);
    ssize_t n = slurp(path, buf, sizeof buf);
    bt_auto_buf struct bt_buf b = BT_BUF(32 * KiB);
    while (n > 0 && !buf[n - 1])
        n--;
    for (ssize_t i = 0; i < n; i++)
        if (!buf[i])
            buf[i] = ' ';
    if (n > 0)
        bt_buf_add_escaped(&b, (struct bt_str){ buf, (size_t)n });
    return bt_arena_strdup(a, bt_buf_z(&b));
}

const char *bt_proc_user(struct bt_arena *a, pid_t pid)
{
    char path[48];
    struct stat st;
    snprintf(path, sizeof path, "/proc/%d", (int)pid);
    if (stat(path, &st) < 0)
        return "";
    struct passwd *pw = getpwuid(st.st_uid);
    return pw ? bt_arena_strdup(a, pw->pw_name) : bt_arena_printf(a, "%u", (unsigned)st.st_uid);
}

const char *bt_boot_id(void)
{
    static char id[64];
    if (!id[0] && slurp("/proc/sys/kernel/random/boot_id", id, sizeof id) > 0)
        id[strcspn(id, "\n")] = 0;
    return id;
}

static int64_t clock_ms(clockid_t c)
{
    struct timespec t;
    clock_gettime(c, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int64_t bt_now_ms(void)
{
    return clock_ms(CLOCK_MONOTONIC);
}

int64_t bt_wall_ms(void)
{
    return clock_ms(CLOCK_REALTIME);
}

/* proc.c - see proc.h */
#include "base/proc.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>

/* The first n-1 bytes of a small /proc file, NUL added. Number of bytes, or -1. */
static ssize_t slurp(const char *path, char *buf, size_t n)
{
    bt_auto_fd fd = open(path, O_RDONLY | O_CLOEXEC);
    size_t got = 0;
    if (fd < 0)
        return -1;
    while (got < n - 1) {
        ssize_t r = read(fd, buf + got, n - 1 - got);
        if (r < 0 && errno == EINTR)
            continue;
        if (r < 0)
            return -1;               /* ESRCH: the process ended between open and read */
        if (r == 0)
            break;
        got += (size_t)r;
    }
    buf[got] = 0;
    return (ssize_t)got;
}

bool bt_proc_pss(pid_t pid, uint64_t *bytes)
{
    char path[64], buf[4096];
    unsigned long long kib;
    snprintf(path, sizeof path, "/proc/%ld/smaps_rollup", (long)pid);
    if (slurp(path, buf, sizeof buf) <= 0)
        return false;
    const char *at = strstr(buf, "\nPss:");
    if (!at || sscanf(at, "\nPss: %llu kB", &kib) != 1)
        return false;
    *bytes = kib * KiB;
    return true;
}

bool bt_proc_read(pid_t pid, struct bt_proc *out)
{
    char path[64], buf[2048];
    snprintf(path, sizeof path, "/proc/%ld/stat", (long)pid);
    if (pid <= 0 || slurp(path, buf, sizeof buf) <= 0)
        return false;
    char *open = strchr(buf, '('), *close = strrchr(buf, ')');   /* the name may hold blanks and brackets itself */
    if (!open || !close || close < open || !close[1])
        return false;
    struct bt_proc p = { .id.pid = pid };
    snprintf(p.comm, sizeof p.comm, "%.*s", (int)(close - open - 1), open + 1);
    char *rest = close + 2;
    for (int field = 3; *rest; field++) {        /* proc(5) numbers the fields from 1; the state is the third */
        char *end = strchrnul(rest, ' ');
        unsigned long long v = strtoull(rest, NULL, 10);
        switch (field) {
        case 3: p.state = rest[0]; break;
        case 4: p.ppid = (pid_t)v; break;
        case 6: p.session = (pid_t)v; break;
        case 22: p.id.start_ticks = v; break;
        case 24:
            p.rss_bytes = v * (uint64_t)sysconf(_SC_PAGESIZE);
            *out = p;
            return true;
        default: break;
        }
        rest = *end ? end + 1 : end;
    }
    return false;
}

bool bt_proc_same(struct bt_proc_id id)
{
    struct bt_proc p;
    return bt_proc_read(id.pid, &p) && p.id.start_ticks == id.start_ticks && p.state != 'Z' && p.state != 'X';
}

int bt_proc_pidfd(struct bt_proc_id id)
{
    bt_auto_fd fd = id.pid > 0 ? (int)syscall(SYS_pidfd_open, id.pid, 0) : -1;   /* the kernel sets O_CLOEXEC */
    if (fd < 0 || !bt_proc_same(id))         /* in this order: after the open the pid cannot be reused under us */
        return -1;
    return bt_take_fd(&fd);
}

int bt_pidfd_send(int pidfd, int sig)
{
    return syscall(SYS_pidfd_send_signal, pidfd, sig, NULL, 0) < 0 ? -errno : 0;
}

static int by_pid(const void *x, const void *y)
{
    const struct bt_proc *a = x, *b = y;
    return (a->id.pid > b->id.pid) - (a->id.pid < b->id.pid);
}

size_t bt_proc_list(struct bt_arena *a, struct bt_proc **out)
{
    struct bt_proc *v = NULL, p;
    size_t n = 0;
    DIR *d = opendir("/proc");
    *out = NULL;
    if (!d)
        return 0;
    for (struct dirent *e; (e = readdir(d));) {
        char *end;
        long pid = strtol(e->d_name, &end, 10);
        if (e->d_name[0] >= '1' && e->d_name[0] <= '9' && !*end && bt_proc_read((pid_t)pid, &p))
            BT_PUSH(a, v, n, p);
    }
    closedir(d);
    if (n)
        qsort(v, n, sizeof *v, by_pid);
    *out = v;
    return n;
}

size_t bt_proc_tree(struct bt_arena *a, pid_t root, pid_t sid, struct bt_proc **out)
{
    struct bt_proc *all, *tree = NULL;
    size_t n = bt_proc_list(a, &all), kept = 0;
    bool *in = BT_NEWN(a, bool, n), grew = true;
    for (size_t i = 0; i < n; i++)
        in[i] = all[i].id.pid == root || (sid > 0 && all[i].session == sid);
    while (grew) {                   /* a child may have a lower pid than its parent: repeat until nothing is new */
        grew = false;
        for (size_t i = 0; i < n; i++) {
            if (in[i] || all[i].ppid <= 0)
                continue;
            struct bt_proc key = { .id.pid = all[i].ppid };
            const struct bt_proc *parent = bsearch(&key, all, n, sizeof *all, by_pid);
            if (parent && in[parent - all])
                in[i] = grew = true;
        }
    }
    for (size_t i = 0; i < n; i++)
        if (in[i])
            BT_PUSH(a, tree, kept, all[i]);
    *out = tree;
    return kept;
}

const char *bt_proc_cmdline(struct bt_arena *a, pid_t pid)
{
    char path[64], buf[8192];
    snprintf(path, sizeof path, "/proc/%ld/cmdline", (long)pid);
    ssize_t n = slurp(path, buf, sizeof buf);
    if (n <= 0)
        return "";
    while (n > 0 && buf[n - 1] == 0)
        n--;
    for (ssize_t i = 0; i < n; i++)
        if (buf[i] == 0)
            buf[i] = ' ';
    bt_auto_buf struct bt_buf b = BT_BUF(sizeof buf * 4);
    bt_buf_add_escaped(&b, (struct bt_str){ buf, (size_t)n });
    return bt_arena_strdup(a, bt_buf_z(&b));
}

const char *bt_proc_user(struct bt_arena *a, pid_t pid)
{
    char path[64], buf[4096];
    struct stat st;
    struct passwd pw, *found = NULL;
    snprintf(path, sizeof path, "/proc/%ld", (long)pid);
    if (stat(path, &st) < 0)
        return "";
    if (getpwuid_r(st.st_uid, &pw, buf, sizeof buf, &found) == 0 && found)
        return bt_arena_strdup(a, found->pw_name);
    return bt_arena_printf(a, "%u", (unsigned)st.st_uid);
}

const char *bt_boot_id(void)
{
    static char id[64];
    if (id[0])
        return id;
    char buf[64];
    if (slurp("/proc/sys/kernel/random/boot_id", buf, sizeof buf) > 0) {
        struct bt_str s = bt_str_trim(bt_str(buf));
        snprintf(id, sizeof id, "%.*s", BT_STR(s));
    }
    if (!id[0]) {                    /* some sandboxes hide it: the second the machine came up tells boots apart as well */
        struct timespec up, now;
        clock_gettime(CLOCK_BOOTTIME, &up);
        clock_gettime(CLOCK_REALTIME, &now);
        snprintf(id, sizeof id, "boot-at-%lld", (long long)(now.tv_sec - up.tv_sec));
    }
    return id;
}

static int64_t clock_ms(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
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

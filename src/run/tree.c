/* tree.c - members of an instance. */
#include "run/tree.h"

#include <dirent.h>
#include <fcntl.h>
#include <mntent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/file.h"

static size_t read_some(const char *path, char *buf, size_t cap)
{
    bt_auto_fd fd = open(path, O_RDONLY | O_CLOEXEC);
    size_t n = 0;
    if (fd < 0)
        return 0;
    for (ssize_t r; n < cap && (r = read(fd, buf + n, cap - n)) > 0;)
        n += (size_t)r;
    return n;
}

static bool carries_mark(pid_t pid, const char *mark)
{
    enum { CAP = 8 * 1024 * 1024 };  /* more than the kernel lets exec have; what is not filled costs nothing */
    char path[64], want[4200];
    snprintf(path, sizeof path, "/proc/%d/environ", (int)pid);
    int w = snprintf(want, sizeof want, BT_MARK_ENV "=%s", mark);
    if (w <= 0 || (size_t)w >= sizeof want)
        return false;
    bt_auto_free char *env = bt_xmalloc(CAP);
    size_t n = read_some(path, env, CAP);
    for (size_t i = 0; i < n;) {
        size_t len = strnlen(env + i, n - i);
        if (len == (size_t)w && !memcmp(env + i, want, len))
            return true;
        i += len + 1;
    }
    return false;
}

static bool in_list(const pid_t *v, size_t n, pid_t pid)
{
    for (size_t i = 0; i < n; i++)
        if (v[i] == pid)
            return true;
    return false;
}

static size_t cgroup_pids(struct bt_arena *a, const char *cgroup, pid_t **out)
{
    *out = NULL;
    if (!cgroup)
        return 0;
    FILE *f = fopen(bt_arena_printf(a, "%s/cgroup.procs", cgroup), "re");
    size_t n = 0;
    if (!f)
        return 0;
    for (int pid; fscanf(f, "%d", &pid) == 1;)
        BT_PUSH(a, *out, n, (pid_t)pid);
    fclose(f);
    return n;
}

/* The session number is the leader's pid: while any member lives the kernel gives that number to nobody else. A process of that
 * number with another start time says that the session is over. */
static bool session_is_ours(const struct bt_tree *t, const struct bt_proc *all, size_t nall)
{
    if (t->leader.pid <= 0)
        return false;
    for (size_t i = 0; i < nall; i++)
        if (all[i].id.pid == t->leader.pid)
            return all[i].id.start_ticks == t->leader.start_ticks;
    return true;
}

size_t bt_tree_members(struct bt_arena *a, const struct bt_tree *t, const struct bt_proc *all, size_t nall, struct bt_proc **out)
{
    bool *in = BT_NEWN(a, bool, nall ? nall : 1);
    pid_t *cg = NULL;
    size_t ncg = cgroup_pids(a, t->cgroup, &cg);
    bool session = session_is_ours(t, all, nall), keeper_lives = false;
    for (size_t i = 0; i < nall; i++) {
        const struct bt_proc *p = &all[i];
        if (t->keeper.pid && p->id.pid == t->keeper.pid && p->id.start_ticks == t->keeper.start_ticks)
            keeper_lives = true;
        in[i] = (session && p->session == t->leader.pid && p->id.start_ticks >= t->leader.start_ticks) || in_list(cg, ncg, p->id.pid) ||
                (t->by_mark && t->mark && p->state != 'Z' && carries_mark(p->id.pid, t->mark));
    }
    for (bool more = true; more;) {      /* pids wrap, so a child may stand before its parent: until nothing changes */
        more = false;
        for (size_t i = 0; i < nall; i++) {
            if (in[i])
                continue;
            bool below = keeper_lives && all[i].ppid == t->keeper.pid;
            for (size_t j = 0; !below && j < nall; j++)
                below = in[j] && all[j].id.pid == all[i].ppid;
            if (below)
                in[i] = more = true;
        }
    }
    size_t n = 0;
    *out = BT_NEWN(a, struct bt_proc, nall ? nall : 1);
    for (size_t i = 0; i < nall; i++)
        if (in[i] && all[i].state != 'Z' && all[i].id.pid != t->keeper.pid && all[i].id.pid != getpid())
            (*out)[n++] = all[i];
    return n;
}

static bool is_tracker(struct bt_arena *a, pid_t pid)
{
    return strstr(bt_proc_cmdline(a, pid), "resource_tracker") != NULL;
}

size_t bt_tree_signal(struct bt_arena *a, const struct bt_tree *t, int sig, bool spare_tracker)
{
    struct bt_proc *all, *m;
    size_t nall = bt_proc_list(a, &all), n = bt_tree_members(a, t, all, nall, &m);
    for (size_t i = 0; i < n; i++) {
        if (spare_tracker && is_tracker(a, m[i].id.pid))
            continue;
        bt_auto_fd fd = bt_proc_pidfd(m[i].id);
        if (fd >= 0)
            bt_pidfd_send(fd, sig);
    }
    return n;
}

uint64_t bt_tree_cpu_ticks(const struct bt_proc *m, size_t n)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < n; i++) {
        char path[64], text[1024];
        snprintf(path, sizeof path, "/proc/%d/stat", (int)m[i].id.pid);
        size_t len = read_some(path, text, sizeof text - 1);
        text[len] = 0;
        const char *p = strrchr(text, ')');          /* the name may hold blanks and brackets */
        unsigned long user = 0, sys = 0;
        if (p && sscanf(p + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &sys) == 2)
            sum += user + sys;
    }
    return sum;
}

/* ---- cgroup v2, where we may write ---- */

static const char *cgroup2_mount(struct bt_arena *a)
{
    FILE *f = setmntent("/proc/self/mounts", "re");
    const char *dir = NULL;
    if (!f)
        return NULL;
    for (struct mntent *e; !dir && (e = getmntent(f));)
        if (!strcmp(e->mnt_type, "cgroup2"))
            dir = bt_arena_strdup(a, e->mnt_dir);
    endmntent(f);
    return dir;
}

const char *bt_cgroup_make(struct bt_arena *a, const char *name)
{
    const char *given = getenv("BERTH_CGROUP");
    if (given && given[0] == '/') {
        const char *below = bt_arena_printf(a, "%s/%s", given, name);
        return mkdir(below, 0700) < 0 ? NULL : below;
    }
    const char *mount = given && !strcmp(given, "off") ? NULL : cgroup2_mount(a);
    char text[8192];
    size_t n = read_some("/proc/self/cgroup", text, sizeof text - 1);
    text[n] = 0;
    char *row = strncmp(text, "0::", 3) ? strstr(text, "\n0::") : text;
    if (!mount || !row)
        return NULL;
    char *own = strchr(row, ':') + 2;
    own[strcspn(own, "\n")] = 0;
    const char *dir = bt_arena_printf(a, "%s%s/%s", mount, strcmp(own, "/") ? own : "", name);
    if (mkdir(dir, 0700) < 0)
        return NULL;
    return dir;
}

bool bt_cgroup_join(const char *cgroup, pid_t pid)
{
    char path[4200], text[24];
    snprintf(path, sizeof path, "%s/cgroup.procs", cgroup);
    bt_auto_fd fd = open(path, O_WRONLY | O_CLOEXEC);
    int n = snprintf(text, sizeof text, "%d", (int)pid);
    return fd >= 0 && write(fd, text, (size_t)n) == n;
}

static bool put(const char *cgroup, const char *file, const char *text)
{
    bt_auto_arena a = { 0 };
    bt_auto_fd fd = open(bt_arena_printf(&a, "%s/%s", cgroup, file), O_WRONLY | O_TRUNC | O_CLOEXEC);
    return fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
}

bool bt_cgroup_limit(const char *cgroup, uint64_t bytes)
{
    bt_auto_arena a = { 0 };
    put(bt_path_dir(&a, cgroup), "cgroup.subtree_control", "+memory");       /* refused where processes live in it: then it is there already, or cannot be */
    if (!put(cgroup, "memory.max", bt_arena_printf(&a, "%llu\n", (unsigned long long)bytes)))
        return false;
    put(cgroup, "memory.oom.group", "1\n");          /* an engine without one of its processes is worse than none */
    return bt_cgroup_limited(cgroup, bytes);         /* the kernel counts in pages, and may have refused */
}

bool bt_cgroup_limited(const char *cgroup, uint64_t bytes)
{
    enum { PAGE = 65536 };
    bt_auto_arena a = { 0 };
    char text[64];
    size_t n = cgroup ? read_some(bt_arena_printf(&a, "%s/memory.max", cgroup), text, sizeof text - 1) : 0;
    text[n] = 0;
    uint64_t max = strtoull(text, NULL, 10);         /* "max": 0 */
    return max && max <= bytes && bytes - max < PAGE;
}

bool bt_cgroup_oom(const char *cgroup)
{
    bt_auto_arena a = { 0 };
    char text[1024];
    size_t n = cgroup ? read_some(bt_arena_printf(&a, "%s/memory.events", cgroup), text, sizeof text - 1) : 0;
    text[n] = 0;
    const char *at = strstr(text, "oom_kill ");
    return at && strtoull(at + strlen("oom_kill "), NULL, 10) > 0;
}

void bt_cgroup_remove(const char *cgroup)
{
    if (cgroup)
        rmdir(cgroup);               /* fails while a process is in it: then it is still needed */
}

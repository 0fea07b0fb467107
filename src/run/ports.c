/* ports.c - listeners and their holders. */
#include "run/ports.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"

/* 0, or the errno of a bind. */
static int try_bind(uint16_t port, uint32_t address)
{
    bt_auto_fd fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(address) };
    int on = 1;
    if (fd < 0)
        return errno;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);        /* old connections in TIME_WAIT stop no server: not us either */
    /* Who listens there makes bind() fail. We do not listen ourselves: a server that binds in that moment would find it taken. */
    return bind(fd, (struct sockaddr *)&in, sizeof in) == 0 ? 0 : errno;
}

enum tcp_state { TCP_STATE_ESTABLISHED = 0x01, TCP_STATE_LISTEN = 0x0A };        /* as /proc/net/tcp prints them (Linux include/net/tcp_states.h) */

static size_t inodes_of(struct bt_arena *a, uint16_t port, enum tcp_state wanted, unsigned long **out)
{
    static const char *const files[] = { "/proc/net/tcp", "/proc/net/tcp6" };
    size_t n = 0;
    for (size_t i = 0; i < BT_LEN(files); i++) {
        FILE *f = fopen(files[i], "re");
        char line[512];
        while (f && fgets(line, sizeof line, f)) {
            unsigned local, state;
            unsigned long inode;
            if (sscanf(line, " %*d: %*[0-9A-Fa-f]:%x %*[0-9A-Fa-f]:%*x %x %*s %*s %*s %*s %*s %lu", &local, &state, &inode) == 3 && local == port &&
                state == (unsigned)wanted && inode)
                BT_PUSH(a, *out, n, inode);
        }
        if (f)
            fclose(f);
    }
    return n;
}

bool bt_port_free(uint16_t port)
{
    bt_auto_arena a = { 0 };
    unsigned long *inode = NULL;
    int why = try_bind(port, INADDR_LOOPBACK);
    why = why ? why : try_bind(port, INADDR_ANY);
    if (why == EACCES)               /* below 1024 and not ours to bind; the workload's perhaps (its file's capabilities), as far as nobody listens */
        return inodes_of(&a, port, TCP_STATE_LISTEN, &inode) == 0;
    return why == 0;
}

/* How many of its descriptors are one of those sockets; `at_each`, unless NULL, is called with the number of each. */
static size_t sockets_of(pid_t pid, const unsigned long *inode, size_t n, void (*at_each)(void *ctx, pid_t pid, int number), void *ctx)
{
    char dir[64], link[64];
    snprintf(dir, sizeof dir, "/proc/%d/fd", (int)pid);
    DIR *d = opendir(dir);
    size_t found = 0;
    if (!d)
        return 0;
    for (struct dirent *e; (e = readdir(d));) {
        unsigned long is;
        ssize_t len = readlinkat(dirfd(d), e->d_name, link, sizeof link - 1);
        if (len <= 0)
            continue;
        link[len] = 0;
        if (sscanf(link, "socket:[%lu]", &is) != 1)
            continue;
        for (size_t i = 0; i < n; i++)
            if (inode[i] == is) {
                found++;
                if (at_each)
                    at_each(ctx, pid, atoi(e->d_name));
            }
    }
    closedir(d);
    return found;
}

static bool holds_inode(pid_t pid, const unsigned long *inode, size_t n)
{
    return sockets_of(pid, inode, n, NULL, NULL) > 0;
}

size_t bt_port_clients(struct bt_arena *a, uint16_t port)
{
    unsigned long *inode = NULL;
    return inodes_of(a, port, TCP_STATE_ESTABLISHED, &inode);
}

/* A copy of the descriptor is enough: shutdown() acts on the connection, and its process reads the end of it. */
static void end_connection(void *ctx, pid_t pid, int number)
{
    struct bt_port_cut *out = ctx;
    bt_auto_fd of = (int)syscall(SYS_pidfd_open, pid, 0), copy = of < 0 ? -1 : (int)syscall(SYS_pidfd_getfd, of, number, 0);
    if (copy >= 0) {
        shutdown(copy, SHUT_RDWR);
        out->ended++;
    } else if (errno != EBADF && errno != ESRCH) {   /* those: closed meanwhile */
        out->why = errno;
        out->stay++;
    }
}

struct bt_port_cut bt_port_cut(struct bt_arena *a, uint16_t port, const struct bt_proc *m, size_t n)
{
    unsigned long *inode = NULL;
    struct bt_port_cut out = { 0 };
    size_t ninode = inodes_of(a, port, TCP_STATE_ESTABLISHED, &inode);
    for (size_t i = 0; i < n && ninode; i++)
        sockets_of(m[i].id.pid, inode, ninode, end_connection, &out);
    return out;
}

size_t bt_port_listeners(struct bt_arena *a, uint16_t port, pid_t **out, bool *listened)
{
    unsigned long *inode = NULL;
    size_t ninode = inodes_of(a, port, TCP_STATE_LISTEN, &inode), n = 0;
    struct bt_proc *all;
    *out = NULL;
    *listened = ninode > 0;
    if (!ninode)
        return 0;
    size_t nall = bt_proc_list(a, &all);
    for (size_t i = 0; i < nall; i++)
        if (holds_inode(all[i].id.pid, inode, ninode))
            BT_PUSH(a, *out, n, all[i].id.pid);
    return n;
}

const char *bt_port_holder(struct bt_arena *a, uint16_t port)
{
    pid_t *pid;
    bool listened;
    size_t n = bt_port_listeners(a, port, &pid, &listened);
    if (n)
        return bt_arena_printf(a, "pid %d (%s): %s", (int)pid[0], bt_proc_user(a, pid[0]), bt_proc_cmdline(a, pid[0]));
    return listened ? "a process of another user" : "a process that has bound it and does not listen yet";
}

bool bt_port_is_of(struct bt_arena *a, uint16_t port, const struct bt_proc *m, size_t n)
{
    unsigned long *inode = NULL;
    size_t ninode = inodes_of(a, port, TCP_STATE_LISTEN, &inode);
    for (size_t i = 0; i < n && ninode; i++)
        if (holds_inode(m[i].id.pid, inode, ninode))
            return true;
    return false;
}

/* ---- claims ---- */

static socklen_t claim_name(uint16_t port, struct sockaddr_un *out)
{
    *out = (struct sockaddr_un){ .sun_family = AF_UNIX };
    int n = snprintf(out->sun_path + 1, sizeof out->sun_path - 1, "berth-port-%u", (unsigned)port);      /* after a NUL: abstract, no file */
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)n);
}

static void warn_unable(uint16_t port)
{
    static bool said;
    if (!said)
        bt_warn("ports", "claim port %u: %s: ports are not kept apart from those of other daemons", (unsigned)port, strerror(errno));
    said = true;
}

int bt_claim_fd(const struct bt_claims *c, uint16_t port)
{
    for (size_t i = 0; i < c->n; i++)
        if (c->claim[i].port == port)
            return c->claim[i].fd;
    return -1;
}

bool bt_claim_take(struct bt_claims *c, uint16_t port)
{
    enum { ABOVE_STDIO = 10 };       /* where no descriptor that a keeper is given stands */
    struct sockaddr_un name;
    socklen_t len = claim_name(port, &name);
    if (bt_claim_fd(c, port) >= 0)
        return true;
    bt_auto_fd low = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), fd = low < 0 ? -1 : fcntl(low, F_DUPFD_CLOEXEC, ABOVE_STDIO);
    if (fd < 0 || bind(fd, (struct sockaddr *)&name, len) < 0) {
        if (fd >= 0 && errno == EADDRINUSE)
            return false;
        warn_unable(port);
        return true;
    }
    c->claim = bt_xrealloc(c->claim, (c->n + 1) * sizeof *c->claim);
    c->claim[c->n++] = (struct bt_claim){ port, bt_take_fd(&fd) };
    return true;
}

void bt_claim_give(struct bt_claims *c, uint16_t port)
{
    for (size_t i = 0; i < c->n; i++)
        if (c->claim[i].port == port) {
            close(c->claim[i].fd);
            c->claim[i] = c->claim[--c->n];
            return;
        }
}

void bt_claims_release(struct bt_claims *c)
{
    for (size_t i = 0; i < c->n; i++)
        close(c->claim[i].fd);
    free(c->claim);
    *c = (struct bt_claims){ 0 };
}

const char *bt_claim_holder(struct bt_arena *a, uint16_t port)
{
    char line[512], name[64], want[64];
    unsigned long inode = 0;
    snprintf(want, sizeof want, "@berth-port-%u", (unsigned)port);
    FILE *f = fopen("/proc/net/unix", "re");
    while (f && !inode && fgets(line, sizeof line, f))
        if (sscanf(line, "%*s %*s %*s %*s %*s %*s %lu %63s", &inode, name) != 2 || strcmp(name, want))
            inode = 0;
    if (f)
        fclose(f);
    struct bt_proc *all;
    size_t n = inode ? bt_proc_list(a, &all) : 0;
    for (size_t i = 0; i < n; i++)
        if (holds_inode(all[i].id.pid, &inode, 1))
            return bt_arena_printf(a, "pid %d (%s)", (int)all[i].id.pid, bt_proc_user(a, all[i].id.pid));
    return "of another user";
}

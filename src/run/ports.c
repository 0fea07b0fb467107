/* ports.c - listeners and their holders. */
#include "run/ports.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>

static bool bindable(uint16_t port, uint32_t address)
{
    bt_auto_fd fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(address) };
    int on = 1;
    if (fd < 0)
        return false;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);        /* old connections in TIME_WAIT stop no server: not us either */
    /* Who listens there makes bind() fail. We do not listen ourselves: a server that binds in that moment would find it taken. */
    return bind(fd, (struct sockaddr *)&in, sizeof in) == 0;
}

bool bt_port_free(uint16_t port)
{
    return bindable(port, INADDR_LOOPBACK) && bindable(port, INADDR_ANY);
}

static size_t listen_inodes(struct bt_arena *a, uint16_t port, unsigned long **out)
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
                state == 0x0A)
                BT_PUSH(a, *out, n, inode);
        }
        if (f)
            fclose(f);
    }
    return n;
}

static bool holds_inode(pid_t pid, const unsigned long *inode, size_t n)
{
    char dir[64], link[64];
    snprintf(dir, sizeof dir, "/proc/%d/fd", (int)pid);
    DIR *d = opendir(dir);
    bool found = false;
    if (!d)
        return false;
    for (struct dirent *e; !found && (e = readdir(d));) {
        unsigned long is;
        ssize_t len = readlinkat(dirfd(d), e->d_name, link, sizeof link - 1);
        if (len <= 0)
            continue;
        link[len] = 0;
        if (sscanf(link, "socket:[%lu]", &is) != 1)
            continue;
        for (size_t i = 0; i < n; i++)
            found |= inode[i] == is;
    }
    closedir(d);
    return found;
}

size_t bt_port_listeners(struct bt_arena *a, uint16_t port, pid_t **out, bool *listened)
{
    unsigned long *inode = NULL;
    size_t ninode = listen_inodes(a, port, &inode), n = 0;
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
    size_t ninode = listen_inodes(a, port, &inode);
    for (size_t i = 0; i < n && ninode; i++)
        if (holds_inode(m[i].id.pid, inode, ninode))
            return true;
    return false;
}

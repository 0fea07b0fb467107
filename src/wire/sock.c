/* sock.c - owner-only unix sockets, at paths of any length. */
#include "wire/wire.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

/* A unix address holds 107 bytes. A longer path is spelled /proc/self/fd/N/NAME, N being its folder; *dir must stay open meanwhile. */
static int address(const char *path, struct sockaddr_un *un, int *dir, struct bt_err *err)
{
    *un = (struct sockaddr_un){ .sun_family = AF_UNIX };
    *dir = -1;
    if (strlen(path) < sizeof un->sun_path) {
        memcpy(un->sun_path, path, strlen(path) + 1);
        return 0;
    }
    bt_auto_arena a = { 0 };
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    const char *folder = slash ? bt_arena_strndup(&a, (struct bt_str){ path, (size_t)(slash - path) }) : ".";
    *dir = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (*dir < 0)
        return bt_err_set(err, errno == ENOENT ? BT_E_NOT_FOUND : BT_E_IO, errno, "open %s", folder);
    int n = snprintf(un->sun_path, sizeof un->sun_path, "/proc/self/fd/%d/%s", *dir, name);
    if (n < 0 || (size_t)n >= sizeof un->sun_path) {
        bt_close_fd(dir);
        return bt_err_set(err, BT_E_TOO_BIG, 0, "socket name %s is too long", name);
    }
    return 0;
}

int bt_wire_listen(const char *path, struct bt_err *err)
{
    struct sockaddr_un un;
    bt_auto_fd dir = -1;
    if (address(path, &un, &dir, err) < 0)
        return -1;
    bt_auto_fd fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return bt_err_set(err, BT_E_IO, errno, "open a socket for %s", path);
    unlink(path);
    mode_t old = umask(0177);
    int r = bind(fd, (struct sockaddr *)&un, sizeof un), e = errno;
    umask(old);
    if (r < 0)
        return bt_err_set(err, BT_E_IO, e, "bind %s", path);
    if (listen(fd, 16) < 0)
        return bt_err_set(err, BT_E_IO, errno, "listen on %s", path);
    return bt_take_fd(&fd);
}

int bt_wire_connect(const char *path, struct bt_err *err)
{
    struct sockaddr_un un;
    bt_auto_fd dir = -1;
    if (address(path, &un, &dir, err) < 0)
        return -1;
    bt_auto_fd fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return bt_err_set(err, BT_E_IO, errno, "open a socket for %s", path);
    if (connect(fd, (struct sockaddr *)&un, sizeof un) < 0)
        return bt_err_set(err, errno == ENOENT || errno == ECONNREFUSED || errno == ENOTDIR ? BT_E_NOT_FOUND : BT_E_IO, errno, "connect to %s", path);
    if (!bt_wire_peer_is_us(fd))
        return bt_err_set(err, BT_E_IO, 0, "connect to %s: another user listens there", path);
    return bt_take_fd(&fd);
}

bool bt_wire_peer_is_us(int fd)
{
    struct ucred c;
    socklen_t n = sizeof c;
    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &c, &n) == 0 && c.uid == geteuid();
}

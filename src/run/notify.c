/* notify.c - see notify.h */
#include "run/notify.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

void bt_notify_init(struct bt_notify *n)
{
    const char *path = getenv("NOTIFY_SOCKET"), *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
    *n = (struct bt_notify){ 0 };
    if (path && (path[0] == '/' || path[0] == '@') && path[1] && strlen(path) < sizeof n->path) {
        strcpy(n->path, path);
        n->abstract = path[0] == '@';
    }
    long long us = usec ? strtoll(usec, NULL, 10) : 0;
    if (n->path[0] && us > 0 && (!pid || strtoll(pid, NULL, 10) == getpid()))
        n->watchdog_ms = us / 1000 > 1 ? us / 1000 : 1;
    unsetenv("NOTIFY_SOCKET");
    unsetenv("WATCHDOG_USEC");
    unsetenv("WATCHDOG_PID");
}

static void say(const struct bt_notify *n, const char *text)
{
    struct sockaddr_un un = { .sun_family = AF_UNIX };
    size_t len = strlen(n->path);
    if (!len)
        return;
    memcpy(un.sun_path, n->path, len);
    if (n->abstract)
        un.sun_path[0] = 0;          /* an abstract name begins with NUL and has no end */
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return;
    (void)!sendto(fd, text, strlen(text), MSG_NOSIGNAL, (struct sockaddr *)&un, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len));
    close(fd);                       /* a manager that does not listen must not hold up what we do */
}

void bt_notify_ready(struct bt_notify *n)
{
    char text[64];
    snprintf(text, sizeof text, "READY=1\nMAINPID=%d", (int)getpid());
    say(n, text);
}

void bt_notify_stopping(struct bt_notify *n)
{
    say(n, "STOPPING=1");
}

void bt_notify_beat(struct bt_notify *n, const char *status, int64_t now_ms)
{
    char text[sizeof n->status + 16];
    if (!n->path[0])
        return;
    if (strncmp(n->status, status, sizeof n->status - 1)) {
        snprintf(n->status, sizeof n->status, "%s", status);
        snprintf(text, sizeof text, "STATUS=%s", n->status);
        say(n, text);
    }
    if (n->watchdog_ms && now_ms - n->told_ms >= n->watchdog_ms / 2) {
        n->told_ms = now_ms;
        say(n, "WATCHDOG=1");
    }
}

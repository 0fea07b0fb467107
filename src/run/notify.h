/* notify.h - words for the service manager that started us (sd_notify(3)): datagrams to the socket that NOTIFY_SOCKET names. A few lines of our own: the
 * protocol is promised to stay, and a library would be a dependency of every machine for it. Without that variable nothing happens. */
#ifndef BT_RUN_NOTIFY_H
#define BT_RUN_NOTIFY_H
#include <stdbool.h>
#include <stdint.h>

struct bt_notify {
    char path[108]; bool abstract;   /* "": nobody listens */
    int64_t watchdog_ms, told_ms;    /* 0: no watchdog is wanted */
    char status[256];
};
/* Reads NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID, and removes them: what we start is no part of the service's conversation. */
void bt_notify_init(struct bt_notify *n);
void bt_notify_ready(struct bt_notify *n);
void bt_notify_stopping(struct bt_notify *n);
/* Of every beat: STATUS= when it is another one than before, WATCHDOG=1 twice in its time. */
void bt_notify_beat(struct bt_notify *n, const char *status, int64_t now_ms);
#endif

/* ports.h - is a TCP port of this machine free, who holds it, and is a listener ours. Reads /proc/net/tcp and /proc/PID/fd. */
#ifndef BT_RUN_PORTS_H
#define BT_RUN_PORTS_H
#include "base/arena.h"
#include "base/proc.h"

#define BT_PORT_FIRST 21000          /* leases are taken below the kernel's range for outgoing connections (32768..60999) */
#define BT_PORT_LAST 31999

/* Can a server bind and listen there now? Tries to bind, on loopback and on all addresses; disturbs nobody who does so meanwhile. */
bool bt_port_free(uint16_t port);
/* Processes that listen on it, of those we may look into. n = 0: nobody listens, or another user does (*listened tells). */
size_t bt_port_listeners(struct bt_arena *a, uint16_t port, pid_t **out, bool *listened);
/* "pid 4711 (alice): python3 -m http.server 8000", or "a process of another user". */
const char *bt_port_holder(struct bt_arena *a, uint16_t port);
/* Connections of clients to it that stand now. */
size_t bt_port_clients(struct bt_arena *a, uint16_t port);
/* Ends those that m[0..n) hold: each side reads the end of the stream. Returns how many descriptors there were; the kernel lets an ancestor of the
 * processes do it, in containers mostly nobody (pidfd_getfd, Linux 5.6): then nothing happens. */
size_t bt_port_cut(struct bt_arena *a, uint16_t port, const struct bt_proc *m, size_t n);
/* Some process of m[0..n) listens on it. */
bool bt_port_is_of(struct bt_arena *a, uint16_t port, const struct bt_proc *m, size_t n);
#endif

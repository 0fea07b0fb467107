/* ports.h - is a TCP port of this machine free, who holds it, is a listener ours, and who has claimed it.
 * Reads /proc/net/tcp, /proc/net/unix and /proc/PID/fd. */
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
/* Ends those that m[0..n) hold: each side reads the end of the stream. The kernel lets an ancestor of the processes do it, in containers mostly nobody
 * (pidfd_getfd, Linux 5.6): those stay, and why is its errno. */
struct bt_port_cut { size_t ended, stay; int why; };
struct bt_port_cut bt_port_cut(struct bt_arena *a, uint16_t port, const struct bt_proc *m, size_t n);
/* Some process of m[0..n) listens on it. */
bool bt_port_is_of(struct bt_arena *a, uint16_t port, const struct bt_proc *m, size_t n);

/* Claims: which ports are promised to somebody who does not listen yet, between all daemons of a machine. A claim is a unix socket that is bound to the
 * abstract name "berth-port-N" and does nothing else: the kernel lets one have it, of whatever user; names are counted per network namespace, as ports are;
 * nothing is left behind by a death. It lasts as long as any process has the descriptor: a keeper gets it too, and the daemon may die. It is advice: who
 * does not ask is not kept away. Not for threads. */
struct bt_claims { struct bt_claim { uint16_t port; int fd; } *claim; size_t n; };      /* zeroed: holds nothing. bt_claims_release() */
/* True: this daemon has it, now or since before; also where the kernel refuses such sockets altogether (said once in the log). False: somebody else has. */
bool bt_claim_take(struct bt_claims *c, uint16_t port);
int bt_claim_fd(const struct bt_claims *c, uint16_t port);       /* 10 or above, close-on-exec; -1: not ours */
void bt_claim_give(struct bt_claims *c, uint16_t port);          /* not ours: nothing happens */
void bt_claims_release(struct bt_claims *c);
/* "pid 4711 (alice)", or "of another user": for messages. */
const char *bt_claim_holder(struct bt_arena *a, uint16_t port);
#endif

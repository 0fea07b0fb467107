/* proc.h - processes by identity, not by number: pid + start time (+ boot id), read from /proc. */
#ifndef BT_PROC_H
#define BT_PROC_H
#include <sys/types.h>
#include "base/arena.h"

struct bt_proc_id { pid_t pid; uint64_t start_ticks; };              /* start_ticks: field 22 of /proc/PID/stat */
struct bt_proc { struct bt_proc_id id; pid_t ppid, session; char state; char comm[17]; uint64_t rss_bytes; };

/* False when there is no such process (any more). A zombie is reported with state 'Z'. */
bool bt_proc_read(pid_t pid, struct bt_proc *out);
/* Its share of the RAM it uses: private pages, and of shared ones its part (Pss of smaps_rollup), so that a sum over a tree counts no page
 * twice. False: another user's, or gone. */
bool bt_proc_pss(pid_t pid, uint64_t *bytes);
bool bt_proc_same(struct bt_proc_id id);                             /* still that very process, and not a zombie */
/* pidfd of exactly this process: opened, then start time checked. -1 when it is gone. O_CLOEXEC. */
int bt_proc_pidfd(struct bt_proc_id id);
int bt_pidfd_send(int pidfd, int sig);                               /* 0 or -errno */
/* All processes, in pid order. */
size_t bt_proc_list(struct bt_arena *a, struct bt_proc **out);
/* root and its descendants and everything in session `sid` (0 = none): what has to be gone when an instance is. */
size_t bt_proc_tree(struct bt_arena *a, pid_t root, pid_t sid, struct bt_proc **out);
const char *bt_proc_cmdline(struct bt_arena *a, pid_t pid);          /* arguments joined by blanks, escaped; "" if gone */
const char *bt_proc_user(struct bt_arena *a, pid_t pid);             /* owner's name or uid */
const char *bt_boot_id(void);
int64_t bt_now_ms(void);                                             /* CLOCK_MONOTONIC */
int64_t bt_wall_ms(void);                                            /* CLOCK_REALTIME */
#endif

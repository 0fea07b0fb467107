/* workers.h - a list of things to do that do not need each other, side by side on the machine's cores. */
#ifndef BT_WORKERS_H
#define BT_WORKERS_H
#include <stdbool.h>
#include <stddef.h>

#define BT_WORKERS_MOST 16u          /* workers at once */

/* How many work at once: as many as there are cores that this process may use, BT_WORKERS_MOST at most, or BERTH_THREADS of the environment (what is no such
 * number is warned of once, and not taken). 1 inside a task: none makes workers of its own. */
unsigned bt_workers(void);

/* Does task(ctx, worker, i) for each i below n, begun in their order, and returns when all are done; worker is below `workers`, and no two tasks with the same
 * one run at a time, so that what belongs to a worker needs no lock. With one worker everything runs in the calling thread. No thread is left afterwards.
 * A task writes what belongs to it or to its worker, and reads what nobody writes meanwhile; then the outcome is the same whatever `workers` is. Where a task
 * returns false no further ones are begun: of those that do so the first was begun in any case. */
void bt_workers_do(size_t n, unsigned workers, bool (*task)(void *ctx, unsigned worker, size_t i), void *ctx);
#endif

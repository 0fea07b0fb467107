/* workers.c - see workers.h */
#include "base/workers.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/base.h"
#include "base/log.h"

#define STACK_BYTES (16 * MiB)       /* searches go deep; only what they touch is memory */

struct list { bool (*task)(void *ctx, unsigned worker, size_t i); void *ctx; size_t n; atomic_size_t next; atomic_bool stop; };
struct worker { struct list *list; unsigned number; pthread_t thread; };

static _Thread_local bool inside;
static atomic_flag told = ATOMIC_FLAG_INIT;          /* that BERTH_THREADS is no such number */

unsigned bt_workers(void)
{
    cpu_set_t cores;
    const char *say = getenv("BERTH_THREADS");
    uint64_t most = BT_WORKERS_MOST, asked;
    struct bt_err ignored = { 0 };
    if (inside)
        return 1;
    if (sched_getaffinity(0, sizeof cores, &cores) == 0)             /* fails on more than 1,024 cores */
        most = BT_MIN(most, (uint64_t)CPU_COUNT(&cores));
    if (say && *say && bt_u64_parse(bt_str(say), 1, BT_WORKERS_MOST, &asked, &ignored) == 0)
        most = asked;
    else if (say && *say && !atomic_flag_test_and_set(&told))
        bt_warn("base", "BERTH_THREADS is \"%.20s\": want a whole number from 1 to %u; as many threads as cores are used", say, BT_WORKERS_MOST);
    return (unsigned)BT_MAX(most, (uint64_t)1);
}

static void work(struct list *l, unsigned number)
{
    while (!atomic_load(&l->stop)) {
        size_t i = atomic_fetch_add(&l->next, 1);
        if (i >= l->n)
            return;
        if (!l->task(l->ctx, number, i))
            atomic_store(&l->stop, true);
    }
}

static void *begin(void *arg)
{
    const struct worker *w = arg;
    inside = true;
    work(w->list, w->number);
    return NULL;
}

void bt_workers_do(size_t n, unsigned workers, bool (*task)(void *ctx, unsigned worker, size_t i), void *ctx)
{
    struct list l = { .task = task, .ctx = ctx, .n = n };
    struct worker w[BT_WORKERS_MOST];
    unsigned others = (unsigned)BT_MIN((size_t)BT_MIN(workers, BT_WORKERS_MOST), BT_MAX(n, (size_t)1)) - 1, begun = 0;
    bool was = inside;
    pthread_attr_t attr;
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, STACK_BYTES);
    for (; begun < others; begun++) {
        w[begun] = (struct worker){ .list = &l, .number = begun + 1 };
        if (pthread_create(&w[begun].thread, &attr, begin, &w[begun]) != 0)        /* no more may be had: those that are there do it */
            break;
    }
    pthread_attr_destroy(&attr);
    inside = inside || others;
    work(&l, 0);
    inside = was;
    for (unsigned i = 0; i < begun; i++)
        pthread_join(w[i].thread, NULL);
}

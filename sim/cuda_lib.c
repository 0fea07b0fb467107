/* cuda_lib.c - cuInit, the lock, the process's slot, handles. */
#include "sim/cuda_int.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct sim_lib sim;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* Inside the driver until healed or killed (`berth sim ctl stick`), or until unlocked (cuCheckpointProcessUnlock). */
static void wait_while_stuck(void)
{
    const struct timespec step = { .tv_nsec = 5000000 };
    const struct bt_sim_proc *p = __atomic_load_n(&sim.proc, __ATOMIC_ACQUIRE);
    while (p && p->pid == sim.pid && (__atomic_load_n(&p->stuck, __ATOMIC_ACQUIRE) || __atomic_load_n(&p->park, __ATOMIC_ACQUIRE)))
        nanosleep(&step, NULL);
}

bool sim_lost(CUdevice dev)
{
    const struct bt_sim_gpu *g = sim_gpu(dev);
    return __atomic_load_n(&(g->parent >= 0 ? &sim.st->gpus[g->parent] : g)->lost, __ATOMIC_ACQUIRE);
}

CUresult sim_enter(void)
{
    /* read without the lock: a fork child's copy of the lock may be held by a thread that it does not have */
    if (!__atomic_load_n(&sim.inited, __ATOMIC_ACQUIRE) || sim.pid != getpid())
        return CUDA_ERROR_NOT_INITIALIZED;
    wait_while_stuck();
    pthread_mutex_lock(&lock);
    if (sim.closed) {
        pthread_mutex_unlock(&lock);
        return CUDA_ERROR_DEINITIALIZED;
    }
    return CUDA_SUCCESS;
}

void sim_leave(int *held)
{
    (void)held;
    pthread_mutex_unlock(&lock);
}

/* The instance that the first entry of CUDA_VISIBLE_DEVICES names: a process uses one, and nothing beside it. */
static int named_instance(const struct bt_sim_state *st, const char *list)
{
    size_t n = list ? strcspn(list, ",") : 0;
    int found = -1;
    if (n < 5 || strncmp(list, "MIG-", 4) != 0)
        return -1;
    for (unsigned i = st->ngpus; i < st->ngpus + st->nmig; i++)
        if (strncmp(st->gpus[i].uuid, list, n) == 0) {
            if (found >= 0)
                return -1;                   /* not unique */
            found = (int)i;
        }
    return found;
}

/* Cards in MIG mode are not for use: their first instance stands for them. With any such card, a process that was not told which
 * cards it may use gets one instance alone. */
static void through_mig(const struct bt_sim_state *st, const char *list)
{
    int kept = 0;
    for (int i = 0; i < sim.ndev; i++) {
        unsigned g = sim.gpu_of[i];
        int instance = st->gpus[g].mig ? bt_sim_mig_at(st, g, 0) : (int)g;
        if (instance < 0)
            continue;
        sim.gpu_of[kept++] = (unsigned)instance;
        if (st->gpus[g].mig && !list) {
            sim.gpu_of[0] = (unsigned)instance;
            kept = 1;
            break;
        }
    }
    sim.ndev = kept;
}

static CUresult choose_devices(struct bt_sim_state *st)
{
    struct sim_visible_card cards[BT_SIM_MAX_GPUS];
    const char *list = getenv("CUDA_VISIBLE_DEVICES");
    for (unsigned i = 0; i < st->ngpus; i++) {
        const struct bt_sim_gpu *g = &st->gpus[i];
        cards[i] = (struct sim_visible_card){ .uuid = g->uuid, .speed = (double)g->sm_count * g->cores_per_sm * g->sm_mhz };
    }
    int instance = named_instance(st, list);
    if (instance >= 0) {
        sim.gpu_of[0] = (unsigned)instance;
        sim.ndev = 1;
    } else {
        sim.ndev = sim_visible(list, getenv("CUDA_DEVICE_ORDER"), cards, (int)st->ngpus, sim.gpu_of);
        if (st->nmig)
            through_mig(st, list);
    }
    return sim.ndev ? CUDA_SUCCESS : CUDA_ERROR_NO_DEVICE;
}

/* A driver that lost one of the cards a process may use does not start for it. */
static CUresult check_lost(const struct bt_sim_state *st)
{
    for (int i = 0; i < sim.ndev; i++) {
        const struct bt_sim_gpu *g = &st->gpus[sim.gpu_of[i]];
        if (__atomic_load_n(&(g->parent >= 0 ? &st->gpus[g->parent] : g)->lost, __ATOMIC_ACQUIRE))
            return CUDA_ERROR_UNKNOWN;
    }
    return CUDA_SUCCESS;
}

static CUresult start(void)
{
    const char *path = getenv(BT_SIM_ENV), *why;
    if (!path || !*path)
        return CUDA_ERROR_NO_DEVICE;
    struct bt_sim_state *st = bt_sim_state_open(path, &why);
    if (!st) {
        fprintf(stderr, "simulated libcuda: %s %s: %s\n", why, path, strerror(errno));
        return CUDA_ERROR_NO_DEVICE;
    }
    CUresult rc = choose_devices(st);
    if (rc == CUDA_SUCCESS)
        rc = check_lost(st);
    if (rc != CUDA_SUCCESS) {
        bt_sim_state_close(st);
        return rc;
    }
    sim.st = st;
    sim.pid = getpid();
    __atomic_store_n(&sim.inited, true, __ATOMIC_RELEASE);
    return CUDA_SUCCESS;
}

CUresult cuInit(unsigned flags)
{
    if (flags != 0)
        return CUDA_ERROR_INVALID_VALUE;
    if (__atomic_load_n(&sim.inited, __ATOMIC_ACQUIRE))
        return sim.pid == getpid() ? CUDA_SUCCESS : CUDA_ERROR_NOT_INITIALIZED;
    pthread_mutex_lock(&lock);
    CUresult rc = sim.inited ? CUDA_SUCCESS : start();
    pthread_mutex_unlock(&lock);
    return rc;
}

CUresult cuDriverGetVersion(int *version)
{
    if (!version)
        return CUDA_ERROR_INVALID_VALUE;
    if (__atomic_load_n(&sim.inited, __ATOMIC_ACQUIRE)) {
        *version = sim.st->cuda_version;
        return CUDA_SUCCESS;
    }
    /* answered before cuInit too, by the real driver; without a machine it is the version that a new machine gets */
    const char *path = getenv(BT_SIM_ENV), *why;
    struct bt_sim_state *st = path ? bt_sim_state_open(path, &why) : NULL;
    *version = st ? st->cuda_version : 13000;
    bt_sim_state_close(st);
    return CUDA_SUCCESS;
}

/* An orderly exit gives everything back before the parent can know of it; everything else is found dead and lingers. */
__attribute__((destructor)) static void finish(void)
{
    if (!__atomic_load_n(&sim.inited, __ATOMIC_ACQUIRE) || sim.pid != getpid())
        return;
    if (pthread_mutex_trylock(&lock) != 0)   /* exit() inside a call, or beside a thread that is in one: the reaper's work */
        return;
    sim.closed = true;
    if (sim.proc && !sim.proc->stuck)        /* a stuck one's memory stays, as that of a real one in the kernel does */
        bt_sim_detach(sim.st, sim.proc);
    sim.proc = NULL;
    pthread_mutex_unlock(&lock);
}

CUresult sim_charge(CUdevice dev, enum bt_sim_what what, uint64_t bytes)
{
    if (sim_lost(dev))
        return CUDA_ERROR_UNKNOWN;
    if (!sim.proc)
        __atomic_store_n(&sim.proc, bt_sim_attach(sim.st), __ATOMIC_RELEASE);
    if (!sim.proc) {
        fprintf(stderr, "simulated libcuda: %d processes use this machine already\n", BT_SIM_MAX_PROCS);
        return CUDA_ERROR_OPERATING_SYSTEM;
    }
    if (sim_gpu(dev)->parent >= 0)
        sim_bind(BT_SIM_BOUND_MIG);
    return bt_sim_charge(sim.st, sim.proc, sim.gpu_of[dev], what, bytes) ? CUDA_SUCCESS : CUDA_ERROR_OUT_OF_MEMORY;
}

void sim_bind(uint32_t why)
{
    if (sim.proc)
        __atomic_fetch_or(&sim.proc->bound, why, __ATOMIC_ACQ_REL);
}

void sim_uncharge(CUdevice dev, enum bt_sim_what what, uint64_t bytes)
{
    if (sim.proc)
        bt_sim_uncharge(sim.st, sim.proc, sim.gpu_of[dev], what, bytes);
}

/* ---- handles ---- */

struct row { void *object; uint32_t kind, gen, next_free; };
static struct { struct row *rows; uint32_t n, free; } table;         /* row 0 is never used, so free == 0 means none */

uint64_t sim_handle_new(enum sim_kind kind, void *object)
{
    if (!table.free) {
        uint32_t n = table.n ? table.n * 2 : 64;
        struct row *rows = n < (1u << 24) ? realloc(table.rows, n * sizeof *rows) : NULL;
        if (!rows)
            return 0;
        table.rows = rows;
        for (uint32_t i = table.n ? table.n : 1; i < n; i++) {
            rows[i] = (struct row){ .next_free = table.free };
            table.free = i;
        }
        table.n = n;
    }
    uint32_t i = table.free;
    struct row *r = &table.rows[i];
    table.free = r->next_free;
    r->object = object;
    r->kind = kind;
    r->gen = r->gen % 0x7fff + 1;
    return (uint64_t)r->gen << 32 | (uint64_t)i << 4 | kind;
}

static struct row *row_of(uint64_t h)
{
    uint64_t i = (h & 0xffffffffu) >> 4;
    if (i == 0 || i >= table.n)
        return NULL;
    struct row *r = &table.rows[i];
    return r->object && r->kind == (h & 15) && r->gen == h >> 32 ? r : NULL;
}

void *sim_handle_get(enum sim_kind kind, uint64_t h)
{
    struct row *r = row_of(h);
    return r && r->kind == kind ? r->object : NULL;
}

void sim_handle_drop(uint64_t h)
{
    struct row *r = row_of(h);
    if (!r)
        return;
    r->object = NULL;
    r->next_free = table.free;
    table.free = (uint32_t)(r - table.rows);
}

void sim_handle_each(enum sim_kind kind, void (*f)(uint64_t, void *, void *), void *arg)
{
    for (uint32_t i = 1; i < table.n; i++) {
        struct row *r = &table.rows[i];
        if (r->object && r->kind == kind)
            f((uint64_t)r->gen << 32 | (uint64_t)i << 4 | kind, r->object, arg);
    }
}

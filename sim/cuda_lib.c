/* cuda_lib.c - cuInit, the lock, the process's slot, handles. */
#include "sim/cuda_int.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct sim_lib sim;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

CUresult sim_enter(void)
{
    /* read without the lock: a fork child's copy of the lock may be held by a thread that it does not have */
    if (!__atomic_load_n(&sim.inited, __ATOMIC_ACQUIRE) || sim.pid != getpid())
        return CUDA_ERROR_NOT_INITIALIZED;
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

static CUresult choose_devices(struct bt_sim_state *st)
{
    struct sim_visible_card cards[BT_SIM_MAX_GPUS];
    for (unsigned i = 0; i < st->ngpus; i++) {
        const struct bt_sim_gpu *g = &st->gpus[i];
        cards[i] = (struct sim_visible_card){ .uuid = g->uuid, .speed = (double)g->sm_count * g->cores_per_sm * g->sm_mhz };
    }
    sim.ndev = sim_visible(getenv("CUDA_VISIBLE_DEVICES"), getenv("CUDA_DEVICE_ORDER"), cards, (int)st->ngpus, sim.gpu_of);
    return sim.ndev ? CUDA_SUCCESS : CUDA_ERROR_NO_DEVICE;
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
    if (sim.proc)
        bt_sim_detach(sim.st, sim.proc);
    sim.proc = NULL;
    pthread_mutex_unlock(&lock);
}

CUresult sim_charge(CUdevice dev, enum bt_sim_what what, uint64_t bytes)
{
    if (!sim.proc)
        sim.proc = bt_sim_attach(sim.st);
    if (!sim.proc) {
        fprintf(stderr, "simulated libcuda: %d processes use this machine already\n", BT_SIM_MAX_PROCS);
        return CUDA_ERROR_OPERATING_SYSTEM;
    }
    return bt_sim_charge(sim.st, sim.proc, sim.gpu_of[dev], what, bytes) ? CUDA_SUCCESS : CUDA_ERROR_OUT_OF_MEMORY;
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

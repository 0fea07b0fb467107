/* cuda_va.c - device addresses and the records of what lies at them.
 *
 * Every span is a power of two, 2 MiB at least, aligned to its own size: so the record that holds an address is found by trying
 * the few possible beginnings in a hash table. Freed spans serve later requests of their class, which bounds the region in use
 * by twice the peak of each class. */
#include "sim/cuda_int.h"

#include <stdlib.h>
#include <sys/mman.h>

#define CLASS_MIN 21                         /* 2 MiB */
#define CLASS_MAX 45                         /* the whole region */

static uint64_t next = SIM_VA_BASE;
static struct { uint64_t *addr; size_t n, room; } spare[CLASS_MAX + 1];

bool sim_va_is(uint64_t addr)
{
    return addr >= SIM_VA_BASE && addr < SIM_VA_END;
}

/* A span that cannot be remembered for want of memory is only lost, never given out twice. */
void sim_va_give(uint64_t addr, unsigned c)
{
    if (spare[c].n == spare[c].room) {
        size_t room = spare[c].room ? spare[c].room * 2 : 16;
        uint64_t *p = realloc(spare[c].addr, room * sizeof *p);
        if (!p)
            return;
        spare[c].addr = p;
        spare[c].room = room;
    }
    spare[c].addr[spare[c].n++] = addr;
}

uint64_t sim_va_take(uint64_t bytes, uint64_t align, unsigned *va_class)
{
    uint64_t want = bytes > align ? bytes : align;
    unsigned c = CLASS_MIN;
    while (c <= CLASS_MAX && (1ull << c) < want)
        c++;
    if (c > CLASS_MAX)
        return 0;
    *va_class = c;
    if (spare[c].n)
        return spare[c].addr[--spare[c].n];
    while (next & ((1ull << c) - 1) && next < SIM_VA_END) {          /* what alignment skips serves smaller requests */
        unsigned low = (unsigned)__builtin_ctzll(next);
        sim_va_give(next, low);
        next += 1ull << low;
    }
    if (next >= SIM_VA_END || SIM_VA_END - next < 1ull << c)
        return 0;
    uint64_t addr = next;
    next += 1ull << c;
    return addr;
}

/* ---- records ---- */

static struct { struct sim_mem **bucket; size_t n, used; } map;      /* n: a power of two */

static size_t slot_of(uint64_t addr)
{
    uint64_t h = (addr >> 9) * 0x9e3779b97f4a7c15ull;
    return (size_t)(h >> 32) & (map.n - 1);
}

static bool map_grow(void)
{
    size_t n = map.n ? map.n * 2 : 256, old_n = map.n;
    struct sim_mem **bucket = calloc(n, sizeof *bucket), **old = map.bucket;
    if (!bucket)
        return false;
    map.bucket = bucket;
    map.n = n;
    for (size_t i = 0; i < old_n; i++)
        for (struct sim_mem *m = old[i], *following; m; m = following) {
            following = m->bucket_next;
            size_t s = slot_of(m->addr);
            m->bucket_next = bucket[s];
            bucket[s] = m;
        }
    free(old);
    return true;
}

struct sim_mem *sim_mem_new(enum sim_mem_kind kind, uint64_t addr, uint64_t size, CUdevice dev, struct sim_ctx *ctx)
{
    if (map.used >= map.n && !map_grow())
        return NULL;
    struct sim_mem *m = calloc(1, sizeof *m);
    if (!m)
        return NULL;
    *m = (struct sim_mem){ .kind = kind, .addr = addr, .size = size, .dev = dev, .ctx = ctx };
    size_t s = slot_of(addr);
    m->bucket_next = map.bucket[s];
    map.bucket[s] = m;
    map.used++;
    if (ctx) {
        m->next = ctx->mems;
        if (m->next)
            m->next->prev = m;
        ctx->mems = m;
    }
    return m;
}

struct sim_mem *sim_mem_at(uint64_t addr)
{
    if (!map.n)
        return NULL;
    struct sim_mem *m = map.bucket[slot_of(addr)];
    while (m && m->addr != addr)
        m = m->bucket_next;
    return m;
}

struct sim_mem *sim_mem_holding(uint64_t addr)
{
    if (!sim_va_is(addr))                    /* host and managed memory: by its beginning only */
        return sim_mem_at(addr);
    for (unsigned c = CLASS_MIN; c <= CLASS_MAX; c++) {
        struct sim_mem *m = sim_mem_at(addr & ~((1ull << c) - 1));
        if (m && addr - m->addr < m->size)
            return m;
    }
    return NULL;
}

void sim_mem_forget(struct sim_mem *m)
{
    struct sim_mem **p = &map.bucket[slot_of(m->addr)];
    while (*p != m)
        p = &(*p)->bucket_next;
    *p = m->bucket_next;
    map.used--;
    if (m->next)
        m->next->prev = m->prev;
    if (m->prev)
        m->prev->next = m->next;
    else if (m->ctx)
        m->ctx->mems = m->next;
    free(m->more);
    free(m);
}

void sim_mem_free(struct sim_mem *m)
{
    switch (m->kind) {
    case SIM_MEM_HOST:
    case SIM_MEM_MANAGED:
        munmap((void *)(uintptr_t)m->addr, m->size);
        break;
    case SIM_MEM_POOL:
        sim_pool_mem_freed(m);
        sim_va_give(m->addr, m->va_class);
        break;
    case SIM_MEM_REGISTERED:                 /* the program's own */
        break;
    case SIM_MEM_GRAPH:                      /* its memory is the device's, for graphs */
        sim_va_give(m->addr, m->va_class);
        break;
    case SIM_MEM_IPC:
        bt_sim_share_leave(sim.st, sim.proc, m->share - 1);
        sim_va_give(m->addr, m->va_class);
        break;
    case SIM_MEM_BIG:
    case SIM_MEM_BLOCK:
    case SIM_MEM_RESERVE:
        if (m->share)
            bt_sim_share_end(sim.st, sim.proc, m->share - 1);
        else if (m->charged)
            sim_uncharge(m->dev, BT_SIM_MEMORY, m->charged);
        sim_va_give(m->addr, m->va_class);
        break;
    }
    sim_mem_forget(m);
}

/* cuda_mem.c - allocations.
 *
 * The driver takes 2 MiB at a time from a card. A request of 1 MiB or more gets its own granules; smaller ones share blocks of
 * one granule, in units of 512 bytes, per context. A block goes back when its last piece does. */
#include "sim/cuda_int.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define UNIT 512
#define UNITS (BT_SIM_GRANULE / UNIT)
#define SMALL_BELOW SIM_MiB

struct sim_block {
    unsigned spare;                          /* units */
    struct { uint16_t len, bytes_less; } piece[UNITS];   /* at a piece's first unit: its units, and how much less was asked for */
};

/* Free units are those that no piece covers: walk pieces and gaps in order. */
static int block_find(const struct sim_block *b, unsigned units)
{
    if (b->spare < units)
        return -1;
    unsigned run = 0;
    for (unsigned i = 0; i < UNITS;) {
        if (b->piece[i].len) {
            i += b->piece[i].len;
            run = 0;
            continue;
        }
        i++;
        if (++run == units)
            return (int)(i - units);
    }
    return -1;
}

static CUresult block_new(struct sim_ctx *ctx, struct sim_mem **out)
{
    unsigned va_class;
    struct sim_block *b = calloc(1, sizeof *b);
    if (!b)
        return CUDA_ERROR_OUT_OF_MEMORY;
    CUresult rc = sim_charge(ctx->dev, BT_SIM_MEMORY, BT_SIM_GRANULE);
    if (rc != CUDA_SUCCESS) {
        free(b);
        return rc;
    }
    uint64_t addr = sim_va_take(BT_SIM_GRANULE, 0, &va_class);
    struct sim_mem *m = addr ? sim_mem_new(SIM_MEM_BLOCK, addr, BT_SIM_GRANULE, ctx->dev, ctx) : NULL;
    if (!m) {
        if (addr)
            sim_va_give(addr, va_class);
        sim_uncharge(ctx->dev, BT_SIM_MEMORY, BT_SIM_GRANULE);
        free(b);
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    b->spare = UNITS;
    m->va_class = va_class;
    m->charged = BT_SIM_GRANULE;
    m->more = b;
    *out = m;
    return CUDA_SUCCESS;
}

static CUresult alloc_small(struct sim_ctx *ctx, uint64_t bytes, uint64_t *addr)
{
    unsigned units = (unsigned)(sim_round_up(bytes, UNIT) / UNIT);
    struct sim_mem *m = ctx->mems;
    int at = -1;
    for (; m; m = m->next)
        if (m->kind == SIM_MEM_BLOCK && (at = block_find(m->more, units)) >= 0)
            break;
    if (!m) {
        CUresult rc = block_new(ctx, &m);
        if (rc != CUDA_SUCCESS)
            return rc;
        at = 0;
    }
    struct sim_block *b = m->more;
    b->piece[at].len = (uint16_t)units;
    b->piece[at].bytes_less = (uint16_t)(units * UNIT - bytes);
    b->spare -= units;
    *addr = m->addr + (uint64_t)at * UNIT;
    return CUDA_SUCCESS;
}

static CUresult alloc_big(struct sim_ctx *ctx, uint64_t bytes, uint64_t *addr)
{
    unsigned va_class;
    if (bytes > SIM_VA_END - SIM_VA_BASE)
        return CUDA_ERROR_OUT_OF_MEMORY;
    uint64_t charge = sim_round_up(bytes, BT_SIM_GRANULE);
    CUresult rc = sim_charge(ctx->dev, BT_SIM_MEMORY, charge);
    if (rc != CUDA_SUCCESS)
        return rc;
    uint64_t at = sim_va_take(bytes, 0, &va_class);
    struct sim_mem *m = at ? sim_mem_new(SIM_MEM_BIG, at, bytes, ctx->dev, ctx) : NULL;
    if (!m) {
        if (at)
            sim_va_give(at, va_class);
        sim_uncharge(ctx->dev, BT_SIM_MEMORY, charge);
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    m->charged = charge;
    m->va_class = va_class;
    *addr = at;
    return CUDA_SUCCESS;
}

CUresult sim_alloc(struct sim_ctx *ctx, uint64_t bytes, uint64_t *addr)
{
    return bytes < SMALL_BELOW ? alloc_small(ctx, bytes, addr) : alloc_big(ctx, bytes, addr);
}

/* The piece of a block that holds addr; its first unit, or -1. */
static int piece_holding(const struct sim_mem *m, uint64_t addr)
{
    const struct sim_block *b = m->more;
    unsigned want = (unsigned)((addr - m->addr) / UNIT);
    for (unsigned i = 0; i <= want;) {
        if (b->piece[i].len && want < i + b->piece[i].len)
            return (int)i;
        i += b->piece[i].len ? b->piece[i].len : 1;
    }
    return -1;
}

bool sim_range(uint64_t addr, uint64_t *base, uint64_t *size)
{
    const struct sim_mem *m = sim_mem_holding(addr);
    if (!m || m->kind == SIM_MEM_RESERVE)
        return false;
    *base = m->addr;
    *size = m->size;
    if (m->kind == SIM_MEM_BLOCK) {
        const struct sim_block *b = m->more;
        int at = piece_holding(m, addr);
        if (at < 0)
            return false;
        *base = m->addr + (uint64_t)at * UNIT;
        *size = (uint64_t)b->piece[at].len * UNIT - b->piece[at].bytes_less;
    }
    return addr - *base < *size;
}

enum sim_place sim_place(uint64_t addr, uint64_t bytes, CUdevice *dev)
{
    uint64_t base, size;
    if (!sim_va_is(addr))
        return SIM_HOST_SIDE;
    struct sim_mem *m = sim_mem_holding(addr);
    if (!m)
        return SIM_NOWHERE;
    if (m->kind == SIM_MEM_RESERVE)
        return sim_reserve_mapped(m, addr, bytes, dev) ? SIM_DEVICE_SIDE : SIM_NOWHERE;
    *dev = m->dev;
    return sim_range(addr, &base, &size) && bytes <= size - (addr - base) ? SIM_DEVICE_SIDE : SIM_NOWHERE;
}

static void free_piece(struct sim_mem *m, unsigned at)
{
    struct sim_block *b = m->more;
    b->spare += b->piece[at].len;
    b->piece[at].len = b->piece[at].bytes_less = 0;
    if (b->spare == UNITS)
        sim_mem_free(m);
}

void sim_free(uint64_t addr)
{
    struct sim_mem *m = sim_mem_holding(addr);
    if (m && m->kind == SIM_MEM_BLOCK)
        free_piece(m, (unsigned)((addr - m->addr) / UNIT));
    else if (m)
        sim_mem_free(m);
}

/* ---- entries ---- */

CUresult cuMemGetInfo_v2(size_t *free_bytes, size_t *total_bytes)
{
    SIM_ENTER();
    struct sim_ctx *ctx;
    CUresult rc = sim_current(&ctx);
    if (rc != CUDA_SUCCESS)
        return rc;
    if (!free_bytes || !total_bytes)
        return CUDA_ERROR_INVALID_VALUE;
    *total_bytes = sim_gpu(ctx->dev)->cuda_total_bytes;
    *free_bytes = *total_bytes - bt_sim_used(sim.st, sim.gpu_of[ctx->dev]);
    return CUDA_SUCCESS;
}

static unsigned to_32_bits(size_t n)
{
    return n > UINT32_MAX ? UINT32_MAX : (unsigned)n;
}

CUresult cuMemGetInfo(unsigned *free_bytes, unsigned *total_bytes)
{
    size_t f, t;
    if (!free_bytes || !total_bytes)
        return CUDA_ERROR_INVALID_VALUE;
    CUresult rc = cuMemGetInfo_v2(&f, &t);
    if (rc != CUDA_SUCCESS)
        return rc;
    *free_bytes = to_32_bits(f);
    *total_bytes = to_32_bits(t);
    return CUDA_SUCCESS;
}

CUresult cuMemAlloc_v2(CUdeviceptr *ptr, size_t bytes)
{
    SIM_ENTER();
    struct sim_ctx *ctx;
    uint64_t addr;
    CUresult rc = sim_current(&ctx);
    if (rc != CUDA_SUCCESS)
        return rc;
    if (!ptr || bytes == 0)
        return CUDA_ERROR_INVALID_VALUE;
    rc = sim_alloc(ctx, bytes, &addr);
    if (rc == CUDA_SUCCESS)
        *ptr = addr;
    return rc;
}

CUresult cuMemFree_v2(CUdeviceptr ptr)
{
    SIM_ENTER();
    uint64_t base, size;
    if (ptr == 0)
        return CUDA_SUCCESS;
    struct sim_mem *m = sim_mem_holding(ptr);
    if (!m || m->kind == SIM_MEM_HOST || m->kind == SIM_MEM_REGISTERED || m->kind == SIM_MEM_IPC || !sim_range(ptr, &base, &size) || base != ptr)
        return CUDA_ERROR_INVALID_VALUE;
    if (m->kind == SIM_MEM_BLOCK) {
        free_piece(m, (unsigned)((ptr - m->addr) / UNIT));
        return CUDA_SUCCESS;
    }
    CUdevice dev = m->dev;
    bool pooled = m->kind == SIM_MEM_POOL;
    sim_mem_free(m);
    if (pooled)
        sim_pools_synced(dev);               /* cuMemFree waits, and a wait trims */
    return CUDA_SUCCESS;
}

CUresult cuMemAllocPitch_v2(CUdeviceptr *ptr, size_t *pitch, size_t width, size_t height, unsigned element)
{
    SIM_ENTER();
    struct sim_ctx *ctx;
    uint64_t addr, bytes;
    CUresult rc = sim_current(&ctx);
    if (rc != CUDA_SUCCESS)
        return rc;
    if (!ptr || !pitch || !width || !height || (element != 4 && element != 8 && element != 16) || width > SIM_VA_END)
        return CUDA_ERROR_INVALID_VALUE;
    uint64_t row = sim_round_up(width, UNIT);
    if (__builtin_mul_overflow(row, (uint64_t)height, &bytes))
        return CUDA_ERROR_OUT_OF_MEMORY;
    rc = sim_alloc(ctx, bytes, &addr);
    if (rc != CUDA_SUCCESS)
        return rc;
    *ptr = addr;
    *pitch = row;
    return CUDA_SUCCESS;
}

/* The first version's addresses have 32 bits, and this machine's lie above: as on any card of today, refuse rather than cut. */
CUresult cuMemAlloc(CUdeviceptr_v1 *ptr, unsigned bytes)
{
    (void)ptr, (void)bytes;
    return CUDA_ERROR_NOT_SUPPORTED;
}

CUresult cuMemFree(CUdeviceptr_v1 ptr)
{
    return cuMemFree_v2(ptr);
}

CUresult cuMemAllocPitch(CUdeviceptr_v1 *ptr, unsigned *pitch, unsigned width, unsigned height, unsigned element)
{
    (void)ptr, (void)pitch, (void)width, (void)height, (void)element;
    return CUDA_ERROR_NOT_SUPPORTED;
}

/* ---- memory that the CPU can touch: real, never charged to a card ---- */

static CUresult host_side(enum sim_mem_kind kind, uint64_t bytes, unsigned flags, uint64_t *out)
{
    struct sim_ctx *ctx;
    CUresult rc = sim_current(&ctx);
    if (rc != CUDA_SUCCESS)
        return rc;
    if (bytes == 0)
        return CUDA_ERROR_INVALID_VALUE;
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED)
        return CUDA_ERROR_OUT_OF_MEMORY;
    struct sim_mem *m = sim_mem_new(kind, (uint64_t)(uintptr_t)p, bytes, ctx->dev, ctx);
    if (!m) {
        munmap(p, bytes);
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    m->flags = flags;
    *out = m->addr;
    return CUDA_SUCCESS;
}

/* Managed memory is resident where it is touched; nobody touches it on this machine's cards, so it stays in host memory. */
CUresult cuMemAllocManaged(CUdeviceptr *ptr, size_t bytes, unsigned flags)
{
    SIM_ENTER();
    uint64_t addr;
    if (!ptr || (flags != CU_MEM_ATTACH_GLOBAL && flags != CU_MEM_ATTACH_HOST))
        return CUDA_ERROR_INVALID_VALUE;
    CUresult rc = host_side(SIM_MEM_MANAGED, bytes, flags, &addr);
    if (rc == CUDA_SUCCESS) {
        *ptr = addr;
        sim_bind(BT_SIM_BOUND_MANAGED);
    }
    return rc;
}

CUresult cuMemHostAlloc(void **ptr, size_t bytes, unsigned flags)
{
    SIM_ENTER();
    uint64_t addr;
    if (!ptr || flags > 7)                   /* portable, device-mapped, write-combined */
        return CUDA_ERROR_INVALID_VALUE;
    CUresult rc = host_side(SIM_MEM_HOST, bytes, flags, &addr);
    if (rc == CUDA_SUCCESS)
        *ptr = (void *)(uintptr_t)addr;
    return rc;
}

CUresult cuMemAllocHost_v2(void **ptr, size_t bytes)
{
    return cuMemHostAlloc(ptr, bytes, 0);
}

CUresult cuMemAllocHost(void **ptr, unsigned bytes)
{
    return cuMemHostAlloc(ptr, bytes, 0);
}

CUresult cuMemFreeHost(void *ptr)
{
    SIM_ENTER();
    struct sim_mem *m = sim_mem_at((uint64_t)(uintptr_t)ptr);
    if (!m || m->kind != SIM_MEM_HOST)
        return CUDA_ERROR_INVALID_VALUE;
    sim_mem_free(m);
    return CUDA_SUCCESS;
}

CUresult cuMemHostGetDevicePointer_v2(CUdeviceptr *dev, void *host, unsigned flags)
{
    SIM_ENTER();
    struct sim_mem *m = sim_mem_at((uint64_t)(uintptr_t)host);
    if (!dev || flags != 0 || !m || (m->kind != SIM_MEM_HOST && m->kind != SIM_MEM_REGISTERED))
        return CUDA_ERROR_INVALID_VALUE;
    *dev = m->addr;                          /* one address for both sides */
    return CUDA_SUCCESS;
}

CUresult cuMemHostGetFlags(unsigned *flags, void *ptr)
{
    SIM_ENTER();
    struct sim_mem *m = sim_mem_at((uint64_t)(uintptr_t)ptr);
    if (!flags || !m || m->kind != SIM_MEM_HOST)
        return CUDA_ERROR_INVALID_VALUE;
    *flags = m->flags;
    return CUDA_SUCCESS;
}

/* ---- questions about an address ---- */

CUresult cuMemGetAddressRange_v2(CUdeviceptr *base, size_t *size, CUdeviceptr ptr)
{
    SIM_ENTER();
    uint64_t b, n;
    if (!sim_range(ptr, &b, &n))
        return CUDA_ERROR_NOT_FOUND;
    if (base)
        *base = b;
    if (size)
        *size = n;
    return CUDA_SUCCESS;
}

static CUresult pointer_attribute(const struct sim_mem *m, CUpointer_attribute which, CUdeviceptr ptr, void *data)
{
    uint64_t base = 0, size = 0;
    bool host = m->kind == SIM_MEM_HOST || m->kind == SIM_MEM_REGISTERED;
    sim_range(ptr, &base, &size);
    switch (which) {
    case CU_POINTER_ATTRIBUTE_CONTEXT:
        *(CUcontext *)data = m->ctx ? (CUcontext)(uintptr_t)m->ctx->handle : NULL;
        return CUDA_SUCCESS;
    case CU_POINTER_ATTRIBUTE_MEMORY_TYPE:
        *(unsigned *)data = host ? CU_MEMORYTYPE_HOST : CU_MEMORYTYPE_DEVICE;
        return CUDA_SUCCESS;
    case CU_POINTER_ATTRIBUTE_DEVICE_POINTER:
        *(CUdeviceptr *)data = ptr;
        return CUDA_SUCCESS;
    case CU_POINTER_ATTRIBUTE_HOST_POINTER:
        if (sim_va_is(ptr))
            return CUDA_ERROR_INVALID_VALUE;
        *(void **)data = (void *)(uintptr_t)ptr;
        return CUDA_SUCCESS;
    case CU_POINTER_ATTRIBUTE_IS_MANAGED:
        *(bool *)data = m->kind == SIM_MEM_MANAGED;
        return CUDA_SUCCESS;
    case CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL:
        *(int *)data = m->dev;
        return CUDA_SUCCESS;
    case CU_POINTER_ATTRIBUTE_RANGE_START_ADDR:
        *(CUdeviceptr *)data = base;
        return CUDA_SUCCESS;
    case CU_POINTER_ATTRIBUTE_RANGE_SIZE:
        *(size_t *)data = size;
        return CUDA_SUCCESS;
    }
    return CUDA_ERROR_NOT_SUPPORTED;
}

CUresult cuPointerGetAttribute(void *data, CUpointer_attribute attribute, CUdeviceptr ptr)
{
    SIM_ENTER();
    struct sim_mem *m = sim_mem_holding(ptr);
    return data && m ? pointer_attribute(m, attribute, ptr, data) : CUDA_ERROR_INVALID_VALUE;
}

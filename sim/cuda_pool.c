/* cuda_pool.c - stream-ordered memory: a pool reserves from the card and hands out; what it has too much of goes back when
 * somebody waits for the device. Work is done at once on this machine, so every free is complete by then. */
#include "sim/cuda_int.h"

#include <stdlib.h>

#define UNIT 512
#define GROW (32 * SIM_MiB)                  /* what a pool asks for at a time, while the card has it */

struct sim_pool {
    uint64_t handle;
    CUdevice dev;
    bool is_default;
    uint64_t threshold, max_size;            /* max_size 0: none */
    uint64_t reserved, reserved_high, used, used_high;
    unsigned live;                           /* allocations; a destroyed pool goes when the last one does */
    bool destroyed;
};

static CUresult pool_new(CUdevice dev, uint64_t max_size, struct sim_pool **out)
{
    struct sim_pool *p = calloc(1, sizeof *p);
    if (!p)
        return CUDA_ERROR_OUT_OF_MEMORY;
    p->dev = dev;
    p->max_size = max_size;
    p->handle = sim_handle_new(SIM_POOL, p);
    if (!p->handle) {
        free(p);
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    *out = p;
    return CUDA_SUCCESS;
}

static CUresult default_pool(CUdevice dev, struct sim_pool **out)
{
    if (!sim.default_pool[dev]) {
        CUresult rc = pool_new(dev, 0, &sim.default_pool[dev]);
        if (rc != CUDA_SUCCESS)
            return rc;
        sim.default_pool[dev]->is_default = true;
    }
    *out = sim.default_pool[dev];
    return CUDA_SUCCESS;
}

static CUresult current_pool(CUdevice dev, struct sim_pool **out)
{
    if (!sim.pool[dev])
        return default_pool(dev, out);
    *out = sim.pool[dev];
    return CUDA_SUCCESS;
}

static struct sim_pool *pool_get(CUmemoryPool pool)
{
    return sim_handle_get(SIM_POOL, (uint64_t)(uintptr_t)pool);
}

static CUmemoryPool pool_out(const struct sim_pool *p)
{
    return (CUmemoryPool)(uintptr_t)p->handle;
}

/* Give back what is reserved beyond keep and beyond use. */
static void trim(struct sim_pool *p, uint64_t keep)
{
    uint64_t floor = sim_round_up(p->used, BT_SIM_GRANULE);
    if (keep > floor)
        floor = keep;
    if (p->reserved <= floor)
        return;
    uint64_t give = (p->reserved - floor) / BT_SIM_GRANULE * BT_SIM_GRANULE;
    sim_uncharge(p->dev, BT_SIM_MEMORY, give);
    p->reserved -= give;
}

static CUresult grow(struct sim_pool *p, uint64_t unit)
{
    uint64_t bytes = sim_round_up(p->used - p->reserved, unit);
    if (p->max_size && p->reserved + bytes > sim_round_up(p->max_size, BT_SIM_GRANULE))
        return CUDA_ERROR_OUT_OF_MEMORY;
    CUresult rc = sim_charge(p->dev, BT_SIM_MEMORY, bytes);
    if (rc == CUDA_SUCCESS)
        p->reserved += bytes;
    return rc;
}

CUresult sim_pool_alloc(struct sim_pool *p, struct sim_ctx *ctx, uint64_t bytes, uint64_t *addr)
{
    unsigned va_class;
    if (bytes > SIM_VA_END - SIM_VA_BASE)
        return CUDA_ERROR_OUT_OF_MEMORY;
    uint64_t span = sim_round_up(bytes, UNIT);
    CUresult rc = CUDA_SUCCESS;
    p->used += span;
    if (p->used > p->reserved) {
        rc = grow(p, GROW);
        if (rc == CUDA_ERROR_OUT_OF_MEMORY)
            rc = grow(p, BT_SIM_GRANULE);
    }
    uint64_t at = rc == CUDA_SUCCESS ? sim_va_take(bytes, 0, &va_class) : 0;
    struct sim_mem *m = at ? sim_mem_new(SIM_MEM_POOL, at, bytes, p->dev, ctx) : NULL;
    if (!m) {
        if (at)
            sim_va_give(at, va_class);
        p->used -= span;
        return rc == CUDA_SUCCESS ? CUDA_ERROR_OUT_OF_MEMORY : rc;
    }
    m->va_class = va_class;
    m->pool = p;
    p->live++;
    if (p->used > p->used_high)
        p->used_high = p->used;
    if (p->reserved > p->reserved_high)
        p->reserved_high = p->reserved;
    *addr = at;
    return CUDA_SUCCESS;
}

static void pool_free(struct sim_pool *p)
{
    sim_uncharge(p->dev, BT_SIM_MEMORY, p->reserved);
    sim_handle_drop(p->handle);
    free(p);
}

void sim_pool_mem_freed(struct sim_mem *m)
{
    struct sim_pool *p = m->pool;
    p->used -= sim_round_up(m->size, UNIT);
    p->live--;
    if (p->destroyed && p->live == 0)
        pool_free(p);
}

static void synced(uint64_t handle, void *object, void *arg)
{
    (void)handle;
    struct sim_pool *p = object;
    if (p->dev == *(CUdevice *)arg)
        trim(p, p->threshold);
}

void sim_pools_synced(CUdevice dev)
{
    sim_handle_each(SIM_POOL, synced, &dev);
}

/* ---- entries ---- */

static CUresult alloc_async(CUdeviceptr *ptr, size_t bytes, CUmemoryPool pool, bool from_pool, CUstream stream)
{
    struct sim_ctx *ctx;
    struct sim_pool *p = NULL;
    uint64_t addr;
    CUresult rc = sim_stream_ctx(stream, &ctx);
    if (rc != CUDA_SUCCESS)
        return rc;
    if (!ptr || bytes == 0)
        return CUDA_ERROR_INVALID_VALUE;
    if (sim_stream_capture(stream)) {        /* no memory now: a node of the graph */
        rc = sim_graph_alloc(sim_stream_capture(stream), ctx->dev, bytes, &addr);
        if (rc == CUDA_SUCCESS)
            *ptr = addr;
        return rc;
    }
    if (from_pool) {
        p = pool_get(pool);
        rc = p && !p->destroyed ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
    } else {
        rc = current_pool(ctx->dev, &p);
    }
    if (rc == CUDA_SUCCESS)
        rc = sim_pool_alloc(p, ctx, bytes, &addr);
    if (rc == CUDA_SUCCESS)
        *ptr = addr;
    return rc;
}

CUresult cuMemAllocAsync(CUdeviceptr *ptr, size_t bytes, CUstream stream)
{
    SIM_ENTER();
    return alloc_async(ptr, bytes, NULL, false, stream);
}

CUresult cuMemAllocAsync_ptsz(CUdeviceptr *ptr, size_t bytes, CUstream stream)
{
    return cuMemAllocAsync(ptr, bytes, stream);
}

CUresult cuMemAllocFromPoolAsync(CUdeviceptr *ptr, size_t bytes, CUmemoryPool pool, CUstream stream)
{
    SIM_ENTER();
    return alloc_async(ptr, bytes, pool, true, stream);
}

CUresult cuMemAllocFromPoolAsync_ptsz(CUdeviceptr *ptr, size_t bytes, CUmemoryPool pool, CUstream stream)
{
    return cuMemAllocFromPoolAsync(ptr, bytes, pool, stream);
}

/* Memory of cuMemAlloc may be freed on a stream too, and goes back to the card at once. */
CUresult cuMemFreeAsync(CUdeviceptr ptr, CUstream stream)
{
    struct sim_ctx *ctx;
    bool pooled = false;
    {
        SIM_ENTER();
        CUresult rc = sim_stream_ctx(stream, &ctx);
        if (rc != CUDA_SUCCESS)
            return rc;
        if (sim_stream_capture(stream))
            return sim_graph_free(sim_stream_capture(stream), ptr);
        struct sim_mem *m = sim_mem_at(ptr);
        pooled = m && m->kind == SIM_MEM_POOL;
        if (pooled)
            sim_mem_free(m);                 /* stays reserved until somebody waits */
    }
    if (pooled)
        return CUDA_SUCCESS;
    return ptr ? cuMemFree_v2(ptr) : CUDA_ERROR_INVALID_VALUE;
}

CUresult cuMemFreeAsync_ptsz(CUdeviceptr ptr, CUstream stream)
{
    return cuMemFreeAsync(ptr, stream);
}

CUresult cuDeviceGetDefaultMemPool(CUmemoryPool *pool, CUdevice dev)
{
    SIM_ENTER();
    struct sim_pool *p;
    if (!pool)
        return CUDA_ERROR_INVALID_VALUE;
    if (!sim_dev_ok(dev))
        return CUDA_ERROR_INVALID_DEVICE;
    CUresult rc = default_pool(dev, &p);
    if (rc == CUDA_SUCCESS)
        *pool = pool_out(p);
    return rc;
}

CUresult cuDeviceGetMemPool(CUmemoryPool *pool, CUdevice dev)
{
    SIM_ENTER();
    struct sim_pool *p;
    if (!pool)
        return CUDA_ERROR_INVALID_VALUE;
    if (!sim_dev_ok(dev))
        return CUDA_ERROR_INVALID_DEVICE;
    CUresult rc = current_pool(dev, &p);
    if (rc == CUDA_SUCCESS)
        *pool = pool_out(p);
    return rc;
}

CUresult cuDeviceSetMemPool(CUdevice dev, CUmemoryPool pool)
{
    SIM_ENTER();
    struct sim_pool *p = pool_get(pool);
    if (!sim_dev_ok(dev))
        return CUDA_ERROR_INVALID_DEVICE;
    if (!p || p->destroyed || p->dev != dev)
        return CUDA_ERROR_INVALID_VALUE;
    sim.pool[dev] = p;
    return CUDA_SUCCESS;
}

CUresult cuMemPoolCreate(CUmemoryPool *pool, const CUmemPoolProps *props)
{
    SIM_ENTER();
    struct sim_pool *p;
    if (!pool || !props || props->allocType != CU_MEM_ALLOCATION_TYPE_PINNED)
        return CUDA_ERROR_INVALID_VALUE;
    if (props->location.type != CU_MEM_LOCATION_TYPE_DEVICE || props->handleTypes != CU_MEM_HANDLE_TYPE_NONE)
        return CUDA_ERROR_NOT_SUPPORTED;     /* host pools and pools shared between processes: not on this machine yet */
    if (!sim_dev_ok(props->location.id))
        return CUDA_ERROR_INVALID_VALUE;
    CUresult rc = pool_new(props->location.id, props->maxSize, &p);
    if (rc == CUDA_SUCCESS)
        *pool = pool_out(p);
    return rc;
}

CUresult cuMemPoolDestroy(CUmemoryPool pool)
{
    SIM_ENTER();
    struct sim_pool *p = pool_get(pool);
    if (!p || p->is_default || p->destroyed)
        return CUDA_ERROR_INVALID_VALUE;
    if (sim.pool[p->dev] == p)
        sim.pool[p->dev] = NULL;
    p->destroyed = true;
    if (p->live == 0)
        pool_free(p);
    return CUDA_SUCCESS;
}

CUresult cuMemPoolTrimTo(CUmemoryPool pool, size_t keep)
{
    SIM_ENTER();
    struct sim_pool *p = pool_get(pool);
    if (!p || p->destroyed)
        return CUDA_ERROR_INVALID_VALUE;
    trim(p, keep);
    return CUDA_SUCCESS;
}

CUresult cuMemPoolSetAttribute(CUmemoryPool pool, CUmemPool_attribute attr, void *value)
{
    SIM_ENTER();
    struct sim_pool *p = pool_get(pool);
    if (!p || p->destroyed || !value)
        return CUDA_ERROR_INVALID_VALUE;
    switch (attr) {
    case CU_MEMPOOL_ATTR_REUSE_FOLLOW_EVENT_DEPENDENCIES:
    case CU_MEMPOOL_ATTR_REUSE_ALLOW_OPPORTUNISTIC:
    case CU_MEMPOOL_ATTR_REUSE_ALLOW_INTERNAL_DEPENDENCIES:
        return CUDA_SUCCESS;                 /* about when memory is reused: here always at once */
    case CU_MEMPOOL_ATTR_RELEASE_THRESHOLD:
        p->threshold = *(uint64_t *)value;
        return CUDA_SUCCESS;
    case CU_MEMPOOL_ATTR_RESERVED_MEM_HIGH:
    case CU_MEMPOOL_ATTR_USED_MEM_HIGH:
        if (*(uint64_t *)value != 0)         /* a high-water mark can only be started again */
            return CUDA_ERROR_INVALID_VALUE;
        *(attr == CU_MEMPOOL_ATTR_USED_MEM_HIGH ? &p->used_high : &p->reserved_high) = attr == CU_MEMPOOL_ATTR_USED_MEM_HIGH ? p->used : p->reserved;
        return CUDA_SUCCESS;
    default:
        return CUDA_ERROR_INVALID_VALUE;
    }
}

CUresult cuMemPoolGetAttribute(CUmemoryPool pool, CUmemPool_attribute attr, void *value)
{
    SIM_ENTER();
    struct sim_pool *p = pool_get(pool);
    if (!p || p->destroyed || !value)
        return CUDA_ERROR_INVALID_VALUE;
    switch (attr) {
    case CU_MEMPOOL_ATTR_REUSE_FOLLOW_EVENT_DEPENDENCIES:
    case CU_MEMPOOL_ATTR_REUSE_ALLOW_OPPORTUNISTIC:
    case CU_MEMPOOL_ATTR_REUSE_ALLOW_INTERNAL_DEPENDENCIES:
        *(int *)value = 1;
        return CUDA_SUCCESS;
    case CU_MEMPOOL_ATTR_RELEASE_THRESHOLD:
        *(uint64_t *)value = p->threshold;
        return CUDA_SUCCESS;
    case CU_MEMPOOL_ATTR_RESERVED_MEM_CURRENT:
        *(uint64_t *)value = p->reserved;
        return CUDA_SUCCESS;
    case CU_MEMPOOL_ATTR_RESERVED_MEM_HIGH:
        *(uint64_t *)value = p->reserved_high;
        return CUDA_SUCCESS;
    case CU_MEMPOOL_ATTR_USED_MEM_CURRENT:
        *(uint64_t *)value = p->used;
        return CUDA_SUCCESS;
    case CU_MEMPOOL_ATTR_USED_MEM_HIGH:
        *(uint64_t *)value = p->used_high;
        return CUDA_SUCCESS;
    }
    return CUDA_ERROR_INVALID_VALUE;
}

CUresult cuMemPoolSetAccess(CUmemoryPool pool, const CUmemAccessDesc *access, size_t n)
{
    SIM_ENTER();
    struct sim_pool *p = pool_get(pool);
    if (!p || p->destroyed || (!access && n))
        return CUDA_ERROR_INVALID_VALUE;
    for (size_t i = 0; i < n; i++) {
        if (access[i].location.type != CU_MEM_LOCATION_TYPE_DEVICE)
            return CUDA_ERROR_INVALID_VALUE;
        if (!sim_dev_ok(access[i].location.id))
            return CUDA_ERROR_INVALID_DEVICE;
        if (access[i].location.id != p->dev && !bt_sim_p2p(sim_gpu(access[i].location.id), sim_gpu(p->dev)))
            return CUDA_ERROR_INVALID_DEVICE;
    }
    return CUDA_SUCCESS;
}

/* ---- the names of CUDA 13: of a place instead of a device ---- */

static CUresult device_at(const CUmemLocation *where, CUmemAllocationType type, CUdevice *dev)
{
    if (!where || type != CU_MEM_ALLOCATION_TYPE_PINNED)
        return CUDA_ERROR_INVALID_VALUE;
    if (where->type != CU_MEM_LOCATION_TYPE_DEVICE)
        return CUDA_ERROR_NOT_SUPPORTED;     /* pools of host memory: not on this machine */
    *dev = where->id;
    return CUDA_SUCCESS;
}

CUresult cuMemGetDefaultMemPool(CUmemoryPool *pool, CUmemLocation *where, CUmemAllocationType type)
{
    CUdevice dev;
    CUresult rc = device_at(where, type, &dev);
    return rc == CUDA_SUCCESS ? cuDeviceGetDefaultMemPool(pool, dev) : rc;
}

CUresult cuMemGetMemPool(CUmemoryPool *pool, CUmemLocation *where, CUmemAllocationType type)
{
    CUdevice dev;
    CUresult rc = device_at(where, type, &dev);
    return rc == CUDA_SUCCESS ? cuDeviceGetMemPool(pool, dev) : rc;
}

CUresult cuMemSetMemPool(CUmemLocation *where, CUmemAllocationType type, CUmemoryPool pool)
{
    CUdevice dev;
    CUresult rc = device_at(where, type, &dev);
    return rc == CUDA_SUCCESS ? cuDeviceSetMemPool(dev, pool) : rc;
}

/* cuda_ctx.c - contexts: the primary one of each device, those a program makes, and each thread's stack of them. */
#include "sim/cuda_int.h"

#include <stdlib.h>
#include <string.h>

#define STACK_MAX 64

/* Handles, not pointers: a context that another thread destroyed is noticed, not touched. */
static __thread struct { uint64_t ctx[STACK_MAX]; int n; } stack;

static struct sim_ctx *ctx_get(CUcontext c)
{
    return sim_handle_get(SIM_CTX, (uint64_t)(uintptr_t)c);
}

static CUcontext ctx_out(const struct sim_ctx *c)
{
    return (CUcontext)(uintptr_t)c->handle;
}

CUresult sim_current(struct sim_ctx **out)
{
    if (stack.n == 0)
        return CUDA_ERROR_INVALID_CONTEXT;
    *out = sim_handle_get(SIM_CTX, stack.ctx[stack.n - 1]);
    if (!*out)
        return CUDA_ERROR_CONTEXT_IS_DESTROYED;
    return sim_lost((*out)->dev) ? CUDA_ERROR_UNKNOWN : CUDA_SUCCESS;
}

/* Defaults of a card of compute capability 7 and later. */
static const size_t default_limits[SIM_LIMITS] = {
    [CU_LIMIT_STACK_SIZE] = 1024, [CU_LIMIT_PRINTF_FIFO_SIZE] = 1 << 20, [CU_LIMIT_MALLOC_HEAP_SIZE] = 8 << 20,
    [CU_LIMIT_DEV_RUNTIME_SYNC_DEPTH] = 2, [CU_LIMIT_DEV_RUNTIME_PENDING_LAUNCH_COUNT] = 2048,
    [CU_LIMIT_MAX_L2_FETCH_GRANULARITY] = 64, [CU_LIMIT_PERSISTING_L2_CACHE_SIZE] = 0,
};

static CUresult ctx_new(CUdevice dev, unsigned flags, bool primary, struct sim_ctx **out)
{
    struct sim_ctx *c = calloc(1, sizeof *c);
    if (!c)
        return CUDA_ERROR_OUT_OF_MEMORY;
    CUresult rc = sim_charge(dev, BT_SIM_CONTEXT, sim_gpu(dev)->context_bytes);
    if (rc != CUDA_SUCCESS) {
        free(c);
        return rc;
    }
    c->handle = sim_handle_new(SIM_CTX, c);
    if (!c->handle) {
        sim_uncharge(dev, BT_SIM_CONTEXT, sim_gpu(dev)->context_bytes);
        free(c);
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    c->dev = dev;
    c->flags = flags;
    c->primary = primary;
    memcpy(c->limits, default_limits, sizeof c->limits);
    *out = c;
    return CUDA_SUCCESS;
}

static void ctx_free(struct sim_ctx *c)
{
    while (c->mems)
        sim_mem_free(c->mems);
    sim_pools_synced(c->dev);
    sim_streams_of_ctx_drop(c);
    sim_modules_of_ctx_drop(c);
    sim_uncharge(c->dev, BT_SIM_CONTEXT, sim_gpu(c->dev)->context_bytes);
    sim_handle_drop(c->handle);
    free(c);
}

/* ---- primary ---- */

CUresult cuDevicePrimaryCtxRetain(CUcontext *ctx, CUdevice dev)
{
    SIM_ENTER();
    if (!ctx)
        return CUDA_ERROR_INVALID_VALUE;
    if (!sim_dev_ok(dev))
        return CUDA_ERROR_INVALID_DEVICE;
    struct sim_primary *p = &sim.primary[dev];
    if (!p->ctx) {
        CUresult rc = ctx_new(dev, p->flags, true, &p->ctx);
        if (rc != CUDA_SUCCESS)
            return rc;
    }
    p->refs++;
    *ctx = ctx_out(p->ctx);
    return CUDA_SUCCESS;
}

static void primary_close(struct sim_primary *p)
{
    if (p->ctx)
        ctx_free(p->ctx);
    p->ctx = NULL;
    p->refs = 0;
}

CUresult cuDevicePrimaryCtxRelease_v2(CUdevice dev)
{
    SIM_ENTER();
    if (!sim_dev_ok(dev))
        return CUDA_ERROR_INVALID_DEVICE;
    struct sim_primary *p = &sim.primary[dev];
    if (!p->ctx)
        return CUDA_ERROR_INVALID_CONTEXT;
    if (--p->refs == 0)
        primary_close(p);
    return CUDA_SUCCESS;
}

CUresult cuDevicePrimaryCtxRelease(CUdevice dev)
{
    return cuDevicePrimaryCtxRelease_v2(dev);
}

CUresult cuDevicePrimaryCtxReset_v2(CUdevice dev)
{
    SIM_ENTER();
    if (!sim_dev_ok(dev))
        return CUDA_ERROR_INVALID_DEVICE;
    primary_close(&sim.primary[dev]);
    return CUDA_SUCCESS;
}

CUresult cuDevicePrimaryCtxReset(CUdevice dev)
{
    return cuDevicePrimaryCtxReset_v2(dev);
}

CUresult cuDevicePrimaryCtxSetFlags_v2(CUdevice dev, unsigned flags)
{
    SIM_ENTER();
    if (!sim_dev_ok(dev))
        return CUDA_ERROR_INVALID_DEVICE;
    sim.primary[dev].flags = flags;
    if (sim.primary[dev].ctx)
        sim.primary[dev].ctx->flags = flags;
    return CUDA_SUCCESS;
}

CUresult cuDevicePrimaryCtxSetFlags(CUdevice dev, unsigned flags)
{
    return cuDevicePrimaryCtxSetFlags_v2(dev, flags);
}

CUresult cuDevicePrimaryCtxGetState(CUdevice dev, unsigned *flags, int *active)
{
    SIM_ENTER();
    if (!sim_dev_ok(dev))
        return CUDA_ERROR_INVALID_DEVICE;
    if (!flags || !active)
        return CUDA_ERROR_INVALID_VALUE;
    *flags = sim.primary[dev].flags;
    *active = sim.primary[dev].ctx != NULL;
    return CUDA_SUCCESS;
}

/* ---- made by the program ---- */

static CUresult push(uint64_t handle)
{
    if (stack.n == STACK_MAX)
        return CUDA_ERROR_INVALID_VALUE;
    stack.ctx[stack.n++] = handle;
    return CUDA_SUCCESS;
}

CUresult cuCtxCreate_v2(CUcontext *ctx, unsigned flags, CUdevice dev)
{
    SIM_ENTER();
    if (!ctx || stack.n == STACK_MAX)
        return CUDA_ERROR_INVALID_VALUE;
    if (!sim_dev_ok(dev))
        return CUDA_ERROR_INVALID_DEVICE;
    struct sim_ctx *c;
    CUresult rc = ctx_new(dev, flags, false, &c);
    if (rc != CUDA_SUCCESS)
        return rc;
    *ctx = ctx_out(c);
    return push(c->handle);
}

/* An execution affinity (of SMs, for MPS) and creation parameters ask for what this machine does not have. */
CUresult cuCtxCreate_v3(CUcontext *ctx, void *affinity, int n, unsigned flags, CUdevice dev)
{
    if (affinity || n)
        return CUDA_ERROR_NOT_SUPPORTED;
    return cuCtxCreate_v2(ctx, flags, dev);
}

CUresult cuCtxCreate_v4(CUcontext *ctx, void *params, unsigned flags, CUdevice dev)
{
    if (params)
        return CUDA_ERROR_NOT_SUPPORTED;
    return cuCtxCreate_v2(ctx, flags, dev);
}

CUresult cuCtxDestroy_v2(CUcontext ctx)
{
    SIM_ENTER();
    struct sim_ctx *c = ctx_get(ctx);
    if (!c || c->primary)                    /* a primary context is released, not destroyed */
        return CUDA_ERROR_INVALID_CONTEXT;
    if (stack.n && stack.ctx[stack.n - 1] == c->handle)
        stack.n--;
    ctx_free(c);
    return CUDA_SUCCESS;
}

CUresult cuCtxDestroy(CUcontext ctx)
{
    return cuCtxDestroy_v2(ctx);
}

/* ---- the thread's stack ---- */

CUresult cuCtxSetCurrent(CUcontext ctx)
{
    SIM_ENTER();
    if (!ctx) {
        if (stack.n)
            stack.n--;
        return CUDA_SUCCESS;
    }
    struct sim_ctx *c = ctx_get(ctx);
    if (!c)
        return CUDA_ERROR_INVALID_CONTEXT;
    if (stack.n)
        stack.n--;
    return push(c->handle);
}

CUresult cuCtxGetCurrent(CUcontext *ctx)
{
    SIM_ENTER();
    if (!ctx)
        return CUDA_ERROR_INVALID_VALUE;
    *ctx = stack.n ? (CUcontext)(uintptr_t)stack.ctx[stack.n - 1] : NULL;
    return CUDA_SUCCESS;
}

CUresult cuCtxPushCurrent_v2(CUcontext ctx)
{
    SIM_ENTER();
    struct sim_ctx *c = ctx_get(ctx);
    return c ? push(c->handle) : CUDA_ERROR_INVALID_CONTEXT;
}

CUresult cuCtxPushCurrent(CUcontext ctx)
{
    return cuCtxPushCurrent_v2(ctx);
}

CUresult cuCtxPopCurrent_v2(CUcontext *ctx)
{
    SIM_ENTER();
    if (!stack.n)
        return CUDA_ERROR_INVALID_CONTEXT;
    stack.n--;
    if (ctx)
        *ctx = (CUcontext)(uintptr_t)stack.ctx[stack.n];
    return CUDA_SUCCESS;
}

CUresult cuCtxPopCurrent(CUcontext *ctx)
{
    return cuCtxPopCurrent_v2(ctx);
}

CUresult cuCtxGetDevice(CUdevice *dev)
{
    SIM_ENTER();
    struct sim_ctx *c;
    CUresult rc = sim_current(&c);
    if (rc != CUDA_SUCCESS)
        return rc;
    if (!dev)
        return CUDA_ERROR_INVALID_VALUE;
    *dev = c->dev;
    return CUDA_SUCCESS;
}

/* NULL names the current one, as in every call of CUDA 13 that takes a context. */
static CUresult given_or_current(CUcontext ctx, struct sim_ctx **out)
{
    if (!ctx)
        return sim_current(out);
    *out = ctx_get(ctx);
    return *out ? CUDA_SUCCESS : CUDA_ERROR_INVALID_CONTEXT;
}

CUresult cuCtxGetDevice_v2(CUdevice *dev, CUcontext ctx)
{
    SIM_ENTER();
    struct sim_ctx *c;
    CUresult rc = given_or_current(ctx, &c);
    if (rc != CUDA_SUCCESS)
        return rc;
    if (!dev)
        return CUDA_ERROR_INVALID_VALUE;
    *dev = c->dev;
    return CUDA_SUCCESS;
}

CUresult cuCtxGetFlags(unsigned *flags)
{
    SIM_ENTER();
    struct sim_ctx *c;
    CUresult rc = sim_current(&c);
    if (rc != CUDA_SUCCESS)
        return rc;
    if (!flags)
        return CUDA_ERROR_INVALID_VALUE;
    *flags = c->flags;
    return CUDA_SUCCESS;
}

CUresult cuCtxGetId(CUcontext ctx, unsigned long long *id)
{
    SIM_ENTER();
    struct sim_ctx *c;
    CUresult rc = given_or_current(ctx, &c);
    if (rc != CUDA_SUCCESS)
        return rc;
    if (!id)
        return CUDA_ERROR_INVALID_VALUE;
    *id = c->handle;
    return CUDA_SUCCESS;
}

CUresult cuCtxSetFlags(unsigned flags)
{
    SIM_ENTER();
    struct sim_ctx *c;
    CUresult rc = sim_current(&c);
    if (rc == CUDA_SUCCESS)
        c->flags = flags;
    return rc;
}

CUresult cuCtxSynchronize_v2(CUcontext ctx)
{
    SIM_ENTER();
    struct sim_ctx *c;
    CUresult rc = given_or_current(ctx, &c);
    if (rc == CUDA_SUCCESS)
        sim_pools_synced(c->dev);
    return rc;
}

CUresult cuCtxSynchronize(void)
{
    return cuCtxSynchronize_v2(NULL);
}

CUresult cuCtxGetApiVersion(CUcontext ctx, unsigned *version)
{
    SIM_ENTER();
    struct sim_ctx *c;
    CUresult rc = given_or_current(ctx, &c);
    if (rc != CUDA_SUCCESS)
        return rc;
    if (!version)
        return CUDA_ERROR_INVALID_VALUE;
    *version = 3020;                         /* of every context made by a _v2 call or later */
    return CUDA_SUCCESS;
}

CUresult cuCtxSetLimit(CUlimit limit, size_t value)
{
    SIM_ENTER();
    struct sim_ctx *c;
    CUresult rc = sim_current(&c);
    if (rc != CUDA_SUCCESS)
        return rc;
    if ((unsigned)limit > CU_LIMIT_PERSISTING_L2_CACHE_SIZE)
        return CUDA_ERROR_UNSUPPORTED_LIMIT;
    c->limits[limit] = value;
    return CUDA_SUCCESS;
}

CUresult cuCtxGetLimit(size_t *value, CUlimit limit)
{
    SIM_ENTER();
    struct sim_ctx *c;
    CUresult rc = sim_current(&c);
    if (rc != CUDA_SUCCESS)
        return rc;
    if (!value)
        return CUDA_ERROR_INVALID_VALUE;
    if ((unsigned)limit > CU_LIMIT_PERSISTING_L2_CACHE_SIZE)
        return CUDA_ERROR_UNSUPPORTED_LIMIT;
    *value = c->limits[limit];
    return CUDA_SUCCESS;
}

CUresult cuCtxGetStreamPriorityRange(int *least, int *greatest)
{
    SIM_ENTER();
    struct sim_ctx *c;
    CUresult rc = sim_current(&c);
    if (rc != CUDA_SUCCESS)
        return rc;
    if (least)
        *least = 0;
    if (greatest)
        *greatest = -5;
    return CUDA_SUCCESS;
}

/* ---- peers ---- */

CUresult cuCtxEnablePeerAccess(CUcontext peer, unsigned flags)
{
    SIM_ENTER();
    struct sim_ctx *c, *other = ctx_get(peer);
    CUresult rc = sim_current(&c);
    if (rc != CUDA_SUCCESS)
        return rc;
    if (!other)
        return CUDA_ERROR_INVALID_CONTEXT;
    if (flags != 0)
        return CUDA_ERROR_INVALID_VALUE;
    if (!bt_sim_p2p(sim_gpu(c->dev), sim_gpu(other->dev)))
        return CUDA_ERROR_PEER_ACCESS_UNSUPPORTED;
    if (c->peers >> other->dev & 1)
        return CUDA_ERROR_PEER_ACCESS_ALREADY_ENABLED;
    c->peers |= 1ull << other->dev;
    return CUDA_SUCCESS;
}

CUresult cuCtxDisablePeerAccess(CUcontext peer)
{
    SIM_ENTER();
    struct sim_ctx *c, *other = ctx_get(peer);
    CUresult rc = sim_current(&c);
    if (rc != CUDA_SUCCESS)
        return rc;
    if (!other)
        return CUDA_ERROR_INVALID_CONTEXT;
    if (!(c->peers >> other->dev & 1))
        return CUDA_ERROR_PEER_ACCESS_NOT_ENABLED;
    c->peers &= ~(1ull << other->dev);
    return CUDA_SUCCESS;
}

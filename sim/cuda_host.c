/* cuda_host.c - the program's own memory made known to the driver; hints and questions about memory; callbacks; copies of
 * rectangles. What is a hint is taken and forgotten. */
#include "sim/cuda_int.h"

#include <string.h>

/* ---- registered memory ---- */

CUresult cuMemHostRegister_v2(void *p, size_t bytes, unsigned flags)
{
    SIM_ENTER();
    struct sim_ctx *ctx;
    CUresult rc = sim_current(&ctx);
    if (rc != CUDA_SUCCESS)
        return rc;
    if (!p || !bytes || flags > 15 || sim_va_is((uint64_t)(uintptr_t)p))
        return CUDA_ERROR_INVALID_VALUE;
    if (sim_mem_at((uint64_t)(uintptr_t)p))
        return CUDA_ERROR_HOST_MEMORY_ALREADY_REGISTERED;
    struct sim_mem *m = sim_mem_new(SIM_MEM_REGISTERED, (uint64_t)(uintptr_t)p, bytes, ctx->dev, ctx);
    if (!m)
        return CUDA_ERROR_OUT_OF_MEMORY;
    m->flags = flags;
    return CUDA_SUCCESS;
}

CUresult cuMemHostRegister(void *p, size_t bytes, unsigned flags)
{
    return cuMemHostRegister_v2(p, bytes, flags);
}

CUresult cuMemHostUnregister(void *p)
{
    SIM_ENTER();
    struct sim_mem *m = sim_mem_at((uint64_t)(uintptr_t)p);
    if (!m || m->kind != SIM_MEM_REGISTERED)
        return CUDA_ERROR_HOST_MEMORY_NOT_REGISTERED;
    sim_mem_free(m);
    return CUDA_SUCCESS;
}

/* ---- hints: the range must be the driver's, and that is all ---- */

static CUresult hint(CUdeviceptr ptr, size_t bytes)
{
    SIM_ENTER();
    struct sim_mem *m = sim_mem_at(ptr);
    return m && bytes && bytes <= m->size && m->kind == SIM_MEM_MANAGED ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

CUresult cuMemPrefetchAsync(CUdeviceptr ptr, size_t bytes, CUdevice dev, CUstream stream)
{
    (void)dev, (void)stream;
    return hint(ptr, bytes);
}

CUresult cuMemPrefetchAsync_ptsz(CUdeviceptr ptr, size_t bytes, CUdevice dev, CUstream stream)
{
    return cuMemPrefetchAsync(ptr, bytes, dev, stream);
}

CUresult cuMemPrefetchAsync_v2(CUdeviceptr ptr, size_t bytes, CUmemLocation where, unsigned flags, CUstream stream)
{
    (void)where, (void)stream;
    return flags ? CUDA_ERROR_INVALID_VALUE : hint(ptr, bytes);
}

CUresult cuMemPrefetchAsync_v2_ptsz(CUdeviceptr ptr, size_t bytes, CUmemLocation where, unsigned flags, CUstream stream)
{
    return cuMemPrefetchAsync_v2(ptr, bytes, where, flags, stream);
}

CUresult cuMemAdvise(CUdeviceptr ptr, size_t bytes, int advice, CUdevice dev)
{
    (void)advice, (void)dev;
    return hint(ptr, bytes);
}

CUresult cuMemAdvise_v2(CUdeviceptr ptr, size_t bytes, int advice, CUmemLocation where)
{
    (void)advice, (void)where;
    return hint(ptr, bytes);
}

/* ---- questions ---- */

/* What does not apply to the address is left as zeros, as the driver does: the call asks many things at once. */
CUresult cuPointerGetAttributes(unsigned n, CUpointer_attribute *attributes, void **data, CUdeviceptr ptr)
{
    if (!n || !attributes || !data)
        return CUDA_ERROR_INVALID_VALUE;
    for (unsigned i = 0; i < n; i++) {
        CUresult rc = data[i] ? cuPointerGetAttribute(data[i], attributes[i], ptr) : CUDA_ERROR_INVALID_VALUE;
        if (rc == CUDA_ERROR_NOT_INITIALIZED || rc == CUDA_ERROR_DEINITIALIZED)
            return rc;
        if (rc != CUDA_SUCCESS && data[i]) {
            bool narrow = attributes[i] == CU_POINTER_ATTRIBUTE_MEMORY_TYPE || attributes[i] == CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL;
            memset(data[i], 0, narrow ? 4 : attributes[i] == CU_POINTER_ATTRIBUTE_IS_MANAGED ? 1 : 8);
            if (attributes[i] == CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL)
                *(int *)data[i] = CU_DEVICE_INVALID;
        }
    }
    return CUDA_SUCCESS;
}

/* ---- the host's functions on a stream: their turn is now ---- */

CUresult cuLaunchHostFunc(CUstream stream, void (*fn)(void *), void *arg)
{
    struct sim_ctx *ctx;
    CUresult rc;
    {
        SIM_ENTER();
        rc = sim_stream_ctx(stream, &ctx);
        if (rc == CUDA_SUCCESS && !fn)
            rc = CUDA_ERROR_INVALID_VALUE;
        if (rc == CUDA_SUCCESS && sim_stream_capture(stream))
            return CUDA_SUCCESS;             /* recorded; a launch of the graph runs no code */
    }
    if (rc == CUDA_SUCCESS)
        fn(arg);                             /* without the lock: it may not call CUDA, but it may take its time */
    return rc;
}

CUresult cuLaunchHostFunc_ptsz(CUstream stream, void (*fn)(void *), void *arg)
{
    return cuLaunchHostFunc(stream, fn, arg);
}

CUresult cuStreamAddCallback(CUstream stream, void (*fn)(CUstream, CUresult, void *), void *arg, unsigned flags)
{
    struct sim_ctx *ctx;
    CUresult rc;
    {
        SIM_ENTER();
        rc = sim_stream_ctx(stream, &ctx);
    }
    if (rc == CUDA_SUCCESS && (!fn || flags))
        rc = CUDA_ERROR_INVALID_VALUE;
    if (rc == CUDA_SUCCESS)
        fn(stream, CUDA_SUCCESS, arg);
    return rc;
}

CUresult cuStreamAddCallback_ptsz(CUstream stream, void (*fn)(CUstream, CUresult, void *), void *arg, unsigned flags)
{
    return cuStreamAddCallback(stream, fn, arg, flags);
}

/* ---- a profiler has nothing to see ---- */

CUresult cuProfilerStart(void)
{
    SIM_ENTER();
    return CUDA_SUCCESS;
}

CUresult cuProfilerStop(void)
{
    SIM_ENTER();
    return CUDA_SUCCESS;
}

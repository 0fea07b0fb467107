/* cuda_copy.c - copies and fills. A device address is checked and then left alone: what goes in is dropped, what comes out is zeros.
 * Host memory, pinned and managed too, is really read and written. Each call counts as work of the card (bt_sim_work). */
#include "sim/cuda_int.h"

#include <string.h>

#define LINK_BYTES_PER_US 20000              /* 20 GB/s over PCIe */
#define CARD_BYTES_PER_US 1000000            /* 1 TB/s inside the card */

CUresult sim_copy(uint64_t dst, uint64_t src, size_t bytes)
{
    struct sim_ctx *ctx;
    CUdevice to = -1, from = -1;
    CUresult rc = sim_current(&ctx);
    if (rc != CUDA_SUCCESS)
        return rc;
    if (bytes == 0)
        return CUDA_SUCCESS;
    if (!dst || !src)
        return CUDA_ERROR_INVALID_VALUE;
    enum sim_place d = sim_place(dst, bytes, &to), s = sim_place(src, bytes, &from);
    if (d == SIM_NOWHERE || s == SIM_NOWHERE)
        return CUDA_ERROR_INVALID_VALUE;
    if (d == SIM_HOST_SIDE && s == SIM_HOST_SIDE)
        memmove((void *)(uintptr_t)dst, (const void *)(uintptr_t)src, bytes);
    else if (d == SIM_HOST_SIDE)
        memset((void *)(uintptr_t)dst, 0, bytes);
    uint64_t rate = d == s && to == from ? CARD_BYTES_PER_US : LINK_BYTES_PER_US;
    bt_sim_work(sim.st, sim.proc, sim.gpu_of[to >= 0 ? to : from >= 0 ? from : ctx->dev], 1 + bytes / rate);
    return CUDA_SUCCESS;
}

/* The named direction must be the real one: HtoD with a host address on both sides is a mistake that a card finds too. */
static CUresult copy_to(CUdeviceptr dst, uint64_t src, size_t bytes)
{
    if (bytes && !sim_va_is(dst) && !sim_mem_at(dst))
        return CUDA_ERROR_INVALID_VALUE;
    return sim_copy(dst, src, bytes);
}

/* Ends of a copy on a stream: the stream must exist, the rest is the same, for work is done at once. */
static CUresult on_stream(CUstream stream)
{
    struct sim_ctx *ctx;
    return sim_stream_ctx(stream, &ctx);
}

CUresult sim_fill(CUdeviceptr dst, unsigned value, size_t n, unsigned width)
{
    struct sim_ctx *ctx;
    CUdevice dev = -1;
    size_t bytes;
    CUresult rc = sim_current(&ctx);
    if (rc != CUDA_SUCCESS)
        return rc;
    if (dst % width || __builtin_mul_overflow(n, (size_t)width, &bytes))
        return CUDA_ERROR_INVALID_VALUE;
    if (bytes == 0)
        return CUDA_SUCCESS;
    struct sim_mem *m = sim_va_is(dst) ? NULL : sim_mem_at(dst);
    if (!sim_va_is(dst) && (!m || bytes > m->size))
        return CUDA_ERROR_INVALID_VALUE;
    if (sim_place(dst, bytes, &dev) == SIM_NOWHERE)
        return CUDA_ERROR_INVALID_VALUE;
    for (size_t i = 0; m && i < n; i++)      /* little-endian: the first bytes of value are the element */
        memcpy((char *)(uintptr_t)dst + i * width, &value, width);
    bt_sim_work(sim.st, sim.proc, sim.gpu_of[dev >= 0 ? dev : ctx->dev], 1 + bytes / CARD_BYTES_PER_US);
    return CUDA_SUCCESS;
}

/* ---- entries: one row a function, and its per-thread twin, which differs in nothing here ---- */

#define AFTER_STREAM(call)                      \
    CUresult rc = on_stream(stream);            \
    if (sim_stream_capture(stream))             \
        return rc;                              \
    return rc == CUDA_SUCCESS ? call : rc;
#define AT(p) ((uint64_t)(uintptr_t)(p))

SIM_TWINS(cuMemcpy, cuMemcpy_ptds, (CUdeviceptr dst, CUdeviceptr src, size_t bytes), (dst, src, bytes), return sim_copy(dst, src, bytes);)
SIM_TWINS(cuMemcpyHtoD_v2, cuMemcpyHtoD_v2_ptds, (CUdeviceptr dst, const void *src, size_t bytes), (dst, src, bytes),
      return copy_to(dst, AT(src), bytes);)
SIM_TWINS(cuMemcpyDtoH_v2, cuMemcpyDtoH_v2_ptds, (void *dst, CUdeviceptr src, size_t bytes), (dst, src, bytes),
      return sim_copy(AT(dst), src, bytes);)
SIM_TWINS(cuMemcpyDtoD_v2, cuMemcpyDtoD_v2_ptds, (CUdeviceptr dst, CUdeviceptr src, size_t bytes), (dst, src, bytes),
      return copy_to(dst, src, bytes);)
SIM_TWINS(cuMemcpyAsync, cuMemcpyAsync_ptsz, (CUdeviceptr dst, CUdeviceptr src, size_t bytes, CUstream stream), (dst, src, bytes, stream),
      AFTER_STREAM(sim_copy(dst, src, bytes)))
SIM_TWINS(cuMemcpyHtoDAsync_v2, cuMemcpyHtoDAsync_v2_ptsz, (CUdeviceptr dst, const void *src, size_t bytes, CUstream stream),
      (dst, src, bytes, stream), AFTER_STREAM(copy_to(dst, AT(src), bytes)))
SIM_TWINS(cuMemcpyDtoHAsync_v2, cuMemcpyDtoHAsync_v2_ptsz, (void *dst, CUdeviceptr src, size_t bytes, CUstream stream),
      (dst, src, bytes, stream), AFTER_STREAM(sim_copy(AT(dst), src, bytes)))
SIM_TWINS(cuMemcpyDtoDAsync_v2, cuMemcpyDtoDAsync_v2_ptsz, (CUdeviceptr dst, CUdeviceptr src, size_t bytes, CUstream stream),
      (dst, src, bytes, stream), AFTER_STREAM(copy_to(dst, src, bytes)))
SIM_TWINS(cuMemsetD8_v2, cuMemsetD8_v2_ptds, (CUdeviceptr dst, unsigned char value, size_t n), (dst, value, n), return sim_fill(dst, value, n, 1);)
SIM_TWINS(cuMemsetD16_v2, cuMemsetD16_v2_ptds, (CUdeviceptr dst, unsigned short value, size_t n), (dst, value, n), return sim_fill(dst, value, n, 2);)
SIM_TWINS(cuMemsetD32_v2, cuMemsetD32_v2_ptds, (CUdeviceptr dst, unsigned value, size_t n), (dst, value, n), return sim_fill(dst, value, n, 4);)
SIM_TWINS(cuMemsetD8Async, cuMemsetD8Async_ptsz, (CUdeviceptr dst, unsigned char value, size_t n, CUstream stream), (dst, value, n, stream),
      AFTER_STREAM(sim_fill(dst, value, n, 1)))
SIM_TWINS(cuMemsetD16Async, cuMemsetD16Async_ptsz, (CUdeviceptr dst, unsigned short value, size_t n, CUstream stream), (dst, value, n, stream),
      AFTER_STREAM(sim_fill(dst, value, n, 2)))
SIM_TWINS(cuMemsetD32Async, cuMemsetD32Async_ptsz, (CUdeviceptr dst, unsigned value, size_t n, CUstream stream), (dst, value, n, stream),
      AFTER_STREAM(sim_fill(dst, value, n, 4)))

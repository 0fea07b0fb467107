/* cuda_copy2d.c - copies and fills of rectangles, and copies between cards. Row by row the same rules as in cuda_copy.c: a device address is
 * checked and left alone, host memory is really read and written. Arrays have no addresses: NOT_SUPPORTED. */
#include "sim/cuda_int.h"

#define AT(p) ((uint64_t)(uintptr_t)(p))

/* One end of a rectangle: where its first row begins. */
static CUresult corner(CUmemorytype type, const void *host, CUdeviceptr device, size_t pitch, size_t x, size_t y, uint64_t *at)
{
    uint64_t skip;
    if (type == CU_MEMORYTYPE_ARRAY)
        return CUDA_ERROR_NOT_SUPPORTED;
    if (type != CU_MEMORYTYPE_HOST && type != CU_MEMORYTYPE_DEVICE && type != CU_MEMORYTYPE_UNIFIED)
        return CUDA_ERROR_INVALID_VALUE;
    if (__builtin_mul_overflow(pitch, y, &skip) || __builtin_add_overflow(skip, x, &skip))
        return CUDA_ERROR_INVALID_VALUE;
    *at = (type == CU_MEMORYTYPE_HOST ? AT(host) : device) + skip;
    return CUDA_SUCCESS;
}

static CUresult copy_rows(const CUDA_MEMCPY2D *c)
{
    uint64_t dst, src;
    size_t dst_pitch, src_pitch;
    if (!c)
        return CUDA_ERROR_INVALID_VALUE;
    if (!c->WidthInBytes || !c->Height)
        return CUDA_SUCCESS;
    dst_pitch = c->dstPitch ? c->dstPitch : c->WidthInBytes;         /* 0: rows lie close together */
    src_pitch = c->srcPitch ? c->srcPitch : c->WidthInBytes;
    if (dst_pitch < c->WidthInBytes || src_pitch < c->WidthInBytes)
        return CUDA_ERROR_INVALID_VALUE;
    CUresult rc = corner(c->dstMemoryType, c->dstHost, c->dstDevice, dst_pitch, c->dstXInBytes, c->dstY, &dst);
    if (rc == CUDA_SUCCESS)
        rc = corner(c->srcMemoryType, c->srcHost, c->srcDevice, src_pitch, c->srcXInBytes, c->srcY, &src);
    for (size_t y = 0; rc == CUDA_SUCCESS && y < c->Height; y++)
        rc = sim_copy(dst + y * dst_pitch, src + y * src_pitch, c->WidthInBytes);
    return rc;
}

static CUresult fill_rows(CUdeviceptr dst, size_t pitch, unsigned value, size_t width, size_t height, unsigned element)
{
    if (height > 1 && pitch / element < width)
        return CUDA_ERROR_INVALID_VALUE;
    CUresult rc = CUDA_SUCCESS;
    for (size_t y = 0; rc == CUDA_SUCCESS && y < height; y++)
        rc = sim_fill(dst + y * pitch, value, width, element);
    return rc;
}

/* Both contexts must be there; where the addresses lie says the rest. */
static CUresult between_cards(CUdeviceptr dst, CUcontext dst_ctx, CUdeviceptr src, CUcontext src_ctx, size_t bytes)
{
    if (!sim_handle_get(SIM_CTX, AT(dst_ctx)) || !sim_handle_get(SIM_CTX, AT(src_ctx)))
        return CUDA_ERROR_INVALID_CONTEXT;
    return sim_copy(dst, src, bytes);
}

/* ---- entries ---- */

#define AFTER_STREAM(call)                      \
    struct sim_ctx *ctx;                        \
    CUresult rc = sim_stream_ctx(stream, &ctx); \
    if (sim_stream_capture(stream))             \
        return rc;                              \
    return rc == CUDA_SUCCESS ? call : rc;

SIM_TWINS(cuMemcpy2D_v2, cuMemcpy2D_v2_ptds, (const CUDA_MEMCPY2D *c), (c), return copy_rows(c);)
SIM_TWINS(cuMemcpy2DUnaligned_v2, cuMemcpy2DUnaligned_v2_ptds, (const CUDA_MEMCPY2D *c), (c), return copy_rows(c);)
SIM_TWINS(cuMemcpy2DAsync_v2, cuMemcpy2DAsync_v2_ptsz, (const CUDA_MEMCPY2D *c, CUstream stream), (c, stream), AFTER_STREAM(copy_rows(c)))
SIM_TWINS(cuMemcpyPeer, cuMemcpyPeer_ptds, (CUdeviceptr dst, CUcontext dst_ctx, CUdeviceptr src, CUcontext src_ctx, size_t bytes),
      (dst, dst_ctx, src, src_ctx, bytes), return between_cards(dst, dst_ctx, src, src_ctx, bytes);)
SIM_TWINS(cuMemcpyPeerAsync, cuMemcpyPeerAsync_ptsz, (CUdeviceptr dst, CUcontext dst_ctx, CUdeviceptr src, CUcontext src_ctx, size_t bytes, CUstream stream),
      (dst, dst_ctx, src, src_ctx, bytes, stream), AFTER_STREAM(between_cards(dst, dst_ctx, src, src_ctx, bytes)))
SIM_TWINS(cuMemsetD2D8_v2, cuMemsetD2D8_v2_ptds, (CUdeviceptr dst, size_t pitch, unsigned char value, size_t width, size_t height),
      (dst, pitch, value, width, height), return fill_rows(dst, pitch, value, width, height, 1);)
SIM_TWINS(cuMemsetD2D16_v2, cuMemsetD2D16_v2_ptds, (CUdeviceptr dst, size_t pitch, unsigned short value, size_t width, size_t height),
      (dst, pitch, value, width, height), return fill_rows(dst, pitch, value, width, height, 2);)
SIM_TWINS(cuMemsetD2D32_v2, cuMemsetD2D32_v2_ptds, (CUdeviceptr dst, size_t pitch, unsigned value, size_t width, size_t height),
      (dst, pitch, value, width, height), return fill_rows(dst, pitch, value, width, height, 4);)
SIM_TWINS(cuMemsetD2D8Async, cuMemsetD2D8Async_ptsz, (CUdeviceptr dst, size_t pitch, unsigned char value, size_t width, size_t height, CUstream stream),
      (dst, pitch, value, width, height, stream), AFTER_STREAM(fill_rows(dst, pitch, value, width, height, 1)))
SIM_TWINS(cuMemsetD2D16Async, cuMemsetD2D16Async_ptsz, (CUdeviceptr dst, size_t pitch, unsigned short value, size_t width, size_t height, CUstream stream),
      (dst, pitch, value, width, height, stream), AFTER_STREAM(fill_rows(dst, pitch, value, width, height, 2)))
SIM_TWINS(cuMemsetD2D32Async, cuMemsetD2D32Async_ptsz, (CUdeviceptr dst, size_t pitch, unsigned value, size_t width, size_t height, CUstream stream),
      (dst, pitch, value, width, height, stream), AFTER_STREAM(fill_rows(dst, pitch, value, width, height, 4)))

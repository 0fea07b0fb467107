/* cuda_array.c - arrays and mipmaps: memory in an order that only the card knows. They take their elements' bytes, in whole tiles of
 * 64 KiB; sparse ones and those whose mapping is deferred take none. */
#include "sim/cuda_int.h"

#include <stdlib.h>

#define TILE (64ull << 10)
#define SPARSE 0x40u
#define DEFERRED 0x80u

struct array { uint64_t handle, addr; CUDA_ARRAY3D_DESCRIPTOR desc; bool is_level; };     /* addr 0: it owns no memory */
struct mipmap { uint64_t handle; unsigned n; struct array *levels[16]; };

static unsigned element_bytes(unsigned format)
{
    switch (format) {
    case 0x01: case 0x08: return 1;          /* 8 bits, without and with sign */
    case 0x02: case 0x09: case 0x10: return 2;       /* 16 bits, half */
    case 0x03: case 0x0a: case 0x20: return 4;       /* 32 bits, float */
    default: return 0;
    }
}

/* 0: too large for any card, or not a size at all. */
static uint64_t size_of(const CUDA_ARRAY3D_DESCRIPTOR *d)
{
    uint64_t n = (uint64_t)element_bytes(d->Format) * d->NumChannels, side[3] = { d->Width, d->Height ? d->Height : 1, d->Depth ? d->Depth : 1 };
    for (int i = 0; i < 3; i++)
        if (__builtin_mul_overflow(n, side[i], &n) || n > SIM_VA_END)
            return 0;
    return sim_round_up(n, TILE);
}

static CUresult array_new(struct sim_ctx *ctx, const CUDA_ARRAY3D_DESCRIPTOR *d, struct array **out)
{
    uint64_t bytes = size_of(d);
    if (!d->Width || !element_bytes(d->Format) || (d->NumChannels != 1 && d->NumChannels != 2 && d->NumChannels != 4))
        return CUDA_ERROR_INVALID_VALUE;
    struct array *a = calloc(1, sizeof *a);
    if (!a || !(a->handle = sim_handle_new(SIM_ARRAY, a))) {
        free(a);
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    CUresult rc = d->Flags & (SPARSE | DEFERRED) ? CUDA_SUCCESS : bytes ? sim_alloc(ctx, bytes, &a->addr) : CUDA_ERROR_OUT_OF_MEMORY;
    if (rc != CUDA_SUCCESS) {
        sim_handle_drop(a->handle);
        free(a);
        return rc;
    }
    a->desc = *d;
    *out = a;
    return CUDA_SUCCESS;
}

/* Its context may have taken the memory with it. */
static void array_free(struct array *a)
{
    if (a->addr && sim_mem_holding(a->addr))
        sim_free(a->addr);
    sim_handle_drop(a->handle);
    free(a);
}

static struct array *array_get(CUarray array)
{
    return sim_handle_get(SIM_ARRAY, (uint64_t)(uintptr_t)array);
}

CUresult cuArray3DCreate_v2(CUarray *array, const CUDA_ARRAY3D_DESCRIPTOR *desc)
{
    SIM_ENTER();
    struct sim_ctx *ctx;
    struct array *a;
    CUresult rc = sim_current(&ctx);
    if (rc != CUDA_SUCCESS)
        return rc;
    if (!array || !desc)
        return CUDA_ERROR_INVALID_VALUE;
    rc = array_new(ctx, desc, &a);
    if (rc == CUDA_SUCCESS)
        *array = (CUarray)(uintptr_t)a->handle;
    return rc;
}

CUresult cuArrayCreate_v2(CUarray *array, const CUDA_ARRAY_DESCRIPTOR *desc)
{
    if (!desc)
        return CUDA_ERROR_INVALID_VALUE;
    CUDA_ARRAY3D_DESCRIPTOR d = { .Width = desc->Width, .Height = desc->Height, .Format = desc->Format, .NumChannels = desc->NumChannels };
    return cuArray3DCreate_v2(array, &d);
}

CUresult cuArray3DGetDescriptor_v2(CUDA_ARRAY3D_DESCRIPTOR *desc, CUarray array)
{
    SIM_ENTER();
    struct array *a = array_get(array);
    if (!desc)
        return CUDA_ERROR_INVALID_VALUE;
    if (!a)
        return CUDA_ERROR_INVALID_HANDLE;
    *desc = a->desc;
    return CUDA_SUCCESS;
}

CUresult cuArrayGetDescriptor_v2(CUDA_ARRAY_DESCRIPTOR *desc, CUarray array)
{
    CUDA_ARRAY3D_DESCRIPTOR d;
    if (!desc)
        return CUDA_ERROR_INVALID_VALUE;
    CUresult rc = cuArray3DGetDescriptor_v2(&d, array);
    if (rc == CUDA_SUCCESS)
        *desc = (CUDA_ARRAY_DESCRIPTOR){ .Width = d.Width, .Height = d.Height, .Format = d.Format, .NumChannels = d.NumChannels };
    return rc;
}

CUresult cuArrayDestroy(CUarray array)
{
    SIM_ENTER();
    struct array *a = array_get(array);
    if (!a || a->is_level)
        return CUDA_ERROR_INVALID_HANDLE;
    array_free(a);
    return CUDA_SUCCESS;
}

/* Only arrays without memory of their own say what they would need. */
CUresult cuArrayGetMemoryRequirements(CUDA_ARRAY_MEMORY_REQUIREMENTS *need, CUarray array, CUdevice dev)
{
    SIM_ENTER();
    struct array *a = array_get(array);
    if (!need || !sim_dev_ok(dev) || !a || !(a->desc.Flags & DEFERRED))
        return CUDA_ERROR_INVALID_VALUE;
    *need = (CUDA_ARRAY_MEMORY_REQUIREMENTS){ .size = sim_round_up(size_of(&a->desc), BT_SIM_GRANULE), .alignment = BT_SIM_GRANULE };
    return CUDA_SUCCESS;
}

/* ---- mipmaps: each level half as wide as the one before ---- */

static void mipmap_free(struct mipmap *m)
{
    for (unsigned i = 0; i < m->n; i++)
        array_free(m->levels[i]);
    sim_handle_drop(m->handle);
    free(m);
}

static struct mipmap *mipmap_get(CUmipmappedArray mipmap)
{
    return sim_handle_get(SIM_MIPMAP, (uint64_t)(uintptr_t)mipmap);
}

CUresult cuMipmappedArrayCreate(CUmipmappedArray *mipmap, const CUDA_ARRAY3D_DESCRIPTOR *desc, unsigned levels)
{
    SIM_ENTER();
    struct sim_ctx *ctx;
    CUresult rc = sim_current(&ctx);
    if (rc != CUDA_SUCCESS)
        return rc;
    if (!mipmap || !desc || !levels || levels > 16)
        return CUDA_ERROR_INVALID_VALUE;
    struct mipmap *m = calloc(1, sizeof *m);
    if (!m || !(m->handle = sim_handle_new(SIM_MIPMAP, m))) {
        free(m);
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    CUDA_ARRAY3D_DESCRIPTOR d = *desc;
    for (; m->n < levels && rc == CUDA_SUCCESS; d.Width = (d.Width + 1) / 2, d.Height = (d.Height + 1) / 2, d.Depth = (d.Depth + 1) / 2) {
        rc = array_new(ctx, &d, &m->levels[m->n]);
        if (rc == CUDA_SUCCESS)
            m->levels[m->n++]->is_level = true;
    }
    if (rc != CUDA_SUCCESS)
        mipmap_free(m);
    else
        *mipmap = (CUmipmappedArray)(uintptr_t)m->handle;
    return rc;
}

CUresult cuMipmappedArrayGetLevel(CUarray *array, CUmipmappedArray mipmap, unsigned level)
{
    SIM_ENTER();
    struct mipmap *m = mipmap_get(mipmap);
    if (!m)
        return CUDA_ERROR_INVALID_HANDLE;
    if (!array || level >= m->n)
        return CUDA_ERROR_INVALID_VALUE;
    *array = (CUarray)(uintptr_t)m->levels[level]->handle;
    return CUDA_SUCCESS;
}

CUresult cuMipmappedArrayDestroy(CUmipmappedArray mipmap)
{
    SIM_ENTER();
    struct mipmap *m = mipmap_get(mipmap);
    if (!m)
        return CUDA_ERROR_INVALID_HANDLE;
    mipmap_free(m);
    return CUDA_SUCCESS;
}

/* cuda_share.c - CUDA IPC: memory of one process in another. The handle names a share (sim/share.c), its place and its size. */
#include "sim/cuda_int.h"

#include <string.h>
#include <unistd.h>

/* Inside the 64 bytes of a CUipcMemHandle. offset: of the address asked about in the allocation that is shared. */
struct ticket { uint64_t magic, size, offset; int32_t share, gpu, pid; uint32_t gen; };
#define TICKET_MAGIC 0x4350495348545242ull   /* "BRTHSIPC" */
_Static_assert(sizeof(struct ticket) <= sizeof(CUipcMemHandle), "fits its handle");

CUresult cuIpcGetMemHandle(CUipcMemHandle *handle, CUdeviceptr ptr)
{
    SIM_ENTER();
    struct sim_mem *m = sim_mem_holding(ptr);
    if (!handle || !m || (m->kind != SIM_MEM_BIG && m->kind != SIM_MEM_BLOCK))
        return CUDA_ERROR_INVALID_VALUE;     /* managed, pooled, mapped and imported memory has other ways, or none */
    if (!m->share) {
        m->share = 1 + bt_sim_share_new(sim.st, sim.proc, sim.gpu_of[m->dev], m->charged);
        if (!m->share)
            return CUDA_ERROR_OPERATING_SYSTEM;
    }
    struct ticket t = { .magic = TICKET_MAGIC, .size = m->size, .offset = ptr - m->addr, .share = m->share - 1, .gpu = (int32_t)sim.gpu_of[m->dev],
                        .pid = (int32_t)getpid(), .gen = sim.st->shares[m->share - 1].gen };
    memset(handle, 0, sizeof *handle);
    memcpy(handle, &t, sizeof t);
    return CUDA_SUCCESS;
}


/* An allocation is mapped once in a process, however often it is opened. */
static struct sim_mem *opened_before(const struct sim_ctx *ctx, int share)
{
    for (struct sim_mem *m = ctx->mems; m; m = m->next)
        if (m->kind == SIM_MEM_IPC && m->share == share + 1)
            return m;
    return NULL;
}

static CUresult open_new(struct sim_ctx *ctx, const struct ticket *t, struct sim_mem **out)
{
    unsigned va_class;
    if (!sim.proc || !bt_sim_share_join(sim.st, sim.proc, t->share, t->gen))
        return CUDA_ERROR_INVALID_VALUE;     /* its owner has freed it, or is gone */
    uint64_t at = sim_va_take(t->size, 0, &va_class);
    struct sim_mem *m = at ? sim_mem_new(SIM_MEM_IPC, at, t->size, ctx->dev, ctx) : NULL;
    if (!m) {
        if (at)
            sim_va_give(at, va_class);
        bt_sim_share_leave(sim.st, sim.proc, t->share);
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    m->va_class = va_class;
    m->share = t->share + 1;
    *out = m;
    return CUDA_SUCCESS;
}

CUresult cuIpcOpenMemHandle_v2(CUdeviceptr *ptr, CUipcMemHandle handle, unsigned flags)
{
    SIM_ENTER();
    struct ticket t;
    struct sim_ctx *ctx;
    CUresult rc = sim_current(&ctx);
    if (rc != CUDA_SUCCESS)
        return rc;
    memcpy(&t, &handle, sizeof t);
    if (!ptr || flags > 1 || t.magic != TICKET_MAGIC || t.share < 0 || t.share >= BT_SIM_SHARES)
        return CUDA_ERROR_INVALID_VALUE;
    if (t.pid == (int32_t)getpid())
        return CUDA_ERROR_INVALID_CONTEXT;   /* not for the process that exported it */
    if (sim.gpu_of[ctx->dev] != (unsigned)t.gpu && !(flags & 1))
        return CUDA_ERROR_INVALID_DEVICE;    /* another card, and no leave to reach across */
    struct sim_mem *m = opened_before(ctx, t.share);
    if (!m)
        rc = open_new(ctx, &t, &m);
    if (rc == CUDA_SUCCESS) {
        m->opens++;
        *ptr = m->addr + t.offset;
    }
    return rc;
}

CUresult cuIpcOpenMemHandle(CUdeviceptr *ptr, CUipcMemHandle handle, unsigned flags)
{
    return cuIpcOpenMemHandle_v2(ptr, handle, flags);
}

CUresult cuIpcCloseMemHandle(CUdeviceptr ptr)
{
    SIM_ENTER();
    struct sim_mem *m = sim_mem_holding(ptr);
    if (!m || m->kind != SIM_MEM_IPC)
        return CUDA_ERROR_INVALID_VALUE;
    if (--m->opens == 0)
        sim_mem_free(m);
    return CUDA_SUCCESS;
}

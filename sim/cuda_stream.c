/* cuda_stream.c - streams and events. Work is done when it is given, so a stream is always idle and an event always past. */
#include "sim/cuda_int.h"

#include <stdlib.h>
#include <time.h>

struct stream { uint64_t handle; struct sim_ctx *ctx; unsigned flags; int priority; };
struct event { uint64_t handle; struct sim_ctx *ctx; unsigned flags; bool recorded; int64_t at_ns; };

CUresult sim_stream_ctx(CUstream stream, struct sim_ctx **out)
{
    if (!stream || stream == CU_STREAM_LEGACY || stream == CU_STREAM_PER_THREAD)
        return sim_current(out);
    struct stream *s = sim_handle_get(SIM_STREAM, (uint64_t)(uintptr_t)stream);
    if (!s)
        return CUDA_ERROR_INVALID_HANDLE;
    *out = s->ctx;
    return sim_lost(s->ctx->dev) ? CUDA_ERROR_UNKNOWN : CUDA_SUCCESS;
}

static void drop_stream(uint64_t handle, void *object, void *ctx)
{
    struct stream *s = object;
    if (s->ctx != ctx)
        return;
    sim_handle_drop(handle);
    free(s);
}

static void drop_event(uint64_t handle, void *object, void *ctx)
{
    struct event *e = object;
    if (e->ctx != ctx)
        return;
    sim_handle_drop(handle);
    free(e);
}

void sim_streams_of_ctx_drop(struct sim_ctx *ctx)
{
    sim_handle_each(SIM_STREAM, drop_stream, ctx);
    sim_handle_each(SIM_EVENT, drop_event, ctx);
}

/* ---- streams ---- */

CUresult cuStreamCreateWithPriority(CUstream *stream, unsigned flags, int priority)
{
    SIM_ENTER();
    struct sim_ctx *ctx;
    CUresult rc = sim_current(&ctx);
    if (rc != CUDA_SUCCESS)
        return rc;
    if (!stream || flags > CU_STREAM_NON_BLOCKING)
        return CUDA_ERROR_INVALID_VALUE;
    struct stream *s = calloc(1, sizeof *s);
    if (!s)
        return CUDA_ERROR_OUT_OF_MEMORY;
    s->ctx = ctx;
    s->flags = flags;
    s->priority = priority > 0 ? 0 : priority < -5 ? -5 : priority;  /* out of range is cut to the range, and nothing competes here */
    s->handle = sim_handle_new(SIM_STREAM, s);
    if (!s->handle) {
        free(s);
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    *stream = (CUstream)(uintptr_t)s->handle;
    return CUDA_SUCCESS;
}

CUresult cuStreamCreate(CUstream *stream, unsigned flags)
{
    return cuStreamCreateWithPriority(stream, flags, 0);
}

CUresult cuStreamDestroy_v2(CUstream stream)
{
    SIM_ENTER();
    struct stream *s = sim_handle_get(SIM_STREAM, (uint64_t)(uintptr_t)stream);
    if (!s)
        return CUDA_ERROR_INVALID_HANDLE;
    sim_handle_drop(s->handle);
    free(s);
    return CUDA_SUCCESS;
}

CUresult cuStreamDestroy(CUstream stream)
{
    return cuStreamDestroy_v2(stream);
}

CUresult cuStreamSynchronize(CUstream stream)
{
    SIM_ENTER();
    struct sim_ctx *ctx;
    CUresult rc = sim_stream_ctx(stream, &ctx);
    if (rc == CUDA_SUCCESS)
        sim_pools_synced(ctx->dev);
    return rc;
}

CUresult cuStreamSynchronize_ptsz(CUstream stream)
{
    return cuStreamSynchronize(stream);
}

CUresult cuStreamQuery(CUstream stream)
{
    SIM_ENTER();
    struct sim_ctx *ctx;
    return sim_stream_ctx(stream, &ctx);
}

CUresult cuStreamQuery_ptsz(CUstream stream)
{
    return cuStreamQuery(stream);
}

CUresult cuStreamGetCtx(CUstream stream, CUcontext *out)
{
    SIM_ENTER();
    struct sim_ctx *ctx;
    CUresult rc = sim_stream_ctx(stream, &ctx);
    if (rc != CUDA_SUCCESS)
        return rc;
    if (!out)
        return CUDA_ERROR_INVALID_VALUE;
    *out = (CUcontext)(uintptr_t)ctx->handle;
    return CUDA_SUCCESS;
}

CUresult cuStreamGetCtx_ptsz(CUstream stream, CUcontext *out)
{
    return cuStreamGetCtx(stream, out);
}

/* No stream of this machine belongs to a green context. */
CUresult cuStreamGetCtx_v2(CUstream stream, CUcontext *out, CUgreenCtx *green)
{
    CUresult rc = cuStreamGetCtx(stream, out);
    if (rc == CUDA_SUCCESS && green)
        *green = NULL;
    return rc;
}

CUresult cuStreamGetCtx_v2_ptsz(CUstream stream, CUcontext *out, CUgreenCtx *green)
{
    return cuStreamGetCtx_v2(stream, out, green);
}

/* A stream of the program's own, or one of the two that are always there: those have no flags and the lowest priority. */
static CUresult stream_or_default(CUstream stream, const struct stream **out)
{
    static const struct stream standard = { 0 };
    struct sim_ctx *ctx;
    CUresult rc = sim_stream_ctx(stream, &ctx);
    const struct stream *own = sim_handle_get(SIM_STREAM, (uint64_t)(uintptr_t)stream);
    *out = own ? own : &standard;
    return rc;
}

CUresult cuStreamGetFlags(CUstream stream, unsigned *flags)
{
    SIM_ENTER();
    const struct stream *s;
    CUresult rc = stream_or_default(stream, &s);
    if (rc != CUDA_SUCCESS)
        return rc;
    if (!flags)
        return CUDA_ERROR_INVALID_VALUE;
    *flags = s->flags;
    return CUDA_SUCCESS;
}

CUresult cuStreamGetFlags_ptsz(CUstream stream, unsigned *flags)
{
    return cuStreamGetFlags(stream, flags);
}

CUresult cuStreamGetPriority(CUstream stream, int *priority)
{
    SIM_ENTER();
    const struct stream *s;
    CUresult rc = stream_or_default(stream, &s);
    if (rc != CUDA_SUCCESS)
        return rc;
    if (!priority)
        return CUDA_ERROR_INVALID_VALUE;
    *priority = s->priority;
    return CUDA_SUCCESS;
}

CUresult cuStreamGetPriority_ptsz(CUstream stream, int *priority)
{
    return cuStreamGetPriority(stream, priority);
}

CUresult cuStreamGetId(CUstream stream, unsigned long long *id)
{
    SIM_ENTER();
    const struct stream *s;
    CUresult rc = stream_or_default(stream, &s);
    if (rc != CUDA_SUCCESS)
        return rc;
    if (!id)
        return CUDA_ERROR_INVALID_VALUE;
    *id = s->handle ? s->handle : (uint64_t)(uintptr_t)stream;
    return CUDA_SUCCESS;
}

CUresult cuStreamGetId_ptsz(CUstream stream, unsigned long long *id)
{
    return cuStreamGetId(stream, id);
}

/* ---- events ---- */

static struct event *event_get(CUevent event)
{
    return sim_handle_get(SIM_EVENT, (uint64_t)(uintptr_t)event);
}

CUresult cuEventCreate(CUevent *event, unsigned flags)
{
    SIM_ENTER();
    struct sim_ctx *ctx;
    CUresult rc = sim_current(&ctx);
    if (rc != CUDA_SUCCESS)
        return rc;
    if (!event || flags > 7)
        return CUDA_ERROR_INVALID_VALUE;
    struct event *e = calloc(1, sizeof *e);
    if (!e)
        return CUDA_ERROR_OUT_OF_MEMORY;
    e->ctx = ctx;
    e->flags = flags;
    e->handle = sim_handle_new(SIM_EVENT, e);
    if (!e->handle) {
        free(e);
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    *event = (CUevent)(uintptr_t)e->handle;
    return CUDA_SUCCESS;
}

CUresult cuEventDestroy_v2(CUevent event)
{
    SIM_ENTER();
    struct event *e = event_get(event);
    if (!e)
        return CUDA_ERROR_INVALID_HANDLE;
    sim_handle_drop(e->handle);
    free(e);
    return CUDA_SUCCESS;
}

CUresult cuEventDestroy(CUevent event)
{
    return cuEventDestroy_v2(event);
}

CUresult cuEventRecord(CUevent event, CUstream stream)
{
    SIM_ENTER();
    struct sim_ctx *ctx;
    struct timespec t;
    struct event *e = event_get(event);
    CUresult rc = sim_stream_ctx(stream, &ctx);
    if (rc != CUDA_SUCCESS)
        return rc;
    if (!e || e->ctx != ctx)
        return CUDA_ERROR_INVALID_HANDLE;
    clock_gettime(CLOCK_MONOTONIC, &t);
    e->at_ns = (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
    e->recorded = true;
    return CUDA_SUCCESS;
}

CUresult cuEventRecord_ptsz(CUevent event, CUstream stream)
{
    return cuEventRecord(event, stream);
}

/* The one flag is about capture. */
CUresult cuEventRecordWithFlags(CUevent event, CUstream stream, unsigned flags)
{
    return flags > 1 ? CUDA_ERROR_INVALID_VALUE : cuEventRecord(event, stream);
}

CUresult cuEventRecordWithFlags_ptsz(CUevent event, CUstream stream, unsigned flags)
{
    return cuEventRecordWithFlags(event, stream, flags);
}

CUresult cuEventQuery(CUevent event)
{
    SIM_ENTER();
    return event_get(event) ? CUDA_SUCCESS : CUDA_ERROR_INVALID_HANDLE;
}

CUresult cuEventSynchronize(CUevent event)
{
    SIM_ENTER();
    struct event *e = event_get(event);
    if (!e)
        return CUDA_ERROR_INVALID_HANDLE;
    sim_pools_synced(e->ctx->dev);
    return CUDA_SUCCESS;
}

CUresult cuEventElapsedTime(float *ms, CUevent start, CUevent end)
{
    SIM_ENTER();
    struct event *a = event_get(start), *b = event_get(end);
    if (!ms)
        return CUDA_ERROR_INVALID_VALUE;
    if (!a || !b || !a->recorded || !b->recorded || ((a->flags | b->flags) & CU_EVENT_DISABLE_TIMING))
        return CUDA_ERROR_INVALID_HANDLE;
    *ms = (float)((double)(b->at_ns - a->at_ns) / 1e6);
    return CUDA_SUCCESS;
}

CUresult cuEventElapsedTime_v2(float *ms, CUevent start, CUevent end)
{
    return cuEventElapsedTime(ms, start, end);
}

CUresult cuStreamWaitEvent(CUstream stream, CUevent event, unsigned flags)
{
    SIM_ENTER();
    struct sim_ctx *ctx;
    CUresult rc = sim_stream_ctx(stream, &ctx);
    if (rc != CUDA_SUCCESS)
        return rc;
    if (flags > 1)
        return CUDA_ERROR_INVALID_VALUE;
    return event_get(event) ? CUDA_SUCCESS : CUDA_ERROR_INVALID_HANDLE;
}

CUresult cuStreamWaitEvent_ptsz(CUstream stream, CUevent event, unsigned flags)
{
    return cuStreamWaitEvent(stream, event, flags);
}

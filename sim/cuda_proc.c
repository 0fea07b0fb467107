/* cuda_proc.c - how programs find the entries, and what its errors are called.
 *
 * A row says: under this name, from this CUDA version on, this symbol. Of the rows that the caller's version reaches, the newest
 * wins; a caller that wants the per-thread default stream gets the twin where there is one. */
#include "sim/cuda_int.h"

#include <stdlib.h>
#include <string.h>

struct entry { const char *name; int since; void *fn; bool per_thread; };
#define ROW(name, since, symbol) { #name, since, (void *)symbol, false }
#define TWIN(name, since, symbol) { #name, since, (void *)symbol, true }

static const struct entry entries[] = {
    ROW(cuInit, 2000, cuInit),
    ROW(cuDriverGetVersion, 2020, cuDriverGetVersion),
    ROW(cuGetErrorString, 6000, cuGetErrorString),
    ROW(cuGetErrorName, 6000, cuGetErrorName),
    ROW(cuGetProcAddress, 11030, cuGetProcAddress),
    ROW(cuGetProcAddress, 12000, cuGetProcAddress_v2),
    ROW(cuGetExportTable, 3000, cuGetExportTable),
    ROW(cuDeviceGetCount, 2000, cuDeviceGetCount),
    ROW(cuDeviceGet, 2000, cuDeviceGet),
    ROW(cuDeviceGetName, 2000, cuDeviceGetName),
    ROW(cuDeviceGetUuid, 9020, cuDeviceGetUuid),
    ROW(cuDeviceGetUuid, 11040, cuDeviceGetUuid_v2),
    ROW(cuDeviceTotalMem, 2000, cuDeviceTotalMem),
    ROW(cuDeviceTotalMem, 3020, cuDeviceTotalMem_v2),
    ROW(cuDeviceGetAttribute, 2000, cuDeviceGetAttribute),
    ROW(cuDeviceComputeCapability, 2000, cuDeviceComputeCapability),
    ROW(cuDeviceGetPCIBusId, 4010, cuDeviceGetPCIBusId),
    ROW(cuDeviceGetByPCIBusId, 4010, cuDeviceGetByPCIBusId),
    ROW(cuDeviceCanAccessPeer, 4000, cuDeviceCanAccessPeer),
    ROW(cuDeviceGetP2PAttribute, 8000, cuDeviceGetP2PAttribute),
    ROW(cuDevicePrimaryCtxRetain, 7000, cuDevicePrimaryCtxRetain),
    ROW(cuDevicePrimaryCtxRelease, 7000, cuDevicePrimaryCtxRelease),
    ROW(cuDevicePrimaryCtxRelease, 11000, cuDevicePrimaryCtxRelease_v2),
    ROW(cuDevicePrimaryCtxReset, 7000, cuDevicePrimaryCtxReset),
    ROW(cuDevicePrimaryCtxReset, 11000, cuDevicePrimaryCtxReset_v2),
    ROW(cuDevicePrimaryCtxSetFlags, 7000, cuDevicePrimaryCtxSetFlags),
    ROW(cuDevicePrimaryCtxSetFlags, 11000, cuDevicePrimaryCtxSetFlags_v2),
    ROW(cuDevicePrimaryCtxGetState, 7000, cuDevicePrimaryCtxGetState),
    ROW(cuCtxCreate, 3020, cuCtxCreate_v2),
    ROW(cuCtxCreate, 11040, cuCtxCreate_v3),
    ROW(cuCtxCreate, 12050, cuCtxCreate_v4),
    ROW(cuCtxDestroy, 2000, cuCtxDestroy),
    ROW(cuCtxDestroy, 4000, cuCtxDestroy_v2),
    ROW(cuCtxSetCurrent, 4000, cuCtxSetCurrent),
    ROW(cuCtxGetCurrent, 4000, cuCtxGetCurrent),
    ROW(cuCtxPushCurrent, 2000, cuCtxPushCurrent),
    ROW(cuCtxPushCurrent, 4000, cuCtxPushCurrent_v2),
    ROW(cuCtxPopCurrent, 2000, cuCtxPopCurrent),
    ROW(cuCtxPopCurrent, 4000, cuCtxPopCurrent_v2),
    ROW(cuCtxGetDevice, 2000, cuCtxGetDevice),
    ROW(cuCtxGetDevice, 13000, cuCtxGetDevice_v2),
    ROW(cuCtxGetFlags, 7000, cuCtxGetFlags),
    ROW(cuCtxSynchronize, 2000, cuCtxSynchronize),
    ROW(cuCtxSynchronize, 13000, cuCtxSynchronize_v2),
    ROW(cuCtxGetApiVersion, 3020, cuCtxGetApiVersion),
    ROW(cuCtxSetLimit, 3010, cuCtxSetLimit),
    ROW(cuCtxGetLimit, 3010, cuCtxGetLimit),
    ROW(cuCtxGetStreamPriorityRange, 5050, cuCtxGetStreamPriorityRange),
    ROW(cuCtxEnablePeerAccess, 4000, cuCtxEnablePeerAccess),
    ROW(cuCtxDisablePeerAccess, 4000, cuCtxDisablePeerAccess),
    ROW(cuMemGetInfo, 2000, cuMemGetInfo),
    ROW(cuMemGetInfo, 3020, cuMemGetInfo_v2),
    ROW(cuMemAlloc, 2000, cuMemAlloc),
    ROW(cuMemAlloc, 3020, cuMemAlloc_v2),
    ROW(cuMemFree, 2000, cuMemFree),
    ROW(cuMemFree, 3020, cuMemFree_v2),
    ROW(cuMemAllocPitch, 2000, cuMemAllocPitch),
    ROW(cuMemAllocPitch, 3020, cuMemAllocPitch_v2),
    ROW(cuMemAllocManaged, 6000, cuMemAllocManaged),
    ROW(cuMemHostAlloc, 2020, cuMemHostAlloc),
    ROW(cuMemAllocHost, 2000, cuMemAllocHost),
    ROW(cuMemAllocHost, 3020, cuMemAllocHost_v2),
    ROW(cuMemFreeHost, 2000, cuMemFreeHost),
    ROW(cuMemHostGetDevicePointer, 3020, cuMemHostGetDevicePointer_v2),
    ROW(cuMemHostGetFlags, 2030, cuMemHostGetFlags),
    ROW(cuMemGetAddressRange, 3020, cuMemGetAddressRange_v2),
    ROW(cuPointerGetAttribute, 4000, cuPointerGetAttribute),
    ROW(cuMemcpy, 4000, cuMemcpy), TWIN(cuMemcpy, 7000, cuMemcpy_ptds),
    ROW(cuMemcpyHtoD, 3020, cuMemcpyHtoD_v2), TWIN(cuMemcpyHtoD, 7000, cuMemcpyHtoD_v2_ptds),
    ROW(cuMemcpyDtoH, 3020, cuMemcpyDtoH_v2), TWIN(cuMemcpyDtoH, 7000, cuMemcpyDtoH_v2_ptds),
    ROW(cuMemcpyDtoD, 3020, cuMemcpyDtoD_v2), TWIN(cuMemcpyDtoD, 7000, cuMemcpyDtoD_v2_ptds),
    ROW(cuMemcpyAsync, 4000, cuMemcpyAsync), TWIN(cuMemcpyAsync, 7000, cuMemcpyAsync_ptsz),
    ROW(cuMemcpyHtoDAsync, 3020, cuMemcpyHtoDAsync_v2), TWIN(cuMemcpyHtoDAsync, 7000, cuMemcpyHtoDAsync_v2_ptsz),
    ROW(cuMemcpyDtoHAsync, 3020, cuMemcpyDtoHAsync_v2), TWIN(cuMemcpyDtoHAsync, 7000, cuMemcpyDtoHAsync_v2_ptsz),
    ROW(cuMemcpyDtoDAsync, 3020, cuMemcpyDtoDAsync_v2), TWIN(cuMemcpyDtoDAsync, 7000, cuMemcpyDtoDAsync_v2_ptsz),
    ROW(cuMemsetD8, 3020, cuMemsetD8_v2), TWIN(cuMemsetD8, 7000, cuMemsetD8_v2_ptds),
    ROW(cuMemsetD16, 3020, cuMemsetD16_v2), TWIN(cuMemsetD16, 7000, cuMemsetD16_v2_ptds),
    ROW(cuMemsetD32, 3020, cuMemsetD32_v2), TWIN(cuMemsetD32, 7000, cuMemsetD32_v2_ptds),
    ROW(cuMemsetD8Async, 3020, cuMemsetD8Async), TWIN(cuMemsetD8Async, 7000, cuMemsetD8Async_ptsz),
    ROW(cuMemsetD16Async, 3020, cuMemsetD16Async), TWIN(cuMemsetD16Async, 7000, cuMemsetD16Async_ptsz),
    ROW(cuMemsetD32Async, 3020, cuMemsetD32Async), TWIN(cuMemsetD32Async, 7000, cuMemsetD32Async_ptsz),
    ROW(cuMemAllocAsync, 11020, cuMemAllocAsync), TWIN(cuMemAllocAsync, 11020, cuMemAllocAsync_ptsz),
    ROW(cuMemAllocFromPoolAsync, 11020, cuMemAllocFromPoolAsync), TWIN(cuMemAllocFromPoolAsync, 11020, cuMemAllocFromPoolAsync_ptsz),
    ROW(cuMemFreeAsync, 11020, cuMemFreeAsync), TWIN(cuMemFreeAsync, 11020, cuMemFreeAsync_ptsz),
    ROW(cuDeviceGetDefaultMemPool, 11020, cuDeviceGetDefaultMemPool),
    ROW(cuDeviceGetMemPool, 11020, cuDeviceGetMemPool),
    ROW(cuDeviceSetMemPool, 11020, cuDeviceSetMemPool),
    ROW(cuMemPoolCreate, 11020, cuMemPoolCreate),
    ROW(cuMemPoolDestroy, 11020, cuMemPoolDestroy),
    ROW(cuMemPoolTrimTo, 11020, cuMemPoolTrimTo),
    ROW(cuMemPoolSetAttribute, 11020, cuMemPoolSetAttribute),
    ROW(cuMemPoolGetAttribute, 11020, cuMemPoolGetAttribute),
    ROW(cuMemPoolSetAccess, 11020, cuMemPoolSetAccess),
    ROW(cuMemGetAllocationGranularity, 10020, cuMemGetAllocationGranularity),
    ROW(cuMemCreate, 10020, cuMemCreate),
    ROW(cuMemRelease, 10020, cuMemRelease),
    ROW(cuMemRetainAllocationHandle, 11000, cuMemRetainAllocationHandle),
    ROW(cuMemGetAllocationPropertiesFromHandle, 10020, cuMemGetAllocationPropertiesFromHandle),
    ROW(cuMemAddressReserve, 10020, cuMemAddressReserve),
    ROW(cuMemAddressFree, 10020, cuMemAddressFree),
    ROW(cuMemMap, 10020, cuMemMap),
    ROW(cuMemUnmap, 10020, cuMemUnmap),
    ROW(cuMemSetAccess, 10020, cuMemSetAccess),
    ROW(cuMemGetAccess, 10020, cuMemGetAccess),
    ROW(cuStreamCreate, 2000, cuStreamCreate),
    ROW(cuStreamCreateWithPriority, 5050, cuStreamCreateWithPriority),
    ROW(cuStreamDestroy, 2000, cuStreamDestroy),
    ROW(cuStreamDestroy, 4000, cuStreamDestroy_v2),
    ROW(cuStreamSynchronize, 2000, cuStreamSynchronize), TWIN(cuStreamSynchronize, 7000, cuStreamSynchronize_ptsz),
    ROW(cuStreamQuery, 2000, cuStreamQuery), TWIN(cuStreamQuery, 7000, cuStreamQuery_ptsz),
    ROW(cuStreamWaitEvent, 3020, cuStreamWaitEvent), TWIN(cuStreamWaitEvent, 7000, cuStreamWaitEvent_ptsz),
    ROW(cuStreamGetCtx, 9020, cuStreamGetCtx), TWIN(cuStreamGetCtx, 9020, cuStreamGetCtx_ptsz),
    ROW(cuStreamGetCtx, 12050, cuStreamGetCtx_v2), TWIN(cuStreamGetCtx, 12050, cuStreamGetCtx_v2_ptsz),
    ROW(cuEventCreate, 2000, cuEventCreate),
    ROW(cuEventDestroy, 2000, cuEventDestroy),
    ROW(cuEventDestroy, 4000, cuEventDestroy_v2),
    ROW(cuEventRecord, 2000, cuEventRecord), TWIN(cuEventRecord, 7000, cuEventRecord_ptsz),
    ROW(cuEventQuery, 2000, cuEventQuery),
    ROW(cuEventSynchronize, 2000, cuEventSynchronize),
    ROW(cuEventElapsedTime, 2000, cuEventElapsedTime),
    ROW(cuEventElapsedTime, 12080, cuEventElapsedTime_v2),
};

CUresult cuGetProcAddress_v2(const char *symbol, void **pfn, int version, cuuint64_t flags, CUdriverProcAddressQueryResult *status)
{
    const struct entry *best = NULL;
    int driver;
    bool known = false, want_twin = flags & CU_GET_PROC_ADDRESS_PER_THREAD_DEFAULT_STREAM;
    if (!symbol || !pfn || flags > CU_GET_PROC_ADDRESS_PER_THREAD_DEFAULT_STREAM || cuDriverGetVersion(&driver) != CUDA_SUCCESS || version > driver)
        return CUDA_ERROR_INVALID_VALUE;
    for (size_t i = 0; i < sizeof entries / sizeof *entries; i++) {
        const struct entry *e = &entries[i];
        if (strcmp(e->name, symbol) != 0)
            continue;
        known = true;
        if (e->since > version || (e->per_thread && !want_twin))
            continue;
        if (!best || e->per_thread > best->per_thread || (e->per_thread == best->per_thread && e->since > best->since))
            best = e;
    }
    *pfn = best ? best->fn : NULL;           /* not there is no error: the caller looks at the pointer */
    if (status)
        *status = best ? CU_GET_PROC_ADDRESS_SUCCESS : known ? CU_GET_PROC_ADDRESS_VERSION_NOT_SUFFICIENT : CU_GET_PROC_ADDRESS_SYMBOL_NOT_FOUND;
    return CUDA_SUCCESS;
}

CUresult cuGetProcAddress(const char *symbol, void **pfn, int version, cuuint64_t flags)
{
    return cuGetProcAddress_v2(symbol, pfn, version, flags, NULL);
}

/* The driver's private tables: none of them is here, and none is pretended. */
CUresult cuGetExportTable(const void **table, const CUuuid *id)
{
    return table && id ? CUDA_ERROR_NOT_FOUND : CUDA_ERROR_INVALID_VALUE;
}

/* ---- errors ---- */

#define ERR(code, text) { CUDA_##code, "CUDA_" #code, text }
static const struct { CUresult code; const char *name, *text; } errors[] = {
    ERR(SUCCESS, "no error"),
    ERR(ERROR_INVALID_VALUE, "invalid argument"),
    ERR(ERROR_OUT_OF_MEMORY, "out of memory"),
    ERR(ERROR_NOT_INITIALIZED, "initialization error"),
    ERR(ERROR_DEINITIALIZED, "driver shutting down"),
    ERR(ERROR_STUB_LIBRARY, "CUDA driver is a stub library"),
    ERR(ERROR_NO_DEVICE, "no CUDA-capable device is detected"),
    ERR(ERROR_INVALID_DEVICE, "invalid device ordinal"),
    ERR(ERROR_INVALID_IMAGE, "device kernel image is invalid"),
    ERR(ERROR_INVALID_CONTEXT, "invalid device context"),
    ERR(ERROR_CONTEXT_ALREADY_CURRENT, "context already current"),
    ERR(ERROR_MAP_FAILED, "mapping of buffer object failed"),
    ERR(ERROR_UNMAP_FAILED, "unmapping of buffer object failed"),
    ERR(ERROR_ALREADY_MAPPED, "resource already mapped"),
    ERR(ERROR_NOT_MAPPED, "resource not mapped"),
    ERR(ERROR_UNSUPPORTED_LIMIT, "limit is not supported on this architecture"),
    ERR(ERROR_PEER_ACCESS_UNSUPPORTED, "peer access is not supported between these two devices"),
    ERR(ERROR_OPERATING_SYSTEM, "OS call failed or operation not supported on this OS"),
    ERR(ERROR_INVALID_HANDLE, "invalid resource handle"),
    ERR(ERROR_ILLEGAL_STATE, "the operation cannot be performed in the present state"),
    ERR(ERROR_NOT_FOUND, "named symbol not found"),
    ERR(ERROR_NOT_READY, "device not ready"),
    ERR(ERROR_ILLEGAL_ADDRESS, "an illegal memory access was encountered"),
    ERR(ERROR_PEER_ACCESS_ALREADY_ENABLED, "peer access is already enabled"),
    ERR(ERROR_PEER_ACCESS_NOT_ENABLED, "peer access has not been enabled"),
    ERR(ERROR_PRIMARY_CONTEXT_ACTIVE, "cannot set while device is active in this process"),
    ERR(ERROR_CONTEXT_IS_DESTROYED, "context is destroyed"),
    ERR(ERROR_HOST_MEMORY_ALREADY_REGISTERED, "part or all of the requested memory range is already mapped"),
    ERR(ERROR_HOST_MEMORY_NOT_REGISTERED, "pointer does not correspond to a registered memory region"),
    ERR(ERROR_NOT_PERMITTED, "operation not permitted"),
    ERR(ERROR_NOT_SUPPORTED, "operation not supported"),
    ERR(ERROR_SYSTEM_NOT_READY, "system not yet initialized"),
    ERR(ERROR_UNKNOWN, "unknown error"),
};

static CUresult error_text(CUresult error, const char **out, bool name)
{
    if (!out)
        return CUDA_ERROR_INVALID_VALUE;
    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++)
        if (errors[i].code == error) {
            *out = name ? errors[i].name : errors[i].text;
            return CUDA_SUCCESS;
        }
    *out = NULL;
    return CUDA_ERROR_INVALID_VALUE;
}

CUresult cuGetErrorString(CUresult error, const char **text)
{
    return error_text(error, text, false);
}

CUresult cuGetErrorName(CUresult error, const char **name)
{
    return error_text(error, name, true);
}

/* cuda_proc.c - how programs find the entries, and what its errors are called.
 *
 * A row says: under this name, from this CUDA version on, this symbol. Of the rows that the caller's version reaches, the newest
 * wins; a caller that wants the per-thread default stream gets the twin where there is one. */
#include "sim/cuda_int.h"
#include "sim/cuda_names.h"

#include <stdlib.h>
#include <string.h>

#define DECLARE(name) CUresult name(void);
CUDA_NONE(DECLARE)

struct entry { const char *name; int since; void *fn; bool per_thread; };
#define ROW(name, since, symbol) { #name, since, (void *)symbol, false },
#define TWIN(name, since, symbol) { #name, since, (void *)symbol, true },
static const struct entry entries[] = { CUDA_NAMES(ROW, TWIN) };     /* sorted by name: strcmp's order, a test says */

/* The first row of a name; NULL when there is none. */
static const struct entry *first_row(const char *name)
{
    size_t lo = 0, hi = sizeof entries / sizeof *entries;
    while (lo < hi) {
        size_t mid = (lo + hi) / 2;
        if (strcmp(entries[mid].name, name) < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < sizeof entries / sizeof *entries && strcmp(entries[lo].name, name) == 0 ? &entries[lo] : NULL;
}

CUresult cuGetProcAddress_v2(const char *symbol, void **pfn, int version, cuuint64_t flags, CUdriverProcAddressQueryResult *status)
{
    const struct entry *best = NULL, *end = entries + sizeof entries / sizeof *entries;
    int driver;
    bool want_twin = flags & CU_GET_PROC_ADDRESS_PER_THREAD_DEFAULT_STREAM;
    if (!symbol || !pfn || flags > CU_GET_PROC_ADDRESS_PER_THREAD_DEFAULT_STREAM || cuDriverGetVersion(&driver) != CUDA_SUCCESS || version > driver)
        return CUDA_ERROR_INVALID_VALUE;
    const struct entry *first = first_row(symbol);
    for (const struct entry *e = first; e && e < end && strcmp(e->name, symbol) == 0; e++) {
        if (e->since > version || (e->per_thread && !want_twin))
            continue;
        if (!best || e->per_thread > best->per_thread || (e->per_thread == best->per_thread && e->since > best->since))
            best = e;
    }
    *pfn = best ? best->fn : NULL;           /* not there is no error: the caller looks at the pointer */
    if (status)
        *status = best ? CU_GET_PROC_ADDRESS_SUCCESS : first ? CU_GET_PROC_ADDRESS_VERSION_NOT_SUFFICIENT : CU_GET_PROC_ADDRESS_SYMBOL_NOT_FOUND;
    return CUDA_SUCCESS;
}

CUresult cuGetProcAddress(const char *symbol, void **pfn, int version, cuuint64_t flags)
{
    return cuGetProcAddress_v2(symbol, pfn, version, flags, NULL);
}

/* The driver's private tables: none of them is here, and none is pretended. NVIDIA's own runtime (libcudart) makes its contexts through one of
 * them and checks by another that the driver is NVIDIA's: it stops with "named symbol not found", and that is the truth. */
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
    ERR(ERROR_FILE_NOT_FOUND, "file not found"),
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
    ERR(ERROR_STREAM_CAPTURE_UNSUPPORTED, "operation not permitted when stream is capturing"),
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

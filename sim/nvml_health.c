/* nvml_health.c - errors and repairs. ECC errors come from `berth sim ctl`; pages and rows are never retired. */
#include "sim/nvml_int.h"

#include <time.h>

static nvmlReturn_t ecc_count(const struct bt_sim_gpu *g, nvmlMemoryErrorType_t type, nvmlEccCounterType_t counter, unsigned long long *n)
{
    if ((unsigned)type > NVML_MEMORY_ERROR_TYPE_UNCORRECTED || (unsigned)counter > NVML_AGGREGATE_ECC)
        return NVML_ERROR_INVALID_ARGUMENT;
    if (!g->ecc)
        return NVML_ERROR_NOT_SUPPORTED;
    *n = type == NVML_MEMORY_ERROR_TYPE_CORRECTED ? g->ecc_corrected : g->ecc_uncorrected;
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetDefaultEccMode(nvmlDevice_t device, nvmlEnableState_t *mode)
{
    NV_CARD(mode);
    if (!g->ecc)
        return NVML_ERROR_NOT_SUPPORTED;
    *mode = NVML_FEATURE_ENABLED;
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetTotalEccErrors(nvmlDevice_t device, nvmlMemoryErrorType_t type, nvmlEccCounterType_t counter, unsigned long long *n)
{
    NV_CARD(n);
    return ecc_count(g, type, counter, n);
}

/* All of them in the card's memory. */
nvmlReturn_t nvmlDeviceGetDetailedEccErrors(nvmlDevice_t device, nvmlMemoryErrorType_t type, nvmlEccCounterType_t counter, nvmlEccErrorCounts_t *n)
{
    NV_CARD(n);
    unsigned long long count;
    nvmlReturn_t rc = ecc_count(g, type, counter, &count);
    if (rc == NVML_SUCCESS)
        *n = (nvmlEccErrorCounts_t){ .deviceMemory = count };
    return rc;
}

nvmlReturn_t nvmlDeviceGetMemoryErrorCounter(nvmlDevice_t device, nvmlMemoryErrorType_t type, nvmlEccCounterType_t counter, nvmlMemoryLocation_t where,
                                             unsigned long long *n)
{
    NV_CARD(n);
    if ((unsigned)where >= NVML_MEMORY_LOCATION_COUNT)
        return NVML_ERROR_INVALID_ARGUMENT;
    nvmlReturn_t rc = ecc_count(g, type, counter, n);
    if (rc == NVML_SUCCESS && where != NVML_MEMORY_LOCATION_DRAM)
        *n = 0;
    return rc;
}

/* Cards before Ampere retire pages, later ones remap rows. Nothing of either ever happens here. */
nvmlReturn_t nvmlDeviceGetRetiredPages_v2(nvmlDevice_t device, unsigned cause, unsigned *count, unsigned long long *addresses,
                                          unsigned long long *stamps)
{
    (void)addresses, (void)stamps;
    NV_CARD(count);
    if (cause > 1)
        return NVML_ERROR_INVALID_ARGUMENT;
    if (!g->ecc || g->cc_major >= 8)
        return NVML_ERROR_NOT_SUPPORTED;
    *count = 0;
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetRetiredPages(nvmlDevice_t device, unsigned cause, unsigned *count, unsigned long long *addresses)
{
    return nvmlDeviceGetRetiredPages_v2(device, cause, count, addresses, NULL);
}

nvmlReturn_t nvmlDeviceGetRetiredPagesPendingStatus(nvmlDevice_t device, nvmlEnableState_t *pending)
{
    NV_CARD(pending);
    if (!g->ecc || g->cc_major >= 8)
        return NVML_ERROR_NOT_SUPPORTED;
    *pending = NVML_FEATURE_DISABLED;
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetRemappedRows(nvmlDevice_t device, unsigned *corrected, unsigned *uncorrected, unsigned *pending, unsigned *failed)
{
    NV_CARD(corrected && uncorrected && pending && failed);
    if (!g->ecc || g->cc_major < 8)
        return NVML_ERROR_NOT_SUPPORTED;
    *corrected = *uncorrected = *pending = *failed = 0;
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetRowRemapperHistogram(nvmlDevice_t device, nvmlRowRemapperHistogramValues_t *values)
{
    NV_CARD(values);
    if (!g->ecc || g->cc_major < 8)
        return NVML_ERROR_NOT_SUPPORTED;
    *values = (nvmlRowRemapperHistogramValues_t){ .max = (unsigned)(g->nvml_total_bytes >> 27) };     /* a bank holds 128 MiB: all of them whole */
    return NVML_SUCCESS;
}

/* Nothing ever held a card back. */
nvmlReturn_t nvmlDeviceGetViolationStatus(nvmlDevice_t device, unsigned policy, nvmlViolationTime_t *time)
{
    struct timespec now;
    NV_CARD(time);
    if (policy > 11)
        return NVML_ERROR_INVALID_ARGUMENT;
    clock_gettime(CLOCK_REALTIME, &now);
    *time = (nvmlViolationTime_t){ .referenceTime = (unsigned long long)now.tv_sec * 1000000 + (unsigned long long)now.tv_nsec / 1000 };
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetNvLinkErrorCounter(nvmlDevice_t device, unsigned link, unsigned counter, unsigned long long *n)
{
    NV_CARD(n);
    if (link >= NVML_NVLINK_MAX_LINKS || counter > 4)
        return NVML_ERROR_INVALID_ARGUMENT;
    if (link >= g->nvlink_links)
        return NVML_ERROR_NOT_SUPPORTED;
    *n = 0;
    return NVML_SUCCESS;
}

/* Accounting can be switched on by root only, and here by nobody. */
nvmlReturn_t nvmlDeviceGetAccountingMode(nvmlDevice_t device, nvmlEnableState_t *mode)
{
    NV_CARD(mode);
    *mode = NVML_FEATURE_DISABLED;
    return NVML_SUCCESS;
}

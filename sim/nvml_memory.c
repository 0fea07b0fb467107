/* nvml_memory.c - bytes, and who holds them.
 *
 * What NVML shows beyond what cuMemGetInfo calls total is the driver's own: reserved in v2, part of used in v1. A process's bytes
 * are its contexts and its allocations; bytes that linger after a death are used by nobody in the list. */
#include "sim/nvml_int.h"

#include <time.h>

struct bytes { uint64_t total, reserved, used, free; };

static struct bytes bytes_of(const struct bt_sim_gpu *g, unsigned at)
{
    struct bytes b = { .total = g->nvml_total_bytes, .reserved = g->nvml_total_bytes - g->cuda_total_bytes, .used = bt_sim_used(nv_state(), at) };
    b.free = b.total - b.reserved - b.used;
    return b;
}

nvmlReturn_t nvmlDeviceGetMemoryInfo(nvmlDevice_t device, nvmlMemory_t *memory)
{
    NV_ANY(memory);
    if (g->integrated)
        return NVML_ERROR_NOT_SUPPORTED;
    struct bytes b = bytes_of(g, at);
    *memory = (nvmlMemory_t){ .total = b.total, .free = b.free, .used = b.used + b.reserved };
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetMemoryInfo_v2(nvmlDevice_t device, nvmlMemory_v2_t *memory)
{
    NV_ANY(memory);
    if (memory->version != nvmlMemory_v2)
        return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
    if (g->integrated)
        return NVML_ERROR_NOT_SUPPORTED;
    struct bytes b = bytes_of(g, at);
    memory->total = b.total;
    memory->reserved = b.reserved;
    memory->free = b.free;
    memory->used = b.used;
    return NVML_SUCCESS;
}

/* The window of the card's memory on the bus: all of it on data-centre cards, 256 MiB elsewhere. */
nvmlReturn_t nvmlDeviceGetBAR1MemoryInfo(nvmlDevice_t device, nvmlBAR1Memory_t *memory)
{
    NV_CARD(memory);
    unsigned long long total = 256ull << 20, used = 1ull << 20;
    while (g->datacenter && total < g->nvml_total_bytes)
        total *= 2;
    *memory = (nvmlBAR1Memory_t){ .bar1Total = total, .bar1Free = total - used, .bar1Used = used };
    return NVML_SUCCESS;
}

/* ---- process lists: one walk, three layouts ---- */

/* How many there are, in out at most BT_SIM_MAX_PROCS of them; then the protocol of count and room. */
static nvmlReturn_t room_for(unsigned *count, const void *infos, size_t n)
{
    unsigned room = *count;
    *count = (unsigned)n;
    if (n > room)
        return NVML_ERROR_INSUFFICIENT_SIZE;
    return n && !infos ? NVML_ERROR_INVALID_ARGUMENT : NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetComputeRunningProcesses(nvmlDevice_t device, unsigned *count, nvmlProcessInfo_v1_t *infos)
{
    struct bt_sim_holder who[BT_SIM_MAX_PROCS];
    NV_ANY(count);
    size_t n = bt_sim_holders(nv_state(), at, who, BT_SIM_MAX_PROCS);
    nvmlReturn_t rc = room_for(count, infos, n);
    for (size_t i = 0; rc == NVML_SUCCESS && i < n; i++)
        infos[i] = (nvmlProcessInfo_v1_t){ .pid = (unsigned)who[i].pid, .usedGpuMemory = who[i].bytes };
    return rc;
}

nvmlReturn_t nvmlDeviceGetComputeRunningProcesses_v3(nvmlDevice_t device, unsigned *count, nvmlProcessInfo_v3_t *infos)
{
    struct bt_sim_holder who[BT_SIM_MAX_PROCS];
    NV_ANY(count);
    size_t n = bt_sim_holders(nv_state(), at, who, BT_SIM_MAX_PROCS);
    nvmlReturn_t rc = room_for(count, infos, n);
    for (size_t i = 0; rc == NVML_SUCCESS && i < n; i++)
        infos[i] = (nvmlProcessInfo_v3_t){ .pid = (unsigned)who[i].pid, .usedGpuMemory = who[i].bytes, .gpuInstanceId = who[i].gi,
                                           .computeInstanceId = who[i].ci };
    return rc;
}

nvmlReturn_t nvmlDeviceGetComputeRunningProcesses_v2(nvmlDevice_t device, unsigned *count, nvmlProcessInfo_v2_t *infos)
{
    return nvmlDeviceGetComputeRunningProcesses_v3(device, count, infos);
}

/* Hopper and later. mode: 0 compute; graphics and MPS have nobody. */
nvmlReturn_t nvmlDeviceGetRunningProcessDetailList(nvmlDevice_t device, nvmlProcessDetailList_v1_t *list)
{
    struct bt_sim_holder who[BT_SIM_MAX_PROCS];
    NV_ANY(list);
    if (g->cc_major < 9)
        return NVML_ERROR_NOT_SUPPORTED;
    if (list->version != nvmlProcessDetailList_v1)
        return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
    if (list->mode > 2)
        return NVML_ERROR_INVALID_ARGUMENT;
    size_t n = list->mode ? 0 : bt_sim_holders(nv_state(), at, who, BT_SIM_MAX_PROCS);
    nvmlReturn_t rc = room_for(&list->numProcArrayEntries, list->procArray, n);
    for (size_t i = 0; rc == NVML_SUCCESS && i < n; i++)
        list->procArray[i] = (nvmlProcessDetail_v1_t){ .pid = (unsigned)who[i].pid, .usedGpuMemory = who[i].bytes, .gpuInstanceId = who[i].gi,
                                                       .computeInstanceId = who[i].ci, .usedGpuCcProtectedMemory = 0 };
    return rc;
}

/* Nobody draws on this machine, and no MPS server runs. */
static nvmlReturn_t nobody(nvmlDevice_t device, unsigned *count)
{
    NV_ANY(count);
    *count = 0;
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetGraphicsRunningProcesses(nvmlDevice_t device, unsigned *count, nvmlProcessInfo_v1_t *infos)
{
    (void)infos;
    return nobody(device, count);
}

nvmlReturn_t nvmlDeviceGetGraphicsRunningProcesses_v2(nvmlDevice_t device, unsigned *count, nvmlProcessInfo_v2_t *infos)
{
    (void)infos;
    return nobody(device, count);
}

nvmlReturn_t nvmlDeviceGetGraphicsRunningProcesses_v3(nvmlDevice_t device, unsigned *count, nvmlProcessInfo_v3_t *infos)
{
    (void)infos;
    return nobody(device, count);
}

nvmlReturn_t nvmlDeviceGetMPSComputeRunningProcesses(nvmlDevice_t device, unsigned *count, nvmlProcessInfo_v1_t *infos)
{
    (void)infos;
    return nobody(device, count);
}

nvmlReturn_t nvmlDeviceGetMPSComputeRunningProcesses_v2(nvmlDevice_t device, unsigned *count, nvmlProcessInfo_v2_t *infos)
{
    (void)infos;
    return nobody(device, count);
}

nvmlReturn_t nvmlDeviceGetMPSComputeRunningProcesses_v3(nvmlDevice_t device, unsigned *count, nvmlProcessInfo_v3_t *infos)
{
    (void)infos;
    return nobody(device, count);
}

/* One sample a process that worked within the last second; nobody did: NOT_FOUND, as a card says of a quiet second. */
nvmlReturn_t nvmlDeviceGetProcessUtilization(nvmlDevice_t device, nvmlProcessUtilizationSample_t *samples, unsigned *count,
                                             unsigned long long last_seen_us)
{
    struct bt_sim_holder who[BT_SIM_MAX_PROCS];
    struct timespec now;
    unsigned busy = 0;
    NV_CARD(count);
    (void)last_seen_us;                      /* there is one window, the second before now */
    size_t n = bt_sim_holders(nv_state(), at, who, BT_SIM_MAX_PROCS);
    for (size_t i = 0; i < n; i++)
        if (who[i].busy_percent)
            who[busy++] = who[i];
    nvmlReturn_t rc = room_for(count, samples, busy);
    if (rc != NVML_SUCCESS || !busy)
        return busy ? rc : NVML_ERROR_NOT_FOUND;
    clock_gettime(CLOCK_REALTIME, &now);
    for (size_t i = 0; i < busy; i++)
        samples[i] = (nvmlProcessUtilizationSample_t){ .pid = (unsigned)who[i].pid, .smUtil = who[i].busy_percent, .memUtil = who[i].busy_percent / 2,
            .timeStamp = (unsigned long long)now.tv_sec * 1000000 + (unsigned long long)now.tv_nsec / 1000 };
    return NVML_SUCCESS;
}

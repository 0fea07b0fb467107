/* nvml_memory.c - bytes, and who holds them.
 *
 * What NVML shows beyond what cuMemGetInfo calls total is the driver's own: reserved in v2, part of used in v1. A process's bytes
 * are its contexts and its allocations; bytes that linger after a death are used by nobody in the list. */
#include "sim/nvml_int.h"

struct bytes { uint64_t total, reserved, used, free; };

static struct bytes bytes_of(const struct bt_sim_gpu *g, unsigned at)
{
    struct bytes b = { .total = g->nvml_total_bytes, .reserved = g->nvml_total_bytes - g->cuda_total_bytes, .used = bt_sim_used(nv_state(), at) };
    b.free = b.total - b.reserved - b.used;
    return b;
}

nvmlReturn_t nvmlDeviceGetMemoryInfo(nvmlDevice_t device, nvmlMemory_t *memory)
{
    NV_CARD(memory);
    struct bytes b = bytes_of(g, at);
    *memory = (nvmlMemory_t){ .total = b.total, .free = b.free, .used = b.used + b.reserved };
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetMemoryInfo_v2(nvmlDevice_t device, nvmlMemory_v2_t *memory)
{
    NV_CARD(memory);
    if (memory->version != nvmlMemory_v2)
        return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
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
    NV_CARD(count);
    size_t n = bt_sim_holders(nv_state(), at, who, BT_SIM_MAX_PROCS);
    nvmlReturn_t rc = room_for(count, infos, n);
    for (size_t i = 0; rc == NVML_SUCCESS && i < n; i++)
        infos[i] = (nvmlProcessInfo_v1_t){ .pid = (unsigned)who[i].pid, .usedGpuMemory = who[i].bytes };
    return rc;
}

nvmlReturn_t nvmlDeviceGetComputeRunningProcesses_v3(nvmlDevice_t device, unsigned *count, nvmlProcessInfo_v3_t *infos)
{
    struct bt_sim_holder who[BT_SIM_MAX_PROCS];
    NV_CARD(count);
    size_t n = bt_sim_holders(nv_state(), at, who, BT_SIM_MAX_PROCS);
    nvmlReturn_t rc = room_for(count, infos, n);
    for (size_t i = 0; rc == NVML_SUCCESS && i < n; i++)
        infos[i] = (nvmlProcessInfo_v3_t){ .pid = (unsigned)who[i].pid, .usedGpuMemory = who[i].bytes,
                                           .gpuInstanceId = NVML_ID_NOT_AVAILABLE, .computeInstanceId = NVML_ID_NOT_AVAILABLE };
    return rc;
}

nvmlReturn_t nvmlDeviceGetComputeRunningProcesses_v2(nvmlDevice_t device, unsigned *count, nvmlProcessInfo_v2_t *infos)
{
    return nvmlDeviceGetComputeRunningProcesses_v3(device, count, infos);
}

/* Nobody draws on this machine, and no MPS server runs. */
static nvmlReturn_t nobody(nvmlDevice_t device, unsigned *count)
{
    NV_CARD(count);
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

/* Work is counted by card, not by process: there is never a sample, which is what a card says of a quiet second too. */
nvmlReturn_t nvmlDeviceGetProcessUtilization(nvmlDevice_t device, nvmlProcessUtilizationSample_t *samples, unsigned *count,
                                             unsigned long long last_seen_us)
{
    (void)samples, (void)last_seen_us;
    NV_CARD(count);
    *count = 0;
    return NVML_ERROR_NOT_FOUND;
}

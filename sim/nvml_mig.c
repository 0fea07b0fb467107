/* nvml_mig.c - the instances of a card in MIG mode: each a device handle of its own, with its own memory and processes. */
#include "sim/nvml_int.h"

#define MOST_INSTANCES 7

unsigned nv_mig_index(const struct bt_sim_state *st, unsigned index)
{
    unsigned n = 0;
    for (unsigned i = st->ngpus; i < index; i++)
        n += st->gpus[i].parent == st->gpus[index].parent;
    return n;
}

nvmlReturn_t nvmlDeviceGetMaxMigDeviceCount(nvmlDevice_t device, unsigned *count)
{
    NV_CARD(count);
    *count = g->mig_capable ? MOST_INSTANCES : 0;
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetMigDeviceHandleByIndex(nvmlDevice_t device, unsigned index, nvmlDevice_t *mig)
{
    NV_CARD(mig);
    if (!g->mig_capable)
        return NVML_ERROR_NOT_SUPPORTED;
    if (index >= MOST_INSTANCES)
        return NVML_ERROR_INVALID_ARGUMENT;
    int i = bt_sim_mig_at(nv_state(), at, index);
    if (i < 0)
        return NVML_ERROR_NOT_FOUND;
    *mig = nv_handle(nv_state(), (unsigned)i);
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceIsMigDeviceHandle(nvmlDevice_t device, unsigned *is_mig)
{
    NV_ANY(is_mig);
    *is_mig = g->parent >= 0;
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetDeviceHandleFromMigDeviceHandle(nvmlDevice_t mig, nvmlDevice_t *out)
{
    nvmlDevice_t device = mig;
    NV_ANY(out);
    if (g->parent < 0)
        return NVML_ERROR_INVALID_ARGUMENT;
    *out = nv_handle(nv_state(), (unsigned)g->parent);
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetGpuInstanceId(nvmlDevice_t device, unsigned *id)
{
    NV_ANY(id);
    if (g->parent < 0)
        return NVML_ERROR_NOT_SUPPORTED;
    *id = g->gi;
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetComputeInstanceId(nvmlDevice_t device, unsigned *id)
{
    NV_ANY(id);
    if (g->parent < 0)
        return NVML_ERROR_NOT_SUPPORTED;
    *id = g->ci;
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetAttributes_v2(nvmlDevice_t device, nvmlDeviceAttributes_t *attributes)
{
    NV_ANY(attributes);
    if (g->parent < 0)
        return NVML_ERROR_NOT_SUPPORTED;
    *attributes = (nvmlDeviceAttributes_t){ .multiprocessorCount = (unsigned)g->sm_count, .sharedCopyEngineCount = g->slices,
                                            .gpuInstanceSliceCount = g->slices, .computeInstanceSliceCount = g->slices,
                                            .memorySizeMB = g->nvml_total_bytes >> 20 };
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetAttributes(nvmlDevice_t device, nvmlDeviceAttributes_t *attributes)
{
    return nvmlDeviceGetAttributes_v2(device, attributes);
}

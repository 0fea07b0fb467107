/* nvml_device.c - which cards there are and what each is. CUDA_VISIBLE_DEVICES means nothing here. */
#include "sim/nvml_int.h"

#include <stdio.h>
#include <string.h>

nvmlReturn_t nvmlDeviceGetCount_v2(unsigned *count)
{
    struct bt_sim_state *st = nv_state();
    if (!st)
        return NVML_ERROR_UNINITIALIZED;
    if (!count)
        return NVML_ERROR_INVALID_ARGUMENT;
    *count = st->ngpus;
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetCount(unsigned *count)
{
    return nvmlDeviceGetCount_v2(count);
}

nvmlReturn_t nvmlDeviceGetHandleByIndex_v2(unsigned index, nvmlDevice_t *device)
{
    struct bt_sim_state *st = nv_state();
    if (!st)
        return NVML_ERROR_UNINITIALIZED;
    if (!device || index >= st->ngpus)
        return NVML_ERROR_INVALID_ARGUMENT;
    nvmlReturn_t rc = nv_fault(&st->gpus[index]);
    if (rc == NVML_SUCCESS)
        *device = nv_handle(st, index);
    return rc;
}

nvmlReturn_t nvmlDeviceGetHandleByIndex(unsigned index, nvmlDevice_t *device)
{
    return nvmlDeviceGetHandleByIndex_v2(index, device);
}

nvmlReturn_t nvmlDeviceGetHandleByUUID(const char *uuid, nvmlDevice_t *device)
{
    struct bt_sim_state *st = nv_state();
    if (!st)
        return NVML_ERROR_UNINITIALIZED;
    if (!uuid || !device)
        return NVML_ERROR_INVALID_ARGUMENT;
    for (unsigned i = 0; i < st->ngpus + st->nmig; i++)
        if (strcmp(st->gpus[i].uuid, uuid) == 0) {
            *device = nv_handle(st, i);
            return nv_fault(&st->gpus[st->gpus[i].parent >= 0 ? (unsigned)st->gpus[i].parent : i]);
        }
    return NVML_ERROR_NOT_FOUND;
}

/* "00000000:07:00.0"; the domain, and the function, may be left out. */
nvmlReturn_t nvmlDeviceGetHandleByPciBusId_v2(const char *bus_id, nvmlDevice_t *device)
{
    struct bt_sim_state *st = nv_state();
    unsigned domain = 0, bus, dev;
    if (!st)
        return NVML_ERROR_UNINITIALIZED;
    if (!bus_id || !device)
        return NVML_ERROR_INVALID_ARGUMENT;
    if (sscanf(bus_id, "%x:%x:%x", &domain, &bus, &dev) != 3) {
        domain = 0;
        if (sscanf(bus_id, "%x:%x", &bus, &dev) != 2)
            return NVML_ERROR_INVALID_ARGUMENT;
    }
    for (unsigned i = 0; i < st->ngpus; i++)
        if (st->gpus[i].pci_domain == domain && st->gpus[i].pci_bus == bus && st->gpus[i].pci_device == dev) {
            *device = nv_handle(st, i);
            return nv_fault(&st->gpus[i]);
        }
    return NVML_ERROR_NOT_FOUND;
}

nvmlReturn_t nvmlDeviceGetHandleByPciBusId(const char *bus_id, nvmlDevice_t *device)
{
    return nvmlDeviceGetHandleByPciBusId_v2(bus_id, device);
}

nvmlReturn_t nvmlDeviceGetName(nvmlDevice_t device, char *name, unsigned length)
{
    NV_ANY(name);
    return nv_text(name, length, g->name);
}

nvmlReturn_t nvmlDeviceGetUUID(nvmlDevice_t device, char *uuid, unsigned length)
{
    NV_ANY(uuid);
    return nv_text(uuid, length, g->uuid);
}

nvmlReturn_t nvmlDeviceGetIndex(nvmlDevice_t device, unsigned *index)
{
    NV_ANY(index);
    *index = g->parent >= 0 ? nv_mig_index(nv_state(), at) : at;
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetMinorNumber(nvmlDevice_t device, unsigned *minor)
{
    NV_CARD(minor);
    *minor = at;
    return NVML_SUCCESS;
}

void nv_pci(const struct bt_sim_gpu *g, nvmlPciInfo_t *out)
{
    *out = (nvmlPciInfo_t){ .domain = g->pci_domain, .bus = g->pci_bus, .device = g->pci_device, .pciDeviceId = g->pci_id,
                            .pciSubSystemId = g->pci_subsystem_id };
    snprintf(out->busIdLegacy, sizeof out->busIdLegacy, "%04X:%02X:%02X.0", out->domain & 0xffff, out->bus & 0xff, out->device & 0xff);
    snprintf(out->busId, sizeof out->busId, "%08X:%02X:%02X.0", out->domain, out->bus & 0xff, out->device & 0xff);
}

void nv_pci_v2(const nvmlPciInfo_t *p, nvmlPciInfo_v2_t *out)
{
    *out = (nvmlPciInfo_v2_t){ .domain = p->domain, .bus = p->bus, .device = p->device, .pciDeviceId = p->pciDeviceId,
                               .pciSubSystemId = p->pciSubSystemId };
    memcpy(out->busId, p->busIdLegacy, sizeof out->busId);
}

nvmlReturn_t nvmlDeviceGetPciInfo_v3(nvmlDevice_t device, nvmlPciInfo_t *pci)
{
    NV_ANY(pci);
    nv_pci(g, pci);
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetPciInfo_v2(nvmlDevice_t device, nvmlPciInfo_v2_t *pci)
{
    nvmlPciInfo_t v3;
    NV_CARD(pci);
    nv_pci(g, &v3);
    nv_pci_v2(&v3, pci);
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetPciInfo(nvmlDevice_t device, nvmlPciInfo_v2_t *pci)
{
    return nvmlDeviceGetPciInfo_v2(device, pci);
}

nvmlReturn_t nvmlDeviceGetBrand(nvmlDevice_t device, nvmlBrandType_t *brand)
{
    static const struct { const char *part; nvmlBrandType_t brand; } rows[] = {      /* longer before shorter */
        { "GeForce RTX", NVML_BRAND_GEFORCE_RTX }, { "GeForce", NVML_BRAND_GEFORCE }, { "TITAN RTX", NVML_BRAND_TITAN_RTX },
        { "TITAN", NVML_BRAND_TITAN }, { "Quadro RTX", NVML_BRAND_QUADRO_RTX }, { "Quadro", NVML_BRAND_QUADRO },
        { "Tesla", NVML_BRAND_TESLA }, { "RTX", NVML_BRAND_NVIDIA_RTX },
    };
    NV_CARD(brand);
    *brand = NVML_BRAND_NVIDIA;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (strstr(g->name, rows[i].part)) {
            *brand = rows[i].brand;
            break;
        }
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetCudaComputeCapability(nvmlDevice_t device, int *major, int *minor)
{
    NV_CARD(major && minor);
    *major = g->cc_major;
    *minor = g->cc_minor;
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetNumGpuCores(nvmlDevice_t device, unsigned *cores)
{
    NV_CARD(cores);
    *cores = (unsigned)(g->sm_count * g->cores_per_sm);
    return NVML_SUCCESS;
}

/* ---- modes ---- */

nvmlReturn_t nvmlDeviceGetPersistenceMode(nvmlDevice_t device, nvmlEnableState_t *mode)
{
    NV_CARD(mode);
    *mode = g->datacenter ? NVML_FEATURE_ENABLED : NVML_FEATURE_DISABLED;
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetDisplayActive(nvmlDevice_t device, nvmlEnableState_t *active)
{
    NV_CARD(active);
    *active = NVML_FEATURE_DISABLED;
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetDisplayMode(nvmlDevice_t device, nvmlEnableState_t *mode)
{
    return nvmlDeviceGetDisplayActive(device, mode);
}

nvmlReturn_t nvmlDeviceGetComputeMode(nvmlDevice_t device, nvmlComputeMode_t *mode)
{
    NV_CARD(mode);
    *mode = NVML_COMPUTEMODE_DEFAULT;
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetMigMode(nvmlDevice_t device, unsigned *current, unsigned *pending)
{
    NV_CARD(current && pending);
    if (!g->mig_capable)
        return NVML_ERROR_NOT_SUPPORTED;
    *current = *pending = g->mig;
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetEccMode(nvmlDevice_t device, nvmlEnableState_t *current, nvmlEnableState_t *pending)
{
    NV_CARD(current && pending);
    if (!g->ecc)
        return NVML_ERROR_NOT_SUPPORTED;
    *current = *pending = NVML_FEATURE_ENABLED;
    return NVML_SUCCESS;
}

/* ---- PCIe ---- */

static unsigned pcie_gen(const struct bt_sim_gpu *g)
{
    return g->cc_major >= 9 ? 5 : g->cc_major == 8 ? 4 : 3;
}

nvmlReturn_t nvmlDeviceGetMaxPcieLinkGeneration(nvmlDevice_t device, unsigned *gen)
{
    NV_CARD(gen);
    *gen = pcie_gen(g);
    return NVML_SUCCESS;
}

/* A desktop card lets its link sleep. */
nvmlReturn_t nvmlDeviceGetCurrPcieLinkGeneration(nvmlDevice_t device, unsigned *gen)
{
    NV_CARD(gen);
    *gen = g->datacenter || bt_sim_used(nv_state(), at) ? pcie_gen(g) : 1;
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetMaxPcieLinkWidth(nvmlDevice_t device, unsigned *width)
{
    NV_CARD(width);
    *width = 16;
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetCurrPcieLinkWidth(nvmlDevice_t device, unsigned *width)
{
    return nvmlDeviceGetMaxPcieLinkWidth(device, width);
}

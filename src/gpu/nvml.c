/* nvml.c - finding the driver's library and its functions. */
#include "gpu/nvml.h"

#include <dlfcn.h>
#include <stddef.h>
#include <stdio.h>

#define WAY_OUT "name a fleet: --gpus 4xA100-SXM4-40GB, or try `berth sim 4xA100-SXM4-40GB -- ...`"
#define AT(field) offsetof(struct bt_nvml, field)

/* Newest first: the first name that the library has is taken. */
static const struct symbol { size_t off; bool needed; const char *names[2]; } symbols[] = {
    { AT(init), true, { "nvmlInit_v2", "nvmlInit" } },
    { AT(shutdown), true, { "nvmlShutdown" } },
    { AT(count), true, { "nvmlDeviceGetCount_v2", "nvmlDeviceGetCount" } },
    { AT(handle), true, { "nvmlDeviceGetHandleByIndex_v2", "nvmlDeviceGetHandleByIndex" } },
    { AT(uuid), true, { "nvmlDeviceGetUUID" } },
    { AT(error_string), false, { "nvmlErrorString" } },
    { AT(driver_version), false, { "nvmlSystemGetDriverVersion" } },
    { AT(name), false, { "nvmlDeviceGetName" } },
    { AT(pci), false, { "nvmlDeviceGetPciInfo_v3" } },               /* older ones fill a shorter struct */
    { AT(memory_v2), false, { "nvmlDeviceGetMemoryInfo_v2" } },
    { AT(memory), false, { "nvmlDeviceGetMemoryInfo" } },
    { AT(utilization), false, { "nvmlDeviceGetUtilizationRates" } },
    { AT(temperature), false, { "nvmlDeviceGetTemperature" } },
    { AT(power_mw), false, { "nvmlDeviceGetPowerUsage" } },
    { AT(capability), false, { "nvmlDeviceGetCudaComputeCapability" } },
    { AT(procs[BT_NVML_COMPUTE]), false, { "nvmlDeviceGetComputeRunningProcesses_v3", "nvmlDeviceGetComputeRunningProcesses_v2" } },
    { AT(procs[BT_NVML_GRAPHICS]), false, { "nvmlDeviceGetGraphicsRunningProcesses_v3", "nvmlDeviceGetGraphicsRunningProcesses_v2" } },
    { AT(procs[BT_NVML_MPS]), false, { "nvmlDeviceGetMPSComputeRunningProcesses_v3", "nvmlDeviceGetMPSComputeRunningProcesses_v2" } },
    { AT(procs_v1[BT_NVML_COMPUTE]), false, { "nvmlDeviceGetComputeRunningProcesses" } },
    { AT(procs_v1[BT_NVML_GRAPHICS]), false, { "nvmlDeviceGetGraphicsRunningProcesses" } },
    { AT(procs_v1[BT_NVML_MPS]), false, { "nvmlDeviceGetMPSComputeRunningProcesses" } },
    { AT(mig), false, { "nvmlDeviceGetMigMode" } },
    { AT(mig_most), false, { "nvmlDeviceGetMaxMigDeviceCount" } },
    { AT(mig_at), false, { "nvmlDeviceGetMigDeviceHandleByIndex" } },
    { AT(p2p), false, { "nvmlDeviceGetP2PStatus" } },
    { AT(link_state), false, { "nvmlDeviceGetNvLinkState" } },
    { AT(link_peer), false, { "nvmlDeviceGetNvLinkRemotePciInfo_v2" } },
};

int bt_nvml_load(struct bt_nvml *out, struct bt_err *err)
{
    struct bt_nvml nv = { .lib = dlopen("libnvidia-ml.so.1", RTLD_NOW | RTLD_LOCAL) };
    if (!nv.lib) {
        bt_err_set(err, BT_E_DEVICE, 0, "no NVIDIA driver on this machine: %s", dlerror());
        return bt_err_hint(err, WAY_OUT);
    }
    for (size_t i = 0; i < BT_LEN(symbols); i++) {
        const struct symbol *s = &symbols[i];
        void *f = dlsym(nv.lib, s->names[0]);
        if (!f && s->names[1])
            f = dlsym(nv.lib, s->names[1]);
        if (!f && s->needed) {
            bt_err_set(err, BT_E_DEVICE, 0, "libnvidia-ml.so.1 has no %s: not an NVIDIA driver, or far too old", s->names[0]);
            bt_err_hint(err, WAY_OUT);
            dlclose(nv.lib);
            return -1;
        }
        memcpy((char *)&nv + s->off, &f, sizeof f);      /* a data pointer kept as a function pointer, as POSIX promises for dlsym */
    }
    *out = nv;
    return 0;
}

void bt_nvml_unload(struct bt_nvml *nv)
{
    if (nv->lib)
        dlclose(nv->lib);
    *nv = (struct bt_nvml){ 0 };
}

/* What the common failures of nvmlInit mean to the person who reads them. */
static const struct { nvmlReturn_t code; const char *why, *hint; } init_failures[] = {
    { NVML_ERROR_DRIVER_NOT_LOADED, "the NVIDIA kernel driver is not loaded", "load it (`modprobe nvidia`); in a container, give it the GPUs (`--gpus all`)" },
    { NVML_ERROR_LIB_RM_VERSION_MISMATCH, "the driver's library and its kernel module have different versions",
      "the driver was updated under a running system: reboot, or reload the nvidia modules" },
    { NVML_ERROR_NO_PERMISSION, "this user may not talk to the NVIDIA driver", "check your groups and `ls -l /dev/nvidia*`" },
    { NVML_ERROR_LIBRARY_NOT_FOUND, "a part of the NVIDIA driver is missing", "reinstall the driver, or in a container its `utility` capability" },
};

int bt_nvml_open(const struct bt_nvml *nv, struct bt_err *err)
{
    nvmlReturn_t rc = nv->init();
    if (rc == NVML_SUCCESS)
        return 0;
    for (size_t i = 0; i < BT_LEN(init_failures); i++)
        if (init_failures[i].code == rc) {
            bt_err_set(err, BT_E_DEVICE, 0, "nvmlInit: %s", init_failures[i].why);
            return bt_err_hint(err, "%s; or %s", init_failures[i].hint, WAY_OUT);
        }
    bt_err_set(err, BT_E_DEVICE, 0, "nvmlInit: %s (code %d)", nv->error_string ? nv->error_string(rc) : "failed", (int)rc);
    return bt_err_hint(err, WAY_OUT);
}

void bt_nvml_close(const struct bt_nvml *nv)
{
    nv->shutdown();
}

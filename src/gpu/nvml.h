/* nvml.h - the door to libnvidia-ml.so.1: loaded at run time, newest symbols first, a missing one is a missing figure.
 *
 * The struct holds plain function pointers with NVML's own signatures, so that a test's fake driver is a page of C.
 * Calls block for milliseconds and take a lock of the kernel driver: never on an event loop. One thread. */
#ifndef BT_GPU_NVML_H
#define BT_GPU_NVML_H
#include "abi/nvml.h"
#include "gpu/gpu.h"

/* Three lists of processes with one signature: those that compute, those that draw, those under MPS. */
enum { BT_NVML_COMPUTE, BT_NVML_GRAPHICS, BT_NVML_MPS, BT_NVML_LISTS };

struct bt_nvml {
    void *lib;                       /* dlopen handle; NULL for a fake */
    nvmlReturn_t (*init)(void);                                      /* these five are always there */
    nvmlReturn_t (*shutdown)(void);
    nvmlReturn_t (*count)(unsigned *);
    nvmlReturn_t (*handle)(unsigned, nvmlDevice_t *);
    nvmlReturn_t (*uuid)(nvmlDevice_t, char *, unsigned);
    const char *(*error_string)(nvmlReturn_t);                       /* from here on: NULL when the driver lacks it */
    nvmlReturn_t (*driver_version)(char *, unsigned);
    nvmlReturn_t (*name)(nvmlDevice_t, char *, unsigned);
    nvmlReturn_t (*pci)(nvmlDevice_t, nvmlPciInfo_t *);
    nvmlReturn_t (*memory_v2)(nvmlDevice_t, nvmlMemory_v2_t *);      /* used without what the driver keeps for itself */
    nvmlReturn_t (*memory)(nvmlDevice_t, nvmlMemory_t *);            /* used with it */
    nvmlReturn_t (*utilization)(nvmlDevice_t, nvmlUtilization_t *);
    nvmlReturn_t (*temperature)(nvmlDevice_t, nvmlTemperatureSensors_t, unsigned *);
    nvmlReturn_t (*power_mw)(nvmlDevice_t, unsigned *);
    nvmlReturn_t (*capability)(nvmlDevice_t, int *, int *);
    nvmlReturn_t (*procs[BT_NVML_LISTS])(nvmlDevice_t, unsigned *, nvmlProcessInfo_v3_t *);         /* _v3 or _v2: 24-byte rows */
    nvmlReturn_t (*procs_v1[BT_NVML_LISTS])(nvmlDevice_t, unsigned *, nvmlProcessInfo_v1_t *);   /* unsuffixed: 16-byte rows */
    nvmlReturn_t (*mig)(nvmlDevice_t, unsigned *, unsigned *);       /* mode now, mode after a reset */
    nvmlReturn_t (*mig_most)(nvmlDevice_t, unsigned *);              /* instances that there may be, with gaps */
    nvmlReturn_t (*mig_at)(nvmlDevice_t, unsigned, nvmlDevice_t *);
    nvmlReturn_t (*p2p)(nvmlDevice_t, nvmlDevice_t, nvmlGpuP2PCapsIndex_t, nvmlGpuP2PStatus_t *);
    nvmlReturn_t (*link_state)(nvmlDevice_t, unsigned, nvmlEnableState_t *);
    nvmlReturn_t (*link_peer)(nvmlDevice_t, unsigned, nvmlPciInfo_t *);
};

/* dlopen and dlsym; does not init. BT_E_DEVICE when there is no library or it is too old. bt_nvml_unload() afterwards. */
BT_MUST_CHECK int bt_nvml_load(struct bt_nvml *out, struct bt_err *err);
void bt_nvml_unload(struct bt_nvml *nv);
/* nvmlInit, its failures told apart: no driver, two versions, no permission. bt_nvml_close() after success. */
BT_MUST_CHECK int bt_nvml_open(const struct bt_nvml *nv, struct bt_err *err);
void bt_nvml_close(const struct bt_nvml *nv);

/* Every card that we may open, in PCI order; in place of one in MIG mode nothing, and behind all cards its instances (index: on from the last card);
 * margins and others as o says; o->visible is not looked at. links: read the
 * topology too (a call per pair). A figure that cannot be read is marked invalid; a card that cannot be opened is a note. */
BT_MUST_CHECK int bt_nvml_read(struct bt_arena *a, const struct bt_nvml *nv, bool links, const struct bt_fleet_opts *o, struct bt_fleet *out,
                               struct bt_err *err);
/* CUDA_VISIBLE_DEVICES applied as CUDA does: indices or uuids (a unique prefix is enough), the list ends at the first that is
 * invalid. Adds a note when it narrows. BT_E_DEVICE when nothing is left. */
BT_MUST_CHECK int bt_fleet_narrow(struct bt_arena *a, struct bt_fleet *f, const char *visible, struct bt_err *err);
#endif

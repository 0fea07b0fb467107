/* cuda_device.c - devices: the visible cards in CUDA's order, and their attributes. */
#include "sim/cuda_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

CUresult cuDeviceGetCount(int *count)
{
    SIM_ENTER();
    if (!count)
        return CUDA_ERROR_INVALID_VALUE;
    *count = sim.ndev;
    return CUDA_SUCCESS;
}

CUresult cuDeviceGet(CUdevice *device, int ordinal)
{
    SIM_ENTER();
    if (!device)
        return CUDA_ERROR_INVALID_VALUE;
    if (!sim_dev_ok(ordinal))
        return CUDA_ERROR_INVALID_DEVICE;
    *device = ordinal;
    return CUDA_SUCCESS;
}

/* Cut to the room given, as the driver does. */
CUresult cuDeviceGetName(char *name, int len, CUdevice dev)
{
    SIM_ENTER();
    if (!name || len <= 0)
        return CUDA_ERROR_INVALID_VALUE;
    if (!sim_dev_ok(dev))
        return CUDA_ERROR_INVALID_DEVICE;
    snprintf(name, (size_t)len, "%s", sim_gpu(dev)->name);
    return CUDA_SUCCESS;
}

CUresult cuDeviceGetUuid_v2(CUuuid *uuid, CUdevice dev)
{
    SIM_ENTER();
    if (!uuid)
        return CUDA_ERROR_INVALID_VALUE;
    if (!sim_dev_ok(dev))
        return CUDA_ERROR_INVALID_DEVICE;
    memcpy(uuid->bytes, sim_gpu(dev)->uuid_bytes, sizeof uuid->bytes);
    return CUDA_SUCCESS;
}

CUresult cuDeviceGetUuid(CUuuid *uuid, CUdevice dev)
{
    return cuDeviceGetUuid_v2(uuid, dev);
}

CUresult cuDeviceTotalMem_v2(size_t *bytes, CUdevice dev)
{
    SIM_ENTER();
    if (!bytes)
        return CUDA_ERROR_INVALID_VALUE;
    if (!sim_dev_ok(dev))
        return CUDA_ERROR_INVALID_DEVICE;
    *bytes = sim_gpu(dev)->cuda_total_bytes;
    return CUDA_SUCCESS;
}

/* The first version has 32 bits to say it in. */
CUresult cuDeviceTotalMem(unsigned *bytes, CUdevice dev)
{
    size_t n;
    if (!bytes)
        return CUDA_ERROR_INVALID_VALUE;
    CUresult rc = cuDeviceTotalMem_v2(&n, dev);
    if (rc == CUDA_SUCCESS)
        *bytes = n > UINT32_MAX ? UINT32_MAX : (unsigned)n;
    return rc;
}

CUresult cuDeviceComputeCapability(int *major, int *minor, CUdevice dev)
{
    SIM_ENTER();
    if (!major || !minor)
        return CUDA_ERROR_INVALID_VALUE;
    if (!sim_dev_ok(dev))
        return CUDA_ERROR_INVALID_DEVICE;
    *major = sim_gpu(dev)->cc_major;
    *minor = sim_gpu(dev)->cc_minor;
    return CUDA_SUCCESS;
}

CUresult cuDeviceGetPCIBusId(char *bus_id, int len, CUdevice dev)
{
    SIM_ENTER();
    if (!bus_id || len < 13)                 /* "0000:01:00.0" */
        return CUDA_ERROR_INVALID_VALUE;
    if (!sim_dev_ok(dev))
        return CUDA_ERROR_INVALID_DEVICE;
    const struct bt_sim_gpu *g = sim_gpu(dev);
    snprintf(bus_id, (size_t)len, "%04X:%02X:%02X.0", g->pci_domain, g->pci_bus, g->pci_device);
    return CUDA_SUCCESS;
}

/* "domain:bus:device.function", also without the domain or the function. */
CUresult cuDeviceGetByPCIBusId(CUdevice *dev, const char *bus_id)
{
    SIM_ENTER();
    unsigned domain = 0, bus, device;
    int used = 0;
    if (!dev || !bus_id)
        return CUDA_ERROR_INVALID_VALUE;
    if (sscanf(bus_id, "%x:%x:%x%n", &domain, &bus, &device, &used) != 3) {
        domain = 0;
        if (sscanf(bus_id, "%x:%x%n", &bus, &device, &used) != 2)
            return CUDA_ERROR_INVALID_VALUE;
    }
    if (bus_id[used] && strcmp(bus_id + used, ".0") != 0)
        return CUDA_ERROR_INVALID_VALUE;
    for (int i = 0; i < sim.ndev; i++) {
        const struct bt_sim_gpu *g = sim_gpu(i);
        if (g->pci_domain == domain && g->pci_bus == bus && g->pci_device == device) {
            *dev = i;
            return CUDA_SUCCESS;
        }
    }
    return CUDA_ERROR_INVALID_DEVICE;
}

CUresult cuDeviceCanAccessPeer(int *can, CUdevice dev, CUdevice peer)
{
    SIM_ENTER();
    if (!can)
        return CUDA_ERROR_INVALID_VALUE;
    if (!sim_dev_ok(dev) || !sim_dev_ok(peer))
        return CUDA_ERROR_INVALID_DEVICE;
    *can = bt_sim_p2p(sim_gpu(dev), sim_gpu(peer));
    return CUDA_SUCCESS;
}

CUresult cuDeviceGetP2PAttribute(int *value, CUdevice_P2PAttribute attrib, CUdevice src, CUdevice dst)
{
    SIM_ENTER();
    if (!sim_dev_ok(src) || !sim_dev_ok(dst) || src == dst)
        return CUDA_ERROR_INVALID_DEVICE;
    const struct bt_sim_gpu *a = sim_gpu(src), *b = sim_gpu(dst);
    if (!value)
        return CUDA_ERROR_INVALID_VALUE;
    switch (attrib) {
    case CU_DEVICE_P2P_ATTRIBUTE_PERFORMANCE_RANK:
        *value = bt_sim_linked(a, b) ? 0 : 1;
        return CUDA_SUCCESS;
    case CU_DEVICE_P2P_ATTRIBUTE_ACCESS_SUPPORTED:
    case CU_DEVICE_P2P_ATTRIBUTE_CUDA_ARRAY_ACCESS_SUPPORTED:
        *value = bt_sim_p2p(a, b);
        return CUDA_SUCCESS;
    case CU_DEVICE_P2P_ATTRIBUTE_NATIVE_ATOMIC_SUPPORTED:
        *value = bt_sim_linked(a, b);
        return CUDA_SUCCESS;
    }
    return CUDA_ERROR_INVALID_VALUE;
}

/* ---- attributes ---- */

static int threads_per_sm(const struct bt_sim_gpu *g)
{
    int cc = g->cc_major * 10 + g->cc_minor;
    return cc == 75 ? 1024 : cc == 86 || cc == 87 || cc == 89 || cc >= 120 ? 1536 : 2048;
}

/* Shared memory of a multiprocessor in KiB; a block may opt in to all but one of them. */
static int shared_kib(const struct bt_sim_gpu *g)
{
    static const struct {
        int cc, kib;
    } rows[] = { { 60, 64 },  { 61, 96 },  { 70, 96 },  { 75, 64 },   { 80, 164 },  { 86, 100 },
                 { 87, 164 }, { 89, 100 }, { 90, 228 }, { 100, 228 }, { 103, 228 }, { 120, 100 } };
    int cc = g->cc_major * 10 + g->cc_minor, kib = 96;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (cc >= rows[i].cc)
            kib = rows[i].kib;
    return kib;
}

enum from { CONST, OF_CARD };
enum card_value { CLOCK_KHZ, SMS, BUS, DEVICE, DOMAIN, MEM_KHZ, WIDTH, L2, THREADS_SM, MAJOR, MINOR, SHARED_SM, OPTIN, ECC, INTEGRATED, BLOCKS_SM, FP64_RATIO,
                  HOPPER, BOARD };
static const struct { CUdevice_attribute id; enum from from; int value; } attributes[] = {
    { CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_BLOCK, CONST, 1024 },
    { CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_X, CONST, 1024 },
    { CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_Y, CONST, 1024 },
    { CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_Z, CONST, 64 },
    { CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_X, CONST, 0x7fffffff },
    { CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_Y, CONST, 65535 },
    { CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_Z, CONST, 65535 },
    { CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK, CONST, 49152 },
    { CU_DEVICE_ATTRIBUTE_TOTAL_CONSTANT_MEMORY, CONST, 65536 },
    { CU_DEVICE_ATTRIBUTE_WARP_SIZE, CONST, 32 },
    { CU_DEVICE_ATTRIBUTE_MAX_PITCH, CONST, 0x7fffffff },
    { CU_DEVICE_ATTRIBUTE_MAX_REGISTERS_PER_BLOCK, CONST, 65536 },
    { CU_DEVICE_ATTRIBUTE_CLOCK_RATE, OF_CARD, CLOCK_KHZ },
    { CU_DEVICE_ATTRIBUTE_TEXTURE_ALIGNMENT, CONST, 512 },
    { CU_DEVICE_ATTRIBUTE_GPU_OVERLAP, CONST, 1 },
    { CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT, OF_CARD, SMS },
    { CU_DEVICE_ATTRIBUTE_KERNEL_EXEC_TIMEOUT, CONST, 0 },
    { CU_DEVICE_ATTRIBUTE_INTEGRATED, OF_CARD, INTEGRATED },
    { CU_DEVICE_ATTRIBUTE_CAN_MAP_HOST_MEMORY, CONST, 1 },
    { CU_DEVICE_ATTRIBUTE_COMPUTE_MODE, CONST, 0 },
    { CU_DEVICE_ATTRIBUTE_SURFACE_ALIGNMENT, CONST, 512 },
    { CU_DEVICE_ATTRIBUTE_CONCURRENT_KERNELS, CONST, 1 },
    { CU_DEVICE_ATTRIBUTE_ECC_ENABLED, OF_CARD, ECC },
    { CU_DEVICE_ATTRIBUTE_PCI_BUS_ID, OF_CARD, BUS },
    { CU_DEVICE_ATTRIBUTE_PCI_DEVICE_ID, OF_CARD, DEVICE },
    { CU_DEVICE_ATTRIBUTE_TCC_DRIVER, CONST, 0 },
    { CU_DEVICE_ATTRIBUTE_MEMORY_CLOCK_RATE, OF_CARD, MEM_KHZ },
    { CU_DEVICE_ATTRIBUTE_GLOBAL_MEMORY_BUS_WIDTH, OF_CARD, WIDTH },
    { CU_DEVICE_ATTRIBUTE_L2_CACHE_SIZE, OF_CARD, L2 },
    { CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_MULTIPROCESSOR, OF_CARD, THREADS_SM },
    { CU_DEVICE_ATTRIBUTE_ASYNC_ENGINE_COUNT, CONST, 3 },
    { CU_DEVICE_ATTRIBUTE_UNIFIED_ADDRESSING, CONST, 1 },
    { CU_DEVICE_ATTRIBUTE_PCI_DOMAIN_ID, OF_CARD, DOMAIN },
    { CU_DEVICE_ATTRIBUTE_TEXTURE_PITCH_ALIGNMENT, CONST, 32 },
    { CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR, OF_CARD, MAJOR },
    { CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR, OF_CARD, MINOR },
    { CU_DEVICE_ATTRIBUTE_STREAM_PRIORITIES_SUPPORTED, CONST, 1 },
    { CU_DEVICE_ATTRIBUTE_GLOBAL_L1_CACHE_SUPPORTED, CONST, 1 },
    { CU_DEVICE_ATTRIBUTE_LOCAL_L1_CACHE_SUPPORTED, CONST, 1 },
    { CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_MULTIPROCESSOR, OF_CARD, SHARED_SM },
    { CU_DEVICE_ATTRIBUTE_MAX_REGISTERS_PER_MULTIPROCESSOR, CONST, 65536 },
    { CU_DEVICE_ATTRIBUTE_MANAGED_MEMORY, CONST, 1 },
    { CU_DEVICE_ATTRIBUTE_MULTI_GPU_BOARD, CONST, 0 },
    { CU_DEVICE_ATTRIBUTE_MULTI_GPU_BOARD_GROUP_ID, OF_CARD, BOARD },
    { CU_DEVICE_ATTRIBUTE_HOST_NATIVE_ATOMIC_SUPPORTED, CONST, 0 },
    { CU_DEVICE_ATTRIBUTE_SINGLE_TO_DOUBLE_PRECISION_PERF_RATIO, OF_CARD, FP64_RATIO },
    { CU_DEVICE_ATTRIBUTE_PAGEABLE_MEMORY_ACCESS, CONST, 0 },
    { CU_DEVICE_ATTRIBUTE_CONCURRENT_MANAGED_ACCESS, CONST, 1 },
    { CU_DEVICE_ATTRIBUTE_COMPUTE_PREEMPTION_SUPPORTED, CONST, 1 },
    { CU_DEVICE_ATTRIBUTE_CAN_USE_HOST_POINTER_FOR_REGISTERED_MEM, CONST, 1 },
    { CU_DEVICE_ATTRIBUTE_COOPERATIVE_LAUNCH, CONST, 1 },
    { CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN, OF_CARD, OPTIN },
    { CU_DEVICE_ATTRIBUTE_HOST_REGISTER_SUPPORTED, CONST, 1 },
    { CU_DEVICE_ATTRIBUTE_DIRECT_MANAGED_MEM_ACCESS_FROM_HOST, CONST, 0 },
    { CU_DEVICE_ATTRIBUTE_VIRTUAL_MEMORY_MANAGEMENT_SUPPORTED, CONST, 1 },
    { CU_DEVICE_ATTRIBUTE_HANDLE_TYPE_POSIX_FILE_DESCRIPTOR_SUPPORTED, CONST, 1 },
    { CU_DEVICE_ATTRIBUTE_MAX_BLOCKS_PER_MULTIPROCESSOR, OF_CARD, BLOCKS_SM },
    { CU_DEVICE_ATTRIBUTE_GENERIC_COMPRESSION_SUPPORTED, CONST, 0 },
    { CU_DEVICE_ATTRIBUTE_GPU_DIRECT_RDMA_WITH_CUDA_VMM_SUPPORTED, CONST, 0 },
    { CU_DEVICE_ATTRIBUTE_RESERVED_SHARED_MEMORY_PER_BLOCK, CONST, 1024 },
    { CU_DEVICE_ATTRIBUTE_SPARSE_CUDA_ARRAY_SUPPORTED, CONST, 0 },
    { CU_DEVICE_ATTRIBUTE_MEMORY_POOLS_SUPPORTED, CONST, 1 },
    { CU_DEVICE_ATTRIBUTE_GPU_DIRECT_RDMA_SUPPORTED, CONST, 0 },
    { CU_DEVICE_ATTRIBUTE_MEMPOOL_SUPPORTED_HANDLE_TYPES, CONST, 0 },
    { CU_DEVICE_ATTRIBUTE_CLUSTER_LAUNCH, OF_CARD, HOPPER },
    { CU_DEVICE_ATTRIBUTE_HANDLE_TYPE_FABRIC_SUPPORTED, CONST, 0 },
    { CU_DEVICE_ATTRIBUTE_MULTICAST_SUPPORTED, CONST, 0 },
};

static int card_value(const struct bt_sim_gpu *g, CUdevice dev, enum card_value v)
{
    switch (v) {
    case CLOCK_KHZ: return (int)g->sm_mhz * 1000;
    case SMS: return g->sm_count;
    case BUS: return (int)g->pci_bus;
    case DEVICE: return (int)g->pci_device;
    case DOMAIN: return (int)g->pci_domain;
    case MEM_KHZ: return (int)g->mem_mhz * 1000;
    case WIDTH: return (int)g->bus_bits;
    case L2: return (int)g->l2_bytes;
    case THREADS_SM: return threads_per_sm(g);
    case MAJOR: return g->cc_major;
    case MINOR: return g->cc_minor;
    case SHARED_SM: return shared_kib(g) * 1024;
    case OPTIN: return (g->cc_major < 8 ? shared_kib(g) : shared_kib(g) - 1) * 1024;
    case ECC: return (int)g->ecc;
    case INTEGRATED: return (int)g->integrated;
    case BLOCKS_SM: return g->cc_major == 8 && g->cc_minor ? 16 : 32;
    case FP64_RATIO: return g->cores_per_sm == 64 || g->cc_major == 9 ? 2 : 64;
    case HOPPER: return g->cc_major >= 9;
    case BOARD: return dev;
    }
    return 0;
}

CUresult cuDeviceGetAttribute(int *value, CUdevice_attribute attrib, CUdevice dev)
{
    SIM_ENTER();
    if (!value || (int)attrib <= 0)
        return CUDA_ERROR_INVALID_VALUE;
    if (!sim_dev_ok(dev))
        return CUDA_ERROR_INVALID_DEVICE;
    for (size_t i = 0; i < sizeof attributes / sizeof *attributes; i++)
        if (attributes[i].id == attrib) {
            *value = attributes[i].from == CONST ? attributes[i].value : card_value(sim_gpu(dev), dev, (enum card_value)attributes[i].value);
            return CUDA_SUCCESS;
        }
    return CUDA_ERROR_INVALID_VALUE;         /* what this driver does not know, an older driver would not either */
}

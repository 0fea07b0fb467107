/* nvml_board.c - what a card is made of and where it sits: serial number, firmware, bus, processors near it. */
#include "sim/nvml_int.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Data-centre cards have one. */
nvmlReturn_t nvmlDeviceGetSerial(nvmlDevice_t device, char *serial, unsigned length)
{
    char text[32];
    NV_CARD(serial);
    if (!g->datacenter)
        return NVML_ERROR_NOT_SUPPORTED;
    uint32_t n;
    memcpy(&n, g->uuid_bytes, sizeof n);
    snprintf(text, sizeof text, "165%010u", n);
    return nv_text(serial, length, text);
}

/* The first number goes with the generation of the chip. */
nvmlReturn_t nvmlDeviceGetVbiosVersion(nvmlDevice_t device, char *version, unsigned length)
{
    char text[32];
    NV_CARD(version);
    int major = g->cc_major >= 10 ? 98 : g->cc_major == 9 ? 96 : g->cc_major == 8 ? (g->cc_minor == 9 ? 95 : g->cc_minor ? 94 : 92) : 90;
    snprintf(text, sizeof text, "%d.00.%02X.00.%02X", major, (unsigned)g->uuid_bytes[0], (unsigned)g->pci_id >> 24);
    return nv_text(version, length, text);
}

nvmlReturn_t nvmlDeviceGetBoardId(nvmlDevice_t device, unsigned *id)
{
    NV_CARD(id);
    *id = g->pci_bus << 8;
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetMultiGpuBoard(nvmlDevice_t device, unsigned *multi)
{
    NV_CARD(multi);
    *multi = 0;
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceOnSameBoard(nvmlDevice_t device, nvmlDevice_t other, int *same)
{
    struct bt_sim_gpu *b;
    unsigned bi;
    NV_CARD(same);
    nvmlReturn_t rc = nv_card(other, &b, &bi);
    if (rc == NVML_SUCCESS)
        *same = at == bi;
    return rc;
}

/* 4 Pascal, 5 Volta, 6 Turing, 7 Ampere, 8 Ada, 9 Hopper, 10 Blackwell. */
nvmlReturn_t nvmlDeviceGetArchitecture(nvmlDevice_t device, unsigned *arch)
{
    NV_CARD(arch);
    int cc = g->cc_major * 10 + g->cc_minor;
    *arch = cc >= 100 ? 10 : cc >= 90 ? 9 : cc == 89 ? 8 : cc >= 80 ? 7 : cc >= 75 ? 6 : cc >= 70 ? 5 : cc >= 60 ? 4 : 3;
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetMemoryBusWidth(nvmlDevice_t device, unsigned *bits)
{
    NV_CARD(bits);
    *bits = g->bus_bits;
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetBusType(nvmlDevice_t device, unsigned *type)
{
    NV_CARD(type);
    *type = 2;                               /* PCIe */
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetGpuMaxPcieLinkGeneration(nvmlDevice_t device, unsigned *gen)
{
    return nvmlDeviceGetMaxPcieLinkGeneration(device, gen);
}

/* MB/s of a lane: 250 in the first generation, twice that in each that follows. */
nvmlReturn_t nvmlDeviceGetPcieLinkMaxSpeed(nvmlDevice_t device, unsigned *code)
{
    NV_CARD(code);
    return nvmlDeviceGetMaxPcieLinkGeneration(device, code);         /* the enumeration of speeds counts generations */
}

nvmlReturn_t nvmlDeviceGetPcieSpeed(nvmlDevice_t device, unsigned *mbps)
{
    unsigned gen;
    NV_CARD(mbps);
    nvmlReturn_t rc = nvmlDeviceGetCurrPcieLinkGeneration(device, &gen);
    if (rc == NVML_SUCCESS)
        *mbps = gen <= 2 ? gen * 2500 : 8000u << (gen - 3);
    return rc;
}

/* Every processor is near every card: what nodes this computer really has is none of the simulated one's business. */
nvmlReturn_t nvmlDeviceGetCpuAffinity(nvmlDevice_t device, unsigned words, unsigned long *cpus)
{
    NV_CARD(cpus && words);
    long n = sysconf(_SC_NPROCESSORS_CONF);
    memset(cpus, 0, words * sizeof *cpus);
    for (long i = 0; i < n && (size_t)i < words * sizeof *cpus * 8; i++)
        cpus[(size_t)i / (sizeof *cpus * 8)] |= 1ul << ((size_t)i % (sizeof *cpus * 8));
    return NVML_SUCCESS;
}

/* From Turing on the firmware does the driver's work. */
nvmlReturn_t nvmlDeviceGetGspFirmwareVersion(nvmlDevice_t device, char *version)
{
    NV_CARD(version);
    if (g->cc_major * 10 + g->cc_minor < 75)
        return NVML_ERROR_NOT_SUPPORTED;
    return nv_text(version, NVML_SYSTEM_DRIVER_VERSION_BUFFER_SIZE, nv_state()->driver_version);
}

nvmlReturn_t nvmlDeviceGetGspFirmwareMode(nvmlDevice_t device, unsigned *enabled, unsigned *by_default)
{
    NV_CARD(enabled && by_default);
    *enabled = *by_default = g->cc_major * 10 + g->cc_minor >= 75;
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetVirtualizationMode(nvmlDevice_t device, unsigned *mode)
{
    NV_CARD(mode);
    *mode = 0;                               /* none: not a guest's, not shared with guests */
    return NVML_SUCCESS;
}

/* ---- of the machine ---- */

static nvmlReturn_t none_of_them(unsigned *count)
{
    if (!nv_state())
        return NVML_ERROR_UNINITIALIZED;
    if (!count)
        return NVML_ERROR_INVALID_ARGUMENT;
    *count = 0;
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlUnitGetCount(unsigned *count)
{
    return none_of_them(count);
}

nvmlReturn_t nvmlGetExcludedDeviceCount(unsigned *count)
{
    return none_of_them(count);
}

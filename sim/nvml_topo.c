/* nvml_topo.c - who reaches whom: PCIe, NVLink. Cards of an island of up to four are wired to each other, link by link; more meet at
 * NVSwitches, and then a link's far end is a switch and says nothing of the peer (ask P2PStatus). */
#include "sim/nvml_int.h"

#define SWITCHES 6
#define SWITCH_BUS 0xc4                      /* beyond the buses of 64 cards */

static nvmlGpuTopologyLevel_t ancestor(const struct bt_sim_gpu *a, const struct bt_sim_gpu *b)
{
    return a == b ? NVML_TOPOLOGY_INTERNAL : a->numa_node == b->numa_node ? NVML_TOPOLOGY_NODE : NVML_TOPOLOGY_SYSTEM;
}

nvmlReturn_t nvmlDeviceGetTopologyCommonAncestor(nvmlDevice_t device, nvmlDevice_t other, nvmlGpuTopologyLevel_t *level)
{
    struct bt_sim_gpu *b;
    unsigned bi;
    NV_CARD(level);
    nvmlReturn_t rc = nv_card(other, &b, &bi);
    if (rc == NVML_SUCCESS)
        *level = ancestor(g, b);
    return rc;
}

/* count 0 asks how many; otherwise as many are filled as count has room for. */
nvmlReturn_t nvmlDeviceGetTopologyNearestGpus(nvmlDevice_t device, nvmlGpuTopologyLevel_t level, unsigned *count, nvmlDevice_t *devices)
{
    NV_CARD(count);
    struct bt_sim_state *st = nv_state();
    unsigned n = 0, room = *count;
    if (room && !devices)
        return NVML_ERROR_INVALID_ARGUMENT;
    for (unsigned i = 0; i < st->ngpus; i++) {
        if (i == at || ancestor(g, &st->gpus[i]) != level)
            continue;
        if (n < room)
            devices[n] = nv_handle(st, i);
        n++;
    }
    *count = room && n > room ? room : n;
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetP2PStatus(nvmlDevice_t device, nvmlDevice_t other, nvmlGpuP2PCapsIndex_t index, nvmlGpuP2PStatus_t *status)
{
    struct bt_sim_gpu *b;
    unsigned bi;
    NV_CARD(status);
    nvmlReturn_t rc = nv_card(other, &b, &bi);
    if (rc != NVML_SUCCESS)
        return rc;
    if (g == b)
        return NVML_ERROR_INVALID_ARGUMENT;
    switch (index) {
    case NVML_P2P_CAPS_INDEX_READ:
    case NVML_P2P_CAPS_INDEX_WRITE:
    case NVML_P2P_CAPS_INDEX_PCI:
        *status = bt_sim_p2p(g, b) ? NVML_P2P_STATUS_OK : NVML_P2P_STATUS_CHIPSET_NOT_SUPPORTED;
        return NVML_SUCCESS;
    case NVML_P2P_CAPS_INDEX_NVLINK:
    case NVML_P2P_CAPS_INDEX_ATOMICS:
        *status = bt_sim_linked(g, b) ? NVML_P2P_STATUS_OK : NVML_P2P_STATUS_NOT_SUPPORTED;
        return NVML_SUCCESS;
    case NVML_P2P_CAPS_INDEX_UNKNOWN:
        break;
    }
    return NVML_ERROR_INVALID_ARGUMENT;
}

/* ---- NVLink ---- */

/* A card without NVLink does not know what a link is; one with it knows how many it has. */
static nvmlReturn_t link_check(const struct bt_sim_gpu *g, unsigned link)
{
    if (link >= NVML_NVLINK_MAX_LINKS)
        return NVML_ERROR_INVALID_ARGUMENT;
    if (!g->nvlink_links)
        return NVML_ERROR_NOT_SUPPORTED;
    return link < g->nvlink_links ? NVML_SUCCESS : NVML_ERROR_INVALID_ARGUMENT;
}

nvmlReturn_t nvmlDeviceGetNvLinkState(nvmlDevice_t device, unsigned link, nvmlEnableState_t *active)
{
    NV_CARD(active);
    nvmlReturn_t rc = link_check(g, link);
    if (rc == NVML_SUCCESS)
        *active = g->island >= 0 ? NVML_FEATURE_ENABLED : NVML_FEATURE_DISABLED;     /* a bridge's links without the bridge */
    return rc;
}

nvmlReturn_t nvmlDeviceGetNvLinkVersion(nvmlDevice_t device, unsigned link, unsigned *version)
{
    NV_CARD(version);
    nvmlReturn_t rc = link_check(g, link);
    if (rc == NVML_SUCCESS)
        *version = g->nvlink_version;
    return rc;
}

nvmlReturn_t nvmlDeviceGetNvLinkCapability(nvmlDevice_t device, unsigned link, nvmlNvLinkCapability_t capability, unsigned *result)
{
    NV_CARD(result);
    nvmlReturn_t rc = link_check(g, link);
    if (rc != NVML_SUCCESS)
        return rc;
    if ((unsigned)capability > NVML_NVLINK_CAP_VALID)
        return NVML_ERROR_INVALID_ARGUMENT;
    *result = capability != NVML_NVLINK_CAP_SLI_BRIDGE && g->island >= 0;
    return NVML_SUCCESS;
}

/* The peer at the end of a link: the links of a card are dealt out evenly, in order of index. */
static const struct bt_sim_gpu *peer_at(const struct bt_sim_state *st, const struct bt_sim_gpu *g, unsigned link)
{
    const struct bt_sim_gpu *peers[BT_SIM_MAX_GPUS];
    unsigned n = 0;
    for (unsigned i = 0; i < st->ngpus; i++)
        if (bt_sim_linked(g, &st->gpus[i]))
            peers[n++] = &st->gpus[i];
    return n ? peers[link * n / g->nvlink_links] : NULL;
}

nvmlReturn_t nvmlDeviceGetNvLinkRemotePciInfo_v2(nvmlDevice_t device, unsigned link, nvmlPciInfo_t *pci)
{
    NV_CARD(pci);
    nvmlReturn_t rc = link_check(g, link);
    if (rc != NVML_SUCCESS)
        return rc;
    const struct bt_sim_gpu *peer = peer_at(nv_state(), g, link);
    if (!peer)
        return NVML_ERROR_NOT_SUPPORTED;     /* an inactive link has no far end */
    struct bt_sim_gpu far_switch = { .pci_bus = SWITCH_BUS + link % SWITCHES, .pci_id = 0x22a3u << 16 | 0x10de };
    nv_pci(g->nvswitch ? &far_switch : peer, pci);
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetNvLinkRemotePciInfo(nvmlDevice_t device, unsigned link, nvmlPciInfo_v2_t *pci)
{
    nvmlPciInfo_t v3;
    NV_CARD(pci);
    nvmlReturn_t rc = nvmlDeviceGetNvLinkRemotePciInfo_v2(device, link, &v3);
    if (rc == NVML_SUCCESS)
        nv_pci_v2(&v3, pci);
    return rc;
}

nvmlReturn_t nvmlDeviceGetNvLinkRemoteDeviceType(nvmlDevice_t device, unsigned link, nvmlIntNvLinkDeviceType_t *type)
{
    NV_CARD(type);
    nvmlReturn_t rc = link_check(g, link);
    if (rc == NVML_SUCCESS)
        *type = g->island < 0 ? NVML_NVLINK_DEVICE_TYPE_UNKNOWN : g->nvswitch ? NVML_NVLINK_DEVICE_TYPE_SWITCH : NVML_NVLINK_DEVICE_TYPE_GPU;
    return rc;
}

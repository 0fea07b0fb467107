/* kinds.h - what the simulated driver knows of a card by its name: figures that berth's catalog has no use for. */
#ifndef BT_SIM_KINDS_H
#define BT_SIM_KINDS_H
#include <stdbool.h>
#include <stdint.h>

struct bt_sim_kind {
    const char *part;                /* part of NVML's name; the first row that is found in it decides */
    uint32_t pci_id;                 /* device id; 0 = not known */
    int sm_count, sm_mhz, mem_mhz, bus_bits, l2_mib;
    bool fan;                        /* has one that NVML reports: cards for desktops */
};
/* Never NULL: an unknown name gets a middling card's figures. */
const struct bt_sim_kind *bt_sim_kind(const char *name);
/* Cores of a multiprocessor of this compute capability. */
int bt_sim_cores_per_sm(int cc_major, int cc_minor);
/* The UUID of a card or an instance: the same seed and index, the same UUID. prefix: "GPU-" or "MIG-". */
void bt_sim_uuid(const char *seed, unsigned index, uint8_t bytes[16], const char *prefix, char text[48]);
#endif

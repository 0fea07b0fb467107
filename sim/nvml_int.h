/* nvml_int.h - inside the simulated libnvidia-ml.so.1: what its files share.
 *
 * nvml.c  start, stop, the system    nvml_device.c  what a card is      nvml_memory.c  bytes and who holds them
 * nvml_status.c  how a card is doing nvml_health.c  errors and repairs  nvml_events.c  event sets
 * nvml_topo.c    who reaches whom    nvml_fields.c  values by number    nvml_mig.c     instances of a card
 * nvml_board.c   how it is made
 * nvml_none.c    all that driver 580 exports and this machine has not: a program is told so
 *
 * A device handle is the card's (or the MIG instance's) place in the mapped state; anything else is an invalid argument.
 * The library exports what the public header of driver 580 (NVML API 13) declares, and nothing else; docs/sim.md lists it. */
#ifndef BT_SIM_NVML_INT_H
#define BT_SIM_NVML_INT_H
#include <stdbool.h>

#include "abi/nvml.h"
#include "sim/state.h"

/* The machine, or NULL while NVML is not initialised. */
struct bt_sim_state *nv_state(void);
/* The card or instance of a handle and its index; NVML_ERROR_UNINITIALIZED, _INVALID_ARGUMENT, or what `berth sim ctl` asked for:
 * it may not return for long. */
nvmlReturn_t nv_card(nvmlDevice_t device, struct bt_sim_gpu **gpu, unsigned *index);
/* Which of its card's instances index is. */
unsigned nv_mig_index(const struct bt_sim_state *st, unsigned index);
nvmlDevice_t nv_handle(struct bt_sim_state *st, unsigned index);
/* Copy text whole, or say NVML_ERROR_INSUFFICIENT_SIZE. */
nvmlReturn_t nv_text(char *dst, unsigned room, const char *text);
void nv_pci(const struct bt_sim_gpu *g, nvmlPciInfo_t *out);
/* The v2 struct has a short bus id, and four words that nobody reads. */
void nv_pci_v2(const nvmlPciInfo_t *p, nvmlPciInfo_v2_t *out);

/* The same before there is a handle: GPU_IS_LOST and the other faults of a card. */
nvmlReturn_t nv_fault(struct bt_sim_gpu *gpu);

/* Opens a function on a device: `g` is its card, `at` its index; out must not be NULL. NV_ANY takes MIG instances too. */
#define NV_CARD(out)                                        \
    NV_ANY(out);                                            \
    if (g->parent >= 0)                                     \
        return NVML_ERROR_NOT_SUPPORTED
#define NV_ANY(out)                                         \
    struct bt_sim_gpu *g;                                   \
    unsigned at;                                            \
    nvmlReturn_t nv_rc_ = nv_card(device, &g, &at);         \
    if (nv_rc_ != NVML_SUCCESS)                             \
        return nv_rc_;                                      \
    (void)at;                                               \
    if (!(out))                                             \
        return NVML_ERROR_INVALID_ARGUMENT
#endif

/* nvml_int.h - inside the simulated libnvidia-ml.so.1: what its files share.
 *
 * nvml.c  start, stop, the system    nvml_device.c  what a card is      nvml_memory.c  bytes and who holds them
 * nvml_status.c  how a card is doing nvml_topo.c    who reaches whom
 *
 * A device handle is the card's place in the mapped state; anything else is an invalid argument. What NVML has and this library
 * has not is not exported at all: a program finds it missing by dlsym(), as with an older driver. */
#ifndef BT_SIM_NVML_INT_H
#define BT_SIM_NVML_INT_H
#include <stdbool.h>

#include "abi/nvml.h"
#include "sim/state.h"

/* The machine, or NULL while NVML is not initialised. */
struct bt_sim_state *nv_state(void);
/* The card of a handle and its index; NVML_ERROR_UNINITIALIZED or _INVALID_ARGUMENT. */
nvmlReturn_t nv_card(nvmlDevice_t device, struct bt_sim_gpu **gpu, unsigned *index);
nvmlDevice_t nv_handle(struct bt_sim_state *st, unsigned index);
/* Copy text whole, or say NVML_ERROR_INSUFFICIENT_SIZE. */
nvmlReturn_t nv_text(char *dst, unsigned room, const char *text);
void nv_pci(const struct bt_sim_gpu *g, nvmlPciInfo_t *out);
/* The v2 struct has a short bus id, and four words that nobody reads. */
void nv_pci_v2(const nvmlPciInfo_t *p, nvmlPciInfo_v2_t *out);

/* Opens a function on a device: `g` is its card, `at` its index; out must not be NULL. */
#define NV_CARD(out)                                        \
    struct bt_sim_gpu *g;                                   \
    unsigned at;                                            \
    nvmlReturn_t nv_rc_ = nv_card(device, &g, &at);         \
    if (nv_rc_ != NVML_SUCCESS)                             \
        return nv_rc_;                                      \
    (void)at;                                               \
    if (!(out))                                             \
        return NVML_ERROR_INVALID_ARGUMENT
#endif

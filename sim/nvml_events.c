/* nvml_events.c - event sets: what `berth sim ctl` makes happen, in the order in which it did.
 *
 * The events lie in a ring of the shared state; a set remembers how far it has read. Waiting looks every few milliseconds: no
 * waker can die and leave a sleeper behind. A set that reads too late misses the oldest, as a real one does. */
#include "sim/nvml_int.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define LOOK_EVERY_NS 3000000
#define SET_MAGIC 0x53544556u

struct nvmlEventSet_st { uint32_t magic; uint64_t seen; unsigned long long types[BT_SIM_MAX_GPUS]; };

static const unsigned long long of_card = nvmlEventTypePState | nvmlEventTypeXidCriticalError | nvmlEventTypeClock | nvmlEventMigConfigChange;

nvmlReturn_t nvmlDeviceGetSupportedEventTypes(nvmlDevice_t device, unsigned long long *types)
{
    NV_CARD(types);
    *types = of_card | (g->ecc ? nvmlEventTypeSingleBitEccError | nvmlEventTypeDoubleBitEccError : 0);
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlEventSetCreate(nvmlEventSet_t *set)
{
    struct bt_sim_state *st = nv_state();
    if (!st)
        return NVML_ERROR_UNINITIALIZED;
    if (!set)
        return NVML_ERROR_INVALID_ARGUMENT;
    nvmlEventSet_t s = calloc(1, sizeof *s);
    if (!s)
        return NVML_ERROR_MEMORY;
    s->magic = SET_MAGIC;
    s->seen = __atomic_load_n(&st->event_seq, __ATOMIC_ACQUIRE);
    *set = s;
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlEventSetFree(nvmlEventSet_t set)
{
    if (!nv_state())
        return NVML_ERROR_UNINITIALIZED;
    if (!set || set->magic != SET_MAGIC)
        return NVML_ERROR_INVALID_ARGUMENT;
    set->magic = 0;
    free(set);
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceRegisterEvents(nvmlDevice_t device, unsigned long long types, nvmlEventSet_t set)
{
    unsigned long long known;
    NV_CARD(set && set->magic == SET_MAGIC);
    nvmlReturn_t rc = nvmlDeviceGetSupportedEventTypes(device, &known);
    if (rc != NVML_SUCCESS)
        return rc;
    if (types & ~known)
        return NVML_ERROR_NOT_SUPPORTED;
    set->types[at] |= types;
    return NVML_SUCCESS;
}

/* The next event that this set wants; false when there is none yet. */
static bool next_event(struct bt_sim_state *st, nvmlEventSet_t set, nvmlEventData_t *data)
{
    bool found = false;
    bt_sim_lock(st);
    if (st->event_seq > BT_SIM_EVENTS && set->seen < st->event_seq - BT_SIM_EVENTS)
        set->seen = st->event_seq - BT_SIM_EVENTS;
    while (!found && set->seen < st->event_seq) {
        const struct bt_sim_event *e = &st->events[++set->seen % BT_SIM_EVENTS];
        found = e->gpu < st->ngpus && set->types[e->gpu] & e->type;
        if (found)
            *data = (nvmlEventData_t){ .device = nv_handle(st, e->gpu), .eventType = e->type, .eventData = e->data,
                                       .gpuInstanceId = NVML_ID_NOT_AVAILABLE, .computeInstanceId = NVML_ID_NOT_AVAILABLE };
    }
    bt_sim_unlock(st);
    return found;
}

nvmlReturn_t nvmlEventSetWait_v2(nvmlEventSet_t set, nvmlEventData_t *data, unsigned timeout_ms)
{
    const struct timespec step = { .tv_nsec = LOOK_EVERY_NS };
    uint64_t start = bt_sim_now_ms();
    if (!nv_state())
        return NVML_ERROR_UNINITIALIZED;
    if (!set || !data || set->magic != SET_MAGIC)
        return NVML_ERROR_INVALID_ARGUMENT;
    for (struct bt_sim_state *st; (st = nv_state());) {
        if (next_event(st, set, data))
            return NVML_SUCCESS;
        if (bt_sim_now_ms() - start >= timeout_ms)
            return NVML_ERROR_TIMEOUT;
        nanosleep(&step, NULL);
    }
    return NVML_ERROR_UNINITIALIZED;         /* shut down by another thread meanwhile */
}

nvmlReturn_t nvmlEventSetWait(nvmlEventSet_t set, nvmlEventData_t *data, unsigned timeout_ms)
{
    return nvmlEventSetWait_v2(set, data, timeout_ms);
}

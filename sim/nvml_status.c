/* nvml_status.c - how a card is doing. Work comes from copies and fills (bt_sim_work); power, heat and clocks follow from it. */
#include "sim/nvml_int.h"

/* Three moods of a card: nobody there, somebody there and idle, somebody at work. */
struct mood { bool held; unsigned busy_percent; };

static struct mood mood_of(unsigned at)
{
    struct bt_sim_state *st = nv_state();
    return (struct mood){ .held = bt_sim_used(st, at) != 0, .busy_percent = bt_sim_busy(st, at) };
}

/* An idle card takes an eighth of its limit, one with a context a sixth, one at full work nearly all (A100: 50, 67 and 390 W). */
static unsigned power_mw(const struct bt_sim_gpu *g, struct mood m)
{
    uint64_t limit = g->power_limit_mw, base = m.held ? limit / 6 : limit / 8;
    return (unsigned)(base + (limit * 97 / 100 - base) * m.busy_percent / 100);
}

static unsigned heat_c(const struct bt_sim_gpu *g, struct mood m, unsigned at)
{
    return 26 + at % 4 + (unsigned)((uint64_t)power_mw(g, m) * 42 / (g->power_limit_mw ? g->power_limit_mw : 1));
}

nvmlReturn_t nvmlDeviceGetUtilizationRates(nvmlDevice_t device, nvmlUtilization_t *rates)
{
    NV_CARD(rates);
    unsigned busy = mood_of(at).busy_percent;
    *rates = (nvmlUtilization_t){ .gpu = busy, .memory = busy / 2 };
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetTemperature(nvmlDevice_t device, nvmlTemperatureSensors_t sensor, unsigned *celsius)
{
    NV_CARD(celsius && sensor == NVML_TEMPERATURE_GPU);
    *celsius = heat_c(g, mood_of(at), at);
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetTemperatureThreshold(nvmlDevice_t device, nvmlTemperatureThresholds_t which, unsigned *celsius)
{
    NV_CARD(celsius);
    switch (which) {
    case NVML_TEMPERATURE_THRESHOLD_SHUTDOWN:
        *celsius = 95;
        return NVML_SUCCESS;
    case NVML_TEMPERATURE_THRESHOLD_SLOWDOWN:
        *celsius = 92;
        return NVML_SUCCESS;
    case NVML_TEMPERATURE_THRESHOLD_GPU_MAX:
        *celsius = 87;
        return NVML_SUCCESS;
    case NVML_TEMPERATURE_THRESHOLD_MEM_MAX:
        if (!g->datacenter)
            return NVML_ERROR_NOT_SUPPORTED;
        *celsius = 95;
        return NVML_SUCCESS;
    }
    return NVML_ERROR_INVALID_ARGUMENT;
}

nvmlReturn_t nvmlDeviceGetPowerUsage(nvmlDevice_t device, unsigned *milliwatts)
{
    NV_CARD(milliwatts);
    *milliwatts = power_mw(g, mood_of(at));
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetEnforcedPowerLimit(nvmlDevice_t device, unsigned *milliwatts)
{
    NV_CARD(milliwatts);
    *milliwatts = g->power_limit_mw;
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetPowerManagementLimit(nvmlDevice_t device, unsigned *milliwatts)
{
    return nvmlDeviceGetEnforcedPowerLimit(device, milliwatts);
}

nvmlReturn_t nvmlDeviceGetPowerManagementDefaultLimit(nvmlDevice_t device, unsigned *milliwatts)
{
    return nvmlDeviceGetEnforcedPowerLimit(device, milliwatts);
}

static unsigned max_mhz(const struct bt_sim_gpu *g, nvmlClockType_t type)
{
    return type == NVML_CLOCK_MEM ? g->mem_mhz : type == NVML_CLOCK_VIDEO ? g->sm_mhz * 9 / 10 : g->sm_mhz;
}

nvmlReturn_t nvmlDeviceGetMaxClockInfo(nvmlDevice_t device, nvmlClockType_t type, unsigned *mhz)
{
    NV_CARD(mhz && (unsigned)type < NVML_CLOCK_COUNT);
    *mhz = max_mhz(g, type);
    return NVML_SUCCESS;
}

/* Memory of a data-centre card always runs at full speed; everything else rests while nobody is there. */
nvmlReturn_t nvmlDeviceGetClockInfo(nvmlDevice_t device, nvmlClockType_t type, unsigned *mhz)
{
    NV_CARD(mhz && (unsigned)type < NVML_CLOCK_COUNT);
    bool awake = mood_of(at).held || (type == NVML_CLOCK_MEM && g->datacenter);
    *mhz = awake ? max_mhz(g, type) : type == NVML_CLOCK_MEM ? 405 : 210;
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetPerformanceState(nvmlDevice_t device, nvmlPstates_t *pstate)
{
    NV_CARD(pstate);
    *pstate = g->datacenter ? NVML_PSTATE_0 : mood_of(at).held ? NVML_PSTATE_2 : NVML_PSTATE_8;
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetFanSpeed(nvmlDevice_t device, unsigned *percent)
{
    NV_CARD(percent);
    if (!g->fan)
        return NVML_ERROR_NOT_SUPPORTED;     /* the chassis blows */
    *percent = 30 + mood_of(at).busy_percent / 2;
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetEncoderUtilization(nvmlDevice_t device, unsigned *percent, unsigned *period_us)
{
    NV_CARD(percent && period_us);
    *percent = 0;
    *period_us = 167000;
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetDecoderUtilization(nvmlDevice_t device, unsigned *percent, unsigned *period_us)
{
    return nvmlDeviceGetEncoderUtilization(device, percent, period_us);
}

nvmlReturn_t nvmlDeviceGetJpgUtilization(nvmlDevice_t device, unsigned *percent, unsigned *period_us)
{
    return nvmlDeviceGetEncoderUtilization(device, percent, period_us);
}

nvmlReturn_t nvmlDeviceGetOfaUtilization(nvmlDevice_t device, unsigned *percent, unsigned *period_us)
{
    return nvmlDeviceGetEncoderUtilization(device, percent, period_us);
}

/* ---- newer and older names of the same figures, and what goes with them ---- */

nvmlReturn_t nvmlDeviceGetPowerState(nvmlDevice_t device, nvmlPstates_t *pstate)
{
    return nvmlDeviceGetPerformanceState(device, pstate);
}

nvmlReturn_t nvmlDeviceGetPowerManagementMode(nvmlDevice_t device, nvmlEnableState_t *mode)
{
    NV_CARD(mode);
    *mode = NVML_FEATURE_ENABLED;
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetPowerManagementLimitConstraints(nvmlDevice_t device, unsigned *least, unsigned *most)
{
    NV_CARD(least && most);
    *least = g->power_limit_mw / 4;
    *most = g->power_limit_mw;
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetTemperatureV(nvmlDevice_t device, nvmlTemperature_v1_t *temperature)
{
    NV_CARD(temperature);
    if (temperature->version != NVML_STRUCT_VERSION(nvmlTemperature_v1_t, 1))
        return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
    if (temperature->sensorType != NVML_TEMPERATURE_GPU)
        return NVML_ERROR_INVALID_ARGUMENT;
    temperature->temperature = (int)heat_c(g, mood_of(at), at);
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetMarginTemperature(nvmlDevice_t device, nvmlMarginTemperature_v1_t *margin)
{
    NV_CARD(margin);
    if (margin->version != NVML_STRUCT_VERSION(nvmlMarginTemperature_v1_t, 1))
        return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
    margin->marginTemperature = 87 - (int)heat_c(g, mood_of(at), at);
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetApplicationsClock(nvmlDevice_t device, nvmlClockType_t type, unsigned *mhz)
{
    NV_CARD(mhz && (unsigned)type < NVML_CLOCK_COUNT);
    if (!g->datacenter || type == NVML_CLOCK_VIDEO)
        return NVML_ERROR_NOT_SUPPORTED;
    *mhz = max_mhz(g, type);
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetDefaultApplicationsClock(nvmlDevice_t device, nvmlClockType_t type, unsigned *mhz)
{
    return nvmlDeviceGetApplicationsClock(device, type, mhz);
}

nvmlReturn_t nvmlDeviceGetMaxCustomerBoostClock(nvmlDevice_t device, nvmlClockType_t type, unsigned *mhz)
{
    return nvmlDeviceGetMaxClockInfo(device, type, mhz);
}

/* which: 0 the one in force, 1 and 2 those of applications, 3 the highest a customer may set. */
nvmlReturn_t nvmlDeviceGetClock(nvmlDevice_t device, nvmlClockType_t type, unsigned which, unsigned *mhz)
{
    switch (which) {
    case 0: return nvmlDeviceGetClockInfo(device, type, mhz);
    case 1:
    case 2: return nvmlDeviceGetApplicationsClock(device, type, mhz);
    case 3: return nvmlDeviceGetMaxClockInfo(device, type, mhz);
    default: return nv_state() ? NVML_ERROR_INVALID_ARGUMENT : NVML_ERROR_UNINITIALIZED;
    }
}

static nvmlReturn_t give_clocks(unsigned *count, unsigned *out, unsigned highest, unsigned step, unsigned n)
{
    unsigned room = *count;
    *count = n;
    if (n > room)
        return NVML_ERROR_INSUFFICIENT_SIZE;
    if (!out)
        return NVML_ERROR_INVALID_ARGUMENT;
    for (unsigned i = 0; i < n; i++)
        out[i] = highest - i * step;
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetSupportedMemoryClocks(nvmlDevice_t device, unsigned *count, unsigned *mhz)
{
    NV_CARD(count);
    return give_clocks(count, mhz, g->mem_mhz, 0, 1);
}

nvmlReturn_t nvmlDeviceGetSupportedGraphicsClocks(nvmlDevice_t device, unsigned mem_mhz, unsigned *count, unsigned *mhz)
{
    NV_CARD(count);
    if (mem_mhz != g->mem_mhz)
        return NVML_ERROR_NOT_FOUND;
    return give_clocks(count, mhz, g->sm_mhz, 15, g->sm_mhz > 210 ? (g->sm_mhz - 210) / 15 + 1 : 1);
}

#define IDLE 1ull
#define ALL_REASONS 0x1ffull

nvmlReturn_t nvmlDeviceGetCurrentClocksEventReasons(nvmlDevice_t device, unsigned long long *reasons)
{
    NV_CARD(reasons);
    *reasons = mood_of(at).busy_percent ? 0 : IDLE;
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetCurrentClocksThrottleReasons(nvmlDevice_t device, unsigned long long *reasons)
{
    return nvmlDeviceGetCurrentClocksEventReasons(device, reasons);
}

nvmlReturn_t nvmlDeviceGetSupportedClocksEventReasons(nvmlDevice_t device, unsigned long long *reasons)
{
    NV_CARD(reasons);
    *reasons = ALL_REASONS;
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetSupportedClocksThrottleReasons(nvmlDevice_t device, unsigned long long *reasons)
{
    return nvmlDeviceGetSupportedClocksEventReasons(device, reasons);
}

nvmlReturn_t nvmlDeviceGetNumFans(nvmlDevice_t device, unsigned *fans)
{
    NV_CARD(fans);
    *fans = g->fan ? 2 : 0;
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetFanSpeed_v2(nvmlDevice_t device, unsigned fan, unsigned *percent)
{
    NV_CARD(percent);
    if (g->fan && fan > 1)
        return NVML_ERROR_INVALID_ARGUMENT;
    return nvmlDeviceGetFanSpeed(device, percent);
}

nvmlReturn_t nvmlDeviceGetMinMaxFanSpeed(nvmlDevice_t device, unsigned *least, unsigned *most)
{
    NV_CARD(least && most);
    if (!g->fan)
        return NVML_ERROR_NOT_SUPPORTED;
    *least = 30;
    *most = 100;
    return NVML_SUCCESS;
}

/* KB/s. A busy second is one in which 20 GB/s went over the bus, half each way: who copies inside the card is not told from it. */
nvmlReturn_t nvmlDeviceGetPcieThroughput(nvmlDevice_t device, unsigned counter, unsigned *kbps)
{
    NV_CARD(kbps && counter <= 1);
    *kbps = mood_of(at).busy_percent * 100000;
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetPcieReplayCounter(nvmlDevice_t device, unsigned *count)
{
    NV_CARD(count);
    *count = 0;
    return NVML_SUCCESS;
}

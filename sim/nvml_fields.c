/* nvml_fields.c - values by number. Each asks the function that gives the same figure by name, so that they cannot disagree. */
#include "sim/nvml_int.h"

#include <time.h>

enum from { ECC_MODE, SBE, DBE, LINK_SPEED, LINK_SPEED_OF, LINK_COUNT, LINK_STATE, LINK_VERSION, ZERO_LINK, ZERO_ECC, ZERO, POWER, LIMIT, LEAST_LIMIT };

static const struct { unsigned first, last; enum from from; nvmlValueType_t type; } fields[] = {
    { 1, 2, ECC_MODE, NVML_VALUE_TYPE_UNSIGNED_INT },
    { 3, 3, SBE, NVML_VALUE_TYPE_UNSIGNED_LONG_LONG },
    { 4, 4, DBE, NVML_VALUE_TYPE_UNSIGNED_LONG_LONG },
    { 5, 5, SBE, NVML_VALUE_TYPE_UNSIGNED_LONG_LONG },
    { 6, 6, DBE, NVML_VALUE_TYPE_UNSIGNED_LONG_LONG },
    { 11, 11, SBE, NVML_VALUE_TYPE_UNSIGNED_LONG_LONG },             /* in device memory: where all of them are */
    { 12, 12, DBE, NVML_VALUE_TYPE_UNSIGNED_LONG_LONG },
    { 7, 28, ZERO_ECC, NVML_VALUE_TYPE_UNSIGNED_LONG_LONG },         /* elsewhere */
    { 32, 59, ZERO_LINK, NVML_VALUE_TYPE_UNSIGNED_LONG_LONG },       /* CRC, replay and recovery errors, link by link */
    { 84, 90, LINK_SPEED, NVML_VALUE_TYPE_UNSIGNED_INT },            /* links 0 to 5, and what all have */
    { 91, 91, LINK_COUNT, NVML_VALUE_TYPE_UNSIGNED_INT },
    { 94, 95, ZERO, NVML_VALUE_TYPE_UNSIGNED_INT },                  /* PCIe replays */
    { 96, 119, ZERO_LINK, NVML_VALUE_TYPE_UNSIGNED_LONG_LONG },
    { 132, 137, LINK_SPEED, NVML_VALUE_TYPE_UNSIGNED_INT },          /* links 6 to 11 */
    { 138, 141, ZERO_LINK, NVML_VALUE_TYPE_UNSIGNED_LONG_LONG },     /* bytes over NVLink: nobody sends any */
    { 142, 145, ZERO_ECC, NVML_VALUE_TYPE_UNSIGNED_INT },            /* remapped rows */
    { 148, 163, ZERO_LINK, NVML_VALUE_TYPE_UNSIGNED_LONG_LONG },
    { 164, 164, LINK_SPEED_OF, NVML_VALUE_TYPE_UNSIGNED_INT },
    { 165, 165, LINK_STATE, NVML_VALUE_TYPE_UNSIGNED_INT },
    { 166, 166, LINK_VERSION, NVML_VALUE_TYPE_UNSIGNED_INT },
    { 185, 186, POWER, NVML_VALUE_TYPE_UNSIGNED_INT },
    { 187, 187, LEAST_LIMIT, NVML_VALUE_TYPE_UNSIGNED_INT },
    { 188, 190, LIMIT, NVML_VALUE_TYPE_UNSIGNED_INT },
    { 192, 192, LIMIT, NVML_VALUE_TYPE_UNSIGNED_INT },
};

/* MB/s of one link, one direction. */
static unsigned link_mbps(const struct bt_sim_gpu *g)
{
    static const unsigned by_version[] = { 0, 20000, 25781, 25781, 26562, 53125 };      /* as drivers report NVLink 1 to 5 */
    return g->nvlink_version < sizeof by_version / sizeof *by_version ? by_version[g->nvlink_version] : 0;
}

static nvmlReturn_t of_link(nvmlDevice_t device, const struct bt_sim_gpu *g, enum from from, unsigned link, unsigned *out)
{
    nvmlEnableState_t state;
    nvmlReturn_t rc = nvmlDeviceGetNvLinkState(device, link, &state);
    if (rc != NVML_SUCCESS)
        return rc == NVML_ERROR_INVALID_ARGUMENT ? NVML_ERROR_NOT_SUPPORTED : rc;
    *out = from == LINK_STATE ? (unsigned)state : from == LINK_VERSION ? g->nvlink_version : state ? link_mbps(g) : 0;
    return NVML_SUCCESS;
}

static nvmlReturn_t value_of(nvmlDevice_t device, const struct bt_sim_gpu *g, enum from from, const nvmlFieldValue_t *v, unsigned long long *out)
{
    unsigned n = 0, most;
    nvmlEnableState_t mode = NVML_FEATURE_DISABLED, pending;
    nvmlReturn_t rc = NVML_SUCCESS;
    *out = 0;
    switch (from) {
    case SBE: return nvmlDeviceGetTotalEccErrors(device, NVML_MEMORY_ERROR_TYPE_CORRECTED, NVML_VOLATILE_ECC, out);
    case DBE: return nvmlDeviceGetTotalEccErrors(device, NVML_MEMORY_ERROR_TYPE_UNCORRECTED, NVML_VOLATILE_ECC, out);
    case ZERO_ECC: return g->ecc ? NVML_SUCCESS : NVML_ERROR_NOT_SUPPORTED;
    case ZERO_LINK: return g->nvlink_links ? NVML_SUCCESS : NVML_ERROR_NOT_SUPPORTED;
    case ZERO: return NVML_SUCCESS;
    case ECC_MODE:
        rc = nvmlDeviceGetEccMode(device, &mode, &pending);
        n = (unsigned)mode;
        break;
    case LINK_COUNT:
        n = g->nvlink_links;
        rc = n ? NVML_SUCCESS : NVML_ERROR_NOT_SUPPORTED;
        break;
    case LINK_SPEED: rc = of_link(device, g, from, v->fieldId >= 132 ? v->fieldId - 126 : v->fieldId == 90 ? 0 : v->fieldId - 84, &n); break;
    case LINK_SPEED_OF:
    case LINK_STATE:
    case LINK_VERSION: rc = of_link(device, g, from, v->scopeId, &n); break;
    case POWER: rc = nvmlDeviceGetPowerUsage(device, &n); break;
    case LIMIT: rc = nvmlDeviceGetPowerManagementDefaultLimit(device, &n); break;
    case LEAST_LIMIT: rc = nvmlDeviceGetPowerManagementLimitConstraints(device, &n, &most); break;
    }
    *out = n;
    return rc;
}

static void fill(nvmlDevice_t device, const struct bt_sim_gpu *g, nvmlFieldValue_t *v)
{
    struct timespec now;
    unsigned long long n = 0;
    clock_gettime(CLOCK_REALTIME, &now);
    v->timestamp = (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000;
    v->latencyUsec = 0;
    v->nvmlReturn = NVML_ERROR_NOT_SUPPORTED;
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        if (v->fieldId < fields[i].first || v->fieldId > fields[i].last)
            continue;
        v->nvmlReturn = value_of(device, g, fields[i].from, v, &n);
        v->valueType = fields[i].type;
        v->value.ullVal = n;                 /* little-endian: the narrower members read it too */
        return;
    }
}

/* The call succeeds although a value may not: each says so for itself. */
nvmlReturn_t nvmlDeviceGetFieldValues(nvmlDevice_t device, int n, nvmlFieldValue_t *values)
{
    NV_CARD(values && n > 0);
    for (int i = 0; i < n; i++)
        fill(device, g, &values[i]);
    return NVML_SUCCESS;
}

/* nvml.c - start, stop, and what NVML says of the system. */
#include "sim/nvml_int.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned users;                       /* nvmlInit less nvmlShutdown */
static struct bt_sim_state *state;           /* stays mapped after the last shutdown: another thread may be inside a call */
static dev_t state_dev;
static ino_t state_ino;

/* Map the file that BERTH_SIM_STATE names, or keep the mapping when it is the same file. */
static nvmlReturn_t attach(void)
{
    const char *path = getenv(BT_SIM_ENV), *why = "find the state file";
    struct stat s;
    if (!path || !*path)
        return NVML_ERROR_DRIVER_NOT_LOADED;
    bool there = stat(path, &s) == 0;
    if (there && state && s.st_dev == state_dev && s.st_ino == state_ino)
        return NVML_SUCCESS;
    struct bt_sim_state *st = there ? bt_sim_state_open(path, &why) : NULL;
    if (!st) {
        fprintf(stderr, "simulated NVML: %s %s: %s\n", why, path, strerror(errno));
        return NVML_ERROR_DRIVER_NOT_LOADED;
    }
    /* an older machine's mapping is left as it is: whoever changes machines pays a megabyte, and no late reader falls */
    state_dev = s.st_dev;
    state_ino = s.st_ino;
    __atomic_store_n(&state, st, __ATOMIC_RELEASE);
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlInit_v2(void)
{
    pthread_mutex_lock(&lock);
    nvmlReturn_t rc = users ? NVML_SUCCESS : attach();
    if (rc == NVML_SUCCESS)
        __atomic_store_n(&users, users + 1, __ATOMIC_RELEASE);
    pthread_mutex_unlock(&lock);
    return rc;
}

nvmlReturn_t nvmlInit(void)
{
    return nvmlInit_v2();
}

/* Flags: 1 = do not fail without GPUs, 2 = do not attach to them. Neither makes a difference here. */
nvmlReturn_t nvmlInitWithFlags(unsigned flags)
{
    return flags > 3 ? NVML_ERROR_INVALID_ARGUMENT : nvmlInit_v2();
}

nvmlReturn_t nvmlShutdown(void)
{
    pthread_mutex_lock(&lock);
    nvmlReturn_t rc = users ? NVML_SUCCESS : NVML_ERROR_UNINITIALIZED;
    if (users)
        __atomic_store_n(&users, users - 1, __ATOMIC_RELEASE);
    pthread_mutex_unlock(&lock);
    return rc;
}

struct bt_sim_state *nv_state(void)
{
    return __atomic_load_n(&users, __ATOMIC_ACQUIRE) ? __atomic_load_n(&state, __ATOMIC_ACQUIRE) : NULL;
}

nvmlDevice_t nv_handle(struct bt_sim_state *st, unsigned index)
{
    return (nvmlDevice_t)(void *)&st->gpus[index];
}

nvmlReturn_t nv_card(nvmlDevice_t device, struct bt_sim_gpu **gpu, unsigned *index)
{
    struct bt_sim_state *st = nv_state();
    if (!st)
        return NVML_ERROR_UNINITIALIZED;
    uintptr_t at = (uintptr_t)device - (uintptr_t)st->gpus;
    if ((uintptr_t)device < (uintptr_t)st->gpus || at % sizeof st->gpus[0] || at / sizeof st->gpus[0] >= st->ngpus + st->nmig)
        return NVML_ERROR_INVALID_ARGUMENT;
    *index = (unsigned)(at / sizeof st->gpus[0]);
    *gpu = &st->gpus[*index];
    return nv_fault((*gpu)->parent >= 0 ? &st->gpus[(*gpu)->parent] : *gpu);
}

/* A driver that does not answer: the caller is inside until somebody heals the card or the time is over. */
static void hang(const struct bt_sim_gpu *gpu)
{
    const struct timespec step = { .tv_nsec = 2000000 };
    while (bt_sim_now_ms() < __atomic_load_n(&gpu->hang_until_ms, __ATOMIC_ACQUIRE))
        nanosleep(&step, NULL);
}

nvmlReturn_t nv_fault(struct bt_sim_gpu *gpu)
{
    if (__atomic_load_n(&gpu->hang_until_ms, __ATOMIC_ACQUIRE))
        hang(gpu);
    if (__atomic_load_n(&gpu->lost, __ATOMIC_ACQUIRE))
        return NVML_ERROR_GPU_IS_LOST;
    uint32_t left = __atomic_load_n(&gpu->fail_left, __ATOMIC_ACQUIRE);
    while (left && left != UINT32_MAX && !__atomic_compare_exchange_n(&gpu->fail_left, &left, left - 1, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {}
    return left ? (nvmlReturn_t)gpu->fail_code : NVML_SUCCESS;
}

nvmlReturn_t nv_text(char *dst, unsigned room, const char *text)
{
    size_t n = strlen(text) + 1;
    if (!dst)
        return NVML_ERROR_INVALID_ARGUMENT;
    if (room < n)
        return NVML_ERROR_INSUFFICIENT_SIZE;
    memcpy(dst, text, n);
    return NVML_SUCCESS;
}

/* ---- errors ---- */

static const struct { nvmlReturn_t code; const char *text; } errors[] = {
    { NVML_SUCCESS, "Success" },
    { NVML_ERROR_UNINITIALIZED, "Uninitialized" },
    { NVML_ERROR_INVALID_ARGUMENT, "Invalid Argument" },
    { NVML_ERROR_NOT_SUPPORTED, "Not Supported" },
    { NVML_ERROR_NO_PERMISSION, "Insufficient Permissions" },
    { NVML_ERROR_ALREADY_INITIALIZED, "Already Initialized" },
    { NVML_ERROR_NOT_FOUND, "Not Found" },
    { NVML_ERROR_INSUFFICIENT_SIZE, "Insufficient Size" },
    { NVML_ERROR_INSUFFICIENT_POWER, "Insufficient External Power" },
    { NVML_ERROR_DRIVER_NOT_LOADED, "Driver Not Loaded" },
    { NVML_ERROR_TIMEOUT, "Timeout" },
    { NVML_ERROR_IRQ_ISSUE, "Interrupt Request Issue" },
    { NVML_ERROR_LIBRARY_NOT_FOUND, "NVML Shared Library Not Found" },
    { NVML_ERROR_FUNCTION_NOT_FOUND, "Function Not Found" },
    { NVML_ERROR_CORRUPTED_INFOROM, "Corrupted infoROM" },
    { NVML_ERROR_GPU_IS_LOST, "GPU is lost" },
    { NVML_ERROR_RESET_REQUIRED, "GPU requires reset" },
    { NVML_ERROR_OPERATING_SYSTEM, "GPU access blocked by the operating system" },
    { NVML_ERROR_LIB_RM_VERSION_MISMATCH, "Driver/library version mismatch" },
    { NVML_ERROR_IN_USE, "In use by another client" },
    { NVML_ERROR_MEMORY, "Insufficient Memory" },
    { NVML_ERROR_NO_DATA, "No data" },
    { NVML_ERROR_INSUFFICIENT_RESOURCES, "Insufficient Resources" },
    { NVML_ERROR_ARGUMENT_VERSION_MISMATCH, "Version mismatch" },
    { NVML_ERROR_VGPU_ECC_NOT_SUPPORTED, "vGPU ECC not supported" },
    { NVML_ERROR_FREQ_NOT_SUPPORTED, "Requested frequency not supported" },
    { NVML_ERROR_DEPRECATED, "Deprecated" },
    { NVML_ERROR_NOT_READY, "System is not ready" },
    { NVML_ERROR_GPU_NOT_FOUND, "No GPUs were found" },
    { NVML_ERROR_INVALID_STATE, "Invalid state" },
    { NVML_ERROR_UNKNOWN, "Unknown Error" },
};

const char *nvmlErrorString(nvmlReturn_t result)
{
    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++)
        if (errors[i].code == result)
            return errors[i].text;
    return "Unknown Error";
}

/* ---- system ---- */

nvmlReturn_t nvmlSystemGetDriverVersion(char *version, unsigned length)
{
    struct bt_sim_state *st = nv_state();
    return st ? nv_text(version, length, st->driver_version) : NVML_ERROR_UNINITIALIZED;
}

nvmlReturn_t nvmlSystemGetNVMLVersion(char *version, unsigned length)
{
    struct bt_sim_state *st = nv_state();
    return st ? nv_text(version, length, st->nvml_version) : NVML_ERROR_UNINITIALIZED;
}

nvmlReturn_t nvmlSystemGetCudaDriverVersion_v2(int *version)
{
    struct bt_sim_state *st = nv_state();
    if (!st)
        return NVML_ERROR_UNINITIALIZED;
    if (!version)
        return NVML_ERROR_INVALID_ARGUMENT;
    *version = st->cuda_version;
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlSystemGetCudaDriverVersion(int *version)
{
    return nvmlSystemGetCudaDriverVersion_v2(version);
}

/* The first word of its command line, which is also where a program puts a title for itself. Cut to the room given. */
nvmlReturn_t nvmlSystemGetProcessName(unsigned pid, char *name, unsigned length)
{
    char path[48], line[4096];
    if (!nv_state())
        return NVML_ERROR_UNINITIALIZED;
    if (!name || !length)
        return NVML_ERROR_INVALID_ARGUMENT;
    snprintf(path, sizeof path, "/proc/%u/cmdline", pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, line, sizeof line - 1) : -1;
    if (fd >= 0)
        close(fd);
    if (n <= 0)
        return NVML_ERROR_NOT_FOUND;
    line[n] = 0;
    snprintf(name, length, "%s", line);
    return NVML_SUCCESS;
}

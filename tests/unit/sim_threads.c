/* Both simulated libraries used from many threads at once, built with the thread sanitizer where the compiler has one: it finds every pair
 * of accesses that nothing orders. No cmocka: its longjmp and the sanitizer do not get along. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "abi/cuda.h"
#include "abi/nvml.h"
#include "sim/state.h"

#define MiB (1ull << 20)
#define GiB (1ull << 30)
#define THREADS 6
#define ROUNDS 150

#define MUST(call)                                                              \
    do {                                                                        \
        int rc_ = (int)(call);                                                  \
        if (rc_ != 0) {                                                         \
            fprintf(stderr, "%s:%d: %s -> %d\n", __FILE__, __LINE__, #call, rc_); \
            exit(1);                                                            \
        }                                                                       \
    } while (0)

static struct bt_sim_state *st;

static void use_memory(void)
{
    CUdeviceptr p, q, r;
    CUmemGenericAllocationHandle h;
    CUmemAllocationProp prop = { .type = CU_MEM_ALLOCATION_TYPE_PINNED, .location = { CU_MEM_LOCATION_TYPE_DEVICE, 0 } };
    size_t f, t;
    MUST(cuMemAlloc_v2(&p, 3 * MiB));
    MUST(cuMemAlloc_v2(&q, 1000));
    MUST(cuMemsetD8_v2(p, 0, 3 * MiB));
    MUST(cuMemGetInfo_v2(&f, &t));
    MUST(cuMemAllocAsync(&r, 5 * MiB, NULL));
    MUST(cuMemCreate(&h, 2 * MiB, &prop, 0));
    MUST(cuMemRelease(h));
    MUST(cuMemFreeAsync(r, NULL));
    MUST(cuMemFree_v2(q));
    MUST(cuMemFree_v2(p));
}

static void use_streams(void)
{
    CUstream s;
    CUevent e;
    void *fn;
    CUmodule m;
    CUfunction f;
    static const char ptx[] = ".version 8.0\n.target sm_80\n";
    MUST(cuStreamCreate(&s, 0));
    MUST(cuEventCreate(&e, 0));
    MUST(cuEventRecord(e, s));
    MUST(cuStreamWaitEvent(s, e, 0));
    MUST(cuModuleLoadData(&m, ptx));
    MUST(cuModuleGetFunction(&f, m, "f"));
    MUST(cuLaunchKernel(f, 1, 1, 1, 1, 1, 1, 0, s, NULL, NULL));
    MUST(cuModuleUnload(m));
    MUST(cuStreamSynchronize(s));
    MUST(cuEventDestroy_v2(e));
    MUST(cuStreamDestroy_v2(s));
    MUST(cuGetProcAddress_v2("cuMemAlloc", &fn, 12000, 0, NULL));
}

static void use_nvml(unsigned at)
{
    nvmlDevice_t d;
    nvmlMemory_t memory;
    nvmlUtilization_t util;
    nvmlEventSet_t set;
    nvmlEventData_t event;
    nvmlProcessInfo_v3_t procs[16];
    unsigned n = 16, watts;
    MUST(nvmlInit_v2());
    MUST(nvmlDeviceGetHandleByIndex_v2(at, &d));
    MUST(nvmlDeviceGetMemoryInfo(d, &memory));
    MUST(nvmlDeviceGetUtilizationRates(d, &util));
    MUST(nvmlDeviceGetPowerUsage(d, &watts));
    MUST(nvmlDeviceGetComputeRunningProcesses_v3(d, &n, procs));
    MUST(nvmlEventSetCreate(&set));
    MUST(nvmlDeviceRegisterEvents(d, nvmlEventTypeXidCriticalError, set));
    bt_sim_tell(st, at, nvmlEventTypeXidCriticalError, 13);
    MUST(nvmlEventSetWait_v2(set, &event, 10000));
    MUST(nvmlEventSetFree(set));
    MUST(nvmlShutdown());
}

static void *live(void *arg)
{
    unsigned id = (unsigned)(uintptr_t)arg;
    CUcontext ctx, own;
    MUST(cuInit(0));
    MUST(cuDevicePrimaryCtxRetain(&ctx, 0));
    MUST(cuCtxSetCurrent(ctx));
    for (int i = 0; i < ROUNDS; i++) {
        use_memory();
        use_streams();
        if (i % 8 == 0)
            use_nvml(id % 2);
        if (i % 32 == 0) {
            MUST(cuCtxCreate_v2(&own, 0, 1));
            use_memory();
            MUST(cuCtxDestroy_v2(own));
        }
    }
    MUST(cuDevicePrimaryCtxRelease_v2(0));
    return NULL;
}

int main(void)
{
    const struct bt_sim_gpu_desc gpus[2] = {
        { .name = "NVIDIA H100 80GB HBM3", .cc_major = 9, .nvml_total_bytes = 80 * GiB }, { .name = "NVIDIA H100 80GB HBM3", .cc_major = 9, .nvml_total_bytes = 80 * GiB } };
    const struct bt_sim_desc desc = { .gpus = gpus, .ngpus = 2, .seed = "threads", .linger_ms = -1 };
    char path[64];
    const char *why;
    pthread_t thread[THREADS];
    snprintf(path, sizeof path, "/tmp/t_sim_threads.%d", (int)getpid());
    MUST(bt_sim_state_create(path, &desc, &why));
    setenv(BT_SIM_ENV, path, 1);
    unsetenv("CUDA_VISIBLE_DEVICES");
    st = bt_sim_state_open(path, &why);
    for (int i = 0; i < THREADS; i++)
        MUST(pthread_create(&thread[i], NULL, live, (void *)(uintptr_t)i));
    for (int i = 0; i < THREADS; i++)
        MUST(pthread_join(thread[i], NULL));
    unlink(path);
    if (bt_sim_used(st, 0) || bt_sim_used(st, 1)) {
        fprintf(stderr, "%llu and %llu bytes left\n", (unsigned long long)bt_sim_used(st, 0), (unsigned long long)bt_sim_used(st, 1));
        return 1;
    }
    puts("nothing left, and nothing that the sanitizer saw");
    return 0;
}

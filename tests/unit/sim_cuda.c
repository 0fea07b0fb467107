/* A C program linked with the simulated libcuda.so.1: threads, contexts that other threads destroy, killed neighbours. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "abi/cuda.h"
#include "sim/state.h"

#define MiB (1ull << 20)
#define GiB (1ull << 30)
#define CONTEXT (400 * MiB)
#define TOTAL (39 * GiB)

static char path[64];
static struct bt_sim_state *st;
static CUcontext primary;

static int setup(void **state)
{
    (void)state;
    const struct bt_sim_gpu_desc gpus[2] = {
        { .name = "NVIDIA A100-SXM4-40GB", .cc_major = 8, .nvml_total_bytes = 40 * GiB, .cuda_total_bytes = TOTAL, .context_bytes = CONTEXT },
        { .name = "NVIDIA A100-SXM4-40GB", .cc_major = 8, .nvml_total_bytes = 40 * GiB, .cuda_total_bytes = TOTAL, .context_bytes = CONTEXT },
    };
    const struct bt_sim_desc desc = { .gpus = gpus, .ngpus = 2, .seed = "test", .linger_ms = -1 };
    const char *why;
    snprintf(path, sizeof path, "/tmp/t_sim_cuda.%d", (int)getpid());
    if (bt_sim_state_create(path, &desc, &why) != 0 || !(st = bt_sim_state_open(path, &why)))
        return -1;
    setenv(BT_SIM_ENV, path, 1);
    unsetenv("CUDA_VISIBLE_DEVICES");
    if (cuInit(0) != CUDA_SUCCESS || cuDevicePrimaryCtxRetain(&primary, 0) != CUDA_SUCCESS)
        return -1;
    return cuCtxSetCurrent(primary) == CUDA_SUCCESS ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    bt_sim_state_close(st);
    return unlink(path);
}

static uint64_t used_now(void)
{
    size_t f, t;
    assert_int_equal(cuMemGetInfo_v2(&f, &t), CUDA_SUCCESS);
    return t - f;
}

/* ---- random use; returns how many answers were neither success nor out of memory ---- */

#define LIVE 64
static CUmemAllocationProp on_device_0(void)
{
    return (CUmemAllocationProp){ .type = CU_MEM_ALLOCATION_TYPE_PINNED, .location = { CU_MEM_LOCATION_TYPE_DEVICE, 0 } };
}

struct thing { enum { NOTHING, PLAIN, POOLED, MAPPED } kind; CUdeviceptr ptr; size_t size; };

static CUresult make_mapped(size_t size, CUdeviceptr *ptr)
{
    CUmemGenericAllocationHandle h;
    CUmemAllocationProp prop = on_device_0();
    CUresult rc = cuMemCreate(&h, size, &prop, 0);
    if (rc != CUDA_SUCCESS)
        return rc;
    rc = cuMemAddressReserve(ptr, size, 0, 0, 0);
    if (rc == CUDA_SUCCESS)
        rc = cuMemMap(*ptr, size, 0, h, 0);
    CUresult gone = cuMemRelease(h);         /* the mapping keeps it */
    return rc != CUDA_SUCCESS ? rc : gone;
}

static int drop(struct thing *t)
{
    CUresult rc = CUDA_SUCCESS;
    if (t->kind == PLAIN)
        rc = cuMemFree_v2(t->ptr);
    else if (t->kind == POOLED)
        rc = cuMemFreeAsync(t->ptr, NULL);
    else if (t->kind == MAPPED) {
        rc = cuMemUnmap(t->ptr, t->size);
        if (rc == CUDA_SUCCESS)
            rc = cuMemAddressFree(t->ptr, t->size);
    }
    t->kind = NOTHING;
    return rc != CUDA_SUCCESS;
}

static int use_randomly(unsigned seed, int steps)
{
    struct thing live[LIVE] = { 0 };
    int bad = cuCtxSetCurrent(primary) != CUDA_SUCCESS;
    for (int i = 0; i < steps; i++) {
        struct thing *t = &live[rand_r(&seed) % LIVE];
        size_t free_bytes, total;
        bad += drop(t);
        t->size = rand_r(&seed) % 3 ? (size_t)(rand_r(&seed) % 900000 + 1) : (size_t)(rand_r(&seed) % 1024 + 1) * 2 * MiB;
        CUresult rc;
        switch (rand_r(&seed) % 4) {
        case 0:
            t->size = (t->size + 2 * MiB - 1) / (2 * MiB) * (2 * MiB);
            rc = make_mapped(t->size, &t->ptr);
            t->kind = MAPPED;
            break;
        case 1:
            rc = cuMemAllocAsync(&t->ptr, t->size, NULL);
            t->kind = POOLED;
            break;
        default:
            rc = cuMemAlloc_v2(&t->ptr, t->size);
            t->kind = PLAIN;
        }
        if (rc != CUDA_SUCCESS)
            t->kind = NOTHING;
        else
            bad += cuMemsetD8_v2(t->ptr, 1, t->size) != CUDA_SUCCESS || cuMemsetD8_v2(t->ptr, 1, t->size + 4 * MiB) == CUDA_SUCCESS;
        bad += rc != CUDA_SUCCESS && rc != CUDA_ERROR_OUT_OF_MEMORY;
        bad += cuMemGetInfo_v2(&free_bytes, &total) != CUDA_SUCCESS || free_bytes > total;
    }
    for (int i = 0; i < LIVE; i++)
        bad += drop(&live[i]);
    return bad + (cuCtxSynchronize() != CUDA_SUCCESS);
}

static void *thread_main(void *seed)
{
    return (void *)(intptr_t)use_randomly((unsigned)(uintptr_t)seed, 1500);
}

static void threads_leave_nothing_behind(void **state)
{
    (void)state;
    pthread_t t[4];
    uint64_t before = used_now();
    for (uintptr_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&t[i], NULL, thread_main, (void *)(i + 1)), 0);
    for (int i = 0; i < 4; i++) {
        void *bad;
        pthread_join(t[i], &bad);
        assert_int_equal((intptr_t)bad, 0);
    }
    assert_int_equal(used_now(), before);
}

/* Starts this program again as a neighbour (CUDA does not survive fork). It has its context when it says so, and begins at a word. */
static pid_t start_neighbour(int seed, int ready_fd, int go_fd)
{
    char text[3][16];
    snprintf(text[0], sizeof text[0], "%d", seed);
    snprintf(text[1], sizeof text[1], "%d", ready_fd);
    snprintf(text[2], sizeof text[2], "%d", go_fd);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);    /* a test that fails leaves nobody spinning */
        execl("/proc/self/exe", "t_sim_cuda", text[0], text[1], text[2], (char *)NULL);
        _exit(9);
    }
    return pid;
}

static void neighbours_killed_anywhere_leave_right_sums(void **state)
{
    (void)state;
    pid_t pids[4];
    uint64_t before = used_now();
    unsigned seed = 7;
    for (int round = 0; round < 3; round++) {
        int ready[2], go[2];
        char c[4] = "go!";
        assert_int_equal(pipe(ready), 0);
        assert_int_equal(pipe(go), 0);
        for (int i = 0; i < 4; i++)
            pids[i] = start_neighbour(round * 4 + i, ready[1], go[0]);
        close(ready[1]);
        close(go[0]);
        for (int i = 0; i < 4; i++)
            assert_int_equal(read(ready[0], c, 1), 1);               /* 0: one of them ended, and says why on stderr */
        assert_int_equal(write(go[1], c, 4), 4);
        unsigned steps = 200 + (unsigned)rand_r(&seed) % 2000;
        for (unsigned i = 0; i < steps; i++) {                       /* some work of our own meanwhile */
            CUdeviceptr p;
            if (cuMemAlloc_v2(&p, 2 * MiB) == CUDA_SUCCESS)
                assert_int_equal(cuMemFree_v2(p), CUDA_SUCCESS);
        }
        for (int i = 0; i < 4; i++) {
            int status;
            kill(pids[i], SIGKILL);
            assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
            assert_true(WIFSIGNALED(status));                        /* it was still at work, not stopped by an error */
        }
        close(ready[0]);
        close(go[1]);
        bt_sim_reap(st, true);
        assert_int_equal(used_now(), before);
    }
}

static void *destroys(void *ctx)
{
    return (void *)(intptr_t)cuCtxDestroy_v2(ctx);
}

static void a_context_destroyed_elsewhere_is_noticed(void **state)
{
    (void)state;
    CUcontext ctx;
    CUstream stream, newer;
    CUevent event;
    CUdeviceptr p;
    pthread_t t;
    void *rc;
    assert_int_equal(cuCtxCreate_v2(&ctx, 0, 1), CUDA_SUCCESS);
    assert_int_equal(cuStreamCreate(&stream, 0), CUDA_SUCCESS);
    assert_int_equal(cuEventCreate(&event, 0), CUDA_SUCCESS);
    assert_int_equal(cuEventRecord(event, stream), CUDA_SUCCESS);
    assert_int_equal(pthread_create(&t, NULL, destroys, ctx), 0);
    pthread_join(t, &rc);
    assert_int_equal((intptr_t)rc, CUDA_SUCCESS);
    assert_int_equal(cuMemAlloc_v2(&p, 1), CUDA_ERROR_CONTEXT_IS_DESTROYED);
    assert_int_equal(cuStreamSynchronize(stream), CUDA_ERROR_INVALID_HANDLE);
    assert_int_equal(cuEventQuery(event), CUDA_ERROR_INVALID_HANDLE);
    assert_int_equal(cuCtxPopCurrent_v2(&ctx), CUDA_SUCCESS);
    assert_int_equal(cuMemAlloc_v2(&p, 1), CUDA_SUCCESS);            /* the primary one is beneath it */
    assert_int_equal(cuMemFree_v2(p), CUDA_SUCCESS);
    assert_int_equal(cuStreamCreate(&newer, 0), CUDA_SUCCESS);       /* its row in the table, but not its handle */
    assert_ptr_not_equal(newer, stream);
    assert_int_equal(cuStreamQuery(stream), CUDA_ERROR_INVALID_HANDLE);
    assert_int_equal(cuStreamDestroy_v2(newer), CUDA_SUCCESS);
    assert_int_equal(bt_sim_used(st, 1), 0);
}

static void strangers_are_refused(void **state)
{
    (void)state;
    static const uintptr_t values[] = { 3, 16, 0x1000, 0x10000003f, UINTPTR_MAX, 0x300000000000 };
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        void *p = (void *)values[i];
        size_t n;
        assert_int_equal(cuCtxSetCurrent(p), CUDA_ERROR_INVALID_CONTEXT);
        assert_int_equal(cuCtxDestroy_v2(p), CUDA_ERROR_INVALID_CONTEXT);
        assert_int_equal(cuStreamDestroy_v2(p), CUDA_ERROR_INVALID_HANDLE);
        assert_int_equal(cuEventSynchronize(p), CUDA_ERROR_INVALID_HANDLE);
        assert_int_equal(cuMemPoolTrimTo(p, 0), CUDA_ERROR_INVALID_VALUE);
        assert_int_equal(cuMemFree_v2(values[i]), CUDA_ERROR_INVALID_VALUE);
        assert_int_equal(cuMemFreeHost(p), CUDA_ERROR_INVALID_VALUE);
        assert_int_equal(cuMemRelease(values[i]), CUDA_ERROR_INVALID_VALUE);
        assert_int_equal(cuMemUnmap(values[i], 2 * MiB), CUDA_ERROR_INVALID_VALUE);
        assert_int_equal(cuMemGetAddressRange_v2(NULL, &n, values[i]), CUDA_ERROR_NOT_FOUND);
    }
}

static void addresses_are_used_again(void **state)
{
    (void)state;
    for (int i = 0; i < 5000; i++) {         /* 5000 x 16 GiB would pass the end of the region twice */
        CUdeviceptr p;
        assert_int_equal(cuMemAlloc_v2(&p, 16 * GiB), CUDA_SUCCESS);
        assert_int_equal(cuMemFree_v2(p), CUDA_SUCCESS);
    }
}

/* As a neighbour: use card 0 until somebody kills us. */
static int neighbour(unsigned seed, int ready_fd, int go_fd)
{
    char c;
    CUresult rc = cuInit(0);
    if (rc == CUDA_SUCCESS)
        rc = cuDevicePrimaryCtxRetain(&primary, 0);
    if (rc != CUDA_SUCCESS || write(ready_fd, "x", 1) != 1 || read(go_fd, &c, 1) != 1) {
        fprintf(stderr, "neighbour %u: no context: %d\n", seed, (int)rc);
        return 1;
    }
    close(ready_fd);
    for (unsigned i = 0; ; i++)
        if (use_randomly(seed * 1000 + i, 100) != 0)
            return 1;
}

int main(int argc, char **argv)
{
    if (argc == 4)
        return neighbour((unsigned)atoi(argv[1]), atoi(argv[2]), atoi(argv[3]));
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_leave_nothing_behind), cmocka_unit_test(neighbours_killed_anywhere_leave_right_sums),
        cmocka_unit_test(a_context_destroyed_elsewhere_is_noticed), cmocka_unit_test(strangers_are_refused), cmocka_unit_test(addresses_are_used_again),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}

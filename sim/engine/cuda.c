/* cuda.c - the few driver calls a rank makes, by dlopen: the library found first by the loader decides whether this is simulated. */
#include "sim/engine/engine.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <sys/wait.h>

#include "abi/cuda.h"

static struct {
    CUresult (*init)(unsigned);
    CUresult (*count)(int *);
    CUresult (*device)(CUdevice *, int);
    CUresult (*name)(char *, int, CUdevice);
    CUresult (*total)(size_t *, CUdevice);
    CUresult (*retain)(CUcontext *, CUdevice);
    CUresult (*current)(CUcontext);
    CUresult (*info)(size_t *, size_t *);
    CUresult (*alloc)(CUdeviceptr *, size_t);
    CUresult (*release)(CUdeviceptr);
    CUresult (*pci)(char *, int, CUdevice);
} cu;

static bool load(void)
{
    if (cu.init)
        return true;
    void *lib = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
    if (!lib)
        return false;
    *(void **)&cu.count = dlsym(lib, "cuDeviceGetCount");
    *(void **)&cu.device = dlsym(lib, "cuDeviceGet");
    *(void **)&cu.name = dlsym(lib, "cuDeviceGetName");
    *(void **)&cu.total = dlsym(lib, "cuDeviceTotalMem_v2");
    *(void **)&cu.retain = dlsym(lib, "cuDevicePrimaryCtxRetain");
    *(void **)&cu.current = dlsym(lib, "cuCtxSetCurrent");
    *(void **)&cu.info = dlsym(lib, "cuMemGetInfo_v2");
    *(void **)&cu.alloc = dlsym(lib, "cuMemAlloc_v2");
    *(void **)&cu.release = dlsym(lib, "cuMemFree_v2");
    *(void **)&cu.pci = dlsym(lib, "cuDeviceGetPCIBusId");
    *(void **)&cu.init = dlsym(lib, "cuInit");
    return cu.init && cu.count && cu.device && cu.name && cu.total && cu.retain && cu.current && cu.info && cu.alloc && cu.release;
}

int se_cuda_count(void)
{
    int n;
    return load() && cu.init(0) == CUDA_SUCCESS && cu.count(&n) == CUDA_SUCCESS ? n : -1;
}

int se_cuda_device(int device, uint64_t *total_bytes, char *name, size_t n)
{
    CUdevice d;
    size_t total;
    if (se_cuda_count() <= device || cu.device(&d, device) != CUDA_SUCCESS || cu.total(&total, d) != CUDA_SUCCESS ||
        cu.name(name, (int)n, d) != CUDA_SUCCESS)
        return -1;
    *total_bytes = total;
    return 0;
}

int se_cuda_open(int device, struct bt_err *err)
{
    if (!load())
        return bt_err_set(err, BT_E_DEVICE, 0, "RuntimeError: Failed to infer device type (no libcuda.so.1)");
    CUresult rc = cu.init(0);
    CUdevice d;
    CUcontext ctx;
    if (rc == CUDA_SUCCESS)
        rc = cu.device(&d, device);
    if (rc == CUDA_SUCCESS)
        rc = cu.retain(&ctx, d);
    if (rc == CUDA_SUCCESS)
        rc = cu.current(ctx);
    if (rc == CUDA_ERROR_OUT_OF_MEMORY)
        return bt_err_set(err, BT_E_DEVICE, 0, "torch.AcceleratorError: CUDA error: out of memory");
    if (rc != CUDA_SUCCESS)
        return bt_err_set(err, BT_E_DEVICE, 0, "torch.AcceleratorError: CUDA error: device %d: driver error %d", device, (int)rc);
    return 0;
}

int se_cuda_alloc(uint64_t bytes, uint64_t *ptr)
{
    CUdeviceptr p = 0;
    CUresult rc = cu.alloc(&p, bytes);
    *ptr = rc == CUDA_SUCCESS ? (uint64_t)p : 0;
    return (int)rc;
}

void se_cuda_free(uint64_t ptr)
{
    cu.release((CUdeviceptr)ptr);
}

int se_cuda_info(uint64_t *free_bytes, uint64_t *total_bytes)
{
    size_t f = 0, t = 0;
    CUresult rc = cu.info(&f, &t);
    *free_bytes = f;
    *total_bytes = t;
    return (int)rc;
}

int se_cuda_pci(int device, char *id, size_t n)
{
    CUdevice d;
    return load() && cu.device(&d, device) == CUDA_SUCCESS && cu.pci && cu.pci(id, (int)n, d) == CUDA_SUCCESS ? 0 : -1;
}

struct se_card se_card_of_rank0(void)
{
    struct se_card c = { .count = -1 };
    int p[2];
    if (pipe(p) < 0)
        return c;
    pid_t pid = fork();
    if (pid == 0) {
        c.count = se_cuda_count();
        if (c.count > 0)
            se_cuda_device(0, &c.total, c.name, sizeof c.name);
        _exit(write(p[1], &c, sizeof c) == sizeof c ? 0 : 1);
    }
    close(p[1]);
    ssize_t got;
    do
        got = read(p[0], &c, sizeof c);
    while (got < 0 && errno == EINTR);           /* a SIGTERM of this time is seen by the caller */
    if (pid < 0 || got != sizeof c)
        c.count = -1;
    close(p[0]);
    while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR) { }
    return c;
}

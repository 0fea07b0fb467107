/* cuda_module.c - modules, kernels, launches. No code runs: what counts is that a module takes device memory, and when.
 *
 * A module's code is loaded at its first function's first launch or look-up of an address (CUDA_MODULE_LOADING=LAZY, the default) or
 * at once (EAGER). It takes the size of its image, as far as the image tells it: of a cubin (ELF) and a fatbin it is written in them,
 * PTX grows about threefold when compiled. Every name is found: nobody looks into the image. */
#include "sim/cuda_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define LAUNCH_US 10                         /* what a launch counts as work */
#define FATBIN_WRAPPER 0x466243b1u
#define FATBIN 0xba55ed50u

struct module { uint64_t handle, bytes, addr; struct sim_ctx *ctx; bool loaded; };   /* addr: its memory on the card, once loaded; ctx NULL: a library */
struct function { uint64_t handle; struct module *module; };

static uint16_t u16(const unsigned char *p) { uint16_t n; memcpy(&n, p, sizeof n); return n; }
static uint32_t u32(const unsigned char *p) { uint32_t n; memcpy(&n, p, sizeof n); return n; }
static uint64_t u64(const unsigned char *p) { uint64_t n; memcpy(&n, p, sizeof n); return n; }

/* How much memory the code in an image takes; 0: this is no image. */
static uint64_t image_bytes(const void *image)
{
    const unsigned char *p = image;
    if (u32(p) == FATBIN_WRAPPER)
        memcpy(&p, p + 8, sizeof p);
    if (!p)
        return 0;
    if (u32(p) == FATBIN)
        return u16(p + 6) + u64(p + 8);      /* its head, and what follows */
    if (memcmp(p, "\177ELF\2", 5) == 0)
        return u64(p + 40) + (uint64_t)u16(p + 58) * u16(p + 60);    /* the section table is the last thing in it */
    size_t n = strnlen((const char *)p, 64 << 20);
    return strstr((const char *)p, ".version") ? 3 * (uint64_t)n : 0;
}

static CUresult load_code(struct module *m, struct sim_ctx *ctx)
{
    if (m->loaded)
        return CUDA_SUCCESS;
    CUresult rc = sim_alloc(ctx, m->bytes, &m->addr);
    m->loaded = rc == CUDA_SUCCESS;
    return rc;
}

static bool eager(void)
{
    const char *how = getenv("CUDA_MODULE_LOADING");
    return how && strcmp(how, "EAGER") == 0;
}

static CUresult module_new(uint64_t bytes, struct sim_ctx *ctx, uint64_t *out)
{
    if (!bytes)
        return CUDA_ERROR_INVALID_IMAGE;
    struct module *m = calloc(1, sizeof *m);
    if (!m || !(m->handle = sim_handle_new(SIM_MODULE, m))) {
        free(m);
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    m->bytes = bytes;
    m->ctx = ctx;
    CUresult rc = eager() && ctx ? load_code(m, ctx) : CUDA_SUCCESS;
    if (rc != CUDA_SUCCESS) {
        sim_handle_drop(m->handle);
        free(m);
        return rc;
    }
    *out = m->handle;
    return CUDA_SUCCESS;
}

static void drop_function(uint64_t handle, void *object, void *module)
{
    struct function *f = object;
    if (f->module != module)
        return;
    sim_handle_drop(handle);
    free(f);
}

static void module_free(struct module *m, bool memory_too)
{
    sim_handle_each(SIM_FUNCTION, drop_function, m);
    sim_handle_drop(m->handle);
    uint64_t addr = m->loaded && memory_too ? m->addr : 0;
    free(m);
    if (addr)
        sim_free(addr);
}

static void drop_module(uint64_t handle, void *object, void *ctx)
{
    struct module *m = object;
    (void)handle;
    if (m->ctx == ctx)
        module_free(m, false);               /* its memory went with the context's */
}

void sim_modules_of_ctx_drop(struct sim_ctx *ctx)
{
    sim_handle_each(SIM_MODULE, drop_module, ctx);
}

static struct module *module_get(const void *handle)
{
    return sim_handle_get(SIM_MODULE, (uint64_t)(uintptr_t)handle);
}

/* ---- modules ---- */

static CUresult load(void **out, uint64_t bytes)
{
    struct sim_ctx *ctx;
    uint64_t h;
    CUresult rc = sim_current(&ctx);
    if (rc == CUDA_SUCCESS)
        rc = module_new(bytes, ctx, &h);
    if (rc == CUDA_SUCCESS)
        *out = (void *)(uintptr_t)h;
    return rc;
}

CUresult cuModuleLoadData(CUmodule *module, const void *image)
{
    SIM_ENTER();
    return module && image ? load((void **)module, image_bytes(image)) : CUDA_ERROR_INVALID_VALUE;
}

CUresult cuModuleLoadDataEx(CUmodule *module, const void *image, unsigned n, int *options, void **values)
{
    (void)n, (void)options, (void)values;    /* about the compiler's work */
    return cuModuleLoadData(module, image);
}

CUresult cuModuleLoadFatBinary(CUmodule *module, const void *image)
{
    return cuModuleLoadData(module, image);
}

CUresult cuModuleLoad(CUmodule *module, const char *path)
{
    SIM_ENTER();
    struct stat s;
    if (!module || !path)
        return CUDA_ERROR_INVALID_VALUE;
    if (stat(path, &s) != 0)
        return CUDA_ERROR_FILE_NOT_FOUND;
    return load((void **)module, (uint64_t)s.st_size);
}

CUresult cuModuleUnload(CUmodule module)
{
    SIM_ENTER();
    struct module *m = module_get(module);
    if (!m || !m->ctx)
        return CUDA_ERROR_INVALID_HANDLE;
    module_free(m, true);
    return CUDA_SUCCESS;
}

CUresult cuModuleGetLoadingMode(int *mode)
{
    SIM_ENTER();
    if (!mode)
        return CUDA_ERROR_INVALID_VALUE;
    *mode = eager() ? 1 : 2;
    return CUDA_SUCCESS;
}

static CUresult function_new(struct module *m, void **out)
{
    struct function *f = calloc(1, sizeof *f);
    if (!f || !(f->handle = sim_handle_new(SIM_FUNCTION, f))) {
        free(f);
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    f->module = m;
    *out = (void *)(uintptr_t)f->handle;
    return CUDA_SUCCESS;
}

CUresult cuModuleGetFunction(CUfunction *function, CUmodule module, const char *name)
{
    SIM_ENTER();
    struct module *m = module_get(module);
    if (!function || !name || !*name)
        return CUDA_ERROR_INVALID_VALUE;
    return m ? function_new(m, (void **)function) : CUDA_ERROR_INVALID_HANDLE;
}

/* A variable's address must be real: the code is loaded now. Its size is not known. */
CUresult cuModuleGetGlobal_v2(CUdeviceptr *ptr, size_t *bytes, CUmodule module, const char *name)
{
    SIM_ENTER();
    struct sim_ctx *ctx;
    struct module *m = module_get(module);
    CUresult rc = sim_current(&ctx);
    if (rc != CUDA_SUCCESS)
        return rc;
    if (!name || !m)
        return m ? CUDA_ERROR_INVALID_VALUE : CUDA_ERROR_INVALID_HANDLE;
    rc = load_code(m, ctx);
    if (rc == CUDA_SUCCESS && ptr)
        *ptr = m->addr;
    if (rc == CUDA_SUCCESS && bytes)
        *bytes = m->bytes < 4 ? m->bytes : 4;
    return rc;
}

/* ---- libraries: modules that belong to no context ---- */

CUresult cuLibraryLoadData(CUlibrary *library, const void *code, int *jit, void **jit_values, unsigned njit, int *options, void **values, unsigned n)
{
    SIM_ENTER();
    uint64_t h;
    (void)jit, (void)jit_values, (void)njit, (void)options, (void)values, (void)n;
    if (!library || !code)
        return CUDA_ERROR_INVALID_VALUE;
    CUresult rc = module_new(image_bytes(code), NULL, &h);
    if (rc == CUDA_SUCCESS)
        *library = (CUlibrary)(uintptr_t)h;
    return rc;
}

CUresult cuLibraryUnload(CUlibrary library)
{
    SIM_ENTER();
    struct module *m = module_get(library);
    if (!m || m->ctx)
        return CUDA_ERROR_INVALID_HANDLE;
    module_free(m, true);
    return CUDA_SUCCESS;
}

CUresult cuLibraryGetKernel(CUkernel *kernel, CUlibrary library, const char *name)
{
    SIM_ENTER();
    struct module *m = module_get(library);
    if (!kernel || !name || !*name)
        return CUDA_ERROR_INVALID_VALUE;
    return m ? function_new(m, (void **)kernel) : CUDA_ERROR_INVALID_HANDLE;
}

/* One handle is both, here. */
CUresult cuKernelGetFunction(CUfunction *function, CUkernel kernel)
{
    SIM_ENTER();
    if (!function)
        return CUDA_ERROR_INVALID_VALUE;
    if (!sim_handle_get(SIM_FUNCTION, (uint64_t)(uintptr_t)kernel))
        return CUDA_ERROR_INVALID_HANDLE;
    *function = (CUfunction)(uintptr_t)kernel;
    return CUDA_SUCCESS;
}

CUresult cuLibraryGetModule(CUmodule *module, CUlibrary library)
{
    SIM_ENTER();
    if (!module)
        return CUDA_ERROR_INVALID_VALUE;
    if (!module_get(library))
        return CUDA_ERROR_INVALID_HANDLE;
    *module = (CUmodule)(uintptr_t)library;
    return CUDA_SUCCESS;
}

/* ---- launches ---- */

static CUresult launch(CUfunction function, const unsigned dims[6], CUstream stream)
{
    struct sim_ctx *ctx;
    struct function *f = sim_handle_get(SIM_FUNCTION, (uint64_t)(uintptr_t)function);
    CUresult rc = sim_stream_ctx(stream, &ctx);
    if (rc != CUDA_SUCCESS)
        return rc;
    if (!f)
        return CUDA_ERROR_INVALID_HANDLE;
    for (int i = 0; i < 6; i++)
        if (!dims[i])
            return CUDA_ERROR_INVALID_VALUE;
    if ((uint64_t)dims[3] * dims[4] * dims[5] > 1024)
        return CUDA_ERROR_INVALID_VALUE;
    rc = load_code(f->module, ctx);
    if (rc == CUDA_SUCCESS && !sim_stream_capture(stream))
        bt_sim_work(sim.st, sim.proc, sim.gpu_of[ctx->dev], LAUNCH_US);
    return rc;
}

CUresult cuLaunchKernel(CUfunction f, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz, unsigned shared, CUstream stream,
                        void **params, void **extra)
{
    SIM_ENTER();
    (void)shared, (void)params, (void)extra;
    return launch(f, (unsigned[]){ gx, gy, gz, bx, by, bz }, stream);
}

CUresult cuLaunchKernel_ptsz(CUfunction f, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz, unsigned shared,
                             CUstream stream, void **params, void **extra)
{
    return cuLaunchKernel(f, gx, gy, gz, bx, by, bz, shared, stream, params, extra);
}

CUresult cuLaunchCooperativeKernel(CUfunction f, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz, unsigned shared,
                                   CUstream stream, void **params)
{
    return cuLaunchKernel(f, gx, gy, gz, bx, by, bz, shared, stream, params, NULL);
}

CUresult cuLaunchCooperativeKernel_ptsz(CUfunction f, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz, unsigned shared,
                                        CUstream stream, void **params)
{
    return cuLaunchKernel(f, gx, gy, gz, bx, by, bz, shared, stream, params, NULL);
}

CUresult cuLaunchKernelEx(const CUlaunchConfig *c, CUfunction f, void **params, void **extra)
{
    SIM_ENTER();
    (void)params, (void)extra;
    if (!c)
        return CUDA_ERROR_INVALID_VALUE;
    return launch(f, (unsigned[]){ c->gridDimX, c->gridDimY, c->gridDimZ, c->blockDimX, c->blockDimY, c->blockDimZ }, c->hStream);
}

CUresult cuLaunchKernelEx_ptsz(const CUlaunchConfig *c, CUfunction f, void **params, void **extra)
{
    return cuLaunchKernelEx(c, f, params, extra);
}

/* Of a kernel that nobody looked into: it may have 1024 threads, and needs nothing. */
CUresult cuFuncGetAttribute(int *value, int attribute, CUfunction function)
{
    SIM_ENTER();
    if (!value || attribute < 0 || attribute > 15)
        return CUDA_ERROR_INVALID_VALUE;
    if (!sim_handle_get(SIM_FUNCTION, (uint64_t)(uintptr_t)function))
        return CUDA_ERROR_INVALID_HANDLE;
    *value = attribute == 0 ? 1024 : attribute == 4 ? 32 : 0;        /* threads a block, registers */
    return CUDA_SUCCESS;
}

CUresult cuFuncSetAttribute(CUfunction function, int attribute, int value)
{
    SIM_ENTER();
    (void)value;
    if (attribute < 8 || attribute > 15)     /* those below are facts */
        return CUDA_ERROR_INVALID_VALUE;
    return sim_handle_get(SIM_FUNCTION, (uint64_t)(uintptr_t)function) ? CUDA_SUCCESS : CUDA_ERROR_INVALID_HANDLE;
}

CUresult cuFuncGetModule(CUmodule *module, CUfunction function)
{
    SIM_ENTER();
    struct function *f = sim_handle_get(SIM_FUNCTION, (uint64_t)(uintptr_t)function);
    if (!module)
        return CUDA_ERROR_INVALID_VALUE;
    if (!f)
        return CUDA_ERROR_INVALID_HANDLE;
    *module = (CUmodule)(uintptr_t)f->module->handle;
    return CUDA_SUCCESS;
}

/* As many as a multiprocessor has threads for: registers and shared memory of a kernel that nobody looked into are not known. */
CUresult cuOccupancyMaxActiveBlocksPerMultiprocessor(int *blocks, CUfunction function, int threads, size_t shared)
{
    SIM_ENTER();
    struct sim_ctx *ctx;
    (void)shared;
    CUresult rc = sim_current(&ctx);
    if (rc != CUDA_SUCCESS)
        return rc;
    if (!blocks || threads <= 0)
        return CUDA_ERROR_INVALID_VALUE;
    if (!sim_handle_get(SIM_FUNCTION, (uint64_t)(uintptr_t)function))
        return CUDA_ERROR_INVALID_HANDLE;
    *blocks = threads > 1024 ? 0 : 2048 / ((threads + 31) / 32 * 32);
    return CUDA_SUCCESS;
}

CUresult cuOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(int *blocks, CUfunction function, int threads, size_t shared, unsigned flags)
{
    return flags > 1 ? CUDA_ERROR_INVALID_VALUE : cuOccupancyMaxActiveBlocksPerMultiprocessor(blocks, function, threads, shared);
}

/* cuda_vmm.c - virtual memory management: physical memory (handles), addresses (reservations), and what is mapped where.
 *
 * A handle's bytes go back when its references and its mappings are all gone. None of it needs a current context, and none of it
 * dies with one. A handle may be exported as a file descriptor: a small file that names the share (sim/share.c), which another
 * process imports. The descriptor alone keeps no memory alive, as a real one does. */
#include "sim/cuda_int.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
#include <string.h>

struct phys {
    uint64_t handle, size;
    CUmemAllocationProp prop;
    CUdevice dev;                            /* -1: host memory, free of charge */
    unsigned refs, maps;
    int share;                               /* 1 + number of the share; 0: not shared */
    bool imported;
};
/* What lies in an exported file. */
struct ticket { uint64_t magic, size; int32_t share, gpu; uint32_t gen, pad; CUmemAllocationProp prop; };
#define TICKET_MAGIC 0x544b435448545242ull   /* "BRTHTCKT" */

struct mapping { uint64_t addr, size; struct phys *phys; uint64_t open_to; };   /* open_to: bit per device */
struct sim_maps { size_t n, room; struct mapping m[]; };    /* of one reservation, by address */

static size_t maps_n(const struct sim_mem *r)
{
    return r->more ? ((struct sim_maps *)r->more)->n : 0;
}

static struct mapping *maps_of(const struct sim_mem *r)
{
    return r->more ? ((struct sim_maps *)r->more)->m : NULL;
}

/* Index of the first mapping that ends behind addr. */
static size_t map_find(const struct sim_mem *r, uint64_t addr)
{
    size_t lo = 0, hi = maps_n(r);
    const struct mapping *m = maps_of(r);
    while (lo < hi) {
        size_t mid = (lo + hi) / 2;
        if (m[mid].addr + m[mid].size <= addr)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

/* [addr, addr+bytes) is covered by mappings without a gap. */
static bool covered(const struct sim_mem *r, uint64_t addr, uint64_t bytes)
{
    const struct mapping *m = maps_of(r);
    uint64_t at = addr, end = addr + bytes;
    for (size_t i = map_find(r, addr); at < end && i < maps_n(r) && m[i].addr <= at; i++)
        at = m[i].addr + m[i].size;
    return at >= end;
}

bool sim_reserve_mapped(const struct sim_mem *r, uint64_t addr, uint64_t bytes, CUdevice *dev)
{
    if (bytes > r->size - (addr - r->addr) || !covered(r, addr, bytes ? bytes : 1))
        return false;
    CUdevice d = maps_of(r)[map_find(r, addr)].phys->dev;
    *dev = d >= 0 ? d : 0;
    return true;
}

static void phys_drop(struct phys *p)
{
    if (p->refs || p->maps)
        return;
    if (p->imported)
        bt_sim_share_leave(sim.st, sim.proc, p->share - 1);
    else if (p->share)
        bt_sim_share_end(sim.st, sim.proc, p->share - 1);
    else if (p->dev >= 0)
        sim_uncharge(p->dev, BT_SIM_MEMORY, p->size);
    sim_handle_drop(p->handle);
    free(p);
}

static struct phys *phys_get(CUmemGenericAllocationHandle h)
{
    struct phys *p = sim_handle_get(SIM_PHYS, h);
    return p && p->refs ? p : NULL;          /* a released handle may still be mapped, but nobody may name it */
}

/* ---- physical memory ---- */

static CUresult check_prop(const CUmemAllocationProp *p, CUdevice *dev)
{
    if (!p || p->type != CU_MEM_ALLOCATION_TYPE_PINNED)
        return CUDA_ERROR_INVALID_VALUE;
    switch (p->location.type) {
    case CU_MEM_LOCATION_TYPE_DEVICE:
        if (!sim_dev_ok(p->location.id))
            return CUDA_ERROR_INVALID_DEVICE;
        *dev = p->location.id;
        break;
    case CU_MEM_LOCATION_TYPE_HOST:
    case CU_MEM_LOCATION_TYPE_HOST_NUMA:
    case CU_MEM_LOCATION_TYPE_HOST_NUMA_CURRENT:
        *dev = -1;
        break;
    default:
        return CUDA_ERROR_INVALID_VALUE;
    }
    bool fd = p->requestedHandleTypes == CU_MEM_HANDLE_TYPE_POSIX_FILE_DESCRIPTOR && *dev >= 0;
    return fd || p->requestedHandleTypes == CU_MEM_HANDLE_TYPE_NONE ? CUDA_SUCCESS : CUDA_ERROR_NOT_SUPPORTED;
}

CUresult cuMemGetAllocationGranularity(size_t *granularity, const CUmemAllocationProp *prop, CUmemAllocationGranularity_flags option)
{
    SIM_ENTER();
    CUdevice dev;
    if (!granularity || (option != CU_MEM_ALLOC_GRANULARITY_MINIMUM && option != CU_MEM_ALLOC_GRANULARITY_RECOMMENDED))
        return CUDA_ERROR_INVALID_VALUE;
    CUresult rc = check_prop(prop, &dev);
    if (rc == CUDA_SUCCESS)
        *granularity = BT_SIM_GRANULE;
    return rc;
}

CUresult cuMemCreate(CUmemGenericAllocationHandle *handle, size_t size, const CUmemAllocationProp *prop, unsigned long long flags)
{
    SIM_ENTER();
    CUdevice dev;
    CUresult rc = check_prop(prop, &dev);
    if (rc != CUDA_SUCCESS)
        return rc;
    if (!handle || flags != 0 || size == 0 || size % BT_SIM_GRANULE)
        return CUDA_ERROR_INVALID_VALUE;
    struct phys *p = calloc(1, sizeof *p);
    if (!p)
        return CUDA_ERROR_OUT_OF_MEMORY;
    rc = dev >= 0 ? sim_charge(dev, BT_SIM_MEMORY, size) : CUDA_SUCCESS;
    if (rc == CUDA_SUCCESS) {
        p->handle = sim_handle_new(SIM_PHYS, p);
        if (!p->handle) {
            if (dev >= 0)
                sim_uncharge(dev, BT_SIM_MEMORY, size);
            rc = CUDA_ERROR_OUT_OF_MEMORY;
        }
    }
    if (rc != CUDA_SUCCESS) {
        free(p);
        return rc;
    }
    p->size = size;
    p->prop = *prop;
    p->dev = dev;
    p->refs = 1;
    *handle = p->handle;
    return CUDA_SUCCESS;
}

CUresult cuMemRelease(CUmemGenericAllocationHandle handle)
{
    SIM_ENTER();
    struct phys *p = phys_get(handle);
    if (!p)
        return CUDA_ERROR_INVALID_VALUE;
    p->refs--;
    phys_drop(p);
    return CUDA_SUCCESS;
}

CUresult cuMemGetAllocationPropertiesFromHandle(CUmemAllocationProp *prop, CUmemGenericAllocationHandle handle)
{
    SIM_ENTER();
    struct phys *p = phys_get(handle);
    if (!p || !prop)
        return CUDA_ERROR_INVALID_VALUE;
    *prop = p->prop;
    return CUDA_SUCCESS;
}

/* ---- between processes ---- */

CUresult cuMemExportToShareableHandle(void *out, CUmemGenericAllocationHandle handle, CUmemAllocationHandleType type, unsigned long long flags)
{
    SIM_ENTER();
    struct phys *p = phys_get(handle);
    if (!out || !p || flags != 0 || type != p->prop.requestedHandleTypes || type == CU_MEM_HANDLE_TYPE_NONE)
        return CUDA_ERROR_INVALID_VALUE;
    if (!p->share) {
        p->share = 1 + bt_sim_share_new(sim.st, sim.proc, sim.gpu_of[p->dev], p->size);
        if (!p->share)
            return CUDA_ERROR_OPERATING_SYSTEM;
    }
    struct ticket t = { .magic = TICKET_MAGIC, .size = p->size, .share = p->share - 1, .gpu = (int32_t)sim.gpu_of[p->dev],
                        .gen = sim.st->shares[p->share - 1].gen, .prop = p->prop };
    int fd = memfd_create("simulated-cuda-memory", MFD_CLOEXEC);
    if (fd < 0 || pwrite(fd, &t, sizeof t, 0) != (ssize_t)sizeof t) {
        if (fd >= 0)
            close(fd);
        return CUDA_ERROR_OPERATING_SYSTEM;
    }
    *(int *)out = fd;
    return CUDA_SUCCESS;
}

/* The device that this process counts the card as; -1 when it may not use it. */
static CUdevice device_of(int32_t gpu)
{
    for (int i = 0; i < sim.ndev; i++)
        if (sim.gpu_of[i] == (unsigned)gpu)
            return i;
    return -1;
}

/* os_handle: the descriptor itself, in a pointer's clothes. It may be closed at once. */
CUresult cuMemImportFromShareableHandle(CUmemGenericAllocationHandle *handle, void *os_handle, CUmemAllocationHandleType type)
{
    SIM_ENTER();
    struct ticket t;
    if (!handle || type != CU_MEM_HANDLE_TYPE_POSIX_FILE_DESCRIPTOR)
        return CUDA_ERROR_INVALID_VALUE;
    if (pread((int)(intptr_t)os_handle, &t, sizeof t, 0) != (ssize_t)sizeof t || t.magic != TICKET_MAGIC || t.share < 0 || t.share >= BT_SIM_SHARES)
        return CUDA_ERROR_INVALID_VALUE;
    CUdevice dev = device_of(t.gpu);
    if (dev < 0)
        return CUDA_ERROR_INVALID_DEVICE;
    struct phys *p = calloc(1, sizeof *p);
    CUresult rc = p ? sim_charge(dev, BT_SIM_MEMORY, 0) : CUDA_ERROR_OUT_OF_MEMORY;      /* nothing: the slot alone */
    if (rc == CUDA_SUCCESS && !bt_sim_share_join(sim.st, sim.proc, t.share, t.gen))
        rc = CUDA_ERROR_INVALID_VALUE;       /* its owner has freed it meanwhile */
    if (rc == CUDA_SUCCESS && !(p->handle = sim_handle_new(SIM_PHYS, p))) {
        bt_sim_share_leave(sim.st, sim.proc, t.share);
        rc = CUDA_ERROR_OUT_OF_MEMORY;
    }
    if (rc != CUDA_SUCCESS) {
        free(p);
        return rc;
    }
    p->size = t.size;
    p->prop = t.prop;
    p->prop.location.id = dev;
    p->dev = dev;
    p->refs = 1;
    p->share = t.share + 1;
    p->imported = true;
    *handle = p->handle;
    return CUDA_SUCCESS;
}

/* ---- addresses ---- */

static struct sim_mem *reservation_of(uint64_t addr, uint64_t bytes)
{
    struct sim_mem *r = sim_mem_holding(addr);
    return r && r->kind == SIM_MEM_RESERVE && bytes <= r->size - (addr - r->addr) ? r : NULL;
}

static bool aligned(uint64_t addr, uint64_t size)
{
    return size != 0 && size % BT_SIM_GRANULE == 0 && addr % BT_SIM_GRANULE == 0;
}

/* The address asked for is a wish, and no wish is granted here. */
CUresult cuMemAddressReserve(CUdeviceptr *ptr, size_t size, size_t alignment, CUdeviceptr addr, unsigned long long flags)
{
    SIM_ENTER();
    unsigned va_class;
    (void)addr;
    if (!ptr || flags != 0 || !aligned(0, size) || (alignment & (alignment - 1)))
        return CUDA_ERROR_INVALID_VALUE;
    uint64_t at = sim_va_take(size, alignment, &va_class);
    struct sim_mem *r = at ? sim_mem_new(SIM_MEM_RESERVE, at, size, 0, NULL) : NULL;
    if (!r) {
        if (at)
            sim_va_give(at, va_class);
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    r->va_class = va_class;
    *ptr = at;
    return CUDA_SUCCESS;
}

CUresult cuMemAddressFree(CUdeviceptr ptr, size_t size)
{
    SIM_ENTER();
    struct sim_mem *r = sim_mem_at(ptr);
    if (!r || r->kind != SIM_MEM_RESERVE || r->size != size || maps_n(r))
        return CUDA_ERROR_INVALID_VALUE;
    sim_mem_free(r);
    return CUDA_SUCCESS;
}

/* ---- mappings ---- */

CUresult cuMemMap(CUdeviceptr ptr, size_t size, size_t offset, CUmemGenericAllocationHandle handle, unsigned long long flags)
{
    SIM_ENTER();
    struct phys *p = phys_get(handle);
    struct sim_mem *r = reservation_of(ptr, size);
    if (!p || !r || flags != 0 || !aligned(ptr, size) || offset % BT_SIM_GRANULE || offset > p->size || size > p->size - offset)
        return CUDA_ERROR_INVALID_VALUE;
    size_t n = maps_n(r), i = map_find(r, ptr);
    if (i < n && maps_of(r)[i].addr < ptr + size)
        return CUDA_ERROR_ALREADY_MAPPED;
    struct sim_maps *maps = r->more;
    if (!maps || n == maps->room) {
        size_t room = n ? 2 * n : 4;
        maps = realloc(maps, sizeof *maps + room * sizeof maps->m[0]);
        if (!maps)
            return CUDA_ERROR_OUT_OF_MEMORY;
        maps->n = n;
        maps->room = room;
        r->more = maps;
    }
    memmove(&maps->m[i + 1], &maps->m[i], (n - i) * sizeof maps->m[0]);
    maps->m[i] = (struct mapping){ .addr = ptr, .size = size, .phys = p };
    maps->n = n + 1;
    p->maps++;
    return CUDA_SUCCESS;
}

/* Whole mappings only, as many as lie in the range. */
CUresult cuMemUnmap(CUdeviceptr ptr, size_t size)
{
    SIM_ENTER();
    struct sim_mem *r = reservation_of(ptr, size);
    if (!r || !aligned(ptr, size))
        return CUDA_ERROR_INVALID_VALUE;
    size_t n = maps_n(r), from = map_find(r, ptr), to = from;
    struct mapping *m = maps_of(r);
    if (!covered(r, ptr, size) || m[from].addr != ptr)
        return CUDA_ERROR_INVALID_VALUE;
    while (to < n && m[to].addr < ptr + size)
        to++;
    if (m[to - 1].addr + m[to - 1].size != ptr + size)
        return CUDA_ERROR_INVALID_VALUE;
    for (size_t i = from; i < to; i++) {
        m[i].phys->maps--;
        phys_drop(m[i].phys);
    }
    memmove(&m[from], &m[to], (n - to) * sizeof *m);
    ((struct sim_maps *)r->more)->n = n - (to - from);
    return CUDA_SUCCESS;
}

CUresult cuMemSetAccess(CUdeviceptr ptr, size_t size, const CUmemAccessDesc *desc, size_t count)
{
    SIM_ENTER();
    struct sim_mem *r = reservation_of(ptr, size);
    if (!r || !desc || !count || !aligned(ptr, size) || !covered(r, ptr, size))
        return CUDA_ERROR_INVALID_VALUE;
    for (size_t k = 0; k < count; k++) {
        if (desc[k].location.type != CU_MEM_LOCATION_TYPE_DEVICE)
            continue;                        /* the host's own access to host memory */
        if (!sim_dev_ok(desc[k].location.id))
            return CUDA_ERROR_INVALID_DEVICE;
        uint64_t bit = 1ull << desc[k].location.id;
        bool open = desc[k].flags != CU_MEM_ACCESS_FLAGS_PROT_NONE;
        for (size_t i = map_find(r, ptr); i < maps_n(r) && maps_of(r)[i].addr < ptr + size; i++)
            maps_of(r)[i].open_to = open ? maps_of(r)[i].open_to | bit : maps_of(r)[i].open_to & ~bit;
    }
    return CUDA_SUCCESS;
}

CUresult cuMemGetAccess(unsigned long long *flags, const CUmemLocation *location, CUdeviceptr ptr)
{
    SIM_ENTER();
    struct sim_mem *r = reservation_of(ptr, 1);
    if (!flags || !location || !r || !covered(r, ptr, 1))
        return CUDA_ERROR_INVALID_VALUE;
    if (location->type != CU_MEM_LOCATION_TYPE_DEVICE || !sim_dev_ok(location->id))
        return CUDA_ERROR_INVALID_VALUE;
    bool open = maps_of(r)[map_find(r, ptr)].open_to >> location->id & 1;
    *flags = open ? CU_MEM_ACCESS_FLAGS_PROT_READWRITE : CU_MEM_ACCESS_FLAGS_PROT_NONE;
    return CUDA_SUCCESS;
}

CUresult cuMemRetainAllocationHandle(CUmemGenericAllocationHandle *handle, void *addr)
{
    SIM_ENTER();
    uint64_t at = (uint64_t)(uintptr_t)addr;
    struct sim_mem *r = reservation_of(at, 1);
    if (!handle || !r || !covered(r, at, 1))
        return CUDA_ERROR_INVALID_VALUE;
    struct phys *p = maps_of(r)[map_find(r, at)].phys;
    p->refs++;
    *handle = p->handle;
    return CUDA_SUCCESS;
}

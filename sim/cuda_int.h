/* cuda_int.h - inside the simulated libcuda.so.1: what its files share.
 *
 * cuda_lib.c   start, the lock, handles          cuda_ctx.c     contexts and each thread's stack of them
 * cuda_visible.c  CUDA_VISIBLE_DEVICES           cuda_mem.c     allocations
 * cuda_device.c  devices and attributes          cuda_pool.c    stream-ordered memory
 * cuda_va.c    addresses and their records       cuda_vmm.c     virtual memory management
 * cuda_copy.c  copies and fills; _copy2d: rectangles  cuda_stream.c  streams and events
 * cuda_proc.c  cuGetProcAddress, error names     cuda_share.c   IPC between processes
 * cuda_host.c  host memory, callbacks, hints     cuda_module.c  modules, kernels, launches
 * cuda_array.c arrays and mipmaps                cuda_graph.c   graphs, their memory, capture
 * cuda_park.c  checkpoints                       cuda_none.c    all that the driver exports and this machine has not
 *
 * One lock per process guards everything here. A device address is never mapped in the process: touching one on the CPU is a
 * fault, as with a real card. Device memory has no content: what is copied into it is dropped, what is copied out is zeros. */
#ifndef BT_SIM_CUDA_INT_H
#define BT_SIM_CUDA_INT_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "abi/cuda.h"
#include "sim/state.h"

#define SIM_MiB (1ull << 20)
#define SIM_VA_BASE 0x300000000000ull        /* a region that Linux gives to no mapping of its own accord */
#define SIM_VA_END 0x500000000000ull
#define SIM_LIMITS 8

static inline uint64_t sim_round_up(uint64_t n, uint64_t unit)
{
    return (n + unit - 1) / unit * unit;
}

/* ---- library ---- */
struct sim_ctx;
struct sim_pool;
struct sim_primary { struct sim_ctx *ctx; unsigned refs, flags; };       /* ctx: NULL while inactive */
struct sim_lib {
    bool inited, closed;
    pid_t pid;                       /* who called cuInit: a fork child may not go on */
    struct bt_sim_state *st;
    struct bt_sim_proc *proc;        /* NULL until the first charge */
    int ndev;
    unsigned gpu_of[BT_SIM_MAX_GPUS];        /* CUDA ordinal -> card of the state */
    struct sim_primary primary[BT_SIM_MAX_GPUS];
    struct sim_pool *default_pool[BT_SIM_MAX_GPUS], *pool[BT_SIM_MAX_GPUS];
};
extern struct sim_lib sim;

/* Every entry that needs cuInit starts with this: holds the lock until the function returns. */
CUresult sim_enter(void);
void sim_leave(int *held);
#define SIM_ENTER()                                                         \
    CUresult sim_entered_ = sim_enter();                                    \
    if (sim_entered_ != CUDA_SUCCESS)                                       \
        return sim_entered_;                                                \
    __attribute__((cleanup(sim_leave), unused)) int sim_held_ = 0
/* An entry and its per-thread twin (_ptds, _ptsz), which differs in nothing. */
#define SIM_TWINS(name, twin, params, args, body)                           \
    CUresult name params                                                    \
    {                                                                       \
        SIM_ENTER();                                                        \
        body                                                                \
    }                                                                       \
    CUresult twin params                                                    \
    {                                                                       \
        return name args;                                                   \
    }

static inline bool sim_dev_ok(CUdevice dev)
{
    return dev >= 0 && dev < sim.ndev;
}
static inline struct bt_sim_gpu *sim_gpu(CUdevice dev)
{
    return &sim.st->gpus[sim.gpu_of[dev]];
}
/* The card fell off the bus. */
bool sim_lost(CUdevice dev);
/* Charge the process's slot, taking one at first. CUDA_ERROR_OUT_OF_MEMORY and nothing changed when it does not fit. */
CUresult sim_charge(CUdevice dev, enum bt_sim_what what, uint64_t bytes);
void sim_uncharge(CUdevice dev, enum bt_sim_what what, uint64_t bytes);

/* ---- handles: an index, a kind and a generation, so that a stale or invented one is told from a live one ---- */
enum sim_kind { SIM_CTX = 1, SIM_STREAM, SIM_EVENT, SIM_POOL, SIM_PHYS, SIM_MODULE, SIM_FUNCTION, SIM_ARRAY, SIM_GRAPH, SIM_NODE, SIM_EXEC, SIM_MIPMAP };
uint64_t sim_handle_new(enum sim_kind kind, void *object);   /* 0: no memory */
void *sim_handle_get(enum sim_kind kind, uint64_t handle);   /* NULL: not one of ours, or no longer */
void sim_handle_drop(uint64_t handle);
/* Call f for every live object of a kind; f may drop the handle it is given. */
void sim_handle_each(enum sim_kind kind, void (*f)(uint64_t handle, void *object, void *arg), void *arg);

/* ---- CUDA_VISIBLE_DEVICES: pure ---- */
struct sim_visible_card { const char *uuid; double speed; };         /* in PCI order */
/* list: the variable's value or NULL; order: CUDA_DEVICE_ORDER or NULL. Fills out with PCI indices, returns how many. */
int sim_visible(const char *list, const char *order, const struct sim_visible_card *cards, int n, unsigned out[BT_SIM_MAX_GPUS]);

/* ---- contexts ---- */
struct sim_mem;
struct sim_ctx {
    uint64_t handle;
    CUdevice dev;
    unsigned flags;
    bool primary;
    size_t limits[SIM_LIMITS];
    struct sim_mem *mems;            /* what dies with it */
    uint64_t peers;                  /* bit per device: cuCtxEnablePeerAccess */
};
/* The calling thread's context: CUDA_ERROR_INVALID_CONTEXT without one, CUDA_ERROR_CONTEXT_IS_DESTROYED for a dead one. */
CUresult sim_current(struct sim_ctx **out);
/* A stream argument (0, legacy, per-thread or a handle) -> its context. */
CUresult sim_stream_ctx(CUstream stream, struct sim_ctx **out);
void sim_streams_of_ctx_drop(struct sim_ctx *ctx);
void sim_modules_of_ctx_drop(struct sim_ctx *ctx);
/* The stream records into a graph: *graph, and the allocation becomes a node of it. */
struct sim_graph;
struct sim_graph *sim_stream_capture(CUstream stream);
CUresult sim_graph_alloc(struct sim_graph *g, CUdevice dev, uint64_t bytes, uint64_t *addr);
/* An address that a graph allocated, from sim_graph_alloc. */
CUresult sim_graph_free(struct sim_graph *g, uint64_t addr);
/* What the process has that a checkpoint cannot keep (BT_SIM_BOUND_*). */
void sim_bind(uint32_t why);

/* ---- allocations ---- */
enum sim_mem_kind { SIM_MEM_BIG, SIM_MEM_BLOCK, SIM_MEM_MANAGED, SIM_MEM_HOST, SIM_MEM_POOL, SIM_MEM_RESERVE, SIM_MEM_IPC, SIM_MEM_REGISTERED, SIM_MEM_GRAPH };
struct sim_mem {
    enum sim_mem_kind kind;
    uint64_t addr, size;             /* size: as asked for; of a block, all of it */
    uint64_t charged;                /* bytes on the card; 0 for those of a pool, which its pool charges */
    unsigned va_class;
    CUdevice dev;
    unsigned flags;
    int share;                       /* 1 + number of the share; 0: not shared */
    unsigned opens;                  /* of SIM_MEM_IPC: how often it was opened */
    struct sim_ctx *ctx;             /* NULL: address reservations belong to the process */
    struct sim_pool *pool;
    void *more;                      /* struct sim_block of a block, struct sim_maps of a reservation */
    struct sim_mem *bucket_next, *prev, *next;
};
/* Addresses: spans of a power of two, aligned to their own size. 0 when the region is used up. */
uint64_t sim_va_take(uint64_t bytes, uint64_t align, unsigned *va_class);
void sim_va_give(uint64_t addr, unsigned va_class);
bool sim_va_is(uint64_t addr);
/* Records by address. sim_mem_at: exactly there; sim_mem_holding: the one whose range holds addr, NULL if none. */
struct sim_mem *sim_mem_new(enum sim_mem_kind kind, uint64_t addr, uint64_t size, CUdevice dev, struct sim_ctx *ctx);
struct sim_mem *sim_mem_at(uint64_t addr);
struct sim_mem *sim_mem_holding(uint64_t addr);
/* Give back address, bytes and record, whatever its kind. */
void sim_mem_free(struct sim_mem *m);
void sim_mem_forget(struct sim_mem *m);      /* the record alone */
/* Where [addr, addr+bytes) lies: on a device (which), in ordinary memory, or nowhere. */
enum sim_place { SIM_NOWHERE, SIM_HOST_SIDE, SIM_DEVICE_SIDE };
enum sim_place sim_place(uint64_t addr, uint64_t bytes, CUdevice *dev);
/* The allocation (a piece of a block too) that holds addr. */
bool sim_range(uint64_t addr, uint64_t *base, uint64_t *size);
/* Give back what sim_alloc gave. */
void sim_free(uint64_t addr);
/* A new allocation of device memory for ctx. */
CUresult sim_alloc(struct sim_ctx *ctx, uint64_t bytes, uint64_t *addr);

/* Copy and fill, in the current context; the lock is held. width: bytes of an element, n: how many. */
CUresult sim_copy(uint64_t dst, uint64_t src, size_t bytes);
CUresult sim_fill(CUdeviceptr dst, unsigned value, size_t n, unsigned width);

/* ---- pools ---- */
void sim_pool_mem_freed(struct sim_mem *m);
/* What a synchronising call does to the pools of a device. */
void sim_pools_synced(CUdevice dev);
CUresult sim_pool_alloc(struct sim_pool *pool, struct sim_ctx *ctx, uint64_t bytes, uint64_t *addr);

/* ---- virtual memory management ---- */
bool sim_reserve_mapped(const struct sim_mem *reservation, uint64_t addr, uint64_t bytes, CUdevice *dev);
#endif

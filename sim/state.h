/* state.h - the simulated NVIDIA machine: one file in shared memory that libcuda.so.1, libnvidia-ml.so.1 and `berth sim` map.
 *
 * The room around it:
 *   state.c, create.c    the machine: who holds which bytes; making one from a fleet      kinds.h     what a driver knows of a card by its name
 *   cuda_*.c             libcuda.so.1, see cuda_int.h                                     nvml*.c     libnvidia-ml.so.1, see nvml_int.h
 *   mkstate.c            makes a state file by hand, for tests of the libraries           engine/     berth-sim-engine, see engine/engine.h
 *
 * It includes nothing of src/. Cards are in PCI order, which is NVML's order here. Bytes are charged to a process's slot and to
 * its card under one robust lock, so that a kill -9 of anybody, holding the lock or not, leaves sums that are right again at
 * the next call. There is no daemon: whoever calls next looks for dead processes, and their bytes come back linger_ms after
 * that look, as a real driver's do. A process that exits in an orderly way gives its bytes back at once.
 *
 * One pid namespace: processes of another one are neither listed nor reaped here. */
#ifndef BT_SIM_STATE_H
#define BT_SIM_STATE_H
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BT_SIM_ENV "BERTH_SIM_STATE"         /* path of the state file; without it both libraries say "no driver" */
#define BT_SIM_MAGIC 0x314d495348545242ull   /* "BRTHSIM1" */
#define BT_SIM_VERSION 1
#define BT_SIM_MAX_GPUS 64
#define BT_SIM_MAX_PROCS 512
#define BT_SIM_GRANULE (2ull << 20)          /* what the driver takes from a card at a time */
#define BT_SIM_LINGER_MS 300

/* What a person knows of a card; the fields are those of berth's catalog. 0 or NULL = choose what such a card has. */
struct bt_sim_gpu_desc {
    const char *name;                /* as NVML says it: "NVIDIA A100-SXM4-40GB" */
    const char *uuid;                /* "GPU-..."; NULL = from the machine's seed and the card's index */
    int cc_major, cc_minor;          /* must be given */
    uint64_t nvml_total_bytes;       /* must be given */
    uint64_t cuda_total_bytes;       /* what cuMemGetInfo calls total; 0 = nvml_total_bytes less 2 % */
    uint64_t context_bytes;          /* of one CUDA context; 0 = by the number of multiprocessors */
    int sm_count;
    int tdp_w;
    double nvlink_gbs;               /* both directions, all links; 0 = no NVLink */
    bool nvlink_mesh;                /* linked to every card of the same name in this machine */
};
struct bt_sim_desc {
    const struct bt_sim_gpu_desc *gpus;
    size_t ngpus;                    /* 0..BT_SIM_MAX_GPUS */
    const char *seed;                /* any text, e.g. "4xA100-SXM4-40GB": same text, same UUIDs */
    const char *driver_version;      /* NULL = "580.95.05" */
    int cuda_version;                /* 0 = 13000 */
    int linger_ms;                   /* 0 = BT_SIM_LINGER_MS, below 0 = none */
};

/* One card, as the libraries show it. Written at creation only, but for the fields at the end. */
struct bt_sim_gpu {
    char name[96];
    char uuid[48];                   /* "GPU-xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx" */
    uint8_t uuid_bytes[16];
    uint32_t pci_domain, pci_bus, pci_device, pci_id, pci_subsystem_id;
    int32_t cc_major, cc_minor, sm_count, cores_per_sm, numa_node;
    uint32_t sm_mhz, mem_mhz, bus_bits, l2_bytes;
    uint32_t power_limit_mw;
    uint32_t nvlink_links, nvlink_version;
    int32_t island;                  /* cards of one island reach each other by NVLink; -1 = on its own */
    uint32_t nvswitch;               /* 1: its links end at switches, not at peers */
    uint32_t fan, ecc, mig_capable, datacenter;
    uint64_t nvml_total_bytes, cuda_total_bytes, context_bytes;
    /* under the lock */
    uint64_t used_bytes;             /* sum over all slots, the dying ones too */
    uint64_t busy_us;                /* a leaky bucket of at most a second of work: utilisation is busy_us / 1 s */
    uint64_t busy_at_us;             /* when it was last drained */
};

enum bt_sim_proc_state { BT_SIM_FREE, BT_SIM_LIVE, BT_SIM_DYING };
struct bt_sim_use { uint64_t context_bytes, memory_bytes; uint32_t contexts, pad; };
struct bt_sim_proc {
    uint32_t state;                  /* written last when a slot is taken */
    int32_t pid;
    uint64_t start_ticks;            /* field 22 of /proc/PID/stat: a pid is not an identity */
    uint64_t stack_start;            /* field 28: changes at exec, when a real driver takes the memory back; 0 = not readable */
    uint64_t pid_ns;                 /* inode of its pid namespace */
    uint64_t release_at_ms;          /* when DYING */
    struct bt_sim_use use[BT_SIM_MAX_GPUS];
};

struct bt_sim_state {
    uint64_t magic;
    uint32_t version, size;
    pthread_mutex_t lock;            /* robust, process-shared; only through bt_sim_lock() */
    uint32_t ngpus, linger_ms;
    int32_t cuda_version;
    char driver_version[32], nvml_version[32], seed[128];
    uint64_t reaped_at_ms;           /* last look for dead processes */
    uint64_t repairs;                /* how often a lock holder had died */
    struct bt_sim_gpu gpus[BT_SIM_MAX_GPUS];
    struct bt_sim_proc procs[BT_SIM_MAX_PROCS];
};

/* Make the file, readable by its owner only, complete before it appears at path (an old one is replaced).
 * Returns 0, or -1 with errno and *why (static text: "create the state file", "a card without memory", ...). */
__attribute__((warn_unused_result)) int bt_sim_state_create(const char *path, const struct bt_sim_desc *desc, const char **why);
/* Map it. NULL with errno and *why when it is not there or not such a file. bt_sim_state_close() unmaps. */
struct bt_sim_state *bt_sim_state_open(const char *path, const char **why);
void bt_sim_state_close(struct bt_sim_state *st);

/* The lock. When its holder died, all sums are computed again before this returns. */
void bt_sim_lock(struct bt_sim_state *st);
void bt_sim_unlock(struct bt_sim_state *st);

/* All below take the lock themselves. */

/* A slot for the calling process; what an earlier image of it (before exec) still holds starts to linger. NULL: 512 are taken. */
struct bt_sim_proc *bt_sim_attach(struct bt_sim_state *st);
/* Give everything back at once. Only the process that attached may call it. */
void bt_sim_detach(struct bt_sim_state *st, struct bt_sim_proc *p);

enum bt_sim_what { BT_SIM_CONTEXT, BT_SIM_MEMORY };
/* Take bytes of card g. False, and nothing changed, when the card has not so many free. */
__attribute__((warn_unused_result)) bool bt_sim_charge(struct bt_sim_state *st, struct bt_sim_proc *p, unsigned g, enum bt_sim_what what,
                                                       uint64_t bytes);
/* Give back what was charged before. Never takes more than the slot holds. */
void bt_sim_uncharge(struct bt_sim_state *st, struct bt_sim_proc *p, unsigned g, enum bt_sim_what what, uint64_t bytes);

/* Bytes of card g in use, lingering ones too: never above cuda_total_bytes. */
uint64_t bt_sim_used(struct bt_sim_state *st, unsigned g);
struct bt_sim_holder { int32_t pid; uint64_t bytes; };
/* Living processes with a context on card g, in slot order; returns how many there are, fills at most max. */
size_t bt_sim_holders(struct bt_sim_state *st, unsigned g, struct bt_sim_holder *out, size_t max);

/* Note us microseconds of work on card g; bt_sim_busy() is its share of the last second in percent. */
void bt_sim_work(struct bt_sim_state *st, unsigned g, uint64_t us);
unsigned bt_sim_busy(struct bt_sim_state *st, unsigned g);

/* Two cards of this machine reach each other's memory: by NVLink, or over PCIe as data-centre cards may and GeForce cards may not. */
static inline bool bt_sim_linked(const struct bt_sim_gpu *a, const struct bt_sim_gpu *b)
{
    return a != b && a->island >= 0 && a->island == b->island;
}
static inline bool bt_sim_p2p(const struct bt_sim_gpu *a, const struct bt_sim_gpu *b)
{
    return a != b && (bt_sim_linked(a, b) || (a->datacenter && b->datacenter));
}

/* Look for dead processes and give back what has lingered long enough. now: also if somebody looked a moment ago. */
void bt_sim_reap(struct bt_sim_state *st, bool now);
#endif

/* state.h - the simulated NVIDIA machine: one file in shared memory that libcuda.so.1, libnvidia-ml.so.1 and `berth sim` map.
 *
 * The room around it:
 *   state.c, create.c    the machine: who holds which bytes; making one from a fleet      kinds.h     what a driver knows of a card by its name
 *   cuda_*.c             libcuda.so.1, see cuda_int.h                                     nvml*.c     libnvidia-ml.so.1, see nvml_int.h
 *   share.c              memory that outlives its owner: IPC, exported handles            park.c      checkpoint states of a process
 *   faults.c             what can go wrong with it (`berth sim ctl`), MIG                 engine/     berth-sim-engine, see engine/engine.h
 *   mkstate.c            makes a state file by hand, for tests of the libraries
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
#define BT_SIM_VERSION 4
#define BT_SIM_MAX_GPUS 64
#define BT_SIM_MAX_PROCS 512
#define BT_SIM_GRANULE (2ull << 20)          /* what the driver takes from a card at a time */
#define BT_SIM_LINGER_MS 300
#define BT_SIM_LINGER_NEVER UINT32_MAX       /* what a dead process held never comes back */
#define BT_SIM_EVENTS 64                     /* the ring of events; who reads too late misses the oldest */
#define BT_SIM_FOR_EVER UINT64_MAX

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
    uint32_t integrated;             /* 1: its memory is the host's; NVML says nothing of it */
    uint64_t nvml_total_bytes, cuda_total_bytes, context_bytes;
    int32_t parent;                  /* of a MIG instance: its card's index; -1: a whole card */
    uint32_t gi, ci, slices;         /* of a MIG instance: its ids, and its share in sevenths of the multiprocessors */
    /* under the lock */
    uint64_t used_bytes;             /* sum over all slots, the dying ones too; of a card in MIG mode, its instances' too */
    uint32_t mig;                    /* 1: in MIG mode, and only its instances can be used */
    uint32_t lost;                   /* 1: fell off the bus */
    uint32_t fail_code, fail_left;   /* NVML calls on it answer this code so many times more; UINT32_MAX: until healed */
    uint64_t hang_until_ms;          /* NVML calls on it do not return before; BT_SIM_FOR_EVER: until healed */
    uint64_t ecc_corrected, ecc_uncorrected;
    uint64_t whole_nvml_bytes, whole_cuda_bytes;     /* before it was made smaller than its name says */
    uint64_t busy_us;                /* a leaky bucket of at most a second of work: utilisation is busy_us / 1 s */
    uint64_t busy_at_us;             /* when it was last drained */
};

enum bt_sim_proc_state { BT_SIM_FREE, BT_SIM_LIVE, BT_SIM_DYING };
/* States of cuCheckpointProcess*, by its numbers. */
enum bt_sim_park { BT_SIM_RUNNING = 0, BT_SIM_LOCKED = 1, BT_SIM_CHECKPOINTED = 2, BT_SIM_PARK_FAILED = 3 };
#define BT_SIM_BOUND_MANAGED 1u              /* has managed memory */
#define BT_SIM_BOUND_SHARED 2u               /* exported or imported memory */
#define BT_SIM_BOUND_MIG 4u
/* parked_bytes: what it held before its checkpoint, contexts and all. */
struct bt_sim_use { uint64_t context_bytes, memory_bytes; uint32_t contexts, busy_us; uint64_t busy_at_us, parked_bytes; };
struct bt_sim_proc {
    uint32_t state;                  /* written last when a slot is taken */
    int32_t pid;
    uint64_t start_ticks;            /* field 22 of /proc/PID/stat: a pid is not an identity */
    uint64_t stack_start;            /* field 28: changes at exec, when a real driver takes the memory back; 0 = not readable */
    uint64_t pid_ns;                 /* inode of its pid namespace */
    uint64_t release_at_ms;          /* when DYING */
    uint32_t stuck;                  /* 1: its CUDA calls do not return, and its death gives nothing back */
    uint32_t park;                   /* enum bt_sim_park; while it is not running its CUDA calls do not return either */
    uint32_t bound;                  /* BT_SIM_BOUND_*: what the driver cannot checkpoint */
    uint32_t pad;
    struct bt_sim_use use[BT_SIM_MAX_GPUS];
};

/* What NVML's event sets hear of. type: an NVML event bit; data: the Xid. */
struct bt_sim_event { uint64_t seq, type, data; uint32_t gpu, pad; };

/* Memory that several processes may hold: charged to its owner; to nobody's slot once the owner has freed it or died; given back
 * when the last holder lets go. users: a bit per slot. */
#define BT_SIM_SHARES 1024
struct bt_sim_share { uint32_t live, gen; int32_t gpu, owner; uint64_t bytes; uint64_t users[BT_SIM_MAX_PROCS / 64]; };

struct bt_sim_state {
    uint64_t magic;
    uint32_t version, size;
    pthread_mutex_t lock;            /* robust, process-shared; only through bt_sim_lock() */
    uint32_t ngpus, linger_ms;
    uint32_t nmig, slots_high;       /* MIG instances: gpus[ngpus] and on; slots at and above slots_high were never taken */
    uint32_t dying, pad;             /* how many slots are */
    int32_t cuda_version;
    char driver_version[32], nvml_version[32], seed[128];
    uint64_t reaped_at_ms;           /* last look for dead processes */
    uint64_t look_every_ms;          /* longer when a look takes long: never more than a twentieth of the time */
    uint64_t repairs;                /* how often a lock holder had died */
    uint64_t event_seq;              /* of the newest event; 0: none yet */
    struct bt_sim_event events[BT_SIM_EVENTS];
    struct bt_sim_gpu gpus[BT_SIM_MAX_GPUS];
    struct bt_sim_share shares[BT_SIM_SHARES];
    uint32_t shares_high, pad2;
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
/* gi, ci: UINT32_MAX when not on a MIG instance. busy_percent: its share of the last second. */
struct bt_sim_holder { int32_t pid; uint32_t gi, ci, busy_percent; uint64_t bytes; };
/* Living processes with bytes on card g (on an instance of it, too), in slot order; returns how many there are, fills at most max. */
size_t bt_sim_holders(struct bt_sim_state *st, unsigned g, struct bt_sim_holder *out, size_t max);

/* Note us microseconds of work of p (NULL: nobody's) on card g; bt_sim_busy() is the card's share of the last second in percent. */
void bt_sim_work(struct bt_sim_state *st, struct bt_sim_proc *p, unsigned g, uint64_t us);
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

/* ---- shared memory: share.c ---- */

/* bytes of card g that p was charged with can be held by others from now on. The share's number, or -1 when there are too many. */
int bt_sim_share_new(struct bt_sim_state *st, struct bt_sim_proc *p, unsigned g, uint64_t bytes);
/* p holds it, too. False: it is gone, or was another generation's. */
__attribute__((warn_unused_result)) bool bt_sim_share_join(struct bt_sim_state *st, struct bt_sim_proc *p, int share, uint32_t gen);
void bt_sim_share_leave(struct bt_sim_state *st, struct bt_sim_proc *p, int share);
/* The owner frees it: uncharges the owner; the bytes stay taken while somebody else holds them. */
void bt_sim_share_end(struct bt_sim_state *st, struct bt_sim_proc *p, int share);
/* Under the lock, for state.c: a slot goes; and what ownerless shares hold. */
void bt_sim_shares_of_slot(struct bt_sim_state *st, unsigned slot);
void bt_sim_shares_recount(struct bt_sim_state *st);
void bt_sim_add_used(struct bt_sim_state *st, unsigned g, uint64_t delta);

/* ---- checkpoints: park.c. Results are CUDA's codes. ---- */
int bt_sim_park_state(struct bt_sim_state *st, int32_t pid, int *state);
int bt_sim_park_lock(struct bt_sim_state *st, int32_t pid);
int bt_sim_park_unlock(struct bt_sim_state *st, int32_t pid);
int bt_sim_park_checkpoint(struct bt_sim_state *st, int32_t pid);
int bt_sim_park_restore(struct bt_sim_state *st, int32_t pid);

/* ---- faults on demand. g below ngpus; all take the lock. ---- */

/* Card g falls off the bus: NVML says GPU_IS_LOST, CUDA an unknown error, and an Xid 79 is told. */
void bt_sim_lose(struct bt_sim_state *st, unsigned g);
void bt_sim_tell(struct bt_sim_state *st, unsigned g, uint64_t type, uint64_t data);
/* n more ECC errors of a kind: counted and told; uncorrected ones come with an Xid 48. */
void bt_sim_ecc(struct bt_sim_state *st, unsigned g, bool uncorrected, uint64_t n);
/* NVML calls on card g do not return for ms milliseconds (BT_SIM_FOR_EVER: until healed); or answer code, left times. */
void bt_sim_hang(struct bt_sim_state *st, unsigned g, uint64_t ms);
void bt_sim_fail(struct bt_sim_state *st, unsigned g, uint32_t code, uint32_t left);
/* Less memory than its name says. False: more than it has, or less than is in use. */
__attribute__((warn_unused_result)) bool bt_sim_shrink(struct bt_sim_state *st, unsigned g, uint64_t nvml_bytes);
/* The slot of a living process is stuck (or no longer). False: no such process here. */
__attribute__((warn_unused_result)) bool bt_sim_stick(struct bt_sim_state *st, int32_t pid, bool stuck);
/* pid, which need not use CUDA at all, holds bytes of card g from now until it ends. False with errno: ESRCH no such process,
 * ENOSPC not so many bytes free, EUSERS no slot. */
__attribute__((warn_unused_result)) bool bt_sim_stranger(struct bt_sim_state *st, int32_t pid, unsigned g, uint64_t bytes);
/* Everything above that is not bytes goes back to normal: of one card, or of all and every process (g = UINT_MAX). */
void bt_sim_heal(struct bt_sim_state *st, unsigned g);

/* Cut card g, which nobody may be using, into instances: profiles like "3g.20gb", joined by commas; "" ends MIG mode.
 * Returns 0, or -1 with errno and *why. */
__attribute__((warn_unused_result)) int bt_sim_mig(struct bt_sim_state *st, unsigned g, const char *profiles, const char **why);
/* The i-th instance of card g as an index of gpus[], or -1. */
int bt_sim_mig_at(const struct bt_sim_state *st, unsigned g, unsigned i);
uint64_t bt_sim_now_ms(void);        /* the clock of hang_until_ms */
#endif

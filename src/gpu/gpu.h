/* gpu - which cards there are: a catalog of kinds, fleets by name or file, and this machine's own through NVML.
 *
 *   catalog.csv, catalog.c   kinds of card: one row each, made into C by catalog_gen.py
 *   fleet.c, fleet_json.c    a fleet by name, by file, or live; the same as JSON
 *   nvml.c, live.c           the door to NVML; this machine's cards read through it
 *   probe.c, ram.c           one sample as a line, for the daemon; what our cgroup allows of the host's RAM
 *
 * Bytes of a card: total_bytes is what cudaMemGetInfo calls total, nvml_total_bytes what nvidia-smi
 * shows; they differ and are never mixed. Capacity = total - others - margin; every plan and every % uses that. */
#ifndef BT_GPU_H
#define BT_GPU_H
#include "base/arena.h"
#include "base/node.h"

#define BT_MAX_GPUS 64               /* cards of one machine */
#define BT_MAX_FLEET 65536           /* cards of a fleet of many machines */
#define BT_CARD_BYTES_MAX ((uint64_t)16 << 40)    /* of a card that a fleet file or a size names: ledgers of what is larger would reach their cap */

/* Whom a card is sold to: servers' boards run with ECC on, and drivers refuse peers over PCIe between cards for games. */
enum bt_made_for { BT_FOR_RACKS, BT_FOR_DESKS, BT_FOR_GAMES, BT_FOR_DEVICES };

/* One kind of card. Static data, compiled in from gpu/catalog.csv (source per figure there). 0 = not known. */
struct bt_gpu_kind {
    const char *key;                 /* "a100-sxm4-40" */
    const char *short_name;          /* "A100-SXM4-40GB", "RTX-4090": the spelling of fleets and messages */
    const char *nvml_name;           /* "NVIDIA A100-SXM4-40GB" */
    const char *aliases;             /* "A100-SXM4-40GB;..." */
    const char *vendor, *arch;
    const char *eff_class;           /* class of pace/: "hbm_ampere", ... */
    enum bt_made_for made_for;
    uint64_t nvml_bytes;             /* as NVML reports it */
    uint64_t cuda_bytes;             /* as cudaMemGetInfo reports it, where a real log states it; else 0 */
    double mem_gbs, fp16_tflops, fp8_tflops, int8_tops, fp32_tflops;
    int cc_major, cc_minor;
    double nvlink_gbs;               /* both directions; 0 = none */
    bool nvlink_mesh;                /* every card of this kind in a box reaches every other by NVLink (bridges: false, they are optional) */
    const char *nvlink_peers, *pcie;
    int tdp_w;
};
size_t bt_gpu_kinds(const struct bt_gpu_kind **out);
/* Forgiving: "A100-SXM4-40GB", "NVIDIA A100-SXM4-40GB", "a100-sxm4-40", "RTX-4090", "H100 80GB HBM3". NULL when unknown. */
const struct bt_gpu_kind *bt_gpu_kind_find(const char *name);
/* total_bytes of a kind: cuda_bytes, else nvml_bytes less 2 %. 0 = the catalog does not know its memory (Jetson). */
uint64_t bt_gpu_kind_total(const struct bt_gpu_kind *k);
uint64_t bt_total_from_nvml(uint64_t nvml_bytes);    /* less 2 % */
/* The part of a card that its instance "... MIG 3g.20gb" is: sevenths of its computing, eighths of its memory and bandwidth (NVIDIA MIG user guide). Made in
 * the arena; NULL where the card is not known or the name no instance's. Bytes are not said: NVML has them. */
const struct bt_gpu_kind *bt_gpu_kind_mig(struct bt_arena *a, const char *name);
/* "did you mean" list for an unknown name, in *err as BT_E_SPEC. Returns -1. */
int bt_gpu_kind_unknown(const char *name, struct bt_err *err);

enum bt_total_source { BT_TOTAL_CATALOG, BT_TOTAL_LEARNED, BT_TOTAL_NVML_LESS_2PCT, BT_TOTAL_FILE, BT_TOTAL_GIVEN };
const char *bt_total_source_name(enum bt_total_source s);

struct bt_gpu_proc { int64_t pid; uint64_t bytes; bool bytes_valid; const char *command; };

struct bt_learned_list;
struct bt_gpu {
    const char *uuid;                /* "GPU-...", "MIG-...", or "virtual-N" for a card of the catalog */
    const char *mig_of;              /* a MIG instance: uuid of the card it is a part of. A process sees one instance, so no group of ranks stands on any */
    const char *name;
    int index;                       /* CUDA_DEVICE_ORDER=PCI_BUS_ID order of the whole machine; MIG instances are counted behind all cards */
    const struct bt_gpu_kind *kind;  /* NULL when the catalog does not know it */
    const char *pci;                 /* "" when virtual */
    uint64_t total_bytes, nvml_total_bytes, others_bytes, margin_bytes;
    enum bt_total_source total_source;
    int cc_major, cc_minor;
    const struct bt_learned_list *learned;           /* need/learn.h: what was measured on this machine; NULL = nothing, or not wanted */
    bool unified;                    /* its memory is the host's RAM (GB10, Jetson): one pool, whoever takes from it. NVML says nothing of it there */
    int island;                      /* cards of one island reach each other by NVLink; -1 = on its own */
    bool used_valid;   uint64_t used_bytes;          /* device-wide, NVML v2 (without what the driver reserves) */
    bool util_valid;   unsigned util_percent;
    bool temp_valid;   unsigned temp_c;
    bool power_valid;  unsigned power_w;
    bool procs_valid;  struct bt_gpu_proc *procs; size_t nprocs;
};

/* One machine of a fleet that has several: "nodes" in JSON. No instance spans two. */
struct bt_box { const char *name; size_t first, n; uint64_t ram_bytes; };      /* gpus[first .. first + n - 1] */

struct bt_fleet {
    const char *source;              /* "nvml", "catalog", "file"; "host": no cards, RAM alone */
    const char *text;                /* as the user wrote it: "4xA100-SXM4-40GB", "auto", path */
    bool live;                       /* cards of this machine: such a plan can be applied */
    const char *driver;              /* driver version or "" */
    uint64_t ram_bytes;              /* what our cgroup allows, not MemTotal; 0: not known (of a named fleet, or a file that does not say) */
    uint64_t ram_node_bytes;         /* of a live fleet: bt_ram_node() of this machine */
    struct bt_gpu *gpus; size_t n;   /* in index order */
    struct bt_box *box; size_t nboxes;               /* several machines, their cards one after the other; 0 = one machine ("local") */
    const char **notes; size_t nnotes;   /* "CUDA_VISIBLE_DEVICES=0,1 narrows this machine's 4 GPUs to 2" */
};
static inline uint64_t bt_gpu_capacity(const struct bt_gpu *g)
{
    uint64_t off = g->others_bytes + g->margin_bytes;
    return g->total_bytes > off ? g->total_bytes - off : 0;
}

/* The machine that the card stands in: "local" where there is one. */
const char *bt_fleet_node(const struct bt_fleet *f, size_t card);
/* Its number, 0 where there is one. */
size_t bt_fleet_box(const struct bt_fleet *f, size_t card);

#define BT_DEFAULT_MARGIN (512 * MiB)

struct bt_fleet_opts {
    uint64_t margin_bytes;           /* per card */
    bool ignore_others;              /* others_bytes = 0 */
    const char *visible;             /* CUDA_VISIBLE_DEVICES to honour, NULL = none set; narrows live fleets only */
    const char *base_dir;            /* relative fleet.json paths start here; NULL = cwd */
    bool boxes;                      /* the caller can do with a fleet of several machines; else such a one is BT_E_SPEC */
};
/* "auto" or "" = this machine; "0,2" = cards of this machine by index; "GPU-ab12..,.." by uuid (prefix);
 * "4xA100-SXM4-40GB+1xRTX-A6000" = catalog; "16x8xH100-80GB-HBM3+4xL4" = 16 machines of 8 cards and one of 4; "x.json" = a saved fleet. Everything
 * lives in the arena. Cards of several machines are numbered through.
 * BT_E_SPEC for a card that is not there (lists those that are) or named twice; BT_E_DEVICE without a working NVML,
 * with the way out ("name a fleet: --gpus 4xA100-SXM4-40GB, or try `berth sim`"). */
BT_MUST_CHECK int bt_fleet_open(struct bt_arena *a, const char *text, const struct bt_fleet_opts *o, struct bt_fleet *out, struct bt_err *err);
/* What this process may use of the host's RAM: the smallest limit of its cgroups (v2 and v1, up the tree), else MemTotal without the NUMA nodes that its
 * cpuset does not have.
 * root: "" for this machine; a test gives a folder that holds proc/ and sys/. 0 when /proc cannot be read. */
uint64_t bt_ram_allowed(const char *root);
/* What of it nobody can have any more: MemTotal - MemAvailable. 0 when /proc cannot be read. */
uint64_t bt_ram_in_use(const char *root);
uint64_t bt_ram_total(const char *root);             /* MemTotal */
/* Of the largest NUMA node that our cpuset has, where it has several. 0: it has one, or that cannot be read. */
uint64_t bt_ram_node(const char *root);
/* Cards of this kind have no memory of their own. */
static inline bool bt_gpu_kind_unified(const struct bt_gpu_kind *k) { return k && !k->nvml_bytes && k->eff_class && !strcmp(k->eff_class, "lpddr"); }
/* True when this text means cards of this machine: "", "auto", "0,2", "GPU-ab12". */
bool bt_fleet_text_is_live(const char *text);
/* Keep only the cards that match a requirement such as "4xA100-SXM4-40GB": what a fleet named in a spec means once the plan is to be started. */
BT_MUST_CHECK int bt_fleet_match(struct bt_arena *a, const struct bt_fleet *live, const char *requirement, struct bt_fleet *out, struct bt_err *err);
/* Which cards of the fleet a list such as [0,1] or ["GPU-.."] means: indices into fleet->gpus. Errors list those that exist. */
BT_MUST_CHECK int bt_fleet_pick(struct bt_arena *a, const struct bt_fleet *f, const char *const *ids, size_t n, size_t *out_idx, struct bt_err *err);
/* One sample of all cards' used bytes and processes, for the probe and verify. Blocking NVML calls: never on an event loop. */
BT_MUST_CHECK int bt_fleet_sample(struct bt_arena *a, struct bt_fleet *out, struct bt_err *err);
#endif

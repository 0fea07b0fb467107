/* create.c - a new simulated machine from what a person knows of its cards. */
#include "sim/state.h"
#include "sim/kinds.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define MiB (1ull << 20)

static void set_text(char *dst, size_t n, const char *src)
{
    snprintf(dst, n, "%s", src);
}

/* FNV-1a, then a mixer so that seeds which differ in one letter share no digits. */
static uint64_t hash_text(const char *text, uint64_t salt)
{
    uint64_t h = 0xcbf29ce484222325ull ^ salt;
    for (; *text; text++)
        h = (h ^ (unsigned char)*text) * 0x100000001b3ull;
    h = (h ^ h >> 30) * 0xbf58476d1ce4e5b9ull;
    h = (h ^ h >> 27) * 0x94d049bb133111ebull;
    return h ^ h >> 31;
}

static void uuid_text(const uint8_t b[16], const char *prefix, char out[48])
{
    int n = snprintf(out, 48, "%s", prefix);
    for (int i = 0; i < 16; i++)
        n += snprintf(out + n, (size_t)(48 - n), "%s%02x", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", b[i]);
}

static void uuid_from_seed(const char *seed, unsigned index, uint8_t b[16])
{
    for (int half = 0; half < 2; half++) {
        uint64_t h = hash_text(seed, (uint64_t)(index * 2 + (unsigned)half + 1) * 0x9e3779b97f4a7c15ull);
        memcpy(b + 8 * half, &h, 8);
    }
    b[6] = (uint8_t)((b[6] & 0x0f) | 0x40);  /* looks like any random UUID */
    b[8] = (uint8_t)((b[8] & 0x3f) | 0x80);
}

void bt_sim_uuid(const char *seed, unsigned index, uint8_t bytes[16], const char *prefix, char text[48])
{
    uuid_from_seed(seed, index, bytes);
    uuid_text(bytes, prefix, text);
}

/* "GPU-xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx" and nothing else. */
static bool uuid_parse(const char *text, uint8_t b[16])
{
    char again[48];
    int digits = 0;
    if (strncmp(text, "GPU-", 4) != 0 || strlen(text) != 40)
        return false;
    memset(b, 0, 16);
    for (const char *p = text + 4; *p; p++) {
        const char *at = *p == '-' ? NULL : strchr("0123456789abcdef", *p);
        if (*p == '-')
            continue;
        if (!at || digits == 32)
            return false;
        b[digits / 2] = (uint8_t)(b[digits / 2] << 4 | (at - "0123456789abcdef"));
        digits++;
    }
    uuid_text(b, "GPU-", again);
    return digits == 32 && strcmp(again, text) == 0;
}

/* NVLink by generation: links of 40, 50, 50, 50 and 100 GB/s, both directions; the bridges of 8.6 cards have 28.1. */
static void set_nvlink(struct bt_sim_gpu *gpu, double gbs)
{
    double per = gpu->cc_major >= 10 ? 100 : gpu->cc_major == 8 && gpu->cc_minor ? 28.125 : gpu->cc_major == 6 ? 40 : 50;
    unsigned links = (unsigned)(gbs / per + 0.5);
    gpu->nvlink_links = links > 18 ? 18 : links ? links : 1;
    gpu->nvlink_version = gpu->cc_major >= 10 ? 5 : (uint32_t)(gpu->cc_major > 6 ? gpu->cc_major - 5 : 1);
}

static void set_card(struct bt_sim_gpu *gpu, const struct bt_sim_gpu_desc *d, unsigned index, size_t n)
{
    const struct bt_sim_kind *k = bt_sim_kind(d->name);
    set_text(gpu->name, sizeof gpu->name, d->name);
    gpu->cc_major = d->cc_major;
    gpu->cc_minor = d->cc_minor;
    gpu->sm_count = d->sm_count ? d->sm_count : k->sm_count;
    gpu->cores_per_sm = bt_sim_cores_per_sm(d->cc_major, d->cc_minor);
    gpu->sm_mhz = (uint32_t)k->sm_mhz;
    gpu->mem_mhz = (uint32_t)k->mem_mhz;
    gpu->bus_bits = (uint32_t)k->bus_bits;
    gpu->l2_bytes = (uint32_t)k->l2_mib << 20;
    gpu->pci_bus = 1 + 3 * index;            /* in index order, like NVML's; 64 cards stay below 256 */
    gpu->pci_id = k->pci_id << 16 | 0x10de;
    gpu->pci_subsystem_id = k->pci_id << 16 | 0x10de;
    gpu->numa_node = n >= 4 && index >= n / 2;
    gpu->power_limit_mw = (uint32_t)(d->tdp_w ? d->tdp_w : 300) * 1000;
    gpu->fan = k->fan;
    gpu->datacenter = !k->fan;
    gpu->ecc = !k->fan;
    gpu->integrated = strstr(d->name, "GB10") || strstr(d->name, "Orin") || strstr(d->name, "Thor");
    gpu->mig_capable =
        strstr(d->name, "A100") || strstr(d->name, "A30") || strstr(d->name, "H100") || strstr(d->name, "H200") || strstr(d->name, "B200");
    gpu->island = gpu->parent = -1;
    gpu->nvml_total_bytes = d->nvml_total_bytes;
    gpu->cuda_total_bytes = d->cuda_total_bytes ? d->cuda_total_bytes : d->nvml_total_bytes / 100 * 98 / 65536 * 65536;
    /* a context grows with the multiprocessors: about 280 MiB on a T4, 450 on an H100, 560 on an RTX PRO 6000 (llama.cpp PR 23604,
     * unsloth-zoo PR 1053) */
    uint64_t context = d->context_bytes ? d->context_bytes : 200 * MiB + (uint64_t)gpu->sm_count * 19 * MiB / 10;
    gpu->context_bytes = (context + BT_SIM_GRANULE - 1) / BT_SIM_GRANULE * BT_SIM_GRANULE;
    if (d->nvlink_gbs > 0)
        set_nvlink(gpu, d->nvlink_gbs);
}

/* Cards of one name that form a mesh are an island; more than four of them meet at switches, fewer are wired to each other. */
static void set_islands(struct bt_sim_state *st, const struct bt_sim_gpu_desc *d)
{
    int island = 0;
    for (unsigned i = 0; i < st->ngpus; i++) {
        unsigned size = 0;
        if (!d[i].nvlink_mesh || !(d[i].nvlink_gbs > 0) || st->gpus[i].island >= 0)
            continue;
        for (unsigned j = i; j < st->ngpus; j++)
            if (d[j].nvlink_mesh && strcmp(d[j].name, d[i].name) == 0) {
                st->gpus[j].island = island;
                size++;
            }
        for (unsigned j = i; j < st->ngpus; j++)
            if (st->gpus[j].island == island)
                st->gpus[j].nvswitch = size > 4;
        if (size == 1)
            st->gpus[i].island = -1;
        else
            island++;
    }
}

static const char *check(const struct bt_sim_desc *desc)
{
    if (desc->ngpus > BT_SIM_MAX_GPUS)
        return "at most 64 cards";
    for (size_t i = 0; i < desc->ngpus; i++) {
        const struct bt_sim_gpu_desc *d = &desc->gpus[i];
        if (!d->name || !*d->name || strlen(d->name) >= sizeof((struct bt_sim_gpu *)0)->name)
            return "a card's name is 1 to 95 bytes";
        if (d->nvml_total_bytes == 0 || d->cuda_total_bytes > d->nvml_total_bytes)
            return "a card without memory, or with more than NVML shows";
        if (d->cc_major < 1 || d->cc_major > 99 || d->cc_minor < 0 || d->cc_minor > 9)
            return "a card's compute capability";
        if (d->sm_count < 0 || d->tdp_w < 0 || d->tdp_w > 1000000 || d->sm_count > 100000)
            return "a card's multiprocessors or power";
    }
    return NULL;
}

static int fill(struct bt_sim_state *st, const struct bt_sim_desc *desc, const char **why)
{
    const char *seed = desc->seed ? desc->seed : "";
    const char *driver = desc->driver_version ? desc->driver_version : "580.95.05";
    int cuda = desc->cuda_version ? desc->cuda_version : 13000;
    st->version = BT_SIM_VERSION;
    st->size = sizeof *st;
    st->ngpus = (uint32_t)desc->ngpus;
    st->linger_ms = desc->linger_ms < 0 ? 0 : (uint32_t)(desc->linger_ms ? desc->linger_ms : BT_SIM_LINGER_MS);
    st->cuda_version = cuda;
    set_text(st->seed, sizeof st->seed, seed);
    set_text(st->driver_version, sizeof st->driver_version, driver);
    /* NVML puts the CUDA generation before the driver's version: 13.580.95.05 */
    int n = snprintf(st->nvml_version, sizeof st->nvml_version, "%d.%s", cuda / 1000, driver);
    if (n < 0 || (size_t)n >= sizeof st->nvml_version) {
        *why = "a driver version is at most 28 bytes";
        errno = EINVAL;
        return -1;
    }
    for (unsigned i = 0; i < desc->ngpus; i++) {
        set_card(&st->gpus[i], &desc->gpus[i], i, desc->ngpus);
        uint8_t *bytes = st->gpus[i].uuid_bytes;
        if (!desc->gpus[i].uuid)
            uuid_from_seed(seed, i, bytes);
        else if (!uuid_parse(desc->gpus[i].uuid, bytes)) {
            *why = "a card's uuid looks like GPU-xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx, in small letters";
            errno = EINVAL;
            return -1;
        }
        uuid_text(bytes, "GPU-", st->gpus[i].uuid);
    }
    set_islands(st, desc->gpus);
    pthread_mutexattr_t a;
    pthread_mutexattr_init(&a);
    pthread_mutexattr_setpshared(&a, PTHREAD_PROCESS_SHARED);
    pthread_mutexattr_setrobust(&a, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_init(&st->lock, &a);
    pthread_mutexattr_destroy(&a);
    st->magic = BT_SIM_MAGIC;
    return 0;
}

static int create_at(int fd, const struct bt_sim_desc *desc, const char **why)
{
    *why = "make room for the state file";
    int rc = posix_fallocate(fd, 0, sizeof(struct bt_sim_state));    /* a full disk is an error here, not a SIGBUS later */
    if (rc != 0) {
        errno = rc;
        return -1;
    }
    *why = "map the state file";
    struct bt_sim_state *st = mmap(NULL, sizeof *st, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (st == MAP_FAILED)
        return -1;
    rc = fill(st, desc, why);
    int sys = errno;
    munmap(st, sizeof *st);
    errno = sys;
    return rc;
}

int bt_sim_state_create(const char *path, const struct bt_sim_desc *desc, const char **why)
{
    char tmp[PATH_MAX];
    *why = check(desc);
    if (*why) {
        errno = EINVAL;
        return -1;
    }
    *why = "name the state file";
    if ((size_t)snprintf(tmp, sizeof tmp, "%s.XXXXXX", path) >= sizeof tmp) {
        errno = ENAMETOOLONG;
        return -1;
    }
    *why = "create the state file";
    int fd = mkostemp(tmp, O_CLOEXEC);       /* 0600 */
    if (fd < 0)
        return -1;
    int rc = create_at(fd, desc, why);
    if (rc == 0) {
        *why = "put the state file in its place";
        rc = rename(tmp, path);
    }
    int sys = errno;
    close(fd);
    if (rc != 0)
        unlink(tmp);
    errno = sys;
    return rc;
}

/* faults.c - what can go wrong with a simulated card, on demand; and cutting one into MIG instances. */
#include "sim/state.h"
#include "sim/kinds.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Bits of NVML's event types, which this file does not include: abi/nvml.h says the same, and nvml_events.c checks it. */
#define EVENT_CORRECTED 1
#define EVENT_UNCORRECTED 2
#define EVENT_XID 8
#define EVENT_MIG 0x100
#define XID_UNCORRECTED_ECC 48
#define XID_OFF_THE_BUS 79

static void tell(struct bt_sim_state *st, unsigned g, uint64_t type, uint64_t data)
{
    uint64_t seq = st->event_seq + 1;
    st->events[seq % BT_SIM_EVENTS] = (struct bt_sim_event){ .seq = seq, .type = type, .data = data, .gpu = g };
    __atomic_store_n(&st->event_seq, seq, __ATOMIC_RELEASE);
}

void bt_sim_tell(struct bt_sim_state *st, unsigned g, uint64_t type, uint64_t data)
{
    bt_sim_lock(st);
    tell(st, g, type, data);
    bt_sim_unlock(st);
}

void bt_sim_lose(struct bt_sim_state *st, unsigned g)
{
    bt_sim_lock(st);
    __atomic_store_n(&st->gpus[g].lost, 1, __ATOMIC_RELEASE);
    tell(st, g, EVENT_XID, XID_OFF_THE_BUS);
    bt_sim_unlock(st);
}

void bt_sim_ecc(struct bt_sim_state *st, unsigned g, bool uncorrected, uint64_t n)
{
    bt_sim_lock(st);
    *(uncorrected ? &st->gpus[g].ecc_uncorrected : &st->gpus[g].ecc_corrected) += n;
    tell(st, g, uncorrected ? EVENT_UNCORRECTED : EVENT_CORRECTED, 0);
    if (uncorrected)
        tell(st, g, EVENT_XID, XID_UNCORRECTED_ECC);
    bt_sim_unlock(st);
}

void bt_sim_hang(struct bt_sim_state *st, unsigned g, uint64_t ms)
{
    bt_sim_lock(st);
    uint64_t until = ms == BT_SIM_FOR_EVER ? ms : bt_sim_now_ms() + ms;
    __atomic_store_n(&st->gpus[g].hang_until_ms, until, __ATOMIC_RELEASE);
    bt_sim_unlock(st);
}

void bt_sim_fail(struct bt_sim_state *st, unsigned g, uint32_t code, uint32_t left)
{
    bt_sim_lock(st);
    st->gpus[g].fail_code = code;
    __atomic_store_n(&st->gpus[g].fail_left, left, __ATOMIC_RELEASE);
    bt_sim_unlock(st);
}

static void restore_size(struct bt_sim_gpu *gpu)
{
    if (!gpu->whole_nvml_bytes)
        return;
    gpu->nvml_total_bytes = gpu->whole_nvml_bytes;
    gpu->cuda_total_bytes = gpu->whole_cuda_bytes;
    gpu->whole_nvml_bytes = 0;
}

bool bt_sim_shrink(struct bt_sim_state *st, unsigned g, uint64_t nvml_bytes)
{
    struct bt_sim_gpu *gpu = &st->gpus[g];
    bt_sim_lock(st);
    uint64_t own = gpu->nvml_total_bytes - gpu->cuda_total_bytes;    /* what the driver keeps stays as it is */
    bool ok = nvml_bytes <= gpu->nvml_total_bytes && nvml_bytes > own && nvml_bytes - own >= gpu->used_bytes;
    if (ok && !gpu->whole_nvml_bytes) {
        gpu->whole_nvml_bytes = gpu->nvml_total_bytes;
        gpu->whole_cuda_bytes = gpu->cuda_total_bytes;
    }
    if (ok) {
        gpu->nvml_total_bytes = nvml_bytes;
        gpu->cuda_total_bytes = nvml_bytes - own;
    }
    bt_sim_unlock(st);
    return ok;
}

bool bt_sim_stick(struct bt_sim_state *st, int32_t pid, bool stuck)
{
    bool found = false;
    bt_sim_lock(st);
    for (unsigned i = 0; i < st->slots_high; i++)
        if (st->procs[i].state == BT_SIM_LIVE && st->procs[i].pid == pid) {
            __atomic_store_n(&st->procs[i].stuck, stuck, __ATOMIC_RELEASE);
            found = true;
        }
    bt_sim_unlock(st);
    return found;
}

static void heal_card(struct bt_sim_gpu *gpu)
{
    __atomic_store_n(&gpu->lost, 0, __ATOMIC_RELEASE);
    __atomic_store_n(&gpu->fail_left, 0, __ATOMIC_RELEASE);
    __atomic_store_n(&gpu->hang_until_ms, 0, __ATOMIC_RELEASE);
    gpu->ecc_corrected = gpu->ecc_uncorrected = 0;
    restore_size(gpu);
}

void bt_sim_heal(struct bt_sim_state *st, unsigned g)
{
    bt_sim_lock(st);
    for (unsigned i = 0; i < st->ngpus; i++)
        if (g == UINT_MAX || g == i)
            heal_card(&st->gpus[i]);
    for (unsigned i = 0; g == UINT_MAX && i < st->slots_high; i++) {
        struct bt_sim_proc *p = &st->procs[i];
        __atomic_store_n(&p->stuck, 0, __ATOMIC_RELEASE);
        if (p->state == BT_SIM_DYING)
            p->release_at_ms = 0;            /* what never came back comes now */
    }
    if (g == UINT_MAX && st->linger_ms == BT_SIM_LINGER_NEVER)
        st->linger_ms = BT_SIM_LINGER_MS;
    bt_sim_unlock(st);
}

/* ---- MIG ---- */

#define COMPUTE_SLICES 7
#define MEMORY_SLICES 8

struct cut { unsigned slices, memory; char name[16]; };

/* "3g.20gb": three sevenths of the multiprocessors, and 20 GB in whole eighths of the memory. */
static bool read_profile(const struct bt_sim_gpu *gpu, const char *text, size_t n, struct cut *out)
{
    static const char sizes[] = "12347";
    char word[16], *end;
    if (n >= sizeof word || n < 6)
        return false;
    memcpy(word, text, n);
    word[n] = 0;
    if (!strchr(sizes, word[0]) || word[1] != 'g' || word[2] != '.')
        return false;
    unsigned long gb = strtoul(word + 3, &end, 10);
    if (end == word + 3 || strcmp(end, "gb") != 0)
        return false;
    double eighth = (double)gpu->nvml_total_bytes / (1ull << 30) / MEMORY_SLICES;
    *out = (struct cut){ .slices = (unsigned)(word[0] - '0'), .memory = (unsigned)((double)gb / eighth + 0.5) };
    memcpy(out->name, word, n + 1);
    return out->memory >= 1 && out->memory <= MEMORY_SLICES && (double)gb <= (double)gpu->nvml_total_bytes / 1e9 + 1;
}

static const char *read_profiles(const struct bt_sim_gpu *gpu, const char *text, struct cut cuts[COMPUTE_SLICES], unsigned *n)
{
    unsigned slices = 0, memory = 0;
    for (const char *p = text; *p;) {
        size_t len = strcspn(p, ",");
        if (*n == COMPUTE_SLICES || !read_profile(gpu, p, len, &cuts[*n]))
            return "a MIG profile is one of 1g, 2g, 3g, 4g, 7g and its memory, as 3g.20gb, at most seven of them";
        slices += cuts[*n].slices;
        memory += cuts[*n].memory;
        ++*n;
        p += len + (p[len] == ',');
    }
    return slices > COMPUTE_SLICES ? "more than the card's seven slices" : memory > MEMORY_SLICES ? "more memory than the card has" : NULL;
}

static void make_instance(struct bt_sim_state *st, unsigned g, unsigned i, const struct cut *c)
{
    const struct bt_sim_gpu *card = &st->gpus[g];
    struct bt_sim_gpu *m = &st->gpus[st->ngpus + st->nmig];
    char name[sizeof m->name + sizeof c->name + 8];
    *m = *card;
    snprintf(name, sizeof name, "%s MIG %s", card->name, c->name);
    memcpy(m->name, name, sizeof m->name - 1);
    bt_sim_uuid(st->seed, 1000 + g * 16 + i, m->uuid_bytes, "MIG-", m->uuid);
    m->parent = (int32_t)g;
    m->gi = i + 1;                           /* 0 is the whole card's in a real driver */
    m->ci = 0;
    m->slices = c->slices;
    m->sm_count = c->slices == COMPUTE_SLICES ? card->sm_count : (card->sm_count + 8) / 16 * 2 * (int)c->slices;
    /* an instance's own bookkeeping takes about a fortieth: 19968 of 20480 MiB for 3g.20gb of an A100 */
    m->nvml_total_bytes = card->nvml_total_bytes / MEMORY_SLICES * c->memory / 40 * 39 / BT_SIM_GRANULE * BT_SIM_GRANULE;
    m->cuda_total_bytes = m->nvml_total_bytes - (16ull << 20);
    m->context_bytes = card->context_bytes / 2 / BT_SIM_GRANULE * BT_SIM_GRANULE;
    m->used_bytes = m->busy_us = m->mig = 0;
    m->island = -1;                          /* instances reach nobody */
    m->nvlink_links = 0;
    st->nmig++;
}

static void drop_instances(struct bt_sim_state *st, unsigned g)
{
    unsigned kept = 0;
    for (unsigned i = 0; i < st->nmig; i++) {
        struct bt_sim_gpu *m = &st->gpus[st->ngpus + i];
        if (m->parent != (int32_t)g)
            st->gpus[st->ngpus + kept++] = *m;
    }
    st->nmig = kept;
}

static bool in_use(const struct bt_sim_state *st)
{
    for (unsigned i = 0; i < st->slots_high; i++)
        if (st->procs[i].state == BT_SIM_LIVE)
            return true;
    return false;
}

/* Cutting a card resets it: what dead processes left behind is gone. */
static void release_the_dead(struct bt_sim_state *st)
{
    bt_sim_lock(st);
    for (unsigned i = 0; i < st->slots_high; i++)
        if (st->procs[i].state == BT_SIM_DYING)
            st->procs[i].release_at_ms = 0;
    bt_sim_unlock(st);
    bt_sim_reap(st, true);
}

int bt_sim_mig(struct bt_sim_state *st, unsigned g, const char *profiles, const char **why)
{
    struct cut cuts[COMPUTE_SLICES];
    unsigned n = 0;
    if (!st->gpus[g].mig_capable) {
        *why = "this card has no MIG mode";
        errno = ENOTSUP;
        return -1;
    }
    *why = read_profiles(&st->gpus[g], profiles, cuts, &n);
    errno = EINVAL;
    if (*why)
        return -1;
    bt_sim_reap(st, true);
    release_the_dead(st);
    bt_sim_lock(st);
    /* an instance's place in the file may change: whoever runs would be charged for another's */
    *why = in_use(st) ? "processes use this machine" : st->ngpus + st->nmig + n > BT_SIM_MAX_GPUS ? "at most 64 cards and instances" : NULL;
    if (!*why) {
        drop_instances(st, g);
        st->gpus[g].mig = n > 0;
        for (unsigned i = 0; i < n; i++)
            make_instance(st, g, i, &cuts[i]);
        tell(st, g, EVENT_MIG, 0);
    }
    bt_sim_unlock(st);
    errno = EBUSY;
    return *why ? -1 : 0;
}

int bt_sim_mig_at(const struct bt_sim_state *st, unsigned g, unsigned i)
{
    for (unsigned k = 0; k < st->nmig; k++)
        if (st->gpus[st->ngpus + k].parent == (int32_t)g && i-- == 0)
            return (int)(st->ngpus + k);
    return -1;
}

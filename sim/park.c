/* park.c - the driver's checkpoints: a process gives its cards' memory back and gets it again, and its CUDA calls wait meanwhile.
 *
 * RUNNING -lock-> LOCKED -checkpoint-> CHECKPOINTED -restore-> LOCKED -unlock-> RUNNING; unlock is allowed before the checkpoint,
 * too. A restore that finds too little memory leaves the process dead for good, as NVIDIA/cuda-checkpoint issue 44 shows: every
 * later call says CUDA_ERROR_OPERATING_SYSTEM. The bytes go to the process's own host memory in a real driver; here they are
 * only remembered. */
#include "sim/state.h"

/* CUDA's codes: abi/cuda.h says the same, and cuda_park.c checks it. */
enum { SUCCESS = 0, INVALID_VALUE = 1, OUT_OF_MEMORY = 2, OPERATING_SYSTEM = 304, ILLEGAL_STATE = 401, NOT_SUPPORTED = 801 };

static struct bt_sim_proc *find(struct bt_sim_state *st, int32_t pid)
{
    for (unsigned i = 0; i < st->slots_high; i++)
        if (st->procs[i].state == BT_SIM_LIVE && st->procs[i].pid == pid)
            return &st->procs[i];
    return NULL;
}

/* The process in the state that a step starts from; else *rc says why not. */
static struct bt_sim_proc *in_state(struct bt_sim_state *st, int32_t pid, enum bt_sim_park from, int *rc)
{
    struct bt_sim_proc *p = find(st, pid);
    *rc = !p ? INVALID_VALUE : p->park == BT_SIM_PARK_FAILED ? OPERATING_SYSTEM : p->park != from ? ILLEGAL_STATE : SUCCESS;
    return *rc == SUCCESS ? p : NULL;
}

static void move_to(struct bt_sim_proc *p, enum bt_sim_park to)
{
    __atomic_store_n(&p->park, to, __ATOMIC_RELEASE);
}

int bt_sim_park_state(struct bt_sim_state *st, int32_t pid, int *state)
{
    bt_sim_reap(st, true);
    bt_sim_lock(st);
    struct bt_sim_proc *p = find(st, pid);
    if (p)
        *state = (int)p->park;
    bt_sim_unlock(st);
    return p ? SUCCESS : INVALID_VALUE;
}

int bt_sim_park_lock(struct bt_sim_state *st, int32_t pid)
{
    int rc;
    bt_sim_reap(st, true);
    bt_sim_lock(st);
    struct bt_sim_proc *p = in_state(st, pid, BT_SIM_RUNNING, &rc);
    if (p && p->bound)                       /* managed memory, shared memory, MIG: the driver refuses */
        rc = NOT_SUPPORTED;
    else if (p)
        move_to(p, BT_SIM_LOCKED);
    bt_sim_unlock(st);
    return rc;
}

int bt_sim_park_unlock(struct bt_sim_state *st, int32_t pid)
{
    int rc;
    bt_sim_lock(st);
    struct bt_sim_proc *p = in_state(st, pid, BT_SIM_LOCKED, &rc);
    if (p)
        move_to(p, BT_SIM_RUNNING);
    bt_sim_unlock(st);
    return rc;
}

/* Its bytes leave the cards, so NVML lists it no more. */
int bt_sim_park_checkpoint(struct bt_sim_state *st, int32_t pid)
{
    int rc;
    bt_sim_lock(st);
    struct bt_sim_proc *p = in_state(st, pid, BT_SIM_LOCKED, &rc);
    for (unsigned g = 0; p && g < BT_SIM_MAX_GPUS; g++) {
        struct bt_sim_use *u = &p->use[g];
        if (!(u->context_bytes | u->memory_bytes))
            continue;
        bt_sim_add_used(st, g, -(u->context_bytes + u->memory_bytes));
        u->parked_bytes = u->context_bytes + u->memory_bytes;        /* the contexts' part is their count times their cost */
        u->context_bytes = u->memory_bytes = 0;
    }
    if (p)
        move_to(p, BT_SIM_CHECKPOINTED);
    bt_sim_unlock(st);
    return rc;
}

static bool all_fit(const struct bt_sim_state *st, const struct bt_sim_proc *p)
{
    for (unsigned g = 0; g < BT_SIM_MAX_GPUS; g++) {
        const struct bt_sim_gpu *gpu = &st->gpus[g];
        if (p->use[g].parked_bytes && (gpu->used_bytes > gpu->cuda_total_bytes || p->use[g].parked_bytes > gpu->cuda_total_bytes - gpu->used_bytes))
            return false;
    }
    return true;
}

int bt_sim_park_restore(struct bt_sim_state *st, int32_t pid)
{
    int rc;
    bt_sim_reap(st, true);
    bt_sim_lock(st);
    struct bt_sim_proc *p = in_state(st, pid, BT_SIM_CHECKPOINTED, &rc);
    if (p && !all_fit(st, p)) {
        move_to(p, BT_SIM_PARK_FAILED);
        rc = OUT_OF_MEMORY;
    } else if (p) {
        for (unsigned g = 0; g < BT_SIM_MAX_GPUS; g++) {
            struct bt_sim_use *u = &p->use[g];
            uint64_t context = (uint64_t)u->contexts * st->gpus[g].context_bytes;
            if (!u->parked_bytes)
                continue;
            u->context_bytes = context < u->parked_bytes ? context : u->parked_bytes;
            u->memory_bytes = u->parked_bytes - u->context_bytes;
            bt_sim_add_used(st, g, u->parked_bytes);
            u->parked_bytes = 0;
        }
        move_to(p, BT_SIM_LOCKED);
    }
    bt_sim_unlock(st);
    return rc;
}

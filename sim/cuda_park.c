/* cuda_park.c - cuCheckpointProcess*: the door to sim/park.c. They work on other processes and on the own one, and none of them
 * waits for the process's calls to be let in again. */
#include "sim/cuda_int.h"

#include <unistd.h>

_Static_assert(CUDA_ERROR_OUT_OF_MEMORY == 2 && CUDA_ERROR_OPERATING_SYSTEM == 304 && CUDA_ERROR_ILLEGAL_STATE == 401 &&
               CUDA_ERROR_NOT_SUPPORTED == 801 && CUDA_ERROR_INVALID_VALUE == 1, "the codes of park.c");

/* Not SIM_ENTER: a locked process may ask for itself. */
static bool ready(void)
{
    return __atomic_load_n(&sim.inited, __ATOMIC_ACQUIRE) && sim.pid == getpid();
}

CUresult cuCheckpointProcessGetState(int pid, CUprocessState *state)
{
    int n = 0;
    if (!ready())
        return CUDA_ERROR_NOT_INITIALIZED;
    if (!state)
        return CUDA_ERROR_INVALID_VALUE;
    CUresult rc = (CUresult)bt_sim_park_state(sim.st, pid, &n);
    if (rc == CUDA_SUCCESS)
        *state = (CUprocessState)n;
    return rc;
}

CUresult cuCheckpointProcessGetRestoreThreadId(int pid, int *tid)
{
    int n = 0;
    if (!ready())
        return CUDA_ERROR_NOT_INITIALIZED;
    if (!tid)
        return CUDA_ERROR_INVALID_VALUE;
    CUresult rc = (CUresult)bt_sim_park_state(sim.st, pid, &n);
    if (rc == CUDA_SUCCESS)
        *tid = pid;                          /* its first thread: there is none of the driver's own */
    return rc;
}

/* Reserved words must be zero, as the header asks. */
static bool clear(const void *args, size_t from, size_t to)
{
    for (size_t i = from; args && i < to; i++)
        if (((const char *)args)[i])
            return false;
    return true;
}

CUresult cuCheckpointProcessLock(int pid, CUcheckpointLockArgs *args)
{
    if (!ready())
        return CUDA_ERROR_NOT_INITIALIZED;
    return clear(args, 4, sizeof *args) ? (CUresult)bt_sim_park_lock(sim.st, pid) : CUDA_ERROR_INVALID_VALUE;
}

CUresult cuCheckpointProcessCheckpoint(int pid, CUcheckpointCheckpointArgs *args)
{
    if (!ready())
        return CUDA_ERROR_NOT_INITIALIZED;
    return clear(args, 0, sizeof *args) ? (CUresult)bt_sim_park_checkpoint(sim.st, pid) : CUDA_ERROR_INVALID_VALUE;
}

/* Onto the same cards only. */
CUresult cuCheckpointProcessRestore(int pid, CUcheckpointRestoreArgs *args)
{
    if (!ready())
        return CUDA_ERROR_NOT_INITIALIZED;
    if (args && args->gpuPairsCount)
        return CUDA_ERROR_NOT_SUPPORTED;
    return (CUresult)bt_sim_park_restore(sim.st, pid);
}

CUresult cuCheckpointProcessUnlock(int pid, CUcheckpointUnlockArgs *args)
{
    if (!ready())
        return CUDA_ERROR_NOT_INITIALIZED;
    return clear(args, 0, sizeof *args) ? (CUresult)bt_sim_park_unlock(sim.st, pid) : CUDA_ERROR_INVALID_VALUE;
}

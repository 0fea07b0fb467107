/* cuda_none.c - what the driver exports and this machine has only in name.
 *
 * A program linked with -lcuda loads, and a runtime that looks everything up at its start finds everything; whoever calls one of these
 * is told NOT_SUPPORTED. The arguments are not looked at (both calling conventions that we build for let the caller clean up). */
#include "sim/cuda_int.h"
#include "sim/cuda_names.h"

static CUresult not_here(void)
{
    SIM_ENTER();
    return CUDA_ERROR_NOT_SUPPORTED;
}

#define DEFINE(name)                                                \
    __attribute__((visibility("default"))) CUresult name(void);     \
    CUresult name(void)                                             \
    {                                                               \
        return not_here();                                          \
    }
CUDA_NONE(DEFINE)

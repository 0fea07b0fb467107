/* mkstate.c - make a state file from the command line, for the libraries' own tests. People use `berth sim`.
 *
 * sim-mkstate PATH SEED LINGER_MS [NAME,MAJOR.MINOR,NVML_BYTES,CUDA_BYTES,CONTEXT_BYTES,TDP_W,NVLINK_GBS,MESH]... */
#include "sim/state.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int card(char *text, struct bt_sim_gpu_desc *d)
{
    char *rest = strchr(text, ',');
    unsigned long long nvml, cuda, context;
    int mesh;
    if (!rest)
        return -1;
    *rest++ = 0;
    d->name = text;
    if (sscanf(rest, "%d.%d,%llu,%llu,%llu,%d,%lf,%d", &d->cc_major, &d->cc_minor, &nvml, &cuda, &context, &d->tdp_w, &d->nvlink_gbs, &mesh) != 8)
        return -1;
    d->nvml_total_bytes = nvml;
    d->cuda_total_bytes = cuda;
    d->context_bytes = context;
    d->nvlink_mesh = mesh;
    return 0;
}

int main(int argc, char **argv)
{
    struct bt_sim_gpu_desc gpus[BT_SIM_MAX_GPUS] = { 0 };
    const char *why;
    if (argc < 4 || argc - 4 > BT_SIM_MAX_GPUS) {
        fprintf(stderr, "usage: sim-mkstate PATH SEED LINGER_MS [NAME,MAJOR.MINOR,NVML_BYTES,CUDA_BYTES,CONTEXT_BYTES,TDP_W,NVLINK_GBS,MESH]...\n");
        return 2;
    }
    for (int i = 4; i < argc; i++)
        if (card(argv[i], &gpus[i - 4]) != 0) {
            fprintf(stderr, "sim-mkstate: not a card: %s\n", argv[i]);
            return 2;
        }
    struct bt_sim_desc desc = { .gpus = gpus, .ngpus = (size_t)(argc - 4), .seed = argv[2], .linger_ms = atoi(argv[3]) };
    if (bt_sim_state_create(argv[1], &desc, &why) != 0) {
        fprintf(stderr, "sim-mkstate: %s %s: %s\n", why, argv[1], strerror(errno));
        return 1;
    }
    return 0;
}

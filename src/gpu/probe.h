/* probe.h - one sample of this machine's cards as one JSON line: what `berth probe` prints and run/ reads.
 *
 * {"t": 89000.25, "gpus": [{"uuid": "GPU-..", "index": 0, "nvml_total_bytes": 42949672960, "used_bytes": 123, "util_percent": 7,
 *   "procs": [{"pid": 4711, "bytes": 123}]}]}
 * A figure the driver does not give is null: used_bytes, util_percent, procs, a process's bytes. A sample that failed as a
 * whole has "error" and no cards: {"t": 1.5, "gpus": [], "error": "..."}. t is
 * CLOCK_MONOTONIC in seconds (the machine's own clock may be set), read before the driver was asked: all that was so by then is in it. */
#ifndef BT_GPU_PROBE_H
#define BT_GPU_PROBE_H
#include "gpu/gpu.h"

struct bt_probe_proc { int64_t pid; uint64_t bytes; bool bytes_valid; };
struct bt_probe_gpu {
    const char *uuid;
    int index;                                       /* PCI_BUS_ID order of the whole machine, as in struct bt_gpu */
    uint64_t nvml_total_bytes;
    bool unified;                                    /* used_bytes are the machine's RAM in use: others' too, at any moment */
    bool used_valid;   uint64_t used_bytes;
    bool util_valid;   unsigned util_percent;
    bool procs_valid;  struct bt_probe_proc *procs; size_t nprocs;
};
struct bt_probe_sample {
    double t;
    struct bt_probe_gpu *gpus; size_t n;
    const char *error;                               /* NULL, or why this sample has no cards */
};

#define BT_PROBE_LINE_MAX (4 * MiB)                  /* a longer line is refused; 64 cards with 1000 processes each fit */

/* Append one line, newline included. failed: the sample's error, or NULL. */
void bt_probe_print(const struct bt_fleet *f, double t, const struct bt_err *failed, struct bt_buf *out);
/* Read one line (without or with its newline). Everything lives in the arena. BT_E_INPUT on anything malformed. */
BT_MUST_CHECK int bt_probe_parse(struct bt_arena *a, struct bt_str line, struct bt_probe_sample *out, struct bt_err *err);
/* The card with this uuid, or NULL. */
const struct bt_probe_gpu *bt_probe_gpu(const struct bt_probe_sample *s, const char *uuid);
#endif

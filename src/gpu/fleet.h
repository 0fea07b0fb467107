/* fleet.h - the parts that bt_fleet_open() chooses from; for this floor and its tests. */
#ifndef BT_GPU_FLEET_H
#define BT_GPU_FLEET_H
#include "gpu/gpu.h"

/* A saved fleet: path is absolute or relative to the working directory. */
BT_MUST_CHECK int bt_fleet_file(struct bt_arena *a, const char *path, const struct bt_fleet_opts *o, struct bt_fleet *out, struct bt_err *err);
/* The cards of this machine, after CUDA_VISIBLE_DEVICES. Opens NVML, reads, closes it. */
BT_MUST_CHECK int bt_fleet_live(struct bt_arena *a, const struct bt_fleet_opts *o, struct bt_fleet *out, struct bt_err *err);
/* A fleet with only cards idx[0..n) of f, in index order. */
void bt_fleet_subset(struct bt_arena *a, const struct bt_fleet *f, const size_t *idx, size_t n, struct bt_fleet *out);
/* "0 (A100-SXM4-40GB), 1 (RTX-4090)" */
void bt_fleet_list(const struct bt_fleet *f, struct bt_buf *out);
#endif

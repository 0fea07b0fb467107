/* catalog.h - the compiled-in table of cards (catalog.csv, made into C by catalog_gen.py). Use it through gpu.h. */
#ifndef BT_GPU_CATALOG_H
#define BT_GPU_CATALOG_H
#include "gpu/gpu.h"
extern const struct bt_gpu_kind bt_gpu_catalog[];
extern const size_t bt_gpu_catalog_n;
#endif

/* pace - how fast: a roofline of decode. Pure. Model and constants: docs/pace.md (from the measured rows they were fitted on). */
#ifndef BT_PACE_H
#define BT_PACE_H
#include "engine/engine.h"
#include "gpu/gpu.h"
#include "model/model.h"

struct bt_pace_in {
    const struct bt_model *model;
    const struct bt_engine *engine;
    const struct bt_engine_version *version;     /* NULL = the engine's newest row */
    const struct bt_gpu *card;
    uint64_t tp, pp;                 /* 0 = 1 */
    uint64_t context;                /* tokens already in the KV cache */
    double kv_bytes_per_token;       /* of the whole model: all layers, all KV heads */
    unsigned elem;                   /* bytes of a plain number as served; 0 = 2 */
    bool nvlink;                     /* the ranks reach each other by NVLink */
};

struct bt_pace {
    double decode_tok_s;             /* one stream */
    double ceiling_tok_s;            /* bandwidth alone */
    double weights_ms, kv_ms, layers_ms, host_ms, allreduce_ms, hop_ms, step_ms;
    const char *link;                /* "", "NVLink", "PCIe with P2P", "PCIe without P2P" */
    double error_share;              /* 0.1 known engine and GPU class, 0.2 otherwise */
    bool known;                      /* false: card's bandwidth is not in the catalog, no figure */
};
void bt_pace_decode(const struct bt_pace_in *in, struct bt_pace *out);
#endif

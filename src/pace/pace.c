/* pace - one decode step as a sum: read the weights, read the KV, launch the layers, talk between ranks. Constants: docs/pace.md. */
#include "pace/pace.h"

#include <math.h>
#include <stdio.h>

/* Share of the peak bandwidth that decode reaches, by class of card; `rows`: measured points behind it. */
static const struct class_eff { const char *name; double eff; unsigned rows; } classes[] = {
    { "hbm_a100", 0.82, 87 },   { "hbm_hopper", 0.80, 41 },  { "hbm_blackwell", 0.79, 16 }, { "hbm_h20", 0.37, 23 },  { "hbm_volta", 0.65, 3 },
    { "gddr_ampere", 0.86, 59 }, { "gddr_ada", 0.93, 55 },   { "gddr7", 0.93, 5 },          { "gddr_old", 0.79, 3 },  { "lpddr", 0.82, 2 },
    { "amd_cdna", 0.66, 3 },    { "amd_cdna3", 0.65, 2 },    { "amd_rdna", 0.78, 5 },
};
static const struct class_eff class_unknown = { "", 0.65, 0 };      /* the low end of what was measured */
#define KV_SHARE_OF_EFF 0.81         /* attention reads its KV less evenly than a matrix */
#define ROWS_ENOUGH 15

/* What a quantised kernel changes about eff. */
static const struct { const char *method; double q; } quants[] = { { "fp8", 1.08 }, { "awq", 0.82 }, { "gptq", 0.82 }, { "compressed-tensors", 0.95 } };

/* Kernels and gaps per layer, and the host per step; by the engine's first version that behaves so. Newest first. */
static const struct launch { const char *engine; unsigned minor; double layer_us, host_ms; bool measured; } launches[] = {
    { "vllm", 12, 43, 0.35, true },
    { "vllm", 8, 45, 0.40, false },  /* V1 before 0.12: no row of its own; the constants for an engine whose version is not known */
    { "vllm", 7, 75, 1.20, true },
    { "vllm", 0, 85, 1.20, true },
};
static const struct launch launch_unknown = { "", 0, 45, 0.40, false };

/* Microseconds of one all-reduce in a CUDA graph, at 4, 16, 64 and 256 KiB, for 2, 4 and 8 ranks. */
enum link { LINK_NVLINK_AMPERE, LINK_NVLINK_HOPPER, LINK_NVLINK_BLACKWELL, LINK_PCIE5, LINK_PCIE4, LINK_PCIE_NO_P2P };
static const struct { const char *name; double us[3][4]; } links[] = {
    [LINK_NVLINK_AMPERE]    = { "NVLink",           { {  5.0,  5.3,  5.5,  6.6 }, {  5.3,  6.0,  6.6,   9.9 }, {  5.8,  6.5,   8.4,  17.1 } } },
    [LINK_NVLINK_HOPPER]    = { "NVLink",           { {  4.4,  4.5,  4.6,  5.1 }, {  4.7,  4.8,  5.3,   7.1 }, {  4.9,  5.2,   6.4,  10.4 } } },
    [LINK_NVLINK_BLACKWELL] = { "NVLink",           { {  7.0,  7.1,  7.1,  7.7 }, {  7.1,  7.4,  7.5,   8.7 }, {  7.6,  8.1,   8.6,  17.0 } } },
    [LINK_PCIE5]            = { "PCIe with P2P",    { {  4.5,  5.1,  6.2, 11.1 }, { 12.7, 14.9, 16.9,  57.0 }, { 26.0, 27.5,  31.2,  84.0 } } },
    [LINK_PCIE4]            = { "PCIe with P2P",    { {  5.5,  6.2,  9.9, 18.1 }, { 14.0, 17.5, 37.0, 116.0 }, { 27.0, 27.4,  73.0, 207.0 } } },
    [LINK_PCIE_NO_P2P]      = { "PCIe without P2P", { { 18.0, 20.5, 22.3, 39.0 }, { 35.0, 40.0, 60.0, 130.0 }, { 60.0, 70.0, 110.0, 280.0 } } },
};
#define SPLIT_NVLINK 1.65            /* what a split costs beyond the bare kernel: narrow matrices, ranks that wait for each other */
#define SPLIT_PCIE 0.70              /* fitted; the PCIe kernels above are measured on slow hosts */
#define HOP_HOST_MS 0.25             /* one pipeline hop through host memory */
#define HOP_P2P_MS 0.02

static const struct class_eff *class_of(const struct bt_gpu_kind *k)
{
    for (size_t i = 0; k->eff_class && i < BT_LEN(classes); i++)
        if (!strcmp(classes[i].name, k->eff_class))
            return &classes[i];
    return &class_unknown;
}

static const struct launch *launch_of(const struct bt_engine *e, const struct bt_engine_version *v)
{
    if (!v && e && e->nversions)
        v = &e->versions[e->nversions - 1];
    unsigned major = 0, minor = 0;
    if (!e || !v || sscanf(v->version, "%u.%u", &major, &minor) != 2)
        return &launch_unknown;
    for (size_t i = 0; i < BT_LEN(launches); i++)
        if (!strcmp(launches[i].engine, e->name) && (major > 0 || minor >= launches[i].minor))
            return &launches[i];
    return &launch_unknown;
}

/* Drivers refuse P2P over PCIe between GeForce cards, and clouds do for the A10G. */
static bool pcie_p2p(const struct bt_gpu_kind *k)
{
    return !strstr(k->nvml_name, "GeForce") && strncmp(k->key, "a10g", 4) != 0;
}

static enum link link_of(const struct bt_pace_in *in)
{
    const struct bt_gpu_kind *k = in->card->kind;
    if (in->nvlink)
        return k->cc_major >= 10 ? LINK_NVLINK_BLACKWELL : k->cc_major == 9 ? LINK_NVLINK_HOPPER : LINK_NVLINK_AMPERE;
    if (!pcie_p2p(k))
        return LINK_PCIE_NO_P2P;
    return k->pcie && k->pcie[0] >= '5' ? LINK_PCIE5 : LINK_PCIE4;
}

/* Between the table's sizes by log of the size; past its end in proportion (bandwidth); between numbers of ranks the next larger. */
static double allreduce_us(enum link link, uint64_t ranks, double bytes)
{
    const double *us = links[link].us[ranks <= 2 ? 0 : ranks <= 4 ? 1 : 2];
    double at = log2(bytes / 4096.0) / 2;            /* 0, 1, 2, 3 at the columns */
    if (at <= 0)
        return us[0];
    if (at >= 3)
        return us[3] * bytes / (256.0 * 1024.0);
    unsigned i = (unsigned)at;
    return us[i] + (us[i + 1] - us[i]) * (at - i);
}

/* Bytes read per token: every matrix once. The input embedding is not one of them (one row is read), except where it is the head too. */
static double bytes_per_step(const struct bt_model *m, unsigned elem)
{
    double sum = 0;
    for (size_t i = 0; i < m->ntensors; i++) {
        const struct bt_tensor *t = &m->tensors[i];
        enum bt_tensor_role role = bt_tensor_place(t).role;
        bool read = role == BT_T_EMBED ? m->tied : role == BT_T_LM_HEAD ? !m->tied : role != BT_T_NORM && role != BT_T_QK_NORM;
        bool plain = t->dtype == BT_DT_F64 || t->dtype == BT_DT_F32 || t->dtype == BT_DT_BF16 || t->dtype == BT_DT_F16;
        if (read)
            sum += plain ? (double)t->bytes * 8 / bt_dtype_bits(t->dtype) * elem : (double)t->bytes;
    }
    return sum;
}

static double quant_share(const struct bt_model *m)
{
    for (size_t i = 0; m->quantization && i < BT_LEN(quants); i++)
        if (!strcmp(m->quantization, quants[i].method))
            return quants[i].q;
    return 1;
}

void bt_pace_decode(const struct bt_pace_in *in, struct bt_pace *out)
{
    *out = (struct bt_pace){ .link = "" };
    const struct bt_model *m = in->model;
    const struct bt_gpu_kind *k = in->card->kind;
    uint64_t tp = BT_MAX(in->tp, 1u), pp = BT_MAX(in->pp, 1u);
    if (!k || !(k->mem_gbs > 0) || !m->ntensors)
        return;
    const struct class_eff *c = class_of(k);
    const struct launch *l = launch_of(in->engine, in->version);
    double bytes = bytes_per_step(m, in->elem ? in->elem : 2), gbs = k->mem_gbs * 1e9;
    if (!(bytes > 0))
        return;
    out->known = true;
    out->ceiling_tok_s = (double)tp * gbs / bytes;
    out->weights_ms = bytes / ((double)tp * gbs * c->eff * quant_share(m)) * 1e3;
    double kv_ranks = (double)BT_MIN(tp, (uint64_t)BT_MAX(m->kv_heads, 1u));         /* past that, KV is replicated */
    out->kv_ms = (double)in->context * in->kv_bytes_per_token / (kv_ranks * gbs * c->eff * KV_SHARE_OF_EFF) * 1e3;
    out->layers_ms = m->layers * l->layer_us / 1e3;
    out->host_ms = l->host_ms;
    bool p2p = in->nvlink || pcie_p2p(k);
    if (tp > 1) {
        enum link link = link_of(in);
        out->link = links[link].name;
        out->allreduce_ms = (2.0 * m->layers + 1) * allreduce_us(link, tp, m->hidden * 2.0) * (in->nvlink ? SPLIT_NVLINK : SPLIT_PCIE) / 1e3;
    } else if (pp > 1) {
        out->link = in->nvlink ? "NVLink" : p2p ? "PCIe with P2P" : "PCIe without P2P";
    }
    out->hop_ms = (double)(pp - 1) * (p2p ? HOP_P2P_MS : HOP_HOST_MS);
    out->step_ms = out->weights_ms + out->kv_ms + out->layers_ms + out->host_ms + out->allreduce_ms + out->hop_ms;
    out->decode_tok_s = 1e3 / out->step_ms;
    bool sure = c->rows >= ROWS_ENOUGH && l->measured && pp == 1 && (tp == 1 || in->nvlink) && tp <= 8;
    out->error_share = sure ? 0.1 : 0.2;
}

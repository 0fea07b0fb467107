/* rank.c - the memory of one rank, step by step as vLLM's GPU worker does it (0.32 and 0.11: v1/worker/gpu_worker.py):
 * communicator, snapshot, weights, profile, KV, graphs. Every byte is taken from the driver; KV is what is left by measurement. */
#include "sim/engine/engine.h"

#include <math.h>
#include <stdio.h>

#include "gpu/gpu.h"

struct seg { uint64_t ptr, bytes; };
struct se_rank {
    struct se *e;
    unsigned tp, pp;
    uint32_t first_layer, layers;
    struct seg *seg; size_t nseg;    /* what the caching allocator holds */
    uint64_t small_left, mid_left;   /* room in the open 2 MiB and 20 MiB segments */
    uint64_t free0, total, requested;
    uint64_t weights, consumed, peak, graphs;
};

struct se_rank *se_rank_new(struct se *e, unsigned tp, unsigned pp)
{
    struct se_rank *r = BT_NEW(&e->arena, struct se_rank);
    uint32_t *stage = BT_NEWN(&e->arena, uint32_t, e->s.pp);
    bt_engine_pp_layers(e->model->layers, e->s.pp, stage);
    r->e = e;
    r->tp = tp;
    r->pp = pp;
    for (unsigned i = 0; i < pp; i++)
        r->first_layer += stage[i];
    r->layers = stage[pp];
    return r;
}

static double gib(uint64_t b) { return (double)b / (double)GiB; }

static int fail(struct se_report *out, const char *fmt, ...) BT_PRINTF(2, 3);
static int fail(struct se_report *out, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(out->error, sizeof out->error, fmt, ap);
    va_end(ap);
    out->ok = false;
    out->exit_code = 1;
    return -1;
}

static int oom(struct se_rank *r, uint64_t want, struct se_report *out)
{
    uint64_t f = 0, t = 0;
    se_cuda_info(&f, &t);
    return fail(
        out,
        "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate %.2f GiB. GPU %u has a total capacity of %.2f GiB of which %.2f GiB is free.",
        gib(want), r->pp * (unsigned)r->e->s.tp + r->tp, gib(t), gib(f));
}

static int segment(struct se_rank *r, uint64_t bytes, struct se_report *out)
{
    uint64_t p;
    if (se_cuda_alloc(bytes, &p))
        return oom(r, bytes, out);
    BT_PUSH(&r->e->arena, r->seg, r->nseg, ((struct seg){ p, bytes }));
    return 0;
}

/* torch's CUDA caching allocator: up to 1 MiB from 2 MiB segments, under 10 MiB from 20 MiB ones, else a segment of its own
 * rounded to 2 MiB. */
static int take(struct se_rank *r, uint64_t bytes, struct se_report *out)
{
    bytes = bt_round_up(BT_MAX(bytes, 1), 512);
    if (bytes >= 10 * MiB)
        return segment(r, bt_round_up(bytes, 2 * MiB), out);
    uint64_t *left = bytes <= MiB ? &r->small_left : &r->mid_left;
    uint64_t size = bytes <= MiB ? 2 * MiB : 20 * MiB;
    if (*left < bytes) {
        if (segment(r, size, out) < 0)
            return -1;
        *left = size;
    }
    *left -= bytes;
    return 0;
}

static uint64_t held(const struct se_rank *r)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < r->nseg; i++)
        sum += r->seg[i].bytes;
    return sum;
}

/* Bytes of one checkpoint tensor on this rank, in the dtype that is served. */
static uint64_t sharded(const struct se_rank *r, const struct bt_tensor *t, struct bt_tensor_place at, unsigned bits)
{
    const struct bt_model *m = r->e->model;
    uint64_t tp = r->e->s.tp, n = 1;
    for (unsigned i = 0; i < t->rank; i++)
        n *= t->shape[i];
    unsigned tbits = bt_dtype_bits(t->dtype);
    if (tbits == 16 || tbits == 32)
        tbits = bits;                /* floats follow --dtype; packed and 8-bit stay as they are */
    switch (at.role) {
    case BT_T_EMBED: case BT_T_LM_HEAD: {
        uint64_t rows = bt_round_up(t->shape[0], 64) / tp;
        return rows * (n / t->shape[0]) * tbits / 8;
    }
    case BT_T_Q: case BT_T_GATE: case BT_T_UP: case BT_T_GATE_UP:
        return n / tp * tbits / 8;
    case BT_T_QKV: case BT_T_K: case BT_T_V: {
        uint64_t kv_here = BT_MAX(m->kv_heads / tp, 1);
        if (at.role == BT_T_QKV)
            return n * (m->heads / tp + 2 * kv_here) / (m->heads + 2 * m->kv_heads) * tbits / 8;
        return n * kv_here / m->kv_heads * tbits / 8;
    }
    case BT_T_O: case BT_T_DOWN:
        return at.bias ? n * tbits / 8 : n / tp * tbits / 8;
    default:
        return n * tbits / 8;
    }
}

static bool mine(const struct se_rank *r, struct bt_tensor_place at)
{
    bool first = r->pp == 0, last = r->pp == r->e->s.pp - 1;
    if (at.layer >= 0)
        return (uint32_t)at.layer >= r->first_layer && (uint32_t)at.layer < r->first_layer + r->layers;
    if (at.role == BT_T_EMBED)
        return first || (last && r->e->model->tied);
    return at.role == BT_T_OTHER ? true : last;      /* lm_head, final norm */
}

/* One decode step of this stage: its weights once through the card's memory, and the launches of its layers. */
static uint64_t step_us(const struct se_rank *r, const char *card)
{
    const struct bt_gpu_kind *k = bt_gpu_kind_find(card);
    double gbs = k && k->mem_gbs > 0 ? k->mem_gbs : 500;
    return (uint64_t)((double)r->weights / (gbs * 1e9 * 0.8) * 1e6 + 45.0 * r->layers + 350);
}

static int load_tensors(struct se_rank *r, struct se_report *out)
{
    const struct bt_model *m = r->e->model;
    enum bt_dtype dt = bt_dtype_parse(r->e->s.dtype ? r->e->s.dtype : "");
    unsigned bits = bt_dtype_bits(dt ? dt : m->dtype);
    struct fused { uint64_t qkv, qkv_bias, gate_up; } *f = bt_xcalloc(m->layers, sizeof *f);
    int rc = 0;
    for (size_t i = 0; i < m->ntensors && rc == 0; i++) {
        struct bt_tensor_place at = bt_tensor_place(&m->tensors[i]);
        if (!mine(r, at))
            continue;
        uint64_t bytes = sharded(r, &m->tensors[i], at, bits);
        if (at.layer >= 0 && (uint32_t)at.layer < m->layers && (at.role == BT_T_Q || at.role == BT_T_K || at.role == BT_T_V))
            *(at.bias ? &f[at.layer].qkv_bias : &f[at.layer].qkv) += bytes;      /* one fused parameter */
        else if (at.layer >= 0 && (uint32_t)at.layer < m->layers && (at.role == BT_T_GATE || at.role == BT_T_UP))
            f[at.layer].gate_up += bytes;
        else
            rc = take(r, bytes, out);
    }
    for (uint32_t l = 0; l < m->layers && rc == 0; l++) {
        uint64_t one[] = { f[l].qkv, f[l].qkv_bias, f[l].gate_up };
        for (size_t k = 0; k < BT_LEN(one) && rc == 0; k++)
            if (one[k])
                rc = take(r, one[k], out);
    }
    free(f);
    if (rc == 0)                     /* one rotary table for all layers */
        rc = take(r, (uint64_t)m->max_position * m->head_dim * bits / 8, out);
    return rc;
}

/* LoRA slots: A and B of every linear of every layer, all slots at once (vllm/lora/layers). */
static int lora_slots(struct se_rank *r, struct se_report *out)
{
    const struct bt_serve *s = &r->e->s;
    const struct bt_model *m = r->e->model;
    if (!s->lora)
        return 0;
    uint64_t sr = s->max_loras * s->max_lora_rank * 2, h = m->hidden, q = (uint64_t)m->heads * m->head_dim, kv = (uint64_t)m->kv_heads * m->head_dim,
             i = m->intermediate, tp = s->tp, kv_here = BT_MAX(m->kv_heads / tp, 1) * m->head_dim;
    (void)kv;
    for (uint32_t l = 0; l < r->layers; l++) {
        uint64_t part[] = { 3 * h, q / tp + 2 * kv_here, q / tp, h, 2 * h, 2 * i / tp, i / tp, h };
        for (size_t k = 0; k < BT_LEN(part); k++)
            if (take(r, part[k] * sr, out) < 0)
                return -1;
    }
    return 0;
}

void se_rank_load(struct se_rank *r, struct se_report *out)
{
    struct se *e = r->e;
    struct bt_err err = { 0 };
    unsigned device = r->pp * (unsigned)e->s.tp + r->tp;
    *out = (struct se_report){ .ok = true };
    if (se_cuda_open((int)device, &err) < 0) {
        fail(out, "%s", err.msg);
        return;
    }
    if (e->s.tp * e->s.pp > 1) {     /* NCCL and custom all-reduce come before the snapshot: not inside the budget */
        uint64_t p;
        for (int i = 0; i < 2; i++)
            if (se_cuda_alloc(i ? 16 * MiB : 232 * MiB, &p)) {
                fail(out, "torch.distributed.DistBackendError: NCCL error: unhandled cuda error (out of memory)");
                return;
            }
    }
    se_cuda_info(&r->free0, &r->total);
    out->free_gib = gib(r->free0);
    out->total_gib = gib(r->total);
    r->requested = (uint64_t)ceil((double)r->total * e->s.utilization);
    if (r->free0 < r->requested) {
        fail(out,
             "ValueError: Free memory on device cuda:%u (%.2f/%.2f GiB) on startup is less than desired GPU memory utilization (%g, %.2f GiB). "
             "Decrease GPU memory utilization or reduce GPU memory used by other processes.",
             device, gib(r->free0), gib(r->total), e->s.utilization, gib(r->requested));
        return;
    }
    if (r->pp == 0 && r->tp == 0)
        se_info("gpu_model_runner.py:4101", "Starting to load model %s...", e->model_arg);
    unsigned shards = e->model->shards ? e->model->shards : (unsigned)bt_ceil_div(e->model->weight_bytes, 4 * GiB);
    double seconds = BT_MIN(1.0 + gib(e->model->weight_bytes) / 12.0, 20.0);     /* several ranks read one page cache */
    double begun = se_clock();
    for (unsigned i = 0; i <= shards; i++) {
        if (i == (shards + 1) / 2 && (load_tensors(r, out) < 0 || lora_slots(r, out) < 0))
            return;
        if (r->pp == 0 && r->tp == 0)
            se_bar("Loading safetensors checkpoint shards: %3u%% Completed | %u/%u [00:%02u<00:00,  1.10s/it]", i * 100 / shards, i, shards, i % 60);
        se_nap(e, seconds / (shards + 1));
    }
    if (e->misbehave_bytes && take(r, e->misbehave_bytes, out) < 0)
        return;
    r->weights = held(r);
    out->weights_gib = gib(r->weights);
    char card[128] = "";
    uint64_t bytes;
    se_cuda_device((int)device, &bytes, card, sizeof card);
    out->step_us = step_us(r, card);
    if (r->pp == 0 && r->tp == 0) {
        se_info("default_loader.py:501", "Loading weights took %.2f seconds", se_clock() - begun);
        se_info("gpu_model_runner.py:4188", "Model loading took %.4f GiB memory and %.6f seconds", out->weights_gib, se_clock() - begun);
    }
}

/* What the forward pass of max_num_batched_tokens takes on top, and in V1 the sampler's sort (README of the logs: 38.8 B x seqs x vocab). */
static uint64_t activation_peak(const struct se_rank *r)
{
    const struct bt_serve *s = &r->e->s;
    const struct bt_model *m = r->e->model;
    bool last = r->pp == s->pp - 1;
    uint64_t forward = s->max_batched_tokens * (3 * (uint64_t)m->intermediate / s->tp + 4 * (uint64_t)m->hidden) * 2;
    uint64_t seqs = BT_MIN(s->max_seqs, s->max_batched_tokens);
    uint64_t sampler = !last ? 0 : r->e->row->sampler_profiled ? seqs * m->vocab * 388 / 10 : seqs * m->vocab * 2 * 2;
    return BT_MAX(forward, sampler);
}

static unsigned graph_sizes(const struct bt_serve *s)
{
    uint64_t max = BT_MIN(BT_MIN(2 * s->max_seqs, s->max_cudagraph_size ? s->max_cudagraph_size : 512), s->max_batched_tokens);
    return 3 + (unsigned)(BT_MIN(max, 255) / 8) + (unsigned)(max > 255 ? (max - 240) / 16 : 0);
}

/* Piecewise and full graphs of every size: private pools, grown by the largest, plus node memory per layer and size. */
static uint64_t graph_bytes(const struct se_rank *r)
{
    const struct bt_serve *s = &r->e->s;
    if (s->eager)
        return 0;
    return bt_round_up(64 * MiB + (uint64_t)graph_sizes(s) * r->layers * 112 * KiB, 2 * MiB);
}

void se_rank_profile(struct se_rank *r, struct se_report *out)
{
    struct se *e = r->e;
    bool last = r->pp == e->s.pp - 1;
    *out = (struct se_report){ .ok = true, .weights_gib = gib(r->weights) };
    if (e->row->sampler_buffers && last && take(r, e->s.max_seqs * (e->model->vocab * 425ull / 100 + 13 * KiB), out) < 0)
        return;
    if (take(r, e->s.max_batched_tokens * e->model->hidden * 2ull + 24 * MiB, out) < 0)     /* input buffers, scratch kept */
        return;
    uint64_t peak = activation_peak(r), p;
    if (se_cuda_alloc(bt_round_up(peak, 2 * MiB), &p)) {     /* the dummy run, then freed and given back */
        oom(r, peak, out);
        return;
    }
    se_nap(e, e->s.eager ? 0.4 : 1.6);
    se_cuda_free(p);
    uint64_t free1, total;
    se_cuda_info(&free1, &total);
    if (free1 > r->free0) {
        fail(out,
             "AssertionError: Error in memory profiling. Initial free memory %.2f GiB, current free memory %.2f GiB. This happens when other "
             "processes sharing "
             "the same container release GPU memory while vLLM is profiling during initialization.",
             gib(r->free0), gib(free1));
        return;
    }
    r->consumed = r->free0 - free1;
    r->peak = peak;
    r->graphs = graph_bytes(r);
    int64_t kv = (int64_t)r->requested - (int64_t)r->consumed - (int64_t)r->peak - (e->row->graphs_in_budget ? (int64_t)r->graphs : 0);
    if (e->s.kv_bytes)
        kv = (int64_t)e->s.kv_bytes;
    out->graphs_gib = gib(r->graphs);
    out->kv_bytes = kv > 0 ? (uint64_t)kv : 0;
    out->kv_gib = (double)kv / (double)GiB;
    out->free_gib = gib(r->free0);
}

uint64_t se_rank_block_bytes(const struct se_rank *r)
{
    const struct bt_model *m = r->e->model;
    const char *kv = r->e->s.kv_dtype ? r->e->s.kv_dtype : "auto";
    enum bt_dtype dt = bt_dtype_parse(r->e->s.dtype ? r->e->s.dtype : "");
    uint64_t element = strncmp(kv, "fp8", 3) ? bt_dtype_bits(dt ? dt : m->dtype) / 8 : 1;
    return r->e->s.block_size * 2 * BT_MAX(m->kv_heads / r->e->s.tp, 1) * m->head_dim * element * r->layers;
}

void se_rank_kv(struct se_rank *r, uint64_t blocks, struct se_report *out)
{
    struct se *e = r->e;
    *out = (struct se_report){ .ok = true };
    uint64_t layer = se_rank_block_bytes(r) / r->layers * blocks;
    for (uint32_t l = 0; l < r->layers; l++)
        if (take(r, layer, out) < 0)
            return;
    /* block tables and slot mappings: after the KV was sized, outside the budget */
    if (take(r, 2 * e->s.max_seqs * bt_ceil_div(e->s.context, e->s.block_size) * 4 + e->s.max_batched_tokens * 8, out) < 0)
        return;
    if (!e->s.eager) {
        double begun = se_clock();
        if (r->pp == 0 && r->tp == 0)
            for (int pc = 0; pc <= 100; pc += 20) {
                se_bar("Capturing CUDA graphs (%s): %3d%%|%.*s| %d/%u",
                       e->row->runner == BT_RUNNER_V2 ? "PIECEWISE" : "mixed prefill-decode, PIECEWISE", pc, pc / 10, "##########",
                       pc * (int)graph_sizes(&e->s) / 100, graph_sizes(&e->s));
                se_nap(e, 0.25);
            }
        else
            se_nap(e, 1.5);
        if (take(r, r->graphs, out) < 0)
            return;
        out->graphs_gib = gib(r->graphs);
        if (r->pp == 0 && r->tp == 0)
            se_info("gpu_model_runner.py:5244", "Graph capturing finished in %.0f secs, took %.2f GiB", se_clock() - begun, out->graphs_gib);
    }
    if (r->pp == 0 && r->tp == 0 && !e->s.kv_bytes)
        se_info("gpu_worker.py:994",
                "Free memory on device (%.2f/%.2f GiB) on startup. Desired GPU memory utilization is (%g, %.2f GiB). Actual usage is %.2f GiB for "
                "consumed "
                "memory (weights + non-torch), %.2f GiB for peak activation, and %.2f GiB for CUDAGraph memory.",
                gib(r->free0), gib(r->total), e->s.utilization, gib(r->requested), gib(r->consumed), gib(r->peak), gib(r->graphs));
}

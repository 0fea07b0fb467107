/* rank.c - one rank from start to sleep, step by step as vLLM's GPU worker does it (v1/worker/gpu_worker.py): communicator, snapshot, weights,
 * profile, KV, graphs. Every byte is taken from the driver; KV is what is left by measurement. */
#include "sim/engine/rank.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <sys/stat.h>

#include "gpu/gpu.h"

struct se_rank {
    struct se *e;
    struct se_stage st;
    unsigned device;
    bool first;                      /* of its engine: the one that speaks */
    struct se_heap weights, kv, rest;                /* sleep mode keeps pools apart; without it all is in rest */
    uint64_t free0, total, requested;
    uint64_t loaded, consumed, peak, graphs, pool;   /* bytes */
};

struct se_rank *se_rank_new(struct se *e, unsigned tp, unsigned pp)
{
    struct se_rank *r = BT_NEW(&e->arena, struct se_rank);
    r->e = e;
    r->st = se_stage_of(e, tp, pp);
    r->device = (e->dp_rank * (unsigned)e->s.pp + pp) * (unsigned)e->s.tp + tp;
    r->first = tp == 0 && pp == 0;
    return r;
}

const struct se_stage *se_rank_stage(const struct se_rank *r) { return &r->st; }
static double gib(uint64_t b) { return (double)b / (double)GiB; }
static bool speaks(const struct se_rank *r) { return r->first; }
static struct se_heap *weight_heap(struct se_rank *r) { return r->e->more.sleep_mode ? &r->weights : &r->rest; }
static struct se_heap *kv_heap(struct se_rank *r) { return r->e->more.sleep_mode ? &r->kv : &r->rest; }

static int fail(struct se_report *out, const char *fmt, ...) BT_PRINTF(2, 3);
static int fail(struct se_report *out, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(out->error, sizeof out->error, fmt, ap);
    va_end(ap);
    out->ok = false;
    return -1;
}

/* torch's sentence. */
static int oom(struct se_rank *r, uint64_t want, struct se_report *out)
{
    uint64_t f = 0, t = 0, held = r->weights.held + r->kv.held + r->rest.held;
    char size[32];
    se_cuda_info(&f, &t);
    snprintf(size, sizeof size, want >= GiB ? "%.2f GiB" : "%.2f MiB", want >= GiB ? gib(want) : (double)want / (double)MiB);
    return fail(out, "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate %s. GPU %u has a total capacity of %.2f GiB of which %.2f %s is free. "
                     "Of the allocated memory %.2f GiB is allocated by PyTorch.",
                size, r->device, gib(t), f >= GiB ? gib(f) : (double)f / (double)MiB, f >= GiB ? "GiB" : "MiB", gib(held));
}

static int take(struct se_rank *r, struct se_heap *h, uint64_t bytes, struct se_report *out)
{
    return se_heap_take(h, bytes) < 0 ? oom(r, bytes, out) : 0;
}

/* One decode step of this stage: its weights once through the card's memory, and the launches of its layers. */
static uint64_t step_us(const struct se_rank *r)
{
    char card[128] = "";
    uint64_t bytes;
    se_cuda_device((int)r->device, &bytes, card, sizeof card);
    const struct bt_gpu_kind *k = bt_gpu_kind_find(card);
    double gbs = k && k->mem_gbs > 0 ? k->mem_gbs : 500;
    return (uint64_t)((double)r->loaded / (gbs * 1e9 * 0.8) * 1e6 + 45.0 * r->st.layers + 350);
}

/* NCCL and custom all-reduce come before the snapshot: not inside the budget. */
static int communicator(struct se_rank *r, struct se_report *out)
{
    uint64_t p;
    for (int i = 0; i < 2 && r->e->s.tp * r->e->s.pp * se_world_dp(r->e) > 1; i++)
        if (se_cuda_alloc(i ? 16 * MiB : 232 * MiB, &p))
            return fail(out, "torch.distributed.DistBackendError: NCCL error: unhandled cuda error (out of memory)");
    return 0;
}

static int snapshot(struct se_rank *r, struct se_report *out)
{
    struct se *e = r->e;
    se_cuda_info(&r->free0, &r->total);
    out->free_gib = gib(r->free0);
    r->requested = (uint64_t)ceil((double)r->total * e->s.utilization);
    if (r->free0 >= r->requested)
        return 0;
    return fail(out, "ValueError: Free memory on device cuda:%u (%.2f/%.2f GiB) on startup is less than desired GPU memory utilization (%g, %.2f GiB). "
                     "Decrease GPU memory utilization or reduce GPU memory used by other processes.",
                r->device, gib(r->free0), gib(r->total), e->s.utilization, gib(r->requested));
}

static int load_all(struct se_rank *r, struct se_report *out)
{
    uint64_t *bytes;
    size_t n = se_weights(r->e, &r->st, &bytes);
    for (size_t i = 0; i < n; i++)
        if (take(r, weight_heap(r), bytes[i], out) < 0)
            return -1;
    n = se_lora_slots(r->e, &r->st, &bytes);
    for (size_t i = 0; i < n; i++)
        if (take(r, weight_heap(r), bytes[i], out) < 0)
            return -1;
    return 0;
}

/* Device, process groups, baseline: all ranks are here before one goes on. */
void se_rank_open(struct se_rank *r, struct se_report *out)
{
    struct se *e = r->e;
    unsigned long long world = e->s.tp * e->s.pp * se_world_dp(e), rank = world > e->s.tp * e->s.pp ? r->device : 0;
    struct bt_err err = { 0 };
    *out = (struct se_report){ .ok = true };
    if (speaks(r))
        se_info("parallel_state.py:1906", "world_size=%llu rank=%llu local_rank=%u distributed_init_method=%s backend=nccl", world, rank, r->device,
                e->rendezvous);
    if (se_cuda_open((int)r->device, &err) < 0) {
        fail(out, "%s", err.msg);
        return;
    }
    if (communicator(r, out) < 0)
        return;
    if (speaks(r))
        se_info("parallel_state.py:2350",
                "rank %llu in world size %llu is assigned as DP rank %u, PP rank 0, PCP rank 0, TP rank 0, ETP rank 0, EP rank N/A, EPLB rank N/A",
                rank, world, e->dp_rank);
    snapshot(r, out);
}

void se_rank_load(struct se_rank *r, struct se_report *out)
{
    struct se *e = r->e;
    *out = (struct se_report){ .ok = true };
    if (e->row->runner == BT_RUNNER_V2 && speaks(r))
        se_info("gpu_worker.py:548", "Using V2 Model Runner");
    if (r->st.pp == 0)               /* each rank of the first stage says it */
        se_info("gpu_model_runner.py:4101", "Starting to load model %s...", e->model_arg);
    if (se_at_least(e, 0, 21, 0))    /* load and profile run with max_split_size_mb=20 (vLLM #41268) */
        r->weights.split_max = r->rest.split_max = 20 * MiB;
    unsigned shards = e->model->shards ? e->model->shards : (unsigned)BT_MAX(bt_ceil_div(e->model->weight_bytes, 4 * GiB), 1u);
    double seconds = BT_MIN(1.0 + gib(e->model->weight_bytes) / 12.0, 20.0), begun = se_clock();      /* several ranks read one page cache */
    if (speaks(r)) {
        se_info("base_loader.py:82", "Initializing model took %f seconds", se_clock() - begun);
        se_info("weight_utils.py:1108", "Filesystem type for checkpoints: EXT4. Checkpoint size: %.2f GiB. Available RAM: %.2f GiB.",
                gib(e->model->weight_bytes), se_ram_gib());
    }
    for (unsigned i = 0; i <= shards; i++) {
        if (i == (shards + 1) / 2 && load_all(r, out) < 0)
            return;
        if (speaks(r))
            se_bar("Loading safetensors checkpoint shards: %3u%% Completed | %u/%u [00:%02u<00:00,  1.10s/it]", i * 100 / shards, i, shards, i % 60);
        se_nap(e, seconds / (shards + 1));
    }
    if (e->misbehave_bytes && take(r, weight_heap(r), e->misbehave_bytes, out) < 0)
        return;
    r->loaded = weight_heap(r)->used;
    out->weights_gib = gib(r->loaded);
    out->step_us = step_us(r);
    if (speaks(r)) {
        se_info("default_loader.py:501", "Loading weights took %.2f seconds", se_clock() - begun);
        se_info("gpu_model_runner.py:4188", "Model loading took %.4f GiB memory and %.6f seconds", out->weights_gib, se_clock() - begun);
    }
}

/* What stays with the engine although it is not weights: the V2 runner's sampler buffers, input buffers and scratch. */
static int persistent(struct se_rank *r, struct se_report *out)
{
    const struct se *e = r->e;
    uint64_t seqs = e->s.max_seqs, p;
    if (e->row->sampler_buffers && r->st.last && !e->model->pooling &&
        take(r, weight_heap(r), seqs * (e->model->vocab * 425ull / 100 + 13 * KiB), out) < 0)
        return -1;
    if (take(r, &r->rest, e->s.max_batched_tokens * e->model->hidden * se_elem(e) + 8 * MiB, out) < 0)
        return -1;
    return se_cuda_alloc(se_growth_bytes(e), &p) ? oom(r, se_growth_bytes(e), out) : 0;       /* kernels, cuBLAS, channels: not torch's, for good */
}

/* The first start of a model compiles while memory is measured: 0.65 to 1.2 GiB less KV in logs of 0.22 to 0.28 than the next start has. What was
 * compiled is in VLLM_CACHE_ROOT; where that is not set, every start is one from the cache. */
#define COMPILE_BYTES (720 * MiB)

static const char *compile_marker(const struct se_rank *r)
{
    const struct se *e = r->e;
    const char *root = getenv("VLLM_CACHE_ROOT");
    if (!root || !*root || !e->row->compiles || e->s.eager)
        return NULL;
    return bt_arena_printf(&r->e->arena, "%s/torch_compile_cache/sim-%s-%llu-%llu-%llu", root, e->model->digest, (unsigned long long)e->s.tp,
                           (unsigned long long)e->s.pp, (unsigned long long)e->s.max_batched_tokens);
}

static int compile(struct se_rank *r, struct se_report *out)
{
    const char *marker = compile_marker(r);
    uint64_t p;
    if (r->e->s.eager)
        return 0;
    double begun = se_clock();
    if (!marker || access(marker, F_OK) == 0) {
        if (speaks(r))
            se_info("backends.py:262", "Directly load the compiled graph(s) for compile range (1, %llu) from the cache, took %.3f s",
                    (unsigned long long)r->e->s.max_batched_tokens, se_clock() - begun);
        return 0;
    }
    se_nap(r->e, 12);
    if (speaks(r))
        se_info("monitor.py:48", "torch.compile took %.2f s in total", se_clock() - begun);
    return se_cuda_alloc(COMPILE_BYTES, &p) ? oom(r, COMPILE_BYTES, out) : 0;
}

/* Rank 0 leaves the cache for the next start. */
static void compiled(struct se_rank *r)
{
    const char *marker = speaks(r) ? compile_marker(r) : NULL;
    if (!marker)
        return;
    mkdir(getenv("VLLM_CACHE_ROOT"), 0700);
    mkdir(bt_arena_printf(&r->e->arena, "%s/torch_compile_cache", getenv("VLLM_CACHE_ROOT")), 0700);
    bt_auto_fd fd = open(marker, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        se_warning("backends.py:340", "cannot write the compile cache %s: %s", marker, strerror(errno));
}

static int profile_graphs(struct se_rank *r, struct se_report *out)
{
    uint64_t p;
    r->graphs = se_graph_bytes(r->e, &r->st);
    if (!r->graphs || !r->e->row->graphs_in_budget || r->e->s.kv_bytes)
        return 0;
    if (se_cuda_alloc(r->graphs, &p))                /* captured once to be measured, then given back */
        return oom(r, r->graphs, out);
    se_nap(r->e, 0.4);
    se_cuda_free(p);
    return 0;
}

void se_rank_profile(struct se_rank *r, struct se_report *out)
{
    struct se *e = r->e;
    uint64_t want, free1, total;
    *out = (struct se_report){ .ok = true, .weights_gib = gib(r->loaded) };
    if (persistent(r, out) < 0 || compile(r, out) < 0)
        return;
    uint64_t before = r->rest.used;
    se_heap_mark(&r->rest);
    if (!se_forward(e, &r->st, &r->rest, &want)) {
        oom(r, want, out);
        return;
    }
    se_nap(e, e->s.eager ? 0.4 : 1.6);
    r->peak = r->rest.peak - before;
    se_heap_trim(&r->rest);
    r->weights.split_max = r->rest.split_max = 0;
    if (profile_graphs(r, out) < 0)
        return;
    se_cuda_info(&free1, &total);
    if (free1 > r->free0) {
        fail(out,
             "AssertionError: Error in memory profiling. Initial free memory %.2f GiB, current free memory %.2f GiB. This happens when other "
             "processes "
             "sharing the same container release GPU memory while vLLM is profiling during initialization. To fix this, ensure consistent GPU memory "
             "allocation or isolate vLLM in its own container.",
             gib(r->free0), gib(free1));
        return;
    }
    r->consumed = r->free0 - free1;
    int64_t kv = (int64_t)r->requested - (int64_t)r->consumed - (int64_t)r->peak - (e->row->graphs_in_budget ? (int64_t)r->graphs : 0);
    if (e->s.kv_bytes)
        kv = (int64_t)e->s.kv_bytes;
    out->graphs_gib = gib(r->graphs);
    out->kv_bytes = kv > 0 ? (uint64_t)kv : 0;
    out->kv_gib = (double)kv / (double)GiB;
    out->free_gib = gib(r->free0);
}

static void capture(struct se_rank *r, struct se_report *out)
{
    struct se *e = r->e;
    unsigned largest, sizes = se_graph_sizes(e, &largest);
    double begun = se_clock();
    for (int pc = 0; pc <= 100; pc += 20) {
        if (speaks(r))
            se_bar("Capturing CUDA graphs (%s): %3d%%|%-10.*s| %d/%u",
                   e->row->runner == BT_RUNNER_V2 ? "PIECEWISE" : "mixed prefill-decode, PIECEWISE", pc, pc / 10, "##########", pc * (int)sizes / 100,
                   sizes);
        se_nap(e, 0.25);
    }
    if (take(r, &r->rest, r->graphs, out) < 0)
        return;
    out->graphs_gib = gib(r->graphs);
    if (speaks(r))
        se_info("gpu_model_runner.py:5244", "Graph capturing finished in %.0f secs, took %.2f GiB", se_clock() - begun, out->graphs_gib);
}

void se_rank_kv(struct se_rank *r, const struct se_kv *kv, uint64_t blocks, uint64_t context, struct se_report *out)
{
    struct se *e = r->e;
    uint64_t *page;
    size_t n = se_kv_tensors(e, kv, &r->st, &page);
    *out = (struct se_report){ .ok = true };
    e->s.context = context;
    for (size_t i = 0; i < n; i++) {
        if (take(r, kv_heap(r), page[i] * blocks, out) < 0)
            return;
        r->pool += page[i] * blocks;
    }
    /* block tables and slot mappings: after the KV was sized, outside the budget */
    uint64_t groups = BT_MAX(kv->n, 1u);
    if (take(r, &r->rest, 2 * groups * e->s.max_seqs * bt_ceil_div(context, BT_MAX(e->s.block_size, 1u)) * 4 + groups * e->s.max_batched_tokens * 8,
             out) < 0)
        return;
    if (!e->s.eager)
        capture(r, out);
    if (out->ok)
        compiled(r);
    if (out->ok && speaks(r) && !e->s.kv_bytes)
        se_info("gpu_worker.py:994",
                "Free memory on device (%.2f/%.2f GiB) on startup. Desired GPU memory utilization is (%g, %.2f GiB). Actual usage is %.2f GiB for "
                "consumed memory (weights + non-torch), %.2f GiB for peak activation, and %.2f GiB for CUDAGraph memory. Current kv cache memory in "
                "use is %.2f GiB.",
                gib(r->free0), gib(r->total), e->s.utilization, gib(r->requested), gib(r->consumed), gib(r->peak), gib(r->graphs),
                gib(r->pool));
}

/* ---- sleep: CuMemAllocator's pools go back to the card; without --enable-sleep-mode there are none ---- */

void se_rank_sleep(struct se_rank *r, unsigned what, struct se_report *out)
{
    uint64_t before = 0, after = 0, total = 0;
    *out = (struct se_report){ .ok = true };
    se_cuda_info(&before, &total);
    if (what & SE_WEIGHTS)
        se_heap_suspend(&r->weights);
    if (what & SE_KV)
        se_heap_suspend(&r->kv);
    se_cuda_info(&after, &total);
    out->free_gib = gib(after > before ? after - before : 0);
    if (speaks(r) && what != SE_KV)
        se_info("gpu_worker.py:339", "Sleep mode freed %.2f GiB memory, %.2f GiB memory is still in use.", out->free_gib, gib(total - after));
}

void se_rank_wake(struct se_rank *r, unsigned what, struct se_report *out)
{
    *out = (struct se_report){ .ok = true };
    if (((what & SE_WEIGHTS) && se_heap_resume(&r->weights) < 0) || ((what & SE_KV) && se_heap_resume(&r->kv) < 0))
        fail(out, "RuntimeError: CUDA Error: out of memory at cumem_allocator.cpp:62");
}

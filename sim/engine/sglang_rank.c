/* sglang_rank.c - one scheduler: its memory from baseline to graphs, as SGLang 0.5.23 takes it (srt/model_executor/model_runner.py,
 * kv_cache_configurator.py, memory_pool.py). Read from its source. */
#include "sim/engine/sglang_int.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>

#include "gpu/gpu.h"

static char tags[48];                /* " PP0 TP1", of this process */

/* ---- lines: all on stderr ---- */

void sg_say(const char *fmt, ...)
{
    char text[2048], stamp[32];
    time_t now = time(NULL);
    struct tm tm;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    strftime(stamp, sizeof stamp, "%Y-%m-%d %H:%M:%S", localtime_r(&now, &tm));
    se_line(STDERR_FILENO, "[%s%s] %s", stamp, tags, text);
}

void sg_tags(unsigned tp, unsigned pp, const struct se *e)
{
    size_t at = 0;
    if (e->s.pp > 1)
        at += (size_t)snprintf(tags + at, sizeof tags - at, " PP%u", pp);
    if (e->s.tp > 1)
        snprintf(tags + at, sizeof tags - at, " TP%u", tp);
}

const char *sg_tags_text(void)
{
    return tags;
}

static double gib(uint64_t b) { return (double)b / (double)GiB; }

static uint64_t free_now(void)
{
    uint64_t f = 0, t = 0;
    se_cuda_info(&f, &t);
    return f;
}

/* ---- one scheduler ---- */

/* SGLANG_PP_LAYER_PARTITION; else what is left over goes to the last stages (utils.py get_pp_indices). */
static uint32_t stage_layers(const struct se *e, unsigned pp)
{
    if (e->s.ncut == e->s.pp)
        return e->s.cut[pp];
    uint32_t base = e->model->layers / (uint32_t)e->s.pp, left = e->model->layers % (uint32_t)e->s.pp;
    return base + (pp >= e->s.pp - left);
}

struct se_stage sg_stage(const struct se *e, unsigned tp, unsigned pp)
{
    struct se_stage st = { .tp = tp, .pp = pp, .first = pp == 0, .last = pp == e->s.pp - 1, .layers = stage_layers(e, pp) };
    for (unsigned i = 0; i < pp; i++)
        st.first_layer += stage_layers(e, i);
    return st;
}

struct sched { struct se *e; struct se_stage st; unsigned device; struct se_heap weights, rest, kv; uint64_t pre, loaded; };

static _Noreturn void hit(const char *fmt, ...) BT_PRINTF(1, 2);
/* Any exception of a scheduler goes to its parent as SIGQUIT; the parent kills the tree and itself. */
static _Noreturn void hit(const char *fmt, ...)
{
    char text[700];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    sg_say("Scheduler hit an exception: Traceback (most recent call last):\n%s\n", text);
    kill(getppid(), SIGQUIT);
    pause();
    _exit(1);
}

static void take(struct se_heap *h, uint64_t bytes)
{
    if (se_heap_take(h, bytes) < 0)
        hit("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate %.2f GiB.", gib(bytes));
}

static void sched_open(struct sched *s, struct se_report *out)
{
    struct se *e = s->e;
    struct bt_err err = { 0 };
    double begun = se_clock();
    uint64_t p;
    sg_say("Init parallel begin.");
    if (se_cuda_open((int)s->device, &err) < 0)
        hit("%s", err.msg);
    for (int i = 0; i < 2 && e->s.tp * e->s.pp > 1; i++)
        if (se_cuda_alloc(i ? 16 * MiB : 232 * MiB, &p))
            hit("torch.distributed.DistBackendError: NCCL error: unhandled cuda error (out of memory)");
    sg_say("Init parallel ends. elapsed=%.2f s", se_clock() - begun);
    s->pre = free_now();
    uint64_t total = 0;
    char name[128];
    se_cuda_device((int)s->device, &total, name, sizeof name);
    sg_say("Memory baseline taken. mem usage=%.2f GB", gib(total - BT_MIN(s->pre, total)));
    out->kv_bytes = s->pre;
}

/* blocks: the least that any rank had free at its baseline. */
static void sched_load(struct sched *s, uint64_t least, struct se_report *out)
{
    struct se *e = s->e;
    const char *check = getenv("SGLANG_ENABLE_TP_MEMORY_INBALANCE_CHECK");
    uint64_t *bytes;
    double begun = se_clock();
    if (e->s.tp > 1 && (double)least < 0.9 * (double)s->pre && !(check && !strcmp(check, "0")))
        hit("RuntimeError: The memory capacity is unbalanced. Some GPUs may be occupied by other processes. pre_model_load_memory=%.4f, "
            "local_gpu_memory=%.4f, "
            "local_gpu_memory * 0.9=%.4f",
            gib(least), gib(s->pre), 0.9 * gib(s->pre));
    sg_say("Load weight begin. avail mem=%.2f GB", gib(free_now()));
    uint64_t before = free_now();
    unsigned shards = e->model->shards ? e->model->shards : (unsigned)BT_MAX(bt_ceil_div(e->model->weight_bytes, 4 * GiB), 1u);
    for (unsigned i = 0; i <= shards; i++) {
        if (i == (shards + 1) / 2) {
            size_t n = se_weights(e, &s->st, &bytes);
            for (size_t k = 0; k < n; k++)
                take(&s->weights, bytes[k]);
            n = se_lora_slots(e, &s->st, &bytes);
            for (size_t k = 0; k < n; k++)
                take(&s->weights, bytes[k]);
        }
        if (!s->device)
            se_bar("Loading safetensors checkpoint shards: %3u%% Completed | %u/%u [00:%02u<00:00,  1.10s/it]", i * 100 / shards, i, shards, i % 60);
        se_nap(e, BT_MIN(1.0 + gib(e->model->weight_bytes) / 12, 20.0) / (shards + 1));
    }
    if (e->misbehave_bytes)
        take(&s->weights, e->misbehave_bytes);
    s->loaded = s->weights.used;
    sg_say("Load weight end. elapsed=%.2f s, type=%s, dtype=torch.bfloat16, avail mem=%.2f GB, mem usage=%.2f GB.", se_clock() - begun,
        e->model->architecture, gib(free_now()), gib(before - BT_MIN(before, free_now())));
    out->kv_bytes = free_now();
    out->weights_gib = gib(s->loaded);
}

/* Layers on this stage that keep KV, each priced as full attention (windows get pools of their own for a few classes that are refused). */
uint64_t sg_cell_bytes(const struct se *e, const struct se_stage *st, uint64_t *layers, uint64_t *each)
{
    uint64_t sum = 0;
    *layers = *each = 0;
    for (uint32_t i = st->first_layer; i < st->first_layer + st->layers; i++) {
        const struct bt_layer *l = &e->model->layer[i];
        const char *t = e->s.kv_dtype ? e->s.kv_dtype : "auto";
        unsigned elem = strstr(t, "fp8") ? 1 : se_elem(e);
        if (l->mixer == BT_MIX_NONE || l->borrows_kv)
            continue;
        *each = l->mixer == BT_MIX_MLA ? (uint64_t)l->latent * elem : 2ull * BT_MAX(l->kv_heads / (uint32_t)e->s.tp, 1u) * l->head_dim * elem;
        sum += *each;
        ++*layers;
    }
    return sum;
}

static void sched_pool(struct sched *s, uint64_t tokens, struct se_report *out)
{
    struct se *e = s->e;
    uint64_t layers, each;
    bool mla = e->model->kv_lora > 0;
    sg_cell_bytes(e, &s->st, &layers, &each);
    for (uint64_t i = 0; i < layers; i++)
        take(&s->kv, (tokens + e->s.block_size) * each);         /* a spare page */
    double size = gib(tokens * layers * each);
    if (mla)
        sg_say("KV Cache is allocated. dtype: torch.bfloat16, #tokens: %llu, KV size: %.2f GB", (unsigned long long)tokens, size);
    else
        sg_say("KV Cache is allocated. dtype: torch.bfloat16, #tokens: %llu, K size: %.2f GB, V size: %.2f GB", (unsigned long long)tokens, size / 2,
            size / 2);
    /* everything from here on is the slack's */
    take(&s->rest, (e->s.max_seqs + 1) * (e->s.context + 4) * 4);
    sg_say("Memory pool end. avail mem=%.2f GB", gib(free_now()));
    uint64_t want, batch = e->s.sglang.graph_batch;
    bool prefill = !e->s.eager && !e->s.sglang.no_prefill_graph && e->s.pp == 1, decode = !e->s.eager && !e->s.sglang.no_decode_graph;
    for (int k = 0; k < 2; k++) {
        if (!(k ? decode : prefill))
            continue;
        uint64_t bytes = k ? batch * MiB : 200 * MiB, before = free_now();
        double begun = se_clock();
        sg_say("Capture target %s CUDA graph begin. backend=%s, %s, avail mem=%.2f GB", k ? "decode" : "prefill", k ? "full" : "breakable",
            k ? "bs=[1, 2, 4, ...]" : "num_tokens=[...]", gib(before));
        se_nap(e, 0.6);
        if (se_heap_take(&s->rest, bytes) < 0)
            hit("Exception: Capture cuda graph failed: CUDA out of memory. Tried to allocate %.2f GiB.\nPossible solutions:\n1. set "
                "--mem-fraction-static to a smaller value "
                "(e.g., 0.8 or 0.7)\n2. set --cuda-graph-max-bs-decode to a smaller value",
                gib(bytes));
        sg_say("Capture target %s CUDA graph end. elapsed=%.2f s, mem usage=%.2f GB, avail mem=%.2f GB.", k ? "decode" : "prefill", se_clock() - begun,
            gib(before - free_now()), gib(free_now()));
    }
    if (s->st.last)
        take(&s->rest, batch * e->model->vocab * 4);
    if (!se_forward(e, &s->st, &s->rest, &want))     /* the first real prefill, of the warm-up request */
        hit("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate %.2f GiB.", gib(want));
    if (!s->device)
        sg_say("max_total_num_tokens=%llu, chunked_prefill_size=%llu, max_prefill_tokens=16384, max_running_requests=%llu, context_len=%llu, "
            "available_gpu_mem=%.2f GB",
            (unsigned long long)tokens, (unsigned long long)e->s.max_batched_tokens, (unsigned long long)e->s.max_seqs,
            (unsigned long long)e->s.context, gib(free_now()));
    char card[128] = "";
    uint64_t total;
    se_cuda_device((int)s->device, &total, card, sizeof card);
    const struct bt_gpu_kind *k = bt_gpu_kind_find(card);
    out->step_us = (uint64_t)((double)s->loaded / ((k && k->mem_gbs > 0 ? k->mem_gbs : 500) * 1e9 * 0.8) * 1e6 + 45.0 * s->st.layers + 350);
}

static void sched_obey(struct sched *s, const struct se_order *o, struct se_report *out)
{
    switch (o->op) {
    case SE_OPEN: sched_open(s, out); break;
    case SE_LOAD: sched_load(s, o->blocks, out); break;
    case SE_KV_MAKE: sched_pool(s, o->blocks, out); break;
    case SE_STEP: {
        struct timespec t = { (time_t)(o->context / 1000000), (long)(o->context % 1000000 * 1000) };
        nanosleep(&t, NULL);
        break;
    }
    case SE_SLEEP:
        if (o->what & SE_WEIGHTS)
            se_heap_suspend(&s->weights);
        if (o->what & SE_KV)
            se_heap_suspend(&s->kv);
        break;
    case SE_WAKE:
        if (((o->what & SE_WEIGHTS) && se_heap_resume(&s->weights) < 0) || ((o->what & SE_KV) && se_heap_resume(&s->kv) < 0))
            hit("RuntimeError: CUDA error: out of memory (resume_memory_occupation)");
        break;
    default: break;
    }
}

_Noreturn void sg_scheduler(struct se *e, int fd, unsigned tp, unsigned pp)
{
    char name[80];
    struct sched s = { .e = e, .st = sg_stage(e, tp, pp), .device = pp * (unsigned)e->s.tp + tp };
    sg_tags(tp, pp, e);
    snprintf(name, sizeof name, "sglang::scheduler%s", sg_tags_text());
    for (char *c = name; *c; c++)
        *c = *c == ' ' ? '_' : *c;
    se_nap(e, 0.6);                  /* imports; only after them it follows its parent's death */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    se_title(e, name);
    struct se_order o;
    ssize_t got;
    while ((got = recv(fd, &o, sizeof o, 0)) == sizeof o || (got < 0 && errno == EINTR)) {
        struct se_report rep = { .op = o.op, .ok = true };
        if (got < 0)
            continue;
        sched_obey(&s, &o, &rep);
        if (send(fd, &rep, sizeof rep, MSG_NOSIGNAL) != sizeof rep)
            break;
    }
    _exit(0);
}


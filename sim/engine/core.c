/* core.c - EngineCore: one process that walks its ranks through load, profile, KV and capture. With one rank the rank lives in this
 * process (vLLM's "uni" executor), with more each is a Worker_TPn process that ends when this one does. */
#include "sim/engine/engine.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/wait.h>

enum { LOAD = 'L', PROFILE = 'P', KV = 'K' };
struct order { char what; uint64_t blocks; };
struct worker { pid_t pid; int fd; unsigned tp, pp; };

static bool read_all(int fd, void *p, size_t n)
{
    for (size_t done = 0; done < n;) {
        ssize_t got = read(fd, (char *)p + done, n - done);
        if (got <= 0 && !(got < 0 && errno == EINTR))
            return false;
        done += got > 0 ? (size_t)got : 0;
    }
    return true;
}

static void obey(struct se_rank *r, struct order o, struct se_report *out)
{
    if (o.what == LOAD)
        se_rank_load(r, out);
    else if (o.what == PROFILE)
        se_rank_profile(r, out);
    else
        se_rank_kv(r, o.blocks, out);
}

static _Noreturn void worker_main(struct se *e, int fd, unsigned tp, unsigned pp)
{
    char name[48];
    int at = snprintf(name, sizeof name, "VLLM::Worker");
    if (e->s.pp > 1)
        at += snprintf(name + at, sizeof name - (size_t)at, "_PP%u", pp);
    if (e->s.tp > 1)
        snprintf(name + at, sizeof name - (size_t)at, "_TP%u", tp);
    se_title(e, name);
    se_who(name + strlen("VLLM::"));
    signal(SIGINT, SIG_IGN);
    signal(SIGTERM, SIG_DFL);
    struct se_rank *r = se_rank_new(e, tp, pp);
    struct order o;
    struct se_report rep;
    while (read_all(fd, &o, sizeof o)) {             /* EOF: EngineCore is gone, so are we */
        obey(r, o, &rep);
        if (write(fd, &rep, sizeof rep) != sizeof rep)
            break;
        if (!rep.ok) {
            se_error("multiproc_executor.py:925", "WorkerProc failed to start.");
            se_error("multiproc_executor.py:925", "%s", rep.error);
            _exit(1);
        }
    }
    _exit(0);
}

static bool start_workers(struct se *e, struct worker *w, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        int sv[2];
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv) < 0)
            return false;
        w[i] = (struct worker){ .fd = sv[0], .tp = (unsigned)(i % e->s.tp), .pp = (unsigned)(i / e->s.tp) };
        w[i].pid = fork();
        if (w[i].pid == 0) {
            for (size_t k = 0; k <= i; k++)
                close(w[k].fd);
            worker_main(e, sv[1], w[i].tp, w[i].pp);
        }
        close(sv[1]);
        if (w[i].pid < 0)
            return false;
    }
    return true;
}

/* All ranks do the same step; their reports come back in rank order. False with the first error in rep[0]. */
static bool step(struct worker *w, struct se_rank *solo, size_t n, struct order o, struct se_report *rep)
{
    if (solo) {
        obey(solo, o, &rep[0]);
        return rep[0].ok;
    }
    for (size_t i = 0; i < n; i++)
        if (send(w[i].fd, &o, sizeof o, MSG_NOSIGNAL) != sizeof o)
            w[i].fd = -1;
    bool ok = true;
    for (size_t i = 0; i < n; i++)
        if (!read_all(w[i].fd, &rep[i], sizeof rep[i]) || !rep[i].ok) {
            if (rep[i].ok || !rep[i].error[0])
                snprintf(rep[i].error, sizeof rep[i].error, "RuntimeError: Worker proc VllmWorker-%zu died unexpectedly", i);
            if (ok)
                rep[0] = rep[i];
            ok = false;
        }
    return ok;
}

static _Noreturn void die(const struct se_report *rep, const struct worker *w, size_t n)
{
    se_error("core.py:1440", "EngineCore failed to start.");
    se_error("core.py:1440", "%s", rep->error);
    fprintf(stderr, "Process EngineCore:\n%s\n", rep->error);
    for (size_t i = 0; i < n; i++)
        kill(w[i].pid, SIGTERM);
    _exit(1);
}

/* Tokens of one request that fit, in whole blocks; one block stays with the null block where this version keeps it back. */
static uint64_t room(const struct se *e, uint64_t kv_bytes, uint64_t block_bytes)
{
    uint64_t blocks = kv_bytes / block_bytes, keep = e->row->null_block_reserved ? 1 : 0;
    return blocks > keep ? (blocks - keep) * e->s.block_size : 0;
}

static void check_kv(struct se *e, struct se_report *rep, uint64_t block_bytes)
{
    uint64_t need = bt_ceil_div(e->s.context, e->s.block_size) * block_bytes, have = rep->kv_bytes;
    uint64_t keep = e->row->null_block_reserved ? block_bytes : 0;
    if (!have) {
        rep->ok = false;
        snprintf(rep->error, sizeof rep->error,
                 "ValueError: No available memory for the cache blocks. Try increasing `gpu_memory_utilization` when initializing the engine.");
        return;
    }
    have = have > keep ? have - keep : 0;
    uint64_t longest = room(e, rep->kv_bytes, block_bytes);
    if (need <= have)
        return;
    if (e->s.context_auto && longest > 0) {
        se_info("kv_cache_utils.py:2462", "Auto-fit max_model_len: reduced from %llu to %llu to fit in available KV cache memory (%.2f GiB GPU)",
                (unsigned long long)e->s.context, (unsigned long long)longest, (double)rep->kv_bytes / (double)GiB);
        e->s.context = longest;
        return;
    }
    rep->ok = false;
    snprintf(rep->error, sizeof rep->error,
             "ValueError: To serve at least one request with the model's max seq len (%llu), (%.2f GiB KV cache is needed, which is larger than the "
             "available KV cache memory (%.2f GiB). Based on the available memory, the estimated maximum model length is %llu. Try increasing "
             "`gpu_memory_utilization` or decreasing "
             "`max_model_len` when initializing the engine.",
             (unsigned long long)e->s.context, (double)need / (double)GiB, (double)have / (double)GiB, (unsigned long long)longest);
}

static void report_profile(struct se *e, const struct se_report *rep, double seconds)
{
    if (!e->s.eager && !e->s.kv_bytes && e->row->graphs_in_budget)   /* V2's profile prints it too */
        se_info("gpu_model_runner.py:1126", "Graph capturing finished in %.0f secs, took %.2f GiB", seconds, rep->graphs_gib);
    if (e->s.kv_bytes)
        se_info("gpu_worker.py:649",
                "Initial free memory %.2f GiB, reserved %.2f GiB memory for KV Cache as specified by kv_cache_memory_bytes config and skipped memory "
                "profiling. "
                "This does not respect the gpu_memory_utilization config.",
                rep->free_gib, (double)rep->kv_bytes / (double)GiB);
    else
        se_info("gpu_worker.py:740", "Available KV cache memory: %.2f GiB", rep->kv_gib);
}

static _Noreturn void watch(struct worker *w, size_t n)
{
    for (;;) {
        int status;
        pid_t pid = waitpid(-1, &status, 0);
        if (pid < 0 && errno == ECHILD) {            /* one rank, no workers: live until killed */
            pause();
            continue;
        }
        for (size_t i = 0; i < n && pid > 0; i++)
            if (w[i].pid == pid) {
                se_error("multiproc_executor.py:290", "Worker proc VllmWorker-%zu died unexpectedly (exit code: %d), shutting down executor.", i,
                         WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status));
                for (size_t k = 0; k < n; k++)
                    if (w[k].pid != pid)
                        kill(w[k].pid, SIGTERM);
                _exit(1);
            }
    }
}

/* The pool is the minimum over ranks; returns the report of the poorest, not ok when it is too small. */
static struct se_report *size_pool(struct se *e, struct se_report *rep, struct se_rank *const *shape, size_t n, struct se_ready *ready)
{
    uint64_t blocks = UINT64_MAX;
    size_t poorest = 0;
    for (size_t i = 0; i < n; i++) {
        uint64_t b = rep[i].kv_bytes / se_rank_block_bytes(shape[i]);
        if (b < blocks) {
            blocks = b;
            poorest = i;
        }
    }
    check_kv(e, &rep[poorest], se_rank_block_bytes(shape[poorest]));
    if (!rep[poorest].ok)
        return &rep[poorest];
    ready->blocks = blocks;
    ready->tokens = blocks * e->s.block_size;
    ready->context = e->s.context;
    char tokens[32];
    snprintf(tokens, sizeof tokens, "%s", bt_count_human(ready->tokens));
    se_info("kv_cache_utils.py:2327", "GPU KV cache size: %s tokens, Maximum concurrency for %s tokens per request: %.2fx", tokens,
            bt_count_human(e->s.context), (double)ready->tokens / (double)e->s.context);
    return &rep[poorest];
}

_Noreturn void se_core_run(struct se *e, int ready_fd)
{
    size_t n = e->s.tp * e->s.pp;
    struct worker *w = BT_NEWN(&e->arena, struct worker, n);
    struct se_report *rep = BT_NEWN(&e->arena, struct se_report, n);
    struct se_rank **shape = BT_NEWN(&e->arena, struct se_rank *, n);
    struct se_rank *solo = NULL;

    se_title(e, "VLLM::EngineCore");
    se_who("EngineCore");
    se_nap(e, 0.6);
    se_info("core.py:133",
            "Initializing a V1 LLM engine (v%s) with config: model='%s', dtype=%s, max_seq_len=%llu, tensor_parallel_size=%llu, "
            "pipeline_parallel_size=%llu, kv_cache_dtype=%s, enforce_eager=%s (simulated: no weights are read, no kernel runs)",
            e->version, e->model_arg, e->s.dtype ? e->s.dtype : "auto", (unsigned long long)e->s.context, (unsigned long long)e->s.tp,
            (unsigned long long)e->s.pp, e->s.kv_dtype ? e->s.kv_dtype : "auto", e->s.eager ? "True" : "False");
    if (e->row->runner == BT_RUNNER_V2)
        se_info("gpu_worker.py:548", "Using V2 Model Runner");
    for (size_t i = 0; i < n; i++)
        shape[i] = se_rank_new(e, (unsigned)(i % e->s.tp), (unsigned)(i / e->s.tp));
    if (n == 1)
        solo = shape[0];
    else if (!start_workers(e, w, n)) {
        snprintf(rep[0].error, sizeof rep[0].error, "RuntimeError: cannot start workers: %s", strerror(errno));
        die(rep, w, n);
    }
    size_t nw = solo ? 0 : n;
    if (!step(w, solo, n, (struct order){ LOAD, 0 }, rep))
        die(&rep[0], w, nw);
    struct se_ready ready = { .ok = true };
    for (size_t i = 0; i < n; i += e->s.tp)          /* stages one after the other, ranks of a stage together */
        ready.step_us += rep[i].step_us;
    double begun = se_clock();
    if (!step(w, solo, n, (struct order){ PROFILE, 0 }, rep))
        die(&rep[0], w, nw);
    report_profile(e, &rep[0], se_clock() - begun);

    struct se_report *poorest = size_pool(e, rep, shape, n, &ready);
    if (!poorest->ok)
        die(poorest, w, nw);
    if (!step(w, solo, n, (struct order){ KV, ready.blocks }, rep))
        die(&rep[0], w, nw);
    se_info("core.py:402", "init engine (profile, create kv cache, warmup model) took %.2f s", se_clock() - begun);
    if (write(ready_fd, &ready, sizeof ready) != sizeof ready)
        _exit(1);
    watch(w, nw);
}

/* core.c - EngineCore: one process that walks its ranks through load, profile, KV and capture, then does what the API server orders. With one rank the
 * rank lives in this process (vLLM's "uni" executor), with more each is a Worker_TPn process that ends when this one does.
 *
 * A lost API server is no reason to end (it has no PDEATHSIG and watches nobody): ranks stay with their memory, as orphans do. */
#include "sim/engine/rank.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/wait.h>

struct worker { pid_t pid; int fd; unsigned tp, pp; };
struct core {
    struct se *e;
    int api;
    struct worker *w; size_t nw;     /* 0 with one rank */
    struct se_rank **rank; size_t n; /* in this process the memory of rank 0 only where nw is 0; else shapes */
    struct se_report *rep;
    struct se_ready ready;
    char stale[480];                 /* an adapter's error that rank 1 has still to hand in */
};
static volatile sig_atomic_t term_seen;

static void on_term(int sig)         /* while it is built only a flag: the one signal that a starting EngineCore gets is lost */
{
    (void)sig;
    term_seen = 1;
}

const char *se_core_name(struct bt_arena *a, const struct se *e)
{
    return e->s.dp > 1 ? bt_arena_printf(a, "EngineCore_DP%u", e->dp_rank) : "EngineCore";
}

/* Dense engines behind one front are strangers to each other; those with experts are one world (vLLM's core.py makes others run as with one engine). */
uint64_t se_world_dp(const struct se *e)
{
    for (uint32_t i = 0; e->model->layer && i < e->model->layers; i++)
        if (e->model->layer[i].moe)
            return BT_MAX(e->s.dp, 1u);
    return 1;
}

/* A whole message, whatever signals come in between. */
static bool read_message(int fd, void *p, size_t n)
{
    ssize_t got;
    do
        got = recv(fd, p, n, 0);
    while (got < 0 && errno == EINTR);
    return got == (ssize_t)n;
}

static void obey(struct se_rank *r, struct se *e, const struct se_order *o, struct se_report *out)
{
    *out = (struct se_report){ .ok = true };
    switch (o->op) {
    case SE_OPEN: se_rank_open(r, out); break;
    case SE_LOAD: se_rank_load(r, out); break;
    case SE_PROFILE: se_rank_profile(r, out); break;
    case SE_KV_MAKE: se_rank_kv(r, e->kv, o->blocks, o->context, out); break;
    case SE_SLEEP: se_rank_sleep(r, o->what, out); break;
    case SE_WAKE: se_rank_wake(r, o->what, out); break;
    case SE_HELLO: case SE_STEP: case SE_STEP_END: case SE_ADAPTER: break;
    }
    out->op = o->op;
}

/* ---- workers ---- */

static void worker_step_begins(void)
{
    signal(SIGTERM, SIG_IGN);        /* inside a collective: nothing but SIGKILL is heard until the other ranks are there */
}

static _Noreturn void worker_main(struct se *e, int fd, unsigned tp, unsigned pp)
{
    char name[64];
    int at = snprintf(name, sizeof name, "VLLM::Worker");
    if (e->s.dp > 1)
        at += snprintf(name + at, sizeof name - (size_t)at, "_DP%u", e->dp_rank);
    if (e->s.pp > 1)
        at += snprintf(name + at, sizeof name - (size_t)at, "_PP%u", pp);
    if (e->s.tp > 1)
        snprintf(name + at, sizeof name - (size_t)at, "_TP%u", tp);
    se_title(e, name);
    se_who(name + strlen("VLLM::"));
    signal(SIGINT, SIG_IGN);
    signal(SIGTERM, SIG_DFL);
    struct se_rank *r = se_rank_new(e, tp, pp);
    struct se_order o;
    struct se_report rep;
    while (read_message(fd, &o, sizeof o)) {         /* end of file: EngineCore is gone, so are we */
        if (o.op == SE_STEP) {
            worker_step_begins();
            continue;
        }
        obey(r, e, &o, &rep);
        signal(SIGTERM, SIG_DFL);
        if (send(fd, &rep, sizeof rep, MSG_NOSIGNAL) != sizeof rep)
            break;
        if (!rep.ok && o.op <= SE_KV_MAKE) {
            se_error("multiproc_executor.py:953", "WorkerProc failed to start.");
            se_error("multiproc_executor.py:953", "%s", rep.error);
            _exit(1);
        }
    }
    if (tp == 0 && pp == 0)
        se_info("multiproc_executor.py:843", "Parent process exited, terminating worker queues");
    _exit(0);
}

static bool start_workers(struct core *c)
{
    const struct se *e = c->e;
    for (size_t i = 0; i < c->nw; i++) {
        int sv[2];
        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sv) < 0)
            return false;
        c->w[i] = (struct worker){ .fd = sv[0], .tp = (unsigned)(i % e->s.tp), .pp = (unsigned)(i / e->s.tp) };
        c->w[i].pid = fork();
        if (c->w[i].pid == 0) {
            for (size_t k = 0; k <= i; k++)
                close(c->w[k].fd);
            close(c->api);
            worker_main(c->e, sv[1], c->w[i].tp, c->w[i].pp);
        }
        close(sv[1]);
        if (c->w[i].pid < 0)
            return false;
    }
    return true;
}

/* All ranks do the same; their reports come back in rank order. False with the first error in rep[0]. */
static bool all_ranks(struct core *c, const struct se_order *o)
{
    bool ok = true;
    if (!c->nw) {
        obey(c->rank[0], c->e, o, &c->rep[0]);
        return c->rep[0].ok;
    }
    for (size_t i = 0; i < c->nw; i++)
        if (send(c->w[i].fd, o, sizeof *o, MSG_NOSIGNAL) != sizeof *o)
            ok = false;              /* it shows when its report is read */
    for (size_t i = 0; i < c->nw && o->op != SE_STEP; i++) {
        bool heard = read_message(c->w[i].fd, &c->rep[i], sizeof c->rep[i]);
        if (heard && c->rep[i].ok)
            continue;
        if (!heard)
            snprintf(c->rep[i].error, sizeof c->rep[i].error, "RuntimeError: Worker proc VllmWorker-%zu died unexpectedly", i);
        if (ok || i == 0)
            c->rep[0] = c->rep[i];
        c->rep[0].ok = ok = false;
    }
    return ok;
}

/* ---- starting ---- */

static _Noreturn void die(struct core *c, const char *error)
{
    se_error("core.py:1440", "EngineCore failed to start.");
    se_error("core.py:1440", "%s", error);
    se_line(STDERR_FILENO, "Process %s:\nTraceback (most recent call last):\n%s", se_core_name(&c->e->arena, c->e), error);
    for (size_t i = 0; i < c->nw; i++)
        kill(c->w[i].pid, SIGTERM);
    _exit(1);
}

static uint64_t kept_back(const struct se *e)        /* blocks: the null block, where this version counts it */
{
    return e->row->null_block_reserved ? 1 : 0;
}

/* The longest request that this many bytes hold; the engine searches, too. */
static uint64_t longest(struct core *c, uint64_t kv_bytes, uint64_t block_bytes)
{
    uint64_t blocks = kv_bytes / block_bytes, low = 0, high = c->e->s.context;
    blocks -= BT_MIN(blocks, kept_back(c->e));
    while (low < high) {
        uint64_t mid = low + (high - low + 1) / 2;
        if (se_kv_request_blocks(c->e, c->e->kv, mid) <= blocks)
            low = mid;
        else
            high = mid - 1;
    }
    return low;
}

/* One request of the full length has to fit on every stage, or the length is made to fit. asked_bytes: of the blocks that the check counts; 0.14 to 0.16
 * hold those of all stages against one rank. */
static void check_room(struct core *c, const struct se_report *rep, uint64_t block_bytes, uint64_t asked_bytes)
{
    struct se *e = c->e;
    char error[480];
    uint64_t blocks = rep->kv_bytes / block_bytes, have = rep->kv_bytes - BT_MIN(rep->kv_bytes, kept_back(e) * block_bytes);
    uint64_t need = se_kv_request_blocks(e, e->kv, e->s.context);
    if (!rep->kv_bytes)
        die(c, "ValueError: No available memory for the cache blocks. Try increasing `gpu_memory_utilization` when initializing the engine. "
               "See https://docs.vllm.ai/en/latest/configuration/conserving_memory/ for more details.");
    if (need * asked_bytes + kept_back(e) * block_bytes <= blocks * block_bytes) {
        if (e->s.context_auto)
            se_info("kv_cache_utils.py:2470", "Auto-fit max_model_len: full model context length %llu fits in available KV cache memory (%.2f GiB GPU)",
                    (unsigned long long)e->s.context, (double)rep->kv_bytes / (double)GiB);
        return;
    }
    uint64_t fits = longest(c, rep->kv_bytes, block_bytes);
    if (e->s.context_auto && fits > 0) {
        se_info("kv_cache_utils.py:2462", "Auto-fit max_model_len: reduced from %llu to %llu to fit in available KV cache memory (%.2f GiB GPU)",
                (unsigned long long)e->s.context, (unsigned long long)fits, (double)rep->kv_bytes / (double)GiB);
        e->s.context = fits;
        return;
    }
    snprintf(error, sizeof error,
             "ValueError: To serve at least one request with the model's max seq len (%llu), (%.2f GiB KV cache is needed, which is larger than the "
             "available KV cache memory (%.2f GiB). Based on the available memory, the estimated maximum model length is %llu. Try increasing "
             "`gpu_memory_utilization` or decreasing `max_model_len` when initializing the engine.",
             (unsigned long long)e->s.context, (double)(need * asked_bytes) / (double)GiB, (double)have / (double)GiB, (unsigned long long)fits);
    die(c, error);
}

static void with_commas(uint64_t n, char *out, size_t size)
{
    char plain[32];
    int len = snprintf(plain, sizeof plain, "%llu", (unsigned long long)n), at = 0;
    for (int i = 0; i < len && at + 2 < (int)size; i++) {
        if (i && (len - i) % 3 == 0)
            out[at++] = ',';
        out[at++] = plain[i];
    }
    out[at] = 0;
}

/* vLLM to 0.20.1 divided blocks by groups; later versions say what the concurrency is worth. */
static uint64_t tokens_said(const struct se *e, uint64_t blocks, double concurrency)
{
    const struct se_kv *kv = e->kv;
    if (se_kv_uniform(kv))
        return blocks * kv->group[0].block * BT_MAX(e->more.dcp, 1u);
    if (kv->n && !se_at_least(e, 0, 20, 2))
        return blocks / kv->n * kv->block;
    return (uint64_t)(concurrency * (double)e->s.context);
}

/* The pool is the minimum over ranks. */
static void size_pool(struct core *c)
{
    struct se *e = c->e;
    uint64_t blocks = UINT64_MAX, whole = 0;
    for (size_t i = 0; i < c->n; i += e->s.tp)
        whole += se_kv_block_bytes(e, e->kv, se_rank_stage(c->rank[i]));
    for (size_t i = 0; i < c->n; i++) {
        uint64_t each = se_kv_block_bytes(e, e->kv, se_rank_stage(c->rank[i]));
        if (!each)
            continue;                /* a stage with nothing to remember */
        check_room(c, &c->rep[i], each, e->row->checks_whole ? whole : each);
        blocks = BT_MIN(blocks, c->rep[i].kv_bytes / each);
    }
    if (blocks == UINT64_MAX)        /* attention-free: one block, for the null block */
        blocks = 1;
    if (e->more.blocks)
        blocks = e->more.blocks;
    uint64_t each = BT_MAX(se_kv_request_blocks(e, e->kv, e->s.context), 1u);
    double concurrency = (double)blocks / (double)each;
    char tokens[32], context[32];
    c->ready.blocks = blocks;
    c->ready.tokens = tokens_said(e, blocks, concurrency);
    c->ready.context = e->s.context;
    with_commas(c->ready.tokens, tokens, sizeof tokens);
    with_commas(e->s.context, context, sizeof context);
    se_info("kv_cache_utils.py:2327", "GPU KV cache size: %s tokens, Maximum concurrency for %s tokens per request: %.2fx", tokens, context, concurrency);
}

static void report_profile(const struct core *c, double seconds)
{
    const struct se *e = c->e;
    const struct se_report *rep = &c->rep[0];
    if (!e->s.eager && !e->s.kv_bytes && e->row->graphs_in_budget && e->row->runner == BT_RUNNER_V2)      /* V2's profile prints it too */
        se_info("gpu_model_runner.py:1126", "Graph capturing finished in %.0f secs, took %.2f GiB", seconds, rep->graphs_gib);
    if (e->s.kv_bytes)
        se_info("gpu_worker.py:649",
                "Initial free memory %.2f GiB, reserved %.2f GiB memory for KV Cache as specified by kv_cache_memory_bytes config and skipped memory "
                "profiling. This does not respect the gpu_memory_utilization config. Only use kv_cache_memory_bytes config when you want manual "
                "control of KV cache memory size.",
                rep->free_gib, (double)rep->kv_bytes / (double)GiB);
    else
        se_info("gpu_worker.py:740", "Available KV cache memory: %.2f GiB", rep->kv_gib);
}

static void start(struct core *c)
{
    struct se *e = c->e;
    for (size_t i = 0; i < c->n; i++)
        c->rank[i] = se_rank_new(e, (unsigned)(i % e->s.tp), (unsigned)(i / e->s.tp));
    if (c->nw && !start_workers(c))
        die(c, bt_arena_printf(&e->arena, "RuntimeError: cannot start workers: %s", strerror(errno)));
    if (!all_ranks(c, &(struct se_order){ .op = SE_OPEN }) || !all_ranks(c, &(struct se_order){ .op = SE_LOAD }))
        die(c, c->rep[0].error);
    for (size_t i = 0; i < c->n; i += e->s.tp)       /* stages one after the other, ranks of a stage together */
        c->ready.step_us += c->rep[i].step_us;
    double begun = se_clock();
    if (!all_ranks(c, &(struct se_order){ .op = SE_PROFILE }))
        die(c, c->rep[0].error);
    se_info("utils.py:347", "Using LBHNC KV cache layout.");
    report_profile(c, se_clock() - begun);
    size_pool(c);
    if (!all_ranks(c, &(struct se_order){ .op = SE_KV_MAKE, .blocks = c->ready.blocks, .context = c->ready.context }))
        die(c, c->rep[0].error);
    se_info("core.py:402", "init engine (profile, create kv cache, warmup model) took %.2f s", se_clock() - begun);
    c->ready.ok = true;
}

/* ---- deaths ---- */

/* With a step running the other ranks are stuck in a collective with the dead one: 5 s of patience, SIGTERM, 4 s, SIGKILL. */
static _Noreturn void worker_died(struct core *c, size_t i, bool busy)
{
    int status = 0;
    waitpid(c->w[i].pid, &status, 0);
    se_error("multiproc_executor.py:290", "Worker proc VllmWorker-%zu died unexpectedly (exit code: %d), shutting down executor.", i,
             WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status));
    for (int round = 0; round < 2; round++) {
        if (busy)
            se_nap(c->e, round ? 4 : 5);
        for (size_t k = 0; k < c->nw; k++)
            if (k != i)
                kill(c->w[k].pid, round ? SIGKILL : SIGTERM);
        if (!busy)
            break;
    }
    se_error("core.py:1490", "EngineCore encountered a fatal error.");
    se_error("core.py:1490", "RuntimeError: Executor failed.");
    _exit(1);
}

/* Wait for this long, or until the API server says something (api >= 0); a worker's end is the end. False: the API server is gone. */
static bool wait_for(struct core *c, int api, int64_t us, bool busy)
{
    struct pollfd p[64 + 1];
    size_t n = 0, workers = BT_MIN(c->nw, (size_t)64);
    for (; n < workers; n++)
        p[n] = (struct pollfd){ .fd = c->w[n].fd, .events = 0 };
    p[n] = (struct pollfd){ .fd = api, .events = POLLIN };
    struct timespec t = { us / 1000000, us % 1000000 * 1000 };
    int got = ppoll(p, n + (api >= 0), us < 0 ? NULL : &t, NULL);
    for (size_t i = 0; got > 0 && i < workers; i++)
        if (p[i].revents & (POLLHUP | POLLERR))
            worker_died(c, i, busy);
    return got >= 0 || errno == EINTR;
}

static _Noreturn void stopped(struct core *c)
{
    se_info("core.py:1454", "[shutdown] EngineCore: trigger received signal=SIGTERM");
    se_info("core.py:1635", "[shutdown] EngineCore: start mode=abort timeout=%llus", (unsigned long long)c->e->more.shutdown_timeout);
    se_info("core.py:1666", "[shutdown] EngineCore: request processing complete; starting resource teardown");
    se_info("core.py:1499", "[shutdown] EngineCore: exiting busy loop");
    if (c->nw)
        se_info("multiproc_executor.py:479", "[shutdown] Executor: waiting for worker exit count=%zu", c->nw);
    for (size_t i = 0; i < c->nw; i++)
        close(c->w[i].fd);           /* their death pipe */
    for (size_t i = 0; i < c->nw; i++)
        waitpid(c->w[i].pid, NULL, 0);
    if (c->nw)
        se_info("multiproc_executor.py:486", "[shutdown] Executor: all workers exited gracefully");
    _exit(0);
}

/* ---- orders ---- */

/* With several ranks an old failure of rank 1 lies in its queue and answers the next call. */
static void adapter(struct core *c, const struct se_order *o, struct se_report *out)
{
    *out = (struct se_report){ .op = SE_ADAPTER, .ok = true };
    if (c->stale[0]) {
        snprintf(out->error, sizeof out->error, "%s", c->stale);
        c->stale[0] = 0;
    } else if (se_adapter_read(o->path, c->e->s.max_lora_rank, out->error, sizeof out->error) < 0) {
        if (c->nw)
            memcpy(c->stale, out->error, sizeof c->stale);
        se_error("multiproc_executor.py:1063", "WorkerProc hit an exception.");
    }
    if (!out->error[0])
        return;
    out->ok = false;
    se_error("core.py:1750", "Invocation of add_lora method failed");
    se_error("core.py:1750", "RuntimeError: Worker failed with error '%s', please check the stack trace above for the root cause", out->error);
}

static void serve_order(struct core *c, const struct se_order *o)
{
    struct se_report out = { .op = o->op, .ok = true };
    if (o->op == SE_STEP) {          /* begin, compute, end: a rank that does not answer the end holds everything */
        all_ranks(c, o);
        double until = se_clock() + (double)c->ready.step_us * o->blocks / 1e6, now;
        while ((now = se_clock()) < until && wait_for(c, -1, (int64_t)((until - now) * 1e6), true)) { }
        struct se_order end = { .op = SE_STEP_END };
        for (size_t i = 0; i < c->nw; i++)
            if (send(c->w[i].fd, &end, sizeof end, MSG_NOSIGNAL) != sizeof end || !read_message(c->w[i].fd, &c->rep[i], sizeof c->rep[i]))
                worker_died(c, i, true);
    } else if (o->op == SE_ADAPTER) {
        adapter(c, o, &out);
    } else if (!all_ranks(c, o)) {   /* a wake that finds no memory is the end */
        se_error("core.py:1490", "EngineCore encountered a fatal error.");
        se_error("core.py:1490", "%s", c->rep[0].error);
        for (size_t i = 0; i < c->nw; i++)
            kill(c->w[i].pid, SIGKILL);
        _exit(1);
    } else {
        out = c->rep[0];
    }
    if (send(c->api, &out, sizeof out, MSG_NOSIGNAL) < 0) { /* the API server is gone: seen by the next read */ }
}

static _Noreturn void serve(struct core *c)
{
    struct se_order o;
    bool orphan = send(c->api, &c->ready, sizeof c->ready, MSG_NOSIGNAL) < 0;
    for (;;) {
        if (term_seen)
            stopped(c);
        if (orphan) {                /* nobody will ever ask again, and nobody tells us to go */
            wait_for(c, -1, -1, false);
            continue;
        }
        wait_for(c, c->api, -1, false);
        ssize_t got = recv(c->api, &o, sizeof o, MSG_DONTWAIT);
        if (got == sizeof o)
            serve_order(c, &o);
        else if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR))
            orphan = true;
    }
}

_Noreturn void se_core_run(struct se *e, int api)
{
    size_t n = e->s.tp * e->s.pp;
    struct core c = { .e = e,
                      .api = api,
                      .n = n,
                      .nw = n > 1 ? n : 0,
                      .w = BT_NEWN(&e->arena, struct worker, n),
                      .rep = BT_NEWN(&e->arena, struct se_report, n),
                      .rank = BT_NEWN(&e->arena, struct se_rank *, n) };
    struct se_order hello;
    char hi = 'c';
    signal(SIGINT, SIG_IGN);
    sigaction(SIGTERM, &(struct sigaction){ .sa_handler = on_term }, NULL);
    se_nap(e, 0.6);                  /* its imports, still under its parent's name */
    const char *name = se_core_name(&e->arena, e);
    se_title(e, bt_arena_printf(&e->arena, "VLLM::%s", name));
    se_who(name);
    /* The handshake. An API server whose signal was swallowed while we imported never says hello: both wait, for ten minutes. */
    if (send(api, &hi, 1, MSG_NOSIGNAL) < 0 || !read_message(api, &hello, sizeof hello))
        _exit(0);
    term_seen = 0;
    se_info("core.py:133",
            "Initializing a V1 LLM engine (v%s) with config: model='%s', speculative_config=None, tokenizer='%s', dtype=%s, max_seq_len=%llu, "
            "tensor_parallel_size=%llu, "
            "pipeline_parallel_size=%llu, kv_cache_dtype=%s, enforce_eager=%s (simulated: no weights are read, no kernel runs)",
            e->version, e->model_arg, e->model_arg, e->s.dtype ? e->s.dtype : "auto", (unsigned long long)e->s.context, (unsigned long long)e->s.tp,
            (unsigned long long)e->s.pp, e->s.kv_dtype ? e->s.kv_dtype : "auto", e->s.eager ? "True" : "False");
    if (n > 1)
        se_info("multiproc_executor.py:153",
                "DP group leader: node_rank=0, node_rank_within_dp=0, master_addr=127.0.0.1, mq_connect_ip=127.0.0.1 (local), world_size=%zu, "
                "local_world_size=%zu",
                (size_t)(n * se_world_dp(e)), n);
    start(&c);
    serve(&c);
}

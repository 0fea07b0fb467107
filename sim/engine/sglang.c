/* sglang.c - `sglang serve` as far as its supervisor can see: a parent with the HTTP server, one scheduler for each card, a detokenizer. No profiling run:
 * KV = free after the weights - (1 - f) x free at the baseline. SGLang 0.5.23 (srt/model_executor/kv_cache_configurator.py, pool_configurator.py,
 * entrypoints/http_server.py, managers/tokenizer_manager.py); read from its source, no run of it was recorded. */
#include "sim/engine/sglang_int.h"
#include "sim/engine/serve.h"

#include <arpa/inet.h>
#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>

#include "engine/sglang.h"
#include "gpu/gpu.h"

struct scheduler { pid_t pid; int fd; };
static struct {
    struct server v;
    struct scheduler *s; size_t n;
    pid_t detokenizer;
    bool metrics, saver, up, unhealthy, drained;
    uint64_t tokens;
    struct se_report *rep;
    unsigned released;               /* SE_WEIGHTS | SE_KV */
    double begun;
} self;
static double gib(uint64_t b) { return (double)b / (double)GiB; }

/* ---- the parent while loading ---- */

static void kill_tree(void)
{
    for (size_t i = 0; i < self.n; i++)
        kill(self.s[i].pid, SIGKILL);
    if (self.detokenizer > 0)
        kill(self.detokenizer, SIGKILL);
}

/* "killed by signal 9" does not mean the OOM killer: it is how SGLang gives up. */
static void on_child_failed(int sig)
{
    (void)sig;
    kill_tree();
    kill(getpid(), SIGKILL);
}

static void each(const struct se_order *o)
{
    for (size_t i = 0; i < self.n; i++)
        if (send(self.s[i].fd, o, sizeof *o, MSG_NOSIGNAL) < 0) { /* seen below */ }
    for (size_t i = 0; i < self.n; i++) {
        ssize_t got;
        do
            got = recv(self.s[i].fd, &self.rep[i], sizeof self.rep[i], 0);
        while (got < 0 && errno == EINTR);
        if (got == sizeof self.rep[i])
            continue;
        int status = 0;
        waitpid(self.s[i].pid, &status, 0);
        sg_say("Rank %zu scheduler died during initialization (exit code: %d). If exit code is -9 (SIGKILL), a common cause is the OS OOM killer.", i,
            WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status));
        on_child_failed(0);
    }
}

static uint64_t least(void)
{
    uint64_t n = UINT64_MAX;
    for (size_t i = 0; i < self.n; i++)
        n = BT_MIN(n, self.rep[i].kv_bytes);
    return n;
}

static _Noreturn void fatal(const char *fmt, ...) BT_PRINTF(1, 2);
static _Noreturn void fatal(const char *fmt, ...)
{
    char text[600];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    sg_say("Scheduler hit an exception: Traceback (most recent call last):\n%s\n", text);
    on_child_failed(0);
    _exit(137);
}

/* kv_cache_configurator.py: in floats of GiB there; tokens in whole pages, the least of all stages. */
static uint64_t pool_tokens(struct se *e, uint64_t pre, uint64_t now)
{
    double f = e->s.utilization, kv = gib(now) - gib(pre) * (1 - f);
    uint64_t tokens = UINT64_MAX;
    if (e->model->tower.layers)
        kv -= 0.1;                   /* SGLANG_VLM_CACHE_SIZE_MB */
    if (kv <= 0)
        fatal("ValueError: Loaded weights leave no GPU memory for the KV cache under --mem-fraction-static=%.3f. Raise --mem-fraction-static above "
              "%.4f (minimum viable = 1 - "
              "available/pre = %.4f)",
              f, 1 - gib(now) / gib(pre), 1 - gib(now) / gib(pre));
    for (unsigned pp = 0; pp < e->s.pp; pp++) {
        uint64_t layers, one, cell;
        struct se_stage st = sg_stage(e, 0, pp);
        cell = sg_cell_bytes(e, &st, &layers, &one);
        tokens = BT_MIN(tokens, (uint64_t)(kv * (double)GiB) / BT_MAX(cell, 1u) / e->s.block_size * e->s.block_size);
    }
    if (e->s.sglang.max_total_tokens > tokens)
        sg_say("max_total_tokens=%llu is larger than the profiled value %llu. Use the profiled value instead.",
            (unsigned long long)e->s.sglang.max_total_tokens, (unsigned long long)tokens);
    else if (e->s.sglang.max_total_tokens)
        tokens = e->s.sglang.max_total_tokens / e->s.block_size * e->s.block_size;
    if (!tokens)
        fatal("RuntimeError: Not enough memory. Please try to increase --mem-fraction-static. Current value: mem_fraction_static=%.3f", f);
    if (tokens < e->s.context)       /* a warning, no refusal */
        sg_say("KV pool holds %llu tokens, fewer than --context-length %llu. Requests are limited to the pool.", (unsigned long long)tokens,
            (unsigned long long)e->s.context);
    return tokens;
}

static void settle_requests(struct se *e, uint64_t tokens)
{
    if (e->s.sglang.seqs_given)
        return;
    double by_pool = (double)tokens / (double)e->s.context * 512;
    e->s.max_seqs = BT_MIN((uint64_t)fmin(fmax(by_pool, 2048), 4096), BT_MAX(tokens / 2, 1u));
}

/* ---- serving ---- */

static void drained(struct server *v)
{
    if (v->streams || v->pending)
        return;
    se_server_orphan(v);
    kill_tree();
    se_leave_in(v, 0.5, se_quit);    /* the last bytes still go out */
}

/* The flag is polled each 5 s; then running requests are waited for without limit, while new ones are still taken. */
static void poll_drain(struct server *v)
{
    if (getenv("SGL_FORCE_SHUTDOWN") || self.unhealthy)
        while (v->streams)
            se_stream_error(v->streams);
    if (!v->streams) {
        sg_say("Gracefully exiting... Remaining number of requests 0.");
        self.drained = true;
        drained(v);
        return;
    }
    if (!self.drained)
        sg_say("Gracefully exiting... Remaining number of requests: some.");
    self.drained = true;             /* idle() ends it when the last one is done */
}

static void on_signal(struct server *v)
{
    if (v->stopping)
        return;
    v->stopping = true;
    sg_say("SIGTERM received. signum=15 Draining requests and shutting down...");
    se_leave_in(v, 5, poll_drain);
}

static void died(struct server *v)
{
    (void)v;
    sg_say("Child process unexpectedly failed with exit code %d. pid=%d", -9, (int)self.s[0].pid);
    on_child_failed(0);
}

/* Held while a health check's token is generated. */
struct health { struct evhttp_request *req; };
static void health_done(evutil_socket_t fd, short what, void *arg)
{
    struct health *h = arg;
    (void)fd, (void)what;
    evhttp_send_reply(h->req, 200, NULL, NULL);
    self.unhealthy = false;
    free(h);
}

static void health(struct server *v, struct evhttp_request *req)
{
    const char *plain = getenv("SGLANG_ENABLE_HEALTH_ENDPOINT_GENERATION");
    if (!self.up || v->stopping) {
        evhttp_send_reply(req, 503, NULL, NULL);
        return;
    }
    if (plain && (!strcmp(plain, "0") || !strcasecmp(plain, "false"))) {
        evhttp_send_reply(req, 200, NULL, NULL);
        return;
    }
    struct health *h = bt_xcalloc(1, sizeof *h);
    *h = (struct health){ req };
    double s = 1 / v->e->speed;      /* at least a second, whatever the engine does */
    struct timeval tv = { (time_t)s, (suseconds_t)((s - (double)(time_t)s) * 1e6) };
    event_base_once(v->base, -1, EV_TIMEOUT, health_done, h, &tv);
}

static void metrics(struct server *v, struct evhttp_request *req)
{
    uint64_t running = 0, queued = 0, used = 0;
    for (const struct stream *s = v->streams; s; s = s->next) {
        s->running ? running++ : queued++;
        used += s->running ? s->prompt_tokens + s->made : 0;
    }
    const struct { const char *name; double x;
    } rows[] = {
        { "num_running_reqs", (double)running },
        { "num_queue_reqs", (double)queued },
        { "kv_used_tokens", (double)used },
        { "token_usage", (double)used / (double)BT_MAX(self.tokens, 1u) },
        { "max_total_num_tokens", (double)self.tokens },
        { "context_len", (double)v->e->s.context },
        { "page_size", (double)v->e->s.block_size },
        { "weight_memory_usage_gb", self.rep[0].weights_gib },
        { "prompt_tokens_total", (double)v->prompts },
        { "generation_tokens_total", (double)v->generated },
        { "num_requests_total", (double)v->finished },
    };
    struct evbuffer *b = evbuffer_new();
    for (size_t i = 0; i < BT_LEN(rows); i++)
        evbuffer_add_printf(b, "sglang:%s{model_name=\"%s\"} %g\n", rows[i].name, v->e->s.served_name, rows[i].x);
    evhttp_add_header(evhttp_request_get_output_headers(req), "content-type", "text/plain; version=0.0.4");
    evhttp_send_reply(req, 200, NULL, b);
    evbuffer_free(b);
}

/* {"tags": ["kv_cache", "weights"]}; none: all. */
static unsigned body_tags(struct evhttp_request *req)
{
    json_t *o = se_request_json(req), *list = json_object_get(o, "tags"), *t;
    unsigned what = 0;
    size_t i;
    json_array_foreach(list, i, t) {
        const char *z = json_string_value(t);
        what |= z && !strcmp(z, "weights") ? SE_WEIGHTS : z && !strcmp(z, "kv_cache") ? SE_KV : 0;
    }
    json_decref(o);
    return what ? what : SE_WEIGHTS | SE_KV;
}

static void occupation(struct server *v, struct evhttp_request *req, bool release)
{
    unsigned what = body_tags(req);
    if (release && v->streams) {
        sg_say("Scheduler hit an exception: Traceback (most recent call last):\nAssertionError: release_memory_occupation should be called only when "
            "server is idle.\n");
        on_child_failed(0);
    }
    if (!release && (self.released & what) != what && self.saver) {
        sg_say("Scheduler hit an exception: Traceback (most recent call last):\nKeyError: 'a tag that was not released'\n");
        on_child_failed(0);
    }
    if (!self.saver) {               /* 200, the cache is flushed, nothing is freed */
        evhttp_send_reply(req, 200, NULL, NULL);
        return;
    }
    struct pending *p = bt_xcalloc(1, sizeof *p);
    *p = (struct pending){ .req = req, .what = what };
    self.released = release ? self.released | what : self.released & ~what;
    se_order(v, &(struct se_order){ .op = release ? SE_SLEEP : SE_WAKE, .what = what }, p);
}

static void flag(struct evhttp_request *req, bool ok)
{
    evhttp_send_reply(req, ok ? 200 : 503, NULL, NULL);
}

static bool request(struct server *v, struct evhttp_request *req, const char *path, bool post)
{
    bool up = self.up && !v->stopping && !self.unhealthy;
    if (!strcmp(path, "/ready"))
        flag(req, up && !v->paused);
    else if (!strcmp(path, "/ping"))
        flag(req, up);
    else if (!strcmp(path, "/health") || !strcmp(path, "/health_generate"))
        health(v, req);
    else if (!strcmp(path, "/metrics") && self.metrics)
        metrics(v, req);
    else if (!strcmp(path, "/model_info") || !strcmp(path, "/get_model_info"))
        se_reply_json(v, req, 200, json_pack("{s:s, s:b}", "model_path", v->e->model_arg, "is_generation", !v->e->model->pooling));
    else if (!strcmp(path, "/server_info") || !strcmp(path, "/get_server_info"))
        se_reply_json(v, req, 200,
                      json_pack("{s:s, s:s, s:I, s:[{s:{s:f, s:I}, s:I}]}", "version", v->e->version, "model_path", v->e->model_arg,
                                "max_total_num_tokens", (json_int_t)self.tokens, "internal_states", "memory_usage", "weight", self.rep[0].weights_gib,
                                "token_capacity", (json_int_t)self.tokens, "effective_max_running_requests_per_dp", (json_int_t)v->e->s.max_seqs));
    else if (!strcmp(path, "/release_memory_occupation") && post)
        occupation(v, req, true);
    else if (!strcmp(path, "/resume_memory_occupation") && post)
        occupation(v, req, false);
    else if (!strcmp(path, "/pause_generation") && post) {
        v->paused = true;
        se_reply_json(v, req, 200, json_pack("{s:s}", "status", "ok"));
    } else if (!strcmp(path, "/continue_generation") && post) {
        v->paused = false;
        se_reply_json(v, req, 200, json_pack("{s:s}", "status", "ok"));
        se_arm(v);
    } else
        return false;
    return true;
}

static void idle(struct server *v)
{
    if (self.drained)
        drained(v);
}

static const struct face sglang_face = { .request = request, .signal = on_signal, .died = died, .idle = idle, .any_model = true };

/* ---- start ---- */

static int open_port(struct se *e, struct server *v)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), on = 1;
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons((uint16_t)e->s.port) };
    if (inet_pton(AF_INET, e->s.host, &at.sin_addr) != 1)
        at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof at) < 0 || listen(fd, 2048) < 0) {
        se_line(STDERR_FILENO, "ERROR:    [Errno %d] error while attempting to bind on address ('%s', %llu): %s", errno, e->s.host,
                (unsigned long long)e->s.port, "address already in use");
        return -1;
    }
    v->bound = evhttp_accept_socket_with_handle(v->http, fd);
    return 0;
}

/* The warm-up request has been answered: from here on a SIGTERM drains. */
static void ready(struct server *v)
{
    self.up = true;
    event_add(v->term_ev, NULL);
    event_add(v->int_ev, NULL);
    sg_say("The server is fired up and ready to roll!");
}

static const struct { const char *name; bool value;
} others[] = {
    { "log-level", true },
    { "log-level-http", true },
    { "trust-remote-code", false },
    { "tokenizer-path", true },
    { "chat-template", true },
    { "tool-call-parser", true },
    { "reasoning-parser", true },
    { "attention-backend", true },
    { "sampling-backend", true },
    { "schedule-policy", true },
    { "disable-radix-cache", false },
    { "random-seed", true },
    { "watchdog-timeout", true },
    { "nccl-port", true },
    { "dist-init-addr", true },
    { "max-prefill-tokens", true },
    { "api-key", true },
    { "admin-api-key", true },
    { "enable-torch-compile", false },
    { "skip-server-warmup", false },
    { "load-format", true },
    { "cuda-graph-backend-prefill", true },
    { "cuda-graph-backend-decode", true },
    { "disable-custom-all-reduce", false },
    { "enable-p2p-check", false },
    { "lora-target-modules", true },
    { "lora-paths", true },
    { "base-gpu-id", true },
    { "seed", true },
    { "mem-fraction-dynamic", true },
    { "stream-interval", true },
    { "decode-log-interval", true },
    { "grammar-backend", true },
};

static int read_flags(struct se *e, const struct bt_engine *sglang, int argc, char **argv)
{
    char **words = BT_NEWN(&e->arena, char *, (size_t)argc + 1);
    struct bt_strs rest = { 0 };
    struct bt_err err = { 0 };
    int n = 0;
    for (int i = 1; i < argc; i++) {
        const char *name = strncmp(argv[i], "--", 2) ? "" : argv[i] + 2;
        bool known = false;
        if (i == 1 && !strcmp(argv[i], "serve"))
            continue;
        if (!strcmp(name, "enable-metrics") || !strcmp(name, "enable-memory-saver")) {
            *(name[7] == 'm' && name[9] == 't' ? &self.metrics : &self.saver) = true;
            continue;
        }
        if (!strcmp(name, "api-key") && i + 1 < argc)
            e->more.api_key = argv[i + 1];
        for (size_t k = 0; k < BT_LEN(others) && !known; k++)
            if (!strcmp(name, others[k].name)) {
                known = true;
                i += others[k].value;
            }
        if (!known)
            words[n++] = argv[i];
    }
    bt_opt_defaults(sglang->flags, &e->arena, &e->s);
    if (bt_opt_argv(sglang->flags, &e->arena, n, words, &e->s, &rest, NULL, &err) < 0 || rest.n > 1) {
        fprintf(stderr, "usage: sglang serve [-h] ...\nsglang serve: error: unrecognized arguments: %s\n", rest.n > 1 ? rest.v[1] : err.msg);
        return 2;
    }
    const char *cut = getenv("SGLANG_PP_LAYER_PARTITION");
    if (cut && !bt_engine_cut_parse(&e->arena, cut, &e->s))
        fatal("ValueError: Invalid partition string: partition_list_str='%s'", cut);
    e->model_arg = rest.n ? rest.v[0] : e->s.model;
    if (!e->model_arg)
        return fprintf(stderr, "sglang serve: error: the following arguments are required: --model-path/--model\n"), 2;
    return 0;
}

static const char *refused(const struct bt_model *m)
{
    static const char *const two_pools[] = {
        "GptOssForCausalLM",      "Llama4ForCausalLM",  "Llama4ForConditionalGeneration", "Gemma4ForCausalLM", "Gemma4ForConditionalGeneration",
        "MiMoV2FlashForCausalLM", "Step3p5ForCausalLM", "DeepseekV4ForCausalLM"
    };
    for (size_t i = 0; i < BT_LEN(two_pools); i++)
        if (!strcmp(two_pools[i], m->architecture))
            return "its windows have a pool of their own";
    for (uint32_t i = 0; i < m->layers; i++)
        if (m->layer[i].state)
            return "its states have a pool of their own";
    return m->ntensors ? NULL : m->tensors_why ? m->tensors_why : "its tensors are not known";
}

static int resolve(struct se *e, const struct bt_engine *sglang)
{
    struct bt_err err = { 0 };
    struct bt_model *m;
    struct bt_refusal why;
    if (bt_model_open_revision(&e->arena, e->model_arg, e->s.revision, &m, &err) < 0)
        return fprintf(stderr, "Traceback (most recent call last):\nOSError: %s\n", err.msg), 1;
    e->model = m;
    if (e->s.dp > 1)
        return fprintf(stderr, "ValueError: berth-sim-engine has no data parallelism in SGLang: one engine, --dp-size 1\n"), 1;
    if (refused(m))
        return fprintf(stderr, "ValueError: berth-sim-engine cannot simulate %s in SGLang: %s\n", m->architecture, refused(m)), 1;
    struct se_card card = se_card_of_rank0();
    const struct bt_gpu_kind *k = bt_gpu_kind_find(card.name);
    struct bt_engine_device device = { .total_bytes = k ? k->nvml_bytes : card.total, .name = card.name };
    bt_engine_resolve(sglang, e->row, &device, (uint64_t)((double)m->max_position * (m->rope_factor > 1 ? m->rope_factor : 1)), &e->s);
    if (!e->s.utilization_set && m->kv_lora)
        e->s.utilization = bt_sglang_fraction(device.total_bytes, &e->s, true);
    e->s.served_name = e->s.served_name ? e->s.served_name : e->model_arg;
    e->s.host = e->s.host ? e->s.host : "127.0.0.1";
    e->s.port = e->s.port ? e->s.port : 30000;
    struct bt_shape shape = { m->heads, m->kv_heads, m->layers, m->hidden, m->intermediate, m->vocab, m->architecture };
    if (card.count < 0)
        return fprintf(stderr, "RuntimeError: No accelerator (CUDA, XPU, HPU, NPU) is available.\n"), 1;
    if (e->s.tp * e->s.pp > (uint64_t)card.count)
        return fprintf(stderr, "AssertionError: %llu ranks and %d GPUs\n", (unsigned long long)(e->s.tp * e->s.pp), card.count), 1;
    if (!bt_engine_shape_ok(sglang, &shape, e->s.tp, e->s.pp, &why))
        return fprintf(stderr, "%s\n", why.text), 1;
    return 0;
}

static bool start_children(struct se *e)
{
    self.n = e->s.tp * e->s.pp;
    self.s = BT_NEWN(&e->arena, struct scheduler, self.n);
    self.rep = BT_NEWN(&e->arena, struct se_report, self.n);
    signal(SIGQUIT, on_child_failed);
    for (size_t i = 0; i <= self.n; i++) {
        int sv[2] = { -1, -1 };
        if (i < self.n && socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sv) < 0)
            return false;
        pid_t pid = fork();
        if (pid == 0) {
            signal(SIGQUIT, SIG_DFL);
            for (size_t k = 0; k < i && k < self.n; k++)
                close(self.s[k].fd);
            if (i < self.n) {
                close(sv[0]);
                sg_scheduler(e, sv[1], (unsigned)(i % e->s.tp), (unsigned)(i / e->s.tp));
            }
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            se_title(e, "sglang::detokenizer");
            for (;;)
                pause();
        }
        if (pid < 0)
            return false;
        if (i == self.n) {
            self.detokenizer = pid;
            break;
        }
        close(sv[1]);
        self.s[i] = (struct scheduler){ pid, sv[0] };
    }
    return true;
}

int se_sglang_main(struct se *e, int argc, char **argv)
{
    const struct bt_engine *sglang = bt_engine_find("sglang");
    struct server *v = &self.v;
    struct bt_err err = { 0 };
    bool exact;
    e->version = se_version(&e->arena, argv[0], "0.5.23");
    if (argc > 1 && (!strcmp(argv[1], "--version") || !strcmp(argv[1], "version")))
        return printf("%s\n", e->version), 0;
    e->row = bt_engine_version(sglang, e->version, &exact, &err);
    if (!e->row)
        return fprintf(stderr, "%s\n", err.msg), 2;
    int rc = read_flags(e, sglang, argc, argv);
    se_nap(e, 1.2);                  /* imports */
    if (rc || (rc = resolve(e, sglang)))
        return rc;
    sg_say("server_args=ServerArgs(model_path='%s', tp_size=%llu, pp_size=%llu, mem_fraction_static=%.3f, max_total_tokens=%llu, "
        "chunked_prefill_size=%llu) (berth-sim-engine: "
        "SIMULATED, every answer is made up)",
        e->model_arg, (unsigned long long)e->s.tp, (unsigned long long)e->s.pp, e->s.utilization, (unsigned long long)e->s.sglang.max_total_tokens,
        (unsigned long long)e->s.max_batched_tokens);
    if (!start_children(e))
        return fprintf(stderr, "RuntimeError: cannot start schedulers: %s\n", strerror(errno)), 1;
    each(&(struct se_order){ .op = SE_OPEN });
    uint64_t pre = least();
    each(&(struct se_order){ .op = SE_LOAD, .blocks = pre });
    self.tokens = pool_tokens(e, pre, least());
    settle_requests(e, self.tokens);
    double weights = self.rep[0].weights_gib;
    each(&(struct se_order){ .op = SE_KV_MAKE, .blocks = self.tokens });
    struct se_ready r = { .ok = true, .tokens = self.tokens, .context = BT_MIN(e->s.context, self.tokens > 6 ? self.tokens - 6 : 1) };
    for (size_t i = 0; i < self.n; i += e->s.tp)
        r.step_us += self.rep[i].step_us;
    self.rep[0].weights_gib = weights;
    se_server_init(v, e, &sglang_face, &r);
    for (size_t i = 0; i < self.n && i < CHILDREN; i++)
        se_server_child(v, self.s[i].fd);
    se_line(STDERR_FILENO, "INFO:     Started server process [%d]", (int)getpid());
    se_line(STDERR_FILENO, "INFO:     Waiting for application startup.");
    se_line(STDERR_FILENO, "INFO:     Application startup complete.");
    if (open_port(e, v) < 0) {       /* only now, after the load */
        kill_tree();
        return 1;
    }
    se_line(STDERR_FILENO, "INFO:     Uvicorn running on http://%s:%llu (Press CTRL+C to quit)", e->s.host, (unsigned long long)e->s.port);
    se_leave_in(v, 0.5, ready);
    se_server_run(v);
    return 0;
}

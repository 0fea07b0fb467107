/* llama.c - `llama-server` as far as its supervisor can see: one process, the port open from the start and 503 until the model is loaded, buffers on the
 * cards as llama.cpp lays them out. llama.cpp 0c1e57098: src/llama-model.cpp (placement), src/llama-kv-cache.cpp (cells), common/log.cpp (lines),
 * tools/server. Lines of real runs: tests/data/live/llama_*. */
#include "sim/engine/serve.h"

#include <arpa/inet.h>
#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <time.h>

#include "gpu/gpu.h"
#include "model/gguf.h"

#define DEVICES 16
struct buffers { uint64_t model, kv, state, compute; uint64_t ptr[4]; };      /* bytes of one device; the last is the host */
struct llama {
    struct server v;
    double begun;
    int verbosity;
    bool jsonl, metrics, props, embedding;
    uint64_t sleep_idle_s;
    bool sleeping;
    double busy_at;                  /* last task */
    uint64_t ndev, streams, cells, cells_window;
    struct buffers dev[DEVICES + 1];
    unsigned terms;
};
static struct llama self;

/* ---- lines ---- */

static void say(char level, int verbosity, const char *part, const char *fmt, ...) BT_PRINTF(4, 5);
static void say(char level, int verbosity, const char *part, const char *fmt, ...)
{
    char text[1024];
    va_list ap;
    if (verbosity > self.verbosity)
        return;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    uint64_t us = (uint64_t)((se_clock() - self.begun) * 1e6);
    if (self.jsonl) {
        const char *name = level == 'E' ? "error" : level == 'W' ? "warn" : "info";
        json_t *o = json_pack("{s:s, s:I, s:s, s:s++}", "type", "log", "time", (json_int_t)us, "level", name, "msg", part, text, "\n");
        char *line = json_dumps(o, JSON_COMPACT);
        se_line(STDOUT_FILENO, "%s", line);
        free(line);
        json_decref(o);
        return;
    }
    se_line(STDERR_FILENO, "%llu.%02llu.%03llu.%03llu %c %s%s", (unsigned long long)(us / 60000000), (unsigned long long)(us / 1000000 % 60),
            (unsigned long long)(us / 1000 % 1000), (unsigned long long)(us % 1000), level, part, text);
}
#define SRV(...) say('I', 3, "srv  ", __VA_ARGS__)
#define SRV_E(...) say('E', 3, "srv  ", __VA_ARGS__)
#define LIB(...) say('I', 4, "", __VA_ARGS__)
#define LIB_E(...) say('E', 3, "", __VA_ARGS__)

static double mib(uint64_t b) { return (double)b / (double)MiB; }
static unsigned long long whole_mib(uint64_t b) { return (b + MiB / 2) / MiB; }

/* ---- memory ---- */

/* Layers from the last one down go to the cards; a card's share decides where the next one begins. The output counts as a layer. */
static size_t device_of(const struct se *e, const double *share, uint32_t layer)
{
    uint32_t all = e->model->gguf->layers + 1, on = (uint32_t)BT_MIN(e->s.llama.gpu_layers, (uint64_t)all), first = all - on;
    if (!on || layer < first)
        return DEVICES;
    double at = (double)(layer - first) / on, sum = 0;
    for (size_t d = 0; d < self.ndev; d++)
        if (at < (sum += share[d]))
            return d;
    return self.ndev - 1;
}

static void shares(const struct se *e, double *share)
{
    double sum = 0;
    for (size_t d = 0; d < self.ndev; d++) {
        uint64_t f = 0, t = 0;
        struct bt_err err = { 0 };
        if (!e->s.llama.nsplit && (se_cuda_open((int)d, &err) < 0 || se_cuda_info(&f, &t)))
            f = 1;
        share[d] = e->s.llama.nsplit ? e->s.llama.split[d] : (double)f;
        sum += share[d];
    }
    for (size_t d = 0; d < self.ndev; d++)
        share[d] /= sum > 0 ? sum : 1;
}

static uint64_t row_bytes(const char *type, uint64_t numbers)
{
    uint64_t bytes = 0;
    return bt_ggml_row_bytes(bt_ggml_type_named(type), numbers, &bytes) ? bytes : 2 * numbers;
}

/* Quantised rows that no warp divides are padded by the CUDA backend. */
static uint64_t on_card(const struct bt_tensor *t)
{
    uint64_t row = t->rank ? t->shape[t->rank - 1] : 0, more = 0;
    if (t->ggml && t->ggml->block > 1 && row % 512)
        bt_ggml_row_bytes(t->ggml, 512 - row % 512, &more);
    return bt_round_up(t->bytes + more, 128);
}

static void place(struct se *e, const double *share)
{
    const struct bt_model *m = e->model;
    const struct bt_gguf *g = m->gguf;
    const struct bt_llama_serve *l = &e->s.llama;
    size_t out = device_of(e, share, g->layers);
    for (size_t i = 0; i < m->ntensors; i++) {
        const struct bt_tensor *t = &m->tensors[i];
        uint32_t layer = 0;
        enum bt_gguf_place at = bt_gguf_tensor_place(t, &layer);
        if (at == BT_GGUF_LAYER && layer < g->layers && g->layer[layer].nextn)
            continue;
        bool host_experts = bt_gguf_tensor_is_expert(t) && (l->cpu_moe || (at == BT_GGUF_LAYER && layer < l->n_cpu_moe));
        size_t d = at == BT_GGUF_INPUT || host_experts ? DEVICES : at == BT_GGUF_OUTPUT ? out : device_of(e, share, layer);
        self.dev[d].model += on_card(t);
        if (at == BT_GGUF_INPUT && !g->own_output && !strcmp(t->name, "token_embd.weight"))
            self.dev[out].model += on_card(t);       /* a second time, for the head */
    }
    for (uint32_t i = 0; i < g->layers; i++) {
        const struct bt_gguf_layer *y = &g->layer[i];
        size_t d = l->kv_on_host ? DEVICES : device_of(e, share, i);
        uint64_t cells = y->sliding && !l->swa_full ? self.cells_window : self.cells, heads = y->kv_heads;
        if (y->nextn)
            continue;
        if (y->recurrent)
            self.dev[device_of(e, share, i)].state += (g->conv_state + g->ssm_state) * 4 * e->s.max_seqs;
        if (g->mla)
            self.dev[d].kv += row_bytes(l->kv_k, g->mla_rank + g->mla_rope) * cells * self.streams;
        else if (heads && !y->shares_kv)
            self.dev[d].kv += (row_bytes(l->kv_k, heads * y->k_dim) + row_bytes(l->kv_v, heads * y->v_dim)) * cells * self.streams;
    }
}

/* The scheduler's reservation of the largest graph: hidden states and MLP of a ubatch in 32 bits, the mask over all cells, logits of what is sampled. Several
 * devices that hold all layers work on four micro-batches at once, each with inputs of its own (src/llama-context.cpp). */
static void reserve(struct se *e)
{
    const struct bt_gguf *g = e->model->gguf;
    uint64_t t = e->s.llama.ubatch, wide = 0;
    for (uint32_t i = 0; i < g->layers; i++)
        wide = BT_MAX(wide, (uint64_t)g->layer[i].intermediate);
    wide = BT_MAX(wide, (uint64_t)g->experts_used * g->expert_intermediate);
    const struct bt_llama_serve *l = &e->s.llama;
    uint64_t copies = self.ndev > 1 && l->gpu_layers > g->layers && !l->kv_on_host && !l->cpu_moe && !l->n_cpu_moe && !l->noverride ? 4 : 1;
    uint64_t inputs = copies * (self.cells * t * 2 + (copies > 1 ? t * g->hidden * 4ull : 0));
    for (size_t d = 0; d <= DEVICES; d++)
        if (self.dev[d].model && (d < DEVICES || !self.ndev))
            self.dev[d].compute = t * (6 * (uint64_t)g->hidden + 2 * wide) * 4 + inputs + e->s.max_seqs * g->vocab * 4ull;
}

static int take(size_t d, size_t slot, uint64_t bytes, const char *error)
{
    if (d == DEVICES || !bytes)
        return 0;                    /* host memory is said, not taken */
    struct bt_err err = { 0 };
    if (se_cuda_open((int)d, &err) < 0 || se_cuda_alloc(bytes, &self.dev[d].ptr[slot])) {
        LIB_E("ggml_backend_cuda_buffer_type_alloc_buffer: allocating %.2f MiB on device %zu: cudaMalloc failed: out of memory", mib(bytes), d);
        LIB_E("alloc_tensor_range: failed to allocate CUDA%zu buffer of size %llu", d, (unsigned long long)bytes);
        LIB_E(error, d);
        return -1;
    }
    return 0;
}

static const char *device_name(size_t d)
{
    static char name[16];
    if (d == DEVICES)
        return "CPU";
    snprintf(name, sizeof name, "CUDA%zu", d);
    return name;
}

static int buffers(struct se *e)
{
    uint32_t all = e->model->gguf->layers + 1;
    LIB("load_tensors: loading model tensors, this can take a while... (load_mode = %s)", e->s.llama.load_mode ? e->s.llama.load_mode : "auto");
    LIB("load_tensors: offloaded %llu/%u layers to GPU", (unsigned long long)(self.ndev ? BT_MIN(e->s.llama.gpu_layers, (uint64_t)all) : 0), all);
    for (size_t k = 0; k <= DEVICES; k++) {
        size_t d = k ? k - 1 : DEVICES;              /* the host first, as it prints them */
        if (!self.dev[d].model)
            continue;
        if (take(d, 0, self.dev[d].model, "llama_model_load: error loading model: unable to allocate CUDA%zu buffer") < 0)
            return -1;
        LIB("load_tensors: %12s model buffer size = %8.2f MiB", d == DEVICES ? "CPU_Mapped" : device_name(d), mib(self.dev[d].model));
    }
    return 0;
}

static int context(struct se *e)
{
    uint64_t kv = 0;
    LIB("llama_context: constructing llama_context");
    LIB("llama_context: n_ctx                 = %llu", (unsigned long long)e->s.context);
    for (size_t d = 0; d <= DEVICES; d++) {
        if (take(d, 1, self.dev[d].kv, "llama_init_from_model: failed to initialize the context: failed to allocate buffer for kv cache") < 0)
            return -1;
        if (self.dev[d].kv)
            LIB("llama_kv_cache: %10s KV buffer size = %8.2f MiB", device_name(d), mib(self.dev[d].kv));
        kv += self.dev[d].kv;
        if (take(d, 2, self.dev[d].state, "llama_init_from_model: failed to initialize the context: failed to allocate buffer for rs cache") < 0)
            return -1;
        if (self.dev[d].state)
            LIB("llama_memory_recurrent: %10s RS buffer size = %8.2f MiB", device_name(d), mib(self.dev[d].state));
    }
    LIB("llama_kv_cache: size = %7.2f MiB (%6llu cells, %3u layers, %2llu/%llu seqs), K (%s): %7.2f MiB, V (%s): %7.2f MiB", mib(kv),
        (unsigned long long)self.cells, e->model->gguf->layers, (unsigned long long)e->s.max_seqs, (unsigned long long)self.streams, e->s.llama.kv_k,
        mib(kv / 2), e->s.llama.kv_v, mib(kv / 2));
    for (size_t d = 0; d <= DEVICES; d++) {
        if (take(d, 3, self.dev[d].compute, "llama_init_from_model: failed to initialize the context: failed to allocate compute pp buffers") < 0)
            return -1;
        if (self.dev[d].compute)
            LIB("sched_reserve: %10s compute buffer size = %8.2f MiB", device_name(d), mib(self.dev[d].compute));
    }
    return 0;
}

static void breakdown(void)
{
    if (self.jsonl) {
        json_t *rows = json_array();
        for (size_t d = 0; d <= DEVICES; d++) {
            const struct buffers *b = &self.dev[d];
            uint64_t sum = b->model + b->kv + b->state + b->compute, f = 0, t = 0;
            struct bt_err err = { 0 };
            if (!sum && d < DEVICES)
                continue;
            json_t *o =
                json_pack("{s:s, s:s, s:I, s:I, s:I, s:I}", "kind", d == DEVICES ? "host" : "device", "name", d == DEVICES ? "Host" : device_name(d),
                          "self", (json_int_t)whole_mib(sum), "model", (json_int_t)whole_mib(b->model), "context",
                          (json_int_t)whole_mib(b->kv + b->state), "compute", (json_int_t)whole_mib(b->compute));
            if (d < DEVICES && se_cuda_open((int)d, &err) == 0 && !se_cuda_info(&f, &t)) {
                json_object_set_new(o, "total", json_integer((json_int_t)whole_mib(t)));
                json_object_set_new(o, "free", json_integer((json_int_t)whole_mib(f)));
            }
            json_array_append_new(rows, o);
        }
        json_t *o = json_pack("{s:s, s:{s:s, s:o}}", "type", "fit_memory_breakdown", "data", "unit", "MiB", "rows", rows);
        char *line = json_dumps(o, JSON_COMPACT);
        se_line(STDOUT_FILENO, "%s", line);
        free(line);
        json_decref(o);
        return;
    }
    LIB("common_memory_breakdown_print: | memory breakdown [MiB] | total   free    self   model   context   compute    unaccounted |");
    for (size_t d = 0; d <= DEVICES; d++) {
        const struct buffers *b = &self.dev[d];
        if (b->model + b->kv)
            LIB("common_memory_breakdown_print: |   - %-18s |                 %4llu = %5llu + %7llu + %7llu                |",
                d == DEVICES ? "Host" : device_name(d), whole_mib(b->model + b->kv + b->state + b->compute), whole_mib(b->model),
                whole_mib(b->kv + b->state), whole_mib(b->compute));
    }
}

static int load_model(struct se *e)
{
    double share[DEVICES] = { 0 };
    for (size_t d = 0; d <= DEVICES; d++)
        self.dev[d] = (struct buffers){ 0 };
    if (self.ndev)
        shares(e, share);
    place(e, share);
    reserve(e);
    if (self.jsonl)
        breakdown();
    if (buffers(e) < 0) {
        LIB_E("llama_model_load_from_file_impl: failed to load model");
        say('E', 3, "cmn  ", "common_init_: failed to load model '%s'", e->model_arg);
        SRV_E("  load_model: failed to load model, '%s'", e->model_arg);
        return -1;
    }
    if (context(e) < 0) {
        say('E', 3, "cmn  ", "common_init_: failed to create context with model '%s'", e->model_arg);
        SRV_E("  load_model: failed to create_context with model '%s'", e->model_arg);
        return -1;
    }
    return 0;
}

static void unload(void)
{
    for (size_t d = 0; d < self.ndev; d++)
        for (size_t k = 0; k < BT_LEN(self.dev[d].ptr); k++) {
            struct bt_err err = { 0 };
            if (self.dev[d].ptr[k] && se_cuda_open((int)d, &err) == 0)
                se_cuda_free(self.dev[d].ptr[k]);
            self.dev[d].ptr[k] = 0;
        }
}

/* ---- loading, sleeping ---- */

static void on_idle_tick(struct server *v);

static void loaded(struct server *v)
{
    struct se *e = v->e;
    const struct bt_gguf *g = e->model->gguf;
    char card[128] = "";
    uint64_t total = 0;
    if (load_model(e) < 0) {
        SRV("  operator(): operator(): cleaning up before exit...");
        SRV_E("llama_server: exiting due to model loading error");
        fflush(NULL);
        _exit(1);
    }
    say('I', 3, "cmn  ", "        init: llama threadpool init, n_threads = 2");
    uint64_t slot = BT_MIN(e->s.llama.unified ? e->s.context : self.cells, (uint64_t)BT_MAX(g->context, 1u));
    v->ready.tokens = self.cells * self.streams;
    v->ready.context = slot;
    if (self.ndev)
        se_cuda_device(0, &total, card, sizeof card);
    const struct bt_gpu_kind *k = bt_gpu_kind_find(card);
    v->ready.step_us = (uint64_t)((double)g->data_bytes / ((self.ndev && k ? k->mem_gbs : 20) * 1e9 * 0.7) * 1e6) + 500;
    SRV("  load_model: initializing, n_slots = %llu, n_ctx_slot = %llu, kv_unified = '%s'", (unsigned long long)e->s.max_seqs, (unsigned long long)slot,
        e->s.llama.unified ? "true" : "false");
    SRV("llama_server: model loaded");
    SRV("llama_server: listening on http://%s:%llu", e->s.host ? e->s.host : "127.0.0.1", (unsigned long long)e->s.port);
    v->loading = false;
    event_add(v->term_ev, NULL);     /* only now: before, a signal ends it as it ends any program */
    event_add(v->int_ev, NULL);
    self.busy_at = se_clock();
    if (self.sleep_idle_s)
        se_leave_in(v, 0.1, on_idle_tick);
}

static void wake(struct server *v)
{
    self.busy_at = se_clock();
    if (!self.sleeping)
        return;
    say('I', 3, "que  ", "  start_loop: exiting sleeping state");
    SRV("handle_sleep: server is exiting sleeping state");
    SRV("  load_model: loading model '%s'", v->e->model_arg);
    if (load_model(v->e) < 0) {      /* GGML_ABORT("failed to reload model after sleeping") */
        fputs("failed to reload model after sleeping\n", stderr);
        abort();
    }
    self.sleeping = false;
}

static void on_idle_tick(struct server *v)
{
    if (v->streams)
        self.busy_at = se_clock();
    if (!self.sleeping && (se_clock() - self.busy_at) * v->e->speed >= (double)self.sleep_idle_s) {
        say('I', 3, "que  ", "  start_loop: entering sleeping state");
        SRV("handle_sleep: server is entering sleeping state");
        unload();                    /* the CUDA context stays */
        self.sleeping = true;
    }
    se_leave_in(v, 0.1, on_idle_tick);
}

/* ---- endpoints ---- */

static void llama_error(struct server *v, struct evhttp_request *req, int code, const char *type, const char *message)
{
    se_reply_json(v, req, code, json_pack("{s:{s:s, s:s, s:i}}", "error", "message", message, "type", type, "code", code));
}

static uint64_t processing(const struct server *v, uint64_t *deferred)
{
    uint64_t n = 0;
    *deferred = 0;
    for (const struct stream *s = v->streams; s; s = s->next)
        s->running ? n++ : ++*deferred;
    return n;
}

static void metrics(struct server *v, struct evhttp_request *req)
{
    uint64_t deferred, n = processing(v, &deferred);
    struct evbuffer *b = evbuffer_new();
    const struct { const char *type, *name; uint64_t value; } rows[] = {
        { "counter", "prompt_tokens_total", v->prompts }, { "counter", "tokens_predicted_total", v->generated }, { "counter", "n_decode_total", v->steps },
        { "gauge", "requests_processing", n }, { "gauge", "requests_deferred", deferred }, { "gauge", "n_busy_slots_per_decode", n },
    };
    for (size_t i = 0; i < BT_LEN(rows); i++)
        evbuffer_add_printf(b, "# TYPE llamacpp:%s %s\nllamacpp:%s %llu\n", rows[i].name, rows[i].type, rows[i].name, (unsigned long long)rows[i].value);
    evhttp_add_header(evhttp_request_get_output_headers(req), "content-type", "text/plain; version=0.0.4");
    evhttp_send_reply(req, 200, NULL, b);
    evbuffer_free(b);
}

static void slots(struct server *v, struct evhttp_request *req)
{
    uint64_t deferred, busy = processing(v, &deferred);
    const char *query = evhttp_uri_get_query(evhttp_request_get_evhttp_uri(req));
    json_t *list = json_array();
    if (query && strstr(query, "fail_on_no_slot") && busy >= v->e->s.max_seqs) {
        json_decref(list);
        llama_error(v, req, 503, "unavailable_error", "no slot available");
        return;
    }
    for (uint64_t i = 0; i < v->e->s.max_seqs; i++)
        json_array_append_new(list, json_pack("{s:I, s:I, s:b}", "id", (json_int_t)i, "n_ctx", (json_int_t)v->ready.context, "is_processing", i < busy));
    se_reply_json(v, req, 200, list);
}

static bool request(struct server *v, struct evhttp_request *req, const char *path, bool post)
{
    bool health = !strcmp(path, "/health") || !strcmp(path, "/v1/health");
    if (v->loading) {
        if (!strcmp(path, "/"))
            llama_error(v, req, 404, "not_found_error", "File Not Found");
        else
            llama_error(v, req, 503, "unavailable_error", "Loading model");
    } else if (health) {
        se_reply_json(v, req, 200, json_pack("{s:s}", "status", "ok"));      /* also asleep */
    } else if (!strcmp(path, "/metrics")) {
        if (self.metrics)
            metrics(v, req);
        else
            llama_error(v, req, 501, "not_supported_error", "This server does not support metrics endpoint. Start it with `--metrics`");
    } else if (!strcmp(path, "/props")) {
        se_reply_json(v, req, 200,
                      json_pack("{s:I, s:s, s:b, s:s, s:{s:I}}", "total_slots", (json_int_t)v->e->s.max_seqs, "model_path", v->e->model_arg,
                                "is_sleeping", self.sleeping, "build_info", "simulated", "default_generation_settings", "n_ctx",
                                (json_int_t)v->ready.context));
    } else if (!strcmp(path, "/slots")) {
        wake(v);
        slots(v, req);
    } else {
        if (post)
            wake(v);
        return false;
    }
    return true;
}

/* A stop waits for its clients for ever; the second signal ends it at once, with status 1. */
static void on_signal(struct server *v)
{
    if (self.terms++) {
        fputs("Received second interrupt, terminating immediately.\n", stderr);
        fflush(NULL);
        _exit(1);
    }
    v->stopping = v->paused = true;
    SRV("  operator(): operator(): cleaning up before exit...");
    se_server_close_port(v);
    if (!v->streams)
        se_quit(v);
}

static void idle(struct server *v)
{
    self.busy_at = se_clock();
    if (v->stopping)
        se_quit(v);
}

static void died(struct server *v) { (void)v; }
static const struct face llama_face = { .request = request, .signal = on_signal, .died = died, .idle = idle, .any_model = true, .quiet = true };

/* ---- command line ---- */

static const char *const switches[] = {
    "jinja",          "no-warmup",     "cont-batching", "no-cont-batching", "no-webui",         "verbose-prompt",
    "no-mmproj",      "check-tensors", "offline",       "context-shift",    "no-context-shift", "log-prefix",
    "log-timestamps", "no-slots",      "slots",         "reuse-port",       "no-repack",        "lora-init-without-apply"
};
static const char *const valued[] = { "threads",
                                      "t",
                                      "threads-batch",
                                      "tb",
                                      "lora",
                                      "mmproj",
                                      "chat-template",
                                      "chat-template-file",
                                      "temp",
                                      "top-p",
                                      "top-k",
                                      "seed",
                                      "s",
                                      "api-key",
                                      "reasoning-format",
                                      "timeout",
                                      "to",
                                      "threads-http",
                                      "fit-target",
                                      "fitt",
                                      "fit-ctx",
                                      "fitc",
                                      "log-file",
                                      "prio",
                                      "poll",
                                      "cache-reuse",
                                      "numa",
                                      "slot-save-path",
                                      "path",
                                      "override-tensor",
                                      "ot",
                                      "rope-scaling",
                                      "rope-scale",
                                      "rope-freq-base",
                                      "yarn-orig-ctx",
                                      "n-predict",
                                      "n",
                                      "predict",
                                      "log-colors",
                                      "ctx-checkpoints",
                                      "ctxcp",
                                      "pooling" };

static bool among(const char *const *list, size_t n, const char *word)
{
    for (size_t i = 0; i < n; i++)
        if (!strcmp(list[i], word))
            return true;
    return false;
}

/* 1 or 2 words taken, 0: one of the table of src/engine, -1: its value is missing. */
static int take_own(struct se *e, const char *name, const char *value)
{
    const struct { const char *name; bool *on; } own[] = { { "log-jsonl", &self.jsonl }, { "metrics", &self.metrics }, { "props", &self.props },
                                                           { "embedding", &self.embedding }, { "embeddings", &self.embedding } };
    for (size_t i = 0; i < BT_LEN(own); i++)
        if (!strcmp(name, own[i].name)) {
            *own[i].on = true;
            return 1;
        }
    if (!strcmp(name, "verbosity") || !strcmp(name, "lv") || !strcmp(name, "log-verbosity")) {
        self.verbosity = value ? atoi(value) : 3;
        return value ? 2 : -1;
    }
    if (!strcmp(name, "sleep-idle-seconds")) {
        self.sleep_idle_s = value ? strtoull(value, NULL, 10) : 0;
        return value ? 2 : -1;
    }
    if (!strcmp(name, "api-key"))
        e->more.api_key = value;
    if (among(switches, BT_LEN(switches), name))
        return 1;
    return !among(valued, BT_LEN(valued), name) ? 0 : value ? 2 : -1;
}

static int read_flags(struct se *e, const struct bt_engine *llama, int argc, char **argv)
{
    char **words = BT_NEWN(&e->arena, char *, (size_t)argc + 1);
    struct bt_strs rest = { 0 };
    struct bt_err err = { 0 };
    int n = 0;
    for (int i = 1; i < argc;) {
        const char *name = argv[i][0] == '-' ? argv[i] + 1 + (argv[i][1] == '-') : "";
        int took = *name ? take_own(e, name, i + 1 < argc ? argv[i + 1] : NULL) : 0;
        if (took < 0)
            return fprintf(stderr, "error while handling argument \"%s\": expected value for argument\n", argv[i]), 1;
        if (!took) {                 /* -ngl is --ngl to the table */
            bool longer = argv[i][0] == '-' && argv[i][1] != '-' && argv[i][1] && argv[i][2] && strspn(argv[i] + 1, "-.0123456789") != strlen(argv[i] + 1);
            words[n++] = longer ? bt_arena_printf(&e->arena, "-%s", argv[i]) : argv[i];
            i++;
        }
        i += took;
    }
    bt_opt_defaults(llama->flags, &e->arena, &e->s);
    if (bt_opt_argv(llama->flags, &e->arena, n, words, &e->s, &rest, NULL, &err) < 0 || rest.n) {
        const char *bad = rest.n ? rest.v[0] : "";
        for (int i = 0; i < n && !rest.n; i++)       /* the word that the message names */
            if (words[i][0] == '-' && strstr(err.msg, words[i]))
                bad = words[i];
        fprintf(stderr, "error: invalid argument: %s\n", *bad ? bad : err.msg);
        return 1;
    }
    return 0;
}

/* ---- start ---- */

static int open_port(struct se *e, struct server *v)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), on = 1;
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons((uint16_t)e->s.port) };
    if (inet_pton(AF_INET, e->s.host ? e->s.host : "127.0.0.1", &at.sin_addr) != 1)
        at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (fd >= 0 && bind(fd, (struct sockaddr *)&at, sizeof at) == 0 && listen(fd, 512) == 0) {
        socklen_t n = sizeof at;
        getsockname(fd, (struct sockaddr *)&at, &n);
        e->s.port = ntohs(at.sin_port);              /* --port 0: the kernel's */
        v->bound = evhttp_accept_socket_with_handle(v->http, fd);
        return 0;
    }
    SRV_E("       start: couldn't bind HTTP server socket, hostname: %s, port: %llu", e->s.host ? e->s.host : "127.0.0.1", (unsigned long long)e->s.port);
    SRV("  operator(): operator(): cleaning up before exit...");
    SRV_E("llama_server: exiting due to HTTP server error");
    return -1;
}

static int model_error(struct se *e, const struct bt_err *err)
{
    const char *f = e->model_arg;
    if (err->code == BT_E_NOT_FOUND || access(f, F_OK) < 0)
        LIB_E("gguf_init_from_file: failed to open GGUF file '%s' (%s)", f, strerror(errno ? errno : ENOENT));
    else
        LIB_E("gguf_init_from_file_impl: %s", err->msg);
    LIB_E("llama_model_load: error loading model: llama_model_loader: failed to load model from %s", f);
    LIB_E("llama_model_load_from_file_impl: failed to load model");
    say('E', 3, "cmn  ", "common_init_: failed to load model '%s'", f);
    SRV_E("  load_model: failed to load model, '%s'", f);
    SRV("  operator(): operator(): cleaning up before exit...");
    SRV_E("llama_server: exiting due to model loading error");
    return 1;
}

/* n_ctx in steps of 256; without a shared cache each slot has its part, rounded up (src/llama-context.cpp). */
static void sizes(struct se *e)
{
    struct bt_llama_serve *l = &e->s.llama;
    uint64_t seqs = e->s.max_seqs, window = e->model->gguf->window;
    e->s.context = bt_round_up(e->s.context, 256);
    self.cells = l->unified ? e->s.context : bt_round_up(bt_ceil_div(e->s.context, seqs), 256);
    self.streams = l->unified ? 1 : seqs;
    self.cells_window = bt_round_up(BT_MIN(self.cells, window * (l->unified ? seqs : 1) + l->ubatch), 256);
}

int se_llama_main(struct se *e, int argc, char **argv)
{
    const struct bt_engine *llama = bt_engine_find("llama-server");
    struct server *v = &self.v;
    struct bt_err err = { 0 };
    struct bt_model *m = NULL;
    bool exact;
    self.begun = se_clock();
    const char *wanted = getenv("LLAMA_ARG_LOG_VERBOSITY");
    self.verbosity = wanted ? atoi(wanted) : 3;
    e->version = se_version(&e->arena, argv[0], "0.5.0");
    if (argc > 1 && !strcmp(argv[1], "--version"))
        return fprintf(stderr, "version: %s (simulated)\n", e->version), 0;
    e->row = bt_engine_version(llama, e->version, &exact, &err);
    if (!e->row)
        return fprintf(stderr, "error: %s\n", err.msg), 1;
    int rc = read_flags(e, llama, argc, argv);
    if (rc)
        return rc;
    e->model_arg = e->s.model ? e->s.model : "";
    e->s.port = e->s.port || argc < 2 ? e->s.port : 8080;
    SRV("llama_server: initializing ...");
    say('W', 3, "srv  ", "llama_server: security: no API key is set and CORS allows all origins (berth-sim-engine: SIMULATED, every answer is made up)");
    se_server_init(v, e, &llama_face, &(struct se_ready){ .ok = true });
    v->loading = true;
    if (open_port(e, v) < 0)
        return 1;
    SRV("  load_model: loading model '%s'", e->model_arg);
    struct se_card card = se_card_of_rank0();
    errno = 0;
    if (bt_model_open_revision(&e->arena, e->model_arg, e->s.revision, &m, &err) < 0 || !m->gguf) {
        if (m && !m->gguf)
            bt_err_set(&err, BT_E_INPUT, 0, "invalid magic characters: this is not a GGUF file");
        return model_error(e, &err);
    }
    e->model = m;
    struct bt_engine_device device = { .total_bytes = card.total, .name = card.name, .cpu = card.count <= 0 };
    if (!e->s.pp && card.count > 0 && !e->s.llama.nsplit && !e->s.llama.devices)
        e->s.pp = (uint64_t)card.count;              /* every card it sees */
    bt_engine_resolve(llama, e->row, &device, m->gguf->context, &e->s);
    self.ndev = device.cpu || !e->s.llama.gpu_layers ? 0 : BT_MIN(e->s.pp, (uint64_t)card.count);
    e->s.served_name = e->s.served_name ? e->s.served_name : e->model_arg;
    sizes(e);
    se_leave_in(v, 0.05 + (double)m->gguf->data_bytes / (2.0 * (double)GiB), loaded);
    se_server_run(v);
    breakdown();
    return 0;
}

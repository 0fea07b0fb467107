/* admin.c - metrics, sleep and wake, pause, adapters: vLLM entrypoints/serve/dev/sleep, entrypoints/openai/models. Development endpoints need
 * VLLM_SERVER_DEV_MODE=1, adapters at run time VLLM_ALLOW_RUNTIME_LORA_UPDATING=1, as in the real one. */
#include "sim/engine/serve.h"

#include <event2/keyvalq_struct.h>
#include <stdio.h>
#include <sys/queue.h>

/* ---- metrics ---- */

static const double edges[] = { 0.005, 0.02, 0.1, 0.5, 2, 10, 60 };

void se_histogram_add(struct histogram *h, double seconds)
{
    size_t i = 0;
    while (i < BT_LEN(edges) && seconds > edges[i])
        i++;
    h->bucket[i]++;
    h->count++;
    h->sum += seconds;
}

static void histogram(struct evbuffer *b, const char *name, const char *model, const struct histogram *h)
{
    uint64_t sum = 0;
    evbuffer_add_printf(b, "# TYPE vllm:%s histogram\n", name);
    for (size_t i = 0; i < BT_LEN(edges); i++)
        evbuffer_add_printf(b, "vllm:%s_bucket{engine=\"0\",le=\"%g\",model_name=\"%s\"} %llu.0\n", name, edges[i], model,
                            (unsigned long long)(sum += h->bucket[i]));
    evbuffer_add_printf(b, "vllm:%s_bucket{engine=\"0\",le=\"+Inf\",model_name=\"%s\"} %llu.0\nvllm:%s_count{engine=\"0\",model_name=\"%s\"} %llu.0\n"
                           "vllm:%s_sum{engine=\"0\",model_name=\"%s\"} %.6f\n",
                        name, model, (unsigned long long)h->count, name, model, (unsigned long long)h->count, name, model, h->sum);
}

static void metrics(struct evhttp_request *req, struct server *v)
{
    uint64_t running = 0, waiting = 0, used = 0;
    for (struct stream *s = v->streams; s && !v->asleep; s = s->next) {          /* asleep: requests hang and are counted nowhere */
        s->running ? running++ : waiting++;
        used += s->running ? s->prompt_tokens + s->made : 0;
    }
    static const char *const states[] = { "awake", "weights_offloaded", "discard_all" };
    const struct { const char *type, *name, *label, *value; double x;
    } rows[] = {
        { "gauge", "num_requests_running", NULL, NULL, (double)running },
        { "gauge", "num_requests_waiting", NULL, NULL, (double)waiting },
        { "gauge", "num_requests_waiting_by_reason", "reason", "capacity", (double)waiting },
        { "gauge", "num_requests_waiting_by_reason", "reason", "deferred", 0 },
        { "gauge", "kv_cache_usage_perc", NULL, NULL, (double)used / (double)BT_MAX(v->ready.tokens, 1) },
        { "counter", "prompt_tokens_total", NULL, NULL, (double)v->prompts },
        { "counter", "generation_tokens_total", NULL, NULL, (double)v->generated },
        { "counter", "prefix_cache_queries_total", NULL, NULL, (double)v->prompts },
        { "counter", "prefix_cache_hits_total", NULL, NULL, 0 },
        { "counter", "num_preemptions_total", NULL, NULL, 0 },
        { "counter", "request_success_total", "finished_reason", "length", (double)v->finished },
        { "counter", "request_success_total", "finished_reason", "stop", 0 },
        { "counter", "request_success_total", "finished_reason", "abort", 0 },
        { "gauge", "engine_sleep_state", "sleep_state", states[0], v->sleep == AWAKE },
        { "gauge", "engine_sleep_state", "sleep_state", states[1], v->sleep == WEIGHTS_OFFLOADED },
        { "gauge", "engine_sleep_state", "sleep_state", states[2], v->sleep == DISCARD_ALL },
    };
    struct evbuffer *b = evbuffer_new();
    const char *l = v->e->s.served_name, *last = "";
    evbuffer_add_printf(b, "# HELP simulated engine\n");
    for (size_t i = 0; i < BT_LEN(rows); i++) {
        if (strcmp(last, rows[i].name) != 0)
            evbuffer_add_printf(b, "# TYPE vllm:%s %s\n", last = rows[i].name, rows[i].type);
        evbuffer_add_printf(b, "vllm:%s{engine=\"0\"", rows[i].name);
        if (rows[i].label)
            evbuffer_add_printf(b, ",%s=\"%s\"", rows[i].label, rows[i].value);
        evbuffer_add_printf(b, rows[i].x == (double)(uint64_t)rows[i].x ? ",model_name=\"%s\"} %.1f\n" : ",model_name=\"%s\"} %.6f\n", l, rows[i].x);
    }
    histogram(b, "time_to_first_token_seconds", l, &v->ttft);
    histogram(b, "inter_token_latency_seconds", l, &v->itl);
    histogram(b, "e2e_request_latency_seconds", l, &v->e2e);
    evbuffer_add_printf(b,
                        "# TYPE vllm:cache_config_info "
                        "gauge\nvllm:cache_config_info{block_size=\"%llu\",engine=\"0\",kv_cache_size_tokens=\"%llu\",num_gpu_blocks=\"%llu\"} 1.0\n",
                        (unsigned long long)v->e->s.block_size, (unsigned long long)v->ready.tokens, (unsigned long long)v->ready.blocks);
    evhttp_add_header(evhttp_request_get_output_headers(req), "content-type", "text/plain; version=0.0.4; charset=utf-8");
    evhttp_send_reply(req, 200, NULL, b);
    evbuffer_free(b);
}

/* ---- sleep ---- */

/* Value of a query parameter; tags may come several times: any asks for all of them as SE_WEIGHTS | SE_KV. */
static const char *query(struct evkeyvalq *q, const char *key)
{
    return evhttp_find_header(q, key);
}

static unsigned tags(struct evkeyvalq *q)
{
    unsigned what = 0;
    struct evkeyval *kv;
    TAILQ_FOREACH(kv, q, next)
        if (!strcmp(kv->key, "tags"))
            what |= !strcmp(kv->value, "weights") ? SE_WEIGHTS : !strcmp(kv->value, "kv_cache") ? SE_KV : 0;
    return what ? what : SE_WEIGHTS | SE_KV;
}

static void abort_all(struct server *v)
{
    while (v->streams) {
        v->aborted++;
        se_stream_error(v->streams);
    }
}

static void order_for(struct server *v, struct evhttp_request *req, enum se_op op, unsigned what, enum sleep_state then)
{
    struct pending *p = bt_xcalloc(1, sizeof *p);
    *p = (struct pending){ .req = req, .what = what | (unsigned)then << 8 };
    se_order(v, &(struct se_order){ .op = op, .what = what }, p);
}

static void do_sleep(struct server *v, struct evhttp_request *req, struct evkeyvalq *q)
{
    const char *level = query(q, "level"), *mode = query(q, "mode");
    unsigned n = level ? (unsigned)strtoul(level, NULL, 10) : 1;
    if (n > 2) {
        se_reply_error(v, req, 400, "BadRequestError", "level must be 0, 1 or 2");
        return;
    }
    if (!mode || !strcmp(mode, "abort"))
        abort_all(v);
    v->paused = true;
    v->asleep |= n ? SE_WEIGHTS | SE_KV : 0;
    order_for(v, req, SE_SLEEP, n ? SE_WEIGHTS | SE_KV : 0, n == 2 ? DISCARD_ALL : n ? WEIGHTS_OFFLOADED : AWAKE);
}

static void release_kv(struct server *v, struct evhttp_request *req)
{
    if (!v->paused) {
        se_reply_error(v, req, 400, "BadRequestError", "The KV cache can only be released while the engine is paused: call /pause first.");
        return;
    }
    v->asleep |= SE_KV;
    order_for(v, req, SE_SLEEP, SE_KV, v->sleep);
}

static void pause_now(struct server *v, struct evhttp_request *req, struct evkeyvalq *q)
{
    const char *mode = query(q, "mode");
    if (!mode || !strcmp(mode, "abort"))
        abort_all(v);
    v->paused = true;
    se_reply_json(v, req, 200, json_pack("{s:s}", "status", "paused"));
}

static void resume_now(struct server *v, struct evhttp_request *req)
{
    v->paused = v->asleep != 0;
    se_reply_json(v, req, 200, json_pack("{s:s}", "status", "resumed"));
    se_arm(v);
}

/* ---- adapters ---- */

bool se_adapter_known(const struct server *v, const char *name)
{
    for (const struct adapter *a = v->adapters; a; a = a->next)
        if (!strcmp(a->name, name))
            return true;
    return false;
}

static void load_adapter(struct server *v, struct evhttp_request *req)
{
    json_t *o = se_request_json(req);
    const char *name = json_string_value(json_object_get(o, "lora_name")), *path = json_string_value(json_object_get(o, "lora_path"));
    struct se_order order = { .op = SE_ADAPTER };
    if (!name || !path || !*name || strlen(path) >= sizeof order.path)
        se_reply_error(v, req, 400, "InvalidUserInput", "Both 'lora_name' and 'lora_path' must be provided.");
    else if (!v->e->s.lora)
        se_reply_error(v, req, 500, "InternalServerError", "Call to add_lora method failed: LoRA is not enabled");
    else if (!strcmp(name, v->e->s.served_name))
        se_reply_error(v, req, 400, "InvalidUserInput", "The lora adapter '%s' conflicts with a served base model.", name);
    else if (se_adapter_known(v, name) && !json_is_true(json_object_get(o, "load_inplace")))
        se_reply_error(v, req, 400, "InvalidUserInput",
                       "The lora adapter '%s' has already been loaded. If you want to load the adapter in place, set 'load_inplace' to True.", name);
    else if (!se_adapter_exists(path))
        se_reply_error(v, req, 404, "NotFoundError", "Loading lora %s failed: No adapter found for %s", name, path);
    else {
        struct pending *p = bt_xcalloc(1, sizeof *p);
        *p = (struct pending){ .req = req, .name = bt_xstrdup(name), .path = bt_xstrdup(path) };
        snprintf(order.path, sizeof order.path, "%s", path);
        se_order(v, &order, p);
    }
    json_decref(o);
}

static void unload_adapter(struct server *v, struct evhttp_request *req)
{
    json_t *o = se_request_json(req);
    const char *name = json_string_value(json_object_get(o, "lora_name"));
    struct adapter **at = &v->adapters, *a;
    while (*at && (!name || strcmp((*at)->name, name) != 0))
        at = &(*at)->next;
    if ((a = *at)) {                 /* its slot stays as it is: only the name is forgotten */
        *at = a->next;
        se_info("serving.py:244", "Removed LoRA adapter: name '%s'", a->name);
        char *text = bt_arena_printf(&v->e->arena, "Success: LoRA adapter '%s' removed successfully.", a->name);
        se_reply_json(v, req, 200, json_string(text));
        free(a->name);
        free(a->path);
        free(a);
    } else {
        se_reply_error(v, req, 404, "NotFoundError", "The lora adapter '%s' cannot be found.", name ? name : "");
    }
    json_decref(o);
}

static void adapter_done(struct server *v, struct pending *p, const struct se_report *rep)
{
    if (!rep->ok) {
        se_reply_error(v, p->req, 500, "InternalServerError",
                       "Call to add_lora method failed: Worker failed with error '%s', please check the stack trace above for the root cause",
                       rep->error);
        return;
    }
    if (!se_adapter_known(v, p->name)) {
        struct adapter **at = &v->adapters;
        while (*at)
            at = &(*at)->next;
        *at = bt_xcalloc(1, sizeof **at);
        **at = (struct adapter){ .name = p->name, .path = p->path };
        p->name = bt_xstrdup((*at)->name);
        p->path = NULL;
    }
    se_info("serving.py:226", "Loaded new LoRA adapter: name '%s'", p->name);
    se_reply_json(v, p->req, 200, json_string(bt_arena_printf(&v->e->arena, "Success: LoRA adapter '%s' added successfully.", p->name)));
}

/* ---- answers of EngineCore, and the paths ---- */

void se_admin_done(struct server *v, struct pending *p, const struct se_report *rep)
{
    if (v->face != &se_vllm_face) {                  /* SGLang: nothing but the status */
        evhttp_send_reply(p->req, 200, NULL, NULL);
        return;
    }
    if (p->op == SE_ADAPTER) {
        adapter_done(v, p, rep);
        return;
    }
    v->sleep = (enum sleep_state)(p->what >> 8);
    if (p->op == SE_WAKE) {
        v->asleep &= ~(p->what & 0xff);
        v->paused = v->asleep != 0;
        se_reply_json(v, p->req, 200, json_pack("{s:s}", "status", "awake"));
        se_arm(v);
        return;
    }
    se_info("executor_base.py:211", "It took %.6f seconds to fall asleep.", 0.0);
    se_reply_json(v, p->req, 200, json_pack("{s:s}", "status", "sleeping"));
}

bool se_admin(struct server *v, struct evhttp_request *req, const char *path, bool post)
{
    struct evkeyvalq q = { 0 };
    const char *text = evhttp_uri_get_query(evhttp_request_get_evhttp_uri(req));
    bool dev = v->e->more.dev_mode, mine = true;
    if (evhttp_parse_query_str(text ? text : "", &q) < 0)
        return false;
    if (!strcmp(path, "/metrics"))
        metrics(req, v);
    else if (!strcmp(path, "/is_sleeping") && dev)
        se_reply_json(v, req, 200, json_pack("{s:b}", "is_sleeping", v->paused || v->asleep));
    else if (!strcmp(path, "/sleep") && post && dev)
        do_sleep(v, req, &q);
    else if (!strcmp(path, "/wake_up") && post && dev)
        order_for(v, req, SE_WAKE, tags(&q) & v->asleep, (v->asleep & ~tags(&q)) ? v->sleep : AWAKE);
    else if (!strcmp(path, "/release_kv_cache_memory") && post && dev)
        release_kv(v, req);
    else if (!strcmp(path, "/pause") && post && dev)
        pause_now(v, req, &q);
    else if (!strcmp(path, "/resume") && post && dev)
        resume_now(v, req);
    else if (!strcmp(path, "/is_paused") && dev)
        se_reply_json(v, req, 200, json_pack("{s:b}", "is_paused", v->paused));
    else if (!strcmp(path, "/v1/load_lora_adapter") && post && v->e->more.runtime_lora)
        load_adapter(v, req);
    else if (!strcmp(path, "/v1/unload_lora_adapter") && post && v->e->more.runtime_lora)
        unload_adapter(v, req);
    else
        mine = false;
    evhttp_clear_headers(&q);
    return mine;
}

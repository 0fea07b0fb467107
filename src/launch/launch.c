/* launch - argv and env of one instance. Bytes become the engine's own flags here and nowhere else. */
#include <stdio.h>

#include "base/json.h"
#include "launch/launch_int.h"

struct argv { struct bt_arena *a; json_t *list; const struct bt_strs *raw; };

static void word(struct argv *v, const char *z) { json_array_append_new(v->list, bt_json_text(z)); }

static bool in_raw(const struct argv *v, const char *flag)
{
    size_t n = strlen(flag);
    for (size_t i = 0; i < v->raw->n; i++) {
        const char *t = v->raw->v[i];
        size_t k = 0;
        while (k < n && (t[k] == flag[k] || (k >= 2 && t[k] == '_' && flag[k] == '-')))
            k++;
        if (k == n && (!t[k] || t[k] == '='))
            return true;
    }
    return false;
}

/* A flag of ours, unless the user's `args` say it: theirs is the same value then, it has been through need. */
static void flag(struct argv *v, const char *name, const char *value)
{
    if (in_raw(v, name))
        return;
    word(v, name);
    if (value)
        word(v, value);
}

static void flag_u64(struct argv *v, const char *name, uint64_t n)
{
    flag(v, name, bt_arena_printf(v->a, "%llu", (unsigned long long)n));
}

/* One number for all ranks: vLLM gives each worker the same bytes and uses the blocks of the poorest. */
static uint64_t kv_flag_bytes(const struct bt_plan_instance *in)
{
    uint64_t most = 0;
    for (size_t i = 0; i < in->nranks; i++)
        most = BT_MAX(most, in->rank[i].kv_bytes);
    return most;
}

/* With bytes given, the fraction only decides whether start-up finds enough free memory: the smallest of the ranks, so that no stage asks
 * of its card what another stage needs of its own. Without them it is the size of the KV: the largest, so that the context fits. */
static double fraction(const struct bt_plan *p, const struct bt_plan_instance *in)
{
    bool bytes = in->need->version->has_kv_bytes;
    double u = bytes ? 1 : 0;
    for (size_t i = 0; i < in->nranks; i++) {
        const struct bt_rank_berth *r = &in->rank[i];
        double f = bt_need_utilization(in->need, r->need, r->kv_bytes, p->fleet->gpus[r->gpu].total_bytes);
        u = bytes ? BT_MIN(u, f) : BT_MAX(u, f);
    }
    return u;
}

static const char *model_word(const struct bt_plan_instance *in)
{
    const char *m = in->w->model;
    bool path = m[0] == '.' || m[0] == '/' || m[0] == '~';
    return path && in->need->model->dir ? in->need->model->dir : m;
}

static void server_argv(struct argv *v, const struct bt_plan *p, const struct bt_plan_instance *in)
{
    const struct bt_workload *w = in->w;
    const struct bt_serve *s = &in->need->serve;
    word(v, in->bin ? in->bin : in->need->engine->program);
    word(v, "serve");
    word(v, model_word(in));
    word(v, "--host"), word(v, "127.0.0.1");
    word(v, "--port"), word(v, "{port}");
    flag(v, "--served-model-name", w->name);
    if (w->revision)
        flag(v, "--revision", w->revision);
    if (w->dtype)
        flag(v, "--dtype", w->dtype);
    if (w->quantization)
        flag(v, "--quantization", w->quantization);
    if (w->kv_dtype)
        flag(v, "--kv-cache-dtype", w->kv_dtype);
    if (w->trust_remote_code)
        flag(v, "--trust-remote-code", NULL);
    flag_u64(v, "--tensor-parallel-size", in->tp);
    flag_u64(v, "--pipeline-parallel-size", in->pp);
    flag_u64(v, "--max-model-len", in->context);
    if (in->need->version->has_kv_bytes)
        flag_u64(v, "--kv-cache-memory-bytes", kv_flag_bytes(in));
    flag(v, "--gpu-memory-utilization", bt_arena_printf(v->a, "%.4f", fraction(p, in)));
    flag_u64(v, "--max-num-seqs", s->max_seqs);
    flag_u64(v, "--max-num-batched-tokens", s->max_batched_tokens);
    if (w->adapters.set) {
        flag(v, "--enable-lora", NULL);
        flag_u64(v, "--max-loras", w->adapters.max);
        flag_u64(v, "--max-lora-rank", w->adapters.max_rank);
    }
    for (size_t i = 0; i < v->raw->n; i++)
        word(v, v->raw->v[i]);
}

/* ---- environment ---- */

static void put(json_t *env, const char *key, const char *value) { json_object_set_new(env, key, bt_json_text(value)); }

static const char *visible(struct bt_arena *a, const struct bt_plan *p, const struct bt_plan_instance *in)
{
    bt_auto_buf struct bt_buf b = BT_BUF(16 * KiB);
    for (size_t i = 0; i < in->nranks; i++)
        bt_buf_printf(&b, "%s%s", i ? "," : "", p->fleet->gpus[in->rank[i].gpu].uuid);
    return bt_arena_strdup(a, bt_buf_z(&b));         /* "" hides every GPU */
}

static json_t *environment(struct bt_arena *a, const struct bt_plan *p, const struct bt_plan_instance *in)
{
    json_t *env = json_object();
    put(env, "CUDA_DEVICE_ORDER", "PCI_BUS_ID");
    put(env, "CUDA_VISIBLE_DEVICES", visible(a, p, in));
    if (in->w->kind == BT_SERVER)
        put(env, "VLLM_PORT", "{internal}");         /* vLLM counts up from here for its own sockets: a block is leased */
    else if (in->w->port_set)
        put(env, "PORT", "{port}");
    put(env, "BERTH_PROJECT", p->spec->name);
    if (in->nranks) {
        uint64_t least = UINT64_MAX;
        for (size_t i = 0; i < in->nranks; i++)
            least = BT_MIN(least, in->rank[i].bytes);
        put(env, "BERTH_MEMORY_BYTES", bt_arena_printf(a, "%llu", (unsigned long long)least));
    }
    for (size_t i = 0; i < in->w->nenv; i++)
        if (in->w->env[i].value)
            put(env, in->w->env[i].key, in->w->env[i].value);
    return env;
}

static json_t *environment_from(const struct bt_plan_instance *in)
{
    json_t *list = json_array();
    bool token = in->w->kind == BT_SERVER;           /* gated models; taken where it is set, never written down */
    for (size_t i = 0; i < in->w->nenv; i++) {
        token = token && strcmp(in->w->env[i].key, "HF_TOKEN");
        if (!in->w->env[i].value)
            json_array_append_new(list, bt_json_text(in->w->env[i].key));
    }
    if (token)
        json_array_append_new(list, json_string("HF_TOKEN"));
    return list;
}

/* ---- the rest ---- */

#define INTERNAL_PORTS 16            /* vLLM's own: API server, engine cores, ranks */

static json_t *ports(const struct bt_plan_instance *in)
{
    json_t *list = json_array();
    bool server = in->w->kind == BT_SERVER;
    if (server || in->w->port_set)
        json_array_append_new(list, json_pack("{s:s, s:I, s:i}", "name", "port", "want", (json_int_t)in->w->port, "block", 1));
    if (server)
        json_array_append_new(list, json_pack("{s:s, s:i, s:i}", "name", "internal", "want", 0, "block", INTERNAL_PORTS));
    return list;
}

static json_t *ready(const struct bt_plan_instance *in)
{
    const struct bt_workload *w = in->w;
    if (w->kind == BT_SERVER)
        return json_pack("{s:s, s:s}", "kind", "http", "path", in->need->engine->health_path);
    switch (w->ready.kind) {
    case BT_READY_HTTP: return json_pack("{s:s, s:o}", "kind", "http", "path", bt_json_text(w->ready.arg));
    case BT_READY_LOG:  return json_pack("{s:s, s:o}", "kind", "log", "pattern", bt_json_text(w->ready.arg));
    case BT_READY_FILE: return json_pack("{s:s, s:o}", "kind", "file", "path", bt_json_text(w->ready.arg));
    case BT_READY_PORT: return json_pack("{s:s}", "kind", "port");
    case BT_READY_EXEC: return json_pack("{s:s}", "kind", "exec");
    default:            return json_pack("{s:s}", "kind", w->port_set ? "port" : "exec");
    }
}

json_t *launch_served_names(struct bt_arena *a, const struct bt_plan *p, const struct bt_plan_instance *in)
{
    json_t *list = json_array();
    struct bt_serve s;
    struct bt_err ignored;
    if (in->w->kind == BT_SERVER && bt_spec_serve(a, p->spec, in->w, &s, NULL, &ignored) == 0)
        json_array_append_new(list, bt_json_text(s.served_name ? s.served_name : in->w->name));
    return list;
}

json_t *launch_json(struct bt_arena *a, const struct bt_plan *p, const struct bt_plan_instance *in)
{
    const struct bt_workload *w = in->w;
    bool server = w->kind == BT_SERVER, listens = server || w->port_set;
    struct bt_strs raw = { 0 };
    struct argv v = { a, json_array(), &raw };
    if (server) {
        struct bt_serve ignored;
        struct bt_err err;
        if (bt_spec_serve(a, p->spec, w, &ignored, &raw, &err) < 0)
            raw.n = 0;                               /* cannot be: the spec was checked with the same words */
        server_argv(&v, p, in);
    } else {
        for (size_t i = 0; i < w->command.n; i++)
            word(&v, w->command.v[i]);
    }
    json_t *o = json_object();
    json_object_set_new(o, "argv", v.list);
    json_object_set_new(o, "env", environment(a, p, in));
    json_object_set_new(o, "env_from", environment_from(in));
    json_object_set_new(o, "cwd", bt_json_text(w->cwd));
    json_object_set_new(o, "ports", ports(in));
    json_object_set_new(o, "endpoint", listens ? json_pack("{s:s, s:n}", "http", "http://127.0.0.1:{port}", "unix") : json_null());
    json_object_set_new(o, "ready", ready(in));
    json_object_set_new(o, "engine", json_string(server ? in->need->engine->name : "command"));
    json_object_set_new(o, "stop_grace_ms", json_integer((json_int_t)w->stop_grace_ms));
    json_object_set_new(o, "restart", json_pack("{s:s, s:I}", "policy", w->kind == BT_JOB ? "never" : w->restart, "max", (json_int_t)w->restart_max));
    json_object_set_new(o, "retries", json_integer((json_int_t)w->retries));
    return o;
}

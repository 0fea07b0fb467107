/* launch - argv and env of one instance. Bytes become the engine's own flags here and nowhere else. */
#include <stdio.h>

#include "base/json.h"
#include "launch/launch_int.h"

static void word(json_t *argv, const char *z) { json_array_append_new(argv, bt_json_text(z)); }

/* One number for all ranks: vLLM gives each worker the same bytes and uses the blocks of the poorest. */
static uint64_t kv_flag_bytes(const struct bt_plan_instance *in)
{
    uint64_t most = in->host ? in->host->kv_bytes : 0;
    for (size_t i = 0; i < in->nranks; i++)
        most = BT_MAX(most, in->rank[i].kv_bytes);
    return most;
}

/* Stages of a model with layers of several kinds hold different numbers of tokens in as many blocks: the engine has those of the poorest. */
static uint64_t fewest_tokens(const struct bt_plan_instance *in)
{
    uint64_t least = in->nranks ? UINT64_MAX : 0;
    for (size_t i = 0; i < in->nranks; i++)
        least = BT_MIN(least, in->rank[i].kv_tokens);
    return least;
}

/* With bytes given, a share of the card only decides whether start-up finds enough free memory: the smallest of the ranks, so that no stage asks
 * of its card what another stage needs of its own. Where it is the size of the KV, or has to be enough for it: the largest. */
static double fraction(const struct bt_plan *p, const struct bt_plan_instance *in)
{
    bool bytes = in->need->version->has_kv_bytes && in->need->engine->share_of == BT_SHARE_OF_TOTAL;
    double u = bytes ? 1 : 0;
    for (size_t i = 0; i < in->nranks; i++) {
        const struct bt_rank_berth *r = &in->rank[i];
        double f = bt_need_share(in->need, r->need, r->kv_bytes, p->fleet->gpus[r->gpu].total_bytes, r->bytes);
        u = bytes ? BT_MIN(u, f) : BT_MAX(u, f);
    }
    if (in->host && in->need->engine->share_of == BT_SHARE_OF_FREE)
        u = bt_need_share(in->need, in->host->need, in->host->kv_bytes, BT_NEED_CAP, in->host->bytes);
    return u;
}

static const char *model_word(const struct bt_plan_instance *in)
{
    const char *m = in->w->model;
    const struct bt_model *model = in->need->model;
    bool path = m[0] == '.' || m[0] == '/' || m[0] == '~';
    if (model->gguf && model->file)
        return model->file;
    return path && model->dir ? model->dir : m;
}

/* In some phase of the plan it gives memory back: in all of them it is started for that, so that it is the same process. Where the spec asks for a level by
 * name, `berth park` may come by hand; not in RAM, where vLLM refuses to start so. */
static bool is_parked(const struct bt_plan *p, const struct bt_plan_instance *in)
{
    bool unified = in->nranks && p->fleet->gpus[in->rank[0].gpu].unified;
    if (in->nranks && (!strcmp(in->w->park, "kv") || (!strcmp(in->w->park, "sleep") && !unified)))
        return true;
    for (size_t i = 0; i < p->nmoves; i++)
        if (p->move[i].how == BT_MOVE_PARK && p->move[i].level && strcmp(p->move[i].level, "none") && !strcmp(p->move[i].instance, in->id))
            return true;
    return false;
}

static void server_command(struct bt_arena *a, const struct bt_plan *p, const struct bt_plan_instance *in, struct bt_engine_command *out)
{
    struct bt_strs raw = { 0 };
    struct bt_serve s = in->need->serve, ignored;
    struct bt_err err;
    if (bt_spec_serve(a, p->spec, in->w, &ignored, &raw, &err) < 0)
        raw.n = 0;                                   /* cannot be: the spec was checked with the same words */
    s.tp = in->tp;
    s.pp = in->pp;
    s.context = in->context;
    s.revision = in->w->revision;
    struct bt_engine_start start = { .arena = a, .version = in->need->version, .serve = &s, .program = in->bin ? in->bin : in->need->engine->program,
                                     .model = model_word(in), .host = "127.0.0.1", .port = "{port}", .name = in->w->name, .kv_bytes = kv_flag_bytes(in),
                                     .kv_tokens = in->host ? in->host->kv_tokens : fewest_tokens(in),
                                     .hub = in->need->model->gguf && !in->need->model->file, .on_host = in->host != NULL, .share = fraction(p, in), .raw = &raw,
                                     .sleeps = is_parked(p, in) };
    in->need->engine->start(&start, out);
}

/* ---- environment ---- */

static void put(json_t *env, const char *key, const char *value) { json_object_set_new(env, key, bt_json_text(value)); }

static const char *visible(struct bt_arena *a, const struct bt_plan *p, const struct bt_plan_instance *in)
{
    bt_auto_buf struct bt_buf b = BT_BUF(16 * KiB);
    bool numbers = in->need && p->fleet->live && !bt_engine_takes_uuids(in->need->engine, in->need->version);
    for (size_t i = 0; i < in->nranks; i++) {
        const struct bt_gpu *g = &p->fleet->gpus[in->rank[i].gpu];
        bt_buf_printf(&b, "%s", i ? "," : "");
        if (numbers)                 /* beside CUDA_DEVICE_ORDER=PCI_BUS_ID it is CUDA's own */
            bt_buf_printf(&b, "%d", g->index);
        else
            bt_buf_puts(&b, g->uuid);
    }
    return bt_arena_strdup(a, bt_buf_z(&b));         /* "" hides every GPU */
}

static json_t *environment(struct bt_arena *a, const struct bt_plan *p, const struct bt_plan_instance *in, const struct bt_engine_command *engine)
{
    json_t *env = json_object();
    put(env, "CUDA_DEVICE_ORDER", "PCI_BUS_ID");
    put(env, "CUDA_VISIBLE_DEVICES", visible(a, p, in));
    for (size_t i = 0; i < engine->nenv; i++)
        put(env, engine->env[i].key, engine->env[i].value);
    if (in->w->kind != BT_SERVER && in->w->port_set)
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

static json_t *ports(const struct bt_plan_instance *in)
{
    json_t *list = json_array();
    bool server = in->w->kind == BT_SERVER;
    if (server || in->w->port_set)
        json_array_append_new(list, json_pack("{s:s, s:I, s:i}", "name", "port", "want", (json_int_t)in->w->port, "block", 1));
    if (server && in->need->engine->internal_ports)
        json_array_append_new(list, json_pack("{s:s, s:i, s:i}", "name", "internal", "want", 0, "block", (int)in->need->engine->internal_ports));
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
    if (in->w->kind != BT_SERVER || bt_spec_serve(a, p->spec, in->w, &s, NULL, &ignored) < 0)
        return list;
    struct bt_str left = bt_str(s.served_name ? s.served_name : in->w->name), one;
    while (left.n) {                 /* a flag of many words: each is a name it answers to */
        left = bt_str_cut(left, ' ', &one);
        if (one.n)
            json_array_append_new(list, bt_json_text(bt_arena_strndup(a, one)));
    }
    return list;
}

/* A job whose slots take one task after the other; the values are filled in at each start. */
static json_t *tasks(const struct bt_workload *w)
{
    if (!bt_workload_has_tasks(w))
        return json_null();
    json_t *matrix = json_array();
    for (size_t i = 0; i < w->nmatrix; i++) {
        json_t *values = json_array();
        for (size_t j = 0; j < w->matrix[i].values.n; j++)
            json_array_append_new(values, bt_json_text(w->matrix[i].values.v[j]));
        json_array_append_new(matrix, json_pack("{s:o, s:o}", "key", bt_json_text(w->matrix[i].key), "values", values));
    }
    return json_pack("{s:o, s:I}", "matrix", matrix, "shards", (json_int_t)w->shards);
}

json_t *launch_json(struct bt_arena *a, const struct bt_plan *p, const struct bt_plan_instance *in)
{
    const struct bt_workload *w = in->w;
    bool server = w->kind == BT_SERVER, listens = server || w->port_set;
    struct bt_engine_command c = { .argv = w->command };
    if (server) {
        c.argv = (struct bt_strs){ 0 };
        server_command(a, p, in, &c);
    }
    json_t *o = json_object(), *argv = json_array();
    for (size_t i = 0; i < c.argv.n; i++)
        word(argv, c.argv.v[i]);
    json_object_set_new(o, "argv", argv);
    json_object_set_new(o, "env", environment(a, p, in, &c));
    json_object_set_new(o, "env_from", environment_from(in));
    json_object_set_new(o, "cwd", bt_json_text(w->cwd));
    json_object_set_new(o, "ports", ports(in));
    json_object_set_new(o, "endpoint", listens ? json_pack("{s:s, s:n}", "http", "http://127.0.0.1:{port}", "unix") : json_null());
    json_object_set_new(o, "ready", ready(in));
    json_object_set_new(o, "engine", json_string(server ? in->need->engine->name : "command"));
    json_object_set_new(o, "stop_grace_ms", json_integer((json_int_t)w->stop_grace_ms));
    json_object_set_new(o, "restart", json_pack("{s:s, s:I}", "policy", w->kind == BT_JOB ? "never" : w->restart, "max", (json_int_t)w->restart_max));
    json_object_set_new(o, "tasks", tasks(w));
    json_object_set_new(o, "retries", json_integer((json_int_t)w->retries));
    return o;
}

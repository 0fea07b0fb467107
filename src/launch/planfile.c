/* planfile.c - JSON -> struct bt_planfile. Every value is checked here, so that nobody who obeys a plan has to. */
#include "launch/planfile.h"

#include <stdio.h>

#include "base/json.h"

enum { INSTANCES_MAX = 1024 };

/* Where we are, for errors: "plan.phases[0].instances[1].launch". Every reader below hands its own path down. */
struct reader {
    struct bt_arena *a;
    struct bt_err *err;
    bool any_fleet;
};

static int bad(struct reader *r, const char *at, const char *what)
{
    return bt_err_set(r->err, BT_E_INPUT, 0, "%s: %s", at, what);
}

static int get_object(struct reader *r, const json_t *o, const char *key, const char *at, const json_t **out)
{
    *out = json_object_get(o, key);
    if (json_is_object(*out))
        return 0;
    return bad(r, bt_arena_printf(r->a, "%s.%s", at, key), "has to be an object");
}

static int get_array(struct reader *r, const json_t *o, const char *key, const char *at, size_t max, const json_t **out)
{
    *out = json_object_get(o, key);
    if (!json_is_array(*out))
        return bad(r, bt_arena_printf(r->a, "%s.%s", at, key), "has to be a list");
    if (json_array_size(*out) > max)
        return bad(r, bt_arena_printf(r->a, "%s.%s", at, key), bt_arena_printf(r->a, "has more than %zu entries", max));
    return 0;
}

static int get_str(struct reader *r, const json_t *o, const char *key, const char *at, const char **out)
{
    const char *s;
    if (bt_json_str(o, key, &s, at, r->err) < 0)
        return -1;
    *out = bt_arena_strdup(r->a, s);
    return 0;
}

static int get_str_opt(struct reader *r, const json_t *o, const char *key, const char *def, const char *at, const char **out)
{
    const char *s;
    if (bt_json_str_opt(o, key, def, &s, at, r->err) < 0)
        return -1;
    *out = bt_arena_strdup(r->a, s);
    return 0;
}

bool bt_planfile_name_ok(const char *name)
{
    size_t n = strlen(name);
    return n > 0 && n <= 60 && name[0] != '-' && strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == n;
}

static int get_name(struct reader *r, const json_t *o, const char *key, const char *at, const char **out)
{
    if (get_str(r, o, key, at, out) < 0)
        return -1;
    if (!bt_planfile_name_ok(*out))
        return bad(r, bt_arena_printf(r->a, "%s.%s", at, key), "has to be a name of a-z, 0-9 and -, at most 60 long");
    return 0;
}

static int get_strs(struct reader *r, const json_t *o, const char *key, const char *at, bool needed, struct bt_strs *out)
{
    const json_t *list = json_object_get(o, key), *v;
    size_t i;
    if (!list && !needed)
        return 0;
    if (get_array(r, o, key, at, 65536, &list) < 0)
        return -1;
    json_array_foreach(list, i, v)
    {
        if (!json_is_string(v) || strlen(json_string_value(v)) != json_string_length(v))
            return bad(r, bt_arena_printf(r->a, "%s.%s[%zu]", at, key, i), "has to be a text");
        const char *copy = bt_arena_strdup(r->a, json_string_value(v));
        BT_PUSH(r->a, out->v, out->n, copy);
    }
    if (needed && !out->n)
        return bad(r, bt_arena_printf(r->a, "%s.%s", at, key), "is empty");
    return 0;
}

static int one_of(struct reader *r, const char *at, const char *value, const char *const *names)
{
    bt_auto_buf struct bt_buf b = BT_BUF(400);
    for (const char *const *n = names; *n; n++) {
        if (!strcmp(value, *n))
            return (int)(n - names);
        bt_buf_printf(&b, "%s%s", n == names ? "" : ", ", *n);
    }
    return bad(r, at, bt_arena_printf(r->a, "\"%.40s\" is none of %s", value, bt_buf_z(&b)));
}

/* ---- launch ---- */

static int read_env(struct reader *r, const json_t *launch, const char *at, struct bt_pf_instance *in)
{
    const char *key;
    json_t *v;
    const json_t *env = json_object_get(launch, "env");
    if (env && get_object(r, launch, "env", at, &env) < 0)
        return -1;
    json_object_foreach((json_t *)env, key, v)
    {
        if (!*key || strchr(key, '=') || !json_is_string(v))
            return bad(r, bt_arena_printf(r->a, "%s.env.%.80s", at, key), "has to be a text, under a name without \"=\"");
        struct bt_pf_env row = { bt_arena_strdup(r->a, key), bt_arena_strdup(r->a, json_string_value(v)) };
        BT_PUSH(r->a, in->env, in->nenv, row);
    }
    return get_strs(r, launch, "env_from", at, false, &in->env_from);
}

static int read_ports(struct reader *r, const json_t *launch, const char *at, struct bt_pf_instance *in)
{
    const json_t *list = json_object_get(launch, "ports"), *p;
    size_t i;
    if (list && get_array(r, launch, "ports", at, 64, &list) < 0)
        return -1;
    json_array_foreach(list, i, p)
    {
        const char *here = bt_arena_printf(r->a, "%s.ports[%zu]", at, i);
        struct bt_pf_port row = { 0 };
        uint64_t want, block;
        if (get_str(r, p, "name", here, &row.name) < 0 || bt_json_u64_opt(p, "want", 0, 0, 65535, &want, here, r->err) < 0 ||
            bt_json_u64_opt(p, "block", 1, 1, 1024, &block, here, r->err) < 0)
            return -1;
        if (want + block > 65536)
            return bad(r, here, "the block ends past port 65535");
        row.want = (uint16_t)want;
        row.block = (uint16_t)block;
        BT_PUSH(r->a, in->port, in->nports, row);
    }
    return 0;
}

static int read_matrix(struct reader *r, const json_t *o, const char *at, struct bt_pf_instance *in)
{
    const json_t *list = json_object_get(o, "matrix"), *v;
    uint64_t n = in->shards;
    size_t i;
    if (list && get_array(r, o, "matrix", at, 32, &list) < 0)
        return -1;
    json_array_foreach(list, i, v)
    {
        const char *here = bt_arena_printf(r->a, "%s.matrix[%zu]", at, i);
        struct bt_pf_key row = { 0 };
        if (!json_is_object(v))
            return bad(r, here, "has to be an object");
        if (get_str(r, v, "key", here, &row.key) < 0 || get_strs(r, v, "values", here, true, &row.values) < 0)
            return -1;
        n = n <= BT_PF_TASKS_MAX ? n * row.values.n : n;
        BT_PUSH(r->a, in->matrix, in->nmatrix, row);
    }
    return n <= BT_PF_TASKS_MAX ? 0 : bad(r, at, "more than 1,000,000 tasks");
}

static int read_tasks(struct reader *r, const json_t *launch, const char *at, struct bt_pf_instance *in)
{
    const json_t *o = json_object_get(launch, "tasks");
    const char *here = bt_arena_printf(r->a, "%s.tasks", at);
    in->shards = 1;
    if (!o || json_is_null(o))
        return 0;
    in->has_tasks = true;
    if (strcmp(in->kind, "job"))
        return bad(r, here, "only a job has tasks");
    if (get_object(r, launch, "tasks", at, &o) < 0 || bt_json_u64_opt(o, "shards", 1, 1, BT_PF_TASKS_MAX, &in->shards, here, r->err) < 0)
        return -1;
    return read_matrix(r, o, here, in);
}

static int read_ready(struct reader *r, const json_t *launch, const char *at, struct bt_pf_instance *in)
{
    static const char *const kinds[] = { [BT_PF_READY_EXEC] = "exec", [BT_PF_READY_HTTP] = "http", [BT_PF_READY_PORT] = "port",
                                         [BT_PF_READY_LOG] = "log",   [BT_PF_READY_FILE] = "file", NULL };
    static const char *const arg[] = { [BT_PF_READY_HTTP] = "path", [BT_PF_READY_LOG] = "pattern", [BT_PF_READY_FILE] = "path" };
    const json_t *o;
    const char *kind, *here = bt_arena_printf(r->a, "%s.ready", at);
    if (get_object(r, launch, "ready", at, &o) < 0 || get_str(r, o, "kind", here, &kind) < 0)
        return -1;
    int k = one_of(r, here, kind, kinds);
    if (k < 0)
        return -1;
    in->ready = (enum bt_pf_ready)k;
    if ((size_t)k < BT_LEN(arg) && arg[k])
        return get_str(r, o, arg[k], here, &in->ready_arg);
    return 0;
}

static int read_endpoint(struct reader *r, const json_t *launch, const char *at, struct bt_pf_instance *in)
{
    const json_t *o = json_object_get(launch, "endpoint");
    if (!o || json_is_null(o))
        return 0;
    const char *here = bt_arena_printf(r->a, "%s.endpoint", at);
    if (get_object(r, launch, "endpoint", at, &o) < 0 || get_str_opt(r, o, "http", NULL, here, &in->http) < 0)
        return -1;
    return get_str_opt(r, o, "unix", NULL, here, &in->unix_path);
}

static int read_engine_version(struct reader *r, const json_t *o, const char *at, struct bt_pf_instance *in)
{
    const json_t *engine = json_object_get(o, "engine");
    return json_is_object(engine) ? get_str_opt(r, engine, "version", NULL, bt_arena_printf(r->a, "%s.engine", at), &in->engine_version) : 0;
}

static int read_model(struct reader *r, const json_t *o, const char *at, struct bt_pf_instance *in)
{
    const json_t *model = json_object_get(o, "model");
    const char *here = bt_arena_printf(r->a, "%s.model", at);
    if (!json_is_object(model))
        return 0;
    if (get_str_opt(r, model, "id", NULL, here, &in->model) < 0)
        return -1;
    return bt_json_u64_opt(model, "weight_bytes", 0, 0, UINT64_C(1) << 60, &in->model_bytes, here, r->err);
}

static int read_launch(struct reader *r, const json_t *o, const char *at, struct bt_pf_instance *in)
{
    static const char *const policies[] = { "on-failure", "always", "never", NULL };
    const json_t *launch, *restart;
    const char *here = bt_arena_printf(r->a, "%s.launch", at);
    uint64_t max = 5, retries;
    if (get_object(r, o, "launch", at, &launch) < 0 || get_strs(r, launch, "argv", here, true, &in->argv) < 0 || read_env(r, launch, here, in) < 0 ||
        get_str(r, launch, "cwd", here, &in->cwd) < 0 || read_ports(r, launch, here, in) < 0 || read_endpoint(r, launch, here, in) < 0 ||
        read_ready(r, launch, here, in) < 0 || read_tasks(r, launch, here, in) < 0 || get_str(r, launch, "engine", here, &in->engine) < 0 ||
        bt_json_u64_opt(launch, "stop_grace_ms", 10000, 0, 86400000, &in->stop_grace_ms, here, r->err) < 0 ||
        bt_json_u64_opt(launch, "retries", 0, 0, 1000000, &retries, here, r->err) < 0)
        return -1;
    if (read_engine_version(r, o, at, in) < 0 || read_model(r, o, at, in) < 0)
        return -1;
    if (in->cwd[0] != '/')
        return bad(r, bt_arena_printf(r->a, "%s.cwd", here), "has to be an absolute path");
    in->restart = "on-failure";
    restart = json_object_get(launch, "restart");
    if (restart) {
        const char *there = bt_arena_printf(r->a, "%s.restart", here);
        if (get_object(r, launch, "restart", here, &restart) < 0 || get_str_opt(r, restart, "policy", "on-failure", there, &in->restart) < 0 ||
            one_of(r, there, in->restart, policies) < 0 || bt_json_u64_opt(restart, "max", 5, 0, 1000000, &max, there, r->err) < 0)
            return -1;
    }
    in->restart_max = (uint32_t)max;
    in->retries = (uint32_t)retries;
    if ((in->ready == BT_PF_READY_HTTP || in->ready == BT_PF_READY_PORT) && !in->http)
        return bad(r, here, "ready by http or port needs endpoint.http");
    return 0;
}

/* ---- instances ---- */

static int read_kv(struct reader *r, const json_t *rank, const char *at, uint64_t *out)
{
    const json_t *kv = json_object_get(rank, "kv");
    if (!json_is_object(kv))
        return 0;
    return bt_json_u64_opt(kv, "bytes", 0, 0, INT64_MAX, out, bt_arena_printf(r->a, "%s.kv", at), r->err);
}

static int read_ranks(struct reader *r, const json_t *o, const char *at, const struct bt_planfile *p, struct bt_pf_instance *in)
{
    const json_t *list, *v;
    size_t i;
    if (get_array(r, o, "ranks", at, 1024, &list) < 0)
        return -1;
    json_array_foreach(list, i, v)
    {
        const char *here = bt_arena_printf(r->a, "%s.ranks[%zu]", at, i);
        struct bt_pf_rank row = { 0 };
        uint64_t index;
        bool known = false;
        if (get_str(r, v, "gpu", here, &row.gpu) < 0 || bt_json_u64(v, "index", 0, 100000, &index, here, r->err) < 0 ||
            bt_json_u64(v, "bytes", 0, INT64_MAX, &row.bytes, here, r->err) < 0 || read_kv(r, v, here, &row.kv_bytes) < 0)
            return -1;
        for (size_t g = 0; g < p->ngpus; g++)
            known |= !strcmp(p->gpu[g].uuid, row.gpu);
        if (!known)
            return bad(r, here, bt_arena_printf(r->a, "GPU %.60s is not in fleet.gpus", row.gpu));
        row.index = (int)index;
        BT_PUSH(r->a, in->rank, in->nranks, row);
    }
    return 0;
}

static int read_host(struct reader *r, const json_t *o, const char *at, struct bt_pf_instance *in)
{
    const json_t *list = json_object_get(o, "host"), *v;
    size_t i;
    if (list && get_array(r, o, "host", at, 64, &list) < 0)
        return -1;
    json_array_foreach(list, i, v)
    {
        uint64_t bytes;
        const char *here = bt_arena_printf(r->a, "%s.host[%zu]", at, i);
        if (bt_json_u64(v, "bytes", 0, INT64_MAX, &bytes, here, r->err) < 0)
            return -1;
        if (!bt_add_u64(in->host_bytes, bytes, &in->host_bytes))
            return bad(r, here, "the sum of bytes overflows");
    }
    return 0;
}

static int read_after(struct reader *r, const json_t *o, const char *at, struct bt_pf_instance *in)
{
    static const char *const whats[] = { "started", "ready", "done", "released", NULL };
    const json_t *after = json_object_get(o, "after");
    const char *key;
    json_t *v;
    if (!after || json_is_null(after))
        return 0;
    if (get_object(r, o, "after", at, &after) < 0)
        return -1;
    json_object_foreach((json_t *)after, key, v)
    {
        const char *here = bt_arena_printf(r->a, "%s.after.%.80s", at, key);
        if (!json_is_string(v))
            return bad(r, here, "has to be a text");
        if (one_of(r, here, json_string_value(v), whats) < 0)
            return -1;
        struct bt_pf_after row = { bt_arena_strdup(r->a, key), bt_arena_strdup(r->a, json_string_value(v)) };
        BT_PUSH(r->a, in->after, in->nafter, row);
    }
    return 0;
}

static int read_learn(struct reader *r, const json_t *o, const char *at, struct bt_pf_instance *in)
{
    const json_t *learn = json_object_get(o, "learn"), *stages;
    const char *here = bt_arena_printf(r->a, "%s.learn", at);
    json_t *v;
    size_t i;
    if (!learn || json_is_null(learn))
        return 0;
    if (get_object(r, o, "learn", at, &learn) < 0)
        return -1;
    if (!(stages = json_object_get(learn, "stages")))                /* a plan of before stages were told apart: not learned from */
        return 0;
    if (get_str(r, learn, "what", here, &in->learn_what) < 0 || bt_json_u64(learn, "tp", 1, 65536, &in->learn_tp, here, r->err) < 0)
        return -1;
    if (!json_is_array(stages) || json_array_size(stages) > BT_LEARN_STAGES)
        return bad(r, here, "has to have a list \"stages\" of at most 16");
    json_array_foreach((json_t *)stages, i, v)
    {
        struct bt_pf_learn *l = &in->learn[i];
        const char *one = bt_arena_printf(r->a, "%s.stages[%zu]", here, i);
        if (!json_is_object(v))
            return bad(r, one, "has to be an object");
        if (get_str(r, v, "key", one, &l->key) < 0 || bt_json_u64(v, "known_bytes", 0, INT64_MAX, &l->known_bytes, one, r->err) < 0 ||
            bt_json_u64(v, "growth_bytes", 0, INT64_MAX, &l->growth_bytes, one, r->err) < 0)
            return -1;
    }
    in->nlearn = json_array_size(stages);
    return 0;
}

static int read_instance(struct reader *r, const json_t *o, const char *at, const struct bt_planfile *p, struct bt_pf_instance *in)
{
    static const char *const kinds[] = { "server", "service", "job", NULL }, *const drifts[] = { "warn", "stop", NULL };
    uint64_t replica;
    if (!json_is_object(o))
        return bad(r, at, "has to be an object");
    if (get_name(r, o, "id", at, &in->id) < 0 || get_name(r, o, "workload", at, &in->workload) < 0 || get_str(r, o, "kind", at, &in->kind) < 0 ||
        one_of(r, bt_arena_printf(r->a, "%s.kind", at), in->kind, kinds) < 0 ||
        bt_json_u64_opt(o, "replica", 0, 0, UINT32_MAX, &replica, at, r->err) < 0 || get_str_opt(r, o, "node", "local", at, &in->node) < 0 ||
        get_str_opt(r, o, "on_drift", "warn", at, &in->on_drift) < 0 ||
        one_of(r, bt_arena_printf(r->a, "%s.on_drift", at), in->on_drift, drifts) < 0)
        return -1;
    in->replica = (uint32_t)replica;
    if (read_learn(r, o, at, in) < 0 || read_ranks(r, o, at, p, in) < 0 || read_host(r, o, at, in) < 0 || read_after(r, o, at, in) < 0)
        return -1;
    return read_launch(r, o, at, in);
}

static const struct bt_pf_instance *of_workload(const struct bt_pf_phase *ph, const char *name)
{
    for (size_t i = 0; i < ph->n; i++)
        if (!strcmp(ph->inst[i].workload, name))
            return &ph->inst[i];
    return NULL;
}

/* Take away who waits for nobody that is left, until nothing changes: what stays goes in a circle and could never start. */
static const struct bt_pf_instance *circular(struct reader *r, const struct bt_pf_phase *ph)
{
    bool *clear = BT_NEWN(r->a, bool, ph->n ? ph->n : 1);
    const struct bt_pf_instance *stuck = NULL;
    for (bool more = true; more;) {
        more = false;
        stuck = NULL;
        for (size_t i = 0; i < ph->n; i++) {
            if (clear[i])
                continue;
            bool free = true;
            for (size_t j = 0; j < ph->inst[i].nafter; j++)
                free = free && clear[of_workload(ph, ph->inst[i].after[j].workload) - ph->inst];
            if (free)
                clear[i] = more = true;
            else
                stuck = &ph->inst[i];
        }
    }
    return stuck;
}

static int check_phase(struct reader *r, const struct bt_pf_phase *ph, const char *at)
{
    for (size_t i = 0; i < ph->n; i++) {
        const struct bt_pf_instance *in = &ph->inst[i];
        const char *here = bt_arena_printf(r->a, "%s.instances[%zu]", at, i);
        for (size_t j = 0; j < i; j++)
            if (!strcmp(ph->inst[j].id, in->id))
                return bad(r, here, bt_arena_printf(r->a, "the id %s is there twice", in->id));
        for (size_t j = 0; j < in->nafter; j++)
            if (!of_workload(ph, in->after[j].workload))
                return bad(r, here, bt_arena_printf(r->a, "after: there is no workload %.60s in this phase", in->after[j].workload));
    }
    const struct bt_pf_instance *stuck = circular(r, ph);
    if (stuck)
        return bad(r, at, bt_arena_printf(r->a, "%s waits for itself in a circle of after:", stuck->id));
    return 0;
}

static int read_phase(struct reader *r, const json_t *o, const char *at, const struct bt_planfile *p, struct bt_pf_phase *ph)
{
    const json_t *list;
    if (!json_is_object(o))
        return bad(r, at, "has to be an object");
    if (get_name(r, o, "name", at, &ph->name) < 0 || get_array(r, o, "instances", at, INSTANCES_MAX, &list) < 0)
        return -1;
    ph->n = json_array_size(list);
    ph->inst = BT_NEWN(r->a, struct bt_pf_instance, ph->n ? ph->n : 1);
    for (size_t i = 0; i < ph->n; i++)
        if (read_instance(r, json_array_get(list, i), bt_arena_printf(r->a, "%s.instances[%zu]", at, i), p, &ph->inst[i]) < 0)
            return -1;
    return check_phase(r, ph, at);
}

/* ---- the whole ---- */

static int read_fleet(struct reader *r, const json_t *root, const char *at, struct bt_planfile *p)
{
    const json_t *fleet, *list, *v;
    const char *here = bt_arena_printf(r->a, "%s.fleet", at);
    size_t i;
    if (get_object(r, root, "fleet", at, &fleet) < 0 || bt_json_bool_opt(fleet, "live", false, &p->live, here, r->err) < 0 ||
        get_array(r, fleet, "gpus", here, 4096, &list) < 0)
        return -1;
    json_array_foreach(list, i, v)
    {
        const char *there = bt_arena_printf(r->a, "%s.gpus[%zu]", here, i);
        struct bt_pf_gpu row = { 0 };
        uint64_t index;
        if (get_str(r, v, "uuid", there, &row.uuid) < 0 || get_str_opt(r, v, "name", "", there, &row.name) < 0 ||
            get_str_opt(r, v, "node", "local", there, &row.node) < 0 ||
            bt_json_u64(v, "index", 0, 100000, &index, there, r->err) < 0 ||
            bt_json_u64(v, "total_bytes", 0, INT64_MAX, &row.total_bytes, there, r->err) < 0 ||
            bt_json_u64_opt(v, "margin_bytes", 0, 0, INT64_MAX, &row.margin_bytes, there, r->err) < 0)
            return -1;
        row.index = (int)index;
        BT_PUSH(r->a, p->gpu, p->ngpus, row);
    }
    return 0;
}

static int check_refusals(struct reader *r, const json_t *root, const char *at)
{
    const json_t *list = json_object_get(root, "refusals");
    if (!json_array_size(list))
        return 0;
    const char *text = json_string_value(json_object_get(json_array_get(list, 0), "text"));
    bt_err_set(r->err, BT_E_FIT, 0, "%s: does not fit: %s", at, text ? text : "it carries refusals");
    return bt_err_hint(r->err, "`berth plan` shows every refusal and the nearest settings that fit");
}

static const struct bt_pf_instance *with_id(const struct bt_pf_phase *ph, const char *id)
{
    for (size_t i = 0; i < ph->n; i++)
        if (!strcmp(ph->inst[i].id, id))
            return &ph->inst[i];
    return NULL;
}

/* One name is one phase, and one id the same thing in every phase. */
static int check_phases(struct reader *r, const struct bt_planfile *p, const char *at)
{
    for (size_t i = 0; i < p->nphases; i++)
        for (size_t j = 0; j < i; j++) {
            if (!strcmp(p->phase[i].name, p->phase[j].name))
                return bad(r, bt_arena_printf(r->a, "%s.phases[%zu].name", at, i), bt_arena_printf(r->a, "%.60s is there twice", p->phase[i].name));
            for (size_t k = 0; k < p->phase[i].n; k++) {
                const struct bt_pf_instance *x = &p->phase[i].inst[k], *y = with_id(&p->phase[j], x->id);
                if (y && (strcmp(x->workload, y->workload) || strcmp(x->kind, y->kind) || strcmp(x->engine, y->engine)))
                    return bad(r, bt_arena_printf(r->a, "%s.phases[%zu].instances[%zu]", at, i, k),
                               bt_arena_printf(r->a, "%.60s is another workload, kind or engine than in phase %.60s", x->id, p->phase[j].name));
            }
        }
    return 0;
}

static int read_moves(struct reader *r, const json_t *root, const char *at, struct bt_planfile *p)
{
    static const char *const hows[] = { "stay", "start", "park", "resume", "stop", NULL }, *const levels[] = { "none", "kv", "sleep", NULL };
    const json_t *list = json_object_get(root, "moves"), *v, *gpus;
    size_t i;
    if (list && get_array(r, root, "moves", at, 65536, &list) < 0)
        return -1;
    json_array_foreach(list, i, v)
    {
        const char *here = bt_arena_printf(r->a, "%s.moves[%zu]", at, i), *uuid;
        struct bt_pf_move m = { 0 };
        json_t *bytes;
        if (!json_is_object(v))
            return bad(r, here, "has to be an object");
        if (get_name(r, v, "from", here, &m.from) < 0 || get_name(r, v, "to", here, &m.to) < 0 || get_name(r, v, "instance", here, &m.instance) < 0 ||
            get_str(r, v, "how", here, &m.how) < 0 || one_of(r, here, m.how, hows) < 0 || get_str_opt(r, v, "level", "none", here, &m.level) < 0 ||
            one_of(r, here, m.level, levels) < 0 || get_object(r, v, "gpu_bytes", here, &gpus) < 0)
            return -1;
        json_object_foreach((json_t *)gpus, uuid, bytes)
        {
            struct bt_pf_bytes row = { bt_arena_strdup(r->a, uuid), 0 };
            if (bt_json_u64(gpus, uuid, 0, INT64_MAX, &row.bytes, here, r->err) < 0)
                return -1;
            BT_PUSH(r->a, m.gpu, m.ngpus, row);
        }
        BT_PUSH(r->a, p->move, p->nmoves, m);
    }
    return 0;
}

/* One job beside a set that runs (`berth run JOB`): whose record it writes, and where the others listen. */
static int read_beside(struct reader *r, const json_t *root, const char *at, struct bt_planfile *p)
{
    const char *key, *here = bt_arena_printf(r->a, "%s.urls", at);
    json_t *urls = json_object_get(root, "urls"), *v;
    if (get_str_opt(r, root, "tasks_of", p->name, at, &p->tasks_of) < 0)
        return -1;
    p->one_job = json_object_get(root, "tasks_of") != NULL;
    if (!bt_planfile_name_ok(p->tasks_of))
        return bad(r, bt_arena_printf(r->a, "%s.tasks_of", at), "is no name of a project");
    if (urls && !json_is_object(urls))
        return bad(r, here, "is not an object");
    json_object_foreach(urls, key, v) {
        if (!json_is_string(v))
            return bad(r, here, "has a value that is not a text");
        struct bt_pf_env row = { bt_arena_strdup(r->a, key), bt_arena_strdup(r->a, json_string_value(v)) };
        BT_PUSH(r->a, p->url, p->nurls, row);
    }
    return 0;
}

static int check_one_machine(const struct reader *r, const struct bt_planfile *p, const char *at)
{
    for (size_t g = 1; g < p->ngpus; g++)
        if (strcmp(p->gpu[g].node, p->gpu[0].node)) {
            bt_err_set(r->err, BT_E_STATE, 0, "%s: a plan of several machines (%s, %s) cannot be applied: this is one", at, p->gpu[0].node, p->gpu[g].node);
            return bt_err_hint(r->err, "on each of them `berth export sh --plan FILE --node %s`, and so on", p->gpu[0].node);
        }
    return 0;
}

static int read_root(struct reader *r, const json_t *root, const char *at, struct bt_planfile *p)
{
    const json_t *list;
    const char *kind;
    uint64_t schema;
    if (bt_json_u64(root, "schema", 1, 1, &schema, at, r->err) < 0 || get_str(r, root, "kind", at, &kind) < 0)
        return -1;
    if (strcmp(kind, "plan"))
        return bad(r, at, bt_arena_printf(r->a, "is of kind \"%.40s\", not \"plan\"", kind));
    if (get_name(r, root, "name", at, &p->name) < 0 || get_str_opt(r, root, "spec_dir", "/", at, &p->spec_dir) < 0 ||
        read_beside(r, root, at, p) < 0 ||
        check_refusals(r, root, at) < 0 || read_fleet(r, root, at, p) < 0)
        return -1;
    if (!r->any_fleet && check_one_machine(r, p, at) < 0)
        return -1;
    if (!p->live && p->ngpus && !r->any_fleet) {
        bt_err_set(r->err, BT_E_STATE, 0, "%s: a plan for a named fleet cannot be applied: its cards are not this machine's", at);
        return bt_err_hint(r->err, "plan for this machine (`gpus: auto`), or run it under `berth sim FLEET -- ...`");
    }
    if (get_array(r, root, "phases", at, 64, &list) < 0)
        return -1;
    p->nphases = json_array_size(list);
    if (!p->nphases)
        return bad(r, bt_arena_printf(r->a, "%s.phases", at), "is empty");
    p->phase = BT_NEWN(r->a, struct bt_pf_phase, p->nphases);
    for (size_t i = 0; i < p->nphases; i++)
        if (read_phase(r, json_array_get(list, i), bt_arena_printf(r->a, "%s.phases[%zu]", at, i), p, &p->phase[i]) < 0)
            return -1;
    return check_phases(r, p, at) < 0 ? -1 : read_moves(r, root, at, p);
}

static int parse(struct reader r, struct bt_arena *a, const char *what, struct bt_str text, struct bt_planfile **out, struct bt_err *err)
{
    json_t *root = bt_json_load(text, BT_PLANFILE_MAX, what, err);
    if (!root)
        return bt_err_hint(err, "`berth plan --out FILE` writes a plan file; a spec goes with -f");
    struct bt_planfile *p = BT_NEW(a, struct bt_planfile);
    p->text = bt_arena_strndup(a, text);
    int rc = read_root(&r, root, what, p);
    json_decref(root);
    if (rc == 0)
        *out = p;
    return rc;
}

int bt_planfile_parse(struct bt_arena *a, const char *what, struct bt_str text, struct bt_planfile **out, struct bt_err *err)
{
    return parse((struct reader){ a, err, false }, a, what, text, out, err);
}

int bt_planfile_read(struct bt_arena *a, const char *what, struct bt_str text, struct bt_planfile **out, struct bt_err *err)
{
    return parse((struct reader){ a, err, true }, a, what, text, out, err);
}

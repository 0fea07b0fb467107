/* serve - a server's entry as its engine's flags. `args` goes through the engine's own table, so that a flag that changes bytes is counted. */
#include "spec/spec_int.h"

/* Flags that are the plan's answer; `use` says how to wish for it in the spec. */
static const struct { const char *flag, *use; } decided[] = {
    { "tensor-parallel-size", "tp: N" },             { "pipeline-parallel-size", "pp: N" },      { "data-parallel-size", "replicas: N" },
    { "enable-expert-parallel", "ep: N" },           { "max-model-len", "context: N" },          { "gpu-memory-utilization", "memory: 40%" },
    { "kv-cache-memory-bytes", "memory, context and requests" }, { "host", "no key: servers listen on 127.0.0.1" }, { "port", "port: N" },
    { "model", "model: ID" },                        { "revision", "revision: REV" },            { "dtype", "dtype: TYPE" },
    { "quantization", "quantization: METHOD" },      { "kv-cache-dtype", "kv_dtype: TYPE" },     { "trust-remote-code", "trust_remote_code: true" },
};

static bool same_flag(const char *name, size_t n, const char *flag)
{
    size_t i = 0;
    for (; i < n && flag[i]; i++)
        if (name[i] != flag[i] && !(name[i] == '_' && flag[i] == '-'))
            return false;
    return i == n && !flag[i];
}

static const struct bt_opt *find_flag(const struct bt_opt *t, const char *name, size_t n)
{
    for (; t->name; t++)
        if (same_flag(name, n, t->name) || (t->alias && same_flag(name, n, t->alias)))
            return t;
    return NULL;
}

struct arg_walk {
    struct bt_arena *a;
    const struct bt_spec *s;
    const struct bt_workload *w;
    const struct bt_node *list;
    struct bt_serve *serve;
    struct bt_strs *raw;
};

static const struct bt_node *arg_at(const struct arg_walk *k, size_t i)
{
    return k->list && k->list->kind == BT_NODE_SEQ && i < k->list->n ? &k->list->items[i] : k->list ? k->list : k->w->node;
}

/* --tensor-parallel-size 2 beside `tp: 2` says the same thing twice: no contradiction. */
static bool says_the_pin(const struct bt_workload *w, const struct bt_opt *f, const char *value)
{
    const struct bt_range *pin = !strcmp(f->name, "tensor-parallel-size") ? &w->tp : !strcmp(f->name, "pipeline-parallel-size") ? &w->pp : NULL;
    return pin && pin->set && value && strtoull(value, NULL, 10) == pin->want;
}

static int one_flag(struct arg_walk *k, const struct bt_opt *f, size_t i, size_t words, struct bt_err *err)
{
    const char *eq = strchr(k->w->args.v[i], '='), *value = eq ? eq + 1 : words > 1 ? k->w->args.v[i + 1] : NULL;
    if (says_the_pin(k->w, f, value))
        return 0;
    for (size_t d = 0; d < BT_LEN(decided); d++)
        if (!strcmp(f->name, decided[d].flag)) {
            bt_node_err(err, &k->s->doc, arg_at(k, i), "workloads.%s: args: --%s is decided by the plan", k->w->name, f->name);
            return bt_err_hint(err, "%s", decided[d].use);
        }
    struct bt_strs rest = { 0 };
    struct bt_err inner = { 0 };
    if (bt_opt_argv(k->s ? bt_engine_find(k->w->engine)->flags : NULL, k->a, (int)words, (char *const *)&k->w->args.v[i], k->serve, &rest, NULL,
                    &inner) < 0) {
        bt_node_err(err, &k->s->doc, arg_at(k, i), "workloads.%s: args: %s", k->w->name, inner.msg);
        return inner.hint[0] ? bt_err_hint(err, "%s", inner.hint) : -1;
    }
    for (size_t n = 0; k->raw && n < words; n++)
        BT_PUSH(k->a, k->raw->v, k->raw->n, k->w->args.v[i + n]);
    return 0;
}

static int walk_args(struct arg_walk *k, struct bt_err *err)
{
    const struct bt_strs *args = &k->w->args;
    const struct bt_opt *flags = bt_engine_find(k->w->engine)->flags;
    for (size_t i = 0; i < args->n; ) {
        const char *t = args->v[i];
        size_t name = strcspn(t, "="), words = 1;
        const struct bt_opt *f = NULL;
        if (t[0] != '-' && i == 0) {
            bt_node_err(err, &k->s->doc, arg_at(k, i), "workloads.%s: args: \"%.60s\" is no flag", k->w->name, t);
            return bt_err_hint(err, "args: [--max-num-seqs, 64]");
        }
        if (!strncmp(t, "--", 2))
            f = find_flag(flags, t + 2, name - 2);
        else if (t[0] == '-' && t[1] && t[1] != '-')
            f = find_flag(flags, t + 1, name - 1);
        if (f && f->type != BT_OPT_BOOL && !t[name] && i + 1 < args->n)
            words = 2;
        if (!f) {                                    /* unknown to us: the engine will judge it; it goes on the command line as written */
            BT_PUSH(k->a, k->serve->extra.v, k->serve->extra.n, t);
            if (k->raw)
                BT_PUSH(k->a, k->raw->v, k->raw->n, t);
        } else if (one_flag(k, f, i, words, err) < 0) {
            return -1;
        }
        i += words;
    }
    return 0;
}

/* A value through the engine's table, so that a wrong one is found here and not after minutes of loading. */
static int through_table(struct arg_walk *k, const char *key, const char *flag, const char *value, struct bt_err *err)
{
    if (!value)
        return 0;
    char *argv[] = { bt_arena_printf(k->a, "--%s", flag), bt_arena_strdup(k->a, value) };
    struct bt_strs rest = { 0 };
    struct bt_err inner = { 0 };
    if (bt_opt_argv(bt_engine_find(k->w->engine)->flags, k->a, 2, argv, k->serve, &rest, NULL, &inner) == 0)
        return 0;
    const struct bt_node *at = bt_node_get(k->w->node, key);
    bt_node_err(err, &k->s->doc, at ? at : k->w->node, "workloads.%s: %s: %s", k->w->name, key, inner.msg);
    return inner.hint[0] ? bt_err_hint(err, "%s", inner.hint) : -1;
}

int bt_spec_serve(struct bt_arena *a, const struct bt_spec *s, const struct bt_workload *w, struct bt_serve *out, struct bt_strs *raw,
                  struct bt_err *err)
{
    *out = (struct bt_serve){ .model = w->model, .revision = w->revision, .trust_remote_code = w->trust_remote_code };
    if (raw)
        *raw = (struct bt_strs){ 0 };
    struct arg_walk k = { a, s, w, bt_node_get(w->node, "args"), out, raw };
    const struct bt_engine *e = bt_engine_find(w->engine);
    if (!e || !e->flags)
        return bt_err_set(err, BT_E_SPEC, 0, "workloads.%s: engine %s is not known yet", w->name, w->engine);
    if (through_table(&k, "dtype", "dtype", w->dtype, err) < 0 || through_table(&k, "kv_dtype", "kv-cache-dtype", w->kv_dtype, err) < 0
        || through_table(&k, "quantization", "quantization", w->quantization, err) < 0)
        return -1;
    if (w->adapters.set) {
        out->lora = true;
        out->max_loras = w->adapters.max;
        out->max_lora_rank = w->adapters.max_rank;
    }
    return walk_args(&k, err);
}

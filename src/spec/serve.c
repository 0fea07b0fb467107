/* serve - a server's entry as its engine's flags. `args` goes through the engine's own table, so that a flag that changes bytes is counted. */
#include "spec/spec_int.h"

#define AT(f) offsetof(struct bt_serve, f)

/* What is the plan's answer, by the field that an engine's flag fills: so for every engine. `use` says how to wish for it in the spec. */
static const struct { size_t off; const char *use; } decided[] = {
    { AT(tp), "tp: N" },                             { AT(pp), "pp: N" },                        { AT(dp), "dp: N, or replicas: N" },
    { AT(expert_parallel), "ep: N" },                { AT(context), "context: N" },              { AT(utilization), "memory: 40%" },
    { AT(kv_bytes), "memory, context and requests" }, { AT(host), "no key: servers listen on 127.0.0.1" }, { AT(port), "port: N" },
    { AT(model), "model: ID" },                      { AT(revision), "revision: REV" },          { AT(dtype), "dtype: TYPE" },
    { AT(quantization), "quantization: METHOD" },    { AT(kv_dtype), "kv_dtype: TYPE" },         { AT(trust_remote_code), "trust_remote_code: true" },
    { AT(sglang.ep), "ep: N" },
    { AT(sglang.max_total_tokens), "memory, context and requests" }, { AT(sglang.device), "gpus: N, or gpus: 0 for the CPU" },
    { AT(llama.kv_k), "kv_dtype: TYPE" },            { AT(llama.kv_v), "kv_dtype: TYPE" },
    { AT(llama.split), "gpus: N" },                  { AT(llama.devices), "gpus: N, or gpus: 0 for the CPU" },
    { AT(llama.split_mode), "gpus: N; layers are split" }, { AT(llama.main_gpu), "gpus: N" },
    { AT(llama.unified), "no key: the slots share one cache, and `requests` says how many at least" },
    { AT(llama.fit), "no key: every size is planned" },
    { AT(llama.kv_on_host), "gpus: 0 keeps it in RAM, with the rest" },
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
    const struct bt_range *pin = f->off == AT(tp) ? &w->tp : f->off == AT(pp) ? &w->pp : f->off == AT(dp) ? &w->dp : f->off == AT(sglang.ep) ? &w->ep : NULL;
    return pin && pin->set && value && strtoull(value, NULL, 10) == pin->want;
}

static int one_flag(struct arg_walk *k, const struct bt_opt *f, size_t i, size_t words, struct bt_err *err)
{
    const char *eq = strchr(k->w->args.v[i], '='), *value = eq ? eq + 1 : words > 1 ? k->w->args.v[i + 1] : NULL;
    if (says_the_pin(k->w, f, value))
        return 0;
    for (size_t d = 0; d < BT_LEN(decided); d++)
        if (f->off == decided[d].off) {
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
        if (f && f->type != BT_OPT_BOOL && !t[name] && i + 1 < args->n && (!f->alone || args->v[i + 1][0] != '-'))
            words = 2;
        while (words > 1 && f->many && i + words < args->n && args->v[i + words][0] != '-')
            words++;
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

/* Keys of a server that are the engine's business, by the fields that its flags fill. */
static const struct { const char *key; size_t off[3]; size_t n; } keys[] = {
    { "dtype", { AT(dtype) }, 1 },
    { "kv_dtype", { AT(kv_dtype), AT(llama.kv_k), AT(llama.kv_v) }, 3 },
    { "quantization", { AT(quantization) }, 1 },
};

/* A value through the engine's table, so that a wrong one is found here and not after minutes of loading. */
static int through_table(struct arg_walk *k, const char *key, const char *value, struct bt_err *err)
{
    const struct bt_opt *flags = bt_engine_find(k->w->engine)->flags;
    const struct bt_node *at = bt_node_get(k->w->node, key);
    struct bt_strs rest = { 0 };
    struct bt_err inner = { 0 };
    bool taken = !value;
    for (size_t r = 0; value && r < BT_LEN(keys); r++)
        for (size_t i = 0; !strcmp(keys[r].key, key) && i < keys[r].n; i++)
            for (const struct bt_opt *f = flags; f->name; f++) {
                if (f->off != keys[r].off[i])
                    continue;
                char *argv[] = { bt_arena_printf(k->a, "--%s", f->name), bt_arena_strdup(k->a, value) };
                taken = true;
                if (bt_opt_argv(flags, k->a, 2, argv, k->serve, &rest, NULL, &inner) < 0) {
                    bt_node_err(err, &k->s->doc, at ? at : k->w->node, "workloads.%s: %s: %s", k->w->name, key, inner.msg);
                    return inner.hint[0] ? bt_err_hint(err, "%s", inner.hint) : -1;
                }
            }
    if (taken)
        return 0;
    bt_node_err(err, &k->s->doc, at ? at : k->w->node, "workloads.%s: %s: %s has no such setting", k->w->name, key, k->w->engine);
    return bt_err_hint(err, "the file of `model` says it: name the one that has the format");
}

static bool has_flag(const struct bt_engine *e, size_t off)
{
    for (const struct bt_opt *f = e->flags; f->name; f++)
        if (f->off == off)
            return true;
    return false;
}

/* Switches that only some engines have. */
static int check_switches(struct arg_walk *k, const struct bt_engine *e, struct bt_err *err)
{
    const struct { const char *key; bool said; size_t off; const char *instead; } rows[] = {
        { "adapters", k->w->adapters.set, AT(lora), "llama-server loads an adapter with `args: [--lora, FILE]`" },
        { "revision", k->w->revision != NULL, AT(revision), "name the file itself" },
        { "dp", k->w->dp.set && k->w->dp.want > 1, AT(dp), "replicas: N" },
        { "ep", k->w->ep.set && k->w->ep.want > 1, !strcmp(e->name, "sglang") ? AT(sglang.ep) : AT(expert_parallel), "experts are cut by layers, as the rest" },
        { "trust_remote_code", k->w->trust_remote_code, AT(trust_remote_code), "it runs no code of the model" },
    };
    for (size_t i = 0; i < BT_LEN(rows); i++)
        if (rows[i].said && !has_flag(e, rows[i].off)) {
            const struct bt_node *at = bt_node_get(k->w->node, rows[i].key);
            bt_node_err(err, &k->s->doc, at ? at : k->w->node, "workloads.%s: %s: %s has no such setting", k->w->name, rows[i].key, e->name);
            return bt_err_hint(err, "%s", rows[i].instead);
        }
    return 0;
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
    if (through_table(&k, "dtype", w->dtype, err) < 0 || through_table(&k, "kv_dtype", w->kv_dtype, err) < 0
        || through_table(&k, "quantization", w->quantization, err) < 0 || check_switches(&k, e, err) < 0)
        return -1;
    out->dp = w->dp.set ? w->dp.want : 0;
    if (w->ep.set && w->ep.want > 1) {
        out->expert_parallel = has_flag(e, AT(expert_parallel));
        out->sglang.ep = w->ep.want;
    }
    if (w->adapters.set) {
        out->lora = true;
        out->max_loras = w->adapters.max;
        out->max_lora_rank = w->adapters.max_rank;
    }
    if (walk_args(&k, err) < 0)
        return -1;
    if (e->planned)
        e->planned(w->requests, out);
    return 0;
}

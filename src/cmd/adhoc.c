/* adhoc.c - see adhoc.h */
#include "cmd/adhoc.h"

#include <ctype.h>
#include <stdlib.h>

#include "base/file.h"
#include "base/json.h"
#include "cmd/paste.h"

enum { NAME_MAX_LEN = 30 };

/* "Qwen/Qwen3-8B" -> "qwen3-8b": a name as the spec wants it. */
static const char *name_of(struct bt_arena *a, const char *text, const char *otherwise)
{
    char out[NAME_MAX_LEN + 1];
    size_t n = 0;
    const char *slash = strrchr(text, '/');
    for (const char *c = slash && slash[1] ? slash + 1 : text; *c && n < NAME_MAX_LEN; c++) {
        bool good = isalnum((unsigned char)*c) != 0;
        if (n == 0 && !isalpha((unsigned char)*c))
            continue;
        if (good || (n && out[n - 1] != '-'))
            out[n++] = good ? (char)tolower((unsigned char)*c) : '-';
    }
    while (n && out[n - 1] == '-')
        n--;
    return n ? bt_arena_strndup(a, (struct bt_str){ out, n }) : otherwise;
}

/* A scalar of the spec that means itself: no template in it. */
static json_t *literal(const char *z)
{
    bt_auto_buf struct bt_buf b = BT_BUF(1 * MiB);
    for (; *z; z++) {
        if (*z == '$')
            bt_buf_puts(&b, "$");
        bt_buf_add(&b, z, 1);
    }
    return bt_json_text(bt_buf_z(&b));
}

static void set_literal(json_t *o, const char *key, const char *value)
{
    if (value && value[0])
        json_object_set_new(o, key, literal(value));
}

/* "2", "8192": a number of the spec; anything else as it is, for the spec to judge. */
static void set_number(json_t *o, const char *key, const char *value)
{
    if (!value)
        return;
    bool digits = value[0] && !value[strspn(value, "0123456789")] && strlen(value) < 18;
    json_object_set_new(o, key, digits ? json_integer(strtoll(value, NULL, 10)) : literal(value));
}

static int finish(struct bt_arena *a, const char *project, const char *workload, json_t *w, const char **text, struct bt_err *err)
{
    json_t *all = json_pack("{s:s, s:{s:o}}", "name", project, "workloads", workload, w);
    char *z = all ? json_dumps(all, JSON_INDENT(2)) : NULL;
    json_decref(all);
    if (!z)
        return bt_err_set(err, BT_E_USAGE, 0, "the command line is not UTF-8 text");
    *text = bt_arena_printf(a, "%s\n", z);
    free(z);
    return 0;
}

static void common(json_t *w, const struct bt_adhoc *o)
{
    set_literal(w, "memory", o->memory);
    set_number(w, "context", o->context);
    set_number(w, "port", o->port);
    set_number(w, "gpus", o->gpus);
}

int bt_adhoc_model(struct bt_arena *a, const char *model, const struct bt_adhoc *o, const char **text, const char **workload, struct bt_err *err)
{
    bool gguf = bt_str_ends(bt_str(model), ".gguf");
    json_t *w = json_object();
    json_object_set_new(w, "engine", json_string(o->engine ? o->engine : gguf ? "llama-server" : "vllm"));
    set_literal(w, "model", model);
    common(w, o);
    *workload = name_of(a, model, "model");
    return finish(a, o->name ? o->name : *workload, *workload, w, text, err);
}

/* ---- a pasted command ---- */

/* Flags that the spec has keys for, or that are the plan's to decide: they are not handed on as they are. */
static bool is_key(struct bt_str flag)
{
    static const char *const keys[] = { "model", "tensor-parallel-size", "tp", "pipeline-parallel-size", "pp", "max-model-len", "gpu-memory-utilization",
                                        "dtype", "quantization", "q", "kv-cache-dtype", "revision", "host", "port", "trust-remote-code" };
    char name[64];
    size_t n = 0;
    for (size_t i = 0; i < flag.n && n + 1 < sizeof name; i++)
        if (n || flag.p[i] != '-')
            name[n++] = flag.p[i] == '_' ? '-' : flag.p[i];
    name[n] = 0;
    for (size_t i = 0; i < BT_LEN(keys); i++)
        if (!strcmp(name, keys[i]))
            return true;
    return false;
}

static json_t *other_flags(struct bt_arena *a, const struct paste *p)
{
    json_t *args = json_array();
    for (size_t i = 0; i < p->n; i++) {
        const char *z = p->item[i].text;
        size_t len = strcspn(z, " =");
        if (z[0] != '-' || is_key((struct bt_str){ z, len }))
            continue;
        bool two = z[len] == ' ';    /* "--flag value" is two words */
        json_array_append_new(args, literal(two ? bt_arena_strndup(a, (struct bt_str){ z, len }) : z));
        if (two)
            json_array_append_new(args, literal(z + len + 1));
    }
    return args;
}

/* NAME=value before the command. CUDA_VISIBLE_DEVICES is the fleet's business. */
static json_t *variables(struct bt_arena *a, const struct paste *p)
{
    json_t *env = json_object();
    for (size_t i = 0; i < p->n; i++) {
        const char *z = p->item[i].text, *eq = strchr(z, '=');
        if (z[0] == '-' || !eq || !isupper((unsigned char)z[0]) || bt_str_starts(bt_str(z), "CUDA_VISIBLE_DEVICES=") || !strcmp(eq, "=..."))
            continue;                /* "=...": a secret, cut; it is in the environment of `up` or it is not */
        json_object_set_new(env, bt_arena_strndup(a, (struct bt_str){ z, (size_t)(eq - z) }), literal(eq + 1));
    }
    return env;
}

int bt_adhoc_paste(struct bt_arena *a, const char *const *words, size_t n, const struct bt_adhoc *o, const char **text, const char **workload,
                   const char **visible, struct bt_err *err)
{
    struct paste p = { 0 };
    struct bt_strs all;
    const char *config;
    if (paste_config(a, words, n, &all, &config, err) < 0 || paste_read(a, all.v, all.n, &p, err) < 0)
        return -1;
    const struct bt_serve *s = &p.serve;
    if (strcmp(p.engine->name, "vllm")) {
        bt_err_set(err, BT_E_USAGE, 0, "a command of %s is not taken over by `up` yet", p.engine->name);
        return bt_err_hint(err, "`berth up %s --engine %s` plans and starts it", p.model, p.engine->name);
    }
    if (p.image) {
        bt_err_set(err, BT_E_USAGE, 0, "that starts a container (%s); berth starts the engine itself", p.image);
        return bt_err_hint(err, "give the `vllm serve ...` that runs inside");
    }
    if (s->kv_bytes) {
        bt_err_set(err, BT_E_USAGE, 0, "--kv-cache-memory-bytes is what berth decides");
        return bt_err_hint(err, "leave it out, or say `--memory 20GiB` for the whole of it");
    }
    struct bt_adhoc more = *o;
    json_t *w = json_pack("{s:s}", "engine", "vllm"), *args = other_flags(a, &p), *env = variables(a, &p);
    set_literal(w, "model", p.model);
    set_literal(w, "revision", s->revision);
    set_literal(w, "dtype", s->dtype);
    set_literal(w, "quantization", s->quantization);
    set_literal(w, "kv_dtype", s->kv_dtype);
    if (s->trust_remote_code)
        json_object_set_new(w, "trust_remote_code", json_true());
    if (s->tp)
        json_object_set_new(w, "tp", json_integer((json_int_t)s->tp));
    if (s->pp)
        json_object_set_new(w, "pp", json_integer((json_int_t)s->pp));
    if (s->cut) {
        json_t *layers = json_array();
        for (uint64_t i = 0; i < s->ncut; i++)
            json_array_append_new(layers, json_integer((json_int_t)s->cut[i]));
        json_object_set_new(w, "pp_layers", layers);
    }
    if (!more.context && s->context)
        more.context = bt_arena_printf(a, "%llu", (unsigned long long)s->context);
    if (!more.memory && s->utilization_set)
        more.memory = bt_arena_printf(a, "%g%%", s->utilization * 100);
    if (!more.port && s->port)
        more.port = bt_arena_printf(a, "%llu", (unsigned long long)s->port);
    common(w, &more);
    if (json_array_size(args))
        json_object_set(w, "args", args);
    if (json_object_size(env))
        json_object_set(w, "env", env);
    json_decref(args);
    json_decref(env);
    *visible = p.visible;
    *workload = name_of(a, p.model, "model");
    return finish(a, o->name ? o->name : *workload, *workload, w, text, err);
}

/* ---- one command ---- */

int bt_adhoc_command(struct bt_arena *a, const char *const *words, size_t n, const char *cwd, unsigned serial, const struct bt_adhoc *o,
                     const char **text, const char **workload, struct bt_err *err)
{
    json_t *w = json_pack("{s:s}", "kind", "job"), *command = json_array();
    for (size_t i = 0; i < n; i++)
        json_array_append_new(command, literal(words[i]));
    json_object_set_new(w, "command", command);
    set_literal(w, "cwd", cwd);
    common(w, o);
    *workload = name_of(a, words[0], "job");
    return finish(a, o->name ? o->name : bt_arena_printf(a, "run-%.20s-%u", *workload, serial), *workload, w, text, err);
}

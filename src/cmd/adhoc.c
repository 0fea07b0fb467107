/* adhoc.c - see adhoc.h */
#include "cmd/adhoc.h"

#include <ctype.h>
#include <stdlib.h>

#include "base/file.h"
#include "base/json.h"
#include "cmd/paste.h"
#include "engine/engine.h"

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
    set_literal(w, "quantization", o->quantization);
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

#define AT(f) offsetof(struct bt_serve, f)

/* What becomes of a flag, by the field that it fills: so for every engine. Without `dropped` the spec has a key for it; with, it is the plan's to decide and
 * left out, which is said. What is not here goes on as it is written. */
static const struct { size_t off; const char *dropped; } fields[] = {
    { AT(model), NULL }, { AT(tp), NULL }, { AT(pp), NULL }, { AT(dp), NULL }, { AT(expert_parallel), NULL }, { AT(sglang.ep), NULL },
    { AT(context), NULL }, { AT(dtype), NULL }, { AT(quantization), NULL }, { AT(kv_dtype), NULL },
    { AT(llama.kv_k), NULL }, { AT(llama.kv_v), NULL }, { AT(revision), NULL }, { AT(trust_remote_code), NULL }, { AT(port), NULL },
    { AT(host), "servers of berth listen on 127.0.0.1" },
    { AT(utilization), "a share of what is free, which berth sizes; --memory limits the whole" },    /* of vLLM it is one of the total: `memory` */
    { AT(sglang.max_total_tokens), "berth sizes the pool; --memory limits the whole" },
    { AT(sglang.device), "the plan says where it runs" }, { AT(llama.devices), "the plan says where it runs" },               /* none, cpu: `gpus: 0` */
    { AT(llama.main_gpu), "the plan says where it runs" },
    { AT(llama.split), "the plan deals the layers" }, { AT(llama.split_mode), "the plan deals the layers" },
    { AT(llama.unified), "the slots of a planned server share one cache" }, { AT(llama.fit), "every size is planned" },
};

static bool is_field(const struct paste *p, struct bt_str flag, const char **dropped)
{
    char name[80];
    snprintf(name, sizeof name, "%.*s", BT_STR(flag));
    const struct bt_opt *f = bt_engine_flag(p->engine, name);
    *dropped = NULL;
    for (size_t i = 0; f && i < BT_LEN(fields); i++)
        if (f->off == fields[i].off) {
            bool is_memory = f->off == AT(utilization) && p->engine->share_of == BT_SHARE_OF_TOTAL, at_home = f->off == AT(host);
            bool in_ram = paste_on_cpu(p) && (f->off == AT(sglang.device) || f->off == AT(llama.devices));
            *dropped = is_memory || in_ram ||
                       (at_home && (!strcmp(p->serve.host, "127.0.0.1") || !strcmp(p->serve.host, "localhost"))) ? NULL : fields[i].dropped;
            return true;
        }
    return false;
}

static json_t *other_flags(struct bt_arena *a, const struct paste *p, struct bt_strs *notes)
{
    json_t *args = json_array();
    for (size_t i = 0; i < p->n; i++) {
        const char *z = p->item[i].text, *dropped;
        size_t len = strcspn(z, " =");
        if (z[0] != '-')
            continue;
        if (is_field(p, (struct bt_str){ z, len }, &dropped)) {
            if (dropped)
                BT_PUSH(a, notes->v, notes->n, bt_arena_printf(a, "%s is left out: %s", z, dropped));
            continue;
        }
        bool two = z[len] == ' ';    /* "--flag value" is two words */
        json_array_append_new(args, literal(two ? bt_arena_strndup(a, (struct bt_str){ z, len }) : z));
        if (two)
            json_array_append_new(args, literal(z + len + 1));
    }
    return args;
}

/* "./build/bin/llama-server", "/opt/v/bin/python -m vllm...": the engine that was named, not the one in PATH. */
static void named_program(struct bt_arena *a, const struct paste *p, const char *const *words, size_t n, json_t *w)
{
    for (size_t i = 0; i < n && !strpbrk(words[i], " \t\n"); i++) {
        const char *slash = strrchr(words[i], '/');
        if (!slash || words[i][0] == '-' || strchr(words[i], '='))
            continue;
        size_t len = (size_t)(slash - words[i]);
        if (!strcmp(slash + 1, p->engine->program)) {
            set_literal(w, "bin", words[i]);
            return;
        }
        if (!strncmp(slash + 1, "python", 6) && len > 4 && !memcmp(slash - 4, "/bin", 4)) {
            set_literal(w, "venv", bt_arena_strndup(a, (struct bt_str){ words[i], len - 4 }));
            return;
        }
    }
}

/* llama-server's context is that of all slots; ours is that of one request. Given -np, each slot has its part unless they share one cache. */
static uint64_t context_of(const struct paste *p)
{
    const struct bt_serve *s = &p->serve;
    bool parts = !strcmp(p->engine->name, "llama-server") && s->max_seqs > 1 && !s->llama.unified;
    return parts ? s->context / s->max_seqs : s->context;
}

/* A file of llama-server's -m is a path, however it is written; of a model's name the spec has to be told. */
static const char *model_of(struct bt_arena *a, const struct paste *p)
{
    bool path = !strcmp(p->engine->name, "llama-server") && bt_str_ends(bt_str(p->model), ".gguf") && !strchr("./~", p->model[0]);
    return path ? bt_arena_printf(a, "./%s", p->model) : p->model;
}

/* NAME=value before the command. CUDA_VISIBLE_DEVICES is the fleet's business. */
static json_t *variables(struct bt_arena *a, const struct paste *p, struct bt_strs *notes)
{
    json_t *env = json_object();
    for (size_t i = 0; i < p->n; i++) {
        const char *z = p->item[i].text, *eq = strchr(z, '=');
        if (z[0] == '-' || !eq || !isupper((unsigned char)z[0]) || bt_str_starts(bt_str(z), "CUDA_VISIBLE_DEVICES=") || !strcmp(eq, "=..."))
            continue;                /* "=...": a secret, cut; it is in the environment of `up` or it is not */
        if (bt_str_starts(bt_str(z), "VLLM_CPU_KVCACHE_SPACE=")) {
            BT_PUSH(a, notes->v, notes->n, bt_arena_printf(a, "%s is left out: berth sizes the pool; --memory limits the whole", z));
            continue;
        }
        json_object_set_new(env, bt_arena_strndup(a, (struct bt_str){ z, (size_t)(eq - z) }), literal(eq + 1));
    }
    return env;
}

int bt_adhoc_paste(struct bt_arena *a, const char *const *words, size_t n, const struct bt_adhoc *o, const char **text, const char **workload,
                   const char **visible, struct bt_strs *notes, struct bt_err *err)
{
    struct paste p = { 0 };
    struct bt_strs all;
    const char *config;
    if (paste_config(a, words, n, &all, &config, err) < 0 || paste_read(a, all.v, all.n, &p, err) < 0)
        return -1;
    const struct bt_serve *s = &p.serve;
    if (p.image) {
        bt_err_set(err, BT_E_USAGE, 0, "that starts a container (%s); berth starts the engine itself", p.image);
        return bt_err_hint(err, "give the `%s ...` that runs inside", !strcmp(p.engine->name, "vllm") ? "vllm serve" : p.engine->program);
    }
    if (s->kv_bytes) {
        bt_err_set(err, BT_E_USAGE, 0, "--kv-cache-memory-bytes is what berth decides");
        return bt_err_hint(err, "leave it out, or say `--memory 20GiB` for the whole of it");
    }
    const char *k = s->llama.kv_k, *values = s->llama.kv_v;
    if ((k || values) && (!k || !values || strcmp(k, values))) {
        bt_err_set(err, BT_E_USAGE, 0, "keys as %s and values as %s: berth plans one type for both", k ? k : "f16", values ? values : "f16");
        return bt_err_hint(err, "-ctk %s -ctv %s", k ? k : values, k ? k : values);
    }
    struct bt_adhoc more = *o;
    json_t *w = json_pack("{s:s}", "engine", p.engine->name), *args = other_flags(a, &p, notes), *env = variables(a, &p, notes);
    set_literal(w, "model", model_of(a, &p));
    named_program(a, &p, all.v, all.n, w);
    set_literal(w, "revision", s->revision);
    set_literal(w, "dtype", s->dtype);
    set_literal(w, "quantization", s->quantization);
    set_literal(w, "kv_dtype", s->kv_dtype ? s->kv_dtype : s->llama.kv_k);
    if (s->trust_remote_code)
        json_object_set_new(w, "trust_remote_code", json_true());
    if (paste_on_cpu(&p))
        json_object_set_new(w, "gpus", json_integer(0));
    else if (s->tp)
        json_object_set_new(w, "tp", json_integer((json_int_t)s->tp));
    if (s->pp && !paste_on_cpu(&p))
        json_object_set_new(w, "pp", json_integer((json_int_t)s->pp));
    if (s->dp > 1)
        json_object_set_new(w, "dp", json_integer((json_int_t)s->dp));
    if (s->sglang.ep > 1 || s->expert_parallel)
        json_object_set_new(w, "ep", json_integer((json_int_t)(s->sglang.ep > 1 ? s->sglang.ep : BT_MAX(s->tp, 1u) * BT_MAX(s->dp, 1u))));
    if (s->cut) {
        json_t *layers = json_array();
        for (uint64_t i = 0; i < s->ncut; i++)
            json_array_append_new(layers, json_integer((json_int_t)s->cut[i]));
        json_object_set_new(w, "pp_layers", layers);
    }
    if (!more.context && s->context)
        more.context = bt_arena_printf(a, "%llu", (unsigned long long)context_of(&p));
    if (!more.memory && s->utilization_set && p.engine->share_of == BT_SHARE_OF_TOTAL)
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

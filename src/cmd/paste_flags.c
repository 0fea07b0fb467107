/* paste_flags - the flags of a pasted command: those of the engine's table into struct bt_serve, the others named with what they change. */
#include <ctype.h>
#include <stdio.h>

#include "base/json.h"
#include "cmd/paste.h"

struct walk { struct bt_arena *arena; const char *const *w; size_t n, at; struct paste *p; bool positional; };

static char dashed(char c) { return c == '_' ? '-' : c; }

/* --max_model_len is --max-model-len. Of n letters, all of both. */
static size_t alike(struct bt_str name, struct bt_str s)
{
    size_t i = 0;
    while (i < s.n && i < name.n && dashed(name.p[i]) == dashed(s.p[i]))
        i++;
    return i;
}

static bool same_flag(struct bt_str name, struct bt_str s)
{
    return name.n == s.n && alike(name, s) == s.n;
}

/* Is s, of four letters or more, the beginning of name? */
static bool begins(struct bt_str name, struct bt_str s)
{
    return s.n >= 4 && alike(name, s) == s.n;
}

/* What a flag's name means: a row of one of the two tables. */
struct meaning { const struct bt_opt *opt; struct paste_known known; bool negated; const char *read_as; };

static bool exact(const struct bt_engine *e, struct bt_str name, struct meaning *m)
{
    struct paste_each at = { 0 };
    struct paste_known k;
    for (const struct bt_opt *o = e->flags; o->name; o++)
        if (same_flag(bt_str(o->name), name) || (o->alias && same_flag(bt_str(o->alias), name))) {
            *m = (struct meaning){ .opt = o };
            return true;
        }
    while (paste_known_flag(e, &at, &k))
        if (same_flag(k.name, name)) {
            *m = (struct meaning){ .known = k };
            return true;
        }
    return false;
}

/* argparse takes a beginning that only one flag has: logs of vLLM themselves suggest --kv-cache-memory. llama.cpp has no argparse. */
static bool abbreviated(struct bt_arena *a, const struct bt_engine *e, struct bt_str name, struct meaning *m)
{
    struct paste_each at = { 0 };
    struct paste_known k;
    size_t hits = 0;
    if (!strcmp(e->name, "llama-server"))
        return false;
    for (const struct bt_opt *o = e->flags; o->name; o++)
        if (begins(bt_str(o->name), name)) {
            *m = (struct meaning){ .opt = o, .read_as = bt_arena_printf(a, "read as --%s", o->name) };
            hits++;
        }
    while (paste_known_flag(e, &at, &k))
        if (begins(k.name, name)) {
            *m = (struct meaning){ .known = k, .read_as = bt_arena_printf(a, "read as --%.*s", BT_STR(k.name)) };
            hits++;
        }
    return hits == 1;
}

static bool meaning_of(struct bt_arena *a, const struct bt_engine *e, struct bt_str name, struct meaning *m)
{
    if (exact(e, name, m))
        return true;
    if (name.n > 3 && (bt_str_starts(name, "no-") || bt_str_starts(name, "no_")) && exact(e, (struct bt_str){ name.p + 3, name.n - 3 }, m) &&
        (m->opt ? m->opt->type == BT_OPT_BOOL : m->known.args == ARGS_NONE)) {
        m->negated = true;
        return true;
    }
    return abbreviated(a, e, name, m);
}

static const char *nearest(struct bt_arena *a, const struct bt_engine *e, struct bt_str name)
{
    const char **names = NULL;
    size_t n = 0;
    for (const struct bt_opt *o = e->flags; o->name; o++)
        BT_PUSH(a, names, n, o->name);
    struct paste_each at = { 0 };
    struct paste_known k;
    while (paste_known_flag(e, &at, &k)) {
        const char *kept = bt_arena_strndup(a, k.name);
        BT_PUSH(a, names, n, kept);
    }
    return bt_str_nearest(name, names, n);
}

/* A word that is no flag: a value, or the model. "-1" and "-0.5" are values too. */
static bool is_value(const char *w)
{
    return w[0] != '-' || !w[1] || isdigit((unsigned char)w[1]) || (w[1] == '.' && isdigit((unsigned char)w[2]));
}

/* The words after the flag that are its value, joined by blanks; NULL when there are none. */
static const char *take_values(struct walk *k, enum paste_args args)
{
    const char *value = NULL;
    while (args != ARGS_NONE && k->at + 1 < k->n && is_value(k->w[k->at + 1])) {
        value = value ? bt_arena_printf(k->arena, "%s %s", value, k->w[k->at + 1]) : k->w[k->at + 1];
        k->at++;
        if (args == ARGS_ONE)
            break;
    }
    return value;
}

static const char *take_one_of(struct walk *k, const char *const *choices, const char *else_)
{
    for (size_t i = 0; k->at + 1 < k->n && choices[i]; i++)
        if (!strcmp(choices[i], k->w[k->at + 1]))
            return k->w[++k->at];
    return else_;
}

/* ---- flags whose value is JSON ---- */

static void rope(struct paste *p, const json_t *o)
{
    const char *type = json_string_value(json_object_get(o, "rope_type"));
    if (!type)
        type = json_string_value(json_object_get(o, "type"));
    double factor = json_number_value(json_object_get(o, "factor"));
    json_int_t original = json_integer_value(json_object_get(o, "original_max_position_embeddings"));
    if (!type || !strcmp(type, "llama3") || !strcmp(type, "longrope") || !strcmp(type, "su") || !(factor >= 1 && factor <= 4096))
        return;                      /* those keep the model's own length (vLLM config/model.py) */
    p->rope_factor = factor;
    if (original > 0 && original <= UINT32_MAX)
        p->max_position = (uint64_t)original;
}

/* Keys of --hf-overrides: true when the answer counts it. */
static bool override_key(struct paste *p, const char *key, const json_t *v)
{
    json_int_t n = json_integer_value(v);
    if (!strcmp(key, "max_position_embeddings") && n > 0 && n <= UINT32_MAX)
        p->max_position = (uint64_t)n;
    else if ((!strcmp(key, "rope_scaling") || !strcmp(key, "rope_parameters")) && json_is_object(v))
        rope(p, v);
    else
        return false;
    return true;
}

static bool compilation_key(struct bt_arena *a, struct paste *p, const char *key, const json_t *v)
{
    if (!strcmp(key, "cudagraph_capture_sizes") && json_is_array(v)) {
        bt_auto_buf struct bt_buf b = BT_BUF(16 * KiB);
        for (size_t i = 0; i < json_array_size(v) && i < 1024; i++)
            bt_buf_printf(&b, "%s%lld", i ? " " : "", (long long)json_integer_value(json_array_get(v, i)));
        if (!b.n)
            p->serve.eager = true;
        else
            p->serve.cudagraph_sizes = bt_arena_strdup(a, bt_buf_z(&b));
    } else if (!strcmp(key, "max_cudagraph_capture_size") && json_integer_value(v) > 0) {
        p->serve.max_cudagraph_size = (uint64_t)json_integer_value(v);
    } else if (!strcmp(key, "cudagraph_mode") && json_is_string(v) && !strcasecmp(json_string_value(v), "none")) {
        p->serve.eager = true;       /* of the two things that eager leaves out only the graphs have bytes of their own */
    } else {
        static const char *const plain[] = { "level", "mode", "cudagraph_mode", "pass_config", "custom_ops", "backend", "use_inductor", "debug_dump_path", "cache_dir", "compile_sizes", "splitting_ops",
                                             "inductor_compile_config", "inductor_passes", "full_cuda_graph", "use_inductor_graph_partition", "cudagraph_num_of_warmups", "cudagraph_specialize_lora" };
        for (size_t i = 0; i < BT_LEN(plain); i++)
            if (!strcmp(key, plain[i]))
                return true;
        return false;
    }
    return true;
}

/* "--hf-overrides.max_position_embeddings 65536" is '{"max_position_embeddings": 65536}'. */
static json_t *dotted(const char *key, const char *value)
{
    json_t *v = json_loads(value, JSON_DECODE_ANY, NULL), *o = json_object();
    json_object_set_new(o, key, v ? v : json_string(value));
    return o;
}

static int json_flag(struct walk *k, const char *flag, const char *key, const char *shown, const char *value, const char *bytes, struct bt_err *err)
{
    json_t *o = key ? dotted(key, value) : NULL;
    bool overrides = !strcmp(flag, "hf-overrides") || !strcmp(flag, "json-model-override-args"), compilation = !strcmp(flag, "compilation-config");
    if (!o && compilation && isdigit((unsigned char)value[0])) {
        paste_note(k->arena, k->p, PASTE_COUNTED, shown, NULL);      /* a level alone */
        return 0;
    }
    if (!o && !(o = bt_json_load(bt_str(value), MiB, shown, err))) {
        err->code = BT_E_USAGE;
        return bt_err_hint(err, "the engine wants JSON here; in a shell: --%s '{\"key\": value}'", flag);
    }
    bt_auto_buf struct bt_buf left = BT_BUF(512);
    const char *name;
    json_t *v;
    if (!strcmp(flag, "rope-scaling"))
        rope(k->p, o);
    else
        json_object_foreach(o, name, v)
            if (!(overrides ? override_key(k->p, name, v) : compilation && compilation_key(k->arena, k->p, name, v)))
                bt_buf_printf(&left, "%s%s", left.n ? ", " : "", name);
    json_decref(o);
    if (left.n || left.over)
        paste_note(k->arena, k->p, PASTE_NOT_COUNTED, shown, bt_arena_printf(k->arena, "changes %s: %s", bytes, left.over ? "several keys" : bt_buf_z(&left)));
    else
        paste_note(k->arena, k->p, PASTE_COUNTED, shown, NULL);
    return 0;
}

/* ---- one flag ---- */

/* "$PORT", "${TP}": what only a shell knows. */
static bool is_variable(const char *value)
{
    const char *at = value ? strchr(value, '$') : NULL;
    return at && (isalpha((unsigned char)at[1]) || at[1] == '_' || at[1] == '{');
}

static int counted_flag(struct walk *k, const struct meaning *m, const char *word, const char *value, struct bt_err *err)
{
    enum paste_args args = m->opt->type == BT_OPT_BOOL ? ARGS_NONE : m->opt->many ? ARGS_MANY : ARGS_ONE;
    bool alone = !value && m->opt->alone;
    if (!value)
        value = alone ? take_one_of(k, m->opt->choices, m->opt->alone) : take_values(k, args);
    if (!value && args != ARGS_NONE)
        return bt_err_set(err, BT_E_USAGE, 0, "%s needs a value", word);
    const char *one = value ? bt_arena_printf(k->arena, "--%s=%s", m->opt->name, value) : bt_arena_printf(k->arena, "--%s%s", m->negated ? "no-" : "", m->opt->name);
    struct bt_strs rest;
    if (is_variable(value) && m->opt->off == offsetof(struct bt_serve, port)) {
        paste_note(k->arena, k->p, PASTE_NO_BYTES, bt_arena_printf(k->arena, "%s %s", word, value), NULL);
        return 0;
    }
    if (bt_opt_argv(k->p->engine->flags, k->arena, 1, (char *const *)&one, &k->p->serve, &rest, NULL, err) < 0)
        return is_variable(value) ? bt_err_hint(err, "a shell would put a value there and berth expands nothing: write the value") : -1;
    paste_note(k->arena, k->p, PASTE_COUNTED, value && !strchr(word, '=') ? bt_arena_printf(k->arena, "%s %s", word, value) : word, m->read_as);
    return 0;
}

/* need_extra_flag in src/need is the reader. Of a drafter that is a model, estimate opens the checkpoint, and says so where it cannot. */
bool paste_ledger_reads(const struct bt_engine *engine, const char *flag)
{
    static const char *const read[] = { "--language-model-only", "--limit-mm-per-prompt", "--mamba-cache-mode", "--mamba-ssm-cache-dtype", "--mm-encoder-tp-mode", "--mm-processor-kwargs", "--skip-mm-profiling",
                                          "--runner", "--task", "--convert", "--decode-context-parallel-size", "--speculative-model", "--num-speculative-tokens" },
                             *const methods[] = { "\"method\"", "\"num_speculative_tokens\"" };
    if (strcmp(engine->name, "vllm") != 0)
        return false;
    for (size_t i = 0; i < BT_LEN(read); i++)
        if (!strncmp(read[i], flag, strcspn(flag, "=")) && !read[i][strcspn(flag, "=")])
            return true;
    for (size_t i = 0; (!strncmp(flag, "--speculative-config=", 21) || !strncmp(flag, "--sc=", 5)) && i < BT_LEN(methods); i++)
        if (strstr(flag, methods[i]))
            return true;
    return false;
}

static int known_flag(struct walk *k, const struct meaning *m, const char *key, const char *word, const char *value, struct bt_err *err)
{
    static const char *const secrets[] = { "api-key", "admin-api-key", "hf-token", "hft" }, *const json[] = { "hf-overrides", "rope-scaling", "compilation-config", "json-model-override-args" };
    const struct paste_known *row = &m->known;
    const char *name = bt_arena_strndup(k->arena, row->name);
    if (!value)
        value = take_values(k, row->args);
    const char *shown = value && !strchr(word, '=') ? bt_arena_printf(k->arena, "%s %s", word, value) : word;
    for (size_t i = 0; i < BT_LEN(secrets); i++)
        if (!strcmp(secrets[i], name))
            shown = bt_arena_printf(k->arena, "--%s ...", name);
    for (size_t i = 0; i < BT_LEN(json); i++)
        if (!strcmp(json[i], name)) {
            if (!value)
                return bt_err_set(err, BT_E_USAGE, 0, "%s needs a value", word);
            return json_flag(k, name, key, shown, value, row->bytes, err);
        }
    const char *handed = NULL;
    if (row->bytes && !m->negated) { /* the ledger counts some of these by their text */
        handed = value ? bt_arena_printf(k->arena, "--%s=%s", name, value) : bt_arena_printf(k->arena, "--%s", name);
        BT_PUSH(k->arena, k->p->serve.extra.v, k->p->serve.extra.n, handed);
    }
    if (handed && paste_ledger_reads(k->p->engine, handed))
        paste_note(k->arena, k->p, PASTE_COUNTED, shown, m->read_as);
    else if (handed)
        paste_note(k->arena, k->p, PASTE_NOT_COUNTED, shown, bt_arena_printf(k->arena, "changes %s%s%s", row->bytes, m->read_as ? "; " : "", m->read_as ? m->read_as : ""));
    else
        paste_note(k->arena, k->p, PASTE_NO_BYTES, shown, m->read_as);
    return 0;
}

static void unknown_flag(struct walk *k, const char *word, struct bt_str name, const char *value)
{
    if (!value)
        value = take_values(k, ARGS_MANY);
    const char *near = nearest(k->arena, k->p->engine, name), *shown = value && !strchr(word, '=') ? bt_arena_printf(k->arena, "%s %s", word, value) : word;
    paste_note(k->arena, k->p, PASTE_UNKNOWN, shown, near ? bt_arena_printf(k->arena, "did you mean --%s?", near) : NULL);
}

static int one_flag(struct walk *k, struct bt_err *err)
{
    const char *word = k->w[k->at];
    struct bt_str name = bt_str(word + (word[1] == '-' ? 2 : 1)), value_text = bt_str_cut(name, '=', &name), key = { NULL, 0 };
    const char *value = value_text.p;
    struct meaning m;
    if (word[1] != '-' && word[1] == 'O' && (!word[2] || isdigit((unsigned char)word[2]) || word[2] == '.')) {       /* -O3, -O 3, -O.mode=3 */
        if (!word[2])
            take_values(k, ARGS_ONE);
        paste_note(k->arena, k->p, PASTE_NOT_COUNTED, word, "changes CUDA graphs");
        return 0;
    }
    if (!meaning_of(k->arena, k->p->engine, name, &m)) {
        struct bt_str base;
        key = bt_str_cut(name, '.', &base);          /* --compilation-config.mode=3 */
        if (!key.p || !exact(k->p->engine, base, &m) || m.opt) {
            unknown_flag(k, word, name, value);
            return 0;
        }
    }
    if (m.opt)
        return counted_flag(k, &m, word, value, err);
    return known_flag(k, &m, key.p ? bt_arena_strndup(k->arena, key) : NULL, word, value, err);
}

int paste_flags(struct bt_arena *a, const char *const *words, size_t n, bool positional, struct paste *out, struct bt_err *err)
{
    struct walk k = { .arena = a, .w = words, .n = n, .p = out, .positional = positional };
    for (; k.at < n; k.at++) {
        const char *w = words[k.at];
        if (!is_value(w)) {
            if (one_flag(&k, err) < 0)
                return -1;
        } else if (positional && !out->model) {
            out->model = w;
        } else {
            paste_note(a, out, PASTE_UNKNOWN, w, "a word that belongs to no flag");
        }
    }
    if (!out->model)
        out->model = out->serve.model;
    return 0;
}

/* paste - which server a command starts, with which variables, from which image. Its flags are read in paste_flags.c. */
#include "cmd/paste.h"

#include <ctype.h>
#include <stdio.h>

const char *paste_effect_name(enum paste_effect e)
{
    static const char *const names[] = { [PASTE_COUNTED] = "counted", [PASTE_NO_BYTES] = "no-bytes", [PASTE_NOT_COUNTED] = "not-counted", [PASTE_UNKNOWN] = "unknown" };
    return names[e];
}

void paste_note(struct bt_arena *a, struct paste *p, enum paste_effect effect, const char *text, const char *note)
{
    BT_PUSH(a, p->item, p->n, ((struct paste_item){ .text = text, .effect = effect, .note = note ? note : "" }));
}

/* ---- words of a line, as a shell cuts them ---- */

static bool is_operator(struct bt_str w)
{
    static const char *const operators[] = { "&&", "||", "|", ";", "&", ">", ">>", "<", "&>", "&>>", "1>", "2>", "2>>", "2>&1", "|&" };
    for (size_t i = 0; i < BT_LEN(operators); i++)
        if (bt_str_eq(w, operators[i]))
            return true;
    return w.n > 1 && (w.p[0] == '>' || (isdigit((unsigned char)w.p[0]) && w.p[1] == '>'));
}

/* One word from *line into out (quotes removed); false at the end. *bare: no part of it was quoted. */
static bool next_word(struct bt_str *line, struct bt_buf *out, bool *bare, struct bt_err *err)
{
    char quote = 0;
    bool any = false;
    *bare = true;
    bt_buf_clear(out);
    while (line->n) {
        char c = line->p[0];
        line->p++, line->n--;
        if (quote ? c == quote : c == '\'' || c == '"') {
            quote = quote ? 0 : c;
            any = true;
            *bare = false;
        } else if (c == '\\' && quote != '\'' && line->n) {
            if (line->p[0] != '\n')  /* a continued line: both characters go */
                bt_buf_add(out, line->p, 1), any = true;
            line->p++, line->n--;
        } else if (!quote && isspace((unsigned char)c)) {
            if (any)
                return true;
        } else if (!quote && !any && c == '#') {
            const char *nl = memchr(line->p, '\n', line->n);
            line->n = nl ? line->n - (size_t)(nl - line->p) : 0;
            line->p = nl ? nl : line->p;
        } else {
            bt_buf_add(out, &c, 1);
            any = true;
        }
    }
    if (quote)
        bt_err_set(err, BT_E_USAGE, 0, "the command: a %c that is never closed", quote);
    return any && !quote;
}

int paste_split(struct bt_arena *a, const char *text, struct bt_strs *out, struct bt_err *err)
{
    bt_auto_buf struct bt_buf word = BT_BUF(256 * KiB);
    struct bt_str line = bt_str(text);
    bool bare;
    *out = (struct bt_strs){ 0 };
    while (next_word(&line, &word, &bare, err)) {
        if (word.over || out->n >= 4096)
            return bt_err_set(err, BT_E_USAGE, 0, "the command: too long to be one");
        struct bt_str got = { bt_buf_z(&word), word.n };
        if (bare && (bt_str_eq(got, "&&") || bt_str_eq(got, ";")))
            continue;                /* `cd x && vllm serve ...`: the server is found wherever it stands */
        if (bare && is_operator(got))
            return 0;                /* redirections and pipes: after the command */
        const char *kept = bt_arena_strdup(a, bt_buf_z(&word));
        BT_PUSH(a, out->v, out->n, kept);
    }
    return err->code ? -1 : 0;
}

/* ---- variables ---- */

static bool is_assignment(const char *w)
{
    size_t n = 0;
    while (isalnum((unsigned char)w[n]) || w[n] == '_')
        n++;
    return n && !isdigit((unsigned char)w[0]) && w[n] == '=';
}

static bool is_secret(const char *name, size_t n)
{
    static const char *const words[] = { "TOKEN", "KEY", "SECRET", "PASSWORD" };
    for (size_t i = 0; i < BT_LEN(words); i++)
        if (memmem(name, n, words[i], strlen(words[i])))
            return true;
    return false;
}

static bool is_on(const char *value)
{
    return !strcmp(value, "1") || !strcasecmp(value, "true") || !strcasecmp(value, "yes") || !strcasecmp(value, "on");
}

/* One NAME=value, once the engine is known. */
static void variable(struct bt_arena *a, struct paste *p, const char *text)
{
    size_t n = strcspn(text, "=");
    struct bt_str name = { text, n };
    const char *value = text[n] ? text + n + 1 : "", *shown = is_secret(text, n) ? bt_arena_printf(a, "%.*s=...", BT_STR(name)) : text;
    bool vllm = p->engine && !strcmp(p->engine->name, "vllm");
    if (bt_str_eq(name, "CUDA_VISIBLE_DEVICES") || bt_str_eq(name, "NVIDIA_VISIBLE_DEVICES")) {
        if (strcmp(value, "all"))
            p->visible = value;
        paste_note(a, p, PASTE_COUNTED, shown, "the cards it may use");
    } else if (vllm && bt_str_eq(name, "VLLM_USE_V2_MODEL_RUNNER")) {
        p->runner = is_on(value) ? BT_RUNNER_V2 : BT_RUNNER_V1;
        paste_note(a, p, PASTE_COUNTED, shown, p->runner == BT_RUNNER_V2 ? "the V2 model runner's memory" : "the V1 model runner's memory");
    } else if (vllm && bt_str_eq(name, "VLLM_MEMORY_PROFILER_ESTIMATE_CUDAGRAPHS")) {
        p->graphs_in_budget = is_on(value);
        paste_note(a, p, PASTE_COUNTED, shown, is_on(value) ? "CUDA graphs are taken from the KV" : "CUDA graphs come on top of the fraction");
    } else if (vllm && bt_str_eq(name, "VLLM_CPU_KVCACHE_SPACE") && strtoull(value, NULL, 10) <= 65536) {
        p->cpu_kv_bytes = strtoull(value, NULL, 10) * GiB;
        paste_note(a, p, PASTE_COUNTED, shown, "the KV of a CPU build, in GiB of RAM");
    } else if (p->engine && bt_str_eq(name, vllm ? "VLLM_PP_LAYER_PARTITION" : "SGLANG_PP_LAYER_PARTITION") && bt_engine_cut_parse(a, value, &p->serve)) {
        paste_note(a, p, PASTE_COUNTED, shown, "which layers each stage gets");
    } else {
        struct paste_each at = { 0 };
        struct paste_known k;
        while (p->engine && paste_known_variable(p->engine, &at, &k))
            if (name.n == k.name.n && !memcmp(name.p, k.name.p, name.n) && !(bt_str_eq(name, "VLLM_USE_V1") && is_on(value))) {
                paste_note(a, p, PASTE_NOT_COUNTED, shown, bt_arena_printf(a, "changes %s", k.bytes));
                return;
            }
        paste_note(a, p, PASTE_NO_BYTES, shown, NULL);
    }
}

/* ---- which server ---- */

struct found { const char *engine; size_t at; bool positional; };    /* at: first word after the program */

static const char *base_name(const char *w)
{
    const char *slash = strrchr(w, '/');
    return slash ? slash + 1 : w;
}

static const struct { const char *module, *then, *engine; bool positional; } modules[] = {
    { "vllm.entrypoints.openai.api_server", NULL, "vllm", false }, { "vllm.entrypoints.api_server", NULL, "vllm", false },
    { "vllm.entrypoints.cli.main", "serve", "vllm", true },        { "vllm", "serve", "vllm", true },
    { "sglang.launch_server", NULL, "sglang", false },             { "sglang", "serve", "sglang", true },
};

static bool module_start(const char *module, const char *const *w, size_t n, size_t next, struct found *f)
{
    for (size_t i = 0; i < BT_LEN(modules); i++) {
        if (strcmp(modules[i].module, module) || (modules[i].then && (next >= n || strcmp(w[next], modules[i].then))))
            continue;
        *f = (struct found){ modules[i].engine, next + (modules[i].then != NULL), modules[i].positional };
        return true;
    }
    return false;
}

static bool python_start(const char *const *w, size_t n, size_t i, struct found *f)
{
    for (i++; i < n && w[i][0] == '-'; i++)
        if (!strcmp(w[i], "-m"))
            return i + 1 < n && module_start(w[i + 1], w, n, i + 2, f);
    if (i < n && bt_str_ends(bt_str(w[i]), "vllm/entrypoints/openai/api_server.py")) {
        *f = (struct found){ "vllm", i + 1, false };
        return true;
    }
    return false;
}

/* Does a server start at word i? */
static bool start_at(const char *const *w, size_t n, size_t i, struct found *f)
{
    const char *base = base_name(w[i]);
    if (!strncmp(base, "python", 6))
        return python_start(w, n, i, f);
    if (!strcmp(base, "vllm") || !strcmp(base, "sglang"))
        return module_start(base, w, n, i + 1, f);
    if (!strcmp(base, "llama-server")) {
        *f = (struct found){ "llama-server", i + 1, false };
        return true;
    }
    return false;
}

/* ---- containers ---- */

static bool is_container_run(const char *const *w, size_t n, size_t i)
{
    static const char *const programs[] = { "docker", "podman", "nerdctl" };
    for (size_t k = 0; k < BT_LEN(programs); k++)
        if (!strcmp(base_name(w[i]), programs[k]))
            return i + 1 < n && (!strcmp(w[i + 1], "run") || (i + 2 < n && !strcmp(w[i + 1], "container") && !strcmp(w[i + 2], "run")));
    return false;
}

static bool takes_no_value(const char *flag)
{
    static const char *const plain[] = { "--detach", "--interactive", "--tty", "--rm", "--privileged", "--init", "--publish-all", "--read-only", "--no-healthcheck",
                                         "--oom-kill-disable", "--quiet", "--sig-proxy", "--disable-content-trust" };
    for (size_t i = 0; i < BT_LEN(plain); i++)
        if (!strcmp(flag, plain[i]))
            return true;
    if (flag[1] == '-')
        return strchr(flag, '=') != NULL;
    return strspn(flag + 1, "ditPq") == strlen(flag + 1) || (strlen(flag) > 2 && strchr("evpwuhlm", flag[1]));        /* -it; -eNAME=value */
}

/* --gpus '"device=0,1"' -> "0,1" */
static const char *devices_of(struct bt_arena *a, const char *value)
{
    const char *at = strstr(value, "device=");
    if (!at)
        return NULL;
    at += 7;
    return bt_arena_strndup(a, (struct bt_str){ at, strspn(at, "0123456789,GPU-abcdefMIG") });
}

static void image_of(struct bt_arena *a, struct paste *p, const char *image)
{
    const char *colon = strrchr(image, ':');
    p->image = image;
    if (!colon || strchr(colon, '/'))
        return;
    const char *tag = colon + 1 + (colon[1] == 'v');
    if (isdigit((unsigned char)*tag))
        p->version = bt_arena_strndup(a, (struct bt_str){ tag, strcspn(tag, "-_@") });
}

/* What the container sees at a path of its own. */
struct mount { struct bt_str from, to; };
struct container { struct bt_strs *vars; const char *entrypoint; struct mount *mount; size_t nmounts; };

/* "/srv/models:/models:ro" */
static void volume(struct bt_arena *a, struct container *c, const char *value)
{
    struct mount m;
    struct bt_str rest = bt_str_cut(bt_str(value), ':', &m.from);
    bt_str_cut(rest, ':', &m.to);
    if (m.from.n && m.to.n && m.to.p[0] == '/')
        BT_PUSH(a, c->mount, c->nmounts, m);
}

/* "type=bind,source=/srv/models,target=/models,readonly" */
static void bind_mount(struct bt_arena *a, struct container *c, const char *value)
{
    struct mount m = { { NULL, 0 }, { NULL, 0 } };
    struct bt_str left = bt_str(value), field, name;
    while (left.n) {
        left = bt_str_cut(left, ',', &field);
        struct bt_str said = bt_str_cut(field, '=', &name);
        if (bt_str_eq(name, "source") || bt_str_eq(name, "src"))
            m.from = said;
        else if (bt_str_eq(name, "target") || bt_str_eq(name, "dst") || bt_str_eq(name, "destination"))
            m.to = said;
    }
    if (m.from.n && m.to.n)
        BT_PUSH(a, c->mount, c->nmounts, m);
}

/* A path of the container as this machine has it; of several mounts the deepest counts. NULL: it is in none. */
static const char *outside(struct bt_arena *a, const struct container *c, const char *path)
{
    const struct mount *best = NULL;
    for (size_t i = 0; i < c->nmounts; i++) {
        const struct mount *m = &c->mount[i];
        size_t n = m->to.n && m->to.p[m->to.n - 1] == '/' ? m->to.n - 1 : m->to.n;
        if (!strncmp(path, m->to.p, n) && (path[n] == '/' || !path[n]) && (!best || m->to.n > best->to.n))
            best = m;
    }
    if (!best)
        return NULL;
    const char *rest = path + (best->to.n && best->to.p[best->to.n - 1] == '/' ? best->to.n - 1 : best->to.n);
    return bt_arena_printf(a, "%.*s%s", (int)(best->from.n - (best->from.n > 1 && best->from.p[best->from.n - 1] == '/')), best->from.p, rest);
}

/* One option of `docker run`, with its value where it stands apart; returns the words it took. */
static size_t container_option(struct bt_arena *a, struct paste *p, struct container *c, const char *const *w, size_t n, size_t i)
{
    bool alone = takes_no_value(w[i]);
    struct bt_str rest = bt_str(w[i]), name;
    rest = bt_str_cut(rest, '=', &name);
    const char *value = rest.p ? rest.p : !alone && i + 1 < n ? w[i + 1] : "";
    if (!strncmp(w[i], "-e", 2) && w[i][2] && w[i][1] != '-')
        value = w[i] + 2;
    if (bt_str_eq(name, "-e") || bt_str_eq(name, "--env") || (name.n > 2 && bt_str_starts(name, "-e") && !bt_str_starts(name, "--"))) {
        const char *kept = bt_arena_strdup(a, value);
        BT_PUSH(a, c->vars->v, c->vars->n, kept);
    } else if (bt_str_eq(name, "-v") || bt_str_eq(name, "--volume")) {
        volume(a, c, value);
    } else if (bt_str_starts(name, "-v") && w[i][1] != '-') {
        volume(a, c, w[i] + 2);
    } else if (bt_str_eq(name, "--mount")) {
        bind_mount(a, c, value);
    } else if (bt_str_eq(name, "--gpus")) {
        const char *devices = devices_of(a, value);
        p->visible = devices ? devices : p->visible;
        paste_note(a, p, PASTE_COUNTED, bt_arena_printf(a, "--gpus %s", value), "the cards the container may use");
    } else if (bt_str_eq(name, "--entrypoint")) {
        c->entrypoint = value;
    }
    return alone || i + 1 >= n ? 1 : 2;
}

/* `docker run ... IMAGE [command]`. The vLLM image's entrypoint is its server, so its words are flags at once. */
static bool container_start(struct bt_arena *a, struct paste *p, struct container *c, struct bt_strs *words, size_t at, struct found *f)
{
    size_t i = at + (strcmp(words->v[at + 1], "run") ? 3 : 2), n = words->n;
    const char *entrypoint;
    while (i < n && words->v[i][0] == '-')
        i += container_option(a, p, c, words->v, n, i);
    entrypoint = c->entrypoint;
    if (i >= n)
        return false;
    const char *image = words->v[i++];
    image_of(a, p, image);
    if (entrypoint && entrypoint[0]) {               /* as if it stood there: `--entrypoint python3 IMAGE -m vllm...` */
        words->v[--i] = entrypoint;
    }
    for (size_t k = i; k < n; k++)
        if (start_at(words->v, n, k, f))
            return true;
    const char *engine = strstr(image, "vllm") ? "vllm" : strstr(image, "llama.cpp:server") ? "llama-server" : NULL;
    if (!engine || entrypoint)
        return false;
    *f = (struct found){ engine, i, true };
    return true;
}

/* bash -c "vllm serve ..." */
static const char *inner_command(const char *const *w, size_t n, size_t i)
{
    const char *base = base_name(w[i]);
    if (strcmp(base, "bash") && strcmp(base, "sh") && strcmp(base, "zsh"))
        return NULL;
    for (i++; i + 1 < n && w[i][0] == '-'; i++)
        if (strchr(w[i], 'c') && w[i][1] != '-')
            return w[i + 1];
    return NULL;
}

static int find_start(struct bt_arena *a, struct paste *p, struct bt_strs *words, struct container *c, struct found *f, struct bt_err *err)
{
    bt_auto_buf struct bt_buf before = BT_BUF(8 * KiB);
    for (size_t i = 0; i < words->n; i++) {
        const char *inner;
        bool found = is_container_run(words->v, words->n, i) ? container_start(a, p, c, words, i, f) : start_at(words->v, words->n, i, f);
        if (!found && (inner = inner_command(words->v, words->n, i))) {
            struct bt_strs deeper;
            if (paste_split(a, inner, &deeper, err) < 0)
                return -1;
            *words = deeper;         /* what stood before the shell changes no bytes */
            i = (size_t)-1;
            continue;
        }
        if (found) {
            if (before.n)
                paste_note(a, p, PASTE_NO_BYTES, bt_arena_strdup(a, bt_buf_z(&before)), "stands before the server");
            return 0;
        }
        if (is_assignment(words->v[i]))
            BT_PUSH(a, c->vars->v, c->vars->n, words->v[i]);
        else
            bt_buf_printf(&before, "%s%s", before.n ? " " : "", words->v[i]);
    }
    bt_err_set(err, BT_E_USAGE, 0, "no server in \"%.80s%s\"", words->n ? words->v[0] : "", words->n > 1 ? " ..." : "");
    return bt_err_hint(err, "vllm serve MODEL ..., python -m vllm.entrypoints.openai.api_server --model MODEL ..., python -m sglang.launch_server ..., or docker run ... of them");
}

static int known_engine(struct paste *p, const char *name, struct bt_err *err)
{
    p->engine = bt_engine_find(name);
    if (p->engine && p->engine->flags)
        return 0;
    return bt_err_set(err, BT_E_USAGE, 0, "%s: berth cannot estimate for it yet", name);
}

int paste_read(struct bt_arena *a, const char *const *words, size_t n, struct paste *out, struct bt_err *err)
{
    *out = (struct paste){ .graphs_in_budget = -1, .runner = -1 };
    struct bt_strs all = { 0 }, vars = { 0 };
    struct found f = { 0 };
    if (n == 1 && strpbrk(words[0], " \t\n")) {
        if (paste_split(a, words[0], &all, err) < 0)
            return -1;
    } else {
        for (size_t i = 0; i < n; i++)
            BT_PUSH(a, all.v, all.n, words[i]);
    }
    struct container c = { .vars = &vars };
    if (find_start(a, out, &all, &c, &f, err) < 0 || known_engine(out, f.engine, err) < 0)
        return -1;
    for (size_t i = 0; i < vars.n; i++)
        variable(a, out, vars.v[i]);
    if (paste_flags(a, all.v + f.at, all.n - f.at, f.positional, out, err) < 0)
        return -1;
    if (out->serve.cut && out->serve.ncut != BT_MAX(out->serve.pp, 1u)) {
        bt_err_set(err, BT_E_USAGE, 0, "%s_PP_LAYER_PARTITION cuts the layers into %llu stages, and the command has %llu", !strcmp(out->engine->name, "vllm") ? "VLLM" : "SGLANG",
                   (unsigned long long)out->serve.ncut, (unsigned long long)BT_MAX(out->serve.pp, 1u));
        return bt_err_hint(err, "the engine would not start so: --pipeline-parallel-size %llu", (unsigned long long)out->serve.ncut);
    }
    if (!out->model) {
        bt_err_set(err, BT_E_USAGE, 0, "the command names no model");
        for (size_t i = 0; i < out->n; i++)
            if (out->item[i].effect == PASTE_UNKNOWN && strchr(out->item[i].text, ' '))
                return bt_err_hint(err, "berth does not know \"%.80s\" and took the second word for its value; put the model first", out->item[i].text);
        return bt_err_hint(err, "%s MODEL ...", !strcmp(out->engine->name, "sglang") ? "sglang serve" : "vllm serve");
    }
    const char *here = outside(a, &c, out->model);
    if (here) {
        paste_note(a, out, PASTE_COUNTED, out->model, bt_arena_printf(a, "%s outside of the container", here));
        out->model = here;
    }
    out->serve.model = out->model;
    return 0;
}

bool paste_on_cpu(const struct paste *p)
{
    const struct bt_serve *s = &p->serve;
    return (s->llama.devices && !strcmp(s->llama.devices, "none")) || (s->sglang.device && !strcmp(s->sglang.device, "cpu")) || p->cpu_kv_bytes;
}

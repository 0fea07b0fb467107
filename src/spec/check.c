/* check - what keys say together: kinds, names that must exist, circles. */
#include <stdio.h>

#include "spec/spec_int.h"

static int at_key(const struct bt_spec *s, const struct bt_workload *w, const char *key, struct bt_err *err, const char *fmt, ...) BT_PRINTF(5, 6);
static int at_key(const struct bt_spec *s, const struct bt_workload *w, const char *key, struct bt_err *err, const char *fmt, ...)
{
    char text[400];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    const struct bt_node *n = key ? bt_node_get(w->node, key) : NULL;
    struct bt_node here = { .line = w->at.line, .col = w->at.col };
    return bt_node_err(err, &s->doc, n ? n : &here, "workloads.%s: %s", w->name, text);
}

static bool given(const struct bt_workload *w, const char *key) { return bt_node_get(w->node, key) != NULL; }

/* ---- kinds ---- */

/* Which keys have a meaning for which kind; what has none is an error, so that no wish goes unheard. */
static const struct { const char *key; bool server, service, job; } key_kinds[] = {
    { "adapters", true, false, false },      { "args", true, false, false },       { "bin", true, false, false },      { "command", false, true, true },
    { "context", true, false, false },       { "dp", true, false, false },         { "dtype", true, false, false },    { "engine", true, false, false },
    { "engine_version", true, false, false }, { "ep", true, false, false },        { "expects", false, true, true },   { "kv_dtype", true, false, false },
    { "matrix", false, false, true },        { "model", true, false, false },      { "pp", true, false, false },       { "pp_layers", true, false, false },
    { "quantization", true, false, false },
    { "ready", false, true, true },          { "replicas", true, true, false },    { "requests", true, false, false }, { "retries", false, false, true },
    { "revision", true, false, false },      { "shards", false, false, true },     { "slots", false, false, true },    { "tp", true, false, false },
    { "trust_remote_code", true, false, false }, { "venv", true, false, false },   { "restart", true, true, false },
};

static const char *kind_word(enum bt_kind k) { return k == BT_SERVER ? "server" : k == BT_SERVICE ? "service" : "job"; }

static const char *whose(bool server, bool service, bool job)
{
    static const char *const words[2][2][2] = { { { "nobody", "a job" }, { "a service", "a service or a job" } },
                                                { { "a server", "a server or a job" }, { "a server or a service", "anybody" } } };
    return words[server][service][job];
}

static int settle_kind(struct bt_spec *s, struct bt_workload *w, struct bt_err *err)
{
    bool said = given(w, "kind");
    if (!said && !w->engine) {
        at_key(s, w, NULL, err, "neither `engine` nor `kind`: what is it?");
        return bt_err_hint(err, given(w, "command") ? "kind: service (runs until stopped) or kind: job (ends)"
                                                    : "engine: vllm, or kind: service with a command");
    }
    if (w->engine && said && w->kind != BT_SERVER) {
        at_key(s, w, "kind", err, "kind: %s, and an `engine`: only a server has one", kind_word(w->kind));
        return bt_err_hint(err, "leave `kind` out for a server; the program of a %s goes to `command`", kind_word(w->kind));
    }
    if (w->kind == BT_SERVER && !w->engine) {
        at_key(s, w, "kind", err, "a server needs an `engine`");
        return bt_err_hint(err, "engine: vllm; any other long-running command is kind: service");
    }
    if (w->kind == BT_SERVER && !w->model) {
        at_key(s, w, NULL, err, "a server needs a `model`");
        return bt_err_hint(err, "model: Qwen/Qwen2.5-7B-Instruct, or a folder");
    }
    if (w->kind != BT_SERVER && !w->command.n) {
        at_key(s, w, NULL, err, "a %s needs a `command`", kind_word(w->kind));
        return bt_err_hint(err, "command: [python3, %s.py]", w->name);
    }
    return 0;
}

static int check_kind(struct bt_spec *s, struct bt_workload *w, struct bt_err *err)
{
    if (settle_kind(s, w, err) < 0)
        return -1;
    for (size_t i = 0; i < BT_LEN(key_kinds); i++) {
        bool ok = w->kind == BT_SERVER ? key_kinds[i].server : w->kind == BT_SERVICE ? key_kinds[i].service : key_kinds[i].job;
        if (ok || !given(w, key_kinds[i].key))
            continue;
        at_key(s, w, key_kinds[i].key, err, "`%s` says nothing about a %s", key_kinds[i].key, kind_word(w->kind));
        if (!strcmp(key_kinds[i].key, "replicas"))
            return bt_err_hint(err, "the copies of a job are its `slots`");
        if (!strcmp(key_kinds[i].key, "slots"))
            return bt_err_hint(err, "the copies of a %s are its `replicas`", kind_word(w->kind));
        if (!strcmp(key_kinds[i].key, "command"))
            return bt_err_hint(err, "the engine is the command; its flags go to `args`");
        return bt_err_hint(err, "leave it out: it belongs to %s", whose(key_kinds[i].server, key_kinds[i].service, key_kinds[i].job));
    }
    if (w->bin && w->venv) {
        at_key(s, w, "venv", err, "`bin` and `venv` both say where the engine is: keep one");
        return bt_err_hint(err, "venv: its folder, or bin: the program in it");
    }
    return 0;
}

static int check_memory(struct bt_spec *s, struct bt_workload *w, struct bt_err *err)
{
    bool none = w->gpus.set && w->gpus.want == 0;
    if (w->kind == BT_SERVER && w->memory.form >= BT_MEM_TRAIN) {
        at_key(s, w, "memory", err, "memory: that form describes a service or a job; a server's need comes from its model");
        return bt_err_hint(err, "12GiB, 40%%, rest or auto");
    }
    if (none && w->memory.form != BT_MEM_AUTO && w->kind != BT_SERVER) {
        at_key(s, w, "memory", err, "memory is per GPU, and `gpus: 0` has none");
        return bt_err_hint(err, "leave `memory` out, or give it a card: gpus: 1");
    }
    if (w->expects.form != BT_MEM_AUTO && w->expects.form < BT_MEM_TRAIN) {
        at_key(s, w, "expects", err, "expects: want train, forward, generate, diffusion or like");
        return bt_err_hint(err, "expects: {train: MODEL, method: lora, rank: 64}");
    }
    if (w->expects.form != BT_MEM_AUTO && w->memory.form != BT_MEM_REST) {
        at_key(s, w, "expects", err, "`expects` goes with `memory: rest`");
        return bt_err_hint(err, "to reserve what it needs, write the same map under `memory`");
    }
    if (none && (w->pool.n || w->same_gpus_as)) {
        at_key(s, w, w->same_gpus_as ? "same_gpus_as" : "pool", err, "it names cards, and `gpus: 0` uses none");
        return bt_err_hint(err, "leave `%s` out, or `gpus: 1`", w->same_gpus_as ? "same_gpus_as" : "pool");
    }
    if (w->pp_layers.n && w->pp.set && w->pp.want != w->pp_layers.n) {
        at_key(s, w, "pp_layers", err, "pp_layers names %zu stages, and pp is %llu", w->pp_layers.n, (unsigned long long)w->pp.want);
        return bt_err_hint(err, "leave `pp` out: the list says how many stages there are");
    }
    if (w->pp_layers.n)
        w->pp = (struct bt_range){ .set = true, .want = w->pp_layers.n, .min = w->pp_layers.n, .max = w->pp_layers.n, .at = w->pp.at };
    uint64_t ranks = (w->tp.set ? w->tp.want : 1) * (w->pp.set ? w->pp.want : 1) * (w->dp.set ? w->dp.want : 1);
    if (none && w->dp.set && w->dp.want > 1) {
        at_key(s, w, "dp", err, "on the CPU it is one engine: leave `dp` out, or `replicas` of it");
        return bt_err_hint(err, "replicas: %llu", (unsigned long long)w->dp.want);
    }
    if (w->gpus.set && w->gpus.want > 0 && ranks > w->gpus.max) {
        at_key(s, w, w->tp.set ? "tp" : w->pp.set ? "pp" : "dp", err, w->dp.set ? "tp x pp x dp is %llu GPUs, and `gpus` allows %llu"
                                                                     : "tp x pp is %llu GPUs, and `gpus` allows %llu", (unsigned long long)ranks,
               (unsigned long long)w->gpus.max);
        return bt_err_hint(err, "gpus: %llu, or leave it out", (unsigned long long)ranks);
    }
    if (w->gpus.set && w->tp.set && w->pp.set && ranks < w->gpus.min) {
        at_key(s, w, "gpus", err, "tp x pp is %llu GPUs, and `gpus` wants at least %llu", (unsigned long long)ranks,
               (unsigned long long)w->gpus.min);
        return bt_err_hint(err, "gpus: %llu, or leave `tp` or `pp` open", (unsigned long long)ranks);
    }
    return 0;
}

static int check_ready(struct bt_spec *s, struct bt_workload *w, struct bt_err *err)
{
    if ((w->ready.kind == BT_READY_HTTP || w->ready.kind == BT_READY_PORT) && !w->port_set) {
        at_key(s, w, "ready", err, "ready by %s needs a `port`", w->ready.kind == BT_READY_HTTP ? "http" : "port");
        return bt_err_hint(err, "port: auto; the command is told in $PORT, or with {port} in `command`");
    }
    if (w->port && w->copies.set && w->copies.want > 1) {
        at_key(s, w, "port", err, "%llu copies cannot listen on one port %llu", (unsigned long long)w->copies.want, (unsigned long long)w->port);
        return bt_err_hint(err, "port: auto");
    }
    return 0;
}

/* ---- names ---- */

static int need_workload(struct bt_spec *s, const struct bt_workload *w, const struct bt_node *at, const char *key, const char *name,
                         struct bt_err *err)
{
    if (!strcmp(name, w->name)) {
        bt_node_err(err, &s->doc, at, "workloads.%s: %s names itself", w->name, key);
        return bt_err_hint(err, "name another workload, or leave `%s` out", key);
    }
    if (bt_spec_find(s, name))
        return 0;
    bt_auto_arena mine = { 0 };
    const char **names = BT_NEWN(&mine, const char *, s->n);
    size_t n = 0;
    for (size_t i = 0; i < s->n; i++)
        if (&s->w[i] != w)
            names[n++] = s->w[i].name;
    bt_node_err(err, &s->doc, at, "workloads.%s: %s: there is no workload \"%.60s\"", w->name, key, name);
    const char *near = bt_str_nearest(bt_str(name), names, n);
    if (!n)
        return bt_err_hint(err, "%s is the only one: leave `%s` out, or add the other", w->name, key);
    return near ? bt_err_hint(err, "\"%s\"", near) : bt_err_hint(err, "there is \"%s\"", names[0]);
}

/* The node of item i of a list that may also be one scalar. */
static const struct bt_node *item_at(const struct bt_node *list, size_t i)
{
    return list->kind == BT_NODE_SEQ && i < list->n ? &list->items[i] : list;
}

static int check_list(struct bt_spec *s, const struct bt_workload *w, const struct bt_node *list, const char *key, const struct bt_strs *names,
                      struct bt_err *err)
{
    for (size_t i = 0; i < names->n; i++)
        if (need_workload(s, w, item_at(list, i), key, names->v[i], err) < 0)
            return -1;
    return 0;
}

static int check_phases(struct bt_spec *s, const struct bt_workload *w, struct bt_err *err)
{
    const struct bt_node *list = bt_node_get(w->node, "phases");
    for (size_t i = 0; i < w->phases.n; i++) {
        if (spec_strs_has(&s->phases, w->phases.v[i]))
            continue;
        bt_node_err(err, &s->doc, item_at(list, i), "workloads.%s: there is no phase \"%.60s\"", w->name, w->phases.v[i]);
        if (!s->phases.n)
            return bt_err_hint(err, "name the phases at the top: `phases: [%.41s, ...]`", w->phases.v[i]);
        const char *near = bt_str_nearest(bt_str(w->phases.v[i]), s->phases.v, s->phases.n);
        return bt_err_hint(err, "\"%s\"", near ? near : s->phases.v[0]);
    }
    return 0;
}

/* Counted, not listed: the daemon numbers them. */
static int check_tasks(struct bt_spec *s, const struct bt_workload *w, struct bt_err *err)
{
    enum { TASKS_MAX = 1000000 };
    uint64_t n = w->shards;
    for (size_t i = 0; i < w->nmatrix && n <= TASKS_MAX; i++)
        n *= w->matrix[i].values.n;  /* each factor is below 2^40: a document is bounded */
    if (n <= TASKS_MAX)
        return 0;
    const struct bt_node *at = bt_node_get(w->node, w->nmatrix ? "matrix" : "shards");
    bt_node_err(err, &s->doc, at, "workloads.%s: cells x shards make more than 1,000,000 tasks", w->name);
    return bt_err_hint(err, "let one task do more: fewer values, or fewer shards");
}

static int check_names(struct bt_spec *s, const struct bt_workload *w, struct bt_err *err)
{
    const struct bt_node *n = w->node, *share = bt_node_get(n, "share");
    if (check_tasks(s, w, err) < 0 || check_phases(s, w, err) < 0 || check_list(s, w, bt_node_get(n, "apart"), "apart", &w->apart, err) < 0)
        return -1;
    if (share && check_list(s, w, bt_node_get(share, "with"), "share", &w->share_with, err) < 0)
        return -1;
    const struct bt_node *same = bt_node_get(n, "same_gpus_as");
    if (w->same_gpus_as && need_workload(s, w, same, "same_gpus_as", w->same_gpus_as, err) < 0)
        return -1;
    const struct bt_node *as = bt_node_get(bt_node_get(n, "context"), "same_as");
    if (w->context.same_as) {
        if (need_workload(s, w, as, "same_as", w->context.same_as, err) < 0)
            return -1;
        if (bt_spec_find(s, w->context.same_as)->kind != BT_SERVER) {
            bt_node_err(err, &s->doc, as, "workloads.%s: same_as: %s is not a server and has no context", w->name, w->context.same_as);
            return bt_err_hint(err, "name a server, or say it in tokens: context: 32768");
        }
    }
    for (size_t i = 0; i < w->nafter; i++) {
        struct bt_node at = { .line = w->after[i].at.line, .col = w->after[i].at.col };
        if (need_workload(s, w, &at, "after", w->after[i].name, err) < 0)
            return -1;
        const struct bt_workload *d = bt_spec_find(s, w->after[i].name);
        if (w->after[i].what == BT_AFTER_DONE && d->kind != BT_JOB) {
            bt_node_err(err, &s->doc, &at, "workloads.%s: after: %s is a %s and is never done; only a job is", w->name, d->name,
                        kind_word(d->kind));
            return bt_err_hint(err, "after: {%s: ready}, or started", d->name);
        }
    }
    return 0;
}

/* ---- circles ---- */

#define MOST_NAMED 12                /* of a circle */

/* The i-th that w names there, or NULL. */
static const char *edge(const struct bt_workload *w, const char *key, size_t i)
{
    if (!strcmp(key, "after"))
        return i < w->nafter ? w->after[i].name : NULL;
    return i ? NULL : !strcmp(key, "same_as") ? w->context.same_as : w->same_gpus_as;
}

/* next: the edge of it that is looked along next. */
struct step { const struct bt_workload *w; size_t next; };
struct walk { struct bt_spec *s; const char *key; unsigned char *state; struct step *path; size_t depth; };      /* path: [s->n + 1] */

/* Who was on the path already is there again, at its end. */
static int refuse_circle(const struct walk *k, struct bt_err *err)
{
    const struct bt_workload *w = k->path[k->depth].w;
    size_t from = 0;
    while (k->path[from].w != w)
        from++;
    bt_auto_buf struct bt_buf b = BT_BUF(MOST_NAMED * 64);
    for (size_t i = from; i < k->depth && i < from + MOST_NAMED; i++)
        bt_buf_printf(&b, "%s -> ", k->path[i].w->name);
    if (k->depth - from > MOST_NAMED)
        bt_buf_printf(&b, "%zu more -> ", k->depth - from - MOST_NAMED);
    const char *top = !strcmp(k->key, "same_as") ? "context" : k->key;
    at_key(k->s, w, top, err, "%s goes in a circle: %s%s", k->key, bt_buf_z(&b), w->name);
    return bt_err_hint(err, "take one of them out of the circle: leave its `%s` out", top);
}

/* Along the path, not by calls: it may be as long as there are workloads. */
static int visit(struct walk *k, const struct bt_workload *first, struct bt_err *err)
{
    enum { NEW, ON_PATH, DONE };
    if (k->state[first - k->s->w] != NEW)
        return 0;
    k->path[k->depth = 0] = (struct step){ first, 0 };
    k->state[first - k->s->w] = ON_PATH;
    for (;;) {
        struct step *at = &k->path[k->depth];
        const char *name = edge(at->w, k->key, at->next++);
        const struct bt_workload *to = name ? bt_spec_find(k->s, name) : NULL;
        if (!name) {
            k->state[at->w - k->s->w] = DONE;
            if (!k->depth--)
                return 0;
        } else if (k->state[to - k->s->w] != DONE) {
            k->path[++k->depth] = (struct step){ to, 0 };
            if (k->state[to - k->s->w] == ON_PATH)
                return refuse_circle(k, err);
            k->state[to - k->s->w] = ON_PATH;
        }
    }
}

static int check_circles(struct spec_reading *r, struct bt_err *err)
{
    static const char *const keys[] = { "same_as", "same_gpus_as", "after" };
    for (size_t i = 0; i < BT_LEN(keys); i++) {
        struct walk k = { .s = r->s, .key = keys[i], .state = BT_NEWN(r->a, unsigned char, r->s->n), .path = BT_NEWN(r->a, struct step, r->s->n + 1) };
        for (size_t j = 0; j < r->s->n; j++)
            if (visit(&k, &r->s->w[j], err) < 0)
                return -1;
    }
    return 0;
}

/* ---- sharing that contradicts itself ---- */

static int check_sharing(struct bt_spec *s, const struct bt_workload *w, struct bt_err *err)
{
    for (const struct bt_workload *t = w; t->same_gpus_as; ) {       /* circles are refused before */
        t = bt_spec_find(s, t->same_gpus_as);
        const struct bt_workload *pair[2][2] = { { w, t }, { t, w } };
        for (size_t i = 0; i < 2; i++) {
            const struct bt_workload *a = pair[i][0], *b = pair[i][1];
            if (a->share == BT_SHARE_NEVER || (a->share == BT_SHARE_WITH && !spec_strs_has(&a->share_with, b->name))) {
                at_key(s, w, "same_gpus_as", err, "same_gpus_as: %s, but `share` of %s does not allow %s on its cards", t->name, a->name, b->name);
                return bt_err_hint(err, a->share == BT_SHARE_WITH ? "name %s in `share` of %s, or leave `same_gpus_as` out"
                                                                  : "say `share: {with: [%s]}` of %s, or leave `same_gpus_as` out", b->name, a->name);
            }
            if (spec_strs_has(&a->apart, b->name)) {
                at_key(s, w, "same_gpus_as", err, "same_gpus_as: %s, but %s keeps `apart` from %s", t->name, a->name, b->name);
                return bt_err_hint(err, "leave `apart` or `same_gpus_as` out: both cannot be");
            }
        }
        if (t->gpus.set && t->gpus.want == 0) {
            at_key(s, w, "same_gpus_as", err, "same_gpus_as: %s uses no GPU", t->name);
            return bt_err_hint(err, "name a workload that has cards, or leave `same_gpus_as` out");
        }
    }
    return 0;
}

/* ---- ports ---- */

static bool active_together(const struct bt_workload *a, const struct bt_workload *b)
{
    bool any = !a->phases.n || !b->phases.n;         /* without `phases` it is in all of them */
    for (size_t i = 0; i < a->phases.n; i++)
        any = any || spec_strs_has(&b->phases, a->phases.v[i]);
    return any;
}

static int check_port(struct bt_spec *s, const struct bt_workload *w, struct bt_err *err)
{
    for (const struct bt_workload *o = s->w; w->port && o < w; o++)
        if (o->port == w->port && active_together(o, w)) {
            at_key(s, w, "port", err, "port %llu is %s's already", (unsigned long long)w->port, o->name);
            return bt_err_hint(err, "port: auto takes a free one");
        }
    return 0;
}

int spec_check(struct spec_reading *r, struct bt_err *err)
{
    struct bt_spec *s = r->s;
    for (size_t i = 0; i < s->n; i++)
        if (check_kind(s, &s->w[i], err) < 0 || check_memory(s, &s->w[i], err) < 0 || check_ready(s, &s->w[i], err) < 0)
            return -1;
    for (size_t i = 0; i < s->n; i++)
        if (check_names(s, &s->w[i], err) < 0)
            return -1;
    if (check_circles(r, err) < 0)
        return -1;
    for (size_t i = 0; i < s->n; i++) {
        if (check_sharing(s, &s->w[i], err) < 0 || check_port(s, &s->w[i], err) < 0)
            return -1;
        struct bt_serve ignored;
        if (s->w[i].kind == BT_SERVER && bt_engine_find(s->w[i].engine) && bt_spec_serve(r->a, s, &s->w[i], &ignored, NULL, err) < 0)
            return -1;
    }
    return 0;
}

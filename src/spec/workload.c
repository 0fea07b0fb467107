/* workload - one entry of `workloads`: the table of its keys, and readers for the keys that take more than one form. */
#include <ctype.h>
#include <math.h>

#include "base/pattern.h"
#include "base/file.h"
#include "base/units.h"
#include "spec/spec_int.h"

#define AT(f) offsetof(struct bt_workload, f)
#define MANY 100000

static unsigned long long ull(uint64_t n) { return n; }
static struct bt_workload *workload(struct bt_opt_ctx *ctx) { return ctx->target; }

static int number(const struct bt_doc *doc, const struct bt_node *n, const char *key, uint64_t min, uint64_t max, uint64_t *out, struct bt_err *err)
{
    struct bt_err inner = { 0 };
    if (n->kind == BT_NODE_SCALAR && !n->quoted && bt_u64_parse(bt_str(n->text), min, max, out, &inner) == 0)
        return 0;
    if (n->kind != BT_NODE_SCALAR || n->quoted || !inner.msg[0])
        bt_node_err(err, doc, n, "%s: want a number, not %s", key, n->kind == BT_NODE_SCALAR ? "text" : bt_node_kind_name(n));
    else
        bt_node_err(err, doc, n, "%s: \"%.60s\": want a whole number from %llu to %llu", key, n->text, (unsigned long long)min,
                    (unsigned long long)max);
    return -1;
}

/* ---- ranges: auto | N | {min,max} | {want,min} ---- */

struct range_map { uint64_t want, min, max; bool want_set, min_set, max_set; };
static const struct bt_opt min_max_opts[] = {
    { .name = "max", .type = BT_OPT_U64, .off = offsetof(struct range_map, max), .set_off = offsetof(struct range_map, max_set), .max = MANY,
      .help = "at most" },
    { .name = "min", .type = BT_OPT_U64, .off = offsetof(struct range_map, min), .set_off = offsetof(struct range_map, min_set), .max = MANY,
      .help = "at least" },
    { 0 } };
static const struct bt_opt want_min_opts[] = {
    { .name = "min", .type = BT_OPT_U64, .off = offsetof(struct range_map, min), .set_off = offsetof(struct range_map, min_set), .max = MANY,
      .help = "at least" },
    { .name = "want", .type = BT_OPT_U64, .off = offsetof(struct range_map, want), .set_off = offsetof(struct range_map, want_set), .max = MANY,
      .help = "as many as fit, up to" },
    { 0 } };

static int parse_gpus(const struct bt_opt *opt, struct bt_opt_ctx *ctx, struct bt_err *err)
{
    struct bt_range *r = &workload(ctx)->gpus;
    const struct bt_node *n = ctx->node;
    *r = (struct bt_range){ .at = spec_mark(n) };
    if (spec_is(n, "auto"))
        return 0;
    r->set = true;
    if (n->kind == BT_NODE_MAP) {
        struct range_map m = { .min = 1, .max = MANY };
        if (bt_opt_map(min_max_opts, ctx->arena, ctx->doc, n, &m, err) < 0)
            return -1;
        if (m.min < 1 || m.min > m.max) {
            bt_node_err(err, ctx->doc, n, "gpus: min %llu and max %llu: want 1 <= min <= max", ull(m.min), ull(m.max));
            return bt_err_hint(err, "gpus: {min: %llu, max: %llu}", ull(BT_MAX(BT_MIN(m.min, m.max), 1u)), ull(BT_MAX(BT_MAX(m.min, m.max), 1u)));
        }
        r->min = m.min;
        r->want = r->max = m.max;
        return 0;
    }
    if (number(ctx->doc, n, opt->name, 0, MANY, &r->want, err) < 0)
        return bt_err_hint(err, "a number of GPUs per instance, {min: 1, max: 4}, or auto; 0 = none");
    r->min = r->max = r->want;
    return 0;
}

static int parse_copies(const struct bt_opt *opt, struct bt_opt_ctx *ctx, struct bt_err *err)
{
    struct bt_range *r = &workload(ctx)->copies;
    const struct bt_node *n = ctx->node;
    if (r->at.line) {
        bt_node_err(err, ctx->doc, n, "`replicas` and `slots` are the same thing: `replicas` of a server or service, `slots` of a job");
        return bt_err_hint(err, "leave one of the two out");
    }
    *r = (struct bt_range){ .at = spec_mark(n) };
    if (spec_is(n, "auto"))
        return 0;
    r->set = true;
    if (n->kind == BT_NODE_MAP) {
        struct range_map m = { .min = 1 };
        if (bt_opt_map(want_min_opts, ctx->arena, ctx->doc, n, &m, err) < 0)
            return -1;
        if (!m.want_set || m.min < 1 || m.min > m.want) {
            bt_node_err(err, ctx->doc, n, "%s: want {want: N, min: M} with 1 <= M <= N", opt->name);
            return bt_err_hint(err, "%s: {want: %llu, min: %llu}", opt->name, ull(BT_MAX(BT_MAX(m.want, m.min), 1u)), ull(BT_MAX(BT_MIN(m.want, m.min), 1u)));
        }
        r->want = r->max = m.want;
        r->min = m.min;
        return 0;
    }
    if (number(ctx->doc, n, opt->name, 1, MANY, &r->want, err) < 0)
        return bt_err_hint(err, "a number, {want: 8, min: 1}, or auto");
    r->min = r->max = r->want;
    return 0;
}

static int parse_pin(const struct bt_opt *opt, struct bt_opt_ctx *ctx, struct bt_err *err)
{
    struct bt_range *r = (struct bt_range *)((char *)ctx->target + opt->off);
    *r = (struct bt_range){ .at = spec_mark(ctx->node) };
    if (spec_is(ctx->node, "auto"))
        return 0;
    r->set = true;
    if (number(ctx->doc, ctx->node, opt->name, 1, 4096, &r->want, err) < 0)
        return bt_err_hint(err, "a number from 1, or auto");
    r->min = r->max = r->want;
    return 0;
}

static int parse_layers(const struct bt_opt *opt, struct bt_opt_ctx *ctx, struct bt_err *err)
{
    struct bt_workload *w = workload(ctx);
    const struct bt_node *n = ctx->node;
    w->pp_layers.v = NULL;
    w->pp_layers.n = 0;
    if (spec_is(n, "auto"))
        return 0;
    if (n->kind != BT_NODE_SEQ || n->n < 2 || n->n > 64) {
        bt_node_err(err, ctx->doc, n, "%s: want a list, one number for each of 2 to 64 stages", opt->name);
        return bt_err_hint(err, "pp_layers: [40, 24]");
    }
    for (size_t i = 0; i < n->n; i++) {
        uint64_t layers;
        if (number(ctx->doc, &n->items[i], opt->name, 1, 65536, &layers, err) < 0)
            return bt_err_hint(err, "layers of a stage, from 1");
        BT_PUSH(ctx->arena, w->pp_layers.v, w->pp_layers.n, (uint32_t)layers);
    }
    return 0;
}

/* ---- memory, expects ---- */

static const enum bt_mem_form form_of[BT_JOB__N] = {
    [BT_JOB_TRAIN] = BT_MEM_TRAIN, [BT_JOB_FORWARD] = BT_MEM_FORWARD, [BT_JOB_GENERATE] = BT_MEM_GENERATE, [BT_JOB_DIFFUSION] = BT_MEM_DIFFUSION,
};

struct like_map { const char *like; };
static const struct bt_opt like_opts[] = {
    { .name = "like", .type = BT_OPT_STR, .off = offsetof(struct like_map, like), .metavar = "RUN", .help = "what that run was measured to take" }, { 0 } };

static int like_map(const struct bt_opt *opt, struct bt_opt_ctx *ctx, struct bt_memory *m, struct bt_err *err)
{
    struct like_map l = { 0 };
    struct bt_str project = { 0 }, name;
    if (ctx->node->n > 1) {
        bt_node_err(err, ctx->doc, ctx->node, "%s: `like` stands alone: what was measured is not computed", opt->name);
        return bt_err_hint(err, "%s: {like: WORKLOAD}", opt->name);
    }
    if (bt_opt_map(like_opts, ctx->arena, ctx->doc, ctx->node, &l, err) < 0)
        return -1;
    name = bt_str_cut(bt_str(l.like), '/', &project);
    if (!name.p)
        name = project;
    if (!name.n || !project.n || memchr(name.p, '/', name.n)) {
        bt_node_err(err, ctx->doc, ctx->node, "%s: like: \"%.60s\": want a workload that ran on this machine", opt->name, l.like);
        return bt_err_hint(err, "{like: WORKLOAD}, or {like: PROJECT/WORKLOAD}");
    }
    m->form = BT_MEM_LIKE;
    m->like = l.like;
    return 0;
}

static int memory_map(const struct bt_opt *opt, struct bt_opt_ctx *ctx, struct bt_memory *m, struct bt_err *err)
{
    m->node = ctx->node;
    if (bt_node_get(ctx->node, "like"))
        return like_map(opt, ctx, m, err);
    struct bt_job *j = BT_NEW(ctx->arena, struct bt_job);
    const char *key = NULL;
    struct bt_err why = { 0 };
    if (bt_opt_map(bt_job_keys(), ctx->arena, ctx->doc, ctx->node, j, err) < 0)
        return -1;
    if (!j->kind_given) {
        bt_node_err(err, ctx->doc, ctx->node, "%s: want exactly one of train, forward, generate, diffusion, like", opt->name);
        return bt_err_hint(err, "%s: {train: MODEL, method: lora, rank: 64}", opt->name);
    }
    if (bt_job_check(j, &key, &why) < 0) {
        const struct bt_node *at = key ? bt_node_get(ctx->node, key) : NULL;
        bt_node_err(err, ctx->doc, at ? at : ctx->node, "%s: %s", opt->name, why.msg);
        return why.hint[0] ? bt_err_hint(err, "%s", why.hint) : -1;
    }
    m->form = form_of[j->kind];
    m->job = j;
    return 0;
}

static int parse_memory(const struct bt_opt *opt, struct bt_opt_ctx *ctx, struct bt_err *err)
{
    struct bt_memory *m = (struct bt_memory *)((char *)ctx->target + opt->off);
    const struct bt_node *n = ctx->node;
    *m = (struct bt_memory){ .at = spec_mark(n) };
    if (n->kind == BT_NODE_MAP)
        return memory_map(opt, ctx, m, err);
    if (n->kind != BT_NODE_SCALAR)
        return bt_node_err(err, ctx->doc, n, "%s: want a size, a share, rest, auto or a map, not %s", opt->name, bt_node_kind_name(n));
    struct bt_str t = bt_str(n->text);
    if (bt_str_eq(t, "auto"))
        return 0;
    if (bt_str_eq(t, "rest")) {
        m->form = BT_MEM_REST;
        return 0;
    }
    struct bt_err inner = { 0 };
    if (bt_str_ends(t, "%")) {
        m->form = BT_MEM_PERCENT;
        if (bt_f64_parse((struct bt_str){ t.p, t.n - 1 }, 0.01, 100, &m->percent, &inner) < 0) {
            bt_node_err(err, ctx->doc, n, "%s: \"%.60s\": want a share of each GPU from 0.01%% to 100%%", opt->name, n->text);
            return bt_err_hint(err, "40%%");
        }
        return 0;
    }
    m->form = BT_MEM_BYTES;
    if (bt_bytes_parse(t, &m->bytes, &inner) < 0 || !m->bytes) {
        bt_node_err(err, ctx->doc, n, "%s: %s", opt->name, inner.msg[0] ? inner.msg : "a berth of 0 bytes holds nothing");
        char *end;
        double share = strtod(n->text, &end);
        if (share > 0 && share <= 1 && end != n->text && !*end && strchr(n->text, '.'))
            return bt_err_hint(err, "a share of each GPU is written %g%%", share * 100);
        return bt_err_hint(err, "%s", inner.hint[0] ? inner.hint : "12GiB, 12GB, 40%, rest or auto");
    }
    return 0;
}

/* ---- context ---- */

struct context_map { uint64_t want, min; const char *same_as; };
static const struct bt_opt context_opts[] = {
    { .name = "min", .type = BT_OPT_U64, .off = offsetof(struct context_map, min), .min = 1, .max = 1e9, .help = "tokens it must have" },
    { .name = "same_as", .type = BT_OPT_STR, .off = offsetof(struct context_map, same_as), .metavar = "NAME", .help = "as that server's" },
    { .name = "want", .type = BT_OPT_U64, .off = offsetof(struct context_map, want), .min = 1, .max = 1e9, .help = "tokens it should have" },
    { 0 } };

static int parse_context(const struct bt_opt *opt, struct bt_opt_ctx *ctx, struct bt_err *err)
{
    struct bt_workload *w = workload(ctx);
    const struct bt_node *n = ctx->node;
    w->context.set = !spec_is(n, "auto");
    w->context.at = spec_mark(n);
    if (!w->context.set)
        return 0;
    if (n->kind != BT_NODE_MAP) {
        if (number(ctx->doc, n, opt->name, 1, 1000000000, &w->context.want, err) < 0)
            return bt_err_hint(err, "a number of tokens, {want: 32768, min: 4096}, {same_as: NAME} or auto");
        w->context.min = w->context.want;
        return 0;
    }
    struct context_map m = { 0 };
    if (bt_opt_map(context_opts, ctx->arena, ctx->doc, n, &m, err) < 0)
        return -1;
    if (m.same_as && (m.want || m.min)) {
        bt_node_err(err, ctx->doc, n, "context: `same_as` takes both numbers from %s: leave `want` and `min` out", m.same_as);
        return bt_err_hint(err, "context: {same_as: %.41s}", m.same_as);
    }
    if (m.want && m.min > m.want) {
        bt_node_err(err, ctx->doc, n, "context: min %llu is more than want %llu", ull(m.min), ull(m.want));
        return bt_err_hint(err, "context: {want: %llu, min: %llu}", ull(m.min), ull(m.want));
    }
    w->context.want = m.want;
    w->context.min = m.min;
    w->context.same_as = m.same_as;
    return 0;
}

/* ---- who with whom ---- */

struct share_map { struct bt_strs with; };
static const struct bt_opt share_opts[] = {
    { .name = "with", .type = BT_OPT_STRS, .off = offsetof(struct share_map, with), .metavar = "NAMES", .help = "only with these" }, { 0 } };

static int parse_share(const struct bt_opt *opt, struct bt_opt_ctx *ctx, struct bt_err *err)
{
    struct bt_workload *w = workload(ctx);
    const struct bt_node *n = ctx->node;
    (void)opt;
    w->share_with = (struct bt_strs){ 0 };
    if (n->kind == BT_NODE_MAP) {
        struct share_map m = { 0 };
        if (bt_opt_map(share_opts, ctx->arena, ctx->doc, n, &m, err) < 0)
            return -1;
        if (!m.with.n)
            return bt_node_err(err, ctx->doc, n, "share: {with: [...]} names nobody; alone on its cards is `share: never`");
        w->share = BT_SHARE_WITH;
        w->share_with = m.with;
        return 0;
    }
    if (spec_is(n, "true"))
        w->share = BT_SHARE_TRUE;
    else if (spec_is(n, "never") || spec_is(n, "false"))
        w->share = BT_SHARE_NEVER;
    else {
        bt_node_err(err, ctx->doc, n, "share: want true, never or {with: [NAME]}%s%.60s%s", n->kind == BT_NODE_SCALAR ? ", not \"" : "",
                    n->kind == BT_NODE_SCALAR ? n->text : "", n->kind == BT_NODE_SCALAR ? "\"" : "");
        return -1;
    }
    return 0;
}

static int parse_pool(const struct bt_opt *opt, struct bt_opt_ctx *ctx, struct bt_err *err)
{
    struct bt_workload *w = workload(ctx);
    w->pool = (struct bt_strs){ 0 };
    w->pool_at = spec_mark(ctx->node);
    if (spec_is(ctx->node, "all"))
        return 0;
    return spec_card_list(ctx->arena, ctx->doc, ctx->node, opt->name, &w->pool, err);
}

static int parse_names(const struct bt_opt *opt, struct bt_opt_ctx *ctx, struct bt_err *err)
{
    struct bt_strs *l = (struct bt_strs *)((char *)ctx->target + opt->off);
    *l = (struct bt_strs){ 0 };
    if (opt->off == AT(phases) && spec_is(ctx->node, "all"))
        return 0;
    return spec_name_list(ctx->arena, ctx->doc, ctx->node, opt->name, l, err);
}

static int parse_after(const struct bt_opt *opt, struct bt_opt_ctx *ctx, struct bt_err *err)
{
    static const char *const words[] = {
        [BT_AFTER_STARTED] = "started", [BT_AFTER_READY] = "ready", [BT_AFTER_DONE] = "done", [BT_AFTER_RELEASED] = "released"
    };
    struct bt_workload *w = workload(ctx);
    const struct bt_node *n = ctx->node;
    (void)opt;
    w->after = NULL;
    w->nafter = 0;
    if (n->kind != BT_NODE_MAP) {
        bt_node_err(err, ctx->doc, n, "after: want a map, not %s", bt_node_kind_name(n));
        return bt_err_hint(err, "after: {NAME: ready}");
    }
    for (size_t i = 0; i < n->n; i++) {
        const struct bt_node *v = &n->items[i];
        size_t k = 0;
        while (k < BT_LEN(words) && !spec_is(v, words[k]))
            k++;
        if (k == BT_LEN(words)) {
            bt_node_err(err, ctx->doc, v, "after: %s: want started, ready, done or released", n->keys[i].text);
            const char *near = v->kind == BT_NODE_SCALAR ? bt_str_nearest(bt_str(v->text), words, BT_LEN(words)) : NULL;
            return bt_err_hint(err, "after: {%.41s: %s}", n->keys[i].text, near ? near : "ready");
        }
        struct bt_dep d = { .name = n->keys[i].text, .what = (enum bt_after)k, .at = spec_mark(&n->keys[i]) };
        BT_PUSH(ctx->arena, w->after, w->nafter, d);
    }
    return 0;
}

/* ---- commands ---- */

static int parse_words(const struct bt_opt *opt, struct bt_opt_ctx *ctx, struct bt_err *err)
{
    struct bt_strs *l = (struct bt_strs *)((char *)ctx->target + opt->off);
    const struct bt_node *n = ctx->node;
    *l = (struct bt_strs){ 0 };
    const char *one;
    if (n->kind == BT_NODE_SCALAR) {
        if (strpbrk(n->text, " \t\n")) {
            bt_node_err(err, ctx->doc, n, "%s: one text with spaces: no shell splits it", opt->name);
            return bt_err_hint(err, "%s",
                               !strcmp(opt->name, "args") ? "args: [--flag, value]" : "command: [python3, train.py], or [sh, -c, \"...\"]");
        }
        if (spec_scalar(ctx->doc, n, opt->name, &one, err) < 0)
            return -1;
        BT_PUSH(ctx->arena, l->v, l->n, one);
        return 0;
    }
    if (n->kind != BT_NODE_SEQ)
        return bt_node_err(err, ctx->doc, n, "%s: want a list of words, not %s", opt->name, bt_node_kind_name(n));
    for (size_t i = 0; i < n->n; i++) {
        if (n->items[i].kind != BT_NODE_SCALAR)
            return bt_node_err(err, ctx->doc, &n->items[i], "%s: want words, not %s", opt->name, bt_node_kind_name(&n->items[i]));
        BT_PUSH(ctx->arena, l->v, l->n, n->items[i].text);
    }
    if (!l->n || (!strcmp(opt->name, "command") && !l->v[0][0]))
        return bt_node_err(err, ctx->doc, n, "%s: it is empty", opt->name);
    return 0;
}

/* What berth itself sets: the plan's answer, not a wish. */
static bool env_is_ours(const char *key)
{
    static const char *const ours[] = {
        "CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER", "NVIDIA_VISIBLE_DEVICES", "VLLM_PORT", "VLLM_PP_LAYER_PARTITION", "SGLANG_PP_LAYER_PARTITION",
        "TMPDIR", "PORT"
    };
    for (size_t i = 0; i < BT_LEN(ours); i++)
        if (!strcmp(key, ours[i]))
            return true;
    return !strncmp(key, "BERTH_", 6) && strncmp(key, "BERTH_SIM_", 10);     /* how a simulated engine behaves is the user's to say */
}

static int parse_env(const struct bt_opt *opt, struct bt_opt_ctx *ctx, struct bt_err *err)
{
    struct bt_workload *w = workload(ctx);
    const struct bt_node *n = ctx->node;
    (void)opt;
    w->env = NULL;
    w->nenv = 0;
    if (n->kind != BT_NODE_MAP) {
        bt_node_err(err, ctx->doc, n, "env: want a map of variables, not %s", bt_node_kind_name(n));
        return bt_err_hint(err, "env: {NAME: value}");
    }
    for (size_t i = 0; i < n->n; i++) {
        const struct bt_node *k = &n->keys[i], *v = &n->items[i];
        const char *c = k->text;
        while (isalnum((unsigned char)*c) || *c == '_')
            c++;
        if (*c || !k->text[0] || isdigit((unsigned char)k->text[0])) {
            bt_node_err(err, ctx->doc, k, "env: \"%.60s\" is not a name of a variable", k->text);
            return bt_err_hint(err, "letters, digits and _, no digit first: MY_VAR");
        }
        if (env_is_ours(k->text)) {
            bt_node_err(err, ctx->doc, k, "env: %s is set by berth, from the plan", k->text);
            return bt_err_hint(err, strstr(k->text, "LAYER") ? "pp_layers: [40, 24]" : "`pool` and `gpus` say which cards, `port` which port");
        }
        if (v->kind != BT_NODE_SCALAR)
            return bt_node_err(err, ctx->doc, v->line ? v : k, "env: %s: want a text, not %s", k->text, bt_node_kind_name(v));
        bool reference = !strncmp(v->text, "${", 2) && !strncmp(v->text + 2, k->text, strlen(k->text)) && !strcmp(v->text + 2 + strlen(k->text), "}");
        struct bt_kv_pair kv = { k->text, reference ? NULL : v->text, spec_mark(k) };
        BT_PUSH(ctx->arena, w->env, w->nenv, kv);
    }
    return 0;
}

static int parse_port(const struct bt_opt *opt, struct bt_opt_ctx *ctx, struct bt_err *err)
{
    struct bt_workload *w = workload(ctx);
    w->port_set = true;
    w->port = 0;
    if (spec_is(ctx->node, "auto"))
        return 0;
    if (number(ctx->doc, ctx->node, opt->name, 1, 65535, &w->port, err) < 0)
        return bt_err_hint(err, "a TCP port, or auto for a free one");
    return 0;
}

struct ready_map { const char *http, *log, *file; bool port; };
static const struct bt_opt ready_opts[] = {
    { .name = "file", .type = BT_OPT_STR, .off = offsetof(struct ready_map, file), .metavar = "PATH", .help = "this file exists" },
    { .name = "http", .type = BT_OPT_STR, .off = offsetof(struct ready_map, http), .metavar = "PATH",
      .help = "GET of this path on its port answers 200" },
    { .name = "log", .type = BT_OPT_STR, .off = offsetof(struct ready_map, log), .metavar = "REGEX",
      .help = "a line of its output matches (POSIX extended)" },
    { .name = "port", .type = BT_OPT_BOOL, .off = offsetof(struct ready_map, port), .help = "its port accepts connections" },
    { 0 } };

static int check_pattern(const struct bt_doc *doc, const struct bt_node *at, const char *text, struct bt_err *err)
{
    bt_auto_arena a = { 0 };
    struct bt_err why = { 0 };
    const struct bt_pattern *p;
    if (bt_pattern_compile(&a, text, &p, &why) == 0)
        return 0;
    bt_node_err(err, doc, at, "ready: log: %s", why.msg);
    return bt_err_hint(err, "%s", why.hint[0] ? why.hint : "[(] is a plain parenthesis, [.] a plain dot: POSIX extended");
}

static int parse_ready(const struct bt_opt *opt, struct bt_opt_ctx *ctx, struct bt_err *err)
{
    struct bt_workload *w = workload(ctx);
    const struct bt_node *n = ctx->node;
    (void)opt;
    w->ready.arg = NULL;
    if (spec_is(n, "exec") || spec_is(n, "port")) {
        w->ready.kind = spec_is(n, "exec") ? BT_READY_EXEC : BT_READY_PORT;
        return 0;
    }
    if (n->kind != BT_NODE_MAP || n->n != 1) {
        bt_node_err(err, ctx->doc, n, "ready: want one way to tell");
        return bt_err_hint(err, "{http: /health}, {log: \"listening\"}, {file: ready.txt}, port or exec");
    }
    struct ready_map m = { 0 };
    if (bt_opt_map(ready_opts, ctx->arena, ctx->doc, n, &m, err) < 0)
        return -1;
    if (m.http) {
        if (m.http[0] != '/' || strpbrk(m.http, " \r\n")) {
            bt_node_err(err, ctx->doc, &n->items[0], "ready: http: want a path such as /health");
            return bt_err_hint(err, "ready: {http: /health}");
        }
        w->ready.kind = BT_READY_HTTP;
        w->ready.arg = m.http;
    } else if (m.log) {
        if (check_pattern(ctx->doc, &n->items[0], m.log, err) < 0)
            return -1;
        w->ready.kind = BT_READY_LOG;
        w->ready.arg = m.log;
    } else if (m.file) {
        w->ready.kind = BT_READY_FILE;
        w->ready.arg = m.file;
    } else if (m.port) {
        w->ready.kind = BT_READY_PORT;
    } else {
        bt_node_err(err, ctx->doc, n, "ready: port: false is no way to tell");
        return bt_err_hint(err, "ready: port, or leave `ready` out");
    }
    return 0;
}

struct restart_map { const char *policy; uint64_t max; };
static const struct bt_opt restart_opts[] = {
    { .name = "max", .type = BT_OPT_U64, .off = offsetof(struct restart_map, max), .max = MANY, .help = "restarts in a row, then it has failed" },
    { .name = "policy", .type = BT_OPT_STR, .off = offsetof(struct restart_map, policy), .help = "on-failure, always, never" },
    { 0 } };

static int one_of(const struct bt_doc *doc, const struct bt_node *n, const char *key, const char *const *words, const char **out, struct bt_err *err)
{
    size_t k = 0;
    for (; words[k]; k++)
        if (spec_is(n, words[k])) {
            *out = words[k];
            return 0;
        }
    bt_auto_buf struct bt_buf list = BT_BUF(400);
    for (size_t i = 0; i < k; i++)
        bt_buf_printf(&list, "%s%s", i ? ", " : "", words[i]);
    if (n->kind != BT_NODE_SCALAR)
        return bt_node_err(err, doc, n, "%s: want one of %s, not %s", key, bt_buf_z(&list), bt_node_kind_name(n));
    bt_node_err(err, doc, n, "%s: \"%.60s\" is none of %s", key, n->text, bt_buf_z(&list));
    const char *near = bt_str_nearest(bt_str(n->text), words, k);
    return near ? bt_err_hint(err, "%s", near) : -1;
}

static int parse_restart(const struct bt_opt *opt, struct bt_opt_ctx *ctx, struct bt_err *err)
{
    static const char *const words[] = { "on-failure", "always", "never", NULL };
    struct bt_workload *w = workload(ctx);
    const struct bt_node *n = ctx->node, *policy = n;
    w->restart = words[0];
    if (n->kind == BT_NODE_MAP) {
        struct restart_map m = { .max = w->restart_max };
        if (bt_opt_map(restart_opts, ctx->arena, ctx->doc, n, &m, err) < 0)
            return -1;
        w->restart_max = m.max;
        policy = bt_node_get(n, "policy");
        if (!policy)
            return 0;
    }
    return one_of(ctx->doc, policy, opt->name, words, &w->restart, err);
}

/* ---- single words ---- */

static int parse_choice(const struct bt_opt *opt, struct bt_opt_ctx *ctx, struct bt_err *err)
{
    return one_of(ctx->doc, ctx->node, opt->name, opt->choices, (const char **)((char *)ctx->target + opt->off), err);
}

static int parse_kind(const struct bt_opt *opt, struct bt_opt_ctx *ctx, struct bt_err *err)
{
    static const char *const words[] = { "server", "service", "job", NULL };
    const char *word;
    if (one_of(ctx->doc, ctx->node, opt->name, words, &word, err) < 0)
        return -1;
    workload(ctx)->kind = !strcmp(word, "server") ? BT_SERVER : !strcmp(word, "job") ? BT_JOB : BT_SERVICE;
    return 0;
}

static int parse_engine(const struct bt_opt *opt, struct bt_opt_ctx *ctx, struct bt_err *err)
{
    const char *all[16] = { 0 };
    size_t n = 0;
    for (const char *const *e = bt_engine_names(); *e && n < 15; e++)
        all[n++] = *e;
    return one_of(ctx->doc, ctx->node, opt->name, all, &workload(ctx)->engine, err);
}

/* "0.10" unquoted is the number 0.1 to other YAML readers. */
static int parse_version(const struct bt_opt *opt, struct bt_opt_ctx *ctx, struct bt_err *err)
{
    const struct bt_node *n = ctx->node;
    char *end;
    if (n->kind == BT_NODE_SCALAR && !n->quoted && (strtod(n->text, &end), end != n->text && !*end)) {
        bt_node_err(err, ctx->doc, n, "%s: %s is a number; a version is a text", opt->name, n->text);
        return bt_err_hint(err, "\"%s\"", n->text);
    }
    return spec_scalar(ctx->doc, n, opt->name, &workload(ctx)->engine_version, err);
}

static int parse_priority(const struct bt_opt *opt, struct bt_opt_ctx *ctx, struct bt_err *err)
{
    const struct bt_node *n = ctx->node;
    char *end = NULL;
    long v = n->kind == BT_NODE_SCALAR && !n->quoted ? strtol(n->text, &end, 10) : 0;
    if (!end || end == n->text || *end || v < -1000 || v > 1000) {
        bt_node_err(err, ctx->doc, n, "%s: want a whole number from -1000 to 1000", opt->name);
        return bt_err_hint(err, "priority: 10; without it 0");
    }
    workload(ctx)->priority = v;
    return 0;
}

/* ---- adapters, matrix ---- */

struct adapters_map { uint64_t max, max_rank; const char *watch; struct bt_strs preload; };
static const struct bt_opt adapters_opts[] = {
    { .name = "max", .type = BT_OPT_U64, .off = offsetof(struct adapters_map, max), .min = 1, .max = 4096, .help = "slots on the GPU" },
    { .name = "max_rank", .type = BT_OPT_U64, .off = offsetof(struct adapters_map, max_rank), .min = 1, .max = 512, .help = "largest rank" },
    { .name = "preload", .type = BT_OPT_STRS, .off = offsetof(struct adapters_map, preload), .metavar = "PATHS", .help = "loaded at start" },
    { .name = "watch", .type = BT_OPT_STR, .off = offsetof(struct adapters_map, watch), .metavar = "FOLDER",
      .help = "adapters that appear here are loaded" },
    { 0 } };

static int parse_adapters(const struct bt_opt *opt, struct bt_opt_ctx *ctx, struct bt_err *err)
{
    struct bt_workload *w = workload(ctx);
    struct adapters_map m = { .max = 1, .max_rank = 16 };
    if (ctx->node->kind != BT_NODE_MAP) {
        bt_node_err(err, ctx->doc, ctx->node, "%s: want a map, not %s", opt->name, bt_node_kind_name(ctx->node));
        return bt_err_hint(err, "adapters: {max: 8, max_rank: 64}");
    }
    if (bt_opt_map(adapters_opts, ctx->arena, ctx->doc, ctx->node, &m, err) < 0)
        return -1;
    static const uint64_t ranks[] = { 1, 8, 16, 32, 64, 128, 256, 320, 512 };       /* vLLM config/lora.py */
    size_t k = 0;
    while (k < BT_LEN(ranks) && ranks[k] != m.max_rank)
        k++;
    if (k == BT_LEN(ranks)) {
        const struct bt_node *at = bt_node_get(ctx->node, "max_rank");
        bt_node_err(err, ctx->doc, at ? at : ctx->node, "adapters: max_rank %llu is none of 1, 8, 16, 32, 64, 128, 256, 320, 512",
                    (unsigned long long)m.max_rank);
        for (k = 0; ranks[k] < m.max_rank; k++) {}
        return bt_err_hint(err, "max_rank: %llu", (unsigned long long)ranks[k]);
    }
    w->adapters.set = true;
    w->adapters.max = m.max;
    w->adapters.max_rank = m.max_rank;
    w->adapters.watch = m.watch;
    w->adapters.preload = m.preload;
    return 0;
}

static int parse_matrix(const struct bt_opt *opt, struct bt_opt_ctx *ctx, struct bt_err *err)
{
    struct bt_workload *w = workload(ctx);
    const struct bt_node *n = ctx->node;
    w->matrix = NULL;
    w->nmatrix = 0;
    if (n->kind != BT_NODE_MAP) {
        bt_node_err(err, ctx->doc, n, "%s: want a map of lists, not %s", opt->name, bt_node_kind_name(n));
        return bt_err_hint(err, "matrix: {layer: [10, 11, 12]}");
    }
    if (n->n > 32) {
        bt_node_err(err, ctx->doc, n, "matrix: %zu keys; at most 32", n->n);
        return bt_err_hint(err, "put what goes together into one value");
    }
    for (size_t i = 0; i < n->n; i++) {
        struct bt_kv_list l = { .key = n->keys[i].text };
        const struct bt_node *v = &n->items[i];
        if (!strcmp(l.key, "shard") || !strcmp(l.key, "shards")) {
            bt_node_err(err, ctx->doc, &n->keys[i], "matrix: \"%s\" is taken: ${job.%s} comes from `shards`", l.key, l.key);
            return bt_err_hint(err, "give the key another name");
        }
        if (v->kind != BT_NODE_SEQ || !v->n)
            return bt_node_err(err, ctx->doc, v->line ? v : &n->keys[i], "matrix: %s: want a list of values, not %s", l.key,
                               v->kind == BT_NODE_SEQ ? "an empty one" : bt_node_kind_name(v));
        for (size_t k = 0; k < v->n; k++) {
            if (v->items[k].kind != BT_NODE_SCALAR)
                return bt_node_err(err, ctx->doc, &v->items[k], "matrix: %s: want plain values, not %s", l.key, bt_node_kind_name(&v->items[k]));
            BT_PUSH(ctx->arena, l.values.v, l.values.n, v->items[k].text);
        }
        BT_PUSH(ctx->arena, w->matrix, w->nmatrix, l);
    }
    return 0;
}

/* ---- the table ---- */

static const char *const park_words[] = { "auto", "none", "kv", "sleep", "checkpoint", "stop", NULL };
static const char *const drift_words[] = { "warn", "stop", NULL };

static const struct bt_opt workload_opts[] = {
    { .name = "adapters", .type = BT_OPT_CUSTOM, .parse = parse_adapters, .off = AT(adapters),
      .help = "LoRA slots: {max, max_rank, watch, preload}", .example = "{max: 8, max_rank: 64}" },
    { .name = "after", .type = BT_OPT_CUSTOM, .parse = parse_after, .off = AT(after), .help = "{NAME: started, ready, done, released}",
          .example = "{NAME: ready}" },
    { .name = "apart", .type = BT_OPT_CUSTOM, .parse = parse_names, .off = AT(apart), .help = "never on a card with these", .example = "[NAME]" },
    { .name = "args", .type = BT_OPT_CUSTOM, .parse = parse_words, .off = AT(args), .help = "raw engine flags", .example = "[--max-num-seqs, 64]" },
    { .name = "bin", .type = BT_OPT_STR, .off = AT(bin), .metavar = "PATH", .help = "the engine's program", .example = "/opt/vllm/bin/vllm" },
    { .name = "command", .type = BT_OPT_CUSTOM, .parse = parse_words, .off = AT(command), .help = "program and arguments of a service or job",
          .example = "[python3, run.py]" },
    { .name = "context", .type = BT_OPT_CUSTOM, .parse = parse_context, .off = AT(context), .help = "tokens: N, {want, min}, {same_as}",
          .example = "{want: 32768, min: 4096}" },
    { .name = "cwd", .type = BT_OPT_STR, .off = AT(cwd), .metavar = "FOLDER", .help = "where it runs (default: the spec's folder)", .example = "work" },
    { .name = "dp", .type = BT_OPT_CUSTOM, .parse = parse_pin, .off = AT(dp), .help = "data parallel", .example = "2" },
    { .name = "dtype", .type = BT_OPT_STR, .off = AT(dtype), .help = "as the engine names it", .example = "bfloat16" },
    { .name = "engine", .type = BT_OPT_CUSTOM, .parse = parse_engine, .off = AT(engine), .help = "vllm, sglang, llama-server", .example = "vllm" },
    { .name = "engine_version", .type = BT_OPT_CUSTOM, .parse = parse_version, .off = AT(engine_version), .help = "default: the installed one",
          .example = "\"0.11.0\"" },
    { .name = "env", .type = BT_OPT_CUSTOM, .parse = parse_env, .off = AT(env), .help = "variables", .example = "{NAME: value}" },
    { .name = "ep", .type = BT_OPT_CUSTOM, .parse = parse_pin, .off = AT(ep), .help = "expert parallel", .example = "8" },
    { .name = "expects", .type = BT_OPT_CUSTOM, .parse = parse_memory, .off = AT(expects), .help = "what should fit in `memory: rest`",
          .example = "{train: MODEL, method: lora, rank: 64}" },
    { .name = "gpus", .type = BT_OPT_CUSTOM, .parse = parse_gpus, .off = AT(gpus), .help = "per instance: N, {min, max}, auto; 0 = none", .example = "2" },
    { .name = "guard", .type = BT_OPT_BOOL, .off = AT(guard), .set_off = AT(guard_set), .help = "hold it to its bytes", .example = "true" },
    { .name = "kind", .type = BT_OPT_CUSTOM, .parse = parse_kind, .off = AT(kind), .help = "server, service, job", .example = "service" },
    { .name = "kv_dtype", .type = BT_OPT_STR, .off = AT(kv_dtype), .help = "of the KV cache, as the engine names it", .example = "fp8" },
    { .name = "matrix", .type = BT_OPT_CUSTOM, .parse = parse_matrix, .off = AT(matrix), .help = "tasks of a job: {key: [values]}",
          .example = "{layer: [10, 11, 12]}" },
    { .name = "memory", .type = BT_OPT_CUSTOM, .parse = parse_memory, .off = AT(memory), .help = "the whole berth per GPU", .example = "12GiB" },
    { .name = "model", .type = BT_OPT_STR, .off = AT(model), .help = "folder or id", .example = "Qwen/Qwen2.5-7B-Instruct" },
    { .name = "on_drift", .type = BT_OPT_CUSTOM, .parse = parse_choice, .choices = drift_words, .off = AT(on_drift), .help = "warn, stop", .example = "warn" },
    { .name = "optional", .type = BT_OPT_BOOL, .off = AT(optional), .help = "the plan may leave it out", .example = "true" },
    { .name = "park", .type = BT_OPT_CUSTOM, .parse = parse_choice, .choices = park_words, .off = AT(park),
      .help = "how it gives memory back between phases", .example = "sleep" },
    { .name = "phases", .type = BT_OPT_CUSTOM, .parse = parse_names, .off = AT(phases), .help = "when it is active (default: all)", .example = "[NAME]" },
    { .name = "pool", .type = BT_OPT_CUSTOM, .parse = parse_pool, .off = AT(pool), .help = "the cards it may use (default: all)", .example = "[0, 1]" },
    { .name = "port", .type = BT_OPT_CUSTOM, .parse = parse_port, .off = AT(port), .help = "TCP port, or auto", .example = "8000" },
    { .name = "pp", .type = BT_OPT_CUSTOM, .parse = parse_pin, .off = AT(pp), .help = "pipeline parallel", .example = "2" },
    { .name = "pp_layers", .type = BT_OPT_CUSTOM, .parse = parse_layers, .off = AT(pp_layers), .help = "layers of each pipeline stage: [N, N, ...]",
          .example = "[40, 24]" },
    { .name = "priority", .type = BT_OPT_CUSTOM, .parse = parse_priority, .off = AT(priority), .help = "higher is placed first and weighs more",
          .example = "1" },
    { .name = "quantization", .type = BT_OPT_STR, .off = AT(quantization), .help = "as the engine names it", .example = "awq" },
    { .name = "ready", .type = BT_OPT_CUSTOM, .parse = parse_ready, .off = AT(ready), .help = "how to tell that it is ready", .example = "{http: /health}" },
    { .name = "replicas", .type = BT_OPT_CUSTOM, .parse = parse_copies, .off = AT(copies),
      .help = "copies of a server or service: N, {want, min}, auto", .example = "2" },
    { .name = "requests", .type = BT_OPT_U64, .off = AT(requests), .min = 1, .max = 1048576,
      .help = "requests of context.min that must fit at once", .example = "4" },
    { .name = "restart", .type = BT_OPT_CUSTOM, .parse = parse_restart, .off = AT(restart), .help = "on-failure, always, never, {policy, max}",
          .example = "on-failure" },
    { .name = "retries", .type = BT_OPT_U64, .off = AT(retries), .max = MANY, .help = "of a job", .example = "3" },
    { .name = "revision", .type = BT_OPT_STR, .off = AT(revision), .help = "of the model", .example = "main" },
    { .name = "same_gpus_as", .type = BT_OPT_STR, .off = AT(same_gpus_as), .metavar = "NAME", .help = "exactly that workload's cards", .example = "NAME" },
    { .name = "shards", .type = BT_OPT_U64, .off = AT(shards), .min = 1, .max = 1000000, .help = "parts of each cell of a job", .example = "4" },
    { .name = "share", .type = BT_OPT_CUSTOM, .parse = parse_share, .off = AT(share), .help = "true, never, {with: [NAME]}", .example = "never" },
    { .name = "slots", .type = BT_OPT_CUSTOM, .parse = parse_copies, .off = AT(copies), .help = "tasks of a job at once: N, {want, min}, auto",
          .example = "4" },
    { .name = "stop_grace", .type = BT_OPT_DURATION, .off = AT(stop_grace_ms), .max = 3600000,
      .help = "how long requests of a server may go on; from SIGTERM to SIGKILL of a command", .example = "30s" },
    { .name = "tp", .type = BT_OPT_CUSTOM, .parse = parse_pin, .off = AT(tp), .help = "tensor parallel", .example = "2" },
    { .name = "trust_remote_code", .type = BT_OPT_BOOL, .off = AT(trust_remote_code), .help = "run Python code that comes with the model", .example = "true" },
    { .name = "venv", .type = BT_OPT_STR, .off = AT(venv), .metavar = "FOLDER", .help = "where the engine is installed", .example = ".venv" },
    { 0 } };

const struct bt_opt *bt_spec_workload_keys(void) { return workload_opts; }

int spec_workload(struct spec_reading *r, const char *name, const struct bt_node *map, struct bt_workload *w, struct bt_err *err)
{
    struct bt_spec *s = r->s;
    if (map->kind != BT_NODE_MAP) {
        bt_node_err(err, &s->doc, map, "workloads.%s: want a map, not %s", name, bt_node_kind_name(map));
        return bt_err_hint(err, "%.41s: {engine: vllm, model: Qwen/Qwen2.5-7B-Instruct}", name);
    }
    *w = (struct bt_workload){ .name = name, .at = spec_mark(map), .node = map, .kind = BT_SERVER, .requests = 1, .park = "auto",
                                .restart = "on-failure", .restart_max = 5,
                               .stop_grace_ms = 10000, .on_drift = "warn", .shards = 1,
                               .copies = { .set = true, .want = 1, .min = 1, .max = 1 } };
    if (bt_opt_map(workload_opts, r->a, &s->doc, map, w, err) < 0)
        return err->hint[0] ? -1 : bt_err_hint(err, "docs/reference/spec.md lists the keys of a workload; your own begin with x-");
    w->cwd = bt_path_abs(r->a, s->dir, w->cwd ? w->cwd : ".");
    if (w->bin && strchr(w->bin, '/'))
        w->bin = bt_path_abs(r->a, s->dir, w->bin);
    if (w->venv)
        w->venv = bt_path_abs(r->a, s->dir, w->venv);
    if (w->ready.kind == BT_READY_FILE)
        w->ready.arg = bt_path_abs(r->a, w->cwd, w->ready.arg);
    return 0;
}

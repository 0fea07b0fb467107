/* spec - the top of berth.yaml, and the order in which the rest is read. */
#include <ctype.h>
#include <errno.h>

#include "base/file.h"
#include "base/units.h"
#include "spec/spec_int.h"

#define MAX_SPEC (16 * MiB)
#define MAX_WORKLOADS 16384

/* ---- small readers that every file of this folder uses ---- */

int spec_check_name(const struct bt_doc *doc, const struct bt_node *at, const char *what, struct bt_err *err)
{
    const char *t = at->kind == BT_NODE_SCALAR ? at->text : "";
    size_t n = strlen(t);
    bool ok = n >= 1 && n <= 41 && t[0] >= 'a' && t[0] <= 'z';
    for (size_t i = 0; ok && i < n; i++)
        ok = (t[i] >= 'a' && t[i] <= 'z') || (t[i] >= '0' && t[i] <= '9') || t[i] == '-';
    if (ok)
        return 0;
    bt_node_err(err, doc, at, "\"%.60s\" is not a name for %s", t, what);
    return bt_err_hint(err, "small letters, digits and dashes, a letter first, at most 41: my-model-2");
}

int spec_scalar(const struct bt_doc *doc, const struct bt_node *n, const char *key, const char **out, struct bt_err *err)
{
    if (n->kind != BT_NODE_SCALAR || !n->text[0])
        return bt_node_err(err, doc, n, "%s: want a text, not %s", key, n->kind == BT_NODE_SCALAR ? "an empty one" : bt_node_kind_name(n));
    *out = n->text;
    return 0;
}

static int push_unique(struct bt_arena *a, const struct bt_doc *doc, const struct bt_node *n, const char *key, struct bt_strs *out,
                       struct bt_err *err)
{
    const char *text;
    if (spec_scalar(doc, n, key, &text, err) < 0)
        return -1;
    if (spec_strs_has(out, text)) {
        bt_node_err(err, doc, n, "%s: %s is named twice", key, text);
        return bt_err_hint(err, "name it once");
    }
    BT_PUSH(a, out->v, out->n, text);
    return 0;
}

int spec_name_list(struct bt_arena *a, const struct bt_doc *doc, const struct bt_node *n, const char *key, struct bt_strs *out, struct bt_err *err)
{
    if (n->kind == BT_NODE_SCALAR)
        return push_unique(a, doc, n, key, out, err);
    if (n->kind != BT_NODE_SEQ || !n->n)
        return bt_node_err(err, doc, n, "%s: want a name or a list of names, not %s", key,
                           n->kind == BT_NODE_SEQ ? "an empty list" : bt_node_kind_name(n));
    for (size_t i = 0; i < n->n; i++)
        if (push_unique(a, doc, &n->items[i], key, out, err) < 0)
            return -1;
    return 0;
}

static bool is_card(const char *t)
{
    size_t digits = strspn(t, "0123456789");
    if (digits && !t[digits])
        return digits <= 4;
    static const char *const starts[] = { "GPU-", "MIG-", "virtual-" };
    for (size_t i = 0; i < BT_LEN(starts); i++)
        if (!strncmp(t, starts[i], strlen(starts[i])) && t[strlen(starts[i])])
            return t[strcspn(t, " ,\t\n")] == 0;
    return false;
}

int spec_card_list(struct bt_arena *a, const struct bt_doc *doc, const struct bt_node *n, const char *key, struct bt_strs *out, struct bt_err *err)
{
    bool one = n->kind == BT_NODE_SCALAR;
    if (!one && (n->kind != BT_NODE_SEQ || !n->n)) {
        bt_node_err(err, doc, n, "%s: want a list of cards, not %s", key, n->kind == BT_NODE_SEQ ? "an empty one" : bt_node_kind_name(n));
        return bt_err_hint(err, "%s: [0, 1]", key);
    }
    for (size_t i = 0; i < (one ? 1 : n->n); i++) {
        const struct bt_node *v = one ? n : &n->items[i];
        const char *text;
        if (spec_scalar(doc, v, key, &text, err) < 0)
            return -1;
        if (!is_card(text)) {
            bt_node_err(err, doc, v, "%s: \"%.60s\" is not a card", key, text);
            return bt_err_hint(err, "an index of `berth gpus` (0, 1, ...) or a uuid (GPU-...)");
        }
        const char *plain = text;                    /* 00 is 0 */
        while (plain[0] == '0' && plain[1])
            plain++;
        if (spec_strs_has(out, plain)) {
            bt_node_err(err, doc, v, "%s: card %s is named twice", key, plain);
            return bt_err_hint(err, "name each card once");
        }
        BT_PUSH(a, out->v, out->n, plain);
    }
    return 0;
}

/* ---- the top level ---- */

#define AT(f) offsetof(struct bt_spec, f)

static int parse_name(const struct bt_opt *opt, struct bt_opt_ctx *ctx, struct bt_err *err)
{
    struct bt_spec *s = ctx->target;
    (void)opt;
    s->name = ctx->node->text;
    return spec_check_name(ctx->doc, ctx->node, "a project", err);
}

static int parse_gpus(const struct bt_opt *opt, struct bt_opt_ctx *ctx, struct bt_err *err)
{
    struct bt_spec *s = ctx->target;
    const struct bt_node *n = ctx->node;
    s->gpus_at = spec_mark(n);
    if (n->kind == BT_NODE_SEQ) {
        struct bt_strs cards = { 0 };
        if (spec_card_list(ctx->arena, ctx->doc, n, opt->name, &cards, err) < 0)
            return -1;
        bt_auto_buf struct bt_buf b = BT_BUF(64 * KiB);
        for (size_t i = 0; i < cards.n; i++)
            bt_buf_printf(&b, "%s%s", i ? "," : "", cards.v[i]);
        s->gpus = bt_arena_strdup(ctx->arena, bt_buf_z(&b));
        return 0;
    }
    if (spec_scalar(ctx->doc, n, opt->name, &s->gpus, err) < 0)
        return -1;
    if (s->gpus[strspn(s->gpus, "0123456789")] == 0) {
        bt_node_err(err, ctx->doc, n, "gpus: %.20s: a card or a number of cards?", s->gpus);
        return bt_err_hint(err, "[%.8s] is card %.8s of this machine, %.8sxRTX-4090 are %.8s cards of a kind, auto is all there are", s->gpus,
                           s->gpus, s->gpus, s->gpus);
    }
    return 0;
}

static int parse_phases(const struct bt_opt *opt, struct bt_opt_ctx *ctx, struct bt_err *err)
{
    struct bt_spec *s = ctx->target;
    const struct bt_node *n = ctx->node;
    if (spec_name_list(ctx->arena, ctx->doc, n, opt->name, &s->phases, err) < 0)
        return -1;
    for (size_t i = 0; i < s->phases.n; i++)
        if (spec_check_name(ctx->doc, n->kind == BT_NODE_SEQ ? &n->items[i] : n, "a phase", err) < 0)
            return -1;
    return 0;
}

static int parse_workloads(const struct bt_opt *opt, struct bt_opt_ctx *ctx, struct bt_err *err)
{
    const struct bt_node *n = ctx->node;
    if (n->kind != BT_NODE_MAP || !n->n) {
        bt_node_err(err, ctx->doc, n, "%s: want a map of workloads, not %s", opt->name,
                    n->kind == BT_NODE_MAP ? "an empty one" : bt_node_kind_name(n));
        return bt_err_hint(err, "workloads: {llm: {engine: vllm, model: Qwen/Qwen2.5-7B-Instruct}}");
    }
    if (n->n > MAX_WORKLOADS) {
        bt_node_err(err, ctx->doc, n, "%s: %zu of them; at most %d", opt->name, n->n, MAX_WORKLOADS);
        return bt_err_hint(err, "cut it into several specs: a project each");
    }
    for (size_t i = 0; i < n->n; i++)
        if (spec_check_name(ctx->doc, &n->keys[i], "a workload", err) < 0)
            return -1;
    return 0;
}

struct gateway_map { const char *listen; bool cache; const struct bt_node *routes; };
static int parse_routes(const struct bt_opt *opt, struct bt_opt_ctx *ctx, struct bt_err *err)
{
    if (ctx->node->kind != BT_NODE_MAP) {
        bt_node_err(err, ctx->doc, ctx->node, "gateway: %s: want a map, not %s", opt->name, bt_node_kind_name(ctx->node));
        return bt_err_hint(err, "gateway: {%s: {...}}; docs/reference/spec.md has its keys", opt->name);
    }
    return 0;
}
static const struct bt_opt gateway_opts[] = {
    { .name = "cache", .type = BT_OPT_BOOL, .off = offsetof(struct gateway_map, cache), .help = "keep completions" },
    { .name = "listen", .type = BT_OPT_STR, .off = offsetof(struct gateway_map, listen), .metavar = "ADDRESS:PORT", .help = "where" },
    { .name = "routes", .type = BT_OPT_CUSTOM, .parse = parse_routes, .off = offsetof(struct gateway_map, routes),
      .help = "names and what they lead to" },
    { 0 } };

static int parse_gateway(const struct bt_opt *opt, struct bt_opt_ctx *ctx, struct bt_err *err)
{
    struct bt_spec *s = ctx->target;
    struct gateway_map m = { 0 };
    s->gateway = ctx->node;
    if (ctx->node->kind != BT_NODE_MAP) {
        bt_node_err(err, ctx->doc, ctx->node, "%s: want a map, not %s", opt->name, bt_node_kind_name(ctx->node));
        return bt_err_hint(err, "gateway: {listen: 127.0.0.1:8000}");
    }
    if (bt_opt_map(gateway_opts, ctx->arena, ctx->doc, ctx->node, &m, err) < 0)
        return -1;
    const char *colon = m.listen ? strrchr(m.listen, ':') : NULL;
    uint64_t port;
    struct bt_err inner = { 0 };
    if (m.listen && (!colon || colon == m.listen || bt_u64_parse(bt_str(colon + 1), 1, 65535, &port, &inner) < 0)) {
        bt_node_err(err, ctx->doc, bt_node_get(ctx->node, "listen"), "gateway: listen: \"%.60s\": want ADDRESS:PORT", m.listen);
        return bt_err_hint(err, "127.0.0.1:8000");
    }
    return 0;
}

static int parse_nothing(const struct bt_opt *opt, struct bt_opt_ctx *ctx, struct bt_err *err)
{
    (void)opt, (void)ctx, (void)err;                 /* variant.c has read it before */
    return 0;
}

static const struct bt_opt spec_opts[] = {
    { .name = "gateway", .type = BT_OPT_CUSTOM, .parse = parse_gateway, .off = AT(gateway),
      .help = "one OpenAI-compatible front: listen, routes, cache", .example = "{listen: 127.0.0.1:8000}" },
    { .name = "gpus", .type = BT_OPT_CUSTOM, .parse = parse_gpus, .off = AT(gpus), .help = "auto, [0,1], 4xA100-SXM4-40GB, fleet.json",
          .example = "4xA100-SXM4-40GB" },
    { .name = "margin", .type = BT_OPT_BYTES, .off = AT(margin_bytes), .def = "512MiB", .max = 64.0 * (1 << 30), .help = "left free on every card",
          .example = "512MiB" },
    { .name = "name", .type = BT_OPT_CUSTOM, .parse = parse_name, .off = AT(name), .help = "of the project", .example = "my-project" },
    { .name = "phases", .type = BT_OPT_CUSTOM, .parse = parse_phases, .off = AT(phases), .help = "one after the other", .example = "[generate, extract]" },
    { .name = "variants", .type = BT_OPT_CUSTOM, .parse = parse_nothing, .off = AT(variants), .help = "named overlays of workloads",
          .example = "{NAME: {workloads: {...}}}" },
    { .name = "workloads", .type = BT_OPT_CUSTOM, .parse = parse_workloads, .off = AT(w), .help = "what runs",
          .example = "{llm: {engine: vllm, model: Qwen/Qwen2.5-7B-Instruct}}" },
    { 0 } };

const struct bt_opt *bt_spec_keys(void) { return spec_opts; }

static int read_tables(struct spec_reading *r, struct bt_err *err)
{
    struct bt_spec *s = r->s;
    bt_opt_defaults(spec_opts, r->a, s);
    if (bt_opt_map(spec_opts, r->a, &s->doc, &s->doc.root, s, err) < 0)
        return -1;
    if (!s->name) {
        bt_node_err(err, &s->doc, &s->doc.root, "`name` is missing");
        return bt_err_hint(err, "name: my-project");
    }
    const struct bt_node *all = bt_node_get(&s->doc.root, "workloads");
    if (!all) {
        bt_node_err(err, &s->doc, &s->doc.root, "`workloads` is missing");
        return bt_err_hint(err, "workloads: {llm: {engine: vllm, model: Qwen/Qwen2.5-7B-Instruct}}");
    }
    s->gpus = s->gpus ? s->gpus : "auto";
    s->n = all->n;
    s->w = BT_NEWN(r->a, struct bt_workload, s->n);
    for (size_t i = 0; i < s->n; i++) {
        if (spec_workload(r, all->keys[i].text, &all->items[i], &s->w[i], err) < 0)
            return -1;
        s->w[i].at = spec_mark(&all->keys[i]);
    }
    return 0;
}

static int read_all(struct spec_reading *r, struct bt_str text, struct bt_err *err)
{
    struct bt_spec *s = r->s;
    if (bt_yaml_parse(r->a, s->path, text, &s->doc, err) < 0)
        return -1;
    if (s->doc.root.kind != BT_NODE_MAP) {
        if (s->doc.root.kind == BT_NODE_NULL) {
            bt_err_set(err, BT_E_SPEC, 0, "%s: it is empty", s->path);
            return bt_err_hint(err, "name: my-project, and workloads: {llm: {engine: vllm, model: Qwen/Qwen2.5-7B-Instruct}}");
        }
        bt_node_err(err, &s->doc, &s->doc.root, "a spec is a map, not %s", bt_node_kind_name(&s->doc.root));
        return bt_err_hint(err, "name: my-project, and workloads: {llm: {engine: vllm, model: Qwen/Qwen2.5-7B-Instruct}}");
    }
    if (spec_apply_variant(r, err) < 0 || spec_expand(r, err) < 0 || read_tables(r, err) < 0)
        return -1;
    if (spec_check_variants(r, bt_node_get(&s->doc.root, "variants"), err) < 0 || spec_check(r, err) < 0)
        return -1;
    spec_later(r);
    return 0;
}

int bt_spec_parse(struct bt_arena *a, const char *name, const char *dir, struct bt_str text, const struct bt_spec_opts *o, struct bt_spec **out,
                  struct bt_err *err)
{
    struct bt_spec *s = BT_NEW(a, struct bt_spec);
    struct spec_reading r = { .a = a, .s = s, .o = o };
    s->path = bt_arena_strdup(a, name);
    s->dir = bt_path_abs(a, NULL, dir ? dir : ".");
    bt_hash_init(&r.digest);
    bt_hash_add(&r.digest, text.p, text.n);
    int rc = read_all(&r, text, err);
    struct bt_digest d;
    bt_hash_end(&r.digest, &d);
    if (rc < 0) {
        if (err->code != BT_E_TOO_BIG)
            err->code = BT_E_SPEC;
        return -1;
    }
    s->digest = bt_arena_strdup(a, d.hex);
    *out = s;
    return 0;
}

int bt_spec_read(struct bt_arena *a, const char *path, const struct bt_spec_opts *o, struct bt_spec **out, struct bt_err *err)
{
    struct bt_str text;
    if (bt_file_read(a, path, MAX_SPEC, &text, err) < 0) {
        if (err->code == BT_E_NOT_FOUND)
            bt_err_hint(err, "-f FILE names the spec; the default is ./berth.yaml");
        if (err->sys == EISDIR) {
            err->code = BT_E_SPEC;
            const char *inside = bt_arena_printf(a, "%s%sberth.yaml", path, path[strlen(path) - 1] == '/' ? "" : "/");
            bt_err_hint(err, bt_file_exists(inside) ? "-f %s" : "-f FILE names the spec; there is no %s", inside);
        }
        return bt_err_wrap(err, "read the spec");
    }
    return bt_spec_parse(a, path, bt_path_dir(a, path), text, o, out, err);
}

const struct bt_workload *bt_spec_find(const struct bt_spec *s, const char *name)
{
    for (size_t i = 0; i < s->n; i++)
        if (!strcmp(s->w[i].name, name))
            return &s->w[i];
    return NULL;
}

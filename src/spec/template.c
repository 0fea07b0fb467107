/* template - ${...} in scalars, expanded after parsing so that a value can never change the shape of the document. */
#include <ctype.h>

#include "spec/spec_int.h"

#define MAX_SCALAR (64 * KiB)

struct place {                       /* where in the tree a scalar stands */
    int names_at;                    /* depth of the map whose keys are names of workloads; 0 = in none */
    const char *workload, *key;      /* "llm", "command"; NULL elsewhere */
    const struct bt_node *map;       /* the workload's own map */
};

static const char *environment(const struct spec_reading *r, const char *name)
{
    return r->o && r->o->getenv ? r->o->getenv(r->o->ctx, name) : getenv(name);
}

/* Where text is only passed on to a process: names known at run time make sense there and nowhere else. */
static bool runtime_place(const struct place *p)
{
    static const char *const keys[] = { "command", "args", "env" };
    for (size_t i = 0; p->key && i < BT_LEN(keys); i++)
        if (!strcmp(p->key, keys[i]))
            return true;
    return false;
}

static int need_runtime_place(const struct bt_doc *doc, const struct bt_node *at, const struct place *p, struct bt_str body, struct bt_err *err)
{
    if (runtime_place(p))
        return 0;
    bt_node_err(err, doc, at, "${%.*s} is known only when workloads run", BT_STR(body));
    return bt_err_hint(err, "use it in `command`, `args` or `env` of a workload");
}

static int put_workload(struct spec_reading *r, const struct bt_node *at, const struct place *p, struct bt_str body, struct bt_buf *out,
                        struct bt_err *err)
{
    struct bt_spec *s = r->s;
    struct bt_str name, field = bt_str_cut((struct bt_str){ body.p + 10, body.n - 10 }, '.', &name);
    const char *z = bt_arena_strndup(r->a, name);
    const struct bt_node *all = bt_node_get(&s->doc.root, "workloads");
    bool elsewhere = (p->names_at > 1 || r->expands_plain) && spec_strs_has(&r->names, z);       /* the variant applied may have taken z away */
    if (!elsewhere && (!all || all->kind != BT_NODE_MAP || !bt_node_get(all, z))) {
        bt_node_err(err, &s->doc, at, "${%.*s}: there is no workload \"%.60s\"", BT_STR(body), z);
        const char **names = BT_NEWN(r->a, const char *, all ? all->n + 1 : 1);
        for (size_t i = 0; all && all->kind == BT_NODE_MAP && i < all->n; i++)
            names[i] = all->keys[i].text;
        const char *near = all && all->kind == BT_NODE_MAP ? bt_str_nearest(name, names, all->n) : NULL;
        near = near ? near : names[0];
        return near ? bt_err_hint(err, "${workloads.%.60s.url}", near) : bt_err_hint(err, "name it under `workloads`");
    }
    if (!bt_str_eq(field, "url")) {
        bt_node_err(err, &s->doc, at, "${%.*s}: a workload has no \"%.*s\" here", BT_STR(body), BT_STR(field));
        return bt_err_hint(err, "${workloads.%s.url}", z);
    }
    if (p->workload && !strcmp(p->workload, z)) {
        bt_node_err(err, &s->doc, at, "${%.*s}: a workload cannot be given its own URL before it listens", BT_STR(body));
        return bt_err_hint(err, "its port is {port}");
    }
    bt_buf_printf(out, "{url:%s}", z);
    return need_runtime_place(&s->doc, at, p, body, err);
}

static int put_job(struct spec_reading *r, const struct bt_node *at, const struct place *p, struct bt_str body, struct bt_buf *out,
                   struct bt_err *err)
{
    struct bt_str key = { body.p + 4, body.n - 4 };
    const struct bt_node *matrix = p->map ? bt_node_get(p->map, "matrix") : NULL;
    const char *known[34] = { "shard", "shards" };
    size_t n = 2;
    for (size_t i = 0; matrix && matrix->kind == BT_NODE_MAP && i < matrix->n && n < BT_LEN(known); i++)
        known[n++] = matrix->keys[i].text;
    for (size_t i = 0; i < n; i++)
        if (bt_str_eq(key, known[i])) {
            bt_buf_printf(out, "{%.*s}", BT_STR(body));             /* the plan file's placeholder, filled for each task */
            return need_runtime_place(&r->s->doc, at, p, body, err);
        }
    bt_node_err(err, &r->s->doc, at, "${%.*s}: the job has no \"%.*s\" in its `matrix`", BT_STR(body), BT_STR(key));
    const char *near = bt_str_nearest(key, known, n);
    return bt_err_hint(err, "${job.%s}", near ? near : n > 2 ? known[2] : "shard");
}

static bool is_env_name(struct bt_str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!isalnum((unsigned char)s.p[i]) && s.p[i] != '_')
            return false;
    return s.n > 0 && !isdigit((unsigned char)s.p[0]);
}

/* Values with such names would be written into plan and journal, where no secret may stand. */
static bool looks_secret(struct bt_str name)
{
    static const char *const ends[] = { "TOKEN", "SECRET", "PASSWORD", "API_KEY", "ACCESS_KEY", "PRIVATE_KEY" };
    for (size_t i = 0; i < BT_LEN(ends); i++)
        if (bt_str_ends(name, ends[i]))
            return true;
    return false;
}

static int put_variable(struct spec_reading *r, const struct bt_node *at, struct bt_str body, struct bt_buf *out, struct bt_err *err)
{
    struct bt_str name = body, def = { 0 };
    for (size_t i = 0; i + 1 < body.n; i++)
        if (body.p[i] == ':' && body.p[i + 1] == '-') {
            name.n = i;
            def = (struct bt_str){ body.p + i + 2, body.n - i - 2 };
            break;
        }
    const struct bt_doc *doc = &r->s->doc;
    if (!is_env_name(name)) {
        bt_node_err(err, doc, at, "unknown template ${%.*s}", (int)BT_MIN(body.n, (size_t)80), body.p);
        return bt_err_hint(err, "${VAR}, ${VAR:-default}, ${workloads.NAME.url}, ${gateway.url}, ${job.KEY}; $$ is a dollar sign");
    }
    if (looks_secret(name)) {
        bt_node_err(err, doc, at, "${%.*s}: a secret would be written into the plan", BT_STR(name));
        return bt_err_hint(err, "workloads get the environment of `berth up` anyway; under `env`, `%.*s: ${%.*s}` says that it must be set",
                           BT_STR(name), BT_STR(name));
    }
    const char *z = bt_arena_strndup(r->a, name), *value = environment(r, z);
    if (!value && !def.p) {
        bt_node_err(err, doc, at, "${%s} is not set in the environment", z);
        return bt_err_hint(err, "export %s=..., or write ${%s:-default}", z, z);
    }
    if (!value || (!value[0] && def.p))              /* as the shell: ":-" also replaces an empty value */
        value = bt_arena_strndup(r->a, def);
    bt_auto_buf struct bt_buf safe = BT_BUF(2 * MAX_SCALAR);
    bt_buf_add_escaped(&safe, bt_str(value));
    if (strcmp(bt_buf_z(&safe), value)) {            /* plan and journal are JSON: UTF-8, and no control bytes */
        bt_node_err(err, doc, at, "${%s}: its value in the environment is not plain text", z);
        return bt_err_hint(err, "export %s=... in UTF-8, on one line", z);
    }
    bt_buf_puts(out, value);
    bt_hash_add(&r->digest, z, name.n + 1);
    bt_hash_add(&r->digest, value, strlen(value) + 1);
    return 0;
}

static int put_template(struct spec_reading *r, const struct bt_node *at, const struct place *p, struct bt_str body, struct bt_buf *out,
                        struct bt_err *err)
{
    if (bt_str_starts(body, "workloads."))
        return put_workload(r, at, p, body, out, err);
    if (bt_str_starts(body, "job."))
        return put_job(r, at, p, body, out, err);
    if (bt_str_eq(body, "gateway.url")) {
        if (!bt_node_get(&r->s->doc.root, "gateway")) {
            bt_node_err(err, &r->s->doc, at, "${gateway.url}: the spec has no `gateway`");
            return bt_err_hint(err, "add `gateway: {listen: 127.0.0.1:8000}`, or use ${workloads.NAME.url}");
        }
        bt_buf_puts(out, "${gateway.url}");
        return need_runtime_place(&r->s->doc, at, p, body, err);
    }
    return put_variable(r, at, body, out, err);
}

static int expand_scalar(struct spec_reading *r, struct bt_node *n, const struct place *p, struct bt_err *err)
{
    if (!strchr(n->text, '$'))
        return 0;
    bt_auto_buf struct bt_buf out = BT_BUF(MAX_SCALAR);
    for (const char *c = n->text; *c; ) {
        if (c[0] == '$' && c[1] == '$') {
            bt_buf_puts(&out, "$");
            c += 2;
        } else if (c[0] == '$' && c[1] == '{') {
            const char *end = strchr(c, '}');
            if (!end) {
                bt_node_err(err, &r->s->doc, n, "\"%.60s\": a ${ without its }", c);
                return bt_err_hint(err, "$$ is a dollar sign");
            }
            if (put_template(r, n, p, (struct bt_str){ c + 2, (size_t)(end - c - 2) }, &out, err) < 0)
                return -1;
            c = end + 1;
        } else {
            bt_buf_add(&out, c++, 1);
        }
    }
    if (out.over) {
        bt_node_err(err, &r->s->doc, n, "the value is past %u KiB once expanded", (unsigned)(MAX_SCALAR / KiB));
        return bt_err_hint(err, "put it into a file, and name the file");
    }
    n->text = bt_arena_strdup(r->a, bt_buf_z(&out));
    return 0;
}

static int expand(struct spec_reading *r, struct bt_node *n, struct place p, int depth, struct bt_err *err);

/* What stands below `key` of a map at `depth`. Workloads are maps of maps; variants hold maps of workloads, one deeper. */
static struct place below(const struct spec_reading *r, struct place p, const char *key, int depth)
{
    if (depth == 0)
        p.names_at = !strcmp(key, "workloads") ? 1 : !strcmp(key, "variants") ? 2 : 0;
    else if (p.names_at == 2 && depth == 2 && !strcmp(key, "workloads") && !spec_strs_has(&r->names, key))
        p.names_at = 3;                              /* variants.NAME.workloads */
    else if (p.names_at && depth == p.names_at)
        p = (struct place){ .names_at = p.names_at, .workload = key, .map = bt_node_get(bt_node_get(&r->s->doc.root, "workloads"), key) };
    else if (p.workload && depth == p.names_at + 1)
        p.key = key;
    return p;
}

/* KEY: ${KEY} under `env` stays a reference: the value never reaches plan or journal. */
static bool env_reference(const struct place *in, const char *key, const struct bt_node *v, int depth)
{
    size_t n = strlen(key);
    return in->key && !strcmp(in->key, "env") && depth == in->names_at + 2 && v->kind == BT_NODE_SCALAR && strlen(v->text) == n + 3
        && !strncmp(v->text, "${", 2) && !strncmp(v->text + 2, key, n) && v->text[n + 2] == '}';
}

static int expand_map(struct spec_reading *r, struct bt_node *n, struct place p, int depth, struct bt_err *err)
{
    for (size_t i = 0; i < n->n; i++) {
        const char *key = n->keys[i].text;
        struct bt_node *v = &n->items[i];
        if (!strncmp(key, "x-", 2) && !p.key)        /* free for anchors: nobody reads it */
            continue;
        struct place in = below(r, p, key, depth);
        if (!env_reference(&in, key, v, depth)) {
            if (expand(r, v, in, depth + 1, err) < 0)
                return -1;
        } else if (!environment(r, key)) {
            bt_node_err(err, &r->s->doc, v, "${%s} is not set in the environment", key);
            return bt_err_hint(err, "export %s=...", key);
        }
    }
    return 0;
}

static int expand(struct spec_reading *r, struct bt_node *n, struct place p, int depth, struct bt_err *err)
{
    if (n->kind == BT_NODE_SCALAR)
        return expand_scalar(r, n, &p, err);
    if (n->kind == BT_NODE_MAP)
        return expand_map(r, n, p, depth, err);
    for (size_t i = 0; n->kind == BT_NODE_SEQ && i < n->n; i++)
        if (expand(r, &n->items[i], p, depth + 1, err) < 0)
            return -1;
    return 0;
}

/* The workloads before a variant, for the check of the others. What cannot be expanded there (the variant may have replaced it) is left out of that. */
static void expand_plain(struct spec_reading *r)
{
    struct bt_err ignored = { 0 };
    struct bt_node key = { .kind = BT_NODE_SCALAR, .text = "workloads" }, root = { .kind = BT_NODE_MAP, .keys = &key, .items = &r->plain, .n = 1 };
    r->expands_plain = true;
    if (r->plain.n && expand(r, &root, (struct place){ 0 }, 0, &ignored) < 0)
        r->plain = (struct bt_node){ 0 };
    r->expands_plain = false;
}

int spec_expand(struct spec_reading *r, struct bt_err *err)
{
    expand_plain(r);
    return expand(r, &r->s->doc.root, (struct place){ 0 }, 0, err);
}

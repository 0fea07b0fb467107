/* yaml.c - libfyaml's document as a bt_node tree: aliases expanded within a bound, merge keys applied, cycles refused. */
#include <libfyaml.h>
#include <stdio.h>

#include "base/node.h"

enum { MAX_TEXT = 4 << 20, MAX_DEPTH = 64, MAX_NODES = 100000 };

struct reader {
    struct bt_arena *a;
    struct fy_document *fyd;
    struct bt_doc *doc;
    struct bt_err *err;
    size_t nodes;
    unsigned depth;
};

/* A scalar has a token of its own; a list or map begins where its first key or item does (libfyaml 0.7 keeps no other mark). */
static void mark_scalar(struct fy_node *n, struct bt_node *out)
{
    struct fy_token *t = fy_node_get_scalar_token(n);
    const struct fy_mark *m = t ? fy_token_start_mark(t) : NULL;
    if (m) {
        out->line = (unsigned)m->line + 1;
        out->col = (unsigned)m->column + 1;
    }
}

static void mark_first(struct bt_node *out)
{
    const struct bt_node *first = !out->n ? NULL : out->keys ? &out->keys[0] : &out->items[0];
    if (first && !out->line) {
        out->line = first->line;
        out->col = first->col;
    }
}

static int read_node(struct reader *r, struct fy_node *n, struct bt_node *out);

static int read_scalar(struct reader *r, struct fy_node *n, struct bt_node *out)
{
    size_t len;
    const char *p = fy_node_get_scalar(n, &len);
    enum fy_node_style style = fy_node_get_style(n);
    out->kind = BT_NODE_SCALAR;
    out->quoted = style == FYNS_SINGLE_QUOTED || style == FYNS_DOUBLE_QUOTED || style == FYNS_LITERAL || style == FYNS_FOLDED;
    if (p && memchr(p, 0, len))
        return bt_node_err(r->err, r->doc, out, "a NUL character is not allowed");
    out->text = bt_arena_strndup(r->a, (struct bt_str){ p ? p : "", p ? len : 0 });
    if (!out->quoted && (!out->text[0] || !strcmp(out->text, "null") || !strcmp(out->text, "~") || !strcmp(out->text, "Null") || !strcmp(out->text, "NULL")))
        out->kind = BT_NODE_NULL;
    return 0;
}

static int read_seq(struct reader *r, struct fy_node *n, struct bt_node *out)
{
    int count = fy_node_sequence_item_count(n);
    void *it = NULL;
    out->kind = BT_NODE_SEQ;
    out->items = BT_NEWN(r->a, struct bt_node, count > 0 ? (size_t)count : 0);
    for (struct fy_node *item; (item = fy_node_sequence_iterate(n, &it)) && out->n < (size_t)count;)
        if (read_node(r, item, &out->items[out->n++]) < 0)
            return -1;
    return 0;
}

static bool has_key(const struct bt_node *map, const char *key)
{
    return bt_node_get(map, key) != NULL;
}

static void add_pair(struct reader *r, struct bt_node *map, const struct bt_node *key, const struct bt_node *value)
{
    size_t n = map->n, m = map->n;
    BT_PUSH(r->a, map->keys, n, *key);
    BT_PUSH(r->a, map->items, m, *value);
    map->n = n;
}

/* "<<": a map, or a list of maps; keys written in the map itself win, earlier maps win over later ones. */
static int merge(struct reader *r, struct bt_node *map, const struct bt_node *from)
{
    if (from->kind == BT_NODE_SEQ) {
        for (size_t i = 0; i < from->n; i++)
            if (merge(r, map, &from->items[i]) < 0)
                return -1;
        return 0;
    }
    if (from->kind != BT_NODE_MAP)
        return bt_node_err(r->err, r->doc, from, "<<: wants a map or a list of maps, not %s", bt_node_kind_name(from));
    for (size_t i = 0; i < from->n; i++)
        if (!has_key(map, from->keys[i].text)) {
            if (++r->nodes > MAX_NODES)
                return bt_node_err(r->err, r->doc, from, "aliases expand to more than %d values", MAX_NODES);
            add_pair(r, map, &from->keys[i], &from->items[i]);
        }
    return 0;
}

static int read_map(struct reader *r, struct fy_node *n, struct bt_node *out)
{
    struct bt_node merges[16];
    size_t nmerges = 0;
    void *it = NULL;
    out->kind = BT_NODE_MAP;
    for (struct fy_node_pair *p; (p = fy_node_mapping_iterate(n, &it));) {
        struct bt_node key = { 0 }, value = { 0 };
        struct fy_node *k = fy_node_pair_key(p), *v = fy_node_pair_value(p);
        if (!k || fy_node_get_type(k) != FYNT_SCALAR || fy_node_is_alias(k))
            return bt_node_err(r->err, r->doc, out, "a key must be a plain word");
        if (read_node(r, k, &key) < 0)
            return -1;
        if (key.kind == BT_NODE_NULL)
            key.text = "";
        key.kind = BT_NODE_SCALAR;
        if (v ? read_node(r, v, &value) < 0 : 0)
            return -1;
        if (!v || !value.line)
            value.line = key.line, value.col = key.col;
        if (!strcmp(key.text, "<<") && !key.quoted) {
            if (nmerges == BT_LEN(merges))
                return bt_node_err(r->err, r->doc, &key, "more than %zu merge keys in one map", BT_LEN(merges));
            merges[nmerges++] = value;
        } else if (has_key(out, key.text))
            return bt_node_err(r->err, r->doc, &key, "key \"%s\" is there twice", key.text);
        else
            add_pair(r, out, &key, &value);
    }
    for (size_t i = 0; i < nmerges; i++)
        if (merge(r, out, &merges[i]) < 0)
            return -1;
    return 0;
}

static int read_alias(struct reader *r, struct fy_node *n, struct bt_node *out)
{
    mark_scalar(n, out);
    struct fy_node *to = fy_node_resolve_alias(n);
    size_t len;
    const char *name = fy_node_get_scalar(n, &len);
    if (!to)
        return bt_node_err(r->err, r->doc, out, "alias *%.*s: there is no such anchor", (int)(name ? len : 0), name ? name : "");
    for (struct fy_node *up = n; up; up = fy_node_get_parent(up))
        if (up == to)
            return bt_node_err(r->err, r->doc, out, "alias *%.*s contains itself", (int)(name ? len : 0), name ? name : "");
    unsigned line = out->line, col = out->col;
    if (read_node(r, to, out) < 0)
        return -1;
    out->line = line;                /* an error in an alias is best shown where it is used */
    out->col = col;
    return 0;
}

static int read_node(struct reader *r, struct fy_node *n, struct bt_node *out)
{
    if (++r->nodes > MAX_NODES)
        return bt_node_err(r->err, r->doc, out, "aliases expand to more than %d values", MAX_NODES);
    if (r->depth >= MAX_DEPTH)
        return bt_node_err(r->err, r->doc, out, "nested deeper than %d levels", MAX_DEPTH);
    r->depth++;
    int rc;
    if (fy_node_is_alias(n))
        rc = read_alias(r, n, out);
    else {
        enum fy_node_type t = fy_node_get_type(n);
        if (t == FYNT_SCALAR)
            mark_scalar(n, out);
        rc = t == FYNT_SCALAR ? read_scalar(r, n, out) : t == FYNT_SEQUENCE ? read_seq(r, n, out) : read_map(r, n, out);
        if (rc == 0)
            mark_first(out);
    }
    r->depth--;
    return rc;
}

/* libfyaml's first complaint as "name:line:col: text". */
static int diag_error(struct fy_diag *diag, const char *name, struct bt_err *err)
{
    void *it = NULL;
    struct fy_diag_error *e = diag ? fy_diag_errors_iterate(diag, &it) : NULL;
    if (!e)
        return bt_err_set(err, BT_E_SPEC, 0, "%s: not valid", name);
    struct bt_buf b = BT_BUF(400);
    bt_buf_add_escaped(&b, bt_str_trim(bt_str(e->msg ? e->msg : "not valid")));
    bt_err_set(err, BT_E_SPEC, 0, "%s:%d:%d: %s", name, e->line + 1, e->column + 1, bt_buf_z(&b));
    bt_buf_release(&b);
    return -1;
}

/* A tab in the indentation is the commonest mistake and the parsers' worst message. */
static int refuse_tabs(const char *name, struct bt_str text, struct bt_err *err)
{
    unsigned line = 1;
    for (struct bt_str rest = text, one; rest.p; line++) {
        rest = bt_str_cut(rest, '\n', &one);
        size_t i = 0;
        while (i < one.n && one.p[i] == ' ')
            i++;
        if (i < one.n && one.p[i] == '\t' && bt_str_trim(one).n && bt_str_trim(one).p[0] != '#') {
            bt_err_set(err, BT_E_SPEC, 0, "%s:%u:%zu: a tab in the indentation", name, line, i + 1);
            return bt_err_hint(err, "YAML indents with blanks");
        }
    }
    return 0;
}

/* Bytes that no text of ours holds, and nesting that would make the parser recurse too deep. */
static int refuse_hostile(const char *name, struct bt_str text, struct bt_err *err)
{
    unsigned depth = 0, line = 1;
    if (text.n > MAX_TEXT)
        return bt_err_set(err, BT_E_TOO_BIG, 0, "%s: %zu bytes; at most %d are read", name, text.n, MAX_TEXT);
    for (size_t i = 0; i < text.n; i++) {
        char c = text.p[i];
        line += c == '\n';
        if (!c)
            return bt_err_set(err, BT_E_SPEC, 0, "%s:%u: a NUL byte: not a text file", name, line);
        if (c == '[' || c == '{')
            depth++;
        else if ((c == ']' || c == '}') && depth)
            depth--;
        if (depth > 4 * MAX_DEPTH)
            return bt_err_set(err, BT_E_SPEC, 0, "%s:%u: nested deeper than %d levels", name, line, MAX_DEPTH);
    }
    return 0;
}

static int parse(struct bt_arena *a, const char *name, struct bt_str text, bool json, struct bt_doc *out, struct bt_err *err)
{
    if (refuse_hostile(name, text, err) < 0 || (!json && refuse_tabs(name, text, err) < 0))
        return -1;
    struct fy_diag_cfg dc;
    fy_diag_cfg_default(&dc);
    dc.fp = NULL;
    dc.level = FYET_ERROR;
    struct fy_diag *diag = fy_diag_create(&dc);
    fy_diag_set_collect_errors(diag, true);
    struct fy_parse_cfg cfg = { .flags = FYPCF_QUIET | (json ? FYPCF_JSON_FORCE : FYPCF_JSON_NONE), .diag = diag };
    const char *copy = bt_arena_strndup(a, text);    /* libfyaml wants a buffer that outlives the document */
    struct fy_document *fyd = fy_document_build_from_string(&cfg, copy, text.n);
    int rc = -1;
    *out = (struct bt_doc){ .name = bt_arena_strdup(a, name) };
    if (!fyd)
        diag_error(diag, name, err);
    else {
        struct reader r = { .a = a, .fyd = fyd, .doc = out, .err = err };
        struct fy_node *root = fy_document_root(fyd);
        rc = root ? read_node(&r, root, &out->root) : 0;
    }
    fy_document_destroy(fyd);
    fy_diag_destroy(diag);
    return rc;
}

int bt_yaml_parse(struct bt_arena *a, const char *name, struct bt_str text, struct bt_doc *out, struct bt_err *err)
{
    return parse(a, name, text, false, out, err);
}

int bt_json_parse(struct bt_arena *a, const char *name, struct bt_str text, struct bt_doc *out, struct bt_err *err)
{
    return parse(a, name, text, true, out, err);
}

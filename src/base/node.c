/* node.c - the tree itself; JSON into it. YAML is in yaml.c. */
#include "base/node.h"

#include <stdarg.h>
#include <stdio.h>
#include <strings.h>

#include "base/json.h"
#include "base/node_int.h"
#include "base/units.h"

const struct bt_node *bt_node_get(const struct bt_node *map, const char *key)
{
    if (!map || map->kind != BT_NODE_MAP)
        return NULL;
    for (size_t i = 0; i < map->n; i++)
        if (!strcmp(map->keys[i].text, key))
            return &map->items[i];
    return NULL;
}

const char *bt_node_kind_name(const struct bt_node *n)
{
    switch (n ? n->kind : BT_NODE_NULL) {
    case BT_NODE_SEQ: return "a list";
    case BT_NODE_MAP: return "a map";
    case BT_NODE_NULL: return "nothing";
    case BT_NODE_SCALAR: break;
    }
    struct bt_err ignored;
    double d;
    if (n->quoted)
        return "a string";
    if (bt_f64_parse(bt_str(n->text), -1e300, 1e300, &d, &ignored) == 0)
        return "a number";
    if (!strcasecmp(n->text, "true") || !strcasecmp(n->text, "false"))
        return "true or false";
    return "a word";
}

int bt_node_err(struct bt_err *err, const struct bt_doc *doc, const struct bt_node *at, const char *fmt, ...)
{
    char text[sizeof err->msg];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (at && at->line)
        return bt_err_set(err, BT_E_SPEC, 0, "%s:%u:%u: %s", doc->name, at->line, at->col, text);
    return bt_err_set(err, BT_E_SPEC, 0, "%s: %s", doc->name, text);
}

int bt_text_err(struct bt_err *err, const char *name, unsigned line, unsigned col, const char *what)
{
    return bt_err_set(err, BT_E_SPEC, 0, "%s:%u:%u: %s", name, line, col, what);
}

/* ---- JSON: jansson reads and judges, we walk the same text beside it for the marks ---- */

struct walk {
    struct bt_arena *a;
    const char *p, *end, *counted;   /* columns are counted up to here, always forward: one long line is no worse than many */
    unsigned line, col;
    size_t nodes;
};

static void skip_blanks(struct walk *w)
{
    for (; w->p < w->end && strchr(" \t\r\n,:", *w->p); w->p++)    /* jansson has checked where , and : stand */
        if (*w->p == '\n') {
            w->line++;
            w->counted = w->p + 1;
            w->col = 1;
        }
}

/* Columns count characters: bytes that do not continue a UTF-8 sequence. */
static unsigned column(struct walk *w)
{
    for (; w->counted < w->p; w->counted++)
        w->col += ((unsigned char)*w->counted & 0xc0) != 0x80;
    return w->col;
}

static void skip_string(struct walk *w)
{
    for (w->p++; w->p < w->end && *w->p != '"'; w->p++)
        if (*w->p == '\\')
            w->p++;
    w->p++;
}

static struct bt_node mark(struct walk *w, enum bt_node_kind kind)
{
    skip_blanks(w);
    w->nodes++;
    return (struct bt_node){ .kind = kind, .line = w->line, .col = column(w) };
}

static struct bt_node walk_value(struct walk *w, const json_t *v);

static struct bt_node walk_object(struct walk *w, const json_t *v)
{
    struct bt_node n = mark(w, BT_NODE_MAP);
    const char *key;
    json_t *item;
    n.keys = BT_NEWN(w->a, struct bt_node, json_object_size(v));
    n.items = BT_NEWN(w->a, struct bt_node, json_object_size(v));
    w->p++;
    json_object_foreach((json_t *)v, key, item) {        /* jansson keeps the order of the text */
        struct bt_node k = mark(w, BT_NODE_SCALAR);
        k.quoted = true;
        k.text = bt_arena_strdup(w->a, key);
        skip_string(w);
        n.keys[n.n] = k;
        n.items[n.n++] = walk_value(w, item);
    }
    skip_blanks(w);
    w->p++;
    return n;
}

static struct bt_node walk_value(struct walk *w, const json_t *v)
{
    if (json_is_object(v))
        return walk_object(w, v);
    if (json_is_array(v)) {
        struct bt_node n = mark(w, BT_NODE_SEQ);
        n.items = BT_NEWN(w->a, struct bt_node, json_array_size(v));
        w->p++;
        for (size_t i = 0; i < json_array_size(v); i++)
            n.items[n.n++] = walk_value(w, json_array_get(v, i));
        skip_blanks(w);
        w->p++;
        return n;
    }
    struct bt_node n = mark(w, json_is_null(v) ? BT_NODE_NULL : BT_NODE_SCALAR);
    if (json_is_string(v)) {
        n.quoted = true;
        n.text = bt_arena_strdup(w->a, json_string_value(v));
        skip_string(w);
        return n;
    }
    const char *start = w->p;        /* numbers keep their digits as written */
    while (w->p < w->end && !strchr(" \t\r\n,]}", *w->p))
        w->p++;
    n.text = bt_arena_strndup(w->a, (struct bt_str){ start, (size_t)(w->p - start) });
    return n;
}

int bt_json_parse(struct bt_arena *a, const char *name, struct bt_str text, struct bt_doc *out, struct bt_err *err)
{
    json_error_t je;
    if (text.n > BT_NODE_TEXT_MAX)
        return bt_err_set(err, BT_E_TOO_BIG, 0, "%s: %zu bytes, at most %d are read", name, text.n, BT_NODE_TEXT_MAX);
    unsigned deep_line;
    if (bt_json_depth(text, &deep_line) > BT_NODE_DEPTH_MAX)
        return bt_text_err(err, name, deep_line, 1, "nested deeper than 64 levels");
    json_t *v = json_loadb(text.n ? text.p : "", text.n, JSON_REJECT_DUPLICATES, &je);
    if (!v) {
        bt_auto_buf struct bt_buf why = BT_BUF(1024);
        bt_buf_add_escaped(&why, bt_str(je.text));
        return bt_text_err(err, name, je.line > 0 ? (unsigned)je.line : 1, je.column > 0 ? (unsigned)je.column : 1, bt_buf_z(&why));
    }
    struct walk w = { .a = a, .p = text.p, .end = text.p + text.n, .counted = text.p, .line = 1, .col = 1 };
    *out = (struct bt_doc){ .name = bt_arena_strdup(a, name), .root = walk_value(&w, v) };
    json_decref(v);
    if (w.nodes > BT_NODE_COUNT_MAX)
        return bt_err_set(err, BT_E_TOO_BIG, 0, "%s: more than %d values", name, BT_NODE_COUNT_MAX);
    return 0;
}

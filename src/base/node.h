/* node.h - a parsed YAML or JSON text as one tree with marks, so that every error can say file:line:column.
 *
 * YAML 1.2 core rules for scalars are left to the reader of the value: a scalar keeps its text and whether it was quoted
 * ("null" quoted is a string). Anchors and aliases are expanded within a bound, merge keys (<<) applied, cycles refused. */
#ifndef BT_NODE_H
#define BT_NODE_H
#include "base/arena.h"

enum bt_node_kind { BT_NODE_NULL, BT_NODE_SCALAR, BT_NODE_SEQ, BT_NODE_MAP };

struct bt_node {
    enum bt_node_kind kind;
    bool quoted;                     /* scalar was quoted, or a JSON string */
    unsigned line, col;              /* from 1; 0 = unknown */
    const char *text;                /* scalar: NUL-terminated; embedded NUL is refused at parse */
    struct bt_node *items;           /* seq: values; map: values */
    struct bt_node *keys;            /* map: keys (scalars), same order as items */
    size_t n;
};

struct bt_doc { const char *name; struct bt_node root; };            /* name: what errors call the text */

/* Bounds: 4 MiB of text, depth 64, 100,000 nodes after alias expansion. Tree and strings live in `a`. */
BT_MUST_CHECK int bt_yaml_parse(struct bt_arena *a, const char *name, struct bt_str text, struct bt_doc *out, struct bt_err *err);
BT_MUST_CHECK int bt_json_parse(struct bt_arena *a, const char *name, struct bt_str text, struct bt_doc *out, struct bt_err *err);

const struct bt_node *bt_node_get(const struct bt_node *map, const char *key);        /* NULL if absent or not a map */
const char *bt_node_kind_name(const struct bt_node *n);              /* "a list", "a map", "a number", ... for errors */
/* BT_E_SPEC with "name:line:col: " in front. Returns -1. */
int bt_node_err(struct bt_err *err, const struct bt_doc *doc, const struct bt_node *at, const char *fmt, ...) BT_PRINTF(4, 5);
#endif

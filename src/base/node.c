/* node.c - the parsed tree: look-ups and errors with marks. */
#include "base/node.h"

#include <stdio.h>

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
    if (!n || n->kind == BT_NODE_NULL)
        return "nothing";
    if (n->kind == BT_NODE_SEQ)
        return "a list";
    if (n->kind == BT_NODE_MAP)
        return "a map";
    if (n->quoted)
        return "a string";
    if (!strcmp(n->text, "true") || !strcmp(n->text, "false"))
        return "true or false";
    return n->text[0] && strspn(n->text, "0123456789.-+eE") == strlen(n->text) ? "a number" : "a string";
}

int bt_node_err(struct bt_err *err, const struct bt_doc *doc, const struct bt_node *at, const char *fmt, ...)
{
    char msg[sizeof err->msg];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(msg, sizeof msg, fmt, ap);
    va_end(ap);
    if (at && at->line)
        return bt_err_set(err, BT_E_SPEC, 0, "%s:%u:%u: %.500s", doc->name, at->line, at->col, msg);
    return bt_err_set(err, BT_E_SPEC, 0, "%s: %.500s", doc->name, msg);
}

/* check.h - what must hold for every tree that a parser of ours returned. */
#ifndef FUZZ_CHECK_H
#define FUZZ_CHECK_H
#include <stdio.h>
#include "base/node.h"

#define FUZZ_CHECK(cond) do { \
    if (!(cond)) { \
        fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #cond); \
        abort(); } \
    } while (0)

/* Number of nodes a reader meets; every one has a mark inside the text, keys are strings and unique enough to be found. */
static inline size_t check_tree(const struct bt_node *n, unsigned lines, unsigned depth)
{
    size_t seen = 1;
    FUZZ_CHECK(depth <= 65);
    FUZZ_CHECK(n->line >= 1 && n->line <= lines + 1 && n->col >= 1);
    FUZZ_CHECK(bt_node_kind_name(n)[0]);
    if (n->kind == BT_NODE_SCALAR)
        FUZZ_CHECK(n->text);
    if (n->kind != BT_NODE_SEQ && n->kind != BT_NODE_MAP)
        return seen;
    for (size_t i = 0; i < n->n; i++) {
        if (n->kind == BT_NODE_MAP) {
            FUZZ_CHECK(n->keys[i].kind == BT_NODE_SCALAR && n->keys[i].text);
            if (n->n <= 64)
                FUZZ_CHECK(bt_node_get(n, n->keys[i].text) == &n->items[i]);
            seen++;
        }
        seen += check_tree(&n->items[i], lines, depth + 1);
        FUZZ_CHECK(seen <= 100000);
    }
    return seen;
}

static inline unsigned count_lines(const uint8_t *p, size_t n)
{
    unsigned lines = 1;
    for (size_t i = 0; i < n; i++)
        lines += p[i] == '\n' || p[i] == '\r';
    return lines;
}
#endif

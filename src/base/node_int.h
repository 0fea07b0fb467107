/* node_int.h - what node.c and yaml.c share. */
#ifndef BT_NODE_INT_H
#define BT_NODE_INT_H
#include "base/node.h"

enum { BT_NODE_TEXT_MAX = 4 << 20, BT_NODE_DEPTH_MAX = 64, BT_NODE_COUNT_MAX = 100000 };

/* BT_E_SPEC "name:line:col: what". Returns -1. */
int bt_text_err(struct bt_err *err, const char *name, unsigned line, unsigned col, const char *what);
#endif

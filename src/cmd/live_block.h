/* live_block.h - a table at the end of a terminal's output that is drawn again in its place; what else is printed goes above it. */
#ifndef BT_CMD_LIVE_BLOCK_H
#define BT_CMD_LIVE_BLOCK_H
#include <stdbool.h>

struct bt_live_block { int lines; bool cursor; };    /* lines: of ours that stand above the cursor; cursor: an end of the output that is a terminal */
void bt_live_block_init(struct bt_live_block *k);    /* stdout and stderr on one terminal: else nothing is ever drawn again */
/* In place of what it showed. Lines are cut at the terminal's width; what is taller than the terminal is printed and
 * left, and nothing is drawn again after that. */
void bt_live_block_show(struct bt_live_block *k, const char *text);
void bt_live_block_clear(struct bt_live_block *k);   /* before anything else is printed */
#endif

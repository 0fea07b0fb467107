/* picture.h - a plan drawn: a bar for each card in each phase, and what happens between the phases. One self-contained SVG, no script, no font of its
 * own; readable on light and on dark. Pure: same plan, same bytes. */
#ifndef BT_PICTURE_H
#define BT_PICTURE_H
#include "plan/plan.h"

#define BT_PICTURE_MAX (16 * MiB)
/* Appends to *out. Of a plan that carries refusals: its fleet, empty. */
void bt_plan_svg(const struct bt_plan *p, struct bt_buf *out);
#endif

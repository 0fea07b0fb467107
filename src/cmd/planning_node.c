/* planning_node - which machine of several is meant. */
#include "cmd/planning.h"

int bt_planning_node(struct bt_arena *a, const struct bt_fleet *f, const char *name, size_t *box, struct bt_err *err)
{
    const char **names = BT_NEWN(a, const char *, f->nboxes + 1);
    for (*box = 0; *box < f->nboxes; ++*box) {
        names[*box] = f->box[*box].name;
        if (!strcmp(names[*box], name))
            return 0;
    }
    if (!f->nboxes)
        return bt_err_set(err, BT_E_SPEC, 0, "--node %.60s: this fleet is one machine", name);
    const char *near = bt_str_nearest(bt_str(name), names, f->nboxes);
    bt_err_set(err, BT_E_SPEC, 0, "--node %.60s: the fleet has no such machine: %s to %s", name, names[0], names[f->nboxes - 1]);
    return near ? bt_err_hint(err, "--node %s", near) : -1;
}

/* planning_changes - what an advice changes of a spec, for people: a row for each key and value, who shares it named once. */
#include "cmd/planning.h"

/* "workloads.NAME.KEY": where NAME ends, or NULL for another path. */
static const char *key_of(const char *path)
{
    return strncmp(path, "workloads.", 10) ? NULL : strchr(path + 10, '.');
}

/* Is the change in that row, whose first it was? */
static bool shares(const struct bt_plan_change *first, const struct bt_plan_change *c)
{
    const char *x = key_of(first->path), *y = key_of(c->path);
    return x && y && !strcmp(x, y) && !strcmp(first->value, c->value);
}

size_t bt_planning_changes(struct bt_arena *a, const struct bt_plan_advice *v, const char ***rows)
{
    size_t n = 0, nrows = 0;
    struct bt_plan_change *all = BT_NEWN(a, struct bt_plan_change, v->nmore + 2);
    all[n++] = (struct bt_plan_change){ v->path, v->value };
    if (v->path2)
        all[n++] = (struct bt_plan_change){ v->path2, v->value2 };
    for (size_t i = 0; i < v->nmore; i++)
        all[n++] = v->more[i];
    bool *told = BT_NEWN(a, bool, n);
    *rows = BT_NEWN(a, const char *, n);
    size_t room = 1;                                 /* of all names: a row may have them all */
    for (size_t i = 0; i < n; i++)
        room += strlen(all[i].path) + 2;
    for (size_t i = 0; i < n; i++) {
        bt_auto_buf struct bt_buf b = BT_BUF(room);
        size_t names = 0;
        if (told[i])
            continue;
        for (size_t k = i; k < n; k++)
            if (k == i || shares(&all[i], &all[k])) {
                const char *key = key_of(all[k].path);
                told[k] = true;
                if (key)
                    bt_buf_printf(&b, "%s%.*s", names++ ? ", " : "", (int)(key - all[k].path - 10), all[k].path + 10);
            }
        const char *value = strcmp(all[i].value, "null") ? all[i].value : "left out";
        (*rows)[nrows++] = names > 1 ? bt_arena_printf(a, "workloads.{%s}%s: %s", bt_buf_z(&b), key_of(all[i].path), value)
                                     : bt_arena_printf(a, "%s: %s", all[i].path, value);
    }
    return nrows;
}
